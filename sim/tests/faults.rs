//! What faults do, and that they do it.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use switchboard::env::{Env, Listener, Stream, deadline};
use switchboard::event::Event;
use switchboard::ids::ConnectionId;
use switchboard_sim::{Fault, NodeId, Options, Plan, SimEnv, Step, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn serve_echo(env: SimEnv) {
    let mut listener = env.listen(SocketAddr::from(([0, 0, 0, 0], 80))).await.expect("must bind");
    loop {
        let (stream, _) = listener.accept().await.expect("must accept");
        env.spawn("echo", echo(stream));
    }
}

async fn echo<S: Stream>(mut stream: S) {
    let mut buffer = [0; 4096];
    while let Ok(length) = stream.read(&mut buffer).await {
        if length == 0 || stream.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

async fn exchange<S: Stream>(stream: &mut S) -> std::io::Result<()> {
    stream.write_all(b"ping").await?;
    let mut back = [0; 4];
    stream.read_exact(&mut back).await.map(drop)
}

/// A server that echoes, a client that runs nothing yet, and the server's address.
fn pair(seed: u64) -> (World, NodeId, NodeId, SocketAddr) {
    let mut world = World::new(Options::seeded(seed));
    let (server, client) = (world.add_node("server", None), world.add_node("client", None));
    world.boot(server, serve_echo);
    world.run_for(Duration::from_millis(1));
    let address = SocketAddr::new(world.ip(server), 80);
    (world, server, client, address)
}

fn step(at_ms: u64, fault: Fault) -> Step {
    Step { at_ms, fault }
}

fn touched(world: &World) -> Vec<u64> {
    world.fired().into_iter().map(|fired| fired.touched).collect()
}

#[test]
fn what_is_sent_into_a_partition_arrives_after_it_heals() {
    let (mut world, server, client, address) = pair(1);
    let cut = Fault::Partition { a: vec![server], b: vec![client] };
    world.schedule(&Plan { steps: vec![step(100, cut), step(1_100, Fault::HealAll)] });
    let env = world.env(client);
    let took = world.block_on(client, async move {
        let mut stream = env.connect(address).await.expect("must connect");
        env.sleep_until(env.now().after_ms(200)).await;
        let start = env.now();
        exchange(&mut stream).await.expect("must arrive in the end");
        env.now().since(start)
    });
    assert!(took > Duration::from_millis(800) && took < Duration::from_secs(5), "{took:?}");
    assert!(touched(&world).iter().all(|touched| *touched > 0), "{:?}", world.fired());
}

#[test]
fn a_segment_on_its_way_is_lost_by_a_cut_that_heals_before_it_arrives() {
    let mut options = Options::seeded(1);
    options.net.link.latency.base_us = 50_000;
    let mut world = World::new(options);
    let (server, client) = (world.add_node("server", None), world.add_node("client", None));
    world.boot(server, serve_echo);
    let address = SocketAddr::new(world.ip(server), 80);
    let env = world.env(client);
    let mut stream = world.block_on(client, async move { env.connect(address).await.expect("must connect") });
    let sent_at = world.now();
    world.block_on(client, async move {
        stream.write_all(b"ping").await.expect("must write");
        std::mem::forget(stream);
    });
    world.run_for(Duration::from_millis(10));
    world.partition(&[server], &[client]);
    world.run_for(Duration::from_millis(10));
    world.heal_all();
    world.run_until(sent_at + Duration::from_secs(1));
    assert_eq!(touched(&world)[0], 1, "{:?}", world.fired());
}

#[test]
fn a_one_way_cut_lets_the_other_way_through() {
    let (mut world, server, client, address) = pair(2);
    let env = world.env(client);
    let heard = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&heard);
    world.boot(server, move |env| {
        let count = Arc::clone(&count);
        async move {
            let mut listener = env.listen(SocketAddr::from(([0, 0, 0, 0], 81))).await.expect("must bind");
            let (mut stream, _) = listener.accept().await.expect("must accept");
            let mut byte = [0];
            while stream.read_exact(&mut byte).await.is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
                let _ = stream.write_all(&byte).await;
            }
        }
    });
    let address = SocketAddr::new(address.ip(), 81);
    let mut stream = world.block_on(client, async move {
        env.sleep_until(env.now().after_ms(1)).await;
        env.connect(address).await.expect("must connect")
    });
    world.apply(Fault::PartitionOneWay { from: vec![server], to: vec![client] });
    let kind = world.block_on(client, async move {
        stream.write_all(b"x").await.expect("must be taken");
        let mut byte = [0];
        stream.read_exact(&mut byte).await.expect_err("the answer cannot come").kind()
    });
    assert_eq!(kind, ErrorKind::TimedOut, "without acknowledgements the sender gives up");
    assert_eq!(heard.load(Ordering::Relaxed), 1, "the question did arrive");
}

#[test]
fn what_one_way_still_carries_is_not_held_up_by_lost_acknowledgements() {
    let (mut world, server, client, address) = pair(15);
    let arrived = Rc::new(RefCell::new(Vec::new()));
    let times = Rc::clone(&arrived);
    world.boot(server, move |env| {
        let times = Rc::clone(&times);
        async move {
            let mut listener = env.listen(SocketAddr::from(([0, 0, 0, 0], 81))).await.expect("must bind");
            let (mut stream, _) = listener.accept().await.expect("must accept");
            let mut byte = [0];
            while stream.read_exact(&mut byte).await.is_ok() {
                times.borrow_mut().push(env.now().as_nanos() / 1_000_000);
            }
        }
    });
    let (env, address) = (world.env(client), SocketAddr::new(address.ip(), 81));
    world.run_for(Duration::from_millis(1));
    let mut stream = world.block_on(client, async move { env.connect(address).await.expect("must connect") });
    world.apply(Fault::PartitionOneWay { from: vec![server], to: vec![client] });
    let start = world.now().as_millis();
    world.block_on(client, async move {
        for _ in 0..10 {
            stream.write_all(b"x").await.expect("must be taken");
            env.sleep_until(env.now().after_ms(10)).await;
        }
        std::mem::forget(stream);
    });
    let last = arrived.borrow().last().copied().unwrap_or(0);
    assert_eq!(arrived.borrow().len(), 10);
    assert!(u128::from(last) < start + 100, "the last byte came at {last} ms");
}

#[test]
fn refused_unreachable_and_timed_out_are_told_apart() {
    let (mut world, server, client, address) = pair(3);
    let env = world.env(client);
    let dial = |world: &mut World, to: SocketAddr| {
        world.block_on(client, async move { env.connect(to).await.expect_err("must fail").kind() })
    };
    assert_eq!(dial(&mut world, SocketAddr::new(address.ip(), 9)), ErrorKind::ConnectionRefused);
    assert_eq!(dial(&mut world, SocketAddr::from(([10, 9, 9, 9], 80))), ErrorKind::HostUnreachable);
    world.partition(&[server], &[client]);
    assert_eq!(dial(&mut world, address), ErrorKind::TimedOut);
    world.heal_all();
    world.kill(server);
    assert_eq!(dial(&mut world, address), ErrorKind::ConnectionRefused);
    world.lose_power(server);
    assert_eq!(dial(&mut world, address), ErrorKind::TimedOut);
}

#[test]
fn a_killed_process_ends_its_streams_resets_what_it_left_unread_and_a_dark_host_leaves_peers_waiting() {
    let (mut world, server, client, address) = pair(4);
    let env = world.env(client);
    let connect = move || async move {
        let mut stream = env.connect(address).await.expect("must connect");
        exchange(&mut stream).await.expect("must echo");
        stream
    };
    let lose = |world: &mut World, has_unread: bool, fault: Fault| {
        let mut stream = world.block_on(client, connect());
        if has_unread {
            world.apply(Fault::Pause(server));
            stream = world.block_on(client, async move {
                stream.write_all(b"unread").await.expect("its host must take it");
                env.sleep_until(env.now().after_ms(10)).await;
                stream
            });
        }
        world.apply(fault);
        let start = world.now();
        let end = world.block_on(client, async move {
            let mut back = [0; 1];
            let read = async { stream.read(&mut back).await.map_err(|error| error.kind()) };
            deadline(&env, env.now().after_ms(60_000), read).await
        });
        let took = world.now() - start;
        world.restart(server);
        world.run_for(Duration::from_millis(1));
        (end, took < Duration::from_millis(10))
    };
    assert_eq!(lose(&mut world, false, Fault::Kill(server)), (Ok(Ok(0)), true));
    let reset = Ok(Err(ErrorKind::ConnectionReset));
    assert_eq!(lose(&mut world, true, Fault::Kill(server)), (reset, true));
    assert!(lose(&mut world, false, Fault::PowerLoss(server)).0.is_err(), "nobody is left to say anything");
}

#[test]
fn a_writer_gives_up_on_a_dark_host() {
    let (mut world, server, client, address) = pair(4);
    let env = world.env(client);
    let mut stream = world.block_on(client, async move {
        let mut stream = env.connect(address).await.expect("must connect");
        exchange(&mut stream).await.expect("must echo");
        stream
    });
    world.lose_power(server);
    let start = world.now();
    let kind =
        world.block_on(client, async move { exchange(&mut stream).await.expect_err("must give up").kind() });
    assert_eq!(kind, ErrorKind::TimedOut);
    assert!(world.now() - start >= Duration::from_secs(30));
}

#[test]
fn a_host_that_comes_back_resets_connections_it_does_not_know() {
    let (mut world, server, client, address) = pair(5);
    let env = world.env(client);
    let mut stream = world.block_on(client, async move {
        let mut stream = env.connect(address).await.expect("must connect");
        exchange(&mut stream).await.expect("must echo");
        stream
    });
    world.lose_power(server);
    world.restart(server);
    let kind =
        world.block_on(client, async move { exchange(&mut stream).await.expect_err("must be reset").kind() });
    assert_eq!(kind, ErrorKind::ConnectionReset);
}

#[test]
fn a_writer_without_a_window_gives_up_on_a_dark_host() {
    let (mut world, server, client, _) = pair(6);
    world.boot(server, |env| async move {
        let mut listener = env.listen(SocketAddr::from(([0, 0, 0, 0], 81))).await.expect("must bind");
        let _never_read = listener.accept().await.expect("must accept");
        std::future::pending::<()>().await;
    });
    world.run_for(Duration::from_millis(1));
    let address = SocketAddr::new(world.ip(server), 81);
    let env = world.env(client);
    world.schedule(&Plan { steps: vec![step(5_000, Fault::PowerLoss(server))] });
    let kind = world.block_on(client, async move {
        let mut stream = env.connect(address).await.expect("must connect");
        stream.write_all(&vec![0; 1 << 20]).await.expect_err("must give up").kind()
    });
    assert_eq!(kind, ErrorKind::TimedOut);
    assert!(world.now() < Duration::from_secs(60));
}

/// Says farewell by every road when it is dropped.
struct Farewell(SimEnv, Rc<RefCell<Vec<String>>>, switchboard_sim::SimStream);

impl Drop for Farewell {
    fn drop(&mut self) {
        use std::future::Future;
        use std::pin::Pin;
        use std::task::{Context, Poll, Waker};
        use switchboard::env::{Disk, OpenMode};
        let mut cx = Context::from_waker(Waker::noop());
        let mut said = self.1.borrow_mut();
        self.0.record(&Event::ConnectionClosed(ConnectionId(9)));
        if self.0.disk().open("farewell".as_ref(), OpenMode::CreateIfMissing).is_ok() {
            said.push("disk".to_owned());
        }
        use tokio::io::AsyncWrite;
        if let Poll::Ready(Ok(_)) = Pin::new(&mut self.2).poll_write(&mut cx, b"farewell") {
            said.push("stream".to_owned());
        }
        let ran = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&ran);
        self.0.spawn("farewell", async move {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let at = self.0.now();
        if Pin::new(&mut self.0.sleep_until(at)).poll(&mut cx).is_ready() {
            said.push("clock".to_owned());
        }
        if Arc::strong_count(&ran) > 1 {
            said.push("spawn".to_owned());
        }
        said.push("dropped".to_owned());
    }
}

#[test]
fn code_in_the_drop_of_a_killed_task_can_do_nothing() {
    for dark in [false, true] {
        let (mut world, _, client, address) = pair(7);
        let said = Rc::new(RefCell::new(Vec::new()));
        let recorded = Rc::new(RefCell::new(0));
        let count = Rc::clone(&recorded);
        world.observe(move |_, _, _| *count.borrow_mut() += 1);
        let words = Rc::clone(&said);
        world.boot(client, move |env| {
            let words = Rc::clone(&words);
            async move {
                let stream = env.connect(address).await.expect("must connect");
                env.record(&Event::ConnectionOpened(ConnectionId(9)));
                let _farewell = Farewell(env, words, stream);
                std::future::pending::<()>().await;
            }
        });
        world.run_for(Duration::from_millis(10));
        world.apply(if dark { Fault::PowerLoss(client) } else { Fault::Kill(client) });
        assert_eq!(*said.borrow(), ["dropped"]);
        assert_eq!(*recorded.borrow(), 1, "only the opening was recorded");
        assert!(world.panics().is_empty(), "{:?}", world.panics());
    }
}

#[test]
fn a_paused_process_does_nothing_and_goes_on_where_it_stood() {
    let (mut world, server, client, address) = pair(8);
    world.apply(Fault::Pause(server));
    let env = world.env(client);
    world.schedule(&Plan { steps: vec![step(3_000, Fault::Resume(server))] });
    let took = world.block_on(client, async move {
        let mut stream = env.connect(address).await.expect("the host of a paused process still greets");
        let start = env.now();
        exchange(&mut stream).await.expect("must echo in the end");
        env.now().since(start)
    });
    assert!(took > Duration::from_secs(2) && took < Duration::from_secs(4), "{took:?}");
    assert!(touched(&world).iter().all(|touched| *touched > 0), "{:?}", world.fired());
}

#[test]
fn clocks_step_drift_and_start_anew_at_boot() {
    let mut world = World::new(Options::seeded(9));
    let node = world.add_node("n", None);
    world.run_for(Duration::from_secs(10));
    let env = world.env(node);
    let before = world.block_on(node, async move { (env.now(), env.wall()) });
    assert_eq!(before.0.as_nanos(), 10_000_000_000);
    world.apply(Fault::ClockStep { node, ms: -60_000 });
    let after = world.block_on(node, async move { (env.now(), env.wall()) });
    assert_eq!(after.0, before.0, "a step moves the time of day alone");
    assert_eq!(before.1.unix_ms() - after.1.unix_ms(), 60_000);
    // Half as fast again: a sleep of 3 s ends after 2 s of virtual time, also one that was under way.
    let start = world.now();
    world.schedule(&Plan {
        steps: vec![step(10_000, Fault::ClockDrift { node, drift: switchboard_sim::Drift(500_000_000) })],
    });
    world.block_on(node, async move {
        let at = env.now().after_ms(3_000);
        env.sleep_until(at).await;
        assert!(env.now() >= at);
    });
    assert_eq!(world.now() - start, Duration::from_secs(2));
    world.restart(node);
    let env = world.env(node);
    assert_eq!(env.boot(), 2);
    assert_eq!(env.now(), switchboard::env::Instant::BOOT);
    assert!(touched(&world).iter().all(|touched| *touched > 0), "{:?}", world.fired());
}

#[test]
fn tiny_reads_and_writes_carry_the_same_bytes() {
    let (mut world, server, client, address) = pair(10);
    world.apply(Fault::TinyIo { node: server, bytes_max: Some(3) });
    world.apply(Fault::TinyIo { node: client, bytes_max: Some(2) });
    let env = world.env(client);
    world.block_on(client, async move {
        let mut stream = env.connect(address).await.expect("must connect");
        for _ in 0..20 {
            exchange(&mut stream).await.expect("must echo");
        }
        assert!(stream.write(b"ping").await.expect("must write") <= 2);
    });
    assert!(touched(&world).iter().all(|touched| *touched > 40), "{:?}", world.fired());
}

#[test]
fn a_middlebox_reset_reaches_both_ends() {
    let (mut world, server, client, address) = pair(11);
    let env = world.env(client);
    let mut stream = world.block_on(client, async move { env.connect(address).await.expect("must connect") });
    world.run_for(Duration::from_millis(5));
    world.apply(Fault::ResetConnections { a: client, b: server });
    let kind = world.block_on(client, async move {
        let mut byte = [0];
        stream.read(&mut byte).await.expect_err("must be reset").kind()
    });
    assert_eq!(kind, ErrorKind::ConnectionReset);
    world.run_for(Duration::from_millis(5));
    assert_eq!(world.census().connections, 0);
    assert_eq!(touched(&world), [1]);
}

#[test]
fn a_full_backlog_refuses_or_stays_silent_as_it_was_told() {
    for (overflow, expected) in [
        (switchboard_sim::Overflow::Refuse, ErrorKind::ConnectionRefused),
        (switchboard_sim::Overflow::Drop, ErrorKind::TimedOut),
    ] {
        let mut options = Options::seeded(12);
        options.net.backlog = 3;
        options.net.overflow = overflow;
        let mut world = World::new(options);
        let node = world.add_node("n", None);
        let env = world.env(node);
        let address = SocketAddr::new(world.ip(node), 80);
        let kind = world.block_on(node, async move {
            let _listener = env.listen(address).await.expect("must bind");
            let mut open = Vec::new();
            loop {
                match env.connect(address).await {
                    Ok(stream) => open.push(stream),
                    Err(error) => break (open.len(), error.kind()),
                }
            }
        });
        assert_eq!(kind, (3, expected));
    }
}

#[test]
fn a_dial_that_is_dropped_half_way_leaves_nothing_behind() {
    let (mut world, _, client, address) = pair(16);
    let env = world.env(client);
    world.block_on(client, async move {
        for us in 0..500 {
            let at = switchboard::env::Instant::from_nanos(env.now().as_nanos() + us * 1_000);
            drop(deadline(&env, at, env.connect(address)).await);
        }
    });
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.census().connections, 0);
}

#[test]
fn a_plan_survives_being_written_down() {
    let plan = Plan {
        steps: vec![
            step(5, Fault::Partition { a: vec![NodeId(0)], b: vec![NodeId(1), NodeId(2)] }),
            step(9, Fault::DiskFail { node: NodeId(1), only: None, after: 3, count: 1 }),
            step(10, Fault::HealAll),
        ],
    };
    let text = serde_json::to_string(&plan).expect("must encode");
    assert_eq!(serde_json::from_str::<Plan>(&text).expect("must decode"), plan);
}

#[test]
#[should_panic(expected = "the last task is `spin` of n (seed 13)")]
fn a_busy_loop_fails_the_run_and_names_the_task() {
    let mut options = Options::seeded(13);
    options.polls_per_instant_max = 10_000;
    let mut world = World::new(options);
    let node = world.add_node("n", None);
    world.boot(node, |env| async move {
        env.spawn("spin", async {
            loop {
                switchboard::env::yield_now().await;
            }
        });
    });
    world.run_for(Duration::from_secs(1));
}

#[test]
#[should_panic(expected = "no simulated world lives on this thread")]
fn a_handle_without_its_world_says_so() {
    let mut world = World::new(Options::seeded(14));
    let node = world.add_node("n", None);
    let env = world.env(node);
    drop(world);
    env.now();
}
