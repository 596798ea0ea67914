//! Canaries: tools that leak something real into the run, on purpose. None is in [`ALL`](crate::ALL); `tests/canaries.rs` runs
//! each, and every one must be caught and named.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "they leak on purpose")]

use std::collections::HashMap;
use std::time::Instant;

use switchboard::handler::{Catalogue, Ctx, Server};
use switchboard_sim::check::History;
use switchboard_sim::client::Errand;
use switchboard_sim::scenario::{Dice, Group, Role, Scenario, Setup, Wishes};

use crate::catalogue::tool;

/// All of them.
pub const CANARIES: &[Scenario] = &[CLOCK, HASH, GETRANDOM, THREAD];

/// Reads the clock.
pub const CLOCK: Scenario = canary("canary_clock", |history| {
    leak(history, |_| {
        let now = Instant::now();
        u64::from(now.elapsed().subsec_nanos() % 8)
    })
});

/// Lets the order inside a map of the standard library decide.
pub const HASH: Scenario = canary("canary_hash", |history| {
    leak(history, |_| {
        let map: HashMap<u64, ()> = (0..8).map(|number| (number, ())).collect();
        map.into_keys().fold(0, |so_far, number| (so_far * 31 + number) % 1_009)
    })
});

/// Asks the system for randomness by a raw system call, behind the back of the C library.
pub const GETRANDOM: Scenario = canary("canary_getrandom", |history| {
    leak(history, |_| {
        let mut drawn = [0];
        getrandom::getrandom(&mut drawn).expect("the system must have randomness");
        u64::from(drawn[0] % 8)
    })
});

/// Starts a thread.
pub const THREAD: Scenario = canary("canary_thread", |history| {
    leak(history, |_| std::thread::spawn(|| 1).join().expect("the thread must not panic"))
});

const fn canary(name: &'static str, catalogue: fn(&History) -> Catalogue) -> Scenario {
    Scenario { name, description: "leaks something real into the run, and must be caught", draw, catalogue }
}

/// A server whose only tool takes as many milliseconds as the leak says.
fn leak(history: &History, leaked: fn(&Ctx) -> u64) -> Catalogue {
    let echo = tool(history, "echo", move |ctx: Ctx, arguments| async move {
        let ms = leaked(&ctx);
        ctx.sleep_ms(ms).await;
        Ok(arguments.mark)
    });
    Server::new("canary", "1.0.0").tool(echo).build().expect("the schema of the tool must be valid")
}

fn draw(_: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(5);
    let mut work = Setup::usual_work(seconds);
    work.errands = vec![(Errand::Echo, 1)];
    Setup { groups: vec![Group::new(Role::Stateless, 2, work)], ..Setup::calm(seconds) }
}
