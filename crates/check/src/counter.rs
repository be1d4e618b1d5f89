//! `g-counter` and `pn-counter`: nothing counted is lost, nothing is counted twice.
//!
//! PROBLEM     A read of a counter is one number, and some adds may or may not have happened. Which
//!             numbers are right?
//! IDEA        A counter that comes to agree in the end may show any part of the adds that were
//!             asked before the read ended. A last read must show all that were acknowledged, and
//!             any part of those whose outcome is unknown. Both are sets of sums, kept exactly as
//!             ranges.
//! RULES       `COUNTER-WRONG`       a last read outside the sums that it may show.
//!             `COUNTER-IMPOSSIBLE`  an earlier read that no part of the adds asked by then makes
//!                                   up.
//! CAVEATS     Sums too scattered for [`Sums`] are widened to one range; a read in it is undecided.

use splitbrain_core::workload::Workload;
use splitbrain_core::workload::g_counter::{self, GCounter};
use splitbrain_core::workload::pn_counter::{self, PnCounter};
use splitbrain_core::{History, Operation, Outcome, Verdict};

use crate::Judge;
use crate::cases::Cases;
use crate::planted::{Planted, planted};

impl Judge for GCounter {
    /// `COUNTER-WRONG`, `COUNTER-IMPOSSIBLE`.
    fn judge(history: &History<Self>) -> Verdict {
        judge(history, |operation| match (&operation.request, operation.response()) {
            (g_counter::Request::Add { delta }, _) => Access::Add(i128::from(*delta)),
            (_, Some(g_counter::Response::ReadOk { value })) => Access::Read(i128::from(*value)),
            _ => Access::Other,
        })
    }
}

impl Judge for PnCounter {
    /// `COUNTER-WRONG`, `COUNTER-IMPOSSIBLE`.
    fn judge(history: &History<Self>) -> Verdict {
        judge(history, |operation| match (&operation.request, operation.response()) {
            (pn_counter::Request::Add { delta }, _) => Access::Add(i128::from(*delta)),
            (_, Some(pn_counter::Response::ReadOk { value })) => Access::Read(i128::from(*value)),
            _ => Access::Other,
        })
    }
}

/// An operation on a counter.
enum Access {
    Add(i128),
    Read(i128),
    Other,
}

/// An add that may have happened.
struct Add {
    operation: usize,
    delta: i128,
    invoked: u32,
    /// When it was acknowledged, if it was.
    acknowledged: Option<u32>,
}

/// A read that was answered.
struct Read {
    operation: usize,
    value: i128,
    last: bool,
    invoked: u32,
    ended: u32,
}

fn judge<W: Workload>(history: &History<W>, access: impl Fn(&Operation<W>) -> Access) -> Verdict {
    let (mut adds, mut reads) = (Vec::new(), Vec::new());
    for (at, operation) in history.operations.iter().enumerate() {
        let ended = operation.completed.map_or(u32::MAX, |stamp| stamp.order);
        let invoked = operation.invoked.order;
        match access(operation) {
            Access::Add(delta) => {
                let failed = matches!(operation.outcome, Outcome::Failed { .. });
                if !failed || planted(Planted::CounterFailedCounted) {
                    let certain =
                        operation.response().is_some() || planted(Planted::CounterUnknownRequired);
                    let acknowledged = certain.then_some(ended);
                    adds.push(Add { operation: at, delta, invoked, acknowledged });
                }
            }
            Access::Read(value) => {
                reads.push(Read { operation: at, value, last: operation.last, invoked, ended });
            }
            Access::Other => (),
        }
    }
    if planted(Planted::CounterUnknownIgnored) {
        adds.retain(|add| add.acknowledged.is_some());
    }
    adds.sort_by_key(|add| add.invoked);
    let mut verdict = Verdict::default();
    let scattered = tell_wrong(history, &adds, &reads, &mut verdict)
        | tell_impossible(history, &adds, &reads, &mut verdict);
    if scattered {
        verdict.undecided.push("too many sums are possible to tell whether a read is one".into());
    }
    if adds.iter().all(|add| add.acknowledged.is_none()) {
        verdict.undecided.push("no add was acknowledged".into());
    } else if !reads.iter().any(|read| read.last) {
        verdict.undecided.push("no last read was answered: what is lost cannot be told".into());
    }
    verdict
}

/// Judges the last reads. Says whether one could not be decided.
fn tell_wrong<W: Workload>(
    history: &History<W>,
    adds: &[Add],
    reads: &[Read],
    verdict: &mut Verdict,
) -> bool {
    let mut cases = Cases::new("COUNTER-WRONG");
    let mut undecided = false;
    // Last reads mostly follow all adds: the sums are those of the read before.
    let mut known: Option<((usize, usize), i128, Sums)> = None;
    for read in reads.iter().filter(|read| read.last) {
        let must = |add: &&Add| add.acknowledged.is_some_and(|end| end < read.invoked);
        let may = |add: &&Add| !must(add) && add.invoked < read.ended;
        let key = (adds.iter().filter(must).count(), adds.iter().filter(may).count());
        if known.as_ref().is_none_or(|known| known.0 != key) {
            let base = adds.iter().filter(must).map(|add| add.delta).sum();
            let mut sums = Sums::only(base);
            adds.iter().filter(may).for_each(|add| sums.maybe_add(add.delta));
            known = Some((key, base, sums));
        }
        let Some((_, base, sums)) = &known else { continue };
        match sums.contains(read.value) {
            Some(true) => continue,
            None => undecided = true,
            Some(false) => {
                let operation = &history.operations[read.operation];
                let (process, node, value) = (operation.process, operation.node, read.value);
                let sentence = || {
                    let more = match key.1 {
                        0 => String::new(),
                        more => format!(", and {more} more may count, which makes {sums}"),
                    };
                    format!(
                        "the last read of {process} on {node} says {value}, but the acknowledged \
                         adds make {base}{more}"
                    )
                };
                cases.add(sentence, evidence(read, adds.iter().filter(must)));
            }
        }
    }
    cases.into_verdict(verdict);
    undecided
}

/// Judges the reads before the last ones. Says whether one could not be decided.
fn tell_impossible<W: Workload>(
    history: &History<W>,
    adds: &[Add],
    reads: &[Read],
    verdict: &mut Verdict,
) -> bool {
    let mut cases = Cases::new("COUNTER-IMPOSSIBLE");
    let mut undecided = false;
    let mut reads: Vec<&Read> = reads.iter().filter(|read| !read.last).collect();
    reads.sort_by_key(|read| read.ended);
    if planted(Planted::CounterOnlyLast) {
        reads.clear();
    }
    let mut sums = Sums::only(0);
    let mut begun = 0;
    for read in reads {
        while let Some(add) = adds
            .get(begun)
            .filter(|add| add.invoked < read.ended || planted(Planted::CounterFuture))
        {
            sums.maybe_add(add.delta);
            begun += 1;
        }
        match sums.contains(read.value) {
            Some(true) => continue,
            None => undecided = true,
            Some(false) => {
                let operation = &history.operations[read.operation];
                let (process, node, value) = (operation.process, operation.node, read.value);
                let ended = operation.completed.unwrap_or(operation.invoked).at;
                let sentence = || {
                    format!(
                        "{node} told {process} {value} at {ended}, but the adds asked until then \
                         can only make {sums}"
                    )
                };
                cases.add(sentence, evidence(read, adds[..begun].iter()));
            }
        }
    }
    cases.into_verdict(verdict);
    undecided
}

/// The read, after the adds that it is measured against, if those are few.
fn evidence<'a>(read: &Read, adds: impl Iterator<Item = &'a Add>) -> Vec<usize> {
    const FEW: usize = 6;
    let mut operations: Vec<usize> = adds.map(|add| add.operation).take(FEW + 1).collect();
    if operations.len() > FEW {
        operations.clear();
    }
    operations.push(read.operation);
    operations
}

/// A set of integers, as ascending ranges that do not touch.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Sums {
    ranges: Vec<(i128, i128)>,
    /// Whether every number of the ranges is in the set.
    exact: bool,
}

impl Sums {
    /// Beyond so many ranges the set is widened to one.
    const RANGES_MAX: usize = 4096;

    fn only(sum: i128) -> Self {
        Self { ranges: vec![(sum, sum)], exact: true }
    }

    /// Each sum, with and without `delta`.
    fn maybe_add(&mut self, delta: i128) {
        if delta == 0 {
            return;
        }
        let mut moved =
            self.ranges.iter().map(|(low, high)| (low + delta, high + delta)).peekable();
        let mut stayed = self.ranges.iter().copied().peekable();
        let mut merged: Vec<(i128, i128)> = Vec::with_capacity(self.ranges.len() + 1);
        while let Some(next) = match (moved.peek(), stayed.peek()) {
            (Some(one), Some(other)) if one <= other => moved.next(),
            (Some(_), None) => moved.next(),
            _ => stayed.next(),
        } {
            match merged.last_mut() {
                Some(before) if next.0 <= before.1 + 1 => before.1 = before.1.max(next.1),
                _ => merged.push(next),
            }
        }
        self.ranges = merged;
        let widen = self.ranges.len() > Self::RANGES_MAX;
        if (widen || planted(Planted::CounterHull)) && self.ranges.len() > 1 {
            self.exact &= !widen;
            self.ranges = vec![(self.ranges[0].0, self.ranges[self.ranges.len() - 1].1)];
        }
    }

    /// Whether the number is in the set, if that can be told.
    fn contains(&self, value: i128) -> Option<bool> {
        let after = self.ranges.partition_point(|(low, _)| *low <= value);
        let reach = |high: i128| value <= high - i128::from(planted(Planted::CounterHalfOpen));
        let within = after > 0 && reach(self.ranges[after - 1].1);
        (!within || self.exact).then_some(within)
    }
}

/// `3`, `3 or 5 to 9`; the middle is left out if there is much of it.
impl std::fmt::Display for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN: usize = 4;
        for (at, (low, high)) in self.ranges.iter().enumerate() {
            let skipped = at + 1 < self.ranges.len() && at >= SHOWN;
            if skipped {
                continue;
            }
            f.write_str(match at {
                0 => "",
                _ if at > SHOWN => ", … or ",
                _ => " or ",
            })?;
            if low == high { write!(f, "{low}")? } else { write!(f, "{low} to {high}")? }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_all_parts() {
        let mut rng = splitbrain_core::Rng::new(7);
        for _ in 0..2_000 {
            let count = rng.below(9);
            let deltas: Vec<i128> = (0..count).map(|_| i128::from(rng.below(60)) - 25).collect();
            let mut sums = Sums::only(3);
            deltas.iter().for_each(|delta| sums.maybe_add(*delta));
            let part = |mask: u32| -> i128 {
                3 + (0..deltas.len())
                    .filter(|i| mask >> i & 1 == 1)
                    .map(|i| deltas[i])
                    .sum::<i128>()
            };
            let all: std::collections::BTreeSet<i128> = (0..1 << count).map(part).collect();
            for value in -300..500 {
                assert_eq!(sums.contains(value), Some(all.contains(&value)), "{value} {deltas:?}");
            }
            for pair in sums.ranges.windows(2) {
                assert!(pair[0].1 + 1 < pair[1].0, "ranges do not touch: {sums:?}");
            }
        }
    }

    #[test]
    fn scattered_sums_are_widened_and_say_so() {
        let mut sums = Sums::only(0);
        (0..40).for_each(|power| sums.maybe_add(2 << power));
        assert!(!sums.exact && sums.ranges.len() <= Sums::RANGES_MAX, "{}", sums.ranges.len());
        assert_eq!(sums.contains(-1), Some(false));
        assert_eq!(sums.contains(1), None);
    }

    #[test]
    fn shows_ranges() {
        let show =
            |ranges: &[(i128, i128)]| Sums { ranges: ranges.into(), exact: true }.to_string();
        assert_eq!(show(&[(3, 3)]), "3");
        assert_eq!(show(&[(3, 3), (5, 9)]), "3 or 5 to 9");
        let many: Vec<_> = (0..9).map(|n| (n * 10, n * 10)).collect();
        assert_eq!(show(&many), "0 or 10 or 20 or 30, … or 80");
    }
}
