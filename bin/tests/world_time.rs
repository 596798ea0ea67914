//! The production world: time, tasks and randomness.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use switchboard::env::{Either, Env, Instant, Panicked, Task, deadline, race};
use switchboard_bin::world::TokioEnv;

fn boot() -> TokioEnv {
    TokioEnv::boot().expect("the system must have randomness")
}

#[test]
fn what_a_node_holds_may_cross_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<TokioEnv>();
    shared::<<TokioEnv as Env>::Sleep>();
    shared::<<TokioEnv as Env>::Task>();
    shared::<Box<dyn switchboard::env::World>>();
}

#[test]
fn a_sleep_needs_no_runtime_until_it_is_polled() {
    let env = boot();
    drop(env.sleep_until(env.now().after_ms(1)));
}

#[tokio::test]
async fn a_sleep_is_never_early_and_a_past_one_is_ready_at_once() {
    let env = boot();
    for delay_ms in [0, 1, 2, 7, 20] {
        let at = env.now().after_ms(delay_ms);
        env.sleep_until(at).await;
        assert!(env.now() >= at, "woke at {:?} instead of {at:?}", env.now());
    }
    let mut past = pin!(env.sleep_until(Instant::BOOT));
    let ready = poll_fn(|cx| Poll::Ready(past.as_mut().poll(cx).is_ready())).await;
    assert!(ready);
}

#[tokio::test]
async fn a_sleep_until_the_end_of_time_does_not_overflow() {
    let env = boot();
    let never = env.sleep_until(Instant::from_nanos(u64::MAX));
    let soon = env.sleep_until(env.now().after_ms(5));
    assert_eq!(race(never, soon).await, Either::Right(()));
    assert!(deadline(&env, env.now().after_ms(5), std::future::pending::<()>()).await.is_err());
}

#[tokio::test]
async fn time_of_day_is_this_century_and_monotonic_time_starts_at_boot() {
    let env = boot();
    assert!(env.wall().unix_ms() > 1_700_000_000_000);
    assert!(env.now().since(Instant::BOOT) < Duration::from_secs(60));
}

#[tokio::test]
async fn a_panic_ends_its_task_alone_and_is_told_by_join() {
    let env = boot();
    let quiet = env.spawn("quiet", async {});
    let loud = env.spawn("loud", async { panic!("on purpose") });
    assert_eq!(loud.join().await, Err(Panicked("on purpose".to_owned())));
    assert_eq!(quiet.join().await, Ok(()));
}

#[tokio::test]
async fn an_aborted_task_is_dropped_and_counts_as_ended() {
    let env = boot();
    let (held, gone) = tokio::sync::oneshot::channel::<()>();
    let task = env.spawn("stuck", async move {
        let _held = held;
        std::future::pending::<()>().await;
    });
    task.abort();
    assert_eq!(task.join().await, Ok(()));
    assert!(gone.await.is_err(), "what the task held must be dropped");
}

#[tokio::test]
async fn blocking_work_gives_its_result_or_its_panic() {
    let env = boot();
    assert_eq!(env.blocking("sum", || 2 + 2).await, Ok(4));
    let failed = env.blocking("loud", || -> () { panic!("on purpose") }).await;
    assert_eq!(failed, Err(Panicked("on purpose".to_owned())));
}

#[tokio::test]
async fn blocking_work_goes_on_when_nobody_waits_for_it() {
    let env = boot();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    drop(env.blocking("signal", move || sender.send(7).expect("the receiver must wait")));
    assert_eq!(receiver.await, Ok(7));
}

#[test]
fn no_two_streams_of_randomness_are_the_same() {
    let (env, after_restart) = (boot(), boot());
    let mut drawn: Vec<u128> = (0..100)
        .flat_map(|n| {
            let own = env.entropy(if n % 2 == 0 { "ids" } else { "keys" });
            [own, after_restart.entropy("ids"), env.clone().entropy("ids")]
        })
        .map(|mut stream| stream.next_u128())
        .collect();
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), 300);
}
