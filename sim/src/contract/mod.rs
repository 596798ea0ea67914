//! The TCP contract that every world keeps, as code: named checks over any [`Env`]. The kernel runs them over many seeds
//! and the tokio world over real loopback sockets, so that both mean the same by "connection".
//!
//! A check gets a [`Bed`]: the worlds of a server and of a client (which may be one and the same), and the address at
//! which the client reaches the server. It panics where the contract is broken. No check relies on virtual time: waits
//! are short, and only bound how long a breach may take to show.

mod closing;
mod flow;
mod opening;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use switchboard::env::{Elapsed, Env, Listener, deadline};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Where a check runs.
#[derive(Clone, Debug)]
pub struct Bed<E: Env> {
    /// The world of the listening side.
    pub server: E,
    /// The world of the dialling side.
    pub client: E,
    /// Where the listening side listens and the dialling side dials.
    pub ip: IpAddr,
}

/// A check under way.
pub type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One named check.
#[derive(Clone, Copy, Debug)]
pub struct Check<E: Env> {
    /// Its name, a sentence.
    pub name: &'static str,
    /// Runs it on a bed.
    pub run: fn(Bed<E>) -> Running,
}

macro_rules! checks {
    ($($module:ident :: $name:ident),+ $(,)?) => {
        /// Every check, in a fixed order. Run each on a fresh bed.
        #[must_use]
        pub fn all<E: Env>() -> Vec<Check<E>> {
            vec![$(Check { name: stringify!($name), run: |bed| Box::pin($module::$name(bed)) }),+]
        }

        $(pub use $module::$name;)+
    };
}

checks![
    opening::an_echo_comes_back,
    opening::port_zero_takes_distinct_free_ports,
    opening::a_taken_port_is_refused_to_a_second_listener,
    opening::both_sides_agree_on_the_address_of_the_dialler,
    opening::a_dial_to_no_listener_is_refused,
    opening::a_dropped_listener_frees_its_port,
    opening::a_dropped_listener_resets_who_waits,
    opening::an_accept_that_is_dropped_loses_no_connection,
    opening::the_backlog_has_a_bound,
    flow::a_big_transfer_arrives_whole,
    flow::both_directions_carry_at_once,
    flow::a_peer_that_never_reads_stops_the_writer,
    flow::a_reader_that_comes_back_lets_the_writer_go_on,
    flow::a_vectored_write_keeps_its_order,
    flow::reads_and_writes_of_nothing_do_nothing,
    flow::many_connections_do_not_mix,
    closing::half_close_lets_the_other_side_write,
    closing::a_drop_gives_the_peer_the_end_after_the_data,
    closing::a_write_after_shutdown_is_a_broken_pipe,
    closing::a_drop_with_unread_bytes_resets_the_peer,
    closing::writing_to_a_dropped_peer_fails_in_the_end,
    closing::a_second_shutdown_does_no_harm,
];

/// How long a check waits for what must come.
pub(crate) const SOON_MS: u64 = 10_000;
/// How long a check waits to see that something does not come.
pub(crate) const QUIET_MS: u64 = 150;

impl<E: Env> Bed<E> {
    /// A listener on a free port, and its address.
    pub(crate) async fn listen(&self) -> (E::Listener, SocketAddr) {
        let listener =
            self.server.listen(SocketAddr::new(self.ip, 0)).await.expect("a free port must be found");
        let address = listener.local_address();
        (listener, address)
    }

    /// A connected pair: dialling side, accepted side.
    pub(crate) async fn pair(&self) -> (E::Stream, E::Stream) {
        let (mut listener, address) = self.listen().await;
        let dialled = self.client.connect(address).await.expect("a listener must be reached");
        let (accepted, _) = listener.accept().await.expect("a dialled connection must be accepted");
        (dialled, accepted)
    }

    /// What `work` gives, where it ends in time.
    pub(crate) async fn within<F: Future>(&self, ms: u64, work: F) -> Result<F::Output, Elapsed> {
        deadline(&self.client, self.client.now().after_ms(ms), work).await
    }

    /// What `work` gives; a breach where it takes too long.
    pub(crate) async fn soon<F: Future>(&self, what: &str, work: F) -> F::Output {
        match self.within(SOON_MS, work).await {
            Ok(output) => output,
            Err(Elapsed) => panic!("{what}: nothing within {SOON_MS} ms"),
        }
    }

    pub(crate) async fn pause(&self, ms: u64) {
        self.client.sleep_until(self.client.now().after_ms(ms)).await;
    }
}

/// Bytes that show where they belong: a position that is off by anything but a multiple of 251 · 256 shows.
pub(crate) fn pattern(length: usize, salt: u8) -> Vec<u8> {
    let byte = |index: usize| (index % 251) as u8 ^ ((index / 251) as u8).wrapping_mul(31) ^ salt;
    (0..length).map(byte).collect()
}

/// Writes all of `bytes` and reads as many back.
pub(crate) async fn exchange<S: switchboard::env::Stream>(
    stream: &mut S,
    bytes: &[u8],
) -> io::Result<Vec<u8>> {
    stream.write_all(bytes).await?;
    stream.flush().await?;
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).await?;
    Ok(back)
}
