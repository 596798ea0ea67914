//! The second world keeps the TCP contract, as the kernel and real sockets do.

#[cfg(madsim)]
mod madsim;
#[cfg(not(madsim))]
mod remote;
#[cfg(not(madsim))]
mod turmoil;
