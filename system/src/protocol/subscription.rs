//! Subscriptions: what a client wants to be told of (modern).
//!
//! The stream is opened by a request, acknowledged by a notification that says what is granted, and ended by the
//! request's own response. Everything on it carries the request's id.
//!
//! Source: 2026-07-28 `basic/patterns/subscriptions`; SEP-2663, Task Status Notifications.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::jsonrpc::{Id, Raw};

use super::meta::key;
use super::shape::ResultShape;
use super::write::{Object, Shape, to_raw};
use super::{Fault, Need, Revision, ServerCapabilities, params};

/// What a client wants to be told of, or is granted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub struct SubscriptionFilter {
    /// The list of tools changed.
    pub tools_list_changed: bool,
    /// The list of prompts changed.
    pub prompts_list_changed: bool,
    /// The list of resources changed.
    pub resources_list_changed: bool,
    /// One of these resources changed.
    pub resource_subscriptions: Vec<String>,
    /// One of these tasks changed (the extension).
    pub task_ids: Vec<String>,
}

impl SubscriptionFilter {
    /// Reads parameters of `subscriptions/listen` with at most `items_max` resources and as many tasks.
    ///
    /// # Errors
    /// -32602 that names the field.
    pub fn read(raw: &Raw, items_max: usize) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        struct Fields<'a> {
            #[serde(borrow, default)]
            notifications: Option<&'a RawValue>,
        }
        let filter: Self =
            params::required("notifications", params::fields::<Fields<'_>>(raw)?.notifications)?;
        for (name, list) in
            [("resourceSubscriptions", &filter.resource_subscriptions), ("taskIds", &filter.task_ids)]
        {
            if list.len() > items_max {
                let message = format!("`notifications.{name}` has more than {items_max} entries");
                return Err(Fault::invalid_params(message));
            }
        }
        Ok(filter)
    }

    /// What the client must have declared to ask for this (SEP-2663: task notifications need the extension).
    #[must_use]
    pub const fn needs(&self) -> &'static [Need] {
        if self.task_ids.is_empty() { &[] } else { &[Need::Tasks] }
    }

    /// What of it a server with these capabilities grants.
    #[must_use]
    pub fn granted(mut self, server: &ServerCapabilities) -> Self {
        self.tools_list_changed &= server.tools.is_some_and(|tools| tools.list_changed);
        self.prompts_list_changed &= server.prompts.is_some_and(|prompts| prompts.list_changed);
        self.resources_list_changed &= server.resources.is_some_and(|resources| resources.list_changed);
        if !server.resources.is_some_and(|resources| resources.subscribe) {
            self.resource_subscriptions.clear();
        }
        if !server.tasks {
            self.task_ids.clear();
        }
        self
    }
}

impl Shape for SubscriptionFilter {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        let yes = |flag: bool| flag.then_some(true);
        Object::write(out, revision, |object| {
            object.flag("toolsListChanged", yes(self.tools_list_changed));
            object.flag("promptsListChanged", yes(self.prompts_list_changed));
            object.flag("resourcesListChanged", yes(self.resources_list_changed));
            object.list("resourceSubscriptions", &self.resource_subscriptions);
            object.list("taskIds", &self.task_ids);
        });
    }
}

/// `_meta` that says which subscription a message belongs to: an object.
#[must_use]
pub fn subscription_meta(request_id: &Id) -> Raw {
    to_raw(&OfSubscription(request_id), Revision::LATEST_MODERN)
}

struct OfSubscription<'a>(&'a Id);

impl Shape for OfSubscription<'_> {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |meta| meta.shape(key::SUBSCRIPTION_ID, self.0));
    }
}

/// Parameters of `notifications/subscriptions/acknowledged`, the first message of a subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acknowledged {
    /// The id of the request that opened it.
    pub request_id: Id,
    /// What is granted.
    pub granted: SubscriptionFilter,
}

impl Shape for Acknowledged {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.shape("_meta", OfSubscription(&self.request_id));
            object.shape("notifications", &self.granted);
        });
    }
}

/// The result that ends a subscription in good order.
#[derive(Clone, PartialEq, Debug)]
pub struct SubscriptionEnded {
    meta: Raw,
}

impl SubscriptionEnded {
    /// Of the subscription that this request opened.
    #[must_use]
    pub fn new(request_id: &Id) -> Self {
        Self { meta: subscription_meta(request_id) }
    }
}

impl ResultShape for SubscriptionEnded {
    fn members(&self, _: &mut Object<'_>) {}

    fn meta(&self) -> Option<&Raw> {
        Some(&self.meta)
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::result_raw;
    use super::super::{Changing, ServerResources};
    use super::*;

    const NEW: Revision = Revision::V2026_07_28;

    fn read(text: &'static str) -> Result<SubscriptionFilter, String> {
        SubscriptionFilter::read(&Raw::parse(text.into()).expect("JSON"), 2).map_err(|fault| fault.message)
    }

    #[test]
    fn a_filter_is_read_within_bounds() {
        let filter = read(
            r#"{"notifications":{"toolsListChanged":true,"promptsListChanged":false,"resourceSubscriptions":["a:1"],"taskIds":["t"],"new":1}}"#,
        )
        .expect("a filter");
        assert_eq!(
            to_raw(&filter, NEW).as_str(),
            r#"{"toolsListChanged":true,"resourceSubscriptions":["a:1"],"taskIds":["t"]}"#
        );
        assert_eq!((filter.needs(), SubscriptionFilter::default().needs()), (&[Need::Tasks][..], &[][..]));
        assert_eq!(read(r#"{"notifications":{}}"#), Ok(SubscriptionFilter::default()));
        let check = |text: &'static str, expect: &str| assert_eq!(read(text), Err(expect.into()));
        check("{}", "`notifications` is missing");
        check(r#"{"notifications":1}"#, "`notifications`: invalid type: integer `1`, expected an object");
        let many = r#"{"notifications":{"taskIds":["a","b","c"]}}"#;
        check(many, "`notifications.taskIds` has more than 2 entries");
    }

    #[test]
    fn only_what_the_server_can_do_is_granted() {
        let all = SubscriptionFilter {
            tools_list_changed: true,
            prompts_list_changed: true,
            resources_list_changed: true,
            resource_subscriptions: vec!["a:1".into()],
            task_ids: vec!["t".into()],
        };
        assert_eq!(all.clone().granted(&ServerCapabilities::default()), SubscriptionFilter::default());
        let able = ServerCapabilities {
            tools: Some(Changing { list_changed: true }),
            prompts: Some(Changing { list_changed: true }),
            resources: Some(ServerResources { subscribe: true, list_changed: true }),
            tasks: true,
            ..ServerCapabilities::default()
        };
        assert_eq!(all.clone().granted(&able), all);
    }

    #[test]
    fn a_subscription_is_acknowledged_first_and_ended_last() {
        let granted = SubscriptionFilter { tools_list_changed: true, ..SubscriptionFilter::default() };
        let first = Acknowledged { request_id: Id::Number(1), granted };
        assert_eq!(
            to_raw(&first, NEW).as_str(),
            r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":1},"notifications":{"toolsListChanged":true}}"#
        );
        let last = result_raw(NEW, &SubscriptionEnded::new(&Id::Text("s".into())), None);
        let expect = r#"{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":"s"}}"#;
        assert_eq!(last.as_str(), expect);
    }
}
