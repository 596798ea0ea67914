//! How the engine of one member speaks to another's.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderError,
    TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};

use super::Network;
use super::ground::Ground;
use super::types::{Ballot, Cover, Snapshot, Types, Vote, encode, log_id, position};
use super::wire::{self, Appended, Request, Response, Span};
use crate::env::{Either, buggify, race};
use crate::ids::{GroupId, NodeId};

/// The most that one piece of a snapshot holds, and that the entries of one append hold together. One entry may be
/// larger; such an append travels as bulk.
pub(super) const PIECE_BYTES_MAX: usize = 512 * 1024;
/// A small piece.
const PIECE_BYTES_SMALL: usize = 1024;

/// Makes links to the other members.
#[derive(Clone)]
pub(super) struct Post {
    pub(super) group: GroupId,
    pub(super) network: Arc<dyn Network>,
    pub(super) ground: Arc<Ground>,
}

/// The way to one member.
pub(super) struct Link {
    post: Post,
    to: NodeId,
}

fn unreachable(why: impl ToString) -> Unreachable<Types> {
    Unreachable::from_string(why)
}

impl Post {
    /// Sends a request and waits for the answer as long as the engine would.
    pub(super) async fn call(
        &self,
        to: NodeId,
        request: &Request<'_>,
        patience: Duration,
    ) -> Result<Response, Unreachable<Types>> {
        let message = wire::encode(request);
        let is_bulk = matches!(request, Request::Snapshot { .. }) || message.len() > 2 * PIECE_BYTES_MAX;
        let deadline = self.ground.now().after(patience);
        let answer = self.network.send(to, self.group, message, is_bulk, deadline);
        let answer = answer.await.map_err(unreachable)?;
        wire::decode(&answer).map_err(unreachable)
    }
}

impl RaftNetworkFactory<Types> for Post {
    type Network = Link;

    async fn new_client(&mut self, target: NodeId, _node: &()) -> Link {
        Link { post: self.clone(), to: target }
    }
}

impl Link {
    async fn call(&self, request: &Request<'_>, option: &RPCOption) -> Result<Response, Unreachable<Types>> {
        self.post.call(self.to, request, option.soft_ttl()).await
    }

    async fn ask_vote(
        &self,
        request: &Request<'_>,
        option: &RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        match self.call(request, option).await? {
            Response::Vote { vote, last, is_granted } => {
                Ok(VoteResponse { vote: vote.into(), vote_granted: is_granted, last_log_id: log_id(last) })
            }
            other => Err(unexpected(&other).into()),
        }
    }

    async fn send_pieces(
        &self,
        vote: Ballot,
        snapshot: &Snapshot,
        patience: Duration,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let bytes = &snapshot.snapshot;
        let is_small = buggify!(self.post.ground, PiecesSmall);
        let piece_bytes_max = if is_small { PIECE_BYTES_SMALL } else { PIECE_BYTES_MAX };
        let mut offset = 0;
        loop {
            let piece = &bytes[offset..bytes.len().min(offset + piece_bytes_max)];
            let request = Request::Snapshot {
                vote,
                cover: Cover::from(&snapshot.meta),
                total: bytes.len() as u64,
                offset: offset as u64,
                bytes: Span(piece),
            };
            match self.post.call(self.to, &request, patience).await? {
                Response::Snapshot { vote } => return Ok(SnapshotResponse { vote: vote.into() }),
                Response::Piece { received } if received == (offset + piece.len()) as u64 => {
                    offset += piece.len();
                }
                other => return Err(unexpected(&other).into()),
            }
        }
    }
}

fn unexpected(response: &Response) -> Unreachable<Types> {
    unreachable(format!("an answer to something else: {response:?}"))
}

impl RaftNetworkV2<Types> for Link {
    type SnapshotData = Bytes;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        let entries: Vec<Bytes> = request.entries.iter().map(encode).collect();
        let request = Request::Append {
            vote: (&request.vote).into(),
            previous: position(request.prev_log_id.as_ref()),
            committed: position(request.leader_commit.as_ref()),
            entries: entries.iter().map(|entry| Span(entry)).collect(),
        };
        match self.call(&request, &option).await? {
            Response::Append(appended) => Ok(match appended {
                Appended::All => AppendEntriesResponse::Success,
                Appended::UpTo(last) => AppendEntriesResponse::PartialSuccess(log_id(last)),
                Appended::Conflict => AppendEntriesResponse::Conflict,
                Appended::HigherVote(vote) => AppendEntriesResponse::HigherVote(vote.into()),
            }),
            other => Err(unexpected(&other).into()),
        }
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let request = Request::Vote {
            vote: (&request.vote).into(),
            last: position(request.last_log_id.as_ref()),
            is_transfer: request.leadership_transfer,
        };
        self.ask_vote(&request, &option).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let request = Request::PreVote {
            vote: (&request.vote).into(),
            last: position(request.last_log_id.as_ref()),
            is_transfer: request.leadership_transfer,
        };
        self.ask_vote(&request, &option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        match race(self.send_pieces((&vote).into(), &snapshot, option.soft_ttl()), cancel).await {
            Either::Left(result) => result,
            Either::Right(closed) => Err(closed.into()),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        let vote = *request.from_leader();
        let last = request.last_log_id().copied();
        let message = Request::Transfer {
            vote: (&vote).into(),
            to: *request.to_node_id(),
            last: position(last.as_ref()),
        };
        match self.call(&message, &option).await? {
            Response::Transfer { is_taken: true } => Ok(Ok(())),
            Response::Transfer { is_taken: false } => {
                // Why not is the other's business; the engine tries again in either case.
                Ok(Err(TransferLeaderError::LogNotFlushed { expected: last, actual: None }))
            }
            other => Err(unexpected(&other).into()),
        }
    }
}
