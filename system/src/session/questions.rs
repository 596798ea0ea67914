//! Questions of ours that wait for the client: each has one answer, and the first one counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::jsonrpc::{Answer, Id, Raw};

/// What a client answered: a result, or an error object.
pub(crate) type Answered = Result<Raw, Raw>;

/// The questions of one session or connection.
#[derive(Debug)]
pub(crate) struct Questions {
    /// Stands before the number in a question's id. It names this node's life, so that whichever node an answer comes to
    /// knows where it is waited for.
    prefix: Arc<str>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    by_number: BTreeMap<u64, oneshot::Sender<Answered>>,
    closed: bool,
}

impl Questions {
    /// No questions yet; their ids begin with `prefix`.
    pub(crate) fn new(prefix: Arc<str>) -> Self {
        Self { prefix, waiting: Mutex::default() }
    }

    /// Takes a number for a question. `None` when `waiting_max` questions wait already, or nobody will answer any more.
    pub(crate) fn open(&self, waiting_max: usize) -> Option<(Id, oneshot::Receiver<Answered>)> {
        let waiting = &mut *self.lock();
        waiting.by_number.retain(|_, asker| !asker.is_closed());
        if waiting.closed || waiting.by_number.len() >= waiting_max {
            return None;
        }
        waiting.last += 1;
        let (sender, receiver) = oneshot::channel();
        waiting.by_number.insert(waiting.last, sender);
        Some((Id::Text(format!("{}{}", self.prefix, waiting.last).into()), receiver))
    }

    /// Gives an answer to whoever waits for it. False when nobody does: a second answer, or one to nothing.
    pub(crate) fn answer(&self, answer: Answer) -> bool {
        let Id::Text(text) = &answer.id else { return false };
        let Some(number) = text.strip_prefix(&*self.prefix).and_then(|number| number.parse().ok()) else {
            return false;
        };
        let asker = self.lock().by_number.remove(&number);
        asker.is_some_and(|asker| asker.send(answer.outcome).is_ok())
    }

    /// Tells everybody who waits that no answer will come.
    pub(crate) fn close(&self) {
        let waiting = &mut *self.lock();
        waiting.closed = true;
        waiting.by_number.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("questions must not be poisoned")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_counts_and_a_second_one_is_nobodys() {
        let questions = Questions::new("ask-".into());
        let (id, mut receiver) = questions.open(1).expect("there must be room");
        assert!(questions.open(1).is_none(), "the bound holds");
        let answer = Answer { id, outcome: Ok(Raw::empty_object()) };
        assert!(questions.answer(answer.clone()));
        assert!(!questions.answer(answer));
        assert_eq!(receiver.try_recv(), Ok(Ok(Raw::empty_object())));
    }

    #[test]
    fn a_question_whose_asker_went_away_makes_room() {
        let questions = Questions::new("ask-".into());
        drop(questions.open(1));
        assert!(questions.open(1).is_some());
    }
}
