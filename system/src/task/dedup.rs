//! The replies that were given, by request id: what makes a repeated command harmless.
//!
//! Bounded and expiring. A reply to a command that changed something is never thrown out for want of room, since a repeat
//! would then change it twice; new commands are refused instead. Replies to commands that changed nothing make room,
//! oldest first: clients can cause many of those, and must not be able to fill the table for others.

use std::collections::{BTreeMap, VecDeque};

use super::command::{Reply, RequestId};
use crate::env::WallTime;

/// See the [module](self) page.
#[derive(Clone, Default, Debug)]
pub(super) struct Dedup {
    replies: BTreeMap<RequestId, Reply>,
    /// Request ids with when they may be forgotten, oldest first: those that changed something, and those that did not.
    changing: VecDeque<(WallTime, RequestId)>,
    idle: VecDeque<(WallTime, RequestId)>,
}

impl Dedup {
    pub(super) fn reply(&self, request: RequestId) -> Option<&Reply> {
        self.replies.get(&request)
    }

    /// Whether one more reply can be kept, whatever it is.
    pub(super) fn has_room(&self, requests_max: usize) -> bool {
        self.changing.len() < requests_max
    }

    /// Keeps a reply until `expires`, which must not be before that of any reply kept earlier.
    pub(super) fn keep(
        &mut self,
        request: RequestId,
        reply: Reply,
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
    pub(super) fn expire(&mut self, now: WallTime, batch: usize) {
        for line in [&mut self.changing, &mut self.idle] {
            for _ in 0..batch {
                let Some((_, request)) = line.pop_front_if(|(expires, _)| *expires <= now) else { break };
                self.replies.remove(&request);
            }
        }
    }

    /// When the next reply may be forgotten.
    pub(super) fn next_due(&self) -> Option<WallTime> {
        [&self.changing, &self.idle].into_iter().filter_map(|line| line.front()).map(|(due, _)| *due).min()
    }

    pub(super) fn len(&self) -> usize {
        self.replies.len()
    }

    /// Panics where the parts contradict each other.
    pub(super) fn assert_sound(&self, requests_max: usize) {
        assert_eq!(
            self.replies.len(),
            self.changing.len() + self.idle.len(),
            "each reply must stand in one line"
        );
        assert!(self.replies.len() <= requests_max, "the table must keep to its bound");
    }
}
