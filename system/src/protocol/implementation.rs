//! Who a client or server says it is, and the icons that anything may carry.
//!
//! Self-reported: for display and logs, never for a decision (2026-07-28 `basic/index`, note on `clientInfo`).

use serde::Deserialize;

use crate::jsonrpc::Raw;

use super::Revision;
use super::write::{Object, Shape};

/// Name and version of a piece of software.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Implementation {
    /// The name for programs.
    pub name: String,
    /// The name for people (since 2025-06-18).
    #[serde(default)]
    pub title: Option<String>,
    /// The version.
    pub version: String,
    /// What it does (since 2025-11-25).
    #[serde(default)]
    pub description: Option<String>,
    /// Where to read more (since 2025-11-25).
    #[serde(default)]
    pub website_url: Option<String>,
    /// Pictures (since 2025-11-25).
    #[serde(default)]
    pub icons: Vec<Icon>,
}

impl Implementation {
    /// A name and a version.
    #[must_use]
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self { name: name.into(), version: version.into(), ..Self::default() }
    }
}

impl Shape for Implementation {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.text("name", &*self.name);
            if revision.has_titles() {
                object.text("title", self.title.as_deref());
            }
            object.text("version", &*self.version);
            if revision.has_icons() {
                object.text("description", self.description.as_deref());
                object.text("websiteUrl", self.website_url.as_deref());
                object.list("icons", &self.icons);
            }
        });
    }
}

/// A picture that stands for something (since 2025-11-25).
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Icon {
    /// `https:` or `data:`.
    pub src: String,
    /// Its type, where `src` does not tell.
    #[serde(default)]
    pub mime_type: Option<String>,
    /// `48x48`, or `any` for one that scales.
    #[serde(default)]
    pub sizes: Vec<String>,
    /// The background that it is drawn for.
    #[serde(default)]
    pub theme: Option<Theme>,
}

/// A background.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Shape for Icon {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.text("src", &*self.src);
            object.text("mimeType", self.mime_type.as_deref());
            object.list("sizes", &self.sizes);
            object.text(
                "theme",
                self.theme.map(|theme| match theme {
                    Theme::Light => "light",
                    Theme::Dark => "dark",
                }),
            );
        });
    }
}

/// What a tool, a resource and a prompt have in common after their own members: icons and metadata, as far as the
/// revision knows them.
pub(super) fn icons_and_meta(object: &mut Object<'_>, icons: &[Icon], meta: Option<&Raw>) {
    if object.revision().has_icons() {
        object.list("icons", icons);
    }
    if object.revision().has_meta_everywhere() {
        object.maybe("_meta", meta);
    }
}

#[cfg(test)]
mod tests {
    use super::super::write::to_raw;
    use super::*;

    #[test]
    fn each_revision_is_told_what_it_knows() {
        let server = Implementation {
            title: Some("T".into()),
            description: Some("D".into()),
            website_url: Some("https://x".into()),
            icons: vec![Icon { src: "data:x".into(), theme: Some(Theme::Dark), ..Icon::default() }],
            ..Implementation::new("n", "1")
        };
        let check = |revision: Revision, expect: &str| assert_eq!(to_raw(&server, revision).as_str(), expect);
        check(Revision::V2025_03_26, r#"{"name":"n","version":"1"}"#);
        check(Revision::V2025_06_18, r#"{"name":"n","title":"T","version":"1"}"#);
        let full = r#"{"name":"n","title":"T","version":"1","description":"D","websiteUrl":"https://x","icons":[{"src":"data:x","theme":"dark"}]}"#;
        check(Revision::V2025_11_25, full);
        check(Revision::V2026_07_28, full);
        let read: Implementation = serde_json::from_str(full).expect("an implementation");
        assert_eq!(read, server);
    }
}
