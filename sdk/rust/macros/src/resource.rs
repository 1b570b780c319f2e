//! One function as a resource, or as a list of them: what its signature and attributes say.

use syn::spanned::Spanned;
use syn::{Attribute, Error, ItemFn, LitFloat, LitInt, LitStr, Result};

use crate::function::Function;
use crate::options::{About, at, each, take_one, text, unknown};
use crate::parameter::{Argument, Passing, in_option, is_named, unraw};
use crate::template::{self, Part, check_uri};

/// A resource, or a family of them, as it is meant.
pub(crate) struct Resource {
    pub(crate) function: Function,
    pub(crate) place: Place,
    /// As clients see it.
    pub(crate) name: String,
    pub(crate) about: About,
    pub(crate) mime_type: Option<LitStr>,
    pub(crate) size: Option<LitInt>,
    pub(crate) annotations: Annotations,
}

/// Which URIs it is behind.
pub(crate) enum Place {
    Uri(LitStr),
    Template(LitStr, Vec<Part>),
    Prefix(LitStr),
}

/// For whom it is, and how much it matters.
#[derive(Default)]
pub(crate) struct Annotations {
    pub(crate) audience: Vec<Audience>,
    pub(crate) priority: Option<LitFloat>,
    pub(crate) last_modified: Option<LitStr>,
}

#[derive(Clone, Copy)]
pub(crate) enum Audience {
    User,
    Assistant,
}

/// A function that lists resources.
pub(crate) struct Listing {
    pub(crate) function: Function,
}

impl Place {
    pub(crate) fn text(&self) -> &LitStr {
        match self {
            Self::Uri(text) | Self::Template(text, _) | Self::Prefix(text) => text,
        }
    }
}

impl Annotations {
    pub(crate) fn say_something(&self) -> bool {
        !self.audience.is_empty() || self.priority.is_some() || self.last_modified.is_some()
    }
}

const WHAT: &str = "a resource";
const WHERE: &str = "say where it is, with one of `uri = \"…\"`, `uri_template = \"…\"` and `prefix = \"…\"`";

/// Reads a function under `#[resource(…)]`, and takes away from it what the compiler would not understand.
pub(crate) fn read(function: &mut ItemFn) -> Result<Resource> {
    let Some(attribute) = take_one(&mut function.attrs, "resource")? else {
        return Err(Error::new(function.sig.ident.span(), WHERE));
    };
    let function = Function::read(function, WHAT)?;
    function.check_text_arguments(WHAT)?;
    let mut resource = read_options(&attribute, function)?;
    // What the name is made of is nobody's business: clients address a resource by its URI.
    let given = resource.about.name.as_ref().map(LitStr::value);
    resource.name = given.unwrap_or_else(|| unraw(&resource.function.ident));
    check_parameters(&resource)?;
    Ok(resource)
}

/// Reads a function under `#[resources]`.
pub(crate) fn read_listing(function: &mut ItemFn) -> Result<Listing> {
    let what = "a list of resources";
    if let Some(attribute) = take_one(&mut function.attrs, "resources")? {
        attribute.meta.require_path_only()?;
    }
    let function = Function::read(function, what)?;
    function.check_text_arguments(what)?;
    let mut arguments = function.arguments();
    let is_cursor = |argument: &Argument| {
        in_option(&argument.ty).is_some_and(|ty| is_named(ty, "String"))
            && matches!(argument.passing, Passing::Value | Passing::OptionDeref)
    };
    if arguments.next().is_some_and(|cursor| !is_cursor(cursor)) || arguments.next().is_some() {
        return Err(Error::new(
            function.inputs_span,
            "a list takes nothing but where to go on, `cursor: Option<&str>`, and the context",
        ));
    }
    drop(arguments);
    Ok(Listing { function })
}

fn read_options(attribute: &Attribute, function: Function) -> Result<Resource> {
    let mut about = About::default();
    let mut annotations = Annotations::default();
    let (mut places, mut mime_type, mut size) = (Vec::new(), None, None);
    each(attribute, |name, meta| {
        match name {
            "uri" => places.push(Place::Uri(text(meta)?)),
            "uri_template" => {
                let template = text(meta)?;
                let parts = template::parse(&template)?;
                places.push(Place::Template(template, parts));
            }
            "prefix" => places.push(Place::Prefix(text(meta)?)),
            "mime_type" => mime_type = Some(text(meta)?),
            "size" => size = Some(meta.value()?.parse()?),
            "audience" => annotations.audience.push(read_audience(&text(meta)?)?),
            "priority" => annotations.priority = Some(read_priority(meta.value()?.parse()?)?),
            "last_modified" => annotations.last_modified = Some(text(meta)?),
            _ if about.read(name, meta)? => {}
            _ => return Err(unknown(meta, "resource", &format!("{KNOWN}, {}", About::KNOWN))),
        }
        Ok(())
    })?;
    let (Some(place), true) = (places.pop(), places.is_empty()) else { return Err(at(attribute, WHERE)) };
    if let Place::Uri(uri) | Place::Prefix(uri) = &place {
        check_uri(uri)?;
    }
    if let (Some(size), false) = (&size, matches!(place, Place::Uri(_))) {
        let size: &LitInt = size;
        return Err(Error::new(size.span(), "only a resource with a `uri` of its own has a `size`"));
    }
    Ok(Resource { function, place, name: String::new(), about, mime_type, size, annotations })
}

const KNOWN: &str = "`uri`, `uri_template`, `prefix`, `mime_type`, `size`, `audience`, `priority`, `last_modified`";

fn read_audience(text: &LitStr) -> Result<Audience> {
    match text.value().as_str() {
        "user" => Ok(Audience::User),
        "assistant" => Ok(Audience::Assistant),
        _ => Err(Error::new(text.span(), "a resource is for the `user` or for the `assistant`")),
    }
}

fn read_priority(priority: LitFloat) -> Result<LitFloat> {
    match priority.base10_parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(priority),
        _ => Err(Error::new(priority.span(), "a priority is from 0.0 to 1.0")),
    }
}

fn check_parameters(resource: &Resource) -> Result<()> {
    let function = &resource.function;
    match &resource.place {
        Place::Uri(_) => match function.arguments().next() {
            Some(argument) => Err(Error::new(
                argument.span,
                "there is nothing to give to this parameter: a resource with a `uri` takes only the context",
            )),
            None => Ok(()),
        },
        Place::Prefix(_) => match &function.arguments().collect::<Vec<_>>()[..] {
            [uri] if is_text(uri) => Ok(()),
            _ => Err(Error::new(function.inputs_span, "with a `prefix`, it takes the whole URI: `uri: &str`")),
        },
        Place::Template(template, parts) => check_variables(function, template, parts),
    }
}

fn check_variables(function: &Function, template: &LitStr, parts: &[Part]) -> Result<()> {
    let variables: Vec<&String> = parts.iter().flat_map(Part::variables).collect();
    for argument in function.arguments() {
        if !variables.contains(&&argument.name) {
            let known = variables.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            return Err(Error::new(
                argument.span,
                format_args!("the template has no variable `{}`: it has {known}", argument.name),
            ));
        }
    }
    for part in parts {
        for variable in part.variables() {
            let Some(argument) = function.arguments().find(|argument| argument.name == *variable) else {
                return Err(Error::new(
                    template.span(),
                    format_args!("no parameter takes the variable `{variable}`: add `{variable}: &str`"),
                ));
            };
            let may_be_missing = in_option(&argument.ty).is_some() || argument.default.is_some();
            if matches!(part, Part::Query(_)) && !may_be_missing {
                return Err(Error::new(
                    argument.ty.span(),
                    "what is in a query may be missing: make it an `Option`, or give it `#[arg(default = …)]`",
                ));
            }
        }
    }
    Ok(())
}

/// Whether it is a `String` or a `&str`.
pub(crate) fn is_text(argument: &Argument) -> bool {
    is_named(&argument.ty, "String") && matches!(argument.passing, Passing::Value | Passing::Reference)
}
