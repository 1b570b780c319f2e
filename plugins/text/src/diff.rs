//! Unified diffs, as `diff -u` writes them.

use std::fmt::Write;
use std::ops::Range;

use imara_diff::{Algorithm, Diff, Hunk, InternedInput};

use crate::text::Difference;

/// How the lines of `old` differ from those of `new`, with `context` lines around each change.
pub(crate) fn unified(old: &str, new: &str, context: usize, names: [&str; 2]) -> Difference {
    let input = InternedInput::new(old, new);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let context = u32::try_from(context).unwrap_or(u32::MAX);
    let mut text = String::new();
    for group in groups(diff.hunks().collect(), context) {
        if text.is_empty() {
            let [old, new] = names;
            text = format!("--- {old}\n+++ {new}\n");
        }
        write_group(&mut text, &input, &group, context);
    }
    let added = diff.count_additions() as usize;
    Difference { diff: text, added, removed: diff.count_removals() as usize }
}

/// Changes that are so near to each other that what is between them is shown whole.
fn groups(hunks: Vec<Hunk>, context: u32) -> Vec<Vec<Hunk>> {
    let mut groups: Vec<Vec<Hunk>> = Vec::new();
    for hunk in hunks {
        match groups.last_mut() {
            Some(group) if near(group.last(), &hunk, context) => group.push(hunk),
            _ => groups.push(vec![hunk]),
        }
    }
    groups
}

fn near(last: Option<&Hunk>, next: &Hunk, context: u32) -> bool {
    last.is_some_and(|last| next.before.start - last.before.end <= context.saturating_mul(2))
}

fn write_group(text: &mut String, input: &InternedInput<&str>, group: &[Hunk], context: u32) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return };
    let old_lines = u32::try_from(input.before.len()).unwrap_or(u32::MAX);
    let leading = context.min(first.before.start);
    let trailing = context.min(old_lines - last.before.end);
    let old = first.before.start - leading..last.before.end + trailing;
    let new = first.after.start - leading..last.after.end + trailing;
    // Writing to a string cannot fail.
    let _ = writeln!(text, "@@ -{} +{} @@", range(&old), range(&new));
    let mut at = old.start;
    for hunk in group {
        write_lines(text, input, ' ', &input.before, at..hunk.before.start);
        write_lines(text, input, '-', &input.before, hunk.before.clone());
        write_lines(text, input, '+', &input.after, hunk.after.clone());
        at = hunk.before.end;
    }
    write_lines(text, input, ' ', &input.before, at..old.end);
}

fn write_lines(
    text: &mut String,
    input: &InternedInput<&str>,
    sign: char,
    lines: &[imara_diff::Token],
    range: Range<u32>,
) {
    for &token in &lines[range.start as usize..range.end as usize] {
        let line = input.interner[token];
        text.push(sign);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

// Lines count from 1, but an empty range names the line before it, and a range of one line leaves out its length.
fn range(lines: &Range<u32>) -> String {
    match lines.end - lines.start {
        0 => format!("{},0", lines.start),
        1 => (lines.start + 1).to_string(),
        length => format!("{},{length}", lines.start + 1),
    }
}
