//! Whether a caller may do something. The only maker of a [`Permit`].
//!
//! `cedar` reads policies and asks them, `engine` has what is in force and what was decided, `force` replaces it, and `seen`
//! shows tools, prompts and resources to policies.

mod asked;
mod cedar;
mod engine;
mod explain;
mod force;
mod remembered;
mod scene;
mod schema;
mod seen;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value;

pub use asked::{Action, Decision, Hints, Kind, What};
pub use cedar::{PolicyError, Reasons, Rule};
pub use engine::Refused;
pub use explain::{Explanation, explain};
pub use force::Policy;
pub use schema::schema;

use crate::{
    auth::Principal,
    catalog::{Program, Prompt, Tool},
};

/// Proof that this principal may use this tool, this prompt, or this plugin's resources. Running one takes it, so that
/// leaving out the question does not compile.
pub struct Permit<T> {
    principal: Arc<Principal>,
    what: Arc<T>,
    rule: Option<Arc<str>>,
}

impl<T> Permit<T> {
    /// Who may.
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// What they may use.
    pub fn what(&self) -> &Arc<T> {
        &self.what
    }

    /// The policy that says so. `None`: there are no policies.
    pub fn rule(&self) -> Option<&Arc<str>> {
        self.rule.as_ref()
    }
}

/// Why there is no permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// The caller may not even know that it is there.
    Unknown { rule: Option<Arc<str>> },
    /// A token with all of these scopes would do (RFC 6750, 3.1).
    Scopes(Vec<String>),
    /// Policies do not allow it, whatever the token.
    Policy {
        /// The policy that forbids it, if one does.
        rule: Option<Arc<str>>,
        /// What is wrong with the arguments, where policies cannot see them as what they were declared.
        misfit: Option<String>,
    },
}

/// What a permit is for.
pub trait Governed {
    /// What its use says beside its name.
    type With<'a>
    where
        Self: 'a;

    /// Whose it is.
    fn program(&self) -> &Program;

    /// What a caller must have been granted by whoever made its token.
    fn scopes(&self) -> &[String];

    /// Its use, as policies see it.
    fn seen<'a>(&'a self, with: Self::With<'a>) -> (What<'a>, Option<&'a Value>);
}

impl Governed for Tool {
    /// The arguments.
    type With<'a> = &'a Value;

    fn program(&self) -> &Program {
        Self::program(self)
    }

    fn scopes(&self) -> &[String] {
        Self::scopes(self)
    }

    fn seen<'a>(&'a self, arguments: &'a Value) -> (What<'a>, Option<&'a Value>) {
        (What::tool(self), Some(arguments))
    }
}

impl Governed for Prompt {
    type With<'a> = ();

    fn program(&self) -> &Program {
        Self::program(self)
    }

    fn scopes(&self) -> &[String] {
        &self.program().scopes
    }

    fn seen(&self, (): ()) -> (What<'_>, Option<&Value>) {
        (What::prompt(self), None)
    }
}

/// A plugin, for its resources.
impl Governed for Program {
    type With<'a> = Uri<'a>;

    fn program(&self) -> &Program {
        self
    }

    fn scopes(&self) -> &[String] {
        &self.scopes
    }

    fn seen<'a>(&'a self, uri: Uri<'a>) -> (What<'a>, Option<&'a Value>) {
        let what = match uri {
            Uri::Resource(uri) => What::resource(self, uri),
            Uri::Template(uri) => What::template(self, uri),
        };
        (what, None)
    }
}

/// What is wanted of a plugin's resources.
#[derive(Debug, Clone, Copy)]
pub enum Uri<'a> {
    /// What is there.
    Resource(&'a str),
    /// What the template is of, as far as suggestions for its variables tell.
    Template(&'a str),
}

/// Leave for the operator, who uses `what` on the machine where it is.
pub fn operators_own<T>(what: &Arc<T>) -> Permit<T> {
    Permit { principal: Arc::new(Principal::anonymous()), what: Arc::clone(what), rule: None }
}

/// Asks for leave to use `what`.
pub fn permit<'a, T: Governed>(
    policy: &Policy,
    principal: &Arc<Principal>,
    what: &'a Arc<T>,
    with: T::With<'a>,
) -> Result<Permit<T>, Denied> {
    let (seen, arguments) = what.seen(with);
    let leave = policy.leave(principal, &seen, arguments);
    if let Err(Refused { hidden: true, rule, .. }) = leave {
        return Err(Denied::Unknown { rule });
    }
    if !what.scopes().iter().all(|scope| principal.has_scope(scope)) {
        // All that the operation takes, so that one new token is enough. What policies say of the caller may depend on it, and
        // so comes after.
        return Err(Denied::Scopes(what.scopes().to_vec()));
    }
    let rule = leave.map_err(|Refused { rule, misfit, .. }| Denied::Policy { rule, misfit })?;
    Ok(Permit { principal: Arc::clone(principal), what: Arc::clone(what), rule })
}
