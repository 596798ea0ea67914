//! What options are taken, and how wrong ones are refused.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    args: Args,
}

fn check(line: &str) -> Result<LoadOptions, String> {
    let words = std::iter::once("load").chain(line.split_ascii_whitespace());
    let program = Program::try_parse_from(words).map_err(|error| error.to_string())?;
    program.args.check().map_err(|error| error.to_string())
}

#[test]
fn no_option_at_all_is_a_closed_loop_of_ten_seconds() {
    let options = check("").expect("defaults must be right");
    assert_eq!(options.pace, Pace::Closed);
    assert_eq!(options.duration, Some(Duration::from_secs(10)));
    assert_eq!((options.connections, options.mix), (64, Mix::CALLS));
    assert_eq!(options.targets[0].path, "/mcp");
}

#[test]
fn options_mean_what_they_say() {
    let line = "--url http://localhost:99 --url http://[::1]/a?b=c#d --era both --rate 1e3 --requests 5 --mix call=9,list";
    let options = check(line).expect("must be right");
    assert_eq!((options.pace, options.duration, options.requests), (Pace::Open(1e3), None, Some(5)));
    assert_eq!(options.eras, [Era::Stateful, Era::Stateless]);
    assert_eq!(options.mix, Mix { call: 9, list: 1, churn: 0 });
    assert_eq!((options.targets[0].host.as_str(), options.targets[0].path.as_str()), ("localhost:99", "/"));
    assert_eq!((options.targets[1].address.port(), options.targets[1].path.as_str()), (80, "/a?b=c"));
    assert_eq!(check("--idle").expect("right").idle, Some(Idle::Stream));
    assert_eq!(check("--idle=connection").expect("right").idle, Some(Idle::Connection));
}

#[test]
fn a_wrong_option_is_named_with_what_is_wrong() {
    for (line, named) in [
        ("--url https://localhost/mcp", "TLS"),
        ("--url localhost:80", "http://"),
        ("--url http:///mcp", "host"),
        ("--rate 0", "--rate"),
        ("--rate nan", "--rate"),
        ("--duration-s=-1", "--duration-s"),
        ("--duration-s 0", "--duration-s"),
        ("--ramp-s 1e300", "--ramp-s"),
        ("--connections 0", "--connections"),
        ("--threads 0", "--threads"),
        ("--timeout-ms 0", "--timeout-ms"),
        ("--tool ä", "--tool"),
        ("--args [1]", "--args"),
        ("--args {", "--args"),
        ("--mix call=0", "--mix"),
        ("--mix dance=1", "dance"),
        ("--mix call=many", "many"),
        ("--era 2024", "2024"),
        ("--idle --rate 5", "--rate"),
        ("--connections 100000000", "ulimit"),
    ] {
        let error = check(line).expect_err(line);
        assert!(error.contains(named), "{line}: {error}");
    }
}
