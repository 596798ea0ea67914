//! The production world: files and child processes.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use switchboard::env::{Child, Command, Disk, Env, ExitStatus, File, OpenMode};
use switchboard_bin::world::TokioEnv;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

/// A directory of its own for each test, gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("switchboard-world-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn boot() -> TokioEnv {
    TokioEnv::boot().expect("the system must have randomness")
}

#[test]
fn a_file_keeps_what_was_written_where_it_was_written() {
    let scratch = Scratch::new("file");
    let disk = boot().disk();
    disk.create_directory(&scratch.0.join("a/b")).expect("makes parents too");
    disk.create_directory(&scratch.0.join("a/b")).expect("again is no error");
    let path = scratch.0.join("a/b/log");
    assert_eq!(disk.open(&path, OpenMode::Existing).expect_err("not there").kind(), ErrorKind::NotFound);
    let file = disk.open(&path, OpenMode::CreateNew).expect("creates");
    let taken = disk.open(&path, OpenMode::CreateNew).expect_err("already there");
    assert_eq!(taken.kind(), ErrorKind::AlreadyExists);

    file.write_at(5, b"world").expect("extends");
    file.write_at(0, b"hello").expect("fills the gap");
    file.sync().expect("syncs");
    let second = disk.open(&path, OpenMode::Existing).expect_err("one writer at a time");
    assert_eq!(second.kind(), ErrorKind::ResourceBusy);
    drop(file);
    let again = disk.open(&path, OpenMode::CreateIfMissing).expect("opens, and does not truncate");
    assert_eq!(again.len().expect("has a length"), 10);
    let mut middle = [0; 4];
    again.read_at(3, &mut middle).expect("reads");
    assert_eq!(&middle, b"lowo");
    let past_end = again.read_at(8, &mut middle).expect_err("only two bytes are left");
    assert_eq!(past_end.kind(), ErrorKind::UnexpectedEof);
    again.set_len(3).expect("cuts");
    again.set_len(4).expect("extends with a zero");
    again.read_at(0, &mut middle).expect("reads");
    assert_eq!(&middle, b"hel\0");
}

#[test]
fn names_come_and_go_and_are_listed_in_byte_order() {
    let scratch = Scratch::new("names");
    let disk = boot().disk();
    disk.create_directory(&scratch.0).expect("creates");
    for name in ["b", "a", "B", "ä"] {
        disk.open(&scratch.0.join(name), OpenMode::CreateIfMissing).expect("creates");
    }
    disk.rename(&scratch.0.join("a"), &scratch.0.join("b")).expect("replaces");
    disk.sync_directory(&scratch.0).expect("syncs");
    assert_eq!(disk.list(&scratch.0).expect("lists"), ["B", "b", "ä"]);
    disk.remove(&scratch.0.join("b")).expect("removes");
    assert_eq!(disk.remove(&scratch.0.join("b")).expect_err("gone").kind(), ErrorKind::NotFound);
    assert_eq!(disk.list(Path::new("/nowhere/at/all")).expect_err("gone").kind(), ErrorKind::NotFound);
}

fn shell(script: &str) -> Command {
    Command {
        program: "sh".to_owned(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        environment: vec![("GREETING".to_owned(), "hello".to_owned())],
    }
}

#[tokio::test]
async fn a_child_talks_through_its_pipes_and_tells_how_it_ended() {
    let mut child = boot().launch(&shell("echo $GREETING; cat; echo bad >&2; exit 3")).expect("starts");
    let (mut input, mut output, mut error) = child.take_pipes().expect("the first taker gets them");
    assert!(child.take_pipes().is_none());
    input.write_all(b"and back\n").await.expect("writes");
    drop(input);
    let (mut said, mut complained) = (String::new(), String::new());
    output.read_to_string(&mut said).await.expect("reads");
    error.read_to_string(&mut complained).await.expect("reads");
    assert_eq!((said.as_str(), complained.as_str()), ("hello\nand back\n", "bad\n"));
    assert_eq!(child.wait().await.expect("ends"), ExitStatus::Code(3));
    assert_eq!(child.wait().await.expect("tells it again"), ExitStatus::Code(3));
    child.kill().expect("killing what has ended is no error");
}

#[tokio::test]
async fn a_killed_child_says_so_and_a_dropped_one_is_gone() {
    let env = boot();
    let mut killed = env.launch(&shell("exec sleep 60")).expect("starts");
    killed.kill().expect("kills");
    assert_eq!(killed.wait().await.expect("ends"), ExitStatus::Killed);

    let mut dropped = env.launch(&shell("echo $$; exec sleep 60")).expect("starts");
    let (_input, output, _error) = dropped.take_pipes().expect("the first taker gets them");
    let mut lines = BufReader::new(output).lines();
    let pid = lines.next_line().await.expect("reads").expect("says its pid");
    assert!(Path::new("/proc").join(&pid).exists());
    drop(dropped);
    let end = tokio::time::timeout(Duration::from_secs(20), lines.next_line());
    let end = end.await.expect("it must be gone long before it would have ended by itself");
    assert_eq!(end.expect("its end of the pipe closes"), None);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error_and_not_a_panic() {
    let missing = Command { program: "/no/such/program".to_owned(), arguments: vec![], environment: vec![] };
    assert_eq!(boot().launch(&missing).expect_err("nothing to start").kind(), ErrorKind::NotFound);
}
