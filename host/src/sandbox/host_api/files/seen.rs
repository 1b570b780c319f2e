//! What whoever looks on is told of files: the paths are those that the guest has for them.

use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;

use super::{Opened, Wish};
use crate::{
    observe::{self, Effect},
    sandbox::call::CallState,
};

impl CallState {
    /// Tells what the guest does with `path` in the folder `fd`.
    pub(super) fn saw(&self, how: &'static str, fd: &Resource<Descriptor>, path: &str) {
        observe::touched(|| Effect::file(how, &self.guests_path(fd, path)));
    }

    /// Tells that a file was opened. Of a folder, gives where it is: what is done in it is told with that.
    pub(super) fn saw_opening(
        &self,
        fd: &Resource<Descriptor>,
        path: &str,
        wish: Wish,
        opened: &Opened,
    ) -> Option<Arc<str>> {
        match opened {
            Opened::File(_) => {
                self.saw(if wish.write { "write" } else { "read" }, fd, path);
                None
            }
            Opened::Dir(_) => observe::along().map(|_| self.guests_path(fd, path).into()),
        }
    }

    fn guests_path(&self, fd: &Resource<Descriptor>, path: &str) -> String {
        let open = self.files.open.get(&fd.rep());
        let folder = open.map_or("", |open| open.at.as_deref().unwrap_or(&open.folder.guest));
        match path {
            "" | "." => folder.to_owned(),
            _ => format!("{}/{path}", folder.trim_end_matches('/')),
        }
    }
}
