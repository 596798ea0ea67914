//! What nodes hold, counted byte by byte: this program's allocator keeps an account for each simulated node.

use std::alloc::System;
use std::panic::{set_hook, take_hook};
use std::sync::Once;

use switchboard::limits::Limits;
use switchboard::probe::Flaw;
use switchboard::store::StoreOptions;
use switchboard_scenarios::{CALM, CLUSTER_CALM, SLOW_READER, find};
use switchboard_sim::check::{Fact, Holding};
use switchboard_sim::client::Errand;
use switchboard_sim::scenario::{End, Report, Role, Setup, Wishes, run, run_setup};
use switchboard_sim::{Held, Plan, Tally, moment};

#[global_allocator]
static MEMORY: Tally<System> = Tally(System);

/// Whichever node comes first takes what libraries keep for the whole program; and a tool that panics, as one does here, what a
/// backtrace needs.
fn warm_up() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = take_hook();
        set_hook(Box::new(move |panic| {
            if moment().is_none() {
                tell(panic);
            }
        }));
        drop(run(&CLUSTER_CALM, &Wishes { seconds: Some(8), ..Wishes::default() }));
    });
}

/// What each node held at a moment.
fn held(report: &Report, moment: fn(&Fact) -> Option<&Holding>) -> Vec<Held> {
    let holdings = report.history.iter().filter_map(|entry| moment(&entry.fact));
    holdings.map(|holding| holding.memory.expect("memory must be counted here")).collect()
}

fn in_the_end(fact: &Fact) -> Option<&Holding> {
    if let Fact::Leaves(_, holding) = fact { Some(holding) } else { None }
}

fn when_clients_are_gone(fact: &Fact) -> Option<&Holding> {
    if let Fact::Holds(_, holding) = fact { Some(holding) } else { None }
}

#[test]
fn a_process_that_has_ended_leaves_nothing_however_it_ended() {
    warm_up();
    let names = [
        "accept_overflow",
        "kill_mid_call",
        "leaving",
        "power_loss",
        "sick_disk",
        "swarm",
        "drain",
        "zone_loss",
    ];
    for name in names {
        let scenario = find(name).expect("a scenario of this name must exist");
        let report = run(scenario, &Wishes { seed: 1, keeps_history: true, ..Wishes::default() });
        assert!(report.is_passed(), "{report}");
        let peaks: Vec<usize> = held(&report, in_the_end).iter().map(|held| held.bytes_max).collect();
        let is_counted = !peaks.is_empty() && peaks.iter().all(|bytes| *bytes > 1_000_000);
        assert!(is_counted, "each node must hold something: {peaks:?}");
    }
}

/// What the store's cache has more or less of, from one moment to another.
const CACHE_MOVES_BYTES: usize = 4 * 1_024 * 1_024;

#[test]
fn a_node_that_serves_for_longer_holds_no_more() {
    warm_up();
    let after = |seconds| {
        let wishes =
            Wishes { seconds: Some(seconds), clients: Some(12), keeps_history: true, ..Wishes::default() };
        let mut setup = CALM.setup(&wishes);
        for group in &mut setup.groups {
            // Fifty thousand calls more: of two hundred bytes kept of each, ten million would be there.
            group.work.pace_ms = (50, 150);
        }
        let report = run_setup(&CALM, &wishes, setup);
        assert!(report.is_passed(), "{report}");
        (report.requests, held(&report, when_clients_are_gone)[0].bytes)
    };
    let ((few, short), (many, long)) = (after(150), after(900));
    let what = format!("{short} bytes after {few} requests, {long} after {many}");
    assert!(many > 5 * few && long < short + CACHE_MOVES_BYTES, "{what}");
}

/// Small limits, and clients that ask for more than that and read nothing of it for a while.
fn greedy(wishes: &Wishes) -> Setup {
    let mut setup = SLOW_READER.setup(wishes);
    setup.limits = Limits {
        message_bytes_max: 64 * 1_024,
        request_state_bytes_max: 16 * 1_024,
        stream_queue_bytes_max: 16 * 1_024,
        stream_log_bytes_max: 32 * 1_024,
        streams_per_session_max: 8,
        calls_per_session_max: 8,
        ..setup.limits
    };
    for group in setup.groups.iter_mut().filter(|group| group.nap_ms > 0) {
        group.work.errands = vec![(Errand::Pour(400), 1)];
    }
    setup
}

/// What these clients can make a node hold, by its limits.
fn bytes_max(setup: &Setup) -> usize {
    let Limits { header_bytes_max, message_bytes_max, .. } = setup.limits;
    let Limits { stream_queue_bytes_max, stream_log_bytes_max, streams_per_session_max, .. } = setup.limits;
    let count = |is_wanted: fn(Role) -> bool| {
        setup
            .groups
            .iter()
            .filter(|group| is_wanted(group.role))
            .map(|group| group.count as usize)
            .sum::<usize>()
    };
    let connection = header_bytes_max + 2 * message_bytes_max + stream_queue_bytes_max;
    let session = streams_per_session_max * (stream_queue_bytes_max + stream_log_bytes_max);
    let store = StoreOptions::default().cache_bytes_max;
    store + count(|_| true) * connection + count(|role| role == Role::Stateful) * session
}

#[test]
fn clients_cannot_make_a_node_hold_more_than_its_limits_say() {
    warm_up();
    let peak = |wishes: &Wishes, setup| {
        let report = run_setup(&SLOW_READER, wishes, setup);
        assert!(!matches!(report.end, End::Crash(_)), "{report}");
        held(&report, in_the_end)[0].bytes_max
    };
    for seed in 0..4 {
        let wishes = Wishes { seed, keeps_history: true, ..Wishes::default() };
        let setup = greedy(&wishes);
        let nobody =
            Setup { groups: Vec::new(), faults: Plan::default(), must_meet: Vec::new(), ..setup.clone() };
        let alone = peak(&wishes, nobody);
        let bound = alone + bytes_max(&setup);
        let bytes = peak(&wishes, setup.clone());
        let without_bound = peak(&Wishes { flaw: Some(Flaw::UnboundedQueue), ..wishes }, setup);
        assert!(bytes <= bound, "seed {seed}: {bytes} bytes, where limits allow {bound}");
        assert!(
            without_bound > bound,
            "seed {seed}: a queue without a bound took {without_bound} of {bound}"
        );
    }
}
