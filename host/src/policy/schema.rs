//! The schema that policies are held against: the one in the binary, with the arguments that the configuration declares.

use std::fmt::Write as _;

use crate::config::{ArgumentType, PolicyArguments};

/// The schema without any arguments.
const SCHEMA: &str = include_str!("toolyard.cedarschema");

/// Where they stand in it.
const NO_ARGUMENTS: &str = "type Arguments = {};";

/// The schema's text.
pub fn schema(arguments: &PolicyArguments) -> String {
    let mut declared = String::from("type Arguments = {\n");
    for (name, kind) in arguments.iter() {
        let kind = match kind {
            ArgumentType::String => "String",
            ArgumentType::Long => "Long",
            ArgumentType::Bool => "Bool",
            ArgumentType::Strings => "Set<String>",
        };
        // No call is sure to have it. `{:?}` escapes as Cedar reads it.
        let _ = writeln!(declared, "  {name:?}?: {kind},");
    }
    declared.push_str("};");
    if arguments.is_empty() { SCHEMA.to_owned() } else { SCHEMA.replacen(NO_ARGUMENTS, &declared, 1) }
}

#[cfg(test)]
mod tests {
    use cedar_policy::Schema;

    use super::*;

    #[test]
    fn the_schema_reads_with_any_arguments() {
        assert!(SCHEMA.contains(NO_ARGUMENTS));
        assert!(Schema::from_cedarschema_str(&schema(PolicyArguments::none())).is_ok());
        let odd = ["path", "a b", "if", "ü\"\\", "new\nline", "\u{7f}\u{200b}"];
        let kinds = [ArgumentType::String, ArgumentType::Long, ArgumentType::Bool, ArgumentType::Strings];
        let arguments = odd.into_iter().zip(kinds.into_iter().cycle());
        let text = schema(&arguments.map(|(name, kind)| (name.to_owned(), kind)).collect());
        let (schema, _) = Schema::from_cedarschema_str(&text).unwrap();
        assert_eq!(schema.action_entities().unwrap().len(), 5);
    }
}
