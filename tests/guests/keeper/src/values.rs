//! What wit-bindgen makes of `wasi:keyvalue` and `wasi:config`, and one way to use it.

#![allow(unsafe_code, unreachable_pub, missing_docs, clippy::all, reason = "most of it is generated")]

wit_bindgen::generate!({
    path: "../../../wit",
    inline: "
        package guest:keeper;
        world values {
            import wasi:config/store@0.2.0-rc.1;
            import wasi:keyvalue/store@0.2.0-draft2;
            import wasi:keyvalue/atomics@0.2.0-draft2;
            import wasi:keyvalue/batch@0.2.0-draft2;
        }
    ",
    world: "guest:keeper/values",
    generate_all,
});

use toolyard_plugin::Error;

use self::wasi::keyvalue::store::{self, Bucket};

/// Does something with the plugin's store.
pub(crate) fn with<T>(act: impl FnOnce(&Bucket) -> Result<T, store::Error>) -> Result<T, Error> {
    let bucket = store::open("default").map_err(|error| Error::Failed(said(error)))?;
    act(&bucket).map_err(|error| Error::Failed(said(error)))
}

/// An error as a sentence.
pub(crate) fn said(error: store::Error) -> String {
    match error {
        store::Error::NoSuchStore => "there is no such store".to_owned(),
        store::Error::AccessDenied => "access is denied".to_owned(),
        store::Error::Other(text) => text,
    }
}
