//! Whoever asks: as whom, and in whose yard.

use std::{net::IpAddr, sync::Arc};

use super::{fault::Fault, recorded};
use crate::{
    audit::{Audit, record::Refused},
    auth::{By, Pass, Principal},
    catalog::{Catalog, Program, Tenant},
    denials::{self, Denial},
    policy::{self, Action, Denied, Governed, Kind, Permit, Policy, Uri, What},
    telemetry::{self, SpanKind},
};

/// A caller at its tenant's.
#[derive(Clone)]
pub struct Visitor {
    pub principal: Arc<Principal>,
    pub tenant: Arc<Tenant>,
    pub policy: Policy,
    pub audit: Audit,
    /// By what the caller was let in, for what outlasts its request.
    pub pass: Pass,
    /// Where the request came from, if that is known.
    pub address: Option<IpAddr>,
}

impl Visitor {
    /// What there is at this moment.
    pub(super) fn catalog(&self) -> arc_swap::Guard<Arc<Catalog>> {
        self.tenant.live.now()
    }

    /// Whether it sees what everybody sees: nobody was asked who they are, and no policy tells callers apart.
    pub(super) fn is_anybody(&self) -> bool {
        self.principal.by == By::Anonymous && self.policy.is_open()
    }

    /// Whether it may know of a thing. What it may not know of is to it as if it were not there.
    pub(super) fn knows(&self, what: &What<'_>) -> bool {
        self.policy.may(&self.principal, Action::List, what, None).allowed
    }

    /// Whether it may hear of what a resource holds.
    pub(super) fn may_hear_of(&self, uri: &str) -> bool {
        if self.policy.is_open() {
            return true;
        }
        let catalog = self.catalog();
        let plugin = catalog.answering_for(uri);
        plugin.is_some_and(|plugin| self.ask(plugin.program(), Uri::Resource(uri)).is_ok())
    }

    /// Asks for leave to use `what`; `unknown` is what is said of things that are not there.
    pub(super) fn permit<'a, T: Governed>(
        &self,
        what: &'a Arc<T>,
        with: T::With<'a>,
        unknown: impl FnOnce() -> Fault,
    ) -> Result<Permit<T>, Fault> {
        self.ask(what, with).map_err(|denied| {
            self.refused(what.program(), &denied);
            self.note(&denied, &what.seen(with).0);
            match denied {
                Denied::Unknown { .. } => unknown(),
                Denied::Scopes(scopes) => Fault::Denied { scopes, misfit: None },
                Denied::Policy { misfit, .. } => Fault::Denied { scopes: Vec::new(), misfit },
            }
        })
    }

    /// Writes down what was denied, and which policy did.
    fn note(&self, denied: &Denied, what: &What<'_>) {
        let rule = match denied {
            Denied::Unknown { rule } | Denied::Policy { rule, .. } => rule.as_deref(),
            Denied::Scopes(_) => None,
        };
        // Whoever may not know of a thing is told what they would be told if it were not there.
        let (reason, status) = match denied {
            Denied::Unknown { .. } => ("policy_hides", None),
            Denied::Scopes(_) => ("scopes", Some(403)),
            Denied::Policy { .. } => ("policy", Some(403)),
        };
        let method = match what.kind {
            Kind::Tool(_) => "tools/call",
            Kind::Prompt => "prompts/get",
            Kind::Resource => "resources/read",
            Kind::Template => "completion/complete",
        };
        let name: String = what.name.chars().take(recorded::NAME_CHARS_MAX).collect();
        self.refuse(&Refused { reason, status, method: Some(method), name: Some(&name), rule, ..self.introduced() });
    }

    /// What every record of a refusal has of its caller.
    pub(super) fn introduced(&self) -> Refused<'_> {
        Refused {
            address: self.address,
            tenant: Some(self.principal.tenant.as_str()),
            subject: Some(&self.principal.subject),
            client: self.principal.client.as_deref(),
            by: Some((&self.principal.by).into()),
            ..Refused::default()
        }
    }

    /// Writes down a refusal. Those who proved who they are have a record for each; of all others there are too many.
    pub(super) fn refuse(&self, refused: &Refused<'_>) {
        match self.principal.by {
            By::Anonymous => self.audit.note_stranger(refused),
            By::Key(_) | By::Token { .. } => self.audit.note(refused),
        }
    }

    fn ask<'a, T: Governed>(&self, what: &'a Arc<T>, with: T::With<'a>) -> Result<Permit<T>, Denied> {
        let mut span = telemetry::begin("policy", SpanKind::Internal);
        policy::permit(&self.policy, &self.principal, what, with).inspect_err(|_| {
            span.failed("denied");
            what.program().counts.denied();
        })
    }

    /// Tells the operator.
    fn refused(&self, program: &Program, denied: &Denied) {
        let by_rule = |rule: &Option<Arc<str>>| rule.as_ref().map(|rule| format!("the policy `{rule}` forbids it"));
        let what = match denied {
            Denied::Scopes(scopes) => format!("the token lacks scopes: it takes {}", scopes.join(" ")),
            Denied::Policy { misfit: Some(misfit), .. } => format!("no policy can see it: {misfit}"),
            Denied::Unknown { rule } | Denied::Policy { rule, .. } => {
                by_rule(rule).unwrap_or_else(|| "no policy allows it".into())
            }
        };
        denials::note(&Denial {
            by: denials::By::Policy,
            tenant: Some(&self.principal.tenant),
            subject: Some(&self.principal.subject),
            on: Some(program.id.as_str()),
            what: &what,
        });
    }
}
