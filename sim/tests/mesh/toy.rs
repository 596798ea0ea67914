//! A shield that hides nothing from anybody who looks twice, and is otherwise as difficult as one may be: it proves a name (to
//! the honest), gives both ends of a stream the same binding, holds back what is written until it is flushed, which it is
//! never at once, and takes the end of a stream for a broken one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use switchboard::env::{AnyStream, Env};
use switchboard::mesh::{Shield, Shielded};
use switchboard_sim::SimEnv;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

const MAGIC: [u8; 3] = *b"toy";
const NONCE_BYTES: usize = 16;
/// What is held back at most.
const HELD_BYTES_MAX: usize = 4 * 1024;
/// What bytes are hidden with.
const MASK: u8 = 0x5a;

#[derive(Debug)]
pub(crate) struct Toy {
    env: SimEnv,
    name: &'static str,
}

impl Toy {
    pub(crate) const fn new(env: SimEnv, name: &'static str) -> Self {
        Self { env, name }
    }

    fn around(&self, mut stream: AnyStream, is_dialler: bool) -> BoxFuture<'static, io::Result<Shielded>> {
        let mut ours = [0; NONCE_BYTES];
        self.env.entropy("toy").fill(&mut ours);
        let name = self.name;
        async move {
            let len = u8::try_from(name.len()).expect("names are short");
            stream.write_all(&[&MAGIC[..], &[len], name.as_bytes(), &ours].concat()).await?;
            stream.flush().await?;
            let mut head = [0; MAGIC.len() + 1];
            stream.read_exact(&mut head).await?;
            if !head.starts_with(&MAGIC) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "no toy at the other end"));
            }
            let mut name = vec![0; head[MAGIC.len()].into()];
            stream.read_exact(&mut name).await?;
            let mut theirs = [0; NONCE_BYTES];
            stream.read_exact(&mut theirs).await?;
            let (dialler, accepter) = if is_dialler { (ours, theirs) } else { (theirs, ours) };
            let mut binding = [0; 2 * NONCE_BYTES];
            binding[..NONCE_BYTES].copy_from_slice(&dialler);
            binding[NONCE_BYTES..].copy_from_slice(&accepter);
            let name = String::from_utf8(name).expect("names are text").into_boxed_str();
            Ok(Shielded {
                stream: Box::new(Masked { stream, held: Vec::new(), is_asked: false }),
                name,
                binding,
            })
        }
        .boxed()
    }
}

impl Shield for Toy {
    fn name(&self) -> &str {
        self.name
    }

    fn dialled(&self, stream: AnyStream) -> BoxFuture<'static, io::Result<Shielded>> {
        self.around(stream, true)
    }

    fn accepted(&self, stream: AnyStream) -> BoxFuture<'static, io::Result<Shielded>> {
        self.around(stream, false)
    }
}

struct Masked {
    stream: AnyStream,
    held: Vec<u8>,
    /// Whether what is held was to be flushed before.
    is_asked: bool,
}

impl Masked {
    fn poll_let_go(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let taken = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.held))?;
            self.held.drain(..taken);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Masked {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, out))?;
        if out.filled().len() == before && out.remaining() > 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        out.filled_mut()[before..].iter_mut().for_each(|byte| *byte ^= MASK);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Masked {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.held.len() >= HELD_BYTES_MAX {
            ready!(self.poll_let_go(cx))?;
        }
        let taken = bytes.len().min(HELD_BYTES_MAX);
        self.held.extend(bytes[..taken].iter().map(|byte| byte ^ MASK));
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.held.is_empty() && !self.is_asked {
            self.is_asked = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.is_asked = false;
        ready!(self.poll_let_go(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_let_go(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
