//! What the tools are called that plain functions become.

use std::collections::HashMap;

/// Where a component exports a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The exported interface, such as `docs:adder/calc@0.1.0`; `None` for the component itself.
    pub(super) interface: Option<Box<str>>,
    pub(super) function: Box<str>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.interface {
            Some(interface) => write!(f, "{interface}#{}", self.function),
            None => f.write_str(&self.function),
        }
    }
}

/// A name for each place: `function`, or `interface_function` with as much of the interface's name as tells it from the
/// others. The error says which two would have the same.
pub(super) fn names(places: &[Place]) -> Result<Vec<String>, String> {
    let mut interfaces: Vec<&str> = places.iter().filter_map(|place| place.interface.as_deref()).collect();
    interfaces.sort_unstable();
    interfaces.dedup();
    let shortest = shortest(&interfaces);
    let mut taken: HashMap<String, &Place> = HashMap::new();
    let mut names = Vec::with_capacity(places.len());
    for place in places {
        let function = legal(&place.function);
        let interface = place.interface.as_deref().and_then(|interface| shortest.get(interface));
        let name = interface.map_or(function.clone(), |interface| format!("{interface}_{function}"));
        if let Some(other) = taken.insert(name.clone(), place) {
            return Err(format!("exports `{other}` and `{place}`, which would both be called `{name}`; rename one"));
        }
        names.push(name);
    }
    Ok(names)
}

/// The parts of an interface's name that tell it apart: `calc`, else `adder_calc`, else `docs_adder_calc`.
fn shortest<'a>(interfaces: &[&'a str]) -> HashMap<&'a str, String> {
    let mut names = HashMap::new();
    let mut rest = interfaces.to_vec();
    for parts in 1..=MOST_PARTS {
        let mut count: HashMap<String, usize> = HashMap::new();
        interfaces.iter().for_each(|interface| *count.entry(last_parts(interface, parts)).or_default() += 1);
        rest.retain(|interface| {
            let name = last_parts(interface, parts);
            let alone = count.get(&name) == Some(&1) || parts == MOST_PARTS;
            if alone {
                names.insert(*interface, name);
            }
            !alone
        });
    }
    names
}

/// Namespace, package, interface.
const MOST_PARTS: usize = 3;

fn last_parts(interface: &str, parts: usize) -> String {
    let unversioned = interface.split('@').next().unwrap_or_default();
    let mut all: Vec<&str> = unversioned.rsplit([':', '/']).take(parts).collect();
    all.reverse();
    legal(&all.join("_"))
}

/// WIT's names are legal; those that other tools write need not be.
fn legal(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(places: &[&str]) -> Result<Vec<String>, String> {
        let place = |text: &&str| match text.split_once('#') {
            Some((interface, function)) => Place { interface: Some(interface.into()), function: function.into() },
            None => Place { interface: None, function: (*text).into() },
        };
        names(&places.iter().map(place).collect::<Vec<_>>())
    }

    #[test]
    fn as_short_as_they_can_be() {
        for (places, expected) in [
            (&["add", "add-two"][..], &["add", "add-two"][..]),
            (&["add", "a:x/calc@0.1.0#add", "own#add"], &["add", "calc_add", "own_add"]),
            (&["a:x/calc#add", "a:y/calc#sub", "a:y/other#sub"], &["x_calc_add", "y_calc_sub", "other_sub"]),
            (&["a:x/calc#add", "b:x/calc#add"], &["a_x_calc_add", "b_x_calc_add"]),
            (&["strange name.1"], &["strange_name_1"]),
        ] {
            assert_eq!(named(places).unwrap(), expected);
        }
    }

    #[test]
    fn clashes_name_both() {
        for (places, both) in [
            (&["a:x/calc@1.0.0#add", "a:x/calc@2.0.0#add"][..], ["`a:x/calc@1.0.0#add`", "`a:x/calc@2.0.0#add`"]),
            (&["a.b", "a b"], ["`a.b`", "`a b`"]),
        ] {
            let error = named(places).unwrap_err();
            assert!(both.iter().all(|name| error.contains(name)), "{error}");
        }
    }
}
