//! A call as whoever looks on sees it, and as it is traced.

use std::sync::Arc;

use super::{
    call::{Call, Reply, Wanted, run_unseen},
    counted,
    fault::Fault,
    modern,
    runner::Runner,
};
use crate::{
    observe::{Ended, Seen},
    telemetry,
};

/// Runs a call and tells how it begins and ends.
pub(super) async fn run(runner: &Runner, call: &Call) -> Result<Reply, Fault> {
    let Some(open) = &call.trace else { return looked_on(runner, call).await };
    let done = telemetry::within(Arc::clone(open), Box::pin(looked_on(runner, call))).await;
    counted::traced(call, &done);
    done
}

async fn looked_on(runner: &Runner, call: &Call) -> Result<Reply, Fault> {
    match &runner.observer {
        Some(observer) => observer.during(begun(call), run_unseen(runner, call), ended).await,
        None => run_unseen(runner, call).await,
    }
}

fn begun(call: &Call) -> Seen {
    let (what, arguments) = match &call.wanted {
        // By the plugin's own name for it, which is what stands in its source.
        Wanted::Tool { permit, arguments, .. } => (permit.what().described().name.clone(), arguments.clone()),
        Wanted::Prompt { permit, .. } => {
            (format!("prompt {}", permit.what().described().name), call.wanted.identity().1.to_string())
        }
        Wanted::Resource { uri, .. } => (format!("resource {uri}"), String::new()),
    };
    Seen::Begun { what, arguments, client: call.caller.name.clone() }
}

fn ended(done: &Result<Reply, Fault>) -> Ended {
    match done {
        Ok(Reply::NeedInput(need)) => Ended::Asked(need.requests.len()),
        Ok(reply) => Ended::Answered(String::from_utf8_lossy(&modern::plain_result(reply)).into_owned()),
        Err(fault) => Ended::Fault(fault.message()),
    }
}
