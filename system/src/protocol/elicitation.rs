//! Elicitation: asking the user, with a form or at a URL.
//!
//! A form is flat: each field is a primitive, a choice of one, or a choice of several. What 2025-06-18 lacks is written
//! as its nearest: titled choices as `enumNames`, several choices as one (the answer is then a string, which
//! [`ElicitResult::choices`] reads all the same), and defaults of other fields than booleans are left out.
//!
//! Source: `client/elicitation` and the schema of each revision since 2025-06-18; SEP-1330, SEP-1034, SEP-1036.

mod form;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::jsonrpc::Raw;

use super::write::{Object, Shape};
use super::{Fault, Need, Revision, params};

pub use form::{Choice, Field, Form, TextFormat};

/// A question to the user.
#[derive(Clone, PartialEq, Debug)]
pub enum ElicitParams {
    /// By a form.
    Form {
        /// What is asked, and why.
        message: String,
        /// The fields.
        form: Form,
    },
    /// At a URL (since 2025-11-25): for what must not pass through the client.
    Url {
        /// Why to go there.
        message: String,
        /// Where.
        url: String,
        /// Names this visit, for `notifications/elicitation/complete` (2025-11-25 only).
        elicitation_id: String,
    },
}

impl ElicitParams {
    /// A form.
    #[must_use]
    pub fn form(message: impl Into<String>, form: Form) -> Self {
        Self::Form { message: message.into(), form }
    }

    /// A URL.
    #[must_use]
    pub fn url(
        message: impl Into<String>,
        url: impl Into<String>,
        elicitation_id: impl Into<String>,
    ) -> Self {
        Self::Url { message: message.into(), url: url.into(), elicitation_id: elicitation_id.into() }
    }

    /// What the client must have declared.
    #[must_use]
    pub const fn need(&self) -> Need {
        match self {
            Self::Form { .. } => Need::ElicitationForm,
            Self::Url { .. } => Need::ElicitationUrl,
        }
    }

    /// Whether a revision has it at all.
    #[must_use]
    pub fn is_known_in(&self, revision: Revision) -> bool {
        match self {
            Self::Form { .. } => revision.has_elicitation(),
            Self::Url { .. } => revision.has_elicitation_modes(),
        }
    }

    pub(super) fn members(&self, object: &mut Object<'_>) {
        let revision = object.revision();
        match self {
            Self::Form { message, form } => {
                if revision.has_elicitation_modes() {
                    object.text("mode", "form");
                }
                object.text("message", &**message);
                object.shape("requestedSchema", form);
            }
            Self::Url { message, url, elicitation_id } => {
                object.text("mode", "url");
                object.text("message", &**message);
                if revision.has_elicitation_ids() {
                    object.text("elicitationId", &**elicitation_id);
                }
                object.text("url", &**url);
            }
        }
    }
}

impl Shape for ElicitParams {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| self.members(object));
    }
}

/// Parameters of `notifications/elicitation/complete` (2025-11-25 only).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ElicitationComplete {
    /// The visit that is over.
    pub elicitation_id: String,
}

impl Shape for ElicitationComplete {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| object.text("elicitationId", &*self.elicitation_id));
    }
}

/// What the user did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElicitAction {
    /// Filled in the form, or agreed to go to the URL.
    Accept,
    /// Said no.
    Decline,
    /// Went away without a word.
    Cancel,
}

impl ElicitAction {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Decline => "decline",
            Self::Cancel => "cancel",
        }
    }
}

/// The user's answer.
#[derive(Clone, PartialEq, Debug)]
pub struct ElicitResult {
    /// What the user did.
    pub action: ElicitAction,
    /// What stands in the form: an object, if it was accepted. Not yet checked against the form.
    pub content: Option<Raw>,
}

impl ElicitResult {
    /// Reads a client's answer.
    ///
    /// # Errors
    /// -32602 that names the field.
    pub fn read(raw: &Raw) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        struct Fields<'a> {
            #[serde(borrow, default)]
            action: Option<&'a RawValue>,
            #[serde(borrow, default)]
            content: Option<&'a RawValue>,
        }
        let fields: Fields<'_> = params::fields(raw)?;
        let action = params::required("action", fields.action)?;
        Ok(Self { action, content: params::object("content", raw, fields.content)? })
    }

    /// A field of the form as a type; none if it was not filled in or is of another type.
    #[must_use]
    pub fn field<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        let fields: std::collections::BTreeMap<String, Raw> = self.content.as_ref()?.decode().ok()?;
        fields.get(name)?.decode().ok()
    }

    /// What was chosen in a field where several can be: a list, or the one string of a revision that knows no lists.
    #[must_use]
    pub fn choices(&self, name: &str) -> Vec<String> {
        self.field::<Vec<String>>(name)
            .or_else(|| self.field::<String>(name).map(|one| vec![one]))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
