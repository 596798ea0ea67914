//! `switchboard leave`: takes a node out of its cluster for good.

use std::process::ExitCode;
use std::time::Instant;

use super::operator::Operator;
use super::{drain, startup};

/// Take a node out of its cluster for good: what it holds moves to others, and its id is never used again
///
/// Without --node it is the node that is asked, which ends by itself once the others have what it held; with --wait the
/// command waits for that. With --node it may be any, mostly one that is lost: its replicas are made anew at once, instead
/// of after a minute. A node that comes back after it was taken out is refused; to join anew, it needs an empty state_dir.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The operator's port of the node, or of any other where --node says which
    #[arg(long, value_name = "ADDR", default_value = switchboard_bin::config::ADMIN_DEFAULT, value_parser = Operator::read)]
    admin: Operator,
    /// Which node, by its number in `switchboard status`
    #[arg(long, value_name = "NUMBER")]
    node: Option<u64>,
    /// Wait until the node is gone
    #[arg(long, conflicts_with = "node")]
    wait: bool,
    /// How long to wait for that
    #[arg(long, value_name = "S", default_value_t = 300, requires = "wait")]
    wait_s_max: u64,
}

const EXAMPLES: &str = "\
Examples:
  switchboard leave --admin 10.0.0.5:9090 --wait     shrink the cluster by the node at 10.0.0.5
  switchboard leave --admin 10.0.0.1:9090 --node 5   give up node 5, whose disk is lost";

/// Runs `switchboard leave`.
pub(super) fn main(args: &Args) -> ExitCode {
    let begin = Instant::now();
    let path = args.node.map_or_else(|| "/leave".to_owned(), |node| format!("/leave?node={node}"));
    match args.admin.ask("POST", &path) {
        Ok(answer) if answer.status == 202 => println!("{}", answer.body.trim()),
        Ok(answer) => return startup::fail(&format!("{}: {}", args.admin, answer.body.trim())),
        Err(error) => return startup::fail(&args.admin.explain(&error)),
    }
    if args.wait { drain::wait(&args.admin, "ready", begin, args.wait_s_max) } else { ExitCode::SUCCESS }
}
