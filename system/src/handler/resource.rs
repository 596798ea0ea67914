//! Resources: something with a URI that can be read; and templates, which stand for many.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use super::completion::{Complete, Completer};
use super::ctx::Ctx;
use super::reply::{Failure, Reply};
use super::running::HandlerFuture;
use crate::protocol::{Annotations, Cache, Icon, ReadResult, ResourceContents, ResourceInfo, TemplateInfo};

/// The values of a template's variables, by name.
pub type Variables = BTreeMap<String, String>;

type Read = Arc<dyn Fn(Ctx, Variables) -> HandlerFuture + Send + Sync>;

/// What a read gives: one or several contents.
pub trait IntoContents {
    /// The contents, in order.
    fn into_contents(self) -> Vec<ResourceContents>;
}

impl IntoContents for ResourceContents {
    fn into_contents(self) -> Vec<ResourceContents> {
        vec![self]
    }
}

impl IntoContents for Vec<ResourceContents> {
    fn into_contents(self) -> Vec<ResourceContents> {
        self
    }
}

/// A resource with a fixed URI.
#[derive(Clone)]
pub struct Resource {
    pub(crate) info: ResourceInfo,
    pub(crate) caching: Cache,
    read: Read,
}

impl Resource {
    /// A resource that an async function reads.
    pub fn new<R, F, H>(uri: impl Into<String>, name: impl Into<String>, handler: H) -> Self
    where
        R: IntoContents + 'static,
        F: Future<Output = Result<R, Failure>> + Send + 'static,
        H: Fn(Ctx) -> F + Send + Sync + 'static,
    {
        let read = move |ctx: Ctx, _: Variables| -> HandlerFuture {
            let work = handler(ctx);
            Box::pin(async move { finish(work.await) })
        };
        Self {
            info: ResourceInfo::new(uri.into(), name.into()),
            caching: Cache::private(0),
            read: Arc::new(read),
        }
    }

    /// A resource that is a text which does not change.
    pub fn text(
        uri: impl Into<String>,
        name: impl Into<String>,
        mime_type: &str,
        text: impl Into<String>,
    ) -> Self {
        let uri = uri.into();
        let contents = ResourceContents::text(uri.clone(), mime_type, text);
        Self::new(uri, name, move |_| std::future::ready(Ok(contents.clone()))).mime_type(mime_type)
    }

    /// A resource that is bytes which do not change.
    pub fn blob(uri: impl Into<String>, name: impl Into<String>, mime_type: &str, bytes: &[u8]) -> Self {
        let uri = uri.into();
        let contents = ResourceContents::blob(uri.clone(), mime_type, bytes);
        let resource = Self::new(uri, name, move |_| std::future::ready(Ok(contents.clone())));
        resource.mime_type(mime_type).size_bytes(bytes.len() as u64)
    }

    /// A name for people.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.info.title = Some(title.into());
        self
    }

    /// What the resource is.
    #[must_use]
    pub fn describe(mut self, description: impl Into<String>) -> Self {
        self.info.description = Some(description.into());
        self
    }

    /// Its media type.
    #[must_use]
    pub fn mime_type(mut self, mime_type: impl Into<String>) -> Self {
        self.info.mime_type = Some(mime_type.into());
        self
    }

    /// Its size in bytes.
    #[must_use]
    pub const fn size_bytes(mut self, size_bytes: u64) -> Self {
        self.info.size = Some(size_bytes);
        self
    }

    /// For whom it is, and how much it matters.
    #[must_use]
    pub fn annotate(mut self, annotations: Annotations) -> Self {
        self.info.annotations = Some(annotations);
        self
    }

    /// A picture of it.
    #[must_use]
    pub fn icon(mut self, icon: Icon) -> Self {
        self.info.icons.push(icon);
        self
    }

    /// How its contents may be cached.
    #[must_use]
    pub const fn caching(mut self, caching: Cache) -> Self {
        self.caching = caching;
        self
    }

    /// Starts a read.
    pub(crate) fn start(&self, ctx: Ctx) -> HandlerFuture {
        (self.read)(ctx, Variables::new())
    }
}

impl std::fmt::Debug for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resource").field("uri", &self.info.uri).finish_non_exhaustive()
    }
}

/// Resources that a URI template stands for (RFC 6570, level 1: `{name}`).
#[derive(Clone)]
pub struct Template {
    pub(crate) info: TemplateInfo,
    pub(crate) caching: Cache,
    pub(crate) completers: BTreeMap<String, Completer>,
    read: Read,
}

impl Template {
    /// A template whose resources an async function reads, given its variables.
    pub fn new<R, F, H>(uri_template: impl Into<String>, name: impl Into<String>, handler: H) -> Self
    where
        R: IntoContents + 'static,
        F: Future<Output = Result<R, Failure>> + Send + 'static,
        H: Fn(Ctx, Variables) -> F + Send + Sync + 'static,
    {
        let read = move |ctx: Ctx, variables: Variables| -> HandlerFuture {
            let work = handler(ctx, variables);
            Box::pin(async move { finish(work.await) })
        };
        Self {
            info: TemplateInfo::new(uri_template.into(), name.into()),
            caching: Cache::private(0),
            completers: BTreeMap::new(),
            read: Arc::new(read),
        }
    }

    /// A name for people.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.info.title = Some(title.into());
        self
    }

    /// What the resources are.
    #[must_use]
    pub fn describe(mut self, description: impl Into<String>) -> Self {
        self.info.description = Some(description.into());
        self
    }

    /// Their media type.
    #[must_use]
    pub fn mime_type(mut self, mime_type: impl Into<String>) -> Self {
        self.info.mime_type = Some(mime_type.into());
        self
    }

    /// How their contents may be cached.
    #[must_use]
    pub const fn caching(mut self, caching: Cache) -> Self {
        self.caching = caching;
        self
    }

    /// Suggests values for a variable.
    #[must_use]
    pub fn complete<F, H>(mut self, variable: impl Into<String>, handler: H) -> Self
    where
        F: Future<Output = Result<Vec<String>, Failure>> + Send + 'static,
        H: Fn(Ctx, Complete) -> F + Send + Sync + 'static,
    {
        self.completers.insert(variable.into(), Completer::new(handler));
        self
    }

    /// The values of the variables with which the template gives `uri`.
    pub(crate) fn matches(&self, uri: &str) -> Option<Variables> {
        match_template(&self.info.uri_template, uri)
    }

    /// Starts a read.
    pub(crate) fn start(&self, ctx: Ctx, variables: Variables) -> HandlerFuture {
        (self.read)(ctx, variables)
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Template").field("uri_template", &self.info.uri_template).finish_non_exhaustive()
    }
}

fn finish<R: IntoContents>(result: Result<R, Failure>) -> Result<Reply, crate::protocol::Fault> {
    match result {
        Ok(contents) => Ok(Reply::Resource(ReadResult {
            contents: contents.into_contents(),
            cache: Cache::private(0),
            meta: None,
        })),
        Err(failure) => Err(failure.into_fault()),
    }
}

/// Each variable takes the shortest non-empty text before the literal that follows it; the last takes the rest.
fn match_template(template: &str, uri: &str) -> Option<Variables> {
    let mut variables = Variables::new();
    let mut rest = uri;
    let mut pattern = template;
    while let Some((literal, after)) = pattern.split_once('{') {
        let (name, after) = after.split_once('}')?;
        rest = rest.strip_prefix(literal)?;
        let next_literal = after.split('{').next().unwrap_or_default();
        let end = if after.is_empty() {
            rest.len()
        } else if next_literal.is_empty() {
            return None;
        } else {
            // At least one character, whatever it is.
            let least = rest.chars().next()?.len_utf8();
            least + rest.get(least..)?.find(next_literal)?
        };
        let value = rest.get(..end).filter(|value| !value.is_empty())?;
        variables.insert(name.to_owned(), value.to_owned());
        rest = &rest[end..];
        pattern = after;
    }
    (rest == pattern).then_some(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_matches_what_it_can_give_and_nothing_else() {
        let check = |template: &str, uri: &str, expect: Option<&[(&str, &str)]>| {
            let expect =
                expect.map(|pairs| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
            assert_eq!(match_template(template, uri), expect, "{template} {uri}");
        };
        check("test://t/{id}/data", "test://t/7/data", Some(&[("id", "7")]));
        check("test://t/{id}/data", "test://t//data", None);
        check("test://t/{id}/data", "test://t/7/date", None);
        check("test://t/{id}", "test://t/7/8", Some(&[("id", "7/8")]));
        check("a{x}b{y}", "a1b2", Some(&[("x", "1"), ("y", "2")]));
        check("a{x}b{y}", "a1b", None);
        check("plain", "plain", Some(&[]));
        check("a{x", "a1", None);
        check("é{x}é", "éüé", Some(&[("x", "ü")]));
    }
}
