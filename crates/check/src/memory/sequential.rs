//! Sequential consistency: one order of all operations that keeps the order of every session.
//!
//! PROBLEM     A store without real time: a client may be behind, but all clients see one story
//!             (Lamport 1979). Is there such a story? To decide that is NP-complete, even where
//!             each value is written once [gibbons1997 §4].
//! IDEA        First what the reads force (saturation.rs): a contradiction there is a short proof,
//!             and it is there in most histories that have no story. Then a search for the story,
//!             one operation after the other. How far each session has got is nearly all that it
//!             must remember: O(n^k) for k sessions, and far less in practice.
//! RULES       A read that fits is taken at once: it changes nothing.
//!             A write is not taken while somebody still has to find what it would replace and
//!             nobody would write that again.
//!             An operation is not taken before what is forced to be before it.
//!             An operation of unknown outcome is the last of its session, and may be left out. It
//!             is tried only if somebody still has to find what it writes.
//!             `SEQ-NO-ORDER`: no order exists.
//! CAVEATS     Sequential consistency of each key is not that of all: the search can't go key by
//!             key [herlihy1990 §3.2].
//! READ NEXT   saturation.rs

use std::collections::BTreeMap;

use splitbrain_core::{End, Finding, Point, Proof, Refused, Verdict};

use super::access::name;
use super::causal::{self, finding, out_of_budget};
use super::causality::Clocks;
use super::proof;
use super::readings::Readings;
use super::saturation::{Observer, Saturated, Saturation};
use super::sessions::INITIAL;
use crate::budget::Budget;
use crate::cases::operation_id;
use crate::planted::{Planted, planted};
use crate::spec::RegisterCall;
use crate::table::{Numbers, Table};

/// `SEQ-NO-ORDER`, `CAUSAL-CYCLE`.
pub(crate) fn sequential(readings: &Readings<'_>, budget: Budget) -> Verdict {
    let mut verdict = Verdict::default();
    let Some((order, clocks)) = causal::order(readings, budget, &mut verdict) else {
        return verdict;
    };
    let sessions = &readings.sessions;
    let mut saturation = Saturation::new(sessions, Observer::All, clocks, &order, budget.states);
    if !planted(Planted::InitialForgiven) {
        saturation.force_initial();
    }
    let (saturated, left) = saturation.run();
    match saturated {
        Saturated::Cycle(steps) => {
            let why = proof::chain(readings, &steps);
            let sentence = format!("no one order explains all reads: {why}");
            verdict.findings.push(finding("SEQ-NO-ORDER", sentence, readings, &steps));
            return verdict;
        }
        Saturated::OutOfBudget => verdict.undecided.push(out_of_budget(budget)),
        Saturated::Consistent => {
            let memory = budget.memory_bytes.saturating_sub(Clocks::bytes(sessions));
            match Search::new(readings, &saturation.clocks).run(left, memory) {
                Searched::Found => (),
                Searched::OutOfBudget => verdict.undecided.push(out_of_budget(budget)),
                Searched::None(finding) => verdict.findings.push(finding),
            }
        }
    }
    verdict
}

/// An operation as the search sees it. Values are numbered together with their key; that a key has
/// no value is a value.
#[derive(Clone, Copy)]
struct Step {
    access: usize,
    key: u32,
    observes: Option<u32>,
    /// It was refused because this was not there.
    differs: Option<u32>,
    /// And there was another value.
    needs_value: bool,
    writes: Option<u32>,
    /// It may be left out.
    open: bool,
    /// Its node, if it has one.
    node: Option<u32>,
}

enum Searched {
    Found,
    None(Finding),
    OutOfBudget,
}

/// A choice between sessions.
struct Choice {
    /// How many steps had been taken.
    taken: usize,
    options: Vec<usize>,
}

/// A step that was taken, and what its key held before.
#[derive(Clone, Copy)]
struct Taken {
    session: usize,
    before: u32,
}

struct Search<'a> {
    readings: &'a Readings<'a>,
    clocks: &'a Clocks,
    sessions: Vec<Vec<Step>>,
    /// What each number of a value stands for.
    values: Vec<Option<u64>>,
    /// By key: the number of "no value", and what it holds.
    nothing: Vec<u32>,
    state: Vec<u32>,
    /// By value: how many have still to find it; how many would, with those that may be left out;
    /// and how many have still to write it.
    observers: Vec<u32>,
    seekers: Vec<u32>,
    writers: Vec<u32>,
    /// By key: how many were refused there and have still to be.
    refusals: Vec<u32>,
    /// By session: how far it has got. By the sessions of the clocks: how many of their nodes.
    frontier: Vec<u32>,
    nodes: Vec<u32>,
    /// How many steps must still be taken.
    required: usize,
    /// Whether how far each session has got does not tell what the keys hold.
    several: bool,
    taken: Vec<Taken>,
    longest: Vec<Taken>,
    visited: Table<Box<[u32]>, ()>,
}

impl<'a> Search<'a> {
    fn new(readings: &'a Readings<'a>, clocks: &'a Clocks) -> Self {
        let mut values: Numbers<(u64, Option<u64>)> = Numbers::default();
        let mut keys: Numbers<u64> = Numbers::default();
        let sessions = steps(readings, &mut keys, &mut values);
        let nothing: Vec<u32> =
            keys.values().iter().map(|key| values.number(&(*key, None))).collect();
        let none = vec![0; values.values().len()];
        let (mut observers, mut seekers, mut writers) = (none.clone(), none.clone(), none);
        let mut refusals = vec![0; nothing.len()];
        let mut required = 0;
        for step in sessions.iter().flatten() {
            required += usize::from(!step.open);
            if let Some(value) = step.observes {
                observers[value as usize] += u32::from(!step.open);
                seekers[value as usize] += 1;
            }
            if let Some(value) = step.writes {
                writers[value as usize] += 1;
            }
            refusals[step.key as usize] += u32::from(step.differs.is_some());
        }
        Self {
            readings,
            clocks,
            frontier: vec![0; sessions.len()],
            nodes: vec![0; readings.sessions.count()],
            sessions,
            state: nothing.clone(),
            nothing,
            values: values.values().iter().map(|(_, value)| *value).collect(),
            several: readings.ambiguous.is_some() || refusals.iter().any(|count| *count > 0),
            observers,
            seekers,
            writers,
            refusals,
            required,
            taken: Vec::new(),
            longest: Vec::new(),
            visited: Table::default(),
        }
    }

    fn run(mut self, states: u64, memory_bytes: u64) -> Searched {
        let mut choices: Vec<Choice> = Vec::new();
        loop {
            self.take_reads();
            if self.taken.len() > self.longest.len() {
                self.longest.clone_from(&self.taken);
            }
            if self.required == 0 {
                return Searched::Found;
            }
            if self.visited.insert(self.key(), ()).is_none() {
                let entry = 4 * (self.frontier.len() + self.state.len()) as u64 + 48;
                let held = self.visited.len() as u64;
                if held > states || held * entry > memory_bytes {
                    return Searched::OutOfBudget;
                }
                choices.push(Choice { taken: self.taken.len(), options: self.options() });
            }
            loop {
                let Some(choice) = choices.last_mut() else {
                    return Searched::None(self.finding());
                };
                let (taken, option) = (choice.taken, choice.options.pop());
                while self.taken.len() > taken {
                    self.untake();
                }
                if let Some(session) = option {
                    self.take(session);
                    break;
                }
                choices.pop();
            }
        }
    }

    fn next(&self, session: usize) -> Option<Step> {
        self.sessions[session].get(self.frontier[session] as usize).copied()
    }

    fn take_reads(&mut self) {
        let mut session = 0;
        while session < self.sessions.len() {
            match self.next(session) {
                Some(step) if step.writes.is_none() && self.fits(step) => self.take(session),
                _ => session += 1,
            }
        }
    }

    /// Whether it would be answered so now.
    fn fits(&self, step: Step) -> bool {
        let holds = self.state[step.key as usize];
        let nothing = holds == self.nothing[step.key as usize];
        step.observes.is_none_or(|value| value == holds)
            && step.differs.is_none_or(|value| value != holds)
            && !(step.needs_value && nothing)
    }

    /// The sessions whose next operation changes something and may come next, the one that was
    /// asked first at the end.
    fn options(&self) -> Vec<usize> {
        let may = |session: &usize| self.next(*session).is_some_and(|step| self.may_write(step));
        let mut options: Vec<usize> = (0..self.sessions.len()).filter(may).collect();
        options.sort_by_key(|session| std::cmp::Reverse(self.next(*session).map(|s| s.access)));
        options
    }

    fn may_write(&self, step: Step) -> bool {
        let Some(written) = step.writes else { return false };
        let holds = self.state[step.key as usize] as usize;
        let own = u32::from(!step.open && step.observes == Some(self.state[step.key as usize]));
        let needed =
            self.observers[holds] > own && self.writers[holds] == 0 && written as usize != holds;
        let wanted = self.seekers[written as usize] > 0 || self.refusals[step.key as usize] > 0;
        self.fits(step) && !needed && (wanted || !step.open) && self.is_its_turn(step)
    }

    /// Whether all that is forced to be before it has been taken.
    fn is_its_turn(&self, step: Step) -> bool {
        let done = |node: u32| {
            let known = |session: u32| self.clocks.known(node, session);
            (0..).zip(&self.nodes).all(|(session, done)| known(session) <= *done)
        };
        step.node.is_none_or(done)
    }

    fn take(&mut self, session: usize) {
        let Some(step) = self.next(session) else { return };
        let before = self.state[step.key as usize];
        self.taken.push(Taken { session, before });
        self.frontier[session] += 1;
        self.count(step, false);
        if let Some(value) = step.writes {
            self.state[step.key as usize] = value;
        }
    }

    fn untake(&mut self) {
        let Some(Taken { session, before }) = self.taken.pop() else { return };
        self.frontier[session] -= 1;
        let Some(step) = self.next(session) else { return };
        self.count(step, true);
        self.state[step.key as usize] = before;
    }

    /// Counts a step as still to be taken, or as taken.
    fn count(&mut self, step: Step, still: bool) {
        let change = |count: &mut u32, by: u32| {
            if still {
                *count += by;
            } else {
                *count -= by;
            }
        };
        if let Some(value) = step.observes {
            change(&mut self.observers[value as usize], u32::from(!step.open));
            change(&mut self.seekers[value as usize], 1);
        }
        if let Some(value) = step.writes {
            change(&mut self.writers[value as usize], 1);
        }
        change(&mut self.refusals[step.key as usize], u32::from(step.differs.is_some()));
        if let Some(node) = step.node {
            let session = self.readings.sessions.session(node) as usize;
            // Nodes are counted in the other direction: how many are done.
            let done = &mut self.nodes[session];
            *done = if still { *done - 1 } else { *done + 1 };
        }
        if !step.open {
            self.required = if still { self.required + 1 } else { self.required - 1 };
        }
    }

    /// What decides whether the rest can be done.
    fn key(&self) -> Box<[u32]> {
        let mut key = self.frontier.clone();
        if self.several {
            key.extend((0..self.state.len()).map(|at| {
                let matters = self.seekers[self.state[at] as usize] > 0 || self.refusals[at] > 0;
                if matters && !planted(Planted::SequentialForgetsState) {
                    self.state[at]
                } else {
                    u32::MAX
                }
            }));
        }
        key.into_boxed_slice()
    }

    /// The longest order that was found, and why nothing can come next.
    fn finding(mut self) -> Finding {
        while !self.taken.is_empty() {
            self.untake();
        }
        let accesses = self.readings.accesses;
        let (mut order, mut after) = (Vec::new(), 0);
        for Taken { session, .. } in std::mem::take(&mut self.longest) {
            let Some(step) = self.next(session) else { continue };
            after = accesses[step.access].invoked.max(after);
            order.push(Point { operation: operation_id(step.access), after });
            self.take(session);
        }
        let next: Vec<Refused> = (0..self.sessions.len())
            .filter_map(|session| self.next(session))
            .filter(|step| !step.open)
            .map(|step| Refused { operation: operation_id(step.access), why: self.why_not(step) })
            .collect();
        let told: Vec<&str> = next.iter().map(|refused| &*refused.why).collect();
        let sentence = format!(
            "no one order explains all answers; the longest stops after {} of {} operations: {}",
            order.len(),
            self.sessions.iter().map(Vec::len).sum::<usize>(),
            told.join("; ")
        );
        let shown: Vec<_> = next.iter().map(|refused| refused.operation).collect();
        Finding::new("SEQ-NO-ORDER", sentence).operations(shown).proof(Proof::Stuck { order, next })
    }

    fn why_not(&self, step: Step) -> String {
        let access = &self.readings.accesses[step.access];
        let (words, key) = (access.words(), name(access.key));
        let holds = self.values[self.state[step.key as usize] as usize];
        let holds = holds.map_or("nothing".into(), |value| value.to_string());
        if !self.fits(step) {
            format!("{words} does not fit, because {key} is {holds} by then")
        } else if self.is_its_turn(step) {
            format!("{words} would replace {key}={holds}, which others must still find")
        } else {
            format!("{words} would come before something that it must come after")
        }
    }
}

/// What each session did, step by step, with keys and values numbered.
fn steps(
    readings: &Readings<'_>,
    keys: &mut Numbers<u64>,
    values: &mut Numbers<(u64, Option<u64>)>,
) -> Vec<Vec<Step>> {
    let mut node_of = vec![INITIAL; readings.accesses.len()];
    for node in readings.sessions.nodes() {
        node_of[readings.sessions.operation(node)] = node;
    }
    let mut sessions: Vec<Vec<Step>> = Vec::new();
    let mut current: BTreeMap<u32, usize> = BTreeMap::new();
    for (at, access) in readings.accesses.iter().enumerate() {
        let open = access.end == End::Unknown;
        if access.end == End::Failed {
            continue;
        }
        let session = *current.entry(access.process.0).or_insert_with(|| {
            sessions.push(Vec::new());
            sessions.len() - 1
        });
        if open {
            current.remove(&access.process.0);
        }
        if open && (access.call.written().is_none() || planted(Planted::WeakOpenIgnored)) {
            continue;
        }
        let mut number = |value: Option<u64>| values.number(&(access.key, value));
        // What was found must have happened.
        let node = Some(node_of[at]).filter(|node| *node != INITIAL);
        let differs = match access.call {
            RegisterCall::Differs(value) | RegisterCall::Refused(value) => {
                Some(number(Some(value)))
            }
            _ => None,
        };
        sessions[session].push(Step {
            access: at,
            key: keys.number(&access.key),
            observes: access.call.observed().map(&mut number),
            differs,
            needs_value: matches!(access.call, RegisterCall::Differs(_)),
            writes: access.call.written().map(|value| number(Some(value))),
            open: open && node.is_none() && !planted(Planted::WeakOpenRequired),
            node,
        });
    }
    sessions.retain(|session| !session.is_empty());
    sessions
}
