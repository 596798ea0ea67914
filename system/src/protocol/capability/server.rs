//! What a server says it can do, revision by revision.

use std::collections::BTreeMap;

use crate::jsonrpc::Raw;

use super::super::Revision;
use super::super::write::{Object, Shape};
use super::TASKS_EXTENSION;

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
