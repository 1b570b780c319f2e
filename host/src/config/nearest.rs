//! What was probably meant by a word that is none.

/// So many words are named where none is near.
const NAMED_MAX: usize = 12;

/// The nearest of the `known` words, or several if none is near: the end of a sentence that says that `wrong` is none.
pub(super) fn did_you_mean(wrong: &str, known: &[&str]) -> String {
    if known.is_empty() {
        return "nothing can stand here".into();
    }
    if let Some(nearest) = nearest(wrong, known) {
        return format!("did you mean `{nearest}`?");
    }
    let mut near = known.to_vec();
    near.sort_by_key(|known| edits(wrong, known));
    let named = if known.len() > NAMED_MAX { &near[..NAMED_MAX / 4] } else { known };
    let named: Vec<String> = named.iter().map(|known| format!("`{known}`")).collect();
    let more = if known.len() > NAMED_MAX { format!(" and {} more", known.len() - named.len()) } else { String::new() };
    format!("what can stand here is {}{more}", named.join(", "))
}

/// The one of the `known` words that was meant by `wrong`, if one is near.
pub fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let nearest = known.iter().copied().min_by_key(|known| edits(wrong, known))?;
    (edits(wrong, nearest) <= nearest.len().max(3) / 2).then_some(nearest)
}

/// The edit distance of two words (Levenshtein).
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.chars().count()]
}
