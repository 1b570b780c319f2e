//! What tools, resources and prompts all have: what clients and people call them.

use crate::{Icon, IconTheme};

/// What a client shows of something. Everything that costs something to make is a function, called when it is asked for.
#[derive(Debug)]
pub struct About {
    pub name: &'static str,
    pub title: Option<&'static str>,
    pub description: Option<&'static str>,
    pub icons: &'static [Picture],
    pub meta: Option<fn() -> String>,
}

/// An icon.
#[derive(Debug)]
pub struct Picture {
    pub src: &'static str,
    pub mime_type: Option<&'static str>,
    pub sizes: &'static [&'static str],
    pub theme: Option<IconTheme>,
}

impl About {
    pub(crate) fn title(&self) -> Option<String> {
        self.title.map(Into::into)
    }

    pub(crate) fn description(&self) -> Option<String> {
        self.description.map(Into::into)
    }

    pub(crate) fn icons(&self) -> Vec<Icon> {
        self.icons.iter().map(Picture::icon).collect()
    }

    pub(crate) fn meta(&self) -> Option<String> {
        self.meta.map(|meta| meta())
    }
}

impl Picture {
    fn icon(&self) -> Icon {
        Icon {
            src: self.src.into(),
            mime_type: self.mime_type.map(Into::into),
            sizes: self.sizes.iter().map(|size| (*size).into()).collect(),
            theme: self.theme,
        }
    }
}
