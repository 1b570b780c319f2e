//! The clock on the wall, and times as people and files write them: RFC 3339, in UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY_S: u64 = 24 * 3600;

/// Days from 1 March of the year 0 to 1 January 1970.
const DAYS_TO_EPOCH: u64 = 719_468;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// A duration in whole milliseconds.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970 as text: `2026-11-22T10:20:30.400Z`.
pub fn timestamp(ms: u64) -> String {
    let seconds = to_text(ms / 1000);
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), ms % 1000)
}

/// Seconds since 1970 as text: `2026-11-22T09:05:00Z`.
pub fn to_text(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / DAY_S);
    let rest = seconds % DAY_S;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// Reads [`to_text`]'s form, or a day alone, which means its beginning.
pub fn from_text(text: &str) -> Option<u64> {
    let (day, time) = match text.split_once('T') {
        Some((day, time)) => (day, time.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let [year, month, day] = numbers(day, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let days = days(year, month, day)?;
    let in_day = hour < 24 && minute < 60 && second < 60;
    in_day.then(|| days * DAY_S + hour * 3600 + minute * 60 + second)
}

/// A span of time, in seconds: `90d`, `12h`, `30m`, `45s`.
pub fn span(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let unit_s = match unit {
        'd' => DAY_S,
        'h' => 3600,
        'm' => 60,
        's' => 1,
        _ => return None,
    };
    digits(text.strip_suffix(unit)?)?.checked_mul(unit_s)
}

/// Reads a time as a person says it, in milliseconds since 1970: `2026-11-22T10:20:30Z` (also with a fraction),
/// `2026-11-22`, or how long ago: `90s`, `15m`, `2h`, `7d`.
pub fn parse(text: &str, now_ms: u64) -> Result<u64, String> {
    if let Some(ago_s) = span(text) {
        return Ok(now_ms.saturating_sub(ago_s.saturating_mul(1000)));
    }
    let read = || {
        let Some((whole, fraction)) = text.strip_suffix('Z').and_then(|text| text.split_once('.')) else {
            return Some(from_text(text)? * 1000);
        };
        digits(fraction)?;
        let ms = digits(format!("{fraction:0<3}").get(..3)?)?;
        Some(from_text(&format!("{whole}Z"))? * 1000 + ms)
    };
    read().ok_or_else(|| {
        format!("`{text}` is no time: write 2026-11-22T10:20:30Z, 2026-11-22, or how long ago, such as 15m, 2h, 7d")
    })
}

/// A number without a sign.
fn digits(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

fn numbers(text: &str, separator: char, lengths: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, length) in numbers.iter_mut().zip(lengths) {
        *number = digits(parts.next().filter(|part| part.len() == length)?)?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Days since 1970 of a date that there is.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let in_month = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    if year < 1970 || !(1..=in_month).contains(&day) {
        return None;
    }
    // A year that begins in March has its odd day at its end (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_year = (153 * month + 2) / 5 + day - 1;
    Some(year * 365 + year / 4 - year / 100 + year / 400 + of_year - DAYS_TO_EPOCH)
}

/// Year, month and day, the other way around.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_TO_EPOCH;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year_of_era + later, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_written() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2026-11-22T09:05:07Z", 1_795_338_307),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!((from_text(text), to_text(seconds).as_str()), (Some(seconds), text));
        }
        for day in 0..200_000 {
            assert_eq!(from_text(&to_text(day * DAY_S + 1)), Some(day * DAY_S + 1));
        }
        assert_eq!(from_text("2027-01-01"), from_text("2027-01-01T00:00:00Z"));
        for wrong in [
            "",
            "2027-1-1",
            "2027-02-29",
            "2027-13-01",
            "1969-12-31",
            "2027-01-01T24:00:00Z",
            "2027-01-01T00:00:00",
            "2027-01-01-01",
        ] {
            assert_eq!(from_text(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_are_written_as_calendars_have_them() {
        for (ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_001, "2000-03-01T00:00:00.001Z"),
            (1_785_196_800_000, "2026-07-28T00:00:00.000Z"),
            (4_107_456_000_000, "2100-02-28T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(timestamp(ms), expected);
            assert_eq!(parse(expected, 0), Ok(ms), "{expected}");
        }
    }

    #[test]
    fn spans() {
        assert_eq!(["90d", "12h", "5m", "1s"].map(span), [Some(90 * DAY_S), Some(43_200), Some(300), Some(1)]);
        assert_eq!(["", "d", "5", "5w", "-1d", "+1d", "99999999999999999999d"].map(span), [None; 7]);
    }

    #[test]
    fn times_are_read_as_people_say_them() {
        assert_eq!(parse("2000-02-29", 0), Ok(951_782_400_000));
        assert_eq!(parse("2000-02-29T00:00:01Z", 0), Ok(951_782_401_000));
        assert_eq!(parse("2000-02-29T00:00:01.5Z", 0), Ok(951_782_401_500));
        assert_eq!(parse("2h", 10_000_000), Ok(2_800_000));
        assert_eq!(parse("7d", 5), Ok(0));
        for wrong in ["", "h", "yesterday", "2026-02-30", "2026-11-22T10:20:30", "2026-11-22T25:00:00Z", "-5m", "é"] {
            assert!(parse(wrong, 0).is_err(), "{wrong}");
        }
    }
}
