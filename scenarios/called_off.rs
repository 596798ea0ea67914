//! Clients give up on calls that are under way, by a word in their session or by hanging up: the calls end and their handlers with
//! them, nothing more is said of them, and whoever else asks in that session is answered. The limits leave no room for calls
//! that nobody waits for.

use std::future::pending;

use switchboard::handler::{Catalogue, Ctx, Failure};
use switchboard::protocol::LogLevel;
use switchboard_sim::check::{History, Mark};
use switchboard_sim::client::Errand;
use switchboard_sim::scenario::{Dice, Scenario, Setup, Wishes};

use crate::catalogue::{Arguments, tool};

/// See the [module](self) page.
pub const CALLED_OFF: Scenario = Scenario {
    name: "called_off",
    description: "clients call off what is under way, in both eras: handlers end, their places are free, others go on",
    draw,
    catalogue,
};

/// Milliseconds between two things that a lingering handler says.
const STEP_MS: u64 = 100;

fn draw(dice: &mut Dice, wishes: &Wishes) -> Setup {
    let seconds = wishes.seconds.unwrap_or(20);
    let clients = wishes.clients.unwrap_or_else(|| dice.count(20, 60));
    let mut setup = Setup::cluster(wishes.nodes_or(|| 3), seconds);
    setup.groups = Setup::on_cluster(clients, seconds, &[]);
    call_off(&mut setup);
    setup.limits.calls_per_session_max = 2;
    setup.must_meet = vec!["linger".into(), "withdraw".into(), "given_up".into()];
    setup
}

/// Clients call off a part of what they ask for.
pub(crate) fn call_off(setup: &mut Setup) {
    for group in &mut setup.groups {
        // Some are called off before they have said anything, some in the midst of it, some when they have said all.
        group.work.errands.extend([0, 3, 1_000].map(|steps| (Errand::Linger(steps), 150)));
    }
}

pub(crate) fn catalogue(history: &History) -> Catalogue {
    let catalogue = crate::catalogue::catalogue(history);
    let noted = history.clone();
    let linger = tool(history, "linger", move |ctx, arguments| linger(noted.clone(), ctx, arguments));
    catalogue.add_tool(linger).expect("the schema of the tool must be valid");
    catalogue
}

/// Says a few things, and never answers.
async fn linger(history: History, ctx: Ctx, arguments: Arguments) -> Result<String, Failure> {
    let mark = Mark::parse(arguments.mark.trim_matches('~')).ok_or_else(|| Failure::tool("whose is it?"))?;
    let _leaving = Leaving { history, mark };
    for _ in 0..arguments.steps {
        ctx.sleep_ms(STEP_MS).await;
        ctx.log(LogLevel::Info, None, &arguments.mark).await;
    }
    pending().await
}

/// Notes when its handler is gone.
struct Leaving {
    history: History,
    mark: Mark,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.history.left(self.mark);
    }
}
