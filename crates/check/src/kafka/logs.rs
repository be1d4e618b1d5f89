//! What all answers together say of each log, and what is wrong with that by itself.

use std::collections::{BTreeMap, BTreeSet};

use splitbrain_core::{End, Stamp, Time, Verdict};

use super::{Act, Recording, Start, Step};
use crate::cases::Cases;
use crate::planted::{Planted, planted};

/// A log by its number, and a message by its.
pub(super) type Sent = (u32, u32);

/// What is known of a message.
#[derive(Default)]
pub(super) struct Message {
    /// The steps that sent it, in order, but for those that failed.
    pub(super) senders: Vec<usize>,
    /// The first step that sent it and failed.
    failed: Option<usize>,
    /// Of the answered polls that showed it, the one that ended first.
    pub(super) shown: Option<usize>,
    /// Whether it was sent for sure.
    committed: bool,
    /// Each offset at which it is, with the first step that tells.
    pub(super) places: BTreeMap<u64, usize>,
}

/// What is known of a log.
#[derive(Default)]
pub(super) struct Log {
    pub(super) messages: BTreeMap<u32, Message>,
    /// The messages at each offset: more than one is wrong.
    pub(super) places: BTreeMap<u64, BTreeSet<u32>>,
}

/// What is known of all logs.
pub(super) struct Logs<'a> {
    pub(super) recording: &'a Recording,
    pub(super) logs: BTreeMap<u32, Log>,
}

impl<'a> Logs<'a> {
    pub(super) fn new(recording: &'a Recording) -> Self {
        let mut logs = Self { recording, logs: BTreeMap::new() };
        logs.note_sends();
        logs.note_shown();
        logs.note_places();
        logs
    }

    fn message(&mut self, (log, message): Sent) -> &mut Message {
        self.logs.entry(log).or_default().messages.entry(message).or_default()
    }

    fn note_sends(&mut self) {
        for (at, step) in self.recording.steps.iter().enumerate() {
            for (sent, _) in sends(step) {
                let message = self.message(sent);
                if step.end == End::Failed && !planted(Planted::KafkaFailedSent) {
                    message.failed.get_or_insert(at);
                } else {
                    message.senders.push(at);
                }
            }
        }
    }

    fn note_shown(&mut self) {
        let recording = self.recording;
        let end = |at: usize| recording.steps[at].completed.map_or(u32::MAX, |end| end.order);
        for (at, step) in self.recording.steps.iter().enumerate() {
            let answered = step.end == End::Ok;
            for (log, _, shown) in polls(step) {
                for (_, message) in shown {
                    let message = self.message((log, *message));
                    if answered && message.shown.is_none_or(|first| end(at) < end(first)) {
                        message.shown = Some(at);
                    }
                }
            }
        }
    }

    /// Whether a step happened for sure. Of a transaction that was shown in part all must be there.
    fn happened(&self, step: &Step) -> bool {
        let shown = |(log, message): Sent| self.logs[&log].messages[&message].shown.is_some();
        match step.end {
            End::Ok => true,
            End::Failed => false,
            End::Unknown => {
                planted(Planted::KafkaUnknownSent) || sends(step).any(|(sent, _)| shown(sent))
            }
        }
    }

    /// Offsets are told by every poll, and by the sends that happened for sure.
    fn note_places(&mut self) {
        for (at, step) in self.recording.steps.iter().enumerate() {
            if self.happened(step) {
                for (sent, offset) in sends(step) {
                    self.message(sent).committed = true;
                    if let Some(offset) = offset {
                        self.note_place(sent, offset, at);
                    }
                }
            }
            for (log, _, shown) in polls(step) {
                for (offset, message) in shown {
                    self.note_place((log, *message), *offset, at);
                }
            }
        }
    }

    fn note_place(&mut self, (log, message): Sent, offset: u64, at: usize) {
        self.message((log, message)).places.entry(offset).or_insert(at);
        let log = self.logs.entry(log).or_default();
        log.places.entry(offset).or_default().insert(message);
    }

    /// Every message, log by log.
    pub(super) fn messages(&self) -> impl Iterator<Item = (Sent, &Message)> {
        self.logs
            .iter()
            .flat_map(|(log, it)| it.messages.iter().map(move |(name, it)| ((*log, *name), it)))
    }

    /// Tells the messages that were passed over by a poll and shown to nobody, and returns them.
    pub(super) fn tell_lost(&self, verdict: &mut Verdict) -> BTreeSet<Sent> {
        let reach = self.reach();
        let mut lost = BTreeSet::new();
        let mut cases = Cases::new("KAFKA-LOST-WRITE");
        for (sent, message) in self.messages() {
            let seen = message.shown.is_some() && !planted(Planted::KafkaSeenLost);
            let Some((place, told)) = message.places.last_key_value() else { continue };
            let passed = || reach.get(&sent.0).is_some_and(|polls| polls.pass(*place));
            if seen || !message.committed || !passed() {
                continue;
            }
            lost.insert(sent);
            let poll = || self.passes(sent.0, *place).unwrap_or(*told);
            let sentence = || {
                format!(
                    "{}, and nobody ever saw it: {} passes over it",
                    self.known(sent, *place, *told),
                    self.poll(poll(), sent.0)
                )
            };
            cases.add(sentence, std::iter::once(*told).chain(std::iter::once_with(poll)));
        }
        cases.into_verdict(verdict);
        lost
    }

    /// How far the polls of each log reach.
    fn reach(&self) -> BTreeMap<u32, Reach> {
        let mut reach: BTreeMap<u32, Reach> = BTreeMap::new();
        for step in self.recording.steps.iter().filter(|step| step.end == End::Ok) {
            for (log, from, to) in stretches(step) {
                reach.entry(log).or_default().stretches.push((from, to));
            }
        }
        for polls in reach.values_mut() {
            polls.settle();
        }
        reach
    }

    /// The first answered poll that passes over an offset.
    fn passes(&self, log: u32, place: u64) -> Option<usize> {
        let passes = |step: &Step| {
            step.end == End::Ok
                && stretches(step).any(|(of, from, to)| of == log && (from..=to).contains(&place))
        };
        self.recording.steps.iter().position(passes)
    }

    /// Tells what is known and past the end that a last poll has found.
    pub(super) fn tell_unseen(&self, lost: &BTreeSet<Sent>, verdict: &mut Verdict) {
        let ends = self.ends();
        let mut cases = Cases::new("KAFKA-UNSEEN");
        for (sent, message) in self.messages().filter(|(sent, _)| !lost.contains(sent)) {
            let Some((place, known, by)) = self.known_since(message) else { continue };
            let Some(poll) = ends.get(&sent.0).and_then(|ends| ends.at_or_before(place)) else {
                continue;
            };
            if self.recording.steps[poll].invoked.order < known.order {
                continue;
            }
            let sentence = || {
                let (known, poll) = (self.known(sent, place, by), self.poll(poll, sent.0));
                format!("{known}, yet {poll} in the last phase finds nothing there or after it")
            };
            cases.add(sentence, [by, poll]);
        }
        cases.into_verdict(verdict);
    }

    /// Where the last polls have found the end of each log.
    fn ends(&self) -> BTreeMap<u32, Ends> {
        let mut ends: BTreeMap<u32, Ends> = BTreeMap::new();
        for (at, step) in self.recording.steps.iter().enumerate().filter(|(_, it)| is_end(it)) {
            for (log, start, _) in polls(step) {
                if let Start::At(from) = start {
                    ends.entry(log).or_default().found.push((from, at));
                }
            }
        }
        ends.values_mut().for_each(Ends::settle);
        ends
    }

    /// The last place of a message, since when it is known to be there, and the step that made it
    /// known.
    fn known_since(&self, message: &Message) -> Option<(u64, Stamp, usize)> {
        let (place, _) = message.places.last_key_value()?;
        let ended = |at: &usize| Some((self.recording.steps[*at].completed?, *at));
        let answered = |at: &&usize| self.recording.steps[**at].end == End::Ok;
        let acknowledged = message.senders.iter().filter(answered).filter_map(ended);
        let shown = message.shown.iter().filter_map(ended);
        let shown = shown.filter(|_| !planted(Planted::KafkaShownMayVanish));
        let (known, by) = acknowledged.chain(shown).min_by_key(|(stamp, _)| stamp.order)?;
        Some((*place, known, by))
    }

    pub(super) fn tell_inconsistent(&self, verdict: &mut Verdict) {
        let mut cases = Cases::new("KAFKA-INCONSISTENT-OFFSET");
        for (name, log) in &self.logs {
            for (offset, messages) in log.places.iter().filter(|(_, all)| all.len() > 1) {
                let teller = |message: &u32| log.messages[message].places[offset];
                let mut told: Vec<(usize, u32)> =
                    messages.iter().map(|message| (teller(message), *message)).collect();
                told.sort_unstable();
                if planted(Planted::KafkaOffsetOfSends) {
                    told.retain(|(at, _)| sends(&self.recording.steps[*at]).next().is_some());
                }
                let [(first, one), (second, other), ..] = told[..] else { continue };
                let sentence = || {
                    format!(
                        "offset {offset} of {} holds two messages: {} by {}, {} by {}",
                        self.log(*name),
                        self.name(one),
                        self.step(first),
                        self.name(other),
                        self.step(second)
                    )
                };
                cases.add(sentence, [first, second]);
            }
        }
        cases.into_verdict(verdict);
    }

    pub(super) fn tell_duplicates(&self, verdict: &mut Verdict) {
        let mut cases = Cases::new("KAFKA-DUPLICATE");
        for ((log, name), message) in self.messages() {
            let places: Vec<(u64, usize)> =
                message.places.iter().map(|(offset, at)| (*offset, *at)).collect();
            let [(one, first), (other, second), ..] = places[..] else { continue };
            // Who sends a message twice may have it twice.
            if places.len() <= message.senders.len() || planted(Planted::KafkaDuplicatesFine) {
                continue;
            }
            let sentence = || {
                format!(
                    "{} is in {} more than once: at offset {one} by {}, at offset {other} by {}",
                    self.name(name),
                    self.log(log),
                    self.step(first),
                    self.step(second)
                )
            };
            cases.add(sentence, [first, second]);
        }
        cases.into_verdict(verdict);
    }

    /// Tells what was shown and had not been sent.
    pub(super) fn tell_sources(&self, verdict: &mut Verdict) {
        let mut aborted = Cases::new("KAFKA-ABORTED-READ");
        let mut phantom = Cases::new("KAFKA-PHANTOM");
        for (sent, message) in self.messages() {
            let Some(poll) = message.shown else { continue };
            let steps = &self.recording.steps;
            let asked = message.senders.iter().map(|at| steps[*at].invoked).min();
            let end = steps[poll].completed.unwrap_or(steps[poll].invoked);
            let early = asked.is_some_and(|asked| asked.order > end.order);
            let (log, name) = (self.log(sent.0), self.name(sent.1));
            let shows = || format!("{} shows {name}", self.poll(poll, sent.0));
            match (asked, message.failed) {
                (Some(asked), _) if early && !planted(Planted::KafkaFutureShown) => {
                    let at = asked.at;
                    let sentence =
                        || format!("{}, which nobody had asked to send before {at}", shows());
                    phantom.add(sentence, [poll, message.senders[0]]);
                }
                (Some(_), _) => {}
                (None, Some(failed)) => {
                    let sentence = || format!("{}, whose send to {log} had failed", shows());
                    aborted.add(sentence, [failed, poll]);
                }
                (None, None) => {
                    let sentence = || format!("{}, which nobody ever sent to {log}", shows());
                    phantom.add(sentence, [poll]);
                }
            }
        }
        aborted.into_verdict(verdict);
        phantom.into_verdict(verdict);
    }

    pub(super) fn tell_undecided(&self, verdict: &mut Verdict) {
        let steps = &self.recording.steps;
        let answered = |step: &&Step| step.end == End::Ok;
        let sent = || steps.iter().filter(answered).any(|step| sends(step).next().is_some());
        let ours = |step: &Step| polls(step).any(|(_, start, _)| start != Start::Position);
        if !sent() && !self.messages().any(|(_, message)| message.shown.is_some()) {
            verdict.undecided.push("no message was ever acknowledged or shown".into());
        } else if !steps.iter().any(|step| polls(step).next().is_some()) {
            verdict.undecided.push("no poll was answered".into());
        } else if steps.iter().any(ours) && !steps.iter().any(is_end) {
            let why = "no last poll came to the end of the logs: what is lost there cannot be told";
            verdict.undecided.push(why.into());
        }
    }

    pub(super) fn tell_remarks(&self, verdict: &mut Verdict) {
        let acknowledged = |message: &Message| {
            message.senders.iter().any(|at| self.recording.steps[*at].end == End::Ok)
        };
        let sent = self.messages().filter(|(_, message)| acknowledged(message)).count();
        let unseen = self
            .messages()
            .filter(|(_, message)| acknowledged(message) && message.shown.is_none())
            .count();
        verdict.remarks.push(("messages sent".into(), sent.to_string()));
        if unseen > 0 {
            verdict.remarks.push(("never polled".into(), unseen.to_string()));
        }
    }

    // Words.

    pub(super) fn log(&self, log: u32) -> &str {
        self.recording.logs.get(log as usize).map_or("?", String::as_str)
    }

    pub(super) fn name(&self, message: u32) -> &str {
        self.recording.messages.get(message as usize).map_or("?", String::as_str)
    }

    /// `c1's send on n1 at 20ms`: when it was answered.
    pub(super) fn step(&self, at: usize) -> String {
        let step = &self.recording.steps[at];
        let what = if polls(step).next().is_some() { "poll" } else { "send" };
        let node = step.node.map_or(String::new(), |node| format!(" on {node}"));
        format!("{}'s {what}{node} at {}", step.process, ended(step))
    }

    /// `c1's poll of x from 3 on n1, begun at 20ms,`.
    pub(super) fn poll(&self, at: usize, of: u32) -> String {
        let step = &self.recording.steps[at];
        let from = polls(step).find(|(log, ..)| *log == of).and_then(|(_, start, _)| match start {
            Start::At(from) => Some(format!(" from {from}")),
            Start::Position | Start::Anywhere => None,
        });
        let node = step.node.map_or(String::new(), |node| format!(" on {node}"));
        let (log, from) = (self.log(of), from.unwrap_or_default());
        format!("{}'s poll of {log}{from}{node}, begun at {},", step.process, step.invoked.at)
    }

    /// `17 was sent to x by c1, who was told at 20ms that it is at offset 3`.
    pub(super) fn known(&self, (log, message): Sent, place: u64, by: usize) -> String {
        let step = &self.recording.steps[by];
        let (name, log, process) = (self.name(message), self.log(log), step.process);
        let at = ended(step);
        if sends(step).any(|((_, sent), _)| sent == message) {
            let told = format!("who was told at {at} that it is at offset {place}");
            format!("{name} was sent to {log} by {process}, {told}")
        } else {
            format!("{name} was shown to {process} at {at}, at offset {place} of {log}")
        }
    }
}

/// How far polls reach that begin no later than somewhere.
#[derive(Default)]
struct Reach {
    /// Where each begins, and the farthest that it or any before it shows.
    stretches: Vec<(u64, u64)>,
}

impl Reach {
    fn settle(&mut self) {
        self.stretches.sort_unstable();
        let mut farthest = 0;
        for (_, to) in &mut self.stretches {
            farthest = farthest.max(*to);
            *to = farthest;
        }
    }

    /// Whether some poll begins at this offset or before it, and shows it or a greater one.
    fn pass(&self, place: u64) -> bool {
        let begun = self.stretches.partition_point(|(from, _)| *from <= place);
        begun > 0 && self.stretches[begun - 1].1 >= place
    }
}

/// The polls that have found the end of a log: where each began, and which of those that began no
/// later was asked last.
#[derive(Default)]
struct Ends {
    found: Vec<(u64, usize)>,
}

impl Ends {
    fn settle(&mut self) {
        self.found.sort_unstable();
        let mut latest = 0;
        for (_, step) in &mut self.found {
            latest = latest.max(*step);
            *step = latest;
        }
    }

    /// The poll that was asked last, of those that found nothing at this offset or after it.
    fn at_or_before(&self, place: u64) -> Option<usize> {
        let begun = self.found.partition_point(|(from, _)| *from <= place);
        Some(self.found[begun.checked_sub(1)?].1)
    }
}

/// The stretch of each log that a poll shows: from where it begins to the greatest offset shown.
fn stretches(step: &Step) -> impl Iterator<Item = (u32, u64, u64)> {
    polls(step).filter_map(|(log, start, shown)| {
        let to = shown.iter().map(|(offset, _)| *offset).max()?;
        let from = match start {
            Start::At(from) if !planted(Planted::KafkaPollsFromZero) => from,
            _ => 0,
        };
        Some((log, from, to))
    })
}

/// A poll of the last phase that shows nothing at all: the logs end before where it began. If it
/// shows anything, it may have left out the rest to be asked again.
fn is_end(step: &Step) -> bool {
    let silent = |(_, _, shown): (u32, Start, &[(u64, u32)])| shown.is_empty();
    let last = step.last || planted(Planted::KafkaEveryPollLast);
    last && step.end == End::Ok && polls(step).next().is_some() && polls(step).all(silent)
}

/// When it was answered; when it was asked, if the history does not say.
pub(super) fn ended(step: &Step) -> Time {
    step.completed.unwrap_or(step.invoked).at
}

/// The messages that a step sends, with their offsets.
pub(super) fn sends(step: &Step) -> impl Iterator<Item = (Sent, Option<u64>)> {
    step.acts.iter().filter_map(|act| match act {
        Act::Send { log, message, offset } => Some(((*log, *message), *offset)),
        _ => None,
    })
}

/// The logs that a step polls: from where on, and what it is shown.
pub(super) fn polls(step: &Step) -> impl Iterator<Item = (u32, Start, &[(u64, u32)])> {
    step.acts.iter().filter_map(|act| match act {
        Act::Poll { log, start, shown } => Some((*log, *start, shown.as_slice())),
        _ => None,
    })
}
