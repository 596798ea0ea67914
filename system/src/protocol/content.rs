//! Content: what tools return and prompts say.
//!
//! Every kind can be written for every revision. What a revision lacks becomes the nearest that it has and keeps the
//! data where it can: audio becomes an embedded resource before 2025-03-26, a link becomes a line of text before
//! 2025-06-18. Image and audio data are base64 text, as they go over the wire.
//!
//! Source: `ContentBlock` and its parts in each schema; `server/tools`, Tool Result.

mod read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::jsonrpc::Raw;

use super::Revision;
use super::resource::ResourceInfo;
use super::write::{Object, Shape};

/// One piece of content.
#[derive(Clone, PartialEq, Debug)]
pub enum Content {
    /// Text.
    Text {
        /// The text.
        text: String,
        /// For whom, and how important.
        annotations: Option<Annotations>,
        /// Metadata: an object.
        meta: Option<Raw>,
    },
    /// An image.
    Image {
        /// Base64.
        data: String,
        /// Its type, such as `image/png`.
        mime_type: String,
        /// For whom, and how important.
        annotations: Option<Annotations>,
        /// Metadata: an object.
        meta: Option<Raw>,
    },
    /// Sound (since 2025-03-26).
    Audio {
        /// Base64.
        data: String,
        /// Its type, such as `audio/wav`.
        mime_type: String,
        /// For whom, and how important.
        annotations: Option<Annotations>,
        /// Metadata: an object.
        meta: Option<Raw>,
    },
    /// A resource by reference (since 2025-06-18).
    ResourceLink(Box<ResourceInfo>),
    /// A resource in full.
    Resource {
        /// Its contents.
        resource: ResourceContents,
        /// For whom, and how important.
        annotations: Option<Annotations>,
        /// Metadata: an object.
        meta: Option<Raw>,
    },
}

/// The contents of a resource.
#[derive(Clone, PartialEq, Debug)]
pub enum ResourceContents {
    /// Text.
    Text {
        /// Whose contents.
        uri: String,
        /// Its type.
        mime_type: Option<String>,
        /// The text.
        text: String,
        /// Metadata: an object.
        meta: Option<Raw>,
    },
    /// Bytes.
    Blob {
        /// Whose contents.
        uri: String,
        /// Its type.
        mime_type: Option<String>,
        /// Base64.
        blob: String,
        /// Metadata: an object.
        meta: Option<Raw>,
    },
}

/// Who speaks, or is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// Hints on how to use something.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Annotations {
    /// For whom; empty says nothing.
    pub audience: Vec<Role>,
    /// From 0 (optional) to 1 (required).
    pub priority: Option<f64>,
    /// When it last changed, in ISO 8601 (since 2025-06-18).
    pub last_modified: Option<String>,
}

/// Bytes as base64.
#[must_use]
pub fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Base64 as bytes; only the standard alphabet with its padding.
///
/// # Errors
/// When it is no such text.
pub fn from_base64(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    STANDARD.decode(text)
}

impl Content {
    /// Text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), annotations: None, meta: None }
    }

    /// An image, from its bytes.
    #[must_use]
    pub fn image(bytes: &[u8], mime_type: impl Into<String>) -> Self {
        Self::image_base64(to_base64(bytes), mime_type)
    }

    /// An image, from base64.
    #[must_use]
    pub fn image_base64(data: impl Into<String>, mime_type: impl Into<String>) -> Self {
        Self::Image { data: data.into(), mime_type: mime_type.into(), annotations: None, meta: None }
    }

    /// Sound, from its bytes.
    #[must_use]
    pub fn audio(bytes: &[u8], mime_type: impl Into<String>) -> Self {
        Self::audio_base64(to_base64(bytes), mime_type)
    }

    /// Sound, from base64.
    #[must_use]
    pub fn audio_base64(data: impl Into<String>, mime_type: impl Into<String>) -> Self {
        Self::Audio { data: data.into(), mime_type: mime_type.into(), annotations: None, meta: None }
    }

    /// A link to a resource.
    #[must_use]
    pub fn link(resource: ResourceInfo) -> Self {
        Self::ResourceLink(Box::new(resource))
    }

    /// A resource in full.
    #[must_use]
    pub const fn resource(resource: ResourceContents) -> Self {
        Self::Resource { resource, annotations: None, meta: None }
    }

    /// How many bytes it will take, roughly.
    pub(super) fn size_hint(&self) -> usize {
        64 + match self {
            Self::Text { text, .. } => text.len() + text.len() / 8,
            Self::Image { data, .. } | Self::Audio { data, .. } => data.len(),
            Self::ResourceLink(_) => 256,
            Self::Resource { resource: ResourceContents::Text { text: body, .. }, .. }
            | Self::Resource { resource: ResourceContents::Blob { blob: body, .. }, .. } => body.len() + 64,
        }
    }

    /// The same with annotations.
    #[must_use]
    pub fn annotated(mut self, hints: Annotations) -> Self {
        match &mut self {
            Self::Text { annotations, .. }
            | Self::Image { annotations, .. }
            | Self::Audio { annotations, .. }
            | Self::Resource { annotations, .. } => *annotations = Some(hints),
            Self::ResourceLink(link) => link.annotations = Some(hints),
        }
        self
    }
}

impl ResourceContents {
    /// Text.
    #[must_use]
    pub fn text(uri: impl Into<String>, mime_type: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Text { uri: uri.into(), mime_type: Some(mime_type.into()), text: text.into(), meta: None }
    }

    /// Bytes.
    #[must_use]
    pub fn blob(uri: impl Into<String>, mime_type: impl Into<String>, bytes: &[u8]) -> Self {
        Self::Blob { uri: uri.into(), mime_type: Some(mime_type.into()), blob: to_base64(bytes), meta: None }
    }

    /// Whose contents.
    #[must_use]
    pub fn uri(&self) -> &str {
        match self {
            Self::Text { uri, .. } | Self::Blob { uri, .. } => uri,
        }
    }
}

impl Shape for Role {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        let name = match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        };
        name.write(revision, out);
    }
}

impl Shape for Annotations {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.list("audience", &self.audience);
            object.number("priority", self.priority);
            if revision.has_last_modified() {
                object.text("lastModified", self.last_modified.as_deref());
            }
        });
    }
}

impl Shape for ResourceContents {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.text("uri", self.uri());
            let (Self::Text { mime_type, meta, .. } | Self::Blob { mime_type, meta, .. }) = self;
            object.text("mimeType", mime_type.as_deref());
            match self {
                Self::Text { text, .. } => object.text("text", &**text),
                Self::Blob { blob, .. } => object.text("blob", &**blob),
            }
            if revision.has_meta_everywhere() {
                object.maybe("_meta", meta.as_ref());
            }
        });
    }
}

impl Shape for Content {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        match self {
            Self::Text { text, annotations, meta } => {
                block(revision, out, "text", annotations.as_ref(), meta.as_ref(), |object| {
                    object.text("text", &**text);
                });
            }
            Self::Image { data, mime_type, annotations, meta } => {
                media(revision, out, ("image", data, mime_type), annotations.as_ref(), meta.as_ref());
            }
            Self::Audio { data, mime_type, annotations, meta } if revision.has_audio() => {
                media(revision, out, ("audio", data, mime_type), annotations.as_ref(), meta.as_ref());
            }
            Self::Audio { data, mime_type, annotations, meta } => {
                block(revision, out, "resource", annotations.as_ref(), meta.as_ref(), |object| {
                    object.object("resource", |resource| {
                        resource.text("uri", "content:audio");
                        resource.text("mimeType", &**mime_type);
                        resource.text("blob", &**data);
                    });
                });
            }
            Self::ResourceLink(link) if revision.has_resource_links() => {
                Object::write(out, revision, |object| {
                    object.text("type", "resource_link");
                    link.members(object);
                });
            }
            Self::ResourceLink(link) => {
                block(revision, out, "text", link.annotations.as_ref(), None, |object| {
                    object.text("text", &*link.as_line());
                });
            }
            Self::Resource { resource, annotations, meta } => {
                block(revision, out, "resource", annotations.as_ref(), meta.as_ref(), |object| {
                    object.shape("resource", resource);
                });
            }
        }
    }
}

fn media(
    revision: Revision,
    out: &mut Vec<u8>,
    (kind, data, mime_type): (&str, &str, &str),
    annotations: Option<&Annotations>,
    meta: Option<&Raw>,
) {
    block(revision, out, kind, annotations, meta, |object| {
        object.text("data", data);
        object.text("mimeType", mime_type);
    });
}

fn block(
    revision: Revision,
    out: &mut Vec<u8>,
    kind: &str,
    annotations: Option<&Annotations>,
    meta: Option<&Raw>,
    members: impl FnOnce(&mut Object<'_>),
) {
    Object::write(out, revision, |object| {
        object.text("type", kind);
        members(object);
        object.maybe("annotations", annotations);
        if revision.has_meta_everywhere() {
            object.maybe("_meta", meta);
        }
    });
}

#[cfg(test)]
mod tests;
