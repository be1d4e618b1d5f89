//! Dependencies between transactions, as a graph of flat arrays, and its strongly connected parts.
//!
//! PROBLEM     "Everyone who read the old list comes before everyone who appended to it later", and
//!             "whoever had ended comes before whoever began after": each is one rule and up to
//!             n² edges.
//! IDEA        A junction: a node that stands for no transaction. All of the first kind lead into
//!             it, it leads to all of the second, and an edge is what leads from one transaction
//!             to the next, over any number of junctions. It is of the kind by which it left.
//! RULES       Edges and junctions together are linear in the history. No way over junctions leads
//!             from a transaction back to itself.
//! READ NEXT   cycle.rs → anomaly.rs

use crate::planted::{Planted, planted};

/// Why one transaction comes before another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Dependency {
    /// The second overwrote what the first wrote.
    Ww,
    /// The second read what the first wrote.
    Wr,
    /// The second overwrote what the first read: an anti-dependency.
    Rw,
    /// The same process asked for both, one after the other.
    Process,
    /// The first had ended before the second began.
    Realtime,
}

impl Dependency {
    const ALL: [Self; 5] = [Self::Ww, Self::Wr, Self::Rw, Self::Process, Self::Realtime];

    /// As the field writes it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ww => "ww",
            Self::Wr => "wr",
            Self::Rw => "rw",
            Self::Process => "process",
            Self::Realtime => "realtime",
        }
    }
}

/// Several kinds of dependency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ALL: Self = Self(0b1_1111);

    pub(crate) const fn with(self, kind: Dependency) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    pub(crate) const fn has(self, kind: Dependency) -> bool {
        self.0 >> kind as u8 & 1 == 1
    }
}

/// An edge's target and kind in 32 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Arrow(u32);

/// How many bits of an arrow name its target.
const TARGET_BITS: u32 = 29;

impl Arrow {
    const fn new(kind: Dependency, to: u32) -> Self {
        Self((kind as u32) << TARGET_BITS | to)
    }

    const fn to(self) -> u32 {
        self.0 & ((1 << TARGET_BITS) - 1)
    }

    const fn kind(self) -> Dependency {
        Dependency::ALL[(self.0 >> TARGET_BITS) as usize]
    }
}

/// A graph in the making.
pub(crate) struct Builder {
    transactions: u32,
    nodes: u32,
    edges: Vec<(u32, Arrow)>,
}

impl Builder {
    pub(crate) fn new(transactions: usize) -> Self {
        let transactions = number(transactions);
        Self { transactions, nodes: transactions, edges: Vec::new() }
    }

    /// How many edges there are, those of junctions included.
    pub(crate) const fn len(&self) -> usize {
        self.edges.len()
    }

    /// A node that stands for no transaction.
    ///
    /// # Panics
    /// If there are more than half a billion: no reader lets so much in.
    pub(crate) fn junction(&mut self) -> u32 {
        assert!(self.nodes >> TARGET_BITS == 0, "readers bound what they let in");
        self.nodes += 1;
        self.nodes - 1
    }

    /// An edge; none from a transaction to itself.
    pub(crate) fn edge(&mut self, from: u32, kind: Dependency, to: u32) {
        if from != to {
            self.edges.push((from, Arrow::new(kind, to)));
        }
    }

    /// An edge from each of `from` to each of `to`, except to itself. Both are in ascending order.
    pub(crate) fn all_to_all(&mut self, from: &[u32], kind: Dependency, to: &[u32]) {
        if from.len().saturating_mul(to.len()) <= 2 * (from.len() + to.len()) {
            for (source, target) in from.iter().flat_map(|s| to.iter().map(move |t| (*s, *t))) {
                self.edge(source, kind, target);
            }
            return;
        }
        let in_both = |node: &u32| from.binary_search(node).is_ok();
        let both: Vec<u32> = to.iter().copied().filter(in_both).collect();
        let only = self.junction();
        for target in to.iter().filter(|target| !in_both(target)) {
            self.edge(only, kind, *target);
        }
        for source in from {
            self.edge(*source, kind, only);
        }
        // Those on both sides stand in a row: each leads to those before it and those after it.
        let sources: Vec<u32> =
            from.iter().copied().filter(|node| both.binary_search(node).is_err()).collect();
        for (row, others) in [(both.clone(), &sources[..]), (both.into_iter().rev().collect(), &[])]
        {
            self.each_to_later(&row, kind, others);
        }
    }

    /// An edge from each of `row` to all after it, and from each of `others` to all of `row`.
    fn each_to_later(&mut self, row: &[u32], kind: Dependency, others: &[u32]) {
        // From the last to the first: `after` leads to all of the row that have been passed.
        let mut after = None;
        for node in row.iter().rev() {
            let here = self.junction();
            if let Some(after) = after {
                self.edge(*node, kind, after);
                self.edge(here, kind, after);
            }
            self.edge(here, kind, *node);
            after = Some(here);
        }
        if let Some(first) = after {
            for other in others.iter().filter(|_| !planted(Planted::JunctionOneWay)) {
                self.edge(*other, kind, first);
            }
        }
    }

    /// The graph, with its edges sorted by where they begin.
    pub(crate) fn build(self) -> Graph {
        let mut first = vec![0_u32; self.nodes as usize + 1];
        for (from, _) in &self.edges {
            first[*from as usize + 1] += 1;
        }
        for node in 1..first.len() {
            first[node] += first[node - 1];
        }
        let mut next = first.clone();
        let mut arrows = vec![Arrow(0); self.edges.len()];
        for (from, arrow) in &self.edges {
            let at = &mut next[*from as usize];
            arrows[*at as usize] = *arrow;
            *at += 1;
        }
        Graph { transactions: self.transactions, layer: self.nodes.max(1), first, arrows }
    }
}

/// Transactions, junctions, and what leads from one to the next.
pub(crate) struct Graph {
    /// The first nodes of each layer are transactions, the others junctions.
    transactions: u32,
    /// How many nodes a layer has; see [`Graph::without_adjacent_rw`].
    layer: u32,
    first: Vec<u32>,
    arrows: Vec<Arrow>,
}

impl Graph {
    /// How many nodes there are, junctions included.
    pub(crate) fn len(&self) -> u32 {
        number(self.first.len() - 1)
    }

    pub(crate) const fn is_junction(&self, node: u32) -> bool {
        node % self.layer >= self.transactions
    }

    /// What leads out of a node.
    pub(crate) fn out(&self, node: u32) -> impl ExactSizeIterator<Item = (Dependency, u32)> {
        let range = self.first[node as usize] as usize..self.first[node as usize + 1] as usize;
        self.arrows[range].iter().map(|arrow| (arrow.kind(), arrow.to()))
    }

    /// What leads out of a node by one of these kinds; out of a junction, everything.
    pub(crate) fn out_by(
        &self,
        node: u32,
        kinds: Kinds,
    ) -> impl Iterator<Item = (Dependency, u32)> {
        let all = kinds == Kinds::ALL || self.is_junction(node);
        self.out(node).filter(move |(kind, _)| all || kinds.has(*kind))
    }

    /// The part of the graph that these nodes, in ascending order, make up; numbered as they stand.
    pub(crate) fn induced(&self, nodes: &[u32]) -> Self {
        let mut first = vec![0];
        let mut arrows = Vec::new();
        for node in nodes {
            for (kind, to) in self.out(*node) {
                if let Ok(at) = nodes.binary_search(&to) {
                    arrows.push(Arrow::new(kind, number(at)));
                }
            }
            first.push(number(arrows.len()));
        }
        let transactions = nodes.partition_point(|node| !self.is_junction(*node));
        let layer = number(nodes.len()).max(1);
        Self { transactions: number(transactions), layer, first, arrows }
    }

    /// The graph twice: node `v` as `v`, come to by any edge but rw, and as `v + len`, come to by
    /// rw, from where no other rw leads on. Its closed walks are those without two rw in a row.
    pub(crate) fn without_adjacent_rw(&self, kinds: Kinds) -> Self {
        let mut first = vec![0];
        let mut arrows = Vec::new();
        for (by_rw, node) in (0..2).flat_map(|by_rw| (0..self.len()).map(move |n| (by_rw, n))) {
            let junction = self.is_junction(node);
            for (kind, to) in self.out_by(node, kinds) {
                let layer = match kind {
                    _ if junction => by_rw,
                    Dependency::Rw if by_rw == 1 && !planted(Planted::CycleRwInARow) => continue,
                    Dependency::Rw => 1,
                    _ => 0,
                };
                arrows.push(Arrow::new(kind, to + layer * self.len()));
            }
            first.push(number(arrows.len()));
        }
        Self { transactions: self.transactions, layer: self.layer, first, arrows }
    }

    /// The strongly connected parts of the graph of these kinds.
    pub(crate) fn components(&self, kinds: Kinds) -> Components {
        Tarjan::new(self, kinds).run()
    }
}

/// Which nodes lie on a cycle together.
pub(crate) struct Components {
    /// The number of each node's component. Edges lead from higher numbers to lower ones.
    pub(crate) of: Vec<u32>,
    /// How many components there are.
    pub(crate) count: u32,
}

impl Components {
    /// Those of more than one node, each in ascending order, that with the lowest node first.
    pub(crate) fn cyclic(&self) -> Vec<Vec<u32>> {
        let mut sizes = vec![0_u32; self.count as usize];
        for component in &self.of {
            sizes[*component as usize] += 1;
        }
        let mut group_of = vec![u32::MAX; self.count as usize];
        let mut groups: Vec<Vec<u32>> = Vec::new();
        for (node, component) in (0..).zip(&self.of) {
            if sizes[*component as usize] == 1 {
                continue;
            }
            let group = &mut group_of[*component as usize];
            if *group == u32::MAX {
                *group = number(groups.len());
                groups.push(Vec::new());
            }
            groups[*group as usize].push(node);
        }
        groups
    }
}

/// (Tarjan 1972) Strongly connected components in one depth-first walk, without recursion.
struct Tarjan<'a> {
    graph: &'a Graph,
    kinds: Kinds,
    /// When each node was come to, from 1; 0 before that.
    index: Vec<u32>,
    low: Vec<u32>,
    of: Vec<u32>,
    /// Nodes whose component is not complete.
    open: Vec<u32>,
    /// The walk: a node, and the next of its edges.
    path: Vec<(u32, u32)>,
    visited: u32,
    count: u32,
}

/// The component of a node that is in none yet.
const NONE: u32 = u32::MAX;

impl<'a> Tarjan<'a> {
    fn new(graph: &'a Graph, kinds: Kinds) -> Self {
        let nodes = graph.len() as usize;
        Self {
            graph,
            kinds,
            index: vec![0; nodes],
            low: vec![0; nodes],
            of: vec![NONE; nodes],
            open: Vec::new(),
            path: Vec::new(),
            visited: 0,
            count: 0,
        }
    }

    fn run(mut self) -> Components {
        for root in 0..self.graph.len() {
            if self.index[root as usize] == 0 {
                self.enter(root);
                while let Some((node, edge)) = self.path.pop() {
                    self.step(node, edge);
                }
            }
        }
        Components { of: self.of, count: self.count }
    }

    fn enter(&mut self, node: u32) {
        self.visited += 1;
        self.index[node as usize] = self.visited;
        self.low[node as usize] = self.visited;
        self.open.push(node);
        self.path.push((node, self.graph.first[node as usize]));
    }

    /// Looks at the edges of a node from `edge` on, until one leads to a new node.
    fn step(&mut self, node: u32, edge: u32) {
        let at = node as usize;
        let all = self.kinds == Kinds::ALL || self.graph.is_junction(node);
        for edge in edge..self.graph.first[at + 1] {
            let arrow = self.graph.arrows[edge as usize];
            if !all && !self.kinds.has(arrow.kind()) {
                continue;
            }
            let to = arrow.to() as usize;
            if self.index[to] == 0 {
                self.path.push((node, edge));
                self.enter(arrow.to());
                return;
            }
            if self.of[to] == NONE {
                self.low[at] = self.low[at].min(self.low[to]);
            }
        }
        if self.low[at] < self.index[at] {
            return;
        }
        while let Some(member) = self.open.pop() {
            self.of[member as usize] = self.count;
            if member == node {
                break;
            }
        }
        self.count += 1;
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("readers bound what they let in")
}
