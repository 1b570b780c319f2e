//! Scopes: what may be one, and which of them have others in them.

use std::collections::{BTreeMap, BTreeSet};

use super::ConfigError;

/// Says whether a client may have refresh tokens, which is between it and the issuer.
const OFFLINE: &str = "offline_access";

/// Which scopes have which others in them, however far down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeTree(BTreeMap<String, BTreeSet<String>>);

impl ScopeTree {
    /// `written` says of each scope what is right below it.
    pub(super) fn new(written: &BTreeMap<String, Vec<String>>) -> Result<Self, ConfigError> {
        for scope in written.iter().flat_map(|(scope, below)| [scope].into_iter().chain(below)) {
            check(scope, "scope_includes")?;
        }
        let below = |scope: &String| {
            let mut found = BTreeSet::new();
            let mut next = vec![scope];
            while let Some(scope) = next.pop() {
                next.extend(written.get(scope).into_iter().flatten().filter(|below| found.insert((*below).clone())));
            }
            found
        };
        Ok(Self(written.keys().map(|scope| (scope.clone(), below(scope))).collect()))
    }

    /// These scopes, and those that are in them (MCP 2026-07-28, authorization, "Step-Up Authorization Flow": scope hierarchies count).
    pub fn widen(&self, mut scopes: Vec<String>) -> Vec<String> {
        if self.0.is_empty() {
            return scopes;
        }
        let within: BTreeSet<&String> = scopes.iter().filter_map(|scope| self.0.get(scope)).flatten().collect();
        let more: Vec<String> = within.into_iter().filter(|scope| !scopes.contains(scope)).cloned().collect();
        scopes.extend(more);
        scopes
    }
}

/// What clients are told to ask for.
pub(super) fn asked_for(scopes: &[String]) -> Result<(), ConfigError> {
    scopes.iter().try_for_each(|scope| check(scope, "scopes"))?;
    if scopes.iter().any(|scope| scope == OFFLINE) {
        return Err(ConfigError::new(format!(
            "[auth] scopes: `{OFFLINE}` is nothing that this server takes; clients ask their issuer for it by themselves"
        )));
    }
    Ok(())
}

/// RFC 6749, 3.3.
pub fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| matches!(c, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

fn check(scope: &str, key: &str) -> Result<(), ConfigError> {
    if is_scope(scope) {
        return Ok(());
    }
    Err(ConfigError::new(format!("[auth] {key}: `{scope}` is no scope: it may hold no space and no quote")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_all_that_is_below_it() {
        let written: BTreeMap<String, Vec<String>> = [("admin", ["write"]), ("write", ["read"]), ("read", ["write"])]
            .map(|(scope, below)| (scope.to_owned(), below.map(str::to_owned).to_vec()))
            .into();
        let tree = ScopeTree::new(&written).unwrap();
        let widen = |scopes: &[&str]| tree.widen(scopes.iter().map(|scope| (*scope).to_owned()).collect());
        assert_eq!(widen(&["admin"]), ["admin", "read", "write"]);
        assert_eq!(widen(&["other", "read"]), ["other", "read", "write"], "a ring is one scope with several names");
        assert_eq!(widen(&["other"]), ["other"]);
        assert_eq!(ScopeTree::default().widen(vec!["admin".into()]), ["admin"]);
        let wrong = ScopeTree::new(&[("a".to_owned(), vec!["b c".to_owned()])].into());
        assert!(wrong.unwrap_err().to_string().contains("scope_includes: `b c` is no scope"));
    }

    #[test]
    fn nobody_is_told_to_ask_for_refresh_tokens() {
        assert!(asked_for(&["read".into()]).is_ok());
        let error = asked_for(&["read".into(), "offline_access".into()]).unwrap_err().to_string();
        assert!(error.contains("ask their issuer for it by themselves"), "{error}");
    }
}
