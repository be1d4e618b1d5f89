//! Queues and bags whose elements are all different.
//!
//! PROBLEM     Which enqueue a dequeue belongs to is known. What can still be wrong?
//! IDEA        Four things, and each is seen by itself (Henzinger et al. 2013): a dequeue of what
//!             was not enqueued before; one element dequeued twice; two elements that went in one
//!             after the other and came out the other way round; a dequeue that found nothing while
//!             at every moment something was there.
//! RULES       An element is certainly there from the return of its enqueue to the request of its
//!             dequeue. What has not returned and was not seen may be left out.
//! CAVEATS     A dequeue whose answer never came may have taken anything. It is left out; if the
//!             history fails without it, a search must tell.

use std::collections::BTreeMap;

use crate::linearizability::cut::{Cut, NEVER, Span, by_beginnings};
use crate::linearizability::{Answer, Entry};
use crate::planted::{Planted, planted};
use crate::spec::QueueCall;
use crate::table::Numbers;

/// In which order elements come out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// In that in which they went in.
    Fifo,
    /// In any.
    Any,
}

/// An element, in and out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub(super) into: Span,
    pub(super) out: Span,
}

/// What never happens.
const NOTHING: Span = Span { invoked: NEVER, returned: NEVER };

impl Element {
    /// The moment after which it is certainly there, and the moment until which. If the second is
    /// not greater, it may be there for an instant only.
    pub(super) fn zone(&self) -> (i64, i64) {
        (self.into.returned.min(self.out.returned), self.into.invoked.max(self.out.invoked))
    }
}

/// What is asked of a container, and answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Move {
    In(u32),
    Out(u32),
    Empty,
    Lost,
}

/// The elements in the beginning of a history, and the dequeues that found nothing.
pub(super) struct Elements {
    pub(super) elements: Vec<Element>,
    empty: Vec<Span>,
    /// Whether an answer that never came may have taken an element that nobody else took.
    pub(super) unsure: bool,
}

/// Decides about a history of a queue or a bag, if no value was enqueued twice.
pub(crate) fn decide(entries: &[Entry<QueueCall>], order: Order) -> Option<Answer> {
    let mut values = Numbers::default();
    let moves: Vec<Move> = entries
        .iter()
        .map(|entry| match &entry.call {
            QueueCall::Enqueue(value) => Move::In(values.number(value)),
            QueueCall::Dequeue(value) => Move::Out(values.number(value)),
            QueueCall::Empty => Move::Empty,
            QueueCall::Lost => Move::Lost,
        })
        .collect();
    each_goes_in_once(&moves, values.values().len())?;
    by_beginnings(entries, |cut| {
        let elements = Elements::new(entries, &moves, values.values().len(), cut);
        let holds = elements.as_ref().is_some_and(|elements| {
            elements.may_be_empty() && (order == Order::Any || in_order(&elements.elements))
        });
        match elements {
            Some(elements) if !holds && elements.unsure => None,
            _ => Some(holds),
        }
    })
}

/// Nothing if a value goes in twice.
pub(super) fn each_goes_in_once(moves: &[Move], values: usize) -> Option<()> {
    let mut seen = vec![false; values];
    let again = |it: &Move| match it {
        Move::In(value) => std::mem::replace(&mut seen[*value as usize], true),
        _ => false,
    };
    let twice = moves.iter().any(again);
    (!twice || planted(Planted::WrittenTwice)).then_some(())
}

impl Elements {
    /// `None` if something came out that had not gone in, or came out twice.
    pub(super) fn new<Call>(
        entries: &[Entry<Call>],
        moves: &[Move],
        values: usize,
        cut: Cut,
    ) -> Option<Self> {
        let mut into: Vec<Option<Span>> = vec![None; values];
        let mut out: Vec<Option<Span>> = vec![None; values];
        let (mut empty, mut lost) = (Vec::new(), false);
        for (number, (entry, it)) in entries.iter().zip(moves).enumerate() {
            let Some(span) = cut.span(number, entry) else { continue };
            match it {
                Move::In(value) => into[*value as usize] = Some(span),
                Move::Out(value) => {
                    let out = &mut out[*value as usize];
                    *out = match *out {
                        Some(other) if other.has_returned() && span.has_returned() => {
                            if planted(Planted::TakenTwice) { Some(other) } else { return None }
                        }
                        Some(other) if other.has_returned() => Some(other),
                        Some(other) if !span.has_returned() && other.invoked < span.invoked => {
                            Some(other)
                        }
                        _ => Some(span),
                    };
                }
                Move::Empty if span.has_returned() => empty.push(span),
                Move::Empty => (),
                Move::Lost => lost = true,
            }
        }
        let mut elements = Vec::with_capacity(values);
        let mut unsure = false;
        for (into, out) in into.into_iter().zip(out) {
            let taken = out.filter(|out| out.has_returned());
            match (into, taken) {
                (None, None) => (),
                (None, Some(_)) => return None,
                (Some(into), Some(out)) if out.returned < into.invoked => return None,
                // It may be left out, with whoever wanted to take it.
                (Some(into), None) if !into.has_returned() => (),
                (Some(into), _) => {
                    unsure |= lost && out.is_none();
                    elements.push(Element { into, out: out.unwrap_or(NOTHING) });
                }
            }
        }
        Some(Self { elements, empty, unsure })
    }

    /// Whether each dequeue that found nothing has a moment at which nothing need be there.
    pub(super) fn may_be_empty(&self) -> bool {
        if self.empty.is_empty() || planted(Planted::EmptyIgnored) {
            return true;
        }
        // An element that is there from 3 to 7 for certain is there at 4, 5 and 6.
        let zones = self.elements.iter().map(Element::zone);
        let mut full: Vec<(i64, i64)> = zones.filter(|(from, to)| from + 1 < *to).collect();
        full.sort_unstable();
        let mut merged: BTreeMap<i64, i64> = BTreeMap::new();
        let mut last: Option<(i64, i64)> = None;
        for (from, to) in full {
            last = match last {
                Some((first, end)) if from < end => Some((first, end.max(to))),
                _ => Some((from, to)),
            };
            merged.extend(last);
        }
        self.empty.iter().all(|span| {
            let before = merged.range(..span.invoked).next_back();
            before.is_none_or(|(_, end)| span.returned >= *end)
        })
    }
}

/// Whether no two elements that went in one after the other came out the other way round.
fn in_order(elements: &[Element]) -> bool {
    let mut by_return: Vec<&Element> = elements.iter().collect();
    let mut by_request = by_return.clone();
    by_return.sort_unstable_by_key(|element| element.into.returned);
    by_request.sort_unstable_by_key(|element| element.into.invoked);
    let mut earlier = by_return.into_iter().peekable();
    // The last request to take out, of those that went in before.
    let mut last = -1;
    by_request.into_iter().all(|element| {
        while let Some(before) = earlier.next_if(|it| it.into.returned < element.into.invoked) {
            last = last.max(before.out.invoked);
        }
        element.out.returned >= last || planted(Planted::QueueUnordered)
    })
}
