//! What must come before what, if each read is to find the last write before it.
//!
//! PROBLEM     A session saw x=1 and then read x=2. Nothing says in which order the two were
//!             written; but if the session is to find 2, then 1 came first. That may put another
//!             write before another read, and so on.
//! IDEA        Begin with an order that must hold, and add what the reads force, until nothing is
//!             added any more. If a cycle appears, or a write before a read that found nothing, no
//!             order explains the reads.
//! RULES       A  A write of x before a read of x that found another write: it is before that
//!                other write [bouajjani2017 §4].
//!             B  A read of x that found a write which is before another write of x: the read is
//!                before that other write.
//!             For one session's reads, which are in order anyway, A is enough: nothing forced is
//!             missed, and an order exists exactly if no contradiction appears. For the reads of
//!             all sessions A and B together find much but not all: see sequential.rs.
//! READ NEXT   causal.rs → pram.rs → sequential.rs

use super::causality::Clocks;
use super::proof::{Step, Why, shortest};
use super::sessions::{INITIAL, ReadFrom, Sessions};
use crate::planted::{Planted, planted};

/// Whose reads are to be explained in one order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Observer {
    /// Those of one session; what others read orders what they did all the same.
    OneOfAll(u32),
    /// Those of one session; what others read does not count.
    Alone(u32),
    /// Those of all sessions, by rules A and B.
    All,
}

/// What must hold, and in the end a contradiction or none.
pub(crate) struct Saturation<'a> {
    sessions: &'a Sessions,
    observer: Observer,
    pub(crate) clocks: Clocks,
    /// By node: the first of its forced steps in `forced`, and so on from there.
    heads: Vec<u32>,
    forced: Vec<(Step, u32)>,
    /// By node: whether its clock has changed since it was looked at.
    dirty: Vec<bool>,
    /// Nodes in the order in which they are looked at, and each node's position in that.
    order: &'a [u32],
    position: Vec<u32>,
    /// Where to look next.
    next: usize,
    /// How many nodes may still be looked at.
    budget: u64,
}

/// How a saturation ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Saturated {
    /// Nothing more is forced, and nothing is contradictory.
    Consistent,
    /// The steps form a cycle.
    Cycle(Vec<Step>),
    /// More would have to be looked at than was allowed.
    OutOfBudget,
}

impl<'a> Saturation<'a> {
    /// Begins with `clocks`, which must agree with the observer: those of the causal order, or, for
    /// [`Observer::Alone`], those of the sessions. `order` is any order of all nodes; the closer it
    /// is to what holds, the less work.
    pub(crate) fn new(
        sessions: &'a Sessions,
        observer: Observer,
        clocks: Clocks,
        order: &'a [u32],
        budget: u64,
    ) -> Self {
        let mut position = vec![0; sessions.len()];
        for (at, node) in (0..).zip(order) {
            position[*node as usize] = at;
        }
        Self {
            sessions,
            observer,
            clocks,
            heads: vec![u32::MAX; sessions.len()],
            forced: Vec::new(),
            dirty: vec![false; sessions.len()],
            order,
            position,
            next: sessions.len(),
            budget,
        }
    }

    /// Whoever finds nothing comes before everyone who writes: what rule B says of the initial
    /// state.
    pub(crate) fn force_initial(&mut self) {
        let sessions = self.sessions;
        for node in sessions.nodes() {
            for read in sessions.reads(node) {
                let writes = sessions.first_writes(read.key).filter(|write| *write != node);
                for write in writes.filter(|_| read.writer == INITIAL) {
                    self.force(Step { from: node, to: write, why: Why::Replaced });
                }
            }
        }
    }

    /// Adds what is forced until there is no more. Says how many nodes may still be looked at.
    pub(crate) fn run(&mut self) -> (Saturated, u64) {
        match self.observer {
            Observer::All => self.sessions.nodes().for_each(|node| self.touch(node)),
            Observer::OneOfAll(session) => self.sessions.of(session).for_each(|n| self.touch(n)),
            Observer::Alone(session) => {
                for node in self.sessions.of(session) {
                    self.touch(node);
                    let writers = self.sessions.reads(node).iter().map(|read| read.writer);
                    writers.filter(|w| *w != INITIAL).for_each(|writer| self.touch(writer));
                }
            }
        }
        while self.next < self.order.len() {
            let node = self.order[self.next];
            self.next += 1;
            if !std::mem::replace(&mut self.dirty[node as usize], false) {
                continue;
            }
            if self.budget == 0 {
                return (Saturated::OutOfBudget, 0);
            }
            self.budget -= 1;
            if let Some(cycle) = self.look_at(node) {
                return (Saturated::Cycle(cycle), self.budget);
            }
        }
        (Saturated::Consistent, self.budget)
    }

    fn touch(&mut self, node: u32) {
        self.dirty[node as usize] = true;
        self.next = self.next.min(self.position[node as usize] as usize);
    }

    /// Applies the rules to the node, and tells those after it what is before them.
    fn look_at(&mut self, node: u32) -> Option<Vec<Step>> {
        let sessions = self.sessions;
        if self.clocks.is_before(sessions, node, node) {
            return shortest(sessions, node, node, |node, visit| self.steps(node, visit));
        }
        if self.is_observed(node) {
            for read in sessions.reads(node) {
                if let Some(cycle) = self.rule_a(node, *read) {
                    return Some(cycle);
                }
            }
        }
        if self.observer == Observer::All {
            for key in sessions.writes(node) {
                self.rule_b(node, *key);
            }
        }
        self.tell(node);
        None
    }

    fn rule_a(&mut self, node: u32, read: ReadFrom) -> Option<Vec<Step>> {
        let sessions = self.sessions;
        let clocks = &self.clocks;
        let known = |session| clocks.known(node, session);
        let older: Vec<u32> = sessions.latest(read.key, known).collect();
        for write in older {
            if write == read.writer || write == node {
                continue;
            }
            if read.writer == INITIAL {
                if planted(Planted::InitialForgiven) {
                    continue;
                }
                let way = shortest(sessions, write, node, |from, visit| self.steps(from, visit));
                let back = Step { from: node, to: write, why: Why::Replaced };
                return way.map(|way| way.into_iter().chain([back]).collect());
            }
            self.force(Step { from: write, to: read.writer, why: Why::Older { reader: node } });
        }
        None
    }

    fn rule_b(&mut self, node: u32, key: u32) {
        let sessions = self.sessions;
        let clocks = &self.clocks;
        let known = |session| clocks.known(node, session);
        let older: Vec<u32> = sessions.latest(key, known).filter(|write| *write != node).collect();
        for write in older {
            for reader in sessions.readers(write) {
                let same_key = |read: &ReadFrom| read.key == key && read.writer == write;
                if *reader != node && sessions.reads(*reader).iter().any(same_key) {
                    self.force(Step { from: *reader, to: node, why: Why::Replaced });
                }
            }
        }
    }

    /// Puts a step among those that hold, unless it follows from them.
    pub(crate) fn force(&mut self, step: Step) {
        if self.clocks.is_before(self.sessions, step.from, step.to) {
            return;
        }
        let head = self.heads[step.from as usize];
        self.heads[step.from as usize] = super::rows::number(self.forced.len());
        self.forced.push((step, head));
        self.clocks.put_before(self.sessions, step.from, step.to);
        self.touch(step.to);
    }

    fn tell(&mut self, node: u32) {
        let next = self.sessions.next(node).map(|next| (next, Why::Session));
        let mut after: Vec<(u32, Why)> = next.into_iter().collect();
        self.steps(node, &mut |to, why| after.push((to, why)));
        for (to, _) in after {
            if self.clocks.put_before(self.sessions, node, to) {
                self.touch(to);
            }
        }
    }

    /// The steps from a node other than to the next of its session.
    fn steps(&self, node: u32, visit: &mut dyn FnMut(u32, Why)) {
        for reader in self.sessions.readers(node) {
            if !matches!(self.observer, Observer::Alone(_)) || self.is_observed(*reader) {
                visit(*reader, Why::ReadFrom);
            }
        }
        let mut at = self.heads[node as usize];
        while let Some((step, next)) = self.forced.get(at as usize) {
            visit(step.to, step.why);
            at = *next;
        }
    }

    fn is_observed(&self, node: u32) -> bool {
        match self.observer {
            Observer::All => true,
            Observer::OneOfAll(session) | Observer::Alone(session) => {
                self.sessions.session(node) == session
            }
        }
    }
}
