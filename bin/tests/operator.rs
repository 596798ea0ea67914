//! What an operator types beside `serve`: `secret`, `status` and `drain`.

mod program;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use program::{Server, command};

fn run(args: &[&str]) -> Output {
    command().args(args).output().expect("the program must start")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it must be text")
}

#[test]
fn a_secret_is_another_one_each_time_and_its_file_is_closed_and_never_written_over() {
    let (first, second) = (run(&["secret"]).stdout, run(&["secret"]).stdout);
    let digits = text(&first).trim_end();
    assert!(digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{digits}");
    assert_ne!(first, second);

    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("secret-{}", std::process::id()));
    let name = path.to_str().expect("the path is text");
    let made = run(&["secret", name]);
    assert!(made.status.success() && made.stdout.is_empty(), "{made:?}");
    let before = std::fs::read(&path).expect("the file must be there");
    assert_eq!(before.len(), 65);
    assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
    let again = run(&["secret", name]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("left as it is"), "{again:?}");
    assert_eq!(std::fs::read(&path).expect("it is there"), before);
    std::fs::remove_file(&path).expect("one's own file");
}

#[test]
fn the_status_of_a_lone_node_is_a_table_and_a_drain_waits_until_it_is_gone() {
    let server = Server::start("");
    server.initialize();
    let admin = server.admin.to_string();
    let shown = run(&["status", "--groups", "--admin", &admin]);
    assert!(shown.status.success(), "{shown:?}");
    let table = text(&shown.stdout);
    assert!(table.lines().all(|line| line.len() <= 80), "{table}");
    assert!(table.contains("8 of 8") && table.contains("All 8 groups have a leader."), "{table}");
    let json = run(&["status", "--json", "--admin", &format!("http://{admin}/")]);
    let status: serde_json::Value = serde_json::from_slice(&json.stdout).expect("it must be JSON");
    assert_eq!(status["nodes"][0]["sessions"], 1);

    let drained = run(&["drain", "--wait", "--admin", &admin]);
    assert!(drained.status.success(), "{drained:?}");
    let said = text(&drained.stdout);
    assert!(said.contains("drains\n") && said.contains("is gone after"), "{said}");
    let (status, log) = server.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("drained by its operator"), "{log}");

    for program in ["status", "drain"] {
        let refused = run(&[program, "--admin", &admin]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(text(&refused.stderr).contains("Is it running?"), "{refused:?}");
    }
}
