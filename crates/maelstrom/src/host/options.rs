//! What is to be run, and how: Maelstrom's options for a test.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use splitbrain_check::consistency::Model;
use splitbrain_core::workload::{Topology, Workload};
use splitbrain_core::{FaultKind, Ratio};
use splitbrain_sim::Latency;

/// A test of a program. [`TestOptions::maelstrom`] has Maelstrom's defaults.
#[derive(Clone, Debug)]
pub struct TestOptions {
    /// The program that runs a node.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// How many nodes: n1, n2, ...
    pub node_count: u16,
    /// How many clients ask at the same time.
    pub concurrency: Concurrency,
    /// The mean time between two requests, all clients together; `None` asks nothing.
    pub request_interval: Option<Duration>,
    /// For how long requests are sent.
    pub time_limit: Duration,
    /// How long a client waits for an answer; `None` for what Maelstrom does
    /// ([`TestOptions::timeout`]).
    pub request_timeout: Option<Duration>,
    /// How long a program may take to answer `init`, and the workload's first message.
    pub init_limit: Duration,
    /// How long the cluster has to settle, at most, after all faults are healed.
    pub settle_limit: Duration,
    /// How long a message between servers, or between a server and a service, takes. Messages of
    /// clients take no time: they would only hide what goes wrong.
    pub latency_mean: Duration,
    /// How the latencies spread around their mean.
    pub latency_distribution: Distribution,
    /// The hint that the broadcast workload gives.
    pub topology: Topology,
    /// The kinds of faults to inject: partition, crash and pause are possible.
    pub nemesis: Vec<FaultKind>,
    /// The mean time from one change of the nemesis to the next, per kind of fault.
    pub nemesis_interval: Duration,
    /// The share of requests that must succeed, if any.
    pub availability: Option<Ratio>,
    /// The consistency models that the history is held to, all of them; if there is none, what the
    /// workload promises.
    pub consistency_models: Vec<Model>,
    /// The seed of everything that is drawn by us. Real processes on a real clock do not repeat
    /// themselves, but their faults and requests do.
    pub seed: u64,
    /// The folder for what each node writes to stderr, as `n1.log`; made if it does not exist.
    pub log_dir: Option<PathBuf>,
    /// What is reported while the test runs.
    pub log: Log,
}

/// Which lines are reported while the test runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Log {
    /// What nodes write to stderr.
    pub stderr: bool,
    /// Messages, when they are sent.
    pub net_send: bool,
    /// Messages, when they arrive.
    pub net_recv: bool,
}

impl TestOptions {
    /// A test of `program` as Maelstrom runs it when it is told nothing more.
    pub fn maelstrom(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            node_count: 5,
            concurrency: Concurrency::PerNode(1),
            request_interval: Some(Duration::from_millis(200)),
            time_limit: Duration::from_secs(60),
            request_timeout: None,
            init_limit: Duration::from_secs(10),
            settle_limit: Duration::from_secs(10),
            latency_mean: Duration::ZERO,
            latency_distribution: Distribution::Constant,
            topology: Topology::Grid,
            nemesis: Vec::new(),
            nemesis_interval: Duration::from_secs(10),
            availability: None,
            consistency_models: Vec::new(),
            seed: 0,
            log_dir: None,
            log: Log::default(),
        }
    }

    /// How long a client waits for an answer in workload `W`. Maelstrom's clients wait 5 s, but
    /// those of lin-kv ten times the latency and at least 1 s: a partition must not stop them all.
    pub fn timeout<W: Workload>(&self) -> Duration {
        self.request_timeout.unwrap_or_else(|| match W::NAME {
            "lin-kv" => (self.latency_mean * 10).max(Duration::from_secs(1)),
            _ => Duration::from_secs(5),
        })
    }

    /// How long messages take, as the simulator draws it.
    pub fn latency(&self) -> Latency {
        let mean = u64::try_from(self.latency_mean.as_nanos()).unwrap_or(u64::MAX / 2);
        match self.latency_distribution {
            Distribution::Constant => Latency::Constant(mean),
            Distribution::Uniform => Latency::Uniform { low: 0, high: mean.saturating_mul(2) },
            Distribution::Exponential => Latency::Exponential { mean },
        }
    }
}

/// How many clients: a number, or a number for each node (`4n`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Concurrency {
    /// So many in all.
    Total(u32),
    /// So many for each node.
    PerNode(u32),
}

impl Concurrency {
    /// How many clients a cluster of `node_count` then has: at least one.
    pub fn clients(self, node_count: u16) -> u32 {
        match self {
            Self::Total(count) => count.max(1),
            Self::PerNode(count) => count.saturating_mul(u32::from(node_count)).max(1),
        }
    }
}

impl FromStr for Concurrency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str| {
            digits.parse().ok().filter(|count| (1..=10_000).contains(count)).ok_or_else(|| {
                format!("{text:?} is no concurrency: a number from 1 to 10000, or one like 4n")
            })
        };
        match text.strip_suffix('n') {
            Some(per_node) => number(per_node).map(Self::PerNode),
            None => number(text).map(Self::Total),
        }
    }
}

/// The shape of the latency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Distribution {
    /// Always the mean.
    Constant,
    /// From zero to twice the mean.
    Uniform,
    /// Mostly short, sometimes very long.
    Exponential,
}

impl Distribution {
    const NAMES: [(&'static str, Self); 3] = [
        ("constant", Self::Constant),
        ("uniform", Self::Uniform),
        ("exponential", Self::Exponential),
    ];
}

impl FromStr for Distribution {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::NAMES.into_iter().find(|(name, _)| *name == text).map(|(_, shape)| shape).ok_or_else(
            || format!("{text:?} is no latency distribution: constant, uniform or exponential"),
        )
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.into_iter().find(|(_, shape)| shape == self);
        f.write_str(name.map_or("?", |(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use splitbrain_core::Rng;

    #[test]
    fn concurrency_as_maelstrom_writes_it() {
        assert_eq!("10".parse(), Ok(Concurrency::Total(10)));
        assert_eq!("4n".parse(), Ok(Concurrency::PerNode(4)));
        assert_eq!(Concurrency::PerNode(4).clients(5), 20);
        for bad in ["", "n", "0", "0n", "-1", "4m", "1000000"] {
            assert!(bad.parse::<Concurrency>().is_err(), "{bad}");
        }
    }

    #[test]
    fn latency_has_its_mean() {
        for (name, latency_distribution) in Distribution::NAMES {
            let latency_mean = Duration::from_millis(100);
            let options =
                TestOptions { latency_mean, latency_distribution, ..TestOptions::maelstrom("x") };
            let mut rng = Rng::new(1);
            let sum: u64 = (0..20_000).map(|_| options.latency().sample(rng.next_u64())).sum();
            assert!((97..=103).contains(&(sum / 20_000_000_000)), "{name}: {sum}");
            assert_eq!(name.parse(), Ok(latency_distribution));
        }
    }
}
