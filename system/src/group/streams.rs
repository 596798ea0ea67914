//! What commands do with streams.

use std::sync::Arc;

use bytes::Bytes;

use super::command::{Change, Refusal, Reply};
use super::machine::{Group, Outcome};
use super::stream::{Life, Stream};
use crate::ids::{Executor, Incarnation, SessionId, StreamId};
use crate::jsonrpc::Raw;

/// Names a stream.
pub(super) type Key = (SessionId, StreamId);

impl Group {
    pub(super) fn open_stream(&mut self, id: SessionId, requests: Vec<Raw>, executor: Executor) -> Outcome {
        let streams_max = self.bounds.streams_max;
        let streams = self.session(id)?.streams;
        let bytes: usize = requests.iter().map(|request| request.bytes().len()).sum();
        if requests.len() > self.bounds.stream_requests_max || bytes > self.bounds.request_bytes_max {
            return Err(Refusal::TooLarge);
        }
        if requests.iter().any(|request| self.find(id, request).is_some()) {
            return Err(Refusal::DuplicateId);
        }
        if self.tasks.is_gone(executor) {
            return Err(Refusal::ExecutorGone);
        }
        if self.held_bytes > self.bounds.held_bytes_max {
            return Err(Refusal::Full);
        }
        if streams >= streams_max {
            let calls = self.streams.range((id, StreamId(1))..=(id, StreamId(u64::MAX)));
            let finished =
                calls.into_iter().find(|(_, stream)| stream.ended().is_some()).map(|(key, _)| *key);
            self.let_go(finished.ok_or(Refusal::TooManyStreams)?);
        }
        let session = self.session(id)?;
        session.last_stream += 1;
        session.streams += 1;
        let stream = StreamId(session.last_stream);
        self.streams.insert((id, stream), Stream::of_calls(requests, executor));
        self.by_executor.insert((executor, id, stream));
        Ok((Reply::Stream(stream), true))
    }

    /// The number of the next event.
    pub(super) fn append(
        &mut self,
        key: Key,
        (first, events): (u64, Vec<Bytes>),
        answered: &[Raw],
        finish: bool,
        taken: u64,
    ) -> Result<u64, Refusal> {
        self.session(key.0)?;
        self.check_size(&events)?;
        let is_full = self.held_bytes > self.bounds.held_bytes_max;
        let place = self.streams.get_mut(&key).filter(|stream| stream.executor.is_some());
        let stream = place.ok_or(Refusal::NoStream)?;
        let known = stream.known(first, events.len(), self.bounds.tasks.flaw)?;
        // All of them, or it is a copy from before others: what finishes must be the last.
        let finishes = finish && stream.life == Life::Open && stream.next() - first <= events.len() as u64;
        self.repeats.appends += u64::from(known > 0);
        if known == events.len() && !finishes {
            return Ok(stream.next());
        }
        // What ends a call is always taken: someone waits for it, and memory is freed only by ends.
        if is_full && !finishes {
            return Err(Refusal::Full);
        }
        let before = stream.cost();
        for data in events.into_iter().skip(known) {
            stream.push(None, data);
        }
        stream.trim(taken, &self.bounds);
        stream.answer(answered);
        if finishes {
            stream.finish(self.now);
        }
        let next = stream.next();
        self.touched(key, before);
        if finishes {
            self.ended(key);
        }
        Ok(next)
    }

    fn check_size(&self, events: &[Bytes]) -> Result<(), Refusal> {
        let bytes: usize = events.iter().map(Bytes::len).sum();
        let fits = events.len() <= self.bounds.append_events_max && bytes <= self.bounds.append_bytes_max;
        if fits { Ok(()) } else { Err(Refusal::TooLarge) }
    }

    pub(super) fn offer(
        &mut self,
        id: SessionId,
        topic: Option<Arc<str>>,
        data: Bytes,
        taken: u64,
    ) -> Outcome {
        self.session(id)?;
        let too_long = topic.as_ref().is_some_and(|topic| topic.len() > self.bounds.uri_bytes_max);
        if too_long || data.len() > self.bounds.append_bytes_max {
            return Err(Refusal::TooLarge);
        }
        if topic.is_none() && self.held_bytes > self.bounds.held_bytes_max {
            return Err(Refusal::Full);
        }
        self.tell(id, &[(topic, data)], taken);
        Ok((Reply::Done, true))
    }

    pub(super) fn lists_changed(
        &mut self,
        version: u64,
        notices: &[(Arc<str>, Bytes)],
    ) -> Result<(), Refusal> {
        if version <= self.lists_version {
            return Ok(());
        }
        let bytes: usize = notices.iter().map(|(topic, data)| topic.len() + data.len()).sum();
        if notices.len() > self.bounds.append_events_max || bytes > self.bounds.append_bytes_max {
            return Err(Refusal::TooLarge);
        }
        self.lists_version = version;
        let notices: Vec<_> =
            notices.iter().map(|(topic, data)| (Some(Arc::clone(topic)), data.clone())).collect();
        let sessions: Vec<_> = self.sessions.keys().copied().collect();
        for id in sessions {
            self.tell(id, &notices, 0);
        }
        Ok(())
    }

    pub(super) fn resource_updated(&mut self, uri: &Arc<str>, data: &Bytes) -> Outcome {
        if data.len() > self.bounds.append_bytes_max {
            return Err(Refusal::TooLarge);
        }
        let sessions: Vec<_> = self.by_uri.get(uri).into_iter().flatten().copied().collect();
        // The prefix keeps a resource from replacing the notices of another matter, whatever its URI is.
        let notice = [(Some(Arc::from(format!("resource {uri}"))), data.clone())];
        for id in sessions {
            self.tell(id, &notice, 0);
        }
        // A copy that comes after its first was forgotten tells once more of a resource that changed: no harm. So these
        // many must not fill the memory of those that need it.
        Ok((Reply::Done, false))
    }

    /// Appends to a session's standalone stream.
    fn tell(&mut self, id: SessionId, notices: &[(Option<Arc<str>>, Bytes)], taken: u64) {
        let key = (id, StreamId(0));
        let stream = self.streams.entry(key).or_insert_with(Stream::standalone);
        let before = stream.cost();
        for (topic, data) in notices {
            stream.push(topic.clone(), data.clone());
        }
        stream.trim(taken, &self.bounds);
        self.touched(key, before);
    }

    pub(super) fn executor_gone(&mut self, executor: Executor, error: &Raw) -> Result<(), Refusal> {
        if error.bytes().len() > self.bounds.request_bytes_max {
            return Err(Refusal::TooLarge);
        }
        let first =
            (Executor { node: executor.node, incarnation: Incarnation(0) }, SessionId(0), StreamId(0));
        let last = (executor, SessionId(u128::MAX), StreamId(u64::MAX));
        let keys: Vec<Key> =
            self.by_executor.range(first..=last).map(|(_, id, stream)| (*id, *stream)).collect();
        for key in keys {
            let stream = self.streams.get_mut(&key).expect("what is worked on must be there");
            let before = stream.cost();
            stream.abandon(self.now, error);
            stream.trim(0, &self.bounds);
            self.touched(key, before);
            self.ended(key);
        }
        self.tasks.executor_gone(self.now, executor, error);
        Ok(())
    }

    /// A stream, which cost `before`, has other events now.
    fn touched(&mut self, key: Key, before: usize) {
        self.held_bytes = self.held_bytes - before + self.streams[&key].cost();
        self.changes.push_back(Change::StreamChanged(key.0, key.1));
    }

    /// A stream takes no more events.
    fn ended(&mut self, key: Key) {
        let stream = &self.streams[&key];
        let executor = stream.executor.expect("only a call's stream must end");
        let at = stream.ended().expect("who ended must know when");
        self.by_executor.remove(&(executor, key.0, key.1));
        self.by_end.insert((at.after_ms(self.bounds.finished_ttl_ms), key.0, key.1));
    }

    /// Lets go of a stream, which is given to whoever has another use for it.
    pub(super) fn let_go(&mut self, key: Key) -> Stream {
        let stream = self.streams.remove(&key).expect("what is let go of must be there");
        self.held_bytes -= stream.cost();
        if let Some(executor) = stream.executor {
            self.by_executor.remove(&(executor, key.0, key.1));
        }
        if let Some(at) = stream.ended() {
            self.by_end.remove(&(at.after_ms(self.bounds.finished_ttl_ms), key.0, key.1));
        }
        if let Some(session) = self.sessions.get_mut(&key.0)
            && key.1 != StreamId(0)
        {
            session.streams -= 1;
        }
        self.changes.push_back(Change::StreamChanged(key.0, key.1));
        stream
    }
}
