//! One core module of the many that a component is linked from.
//!
//! What componentize-py and componentize-qjs make is a handful to dozens of core modules that import from each other: an interpreter,
//! its libraries, the bindings, each with entries of a table that are known only when all are instantiated. A fresh instance for each call
//! pays for every module and every entry, each time: a quarter of a call in Python, up to two fifths in JavaScript. Here those that can be one
//! become one, whose table is a constant of the compiled code. Two small modules stay apart, as every component has them: what is
//! imported and needs the memory goes through a table of the first, which the last one fills.

mod component;
mod graph;
mod joined;
mod module;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, ops::Range};

use anyhow::{Context, Result};
use wasmparser::Validator;

use graph::{Graph, Item};

/// The component with as few core modules as can be, or nothing where there is nothing to join. An error says why it cannot be done:
/// the component is as good without. Each call of a tool writes to the pages `together` (`pages.rs`), which may be none.
pub(super) fn merged(component: &[u8], together: &[Range<u32>]) -> Result<Option<Vec<u8>>> {
    let Some(merged) = joined_up(component, together)? else { return Ok(None) };
    Validator::new().validate_all(&merged).context("the joined component is not valid")?;
    Ok(Some(merged))
}

/// The same, unchecked, and also of a component in another.
fn joined_up(component: &[u8], together: &[Range<u32>]) -> Result<Option<Vec<u8>>> {
    let graph = Graph::read(component)?;
    let mut inner = HashMap::new();
    for (nth, item) in graph.items.iter().enumerate() {
        if let Item::Component(bytes) = item {
            inner.extend(joined_up(bytes, together)?.map(|joined| (nth, joined)));
        }
    }
    let members = graph.members()?;
    let members = if members.len() < 2 { &[] } else { &*members };
    if members.is_empty() && inner.is_empty() {
        return Ok(None);
    }
    component::write(&graph, members, &inner, together).map(Some)
}
