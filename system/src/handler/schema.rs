//! Schemas of arguments and results: compiled once, when a tool is registered, and used only where the type that a
//! handler decodes into does not already say as much.
//!
//! Source: 2026-07-28 `basic/index`, JSON Schema Usage: 2020-12 unless `$schema` says otherwise; references to the
//! network are never followed (there is no code here that could).

use std::sync::Arc;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use crate::jsonrpc::Raw;

/// The schema of a tool is not usable. The tool was not registered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SchemaError {
    /// It is no JSON object.
    #[error("a schema must be a JSON object")]
    NotObject,
    /// It is no valid JSON Schema, or names a dialect or a reference that is not known here.
    #[error("not a usable JSON Schema: {0}")]
    Invalid(String),
    /// An `x-mcp-header` annotation breaks a rule.
    #[error("{0}")]
    Header(String),
}

/// Keywords that say no more than the Rust type behind a derived schema.
const TYPE_KEYWORDS: [&str; 17] = [
    "$schema",
    "$defs",
    "$ref",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "type",
    "properties",
    "required",
    "items",
    "format",
    "enum",
    "const",
    "additionalProperties",
    "x-mcp-header",
];

/// The schema of a type, for clients: without the type's name in Rust, which tells a model nothing, and without a dialect,
/// which is 2020-12 unless something is said.
pub(crate) fn schema_of<T: JsonSchema>() -> schemars::Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    if schema.get("title").and_then(Value::as_str) == Some(&*T::schema_name()) {
        schema.remove("title");
    }
    schema
}

/// A compiled schema.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    validator: Option<Arc<jsonschema::Validator>>,
}

impl Schema {
    /// The schema that every value keeps.
    pub(crate) const fn anything() -> Self {
        Self { validator: None }
    }

    /// Compiles a schema that a person wrote, and gives its text as well: every value is checked against it.
    pub(crate) fn written(schema: &impl Serialize) -> Result<(Raw, Self), SchemaError> {
        let invalid = |error: serde_json::Error| SchemaError::Invalid(error.to_string());
        let text = Raw::encode(schema).map_err(invalid)?;
        let value: Value = text.decode().map_err(invalid)?;
        if !value.is_object() {
            return Err(SchemaError::NotObject);
        }
        let validator = compile(&value)?;
        Ok((text, Self { validator: Some(Arc::new(validator)) }))
    }

    /// Takes a schema that was derived from a type. Values are checked only where it says more than the type does
    /// (a range, a pattern, a length); otherwise decoding is the check, and costs no second parse.
    pub(crate) fn derived(value: &Value) -> Result<Self, SchemaError> {
        let validator = compile(value)?;
        Ok(Self { validator: says_more_than_type(value).then(|| Arc::new(validator)) })
    }

    /// Checks a value.
    ///
    /// # Errors
    /// Which place breaks which rule, in words; at most three of them.
    pub(crate) fn check(&self, text: &Raw) -> Result<(), String> {
        let Some(validator) = &self.validator else { return Ok(()) };
        let value: Value = text.decode().map_err(|error| error.to_string())?;
        if validator.is_valid(&value) {
            return Ok(());
        }
        let faults: Vec<String> = validator
            .iter_errors(&value)
            .take(3)
            .map(|error| {
                let place = error.instance_path().to_string();
                if place.is_empty() { error.to_string() } else { format!("{place}: {error}") }
            })
            .collect();
        Err(faults.join("; "))
    }
}

fn compile(value: &Value) -> Result<jsonschema::Validator, SchemaError> {
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .build(value)
        .map_err(|error| SchemaError::Invalid(error.to_string()))
}

fn says_more_than_type(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => members.iter().any(|(keyword, value)| match keyword.as_str() {
            "properties" | "$defs" => {
                value.as_object().is_some_and(|named| named.values().any(says_more_than_type))
            }
            "items" | "additionalProperties" => says_more_than_type(value),
            // Derived for every unsigned integer, and held by its type.
            "minimum" => value.as_f64() != Some(0.0),
            known => !TYPE_KEYWORDS.contains(&known),
        }),
        Value::Array(items) => items.iter().any(says_more_than_type),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Order {
        /// How many.
        cups: u32,
        milk: Option<bool>,
    }

    #[derive(JsonSchema)]
    #[schemars(title = "An order")]
    struct Titled {}

    #[test]
    fn a_derived_schema_says_nothing_of_rust() {
        let expect = json!({
            "type": "object",
            "properties": {
                "cups": { "type": "integer", "format": "uint32", "minimum": 0, "description": "How many." },
                "milk": { "type": ["boolean", "null"] },
            },
            "required": ["cups"],
        });
        assert_eq!(schema_of::<Order>().as_value(), &expect);
        assert_eq!(schema_of::<Titled>().get("title"), Some(&json!("An order")));
    }
}
