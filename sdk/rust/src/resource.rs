//! Resources: what [`plugin`](crate::plugin) writes down of them, how they are listed and read.

use crate::about::About;
use crate::bindings::resources::wire;
use crate::bindings::toolyard::plugin::types::{CallContext, Error as WireError, Resumption};
use crate::plugin::{Exported, leaked};
use crate::uri::{Part, beginning, variables};
use crate::{Annotations, Context, Error, Plugin, ResourceContents, ResourcePage, Role, ToolError};

/// Something that can be read, or a family of such.
#[derive(Debug)]
pub struct Readable {
    pub at: At,
    pub about: About,
    pub mime_type: fn() -> Option<&'static str>,
    pub size: Option<u64>,
    pub annotations: Option<Hints>,
    pub read: Read,
}

/// Reads what was asked for. `None`: there is nothing.
type Read = fn(&Asked<'_>, &Context) -> Result<Option<Vec<ResourceContents>>, Error>;

/// Which URIs it is behind.
#[derive(Debug, Clone, Copy)]
pub enum At {
    /// This one. Clients see it in the list.
    Uri(&'static str),
    /// Those that fit. Clients see the template.
    Template { text: &'static str, parts: &'static [Part] },
    /// Those that begin with this. Clients see those that a [`Listing`] tells of.
    Prefix(&'static str),
}

/// What annotations say, as far as it is known when the plugin is written.
#[derive(Debug, Clone, Copy)]
pub struct Hints {
    pub audience: &'static [Role],
    pub priority: Option<f64>,
    pub last_modified: Option<&'static str>,
}

/// What a client asked for.
#[derive(Debug)]
pub struct Asked<'a> {
    pub uri: &'a str,
    /// Those of a template, by name.
    pub variables: Vec<(String, String)>,
}

/// A function that lists resources which are known only when it is asked.
#[derive(Debug)]
pub struct Listing {
    pub list: fn(Option<&str>, &Context) -> Result<ResourcePage, Error>,
}

impl Plugin {
    /// What the host learns of the resources without running anything: templates, and how the URIs begin.
    pub fn resources(&self) -> wire::ResourceDescription {
        let beginnings = self.parts.resources.iter().map(|resource| resource.at.beginning());
        let mut prefixes: Vec<&str> = beginnings.collect();
        prefixes.sort_unstable();
        // What another one is the beginning of comes right after it, and says nothing more.
        prefixes.dedup_by(|longer, shorter| longer.starts_with(*shorter));
        wire::ResourceDescription {
            prefixes: prefixes.into_iter().map(Into::into).collect(),
            templates: self.parts.resources.iter().filter_map(Readable::template).collect(),
        }
    }

    /// A part of the list: in the order of the source what has a URI of its own, then what the listing functions tell of.
    /// `cursor` is the `next` of an earlier part.
    ///
    /// # Errors
    /// Those of the functions, and where there is no such `cursor`.
    pub fn list_resources(&self, cursor: Option<&str>, context: &Context) -> Result<ResourcePage, Error> {
        let mut page = ResourcePage { resources: Vec::new(), next: None };
        let (mut index, mut own_cursor) = match cursor {
            Some(cursor) => read_cursor(cursor)?,
            None => {
                page.resources = self.parts.resources.iter().filter_map(Readable::resource).collect();
                (0, None)
            }
        };
        while let Some(listing) = self.parts.listings.get(index) {
            let listed = (listing.list)(own_cursor, context)?;
            page.resources.extend(listed.resources);
            if let Some(next) = listed.next {
                page.next = Some(format!("{index}:{next}"));
                break;
            }
            (index, own_cursor) = (index + 1, None);
        }
        Ok(page)
    }

    /// Reads what is at `uri`.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is nothing, those of the resource, and [`Error::NeedInput`] where it asks for something.
    pub fn read(&self, uri: &str, context: &Context) -> Result<Vec<ResourceContents>, Error> {
        for resource in self.parts.resources {
            let Some(variables) = resource.at.fits(uri) else { continue };
            let Some(contents) = (resource.read)(&Asked { uri, variables }, context)? else { continue };
            let default = (resource.mime_type)();
            return Ok(contents.into_iter().map(|contents| complete(contents, uri, default)).collect());
        }
        Err(Error::NotFound)
    }
}

/// What a function says of its contents is that which the client asked for, unless it says otherwise.
fn complete(mut contents: ResourceContents, uri: &str, mime_type: Option<&str>) -> ResourceContents {
    if contents.uri.is_empty() {
        contents.uri = uri.into();
    }
    contents.mime_type = contents.mime_type.or_else(|| mime_type.map(Into::into));
    contents
}

/// A cursor says which function is to go on, and in its own words where.
fn read_cursor(cursor: &str) -> Result<(usize, Option<&str>), Error> {
    let read = || {
        let (index, cursor) = cursor.split_once(':')?;
        Some((index.parse().ok()?, Some(cursor)))
    };
    read().ok_or_else(|| Error::invalid_arguments("the cursor is none that this list gave out"))
}

impl At {
    fn beginning(self) -> &'static str {
        match self {
            Self::Uri(uri) => uri,
            Self::Template { parts, .. } => beginning(parts),
            Self::Prefix(prefix) => prefix,
        }
    }

    fn fits(self, uri: &str) -> Option<Vec<(String, String)>> {
        match self {
            Self::Uri(own) => (own == uri).then(Vec::new),
            Self::Template { parts, .. } => variables(parts, uri),
            Self::Prefix(prefix) => uri.starts_with(prefix).then(Vec::new),
        }
    }
}

impl Readable {
    fn resource(&self) -> Option<wire::Resource> {
        let At::Uri(uri) = self.at else { return None };
        Some(wire::Resource {
            uri: uri.into(),
            name: self.about.name.into(),
            title: self.about.title(),
            description: self.about.description(),
            mime_type: (self.mime_type)().map(Into::into),
            size: self.size,
            icons: self.about.icons(),
            annotations: self.annotations.map(Annotations::from),
            meta: self.about.meta(),
        })
    }

    fn template(&self) -> Option<wire::ResourceTemplate> {
        let At::Template { text, .. } = self.at else { return None };
        Some(wire::ResourceTemplate {
            uri_template: text.into(),
            name: self.about.name.into(),
            title: self.about.title(),
            description: self.about.description(),
            mime_type: (self.mime_type)().map(Into::into),
            icons: self.about.icons(),
            annotations: self.annotations.map(Annotations::from),
            meta: self.about.meta(),
        })
    }
}

impl From<Hints> for Annotations {
    fn from(hints: Hints) -> Self {
        Self {
            audience: hints.audience.to_vec(),
            priority: hints.priority,
            last_modified: hints.last_modified.map(Into::into),
        }
    }
}

impl<T: Exported> wire::Guest for T {
    fn describe() -> wire::ResourceDescription {
        T::PLUGIN.resources()
    }

    fn list(cursor: Option<String>, context: CallContext) -> Result<ResourcePage, WireError> {
        Ok(T::PLUGIN.list_resources(leaked(cursor).as_deref(), &leaked(Context::resumed(context, None)))?)
    }

    fn read(uri: String, context: CallContext, resume: Option<Resumption>) -> Result<wire::ReadOutcome, WireError> {
        match T::PLUGIN.read(&leaked(uri), &leaked(Context::resumed(context, resume))) {
            Ok(contents) if contents.is_empty() => Ok(wire::ReadOutcome::NotFound),
            Ok(contents) => Ok(wire::ReadOutcome::Complete(contents)),
            Err(Error::NotFound) => Ok(wire::ReadOutcome::NotFound),
            Err(Error::NeedInput(need)) => Ok(wire::ReadOutcome::NeedInput(*need)),
            Err(error) => Err(error.into()),
        }
    }
}

/// What becomes a resource's contents as it is: text, bytes, [`ResourceContents`], or several of these. Implement it for a type of
/// your own that is neither.
pub trait IntoResourceContents {
    /// The contents.
    fn into_resource_contents(self) -> Vec<ResourceContents>;
}

impl IntoResourceContents for ResourceContents {
    fn into_resource_contents(self) -> Vec<ResourceContents> {
        vec![self]
    }
}

impl IntoResourceContents for Vec<ResourceContents> {
    fn into_resource_contents(self) -> Vec<ResourceContents> {
        self
    }
}

impl IntoResourceContents for String {
    fn into_resource_contents(self) -> Vec<ResourceContents> {
        vec![ResourceContents::text(self)]
    }
}

impl IntoResourceContents for &str {
    fn into_resource_contents(self) -> Vec<ResourceContents> {
        vec![ResourceContents::text(self)]
    }
}

impl IntoResourceContents for Vec<u8> {
    fn into_resource_contents(self) -> Vec<ResourceContents> {
        vec![ResourceContents::blob(self)]
    }
}

impl IntoResourceContents for &[u8] {
    fn into_resource_contents(self) -> Vec<ResourceContents> {
        vec![ResourceContents::blob(self)]
    }
}

/// What a listing function may return: a `Vec` of [`Resource`](crate::Resource)s, or a [`ResourcePage`] where there are more. Each
/// may stand in a `Result`.
#[diagnostic::on_unimplemented(
    message = "a list of resources cannot be a `{Self}`",
    label = "return `Vec<Resource>` or `ResourcePage`"
)]
pub trait IntoResourcePage {
    /// The part of the list.
    ///
    /// # Errors
    /// Those of the function.
    fn into_resource_page(self) -> Result<ResourcePage, Error>;
}

impl IntoResourcePage for ResourcePage {
    fn into_resource_page(self) -> Result<ResourcePage, Error> {
        Ok(self)
    }
}

impl IntoResourcePage for Vec<wire::Resource> {
    fn into_resource_page(self) -> Result<ResourcePage, Error> {
        Ok(ResourcePage { resources: self, next: None })
    }
}

impl<T: IntoResourcePage, E: ToolError> IntoResourcePage for Result<T, E> {
    fn into_resource_page(self) -> Result<ResourcePage, Error> {
        self.map_err(ToolError::into_error)?.into_resource_page()
    }
}
