//! What a client does that reaches beyond one request: calls that become tasks, which it looks after at whatever node, with
//! two hands at once, and sessions that it ends, to see that they stay ended.

use std::time::Duration;

use futures_util::future::join;
use switchboard::env::Env;
use switchboard::protocol::TaskStatus;
use switchboard::protocol::fault::code;

use super::outcome::{Errand, Outcome};
use super::pending::Reply;
use super::thin::Thin;
use super::writer::Era;
use crate::check::Mark;

/// How often it looks how a task stands.
const LOOK_MS: u64 = 500;
/// So often it looks before it does something else; at the end of its session, so often again.
const LOOKS_MAX: u32 = 40;
/// Tasks that it keeps in mind.
const TASKS_MAX: usize = 8;
/// For how long one hand waits for the other with its connection open.
const RESTS_MAX: Duration = Duration::from_secs(5);
/// It calls one in so many off.
const CANCELS_ONE_IN: u64 = 3;
/// Milliseconds that it lets such a task work: from, to.
const CANCELS_AFTER_MS: (u64, u64) = (0, 900);

impl<E: Env> Thin<E> {
    /// Calls a tool as a task, and looks how it stands until it has ended.
    pub(super) async fn work(&mut self, errand: Errand) -> Outcome {
        self.mark.call += 1;
        let (mark, tool) = (self.mark, errand.tool().unwrap_or_default());
        let task = match self.writer.era() {
            Era::Stateful => r#","task":{"ttl":600000}"#,
            Era::Stateless => "",
        };
        let members = format!(r#""name":"{tool}","arguments":{}{task}"#, errand.arguments(mark));
        let reply = self.ask(errand, "tools/call", Some(tool), &members).await;
        let Some(task) = reply.task else {
            return if reply.outcome == Outcome::Ok { Outcome::Garbled } else { reply.outcome };
        };
        self.tasks.push((mark, task.name.clone()));
        if self.tasks.len() > TASKS_MAX {
            self.tasks.remove(0);
        }
        let Some(mut other) = self.other_hand() else { return self.look_after(mark, &task.name).await };
        let env = self.env.clone();
        let own = async { (self.look_after(mark, &task.name).await, env.now()) };
        let ((outcome, ended), ()) = join(own, other.meddle(mark, &task.name)).await;
        if env.now().since(ended) > RESTS_MAX {
            // The peer of its own connection may have lost its power meanwhile, and nobody was told.
            self.hang_up();
        }
        self.rest(other);
        outcome
    }

    /// Looks after a task at another node, from the moment on that its handle is known; calls one in a few off.
    async fn meddle(&mut self, mark: Mark, name: &str) {
        self.about(mark, Errand::Look, "tasks/get", name, "").await;
        if self.dice.chance(1, CANCELS_ONE_IN) {
            self.pause_between(CANCELS_AFTER_MS).await;
            self.about(mark, Errand::Cancel, "tasks/cancel", name, "").await;
        }
        self.look_after(mark, name).await;
    }

    /// Looks how a task stands until it has ended, or the session that it belongs to is gone. Answers what it asks.
    async fn look_after(&mut self, mark: Mark, name: &str) -> Outcome {
        let mut last = Outcome::Ok;
        for _ in 0..LOOKS_MAX {
            self.pause(LOOK_MS).await;
            let reply = self.about(mark, Errand::Look, "tasks/get", name, "").await;
            last = reply.outcome;
            match (reply.outcome, reply.task) {
                (Outcome::Ok, Some(task)) if task.status.is_terminal() => break,
                (Outcome::Ok, Some(task)) if task.status == TaskStatus::InputRequired => {
                    self.answer_task(mark, name, &task.questions).await;
                }
                (Outcome::RpcError(code::INVALID_PARAMS), _) => break,
                (Outcome::Http(404), _) => {
                    self.session = None;
                    break;
                }
                _ => {}
            }
        }
        last
    }

    /// Answers what a task asks: with a request of its own, or while it waits for the task's result.
    async fn answer_task(&mut self, mark: Mark, name: &str, questions: &[String]) {
        if self.writer.era() == Era::Stateful {
            self.about(mark, Errand::Await, "tasks/result", name, "").await;
            return;
        }
        let answers: Vec<String> =
            questions.iter().map(|key| format!(r#""{key}":{}"#, super::ANSWER)).collect();
        let answers = format!(r#","inputResponses":{{{}}}"#, answers.join(","));
        self.about(mark, Errand::Update, "tasks/update", name, &answers).await;
    }

    /// Asks about a task, on behalf of the call that it was made for.
    async fn about(&mut self, mark: Mark, errand: Errand, method: &str, name: &str, more: &str) -> Reply {
        let own = std::mem::replace(&mut self.mark, mark);
        let members = format!(r#""taskId":"{name}"{more}"#);
        let reply = self.ask(errand, method, Some(name), &members).await;
        self.mark = own;
        reply
    }

    /// Looks once more after all its tasks.
    pub(super) async fn look_back(&mut self) {
        for (mark, name) in std::mem::take(&mut self.tasks) {
            if self.writer.era() == Era::Stateless || self.session.is_some() {
                self.look_after(mark, &name).await;
            }
        }
    }

    /// Ends its session, and sees at some node whether it has ended there.
    pub(super) async fn leave(&mut self) -> Outcome {
        self.look_back().await;
        if self.session.is_none() {
            return Outcome::Ok;
        }
        let outcome = self.delete().await.outcome;
        if outcome == Outcome::Ok && self.route.has_choice() {
            self.hang_up();
            self.route.failed();
            self.ask(Errand::Haunt, "ping", None, "").await;
        }
        self.session = None;
        self.tasks.clear();
        outcome
    }
}
