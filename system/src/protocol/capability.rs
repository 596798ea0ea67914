//! What either side says it can do.
//!
//! A client's capabilities are read into types, since the rules ("ask only what was declared") hang on them; a server's
//! are written per revision. The presence of an object is what counts, so a member is `Option<…>` or a flag, and unknown
//! members are ignored: they are not a closed set.
//!
//! Source: `ClientCapabilities` and `ServerCapabilities` in each schema; 2025-11-25 `client/elicitation`, Capabilities
//! (an empty object means forms); SEP-2663 for the tasks extension.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::jsonrpc::Raw;

use super::write::{Object, Shape, to_raw};
use super::{Fault, Revision, params};

/// The extension that tasks are in 2026-07-28.
pub const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

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

/// What this server can do. Each revision is told what it knows.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ServerCapabilities {
    /// There are tools.
    pub tools: Option<Changing>,
    /// There are prompts.
    pub prompts: Option<Changing>,
    /// There are resources.
    pub resources: Option<ServerResources>,
    /// Log messages are sent.
    pub logging: bool,
    /// Arguments are completed.
    pub completions: bool,
    /// Tool calls may run as tasks: `tasks` in 2025-11-25, the extension since.
    pub tasks: bool,
    /// Further extensions by name, with their settings: objects (2026-07-28).
    pub extensions: BTreeMap<String, Raw>,
    /// What no specification names: an object of objects.
    pub experimental: Option<Raw>,
}

/// `tools` and `prompts`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Changing {
    /// We say when the list changes.
    pub list_changed: bool,
}

/// `resources`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ServerResources {
    /// Updates of single resources may be asked for.
    pub subscribe: bool,
    /// We say when the list changes.
    pub list_changed: bool,
}

fn yes(flag: bool) -> Option<bool> {
    flag.then_some(true)
}

impl Shape for Changing {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| object.flag("listChanged", yes(self.list_changed)));
    }
}

impl Shape for ServerResources {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.flag("subscribe", yes(self.subscribe));
            object.flag("listChanged", yes(self.list_changed));
        });
    }
}

impl Shape for ServerCapabilities {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        let empty = |yes: bool| yes.then(Raw::empty_object);
        Object::write(out, revision, |object| {
            object.maybe("experimental", self.experimental.as_ref());
            object.maybe("logging", empty(self.logging));
            object.maybe("completions", empty(self.completions && revision.has_completions_capability()));
            object.maybe("prompts", self.prompts);
            object.maybe("resources", self.resources);
            object.maybe("tools", self.tools);
            if self.tasks && revision.has_core_tasks() {
                object.object("tasks", |tasks| {
                    tasks.shape("list", Raw::empty_object());
                    tasks.shape("cancel", Raw::empty_object());
                    tasks.object("requests", |requests| {
                        requests.object("tools", |tools| tools.shape("call", Raw::empty_object()));
                    });
                });
            }
            if revision.has_extensions() && (self.tasks || !self.extensions.is_empty()) {
                object.object("extensions", |extensions| {
                    if self.tasks && !self.extensions.contains_key(TASKS_EXTENSION) {
                        extensions.shape(TASKS_EXTENSION, Raw::empty_object());
                    }
                    for (name, settings) in &self.extensions {
                        settings.write(revision, extensions.key_text(name));
                    }
                });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ClientCapabilities {
        ClientCapabilities::read(&Raw::parse(bytes::Bytes::copy_from_slice(text.as_bytes())).expect("JSON"))
            .expect("capabilities")
    }

    #[test]
    fn what_is_needed_and_not_declared_is_named_as_capabilities() {
        let check = |declared: &str, needed: &[Need], expect: Option<&str>| {
            assert_eq!(
                read(declared).missing(needed).as_ref().map(Raw::as_str),
                expect,
                "{declared} {needed:?}"
            );
        };
        check("{}", &[], None);
        check("{}", &[Need::Sampling], Some(r#"{"sampling":{}}"#));
        check(r#"{"sampling":{}}"#, &[Need::Sampling], None);
        check(r#"{"sampling":{}}"#, &[Need::SamplingTools], Some(r#"{"sampling":{"tools":{}}}"#));
        check(r#"{"sampling":{"tools":{}}}"#, &[Need::SamplingTools], None);
        check(
            r#"{"sampling":{"context":{}}}"#,
            &[Need::SamplingContext, Need::Roots],
            Some(r#"{"roots":{}}"#),
        );
        check(r#"{"elicitation":{}}"#, &[Need::ElicitationForm], None);
        check(
            r#"{"elicitation":{}}"#,
            &[Need::ElicitationForm, Need::ElicitationUrl],
            Some(r#"{"elicitation":{"url":{}}}"#),
        );
        check(
            r#"{"elicitation":{"url":{}}}"#,
            &[Need::ElicitationForm],
            Some(r#"{"elicitation":{"form":{}}}"#),
        );
        check("{}", &[Need::Tasks], Some(r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#));
        check(r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#, &[Need::Tasks], None);
    }

    #[test]
    fn a_client_may_declare_what_we_do_not_know() {
        let read = read(
            r#"{"roots":{"listChanged":true},"tasks":{"list":{},"requests":{"elicitation":{"create":{}}}},
            "experimental":{"x":{}},"future":{"y":1}}"#,
        );
        assert_eq!(read.roots, Some(Roots { list_changed: true }));
        let tasks = ClientTasks { list: true, cancel: false, sampling: false, elicitation: true };
        assert_eq!(read.tasks, Some(tasks));
        assert_eq!(read.experimental.as_ref().map(Raw::as_str), Some(r#"{"x":{}}"#));
    }

    #[test]
    fn each_revision_is_told_of_the_server_what_it_knows() {
        let server = ServerCapabilities {
            tools: Some(Changing { list_changed: true }),
            prompts: Some(Changing::default()),
            resources: Some(ServerResources { subscribe: true, list_changed: true }),
            logging: true,
            completions: true,
            tasks: true,
            extensions: BTreeMap::from([("com.example/x".to_owned(), Raw::empty_object())]),
            experimental: None,
        };
        let common =
            r#""prompts":{},"resources":{"subscribe":true,"listChanged":true},"tools":{"listChanged":true}"#;
        let check = |revision: Revision, before: &str, after: &str| {
            let expect = format!(r#"{{"logging":{{}},{before}{common}{after}}}"#);
            assert_eq!(to_raw(&server, revision).as_str(), expect);
        };
        check(Revision::V2024_11_05, "", "");
        check(Revision::V2025_03_26, r#""completions":{},"#, "");
        check(Revision::V2025_06_18, r#""completions":{},"#, "");
        let tasks = r#","tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}"#;
        check(Revision::V2025_11_25, r#""completions":{},"#, tasks);
        let extensions = r#","extensions":{"io.modelcontextprotocol/tasks":{},"com.example/x":{}}"#;
        check(Revision::V2026_07_28, r#""completions":{},"#, extensions);
        assert_eq!(to_raw(&ServerCapabilities::default(), Revision::V2025_06_18).as_str(), "{}");
    }
}
