//! What a run cost: messages, bytes, time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use splitbrain_core::workload::Workload;
use splitbrain_core::{Operation, Outcome};

use super::journal::Peer;
use crate::protocol::Head;

/// Messages on their way so far, and their bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Traffic {
    /// From a node to a node.
    pub between_nodes: u64,
    /// From a node to a service, or back.
    pub with_services: u64,
    /// From a client to a node, or back; our own first messages among them.
    pub with_clients: u64,
    /// The bytes of the messages between nodes, and with services.
    pub server_bytes: u64,
}

impl Traffic {
    pub(crate) const fn count(&mut self, from: Peer, to: Peer, bytes: usize) {
        match (from, to) {
            (Peer::Node(_), Peer::Node(_)) => {
                self.between_nodes += 1;
                self.server_bytes += bytes as u64;
            }
            (Peer::Client(_) | Peer::Host, _) | (_, Peer::Client(_) | Peer::Host) => {
                self.with_clients += 1;
            }
            _ => {
                self.with_services += 1;
                self.server_bytes += bytes as u64;
            }
        }
    }

    /// All messages but those of clients: what Maelstrom counts as the servers'.
    pub const fn servers(&self) -> u64 {
        self.between_nodes + self.with_services
    }

    /// All messages.
    pub const fn all(&self) -> u64 {
        self.servers() + self.with_clients
    }
}

/// What a run cost.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Metrics {
    /// Messages while requests were made. What nodes say to one another while the cluster settles
    /// is not among them: it would be shared out over operations that did not cause it.
    pub traffic: Traffic,
    /// Messages of the whole run.
    pub traffic_in_all: Traffic,
    /// Operations before the last phase.
    pub operations: u64,
    /// Those of them that are no queries.
    pub updates: u64,
    /// How the operations ended, the last phase included.
    pub outcomes: Outcomes,
    /// How long the operations took that ended well, by the type of the request.
    pub latencies: BTreeMap<String, Latencies>,
    /// How long it took until the cluster had settled, after all faults were healed.
    pub settled_after: Option<Duration>,
    /// How long the whole run took.
    pub took: Duration,
}

/// How many operations ended how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Outcomes {
    /// With an answer.
    pub ok: u64,
    /// They did not happen, or were queries without an answer.
    pub failed: u64,
    /// Nobody knows.
    pub unknown: u64,
}

impl Outcomes {
    /// All operations.
    pub const fn all(&self) -> u64 {
        self.ok + self.failed + self.unknown
    }

    pub(crate) fn count<R>(&mut self, outcome: &Outcome<R>) {
        match outcome {
            Outcome::Ok(_) => self.ok += 1,
            Outcome::Failed { .. } => self.failed += 1,
            Outcome::Unknown => self.unknown += 1,
        }
    }
}

/// Quantiles of the time from a request to its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Latencies {
    /// Of how many operations.
    pub count: u64,
    /// Half were as quick as this.
    pub p50: Duration,
    /// 95 of 100 were.
    pub p95: Duration,
    /// 99 of 100 were.
    pub p99: Duration,
    /// All were.
    pub max: Duration,
}

impl Latencies {
    fn of(mut spans: Vec<Duration>) -> Self {
        spans.sort_unstable();
        let at = |percent: usize| {
            let rank = (spans.len() * percent).div_ceil(100).max(1);
            spans.get(rank - 1).copied().unwrap_or_default()
        };
        Self { count: spans.len() as u64, p50: at(50), p95: at(95), p99: at(99), max: at(100) }
    }
}

impl Metrics {
    /// Messages between servers for each operation of the main phase, in hundredths: 250 is 2.5.
    pub fn messages_per_operation(&self) -> Option<u64> {
        (self.traffic.servers() * 100).checked_div(self.operations)
    }

    /// The same for each operation that is no query: reads dilute nothing.
    pub fn messages_per_update(&self) -> Option<u64> {
        (self.traffic.servers() * 100).checked_div(self.updates)
    }

    pub(crate) fn count<W: Workload>(&mut self, operations: &[Operation<W>]) {
        let mut spans: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
        for operation in operations {
            self.outcomes.count(&operation.outcome);
            if let (Some(completed), Outcome::Ok(_)) = (operation.completed, &operation.outcome) {
                let json = serde_json::to_string(&operation.request).unwrap_or_default();
                let kind = Head::parse(&json).map_or_else(|_| "?".into(), |h| h.kind.into_owned());
                spans.entry(kind).or_default().push(completed.at - operation.invoked.at);
            }
        }
        let of = |(kind, spans)| (kind, Latencies::of(spans));
        self.latencies = spans.into_iter().map(of).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_ranks() {
        let of = |range: std::ops::RangeInclusive<u64>| {
            Latencies::of(range.map(Duration::from_millis).collect())
        };
        let ms = Duration::from_millis;
        let hundred = of(1..=100);
        assert_eq!((hundred.p50, hundred.p95, hundred.p99), (ms(50), ms(95), ms(99)));
        assert_eq!((of(7..=7).p50, of(7..=7).max), (ms(7), ms(7)));
        assert_eq!(Latencies::of(Vec::new()), Latencies::default());
    }
}
