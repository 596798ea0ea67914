//! What led to a failure: of everything that happened, what concerns whoever the first violation is about, and what went wrong
//! with nodes and links meanwhile, in the order of time.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use switchboard::event::Event;
use switchboard::ids::GroupId;

use super::faults::Episode;
use super::{in_words, lane_of};
use crate::check::{Entry, Fact, Mark, RequestNumber, Violation};
use crate::node::NodeId;
use crate::scenario::Report;

/// One thing that led to it.
#[derive(Serialize)]
pub(super) struct Step {
    pub(super) at: u64,
    /// On which lane it stands.
    pub(super) lane: Option<u32>,
    /// `client`, `fault`, `leader` or `violation`.
    pub(super) kind: &'static str,
    pub(super) text: String,
}

/// So many of the last things that the client did and heard are part of it.
const CLIENT_STEPS_MAX: usize = 40;
/// What nodes went through so long before the client's part counts too.
const BEFORE_NS: u64 = 3_000_000_000;
/// The client's part begins no earlier than this before the violation.
const LENGTH_NS: u64 = 20_000_000_000;
/// Changes of who leads that come within this belong together.
const TOGETHER_NS: u64 = 50_000_000;

/// The entries that a violation is about: of the calls that it names, or else of its client.
pub(super) fn concerned<'a>(entries: &'a [Entry], violation: &Violation) -> Vec<&'a Entry> {
    let named: BTreeSet<Mark> = Mark::find(violation.what.as_bytes()).collect();
    let mut requests: BTreeMap<RequestNumber, Mark> = BTreeMap::new();
    let mut found = Vec::new();
    for entry in entries.iter().take_while(|entry| entry.at <= violation.at) {
        let mark = match &entry.fact {
            Fact::Sent { request, mark, .. } => {
                requests.insert(*request, *mark);
                Some(*mark)
            }
            Fact::Ended { request, .. } => requests.get(request).copied(),
            Fact::Progress { mark, .. } | Fact::Ran { mark, .. } | Fact::Task { mark, .. } => Some(*mark),
            _ => None,
        };
        let is_named = mark.is_some_and(|mark| named.contains(&mark));
        let is_clients = violation.client.is_some() && entry.fact.client() == violation.client;
        if if named.is_empty() { is_clients } else { is_named } && entry.at + LENGTH_NS >= violation.at {
            found.push(entry);
        }
    }
    found.split_off(found.len().saturating_sub(CLIENT_STEPS_MAX))
}

/// What led to the first violation.
pub(super) fn story(report: &Report, episodes: &[Episode]) -> Vec<Step> {
    let Some(violation) = report.violations.first() else { return Vec::new() };
    let concerned = concerned(&report.history, violation);
    let begin = concerned.first().map_or(violation.at, |entry| entry.at).saturating_sub(BEFORE_NS);
    let mut steps: Vec<Step> = concerned
        .iter()
        .map(|entry| {
            let (at, lane) = (entry.at, lane_of(report, &entry.fact));
            Step { at, lane, kind: "client", text: in_words(&entry.fact) }
        })
        .collect();
    for episode in episodes {
        let lasts = episode.end.is_none_or(|end| end >= begin);
        if episode.at > violation.at || !lasts {
            continue;
        }
        let (lane, kind) = (episode.nodes.first().map(|node| node.0), "fault");
        steps.push(Step { at: episode.at, lane, kind, text: episode.text.clone() });
        if let (Some(at), Some(text)) = (episode.end, &episode.end_text)
            && at <= violation.at
        {
            steps.push(Step { at, lane, kind, text: text.clone() });
        }
    }
    let entries = report.history.iter().filter(|entry| (begin..=violation.at).contains(&entry.at));
    steps.extend(leaders(entries));
    // What happens at once stands in the order of cause: first what went wrong.
    steps.sort_by_key(|step| (step.at, step.kind != "fault"));
    // One healing puts right what several faults did.
    steps.dedup_by(|next, step| (next.at, &next.text) == (step.at, &step.text));
    let text = format!("VIOLATION of `{}`: {}", violation.check, violation.what);
    let lane = violation.client.map(|client| super::host_of(report, client));
    steps.push(Step { at: violation.at, lane, kind: "violation", text });
    steps
}

/// Who began and ceased to lead, a step for each node and moment.
fn leaders<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Step> {
    struct Burst {
        at: u64,
        groups: Vec<GroupId>,
    }
    let mut bursts: BTreeMap<(NodeId, bool), Vec<Burst>> = BTreeMap::new();
    for entry in entries {
        let (node, group, begins) = match &entry.fact {
            Fact::Node(node, Event::LeadershipBegan(group, _)) => (*node, *group, true),
            Fact::Node(node, Event::LeadershipEnded(group, _)) => (*node, *group, false),
            _ => continue,
        };
        let bursts = bursts.entry((node, begins)).or_default();
        match bursts.last_mut() {
            Some(burst) if entry.at - burst.at <= TOGETHER_NS => burst.groups.push(group),
            _ => bursts.push(Burst { at: entry.at, groups: vec![group] }),
        }
    }
    let mut steps = Vec::new();
    for ((node, begins), bursts) in bursts {
        for Burst { at, groups } in bursts {
            let names: Vec<String> = groups.iter().map(ToString::to_string).collect();
            let verb = if begins { "leads" } else { "leads no more" };
            let text = format!("{node} {verb}: {}", names.join(" "));
            steps.push(Step { at, lane: Some(node.0), kind: "leader", text });
        }
    }
    steps
}
