//! How long things take: distributions in integers, so that every machine draws the same.

use serde::{Deserialize, Serialize};
use splitbrain_core::Ratio;

/// A distribution of spans, in nanoseconds.
///
/// ```
/// # use splitbrain_sim::Latency;
/// let uniform = Latency::Uniform { low: 1_000_000, high: 10_000_000 };
/// assert!((1_000_000..=10_000_000).contains(&uniform.sample(0x1234_5678_9abc_def0)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Latency {
    /// Always this.
    Constant(u64),
    /// Anything between the two, each as likely.
    Uniform {
        /// Not less than this.
        low: u64,
        /// Not more than this.
        high: u64,
    },
    /// Exponential: mostly short, now and then many times the mean.
    Exponential {
        /// The mean.
        mean: u64,
    },
    /// Log-normal, as measured on many real networks: a hump with a long tail. Its normal variable
    /// is approximated by a sum of four uniform ones, which cuts the tails at 3.46 sigma.
    LogNormal {
        /// Half of all spans are shorter than this.
        median: u64,
        /// The standard deviation of the logarithm to base 2.
        sigma: Ratio,
    },
}

/// Fixed point: 2^32 is one.
const ONE: u64 = 1 << 32;
/// The natural logarithm of 2, in fixed point.
const LN_2: u64 = 2_977_044_472;

impl Latency {
    /// The span that 64 random bits choose.
    #[inline]
    pub const fn sample(&self, bits: u64) -> u64 {
        match *self {
            Self::Constant(span) => span,
            Self::Uniform { low, high } => low + scale(bits, (high - low).saturating_add(1)),
            Self::Exponential { mean } => multiply(mean, negative_ln(bits)),
            Self::LogNormal { median, sigma } => log_normal(median, sigma, bits),
        }
    }

    /// The longest span that is at all likely: what a timeout must allow for.
    pub const fn bound(&self) -> u64 {
        match *self {
            Self::Constant(span) => span,
            Self::Uniform { high, .. } => high,
            Self::Exponential { mean } => mean.saturating_mul(10),
            Self::LogNormal { median, sigma } => log_normal(median, sigma, u64::MAX),
        }
    }

    /// The smallest span there is.
    pub const fn floor(&self) -> u64 {
        match *self {
            Self::Constant(span) => span,
            Self::Uniform { low, .. } => low,
            Self::Exponential { .. } => 0,
            Self::LogNormal { median, sigma } => log_normal(median, sigma, 0),
        }
    }

    /// What is wrong with these numbers, if anything is: files can hold any.
    pub fn check(&self) -> Result<(), String> {
        match *self {
            Self::Uniform { low, high } if low > high => {
                Err(format!("the uniform latency's low {low} is above its high {high}"))
            }
            Self::LogNormal { sigma: Ratio(_, 0), .. } => {
                Err("the log-normal latency's sigma has a zero denominator".into())
            }
            Self::LogNormal { sigma: Ratio(n, of), .. } if n / of >= 8 => {
                Err(format!("the log-normal latency's sigma {n}/{of} must be below 8"))
            }
            _ => Ok(()),
        }
    }
}

const fn scale(bits: u64, bound: u64) -> u64 {
    ((bits as u128 * bound as u128) >> 64) as u64
}

/// `value` times a fixed-point factor.
#[expect(clippy::cast_possible_truncation, reason = "saturated first")]
const fn multiply(value: u64, factor: u64) -> u64 {
    let product = (value as u128 * factor as u128) >> 32;
    if product > u64::MAX as u128 { u64::MAX } else { product as u64 }
}

/// Minus the natural logarithm of a number in (0, 1] given by random bits, in fixed point: from 0
/// to about 44.4.
const fn negative_ln(bits: u64) -> u64 {
    // -ln(u) = ln 2 * (leading zeros + 1 - log2(mantissa)), the mantissa in [1, 2).
    let u = bits | 1;
    let zeros = u.leading_zeros();
    let mantissa = (u << zeros) >> 31; // in [2^32, 2^33)
    let log2 = log2_of_mantissa(mantissa);
    let whole = (zeros as u64 + 1) << 32;
    multiply(whole - log2, LN_2)
}

/// The logarithm to base 2 of a fixed-point number in [1, 2), by squaring: one bit a step.
const fn log2_of_mantissa(mut x: u64) -> u64 {
    let (mut result, mut bit) = (0, ONE >> 1);
    while bit > ONE >> 17 {
        x = multiply(x, x);
        if x >= 2 * ONE {
            x >>= 1;
            result |= bit;
        }
        bit >>= 1;
    }
    result
}

/// 2 to the power of fixed-point numbers in [0, 1), at 33 points; between them, a straight line.
const EXP2: [u64; 34] = {
    // Repeated square roots give 2^(1/32); its powers fill the table.
    let mut root = 2 * ONE;
    let mut halvings = 0;
    while halvings < 5 {
        root = square_root(root);
        halvings += 1;
    }
    let mut table = [ONE; 34];
    let mut at = 1;
    while at < 34 {
        table[at] = multiply(table[at - 1], root);
        at += 1;
    }
    table
};

/// The square root of a fixed-point number in [1, 4), by bisection.
const fn square_root(x: u64) -> u64 {
    let (mut low, mut high) = (ONE, 2 * ONE);
    while high - low > 1 {
        let middle = low.midpoint(high);
        if multiply(middle, middle) <= x {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "each value is bounded by the line it stands on"
)]
const fn log_normal(median: u64, sigma: Ratio, bits: u64) -> u64 {
    // Four uniform 16-bit numbers have a mean of 2 and a variance of 1/3 (in units of 2^16).
    let sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48);
    let centred = sum as i64 - 2 * 0xFFFF;
    // z = centred * sqrt(3) in units of 2^16; the exponent = sigma * z, in fixed point.
    let z = (centred as i128 * 7_439_101_574) >> 16; // sqrt(3) * 2^32
    let exponent = z * sigma.0 as i128 / sigma.1 as i128;
    let (whole, fraction) = ((exponent >> 32) as i64, (exponent & 0xFFFF_FFFF) as u64);
    let (at, within) = ((fraction >> 27) as usize, fraction & 0x07FF_FFFF);
    let step = EXP2[at + 1] - EXP2[at];
    let factor = EXP2[at] + ((step as u128 * within as u128) >> 27) as u64;
    let scaled = multiply(median, factor);
    if whole >= 0 {
        if whole > 30 { u64::MAX } else { scaled.saturating_mul(1 << whole) }
    } else if whole < -63 {
        0
    } else {
        scaled >> -whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use splitbrain_core::Rng;

    fn quantiles(latency: Latency) -> [u64; 4] {
        let mut rng = Rng::new(9);
        let mut drawn: Vec<u64> = (0..100_000).map(|_| latency.sample(rng.next_u64())).collect();
        drawn.sort_unstable();
        let mean = drawn.iter().sum::<u64>() / 100_000;
        [drawn[10_000], drawn[50_000], drawn[90_000], mean]
    }

    fn near(actual: u64, expected: u64) -> bool {
        actual.abs_diff(expected) * 50 <= expected
    }

    #[test]
    fn exponential_has_its_quantiles() {
        // -ln(0.9), -ln(0.5), -ln(0.1) times the mean.
        let [p10, p50, p90, mean] = quantiles(Latency::Exponential { mean: 1_000_000 });
        assert!(near(p10, 105_361), "{p10}");
        assert!(near(p50, 693_147), "{p50}");
        assert!(near(p90, 2_302_585), "{p90}");
        assert!(near(mean, 1_000_000), "{mean}");
    }

    #[test]
    fn log_normal_has_its_quantiles() {
        let sigma = Ratio(1, 2);
        let [p10, p50, p90, _] = quantiles(Latency::LogNormal { median: 1_000_000, sigma });
        // 2^(-1.2816/2) and 2^(1.2816/2); the approximation is a little narrower.
        assert!(near(p50, 1_000_000), "{p50}");
        assert!((630_000..660_000).contains(&p10), "{p10}");
        assert!((1_520_000..1_580_000).contains(&p90), "{p90}");
    }

    #[test]
    fn uniform_and_constant_stay_in_their_bounds() {
        let [p10, p50, p90, _] = quantiles(Latency::Uniform { low: 1_000, high: 2_000 });
        assert!(near(p10, 1_100) && near(p50, 1_500) && near(p90, 1_900), "{p10} {p50} {p90}");
        assert_eq!(Latency::Constant(7).sample(123), 7);
        let whole = Latency::Uniform { low: 0, high: u64::MAX };
        assert_eq!(whole.sample(u64::MAX), u64::MAX - 1);
    }

    #[test]
    fn extreme_bits_do_no_harm() {
        let all = [
            Latency::Exponential { mean: u64::MAX },
            Latency::LogNormal { median: u64::MAX, sigma: Ratio(7, 1) },
            Latency::LogNormal { median: 1, sigma: Ratio(7, 1) },
        ];
        for latency in all {
            for bits in [0, 1, u64::MAX, 1 << 63] {
                latency.sample(bits);
            }
            assert!(latency.floor() <= latency.bound());
        }
    }
}
