//! The program `switchboard`: its command line, and what each command does.
//!
//! - `serve`, the default, runs a node on this machine's ports; `stdio` runs one for the client that started it.
//! - `status`, `drain` and `leave` speak to a node's operator's port, through `operator`; `secret` makes the secret of a cluster.
//! - `check` reads a configuration and does nothing else; `load` is the load generator of the library.
//! - `demo` is the catalogue that both servers offer; `startup` is what they have in common before they serve, `signals`
//!   what ends them, `banner` what they tell the person in front of them.
//!
//! Standard output carries what somebody asked for (the banner, a summary, a report, the protocol) and standard error the
//! rest: logs and complaints.

mod banner;
mod check;
mod demo;
mod drain;
mod files;
mod leave;
mod operator;
mod secret;
mod serve;
mod signals;
mod startup;
mod status;
mod stdio;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use switchboard_bin::load;

/// A clustered MCP server
///
/// Serves the Model Context Protocol in all its revisions (2024-11-05 to 2026-07-28) over HTTP, stdio and TCP. Started
/// without a command it serves a small demonstration catalogue at http://127.0.0.1:8080/mcp, for this machine only, and
/// says how to connect a client.
#[derive(Parser, Debug)]
#[command(name = "switchboard", version, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
struct Program {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Args,
}

#[derive(Subcommand, Debug)]
enum Command {
    Serve(serve::Args),
    Stdio(stdio::Args),
    Check(check::Args),
    Status(status::Args),
    Drain(drain::Args),
    Leave(leave::Args),
    Secret(secret::Args),
    Load(load::Args),
}

const AFTER_HELP: &str = "\
Examples:
  switchboard                                        serve at http://127.0.0.1:8080/mcp
  switchboard --listen 127.0.0.1:8000 --admin off    at another port, without the operator's port
  switchboard check --example > switchboard.toml     write down every setting with its default
  switchboard --config switchboard.toml              serve as the file says
  switchboard stdio                                  serve the client that started this process
  switchboard secret cluster.key                     make the secret of a cluster; `serve --help` shows the rest
  switchboard status                                 show how a node and its cluster stand
  switchboard drain --wait                           end a node in order
  switchboard leave --wait                           take a node out of its cluster for good
  switchboard load --duration-s 10                   put load on the server at 127.0.0.1:8080

Signals:
  Ctrl-C or SIGTERM drains: /readyz turns 503, the node hands over what it leads, streams end, calls under way are finished within drain_ms_max.
  A second one ends the program at once.

Exit codes:
  0    ended in order
  1    could not start, the configuration is wrong, or the node's state could not be kept; standard error says why
  2    wrong command line
  130  ended by a second Ctrl-C, 143 by a second SIGTERM: what was under way is lost";

/// Runs the program.
pub(super) fn main() -> ExitCode {
    let Program { command, serve } = Program::parse();
    match command {
        None => serve::main(&serve),
        Some(Command::Serve(args)) => serve::main(&args),
        Some(Command::Stdio(args)) => stdio::main(&args),
        Some(Command::Check(args)) => check::main(&args),
        Some(Command::Status(args)) => status::main(&args),
        Some(Command::Drain(args)) => drain::main(&args),
        Some(Command::Leave(args)) => leave::main(&args),
        Some(Command::Secret(args)) => secret::main(&args),
        Some(Command::Load(args)) => {
            files::raise_limit();
            load::main(args)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Program;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Program::command().debug_assert();
    }
}
