//! One HTTP/1.1 connection, from its first byte to its last.
//!
//! hyper parses and frames; this file gives it the world's stream, the time of day and an end. There is no task, no timer
//! and no lock per request, and nothing of a request outlives its answer.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use http::header::{CONNECTION, DATE};
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;

use super::body::{RequestBody, ResponseBody};
use super::date::date;
use super::farewell;
use super::io::Io;
use super::pulse::{Overdue, Pulse, Watch};
use crate::env::{Env, Instant};
use crate::limits::Limits;

/// The size up to which hyper's buffers may grow, for bodies and queued answers.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// The number of header lines that hyper parses without an allocation.
const HYPER_HEADERS_LEN: usize = 100;

/// Answers requests. One value may serve every connection, or each connection its own (with the peer's address in it).
pub trait Service: Send + Sync + 'static {
    /// Answers one request. When the peer hangs up first, the future is dropped where it stands; so is the body of an
    /// answer that streams. (A peer that has sent more bytes after its request is noticed only when a write fails.)
    ///
    /// hyper keeps room for one such future per connection, idle ones too. So box what is rare and large in it, and write it
    /// as a function that takes the request apart and returns an `async move` block: an `async fn` keeps its arguments twice.
    fn call(&self, request: Request<RequestBody>) -> impl Future<Output = Response<ResponseBody>> + Send;
}

/// How a connection ended.
#[derive(Debug)]
pub enum End {
    /// In order: the peer left between requests, or either side asked for a close and the last answer is out.
    Closed,
    /// Nothing was under way for `idle_ms_max`.
    Idle,
    /// A head was not complete after `header_ms_max`.
    SlowHead,
    /// A body was not complete after `body_ms_max`, and its reader did not answer.
    SlowBody,
    /// The peer took no bytes for `write_stall_ms_max`.
    Stalled,
    /// Told to close, the call under way did not end within `drain_ms_max`.
    Undrained,
    /// The peer broke off, or sent what is not HTTP; hyper may have answered (see the [module](super) page).
    Broken(hyper::Error),
}

impl From<Overdue> for End {
    fn from(overdue: Overdue) -> Self {
        match overdue {
            Overdue::Idle => Self::Idle,
            Overdue::Head => Self::SlowHead,
            Overdue::Body => Self::SlowBody,
            Overdue::Stall => Self::Stalled,
        }
    }
}

/// Serves one connection until it ends, and closes it. Once `closing` is ready, the request under way is finished and
/// answered with `Connection: close`; where none is, the connection closes at once. Streams under way are for the service
/// to end; what has not ended after `drain_ms_max` is cut.
///
/// A stream that is large (TLS) should be boxed: it is part of this future.
pub async fn serve_connection<E: Env, S: Service>(
    env: &E,
    stream: E::Stream,
    limits: &Limits,
    service: Arc<S>,
    closing: impl Future<Output = ()> + Send,
) -> End {
    let pulse = Arc::new(Pulse::default());
    let io = Io { stream, pulse: Arc::clone(&pulse) };
    let (service, pulse) = (&*service, &pulse);
    let answer = service_fn(move |request| answer(env, service, pulse, request));
    let mut connection = builder(limits).serve_connection(io, answer);
    let mut closing = pin!(closing);
    let mut closes_at = None;
    let mut watch = Watch::new(env.now());
    let (mut timer_at, mut sleep) = (None, pin!(None));
    let ended = poll_fn(|cx| {
        loop {
            if closes_at.is_none() && closing.as_mut().poll(cx).is_ready() {
                closes_at = Some(env.now().after_ms(limits.drain_ms_max));
                Pin::new(&mut connection).graceful_shutdown();
            }
            match Pin::new(&mut connection).poll(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(End::Closed),
                Poll::Ready(Err(error)) => return Poll::Ready(End::Broken(error)),
                Poll::Pending => {}
            }
            let due = watch.look(pulse, limits, || env.now());
            let due = due.into_iter().chain(closes_at).min();
            ready!(poll_timer(env, due, &mut timer_at, sleep.as_mut(), cx));
            let now = env.now();
            if let Some(overdue) = watch.overdue(pulse, limits, now) {
                return Poll::Ready(End::from(overdue));
            }
            if closes_at.is_some_and(|at| at <= now) {
                return Poll::Ready(End::Undrained);
            }
        }
    })
    .await;
    if matches!(ended, End::Closed) && pulse.was_body_left() {
        // Boxed because it is rare and every connection would keep room for it.
        Box::pin(farewell::linger(env, connection.into_parts().io.stream, limits)).await;
    }
    ended
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .auto_date_header(false)
        .half_close(false)
        .keep_alive(true)
        .header_read_timeout(None)
        .max_header_size(limits.header_bytes_max)
        .max_buf_size(BUFFER_BYTES_MAX.max(limits.header_bytes_max));
    if limits.headers_len_max != HYPER_HEADERS_LEN {
        builder.max_headers(limits.headers_len_max);
    }
    builder
}

/// The future of one answer. Built from a combinator: an `async fn` would keep the request twice, and hyper keeps room for
/// this future on every connection.
fn answer<'a, E: Env, S: Service>(
    env: &'a E,
    service: &'a S,
    pulse: &'a Arc<Pulse>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<ResponseBody>, Infallible>> + Send + 'a {
    pulse.call_started();
    let request = request.map(|incoming| RequestBody::new(incoming, Arc::clone(pulse)));
    service.call(request).map(|response| Ok(finish(env, pulse, response)))
}

fn finish<E: Env>(
    env: &E,
    pulse: &Arc<Pulse>,
    mut response: Response<ResponseBody>,
) -> Response<ResponseBody> {
    response.headers_mut().insert(DATE, date(env.wall()));
    if pulse.was_body_left() {
        // hyper will stop reading, but not tell: the peer would send its next request into a closed connection.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.body_mut().end_call(pulse);
    response
}

/// Ready when the one timer of the connection has fired. It is moved only to an earlier moment, or once it has fired: so
/// it may fire early for what is due, never late, and a connection whose deadlines keep moving away leaves it alone.
fn poll_timer<E: Env>(
    env: &E,
    due: Option<Instant>,
    set_to: &mut Option<Instant>,
    mut sleep: Pin<&mut Option<E::Sleep>>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    if let Some(due) = due
        && set_to.is_none_or(|at| at > due)
    {
        *set_to = Some(due);
        sleep.set(Some(env.sleep_until(due)));
    }
    let Some(armed) = sleep.as_mut().as_pin_mut() else {
        return Poll::Pending;
    };
    ready!(armed.poll(cx));
    *set_to = None;
    sleep.set(None);
    Poll::Ready(())
}
