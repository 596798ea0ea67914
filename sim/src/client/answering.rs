//! A client's answer to a question of the server's, or its word that it waits for none, on its way until the server has taken it.

use switchboard::env::{Entropy, Env, deadline};

use super::link::Link;
use super::outcome::{Errand, Outcome};
use super::pending::Pending;
use super::route::Route;
use super::thin::back_off_ms;
use crate::check::{History, Mark};

/// See the [module](self) page.
pub(super) struct Answering<E> {
    pub(super) env: E,
    pub(super) history: History,
    pub(super) route: Route,
    pub(super) patience_ms: u64,
    pub(super) mark: Mark,
    /// What for: an answer, or a word that none is waited for.
    pub(super) errand: Errand,
    pub(super) bytes: Vec<u8>,
}

/// A server that does not take an answer after so many attempts does not want it.
const ATTEMPTS_MAX: u32 = 20;

impl<E: Env> Answering<E> {
    pub(super) async fn send(mut self, mut dice: Entropy) {
        for attempt in 0..ATTEMPTS_MAX {
            let pending = Pending::new(&self.history, self.mark, self.errand);
            let (env, due) = (self.env.clone(), self.env.now().after_ms(self.patience_ms));
            let outcome = deadline(&env, due, self.try_once()).await.unwrap_or(Outcome::Timeout);
            pending.end(outcome, &self.route);
            // A second answer does no harm: the first one counts.
            if matches!(outcome, Outcome::Ok | Outcome::Http(400..=499)) {
                return;
            }
            self.route.failed();
            self.env.sleep_until(self.env.now().after_ms(back_off_ms(&mut dice, attempt))).await;
        }
    }

    async fn try_once(&mut self) -> Outcome {
        let status = async {
            let mut link = Link::open(&self.env, self.route.next()).await?;
            link.send(&self.bytes).await?;
            Ok(link.head().await?.status)
        };
        match status.await {
            Ok(200..=299) => Outcome::Ok,
            Ok(status) => Outcome::Http(status),
            Err(outcome) => outcome,
        }
    }
}
