//! What the page is made of. Rows are arrays, and what is named often is a number into a list of names.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};
use switchboard::event::Event;

use super::faults::{Episode, episodes};
use super::story::{Step, story};
use super::{host_of, in_words, lane_of};
use crate::check::{ClientId, Entry, Fact, RequestNumber, Violation};
use crate::client::{Errand, Outcome};
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
    /// `[at, lane, client or -1, text]`
    facts: Vec<(u64, i64, i64, String)>,
    /// `[sent, at, from, to, connection, bytes, whether it was lost, its first bytes]`
    messages: Vec<(u64, u64, NodeId, NodeId, u64, u64, bool, String)>,
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

/// What the page is about, and so what is kept where not everything can be.
struct Focus {
    at: u64,
    client: Option<ClientId>,
}

impl Focus {
    fn of(report: &Report) -> Self {
        let fault = || report.faults.first().map_or(0, |fired| fired.at);
        match report.violations.first() {
            Some(violation) => Self { at: violation.at, client: violation.client },
            None => Self { at: fault(), client: None },
        }
    }

    /// The rows that matter most, in their order: those with the smallest rank.
    fn keep<T>(rows: Vec<T>, max: usize, rank: impl Fn(&T) -> u64) -> Vec<T> {
        if rows.len() <= max {
            return rows;
        }
        let mut ranks: Vec<(u64, usize)> = rows.iter().map(rank).zip(0..).collect();
        ranks.sort_unstable();
        let kept: BTreeSet<usize> = ranks.into_iter().take(max).map(|(_, place)| place).collect();
        rows.into_iter().enumerate().filter(|(place, _)| kept.contains(place)).map(|(_, row)| row).collect()
    }
}

#[derive(Default)]
struct Names {
    errands: Vec<String>,
    outcomes: Vec<(String, bool)>,
}

impl Names {
    fn errand(&mut self, errand: Errand) -> i64 {
        number_of(&mut self.errands, format!("{errand:?}"))
    }

    fn outcome(&mut self, errand: Errand, outcome: Outcome) -> i64 {
        // Who stops waiting because its own part is over has lost nothing.
        let is_fine = errand.expects(outcome) || outcome == Outcome::GivenUp;
        number_of(&mut self.outcomes, (outcome.to_string(), is_fine))
    }
}

fn number_of<T: PartialEq>(names: &mut Vec<T>, name: T) -> i64 {
    let number = names.iter().position(|other| *other == name).unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    });
    i64::try_from(number).unwrap_or(-1)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
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
        "flaw": report.wishes.flaw.map(switchboard::node::Flaw::name),
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

/// The requests that are kept, and how many there were.
fn requests(report: &Report, names: &mut Names, focus: &Focus, max: usize) -> (Vec<[i64; 10]>, usize) {
    let mut rows = Vec::new();
    let mut open: BTreeMap<RequestNumber, (usize, Errand)> = BTreeMap::new();
    for entry in &report.history {
        match &entry.fact {
            Fact::Sent { request, mark, errand } => {
                let [client, session, call] = [mark.client.0, mark.session, mark.call].map(i64::from);
                let (at, number) = (signed(entry.at), signed(request.0));
                let lane = i64::from(host_of(report, mark.client));
                open.insert(*request, (rows.len(), *errand));
                rows.push([at, -1, number, client, session, call, names.errand(*errand), -1, -1, lane]);
            }
            Fact::Ended { request, outcome, server, .. } => {
                let Some((place, errand)) = open.remove(request) else { continue };
                let row: &mut [i64; 10] = &mut rows[place];
                row[1] = signed(entry.at);
                row[7] = names.outcome(errand, *outcome);
                row[8] = server.map_or(-1, |server| i64::from(server.0));
            }
            _ => {}
        }
    }
    let all = rows.len();
    let client = focus.client.map_or(-1, |client| i64::from(client.0));
    let is_fine = |row: &[i64; 10]| usize::try_from(row[7]).is_ok_and(|outcome| names.outcomes[outcome].1);
    let rank = |row: &[i64; 10]| {
        let is_of_interest = row[3] == client || !is_fine(row);
        if is_of_interest { 0 } else { row[0].abs_diff(signed(focus.at)) }
    };
    (Focus::keep(rows, max, rank), all)
}

/// What else happened: to the client of the violation always, and on nodes where messages were kept.
fn facts(report: &Report, focus: &Focus, max: usize) -> (Vec<(u64, i64, i64, String)>, usize) {
    let span = report.wishes.carried_ms.map(|(from, to)| from * 1_000_000..to * 1_000_000);
    let is_kept = |entry: &&Entry| match &entry.fact {
        Fact::Node(
            _,
            Event::QueueLength { .. } | Event::ConnectionOpened(_) | Event::ConnectionClosed(_),
        ) => false,
        Fact::Node(_, Event::LifeBegan(_)) | Fact::Booted(_) | Fact::Drained(_) | Fact::Note(..) => true,
        Fact::Sent { .. } | Fact::Ended { .. } => false,
        fact if focus.client.is_some() && fact.client() == focus.client => true,
        Fact::Node(..) | Fact::Ran { .. } | Fact::Changed(..) | Fact::Task { .. } => {
            span.as_ref().is_some_and(|span| span.contains(&entry.at))
        }
        _ => false,
    };
    let rows: Vec<&Entry> = report.history.iter().filter(is_kept).collect();
    let all = rows.len();
    let rank = |entry: &&Entry| match entry.fact {
        Fact::Booted(_) | Fact::Drained(_) => 0,
        _ => entry.at.abs_diff(focus.at),
    };
    let rows = Focus::keep(rows, max, rank).into_iter().map(|entry| {
        let lane = lane_of(report, &entry.fact).map_or(-1, i64::from);
        let client = entry.fact.client().map_or(-1, |client| i64::from(client.0));
        (entry.at, lane, client, in_words(&entry.fact))
    });
    (rows.collect(), all)
}

fn messages(
    report: &Report,
    focus: &Focus,
    max: usize,
) -> Vec<(u64, u64, NodeId, NodeId, u64, u64, bool, String)> {
    let (servers, _) = report.servers_and_hosts;
    let all = report.carried.iter().filter(|carried| carried.from != carried.to).collect();
    let rows = Focus::keep(all, max, |carried| carried.at.abs_diff(focus.at));
    let row = |carried: &crate::net::Carried| {
        // What nodes say to each other is no text.
        let is_clients = carried.from.0 >= servers || carried.to.0 >= servers;
        let head =
            if is_clients { String::from_utf8_lossy(&carried.head).into_owned() } else { String::new() };
        let crate::net::Carried { sent_at, at, from, to, connection, bytes, is_lost, .. } = *carried;
        (sent_at, at, from, to, connection, bytes, is_lost, head)
    };
    rows.into_iter().map(row).collect()
}
