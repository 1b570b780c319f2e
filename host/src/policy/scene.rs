//! Who asks about what, in the words of the schema.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression as Expression,
};
use serde_json::Value;

use super::asked::{Action, Hints, Kind, What};
use crate::{
    auth::{By, Principal},
    config::{ArgumentType, PolicyArguments},
};

/// Beyond it a number with a fraction's notation may not be the one that was written (IEEE 754, doubles).
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// The schema's names, parsed once.
pub(super) struct Words {
    user: EntityTypeName,
    group: EntityTypeName,
    tenant: EntityTypeName,
    plugin: EntityTypeName,
    tool: EntityTypeName,
    prompt: EntityTypeName,
    resource: EntityTypeName,
    actions: HashMap<Action, EntityUid>,
    /// The actions and what they are kinds of.
    entities: Vec<Entity>,
    nothing: Context,
}

/// A caller and a thing, and what policies may know of them.
pub(super) struct Scene {
    principal: EntityUid,
    resource: EntityUid,
    entities: Entities,
}

impl Scene {
    pub(super) fn ends(&self) -> (EntityUid, EntityUid) {
        (self.principal.clone(), self.resource.clone())
    }

    pub(super) fn entities(&self) -> &Entities {
        &self.entities
    }
}

impl Words {
    /// Those of the schema with these actions.
    pub(super) fn new(actions: Entities) -> Self {
        let kind = |name: &str| name.parse::<EntityTypeName>().expect("the schema's own names are names");
        let action = kind("Action");
        let uid = |name: &str| EntityUid::from_type_name_and_id(action.clone(), EntityId::new(name));
        Self {
            user: kind("User"),
            group: kind("Group"),
            tenant: kind("Tenant"),
            plugin: kind("Plugin"),
            tool: kind("Tool"),
            prompt: kind("Prompt"),
            resource: kind("Resource"),
            actions: Action::ALL.map(|action| (action, uid(action.name()))).into(),
            entities: actions.into_iter().collect(),
            nothing: context([]).unwrap_or_else(|_| Context::empty()),
        }
    }

    pub(super) fn action(&self, action: Action) -> EntityUid {
        self.actions[&action].clone()
    }

    /// A caller and a thing. The error is a sentence; it takes a mistake in this file to see one.
    pub(super) fn scene(&self, principal: &Principal, what: &What<'_>) -> Result<Scene, String> {
        let tenant = uid(&self.tenant, principal.tenant.as_str());
        let plugin = uid(&self.plugin, what.plugin);
        let user = self.user(principal, &tenant)?;
        let thing = self.thing(what, &plugin)?;
        let ends = (user.uid(), thing.uid());
        let attributes = [("tenant", text(what.tenant.as_str())), ("name", text(what.plugin))];
        let mut entities = vec![user, thing, entity(plugin, attributes, [tenant.clone()])?, Entity::with_uid(tenant)];
        let groups: HashSet<&str> = principal.groups.iter().map(String::as_str).collect();
        entities.extend(groups.into_iter().map(|group| Entity::with_uid(uid(&self.group, group))));
        entities.extend(self.entities.iter().cloned());
        let entities = Entities::from_entities(entities, None).map_err(|error| error.to_string())?;
        Ok(Scene { principal: ends.0, resource: ends.1, entities })
    }

    fn user(&self, principal: &Principal, tenant: &EntityUid) -> Result<Entity, String> {
        let (by, issuer, key) = match &principal.by {
            By::Anonymous => ("anonymous", None, None),
            By::Key(key) => ("key", None, Some(key)),
            By::Token { issuer } => ("token", Some(issuer), None),
        };
        let optional = [("client", principal.client.as_ref()), ("issuer", issuer), ("key", key)];
        let attributes = [
            ("tenant", text(principal.tenant.as_str())),
            ("subject", text(&principal.subject)),
            ("scopes", texts(&principal.scopes)),
            ("groups", texts(&principal.groups)),
            ("authenticatedBy", text(by)),
        ];
        let optional = optional.into_iter().filter_map(|(name, value)| Some((name, text(value?))));
        let parents = principal.groups.iter().map(|group| uid(&self.group, group)).chain([tenant.clone()]);
        entity(uid(&self.user, &principal.subject), attributes.into_iter().chain(optional), parents)
    }

    fn thing(&self, what: &What<'_>, plugin: &EntityUid) -> Result<Entity, String> {
        let named = [
            ("tenant", text(what.tenant.as_str())),
            ("plugin", text(what.plugin)),
            ("name", text(what.name)),
            ("ownName", text(what.own)),
        ];
        let parents = [plugin.clone()];
        match what.kind {
            Kind::Tool(Hints { read_only, destructive, idempotent, open_world }) => {
                let hints = [
                    ("readOnly", read_only),
                    ("destructive", destructive),
                    ("idempotent", idempotent),
                    ("openWorld", open_world),
                ];
                let hints = hints.map(|(name, value)| (name, Expression::new_bool(value)));
                entity(uid(&self.tool, what.name), named.into_iter().chain(hints), parents)
            }
            Kind::Prompt => entity(uid(&self.prompt, what.name), named, parents),
            Kind::Resource | Kind::Template => {
                let attributes = [
                    ("tenant", text(what.tenant.as_str())),
                    ("plugin", text(what.plugin)),
                    ("uri", text(what.name)),
                    ("template", Expression::new_bool(what.kind == Kind::Template)),
                ];
                entity(uid(&self.resource, what.name), attributes, parents)
            }
        }
    }

    /// The arguments that policies may see. An argument that is there and cannot be seen as what it was declared is an error,
    /// since a policy that forbids some values would not see it.
    pub(super) fn context(&self, declared: &PolicyArguments, arguments: Option<&Value>) -> Result<Context, String> {
        let Some(arguments) = arguments.filter(|_| !declared.is_empty()) else { return Ok(self.nothing.clone()) };
        let mut seen = Vec::new();
        for (name, kind) in declared.iter() {
            match arguments.get(name) {
                None | Some(Value::Null) => {}
                Some(value) => {
                    let value = expression(value, kind)
                        .ok_or_else(|| format!("the argument `{name}` is not of type {}", kind.name()))?;
                    seen.push((name.to_owned(), value));
                }
            }
        }
        context(seen)
    }
}

fn expression(value: &Value, kind: ArgumentType) -> Option<Expression> {
    match kind {
        ArgumentType::String => value.as_str().map(text),
        ArgumentType::Bool => value.as_bool().map(Expression::new_bool),
        ArgumentType::Long => long(value).map(Expression::new_long),
        ArgumentType::Strings => {
            let strings = value.as_array()?.iter().map(|item| item.as_str().map(text));
            Some(Expression::new_set(strings.collect::<Option<Vec<_>>>()?))
        }
    }
}

/// A whole number, also where it is written as `1e3` or `5.0`: it is the same number to a schema, and to most tools.
fn long(value: &Value) -> Option<i64> {
    let whole = |number: &f64| number.fract() == 0.0 && number.abs() <= EXACT_MAX;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and within what a double holds exactly")]
    value.as_i64().or_else(|| value.as_f64().filter(whole).map(|number| number as i64))
}

fn context(arguments: impl IntoIterator<Item = (String, Expression)>) -> Result<Context, String> {
    let arguments = Expression::new_record(arguments).map_err(|error| error.to_string())?;
    Context::from_pairs([("arguments".to_owned(), arguments)]).map_err(|error| error.to_string())
}

fn entity(
    uid: EntityUid,
    attributes: impl IntoIterator<Item = (&'static str, Expression)>,
    parents: impl IntoIterator<Item = EntityUid>,
) -> Result<Entity, String> {
    let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Entity::new(uid, attributes, parents.into_iter().collect()).map_err(|error| error.to_string())
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn text(text: &str) -> Expression {
    Expression::new_string(text.to_owned())
}

fn texts(texts: &[String]) -> Expression {
    Expression::new_set(texts.iter().map(|item| text(item)))
}
