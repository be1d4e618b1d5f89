//! Sends that go back, and offsets that nobody committed.

use std::collections::BTreeMap;

use splitbrain_core::{End, ProcessId, Verdict};

use super::logs::{Logs, Sent, ended, sends};
use super::polls::keep_assigned;
use super::{Act, Step};
use crate::cases::Cases;
use crate::planted::{Planted, planted};

impl Logs<'_> {
    /// Tells the senders whose messages are not in the log in the order in which they were sent.
    pub(super) fn tell_sends(&self, verdict: &mut Verdict) {
        let mut outer = Cases::new("KAFKA-NONMONOTONIC-SEND");
        let mut inner = Cases::new("KAFKA-INT-NONMONOTONIC-SEND");
        let mut processes: BTreeMap<ProcessId, BTreeMap<u32, (u64, Sent, usize)>> = BTreeMap::new();
        for (at, step) in self.recording.steps.iter().enumerate() {
            if step.end == End::Failed {
                continue;
            }
            let last = processes.entry(step.process).or_default();
            for (sent, offset) in sends(step) {
                let Some(place) = self.place(sent, offset) else { continue };
                if let Some((before, other, when)) = last.insert(sent.0, (place, sent, at))
                    && place < before
                {
                    let sentence = || {
                        let (log, process) = (self.log(sent.0), step.process);
                        let (one, two) = (self.name(other.1), self.name(sent.1));
                        format!(
                            "{process} sent {one} to {log} and then {two}, yet {two} is at offset \
                             {place} and {one} at offset {before}"
                        )
                    };
                    let cases = if when == at { &mut inner } else { &mut outer };
                    let first = (when != at).then_some(when);
                    cases.add(sentence, first.into_iter().chain([at]));
                }
            }
            keep_assigned(step, last);
        }
        outer.into_verdict(verdict);
        inner.into_verdict(verdict);
    }

    /// Where a message is: where its sender was told, or where it was shown, if that is one place.
    fn place(&self, (log, message): Sent, told: Option<u64>) -> Option<u64> {
        let shown = || {
            let mut places = self.logs.get(&log)?.messages.get(&message)?.places.keys();
            places.next().copied().filter(|_| places.next().is_none())
        };
        told.or_else(shown)
    }

    /// Tells the committed offsets beyond all that anyone had committed: whoever begins there
    /// passes over messages that nobody has read.
    pub(super) fn tell_commits(&self, verdict: &mut Verdict) {
        let mut cases = Cases::new("KAFKA-COMMIT-AHEAD");
        let steps = &self.recording.steps;
        let end = |at: &usize| steps[*at].completed.map_or(u32::MAX, |end| end.order);
        let mut lists: Vec<usize> =
            (0..steps.len()).filter(|at| told(&steps[*at]).next().is_some()).collect();
        lists.sort_by_key(end);
        let mut most: BTreeMap<u32, u64> = BTreeMap::new();
        let mut asked = steps.iter().peekable();
        for list in lists {
            while let Some(step) = asked.next_if(|step| step.invoked.order < end(&list)) {
                for (log, offset) in committed(step) {
                    let most = most.entry(log).or_default();
                    *most = offset.max(*most);
                }
            }
            let ahead = |(log, offset): &(u32, u64)| most.get(log).copied().unwrap_or(0) < *offset;
            for (log, offset) in told(&steps[list]).filter(ahead) {
                cases.add(|| self.ahead(list, log, offset, most.get(&log).copied()), [list]);
            }
        }
        cases.into_verdict(verdict);
    }

    fn ahead(&self, list: usize, log: u32, offset: u64, most: Option<u64>) -> String {
        let step = &self.recording.steps[list];
        let (log, process, end) = (self.log(log), step.process, ended(step));
        let node = step.node.map_or("a server".into(), |node| node.to_string());
        let most = most.map_or("none".into(), |most| format!("none beyond {most}"));
        format!(
            "{node} told {process} at {end} that offset {offset} of {log} is committed, yet {most} \
             had been asked for"
        )
    }
}

/// The offsets that a step commits, unless it failed.
fn committed(step: &Step) -> impl Iterator<Item = (u32, u64)> {
    let counts = step.end != End::Failed || planted(Planted::KafkaFailedCommit);
    step.acts.iter().filter(move |_| counts).filter_map(|act| match act {
        Act::Commit { log, offset } => Some((*log, *offset)),
        _ => None,
    })
}

/// The committed offsets that a step was told. An offset of 0 says no more than none: whoever
/// begins there begins at the beginning.
fn told(step: &Step) -> impl Iterator<Item = (u32, u64)> {
    let answered = step.end == End::Ok;
    step.acts.iter().filter(move |_| answered).filter_map(|act| match act {
        Act::Committed { log, offset } => Some((*log, *offset)),
        _ => None,
    })
}
