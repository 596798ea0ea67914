//! The Switchboard server. `switchboard --help` tells how it is used.

#![forbid(unsafe_code)]

mod program;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::main()
}
