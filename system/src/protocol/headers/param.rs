//! `Mcp-Param-*`: arguments that a tool's schema wants repeated in headers.
//!
//! The annotations of a tool are compiled once, when it is registered, and a schema that breaks a rule is refused there:
//! otherwise every client would leave the tool out of its list without a word to its author.

use std::borrow::Cow;
use std::fmt;

use http::{HeaderMap, HeaderName};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::jsonrpc::Raw;

use super::super::Fault;
use super::{decode, mismatch, value};

/// The largest integer that every client can hold: 2⁵³ − 1.
const SAFE_MAX: f64 = 9_007_199_254_740_991.0;

/// The headers that calls of a tool must repeat arguments in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ParamHeaders {
    entries: Box<[Entry]>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Entry {
    header: HeaderName,
    /// The names of properties from the root of the arguments to the value; never empty.
    path: Box<[Box<str>]>,
}

/// A schema breaks a rule of `x-mcp-header`. The tool must not be registered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("x-mcp-header at `{place}`: {reason}")]
pub struct BadAnnotation {
    /// Where in the schema, as a path of keys.
    pub place: String,
    /// Which rule.
    pub reason: &'static str,
}

impl ParamHeaders {
    /// Compiles the annotations of an input schema.
    ///
    /// # Errors
    /// [`BadAnnotation`] for the first that breaks a rule of 2026-07-28 streamable HTTP, Schema Extension.
    pub fn compile(input_schema: &Raw) -> Result<Self, BadAnnotation> {
        let schema: Value = input_schema
            .decode()
            .map_err(|_| BadAnnotation { place: String::new(), reason: "the schema is not readable JSON" })?;
        let mut walk = Walk { entries: Vec::new(), keys: Vec::new(), properties: Some(Vec::new()) };
        walk.schema(&schema)?;
        Ok(Self { entries: walk.entries.into() })
    }

    /// Whether no argument is to be repeated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Checks the headers of a call against its arguments. Other `Mcp-Param-*` headers are not ours to judge.
    ///
    /// # Errors
    /// [`Fault::header_mismatch`].
    pub fn check(&self, headers: &HeaderMap, arguments: &Raw) -> Result<(), Fault> {
        self.entries.iter().try_for_each(|entry| entry.check(headers, arguments.as_str()))
    }
}

impl Entry {
    fn check(&self, headers: &HeaderMap, arguments: &str) -> Result<(), Fault> {
        let name = self.header.as_str();
        let body = find(arguments, &self.path).map_err(|_| mismatch(name, &self.path.join(".")))?;
        let header = value(headers, name)?.map(decode).transpose()?;
        let fits = match (&header, body) {
            (None, None) => true,
            (Some(header), Some(body)) => matches(header, body),
            (Some(_), None) => false,
            // A list or an object has no form as a header; the schema will refuse it with a better word.
            (None, Some(body)) => body.starts_with(['{', '[']),
        };
        if fits { Ok(()) } else { Err(mismatch(name, &self.path.join("."))) }
    }
}

/// Whether a header says what a JSON value is. Numbers are compared as numbers (streamable HTTP, Server Validation).
fn matches(header: &str, body: &str) -> bool {
    match body.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<Text<'_>>(body).is_ok_and(|text| text.0 == header),
        Some(b't' | b'f') => header == body,
        Some(b'{' | b'[') | None => false,
        Some(_) => match (header.parse::<i64>(), body.parse::<i64>()) {
            (Ok(one), Ok(other)) => one == other,
            _ => {
                // serde_json and not `parse`, which would take "inf" and "+1" for numbers.
                let number = |text: &str| serde_json::from_str::<f64>(text).ok();
                number(header).is_some_and(|one| number(body) == Some(one) && one.abs() <= SAFE_MAX)
            }
        },
    }
}

/// The value at a path of property names; `null` is none. A name that stands twice on the way is an error: who reads the
/// first and who reads the last would be told two stories.
fn find<'a>(object: &'a str, path: &[Box<str>]) -> Result<Option<&'a str>, serde_json::Error> {
    let mut at = object;
    for name in path {
        if !at.starts_with('{') {
            return Ok(None);
        }
        let found = (&mut serde_json::Deserializer::from_str(at)).deserialize_map(Find(name))?;
        match found {
            Some(next) => at = next.get(),
            None => return Ok(None),
        }
    }
    Ok((at != "null").then_some(at))
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

struct Find<'n>(&'n str);

impl<'de> Visitor<'de> for Find<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Text(key)) = map.next_key()? {
            let value: &RawValue = map.next_value()?;
            if key == self.0 && found.replace(value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(found)
    }
}

/// A walk through a schema that knows which keywords hold schemas, so that a property or a constant that happens to be
/// called `x-mcp-header` is none.
struct Walk {
    entries: Vec<Entry>,
    keys: Vec<String>,
    /// The names of properties on the way here; none once anything but `properties` was passed.
    properties: Option<Vec<Box<str>>>,
}

impl Walk {
    fn schema(&mut self, schema: &Value) -> Result<(), BadAnnotation> {
        let Value::Object(keywords) = schema else { return Ok(()) };
        if let Some(annotation) = keywords.get("x-mcp-header") {
            self.annotation(annotation, keywords.get("type"))?;
        }
        for (keyword, value) in keywords {
            self.keys.push(keyword.clone());
            match (keyword.as_str(), value) {
                // Data, not schemas.
                ("x-mcp-header" | "enum" | "const" | "default" | "examples" | "required", _) => {}
                ("properties", Value::Object(properties)) => self.properties(properties)?,
                (
                    "patternProperties" | "$defs" | "definitions" | "dependentSchemas" | "dependencies",
                    map,
                ) => {
                    for (name, inner) in map.as_object().into_iter().flatten() {
                        self.keys.push(name.clone());
                        self.aside(inner)?;
                        self.keys.pop();
                    }
                }
                (_, Value::Array(list)) => list.iter().try_for_each(|inner| self.aside(inner))?,
                (_, inner) => self.aside(inner)?,
            }
            self.keys.pop();
        }
        Ok(())
    }

    fn properties(&mut self, properties: &serde_json::Map<String, Value>) -> Result<(), BadAnnotation> {
        for (name, inner) in properties {
            self.keys.push(name.clone());
            if let Some(path) = &mut self.properties {
                path.push(name.as_str().into());
            }
            self.schema(inner)?;
            if let Some(path) = &mut self.properties {
                path.pop();
            }
            self.keys.pop();
        }
        Ok(())
    }

    /// A schema that no chain of `properties` leads to.
    fn aside(&mut self, schema: &Value) -> Result<(), BadAnnotation> {
        let way = self.properties.take();
        let done = self.schema(schema);
        self.properties = way;
        done
    }

    fn annotation(&mut self, annotation: &Value, kind: Option<&Value>) -> Result<(), BadAnnotation> {
        let path = match &self.properties {
            Some(path) if !path.is_empty() => path.clone(),
            _ => return Err(self.bad("only properties that `properties` alone lead to may have one")),
        };
        if !matches!(kind.and_then(Value::as_str), Some("string" | "integer" | "boolean")) {
            return Err(self.bad("the type must be string, integer or boolean"));
        }
        let name = annotation.as_str().ok_or_else(|| self.bad("it must be a string"))?;
        if name.is_empty() {
            return Err(self.bad("it must not be empty"));
        }
        let header = HeaderName::from_bytes(format!("mcp-param-{name}").as_bytes())
            .map_err(|_| self.bad("it must be a token of RFC 9110"))?;
        if self.entries.iter().any(|entry| entry.header == header) {
            return Err(self.bad("another property has the same, or differs in case only"));
        }
        self.entries.push(Entry { header, path: path.into() });
        Ok(())
    }

    fn bad(&self, reason: &'static str) -> BadAnnotation {
        BadAnnotation { place: self.keys.join("/"), reason }
    }
}
