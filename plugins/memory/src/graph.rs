//! The graph in a key-value store: a key for each entity, and one for the relations that begin at a name.
//!
//! Calls run at the same time. Each key is changed in one step, and from what is there at that moment, so that of two calls which
//! change the same thing none is lost. A call that changes several things is not one step: others may see half of it.

use std::cell::Cell;
use std::collections::BTreeSet;

use toolyard_plugin::keyvalue::Store;
use toolyard_plugin::{Deserialize, Error, Result, Serialize};

use crate::memory::{AddedTo, Addition, Deletion, Entity, Found, Part, Relation};

pub(crate) struct Graph {
    store: Store,
}

/// An entity without its name, which is in the key.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(crate = "toolyard_plugin::serde")]
struct Node {
    #[serde(rename = "type")]
    kind: String,
    observations: Vec<String>,
}

/// A relation without its beginning, which is in the key: where it leads, and its type.
type Edge = (String, String);

const ENTITY: &str = "e/";
const RELATIONS: &str = "r/";

/// Of entities, relations, or changes in one call.
const ITEMS_MAX: usize = 200;
/// Of a name or a type. With its prefix, a name is a key.
const NAME_BYTES_MAX: usize = 256;
const OBSERVATION_BYTES_MAX: usize = 4096;
/// Of one entity, as it is stored: many of them are read at once.
const NODE_BYTES_MAX: usize = 64 << 10;
/// Of the relations that begin at one name.
const EDGES_MAX: usize = 1000;
/// How many values are fetched at once.
const BATCH: usize = 50;
const PAGE_MAX: usize = 500;
/// A part of the graph ends where it has so much in it.
const PART_BYTES_MAX: usize = 512 << 10;
const FOUND_MAX: usize = 100;

impl Graph {
    pub(crate) fn open() -> Result<Self> {
        Ok(Self { store: Store::open()? })
    }

    /// Gives those that are new.
    pub(crate) fn create_entities(&self, entities: Vec<Entity>) -> Result<Vec<Entity>> {
        check_count(entities.len())?;
        for entity in &entities {
            check_name("name", &entity.name)?;
            check_name("entityType", &entity.entity_type)?;
            check_observations(&entity.observations)?;
        }
        let mut created = Vec::new();
        for mut entity in entities {
            entity.observations = distinct(&[], &entity.observations);
            let is_new = Cell::new(false);
            self.change(&entity.name, |node| {
                is_new.set(node.is_none());
                let new = || Node { kind: entity.entity_type.clone(), observations: entity.observations.clone() };
                Ok(node.unwrap_or_else(new))
            })?;
            if is_new.get() {
                created.push(entity);
            }
        }
        Ok(created)
    }

    /// Gives those that are new.
    pub(crate) fn create_relations(&self, relations: Vec<Relation>) -> Result<Vec<Relation>> {
        check_count(relations.len())?;
        for Relation { from, to, relation_type } in &relations {
            check_name("from", from)?;
            check_name("to", to)?;
            check_name("relationType", relation_type)?;
        }
        let mut created = Vec::new();
        for relation in relations {
            let edge = (relation.to.clone(), relation.relation_type.clone());
            let is_new = Cell::new(false);
            self.change_edges(&relation.from, |edges| {
                is_new.set(edges.insert(edge.clone()));
                match edges.len() > EDGES_MAX {
                    true => Err(Error::failed(format_args!(
                        "`{}` has {EDGES_MAX} relations, which is all it can have",
                        relation.from
                    ))),
                    false => Ok(()),
                }
            })?;
            if is_new.get() {
                created.push(relation);
            }
        }
        Ok(created)
    }

    pub(crate) fn add_observations(&self, additions: Vec<Addition>) -> Result<Vec<AddedTo>> {
        check_count(additions.len())?;
        for addition in &additions {
            check_name("entityName", &addition.entity_name)?;
            check_observations(&addition.contents)?;
            // Before anything is changed; whether it still holds shows then.
            if !self.store.exists(&key(ENTITY, &addition.entity_name))? {
                return Err(unknown(&addition.entity_name));
            }
        }
        let mut results = Vec::new();
        for Addition { entity_name, contents } in additions {
            let added = Cell::new(Vec::new());
            self.change(&entity_name, |node| {
                let mut node = node.ok_or_else(|| unknown(&entity_name))?;
                let new = distinct(&node.observations, &contents);
                node.observations.extend(new.iter().cloned());
                added.set(new);
                Ok(node)
            })?;
            results.push(AddedTo { entity_name, added_observations: added.take() });
        }
        Ok(results)
    }

    /// Says how many there were.
    pub(crate) fn delete_entities(&self, names: &[String]) -> Result<usize> {
        check_count(names.len())?;
        let keys: Vec<String> = names.iter().map(|name| key(ENTITY, name)).collect();
        let count = self.store.get_many(&keys)?.into_iter().flatten().count();
        self.store.delete_many(&keys)?;
        self.store.delete_many(&names.iter().map(|name| key(RELATIONS, name)).collect::<Vec<_>>())?;
        let leads_there = |edge: &Edge| names.contains(&edge.0);
        for (from, edges) in self.all_edges()? {
            if edges.iter().any(leads_there) {
                self.change_edges(&from, |edges| {
                    edges.retain(|edge| !leads_there(edge));
                    Ok(())
                })?;
            }
        }
        Ok(count)
    }

    /// Says how many there were. What is not there is as it should be.
    pub(crate) fn delete_observations(&self, deletions: &[Deletion]) -> Result<usize> {
        check_count(deletions.len())?;
        let mut count = 0;
        for Deletion { entity_name, observations } in deletions {
            if !self.store.exists(&key(ENTITY, entity_name))? {
                continue;
            }
            let before = Cell::new(0);
            let changed = self.change(entity_name, |node| {
                let mut node = node.ok_or_else(Error::not_found)?;
                let len = node.observations.len();
                node.observations.retain(|observation| !observations.contains(observation));
                before.set(len - node.observations.len());
                Ok(node)
            });
            match changed {
                // It was deleted meanwhile, and its observations with it.
                Err(Error::NotFound) => {}
                changed => {
                    changed?;
                    count += before.get();
                }
            }
        }
        Ok(count)
    }

    /// Says how many there were.
    pub(crate) fn delete_relations(&self, relations: &[Relation]) -> Result<usize> {
        check_count(relations.len())?;
        let mut count = 0;
        for Relation { from, to, relation_type } in relations {
            if !self.store.exists(&key(RELATIONS, from))? {
                continue;
            }
            let was_there = Cell::new(false);
            self.change_edges(from, |edges| {
                was_there.set(edges.remove(&(to.clone(), relation_type.clone())));
                Ok(())
            })?;
            count += usize::from(was_there.get());
        }
        Ok(count)
    }

    /// The part after `cursor`: entities, and the relations that begin at their names.
    pub(crate) fn read(&self, cursor: Option<&str>, limit: usize) -> Result<Part> {
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Error::invalid_arguments(format_args!("`limit` is from 1 to {PAGE_MAX}")));
        }
        // Relations may begin at a name that is no entity. They are in the graph all the same.
        let names: BTreeSet<String> = self.names(ENTITY)?.into_iter().chain(self.names(RELATIONS)?).collect();
        let left: Vec<String> =
            names.into_iter().filter(|name| cursor.is_none_or(|cursor| name.as_str() > cursor)).collect();
        let mut part = Part::default();
        let (mut given, mut bytes) = (0, 0);
        for names in left[..left.len().min(limit)].chunks(BATCH) {
            let entities = self.entities(names)?;
            let relations = self.relations(names)?;
            bytes += entities.iter().map(size).sum::<usize>() + relations.len() * 64;
            part.entities.extend(entities);
            part.relations.extend(relations);
            given += names.len();
            if bytes > PART_BYTES_MAX {
                break;
            }
        }
        part.next = (given < left.len()).then(|| left.get(given - 1).cloned()).flatten();
        Ok(part)
    }

    pub(crate) fn search(&self, query: &str) -> Result<Found> {
        let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
        if words.is_empty() {
            return Err(Error::invalid_arguments("`query` has no word in it; `read_graph` gives everything"));
        }
        let mut found = Found::default();
        for names in self.names(ENTITY)?.chunks(BATCH) {
            let entities = self.entities(names)?.into_iter().filter(|entity| has_all(entity, &words));
            found.entities.extend(entities);
            if found.entities.len() > FOUND_MAX {
                break;
            }
        }
        self.with_relations(found)
    }

    pub(crate) fn named(&self, names: &[String]) -> Result<Found> {
        check_count(names.len())?;
        let mut found = Found::default();
        let distinct: BTreeSet<&String> = names.iter().collect();
        let names: Vec<String> = distinct.into_iter().cloned().collect();
        for names in names.chunks(BATCH) {
            found.entities.extend(self.entities(names)?);
        }
        self.with_relations(found)
    }

    /// Adds the relations of what was found, and says if it is too much.
    fn with_relations(&self, mut found: Found) -> Result<Found> {
        let mut bytes = 0;
        let fits = found.entities.iter().take(FOUND_MAX).take_while(|entity| {
            bytes += size(entity);
            bytes <= PART_BYTES_MAX
        });
        let fits = fits.count();
        found.more = fits < found.entities.len();
        found.entities.truncate(fits);
        if found.entities.is_empty() {
            return Ok(found);
        }
        let names: BTreeSet<&str> = found.entities.iter().map(|entity| entity.name.as_str()).collect();
        for (from, edges) in self.all_edges()? {
            let from_one = names.contains(from.as_str());
            let edges = edges.into_iter().filter(|(to, _)| from_one || names.contains(to.as_str()));
            found.relations.extend(edges.map(|edge| relation(&from, edge)));
        }
        Ok(found)
    }

    fn entities(&self, names: &[String]) -> Result<Vec<Entity>> {
        let keys: Vec<String> = names.iter().map(|name| key(ENTITY, name)).collect();
        let mut entities = Vec::new();
        for (name, value) in names.iter().zip(self.store.get_many(&keys)?) {
            let Some(value) = value else { continue };
            let node: Node = read(name, &value)?;
            entities.push(Entity { name: name.clone(), entity_type: node.kind, observations: node.observations });
        }
        Ok(entities)
    }

    fn relations(&self, names: &[String]) -> Result<Vec<Relation>> {
        let edges = self.edges(names)?;
        Ok(edges
            .into_iter()
            .flat_map(|(from, edges)| edges.into_iter().map(move |edge| relation(&from, edge)))
            .collect())
    }

    fn all_edges(&self) -> Result<Vec<(String, BTreeSet<Edge>)>> {
        let mut all = Vec::new();
        for names in self.names(RELATIONS)?.chunks(BATCH) {
            all.extend(self.edges(names)?);
        }
        Ok(all)
    }

    fn edges(&self, names: &[String]) -> Result<Vec<(String, BTreeSet<Edge>)>> {
        let keys: Vec<String> = names.iter().map(|name| key(RELATIONS, name)).collect();
        let mut all = Vec::new();
        for (name, value) in names.iter().zip(self.store.get_many(&keys)?) {
            let Some(value) = value else { continue };
            all.push((name.clone(), read(name, &value)?));
        }
        Ok(all)
    }

    /// The names that have such a key, in their order.
    fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for key in self.store.keys_with(prefix) {
            names.extend(key?.strip_prefix(prefix).map(str::to_owned));
        }
        Ok(names)
    }

    fn change(&self, name: &str, mut change: impl FnMut(Option<Node>) -> Result<Node>) -> Result<()> {
        self.store.update_json(&key(ENTITY, name), |node| {
            let node = change(node)?;
            let bytes: usize = node.observations.iter().map(String::len).sum();
            match bytes > NODE_BYTES_MAX {
                true => Err(Error::failed(format_args!(
                    "`{name}` would have more than {NODE_BYTES_MAX} bytes of observations"
                ))),
                false => Ok(node),
            }
        })?;
        Ok(())
    }

    // A key whose last relation went stays, empty: taking it away could take what another call is just adding.
    fn change_edges(&self, from: &str, mut change: impl FnMut(&mut BTreeSet<Edge>) -> Result<()>) -> Result<()> {
        self.store.update_json(&key(RELATIONS, from), |edges: Option<BTreeSet<Edge>>| {
            let mut edges = edges.unwrap_or_default();
            change(&mut edges)?;
            Ok(edges)
        })?;
        Ok(())
    }
}

fn key(prefix: &str, name: &str) -> String {
    format!("{prefix}{name}")
}

fn relation(from: &str, (to, relation_type): Edge) -> Relation {
    Relation { from: from.to_owned(), to, relation_type }
}

fn read<T: for<'a> Deserialize<'a>>(name: &str, value: &[u8]) -> Result<T> {
    toolyard_plugin::serde_json::from_slice(value)
        .map_err(|error| Error::internal(format_args!("what is kept of {name:?} cannot be read: {error}")))
}

/// Those of `new` that are not in `old`, each once.
fn distinct(old: &[String], new: &[String]) -> Vec<String> {
    let mut seen: BTreeSet<&String> = old.iter().collect();
    new.iter().filter(|text| seen.insert(text)).cloned().collect()
}

fn has_all(entity: &Entity, words: &[String]) -> bool {
    let mut text = format!("{}\n{}", entity.name, entity.entity_type);
    entity.observations.iter().for_each(|observation| text.extend(["\n", observation]));
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word))
}

fn size(entity: &Entity) -> usize {
    entity.name.len() + entity.entity_type.len() + entity.observations.iter().map(String::len).sum::<usize>()
}

fn unknown(name: &str) -> Error {
    Error::failed(format_args!("there is no entity named `{}`: create it first", name.escape_debug()))
}

fn check_count(count: usize) -> Result<()> {
    match count {
        0..=ITEMS_MAX => Ok(()),
        _ => Err(Error::invalid_arguments(format_args!("at most {ITEMS_MAX} at once"))),
    }
}

fn check_name(what: &str, name: &str) -> Result<()> {
    if name.trim().is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(Error::invalid_arguments(format_args!(
            "`{what}` is a text of 1 to {NAME_BYTES_MAX} bytes on one line"
        )));
    }
    Ok(())
}

fn check_observations(observations: &[String]) -> Result<()> {
    match observations.iter().any(|text| text.is_empty() || text.len() > OBSERVATION_BYTES_MAX) {
        true => Err(Error::invalid_arguments(format_args!("an observation has 1 to {OBSERVATION_BYTES_MAX} bytes"))),
        false => Ok(()),
    }
}
