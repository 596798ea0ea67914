//! How the two sides meet: `initialize` in the legacy era, `server/discover` in the modern.
//!
//! Source: `basic/lifecycle` of the legacy revisions; 2026-07-28 `server/discover`.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::jsonrpc::Raw;

use super::listing::Cache;
use super::shape::ResultShape;
use super::write::Object;
use super::{ClientCapabilities, Fault, Implementation, Revision, ServerCapabilities, params};

/// What a legacy client opens with.
#[derive(Clone, PartialEq, Debug)]
pub struct InitializeParams {
    /// The revision that it would like, known or not: for [`Revision::negotiate`].
    pub requested: String,
    /// What it can do.
    pub capabilities: ClientCapabilities,
    /// Who it is.
    pub client_info: Implementation,
}

impl InitializeParams {
    /// Reads parameters of `initialize`.
    ///
    /// # Errors
    /// -32602 that names the field.
    pub fn read(raw: &Raw) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            #[serde(borrow, default)]
            protocol_version: Option<&'a RawValue>,
            #[serde(borrow, default)]
            capabilities: Option<&'a RawValue>,
            #[serde(borrow, default)]
            client_info: Option<&'a RawValue>,
        }
        let fields: Fields<'_> = params::fields(raw)?;
        Ok(Self {
            requested: params::required("protocolVersion", fields.protocol_version)?,
            capabilities: params::required("capabilities", fields.capabilities)?,
            client_info: params::required("clientInfo", fields.client_info)?,
        })
    }
}

/// The answer to `initialize`. Write it for [`revision`](Self::revision).
#[derive(Clone, PartialEq, Debug)]
pub struct InitializeResult<'a> {
    /// The revision of the session.
    pub revision: Revision,
    /// What we can do.
    pub capabilities: &'a ServerCapabilities,
    /// Who we are.
    pub server_info: &'a Implementation,
    /// How to use this server: words for a model.
    pub instructions: Option<&'a str>,
}

impl ResultShape for InitializeResult<'_> {
    fn members(&self, object: &mut Object<'_>) {
        object.text("protocolVersion", self.revision.as_str());
        object.shape("capabilities", self.capabilities);
        object.shape("serverInfo", self.server_info);
        object.text("instructions", self.instructions);
    }
}

/// The answer to `server/discover`. Who we are goes in its `_meta`, as in every modern result.
#[derive(Clone, PartialEq, Debug)]
pub struct DiscoverResult<'a> {
    /// What we can do.
    pub capabilities: &'a ServerCapabilities,
    /// How to use this server: words for a model.
    pub instructions: Option<&'a str>,
    /// How long it may be kept.
    pub cache: Cache,
}

impl ResultShape for DiscoverResult<'_> {
    fn members(&self, object: &mut Object<'_>) {
        let revision = object.revision();
        super::write::write_array(Revision::SUPPORTED, revision, object.key("supportedVersions"));
        object.shape("capabilities", self.capabilities);
        object.text("instructions", self.instructions);
    }

    fn cache(&self) -> Option<Cache> {
        Some(self.cache)
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::result_raw;
    use super::super::write::to_raw;
    use super::*;

    #[test]
    fn a_legacy_client_says_who_it_is_and_what_it_can() {
        let read = |text: &'static str| {
            InitializeParams::read(&Raw::parse(text.into()).expect("JSON")).map_err(|fault| fault.message)
        };
        let hello = read(
            r#"{"protocolVersion":"2025-06-18","capabilities":{"elicitation":{}},"clientInfo":{"name":"c","version":"1"}}"#,
        )
        .expect("a hello");
        assert_eq!((hello.requested.as_str(), hello.client_info.name.as_str()), ("2025-06-18", "c"));
        assert!(
            hello.capabilities.elicitation.is_some_and(|elicitation| elicitation.form && !elicitation.url)
        );
        let check = |text: &'static str, expect: &str| assert_eq!(read(text), Err(expect.into()));
        check("{}", "`protocolVersion` is missing");
        check(r#"{"protocolVersion":"x"}"#, "`capabilities` is missing");
        check(r#"{"protocolVersion":"x","capabilities":{}}"#, "`clientInfo` is missing");
        check(
            r#"{"protocolVersion":"x","capabilities":{},"clientInfo":{"name":"c"}}"#,
            "`clientInfo`: missing field `version`",
        );
    }

    #[test]
    fn each_era_is_greeted_in_its_own_way() {
        let capabilities = ServerCapabilities { logging: true, ..ServerCapabilities::default() };
        let info = Implementation { title: Some("S".into()), ..Implementation::new("s", "1") };
        let hello = |revision| InitializeResult {
            revision,
            capabilities: &capabilities,
            server_info: &info,
            instructions: Some("use me"),
        };
        let check = |revision: Revision, expect: &str| {
            assert_eq!(result_raw(revision, &hello(revision), None).as_str(), expect);
        };
        check(
            Revision::V2024_11_05,
            r#"{"protocolVersion":"2024-11-05","capabilities":{"logging":{}},"serverInfo":{"name":"s","version":"1"},"instructions":"use me"}"#,
        );
        check(
            Revision::V2025_11_25,
            r#"{"protocolVersion":"2025-11-25","capabilities":{"logging":{}},"serverInfo":{"name":"s","title":"S","version":"1"},"instructions":"use me"}"#,
        );
        let discover =
            DiscoverResult { capabilities: &capabilities, instructions: None, cache: Cache::public(60) };
        let new = Revision::V2026_07_28;
        assert_eq!(
            result_raw(new, &discover, Some(&to_raw(&info, new))).as_str(),
            r#"{"resultType":"complete","supportedVersions":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"capabilities":{"logging":{}},"ttlMs":60,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","title":"S","version":"1"}}}"#
        );
    }
}
