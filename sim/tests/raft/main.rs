//! One consensus group under the faults that it is for: S1 (one leader a term, one log), S2 (nothing acknowledged is lost),
//! S14 (the same seed is the same run). Every run checks S1 all the time and S2 at its end; see `cluster`.

mod cluster;
mod life;
mod measure;
mod reads;

use cluster::{Cluster, Plan, lock};
use switchboard::env::Env;
use switchboard::ids::NodeId;
use switchboard::raft::{BarrierError, ProposeError, Role};

const SEEDS: u64 = 25;

#[test]
fn three_nodes_elect_a_leader_and_commit() {
    for seed in 0..SEEDS {
        let mut cluster = Cluster::new(&Plan::new(seed, 3));
        cluster.run_ms(3_000);
        assert!(cluster.acknowledged() > 0, "seed {seed}: nothing was acknowledged");
        cluster.settle();
    }
}

#[test]
fn a_killed_leader_is_followed_by_another_and_nothing_acknowledged_is_lost() {
    for seed in 0..SEEDS {
        let mut cluster = Cluster::new(&Plan::new(seed, 3));
        cluster.run_ms(2_000 + seed * 7);
        let first = cluster.wait_for_leader();
        let node = cluster.node(first);
        if seed % 2 == 0 {
            cluster.world.kill(node);
        } else {
            cluster.world.lose_power(node);
        }
        let before = cluster.acknowledged();
        drop(lock(&cluster.members).remove(&first));
        cluster.run_ms(6_000);
        let second = cluster.wait_for_leader();
        assert_ne!(first, second);
        assert!(cluster.acknowledged() > before + 10, "seed {seed}: two of three must go on");
        cluster.world.restart(node);
        cluster.run_ms(2_000);
        cluster.settle();
    }
}

#[test]
fn five_nodes_survive_the_loss_of_two() {
    for seed in 0..SEEDS {
        let mut cluster = Cluster::new(&Plan::new(seed, 5));
        cluster.run_ms(2_500);
        let lost = [NodeId(1 + seed % 5), NodeId(1 + (seed + 2) % 5)];
        for number in lost {
            cluster.world.lose_power(cluster.node(number));
            drop(lock(&cluster.members).remove(&number));
        }
        let before = cluster.acknowledged();
        cluster.run_ms(7_000);
        assert!(cluster.acknowledged() > before, "seed {seed}: three of five must go on");
        for number in lost {
            cluster.world.restart(cluster.node(number));
        }
        cluster.settle();
    }
}

#[test]
fn a_minority_commits_nothing_and_says_so_in_time() {
    for seed in 0..SEEDS {
        let mut cluster = Cluster::new(&Plan::new(seed, 3));
        cluster.run_ms(2_000);
        let leader = cluster.wait_for_leader();
        let alone = cluster.node(leader);
        let others: Vec<_> = cluster.nodes.iter().copied().filter(|node| *node != alone).collect();
        cluster.world.partition(&[alone], &others);
        cluster.run_ms(100);
        let (proposed, read, took) = cluster.on(leader, async |group, env| {
            let begin = env.now();
            let command = u64::MAX.to_le_bytes().to_vec();
            let proposed = group.propose(command.into(), begin.after_ms(1_000)).await;
            let read = group.barrier(begin.after_ms(2_000)).await;
            (proposed, read, env.now().since(begin))
        });
        assert_eq!(proposed, Err(ProposeError::Unknown), "seed {seed}");
        assert!(
            matches!(read, Err(BarrierError::Unavailable | BarrierError::NotLeader { .. })),
            "seed {seed}"
        );
        assert!(took.as_millis() <= 2_100, "seed {seed}: {took:?}");
        let before = cluster.acknowledged();
        cluster.run_ms(6_000);
        assert!(cluster.acknowledged() > before, "seed {seed}: the majority must go on");
        cluster.settle();
    }
}

#[test]
fn power_lost_by_two_of_three_at_once_loses_nothing_acknowledged() {
    let mut at_stake = 0;
    for seed in 0..SEEDS {
        let mut cluster = Cluster::new(&Plan { pause_ms: 8, ..Plan::new(seed, 3) });
        cluster.run_ms(2_000 + seed * 13);
        for number in [NodeId(1 + seed % 3), NodeId(1 + (seed + 1) % 3)] {
            cluster.world.lose_power(cluster.node(number));
            drop(lock(&cluster.members).remove(&number));
        }
        at_stake += cluster.world.fired().iter().map(|fired| fired.touched).sum::<u64>();
        cluster.run_ms(1_000);
        for number in [NodeId(1 + seed % 3), NodeId(1 + (seed + 1) % 3)] {
            cluster.world.restart(cluster.node(number));
        }
        cluster.run_ms(5_000);
        cluster.settle();
        assert!(cluster.acknowledged() > 0);
    }
    assert!(at_stake > 0);
}

#[test]
fn a_whole_cluster_comes_back_from_its_disks() {
    for seed in 0..SEEDS {
        let mut cluster = Cluster::new(&Plan { snapshot_after: 40, ..Plan::new(seed, 3) });
        cluster.run_ms(4_000);
        let (term, before) = (cluster.status(1).leadership.term, cluster.acknowledged());
        for node in cluster.nodes.clone() {
            cluster.world.lose_power(node);
        }
        cluster.run_ms(100);
        for node in cluster.nodes.clone() {
            cluster.world.restart(node);
        }
        cluster.run_ms(5_000);
        cluster.wait_for_leader();
        assert!(cluster.status(1).leadership.term > term, "seed {seed}: a restart is another term");
        assert!(cluster.acknowledged() > before, "seed {seed}");
        assert!(lock(&cluster.truth).restored > 0, "seed {seed}: there must have been snapshots");
        cluster.settle();
    }
}

#[test]
fn a_single_voter_leads_again_as_soon_as_it_is_back() {
    for seed in 0..SEEDS {
        let mut cluster = Cluster::new(&Plan::new(seed, 1));
        cluster.run_ms(1_000);
        assert!(cluster.acknowledged() > 10, "seed {seed}");
        cluster.world.lose_power(cluster.nodes[0]);
        cluster.run_ms(10);
        cluster.world.restart(cluster.nodes[0]);
        cluster.run_ms(100);
        assert_eq!(cluster.status(1).role, Role::Leader, "seed {seed}: it must not wait for an election");
        cluster.settle();
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let run = |seed| {
        let mut cluster = Cluster::new(&Plan { snapshot_after: 30, ..Plan::new(seed, 3) });
        cluster.run_ms(3_000);
        let leader = cluster.wait_for_leader();
        cluster.world.lose_power(cluster.node(leader));
        cluster.run_ms(4_000);
        cluster.world.restart(cluster.node(leader));
        cluster.settle();
        cluster.world.trace_hash()
    };
    for seed in 0..10 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
    assert_ne!(run(1), run(2));
}
