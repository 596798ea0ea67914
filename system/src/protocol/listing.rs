//! Lists: the cursor of a request, a page of a result, and how long it may be kept.
//!
//! A page borrows what the catalogue holds. The cursor is opaque here: what it says is the lister's business.
//!
//! Source: `server/utilities/pagination` of each revision; 2026-07-28 `server/utilities/caching`.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::jsonrpc::Raw;

use super::shape::ResultShape;
use super::write::{Object, Shape};
use super::{Fault, params};

/// How long a client may keep a result, and who may share it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cache {
    /// Milliseconds; 0 says: ask again each time.
    pub ttl_ms: u64,
    /// Whether it is the same for everyone. Private is the default, since sharing what is not is the worse mistake.
    pub public: bool,
}

impl Cache {
    /// The same for everyone.
    #[must_use]
    pub const fn public(ttl_ms: u64) -> Self {
        Self { ttl_ms, public: true }
    }

    /// For this client only.
    #[must_use]
    pub const fn private(ttl_ms: u64) -> Self {
        Self { ttl_ms, public: false }
    }

    pub(super) fn members(self, object: &mut Object<'_>) {
        object.count("ttlMs", self.ttl_ms);
        object.text("cacheScope", if self.public { "public" } else { "private" });
    }
}

/// Reads the cursor of a list request; none asks for the first page.
///
/// # Errors
/// -32602 where it is no string.
pub fn read_cursor(raw: &Raw) -> Result<Option<String>, Fault> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(borrow, default)]
        cursor: Option<&'a RawValue>,
    }
    params::optional("cursor", params::fields::<Fields<'_>>(raw)?.cursor)
}

/// One page of a list.
pub struct Page<'a, T> {
    /// The member that holds the items: `tools`, `resources`, `resourceTemplates`, `prompts` or `tasks`.
    pub name: &'static str,
    /// The items, in the list's order.
    pub items: &'a [T],
    /// Where the next page starts, if there is one.
    pub next_cursor: Option<&'a str>,
    /// How long the page may be kept (modern). Task lists have none.
    pub cache: Option<Cache>,
}

impl<T: Shape> ResultShape for Page<'_, T> {
    fn members(&self, object: &mut Object<'_>) {
        object.shape(self.name, self.items);
        object.text("nextCursor", self.next_cursor);
    }

    fn cache(&self) -> Option<Cache> {
        self.cache
    }

    fn size_hint(&self) -> usize {
        64 + self.items.len() * 512
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::result_raw;
    use super::super::{ResourceInfo, Revision};
    use super::*;

    #[test]
    fn a_page_is_its_items_its_cursor_and_in_the_modern_era_its_age() {
        let items = [ResourceInfo::new("a:1", "x"), ResourceInfo::new("a:2", "y")];
        let check = |items: &[ResourceInfo], next: Option<&str>, revision: Revision, expect: &str| {
            let page = Page { name: "resources", items, next_cursor: next, cache: Some(Cache::private(9)) };
            assert_eq!(result_raw(revision, &page, None).as_str(), expect);
        };
        check(&[], None, Revision::V2025_06_18, r#"{"resources":[]}"#);
        let two = r#""resources":[{"uri":"a:1","name":"x"},{"uri":"a:2","name":"y"}]"#;
        check(&items, None, Revision::V2024_11_05, &format!("{{{two}}}"));
        check(&items, Some("c"), Revision::V2025_11_25, &format!(r#"{{{two},"nextCursor":"c"}}"#));
        let modern =
            format!(r#"{{"resultType":"complete",{two},"nextCursor":"c","ttlMs":9,"cacheScope":"private"}}"#);
        check(&items, Some("c"), Revision::V2026_07_28, &modern);
    }

    #[test]
    fn a_cursor_is_a_string_or_absent() {
        let read =
            |text: &'static str| read_cursor(&Raw::parse(text.into()).expect("JSON")).map_err(|f| f.message);
        assert_eq!(read("{}"), Ok(None));
        assert_eq!(read(r#"{"cursor":"c"}"#), Ok(Some("c".into())));
        assert_eq!(
            read(r#"{"cursor":1}"#),
            Err("`cursor`: invalid type: integer `1`, expected a string".into())
        );
    }
}
