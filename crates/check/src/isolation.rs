//! How isolated transactions were from one another: what both workloads of transactions share.
//!
//! PROBLEM     A database promises that transactions seem to run one after another, or some weaker
//!             thing. Clients see reads and writes only.
//! IDEA        Reads tell which write came first. From that follows which transaction comes before
//!             which; where those dependencies run in a circle, no order of the transactions
//!             explains what was seen [adya1999 §4], [kingsbury2020 §4].
//! RULES       Only transactions that happened count: those that were acknowledged, and those of
//!             unknown outcome of which a write was seen.
//!             Invalid if an anomaly was found that one of the expected models forbids; what they
//!             allow is told as a remark. Unknown if something was left undecided.
//! CAVEATS     Sound, not complete: where nothing was found, reads may have shown too little.
//!             Remarks say how much.
//! READ NEXT   anomaly.rs → consistency.rs → graph.rs → cycle.rs → list_append.rs →
//!             rw_register.rs

mod by_key;
mod lint;
mod order;
mod reason;
mod within;

use std::collections::BTreeMap;

use splitbrain_core::{OperationId, Verdict};

use crate::Budget;
use crate::anomaly::{Anomalies, Anomaly};
use crate::cases::Cases;
use crate::consistency::{Boundary, Model};
use crate::cycle::{self, Cycles};
use crate::graph::Builder;
use crate::planted::{Planted, planted};
use crate::transaction::{Packed, Transactions};

pub(crate) use by_key::ByKey;
pub(crate) use reason::{Explain, Why, key_text};
pub(crate) use within::{Repeats, Update, lost_updates};

use order::time_edges;

/// What is expected, what may be assumed, and how much may be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The models that the history should satisfy.
    pub models: Vec<Model>,
    /// How the values of a register may be put in order.
    pub assume: Assume,
    /// How many nodes the search for cycles may look at, and how much memory it may take.
    pub budget: Budget,
}

impl Default for Options {
    /// Strict serializability, nothing assumed, the usual budget.
    fn default() -> Self {
        Self {
            models: vec![Model::StrictSerializable],
            assume: Assume::NOTHING,
            budget: Budget::default(),
        }
    }
}

impl Options {
    /// The anomalies that make a history invalid.
    pub fn forbidden(&self) -> Anomalies {
        self.models.iter().fold(Anomalies::NONE, |all, model| all.and(model.forbidden()))
    }
}

/// What may be assumed of each register by itself, to learn in which order it held its values. That
/// it held no value before the first write is always assumed. A list needs none of this: its reads
/// show the order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Assume {
    /// A transaction that reads a register and then writes it replaced what it read.
    pub writes_follow_reads: bool,
    /// Each process sees the values of a register in order.
    pub sequential_keys: bool,
    /// What was asked after an answer sees what the answer saw, or something later.
    pub linearizable_keys: bool,
}

impl Assume {
    /// Nothing but that registers begin without a value.
    pub const NOTHING: Self =
        Self { writes_follow_reads: false, sequential_keys: false, linearizable_keys: false };
}

/// What was learned from the reads and writes of a history.
pub(crate) struct Inferred<I> {
    /// The transactions that happened, and what comes before what.
    pub(crate) graph: Builder,
    /// Whether each transaction happened.
    pub(crate) happened: Vec<bool>,
    /// Anomalies that are not cycles.
    pub(crate) anomalies: Told,
    /// What could not be decided.
    pub(crate) undecided: Vec<String>,
    /// What was assumed, and what makes the check weak.
    pub(crate) remarks: Vec<(String, String)>,
    /// What explains the edges.
    pub(crate) index: I,
}

/// Anomalies that are not cycles: the first few of each kind, and how many more there are.
#[derive(Default)]
pub(crate) struct Told {
    cases: BTreeMap<Anomaly, Cases>,
}

impl Told {
    /// Adds a case. Its sentence is made only if it will be told.
    pub(crate) fn add(
        &mut self,
        anomaly: Anomaly,
        sentence: impl FnOnce() -> String,
        transactions: impl IntoIterator<Item = u32>,
    ) {
        let cases = self.cases.entry(anomaly).or_insert_with(|| Cases::new(anomaly.id()));
        cases.add(sentence, transactions.into_iter().map(|id| id as usize));
    }

    /// The kinds that there are.
    pub(crate) fn kinds(&self) -> Anomalies {
        self.cases.keys().copied().collect()
    }
}

/// How a workload learns from a history.
pub(crate) type Infer<I> = fn(&Transactions, &Options) -> Inferred<I>;

/// Judges a history by what `infer` learns from it.
pub(crate) fn judge<I: Explain>(
    history: &Transactions,
    options: &Options,
    infer: Infer<I>,
) -> Verdict {
    let needed = history.bytes();
    if needed > options.budget.memory_bytes {
        let why = format!("{} MB would be needed, more than the budget", needed >> 20);
        return Verdict { undecided: vec![why], ..Verdict::NOTHING };
    }
    let mut inferred = infer(history, options);
    let mut verdict =
        Verdict { remarks: std::mem::take(&mut inferred.remarks), ..Verdict::NOTHING };
    verdict.undecided.append(&mut inferred.undecided);
    let (cycles, is_empty) = search(history, &mut inferred, options);
    let shown: Anomalies = cycles.found.iter().map(|(anomaly, _)| *anomaly).collect();
    let all = shown.and(inferred.anomalies.kinds());
    let forbidden = options.forbidden();

    let mut told: BTreeMap<Anomaly, Vec<&cycle::Cycle>> = BTreeMap::new();
    for (anomaly, cycle) in &cycles.found {
        told.entry(*anomaly).or_default().push(cycle);
    }
    for anomaly in all.iter().filter(|anomaly| forbidden.has(*anomaly)) {
        if let Some(cases) = inferred.anomalies.cases.remove(&anomaly) {
            cases.into_verdict(&mut verdict);
        }
        let cycles = told.remove(&anomaly).unwrap_or_default();
        let told = (anomaly, &cycles[..]);
        reason::tell(history, options, infer, &inferred.index, told, &mut verdict);
    }
    undecided(&cycles, is_empty, forbidden, &mut verdict);
    models(all, forbidden, &cycles, &mut verdict);
    lint::remarks(history, &inferred.happened, &mut verdict);
    verdict
}

/// The anomalies of a history, without the reasons.
pub(crate) fn anomalies<I>(
    history: &Transactions,
    options: &Options,
    infer: Infer<I>,
) -> Anomalies {
    let mut inferred = infer(history, options);
    let (cycles, _) = search(history, &mut inferred, options);
    inferred.anomalies.kinds().and(cycles.found.iter().map(|(anomaly, _)| *anomaly).collect())
}

/// Adds the order of processes and of time, and looks for cycles. Also whether there were no
/// dependencies before that.
fn search<I>(
    history: &Transactions,
    inferred: &mut Inferred<I>,
    options: &Options,
) -> (Cycles, bool) {
    let mut graph = std::mem::replace(&mut inferred.graph, Builder::new(0));
    let is_empty = graph.len() == 0;
    time_edges(history, &inferred.happened, &mut graph);
    (cycle::search(&graph.build(), options.budget.states), is_empty)
}

/// What a workload does not know: micro-ops that are left out.
pub(crate) fn foreign(
    history: &Transactions,
    what: &str,
    is_foreign: impl Fn(&Packed) -> bool,
) -> Option<String> {
    let (count, OperationId(first)) = history.count(is_foreign)?;
    Some(format!("{count} micro-ops are {what}, and are left out; the first is in T{first}"))
}

fn undecided(cycles: &Cycles, is_empty: bool, forbidden: Anomalies, verdict: &mut Verdict) {
    if is_empty {
        let why = "no read or write shows which transaction came before which";
        verdict.undecided.push(why.into());
    }
    if cycles.given_up.meet(forbidden) && !planted(Planted::CycleGivenUpIsValid) {
        let names: Vec<&str> = cycles.given_up.iter().map(Anomaly::id).collect();
        let names = names.join(" or ");
        verdict
            .undecided
            .push(format!("the budget ran out before it was known if there is a {names}"));
    }
    if cycles.cut_short {
        let text = "the budget ran out: shorter cycles of these kinds may exist";
        verdict.remarks.push(("search".into(), text.into()));
    }
}

/// Says which models the anomalies rule out.
fn models(all: Anomalies, forbidden: Anomalies, cycles: &Cycles, verdict: &mut Verdict) {
    let boundary = Boundary::of(all);
    let mut say = |what: &str, names: Vec<&str>| {
        if !names.is_empty() {
            verdict.remarks.push((what.into(), names.join(", ")));
        }
    };
    let names = |models: &[Model]| models.iter().map(|model| model.name()).collect();
    say("violates", names(&boundary.not));
    say("so also violates", names(&boundary.also_not));
    if cycles.given_up == Anomalies::NONE {
        say("strongest model not violated", names(&boundary.strongest));
    }
    let allowed = all.iter().filter(|anomaly| !forbidden.has(*anomaly));
    say("allowed by what was expected", allowed.map(Anomaly::id).collect());
}
