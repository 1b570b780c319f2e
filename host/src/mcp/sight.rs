//! What a caller sees of its tenant's, as far as policies decide it: so that a listener hears of other policies only where its own
//! lists may be others.

use super::visitor::Visitor;
use crate::{
    policy::{Action, Policy, What},
    signals::News,
};

/// What a listener saw last.
pub(super) struct Sight {
    /// The policies by which it was seen.
    policy: Policy,
    /// What other policies changed last.
    changed: Vec<News>,
}

impl Sight {
    /// What this caller sees now.
    pub(super) fn of(visitor: &Visitor) -> Self {
        Self { policy: visitor.policy.frozen(), changed: Vec::new() }
    }

    /// The lists that other policies may have changed since the last look.
    pub(super) fn look(&mut self, visitor: &Visitor) -> Vec<News> {
        let (before, now) = (&self.policy, visitor.policy.frozen());
        let catalog = visitor.catalog();
        let differs = |what: &What<'_>| {
            let may = |policy: &Policy| policy.may(&visitor.principal, Action::List, what, None).allowed;
            may(before) != may(&now)
        };
        let plugins = || catalog.plugins();
        let mut changed = Vec::new();
        if plugins().flat_map(|plugin| plugin.tools()).any(|tool| differs(&What::tool(tool))) {
            changed.push(News::Tools);
        }
        if plugins().flat_map(|plugin| plugin.prompts()).any(|prompt| differs(&What::prompt(prompt))) {
            changed.push(News::Prompts);
        }
        // Which resources there are only their plugin knows, which is not asked for this.
        if plugins().any(|plugin| plugin.has_resources()) {
            changed.push(News::Resources);
        }
        (self.policy, self.changed) = (now, changed.clone());
        changed
    }

    /// The lists that may be others once another host has taken up what this one has: a client may have asked one that had not. If
    /// the other host was the first, this one will tell when it follows.
    pub(super) fn elsewhere(&self) -> Vec<News> {
        self.changed.clone()
    }
}
