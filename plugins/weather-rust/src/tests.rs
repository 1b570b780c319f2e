use toolyard_plugin::http::{Error as HttpError, Request, Response};
use toolyard_plugin::serde_json::{Value, from_str};
use toolyard_plugin::testing::{self, Grants};
use toolyard_plugin::{Content, Error, Result, ToolResult, json};

use crate::weather::PLUGIN;

const FORECAST: &str = r#"{"daily":{"time":["2026-11-21","2026-11-22"],"temperature_2m_max":[8.4,-0.5],
    "temperature_2m_min":[2.5,-3.6],"precipitation_probability_max":[40,null]}}"#;

fn call(tool: &str, arguments: &Value) -> Result<Value> {
    let result = PLUGIN.call(tool, &arguments.to_string(), &testing::context())?;
    Ok(from_str(&result.structured.expect("the answer is data")).unwrap())
}

fn said(tool: &str, arguments: &Value) -> Result<String> {
    Ok(text(&PLUGIN.call(tool, &arguments.to_string(), &testing::context())?))
}

/// The first piece of content, which is text.
fn text(result: &ToolResult) -> String {
    let Some(Content::Text(text)) = result.content.first() else { panic!("no text: {result:?}") };
    text.text.clone()
}

/// Open-Meteo, as far as these tests ask it.
fn service(request: &Request) -> Result<Response, HttpError> {
    let url = request.url().as_str();
    Ok(Response::new(200).with_body(match url {
        _ if url.starts_with("https://api.open-meteo.com/v1/forecast?latitude=52.52&longitude=13.41&daily=") => {
            FORECAST
        }
        _ if url.ends_with("/v1/search?name=K%C3%B6ln%20&count=1") => "{}",
        _ if url.ends_with("/v1/search?name=berlin&count=1") => {
            r#"{"results":[{"name":"Berlin","latitude":52.52,"longitude":13.41}]}"#
        }
        _ => return Ok(Response::new(503)),
    }))
}

fn granted(work: impl FnOnce()) {
    Grants::none().keyvalue().http(service).run(work);
}

#[test]
fn converts_and_refuses_what_cannot_be() {
    let convert = |value, from, to| call("convert", &json!({ "value": value, "from": from, "to": to }));
    assert_eq!(convert(20, "celsius", "fahrenheit").unwrap(), json!({ "value": 68, "unit": "fahrenheit" }));
    assert_eq!(convert(0, "kelvin", "celsius").unwrap()["value"], -273);
    assert_eq!(convert(-1, "kelvin", "celsius").unwrap_err().message(), "That is below absolute zero.");
}

#[test]
fn a_forecast_is_asked_for_at_the_place_that_was_found() {
    granted(|| {
        let (forecast, told) = testing::listen(|| call("forecast", &json!({ "place": "berlin", "days": 2 })));
        let days = json!([{ "date": "2026-11-21", "high": 8, "low": 3, "rain": 40 },
            { "date": "2026-11-22", "high": 0, "low": -4, "rain": 0 }]);
        assert_eq!(forecast.unwrap(), json!({ "place": "Berlin", "unit": "celsius", "days": days }));
        assert_eq!(told.progress.len(), 3);
        assert_eq!(told.logs[0].2, "forecast of 2 days for Berlin");
        let error = call("forecast", &json!({ "place": "Köln " })).unwrap_err();
        assert_eq!(error.message(), "There is no place called Köln .");
        assert!(matches!(call("forecast", &json!({ "place": "x" })), Err(Error::Retryable { .. })));
    });
    let error = Grants::none().keyvalue().run(|| call("forecast", &json!({ "place": "x" })).unwrap_err());
    assert_eq!(error.message(), "The weather service cannot be reached.");
}

#[test]
fn places_are_kept_until_the_user_says_so() {
    let forget = |answer: Value| {
        testing::converse(|context| PLUGIN.call("forget_places", "{}", context), |_, _| Some(answer.clone()))
            .map(|result| text(&result))
    };
    granted(|| {
        assert_eq!(forget(testing::decline()).unwrap(), "There is nothing to forget.");
        for (name, latitude) in [("Rome", 41.9), ("Ålesund", 62.0)] {
            let saved = said("save_place", &json!({ "name": name, "latitude": latitude, "longitude": 12.5 }));
            assert_eq!(saved.unwrap(), format!("Saved {name}."));
        }
        assert_eq!(call("places", &json!({})).unwrap(), json!({ "places": ["Rome", "Ålesund"] }));
        assert_eq!(forget(testing::accept(json!({ "forget": false }))).unwrap(), "Kept everything.");
        assert_eq!(forget(testing::accept(json!({ "forget": true }))).unwrap(), "Forgot 2 places.");
        assert_eq!(call("places", &json!({})).unwrap(), json!({ "places": [] }));
    });
}

#[test]
fn a_chart_has_a_bar_for_each() {
    let result = PLUGIN.call("chart", r#"{"highs": [9, -2]}"#, &testing::context()).unwrap();
    assert_eq!(result.content.len(), 5);
    assert_eq!(text(&result), "Highest 9, lowest -2.");
}
