//! Everything that decides a run: a seed, settings, what clients ask and what goes wrong.
//!
//! PROBLEM     A failure found among ten thousand runs must be had again, today and on another
//!             machine, and must be made smaller piece by piece.
//! IDEA        The seed draws a [`Recipe`]: a plain list of operations and of faults. The run is a
//!             function of the recipe. To shrink a run is to cut things out of its recipe.
//! RULES       What the run itself draws (latencies, losses, timers, choices) comes from streams
//!             keyed by link and by node, so that cutting one thing out leaves the rest as it was.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::Topology;
use splitbrain_core::{FaultKind, Injection, Key, NodeId, Ratio, Time, ms};

use crate::{Latency, Links, nemesis};

/// Streams of a run's randomness.
pub(crate) mod stream {
    pub(crate) const OPERATIONS: u64 = 1;
    pub(crate) const SCHEDULE: u64 = 2;
    pub(crate) const NEMESIS: u64 = 3;
    pub(crate) const NETWORK: u64 = 4;
    pub(crate) const CHOICES: u64 = 5;
    pub(crate) const TIMERS: u64 = 6;
    pub(crate) const SYNCS: u64 = 7;
    pub(crate) const CLOCKS: u64 = 8;
    pub(crate) const SWARM: u64 = 9;
    pub(crate) const TEMPER: u64 = 10;
    pub(crate) const LUCK: u64 = 11;
    pub(crate) const SHRINKING: u64 = 12;
}

/// The settings of a world: how large, how long, how bad.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How many servers.
    pub nodes: u16,
    /// How many clients; client `i` asks node `i mod nodes`.
    pub clients: u16,
    /// How many operations are planned, spread over `duration`.
    pub operations: u32,
    /// How many operations come together, before a silence: 1 if they come evenly.
    pub burst: u32,
    /// How long operations are asked and faults strike.
    #[serde(rename = "duration_ns", with = "nanos")]
    pub duration: Duration,
    /// How long the cluster may settle after all faults are healed, before the last operations.
    #[serde(rename = "settle_ns", with = "nanos")]
    pub settle: Duration,
    /// How long the last operations may take, tries and all.
    #[serde(rename = "grace_ns", with = "nanos")]
    pub grace: Duration,
    /// How long a client waits for an answer.
    #[serde(rename = "timeout_ns", with = "nanos")]
    pub timeout: Duration,
    /// The network.
    pub links: Links,
    /// How long a sync takes.
    pub sync: Latency,
    /// No wall clock is off by more than this at the start.
    #[serde(rename = "clock_offset_ns", with = "nanos")]
    pub clock_offset: Duration,
    /// No clock runs faster or slower than this, in parts per million.
    pub clock_drift: u32,
    /// Who is whose neighbour, for workloads that say.
    pub topology: Topology,
    /// The kinds of faults that may strike.
    pub faults: BTreeSet<FaultKind>,
    /// How long it is from one fault to the next, on average.
    #[serde(rename = "fault_interval_ns", with = "nanos")]
    pub fault_interval: Duration,
    /// Whether in every other world the power fails: all nodes crash at once, and lose what they
    /// had not synced. Whoever keeps its promises on disk survives that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub power_failures: bool,
    /// A run with more events than this never ends by itself.
    pub events_max: u64,
    /// What the judge holds the histories to, by the names of consistency models: all of them. If
    /// there is none, to what the workload promises.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consistency_models: Vec<String>,
}

impl Config {
    /// Five nodes and three clients of each on a local network that loses and doubles a few
    /// messages, 100 operations in five seconds, every kind of fault but a bad disk's.
    pub fn standard() -> Self {
        Self {
            nodes: 5,
            clients: 15,
            operations: 150,
            burst: 1,
            duration: ms(5_000),
            settle: ms(5_000),
            grace: ms(15_000),
            timeout: ms(1_000),
            links: Links {
                loss: Ratio(1, 50),
                duplicate: Ratio(1, 50),
                ..Links::perfect(Latency::Uniform { low: 1_000_000, high: 10_000_000 })
            },
            sync: Latency::Uniform { low: 100_000, high: 2_000_000 },
            clock_offset: ms(100),
            clock_drift: 100,
            topology: Topology::Grid,
            faults: [
                FaultKind::Partition,
                FaultKind::Link,
                FaultKind::Crash,
                FaultKind::Pause,
                FaultKind::Slow,
                FaultKind::Clock,
            ]
            .into(),
            fault_interval: ms(1_000),
            power_failures: false,
            events_max: 1_000_000,
            consistency_models: Vec::new(),
        }
    }

    /// The same cluster on a perfect network, with nothing going wrong.
    #[must_use]
    pub fn calm(self) -> Self {
        Self {
            links: Links { loss: Ratio::NEVER, duplicate: Ratio::NEVER, burst: None, ..self.links },
            clock_offset: Duration::ZERO,
            clock_drift: 0,
            faults: BTreeSet::new(),
            power_failures: false,
            ..self
        }
    }

    /// The temper of the world `seed`. Many bugs need several things to go wrong within moments,
    /// and no two the same: so each world has about half of these traits. Operations come in
    /// bursts; the network is slow; it loses and doubles many messages; the disks are slow; clients
    /// are impatient; faults come on top of each other; the power fails.
    ///
    /// What these settings leave out stays out: a network that loses nothing still loses nothing.
    #[must_use]
    pub fn tempered(self, seed: u64) -> Self {
        let mut rng = Key::new(seed).derive(stream::TEMPER).rng();
        let mut has = || rng.below(2) == 0;
        let mut world = self;
        if has() {
            world.burst = 20;
        }
        if has() {
            let mean = world.links.latency.floor().midpoint(world.links.latency.bound());
            world.links.latency = Latency::Exponential { mean: mean * 4 };
        }
        if has() {
            world.links.loss.0 *= 5;
            world.links.duplicate.0 *= 10;
        }
        if has() {
            world.sync = Latency::Uniform { low: 0, high: world.sync.bound() * 40 };
        }
        if has() {
            world.timeout = world.timeout * 3 / 10;
        }
        if has() {
            world.fault_interval /= 3;
        }
        world.power_failures = has() && world.faults.contains(&FaultKind::Crash);
        world
    }

    /// Swarm testing (Groce et al. 2012): every parameter drawn for this seed, and a random part of
    /// the faults left out, so that they cannot always mask one another.
    #[must_use]
    pub fn swarm(self, seed: u64) -> Self {
        let mut rng = Key::new(seed).derive(stream::SWARM).rng();
        let mean = rng.between(1, 40) * 1_000_000;
        let latency = match rng.below(4) {
            0 => Latency::Constant(mean),
            1 => Latency::Uniform { low: mean / 10, high: mean * 2 },
            2 => Latency::Exponential { mean },
            _ => Latency::LogNormal { median: mean, sigma: Ratio(3, 4) },
        };
        let one_of = |rng: &mut splitbrain_core::Rng, ratios: &[Ratio]| *rng.pick(ratios);
        let (none, some) = (Ratio::NEVER, Ratio(1, 20));
        let loss = one_of(&mut rng, &[none, Ratio(1, 100), some, Ratio(1, 5)]);
        let duplicate = one_of(&mut rng, &[none, Ratio(1, 100), some, Ratio(1, 5)]);
        let burst = (rng.below(4) == 0).then(|| crate::Burst {
            begins: Ratio(1, 200),
            length: Latency::Exponential { mean: mean * 10 },
        });
        let nodes = if self.nodes > 2 {
            u16::try_from(rng.between(2, u64::from(self.nodes))).unwrap_or(self.nodes)
        } else {
            self.nodes
        };
        let sync = rng.between(1, 10) * 500_000;
        Self {
            nodes,
            clients: u16::try_from(rng.between(1, u64::from(self.clients).max(1) * 2))
                .unwrap_or(self.clients),
            operations: u32::try_from(rng.between(20, u64::from(self.operations).max(20) * 2))
                .unwrap_or(self.operations),
            links: Links { latency, loss, duplicate, burst, fifo: rng.below(3) == 0, ..self.links },
            sync: Latency::Uniform { low: 0, high: sync },
            clock_drift: u32::try_from(rng.below(u64::from(self.clock_drift) * 5 + 1)).unwrap_or(0),
            faults: {
                let calm = rng.below(10) == 0;
                self.faults.into_iter().filter(|_| !calm && rng.below(3) > 0).collect()
            },
            fault_interval: ms(rng.between(300, 4_000)),
            ..self
        }
    }

    /// What is wrong with these settings, if anything is.
    ///
    /// # Errors
    /// Names the setting and what it may be.
    pub fn check(&self) -> Result<(), RecipeError> {
        let bad = |why: String| Err(RecipeError::Config(why));
        if !(1..=1_000).contains(&self.nodes) {
            return bad(format!("nodes is {}, and must be 1 to 1000", self.nodes));
        }
        if self.clients > 10_000 {
            return bad(format!("clients is {}, and must be at most 10000", self.clients));
        }
        if self.operations > 1_000_000 {
            return bad(format!("operations is {}, and must be at most 1000000", self.operations));
        }
        for (name, span) in [
            ("duration", self.duration),
            ("settle", self.settle),
            ("grace", self.grace),
            ("timeout", self.timeout),
            ("fault interval", self.fault_interval),
            ("clock offset", self.clock_offset),
        ] {
            if span > Duration::from_secs(30 * 24 * 3_600) {
                return bad(format!("{name} is {span:?}, and must be at most 30 days"));
            }
        }
        let zero = |ratio: Ratio| ratio.1 == 0;
        let burst = self.links.burst.map_or(Ratio::NEVER, |burst| burst.begins);
        if zero(self.links.loss) || zero(self.links.duplicate) || zero(burst) {
            return bad("a probability has a zero denominator".into());
        }
        if self.clock_drift > 500_000 {
            return bad(format!(
                "clock drift is {} ppm, and must be at most 500000",
                self.clock_drift
            ));
        }
        let wide = |row: &Vec<u64>| row.len() < usize::from(self.nodes);
        if let Some(base) = &self.links.base
            && (base.len() < usize::from(self.nodes) || base.iter().any(wide))
        {
            return bad(format!("the latency matrix has no {0} rows of {0} numbers", self.nodes));
        }
        let burst = self.links.burst.map(|burst| burst.length);
        for latency in [Some(self.links.latency), Some(self.sync), burst].into_iter().flatten() {
            latency.check().map_err(RecipeError::Config)?;
        }
        Ok(())
    }
}

/// How the worlds of a campaign differ from one another, beside their operations and faults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variety {
    /// Not at all: all have the settings that were given.
    None,
    /// In temper: [`Config::tempered`].
    Temper,
    /// In temper, and every parameter is drawn: [`Config::swarm`].
    Swarm,
}

impl Variety {
    /// The settings of the world `seed`.
    pub fn settings(self, config: Config, seed: u64) -> Config {
        match self {
            Self::None => config,
            Self::Temper => config.tempered(seed),
            Self::Swarm => config.tempered(seed).swarm(seed),
        }
    }
}

/// An operation that a client is to ask.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// Not before this time, and not before the client's earlier ones have ended.
    #[serde(rename = "at_ns")]
    pub at: Time,
    /// Which client.
    pub client: u16,
    /// Which node it asks.
    pub node: NodeId,
    /// The operation's number: together with the seed it makes the request.
    pub index: u32,
    /// Whether it is one of the last: asked after everything has healed, again and again until it
    /// is answered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last: bool,
    /// The request itself, where it is written down; else the workload makes it from the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<serde_json::Value>,
}

/// All that decides a run.
///
/// ```
/// # use splitbrain_sim::{Config, Recipe};
/// let recipe = Recipe::draw("abd", "lin-kv", Config::standard(), 42);
/// let file = recipe.to_json();
/// assert_eq!(Recipe::from_json(&file), Ok(recipe));
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    format: String,
    version: u32,
    /// What is run: a node's name, or a program.
    pub program: String,
    /// The program's arguments, where it is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// The workload.
    pub workload: String,
    /// The source of all randomness.
    pub seed: u64,
    /// Other latencies, losses and choices for the same operations and faults: 0 as the world was
    /// drawn, another number where shrinking has tried others.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub luck: u64,
    /// The settings.
    pub config: Config,
    /// What goes wrong.
    pub faults: Vec<Injection>,
    /// What the clients ask.
    pub operations: Vec<Planned>,
}

const FORMAT: &str = "splitbrain-recipe";
const VERSION: u32 = 2;
/// Recipes are small; a file larger than this is something else.
const FILE_MAX: usize = 64 << 20;

impl Recipe {
    /// Draws the operations and the faults of the world `seed`.
    pub fn draw(program: &str, workload: &str, config: Config, seed: u64) -> Self {
        let key = Key::new(seed);
        let operations = plan(&config, key);
        let faults = nemesis::schedule(&config, &operations, key.derive(stream::NEMESIS));
        Self {
            format: FORMAT.into(),
            version: VERSION,
            program: program.into(),
            arguments: Vec::new(),
            workload: workload.into(),
            seed,
            luck: 0,
            config,
            faults,
            operations,
        }
    }

    /// The same recipe with every request written down, for people to read and to change.
    ///
    /// # Errors
    /// When the recipe cannot be run by this program.
    pub fn spelled_out(&self, subject: &dyn crate::Subject) -> Result<Self, RecipeError> {
        let cluster = subject.cluster(self)?;
        let mut recipe = self.clone();
        for planned in &mut recipe.operations {
            planned.request = cluster.request(planned);
        }
        Ok(recipe)
    }

    /// The recipe as a file.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a recipe file.
    ///
    /// # Errors
    /// Says where the file is wrong and why.
    pub fn from_json(text: &str) -> Result<Self, RecipeError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u32,
        }
        if text.len() > FILE_MAX {
            return Err(RecipeError::Huge { bytes: text.len() });
        }
        let place = |error: &serde_json::Error| RecipeError::Syntax {
            line: error.line(),
            column: error.column(),
            why: error.to_string(),
        };
        let head: Head = serde_json::from_str(text).map_err(|error| place(&error))?;
        if head.format != FORMAT || head.version != VERSION {
            return Err(RecipeError::Version { format: head.format, version: head.version });
        }
        let recipe: Self = serde_json::from_str(text).map_err(|error| place(&error))?;
        recipe.check()?;
        Ok(recipe)
    }

    /// What is wrong with the numbers, if anything is: a file can hold any.
    ///
    /// # Errors
    /// Names what is wrong.
    pub fn check(&self) -> Result<(), RecipeError> {
        self.config.check()?;
        let nodes = self.config.nodes;
        for planned in &self.operations {
            if planned.node.0 >= nodes {
                return Err(RecipeError::Config(format!(
                    "operation {} asks {}, but there are only {nodes} nodes",
                    planned.index, planned.node
                )));
            }
            if planned.client >= 10_000 {
                return Err(RecipeError::Config(format!(
                    "operation {} is client {}'s, and clients go up to 9999",
                    planned.index, planned.client
                )));
            }
        }
        nemesis::check(&self.faults, nodes).map_err(RecipeError::Config)
    }

    /// What the run itself draws from: all but the operations.
    pub const fn key(&self) -> Key {
        let key = Key::new(self.seed);
        if self.luck == 0 { key } else { key.derive(stream::LUCK).derive(self.luck) }
    }

    /// When everything is healed and the last operations begin.
    pub fn last_at(&self) -> Time {
        Time::ZERO + self.config.duration + self.config.settle
    }
}

/// A recipe that cannot be run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecipeError {
    /// The file is not JSON, or not of a recipe's form.
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        why: String,
    },
    /// The file is of another kind or version.
    Version {
        /// What it says it is.
        format: String,
        /// Of which version.
        version: u32,
    },
    /// The file is too large to be a recipe.
    Huge {
        /// Its size.
        bytes: usize,
    },
    /// A number is out of its range, or names something that is not there.
    Config(String),
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { why, .. } => write!(f, "not a recipe: {why}"),
            Self::Version { format, version } => write!(
                f,
                "this is {format:?} version {version}; only {FORMAT:?} version {VERSION} is understood"
            ),
            Self::Huge { bytes } => write!(f, "{bytes} bytes are too many for a recipe"),
            Self::Config(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for RecipeError {}

/// Spreads the operations over the clients and the time: each client asks at its own random times.
fn plan(config: &Config, key: Key) -> Vec<Planned> {
    let clients = config.clients.max(1);
    let schedule = key.derive(stream::SCHEDULE);
    let duration = u64::try_from(config.duration.as_nanos()).unwrap_or(u64::MAX);
    let node = |client: u16| NodeId(client % config.nodes);
    let mut planned: Vec<Planned> = (0..config.operations)
        .map(|index| {
            let mut rng = schedule.derive(u64::from(index)).rng();
            let client = u16::try_from(rng.below(u64::from(clients))).unwrap_or(0);
            // An even spread of bursts, with noise of a burst's length.
            let burst = config.burst.max(1);
            let step = duration / u64::from(config.operations);
            let length = step * u64::from(burst);
            let takes = if burst == 1 { length } else { length / 10 };
            let at = length * u64::from(index / burst) + rng.between(0, takes);
            Planned {
                at: Time::from_nanos(at),
                client,
                node: node(client),
                index,
                last: false,
                request: None,
            }
        })
        .collect();
    planned.sort_by_key(|planned| (planned.at, planned.index));
    let last_at = Time::ZERO + config.duration + config.settle;
    // One last operation at each node, whatever the number of clients.
    planned.extend((0..clients.max(config.nodes)).map(|client| Planned {
        at: last_at,
        client,
        node: node(client),
        index: config.operations + u32::from(client),
        last: true,
        request: None,
    }));
    planned
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

mod nanos {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swarm_configs_are_sound_and_differ() {
        let drawn: Vec<_> = (0..500).map(|seed| Config::standard().swarm(seed)).collect();
        for config in &drawn {
            config.check().unwrap();
        }
        assert!(drawn.iter().any(|config| config.nodes == 2));
        assert!(drawn.iter().any(|config| config.faults.is_empty()));
        assert!(drawn.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn every_trait_is_in_about_half_of_the_worlds_and_what_is_left_out_stays_out() {
        let calm = Config::standard().calm();
        let traits = |config: &Config| {
            let standard = Config::standard();
            [
                config.burst > 1,
                config.links.latency != standard.links.latency,
                config.links.duplicate != standard.links.duplicate,
                config.sync != standard.sync,
                config.timeout < standard.timeout,
                config.fault_interval < standard.fault_interval,
                config.power_failures,
            ]
        };
        let mut seen = [0; 7];
        for seed in 0..400 {
            let drawn = Config::standard().tempered(seed);
            drawn.check().unwrap();
            traits(&drawn).iter().zip(&mut seen).for_each(|(has, seen)| *seen += i32::from(*has));
            let calm = calm.clone().tempered(seed);
            assert!(!calm.power_failures && calm.links.loss.0 == 0 && calm.links.duplicate.0 == 0);
        }
        assert!(seen.iter().all(|seen| (160..240).contains(seen)), "{seen:?} of 400");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let good = Recipe::draw("abd", "lin-kv", Config::standard(), 1).to_json();
        let error = |text: &str| Recipe::from_json(text).unwrap_err().to_string();
        assert!(error(&good[..good.len() / 2]).contains("at line"));
        assert!(error("\u{0}\u{1}").contains("line 1"));
        assert!(error(&good.replace("\"version\": 2", "\"version\": 3")).contains("version 3"));
        assert!(error(&good.replace("\"nodes\": 5", "\"nodes\": 2")).contains("only 2 nodes"));
        assert!(error(&good.replace("\"seed\"", "\"sead\"")).contains("sead"));
        assert!(error(&good.replace("\"nodes\": 5", "\"nodes\": 0")).contains("1 to 1000"));
        let deep = "[".repeat(100_000);
        assert!(Recipe::from_json(&deep).is_err());
    }

    #[test]
    fn every_node_is_asked_at_the_end() {
        let config = Config { clients: 2, nodes: 5, ..Config::standard() };
        let recipe = Recipe::draw("x", "echo", config, 3);
        let asked: BTreeSet<_> =
            recipe.operations.iter().filter(|op| op.last).map(|op| op.node).collect();
        assert_eq!(asked.len(), 5);
    }
}
