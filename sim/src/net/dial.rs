//! Opening connections: dialling, the handshake that travels the link, the bounded backlog, accepting.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll, Waker};

use crate::env::SimEnv;
use crate::kernel::Kernel;
use crate::kernel::heap::Due;
use crate::kernel::here::{drop_later, register, wake_later};
use crate::kernel::slab::Key;
use crate::net::connection::{Connection, Payload, Side, State};
use crate::net::{Overflow, Scope};
use crate::node::NodeId;

pub(crate) struct ListenSocket {
    pub(crate) node: NodeId,
    address: SocketAddr,
    /// Open connections that wait to be accepted.
    queue: VecDeque<Key>,
    /// Connections whose handshake is not over; they count against the backlog too.
    greeting: usize,
    acceptor: Option<Waker>,
}

impl ListenSocket {
    fn is_full(&self, backlog: usize) -> bool {
        self.queue.len() + self.greeting >= backlog
    }
}

/// Where ephemeral ports begin and end, as on Linux.
const PORT_FIRST: u16 = 32_768;
const PORT_LAST: u16 = 60_999;

impl Kernel {
    pub(crate) fn listen(&mut self, env: SimEnv, address: SocketAddr) -> io::Result<(Key, SocketAddr)> {
        self.check_alive(env)?;
        let node = env.node;
        let scope = if address.ip().is_unspecified() {
            Scope::Any
        } else if address.ip().is_loopback() {
            Scope::Loopback
        } else if address.ip() == self.node(node).ip {
            Scope::Outside
        } else {
            return Err(ErrorKind::AddrNotAvailable.into());
        };
        let port = if address.port() == 0 { self.free_port(node)? } else { address.port() };
        let taken = self.net.bound.entry((node, port)).or_default();
        if taken.iter().any(|(other, _)| *other == scope || *other == Scope::Any || scope == Scope::Any) {
            return Err(ErrorKind::AddrInUse.into());
        }
        let address = SocketAddr::new(address.ip(), port);
        let socket = ListenSocket { node, address, queue: VecDeque::new(), greeting: 0, acceptor: None };
        let key = self.net.listeners.insert(socket);
        taken.push((scope, key));
        Ok((key, address))
    }

    /// The next port of a node that no listener has; a counter, so that a port is not used again soon.
    fn free_port(&mut self, node: NodeId) -> io::Result<u16> {
        for _ in PORT_FIRST..=PORT_LAST {
            let counter = &mut self.node_mut(node).port_next;
            let port = PORT_FIRST + *counter;
            *counter = (*counter + 1) % (PORT_LAST - PORT_FIRST + 1);
            if !self.net.bound.contains_key(&(node, port)) {
                return Ok(port);
            }
        }
        Err(ErrorKind::AddrNotAvailable.into())
    }

    /// Sends a greeting to `address`. The key is the connection that may come of it.
    pub(crate) fn dial(&mut self, env: SimEnv, address: SocketAddr) -> io::Result<Key> {
        self.check_alive(env)?;
        let node = env.node;
        let is_local = address.ip().is_loopback() || address.ip().is_unspecified();
        let target = if is_local { Some(node) } else { self.net.by_ip.get(&address.ip()).copied() };
        let source = if is_local { address.ip() } else { self.node(node).ip };
        let local = self.free_tuple(node, source, address)?;
        let options = self.net.options;
        let connection = Connection::new((node, local), (target.unwrap_or(node), address), &options);
        let key = self.net.connections.insert(connection);
        self.net.tuples.insert((local, address));
        if target.is_some() {
            self.put_on_wire(key, Side::Dialler, Payload::Syn);
            self.at(self.now + options.dial_give_up_ms * 1_000_000, Due::GiveUpDialling(key));
        } else {
            let delay = self.net.links.default_link().latency.sample(&mut self.net.draws);
            self.at(self.now + delay, Due::Unreachable(key));
        }
        Ok(key)
    }

    /// A local address whose pair with `remote` no connection has.
    fn free_tuple(&mut self, node: NodeId, source: IpAddr, remote: SocketAddr) -> io::Result<SocketAddr> {
        for _ in PORT_FIRST..=PORT_LAST {
            let local = SocketAddr::new(source, self.free_port(node)?);
            if !self.net.tuples.contains(&(local, remote)) {
                return Ok(local);
            }
        }
        Err(ErrorKind::AddrNotAvailable.into())
    }

    pub(crate) fn is_dialling(&self, key: Key) -> bool {
        self.net.connections.get(key).is_some_and(|connection| connection.ends[0].state == State::Greeting)
    }

    pub(crate) fn fail_dial(&mut self, key: Key, kind: ErrorKind) {
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let end = connection.end(Side::Dialler);
        end.error = Some(kind);
        wake_later(&mut end.reader);
        self.close_end(key, Side::Dialler);
        if let Some(connection) = self.net.connections.get_mut(key) {
            connection.flow(Side::Dialler).wire.clear();
        }
        self.reap(key);
    }

    pub(crate) fn poll_dial(&mut self, key: Key, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(connection) = self.net.connections.get_mut(key) else {
            return Poll::Ready(Err(ErrorKind::NotConnected.into()));
        };
        let end = connection.end(Side::Dialler);
        if let Some(kind) = end.error.take() {
            return Poll::Ready(Err(kind.into()));
        }
        match end.state {
            State::Greeting if !end.is_dead => {
                register(&mut end.reader, cx);
                Poll::Pending
            }
            State::Open => Poll::Ready(Ok(())),
            _ => Poll::Ready(Err(ErrorKind::NotConnected.into())),
        }
    }

    fn listener_for(&self, node: NodeId, address: SocketAddr) -> Option<Key> {
        let wanted = if address.ip().is_loopback() { Scope::Loopback } else { Scope::Outside };
        let bound = self.net.bound.get(&(node, address.port()))?;
        let found = bound.iter().find(|(scope, _)| *scope == wanted || *scope == Scope::Any)?;
        Some(found.1)
    }

    pub(crate) fn on_syn(&mut self, key: Key) {
        let backlog = self.net.options.backlog;
        let Some(connection) = self.net.connections.get(key) else { return };
        let (node, address) = (connection.ends[1].node, connection.ends[1].address);
        let found = self.listener_for(node, address);
        let Some(socket) = found.and_then(|listener| self.net.listeners.get_mut(listener)) else {
            self.send_reset(key, Side::Dialler);
            return;
        };
        if socket.is_full(backlog) {
            self.send_reset(key, Side::Dialler);
            return;
        }
        socket.greeting += 1;
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        connection.listener = found;
        connection.end(Side::Accepted).state = State::Greeting;
        connection.end(Side::Accepted).is_held = true;
        self.put_on_wire(key, Side::Accepted, Payload::SynAck);
    }

    /// Whether the backlog is full and says nothing about it: the greeting is as good as lost, and will be repeated.
    pub(crate) fn is_syn_dropped(&self, key: Key) -> bool {
        if self.net.options.overflow == Overflow::Refuse {
            return false;
        }
        let Some(connection) = self.net.connections.get(key) else { return false };
        let is_syn =
            matches!(connection.flows[0].wire.front(), Some(front) if matches!(front.payload, Payload::Syn));
        let end = &connection.ends[1];
        let listener = self.listener_for(end.node, end.address).and_then(|key| self.net.listeners.get(key));
        is_syn && listener.is_some_and(|socket| socket.is_full(self.net.options.backlog))
    }

    pub(crate) fn on_syn_ack(&mut self, key: Key) {
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let end = connection.end(Side::Dialler);
        end.state = State::Open;
        wake_later(&mut end.reader);
        self.put_on_wire(key, Side::Dialler, Payload::Ack);
    }

    pub(crate) fn on_handshake_done(&mut self, key: Key) {
        let Some(connection) = self.net.connections.get_mut(key) else { return };
        let Some(socket) = connection.listener.and_then(|listener| self.net.listeners.get_mut(listener))
        else {
            self.forget_unaccepted(key);
            return;
        };
        connection.end(Side::Accepted).state = State::Open;
        socket.greeting -= 1;
        socket.queue.push_back(key);
        wake_later(&mut socket.acceptor);
    }

    /// A place in the backlog is free again without an accept.
    pub(crate) fn leave_backlog(&mut self, listener: Option<Key>) {
        if let Some(socket) = listener.and_then(|key| self.net.listeners.get_mut(key)) {
            socket.greeting = socket.greeting.saturating_sub(1);
        }
    }

    pub(crate) fn poll_accept(&mut self, key: Key, cx: &Context<'_>) -> Poll<io::Result<(Key, SocketAddr)>> {
        let Some(socket) = self.net.listeners.get_mut(key) else {
            return Poll::Ready(Err(dead()));
        };
        let Some(accepted) = socket.queue.pop_front() else {
            register(&mut socket.acceptor, cx);
            return Poll::Pending;
        };
        let connection = self.net.connections.get_mut(accepted).expect("a held connection must exist");
        connection.listener = None;
        Poll::Ready(Ok((accepted, connection.ends[0].address)))
    }

    /// A listener goes away; whoever waits in its backlog is reset.
    pub(crate) fn close_listener(&mut self, key: Key) {
        let Some(mut socket) = self.net.listeners.remove(key) else { return };
        drop_later(&mut socket.acceptor);
        let place = (socket.node, socket.address.port());
        if let Some(bound) = self.net.bound.get_mut(&place) {
            bound.retain(|(_, listener)| *listener != key);
            if bound.is_empty() {
                self.net.bound.remove(&place);
            }
        }
        let is_silent = self.node(socket.node).is_dark();
        for waiting in socket.queue {
            if is_silent {
                self.close_end(waiting, Side::Accepted);
                self.drop_unaccepted(waiting);
            } else {
                self.forget_unaccepted(waiting);
            }
        }
    }

    fn forget_unaccepted(&mut self, key: Key) {
        self.reset_by(key, Side::Accepted);
        self.drop_unaccepted(key);
    }

    fn drop_unaccepted(&mut self, key: Key) {
        if let Some(connection) = self.net.connections.get_mut(key) {
            connection.end(Side::Accepted).is_held = false;
        }
        self.reap(key);
    }

    pub(crate) fn check_alive(&self, env: SimEnv) -> io::Result<()> {
        if self.is_alive(env.node, env.boot) { Ok(()) } else { Err(dead()) }
    }
}

/// What every handle of a dead node answers.
pub(crate) fn dead() -> io::Error {
    io::Error::new(ErrorKind::NotConnected, "the node of this handle is dead; nothing was done")
}
