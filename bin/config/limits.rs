//! `[limits]`: every field of [`Limits`], under its own name.

use std::ops::RangeInclusive;

use switchboard::limits::Limits;

use super::reader::{Reader, Table};

const GIB: u64 = 1024 * 1024 * 1024;
const MONTH_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

/// Sizes. A message that is larger than this is a mistake in the unit.
const BYTES: RangeInclusive<u64> = 1..=GIB;
/// Times that must pass.
const MS: RangeInclusive<u64> = 1..=MONTH_MS;
/// Times that may be left out.
const MS_OR_NONE: RangeInclusive<u64> = 0..=MONTH_MS;
/// What a node cannot do without.
const COUNT: RangeInclusive<u64> = 1..=100_000_000;
/// What a node can do without: zero switches it off.
const COUNT_OR_NONE: RangeInclusive<u64> = 0..=100_000_000;

/// A limit: its name, where it is kept, and what it may be.
struct Entry<'l> {
    name: &'static str,
    slot: Slot<'l>,
    range: RangeInclusive<u64>,
}

enum Slot<'l> {
    Count(&'l mut usize),
    Ms(&'l mut u64),
}

impl<'l> From<&'l mut usize> for Slot<'l> {
    fn from(slot: &'l mut usize) -> Self {
        Self::Count(slot)
    }
}

impl<'l> From<&'l mut u64> for Slot<'l> {
    fn from(slot: &'l mut u64) -> Self {
        Self::Ms(slot)
    }
}

impl Slot<'_> {
    fn value(&self) -> u64 {
        match self {
            Self::Count(slot) => u64::try_from(**slot).unwrap_or(u64::MAX),
            Self::Ms(slot) => **slot,
        }
    }

    fn set(&mut self, value: u64) {
        match self {
            Self::Count(slot) => **slot = usize::try_from(value).expect("a limit must fit the machine"),
            Self::Ms(slot) => **slot = value,
        }
    }
}

/// The fields by name. Taking `Limits` apart without `..` makes a new field an error here until it is listed.
macro_rules! fields {
    ($($field:ident: $range:expr,)*) => {
        /// The names, in the order of `Limits`.
        pub(super) const NAMES: &[&str] = &[$(stringify!($field)),*];

        fn entries(limits: &mut Limits) -> Vec<Entry<'_>> {
            let Limits { $($field),* } = limits;
            vec![$(Entry { name: stringify!($field), slot: Slot::from($field), range: $range }),*]
        }
    };
}

fields! {
    message_bytes_max: BYTES,
    depth_max: 1..=1_000,
    batch_len_max: COUNT,
    request_state_bytes_max: BYTES,
    request_state_ms_max: MS,
    page_len: COUNT,
    connections_max: COUNT,
    header_bytes_max: BYTES,
    headers_len_max: 1..=10_000,
    header_ms_max: MS,
    body_ms_max: MS,
    idle_ms_max: MS,
    write_stall_ms_max: MS,
    farewell_ms_max: MS_OR_NONE,
    requests_per_connection_max: COUNT,
    stream_queue_bytes_max: BYTES,
    stream_log_events_max: COUNT,
    stream_log_bytes_max: BYTES,
    keep_alive_ms: MS,
    retry_ms: MS_OR_NONE,
    sessions_max: COUNT_OR_NONE,
    session_idle_ms_max: MS,
    session_grace_ms: MS_OR_NONE,
    streams_per_session_max: COUNT,
    calls_per_session_max: COUNT,
    subscriptions_per_session_max: COUNT_OR_NONE,
    listens_max: COUNT_OR_NONE,
    call_ms_max: MS,
    ask_ms_max: MS,
    tasks_max: COUNT_OR_NONE,
    task_ttl_ms: MS,
    task_ttl_ms_max: MS,
    drain_ms_max: MS_OR_NONE,
}

/// Reads the section into `limits`, and notes every conflict between limits.
pub(super) fn read(reader: &mut Reader<'_>, table: &Table<'_>, limits: &mut Limits) {
    for Entry { name, mut slot, range } in entries(limits) {
        if let Some(value) = reader.number(table, name, range) {
            slot.set(value);
        }
    }
    while let Some(conflict) = limits.conflict() {
        let involved = named_in(conflict);
        let values: Vec<String> = entries(limits)
            .into_iter()
            .filter(|entry| involved.contains(&entry.name))
            .map(|entry| format!("{} is {}", entry.name, entry.slot.value()))
            .collect();
        let first = involved.iter().map(|name| format!("limits.{name}")).find(|path| reader.is_set(path));
        reader.refuse(first.as_deref().unwrap_or("limits"), format!("{conflict} ({})", values.join(", ")));
        if involved.is_empty() {
            return;
        }
        // Put aside, so that the next conflict shows too.
        reset(limits, &involved);
    }
}

/// The limits that are not what they are by default, and their values.
#[must_use]
pub fn changed_limits(limits: &Limits) -> Vec<(&'static str, u64)> {
    let (mut limits, mut defaults) = (limits.clone(), Limits::DEFAULT);
    let pairs = entries(&mut limits).into_iter().zip(entries(&mut defaults));
    pairs
        .filter(|(set, default)| set.slot.value() != default.slot.value())
        .map(|(set, _)| (set.name, set.slot.value()))
        .collect()
}

fn reset(limits: &mut Limits, names: &[&str]) {
    let mut defaults = Limits::DEFAULT;
    for (mut entry, default) in entries(limits).into_iter().zip(entries(&mut defaults)) {
        if names.contains(&entry.name) {
            entry.slot.set(default.slot.value());
        }
    }
}

/// The limits that a sentence speaks of.
fn named_in(sentence: &str) -> Vec<&'static str> {
    let words: Vec<&str> = sentence.split(|c: char| !c.is_ascii_lowercase() && c != '_').collect();
    NAMES.iter().copied().filter(|name| words.contains(name)).collect()
}
