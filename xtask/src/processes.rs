//! What a program has started, and its end.

use std::fs;
use std::process::Command;

/// A process that runs.
pub(crate) struct Process {
    id: u32,
    /// Its command line, shortened.
    pub(crate) words: String,
}

/// Longest command line that is told.
const WORDS_CHARS_MAX: usize = 160;

/// The process, what it started, and what that started. Only on Linux; elsewhere none.
pub(crate) fn family(id: u32) -> Vec<Process> {
    let Ok(line) = fs::read(format!("/proc/{id}/cmdline")) else { return Vec::new() };
    let words = String::from_utf8_lossy(&line).replace('\0', " ").chars().take(WORDS_CHARS_MAX).collect();
    let mut found = vec![Process { id, words }];
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    for thread in threads {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        found.extend(children.split_whitespace().filter_map(|child| child.parse().ok()).flat_map(family));
    }
    found
}

/// Ends them.
pub(crate) fn end(processes: &[Process]) {
    // One may have ended meanwhile: that is what was wanted.
    let _ = Command::new("kill").arg("-KILL").args(processes.iter().map(|process| process.id.to_string())).status();
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::Stdio;

    use super::*;

    #[test]
    fn what_was_started_is_found_and_ended() {
        // The inner shell says when it is there, and waits for a line that never comes.
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "exec 3<&0; sh -c 'echo; read line' <&3 & wait"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut shell = shell.spawn().expect("a shell starts");
        let _open = shell.stdin.take();
        let said = shell.stdout.as_mut().expect("stdout is piped");
        said.read_exact(&mut [0]).expect("the inner shell says that it is there");
        let found = family(shell.id());
        let words: Vec<&str> = found.iter().map(|process| process.words.trim()).collect();
        assert_eq!((found[0].id, words.len(), words[1]), (shell.id(), 2, "sh -c echo; read line"));
        end(&found);
        assert!(!shell.wait().expect("it can be waited for").success());
        assert!(found.iter().all(|process| process.id == shell.id() || family(process.id).len() <= 1));
    }
}
