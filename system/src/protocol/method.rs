//! The methods: their names, and which revision knows which.
//!
//! One enum for everything that a client may send, of any revision. Whether a method exists in a revision is data, a row
//! of columns per method, so that the difference between "nobody knows this name" and "this revision does not" can be
//! tested cell by cell. What a server sends is only ever written, so those names are constants.
//!
//! Source: `ClientRequest` and `ClientNotification` at the end of each revision's schema; SEP-2663 for the tasks of
//! 2026-07-28.

use super::{Need, Revision};

/// A request or notification of a client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Method {
    /// Opens a session (legacy).
    Initialize,
    /// Asks whether we are there (legacy).
    Ping,
    /// Asks for versions and capabilities (modern).
    Discover,
    /// Lists tools.
    ListTools,
    /// Calls a tool.
    CallTool,
    /// Lists resources.
    ListResources,
    /// Lists templates of resources.
    ListResourceTemplates,
    /// Reads a resource.
    ReadResource,
    /// Asks for updates of a resource (legacy).
    Subscribe,
    /// Ends [`Subscribe`](Self::Subscribe) (legacy).
    Unsubscribe,
    /// Lists prompts.
    ListPrompts,
    /// Gets a prompt.
    GetPrompt,
    /// Asks how an argument may go on.
    Complete,
    /// Sets the lowest level of log messages of the session (legacy).
    SetLevel,
    /// Opens a stream of change notifications (modern).
    Listen,
    /// Asks how a task stands.
    GetTask,
    /// Waits for a task's result (2025-11-25).
    TaskResult,
    /// Lists tasks (2025-11-25).
    ListTasks,
    /// Cancels a task.
    CancelTask,
    /// Answers what a task asked (modern).
    UpdateTask,
    /// Notification: the handshake is over (legacy).
    Initialized,
    /// Notification: a request's result is no longer wanted.
    Cancelled,
    /// Notification: how far the client is with a request of ours (legacy).
    Progress,
    /// Notification: the client's roots are others now (legacy).
    RootsListChanged,
    /// Notification: how a task that the client runs for us stands (2025-11-25).
    TaskStatus,
}

/// Names of what a server sends.
pub mod name {
    /// A request's progress.
    pub const PROGRESS: &str = "notifications/progress";
    /// A log message.
    pub const MESSAGE: &str = "notifications/message";
    /// The list of tools changed.
    pub const TOOLS_LIST_CHANGED: &str = "notifications/tools/list_changed";
    /// The list of prompts changed.
    pub const PROMPTS_LIST_CHANGED: &str = "notifications/prompts/list_changed";
    /// The list of resources changed.
    pub const RESOURCES_LIST_CHANGED: &str = "notifications/resources/list_changed";
    /// A resource changed.
    pub const RESOURCES_UPDATED: &str = "notifications/resources/updated";
    /// A subscription stands; the first message of each (2026-07-28).
    pub const SUBSCRIPTIONS_ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
    /// How a task stands, in full (the extension of 2026-07-28).
    pub const TASKS: &str = "notifications/tasks";
    /// How a task stands (2025-11-25).
    pub const TASKS_STATUS: &str = "notifications/tasks/status";
    /// A request of ours is no longer wanted; on stdio in 2026-07-28: a subscription ended.
    pub const CANCELLED: &str = "notifications/cancelled";
    /// What happened at a URL is over (2025-11-25).
    pub const ELICITATION_COMPLETE: &str = "notifications/elicitation/complete";
    /// Asks the client's model.
    pub const SAMPLING_CREATE_MESSAGE: &str = "sampling/createMessage";
    /// Asks the user.
    pub const ELICITATION_CREATE: &str = "elicitation/create";
    /// Asks for the client's roots.
    pub const ROOTS_LIST: &str = "roots/list";
    /// Asks whether the client is there (legacy).
    pub const PING: &str = "ping";
}

struct Row {
    method: Method,
    name: &'static str,
    /// Column by column as in [`Revision::ALL`]: 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25, 2026-07-28.
    known: [bool; 5],
}

const fn row(method: Method, name: &'static str, known: [u8; 5]) -> Row {
    let [a, b, c, d, e] = known;
    Row { method, name, known: [a == 1, b == 1, c == 1, d == 1, e == 1] }
}

/// In the order of the enum, which [`Method::row`] relies on.
static ROWS: [Row; 25] = [
    row(Method::Initialize, "initialize", [1, 1, 1, 1, 0]),
    row(Method::Ping, "ping", [1, 1, 1, 1, 0]),
    row(Method::Discover, "server/discover", [0, 0, 0, 0, 1]),
    row(Method::ListTools, "tools/list", [1, 1, 1, 1, 1]),
    row(Method::CallTool, "tools/call", [1, 1, 1, 1, 1]),
    row(Method::ListResources, "resources/list", [1, 1, 1, 1, 1]),
    row(Method::ListResourceTemplates, "resources/templates/list", [1, 1, 1, 1, 1]),
    row(Method::ReadResource, "resources/read", [1, 1, 1, 1, 1]),
    row(Method::Subscribe, "resources/subscribe", [1, 1, 1, 1, 0]),
    row(Method::Unsubscribe, "resources/unsubscribe", [1, 1, 1, 1, 0]),
    row(Method::ListPrompts, "prompts/list", [1, 1, 1, 1, 1]),
    row(Method::GetPrompt, "prompts/get", [1, 1, 1, 1, 1]),
    row(Method::Complete, "completion/complete", [1, 1, 1, 1, 1]),
    row(Method::SetLevel, "logging/setLevel", [1, 1, 1, 1, 0]),
    row(Method::Listen, "subscriptions/listen", [0, 0, 0, 0, 1]),
    row(Method::GetTask, "tasks/get", [0, 0, 0, 1, 1]),
    row(Method::TaskResult, "tasks/result", [0, 0, 0, 1, 0]),
    row(Method::ListTasks, "tasks/list", [0, 0, 0, 1, 0]),
    row(Method::CancelTask, "tasks/cancel", [0, 0, 0, 1, 1]),
    row(Method::UpdateTask, "tasks/update", [0, 0, 0, 0, 1]),
    row(Method::Initialized, "notifications/initialized", [1, 1, 1, 1, 0]),
    row(Method::Cancelled, "notifications/cancelled", [1, 1, 1, 1, 1]),
    row(Method::Progress, "notifications/progress", [1, 1, 1, 1, 0]),
    row(Method::RootsListChanged, "notifications/roots/list_changed", [1, 1, 1, 1, 0]),
    row(Method::TaskStatus, "notifications/tasks/status", [0, 0, 0, 1, 0]),
];

impl Method {
    /// All of them, in the order of the enum.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.method)
    }

    /// Reads a name. Case counts.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.name == name).map(|row| row.method)
    }

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// Whether a revision has this method.
    #[must_use]
    pub fn is_known_in(self, revision: Revision) -> bool {
        self.row().known[revision as usize]
    }

    /// Whether it wants no answer.
    #[must_use]
    pub const fn is_notification(self) -> bool {
        matches!(
            self,
            Self::Initialized | Self::Cancelled | Self::Progress | Self::RootsListChanged | Self::TaskStatus
        )
    }

    /// The parameter that `Mcp-Name` repeats: 2026-07-28 `basic/transports/streamable-http`, Standard Request Headers;
    /// SEP-2663, Routing Headers.
    #[must_use]
    pub const fn name_parameter(self) -> Option<&'static str> {
        match self {
            Self::CallTool | Self::GetPrompt => Some("name"),
            Self::ReadResource => Some("uri"),
            Self::GetTask | Self::UpdateTask | Self::CancelTask => Some("taskId"),
            _ => None,
        }
    }

    /// Whether the answer may be `input_required` (2026-07-28 `basic/patterns/mrtr`, Supported Requests).
    #[must_use]
    pub const fn may_require_input(self) -> bool {
        matches!(self, Self::CallTool | Self::GetPrompt | Self::ReadResource)
    }

    /// What the client must have declared to use it: the tasks of the modern era are an extension (SEP-2663; conformance
    /// `tasks/capability.ts`).
    #[must_use]
    pub const fn need_in(self, revision: Revision) -> Option<Need> {
        match self {
            Self::GetTask | Self::UpdateTask | Self::CancelTask if revision.is_modern() => Some(Need::Tasks),
            _ => None,
        }
    }

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_is_its_own_row_and_its_name_is_read_back() {
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(row.method as usize, index, "{}", row.name);
            assert_eq!(Method::parse(row.name), Some(row.method));
            assert_eq!(row.method.as_str(), row.name);
            assert_eq!(row.method.is_notification(), row.name.starts_with("notifications/"));
        }
        assert_eq!(Method::parse("TOOLS/LIST"), None);
        assert_eq!(Method::parse("tools/list "), None);
        assert_eq!(Method::parse("sampling/createMessage"), None);
    }

    #[test]
    fn only_tasks_need_an_extension_and_only_in_the_modern_era() {
        for method in Method::all() {
            let needs = method.need_in(Revision::V2026_07_28) == Some(Need::Tasks);
            assert_eq!(
                needs,
                method.as_str().starts_with("tasks/") && method.is_known_in(Revision::V2026_07_28)
            );
            assert_eq!(method.need_in(Revision::V2025_11_25), None);
        }
    }

    /// The schema's unions, revision by revision, as a list to compare with: another road to the same cells.
    #[test]
    fn every_cell_is_what_the_schemas_say() {
        let shared = "tools/list tools/call resources/list resources/templates/list resources/read prompts/list \
                      prompts/get completion/complete notifications/cancelled";
        let legacy = "initialize ping resources/subscribe resources/unsubscribe logging/setLevel \
                      notifications/initialized notifications/progress notifications/roots/list_changed";
        let tasks_of_2025 = "tasks/get tasks/result tasks/list tasks/cancel notifications/tasks/status";
        let modern = "server/discover subscriptions/listen tasks/get tasks/cancel tasks/update";
        let check = |revision: Revision, lists: &[&str]| {
            let expect: Vec<&str> = lists.iter().flat_map(|list| list.split_whitespace()).collect();
            for row in &ROWS {
                let is = row.method.is_known_in(revision);
                assert_eq!(is, expect.contains(&row.name), "{} in {revision}", row.name);
            }
        };
        check(Revision::V2024_11_05, &[shared, legacy]);
        check(Revision::V2025_03_26, &[shared, legacy]);
        check(Revision::V2025_06_18, &[shared, legacy]);
        check(Revision::V2025_11_25, &[shared, legacy, tasks_of_2025]);
        check(Revision::V2026_07_28, &[shared, modern]);
    }
}
