//! Lists and introductions: encoded once per revision and page, and handed out as they are until the catalogue changes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::handler::Snapshot;
use crate::jsonrpc::Raw;
use crate::protocol::{
    Changing, DiscoverResult, Fault, InitializeResult, Method, Page, Revision, ServerCapabilities,
    ServerResources, Shape, TASKS_EXTENSION, TaskSupport, read_cursor, result_raw, to_raw,
};

/// What was encoded of one version of the catalogue.
#[derive(Debug, Default)]
pub(crate) struct ListCache(Mutex<Encoded>);

#[derive(Debug, Default)]
struct Encoded {
    version: u64,
    /// By method, revision and cursor. Cursors are names of the catalogue, so there are only so many.
    pages: BTreeMap<(Method, Revision, Option<String>), Raw>,
}

impl ListCache {
    /// What is known of this version; what was known of another is forgotten.
    fn at(&self, version: u64) -> MutexGuard<'_, Encoded> {
        let mut encoded = self.0.lock().expect("list cache must not be poisoned");
        if encoded.version != version {
            *encoded = Encoded { version, ..Encoded::default() };
        }
        encoded
    }

    fn page(
        &self,
        snapshot: &Snapshot,
        key: (Method, Revision, Option<String>),
        encode: impl FnOnce() -> Raw,
    ) -> Raw {
        if let Some(page) = self.at(snapshot.version).pages.get(&key) {
            return page.clone();
        }
        let page = encode();
        self.at(snapshot.version).pages.insert(key, page.clone());
        page
    }
}

/// Who answers, as modern results name it.
pub(crate) fn server_info(snapshot: &Snapshot) -> Raw {
    to_raw(&snapshot.implementation, Revision::LATEST_MODERN)
}

/// One page of a list.
///
/// # Errors
/// [`Fault::invalid_params`] for a cursor that is not ours, [`Fault::method_not_found`] where the server has nothing of
/// the kind and does not say that it has.
pub(crate) fn list(
    snapshot: &Snapshot,
    cache: &ListCache,
    method: Method,
    params: &Raw,
    revision: Revision,
    page_len: usize,
) -> Result<Raw, Fault> {
    let offered = capabilities(snapshot);
    let offers = match method {
        Method::ListTools => offered.tools.is_some(),
        Method::ListPrompts => offered.prompts.is_some(),
        _ => offered.resources.is_some(),
    };
    if !offers {
        return Err(Fault::method_not_found(method.as_str()));
    }
    let after = read_cursor(params)?.map(|cursor| decode_cursor(&cursor)).transpose()?;
    let pager = Pager { snapshot, cache, method, revision, after, page_len };
    Ok(match method {
        Method::ListTools => {
            pager.page("tools", snapshot.tools.iter().map(|(name, tool)| (name, &tool.info)))
        }
        Method::ListResources => {
            pager.page("resources", snapshot.resources.iter().map(|(uri, r)| (uri, &r.info)))
        }
        Method::ListResourceTemplates => {
            pager.page("resourceTemplates", snapshot.templates.iter().map(|(text, t)| (text, &t.info)))
        }
        _ => pager.page("prompts", snapshot.prompts.iter().map(|(name, prompt)| (name, &prompt.info))),
    })
}

struct Pager<'a> {
    snapshot: &'a Snapshot,
    cache: &'a ListCache,
    method: Method,
    revision: Revision,
    after: Option<String>,
    page_len: usize,
}

impl Pager<'_> {
    fn page<'a, T>(
        &self,
        name: &'static str,
        entries: impl Iterator<Item = (&'a String, &'a T)> + Clone,
    ) -> Raw
    where
        T: Shape + 'a,
    {
        // An unknown cursor (its entry is gone) goes on behind where it stood: nothing is listed twice or left out.
        let key = (self.method, self.revision, self.after.clone());
        self.cache.page(self.snapshot, key, || {
            let mut rest = entries
                .skip_while(|(name, _)| self.after.as_ref().is_some_and(|after| *name <= after))
                .peekable();
            let mut items = Vec::new();
            let mut last = None;
            while items.len() < self.page_len
                && let Some((name, info)) = rest.next()
            {
                items.push(info);
                last = Some(name);
            }
            let next = last.filter(|_| rest.peek().is_some()).map(|name| encode_cursor(name));
            let page =
                Page { name, items: &items, next_cursor: next.as_deref(), cache: Some(self.snapshot.lists) };
            result_raw(self.revision, &page, Some(&server_info(self.snapshot)))
        })
    }
}

const CURSOR_PREFIX: &str = "1:";

/// Opaque to clients, and no secret: the last name of the page before.
fn encode_cursor(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{CURSOR_PREFIX}{name}"))
}

fn decode_cursor(cursor: &str) -> Result<String, Fault> {
    let bad = || Fault::invalid_params("`cursor` was not issued by this server");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
    let text = String::from_utf8(bytes).map_err(|_| bad())?;
    text.strip_prefix(CURSOR_PREFIX).map(str::to_owned).ok_or_else(bad)
}

/// The result of `initialize`.
pub(crate) fn greeting(snapshot: &Snapshot, revision: Revision) -> Raw {
    let capabilities = capabilities(snapshot);
    let result = InitializeResult {
        revision,
        capabilities: &capabilities,
        server_info: &snapshot.implementation,
        instructions: snapshot.instructions.as_deref(),
    };
    result_raw(revision, &result, None)
}

/// The result of `server/discover`.
pub(crate) fn discovery(snapshot: &Snapshot, cache: &ListCache) -> Raw {
    let revision = Revision::LATEST_MODERN;
    cache.page(snapshot, (Method::Discover, revision, None), || {
        let capabilities = capabilities(snapshot);
        let instructions = snapshot.instructions.as_deref();
        let result = DiscoverResult { capabilities: &capabilities, instructions, cache: snapshot.lists };
        result_raw(revision, &result, Some(&server_info(snapshot)))
    })
}

/// What the server can do: what its catalogue has had anything of.
pub(crate) fn capabilities(snapshot: &Snapshot) -> ServerCapabilities {
    let changing = Changing { list_changed: true };
    let prompts = snapshot.kinds.prompts;
    let resources = snapshot.kinds.resources;
    let tasks = snapshot.tools.values().any(|tool| tool.info.task_support != TaskSupport::Forbidden);
    let completes = snapshot.prompts.values().any(|prompt| !prompt.completers.is_empty())
        || snapshot.templates.values().any(|template| !template.completers.is_empty());
    let mut offered = ServerCapabilities {
        tools: snapshot.kinds.tools.then_some(changing),
        prompts: prompts.then_some(changing),
        resources: resources.then_some(ServerResources { subscribe: true, list_changed: true }),
        logging: true,
        completions: completes,
        tasks,
        ..ServerCapabilities::default()
    };
    if tasks {
        offered.extensions.insert(TASKS_EXTENSION.to_owned(), Raw::empty_object());
    }
    offered
}
