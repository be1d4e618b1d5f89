//! The log: entries in a row, of which a snapshot may have replaced the first.
//!
//! PROBLEM     Off-by-one errors of indexes and "term 0 means missing" are the commonest bugs of
//!             Raft implementations: a missing entry compares equal to the empty log.
//! IDEA        Ask with a [`LogId`]: [`Log::matches`] says yes only where an entry is known to be
//!             there. A missing term is `None` and equals nothing.
//! RULES       What a snapshot covers is gone but for the id of its last entry. Sizes are kept as
//!             sums from the beginning, so that the bytes between two entries are one subtraction.

use super::{Command, Entry, Index, LogId, Payload, Term};

/// The entries after a snapshot.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Log<C> {
    /// The last entry that the snapshot covers; zero and zero if there is none.
    base: LogId,
    entries: Vec<Entry<C>>,
    /// For each entry, the bytes of all entries up to it; counted from an arbitrary start.
    sums: Vec<u64>,
}

impl<C: Command> Log<C> {
    /// The log as it was found on disk, with the last entry that the snapshot covers.
    ///
    /// A crash may have fallen after a snapshot was stored and before the entries it replaces were
    /// dropped. Those that it covers are skipped, and those that contradict it.
    pub fn recover(base: LogId, found: impl IntoIterator<Item = (Index, Entry<C>)>) -> Self {
        let mut log = Self { base, entries: Vec::new(), sums: Vec::new() };
        for (index, entry) in found {
            if index == base.index && entry.term != base.term {
                break; // [raft §7] the rest of this log is not the snapshot's
            }
            if index > base.index {
                assert_eq!(index, log.last_index().next(), "the log on disk has a gap");
                log.append(entry);
            }
        }
        log
    }

    /// The last entry that the snapshot covers.
    pub const fn base(&self) -> LogId {
        self.base
    }

    /// The index of the last entry.
    pub const fn last_index(&self) -> Index {
        Index(self.base.index.0 + self.entries.len() as u64)
    }

    /// The last entry: what a candidate shows [raft §5.4.1].
    pub fn last_id(&self) -> LogId {
        let term = self.entries.last().map_or(self.base.term, |entry| entry.term);
        LogId { term, index: self.last_index() }
    }

    /// How many entries there are after the snapshot.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry at `index`, if it is there.
    pub fn get(&self, index: Index) -> Option<&Entry<C>> {
        self.entries.get(self.offset(index)?)
    }

    /// The term of the entry at `index`, if it is known.
    pub fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.base.index {
            return Some(self.base.term);
        }
        self.get(index).map(|entry| entry.term)
    }

    /// Whether this entry is in the log.
    pub fn matches(&self, id: LogId) -> bool {
        self.term_at(id.index) == Some(id.term)
    }

    /// Adds an entry at the end.
    pub fn append(&mut self, entry: Entry<C>) {
        let before = self.sums.last().copied().unwrap_or(0);
        self.sums.push(before + size(&entry));
        self.entries.push(entry);
    }

    /// Removes the entry at `from` and all after it.
    ///
    /// # Panics
    /// If a snapshot covers it.
    pub fn truncate(&mut self, from: Index) {
        let keep = self.offset(from).expect("what a snapshot covers is committed");
        self.entries.truncate(keep);
        self.sums.truncate(keep);
    }

    /// The snapshot now covers `base`. Entries after it are kept if they go on from it, and dropped
    /// if they do not.
    pub fn compact(&mut self, base: LogId) {
        let covered = match self.offset(base.index.next()) {
            Some(covered) if self.matches(base) => covered,
            _ => self.entries.len(),
        };
        self.entries.drain(..covered);
        self.sums.drain(..covered);
        self.base = base;
    }

    /// The entries from `from` on: as many as fit into `bytes`, and at least one if there is one.
    pub fn batch(&self, from: Index, entries: u64, bytes: u64) -> Vec<Entry<C>> {
        let Some(start) = self.offset(from).filter(|start| *start < self.entries.len()) else {
            return Vec::new();
        };
        let limit = self.bytes_through(from.previous()) + bytes;
        let fit = self.sums[start..].partition_point(|sum| *sum <= limit).max(1);
        let fit = fit.min(usize::try_from(entries).unwrap_or(usize::MAX));
        self.entries[start..start + fit].to_vec()
    }

    /// The bytes of the entries after `after` and up to `through`.
    pub fn bytes_between(&self, after: Index, through: Index) -> u64 {
        self.bytes_through(through).saturating_sub(self.bytes_through(after))
    }

    /// The first index whose term is that of `index`: where a follower says to go on
    /// [raft §5.3].
    pub fn first_of_its_term(&self, index: Index) -> Option<Index> {
        let term = self.term_at(index)?;
        let first = self.entries.partition_point(|entry| entry.term < term) as u64;
        Some(Index(self.base.index.0 + 1 + first))
    }

    /// The last index of the term, if the log has entries of it.
    pub fn last_of_term(&self, term: Term) -> Option<Index> {
        let after = self.entries.partition_point(|entry| entry.term <= term);
        let index = Index(self.base.index.0 + after as u64);
        (self.term_at(index) == Some(term)).then_some(index)
    }

    /// The entries from `from` on with their indexes, as a disk keeps them.
    pub fn tail(&self, from: Index) -> impl Iterator<Item = (Index, &Entry<C>)> {
        let start = self.offset(from).unwrap_or(0);
        let first = self.base.index.0 + 1 + start as u64;
        (first..).map(Index).zip(self.entries.iter().skip(start))
    }

    /// The position in `entries` of an index after the snapshot.
    fn offset(&self, index: Index) -> Option<usize> {
        let offset = index.0.checked_sub(self.base.index.0 + 1)?;
        usize::try_from(offset).ok()
    }

    /// The sum up to `index`; before the first entry, what the sums started from.
    fn bytes_through(&self, index: Index) -> u64 {
        match (self.offset(index), self.sums.first(), self.entries.first()) {
            (Some(offset), Some(first), _) => self.sums.get(offset).copied().unwrap_or(*first),
            (None, Some(sum), Some(entry)) => sum - size(entry),
            _ => 0,
        }
    }
}

/// The bytes of an entry: those of its command, and a few for the rest.
fn size<C: Command>(entry: &Entry<C>) -> u64 {
    const OVERHEAD: u64 = 16;
    OVERHEAD
        + match &entry.payload {
            Payload::Command(command) => command.bytes(),
            Payload::Noop | Payload::Configuration(_) => 0,
        }
}
