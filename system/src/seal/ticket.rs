//! What stands in a session's and in a task's id. Fixed sizes, big-endian, a version first; a field is never moved within
//! a version, for ids outlive upgrades.

use serde::{Deserialize, Serialize};

use super::{Keys, Purpose, TICKET_LEN_MAX};
use crate::env::WallTime;
use crate::ids::{SessionId, TaskId};

/// Who an id belongs to: a hash of tenant and subject. Where two subjects had one hash, each could use the other's ids:
/// it must be a keyed hash, for subjects are chosen outside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Principal(pub u64);

/// The content of a session id: its owner, its home (in the bits of `id`), and what never changes in a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionTicket {
    /// The tenant.
    pub tenant: u32,
    /// Who began it.
    pub principal: Principal,
    /// The session.
    pub id: SessionId,
    /// The protocol revision that was agreed on, as the protocol numbers them.
    pub revision: u8,
    /// The client's capabilities, as bits that the protocol assigns.
    pub capabilities: u32,
    /// When it began.
    pub created: WallTime,
}

/// The content of a task id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TaskTicket {
    /// The tenant.
    pub tenant: u32,
    /// Who created it.
    pub principal: Principal,
    /// The task.
    pub id: TaskId,
    /// When it was created.
    pub created: WallTime,
}

const SESSION_VERSION: u8 = 1;
const SESSION_LEN: usize = 42;
const TASK_VERSION: u8 = 1;
const TASK_LEN: usize = 37;

const _: () = assert!(SESSION_LEN <= Purpose::Session.content_len_max());
const _: () = assert!(TASK_LEN <= Purpose::Task.content_len_max());

impl SessionTicket {
    /// Seals it: the text of `Mcp-Session-Id`.
    #[must_use]
    pub fn seal(&self, keys: &Keys) -> String {
        let mut out = Writer::default();
        out.put(SESSION_VERSION.to_be_bytes());
        out.put(self.revision.to_be_bytes());
        out.put(self.tenant.to_be_bytes());
        out.put(self.principal.0.to_be_bytes());
        out.put(self.created.unix_ms().to_be_bytes());
        out.put(self.capabilities.to_be_bytes());
        out.put(self.id.0.to_be_bytes());
        out.seal(keys, Purpose::Session, SESSION_LEN)
    }

    /// Opens the text of a session id. `None` for whatever this cluster did not seal as one.
    #[must_use]
    pub fn open(keys: &Keys, text: &str) -> Option<Self> {
        let mut buffer = [0; TICKET_LEN_MAX];
        let mut fields =
            Reader::open(keys, Purpose::Session, text, &mut buffer, SESSION_LEN, SESSION_VERSION)?;
        let revision = u8::from_be_bytes(fields.take()?);
        let tenant = u32::from_be_bytes(fields.take()?);
        let principal = Principal(u64::from_be_bytes(fields.take()?));
        let created = WallTime::from_unix_ms(u64::from_be_bytes(fields.take()?));
        let capabilities = u32::from_be_bytes(fields.take()?);
        let id = SessionId(u128::from_be_bytes(fields.take()?));
        Some(Self { tenant, principal, id, revision, capabilities, created })
    }
}

impl TaskTicket {
    /// Seals it: the text of `taskId`. Each call gives another text, so it is made once and kept with the task.
    #[must_use]
    pub fn seal(&self, keys: &Keys) -> String {
        let mut out = Writer::default();
        out.put(TASK_VERSION.to_be_bytes());
        out.put(self.tenant.to_be_bytes());
        out.put(self.principal.0.to_be_bytes());
        out.put(self.created.unix_ms().to_be_bytes());
        out.put(self.id.0.to_be_bytes());
        out.seal(keys, Purpose::Task, TASK_LEN)
    }

    /// Opens the text of a task id. `None` for whatever this cluster did not seal as one.
    #[must_use]
    pub fn open(keys: &Keys, text: &str) -> Option<Self> {
        let mut buffer = [0; TICKET_LEN_MAX];
        let mut fields = Reader::open(keys, Purpose::Task, text, &mut buffer, TASK_LEN, TASK_VERSION)?;
        let tenant = u32::from_be_bytes(fields.take()?);
        let principal = Principal(u64::from_be_bytes(fields.take()?));
        let created = WallTime::from_unix_ms(u64::from_be_bytes(fields.take()?));
        let id = TaskId(u128::from_be_bytes(fields.take()?));
        Some(Self { tenant, principal, id, created })
    }
}

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn put<const N: usize>(&mut self, field: [u8; N]) {
        self.0.extend_from_slice(&field);
    }

    fn seal(self, keys: &Keys, purpose: Purpose, len: usize) -> String {
        assert_eq!(self.0.len(), len, "a ticket must have its fixed size");
        keys.seal(purpose, &self.0).expect("a ticket must fit its purpose")
    }
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn open(
        keys: &Keys,
        purpose: Purpose,
        text: &str,
        buffer: &'b mut [u8; TICKET_LEN_MAX],
        len: usize,
        version: u8,
    ) -> Option<Self> {
        if text.len() > purpose.text_len_max() {
            return None;
        }
        let content = keys.open_into(purpose, text, buffer)?;
        // What was sealed by us and still does not fit comes from another version: as unknown as any other text.
        if content.len() != len {
            return None;
        }
        let mut fields = Self(content);
        (u8::from_be_bytes(fields.take()?) == version).then_some(fields)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }
}
