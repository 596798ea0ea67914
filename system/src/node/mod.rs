//! The node: every stage, put together, in one world.
//!
//! Only this module knows more than one stage. Data runs one way: a connection's bytes become messages (`transport`,
//! `jsonrpc`), messages are placed in an era (`protocol`), requests find what serves them (`dispatch`), handlers work
//! (`handler`), and what they say goes back through streams (`session`) and bodies.

mod accept;
mod admin;
mod body;
mod carry;
mod channel;
mod config;
mod core;
mod drain;
mod edge;
mod follow;
mod home;
mod http;
mod hub;
mod life;
mod line;
mod listen;
mod metrics;
mod outlet;
mod reap;
mod serve;
mod start;
mod stateful;
mod stateless;
mod tasks;

pub use crate::cluster::ClusterConfig;
pub use config::{Config, ConfigProblem, HttpConfig, Setting, Token};
pub use life::Stage;
pub use start::{Node, StartError};

use crate::cancel::CancelReason;
use crate::cluster::Trouble;
use crate::protocol::Fault;
use crate::seal::Keys;
use crate::session::Refusal;

/// What a client is told of a call that was stopped.
fn cancelled_fault(reason: CancelReason) -> Fault {
    match reason {
        CancelReason::Client | CancelReason::Task => Fault::cancelled(),
        CancelReason::Deadline => Fault::timed_out(),
        CancelReason::Shutdown => Fault::shutting_down(),
    }
}

/// What a client is told when the cluster did not do what was asked of it.
/// Why a sealed text does not open: as `fault` says, unless this node may only be behind.
fn unopened(keys: &Keys, text: &str, fault: Fault) -> Fault {
    if keys.is_ahead(text) { trouble(Trouble::Unavailable) } else { fault }
}

fn trouble(trouble: Trouble) -> Fault {
    match trouble {
        Trouble::NoSession => Fault::session_not_found(),
        Trouble::NoStream(why) => Fault::invalid_request(why),
        Trouble::Refused(why) => Fault::overloaded(why),
        Trouble::Superseded => Fault::invalid_request("another connection reads this stream"),
        Trouble::Unavailable => Fault::overloaded(
            "the part of the cluster that keeps this is out of reach: nothing was done, try again shortly",
        ),
        Trouble::Unknown => Fault::overloaded(
            "the part of the cluster that keeps this did not answer in time: it may or may not have been done",
        ),
    }
}

/// What a client is told of something that its session or connection did not take in. Nothing of it was begun.
fn refused(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::DuplicateId => Fault::invalid_request(refusal.to_string()),
        Refusal::TooMany(_) => Fault::overloaded(refusal.to_string()),
        Refusal::Ended => Fault::session_not_found(),
    }
}
