//! One test for each language.

macro_rules! languages {
    ($($language:ident),+) => {
        $(
            #[test]
            fn $language() {
                super::check(concat!("weather-", stringify!($language)));
            }
        )+

        /// A plugin in a language that is not in the list would never be tested.
        #[test]
        fn none_is_left_out() {
            let listed = [$(concat!("weather-", stringify!($language))),+];
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
            let names = std::fs::read_dir(folder).expect("the folder of plugins").map(|entry| entry.expect("an entry").file_name());
            let mut there: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
            there.retain(|name| name.starts_with("weather-"));
            there.sort();
            let mut listed: Vec<&str> = listed.into();
            listed.sort_unstable();
            assert_eq!(there, listed);
        }
    };
}

/// `plugins/weather-js` with the other engine for JavaScript.
#[test]
fn starlingmonkey() {
    super::check("weather-starlingmonkey");
}

languages!(c, go, js, python, rust, ts);
