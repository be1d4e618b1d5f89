//! Instants in nanoseconds. Integers only: a float would round differently on another machine.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant: nanoseconds since the run began, on whichever clock it was read from.
///
/// ```
/// # use splitbrain_core::{Time, ms};
/// let at = Time::ZERO + ms(184);
/// assert_eq!(at.to_string(), "184ms");
/// assert_eq!(at - (Time::ZERO + ms(4)), ms(180));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(u64);

impl Time {
    /// The beginning of the run.
    pub const ZERO: Self = Self(0);
    /// After everything.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the beginning.
    #[inline]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the beginning.
    #[inline]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the beginning.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[inline]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Saturates at [`Time::MAX`].
impl Add<Duration> for Time {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

/// Saturates at zero, as [`Time::since`] does.
impl Sub for Time {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// Milliseconds, with as many decimals as it takes to tell neighbouring events apart (at most
/// three).
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0 / 1_000;
        let (whole, rest) = (micros / 1_000, micros % 1_000);
        let text = match rest {
            0 => format!("{whole}ms"),
            r if r % 100 == 0 => format!("{whole}.{}ms", r / 100),
            r if r % 10 == 0 => format!("{whole}.{:02}ms", r / 10),
            r => format!("{whole}.{r:03}ms"),
        };
        f.pad(&text)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// So many milliseconds.
pub const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// So many microseconds.
pub const fn us(count: u64) -> Duration {
    Duration::from_micros(count)
}

/// Spans in files: whole nanoseconds.
pub(crate) mod nanos {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_as_many_decimals_as_needed() {
        let shown = |nanos| Time::from_nanos(nanos).to_string();
        assert_eq!(shown(0), "0ms");
        assert_eq!(shown(184_000_000), "184ms");
        assert_eq!(shown(184_200_000), "184.2ms");
        assert_eq!(shown(184_020_000), "184.02ms");
        assert_eq!(shown(184_002_999), "184.002ms");
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Time::MAX + ms(1), Time::MAX);
        assert_eq!(Time::ZERO - Time::MAX, Duration::ZERO);
    }
}
