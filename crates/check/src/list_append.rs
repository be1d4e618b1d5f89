//! `list-append`: transactions that read lists and append to them.
//!
//! PROBLEM     Two writes of a register leave one value: which was first, nobody can tell from it.
//! IDEA        A list keeps its history. Who reads [1 4 5] knows that 4 was appended after 1 and
//!             before 5; the longest read of a key shows the order of almost all its appends
//!             [kingsbury2020 §3]. So each read tells whose appends came before it (wr), each
//!             append which one it follows (ww), and each read which append it missed (rw).
//! RULES       The versions of a list are the beginnings of its longest read. An append that no
//!             read shows comes after all that reads show.
//!             `G1a`                 a read shows what a failed transaction appended.
//!             `G1b`                 a read ends amid another transaction's appends to the list.
//!             `garbage-read`        a read shows what nobody appended.
//!             `internal`            a read disagrees with what its transaction read or appended.
//!             `future-read`         a read shows what its transaction appends later.
//!             `incompatible-order`  of two reads, neither is the beginning of the other; or a read
//!                                   shows a transaction's appends in another order than it asked.
//!             `duplicate-elements`  a read shows an element twice.
//!             `dirty-update`        a version of a failed transaction under one that was kept.
//!             `lost-update`         two transactions read the same version and append to it.
//!             And the cycles of anomaly.rs.
//! CAVEATS     An element may be appended to a list only once: else which append a read shows is
//!             unknown, the list is left out, and the history is not called valid.
//! READ NEXT   list_append/index.rs → isolation.rs

mod explain;
mod index;
mod reads;
mod within;

use splitbrain_core::{End, OperationId, Verdict};

use crate::anomaly::Anomaly;
use crate::graph::{Builder, Dependency};
use crate::isolation::{self, Inferred, Options, Told, key_text};
use crate::planted::{Planted, planted};
use crate::transaction::{Key, Packed, Transactions, Value};

use index::{Index, NONE, NOTHING_READ};

/// What is wrong with a history of list-append transactions, if anything.
///
/// ```
/// use splitbrain_check::isolation::Options;
/// use splitbrain_check::list_append;
/// use splitbrain_check::transaction::{MicroOp, Name, Seen, Transactions};
/// use splitbrain_core::{End, ProcessId};
///
/// // Each of two transactions reads what the other appends to, and sees nothing.
/// let mut history = Transactions::default();
/// let x = history.key(Name::Text("x"));
/// let y = history.key(Name::Text("y"));
/// let value = history.value(Name::Integer(1));
/// for (process, (read, append)) in [(0, (x, y)), (1, (y, x))] {
///     let read = MicroOp::Read { key: read, seen: Seen::Nothing };
///     let ops = [read, MicroOp::Append { key: append, value }];
///     let id = history.begin(ProcessId(process), process, &ops);
///     history.end(id, 2 + process, End::Ok, &ops);
/// }
/// let verdict = list_append::judge(&history, &Options::default());
/// assert_eq!(verdict.findings[0].id, "G2-item");
/// ```
pub fn judge(history: &Transactions, options: &Options) -> Verdict {
    isolation::judge(history, options, infer)
}

/// What the reads of a history tell.
pub(crate) fn infer(history: &Transactions, _: &Options) -> Inferred<Index> {
    let (index, happened) = Index::new(history);
    let mut told = Told::default();
    let mut graph = Builder::new(history.len());
    for key in 0..index.appends.keys() {
        if !index.is_ambiguous(key) {
            reads::shown(history, &index, key, &mut told);
            reads::orders(history, &index, key, &mut told);
            dirty_updates(history, &index, key, &mut told);
            edges(history, &index, &happened, key, &mut graph);
        }
    }
    within::transactions(history, &index, &mut told);
    let mut undecided = duplicate_appends(history, &index);
    let is_foreign = |op: &Packed| matches!(op.form, Packed::WRITE | Packed::READ_VALUE);
    undecided.extend(isolation::foreign(history, "no reads or appends of lists", is_foreign));
    let remarks = unread(&index, &happened);
    Inferred { graph, happened, anomalies: told, undecided, remarks, index }
}

/// What comes before what on one list.
fn edges(history: &Transactions, index: &Index, happened: &[bool], key: u32, graph: &mut Builder) {
    let versions = index.versions(key);
    let counts = |writer: u32| writer != NONE && happened[writer as usize];
    let mut last = NONE;
    // For each version, the next that was written by a transaction that happened.
    let mut next = vec![NONE; versions.len() + 1];
    for at in (0..versions.len()).rev() {
        let writer = versions[at].writer;
        next[at] = if counts(writer) { writer } else { next[at + 1] };
    }
    for version in versions.iter().filter(|version| counts(version.writer)) {
        if last != NONE && !planted(Planted::TxnNoWw) {
            graph.edge(last, Dependency::Ww, version.writer);
        }
        last = version.writer;
    }

    let mut of_last = Vec::new();
    for read in index.reads.of(key).iter().filter(|read| happened[read.transaction as usize]) {
        let version = index.version(history, key, read);
        let writer = match version {
            Some(NOTHING_READ) => NONE,
            Some(version) => versions[version as usize].writer,
            None => index.last_append(history, key, read).map_or(NONE, |a| a.transaction),
        };
        if counts(writer) {
            graph.edge(writer, Dependency::Wr, read.transaction);
        }
        let Some(version) = version else { continue };
        let after = if version == NOTHING_READ { 0 } else { version as usize + 1 };
        match next[after] {
            NONE => of_last.push(read.transaction),
            writer if planted(Planted::TxnRwBackwards) => {
                graph.edge(writer, Dependency::Rw, read.transaction);
            }
            writer => graph.edge(read.transaction, Dependency::Rw, writer),
        }
    }
    let is_unread = |append: &&index::Append| append.place == NONE && counts(append.transaction);
    let mut unread: Vec<u32> =
        index.appends.of(key).iter().filter(is_unread).map(|append| append.transaction).collect();
    if planted(Planted::TxnUnreadIgnored) {
        unread.clear();
    }
    for nodes in [&mut unread, &mut of_last] {
        nodes.sort_unstable();
        nodes.dedup();
    }
    for writer in unread.iter().filter(|_| last != NONE) {
        graph.edge(last, Dependency::Ww, *writer);
    }
    graph.all_to_all(&of_last, Dependency::Rw, &unread);
}

/// `dirty-update`: what a failed transaction left behind, a later one built on.
fn dirty_updates(history: &Transactions, index: &Index, key: u32, told: &mut Told) {
    // The last version that was kept or taken back; what is between may be either.
    let mut dirty: Option<index::Version> = None;
    for version in index.versions(key).iter().filter(|version| version.writer != NONE) {
        match history.outcome(OperationId(version.writer)) {
            End::Failed if dirty.is_none() => dirty = Some(*version),
            End::Failed | End::Unknown => {}
            End::Ok => {
                let Some(failed) = dirty.take() else { continue };
                let sentence = || {
                    format!(
                        "T{} failed, yet its append of {} to {} stayed, and T{} appended {} to it",
                        failed.writer,
                        history.value_name(Value(failed.value)),
                        key_text(history, Key(key)),
                        version.writer,
                        history.value_name(Value(version.value)),
                    )
                };
                told.add(Anomaly::DirtyUpdate, sentence, [failed.writer, version.writer]);
            }
        }
    }
}

/// Lists to which an element was appended twice.
fn duplicate_appends(history: &Transactions, index: &Index) -> Vec<String> {
    let mut ambiguous = (0..index.appends.keys()).filter(|key| index.is_ambiguous(*key));
    let Some(key) = ambiguous.next() else { return Vec::new() };
    let mut pairs = index.appends.of(key).windows(2);
    let Some(pair) = pairs.find(|pair| pair[0].value == pair[1].value) else { return Vec::new() };
    let more = match ambiguous.count() {
        0 => String::new(),
        more => format!("; so are {more} more lists"),
    };
    vec![format!(
        "{} was appended to {} by T{} and again by T{}: which of the two a read shows is unknown, \
         and the list is left out{more}",
        history.value_name(Value(pair[0].value)),
        key_text(history, Key(key)),
        pair[0].transaction,
        pair[1].transaction,
    )]
}

/// What is weak about what was read.
fn unread(index: &Index, happened: &[bool]) -> Vec<(String, String)> {
    let appends = index.appends.all().iter().filter(|a| happened[a.transaction as usize]);
    let (unread, all) = appends.fold((0_usize, 0_usize), |(unread, all), append| {
        (unread + usize::from(append.place == NONE), all + 1)
    });
    if unread * 2 <= all {
        return Vec::new();
    }
    let text =
        format!("{unread} of {all} appends were never shown by a read: their order is unknown");
    vec![("this check is weak because".into(), text)]
}
