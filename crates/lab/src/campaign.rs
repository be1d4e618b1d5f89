//! A campaign: the same program in many worlds, until one of them breaks it.
//!
//! PROBLEM     Two threads must give the verdict that one gives, and the same every time.
//! IDEA        Worlds are numbered by their seeds. Threads take them in small lots; the first
//!             failure in the order of seeds is the verdict, whoever found which first.
//! RULES       Figures are those of the worlds up to the first failure. The first world is run
//!             twice, event for event: a program that does not repeat itself cannot be judged.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use splitbrain_core::{Finding, Trace, Validity, Verdict};
use splitbrain_sim::{
    Config, Detail, Metrics, Recipe, RecipeError, Run, Shrunk, Subject, Variety, run, shrink,
};

/// What to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The worlds: one for each seed.
    pub seeds: Range<u64>,
    /// Their settings.
    pub config: Config,
    /// How they differ from one another.
    pub variety: Variety,
    /// How many threads; the result does not depend on it.
    pub threads: usize,
    /// How many runs shrinking may take; 0 to leave the failure as it is.
    pub shrink_budget: u32,
}

impl Plan {
    /// 200 worlds of every temper, on as many threads as given.
    pub fn standard(threads: usize) -> Self {
        Self {
            seeds: 0..200,
            config: Config::standard(),
            variety: Variety::Temper,
            threads,
            shrink_budget: 5_000,
        }
    }

    /// The recipe of one of the worlds.
    pub fn recipe(&self, subject: &dyn Subject, seed: u64) -> Recipe {
        let config = self.variety.settings(self.config.clone(), seed);
        Recipe::draw(subject.name(), subject.workload(), config, seed)
    }
}

/// How far a campaign is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Worlds done.
    pub done: u64,
    /// Worlds in all.
    pub worlds: u64,
    /// Since the campaign began.
    pub elapsed: Duration,
    /// Whether a failure is being shrunk.
    pub shrinking: bool,
}

/// How a campaign is watched and stopped from outside.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Called now and then, from any thread.
    pub progress: &'a (dyn Fn(Progress) + Sync),
    /// Set it, and the campaign ends with what it has.
    pub stop: &'a AtomicBool,
}

/// What came of a campaign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The program.
    pub program: String,
    /// Its workload.
    pub workload: String,
    /// How many worlds were run to their end.
    pub worlds: u64,
    /// How many worlds were asked for.
    pub wanted: u64,
    /// How many of them had nothing that could be judged, and why the first had not.
    pub undecided: (u64, Option<String>),
    /// What the worlds up to the first failure cost, together.
    pub metrics: Metrics,
    /// Equal for equal campaigns.
    pub digest: u64,
    /// The first world that failed.
    pub failure: Option<Failure>,
    /// How long it took.
    pub elapsed: Duration,
}

/// A world in which the program failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What is wrong in the smallest run.
    pub finding: Finding,
    /// The recipe as it was drawn.
    pub recipe: Recipe,
    /// Its run, with trace and history.
    pub run: Run,
    /// The smallest recipe that still has the finding; `None` if it was not shrunk.
    pub shrunk: Option<Shrunk>,
}

impl Report {
    /// Invalid if a world failed; unknown if none could be judged, or the campaign was stopped
    /// before the first was done; else valid.
    pub const fn validity(&self) -> Validity {
        if self.failure.is_some() {
            Validity::Invalid
        } else if self.worlds == 0 || self.undecided.0 == self.worlds {
            Validity::Unknown
        } else {
            Validity::Valid
        }
    }
}

/// Worlds are handed to threads in lots of so many.
const LOT: u64 = 8;

/// The result of a lot: everything up to its first failure.
#[derive(Default)]
struct Lot {
    worlds: u64,
    undecided: u64,
    why_undecided: Option<String>,
    metrics: Metrics,
    digests: Vec<u64>,
    failed: Option<u64>,
}

/// Runs the campaign.
///
/// # Errors
/// When the program cannot run such worlds.
#[expect(clippy::disallowed_methods, reason = "how long it took is told, and decides nothing")]
pub fn campaign(
    subject: &dyn Subject,
    plan: &Plan,
    control: Control<'_>,
) -> Result<Report, RecipeError> {
    let begun = Instant::now();
    let lots = run_lots(subject, plan, control, begun)?;
    let mut total = Lot::default();
    let mut digest = splitbrain_core::Fingerprint::default();
    for lot in lots.into_values() {
        total.worlds += lot.worlds;
        total.undecided += lot.undecided;
        total.why_undecided = total.why_undecided.or(lot.why_undecided);
        total.metrics.add(&lot.metrics);
        lot.digests.iter().for_each(|world| digest.word(*world));
        if lot.failed.is_some() {
            total.failed = lot.failed;
            break;
        }
    }
    let twice = repeats_itself(subject, &plan.recipe(subject, plan.seeds.start))?;
    let failure = match (twice, total.failed) {
        (Some(failure), _) => Some(failure),
        (None, Some(seed)) => Some(fail(subject, plan, seed, control, begun)?),
        (None, None) => None,
    };
    Ok(Report {
        program: subject.name().into(),
        workload: subject.workload().into(),
        worlds: total.worlds,
        wanted: plan.seeds.end.saturating_sub(plan.seeds.start),
        undecided: (total.undecided, total.why_undecided),
        metrics: total.metrics,
        digest: std::hash::Hasher::finish(&digest),
        failure,
        elapsed: begun.elapsed(),
    })
}

fn run_lots(
    subject: &dyn Subject,
    plan: &Plan,
    control: Control<'_>,
    begun: Instant,
) -> Result<BTreeMap<u64, Lot>, RecipeError> {
    let lots: Mutex<BTreeMap<u64, Lot>> = Mutex::default();
    let error: Mutex<Option<RecipeError>> = Mutex::default();
    let next = AtomicU64::new(plan.seeds.start);
    let first_failure = AtomicU64::new(u64::MAX);
    let done = AtomicU64::new(0);
    let worlds = plan.seeds.end.saturating_sub(plan.seeds.start);
    let work = || {
        while !control.stop.load(Ordering::Relaxed) {
            let start = next.fetch_add(LOT, Ordering::Relaxed);
            // Worlds behind a failure do not matter any more.
            if start >= plan.seeds.end || start > first_failure.load(Ordering::Relaxed) {
                return;
            }
            let seeds = start..plan.seeds.end.min(start + LOT);
            match run_lot(subject, plan, seeds) {
                Ok(lot) => {
                    if let Some(seed) = lot.failed {
                        first_failure.fetch_min(seed, Ordering::Relaxed);
                    }
                    let done = done.fetch_add(lot.worlds, Ordering::Relaxed) + lot.worlds;
                    (control.progress)(Progress {
                        done,
                        worlds,
                        elapsed: begun.elapsed(),
                        shrinking: false,
                    });
                    lock(&lots).insert(start, lot);
                }
                Err(why) => {
                    *lock(&error) = Some(why);
                    return;
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..plan.threads.max(1) {
            scope.spawn(work);
        }
        work();
    });
    match lock(&error).take() {
        Some(why) => Err(why),
        None => Ok(std::mem::take(&mut *lock(&lots))),
    }
}

/// A thread that panicked left nothing half done here: each lot is inserted whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn run_lot(subject: &dyn Subject, plan: &Plan, seeds: Range<u64>) -> Result<Lot, RecipeError> {
    let mut lot = Lot::default();
    for seed in seeds {
        let run = run(subject, &plan.recipe(subject, seed), Detail::Verdict)?;
        lot.worlds += 1;
        lot.metrics.add(&run.metrics);
        lot.digests.push(run.digest);
        match run.verdict.validity() {
            Validity::Valid => {}
            Validity::Unknown => {
                lot.undecided += 1;
                lot.why_undecided =
                    lot.why_undecided.or_else(|| run.verdict.undecided.into_iter().next());
            }
            Validity::Invalid => {
                lot.failed = Some(seed);
                break;
            }
        }
    }
    Ok(lot)
}

/// Runs a recipe twice; what comes out must be the same. If it is not, says where it first differs.
fn repeats_itself(subject: &dyn Subject, recipe: &Recipe) -> Result<Option<Failure>, RecipeError> {
    let (one, other) = (run(subject, recipe, Detail::Full)?, run(subject, recipe, Detail::Full)?);
    if one.digest == other.digest && one.trace == other.trace {
        return Ok(None);
    }
    let sentence = match (&one.trace, &other.trace) {
        (Some(one), Some(other)) => first_difference(one, other),
        _ => "two runs of the same recipe differ".into(),
    };
    let finding = Finding::new("NODE-NONDET", sentence);
    let mut run = one;
    run.verdict.findings.insert(0, finding.clone());
    Ok(Some(Failure { seed: recipe.seed, finding, recipe: recipe.clone(), run, shrunk: None }))
}

fn first_difference(one: &Trace, other: &Trace) -> String {
    let same = |(one, other): &(_, _)| one == other;
    let at = one.events.iter().zip(&other.events).take_while(same).count();
    let show = |trace: &Trace| {
        trace.events.get(at).map_or_else(
            || "nothing more".into(),
            |event| format!("{} at {}: {:?}", trace.lane(event.lane), event.at, event.kind),
        )
    };
    if at == one.events.len() && at == other.events.len() {
        return "two runs of the same recipe have the same events, but say different things".into();
    }
    format!(
        "two runs of the same recipe differ at event {at}: first {}, then {}",
        show(one),
        show(other)
    )
}

/// Looks at a failing world more closely: its full run, and the smallest recipe that still fails.
fn fail(
    subject: &dyn Subject,
    plan: &Plan,
    seed: u64,
    control: Control<'_>,
    begun: Instant,
) -> Result<Failure, RecipeError> {
    let worlds = plan.seeds.end.saturating_sub(plan.seeds.start);
    let elapsed = begun.elapsed();
    (control.progress)(Progress {
        done: seed - plan.seeds.start,
        worlds,
        elapsed,
        shrinking: true,
    });
    let recipe = plan.recipe(subject, seed);
    examine(subject, recipe, plan.shrink_budget)
}

/// Runs a recipe that fails in full, and shrinks it with at most `budget` runs.
///
/// # Errors
/// When the recipe cannot be run.
pub fn examine(subject: &dyn Subject, recipe: Recipe, budget: u32) -> Result<Failure, RecipeError> {
    let run = run(subject, &recipe, Detail::Full)?;
    let mut finding = worst(&run.verdict);
    let mut shrunk = (budget > 0).then(|| shrink(subject, &recipe, &finding.id, budget)).flatten();
    if let Some(shrunk) = &mut shrunk {
        shrunk.recipe = shrunk.recipe.spelled_out(subject)?;
        finding = shrunk.finding.clone();
    }
    Ok(Failure { seed: recipe.seed, finding, recipe, run, shrunk })
}

/// The finding to tell about. A run that failed once and does not fail again has told its own.
fn worst(verdict: &Verdict) -> Finding {
    verdict.findings.first().cloned().unwrap_or_else(|| {
        Finding::new("NODE-NONDET", "this world failed once, and did not when it was run again")
    })
}
