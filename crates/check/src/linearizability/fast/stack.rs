//! Stacks whose elements are all different.
//!
//! PROBLEM     A stack nests: what is pushed after an element is popped before it. But overlapping
//!             pushes may have happened in either order.
//! IDEA        Some element was pushed first of all. It can be this one if no operation had ended
//!             before its push was asked, and if its pop has a moment at which no other element
//!             need be there. Take it away, and ask again (Bouajjani et al. 2015, Lee and Mathur
//!             2025). Which one of several is taken does not matter: what can be taken now can be
//!             taken later.
//! RULES       An element that was not popped is popped after the end, when all the others are.
//! CAVEATS     As for queues: a pop whose answer never came is left out; if the history fails
//!             without it, a search must tell.
//! READ NEXT   queue.rs

use super::queue::{Element, Elements, Move, each_goes_in_once};
use crate::linearizability::cut::{NEVER, by_beginnings};
use crate::linearizability::{Answer, Entry};
use crate::planted::{Planted, planted};
use crate::spec::StackCall;
use crate::table::Numbers;

/// Decides about a history of a stack, if no value was pushed twice.
pub(crate) fn decide(entries: &[Entry<StackCall>]) -> Option<Answer> {
    let mut values = Numbers::default();
    let moves: Vec<Move> = entries
        .iter()
        .map(|entry| match &entry.call {
            StackCall::Push(value) => Move::In(values.number(value)),
            StackCall::Pop(value) => Move::Out(values.number(value)),
            StackCall::Empty => Move::Empty,
            StackCall::Lost => Move::Lost,
        })
        .collect();
    each_goes_in_once(&moves, values.values().len())?;
    by_beginnings(entries, |cut| {
        let elements = Elements::new(entries, &moves, values.values().len(), cut);
        let holds = elements
            .as_ref()
            .is_some_and(|elements| elements.may_be_empty() && nests(&elements.elements));
        match elements {
            Some(elements) if !holds && elements.unsure => None,
            _ => Some(holds),
        }
    })
}

/// Whether all elements can be taken away, the one that was pushed first at each time.
fn nests(elements: &[Element]) -> bool {
    let moments = Moments::new(elements);
    let mut there = There::new(moments.0.len());
    for element in elements {
        there.add(moments.certain(element), 1);
    }
    let mut by_push: Vec<usize> = (0..elements.len()).collect();
    by_push.sort_unstable_by_key(|element| elements[*element].into.invoked);
    let mut by_return: Vec<(i64, usize)> = (elements.iter().enumerate())
        .flat_map(|(number, it)| [(it.into.returned, number), (it.out.returned, number)])
        .collect();
    by_return.sort_unstable();
    let mut taken = vec![false; elements.len()];
    // Elements that no other operation forbids to be pushed first, and the first return of what is
    // left.
    let mut candidates: Vec<usize> = Vec::new();
    let (mut next_push, mut next_return) = (0, 0);
    for left in (1..=elements.len()).rev() {
        while taken[by_return[next_return].1] {
            next_return += 1;
        }
        let (first_return, _) = by_return[next_return];
        let may_be_first = |element: &&usize| {
            elements[**element].into.invoked <= first_return || planted(Planted::StackAnyFirst)
        };
        while let Some(element) = by_push.get(next_push).filter(may_be_first) {
            candidates.push(*element);
            next_push += 1;
        }
        let found = candidates.iter().position(|element| {
            there.least(moments.span(&elements[*element])) == 0
                || planted(Planted::StackUnnested) && left > 2
        });
        let Some(at) = found else { return false };
        let element = candidates.swap_remove(at);
        taken[element] = true;
        there.add(moments.certain(&elements[element]), -1);
    }
    true
}

/// The moments at which something happens, ascending; the last is after the end.
struct Moments(Vec<i64>);

impl Moments {
    fn new(elements: &[Element]) -> Self {
        let moment =
            |it: &Element| [it.into.invoked, it.into.returned, it.out.invoked, it.out.returned];
        let mut moments: Vec<i64> = elements.iter().flat_map(moment).collect();
        moments.push(NEVER);
        moments.sort_unstable();
        moments.dedup();
        Self(moments)
    }

    /// The moments at which the element is there for certain: from, and up to but without.
    fn certain(&self, element: &Element) -> (usize, usize) {
        let (from, to) = element.zone();
        let (from, to) = (self.at(from) + 1, self.at(to));
        (from, to.max(from))
    }

    /// The moments at which it may be popped.
    fn span(&self, element: &Element) -> (usize, usize) {
        (self.at(element.out.invoked), self.at(element.out.returned) + 1)
    }

    fn at(&self, moment: i64) -> usize {
        self.0.partition_point(|other| *other < moment)
    }
}

/// How many elements are there for certain at each moment: a tree of least values, of which each
/// node knows what was added to all below it.
struct There {
    leaves: usize,
    least: Vec<i32>,
    added: Vec<i32>,
}

impl There {
    fn new(moments: usize) -> Self {
        let leaves = moments.next_power_of_two();
        Self { leaves, least: vec![0; 2 * leaves], added: vec![0; 2 * leaves] }
    }

    fn add(&mut self, (from, to): (usize, usize), count: i32) {
        if from < to {
            self.add_below(1, (0, self.leaves), (from, to), count);
        }
    }

    fn add_below(
        &mut self,
        node: usize,
        (start, end): (usize, usize),
        wanted: (usize, usize),
        count: i32,
    ) {
        if wanted.1 <= start || end <= wanted.0 {
            return;
        }
        if wanted.0 <= start && end <= wanted.1 {
            self.added[node] += count;
            self.least[node] += count;
            return;
        }
        let middle = start.midpoint(end);
        self.add_below(2 * node, (start, middle), wanted, count);
        self.add_below(2 * node + 1, (middle, end), wanted, count);
        let below = self.least[2 * node].min(self.least[2 * node + 1]);
        self.least[node] = below + self.added[node];
    }

    /// The least of these moments.
    fn least(&self, wanted: (usize, usize)) -> i32 {
        self.least_below(1, (0, self.leaves), wanted)
    }

    fn least_below(
        &self,
        node: usize,
        (start, end): (usize, usize),
        wanted: (usize, usize),
    ) -> i32 {
        if wanted.1 <= start || end <= wanted.0 {
            return i32::MAX / 2;
        }
        if wanted.0 <= start && end <= wanted.1 {
            return self.least[node];
        }
        let middle = start.midpoint(end);
        let below = self.least_below(2 * node, (start, middle), wanted).min(self.least_below(
            2 * node + 1,
            (middle, end),
            wanted,
        ));
        below + self.added[node]
    }
}
