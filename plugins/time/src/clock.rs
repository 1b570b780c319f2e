//! Reading times, and what clocks make of them.

use jiff::civil::DateTime;
use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Unit, Zoned};
use toolyard_plugin::{Error, Result};

use crate::time::{Choice, Conversion, Difference, Moment, Reading};
use crate::zone;

static PARSER: DateTimeParser = DateTimeParser::new();

/// The time now. Nobody who asks a model for the time wants nanoseconds.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// A point in time as the clocks of its time zone show it.
pub(crate) fn moment(zoned: &Zoned) -> Moment {
    let info = zoned.time_zone().to_offset_info(zoned.timestamp());
    Moment {
        time: zoned.timestamp().display_with_offset(zoned.offset()).to_string(),
        zone: zone_name(zoned.time_zone()),
        abbreviation: info.abbreviation().to_owned(),
        daylight_saving: info.dst().is_dst(),
        weekday: zoned.strftime("%A").to_string(),
        unix: zoned.timestamp().as_second(),
    }
}

/// What `time` in the time zone `from` is in the time zone `to`.
pub(crate) fn convert(
    time: &str,
    from: Option<&str>,
    to: &str,
    choose: Option<Choice>,
    now: Timestamp,
) -> Result<Conversion> {
    let from = from.map(zone::find).transpose()?;
    let to = zone::find(to)?;
    let reading = |zoned: Zoned| Reading { from: moment(&zoned), to: moment(&zoned.with_time_zone(to.clone())) };
    let read = read(time, from.as_ref(), choose, now)?;
    let Reading { from, to: there } = reading(read.chosen);
    Ok(Conversion { from, to: there, note: read.note, alternative: read.other.map(reading) })
}

/// What lies between two times.
pub(crate) fn difference(start: &str, end: Option<&str>, zone: &str, now: Timestamp) -> Result<Difference> {
    let zone = zone::find(zone)?;
    let start = read(start, Some(&zone), Some(Choice::Earlier), now)?.chosen.with_time_zone(zone.clone());
    let end = match end {
        Some(end) => read(end, Some(&zone), Some(Choice::Earlier), now)?.chosen.with_time_zone(zone),
        None => now.to_zoned(zone),
    };
    let span = start.until((Unit::Year, &end))?;
    let printer = SpanPrinter::new()
        .designator(Designator::Verbose)
        .spacing(Spacing::BetweenUnitsAndDesignators)
        .comma_after_designator(true);
    Ok(Difference {
        text: printer.span_to_string(&span),
        duration: span.to_string(),
        seconds: start.duration_until(&end).as_secs_f64(),
        start: moment(&start),
        end: moment(&end),
    })
}

/// A time that was read.
struct Read {
    chosen: Zoned,
    /// The other one, where nobody chose.
    other: Option<Zoned>,
    note: Option<String>,
}

fn read(text: &str, zone: Option<&TimeZone>, choose: Option<Choice>, now: Timestamp) -> Result<Read> {
    let text = text.trim();
    if let Some(zoned) = read_with_offset(text, zone)? {
        return Ok(Read { chosen: zoned, other: None, note: None });
    }
    let local = read_local(text, zone, now)?;
    let Some(zone) = zone else {
        return Err(Error::invalid_arguments(format_args!(
            "`{text}` has no offset from UTC: say in `from` which time zone it is in"
        )));
    };
    place(local, zone, choose)
}

fn read_with_offset(text: &str, zone: Option<&TimeZone>) -> Result<Option<Zoned>> {
    let Ok(pieces) = PARSER.parse_pieces(text) else { return Ok(None) };
    let Some(offset) = pieces.to_numeric_offset() else { return Ok(None) };
    let timestamp = match PARSER.parse_timestamp(text) {
        Ok(timestamp) => timestamp,
        Err(error) => return Err(Error::invalid_arguments(format_args!("`{text}`: {error}"))),
    };
    let zone = zone.cloned().unwrap_or_else(|| TimeZone::fixed(offset));
    Ok(Some(timestamp.to_zoned(zone)))
}

fn read_local(text: &str, zone: Option<&TimeZone>, now: Timestamp) -> Result<DateTime> {
    if let Ok(local) = PARSER.parse_datetime(text) {
        return Ok(local);
    }
    if let Ok(time) = PARSER.parse_time(text) {
        let today = now.to_zoned(zone.cloned().unwrap_or(TimeZone::UTC)).date();
        return Ok(today.to_datetime(time));
    }
    Err(Error::invalid_arguments(format_args!(
        "`{text}` is not a time: write `2026-07-01T14:30`, `2026-07-01T14:30:00+02:00`, or `14:30` for today"
    )))
}

/// Finds the point in time at which the clocks of `zone` show `local`: there is one, but for when they are set.
fn place(local: DateTime, zone: &TimeZone, choose: Option<Choice>) -> Result<Read> {
    let ambiguous = || zone.to_ambiguous_zoned(local);
    let name = zone_name(zone);
    let pick = |choice| match choice {
        Choice::Earlier => ambiguous().earlier(),
        Choice::Later => ambiguous().later(),
    };
    match (ambiguous().offset(), choose) {
        (AmbiguousOffset::Unambiguous { .. }, _) => {
            Ok(Read { chosen: ambiguous().compatible()?, other: None, note: None })
        }
        (AmbiguousOffset::Fold { .. }, Some(choice)) => Ok(Read { chosen: pick(choice)?, other: None, note: None }),
        (AmbiguousOffset::Fold { .. }, None) => Ok(Read {
            chosen: pick(Choice::Earlier)?,
            other: Some(pick(Choice::Later)?),
            note: Some(format!(
                "clocks in {name} were set back and showed {local} twice: this is the first time, `alternative` the second"
            )),
        }),
        (AmbiguousOffset::Gap { .. }, Some(choice)) => {
            let chosen = pick(choice)?;
            let note =
                format!("clocks in {name} were set forward and never showed {local}: {} is taken", chosen.datetime());
            Ok(Read { chosen, other: None, note: Some(note) })
        }
        (AmbiguousOffset::Gap { .. }, None) => {
            let (earlier, later) = (pick(Choice::Earlier)?.datetime(), pick(Choice::Later)?.datetime());
            Err(Error::invalid_arguments(format_args!(
                "clocks in {name} were set forward and never showed {local}. Ask for {earlier} or {later}, or set `choose` to \
                 `earlier` or `later`"
            )))
        }
    }
}

fn zone_name(zone: &TimeZone) -> String {
    match zone.iana_name() {
        Some(name) => name.to_owned(),
        None => zone.to_fixed_offset().map_or_else(|_| "unnamed".to_owned(), |offset| offset.to_string()),
    }
}
