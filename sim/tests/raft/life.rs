//! How a group changes: members come and go, leaders hand over, and all of it sleeps.

use std::collections::BTreeSet;

use switchboard::env::Env;
use switchboard::ids::NodeId;
use switchboard::raft::{ChangeError, Role};

use crate::SEEDS;
use crate::cluster::{Cluster, Plan, lock};

fn set(numbers: &[u64]) -> BTreeSet<NodeId> {
    numbers.iter().copied().map(NodeId).collect()
}

fn change(cluster: &mut Cluster, voters: &[u64], learners: &[u64]) -> Result<(), ChangeError> {
    let leader = cluster.wait_for_leader();
    let (voters, learners) = (set(voters), set(learners));
    cluster
        .on(leader, async move |group, env| group.change(voters, learners, env.now().after_ms(20_000)).await)
}

#[test]
fn a_learner_far_behind_gets_a_snapshot_in_pieces() {
    for seed in 0..20 {
        let plan = Plan { voters: 3, snapshot_after: 40, command_bytes: 8, ..Plan::new(seed, 4) };
        let mut cluster = Cluster::new(&plan);
        cluster.run_ms(6_000);
        let purged = cluster.status(1).snapshot.expect("there must be a snapshot");
        assert!(purged > 0);
        change(&mut cluster, &[1, 2, 3], &[4]).expect("must take a learner");
        cluster.settle();
        let status = cluster.status(4);
        assert_eq!((status.role, status.learners), (Role::Learner, set(&[4])), "seed {seed}");
        assert!(lock(&cluster.truth).restored > 0, "seed {seed}: it must have come by snapshot");
    }
}

#[test]
fn members_are_replaced_one_by_one_until_none_of_the_first_is_left() {
    for seed in 0..SEEDS {
        let mut cluster = Cluster::new(&Plan { voters: 3, snapshot_after: 60, ..Plan::new(seed, 6) });
        cluster.run_ms(2_500);
        for voters in [[2, 3, 4], [3, 4, 5], [4, 5, 6]] {
            change(&mut cluster, &voters, &[]).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            cluster.run_ms(4_000);
            let leader = cluster.wait_for_leader();
            assert_eq!(cluster.status(leader.0).voters, set(&voters), "seed {seed}");
        }
        cluster.settle();
        assert!(cluster.acknowledged() > 100, "seed {seed}");
    }
}

#[test]
fn a_change_that_cannot_come_up_ends_within_its_deadline() {
    let mut cluster = Cluster::new(&Plan { voters: 3, ..Plan::new(7, 4) });
    cluster.run_ms(2_500);
    cluster.world.lose_power(cluster.nodes[3]);
    let result = change(&mut cluster, &[1, 2, 4], &[]);
    assert_eq!(result, Err(ChangeError::Unknown));
    let leader = cluster.wait_for_leader();
    assert_eq!(cluster.status(leader.0).voters, set(&[1, 2, 3]), "who is not up must not vote");
}

#[test]
fn a_leader_hands_over_when_it_is_asked_to() {
    for seed in 0..SEEDS {
        let mut cluster = Cluster::new(&Plan::new(seed, 3));
        cluster.run_ms(2_500);
        let leader = cluster.wait_for_leader();
        let to = NodeId(1 + leader.0 % 3);
        cluster.on(leader, async move |group, _| group.transfer(to).await);
        cluster.run_ms(1_000);
        assert_eq!(cluster.leader(), Some(to), "seed {seed}");
        cluster.settle();
    }
}

pub(crate) fn quiet_cluster(seed: u64) -> (Cluster, NodeId) {
    let mut cluster = Cluster::new(&Plan::new(seed, 3));
    cluster.run_ms(2_500);
    *lock(&cluster.is_loaded) = false;
    cluster.run_ms(2_000);
    let leader = cluster.wait_for_leader();
    (cluster, leader)
}

pub(crate) fn sleep(cluster: &mut Cluster, leader: NodeId) -> bool {
    cluster.on(leader, async |group, env| group.sleep(env.now().after_ms(1_000)).await)
}

#[test]
fn a_group_that_sleeps_says_nothing_and_wakes_by_a_proposal() {
    for seed in 0..SEEDS {
        let (mut cluster, leader) = quiet_cluster(seed);
        assert!(sleep(&mut cluster, leader), "seed {seed}");
        let before = lock(&cluster.truth).messages;
        cluster.run_ms(60_000);
        assert_eq!(lock(&cluster.truth).messages, before, "seed {seed}: a sleeper must be silent");
        assert_eq!(cluster.leader(), Some(leader), "seed {seed}");
        let acknowledged = cluster.acknowledged();
        *lock(&cluster.is_loaded) = true;
        cluster.run_ms(1_000);
        assert!(cluster.acknowledged() > acknowledged, "seed {seed}");
        assert_eq!(cluster.leader(), Some(leader), "seed {seed}: waking must not cost the leader its place");
        cluster.settle();
    }
}

#[test]
fn a_sleeping_group_whose_leader_died_elects_another_once_it_is_suspected() {
    for seed in 0..SEEDS {
        let (mut cluster, leader) = quiet_cluster(seed);
        assert!(sleep(&mut cluster, leader), "seed {seed}");
        cluster.run_ms(20_000);
        let node = cluster.node(leader);
        cluster.world.lose_power(node);
        drop(lock(&cluster.members).remove(&leader));
        cluster.run_ms(10_000);
        assert_eq!(cluster.leader(), None, "seed {seed}: sleepers must not notice by themselves");
        let survivors: Vec<_> = lock(&cluster.members).values().cloned().collect();
        for survivor in survivors {
            survivor.group.wake();
        }
        cluster.run_ms(3_000);
        assert!(cluster.leader().is_some(), "seed {seed}");
        cluster.world.restart(node);
        *lock(&cluster.is_loaded) = true;
        cluster.run_ms(2_000);
        cluster.settle();
    }
}

#[test]
fn a_group_with_a_member_out_of_reach_does_not_sleep() {
    let (mut cluster, leader) = quiet_cluster(3);
    let far = NodeId(1 + leader.0 % 3);
    cluster.world.lose_power(cluster.node(far));
    assert!(!sleep(&mut cluster, leader));
    cluster.run_ms(10_000);
    assert_eq!(cluster.leader(), Some(leader));
    assert!(!cluster.status(leader.0).is_asleep);
}
