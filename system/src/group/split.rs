//! Giving a part of a group away, and becoming a group from such a part.
//!
//! A group that splits *freezes* the slots that go: they are taken out of its state at one place of its log and stand still
//! from then on, as bytes that are the same on every replica. Whatever concerns them is answered [`Refusal::Moved`], which
//! is neither yes nor no. The other group *receives* these bytes piece by piece through its own log and *adopts* them whole
//! or not at all. Then the first *sheds* them. Each of these may be repeated by anybody at any time: a late copy changes
//! nothing.
//!
//! What goes along: sessions with their streams and subscriptions, the stones of ended ones, tasks, used rights, and the
//! memory of all requests, so that what is repeated at the other group is a repetition there.
//!
//! The whole of the protocol, with who does what and when, is told where it is carried out: in `cluster`.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::command::{Change, Refusal};
use super::machine::Group;
use super::snapshot::Carried;
use crate::ids::{GroupId, SessionId};
use crate::seal::{parent_of, took};

/// Bytes of one piece of a part: what other commands wait for it is short.
pub const PIECE_BYTES_MAX: usize = 256 * 1024;

/// What a group gave away, and what it is given.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub(super) struct Split {
    /// Groups that took slots from this one. Each took half of what there was, so they are few.
    gone: BTreeSet<GroupId>,
    /// The last of them, for as long as it may not have everything, and what it is to have.
    leaving: Option<(GroupId, Bytes)>,
    /// What came so far of what this group is to have. It is no more than a group holds.
    coming: Vec<Bytes>,
    /// Whether all of that came: what comes after is a copy.
    has_come: bool,
}

/// Tells a whole part from any other.
#[must_use]
pub fn digest_of_part(part: &[u8]) -> u128 {
    xxh3_128(part)
}

impl Group {
    /// Whether this group answers for a slot: it does for all that it did not give away.
    #[must_use]
    pub fn holds(&self, slot: u16) -> bool {
        !self.split.gone.iter().any(|group| took(*group, slot))
    }

    /// The group to which a part of this one is on its way, and that part.
    #[must_use]
    pub const fn leaving(&self) -> Option<&(GroupId, Bytes)> {
        self.split.leaving.as_ref()
    }

    /// Takes out what is to go to another group, and keeps it until it is shed.
    pub(super) fn freeze(&mut self, child: GroupId) -> Result<(), Refusal> {
        if self.split.gone.contains(&child) {
            return Ok(());
        }
        let parent = parent_of(child).ok_or(Refusal::Splitting)?;
        let is_sibling = self.split.gone.iter().all(|group| parent_of(*group) == Some(parent));
        if self.split.leaving.is_some() || !is_sibling {
            return Err(Refusal::Splitting);
        }
        let part = self.carve(child);
        self.split.gone.insert(child);
        self.split.leaving = Some((child, part));
        self.changes.push_back(Change::Parted);
        Ok(())
    }

    /// Takes out what a group takes from this one: as the bytes of the state that it begins with.
    fn carve(&mut self, child: GroupId) -> Bytes {
        let goes = |slot| took(child, slot);
        let (mut sessions, mut streams) = (BTreeMap::new(), BTreeMap::new());
        let ids: Vec<SessionId> = self.sessions.keys().copied().filter(|id| goes(id.slot())).collect();
        for id in ids {
            let (session, its_streams) = self.take_out(id).expect("who goes must have been here");
            sessions.insert(id, session);
            streams.extend(its_streams);
        }
        let tombstones: BTreeMap<_, _> = self.tombstones.extract_if(.., |id, _| goes(id.slot())).collect();
        for (id, expires) in &tombstones {
            self.tombstones_by_expiry.remove(&(*expires, *id));
        }
        let part = Carried {
            now: self.now,
            lists_version: self.lists_version,
            sessions: &sessions,
            streams: &streams,
            tombstones: &tombstones,
            // As with tasks: all of it, for whose reply is whose cannot be told.
            dedup: self.dedup.lines(),
            tasks: self.tasks.carve(goes),
            split: &Split::default(),
        };
        part.encode().into()
    }

    /// Drops what went to another group, which has it.
    pub(super) fn shed(&mut self, child: GroupId) {
        self.split.leaving.take_if(|(leaving, _)| *leaving == child);
    }

    /// Takes a piece of what this group is to have, each in its turn.
    pub(super) fn receive(&mut self, at: u64, bytes: Bytes) -> Result<(), Refusal> {
        if bytes.len() > PIECE_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        let next = self.split.coming.iter().map(Bytes::len).sum::<usize>() as u64;
        if self.split.has_come || at.saturating_add(bytes.len() as u64) <= next {
            return Ok(());
        }
        if at != next {
            return Err(Refusal::Incomplete { next });
        }
        self.split.coming.push(bytes);
        Ok(())
    }

    /// Becomes what came, where that is whole. Where it is not, it has to come again from its beginning.
    pub(super) fn adopt(&mut self, len: u64, digest: u128) -> Result<(), Refusal> {
        if self.split.has_come {
            return Ok(());
        }
        let part = std::mem::take(&mut self.split.coming).concat();
        if part.len() as u64 != len || digest_of_part(&part) != digest {
            return Err(Refusal::Incomplete { next: 0 });
        }
        if !self.sessions.is_empty() || !self.tombstones.is_empty() || !self.tasks.is_within(|_| false) {
            return Err(Refusal::Exists);
        }
        let part = Self::restore(self.bounds.clone(), &part).map_err(|_| Refusal::Incomplete { next: 0 })?;
        let gained = part.by_uri.keys().cloned().map(Change::InterestGained);
        let changes = self.changes.drain(..).chain(gained).collect();
        let split = Split { has_come: true, ..Split::default() };
        *self = Self { now: self.now.max(part.now), split, changes, ..part };
        Ok(())
    }

    /// The first thing by which what was given away and what is here contradict each other.
    pub(super) fn split_flaw(&self) -> Option<&'static str> {
        let split = &self.split;
        let mut parents = split.gone.iter().map(|group| parent_of(*group));
        let parent = parents.next();
        if parent == Some(None) || parents.any(|other| Some(other) != parent) {
            return Some("slots must go to groups that take them from this one");
        }
        if split.leaving.as_ref().is_some_and(|(child, _)| !split.gone.contains(child)) {
            return Some("what leaves must be gone");
        }
        if split.has_come && !split.coming.is_empty() {
            return Some("nothing must come twice");
        }
        let is_here = |slot| self.holds(slot);
        let sessions = self.sessions.keys().chain(self.tombstones.keys());
        if !sessions.into_iter().all(|id| is_here(id.slot())) || !self.tasks.is_within(is_here) {
            return Some("what was given away must not be here");
        }
        None
    }
}
