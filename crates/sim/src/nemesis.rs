//! The nemesis: draws what goes wrong, and when.
//!
//! PROBLEM     Faults that come too thick stop everything, and nothing is learnt; faults that are
//!             over at once are never noticed; and one kind of fault can hide what another would
//!             show.
//! IDEA        Faults begin at random times, each lasts at least long enough for timeouts to
//!             notice, and all end before the run does: then the cluster must make progress.
//! RULES       Never more than a minority is down or rotten at once: no protocol promises more. The
//!             majority may be cut off, paused or slow. Power failures, if asked for, are the
//!             exception: for a moment all are down, and nothing that was synced is lost.
//! CAVEATS     It aims at random. A bug that needs three messages and a crash in one order wants a
//!             scenario or the explorer.

use std::time::Duration;

use splitbrain_core::{
    ClockFault, Cut, CutMode, DiskFault, DiskLoss, Fault, FaultKind, Injection, Key, LinkFault,
    Moment, NodeId, Ratio, Rng, Target, Time, ms,
};

use crate::{Config, Planned};

/// A fault lasts at least this long: long enough for usual timeouts to notice.
const LASTS_MIN: Duration = ms(200);

/// Draws a schedule of faults: times, kinds, targets. All are over before `config.duration` is.
pub fn schedule(config: &Config, operations: &[Planned], key: Key) -> Vec<Injection> {
    let mut injections = one_by_one(config, key);
    if config.power_failures {
        let mut rng = key.derive(u64::MAX).rng();
        for _ in 0..=rng.below(2) {
            injections.extend(power_failure(config, operations, &mut rng));
        }
    }
    injections
}

/// All nodes crash, at once or each at its worst moment, and lose what they had not synced. It
/// strikes while an operation is under way.
fn power_failure(
    config: &Config,
    operations: &[Planned],
    rng: &mut Rng,
) -> impl Iterator<Item = Injection> + use<> {
    let asked: Vec<Time> = operations.iter().filter(|op| !op.last).map(|op| op.at).collect();
    let aim = if asked.is_empty() { Time::ZERO } else { *rng.pick(&asked) };
    let latest = Time::ZERO + config.duration.saturating_sub(LASTS_MIN);
    let at = (aim + Duration::from_micros(rng.below(50_000))).min(latest);
    let moment = if rng.below(2) == 0 { Moment::Now } else { Moment::Unsynced };
    NodeId::all(config.nodes).map(move |node| Injection {
        at,
        lasts: LASTS_MIN,
        fault: Fault::Crash { target: Target::Node(node), moment, disk: DiskLoss::LoseAll },
    })
}

fn one_by_one(config: &Config, key: Key) -> Vec<Injection> {
    let mut injections: Vec<Injection> = Vec::new();
    let kinds: Vec<FaultKind> = config
        .faults
        .iter()
        .copied()
        .filter(|kind| config.nodes > 1 || !matches!(kind, FaultKind::Partition | FaultKind::Link))
        .collect();
    let interval = nanos(config.fault_interval).max(1_000_000);
    let end = nanos(config.duration);
    if kinds.is_empty() {
        return injections;
    }
    let mut at = 0;
    for number in 0.. {
        // Each fault has a stream of its own.
        let mut rng = key.derive(number).rng();
        at += rng.between(interval / 5, interval * 9 / 5);
        let longest = end.saturating_sub(at);
        if longest < nanos(LASTS_MIN) {
            break;
        }
        // Mostly short, now and then for most of the run.
        let long = rng.below(4) == 0;
        let usual = nanos(LASTS_MIN) + rng.below(if long { interval * 4 } else { interval });
        let kind = *rng.pick(&kinds);
        let begins = Time::from_nanos(at);
        let lasts = Duration::from_nanos(usual.min(longest));
        if let Some(fault) = draw(kind, config, &injections, begins, lasts, &mut rng) {
            injections.push(Injection { at: begins, lasts, fault });
        }
    }
    injections
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Draws one fault, or none where one more would leave no majority standing.
fn draw(
    kind: FaultKind,
    config: &Config,
    before: &[Injection],
    at: Time,
    lasts: Duration,
    rng: &mut Rng,
) -> Option<Fault> {
    let any = NodeId(u16::try_from(rng.below(u64::from(config.nodes))).unwrap_or(0));
    let target = Target::Node(any);
    let fault = match kind {
        FaultKind::Partition => Fault::Partition {
            cut: cut(config.nodes, any, rng),
            mode: if rng.below(4) == 0 { CutMode::Hold } else { CutMode::Drop },
        },
        FaultKind::Link => link(any, rng),
        FaultKind::Crash => crash(target, rng),
        FaultKind::Pause => Fault::Pause { target },
        FaultKind::Slow => {
            Fault::Slow { target, handler: Duration::from_micros(rng.between(500, 20_000)) }
        }
        FaultKind::Disk => Fault::Disk {
            target,
            fault: match rng.below(4) {
                0 => DiskFault::Full,
                1 => DiskFault::SyncError,
                2 => DiskFault::SlowSync(u32::try_from(rng.between(5, 100)).unwrap_or(5)),
                _ => DiskFault::Rot(rng.next_u64()),
            },
        },
        FaultKind::Clock => Fault::Clock {
            target,
            fault: match rng.below(3) {
                0 => ClockFault::Offset(signed(rng.between(1, 10_000) * 1_000_000, rng)),
                1 => ClockFault::Drift(
                    i32::try_from(signed(rng.between(1_000, 200_000), rng)).unwrap_or(0),
                ),
                _ => ClockFault::Jump(signed(rng.between(1, 10_000) * 1_000_000, rng)),
            },
        },
    };
    leaves_majority(&fault, config, before, at, lasts).then_some(fault)
}

fn crash(target: Target, rng: &mut Rng) -> Fault {
    let moment = match rng.below(6) {
        0..=2 => Moment::Now,
        3 | 4 => Moment::AfterEffects(*rng.pick(&[0, 1, 1, 2, 2, 3, 3, 4, 4, 5])),
        _ => Moment::Unsynced,
    };
    let disk = match rng.below(6) {
        0 => DiskLoss::KeepAll,
        1 | 2 => DiskLoss::LoseAll,
        3 | 4 => DiskLoss::KeepPrefix(u32::try_from(rng.below(4)).unwrap_or(0)),
        _ => DiskLoss::Torn(u32::try_from(rng.below(3)).unwrap_or(0)),
    };
    Fault::Crash { target, moment, disk }
}

/// Whether a majority is up while `fault` lasts.
fn leaves_majority(
    fault: &Fault,
    config: &Config,
    before: &[Injection],
    at: Time,
    lasts: Duration,
) -> bool {
    let Some(stopped) = stops(fault) else { return true };
    let overlapping = before.iter().filter(|other| overlap(other, at, lasts));
    let mut down: Vec<NodeId> =
        overlapping.filter_map(|other| stops(&other.fault)).chain([stopped]).collect();
    down.sort_unstable();
    down.dedup();
    down.len() * 2 < usize::from(config.nodes) || config.nodes == 1
}

fn signed(value: u64, rng: &mut Rng) -> i64 {
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    if rng.below(2) == 0 { value } else { -value }
}

/// The node that a fault stops or whose durable data it harms.
fn stops(fault: &Fault) -> Option<NodeId> {
    match fault {
        Fault::Crash { target: Target::Node(node), .. }
        | Fault::Disk {
            target: Target::Node(node),
            fault: DiskFault::Full | DiskFault::SyncError | DiskFault::Rot(_),
        } => Some(*node),
        _ => None,
    }
}

/// Whether a fault is still on, or its harm not yet mended, when another begins. Rot is never
/// mended by itself, so it counts for ever.
fn overlap(fault: &Injection, at: Time, lasts: Duration) -> bool {
    let rotten = matches!(fault.fault, Fault::Disk { fault: DiskFault::Rot(_), .. });
    rotten || (fault.at <= at + lasts && at <= fault.ends())
}

fn link(any: NodeId, rng: &mut Rng) -> Fault {
    let fault = match rng.below(3) {
        0 => LinkFault::Loss(*rng.pick(&[Ratio(1, 10), Ratio(3, 10), Ratio(6, 10)])),
        1 => LinkFault::Duplicate(*rng.pick(&[Ratio(1, 5), Ratio(1, 2)])),
        _ => LinkFault::Delay(u32::try_from(rng.between(2, 50)).unwrap_or(2)),
    };
    let (from, to) = match rng.below(3) {
        0 => (vec![any], Vec::new()),
        1 => (Vec::new(), vec![any]),
        _ => (Vec::new(), Vec::new()),
    };
    Fault::Link { from, to, fault }
}

/// Every shape of partition, each as likely.
fn cut(nodes: u16, any: NodeId, rng: &mut Rng) -> Cut {
    let mut order: Vec<NodeId> = NodeId::all(nodes).collect();
    rng.shuffle(&mut order);
    let (half, minority) = (order.len() / 2, (order.len() - 1) / 2);
    let split = |order: &[NodeId], at: usize| {
        let (mut left, mut right) = (order[..at].to_vec(), order[at..].to_vec());
        left.sort_unstable();
        right.sort_unstable();
        (left, right)
    };
    match rng.below(7) {
        0 => Cut::Isolate(Target::Node(any)),
        1 => {
            let (left, right) = split(&order, half);
            Cut::Groups(vec![left, right])
        }
        2 => {
            let (left, right) = split(&order, minority.max(1));
            Cut::Groups(vec![left, right])
        }
        3 => {
            let (from, to) = split(&order, half);
            Cut::OneWay { from, to }
        }
        4 => {
            let rest = NodeId::all(nodes).filter(|node| *node != any).collect();
            if rng.below(2) == 0 {
                Cut::OneWay { from: vec![any], to: rest }
            } else {
                Cut::OneWay { from: rest, to: vec![any] }
            }
        }
        5 if nodes >= 3 => {
            let bridge = order.remove(0);
            let (left, right) = split(&order, order.len() / 2);
            Cut::Bridge { left, bridge, right }
        }
        6 if nodes >= 5 => Cut::MajoritiesRing { order },
        _ => Cut::Groups(NodeId::all(nodes).map(|node| vec![node]).collect()),
    }
}

/// What is wrong with a schedule from a file, if anything is.
pub(crate) fn check(faults: &[Injection], nodes: u16) -> Result<(), String> {
    let known = |node: &NodeId| node.0 < nodes;
    for (at, injection) in faults.iter().enumerate() {
        let (targets, lists): (Option<&Target>, Vec<&Vec<NodeId>>) = match &injection.fault {
            Fault::Partition { cut, .. } => match cut {
                Cut::Isolate(target) => (Some(target), vec![]),
                Cut::Groups(groups) => (None, groups.iter().collect()),
                Cut::OneWay { from, to } => (None, vec![from, to]),
                Cut::Bridge { left, right, .. } => (None, vec![left, right]),
                Cut::MajoritiesRing { order } => (None, vec![order]),
            },
            Fault::Link { from, to, .. } => (None, vec![from, to]),
            Fault::Crash { target, .. }
            | Fault::Pause { target }
            | Fault::Slow { target, .. }
            | Fault::Disk { target, .. }
            | Fault::Clock { target, .. } => (Some(target), vec![]),
        };
        let target = match targets {
            Some(Target::Node(node)) => Some(node),
            _ => None,
        };
        if let Some(node) = lists.into_iter().flatten().chain(target).find(|node| !known(node)) {
            return Err(format!("fault {at} strikes {node}, but there are only {nodes} nodes"));
        }
        if let Fault::Link { fault: LinkFault::Loss(ratio) | LinkFault::Duplicate(ratio), .. } =
            &injection.fault
            && ratio.1 == 0
        {
            return Err(format!("fault {at} has a probability with a zero denominator"));
        }
        if let Fault::Clock { fault: ClockFault::Drift(ppm), .. } = &injection.fault
            && ppm.unsigned_abs() > 500_000
        {
            return Err(format!("fault {at} drifts {ppm} ppm, and must be within 500000"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recipe;
    use std::collections::BTreeSet;

    fn schedules() -> impl Iterator<Item = (Config, Vec<Injection>)> {
        (0..300).map(|seed| {
            let config = Config { faults: FaultKind::ALL.into(), ..Config::standard() };
            let drawn = Recipe::draw("x", "echo", config.clone(), seed).faults;
            (config, drawn)
        })
    }

    #[test]
    fn every_fault_lasts_long_enough_and_is_over_in_time() {
        for (config, faults) in schedules() {
            assert!(!faults.is_empty());
            for fault in faults {
                assert!(fault.lasts >= LASTS_MIN, "{fault:?}");
                assert!(fault.ends() <= Time::ZERO + config.duration, "{fault:?}");
            }
        }
    }

    #[test]
    fn a_majority_is_always_up() {
        for (config, faults) in schedules() {
            for one in &faults {
                let down: BTreeSet<_> = faults
                    .iter()
                    .filter(|other| overlap(other, one.at, Duration::ZERO))
                    .filter(|other| other.at <= one.at)
                    .filter_map(|other| stops(&other.fault))
                    .collect();
                assert!(down.len() * 2 < usize::from(config.nodes), "{down:?} at {}", one.at);
            }
        }
    }

    #[test]
    fn a_power_failure_takes_everyone_down_at_once() {
        let mut moments = BTreeSet::new();
        for seed in 0..50 {
            let config =
                Config { faults: BTreeSet::new(), power_failures: true, ..Config::standard() };
            let faults = Recipe::draw("x", "echo", config, seed).faults;
            assert!(faults.len() == 5 || faults.len() == 10, "one failure or two: {faults:?}");
            for failure in faults.chunks(5) {
                let struck: BTreeSet<_> =
                    failure.iter().filter_map(|it| stops(&it.fault)).collect();
                assert_eq!(struck, NodeId::all(5).collect());
                assert!(failure.iter().all(|it| it.at == failure[0].at), "{failure:?}");
                let Fault::Crash { moment, .. } = failure[0].fault else { panic!("{failure:?}") };
                moments.insert(format!("{moment:?}"));
            }
        }
        assert_eq!(moments.len(), 2, "now, or at the worst moment");
    }

    #[test]
    fn every_kind_and_every_shape_comes_up() {
        let all: Vec<Injection> = schedules().flat_map(|(_, faults)| faults).collect();
        let kinds: BTreeSet<_> = all.iter().map(|injection| injection.fault.kind()).collect();
        assert_eq!(kinds, FaultKind::ALL.into());
        let shape = |injection: &Injection| match &injection.fault {
            Fault::Partition { cut, .. } => match cut {
                Cut::Isolate(_) => Some(0),
                Cut::Groups(_) => Some(1),
                Cut::OneWay { .. } => Some(2),
                Cut::Bridge { .. } => Some(3),
                Cut::MajoritiesRing { .. } => Some(4),
            },
            _ => None,
        };
        assert_eq!(all.iter().filter_map(shape).collect::<BTreeSet<_>>().len(), 5);
    }
}
