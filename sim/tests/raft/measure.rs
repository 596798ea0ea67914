//! What a group costs, in counts that do not depend on the machine. The bounds stand so that a change which costs is seen.

use crate::cluster::{Cluster, Plan, lock};

#[test]
fn an_idle_group_of_three_sends_less_than_five_messages_a_second() {
    let mut cluster = Cluster::new(&Plan { pause_ms: 0, ..Plan::new(1, 3) });
    cluster.run_ms(5_000);
    let before = lock(&cluster.truth).messages;
    cluster.run_ms(60_000);
    let sent = lock(&cluster.truth).messages - before;
    println!("idle, three members: {} requests a minute, as many answers", sent);
    assert!(sent < 5 * 60, "{sent}");
}
