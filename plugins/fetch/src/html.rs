//! HTML as Markdown, as text, or without what is not for readers.

use std::rc::Rc;

use htmd::HtmlToMarkdown;
use html5ever::serialize::{SerializeOpts, serialize};
use markup5ever_rcdom::{Handle, NodeData, SerializableHandle};
use toolyard_plugin::http::Url;
use toolyard_plugin::{Error, Result};

/// Elements that are not for reading.
const SKIPPED: [&str; 16] = [
    "script", "style", "noscript", "template", "svg", "canvas", "iframe", "object", "embed", "link", "meta", "base",
    "input", "button", "select", "dialog",
];

/// Elements that begin on a line of their own.
const BLOCKS: [&str; 33] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "section",
    "table",
    "tr",
    "ul",
];

/// Attributes that say where something is.
const LINKS: [&str; 3] = ["href", "src", "cite"];

/// More elements than any page for people has. Each takes some hundred bytes while the page is converted.
const TAGS_MAX: usize = 100_000;
/// What is nested deeper loses its marks: what converts goes down the tree by calling itself.
const DEPTH_MAX: usize = 100;
/// Elements that are open at the same time.
const OPEN_MAX: usize = 2_000;

/// Elements that need no end tag: they have none, or the next one, or their list or table, ends them.
const CLOSED_BY_OTHERS: [&str; 35] = [
    "area", "base", "br", "circle", "col", "dd", "dt", "ellipse", "embed", "hr", "img", "input", "li", "line", "link",
    "meta", "optgroup", "option", "p", "param", "path", "polygon", "polyline", "rect", "source", "stop", "tbody", "td",
    "tfoot", "th", "thead", "tr", "track", "use", "wbr",
];

pub(crate) fn markdown(html: &str, url: &Url) -> Result<String> {
    let converter = HtmlToMarkdown::new();
    Ok(converter.tree_to_markdown(&tree(html, url)?))
}

pub(crate) fn text(html: &str, url: &Url) -> Result<String> {
    let mut out = Text::default();
    out.add(&tree(html, url)?, false);
    Ok(out.text.trim().to_owned())
}

pub(crate) fn source(html: &str, url: &Url) -> Result<String> {
    let mut out = Vec::new();
    let tree: SerializableHandle = tree(html, url)?.into();
    serialize(&mut out, &tree, SerializeOpts::default())?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// The page as a tree that is safe to walk, without what is not for reading, and with links that say all of where they lead.
fn tree(html: &str, url: &Url) -> Result<Handle> {
    check(html)?;
    let tree = HtmlToMarkdown::new().html_to_tree(html)?;
    let base = base(&tree, url);
    let mut nodes = vec![(Rc::clone(&tree), 0)];
    while let Some((node, depth)) = nodes.pop() {
        node.children.borrow_mut().retain(|child| !is_skipped(child));
        if depth >= DEPTH_MAX {
            flatten(&node);
        }
        if let NodeData::Element { attrs, .. } = &node.data {
            for attribute in attrs.borrow_mut().iter_mut() {
                if !LINKS.contains(&&*attribute.name.local) || attribute.value.starts_with('#') {
                    continue;
                }
                if let Ok(absolute) = base.join(&attribute.value) {
                    attribute.value = absolute.as_str().into();
                } else if leads_nowhere(&attribute.value) {
                    attribute.value = "".into();
                }
            }
        }
        nodes.extend(node.children.borrow().iter().map(|child| (Rc::clone(child), depth + 1)));
    }
    Ok(tree)
}

/// Refuses what would take more than a call has, before it does: a parser looks through all elements that are open, again
/// and again.
fn check(html: &str) -> Result<()> {
    let (mut tags, mut open) = (0_usize, 0_usize);
    for (at, _) in html.match_indices('<') {
        tags += 1;
        let rest = &html[at + 1..];
        let (closing, rest) = rest.strip_prefix('/').map_or((false, rest), |rest| (true, rest));
        let name = &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len())];
        if name.is_empty() || CLOSED_BY_OTHERS.iter().any(|closed| closed.eq_ignore_ascii_case(name)) {
            continue;
        }
        open = if closing { open.saturating_sub(1) } else { open + 1 };
        if tags > TAGS_MAX || open > OPEN_MAX {
            break;
        }
    }
    match tags > TAGS_MAX || open > OPEN_MAX {
        true => Err(Error::failed("the page is too large, or too broken, to be converted; ask for `raw`")),
        false => Ok(()),
    }
}

/// Programs, and pictures that are written into the page, at a length that nobody reads.
fn leads_nowhere(link: &str) -> bool {
    let scheme = link.trim_start().split(':').next().unwrap_or_default();
    ["javascript", "data", "blob"].iter().any(|nowhere| scheme.eq_ignore_ascii_case(nowhere))
}

/// What relative links start from: the page's own word, if it has one.
fn base(tree: &Handle, url: &Url) -> Url {
    let mut nodes = vec![Rc::clone(tree)];
    while let Some(node) = nodes.pop() {
        if let NodeData::Element { name, attrs, .. } = &node.data {
            match &*name.local {
                "base" => {
                    let attrs = attrs.borrow();
                    let href = attrs.iter().find(|attribute| &*attribute.name.local == "href");
                    return href.and_then(|href| url.join(&href.value).ok()).unwrap_or_else(|| url.clone());
                }
                "body" => continue,
                _ => {}
            }
        }
        nodes.extend(node.children.borrow().iter().rev().map(Rc::clone));
    }
    url.clone()
}

fn is_skipped(node: &Handle) -> bool {
    match &node.data {
        NodeData::Element { name, .. } => SKIPPED.contains(&&*name.local),
        NodeData::Comment { .. } | NodeData::ProcessingInstruction { .. } => true,
        _ => false,
    }
}

/// Puts all the text below `node` directly into it.
fn flatten(node: &Handle) {
    let mut texts = Vec::new();
    let mut below: Vec<Handle> = node.children.borrow().iter().rev().map(Rc::clone).collect();
    while let Some(child) = below.pop() {
        if is_skipped(&child) {
            continue;
        }
        below.extend(child.children.borrow().iter().rev().map(Rc::clone));
        if matches!(child.data, NodeData::Text { .. }) {
            texts.push(child);
        }
    }
    *node.children.borrow_mut() = texts;
}

/// Text that grows, with blanks and lines as a browser would show them.
#[derive(Default)]
struct Text {
    text: String,
}

impl Text {
    fn add(&mut self, node: &Handle, preformatted: bool) {
        match &node.data {
            NodeData::Text { contents } if preformatted => self.text.push_str(&contents.borrow()),
            NodeData::Text { contents } => self.words(&contents.borrow()),
            NodeData::Element { name, attrs, .. } => {
                let tag = &*name.local;
                let block = BLOCKS.contains(&tag) || tag == "pre";
                match tag {
                    "title" => return,
                    "br" => self.text.push('\n'),
                    "td" | "th" => self.words(" "),
                    "img" => {
                        let attrs = attrs.borrow();
                        let alt = attrs.iter().find(|attribute| &*attribute.name.local == "alt");
                        self.words(alt.map_or("", |alt| &alt.value));
                    }
                    _ => {}
                }
                self.line(block);
                self.list(tag);
                self.children(node, preformatted || tag == "pre" || tag == "textarea");
                self.line(block);
                // A paragraph stands apart.
                if matches!(tag, "p" | "pre" | "table" | "ul" | "ol" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6") {
                    self.text.push('\n');
                }
            }
            _ => self.children(node, preformatted),
        }
    }

    fn children(&mut self, node: &Handle, preformatted: bool) {
        for child in node.children.borrow().iter() {
            self.add(child, preformatted);
        }
    }

    fn list(&mut self, tag: &str) {
        if tag == "li" {
            self.text.push_str("- ");
        }
    }

    /// Words with one blank where there are any, and none at the start of a line.
    fn words(&mut self, words: &str) {
        if words.starts_with(|c: char| c.is_whitespace()) {
            self.blank();
        }
        for (index, word) in words.split_whitespace().enumerate() {
            if index > 0 {
                self.blank();
            }
            self.text.push_str(word);
        }
        if words.ends_with(|c: char| c.is_whitespace()) {
            self.blank();
        }
    }

    fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with([' ', '\n']) {
            self.text.push(' ');
        }
    }

    fn line(&mut self, block: bool) {
        if block && !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.truncate(self.text.trim_end_matches(' ').len());
            self.text.push('\n');
        }
    }
}
