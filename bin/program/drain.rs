//! `switchboard drain`: ends a node in order, from outside.

use std::io;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::operator::Operator;
use super::startup;

/// End a node in order: it hands over what it leads, finishes what is under way, and ends
///
/// The same as SIGTERM, for whoever cannot send one. Returns as soon as the node has begun; with --wait when it is gone.
/// Look at `switchboard status` before: it says whether the cluster goes on without this node.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The node's operator's port
    #[arg(long, value_name = "ADDR", default_value = switchboard_bin::config::ADMIN_DEFAULT, value_parser = Operator::read)]
    admin: Operator,
    /// Wait until the node is gone
    #[arg(long)]
    wait: bool,
    /// How long to wait for that
    #[arg(long, value_name = "S", default_value_t = 120, requires = "wait")]
    wait_s_max: u64,
}

const EXAMPLES: &str = "\
Examples:
  switchboard drain
  switchboard drain --admin 10.0.0.5:9090 --wait && echo gone";

const LOOK_MS: u64 = 100;

/// Runs `switchboard drain`.
pub(super) fn main(args: &Args) -> ExitCode {
    let node = &args.admin;
    let begin = Instant::now();
    match node.ask("POST", "/drain") {
        Ok(answer) if answer.status == 202 => println!("{node} drains"),
        Ok(answer) => {
            let (status, body) = (answer.status, answer.body.trim().to_owned());
            return startup::fail(&format!("{node} does not drain: {status} {body}"));
        }
        Err(error) => return startup::fail(&node.explain(&error)),
    }
    if args.wait { wait(node, "draining", begin, args.wait_s_max) } else { ExitCode::SUCCESS }
}

/// Says what the node says, whenever that changes, until it says nothing any more.
pub(super) fn wait(node: &Operator, now: &str, begin: Instant, wait_s_max: u64) -> ExitCode {
    let mut last = now.to_owned();
    while begin.elapsed() < Duration::from_secs(wait_s_max) {
        match node.ask("GET", "/readyz") {
            Ok(answer) => {
                let now = answer.body.trim().to_owned();
                if now != last {
                    println!("{node} is {now} after {:.1} s", begin.elapsed().as_secs_f64());
                    last = now;
                }
            }
            // It takes connections to its last moment, so whatever breaks now is its end.
            Err(error) if is_end(&error) => {
                println!("{node} is gone after {:.1} s", begin.elapsed().as_secs_f64());
                return ExitCode::SUCCESS;
            }
            Err(error) => return startup::fail(&node.explain(&error)),
        }
        sleep(Duration::from_millis(LOOK_MS));
    }
    startup::fail(&format!("{node} is still {last} after {wait_s_max} s; its log says what it waits for"))
}

fn is_end(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
