//! `switchboard status`: how a node and its cluster stand, for a person.

use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::process::ExitCode;

use serde::Deserialize;

use super::operator::Operator;
use super::startup;

/// Show how a node and its cluster stand
///
/// Asks one node, which asks all others; one that does not answer within a second is shown as the map of the cluster knows
/// it. Exits with 0 where every node that should be up answers and every group has a leader, else with 1.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A node's operator's port
    #[arg(long, value_name = "ADDR", default_value = switchboard_bin::config::ADMIN_DEFAULT, value_parser = Operator::read)]
    admin: Operator,
    /// Show every group in a line of its own
    #[arg(long)]
    groups: bool,
    /// Print the node's answer as it is
    #[arg(long, conflicts_with = "groups")]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  switchboard status
  switchboard status --admin 10.0.0.5:9090 --groups
  switchboard status --json | jq '.nodes[] | select(.answers | not)'

Columns:
  epoch       the map that the node has; one that is behind for long does not hear the others
  leads       groups that it leads, of those that it holds a replica of
  sessions    of the groups that it leads
  lag         log entries that the replica furthest behind lacks
  stop safe   whether every group goes on when this node stops now";

/// The answer of `/status`, as far as it is shown.
#[derive(Deserialize)]
struct Status {
    asked: u64,
    epoch: u64,
    feature_level: u16,
    voters: Vec<u64>,
    leader: Option<u64>,
    nodes: Vec<Node>,
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Node {
    id: u64,
    state: String,
    http: Option<String>,
    mesh: String,
    zone: String,
    answers: bool,
    epoch: Option<u64>,
    replicas: usize,
    leads: usize,
    sessions: usize,
    broken: u64,
    safe_to_stop: Safe,
}

#[derive(Deserialize)]
enum Safe {
    #[serde(rename = "Ok")]
    Yes(()),
    #[serde(rename = "Err")]
    No(String),
}

#[derive(Deserialize)]
struct Group {
    id: u64,
    replicas: Vec<u64>,
    leader: Option<u64>,
    term: u64,
    committed: Option<u64>,
    lag: Option<u64>,
    sessions: usize,
    moving: bool,
    splits_off: Option<u64>,
    asleep: bool,
}

/// Runs `switchboard status`.
pub(super) fn main(args: &Args) -> ExitCode {
    let answer = match args.admin.ask("GET", "/status") {
        Ok(answer) => answer,
        Err(error) => return startup::fail(&args.admin.explain(&error)),
    };
    if answer.status != 200 {
        return startup::fail(&format!("{} says {} {}", args.admin, answer.status, answer.body.trim()));
    }
    let status: Status = match serde_json::from_str(&answer.body) {
        Ok(status) => status,
        Err(error) => {
            return startup::fail(&format!("the node at {} is of another version: {error}", args.admin));
        }
    };
    let text = if args.json { answer.body + "\n" } else { shown(&status, args.groups) };
    // Whoever stops reading has seen enough.
    let _ = stdout().write_all(text.as_bytes());
    if status.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Status {
    fn is_well(&self) -> bool {
        self.nodes.iter().all(Node::is_well) && self.groups.iter().all(|group| group.leader.is_some())
    }

    /// What of a node's groups lacks most.
    fn lag_of(&self, node: u64) -> Option<u64> {
        self.groups.iter().filter(|group| group.leader == Some(node)).filter_map(|group| group.lag).max()
    }
}

impl Node {
    fn is_well(&self) -> bool {
        match self.state.as_str() {
            "up" => self.answers,
            "down" => false,
            _ => true,
        }
    }

    fn state(&self) -> String {
        if self.state == "up" && !self.answers { "silent".to_owned() } else { self.state.clone() }
    }
}

fn shown(status: &Status, with_groups: bool) -> String {
    let mut text = String::new();
    let voters: Vec<String> = status.voters.iter().map(u64::to_string).collect();
    let leader = status.leader.map_or_else(|| "nobody".to_owned(), |leader| format!("node {leader}"));
    let noun = if voters.len() == 1 { "node" } else { "nodes" };
    writeln!(
        text,
        "Map {} (level {}), as node {} knows it.\nControl group of {noun} {}, led by {leader}.\n",
        status.epoch,
        status.feature_level,
        status.asked,
        voters.join(", "),
    )
    .expect("a string must take text");
    nodes(status, &mut text);
    if with_groups {
        text.push('\n');
        groups(status, &mut text);
    }
    text.push('\n');
    summary(status, &mut text);
    text
}

fn nodes(status: &Status, text: &mut String) {
    let head = ["node", "state", "http", "zone", "epoch", "leads", "sessions", "lag", "stop safe"];
    let mut rows = vec![head.map(str::to_owned)];
    for node in &status.nodes {
        rows.push([
            node.id.to_string(),
            node.state(),
            node.http.clone().unwrap_or_else(|| node.mesh.clone()),
            dashed(&node.zone),
            number(node.epoch),
            if node.answers { format!("{} of {}", node.leads, node.replicas) } else { "-".to_owned() },
            if node.answers { node.sessions.to_string() } else { "-".to_owned() },
            number(status.lag_of(node.id)),
            match node.safe_to_stop {
                // The map is then too old to tell.
                _ if node.state != "up" || !node.answers || status.leader.is_none() => "-".to_owned(),
                Safe::Yes(()) => "yes".to_owned(),
                Safe::No(_) => "no".to_owned(),
            },
        ]);
    }
    // A zone that nobody gave needs no column.
    let has_zones = status.nodes.iter().any(|node| !node.zone.is_empty());
    table(&rows, |column| has_zones || column != 3, text);
}

fn groups(status: &Status, text: &mut String) {
    let head = ["group", "leader", "replicas", "term", "committed", "sessions", "lag", ""];
    let mut rows = vec![head.map(str::to_owned)];
    for group in &status.groups {
        let replicas: Vec<String> = group.replicas.iter().map(u64::to_string).collect();
        let state = match (group.moving, group.splits_off, group.asleep) {
            (true, ..) => "moving".to_owned(),
            (false, Some(parent), _) => format!("splits off {parent}"),
            (false, None, true) => "asleep".to_owned(),
            (false, None, false) => String::new(),
        };
        rows.push([
            group.id.to_string(),
            number(group.leader),
            replicas.join(" "),
            group.term.to_string(),
            number(group.committed),
            group.sessions.to_string(),
            number(group.lag),
            state,
        ]);
    }
    table(&rows, |_| true, text);
}

/// What is worth a sentence.
fn summary(status: &Status, text: &mut String) {
    let mut line = |sentence: String| writeln!(text, "{sentence}").expect("a string must take text");
    let led = status.groups.iter().filter(|group| group.leader.is_some()).count();
    let count = status.groups.len();
    if led == count {
        line(format!("All {count} groups have a leader."));
    } else {
        let without: Vec<String> = status
            .groups
            .iter()
            .filter(|group| group.leader.is_none())
            .map(|group| group.id.to_string())
            .collect();
        line(format!("{} of {count} groups have no leader: {}.", count - led, without.join(", ")));
    }
    let moving = status.groups.iter().filter(|group| group.moving).count();
    if moving > 0 {
        line(format!("{moving} of {count} groups are moving."));
    }
    let splitting = status.groups.iter().filter(|group| group.splits_off.is_some()).count();
    if splitting > 0 {
        line(format!("{splitting} of {count} groups are new, and split off others."));
    }
    for node in &status.nodes {
        if !node.is_well() {
            line(format!("Node {} ({}) is {}.", node.id, node.mesh, node.state()));
        }
    }
    for node in status.nodes.iter().filter(|node| node.broken > 0) {
        line(format!(
            "Node {} began a duty again {} times after it broke: see its log.",
            node.id, node.broken
        ));
    }
    // Mostly it is the same for all of them.
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for node in status.nodes.iter().filter(|node| node.state == "up") {
        let Safe::No(reason) = &node.safe_to_stop else { continue };
        match reasons.iter_mut().find(|(other, _)| other == reason) {
            Some((_, nodes)) => nodes.push(node.id.to_string()),
            None => reasons.push((reason, vec![node.id.to_string()])),
        }
    }
    for (reason, nodes) in reasons {
        let noun = if nodes.len() == 1 { "node" } else { "any of nodes" };
        line(format!("Not safe to stop {noun} {}: {reason}.", nodes.join(", ")));
    }
}

fn dashed(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

/// Columns as wide as what is in them, two blanks apart.
fn table<const N: usize>(rows: &[[String; N]], is_shown: impl Fn(usize) -> bool, text: &mut String) {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    for row in rows {
        let mut line = String::from(" ");
        for (column, cell) in row.iter().enumerate().filter(|(column, _)| is_shown(*column)) {
            write!(line, " {cell:<0$} ", width(column)).expect("a string must take text");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}
