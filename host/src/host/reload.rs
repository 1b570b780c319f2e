//! Another configuration for a host that runs.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    audit::Audit,
    catalog::Order,
    config::{Ask, Proposal, Reload, Taker},
    telemetry,
};

/// Takes up what `reload` proposes, until `stop`: all parts or none.
pub(super) async fn follow(
    reload: Reload,
    takers: Vec<Taker>,
    orders: mpsc::Sender<Order>,
    audit: Audit,
    stop: CancellationToken,
) {
    let mut reload = reload.audited(audit);
    loop {
        let proposal = tokio::select! {
            () = stop.cancelled() => return,
            proposal = reload.next() => proposal,
        };
        match take(&proposal, &takers, &orders).await {
            Ok(()) => reload.accept(proposal),
            Err(reason) => reload.reject(proposal, &format!("{reason:#}")),
        }
    }
}

/// Has the configuration read again, if it is one that is read, and then the plugin folders. Says what was done, or why not all of it.
pub(super) async fn again(ask: Option<Ask>, orders: mpsc::Sender<Order>) -> Result<String, String> {
    let ending = || "The host is ending, and reads nothing any more.".to_owned();
    let configured = match ask {
        Some(ask) => match ask.again().await.ok_or_else(ending)? {
            Ok(changes) => format!(" The configuration was read again; {changes}."),
            Err(mistakes) => {
                return Err(format!("The configuration is wrong, and the one before it stays in force: {mistakes}"));
            }
        },
        None => String::new(),
    };
    let (done, told) = oneshot::channel();
    orders.send(Order::Look(done)).await.map_err(|_| ending())?;
    told.await.map_err(|_| ending())?;
    Ok(format!("The plugin folders were read anew.{configured}"))
}

/// Takes up what is logged, and how.
pub(super) fn log_taker() -> Taker {
    Box::new(|config| {
        let log = config.log.clone();
        Ok(Box::new(move || telemetry::set_log(&log)))
    })
}

/// Makes every part anew before the first is put in place.
async fn take(proposal: &Proposal, takers: &[Taker], orders: &mpsc::Sender<Order>) -> Result<()> {
    let ready: Vec<_> = takers.iter().map(|taker| taker(&proposal.config)).collect::<Result<_>>()?;
    ready.into_iter().for_each(|put| put());
    let (done, told) = oneshot::channel();
    let ending = || anyhow!("the host is ending");
    orders.send(Order::Configure(Arc::clone(&proposal.config), done)).await.map_err(|_| ending())?;
    told.await.map_err(|_| ending())
}
