//! Seeded fault scenarios for a Switchboard node: one idea of what may happen a file.

#![forbid(unsafe_code)]

mod accept_overflow;
mod bridge_partition;
mod busy;
mod called_off;
mod calm;
pub mod canary;
pub mod catalogue;
mod clock_skew;
mod cluster_calm;
mod control_lost;
mod double_edge;
mod drain;
mod flood;
mod growing;
mod harm;
mod hostile_bytes;
mod hundred_nodes;
mod in_turn;
mod island;
mod joining;
mod key_rotation;
mod kill_mid_call;
mod leader_crash;
mod leaving;
mod lossy;
mod majority_split;
mod minority_split;
mod node_replaced;
mod one_way_cut;
mod partition_heal;
pub mod planted;
mod power_loss;
mod reconnect_storm;
mod rolling_restart;
mod rolling_upgrade;
mod sick_disk;
mod slow_reader;
mod swarm;
mod swizzle;
mod tight;
mod torn_log;
mod tour;
mod zombie_leader;
mod zone_loss;

use switchboard_sim::scenario::Scenario;

pub use accept_overflow::ACCEPT_OVERFLOW;
pub use bridge_partition::BRIDGE_PARTITION;
pub use called_off::CALLED_OFF;
pub use calm::CALM;
pub use clock_skew::CLOCK_SKEW;
pub use cluster_calm::CLUSTER_CALM;
pub use control_lost::CONTROL_LOST;
pub use double_edge::DOUBLE_EDGE;
pub use drain::DRAIN;
pub use flood::FLOOD;
pub use growing::GROWING;
pub use hostile_bytes::HOSTILE_BYTES;
pub use hundred_nodes::HUNDRED_NODES;
pub use island::ISLAND;
pub use joining::JOINING;
pub use key_rotation::KEY_ROTATION;
pub use kill_mid_call::KILL_MID_CALL;
pub use leader_crash::LEADER_CRASH;
pub use leaving::LEAVING;
pub use lossy::LOSSY;
pub use majority_split::MAJORITY_SPLIT;
pub use minority_split::MINORITY_SPLIT;
pub use node_replaced::NODE_REPLACED;
pub use one_way_cut::ONE_WAY_CUT;
pub use partition_heal::PARTITION_HEAL;
pub use power_loss::POWER_LOSS;
pub use reconnect_storm::RECONNECT_STORM;
pub use rolling_restart::ROLLING_RESTART;
pub use rolling_upgrade::ROLLING_UPGRADE;
pub use sick_disk::SICK_DISK;
pub use slow_reader::SLOW_READER;
pub use swarm::SWARM;
pub use swizzle::SWIZZLE;
pub use tight::TIGHT;
pub use torn_log::TORN_LOG;
pub use tour::TOUR;
pub use zombie_leader::ZOMBIE_LEADER;
pub use zone_loss::ZONE_LOSS;

/// Every scenario, from the calmest on.
pub const ALL: &[Scenario] = &[
    CALM,
    FLOOD,
    RECONNECT_STORM,
    ACCEPT_OVERFLOW,
    KILL_MID_CALL,
    PARTITION_HEAL,
    SLOW_READER,
    HOSTILE_BYTES,
    DRAIN,
    CLUSTER_CALM,
    TIGHT,
    CALLED_OFF,
    CLOCK_SKEW,
    DOUBLE_EDGE,
    LEAVING,
    ROLLING_RESTART,
    ROLLING_UPGRADE,
    KEY_ROTATION,
    LEADER_CRASH,
    LOSSY,
    ZOMBIE_LEADER,
    MINORITY_SPLIT,
    ISLAND,
    MAJORITY_SPLIT,
    BRIDGE_PARTITION,
    ONE_WAY_CUT,
    SWIZZLE,
    POWER_LOSS,
    TORN_LOG,
    NODE_REPLACED,
    SICK_DISK,
    CONTROL_LOST,
    ZONE_LOSS,
    JOINING,
    GROWING,
    SWARM,
];

/// What is too large to be one of many.
pub const LARGE: &[Scenario] = &[HUNDRED_NODES];

/// The scenario of a name, large ones and [canaries](canary) among them.
#[must_use]
pub fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter().chain(LARGE).chain(canary::CANARIES).find(|scenario| scenario.name == name)
}
