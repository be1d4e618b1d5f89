//! Histories that tell which version each operation saw.
//!
//! PROBLEM     Where every written value is a different one, a read tells whose write it saw. Then
//!             no search is needed; but what exactly has to be checked?
//! IDEA        Each operation sees a known version, or none, and makes a known one, or none. What
//!             makes a version out of the one it saw comes directly after it. Such chains are
//!             blocks, with the reads of each version in their place; the rest is real time.
//! RULES       What is seen was made. Of one version at most one other is made.
//!             What has not returned and was not seen may be left out.
//! READ NEXT   zones.rs

use super::zones::{FIRST, Ranked, fit, order};
use crate::linearizability::cut::{Cut, Span};
use crate::linearizability::{Entry, Placed};
use crate::planted::{Planted, planted};

/// What an operation does to versions. The initial state is version 0.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Act {
    /// It saw this, and nothing else. A write sees nothing.
    pub(crate) sees: Option<u32>,
    /// It made this, which nobody else makes.
    pub(crate) makes: Option<u32>,
}

const NOBODY: u32 = u32::MAX;

/// Whether the beginning of a history is linearizable in which the entries do this.
pub(crate) fn holds<Call>(entries: &[Entry<Call>], acts: &[Act], cut: Cut) -> bool {
    ranked(entries, acts, cut).is_some_and(fit)
}

/// An order of the whole history, if it is linearizable.
pub(crate) fn explained<Call>(entries: &[Entry<Call>], acts: &[Act]) -> Option<Vec<Placed>> {
    let ranked = ranked(entries, acts, Cut::END)?;
    fit(ranked.clone()).then(|| order(ranked))
}

/// The operations in their blocks, or `None` if they contradict one another.
fn ranked<Call>(entries: &[Entry<Call>], acts: &[Act], cut: Cut) -> Option<Vec<Ranked>> {
    let versions = 1 + acts.iter().flat_map(|act| act.sees.max(act.makes)).max().unwrap_or(0);
    let mut maker = vec![NOBODY; versions as usize];
    let mut spans: Vec<Option<Span>> = Vec::with_capacity(entries.len());
    for (number, (entry, act)) in entries.iter().zip(acts).enumerate() {
        let span = cut.span(number, entry);
        spans.push(span);
        if let (Some(made), Some(_)) = (act.makes, span) {
            maker[made as usize] = u32::try_from(number).unwrap_or(NOBODY);
        }
    }
    let kept = kept(acts, &spans, &maker)?;
    let places = places(acts, &kept, &maker)?;
    let ranked = kept.iter().enumerate().filter(|(_, kept)| **kept).filter_map(|(entry, _)| {
        let Act { sees, makes } = acts[entry];
        let span = spans[entry]?;
        let version = makes.or(sees)?;
        let (block, depth) = places[version as usize]?;
        Some(Ranked { entry, block, level: 2 * depth + u32::from(makes.is_none()), span })
    });
    Some(ranked.collect())
}

/// Which operations certainly happened: what returned, and what made a version that one of these
/// saw. `None` if one of these saw what nobody had asked to make.
fn kept(acts: &[Act], spans: &[Option<Span>], maker: &[u32]) -> Option<Vec<bool>> {
    let mut kept = vec![false; acts.len()];
    let mut new: Vec<usize> = Vec::new();
    for (entry, span) in spans.iter().enumerate() {
        if span.is_some_and(Span::has_returned) {
            kept[entry] = true;
            new.push(entry);
        }
    }
    while let Some(entry) = new.pop() {
        let Some(seen) = acts[entry].sees.filter(|seen| *seen != 0) else { continue };
        let maker = maker[seen as usize];
        if maker == NOBODY {
            return None;
        }
        if !kept[maker as usize] {
            kept[maker as usize] = true;
            new.push(maker as usize);
        }
    }
    Some(kept)
}

/// The block of each version that was made, and how many were made before it in its block. `None`
/// if two were made of one, or if versions were made of one another in a circle.
fn places(acts: &[Act], kept: &[bool], maker: &[u32]) -> Option<Vec<Option<(u32, u32)>>> {
    let mut next = vec![NOBODY; maker.len()];
    let mut first = vec![FIRST];
    let mut made = 1;
    for (act, _) in acts.iter().zip(kept).filter(|(_, kept)| **kept) {
        let Some(version) = act.makes else { continue };
        made += 1;
        match act.sees {
            None => first.push(version),
            Some(of) => {
                let taken = std::mem::replace(&mut next[of as usize], version);
                if taken != NOBODY && !planted(Planted::VersionForks) {
                    return None;
                }
            }
        }
    }
    let mut places = vec![None; maker.len()];
    for block in first {
        let (mut version, mut depth) = (block, 0);
        while version != NOBODY {
            places[version as usize] = Some((block, depth));
            version = next[version as usize];
            depth += 1;
            made -= 1;
        }
    }
    (made == 0 || planted(Planted::VersionForks)).then_some(places)
}
