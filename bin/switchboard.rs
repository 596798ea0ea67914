//! The Switchboard server.

use std::process::ExitCode;

use clap::Parser;
use switchboard_bin::load;

/// A clustered MCP server.
#[derive(Parser)]
enum Program {
    /// Put load on an MCP server and report rate, latency and every kind of failure.
    Load(load::Args),
}

fn main() -> ExitCode {
    let Program::Load(args) = Program::parse();
    load::main(args)
}
