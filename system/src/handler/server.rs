//! The builder of a server: name it, give it tools, resources and prompts, and hand it to a node.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalogue::{Catalogue, Kinds, Snapshot};
use super::prompt::Prompt;
use super::resource::{Resource, Template};
use super::schema::SchemaError;
use super::tool::Tool;
use crate::protocol::{Cache, Icon, Implementation};

/// A server in the making.
///
/// ```
/// use switchboard::handler::{Ctx, Server, Tool};
/// # #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Add { a: i64, b: i64 }
///
/// let catalogue = Server::new("calculator", "1.0.0")
///     .tool(Tool::new("add", |_: Ctx, add: Add| async move { Ok(format!("{}", add.a + add.b)) }).describe("Adds two numbers"))
///     .build()
///     .expect("the schemas must be valid");
/// ```
#[derive(Debug)]
#[must_use]
pub struct Server {
    snapshot: Snapshot,
    fault: Option<BuildError>,
}

/// A part of the server is not usable, or stands twice.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BuildError {
    /// A tool's schema cannot be used.
    #[error("tool {name:?}: {error}")]
    Tool {
        /// The tool's name.
        name: String,
        /// What is wrong with it.
        error: SchemaError,
    },
    /// Two things of one kind have one name.
    #[error("{kind} {name:?} stands twice")]
    Twice {
        /// Tool, resource, template or prompt.
        kind: &'static str,
        /// The name, or URI.
        name: String,
    },
}

impl Server {
    /// A server that offers nothing yet.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            snapshot: Snapshot {
                implementation: Implementation::new(name.into(), version.into()),
                instructions: None,
                lists: Cache::public(0),
                tools: BTreeMap::new(),
                resources: BTreeMap::new(),
                templates: BTreeMap::new(),
                prompts: BTreeMap::new(),
                kinds: Kinds::default(),
                version: 0,
            },
            fault: None,
        }
    }

    /// A name for people.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.snapshot.implementation.title = Some(title.into());
        self
    }

    /// What the server is.
    pub fn describe(mut self, description: impl Into<String>) -> Self {
        self.snapshot.implementation.description = Some(description.into());
        self
    }

    /// Where to read more.
    pub fn website(mut self, url: impl Into<String>) -> Self {
        self.snapshot.implementation.website_url = Some(url.into());
        self
    }

    /// A picture of the server.
    pub fn icon(mut self, icon: Icon) -> Self {
        self.snapshot.implementation.icons.push(icon);
        self
    }

    /// How to use the server well, for a model.
    pub fn instructions(mut self, text: impl Into<String>) -> Self {
        self.snapshot.instructions = Some(text.into());
        self
    }

    /// How long and by whom the lists may be cached.
    pub const fn list_caching(mut self, caching: Cache) -> Self {
        self.snapshot.lists = caching;
        self
    }

    /// Offers a tool.
    pub fn tool(mut self, tool: Tool) -> Self {
        let name = tool.info.name.clone();
        if let Some(error) = tool.fault() {
            let error = error.clone();
            self.fault.get_or_insert(BuildError::Tool { name, error });
        } else if self.snapshot.tools.insert(name.clone(), Arc::new(tool)).is_some() {
            self.fault.get_or_insert(BuildError::Twice { kind: "tool", name });
        }
        self
    }

    /// Offers a resource.
    pub fn resource(mut self, resource: Resource) -> Self {
        let name = resource.info.uri.clone();
        if self.snapshot.resources.insert(name.clone(), Arc::new(resource)).is_some() {
            self.fault.get_or_insert(BuildError::Twice { kind: "resource", name });
        }
        self
    }

    /// Offers the resources of a template.
    pub fn template(mut self, template: Template) -> Self {
        let name = template.info.uri_template.clone();
        if self.snapshot.templates.insert(name.clone(), Arc::new(template)).is_some() {
            self.fault.get_or_insert(BuildError::Twice { kind: "template", name });
        }
        self
    }

    /// Offers a prompt.
    pub fn prompt(mut self, prompt: Prompt) -> Self {
        let name = prompt.info.name.clone();
        if self.snapshot.prompts.insert(name.clone(), Arc::new(prompt)).is_some() {
            self.fault.get_or_insert(BuildError::Twice { kind: "prompt", name });
        }
        self
    }

    /// Offers several tools.
    pub fn tools(self, tools: impl IntoIterator<Item = Tool>) -> Self {
        tools.into_iter().fold(self, Self::tool)
    }

    /// Offers several resources.
    pub fn resources(self, resources: impl IntoIterator<Item = Resource>) -> Self {
        resources.into_iter().fold(self, Self::resource)
    }

    /// Offers the resources of several templates.
    pub fn templates(self, templates: impl IntoIterator<Item = Template>) -> Self {
        templates.into_iter().fold(self, Self::template)
    }

    /// Offers several prompts.
    pub fn prompts(self, prompts: impl IntoIterator<Item = Prompt>) -> Self {
        prompts.into_iter().fold(self, Self::prompt)
    }

    /// The catalogue of this server.
    ///
    /// # Errors
    /// [`BuildError`], the first that was met.
    pub fn build(mut self) -> Result<Catalogue, BuildError> {
        match self.fault {
            Some(fault) => Err(fault),
            None => {
                self.snapshot.note_kinds();
                Ok(Catalogue::new(self.snapshot))
            }
        }
    }
}
