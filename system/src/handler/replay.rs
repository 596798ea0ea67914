//! Multi round-trip requests: one handler, run again from the top with the answers it has got so far.
//!
//! A 2026-07-28 client cannot be asked while a call waits. So the call ends with `input_required`, and its retry brings
//! the answers along. The handler does not notice: it starts anew, each question that was answered returns at once, each
//! step under [`once`](crate::handler::Ctx::once) returns its recorded value, and the run stops where the next question
//! has no answer yet. Questions that wait together are sent together.
//!
//! What is recorded travels sealed in `requestState`; this module decides what is in it, not how it is sealed.
//! Source: 2026-07-28 `basic/patterns/mrtr`.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::ask::{AskError, Question};
use crate::jsonrpc::Raw;

/// What a call has got so far. The node adds to whom it belongs, and seals it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Answered questions: key, digest, answer.
    pub(crate) answers: Vec<(String, Hex, Raw)>,
    /// Questions sent along: key, digest.
    pub(crate) asked: Vec<(String, Hex)>,
    /// Steps done under `once`: key, value.
    pub(crate) once: Vec<(String, Raw)>,
}

/// A 128-bit number as hexadecimal text: JSON numbers are too small for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Hex(pub(crate) u128);

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The questions and answers of one run.
#[derive(Debug)]
pub(crate) struct Replay {
    redemption: Option<u128>,
    run: Mutex<Run>,
}

#[derive(Debug, Default)]
struct Run {
    progress: Progress,
    offered: BTreeMap<String, Raw>,
    pending: Vec<Question>,
    once_running: usize,
    /// Nothing was asked yet, so an answer cannot be held against what was asked.
    is_first: bool,
}

impl Replay {
    /// A first run. What the client sent along all the same counts as the answer to the question of that name: it may
    /// know the questions from an earlier call, and `requestState` is optional (`mrtr`, Server Requirements).
    pub(crate) fn first(offered: BTreeMap<String, Raw>) -> Self {
        let run = Run { offered, is_first: true, ..Run::default() };
        Self { redemption: None, run: Mutex::new(run) }
    }

    /// A further run of the call that `redemption` names, with what the client sent along. An answer to a question that
    /// was not asked is ignored (`mrtr`, Error Handling).
    pub(crate) fn again(progress: Progress, offered: BTreeMap<String, Raw>, redemption: u128) -> Self {
        let run = Run { progress, offered, ..Run::default() };
        Self { redemption: Some(redemption), run: Mutex::new(run) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Run> {
        self.run.lock().expect("replay must not be poisoned")
    }

    /// The answer to a question, or none: then the question waits to be sent.
    pub(crate) fn answer(&self, question: Question) -> Result<Option<Raw>, AskError> {
        let run = &mut *self.lock();
        let digest = Hex(question.digest());
        if let Some((_, known, answer)) = run.progress.answers.iter().find(|(key, ..)| *key == question.key) {
            return if *known == digest {
                Ok(Some(answer.clone()))
            } else {
                Err(AskError::Mismatch { key: question.key })
            };
        }
        let may_be_answered = match run.progress.asked.iter().find(|(key, _)| *key == question.key) {
            Some((_, known)) if *known != digest => return Err(AskError::Mismatch { key: question.key }),
            Some(_) => true,
            None => run.is_first,
        };
        if may_be_answered && let Some(answer) = run.offered.remove(&question.key) {
            run.progress.answers.push((question.key, digest, answer.clone()));
            return Ok(Some(answer));
        }
        run.pending.push(question);
        Ok(None)
    }

    /// The recorded value of a step.
    pub(crate) fn once_value(&self, key: &str) -> Option<Raw> {
        self.lock().progress.once.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
    }

    /// Marks a step as under way; the run is not cut short before it is recorded.
    pub(crate) fn once_begin(&self) {
        self.lock().once_running += 1;
    }

    /// Records a step's value, or nothing where it failed or was dropped.
    pub(crate) fn once_end(&self, step: Option<(String, Raw)>) {
        let run = &mut *self.lock();
        run.once_running -= 1;
        run.progress.once.extend(step);
    }

    /// The id under which this call may be redeemed, where an earlier round exists that might be replayed.
    pub(crate) const fn redemption(&self) -> Option<u128> {
        self.redemption
    }

    /// Whether the run can only go on with more answers. Asked after the handler was polled and is not ready.
    pub(crate) fn is_suspended(&self) -> bool {
        let run = self.lock();
        !run.pending.is_empty() && run.once_running == 0
    }

    /// Ends the run: the questions to send, and what to send along.
    pub(crate) fn suspend(&self) -> (Vec<Question>, Progress) {
        let run = &mut *self.lock();
        let pending = std::mem::take(&mut run.pending);
        let mut progress = run.progress.clone();
        progress.asked =
            pending.iter().map(|question| (question.key.clone(), Hex(question.digest()))).collect();
        (pending, progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ElicitParams, Form};

    fn ask(key: &str, text: &str) -> Question {
        Question { key: key.into(), ask: ElicitParams::form(text, Form::default()).into() }
    }

    #[test]
    fn questions_that_wait_together_are_sent_together_and_answered_in_the_next_run() {
        let first = Replay::first(BTreeMap::new());
        assert_eq!(first.answer(ask("a", "1")), Ok(None));
        assert_eq!(first.answer(ask("b", "2")), Ok(None));
        assert!(first.is_suspended());
        let (sent, carried) = first.suspend();
        assert_eq!(sent.len(), 2);

        let offered = BTreeMap::from([("a".to_owned(), Raw::empty_object())]);
        let second = Replay::again(carried, offered, 7);
        assert_eq!(second.answer(ask("a", "1")), Ok(Some(Raw::empty_object())));
        assert_eq!(second.answer(ask("b", "2")), Ok(None));
        let (sent, carried) = second.suspend();
        assert_eq!((sent.len(), carried.answers.len()), (1, 1));
    }

    #[test]
    fn another_question_under_the_same_name_is_a_mismatch() {
        let first = Replay::first(BTreeMap::new());
        assert_eq!(first.answer(ask("a", "1")), Ok(None));
        let second = Replay::again(first.suspend().1, BTreeMap::new(), 7);
        assert_eq!(second.answer(ask("a", "2")), Err(AskError::Mismatch { key: "a".into() }));
    }

    #[test]
    fn an_answer_that_nobody_asked_for_is_ignored() {
        let run =
            Replay::again(Progress::default(), BTreeMap::from([("a".to_owned(), Raw::empty_object())]), 7);
        assert_eq!(run.answer(ask("a", "1")), Ok(None));
    }

    #[test]
    fn an_answer_that_comes_before_its_question_counts_in_a_first_run() {
        let run = Replay::first(BTreeMap::from([("a".to_owned(), Raw::empty_object())]));
        assert_eq!(run.answer(ask("b", "2")), Ok(None));
        assert_eq!(run.answer(ask("a", "1")), Ok(Some(Raw::empty_object())));
        let (sent, carried) = run.suspend();
        assert_eq!((sent.len(), carried.answers.len()), (1, 1));
    }

    #[test]
    fn a_step_under_way_holds_the_suspension_back() {
        let run = Replay::first(BTreeMap::new());
        run.once_begin();
        assert_eq!(run.answer(ask("a", "1")), Ok(None));
        assert!(!run.is_suspended());
        run.once_end(Some(("step".into(), Raw::empty_object())));
        assert!(run.is_suspended());
        let again = Replay::again(run.suspend().1, BTreeMap::new(), 7);
        assert_eq!(again.once_value("step"), Some(Raw::empty_object()));
        assert_eq!(again.redemption(), Some(7));
    }
}
