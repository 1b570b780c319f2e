//! The component with one module in place of several: the same items, numbered anew.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    convert::Infallible,
    mem,
    ops::Range,
};

use anyhow::{Context, Result, ensure};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, Component, ComponentAliasSection, ExportKind, InstanceSection, ModuleArg,
    RawSection,
    reencode::{Error, Reencode, ReencodeComponent},
};
use wasmparser::{CanonicalFunction, ComponentAlias, Instance};

use super::{
    graph::{Graph, Item, Sort, Source},
    joined::{self, OUTSIDE, Origin, Part},
    module::Module,
};

/// Writes the component with one module in place of those of the `members`, and with those of the components in it that are written
/// anew, by their items.
///
/// The `together` pages are written to by each call of a tool (`pages.rs`).
pub(super) fn write(
    graph: &Graph<'_>,
    members: &[usize],
    inner: &HashMap<usize, Vec<u8>>,
    together: &[Range<u32>],
) -> Result<Vec<u8>> {
    let mut outside = Vec::new();
    let parts = members.iter().map(|member| part(graph, members, *member, &mut outside)).collect::<Result<Vec<_>>>()?;
    let kept = kept(graph, members, &outside)?;
    let component = Component::new();
    let numbers = Numbers::default();
    let mut writer = Writer { graph, members, outside: &outside, kept: &kept, inner, component, numbers, joined: None };
    let exports: Vec<(usize, &str)> = writer.exports()?.into_iter().collect();
    writer.all(&joined::join(&parts, &exports, together)?)?;
    Ok(writer.component.finish())
}

/// A member's module, and where its imports come from; what comes from outside goes into the list.
fn part<'a>(graph: &Graph<'a>, members: &[usize], member: usize, outside: &mut Vec<(Sort, u32)>) -> Result<Part<'a>> {
    let (bytes, args) = graph.instantiated(member)?;
    let module = Module::read(bytes)?;
    let mut origins = Vec::new();
    for import in &module.imports {
        let arg = args.iter().find(|arg| arg.name == import.module).context("a module lacks an argument")?;
        origins.push(match graph.source(members, arg.index, import.field)? {
            Source::Export(from, name) => {
                let part = members.iter().position(|member| *member == from);
                Origin::Part(part.context("a module takes from one that stays apart")?, name)
            }
            Source::Outside(sort, index) => {
                let thing = (sort, index);
                let known = outside.iter().position(|known| *known == thing);
                Origin::Outside(known.unwrap_or_else(|| {
                    outside.push(thing);
                    outside.len() - 1
                }))
            }
        });
    }
    Ok(Part { module, origins })
}

/// The items that are still needed: not the members, nor what only they used.
fn kept(graph: &Graph<'_>, members: &[usize], outside: &[(Sort, u32)]) -> Result<HashSet<usize>> {
    let is_name = |item: &Item<'_>| {
        matches!(
            item,
            Item::Instance(Instance::FromExports(_))
                | Item::Alias(ComponentAlias::CoreInstanceExport { .. })
                | Item::Module(_)
        )
    };
    let mut todo: Vec<usize> =
        (0..graph.items.len()).filter(|item| !members.contains(item) && !is_name(&graph.items[*item])).collect();
    for thing in outside {
        todo.push(graph.definition(*thing)?);
    }
    let mut kept = HashSet::new();
    while let Some(item) = todo.pop() {
        if members.contains(&item) || !kept.insert(item) {
            continue;
        }
        for thing in graph.uses(item) {
            todo.push(graph.definition(thing)?);
        }
    }
    Ok(kept)
}

/// The component on its way.
struct Writer<'w, 'a> {
    graph: &'w Graph<'a>,
    members: &'w [usize],
    outside: &'w [(Sort, u32)],
    kept: &'w HashSet<usize>,
    inner: &'w HashMap<usize, Vec<u8>>,
    component: Component,
    numbers: Numbers,
    /// The number of the joined instance, once it is there.
    joined: Option<u32>,
}

impl<'w, 'a> Writer<'w, 'a> {
    /// The exports of members that are used by what stays: by aliases, and by modules whose argument a member is.
    fn exports(&self) -> Result<BTreeSet<(usize, &'a str)>> {
        let mut exports = BTreeSet::new();
        for item in self.kept {
            match &self.graph.items[*item] {
                Item::Alias(ComponentAlias::CoreInstanceExport { instance_index, name, .. }) => {
                    exports.extend(self.member(*instance_index)?.map(|part| (part, *name)));
                }
                Item::Instance(Instance::Instantiate { .. }) => {
                    let (bytes, args) = self.graph.instantiated(*item)?;
                    let module = Module::read(bytes)?;
                    for arg in args {
                        let Some(part) = self.member(arg.index)? else { continue };
                        let named = module.imports.iter().filter(|import| import.module == arg.name);
                        exports.extend(named.map(|import| (part, import.field)));
                    }
                }
                _ => {}
            }
        }
        Ok(exports)
    }

    /// The place among the members of the instance with this number.
    fn member(&self, instance: u32) -> Result<Option<usize>> {
        let item = self.graph.definition((Sort::Instance, instance))?;
        Ok(self.members.iter().position(|member| *member == item))
    }

    /// Writes all items, the joined module as soon as everything is there that it imports, and what needs it behind it.
    fn all(&mut self, module: &[u8]) -> Result<()> {
        let outside = self.outside.iter().map(|thing| self.graph.definition(*thing)).collect::<Result<Vec<_>>>()?;
        let last = outside.into_iter().max().or(self.members.first().copied());
        let mut late: Vec<usize> = Vec::new();
        for item in 0..self.graph.items.len() {
            if self.kept.contains(&item) {
                let waits = |used: &usize| self.members.contains(used) || late.contains(used);
                let used = self.graph.uses(item).into_iter().map(|thing| self.graph.definition(thing));
                let used = used.collect::<Result<Vec<_>>>()?;
                if self.joined.is_none() && used.iter().any(waits) {
                    let is_lift = matches!(&self.graph.items[item], Item::Canonical(CanonicalFunction::Lift { .. }));
                    ensure!(!is_lift, "a function is exported before all modules are there");
                    late.push(item);
                } else {
                    self.item(item)?;
                }
            }
            if Some(item) == last {
                self.join(module);
                for item in mem::take(&mut late) {
                    self.item(item)?;
                }
            }
        }
        Ok(())
    }

    /// Writes the joined module and its instance.
    fn join(&mut self, module: &[u8]) {
        self.component.section(&RawSection { id: MODULE, data: module });
        let module = self.numbers.next(Sort::Module);
        let mut instances = InstanceSection::new();
        let outside: Vec<_> = (self.outside.iter().enumerate())
            .map(|(nth, thing)| (nth.to_string(), export_kind(thing.0), self.numbers.of(*thing)))
            .collect();
        instances.export_items(outside);
        let outside = self.numbers.next(Sort::Instance);
        instances.instantiate(module, [(OUTSIDE, ModuleArg::Instance(outside))]);
        self.joined = Some(self.numbers.next(Sort::Instance));
        self.component.section(&instances);
    }

    fn item(&mut self, item: usize) -> Result<()> {
        match &self.graph.items[item] {
            Item::Section { id, body } => {
                self.component.section(&RawSection { id: *id, data: body });
            }
            Item::Module(bytes) => {
                self.component.section(&RawSection { id: MODULE, data: bytes });
            }
            Item::Component(bytes) => {
                let data = self.inner.get(&item).map_or(*bytes, Vec::as_slice);
                self.component.section(&RawSection { id: COMPONENT, data });
            }
            Item::Canonical(function) => {
                let mut section = CanonicalFunctionSection::new();
                self.numbers.parse_component_canonical(&mut section, function.clone())?;
                self.component.section(&section);
            }
            Item::Alias(alias) => self.alias(alias)?,
            Item::Instance(instance) => {
                let instance = self.with_arguments(item, instance)?;
                let mut section = InstanceSection::new();
                self.numbers.parse_instance(&mut section, instance)?;
                self.component.section(&section);
            }
        }
        if let Some(thing) = self.graph.defines[item] {
            let number = self.numbers.next(thing.0);
            self.numbers.new.insert(thing, number);
        }
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) -> Result<()> {
        let mut section = ComponentAliasSection::new();
        let joined_name;
        let alias = match alias {
            ComponentAlias::CoreInstanceExport { kind, instance_index, name } => {
                let kind = ExportKind::from(*kind);
                match self.member(*instance_index)? {
                    Some(part) => {
                        joined_name = joined::exported(part, name);
                        let instance = self.joined.context("an alias stands before its instance")?;
                        Alias::CoreInstanceExport { instance, kind, name: &joined_name }
                    }
                    None => {
                        let instance = self.numbers.of((Sort::Instance, *instance_index));
                        Alias::CoreInstanceExport { instance, kind, name }
                    }
                }
            }
            other => self.numbers.component_alias(other.clone())?,
        };
        section.alias(alias);
        self.component.section(&section);
        Ok(())
    }

    /// Before a module is instantiated whose argument is a member: an instance with those of its exports that it takes.
    fn with_arguments(&mut self, item: usize, instance: &Instance<'a>) -> Result<Instance<'a>> {
        let Instance::Instantiate { args, .. } = instance else { return Ok(instance.clone()) };
        let module = Module::read(self.graph.instantiated(item)?.0)?;
        for arg in args {
            let Some(part) = self.member(arg.index)? else { continue };
            let joined = self.joined.context("a module stands before its argument")?;
            let (mut aliases, mut exports) = (ComponentAliasSection::new(), Vec::new());
            for import in module.imports.iter().filter(|import| import.module == arg.name) {
                let kind = import.sort();
                let name = joined::exported(part, import.field);
                aliases.alias(Alias::CoreInstanceExport {
                    instance: joined,
                    kind: ExportKind::from(kind),
                    name: &name,
                });
                exports.push((import.field, ExportKind::from(kind), self.numbers.next(Sort::from(kind))));
            }
            self.component.section(&aliases);
            let mut section = InstanceSection::new();
            section.export_items(exports);
            self.component.section(&section);
            let number = self.numbers.next(Sort::Instance);
            self.numbers.new.insert((Sort::Instance, arg.index), number);
        }
        Ok(instance.clone())
    }
}

/// The section that holds a core module.
const MODULE: u8 = 1;

/// The section that holds a component.
const COMPONENT: u8 = 4;

fn export_kind(sort: Sort) -> ExportKind {
    match sort {
        Sort::Table => ExportKind::Table,
        Sort::Memory => ExportKind::Memory,
        Sort::Global => ExportKind::Global,
        Sort::Tag => ExportKind::Tag,
        Sort::Func | Sort::Instance | Sort::Module => ExportKind::Func,
    }
}

/// The numbers that things have in the new component.
#[derive(Default)]
struct Numbers {
    new: HashMap<(Sort, u32), u32>,
    counts: HashMap<Sort, u32>,
}

impl Numbers {
    /// A thing that is not there becomes one that validation refuses.
    fn of(&self, thing: (Sort, u32)) -> u32 {
        self.new.get(&thing).copied().unwrap_or(u32::MAX)
    }

    /// The number of one more.
    fn next(&mut self, sort: Sort) -> u32 {
        let count = self.counts.entry(sort).or_default();
        *count += 1;
        *count - 1
    }
}

impl Reencode for Numbers {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.of((Sort::Func, index)))
    }

    fn table_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.of((Sort::Table, index)))
    }

    fn memory_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.of((Sort::Memory, index)))
    }

    fn global_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.of((Sort::Global, index)))
    }

    fn tag_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.of((Sort::Tag, index)))
    }
}

impl ReencodeComponent for Numbers {
    fn instance_index(&mut self, index: u32) -> u32 {
        self.of((Sort::Instance, index))
    }

    fn module_index(&mut self, index: u32) -> u32 {
        self.of((Sort::Module, index))
    }
}
