//! What there is to load: files of the plugin folder, and what the configuration names elsewhere.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::Plugin;
use crate::{
    config::{Source, TenantSettings},
    ids::{Digest, PluginId},
    supply::{Fetched, Intake, Origin, Said, described, signature_file},
};

/// A file of wishes; more is not read.
const WISHES_BYTES_MAX: u64 = 64 << 10;

/// One component, or what should be one.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// By what it is known from one look to the next.
    pub(super) key: PathBuf,
    /// How the operator knows it.
    pub(super) name: PathBuf,
    pub(super) id: Result<PluginId, String>,
    pub(super) stamp: Stamp,
    /// Where its bytes are. The error says why it is not even looked at.
    pub(super) origin: Result<Origin, String>,
}

/// Tells something changed from something unchanged without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stamp {
    /// A file, and the one that holds its signature, where that is wanted.
    File(FileStamp, Option<FileStamp>),
    Pulled(Fetched),
    Nothing,
}

/// Tells a changed file from an unchanged one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileStamp {
    pub(super) len: u64,
    inode: u64,
    modified: SystemTime,
    /// Seconds and nanoseconds of the last change of the file's status, which writers cannot set.
    changed: (i64, i64),
}

/// All that there is for one tenant. Fails only where its folder cannot be listed.
pub(super) fn list(settings: &TenantSettings, intake: &Intake) -> io::Result<Vec<Found>> {
    let mut found = match &settings.plugins {
        Some(dir) => in_folder(dir, settings, intake)?,
        None => Vec::new(),
    };
    for (id, plugin) in &settings.plugin {
        let Some(Source::File(path)) = &plugin.supply.source else { continue };
        let (stamp, origin) = match file_stamp(path) {
            Some(file) => (with_signature(file, id, path, settings, intake), Ok(Origin::File(path.clone()))),
            None => (Stamp::Nothing, Err("is not there, or is no file".into())),
        };
        found.push(Found { key: key_of(id), name: path.clone(), id: Ok(id.clone()), stamp, origin });
    }
    for (id, fetched) in intake.fetched() {
        let name = intake.name_of(&id);
        let (stamp, origin) = (Stamp::Pulled(fetched), Ok(Origin::Pulled(fetched)));
        found.push(Found { key: key_of(&id), name, id: Ok(id), stamp, origin });
    }
    // The order decides who gets a contested name.
    found.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(found)
}

/// The plugin that a file is: its name without `.wasm`.
pub(super) fn plugin_id(path: &Path) -> Result<PluginId, String> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.parse().map_err(|error| format!("is no plugin's file name: {error}"))
}

/// The wishes in the file beside a component, if there is one.
pub fn read_wishes(component: &Path) -> Result<Option<String>, String> {
    let path = component.with_extension("toml");
    let file = match fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("has wishes in {} that cannot be read: {error}", path.display())),
    };
    let mut text = String::new();
    let read = file.take(WISHES_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| format!("has wishes in {} that cannot be read: {error}", path.display()))?;
    Ok(Some(text))
}

impl Stamp {
    /// Whether it changed less than `age` ago.
    pub(super) fn is_younger(&self, age: Duration) -> bool {
        match self {
            Self::File(file, signature) => {
                file.is_younger(age) || signature.is_some_and(|signature| signature.is_younger(age))
            }
            // What was pulled came whole.
            Self::Pulled(_) | Self::Nothing => false,
        }
    }
}

impl FileStamp {
    fn of(meta: &fs::Metadata) -> io::Result<Self> {
        let changed = (meta.ctime(), meta.ctime_nsec());
        Ok(Self { len: meta.len(), inode: meta.ino(), modified: meta.modified()?, changed })
    }

    fn is_younger(&self, age: Duration) -> bool {
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(self.changed.0.max(0).unsigned_abs());
        let changed = changed + Duration::from_nanos(self.changed.1.max(0).unsigned_abs());
        changed.elapsed().is_ok_and(|since| since < age)
    }
}

fn in_folder(dir: &Path, settings: &TenantSettings, intake: &Intake) -> io::Result<Vec<Found>> {
    let entries = match fs::read_dir(dir) {
        // Who names all plugins in the configuration needs no folder.
        Err(error) if error.kind() == io::ErrorKind::NotFound && settings.has_sources() => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        // A file that vanishes between the listing and the look was not there.
        let Some(file) = file_stamp(&path) else { continue };
        let id = plugin_id(&path);
        let (stamp, origin) = match &id {
            Ok(id) if settings.plugin.get(id).is_some_and(|plugin| plugin.supply.source.is_some()) => {
                let reason = format!("is not looked at: [plugin.{id}] says that it comes from elsewhere");
                (Stamp::File(file, None), Err(reason))
            }
            Ok(id) => (with_signature(file, id, &path, settings, intake), Ok(Origin::File(path.clone()))),
            Err(_) => (Stamp::File(file, None), Ok(Origin::File(path.clone()))),
        };
        files.push(Found { key: path.clone(), name: path, id, stamp, origin });
    }
    Ok(files)
}

fn with_signature(file: FileStamp, id: &PluginId, path: &Path, settings: &TenantSettings, intake: &Intake) -> Stamp {
    let wanted = intake.wants_signature(settings.plugin.get(id).map(|plugin| &plugin.supply));
    Stamp::File(file, wanted.then(|| file_stamp(&signature_file(path))).flatten())
}

/// `None`: there is no such file.
fn file_stamp(path: &Path) -> Option<FileStamp> {
    let meta = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    FileStamp::of(&meta).ok()
}

/// The key of a plugin that comes from elsewhere: wherever that is, it is the same plugin.
fn key_of(id: &PluginId) -> PathBuf {
    PathBuf::from(format!("[plugin.{id}]"))
}

/// What a plugin says of itself: its own names of its tools, prompts and templates, each with a digest of what a model reads of it.
pub(super) fn said(plugin: &Plugin) -> Said {
    let tools = plugin.tools().iter().map(|tool| {
        let tool = tool.described();
        let hints = tool.annotations.as_ref().map(|hints| {
            serde_json::json!([hints.read_only, hints.destructive, hints.idempotent, hints.open_world]).to_string()
        });
        let texts = [tool.title.as_deref(), tool.description.as_deref()];
        let json =
            [Some(tool.input_schema.as_str()), tool.output_schema.as_deref(), hints.as_deref(), tool.meta.as_deref()];
        (tool.name.clone(), described(&texts, &json))
    });
    let prompts = plugin.prompts().iter().map(|prompt| {
        let prompt = prompt.described();
        let each = prompt.arguments.iter();
        let arguments = each.map(|each| serde_json::json!([each.name, each.title, each.description, each.required]));
        let arguments = serde_json::Value::from(arguments.collect::<Vec<_>>()).to_string();
        let texts = [prompt.title.as_deref(), prompt.description.as_deref()];
        (prompt.name.clone(), described(&texts, &[Some(&arguments), prompt.meta.as_deref()]))
    });
    let mut templates = BTreeMap::<String, Digest>::new();
    for template in plugin.templates() {
        let before = templates.get(&template.uri_template).map(Digest::to_string);
        let texts = [Some(template.name.as_str()), template.title.as_deref(), template.description.as_deref()];
        let texts = [&texts[..], &[template.mime_type.as_deref(), before.as_deref()]].concat();
        // Several may have the same URI: then each is part of what is known of it.
        templates.insert(template.uri_template.clone(), described(&texts, &[template.meta.as_deref()]));
    }
    let prefixes = plugin.program().prefixes.iter().cloned().collect();
    Said { prefixes, tools: tools.collect(), prompts: prompts.collect(), templates }
}
