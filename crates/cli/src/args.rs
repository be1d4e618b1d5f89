//! The command line.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use splitbrain_check::consistency::Model;
use splitbrain_core::FaultKind;
use splitbrain_sim::{Config, Latency, Variety};

/// A hands-on laboratory for distributed systems: write one node, have it judged in a thousand
/// broken worlds, and read the smallest story of why it failed.
#[derive(Parser, Debug)]
#[command(
    name = "splitbrain",
    version,
    after_help = "Exit status: 0 valid, 1 invalid, 2 unknown, 3 could not run.\n\
                  New here? Type: splitbrain demo"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// A minute that shows a thing; needs no input
    #[command(after_help = "Example: splitbrain demo split-brain")]
    Demo {
        /// Which one
        #[arg(default_value = "split-brain")]
        name: String,
    },
    /// A built-in node in many simulated worlds
    #[command(after_help = "Examples:\n  splitbrain sim abd --seeds 0..10000\n  \
                            splitbrain sim abd/ack-before-sync\n  \
                            splitbrain sim primary-backup --nodes 3 --faults partition")]
    Sim(Sim),
    /// A built-in node in every run within bounds, exhaustively
    #[command(
        after_help = "Examples:\n  splitbrain explore\n  splitbrain explore paxos --crashes 1\n  \
                            splitbrain explore paxos/own-value --as-test\n  \
                            splitbrain explore alternating-bit --order any"
    )]
    Explore(Box<crate::explore::Explore>),
    /// The built-in nodes, and the bugs planted in copies of them
    List {
        /// Only those whose name contains this
        filter: Option<String>,
    },
    /// Any program that speaks Maelstrom's protocol, in any language
    Test(Box<crate::test::Test>),
    /// Judge recorded histories
    #[command(
        after_help = "Examples:\n  splitbrain check .splitbrain/runs/latest/history.jsonl\n  \
                      splitbrain check --explain history.edn\n  \
                      splitbrain check -m cas-register --initial 0 *.edn"
    )]
    Check(Box<crate::check::Check>),
    /// Write a recorded history in another format
    #[command(after_help = "Example: splitbrain convert history.edn --to jsonl -o history.jsonl")]
    Convert(crate::check::Convert),
    /// A kept run again, event by event
    #[command(
        after_help = "Examples:\n  splitbrain replay latest\n  splitbrain replay 3 --shrink\n  \
                            splitbrain replay recipe.json"
    )]
    Replay(Replay),
    /// What a finding means, how it happens, what fixes it
    #[command(after_help = "Example: splitbrain explain LIN-STALE-READ")]
    Explain {
        /// The finding's id; all ids if left out
        id: Option<String>,
    },
    /// A built-in node as a program that speaks Maelstrom's protocol on stdin and stdout
    #[command(
        after_help = "Example: splitbrain test -w broadcast --bin splitbrain -- node broadcast"
    )]
    Node {
        /// Its name
        name: String,
        /// Keep its disk in this folder; without, a new process has an empty disk
        #[arg(long, value_name = "FOLDER")]
        disk: Option<PathBuf>,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Sim {
    /// The node: 'splitbrain list' names all
    pub(crate) node: String,
    /// Expect this workload
    #[arg(short, long)]
    pub(crate) workload: Option<String>,
    #[command(flatten)]
    pub(crate) worlds: Worlds,
    /// The verdict as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which worlds, and what they are like.
#[derive(Args, Debug)]
pub(crate) struct Worlds {
    /// The worlds to run, one for each seed
    #[arg(long, value_parser = seeds, default_value = "0..200", value_name = "FIRST..END")]
    pub(crate) seeds: Range<u64>,
    /// This world only
    #[arg(long, conflicts_with = "seeds")]
    pub(crate) seed: Option<u64>,
    /// Every seed draws its own network, faults and sizes
    #[arg(long)]
    pub(crate) swarm: bool,
    /// How many nodes
    #[arg(long, value_name = "N")]
    pub(crate) nodes: Option<u16>,
    /// How many clients
    #[arg(long, value_name = "N")]
    pub(crate) clients: Option<u16>,
    /// How many operations
    #[arg(long, value_name = "N")]
    pub(crate) operations: Option<u32>,
    /// How long operations are asked and faults strike, in simulated seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) time_limit: Option<u64>,
    /// The mean latency of the network in milliseconds, uniformly distributed
    #[arg(long, value_name = "MILLIS")]
    pub(crate) latency: Option<u64>,
    /// The kinds of faults that may strike, or none: partition, link, crash, pause, slow, disk,
    /// clock
    #[arg(long, value_delimiter = ',', value_parser = fault_kind, value_name = "KINDS")]
    pub(crate) faults: Option<Vec<Option<FaultKind>>>,
    /// What transactions must satisfy, instead of what the node promises: read-committed, ...
    #[arg(long, value_delimiter = ',', value_parser = model, value_name = "MODELS")]
    pub(crate) consistency_models: Vec<Model>,
    /// How many threads; the verdict does not depend on it
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// How many runs shrinking may take
    #[arg(long, default_value_t = 5_000, value_name = "RUNS")]
    pub(crate) shrink: u32,
}

impl Worlds {
    /// The campaign that was asked for.
    pub(crate) fn plan(&self) -> splitbrain_lab::Plan {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut config = Config::standard();
        if let Some(nodes) = self.nodes {
            config.clients = nodes.saturating_mul(config.clients / config.nodes);
            config.nodes = nodes;
        }
        config.clients = self.clients.unwrap_or(config.clients);
        config.operations = self.operations.unwrap_or(config.operations);
        if let Some(seconds) = self.time_limit {
            config.duration = Duration::from_secs(seconds);
        }
        config.consistency_models = names(&self.consistency_models);
        if let Some(millis) = self.latency {
            let mean = millis.saturating_mul(1_000_000);
            config.links.latency =
                Latency::Uniform { low: mean / 10, high: (mean * 2).saturating_sub(mean / 10) };
        }
        if let Some(kinds) = &self.faults {
            config.faults = kinds.iter().flatten().copied().collect();
            if config.faults.is_empty() {
                config = config.calm();
            }
        }
        splitbrain_lab::Plan {
            seeds: self.seed.map_or(self.seeds.clone(), |seed| seed..seed.saturating_add(1)),
            config,
            variety: if self.swarm { Variety::Swarm } else { Variety::Temper },
            threads: self.threads.unwrap_or(cores),
            shrink_budget: self.shrink,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// Which run: its number, its folder, a recipe file, or latest
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// Shrink it first
    #[arg(long)]
    pub(crate) shrink: bool,
    /// The recipe as it was found, before it was shrunk
    #[arg(long)]
    pub(crate) found: bool,
    /// How many events to show
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub(crate) events: usize,
    /// The verdict as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let bad = || "takes FIRST..END, such as 0..10000".to_string();
    let (first, end) = text.split_once("..").ok_or_else(bad)?;
    let (first, end) = (first.parse().map_err(|_| bad())?, end.parse().map_err(|_| bad())?);
    if first < end { Ok(first..end) } else { Err(bad()) }
}

/// The consistency model of this name.
pub(crate) fn model(name: &str) -> Result<Model, String> {
    let names = Model::ALL.iter().map(|model| model.name());
    name.parse().map_err(|all| match crate::nearest::nearest(name, names) {
        Some(near) => format!("did you mean {near:?}?"),
        None => all,
    })
}

/// The names of these models.
pub(crate) fn names(models: &[Model]) -> Vec<String> {
    models.iter().map(|model| model.name().into()).collect()
}

fn fault_kind(name: &str) -> Result<Option<FaultKind>, String> {
    if name == "none" {
        return Ok(None);
    }
    let names = FaultKind::ALL.map(FaultKind::name);
    FaultKind::ALL.into_iter().find(|kind| kind.name() == name).map(Some).ok_or_else(|| {
        match crate::nearest::nearest(name, names) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("one of {}, none", names.join(", ")),
        }
    })
}
