//! The network: what becomes of a message between two nodes.
//!
//! PROBLEM     A message may be lost, doubled, delayed, overtaken, or stopped by a partition; and
//!             when a failure is shrunk, taking away one message must not change the fate of all
//!             others.
//! IDEA        Each directed link draws from a stream of its own, by its own counter.
//! RULES       A cut is looked at when a message is sent: what was already on its way arrives. A
//!             node's messages to itself are never lost and take no time.
//! CAVEATS     No congestion between links: bandwidth belongs to a link, not to a machine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use splitbrain_core::{Cut, CutMode, DropReason, Fault, Key, LinkFault, NodeId, Ratio, Target};

use crate::Latency;

/// How the links behave while nothing is broken.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Links {
    /// How long a message takes; added to `base`, where that is given.
    pub latency: Latency,
    /// The fixed part of the latency of each link in nanoseconds, `base[from][to]`: for clusters
    /// across regions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Vec<Vec<u64>>>,
    /// Each message is lost with this probability.
    pub loss: Ratio,
    /// Losses in bursts, on top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<Burst>,
    /// Each message arrives twice with this probability.
    pub duplicate: Ratio,
    /// Whether messages on a link arrive in the order they were sent.
    pub fifo: bool,
    /// Bytes per second of each link. A message's size is that of its fields in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<u64>,
}

/// A link that now and then loses everything for a while.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Burst {
    /// The probability that a message is the first of a burst.
    pub begins: Ratio,
    /// How long a burst lasts.
    pub length: Latency,
}

impl Links {
    /// Links that lose and double nothing, and may reorder.
    pub const fn perfect(latency: Latency) -> Self {
        Self {
            latency,
            base: None,
            loss: Ratio::NEVER,
            burst: None,
            duplicate: Ratio::NEVER,
            fifo: false,
            bandwidth: None,
        }
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transit {
    /// It arrives at this time, and a copy of it perhaps at another.
    Arrives {
        /// When, in nanoseconds of true time.
        at: u64,
        /// When the copy arrives, if there is one.
        copy_at: Option<u64>,
    },
    /// It is lost.
    Lost(DropReason),
    /// It waits until the partition has healed; send it again then.
    Held,
}

#[derive(Clone, Copy)]
struct Link {
    key: Key,
    sent: u32,
    /// How many partitions drop what is sent here, and how many hold it.
    dropping: u16,
    holding: u16,
    last_arrival: u64,
}

/// What a link is like now, under the faults that are active.
#[derive(Clone, Copy)]
struct Quality {
    loss: Ratio,
    duplicate: Ratio,
    delay: u32,
}

/// All links of a cluster.
pub struct Network {
    nodes: u16,
    settings: Links,
    links: Vec<Link>,
    /// Kept only where a fault makes some link worse.
    quality: Vec<Quality>,
    /// Kept only where the settings need it: when the link is free again, and until when it loses
    /// everything.
    busy: Vec<(u64, u64)>,
    active: BTreeMap<u32, Active>,
}

enum Active {
    Cut(CutMode, Vec<(NodeId, NodeId)>),
    Worse(Vec<NodeId>, Vec<NodeId>, LinkFault),
}

/// Which of a link's draws for one message is meant.
const LATENCY: u64 = 0;
const LOSS: u64 = 1;
const DUPLICATE: u64 = 2;
const COPY: u64 = 3;
const BURST: u64 = 4;
const BURST_LENGTH: u64 = 5;
const DRAWS: u64 = 8;

/// A link fault makes no message take longer than this (two seconds), unless it would anyway. On a
/// link that keeps the order, all that follow wait for the slowest: they must be through well
/// before the cluster is asked whether it has settled.
const DELAYED_MAX: u64 = 2_000_000_000;

impl Network {
    /// The network of `nodes` nodes, with all randomness from `key`.
    pub fn new(nodes: u16, settings: Links, key: Key) -> Self {
        let count = usize::from(nodes) * usize::from(nodes);
        let link = |at: usize| Link {
            key: key.derive(at as u64),
            sent: 0,
            dropping: 0,
            holding: 0,
            last_arrival: 0,
        };
        let busy = settings.bandwidth.is_some() || settings.burst.is_some();
        Self {
            nodes,
            links: (0..count).map(link).collect(),
            quality: Vec::new(),
            busy: if busy { vec![(0, 0); count] } else { Vec::new() },
            active: BTreeMap::new(),
            settings,
        }
    }

    /// Decides about a message of `bytes` bytes that `from` sends to `to` at `now`.
    #[inline]
    pub fn send(&mut self, now: u64, from: NodeId, to: NodeId, bytes: u64) -> Transit {
        if to.0 >= self.nodes {
            return Transit::Lost(DropReason::NoSuchNode);
        }
        if from == to {
            return Transit::Arrives { at: now, copy_at: None };
        }
        let at = self.index(from, to);
        let link = &mut self.links[at];
        if link.dropping > 0 {
            return Transit::Lost(DropReason::Partition);
        }
        if link.holding > 0 {
            return Transit::Held;
        }
        let (key, first) = (link.key, u64::from(link.sent) * DRAWS);
        link.sent += 1;
        let Quality { loss, duplicate, delay } = match self.quality.get(at) {
            Some(quality) => *quality,
            None => {
                Quality { loss: self.settings.loss, duplicate: self.settings.duplicate, delay: 1 }
            }
        };
        if !loss.is_never() && loss.hit(key.at(first + LOSS)) {
            return Transit::Lost(DropReason::Loss);
        }
        let mut departs = now;
        if !self.busy.is_empty() {
            match self.occupy(at, now, bytes, key, first) {
                Some(free) => departs = free,
                None => return Transit::Lost(DropReason::Loss),
            }
        }
        let base = self.settings.base.as_ref().map_or(0, |base| base[from.index()][to.index()]);
        let travel = |draw: u64| {
            let usual = base + self.settings.latency.sample(key.at(first + draw));
            usual.saturating_mul(u64::from(delay)).min(usual.max(DELAYED_MAX))
        };
        let mut arrives = departs.saturating_add(travel(LATENCY));
        let link = &mut self.links[at];
        if self.settings.fifo {
            arrives = arrives.max(link.last_arrival);
            link.last_arrival = arrives;
        }
        let copied = !duplicate.is_never() && duplicate.hit(key.at(first + DUPLICATE));
        let copy_at = copied.then(|| {
            let copy = departs.saturating_add(travel(COPY)).max(arrives);
            if self.settings.fifo {
                self.links[at].last_arrival = copy;
            }
            copy
        });
        Transit::Arrives { at: arrives, copy_at }
    }

    /// Bandwidth and bursts: when the message has left, or `None` if a burst swallows it.
    fn occupy(&mut self, at: usize, now: u64, bytes: u64, key: Key, first: u64) -> Option<u64> {
        let (free, lost_until) = &mut self.busy[at];
        if let Some(burst) = self.settings.burst {
            if now < *lost_until {
                return None;
            }
            if burst.begins.hit(key.at(first + BURST)) {
                *lost_until = now + burst.length.sample(key.at(first + BURST_LENGTH));
                return None;
            }
        }
        if let Some(bandwidth) = self.settings.bandwidth {
            let takes = bytes.saturating_mul(1_000_000_000) / bandwidth.max(1);
            *free = now.max(*free).saturating_add(takes);
            return Some(*free);
        }
        Some(now)
    }

    /// Whether a partition stops messages from `from` to `to` now.
    pub fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        let link = &self.links[self.index(from, to)];
        link.dropping + link.holding > 0
    }

    /// Begins a fault under the name `id`. `resolve` finds the node that a target stands for.
    /// Faults that are not of the network do nothing here.
    pub fn begin(&mut self, id: u32, fault: &Fault, resolve: impl Fn(&Target) -> Option<NodeId>) {
        let active = match fault {
            Fault::Partition { cut, mode } => {
                let links = cut_links(cut, self.nodes, resolve);
                self.count(&links, *mode, 1);
                Active::Cut(*mode, links)
            }
            Fault::Link { from, to, fault } => Active::Worse(from.clone(), to.clone(), *fault),
            _ => return,
        };
        self.active.insert(id, active);
        self.reassess();
    }

    /// Undoes the fault `id`. Messages that were held are sent again by the caller.
    pub fn end(&mut self, id: u32) {
        if let Some(Active::Cut(mode, links)) = self.active.remove(&id) {
            self.count(&links, mode, u16::MAX);
        }
        self.reassess();
    }

    /// Adds to (or, modulo 2^16, subtracts from) the partitions that block these links.
    fn count(&mut self, links: &[(NodeId, NodeId)], mode: CutMode, change: u16) {
        for (from, to) in links {
            let at = self.index(*from, *to);
            let link = &mut self.links[at];
            let counter = match mode {
                CutMode::Drop => &mut link.dropping,
                CutMode::Hold => &mut link.holding,
            };
            *counter = counter.wrapping_add(change);
        }
    }

    /// Works out what every link is like under the active faults; the worst of each kind counts.
    fn reassess(&mut self) {
        let worse = |active: &Active| matches!(active, Active::Worse(..));
        if !self.active.values().any(worse) {
            self.quality.clear();
            return;
        }
        let settings =
            Quality { loss: self.settings.loss, duplicate: self.settings.duplicate, delay: 1 };
        self.quality = vec![settings; self.links.len()];
        for active in self.active.values() {
            let Active::Worse(from, to, fault) = active else { continue };
            for (at, quality) in self.quality.iter_mut().enumerate() {
                let (sender, receiver) =
                    (at / usize::from(self.nodes), at % usize::from(self.nodes));
                let among = |nodes: &[NodeId], index: usize| {
                    nodes.is_empty() || nodes.iter().any(|node| node.index() == index)
                };
                if among(from, sender) && among(to, receiver) {
                    match *fault {
                        LinkFault::Loss(ratio) => quality.loss = larger(quality.loss, ratio),
                        LinkFault::Duplicate(ratio) => {
                            quality.duplicate = larger(quality.duplicate, ratio);
                        }
                        LinkFault::Delay(factor) => quality.delay = quality.delay.max(factor),
                    }
                }
            }
        }
    }

    fn index(&self, from: NodeId, to: NodeId) -> usize {
        from.index() * usize::from(self.nodes) + to.index()
    }
}

fn larger(one: Ratio, other: Ratio) -> Ratio {
    let product = |a: u32, b: u32| u64::from(a) * u64::from(b);
    if product(one.0, other.1) >= product(other.0, one.1) { one } else { other }
}

/// The directed links that a cut severs in a cluster of `nodes`.
pub fn cut_links(
    cut: &Cut,
    nodes: u16,
    resolve: impl Fn(&Target) -> Option<NodeId>,
) -> Vec<(NodeId, NodeId)> {
    let severed: Box<dyn Fn(NodeId, NodeId) -> bool> = match cut {
        Cut::Isolate(target) => {
            let alone = resolve(target);
            Box::new(move |from, to| alone.is_some_and(|alone| from == alone || to == alone))
        }
        Cut::Groups(groups) => {
            let group = |node| groups.iter().position(|group| group.contains(&node));
            Box::new(move |from, to| group(from).is_none() || group(from) != group(to))
        }
        Cut::OneWay { from: deaf, to: mute } => {
            Box::new(|from, to| deaf.contains(&from) && mute.contains(&to))
        }
        Cut::Bridge { left, right, .. } => Box::new(|from, to| {
            left.contains(&from) && right.contains(&to)
                || right.contains(&from) && left.contains(&to)
        }),
        Cut::MajoritiesRing { order } => {
            let place = |node| order.iter().position(|other| *other == node);
            let radius = (order.len() / 2).div_ceil(2);
            Box::new(move |from, to| match (place(from), place(to)) {
                (Some(from), Some(to)) => {
                    let apart = from.abs_diff(to);
                    apart.min(order.len() - apart) > radius
                }
                _ => true,
            })
        }
    };
    NodeId::all(nodes)
        .flat_map(|from| NodeId::all(nodes).map(move |to| (from, to)))
        .filter(|(from, to)| from != to && severed(*from, *to))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(change: impl FnOnce(&mut Links)) -> Network {
        let mut links = Links::perfect(Latency::Uniform { low: 1_000, high: 9_000 });
        change(&mut links);
        Network::new(3, links, Key::new(1))
    }

    fn fates(network: &mut Network, from: u16, to: u16) -> Vec<Transit> {
        (0..2_000).map(|now| network.send(now, NodeId(from), NodeId(to), 100)).collect()
    }

    #[test]
    fn a_perfect_link_delivers_each_message_once_and_may_reorder() {
        let arrivals: Vec<u64> = fates(&mut network(|_| {}), 0, 1)
            .into_iter()
            .map(|fate| match fate {
                Transit::Arrives { at, copy_at: None } => at,
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(!arrivals.is_sorted());
    }

    #[test]
    fn a_fifo_link_keeps_the_order() {
        let fates = fates(&mut network(|links| links.fifo = true), 0, 1);
        let at = |fate: &Transit| match fate {
            Transit::Arrives { at, .. } => *at,
            other => panic!("{other:?}"),
        };
        assert!(fates.iter().map(at).is_sorted());
    }

    #[test]
    fn loss_and_duplication_have_their_ratios() {
        let mut lossy = network(|links| links.loss = Ratio(1, 10));
        let lost = fates(&mut lossy, 0, 1).iter().filter(|fate| **fate == LOST).count();
        assert!((150..250).contains(&lost), "{lost} of 2,000");
        let mut doubling = network(|links| links.duplicate = Ratio(1, 10));
        let twice = |fate: &&Transit| matches!(fate, Transit::Arrives { copy_at: Some(_), .. });
        let doubled = fates(&mut doubling, 0, 1).iter().filter(twice).count();
        assert!((150..250).contains(&doubled), "{doubled} of 2,000");
    }
    const LOST: Transit = Transit::Lost(DropReason::Loss);

    #[test]
    fn bursts_lose_neighbours_together() {
        let begins = Ratio(1, 100);
        let mut bursty = network(|links| {
            links.burst = Some(Burst { begins, length: Latency::Constant(50) });
        });
        let fates = fates(&mut bursty, 0, 1);
        let lost = fates.iter().filter(|fate| **fate == LOST).count();
        let pairs = fates.windows(2).filter(|pair| pair == &[LOST, LOST]).count();
        assert!(lost > 200 && pairs * 10 > lost * 9, "{lost} lost, {pairs} after another");
    }

    #[test]
    fn bandwidth_makes_messages_wait_for_one_another() {
        let mut narrow = network(|links| links.bandwidth = Some(1_000_000_000));
        let Some(Transit::Arrives { at, .. }) = fates(&mut narrow, 0, 1).last().copied() else {
            panic!("lost");
        };
        assert!(at >= 200_000, "2,000 messages of 100 ns each, yet the last is there at {at}");
    }

    #[test]
    fn what_one_link_draws_does_not_depend_on_the_others() {
        let mut one = network(|_| {});
        let mut other = network(|_| {});
        fates(&mut other, 0, 2);
        assert_eq!(fates(&mut one, 0, 1), fates(&mut other, 0, 1));
    }

    #[test]
    fn cuts_sever_what_they_say() {
        let n = NodeId;
        let links = |cut: Cut, nodes| {
            cut_links(&cut, nodes, |target| match target {
                Target::Node(id) => Some(*id),
                Target::Role(_) => None,
            })
        };
        assert_eq!(links(Cut::Isolate(Target::Node(n(1))), 3).len(), 4);
        assert_eq!(links(Cut::Isolate(Target::Role("leader".into())), 3), []);
        assert_eq!(links(Cut::Groups(vec![vec![n(0), n(1)], vec![n(2), n(3), n(4)]]), 5).len(), 12);
        assert_eq!(links(Cut::Groups(vec![vec![n(0), n(1)]]), 3).len(), 4);
        assert_eq!(links(Cut::OneWay { from: vec![n(0)], to: vec![n(1)] }, 3), [(n(0), n(1))]);
        let bridge = Cut::Bridge { left: vec![n(0), n(1)], bridge: n(2), right: vec![n(3), n(4)] };
        assert_eq!(links(bridge, 5).len(), 8);
        for count in 2..10 {
            let ring = Cut::MajoritiesRing { order: NodeId::all(count).collect() };
            let severed = links(ring, count).len();
            let seen = usize::from(count) - severed / usize::from(count);
            assert!(seen > usize::from(count) / 2, "{count} nodes: each sees {seen}");
            assert!(count < 5 || severed > 0, "{count} nodes: nothing is cut");
        }
    }

    #[test]
    fn overlapping_partitions_heal_one_by_one() {
        let mut network = network(|_| {});
        let cut = Fault::Partition {
            cut: Cut::OneWay { from: vec![NodeId(0)], to: vec![NodeId(1)] },
            mode: CutMode::Drop,
        };
        network.begin(1, &cut, |_| None);
        network.begin(2, &cut, |_| None);
        network.end(1);
        assert_eq!(fates(&mut network, 0, 1)[0], Transit::Lost(DropReason::Partition));
        assert!(matches!(fates(&mut network, 1, 0)[0], Transit::Arrives { .. }));
        network.end(2);
        assert!(!network.is_cut(NodeId(0), NodeId(1)));
    }

    #[test]
    fn a_worse_link_gets_well_again() {
        let mut network = network(|_| {});
        let fault =
            Fault::Link { from: vec![NodeId(0)], to: vec![], fault: LinkFault::Loss(Ratio(1, 1)) };
        network.begin(7, &fault, |_| None);
        assert_eq!(fates(&mut network, 0, 1)[0], LOST);
        assert!(matches!(fates(&mut network, 1, 0)[0], Transit::Arrives { .. }));
        network.end(7);
        assert!(matches!(fates(&mut network, 0, 1)[0], Transit::Arrives { .. }));
    }
    #[test]
    fn a_worse_link_never_delays_for_longer_than_the_cluster_has_to_settle() {
        let mut network = network(|_| {});
        let fault = Fault::Link { from: vec![], to: vec![], fault: LinkFault::Delay(u32::MAX) };
        network.begin(7, &fault, |_| None);
        assert_eq!(
            fates(&mut network, 0, 1)[0],
            Transit::Arrives { at: DELAYED_MAX, copy_at: None }
        );
    }
}
