//! What a run cost: measured in every run, under the same faults that judge it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a run cost, or many runs together.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Metrics {
    /// How many worlds these figures are from.
    pub worlds: u64,
    /// Operations begun, without the last ones.
    pub operations: u64,
    /// Those of them that change something.
    pub updates: u64,
    /// Those that were answered well.
    pub ok: u64,
    /// Those that failed for certain.
    pub failed: u64,
    /// Those with an unknown outcome.
    pub unknown: u64,
    /// Messages sent from node to node while operations were asked.
    pub messages: u64,
    /// Their size in bytes: that of their fields in memory.
    pub bytes: u64,
    /// Those lost on the way, for whatever reason.
    pub lost: u64,
    /// Copies the network made.
    pub duplicated: u64,
    /// Syncs that came to their end.
    pub syncs: u64,
    /// Messages from node to node in the second half of the time to settle: nobody asked anything.
    pub idle_messages: u64,
    /// How long that was, times the number of nodes, in nanoseconds.
    pub idle_node_ns: u64,
    /// How long the well answered operations took.
    pub latency: Histogram,
    /// Events processed.
    pub events: u64,
    /// How often each `sometimes` of the node was reached.
    pub reached: BTreeMap<String, u64>,
    /// How often each fault of the recipe struck, by kind.
    pub faults: BTreeMap<String, u64>,
}

impl Metrics {
    /// Adds the figures of another run.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.worlds, other.worlds),
            (&mut self.operations, other.operations),
            (&mut self.updates, other.updates),
            (&mut self.ok, other.ok),
            (&mut self.failed, other.failed),
            (&mut self.unknown, other.unknown),
            (&mut self.messages, other.messages),
            (&mut self.bytes, other.bytes),
            (&mut self.lost, other.lost),
            (&mut self.duplicated, other.duplicated),
            (&mut self.syncs, other.syncs),
            (&mut self.idle_messages, other.idle_messages),
            (&mut self.idle_node_ns, other.idle_node_ns),
            (&mut self.events, other.events),
        ] {
            *mine += theirs;
        }
        self.latency.add(&other.latency);
        for (name, count) in &other.reached {
            *self.reached.entry(name.clone()).or_default() += count;
        }
        for (name, count) in &other.faults {
            *self.faults.entry(name.clone()).or_default() += count;
        }
    }
}

/// Counts of spans in buckets that are at most 1/16 wide: quantiles are right to about six per
/// cent.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Histogram {
    counts: BTreeMap<u32, u64>,
    total: u64,
    max: u64,
}

const STEPS: u64 = 16;

impl Histogram {
    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        *self.counts.entry(Self::bucket(value)).or_default() += 1;
        self.total += 1;
        self.max = self.max.max(value);
    }

    /// How many values were counted.
    pub const fn count(&self) -> u64 {
        self.total
    }

    /// The largest value counted, exactly.
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// The value that `part` of `whole` values do not exceed; `None` if nothing was counted.
    /// `quantile(99, 100)` is the 99th percentile.
    pub fn quantile(&self, part: u64, whole: u64) -> Option<u64> {
        let rank = (self.total * part).div_ceil(whole.max(1)).max(1);
        let mut seen = 0;
        for (bucket, count) in &self.counts {
            seen += count;
            if seen >= rank {
                return Some(Self::upper(*bucket).min(self.max));
            }
        }
        None
    }

    fn add(&mut self, other: &Self) {
        for (bucket, count) in &other.counts {
            *self.counts.entry(*bucket).or_default() += count;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// Values up to 16 have a bucket each; above, each power of two has 16.
    fn bucket(value: u64) -> u32 {
        let shift = (u64::BITS - value.leading_zeros()).saturating_sub(5);
        let step = u32::try_from(value >> shift).unwrap_or(0);
        shift * 16 + step
    }

    /// The largest value of a bucket.
    fn upper(bucket: u32) -> u64 {
        if u64::from(bucket) < 2 * STEPS {
            return u64::from(bucket);
        }
        let shift = bucket / 16 - 1;
        let step = u64::from(bucket % 16) + STEPS;
        ((step + 1) << shift) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_a_sixteenth() {
        let mut histogram = Histogram::default();
        for value in 1..=100_000_u64 {
            histogram.record(value);
        }
        for (part, exact) in [(50, 50_000), (95, 95_000), (99, 99_000), (100, 100_000)] {
            let found = histogram.quantile(part, 100).unwrap();
            assert!(found >= exact && found - exact <= exact / 16, "p{part}: {found}");
        }
        assert_eq!(Histogram::default().quantile(1, 2), None);
    }

    #[test]
    fn buckets_cover_every_value_once() {
        let mut last = None;
        for value in (0..5_000).chain([u64::MAX / 2, u64::MAX / 2 + 1]) {
            let bucket = Histogram::bucket(value);
            assert!(last.is_none_or(|last| bucket >= last), "{value}");
            assert!(value <= Histogram::upper(bucket), "{value} in {bucket}");
            last = Some(bucket);
        }
    }

    #[test]
    fn adding_is_like_counting_together() {
        let (mut one, mut other, mut both) = <(Histogram, Histogram, Histogram)>::default();
        for value in [1, 50, 7_000] {
            one.record(value);
            both.record(value);
        }
        for value in [3, 900_000] {
            other.record(value);
            both.record(value);
        }
        one.add(&other);
        assert_eq!(one, both);
    }
}
