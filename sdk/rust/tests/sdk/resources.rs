//! Resources: descriptions, lists, reading.

use toolyard_plugin::{Error, IconTheme, ResourceBody, ResourceContents, Role, testing};

#[toolyard_plugin::plugin]
mod library {
    use toolyard_plugin::{Context, Error, Resource, ResourceContents, ResourcePage, Result, Serialize, json};

    /// A text that never changes.
    #[resource(
        uri = "lib://rules",
        title = "Rules",
        mime_type = "text/plain",
        size = 9,
        icon(src = "https://example.com/rules.png", mime_type = "image/png", sizes = "48x48 any", theme = "dark"),
        audience = "user",
        audience = "assistant",
        priority = 0.5,
        last_modified = "2026-01-01T00:00:00Z",
        meta = json!({"a": 1})
    )]
    pub fn rules() -> &'static str {
        "No noise."
    }

    #[resource(uri = "lib://logo", name = "The logo", mime_type = "image/png")]
    pub fn logo() -> Vec<u8> {
        vec![1, 2, 3]
    }

    #[derive(Serialize)]
    pub struct Opening {
        pub from: u8,
        pub for_whom: String,
    }

    #[resource(uri = "lib://opening")]
    pub fn opening(context: &Context) -> Result<Opening> {
        Ok(Opening { from: 8, for_whom: context.subject.clone() })
    }

    /// A shelf's books.
    #[resource(uri_template = "lib://shelves/{shelf}/{book}", mime_type = "text/plain")]
    pub fn book(shelf: u32, book: &str) -> Result<Option<String>> {
        match (shelf, book) {
            (0, _) => Err(Error::denied("shelf 0 is locked")),
            (1, "a/b") => Ok(Some("A book about slashes.".into())),
            (1, _) => Ok(None),
            _ => Err(Error::not_found()),
        }
    }

    #[resource(uri_template = "lib://search/{+path}.txt{?limit,exact}")]
    pub fn search(
        context: &Context,
        path: String,
        #[arg(default = 10)] limit: u32,
        #[arg(name = "exact")] literally: Option<&str>,
    ) -> String {
        format!("{path} {limit} {literally:?} {}", context.tenant)
    }

    /// Everything else.
    #[resource(prefix = "lib://attic/", mime_type = "text/plain")]
    pub fn attic(uri: &str) -> Vec<ResourceContents> {
        match uri.strip_prefix("lib://attic/") {
            Some("empty") => Vec::new(),
            Some(name) => vec![
                ResourceContents::text(name),
                ResourceContents::blob([1]).at(format!("{uri}/cover")).with_mime_type("image/png"),
            ],
            None => unreachable!("it has another prefix"),
        }
    }

    #[resources]
    pub fn attics_things(cursor: Option<&str>) -> Result<ResourcePage> {
        let names = ["box", "chest:2", "mirror"];
        let page: usize = cursor.unwrap_or("0").parse()?;
        let next = (page + 1 < names.len()).then(|| (page + 1).to_string());
        let resource = Resource { size: Some(7), ..Resource::new(format!("lib://attic/{}", names[page]), names[page]) };
        Ok(ResourcePage { resources: vec![resource], next })
    }

    #[resources]
    pub fn the_rest(context: &Context) -> Vec<Resource> {
        vec![Resource::new("lib://attic/last", context.tenant.clone())]
    }
}

use library::PLUGIN;

fn read(uri: &str) -> Result<Vec<ResourceContents>, Error> {
    PLUGIN.read(uri, &testing::context())
}

#[track_caller]
fn text(uri: &str) -> String {
    match &read(uri).expect("contents")[..] {
        [ResourceContents { uri: at, body: ResourceBody::Text(text), .. }] if at == uri => text.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_host_learns_what_the_uris_begin_with_and_the_templates() {
    let described = PLUGIN.resources();
    let prefixes = ["lib://attic/", "lib://logo", "lib://opening", "lib://rules", "lib://search/", "lib://shelves/"];
    assert_eq!(described.prefixes, prefixes);
    let [book, search] = &described.templates[..] else { panic!("{:?}", described.templates) };
    assert_eq!((book.uri_template.as_str(), book.name.as_str()), ("lib://shelves/{shelf}/{book}", "book"));
    assert_eq!(book.description.as_deref(), Some("A shelf's books."));
    assert_eq!((book.mime_type.as_deref(), search.mime_type.as_deref()), (Some("text/plain"), None));
    assert_eq!(search.uri_template, "lib://search/{+path}.txt{?limit,exact}");
}

#[test]
fn a_resource_is_described_by_its_comments_and_options() {
    let page = PLUGIN.list_resources(None, &testing::context()).expect("a page");
    let rules = &page.resources[0];
    assert_eq!((rules.uri.as_str(), rules.name.as_str()), ("lib://rules", "rules"));
    assert_eq!(rules.title.as_deref(), Some("Rules"));
    assert_eq!(rules.description.as_deref(), Some("A text that never changes."));
    assert_eq!((rules.mime_type.as_deref(), rules.size), (Some("text/plain"), Some(9)));
    assert_eq!(rules.meta.as_deref(), Some(r#"{"a":1}"#));
    let annotations = rules.annotations.as_ref().expect("annotations");
    assert_eq!(annotations.audience, [Role::User, Role::Assistant]);
    assert_eq!(annotations.priority, Some(0.5));
    assert_eq!(annotations.last_modified.as_deref(), Some("2026-01-01T00:00:00Z"));
    let icon = &rules.icons[0];
    assert_eq!((icon.src.as_str(), icon.mime_type.as_deref()), ("https://example.com/rules.png", Some("image/png")));
    assert_eq!((&icon.sizes[..], icon.theme), (&["48x48".to_owned(), "any".to_owned()][..], Some(IconTheme::Dark)));

    assert_eq!(page.resources[1].name, "The logo");
    assert_eq!((&page.resources[1].annotations, &page.resources[1].meta), (&None, &None));
    assert_eq!(page.resources[2].mime_type.as_deref(), Some("application/json"), "data is JSON");
}

#[test]
fn lists_go_on_from_function_to_function() {
    let mut cursor = None;
    let mut pages = Vec::new();
    loop {
        let page = PLUGIN.list_resources(cursor.as_deref(), &testing::context()).expect("a page");
        pages.push(page.resources.into_iter().map(|resource| resource.name).collect::<Vec<_>>());
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, [&["rules", "The logo", "opening", "box"][..], &["chest:2"], &["mirror", "default"]]);
    for wrong in ["", "0", "x:1"] {
        let error = PLUGIN.list_resources(Some(wrong), &testing::context()).expect_err(wrong);
        assert!(matches!(error, Error::InvalidArguments(_)), "{error:?}");
    }
}

#[test]
fn functions_are_found_by_uri() {
    assert_eq!(text("lib://rules"), "No noise.");
    assert_eq!(text("lib://opening"), r#"{"from":8,"for_whom":"anonymous"}"#);
    assert_eq!(text("lib://shelves/1/a%2Fb"), "A book about slashes.");
    assert_eq!(text("lib://search/a/b.txt"), "a/b 10 None default");
    assert_eq!(text("lib://search/a/b.txt?exact=%20&limit=3"), "a/b 3 Some(\" \") default");

    let logo = read("lib://logo").expect("contents");
    assert_eq!(logo, [ResourceContents::blob([1, 2, 3]).at("lib://logo").with_mime_type("image/png")]);
    let things = read("lib://attic/box").expect("contents");
    let expected = [
        ResourceContents::text("box").at("lib://attic/box").with_mime_type("text/plain"),
        ResourceContents::blob([1]).at("lib://attic/box/cover").with_mime_type("image/png"),
    ];
    assert_eq!(things, expected);
}

#[test]
fn what_is_not_there_is_not_found() {
    for uri in
        ["lib://rule", "lib://rules/", "lib://shelves/1/other", "lib://shelves/2/a", "lib://shelves/x/a", "other://"]
    {
        assert_eq!(read(uri), Err(Error::NotFound), "{uri}");
    }
    assert_eq!(read("lib://attic/empty"), Ok(Vec::new()), "which the host is told is not found");
    assert_eq!(read("lib://shelves/0/a"), Err(Error::denied("shelf 0 is locked")));
    let error = read("lib://search/a.txt?limit=many").expect_err("a limit that is none");
    assert_eq!(error, Error::invalid_arguments("`limit`: invalid digit found in string"));
}
