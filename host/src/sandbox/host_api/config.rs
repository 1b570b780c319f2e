//! `wasi:config/store`: what the operator set for this plugin.

use crate::sandbox::{
    call::CallState,
    contract::wasi::config::store::{Error, Host},
};

impl Host for CallState {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, Error>> {
        let set = self.granted.config.iter().find(|(name, _)| *name == key);
        Ok(Ok(set.map(|(_, value)| value.clone())))
    }

    fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, Error>> {
        Ok(Ok(self.granted.config.clone()))
    }
}
