//! `switchboard check`: what a configuration says, or everything that is wrong with it.

use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use switchboard::node::{ClusterConfig, Config};
use switchboard_bin::config::{EXAMPLE, LogFormat, Overrides, Settings, changed_limits};

use super::startup;

/// Check a configuration file without serving
///
/// Prints what the file says and exits with 0, or prints every problem as file:line:column and exits with 1. Variables
/// (${VAR}) are taken from the environment of this command. Secrets are not printed.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The TOML file
    #[arg(value_name = "FILE", required_unless_present = "example")]
    file: Option<PathBuf>,
    /// Print a file with every setting, its default and what it is for
    #[arg(long, conflicts_with = "file")]
    example: bool,
}

const EXAMPLES: &str = "\
Examples:
  switchboard check --example > switchboard.toml
  switchboard check switchboard.toml && switchboard --config switchboard.toml";

/// Runs `switchboard check`.
pub(super) fn main(args: &Args) -> ExitCode {
    let Some(file) = &args.file else { return print(EXAMPLE) };
    match startup::settings(Some(file), &Overrides::default()) {
        Ok(settings) => print(&format!("{} is right.\n\n{}", file.display(), summary(&settings))),
        Err(problems) => startup::refuse(&problems),
    }
}

fn print(text: &str) -> ExitCode {
    match stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => startup::fail(&format!("cannot write to standard output: {error}")),
    }
}

fn summary(settings: &Settings) -> String {
    let Settings { node, seeds, workers, log_level, log_format } = settings;
    let Config { http, tcp, admin, tokens, open_to_the_network, state_dir, cluster, limits } = node;
    let off = || "off".to_owned();
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        writeln!(text, "  {name:<9} {value}").expect("a string must take text");
    };
    match http {
        None => line("http", "off"),
        Some(http) => {
            line("http", &format!("http://{}{}", http.listen, http.path));
            line("sse", if http.sse { "2024-11-05 clients at /sse" } else { "off" });
            line("hosts", &listed(&http.hosts, "loopback's own"));
            line(
                "origins",
                &listed(&http.origins, if http.hosts.is_empty() { "loopback's own" } else { "none" }),
            );
        }
    }
    line("tcp", &tcp.map_or_else(off, |address| address.to_string()));
    line(
        "admin",
        &admin.map_or_else(off, |address| format!("http://{address}/livez /readyz /metrics /status")),
    );
    let principals: Vec<String> = tokens.iter().map(|token| token.principal.clone()).collect();
    line("tokens", &listed(&principals, "none: everybody who reaches a listener may call"));
    if *open_to_the_network {
        line(
            "network",
            "open, in so many words: listeners may be reached from other machines without a token",
        );
    }
    let state = "none: keys, sessions and tasks die with the process".to_owned();
    line("state", &state_dir.as_ref().map_or(state, |path| path.display().to_string()));
    match cluster {
        None => line("cluster", "none: the node is alone"),
        Some(cluster) => cluster_lines(cluster, seeds, &mut line),
    }
    let changed: Vec<String> =
        changed_limits(limits).iter().map(|(name, value)| format!("{name} = {value}")).collect();
    line("limits", &listed(&changed, "as by default"));
    line("workers", &workers.map_or_else(|| "one a core".to_owned(), |workers| workers.to_string()));
    let format = match log_format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    line("log", &format!("{log_level}, {format}"));
    text
}

fn cluster_lines(cluster: &ClusterConfig, seeds: &[String], line: &mut impl FnMut(&str, &str)) {
    line("cluster", &format!("{:?}, listening at {}", cluster.name, cluster.listen));
    if let Some(address) = cluster.advertise {
        line("advertise", &format!("others connect to {address}"));
    }
    line("seeds", &listed(seeds, "none"));
    match &cluster.shield {
        None => line("tls", "off: what nodes say to each other is proven, and not encrypted"),
        Some(tls) => line("tls", &format!("on; to other nodes, this one is {:?}", tls.name())),
    }
    if cluster.found {
        let (groups, nodes) = (cluster.groups, cluster.nodes);
        let placed = if nodes > 1 { format!(", placed once {nodes} nodes are up,") } else { String::new() };
        line("found", &format!("founds a cluster of {groups} groups{placed} where no seed knows of one"));
    }
    if !cluster.zone.is_empty() {
        line("zone", &cluster.zone);
    }
}

fn listed(entries: &[String], none: &str) -> String {
    if entries.is_empty() { none.to_owned() } else { entries.join(", ") }
}
