//! Breadth-first, on all cores: what is found first is found by a shortest way.
//!
//! PROBLEM     Threads that run ahead of each other find a long way before a short one, and another
//!             one each time.
//! IDEA        Level by level, in rounds of two halves. First each thread expands states and sorts
//!             what it makes by the part it belongs to; nobody writes. Then each thread adds to
//!             parts of its own what all have made for them; nobody reads. There is no lock but
//!             the one that new values take.
//! RULES       The number of states, the verdict and the length of the way to it are the same on
//!             any number of threads. Which of several equally short ways is told may differ.
//!             A level in which something is wrong is finished, and no later one is begun.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::ExploreError;
use crate::expand::{Expander, Shape, Step};
use crate::known::{Reader, Shared, lock};
use crate::store::{PARTS, Part, id, part_of, words};
use crate::table::{NONE, hash_words, tag};

/// How far a search may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// So many different states.
    pub states: u64,
    /// So many steps from the start.
    pub depth: u32,
    /// So much memory.
    pub memory_bytes: u64,
}

impl Limits {
    /// Four billion states and 4 GiB.
    pub const STANDARD: Self =
        Self { states: u32::MAX as u64, depth: u32::MAX, memory_bytes: 4 << 30 };
}

/// Why a search did not see everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stopped {
    /// It had seen as many states as it may.
    States,
    /// It had gone as deep as it may.
    Depth,
    /// It had taken as much memory as it may.
    Memory,
    /// Somebody stopped it.
    Asked,
}

/// How far a search is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Progress {
    /// Steps tried, and the start: what the search looked at, seen before or not.
    pub states: u64,
    /// Different states.
    pub unique: u64,
    /// Different states whose successors were all looked at.
    pub expanded: u64,
    /// Levels begun; the start is the first.
    pub depth: u32,
    /// Memory, about.
    pub memory_bytes: u64,
}

/// How a search is watched and stopped from outside.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Called now and then.
    pub progress: &'a (dyn Fn(Progress) + Sync),
    /// Set it, and the search ends with what it has.
    pub stop: &'a AtomicBool,
    /// How many threads; the verdict does not depend on it.
    pub threads: usize,
}

/// What is wrong, in numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Wrong {
    /// The seat of a node breaks a property, by their places.
    Node(u16, u16),
    /// Two seats do.
    Pair(u16, u16, u16),
    /// The judge calls the record invalid.
    Record,
    /// The whole state breaks a property.
    World(u16),
    /// The last step did something wrong, by its number.
    Step(u32),
    /// The steps end in a cycle, of so many of them, on which a property never comes to hold, by
    /// its place among those that must.
    Cycle(u16, u32),
}

/// Something wrong that was found: the state, and the step out of it where a step is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) wrong: Wrong,
    pub(crate) state: u32,
    pub(crate) step: Option<Step>,
}

/// What a search leaves.
pub(crate) struct Searched {
    pub(crate) parts: Vec<Part>,
    pub(crate) progress: Progress,
    pub(crate) stopped: Option<Stopped>,
    pub(crate) found: Option<Found>,
    /// For each goal, a state in which it is reached.
    pub(crate) goals: Vec<Option<u32>>,
}

/// What a state is looked at for, besides its successors.
pub(crate) trait Look: Sync {
    /// What is wrong with the state.
    fn wrong(&self, reader: &mut Reader<'_>, state: &[u32]) -> Option<Wrong>;
    /// The goals that are reached in the state, by their bits.
    fn goals(&self, reader: &mut Reader<'_>, state: &[u32]) -> u64;
}

/// States that were made for one part: tag, parent, length, words, one after the other.
type Made = Vec<u32>;

/// What one thread works with.
struct Worker<'a> {
    expander: Expander<'a>,
    made: Vec<Made>,
    states: u64,
    expanded: u64,
    found: Option<Found>,
    goals: Vec<(u32, u32)>,
}

/// States are handed to threads in lots of so many.
const LOT: u32 = 256;
/// A round ends when so many states were expanded.
const ROUND: u32 = 1 << 15;

pub(crate) struct Search<'a> {
    pub(crate) shared: &'a Mutex<Shared>,
    pub(crate) shape: &'a Shape,
    pub(crate) look: &'a dyn Look,
    pub(crate) goals: usize,
    pub(crate) limits: Limits,
    pub(crate) control: Control<'a>,
}

impl<'a> Search<'a> {
    /// Searches from the states given.
    pub(crate) fn run(&self, first: &[Vec<u32>]) -> Result<Searched, ExploreError> {
        let mut parts: Vec<Part> = (0..PARTS).map(|_| Part::default()).collect();
        for state in first {
            let hash = hash_words(state);
            parts[part_of(hash)].insert(tag(hash), state, NONE);
        }
        let threads = self.control.threads.clamp(1, PARTS);
        let mut workers: Vec<Worker<'a>> = (0..threads)
            .map(|_| Worker {
                expander: Expander::new(Reader::new(self.shared), self.shape),
                made: vec![Made::new(); PARTS],
                states: 0,
                expanded: 0,
                found: None,
                goals: Vec::new(),
            })
            .collect();
        let mut searched = Searched {
            parts,
            progress: Progress::default(),
            stopped: None,
            found: None,
            goals: vec![None; self.goals],
        };
        let begun = first.len() as u64;
        let mut level: Vec<u32> = vec![0; PARTS];
        loop {
            let ends: Vec<u32> = searched.parts.iter().map(Part::len).collect();
            if level == ends {
                break;
            }
            if searched.progress.depth > self.limits.depth {
                searched.stopped = Some(Stopped::Depth);
                break;
            }
            searched.progress.depth += 1;
            let stopped = self.level(&mut searched, &mut workers, &level, &ends, begun);
            if let Some(error) = workers.iter_mut().find_map(|w| w.expander.reader.error.take()) {
                return Err(error);
            }
            searched.found =
                workers.iter_mut().filter_map(|worker| worker.found.take()).min_by(|one, other| {
                    (one.step.is_some(), one.wrong).cmp(&(other.step.is_some(), other.wrong))
                });
            searched.stopped = stopped;
            if searched.stopped.is_some() || searched.found.is_some() {
                break;
            }
            level = ends;
        }
        Ok(searched)
    }

    /// Expands the states of one level, in rounds. Returns why it could not be finished.
    fn level(
        &self,
        searched: &mut Searched,
        workers: &mut [Worker<'a>],
        begins: &[u32],
        ends: &[u32],
        begun: u64,
    ) -> Option<Stopped> {
        let mut lots = Vec::new();
        for (part, (begin, end)) in begins.iter().zip(ends).enumerate() {
            let mut at = *begin;
            while at < *end {
                let next = (*end).min(at + LOT);
                lots.push((part, at, next));
                at = next;
            }
        }
        for round in lots.chunks((ROUND / LOT) as usize) {
            self.round(searched, workers, round);
            let progress = &mut searched.progress;
            progress.states = begun + workers.iter().map(|worker| worker.states).sum::<u64>();
            progress.expanded = workers.iter().map(|worker| worker.expanded).sum();
            progress.unique = searched.parts.iter().map(|part| u64::from(part.len())).sum();
            let made = workers.iter().flat_map(|worker| &worker.made);
            let made: usize = made.map(Vec::capacity).sum();
            progress.memory_bytes = searched.parts.iter().map(Part::bytes).sum::<u64>()
                + (made * size_of::<u32>()) as u64
                + lock(self.shared).bytes() * (1 + workers.len() as u64) / 2;
            (self.control.progress)(*progress);
            for worker in &mut *workers {
                for (goal, state) in worker.goals.drain(..) {
                    searched.goals[goal as usize].get_or_insert(state);
                }
            }
            if workers.iter().any(|worker| worker.expander.reader.error.is_some()) {
                return None;
            }
            if self.control.stop.load(Ordering::Relaxed) {
                return Some(Stopped::Asked);
            }
            if progress.unique >= self.limits.states {
                return Some(Stopped::States);
            }
            if progress.memory_bytes >= self.limits.memory_bytes {
                return Some(Stopped::Memory);
            }
        }
        None
    }

    fn round(
        &self,
        searched: &mut Searched,
        workers: &mut [Worker<'a>],
        lots: &[(usize, u32, u32)],
    ) {
        let next = AtomicUsize::new(0);
        let parts = &searched.parts;
        let seen = &searched.goals;
        in_parallel(workers.iter_mut(), |worker| {
            worker.expander.reader.catch_up();
            while let Some((part, begin, end)) = lots.get(next.fetch_add(1, Ordering::Relaxed)) {
                for at in *begin..*end {
                    worker.expand(self.look, parts, id(*part, at), seen);
                }
            }
        });
        let made: Vec<&Vec<Made>> = workers.iter().map(|worker| &worker.made).collect();
        let share = PARTS.div_ceil(workers.len());
        in_parallel(searched.parts.chunks_mut(share).enumerate(), |(nth, parts)| {
            for (at, part) in (nth * share..).zip(parts) {
                for made in &made {
                    add(part, &made[at]);
                }
            }
        });
        workers.iter_mut().flat_map(|worker| &mut worker.made).for_each(Vec::clear);
    }
}

/// Adds the states that were made for a part.
fn add(part: &mut Part, mut made: &[u32]) {
    while let [tag, parent, length, rest @ ..] = made {
        let (words, rest) = rest.split_at(*length as usize);
        part.insert(*tag, words, *parent);
        made = rest;
    }
}

impl Worker<'_> {
    fn expand(&mut self, look: &dyn Look, parts: &[Part], state: u32, goals: &[Option<u32>]) {
        let now = words(parts, state);
        if let Some(wrong) = look.wrong(&mut self.expander.reader, now) {
            self.find(Found { wrong, state, step: None });
        }
        if goals.iter().any(Option::is_none) {
            let reached = look.goals(&mut self.expander.reader, now);
            for goal in (0..64).filter(|goal| reached >> goal & 1 == 1) {
                self.goals.push((goal, state));
            }
        }
        let Self { expander, made, states, found, .. } = self;
        let mut is_wrong = None;
        expander.expand(now, &mut |step: Step, after: &[u32]| {
            *states += 1;
            if step.wrong != 0 {
                is_wrong.get_or_insert(step);
                return;
            }
            let hash = hash_words(after);
            let made = &mut made[part_of(hash)];
            #[expect(clippy::cast_possible_truncation, reason = "a state has few words")]
            let length = after.len() as u32;
            made.extend_from_slice(&[tag(hash), state, length]);
            made.extend_from_slice(after);
        });
        self.expanded += 1;
        if let (Some(step), None) = (is_wrong, &found) {
            let wrong = Wrong::Step(step.wrong);
            *found = Some(Found { wrong, state, step: Some(step) });
        }
    }

    /// Remembers the first of what is wrong; a wrong state comes before a wrong step.
    fn find(&mut self, found: Found) {
        let is_first = self.found.as_ref().is_none_or(|other| {
            (found.step.is_some(), found.wrong) < (other.step.is_some(), other.wrong)
        });
        if is_first {
            self.found = Some(found);
        }
    }
}

/// Does `work` on each item, on a thread for each but the first.
fn in_parallel<T: Send>(items: impl Iterator<Item = T>, work: impl Fn(T) + Sync) {
    let mut items = items;
    let Some(first) = items.next() else { return };
    let work = &work;
    std::thread::scope(|scope| {
        for item in items {
            scope.spawn(move || work(item));
        }
        work(first);
    });
}
