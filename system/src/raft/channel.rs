//! The engine's channels and its lock: tokio's, whose waiters queue in order, and our own watch.

use std::future::Future;

use openraft::async_runtime as engine;
use openraft::async_runtime::watch::SendError as NotStored;
use tokio::sync::{Mutex, MutexGuard, mpsc, oneshot};

use crate::watch;

/// Bounded queues.
pub(super) struct Queues;
pub(super) struct Sender<T>(mpsc::Sender<T>);
pub(super) struct WeakSender<T>(mpsc::WeakSender<T>);
pub(super) struct Receiver<T>(mpsc::Receiver<T>);

impl engine::Mpsc for Queues {
    type Sender<T: Send> = Sender<T>;
    type Receiver<T: Send> = Receiver<T>;
    type WeakSender<T: Send> = WeakSender<T>;

    fn channel<T: Send>(buffer: usize) -> (Sender<T>, Receiver<T>) {
        let (sender, receiver) = mpsc::channel(buffer);
        (Sender(sender), Receiver(receiver))
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Send> engine::MpscSender<Queues, T> for Sender<T> {
    async fn send(&self, message: T) -> Result<(), engine::SendError<T>> {
        self.0.send(message).await.map_err(|error| engine::SendError(error.0))
    }

    fn downgrade(&self) -> WeakSender<T> {
        WeakSender(self.0.downgrade())
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Send> engine::MpscWeakSender<Queues, T> for WeakSender<T> {
    fn upgrade(&self) -> Option<Sender<T>> {
        self.0.upgrade().map(Sender)
    }
}

impl<T: Send> engine::MpscReceiver<T> for Receiver<T> {
    async fn recv(&mut self) -> Option<T> {
        self.0.recv().await
    }

    fn try_recv(&mut self) -> Result<T, engine::TryRecvError> {
        self.0.try_recv().map_err(|error| match error {
            mpsc::error::TryRecvError::Empty => engine::TryRecvError::Empty,
            mpsc::error::TryRecvError::Disconnected => engine::TryRecvError::Disconnected,
        })
    }
}

/// Channels for one value.
pub(super) struct Once;
pub(super) struct OnceSender<T>(oneshot::Sender<T>);

impl engine::Oneshot for Once {
    type Sender<T: Send> = OnceSender<T>;
    type Receiver<T: Send> = oneshot::Receiver<T>;
    type ReceiverError = oneshot::error::RecvError;

    fn channel<T: Send>() -> (OnceSender<T>, oneshot::Receiver<T>) {
        let (sender, receiver) = oneshot::channel();
        (OnceSender(sender), receiver)
    }
}

impl<T: Send> engine::OneshotSender<T> for OnceSender<T> {
    fn send(self, value: T) -> Result<(), T> {
        self.0.send(value)
    }
}

/// Channels for the last value.
pub(super) struct Watches;
pub(super) struct WatchSender<T>(watch::Sender<T>);
pub(super) struct WatchReceiver<T>(watch::Receiver<T>);

impl engine::Watch for Watches {
    type Sender<T: Send + Sync> = WatchSender<T>;
    type Receiver<T: Send + Sync> = WatchReceiver<T>;
    type Ref<'a, T: Send + 'a> = watch::Ref<'a, T>;

    fn channel<T: Send + Sync>(first: T) -> (WatchSender<T>, WatchReceiver<T>) {
        let (sender, receiver) = watch::channel(first);
        (WatchSender(sender), WatchReceiver(receiver))
    }
}

impl<T> Clone for WatchSender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Send + Sync> engine::WatchSender<Watches, T> for WatchSender<T> {
    fn send(&self, value: T) -> Result<(), NotStored<T>> {
        self.0.send(value).map_err(|error| NotStored(error.0))
    }

    fn send_if_modified<F>(&self, modify: F) -> bool
    where
        F: FnOnce(&mut T) -> bool,
    {
        self.0.send_if_modified(modify)
    }

    fn borrow_watched(&self) -> watch::Ref<'_, T> {
        self.0.borrow()
    }

    fn subscribe(&self) -> WatchReceiver<T> {
        WatchReceiver(self.0.subscribe())
    }
}

impl<T> Clone for WatchReceiver<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Send + Sync> engine::WatchReceiver<Watches, T> for WatchReceiver<T> {
    async fn changed(&mut self) -> Result<(), engine::RecvError> {
        self.0.changed().await.map_err(|_| engine::RecvError(()))
    }

    fn borrow_watched(&self) -> watch::Ref<'_, T> {
        self.0.borrow()
    }

    fn borrow_and_update(&mut self) -> watch::Ref<'_, T> {
        self.0.borrow_and_update()
    }
}

/// A lock that may be held across awaits.
pub(super) struct Exclusive<T>(Mutex<T>);

impl<T: Send + 'static> engine::Mutex<T> for Exclusive<T> {
    type Guard<'a> = MutexGuard<'a, T>;

    fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    fn lock(&self) -> impl Future<Output = MutexGuard<'_, T>> + Send {
        self.0.lock()
    }
}
