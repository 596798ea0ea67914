//! Notifications that belong to no family: progress, cancellation, changed lists.
//!
//! Source: `basic/utilities/{progress,cancellation}` of the legacy revisions, `basic/patterns/*` of 2026-07-28.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::jsonrpc::{Id, Raw};

use super::write::{Object, Shape};
use super::{Fault, ProgressToken, Revision, params};

/// Parameters of `notifications/progress`.
#[derive(Clone, PartialEq, Debug)]
pub struct Progress {
    /// The token of the request.
    pub token: ProgressToken,
    /// How far; must grow from one to the next.
    pub progress: f64,
    /// How far it goes, if that is known.
    pub total: Option<f64>,
    /// What is being done (since 2025-03-26).
    pub message: Option<String>,
    /// Metadata: an object.
    pub meta: Option<Raw>,
}

impl Progress {
    /// Reads a client's progress on a request of ours.
    ///
    /// # Errors
    /// -32602 that names the field.
    pub fn read(raw: &Raw) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            #[serde(borrow, default)]
            progress_token: Option<&'a RawValue>,
            #[serde(borrow, default)]
            progress: Option<&'a RawValue>,
            #[serde(borrow, default)]
            total: Option<&'a RawValue>,
            #[serde(borrow, default)]
            message: Option<&'a RawValue>,
        }
        let fields: Fields<'_> = params::fields(raw)?;
        Ok(Self {
            token: params::required("progressToken", fields.progress_token)?,
            progress: params::required("progress", fields.progress)?,
            total: params::optional("total", fields.total)?,
            message: params::optional("message", fields.message)?,
            meta: None,
        })
    }
}

impl Shape for Progress {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.shape("progressToken", &self.token);
            object.number("progress", self.progress);
            object.number("total", self.total);
            if revision.has_progress_message() {
                object.text("message", self.message.as_deref());
            }
            object.maybe("_meta", self.meta.as_ref());
        });
    }
}

/// Parameters of `notifications/cancelled`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cancelled {
    /// The request whose result is no longer wanted.
    pub request_id: Id,
    /// Why, for people.
    pub reason: Option<String>,
}

impl Cancelled {
    /// Reads the parameters.
    ///
    /// # Errors
    /// -32602 that names the field. As an answer to a notification it goes nowhere: the notification is ignored.
    pub fn read(raw: &Raw) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            #[serde(borrow, default)]
            request_id: Option<&'a RawValue>,
            #[serde(borrow, default)]
            reason: Option<&'a RawValue>,
        }
        let fields: Fields<'_> = params::fields(raw)?;
        Ok(Self {
            request_id: params::required("requestId", fields.request_id)?,
            reason: params::optional("reason", fields.reason).unwrap_or_default(),
        })
    }
}

impl Shape for Cancelled {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.shape("requestId", &self.request_id);
            object.text("reason", self.reason.as_deref());
        });
    }
}

/// Parameters of a notification that says nothing but its name: a list changed.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Notice {
    /// Metadata: an object.
    pub meta: Option<Raw>,
}

impl Shape for Notice {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| object.maybe("_meta", self.meta.as_ref()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::write::to_raw;
    use super::*;

    fn raw(text: &'static str) -> Raw {
        Raw::parse(text.into()).expect("JSON")
    }

    #[test]
    fn progress_is_written_and_read() {
        let progress = Progress {
            token: ProgressToken::Text("t".into()),
            progress: 50.0,
            total: Some(100.0),
            message: Some("half".into()),
            meta: None,
        };
        let check =
            |revision: Revision, expect: &str| assert_eq!(to_raw(&progress, revision).as_str(), expect);
        check(Revision::V2024_11_05, r#"{"progressToken":"t","progress":50,"total":100}"#);
        let full = r#"{"progressToken":"t","progress":50,"total":100,"message":"half"}"#;
        check(Revision::V2025_03_26, full);
        check(Revision::V2026_07_28, full);
        assert_eq!(Progress::read(&raw(full)), Ok(progress));
        let error = Progress::read(&raw(r#"{"progressToken":1}"#)).expect_err("no progress");
        assert_eq!(error.message, "`progress` is missing");
    }

    #[test]
    fn a_cancellation_names_its_request() {
        let read = Cancelled::read(&raw(r#"{"requestId":"a","reason":"r"}"#)).expect("a cancellation");
        assert_eq!(read, Cancelled { request_id: Id::Text("a".into()), reason: Some("r".into()) });
        assert_eq!(to_raw(&read, Revision::V2025_11_25).as_str(), r#"{"requestId":"a","reason":"r"}"#);
        assert_eq!(Cancelled::read(&raw(r#"{"requestId":7,"reason":8}"#)).map(|read| read.reason), Ok(None));
        assert_eq!(Cancelled::read(&raw("{}")).expect_err("no id").message, "`requestId` is missing");
        assert_eq!(to_raw(&Notice::default(), Revision::V2025_11_25).as_str(), "{}");
    }
}
