//! Names are had once: by whoever had them first.

use std::{collections::BTreeMap, sync::Arc};

use super::Plugin;
use crate::ids::PluginId;

/// Whoever serves a name keeps it: whether `plugin` takes none away from those that are `serving`.
pub(super) fn no_clash(plugin: &Plugin, serving: &BTreeMap<PluginId, Arc<Plugin>>) -> Result<(), String> {
    let id = plugin.id();
    for other in serving.values().filter(|other| other.id() != id) {
        if let Some((ours, theirs)) = pairs(plugin.tools(), other.tools(), |tool| tool.name().as_str()) {
            let (own, name, their) = (&ours.described().name, ours.name(), &theirs.described().name);
            let other = other.id();
            return Err(format!(
                "its tool `{own}` would be called `{name}`, as tool `{their}` of plugin `{other}` already is; \
                     set another prefix in [plugin.{id}]"
            ));
        }
        if let Some((ours, theirs)) = pairs(plugin.prompts(), other.prompts(), |prompt| prompt.name().as_str()) {
            let (own, name, their) = (&ours.described().name, ours.name(), &theirs.described().name);
            let other = other.id();
            return Err(format!(
                "its prompt `{own}` would be called `{name}`, as prompt `{their}` of plugin `{other}` already is; \
                     set another prefix in [plugin.{id}]"
            ));
        }
        let taken = plugin.program().prefixes.iter().find(|prefix| other.program().prefixes.contains(prefix));
        if let Some(prefix) = taken {
            let other = other.id();
            return Err(format!("it answers for `{prefix}`, as plugin `{other}` already does; one of the two must go"));
        }
    }
    Ok(())
}

/// The first two things of the same name.
fn pairs<'a, T>(ours: &'a [T], theirs: &'a [T], name: impl Fn(&T) -> &str) -> Option<(&'a T, &'a T)> {
    ours.iter().find_map(|our| Some((our, theirs.iter().find(|their| name(our) == name(their))?)))
}
