//! What is kept of one session, its streams aside: little, for there are many and most of them do nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::seal::Principal;

/// The least level that goes for a session which never asked for another: `info`, as the protocol numbers levels.
pub(super) const LOG_LEVEL_FIRST: u8 = 1;

/// See the [module](self) page.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) principal: Principal,
    pub(super) client: Bytes,
    pub(super) log_level: u8,
    pub(super) subscriptions: BTreeSet<Arc<str>>,
    /// The highest number that a stream of this session ever had.
    pub(super) last_stream: u64,
    /// How many streams there are, the standalone one not counted. Counted anew when a snapshot is restored.
    #[serde(skip)]
    pub(super) streams: usize,
}

impl Session {
    pub(super) fn new(principal: Principal, client: Bytes) -> Self {
        Self {
            principal,
            client,
            log_level: LOG_LEVEL_FIRST,
            subscriptions: BTreeSet::new(),
            last_stream: 0,
            streams: 0,
        }
    }
}
