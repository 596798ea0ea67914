//! Roots: where in its file system a client lets us work.
//!
//! Source: `client/roots` of each revision.

use serde::Deserialize;

use crate::jsonrpc::Raw;

use super::{Fault, params};

/// A root.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Root {
    /// Begins with `file://`.
    pub uri: String,
    /// Its name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// Metadata: an object (since 2025-06-18).
    #[serde(default, rename = "_meta")]
    pub meta: Option<Raw>,
}

/// The answer to `roots/list`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct ListRootsResult {
    /// The roots.
    pub roots: Vec<Root>,
}

impl ListRootsResult {
    /// Reads a client's answer.
    ///
    /// # Errors
    /// -32602 that names what is wrong with it.
    pub fn read(raw: &Raw) -> Result<Self, Fault> {
        raw.decode()
            .map_err(|error| Fault::invalid_params(format!("roots/list result: {}", params::reason(&error))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_or_says_what_is_wrong() {
        let read = |text: &'static str| ListRootsResult::read(&Raw::parse(text.into()).expect("JSON"));
        let roots = read(r#"{"roots":[{"uri":"file:///a","name":"a"},{"uri":"file:///b"}],"_meta":{}}"#);
        let roots = roots.expect("roots").roots;
        assert_eq!((roots.len(), roots[0].name.as_deref()), (2, Some("a")));
        assert_eq!(read("{}").expect_err("none").message, "roots/list result: missing field `roots`");
    }
}
