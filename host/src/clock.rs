//! Times as people and programs write them: RFC 3339, in UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MS_PER_DAY: u64 = 24 * 3600 * 1000;

/// Days from 1 March of the year 0 to 1 January 1970.
const DAYS_TO_EPOCH: u64 = 719_468;

/// Now, in milliseconds since 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A time, as RFC 3339 writes it, in UTC: `2026-11-22T10:20:30.400Z`.
pub fn timestamp(ms: u64) -> String {
    let (days, ms_of_day) = (ms / MS_PER_DAY, ms % MS_PER_DAY);
    // The calendar repeats every 400 years, which are 146,097 days; counted from 1 March, leap days come last in a year.
    let day = days + DAYS_TO_EPOCH;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (seconds, ms) = (ms_of_day / 1000, ms_of_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day_of_month:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Reads a time as a person says it, in milliseconds since 1970: `2026-11-22T10:20:30Z` (UTC, also with a fraction),
/// `2026-11-22`, or how long ago: `90s`, `15m`, `2h`, `7d`.
pub fn parse(text: &str, now_ms: u64) -> Result<u64, String> {
    let wrong =
        || format!("`{text}` is no time: write 2026-11-22T10:20:30Z, 2026-11-22, or how long ago, such as 15m, 2h, 7d");
    if let Some(ago) = ago(text) {
        return Ok(now_ms.saturating_sub(ago));
    }
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00Z"));
    let time = time.strip_suffix('Z').ok_or_else(wrong)?;
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let fraction_ms =
        format!("{fraction:0<3}").get(..3).and_then(|digits| number(digits, 0..=999)).ok_or_else(wrong)?;
    let date: Vec<&str> = date.split('-').collect();
    let whole: Vec<&str> = whole.split(':').collect();
    let ([year, month, day], [hour, minute, second]) = (date.as_slice(), whole.as_slice()) else { return Err(wrong()) };
    let fields = || {
        let (year, month, day) = (number(year, 1970..=9999)?, number(month, 1..=12)?, number(day, 1..=31)?);
        let (hour, minute, second) = (number(hour, 0..=23)?, number(minute, 0..=59)?, number(second, 0..=60)?);
        Some(days(year, month, day) * MS_PER_DAY + ((hour * 60 + minute) * 60 + second) * 1000)
    };
    Ok(fields().ok_or_else(wrong)? + fraction_ms)
}

fn ago(text: &str) -> Option<u64> {
    let unit_ms = match text.chars().last()? {
        's' => 1000,
        'm' => 60 * 1000,
        'h' => 3600 * 1000,
        'd' => MS_PER_DAY,
        _ => return None,
    };
    number(&text[..text.len() - 1], 0..=u64::MAX)?.checked_mul(unit_ms)
}

fn number(text: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && range.contains(number))
}

/// Days since 1970, the other way round from [`timestamp`].
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - DAYS_TO_EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_307_045_123, "2026-11-22T00:24:05.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(timestamp(ms), text);
            assert_eq!(parse(text, 0), Ok(ms), "{text}");
        }
        assert_eq!(parse("2000-02-29", 0), Ok(951_782_400_000));
        assert_eq!(parse("2000-02-29T00:00:01Z", 0), Ok(951_782_401_000));
        assert_eq!(parse("2h", 10_000_000), Ok(2_800_000));
        assert_eq!(parse("7d", 5), Ok(0));
        for wrong in
            ["", "h", "yesterday", "2026-13-01", "2026-11-22T10:20:30", "2026-11-22T25:00:00Z", "-5m", "+5m", "é"]
        {
            assert!(parse(wrong, 0).is_err(), "{wrong}");
        }
    }
}
