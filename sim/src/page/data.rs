//! What the page is made of. Rows are arrays, and what is named often is a number into a list of names.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use switchboard::event::Event;

use super::faults::{Episode, episodes};
use super::host_of;
use super::rows::{Focus, Message, Names, facts, messages, requests};
use super::story::{Step, story};
use crate::check::{Entry, Fact, Violation};
use crate::life::Turning;
use crate::node::NodeId;
use crate::scenario::{End, Report};

/// How much of a run goes into a page.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// Of requests, those that failed and those nearest to the violation first.
    requests_max: usize,
    /// Of what else happened to clients and on nodes, the nearest to the violation first.
    facts_max: usize,
    /// Of messages, the nearest to the violation first.
    messages_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { requests_max: 60_000, facts_max: 30_000, messages_max: 20_000 }
    }
}

impl Bounds {
    /// Half as much; `None` where that is nothing.
    pub(super) fn halved(self) -> Option<Self> {
        let Self { requests_max, facts_max, messages_max } = self;
        let half = |number: usize| number / 2;
        (requests_max + facts_max + messages_max > 0).then(|| Self {
            requests_max: half(requests_max),
            facts_max: half(facts_max),
            messages_max: half(messages_max),
        })
    }
}

/// See the [module](self) page. Times are nanoseconds of virtual time.
#[derive(Serialize)]
pub(super) struct Data {
    head: Value,
    end: u64,
    busy: u64,
    servers: u32,
    hosts: u32,
    /// The cluster's own numbers of nodes, by server.
    members: BTreeMap<NodeId, u64>,
    /// `[at, node, what]`
    lives: Vec<(u64, NodeId, &'static str)>,
    /// `[at, node, group, term, whether it begins]`
    leads: Vec<(u64, NodeId, u64, u64, bool)>,
    /// `[at, node, whether it opens]`
    sessions: Vec<(u64, NodeId, bool)>,
    faults: Vec<Episode>,
    errands: Vec<String>,
    /// `[name, whether it is no failure]`
    outcomes: Vec<(String, bool)>,
    /// `[sent, ended, number, client, session, call, errand, outcome, server, lane]`, without `ended`, `outcome`, `server`: -1
    requests: Vec<[i64; 10]>,
    /// `[at, lane or -1, client or -1, text]`
    facts: Vec<(u64, i64, i64, String)>,
    messages: Vec<Message>,
    /// From and to where messages were kept.
    span: Option<(u64, u64)>,
    violations: Vec<Value>,
    story: Vec<Step>,
    /// How many requests, facts and messages there were in all.
    counts: [usize; 3],
}

/// So many violations are shown, earliest first.
const VIOLATIONS_MAX: usize = 200;

impl Data {
    pub(super) fn new(report: &Report, commit: Option<&str>, bounds: Bounds) -> Self {
        let (servers, hosts) = report.servers_and_hosts;
        let focus = Focus::of(report);
        let faults = episodes(&report.faults);
        let mut names = Names::default();
        let (requests, requests_all) = requests(report, &mut names, &focus, bounds.requests_max);
        let (facts, facts_all) = facts(report, &focus, bounds.facts_max);
        let nanos = |ms: u64| ms * 1_000_000;
        Self {
            head: head(report, commit),
            end: u64::try_from(report.virtual_time.as_nanos()).unwrap_or(u64::MAX),
            busy: u64::try_from(report.busy_time.as_nanos()).unwrap_or(u64::MAX),
            servers,
            hosts,
            members: members(&report.history),
            lives: lives(report),
            leads: leads(&report.history),
            sessions: sessions(&report.history),
            story: story(report, &faults),
            faults,
            errands: names.errands,
            outcomes: names.outcomes,
            requests,
            facts,
            messages: messages(report, &focus, bounds.messages_max),
            span: report.wishes.carried_ms.map(|(from, to)| (nanos(from), nanos(to))),
            violations: report
                .violations
                .iter()
                .take(VIOLATIONS_MAX)
                .map(|found| told(report, found))
                .collect(),
            counts: [requests_all, facts_all, report.carried.len()],
        }
    }
}

fn head(report: &Report, commit: Option<&str>) -> Value {
    let what = match &report.end {
        End::Passed => "everything held".to_owned(),
        End::Crash(what) | End::Idle(what) => what.clone(),
        End::Safety(violation) | End::Liveness(violation) => violation.what.clone(),
    };
    json!({
        "scenario": report.scenario,
        "seed": report.wishes.seed.to_string(),
        "flaw": report.wishes.flaw.map(switchboard::probe::Flaw::name),
        "end": report.end.name(),
        "passed": report.is_passed(),
        "check": report.violations.first().map(|violation| violation.check),
        "what": what,
        "commit": commit,
        "replay": report.replay,
        "trace": report.trace_hash.to_string(),
        "requests": report.requests,
        "outcomes": report.outcomes,
        "violations": report.violations.len(),
        "setup": report.setup,
    })
}

fn told(report: &Report, violation: &Violation) -> Value {
    json!({
        "at": violation.at,
        "check": violation.check,
        "breach": violation.breach.name(),
        "client": violation.client.map(|client| client.0),
        "lane": violation.client.map(|client| host_of(report, client)),
        "what": violation.what,
    })
}

fn members(entries: &[Entry]) -> BTreeMap<NodeId, u64> {
    let lives = entries.iter().filter_map(|entry| match &entry.fact {
        Fact::Node(node, Event::LifeBegan(life)) => Some((*node, life.node.0)),
        _ => None,
    });
    lives.collect()
}

fn lives(report: &Report) -> Vec<(u64, NodeId, &'static str)> {
    let turned = report.lives.iter().map(|turned| {
        let what = match turned.into {
            Turning::Started => "started",
            Turning::Stopped => "stopped",
            Turning::Dark => "dark",
            Turning::Paused => "paused",
            Turning::Resumed => "resumed",
        };
        (turned.at, turned.node, what)
    });
    let told = report.history.iter().filter_map(|entry| match entry.fact {
        Fact::Booted(node) => Some((entry.at, node, "serves")),
        Fact::Drained(node) => Some((entry.at, node, "drained")),
        Fact::GaveUp(node, _) => Some((entry.at, node, "gave up")),
        _ => None,
    });
    let mut lives: Vec<_> = turned.chain(told).collect();
    lives.sort_by_key(|(at, ..)| *at);
    lives
}

fn leads(entries: &[Entry]) -> Vec<(u64, NodeId, u64, u64, bool)> {
    let changes = entries.iter().filter_map(|entry| match &entry.fact {
        Fact::Node(node, Event::LeadershipBegan(group, term)) => {
            Some((entry.at, *node, group.0, *term, true))
        }
        Fact::Node(node, Event::LeadershipEnded(group, term)) => {
            Some((entry.at, *node, group.0, *term, false))
        }
        _ => None,
    });
    changes.collect()
}

fn sessions(entries: &[Entry]) -> Vec<(u64, NodeId, bool)> {
    let changes = entries.iter().filter_map(|entry| match &entry.fact {
        Fact::Node(node, Event::SessionOpened(_)) => Some((entry.at, *node, true)),
        Fact::Node(node, Event::SessionClosed(_)) => Some((entry.at, *node, false)),
        _ => None,
    });
    changes.collect()
}
