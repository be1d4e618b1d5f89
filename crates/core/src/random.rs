//! Randomness that never changes: the same seed gives the same draws, in every version, on every
//! machine.
//!
//! PROBLEM     A seed is a promise: replay must repeat the run. And to shrink a failure, removing
//!             one fault must not shift what all the others draw.
//! IDEA        SplitMix64 [splitmix §3] is a counter put through a mixing function. So any draw of
//!             any stream can be computed from `(seed, stream, counter)` alone: [`Key::at`].
//! RULES       Integers only; ranges are inclusive. The golden vectors below are for ever.

use serde::{Deserialize, Serialize};

/// 2^64 divided by the golden ratio, odd: the step of the counter [splitmix §3].
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finaliser of SplitMix64 (Stafford's variant 13 of MurmurHash3's): a bijection on 64 bits
/// that changes half of the output bits for each input bit.
#[inline]
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The name of a stream of random numbers, of which each can be had by its position.
///
/// ```
/// # use splitbrain_core::Key;
/// let link = Key::new(42).derive(7);
/// assert_eq!(link.at(1_000), link.at(1_000));
/// assert_ne!(link.at(1_000), link.derive(1).at(1_000));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key(u64);

impl Key {
    /// The root stream of a run.
    #[inline]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream of its own for `label`, independent of this one and of every other label's.
    #[must_use]
    #[inline]
    pub const fn derive(self, label: u64) -> Self {
        Self(mix(self.0 ^ mix(label.wrapping_mul(GOLDEN).wrapping_add(GOLDEN))))
    }

    /// The `counter`-th number of this stream.
    #[inline]
    pub const fn at(self, counter: u64) -> u64 {
        mix(self.0.wrapping_add(counter.wrapping_add(1).wrapping_mul(GOLDEN)))
    }

    /// The stream from its start, drawn one after another.
    #[inline]
    pub const fn rng(self) -> Rng {
        Rng { state: self.0 }
    }
}

/// A stream of random numbers, drawn in order: SplitMix64.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// The stream that `seed` names.
    pub const fn new(seed: u64) -> Self {
        Key::new(seed).rng()
    }

    /// The next 64 bits.
    #[inline]
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// A number from 0 to `bound - 1`.
    ///
    /// # Panics
    /// If `bound` is zero: there is no such number.
    #[inline]
    pub const fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "below(0): there is no number to draw");
        scale(self.next_u64(), bound)
    }

    /// A number from `low` to `high`, both included.
    ///
    /// # Panics
    /// If `low > high`.
    #[inline]
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        assert!(low <= high, "between: the range is empty");
        match (high - low).checked_add(1) {
            Some(width) => low + scale(self.next_u64(), width),
            None => self.next_u64(),
        }
    }

    /// True with the probability `ratio`.
    #[inline]
    pub const fn chance(&mut self, ratio: Ratio) -> bool {
        ratio.hit(self.next_u64())
    }

    /// One of `items`.
    ///
    /// # Panics
    /// If `items` is empty.
    #[expect(clippy::cast_possible_truncation, reason = "below the length, which is a usize")]
    pub const fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Puts `items` in a random order (Fisher-Yates).
    #[expect(clippy::cast_possible_truncation, reason = "below the length, which is a usize")]
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// Maps 64 random bits to 0..bound by multiplication (Lemire 2019); the bias is below bound / 2^64.
#[inline]
pub(crate) const fn scale(bits: u64, bound: u64) -> u64 {
    ((bits as u128 * bound as u128) >> 64) as u64
}

/// A probability as a fraction: `Ratio(1, 20)` is one in twenty. `Ratio(0, 1)` never happens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Ratio(pub u32, pub u32);

impl Ratio {
    /// Never.
    pub const NEVER: Self = Self(0, 1);

    /// Whether 64 random bits fall within the fraction.
    ///
    /// # Panics
    /// If the denominator is zero.
    #[inline]
    pub const fn hit(self, bits: u64) -> bool {
        assert!(self.1 > 0, "a ratio's denominator must not be zero");
        scale(bits, self.1 as u64) < self.0 as u64
    }

    /// Whether this can never happen.
    #[inline]
    pub const fn is_never(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of SplitMix64 for seed 1234567, as published with the algorithm's
    /// reference implementation.
    #[test]
    fn golden_vectors() {
        let mut rng = Rng::new(1_234_567);
        let golden = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        for (at, expected) in golden.into_iter().enumerate() {
            assert_eq!(Key::new(1_234_567).at(at as u64), expected, "draw {at} by position");
            assert_eq!(rng.next_u64(), expected, "draw {at} in order");
        }
    }

    #[test]
    fn golden_derived_streams() {
        let key = Key::new(42);
        assert_eq!(key.derive(0).at(0), GOLDEN_DERIVED[0]);
        assert_eq!(key.derive(1).at(0), GOLDEN_DERIVED[1]);
        assert_eq!(key.derive(1).derive(2).at(3), GOLDEN_DERIVED[2]);
    }
    const GOLDEN_DERIVED: [u64; 3] =
        [14_585_004_453_952_745_724, 828_722_927_148_087_974, 3_011_396_027_400_359_114];

    #[test]
    fn draws_stay_in_range_and_reach_its_ends() {
        let mut rng = Rng::new(1);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1_000 {
            seen.insert(rng.between(10, 15));
        }
        assert_eq!(seen, (10..=15).collect());
        assert_eq!(rng.between(7, 7), 7);
        rng.between(0, u64::MAX);
    }

    #[test]
    fn chance_is_about_its_ratio() {
        let mut rng = Rng::new(2);
        let hits = (0..100_000).filter(|_| rng.chance(Ratio(1, 20))).count();
        assert!((4_700..5_300).contains(&hits), "{hits} of 100,000 at one in twenty");
        assert!(!(0..1_000).any(|_| rng.chance(Ratio::NEVER)));
        assert!((0..1_000).all(|_| rng.chance(Ratio(1, 1))));
    }

    #[test]
    fn shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Rng::new(3).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
