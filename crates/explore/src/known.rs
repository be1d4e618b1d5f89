//! What is known of numbers: how seats react, what clients say next, what may still go wrong.
//!
//! PROBLEM     A handler is called once for each state of its node and each input, and the search
//!             asks for it in each of millions of global states.
//! IDEA        A handler is a function. What it did is remembered under two numbers, flat, and
//!             nothing in the search has a type parameter: it is compiled once, not for each node.
//! RULES       Each thread has its own copy of what it has met, so that it waits for nobody. Who
//!             meets something new asks the one behind the lock, which knows what others have met.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ExploreError;
use crate::bounds::{Bounds, Budget, Order};
use crate::expand::{Shape, Step};
use crate::model::Fairness;
use crate::search::Wrong;
use crate::story::Counterexample;
use crate::table::{Memo, NONE, Numbers};

/// What a seat may be given to handle: a message, by its number, or one of these.
pub(crate) mod input {
    /// A timer, by its number.
    pub(crate) const TIMER: u32 = 1 << 31;
    /// The node, which is down, starts.
    pub(crate) const START: u32 = u32::MAX - 1;
    /// The node stops between handlers.
    pub(crate) const CRASH: u32 = u32::MAX - 2;
    /// The node's clock ticks.
    pub(crate) const TICK: u32 = u32::MAX - 3;
}

/// What a record may be told: an answer, by its number, or one of these.
pub(crate) mod event {
    /// A client asks.
    pub(crate) const ASK: u32 = 1 << 31;
    /// A client gives up.
    pub(crate) const GIVE_UP: u32 = 3 << 30;
}

/// What an outcome is paid from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Cost {
    Nothing,
    Crash,
    Lie,
}

/// One way in which a seat may react.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reaction {
    pub(crate) seat: u32,
    /// Messages to nodes (and to clients, if answers travel), in the order of the effects.
    pub(crate) sent: Vec<u32>,
    /// Answers that arrive at once, and claims.
    pub(crate) answers: Vec<u32>,
    pub(crate) cost: Cost,
    /// What is wrong with it, as the typed side numbers it; 0 if nothing is.
    pub(crate) wrong: u32,
}

/// The same, flat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) seat: u32,
    first: u32,
    sent: u16,
    answers: u16,
    pub(crate) cost: Cost,
    /// Nothing changes but that the input is gone.
    pub(crate) is_quiet: bool,
    pub(crate) wrong: u32,
}

/// What is known of a node's state by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeatFact {
    pub(crate) is_up: bool,
    pub(crate) clock: u16,
    /// The first property that it breaks, from 1; 0 if none.
    pub(crate) wrong: u16,
    /// The timers that may expire, in the pool.
    timers: (u32, u16),
}

/// What is known of a message by its number. Clients are numbered after the nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct EnvelopeFact {
    pub(crate) from: u16,
    pub(crate) to: u16,
}

/// What is known of a record by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordFact {
    /// The clients that may ask something at once.
    pub(crate) may_ask: u32,
    /// The clients that wait.
    pub(crate) wait: u32,
    /// Whether the judge calls it invalid, or claims contradict each other.
    pub(crate) is_wrong: bool,
}

/// What may still go wrong, and what is wrong now.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Trouble {
    pub(crate) expiries: Budget,
    pub(crate) losses: Budget,
    pub(crate) duplicates: Budget,
    pub(crate) crashes: Budget,
    pub(crate) partitions: Budget,
    pub(crate) impatience: Budget,
    pub(crate) lies: Budget,
    /// The links that are cut.
    pub(crate) cut: u64,
}

/// How trouble changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    Expire,
    Lose,
    Duplicate,
    Crash,
    GiveUp,
    Lie,
    Heal,
    /// One of the partitions that there may be.
    Partition(u16),
}

impl Change {
    fn code(self) -> u32 {
        match self {
            Self::Expire => 0,
            Self::Lose => 1,
            Self::Duplicate => 2,
            Self::Crash => 3,
            Self::GiveUp => 4,
            Self::Lie => 5,
            Self::Heal => 6,
            Self::Partition(which) => 7 + u32::from(which),
        }
    }
}

impl Trouble {
    pub(crate) fn new(bounds: &Bounds) -> Self {
        Self {
            expiries: bounds.expiries,
            losses: bounds.losses,
            duplicates: bounds.duplicates,
            crashes: bounds.crashes,
            partitions: bounds.partitions,
            impatience: bounds.impatience,
            lies: bounds.lies,
            cut: 0,
        }
    }

    /// What is left after the change; `None` if it cannot be paid.
    fn after(self, change: Change, cuts: &[u64]) -> Option<Self> {
        let mut left = self;
        match change {
            Change::Expire => left.expiries = self.expiries.spend()?,
            Change::Lose => left.losses = self.losses.spend()?,
            Change::Duplicate => left.duplicates = self.duplicates.spend()?,
            Change::Crash => left.crashes = self.crashes.spend()?,
            Change::GiveUp => left.impatience = self.impatience.spend()?,
            Change::Lie => left.lies = self.lies.spend()?,
            Change::Heal => left.cut = 0,
            Change::Partition(which) => {
                left.partitions = self.partitions.spend()?;
                left.cut = cuts[usize::from(which)];
            }
        }
        Some(left)
    }
}

/// Facts by number, in the order of the numbers. They are only ever added to.
#[derive(Clone, Default, Debug)]
pub(crate) struct Facts {
    pub(crate) seats: Vec<SeatFact>,
    timers: Vec<u32>,
    pub(crate) envelopes: Vec<EnvelopeFact>,
    pub(crate) records: Vec<RecordFact>,
}

impl Facts {
    /// Adds a seat with the timers that may expire in it.
    pub(crate) fn add_seat(&mut self, is_up: bool, clock: u16, wrong: u16, timers: &[u32]) {
        let first = u32::try_from(self.timers.len()).unwrap_or(NONE);
        let count = u16::try_from(timers.len()).unwrap_or(u16::MAX);
        self.timers.extend_from_slice(timers);
        self.seats.push(SeatFact { is_up, clock, wrong, timers: (first, count) });
    }

    /// The timers that may expire.
    pub(crate) fn timers(&self, seat: SeatFact) -> std::ops::Range<usize> {
        let first = seat.timers.0 as usize;
        first..first + usize::from(seat.timers.1)
    }

    pub(crate) fn timer(&self, at: usize) -> u32 {
        self.timers[at]
    }

    fn catch_up(&mut self, other: &Self) {
        fn extend<T: Copy>(mine: &mut Vec<T>, theirs: &[T]) {
            mine.extend_from_slice(&theirs[mine.len()..]);
        }
        extend(&mut self.seats, &other.seats);
        extend(&mut self.timers, &other.timers);
        extend(&mut self.envelopes, &other.envelopes);
        extend(&mut self.records, &other.records);
    }
}

/// The values behind the numbers.
pub(crate) trait Typed: Send {
    /// All ways in which the seat may react.
    fn react(&mut self, seat: u32, input: u32) -> Result<Vec<Reaction>, ExploreError>;

    /// What becomes of a record, and the request that then travels; `None` if nothing does.
    fn note(&mut self, record: u32, event: u32) -> Option<(u32, Option<u32>)>;

    /// The first property of pairs that these two seats break.
    fn pair(&self, seats: [u32; 2]) -> Option<u16>;

    /// The first property of the whole cluster that the state breaks.
    fn world(&self, state: &[u32]) -> Option<u16>;

    /// The goals that are reached in the state, by their bits.
    fn goals(&self, state: &[u32]) -> u64;

    /// Whether the property with this place among those that must come to hold begins to be
    /// waited for in the state, and whether it holds.
    fn live(&self, state: &[u32], property: usize) -> (bool, bool);

    /// Whether the property is waited for from the start, and only then.
    fn live_from_start(&self, property: usize) -> bool;

    /// What is fair.
    fn fairness(&self) -> Fairness;

    /// Goes through the steps again, each with the state before it, and tells what happens.
    fn tell(&mut self, first: &[u32], steps: &[(Vec<u32>, Step)], wrong: Wrong) -> Counterexample;

    /// A step in words: no two steps out of one state have the same.
    fn words(&mut self, before: &[u32], step: Step) -> String;

    /// What is known by number.
    fn facts(&self) -> &Facts;

    /// About how much memory the values take.
    fn bytes(&self) -> u64;
}

/// What is remembered.
#[derive(Default)]
pub(crate) struct Known {
    reactions: Memo,
    lists: Vec<(u32, u32)>,
    outcomes: Vec<Outcome>,
    sent: Vec<u32>,
    notes: Memo,
    noted: Vec<(u32, u32)>,
    changes: Memo,
    pairs: Memo,
    pub(crate) troubles: Vec<Trouble>,
    pub(crate) facts: Facts,
}

impl Known {
    /// The outcomes of a list, by their place.
    #[inline]
    pub(crate) fn list(&self, list: u32) -> std::ops::Range<usize> {
        let (first, end) = self.lists[list as usize];
        first as usize..end as usize
    }

    #[inline]
    pub(crate) fn outcome(&self, at: usize) -> Outcome {
        self.outcomes[at]
    }

    /// The messages that an outcome sends, and the answers that it gives at once.
    #[inline]
    pub(crate) fn sent(&self, outcome: Outcome) -> (&[u32], &[u32]) {
        let first = outcome.first as usize;
        let middle = first + usize::from(outcome.sent);
        (&self.sent[first..middle], &self.sent[middle..middle + usize::from(outcome.answers)])
    }

    fn add(&mut self, seat: u32, input: u32, reactions: &[Reaction], sort: bool) -> u32 {
        let begin = number(self.outcomes.len());
        for reaction in reactions {
            let first = self.sent.len();
            self.sent.extend_from_slice(&reaction.sent);
            if sort {
                self.sent[first..].sort_unstable();
            }
            self.sent.extend_from_slice(&reaction.answers);
            let nothing = reaction.sent.is_empty() && reaction.answers.is_empty();
            self.outcomes.push(Outcome {
                seat: reaction.seat,
                first: number(first),
                sent: u16::try_from(reaction.sent.len()).unwrap_or(u16::MAX),
                answers: u16::try_from(reaction.answers.len()).unwrap_or(u16::MAX),
                cost: reaction.cost,
                is_quiet: nothing && reaction.seat == seat && reaction.wrong == 0,
                wrong: reaction.wrong,
            });
        }
        let list = number(self.lists.len());
        self.lists.push((begin, number(self.outcomes.len())));
        self.reactions.insert(seat, input, list);
        list
    }

    /// Copies a list from what another knows.
    fn copy(&mut self, seat: u32, input: u32, from: &Self, list: u32) -> u32 {
        let begin = number(self.outcomes.len());
        for at in from.list(list) {
            let outcome = from.outcomes[at];
            let (sent, answers) = from.sent(outcome);
            let first = number(self.sent.len());
            self.sent.extend_from_slice(sent);
            self.sent.extend_from_slice(answers);
            self.outcomes.push(Outcome { first, ..outcome });
        }
        let mine = number(self.lists.len());
        self.lists.push((begin, number(self.outcomes.len())));
        self.reactions.insert(seat, input, mine);
        mine
    }

    fn bytes(&self) -> u64 {
        let flat = self.lists.capacity() * size_of::<(u32, u32)>()
            + self.outcomes.capacity() * size_of::<Outcome>()
            + self.sent.capacity() * size_of::<u32>()
            + self.facts.seats.capacity() * size_of::<SeatFact>();
        self.reactions.bytes() + self.notes.bytes() + flat as u64
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("memory ends sooner")
}

/// What all threads share: the values, and what was met so far.
pub(crate) struct Shared {
    pub(crate) typed: Box<dyn Typed>,
    known: Known,
    troubles: Numbers<Trouble>,
    cuts: Vec<u64>,
    /// Whether messages arrive in any order, so that sorted lists can be merged.
    sort: bool,
    /// How often a handler ran.
    pub(crate) calls: u64,
}

impl Shared {
    pub(crate) fn new(typed: Box<dyn Typed>, shape: &Shape) -> Self {
        let mut troubles = Numbers::default();
        troubles.number(Trouble::new(&shape.bounds));
        let cuts = shape.bounds.partitions_of(u16::try_from(shape.nodes).unwrap_or(0));
        let sort = shape.bounds.order == Order::Any;
        Self { typed, known: Known::default(), troubles, cuts, sort, calls: 0 }
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> u64 {
        self.typed.bytes() + self.known.bytes()
    }
}

/// What one thread knows.
pub(crate) struct Reader<'a> {
    shared: &'a Mutex<Shared>,
    pub(crate) known: Known,
    pub(crate) error: Option<ExploreError>,
}

/// A thread that panicked left nothing half done here: lists are added whole.
pub(crate) fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Reader<'a> {
    pub(crate) fn new(shared: &'a Mutex<Shared>) -> Self {
        let mut reader = Self { shared, known: Known::default(), error: None };
        reader.catch_up();
        reader
    }

    /// Learns of the numbers that others have given.
    pub(crate) fn catch_up(&mut self) {
        let shared = lock(self.shared);
        self.known.facts.catch_up(shared.typed.facts());
        for number in self.known.troubles.len()..shared.troubles.len() {
            self.known.troubles.push(*shared.troubles.get(self::number(number)));
        }
    }

    /// The list of a seat's outcomes for an input.
    #[inline]
    pub(crate) fn react(&mut self, seat: u32, input: u32) -> u32 {
        match self.known.reactions.get(seat, input) {
            Some(list) => list,
            None => self.react_anew(seat, input),
        }
    }

    #[cold]
    fn react_anew(&mut self, seat: u32, input: u32) -> u32 {
        let mut guard = lock(self.shared);
        let shared = &mut *guard;
        let list = shared.known.reactions.get(seat, input).unwrap_or_else(|| {
            shared.calls += 1;
            let reactions = shared.typed.react(seat, input).unwrap_or_else(|error| {
                self.error.get_or_insert(error);
                Vec::new()
            });
            shared.known.add(seat, input, &reactions, shared.sort)
        });
        let mine = self.known.copy(seat, input, &shared.known, list);
        self.known.facts.catch_up(shared.typed.facts());
        mine
    }

    /// What becomes of a record, and the request that then travels; `None` if nothing does.
    #[inline]
    pub(crate) fn note(&mut self, record: u32, event: u32) -> Option<(u32, Option<u32>)> {
        let at = match self.known.notes.get(record, event) {
            Some(at) => at,
            None => self.note_anew(record, event),
        };
        let (record, request) = self.known.noted[at as usize];
        (record != NONE).then_some((record, (request != NONE).then_some(request)))
    }

    #[cold]
    fn note_anew(&mut self, record: u32, event: u32) -> u32 {
        let mut guard = lock(self.shared);
        let noted = guard.typed.note(record, event);
        let at = number(self.known.noted.len());
        self.known.notes.insert(record, event, at);
        self.known.noted.push(
            noted.map_or((NONE, NONE), |(record, request)| (record, request.unwrap_or(NONE))),
        );
        self.known.facts.catch_up(guard.typed.facts());
        at
    }

    /// The first property of pairs that two seats break.
    #[inline]
    pub(crate) fn pair(&mut self, one: u32, other: u32) -> Option<u16> {
        let broken = match self.known.pairs.get(one, other) {
            Some(broken) => broken,
            None => {
                let broken = lock(self.shared).typed.pair([one, other]).map_or(NONE, u32::from);
                self.known.pairs.insert(one, other, broken);
                broken
            }
        };
        u16::try_from(broken).ok()
    }

    /// The first property of the whole cluster that the state breaks.
    pub(crate) fn world(&self, state: &[u32]) -> Option<u16> {
        lock(self.shared).typed.world(state)
    }

    /// The goals that are reached in the state, by their bits.
    pub(crate) fn goals(&self, state: &[u32]) -> u64 {
        lock(self.shared).typed.goals(state)
    }

    /// The trouble after a change; `None` if it cannot be paid.
    #[inline]
    pub(crate) fn change(&mut self, trouble: u32, change: Change) -> Option<u32> {
        let after = match self.known.changes.get(trouble, change.code()) {
            Some(after) => after,
            None => self.change_anew(trouble, change),
        };
        (after != NONE).then_some(after)
    }

    #[cold]
    fn change_anew(&mut self, trouble: u32, change: Change) -> u32 {
        let after = {
            let mut shared = lock(self.shared);
            let after = shared.troubles.get(trouble).after(change, &shared.cuts);
            after.map_or(NONE, |after| shared.troubles.number(after).0)
        };
        self.known.changes.insert(trouble, change.code(), after);
        self.catch_up();
        after
    }
}
