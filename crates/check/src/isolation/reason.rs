//! The reason: a cycle in words, each edge with the reads and writes that show it.
//!
//! PROBLEM     "G-single" and a list of transactions of twenty micro-ops each convinces nobody.
//! IDEA        Say what a colleague would say: who missed whose write, though it had to come later.
//!             Then, edge by edge, the reads that show it; and name no transaction that is not
//!             needed: a history of these alone, judged again, shows the same anomaly.
//! RULES       Every transaction that is named is in the history of the finding. Each may be left
//!             out in turn, and the anomaly is gone.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use splitbrain_core::{Edge, Finding, OperationId, Proof, Verdict};

use crate::anomaly::{Anomalies, Anomaly};
use crate::cycle::Cycle;
use crate::graph::Dependency;
use crate::planted::{Planted, planted};
use crate::transaction::{Key, Name, Transactions};

use super::{Infer, Options};

/// How many cycles of a kind are told.
const TOLD: usize = 5;

/// How many steps of a cycle its sentence tells.
const STEPS_TOLD: usize = 6;

/// Witnesses of longer cycles are told without trying whether each is needed.
const SHRUNK: usize = 50;

/// Why one transaction comes before another.
pub(crate) struct Why {
    /// A few words: `T2 missed T1's append of 5 to x`.
    pub(crate) phrase: String,
    /// A plain sentence: the reads and writes that show it.
    pub(crate) sentence: String,
    /// The list or register.
    pub(crate) key: Option<Key>,
    /// The transactions that show the order of versions.
    pub(crate) witnesses: Vec<u32>,
}

/// What explains the edges between transactions.
pub(crate) trait Explain {
    /// Why there is an edge of this kind, which is ww, wr or rw.
    fn why(&self, history: &Transactions, from: u32, kind: Dependency, to: u32) -> Why;
}

/// A key in a sentence: `x`, `key 8`.
pub(crate) fn key_text(history: &Transactions, key: Key) -> String {
    match history.key_name(key) {
        Name::Integer(integer) => format!("key {integer}"),
        Name::Text(text) => text.into(),
    }
}

/// Adds the cycles of one kind to the verdict, the shortest first.
pub(super) fn tell<I: Explain>(
    history: &Transactions,
    options: &Options,
    infer: Infer<I>,
    index: &I,
    (anomaly, cycles): (Anomaly, &[&Cycle]),
    verdict: &mut Verdict,
) {
    let mut cycles = cycles.to_vec();
    cycles.sort_by_key(|cycle| cycle.len());
    let more = cycles.len().saturating_sub(TOLD);
    cycles.truncate(TOLD);
    for (at, cycle) in cycles.iter().enumerate() {
        let whys: Vec<Why> = steps(cycle)
            .map(|(from, kind, to)| match kind {
                Dependency::Process => by_process(history, from, to),
                Dependency::Realtime => by_time(from, to),
                _ => index.why(history, from, kind, to),
            })
            .collect();
        let mut sentence = sentence(anomaly, cycle, &whys);
        if at + 1 == TOLD && more > 0 {
            let _ = write!(sentence, "; and {more} more like it");
        }
        let shows = |some: &Transactions| super::anomalies(some, options, infer);
        let operations = needed(history, cycle, &whys, anomaly, shows);
        let edges = steps(cycle).zip(whys).map(|((from, kind, to), why)| Edge {
            from: OperationId(from),
            to: OperationId(to),
            kind: kind.name().into(),
            why: why.sentence,
        });
        let proof = Proof::Cycle(edges.collect());
        verdict
            .findings
            .push(Finding::new(anomaly.id(), sentence).operations(operations).proof(proof));
    }
}

/// Each edge of a cycle.
fn steps(cycle: &Cycle) -> impl Iterator<Item = (u32, Dependency, u32)> {
    let next = cycle.iter().cycle().skip(1);
    cycle.iter().zip(next).map(|((from, kind), (to, _))| (*from, *kind, *to))
}

fn by_process(history: &Transactions, from: u32, to: u32) -> Why {
    let process = history.process(OperationId(from));
    let phrase = format!("{process} was answered T{from} before it asked for T{to}");
    Why { sentence: phrase.clone(), phrase, key: None, witnesses: Vec::new() }
}

fn by_time(from: u32, to: u32) -> Why {
    let phrase = format!("T{from} had ended before T{to} began");
    Why { sentence: phrase.clone(), phrase, key: None, witnesses: Vec::new() }
}

/// What a colleague would say.
fn sentence(anomaly: Anomaly, cycle: &Cycle, whys: &[Why]) -> String {
    let names: Vec<String> = cycle.iter().map(|(id, _)| format!("T{id}")).collect();
    let (two, names) = (names.len() == 2, and(&names));
    let phrases: Vec<String> = whys.iter().map(|why| why.phrase.clone()).collect();
    let none = if two { "neither can come first" } else { "none can come first" };
    match anomaly {
        Anomaly::G0 if two => format!("{names} overwrote each other: {}", and(&phrases)),
        Anomaly::G0 => format!("{names} overwrote one another in a circle: {}", and(&phrases)),
        Anomaly::GSingle | Anomaly::GSingleProcess | Anomaly::GSingleRealtime => {
            let missed = cycle.iter().position(|(_, kind)| *kind == Dependency::Rw).unwrap_or(0);
            let before: Vec<String> = (1..phrases.len())
                .map(|step| phrases[(missed + step) % phrases.len()].clone())
                .collect();
            format!("{}, yet {}", and(&before), phrases[missed])
        }
        Anomaly::G2Item if two => {
            format!("{names} each missed the other's write: {}; {none}", and(&phrases))
        }
        _ => format!("{}: {none}", and(&phrases)),
    }
}

/// `a`, `a and b`, `a, b and c`; of many, the first and the last.
fn and(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        many if many.len() > STEPS_TOLD => {
            let (first, last) = (&many[..STEPS_TOLD - 1], &many[many.len() - 1]);
            let more = many.len() - STEPS_TOLD;
            format!("{}, {more} more like it, and at last {last}", first.join(", "))
        }
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// The transactions of the cycle, and those witnesses without which the anomaly is not shown.
fn needed(
    history: &Transactions,
    cycle: &Cycle,
    whys: &[Why],
    anomaly: Anomaly,
    shows: impl Fn(&Transactions) -> Anomalies,
) -> Vec<OperationId> {
    let members: BTreeSet<u32> = cycle.iter().map(|(id, _)| *id).collect();
    let mut all: BTreeSet<u32> =
        whys.iter().flat_map(|why| why.witnesses.iter().copied()).collect();
    all.extend(&members);
    let keys: BTreeSet<Key> = whys.iter().filter_map(|why| why.key).collect();
    let is_shown = |ids: &BTreeSet<u32>| {
        let ids: Vec<OperationId> = ids.iter().map(|id| OperationId(*id)).collect();
        let some = history.only(&ids, |key| keys.contains(&key));
        shows(&some).implied().has(anomaly)
    };
    if cycle.len() > SHRUNK {
        return all.into_iter().map(OperationId).collect();
    }
    let spare: Vec<u32> = all.iter().copied().filter(|id| !members.contains(id)).collect();
    for id in spare {
        all.remove(&id);
        if !is_shown(&all) && !planted(Planted::TxnWitnessesDropped) {
            all.insert(id);
        }
    }
    all.into_iter().map(OperationId).collect()
}
