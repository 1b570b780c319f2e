//! Where a mistake is that was found in usable values, which do not know where they were written.
//!
//! Sentences about mistakes say the place in the words of the file: `[plugin.jq] grants http: …`, `[[seal.keys]] …`, and
//! the key or the value in backquotes. That is followed as far as it leads.

use super::node::{Node, Step, Value};

/// A value that a mistake is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: Vec<Step>,
    /// Whether it is the very value, and not one that has it somewhere in it.
    pub(super) is_exact: bool,
}

/// The value that `reason` is about; the root, if it says nothing that is there.
pub(super) fn locate(reason: &str, root: &Node) -> Found {
    let mut at = Walk { node: root, path: Vec::new() };
    let mut rest = reason;
    while let Some((header, after)) = headed(rest) {
        header.split('.').for_each(|key| at.key(key.trim_matches('"')));
        rest = after.trim_start();
    }
    let (words, _) = rest.split_once('`').unwrap_or((rest, ""));
    for word in words.split([' ', '.', ':', ',']).filter(|word| !word.is_empty()) {
        at.key(word);
    }
    let quoted = rest.split('`').skip(1).step_by(2);
    let mut is_exact = false;
    for word in quoted {
        if let Some(below) = nearest_below(at.node, word) {
            at.path.extend(below);
            at.node = root.descend(&at.path);
            is_exact = true;
        }
    }
    Found { path: at.path, is_exact }
}

/// `[a.b] rest` or `[[a.b]] rest`, taken apart.
fn headed(reason: &str) -> Option<(&str, &str)> {
    let inner = reason.strip_prefix("[[").or_else(|| reason.strip_prefix('['))?;
    let (header, rest) = inner.split_once(']')?;
    Some((header, rest.trim_start_matches(']')))
}

struct Walk<'a> {
    node: &'a Node,
    path: Vec<Step>,
}

impl Walk<'_> {
    fn key(&mut self, key: &str) {
        let step = Step::Key(key.to_owned());
        if let Some(child) = self.node.child(&step) {
            self.node = child;
            self.path.push(step);
        }
    }
}

/// The value below `node` that has the key `word`, or is `word`; of several the one that is the fewest steps away.
fn nearest_below(node: &Node, word: &str) -> Option<Vec<Step>> {
    let mut nearest: Option<Vec<Step>> = None;
    node.visit(&mut Vec::new(), &mut |path, node| {
        let named = matches!(path.last(), Some(Step::Key(key)) if key == word);
        let is = matches!(&node.value, Value::Text(text) if text == word);
        if !path.is_empty() && (named || is) && nearest.as_ref().is_none_or(|nearest| path.len() < nearest.len()) {
            nearest = Some(path.to_vec());
        }
    });
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
listen = 'x'
[limits]
cpu_ms_max = 0
[plugin.p.limits]
cpu_ms_max = 0
[[plugin.p.grants.http]]
url = 'a'
[[plugin.p.grants.http]]
url = 'b'
[plugin.p.tool.t.limits]
cpu_ms_max = 0
[[seal.keys]]
id = '1'
[[seal.keys]]
id = '2'
[[tenant.a.plugin.p.grants.http]]
url = 'c'
";

    fn check(reason: &str, line: usize, is_exact: bool) {
        let root = Node::parse(TEXT, &std::sync::Arc::from(std::path::Path::new("f"))).unwrap();
        let found = locate(reason, &root);
        assert_eq!((root.descend(&found.path).at.line, found.is_exact), (line, is_exact), "{reason}: {:?}", found.path);
    }

    #[test]
    fn sentences_lead_to_lines() {
        check("`listen` is `x`; it must be an address", 2, true);
        check("`cpu_ms_max` is 0: no call could ever end", 4, true);
        check("[plugin.p] `cpu_ms_max` is 0", 6, true);
        check("[plugin.p] tool.t `cpu_ms_max` is 0", 12, true);
        check("[plugin.p] grants http: `b` has no scheme", 10, true);
        check("[plugin.p] grants: two things are wrong", 7, false);
        check("[[seal.keys]] `2`: give either `secret` or `file`", 16, true);
        check("[tenant.a] [plugin.p] grants http: `c` has no scheme", 18, true);
        check("[plugin.q] is unknown", 5, false);
        check("nothing that is there", 1, false);
    }
}
