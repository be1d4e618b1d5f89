//! Polls that leave messages out, or go back.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use splitbrain_core::{End, ProcessId, Verdict};

use super::logs::{Logs, Sent, polls, sends};
use super::{Act, Start, Step};
use crate::cases::Cases;
use crate::planted::{Planted, planted};

/// What can be wrong with the order of what polls show.
struct Gaps {
    skip: Cases,
    inner_skip: Cases,
    back: Cases,
    inner_back: Cases,
}

/// Where a process is in each log: the last offset it was shown, and the step that showed it.
type Positions = BTreeMap<u32, (u64, usize)>;

impl Logs<'_> {
    /// Tells what polls leave out, but for what is lost, and where they go back.
    pub(super) fn tell_gaps(&self, lost: &BTreeSet<Sent>, verdict: &mut Verdict) {
        let mut gaps = Gaps {
            skip: Cases::new("KAFKA-POLL-SKIP"),
            inner_skip: Cases::new("KAFKA-INT-POLL-SKIP"),
            back: Cases::new("KAFKA-NONMONOTONIC-POLL"),
            inner_back: Cases::new("KAFKA-INT-NONMONOTONIC-POLL"),
        };
        let mut processes: BTreeMap<ProcessId, Positions> = BTreeMap::new();
        for (at, step) in self.recording.steps.iter().enumerate() {
            let positions = processes.entry(step.process).or_default();
            for (log, (start, shown)) in joined(step) {
                self.look_at_begin(at, log, start, positions.get(&log), &shown, lost, &mut gaps);
                self.look_within(at, log, &shown, lost, &mut gaps);
                // Who gave up begins again where it was.
                if let (Some(last), End::Ok) = (shown.last(), step.end) {
                    positions.insert(log, (*last, at));
                }
            }
            keep_assigned(step, positions);
        }
        for cases in [gaps.skip, gaps.inner_skip, gaps.back, gaps.inner_back] {
            cases.into_verdict(verdict);
        }
    }

    /// A poll begins with the first message at or after the offset that was asked, or else with the
    /// one after the last that its process was shown.
    #[expect(
        clippy::too_many_arguments,
        reason = "the poll, where it should begin, and what it does"
    )]
    fn look_at_begin(
        &self,
        at: usize,
        log: u32,
        start: Start,
        position: Option<&(u64, usize)>,
        shown: &[u64],
        lost: &BTreeSet<Sent>,
        gaps: &mut Gaps,
    ) {
        let Some(first) = shown.first().copied() else { return };
        let (from, before) = match (start, position) {
            (Start::At(from), _) => (Bound::Included(from), None),
            (Start::Position, Some((last, before))) => (Bound::Excluded(*last), Some(*before)),
            _ => return,
        };
        let behind = match from {
            Bound::Included(from) => first < from,
            Bound::Excluded(last) => first <= last,
            Bound::Unbounded => false,
        };
        if behind {
            let sentence = || {
                let before = before.map_or_else(
                    || "where it should not yet begin".into(),
                    |before| format!("no later than {} had ended", self.step(before)),
                );
                format!("{} begins at offset {first}, {before}", self.poll(at, log))
            };
            gaps.back.add(sentence, before.into_iter().chain([at]));
        } else if !planted(Planted::KafkaBeginsAnywhere)
            && let Some((sent, place, told)) = self.left_out(log, from, first, lost)
        {
            let sentence = || {
                format!(
                    "{} begins at offset {first} and leaves out {}",
                    self.poll(at, log),
                    self.known(sent, place, told)
                )
            };
            gaps.skip.add(sentence, before.into_iter().chain([told, at]));
        }
    }

    /// Offsets rise, and leave nothing out.
    fn look_within(
        &self,
        at: usize,
        log: u32,
        shown: &[u64],
        lost: &BTreeSet<Sent>,
        gaps: &mut Gaps,
    ) {
        for pair in shown.windows(2) {
            let [one, other] = [pair[0], pair[1]];
            if other <= one && (other < one || !planted(Planted::KafkaTwiceFine)) {
                let sentence = || {
                    let poll = self.poll(at, log);
                    format!("{poll} shows offset {one} and then offset {other}")
                };
                gaps.inner_back.add(sentence, [at]);
            } else if let Some((sent, place, told)) =
                self.left_out(log, Bound::Excluded(one), other, lost)
            {
                let sentence = || {
                    let (poll, known) = (self.poll(at, log), self.known(sent, place, told));
                    format!("{poll} goes from offset {one} to {other} and leaves out {known}")
                };
                gaps.inner_skip.add(sentence, [told, at]);
            }
        }
    }

    /// The first message in a stretch of a log that ends before `to`, but for what is lost: where
    /// it is, and who told.
    fn left_out(
        &self,
        log: u32,
        from: Bound<u64>,
        to: u64,
        lost: &BTreeSet<Sent>,
    ) -> Option<(Sent, u64, usize)> {
        let empty = match from {
            Bound::Included(from) => from >= to,
            Bound::Excluded(last) => last >= to,
            Bound::Unbounded => false,
        };
        if empty {
            return None;
        }
        let known = self.logs.get(&log)?;
        let within = known.places.range((from, Bound::Excluded(to)));
        let mut messages =
            within.flat_map(|(place, all)| all.iter().map(move |message| (*place, *message)));
        let (place, message) = messages.find(|(_, it)| !lost.contains(&(log, *it)))?;
        Some(((log, message), place, known.messages[&message].places[&place]))
    }

    /// Tells the transactions that were shown what they themselves had sent.
    pub(super) fn tell_precommitted(&self, verdict: &mut Verdict) {
        let mut cases = Cases::new("KAFKA-PRECOMMITTED-READ");
        for (at, step) in self.recording.steps.iter().enumerate() {
            let sent: BTreeSet<Sent> = sends(step).map(|(sent, _)| sent).collect();
            let mut shown = polls(step)
                .flat_map(|(log, _, shown)| shown.iter().map(move |(_, message)| (log, *message)));
            if let Some(own) = shown.find(|shown| sent.contains(shown)) {
                let sentence = || {
                    let (poll, name) = (self.poll(at, own.0), self.name(own.1));
                    format!("{poll} shows {name}, which the same transaction sends")
                };
                cases.add(sentence, [at]);
            }
        }
        cases.into_verdict(verdict);
    }
}

/// What a step is shown of each log, one poll after the other, and where the first begins.
fn joined(step: &Step) -> BTreeMap<u32, (Start, Vec<u64>)> {
    let mut joined: BTreeMap<u32, (Start, Vec<u64>)> = BTreeMap::new();
    for (log, start, shown) in polls(step) {
        let (_, all) = joined.entry(log).or_insert((start, Vec::new()));
        all.extend(shown.iter().map(|(offset, _)| *offset));
    }
    joined
}

/// A process that is assigned other logs forgets where it was in those it had.
pub(super) fn keep_assigned<T>(step: &Step, positions: &mut BTreeMap<u32, T>) {
    for act in &step.acts {
        if let Act::Assign { logs } = act
            && step.end != End::Failed
        {
            positions.retain(|log, _| logs.contains(log));
        }
    }
}
