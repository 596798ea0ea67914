//! `switchboard serve`: a node on this machine's ports, until a signal.

use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use switchboard::node::Node;
use switchboard_bin::config::{Overrides, Settings, check_level, read_address};
use switchboard_bin::world::TokioEnv;

use super::banner::Banner;
use super::signals::Signals;
use super::{demo, startup};

/// Serve MCP over HTTP, and over TCP where that is configured (the default command)
///
/// Prints where it serves and how to connect a client, and runs until Ctrl-C or SIGTERM. The operator's port
/// (127.0.0.1:9090 by default) answers /livez, /readyz and /metrics.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Read settings from this TOML file; `switchboard check --example` prints one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Serve HTTP at this address, or `off` [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", value_parser = Endpoint::read)]
    listen: Option<Endpoint>,
    /// Serve /livez, /readyz and /metrics at this address, or `off` [default: 127.0.0.1:9090]
    #[arg(long, value_name = "ADDR", value_parser = Endpoint::read)]
    admin: Option<Endpoint>,
    /// Log at off, error, warn, info, debug or trace, or as in info,switchboard::node=debug [default: info]
    #[arg(long, value_name = "LEVEL", value_parser = read_level)]
    log: Option<String>,
    /// Threads that run the node [default: one a core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
    /// Print no banner
    #[arg(long, short)]
    quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  switchboard serve --listen 127.0.0.1:8000
  switchboard serve --config /etc/switchboard.toml --log warn
  switchboard serve --listen [::1]:8080 --admin off

An option counts more than the file. Serving beyond loopback takes tokens and host names, and so a file.";

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

/// Runs `switchboard serve`.
pub(super) fn main(args: &Args) -> ExitCode {
    let overrides = Overrides {
        listen: args.listen.map(|endpoint| endpoint.0),
        admin: args.admin.map(|endpoint| endpoint.0),
        log_level: args.log.clone(),
        workers: args.workers,
    };
    let quiet = args.quiet;
    startup::run(args.config.as_deref(), &overrides, move |settings| serve(settings, quiet))
}

async fn serve(settings: Settings, quiet: bool) -> Result<(), String> {
    let config = settings.node;
    if config.http.is_none() && config.tcp.is_none() {
        return Err("there is nothing to serve: http and tcp are both off".to_owned());
    }
    let signals = Signals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let env = TokioEnv::boot().map_err(|error| format!("the system gives no randomness: {error}"))?;
    let node = Node::start(env, config.clone(), demo::catalogue())
        .await
        .map_err(|error| startup::explain(&error, &config))?;
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
    let signal = signals.first().await;
    tracing::info!(
        "{signal}: finishing what is under way, for {} ms at most; again to end at once",
        config.limits.drain_ms_max
    );
    node.drain().await;
    tracing::info!("ended");
    Ok(())
}
