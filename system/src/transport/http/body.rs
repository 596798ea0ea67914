//! Bodies: of a request, read whole within its limits; of an answer, empty, whole, or a stream.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::pulse::Pulse;

/// What a body grows from when it does not fit into one read. A peer that only promises bytes costs us no more.
const FIRST_BYTES: usize = 64 * 1024;

/// The body of a request. Dropped unread, it is skipped where it is short; otherwise the connection closes after the answer.
#[derive(Debug)]
pub struct RequestBody(Source);

#[derive(Debug)]
enum Source {
    Wire { incoming: Incoming, pulse: Arc<Pulse>, ended: bool },
    Held(Bytes),
}

/// Why a body is not there. Nothing of it was kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BodyError {
    /// It has, or says it has, more bytes than the limit. The peer's doing: 413.
    #[error("the body is larger than {message_bytes_max} bytes")]
    TooLarge {
        /// The limit.
        message_bytes_max: usize,
    },
    /// It did not arrive within `body_ms_max`. The peer's or the network's doing: 408.
    #[error("the body came too slowly")]
    TooSlow,
    /// It ended early or is not what its framing says. Mostly there is nobody left to answer: 400.
    #[error("the body broke off")]
    Broken,
}

impl BodyError {
    /// The status that answers it.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

impl RequestBody {
    pub(super) const fn new(incoming: Incoming, pulse: Arc<Pulse>) -> Self {
        Self(Source::Wire { incoming, pulse, ended: false })
    }

    /// A body that is already there, for a service that is called without a connection.
    #[must_use]
    pub const fn held(bytes: Bytes) -> Self {
        Self(Source::Held(bytes))
    }

    /// Reads all of it. A body that came in one read is a slice of the connection's buffer, without a copy.
    /// Read it in the task of the connection: elsewhere a slow body is cut without the chance to answer 408.
    ///
    /// # Errors
    /// [`BodyError`]; a length that is announced beyond `message_bytes_max` is refused before anything is read.
    pub async fn read(mut self, message_bytes_max: usize) -> Result<Bytes, BodyError> {
        let too_large = BodyError::TooLarge { message_bytes_max };
        let announced = self.size_hint();
        if announced.lower() > message_bytes_max as u64 {
            return Err(too_large);
        }
        let Some(first) = self.next().await? else {
            return Ok(Bytes::new());
        };
        if first.len() > message_bytes_max {
            return Err(too_large);
        }
        if self.is_end() {
            return Ok(first);
        }
        let hint = announced.exact().and_then(|len| usize::try_from(len).ok()).unwrap_or(first.len() * 2);
        let mut whole = Vec::with_capacity(hint.clamp(first.len(), FIRST_BYTES.max(first.len())));
        whole.extend_from_slice(&first);
        drop(first);
        while let Some(more) = self.next().await? {
            if more.len() > message_bytes_max - whole.len() {
                return Err(too_large);
            }
            whole.extend_from_slice(&more);
        }
        Ok(Bytes::from(whole))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Wire { incoming, .. } => incoming.size_hint(),
            Source::Held(bytes) => SizeHint::with_exact(bytes.len() as u64),
        }
    }

    fn is_end(&self) -> bool {
        match &self.0 {
            Source::Wire { incoming, .. } => incoming.is_end_stream(),
            Source::Held(bytes) => bytes.is_empty(),
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        let (incoming, pulse, ended) = match &mut self.0 {
            Source::Wire { incoming, pulse, ended } => (incoming, pulse, ended),
            Source::Held(bytes) => {
                let bytes = std::mem::take(bytes);
                return Poll::Ready(Ok((!bytes.is_empty()).then_some(bytes)));
            }
        };
        loop {
            match Pin::new(&mut *incoming).poll_frame(cx) {
                Poll::Pending if pulse.is_body_expired() => return Poll::Ready(Err(BodyError::TooSlow)),
                Poll::Pending => {
                    pulse.body_awaited();
                    return Poll::Pending;
                }
                Poll::Ready(None) => {
                    *ended = true;
                    return Poll::Ready(Ok(None));
                }
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(BodyError::Broken)),
                // Trailers say nothing that we read.
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Ok(Some(data)));
                    }
                }
            }
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Source::Wire { incoming, pulse, ended } = &self.0 {
            pulse.body_ended();
            if !ended && !incoming.is_end_stream() {
                pulse.body_left();
            }
        }
    }
}

/// A stream of bytes as the body of an answer. It ends the answer by ending; it has no way to fail.
pub type AnswerStream = Pin<Box<dyn Body<Data = Bytes, Error = Infallible> + Send>>;

/// The body of an answer.
pub struct ResponseBody {
    content: Content,
    call: Option<UnderWay>,
}

enum Content {
    Whole(Bytes),
    Stream(AnswerStream),
}

/// Notes the end of the call when a stream ends or is dropped.
struct UnderWay(Arc<Pulse>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.call_ended();
    }
}

impl ResponseBody {
    /// No bytes.
    #[must_use]
    pub const fn empty() -> Self {
        Self::full(Bytes::new())
    }

    /// All of the bytes at once, with a `Content-Length`; head and body leave in one write.
    #[must_use]
    pub const fn full(bytes: Bytes) -> Self {
        Self { content: Content::Whole(bytes), call: None }
    }

    /// A stream, sent in chunks. What it yields without waiting leaves together with the head. It is dropped when it has
    /// ended and when the connection has: that is how its owner learns of either.
    #[must_use]
    pub const fn stream(stream: AnswerStream) -> Self {
        Self { content: Content::Stream(stream), call: None }
    }

    /// The bytes, where they are all here.
    #[must_use]
    pub const fn whole(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Whole(bytes) => Some(bytes),
            Content::Stream(_) => None,
        }
    }

    /// The call is over once this body is: now, or when its stream ends.
    pub(super) fn end_call(&mut self, pulse: &Arc<Pulse>) {
        match &self.content {
            Content::Whole(_) => pulse.call_ended(),
            Content::Stream(_) => self.call = Some(UnderWay(Arc::clone(pulse))),
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.content {
            Content::Whole(bytes) if !bytes.has_remaining() => Poll::Ready(None),
            Content::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::Stream(stream) => {
                let frame = ready!(stream.as_mut().poll_frame(cx));
                if frame.is_none() {
                    self.call = None;
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_empty(),
            Content::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Stream(stream) => stream.size_hint(),
        }
    }
}

impl std::fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.content {
            Content::Whole(bytes) => write!(f, "ResponseBody({} bytes)", bytes.len()),
            Content::Stream(_) => f.write_str("ResponseBody(stream)"),
        }
    }
}
