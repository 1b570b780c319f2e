//! A decision in words, for whoever writes policies.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    asked::{Action, Kind, What},
    cedar::Reasons,
    force::Policy,
};
use crate::auth::Principal;

/// A decision, and the sentences that explain it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    pub allowed: bool,
    /// Lines, each with its end.
    pub text: String,
}

/// Explains what a caller may do with a thing, as a request of theirs would find it: what they may not list is unknown to them,
/// whatever else they may do with it.
pub fn explain(
    policy: &Policy,
    principal: &Principal,
    action: Action,
    what: &What<'_>,
    arguments: Option<&Value>,
) -> Explanation {
    let thing = match what.kind {
        Kind::Tool(_) => "tool",
        Kind::Prompt => "prompt",
        Kind::Resource => "resource",
        Kind::Template => "resource template",
    };
    let who = format!("`{}` of tenant `{}`", principal.subject, principal.tenant.as_str());
    let can = |verb: &str, may: &str| format!("{who} {may} {verb} the {thing} `{}`", what.name);
    let listed = policy.reasons(principal, Action::List, what, None);
    let used = policy.reasons(principal, action, what, arguments);
    let hidden = action != Action::List && !listed.allowed;
    let (allowed, mut text) = match (used.allowed && !hidden, hidden) {
        (true, _) => (true, format!("allowed: {}\n", can(action.name(), "may"))),
        (false, false) => (false, format!("denied: {}\n", can(action.name(), "may not"))),
        (false, true) => (false, format!("denied: {}, so that it is unknown to them\n", can("list", "may not"))),
    };
    because(&mut text, policy, if hidden { &listed } else { &used });
    if hidden {
        let may = if used.allowed { "may" } else { "may not" };
        let _ = writeln!(text, "if they might list it: {}", can(action.name(), may));
        because(&mut text, policy, &used);
    }
    Explanation { allowed, text }
}

fn because(text: &mut String, policy: &Policy, reasons: &Reasons) {
    for rule in &reasons.rules {
        let _ = writeln!(text, "  by {rule}");
    }
    for (rule, why) in &reasons.broken {
        let _ = writeln!(text, "  {rule} cannot be evaluated: {why}");
    }
    if let Some(misfit) = &reasons.misfit {
        let _ = writeln!(text, "  {misfit}, and nothing is permitted that policies cannot see");
    } else if reasons.rules.is_empty() {
        match policy.rules().len() {
            0 => text.push_str("  there are no policies\n"),
            count => {
                let _ = writeln!(text, "  none of {count} policies permits it");
            }
        }
    }
}
