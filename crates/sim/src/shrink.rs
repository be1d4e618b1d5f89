//! Shrinking: the smallest recipe that still fails in the same way.
//!
//! PROBLEM     A failure among a hundred operations, nine faults and five nodes tells nobody why.
//! IDEA        Cut something out of the recipe and run it again; if the same finding is still
//!             there, it was not needed. Large pieces first, then smaller ones (Zeller and
//!             Hildebrandt 2002).
//!             A race is lost with the first cut, for all that follows comes at other moments. So
//!             what is minimal and still large is drawn anew: few of its operations and faults, in
//!             their order, at other times and with other luck, until one of them fails as well.
//! RULES       The result is minimal: no operation, fault or node can be taken away from it without
//!             the finding going away. Faults are made shorter and simpler, and the run too. What
//!             the program was promised stays: the time to settle, and how long clients wait.
//! CAVEATS     Minimal is not smallest: another order of cuts may end at a smaller recipe.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use splitbrain_core::{
    Cut, DiskLoss, Fault, Finding, Injection, Key, Moment, NodeId, Ratio, Rng, Target, Time, ms,
};

use crate::recipe::stream;
use crate::{Detail, Recipe, Run, Subject, run};

/// What shrinking came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shrunk {
    /// The smallest recipe found.
    pub recipe: Recipe,
    /// Its run, with trace and history.
    pub run: Run,
    /// What is still wrong with it.
    pub finding: Finding,
    /// How many runs it took.
    pub runs: u32,
    /// Whether it is minimal: false if the budget ran out first.
    pub minimal: bool,
}

/// Whether two ids of findings are names for one thing. That no order of the operations explains
/// their answers has a name for each way in which it shows; fewer operations show it in another.
pub fn alike(one: &str, other: &str) -> bool {
    one == other || (one.starts_with("LIN-") && other.starts_with("LIN-"))
}

/// Cuts down `recipe`, whose run has a finding `id`, while it still has that finding or one
/// [`alike`]. Does at most `budget` runs.
///
/// Returns `None` if the recipe does not have the finding in the first place.
pub fn shrink(subject: &dyn Subject, recipe: &Recipe, id: &str, budget: u32) -> Option<Shrunk> {
    let rng = Key::new(recipe.seed).derive(stream::SHRINKING).rng();
    let mut shrinker = Shrinker { subject, id, best: recipe.clone(), runs: 0, budget, rng };
    if !shrinker.fails(recipe) {
        return None;
    }
    let mut minimal = shrinker.cut_to_minimal();
    while minimal && shrinker.draw_anew() {
        minimal = shrinker.cut_to_minimal();
    }
    let Shrinker { best, runs, .. } = shrinker;
    let run = run(subject, &best, Detail::Full).ok()?;
    let finding = run.verdict.findings.iter().find(|it| alike(&it.id, id)).cloned()?;
    Some(Shrunk { recipe: best, run, finding, runs, minimal })
}

struct Shrinker<'a> {
    subject: &'a dyn Subject,
    id: &'a str,
    best: Recipe,
    runs: u32,
    budget: u32,
    rng: Rng,
}

impl Shrinker<'_> {
    fn fails(&mut self, recipe: &Recipe) -> bool {
        if self.runs >= self.budget {
            return false;
        }
        self.runs += 1;
        run(self.subject, recipe, Detail::Verdict)
            .is_ok_and(|run| run.verdict.findings.iter().any(|it| alike(&it.id, self.id)))
    }

    /// Takes the change if the result still fails. Returns whether it does.
    fn attempt(&mut self, change: impl FnOnce(&mut Recipe)) -> bool {
        let mut smaller = self.best.clone();
        change(&mut smaller);
        let better = smaller != self.best && self.fails(&smaller);
        if better {
            self.best = smaller;
        }
        better
    }

    /// Cuts until nothing more can go; false if the budget ran out first.
    fn cut_to_minimal(&mut self) -> bool {
        loop {
            let before = self.best.clone();
            self.round();
            if self.runs >= self.budget {
                return false;
            }
            if self.best == before {
                return true;
            }
        }
    }

    /// Looks for a recipe of far fewer operations that fails as well; the fewest first. Returns
    /// whether there is one.
    fn draw_anew(&mut self) -> bool {
        let operations = self.best.operations.len();
        let sizes = [2, 3, 4, 6, 8, 12, operations / 2, operations * 2 / 3, operations * 5 / 6];
        for size in sizes.into_iter().filter(|size| (2..operations).contains(size)) {
            for _ in 0..DRAWS {
                let drawn = redrawn(&self.best, size, &mut self.rng);
                if self.fails(&drawn) {
                    self.best = drawn;
                    return true;
                }
            }
        }
        false
    }

    fn round(&mut self) {
        self.cut_list(|recipe| &mut recipe.operations);
        self.cut_list(|recipe| &mut recipe.faults);
        self.cut_nodes();
        self.calm_network();
        self.simplify_faults();
        self.cut_time();
    }

    /// Takes out runs of items, halving their length down to one.
    fn cut_list<T>(&mut self, list: impl Fn(&mut Recipe) -> &mut Vec<T>) {
        let mut length = list(&mut self.best).len();
        while length > 0 {
            let mut end = list(&mut self.best).len();
            while end > 0 {
                let start = end.saturating_sub(length);
                self.attempt(|recipe| {
                    list(recipe).drain(start..end);
                });
                end = start;
            }
            length /= 2;
        }
    }

    /// Takes out nodes, highest first, with their operations; those behind them move up.
    fn cut_nodes(&mut self) {
        for node in (0..self.best.config.nodes).rev().map(NodeId) {
            if self.best.config.nodes > 1 {
                self.attempt(|recipe| without_node(recipe, node));
            }
        }
    }

    /// A quieter network: what is not needed is switched off.
    fn calm_network(&mut self) {
        self.attempt(|recipe| {
            let links = &mut recipe.config.links;
            (links.loss, links.duplicate, links.burst) = (Ratio::NEVER, Ratio::NEVER, None);
        });
        self.attempt(|recipe| recipe.config.links.loss = Ratio::NEVER);
        self.attempt(|recipe| recipe.config.links.duplicate = Ratio::NEVER);
        self.attempt(|recipe| recipe.config.links.burst = None);
        self.attempt(|recipe| recipe.config.links.bandwidth = None);
        self.attempt(|recipe| recipe.config.links.fifo = true);
        self.attempt(|recipe| {
            let links = &mut recipe.config.links;
            links.latency = crate::Latency::Constant(links.latency.floor().max(1_000_000));
        });
        self.attempt(|recipe| recipe.config.sync = crate::Latency::Constant(0));
        self.attempt(|recipe| {
            (recipe.config.clock_offset, recipe.config.clock_drift) = (Duration::ZERO, 0);
        });
    }

    /// Each fault as short and as plain as it can be.
    fn simplify_faults(&mut self) {
        for at in 0..self.best.faults.len() {
            self.attempt(|recipe| simplify(&mut recipe.faults[at].fault));
            let whole = self.best.faults[at].lasts;
            for lasts in [ms(50), ms(200), ms(500), ms(1_000), ms(2_000), ms(4_000)] {
                if lasts >= whole || self.attempt(|recipe| recipe.faults[at].lasts = lasts) {
                    break;
                }
            }
        }
    }

    /// Less time before the first thing happens, between things, and after the last.
    fn cut_time(&mut self) {
        // The run ends soon after the last thing that still happens in it.
        let end = |recipe: &Recipe| {
            let asked = recipe.operations.iter().filter(|plan| !plan.last).map(|plan| plan.at);
            let healed = recipe.faults.iter().map(Injection::ends);
            asked.chain(healed).max().unwrap_or(Time::ZERO)
        };
        for slack in [ms(0), ms(100), ms(1_000)] {
            let ends = end(&self.best) + slack;
            if ends.since(Time::ZERO) >= self.best.config.duration
                || self.attempt(|recipe| set_duration(recipe, ends.since(Time::ZERO)))
            {
                break;
            }
        }
        for (from, gap) in gaps(&self.best) {
            for keep in [ms(10), ms(100), ms(500)] {
                if gap > keep * 2 && self.attempt(|recipe| close_gap(recipe, from, gap - keep)) {
                    break;
                }
            }
        }
    }
}

/// How often each size is tried when a recipe is drawn anew.
const DRAWS: u32 = 200;

/// A recipe with `size` of the operations and some of the faults of `recipe`, in the same order, at
/// other times and with other luck.
fn redrawn(recipe: &Recipe, size: usize, rng: &mut Rng) -> Recipe {
    let mut drawn = recipe.clone();
    drawn.luck = 1 + rng.below(1_000_000);
    let mut places: Vec<usize> = (0..recipe.operations.len()).collect();
    if rng.below(2) == 0 {
        rng.shuffle(&mut places);
    } else {
        let from = usize::try_from(rng.below(places.len() as u64)).unwrap_or(0);
        places.rotate_left(from);
    }
    places.truncate(size);
    places.sort_unstable();
    drawn.operations = places.iter().map(|at| recipe.operations[*at].clone()).collect();
    if rng.below(2) == 0 {
        // Those of one moment belong together: a power failure.
        let moments: BTreeSet<Time> = recipe.faults.iter().map(|fault| fault.at).collect();
        let kept: BTreeSet<Time> = moments.into_iter().filter(|_| rng.below(2) == 0).collect();
        drawn.faults.retain(|fault| kept.contains(&fault.at));
    }
    if rng.below(2) == 0 {
        retime(&mut drawn, rng);
    }
    drawn
}

/// Puts operations and faults at other times: some close together, some far apart.
fn retime(recipe: &mut Recipe, rng: &mut Rng) {
    let mut times: BTreeSet<Time> = BTreeSet::new();
    times.extend(recipe.operations.iter().filter(|plan| !plan.last).map(|plan| plan.at));
    times.extend(recipe.faults.iter().map(|fault| fault.at));
    let mut now = Time::ZERO + ms(10);
    let mut moved = BTreeMap::new();
    for time in times {
        moved.insert(time, now);
        let gap = *rng.pick(&[0, 5, 50, 500]);
        now += Duration::from_micros(rng.between(0, gap * 1_000));
    }
    for plan in recipe.operations.iter_mut().filter(|plan| !plan.last) {
        plan.at = moved[&plan.at];
    }
    for fault in &mut recipe.faults {
        fault.at = moved[&fault.at];
    }
    let healed = recipe.faults.iter().map(Injection::ends).max();
    let ends = healed.map_or(now, |healed| healed.max(now));
    set_duration(recipe, ends.since(Time::ZERO));
}

/// Sets how long the run is, and moves the last operations to its new end.
fn set_duration(recipe: &mut Recipe, duration: Duration) {
    recipe.config.duration = duration;
    let last_at = recipe.last_at();
    for plan in recipe.operations.iter_mut().filter(|plan| plan.last) {
        plan.at = last_at;
    }
}

/// The stretches in which no operation is asked and no fault begins or ends, longest first.
fn gaps(recipe: &Recipe) -> Vec<(Time, Duration)> {
    let mut times: BTreeSet<Time> = BTreeSet::from([Time::ZERO]);
    times.extend(recipe.operations.iter().filter(|plan| !plan.last).map(|plan| plan.at));
    times.extend(recipe.faults.iter().flat_map(|fault| [fault.at, fault.ends()]));
    let times: Vec<Time> = times.into_iter().collect();
    let mut gaps: Vec<(Time, Duration)> =
        times.windows(2).map(|pair| (pair[0], pair[1].since(pair[0]))).collect();
    gaps.sort_by_key(|(at, gap)| (std::cmp::Reverse(*gap), *at));
    gaps.truncate(12);
    gaps
}

/// Everything after `from` happens `less` sooner.
fn close_gap(recipe: &mut Recipe, from: Time, less: Duration) {
    let sooner = |at: Time| Time::ZERO + at.since(Time::ZERO).saturating_sub(less);
    for plan in recipe.operations.iter_mut().filter(|plan| !plan.last && plan.at > from) {
        plan.at = sooner(plan.at);
    }
    for fault in &mut recipe.faults {
        if fault.at > from {
            fault.at = sooner(fault.at);
        } else if fault.ends() > from {
            fault.lasts = fault.lasts.saturating_sub(less);
        }
    }
    let duration = recipe.config.duration.saturating_sub(less);
    set_duration(recipe, duration);
}

/// The plainest fault that might do the same.
fn simplify(fault: &mut Fault) {
    match fault {
        Fault::Crash { moment, disk, .. } => {
            *disk = match *disk {
                DiskLoss::KeepAll => DiskLoss::KeepAll,
                _ => DiskLoss::LoseAll,
            };
            *moment = Moment::Now;
        }
        Fault::Partition { mode, .. } => *mode = splitbrain_core::CutMode::Drop,
        _ => {}
    }
}

/// The recipe for a cluster without `gone`.
fn without_node(recipe: &mut Recipe, gone: NodeId) {
    let moved = |node: NodeId| if node > gone { NodeId(node.0 - 1) } else { node };
    let shorten = |nodes: &mut Vec<NodeId>| {
        nodes.retain(|node| *node != gone);
        for node in nodes {
            *node = moved(*node);
        }
    };
    recipe.config.nodes -= 1;
    if let Some(base) = &mut recipe.config.links.base {
        base.remove(gone.index());
        for row in base {
            row.remove(gone.index());
        }
    }
    recipe.operations.retain(|plan| plan.node != gone);
    for plan in &mut recipe.operations {
        plan.node = moved(plan.node);
    }
    let is_gone = |target: &Target| *target == Target::Node(gone);
    recipe.faults.retain_mut(|injection| {
        let target = match &mut injection.fault {
            Fault::Partition { cut, .. } => match cut {
                Cut::Isolate(target) => Some(target),
                Cut::Groups(groups) => {
                    groups.iter_mut().for_each(shorten);
                    groups.retain(|group| !group.is_empty());
                    return groups.len() > 1;
                }
                Cut::OneWay { from, to } => {
                    shorten(from);
                    shorten(to);
                    return !from.is_empty() && !to.is_empty();
                }
                Cut::Bridge { left, bridge, right } => {
                    shorten(left);
                    shorten(right);
                    *bridge = moved(*bridge);
                    return !left.is_empty() && !right.is_empty();
                }
                Cut::MajoritiesRing { order } => {
                    shorten(order);
                    return order.len() > 1;
                }
            },
            Fault::Link { from, to, .. } => {
                let (were_some, were_others) = (!from.is_empty(), !to.is_empty());
                shorten(from);
                shorten(to);
                return !(were_some && from.is_empty() || were_others && to.is_empty());
            }
            Fault::Crash { target, .. }
            | Fault::Pause { target }
            | Fault::Slow { target, .. }
            | Fault::Disk { target, .. }
            | Fault::Clock { target, .. } => Some(target),
        };
        let Some(target) = target else { return true };
        let keep = !is_gone(target);
        if let Target::Node(node) = target {
            *node = moved(*node);
        }
        keep
    });
}
