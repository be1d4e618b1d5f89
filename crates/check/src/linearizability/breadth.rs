//! All configurations at once, event by event: Lowe's just-in-time linearization.
//!
//! It forgets what lies behind it, and so it can follow a history while it is made; and the return
//! at which the last configuration dies is the first that no order explains.

use super::frontier::{Frontier, Rows, Shape};
use super::plan::{Event, EventKind};
use super::scene::{Open, Pending, Scene};
use super::trail::{ROOT, Recorded};
use super::{Answer, Entry, Explored, Progress};
use crate::spec::Spec;

/// A search through all configurations that explain the history so far.
pub(super) struct Breadth<'a, S: Spec> {
    scene: Scene<'a, S>,
    /// The configurations after the last event.
    frontier: Rows,
    /// While an operation returns: those in which it has not taken effect, and how many of them
    /// were expanded; and those in which it has.
    reached: Frontier,
    expanded: usize,
    survivors: Frontier,
    successors: Rows,
    returning: Option<usize>,
    /// Whether somebody will come back to an earlier frontier: then no state may be forgotten.
    remembered: bool,
    /// How many events were taken.
    taken: usize,
    /// How many configurations were looked at.
    pub(super) looked_at: u64,
    memory_bytes: u64,
}

/// Where a search stood.
pub(super) struct Remembered {
    shape: Shape,
    frontier: Rows,
    pending: Vec<Option<Pending>>,
    open: Vec<Open>,
    now: u32,
}

impl<'a, S: Spec> Breadth<'a, S> {
    pub(super) fn new(spec: &'a S, room: usize, memory_bytes: u64, recorded: Recorded) -> Self {
        let scene = Scene::new(spec, room, recorded);
        let mut frontier = Rows::new(scene.shape);
        frontier.push(&scene.first(), ROOT);
        Self {
            frontier,
            reached: Frontier::new(scene.shape),
            expanded: 0,
            survivors: Frontier::new(scene.shape),
            successors: Rows::new(scene.shape),
            returning: None,
            remembered: false,
            taken: 0,
            looked_at: 1,
            memory_bytes,
            scene,
        }
    }

    /// Takes the events it has not taken yet, until it has looked at `limit` configurations.
    pub(super) fn run(
        &mut self,
        entries: &[Entry<S::Call>],
        events: &[Event],
        limit: u64,
    ) -> Progress {
        while let Some(event) = events.get(self.taken) {
            let entry = &entries[event.entry];
            match self.advance(*event, &entry.call, entry.returned, limit) {
                Progress::Done(Answer::Linearizable) => self.taken += 1,
                other => return other,
            }
        }
        Progress::Done(Answer::Linearizable)
    }

    /// Takes one event, or goes on with it. The answer is that about the history so far.
    pub(super) fn advance(
        &mut self,
        event: Event,
        call: &S::Call,
        returned: Option<u32>,
        limit: u64,
    ) -> Progress {
        if self.returning.is_none() {
            self.take(event, call, returned);
        }
        match self.finish_return(limit) {
            Progress::Done(_) if self.frontier.len() == 0 => {
                Progress::Done(Answer::NotLinearizable { at: event.entry })
            }
            Progress::Done(answer) => {
                self.scene.now = event.place;
                Progress::Done(answer)
            }
            other => other,
        }
    }

    fn take(&mut self, event: Event, call: &S::Call, returned: Option<u32>) {
        let Event { entry, slot, .. } = event;
        match event.kind {
            EventKind::Invoke => {
                let call = self.scene.steps.call(call);
                self.make_room(slot + 1, self.scene.open.len());
                let returned = returned.unwrap_or(u32::MAX);
                self.scene.invoke(slot, Pending { entry, call, returned });
                self.scene.now = event.place;
                for index in 0..self.frontier.len() {
                    let node = self.frontier.node(index);
                    let node = self.scene.begin(self.frontier.row_mut(index), node, slot);
                    self.frontier.set_node(index, node);
                }
            }
            EventKind::Open => {
                let call = self.scene.steps.call(call);
                self.make_room(self.scene.pending.len(), self.scene.open.len() + 1);
                self.scene.add_open(entry, call);
            }
            EventKind::Return => self.begin_return(slot),
        }
    }

    fn make_room(&mut self, slots: usize, open: usize) {
        let shape = self.scene.needs(slots, open);
        if shape != self.scene.shape {
            self.scene.shape = shape;
            self.frontier.reshape(shape);
            self.reached.reshape(shape);
            self.survivors.reshape(shape);
            self.successors = Rows::new(shape);
        }
    }

    fn begin_return(&mut self, slot: usize) {
        self.reached.clear();
        self.survivors.clear();
        self.expanded = 0;
        self.returning = Some(slot);
        std::mem::swap(&mut self.successors, &mut self.frontier);
        self.frontier.clear();
        self.reach(slot);
    }

    /// Sorts the new configurations by whether the returning operation has taken effect.
    fn reach(&mut self, returning: usize) {
        for index in 0..self.successors.len() {
            let node = self.successors.node(index);
            let row = self.successors.row_mut(index);
            let added = if Shape::has_done(row, returning) {
                Shape::flip_done(row, returning);
                self.survivors.insert(row, node)
            } else {
                self.reached.insert(row, node)
            };
            self.looked_at += u64::from(added);
        }
        self.successors.clear();
    }

    /// Keeps the configurations in which the returning operation has taken effect, and all that
    /// can be reached from the others by letting operations take effect until it has.
    fn finish_return(&mut self, limit: u64) -> Progress {
        let Some(slot) = self.returning else { return Progress::Done(Answer::Linearizable) };
        while self.expanded < self.reached.len() {
            if self.looked_at > limit {
                return Progress::Paused;
            }
            if self.bytes() > self.memory_bytes {
                return Progress::Full;
            }
            if let Some((row, node)) = self.reached.get(self.expanded) {
                self.scene.expand(row, node, &mut self.successors);
                self.reach(slot);
            }
            self.expanded += 1;
        }
        for (row, node) in self.survivors.iter() {
            self.frontier.push(row, node);
        }
        self.returning = None;
        if self.frontier.len() > 0 {
            self.scene.pending[slot] = None;
            if !self.remembered {
                self.scene.steps.tidy(&mut self.frontier);
            }
        }
        Progress::Done(Answer::Linearizable)
    }

    /// Where the search stands, for going back there.
    pub(super) fn remember(&mut self) -> Remembered {
        self.remembered = true;
        Remembered {
            shape: self.scene.shape,
            frontier: self.frontier.clone(),
            pending: self.scene.pending.clone(),
            open: self.scene.open.clone(),
            now: self.scene.now,
        }
    }

    /// Goes back to where the search stood.
    pub(super) fn go_back(&mut self, to: Remembered) {
        self.remembered = false;
        self.returning = None;
        if self.scene.shape != to.shape {
            self.scene.shape = to.shape;
            self.reached.reshape(to.shape);
            self.survivors.reshape(to.shape);
            self.successors = Rows::new(to.shape);
        }
        self.successors.clear();
        self.frontier = to.frontier;
        self.scene.pending = to.pending;
        self.scene.open = to.open;
        self.scene.now = to.now;
    }

    /// The end of the search.
    pub(super) fn end(&self, answer: Answer) -> Explored<S::State> {
        let trail = &self.scene.trail;
        let longest = || self.reached.iter().max_by_key(|(_, node)| trail.length(*node));
        Explored {
            answer,
            configurations: self.looked_at,
            order: match answer {
                Answer::Linearizable => trail.order(self.frontier.node(0)),
                _ => Vec::new(),
            },
            stuck: match answer {
                Answer::NotLinearizable { .. } => {
                    longest().map(|(row, node)| self.scene.stuck(row, node))
                }
                _ => None,
            },
        }
    }

    const fn bytes_of_rows(&self) -> u64 {
        self.frontier.bytes() + self.reached.bytes() + self.survivors.bytes()
    }

    fn bytes(&self) -> u64 {
        self.scene.steps.bytes() + self.scene.trail.bytes() + self.bytes_of_rows()
    }
}
