//! What a run does: the checked form that [`run`](super::run) takes.

use std::time::Duration;

use super::request::{Ask, Era, Target};

/// What one request does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// `tools/call`.
    Call,
    /// `tools/list`.
    List,
    /// `tools/call` by a client that just came: on a new connection, and in the stateful era in a new session.
    Churn,
}

/// How often each operation is chosen, as parts of the sum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mix {
    /// Parts of [`Operation::Call`].
    pub call: u32,
    /// Parts of [`Operation::List`].
    pub list: u32,
    /// Parts of [`Operation::Churn`].
    pub churn: u32,
}

impl Mix {
    /// Calls and nothing else.
    pub const CALLS: Self = Self { call: 1, list: 0, churn: 0 };

    /// The operation of the n-th request: spread evenly and the same in every run, so that two runs compare.
    pub(super) fn pick(self, ordinal: u64) -> Operation {
        let Self { call, list, churn } = self;
        if list == 0 && churn == 0 {
            return Operation::Call;
        }
        let sum = u64::from(call) + u64::from(list) + u64::from(churn);
        let at = scramble(ordinal) % sum;
        if at < u64::from(call) {
            Operation::Call
        } else if at < u64::from(call) + u64::from(list) {
            Operation::List
        } else {
            Operation::Churn
        }
    }
}

/// A number without visible order from an ordered one (the finalizer of splitmix64).
pub(super) fn scramble(ordinal: u64) -> u64 {
    let mut mixed = ordinal.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// When the next request is sent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Pace {
    /// Each connection sends as soon as it has its answer.
    Closed,
    /// So many a second over all connections, whatever the server does.
    Open(f64),
}

/// What is held open between a first and a last call of each connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Idle {
    /// A session with its stream.
    Stream,
    /// A kept-alive connection.
    Connection,
}

/// Everything about one run. [`Args`](super::Args) makes it from a command line and checks it.
#[derive(Clone, PartialEq, Debug)]
pub struct LoadOptions {
    /// The servers; connections are spread over them, and one that is lost goes on to the next.
    pub targets: Vec<Target>,
    /// What is asked.
    pub ask: Ask,
    /// The eras; connections take turns.
    pub eras: Vec<Era>,
    /// What requests do.
    pub mix: Mix,
    /// When they are sent.
    pub pace: Pace,
    /// How many connections send requests, or idle.
    pub connections: usize,
    /// How many more only hold a stream.
    pub streams: usize,
    /// Hold instead of sending.
    pub idle: Option<Idle>,
    /// How long, after the ramp.
    pub duration: Option<Duration>,
    /// How many requests, ramp and all.
    pub requests: Option<u64>,
    /// Connections open, and an open loop reaches its rate, over this time; it is not part of rate and latency.
    pub ramp: Duration,
    /// From when a request is due to when nobody waits for it any more.
    pub timeout: Duration,
    /// Threads of the generator.
    pub threads: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_keeps_its_parts() {
        let mix = Mix { call: 90, list: 9, churn: 1 };
        let picked: Vec<Operation> = (0..10_000).map(|ordinal| mix.pick(ordinal)).collect();
        let count = |wanted| picked.iter().filter(|operation| **operation == wanted).count();
        assert!((8_900..9_100).contains(&count(Operation::Call)), "{}", count(Operation::Call));
        assert!((800..1_000).contains(&count(Operation::List)), "{}", count(Operation::List));
        assert!((60..140).contains(&count(Operation::Churn)), "{}", count(Operation::Churn));
    }
}
