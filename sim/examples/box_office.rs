//! A box office with a bug that only a partition shows, and the trial that finds it.
//!
//! One node keeps the till; the others ask it for each seat. When it does not answer in time, the hasty box office sells the seat
//! all the same, for the till has never said no in a test. `cargo run -p switchboard-sim --example box_office` shows what a user is
//! told; `cargo test -p switchboard-sim --example box_office` runs the tests below.

use std::io;
use std::net::SocketAddr;

use serde_json::json;
use switchboard::env::{Env, Listener, deadline};
use switchboard::handler::{Catalogue, Failure, Server, Tool};
use switchboard_sim::NodeId;
use switchboard_sim::client::Era;
use switchboard_sim::trial::{Caller, Trial, partition};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SEATS: usize = 30;
const TILL_PORT: u16 = 7_000;
const TILL_PATIENCE_MS: u64 = 500;

/// What a till means that does not answer in time.
#[derive(Clone, Copy)]
enum Silence {
    /// The bug.
    Yes,
    No,
}

/// The tools of a node, as they would be shipped: in any world.
fn box_office<E: Env>(env: &E, till: SocketAddr, silence: Silence) -> Catalogue {
    let env = env.clone();
    let reserve = Tool::without_arguments("reserve", move |_| {
        let env = env.clone();
        async move {
            let due = env.now().after_ms(TILL_PATIENCE_MS);
            match (deadline(&env, due, ask(&env, till)).await, silence) {
                (Ok(Ok(true)), _) | (Err(_) | Ok(Err(_)), Silence::Yes) => Ok("reserved".to_owned()),
                (Ok(Ok(false)), _) => Err(Failure::tool("sold out")),
                (Err(_) | Ok(Err(_)), Silence::No) => Err(Failure::tool("the till is silent: try again")),
            }
        }
    });
    Server::new("box office", "1.0.0").tool(reserve).build().expect("a tool without arguments must be valid")
}

/// Whether there was a seat left.
async fn ask<E: Env>(env: &E, till: SocketAddr) -> io::Result<bool> {
    Ok(env.connect(till).await?.read_u8().await? == 1)
}

/// Gives each who asks a seat, while there are any.
async fn keep_till<E: Env>(env: E, address: SocketAddr) {
    let mut listener = env.listen(address).await.expect("the port of the till must be free");
    let mut left = SEATS;
    while let Ok((mut asker, _)) = listener.accept().await {
        // Whoever does not hear it has no seat, and nobody else has.
        let _ = asker.write_u8(u8::from(left > 0)).await;
        left = left.saturating_sub(1);
    }
}

/// Three such nodes, and six clients that want a seat, again and again.
fn trial(silence: Silence) -> Trial {
    let nodes = Trial::new("box_office", move |place| {
        let till = SocketAddr::new(place.sites[0].ip, TILL_PORT);
        if place.node == NodeId(0) {
            drop(place.env.spawn("till", keep_till(place.env, till)));
        }
        box_office(&place.env, till, silence)
    });
    nodes.clients(Era::Stateless, 4, buy).clients(Era::Stateful, 2, buy).always(
        "never more tickets than seats",
        |trail| match trail.answered().count() {
            0..=SEATS => Ok(()),
            sold => Err(format!("{sold} tickets for {SEATS} seats")),
        },
    )
}

async fn buy(mut client: Caller) {
    loop {
        client.call("reserve", &json!({})).await;
        let pause_ms = 200 + client.dice().below(800);
        client.sleep_ms(pause_ms).await;
    }
}

/// Seeds that are tried.
const SEEDS: std::ops::Range<u64> = 0..8;

fn main() {
    let hasty = trial(Silence::Yes).faults(partition);
    let found = SEEDS.filter_map(|seed| hasty.pass(seed).err()).next();
    let Some(failure) = found else { return println!("no seed has found the bug") };
    println!("A test of the hasty box office ends with\n\n{failure}");
    if let Err(smaller) = hasty.explain(failure.case.seed) {
        println!("and its replay with\n\n{smaller}");
    }
    let patient = trial(Silence::No).faults(partition);
    let passed = SEEDS.filter(|seed| patient.pass(*seed).is_ok()).count();
    println!("The patient one passes under {passed} of {} seeds.", SEEDS.count());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_office_that_takes_silence_for_a_no_never_sells_too_many() {
        trial(Silence::No).faults(partition).for_seeds(SEEDS);
    }

    #[test]
    fn one_that_takes_it_for_a_yes_does_and_only_a_partition_shows_it() {
        trial(Silence::Yes).for_seeds(SEEDS);
        let hasty = trial(Silence::Yes).faults(partition);
        let found: Vec<_> = SEEDS.filter_map(|seed| hasty.pass(seed).err()).collect();
        assert!(!found.is_empty(), "no seed has found the bug");
        for failure in found {
            assert_eq!(failure.report.violations[0].check, "never more tickets than seats", "{failure}");
        }
    }
}
