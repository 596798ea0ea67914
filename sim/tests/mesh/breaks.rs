//! Links that break: who is told what, and how soon.

use std::time::Duration;

use bytes::Bytes;
use switchboard::env::Env;
use switchboard::ids::Incarnation;
use switchboard::mesh::{Channel, Identity, Lost, MeshError, MeshLimits, Refusal};

use crate::bed::{Bed, Setting, order, outcome, pattern};

const SOON: Duration = Duration::from_millis(20);

#[test]
fn a_silent_peer_is_given_up_within_the_bound_and_everything_pending_with_it() {
    for seed in 0..50 {
        let mut bed = Bed::new(seed, 2);
        bed.tiny_io(1 + seed as u32);
        let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
        let waiting: Vec<_> = (0..20).map(|_| bed.start(&a, &b, order(b'h', 0), 60_000, false)).collect();
        bed.world.run_for(Duration::from_millis(500 + 37 * seed));
        assert_eq!(b.notes.under_way(), 20);
        bed.world.partition(&[a.host], &[b.host]);
        // Asked at the latest after `ping_ms`, it was heard at most so long before the cut.
        let MeshLimits { ping_ms, silent_ms_max, .. } = MeshLimits::DEFAULT;
        bed.world.run_for(Duration::from_millis(silent_ms_max - ping_ms - 100));
        assert!(waiting.iter().all(|waits| outcome(waits).is_none()));
        bed.world.run_for(Duration::from_millis(ping_ms + 200));
        assert!(waiting.iter().all(|waits| outcome(waits) == Some(Err(MeshError::Broken))), "seed {seed}");
        assert_eq!(a.notes.lost(), [(b.id, Lost::Silent)]);
        bed.world.run_for(Duration::from_secs(15));
        assert_eq!(b.notes.lost(), [(a.id, Lost::Silent)]);
        assert_eq!(b.notes.under_way(), 0, "work for a peer that is gone must end");
        bed.finish();
    }
}

#[test]
fn a_silent_peer_is_given_up_also_where_every_request_has_a_short_deadline() {
    let mut bed = Bed::new(9, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    assert!(bed.ask(&a, &b, Bytes::from_static(b"e")).is_ok());
    bed.world.partition(&[a.host], &[b.host]);
    for _ in 0..8 {
        let waits = bed.start(&a, &b, Bytes::from_static(b"e"), 300, false);
        bed.world.run_for(Duration::from_millis(400));
        assert!(outcome(&waits).is_some());
    }
    assert_eq!(a.notes.lost(), [(b.id, Lost::Silent)]);
    bed.world.heal_all();
    bed.world.run_for(Duration::from_secs(5));
    assert!(bed.ask(&a, &b, Bytes::from_static(b"e")).is_ok());

    // One that elapsed long ago is no reason to take a link for dead that was not asked since.
    let waits = bed.start(&a, &b, order(b'h', 0), 300, false);
    bed.world.run_for(Duration::from_secs(30));
    assert_eq!(outcome(&waits), Some(Err(MeshError::Elapsed)));
    assert!(bed.ask(&a, &b, order(b'w', 100)).is_ok());
    assert_eq!(a.notes.lost().len(), 1);
    bed.finish();
}

#[test]
fn a_patient_link_is_given_up_later() {
    let mut bed = Bed::new(1, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    let waits = bed.start(&a, &b, order(b'h', 0), 600_000, true);
    bed.world.run_for(Duration::from_secs(60));
    bed.world.partition(&[a.host], &[b.host]);
    bed.world.run_for(Duration::from_secs(4));
    assert!(outcome(&waits).is_none());
    bed.world.run_for(Duration::from_secs(12));
    assert_eq!(outcome(&waits), Some(Err(MeshError::Broken)));
    bed.finish();
}

#[test]
fn whoever_waits_on_a_link_that_was_left_hears_at_once_that_its_peer_is_gone() {
    let mut bed = Bed::new(10, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    let waits = bed.start(&a, &b, order(b'h', 0), 600_000, true);
    bed.world.run_for(Duration::from_secs(1));
    bed.world.partition(&[a.host], &[b.host]);
    let identity = Identity { incarnation: Incarnation(7), ..Setting::new(1).identity };
    a.mesh().identify(identity);
    bed.world.run_for(SOON);
    assert!(outcome(&waits).is_none(), "a link that was left ends with what is pending on it, and no sooner");
    a.mesh().part(b.id);
    bed.world.run_for(SOON);
    assert_eq!(outcome(&waits), Some(Err(MeshError::Broken)));
    bed.finish();
}

#[test]
fn a_killed_process_is_noticed_at_once_and_a_new_one_is_reached() {
    for seed in 0..50 {
        let mut bed = Bed::new(seed, 2);
        let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
        let waits = bed.start(&a, &b, order(b'h', 0), 60_000, true);
        bed.world.run_for(Duration::from_millis(100));
        bed.world.kill(b.host);
        bed.world.run_for(SOON);
        assert_eq!(outcome(&waits), Some(Err(MeshError::Broken)));
        // It had read everything, so its host ends the link in order.
        assert_eq!(a.notes.lost(), [(b.id, Lost::Closed)]);
        assert_eq!(bed.ask(&a, &b, Bytes::from_static(b"e")), Err(MeshError::Unreachable));

        bed.world.restart(b.host);
        bed.world.run_for(Duration::from_millis(500));
        assert!(bed.ask(&a, &b, Bytes::from_static(b"e")).is_ok(), "seed {seed}");
        bed.introduce();
        assert!(bed.ask(&b, &a, Bytes::from_static(b"e")).is_ok());
        assert_eq!(a.notes.peers().last().map(|peer| peer.incarnation), Some(Incarnation(2)));
        bed.finish();
    }
}

#[test]
fn a_new_life_replaces_the_links_of_the_one_that_went_dark() {
    let mut bed = Bed::new(2, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    let waits = bed.start(&a, &b, order(b'h', 0), 600_000, true);
    bed.start(&b, &a, order(b'h', 0), 600_000, true);
    bed.world.run_for(Duration::from_millis(100));
    assert_eq!(a.notes.under_way(), 1);
    bed.world.lose_power(b.host);
    bed.world.run_for(Duration::from_millis(100));
    assert!(outcome(&waits).is_none());
    bed.world.restart(b.host);
    bed.world.run_for(Duration::from_millis(10));
    bed.introduce();
    assert!(bed.ask(&b, &a, Bytes::from_static(b"e")).is_ok());
    bed.world.run_for(SOON);
    assert_eq!(outcome(&waits), Some(Err(MeshError::Broken)));
    assert_eq!(a.notes.under_way(), 0);
    assert_eq!(a.notes.lost(), [(b.id, Lost::Reset); 2]);
    bed.finish();
}

#[test]
fn an_older_life_is_refused_on_either_side() {
    let mut bed = Bed::new(3, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    b.incarnation.set(6);
    bed.world.restart(b.host);
    bed.world.run_for(Duration::from_millis(1));
    bed.introduce();
    assert!(bed.ask(&b, &a, Bytes::from_static(b"e")).is_ok());
    b.incarnation.set(2);
    bed.world.restart(b.host);
    bed.world.run_for(Duration::from_millis(1));
    bed.introduce();
    let stale = Err(MeshError::Refused(Refusal::Stale(Incarnation(7))));
    assert_eq!(bed.ask(&b, &a, Bytes::from_static(b"e")), stale);
    assert_eq!(bed.ask(&a, &b, Bytes::from_static(b"e")), stale);
    assert_eq!(a.notes.peers().len(), 1);
    bed.finish();
}

#[test]
fn an_unreachable_node_fails_a_request_by_its_deadline_and_at_once_while_it_was_just_refused() {
    let mut bed = Bed::new(4, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    bed.world.partition(&[a.host], &[b.host]);
    let waits = bed.start(&a, &b, Bytes::from_static(b"e"), 700, false);
    bed.world.run_for(Duration::from_millis(690));
    assert!(outcome(&waits).is_none());
    bed.world.run_for(Duration::from_millis(20));
    assert_eq!(outcome(&waits), Some(Err(MeshError::Unreachable)), "it never left");
    bed.world.heal_all();
    bed.world.run_for(Duration::from_secs(5));

    bed.world.kill(b.host);
    bed.world.run_for(SOON);
    for _ in 0..8 {
        assert_eq!(bed.ask(&a, &b, Bytes::from_static(b"e")), Err(MeshError::Unreachable));
        bed.world.run_for(Duration::from_millis(700));
    }
    let dials = a.mesh().counters().dials.get();
    let before = bed.world.now();
    for _ in 0..100 {
        assert_eq!(bed.ask(&a, &b, Bytes::from_static(b"e")), Err(MeshError::Unreachable));
    }
    assert!(bed.world.now() - before < Duration::from_millis(2));
    assert!(
        a.mesh().counters().dials.get() - dials <= 1,
        "a node that refuses must not be dialled for each request"
    );
    let nobody = (a.mesh(), bed.world.env(a.host));
    let answer = bed.at(&a, async move {
        let due = nobody.1.now().after_ms(10_000);
        nobody.0.request(switchboard::ids::NodeId(99), Channel::Bulk, Bytes::new(), due).await
    });
    assert_eq!(answer, Err(MeshError::Unreachable));
    bed.finish();
}

#[test]
fn a_reader_that_takes_nothing_cannot_make_a_node_hold_more_than_its_bound() {
    let limits = MeshLimits { queue_bytes_max: 1 << 20, ..MeshLimits::DEFAULT };
    let settings = [1, 2].map(|id| Setting { limits, ..Setting::new(id) });
    let mut bed = Bed::with(5, settings.to_vec());
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    assert!(bed.ask(&a, &b, Bytes::from_static(b"e")).is_ok());
    // What b sends to a goes nowhere, while a's questions arrive.
    bed.world.apply(switchboard_sim::Fault::Pause(b.host));
    let (mesh, to) = (a.mesh(), b.id);
    let taken =
        bed.at(
            &a,
            async move { (0..1_000).filter(|_| mesh.tell(to, Channel::Traffic, pattern(10_000))).count() },
        );
    assert!(taken <= 105 + 20, "{taken} messages of 10 kB were taken");
    bed.world.apply(switchboard_sim::Fault::Resume(b.host));
    bed.world.run_for(Duration::from_secs(5));
    assert_eq!(b.notes.told().len(), taken);

    let waiting: Vec<_> =
        (0..1_000).map(|_| bed.start(&a, &b, order(b'b', 100_000), 20_000, false)).collect();
    bed.world.run_for(Duration::from_millis(1));
    bed.world.apply(switchboard_sim::Fault::Pause(a.host));
    bed.world.run_for(Duration::from_secs(10));
    let served = b.notes.peers().len();
    assert!(served < 100, "{served} requests were served for a reader that takes nothing");
    bed.world.apply(switchboard_sim::Fault::Resume(a.host));
    bed.world.run_for(Duration::from_secs(30));
    assert!(waiting.iter().all(|waits| outcome(waits).is_some()));
    bed.finish();
}

#[test]
fn a_peer_that_goes_down_in_order_is_told_apart_from_one_that_broke() {
    let mut bed = Bed::new(6, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    let waits = bed.start(&a, &b, order(b'h', 0), 60_000, true);
    bed.world.run_for(Duration::from_millis(100));
    let mesh = b.mesh();
    bed.at(&b, async move { mesh.stop().await });
    bed.world.run_for(SOON);
    assert_eq!(outcome(&waits), Some(Err(MeshError::Broken)));
    assert_eq!(a.notes.lost(), [(b.id, Lost::Closed)]);
    assert_eq!(b.mesh().counters().links.get(), 0);
    assert_eq!(bed.ask(&a, &b, Bytes::from_static(b"e")), Err(MeshError::Unreachable));
    assert_eq!(bed.ask(&b, &a, Bytes::from_static(b"e")), Err(MeshError::Unreachable));
    bed.finish();
}

#[test]
fn a_forgotten_node_is_cut_off() {
    let mut bed = Bed::new(7, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    let waits = bed.start(&a, &b, order(b'h', 0), 60_000, true);
    bed.world.run_for(Duration::from_millis(100));
    a.mesh().forget(b.id);
    bed.world.run_for(SOON);
    assert_eq!(outcome(&waits), Some(Err(MeshError::Broken)));
    assert_eq!(bed.ask(&a, &b, Bytes::from_static(b"e")), Err(MeshError::Unreachable));
    assert_eq!(b.notes.under_way(), 0);
    bed.finish();
}

#[test]
fn bulk_never_delays_a_vote() {
    let mut bed = Bed::new(8, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    let (mesh, env, to) = (a.mesh(), bed.world.env(a.host), b.id);
    let took = bed.at(&a, async move {
        let due = env.now().after_ms(60_000);
        let bulk = mesh.clone();
        env.spawn("bulk", async move {
            for _ in 0..4 {
                let body = Bytes::from([&b"e"[..], &pattern(4 << 20)].concat());
                assert!(bulk.request(to, Channel::Bulk, body, due).await.is_ok());
            }
        });
        env.sleep_until(env.now().after_ms(20)).await;
        let before = env.now();
        assert!(mesh.request(to, Channel::Consensus, Bytes::from_static(b"e"), due).await.is_ok());
        env.now().since(before)
    });
    assert!(took < Duration::from_millis(30), "{took:?}");
    bed.world.run_for(Duration::from_secs(30));
    bed.finish();
}
