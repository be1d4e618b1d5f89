//! Why one transaction comes before another: the reads and appends that show it.

use splitbrain_core::{End, OperationId};

use crate::graph::Dependency;
use crate::isolation::{Explain, Why, key_text};
use crate::transaction::{Key, Packed, Transactions, Value};

use super::index::{Append, Index, NONE, NOTHING_READ, Read};

/// How many micro-ops of a transaction are looked at for two that show an order.
const TRIED: usize = 1_000;

impl Explain for Index {
    fn why(&self, history: &Transactions, from: u32, kind: Dependency, to: u32) -> Why {
        let pair = Pair { history, index: self, from, to };
        let why = match kind {
            Dependency::Ww => pair.ww(),
            Dependency::Wr => pair.wr(),
            _ => pair.rw(),
        };
        why.unwrap_or_else(|| {
            let phrase = format!("T{from} comes before T{to}");
            Why { sentence: phrase.clone(), phrase, key: None, witnesses: Vec::new() }
        })
    }
}

/// Two transactions of which the first comes before the second.
struct Pair<'a> {
    history: &'a Transactions,
    index: &'a Index,
    from: u32,
    to: u32,
}

impl Pair<'_> {
    /// What a transaction appended.
    fn appends(&self, transaction: u32) -> impl Iterator<Item = (u32, &Append)> {
        let ops = self.history.packed_ops(OperationId(transaction)).iter();
        let appends = ops.filter(|op| op.form == Packed::APPEND).take(TRIED);
        let appends = appends.filter(|op| !self.index.is_ambiguous(op.key));
        appends.filter_map(|op| Some((op.key, self.index.append(op.key, op.value)?)))
    }

    /// What a transaction read.
    fn reads(&self, transaction: u32) -> impl Iterator<Item = (u32, Read)> {
        let ops = self.history.packed_ops(OperationId(transaction)).iter();
        let reads = ops.filter(|op| op.form < Packed::LIST && !self.index.is_ambiguous(op.key));
        reads
            .take(TRIED)
            .map(move |op| (op.key, Read { transaction, list: op.value, length: op.form }))
    }

    fn name(&self, value: u32) -> String {
        self.history.value_name(Value(value)).to_string()
    }

    fn key(&self, key: u32) -> String {
        key_text(self.history, Key(key))
    }

    /// What a read showed, up to `at` and a little further.
    fn shown(&self, read: &Read, at: u32) -> String {
        let list = self.history.list(read.list, read.length);
        self.history.describe_around(list, at as usize)
    }

    fn ww(&self) -> Option<Why> {
        let pairs = self.appends(self.to).flat_map(|(key, second)| {
            let firsts = self.appends(self.from).filter(move |(other, _)| *other == key);
            firsts.map(move |(_, first)| (key, first, second))
        });
        let ordered = pairs.filter(|(_, first, second)| first.place < second.place);
        let (key, first, second) = ordered.min_by_key(|(_, a, b)| b.place - a.place)?;
        let (from, to, name) = (self.from, self.to, self.key(key));
        let (a, b) = (self.name(first.value), self.name(second.value));
        let phrase = format!("T{to} appended {b} to {name} after T{from}'s {a}");
        if second.place == NONE {
            let read = self.witness(key, first.place)?;
            let sentence = format!(
                "T{to} appended {b} to {name}, and no read shows it: so it came after T{from}'s \
                 {a}, which T{}'s read of {name} shows: {}",
                read.transaction,
                self.shown(&read, first.place),
            );
            return Some(self.because(phrase, sentence, key, &read));
        }
        let read = self.witness(key, second.place)?;
        let right = if second.place - first.place == 1 { "right " } else { "" };
        let sentence = format!(
            "T{to} appended {b} to {name} {right}after T{from}'s {a}: T{}'s read of {name} showed \
             {}",
            read.transaction,
            self.shown(&read, second.place),
        );
        Some(self.because(phrase, sentence, key, &read))
    }

    fn wr(&self) -> Option<Why> {
        let (from, to) = (self.from, self.to);
        let (key, read, append) = self.reads(to).find_map(|(key, read)| {
            let append = self.index.last_append(self.history, key, &read)?;
            (append.transaction == from).then_some((key, read, append))
        })?;
        let (name, a) = (self.key(key), self.name(append.value));
        let phrase = format!("T{to} read T{from}'s append of {a} to {name}");
        let sentence = format!(
            "T{to}'s read of {name} showed {}, which ends in the {a} that T{from} appended",
            self.shown(&read, read.length),
        );
        Some(Why { phrase, sentence, key: Some(Key(key)), witnesses: Vec::new() })
    }

    fn rw(&self) -> Option<Why> {
        let (from, to) = (self.from, self.to);
        let pairs = self.reads(from).flat_map(|(key, read)| {
            let after = match self.index.version(self.history, key, &read) {
                Some(NOTHING_READ) => Some(0),
                Some(version) => Some(version + 1),
                None => None,
            };
            let missed = self.appends(to).filter(move |(other, append)| {
                *other == key && after.is_some_and(|after| append.place >= after)
            });
            missed.map(move |(_, append)| (key, read, append))
        });
        let (key, read, missed) = pairs.min_by_key(|(_, _, append)| append.place)?;
        let (name, b) = (self.key(key), self.name(missed.value));
        let phrase = format!("T{from} missed T{to}'s append of {b} to {name}");
        let showed = match read.length {
            0 => format!("T{from}'s read of {name} showed nothing"),
            length => format!("T{from}'s read of {name} showed {}", self.shown(&read, length)),
        };
        if missed.place == NONE {
            let sentence = format!(
                "{showed}, and T{to} appended {b} to it, which no read shows: it came later"
            );
            return Some(Why { phrase, sentence, key: Some(Key(key)), witnesses: Vec::new() });
        }
        let witness = self.witness(key, missed.place)?;
        let sentence = format!(
            "{showed}, without the {b} that T{to} appended: T{}'s read of {name} showed {}",
            witness.transaction,
            self.shown(&witness, missed.place),
        );
        Some(self.because(phrase, sentence, key, &witness))
    }

    fn because(&self, phrase: String, sentence: String, key: u32, read: &Read) -> Why {
        Why { phrase, sentence, key: Some(Key(key)), witnesses: vec![read.transaction] }
    }

    /// The read of an acknowledged transaction that shows a version: one of the pair, or the
    /// shortest.
    fn witness(&self, key: u32, place: u32) -> Option<Read> {
        let shows = |read: &&Read| {
            let version = self.index.version(self.history, key, read);
            self.history.outcome(OperationId(read.transaction)) != End::Failed
                && self.index.is_beginning(key, read)
                && version.is_some_and(|version| version != NOTHING_READ && version >= place)
        };
        let reads = self.index.reads.of(key).iter().filter(shows);
        let is_other = |read: &Read| read.transaction != self.from && read.transaction != self.to;
        reads.min_by_key(|read| (is_other(read), read.length, read.transaction)).copied()
    }
}
