//! The map of the cluster as this node knows it: read on every way to an owner, replaced when the control group decides.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::control::ClusterMap;
use crate::ids::Epoch;
use crate::watch;

/// See the [module](self) page.
pub(super) struct View {
    map: ArcSwap<ClusterMap>,
    epoch: watch::Sender<Epoch>,
}

impl View {
    pub(super) fn new(map: ClusterMap) -> Self {
        let epoch = watch::channel(map.epoch()).0;
        Self { map: ArcSwap::from_pointee(map), epoch }
    }

    /// The map now.
    pub(super) fn now(&self) -> Arc<ClusterMap> {
        self.map.load_full()
    }

    /// Takes a newer map. An older one is no news: a node never goes back (S10).
    pub(super) fn take(&self, map: Arc<ClusterMap>) {
        self.epoch.send_if_modified(|epoch| {
            let newer = map.epoch() > *epoch;
            if newer {
                *epoch = map.epoch();
                self.map.store(map);
            }
            newer
        });
    }

    /// Follows the epoch.
    pub(super) fn watch(&self) -> watch::Receiver<Epoch> {
        self.epoch.subscribe()
    }
}
