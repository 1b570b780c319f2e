//! Scripts, which servers know by their digests.
//!
//! A server that was started anew, or has just become the one that takes writes, knows none: it says so, having done nothing, and
//! is then sent the whole script, which it knows from there on. So does each node of a cluster.

use std::sync::LazyLock;

use redis::{Arg, Cmd, ErrorKind, RedisError, ServerErrorKind, cmd};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// What has to be done as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Append,
    Delete,
    Due,
    GroupCount,
    Keep,
    KeepIf,
    KeepSum,
    KeptUsage,
    Put,
    Scan,
    Write,
}

/// Their texts, in the order of the names above.
const TEXTS: [&str; 11] = [
    include_str!("append.lua"),
    include_str!("delete.lua"),
    include_str!("due.lua"),
    include_str!("group_count.lua"),
    concat!(include_str!("kept.lua"), include_str!("keep.lua")),
    concat!(include_str!("kept.lua"), include_str!("keep_if.lua")),
    concat!(include_str!("kept.lua"), include_str!("keep_sum.lua")),
    include_str!("kept_usage.lua"),
    include_str!("put.lua"),
    include_str!("scan.lua"),
    include_str!("write.lua"),
];

/// What servers know them by: SHA-1 in hexadecimal, which is a name here and protects nothing.
static DIGESTS: LazyLock<[String; TEXTS.len()]> = LazyLock::new(|| {
    TEXTS.map(|text| {
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    })
});

impl Script {
    /// The script by its digest, with these keys. Arguments follow.
    pub(super) fn on(self, keys: &[&str]) -> Cmd {
        let mut command = cmd("EVALSHA");
        command.arg(&DIGESTS[self as usize]).arg(keys.len()).arg(keys);
        command
    }
}

/// Whether nothing was done because the server does not know the script by its digest, or does not let this user ask so.
pub(super) fn is_unknown(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) || error.code() == Some("NOPERM")
}

/// The same command with the whole script in place of its digest. `None` for a command that is no script.
pub(super) fn whole(command: &Cmd) -> Option<Cmd> {
    let mut arguments = command.args_iter();
    let (Some(Arg::Simple(b"EVALSHA")), Some(Arg::Simple(digest))) = (arguments.next(), arguments.next()) else {
        return None;
    };
    let known = DIGESTS.iter().position(|known| known.as_bytes() == digest)?;
    let mut command = cmd("EVAL");
    command.arg(TEXTS[known]);
    for argument in arguments {
        let Arg::Simple(argument) = argument else { return None };
        command.arg(argument);
    }
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(command: &Cmd) -> Vec<Vec<u8>> {
        let argument = |argument| match argument {
            Arg::Simple(bytes) => Vec::from(bytes),
            other => panic!("{other:?}"),
        };
        command.args_iter().map(argument).collect()
    }

    #[test]
    fn the_whole_script_stands_where_its_digest_stood() {
        let mut short = Script::Write.on(&["key"]);
        short.arg(b"\0\r\n").arg(7);
        let (short, long) = (arguments(&short), arguments(&whole(&short).expect("it is a script")));
        assert_eq!(short[0], b"EVALSHA");
        assert_eq!((&long[0][..], &long[1][..]), (&b"EVAL"[..], TEXTS[Script::Write as usize].as_bytes()));
        assert!(long[1].windows(8).any(|word| word == b"'expires"), "the order of names is that of texts");
        assert_eq!(short[2..], long[2..]);
        assert!(whole(&cmd("GET")).is_none());
    }

    #[test]
    fn digests_are_those_of_the_servers() {
        // `redis-cli script load 'return 1'`
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, b"return 1");
        let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
        assert!(DIGESTS.iter().all(|digest| digest.len() == 40));
    }
}
