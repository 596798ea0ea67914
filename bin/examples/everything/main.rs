//! A server with one of everything, as a tour of the library and as the server that the MCP conformance suite talks to.
//!
//! ```text
//! cargo run --release -p switchboard-bin --example everything -- --listen 127.0.0.1:8080
//! cargo run --release -p switchboard-bin --example everything -- --config switchboard.toml
//! cargo run --release -p switchboard-bin --example everything -- --stdio
//! ```
//!
//! Read it in this order; names that begin with `test_`, and those in `tasks`, are what the suite asks for.
//!
//! - [`content`]: tools that answer with each type of content.
//! - [`tools`]: arguments, structured results, errors, progress, log messages, work that blocks.
//! - [`asks`]: tools that ask the client's user, its model and its roots, in the middle of their work.
//! - [`forms`]: the fields that a user can be shown.
//! - [`tasks`]: work that outlives its request.
//! - [`resources`] and [`prompts`], with suggestions for what somebody types.
//! - [`changes`]: what is offered changes while clients listen.

mod asks;
mod changes;
mod content;
mod forms;
mod prompts;
mod resources;
mod tasks;
mod tools;

use std::error::Error;
use std::io::{IsTerminal, stderr};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use switchboard::handler::{BuildError, Catalogue, Server};
use switchboard::protocol::Cache;
use switchboard_bin::config::{Overrides, Settings};
use switchboard_bin::world::{self, TokioEnv};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A server with one of everything.
#[derive(Parser)]
struct Args {
    /// Read settings from this TOML file, the same as `switchboard serve` takes.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Serve HTTP at this address; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Serve one client on standard input and output instead.
    #[arg(long)]
    stdio: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let mut settings = settings(&args)?;
    settings.look_up_seeds().await?;
    let filter = EnvFilter::new(settings.log_filter());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    log.with_ansi(stderr().is_terminal()).init();
    let node = world::start(TokioEnv::boot()?, settings.node, everything()?).await?;
    tokio::spawn(changes::tick(node.catalogue().clone()));
    if args.stdio {
        node.serve_stdio(tokio::io::stdin(), tokio::io::stdout()).await;
    } else if let Some(address) = node.http_address() {
        println!("http://{address}/mcp");
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            failure = node.stopped() => return failure.map_or(Ok(()), |cause| Err(cause.as_ref().into())),
        }
    }
    node.drain().await;
    Ok(())
}

/// What the file says, with the command line over it; without a file only what the command line asks for.
fn settings(args: &Args) -> Result<Settings, Box<dyn Error>> {
    let variables = |name: &str| std::env::var(name).ok();
    let overrides = Overrides { listen: args.listen.map(Some), ..Overrides::default() };
    let mut settings = match &args.config {
        Some(file) => Settings::from_file(file, &variables, &overrides)?,
        None => {
            let mut settings = Settings::without_file(&overrides)?;
            settings.node.admin = None;
            "warn".clone_into(&mut settings.log_level);
            settings
        }
    };
    if args.stdio {
        (settings.node.http, settings.node.tcp, settings.node.admin) = (None, None, None);
    }
    Ok(settings)
}

fn everything() -> Result<Catalogue, BuildError> {
    Server::new("everything", env!("CARGO_PKG_VERSION"))
        .title("Everything")
        .describe("One of everything that an MCP server can offer")
        .instructions("Call any tool: none of them does harm.")
        .list_caching(Cache::public(300_000))
        .tools(content::tools())
        .tools(tools::tools())
        .tools(asks::tools())
        .tools(forms::tools())
        .tools(tasks::tools())
        .tools(changes::tools())
        .resources(resources::resources())
        .templates(resources::templates())
        .prompts(prompts::prompts())
        .build()
}
