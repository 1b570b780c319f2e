//! The policies in force: a snapshot that is replaced whole.

use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::Value;

use super::{
    asked::{Action, Decision, What},
    cedar::{PolicyError, Reasons, Rule},
    engine::{Engine, Refused},
};
use crate::{
    auth::Principal,
    config::{PolicySettings, Taker},
    metrics,
    signals::Signals,
};

/// What is asked before anything is listed or done. Clones are the same policies, also when these are replaced.
#[derive(Clone)]
pub struct Policy {
    current: Arc<ArcSwap<Engine>>,
}

impl Policy {
    /// Reads the files that the settings name, and checks them. The errors are all mistakes there are.
    pub fn load(settings: &PolicySettings) -> Result<Self, Vec<PolicyError>> {
        Ok(Self { current: Arc::new(ArcSwap::from_pointee(Engine::load(settings)?)) })
    }

    /// No policies: everybody may do everything with what is their tenant's.
    pub fn open() -> Self {
        Self { current: Arc::new(ArcSwap::from_pointee(Engine::Default(crate::config::PolicyDefault::Allow))) }
    }

    /// Takes up other policies, or the same files as they are now. Whoever listens to `signals` is told if they say something else.
    pub fn taker(&self, signals: &Signals) -> Taker {
        let (current, signals) = (Arc::clone(&self.current), signals.clone());
        Box::new(move |config| {
            let next = current.load().succeeded(&config.policy);
            let next = next.inspect_err(|_| metrics::reloaded("policy", false)).map_err(|mistakes| {
                let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
                anyhow::anyhow!("{}", mistakes.join("\n"))
            })?;
            let (current, signals) = (Arc::clone(&current), signals.clone());
            Ok(Box::new(move || {
                if let Some(engine) = next {
                    current.store(Arc::new(engine));
                    metrics::reloaded("policy", true);
                    signals.say_policies_changed();
                }
            }))
        })
    }

    /// What is in force now, which stays that.
    pub fn frozen(&self) -> Self {
        Self { current: Arc::new(ArcSwap::new(self.current.load_full())) }
    }

    /// Whether a caller may do something. Without arguments, this is about listing, or about things whose arguments no policy
    /// may see.
    pub fn may(&self, principal: &Principal, action: Action, what: &What<'_>, arguments: Option<&Value>) -> Decision {
        self.current.load().may(principal, action, what, arguments)
    }

    /// Whether a caller may use a thing, and which policy says so. Who may not list a thing may not use it either.
    pub(super) fn leave(
        &self,
        principal: &Principal,
        what: &What<'_>,
        arguments: Option<&Value>,
    ) -> Result<Option<Arc<str>>, Refused> {
        self.current.load().leave(principal, what, arguments)
    }

    /// Everything there is to say about a decision. Asks the policies anew.
    pub fn reasons(
        &self,
        principal: &Principal,
        action: Action,
        what: &What<'_>,
        arguments: Option<&Value>,
    ) -> Reasons {
        self.current.load().reasons(principal, action, what, arguments)
    }

    /// Whether there are no policies, and everything is allowed.
    pub fn is_open(&self) -> bool {
        self.current.load().is_open()
    }

    /// All policies, in the order in which they stand.
    pub fn rules(&self) -> Vec<Rule> {
        self.current.load().rules().into_iter().cloned().collect()
    }

    /// What is odd about them and no mistake.
    pub fn warnings(&self) -> Vec<PolicyError> {
        self.current.load().warnings().to_vec()
    }
}
