//! Links that work: answers come back whole, in any order, and idle ones are quiet.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use switchboard::env::Env;
use switchboard::mesh::{Channel, MeshError, MeshLimits};
use switchboard_sim::{Fault, Latency, Link, TraceHash};

use crate::bed::{Bed, Setting, order, outcome, pattern};

#[test]
fn requests_are_answered_both_ways() {
    let mut bed = Bed::new(1, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    assert_eq!(bed.ask(&a, &b, Bytes::from_static(b"e there")).as_deref(), Ok(&b"e there"[..]));
    assert_eq!(bed.ask(&b, &a, Bytes::from_static(b"e back")).as_deref(), Ok(&b"e back"[..]));
    assert_eq!(bed.ask(&a, &b, order(b'w', 50)), Ok(order(b'w', 50)));
    assert_eq!(b.notes.peers()[0].node, a.id);
    assert_eq!(a.notes.peers()[0].wire, 2, "the newest that both speak");
    assert_eq!(a.mesh().counters().links.get(), 2, "one each way");
    assert!(a.mesh().tell(b.id, Channel::Consensus, Bytes::from_static(b"news")));
    bed.world.run_for(Duration::from_millis(50));
    assert_eq!(b.notes.told(), [Bytes::from_static(b"news")]);
    bed.finish();
}

/// A thousand requests at once, some waiting, some answered at once, some large; what the world looked like then.
fn thousand(seed: u64, tiny: Option<u32>) -> TraceHash {
    let mut bed = Bed::new(seed, 2);
    if let Some(bytes_max) = tiny {
        bed.tiny_io(bytes_max);
    }
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    let (mesh, env, to) = (a.mesh(), bed.world.env(a.host), b.id);
    let answers = bed.at(&a, async move {
        let mut entropy = env.entropy("test");
        let due = env.now().after_ms(60_000);
        let requests = (0..1_000_u32).map(|number| {
            let body = match entropy.below(10) {
                0..4 => Bytes::from(format!("e {number}")),
                4..9 => order(b'w', entropy.below(200) as u32),
                _ => order(b'b', entropy.below(20_000) as u32),
            };
            let mesh = mesh.clone();
            async move {
                let answer = mesh.request(to, Channel::Traffic, body.clone(), due).await;
                (body, answer)
            }
        });
        join_all(requests.collect::<Vec<_>>()).await
    });
    for (body, answer) in answers {
        let expected = if body[0] == b'b' {
            pattern(u32::from_be_bytes(body[1..5].try_into().expect("must be four")) as usize)
        } else {
            body
        };
        assert_eq!(answer, Ok(expected), "seed {seed}");
    }
    assert_eq!(b.notes.under_way(), 0);
    bed.world.run_for(Duration::from_secs(1));
    bed.finish();
    bed.world.trace_hash()
}

#[test]
fn a_thousand_requests_at_once_are_answered_in_whichever_order() {
    thousand(7, None);
}

#[test]
fn the_same_seed_is_the_same_run_over_fifty_seeds_of_tiny_reads_and_writes() {
    for seed in 0..50 {
        let tiny = Some(1 + 97 * (seed as u32 % 5));
        assert_eq!(thousand(seed, tiny), thousand(seed, tiny));
    }
}

#[test]
fn long_bodies_are_cut_and_put_together_and_too_long_ones_never_leave() {
    let mut bed = Bed::new(3, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    let body = [&b"e"[..], &pattern(5 << 20)].concat();
    assert_eq!(bed.ask(&a, &b, Bytes::from(body.clone())), Ok(Bytes::from(body)));
    assert_eq!(bed.ask(&a, &b, order(b'b', 16 << 20)), Ok(pattern(16 << 20)));
    assert_eq!(bed.ask(&a, &b, pattern((16 << 20) + 1)), Err(MeshError::TooLarge));
    let refused = bed.ask(&a, &b, order(b'b', (16 << 20) + 1));
    assert_eq!(refused, Err(MeshError::Refused(switchboard::mesh::Refusal::AnswerTooLarge)));
    bed.finish();
}

#[test]
fn a_short_request_passes_between_the_pieces_of_a_long_one() {
    let mut bed = Bed::new(4, 2);
    let latency = Latency { base_us: 5_000, jitter_us: 0, tail_ppm: 0, tail_us: 0 };
    bed.world.apply(Fault::DefaultLink(Link { latency, loss_ppm: 0 }));
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    let long = bed.start(&a, &b, Bytes::from([&b"e"[..], &pattern(15 << 20)].concat()), 60_000, false);
    bed.world.run_for(Duration::from_millis(500));
    let before = bed.world.now();
    assert!(bed.ask(&a, &b, Bytes::from_static(b"e short")).is_ok());
    let took = bed.world.now() - before;
    assert!(outcome(&long).is_none(), "the long one must be under way still");
    // Two pieces of the long one at 64 KiB a round trip of 10 ms, and its own way.
    assert!(took < Duration::from_millis(150), "{took:?}");
    bed.world.run_for(Duration::from_secs(20));
    assert!(outcome(&long).is_some_and(|answer| answer.is_ok()));
    bed.finish();
}

#[test]
fn an_asker_that_stops_waiting_ends_the_work() {
    let mut bed = Bed::new(5, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    let waits = bed.start(&a, &b, order(b'h', 0), 2_000, false);
    bed.world.run_for(Duration::from_secs(1));
    assert_eq!(b.notes.under_way(), 1);
    bed.world.run_for(Duration::from_secs(2));
    assert_eq!(outcome(&waits), Some(Err(MeshError::Elapsed)));
    assert_eq!(b.notes.under_way(), 0);
    assert_eq!(a.notes.lost(), []);
    bed.finish();
}

#[test]
fn a_service_that_breaks_is_told_and_the_link_stands() {
    let mut bed = Bed::new(6, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    assert_eq!(bed.ask(&a, &b, order(b'p', 0)), Err(MeshError::Broken));
    assert!(bed.ask(&a, &b, Bytes::from_static(b"e")).is_ok());
    assert_eq!(a.mesh().counters().dials.get(), 1);
    assert_eq!(bed.world.panics().len(), 1);
}

#[test]
fn an_idle_link_is_silent_and_closes_and_nobody_takes_it_for_lost() {
    let mut bed = Bed::new(8, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    assert!(bed.ask(&a, &b, Bytes::from_static(b"e")).is_ok());
    bed.world.run_for(Duration::from_secs(2));
    let sent = a.mesh().counters().frames_sent.get();
    bed.world.run_for(Duration::from_secs(100));
    assert_eq!(a.mesh().counters().frames_sent.get(), sent, "an idle link must say nothing");
    assert_eq!((a.mesh().counters().links.get(), b.mesh().counters().links.get()), (1, 1));
    bed.world.run_for(Duration::from_secs(30));
    assert_eq!((a.mesh().counters().links.get(), b.mesh().counters().links.get()), (0, 0));
    assert_eq!((a.notes.lost(), b.notes.lost()), (vec![], vec![]));
    assert!(bed.ask(&a, &b, Bytes::from_static(b"e again")).is_ok());
    bed.finish();
}

#[test]
fn a_request_that_waits_for_minutes_costs_a_ping_every_ten_seconds() {
    let mut bed = Bed::new(9, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    let waits = bed.start(&a, &b, order(b'w', 300_000), 400_000, true);
    bed.world.run_for(Duration::from_secs(301));
    assert_eq!(outcome(&waits), Some(Ok(order(b'w', 300_000))));
    let pings = a.mesh().counters().pings.get();
    assert!((25..=31).contains(&pings), "{pings}");
    let hasty = bed.start(&a, &b, order(b'w', 10_000), 20_000, false);
    bed.world.run_for(Duration::from_secs(11));
    assert!(outcome(&hasty).is_some_and(|answer| answer.is_ok()));
    let pings = a.mesh().counters().pings.get() - pings;
    assert!((17..=21).contains(&pings), "{pings}");
    bed.finish();
}

#[test]
fn what_passes_the_places_of_a_link_is_turned_away_and_counted() {
    let small = MeshLimits { pending_len_max: 10, queue_bytes_max: 10_000, ..MeshLimits::DEFAULT };
    let settings = [1, 2].map(|id| Setting { limits: small, ..Setting::new(id) });
    let mut bed = Bed::with(10, settings.to_vec());
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    let waiting: Vec<_> = (0..15).map(|_| bed.start(&a, &b, order(b'w', 500), 5_000, false)).collect();
    bed.world.run_for(Duration::from_secs(1));
    let shed = waiting.iter().filter(|waits| outcome(waits) == Some(Err(MeshError::Overloaded))).count();
    let done = waiting.iter().filter(|waits| outcome(waits) == Some(Ok(order(b'w', 500)))).count();
    assert_eq!((done, shed), (10, 5));
    let (mesh, to) = (a.mesh(), b.id);
    let taken =
        bed.at(&a, async move { (0..100).filter(|_| mesh.tell(to, Channel::Bulk, pattern(1_000))).count() });
    assert_eq!(taken, 9);
    assert_eq!(a.mesh().counters().tells_shed.get(), 91);
    bed.finish();
}

#[test]
fn many_messages_share_a_write() {
    let mut bed = Bed::new(11, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    assert!(bed.ask(&a, &b, Bytes::from_static(b"e")).is_ok());
    let before = a.mesh().counters().writes.get();
    let (mesh, to) = (a.mesh(), b.id);
    bed.at(&a, async move {
        for _ in 0..500 {
            assert!(mesh.tell(to, Channel::Traffic, pattern(50)));
        }
    });
    bed.world.run_for(Duration::from_millis(100));
    assert_eq!(b.notes.told().len(), 500);
    let writes = a.mesh().counters().writes.get() - before;
    assert!(writes <= 3, "{writes}");
    bed.finish();
}
