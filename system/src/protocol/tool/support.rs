//! Whether a call of a tool runs as a task.
//!
//! In 2025-11-25 the client asks for it, call by call; in the modern era it says that it can, and the server decides. A
//! tool says what it allows, once, for both.
//!
//! Source: 2025-11-25 `basic/utilities/tasks`, Tool-Level Negotiation; SEP-2663, Capability Negotiation; conformance
//! `tasks/{capability,required-task-error}.ts`.

use serde::Deserialize;

use super::super::fault::code;
use super::super::{ClientCapabilities, Fault, Need, Revision};

/// Whether a call may, must or must not run as a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "Execution")]
pub enum TaskSupport {
    /// Never.
    #[default]
    Forbidden,
    /// If the client wishes.
    Optional,
    /// Always.
    Required,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Execution {
    #[serde(default)]
    task_support: Option<String>,
}

impl From<Execution> for TaskSupport {
    fn from(execution: Execution) -> Self {
        match execution.task_support.as_deref() {
            Some("optional") => Self::Optional,
            Some("required") => Self::Required,
            _ => Self::Forbidden,
        }
    }
}

/// How a call runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallMode {
    /// It is answered with its result.
    Direct,
    /// It is answered with a task.
    Task,
    /// As the server likes (modern).
    Either,
}

impl TaskSupport {
    /// How a call by this client runs. `wished` says that the call asked for a task (2025-11-25); a server that does not
    /// offer tasks passes false, as that revision has such a wish ignored.
    ///
    /// # Errors
    /// -32601 where wish and tool do not fit (2025-11-25) or the revision has no tasks; -32021 where the client cannot
    /// take the task that the tool insists on (modern).
    pub fn mode(
        self,
        revision: Revision,
        wished: bool,
        client: &ClientCapabilities,
    ) -> Result<CallMode, Fault> {
        if revision.is_modern() {
            return match (self, client.missing(&[Need::Tasks])) {
                (Self::Required, Some(missing)) => Err(Fault::missing_capability(missing)),
                (Self::Required, None) => Ok(CallMode::Task),
                (Self::Optional, None) => Ok(CallMode::Either),
                (Self::Optional, Some(_)) | (Self::Forbidden, _) => Ok(CallMode::Direct),
            };
        }
        match (self, wished && revision.has_core_tasks()) {
            (Self::Forbidden, true) => {
                Err(Fault::new(code::METHOD_NOT_FOUND, "This tool does not run as a task"))
            }
            (Self::Required, false) => {
                Err(Fault::new(code::METHOD_NOT_FOUND, "This tool runs as a task only"))
            }
            (Self::Forbidden | Self::Optional, false) => Ok(CallMode::Direct),
            (Self::Optional | Self::Required, true) => Ok(CallMode::Task),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tool_client_and_era_decide_together() {
        let able = r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;
        let check =
            |support: TaskSupport, revision: Revision, wished: bool, declared: &'static str, expect: &str| {
                let client = crate::jsonrpc::Raw::parse(declared.into()).expect("JSON");
                let client = ClientCapabilities::read(&client).expect("capabilities");
                let mode = support.mode(revision, wished, &client);
                let mode = mode.map_or_else(|fault| fault.code.to_string(), |mode| format!("{mode:?}"));
                assert_eq!(mode, expect, "{support:?} {revision} {wished} {declared}");
            };
        use TaskSupport::{Forbidden, Optional, Required};
        let (older, old, new) = (Revision::V2025_06_18, Revision::V2025_11_25, Revision::V2026_07_28);
        for (support, plain, wished, older_plain) in [
            (Forbidden, "Direct", "-32601", "Direct"),
            (Optional, "Direct", "Task", "Direct"),
            (Required, "-32601", "Task", "-32601"),
        ] {
            check(support, old, false, "{}", plain);
            check(support, old, true, "{}", wished);
            check(support, older, false, "{}", older_plain);
            check(support, older, true, "{}", older_plain);
        }
        for (support, unable, able_to) in
            [(Forbidden, "Direct", "Direct"), (Optional, "Direct", "Either"), (Required, "-32021", "Task")]
        {
            check(support, new, false, "{}", unable);
            check(support, new, false, able, able_to);
            check(support, new, true, able, able_to);
        }
    }
}
