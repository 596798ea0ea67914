//! The machine by example, by model, and behind a store that loses replies.

mod example;
mod local;
mod model;

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::env::WallTime;
use crate::ids::TaskId;
use crate::jsonrpc::Raw;
use crate::seal::Principal;

const ANN: Principal = Principal(1);
const BOB: Principal = Principal(2);

fn at(ms: u64) -> WallTime {
    WallTime::from_unix_ms(ms)
}

fn raw(text: &str) -> Raw {
    Raw::parse(Bytes::copy_from_slice(text.as_bytes())).expect("a test must write JSON")
}

/// Bounds that a test reaches.
fn small() -> Bounds {
    Bounds {
        tasks_max: 6,
        principal_tasks_max: 4,
        task_bytes_max: 600,
        inputs_max: 3,
        ttl_ms_min: 10,
        ttl_ms_max: 1_000,
        page_max: 2,
        redemptions_max: 3,
        redemption_ttl_ms_max: 50,
        requests_max: 12,
        request_ttl_ms: 100,
        gone_max: 2,
        flaw: None,
    }
}

fn create(id: u128, principal: Principal, ttl_ms: Option<u64>) -> Command {
    Command::Create(Create {
        id: TaskId(id),
        sealed: format!("sealed-{id}").into(),
        principal,
        ttl_ms,
        poll_interval_ms: Some(500),
        call: Call { method: "tools/call".into(), tool: "slow".into() },
        executor: None,
    })
}

fn on(id: u128, principal: Principal, action: Action) -> Command {
    Command::On { id: TaskId(id), principal, action }
}

fn ask(key: &str) -> Action {
    Action::Ask { key: key.into(), request: raw(r#"{"method":"elicitation/create"}"#) }
}

fn answer(keys: &[&str]) -> Action {
    Action::Answer(keys.iter().map(|key| (Arc::from(*key), raw(r#"{"action":"accept"}"#))).collect())
}

fn complete(result: &str) -> Action {
    Action::Complete { result: raw(result), is_error: false, message: None }
}

fn fail(error: &str) -> Action {
    Action::Fail { error: raw(error), message: Some("it broke".into()) }
}
