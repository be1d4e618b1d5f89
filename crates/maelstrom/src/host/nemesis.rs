//! When which faults strike real processes.
//!
//! IDEA        As in Maelstrom, each kind of fault begins and ends in turn, after random times
//!             whose mean is the nemesis interval. The schedule is drawn before the test, so that a
//!             seed names it.
//! RULES       Partitions are two-way and lose messages, as Maelstrom's. Several nodes may be
//!             paused or killed at once, but never a majority.

use std::time::Duration;

use splitbrain_core::{
    Cut, CutMode, DiskLoss, Fault, FaultKind, Injection, Key, Moment, NodeId, Rng, Target, Time,
};

use super::{HostError, TestOptions};

/// Draws the faults of a test, in the order in which they begin.
///
/// # Errors
/// When a kind of fault cannot be done to a process.
pub fn schedule(options: &TestOptions, key: Key) -> Result<Vec<Injection>, HostError> {
    let mut all = Vec::new();
    for kind in &options.nemesis {
        let mut rng = key.derive(*kind as u64).rng();
        let mut at = Time::ZERO + pause(options.nemesis_interval, &mut rng);
        let end = Time::ZERO + options.time_limit;
        while at < end {
            let lasts = pause(options.nemesis_interval, &mut rng).min(end - at);
            all.extend(
                strike(*kind, options.node_count, &mut rng)?.into_iter().map(|fault| Injection {
                    at,
                    lasts,
                    fault,
                }),
            );
            at = at + lasts + pause(options.nemesis_interval, &mut rng);
        }
    }
    all.sort_by_key(|injection| injection.at);
    Ok(all)
}

/// From almost nothing to twice the mean.
fn pause(mean: Duration, rng: &mut Rng) -> Duration {
    let nanos = u64::try_from(mean.as_nanos()).unwrap_or(u64::MAX / 2).min(u64::MAX / 2);
    Duration::from_nanos(rng.between(0, nanos * 2))
}

fn strike(kind: FaultKind, nodes: u16, rng: &mut Rng) -> Result<Vec<Fault>, HostError> {
    let target = |node: NodeId| Target::Node(node);
    Ok(match kind {
        FaultKind::Partition => cut(nodes, rng)
            .map(|cut| Fault::Partition { cut, mode: CutMode::Drop })
            .into_iter()
            .collect(),
        FaultKind::Crash => victims(nodes, rng)
            .map(|node| Fault::Crash {
                target: target(node),
                moment: Moment::Now,
                disk: DiskLoss::KeepAll,
            })
            .collect(),
        FaultKind::Pause => {
            victims(nodes, rng).map(|node| Fault::Pause { target: target(node) }).collect()
        }
        FaultKind::Link | FaultKind::Slow | FaultKind::Disk | FaultKind::Clock => {
            return Err(HostError::Unsupported(format!(
                "the fault {kind} cannot be done to a process in real time: partition, kill and \
                 pause can"
            )));
        }
    })
}

/// One node, or any minority.
fn victims(nodes: u16, rng: &mut Rng) -> impl Iterator<Item = NodeId> + use<> {
    let minority = usize::from(nodes.saturating_sub(1) / 2).max(1);
    let count = if rng.below(2) == 0 { 1 } else { minority };
    shuffled(nodes, rng).into_iter().take(count)
}

fn shuffled(nodes: u16, rng: &mut Rng) -> Vec<NodeId> {
    let mut order: Vec<NodeId> = NodeId::all(nodes).collect();
    rng.shuffle(&mut order);
    order
}

/// One node alone, a minority and a majority, or a ring of majorities.
fn cut(nodes: u16, rng: &mut Rng) -> Option<Cut> {
    if nodes < 2 {
        return None;
    }
    let mut order = shuffled(nodes, rng);
    Some(match rng.below(3) {
        0 => Cut::Isolate(Target::Node(order[0])),
        1 if nodes >= 4 => Cut::MajoritiesRing { order },
        _ => {
            let mut majority = order.split_off((usize::from(nodes - 1) / 2).max(1));
            order.sort_unstable();
            majority.sort_unstable();
            Cut::Groups(vec![order, majority])
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_begin_and_end_within_the_time_limit() {
        let nemesis = vec![FaultKind::Partition, FaultKind::Crash, FaultKind::Pause];
        let options = TestOptions {
            nemesis,
            nemesis_interval: Duration::from_secs(1),
            ..TestOptions::maelstrom("x")
        };
        for seed in 0..50 {
            let drawn = schedule(&options, Key::new(seed)).unwrap();
            assert!(drawn.len() > 20, "{} faults in a minute", drawn.len());
            assert!(drawn.iter().all(|fault| fault.ends() <= Time::ZERO + options.time_limit));
            assert_eq!(drawn, schedule(&options, Key::new(seed)).unwrap());
            let crashed = |at: &Injection| {
                drawn.iter().filter(|f| f.at == at.at && f.fault.kind() == FaultKind::Crash).count()
            };
            assert!(drawn.iter().all(|fault| crashed(fault) <= 2), "a minority of five");
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let options = TestOptions { nemesis: vec![FaultKind::Disk], ..TestOptions::maelstrom("x") };
        let error = schedule(&options, Key::new(0)).unwrap_err().to_string();
        assert!(error.contains("fault disk"), "{error}");
    }
}
