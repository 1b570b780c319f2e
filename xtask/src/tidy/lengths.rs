//! Functions of at most 70 lines, files of at most 500 lines without their tests.

use proc_macro2::Span;
use syn::visit::{self, Visit};

use super::Violation;
use super::source::Source;

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 500;

pub(crate) fn check(source: &Source) -> Vec<Violation> {
    let mut functions = Functions { source, violations: Vec::new() };
    functions.visit_file(&source.syntax);
    let mut violations = functions.violations;

    let lines = (1..=source.text.lines().count()).filter(|line| !source.is_test(*line)).count();
    if lines > FILE_LINES_MAX {
        let what = format!("{lines} lines without tests, at most {FILE_LINES_MAX} are allowed");
        violations.push(source.violation(FILE_LINES_MAX, what, "a file is about one thing; move a part into its own"));
    }
    violations
}

struct Functions<'a> {
    source: &'a Source,
    violations: Vec<Violation>,
}

impl Functions<'_> {
    /// `start` is where the signature begins: attributes and documentation do not count.
    fn measure(&mut self, name: &syn::Ident, start: Span, end: Span) {
        let lines = end.end().line + 1 - start.start().line;
        if lines > FUNCTION_LINES_MAX {
            let what = format!("`{name}` has {lines} lines, at most {FUNCTION_LINES_MAX} are allowed");
            let why = "a function fits on a screen; give its parts names";
            self.violations.push(self.source.violation(start.start().line, what, why));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig.ident, function.sig.fn_token.span, function.block.brace_token.span.close());
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig.ident, function.sig.fn_token.span, function.block.brace_token.span.close());
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.measure(&function.sig.ident, function.sig.fn_token.span, block.brace_token.span.close());
        }
        visit::visit_trait_item_fn(self, function);
    }
}
