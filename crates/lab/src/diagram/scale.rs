//! From time to place: idle gaps are cut out, and bursts are given room.
//!
//! A true scale would draw a second of silence as a thousand times a message's flight. So each span
//! between two instants where something happens gets half of its width for being there, and half
//! for its length; a span much longer than the others is cut to a mark that shows how much is
//! missing.

use std::time::Duration;

use splitbrain_core::Time;

/// The width of the mark where time is cut out.
const BREAK: i64 = 34;
/// No more cuts than this.
const BREAKS_MAX: usize = 8;

/// A span of time that is not drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Break {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) lasts: Duration,
}

/// A monotone map from time to a horizontal place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Scale {
    knots: Vec<(u64, i64)>,
    pub(crate) breaks: Vec<Break>,
}

impl Scale {
    /// The scale that shows these instants between two places.
    pub(crate) fn new(instants: &[Time], left: i64, right: i64) -> Self {
        let mut times: Vec<u64> = instants.iter().map(|at| at.as_nanos()).collect();
        times.sort_unstable();
        times.dedup();
        let Some(first) = times.first() else {
            return Self { knots: vec![(0, left)], breaks: Vec::new() };
        };
        let spans: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let is_cut = cut(&spans);
        let cuts = is_cut.iter().filter(|cut| **cut).count();
        let drawn = spans.len() - cuts;
        let width = (right - left - BREAK * wide(cuts as u64)).max(0);
        let total: u64 = spans.iter().zip(&is_cut).filter(|(_, cut)| !**cut).map(|(s, _)| s).sum();
        let mut knots = vec![(*first, left)];
        let mut breaks = Vec::new();
        let (mut x, mut seen, mut elapsed) = (0, 0, 0_u64);
        let mut cut_width = 0;
        for ((span, cut), at) in spans.iter().zip(&is_cut).zip(&times[1..]) {
            let from = left + x + cut_width;
            if *cut {
                cut_width += BREAK;
                let lasts = Duration::from_nanos(*span);
                breaks.push(Break { from, to: from + BREAK, lasts });
            } else {
                seen += 1;
                elapsed += span;
                let half = width / 2;
                x = half * seen / wide(drawn as u64) + part(width - half, elapsed, total);
            }
            knots.push((*at, left + x + cut_width));
        }
        Self { knots, breaks }
    }

    /// Where an instant is.
    pub(crate) fn place(&self, at: Time) -> i64 {
        let at = at.as_nanos();
        let next = self.knots.partition_point(|(time, _)| *time <= at);
        match (next.checked_sub(1).and_then(|last| self.knots.get(last)), self.knots.get(next)) {
            (None, Some((_, x))) | (Some((_, x)), None) => *x,
            (Some((t0, x0)), Some((t1, x1))) => x0 + part(x1 - x0, at - t0, t1 - t0),
            (None, None) => 0,
        }
    }

    /// Round instants for the axis, with their places: no two nearer than `apart`.
    pub(crate) fn ticks(&self, apart: i64) -> Vec<(Time, i64)> {
        let mut ticks: Vec<(Time, i64)> = Vec::new();
        let mut start = 0;
        for end in 0..self.knots.len() {
            let (time, x) = self.knots[end];
            let after = self.knots.get(end + 1);
            let is_last = after.is_none_or(|(_, right)| {
                self.breaks.iter().any(|cut| cut.from == x && cut.to == *right)
            });
            if !is_last {
                continue;
            }
            let (from, left) = self.knots[start];
            let fit = u64::try_from((x - left) / apart).unwrap_or(0).max(1);
            let step = round_step((time - from) / fit);
            let mut next = from.div_ceil(step).checked_mul(step);
            while let Some(at) = next.filter(|at| *at <= time) {
                let tick = Time::from_nanos(at);
                let place = self.place(tick);
                if ticks.last().is_none_or(|(_, last)| place - last >= apart) {
                    ticks.push((tick, place));
                }
                next = at.checked_add(step);
            }
            // A cut lies between two knots; time goes on at its far end.
            start = end + 1;
        }
        ticks
    }
}

/// Which spans are too long to be drawn: those that dwarf all shorter ones together.
fn cut(spans: &[u64]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|at| (spans[*at], *at));
    let mut shorter = 0_u64;
    let first = order.iter().enumerate().position(|(rank, at)| {
        let dwarfs = rank > 1 && spans[*at] > shorter.saturating_mul(8);
        shorter = shorter.saturating_add(spans[*at]);
        dwarfs
    });
    let mut cut = vec![false; spans.len()];
    for at in order.into_iter().skip(first.unwrap_or(spans.len())).rev().take(BREAKS_MAX) {
        cut[at] = true;
    }
    cut
}

/// The least of 1, 2, 5, 10, 20, 50, ... microseconds that is not below `least` nanoseconds.
fn round_step(least: u64) -> u64 {
    let mut decade = 1_000_u64;
    loop {
        for factor in [1, 2, 5] {
            let step = decade.saturating_mul(factor);
            if step >= least {
                return step;
            }
        }
        decade = decade.saturating_mul(10);
    }
}

/// `whole * part / total`, without overflow; zero if the total is.
fn part(whole: i64, part: u64, total: u64) -> i64 {
    let product = i128::from(whole) * i128::from(part);
    product.checked_div(i128::from(total)).and_then(|x| i64::try_from(x).ok()).unwrap_or(0)
}

fn wide(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(millis: &[u64]) -> Vec<Time> {
        millis.iter().map(|ms| Time::from_nanos(ms * 1_000_000)).collect()
    }

    #[test]
    fn a_long_silence_is_cut_out() {
        let instants = times(&[0, 10, 20, 30, 40, 9_000, 9_010]);
        let scale = Scale::new(&instants, 100, 900);
        assert_eq!(scale.breaks.len(), 1);
        assert_eq!(scale.breaks[0].lasts, Duration::from_millis(8_960));
        assert_eq!(scale.place(instants[0]), 100);
        assert_eq!(scale.place(instants[6]), 900);
        let places: Vec<i64> = instants.iter().map(|at| scale.place(*at)).collect();
        assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
    }

    #[test]
    fn equal_steps_are_drawn_alike() {
        let scale = Scale::new(&times(&[0, 10, 20, 30, 40]), 0, 400);
        assert!(scale.breaks.is_empty());
        let places: Vec<i64> = times(&[0, 10, 15, 40]).iter().map(|at| scale.place(*at)).collect();
        assert_eq!(places, [0, 100, 150, 400]);
    }

    #[test]
    fn ticks_are_round_and_apart() {
        let scale = Scale::new(&times(&[3, 10, 20, 35, 41]), 0, 400);
        let ticks = scale.ticks(60);
        assert!(ticks.len() >= 3, "{ticks:?}");
        assert!(ticks.windows(2).all(|pair| pair[1].1 - pair[0].1 >= 60), "{ticks:?}");
        assert!(ticks.iter().all(|(at, _)| at.as_nanos() % 1_000_000 == 0), "{ticks:?}");
    }

    #[test]
    fn odd_inputs_have_a_place() {
        assert_eq!(Scale::new(&[], 5, 10).place(Time::MAX), 5);
        let one = Scale::new(&[Time::MAX], 5, 10);
        assert_eq!(one.place(Time::ZERO), 5);
        let ends = Scale::new(&[Time::ZERO, Time::MAX], 5, 10);
        assert_eq!((ends.place(Time::ZERO), ends.place(Time::MAX)), (5, 10));
        assert!(ends.ticks(60).len() <= 2);
        let long = Scale::new(&times(&[0, 1, 2, 3, 1_000_000]), 5, 400);
        assert_eq!(long.place(*times(&[1_000_000]).last().unwrap()), 400);
    }
}
