//! What a client does that reaches beyond one request: calls that become tasks, which it looks after at whatever node, and
//! sessions that it ends, to see that they stay ended.

use super::outcome::{Errand, Outcome};
use super::thin::Thin;
use super::writer::Era;
use crate::check::{Fact, Mark};
use switchboard::protocol::fault::code;

/// How often it looks how a task stands.
const LOOK_MS: u64 = 500;
/// So often it looks before it does something else; at the end of its session, so often again.
const LOOKS_MAX: u32 = 40;
/// Tasks that it keeps in mind.
const TASKS_MAX: usize = 8;

impl Thin {
    /// Calls a tool as a task, and looks how it stands until it has ended.
    pub(super) async fn work(&mut self, errand: Errand) -> Outcome {
        self.mark.call += 1;
        let (mark, steps) = (self.mark, errand.steps());
        let task = match self.writer.era() {
            Era::Stateful => r#","task":{"ttl":600000}"#,
            Era::Stateless => "",
        };
        let members = format!(r#""name":"work","arguments":{{"mark":"{mark}","steps":{steps}}}{task}"#);
        let reply = self.ask(errand, "tools/call", Some("work"), &members).await;
        let Some((name, status)) = reply.task else {
            return if reply.outcome == Outcome::Ok { Outcome::Garbled } else { reply.outcome };
        };
        self.history.note(Fact::Task { mark, status: Some(status) });
        self.tasks.push((mark, name.clone()));
        if self.tasks.len() > TASKS_MAX {
            self.tasks.remove(0);
        }
        self.look_after(mark, &name).await
    }

    /// Looks how a task stands until it has ended, or the session that it belongs to is gone.
    async fn look_after(&mut self, mark: Mark, name: &str) -> Outcome {
        let mut last = Outcome::Ok;
        for _ in 0..LOOKS_MAX {
            self.pause(LOOK_MS).await;
            let session = self.mark;
            self.mark = mark;
            let members = format!(r#""taskId":"{name}""#);
            let reply = self.ask(Errand::Look, "tasks/get", Some(name), &members).await;
            self.mark = session;
            last = reply.outcome;
            match (reply.outcome, reply.task) {
                (Outcome::Ok, Some((_, status))) => {
                    self.history.note(Fact::Task { mark, status: Some(status) });
                    if status.is_terminal() {
                        break;
                    }
                }
                (Outcome::RpcError(code::INVALID_PARAMS), _) => {
                    self.history.note(Fact::Task { mark, status: None });
                    break;
                }
                (Outcome::Http(404), _) => {
                    self.session = None;
                    break;
                }
                _ => {}
            }
        }
        last
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
