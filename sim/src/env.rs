//! `SimEnv`: the world as one boot of one simulated node sees it. Eight bytes and an index into the kernel.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use switchboard::env::{Command, Entropy, Env, Instant, Panicked, WallTime};
use switchboard::event::Event;
use switchboard::probe::{Flaw, Quirk};

use crate::disk::SimDisk;
use crate::kernel::Work;
use crate::kernel::here::{self, enter};
use crate::kernel::task::{Body, SimTask};
use crate::kernel::timer::SimSleep;
use crate::net::{SimListener, SimStream};
use crate::node::NodeId;
use crate::process::SimChild;
use crate::trace::{Mark, digest};

/// The world as one boot of one node sees it. After the node's death it does nothing: clocks stand, calls fail, nothing
/// is recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SimEnv {
    pub(crate) node: NodeId,
    pub(crate) boot: u32,
    /// 0 is the node's own process, others are children that it launched.
    pub(crate) process: u32,
}

impl SimEnv {
    /// The environment of the task that runs right now, for interfaces that have no place for a handle.
    ///
    /// # Panics
    /// Outside of a simulated task.
    #[must_use]
    pub fn current() -> Self {
        let running = here::running().expect("SimEnv::current must be called by a task of a simulated node");
        Self { node: running.node, boot: running.boot, process: running.process }
    }

    /// Which node this is.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Which start of the node's process this is, counted from 1.
    #[must_use]
    pub fn boot(&self) -> u32 {
        self.boot
    }

    /// Ends the process of the node, as the program of a real one does that can do nothing more.
    pub(crate) fn exit(self) {
        enter(|kernel| {
            if kernel.is_alive(self.node, self.boot) {
                kernel.work.push_back(Work::Exit(self.node));
            }
        });
    }

    fn draw_blocking_nanos(self) -> u64 {
        enter(|kernel| {
            let (from, to) = kernel.options.blocking_us;
            let node = kernel.node(self.node);
            let (extra, fault) = (node.blocking_extra_us, node.blocking_fault);
            if let Some(fault) = fault {
                kernel.touch(fault);
            }
            (from + kernel.node_draws.below(to.saturating_sub(from) + 1) + extra) * 1_000
        })
    }
}

impl Env for SimEnv {
    type Sleep = SimSleep;
    type Stream = SimStream;
    type Listener = SimListener;
    type Task = SimTask;
    type Disk = SimDisk;
    type Child = SimChild;

    fn now(&self) -> Instant {
        Instant::from_nanos(enter(|kernel| kernel.node(self.node).monotonic.read(kernel.now)))
    }

    fn wall(&self) -> WallTime {
        WallTime::from_unix_ms(enter(|kernel| {
            if let Some(fault) = kernel.node(self.node).wall_fault {
                kernel.touch(fault);
            }
            kernel.node(self.node).wall_unix_ms(kernel.now, kernel.options.wall_start_unix_ms)
        }))
    }

    fn sleep_until(&self, at: Instant) -> SimSleep {
        SimSleep::new(*self, at)
    }

    fn spawn<F>(&self, name: &'static str, future: F) -> SimTask
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // The node's own memory, so not taken inside of the kernel.
        let mut body: Option<Body> = Some(Box::pin(future));
        let key = enter(|kernel| {
            if !kernel.is_alive(self.node, self.boot) {
                return None;
            }
            let body = body.take()?;
            Some(kernel.start_task((self.node, self.boot, self.process), name, body))
        });
        // What a dead node wanted to start is dropped here, outside the kernel.
        drop(body);
        key.map_or_else(SimTask::never, SimTask::new)
    }

    fn blocking<T, F>(
        &self,
        _name: &'static str,
        work: F,
    ) -> impl Future<Output = Result<T, Panicked>> + Send + 'static
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let env = *self;
        let result = Panicked::catch(work);
        let at = Instant::from_nanos(Env::now(&env).as_nanos() + env.draw_blocking_nanos());
        async move {
            env.sleep_until(at).await;
            result
        }
    }

    async fn listen(&self, address: SocketAddr) -> io::Result<SimListener> {
        SimListener::bind(*self, address)
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<SimStream> {
        crate::net::connect(*self, address).await
    }

    fn entropy(&self, label: &str) -> Entropy {
        enter(|kernel| {
            let seed = kernel.options.seed;
            let node = kernel.node_mut(self.node);
            let (stream, ordinal) = node.entropy_asked.next(seed, &node.name, self.boot, label);
            kernel.mark(Mark::Entropy { node: self.node.trace(), label: digest(label.as_bytes()), ordinal });
            stream
        })
    }

    fn hash_key(&self) -> u64 {
        enter(|kernel| kernel.options.hash_key)
    }

    fn disk(&self) -> SimDisk {
        SimDisk::new(*self)
    }

    fn launch(&self, command: &Command) -> io::Result<SimChild> {
        SimChild::launch(*self, command)
    }

    fn record(&self, event: &Event) {
        let observers = enter(|kernel| {
            if !kernel.is_alive(self.node, self.boot) {
                return None;
            }
            kernel.trace.event(kernel.now, self.node, event);
            if let Event::Reached(point) = event {
                kernel.probe.reach(*point);
            }
            Some((kernel.now, Rc::clone(&kernel.observers)))
        });
        if let Some((now, observers)) = observers {
            here::as_nobody(|| {
                observers.borrow_mut().iter_mut().for_each(|observer| observer(now, self.node, event));
            });
        }
    }

    fn buggify(&self, quirk: Quirk) -> bool {
        enter(|kernel| {
            let is_time = kernel.now < kernel.options.quirks_until_ms.saturating_mul(1_000_000);
            is_time && kernel.is_alive(self.node, self.boot) && kernel.probe.shows(kernel.options.seed, quirk)
        })
    }

    fn flaw(&self) -> Option<Flaw> {
        enter(|kernel| kernel.options.flaw)
    }
}
