//! The Switchboard server.

use std::process::ExitCode;

use clap::Parser;
use switchboard_bin::load;

/// A clustered MCP server.
#[derive(Parser)]
enum Program {
    Load(load::Args),
}

fn main() -> ExitCode {
    let Program::Load(args) = Program::parse();
    load::main(args)
}
