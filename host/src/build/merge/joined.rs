//! One core module of several: their imports of each other are resolved, and what that makes constant is written as constant.

use std::{collections::HashMap, convert::Infallible, ops::Range};

use anyhow::{Context, Result, ensure};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, ImportSection, MemArg, MemorySection, NameMap,
    NameSection, StartSection, TableSection, TypeSection, ValType,
    reencode::{Error, Reencode, utils},
};
use wasmparser::{DataKind, ElementKind, ExternalKind, FuncType, Operator};

use super::module::{KINDS, Module, kind};
use crate::sandbox::WRITTEN_PAGE_BYTES;

/// A module, and for each of its imports where that comes from.
pub(super) struct Part<'a> {
    pub(super) module: Module<'a>,
    pub(super) origins: Vec<Origin<'a>>,
}

/// Where something comes from that a part imports.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'a> {
    /// This import of the joined module.
    Outside(usize),
    /// This export of an earlier part.
    Part(usize, &'a str),
}

/// The module that all imports of the joined module name; their fields are their numbers.
pub(super) const OUTSIDE: &str = "outside";

/// What the name of the function ends with that calls a tool.
const CALL: &str = "#call";

/// The unit of a memory's size.
const WASM_PAGE_BYTES: u64 = 64 << 10;

/// Beyond it, pages are left alone: addresses stay positive numbers.
const ADDRESS_MAX: u64 = 1 << 31;

/// What the joined module calls an export of a part.
pub(super) fn exported(part: usize, name: &str) -> String {
    format!("{part}.{name}")
}

/// Something of a part: imported by the joined module, or defined by a part.
#[derive(Clone, Copy)]
enum Place {
    Outside(usize),
    Own(usize, usize),
}

/// The numbers that a part's things have in the joined module.
#[derive(Default)]
struct Numbers {
    things: [Vec<u32>; KINDS],
    types: Vec<u32>,
    data_first: u32,
    elements_first: u32,
}

/// Joins the parts, which are in the order of their instantiation. Exports what is asked for, by part and name; where that is the
/// function that calls a tool, it first writes to the pages `together`.
pub(super) fn join(parts: &[Part<'_>], exports: &[(usize, &str)], together: &[Range<u32>]) -> Result<Vec<u8>> {
    let own: usize = parts.iter().map(|part| part.module.memories.len()).sum();
    ensure!(own <= 1, "they have several memories");
    let mut joined = Joined::default();
    joined.number(parts)?;
    for (nth, part) in parts.iter().enumerate() {
        joined.define(nth, &part.module)?;
    }
    joined.segments(parts)?;
    joined.start(parts)?;
    for (part, name) in exports {
        let (sort, index) = parts[*part].module.exports.get(name).with_context(|| format!("no export `{name}`"))?;
        let mut index = joined.numbers[*part].things[kind(*sort)?][*index as usize];
        if name.ends_with(CALL) {
            index = joined.writing(parts, (*part, name), together)?.unwrap_or(index);
        }
        joined.exports.export(&exported(*part, name), ExportKind::from(*sort), index);
    }
    Ok(joined.finish(parts))
}

/// The joined module on its way.
#[derive(Default)]
struct Joined {
    numbers: Vec<Numbers>,
    /// The globals whose value is known: immutable ones that are a constant.
    constants: HashMap<u32, Constant>,
    type_numbers: HashMap<FuncType, u32>,
    types: TypeSection,
    imports: ImportSection,
    functions_imported: u32,
    functions: FunctionSection,
    tables: TableSection,
    memories: MemorySection,
    globals: GlobalSection,
    exports: ExportSection,
    start: Option<u32>,
    elements: ElementSection,
    data: DataSection,
    code: CodeSection,
}

impl Joined {
    /// Gives everything its number, and writes the types and imports.
    fn number(&mut self, parts: &[Part<'_>]) -> Result<()> {
        for part in parts {
            let types = part.module.types.iter().map(|ty| self.type_number(ty)).collect::<Result<_>>()?;
            self.numbers.push(Numbers { types, ..Numbers::default() });
        }
        let (outside, mut next) = self.import(parts)?;
        self.functions_imported = next[0];
        let mut first = Vec::new();
        let (mut data_first, mut elements_first) = (0, 0);
        for (part, numbers) in parts.iter().zip(&mut self.numbers) {
            first.push(next);
            for (kind, next) in next.iter_mut().enumerate() {
                *next += u32::try_from(part.module.own(kind))?;
            }
            (numbers.data_first, numbers.elements_first) = (data_first, elements_first);
            data_first += u32::try_from(part.module.data.len())?;
            elements_first += u32::try_from(part.module.elements.len())?;
        }
        let mut places: Vec<[Vec<Place>; KINDS]> = Vec::new();
        for (nth, part) in parts.iter().enumerate() {
            let own = placed(nth, part, parts, &places)?;
            for (kind, own) in own.iter().enumerate() {
                self.numbers[nth].things[kind] = own
                    .iter()
                    .map(|place| match place {
                        Place::Outside(import) => outside[import],
                        Place::Own(part, index) => first[*part][kind] + u32::try_from(*index).unwrap_or(u32::MAX),
                    })
                    .collect();
            }
            places.push(own);
        }
        Ok(())
    }

    fn type_number(&mut self, ty: &FuncType) -> Result<u32> {
        if let Some(number) = self.type_numbers.get(ty) {
            return Ok(*number);
        }
        let number = self.types.len();
        self.types.ty().func_type(&utils::func_type(&mut Plain, ty.clone())?);
        self.type_numbers.insert(ty.clone(), number);
        Ok(number)
    }

    /// Writes the imports that are left. Gives the number that each has among its kind, and how many there are of each kind.
    fn import(&mut self, parts: &[Part<'_>]) -> Result<(HashMap<usize, u32>, [u32; KINDS])> {
        let (mut outside, mut counts) = (HashMap::new(), [0; KINDS]);
        for (nth, part) in parts.iter().enumerate() {
            for (import, origin) in part.module.imports.iter().zip(&part.origins) {
                let Origin::Outside(number) = origin else { continue };
                if outside.contains_key(number) {
                    continue;
                }
                let count = &mut counts[import.kind()?];
                outside.insert(*number, *count);
                *count += 1;
                let ty: EntityType = self.mapper(nth).entity_type(import.ty)?;
                self.imports.import(OUTSIDE, &number.to_string(), ty);
            }
        }
        Ok((outside, counts))
    }

    fn mapper(&self, part: usize) -> Mapper<'_> {
        Mapper { numbers: &self.numbers[part], constants: &self.constants }
    }

    /// Writes what a part defines, but for segments.
    fn define(&mut self, nth: usize, module: &Module<'_>) -> Result<()> {
        for ty in &module.functions {
            self.functions.function(self.numbers[nth].types[*ty as usize]);
        }
        for memory in &module.memories {
            self.memories.memory(Plain.memory_type(*memory)?);
        }
        for (index, global) in module.globals.iter().enumerate() {
            let number = self.numbers[nth].things[3][module.imported(3) + index];
            let value = constant(&global.init_expr, &self.numbers[nth], &self.constants);
            let init = self.mapper(nth).const_expr(global.init_expr.clone())?;
            self.globals.global(self.mapper(nth).global_type(global.ty)?, &init);
            if let (false, Some(value)) = (global.ty.mutable, value) {
                self.constants.insert(number, value);
            }
        }
        let mut mapper = Mapper { numbers: &self.numbers[nth], constants: &self.constants };
        for table in &module.tables {
            utils::parse_table(&mut mapper, &mut self.tables, table.clone())?;
        }
        for body in &module.bodies {
            utils::parse_function_body(&mut mapper, &mut self.code, body.clone())?;
        }
        Ok(())
    }

    /// A function that writes to those of the pages that are there from the start, leaving them as they are, and goes on with the
    /// export `name` of a part. None if there is nothing to write to.
    fn writing(
        &mut self,
        parts: &[Part<'_>],
        (part, name): (usize, &str),
        pages: &[Range<u32>],
    ) -> Result<Option<u32>> {
        let Some(owner) = parts.iter().position(|part| !part.module.memories.is_empty()) else { return Ok(None) };
        let module = &parts[owner].module;
        let memory_index = self.numbers[owner].things[2][module.imported(2)];
        let bytes = module.memories[0].initial.saturating_mul(WASM_PAGE_BYTES).min(ADDRESS_MAX);
        let pages_max = u32::try_from(bytes / u64::from(WRITTEN_PAGE_BYTES))?;
        let there = pages.iter().map(|pages| pages.start..pages.end.min(pages_max)).filter(|pages| !pages.is_empty());
        let there: Vec<Range<u32>> = there.collect();
        if there.is_empty() || module.memories[0].memory64 {
            return Ok(None);
        }
        let module = &parts[part].module;
        let Some((ExternalKind::Func, index)) = module.exports.get(name) else { return Ok(None) };
        let Some(own) = (*index as usize).checked_sub(module.imported(0)) else { return Ok(None) };
        let ty = module.functions[own];
        let count = u32::try_from(module.types[ty as usize].params().len())?;

        let byte = MemArg { offset: 0, align: 0, memory_index };
        let mut function = Function::new([(1, ValType::I32)]);
        let mut code = function.instructions();
        for pages in there {
            let [from, to] = [pages.start, pages.end].map(|page| (page * WRITTEN_PAGE_BYTES).cast_signed());
            code.i32_const(from).local_set(count).loop_(BlockType::Empty);
            code.local_get(count).local_get(count).i32_load8_u(byte).i32_store8(byte);
            code.local_get(count).i32_const(WRITTEN_PAGE_BYTES.cast_signed()).i32_add().local_tee(count);
            code.i32_const(to).i32_lt_u().br_if(0).end();
        }
        for param in 0..count {
            code.local_get(param);
        }
        code.call(self.numbers[part].things[0][*index as usize]).end();
        self.functions.function(self.numbers[part].types[ty as usize]);
        self.code.function(&function);
        Ok(Some(self.functions_imported + self.functions.len() - 1))
    }

    fn segments(&mut self, parts: &[Part<'_>]) -> Result<()> {
        for (part, numbers) in parts.iter().zip(&self.numbers) {
            let mut mapper = Mapper { numbers, constants: &self.constants };
            for element in &part.module.elements {
                utils::parse_element(&mut mapper, &mut self.elements, element.clone())?;
            }
            for data in &part.module.data {
                utils::parse_data(&mut mapper, &mut self.data, data.clone())?;
            }
        }
        Ok(())
    }

    /// The function that runs first: the only one, and of the last part that lays something into memory or a table, since those of
    /// all parts are laid before it runs.
    fn start(&mut self, parts: &[Part<'_>]) -> Result<()> {
        for (nth, part) in parts.iter().enumerate() {
            let Some(start) = part.module.start else { continue };
            let later = &parts[nth + 1..];
            ensure!(later.iter().all(|part| part.module.start.is_none() && !lays(&part.module)), "they start in turn");
            self.start = Some(self.numbers[nth].things[0][start as usize]);
        }
        Ok(())
    }

    fn finish(self, parts: &[Part<'_>]) -> Vec<u8> {
        let mut module = wasm_encoder::Module::new();
        module.section(&self.types).section(&self.imports).section(&self.functions).section(&self.tables);
        module.section(&self.memories).section(&self.globals).section(&self.exports);
        if let Some(function_index) = self.start {
            module.section(&StartSection { function_index });
        }
        module.section(&self.elements).section(&DataCountSection { count: self.data.len() });
        module.section(&self.code).section(&self.data);
        module.section(&names(parts, &self.numbers));
        module.finish()
    }
}

/// Where each thing of a part is, those before it being known.
fn placed(
    nth: usize,
    part: &Part<'_>,
    parts: &[Part<'_>],
    earlier: &[[Vec<Place>; KINDS]],
) -> Result<[Vec<Place>; KINDS]> {
    let mut places: [Vec<Place>; KINDS] = Default::default();
    for (import, origin) in part.module.imports.iter().zip(&part.origins) {
        let place = match origin {
            Origin::Outside(number) => Place::Outside(*number),
            Origin::Part(from, name) => {
                let export = parts[*from].module.exports.get(name).with_context(|| format!("no export `{name}`"))?;
                ensure!(kind(export.0)? == import.kind()?, "`{name}` is of another kind");
                let places = earlier.get(*from).context("a module imports from a later one")?;
                places[import.kind()?][export.1 as usize]
            }
        };
        places[import.kind()?].push(place);
    }
    for (kind, places) in places.iter_mut().enumerate() {
        places.extend((0..part.module.own(kind)).map(|index| Place::Own(nth, index)));
    }
    Ok(places)
}

/// Whether it writes into memory or a table when it is instantiated.
fn lays(module: &Module<'_>) -> bool {
    let data = module.data.iter().any(|data| matches!(data.kind, DataKind::Active { .. }));
    data || module.elements.iter().any(|element| matches!(element.kind, ElementKind::Active { .. }))
}

/// The functions' names, for what is told of a trap.
fn names(parts: &[Part<'_>], numbers: &[Numbers]) -> NameSection {
    let mut named: Vec<(u32, &str)> = Vec::new();
    for (part, numbers) in parts.iter().zip(numbers) {
        let own = part.module.imported(0)..;
        let of_part = part.module.names.iter().filter(|(index, _)| own.contains(&(*index as usize)));
        named.extend(of_part.filter_map(|(index, name)| Some((*numbers.things[0].get(*index as usize)?, *name))));
    }
    named.sort_unstable();
    let mut map = NameMap::new();
    for (index, name) in named {
        map.append(index, name);
    }
    let mut section = NameSection::new();
    section.functions(&map);
    section
}

/// A value known before anything runs.
#[derive(Debug, Clone, Copy)]
enum Constant {
    I32(i32),
    I64(i64),
}

/// The value of an expression that adds up constants, if it is one.
fn constant(
    expression: &wasmparser::ConstExpr<'_>,
    numbers: &Numbers,
    constants: &HashMap<u32, Constant>,
) -> Option<Constant> {
    let mut stack = Vec::new();
    for operator in expression.get_operators_reader() {
        let value = match operator.ok()? {
            Operator::I32Const { value } => Constant::I32(value),
            Operator::I64Const { value } => Constant::I64(value),
            Operator::GlobalGet { global_index } => *constants.get(numbers.things[3].get(global_index as usize)?)?,
            Operator::I32Add => match (stack.pop()?, stack.pop()?) {
                (Constant::I32(b), Constant::I32(a)) => Constant::I32(a.wrapping_add(b)),
                _ => return None,
            },
            Operator::End => break,
            _ => return None,
        };
        stack.push(value);
    }
    stack.pop().filter(|_| stack.is_empty())
}

/// Writes a part's code with the numbers of the joined module.
struct Mapper<'m> {
    numbers: &'m Numbers,
    constants: &'m HashMap<u32, Constant>,
}

impl Mapper<'_> {
    /// A number that the part does not have becomes one that validation refuses.
    fn thing(&self, kind: ExternalKind, index: u32) -> u32 {
        let numbers = super::module::kind(kind).ok().and_then(|kind| self.numbers.things[kind].get(index as usize));
        numbers.copied().unwrap_or(u32::MAX)
    }
}

impl Reencode for Mapper<'_> {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.thing(ExternalKind::Func, index))
    }

    fn table_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.thing(ExternalKind::Table, index))
    }

    fn memory_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.thing(ExternalKind::Memory, index))
    }

    fn global_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.thing(ExternalKind::Global, index))
    }

    fn type_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.numbers.types.get(index as usize).copied().unwrap_or(u32::MAX))
    }

    fn data_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.numbers.data_first + index)
    }

    fn element_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.numbers.elements_first + index)
    }

    fn const_expr(&mut self, expression: wasmparser::ConstExpr<'_>) -> Result<ConstExpr, Error> {
        match constant(&expression, self.numbers, self.constants) {
            Some(Constant::I32(value)) => Ok(ConstExpr::i32_const(value)),
            Some(Constant::I64(value)) => Ok(ConstExpr::i64_const(value)),
            None => utils::const_expr(self, expression),
        }
    }
}

/// Writes what has no numbers in it.
struct Plain;

impl Reencode for Plain {
    type Error = Infallible;
}
