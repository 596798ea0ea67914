//! A client that was told that the node of its call is gone, and comes back to the call's stream when that node may be there
//! again: nothing that it still had to say may stand there.

use switchboard::env::{Entropy, Env, deadline};

use super::link::Link;
use super::outcome::{Errand, Outcome};
use super::pending::Pending;
use super::reading::Message;
use super::route::Route;
use super::thin::back_off_ms;
use crate::check::{Fact, History, Mark};

/// Longer than nodes stand still.
const COMES_BACK_AFTER_MS: u64 = 8_000;
const ATTEMPTS_MAX: u32 = 5;

/// See the [module](self) page.
pub(super) struct Doubting<E> {
    pub(super) env: E,
    pub(super) history: History,
    pub(super) route: Route,
    pub(super) patience_ms: u64,
    pub(super) reader: Mark,
    /// The request for what follows the answer.
    pub(super) bytes: Vec<u8>,
}

impl<E: Env> Doubting<E> {
    pub(super) async fn doubt(mut self, mut dice: Entropy) {
        self.env.sleep_until(self.env.now().after_ms(COMES_BACK_AFTER_MS)).await;
        for attempt in 0..ATTEMPTS_MAX {
            let pending = Pending::new(&self.history, self.reader, Errand::Doubt);
            let (env, due) = (self.env.clone(), self.env.now().after_ms(self.patience_ms));
            let read = deadline(&env, due, self.read()).await.unwrap_or(Err(Outcome::Timeout));
            let outcome = read.err().unwrap_or(Outcome::Ok);
            pending.end(outcome, &self.route);
            // The stream, or its session, may be gone by then.
            if matches!(outcome, Outcome::Ok | Outcome::Http(400..=499)) {
                return;
            }
            self.route.failed();
            self.env.sleep_until(self.env.now().after_ms(back_off_ms(&mut dice, attempt))).await;
        }
    }

    /// Notes everything that the stream still has.
    async fn read(&mut self) -> Result<(), Outcome> {
        let mut link = Link::open(&self.env, self.route.next()).await?;
        link.send(&self.bytes).await?;
        let head = link.head().await?;
        if head.status != 200 || !head.events {
            return Err(Outcome::Http(head.status));
        }
        while let Some(event) = link.event().await? {
            if let Some((stream, sequence)) = event.id {
                let Mark { client, session, .. } = self.reader;
                self.history.note(Fact::event(
                    (client, session),
                    (stream, sequence),
                    &event.data,
                    false,
                    false,
                ));
            }
            if !event.data.is_empty() {
                Message::read(&event.data, self.reader, &self.history)?;
            }
        }
        Ok(())
    }
}
