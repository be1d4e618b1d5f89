//! One configuration after the other, depth first, none twice: the search of Wing and Gong with the
//! memo of Lowe.
//!
//! If there is an order it may be lucky and find it soon, where the search in breadth must keep
//! every configuration that could lead to one. It remembers all that it has seen.

use super::frontier::{Frontier, Rows, Shape};
use super::plan::{Event, EventKind};
use super::scene::{Pending, Scene};
use super::trail::{ROOT, Recorded};
use super::{Answer, Entry, Explored, Progress};
use crate::spec::Spec;

/// A search for one way through the whole history.
pub(super) struct Depth<'a, S: Spec> {
    scene: Scene<'a, S>,
    calls: Vec<u32>,
    /// How many events the scene has taken.
    taken: usize,
    /// Configurations to go on from, the next one last, and how many events each has taken.
    stack: Rows,
    fronts: Vec<usize>,
    /// Configurations seen at a return, each with the number of that event above its state.
    seen: Frontier,
    successors: Rows,
    row: Vec<u64>,
    /// The furthest return that was reached and not passed, and what got there, for the longest
    /// order.
    furthest: usize,
    longest: (Vec<u64>, u32),
    /// The node of the configuration at the end.
    end: u32,
    pub(super) looked_at: u64,
    memory_bytes: u64,
}

impl<'a, S: Spec> Depth<'a, S> {
    pub(super) fn new(
        spec: &'a S,
        entries: &[Entry<S::Call>],
        events: &[Event],
        memory_bytes: u64,
        recorded: Recorded,
    ) -> Self {
        let mut scene = Scene::new(spec, entries.len().saturating_mul(entries.len()), recorded);
        let calls = entries.iter().map(|entry| scene.steps.call(&entry.call)).collect();
        let slots = events.iter().map(|event| event.slot + 1).max().unwrap_or(0);
        let open = events.iter().filter(|event| event.kind == EventKind::Open).count();
        scene.shape = scene.needs(slots, open);
        scene.pending.resize(slots, None);
        let mut stack = Rows::new(scene.shape);
        let first = scene.first();
        stack.push(&first, ROOT);
        Self {
            calls,
            taken: 0,
            fronts: vec![0],
            seen: Frontier::new(scene.shape),
            successors: Rows::new(scene.shape),
            row: Vec::new(),
            furthest: 0,
            longest: (first, ROOT),
            end: ROOT,
            looked_at: 1,
            memory_bytes,
            stack,
            scene,
        }
    }

    /// Goes on until it has looked at `limit` configurations.
    pub(super) fn run(
        &mut self,
        entries: &[Entry<S::Call>],
        events: &[Event],
        limit: u64,
    ) -> Progress {
        while let Some(front) = self.fronts.pop() {
            let last = self.stack.len() - 1;
            self.row.clear();
            self.row.extend_from_slice(self.stack.row(last));
            let node = self.stack.node(last);
            self.stack.truncate(last);
            self.move_to(front, entries, events);
            let node = self.advance(node, entries, events);
            if self.taken == events.len() {
                self.end = node;
                return Progress::Done(Answer::Linearizable);
            }
            if self.is_new(node) {
                self.looked_at += 1;
                self.scene.expand(&self.row, node, &mut self.successors);
                // The last is gone on from first.
                for index in (0..self.successors.len()).rev() {
                    self.stack.push(self.successors.row(index), self.successors.node(index));
                    self.fronts.push(self.taken);
                }
                self.successors.clear();
            }
            if self.looked_at > limit {
                return Progress::Paused;
            }
            if self.bytes() > self.memory_bytes {
                return Progress::Full;
            }
        }
        Progress::Done(Answer::NotLinearizable { at: events[self.furthest].entry })
    }

    /// Whether this configuration, or one that can do all that it can, was not seen here before.
    fn is_new(&mut self, node: u32) -> bool {
        let length = |node| self.scene.trail.length(node);
        if (self.taken, length(node)) > (self.furthest, length(self.longest.1)) {
            self.longest.0.clone_from(&self.row);
            self.longest.1 = node;
        }
        self.furthest = self.furthest.max(self.taken);
        let front = (self.taken as u64) << 32;
        self.row[0] |= front;
        let new = self.seen.insert(&self.row, node);
        self.row[0] ^= front;
        new
    }

    /// Takes events as long as the configuration has done what returns.
    fn advance(&mut self, mut node: u32, entries: &[Entry<S::Call>], events: &[Event]) -> u32 {
        while let Some(event) = events.get(self.taken) {
            if event.kind == EventKind::Return {
                if !Shape::has_done(&self.row, event.slot) {
                    break;
                }
                Shape::flip_done(&mut self.row, event.slot);
            }
            self.take(*event, entries);
            if event.kind == EventKind::Invoke {
                node = self.scene.begin(&mut self.row, node, event.slot);
            }
        }
        node
    }

    fn move_to(&mut self, front: usize, entries: &[Entry<S::Call>], events: &[Event]) {
        while self.taken > front {
            self.taken -= 1;
            let event = events[self.taken];
            match event.kind {
                EventKind::Invoke => self.scene.pending[event.slot] = None,
                EventKind::Open => {
                    self.scene.open.pop();
                }
                EventKind::Return => self.invoke(event, entries),
            }
        }
        while self.taken < front {
            self.take(events[self.taken], entries);
        }
        self.scene.now = match self.taken {
            0 => 0,
            taken => events[taken - 1].place,
        };
    }

    fn take(&mut self, event: Event, entries: &[Entry<S::Call>]) {
        match event.kind {
            EventKind::Invoke => self.invoke(event, entries),
            EventKind::Open => self.scene.add_open(event.entry, self.calls[event.entry]),
            EventKind::Return => self.scene.pending[event.slot] = None,
        }
        self.scene.now = event.place;
        self.taken += 1;
    }

    fn invoke(&mut self, event: Event, entries: &[Entry<S::Call>]) {
        let Event { entry, slot, .. } = event;
        let returned = entries[entry].returned.unwrap_or(u32::MAX);
        self.scene.invoke(slot, Pending { entry, call: self.calls[entry], returned });
    }

    /// The end of the search.
    pub(super) fn end(
        &mut self,
        answer: Answer,
        entries: &[Entry<S::Call>],
        events: &[Event],
    ) -> Explored<S::State> {
        let order = match answer {
            Answer::Linearizable => self.scene.trail.order(self.end),
            _ => Vec::new(),
        };
        let stuck = matches!(answer, Answer::NotLinearizable { .. }).then(|| {
            self.move_to(self.furthest, entries, events);
            self.scene.stuck(&self.longest.0, self.longest.1)
        });
        Explored { answer, configurations: self.looked_at, order, stuck }
    }

    fn bytes(&self) -> u64 {
        let fronts = (self.fronts.capacity() * 8) as u64;
        self.scene.steps.bytes()
            + self.scene.trail.bytes()
            + self.stack.bytes()
            + self.seen.bytes()
            + fronts
    }
}
