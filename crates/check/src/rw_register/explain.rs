//! Why one transaction comes before another: the reads and writes that show it.

use splitbrain_core::OperationId;

use crate::graph::Dependency;
use crate::isolation::{Explain, Why, key_text};
use crate::transaction::{Key, Transactions, Value};

use super::index::{Access, Index, NOTHING};
use super::versions::{FOLLOWS, INITIAL, began, ended};

/// How many accesses of a value are looked at for two that show an order.
const TRIED: usize = 1_000;

impl Explain for Index {
    fn why(&self, history: &Transactions, from: u32, kind: Dependency, to: u32) -> Why {
        let pair = Pair { history, index: self, from, to };
        let why = pair.keys().into_iter().find_map(|key| pair.on(key, kind));
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
    /// The registers that the first has to do with.
    fn keys(&self) -> Vec<u32> {
        let ops = self.history.packed_ops(OperationId(self.from)).iter();
        ops.map(|op| op.key).filter(|key| !self.index.is_ambiguous(*key)).collect()
    }

    fn access(&self, key: u32, transaction: u32) -> Option<&Access> {
        let accesses = self.index.accesses.of(key);
        let at = accesses.binary_search_by_key(&transaction, |access| access.transaction).ok()?;
        Some(&accesses[at])
    }

    fn name(&self, value: u32) -> String {
        match value {
            NOTHING => "nothing".into(),
            value => self.history.value_name(Value(value)).to_string(),
        }
    }

    /// Why the first comes before the second on a register.
    fn on(&self, key: u32, kind: Dependency) -> Option<Why> {
        let (first, second) = (self.access(key, self.from)?, self.access(key, self.to)?);
        let (from, to) = (self.from, self.to);
        let name = key_text(self.history, Key(key));
        let shown = |value: u32| self.name(value);
        if kind == Dependency::Wr {
            let value = second.read.filter(|read| Some(*read) == first.wrote)?;
            let value = shown(value);
            let phrase = format!("T{to} read T{from}'s write of {value} to {name}");
            let sentence = format!("T{to} read {name} as {value}, which T{from} wrote");
            return Some(Why { phrase, sentence, key: Some(Key(key)), witnesses: Vec::new() });
        }
        let new = second.wrote?;
        let old = if kind == Dependency::Ww { first.wrote? } else { first.read? };
        let (reason, witnesses) = self.order(key, old, new)?;
        let (old, new) = (shown(old), shown(new));
        let (phrase, sentence) = if kind == Dependency::Ww {
            (
                format!("T{to} overwrote T{from}'s write of {old} to {name}"),
                format!("T{from} wrote {old} to {name}, and T{to} wrote {new} later: {reason}"),
            )
        } else {
            (
                format!("T{from} missed T{to}'s write of {new} to {name}"),
                format!("T{from} read {name} as {old}, and T{to} wrote {new} later: {reason}"),
            )
        };
        Some(Why { phrase, sentence, key: Some(Key(key)), witnesses })
    }

    /// Why one value came before another, and the transactions that show it.
    fn order(&self, key: u32, old: u32, new: u32) -> Option<(String, Vec<u32>)> {
        let (from, to) = (self.index.node(key, old)?, self.index.node(key, new)?);
        let mut kinds = self.index.order.out(from).filter(|(_, next)| *next == to);
        let (kind, _) = kinds.next()?;
        let (old_name, new_name) = (self.name(old), self.name(new));
        match kind {
            INITIAL => Some(("it held nothing before the first write".into(), Vec::new())),
            FOLLOWS => {
                let writer = self.index.write(key, new)?.transaction;
                let text = format!("T{writer} read {old_name} and then wrote {new_name}");
                Some((text, vec![writer]))
            }
            _ => {
                let (one, other) = self.in_time(key, old, new, kind)?;
                let text = format!(
                    "T{one} read or wrote {old_name}, and T{other}, {}, {new_name}",
                    match kind {
                        Dependency::Process => "of the same process and after it",
                        _ => "which began after it had ended",
                    }
                );
                Some((text, vec![one, other]))
            }
        }
    }

    /// Two accesses, one after the other, of which the first ends with `old` and the second begins
    /// with `new`.
    fn in_time(&self, key: u32, old: u32, new: u32, kind: Dependency) -> Option<(u32, u32)> {
        let accesses = self.index.accesses.of(key);
        let process = |access: &Access| self.history.process(OperationId(access.transaction));
        // One of the first that saw the old, and of the last that saw the new, are enough.
        let earlier = accesses.iter().filter(|access| access.last() == Some(old)).take(TRIED);
        let later = accesses.iter().rev().filter(|access| access.first() == Some(new));
        let later: Vec<_> = later.take(TRIED).collect();
        earlier.flat_map(|one| later.iter().map(move |other| (one, *other))).find_map(
            |(one, other)| {
                let is_after = ended(self.history, one) < began(self.history, other);
                let fits = kind != Dependency::Process || process(one) == process(other);
                (is_after && fits).then_some((one.transaction, other.transaction))
            },
        )
    }
}
