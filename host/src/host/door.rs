//! Who is let in: whoever decides that is made anew with each configuration.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Result, bail};
use arc_swap::ArcSwap;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    audit::Audit,
    auth::Authenticator,
    config::{Config, PublicUrl, Taker},
    http::Auth,
    seal::KeyRing,
    store::Store,
};

/// The API keys as a host read them last, in the state folder.
const KEYS_FILE: &str = "keys.seen";

/// The host's own.
pub(super) struct Door {
    address: SocketAddr,
    has_tls: bool,
    auth: Auth,
    /// Ends the tending of who decides now.
    tending: Mutex<CancellationToken>,
    ended: CancellationToken,
    tasks: TaskTracker,
}

impl Door {
    /// The one at `address`. Reads the files that deciding takes. `ring` seals nonces; changes of keys go to
    /// `audit`; `store` remembers what is used once only, unless it ends with the process as memory does.
    pub(super) fn new(
        config: &Config,
        address: SocketAddr,
        (ring, audit, store): (KeyRing, Audit, Arc<dyn Store>),
    ) -> Result<Arc<Self>> {
        let has_tls = config.tls.is_some();
        let public = public_url(config, address, has_tls)?;
        let outlives = config.store.is_some() || config.state_dir.is_some();
        // Without a trail there is nobody to tell.
        let remembered = config.state_dir.as_ref().filter(|_| audit.is_on()).map(|dir| dir.join(KEYS_FILE));
        let auth = Authenticator::new(&config.auth, public, &config.identity.name, ring).audited(audit, remembered);
        let auth = auth.remembering(outlives.then_some(store));
        auth.load().map_err(anyhow::Error::msg)?;
        let auth = Arc::new(ArcSwap::from_pointee(auth));
        let (ended, tasks) = (CancellationToken::new(), TaskTracker::new());
        Ok(Arc::new(Self { address, has_tls, auth, tending: Mutex::default(), ended, tasks }))
    }

    /// Who decides.
    pub(super) fn auth(&self) -> Auth {
        Arc::clone(&self.auth)
    }

    /// Keeps up to date what deciding takes, until [`Door::close`].
    pub(super) fn tend(&self) {
        let stop = self.ended.child_token();
        let mut tending = self.tending.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *tending, stop.clone()).cancel();
        self.tasks.spawn(self.auth.load_full().tend(stop));
    }

    /// Takes up who may call. Must be put in place within a runtime.
    pub(super) fn taker(self: &Arc<Self>) -> Taker {
        let door = Arc::clone(self);
        Box::new(move |config| {
            check_reach(config, door.address)?;
            let public = public_url(config, door.address, door.has_tls)?;
            let next = door.auth.load().succeeded(&config.auth, public, &config.identity.name);
            next.load().map_err(anyhow::Error::msg)?;
            let door = Arc::clone(&door);
            Ok(Box::new(move || {
                let next = Arc::new(next);
                door.auth.store(Arc::clone(&next));
                next.takes_over();
                door.tend();
            }))
        })
    }

    /// Ends the tending.
    pub(super) async fn close(&self) {
        self.ended.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A host that anybody can reach and that asks nobody who they are is refused, unless the configuration says that this is meant.
pub(super) fn check_reach(config: &Config, listen: SocketAddr) -> Result<()> {
    if !listen.ip().is_loopback() && !config.auth.asks() && !config.allow_anonymous {
        bail!(
            "{listen} can be reached from other machines, and this host asks nobody who they are: say who may call in [auth], \
             listen on 127.0.0.1, or say --allow-anonymous to let everybody call every tool"
        );
    }
    Ok(())
}

/// The URL that clients know the host by.
fn public_url(config: &Config, address: SocketAddr, has_tls: bool) -> Result<PublicUrl> {
    let own = || PublicUrl::of_listener(address, has_tls);
    let public = config.public_url.clone().unwrap_or_else(own);
    if address.ip().is_unspecified() && config.public_url.is_none() && !config.auth.issuers.is_empty() {
        bail!("{address} is no address that clients know this host by, and tokens are made for one: set public_url");
    }
    if config.auth.asks() && !public.is_https() && !address.ip().is_loopback() {
        tracing::warn!(%public, "keys and tokens travel unencrypted; set [tls], or a public_url that begins with https");
    }
    Ok(public)
}
