//! A group by example, by model, through snapshots, and what it costs.

mod cost;
mod example;
mod model;
mod snapshot;
mod split;

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::ids::{Executor, Incarnation, NodeId, SessionId, StreamId, TaskId};
use crate::jsonrpc::Raw;
use crate::seal::Principal;
use crate::task::{self, RequestId};

const ANN: Principal = Principal(1);
const BOB: Principal = Principal(2);
const ERROR: &str = r#"{"code":-32603,"message":"gone"}"#;

/// Bounds that a test reaches.
fn small() -> Bounds {
    Bounds {
        sessions_max: 3,
        tombstones_max: 3,
        client_bytes_max: 16,
        subscriptions_max: 2,
        uri_bytes_max: 16,
        streams_max: 2,
        stream_requests_max: 2,
        request_bytes_max: 64,
        finished_ttl_ms: 200,
        append_events_max: 4,
        append_bytes_max: 200,
        kept_events_max: 3,
        kept_bytes_max: 60,
        hard_events_max: 6,
        hard_bytes_max: 200,
        held_bytes_max: 1_500,
        requests_max: 400,
        request_ttl_ms: 100,
        tasks: task::Bounds {
            tasks_max: 6,
            principal_tasks_max: 4,
            task_bytes_max: 600,
            inputs_max: 3,
            ttl_ms_min: 10,
            ttl_ms_max: 1_000,
            page_max: 2,
            redemptions_max: 3,
            redemption_ttl_ms_max: 50,
            requests_max: 400,
            request_ttl_ms: 100,
            gone_max: 8,
            flaw: None,
        },
    }
}

/// A group and the number of the next request.
struct Bench {
    group: Group,
    requests: u128,
    now_ms: u64,
}

impl Bench {
    fn new(bounds: Bounds) -> Self {
        Self { group: Group::new(bounds), requests: 0, now_ms: 1_000 }
    }

    fn entry(&mut self, command: Command) -> Entry {
        self.requests += 1;
        Entry { now_ms: self.now_ms, request: RequestId(self.requests), command }
    }

    fn apply(&mut self, command: Command) -> Reply {
        let entry = self.entry(command);
        let reply = self.group.apply(entry);
        self.group.assert_whole();
        reply
    }

    fn changes(&mut self) -> Vec<Change> {
        std::iter::from_fn(|| self.group.poll_change()).collect()
    }

    fn open_stream(&mut self, id: u128, node: u64, incarnation: u64) -> StreamId {
        let request = (self.requests + 1).to_string();
        match self.apply(open_stream(id, &request, executor(node, incarnation))) {
            Reply::Stream(stream) => stream,
            other => panic!("a stream must open: {other:?}"),
        }
    }
}

fn raw(text: &str) -> Raw {
    Raw::parse(Bytes::copy_from_slice(text.as_bytes())).expect("a test must write JSON")
}

fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

const fn executor(node: u64, incarnation: u64) -> Executor {
    Executor { node: NodeId(node), incarnation: Incarnation(incarnation) }
}

fn open(id: u128) -> Command {
    Command::Open { id: SessionId(id), principal: ANN, client: Bytes::from_static(b"client") }
}

const fn end(id: u128) -> Command {
    Command::End { id: SessionId(id), reason: 7 }
}

fn open_stream(id: u128, request: &str, executor: Executor) -> Command {
    Command::OpenStream { id: SessionId(id), requests: vec![raw(request)], executor }
}

fn append(id: u128, stream: StreamId, first: u64, events: &[&str], finish: bool, taken: u64) -> Command {
    let events = events.iter().map(|event| text(event)).collect();
    Command::Append { id: SessionId(id), stream, first, events, answered: vec![], finish, taken }
}

fn offer(id: u128, topic: Option<&str>, data: &str) -> Command {
    Command::Offer { id: SessionId(id), topic: topic.map(Arc::from), data: text(data), taken: 0 }
}

fn gone(node: u64, incarnation: u64) -> Command {
    Command::ExecutorGone { executor: executor(node, incarnation), error: raw(ERROR) }
}

fn create(id: u128, principal: Principal, executor: Executor) -> Command {
    Command::Tasks(task::Command::Create(task::Create {
        id: TaskId(id),
        sealed: "sealed".into(),
        principal,
        ttl_ms: None,
        poll_interval_ms: None,
        call: task::Call { method: "tools/call".into(), tool: "slow".into() },
        executor: Some(executor),
    }))
}

fn act(id: u128, principal: Principal, action: task::Action) -> Command {
    Command::Tasks(task::Command::On { id: TaskId(id), principal, action })
}
