//! Linearizability: is there an order of the operations, each at one instant between its request
//! and its answer, in which a single copy would have given these answers?
//!
//! PROBLEM     Operations that overlap may have happened in any order, and those whose outcome is
//!             unknown at any time after they were asked, or never. Trying all orders takes for
//!             ever.
//! IDEA        Go through the history once, with the set of all *configurations* that could explain
//!             it so far: the state, which pending operations have taken effect, and which open
//!             ones were used. An operation must be put in order only when it returns (Lowe 2017).
//!             If no configuration survives a return, no order exists, and this is the first
//!             return that shows it.
//! RULES       Four reductions keep the set small.
//!             D  An open operation that was not used can be used later: of two configurations
//!                alike in state and pending operations, the one that used fewer open ones can do
//!                all that the other can. Equal open operations are used in the order they were
//!                asked.
//!             R  A call that can never change any state is put in order as soon as it fits. This
//!                is wrong for calls that merely leave *this* state as it is: a write of the value
//!                that is there may be needed later, to undo another.
//!             S  Of equal pending calls, the one that returns first is put in order first.
//!             T  States and calls are numbered, and steps are remembered.
//! CAVEATS     At most 1,024 operations pending at once, and as many open ones; beyond that, and
//!             beyond the budget, the answer is unknown.
//! READ NEXT   frontier.rs → minimal.rs

use std::collections::BTreeMap;

use crate::bits::Bits;
use crate::frontier::{Configuration, Frontier};
use crate::planted::{Planted, planted};
use crate::spec::Spec;

/// An operation as the search sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<Call> {
    /// What was asked, and what is known of the answer.
    pub call: Call,
    /// When it was asked: its place in the order of all requests and answers.
    pub invoked: u32,
    /// When it was answered; `None` if it may take effect at any later time, or never.
    pub returned: Option<u32>,
}

/// What a search found out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// There is such an order.
    Linearizable,
    /// There is none.
    NotLinearizable {
        /// The entry at whose return, and not before, every order had failed.
        at: usize,
    },
    /// The search gave up.
    Unknown(GaveUp),
}

/// Why a search gave up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GaveUp {
    /// It had looked at as many configurations as it was allowed.
    Budget,
    /// More operations were pending at once, or open, than it can hold.
    TooWide,
}

/// The end of a search, and what it took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Search {
    /// What it found out.
    pub answer: Answer,
    /// How many configurations it looked at.
    pub configurations: u64,
}

/// Searches for an order of `entries` that `spec` accepts, among at most `budget` configurations.
///
/// Entries are in any order. If a request and an answer have the same place, the request came
/// first.
///
/// ```
/// use splitbrain_check::linearizability::{Answer, Entry, search};
/// use splitbrain_check::spec::{Register, RegisterCall::{Read, Write}};
///
/// let write = Entry { call: Write(1), invoked: 0, returned: Some(1) };
/// let read = Entry { call: Read(None), invoked: 2, returned: Some(3) };
/// assert_eq!(search(&Register, &[write, read], 100).answer, Answer::NotLinearizable { at: 1 });
/// // If the write was never acknowledged, it may not have happened yet.
/// let open = Entry { returned: None, ..write };
/// assert_eq!(search(&Register, &[open, read], 100).answer, Answer::Linearizable);
/// ```
pub fn search<S: Spec>(spec: &S, entries: &[Entry<S::Call>], budget: u64) -> Search {
    let events = events(spec, entries);
    let (mut pending, mut pending_max, mut open) = (0, 0, 0);
    for event in &events {
        match event.kind {
            EventKind::Invoke => pending += 1,
            EventKind::Return => pending -= 1,
            EventKind::Open => open += 1,
        }
        pending_max = pending_max.max(pending);
    }
    match usize::max(pending_max, open) {
        0..=64 => Searcher::<S, 1>::new(spec, entries, budget).run(&events),
        65..=256 => Searcher::<S, 4>::new(spec, entries, budget).run(&events),
        257..=1024 => Searcher::<S, 16>::new(spec, entries, budget).run(&events),
        _ => Search { answer: Answer::Unknown(GaveUp::TooWide), configurations: 0 },
    }
}

struct Event {
    place: u32,
    kind: EventKind,
    entry: usize,
}

/// In the order in which events at the same place are taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum EventKind {
    /// A completed operation begins.
    Invoke,
    /// An operation begins that may take effect at any later time, or never.
    Open,
    /// A completed operation ends.
    Return,
}

/// The events of a history in order. Open operations that change nothing tell nothing: they have
/// none.
fn events<S: Spec>(spec: &S, entries: &[Entry<S::Call>]) -> Vec<Event> {
    let mut events = Vec::with_capacity(entries.len() * 2);
    for (entry, operation) in entries.iter().enumerate() {
        let invoked = if planted(Planted::NoInvocation) { 0 } else { operation.invoked };
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
            events.push(Event { place: invoked, kind: EventKind::Invoke, entry });
            events.push(Event { place: returned, kind: EventKind::Return, entry });
        } else if !spec.is_pure(&operation.call) && !planted(Planted::OpenIgnored) {
            events.push(Event { place: invoked, kind: EventKind::Open, entry });
        }
    }
    events.sort_unstable_by_key(|event| (event.place, event.kind, event.entry));
    events
}

/// A pending operation that will return.
#[derive(Clone, Copy)]
struct Pending {
    entry: usize,
    call: u32,
    returned: u32,
}

/// An open operation that may be used from now on.
struct Open {
    call: u32,
    /// The open operation with an equal call that must be used before this one.
    before: Option<usize>,
}

struct Searcher<'a, S: Spec, const W: usize> {
    entries: &'a [Entry<S::Call>],
    /// The call of each entry, numbered.
    call_of: Vec<u32>,
    steps: Steps<'a, S>,
    /// Slots; a slot is free again when its operation has returned.
    pending: Vec<Option<Pending>>,
    open: Vec<Open>,
    frontier: Vec<Configuration<W>>,
    reached: Frontier<W>,
    survivors: Frontier<W>,
    configurations: u64,
    budget: u64,
}

impl<'a, S: Spec, const W: usize> Searcher<'a, S, W> {
    fn new(spec: &'a S, entries: &'a [Entry<S::Call>], budget: u64) -> Self {
        let (steps, call_of) = Steps::new(spec, entries);
        let (done, used) = (Bits::EMPTY, Bits::EMPTY);
        Self {
            entries,
            call_of,
            steps,
            pending: Vec::new(),
            open: Vec::new(),
            frontier: vec![Configuration { state: 0, done, used }],
            reached: Frontier::new(),
            survivors: Frontier::new(),
            configurations: 1,
            budget,
        }
    }

    fn run(mut self, events: &[Event]) -> Search {
        let mut answer = Answer::Linearizable;
        for event in events {
            match event.kind {
                EventKind::Invoke => self.on_invoke(event.entry),
                EventKind::Open => self.on_open(event.entry),
                EventKind::Return => {
                    self.on_return(event.entry);
                    if self.configurations > self.budget {
                        answer = Answer::Unknown(GaveUp::Budget);
                    } else if self.frontier.is_empty() {
                        answer = Answer::NotLinearizable { at: event.entry };
                    }
                    if planted(Planted::BudgetIsValid) && self.configurations > self.budget {
                        answer = Answer::Linearizable;
                        break;
                    }
                }
            }
            if answer != Answer::Linearizable {
                break;
            }
        }
        Search { answer, configurations: self.configurations }
    }

    fn on_invoke(&mut self, entry: usize) {
        let call = self.call_of[entry];
        let returned = self.entries[entry].returned.unwrap_or(u32::MAX);
        let slot = self.pending.iter().position(Option::is_none).unwrap_or_else(|| {
            self.pending.push(None);
            self.pending.len() - 1
        });
        self.pending[slot] = Some(Pending { entry, call, returned });
        if self.steps.pure[call as usize] {
            for configuration in &mut self.frontier {
                if self.steps.step(configuration.state, call).is_some() {
                    configuration.done = configuration.done.with(slot);
                }
            }
        }
    }

    fn on_open(&mut self, entry: usize) {
        let call = self.call_of[entry];
        let before = self.open.iter().rposition(|open| open.call == call);
        self.open.push(Open { call, before });
    }

    /// Keeps the configurations in which the operation has taken effect, and all that can be
    /// reached from the others by letting pending and open operations take effect until it has.
    fn on_return(&mut self, entry: usize) {
        let is_it = |pending: &Option<Pending>| pending.is_some_and(|it| it.entry == entry);
        let Some(slot) = self.pending.iter().position(is_it) else { return };
        self.reached.clear();
        self.survivors.clear();
        for configuration in std::mem::take(&mut self.frontier) {
            self.reach(configuration, slot);
        }
        let mut next = 0;
        while next < self.reached.len() && self.configurations <= self.budget {
            if let Some(configuration) = self.reached.get(next) {
                self.expand(configuration, slot);
            }
            next += 1;
        }
        self.frontier.extend(self.survivors.iter());
        self.pending[slot] = None;
    }

    fn reach(&mut self, mut configuration: Configuration<W>, returning: usize) {
        let added = if configuration.done.has(returning) {
            configuration.done = configuration.done.without(returning);
            self.survivors.insert(configuration)
        } else {
            self.reached.insert(configuration)
        };
        self.configurations += u64::from(added);
    }

    /// Lets each operation that may be the next take effect.
    fn expand(&mut self, from: Configuration<W>, returning: usize) {
        for slot in 0..self.pending.len() {
            let Some(pending) = self.pending[slot] else { continue };
            let pure = self.steps.pure[pending.call as usize];
            if from.done.has(slot) || pure || self.has_earlier_twin(&from, slot, pending) {
                continue;
            }
            if let Some(state) = self.steps.step(from.state, pending.call) {
                let mut done = from.done.with(slot);
                if planted(Planted::TwinsMerged) {
                    let twin =
                        |other: &Option<Pending>| other.is_some_and(|o| o.call == pending.call);
                    let twins = (0..self.pending.len()).filter(|at| twin(&self.pending[*at]));
                    done = twins.fold(done, Bits::with);
                }
                self.arrive(Configuration { state, done, ..from }, returning);
            }
        }
        for at in 0..self.open.len() {
            let Open { call, before } = self.open[at];
            let out_of_turn = before.is_some_and(|before| !from.used.has(before));
            if out_of_turn || from.used.has(at) {
                continue;
            }
            if let Some(state) = self.steps.step(from.state, call) {
                let repeats = planted(Planted::OpenRepeats);
                let used = if repeats { from.used } else { from.used.with(at) };
                self.arrive(Configuration { state, used, ..from }, returning);
            }
        }
    }

    /// Reduction S.
    fn has_earlier_twin(&self, from: &Configuration<W>, slot: usize, pending: Pending) -> bool {
        let twin = |(at, other): (usize, &Option<Pending>)| {
            let Some(other) = other else { return false };
            let earlier = if planted(Planted::TwinsBackwards) {
                other.returned > pending.returned
            } else {
                other.returned < pending.returned
            };
            at != slot && other.call == pending.call && earlier && !from.done.has(at)
        };
        self.steps.repeated[pending.call as usize] && self.pending.iter().enumerate().any(twin)
    }

    /// Reduction R: whatever fits the new state and can never change one is done too.
    fn arrive(&mut self, mut configuration: Configuration<W>, returning: usize) {
        for slot in 0..self.pending.len() {
            let Some(pending) = self.pending[slot] else { continue };
            if configuration.done.has(slot) {
                continue;
            }
            let fits = if self.steps.pure[pending.call as usize] {
                self.steps.step(configuration.state, pending.call).is_some()
            } else {
                planted(Planted::PureByCoincidence)
                    && self.steps.step(configuration.state, pending.call)
                        == Some(configuration.state)
            };
            if fits {
                configuration.done = configuration.done.with(slot);
            }
        }
        self.reach(configuration, returning);
    }
}

const REFUSED: u32 = u32::MAX;

/// Reduction T: states and calls as numbers, and the steps between them.
struct Steps<'a, S: Spec> {
    spec: &'a S,
    calls: Vec<&'a S::Call>,
    /// By call: whether it can never change a state, and whether several entries have it.
    pure: Vec<bool>,
    repeated: Vec<bool>,
    states: Vec<S::State>,
    numbers: BTreeMap<S::State, u32>,
    /// Steps already made: which, and to what state, or [`REFUSED`]. The place of a step is its
    /// number modulo the length, a power of two. In a long history a step may drive out another.
    made: Vec<(u64, u32)>,
}

impl<'a, S: Spec> Steps<'a, S> {
    /// The table, and the number of each entry's call. The initial state is number 0.
    fn new(spec: &'a S, entries: &'a [Entry<S::Call>]) -> (Self, Vec<u32>) {
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_unstable_by(|a, b| entries[*a].call.cmp(&entries[*b].call));
        let mut call_of = vec![0; entries.len()];
        let mut calls: Vec<&S::Call> = Vec::new();
        let mut repeated = Vec::new();
        for entry in order {
            let call = &entries[entry].call;
            if calls.last() == Some(&call) {
                repeated[calls.len() - 1] = true;
            } else {
                calls.push(call);
                repeated.push(false);
            }
            call_of[entry] = number(calls.len() - 1);
        }
        let pure = calls.iter().map(|call| spec.is_pure(call)).collect();
        let (states, numbers) = (Vec::new(), BTreeMap::new());
        let places = entries.len().saturating_mul(entries.len()).clamp(64, 1 << 16);
        let made = vec![(u64::MAX, REFUSED); places.next_power_of_two()];
        let mut steps = Self { spec, calls, pure, repeated, states, numbers, made };
        steps.intern(spec.initial());
        (steps, call_of)
    }

    fn intern(&mut self, state: S::State) -> u32 {
        if let Some(known) = self.numbers.get(&state) {
            return *known;
        }
        let new = number(self.states.len());
        self.numbers.insert(state.clone(), new);
        self.states.push(state);
        new
    }

    fn step(&mut self, state: u32, call: u32) -> Option<u32> {
        let step = u64::from(state) * self.calls.len() as u64 + u64::from(call);
        let place = usize::try_from(step & (self.made.len() as u64 - 1)).unwrap_or(0);
        if self.made[place].0 != step {
            let next = self.spec.step(&self.states[state as usize], self.calls[call as usize]);
            self.made[place] = (step, next.map_or(REFUSED, |next| self.intern(next)));
        }
        let next = self.made[place].1;
        (next != REFUSED).then_some(next)
    }
}

/// An index as a number; a history has fewer than 2^32 operations, and so fewer states and calls.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(REFUSED)
}
