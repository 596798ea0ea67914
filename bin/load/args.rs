//! The command line of `switchboard load`, checked before anything is sent.

use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::Value;

use super::options::{Idle, LoadOptions, Mix, Pace};
use super::request::{Ask, Era, Target};
use super::usage;

/// Put load on an MCP server and report rate, latency and every kind of failure.
///
/// Without --rate each connection sends as soon as it has its answer (closed loop): that finds the highest rate. With
/// --rate requests are due at fixed times whatever the server does (open loop), and latency counts from when a request
/// was due: that finds what users see at that rate.
///
/// Every request ends in exactly one counted outcome. Rate and latency are of good answers after the ramp.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The MCP endpoint; several times for the nodes of a cluster.
    #[arg(long = "url", value_name = "URL", default_value = "http://127.0.0.1:8080/mcp")]
    urls: Vec<String>,
    /// Revision to speak: 2026 (2026-07-28, stateless), 2025 (2025-11-25, with sessions), or both in turn.
    #[arg(long, value_enum, default_value_t = EraChoice::Stateless)]
    era: EraChoice,
    /// Connections that send requests, each one at a time.
    #[arg(long, value_name = "N", default_value_t = 64)]
    connections: usize,
    /// Requests a second over all connections, at fixed times.
    #[arg(long, value_name = "PER_S")]
    rate: Option<f64>,
    /// How long to send, or to hold with --idle; without --requests it is 10.
    #[arg(long, value_name = "S")]
    duration_s: Option<f64>,
    /// End after so many requests.
    #[arg(long, value_name = "N", conflicts_with = "idle")]
    requests: Option<u64>,
    /// Open connections, and climb to the rate, over this time before measuring.
    #[arg(long, value_name = "S", default_value_t = 0.0)]
    ramp_s: f64,
    /// Further clients that only hold a stream open.
    #[arg(long, value_name = "N", default_value_t = 0)]
    streams: usize,
    /// Open sessions with a stream each, hold them, then make one call on each. With --idle=connection: kept-alive
    /// connections after one call.
    #[arg(long, value_name = "WHAT", value_enum, num_args = 0..=1, require_equals = true,
          default_missing_value = "stream", conflicts_with = "rate")]
    idle: Option<IdleChoice>,
    /// The tool to call.
    #[arg(long, default_value = "echo")]
    tool: String,
    /// Its arguments, a JSON object.
    #[arg(long, value_name = "JSON", default_value = r#"{"text":"hello"}"#)]
    args: String,
    /// Parts of each kind of request: call, list (tools/list) and churn (a call by a client that just came).
    #[arg(long, value_name = "KIND=PARTS,…", default_value = "call=1")]
    mix: String,
    /// From when a request is due to when nobody waits for it any more.
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    timeout_ms: u64,
    /// Bearer token for the Authorization header.
    #[arg(long)]
    token: Option<String>,
    /// Threads of the generator. One is enough for some 100,000 requests a second.
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// End with one line of JSON instead of the table.
    #[arg(long)]
    pub(super) json: bool,
}

const EXAMPLES: &str = "\
Examples:
  switchboard load --url http://127.0.0.1:8080/mcp --duration-s 10
  switchboard load --rate 40000 --connections 64 --ramp-s 2 --json
  switchboard load --era 2025 --connections 500 --streams 500 --mix call=97,list=2,churn=1
  switchboard load --era 2025 --idle --connections 10000 --ramp-s 10 --duration-s 60";

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum EraChoice {
    #[value(name = "2025", alias = "2025-11-25")]
    Stateful,
    #[value(name = "2026", alias = "2026-07-28")]
    Stateless,
    Both,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum IdleChoice {
    Stream,
    Connection,
}

/// An option that cannot be meant.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{option}: {problem}")]
pub struct WrongOption {
    option: &'static str,
    problem: String,
}

fn wrong(option: &'static str, problem: impl Into<String>) -> WrongOption {
    WrongOption { option, problem: problem.into() }
}

impl Args {
    /// What these options mean.
    ///
    /// # Errors
    /// The first option that makes no sense, or a host name that has no address.
    pub fn check(&self) -> Result<LoadOptions, WrongOption> {
        let targets = self.urls.iter().map(|url| target(url)).collect::<Result<Vec<_>, _>>()?;
        let pace = match self.rate {
            None => Pace::Closed,
            Some(rate) if rate.is_finite() && rate > 0.0 => Pace::Open(rate),
            Some(rate) => return Err(wrong("--rate", format!("{rate} is no rate; give requests a second"))),
        };
        let duration = match (self.duration_s, self.requests) {
            (None, Some(_)) => None,
            (seconds, _) => Some(duration("--duration-s", seconds.unwrap_or(10.0))?),
        };
        if self.connections + self.streams == 0 || (self.connections == 0 && self.requests.is_some()) {
            return Err(wrong("--connections", "nothing would be sent; give at least 1"));
        }
        if self.threads == 0 || self.threads > 1_024 {
            return Err(wrong("--threads", "give 1 to 1024"));
        }
        if self.timeout_ms == 0 {
            return Err(wrong("--timeout-ms", "every request would time out; give at least 1"));
        }
        let options = LoadOptions {
            targets,
            ask: self.ask()?,
            eras: match self.era {
                EraChoice::Stateful => vec![Era::Stateful],
                EraChoice::Stateless => vec![Era::Stateless],
                EraChoice::Both => vec![Era::Stateful, Era::Stateless],
            },
            mix: mix(&self.mix)?,
            pace,
            connections: self.connections,
            streams: self.streams,
            idle: self.idle.map(|idle| match idle {
                IdleChoice::Stream => Idle::Stream,
                IdleChoice::Connection => Idle::Connection,
            }),
            duration,
            requests: self.requests,
            ramp: duration_or_zero("--ramp-s", self.ramp_s)?,
            timeout: Duration::from_millis(self.timeout_ms),
            threads: self.threads,
        };
        check_open_files(&options)?;
        Ok(options)
    }

    fn ask(&self) -> Result<Ask, WrongOption> {
        let arguments: Value = serde_json::from_str(&self.args)
            .map_err(|error| wrong("--args", format!("not JSON: {error}")))?;
        if !arguments.is_object() {
            return Err(wrong("--args", "the arguments of a tool are a JSON object"));
        }
        for (option, value) in [("--tool", Some(&self.tool)), ("--token", self.token.as_ref())] {
            // Both go into a header as they are.
            if value
                .is_some_and(|value| value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic()))
            {
                return Err(wrong(option, "only visible ASCII characters can be sent, at least one"));
            }
        }
        Ok(Ask { tool: self.tool.clone(), arguments, token: self.token.clone() })
    }
}

fn duration(option: &'static str, seconds: f64) -> Result<Duration, WrongOption> {
    let duration = duration_or_zero(option, seconds)?;
    if duration.is_zero() { Err(wrong(option, "give a time above 0")) } else { Ok(duration) }
}

fn duration_or_zero(option: &'static str, seconds: f64) -> Result<Duration, WrongOption> {
    const YEAR_S: f64 = 366.0 * 86_400.0;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if seconds <= YEAR_S => Ok(duration),
        _ => Err(wrong(option, format!("{seconds} is no number of seconds"))),
    }
}

fn mix(text: &str) -> Result<Mix, WrongOption> {
    let mut mix = Mix { call: 0, list: 0, churn: 0 };
    for part in text.split(',') {
        let (kind, parts) = part.trim().split_once('=').unwrap_or((part.trim(), "1"));
        let parts = u32::from_str(parts).map_err(|_| {
            wrong("--mix", format!("\"{parts}\" is no number of parts, as in call=97,list=3"))
        })?;
        match kind {
            "call" => mix.call = parts,
            "list" => mix.list = parts,
            "churn" => mix.churn = parts,
            _ => return Err(wrong("--mix", format!("\"{kind}\" is none of call, list, churn"))),
        }
    }
    if (mix.call, mix.list, mix.churn) == (0, 0, 0) {
        return Err(wrong("--mix", "all parts are 0"));
    }
    Ok(mix)
}

fn target(url: &str) -> Result<Target, WrongOption> {
    let wrong_url = |problem: &str| wrong("--url", format!("{url}: {problem}"));
    if url.starts_with("https://") {
        return Err(wrong_url("TLS is not spoken here; measure the plain port behind it"));
    }
    let rest = url.strip_prefix("http://").ok_or_else(|| wrong_url("it must begin with http://"))?;
    if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong_url("only visible ASCII characters can be sent"));
    }
    let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    let path = path.split('#').next().unwrap_or_default();
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    if host.is_empty() || host.contains('@') {
        return Err(wrong_url("it needs a host, and no user"));
    }
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let name = if has_port { host.to_owned() } else { format!("{host}:80") };
    let address: SocketAddr = name
        .to_socket_addrs()
        .map_err(|error| wrong_url(&format!("{name} has no address: {error}")))?
        .next()
        .ok_or_else(|| wrong_url("its host has no address"))?;
    Ok(Target { address, host: host.to_owned(), path })
}

/// To run out of descriptors in the middle would look like a failing server.
fn check_open_files(options: &LoadOptions) -> Result<(), WrongOption> {
    /// Standard streams, the runtimes' own, and what a terminal library opens.
    const OWN: usize = 32;
    let calls = if options.idle == Some(Idle::Stream) { options.connections.min(128) } else { 0 };
    let needed = options.connections + options.streams + calls + OWN + 4 * options.threads;
    match usage::open_files_max() {
        Some(max) if needed > max => Err(wrong(
            "--connections",
            format!(
                "{needed} open files are needed and {max} allowed; raise `ulimit -n` or run several processes"
            ),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
