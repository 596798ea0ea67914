//! The order of waking, what a waiter leaves behind, and the same answers as tokio's watch.

use std::sync::{Arc, Mutex};
use std::task::Wake;

use proptest::prelude::*;

use super::*;

/// A waker that writes its number down.
struct Named(usize, Arc<Mutex<Vec<usize>>>);

impl Wake for Named {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

const NOBODY: [usize; 0] = [];

#[derive(Default)]
struct Log(Arc<Mutex<Vec<usize>>>);

impl Log {
    fn waker(&self, name: usize) -> Waker {
        Waker::from(Arc::new(Named(name, Arc::clone(&self.0))))
    }

    fn take(&self) -> Vec<usize> {
        mem::take(&mut self.0.lock().unwrap())
    }
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

#[test]
fn waiters_are_woken_in_the_order_in_which_they_began_to_wait() {
    let log = Log::default();
    let (tx, rx) = channel(0);
    let mut receivers = vec![rx; 20];
    let mut waits: Vec<_> = receivers.iter_mut().map(Receiver::changed).collect();
    let order = [7, 3, 19, 0, 4, 11, 12, 1];
    for &i in &order {
        assert!(poll(&mut waits[i], &log.waker(i)).is_pending());
    }
    // Polling again, with another waker even, does not lose the place.
    assert!(poll(&mut waits[7], &log.waker(7)).is_pending());
    tx.send(1).unwrap();
    assert_eq!(log.take(), order);
    tx.send(2).unwrap();
    assert_eq!(log.take(), NOBODY, "a waiter is woken once for each time that it was polled");
}

#[test]
fn a_cancelled_waiter_leaves_no_waker_behind() {
    let log = Log::default();
    let (tx, mut rx) = channel(0);
    let waker = log.waker(1);
    let held = |log: &Log| Arc::strong_count(&log.0);
    let before = held(&log);
    for _ in 0..100 {
        let mut wait = rx.changed();
        assert!(poll(&mut wait, &waker).is_pending());
        assert!(poll(&mut wait, &waker).is_pending());
    }
    assert_eq!(tx.shared.changes.len(), 0);
    {
        let mut closed = Box::pin(tx.closed());
        assert!(poll(&mut closed, &waker).is_pending());
        assert_eq!(tx.shared.farewells.len(), 1);
    }
    assert_eq!(tx.shared.farewells.len(), 0);
    assert_eq!(held(&log), before);
    tx.send(1).unwrap();
    assert_eq!(log.take(), NOBODY);
}

#[test]
fn a_change_is_seen_only_by_the_poll_that_returned_it() {
    let (tx, mut rx) = channel("a");
    {
        let mut wait = rx.changed();
        assert!(poll(&mut wait, Waker::noop()).is_pending());
        tx.send("b").unwrap();
    }
    assert_eq!(rx.has_changed(), Ok(true));
    assert_eq!(poll(&mut rx.changed(), Waker::noop()), Poll::Ready(Ok(())));
    assert_eq!(*rx.borrow(), "b");
}

#[test]
fn the_last_value_is_seen_before_the_end_is() {
    let (tx, mut rx) = channel(1);
    tx.send(2).unwrap();
    drop(tx);
    assert_eq!(rx.has_changed(), Err(Closed));
    assert_eq!(poll(&mut rx.changed(), Waker::noop()), Poll::Ready(Ok(())));
    assert_eq!(poll(&mut rx.changed(), Waker::noop()), Poll::Ready(Err(Closed)));
}

#[test]
fn wait_for_looks_at_the_present_value_first_and_at_the_last_one_too() {
    let log = Log::default();
    let (tx, mut rx) = channel(1);
    {
        let now = Box::pin(rx.wait_for(|v| *v == 1));
        let Poll::Ready(Ok(value)) = poll(&mut { now }, Waker::noop()) else { panic!("must be ready") };
        assert_eq!(*value, 1);
    }
    {
        let mut later = Box::pin(rx.wait_for(|v| *v >= 3));
        assert!(poll(&mut later, &log.waker(0)).is_pending());
        tx.send(2).unwrap();
        assert!(poll(&mut later, &log.waker(0)).is_pending());
        tx.send(3).unwrap();
        assert_eq!(log.take(), [0, 0]);
        assert!(matches!(poll(&mut later, Waker::noop()), Poll::Ready(Ok(v)) if *v == 3));
    }
    tx.send(9).unwrap();
    drop(tx);
    assert!(matches!(poll(&mut Box::pin(rx.wait_for(|v| *v == 9)), Waker::noop()), Poll::Ready(Ok(_))));
    assert!(matches!(poll(&mut Box::pin(rx.wait_for(|v| *v == 8)), Waker::noop()), Poll::Ready(Err(Closed))));
}

#[test]
fn a_sender_learns_that_the_last_receiver_went() {
    let log = Log::default();
    let (tx, rx) = channel(());
    let second = tx.subscribe();
    let mut closed = Box::pin(tx.closed());
    assert!(poll(&mut closed, &log.waker(5)).is_pending());
    drop(rx);
    assert_eq!(log.take(), NOBODY);
    drop(second);
    assert_eq!(log.take(), [5]);
    // A receiver that came back before the poll reopens the channel, as in tokio.
    let back = tx.subscribe();
    assert!(poll(&mut closed, &log.waker(5)).is_pending());
    drop(back);
    assert!(poll(&mut closed, &log.waker(5)).is_ready());
    assert_eq!(tx.send(()), Err(SendError(())));
}

#[test]
fn a_value_stored_from_another_thread_wakes_a_waiter() {
    let (tx, mut rx) = channel(0_u64);
    std::thread::scope(|scope| {
        scope.spawn(move || (1..=10_000).for_each(|n| tx.send_modify(|v| *v = n)));
        let parked = std::thread::current();
        struct Unpark(std::thread::Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(parked)));
        let mut last = 0;
        loop {
            let mut wait = rx.changed();
            let outcome = loop {
                match poll(&mut wait, &waker) {
                    Poll::Ready(outcome) => break outcome,
                    Poll::Pending => std::thread::park(),
                }
            };
            drop(wait);
            if outcome.is_err() {
                break;
            }
            let value = *rx.borrow_and_update();
            assert!(value >= last, "values must not go back");
            last = value;
        }
        assert_eq!(last, 10_000);
    });
}

#[derive(Clone, Debug)]
enum Op {
    Send(u8),
    Modify(u8, bool),
    CloneSender,
    DropSender,
    Subscribe,
    CloneReceiver(usize),
    DropReceiver(usize),
    Changed(usize),
    Update(usize),
    Look(usize),
    WaitFor(usize, u8),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => any::<u8>().prop_map(Op::Send),
        2 => any::<(u8, bool)>().prop_map(|(v, m)| Op::Modify(v, m)),
        1 => Just(Op::CloneSender),
        1 => Just(Op::DropSender),
        1 => Just(Op::Subscribe),
        1 => any::<usize>().prop_map(Op::CloneReceiver),
        1 => any::<usize>().prop_map(Op::DropReceiver),
        4 => any::<usize>().prop_map(Op::Changed),
        2 => any::<usize>().prop_map(Op::Update),
        2 => any::<usize>().prop_map(Op::Look),
        2 => any::<(usize, u8)>().prop_map(|(i, v)| Op::WaitFor(i, v)),
    ]
}

/// Runs operations on one of the two channels and writes every answer down. A macro, for the two share no trait.
macro_rules! transcript {
    ($channel:path, $ops:expr) => {{
        let (tx, rx) = $channel(0_u8);
        let (mut txs, mut rxs, mut out) = (vec![tx], vec![rx], Vec::new());
        for op in $ops {
            let line = match *op {
                Op::Send(v) => txs.first().map(|tx| format!("{:?}", tx.send(v).map_err(|e| e.0))),
                Op::Modify(v, m) => txs.first().map(|tx| {
                    let said = tx.send_if_modified(|place| {
                        if m {
                            *place = v;
                        }
                        m
                    });
                    format!("{said} {}", *tx.borrow())
                }),
                Op::CloneSender => txs.first().cloned().map(|tx| {
                    txs.push(tx);
                    String::new()
                }),
                Op::DropSender => txs.pop().map(|_| String::new()),
                Op::Subscribe => txs.first().map(|tx| {
                    rxs.push(tx.subscribe());
                    format!("{} {}", tx.receiver_count(), tx.is_closed())
                }),
                Op::CloneReceiver(i) if !rxs.is_empty() => {
                    let rx = rxs[i % rxs.len()].clone();
                    rxs.push(rx);
                    Some(String::new())
                }
                Op::DropReceiver(i) if !rxs.is_empty() => {
                    drop(rxs.swap_remove(i % rxs.len()));
                    Some(String::new())
                }
                Op::Changed(i) if !rxs.is_empty() => {
                    let i = i % rxs.len();
                    let mut wait = Box::pin(rxs[i].changed());
                    Some(format!("{:?}", poll(&mut wait, Waker::noop()).map(|r| r.is_ok())))
                }
                Op::Update(i) if !rxs.is_empty() => {
                    let i = i % rxs.len();
                    let value = rxs[i].borrow_and_update();
                    Some(format!("{} {}", *value, value.has_changed()))
                }
                Op::Look(i) if !rxs.is_empty() => {
                    let rx = &rxs[i % rxs.len()];
                    Some(format!("{} {:?}", *rx.borrow(), rx.has_changed().map_err(drop)))
                }
                Op::WaitFor(i, v) if !rxs.is_empty() => {
                    let i = i % rxs.len();
                    let mut wait = Box::pin(rxs[i].wait_for(|have| *have >= v));
                    Some(match poll(&mut wait, Waker::noop()) {
                        Poll::Pending => "pending".to_owned(),
                        Poll::Ready(r) => format!("{:?}", r.map(|v| (*v, v.has_changed())).map_err(drop)),
                    })
                }
                _ => None,
            };
            out.push(line);
        }
        out
    }};
}

proptest! {
    #[test]
    #[expect(clippy::disallowed_methods, reason = "tokio's watch is the reference that answers are compared with")]
    fn every_answer_is_the_one_that_tokio_gives(ops in prop::collection::vec(op(), 1..80)) {
        prop_assert_eq!(transcript!(channel, &ops), transcript!(tokio::sync::watch::channel, &ops));
    }
}
