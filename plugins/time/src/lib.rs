//! The plugin `time`: the time now, in another place, and between two times. It carries the IANA time zone database.

mod clock;
mod zone;

#[cfg(test)]
mod tests;

#[toolyard_plugin::plugin]
mod time {
    use toolyard_plugin::{Deserialize, JsonSchema, Result, Serialize};

    use crate::{clock, zone};

    /// A point in time, as the clocks of one place show it.
    #[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
    pub struct Moment {
        /// Date and time with the offset from UTC, such as `2026-07-01T14:30:00+02:00`.
        pub time: String,
        /// The time zone, such as `Europe/Berlin`.
        pub zone: String,
        /// What the zone's clocks are called at that time, such as `CEST`.
        pub abbreviation: String,
        /// Whether daylight saving time is in force.
        pub daylight_saving: bool,
        /// Such as `Wednesday`.
        pub weekday: String,
        /// Seconds since 1970-01-01T00:00:00Z.
        pub unix: i64,
    }

    /// The same point in time in two places.
    #[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
    pub struct Conversion {
        pub from: Moment,
        pub to: Moment,
        /// What is uncertain about this answer. Tell the user.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub note: Option<String>,
        /// The other point in time that may be meant, where the clocks of `from` showed this time twice.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub alternative: Option<Reading>,
    }

    /// One way to read a time.
    #[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
    pub struct Reading {
        pub from: Moment,
        pub to: Moment,
    }

    /// Which of two points in time is meant.
    #[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    pub enum Choice {
        Earlier,
        Later,
    }

    /// The time that lies between two times.
    #[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
    pub struct Difference {
        /// In words, such as `1 month, 3 days, 2 hours`. Calendar units are those of `start`'s time zone.
        pub text: String,
        /// The same as an ISO 8601 duration, such as `P1M3DT2H`. Negative where `end` is before `start`.
        pub duration: String,
        /// All of it in seconds.
        pub seconds: f64,
        pub start: Moment,
        pub end: Moment,
    }

    /// Time zones that were found.
    #[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
    pub struct Zones {
        pub zones: Vec<String>,
        /// How many more there are. Search for something longer to see them.
        pub more: usize,
    }

    /// Gives the current date and time.
    #[tool(title = "Current time", read_only, open_world = false)]
    pub fn now(
        /// The time zone to give it in: an IANA name such as `Europe/Berlin`, or an offset such as `+02:00`.
        #[arg(default = "UTC")]
        zone: &str,
    ) -> Result<Moment> {
        Ok(clock::moment(&clock::now().to_zoned(zone::find(zone)?)))
    }

    /// Says what a time in one time zone is in another.
    ///
    /// Where daylight saving time begins or ends, clocks skip an hour or show it twice: a time that never was is refused, and
    /// for a time that was twice both readings are given.
    #[tool(title = "Convert a time", read_only, open_world = false)]
    pub fn convert(
        /// A date and time such as `2026-07-01T14:30` or `2026-07-01T14:30:00+02:00`, or a time today such as `14:30`.
        time: &str,
        /// The time zone that `time` is in: an IANA name such as `America/New_York`. Needed unless `time` has an offset.
        from: Option<String>,
        /// The time zone to convert to: an IANA name such as `Asia/Tokyo`.
        to: &str,
        /// Which one is meant, where `time` was shown twice or never.
        choose: Option<Choice>,
    ) -> Result<Conversion> {
        clock::convert(time, from.as_deref(), to, choose, clock::now())
    }

    /// Says how much time lies between two times.
    #[tool(title = "Time between", read_only, open_world = false)]
    pub fn difference(
        /// A date, or a date and time, such as `2026-07-01`, `2026-07-01T14:30` or `2026-07-01T14:30:00+02:00`.
        start: &str,
        /// Likewise. Without it: now.
        end: Option<String>,
        /// The time zone of what has no offset, and whose days are counted.
        #[arg(default = "UTC")]
        zone: &str,
    ) -> Result<Difference> {
        clock::difference(start, end.as_deref(), zone, clock::now())
    }

    /// Finds the names of time zones.
    #[tool(title = "Find time zones", read_only, idempotent, open_world = false)]
    pub fn zones(
        /// A part of the name, such as a city or a continent.
        search: &str,
    ) -> Zones {
        const ZONES_MAX: usize = 50;
        let mut zones = zone::containing(search);
        let more = zones.len().saturating_sub(ZONES_MAX);
        zones.truncate(ZONES_MAX);
        Zones { zones, more }
    }
}
