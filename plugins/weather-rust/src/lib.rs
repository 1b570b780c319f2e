//! The plugin `weather-rust`: the weather of the coming days, and places to ask it for. The same plugin stands beside it in every
//! language that Toolyard has an SDK for.

mod chart;
mod place;
mod service;

#[cfg(test)]
mod tests;

#[toolyard_plugin::plugin(wishes = "wishes.toml")]
mod weather {
    use std::time::{SystemTime, UNIX_EPOCH};

    use toolyard_plugin::{
        Answer, Content, Context, Deserialize, Error, Form, JsonSchema, Resource, ResourcePage, Result, Serialize, log,
    };

    use crate::{chart, place, service};

    // Temperatures.

    /// What a temperature is measured in.
    #[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    #[schemars(inline, description = "")]
    pub enum Scale {
        Celsius,
        Fahrenheit,
        Kelvin,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct Conversion {
        /// The temperature.
        #[schemars(range(min = -1_000_000, max = 1_000_000))]
        value: i32,
        /// Its unit.
        from: Scale,
        /// The unit wanted.
        to: Scale,
    }

    #[derive(Serialize, JsonSchema)]
    pub struct Converted {
        /// The converted temperature.
        #[schemars(with = "Integer")]
        value: i64,
        /// Its unit.
        unit: Scale,
    }

    /// Converts a temperature from one unit to another.
    #[tool(title = "Convert a temperature", read_only, idempotent, open_world = false)]
    pub fn convert(#[args] wanted: Conversion) -> Result<Converted> {
        let value = f64::from(wanted.value);
        let kelvin = match wanted.from {
            Scale::Celsius => value + 273.15,
            Scale::Fahrenheit => (value - 32.0) * 5.0 / 9.0 + 273.15,
            Scale::Kelvin => value,
        };
        if kelvin < 0.0 {
            return Err(Error::failed("That is below absolute zero."));
        }
        let value = match wanted.to {
            Scale::Celsius => kelvin - 273.15,
            Scale::Fahrenheit => (kelvin - 273.15) * 9.0 / 5.0 + 32.0,
            Scale::Kelvin => kelvin,
        };
        Ok(Converted { value: service::rounded(value), unit: wanted.to })
    }

    // Forecasts.

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct Wanted {
        /// The name of a city.
        #[schemars(length(min = 1))]
        place: String,
        /// How many days.
        #[serde(default = "three")]
        #[schemars(range(min = 1, max = 7))]
        days: u8,
        /// The unit of the temperatures.
        #[serde(default)]
        unit: service::Unit,
    }

    fn three() -> u8 {
        3
    }

    #[derive(Serialize, JsonSchema)]
    pub struct Forecast {
        /// The place that was found.
        place: String,
        /// The unit of the temperatures.
        unit: service::Unit,
        /// A day each.
        days: Vec<service::Day>,
    }

    /// Gives the weather of the coming days at a place.
    #[tool(read_only, open_world)]
    pub fn forecast(context: &Context, #[args] wanted: Wanted) -> Result<Forecast> {
        context.progress(1, 3, "looking for the place");
        let (place, at) = match place::kept(&wanted.place)? {
            Some(at) => (wanted.place, at),
            None => service::find(&wanted.place)?,
        };
        context.progress(2, 3, "asking for the forecast");
        let days = service::forecast(at, wanted.days, wanted.unit)?;
        log::info!("forecast of {} days for {place}", wanted.days);
        context.progress(3, 3, "done");
        Ok(Forecast { place, unit: wanted.unit, days })
    }

    // Places.

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct Named {
        /// What to call it.
        #[schemars(length(min = 1, max = 50))]
        name: String,
        /// Degrees north.
        #[schemars(range(min = -90, max = 90))]
        latitude: f64,
        /// Degrees east.
        #[schemars(range(min = -180, max = 180))]
        longitude: f64,
    }

    /// Keeps a place under a name.
    #[tool(idempotent, destructive = false, open_world = false)]
    pub fn save_place(context: &Context, #[args] named: Named) -> Result<String> {
        let Named { name, latitude, longitude } = named;
        place::keep(&name, place::Coordinates { latitude, longitude })?;
        context.resources_changed();
        Ok(format!("Saved {name}."))
    }

    #[derive(Serialize, JsonSchema)]
    pub struct Places {
        /// Their names.
        places: Vec<String>,
    }

    /// Lists the places that were kept.
    #[tool(read_only, open_world = false)]
    pub fn places() -> Result<Places> {
        Ok(Places { places: place::names()? })
    }

    #[derive(Deserialize, JsonSchema)]
    pub struct Agreement {
        /// Whether to forget them.
        forget: bool,
    }

    /// Forgets all places that were kept, if the user agrees.
    #[tool(destructive, open_world = false)]
    pub fn forget_places(context: &Context) -> Result<String> {
        let names = place::names()?;
        let count = names.len();
        if count == 0 {
            return Ok("There is nothing to forget.".into());
        }
        match context.ask("sure", Form::<Agreement>::new(format!("Forget {count} places?")))? {
            Answer::Accepted(Agreement { forget: true }) => {
                place::forget(&names)?;
                context.resources_changed();
                Ok(format!("Forgot {count} places."))
            }
            _ => Ok("Kept everything.".into()),
        }
    }

    // Content, context, and what each call sees anew.

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct Drawing {
        /// The temperatures.
        #[schemars(length(min = 1, max = 14), inner(range(min = -60, max = 60)))]
        highs: Vec<i32>,
    }

    /// Draws temperatures as bars.
    #[tool(read_only, idempotent, open_world = false)]
    pub fn chart(#[args] drawing: Drawing) -> Vec<Content> {
        chart::draw(&drawing.highs)
    }

    #[derive(Serialize, JsonSchema)]
    pub struct Now {
        /// A random number.
        #[schemars(with = "Integer")]
        random: u32,
        /// Milliseconds since 1970.
        #[schemars(with = "Integer")]
        time_ms: u64,
    }

    /// Gives a random number and the time.
    #[tool(open_world = false)]
    pub fn now() -> Result<Now> {
        let time_ms = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
        Ok(Now { random: getrandom::u32()? >> 1, time_ms })
    }

    #[derive(Serialize, JsonSchema)]
    pub struct Caller {
        /// The tenant.
        tenant: String,
        /// The client's name.
        client: Option<String>,
        /// How often it was tried.
        #[schemars(with = "Integer")]
        attempt: u32,
    }

    /// Says who is calling.
    #[tool(read_only, open_world = false)]
    pub fn whoami(context: &Context) -> Caller {
        Caller { tenant: context.tenant.clone(), client: context.client.name.clone(), attempt: context.attempt }
    }

    /// Fails in a way that nobody thought of.
    pub fn crash() -> String {
        let nothing: Vec<String> = Vec::new();
        nothing[nothing.len()].clone()
    }

    /// Any whole number: without the bounds that a Rust type has.
    #[derive(JsonSchema)]
    #[schemars(inline, description = "", extend("type" = "integer"))]
    pub struct Integer;

    // Resources.

    /// Where the forecasts come from.
    #[resource(uri = "weather://about", name = "about", mime_type = "text/plain")]
    pub fn about() -> &'static str {
        "Weather by Open-Meteo (https://open-meteo.com), CC BY 4.0."
    }

    /// A place that was kept.
    #[resource(uri_template = "weather://places/{name}", name = "place", mime_type = "application/json")]
    pub fn a_place(name: &str) -> Result<Option<String>> {
        place::text(name)
    }

    /// Lists the places that were kept.
    #[resources]
    pub fn kept_places() -> Result<ResourcePage> {
        let listed = |name: String| Resource {
            mime_type: Some("application/json".into()),
            ..Resource::new(format!("weather://places/{}", place::encoded(&name)), name)
        };
        Ok(ResourcePage { resources: place::names()?.into_iter().map(listed).collect(), next: None })
    }

    // The prompt.

    /// What to pack for a trip.
    #[prompt]
    pub fn packing_list(
        /// Where to.
        place: &str,
        /// How many days.
        days: Option<&str>,
    ) -> String {
        let days = days.unwrap_or("3");
        format!("What should I pack for {days} days in {place}? Ask the tool forecast for the weather.")
    }

    /// Suggests places that were kept.
    #[complete(prompt = "packing_list", argument = "place")]
    pub fn suggest_place(value: &str) -> Result<Vec<String>> {
        Ok(place::names()?.into_iter().filter(|name| name.starts_with(value)).collect())
    }
}
