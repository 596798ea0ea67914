//! What is done in the file: the tables, one write transaction for everything, and the reads. All of it blocks.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use redb::{Database, ReadableDatabase, Table, TableDefinition, WriteTransaction};

use super::file::OpenError;
use super::log::Tail;
use super::{Bounds, Scope};
use crate::ids::GroupId;

type LogKey = (u64, u64);
type PairKey = (u64, &'static str);

/// (group, index) to entry.
const LOG: TableDefinition<'static, LogKey, &[u8]> = TableDefinition::new("log");
/// (group, key) to value.
const PAIRS: TableDefinition<'static, PairKey, &[u8]> = TableDefinition::new("pairs");
/// Group to snapshot. A table of its own: a large value beside small ones would be rewritten with each of them.
const SNAPSHOTS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("snapshots");

const FORMAT_KEY: &str = "format";
const FORMAT: u64 = 1;

/// What a write costs in the queue beside its bytes.
const OVERHEAD_BYTES: usize = 128;

/// One thing to write.
pub(super) enum Write {
    Append { group: GroupId, first: u64, entries: Vec<Bytes>, era: u64 },
    Truncate { group: GroupId, from: u64 },
    Purge { group: GroupId, below: u64 },
    Put { scope: Scope, key: &'static str, value: Bytes },
    Snapshot { group: GroupId, snapshot: Bytes },
    Forget { group: GroupId },
}

impl Write {
    pub(super) fn weight(&self) -> usize {
        OVERHEAD_BYTES
            + match self {
                Self::Append { entries, .. } => {
                    entries.iter().map(|entry| entry.len() + OVERHEAD_BYTES).sum()
                }
                Self::Put { value, .. } => value.len(),
                Self::Snapshot { snapshot, .. } => snapshot.len(),
                Self::Truncate { .. } | Self::Purge { .. } | Self::Forget { .. } => 0,
            }
    }

    /// Makes it visible to readers.
    pub(super) fn show(mut self, tails: &mut BTreeMap<GroupId, Tail>) -> Self {
        let known = "the bounds of a log must be asked for before it is used";
        match &mut self {
            Self::Append { group, first, entries, era } => {
                *era = tails.get_mut(group).expect(known).append(*first, entries);
            }
            Self::Truncate { group, from } => tails.get_mut(group).expect(known).truncate(*from),
            Self::Purge { group, below } => tails.get_mut(group).expect(known).purge(*below),
            Self::Forget { group } => {
                tails.remove(group);
            }
            Self::Put { .. } | Self::Snapshot { .. } => {}
        }
        self
    }
}

fn number(scope: Scope) -> u64 {
    match scope {
        Scope::Group(GroupId(group)) => group,
        Scope::Node => u64::MAX,
    }
}

pub(super) fn create_tables(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(LOG)?;
    transaction.open_table(SNAPSHOTS)?;
    let format = FORMAT.to_le_bytes();
    transaction.open_table(PAIRS)?.insert((number(Scope::Node), FORMAT_KEY), format.as_slice())?;
    transaction.commit()?;
    Ok(())
}

pub(super) fn check_format(database: &Database) -> Result<(), OpenError> {
    let value = get(database, Scope::Node, FORMAT_KEY)?;
    let bytes = value.as_deref().and_then(|bytes| bytes.try_into().ok());
    let found = u64::from_le_bytes(bytes.ok_or_else(|| OpenError::Damaged("it names no format".to_owned()))?);
    if found > FORMAT { Err(OpenError::Format { found, known: FORMAT }) } else { Ok(()) }
}

/// Writes everything, in order, and returns once it is durable.
pub(super) fn commit<'a>(
    database: &Database,
    writes: impl Iterator<Item = &'a Write>,
    lazy: &BTreeMap<(Scope, &'static str), Bytes>,
) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut tables = Tables { transaction: &transaction, log: None, pairs: None };
        for ((scope, key), value) in lazy {
            tables.pairs()?.insert((number(*scope), *key), value.as_ref())?;
        }
        for write in writes {
            tables.write(write)?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// The tables of a transaction. Each is opened once it is needed: to open one is to write where it begins.
struct Tables<'a> {
    transaction: &'a WriteTransaction,
    log: Option<Table<'a, LogKey, &'static [u8]>>,
    pairs: Option<Table<'a, PairKey, &'static [u8]>>,
}

impl<'a> Tables<'a> {
    fn log(&mut self) -> Result<&mut Table<'a, LogKey, &'static [u8]>, redb::Error> {
        Ok(match &mut self.log {
            Some(log) => log,
            none => none.insert(self.transaction.open_table(LOG)?),
        })
    }

    fn pairs(&mut self) -> Result<&mut Table<'a, PairKey, &'static [u8]>, redb::Error> {
        Ok(match &mut self.pairs {
            Some(pairs) => pairs,
            none => none.insert(self.transaction.open_table(PAIRS)?),
        })
    }

    fn write(&mut self, write: &Write) -> Result<(), redb::Error> {
        match write {
            Write::Append { group, first, entries, .. } => {
                for (index, entry) in (*first..).zip(entries) {
                    self.log()?.insert((group.0, index), entry.as_ref())?;
                }
            }
            Write::Truncate { group, from } => {
                self.log()?.retain_in((group.0, *from)..=(group.0, u64::MAX), |_, _| false)?;
            }
            Write::Purge { group, below } => {
                self.log()?.retain_in((group.0, 0)..(group.0, *below), |_, _| false)?;
            }
            Write::Put { scope, key, value } => {
                self.pairs()?.insert((number(*scope), *key), value.as_ref())?;
            }
            Write::Snapshot { group, snapshot } => {
                self.transaction.open_table(SNAPSHOTS)?.insert(group.0, snapshot.as_ref())?;
            }
            Write::Forget { group } => {
                self.log()?.retain_in((group.0, 0)..=(group.0, u64::MAX), |_, _| false)?;
                self.pairs()?.retain_in((group.0, "")..(group.0 + 1, ""), |_, _| false)?;
                self.transaction.open_table(SNAPSHOTS)?.remove(group.0)?;
            }
        }
        Ok(())
    }
}

pub(super) fn bounds(database: &Database, group: GroupId) -> Result<Bounds, redb::Error> {
    let log = database.begin_read()?.open_table(LOG)?;
    let mut range = log.range((group.0, 0)..=(group.0, u64::MAX))?;
    let Some(first) = range.next() else { return Ok(0..0) };
    let (_, first) = first?.0.value();
    let last = range.next_back().transpose()?.map_or(first, |(key, _)| key.value().1);
    Ok(first..last + 1)
}

/// The entries of a range from the first that is there up to the first gap, and whether they reach the end.
pub(super) fn read(
    database: &Database,
    group: GroupId,
    wanted: Range<u64>,
) -> Result<(u64, Vec<Bytes>, bool), redb::Error> {
    let log = database.begin_read()?.open_table(LOG)?;
    let mut entries = Vec::new();
    let (mut first, mut next) = (wanted.end, None);
    for found in log.range((group.0, wanted.start)..(group.0, wanted.end))? {
        let (key, value) = found?;
        let (_, index) = key.value();
        if *next.get_or_insert(index) != index {
            return Ok((first, entries, false));
        }
        if entries.is_empty() {
            first = index;
        }
        next = Some(index + 1);
        entries.push(Bytes::copy_from_slice(value.value()));
    }
    let is_whole = next.is_none_or(|next| next == wanted.end);
    Ok((first, entries, is_whole))
}

pub(super) fn get(database: &Database, scope: Scope, key: &str) -> Result<Option<Bytes>, redb::Error> {
    let pairs = database.begin_read()?.open_table(PAIRS)?;
    Ok(pairs.get((number(scope), key))?.map(|value| Bytes::copy_from_slice(value.value())))
}

pub(super) fn snapshot(database: &Database, group: GroupId) -> Result<Option<Bytes>, redb::Error> {
    let snapshots = database.begin_read()?.open_table(SNAPSHOTS)?;
    Ok(snapshots.get(group.0)?.map(|value| Bytes::copy_from_slice(value.value())))
}
