//! Why a queue, a bag or a stack is not linearizable: the name of the failure, and one sentence.
//!
//! Each name has a condition that proves the failure by itself, whatever else happened.

use super::Spec;
use crate::linearizability::{Failure, Named};

/// What a call does to the elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Move {
    /// This goes in.
    In(u64),
    /// This comes out.
    Out(u64),
    /// Nothing was there.
    Empty,
    /// Something may have come out.
    Lost,
}

/// In which order elements come out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    First,
    Last,
    Any,
}

/// Names a failure.
pub(super) fn name<S: Spec>(
    failure: &Failure<'_, S>,
    order: Order,
    read: impl Fn(&S::Call) -> Move,
) -> Option<Named> {
    let moves: Vec<Move> = failure.entries.iter().map(|entry| read(&entry.call)).collect();
    let story = Story { failure, moves, end: failure.entries[failure.at].returned? };
    match story.moves[failure.at] {
        Move::Out(value) => story
            .nowhere(value)
            .or_else(|| story.twice(value))
            .or_else(|| story.out_of_order(value, order)),
        Move::Empty => story.false_empty(),
        Move::In(_) | Move::Lost => None,
    }
}

struct Story<'a, S: Spec> {
    failure: &'a Failure<'a, S>,
    moves: Vec<Move>,
    /// Where the failing operation returned.
    end: u32,
}

impl<S: Spec> Story<'_, S> {
    fn nowhere(&self, value: u64) -> Option<Named> {
        if self.begun(Move::In(value)).next().is_some() {
            return None;
        }
        let found = self.failure.words.value(value);
        let sentence = format!("{} took out {found}, which nobody had put in", self.what());
        Some(self.named("LIN-PHANTOM-READ", sentence, []))
    }

    fn twice(&self, value: u64) -> Option<Named> {
        let other = self.begun(Move::Out(value)).find(|entry| {
            *entry != self.failure.at
                && self.failure.entries[*entry].returned.is_some_and(|end| end <= self.end)
        })?;
        let into = self.only(value)?;
        let sentence = format!(
            "{} took out {}, which went in once, and {} had taken it",
            self.what(),
            self.failure.words.value(value),
            self.failure.told(other).what
        );
        Some(self.named("LIN-TAKEN-TWICE", sentence, [into, other]))
    }

    /// Another element had to come out before this one, and nobody had begun to take it.
    fn out_of_order(&self, value: u64, order: Order) -> Option<Named> {
        let into = self.only(value)?;
        let (id, other) = match order {
            Order::First => ("LIN-QUEUE-ORDER", self.left_inside(|it| self.precedes(it, into))?),
            Order::Last => {
                let above = |it| self.precedes(into, it) && self.precedes(it, self.failure.at);
                ("LIN-STACK-ORDER", self.left_inside(above)?)
            }
            Order::Any => return None,
        };
        let (first, then) = if order == Order::First { (other, into) } else { (into, other) };
        let sentence = format!(
            "{} had returned before {} began, yet {} took out {}, and nobody had begun to take {}",
            self.failure.told(first).what,
            self.failure.told(then).what,
            self.what(),
            self.failure.words.value(value),
            self.value_of(other)
        );
        Some(self.named(id, sentence, [into, other]))
    }

    fn false_empty(&self) -> Option<Named> {
        let inside = self.left_inside(|it| self.precedes(it, self.failure.at))?;
        let sentence = format!(
            "{} began after {} had returned, yet found nothing, and nobody had begun to take {}",
            self.what(),
            self.failure.told(inside).what,
            self.value_of(inside)
        );
        Some(self.named("LIN-FALSE-EMPTY", sentence, [inside]))
    }

    /// Whatever went in for certain, was not taken by anyone, and is `wanted`.
    fn left_inside(&self, wanted: impl Fn(usize) -> bool) -> Option<usize> {
        // An answer that never came may have been any element.
        if self.begun(Move::Lost).next().is_some() {
            return None;
        }
        (0..self.moves.len()).find(|entry| match self.moves[*entry] {
            Move::In(value) => {
                self.only(value).is_some()
                    && wanted(*entry)
                    && self.begun(Move::Out(value)).next().is_none()
            }
            _ => false,
        })
    }

    /// The entry that put this in, if there is one only.
    fn only(&self, value: u64) -> Option<usize> {
        let mut into = (0..self.moves.len()).filter(|at| self.moves[*at] == Move::In(value));
        let first = into.next()?;
        into.next().is_none().then_some(first)
    }

    /// Those that do this and had begun when the failing operation returned.
    fn begun(&self, it: Move) -> impl Iterator<Item = usize> {
        (0..self.moves.len()).filter(move |entry| {
            self.moves[*entry] == it && self.failure.entries[*entry].invoked <= self.end
        })
    }

    fn precedes(&self, a: usize, b: usize) -> bool {
        self.failure.precedes(a, b)
    }

    fn what(&self) -> String {
        self.failure.told(self.failure.at).what
    }

    fn value_of(&self, entry: usize) -> String {
        match self.moves[entry] {
            Move::In(value) | Move::Out(value) => self.failure.words.value(value),
            Move::Empty | Move::Lost => "anything".into(),
        }
    }

    fn named(
        &self,
        id: &'static str,
        sentence: String,
        more: impl IntoIterator<Item = usize>,
    ) -> Named {
        let shown = more.into_iter().chain([self.failure.at]).collect();
        Named { id, sentence, shown, more: Vec::new() }
    }
}
