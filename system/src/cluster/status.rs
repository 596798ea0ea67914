//! How the cluster stands, for operators: every node's own word, gathered by the node that is asked.

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::wire::{self, Message};
use super::{Cluster, Inner};
use crate::control::{NodeState, Unsafe};
use crate::env::Env;
use crate::ids::{Epoch, GroupId, NodeId};
use crate::mesh::Channel;
use crate::raft::Role;
use crate::seal::parent_of;

/// How long a node may take to say how it stands.
const ASK_MS_MAX: u64 = 1_000;

/// How the cluster stands.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Status {
    /// The node that was asked.
    pub(crate) asked: u64,
    /// The map that it has.
    pub(crate) epoch: u64,
    /// What every node understands.
    pub(crate) feature_level: u16,
    /// The voters of the control group, and who leads it.
    pub(crate) voters: Vec<u64>,
    /// The leader of the control group, where it is known.
    pub(crate) leader: Option<u64>,
    /// Every node, in order.
    pub(crate) nodes: Vec<NodeStatus>,
    /// Every data group, in order.
    pub(crate) groups: Vec<GroupStatus>,
}

/// How a node stands.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NodeStatus {
    pub(crate) id: u64,
    pub(crate) state: &'static str,
    pub(crate) incarnation: u64,
    pub(crate) mesh: String,
    pub(crate) http: Option<String>,
    pub(crate) zone: String,
    /// Whether it answered just now.
    pub(crate) answers: bool,
    /// The map that it has.
    pub(crate) epoch: Option<u64>,
    /// Frames that it sent to other nodes since it began.
    pub(crate) frames_sent: Option<u64>,
    /// Groups that it holds, and leads.
    pub(crate) replicas: usize,
    pub(crate) leads: usize,
    /// Sessions of the groups that it leads.
    pub(crate) sessions: usize,
    /// How often a duty of it broke and was begun again.
    pub(crate) broken: u64,
    /// Whether it can stop now and every group go on; otherwise why not.
    pub(crate) safe_to_stop: Result<(), String>,
}

/// How a data group stands.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct GroupStatus {
    pub(crate) id: u64,
    pub(crate) replicas: Vec<u64>,
    pub(crate) leader: Option<u64>,
    pub(crate) term: u64,
    pub(crate) committed: Option<u64>,
    /// Entries that the replica furthest behind lacks.
    pub(crate) lag: Option<u64>,
    pub(crate) sessions: usize,
    pub(crate) moving: bool,
    /// The group that it splits off, until it has taken its slots from it.
    pub(crate) splits_off: Option<u64>,
    pub(crate) asleep: bool,
}

/// What one node says of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct OwnStatus {
    epoch: u64,
    leads_control: bool,
    frames_sent: u64,
    broken: u64,
    groups: Vec<OwnGroup>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct OwnGroup {
    id: u64,
    leads: bool,
    term: u64,
    committed: Option<u64>,
    lags: Vec<(NodeId, u64)>,
    sessions: u64,
    asleep: bool,
}

impl<E: Env> Inner<E> {
    /// How this node stands.
    pub(super) fn status_here(&self) -> OwnStatus {
        let group = |owner: &std::sync::Arc<super::owner::Owner<E>>| {
            let status = owner.group.status();
            OwnGroup {
                id: owner.id.0,
                leads: status.role == Role::Leader && status.is_confirmed,
                term: status.leadership.term,
                committed: status.committed,
                lags: status.lags.into_iter().collect(),
                sessions: owner.kept().state.sessions_len() as u64,
                asleep: status.is_asleep,
            }
        };
        OwnStatus {
            epoch: self.view().epoch().0,
            frames_sent: self.mesh.as_ref().map_or(0, |mesh| mesh.counters().frames_sent.get()),
            broken: self.life.broken(),
            leads_control: self
                .council()
                .is_some_and(|council| council.leads(self.me.node) && council.group.status().is_confirmed),
            groups: self.owners_sorted().iter().map(group).collect(),
        }
    }
}

impl<E: Env> Cluster<E> {
    /// Asks every node how it stands. One that does not answer is shown as the map knows it.
    pub(crate) async fn status(&self) -> Status {
        let inner = &self.0;
        let view = inner.view();
        let ids: Vec<NodeId> = view.nodes().keys().copied().collect();
        let said: Vec<Option<OwnStatus>> = join_all(ids.iter().map(|id| self.ask_status(*id))).await;
        let lagging =
            said.iter().flatten().flat_map(|own| &own.groups).filter(|group| group.leads).flat_map(|group| {
                group
                    .lags
                    .iter()
                    .filter(|(_, lag)| *lag > LAG_MAX)
                    .map(|(node, _)| (GroupId(group.id), *node))
            });
        let lagging = lagging.collect();
        let nodes = view.nodes().iter().zip(&said).map(|((id, node), own)| NodeStatus {
            id: id.0,
            state: state(node.state),
            incarnation: node.incarnation.0,
            mesh: node.card.mesh.to_string(),
            http: node.card.http.clone(),
            zone: node.card.zone.clone(),
            answers: own.is_some(),
            epoch: own.as_ref().map(|own| own.epoch),
            frames_sent: own.as_ref().map(|own| own.frames_sent),
            replicas: own.as_ref().map_or(0, |own| own.groups.len()),
            leads: own.as_ref().map_or(0, |own| own.groups.iter().filter(|group| group.leads).count()),
            sessions: own.as_ref().map_or(0, |own| {
                let led = own.groups.iter().filter(|group| group.leads);
                led.map(|group| usize::try_from(group.sessions).unwrap_or(usize::MAX)).sum()
            }),
            broken: own.as_ref().map_or(0, |own| own.broken),
            safe_to_stop: match own {
                Some(_) => view.safe_to_stop(*id, &lagging).map_err(|reason: Unsafe| reason.to_string()),
                None => Err("it does not answer".to_owned()),
            },
        });
        let leads = ids.iter().zip(&said).find(|(_, own)| own.as_ref().is_some_and(|own| own.leads_control));
        Status {
            asked: inner.me.node.0,
            epoch: view.epoch().0,
            feature_level: view.feature_level(),
            voters: view.voters().iter().map(|node| node.0).collect(),
            leader: leads.map(|(id, _)| id.0),
            nodes: nodes.collect(),
            groups: view.groups().map(|(id, place)| group_status(id, place, &ids, &said)).collect(),
        }
    }

    /// Asks every node which map it has: of voters, and of those that watch another voter, the leader of the control group
    /// does not hear it by itself.
    pub(super) async fn ask_epochs(&self) {
        let inner = &self.0;
        let view = inner.view();
        let asks = view.nodes().iter().filter(|(_, node)| node.state.is_running()).map(|(id, _)| async {
            if let Some(own) = self.ask_status(*id).await {
                inner.note_epoch(*id, Epoch(own.epoch));
            }
        });
        join_all(asks).await;
    }

    async fn ask_status(&self, node: NodeId) -> Option<OwnStatus> {
        let inner = &self.0;
        if node == inner.me.node {
            return Some(inner.status_here());
        }
        let due = inner.env.now().after_ms(ASK_MS_MAX);
        let answer =
            inner.mesh.as_ref()?.request(node, Channel::Traffic, Message::Status.encode(), due).await;
        wire::decode(&answer.ok()?).ok()
    }
}

/// A replica that lacks more than this has not caught up: without another one its group would stand still for a while.
const LAG_MAX: u64 = 1_000;

fn group_status(
    id: GroupId,
    place: &crate::control::Place,
    ids: &[NodeId],
    said: &[Option<OwnStatus>],
) -> GroupStatus {
    let of = |own: &OwnStatus| own.groups.iter().find(|group| group.id == id.0).cloned();
    let said: Vec<(NodeId, OwnGroup)> =
        ids.iter().zip(said).filter_map(|(node, own)| Some((*node, of(own.as_ref()?)?))).collect();
    // Of two that both believe to lead, the later one does.
    let leader = said.iter().filter(|(_, group)| group.leads).max_by_key(|(_, group)| group.term);
    GroupStatus {
        id: id.0,
        replicas: place.replicas.iter().map(|node| node.0).collect(),
        leader: leader.map(|(node, _)| node.0),
        term: said.iter().map(|(_, group)| group.term).max().unwrap_or(0),
        committed: leader.and_then(|(_, group)| group.committed),
        lag: leader.and_then(|(_, group)| group.lags.iter().map(|(_, lag)| *lag).max()),
        sessions: leader.map_or(0, |(_, group)| usize::try_from(group.sessions).unwrap_or(usize::MAX)),
        moving: place.change.is_some(),
        splits_off: place.splitting.then(|| parent_of(id)).flatten().map(|parent| parent.0),
        asleep: said.iter().any(|(_, group)| group.asleep),
    }
}

const fn state(state: NodeState) -> &'static str {
    match state {
        NodeState::Up => "up",
        NodeState::Down { .. } => "down",
        NodeState::Draining => "draining",
        NodeState::Left { .. } => "left",
    }
}
