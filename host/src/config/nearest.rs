//! What was probably meant by a word that is none.

/// The nearest of the `known` words, or all of them if none is near: the end of a sentence that says that `wrong` is none.
pub(super) fn did_you_mean(wrong: &str, known: &[&str]) -> String {
    let nearest = known.iter().min_by_key(|known| edits(wrong, known));
    match nearest.filter(|known| edits(wrong, known) <= known.len().max(3) / 2) {
        Some(known) => format!("did you mean `{known}`?"),
        None if known.is_empty() => "nothing can stand here".into(),
        None => format!(
            "what can stand here is {}",
            known.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ")
        ),
    }
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
