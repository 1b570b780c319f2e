//! The plugin `memory`: a knowledge graph that outlives calls.

mod graph;

#[cfg(test)]
mod tests;

#[toolyard_plugin::plugin(wishes = "wishes.toml")]
mod memory {
    use toolyard_plugin::{Deserialize, JsonSchema, Result, Serialize};

    use crate::graph::Graph;

    /// Something that is known of.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    pub struct Entity {
        /// What it is called: there is one of each name.
        pub name: String,
        /// What kind of thing it is, such as `person`.
        pub entity_type: String,
        /// What is known of it, each a sentence of its own.
        pub observations: Vec<String>,
    }

    /// How one entity relates to another.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    pub struct Relation {
        /// The name of the entity it begins at.
        pub from: String,
        /// The name of the entity it leads to.
        pub to: String,
        /// In the active voice, such as `works at`.
        pub relation_type: String,
    }

    /// What is to be added to an entity.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    pub struct Addition {
        pub entity_name: String,
        /// What is known of it, each a sentence of its own.
        pub contents: Vec<String>,
    }

    /// What is to be taken from an entity.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    pub struct Deletion {
        pub entity_name: String,
        /// As they stand there.
        pub observations: Vec<String>,
    }

    /// A part of the graph.
    #[derive(Debug, Default, PartialEq, Serialize, JsonSchema)]
    pub struct Part {
        pub entities: Vec<Entity>,
        pub relations: Vec<Relation>,
        /// There is more: call again with this as `cursor`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub next: Option<String>,
    }

    /// What was found.
    #[derive(Debug, Default, PartialEq, Serialize, JsonSchema)]
    pub struct Found {
        pub entities: Vec<Entity>,
        /// Those that begin or end at one of them.
        pub relations: Vec<Relation>,
        /// Whether there is more than is given.
        pub more: bool,
    }

    /// Entities that are new.
    #[derive(Debug, PartialEq, Serialize, JsonSchema)]
    pub struct Entities {
        pub entities: Vec<Entity>,
    }

    /// Relations that are new.
    #[derive(Debug, PartialEq, Serialize, JsonSchema)]
    pub struct Relations {
        pub relations: Vec<Relation>,
    }

    /// What was new.
    #[derive(Debug, PartialEq, Serialize, JsonSchema)]
    pub struct Added {
        pub results: Vec<AddedTo>,
    }

    /// What was new of one entity.
    #[derive(Debug, PartialEq, Serialize, JsonSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct AddedTo {
        pub entity_name: String,
        pub added_observations: Vec<String>,
    }

    /// That something is gone, and how much of it was there.
    #[derive(Debug, PartialEq, Serialize, JsonSchema)]
    pub struct Deleted {
        pub success: bool,
        pub message: String,
    }

    /// Adds entities to the knowledge graph. One whose name is taken is left as it is.
    #[tool(title = "Create entities", destructive = false, idempotent, open_world = false)]
    pub fn create_entities(entities: Vec<Entity>) -> Result<Entities> {
        Ok(Entities { entities: Graph::open()?.create_entities(entities)? })
    }

    /// Adds relations between entities. One that is there already is left as it is.
    #[tool(title = "Create relations", destructive = false, idempotent, open_world = false)]
    pub fn create_relations(relations: Vec<Relation>) -> Result<Relations> {
        Ok(Relations { relations: Graph::open()?.create_relations(relations)? })
    }

    /// Adds observations to entities that exist.
    #[tool(title = "Add observations", destructive = false, idempotent, open_world = false)]
    pub fn add_observations(observations: Vec<Addition>) -> Result<Added> {
        Ok(Added { results: Graph::open()?.add_observations(observations)? })
    }

    /// Deletes entities, with the relations that begin or end at them.
    #[tool(title = "Delete entities", destructive, idempotent, open_world = false)]
    pub fn delete_entities(#[arg(name = "entityNames")] entity_names: Vec<String>) -> Result<Deleted> {
        let count = Graph::open()?.delete_entities(&entity_names)?;
        Ok(Deleted { success: true, message: format!("{count} entities were deleted.") })
    }

    /// Deletes observations of entities.
    #[tool(title = "Delete observations", destructive, idempotent, open_world = false)]
    pub fn delete_observations(deletions: Vec<Deletion>) -> Result<Deleted> {
        let count = Graph::open()?.delete_observations(&deletions)?;
        Ok(Deleted { success: true, message: format!("{count} observations were deleted.") })
    }

    /// Deletes relations.
    #[tool(title = "Delete relations", destructive, idempotent, open_world = false)]
    pub fn delete_relations(relations: Vec<Relation>) -> Result<Deleted> {
        let count = Graph::open()?.delete_relations(&relations)?;
        Ok(Deleted { success: true, message: format!("{count} relations were deleted.") })
    }

    /// Reads the whole knowledge graph, part by part.
    #[tool(title = "Read the graph", read_only, idempotent, open_world = false)]
    pub fn read_graph(
        /// The `next` of the part before.
        cursor: Option<&str>,
        /// How many entities to give at most, up to 500.
        #[arg(default = 100)]
        limit: usize,
    ) -> Result<Part> {
        Graph::open()?.read(cursor, limit)
    }

    /// Finds entities by words in their names, types and observations. All words must be there.
    #[tool(title = "Search", read_only, idempotent, open_world = false)]
    pub fn search_nodes(
        /// Words, or parts of them.
        query: &str,
    ) -> Result<Found> {
        Graph::open()?.search(query)
    }

    /// Gives entities by their names. Those that do not exist are left out.
    #[tool(title = "Open entities", read_only, idempotent, open_world = false)]
    pub fn open_nodes(names: Vec<String>) -> Result<Found> {
        Graph::open()?.named(&names)
    }
}
