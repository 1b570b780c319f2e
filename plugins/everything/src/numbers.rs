//! Resources that are listed page by page.

use toolyard_plugin::{Resource, ResourcePage, Result};

/// How many there are, and how many are on one page.
const NUMBERS: usize = 25;
const NUMBERS_PER_PAGE: usize = 10;

/// The number at this URI, if there is one.
pub(crate) fn in_words(uri: &str) -> Option<String> {
    let number: usize = uri.strip_prefix("test://numbers/")?.parse().ok()?;
    (1..=NUMBERS).contains(&number).then(|| format!("This is number {number}."))
}

/// The page that begins at the cursor.
pub(crate) fn page(cursor: Option<&str>) -> Result<ResourcePage> {
    let first: usize = cursor.unwrap_or("1").parse()?;
    let last = first.saturating_add(NUMBERS_PER_PAGE - 1).min(NUMBERS);
    let resource = |number| Resource {
        description: Some("A number that is listed when somebody asks.".into()),
        mime_type: Some("text/plain".into()),
        ..Resource::new(format!("test://numbers/{number}"), format!("Number {number}"))
    };
    let next = (last < NUMBERS).then(|| (last + 1).to_string());
    Ok(ResourcePage { resources: (first..=last).map(resource).collect(), next })
}
