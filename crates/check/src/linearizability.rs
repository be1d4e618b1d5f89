//! Linearizability: is there an order of the operations, each at one instant between its request
//! and its answer, in which a single copy would have given these answers?
//!
//! PROBLEM     Operations that overlap may have happened in any order, and those whose outcome is
//!             unknown at any time after they were asked, or never. Trying all orders takes for
//!             ever.
//! IDEA        Go through the history once, with the set of all *configurations* that could explain
//!             it so far: the state, which pending operations have taken effect, and which open
//!             ones were used. An operation must be put in order only when it returns (Lowe
//!             2017). If no configuration survives a return, no order exists, and this is
//!             the first return that shows it. Where the configurations become many, a second
//!             search goes depth first beside it, in turns of a fixed number of configurations; the
//!             one that ends first has the answer, and it is the same answer.
//! RULES       What can be judged apart is judged apart: each part of the object (a key) alone.
//!             What needs no search gets none: see [`Spec::decide`].
//!             Four reductions keep the searches small.
//!             D  An open operation that was not used can be used later: of two configurations
//!                alike in state and pending operations, the one that used fewer open ones can do
//!                all that the other can. Equal open operations are used in the order they were
//!                asked.
//!             R  A call that can never change any state is put in order as soon as it fits. This
//!                is wrong for calls that merely leave *this* state as it is: a write of the value
//!                that is there may be needed later, to undo another.
//!             S  Of equal pending calls, the one that returns first is put in order first.
//!             T  States and calls are numbered, and steps are remembered.
//! CAVEATS     Beyond the budget the answer is unknown.
//! READ NEXT   linearizability/breadth.rs → scene.rs → frontier.rs → depth.rs → fast.rs →
//!             minimal.rs → judge.rs

mod breadth;
pub(crate) mod cut;
mod depth;
mod failure;
pub(crate) mod fast;
mod frontier;
mod judge;
pub(crate) mod minimal;
mod online;
mod parts;
mod plan;
mod scene;
mod steps;
mod trail;

pub use failure::{Failure, Named, Told, Words};
pub use judge::{Asked, judge_object};
pub use online::{Handle, Online};

use breadth::Breadth;
use depth::Depth;
use parts::parts;
pub(crate) use trail::Recorded;

use crate::Budget;
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
    States,
    /// It held as many bytes as it was allowed.
    Memory,
}

/// The end of a search, and what it took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Search {
    /// What it found out.
    pub answer: Answer,
    /// How many configurations it looked at.
    pub configurations: u64,
}

/// Searches for an order of `entries` that `spec` accepts, within `budget`.
///
/// Entries are in any order. If a request and an answer have the same place, the request came
/// first. If several parts of the object fail, the answer tells the first failing return of all.
///
/// ```
/// use splitbrain_check::Budget;
/// use splitbrain_check::linearizability::{Answer, Entry, search};
/// use splitbrain_check::spec::{Register, RegisterCall::{Read, Write}};
///
/// let judge = |entries: &[_]| search(&Register::default(), entries, Budget::default()).answer;
/// let write = Entry { call: Write(1), invoked: 0, returned: Some(1) };
/// let read = Entry { call: Read(None), invoked: 2, returned: Some(3) };
/// assert_eq!(judge(&[write, read]), Answer::NotLinearizable { at: 1 });
/// // If the write was never acknowledged, it may not have happened yet.
/// let open = Entry { returned: None, ..write };
/// assert_eq!(judge(&[open, read]), Answer::Linearizable);
/// ```
pub fn search<S: Spec>(spec: &S, entries: &[Entry<S::Call>], budget: Budget) -> Search {
    let mut search = Search { answer: Answer::Linearizable, configurations: 0 };
    let Some(parts) = parts(spec, entries) else { return search_part(spec, entries, budget) };
    let mut first = u32::MAX;
    for (number, part) in parts.iter().enumerate() {
        let left = Budget { states: budget.states - search.configurations, ..budget };
        let Search { answer, configurations } =
            search_part(spec, &part.entries, left.share(parts.len() - number));
        search.configurations += configurations;
        match answer {
            Answer::NotLinearizable { at } => {
                let returned = part.entries[at].returned.unwrap_or(u32::MAX);
                if returned <= first {
                    first = returned;
                    search.answer = Answer::NotLinearizable { at: part.index[at] };
                }
            }
            Answer::Unknown(_) if search.answer == Answer::Linearizable => search.answer = answer,
            Answer::Linearizable | Answer::Unknown(_) => (),
        }
    }
    search
}

/// The same for entries that are not taken apart.
pub(crate) fn search_part<S: Spec>(spec: &S, entries: &[Entry<S::Call>], budget: Budget) -> Search {
    if let Some(answer) = spec.decide(entries) {
        return Search { answer, configurations: 0 };
    }
    let Explored { answer, configurations, .. } = explore(spec, entries, budget, Recorded::No);
    Search { answer, configurations }
}

/// An operation in an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placed {
    /// Which entry.
    pub entry: usize,
    /// The place of the request or answer after which, and before the next, it takes effect.
    pub after: u32,
}

/// How far an order gets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Stuck<State> {
    pub(crate) order: Vec<Placed>,
    /// The state at its end.
    pub(crate) state: State,
    /// The operations that had begun and are not in it.
    pub(crate) next: Vec<usize>,
}

/// The end of a search that may have been recorded.
pub(crate) struct Explored<State> {
    pub(crate) answer: Answer,
    pub(crate) configurations: u64,
    /// Recorded, and linearizable: an order of all operations that returned, and some others.
    pub(crate) order: Vec<Placed>,
    /// Recorded, and not linearizable: how far the longest order gets.
    pub(crate) stuck: Option<Stuck<State>>,
}

/// How far a search got in its turn.
enum Progress {
    /// It has the answer.
    Done(Answer),
    /// Its turn is over.
    Paused,
    /// It may hold no more bytes.
    Full,
}

/// How many configurations the search in breadth looks at before another is begun beside it.
const ALONE: u64 = 1 << 14;
/// How many each looks at in a turn.
const TURN: u64 = 1 << 12;

/// The search in depth alone.
#[cfg(feature = "files")]
pub(crate) fn search_in_depth<S: Spec>(
    spec: &S,
    entries: &[Entry<S::Call>],
    budget: Budget,
    recorded: Recorded,
) -> Explored<S::State> {
    let events = plan::events(spec, entries);
    let mut depth = Depth::new(spec, entries, &events, budget.memory_bytes, recorded);
    let answer = match depth.run(entries, &events, budget.states) {
        Progress::Done(answer) => answer,
        Progress::Paused => Answer::Unknown(GaveUp::States),
        Progress::Full => Answer::Unknown(GaveUp::Memory),
    };
    depth.end(answer, entries, &events)
}

/// Both searches, in turns.
pub(crate) fn explore<S: Spec>(
    spec: &S,
    entries: &[Entry<S::Call>],
    budget: Budget,
    recorded: Recorded,
) -> Explored<S::State> {
    let events = plan::events(spec, entries);
    let memory = budget.memory_bytes / 2;
    let room = entries.len().saturating_mul(entries.len());
    let mut breadth = Breadth::new(spec, room, memory, recorded);
    let mut progress = breadth.run(entries, &events, budget.states.min(ALONE));
    if let Progress::Done(answer) = progress {
        return breadth.end(answer);
    }
    let mut depth = Some(Depth::new(spec, entries, &events, memory, recorded));
    loop {
        let spent = |depth: &Option<Depth<'_, S>>| depth.as_ref().map_or(0, |it| it.looked_at);
        let mut configurations = breadth.looked_at + spent(&depth);
        let gave_up = |why, configurations| Explored {
            answer: match why {
                GaveUp::States if planted(Planted::BudgetIsValid) => Answer::Linearizable,
                why => Answer::Unknown(why),
            },
            configurations,
            order: Vec::new(),
            stuck: None,
        };
        if configurations >= budget.states {
            return gave_up(GaveUp::States, configurations);
        }
        let turn = TURN.min(budget.states - configurations);
        if let Some(second) = &mut depth {
            match second.run(entries, &events, second.looked_at + turn) {
                Progress::Done(answer) => {
                    let mut end = second.end(answer, entries, &events);
                    end.configurations += breadth.looked_at;
                    return end;
                }
                Progress::Paused => (),
                Progress::Full => depth = None,
            }
            configurations = breadth.looked_at + spent(&depth);
        }
        if matches!(progress, Progress::Paused) {
            let turn = TURN.min(budget.states.saturating_sub(configurations));
            progress = breadth.run(entries, &events, breadth.looked_at + turn);
        }
        match progress {
            Progress::Done(answer) => {
                let mut end = breadth.end(answer);
                end.configurations += spent(&depth);
                return end;
            }
            Progress::Full if depth.is_none() => return gave_up(GaveUp::Memory, configurations),
            Progress::Full | Progress::Paused => (),
        }
    }
}
