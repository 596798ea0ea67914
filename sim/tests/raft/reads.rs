//! Reads: whoever answers one has everything that was acknowledged before, whatever it believes to lead.

use switchboard::env::Env;
use switchboard::ids::NodeId;
use switchboard::raft::{BarrierError, Role};
use switchboard_sim::Fault;

use crate::SEEDS;
use crate::cluster::{Cluster, Plan, lock};
use crate::life::{quiet_cluster, sleep};

/// Long enough for whoever can answer.
const PATIENCE_MS: u64 = 400;

fn read(cluster: &mut Cluster, number: NodeId, ms_max: u64) -> Result<(), BarrierError> {
    cluster.on(number, async move |group, env| group.barrier(env.now().after_ms(ms_max)).await)
}

#[test]
fn a_barrier_sees_what_was_acknowledged_before_it() {
    for seed in 0..SEEDS {
        let mut cluster = Cluster::new(&Plan::new(seed, 3));
        cluster.run_ms(3_000);
        let leader = cluster.wait_for_leader();
        let acknowledged = lock(&cluster.truth).acknowledged.clone();
        let answered = read(&mut cluster, leader, 2_000);
        answered.expect("a leader with its followers must answer");
        assert!(acknowledged.is_subset(&cluster.member(leader.0).taken()), "seed {seed}");
        let refused = read(&mut cluster, NodeId(1 + leader.0 % 3), 2_000);
        assert_eq!(refused, Err(BarrierError::NotLeader { leader: Some(leader) }), "seed {seed}");
    }
}

#[test]
fn a_sleeping_group_answers_a_read_and_sleeps_on() {
    for seed in 0..SEEDS {
        let (mut cluster, leader) = quiet_cluster(seed);
        assert!(sleep(&mut cluster, leader), "seed {seed}");
        let before = lock(&cluster.truth).messages;
        assert_eq!(read(&mut cluster, leader, PATIENCE_MS), Ok(()), "seed {seed}");
        cluster.run_ms(10_000);
        let sent = lock(&cluster.truth).messages - before;
        assert_eq!(sent, 1, "seed {seed}: one other is a majority of three, and nobody else must hear of it");
        assert!((1..=3).all(|number| cluster.status(number).is_asleep), "seed {seed}");
    }
}

#[test]
fn whoever_answers_a_read_has_all_that_was_acknowledged_before() {
    let (mut answered, mut refused) = (0, 0);
    for seed in 0..SEEDS {
        let mut cluster = Cluster::new(&Plan::new(seed, 3));
        cluster.run_ms(2_000);
        for round in 0..12 {
            let at = |step: u64| cluster.nodes[usize::try_from((seed + round + step) % 3).expect("small")];
            let (one, other) = (at(0), at(1));
            match (seed * 7 + round) % 3 {
                // One of three pairs: the third still hears both, and may vote for either.
                0 => cluster.world.partition(&[one], &[other]),
                1 => {
                    cluster.world.apply(Fault::Heal { a: vec![one], b: vec![other] });
                }
                _ => {
                    let (from, to) = (NodeId(1 + round % 3), NodeId(1 + (round + 1) % 3));
                    cluster.on(from, async move |group, _| group.transfer(to).await);
                }
            }
            cluster.run_ms(37 * (seed + round) % 900);
            for number in (1..=3).map(NodeId) {
                let acknowledged = lock(&cluster.truth).acknowledged.clone();
                if read(&mut cluster, number, PATIENCE_MS).is_err() {
                    refused += 1;
                    continue;
                }
                answered += 1;
                let taken = cluster.member(number.0).taken();
                assert!(acknowledged.is_subset(&taken), "seed {seed}, round {round}: {number:?} is behind");
            }
        }
        cluster.world.heal_all();
        cluster.run_ms(3_000);
        cluster.settle();
    }
    assert!(answered > 100 && refused > 100, "{answered} answered, {refused} refused");
}

#[test]
fn a_leader_of_the_past_proves_nothing_to_a_member_that_has_another() {
    for seed in 0..SEEDS {
        let mut cluster = Cluster::new(&Plan::new(seed, 3));
        cluster.run_ms(2_000);
        let past = cluster.wait_for_leader();
        let (alone, others) = (cluster.node(past), [1, 2].map(|step| NodeId(1 + (past.0 - 1 + step) % 3)));
        let nodes = others.map(|number| cluster.node(number));
        cluster.world.partition(&[alone], &nodes);
        cluster.run_ms(6_000);
        let now = others.into_iter().find(|number| cluster.status(number.0).role == Role::Leader);
        let now = now.expect("two of three must have elected one of them");
        let follower = others.into_iter().find(|number| *number != now).expect("there are two");
        let follower = cluster.node(follower);
        cluster.world.apply(Fault::Heal { a: vec![alone], b: vec![follower] });
        assert_eq!(cluster.status(past.0).role, Role::Leader, "seed {seed}: it must believe to lead still");
        assert!(read(&mut cluster, past, PATIENCE_MS).is_err(), "seed {seed}: {now:?} leads by now");
        cluster.world.heal_all();
        cluster.run_ms(2_000);
        cluster.settle();
    }
}
