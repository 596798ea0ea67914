//! `switchboard secret`: the secret of a new cluster.

use std::io::{ErrorKind, Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use switchboard_bin::config::{secret_text, write_secret};

use super::startup;

/// Make the secret of a new cluster: 32 random bytes as hex
///
/// Whoever knows it is a node of the cluster, so carry it to the machines of all nodes as you carry any key. A file is made
/// for you alone (mode 600), and one that is there is not written over. Without a file it goes to standard output.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Write it to this new file
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  switchboard secret /etc/switchboard/secret
  switchboard secret | my-vault put switchboard/secret -";

/// Runs `switchboard secret`.
pub(super) fn main(args: &Args) -> ExitCode {
    let mut secret = [0; 32];
    if let Err(error) = getrandom::fill(&mut secret) {
        return startup::fail(&format!("the system gives no randomness: {error}"));
    }
    let Some(file) = &args.file else {
        return match writeln!(stdout(), "{}", secret_text(&secret)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => startup::fail(&format!("cannot write to standard output: {error}")),
        };
    };
    let name = file.display();
    match write_secret(file, &secret) {
        Ok(()) => {
            eprintln!("wrote {name}, for you alone; give every node the same file");
            ExitCode::SUCCESS
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => startup::fail(&format!(
            "{name} is there already and was left as it is: nodes with another secret could not speak to those that have it"
        )),
        Err(error) => startup::fail(&format!("cannot write {name}: {error}")),
    }
}
