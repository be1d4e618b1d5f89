//! Who appended what, who read which list, and the order of versions that follows.

use std::collections::BTreeSet;
use std::ops::Range;

use splitbrain_core::{End, OperationId};

use crate::isolation::ByKey;
use crate::planted::{Planted, planted};
use crate::transaction::{Packed, Transactions};

/// No transaction, no place, no list.
pub(super) const NONE: u32 = u32::MAX;

/// The version of a list to which nothing was appended yet.
pub(super) const NOTHING_READ: u32 = u32::MAX - 1;

/// How often the writers that reads show may lead to more reads that count.
const ROUNDS: usize = 8;

/// An append, of whatever outcome. Those of a key are sorted by value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Append {
    pub(super) value: u32,
    pub(super) transaction: u32,
    /// Its place among the versions of the list.
    pub(super) place: u32,
    /// Whether its transaction appends to the list once more.
    pub(super) is_intermediate: bool,
}

/// A read that was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub(super) transaction: u32,
    pub(super) list: u32,
    pub(super) length: u32,
}

/// A list that reads of a key showed, and how much of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) list: u32,
    pub(super) length: u32,
    /// How much of it is the beginning of the longest.
    pub(super) common: u32,
}

/// A version of a list, named by the element that made it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version {
    pub(super) value: u32,
    /// The transaction that appended it; none, if nobody did.
    pub(super) writer: u32,
    pub(super) is_intermediate: bool,
}

/// The appends and reads of a history.
pub(crate) struct Index {
    pub(super) appends: ByKey<Append>,
    pub(super) reads: ByKey<Read>,
    ambiguous: Vec<bool>,
    /// The lists that were shown of each key; the longest first, then by their numbers.
    shown: Vec<Shown>,
    shown_first: Vec<u32>,
    /// The versions of each key, the oldest first.
    versions: Vec<Version>,
    versions_first: Vec<u32>,
    /// Whether the longest list of a key shows an element twice.
    repeats: Vec<bool>,
}

impl Index {
    /// The index, and whether each transaction happened.
    pub(super) fn new(history: &Transactions) -> (Self, Vec<bool>) {
        let (appends, reads) = collect(history);
        let keys = history.key_count();
        let is_twice = |key| appends.of(key).windows(2).any(|two| two[0].value == two[1].value);
        let ambiguous = (0..appends.keys())
            .map(|key| is_twice(key) && !planted(Planted::TxnDuplicateAppendsKept))
            .collect();
        let mut index = Self {
            appends,
            reads,
            ambiguous,
            shown: Vec::new(),
            shown_first: Vec::new(),
            versions: Vec::new(),
            versions_first: Vec::new(),
            repeats: vec![false; keys],
        };
        let mut happened: Vec<bool> = history
            .ids()
            .map(|id| match history.outcome(id) {
                End::Ok => true,
                End::Failed => false,
                End::Unknown => planted(Planted::TxnUnknownHappened),
            })
            .collect();
        for _ in 0..ROUNDS {
            index.list_shown(history, &happened);
            if !index.mark_seen(history, &mut happened) {
                break;
            }
        }
        index.order_versions(history);
        (index, happened)
    }

    /// Whether an element was appended to the list twice.
    pub(super) fn is_ambiguous(&self, key: u32) -> bool {
        self.ambiguous[key as usize]
    }

    /// The lists that reads of a key showed, the longest first.
    pub(super) fn shown(&self, key: u32) -> &[Shown] {
        let key = key as usize;
        &self.shown[self.shown_first[key] as usize..self.shown_first[key + 1] as usize]
    }

    fn versions_range(&self, key: u32) -> Range<usize> {
        let key = key as usize;
        self.versions_first[key] as usize..self.versions_first[key + 1] as usize
    }

    /// The versions of a key, the oldest first.
    pub(super) fn versions(&self, key: u32) -> &[Version] {
        &self.versions[self.versions_range(key)]
    }

    /// The append of an element.
    pub(super) fn append(&self, key: u32, value: u32) -> Option<&Append> {
        let appends = self.appends.of(key);
        let at = appends.binary_search_by_key(&value, |append| append.value).ok()?;
        Some(&appends[at])
    }

    /// How much of a list is the beginning of the longest list of its key.
    fn common(&self, key: u32, list: u32) -> u32 {
        match self.shown(key) {
            [longest, ..] if longest.list == list => longest.length,
            [_, others @ ..] => {
                let found = others.binary_search_by_key(&list, |shown| shown.list);
                found.map_or(0, |at| others[at].common)
            }
            [] => 0,
        }
    }

    /// Whether a read shows a beginning of the longest list of its key.
    pub(super) fn is_beginning(&self, key: u32, read: &Read) -> bool {
        read.length == 0 || read.length <= self.common(key, read.list)
    }

    /// The version that a read shows: that which its last element made. `None` if that is not
    /// among the versions of the longest list.
    pub(super) fn version(&self, history: &Transactions, key: u32, read: &Read) -> Option<u32> {
        if read.length == 0 {
            return Some(NOTHING_READ);
        }
        if !self.repeats[key as usize] && self.is_beginning(key, read) {
            return Some(read.length - 1);
        }
        Some(self.last_append(history, key, read)?.place).filter(|place| *place != NONE)
    }

    /// The append of the last element that a read shows.
    pub(super) fn last_append(
        &self,
        history: &Transactions,
        key: u32,
        read: &Read,
    ) -> Option<&Append> {
        self.append(key, history.list(read.list, read.length).last()?.0)
    }

    /// Whether the longest list of a key shows an element twice.
    pub(super) fn has_repeats(&self, key: u32) -> bool {
        self.repeats[key as usize]
    }

    /// The lists that the reads of transactions that happened showed.
    fn list_shown(&mut self, history: &Transactions, happened: &[bool]) {
        self.shown.clear();
        self.shown_first = vec![0];
        for key in 0..self.reads.keys() {
            let begin = self.shown.len();
            let reads = self.reads.of(key).iter();
            for read in reads.filter(|r| happened[r.transaction as usize] && r.length > 0) {
                let shown = Shown { list: read.list, length: read.length, common: read.length };
                match self.shown[begin..].last_mut() {
                    Some(last) if last.list == read.list => {
                        last.length = last.length.max(read.length);
                    }
                    _ => self.shown.push(shown),
                }
            }
            let lists = self.shown.split_off(begin);
            self.shown.extend(sorted(history, lists));
            self.shown_first.push(number(self.shown.len()));
        }
    }

    /// Writers of what reads show happened. Whether any of them reads more.
    fn mark_seen(&self, history: &Transactions, happened: &mut [bool]) -> bool {
        let mut more = false;
        for key in (0..self.appends.keys()).filter(|key| !self.is_ambiguous(*key)) {
            for shown in self.shown(key) {
                for value in history.list(shown.list, shown.length) {
                    let Some(append) = self.append(key, value.0) else { continue };
                    let id = OperationId(append.transaction);
                    if history.outcome(id) == End::Unknown && !happened[id.index()] {
                        happened[id.index()] = !planted(Planted::TxnUnknownIgnored);
                        more |= happened[id.index()]
                            && history.packed_ops(id).iter().any(Packed::is_answered);
                    }
                }
            }
        }
        more
    }

    /// The versions of each key: the elements of its longest list, each once.
    fn order_versions(&mut self, history: &Transactions) {
        self.versions_first = vec![0];
        for key in 0..self.appends.keys() {
            let begin = self.versions.len();
            let longest = self.shown(key).first().copied();
            let appends = self.appends.of_mut(key);
            let mut strangers = BTreeSet::new();
            for value in longest.map_or(&[][..], |shown| history.list(shown.list, shown.length)) {
                let place = number(self.versions.len() - begin);
                let found = appends.binary_search_by_key(&value.0, |append| append.value);
                let (writer, is_intermediate) = match found.map(|at| &mut appends[at]) {
                    Ok(append) if append.place == NONE => {
                        append.place = place;
                        (append.transaction, append.is_intermediate)
                    }
                    Err(_) if strangers.insert(value.0) => (NONE, false),
                    _ => {
                        self.repeats[key as usize] = true;
                        continue;
                    }
                };
                self.versions.push(Version { value: value.0, writer, is_intermediate });
            }
            self.versions_first.push(number(self.versions.len()));
        }
    }
}

/// The lists of a key: each once, as much of it as was shown; the longest first.
fn sorted(history: &Transactions, mut lists: Vec<Shown>) -> Vec<Shown> {
    if lists.len() < 2 {
        return lists;
    }
    lists.sort_unstable_by_key(|shown| (shown.list, std::cmp::Reverse(shown.length)));
    lists.dedup_by_key(|shown| shown.list);
    let longest = (0..lists.len()).rev().max_by_key(|at| lists[*at].length).unwrap_or(0);
    let longest = lists.remove(longest);
    let elements = history.list(longest.list, longest.length);
    for shown in &mut lists {
        let mine = history.list(shown.list, shown.length);
        let common = mine.iter().zip(elements).take_while(|(a, b)| a == b).count();
        shown.common = number(common);
    }
    lists.insert(0, longest);
    lists
}

/// The appends of each key, sorted by value, and its answered reads.
fn collect(history: &Transactions) -> (ByKey<Append>, ByKey<Read>) {
    let (mut appends, mut reads) = (Vec::<(u32, Append)>::new(), Vec::new());
    // Where the last append to each key stands.
    let mut last = vec![0; history.key_count()];
    for id in history.ids() {
        for op in history.packed_ops(id) {
            let transaction = id.0;
            match op.form {
                Packed::APPEND => {
                    let last = &mut last[op.key as usize];
                    if let Some((key, append)) = appends.get_mut(*last) {
                        append.is_intermediate |=
                            *key == op.key && append.transaction == transaction;
                    }
                    *last = appends.len();
                    let value = op.value;
                    let append = Append { value, transaction, place: NONE, is_intermediate: false };
                    appends.push((op.key, append));
                }
                length if op.is_answered() && length < Packed::LIST => {
                    reads.push((op.key, Read { transaction, list: op.value, length }));
                }
                _ => {}
            }
        }
    }
    let keys = history.key_count();
    let append = Append { value: 0, transaction: NONE, place: NONE, is_intermediate: false };
    let mut appends = ByKey::new(keys, append, &appends);
    for key in 0..appends.keys() {
        appends.of_mut(key).sort_unstable_by_key(|append| (append.value, append.transaction));
    }
    let read = Read { transaction: NONE, list: NONE, length: 0 };
    (appends, ByKey::new(keys, read, &reads))
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("readers bound what they let in")
}
