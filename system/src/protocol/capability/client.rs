//! What a client says it can do, and what it lacks.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::jsonrpc::Raw;

use super::super::write::{Object, Shape, to_raw};
use super::super::{Fault, Revision, params};
use super::TASKS_EXTENSION;

/// What a client can do.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientCapabilities {
    /// Its model may be asked.
    pub sampling: Option<Sampling>,
    /// Its user may be asked.
    pub elicitation: Option<Elicitation>,
    /// It has roots.
    pub roots: Option<Roots>,
    /// It runs tasks for us (2025-11-25).
    pub tasks: Option<ClientTasks>,
    /// Extensions by name, with their settings (2026-07-28).
    pub extensions: BTreeMap<String, Raw>,
    /// What no specification names.
    pub experimental: Option<Raw>,
}

/// `sampling`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "SamplingWire")]
pub struct Sampling {
    /// `includeContext` may say more than `none`.
    pub context: bool,
    /// Tools may be handed to the model.
    pub tools: bool,
}

/// `elicitation`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "ElicitationWire")]
pub struct Elicitation {
    /// The user may be shown a form. An empty object means this.
    pub form: bool,
    /// The user may be sent to a URL.
    pub url: bool,
}

/// `roots`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Roots {
    /// It says when they change (legacy).
    pub list_changed: bool,
}

/// `tasks` of a client (2025-11-25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "ClientTasksWire")]
pub struct ClientTasks {
    /// `tasks/list`.
    pub list: bool,
    /// `tasks/cancel`.
    pub cancel: bool,
    /// `sampling/createMessage` may run as a task.
    pub sampling: bool,
    /// `elicitation/create` may run as a task.
    pub elicitation: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SamplingWire {
    context: Option<Raw>,
    tools: Option<Raw>,
}

impl From<SamplingWire> for Sampling {
    fn from(wire: SamplingWire) -> Self {
        Self { context: wire.context.is_some(), tools: wire.tools.is_some() }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ElicitationWire {
    form: Option<Raw>,
    url: Option<Raw>,
}

impl From<ElicitationWire> for Elicitation {
    fn from(wire: ElicitationWire) -> Self {
        Self { form: wire.form.is_some() || wire.url.is_none(), url: wire.url.is_some() }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ClientTasksWire {
    list: Option<Raw>,
    cancel: Option<Raw>,
    requests: ClientTaskRequests,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ClientTaskRequests {
    sampling: SamplingTasks,
    elicitation: ElicitationTasks,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct SamplingTasks {
    create_message: Option<Raw>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ElicitationTasks {
    create: Option<Raw>,
}

impl From<ClientTasksWire> for ClientTasks {
    fn from(wire: ClientTasksWire) -> Self {
        Self {
            list: wire.list.is_some(),
            cancel: wire.cancel.is_some(),
            sampling: wire.requests.sampling.create_message.is_some(),
            elicitation: wire.requests.elicitation.create.is_some(),
        }
    }
}

/// One thing that a request may need of its client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Need {
    /// `sampling/createMessage`.
    Sampling,
    /// The same with tools.
    SamplingTools,
    /// The same with context of servers.
    SamplingContext,
    /// `elicitation/create` with a form.
    ElicitationForm,
    /// `elicitation/create` with a URL.
    ElicitationUrl,
    /// `roots/list`.
    Roots,
    /// The tasks extension.
    Tasks,
}

impl ClientCapabilities {
    /// Reads the object.
    ///
    /// # Errors
    /// -32602 where a capability that we know is not an object.
    pub fn read(raw: &Raw) -> Result<Self, Fault> {
        raw.decode().map_err(|error| {
            Fault::invalid_params(format!("`clientCapabilities`: {}", params::reason(&error)))
        })
    }

    /// Whether the client declared it.
    #[must_use]
    pub fn has(&self, need: Need) -> bool {
        match need {
            Need::Sampling => self.sampling.is_some(),
            Need::SamplingTools => self.sampling.is_some_and(|sampling| sampling.tools),
            Need::SamplingContext => self.sampling.is_some_and(|sampling| sampling.context),
            Need::ElicitationForm => self.elicitation.is_some_and(|elicitation| elicitation.form),
            Need::ElicitationUrl => self.elicitation.is_some_and(|elicitation| elicitation.url),
            Need::Roots => self.roots.is_some(),
            Need::Tasks => self.extensions.contains_key(TASKS_EXTENSION),
        }
    }

    /// Those of `needed` that the client did not declare, as a `ClientCapabilities` object for
    /// [`Fault::missing_capability`]; none if it declared them all.
    #[must_use]
    pub fn missing(&self, needed: &[Need]) -> Option<Raw> {
        let missing: Vec<Need> = needed.iter().copied().filter(|need| !self.has(*need)).collect();
        (!missing.is_empty()).then(|| to_raw(&Needs(&missing), Revision::LATEST_MODERN))
    }
}

struct Needs<'a>(&'a [Need]);

impl Shape for Needs<'_> {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        let has = |need: Need| self.0.contains(&need);
        let empty = |yes: bool| yes.then(Raw::empty_object);
        Object::write(out, revision, |object| {
            if has(Need::Sampling) || has(Need::SamplingTools) || has(Need::SamplingContext) {
                object.object("sampling", |sampling| {
                    sampling.maybe("context", empty(has(Need::SamplingContext)));
                    sampling.maybe("tools", empty(has(Need::SamplingTools)));
                });
            }
            if has(Need::ElicitationForm) || has(Need::ElicitationUrl) {
                object.object("elicitation", |elicitation| {
                    elicitation.maybe("form", empty(has(Need::ElicitationForm)));
                    elicitation.maybe("url", empty(has(Need::ElicitationUrl)));
                });
            }
            object.maybe("roots", empty(has(Need::Roots)));
            if has(Need::Tasks) {
                object.object("extensions", |extensions| {
                    extensions.shape(TASKS_EXTENSION, Raw::empty_object());
                });
            }
        });
    }
}
