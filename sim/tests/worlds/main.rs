//! The second world keeps the TCP contract, as the kernel and real sockets do.

mod remote;
mod turmoil;
