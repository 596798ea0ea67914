//! Commands that change the map. Each is checked whole before anything of it is done, so a refusal leaves the map as it
//! was (but for the time, which goes on), and one that finds its work done changes nothing either: the epoch rises with
//! each change and with nothing else.

use super::command::{Card, Command, Fresh, Lists, Refusal, Reply, Stamped};
use super::keys::KeyChain;
use super::map::{ClusterMap, GROUPS_MAX, LIST_CHANGES_MAX, NODES_MAX, Node, NodeState, Place, VOTERS_MAX};
use crate::ids::{ClusterId, Epoch, Incarnation, NodeId};

/// What became of a command that was not refused.
pub(super) enum Outcome {
    /// The map is another one now.
    Changed,
    /// It was so before.
    Unchanged,
    /// A node is in.
    Joined(NodeId),
    /// A node was in before.
    JoinedBefore(NodeId),
}

type Answer = Result<Outcome, Refusal>;

impl ClusterMap {
    /// Applies a command of the log. Never fails: a refusal is an answer like any other.
    pub fn apply(&mut self, stamped: Stamped) -> Reply {
        self.now_ms = self.now_ms.max(stamped.at_ms);
        let answer = self.change(stamped.command);
        if matches!(answer, Ok(Outcome::Changed | Outcome::Joined(_))) {
            self.epoch = self.next_epoch();
        }
        match answer {
            Ok(Outcome::Changed | Outcome::Unchanged) => Reply::Done(self.epoch),
            Ok(Outcome::Joined(node) | Outcome::JoinedBefore(node)) => Reply::Joined(node, self.epoch),
            Err(refusal) => Reply::Refused(refusal),
        }
    }

    const fn next_epoch(&self) -> Epoch {
        Epoch(self.epoch.0 + 1)
    }

    fn change(&mut self, command: Command) -> Answer {
        if let Command::Found { cluster, card, incarnation, nonce, groups, key } = command {
            return self.found(cluster, groups, key, (card, incarnation, nonce));
        }
        if self.cluster.is_none() {
            return Err(Refusal::NotFounded);
        }
        match command {
            Command::Found { .. } => Err(Refusal::Founded),
            Command::Join { card, incarnation, nonce } => self.join(card, incarnation, nonce),
            Command::Boot { node, incarnation, card } => self.boot(node, incarnation, card),
            Command::Down { node, incarnation } => self.down(node, incarnation),
            Command::Up { node, incarnation } => self.up(node, incarnation),
            Command::Drain { node } => self.switch(node, NodeState::Up, NodeState::Draining),
            Command::Undrain { node } => self.switch(node, NodeState::Draining, NodeState::Up),
            Command::Leave { node } => self.leave(node),
            Command::SetVoters { voters } => self.set_voters(&voters),
            Command::Place { places } => self.place(places),
            Command::StartMove { group, change } => self.start_move(group, change),
            Command::FinishMove { group, change } => self.finish_move(group, change),
            Command::AbortMove { group, change } => self.abort_move(group, change),
            Command::ListsChanged { lists, id } => Ok(self.lists_changed(lists, id)),
            Command::AddKey { key } => {
                let epoch = self.next_epoch();
                self.key_chain().add(key, epoch).map(|()| Outcome::Changed)
            }
            Command::MakeCurrent { key } => {
                let now_ms = self.now_ms;
                let changed = self.key_chain().make_current(key, now_ms)?;
                Ok(if changed { Outcome::Changed } else { Outcome::Unchanged })
            }
            Command::RetireKey { key } => self.key_chain().retire(key).map(|()| Outcome::Changed),
            Command::RaiseFeatureLevel { level } => self.raise_feature_level(level),
            Command::Split { group, replicas } => self.split(group, replicas),
            Command::FinishSplit { group } => self.finish_split(group),
        }
    }

    const fn key_chain(&mut self) -> &mut KeyChain {
        self.keys.as_mut().expect("a founded cluster must have keys")
    }

    fn found(
        &mut self,
        cluster: ClusterId,
        groups: u16,
        key: Fresh,
        (card, incarnation, nonce): (Card, Incarnation, u128),
    ) -> Answer {
        if self.cluster.is_some() {
            let known = self.nodes.iter().find(|(_, node)| node.nonce == nonce);
            let again = known.filter(|_| self.cluster == Some(cluster));
            return again.map(|(id, _)| Outcome::JoinedBefore(*id)).ok_or(Refusal::Founded);
        }
        if groups == 0 || groups > GROUPS_MAX {
            return Err(Refusal::NoGroup);
        }
        if !card.is_sound() {
            return Err(Refusal::BadCard);
        }
        self.cluster = Some(cluster);
        self.feature_level = card.wire.max;
        self.places = vec![Place::default(); usize::from(groups)];
        self.keys = Some(KeyChain::new(key, self.now_ms));
        let node = self.add_node(card, incarnation, nonce);
        self.voters.insert(node);
        Ok(Outcome::Joined(node))
    }

    fn add_node(&mut self, card: Card, incarnation: Incarnation, nonce: u128) -> NodeId {
        let id = NodeId(self.next_node);
        self.next_node += 1;
        self.nodes.insert(id, Node { card, incarnation, state: NodeState::Up, nonce });
        id
    }

    fn check_card(&self, card: &Card) -> Result<(), Refusal> {
        if !card.is_sound() {
            return Err(Refusal::BadCard);
        }
        let level = self.feature_level;
        // Too old for what the log may hold, or so new that it has forgotten how to speak it.
        if card.wire.max < level || card.wire.min > level {
            return Err(Refusal::Wire { level });
        }
        Ok(())
    }

    fn join(&mut self, card: Card, incarnation: Incarnation, nonce: u128) -> Answer {
        if let Some((id, node)) = self.nodes.iter().find(|(_, node)| node.nonce == nonce) {
            return if node.state.has_left() {
                Err(Refusal::HasLeft)
            } else {
                Ok(Outcome::JoinedBefore(*id))
            };
        }
        self.check_card(&card)?;
        if self.nodes.len() >= NODES_MAX {
            // One that left is remembered only for as long as there is room.
            let mut left = self.nodes.iter().filter(|(_, node)| node.state.has_left()).map(|(id, _)| *id);
            let forgotten = left.find(|id| !self.is_named(*id)).ok_or(Refusal::TooManyNodes)?;
            self.nodes.remove(&forgotten);
        }
        Ok(Outcome::Joined(self.add_node(card, incarnation, nonce)))
    }

    /// A node that has not left, to be changed.
    fn member(&mut self, node: NodeId) -> Result<&mut Node, Refusal> {
        let node = self.nodes.get_mut(&node).ok_or(Refusal::NoNode)?;
        if node.state.has_left() { Err(Refusal::HasLeft) } else { Ok(node) }
    }

    fn boot(&mut self, node: NodeId, incarnation: Incarnation, card: Card) -> Answer {
        self.check_card(&card)?;
        let member = self.member(node)?;
        if incarnation < member.incarnation || (incarnation == member.incarnation && card != member.card) {
            return Err(Refusal::OldIncarnation { newest: member.incarnation });
        }
        if incarnation == member.incarnation && !matches!(member.state, NodeState::Down { .. }) {
            return Ok(Outcome::Unchanged);
        }
        member.incarnation = incarnation;
        member.card = card;
        member.state = NodeState::Up;
        Ok(Outcome::Changed)
    }

    fn down(&mut self, id: NodeId, incarnation: Incarnation) -> Answer {
        let since_ms = self.now_ms;
        let node = self.nodes.get_mut(&id).ok_or(Refusal::NoNode)?;
        if node.incarnation != incarnation {
            return Err(Refusal::OldIncarnation { newest: node.incarnation });
        }
        if !node.state.is_running() {
            return Ok(Outcome::Unchanged);
        }
        node.state = match node.state {
            NodeState::Left { .. } => NodeState::Left { running: false },
            _ => NodeState::Down { since_ms },
        };
        Ok(Outcome::Changed)
    }

    fn up(&mut self, node: NodeId, incarnation: Incarnation) -> Answer {
        let member = self.member(node)?;
        if member.incarnation != incarnation {
            return Err(Refusal::OldIncarnation { newest: member.incarnation });
        }
        if member.state.is_running() {
            return Ok(Outcome::Unchanged);
        }
        member.state = NodeState::Up;
        Ok(Outcome::Changed)
    }

    fn switch(&mut self, node: NodeId, from: NodeState, to: NodeState) -> Answer {
        let member = self.member(node)?;
        if member.state == to {
            return Ok(Outcome::Unchanged);
        }
        if member.state != from {
            return Err(Refusal::NotUp);
        }
        member.state = to;
        Ok(Outcome::Changed)
    }

    fn leave(&mut self, id: NodeId) -> Answer {
        let node = self.nodes.get(&id).ok_or(Refusal::NoNode)?;
        if node.state.has_left() {
            return Ok(Outcome::Unchanged);
        }
        let running = node.state.is_running();
        let others = self.nodes.iter().filter(|(other, _)| **other != id);
        if others.filter(|(_, node)| !node.state.has_left()).count() == 0 {
            return Err(Refusal::LastNode);
        }
        self.member(id)?.state = NodeState::Left { running };
        Ok(Outcome::Changed)
    }

    fn set_voters(&mut self, voters: &[NodeId]) -> Answer {
        let set = voters.iter().copied().collect::<std::collections::BTreeSet<_>>();
        let fit = |id| self.nodes.get(id).is_some_and(|node| !node.state.has_left());
        if set.len() != voters.len() || !(1..=VOTERS_MAX).contains(&set.len()) || !set.iter().all(fit) {
            return Err(Refusal::BadSet);
        }
        if set == self.voters {
            return Ok(Outcome::Unchanged);
        }
        if !self.has_majority(&set) {
            return Err(Refusal::Majority);
        }
        self.voters = set;
        Ok(Outcome::Changed)
    }

    fn lists_changed(&mut self, lists: Lists, id: u128) -> Outcome {
        if self.list_changes.contains(&id) || lists == Lists::default() {
            return Outcome::Unchanged;
        }
        if self.list_changes.len() >= LIST_CHANGES_MAX {
            self.list_changes.pop_front();
        }
        self.list_changes.push_back(id);
        self.lists.tools += u64::from(lists.tools);
        self.lists.prompts += u64::from(lists.prompts);
        self.lists.resources += u64::from(lists.resources);
        Outcome::Changed
    }

    fn raise_feature_level(&mut self, level: u16) -> Answer {
        if level == self.feature_level {
            return Ok(Outcome::Unchanged);
        }
        if level < self.feature_level || level > self.feature_level_possible() {
            return Err(Refusal::FeatureLevel);
        }
        self.feature_level = level;
        Ok(Outcome::Changed)
    }
}
