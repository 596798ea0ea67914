//! Frames: what travels on a link. A length of four bytes (big endian, as tokio-util's `LengthDelimitedCodec` writes it),
//! a head in postcard, and behind it the body as it is: bodies are carried, never encoded.
//!
//! The reader keeps nothing between frames, so an idle link holds no buffer. Small bodies are copied once, into memory of
//! their own size: a body that is kept for long does not keep its neighbours alive. A long frame is read in place.

use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::config::HEAD_BYTES_MAX;
use super::peer::Refusal;

/// The head of a frame, in version 1 of the wire. Variants are told apart by their place: new ones are added at the end,
/// and sent only where the version that was agreed on knows them. A field is never added to one that exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Head {
    /// The peer should answer under this number. `whole` is the length of the body: where the frame holds less of it,
    /// `More` frames bring the rest.
    Request { id: u64, whole: u32, is_patient: bool },
    /// The answer to the request of this number.
    Answer { id: u64, whole: u32 },
    /// A message without an answer.
    Tell { whole: u32 },
    /// The next piece of the one body that is under way in this direction. Whole frames may come between its pieces.
    More,
    /// Nobody waits for this answer any more.
    Cancel { id: u64 },
    /// There is no answer, because of this.
    Refuse { id: u64, refusal: Refusal },
    /// There is no answer, because the service broke.
    Fail { id: u64 },
    /// Is anybody there?
    Ping,
    /// Yes.
    Pong,
    /// This link is closed because nobody uses it; not a sign that its node is going.
    Rest,
}

/// Bytes of a frame's length.
const LENGTH_BYTES: usize = 4;
/// What one read takes at most where no long frame is under way.
const SCRATCH_BYTES: usize = 16 * 1024;

/// Appends length and head of a frame whose body has so many bytes.
pub(super) fn write_head(out: &mut BytesMut, head: &Head, body_len: usize) {
    let mut bytes = [0; HEAD_BYTES_MAX];
    let head = postcard::to_slice(head, &mut bytes).expect("a head must fit into its bound");
    let length = u32::try_from(head.len() + body_len).expect("a chunk must fit into a frame");
    out.reserve(LENGTH_BYTES + head.len());
    out.put_u32(length);
    out.put_slice(head);
}

/// A peer that does not keep to the format. Nothing more can be read from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Garbled {
    #[error("a frame of {0} bytes")]
    TooLong(usize),
    #[error("a head that cannot be read")]
    Head,
    #[error("a body that does not add up")]
    Body,
    #[error("a frame that this end of a link never gets")]
    Unexpected,
}

impl From<Garbled> for io::Error {
    fn from(garbled: Garbled) -> Self {
        Self::new(io::ErrorKind::InvalidData, garbled)
    }
}

/// Whether whoever takes frames has room for another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Room {
    /// It has.
    Some,
    /// Not now: what has been read waits until [`FrameReader::resume`].
    None,
}

/// Reads frames out of a stream.
#[derive(Debug)]
pub(super) struct FrameReader {
    frame_bytes_max: usize,
    /// The beginning of a frame, its length included, whose end has not come.
    partial: BytesMut,
    /// What was read, at most one read of it, while there was no room for the frames in it.
    held: Bytes,
}

impl FrameReader {
    pub(super) fn new(frame_bytes_max: usize) -> Self {
        Self { frame_bytes_max, partial: BytesMut::new(), held: Bytes::new() }
    }

    /// One read, and `take` for every frame that it completes, with its head and the rest. Gives the number of bytes read;
    /// zero is the end of the stream.
    pub(super) fn poll_read<R: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut R,
        mut take: impl FnMut(Head, Bytes) -> Result<Room, Garbled>,
    ) -> Poll<io::Result<usize>> {
        debug_assert!(self.held.is_empty(), "what is held must be taken first");
        if let Some(rest) = self.long_rest() {
            let mut window = (&mut self.partial).limit(rest);
            let Poll::Ready(read) = pin!(stream.read_buf(&mut window)).poll(cx)? else {
                return Poll::Pending;
            };
            if read == rest {
                let frame = std::mem::take(&mut self.partial).freeze();
                let (head, head_len) = read_head(&frame[LENGTH_BYTES..])?;
                take(head, frame.slice(LENGTH_BYTES + head_len..))?;
            }
            return Poll::Ready(Ok(read));
        }
        let mut scratch = [const { MaybeUninit::<u8>::uninit() }; SCRATCH_BYTES];
        let mut read = ReadBuf::uninit(&mut scratch);
        let Poll::Ready(()) = Pin::new(stream).poll_read(cx, &mut read)? else { return Poll::Pending };
        self.feed(read.filled(), &mut take)?;
        Poll::Ready(Ok(read.filled().len()))
    }

    /// Whether something waits for [`resume`](Self::resume).
    pub(super) const fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Goes on with what is held, now that there is room.
    pub(super) fn resume(
        &mut self,
        mut take: impl FnMut(Head, Bytes) -> Result<Room, Garbled>,
    ) -> Result<(), Garbled> {
        let held = std::mem::take(&mut self.held);
        self.feed(&held, &mut take)
    }

    /// Takes bytes of the stream, in whichever pieces they come.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        take: &mut impl FnMut(Head, Bytes) -> Result<Room, Garbled>,
    ) -> Result<(), Garbled> {
        let mut room = Room::Some;
        while !self.partial.is_empty() && !bytes.is_empty() {
            let wanted = match self.partial_length()? {
                None => LENGTH_BYTES,
                Some(length) => LENGTH_BYTES + length,
            };
            let more = (wanted - self.partial.len()).min(bytes.len());
            self.partial.reserve(wanted - self.partial.len());
            self.partial.extend_from_slice(&bytes[..more]);
            bytes = &bytes[more..];
            if self.partial_length()?.is_some_and(|length| self.partial.len() == LENGTH_BYTES + length) {
                let frame = std::mem::take(&mut self.partial);
                room = take_frame(&frame[LENGTH_BYTES..], take)?;
            }
        }
        while room == Room::Some
            && let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>()
        {
            let length = self.checked(*length)?;
            if rest.len() < length {
                break;
            }
            room = take_frame(&rest[..length], take)?;
            bytes = &rest[length..];
        }
        if room == Room::None {
            self.held = Bytes::copy_from_slice(bytes);
        } else if !bytes.is_empty() {
            // Only as much as has come: what is announced is reserved with its next piece.
            self.partial.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Bytes that are missing of the frame under way, where they are so many that it is worth to read them in place.
    fn long_rest(&mut self) -> Option<usize> {
        let length = self.partial_length().ok()??;
        let rest = LENGTH_BYTES + length - self.partial.len();
        if rest < SCRATCH_BYTES {
            return None;
        }
        self.partial.reserve(rest);
        Some(rest)
    }

    /// The length of the frame under way, where so much of it has come.
    fn partial_length(&self) -> Result<Option<usize>, Garbled> {
        self.partial.first_chunk().map(|length| self.checked(*length)).transpose()
    }

    fn checked(&self, length: [u8; LENGTH_BYTES]) -> Result<usize, Garbled> {
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > self.frame_bytes_max { Err(Garbled::TooLong(length)) } else { Ok(length) }
    }

    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.partial.capacity() + self.held.len()
    }
}

fn read_head(frame: &[u8]) -> Result<(Head, usize), Garbled> {
    let (head, rest) = postcard::take_from_bytes::<Head>(frame).map_err(|_| Garbled::Head)?;
    Ok((head, frame.len() - rest.len()))
}

fn take_frame(
    frame: &[u8],
    take: &mut impl FnMut(Head, Bytes) -> Result<Room, Garbled>,
) -> Result<Room, Garbled> {
    let (head, head_len) = read_head(frame)?;
    take(head, Bytes::copy_from_slice(&frame[head_len..]))
}

/// Puts the pieces of long bodies together: one at a time, as they come.
#[derive(Debug)]
pub(super) struct Assembly {
    body_bytes_max: usize,
    under_way: Option<UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    head: Head,
    whole: usize,
    came: usize,
    body: BytesMut,
    is_unwanted: bool,
}

impl Assembly {
    pub(super) const fn new(body_bytes_max: usize) -> Self {
        Self { body_bytes_max, under_way: None }
    }

    /// Takes a frame; gives a head with the whole of its body once that is there.
    pub(super) fn take(&mut self, head: Head, body: Bytes) -> Result<Option<(Head, Bytes)>, Garbled> {
        let whole = match head {
            Head::Request { whole, .. } | Head::Answer { whole, .. } | Head::Tell { whole } => {
                usize::try_from(whole).unwrap_or(usize::MAX)
            }
            Head::More => return self.more(&body),
            _ if body.is_empty() => return Ok(Some((head, body))),
            _ => return Err(Garbled::Body),
        };
        if whole > self.body_bytes_max {
            return Err(Garbled::Body);
        }
        if body.len() == whole {
            return Ok(Some((head, body)));
        }
        if body.is_empty() || body.len() > whole || self.under_way.is_some() {
            return Err(Garbled::Body);
        }
        let came = body.len();
        let mut pieces = BytesMut::with_capacity(2 * came.min(whole / 2));
        pieces.extend_from_slice(&body);
        self.under_way = Some(UnderWay { head, whole, came, body: pieces, is_unwanted: false });
        Ok(None)
    }

    fn more(&mut self, piece: &[u8]) -> Result<Option<(Head, Bytes)>, Garbled> {
        let under_way = self.under_way.as_mut().ok_or(Garbled::Body)?;
        under_way.came += piece.len();
        if piece.is_empty() || under_way.came > under_way.whole {
            return Err(Garbled::Body);
        }
        if !under_way.is_unwanted {
            under_way.body.extend_from_slice(piece);
        }
        if under_way.came < under_way.whole {
            return Ok(None);
        }
        let done = self.under_way.take().filter(|done| !done.is_unwanted);
        Ok(done.map(|done| (done.head, done.body.freeze())))
    }

    /// The request of this number, if it is the one under way, will not be served: its pieces are thrown away.
    pub(super) fn forget(&mut self, cancelled: u64) -> bool {
        match &mut self.under_way {
            Some(under_way) if matches!(under_way.head, Head::Request { id, .. } if id == cancelled) => {
                under_way.is_unwanted = true;
                under_way.body = BytesMut::new();
                true
            }
            _ => false,
        }
    }
}
