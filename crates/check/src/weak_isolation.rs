//! Read committed, read atomic and causal consistency of transactions, decided exactly.
//!
//! PROBLEM     Without an order of the versions of a register, a search for cycles finds little
//!             (rw_register.rs). But three weak levels can be decided without one, in a few seconds
//!             for a million reads and writes.
//! IDEA        Each level says of some transactions that a reader must know of them. If it knows of
//!             T2, which writes x, and reads x from T1 instead, then T1 is the newer one. The level
//!             holds exactly if these steps, the order of each session and the dependencies of
//!             reads on writes have no cycle [biswas2019 §3].
//! RULES       A reader knows of
//!             read committed   the transactions that it has read from before, in this transaction
//!                              (`NON-MONOTONIC-READ`);
//!             read atomic      all that it reads from, and all of its session before it
//!                              (`FRACTURED-READ`);
//!             causal           all that these depend on, too (`CAUSAL-NO-ORDER`).
//!             And in all of them no transaction depends on itself (`CAUSAL-CYCLE`), and reads show
//!             what a transaction that happened wrote last: see within.rs.
//! CAVEATS     A value may be written to a key by one transaction only; a read of one that several
//!             wrote is left out, and the answer is unknown if nothing is wrong with the others. Of
//!             a list only the last element is looked at.
//! READ NEXT   memory/sessions.rs → weak_isolation/within.rs → memory/commit_order.rs

mod reason;
#[cfg(test)]
pub(crate) mod tests;
mod within;

use splitbrain_core::Verdict;

use crate::budget::Budget;
use crate::memory::causality::topological;
use crate::memory::commit_order::{Commit, Overtaken, commit_order, order_with};
use crate::memory::sessions::{ReadFrom, Sessions};
use crate::planted::{Planted, planted};
use crate::transaction::Transactions;

/// How isolated transactions must be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// What a transaction reads is committed, and never older than what it has seen.
    ReadCommitted,
    /// A transaction is seen as a whole or not at all.
    ReadAtomic,
    /// And together with all that it depends on.
    Causal,
}

impl Level {
    /// All, the weakest first: each implies those before it.
    pub const ALL: [Self; 3] = [Self::ReadCommitted, Self::ReadAtomic, Self::Causal];

    /// The name on a command line.
    ///
    /// ```
    /// use splitbrain_check::weak_isolation::Level;
    /// assert_eq!(Level::ReadAtomic.name(), "read-atomic");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadCommitted => "read-committed",
            Self::ReadAtomic => "read-atomic",
            Self::Causal => "causal",
        }
    }
}

/// Judges a history of transactions over registers.
///
/// ```
/// use splitbrain_check::transaction::{MicroOp, Name, Seen, Transactions};
/// use splitbrain_check::weak_isolation::{Level, judge};
/// use splitbrain_check::Budget;
/// use splitbrain_core::{End, ProcessId, Validity};
///
/// // T0 writes x and y; T1 sees its y, and not its x.
/// let mut history = Transactions::default();
/// let x = history.key(Name::Text("x"));
/// let y = history.key(Name::Text("y"));
/// let value = history.value(Name::Integer(1));
/// let writes = [MicroOp::Write { key: x, value }, MicroOp::Write { key: y, value }];
/// let reads = [
///     MicroOp::Read { key: x, seen: Seen::Nothing },
///     MicroOp::Read { key: y, seen: Seen::Value(value) },
/// ];
/// for (process, ops) in [(0, writes), (1, reads)] {
///     let id = history.begin(ProcessId(process), process, &ops);
///     history.end(id, 2 + process, End::Ok, &ops);
/// }
/// let validity = |level| judge(&history, level, Budget::default()).validity();
/// assert_eq!(validity(Level::ReadCommitted), Validity::Valid);
/// assert_eq!(validity(Level::ReadAtomic), Validity::Invalid);
/// ```
pub fn judge(history: &Transactions, level: Level, budget: Budget) -> Verdict {
    let (sessions, mut verdict) = within::sessions(history);
    if !verdict.findings.is_empty() {
        return verdict;
    }
    let bytes = memory_bytes(&sessions, level);
    if bytes > budget.memory_bytes {
        let limit = budget.memory_bytes;
        verdict.undecided.push(format!("up to {bytes} bytes are needed, and {limit} allowed"));
        return verdict;
    }
    let order = topological(&sessions);
    if order.len() < sessions.len() {
        verdict.findings.push(reason::circular(history, &sessions, &order));
        return verdict;
    }
    let commit = match level {
        Level::ReadCommitted => order_with(&sessions, &order, |visit| {
            sessions.nodes().all(|node| read_committed(&sessions, node, visit));
        }),
        Level::ReadAtomic => order_with(&sessions, &order, |visit| {
            sessions.nodes().all(|node| read_atomic(&sessions, node, visit));
        }),
        Level::Causal => commit_order(&sessions, &order),
    };
    if let Commit::Cycle(steps) = commit {
        verdict.findings.push(reason::finding(history, &sessions, level, &steps));
    }
    verdict
}

/// How much the search may hold at most: a clock for each transaction that others still need, and
/// the steps.
fn memory_bytes(sessions: &Sessions, level: Level) -> u64 {
    let (nodes, width) = (sessions.len() as u64, sessions.count() as u64);
    match level {
        Level::ReadCommitted | Level::ReadAtomic => nodes * 48,
        Level::Causal => nodes * (4 * width + 48),
    }
}

/// The transactions that this one has read from before it reads something older.
fn read_committed(
    sessions: &Sessions,
    node: u32,
    visit: &mut dyn FnMut(Overtaken) -> bool,
) -> bool {
    let reads = Reads::new(sessions, node);
    let mut first = 0;
    sessions.writers(node).iter().all(|older| {
        while reads.in_order[first].writer != *older {
            first += 1;
        }
        let from = if planted(Planted::ReadCommittedLooksBack) { 0 } else { first };
        reads.of_others(sessions, *older, from, visit)
    })
}

/// The transactions that this one reads from or that its session did before it.
fn read_atomic(sessions: &Sessions, node: u32, visit: &mut dyn FnMut(Overtaken) -> bool) -> bool {
    let reads = Reads::new(sessions, node);
    let own = reads.in_order.iter().all(|read| match sessions.own_latest(read.key, node) {
        Some(older) if older != read.writer && !planted(Planted::ReadAtomicForgetsSession) => {
            visit(Overtaken { newer: read.writer, older, reader: node })
        }
        _ => true,
    });
    let mut writers = sessions.writers(node).iter();
    own && writers.all(|older| reads.of_others(sessions, *older, 0, visit))
}

/// The reads of one transaction.
struct Reads<'a> {
    node: u32,
    in_order: &'a [ReadFrom],
    /// Each with its place in that order, sorted by key, if there are many.
    by_key: Vec<(u32, usize)>,
}

impl<'a> Reads<'a> {
    fn new(sessions: &'a Sessions, node: u32) -> Self {
        const MANY: usize = 16;
        let in_order = sessions.reads(node);
        let mut by_key = Vec::new();
        if in_order.len() > MANY {
            by_key.extend(in_order.iter().enumerate().map(|(place, read)| (read.key, place)));
            by_key.sort_unstable();
        }
        Self { node, in_order, by_key }
    }

    /// Hands over the reads, from a place on, of what `older` writes from others than it; of many
    /// reads of a key, the first: whose write it shows is itself before what the next one shows.
    /// Takes as long as the shorter list: all transactions together take O(n^1.5)
    /// [moldrup2025 §4].
    fn of_others(
        &self,
        sessions: &Sessions,
        older: u32,
        from: usize,
        visit: &mut dyn FnMut(Overtaken) -> bool,
    ) -> bool {
        let writes = sessions.writes(older);
        let mut tell = |read: &ReadFrom| {
            let step = Overtaken { newer: read.writer, older, reader: self.node };
            read.writer == older || visit(step)
        };
        let few = self.by_key.is_empty() || self.in_order.len() - from <= writes.len();
        if few {
            let mut reads = self.in_order[from..].iter();
            return reads.all(|read| writes.binary_search(&read.key).is_err() || tell(read));
        }
        writes.iter().all(|key| {
            let at = self.by_key.partition_point(|entry| *entry < (*key, from));
            let entries = self.by_key[at..].iter().take_while(|(other, _)| other == key);
            let mut reads = entries.map(|(_, place)| &self.in_order[*place]);
            reads.find(|read| read.writer != older).is_none_or(&mut tell)
        })
    }
}
