//! A core module's sections, read.

use std::collections::HashMap;

use anyhow::{Result, bail};
use wasmparser::{
    Data, Element, ExternalKind, FuncType, FunctionBody, Global, KnownCustom, MemoryType, Name, Parser, Payload, Table,
    TypeRef,
};

/// The sorts of things that a module's parts are numbered by.
pub(super) const KINDS: usize = 4;

/// A core module of the kind that is compiled from C, Rust and the like: functions' types only, no tags.
#[derive(Default)]
pub(super) struct Module<'a> {
    pub(super) types: Vec<FuncType>,
    pub(super) imports: Vec<Import<'a>>,
    /// Each function's type.
    pub(super) functions: Vec<u32>,
    pub(super) tables: Vec<Table<'a>>,
    pub(super) memories: Vec<MemoryType>,
    pub(super) globals: Vec<Global<'a>>,
    pub(super) exports: HashMap<&'a str, (ExternalKind, u32)>,
    pub(super) start: Option<u32>,
    pub(super) elements: Vec<Element<'a>>,
    pub(super) data: Vec<Data<'a>>,
    pub(super) bodies: Vec<FunctionBody<'a>>,
    /// Names of functions, as far as it has them.
    pub(super) names: Vec<(u32, &'a str)>,
}

#[derive(Clone, Copy)]
pub(super) struct Import<'a> {
    pub(super) module: &'a str,
    pub(super) field: &'a str,
    pub(super) ty: TypeRef,
}

/// The number of a kind, below [`KINDS`].
pub(super) fn kind(kind: ExternalKind) -> Result<usize> {
    Ok(match kind {
        ExternalKind::Func | ExternalKind::FuncExact => 0,
        ExternalKind::Table => 1,
        ExternalKind::Memory => 2,
        ExternalKind::Global => 3,
        ExternalKind::Tag => bail!("a module has exception tags"),
    })
}

impl Import<'_> {
    pub(super) fn sort(&self) -> ExternalKind {
        match self.ty {
            TypeRef::Func(_) | TypeRef::FuncExact(_) => ExternalKind::Func,
            TypeRef::Table(_) => ExternalKind::Table,
            TypeRef::Memory(_) => ExternalKind::Memory,
            TypeRef::Global(_) => ExternalKind::Global,
            TypeRef::Tag(_) => ExternalKind::Tag,
        }
    }

    /// The number of its kind, below [`KINDS`].
    pub(super) fn kind(&self) -> Result<usize> {
        kind(self.sort())
    }
}

impl<'a> Module<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            module.add(payload?)?;
        }
        Ok(module)
    }

    fn add(&mut self, payload: Payload<'a>) -> Result<()> {
        match payload {
            Payload::TypeSection(types) => {
                for ty in types.into_iter_err_on_gc_types() {
                    self.types.push(ty?);
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    self.imports.push(Import { module: import.module, field: import.name, ty: import.ty });
                }
            }
            Payload::FunctionSection(functions) => self.functions = functions.into_iter().collect::<Result<_, _>>()?,
            Payload::TableSection(tables) => self.tables = tables.into_iter().collect::<Result<_, _>>()?,
            Payload::MemorySection(memories) => self.memories = memories.into_iter().collect::<Result<_, _>>()?,
            Payload::GlobalSection(globals) => self.globals = globals.into_iter().collect::<Result<_, _>>()?,
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    self.exports.insert(export.name, (export.kind, export.index));
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(elements) => self.elements = elements.into_iter().collect::<Result<_, _>>()?,
            Payload::DataSection(data) => self.data = data.into_iter().collect::<Result<_, _>>()?,
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::TagSection(_) => bail!("a module has exception tags"),
            Payload::CustomSection(custom) => {
                if let KnownCustom::Name(names) = custom.as_known() {
                    // What a damaged section of names says is not needed.
                    self.names = names.into_iter().filter_map(Result::ok).flat_map(function_names).collect();
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// How many of a kind are imported.
    pub(super) fn imported(&self, kind: usize) -> usize {
        self.imports.iter().filter(|import| import.kind().is_ok_and(|of| of == kind)).count()
    }

    /// How many of a kind are its own.
    pub(super) fn own(&self, kind: usize) -> usize {
        [self.functions.len(), self.tables.len(), self.memories.len(), self.globals.len()][kind]
    }
}

fn function_names(names: Name<'_>) -> Vec<(u32, &str)> {
    match names {
        Name::Function(map) => {
            map.into_iter().filter_map(Result::ok).map(|naming| (naming.index, naming.name)).collect()
        }
        _ => Vec::new(),
    }
}
