//! What went wrong, in words for a model.

use std::io;

use toolyard_plugin::Error;

use crate::folders::Place;

/// What it means that the system said `error` about `place`.
pub(crate) fn failed(place: &Place, error: &io::Error) -> Error {
    use io::ErrorKind as Kind;
    let path = place.path.escape_debug();
    match error.kind() {
        Kind::NotFound => Error::failed(format_args!("`{path}` does not exist")),
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => {
            Error::denied(format_args!("`{path}` may not be used like this"))
        }
        Kind::AlreadyExists => Error::failed(format_args!("`{path}` exists already")),
        Kind::DirectoryNotEmpty => {
            Error::failed(format_args!("`{path}` is not empty: set `recursive` to delete what is in it, too"))
        }
        Kind::IsADirectory => Error::failed(format_args!("`{path}` is a folder")),
        Kind::NotADirectory => Error::failed(format_args!("`{path}`, or what it is in, is no folder")),
        Kind::StorageFull | Kind::QuotaExceeded => {
            Error::failed(format_args!("there is no room left for `{path}`: delete something, or write less"))
        }
        Kind::CrossesDevices => Error::failed(format_args!(
            "`{path}` is in another folder, where it cannot be moved to: write it there anew"
        )),
        _ => Error::failed(format_args!("`{path}`: {error}")),
    }
}
