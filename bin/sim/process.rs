//! One seed in a process of its own: this very program, told to run it. Whatever breaks there (an abort, a stack that is too
//! deep, memory that is not there) breaks that run alone, and several at a time keep every core busy.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;

use futures_util::{Stream, StreamExt, stream};
use switchboard_sim::scenario::{Scenario, Wishes};
use tokio::process::Command;

use crate::ended::Ended;
use crate::interrupt::Interrupt;
use crate::world::World;

/// Runs seeds, so many at a time, and gives them in their order. Ctrl-C ends it, and what is under way then.
pub(crate) fn play<'a>(
    world: World,
    scenario: &'a Scenario,
    wishes: impl Iterator<Item = Wishes> + 'a,
    jobs: usize,
    interrupt: &'a Interrupt,
) -> impl Stream<Item = io::Result<Ended>> + 'a {
    let runs = stream::iter(wishes).map(move |wishes| play_one(world, scenario, wishes));
    runs.buffered(jobs.max(1)).take_until(Box::pin(interrupt.comes()))
}

async fn play_one(world: World, scenario: &Scenario, wishes: Wishes) -> io::Result<Ended> {
    let mut command = Command::new(program()?);
    command.args(["run", scenario.name, "--world", world.name(), "--json"]);
    command.args(wishes.to_string().split(' '));
    // In a group of its own, where no Ctrl-C of a terminal gets: whether it ends is this program's to say.
    let output = command.stdin(Stdio::null()).process_group(0).kill_on_drop(true).output().await?;
    Ok(Ended::elsewhere(world, scenario, &wishes, &output))
}

/// This program, as it was when it started: a build that ends meanwhile must not change what a batch runs.
fn program() -> io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { std::env::current_exe() }
}
