//! A client that calls a request off while it is under way: by a word in its session, or by hanging up where it has none.

use switchboard::env::{Env, deadline};

use super::outcome::{Errand, Outcome};
use super::thin::Thin;
use super::writer::{Era, Message};

/// Milliseconds that it lets a call work: from, to.
const AFTER_MS: (u64, u64) = (20, 1_500);

impl<E: Env> Thin<E> {
    /// Calls a tool that never answers, and calls it off.
    pub(super) async fn call_off(&mut self, errand: Errand) -> Outcome {
        self.mark.call += 1;
        let tool = errand.tool().unwrap_or_default();
        let members = format!(r#""name":"{tool}","arguments":{}"#, errand.arguments(self.mark));
        let after_ms = AFTER_MS.0 + self.dice.below(AFTER_MS.1 - AFTER_MS.0);
        if self.writer.era() == Era::Stateful {
            self.withdraw(after_ms);
            let reply = self.ask(errand, "tools/call", Some(tool), &members).await;
            self.settle(&reply).await;
            return reply.outcome;
        }
        let (env, due) = (self.env.clone(), self.env.now().after_ms(after_ms));
        let asked = deadline(&env, due, self.ask(errand, "tools/call", Some(tool), &members)).await;
        self.hang_up();
        asked.map_or(Outcome::GivenUp, |reply| reply.outcome)
    }

    /// Says of what it asks next, after a while and beside it, that it does not wait for an answer any more: at whatever node.
    fn withdraw(&mut self, after_ms: u64) {
        let members = format!(r#""requestId":{}"#, self.id_next());
        let (method, members) = ("notifications/cancelled", members.as_str());
        let message = Message { method, name: None, id: None, members, progress: false, tasks: false };
        self.writer.post(self.session.as_deref(), &message);
        let word = self.beside(Errand::Withdraw, "a withdrawal");
        let (waited, dice) = (self.pause(after_ms), self.env.entropy("withdrawal"));
        self.env.spawn("withdrawal of a client", async move {
            waited.await;
            word.send(dice).await;
        });
    }
}
