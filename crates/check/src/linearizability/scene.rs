//! What a configuration can become: the operations that are pending or open, and their effects.

use super::frontier::{Rows, Shape};
use super::steps::Steps;
use super::trail::{Recorded, Trail};
use super::{Placed, Stuck};
use crate::planted::{Planted, planted};
use crate::spec::Spec;

/// A pending operation that will return.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) entry: usize,
    pub(super) call: u32,
    pub(super) returned: u32,
}

/// An open operation that may be used from now on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) entry: usize,
    pub(super) call: u32,
    /// The open operation with an equal call that must be used before this one.
    before: Option<usize>,
}

/// The operations that may take effect now.
pub(super) struct Scene<'a, S: Spec> {
    pub(super) steps: Steps<'a, S>,
    pub(super) trail: Trail,
    pub(super) shape: Shape,
    /// Slots; a slot is free again when its operation has returned.
    pub(super) pending: Vec<Option<Pending>>,
    pub(super) open: Vec<Open>,
    /// The place of the last event: what takes effect now does so after it.
    pub(super) now: u32,
    scratch: Vec<u64>,
}

impl<'a, S: Spec> Scene<'a, S> {
    pub(super) fn new(spec: &'a S, room: usize, recorded: Recorded) -> Self {
        Self {
            steps: Steps::new(spec, room),
            trail: Trail::new(recorded),
            shape: Shape { done: 1, used: 0 },
            pending: Vec::new(),
            open: Vec::new(),
            now: 0,
            scratch: Vec::new(),
        }
    }

    /// The configuration before anything happened.
    pub(super) fn first(&self) -> Vec<u64> {
        vec![0; self.shape.width()]
    }

    /// What shape configurations need once there are this many slots and open operations.
    pub(super) fn needs(&self, slots: usize, open: usize) -> Shape {
        let enough = |words: usize, bits: usize| match bits.div_ceil(64) {
            more if more > words => more.next_power_of_two(),
            _ => words,
        };
        Shape { done: enough(self.shape.done, slots), used: enough(self.shape.used, open) }
    }

    pub(super) fn invoke(&mut self, slot: usize, pending: Pending) {
        if self.pending.len() <= slot {
            self.pending.resize(slot + 1, None);
        }
        self.pending[slot] = Some(pending);
    }

    pub(super) fn add_open(&mut self, entry: usize, call: u32) {
        let repeated = self.steps.is_repeated(call);
        let before = || self.open.iter().rposition(|open| open.call == call);
        let before = if repeated { before() } else { None };
        self.open.push(Open { entry, call, before });
    }

    /// Reduction R: a call that can never change a state is put in order as soon as it fits. To be
    /// called for each configuration when the operation in `slot` begins.
    pub(super) fn begin(&mut self, row: &mut [u64], node: u32, slot: usize) -> u32 {
        let Some(pending) = self.pending[slot] else { return node };
        if !self.steps.is_pure(pending.call) || !self.fits(row[0], pending.call) {
            return node;
        }
        Shape::flip_done(row, slot);
        self.trail.add(node, Placed { entry: pending.entry, after: self.now })
    }

    /// Appends to `out` what comes of the configuration when an operation takes effect, for each
    /// that may be the next.
    pub(super) fn expand(&mut self, from: &[u64], node: u32, out: &mut Rows) {
        for slot in 0..self.pending.len() {
            let Some(pending) = self.pending[slot] else { continue };
            let waits = Shape::has_done(from, slot)
                || self.steps.is_pure(pending.call)
                || self.has_earlier_twin(from, slot, pending);
            if !waits {
                self.take_effect(from, node, pending.call, Effect::Pending(slot), out);
            }
        }
        for at in 0..self.open.len() {
            let Open { call, before, .. } = self.open[at];
            // Reduction D: equal open operations are used in the order they were asked.
            let out_of_turn = before.is_some_and(|before| !self.shape.has_used(from, before));
            if !out_of_turn && !self.shape.has_used(from, at) {
                self.take_effect(from, node, call, Effect::Open(at), out);
            }
        }
    }

    fn take_effect(&mut self, from: &[u64], node: u32, call: u32, effect: Effect, out: &mut Rows) {
        let next = self.steps.step(from[0], call);
        for at in 0..self.steps.count(next) {
            let mut row = std::mem::take(&mut self.scratch);
            row.clear();
            row.extend_from_slice(from);
            row[0] = self.steps.after(next, at);
            let entry = match effect {
                Effect::Pending(slot) => {
                    Shape::flip_done(&mut row, slot);
                    if planted(Planted::TwinsMerged) {
                        self.merge_twins(&mut row, call);
                    }
                    self.pending[slot].map_or(0, |pending| pending.entry)
                }
                Effect::Open(open) => {
                    if !planted(Planted::OpenRepeats) {
                        self.shape.flip_used(&mut row, open);
                    }
                    self.open[open].entry
                }
            };
            let node = self.trail.add(node, Placed { entry, after: self.now });
            let node = self.settle(&mut row, node);
            out.push(&row, node);
            self.scratch = row;
        }
    }

    /// Reduction R: whatever fits the new state and can never change one is done too.
    fn settle(&mut self, row: &mut [u64], mut node: u32) -> u32 {
        for slot in 0..self.pending.len() {
            let Some(pending) = self.pending[slot] else { continue };
            if Shape::has_done(row, slot) {
                continue;
            }
            let fits = if self.steps.is_pure(pending.call) {
                self.fits(row[0], pending.call)
            } else {
                planted(Planted::PureByCoincidence) && self.stays(row[0], pending.call)
            };
            if fits {
                Shape::flip_done(row, slot);
                node = self.trail.add(node, Placed { entry: pending.entry, after: self.now });
            }
        }
        node
    }

    /// A configuration from which no order leads on, in terms of the history.
    pub(super) fn stuck(&self, row: &[u64], node: u32) -> Stuck<S::State> {
        let pending = self.pending.iter().enumerate().filter_map(|(slot, pending)| {
            pending.filter(|_| !Shape::has_done(row, slot)).map(|pending| pending.entry)
        });
        let open = self
            .open
            .iter()
            .enumerate()
            .filter_map(|(at, open)| (!self.shape.has_used(row, at)).then_some(open.entry));
        let mut next: Vec<usize> = pending.chain(open).collect();
        next.sort_unstable();
        Stuck { order: self.trail.order(node), state: self.steps.state(row[0]).clone(), next }
    }

    fn fits(&mut self, state: u64, call: u32) -> bool {
        let next = self.steps.step(state, call);
        self.steps.count(next) > 0
    }

    fn stays(&mut self, state: u64, call: u32) -> bool {
        let next = self.steps.step(state, call);
        self.steps.count(next) > 0 && self.steps.after(next, 0) == state
    }

    /// Reduction S: of equal pending calls, the one that returns first goes first.
    fn has_earlier_twin(&self, from: &[u64], slot: usize, pending: Pending) -> bool {
        let twin = |(at, other): (usize, &Option<Pending>)| {
            let Some(other) = other else { return false };
            let earlier = if planted(Planted::TwinsBackwards) {
                other.returned > pending.returned
            } else {
                other.returned < pending.returned
            };
            at != slot && other.call == pending.call && earlier && !Shape::has_done(from, at)
        };
        self.steps.is_repeated(pending.call) && self.pending.iter().enumerate().any(twin)
    }

    fn merge_twins(&self, row: &mut [u64], call: u32) {
        for (slot, pending) in self.pending.iter().enumerate() {
            if pending.is_some_and(|pending| pending.call == call) && !Shape::has_done(row, slot) {
                Shape::flip_done(row, slot);
            }
        }
    }
}

/// Which operation takes effect.
#[derive(Clone, Copy)]
enum Effect {
    /// The pending one in this slot.
    Pending(usize),
    /// This open one.
    Open(usize),
}
