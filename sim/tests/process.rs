//! Child processes: programs by name, pipes, exit codes, and an end with their node.

use std::io::ErrorKind;
use std::time::Duration;

use switchboard::env::{Child, Command, Env, ExitStatus};
use switchboard_sim::{NodeId, Options, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn command(program: &str) -> Command {
    Command { program: program.to_owned(), arguments: vec!["--loud".to_owned()], environment: Vec::new() }
}

fn world() -> (World, NodeId) {
    let mut world = World::new(Options::seeded(1));
    let node = world.add_node("n", None);
    world.add_program("shout", |env, mut pipes, command| async move {
        assert_eq!(command.arguments, ["--loud"]);
        env.spawn("a task of the child", std::future::pending());
        let mut text = String::new();
        pipes.input.read_to_string(&mut text).await.expect("must read");
        pipes.output.write_all(text.to_uppercase().as_bytes()).await.expect("must write");
        i32::try_from(text.len()).unwrap_or(-1)
    });
    (world, node)
}

#[test]
fn a_child_reads_its_input_writes_its_output_and_returns_a_code() {
    let (mut world, node) = world();
    let env = world.env(node);
    world.block_on(node, async move {
        let mut child = env.launch(&command("shout")).expect("must start");
        let (mut input, mut output, _error) = child.take_pipes().expect("the first time");
        assert!(child.take_pipes().is_none());
        input.write_all(b"quiet").await.expect("must write");
        drop(input);
        let mut text = String::new();
        output.read_to_string(&mut text).await.expect("must read");
        assert_eq!(text, "QUIET");
        assert_eq!(child.wait().await.expect("must end"), ExitStatus::Code(5));
        assert!(child.kill().is_ok(), "killing what has ended is no error");
    });
    world.run_for(Duration::from_millis(1));
    assert_eq!(world.census().tasks, 0, "the tasks of a child end with it");
}

#[test]
fn a_killed_child_closes_its_pipes() {
    let (mut world, node) = world();
    let env = world.env(node);
    world.block_on(node, async move {
        let mut child = env.launch(&command("shout")).expect("must start");
        let (mut input, mut output, _error) = child.take_pipes().expect("the first time");
        switchboard::env::yield_now().await;
        child.kill().expect("must kill");
        assert_eq!(child.wait().await.expect("must end"), ExitStatus::Killed);
        assert_eq!(output.read(&mut [0]).await.expect("must end"), 0);
        assert_eq!(input.write_all(b"x").await.expect_err("nobody reads").kind(), ErrorKind::BrokenPipe);
    });
    world.run_for(Duration::from_millis(1));
    assert_eq!(world.census().tasks, 0);
}

#[test]
fn an_unknown_program_is_not_found_and_a_dropped_child_is_killed() {
    let (mut world, node) = world();
    let env = world.env(node);
    world.block_on(node, async move {
        assert_eq!(env.launch(&command("nothing")).expect_err("unknown").kind(), ErrorKind::NotFound);
        drop(env.launch(&command("shout")).expect("must start"));
    });
    world.run_for(Duration::from_millis(1));
    assert_eq!(world.census().tasks, 0);
}
