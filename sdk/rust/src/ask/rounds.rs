//! What a call knows from its earlier rounds, and how it takes that along to the next.

use crate::bindings::toolyard::plugin::types::Resumption;

/// The answers of this round, and what was kept of the earlier ones.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Rounds {
    /// By key, as the client gave them.
    responses: Vec<(String, String)>,
    /// As it came from the host. Taken when it is read.
    state: Vec<u8>,
    /// Answers that were used, and what was to be remembered: all that goes on to the next round. An answer that no question
    /// asked for is not in it.
    kept: Vec<Kept>,
}

#[derive(Debug, Clone, PartialEq)]
struct Kept {
    kind: Kind,
    key: String,
    json: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Answer = b'a' as isize,
    Memory = b'm' as isize,
}

/// The first byte of a state. Another version of this crate may write it in another way; what it kept is then asked for again.
const FORMAT: u8 = 1;

impl Rounds {
    pub(crate) fn new(resume: Option<Resumption>) -> Self {
        match resume {
            Some(Resumption { responses, state }) => Self { responses, state, kept: Vec::new() },
            None => Self::default(),
        }
    }

    /// What may be the answer: the one that was used before, then the one that has just come.
    pub(crate) fn candidates(&mut self, key: &str) -> Vec<String> {
        let kept = self.find(Kind::Answer, key);
        let responses = self.responses.iter().filter(|(answered, _)| answered == key).map(|(_, json)| json.clone());
        kept.into_iter().chain(responses).collect()
    }

    pub(crate) fn keep_answer(&mut self, key: &str, json: String) {
        self.keep(Kind::Answer, key, json);
    }

    pub(crate) fn memory(&mut self, key: &str) -> Option<String> {
        self.find(Kind::Memory, key)
    }

    pub(crate) fn keep_memory(&mut self, key: &str, json: String) {
        self.keep(Kind::Memory, key, json);
    }

    /// Empty where nothing was kept.
    pub(crate) fn state(&mut self) -> Vec<u8> {
        let mut state = Vec::new();
        for Kept { kind, key, json } in self.kept() {
            if state.is_empty() {
                state.push(FORMAT);
            }
            state.push(*kind as u8);
            for text in [key, json] {
                // 32 bits are what a component has for a length.
                state.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
                state.extend_from_slice(text.as_bytes());
            }
        }
        state
    }

    fn find(&mut self, kind: Kind, key: &str) -> Option<String> {
        let found = self.kept().iter().find(|kept| kept.kind == kind && kept.key == key);
        found.map(|kept| kept.json.clone())
    }

    fn keep(&mut self, kind: Kind, key: &str, json: String) {
        let kept = self.kept();
        match kept.iter_mut().find(|kept| kept.kind == kind && kept.key == key) {
            Some(kept) => kept.json = json,
            None => kept.push(Kept { kind, key: key.to_owned(), json }),
        }
    }

    fn kept(&mut self) -> &mut Vec<Kept> {
        let state = std::mem::take(&mut self.state);
        if !state.is_empty() {
            self.kept = read(&state).unwrap_or_default();
        }
        &mut self.kept
    }
}

fn read(state: &[u8]) -> Option<Vec<Kept>> {
    let (&FORMAT, mut rest) = state.split_first()? else { return None };
    let mut kept = Vec::new();
    while let Some((&kind, after)) = rest.split_first() {
        let kind = [Kind::Answer, Kind::Memory].into_iter().find(|known| *known as u8 == kind)?;
        rest = after;
        let (key, json) = (text(&mut rest)?, text(&mut rest)?);
        kept.push(Kept { kind, key, json });
    }
    Some(kept)
}

fn text(rest: &mut &[u8]) -> Option<String> {
    let (len, after) = rest.split_first_chunk()?;
    let (text, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
    *rest = after;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resumed(state: &[u8]) -> Rounds {
        Rounds::new(Some(Resumption { responses: Vec::new(), state: state.to_vec() }))
    }

    #[test]
    fn what_was_kept_comes_back() {
        let mut rounds = Rounds::default();
        assert_eq!(rounds.state(), b"", "nothing to keep");
        rounds.keep_answer("name", r#"{"é":1}"#.into());
        rounds.keep_memory("name", "1".into());
        rounds.keep_memory("name", "2".into());
        rounds.keep_memory("", String::new());
        let mut back = resumed(&rounds.state());
        assert_eq!(back.candidates("name"), [r#"{"é":1}"#]);
        assert_eq!(back.memory("name").as_deref(), Some("2"));
        assert_eq!(back.memory("").as_deref(), Some(""));
        assert_eq!(back.memory("other"), None);
        assert_eq!(back.state(), rounds.state());
    }

    #[test]
    fn a_state_that_is_none_is_as_good_as_empty() {
        let mut rounds = Rounds::default();
        rounds.keep_answer("key", "{}".into());
        let state = rounds.state();
        assert_eq!(resumed(&state).candidates("key"), ["{}"]);
        for len in 2..state.len() {
            assert_eq!(resumed(&state[..len]).candidates("key"), [""; 0], "cut after {len} bytes");
        }
        for (index, wrong) in [(0, 2), (1, b'x'), (2, 255), (5, 255), (6, 255)] {
            let mut state = state.clone();
            state[index] = wrong;
            assert_eq!(resumed(&state).candidates("key"), [""; 0], "another byte at {index}");
        }
    }
}
