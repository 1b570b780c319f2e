//! `wasi:config/store`: what the operator set for this plugin.

use crate::{
    observe::{self, Effect},
    sandbox::{
        call::CallState,
        contract::wasi::config::store::{Error, Host},
    },
};

impl Host for CallState {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, Error>> {
        let set = self.granted.config.iter().find(|(name, _)| *name == key);
        for (_, name) in self.granted.secrets.iter().filter(|(own, _)| *own == key) {
            observe::touched(|| Effect::Secret { name: name.clone() });
        }
        Ok(Ok(set.map(|(_, value)| value.clone())))
    }

    fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, Error>> {
        for (_, name) in &self.granted.secrets {
            observe::touched(|| Effect::Secret { name: name.clone() });
        }
        Ok(Ok(self.granted.config.clone()))
    }
}
