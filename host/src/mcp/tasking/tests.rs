use super::*;

#[test]
fn progress_without_words_is_told_in_numbers() {
    assert_eq!(in_numbers(3.0, Some(4.0)), "3 of 4");
    assert_eq!(in_numbers(0.5, None), "0.5");
}
