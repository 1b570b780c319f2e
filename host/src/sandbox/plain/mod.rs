//! Components that know nothing of Toolyard: each plain function that they export is a tool.
//!
//! Such a component is described from its types, without running any of it, and called with values that are made from JSON by
//! the same types.

mod docs;
mod names;
mod schema;
mod shape;
#[cfg(test)]
mod tests;
mod value;

use std::collections::HashMap;

use serde_json::Value;
use wasmtime::{
    Engine, Store,
    component::{
        Component, ComponentExportIndex, Instance, Val,
        types::{ComponentFunc, ComponentItem},
    },
};

use self::{
    docs::Docs,
    names::Place,
    schema::{DOCS_BYTES_MAX, TypesDocs, Writer},
    shape::{Field, Payload, Reader, Shape, Unfit},
    value::Mistake,
};
use super::{
    call::{CallError, CallState},
    contract::{Content, Json, TextContent, Tool, ToolError, ToolResult},
};
use crate::config::Limits;

/// The only entry of a result that is no record.
const RESULT: &str = "result";

/// Functions that are named as left out; of more there is only the number.
const LEFT_OUT_SHOWN: usize = 20;

/// The plain functions of one component.
pub(super) struct Plain {
    functions: Vec<Function>,
    left_out: Vec<String>,
}

/// One function, as a tool.
pub(super) struct Function {
    tool: String,
    index: ComponentExportIndex,
    parameters: Vec<Field>,
    gives: Gives,
    description: Option<String>,
    input_schema: Json,
    output_schema: Option<Json>,
}

/// What a function gives back.
enum Gives {
    Nothing,
    Value(Box<Shape>),
    /// A `result`, whose error is the tool's.
    Result(Payload, Payload),
}

/// A function that was found, and its types.
struct Found {
    place: Place,
    index: ComponentExportIndex,
    parameters: Vec<Field>,
    gives: Gives,
}

impl Plain {
    /// Reads what `component` exports. `docs` is what its sections of doc comments hold. The error continues "the component …".
    pub(super) fn new<'a>(component: &Component, docs: impl Iterator<Item = &'a [u8]>) -> Result<Self, String> {
        let mut search = Search { component, reader: Reader::new(), found: Vec::new(), left_out: Vec::new() };
        search.all()?;
        let Search { found, left_out, .. } = search;
        let left_out = shortened(left_out);
        if found.is_empty() {
            return Err(nothing_to_call(component, &left_out));
        }
        let places: Vec<Place> = found.iter().map(|function| function.place.clone()).collect();
        let tools = names::names(&places)?;
        let docs = Docs::read(docs);
        let described = Described::new(component, &docs);
        let mut left = DOCS_BYTES_MAX;
        let functions = found.into_iter().zip(tools);
        let functions = functions.map(|(found, tool)| found.describe(tool, &docs, &described, &mut left)).collect();
        Ok(Self { functions, left_out })
    }

    /// Functions that are no tools, each with the reason.
    pub(super) fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The tools that the functions are. What they say of themselves may not be more than a guest could say.
    pub(super) fn describe(&self, limits: &Limits) -> Result<Vec<Tool>, CallError> {
        let output_bytes_max = limits.output_bytes_max;
        let bytes: usize = self.functions.iter().map(Function::described_bytes).sum();
        if bytes > output_bytes_max {
            return Err(CallError::OutputTooLarge { output_bytes_max });
        }
        Ok(self.functions.iter().map(Function::as_tool).collect())
    }

    /// The function that a tool is.
    pub(super) fn function(&self, tool: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.tool == tool)
    }
}

impl Function {
    /// The function's arguments from those of the call. The error is what is wrong with them.
    pub(super) fn arguments(&self, arguments: &Value) -> Result<Vec<Val>, String> {
        value::arguments(&self.parameters, arguments).map_err(|mistake| mistake.to_string())
    }

    /// Runs the function.
    pub(super) async fn call(
        &self,
        store: &mut Store<CallState>,
        instance: &Instance,
        arguments: &[Val],
    ) -> wasmtime::Result<Result<ToolResult, ToolError>> {
        let function = instance.get_func(&mut *store, self.index);
        let function = function.ok_or_else(|| wasmtime::Error::msg("the component does not export this function"))?;
        let mut results = match self.gives {
            Gives::Nothing => vec![],
            Gives::Value(_) | Gives::Result(..) => vec![Val::Bool(false)],
        };
        function.call_async(store, arguments, &mut results).await?;
        let answer = self.gives.answer(results.pop());
        answer.map_err(|mistake| wasmtime::Error::msg(format!("the result cannot be read: {mistake}")))
    }

    fn as_tool(&self) -> Tool {
        Tool {
            name: self.tool.clone(),
            title: None,
            description: self.description.clone(),
            input_schema: self.input_schema.clone(),
            output_schema: self.output_schema.clone(),
            annotations: None,
            icons: Vec::new(),
            long_running: false,
            meta: None,
        }
    }

    fn described_bytes(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.tool.len() + self.input_schema.len() + optional(&self.output_schema) + optional(&self.description)
    }
}

impl Gives {
    fn of(ty: &ComponentFunc, reader: &mut Reader) -> Result<Self, Unfit> {
        // The component model has one result at most.
        let Some(ty) = ty.results().next() else { return Ok(Self::Nothing) };
        Ok(match reader.read(&ty)? {
            Shape::Result(ok, error) => Self::Result(ok, error),
            shape => Self::Value(shape.into()),
        })
    }

    /// The shape of what is given if all went well.
    fn value(&self) -> Option<&Shape> {
        match self {
            Self::Nothing => None,
            Self::Value(shape) => Some(shape),
            Self::Result(ok, _) => ok.as_deref(),
        }
    }

    fn answer(&self, result: Option<Val>) -> Result<Result<ToolResult, ToolError>, Mistake> {
        match (self, result) {
            (Self::Nothing, None) | (Self::Result(None, _), Some(Val::Result(Ok(None)))) => Ok(Ok(tool_result(None))),
            (Self::Value(shape), Some(value)) => {
                let value = value::to_json(shape, value)?;
                Ok(Ok(tool_result(Some((shape, value)))))
            }
            (Self::Result(Some(shape), _), Some(Val::Result(Ok(Some(value))))) => {
                let value = value::to_json(shape, *value)?;
                Ok(Ok(tool_result(Some((shape, value)))))
            }
            (Self::Result(_, error), Some(Val::Result(Err(value)))) => {
                let text = match value::payload_to_json(error, value)? {
                    Value::Null => "The tool failed without saying why.".to_owned(),
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                Ok(Err(ToolError::Failed(text)))
            }
            _ => Err(value::foreign()),
        }
    }
}

/// A result as it is told: structured, and as text.
fn tool_result(given: Option<(&Shape, Value)>) -> ToolResult {
    let (structured, text) = match given {
        None => (None, None),
        // Without a text the host repeats the structured content as one.
        Some((Shape::Record(_), record)) => (Some(record.to_string()), None),
        Some((_, value)) => {
            let json = value.to_string();
            let structured = format!("{{\"{RESULT}\":{json}}}");
            (Some(structured), Some(if let Value::String(text) = value { text } else { json }))
        }
    };
    let content = text.map(|text| Content::Text(TextContent { text, annotations: None, meta: None }));
    ToolResult { content: content.into_iter().collect(), structured, is_error: false, meta: None }
}

/// Looks through the exports of a component.
struct Search<'a> {
    component: &'a Component,
    reader: Reader,
    found: Vec<Found>,
    left_out: Vec<String>,
}

impl Search<'_> {
    fn all(&mut self) -> Result<(), String> {
        let (component, engine) = (self.component, self.component.engine());
        for (name, export) in component.component_type().exports(engine) {
            let index = component.get_export_index(None, name);
            match (export.ty, index) {
                (ComponentItem::ComponentFunc(ty), Some(index)) => {
                    self.function(Place { interface: None, function: name.into() }, index, &ty)?;
                }
                (ComponentItem::ComponentInstance(interface), Some(parent)) if !name.starts_with("wasi:") => {
                    for (function, export) in interface.exports(engine) {
                        let ComponentItem::ComponentFunc(ty) = export.ty else { continue };
                        let place = Place { interface: Some(name.into()), function: function.into() };
                        if let Some(index) = component.get_export_index(Some(&parent), function) {
                            self.function(place, index, &ty)?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn function(&mut self, place: Place, index: ComponentExportIndex, ty: &ComponentFunc) -> Result<(), String> {
        if is_toolchains(&place, ty) {
            return Ok(());
        }
        match self.types(&place, ty) {
            Ok((parameters, gives)) => self.found.push(Found { place, index, parameters, gives }),
            Err(Unfit::Handle(what)) => self.left_out.push(format!("`{place}` {what}")),
            Err(Unfit::TooLarge(why)) => {
                return Err(format!("exports a function `{place}`, and its types {why}; use simpler types"));
            }
        }
        Ok(())
    }

    fn types(&mut self, place: &Place, ty: &ComponentFunc) -> Result<(Vec<Field>, Gives), Unfit> {
        self.reader.take(1)?;
        // Such as `[method]file.read`, whatever its types are.
        if place.function.starts_with('[') || ty.async_() {
            return Err(Unfit::Handle(if ty.async_() { "is asynchronous" } else { "belongs to a resource" }));
        }
        let parameters = ty.params().map(|(name, ty)| self.reader.parameter(name, &ty));
        Ok((parameters.collect::<Result<_, _>>()?, Gives::of(ty, &mut self.reader)?))
    }
}

/// What toolchains export beside the program's own: the initializers of QuickJS and of Python, which ran when the component was
/// built. They are known by their first parameters, since a program may have an `init` of its own.
fn is_toolchains(place: &Place, ty: &ComponentFunc) -> bool {
    let parameters: Vec<&str> = ty.params().take(2).map(|(name, _)| name).collect();
    match (place.interface.as_deref(), &*place.function) {
        (None, "init") => parameters == ["shim", "script"],
        (Some("exports"), "init") => parameters == ["app-name", "symbols"],
        _ => false,
    }
}

impl Found {
    fn describe(self, tool: String, docs: &Docs, described: &Described<'_>, left: &mut usize) -> Function {
        let Self { place, index, parameters, gives } = self;
        let types = described.types(place.interface.as_deref());
        let mut writer = Writer { types, left };
        let input_schema = writer.object(&parameters, None).to_string();
        let output_schema = gives.value().map(|shape| writer.result(shape).to_string());
        let description = docs.function(place.interface.as_deref(), &place.function).map(|text| text.trim().to_owned());
        Function { tool, index, parameters, gives, description, input_schema, output_schema }
    }
}

/// What is said of the types that a component gives names.
struct Described<'a> {
    /// Those of each exported interface.
    own: HashMap<String, TypesDocs<'a>>,
    /// All of them.
    all: TypesDocs<'a>,
}

impl<'a> Described<'a> {
    fn new(component: &Component, docs: &'a Docs) -> Self {
        let mut described = Self { own: HashMap::new(), all: HashMap::new() };
        if docs.is_empty() {
            return described;
        }
        let (ty, engine, mut reader) = (component.component_type(), component.engine(), Reader::new());
        for (name, import) in ty.imports(engine) {
            named(engine, (name, import.ty), docs, &mut reader, &mut described.all);
        }
        for (name, export) in ty.exports(engine) {
            let own = described.own.entry(name.to_owned()).or_default();
            named(engine, (name, export.ty), docs, &mut reader, own);
            for (shape, said) in own.iter() {
                note(&mut described.all, shape.clone(), *said);
            }
        }
        described
    }

    fn types(&self, interface: Option<&str>) -> [&TypesDocs<'a>; 2] {
        [interface.and_then(|interface| self.own.get(interface)).unwrap_or(&self.all), &self.all]
    }
}

/// Notes what is said of the types in `item`: an interface, or a type.
fn named<'a>(
    engine: &Engine,
    (name, item): (&str, ComponentItem),
    docs: &'a Docs,
    reader: &mut Reader,
    types: &mut TypesDocs<'a>,
) {
    let mut add = |interface: Option<&str>, name: &str, item: &ComponentItem| {
        let ComponentItem::Type(ty) = item else { return };
        // What is too large to be read is not described.
        if let Some(said) = docs.type_named(interface, name)
            && let Ok(shape) = reader.read(ty)
        {
            note(types, shape, Some(said));
        }
    };
    match &item {
        ComponentItem::ComponentInstance(interface) if !name.starts_with("wasi:") => {
            interface.exports(engine).for_each(|(inner, export)| add(Some(name), inner, &export.ty));
        }
        item => add(None, name, item),
    }
}

fn note<'a>(types: &mut TypesDocs<'a>, shape: Shape, said: Option<&'a docs::TypeDocs>) {
    types.entry(shape).and_modify(|known| *known = known.filter(|_| *known == said)).or_insert(said);
}

fn shortened(mut left_out: Vec<String>) -> Vec<String> {
    let more = left_out.len().saturating_sub(LEFT_OUT_SHOWN);
    left_out.truncate(LEFT_OUT_SHOWN);
    left_out.extend((more > 0).then(|| format!("and {more} more")));
    left_out
}

fn nothing_to_call(component: &Component, left_out: &[String]) -> String {
    let ty = component.component_type();
    let exports: Vec<&str> = ty.exports(component.engine()).map(|(name, _)| name).collect();
    let exports = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
    let mut text = format!(
        "exports neither `toolyard:plugin/tools@0.1.0` or one of its siblings nor a plain function; it exports {exports}"
    );
    if !left_out.is_empty() {
        text.push_str(&format!(" ({})", left_out.join("; ")));
    }
    text
}
