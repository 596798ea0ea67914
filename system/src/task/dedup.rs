//! The replies that were given, by request id: what makes a repeated command harmless.
//!
//! Bounded and expiring. A reply to a command that changed something is never thrown out for want of room, since a repeat
//! would then change it twice; new commands are refused instead. Replies to commands that changed nothing make room,
//! oldest first: clients can cause many of those, and must not be able to fill the table for others.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::command::RequestId;
use crate::env::WallTime;

/// See the [module](self) page.
#[derive(Clone, Debug)]
pub(crate) struct Dedup<R> {
    replies: BTreeMap<RequestId, R>,
    /// Request ids with when they may be forgotten, oldest first: those that changed something, and those that did not.
    changing: VecDeque<(WallTime, RequestId)>,
    idle: VecDeque<(WallTime, RequestId)>,
}

/// The whole of it, as a snapshot carries it: the two lines, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Lines<R> {
    changing: Vec<(WallTime, RequestId, R)>,
    idle: Vec<(WallTime, RequestId, R)>,
}

impl<R> Default for Dedup<R> {
    fn default() -> Self {
        Self { replies: BTreeMap::new(), changing: VecDeque::new(), idle: VecDeque::new() }
    }
}

impl<R: Clone> Dedup<R> {
    pub(crate) fn reply(&self, request: RequestId) -> Option<&R> {
        self.replies.get(&request)
    }

    /// Whether one more reply can be kept, whatever it is.
    pub(crate) fn has_room(&self, requests_max: usize) -> bool {
        self.changing.len() < requests_max
    }

    /// Keeps a reply until `expires`, which must not be before that of any reply kept earlier.
    pub(crate) fn keep(
        &mut self,
        request: RequestId,
        reply: R,
        changed: bool,
        expires: WallTime,
        requests_max: usize,
    ) {
        assert!(self.has_room(requests_max), "room must have been made sure of");
        if self.replies.len() >= requests_max {
            let (_, oldest) = self.idle.pop_front().expect("a full table with room must hold an idle reply");
            self.replies.remove(&oldest);
        }
        let line = if changed { &mut self.changing } else { &mut self.idle };
        assert!(line.back().is_none_or(|(last, _)| *last <= expires), "time must not go back");
        line.push_back((expires, request));
        let before = self.replies.insert(request, reply);
        assert!(before.is_none(), "a request id must have one reply");
    }

    /// Forgets what is past its time, up to so many of each kind.
    pub(crate) fn expire(&mut self, now: WallTime, batch: usize) {
        for line in [&mut self.changing, &mut self.idle] {
            for _ in 0..batch {
                let Some((_, request)) = line.pop_front_if(|(expires, _)| *expires <= now) else { break };
                self.replies.remove(&request);
            }
        }
    }

    /// When the next reply may be forgotten.
    pub(crate) fn next_due(&self) -> Option<WallTime> {
        [&self.changing, &self.idle].into_iter().filter_map(|line| line.front()).map(|(due, _)| *due).min()
    }

    /// What a snapshot carries.
    pub(crate) fn lines(&self) -> Lines<R> {
        let line = |line: &VecDeque<(WallTime, RequestId)>| {
            line.iter().map(|(due, request)| (*due, *request, self.replies[request].clone())).collect()
        };
        Lines { changing: line(&self.changing), idle: line(&self.idle) }
    }

    /// What a snapshot carried; `None` where it contradicts itself. `latest` is when a reply that is kept now may be
    /// forgotten: none may stand behind it.
    pub(crate) fn restore(lines: Lines<R>, requests_max: usize, latest: WallTime) -> Option<Self> {
        let mut whole = Self::default();
        for (from, to) in [(lines.changing, &mut whole.changing), (lines.idle, &mut whole.idle)] {
            for (due, request, reply) in from {
                let in_order = to.back().is_none_or(|(last, _)| *last <= due) && due <= latest;
                if !in_order || whole.replies.insert(request, reply).is_some() {
                    return None;
                }
                to.push_back((due, request));
            }
        }
        (whole.replies.len() <= requests_max).then_some(whole)
    }

    pub(crate) fn len(&self) -> usize {
        self.replies.len()
    }

    /// Panics where the parts contradict each other.
    pub(crate) fn assert_sound(&self, requests_max: usize) {
        assert_eq!(
            self.replies.len(),
            self.changing.len() + self.idle.len(),
            "each reply must stand in one line"
        );
        assert!(self.replies.len() <= requests_max, "the table must keep to its bound");
    }
}
