//! What the other members say, given to the engine.

use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, TransferLeaderRequest, VoteRequest};

use super::Group;
use super::types::{Ballot, Cover, Position, Snapshot, decode, log_id, position};
use super::wire::{self, Appended, Request, Response, Span};
use crate::env::reachable;
use crate::ids::NodeId;

/// The most that a snapshot may hold: a peer that promises more is not believed.
const SNAPSHOT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// A snapshot that is on its way. One at a time: a newer one takes the place of an older.
#[derive(Default)]
pub(super) struct Arriving(Mutex<Option<Parts>>);

struct Parts {
    vote: Ballot,
    cover: Cover,
    bytes: BytesMut,
}

impl Arriving {
    /// Adds a piece. All of the snapshot once it is whole; else how many bytes are here.
    fn add(&self, vote: Ballot, cover: &Cover, total: u64, offset: u64, bytes: &[u8]) -> Result<Bytes, u64> {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if offset == 0 {
            *parts = Some(Parts { vote, cover: cover.clone(), bytes: BytesMut::new() });
        }
        let same = |parts: &&mut Parts| parts.vote == vote && parts.cover == *cover;
        let Some(arriving) = parts.as_mut().filter(same) else { return Err(0) };
        let here = arriving.bytes.len() as u64;
        if here == offset && offset + bytes.len() as u64 <= total.min(SNAPSHOT_BYTES_MAX) {
            arriving.bytes.extend_from_slice(bytes);
        }
        let here = arriving.bytes.len() as u64;
        if here < total {
            return Err(here);
        }
        Ok(parts.take().map(|parts| parts.bytes.freeze()).unwrap_or_default())
    }
}

impl Group {
    /// Takes a message that [`Network::send`](super::Network::send) carried here, and returns the answer that it is to
    /// carry back. Never fails: what is not understood is answered so.
    pub async fn handle(&self, from: NodeId, message: Bytes) -> Bytes {
        let response = match wire::decode(&message) {
            Ok(request) => self.answer(from, &message, request).await.unwrap_or(Response::Refused),
            Err(wire::Garbled) => Response::Refused,
        };
        wire::encode(&response)
    }

    /// `None` where the engine has stopped or the request makes no sense.
    async fn answer(&self, from: NodeId, message: &Bytes, request: Request<'_>) -> Option<Response> {
        if !matches!(request, Request::Sleep { .. } | Request::Promised) {
            self.wake();
        }
        let (raft, ground) = (self.raft(), &self.post().ground);
        Some(match request {
            Request::Append { vote, previous, committed, entries } => {
                self.hear(from);
                let request = append(message, vote, previous, committed, &entries)?;
                Response::Append(match ground.run(raft.append_entries(request)).await.ok()? {
                    AppendEntriesResponse::Success => Appended::All,
                    AppendEntriesResponse::PartialSuccess(last) => Appended::UpTo(position(last.as_ref())),
                    AppendEntriesResponse::Conflict => Appended::Conflict,
                    AppendEntriesResponse::HigherVote(vote) => Appended::HigherVote((&vote).into()),
                })
            }
            Request::Vote { vote, last, is_transfer } => {
                let may_interrupt = is_transfer || self.is_orphaned();
                let answer = ground.run(raft.vote(ballot(vote, last, may_interrupt))).await.ok()?;
                let last = position(answer.last_log_id.as_ref());
                Response::Vote { vote: (&answer.vote).into(), last, is_granted: answer.vote_granted }
            }
            Request::PreVote { vote, last, is_transfer } => {
                let answer = ground.run(raft.pre_vote(ballot(vote, last, is_transfer))).await.ok()?;
                let last = position(answer.last_log_id.as_ref());
                Response::Vote { vote: (&answer.vote).into(), last, is_granted: answer.vote_granted }
            }
            Request::Snapshot { vote, cover, total, offset, bytes } => {
                match self.arriving().add(vote, &cover, total, offset, bytes.0) {
                    Err(received) => Response::Piece { received },
                    Ok(snapshot) => {
                        reachable!(ground, SnapshotInstalled);
                        let snapshot = Snapshot { meta: cover.into(), snapshot };
                        let answer = raft.install_full_snapshot(vote.into(), snapshot);
                        Response::Snapshot { vote: (&ground.run(answer).await.ok()?.vote).into() }
                    }
                }
            }
            Request::Transfer { vote, to, last } => {
                let request = TransferLeaderRequest::new(vote.into(), to, log_id(last));
                let answer = ground.run(raft.handle_transfer_leader(request)).await.ok()?;
                Response::Transfer { is_taken: answer.is_ok() }
            }
            Request::Sleep { term, last } => Response::Sleep { is_asleep: self.obey_sleep(from, term, last) },
            Request::Promised => Response::Promised { term: self.proofs().promised.term()? },
        })
    }
}

fn append(
    message: &Bytes,
    vote: Ballot,
    previous: Option<Position>,
    committed: Option<Position>,
    entries: &[Span<'_>],
) -> Option<AppendEntriesRequest<super::types::Types>> {
    let first = previous.map_or(0, |previous| previous.index + 1);
    let entries = (first..).zip(entries).map(|(index, entry)| decode(index, &message.slice_ref(entry.0)));
    Some(AppendEntriesRequest {
        vote: vote.into(),
        prev_log_id: log_id(previous),
        entries: entries.collect::<Result<_, _>>().ok()?,
        leader_commit: log_id(committed),
    })
}

fn ballot(vote: Ballot, last: Option<Position>, is_transfer: bool) -> VoteRequest<super::types::Types> {
    VoteRequest { vote: vote.into(), last_log_id: log_id(last), leadership_transfer: is_transfer }
}
