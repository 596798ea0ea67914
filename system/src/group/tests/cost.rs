//! What it costs. The first is a promise; the second prints figures (`--ignored --nocapture`).

use std::fmt::Display;

use super::*;

/// Grown one by one, a B-tree is at the least half full.
const TREE_FILL_WORST: usize = 2;
const SESSIONS: u64 = 10_000;

#[test]
fn an_idle_session_costs_well_under_500_bytes_beside_its_client() {
    let entry = size_of::<SessionId>() + size_of::<session::Session>();
    let bytes = TREE_FILL_WORST * entry;
    assert!(bytes < 300, "an idle session costs up to {bytes} bytes");
}

/// Ids as entropy would draw them: spread over all bits.
fn spread(index: u64) -> u128 {
    u128::from(index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    4_096 * status.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "it measures, and replays nothing")]
fn timed<T>(name: impl Display, count: u64, act: impl FnOnce() -> T) -> T {
    let begun = std::time::Instant::now();
    let value = act();
    let ns = begun.elapsed().as_nanos() / u128::from(count);
    println!("{name}: {ns} ns");
    value
}

impl Bench {
    /// Applies encoded entries, as a replica does.
    fn run(&mut self, name: &str, count: u64, command: impl Fn(u64) -> Command) {
        let entries: Vec<_> = (0..count).map(|index| self.entry(command(index)).encode()).collect();
        let group = &mut self.group;
        timed(name, count, || {
            for entry in entries {
                let reply = group.apply(Entry::decode(&entry).expect("an entry must survive the wire"));
                assert!(!matches!(reply, Reply::Refused(_)), "{reply:?}");
                while group.poll_change().is_some() {}
            }
        });
    }
}

#[test]
#[ignore = "prints figures of this machine"]
fn figures() {
    let mut bench = Bench::new(Bounds::default());
    let client = Bytes::from(vec![b'c'; 200]);
    let opening =
        |index| Command::Open { id: SessionId(spread(index)), principal: ANN, client: client.clone() };
    let before = resident_bytes();
    bench.run("decode and apply Open", 10 * SESSIONS, opening);
    let grown = resident_bytes() - before;
    println!("resident bytes per idle session, 200 of them its client: {}", grown / (10 * SESSIONS));

    let mut bench = Bench::new(Bounds::default());
    bench.run("decode and apply Open, of ten thousand", SESSIONS, opening);
    let bytes = timed("snapshot of ten thousand idle", 1, || bench.group.snapshot());
    println!("bytes of it: {}", bytes.len());
    timed("its restore", 1, || Group::restore(Bounds::default(), &bytes).expect("it must restore"));

    let data = Bytes::from(vec![b'd'; 200]);
    bench.run("decode and apply OpenStream", SESSIONS, |index| {
        open_stream(spread(index), "1", executor(1, 1))
    });
    bench.run("decode and apply Append of 200 bytes", 20 * SESSIONS, |index| Command::Append {
        id: SessionId(spread(index % SESSIONS)),
        stream: StreamId(1),
        first: index / SESSIONS + 1,
        events: vec![data.clone()],
        answered: vec![],
        finish: false,
        taken: index / SESSIONS,
    });
    let id = SessionId(spread(0));
    bench.run("the same on one stream that trims", SESSIONS, |index| Command::Append {
        id,
        stream: StreamId(1),
        first: index + 21,
        events: vec![data.clone()],
        answered: vec![],
        finish: false,
        taken: index + 20,
    });
    bench.run("ListsChanged to ten thousand, three topics", 1, |_| Command::ListsChanged {
        version: 1,
        notices: ["a", "b", "c"].map(|topic| (Arc::from(topic), data.clone())).to_vec(),
    });
    let bytes = timed("snapshot of ten thousand with 23 events each", 1, || bench.group.snapshot());
    println!("bytes of it: {}", bytes.len());
    timed("its restore", 1, || Group::restore(Bounds::default(), &bytes).expect("it must restore"));
    bench.run("ExecutorGone with ten thousand streams", 1, |_| gone(1, 1));
}
