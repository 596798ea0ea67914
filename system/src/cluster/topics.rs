//! Hearing of changed resources: once per node, however many of its clients and sessions are interested.
//!
//! A topic (a URI) has an owner, the leader of the group of its slot, which counts how often it was published. A node that
//! is interested keeps a question waiting there: these topics, as I know them; answer when one is newer. Nothing that the
//! owner knows outlives it: a new owner's numbers are larger than those of the one before, so whoever asks it next is told
//! of everything again. A change is told twice then; it is never missed (S8). Where no owner is found for long, this node is
//! cut off, and ends the streams of those who would hear nothing at it: elsewhere they may.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::oneshot;

use super::owner::Owner;
use super::route::{Wait, slot_of_topic};
use super::wire::{Answer, Ask};
use super::{Cluster, Trouble};
use crate::env::{Either, Env, Instant, Task as _, deadline, race, reachable};
use crate::group::Command;
use crate::ids::GroupId;
use crate::watch;

/// How long to wait before an owner that could not be reached is asked again.
const PAUSE_MS: u64 = 250;

/// See the [module](self) page.
pub(super) struct Topics {
    state: Mutex<State>,
    /// Rises when the set of topics may have changed.
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    /// How many clients of this node hold a topic.
    held: BTreeMap<Box<str>, usize>,
    /// Each topic of this node whose owner was heard.
    known: BTreeMap<Box<str>, Known>,
    /// Topics whose owner was not found for long: until it is, nobody is promised to hear of them here.
    lost: BTreeSet<Box<str>>,
    /// Those who wait until an owner knows of a topic.
    waiting: BTreeMap<Box<str>, Vec<oneshot::Sender<()>>>,
    /// Topics of sessions that came to this node: what the node before may not have told is told again.
    inherited: BTreeSet<Box<str>>,
    /// Changes that the sessions of a group could not be told of yet.
    untold: BTreeSet<(GroupId, Box<str>)>,
}

/// What was heard of a topic.
#[derive(Clone, Copy)]
struct Known {
    /// The group of its owner.
    group: GroupId,
    /// Its number there.
    version: u64,
}

/// Less than any number that an owner gives, and more than what is said to be known of a topic that was never heard of.
const VERSION_MIN: u64 = 1;

impl Topics {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), changed: watch::channel(0).0 }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("topics must not be poisoned")
    }

    /// Somebody's interest changed.
    pub(super) fn changed(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    /// The channel that tells of changed interest.
    pub(super) fn sender(&self) -> watch::Sender<u64> {
        self.changed.clone()
    }

    /// Sessions that subscribed to these came to this node.
    pub(super) fn inherit(&self, uris: BTreeSet<Box<str>>) {
        self.state().inherited.extend(uris);
        self.changed();
    }
}

impl<E: Env> Cluster<E> {
    /// A client of this node wants to hear of these. To be let go of as often as it was held.
    pub(crate) fn hold<'a>(&self, uris: impl IntoIterator<Item = &'a str>) {
        let mut any = false;
        {
            let state = &mut *self.0.topics.state();
            for uri in uris {
                *state.held.entry(uri.into()).or_insert(0) += 1;
                any = true;
            }
        }
        if any {
            self.0.topics.changed();
        }
    }

    /// Lets go of what was held.
    pub(crate) fn release<'a>(&self, uris: impl IntoIterator<Item = &'a str>) {
        let mut any = false;
        {
            let state = &mut *self.0.topics.state();
            for uri in uris {
                if let Some(count) = state.held.get_mut(uri) {
                    *count -= 1;
                    if *count == 0 {
                        state.held.remove(uri);
                        any = true;
                    }
                }
            }
        }
        if any {
            self.0.topics.changed();
        }
    }

    /// Waits until the owner of a topic knows that this node is interested: what is published from then on is heard.
    ///
    /// # Errors
    /// [`Trouble::Unavailable`] when the owner could not be reached in time.
    pub(crate) async fn heard(&self, uri: &str, due: Instant) -> Result<(), Trouble> {
        let waiter = {
            let state = &mut *self.0.topics.state();
            if state.known.contains_key(uri) && !state.lost.contains(uri) {
                return Ok(());
            }
            let (sender, receiver) = oneshot::channel();
            let waiters = state.waiting.entry(uri.into()).or_default();
            waiters.retain(|waiter| !waiter.is_closed());
            waiters.push(sender);
            receiver
        };
        self.0.topics.changed();
        match deadline(&self.0.env, due, waiter).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Trouble::Unavailable),
        }
    }

    /// A resource changed. Told to its topic's owner in the background, for as long as that may take.
    pub(crate) fn publish(&self, uri: &str) {
        let (cluster, uri): (Self, Box<str>) = (self.clone(), uri.into());
        self.0.env.spawn("publish", async move {
            let ask = Ask::Publish { uri: uri.clone() };
            let due = cluster.0.env.now().after_ms(60_000);
            let told = cluster.done(slot_of_topic(&uri), ask, due);
            if let Either::Left(Err(error)) = race(told, cluster.0.life.stopped()).await {
                tracing::warn!("a change of {uri} could not be told to the cluster: {error}");
            }
        });
    }

    /// Keeps the questions at the owners of topics as this node's interest is.
    pub(super) async fn follow_topics(self) {
        let mut changed = self.0.topics.changed.subscribe();
        let mut asked: BTreeMap<GroupId, (BTreeSet<Box<str>>, E::Task)> = BTreeMap::new();
        loop {
            let wanted = self.wanted_topics();
            let gone: Vec<GroupId> =
                asked.keys().filter(|group| !wanted.contains_key(group)).copied().collect();
            for group in gone {
                if let Some((_, task)) = asked.remove(&group) {
                    task.abort();
                }
            }
            for (group, uris) in wanted {
                if asked.get(&group).is_some_and(|(known, _)| *known == uris) {
                    continue;
                }
                let cluster = self.clone();
                let mine = uris.clone();
                let task = self.0.env.spawn("topics", async move { cluster.listen(group, mine).await });
                if let Some((_, before)) = asked.insert(group, (uris, task)) {
                    before.abort();
                }
            }
            self.tell_inherited().await;
            match race(changed.changed(), self.0.life.stopped()).await {
                Either::Left(Ok(())) => {}
                Either::Left(Err(_)) | Either::Right(()) => break,
            }
        }
        asked.into_values().for_each(|(_, task)| task.abort());
    }

    /// What this node wants to hear of, by the group that owns it; what it no longer wants is forgotten.
    fn wanted_topics(&self) -> BTreeMap<GroupId, BTreeSet<Box<str>>> {
        let inner = &self.0;
        let mut uris: BTreeSet<Box<str>> = inner.topics.state().held.keys().cloned().collect();
        for owner in inner.owners_sorted() {
            if owner.leading().is_some() {
                uris.append(&mut owner.interest());
            }
        }
        {
            let state = &mut *inner.topics.state();
            // Whoever waits for a topic holds it, or is about to.
            uris.extend(state.waiting.keys().cloned());
            state.known.retain(|uri, _| uris.contains(uri));
            state.lost.retain(|uri| uris.contains(uri));
        }
        let view = inner.view();
        let mut wanted: BTreeMap<GroupId, BTreeSet<Box<str>>> = BTreeMap::new();
        for uri in uris {
            if let Some(group) = view.group_of(slot_of_topic(&uri)) {
                wanted.entry(group).or_default().insert(uri);
            }
        }
        wanted
    }

    /// Keeps a question at the owner of a group of topics.
    async fn listen(&self, group: GroupId, uris: BTreeSet<Box<str>>) {
        let inner = &self.0;
        loop {
            let known: Vec<(Box<str>, u64)> = {
                let state = inner.topics.state();
                let version = |uri: &str| match state.known.get(uri) {
                    None => 0,
                    Some(known) if known.group == group => known.version,
                    // Another group's owner counted from elsewhere: what this one has heard of is news.
                    Some(_) => VERSION_MIN,
                };
                uris.iter().map(|uri| (uri.clone(), version(uri))).collect()
            };
            match self.ask_group(group, Ask::Topics { known }, Wait::Patiently).await {
                Ok(Answer::Topics(newer)) => {
                    for (uri, version) in newer {
                        if self.note_topic(&uri, Known { group, version }) {
                            self.tell_updated(&uri).await;
                        }
                    }
                    self.tell_inherited().await;
                }
                other => {
                    if other.is_err() {
                        self.lose(&uris);
                    }
                    let pause_ms = PAUSE_MS + inner.below(PAUSE_MS);
                    inner.env.sleep_until(inner.env.now().after_ms(pause_ms)).await;
                }
            }
        }
    }

    /// Nobody was found who would tell this node of changes: its listeners are let go, before they miss one for ever.
    fn lose(&self, uris: &BTreeSet<Box<str>>) {
        reachable!(self.0.env, ListenersLetGo);
        self.0.topics.state().lost.extend(uris.iter().cloned());
        if let Some(edge) = self.0.edge() {
            edge.resources_lost(uris);
        }
    }

    /// Notes a topic's number. True where it was heard before, so that this is a change.
    fn note_topic(&self, uri: &str, known: Known) -> bool {
        let state = &mut *self.0.topics.state();
        let before = state.known.insert(uri.into(), known);
        state.lost.remove(uri);
        // Dropping the senders would say that nothing came of it.
        for waiter in state.waiting.remove(uri).into_iter().flatten() {
            // Whoever no longer waits need not hear of it.
            let _ = waiter.send(());
        }
        before.is_some()
    }

    /// Tells sessions that came to this node of what may have changed on the way, once their topics are heard here.
    async fn tell_inherited(&self) {
        let ready: Vec<Box<str>> = {
            let state = &mut *self.0.topics.state();
            let (ready, later) = std::mem::take(&mut state.inherited)
                .into_iter()
                .partition(|uri| state.known.contains_key(uri));
            state.inherited = later;
            Vec::from_iter::<BTreeSet<Box<str>>>(ready)
        };
        for uri in ready {
            self.tell_updated(&uri).await;
        }
    }

    /// A topic changed: tells this node's listeners, and the sessions of the groups that it leads.
    async fn tell_updated(&self, uri: &str) {
        let inner = &self.0;
        let Some(edge) = inner.edge() else { return };
        edge.resource_updated(uri);
        for owner in inner.owners_sorted() {
            if !self.tell_sessions(&owner, uri).await {
                self.tell_later(owner, uri.into());
            }
        }
    }

    /// Tells the sessions of a group, where this node leads it. False where it still does and could not tell them: a leader
    /// that hands over takes nothing, and need not find anybody to hand over to.
    async fn tell_sessions(&self, owner: &Owner<E>, uri: &str) -> bool {
        let (Some(term), Some(edge)) = (owner.leading(), self.0.edge()) else { return true };
        if owner.kept().state.subscribers(uri) == 0 {
            return true;
        }
        let command = Command::ResourceUpdated { uri: uri.into(), data: edge.update_notice(uri) };
        let answer = owner.propose(self.0.request_id(), command).await;
        // Where this node no longer leads, whoever does inherits the topic and tells it.
        matches!(answer, Answer::Done) || owner.leading() != Some(term)
    }

    /// Tells the sessions of a group as soon as that can be done.
    fn tell_later(&self, owner: Arc<Owner<E>>, uri: Box<str>) {
        let change = (owner.id, uri);
        if !self.0.topics.state().untold.insert(change.clone()) {
            return;
        }
        reachable!(self.0.env, ToldLater);
        let cluster = self.clone();
        self.0.env.spawn("tell later", async move {
            let inner = &cluster.0;
            loop {
                inner.env.sleep_until(inner.env.now().after_ms(PAUSE_MS + inner.below(PAUSE_MS))).await;
                if inner.life.is_stopping() {
                    return;
                }
                // Before they are told: a change that comes meanwhile has to be told after this one.
                inner.topics.state().untold.remove(&change);
                let is_told = cluster.tell_sessions(&owner, &change.1).await;
                if is_told || !inner.topics.state().untold.insert(change.clone()) {
                    return;
                }
            }
        });
    }
}
