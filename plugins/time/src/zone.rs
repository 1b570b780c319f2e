//! Time zones by name.

use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use toolyard_plugin::{Error, Result};

/// The time zone of this name, or with this offset.
pub(crate) fn find(name: &str) -> Result<TimeZone> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    let name = name.trim();
    if name.eq_ignore_ascii_case("z") {
        return Ok(TimeZone::UTC);
    }
    // The database that is built in: a plugin has no files to look for another.
    let database = TimeZoneDatabase::bundled();
    let spelt = name.replace(' ', "_");
    let found = database.get(&spelt).or_else(|_| PARSER.parse_time_zone_with(&database, &spelt));
    found.map_err(|_| Error::InvalidArguments(unknown(name)))
}

/// The names that contain `part`, whatever its case.
pub(crate) fn containing(part: &str) -> Vec<String> {
    let part = part.trim().replace(' ', "_").to_ascii_lowercase();
    let database = TimeZoneDatabase::bundled();
    let names = database.available().map(|name| name.as_str().to_owned());
    names.filter(|name| name.to_ascii_lowercase().contains(&part)).collect()
}

fn unknown(name: &str) -> String {
    const SUGGESTIONS_MAX: usize = 5;
    // Of `Germany/Berlin` and `Berlin`, the city is what helps.
    let city = name.rsplit('/').next().unwrap_or(name);
    let mut similar = if city.is_empty() { Vec::new() } else { containing(city) };
    similar.truncate(SUGGESTIONS_MAX);
    if similar.is_empty() {
        format!("`{name}` is not an IANA time zone such as `Europe/Berlin`: look for its name with the tool `zones`")
    } else {
        format!("`{name}` is not an IANA time zone. Similar names: {}", similar.join(", "))
    }
}
