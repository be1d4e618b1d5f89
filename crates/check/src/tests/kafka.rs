//! The judge of logs against its definitions: literal histories of transactions, and the
//! definitions word by word, with nothing looked up, on random histories.

use std::collections::BTreeSet;

use splitbrain_core::{End, ProcessId, Rng, Stamp, Time};

use crate::kafka::{Act, Recording, Start, Step, judge};
use crate::planted::{current, plant, with};

/// What is found in histories such as Jepsen's: with transactions, and polls that go on from where
/// their process was. Each line is an operation; each begins after the one before has ended.
const NAMED: &[(&str, &[&str], &str)] = &[
    (
        "an offset that may never have been used",
        &[],
        "0 info s x 1 @0, s y 1
         1 ok s x 2 @0",
    ),
    (
        "a transaction that was shown in part happened, all of it",
        &["KAFKA-INCONSISTENT-OFFSET"],
        "0 info s x 1 @0, s y 1
         1 ok s x 2 @0
         2 ok p y 5:1",
    ),
    (
        "lost, for a message after it was shown",
        &["KAFKA-LOST-WRITE"],
        "0 ok s x 1 @0
         0 ok s x 2 @1, s x 4 @3
         1 info s x 3
         2 ok p x 2:3",
    ),
    (
        "written over, and so lost",
        &["KAFKA-INCONSISTENT-OFFSET", "KAFKA-LOST-WRITE"],
        "0 ok s x 1 @0
         1 ok s x 2 @0, s x 3 @2
         0 ok p x 0:2 2:3",
    ),
    (
        "nobody knows whether it happened",
        &[],
        "0 info s x 1, s y 2 @0
         1 info s y 3
         3 ok p y 1:3",
    ),
    (
        "it happened, for a part of its transaction was shown",
        &["KAFKA-LOST-WRITE"],
        "0 info s x 1, s y 2 @0
         1 info s y 3
         2 ok p x 0:1
         3 ok p y 1:3",
    ),
    (
        "a process goes on too far on",
        &["KAFKA-POLL-SKIP"],
        "9 info s x 1, s x 2, s x 3, s x 4
         0 ok p x 1:1 2:2
         1 ok p x 3:3
         0 ok p x 4:4",
    ),
    (
        "a process that was assigned other logs may begin anywhere",
        &[],
        "9 info s x 1, s x 2, s x 3, s x 4
         0 ok p x 1:1 2:2
         1 ok p x 3:3
         0 ok a y
         0 ok p x 4:4",
    ),
    (
        "a process that was assigned the same log again may not",
        &["KAFKA-POLL-SKIP"],
        "9 info s x 1, s x 2, s x 3, s x 4
         0 ok p x 1:1 2:2
         1 ok p x 3:3
         0 ok a x y
         0 fail a y
         0 ok p x 4:4",
    ),
    (
        "who gave up begins again where it was",
        &[],
        "0 ok s x 0 @0, s x 1 @1, s x 2 @2
         1 ok p x 0:0
         1 fail p x 1:1 2:2
         1 info p x 1:1 2:2
         1 ok p x 1:1 2:2",
    ),
    (
        "who gave up may not go on",
        &["KAFKA-POLL-SKIP"],
        "0 ok s x 0 @0, s x 1 @1, s x 2 @2, s x 3 @3
         1 ok p x 0:0
         2 ok p x 0:0 1:1 2:2 3:3
         1 fail p x 1:1 2:2
         1 info p x 3:3",
    ),
    (
        "a process goes back",
        &["KAFKA-NONMONOTONIC-POLL"],
        "0 ok s x 1, s x 2, s x 3, s x 4
         0 ok p x 1:1 2:2 3:3
         0 ok p x 2:2 3:3 4:4",
    ),
    (
        "two polls of one transaction are one",
        &["KAFKA-INT-NONMONOTONIC-POLL", "KAFKA-INT-POLL-SKIP"],
        "0 ok s x 1 @1, s x 2 @2, s x 3 @3
         1 ok p x 1:1 3:3, p x 2:2
         2 ok p x 1:1 2:2 3:3",
    ),
    ("a transaction goes back", &["KAFKA-INT-NONMONOTONIC-SEND"], "0 ok s x 1 @3, s x 2 @1"),
    (
        "a process goes back to where its message was shown",
        &["KAFKA-NONMONOTONIC-SEND"],
        "0 ok s x 1 @3
         0 info s x 2
         1 ok p x 1:2 3:1",
    ),
    (
        "a transaction that reads what it sends",
        &["KAFKA-PRECOMMITTED-READ"],
        "0 ok s x 1 @3, p x 3:1",
    ),
    (
        "who sends twice may have it twice",
        &[],
        "0 ok s x 1 @3
         0 ok s x 1 @4
         1 ok p x 3:1 4:1",
    ),
    (
        "offsets as large as may be",
        &["KAFKA-LOST-WRITE"],
        "0 ok s x 1 @18446744073709551614, s x 2 @18446744073709551615
         1 ok p x 18446744073709551615:2",
    ),
];

/// The named histories that are judged otherwise than expected.
pub(super) fn failures() -> Vec<String> {
    let mut failures = Vec::new();
    for (name, expected, text) in NAMED {
        let told = ids(&recording(text));
        if told != BTreeSet::from_iter(expected.iter().map(ToString::to_string)) {
            failures.push(format!("{name}: {told:?}"));
        }
    }
    failures
}

fn recording(text: &str) -> Recording {
    let steps = (0..).zip(text.lines()).map(|(at, line)| step(at, line.trim())).collect();
    let names = |names: &str| names.split(' ').map(str::to_string).collect();
    Recording { steps, logs: names("x y"), messages: names("m0 m1 m2 m3 m4") }
}

fn step(at: u32, line: &str) -> Step {
    let (process, rest) = line.split_once(' ').unwrap();
    let (end, acts) = rest.split_once(' ').unwrap();
    let stamp = |order| Stamp { order, at: Time::from_nanos(u64::from(order) * 1_000_000) };
    Step {
        process: ProcessId(process.parse().unwrap()),
        node: None,
        invoked: stamp(at * 2),
        completed: Some(stamp(at * 2 + 1)),
        end: match end {
            "ok" => End::Ok,
            "info" => End::Unknown,
            _ => End::Failed,
        },
        last: false,
        acts: acts.split(", ").map(act).collect(),
    }
}

fn act(text: &str) -> Act {
    let words: Vec<&str> = text.split(' ').collect();
    let log = |name: &str| u32::from(name == "y");
    match words[..] {
        ["s", name, message] => {
            Act::Send { log: log(name), message: message.parse().unwrap(), offset: None }
        }
        ["s", name, message, offset] => {
            let offset = offset[1..].parse().unwrap();
            Act::Send { log: log(name), message: message.parse().unwrap(), offset: Some(offset) }
        }
        ["p", name, ..] => {
            let record = |pair: &&str| {
                let (offset, message) = pair.split_once(':').unwrap();
                (offset.parse().unwrap(), message.parse().unwrap())
            };
            let shown = words[2..].iter().map(record).collect();
            Act::Poll { log: log(name), start: Start::Position, shown }
        }
        _ => Act::Assign { logs: words[1..].iter().map(|name| log(name)).collect() },
    }
}

fn ids(recording: &Recording) -> BTreeSet<String> {
    judge(recording).findings.iter().map(|finding| finding.id.to_string()).collect()
}

/// The first of `count` random histories on which the judge and the definitions disagree.
pub(super) fn disagreement(count: u32) -> Option<String> {
    let mut rng = Rng::new(20_261_124);
    let mut wrong = 0;
    for number in 0..count {
        let recording = random(&mut rng);
        let bug = current();
        let expected = with(None, || by_definition(&recording));
        plant(bug);
        wrong += u32::from(!expected.is_empty());
        let expected: BTreeSet<String> = expected.into_iter().map(String::from).collect();
        let told = ids(&recording);
        if told != expected {
            let steps: Vec<String> = recording.steps.iter().map(|it| format!("{it:?}")).collect();
            let steps = steps.join("\n");
            return Some(format!("history {number}: {told:?}, but {expected:?}:\n{steps}"));
        }
    }
    let share = wrong * 100 / count;
    assert!((30..90).contains(&share), "something is wrong with {share} % of the histories");
    None
}

/// A history of logs as clients of a real server would see it, now and then with a wrong answer.
fn random(rng: &mut Rng) -> Recording {
    let mut logs: [Vec<(u64, u32)>; 2] = [Vec::new(), Vec::new()];
    let wrong = rng.below(4);
    let ours = rng.below(2) == 0;
    let steps = (0..u32::try_from(rng.between(3, 12)).unwrap()).map(|at| {
        let end = match rng.below(8) {
            0 => End::Failed,
            1 => End::Unknown,
            _ => End::Ok,
        };
        let count = if rng.below(4) == 0 { 2 } else { 1 };
        let order = |rng: &mut Rng| at * 2 + 1 + 2 * u32::try_from(rng.below(3)).unwrap();
        let stamp = |order| Stamp { order, at: Time::from_nanos(u64::from(order)) };
        Step {
            process: ProcessId(u32::try_from(rng.below(3)).unwrap()),
            node: None,
            invoked: stamp(at * 2),
            completed: (rng.below(12) > 0).then(|| stamp(order(rng))),
            end,
            last: at > 5 && rng.below(2) == 0,
            acts: (0..count).map(|_| random_act(rng, &mut logs, end, ours, wrong)).collect(),
        }
    });
    Recording { steps: steps.collect(), ..Recording::default() }
}

fn random_act(
    rng: &mut Rng,
    logs: &mut [Vec<(u64, u32)>; 2],
    end: End,
    ours: bool,
    wrong: u64,
) -> Act {
    let log = u32::from(rng.below(4) == 0);
    let entries = &mut logs[log as usize];
    let spoil = |rng: &mut Rng| rng.below(12) < wrong;
    match rng.below(12) {
        0..5 => {
            let messages = if spoil(rng) { 3 } else { 40 };
            let message = u32::try_from(rng.below(messages)).unwrap();
            let mut offset = entries.last().map_or(0, |last| last.0 + rng.between(1, 2));
            if spoil(rng) {
                offset = rng.below(5);
            }
            if end != End::Failed || spoil(rng) {
                entries.push((offset, message));
            }
            let told = end == End::Ok || rng.below(3) == 0;
            Act::Send { log, message, offset: told.then_some(offset) }
        }
        5 => Act::Commit { log, offset: rng.below(4) },
        6 => {
            let most = if spoil(rng) { 6 } else { 1 };
            Act::Committed { log, offset: rng.below(most) }
        }
        7 if !ours => Act::Assign { logs: vec![log] },
        _ => {
            let from = rng.below(4);
            let mut shown: Vec<(u64, u32)> =
                entries.iter().filter(|it| it.0 >= from).copied().collect();
            shown.truncate(usize::try_from(rng.between(0, 5)).unwrap());
            if spoil(rng) && !shown.is_empty() {
                let at = usize::try_from(rng.below(shown.len() as u64)).unwrap();
                match rng.below(4) {
                    0 => _ = shown.remove(at),
                    1 => shown.push(shown[at]),
                    2 => shown[at].1 = u32::try_from(rng.below(9)).unwrap(),
                    _ => shown.swap(0, at),
                }
            }
            let start = if ours { Start::At(from) } else { Start::Position };
            Act::Poll { log, start, shown }
        }
    }
}

/// Every finding's definition, word by word.
fn by_definition(recording: &Recording) -> BTreeSet<&'static str> {
    let all = Definitions { steps: &recording.steps };
    let found: [(&'static str, bool); 14] = [
        ("KAFKA-LOST-WRITE", all.every_message().any(|it| all.is_lost(it))),
        ("KAFKA-UNSEEN", all.every_message().any(|it| all.is_unseen(it))),
        ("KAFKA-INCONSISTENT-OFFSET", all.every_place().any(|it| all.messages_at(it).len() > 1)),
        ("KAFKA-DUPLICATE", all.every_message().any(|it| all.is_duplicated(it))),
        ("KAFKA-ABORTED-READ", all.every_message().any(|it| all.is_aborted(it))),
        ("KAFKA-PHANTOM", all.every_message().any(|it| all.is_phantom(it))),
        ("KAFKA-PRECOMMITTED-READ", recording.steps.iter().any(reads_its_own)),
        ("KAFKA-POLL-SKIP", all.every_begin().any(|(log, from, to)| all.has_gap(log, from, to))),
        ("KAFKA-INT-POLL-SKIP", all.every_pair().any(|(log, a, b)| all.has_gap(log, a + 1, b))),
        ("KAFKA-NONMONOTONIC-POLL", all.every_begin().any(|(_, from, first)| first < from)),
        ("KAFKA-INT-NONMONOTONIC-POLL", all.every_pair().any(|(_, one, other)| other <= one)),
        ("KAFKA-NONMONOTONIC-SEND", all.sends_go_back(false)),
        ("KAFKA-INT-NONMONOTONIC-SEND", all.sends_go_back(true)),
        ("KAFKA-COMMIT-AHEAD", all.is_ahead()),
    ];
    found.into_iter().filter(|(_, is)| *is).map(|(id, _)| id).collect()
}

struct Definitions<'a> {
    steps: &'a [Step],
}

/// A log, a message, and its offset if that is told.
type Told = (u32, u32, Option<u64>);

impl Definitions<'_> {
    fn sends(step: &Step) -> impl Iterator<Item = Told> {
        step.acts.iter().filter_map(|act| match act {
            Act::Send { log, message, offset } => Some((*log, *message, *offset)),
            _ => None,
        })
    }

    fn shows(step: &Step) -> impl Iterator<Item = Told> {
        step.acts.iter().flat_map(|act| match act {
            Act::Poll { log, shown, .. } => {
                shown.iter().map(|(offset, it)| (*log, *it, Some(*offset))).collect()
            }
            _ => Vec::new(),
        })
    }

    /// The answered polls that show a message.
    fn shown(&self, (log, message): (u32, u32)) -> impl Iterator<Item = &Step> {
        let shows = move |step: &&Step| Self::shows(step).any(|it| (it.0, it.1) == (log, message));
        self.steps.iter().filter(|step| step.end == End::Ok).filter(shows)
    }

    fn senders(&self, (log, message): (u32, u32)) -> impl Iterator<Item = &Step> {
        let sends = move |step: &&Step| Self::sends(step).any(|it| (it.0, it.1) == (log, message));
        self.steps.iter().filter(sends)
    }

    fn every_message(&self) -> impl Iterator<Item = (u32, u32)> {
        let all = self.steps.iter().flat_map(|step| Self::sends(step).chain(Self::shows(step)));
        all.map(|(log, message, _)| (log, message))
    }

    /// Answered; or unknown, and a message of it was shown.
    fn happened(&self, step: &Step) -> bool {
        let mut sent = Self::sends(step).map(|(log, message, _)| (log, message));
        match step.end {
            End::Ok => true,
            End::Unknown => sent.any(|it| self.shown(it).next().is_some()),
            End::Failed => false,
        }
    }

    /// Every log, message and offset that is told by a poll, or by a send that happened.
    fn every_place(&self) -> impl Iterator<Item = Told> {
        self.steps.iter().flat_map(|step| {
            let sent = Self::sends(step).filter(|it| it.2.is_some() && self.happened(step));
            sent.chain(Self::shows(step)).collect::<Vec<_>>()
        })
    }

    fn places(&self, (log, message): (u32, u32)) -> BTreeSet<u64> {
        self.every_place()
            .filter(|it| (it.0, it.1) == (log, message))
            .filter_map(|it| it.2)
            .collect()
    }

    fn messages_at(&self, (log, _, offset): Told) -> BTreeSet<u32> {
        self.every_place().filter(|it| (it.0, it.2) == (log, offset)).map(|it| it.1).collect()
    }

    fn is_lost(&self, it: (u32, u32)) -> bool {
        let Some(place) = self.places(it).last().copied() else { return false };
        let sent = self.senders(it).any(|step| self.happened(step));
        let passes = |act: &Act| match act {
            Act::Poll { log, start, shown } if *log == it.0 => {
                let begins = if let Start::At(from) = start { *from <= place } else { true };
                begins && shown.iter().any(|(offset, _)| *offset >= place)
            }
            _ => false,
        };
        let mut answered = self.steps.iter().filter(|step| step.end == End::Ok);
        let passed = answered.any(|step| step.acts.iter().any(passes));
        sent && passed && self.shown(it).next().is_none()
    }

    fn is_unseen(&self, it: (u32, u32)) -> bool {
        let Some(place) = self.places(it).last().copied() else { return false };
        let answered = self.senders(it).filter(|step| step.end == End::Ok);
        let known: Vec<u32> =
            answered.chain(self.shown(it)).filter_map(|it| Some(it.completed?.order)).collect();
        let begins = |act: &Act| {
            matches!(act, Act::Poll { log, start: Start::At(from), .. }
                if *log == it.0 && *from <= place)
        };
        let denies = |step: &Step| {
            step.last
                && step.end == End::Ok
                && Self::shows(step).next().is_none()
                && step.acts.iter().any(begins)
                && known.iter().any(|end| *end < step.invoked.order)
        };
        !self.is_lost(it) && self.steps.iter().any(denies)
    }

    fn is_duplicated(&self, it: (u32, u32)) -> bool {
        let sent = self.senders(it).filter(|step| step.end != End::Failed);
        let sent: usize =
            sent.map(|step| Self::sends(step).filter(|sent| (sent.0, sent.1) == it).count()).sum();
        self.places(it).len() > sent.max(1)
    }

    fn is_aborted(&self, it: (u32, u32)) -> bool {
        self.shown(it).next().is_some()
            && self.senders(it).next().is_some()
            && self.senders(it).all(|step| step.end == End::Failed)
    }

    fn is_phantom(&self, it: (u32, u32)) -> bool {
        let nobody = self.senders(it).next().is_none();
        let mut sent = self.senders(it).filter(|step| step.end != End::Failed);
        let first = sent.next().map(|step| step.invoked.order);
        let ended = |poll: &Step| poll.completed.unwrap_or(poll.invoked).order;
        self.shown(it).any(|poll| nobody || first.is_some_and(|first| first > ended(poll)))
    }

    /// What a step is shown of each log, and where the first poll of it begins.
    fn joined(step: &Step, log: u32) -> Option<(Start, Vec<u64>)> {
        let start = step.acts.iter().find_map(|act| match act {
            Act::Poll { log: of, start, .. } if *of == log => Some(*start),
            _ => None,
        });
        let shown = Self::shows(step).filter(|it| it.0 == log).filter_map(|it| it.2).collect();
        Some((start?, shown))
    }

    fn drops(step: &Step, log: u32) -> bool {
        let drops = |act: &Act| matches!(act, Act::Assign { logs } if !logs.contains(&log));
        step.end != End::Failed && step.acts.iter().any(drops)
    }

    /// The last offset of a log that the process of a step was shown before.
    fn position(&self, at: usize, log: u32) -> Option<u64> {
        let mine = |step: &&Step| step.process == self.steps[at].process;
        for step in self.steps[..at].iter().rev().filter(mine) {
            if Self::drops(step, log) {
                return None;
            }
            let shown = Self::joined(step, log).and_then(|(_, shown)| shown.last().copied());
            if let (Some(last), End::Ok) = (shown, step.end) {
                return Some(last);
            }
        }
        None
    }

    /// Of every poll that shows something: the log, where it should begin, and where it does.
    fn every_begin(&self) -> impl Iterator<Item = (u32, u64, u64)> {
        (0..self.steps.len()).flat_map(|at| (0..2).map(move |log| (at, log))).filter_map(
            |(at, log)| {
                let (start, shown) = Self::joined(&self.steps[at], log)?;
                let from = match start {
                    Start::At(from) => from,
                    Start::Position => self.position(at, log)? + 1,
                    Start::Anywhere => return None,
                };
                Some((log, from, *shown.first()?))
            },
        )
    }

    /// The log and offset of everything shown, with the offset that is shown next.
    fn every_pair(&self) -> impl Iterator<Item = (u32, u64, u64)> {
        let all = self.steps.iter().flat_map(|step| (0..2).map(move |log| (step, log)));
        all.flat_map(|(step, log)| {
            let (_, shown) = Self::joined(step, log).unwrap_or((Start::Anywhere, Vec::new()));
            shown.windows(2).map(|pair| (log, pair[0], pair[1])).collect::<Vec<_>>()
        })
    }

    /// Whether anything is there from one offset to before the other, but for what is lost.
    fn has_gap(&self, log: u32, from: u64, to: u64) -> bool {
        self.every_place().any(|(of, message, offset)| {
            let within = offset.is_some_and(|offset| (from..to).contains(&offset));
            of == log && within && !self.is_lost((log, message))
        })
    }

    fn sends_go_back(&self, inner: bool) -> bool {
        let mut all: Vec<(usize, u32, u64)> = Vec::new();
        for (at, step) in self.steps.iter().enumerate().filter(|(_, it)| it.end != End::Failed) {
            for (log, message, told) in Self::sends(step) {
                let places = self.places((log, message));
                let only = places.first().filter(|_| places.len() == 1).copied();
                let Some(place) = told.or(only) else { continue };
                let process = |at: &usize| self.steps[*at].process;
                let mine = |it: &&(usize, u32, u64)| process(&it.0) == process(&at) && it.1 == log;
                if let Some((before, _, other)) = all.iter().rfind(mine) {
                    let mut between = (*before..at).filter(|it| process(it) == process(&at));
                    let kept = !between.any(|it| Self::drops(&self.steps[it], log));
                    if kept && place < *other && (*before == at) == inner {
                        return true;
                    }
                }
                all.push((at, log, place));
            }
        }
        false
    }

    fn is_ahead(&self) -> bool {
        let answered = self.steps.iter().filter(|step| step.end == End::Ok);
        answered.flat_map(|step| step.acts.iter().map(move |act| (step, act))).any(|(step, act)| {
            let Act::Committed { log, offset } = act else { return false };
            let covers = |act: &Act| {
                matches!(act, Act::Commit { log: of, offset: to } if of == log && to >= offset)
            };
            let end = step.completed.map_or(u32::MAX, |end| end.order);
            let in_time = |it: &&Step| it.end != End::Failed && it.invoked.order < end;
            let mut asked = self.steps.iter().filter(in_time);
            *offset > 0 && !asked.any(|it| it.acts.iter().any(covers))
        })
    }
}

fn reads_its_own(step: &Step) -> bool {
    Definitions::sends(step)
        .any(|sent| Definitions::shows(step).any(|shown| (shown.0, shown.1) == (sent.0, sent.1)))
}
