//! Judging a history while it is made, so that the run can stop at the first impossible answer.
//!
//! PROBLEM     A test runs for an hour and breaks in the second minute. Who judges at the end has
//!             lost the state of the cluster at that moment, and an hour.
//! IDEA        The search in breadth goes forward only. But to let an operation take effect it must
//!             know its answer; so it follows the history up to the first operation that is still
//!             pending. What lies beyond is looked at again at each answer, with what is pending
//!             taken as open: if even so no order is left, none will ever be.
//! RULES       In the end the verdict is that of the whole history.
//! READ NEXT   breadth.rs

use std::collections::{BTreeMap, VecDeque};

use super::breadth::Breadth;
use super::plan::{Event, EventKind, Slots};
use super::trail::Recorded;
use super::{Answer, GaveUp, Progress};
use crate::Budget;
use crate::spec::Spec;

/// An operation of a history that is still being made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Handle(usize);

/// The judge of one object during a run. For a store with many keys, have one for each key.
///
/// ```
/// use splitbrain_check::Budget;
/// use splitbrain_check::linearizability::{Answer, Online};
/// use splitbrain_check::spec::{Register, RegisterCall::{Read, Write}};
///
/// let mut online = Online::new(&Register { initial: None }, Budget::default());
/// let write = online.invoke(Some(Write(1)));
/// assert_eq!(online.answer(write, Write(1)), Answer::Linearizable);
/// let read = online.invoke(None); // If its answer never comes, it tells nothing.
/// assert_eq!(online.answer(read, Read(None)), Answer::NotLinearizable { at: 1 });
/// ```
pub struct Online<'a, S: Spec> {
    spec: &'a S,
    budget: Budget,
    breadth: Breadth<'a, S>,
    slots: Slots,
    /// Those that the search has not left behind.
    operations: BTreeMap<usize, Operation<S::Call>>,
    /// What the search has not taken yet.
    events: VecDeque<(u32, usize, Side)>,
    asked: usize,
    place: u32,
    answer: Answer,
}

struct Operation<Call> {
    /// The call, if it is never answered.
    open: Option<Call>,
    fate: Fate<Call>,
    slot: usize,
}

enum Fate<Call> {
    Pending,
    /// With this, at this place.
    Answered(Call, u32),
    /// It may take effect at any time, or never.
    Lost,
    /// It did not happen.
    Failed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Request,
    Answer,
}

impl<'a, S: Spec> Online<'a, S> {
    /// A judge that may look at so many configurations for each answer, and hold so many bytes in
    /// all.
    pub fn new(spec: &'a S, budget: Budget) -> Self {
        const STEPS: usize = 4096;
        Self {
            spec,
            budget,
            breadth: Breadth::new(spec, STEPS, budget.memory_bytes, Recorded::No),
            slots: Slots::default(),
            operations: BTreeMap::new(),
            events: VecDeque::new(),
            asked: 0,
            place: 0,
            answer: Answer::Linearizable,
        }
    }

    /// Somebody asks. `open` is the call as it is if no answer ever comes; nothing if it tells
    /// nothing then. Operations are numbered from 0 in the order of these calls.
    pub fn invoke(&mut self, open: Option<S::Call>) -> Handle {
        let number = self.asked;
        self.asked += 1;
        if self.answer == Answer::Linearizable {
            self.operations.insert(number, Operation { open, fate: Fate::Pending, slot: 0 });
            self.events.push_back((self.place, number, Side::Request));
            self.place = self.place.saturating_add(1);
        }
        Handle(number)
    }

    /// The operation was answered: this is what is known of it now. The result is that of the
    /// history so far; once it is not linearizable, or unknown, it stays so.
    pub fn answer(&mut self, handle: Handle, call: S::Call) -> Answer {
        self.end(handle, Fate::Answered(call, self.place))
    }

    /// The operation will not be answered: it may still take effect, at any time.
    pub fn lose(&mut self, handle: Handle) -> Answer {
        self.end(handle, Fate::Lost)
    }

    /// The operation did not happen, and never will.
    pub fn fail(&mut self, handle: Handle) -> Answer {
        self.end(handle, Fate::Failed)
    }

    fn end(&mut self, Handle(number): Handle, fate: Fate<S::Call>) -> Answer {
        let answered = matches!(fate, Fate::Answered(..));
        let pending = self.operations.get_mut(&number);
        let Some(it) = pending.filter(|it| matches!(it.fate, Fate::Pending)) else {
            return self.answer; // Nothing changes any more.
        };
        it.fate = fate;
        if answered {
            self.events.push_back((self.place, number, Side::Answer));
            self.place = self.place.saturating_add(1);
        }
        self.follow();
        if answered && self.answer == Answer::Linearizable && !self.events.is_empty() {
            self.look_ahead();
        }
        if self.answer != Answer::Linearizable {
            self.operations.clear();
            self.events.clear();
        }
        self.answer
    }

    /// Takes events up to the first that belongs to a pending operation.
    fn follow(&mut self) {
        let limit = self.breadth.looked_at.saturating_add(self.budget.states);
        while let Some((place, number, side)) = self.events.front().copied() {
            let Some(it) = self.operations.get_mut(&number) else { break };
            let (kind, call, returned) = match (&it.fate, &it.open, side) {
                (Fate::Pending, _, _) => break,
                (Fate::Answered(call, returned), _, Side::Request) => {
                    it.slot = self.slots.take();
                    (EventKind::Invoke, call, Some(*returned))
                }
                (Fate::Answered(call, returned), _, Side::Answer) => {
                    self.slots.give_back(it.slot);
                    (EventKind::Return, call, Some(*returned))
                }
                (Fate::Lost, Some(call), _) if !self.spec.is_pure(call) => {
                    (EventKind::Open, call, None)
                }
                (Fate::Lost | Fate::Failed, _, _) => {
                    self.operations.remove(&number);
                    self.events.pop_front();
                    continue;
                }
            };
            let event = Event { place, kind, entry: number, slot: it.slot };
            match self.breadth.advance(event, call, returned, limit) {
                Progress::Done(Answer::Linearizable) => (),
                Progress::Done(answer) => return self.answer = answer,
                Progress::Paused => return self.answer = Answer::Unknown(GaveUp::States),
                Progress::Full => return self.answer = Answer::Unknown(GaveUp::Memory),
            }
            if kind != EventKind::Invoke {
                self.operations.remove(&number);
            }
            self.events.pop_front();
        }
    }

    /// Takes the other events on trial, with what is pending as open.
    fn look_ahead(&mut self) {
        let before = self.breadth.remember();
        let mut slots = self.slots.clone();
        let mut slot_of = BTreeMap::new();
        let limit = self.breadth.looked_at.saturating_add(self.budget.states);
        for (place, number, side) in self.events.iter().copied() {
            let Some(it) = self.operations.get(&number) else { continue };
            let (kind, call, returned) = match (&it.fate, &it.open, side) {
                (Fate::Answered(call, returned), _, Side::Request) => {
                    slot_of.insert(number, slots.take());
                    (EventKind::Invoke, call, Some(*returned))
                }
                (Fate::Answered(call, returned), _, Side::Answer) => {
                    slots.give_back(*slot_of.entry(number).or_insert(it.slot));
                    (EventKind::Return, call, Some(*returned))
                }
                (Fate::Lost | Fate::Pending, Some(call), _) if !self.spec.is_pure(call) => {
                    (EventKind::Open, call, None)
                }
                _ => continue,
            };
            let slot = slot_of.get(&number).copied().unwrap_or(it.slot);
            let event = Event { place, kind, entry: number, slot };
            match self.breadth.advance(event, call, returned, limit) {
                Progress::Done(Answer::Linearizable) => (),
                Progress::Done(answer) => {
                    self.answer = answer;
                    break;
                }
                Progress::Paused | Progress::Full => break, // The answer will come later.
            }
        }
        self.breadth.go_back(before);
    }
}
