use super::*;

#[test]
fn times_are_written_as_calendars_have_them() {
    for (ms, expected) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (951_868_800_001, "2000-03-01T00:00:00.001Z"),
        (1_785_196_800_000, "2026-07-28T00:00:00.000Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (4_107_456_000_000, "2100-02-28T00:00:00.000Z"),
    ] {
        assert_eq!(timestamp(ms), expected, "{ms}");
    }
}

#[test]
fn progress_without_words_is_told_in_numbers() {
    assert_eq!(in_numbers(3.0, Some(4.0)), "3 of 4");
    assert_eq!(in_numbers(0.5, None), "0.5");
}
