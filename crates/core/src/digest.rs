//! A 64-bit fingerprint that is the same on every machine: of states, messages and whole traces.

use std::hash::{Hash, Hasher};

const FACTOR: u64 = 0x517C_C1B7_2722_0A95;

/// A hasher with fixed keys, and a count of the bytes it was fed.
///
/// It is quick and stable, not safe against someone who wants collisions. Integers are fed in
/// little endian and `usize` as 64 bits, so that a digest is the same on every platform.
///
/// ```
/// # use splitbrain_core::Fingerprint;
/// let (hash, bytes) = Fingerprint::of(&(1_u64, 2_u32));
/// assert_eq!(bytes, 12);
/// assert_eq!(hash, Fingerprint::of(&(1_u64, 2_u32)).0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Fingerprint {
    hash: u64,
    bytes: u64,
}

/// Starts from the first digits of pi: from zero, any number of zeros would still be zero.
impl Default for Fingerprint {
    #[inline]
    fn default() -> Self {
        Self { hash: 0x243F_6A88_85A3_08D3, bytes: 0 }
    }
}

impl Fingerprint {
    /// The fingerprint of `value`, and its size: the number of bytes that its `Hash` writes.
    #[inline]
    pub fn of<T: Hash + ?Sized>(value: &T) -> (u64, u64) {
        let mut hasher = Self::default();
        value.hash(&mut hasher);
        (hasher.finish(), hasher.bytes)
    }

    /// Feeds one word.
    #[inline]
    pub const fn word(&mut self, word: u64) {
        self.hash = (self.hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    }
}

impl Hasher for Fingerprint {
    #[inline]
    fn finish(&self) -> u64 {
        // The low bits of a product depend on the low bits of its factors only: fold the high half
        // in.
        let z = (self.hash ^ (self.hash >> 32)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 29)
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(word) ^ ((rest.len() as u64) << 56));
        }
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.bytes += 1;
        self.word(u64::from(value));
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.bytes += 2;
        self.word(u64::from(value));
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.bytes += 4;
        self.word(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.bytes += 8;
        self.word(value);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_i64(value as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_fingerprints() {
        assert_eq!(Fingerprint::of(&0_u64).0, GOLDEN[0]);
        assert_eq!(Fingerprint::of("splitbrain").0, GOLDEN[1]);
        assert_eq!(Fingerprint::of(&[1_u16, 2, 3][..]).0, GOLDEN[2]);
    }
    const GOLDEN: [u64; 3] =
        [16_560_389_498_784_024_669, 8_632_182_449_108_602_970, 14_954_661_563_873_619_271];

    #[test]
    fn near_values_differ() {
        let mut seen: Vec<u64> = (0..10_000_u64).map(|n| Fingerprint::of(&n).0).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 10_000);
        assert_ne!(Fingerprint::of("ab").0, Fingerprint::of("ba").0);
        assert_ne!(Fingerprint::of(&[0_u8, 0][..]).0, Fingerprint::of(&[0_u8][..]).0);
    }
}
