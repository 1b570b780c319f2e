//! Policies in Cedar: read, held against the schema, and asked. The only module that knows the language's library.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use cedar_policy::{
    AuthorizationError, Authorizer, Effect, PolicyId, PolicySet, Request, Schema, ValidationMode, Validator,
    ffi::DetailedError,
};
use serde_json::Value;

use super::{
    asked::{Action, Decision, What},
    scene::{Scene, Words},
    schema::schema,
};
use crate::{
    auth::Principal,
    config::{PolicySettings, PolicyText},
};

/// Policies of all files together.
const POLICIES_MAX: usize = 1_000;

/// A mistake in a policy: where it is and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    pub file: PathBuf,
    /// Counted from 1.
    pub line: Option<usize>,
    pub reason: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for PolicyError {}

/// One policy: what it is called and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its `@id`, or the name of its file and its line.
    pub name: Arc<str>,
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// Whether it forbids; else it permits.
    pub forbids: bool,
    /// Its place among all policies.
    place: usize,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = if self.forbids { "forbid" } else { "permit" };
        write!(f, "{effect} `{}` at {}:{}", self.name, self.file.display(), self.line)
    }
}

/// Why a decision is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasons {
    pub allowed: bool,
    /// The policies that decide, in the order in which they stand. Empty: none fits.
    pub rules: Vec<Rule>,
    /// An argument that is not of the type that policies see it as. Then nothing is permitted.
    pub misfit: Option<String>,
    /// Policies that could not be evaluated, and why.
    pub broken: Vec<(Rule, String)>,
}

impl Reasons {
    /// What there is to say to a caller and to the audit.
    pub(super) fn decision(&self) -> Decision {
        Decision { allowed: self.allowed, rule: self.rules.first().map(|rule| Arc::clone(&rule.name)) }
    }
}

/// Policies that are in force together.
pub(super) struct Rules {
    set: PolicySet,
    rules: HashMap<PolicyId, Rule>,
    authorizer: Authorizer,
    words: Words,
    warnings: Vec<PolicyError>,
}

impl Rules {
    /// Reads all files. The errors are all that cannot be read.
    pub(super) fn texts(settings: &PolicySettings) -> Result<Vec<PolicyText>, Vec<PolicyError>> {
        settings.read().map_err(|unreadable| {
            let error =
                |wrong: crate::config::Unreadable| PolicyError { file: wrong.file, line: None, reason: wrong.reason };
            unreadable.into_iter().map(error).collect()
        })
    }

    /// Checks what was read. The errors are all mistakes there are.
    pub(super) fn new(texts: &[PolicyText], settings: &PolicySettings) -> Result<Self, Vec<PolicyError>> {
        let text = schema(&settings.arguments);
        let (schema, _) = Schema::from_cedarschema_str(&text).map_err(|error| vec![carried(&error.to_string())])?;
        let actions = schema.action_entities().map_err(|error| vec![carried(&error.to_string())])?;
        let (mut reading, mut wrong) = (Reading::default(), Vec::new());
        for text in texts {
            wrong.extend(reading.add(text));
        }
        let Reading { set, rules } = reading;
        if rules.len() > POLICIES_MAX {
            let reason = format!("there are more policies than {POLICIES_MAX}, and each decision looks at all of them");
            wrong.push(PolicyError { file: texts[0].file.clone(), line: None, reason });
        }
        let at = |id: &PolicyId, error: DetailedError| placed(texts, rules.get(id), &error);
        let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
        wrong.extend(result.validation_errors().map(|error| at(error.policy_id(), error.into())));
        let mut warnings: Vec<PolicyError> =
            result.validation_warnings().map(|warning| at(warning.policy_id(), warning.into())).collect();
        if !wrong.is_empty() {
            wrong.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
            return Err(wrong);
        }
        if let (true, Some(first)) = (rules.is_empty(), texts.first()) {
            let reason = "holds no policy, so that nobody may do anything".to_owned();
            warnings.push(PolicyError { file: first.file.clone(), line: None, reason });
        }
        Ok(Self { set, rules, authorizer: Authorizer::new(), words: Words::new(actions), warnings })
    }

    /// What is odd about them and no mistake.
    pub(super) fn warnings(&self) -> &[PolicyError] {
        &self.warnings
    }

    /// In the order in which they stand.
    pub(super) fn rules(&self) -> Vec<&Rule> {
        let mut rules: Vec<&Rule> = self.rules.values().collect();
        rules.sort_by_key(|rule| rule.place);
        rules
    }

    /// Who asks about what, ready to be decided upon.
    pub(super) fn scene(&self, principal: &Principal, what: &What<'_>) -> Result<Scene, String> {
        self.words.scene(principal, what)
    }

    /// Asks the policies.
    pub(super) fn decide(&self, scene: &Scene, action: Action, what: &What<'_>, arguments: Option<&Value>) -> Reasons {
        let refused =
            |misfit: Option<String>| Reasons { allowed: false, rules: Vec::new(), misfit, broken: Vec::new() };
        let context = match self.words.context(what.arguments, arguments) {
            Ok(context) => context,
            Err(misfit) => return refused(Some(misfit)),
        };
        let (principal, resource) = scene.ends();
        let request = Request::new(principal, self.words.action(action), resource, context, None);
        let Ok(request) = request else { return refused(None) };
        let response = self.authorizer.is_authorized(&request, &self.set, scene.entities());
        let diagnostics = response.diagnostics();
        let broken = diagnostics.errors().filter_map(|AuthorizationError::PolicyEvaluationError(error)| {
            Some((self.rules.get(error.policy_id())?.clone(), error.to_string()))
        });
        let broken: Vec<(Rule, String)> = broken.collect();
        // The language passes over what it cannot evaluate. What was meant to forbid must not be passed over.
        let in_doubt: Vec<Rule> =
            broken.iter().filter(|(rule, _)| rule.forbids).map(|(rule, _)| rule.clone()).collect();
        let allowed = response.decision() == cedar_policy::Decision::Allow && in_doubt.is_empty();
        let mut rules: Vec<Rule> = diagnostics.reason().filter_map(|id| self.rules.get(id)).cloned().collect();
        if !allowed {
            rules.retain(|rule| rule.forbids);
            rules.extend(in_doubt);
        }
        rules.sort_by_key(|rule| rule.place);
        Reasons { allowed, rules, misfit: None, broken }
    }
}

/// Policies as they are read, file after file.
#[derive(Default)]
struct Reading {
    set: PolicySet,
    rules: HashMap<PolicyId, Rule>,
}

impl Reading {
    /// Adds a file's policies; gives what is wrong with them.
    fn add(&mut self, text: &PolicyText) -> Vec<PolicyError> {
        let parsed = match PolicySet::from_str(&text.text) {
            Ok(parsed) => parsed,
            Err(errors) => return errors.iter().map(|error| located(text, 0, &DetailedError::from(error))).collect(),
        };
        let mut wrong = Vec::new();
        for template in parsed.templates() {
            let line = find(text, &template.to_string(), 0).map_or(1, |at| line_at(&text.text, at));
            let reason = "is a template; policies with `?principal` or `?resource` have nowhere to be linked".into();
            wrong.push(PolicyError { file: text.file.clone(), line: Some(line), reason });
        }
        // They are numbered as they stand, and their text is the file's own.
        let mut from = 0;
        for number in 0..parsed.num_of_policies() + parsed.num_of_templates() {
            if self.rules.len() > POLICIES_MAX {
                break;
            }
            let Some(policy) = parsed.policy(&PolicyId::new(format!("policy{number}"))) else { continue };
            let at = find(text, &policy.to_string(), from).unwrap_or(from);
            from = at + 1;
            let line = line_at(&text.text, at);
            let name = match policy.annotation("id") {
                None => self.free_name(&format!("{}:{line}", short(&text.file))),
                Some(name) => name.to_owned(),
            };
            if let Some(same) = self.named(&name) {
                let reason = format!("`{name}` is also a policy at {}:{}", same.file.display(), same.line);
                wrong.push(PolicyError { file: text.file.clone(), line: Some(line), reason });
                continue;
            }
            let place = self.rules.len();
            let id = PolicyId::new(place.to_string());
            let forbids = policy.effect() == Effect::Forbid;
            // Ids are counted, so that none is there twice.
            let _ = self.set.add(policy.new_id(id.clone()));
            self.rules.insert(id, Rule { name: name.into(), file: text.file.clone(), line, forbids, place });
        }
        wrong
    }

    fn named(&self, name: &str) -> Option<&Rule> {
        self.rules.values().find(|rule| *rule.name == *name)
    }

    /// A name for a policy without one. There may be two in a line, or two files of one name.
    fn free_name(&self, place: &str) -> String {
        let more = (2..).map(|count| format!("{place}#{count}"));
        let mut names = std::iter::once(place.to_owned()).chain(more);
        names.find(|name| self.named(name).is_none()).unwrap_or_default()
    }
}

/// A mistake that a policy's check found.
fn placed(texts: &[PolicyText], rule: Option<&Rule>, error: &DetailedError) -> PolicyError {
    let Some(rule) = rule else { return carried(&error.message) };
    let text = texts.iter().find(|text| text.file == rule.file);
    let Some(text) = text else { return carried(&error.message) };
    let mut placed = located(text, rule.line, error);
    // The library names the policy by the number that it has here.
    let number = format!("for policy `{}`, ", rule.place);
    placed.reason = placed.reason.replacen(&number, "", 1);
    placed
}

/// A mistake at the place that the library names, or else at `line`, if that is one.
fn located(text: &PolicyText, line: usize, error: &DetailedError) -> PolicyError {
    let at = error.source_locations.first().map(|label| line_at(&text.text, label.loc.start));
    let line = at.or((line > 0).then_some(line));
    let mut reason = error.message.replace('\n', " ");
    let label = error.source_locations.first().and_then(|label| label.label.as_deref());
    for more in [label, error.help.as_deref()].into_iter().flatten() {
        reason = format!("{reason}; {}", more.replace('\n', " "));
    }
    PolicyError { file: text.file.clone(), line, reason }
}

/// The schema in the binary is at fault, which a test rules out.
fn carried(reason: &str) -> PolicyError {
    PolicyError { file: "toolyard.cedarschema".into(), line: None, reason: reason.to_owned() }
}

fn find(text: &PolicyText, policy: &str, from: usize) -> Option<usize> {
    text.text.get(from..)?.find(policy).map(|at| from + at)
}

fn line_at(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

fn short(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
