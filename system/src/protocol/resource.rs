//! Resources: descriptions, templates, contents, and the requests about them.
//!
//! Source: `server/resources` of each revision and its schema.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::jsonrpc::Raw;

use super::implementation::icons_and_meta;
use super::listing::Cache;
use super::shape::ResultShape;
use super::write::{Object, Shape};
use super::{Annotations, Fault, Icon, ResourceContents, Revision, params};

/// A resource that can be read.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceInfo {
    /// What names it.
    pub uri: String,
    /// The name for programs; before 2025-06-18 the only one.
    pub name: String,
    /// The name for people (since 2025-06-18).
    #[serde(default)]
    pub title: Option<String>,
    /// What it is.
    #[serde(default)]
    pub description: Option<String>,
    /// Its type.
    #[serde(default)]
    pub mime_type: Option<String>,
    /// For whom, and how important.
    #[serde(default)]
    pub annotations: Option<Annotations>,
    /// Its size in bytes.
    #[serde(default)]
    pub size: Option<u64>,
    /// Pictures (since 2025-11-25).
    #[serde(default)]
    pub icons: Vec<Icon>,
    /// Metadata: an object (since 2025-06-18).
    #[serde(default, rename = "_meta")]
    pub meta: Option<Raw>,
}

impl ResourceInfo {
    /// A resource by URI and name.
    #[must_use]
    pub fn new(uri: impl Into<String>, name: impl Into<String>) -> Self {
        Self { uri: uri.into(), name: name.into(), ..Self::default() }
    }

    /// What a link says where there are no links.
    pub(super) fn as_line(&self) -> String {
        let name = self.title.as_ref().unwrap_or(&self.name);
        match &self.description {
            Some(description) => format!("{name}: {} ({description})", self.uri),
            None => format!("{name}: {}", self.uri),
        }
    }

    pub(super) fn members(&self, object: &mut Object<'_>) {
        object.text("uri", &*self.uri);
        object.text("name", &*self.name);
        if object.revision().has_titles() {
            object.text("title", self.title.as_deref());
        }
        object.text("description", self.description.as_deref());
        object.text("mimeType", self.mime_type.as_deref());
        object.maybe("annotations", self.annotations.as_ref());
        object.count("size", self.size);
        icons_and_meta(object, &self.icons, self.meta.as_ref());
    }
}

impl Shape for ResourceInfo {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| self.members(object));
    }
}

/// A family of resources, by a URI template (RFC 6570).
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateInfo {
    /// The template.
    pub uri_template: String,
    /// The name for programs.
    pub name: String,
    /// The name for people (since 2025-06-18).
    #[serde(default)]
    pub title: Option<String>,
    /// What its resources are.
    #[serde(default)]
    pub description: Option<String>,
    /// Their type, where all have the same.
    #[serde(default)]
    pub mime_type: Option<String>,
    /// For whom, and how important.
    #[serde(default)]
    pub annotations: Option<Annotations>,
    /// Pictures (since 2025-11-25).
    #[serde(default)]
    pub icons: Vec<Icon>,
    /// Metadata: an object (since 2025-06-18).
    #[serde(default, rename = "_meta")]
    pub meta: Option<Raw>,
}

impl TemplateInfo {
    /// A template and its name.
    #[must_use]
    pub fn new(uri_template: impl Into<String>, name: impl Into<String>) -> Self {
        Self { uri_template: uri_template.into(), name: name.into(), ..Self::default() }
    }
}

impl Shape for TemplateInfo {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.text("uriTemplate", &*self.uri_template);
            object.text("name", &*self.name);
            if revision.has_titles() {
                object.text("title", self.title.as_deref());
            }
            object.text("description", self.description.as_deref());
            object.text("mimeType", self.mime_type.as_deref());
            object.maybe("annotations", self.annotations.as_ref());
            icons_and_meta(object, &self.icons, self.meta.as_ref());
        });
    }
}

/// What reading a resource gives. Never empty for one that does not exist: that is a fault (2026-07-28
/// `server/resources`, Error Handling).
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct ReadResult {
    /// The contents; a directory has several.
    pub contents: Vec<ResourceContents>,
    /// How long they may be kept (modern).
    #[serde(skip)]
    pub cache: Cache,
    /// Metadata: an object.
    #[serde(default, rename = "_meta")]
    pub meta: Option<Raw>,
}

impl ReadResult {
    /// One piece of contents.
    #[must_use]
    pub fn one(contents: ResourceContents) -> Self {
        Self { contents: vec![contents], ..Self::default() }
    }
}

impl ResultShape for ReadResult {
    fn members(&self, object: &mut Object<'_>) {
        object.shape("contents", &self.contents);
    }

    fn cache(&self) -> Option<Cache> {
        Some(self.cache)
    }

    fn meta(&self) -> Option<&Raw> {
        self.meta.as_ref()
    }
}

/// Parameters that name a resource: `resources/read`, `resources/subscribe`, `resources/unsubscribe`.
///
/// # Errors
/// -32602 where `uri` is missing or no string.
pub fn read_uri(raw: &Raw) -> Result<String, Fault> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(borrow, default)]
        uri: Option<&'a RawValue>,
    }
    params::required("uri", params::fields::<Fields<'_>>(raw)?.uri)
}

/// Parameters of `notifications/resources/updated`.
#[derive(Clone, PartialEq, Debug)]
pub struct ResourceUpdated {
    /// The resource that changed.
    pub uri: String,
    /// Metadata: an object.
    pub meta: Option<Raw>,
}

impl Shape for ResourceUpdated {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.text("uri", &*self.uri);
            object.maybe("_meta", self.meta.as_ref());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::result_raw;
    use super::super::write::to_raw;
    use super::*;

    #[test]
    fn each_revision_is_told_what_it_knows() {
        let info = ResourceInfo {
            title: Some("T".into()),
            mime_type: Some("a/b".into()),
            size: Some(7),
            icons: vec![Icon { src: "i".into(), ..Icon::default() }],
            meta: Some(Raw::empty_object()),
            ..ResourceInfo::new("a:1", "n")
        };
        let check = |revision: Revision, expect: &str| {
            assert_eq!(to_raw(&info, revision).as_str(), expect);
        };
        check(Revision::V2024_11_05, r#"{"uri":"a:1","name":"n","mimeType":"a/b","size":7}"#);
        let titled = r#"{"uri":"a:1","name":"n","title":"T","mimeType":"a/b","size":7,"_meta":{}}"#;
        check(Revision::V2025_06_18, titled);
        let iconed = r#"{"uri":"a:1","name":"n","title":"T","mimeType":"a/b","size":7,"icons":[{"src":"i"}],"_meta":{}}"#;
        check(Revision::V2025_11_25, iconed);
        check(Revision::V2026_07_28, iconed);
        let template = TemplateInfo { title: Some("T".into()), ..TemplateInfo::new("a:{b}", "n") };
        let old = to_raw(&template, Revision::V2025_03_26);
        assert_eq!(old.as_str(), r#"{"uriTemplate":"a:{b}","name":"n"}"#);
    }

    #[test]
    fn contents_may_be_kept_in_the_modern_era_only() {
        let result = ReadResult::one(ResourceContents::text("a:1", "t/p", "x"));
        let contents = r#""contents":[{"uri":"a:1","mimeType":"t/p","text":"x"}]"#;
        let old = result_raw(Revision::V2025_11_25, &result, None);
        assert_eq!(old.as_str(), format!("{{{contents}}}"));
        let new = result_raw(Revision::V2026_07_28, &result, None);
        let expect = format!(r#"{{"resultType":"complete",{contents},"ttlMs":0,"cacheScope":"private"}}"#);
        assert_eq!(new.as_str(), expect);
    }

    #[test]
    fn a_request_names_its_resource() {
        let read =
            |text: &'static str| read_uri(&Raw::parse(text.into()).expect("JSON")).map_err(|f| f.message);
        assert_eq!(read(r#"{"uri":"a:\u0031","x":1}"#).as_deref(), Ok("a:1"));
        assert_eq!(read("{}"), Err("`uri` is missing".into()));
        assert_eq!(read(r#"{"uri":1}"#), Err("`uri`: invalid type: integer `1`, expected a string".into()));
    }
}
