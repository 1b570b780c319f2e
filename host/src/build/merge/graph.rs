//! A component's top level as items that define and use core things: which of its core modules can be one.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    ops::Range,
};

use anyhow::{Context, Result, bail};
use wasm_encoder::reencode::{Error, Reencode, ReencodeComponent};
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExternalKind, Encoding, ExternalKind, Instance, InstantiationArg,
    Parser, Payload,
};

use super::module::Module;

/// What is numbered at a component's top level and can be part of core modules or their instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Sort {
    Func,
    Table,
    Memory,
    Global,
    Tag,
    Instance,
    Module,
}

/// One definition at the top level.
pub(super) enum Item<'a> {
    /// A section that neither defines nor uses anything of a [`Sort`].
    Section {
        id: u8,
        body: &'a [u8],
    },
    Module(&'a [u8]),
    Component(&'a [u8]),
    Instance(Instance<'a>),
    Alias(ComponentAlias<'a>),
    Canonical(CanonicalFunction),
}

/// A component's items in their order.
pub(super) struct Graph<'a> {
    pub(super) items: Vec<Item<'a>>,
    /// What each item defines.
    pub(super) defines: Vec<Option<(Sort, u32)>>,
    /// The item that defines a thing.
    defined: HashMap<(Sort, u32), usize>,
}

/// Where something comes from that a module imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Source<'a> {
    /// From a thing of the component.
    Outside(Sort, u32),
    /// An export of the instance that the item at this place makes.
    Export(usize, &'a str),
}

impl From<ExternalKind> for Sort {
    fn from(kind: ExternalKind) -> Self {
        match kind {
            ExternalKind::Func | ExternalKind::FuncExact => Self::Func,
            ExternalKind::Table => Self::Table,
            ExternalKind::Memory => Self::Memory,
            ExternalKind::Global => Self::Global,
            ExternalKind::Tag => Self::Tag,
        }
    }
}

impl<'a> Graph<'a> {
    /// Reads the top level. An error where it is no component, or deals in core modules as values, which no toolchain makes.
    pub(super) fn read(component: &'a [u8]) -> Result<Self> {
        let mut graph = Self { items: Vec::new(), defines: Vec::new(), defined: HashMap::new() };
        let mut counts = HashMap::new();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(component) {
            let payload = payload?;
            match &payload {
                Payload::End(_) => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                Payload::Version { encoding: Encoding::Module, .. } => bail!("it is a core module"),
                _ => graph.add(&payload, component, &mut counts)?,
            }
            if matches!(payload, Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) {
                depth += 1;
            }
        }
        Ok(graph)
    }

    fn add(&mut self, payload: &Payload<'a>, component: &'a [u8], counts: &mut HashMap<Sort, u32>) -> Result<()> {
        let mut add = |item: Item<'a>| -> Result<()> {
            let thing = item.defines()?.map(|sort| {
                let count = counts.entry(sort).or_default();
                *count += 1;
                (sort, *count - 1)
            });
            self.defined.extend(thing.map(|thing| (thing, self.items.len())));
            self.defines.push(thing);
            self.items.push(item);
            Ok(())
        };
        match payload {
            Payload::ModuleSection { unchecked_range, .. } => add(Item::Module(within(component, unchecked_range)?)),
            Payload::ComponentSection { unchecked_range, .. } => {
                add(Item::Component(within(component, unchecked_range)?))
            }
            Payload::InstanceSection(instances) => {
                instances.clone().into_iter().try_for_each(|instance| add(Item::Instance(instance?)))
            }
            Payload::ComponentAliasSection(aliases) => {
                aliases.clone().into_iter().try_for_each(|alias| add(Item::Alias(alias?)))
            }
            Payload::ComponentCanonicalSection(functions) => {
                functions.clone().into_iter().try_for_each(|function| add(Item::Canonical(function?)))
            }
            // It names things by numbers that change.
            Payload::CustomSection(custom) if custom.name() == "component-name" => Ok(()),
            _ => match payload.as_section() {
                Some((id, range)) => add(Item::Section { id, body: within(component, &range)? }),
                None => Ok(()),
            },
        }
    }

    /// The item that defines a thing.
    pub(super) fn definition(&self, thing: (Sort, u32)) -> Result<usize> {
        self.defined.get(&thing).copied().with_context(|| format!("{thing:?} is not defined"))
    }

    /// The things that an item uses.
    pub(super) fn uses(&self, item: usize) -> Vec<(Sort, u32)> {
        let mut uses = Uses::default();
        // Infallible but for numbers that have no meaning, which validation finds.
        let _ = match &self.items[item] {
            Item::Instance(instance) => {
                uses.parse_instance(&mut wasm_encoder::InstanceSection::new(), instance.clone())
            }
            Item::Canonical(function) => {
                uses.parse_component_canonical(&mut wasm_encoder::CanonicalFunctionSection::new(), function.clone())
            }
            Item::Alias(ComponentAlias::CoreInstanceExport { instance_index, .. }) => {
                uses.0.push((Sort::Instance, *instance_index));
                Ok(())
            }
            Item::Alias(_) | Item::Section { .. } | Item::Module(_) | Item::Component(_) => Ok(()),
        };
        uses.0
    }

    /// The instances whose modules can be one: everything that one of them imports is an export of another, or is there before
    /// all of them.
    pub(super) fn members(&self) -> Result<Vec<usize>> {
        let mut modules: HashMap<u32, u32> = HashMap::new();
        for item in &self.items {
            if let Item::Instance(Instance::Instantiate { module_index, .. }) = item {
                *modules.entry(*module_index).or_default() += 1;
            }
        }
        let single = |item: &Item<'_>| matches!(item, Item::Instance(Instance::Instantiate { module_index, .. }) if modules[module_index] == 1);
        let single: Vec<usize> = (0..self.items.len()).filter(|item| single(&self.items[*item])).collect();
        let mut members = self.with_one_table(single)?;
        while let Some(late) = self.first_late(&members)? {
            members.retain(|member| *member != late);
        }
        Ok(members)
    }

    /// Those without a table or memory of their own, and the one with the largest table: hosts allow one of each to a module.
    fn with_one_table(&self, members: Vec<usize>) -> Result<Vec<usize>> {
        let mut tables = HashMap::new();
        for member in &members {
            let module = Module::read(self.instantiated(*member)?.0)?;
            let entries = module.tables.iter().map(|table| table.ty.initial).sum::<u64>();
            if !(module.tables.is_empty() && module.memories.is_empty()) {
                tables.insert(*member, entries);
            }
        }
        let largest = tables.iter().max_by_key(|(_, entries)| **entries).map(|(member, _)| *member);
        Ok(members.into_iter().filter(|member| !tables.contains_key(member) || Some(*member) == largest).collect())
    }

    /// The module and the arguments of the instance that an item makes.
    pub(super) fn instantiated(&self, item: usize) -> Result<(&'a [u8], &[InstantiationArg<'a>])> {
        let Item::Instance(Instance::Instantiate { module_index, args }) = &self.items[item] else {
            bail!("an item makes no instance");
        };
        match &self.items[self.definition((Sort::Module, *module_index))?] {
            Item::Module(bytes) => Ok((*bytes, &**args)),
            _ => bail!("an instance is made of no module"),
        }
    }

    /// The first member that takes something which is there only after another member is.
    fn first_late(&self, members: &[usize]) -> Result<Option<usize>> {
        let mut after: HashSet<usize> = HashSet::new();
        for item in 0..self.items.len() {
            let member = members.contains(&item);
            let mut used = Vec::new();
            for thing in self.uses(item) {
                let definition = self.definition(thing)?;
                if member { self.behind(definition, &mut used)? } else { used.push(definition) }
            }
            let is_after = used.iter().any(|used| after.contains(used) || (!member && members.contains(used)));
            if member && is_after {
                return Ok(Some(item));
            }
            if is_after {
                after.insert(item);
            }
        }
        Ok(None)
    }

    /// What an argument of a module is made of: instances that only name things, and aliases, are seen through.
    fn behind(&self, item: usize, found: &mut Vec<usize>) -> Result<()> {
        match &self.items[item] {
            Item::Instance(Instance::FromExports(_)) | Item::Alias(_) => {
                for thing in self.uses(item) {
                    self.behind(self.definition(thing)?, found)?;
                }
            }
            _ => found.push(item),
        }
        Ok(())
    }

    /// Where `field` of the argument `instance` comes from: of a member, or from outside.
    pub(super) fn source(&self, members: &[usize], instance: u32, field: &'a str) -> Result<Source<'a>> {
        let item = self.definition((Sort::Instance, instance))?;
        let Item::Instance(Instance::FromExports(exports)) = &self.items[item] else {
            return Ok(Source::Export(item, field));
        };
        let export = exports.iter().find(|export| export.name == field);
        let export = export.with_context(|| format!("`{field}` is not among a module's arguments"))?;
        let thing = (Sort::from(export.kind), export.index);
        Ok(match &self.items[self.definition(thing)?] {
            Item::Alias(ComponentAlias::CoreInstanceExport { instance_index, name, .. }) => {
                let from = self.definition((Sort::Instance, *instance_index))?;
                match &self.items[from] {
                    Item::Instance(Instance::FromExports(_)) => self.source(members, *instance_index, name)?,
                    _ if members.contains(&from) => Source::Export(from, name),
                    _ => Source::Outside(thing.0, thing.1),
                }
            }
            _ => Source::Outside(thing.0, thing.1),
        })
    }
}

impl Item<'_> {
    /// The sort of what it defines.
    fn defines(&self) -> Result<Option<Sort>> {
        Ok(match self {
            Self::Module(_) => Some(Sort::Module),
            Self::Instance(_) => Some(Sort::Instance),
            Self::Canonical(CanonicalFunction::Lift { .. }) | Self::Section { .. } | Self::Component(_) => None,
            Self::Canonical(_) => Some(Sort::Func),
            Self::Alias(ComponentAlias::CoreInstanceExport { kind, .. }) => Some(Sort::from(*kind)),
            Self::Alias(ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. }) => {
                bail!("it takes a core module from an instance")
            }
            Self::Alias(_) => None,
        })
    }
}

fn within<'a>(component: &'a [u8], range: &Range<u64>) -> Result<&'a [u8]> {
    Ok(&component[usize::try_from(range.start)?..usize::try_from(range.end)?])
}

/// Writes down every number that is asked for.
#[derive(Default)]
struct Uses(Vec<(Sort, u32)>);

impl Uses {
    fn noted(&mut self, sort: Sort, index: u32) -> u32 {
        self.0.push((sort, index));
        index
    }
}

impl Reencode for Uses {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.noted(Sort::Func, index))
    }

    fn table_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.noted(Sort::Table, index))
    }

    fn memory_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.noted(Sort::Memory, index))
    }

    fn global_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.noted(Sort::Global, index))
    }

    fn tag_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.noted(Sort::Tag, index))
    }
}

impl ReencodeComponent for Uses {
    fn instance_index(&mut self, index: u32) -> u32 {
        self.noted(Sort::Instance, index)
    }

    fn module_index(&mut self, index: u32) -> u32 {
        self.noted(Sort::Module, index)
    }
}
