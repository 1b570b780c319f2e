use proc_macro2::TokenStream;
use quote::quote;

use crate::module::expand;

/// What the macro writes for a module with these items.
fn accept(items: &TokenStream) -> String {
    match expand(&TokenStream::new(), quote!(mod plugin { #items })) {
        Ok(written) => written.to_string(),
        Err(error) => panic!("{items}: {error}"),
    }
}

/// What the macro says against it: all of it.
fn refuse(items: &TokenStream) -> Vec<String> {
    match expand(&TokenStream::new(), quote!(mod plugin { #items })) {
        Ok(written) => panic!("{items} became {written}"),
        Err(errors) => errors.into_iter().map(|error| error.to_string()).collect(),
    }
}

fn tokens(code: &str) -> TokenStream {
    code.parse().unwrap_or_else(|error| panic!("{code}: {error}"))
}

#[test]
fn the_compiler_never_sees_what_it_would_not_understand() {
    let written = accept(&quote! {
        /// Kept.
        #[tool(read_only)]
        #[inline]
        pub fn tool(
            #[doc = "Taken."] #[arg(default = 1)] a: u8,
            #[header("H")] b: bool,
            #[allow(unused)] c: u8,
        ) {}
        pub fn other(#[args] all: All, context: &Context) {}
    });
    let function = "# [doc = r\" Kept.\"] # [inline] pub fn tool (a : u8 , b : bool , # [allow (unused)] c : u8 ,) { }";
    assert!(written.contains(function), "{written}");
    assert!(written.contains("pub fn other (all : All , context : & Context) { }"), "{written}");
}

#[test]
fn derives_are_told_where_their_crates_are() {
    let written = accept(&quote! {
        pub fn tool() {}
        #[derive(Debug, Serialize, JsonSchema)]
        struct Both;
        #[derive(toolyard_plugin::Deserialize)]
        #[serde(rename_all = "lowercase", crate = "elsewhere")]
        enum Said {}
        #[derive(Debug)]
        struct Neither;
    });
    let both = "# [serde (crate = \"::toolyard_plugin::serde\")] \
                # [schemars (crate = \"::toolyard_plugin::schemars\")] struct Both";
    assert!(written.contains(both), "{written}");
    assert!(written.contains("# [serde (rename_all = \"lowercase\" , crate = \"elsewhere\")] enum Said"), "{written}");
    assert!(written.contains("# [derive (Debug)] struct Neither"), "{written}");
}

#[test]
fn names_and_comments_are_read() {
    let written = accept(&quote! {
        /// First line.
        ///   Indented.
        ///
        #[doc = " A block\n         * of two. "]
        pub fn r#type(r#in: u8) {}
        #[tool(name = "other-name")]
        pub fn tool() {}
    });
    assert!(written.contains("name : \"type\""), "{written}");
    assert!(written.contains("name : \"in\""), "{written}");
    assert!(written.contains("name : \"other-name\""), "{written}");
    assert!(written.contains("Some (\"First line.\\n  Indented.\\n\\nA block\\nof two.\")"), "{written}");
}

#[test]
fn mistakes_with_functions_say_what_to_do() {
    let cases = [
        ("", "this plugin has no tool: make a function in it `pub`"),
        ("fn tool() {}", "this plugin has no tool"),
        ("#[tool] fn tool() {}", "a tool is `pub`: write `pub fn`"),
        ("#[tool] pub(crate) fn tool() {}", "a tool is `pub`: write `pub fn`"),
        ("pub async fn tool() {}", "take `async` away"),
        ("pub fn tool<T>(value: T) {}", "cannot be generic"),
        ("pub fn tool<'a>(value: &'a str) {}", "cannot be generic"),
        ("pub fn tool() -> impl Serialize {}", "needs a type that is written out"),
        ("pub fn tool(value: impl Into<String>) {}", "needs a type that is written out"),
        ("pub fn tool(&self) {}", "it has no `self`"),
        ("#[tool(readonly)] pub fn tool() {}", "`readonly` is no option of `#[tool]`, which has `read_only`"),
        ("#[tool = 1] pub fn tool() {}", "write the options in parentheses"),
        ("#[tool(read_only)] #[tool(idempotent)] pub fn tool() {}", "stands here twice"),
        ("#[tool(read_only, destructive)] pub fn tool() {}", "cannot be `destructive`"),
        ("#[tool(read_only = 1)] pub fn tool() {}", "expected boolean literal"),
        (r#"#[tool(title = "")] pub fn tool() {}"#, "must not be empty"),
        ("#[tool(icon(theme = \"dark\"))] pub fn tool() {}", "say where the picture is"),
        (r#"#[tool(icon(src = "a", theme = "blue"))] pub fn tool() {}"#, "a `light` or a `dark` background"),
        (r#"#[tool(icon(source = "a"))] pub fn tool() {}"#, "`source` is no option of `#[icon]`"),
        (r#"#[tool(input_schema = "{}")] pub fn tool(#[header("A")] a: u8) {}"#, "say it in the `input_schema`"),
        ("#[tool] #[prompt] pub fn tool() {}", "a function is one thing: `#[tool]` or `#[prompt]`"),
        (r#"#[tool(name = "a b")] pub fn tool() {}"#, "the name of a tool is made of"),
        ("pub fn täglich() {}", "the name of a tool is made of"),
        (r#"pub fn tool() {} #[tool(name = "tool")] pub fn other() {}"#, "two tools are named `tool`"),
    ];
    for (items, expected) in cases {
        let errors = refuse(&tokens(items));
        assert!(errors[0].contains(expected), "{items}: {errors:?}");
    }
}

#[test]
fn mistakes_with_parameters_say_what_to_do() {
    let cases = [
        ("(a, b): (u8, u8)", "an argument needs a name"),
        ("text: &mut String", "take it by value, or by `&`"),
        ("#[arg] a: u8", "write `#[arg(default = …)]`"),
        (
            "#[arg(defualt = 1)] a: u8",
            "`defualt` is no option of `#[arg]`, which has `default`, `name`, `title`, `minimum`",
        ),
        (r#"#[arg(name = "b")] a: u8, b: u8"#, "two arguments are named `b`"),
        ("#[arg(default = 1)] context: &Context", "the context is no argument"),
        ("#[header] a: String", "say which header"),
        (r#"#[header("A B")] a: String"#, "made of letters, digits and `-`"),
        (r#"#[header("")] a: String"#, "made of letters, digits and `-`"),
        (r#"#[header("A")] a: f64"#, "only a string, an integer or a boolean"),
        (r#"#[header("A")] a: Option<Vec<u8>>"#, "only a string, an integer or a boolean"),
        (r#"#[header("A")] a: u8, #[header("a")] b: u8"#, "two arguments are sent in this header"),
        ("#[args] all: All, b: u8", "make the other parameters fields of it"),
        ("#[args] all: All, #[args] more: More", "make the other parameters fields of it"),
        (r#"#[args] #[header("A")] all: All"#, "says this on its fields"),
        ("#[args(x)] all: All", "unexpected token in attribute"),
        ("#[arg(minimum = 1)] a: &str", "`minimum` is said of a number, and this is text"),
        ("#[arg(max_items = 1)] a: Option<u8>", "`max_items` is said of a list, and this is a number"),
        ("#[arg(min_length = -1)] a: &str", "write a number of characters or items"),
        ("#[arg(maximum = \"7\")] a: u8", "write a number, such as 1, -40 or 0.5"),
    ];
    for (parameters, expected) in cases {
        let errors = refuse(&tokens(&format!("pub fn tool({parameters}) {{}}")));
        assert!(errors[0].contains(expected), "{parameters}: {errors:?}");
    }
}

#[test]
fn mistakes_with_resources_say_what_to_do() {
    let cases = [
        ("#[resource] pub fn r() {}", "say where it is"),
        (r#"#[resource(uri = "a:b", prefix = "a:")] pub fn r() {}"#, "say where it is, with one of"),
        (r#"#[resource(uri = "a:b")] fn r() {}"#, "a resource is `pub`"),
        (r#"#[resource(uri = "nowhere")] pub fn r() {}"#, "a URI begins with a scheme"),
        (r#"#[resource(uri = "1a:b")] pub fn r() {}"#, "a URI begins with a scheme"),
        (r#"#[resource(uri = "a:b c")] pub fn r() {}"#, "a URI has no blanks"),
        (r#"#[resource(uri = "a:{b}")] pub fn r() {}"#, "write `uri_template"),
        (r#"#[resource(uri = "a:b")] pub fn r(c: &str) {}"#, "takes only the context"),
        (r#"#[resource(uri = "a:b", mime = "c")] pub fn r() {}"#, "`mime` is no option of `#[resource]`"),
        (r#"#[resource(uri = "a:b", priority = 1.5)] pub fn r() {}"#, "from 0.0 to 1.0"),
        (r#"#[resource(uri = "a:b", audience = "all")] pub fn r() {}"#, "for the `user` or for the `assistant`"),
        (r#"#[resource(prefix = "a:", size = 1)] pub fn r(uri: &str) {}"#, "has a `size`"),
        (r#"#[resource(prefix = "a:")] pub fn r() {}"#, "takes the whole URI: `uri: &str`"),
        (r#"#[resource(prefix = "a:")] pub fn r(uri: u8) {}"#, "takes the whole URI: `uri: &str`"),
        (r#"#[resource(uri_template = "a:b")] pub fn r() {}"#, "has no variables"),
        (r#"#[resource(uri_template = "{a}")] pub fn r(a: &str) {}"#, "begins with a scheme"),
        (r#"#[resource(uri_template = "a:{b")] pub fn r(b: &str) {}"#, "a `{` without a `}`"),
        (r#"#[resource(uri_template = "a:b}")] pub fn r(b: &str) {}"#, "a `}` without a `{`"),
        (r#"#[resource(uri_template = "a:{/b}")] pub fn r(b: &str) {}"#, "`{/b}` cannot be read"),
        (r#"#[resource(uri_template = "a:{b,c}")] pub fn r(b: &str) {}"#, "give each its own braces"),
        (r#"#[resource(uri_template = "a:{b}{c}")] pub fn r(b: &str) {}"#, "write something between them"),
        (r#"#[resource(uri_template = "a:{?b}c")] pub fn r(b: &str) {}"#, "a query stands at the end"),
        (r#"#[resource(uri_template = "a:{b}/{b}")] pub fn r(b: &str) {}"#, "`b` stands here twice"),
        (r#"#[resource(uri_template = "a:{b}")] pub fn r() {}"#, "no parameter takes the variable `b`"),
        (r#"#[resource(uri_template = "a:{b}")] pub fn r(b: &str, c: u8) {}"#, "no variable `c`: it has `b`"),
        (r#"#[resource(uri_template = "a:{?b}")] pub fn r(b: u8) {}"#, "make it an `Option`"),
        (r#"#[resource(uri_template = "a:{b}")] pub fn r(#[args] b: All) {}"#, "takes its arguments one by one"),
        (r#"#[resource(uri_template = "a:{b}")] pub fn r(#[header("B")] b: u8) {}"#, "only the arguments of tools"),
        (
            r#"#[resource(uri = "a:b")] pub fn r() {} #[resource(prefix = "a:b")] pub fn s(uri: &str) {}"#,
            "two resources are at `a:b`",
        ),
        ("#[resources] pub fn list() {}", "what is listed has to be readable"),
        ("pub fn tool() {} #[resources] pub fn list() {}", "what is listed has to be readable"),
        ("#[resources] pub fn list(page: u8) {}", "where to go on, `cursor: Option<&str>`"),
        ("#[resources(x)] pub fn list() {}", "unexpected token in attribute"),
    ];
    for (items, expected) in cases {
        let errors = refuse(&tokens(items));
        assert!(errors[0].contains(expected), "{items}: {errors:?}");
    }
}

#[test]
fn mistakes_with_prompts_and_completions_say_what_to_do() {
    let prompt = "#[prompt] pub fn p(a: String, b: String) {}";
    let cases = [
        ("#[prompt] fn p() {}", "a prompt is `pub`"),
        ("#[prompt(read_only)] pub fn p() {}", "`read_only` is no option of `#[prompt]`"),
        (r#"#[prompt(name = "a b")] pub fn p() {}"#, "the name of a prompt is made of"),
        ("#[prompt] pub fn p(#[args] all: All) {}", "takes its arguments one by one"),
        (r#"#[prompt] pub fn o() {} #[prompt(name = "o")] pub fn p() {}"#, "two prompts are named `o`"),
        ("#[complete] pub fn c(value: &str) {}", "say what it completes"),
        (r#"#[complete(prompt = "p")] pub fn c(value: &str) {}"#, "say what it completes"),
        (r#"#[complete(prompt = "q", argument = "a")] pub fn c(value: &str) {}"#, "no such prompt"),
        (
            r#"#[complete(uri_template = "q", argument = "a")] pub fn c(value: &str) {}"#,
            "no resource with this template",
        ),
        (r#"#[complete(prompt = "p", argument = "c")] pub fn c(value: &str) {}"#, "no argument `c`: there is `a`, `b`"),
        (r#"#[complete(prompt = "p", argument = "a")] pub fn c() {}"#, "write `value: &str`"),
        (r#"#[complete(prompt = "p", argument = "a")] pub fn c(value: u8) {}"#, "write `value: &str`"),
        (r#"#[complete(prompt = "p", argument = "a")] pub fn c(value: &str, b: u8) {}"#, "make it an `Option`"),
        (
            r#"#[complete(prompt = "p", argument = "a")] pub fn c(value: &str, a: Option<u8>) {}"#,
            "`a` is no other argument",
        ),
        (
            r#"#[complete(prompt = "p", argument = "a")] pub fn c(value: &str) {}
               #[complete(prompt = "p", argument = "a")] pub fn d(value: &str) {}"#,
            "two functions complete this argument",
        ),
    ];
    for (items, expected) in cases {
        let errors = refuse(&tokens(&format!("{items} {}", if items.contains("#[prompt") { "" } else { prompt })));
        assert!(errors[0].contains(expected), "{items}: {errors:?}");
    }
}

#[test]
fn a_component_exports_what_the_plugin_has_something_for() {
    let tools = accept(&quote!(
        pub fn tool() {}
    ));
    assert!(tools.contains("export_tools !"), "{tools}");
    for other in ["export_resources", "export_prompts", "export_completions"] {
        assert!(!tools.contains(other), "{tools}");
    }
    let others = accept(&quote! {
        #[resource(uri_template = "a:{b}")]
        pub fn resource(b: String) {}
        #[prompt]
        pub fn prompt(a: String) {}
        #[complete(prompt = "prompt", argument = "a")]
        pub fn completion(value: &str) {}
    });
    for export in ["export_resources !", "export_prompts !", "export_completions !"] {
        assert!(others.contains(export), "{others}");
    }
    assert!(!others.contains("export_tools"), "{others}");
}

#[test]
fn mistakes_are_told_all_at_once() {
    let errors = refuse(&quote!(
        pub async fn one() {}
        #[tool]
        fn two() {}
        pub fn three(self) {}
    ));
    assert_eq!(errors.len(), 3, "{errors:?}");
}

#[test]
fn mistakes_with_the_module_say_what_to_do() {
    let cases = [
        (
            quote!(),
            quote!(
                fn tool() {}
            ),
            "stands on a module",
        ),
        (
            quote!(),
            quote!(
                struct Plugin;
            ),
            "stands on a module",
        ),
        (
            quote!(),
            quote!(
                mod plugin;
            ),
            "with the functions inside",
        ),
        (
            quote!(name = "x"),
            quote!(
                mod plugin {
                    pub fn tool() {}
                }
            ),
            "`name` is no option of `#[plugin]`, which has `wishes`",
        ),
    ];
    for (attribute, item, expected) in cases {
        let error = expand(&attribute, item.clone()).expect_err(expected).to_string();
        assert!(error.contains(expected), "{item}: {error}");
    }
}

#[test]
fn functions_for_other_targets_may_share_a_name() {
    let written = accept(&quote! {
        #[cfg(unix)]
        pub fn tool() {}
        #[cfg(not(unix))]
        pub fn tool() {}
    });
    assert!(written.contains("# [cfg (unix)] {"), "the condition holds for the table as well: {written}");
}

#[test]
fn wishes_become_a_section() {
    let item = quote!(
        mod plugin {
            pub fn tool() {}
        }
    );
    let written = expand(&quote!(wishes = "wishes.toml"), item.clone()).expect("it is an option").to_string();
    assert!(written.contains("link_section = \"toolyard:wishes\""), "{written}");
    let twice = expand(&quote!(wishes = "a", wishes = "b"), item).expect_err("there is one file").to_string();
    assert!(twice.contains("stands here twice"), "{twice}");
}
