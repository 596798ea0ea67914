//! Forms: the fields that a user is shown, and the schema that they are on the wire.

use crate::jsonrpc::Raw;

use super::super::write::{Object, Shape, to_raw, write_array};
use super::super::{Fault, Revision, params};

/// A form: named fields in the order in which they are shown.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Form {
    fields: Vec<(String, Field)>,
    required: Vec<String>,
}

/// A field of a form.
#[derive(Clone, PartialEq, Debug)]
pub struct Field {
    title: Option<String>,
    description: Option<String>,
    kind: Kind,
}

#[derive(Clone, PartialEq, Debug)]
enum Kind {
    Text {
        length_min: Option<u64>,
        length_max: Option<u64>,
        format: Option<TextFormat>,
        default: Option<String>,
    },
    Number {
        integer: bool,
        minimum: Option<f64>,
        maximum: Option<f64>,
        default: Option<f64>,
    },
    Boolean {
        default: Option<bool>,
    },
    One {
        choices: Vec<Choice>,
        named: bool,
        default: Option<String>,
    },
    Several {
        choices: Vec<Choice>,
        items_min: Option<u64>,
        items_max: Option<u64>,
        default: Vec<String>,
    },
    Schema(Raw),
}

/// What a text must look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TextFormat {
    /// An address for mail.
    Email,
    /// A URI.
    Uri,
    /// A day.
    Date,
    /// A moment.
    DateTime,
}

impl TextFormat {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Uri => "uri",
            Self::Date => "date",
            Self::DateTime => "date-time",
        }
    }
}

/// Something to choose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// What is answered.
    pub value: String,
    /// What is shown, if it is another text.
    pub title: Option<String>,
}

impl From<&str> for Choice {
    fn from(value: &str) -> Self {
        Self { value: value.into(), title: None }
    }
}

impl From<(&str, &str)> for Choice {
    fn from((value, title): (&str, &str)) -> Self {
        Self { value: value.into(), title: Some(title.into()) }
    }
}

impl Choice {
    fn shown(&self) -> &str {
        self.title.as_ref().unwrap_or(&self.value)
    }
}

impl Form {
    /// A form without fields.
    #[must_use]
    pub const fn new() -> Self {
        Self { fields: Vec::new(), required: Vec::new() }
    }

    /// The same with one more field, which must be filled in.
    #[must_use]
    pub fn required(mut self, name: impl Into<String>, field: Field) -> Self {
        let name = name.into();
        self.required.push(name.clone());
        self.optional(name, field)
    }

    /// The same with one more field, which may be left empty.
    #[must_use]
    pub fn optional(mut self, name: impl Into<String>, field: Field) -> Self {
        self.fields.push((name.into(), field));
        self
    }
}

impl Form {
    /// Checks what stands in a form that came back from a client of this revision: it is the client's word, not the
    /// user's.
    ///
    /// # Errors
    /// -32602 that names the first field which does not fit.
    pub fn check(&self, content: &Raw, revision: Revision) -> Result<(), Fault> {
        let schema = to_raw(self, revision).decode().and_then(|schema: serde_json::Value| {
            let content: serde_json::Value = content.decode()?;
            Ok((schema, content))
        });
        let (schema, content) = schema
            .map_err(|error| Fault::invalid_params(format!("`content`: {}", params::reason(&error))))?;
        // Only a field with a schema of its own can make the form no schema: a mistake of ours.
        let schema = jsonschema::validator_for(&schema).map_err(|_| Fault::internal())?;
        let fits = schema.validate(&content);
        fits.map_err(|error| Fault::invalid_params(format!("`content{}`: {error}", error.instance_path())))
    }
}

impl Field {
    const fn new(kind: Kind) -> Self {
        Self { title: None, description: None, kind }
    }

    /// A text.
    #[must_use]
    pub const fn text() -> Self {
        Self::new(Kind::Text { length_min: None, length_max: None, format: None, default: None })
    }

    /// A number.
    #[must_use]
    pub const fn number() -> Self {
        Self::new(Kind::Number { integer: false, minimum: None, maximum: None, default: None })
    }

    /// A whole number.
    #[must_use]
    pub const fn integer() -> Self {
        Self::new(Kind::Number { integer: true, minimum: None, maximum: None, default: None })
    }

    /// Yes or no.
    #[must_use]
    pub const fn boolean() -> Self {
        Self::new(Kind::Boolean { default: None })
    }

    /// One of several choices.
    #[must_use]
    pub fn one_of<C: Into<Choice>>(choices: impl IntoIterator<Item = C>) -> Self {
        let choices = choices.into_iter().map(Into::into).collect();
        Self::new(Kind::One { choices, named: false, default: None })
    }

    /// One of several choices, titled by `enumNames`: the older form, for clients that know no other.
    #[must_use]
    pub fn one_of_named<C: Into<Choice>>(choices: impl IntoIterator<Item = C>) -> Self {
        let choices = choices.into_iter().map(Into::into).collect();
        Self::new(Kind::One { choices, named: true, default: None })
    }

    /// Any of several choices.
    #[must_use]
    pub fn any_of<C: Into<Choice>>(choices: impl IntoIterator<Item = C>) -> Self {
        let choices = choices.into_iter().map(Into::into).collect();
        Self::new(Kind::Several { choices, items_min: None, items_max: None, default: Vec::new() })
    }

    /// A schema of one's own, sent to every revision as it is.
    #[must_use]
    pub const fn schema(schema: Raw) -> Self {
        Self::new(Kind::Schema(schema))
    }

    /// The same with a title.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// The same with a description.
    #[must_use]
    pub fn described(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// The same text in a format. Nothing for other fields.
    #[must_use]
    pub const fn format(mut self, as_format: TextFormat) -> Self {
        if let Kind::Text { format, .. } = &mut self.kind {
            *format = Some(as_format);
        }
        self
    }

    /// The same with a smallest and a largest value: of a number, the length of a text, or how many may be chosen.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "lengths and counts are small"
    )]
    pub fn between(mut self, least: f64, most: f64) -> Self {
        match &mut self.kind {
            Kind::Number { minimum, maximum, .. } => (*minimum, *maximum) = (Some(least), Some(most)),
            Kind::Text { length_min: min, length_max: max, .. }
            | Kind::Several { items_min: min, items_max: max, .. } => {
                (*min, *max) = (Some(least as u64), Some(most as u64));
            }
            Kind::Boolean { .. } | Kind::One { .. } | Kind::Schema(_) => {}
        }
        self
    }

    /// The same with a text, or a choice, that stands there at first. A choice of several takes one more at each call.
    #[must_use]
    pub fn default_text(mut self, value: impl Into<String>) -> Self {
        match &mut self.kind {
            Kind::Text { default, .. } | Kind::One { default, .. } => *default = Some(value.into()),
            Kind::Several { default, .. } => default.push(value.into()),
            Kind::Number { .. } | Kind::Boolean { .. } | Kind::Schema(_) => {}
        }
        self
    }

    /// The same with a number that stands there at first. Nothing for other fields.
    #[must_use]
    pub const fn default_number(mut self, value: f64) -> Self {
        if let Kind::Number { default, .. } = &mut self.kind {
            *default = Some(value);
        }
        self
    }

    /// The same with a box that is ticked, or not, at first. Nothing for other fields.
    #[must_use]
    pub const fn default_flag(mut self, value: bool) -> Self {
        if let Kind::Boolean { default } = &mut self.kind {
            *default = Some(value);
        }
        self
    }
}

impl Shape for Form {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.text("type", "object");
            object.object("properties", |properties| {
                for (name, field) in &self.fields {
                    field.write(revision, properties.key_text(name));
                }
            });
            object.list("required", &self.required);
        });
    }
}

impl Shape for Field {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        if let Kind::Schema(schema) = &self.kind {
            schema.write(revision, out);
            return;
        }
        Object::write(out, revision, |object| {
            let kind = match &self.kind {
                Kind::Number { integer: true, .. } => "integer",
                Kind::Number { .. } => "number",
                Kind::Boolean { .. } => "boolean",
                Kind::Several { .. } if revision.has_elicitation_modes() => "array",
                _ => "string",
            };
            object.text("type", kind);
            object.text("title", self.title.as_deref());
            object.text("description", self.description.as_deref());
            self.kind.members(object);
        });
    }
}

impl Kind {
    fn members(&self, object: &mut Object<'_>) {
        let defaults = object.revision().has_elicitation_modes();
        match self {
            Self::Text { length_min, length_max, format, default } => {
                object.count("minLength", *length_min);
                object.count("maxLength", *length_max);
                object.text("format", format.map(TextFormat::as_str));
                object.text("default", default.as_deref().filter(|_| defaults));
            }
            Self::Number { minimum, maximum, default, .. } => {
                object.number("minimum", *minimum);
                object.number("maximum", *maximum);
                object.number("default", default.filter(|_| defaults));
            }
            Self::Boolean { default } => object.flag("default", *default),
            Self::One { choices, named, default } => {
                one_choice(object, choices, *named);
                object.text("default", default.as_deref().filter(|_| defaults));
            }
            Self::Several { choices, items_min, items_max, default } if defaults => {
                object.count("minItems", *items_min);
                object.count("maxItems", *items_max);
                object.object("items", |items| several_choices(items, choices));
                object.list("default", default);
            }
            Self::Several { choices, .. } => one_choice(object, choices, true),
            Self::Schema(_) => {}
        }
    }
}

fn titled(choices: &[Choice]) -> bool {
    choices.iter().any(|choice| choice.title.is_some())
}

fn one_choice(object: &mut Object<'_>, choices: &[Choice], named: bool) {
    let revision = object.revision();
    if titled(choices) && !named && revision.has_elicitation_modes() {
        write_array(choices.iter().map(Titled), revision, object.key("oneOf"));
        return;
    }
    write_array(choices.iter().map(|choice| &choice.value), revision, object.key("enum"));
    if titled(choices) {
        write_array(choices.iter().map(Choice::shown), revision, object.key("enumNames"));
    }
}

fn several_choices(items: &mut Object<'_>, choices: &[Choice]) {
    let revision = items.revision();
    if titled(choices) {
        write_array(choices.iter().map(Titled), revision, items.key("anyOf"));
    } else {
        items.text("type", "string");
        write_array(choices.iter().map(|choice| &choice.value), revision, items.key("enum"));
    }
}

struct Titled<'a>(&'a Choice);

impl Shape for Titled<'_> {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.text("const", &*self.0.value);
            object.text("title", self.0.shown());
        });
    }
}
