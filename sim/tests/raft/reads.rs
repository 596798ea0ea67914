//! Reads: whoever answers one has everything that was acknowledged before, whatever it believes to lead.

use std::collections::BTreeSet;

use switchboard::env::Env;
use switchboard::ids::NodeId;
use switchboard::raft::{BarrierError, Role};
use switchboard_sim::Fault;

use crate::SEEDS;
use crate::cluster::{Cluster, Plan, lock};
use crate::life::{quiet_cluster, sleep};

fn read(cluster: &mut Cluster, number: NodeId) -> Result<(), BarrierError> {
    let (group, node) = (cluster.member(number.0).group, cluster.node(number));
    let env = cluster.world.env(node);
    cluster.world.block_on(node, async move { group.barrier(env.now().after_ms(400)).await })
}

#[test]
fn a_barrier_sees_what_was_acknowledged_before_it() {
    for seed in 0..SEEDS {
        let mut cluster = Cluster::new(&Plan::new(seed, 3));
        cluster.run_ms(3_000);
        let leader = cluster.wait_for_leader();
        let node = cluster.node(leader);
        let (member, env) = (cluster.member(leader.0), cluster.world.env(node));
        let acknowledged = lock(&cluster.truth).acknowledged.clone();
        let read = cluster.world.block_on(node, async move {
            let done = member.group.barrier(env.now().after_ms(2_000)).await;
            done.map(|()| lock(&member.machine).commands.iter().copied().collect::<BTreeSet<u64>>())
        });
        let read = read.expect("a leader with its followers must answer");
        assert!(acknowledged.is_subset(&read), "seed {seed}");
        let follower = NodeId(1 + leader.0 % 3);
        let (member, env) = (cluster.member(follower.0), cluster.world.env(cluster.node(follower)));
        let refused = cluster.world.block_on(cluster.node(follower), async move {
            member.group.barrier(env.now().after_ms(2_000)).await
        });
        assert_eq!(refused, Err(BarrierError::NotLeader { leader: Some(leader) }), "seed {seed}");
    }
}

#[test]
fn a_sleeping_group_answers_a_read_and_sleeps_on() {
    for seed in 0..SEEDS {
        let (mut cluster, leader) = quiet_cluster(seed);
        assert!(sleep(&mut cluster, leader), "seed {seed}");
        let before = lock(&cluster.truth).messages;
        assert_eq!(read(&mut cluster, leader), Ok(()), "seed {seed}");
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
                    let (group, node) = (cluster.member(from.0).group, cluster.node(from));
                    cluster.world.block_on(node, async move { group.transfer(to).await });
                }
            }
            cluster.run_ms(37 * (seed + round) % 900);
            for number in (1..=3).map(NodeId) {
                let acknowledged = lock(&cluster.truth).acknowledged.clone();
                if read(&mut cluster, number).is_err() {
                    refused += 1;
                    continue;
                }
                answered += 1;
                let member = cluster.member(number.0);
                let taken: BTreeSet<u64> = lock(&member.machine).commands.iter().copied().collect();
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
        assert!(read(&mut cluster, past).is_err(), "seed {seed}: {now:?} leads by now");
        cluster.world.heal_all();
        cluster.run_ms(2_000);
        cluster.settle();
    }
}
