//! Tasks, sleeps, entropy and events of a simulated node.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use switchboard::env::{Env, Instant, Task, deadline, yield_now};
use switchboard::event::Event;
use switchboard::ids::CallId;
use switchboard_sim::{NodeId, Options, Policy, SimEnv, World};

fn world(options: Options) -> (World, NodeId) {
    let mut world = World::new(options);
    let node = world.add_node("n", None);
    (world, node)
}

#[test]
fn a_panic_ends_its_task_alone_and_is_reported() {
    let (mut world, node) = world(Options::seeded(1));
    let env = world.env(node);
    world.block_on(node, async move {
        let broken = env.spawn("broken", async { panic!("on purpose") });
        let sound = env.spawn("sound", async move { env.sleep_until(env.now().after_ms(5)).await });
        assert_eq!(broken.join().await.expect_err("it panicked").0, "on purpose");
        sound.join().await.expect("it must not notice");
    });
    assert_eq!(world.panics(), ["task `broken` of n panicked: on purpose"]);
    assert_eq!(world.census().tasks, 0);
}

#[test]
fn an_aborted_task_is_dropped_where_it_stands_also_by_itself() {
    let (mut world, node) = world(Options::seeded(2));
    let env = world.env(node);
    world.block_on(node, async move {
        let task = Arc::new(env.spawn("waits", std::future::pending()));
        task.abort();
        task.abort();
        Arc::into_inner(task).expect("the only one").join().await.expect("an aborted task counts as ended");
        let place = Arc::new(Mutex::new(None));
        let own = Arc::clone(&place);
        let task = env.spawn("aborts itself", async move {
            yield_now().await;
            let task: switchboard_sim::SimTask =
                own.lock().expect("one thread").take().expect("must be there");
            task.abort();
            std::future::pending::<()>().await;
        });
        *place.lock().expect("one thread") = Some(task);
        env.sleep_until(env.now().after_ms(1)).await;
    });
    world.run_for(Duration::from_millis(1));
    assert_eq!(world.census().tasks, 0);
}

/// Tells when it is dropped, and as whom.
struct Told(u32, Rc<RefCell<Vec<(u32, NodeId)>>>);

impl Drop for Told {
    fn drop(&mut self) {
        self.1.borrow_mut().push((self.0, SimEnv::current().node()));
    }
}

#[test]
fn the_tasks_of_a_dead_node_are_dropped_in_the_order_of_their_start_and_as_themselves() {
    let (mut world, node) = world(Options::seeded(3));
    let told = Rc::new(RefCell::new(Vec::new()));
    for number in 0..5 {
        let told = Rc::clone(&told);
        world.boot(node, move |_| {
            let told = Told(number, Rc::clone(&told));
            async move {
                let _told = told;
                std::future::pending::<()>().await;
            }
        });
    }
    world.run_for(Duration::from_millis(1));
    world.kill(node);
    let expected: Vec<_> = (0..5).map(|number| (number, node)).collect();
    assert_eq!(*told.borrow(), expected);
}

#[test]
fn cancelled_sleeps_leave_nothing_behind() {
    let (mut world, node) = world(Options::seeded(4));
    let env = world.env(node);
    world.block_on(node, async move {
        for _ in 0..20_000 {
            let work = async { env.sleep_until(env.now().after_ms(1)).await };
            deadline(&env, env.now().after_ms(3_600_000), work).await.expect("must be in time");
        }
    });
    let census = world.census();
    assert_eq!(census.timers, 0);
    assert!(census.events < 5_000, "{} leftovers", census.events);
    assert_eq!(world.next_event(), None, "a leftover is no event");
}

#[test]
fn sleeps_end_at_their_instant_in_the_order_of_their_time() {
    let (mut world, node) = world(Options::seeded(5));
    let ended = Rc::new(RefCell::new(Vec::new()));
    for ms in [30_u64, 10, 20, 0] {
        let ended = Rc::clone(&ended);
        world.boot(node, move |env| {
            let ended = Rc::clone(&ended);
            async move {
                env.sleep_until(Instant::BOOT.after_ms(ms)).await;
                ended.borrow_mut().push((ms, env.now()));
            }
        });
    }
    world.run_until_idle();
    let expected: Vec<_> = [0, 10, 20, 30].map(|ms| (ms, Instant::BOOT.after_ms(ms))).to_vec();
    assert_eq!(*ended.borrow(), expected);
    assert_eq!(world.now(), Duration::from_millis(30));
}

/// The orders in which three tasks that are ready at once run, over many seeds.
fn orders(policy: Policy) -> BTreeSet<Vec<u32>> {
    (0..50)
        .map(|seed| {
            let (mut world, node) = world(Options { policy, ..Options::seeded(seed) });
            let order = Rc::new(RefCell::new(Vec::new()));
            for number in 0..3 {
                let order = Rc::clone(&order);
                world.boot(node, move |_| {
                    let order = Rc::clone(&order);
                    async move { order.borrow_mut().push(number) }
                });
            }
            world.run_until_idle();
            order.take()
        })
        .collect()
}

#[test]
fn the_random_policy_reaches_every_order_and_the_other_only_one() {
    assert_eq!(orders(Policy::Random).len(), 6);
    assert_eq!(orders(Policy::Fifo), BTreeSet::from([vec![0, 1, 2]]));
}

#[test]
fn a_stream_of_entropy_never_comes_twice() {
    let (mut world, node) = world(Options::seeded(6));
    let other = world.add_node("other", None);
    let mut seen = BTreeSet::new();
    let mut draw =
        |env: SimEnv, label: &str| assert!(seen.insert(env.entropy(label).next_u64()), "{label} came twice");
    let env = world.env(node);
    draw(env, "ids");
    draw(env, "ids");
    draw(env, "keys");
    draw(world.env(other), "ids");
    world.restart(node);
    draw(world.env(node), "ids");
}

#[test]
fn entropy_depends_on_the_path_and_on_nothing_else() {
    let first = |others: u32| {
        let mut world = World::new(Options::seeded(7));
        for number in 0..others {
            world.add_node(&format!("before {number}"), None);
        }
        let node = world.add_node("n", None);
        let env = world.env(node);
        for _ in 0..others {
            env.entropy("another label");
        }
        env.entropy("ids").next_u64()
    };
    assert_eq!(first(0), first(5), "another node, or another label, shifts nothing");
}

#[test]
fn observers_see_every_event_with_its_time_and_node() {
    let (mut world, node) = world(Options::seeded(8));
    let seen = Rc::new(RefCell::new(Vec::new()));
    let list = Rc::clone(&seen);
    world.observe(move |time, node, event| list.borrow_mut().push((time, node, event.clone())));
    let env = world.env(node);
    let before = world.trace_hash();
    world.block_on(node, async move {
        env.sleep_until(env.now().after_ms(2)).await;
        env.record(&Event::CallStarted(CallId(1)));
    });
    assert_eq!(*seen.borrow(), [(2_000_000, node, Event::CallStarted(CallId(1)))]);
    assert_ne!(world.trace_hash(), before);
}

#[test]
fn the_log_keeps_the_last_lines_and_changes_no_hash() {
    let run = |log_lines_max| {
        let (mut world, node) = world(Options { log_lines_max, ..Options::seeded(9) });
        world.boot(node, |env| async move {
            for call in 0..100 {
                env.sleep_until(env.now().after_ms(1)).await;
                env.record(&Event::CallStarted(CallId(call)));
            }
        });
        world.run_until_idle();
        (world.trace_hash(), world.log())
    };
    let (hash, log) = run(20);
    assert_eq!(log.len(), 20);
    assert!(log.iter().any(|line| line.text.contains("CallStarted(k99)")), "{log:?}");
    assert_eq!(run(0), (hash, Vec::new()));
}

#[test]
#[should_panic(expected = "must be called by a task of a simulated node")]
fn the_current_node_is_known_only_inside_a_task() {
    let (_world, _) = world(Options::seeded(10));
    let _ = SimEnv::current();
}

#[test]
#[should_panic(expected = "this thread already has a simulated world")]
fn a_thread_has_one_world_at_a_time() {
    let _first = World::new(Options::seeded(11));
    let _second = World::new(Options::seeded(12));
}

#[test]
#[should_panic(expected = "nothing more can happen (seed 13)")]
fn waiting_for_what_can_never_happen_fails_instead_of_hanging() {
    let (mut world, node) = world(Options::seeded(13));
    world.block_on(node, std::future::pending::<()>());
}
