//! The rows of the page of which there may be too many: requests, what else happened, and messages. Those that say most about the
//! first violation are kept.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use switchboard::event::Event;

use super::{host_of, in_words, lane_of};
use crate::check::{ClientId, Entry, Fact, RequestNumber};
use crate::client::{Errand, Outcome};
use crate::net::Carried;
use crate::node::NodeId;
use crate::scenario::Report;

/// What the page is about, and so what is kept where not everything can be.
pub(super) struct Focus {
    at: u64,
    client: Option<ClientId>,
}

impl Focus {
    pub(super) fn of(report: &Report) -> Self {
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
pub(super) struct Names {
    pub(super) errands: Vec<String>,
    pub(super) outcomes: Vec<(String, bool)>,
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

/// The requests that are kept, and how many there were.
pub(super) fn requests(
    report: &Report,
    names: &mut Names,
    focus: &Focus,
    max: usize,
) -> (Vec<[i64; 10]>, usize) {
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
pub(super) fn facts(report: &Report, focus: &Focus, max: usize) -> (Vec<(u64, i64, i64, String)>, usize) {
    let span = report.wishes.carried_ms.map(|(from, to)| from * 1_000_000..to * 1_000_000);
    let is_kept = |entry: &&Entry| match &entry.fact {
        Fact::Node(
            _,
            Event::QueueLength { .. } | Event::ConnectionOpened(_) | Event::ConnectionClosed(_),
        ) => false,
        Fact::Node(_, Event::LifeBegan(_))
        | Fact::Booted(_)
        | Fact::Drained(_)
        | Fact::GaveUp(..)
        | Fact::Note(..) => true,
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
        Fact::Booted(_) | Fact::Drained(_) | Fact::GaveUp(..) => 0,
        _ => entry.at.abs_diff(focus.at),
    };
    let rows = Focus::keep(rows, max, rank).into_iter().map(|entry| {
        let lane = lane_of(report, &entry.fact).map_or(-1, i64::from);
        let client = entry.fact.client().map_or(-1, |client| i64::from(client.0));
        (entry.at, lane, client, in_words(&entry.fact))
    });
    (rows.collect(), all)
}

/// When it was sent, when it arrived or was lost, from, to, over which connection, how many bytes, whether it was lost, and its
/// first bytes.
#[derive(Serialize)]
pub(super) struct Message(u64, u64, NodeId, NodeId, u64, u64, bool, String);

pub(super) fn messages(report: &Report, focus: &Focus, max: usize) -> Vec<Message> {
    let (servers, _) = report.servers_and_hosts;
    let all = report.carried.iter().filter(|carried| carried.from != carried.to).collect();
    let rows = Focus::keep(all, max, |carried| carried.at.abs_diff(focus.at));
    let row = |carried: &Carried| {
        // What nodes say to each other is no text.
        let is_clients = carried.from.0 >= servers || carried.to.0 >= servers;
        let head =
            if is_clients { String::from_utf8_lossy(&carried.head).into_owned() } else { String::new() };
        let Carried { sent_at, at, from, to, connection, bytes, is_lost, .. } = *carried;
        Message(sent_at, at, from, to, connection, bytes, is_lost, head)
    };
    rows.into_iter().map(row).collect()
}
