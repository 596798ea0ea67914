//! `switchboard stdio`: a node for the client that started this process, until standard input ends.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use switchboard::node::Config;
use switchboard_bin::config::{Overrides, Settings};
use switchboard_bin::world::{self, TokioEnv};

use super::serve::read_level;
use super::signals::Signals;
use super::{banner, demo, startup};

/// Serve MCP on standard input and output, one JSON message a line
///
/// This is how a client starts a server of its own: it puts the command into its configuration, as in
/// {"mcpServers":{"switchboard":{"command":"switchboard","args":["stdio"]}}}. Logs go to standard error. The program ends
/// when standard input ends, after what is under way. No port is opened, whatever the file says.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Read settings from this TOML file: limits, state_dir and log count here
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Log at off, error, warn, info, debug or trace, or as in info,switchboard::node=debug [default: info]
    #[arg(long, value_name = "LEVEL", value_parser = read_level)]
    log: Option<String>,
}

const EXAMPLES: &str = r#"Example:
  echo '{"jsonrpc":"2.0","id":1,"method":"ping"}' | switchboard stdio"#;

/// Runs `switchboard stdio`.
pub(super) fn main(args: &Args) -> ExitCode {
    let overrides = Overrides { log_level: args.log.clone(), ..Overrides::default() };
    startup::run(args.config.as_deref(), &overrides, serve)
}

async fn serve(settings: Settings) -> Result<(), String> {
    let config = Config { http: None, tcp: None, admin: None, ..settings.node };
    let signals = Signals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let env = TokioEnv::boot().map_err(|error| format!("the system gives no randomness: {error}"))?;
    let node = world::start(env, config.clone(), demo::catalogue())
        .await
        .map_err(|error| startup::explain(&error, &config))?;
    if std::io::stdin().is_terminal() {
        eprintln!("{}", banner::stdio_hint());
    }
    let served = node.serve_stdio(tokio::io::stdin(), tokio::io::stdout());
    let drained = async {
        let signal = signals.first().await;
        tracing::info!(
            "{signal}: finishing what is under way, for {} ms at most",
            config.limits.drain_ms_max
        );
        node.drain().await;
    };
    // A drain makes the channel end, so whichever ends first, nothing is left to write.
    tokio::select! {
        () = served => {}
        () = drained => {}
    }
    Ok(())
}
