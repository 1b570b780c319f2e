//! What a site asks of programs: robots.txt, as RFC 9309 has it.

/// The rules that are for this program.
#[derive(Debug, Default)]
pub(crate) struct Robots {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    allow: bool,
    /// In the form of [`normal`], with `*` for anything.
    pattern: Vec<u8>,
    /// Whether the path ends where the pattern does.
    to_end: bool,
}

/// Whom a group is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whom {
    Us,
    All,
    Others,
}

impl Robots {
    /// Reads the rules for the program that calls itself `user_agent`, such as `name/1.0 (about it)`.
    pub(crate) fn read(text: &str, user_agent: &str) -> Self {
        let us = product(user_agent);
        let (mut for_us, mut for_all) = (None::<Vec<Rule>>, Vec::new());
        // Those that the group at hand names. A rule ends the list of names; the next name begins another group.
        let (mut whom, mut named) = (Vec::new(), false);
        for line in text.trim_start_matches('\u{feff}').split(['\n', '\r']) {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            match key.as_str() {
                "user-agent" => {
                    if !std::mem::replace(&mut named, true) {
                        whom.clear();
                    }
                    whom.push(Whom::named(value, us));
                    if whom.contains(&Whom::Us) {
                        for_us.get_or_insert_default();
                    }
                }
                "allow" | "disallow" => {
                    named = false;
                    let rule = || Rule::new(key == "allow", value);
                    if whom.contains(&Whom::Us) {
                        for_us.get_or_insert_default().extend(rule());
                    }
                    if whom.contains(&Whom::All) {
                        for_all.extend(rule());
                    }
                }
                _ => {}
            }
        }
        Self { rules: for_us.unwrap_or(for_all) }
    }

    /// Whether a path, with its query, may be fetched: the longest rule that matches decides, and `allow` where two are as long.
    pub(crate) fn allows(&self, path: &str) -> bool {
        if path == "/robots.txt" {
            return true;
        }
        let path = normal(path.as_bytes(), true);
        let matching = self.rules.iter().filter(|rule| rule.matches(&path));
        matching.max_by_key(|rule| (rule.pattern.len(), rule.allow)).is_none_or(|rule| rule.allow)
    }
}

impl Whom {
    fn named(value: &str, us: &str) -> Self {
        match product(value) {
            _ if value == "*" => Self::All,
            name if !name.is_empty() && name.eq_ignore_ascii_case(us) => Self::Us,
            _ => Self::Others,
        }
    }
}

impl Rule {
    /// A rule without a path says nothing.
    fn new(allow: bool, value: &str) -> Option<Self> {
        let (value, to_end) = value.strip_suffix('$').map_or((value, false), |value| (value, true));
        if value.is_empty() {
            return None;
        }
        let mut pattern = normal(value.as_bytes(), false);
        // One star is as good as many, and cheaper.
        pattern.dedup_by(|one, other| *one == b'*' && *other == b'*');
        Some(Self { allow, pattern, to_end })
    }

    fn matches(&self, path: &[u8]) -> bool {
        let (mut at, mut in_path) = (0, 0);
        // Where the last star is, and how far it reaches.
        let mut star: Option<(usize, usize)> = None;
        loop {
            match self.pattern.get(at) {
                None if !self.to_end || in_path == path.len() => return true,
                Some(b'*') => {
                    star = Some((at, in_path));
                    at += 1;
                    continue;
                }
                Some(expected) if path.get(in_path) == Some(expected) => {
                    (at, in_path) = (at + 1, in_path + 1);
                    continue;
                }
                _ => {}
            }
            let Some((star_at, reach)) = star.filter(|(_, reach)| *reach < path.len()) else { return false };
            star = Some((star_at, reach + 1));
            (at, in_path) = (star_at + 1, reach + 1);
        }
    }
}

/// The name that a program goes by: letters, `_` and `-` at the beginning.
fn product(user_agent: &str) -> &str {
    let end = user_agent.find(|c: char| !c.is_ascii_alphabetic() && c != '_' && c != '-');
    &user_agent[..end.unwrap_or(user_agent.len())]
}

/// One way to write each path: what needs no encoding has none, everything else has it in capitals. In a path, `*` and `$` are
/// themselves; in a pattern, that is how to write them encoded.
fn normal(text: &[u8], is_path: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let encoded = (*first == b'%').then(|| hex(after)).flatten();
        let byte = encoded.unwrap_or(*first);
        if encoded.is_some() {
            rest = &after[2..];
        }
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let star = byte == b'*' && !is_path && encoded.is_none();
        let reserved = byte.is_ascii_graphic() && byte != b'*' && byte != b'$' && encoded.is_none();
        if unreserved || star || reserved {
            out.push(byte);
        } else {
            out.extend(format!("%{byte:02X}").bytes());
        }
    }
    out
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |index: usize| digits.get(index).and_then(|digit| char::from(*digit).to_digit(16));
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(robots: &str, path: &str) -> bool {
        Robots::read(robots, "our-bot/1.0 (about)").allows(path)
    }

    #[test]
    fn the_group_that_names_us_is_ours_and_else_the_one_for_all() {
        let robots =
            "User-agent: *\nDisallow: /\n\nuser-AGENT: Our-Bot # us\nDisallow: /x\n\nUser-agent: other\nDisallow: /y";
        assert!(allows(robots, "/y") && !allows(robots, "/x1"));
        assert!(!Robots::read(robots, "somebody").allows("/y"));
        // Named in several groups: all of them. Named together with others: the same.
        let robots = "User-agent: our-bot/2\nDisallow: /a\nSitemap: x\nUser-agent: b\nUser-agent: our-bot\nDisallow: /b\nDisallow: /c";
        assert!(!allows(robots, "/a") && !allows(robots, "/b") && !allows(robots, "/c") && allows(robots, "/d"));
        // A group that names us and asks for nothing is still ours.
        assert!(allows("User-agent: our-bot\nDisallow:\n\nUser-agent: *\nDisallow: /", "/"));
        assert!(allows("User-agent: our-bot-2\nDisallow: /\nUser-agent: our\nDisallow: /", "/"));
    }

    #[test]
    fn the_longest_rule_decides() {
        let robots =
            "User-agent: *\nDisallow: /\nAllow: /public\nDisallow: /public/not\nAllow: /same\nDisallow: /same\n";
        for (path, expected) in [
            ("/", false),
            ("/public", true),
            ("/publicly", true),
            ("/public/not/x", false),
            ("/same", true),
            ("/robots.txt", true),
        ] {
            assert_eq!(allows(robots, path), expected, "{path}");
        }
    }

    #[test]
    fn stars_and_ends_are_understood() {
        for (pattern, path, expected) in [
            ("/*.gif$", "/a/b.gif", true),
            ("/*.gif$", "/a.gif?x", false),
            ("/*.gif", "/a.gif?x", true),
            ("/fish*", "/fish", true),
            ("/a$", "/a", true),
            ("/a$", "/ab", false),
            ("*", "/", true),
            ("/*/b*/c", "/a/bb/x/c", true),
            ("/a*b*c$", "/abcbd", false),
            ("/a*b*c$", "/abcbc", true),
            ("fish", "/fish", false),
            ("/a$b", "/a$b", true),
            ("/x%2A", "/x*", true),
            ("/x%2A", "/xyz", false),
            ("/%7ejoe", "/~joe/x", true),
            ("/\u{e4}", "/%c3%a4", true),
            ("/a%2fb", "/a/b", false),
            ("/a?b=*", "/a?b=1", true),
            ("/*********x", "/yyyyyyyyyyyyyyyyyyyyyy", false),
        ] {
            let robots = format!("User-agent: *\nDisallow: {pattern}");
            assert_eq!(!allows(&robots, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_not_understood_says_nothing() {
        for robots in
            ["", "<html>404</html>", "Disallow: /", "User-agent\nDisallow: /", "\0\0", "user-agent:\ndisallow:/"]
        {
            assert!(allows(robots, "/x"), "{robots}");
        }
        assert!(!allows("\u{feff}User-agent:*\rDisallow:/x\rBad line\r", "/x"));
    }
}
