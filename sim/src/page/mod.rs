//! One page that explains a run: a lane for each node with its life, the groups that it leads and what it served; faults, requests,
//! messages and violations in time; and what led to the first violation. It is one HTML file that loads nothing.
//!
//! `data` is what goes in; `faults`, `rows` and `story` are parts of that. What is drawn, and how it is looked through, is in
//! `page.html`, `style.css` and the scripts, which are joined here.

mod data;
mod faults;
mod rows;
mod story;

use switchboard::event::Event;

use crate::check::{ClientId, Fact, Who};
use crate::scenario::{Report, shortened};

use data::{Bounds, Data};

/// A page is this large at most, unless said otherwise.
pub const BYTES_MAX: usize = 10 * 1024 * 1024;

/// The parts of the page, in the order in which they are joined.
const SCRIPTS: [&str; 5] = [
    include_str!("model.js"),
    include_str!("view.js"),
    include_str!("lanes.js"),
    include_str!("draw.js"),
    include_str!("panel.js"),
];
const FRAME: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");

/// A page cannot be made so small.
#[derive(Debug, thiserror::Error)]
#[error("the page would have {bytes} bytes without a single request or message, and may have {bytes_max}")]
pub struct TooLarge {
    bytes: usize,
    bytes_max: usize,
}

/// The page of a run whose history was [kept](crate::scenario::Wishes::keeps_history). `commit` is the code that it ran on, where
/// that is known. Of requests, events and messages those that are nearest to the violation are kept, as many as fit.
///
/// # Errors
/// [`TooLarge`]: what cannot be left out does not fit.
pub fn page(report: &Report, commit: Option<&str>, bytes_max: usize) -> Result<String, TooLarge> {
    let mut bounds = Bounds::default();
    loop {
        let page = join(&Data::new(report, commit, bounds));
        if page.len() <= bytes_max {
            return Ok(page);
        }
        bounds = bounds.halved().ok_or(TooLarge { bytes: page.len(), bytes_max })?;
    }
}

/// The virtual milliseconds, from and to, whose [messages](crate::scenario::Wishes::carried_ms) say most about how a run failed: from
/// where the violation's part of the history begins to the violation. Of a run that passed, a second around the first fault, or
/// the first second of work.
#[must_use]
pub fn messages_ms(report: &Report) -> (u64, u64) {
    let ms = |nanos: u64| nanos / 1_000_000;
    let Some(violation) = report.violations.first() else {
        let first_work = || report.history.iter().find(|entry| matches!(entry.fact, Fact::Sent { .. }));
        let at = report.faults.first().map(|fired| fired.at).or_else(|| first_work().map(|entry| entry.at));
        let from = ms(at.unwrap_or_default()).saturating_sub(200);
        return (from, from + 1_000);
    };
    let begin = story::concerned(&report.history, violation).first().map_or(violation.at, |entry| entry.at);
    let from = ms(begin).max(ms(violation.at).saturating_sub(MESSAGES_MS_MAX)).saturating_sub(100);
    (from, ms(violation.at) + 100)
}

/// Messages are kept for so long before a violation at most.
const MESSAGES_MS_MAX: u64 = 5_000;

/// Puts data and parts into the frame. No text of a run can end the element that it stands in: it has no `<`.
fn join(data: &Data) -> String {
    let data = serde_json::to_string(data).expect("plain data must encode").replace('<', "\\u003c");
    let (before, rest) = FRAME.split_once("{{style}}").expect("the frame must have a place for the style");
    let (between, rest) = rest.split_once("{{data}}").expect("the frame must have a place for the data");
    let (behind, after) = rest.split_once("{{script}}").expect("the frame must have a place for the scripts");
    [before, STYLE, between, &data, behind, &SCRIPTS.concat(), after].concat()
}

/// The lane of the host that a client lives on.
fn host_of(report: &Report, client: ClientId) -> u32 {
    let (servers, hosts) = report.servers_and_hosts;
    // The clock's host is between.
    servers + 1 + client.0 % hosts.max(1)
}

/// On which lane something happened.
fn lane_of(report: &Report, fact: &Fact) -> Option<u32> {
    match fact {
        Fact::Booted(node)
        | Fact::Drained(node)
        | Fact::GaveUp(node, _)
        | Fact::Stands(node, _)
        | Fact::Holds(node, _)
        | Fact::Leaves(node, _)
        | Fact::Node(node, _)
        | Fact::Changed(node, _)
        | Fact::Ran { node, .. }
        | Fact::Left { node, .. }
        | Fact::Noted { by: Who::Node(node), .. } => Some(node.0),
        other => other.client().map(|client| host_of(report, client)),
    }
}

/// So many bytes of what a fact says are shown: what a node says of a large cluster is a page.
const WORDS_BYTES_MAX: usize = 300;

/// Something that happened, in words.
pub(crate) fn in_words(fact: &Fact) -> String {
    let text = match fact {
        Fact::Sent { request, mark, errand } => format!("{request:?} {errand:?} sent, for {mark}"),
        Fact::Ended { request, client, outcome, server } => {
            let server = server.map(|server| format!(" by {server}")).unwrap_or_default();
            format!("{request:?} of {client:?} ended{server}: {outcome}")
        }
        Fact::Ran { mark, node } => format!("the handler of {mark} runs on {node}"),
        Fact::Task { request, mark, status: Some(status) } => {
            format!("{request:?} says that the task of {mark} is {status:?}")
        }
        Fact::Task { request, mark, status: None } => {
            format!("{request:?} says that there is no task of {mark}")
        }
        Fact::Progress { mark, number } => format!("progress {number} of {mark}"),
        Fact::Note(client, text) => format!("{client:?}: {text}"),
        Fact::Called { client, tool, arguments } => format!("{client:?} calls {tool} {arguments:?}"),
        Fact::Returned { client, answer } => format!("{client:?} is told by {}: {answer}", answer.node),
        Fact::Noted { by, what } => format!("{by} notes {what:?}"),
        Fact::Node(node, event) => format!("{node}: {}", event_in_words(event)),
        other => format!("{other:?}"),
    };
    shortened(text, WORDS_BYTES_MAX)
}

fn event_in_words(event: &Event) -> String {
    match event {
        // The cluster counts its nodes from 1, and the simulator its hosts from 0.
        Event::LifeBegan(life) => {
            format!("life {} of the cluster's node {} begins", life.incarnation.0, life.node.0)
        }
        Event::LeadershipBegan(group, term) => format!("leads {group} in term {term}"),
        Event::LeadershipEnded(group, term) => format!("leads {group} no more, it did in term {term}"),
        Event::EntryTaken(group, index, _) => format!("{group} took entry {index}: a majority has it"),
        Event::CommandAcknowledged(group) => format!("owner of {group} acknowledges a command"),
        Event::MapTaken(epoch) => format!("goes by map {}", epoch.0),
        other => format!("{other:?}"),
    }
}
