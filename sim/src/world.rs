//! A world: its nodes, its virtual time, and the loop that lets things happen.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use switchboard::env::{Command, Panicked};
use switchboard::event::Event;
use switchboard::probe::{Point, Quirk};
use switchboard_trap::tally::{self, Held};
use switchboard_trap::{Armed, arm};

use crate::env::SimEnv;
use crate::kernel::heap::Due;
use crate::kernel::here::{self, enter, install, remove, run_as};
use crate::kernel::slab::Key;
use crate::kernel::task::{Body, End, SimTask, Turned};
use crate::kernel::{Kernel, Turn, Work};
use crate::moment::whose;
use crate::node::{Boot, Node, NodeId, Power};
use crate::options::Options;
use crate::plan::Plan;
use crate::process::{Pipes, Program};
use crate::trace::{Line, TraceHash};

/// How much there is in a world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Census {
    /// Tasks that live, or whose end nobody has asked for yet.
    pub tasks: usize,
    /// Sleeps under way.
    pub timers: usize,
    /// Events on the heap, leftovers of cancelled sleeps among them.
    pub events: usize,
    /// Connections of which at least one end is left.
    pub connections: usize,
    /// Listening sockets.
    pub listeners: usize,
    /// Marks of the trace so far.
    pub marks: u64,
}

/// One simulated world. It lives on the thread that made it, one at a time; many threads may have one each.
#[derive(Debug)]
pub struct World {
    seed: u64,
    _traps: Armed,
    _stays_on_its_thread: PhantomData<Rc<()>>,
}

impl World {
    /// An empty world.
    ///
    /// # Panics
    /// Where this thread has a world already.
    #[must_use]
    pub fn new(options: Options) -> Self {
        install(|world| Kernel::new(options, world));
        tally::keep_accounts(here::account);
        Self { seed: options.seed, _traps: arm(whose), _stays_on_its_thread: PhantomData }
    }

    /// The root of its randomness.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Adds a node: a host with an address (10.x.y.z by its number where none is given) whose process runs from now on.
    ///
    /// # Panics
    /// Where another node has the address.
    pub fn add_node(&mut self, name: &str, ip: Option<IpAddr>) -> NodeId {
        enter(|kernel| {
            let index = u32::try_from(kernel.nodes.len()).expect("a world must hold fewer than 2^32 nodes");
            let id = NodeId(index);
            let ip = ip.unwrap_or_else(|| IpAddr::V4(Ipv4Addr::from(0x0a00_0001 + index)));
            let other = kernel.net.by_ip.insert(ip, id);
            assert!(other.is_none(), "{ip} belongs to {other:?} already; the node `{name}` was not added");
            let world = kernel.world;
            kernel.nodes.push(Node::new(name.to_owned(), ip, kernel.now, world));
            id
        })
    }

    /// Says what a node runs, and starts it. It is started again, as a new boot, by every restart.
    pub fn boot<F, Fut>(&mut self, node: NodeId, program: F)
    where
        F: Fn(SimEnv) -> Fut + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        let program: Boot = Rc::new(move |env| Box::pin(program(env)));
        enter(|kernel| kernel.node_mut(node).program = Some(Rc::clone(&program)));
        self.run_program(node);
    }

    /// Starts the root task of a node's present boot.
    pub(crate) fn run_program(&mut self, node: NodeId) {
        let env = self.env(node);
        let Some(program) = enter(|kernel| kernel.node(node).program.clone()) else { return };
        let body: Body = Box::pin(async move { program(env).await });
        drop(SimTask::new(enter(|kernel| kernel.start_task((node, env.boot, 0), "root", body))));
    }

    /// The panics of all tasks so far: where, and the message. A test that expects none should say so.
    #[must_use]
    pub fn panics(&self) -> Vec<String> {
        enter(|kernel| kernel.panics.clone())
    }

    /// How often each point was reached that was.
    #[must_use]
    pub fn reached(&self) -> BTreeMap<Point, u64> {
        enter(|kernel| kernel.probe.reached.clone())
    }

    /// How often each quirk showed that did.
    #[must_use]
    pub fn quirks(&self) -> BTreeMap<Quirk, u64> {
        enter(|kernel| kernel.probe.shown())
    }

    /// The address of a node.
    #[must_use]
    pub fn ip(&self, node: NodeId) -> IpAddr {
        enter(|kernel| kernel.node(node).ip)
    }

    /// The world as the present boot of a node sees it.
    #[must_use]
    pub fn env(&self, node: NodeId) -> SimEnv {
        enter(|kernel| SimEnv { node, boot: kernel.node(node).boot, process: 0 })
    }

    /// Virtual time since the world began.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_nanos(enter(|kernel| kernel.now))
    }

    /// Adds the steps of a plan to what will happen. Steps whose time has passed happen at once.
    pub fn schedule(&mut self, plan: &Plan) {
        enter(|kernel| {
            for step in &plan.steps {
                let number =
                    u32::try_from(kernel.plan.len()).expect("a plan must have fewer than 2^32 steps");
                kernel.plan.push(step.fault.clone());
                kernel.at(step.at_ms.saturating_mul(1_000_000), Due::Plan(number));
            }
        });
    }

    /// Calls `observer` with every event that any node records: virtual time in nanoseconds, node, event. It runs inside
    /// the node's own call, must not use the node's `Env`, and keeps what it finds for itself.
    pub fn observe(&mut self, observer: impl FnMut(u64, NodeId, &Event) + 'static) {
        let observers = enter(|kernel| Rc::clone(&kernel.observers));
        observers.borrow_mut().push(Box::new(observer));
    }

    /// Gives simulated nodes a program to launch: the command that names it runs this closure, whose value is the exit
    /// code.
    pub fn add_program<F, Fut>(&mut self, name: &str, program: F)
    where
        F: Fn(SimEnv, Pipes, Command) -> Fut + 'static,
        Fut: Future<Output = i32> + 'static,
    {
        let program: Program = Rc::new(move |env, pipes, command| Box::pin(program(env, pipes, command)));
        enter(|kernel| kernel.programs.insert(name.to_owned(), program));
    }

    /// The last lines of the log, oldest first; empty unless the options ask for one.
    #[must_use]
    pub fn log(&self) -> Vec<Line> {
        enter(|kernel| kernel.trace.log().cloned().collect())
    }

    /// The trace hash after every [`CHECKPOINT_MARKS`](crate::CHECKPOINT_MARKS) marks.
    #[must_use]
    pub fn checkpoints(&self) -> Vec<TraceHash> {
        enter(|kernel| kernel.trace.checkpoints().to_vec())
    }

    /// How much there is right now.
    #[must_use]
    pub fn census(&self) -> Census {
        enter(|kernel| Census {
            tasks: kernel.tasks.len(),
            timers: kernel.timers.len(),
            events: kernel.heap.len(),
            connections: kernel.net.connections.len(),
            listeners: kernel.net.listeners.len(),
            marks: kernel.trace.marks(),
        })
    }

    /// When something happens next, if anything can.
    #[must_use]
    pub fn next_event(&self) -> Option<Duration> {
        enter(Kernel::next_time).map(Duration::from_nanos)
    }

    /// What memory a node holds; `None` in a program that does not [count](switchboard_trap::tally), and beyond the first 255 nodes.
    #[must_use]
    pub fn memory(&self, node: NodeId) -> Option<Held> {
        tally::held(here::account_of(node))
    }

    /// The names of the tasks that a node has.
    #[must_use]
    pub fn tasks(&self, node: NodeId) -> Vec<&'static str> {
        enter(|kernel| {
            let tasks = kernel.tasks_where(|task| task.node == node);
            tasks.into_iter().filter_map(|key| Some(kernel.tasks.get(key)?.name)).collect()
        })
    }

    /// The digest of everything that has happened.
    #[must_use]
    pub fn trace_hash(&self) -> TraceHash {
        enter(|kernel| {
            let mut numbers = kernel.draw_counts().to_vec();
            numbers.extend([kernel.now, kernel.trace.marks()]);
            kernel.trace.hash(&numbers)
        })
    }

    /// Lets things happen until this virtual time, which it is afterwards.
    pub fn run_until(&mut self, time: Duration) {
        let limit = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        while self.turn(limit) {}
        enter(|kernel| kernel.rest_until(limit));
    }

    /// Lets things happen for so long.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(self.now().saturating_add(time));
    }

    /// Lets things happen until nothing more can.
    pub fn run_until_idle(&mut self) {
        while self.turn(u64::MAX) {}
    }

    /// Runs a future as a task of a node, and the world with it, until the future ends.
    ///
    /// # Panics
    /// Where the future panics, is dropped with its node, or waits for what can never happen.
    pub fn block_on<F>(&mut self, node: NodeId, future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let env = self.env(node);
        let result = Rc::new(RefCell::new(None));
        let place = Rc::clone(&result);
        let body: Body = Box::pin(async move {
            let output = future.await;
            *place.borrow_mut() = Some(output);
        });
        let key = enter(|kernel| kernel.start_task((env.node, env.boot, env.process), "block_on", body));
        let task = SimTask::new(key);
        loop {
            if let Some(output) = result.borrow_mut().take() {
                return output;
            }
            match task.end() {
                Some(End::Panicked(panicked)) => panic!("block_on {panicked} (seed {})", self.seed),
                Some(_) => panic!("the node of this future died before it ended (seed {})", self.seed),
                None => {}
            }
            let is_going = self.turn(u64::MAX);
            assert!(is_going, "the future waits for ever: nothing more can happen (seed {})", self.seed);
        }
    }

    /// One step. False where nothing can happen before `limit`.
    fn turn(&mut self, limit: u64) -> bool {
        match enter(|kernel| kernel.next_turn(limit)) {
            Turn::Again => {}
            Turn::Rest => return false,
            Turn::Poll(turned) => poll(turned),
            Turn::Work(work) => self.do_work(work),
        }
        true
    }

    fn do_work(&mut self, work: Work) {
        match work {
            Work::DropTask(key) => drop_task(key),
            Work::EndProcess(process) => {
                for key in enter(|kernel| kernel.tasks_where(|task| task.process == process)) {
                    drop_task(key);
                }
            }
            Work::LosePower(node) => self.lose_power(node),
            Work::Exit(node) => {
                self.end_node(node, Power::Stopped);
            }
            Work::Plan(step) => {
                if let Some(fault) = enter(|kernel| kernel.plan.get(step as usize).cloned()) {
                    self.apply(fault);
                }
            }
        }
    }
}

fn poll(turned: Turned) {
    let Turned { running, mut body, waker } = turned;
    let key = running.task;
    let polled = run_as(running, || Panicked::catch(|| body.as_mut().poll(&mut Context::from_waker(&waker))));
    drop(waker);
    match polled {
        Ok(Poll::Pending) => {
            if let Some(body) = enter(|kernel| kernel.put_back(key, body)) {
                finish(running, body, End::Dropped);
            }
        }
        Ok(Poll::Ready(())) => finish(running, body, End::Finished),
        Err(panicked) => finish(running, body, End::Panicked(panicked)),
    }
}

/// Drops what a task was made of, as that task, and tells its end.
fn finish(running: here::Running, body: Body, end: End) {
    let dropped = run_as(running, || Panicked::catch(|| drop(body)));
    let end = match dropped {
        Ok(()) => end,
        Err(panicked) => End::Panicked(panicked),
    };
    enter(|kernel| kernel.end_task(running.task, end));
}

/// Drops a task where it stands.
pub(crate) fn drop_task(key: Key) {
    if let Some(turned) = enter(|kernel| kernel.take_turn(key)) {
        finish(turned.running, turned.body, End::Dropped);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Whatever is dropped below must not begin anything: nobody would be left to end it.
        let nodes = enter(|kernel| kernel.nodes.len());
        for node in (0..nodes).map(|number| NodeId(u32::try_from(number).expect("so many nodes must fit"))) {
            self.end_node(node, Power::Stopped);
        }
        remove();
    }
}
