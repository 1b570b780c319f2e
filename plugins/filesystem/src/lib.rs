//! The plugin `filesystem`: files in the folders that the operator granted.

mod change;
mod find;
mod folders;
mod read;
mod said;
mod walk;

#[cfg(test)]
mod tests;

#[toolyard_plugin::plugin(wishes = "wishes.toml")]
mod filesystem {
    use toolyard_plugin::{Deserialize, JsonSchema, ResourceContents, Result, Serialize, ToolResult};

    use crate::folders::Place;
    use crate::{change, find, folders, read, walk};

    /// The folders that can be worked in.
    #[derive(Debug, PartialEq, Serialize, JsonSchema)]
    pub struct Folders {
        pub folders: Vec<Folder>,
    }

    /// A folder that can be worked in.
    #[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
    pub struct Folder {
        /// How its paths begin.
        pub path: String,
        /// Whether files in it can be written.
        pub writable: bool,
    }

    /// What something is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    pub enum Kind {
        Folder,
        File,
        Link,
        Other,
    }

    /// What is known about a file or folder.
    #[derive(Debug, PartialEq, Serialize, JsonSchema)]
    pub struct Info {
        pub path: String,
        pub kind: Kind,
        /// Of a file, in bytes.
        pub bytes: u64,
        /// When it was last written, in seconds since 1970.
        pub modified: Option<u64>,
    }

    /// What is in a folder, in the order of names.
    #[derive(Debug, PartialEq, Serialize, JsonSchema)]
    pub struct Listing {
        pub entries: Vec<Entry>,
        /// Whether there is more: call again with `after` the last name.
        pub more: bool,
    }

    /// Something in a folder.
    #[derive(Debug, PartialEq, Serialize, JsonSchema)]
    pub struct Entry {
        pub name: String,
        pub kind: Kind,
        /// Of a file, in bytes.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub bytes: Option<u64>,
    }

    /// Files and folders whose names fit.
    #[derive(Debug, PartialEq, Serialize, JsonSchema)]
    pub struct Paths {
        pub paths: Vec<String>,
        /// Whether there are more, or not everything was looked at.
        pub more: bool,
    }

    /// Lines that fit.
    #[derive(Debug, PartialEq, Serialize, JsonSchema)]
    pub struct Lines {
        pub matches: Vec<Line>,
        /// How many files were looked into.
        pub files: usize,
        /// Whether there are more, or not everything was looked at.
        pub more: bool,
    }

    /// A line that fits.
    #[derive(Debug, PartialEq, Serialize, JsonSchema)]
    pub struct Line {
        pub path: String,
        /// From 1.
        pub line: usize,
        pub text: String,
    }

    /// A file that was written.
    #[derive(Debug, PartialEq, Serialize, JsonSchema)]
    pub struct Written {
        pub path: String,
        pub bytes: usize,
        /// Whether it was not there before.
        pub created: bool,
    }

    /// A text to be replaced.
    #[derive(Debug, Deserialize, JsonSchema)]
    pub struct Edit {
        /// What stands there now, exactly, with all blanks. It must occur once, unless `all` is set.
        pub old: String,
        /// What is to stand there.
        pub new: String,
        /// Replaces every place where it occurs.
        #[serde(default)]
        pub all: bool,
    }

    /// What edits changed.
    #[derive(Debug, PartialEq, Serialize, JsonSchema)]
    pub struct Edited {
        /// The unified diff.
        pub diff: String,
        pub replacements: usize,
        /// Whether the file was written: not with `dry_run`, and not if nothing changed.
        pub written: bool,
    }

    /// Says which folders there are to work in.
    #[tool(title = "Folders", read_only, idempotent, open_world = false)]
    pub fn roots() -> Folders {
        Folders { folders: folders::granted().into_iter().map(|folder| folder.shown).collect() }
    }

    /// Reads a text file, or a part of it: the first lines, the last ones, or those from one to another.
    #[tool(title = "Read text", read_only, idempotent, open_world = false)]
    pub fn read_text(
        /// The file.
        path: &str,
        /// Gives only so many lines from the start.
        head: Option<usize>,
        /// Gives only so many lines from the end.
        tail: Option<usize>,
        /// The first line to give, from 1.
        from_line: Option<usize>,
        /// The last line to give.
        to_line: Option<usize>,
    ) -> Result<ToolResult> {
        read::text(&Place::find(path)?, read::Range::new(head, tail, from_line, to_line)?)
    }

    /// Reads an image or a sound.
    #[tool(title = "Read an image or a sound", read_only, idempotent, open_world = false)]
    pub fn read_media(
        /// The file.
        path: &str,
    ) -> Result<ToolResult> {
        read::media(&Place::find(path)?)
    }

    /// Writes a text file, whole. What was in it before is gone; to change a part of a file, use `edit`.
    #[tool(title = "Write a file", destructive, idempotent, open_world = false)]
    pub fn write(
        /// The file. Its folder must exist.
        path: &str,
        content: &str,
        /// Fails if the file is there already.
        #[arg(default = false)]
        create_only: bool,
    ) -> Result<Written> {
        change::write(&Place::find(path)?, content, create_only)
    }

    /// Replaces texts in a file, one after another, and shows the diff. Either all of them are replaced or nothing is.
    #[tool(title = "Edit a file", destructive, open_world = false)]
    pub fn edit(
        /// The file.
        path: &str,
        edits: Vec<Edit>,
        /// Shows the diff without writing.
        #[arg(default = false)]
        dry_run: bool,
    ) -> Result<Edited> {
        change::edit(&Place::find(path)?, &edits, dry_run)
    }

    /// Lists what is in a folder.
    #[tool(title = "List a folder", read_only, idempotent, open_world = false)]
    pub fn list(
        /// The folder.
        path: &str,
        /// Lists only names after this one.
        after: Option<&str>,
        /// How many entries to give at most, up to 1000.
        #[arg(default = 200)]
        limit: usize,
    ) -> Result<Listing> {
        walk::list(&Place::find(path)?, after, limit)
    }

    /// Shows a folder with what is in it, and in the folders in it, as an indented list.
    #[tool(title = "Show a tree", read_only, idempotent, open_world = false)]
    pub fn tree(
        /// The folder.
        path: &str,
        /// How many levels to show, up to 20.
        #[arg(default = 3)]
        depth: usize,
    ) -> Result<String> {
        walk::tree(&Place::find(path)?, depth)
    }

    /// Finds files and folders by their names, in a folder and all that are in it.
    #[tool(title = "Find files", read_only, idempotent, open_world = false)]
    pub fn search(
        /// The folder to look in.
        path: &str,
        /// Such as `*.rs` for names anywhere, `src/**/*.rs` for paths below the folder, or `{a,b}*`.
        pattern: &str,
        /// How many to give at most, up to 1000.
        #[arg(default = 100)]
        limit: usize,
    ) -> Result<Paths> {
        find::names(&Place::find(path)?, pattern, limit)
    }

    /// Finds lines of text files that match a regular expression, in one file, or in a folder and all that are in it.
    #[tool(title = "Search in files", read_only, idempotent, open_world = false)]
    pub fn grep(
        /// The file or folder to look in.
        path: &str,
        /// The regular expression, in RE2's syntax: no look-around and no backreferences.
        pattern: &str,
        /// Looks only into files whose names fit, such as `*.rs`.
        files: Option<&str>,
        #[arg(default = false)] ignore_case: bool,
        /// How many lines to give at most, up to 1000.
        #[arg(default = 100)]
        limit: usize,
    ) -> Result<Lines> {
        find::lines(&Place::find(path)?, pattern, files, ignore_case, limit)
    }

    /// Says what a file or folder is, how large, and when it was written.
    #[tool(title = "About a file", read_only, idempotent, open_world = false)]
    pub fn info(
        /// The file or folder.
        path: &str,
    ) -> Result<Info> {
        walk::info(&Place::find(path)?)
    }

    /// Makes a folder, and those it is in. It is no error if it is there.
    #[tool(title = "Make a folder", destructive = false, idempotent, open_world = false)]
    pub fn make_directory(
        /// The folder.
        path: &str,
    ) -> Result<String> {
        change::make_directory(&Place::find(path)?)
    }

    /// Moves or renames a file or folder. It does not overwrite: if there is something by the new name, nothing happens.
    #[tool(name = "move", title = "Move or rename", destructive = false, open_world = false)]
    pub fn rename(
        /// What to move.
        from: &str,
        /// Its new path.
        to: &str,
    ) -> Result<String> {
        change::rename(&Place::find(from)?, &Place::find(to)?)
    }

    /// Deletes a file or a folder, for good.
    #[tool(title = "Delete", destructive, idempotent, open_world = false)]
    pub fn delete(
        /// What to delete.
        path: &str,
        /// Deletes a folder with all that is in it. Otherwise it must be empty.
        #[arg(default = false)]
        recursive: bool,
    ) -> Result<String> {
        change::delete(&Place::find(path)?, recursive)
    }

    /// A file in one of the folders.
    #[resource(uri_template = "file:///{+path}", title = "File")]
    pub fn file(path: &str) -> Result<Option<ResourceContents>> {
        read::resource(&format!("/{path}"))
    }
}
