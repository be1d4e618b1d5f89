//! A history as events in order, each operation with a slot while it is pending.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Entry;
use crate::planted::{Planted, planted};
use crate::spec::Spec;

/// An invocation or a return.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Event {
    pub(super) place: u32,
    pub(super) kind: EventKind,
    pub(super) entry: usize,
    /// The slot of the operation, if it will return.
    pub(super) slot: usize,
}

/// In the order in which events at the same place are taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum EventKind {
    /// A completed operation begins.
    Invoke,
    /// An operation begins that may take effect at any later time, or never.
    Open,
    /// A completed operation ends.
    Return,
}

/// The least slot that is free.
#[derive(Clone, Default, Debug)]
pub(super) struct Slots {
    given_back: BinaryHeap<Reverse<usize>>,
    len: usize,
}

impl Slots {
    pub(super) fn take(&mut self) -> usize {
        self.given_back.pop().map_or_else(
            || {
                self.len += 1;
                self.len - 1
            },
            |Reverse(slot)| slot,
        )
    }

    pub(super) fn give_back(&mut self, slot: usize) {
        self.given_back.push(Reverse(slot));
    }
}

/// The events of a history in order. Open operations that change nothing tell nothing: they have
/// none.
pub(super) fn events<S: Spec>(spec: &S, entries: &[Entry<S::Call>]) -> Vec<Event> {
    let mut events = Vec::with_capacity(entries.len() * 2);
    for (entry, operation) in entries.iter().enumerate() {
        let place = if planted(Planted::NoInvocation) { 0 } else { operation.invoked };
        let mut returned = operation.returned;
        if planted(Planted::CompletedOptional) {
            returned = returned.filter(|_| spec.is_pure(&operation.call));
        }
        if planted(Planted::LateReturn) {
            returned = returned.map(|place| place + 4);
        }
        if planted(Planted::OpenRequired) && !spec.is_pure(&operation.call) {
            returned = returned.or(Some(u32::MAX));
        }
        if let Some(returned) = returned {
            events.push(Event { place, kind: EventKind::Invoke, entry, slot: 0 });
            events.push(Event { place: returned, kind: EventKind::Return, entry, slot: 0 });
        } else if !spec.is_pure(&operation.call) && !planted(Planted::OpenIgnored) {
            events.push(Event { place, kind: EventKind::Open, entry, slot: 0 });
        }
    }
    events.sort_unstable_by_key(|event| (event.place, event.kind, event.entry));
    give_slots(&mut events, entries.len());
    events
}

fn give_slots(events: &mut [Event], entries: usize) {
    let mut slots = Slots::default();
    let mut slot_of = vec![0; entries];
    for event in events {
        match event.kind {
            EventKind::Invoke => {
                event.slot = slots.take();
                slot_of[event.entry] = event.slot;
            }
            EventKind::Open => (),
            EventKind::Return => {
                event.slot = slot_of[event.entry];
                slots.give_back(event.slot);
            }
        }
    }
}
