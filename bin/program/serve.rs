//! `switchboard serve`: a node on this machine's ports, until a signal.

use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;

use switchboard_bin::config::{ClusterOverrides, Overrides, Settings, check_level, check_seed, read_address};
use switchboard_bin::world::{self, TokioEnv};

use super::banner::Banner;
use super::signals::Signals;
use super::{demo, startup};

/// Serve MCP over HTTP, and over TCP where that is configured (the default command)
///
/// Prints where it serves and how to connect a client, and runs until Ctrl-C, SIGTERM or `switchboard drain`. The
/// operator's port (127.0.0.1:9090 by default) answers /livez, /readyz, /metrics and /status.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Read settings from this TOML file; `switchboard check --example` prints one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Serve HTTP at this address, or `off` [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", value_parser = Endpoint::read)]
    listen: Option<Endpoint>,
    /// Serve /livez, /readyz, /metrics, /status and POST /drain at this address, or `off` [default: 127.0.0.1:9090]
    #[arg(long, value_name = "ADDR", value_parser = Endpoint::read)]
    admin: Option<Endpoint>,
    /// Log at off, error, warn, info, debug or trace, or as in info,switchboard::node=debug [default: info]
    #[arg(long, value_name = "LEVEL", value_parser = read_level)]
    log: Option<String>,
    /// Threads that run the node [default: one a core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
    /// Keep the node's state (keys, sessions, tasks) in this directory
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Print no banner
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// How the node takes part in a cluster. Any of these makes it a node of one.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Cluster (any of these makes the node a part of one)")]
struct ClusterArgs {
    /// The cluster's name [default: switchboard]
    #[arg(long, value_name = "NAME")]
    cluster_name: Option<String>,
    /// Take other nodes' connections at this address [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDR")]
    cluster_listen: Option<SocketAddr>,
    /// Ask this node for the way in; a name counts with all of its addresses. Several times for several nodes
    #[arg(long = "seed", value_name = "HOST:PORT", value_parser = read_seed)]
    seeds: Vec<String>,
    /// Found the cluster where no seed knows of one: for one of its nodes
    #[arg(long)]
    found: bool,
    /// Read the cluster's secret from this file; `switchboard secret` makes one
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// What fails together with this node, such as a rack
    #[arg(long, value_name = "NAME")]
    zone: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  switchboard serve --listen 127.0.0.1:8000
  switchboard serve --config /etc/switchboard.toml --log warn
  switchboard serve --listen [::1]:8080 --admin off

A cluster of two on this machine; a third one follows the second:
  switchboard secret /tmp/key
  switchboard serve --state-dir /tmp/a --secret-file /tmp/key --found
  switchboard serve --state-dir /tmp/b --secret-file /tmp/key \\
      --seed 127.0.0.1:7070 --cluster-listen 127.0.0.1:7071 \\
      --listen 127.0.0.1:8081 --admin 127.0.0.1:9091

An option counts more than the file. Serving beyond loopback takes tokens and host names, and so a file; and so do TLS
between the nodes of a cluster and the rest of its settings: `switchboard check --example` shows them.";

/// An address, or off.
#[derive(Clone, Copy, Debug)]
struct Endpoint(Option<SocketAddr>);

impl Endpoint {
    fn read(text: &str) -> Result<Self, String> {
        read_address(text).map(Self).map_err(|reason| format!("it {reason}"))
    }
}

/// A log level as the command line takes it.
pub(super) fn read_level(text: &str) -> Result<String, String> {
    check_level(text).map(|()| text.to_owned())
}

fn read_seed(text: &str) -> Result<String, String> {
    check_seed(text).map(|()| text.to_owned()).map_err(|reason| format!("it {reason}"))
}

/// Runs `switchboard serve`.
pub(super) fn main(args: &Args) -> ExitCode {
    let cluster = args.cluster.clone();
    let overrides = Overrides {
        listen: args.listen.map(|endpoint| endpoint.0),
        admin: args.admin.map(|endpoint| endpoint.0),
        log_level: args.log.clone(),
        workers: args.workers,
        state_dir: args.state_dir.clone(),
        cluster: cluster.into(),
    };
    let quiet = args.quiet;
    startup::run(args.config.as_deref(), &overrides, move |settings| serve(settings, quiet))
}

impl From<ClusterArgs> for ClusterOverrides {
    fn from(args: ClusterArgs) -> Self {
        let ClusterArgs { cluster_name, cluster_listen, seeds, found, secret_file, zone } = args;
        Self { name: cluster_name, listen: cluster_listen, seeds, found, secret_file, zone }
    }
}

async fn serve(mut settings: Settings, quiet: bool) -> Result<(), String> {
    settings.look_up_seeds().await?;
    let config = settings.node;
    if config.http.is_none() && config.tcp.is_none() {
        return Err("there is nothing to serve: http and tcp are both off".to_owned());
    }
    let signals = Signals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let env = TokioEnv::boot().map_err(|error| format!("the system gives no randomness: {error}"))?;
    let mut signal = pin!(signals.first());
    // A node that looks for the way into its cluster may do so for a minute.
    let node = tokio::select! {
        node = world::start(env, config.clone(), demo::catalogue()) => node,
        signal = &mut signal => return Err(format!("{signal} came before the node was ready")),
    };
    let node = node.map_err(|error| startup::explain(&error, &config))?;
    tracing::info!(
        http = node.http_address().map(tracing::field::display),
        tcp = node.tcp_address().map(tracing::field::display),
        admin = node.admin_address().map(tracing::field::display),
        "ready"
    );
    if !quiet {
        let banner = Banner::new(&config, node.http_address(), node.tcp_address(), node.admin_address());
        // Whoever does not read standard output is not to end the server by that.
        let _ = write!(stdout(), "{banner}").and_then(|()| stdout().flush());
    }
    let signal = tokio::select! {
        signal = &mut signal => signal,
        failure = node.stopped() => return match failure {
            None => {
                tracing::info!("drained by its operator, ended");
                Ok(())
            }
            Some(cause) => Err(format!("the node stopped by itself, for its state could not be kept: {cause}")),
        },
    };
    tracing::info!(
        "{signal}: finishing what is under way, for {} ms at most; again to end at once",
        config.limits.drain_ms_max
    );
    node.drain().await;
    tracing::info!("ended");
    Ok(())
}
