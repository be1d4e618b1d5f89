//! Operations whose order is known within blocks, where blocks must not mix.
//!
//! PROBLEM     A write and the reads of its value belong together: in an order that explains them
//!             nothing else is written in between. Is there an order of these blocks that respects
//!             real time?
//! IDEA        A block must come before another if one of its operations returned before one of the
//!             other's was asked: if its first return comes before the other's last request. No
//!             order exists if and only if two blocks must each come before the other: a longer
//!             circle always holds such a pair (Gibbons and Korach 1997).
//! RULES       From its first return to its last request a block is certainly there: its zone. Two
//!             zones must not overlap. A block whose last request comes before its first return
//!             fits into an instant; it must not lie within a zone.

use crate::linearizability::Placed;
use crate::linearizability::cut::Span;
use crate::planted::{Planted, planted};

/// An operation with its place in the known order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ranked {
    pub(crate) entry: usize,
    /// Which block it belongs to.
    pub(crate) block: u32,
    /// Its place in the block: those of a lower level come before it, those of its own level may
    /// come before or after it.
    pub(crate) level: u32,
    pub(crate) span: Span,
}

/// The block of the initial state, which is before all others.
pub(crate) const FIRST: u32 = 0;

/// A block, while it is there for certain.
#[derive(Clone, Copy, Debug)]
struct Zone {
    block: u32,
    /// The first return, and the last request.
    first_return: i64,
    last_request: i64,
}

impl Zone {
    const fn is_instant(&self) -> bool {
        self.last_request <= self.first_return
    }
}

/// Whether there is an order of the operations that respects real time, levels and blocks.
pub(crate) fn fit(mut ranked: Vec<Ranked>) -> bool {
    ranked.sort_unstable_by_key(|it| (it.block, it.level));
    levels_fit(&ranked) && zones_fit(&zones(&ranked))
}

/// Whether no operation returned before one of a lower level in its block was asked.
fn levels_fit(ranked: &[Ranked]) -> bool {
    let same_block = |a: &Ranked, b: &Ranked| a.block == b.block;
    ranked.chunk_by(same_block).all(|block| {
        let mut higher = i64::MAX;
        block.chunk_by(|a, b| a.level == b.level).rev().all(|level| {
            let fits = level.iter().all(|it| it.span.invoked <= higher);
            let returns = level.iter().map(|it| it.span.returned);
            higher = returns.fold(higher, i64::min);
            fits || planted(Planted::LevelsIgnored)
        })
    })
}

/// The zone of each block; `ranked` is in the order of blocks.
fn zones(ranked: &[Ranked]) -> Vec<Zone> {
    let same_block = |a: &Ranked, b: &Ranked| a.block == b.block;
    let zone = |block: &[Ranked]| {
        let returns = block.iter().map(|it| it.span.returned).min();
        let requests = block.iter().map(|it| it.span.invoked).max();
        let is_first = block[0].block == FIRST && !planted(Planted::InitialMayReturn);
        Zone {
            block: block[0].block,
            first_return: if is_first { -1 } else { returns.unwrap_or(i64::MAX) },
            last_request: requests.unwrap_or(-1),
        }
    };
    ranked.chunk_by(same_block).map(zone).collect()
}

fn zones_fit(zones: &[Zone]) -> bool {
    let mut lasting: Vec<Zone> = zones.iter().copied().filter(|zone| !zone.is_instant()).collect();
    lasting.sort_unstable_by_key(|zone| zone.first_return);
    let apart = lasting.is_sorted_by(|a, b| a.last_request <= b.first_return);
    if !apart && !planted(Planted::ZonesOverlap) {
        return false;
    }
    zones.iter().filter(|zone| zone.is_instant()).all(|instant| {
        let at = lasting.partition_point(|zone| zone.first_return < instant.last_request);
        let within = |zone: &Zone| instant.first_return < zone.last_request;
        !lasting[..at].last().is_some_and(within) || planted(Planted::InstantInZone)
    })
}

/// An order, if [`fit`] found that there is one.
pub(crate) fn order(mut ranked: Vec<Ranked>) -> Vec<Placed> {
    ranked.sort_unstable_by_key(|it| (it.block, it.level, it.span.invoked, it.entry));
    let zones = zones(&ranked);
    let mut lasting: Vec<Zone> = zones.iter().copied().filter(|zone| !zone.is_instant()).collect();
    lasting.sort_unstable_by_key(|zone| zone.first_return);
    // A lasting block stands at its beginning. An instant stands at its last request or, if that
    // lies within a zone, at the end of the zone.
    let stands = |zone: &Zone| {
        if !zone.is_instant() {
            return (zone.first_return, 1);
        }
        let at = lasting.partition_point(|other| other.first_return < zone.last_request);
        let end = lasting[..at].last().map_or(-1, |other| other.last_request);
        (end.max(zone.last_request), 0)
    };
    let mut blocks: Vec<_> = zones.iter().map(|zone| (stands(zone), zone.block)).collect();
    blocks.sort_unstable();
    let mut after = 0;
    let mut order = Vec::with_capacity(ranked.len());
    for (_, block) in blocks {
        let start = ranked.partition_point(|it| it.block < block);
        for it in ranked[start..].iter().take_while(|it| it.block == block) {
            after = after.max(u32::try_from(it.span.invoked).unwrap_or(0));
            order.push(Placed { entry: it.entry, after });
        }
    }
    order
}
