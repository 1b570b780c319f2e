//! The weather service, Open-Meteo: where a place is, and what its weather will be.

use toolyard_plugin::http::{self, Request};
use toolyard_plugin::{Deserialize, Error, JsonSchema, Result, Serialize, config, log, serde_json};

use std::time::Duration;

use crate::place::{self, Coordinates};

/// An answer for seven days has less than two kilobytes.
const ANSWER_BYTES_MAX: usize = 100_000;

/// What temperatures are given in.
#[derive(Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "toolyard_plugin::serde", rename_all = "lowercase")]
#[schemars(crate = "toolyard_plugin::schemars", inline, description = "")]
pub(crate) enum Unit {
    #[default]
    Celsius,
    Fahrenheit,
}

/// The weather of one day.
#[derive(Serialize, JsonSchema)]
#[serde(crate = "toolyard_plugin::serde")]
#[schemars(crate = "toolyard_plugin::schemars", inline, description = "")]
pub(crate) struct Day {
    /// The date, as YYYY-MM-DD.
    date: String,
    /// The highest temperature.
    #[schemars(with = "crate::weather::Integer")]
    high: i64,
    /// The lowest temperature.
    #[schemars(with = "crate::weather::Integer")]
    low: i64,
    /// How likely rain is, in percent.
    #[schemars(with = "crate::weather::Integer")]
    rain: i64,
}

#[derive(Deserialize)]
#[serde(crate = "toolyard_plugin::serde")]
struct Search {
    #[serde(default)]
    results: Vec<Found>,
}

#[derive(Deserialize)]
#[serde(crate = "toolyard_plugin::serde")]
struct Found {
    name: String,
    #[serde(flatten)]
    at: Coordinates,
}

#[derive(Deserialize)]
#[serde(crate = "toolyard_plugin::serde")]
struct Answer {
    daily: Daily,
}

#[derive(Deserialize)]
#[serde(crate = "toolyard_plugin::serde")]
struct Daily {
    time: Vec<String>,
    temperature_2m_max: Vec<f64>,
    temperature_2m_min: Vec<f64>,
    precipitation_probability_max: Vec<Option<f64>>,
}

/// The place that is meant by a name: what it is really called, and where it is.
pub(crate) fn find(name: &str) -> Result<(String, Coordinates)> {
    let base = config::get("geocoding").unwrap_or_else(|| "https://geocoding-api.open-meteo.com".into());
    let search: Search = ask(&format!("{base}/v1/search?name={}&count=1", place::encoded(name)))?;
    let found = search.results.into_iter().next();
    found.map(|found| (found.name, found.at)).ok_or_else(|| Error::failed(format!("There is no place called {name}.")))
}

pub(crate) fn forecast(at: Coordinates, days: u8, unit: Unit) -> Result<Vec<Day>> {
    let base = config::get("api").unwrap_or_else(|| "https://api.open-meteo.com".into());
    let Coordinates { latitude, longitude } = at;
    let unit = match unit {
        Unit::Celsius => "celsius",
        Unit::Fahrenheit => "fahrenheit",
    };
    let Answer { daily } = ask(&format!(
        "{base}/v1/forecast?latitude={latitude}&longitude={longitude}\
         &daily=temperature_2m_max,temperature_2m_min,precipitation_probability_max\
         &timezone=UTC&forecast_days={days}&temperature_unit={unit}"
    ))?;
    let count = daily.time.len();
    let rows =
        [daily.temperature_2m_max.len(), daily.temperature_2m_min.len(), daily.precipitation_probability_max.len()];
    if rows.iter().any(|rows| *rows != count) {
        return Err(not_understood());
    }
    let days = daily.time.into_iter().enumerate().map(|(day, date)| Day {
        date,
        high: rounded(daily.temperature_2m_max[day]),
        low: rounded(daily.temperature_2m_min[day]),
        rain: rounded(daily.precipitation_probability_max[day].unwrap_or_default()),
    });
    Ok(days.collect())
}

/// To the nearest whole number, halves upwards.
pub(crate) fn rounded(value: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "temperatures and percentages are far from the bounds")]
    {
        (value + 0.5).floor() as i64
    }
}

fn ask<T: for<'a> Deserialize<'a>>(url: &str) -> Result<T> {
    let answered = Request::get(url).header("Accept", "application/json").send();
    let response = answered.map_err(|error: http::Error| {
        log::warn!("{url}: {error}");
        Error::failed("The weather service cannot be reached.")
    })?;
    let status = response.status();
    if status != 200 {
        let error = Error::failed(format!("The weather service answered with status {status}."));
        return Err(if status >= 500 || status == 429 { error.after(Duration::from_secs(1)) } else { error });
    }
    let text = response.text(ANSWER_BYTES_MAX).map_err(|error| {
        log::warn!("{url}: {error}");
        not_understood()
    })?;
    serde_json::from_str(&text).map_err(|error| {
        log::warn!("{url}: {error}");
        not_understood()
    })
}

fn not_understood() -> Error {
    Error::failed("The weather service gave an answer that is not understood.")
}
