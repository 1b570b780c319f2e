//! How many files this process may have open at once: connections are among them.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Files for each connection: its own, and what the call behind it opens.
const FILES_EACH: u64 = 2;

/// Raises the soft limit to the hard one, and says so in the log if that is too few for so many connections.
///
/// The soft limit is usually 1024, for programs that use `select`, which knows no more (setrlimit(2)). This one does not.
pub(super) fn raise(connections_max: usize) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Not every system lets the soft limit be what it says the hard one is.
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
    let files = getrlimit(Resource::Nofile).current;
    if files.is_some_and(|files| files < FILES_EACH.saturating_mul(connections_max as u64)) {
        let files = files.unwrap_or_default();
        tracing::warn!(
            "this process may open {files} files, which is few for connections_max = {connections_max}: raise the hard limit \
             (ulimit -Hn, LimitNOFILE), or lower connections_max to a half of it"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let mut limit = getrlimit(Resource::Nofile);
        let hard = limit.maximum.expect("there is a hard limit");
        // Hardly lower: other tests of this process open files at the same time.
        limit.current = Some(hard - 1);
        setrlimit(Resource::Nofile, limit).expect("the soft limit can be lowered");
        raise(1);
        assert_eq!(getrlimit(Resource::Nofile).current, Some(hard));
    }
}
