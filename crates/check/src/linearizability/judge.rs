//! A history of any object, judged, with the reason.

use splitbrain_core::{Finding, OperationId, Point, Proof, Refused, Verdict};

use super::minimal::{Hold, minimal};
use super::parts::{Part, parts};
use super::{
    Answer, Entry, Failure, GaveUp, Named, Placed, Recorded, Search, Stuck, Told, Words, explore,
    search_part,
};
use crate::Budget;
use crate::spec::Spec;

/// What is wanted of a judge besides its verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// Nothing.
    Verdict,
    /// If the history is linearizable, an instant for each operation that explains all answers.
    Points,
}

/// Judges a history of one object: whether it is linearizable and, if not, why.
///
/// Only the first failing return of each part of the object is told. A verdict is valid, or
/// invalid, or unknown with the reason; no history makes this panic.
///
/// ```
/// use splitbrain_check::Budget;
/// use splitbrain_check::linearizability::{Asked, Entry, Told, Words, judge_object};
/// use splitbrain_check::spec::{Queue, QueueCall::{Dequeue, Enqueue}};
/// use splitbrain_core::OperationId;
///
/// struct Plain;
/// impl Words for Plain {
///     fn id(&self, entry: usize) -> OperationId {
///         OperationId(entry as u32)
///     }
///     fn operation(&self, entry: usize) -> Told {
///         let what = format!("c{entry}'s operation");
///         Told { what, answer: String::new(), invoked: None, completed: None }
///     }
/// }
///
/// let calls = [Enqueue(1), Enqueue(2), Dequeue(2)];
/// let one_by_one =
///     |(at, call): (u32, _)| Entry { call, invoked: at * 2, returned: Some(at * 2 + 1) };
/// let entries: Vec<_> = (0..).zip(calls).map(one_by_one).collect();
/// let verdict = judge_object(&Queue, &entries, &Plain, Budget::default(), Asked::Verdict);
/// assert_eq!(verdict.findings.len(), 1);
/// ```
pub fn judge_object<S: Spec>(
    spec: &S,
    entries: &[Entry<S::Call>],
    words: &dyn Words,
    budget: Budget,
    asked: Asked,
) -> Verdict {
    let whole;
    let parts = if let Some(parts) = parts(spec, entries) {
        parts
    } else {
        let name = entries.first().and_then(|entry| spec.part(&entry.call));
        let index = (0..entries.len()).collect();
        whole = Part { name, entries: entries.to_vec(), index };
        vec![whole]
    };
    let mut judge = Judge { spec, words, budget, asked, verdict: Verdict::default() };
    let mut findings = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        findings.extend(judge.part(part, parts.len() - number));
    }
    judge.verdict.findings = worst_first(findings);
    if judge.verdict.findings.is_empty() {
        judge.verdict.points.sort_by_key(|point| point.after);
    } else {
        judge.verdict.points.clear();
    }
    judge.verdict
}

struct Judge<'a, S: Spec> {
    spec: &'a S,
    words: &'a dyn Words,
    /// What is left of it.
    budget: Budget,
    asked: Asked,
    verdict: Verdict,
}

impl<S: Spec> Judge<'_, S> {
    /// Judges one part; `left` are still to be judged, this one included.
    fn part(&mut self, part: &Part<S::Call>, left: usize) -> Option<Finding> {
        let share = self.budget.share(left);
        let Search { answer, configurations } = search_part(self.spec, &part.entries, share);
        self.budget.states -= configurations.min(self.budget.states);
        match answer {
            Answer::Linearizable => {
                if self.asked == Asked::Points {
                    self.points(part, share);
                }
                None
            }
            Answer::NotLinearizable { at } => Some(self.finding(part, at, share)),
            Answer::Unknown(why) => {
                let what = match &*self.name(part) {
                    "" => String::new(),
                    name => format!("{name}: "),
                };
                self.verdict.undecided.push(match why {
                    GaveUp::States => {
                        format!("{what}not decided within {} configurations", share.states)
                    }
                    GaveUp::Memory => {
                        format!("{what}not decided within {} bytes", share.memory_bytes)
                    }
                });
                None
            }
        }
    }

    fn name(&self, part: &Part<S::Call>) -> String {
        part.name.map_or(String::new(), |name| self.words.part(name))
    }

    fn points(&mut self, part: &Part<S::Call>, budget: Budget) {
        let searched = || {
            let found = explore(self.spec, &part.entries, budget, Recorded::Yes);
            (found.answer == Answer::Linearizable).then_some(found.order)
        };
        if let Some(order) = self.spec.order(&part.entries).or_else(searched) {
            let point = |placed: &Placed| self.point(part, placed);
            let points: Vec<Point> = order.iter().map(point).collect();
            self.verdict.points.extend(points);
        } else {
            let why = "linearizable, but the order would take a longer search".to_owned();
            self.verdict.remarks.push(("points".into(), why));
        }
    }

    fn point(&self, part: &Part<S::Call>, placed: &Placed) -> Point {
        Point { operation: self.words.id(part.index[placed.entry]), after: placed.after }
    }

    fn finding(&self, part: &Part<S::Call>, at: usize, budget: Budget) -> Finding {
        let whole = || vec![Hold::Whole; part.entries.len()];
        let holds = minimal(self.spec, &part.entries, at, budget).unwrap_or_else(whole);
        let held: Vec<usize> =
            (0..part.entries.len()).filter(|entry| holds[*entry] != Hold::Free).collect();
        let words = OfPart { words: self.words, index: &part.index };
        let name = self.name(part);
        let failure =
            Failure { entries: &part.entries, held: &held, at, part: &name, words: &words };
        let Named { id, sentence, mut shown, more } =
            self.spec.name(&failure).unwrap_or_else(|| failure.no_order());
        shown.sort_unstable();
        shown.dedup();
        let shown = shown.into_iter().map(|entry| words.id(entry)).chain(more);
        let finding = Finding::new(id, sentence).operations(shown);
        match self.stuck(part, at, &held, budget) {
            Some(proof) => finding.proof(proof),
            None => finding,
        }
    }

    /// The longest order of what had begun when the failing operation returned; if that would take
    /// too long, of what is held.
    fn stuck(
        &self,
        part: &Part<S::Call>,
        at: usize,
        held: &[usize],
        budget: Budget,
    ) -> Option<Proof> {
        let end = part.entries[at].returned?;
        let begun = (0..part.entries.len()).filter(|entry| part.entries[*entry].invoked <= end);
        let begun: Vec<usize> = begun.collect();
        [&begun[..], held].iter().find_map(|chosen| {
            let entries: Vec<_> = chosen.iter().map(|entry| part.entries[*entry].clone()).collect();
            let stuck = explore(self.spec, &entries, budget, Recorded::Yes).stuck?;
            let index = |entry: usize| chosen[entry];
            Some(self.proof(part, at, &Self::renumbered(stuck, index)))
        })
    }

    fn renumbered(stuck: Stuck<S::State>, index: impl Fn(usize) -> usize) -> Stuck<S::State> {
        let placed = |placed: Placed| Placed { entry: index(placed.entry), ..placed };
        Stuck {
            order: stuck.order.into_iter().map(placed).collect(),
            next: stuck.next.into_iter().map(&index).collect(),
            state: stuck.state,
        }
    }

    fn proof(&self, part: &Part<S::Call>, at: usize, stuck: &Stuck<S::State>) -> Proof {
        /// Beyond these, the reasons repeat themselves.
        const TOLD: usize = 12;
        let mut next = stuck.next.clone();
        next.sort_by_key(|entry| (*entry != at, *entry));
        next.truncate(TOLD);
        let refused = |entry: &usize| Refused {
            operation: self.words.id(part.index[*entry]),
            why: self.why_not(part, *entry, &stuck.state),
        };
        Proof::Stuck {
            order: stuck.order.iter().map(|placed| self.point(part, placed)).collect(),
            next: next.iter().map(refused).collect(),
        }
    }

    fn why_not(&self, part: &Part<S::Call>, entry: usize, state: &S::State) -> String {
        let Told { what, answer, .. } = self.words.operation(part.index[entry]);
        let does = match &*answer {
            "" => what,
            answer => format!("{what} returned {answer}"),
        };
        let call = &part.entries[entry].call;
        if self.spec.step(state, call).into_iter().next().is_some() {
            return format!("{does}: even after it, no order goes on");
        }
        format!("{does}, but here {}", self.spec.describe(state, self.words))
    }
}

/// The words of one part: its entries are numbered anew.
struct OfPart<'a> {
    words: &'a dyn Words,
    index: &'a [usize],
}

impl Words for OfPart<'_> {
    fn id(&self, entry: usize) -> OperationId {
        self.words.id(self.index[entry])
    }

    fn operation(&self, entry: usize) -> Told {
        self.words.operation(self.index[entry])
    }

    fn value(&self, value: u64) -> String {
        self.words.value(value)
    }

    fn text(&self, text: &str) -> String {
        self.words.text(text)
    }

    fn key(&self, key: u64) -> String {
        self.words.key(key)
    }

    fn holder(&self, holder: u64) -> String {
        self.words.holder(holder)
    }

    fn part(&self, part: u64) -> String {
        self.words.part(part)
    }

    fn failed_write(&self, entry: usize, value: u64) -> Option<OperationId> {
        self.words.failed_write(self.index[entry], value)
    }
}

/// The names that say most come first.
const WORST_FIRST: [&str; 4] =
    ["LIN-PHANTOM-READ", "LIN-LOST-WRITE", "LIN-STALE-READ", "LIN-INVERSION"];

/// The findings, worst first; of many, the first few.
fn worst_first(mut findings: Vec<Finding>) -> Vec<Finding> {
    const TOLD: usize = 5;
    let rank = |finding: &Finding| {
        WORST_FIRST.iter().position(|id| *id == finding.id).unwrap_or(WORST_FIRST.len())
    };
    findings.sort_by_key(|finding| (rank(finding), finding.operations.len()));
    let more = findings.len().saturating_sub(TOLD);
    findings.truncate(TOLD);
    if let (Some(last), 1..) = (findings.last_mut(), more) {
        last.sentence += &format!("; and {more} more like it elsewhere");
    }
    findings
}
