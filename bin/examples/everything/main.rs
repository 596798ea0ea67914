//! A server with one of everything, as a tour of the library and as the server that the MCP conformance suite talks to.
//!
//! ```text
//! cargo run --release -p switchboard-bin --example everything -- --listen 127.0.0.1:8080
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
use std::net::SocketAddr;

use clap::Parser;
use switchboard::handler::{BuildError, Catalogue, Server};
use switchboard::node::{Config, Node};
use switchboard::protocol::Cache;
use switchboard_bin::world::TokioEnv;

/// A server with one of everything.
#[derive(Parser)]
struct Args {
    /// Serve HTTP at this address; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Serve one client on standard input and output instead.
    #[arg(long)]
    stdio: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let config = if args.stdio { Config::new() } else { Config::new().http(args.listen) };
    let node = Node::start(TokioEnv::boot()?, config, everything()?).await?;
    tokio::spawn(changes::tick(node.catalogue().clone()));
    if args.stdio {
        node.serve_stdio(tokio::io::stdin(), tokio::io::stdout()).await;
    } else if let Some(address) = node.http_address() {
        println!("http://{address}/mcp");
        tokio::signal::ctrl_c().await?;
    }
    node.drain().await;
    Ok(())
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
