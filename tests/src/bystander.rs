//! Somebody else's calls, which nothing may disturb.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use serde_json::json;

use crate::host::Host;
use crate::script::scripted;
use crate::wait::eventually;

/// The plugin whose tool the bystander calls.
const PLUGIN: &str = "bystander";

/// Does `work` while somebody else calls another plugin's tool again and again. Every answer must be right, and there must
/// be some after the work ended as there were before it began.
pub fn undisturbed<T>(host: &Host, work: impl FnOnce() -> T) -> T {
    host.put(&format!("{PLUGIN}.wasm"), &scripted(&json!({ "tools": [{ "name": "echo" }] })));
    let tool = format!("{PLUGIN}_echo");
    eventually("the bystander's plugin to load", || host.tools().contains(&tool).then_some(()));

    let call = |number: u64| {
        let result = host.call(&tool, &json!({ "number": number }));
        assert_eq!(result["structuredContent"], json!({ "number": number }), "{result}");
    };
    meanwhile(call, work)
}

/// Does `work` while `call` is called again and again, each time with a number that is one higher. It has returned before
/// the work begins, and again after the work ended.
pub fn meanwhile<T>(call: impl Fn(u64) + Sync, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    let returned = AtomicU64::new(0);
    thread::scope(|scope| {
        let _ended = SetOnDrop(&done);
        let caller = scope.spawn(|| {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                call(number);
                returned.store(number, Ordering::Relaxed);
            }
        });
        let wait_for_more_than = |seen: u64| {
            // A caller that panicked is reported when the scope ends.
            let more = || caller.is_finished() || returned.load(Ordering::Relaxed) > seen;
            eventually("the other caller's answer", || more().then_some(()));
        };
        wait_for_more_than(0);
        let outcome = work();
        // One call may have been on its way when the work ended; the next was not.
        wait_for_more_than(returned.load(Ordering::Relaxed) + 1);
        outcome
    })
}

/// Ends others also when the work panics: a scope waits for them.
pub(crate) struct SetOnDrop<'a>(pub(crate) &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
