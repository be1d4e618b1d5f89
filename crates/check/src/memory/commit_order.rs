//! One order of all writes that everyone could agree on, if there is one.
//!
//! PROBLEM     Replicas that keep the newest value must agree which is newest. A read tells: it
//!             found this write although it knew of that one, so this is the newer. Do all reads
//!             together allow one order?
//! IDEA        Where a node knows of the write w of x, and reads x from v instead, w is before v.
//!             The order exists exactly if these steps and the causal order have no cycle
//!             [biswas2019 §3]. Of each session only the last write that the reader knows of is
//!             needed: what that session wrote before it is before it anyway [moldrup2025 §3].
//! RULES       The order in which things were done is tried first. If every step goes forward in
//!             it, it is the order that was looked for, and no step need be remembered. A clock is
//!             kept until the last node that needs it has been looked at.
//! READ NEXT   causal.rs

use super::proof::{Step, Why, causal_steps, shortest};
use super::rows::{Rows, number};
use super::sessions::{INITIAL, Sessions};
use crate::planted::{Planted, planted};

/// What was found.
pub(crate) enum Commit {
    /// There is an order.
    Exists,
    /// There is none: these steps form a cycle.
    Cycle(Vec<Step>),
}

/// A write that a reader knew of when it found a newer one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Overtaken {
    /// A node, or [`INITIAL`]: then nothing was found, and there is no order.
    pub(crate) newer: u32,
    pub(crate) older: u32,
    pub(crate) reader: u32,
}

/// Looks for an order of all nodes that respects the causal order, and in which each read finds the
/// last write that its node knows of. `order` is the whole causal order, one after the other.
pub(crate) fn commit_order(sessions: &Sessions, order: &[u32]) -> Commit {
    order_with(sessions, order, |visit| overtaken(sessions, order, visit))
}

/// Looks for an order of all nodes that respects the causal order and the steps that `find` hands
/// to what it is given, until that says no. It is called once or twice.
pub(crate) fn order_with(
    sessions: &Sessions,
    order: &[u32],
    find: impl Fn(&mut dyn FnMut(Overtaken) -> bool),
) -> Commit {
    let mut position = vec![0; sessions.len()];
    for (at, node) in (0..).zip(order) {
        position[*node as usize] = at;
    }
    let mut forward = true;
    let mut impossible = None;
    find(&mut |step| {
        if step.newer == INITIAL {
            impossible = Some(step);
        } else {
            forward &= position[step.older as usize] < position[step.newer as usize];
        }
        forward && impossible.is_none()
    });
    drop(position);
    if let Some(step) = impossible {
        return found_nothing(sessions, step);
    }
    if forward {
        return Commit::Exists;
    }
    let mut steps = Vec::new();
    let mut room = sessions.len().max(1 << 10);
    find(&mut |step| {
        steps.push(step);
        if steps.len() == room {
            compact(sessions, &mut steps);
            room = room.max(steps.len() * 2);
        }
        step.newer != INITIAL
    });
    compact(sessions, &mut steps);
    // The greatest number stands for the initial state: it is the first.
    if let Some(step) = steps.first().filter(|step| step.newer == INITIAL) {
        return found_nothing(sessions, *step);
    }
    cycle(sessions, &steps).map_or(Commit::Exists, Commit::Cycle)
}

/// A reader found nothing although it knew of a write.
fn found_nothing(sessions: &Sessions, step: Overtaken) -> Commit {
    let Overtaken { older, reader, .. } = step;
    let way = shortest(sessions, older, reader, causal_steps(sessions)).unwrap_or_default();
    let back = Step { from: reader, to: older, why: Why::Replaced };
    Commit::Cycle(way.into_iter().chain([back]).collect())
}

/// Keeps, of the steps to a node from one session, the last.
fn compact(sessions: &Sessions, steps: &mut Vec<Overtaken>) {
    steps.sort_unstable();
    steps.reverse();
    steps.dedup_by(|step, kept| {
        step.newer == kept.newer && sessions.session(step.older) == sessions.session(kept.older)
    });
}

/// Hands each step to `visit` until it says no.
fn overtaken(sessions: &Sessions, order: &[u32], visit: &mut dyn FnMut(Overtaken) -> bool) {
    let mut pool = Pool::new(sessions);
    for &node in order {
        let slot = pool.clock(sessions, node);
        for read in sessions.reads(node) {
            let mine = pool.at(slot);
            let theirs = match read.writer {
                INITIAL => &[][..],
                writer => pool.at(pool.slot[writer as usize]),
            };
            for older in sessions.latest(read.key, |session| mine[session as usize]) {
                let theirs = theirs.get(sessions.session(older) as usize);
                let known = theirs.is_some_and(|known| *known > sessions.place(older));
                if older != read.writer
                    && !known
                    && !visit(Overtaken { newer: read.writer, older, reader: node })
                {
                    return;
                }
            }
        }
        pool.release(sessions, node);
    }
}

/// Clocks of the nodes that others will still need.
struct Pool {
    width: usize,
    clocks: Vec<u32>,
    slot: Vec<u32>,
    free: Vec<u32>,
    /// By node: how many will still need its clock.
    needed: Vec<u32>,
}

impl Pool {
    fn new(sessions: &Sessions) -> Self {
        let needed = sessions.nodes().map(|node| {
            let next = u32::from(sessions.next(node).is_some());
            number(sessions.readers(node).len()) + next
        });
        Self {
            width: sessions.count(),
            clocks: Vec::new(),
            slot: vec![u32::MAX; sessions.len()],
            free: Vec::new(),
            needed: needed.collect(),
        }
    }

    fn at(&self, slot: u32) -> &[u32] {
        let start = slot as usize * self.width;
        &self.clocks[start..start + self.width]
    }

    /// Makes the clock of a node, and says in which slot it is.
    fn clock(&mut self, sessions: &Sessions, node: u32) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            let slot = number(self.clocks.len() / self.width);
            self.clocks.resize(self.clocks.len() + self.width, 0);
            slot
        });
        let start = slot as usize * self.width;
        self.clocks[start..start + self.width].fill(0);
        self.slot[node as usize] = slot;
        let previous = sessions.previous(node);
        for before in previous.into_iter().chain(sessions.writers(node).iter().copied()) {
            let session = sessions.session(before) as usize;
            let place = sessions.place(before) + 1;
            // The clock knows of it by now if another before it does, and then all that it knows.
            if self.clocks[start + session] < place {
                let from = self.slot[before as usize] as usize * self.width;
                for at in 0..self.width {
                    self.clocks[start + at] = self.clocks[start + at].max(self.clocks[from + at]);
                }
                let own = &mut self.clocks[start + session];
                *own = place.max(*own);
            }
        }
        slot
    }

    /// Gives back the clocks that the node was the last to need.
    fn release(&mut self, sessions: &Sessions, node: u32) {
        let previous = sessions.previous(node);
        for before in previous.into_iter().chain(sessions.writers(node).iter().copied()) {
            self.needed[before as usize] -= 1;
            if self.needed[before as usize] == 0 {
                self.free.push(self.slot[before as usize]);
            }
        }
        if self.needed[node as usize] == 0 {
            self.free.push(self.slot[node as usize]);
        }
    }
}

/// A short cycle of the sessions' order, of who read from whom, and of the steps.
fn cycle(sessions: &Sessions, steps: &[Overtaken]) -> Option<Vec<Step>> {
    const TRIED: usize = 32;
    let after = Rows::sorted(sessions.len(), steps.iter().map(|step| (step.older, *step)));
    let each = |node: u32, visit: &mut dyn FnMut(u32, Why)| {
        for reader in sessions.readers(node) {
            visit(*reader, Why::ReadFrom);
        }
        for step in after.row(node) {
            visit(step.newer, Why::Older { reader: step.reader });
        }
    };
    let core = on_cycles(sessions, &each);
    // A cycle needs a step: the shortest begins at one.
    let starts = core.iter().filter(|node| !after.row(**node).is_empty()).take(TRIED);
    let cycles = starts.filter_map(|node| shortest(sessions, *node, *node, each));
    cycles.min_by_key(Vec::len)
}

/// The nodes that are left when those that nothing comes before are taken away again and again.
fn on_cycles(sessions: &Sessions, steps: &impl Fn(u32, &mut dyn FnMut(u32, Why))) -> Vec<u32> {
    let mut missing: Vec<u32> =
        sessions.nodes().map(|node| u32::from(sessions.place(node) > 0)).collect();
    for node in sessions.nodes() {
        steps(node, &mut |to, _| missing[to as usize] += 1);
    }
    let free = |node: &u32| missing[*node as usize] == 0;
    let mut ready: Vec<u32> = sessions.nodes().filter(free).collect();
    let mut left = vec![true; sessions.len()];
    while let Some(node) = ready.pop() {
        left[node as usize] = false;
        let mut free = |to: u32| {
            missing[to as usize] -= 1;
            if missing[to as usize] == 0 {
                ready.push(to);
            }
        };
        steps(node, &mut |to, _| free(to));
        if let Some(next) = sessions.next(node) {
            free(next);
        }
    }
    if planted(Planted::ConflictsForgiven) {
        return Vec::new();
    }
    sessions.nodes().filter(|node| left[*node as usize]).collect()
}
