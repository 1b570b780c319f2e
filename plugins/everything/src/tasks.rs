//! What takes long.

use std::thread::sleep;
use std::time::{Duration, Instant};

use toolyard_plugin::{Context, Form, Result};

use crate::forms::{Deletion, Person};

/// How long one step takes, unless the last is shorter.
const STEP: Duration = Duration::from_millis(500);

/// So many seconds in steps.
pub(crate) fn steps(seconds: f64) -> Vec<Duration> {
    let mut left = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let mut steps = Vec::new();
    while !left.is_zero() {
        let step = left.min(STEP);
        steps.push(step);
        left -= step;
    }
    steps
}

/// Computes for so many seconds, and says before each step how far it is.
pub(crate) fn compute(context: &Context, seconds: f64, label: &str) {
    let (steps, mut done) = (steps(seconds), Duration::ZERO);
    for (number, step) in (1..).zip(&steps) {
        context.progress(done.as_secs_f64(), seconds, &format!("{label}: step {number} of {}", steps.len()));
        sleep(*step);
        done += *step;
    }
}

/// Takes so many milliseconds, and reports progress ten times a second.
pub(crate) fn take_time(context: &Context, duration_ms: u32) {
    let (began, duration) = (Instant::now(), Duration::from_millis(duration_ms.into()));
    while let Some(left) = duration.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
        sleep(left.min(Duration::from_millis(100)));
        let done = began.elapsed().min(duration).as_millis();
        context.progress(u64::try_from(done).unwrap_or(u64::MAX), duration_ms, "still at it");
    }
}

/// Asks whether to delete, and says what would have become of it.
pub(crate) fn confirm_deletion(context: &Context, filename: &str) -> Result<String> {
    let answer = context.ask("confirm", Form::<Deletion>::new(format!("Delete {filename}?")))?;
    let confirmed = answer.ok().is_some_and(|deletion| deletion.confirm);
    Ok(if confirmed { format!("Deleted {filename}.") } else { format!("Kept {filename}.") })
}

/// Asks for a name and a confirmation, in one round.
pub(crate) fn ask_two_things(context: &Context) -> Result<String> {
    let (person, deletion) = context.ask_all((
        ("name", Form::<Person>::new("What is your name?")),
        ("confirm", Form::<Deletion>::new("Delete everything?")),
    ))?;
    let name = person.ok().map_or("Somebody".into(), |person| person.name);
    let confirmed = deletion.ok().is_some_and(|deletion| deletion.confirm);
    Ok(format!("{name} wants {} to be deleted.", if confirmed { "everything" } else { "nothing" }))
}
