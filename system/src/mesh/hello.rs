//! The handshake: both ends prove that they know the secret before either says who it is.
//!
//! | step | who | bytes | what the other end knows then |
//! |---|---|---|---|
//! | knock | dialler | magic, nonce D, proof | it knows the secret, or saw somebody who does |
//! | challenge | accepter | nonce A, proof over both nonces | the accepter knows the secret, now |
//! | hello | dialler | length, hello, proof over nonces and hello | the dialler knows the secret, now, and who it is |
//! | reply | accepter | length, reply, proof over all of that | who the accepter is, and which version they speak |
//!
//! A stranger is sent nothing, not one byte. Somebody who repeats a knock that it saw is sent a nonce, and gets no further.
//! Proofs have labels by direction, so none can be reflected. What follows the handshake is not sealed: who can change
//! bytes on the way is kept out by a shield around the stream, not by this, and inside of one, proofs are good for that
//! stream alone.
//!
//! Hello and reply may grow at their ends: what comes behind the known fields is not looked at, but proven. Inside of a
//! shield, the salt of a node's bond stands there.

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::config::{ClusterId, Identity, Secret, WireRange};
use super::peer::{Channel, Refusal};
use super::proof::{PROOF_BYTES, Step, is_proof, prove};
use crate::env::{Entropy, Stream};
use crate::ids::{Epoch, Incarnation, NodeId};

/// The first bytes of a link; the last of them is the version of the handshake itself.
const MAGIC: [u8; 8] = *b"swbmesh\x01";
const NONCE_BYTES: usize = 16;
/// Bytes of a hello or reply at most; today's take about sixty.
const WORDS_BYTES_MAX: usize = 512;

type Nonce = [u8; NONCE_BYTES];

/// Who an end says it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) wire: WireRange,
    pub(super) cluster: ClusterId,
    pub(super) node: NodeId,
    pub(super) incarnation: Incarnation,
    pub(super) epoch: Epoch,
    pub(super) channel: Channel,
    /// Whom the dialler means to reach; 0 where it knows no more than an address.
    pub(super) to: NodeId,
}

impl Hello {
    pub(super) const fn new(identity: &Identity, channel: Channel, to: NodeId) -> Self {
        let Identity { cluster, node, incarnation, epoch, wire, salt: _ } = *identity;
        Self { wire, cluster, node, incarnation, epoch, channel, to }
    }
}

/// What an accepter answers to a hello.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// The link stands, with this version of the wire.
    Welcome { wire: u16, node: NodeId, incarnation: Incarnation, epoch: Epoch },
    /// It does not.
    No(Refusal),
}

/// What an end says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<T> {
    pub(super) what: T,
    /// The salt of its bond, where there is a shield.
    pub(super) salt: Option<u128>,
}

/// Why a handshake came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum HelloError {
    /// The other end does not prove that it knows the secret.
    #[error("the other end does not know the secret")]
    Stranger,
    /// The other end closed the connection where its proof was due: to it, this node may be the stranger.
    #[error("closed by the other end: its secret may be another one")]
    Closed,
    /// The stream failed.
    #[error("the stream failed: {0}")]
    Io(io::Error),
    /// The shield could not be put around the stream.
    #[error("{0}")]
    Shield(io::Error),
    /// The shield stood here, and was broken off: the other end may not have liked what it saw of this one.
    #[error("broken off inside of TLS: {0}")]
    BrokenOff(io::Error),
    /// There is a shield at the other end and none here.
    #[error("the other end speaks TLS and this node does not: the nodes of a cluster do so all or none")]
    Bare,
    /// A proven peer that cannot be understood.
    #[error("the other end cannot be understood")]
    Garbled,
}

impl HelloError {
    /// Whether it is for an operator to put right: two nodes are told different things, or a certificate is no good.
    pub(super) const fn is_mismatch(&self) -> bool {
        matches!(self, Self::Shield(_) | Self::BrokenOff(_) | Self::Bare)
    }
}

impl From<io::Error> for HelloError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Self::Closed
            }
            // No bare stream says so.
            io::ErrorKind::InvalidData => Self::BrokenOff(error),
            _ => Self::Io(error),
        }
    }
}

fn nonce(entropy: &mut Entropy) -> Nonce {
    let mut nonce = [0; NONCE_BYTES];
    entropy.fill(&mut nonce);
    nonce
}

/// The dialler's part. The caller sets the deadline.
pub(super) async fn introduce<S: Stream>(
    stream: &mut S,
    secret: &Secret,
    entropy: &mut Entropy,
    hello: &Said<Hello>,
) -> Result<Said<Reply>, HelloError> {
    let ours = nonce(entropy);
    let mut knock = Vec::with_capacity(MAGIC.len() + NONCE_BYTES + PROOF_BYTES);
    knock.extend_from_slice(&MAGIC);
    knock.extend_from_slice(&ours);
    knock.extend_from_slice(&prove(secret, Step::Knock, &[&MAGIC, &ours]));
    send(stream, &knock).await?;

    let mut challenge = [0; NONCE_BYTES + PROOF_BYTES];
    let came = read_up_to(stream, &mut challenge).await?;
    if came < challenge.len() {
        // An alert is short; a challenge that happens to begin like one is whole.
        return Err(if is_record(&challenge[..came]) { HelloError::Bare } else { HelloError::Closed });
    }
    let (theirs, proof) = challenge.split_at(NONCE_BYTES);
    if !is_proof(secret, Step::Challenge, &[&ours, theirs], proof) {
        return Err(HelloError::Stranger);
    }

    let hello = words(hello);
    send_words(stream, &hello, &prove(secret, Step::Hello, &[&ours, theirs, &hello])).await?;
    let (reply, proof) = read_words(stream).await?;
    if !is_proof(secret, Step::Reply, &[&ours, theirs, &hello, &reply], &proof) {
        return Err(HelloError::Stranger);
    }
    understood(&reply)
}

/// The accepter's part; `judge` decides on a hello that is proven. The caller sets the deadline.
pub(super) async fn receive<S: Stream>(
    stream: &mut S,
    secret: &Secret,
    entropy: &mut Entropy,
    judge: impl FnOnce(&Said<Hello>) -> Said<Reply> + Send,
) -> Result<(Said<Hello>, Reply), HelloError> {
    let mut knock = [0; MAGIC.len() + NONCE_BYTES + PROOF_BYTES];
    // The magic first: whoever speaks another protocol is told so by the end of the connection, not by a deadline.
    stream.read_exact(&mut knock[..MAGIC.len()]).await?;
    if knock[..MAGIC.len()] != MAGIC {
        return Err(if is_record(&knock) { HelloError::Bare } else { HelloError::Stranger });
    }
    stream.read_exact(&mut knock[MAGIC.len()..]).await?;
    let (theirs, proof) = knock[MAGIC.len()..].split_at(NONCE_BYTES);
    if !is_proof(secret, Step::Knock, &[&MAGIC, theirs], proof) {
        return Err(HelloError::Stranger);
    }

    let ours = nonce(entropy);
    let mut challenge = Vec::with_capacity(NONCE_BYTES + PROOF_BYTES);
    challenge.extend_from_slice(&ours);
    challenge.extend_from_slice(&prove(secret, Step::Challenge, &[theirs, &ours]));
    send(stream, &challenge).await?;

    let (hello, proof) = read_words(stream).await?;
    if !is_proof(secret, Step::Hello, &[theirs, &ours, &hello], &proof) {
        return Err(HelloError::Stranger);
    }
    let said = understood(&hello)?;
    let reply = judge(&said);
    let answer = words(&reply);
    let proof = prove(secret, Step::Reply, &[theirs, &ours, &hello, &answer]);
    send_words(stream, &answer, &proof).await?;
    Ok((said, reply.what))
}

fn words<T: Serialize>(said: &Said<T>) -> Vec<u8> {
    let words = postcard::to_stdvec(&said.what).expect("plain data must be encoded");
    match said.salt {
        Some(salt) => postcard::to_extend(&salt, words).expect("a number must be encoded"),
        None => words,
    }
}

fn understood<T: DeserializeOwned>(words: &[u8]) -> Result<Said<T>, HelloError> {
    let (what, rest) = postcard::take_from_bytes(words).map_err(|_| HelloError::Garbled)?;
    Ok(Said { what, salt: postcard::take_from_bytes(rest).map(|(salt, _)| salt).ok() })
}

/// Whether bytes begin as a TLS record does that is sent first or refuses what came: a handshake or an alert, and the
/// version, which has had the same first byte in all of them.
fn is_record(bytes: &[u8]) -> bool {
    matches!(bytes, [0x15 | 0x16, 0x03, ..])
}

/// Reads until the buffer is full or the stream ends.
async fn read_up_to<S: Stream>(stream: &mut S, buffer: &mut [u8]) -> Result<usize, HelloError> {
    let mut came = 0;
    while came < buffer.len() {
        match stream.read(&mut buffer[came..]).await? {
            0 => break,
            more => came += more,
        }
    }
    Ok(came)
}

async fn send<S: Stream>(stream: &mut S, bytes: &[u8]) -> Result<(), HelloError> {
    stream.write_all(bytes).await?;
    stream.flush().await?;
    Ok(())
}

async fn send_words<S: Stream>(
    stream: &mut S,
    words: &[u8],
    proof: &[u8; PROOF_BYTES],
) -> Result<(), HelloError> {
    let length = u16::try_from(words.len()).expect("what is said must be short");
    let mut bytes = Vec::with_capacity(2 + words.len() + PROOF_BYTES);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(words);
    bytes.extend_from_slice(proof);
    send(stream, &bytes).await
}

async fn read_words<S: Stream>(stream: &mut S) -> Result<(Vec<u8>, [u8; PROOF_BYTES]), HelloError> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).await?;
    let length = usize::from(u16::from_be_bytes(length));
    if length > WORDS_BYTES_MAX {
        return Err(HelloError::Stranger);
    }
    let mut words = vec![0; length];
    stream.read_exact(&mut words).await?;
    let mut proof = [0; PROOF_BYTES];
    stream.read_exact(&mut proof).await?;
    Ok((words, proof))
}
