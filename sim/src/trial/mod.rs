//! Your own tools under the same faults. A [`Trial`] is a cluster whose nodes have tools of yours, clients that follow a script of
//! yours, what a seed makes go wrong meanwhile, and checks of yours. It runs in `cargo test`, and what it finds it can replay.
//!
//! - The **tools** are made by a function of the node that boots, a [`Place`]: what they do there with its
//!   [environment](Place::env) (time, network, disk, randomness, tasks) is simulated, and what they keep in memory dies with the node.
//!   Write it generic over [`Env`](switchboard::env::Env), and it is the one that you ship.
//! - A **script** is an async function of a [`Caller`]: it calls tools, and is told how each call ended, which is not always known.
//! - **Faults** are drawn by the seed: [`partition`], [`crash`], or whatever you say with [`Dice`] and [`Fault`](crate::Fault).
//! - A **check** reads a [`Trail`]: every call with its arguments and what came of it, and what tools and clients noted. One that
//!   must [always](Trial::always) hold is told when it was first broken, and by whose call.
//!
//! The checks of the nodes look on as well: a call that is never answered outside of trouble is found without a word of yours.
//!
//! ```
//! use serde_json::json;
//! use switchboard::handler::{Ctx, Json, Server, Tool};
//! use switchboard_sim::client::Era;
//! use switchboard_sim::trial::{Trial, partition};
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Double {
//!     number: u64,
//! }
//!
//! let trial = Trial::new("doubles", |_| {
//!     let double = Tool::new("double", |ctx: Ctx, Double { number }: Double| async move {
//!         ctx.sleep_ms(20).await;
//!         Ok(Json(json!({ "doubled": 2 * number })))
//!     });
//!     Server::new("doubles", "1.0.0").tool(double).build().expect("the schema must be valid")
//! });
//! trial
//!     .seconds(5)
//!     .clients(Era::Stateless, 2, |mut client| async move {
//!         loop {
//!             let number = client.dice().below(100);
//!             let answer = client.call("double", &json!({ "number": number })).await;
//!             if answer.is_unknown() {
//!                 println!("the connection broke, or nobody answered in time");
//!             }
//!             client.sleep_ms(100).await;
//!         }
//!     })
//!     .faults(partition)
//!     .always("twice as much", |trail| {
//!         for call in trail.answered() {
//!             let number = call.arguments["number"].as_u64();
//!             let result: serde_json::Value = call.value().ok_or("it must say a number")?;
//!             if result["doubled"].as_u64() != number.map(|number| 2 * number) {
//!                 return Err(format!("{result} is not twice {number:?}"));
//!             }
//!         }
//!         Ok(())
//!     })
//!     .for_seeds(0..2);
//! ```
//!
//! A seed that fails ends the test with what was broken, when, what led to it, what was wrong at the time, and the command that runs
//! this seed alone. That runs it twice, to see that it is the same run, and makes it smaller. `sim/examples/box_office.rs` has a bug
//! for it to find.

mod check;
mod faults;
mod seeds;
mod trail;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use switchboard::handler::Catalogue;
use switchboard::protocol::fault::code;

pub use crate::client::{Answer, Caller};
pub use crate::scenario::{Dice, Place};
use check::{Check, When};
pub use faults::{crash, partition};
pub use seeds::{Failure, SEED_VARIABLE};
pub use trail::{Call, Note, Trail};

use crate::check::Violation;
use crate::client::{Era, Outcome, Work};
use crate::scenario::{
    Case, FORMED_MS, Group, Piece, Report, Role, START_MS, Script, Setup, Wishes, perform,
};

/// How many nodes there are where nobody says.
const NODES: u32 = 3;
/// How long clients have where nobody says.
const SECONDS: u64 = 10;
/// How long a client waits for an answer.
const PATIENCE_MS: u64 = 10_000;
/// How long after trouble everything must be well again.
const CALM_AFTER_MS: u64 = 8_000;
/// How long after clients have stopped nodes drain: by then trouble must be over, and they are asked how they stand.
const DRAIN_AFTER_MS: u64 = 20_000;
/// How long they may take for that.
const DRAIN_MS: u64 = 10_000;

/// How requests may end while something is wrong. Whether tools bear that is for the checks of the trial.
const FORGIVEN: [Outcome; 9] = [
    Outcome::Http(503),
    Outcome::Http(404),
    Outcome::RpcError(code::INTERNAL_ERROR),
    Outcome::ToolError,
    Outcome::Reset,
    Outcome::Closed,
    Outcome::Refused,
    Outcome::ConnectTimeout,
    Outcome::Timeout,
];

type Faults = Arc<dyn Fn(&mut Dice, &mut Setup) + Send + Sync>;

/// See the [module](self) page.
#[derive(Clone)]
pub struct Trial {
    name: &'static str,
    tools: Arc<dyn Fn(Place) -> Catalogue + Send + Sync>,
    nodes: u32,
    seconds: u64,
    clients: Vec<(Era, u32, Script)>,
    faults: Vec<Faults>,
    checks: Vec<Check>,
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial").field("name", &self.name).field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

impl Trial {
    /// A trial of three nodes with these tools, which nobody calls yet. Its name is that of its test: the command that replays a
    /// failure has it.
    #[must_use]
    pub fn new(name: &'static str, tools: impl Fn(Place) -> Catalogue + Send + Sync + 'static) -> Self {
        Self {
            name,
            tools: Arc::new(tools),
            nodes: NODES,
            seconds: SECONDS,
            clients: Vec::new(),
            faults: Vec::new(),
            checks: Vec::new(),
        }
    }

    /// Another number of nodes: one that is alone, or a cluster of three and more.
    #[must_use]
    pub fn nodes(self, nodes: u32) -> Self {
        Self { nodes, ..self }
    }

    /// How many virtual seconds clients have, instead of 10: then their scripts are cut off where they stand.
    #[must_use]
    pub fn seconds(self, seconds: u64) -> Self {
        Self { seconds, ..self }
    }

    /// So many clients more, who speak like this and follow a script of their own.
    ///
    /// # Panics
    /// Where there are as many kinds of clients as can be counted.
    #[must_use]
    pub fn clients<S, F>(mut self, era: Era, count: u32, script: S) -> Self
    where
        S: Fn(Caller) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        assert!(self.clients.len() < usize::from(u16::MAX), "kinds of clients must be countable");
        self.clients.push((era, count, Arc::new(move |caller| script(caller).boxed())));
        self
    }

    /// What goes wrong: drawn from the dice, and added to the setup, all of which may be shaped here. What is not put right again
    /// before clients stop is a failure, for the nodes must be one at the end.
    #[must_use]
    pub fn faults(mut self, draw: impl Fn(&mut Dice, &mut Setup) + Send + Sync + 'static) -> Self {
        self.faults.push(Arc::new(draw));
        self
    }

    /// What must hold at every moment. Where it does not hold of the whole run, the moment is looked for at which it was first broken;
    /// so what was broken must stay broken. A panic says so as well as an error does.
    #[must_use]
    pub fn always<C>(self, name: &'static str, holds: C) -> Self
    where
        C: Fn(&Trail) -> Result<(), String> + Send + Sync + 'static,
    {
        self.check(Check { name, when: When::Always, holds: Arc::new(holds) })
    }

    /// What must hold in the end, when all is well again and clients have stopped.
    #[must_use]
    pub fn in_the_end<C>(self, name: &'static str, holds: C) -> Self
    where
        C: Fn(&Trail) -> Result<(), String> + Send + Sync + 'static,
    {
        self.check(Check { name, when: When::InTheEnd, holds: Arc::new(holds) })
    }

    fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Runs it under a seed.
    #[must_use]
    pub fn run(&self, seed: u64) -> Report {
        self.perform(seed, self.setup(seed))
    }

    /// Runs a case of it: one that was made smaller and kept, or written by hand.
    #[must_use]
    pub fn run_case(&self, case: &Case) -> Report {
        self.perform(case.seed, case.setup.clone())
    }

    /// What a seed makes of it.
    #[must_use]
    pub fn setup(&self, seed: u64) -> Setup {
        let wishes = Wishes { seed, ..Wishes::default() };
        Setup::drawn(self.name, &wishes, |dice| {
            let mut setup = self.calm();
            for draw in &self.faults {
                draw(dice, &mut setup);
            }
            if let (u64::MAX, Some((first, last))) = (setup.trouble_ms.0, setup.faults.span_ms()) {
                setup.trouble_ms = (first, last + CALM_AFTER_MS);
            }
            setup
        })
    }

    /// It, with nothing that goes wrong.
    fn calm(&self) -> Setup {
        let is_alone = self.nodes == 1;
        let begin_ms = if is_alone { START_MS } else { FORMED_MS };
        let seconds = begin_ms.div_ceil(1_000) + self.seconds;
        let calm = if is_alone { Setup::calm(seconds) } else { Setup::cluster(self.nodes, seconds) };
        let groups = (0..).zip(&self.clients).map(|(script, (era, count, _))| {
            let role = match era {
                Era::Stateful => Role::Stateful,
                Era::Stateless => Role::Stateless,
            };
            let work = Work {
                errands: Vec::new(),
                pace_ms: (0, 0),
                begin_ms: (begin_ms, begin_ms + 1_000),
                end_ms: seconds * 1_000,
                patience_ms: PATIENCE_MS,
            };
            let group = Group { listens_one_in: 0, roams_one_in: 0, ..Group::new(role, *count, work) };
            Group { script: Some(script), ..group.forgive(&FORGIVEN) }
        });
        let drain_ms = seconds * 1_000 + DRAIN_AFTER_MS;
        Setup { groups: groups.collect(), drain_ms, end_ms: drain_ms + DRAIN_MS, ..calm }
    }

    fn perform(&self, seed: u64, setup: Setup) -> Report {
        let checks = self.checks.clone();
        let piece = Piece {
            name: self.name,
            tools: Arc::clone(&self.tools),
            scripts: self.clients.iter().map(|(.., script)| Arc::clone(script)).collect(),
            checkers: Arc::new(move || checks.iter().map(Check::begin).collect()),
        };
        let wishes = Wishes { seed, keeps_history: true, ..Wishes::default() };
        let mut report = perform(&piece, &wishes, setup, &mut |_| ());
        report.replay = seeds::command(self.name, seed);
        let is_own = |violation: &Violation| self.checks.iter().any(|check| check.name == violation.check);
        if report.violations.first().is_some_and(is_own) {
            report.led_to_it = seeds::story(&report);
        }
        report
    }
}
