//! The causal order: what each operation could have learned of.
//!
//! PROBLEM     An operation depends on what its session did before, on what it reads, and on all
//!             that these depend on. Written down pair by pair, that is the square of the history.
//! IDEA        What is known of a session is a beginning of it. So a vector with one number per
//!             session, how much of it is known, says it all (Fidge, Mattern 1988). It is the
//!             maximum of the vectors of the session's previous operation and of the writes read.
//! RULES       The causal order is the smallest order that contains the order of each session and
//!             puts a write before whoever reads it [ahamad1995 §2]. If there is a cycle in that,
//!             there is none.
//! READ NEXT   causal.rs

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::rows::number;
use super::sessions::Sessions;

/// How much of each session each node knows: a vector per node.
#[derive(Clone)]
pub(crate) struct Clocks {
    width: usize,
    known: Vec<u32>,
}

impl Clocks {
    /// Nothing is known to anyone, but for what its session did before.
    pub(crate) fn of_sessions(sessions: &Sessions) -> Self {
        let width = sessions.count();
        let mut clocks = Self { width, known: vec![0; width * sessions.len()] };
        for node in sessions.nodes() {
            let own = clocks.at(node) + sessions.session(node) as usize;
            clocks.known[own] = sessions.place(node);
        }
        clocks
    }

    /// How many bytes the clocks of these sessions take.
    pub(crate) const fn bytes(sessions: &Sessions) -> u64 {
        4 * sessions.count() as u64 * sessions.len() as u64
    }

    const fn at(&self, node: u32) -> usize {
        node as usize * self.width
    }

    /// How many operations of the session are before the node.
    pub(crate) fn known(&self, node: u32, session: u32) -> u32 {
        self.known[self.at(node) + session as usize]
    }

    /// Whether `earlier` is before `later`.
    pub(crate) fn is_before(&self, sessions: &Sessions, earlier: u32, later: u32) -> bool {
        self.known(later, sessions.session(earlier)) > sessions.place(earlier)
    }

    /// Puts `earlier`, and all that is before it, before `later`. Says whether that is news.
    pub(crate) fn put_before(&mut self, sessions: &Sessions, earlier: u32, later: u32) -> bool {
        let (from, to) = (self.at(earlier), self.at(later));
        let mut news = false;
        for session in 0..self.width {
            let known = self.known[from + session];
            let mine = &mut self.known[to + session];
            news |= known > *mine;
            *mine = known.max(*mine);
        }
        let own = &mut self.known[to + sessions.session(earlier) as usize];
        news |= sessions.place(earlier) >= *own;
        *own = (*own).max(sessions.place(earlier) + 1);
        news
    }
}

/// An order of all nodes in which each stands after what it depends on: of those that can come
/// next, the first of the history. Shorter if there is a cycle: then those are missing that are on
/// one, or depend on one.
pub(crate) fn topological(sessions: &Sessions) -> Vec<u32> {
    let mut missing: Vec<u32> = sessions
        .nodes()
        .map(|node| number(sessions.writers(node).len()) + u32::from(sessions.place(node) > 0))
        .collect();
    let entry = |node: u32| Reverse((sessions.operation(node), node));
    let free = |node: &u32| missing[*node as usize] == 0;
    let mut ready: BinaryHeap<_> = sessions.nodes().filter(free).map(entry).collect();
    let mut order = Vec::with_capacity(sessions.len());
    while let Some(Reverse((_, node))) = ready.pop() {
        order.push(node);
        let next = sessions.next(node);
        for &later in sessions.readers(node).iter().chain(&next) {
            missing[later as usize] -= 1;
            if missing[later as usize] == 0 {
                ready.push(entry(later));
            }
        }
    }
    order
}

/// The causal order's clocks, given an order in which each node stands after what it depends on.
pub(crate) fn clocks(sessions: &Sessions, order: &[u32]) -> Clocks {
    let mut clocks = Clocks::of_sessions(sessions);
    for &node in order {
        if let Some(previous) = sessions.previous(node) {
            clocks.put_before(sessions, previous, node);
        }
        for writer in sessions.writers(node) {
            clocks.put_before(sessions, *writer, node);
        }
    }
    clocks
}
