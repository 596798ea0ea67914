//! Every maximum of a node, in one place: what a peer can make us hold, wait for or count up to.
//!
//! A limit is checked before the thing it limits is held. The relations between limits are checked too: for the defaults
//! when this file compiles, for configured ones by [`Limits::conflict`]. Units stand last in a name: `_ms`, `_bytes`;
//! `_len` and plain plurals count entries.

use serde::{Deserialize, Serialize};

/// The limits of one node. [`Limits::default`] is made of constants only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    // ---- messages ----
    /// Bytes of one message (an HTTP body, a line). Room for an image as base64; four thousand of them still fit in memory.
    pub message_bytes_max: usize,
    /// Levels of arrays and objects in one message. Deeper ones exist only to exhaust a stack.
    pub depth_max: usize,
    /// Messages in one batch (2025-03-26 and 2024-11-05).
    pub batch_len_max: usize,
    /// Bytes of a sealed `requestState`: it travels with every round of a call.
    pub request_state_bytes_max: usize,
    /// Milliseconds that a `requestState` is good for: a person may have to answer what was asked.
    pub request_state_ms_max: u64,
    /// Entries on one page of a list.
    pub page_len: usize,

    // ---- connections ----
    /// Open client connections of this node. The next one is answered 503 and closed.
    pub connections_max: usize,
    /// Bytes of a request's head, trailers alike. At least 8 KiB, the size of hyper's first buffer.
    pub header_bytes_max: usize,
    /// Header lines of a request. 100 is parsed on the stack; any other value costs an allocation per request.
    pub headers_len_max: usize,
    /// Milliseconds from the first byte of a head to its last, however steadily bytes drip in.
    pub header_ms_max: u64,
    /// Milliseconds that a handler waits for the whole of a body. With the default sizes: 140 KB/s at the slowest.
    pub body_ms_max: u64,
    /// Milliseconds that a connection may stay open with no request under way, also before its first.
    pub idle_ms_max: u64,
    /// Milliseconds that a peer may take no byte while we have bytes for it.
    pub write_stall_ms_max: u64,
    /// Milliseconds spent on a connection that is being turned away or whose last words are read out.
    pub farewell_ms_max: u64,
    /// Requests under way on one connection that carries many (stdio, TCP). HTTP/1.1 carries one at a time.
    pub requests_per_connection_max: usize,

    // ---- streams ----
    /// Bytes that wait for one slow reader before its stream is cut.
    pub stream_queue_bytes_max: usize,
    /// Events kept of one stream for `Last-Event-ID`.
    pub stream_log_events_max: usize,
    /// Bytes kept of one stream for `Last-Event-ID`.
    pub stream_log_bytes_max: usize,
    /// Milliseconds of silence after which a stream carries a comment, so that nobody between takes it for dead.
    pub keep_alive_ms: u64,
    /// Milliseconds that a client is told to wait before it reconnects.
    pub retry_ms: u64,

    // ---- sessions ----
    /// Sessions of this node.
    pub sessions_max: usize,
    /// Milliseconds without a request or an open stream after which a session ends.
    pub session_idle_ms_max: u64,
    /// Milliseconds that a node goes on serving plain calls of a session whose owner it cannot reach, counted from when it
    /// last heard of it: also how long a session that was ended meanwhile can still be used there.
    pub session_grace_ms: u64,
    /// Streams of one session, open or resumable. As many as calls, so that none is refused for the want of a stream.
    pub streams_per_session_max: usize,
    /// Calls under way in one session.
    pub calls_per_session_max: usize,
    /// Resources that one session subscribes to.
    pub subscriptions_per_session_max: usize,
    /// Open `subscriptions/listen` streams of this node. Each holds a connection.
    pub listens_max: usize,

    // ---- calls and tasks ----
    /// Milliseconds that a handler may take.
    pub call_ms_max: u64,
    /// Milliseconds that a question to the client (elicitation, sampling) stays open: a person may have to answer.
    pub ask_ms_max: u64,
    /// Tasks of this node, finished ones until their time to live is over.
    pub tasks_max: usize,
    /// Milliseconds that a task lives when its client names no time.
    pub task_ttl_ms: u64,
    /// Milliseconds that a task may live at the longest, whatever its client asks; also for a null time to live.
    pub task_ttl_ms_max: u64,

    // ---- the end ----
    /// Milliseconds between the order to drain and the end of what is still under way.
    pub drain_ms_max: u64,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// hyper reads into a buffer of at least this many bytes and refuses a smaller maximum.
const HYPER_BUFFER_BYTES: usize = 8 * KIB;

impl Limits {
    /// What a node uses where its configuration says nothing.
    pub const DEFAULT: Self = Self {
        message_bytes_max: 4 * MIB,
        depth_max: 64,
        batch_len_max: 64,
        request_state_bytes_max: 64 * KIB,
        request_state_ms_max: HOUR_MS,
        page_len: 100,

        connections_max: 10_000,
        header_bytes_max: 16 * KIB,
        headers_len_max: 100,
        header_ms_max: 10 * SECOND_MS,
        body_ms_max: 30 * SECOND_MS,
        idle_ms_max: 5 * MINUTE_MS,
        write_stall_ms_max: 30 * SECOND_MS,
        farewell_ms_max: SECOND_MS,
        requests_per_connection_max: 64,

        stream_queue_bytes_max: MIB,
        stream_log_events_max: 256,
        stream_log_bytes_max: MIB,
        keep_alive_ms: 15 * SECOND_MS,
        retry_ms: SECOND_MS,

        sessions_max: 100_000,
        session_idle_ms_max: HOUR_MS,
        session_grace_ms: MINUTE_MS,
        streams_per_session_max: 64,
        calls_per_session_max: 64,
        subscriptions_per_session_max: 256,
        listens_max: 10_000,

        call_ms_max: MINUTE_MS,
        ask_ms_max: 5 * MINUTE_MS,
        tasks_max: 100_000,
        task_ttl_ms: HOUR_MS,
        task_ttl_ms_max: 24 * HOUR_MS,

        drain_ms_max: 10 * SECOND_MS,
    };

    /// The first relation between two limits that does not hold, in words for whoever wrote the configuration.
    #[must_use]
    pub const fn conflict(&self) -> Option<&'static str> {
        if self.header_bytes_max < HYPER_BUFFER_BYTES {
            return Some("header_bytes_max must be at least 8192");
        }
        if self.request_state_bytes_max > self.message_bytes_max / 2 {
            return Some(
                "request_state_bytes_max, as base64 beside arguments, must fit into message_bytes_max",
            );
        }
        if self.message_bytes_max < KIB || self.depth_max < 8 {
            return Some("message_bytes_max must be at least 1024 and depth_max 8, or no initialize fits");
        }
        if self.headers_len_max == 0
            || self.batch_len_max == 0
            || self.page_len == 0
            || self.connections_max == 0
        {
            return Some("headers_len_max, batch_len_max, page_len and connections_max must not be zero");
        }
        if self.header_ms_max == 0 || self.body_ms_max == 0 || self.write_stall_ms_max == 0 {
            return Some("header_ms_max, body_ms_max and write_stall_ms_max must not be zero");
        }
        if self.header_ms_max > self.idle_ms_max {
            return Some(
                "header_ms_max must not pass idle_ms_max: a slow head would outlive a silent connection",
            );
        }
        if self.keep_alive_ms == 0 || self.keep_alive_ms > self.idle_ms_max {
            return Some("keep_alive_ms must be between 1 and idle_ms_max");
        }
        if self.idle_ms_max > self.session_idle_ms_max {
            return Some(
                "idle_ms_max must not pass session_idle_ms_max: connections would outlive their sessions",
            );
        }
        if self.call_ms_max > self.session_idle_ms_max || self.ask_ms_max > self.session_idle_ms_max {
            return Some("call_ms_max and ask_ms_max must not pass session_idle_ms_max");
        }
        if self.task_ttl_ms > self.task_ttl_ms_max {
            return Some("task_ttl_ms must not pass task_ttl_ms_max");
        }
        if self.streams_per_session_max < 2 {
            return Some("streams_per_session_max must be at least 2: the standing stream and one call");
        }
        if self.stream_log_events_max < 2
            || self.stream_queue_bytes_max == 0
            || self.stream_log_bytes_max == 0
        {
            return Some("a stream must be able to keep its first event and its result");
        }
        None
    }
}

const _: () = assert!(Limits::DEFAULT.conflict().is_none(), "the default limits contradict each other");

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;

    #[test]
    fn limits_that_contradict_each_other_are_named() {
        let check = |limits: Limits, expect: &str| {
            let conflict = limits.conflict().unwrap_or("none");
            assert!(conflict.contains(expect), "{conflict} instead of {expect}");
        };
        let base = Limits::default();
        check(base.clone(), "none");
        check(Limits { header_bytes_max: 8_191, ..base.clone() }, "header_bytes_max");
        check(Limits { message_bytes_max: 64 * 1024, ..base.clone() }, "request_state_bytes_max");
        check(Limits { depth_max: 7, ..base.clone() }, "depth_max");
        check(Limits { connections_max: 0, ..base.clone() }, "connections_max");
        check(Limits { write_stall_ms_max: 0, ..base.clone() }, "write_stall_ms_max");
        check(Limits { header_ms_max: 400_000, ..base.clone() }, "header_ms_max");
        check(Limits { keep_alive_ms: 0, ..base.clone() }, "keep_alive_ms");
        check(Limits { session_idle_ms_max: 200_000, ..base.clone() }, "idle_ms_max");
        check(Limits { call_ms_max: 7_200_000, ..base.clone() }, "call_ms_max");
        check(Limits { task_ttl_ms: base.task_ttl_ms_max + 1, ..base.clone() }, "task_ttl_ms");
        check(Limits { streams_per_session_max: 1, ..base.clone() }, "streams_per_session_max");
        check(Limits { stream_queue_bytes_max: 0, ..base.clone() }, "a stream");
        check(Limits { message_bytes_max: 512, request_state_bytes_max: 64, ..base }, "message_bytes_max");
    }
}
