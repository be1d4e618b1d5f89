//! Cycles of dependencies: the worst kind in each tangle, and the shortest of that kind.
//!
//! PROBLEM     A million transactions, ten million dependencies, and somewhere a cycle. To look for
//!             each kind of cycle from each transaction takes the square of that.
//! IDEA        Whether a kind of cycle *exists* is a question of strongly connected components,
//!             each of some subgraph, and linear: ww alone for G0; ww and wr for G1c; for cycles
//!             without two rw in a row, a graph in which each node stands twice, come to by rw or
//!             not. Exactly one rw is harder: 64 of them at a time are followed through what
//!             remains, which has no cycles any more. Only then is the shortest looked for.
//! RULES       What is not found does not exist: the budget bounds how long a shorter cycle, or a
//!             worse kind, is looked for, and what was given up is told.
//!             A kind that follows from one that was found in the same tangle is not looked for.
//! CAVEATS     Within the budget the shortest; else a short one.
//! READ NEXT   graph.rs → anomaly.rs → list_append.rs

use std::collections::VecDeque;

use crate::anomaly::{Anomalies, Anomaly};
use crate::graph::{Components, Dependency, Graph, Kinds};
use crate::planted::{Planted, planted};

/// How many times the nodes of a tangle may be walked over to find a shorter cycle.
const SHORTER: u64 = 32;

/// A cycle: transactions, and the kind of edge from each to the next, and from the last to the
/// first.
pub(crate) type Cycle = Vec<(u32, Dependency)>;

/// What a search found.
#[derive(Default)]
pub(crate) struct Cycles {
    /// Kinds, with a cycle of each; more than one, if there are several tangles.
    pub(crate) found: Vec<(Anomaly, Cycle)>,
    /// Kinds of which it is not known whether there are any.
    pub(crate) given_up: Anomalies,
    /// Whether shorter cycles may exist than those that were found.
    pub(crate) cut_short: bool,
}

/// Which edges beside ww, wr and rw a cycle may have; of the last of these kinds it has one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Level {
    Data,
    Process,
    Realtime,
}

impl Level {
    const ALL: [Self; 3] = [Self::Data, Self::Process, Self::Realtime];

    /// The kinds that only this level and the higher ones have.
    const fn free(self) -> Kinds {
        match self {
            Self::Data => Kinds::NONE,
            Self::Process => Kinds::NONE.with(Dependency::Process),
            Self::Realtime => Kinds::NONE.with(Dependency::Process).with(Dependency::Realtime),
        }
    }

    /// The kind of which a cycle of this level has at least one edge.
    const fn own(self) -> Option<Dependency> {
        match self {
            Self::Data => None,
            Self::Process => Some(Dependency::Process),
            Self::Realtime => Some(Dependency::Realtime),
        }
    }

    const fn g0(self) -> Anomaly {
        [Anomaly::G0, Anomaly::G0Process, Anomaly::G0Realtime][self as usize]
    }

    const fn g1c(self) -> Anomaly {
        [Anomaly::G1c, Anomaly::G1cProcess, Anomaly::G1cRealtime][self as usize]
    }

    const fn single(self) -> Anomaly {
        [Anomaly::GSingle, Anomaly::GSingleProcess, Anomaly::GSingleRealtime][self as usize]
    }

    const fn nonadjacent(self) -> Anomaly {
        [Anomaly::GNonadjacent, Anomaly::GNonadjacentProcess, Anomaly::GNonadjacentRealtime]
            [self as usize]
    }

    const fn g2_item(self) -> Anomaly {
        [Anomaly::G2Item, Anomaly::G2ItemProcess, Anomaly::G2ItemRealtime][self as usize]
    }
}

/// The name of a cycle.
pub(crate) fn classify(cycle: &[(u32, Dependency)]) -> Anomaly {
    let count = |kind| cycle.iter().filter(|(_, other)| *other == kind).count();
    let level = if count(Dependency::Realtime) > 0 {
        Level::Realtime
    } else if count(Dependency::Process) > 0 {
        Level::Process
    } else {
        Level::Data
    };
    match count(Dependency::Rw) {
        0 if count(Dependency::Wr) == 0 => level.g0(),
        0 => level.g1c(),
        1 => level.single(),
        _ if has_adjacent_rw(cycle) => level.g2_item(),
        _ => level.nonadjacent(),
    }
}

fn has_adjacent_rw(cycle: &[(u32, Dependency)]) -> bool {
    let next = cycle.iter().cycle().skip(1);
    cycle.iter().zip(next).any(|(a, b)| a.1 == Dependency::Rw && b.1 == Dependency::Rw)
}

/// Looks for cycles of every kind, looking at no more than about `states` nodes.
pub(crate) fn search(graph: &Graph, states: u64) -> Cycles {
    let mut search = Search { states, cycles: Cycles::default() };
    for tangle in graph.components(Kinds::ALL).cyclic() {
        search.tangle(&graph.induced(&tangle), &tangle);
    }
    search.cycles
}

/// How one kind of cycle is looked for.
type Look = fn(&mut Search, Part<'_>) -> Option<Cycle>;

/// A search with what is left of its budget.
struct Search {
    states: u64,
    cycles: Cycles,
}

impl Search {
    /// Looks at a strongly connected part of the graph, the least dependencies first.
    fn tangle(&mut self, tangle: &Graph, names: &[u32]) {
        let mut found: Vec<(u32, Anomaly)> = Vec::new();
        for level in Level::ALL {
            let mut kinds = level.free();
            for kind in [Dependency::Ww, Dependency::Wr, Dependency::Rw] {
                kinds = kinds.with(kind);
            }
            let components = tangle.components(kinds);
            for nodes in components.cyclic() {
                let here = components.of[nodes[0] as usize];
                let known = found
                    .iter()
                    .filter(|(node, _)| components.of[*node as usize] == here)
                    .map(|(_, anomaly)| *anomaly)
                    .collect();
                let part = Part { graph: &tangle.induced(&nodes), level };
                if level.own().is_some_and(|own| edges(part.graph, own).next().is_none()) {
                    continue;
                }
                for (anomaly, cycle) in self.part(part, known) {
                    let name = |node: u32| nodes[node as usize];
                    found.push((name(cycle[0].0), anomaly));
                    let full = |node: u32| names[name(node) as usize];
                    let mut cycle: Cycle =
                        cycle.into_iter().map(|(node, kind)| (full(node), kind)).collect();
                    let first = (0..cycle.len()).min_by_key(|at| cycle[*at].0);
                    cycle.rotate_left(first.unwrap_or(0));
                    self.cycles.found.push((anomaly, cycle));
                }
            }
        }
    }

    /// Looks for each kind of a level that does not follow from what is known.
    fn part(&mut self, part: Part<'_>, known: Anomalies) -> Vec<(Anomaly, Cycle)> {
        let level = part.level;
        let mut found = Vec::new();
        let mut known = known.implied();
        let kinds: [(Anomaly, Look); 5] = [
            (level.g0(), Self::g0),
            (level.g1c(), Self::g1c),
            (level.single(), Self::single),
            (level.nonadjacent(), Self::nonadjacent),
            (level.g2_item(), Self::g2_item),
        ];
        for (anomaly, look) in kinds {
            if known.has(anomaly) && !planted(Planted::CycleImpliedTold) {
                continue;
            }
            let Some(cycle) = look(self, part) else { continue };
            // A shorter cycle of another name may have come out: what it is decides.
            let anomaly = classify(&cycle);
            if !known.has(anomaly) || planted(Planted::CycleImpliedTold) {
                known = known.and(Anomalies::NONE.with(anomaly).implied());
                found.push((anomaly, cycle));
            }
        }
        found
    }

    fn g0(&mut self, part: Part<'_>) -> Option<Cycle> {
        let kinds = part.level.free().with(Dependency::Ww);
        let seeds = part.inside(kinds, part.level.own().unwrap_or(Dependency::Ww));
        self.shortest(part.graph, kinds, &seeds, |node| node)
    }

    fn g1c(&mut self, part: Part<'_>) -> Option<Cycle> {
        let kinds = part.dependencies();
        let seeds = part.inside(kinds, part.level.own().unwrap_or(Dependency::Wr));
        self.shortest(part.graph, kinds, &seeds, |node| node)
    }

    fn single(&mut self, part: Part<'_>) -> Option<Cycle> {
        let kinds = part.dependencies();
        let components = part.graph.components(kinds);
        if planted(Planted::CycleSingleMissed) {
            return None;
        }
        let seeds = Reach::new(part.graph, kinds, &components).closed(&mut self.states);
        let seeds = seeds.unwrap_or_else(|| {
            self.cycles.given_up = self.cycles.given_up.with(part.level.single());
            Vec::new()
        });
        self.shortest(part.graph, kinds, &seeds, |node| node)
    }

    fn nonadjacent(&mut self, part: Part<'_>) -> Option<Cycle> {
        let doubled = part.graph.without_adjacent_rw(part.all());
        let components = doubled.components(Kinds::ALL);
        let nodes = part.graph.len();
        let seeds = edges(&doubled, Dependency::Rw)
            .filter(|seed| components.of[seed.from as usize] == components.of[seed.to as usize]);
        let seeds: Vec<Seed> = seeds.collect();
        let walk = self.shortest(&doubled, Kinds::ALL, &seeds, |node| node % nodes)?;
        simple(walk)
    }

    fn g2_item(&mut self, part: Part<'_>) -> Option<Cycle> {
        let kinds = part.all();
        let seeds = part.inside(kinds, Dependency::Rw);
        self.shortest(part.graph, kinds, &seeds, |node| node)
    }

    /// The shortest cycle through one of the seeds that goes on by `kinds` only. The first seed
    /// from which there is a way back is followed to the end; the others while the budget lasts.
    fn shortest(
        &mut self,
        graph: &Graph,
        kinds: Kinds,
        seeds: &[Seed],
        name: impl Fn(u32) -> u32,
    ) -> Option<Cycle> {
        let mut walk = Walk::new(graph, kinds);
        let mut best: Option<Cycle> = None;
        // Other tangles need their share.
        let mut states = self.states.min(SHORTER * (u64::from(graph.len()) + SHORTER));
        let all = states;
        for seed in seeds {
            let longest = best.as_ref().map_or(u32::MAX, |cycle| {
                u32::try_from(cycle.len()).unwrap_or(u32::MAX).saturating_sub(2)
            });
            if longest == 0 || (planted(Planted::CycleFirstTold) && best.is_some()) {
                break;
            }
            if states == 0 && best.is_some() {
                self.cycles.cut_short = true;
                break;
            }
            if let Some(cycle) = walk.back(*seed, longest, &mut states) {
                best = Some(cycle);
            }
        }
        self.states -= all - states;
        Some(best?.into_iter().map(|(node, kind)| (name(node), kind)).collect())
    }
}

/// An edge that leaves a transaction, and through which a cycle is looked for.
#[derive(Clone, Copy, Debug)]
struct Seed {
    from: u32,
    kind: Dependency,
    to: u32,
}

/// All edges of a kind that leave transactions.
fn edges(graph: &Graph, kind: Dependency) -> impl Iterator<Item = Seed> {
    let transactions = (0..graph.len()).filter(|node| !graph.is_junction(*node));
    transactions.flat_map(move |from| {
        let of_kind = graph.out(from).filter(move |(other, _)| *other == kind);
        of_kind.map(move |(kind, to)| Seed { from, kind, to })
    })
}

/// A part of the graph that is strongly connected by the kinds of a level.
#[derive(Clone, Copy)]
struct Part<'a> {
    graph: &'a Graph,
    level: Level,
}

impl Part<'_> {
    /// Every kind but rw.
    const fn dependencies(self) -> Kinds {
        self.level.free().with(Dependency::Ww).with(Dependency::Wr)
    }

    const fn all(self) -> Kinds {
        self.dependencies().with(Dependency::Rw)
    }

    /// The edges of a kind that lie on a cycle of `kinds`.
    fn inside(self, kinds: Kinds, kind: Dependency) -> Vec<Seed> {
        let of = self.graph.components(kinds).of;
        let inside = |seed: &Seed| of[seed.from as usize] == of[seed.to as usize];
        edges(self.graph, kind).filter(inside).collect()
    }
}

/// A closed walk without two rw in a row, made simple: where it comes to a node twice it is two
/// walks, and one of them at least has no two rw in a row either.
fn simple(mut walk: Cycle) -> Option<Cycle> {
    loop {
        let again = (1..walk.len()).find_map(|end| {
            let start = walk[..end].iter().position(|step| step.0 == walk[end].0)?;
            Some((start, end))
        });
        let Some((start, end)) = again else { break };
        let inner: Cycle = walk[start..end].to_vec();
        walk.drain(start..end);
        let is_good = |walk: &Cycle| {
            !has_adjacent_rw(walk) && walk.iter().any(|step| step.1 == Dependency::Rw)
        };
        if is_good(&inner) {
            walk = inner;
        }
    }
    let whole = walk.len() > 1 && !has_adjacent_rw(&walk);
    whole.then_some(walk)
}

/// Walks that lead back to where they began, shortest first.
struct Walk<'a> {
    graph: &'a Graph,
    kinds: Kinds,
    /// In which walk a node was come to last, counted from 1, and how far it was.
    seen: Vec<(u32, u32)>,
    walks: u32,
    /// From where a node was come to, and by which kind of edge.
    came: Vec<(u32, Dependency)>,
}

impl<'a> Walk<'a> {
    fn new(graph: &'a Graph, kinds: Kinds) -> Self {
        let nodes = graph.len() as usize;
        let came = vec![(0, Dependency::Ww); nodes];
        Self { graph, kinds, seen: vec![(0, 0); nodes], walks: 0, came }
    }

    /// The shortest cycle of at most `longest` edges beyond the seed.
    fn back(&mut self, seed: Seed, longest: u32, states: &mut u64) -> Option<Cycle> {
        self.walks += 1;
        // Nodes with how many edges led to them. What a junction leads to is as near as it.
        let mut queue = VecDeque::from([(seed.to, 0)]);
        self.seen[seed.to as usize] = (self.walks, 0);
        while let Some((node, edges)) = queue.pop_front() {
            *states = states.saturating_sub(1);
            if node == seed.from {
                return Some(self.cycle(seed));
            }
            let junction = self.graph.is_junction(node);
            let known = self.seen[node as usize].1 < edges;
            if known || (!junction && edges == longest) {
                continue;
            }
            let edges = if junction { edges } else { edges + 1 };
            for (kind, to) in self.graph.out_by(node, self.kinds) {
                let seen = &mut self.seen[to as usize];
                if seen.0 == self.walks && seen.1 <= edges {
                    continue;
                }
                *seen = (self.walks, edges);
                self.came[to as usize] = (node, kind);
                if junction {
                    queue.push_front((to, edges));
                } else {
                    queue.push_back((to, edges));
                }
            }
        }
        None
    }

    /// The steps from the seed to where it began.
    fn cycle(&self, seed: Seed) -> Cycle {
        let mut steps = Vec::new();
        let mut node = seed.from;
        while node != seed.to {
            let (before, kind) = self.came[node as usize];
            steps.push((before, kind));
            node = before;
        }
        steps.push((seed.from, seed.kind));
        steps.reverse();
        steps.retain(|(node, _)| !self.graph.is_junction(*node));
        steps
    }
}

/// Which rw edges lead to a transaction from which ww and wr lead back.
struct Reach<'a> {
    graph: &'a Graph,
    kinds: Kinds,
    components: &'a Components,
    /// The nodes, in the order of their components.
    nodes: Vec<u32>,
    /// Where the nodes of each component begin.
    first: Vec<u32>,
}

impl<'a> Reach<'a> {
    fn new(graph: &'a Graph, kinds: Kinds, components: &'a Components) -> Self {
        let mut nodes: Vec<u32> = (0..graph.len()).collect();
        nodes.sort_by_key(|node| components.of[*node as usize]);
        let mut first = vec![0; components.count as usize + 1];
        for component in &components.of {
            first[*component as usize + 1] += 1;
        }
        for at in 1..first.len() {
            first[at] += first[at - 1];
        }
        Self { graph, kinds, components, nodes, first }
    }

    /// The rw edges that a way back closes; `None` if that took more states than there are.
    fn closed(&self, states: &mut u64) -> Option<Vec<Seed>> {
        let of = |node: u32| self.components.of[node as usize];
        // Edges lead from higher components to lower ones: others can't lead back.
        let mut seeds: Vec<Seed> =
            edges(self.graph, Dependency::Rw).filter(|seed| of(seed.to) >= of(seed.from)).collect();
        seeds.sort_by_key(|seed| of(seed.to));
        let mut reached = vec![0_u64; self.components.count as usize];
        let mut closed = Vec::new();
        for batch in seeds.chunks(64) {
            let low = batch.iter().map(|seed| of(seed.from)).min()?;
            let high = of(batch.last()?.to);
            for (bit, seed) in batch.iter().enumerate() {
                reached[of(seed.to) as usize] |= 1 << bit;
            }
            for component in (low..=high).rev() {
                self.spread(component, low, &mut reached, states)?;
            }
            let is_closed =
                |(bit, seed): &(usize, &Seed)| reached[of(seed.from) as usize] >> bit & 1 == 1;
            closed.extend(batch.iter().enumerate().filter(is_closed).map(|(_, seed)| *seed));
            reached[low as usize..=high as usize].fill(0);
        }
        Some(closed)
    }

    /// What reaches a component reaches what it leads to, down to `low`.
    fn spread(
        &self,
        component: u32,
        low: u32,
        reached: &mut [u64],
        states: &mut u64,
    ) -> Option<()> {
        let bits = reached[component as usize];
        if bits == 0 {
            return Some(());
        }
        let range = self.first[component as usize]..self.first[component as usize + 1];
        *states = states.checked_sub(u64::from(range.end - range.start))?;
        for node in &self.nodes[range.start as usize..range.end as usize] {
            for (_, to) in self.graph.out_by(*node, self.kinds) {
                let to = self.components.of[to as usize];
                if to >= low {
                    reached[to as usize] |= bits;
                }
            }
        }
        Some(())
    }
}
