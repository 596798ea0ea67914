//! The catalogue: what a server offers, by name. Reading it takes a snapshot; changing it makes a new one and tells
//! whoever listens.
//!
//! Lists are in the order of names (templates: of their texts), so every node and every run lists the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use arc_swap::{ArcSwap, Guard};

use super::prompt::Prompt;
use super::resource::{Resource, Template, Variables};
use super::schema::SchemaError;
use super::tool::Tool;
use crate::protocol::{Cache, Implementation};

/// Something about the catalogue that clients may want to hear.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// A tool came, went or changed.
    ToolsChanged,
    /// A prompt came, went or changed.
    PromptsChanged,
    /// A resource or template came, went or changed.
    ResourcesChanged,
    /// The contents of a resource changed.
    ResourceUpdated(String),
}

/// Who is told of changes. Must not block.
pub(crate) trait ChangeSink: Send + Sync {
    /// Passes a change on.
    fn changed(&self, change: &Change);
}

/// What a server offers at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) implementation: Implementation,
    pub(crate) instructions: Option<String>,
    pub(crate) lists: Cache,
    pub(crate) tools: BTreeMap<String, Arc<Tool>>,
    pub(crate) resources: BTreeMap<String, Arc<Resource>>,
    pub(crate) templates: BTreeMap<String, Arc<Template>>,
    pub(crate) prompts: BTreeMap<String, Arc<Prompt>>,
    pub(crate) kinds: Kinds,
    /// Counts changes: what was encoded from one version is not used for another.
    pub(crate) version: u64,
}

/// Of which kinds the catalogue ever had anything: a capability that was declared is not taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Kinds {
    pub(crate) tools: bool,
    pub(crate) resources: bool,
    pub(crate) prompts: bool,
}

impl Snapshot {
    /// Notes the kinds that are there now.
    pub(crate) fn note_kinds(&mut self) {
        self.kinds.tools |= !self.tools.is_empty();
        self.kinds.resources |= !self.resources.is_empty() || !self.templates.is_empty();
        self.kinds.prompts |= !self.prompts.is_empty();
    }

    /// The first template, in order, that gives `uri`.
    pub(crate) fn template_for(&self, uri: &str) -> Option<(&Arc<Template>, Variables)> {
        self.templates.values().find_map(|template| Some((template, template.matches(uri)?)))
    }
}

/// A handle to what a server offers. Clones are the same catalogue.
#[derive(Clone)]
pub struct Catalogue(Arc<Shared>);

struct Shared {
    /// Read by every call and hardly ever written: readers touch nothing that other cores write.
    current: ArcSwap<Snapshot>,
    writing: Mutex<()>,
    sinks: Mutex<Vec<Weak<dyn ChangeSink>>>,
}

impl Catalogue {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self(Arc::new(Shared {
            current: ArcSwap::from_pointee(snapshot),
            writing: Mutex::new(()),
            sinks: Mutex::new(Vec::new()),
        }))
    }

    /// What is offered now. To be held briefly.
    pub(crate) fn snapshot(&self) -> Guard<Arc<Snapshot>> {
        self.0.current.load()
    }

    /// Adds somebody who is told of changes, for as long as they live.
    pub(crate) fn listen(&self, sink: Weak<dyn ChangeSink>) {
        let mut sinks = self.0.sinks.lock().expect("catalogue must not be poisoned");
        sinks.retain(|known| known.strong_count() > 0);
        sinks.push(sink);
    }

    /// Adds a tool, or replaces the one of its name; clients are told.
    ///
    /// # Errors
    /// [`SchemaError`] when its schema cannot be used; the catalogue is as before.
    pub fn add_tool(&self, tool: Tool) -> Result<(), SchemaError> {
        if let Some(fault) = tool.fault() {
            return Err(fault.clone());
        }
        self.change(Change::ToolsChanged, |next| {
            next.tools.insert(tool.info.name.clone(), Arc::new(tool));
            true
        });
        Ok(())
    }

    /// Takes a tool away; clients are told. False when there is none of this name.
    pub fn remove_tool(&self, name: &str) -> bool {
        self.change(Change::ToolsChanged, |next| next.tools.remove(name).is_some())
    }

    /// Adds a prompt, or replaces the one of its name; clients are told.
    pub fn add_prompt(&self, prompt: Prompt) {
        self.change(Change::PromptsChanged, |next| {
            next.prompts.insert(prompt.info.name.clone(), Arc::new(prompt));
            true
        });
    }

    /// Takes a prompt away; clients are told. False when there is none of this name.
    pub fn remove_prompt(&self, name: &str) -> bool {
        self.change(Change::PromptsChanged, |next| next.prompts.remove(name).is_some())
    }

    /// Adds a resource, or replaces the one of its URI; clients are told.
    pub fn add_resource(&self, resource: Resource) {
        self.change(Change::ResourcesChanged, |next| {
            next.resources.insert(resource.info.uri.clone(), Arc::new(resource));
            true
        });
    }

    /// Takes a resource away; clients are told. False when there is none of this URI.
    pub fn remove_resource(&self, uri: &str) -> bool {
        self.change(Change::ResourcesChanged, |next| next.resources.remove(uri).is_some())
    }

    /// Adds a template, or replaces the one of its text; clients are told.
    pub fn add_template(&self, template: Template) {
        self.change(Change::ResourcesChanged, |next| {
            next.templates.insert(template.info.uri_template.clone(), Arc::new(template));
            true
        });
    }

    /// Tells every client that subscribed to a resource that its contents changed.
    pub fn resource_updated(&self, uri: impl Into<String>) {
        self.tell(&Change::ResourceUpdated(uri.into()));
    }

    fn change(&self, change: Change, edit: impl FnOnce(&mut Snapshot) -> bool) -> bool {
        {
            let _writing = self.0.writing.lock().expect("catalogue must not be poisoned");
            let mut next = Snapshot::clone(&self.0.current.load());
            if !edit(&mut next) {
                return false;
            }
            next.note_kinds();
            next.version += 1;
            self.0.current.store(Arc::new(next));
        }
        self.tell(&change);
        true
    }

    fn tell(&self, change: &Change) {
        let sinks = self.0.sinks.lock().expect("catalogue must not be poisoned").clone();
        for sink in sinks.iter().filter_map(Weak::upgrade) {
            sink.changed(change);
        }
    }
}

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let current = self.snapshot();
        f.debug_struct("Catalogue").field("name", &current.implementation.name).finish_non_exhaustive()
    }
}
