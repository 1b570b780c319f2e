//! What is in force at one moment: policies and what they decided, or one answer to everything.

use std::sync::Arc;

use serde_json::Value;

use super::{
    asked::{Action, Decision, What},
    cedar::{PolicyError, Reasons, Rule, Rules},
    remembered::{Remembered, Used, Verdict},
    scene::Scene,
};
use crate::{
    auth::Principal,
    config::{PolicyDefault, PolicySettings, PolicyText},
};

/// Why somebody may not use something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// They may not even know of it.
    pub hidden: bool,
    /// The policy that forbids it, if one does.
    pub rule: Option<Arc<str>>,
    /// What is wrong with the arguments, where policies cannot see them as what they were declared.
    pub misfit: Option<String>,
}

/// Never changed: other policies are another engine.
pub(super) enum Engine {
    Default(PolicyDefault),
    Policies(Box<Policies>),
}

pub(super) struct Policies {
    rules: Rules,
    remembered: Remembered,
    /// What they were made of.
    made_of: (PolicySettings, Vec<PolicyText>),
}

impl Engine {
    pub(super) fn load(settings: &PolicySettings) -> Result<Self, Vec<PolicyError>> {
        if settings.files.is_empty() {
            return Ok(Self::Default(settings.default));
        }
        Self::of(settings, Rules::texts(settings)?)
    }

    /// What takes its place under these settings. `None`: it would decide the same, and this one remembers what it decided.
    pub(super) fn succeeded(&self, settings: &PolicySettings) -> Result<Option<Self>, Vec<PolicyError>> {
        if settings.files.is_empty() {
            let is_same = matches!(self, Self::Default(default) if *default == settings.default);
            return Ok((!is_same).then_some(Self::Default(settings.default)));
        }
        let texts = Rules::texts(settings)?;
        match self {
            Self::Policies(policies) if policies.made_of == (settings.clone(), texts.clone()) => Ok(None),
            _ => Self::of(settings, texts).map(Some),
        }
    }

    fn of(settings: &PolicySettings, texts: Vec<PolicyText>) -> Result<Self, Vec<PolicyError>> {
        let rules = Rules::new(&texts, settings)?;
        let made_of = (settings.clone(), texts);
        Ok(Self::Policies(Box::new(Policies { rules, remembered: Remembered::default(), made_of })))
    }

    /// Whether everybody may do everything.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Default(PolicyDefault::Allow))
    }

    pub(super) fn rules(&self) -> Vec<&Rule> {
        match self {
            Self::Default(_) => Vec::new(),
            Self::Policies(policies) => policies.rules.rules(),
        }
    }

    pub(super) fn warnings(&self) -> &[PolicyError] {
        match self {
            Self::Default(_) => &[],
            Self::Policies(policies) => policies.rules.warnings(),
        }
    }

    pub(super) fn may(
        &self,
        principal: &Principal,
        action: Action,
        what: &What<'_>,
        arguments: Option<&Value>,
    ) -> Decision {
        if action != Action::List && action != what.kind.action() {
            return Decision::denied();
        }
        let policies = match self.beforehand(principal, what) {
            Ok(policies) => policies,
            Err(decision) => return decision,
        };
        if !what.kind.is_described() {
            return policies.anew(principal, action, what);
        }
        policies.remembered.of(
            principal,
            what,
            || policies.decide(principal, what),
            |verdict| match action {
                Action::List => verdict.list.clone(),
                _ => policies.used(verdict, what, arguments).0,
            },
        )
    }

    /// Whether a thing may be used by somebody who may also know of it: both at one look.
    pub(super) fn leave(
        &self,
        principal: &Principal,
        what: &What<'_>,
        arguments: Option<&Value>,
    ) -> Result<Option<Arc<str>>, Refused> {
        let hidden = |rule| Refused { hidden: true, rule, misfit: None };
        let policies = match self.beforehand(principal, what) {
            Ok(policies) => policies,
            Err(decision) if decision.allowed => return Ok(None),
            Err(_) => return Err(hidden(None)),
        };
        let leave = |list: &Decision, used: &dyn Fn() -> (Decision, Option<String>)| {
            if !list.allowed {
                return Err(hidden(list.rule.clone()));
            }
            match used() {
                (Decision { allowed: true, rule }, _) => Ok(rule),
                (Decision { rule, .. }, misfit) => Err(Refused { hidden: false, rule, misfit }),
            }
        };
        if !what.kind.is_described() {
            let anew = |action| policies.anew(principal, action, what);
            return leave(&anew(Action::List), &|| (anew(what.kind.action()), None));
        }
        policies.remembered.of(
            principal,
            what,
            || policies.decide(principal, what),
            |verdict| leave(&verdict.list, &|| policies.used(verdict, what, arguments)),
        )
    }

    /// Everything there is to say about a decision. Asks the policies anew.
    pub(super) fn reasons(
        &self,
        principal: &Principal,
        action: Action,
        what: &What<'_>,
        arguments: Option<&Value>,
    ) -> Reasons {
        let plain = |allowed| Reasons { allowed, rules: Vec::new(), misfit: None, broken: Vec::new() };
        match self.beforehand(principal, what) {
            Ok(policies) => match policies.rules.scene(principal, what) {
                Ok(scene) => policies.rules.decide(&scene, action, what, arguments),
                Err(_) => plain(false),
            },
            Err(decision) => plain(decision.allowed),
        }
    }

    /// What is decided without policies, whatever they say.
    fn beforehand(&self, principal: &Principal, what: &What<'_>) -> Result<&Policies, Decision> {
        match self {
            _ if principal.tenant != *what.tenant => Err(Decision::denied()),
            Self::Default(PolicyDefault::Allow) => Err(Decision::allowed()),
            Self::Default(PolicyDefault::Deny) => Err(Decision::denied()),
            Self::Policies(policies) => Ok(policies),
        }
    }
}

impl Policies {
    /// Decides upon something of which callers make up the names, so that remembering it would be no use.
    fn anew(&self, principal: &Principal, action: Action, what: &What<'_>) -> Decision {
        let scene = self.scene(principal, what);
        scene.map_or(Decision::denied(), |scene| self.ask(&scene, action, what, None).decision())
    }

    fn scene(&self, principal: &Principal, what: &What<'_>) -> Option<Scene> {
        let scene = self.rules.scene(principal, what);
        let told = scene.inspect_err(|reason| {
            tracing::error!(tenant = %principal.tenant, plugin = what.plugin, name = what.name, reason, "a thing cannot be shown to policies");
        });
        told.ok()
    }

    fn decide(&self, principal: &Principal, what: &What<'_>) -> Verdict {
        let Some(scene) = self.scene(principal, what) else {
            return Verdict { list: Decision::denied(), used: Used::Decided(Decision::denied()) };
        };
        let list = self.ask(&scene, Action::List, what, None).decision();
        let used = match what.arguments.is_empty() {
            true => Used::Decided(self.ask(&scene, what.kind.action(), what, None).decision()),
            false => Used::ByArguments(Box::new(scene)),
        };
        Verdict { list, used }
    }

    fn used(&self, verdict: &Verdict, what: &What<'_>, arguments: Option<&Value>) -> (Decision, Option<String>) {
        match &verdict.used {
            Used::Decided(decision) => (decision.clone(), None),
            Used::ByArguments(scene) => {
                let reasons = self.ask(scene, what.kind.action(), what, arguments);
                (reasons.decision(), reasons.misfit)
            }
        }
    }

    fn ask(&self, scene: &Scene, action: Action, what: &What<'_>, arguments: Option<&Value>) -> Reasons {
        let reasons = self.rules.decide(scene, action, what, arguments);
        for (rule, why) in &reasons.broken {
            tracing::warn!(policy = %rule, why, action = action.name(), name = what.name, "a policy cannot be evaluated");
        }
        reasons
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> &Remembered {
        &self.remembered
    }
}
