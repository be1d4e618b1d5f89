//! What must come to hold at last: runs that go on for ever without it, and are fair.
//!
//! PROBLEM     A counterexample to "it ends at last" is a run without an end: a way to a cycle in
//!             which the wanted thing never holds. But a network that delivers one message for
//!             ever and leaves another one waiting is no counterexample; nobody promises anything
//!             over such a network.
//! IDEA        *Weak fairness*: what could happen all the time happens now and then. A cycle is
//!             fair if each fair action is taken on it, or cannot be taken somewhere on it. If any
//!             fair cycle lies within a strongly connected component, then going round all of the
//!             component is one: so it is enough to look at the components [clarke1999 §6.3].
//! RULES       1. Only states from which the wanted thing has not held yet are looked at, as they
//!                follow each other.
//!             2. A state in which nothing fair can happen may stay as it is for ever.
//!             3. Where a fair action cannot happen only because its budget is used up, nothing is
//!                decided; such states are counted, and the verdict is not "holds".
//! CAVEATS     It needs all states: a search that was stopped decides nothing about liveness.
//! READ NEXT   model.rs for `Fairness`

use std::collections::{BTreeSet, BinaryHeap, VecDeque};

use crate::ExploreError;
use crate::expand::{Expander, Step, What};
use crate::explore::System;
use crate::known::{Reader, lock};
use crate::model::Fairness;
use crate::store::{PARTS, Part, id, words};
use crate::table::{NONE, Numbers, hash_words, tag};

/// A way to a cycle that goes on for ever.
pub(crate) struct Lasso {
    /// The property, by its place among those that must come to hold.
    pub(crate) property: usize,
    /// The steps, each with the state before it.
    pub(crate) steps: Vec<(Vec<u32>, Step)>,
    /// How many steps lead to the cycle; the rest is the cycle.
    pub(crate) stem: usize,
}

/// What was decided.
pub(crate) enum Decided {
    /// Every fair run comes to it.
    Holds,
    /// This one does not.
    Fails(Lasso),
    /// In so many states a fair action had used up its budget.
    Undecided(u64),
}

/// States in a row, whatever part they are in.
struct Dense {
    offsets: Vec<u32>,
}

impl Dense {
    fn new(parts: &[Part]) -> Self {
        let mut offsets = vec![0];
        for part in parts {
            offsets.push(offsets.last().copied().unwrap_or(0) + part.len());
        }
        Self { offsets }
    }

    fn count(&self) -> usize {
        self.offsets[PARTS] as usize
    }

    fn row(&self, part: usize, at: u32) -> u32 {
        self.offsets[part] + at
    }

    /// The state's number in the store.
    fn id(&self, row: u32) -> u32 {
        let part = self.offsets.partition_point(|offset| *offset <= row) - 1;
        id(part, row - self.offsets[part])
    }
}

/// The states in which the wanted thing does not hold, and the steps between them.
struct Graph {
    /// For each row: where its edges begin. The last is the number of edges.
    begins: Vec<u32>,
    /// The row that a step leads to, and the fair action that it takes; [`NONE`] if it is not fair.
    edges: Vec<(u32, u32)>,
    /// For each row, the fair actions that could happen.
    enabled: Vec<Vec<u32>>,
    /// Whether the wanted thing has yet to come.
    wanting: Vec<bool>,
    /// Whether a budget keeps a fair action from happening.
    starved: Vec<bool>,
    actions: Numbers<(u8, u16, u32)>,
}

impl System {
    /// Decides about the property with this place, once all states are known.
    pub(crate) fn decide(&self, parts: &[Part], property: usize) -> Result<Decided, ExploreError> {
        let dense = Dense::new(parts);
        let bits = |row: u32| lock(&self.shared).typed.live(words(parts, dense.id(row)), property);
        let holds: Vec<(bool, bool)> =
            (0..dense.count()).map(|row| bits(u32::try_from(row).unwrap_or(NONE))).collect();
        let graph = self.graph(parts, &dense, &holds)?;
        let begins = self.first.iter().filter_map(|state| find(parts, &dense, state));
        let begins: BTreeSet<u32> = begins.collect();
        let from_start = lock(&self.shared).typed.live_from_start(property);
        let waits = |row: u32| {
            let (begun, wanted) = holds[row as usize];
            !wanted && if from_start { begins.contains(&row) } else { begun }
        };
        let (distance, before) = self.distances(parts, &dense, &graph, waits);
        let mut best: Option<(u32, u32, Vec<u32>)> = None;
        let mut starved = 0;
        for component in components(&graph, &distance) {
            if component.iter().any(|row| graph.starved[*row as usize]) {
                starved += component.len() as u64;
                continue;
            }
            if !graph.is_fair(&component) {
                continue;
            }
            let nearest = component.iter().min_by_key(|row| (distance[**row as usize], **row));
            if let Some(row) = nearest {
                let far = distance[*row as usize];
                if best.as_ref().is_none_or(|(least, ..)| far < *least) {
                    best = Some((far, *row, component));
                }
            }
        }
        Ok(match best {
            Some((_, entry, component)) => {
                let stem = self.stem(parts, &dense, &before, entry);
                Decided::Fails(self.lasso(parts, &dense, &graph, property, &stem, &component))
            }
            None if starved > 0 => Decided::Undecided(starved),
            None => Decided::Holds,
        })
    }

    fn graph(
        &self,
        parts: &[Part],
        dense: &Dense,
        holds: &[(bool, bool)],
    ) -> Result<Graph, ExploreError> {
        let mut expander = Expander::new(Reader::new(&self.shared), &self.shape);
        let fairness = lock(&self.shared).typed.fairness();
        let mut graph = Graph {
            begins: vec![0],
            edges: Vec::new(),
            enabled: Vec::with_capacity(holds.len()),
            wanting: holds.iter().map(|(_, wanted)| !wanted).collect(),
            starved: Vec::with_capacity(holds.len()),
            actions: Numbers::default(),
        };
        for row in 0..dense.count() {
            let mut enabled = BTreeSet::new();
            let mut starved = false;
            if graph.wanting[row] {
                let state = words(parts, dense.id(u32::try_from(row).unwrap_or(NONE)));
                starved = fairness.timers && expander.is_starved(state);
                let Graph { edges, actions, wanting, .. } = &mut graph;
                expander.expand(state, &mut |step: Step, after: &[u32]| {
                    let action = action(step, fairness).map_or(NONE, |key| actions.number(key).0);
                    if action != NONE {
                        enabled.insert(action);
                    }
                    if let Some(to) = find(parts, dense, after)
                        && wanting[to as usize]
                    {
                        edges.push((to, action));
                    }
                });
            }
            graph.enabled.push(enabled.into_iter().collect());
            graph.starved.push(starved);
            graph.begins.push(u32::try_from(graph.edges.len()).unwrap_or(NONE));
        }
        expander.reader.error.take().map_or(Ok(graph), Err)
    }

    /// The fewest steps to each state of rule 1, and the state before it on such a way; those that
    /// wait for the wanted thing first are at the end of a way of the search.
    fn distances(
        &self,
        parts: &[Part],
        dense: &Dense,
        graph: &Graph,
        waits: impl Fn(u32) -> bool,
    ) -> (Vec<u32>, Vec<u32>) {
        let count = u32::try_from(dense.count()).unwrap_or(NONE);
        let mut distance = vec![NONE; dense.count()];
        let mut before = vec![NONE; dense.count()];
        let mut heap = BinaryHeap::new();
        for row in (0..count).filter(|row| waits(*row)) {
            let depth = crate::store::path(parts, dense.id(row)).len() - 1;
            distance[row as usize] = u32::try_from(depth).unwrap_or(NONE);
            heap.push(std::cmp::Reverse((distance[row as usize], row)));
        }
        while let Some(std::cmp::Reverse((far, row))) = heap.pop() {
            if far > distance[row as usize] {
                continue;
            }
            for (to, _) in graph.edges_of(row) {
                if far + 1 < distance[*to as usize] {
                    distance[*to as usize] = far + 1;
                    before[*to as usize] = row;
                    heap.push(std::cmp::Reverse((far + 1, *to)));
                }
            }
        }
        (distance, before)
    }

    /// The states on the way to the cycle, by their numbers in the store.
    fn stem(&self, parts: &[Part], dense: &Dense, before: &[u32], entry: u32) -> Vec<u32> {
        let mut tail = vec![entry];
        let mut row = entry;
        while before[row as usize] != NONE {
            row = before[row as usize];
            tail.push(row);
        }
        tail.pop();
        let mut stem = crate::store::path(parts, dense.id(row));
        stem.extend(tail.into_iter().rev().map(|row| dense.id(row)));
        stem
    }

    fn lasso(
        &self,
        parts: &[Part],
        dense: &Dense,
        graph: &Graph,
        property: usize,
        stem: &[u32],
        component: &[u32],
    ) -> Lasso {
        let states: Vec<&[u32]> = stem.iter().map(|id| words(parts, *id)).collect();
        let mut steps = self.steps_between(&states);
        let length = steps.len();
        let entry = states.last().and_then(|state| find(parts, dense, state)).unwrap_or(0);
        let fairness = lock(&self.shared).typed.fairness();
        let mut expander = Expander::new(Reader::new(&self.shared), &self.shape);
        let mut row = entry;
        for (to, wanted) in graph.cycle(component, entry) {
            let state = words(parts, dense.id(row));
            let target = words(parts, dense.id(to));
            let mut found = None;
            expander.expand(state, &mut |step: Step, after: &[u32]| {
                let taken = action(step, fairness);
                let fits = wanted == NONE || taken.as_ref() == Some(graph.actions.get(wanted));
                if after == target && fits {
                    found.get_or_insert(step);
                }
            });
            steps.extend(found.map(|step| (state.to_vec(), step)));
            row = to;
        }
        Lasso { property, steps, stem: length }
    }
}

fn find(parts: &[Part], dense: &Dense, state: &[u32]) -> Option<u32> {
    let hash = hash_words(state);
    let part = crate::store::part_of(hash);
    Some(dense.row(part, parts[part].find(tag(hash), state)?))
}

/// The fair action that a step takes; `None` if nobody promises that it ever happens.
fn action(step: Step, fairness: Fairness) -> Option<(u8, u16, u32)> {
    let fair = match step.what {
        What::Deliver | What::Answer => fairness.deliveries,
        What::Ask => fairness.clients,
        What::Expire | What::Tick => fairness.timers,
        What::Start => fairness.restarts,
        What::Heal => fairness.heals,
        What::Duplicate | What::Lose | What::GiveUp | What::Crash | What::Partition => false,
    };
    let kind = match step.what {
        What::Deliver | What::Answer => 0,
        What::Ask => 1,
        What::Expire => 2,
        What::Tick => 3,
        What::Start => 4,
        _ => 5,
    };
    (fair && step.is_free).then_some((kind, step.who, step.input))
}

impl Graph {
    fn edges_of(&self, row: u32) -> &[(u32, u32)] {
        let (begin, end) = (self.begins[row as usize], self.begins[row as usize + 1]);
        &self.edges[begin as usize..end as usize]
    }

    /// Whether a run may stay in the component for ever and be fair.
    fn is_fair(&self, component: &[u32]) -> bool {
        let within: BTreeSet<u32> = component.iter().copied().collect();
        let mut always: BTreeSet<u32> =
            self.enabled[component[0] as usize].iter().copied().collect();
        for row in component {
            let enabled = &self.enabled[*row as usize];
            always.retain(|action| enabled.binary_search(action).is_ok());
            for (to, action) in self.edges_of(*row) {
                if within.contains(to) {
                    always.remove(action);
                }
            }
        }
        always.is_empty()
    }

    /// A short fair cycle: the rows that it visits after the entry, each with the action that must
    /// be taken to get there, or [`NONE`]. Empty if the run stays where it is.
    fn cycle(&self, component: &[u32], entry: u32) -> Vec<(u32, u32)> {
        let within: BTreeSet<u32> = component.iter().copied().collect();
        let mut owed: BTreeSet<u32> = self.enabled[entry as usize].iter().copied().collect();
        let mut cycle = Vec::new();
        let mut row = entry;
        while let Some(action) = owed.first().copied() {
            let arrives = |row: u32| self.enabled[row as usize].binary_search(&action).is_err();
            let Some(way) = self.way(&within, row, arrives, action) else { break };
            for (to, taken) in way {
                let enabled = &self.enabled[to as usize];
                owed.retain(|owed| *owed != taken && enabled.binary_search(owed).is_ok());
                row = to;
                cycle.push((to, taken));
            }
        }
        let leaves = row == entry && cycle.is_empty();
        let has_loop = self.edges_of(entry).iter().any(|(to, _)| within.contains(to));
        if !leaves || has_loop {
            cycle.extend(self.way_home(&within, row, entry, leaves).unwrap_or_default());
        }
        cycle
    }

    fn way_home(
        &self,
        within: &BTreeSet<u32>,
        row: u32,
        entry: u32,
        leaves: bool,
    ) -> Option<Vec<(u32, u32)>> {
        if row == entry && !leaves {
            return None;
        }
        self.way(within, row, |row| row == entry, NONE)
    }

    /// A shortest way of at least one step to a row that fits, or over a step that takes the
    /// action.
    fn way(
        &self,
        within: &BTreeSet<u32>,
        from: u32,
        fits: impl Fn(u32) -> bool,
        wanted: u32,
    ) -> Option<Vec<(u32, u32)>> {
        let mut queue = VecDeque::from([from]);
        let mut before: std::collections::BTreeMap<u32, (u32, u32)> =
            std::collections::BTreeMap::new();
        while let Some(row) = queue.pop_front() {
            for (to, action) in self.edges_of(row) {
                if !within.contains(to) {
                    continue;
                }
                let taken = wanted != NONE && *action == wanted;
                if taken || fits(*to) {
                    let mut way = vec![(*to, *action)];
                    let mut at = row;
                    while let Some((earlier, action)) = before.get(&at).filter(|_| at != from) {
                        way.push((at, *action));
                        at = *earlier;
                    }
                    way.reverse();
                    return Some(way);
                }
                if *to != from && !before.contains_key(to) {
                    before.insert(*to, (row, *action));
                    queue.push_back(*to);
                }
            }
        }
        None
    }
}

/// The strongly connected components of the rows that can be reached, by Tarjan's algorithm
/// (Tarjan 1972).
fn components(graph: &Graph, distance: &[u32]) -> Vec<Vec<u32>> {
    const UNSEEN: u32 = NONE;
    let count = distance.len();
    let (mut index, mut low) = (vec![UNSEEN; count], vec![0_u32; count]);
    let mut on_stack = vec![false; count];
    let (mut stack, mut calls): (Vec<u32>, Vec<(u32, usize)>) = (Vec::new(), Vec::new());
    let (mut next, mut found) = (0, Vec::new());
    for root in 0..u32::try_from(count).unwrap_or(NONE) {
        if distance[root as usize] == NONE || index[root as usize] != UNSEEN {
            continue;
        }
        calls.push((root, 0));
        while let Some((row, at)) = calls.pop() {
            let r = row as usize;
            if at == 0 {
                (index[r], low[r]) = (next, next);
                next += 1;
                stack.push(row);
                on_stack[r] = true;
            }
            let edges = graph.edges_of(row);
            if let Some((to, _)) = edges.get(at) {
                calls.push((row, at + 1));
                let t = *to as usize;
                if index[t] == UNSEEN {
                    calls.push((*to, 0));
                } else if on_stack[t] {
                    low[r] = low[r].min(index[t]);
                }
                continue;
            }
            if let Some((parent, _)) = calls.last() {
                low[*parent as usize] = low[*parent as usize].min(low[r]);
            }
            if low[r] == index[r] {
                let begin = stack.iter().rposition(|other| *other == row).unwrap_or(0);
                let component = stack.split_off(begin);
                component.iter().for_each(|row| on_stack[*row as usize] = false);
                found.push(component);
            }
        }
    }
    found
}
