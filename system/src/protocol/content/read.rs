//! Reading content, as a client or another server sends it.

use serde::Deserialize;
use serde::de::Error;

use crate::jsonrpc::Raw;

use super::super::{Icon, ResourceInfo};
use super::{Annotations, Content, ResourceContents};

/// All members that any kind of content has. A plain struct, since raw text does not survive serde's tags.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Members {
    r#type: String,
    text: Option<String>,
    data: Option<String>,
    mime_type: Option<String>,
    resource: Option<ResourceContents>,
    uri: Option<String>,
    name: Option<String>,
    title: Option<String>,
    description: Option<String>,
    size: Option<u64>,
    icons: Vec<Icon>,
    annotations: Option<Annotations>,
    #[serde(rename = "_meta")]
    meta: Option<Raw>,
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let members = Members::deserialize(from)?;
        let Members { annotations, meta, mime_type, .. } = members;
        let missing = D::Error::missing_field;
        Ok(match members.r#type.as_str() {
            "text" => Self::Text { text: members.text.ok_or_else(|| missing("text"))?, annotations, meta },
            kind @ ("image" | "audio") => {
                let data = members.data.ok_or_else(|| missing("data"))?;
                let mime_type = mime_type.ok_or_else(|| missing("mimeType"))?;
                if kind == "image" {
                    Self::Image { data, mime_type, annotations, meta }
                } else {
                    Self::Audio { data, mime_type, annotations, meta }
                }
            }
            "resource" => {
                let resource = members.resource.ok_or_else(|| missing("resource"))?;
                Self::Resource { resource, annotations, meta }
            }
            "resource_link" => Self::link(ResourceInfo {
                uri: members.uri.ok_or_else(|| missing("uri"))?,
                name: members.name.ok_or_else(|| missing("name"))?,
                title: members.title,
                description: members.description,
                mime_type,
                annotations,
                size: members.size,
                icons: members.icons,
                meta,
            }),
            kind => return Err(D::Error::custom(format!("unknown content type `{kind}`"))),
        })
    }
}

impl<'de> Deserialize<'de> for ResourceContents {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Members {
            uri: String,
            #[serde(default)]
            mime_type: Option<String>,
            #[serde(default)]
            text: Option<String>,
            #[serde(default)]
            blob: Option<String>,
            #[serde(default, rename = "_meta")]
            meta: Option<Raw>,
        }
        let Members { uri, mime_type, text, blob, meta } = Members::deserialize(from)?;
        match (text, blob) {
            (Some(text), None) => Ok(Self::Text { uri, mime_type, text, meta }),
            (None, Some(blob)) => Ok(Self::Blob { uri, mime_type, blob, meta }),
            _ => Err(D::Error::custom("contents have either `text` or `blob`")),
        }
    }
}
