use jiff::Timestamp;
use serde_json::{Value, json};
use toolyard_plugin::{Error, serde_json, testing};

use crate::clock;
use crate::time::{Choice, Conversion, PLUGIN};

/// Calls a tool, and gives back its structured result or what the error says.
fn call(tool: &str, arguments: &Value) -> Result<Value, Error> {
    let result = PLUGIN.call(tool, &arguments.to_string(), &testing::context())?;
    Ok(serde_json::from_str(&result.structured.expect("structured content")).expect("JSON"))
}

/// A conversion on 2026-11-21 at noon UTC.
fn convert(time: &str, from: Option<&str>, to: &str, choose: Option<Choice>) -> Result<Conversion, String> {
    let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
    clock::convert(time, from, to, choose, now).map_err(|error| error.message().to_owned())
}

#[test]
fn times_are_converted() {
    let cases = [
        ("2026-07-01T14:30", Some("Europe/Berlin"), "America/New_York", "2026-07-01T08:30:00-04:00"),
        ("2026-01-01 14:30", Some("Europe/Berlin"), "UTC", "2026-01-01T13:30:00+00:00"),
        ("2026-07-01T14:30:00+02:00", None, "Asia/Kolkata", "2026-07-01T18:00:00+05:30"),
        ("2026-07-01T14:30:00Z", None, "Pacific/Kiritimati", "2026-07-02T04:30:00+14:00"),
        ("14:30", Some("Asia/Tokyo"), "UTC", "2026-11-21T05:30:00+00:00"),
        // In Honolulu it is still the day before.
        ("00:30", Some("Pacific/Honolulu"), "UTC", "2026-11-21T10:30:00+00:00"),
        ("2026-07-01T14:30", Some("europe/berlin"), "america/new york", "2026-07-01T08:30:00-04:00"),
        ("2026-07-01T14:30", Some("+05:45"), "UTC", "2026-07-01T08:45:00+00:00"),
        ("2026-07-01", Some("UTC"), "Asia/Tokyo", "2026-07-01T09:00:00+09:00"),
    ];
    for (time, from, to, expected) in cases {
        let conversion = convert(time, from, to, None).unwrap_or_else(|error| panic!("{time}: {error}"));
        assert_eq!(conversion.to.time, expected, "{time}");
        assert_eq!((conversion.note, conversion.alternative), (None, None), "{time}");
        assert_eq!(conversion.from.unix, conversion.to.unix, "{time}");
    }
}

#[test]
fn a_moment_says_what_clocks_show() {
    let moment = convert("2026-07-01T12:30:00Z", None, "Europe/Berlin", None).expect("a conversion").to;
    assert_eq!(moment.zone, "Europe/Berlin");
    assert_eq!(moment.abbreviation, "CEST");
    assert_eq!(moment.weekday, "Wednesday");
    assert!(moment.daylight_saving);
    assert_eq!(moment.unix, 1_782_909_000);
}

#[test]
fn a_time_that_was_twice_has_two_readings() {
    let berlin = Some("Europe/Berlin");
    let conversion = convert("2026-10-25T02:30", berlin, "UTC", None).expect("a conversion");
    assert_eq!(conversion.to.time, "2026-10-25T00:30:00+00:00");
    assert_eq!(conversion.alternative.expect("an alternative").to.time, "2026-10-25T01:30:00+00:00");
    assert!(conversion.note.expect("a note").contains("showed 2026-10-25T02:30:00 twice"));

    for (choice, expected) in
        [(Choice::Earlier, "2026-10-25T00:30:00+00:00"), (Choice::Later, "2026-10-25T01:30:00+00:00")]
    {
        let conversion = convert("2026-10-25T02:30", berlin, "UTC", Some(choice)).expect("a conversion");
        assert_eq!(conversion.to.time, expected);
        assert_eq!(conversion.alternative, None);
    }
}

#[test]
fn a_time_that_never_was_is_refused_unless_one_is_chosen() {
    let new_york = Some("America/New_York");
    let refused = convert("2026-03-08T02:30", new_york, "UTC", None).expect_err("a refusal");
    assert!(refused.contains("never showed 2026-03-08T02:30:00"), "{refused}");
    assert!(refused.contains("2026-03-08T01:30:00 or 2026-03-08T03:30:00"), "{refused}");

    for (choice, expected) in
        [(Choice::Earlier, "2026-03-08T01:30:00-05:00"), (Choice::Later, "2026-03-08T03:30:00-04:00")]
    {
        let conversion = convert("2026-03-08T02:30", new_york, "UTC", Some(choice)).expect("a conversion");
        assert_eq!(conversion.from.time, expected);
        assert!(conversion.note.is_some(), "what was done is said");
    }
}

#[test]
fn mistakes_say_what_would_be_right() {
    let cases = [
        (convert("14:30", None, "UTC", None), "say in `from`"),
        (convert("soon", Some("UTC"), "UTC", None), "is not a time: write `2026-07-01T14:30`"),
        (convert("2026-02-30T10:00", Some("UTC"), "UTC", None), "is not a time"),
        (convert("14:30", Some("Berlin"), "UTC", None), "Similar names: Europe/Berlin"),
        (convert("14:30", Some("UTC"), "New York", None), "Similar names: America/New_York"),
        (convert("14:30", Some("UTC"), "Atlantis", None), "look for its name with the tool `zones`"),
        (convert("14:30", Some("UTC"), "", None), "is not an IANA time zone"),
    ];
    for (result, expected) in cases {
        let message = result.expect_err(expected);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn now_is_now_in_the_zone_that_was_asked_for() {
    let before = Timestamp::now().as_second();
    let moment = call("now", &json!({"zone": "Asia/Tokyo"})).expect("a moment");
    let unix = moment["unix"].as_i64().expect("a number");
    assert!((before..=Timestamp::now().as_second()).contains(&unix), "{moment}");
    assert!(moment["time"].as_str().expect("a time").ends_with("+09:00"), "{moment}");
    assert_eq!(call("now", &json!({})).expect("a moment")["zone"], "UTC");
}

#[test]
fn differences_are_counted_in_the_zone() {
    let cases = [
        (json!({"start": "2026-01-31", "end": "2026-03-01"}), "1 month, 1 day", "P1M1D", 2_505_600.0),
        (
            json!({"start": "2026-07-01T12:00Z", "end": "2026-07-01T12:00:01.5Z"}),
            "1 second, 500 milliseconds",
            "PT1.5S",
            1.5,
        ),
        // The day on which Berlin sets its clocks forward has 23 hours.
        (
            json!({"start": "2026-03-28T12:00", "end": "2026-03-29T12:00", "zone": "Europe/Berlin"}),
            "1 day",
            "P1D",
            82_800.0,
        ),
        (json!({"start": "2026-01-02", "end": "2026-01-01"}), "1 day ago", "-P1D", -86_400.0),
    ];
    for (arguments, text, duration, seconds) in cases {
        let difference = call("difference", &arguments).unwrap_or_else(|error| panic!("{arguments}: {error:?}"));
        assert_eq!(difference["text"], text, "{arguments}");
        assert_eq!(difference["duration"], duration, "{arguments}");
        assert_eq!(difference["seconds"], seconds, "{arguments}");
    }
}

#[test]
fn zones_are_found_by_a_part_of_their_name() {
    let found = call("zones", &json!({"search": "berlin"})).expect("zones");
    assert_eq!(found, json!({"zones": ["Europe/Berlin"], "more": 0}));
    let found = call("zones", &json!({"search": "America"})).expect("zones");
    assert_eq!(found["zones"].as_array().expect("a list").len(), 50);
    assert!(found["more"].as_u64().expect("a number") > 50, "{found}");
}
