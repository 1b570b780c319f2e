//! Suggestions for what is being filled in.

use toolyard_plugin::{Completion, Error, Reference, testing};

#[toolyard_plugin::plugin]
mod travel {
    use toolyard_plugin::{Completion, Context, Result};

    #[prompt]
    pub fn trip(country: String, city: String) -> String {
        format!("{city}, {country}")
    }

    #[resource(uri_template = "map://{country}/{scale}")]
    pub fn map(country: String, scale: u32) -> String {
        format!("{country} 1:{scale}")
    }

    #[complete(prompt = "trip", argument = "country")]
    pub fn countries(value: &str) -> Completion {
        Completion::starting_with(value, ["Germany", "Ghana", "France"])
    }

    #[complete(prompt = "trip", argument = "city")]
    pub fn cities(value: String, context: &Context, country: Option<&str>) -> Vec<String> {
        vec![format!("{value}|{}|{}", country.unwrap_or("anywhere"), context.tenant)]
    }

    #[complete(uri_template = "map://{country}/{scale}", argument = "scale")]
    pub fn scales(value: &str) -> Result<Vec<String>> {
        let value: u32 = value.parse()?;
        Ok((0..value).map(|scale| scale.to_string()).collect())
    }
}

use travel::PLUGIN;

fn complete(reference: &Reference, argument: &str, value: &str) -> Result<Completion, Error> {
    PLUGIN.complete(reference, argument, value, &[("country", "France")], &testing::context())
}

#[test]
fn suggestions_are_found_by_what_they_are_for() {
    let trip = Reference::Prompt("trip".into());
    let found = complete(&trip, "country", "g").expect("suggestions");
    assert_eq!((&found.values[..], found.total), (&["Germany".to_owned(), "Ghana".to_owned()][..], Some(2)));
    assert_eq!(complete(&trip, "city", "P").expect("suggestions").values, ["P|France|default"]);
    let unknown = PLUGIN.complete(&trip, "city", "P", &[], &testing::context()).expect("suggestions");
    assert_eq!(unknown.values, ["P|anywhere|default"]);

    let map = Reference::ResourceTemplate("map://{country}/{scale}".into());
    assert_eq!(complete(&map, "scale", "x"), Err(Error::failed("invalid digit found in string")));
    for (reference, argument) in [(&map, "country"), (&Reference::Prompt("other".into()), "city"), (&trip, "other")] {
        assert_eq!(complete(reference, argument, ""), Ok(Completion::default()));
    }
}

#[test]
fn there_are_a_hundred_at_most() {
    let map = Reference::ResourceTemplate("map://{country}/{scale}".into());
    let found = complete(&map, "scale", "100").expect("suggestions");
    assert_eq!((found.values.len(), found.total, found.has_more), (100, Some(100), false));
    let found = complete(&map, "scale", "101").expect("suggestions");
    assert_eq!((found.values.len(), found.total, found.has_more), (100, Some(101), true));
}
