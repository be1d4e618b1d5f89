//! What is drawn, without a place yet: operations, gaps, roles, faults, and which lanes matter.

use std::collections::BTreeSet;
use std::ops::Range;

use splitbrain_core::{
    Cut, Described, EventId, EventKind, Fault, LaneKind, NodeId, OperationId, Target, Time,
};

use crate::evidence::{Evidence, Fate, Threads};

/// Clients, services and nodes above this number are left out, those without part in it first.
pub(crate) const LANES_MAX: usize = 12;

/// Of a longer run only the last messages are drawn.
pub(crate) const FLIGHTS_MAX: usize = 100;

/// An operation's bar on its client's lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bar<'a> {
    pub(crate) lane: u16,
    pub(crate) from: Time,
    pub(crate) to: Option<Time>,
    pub(crate) operation: &'a Described,
    /// Whether the finding names it.
    pub(crate) is_wrong: bool,
}

/// A time in which a node does nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    pub(crate) lane: u16,
    pub(crate) from: Time,
    pub(crate) to: Option<Time>,
    /// How many writes a crash lost; `None` for a pause.
    pub(crate) lost: Option<u32>,
}

/// A time in which a node plays a part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) lane: u16,
    pub(crate) from: Time,
    pub(crate) to: Option<Time>,
    pub(crate) role: &'a str,
}

/// A fault that is drawn as a bar of its own, and the links it cuts.
#[derive(Clone, Debug)]
pub(crate) struct Trouble<'a> {
    pub(crate) from: Time,
    pub(crate) to: Time,
    pub(crate) fault: &'a Fault,
    /// The lane it struck, which a fault aimed at a role does not say itself.
    pub(crate) lane: Option<u16>,
}

impl Trouble<'_> {
    /// Whether no message passes from one node to the other, or none back.
    pub(crate) fn parts(&self, one: u16, other: u16) -> bool {
        let Fault::Partition { cut, .. } = self.fault else { return false };
        let (a, b) = (NodeId(one), NodeId(other));
        match cut {
            Cut::Isolate(Target::Node(alone)) => (a == *alone) != (b == *alone),
            Cut::Isolate(Target::Role(_)) => self.lane.is_some_and(|l| (one == l) != (other == l)),
            Cut::Groups(groups) => {
                let group = |node| groups.iter().position(|group| group.contains(&node));
                match (group(a), group(b)) {
                    (None, None) => a != b,
                    (one, other) => one != other,
                }
            }
            Cut::OneWay { from, to } => {
                (from.contains(&a) && to.contains(&b)) || (from.contains(&b) && to.contains(&a))
            }
            Cut::Bridge { left, right, .. } => {
                (left.contains(&a) && right.contains(&b))
                    || (left.contains(&b) && right.contains(&a))
            }
            Cut::MajoritiesRing { order } => {
                let at = |node| order.iter().position(|other| *other == node);
                let (Some(one), Some(other)) = (at(a), at(b)) else { return false };
                let steps = one.abs_diff(other);
                steps.min(order.len() - steps) > order.len().div_ceil(2).div_ceil(2).max(1)
            }
        }
    }

    fn is_on(&self, at: Time) -> bool {
        self.from <= at && at <= self.to
    }
}

/// Everything that is drawn.
pub(crate) struct Scene<'a> {
    pub(crate) threads: Threads<'a>,
    /// The lanes from top to bottom: clients, services, nodes.
    pub(crate) lanes: Vec<u16>,
    pub(crate) bars: Vec<Bar<'a>>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) parts: Vec<Part<'a>>,
    pub(crate) troubles: Vec<Trouble<'a>>,
    /// The messages that are drawn, as places in the list of flights, and when the first was sent.
    pub(crate) drawn: Range<usize>,
    pub(crate) begin: Time,
    /// How many nodes and clients found no room.
    pub(crate) lanes_left_out: usize,
}

impl<'a> Scene<'a> {
    /// The scene from `FLIGHTS_MAX` messages before the end.
    pub(crate) fn new(evidence: &Evidence<'a>) -> Self {
        let threads = Threads::new(evidence);
        let flights = threads.flights.len();
        let drawn = flights.saturating_sub(FLIGHTS_MAX)..flights;
        let begin = if drawn.start == 0 { Time::ZERO } else { threads.flights[drawn.start].sent };
        let until = threads.trace.events.last().map_or(Time::ZERO, |event| event.at);
        let mut bars = bars(evidence, &threads);
        let (mut gaps, mut parts) = spans(&threads);
        let mut troubles = troubles(evidence, &threads, until);
        let is_over = |to: Option<Time>| to.is_some_and(|to| to < begin);
        bars.retain(|bar| !is_over(bar.to));
        gaps.retain(|gap| !is_over(gap.to));
        parts.retain(|part| !is_over(part.to));
        troubles.retain(|trouble| trouble.to >= begin);
        let (lanes, lanes_left_out) = lanes(&threads, &bars, drawn.clone());
        Self { threads, lanes, bars, gaps, parts, troubles, drawn, begin, lanes_left_out }
    }

    /// The row of a lane, if it is drawn.
    pub(crate) fn row(&self, lane: u16) -> Option<usize> {
        self.lanes.iter().position(|other| *other == lane)
    }

    pub(crate) fn is_node(&self, lane: u16) -> bool {
        let lane = self.threads.trace.lanes.get(usize::from(lane));
        lane.is_some_and(|lane| lane.kind == LaneKind::Node)
    }

    /// Whether a partition holds between two lanes at this time.
    pub(crate) fn is_parted(&self, one: u16, other: u16, at: Time) -> bool {
        self.is_node(one)
            && self.is_node(other)
            && self.troubles.iter().any(|trouble| trouble.is_on(at) && trouble.parts(one, other))
    }

    /// Whether the message is between servers and follows from no operation.
    pub(crate) fn is_chatter(&self, send: EventId) -> bool {
        self.threads.root(send).is_none()
    }
}

fn bars<'a>(evidence: &Evidence<'a>, threads: &Threads<'a>) -> Vec<Bar<'a>> {
    let wrong: BTreeSet<OperationId> =
        evidence.findings.iter().take(1).flat_map(|finding| &finding.operations).copied().collect();
    let operations = (0..).map(OperationId).zip(evidence.operations);
    operations
        .filter_map(|(id, operation)| {
            let invoked = threads.invoked(id)?;
            Some(Bar {
                lane: threads.lane(invoked),
                from: threads.at(invoked),
                to: threads.completed(id).map(|event| threads.at(event)),
                operation,
                is_wrong: wrong.contains(&id),
            })
        })
        .collect()
}

/// The lanes to draw, and how many are left out. A lane on which nothing happens is left out first.
fn lanes(threads: &Threads<'_>, bars: &[Bar<'_>], drawn: Range<usize>) -> (Vec<u16>, usize) {
    let mut busy: BTreeSet<u16> = bars.iter().map(|bar| bar.lane).collect();
    for flight in &threads.flights[drawn] {
        busy.insert(flight.from);
        if matches!(flight.fate, Fate::Arrived(_)) || !threads.is_client(flight.to) {
            busy.insert(flight.to);
        }
    }
    let kinds = [LaneKind::Client, LaneKind::Service, LaneKind::Node];
    let mut lanes: Vec<(usize, u16)> = (0_u16..)
        .zip(&threads.trace.lanes)
        .filter(|(at, lane)| lane.kind == LaneKind::Node || busy.contains(at))
        .filter_map(|(at, lane)| Some((kinds.iter().position(|kind| *kind == lane.kind)?, at)))
        .collect();
    lanes.sort_unstable();
    let all = lanes.len();
    let wrong: BTreeSet<u16> = bars.iter().filter(|bar| bar.is_wrong).map(|bar| bar.lane).collect();
    while lanes.len() > LANES_MAX {
        let idle = lanes.iter().rposition(|(_, lane)| !busy.contains(lane));
        let beside =
            || lanes.iter().position(|(_, lane)| threads.is_client(*lane) && !wrong.contains(lane));
        lanes.remove(idle.or_else(beside).unwrap_or(lanes.len() - 1));
    }
    let left_out = all - lanes.len();
    (lanes.into_iter().map(|(_, lane)| lane).collect(), left_out)
}

/// When nodes were down or stood still, and when they played which part.
fn spans<'a>(threads: &Threads<'a>) -> (Vec<Gap>, Vec<Part<'a>>) {
    let (mut gaps, mut parts): (Vec<Gap>, Vec<Part<'a>>) = (Vec::new(), Vec::new());
    for event in &threads.trace.events {
        let lane = event.lane;
        let end = Some(event.at);
        let open_gap = gaps.iter_mut().rfind(|gap| gap.lane == lane && gap.to.is_none());
        match event.kind {
            EventKind::Start | EventKind::Resume => {
                if let Some(gap) = open_gap {
                    gap.to = end;
                }
            }
            EventKind::Crash { .. } | EventKind::Pause => {
                if let Some(gap) = open_gap {
                    gap.to = end;
                }
                let lost = match event.kind {
                    EventKind::Crash { lost, .. } => Some(lost),
                    _ => None,
                };
                gaps.push(Gap { lane, from: event.at, to: None, lost });
            }
            _ => (),
        }
        let is_change = matches!(event.kind, EventKind::Role { .. } | EventKind::Crash { .. });
        if is_change {
            let open = parts.iter_mut().rfind(|part| part.lane == lane && part.to.is_none());
            if let Some(part) = open {
                part.to = end;
            }
        }
        if let EventKind::Role { text } = event.kind {
            let role = threads.trace.text(text);
            parts.push(Part { lane, from: event.at, to: None, role });
        }
    }
    (gaps, parts)
}

/// The faults that need a bar: those that do not show on a lane as a crash and a pause do.
fn troubles<'a>(evidence: &Evidence<'a>, threads: &Threads<'a>, until: Time) -> Vec<Trouble<'a>> {
    let struck = |at: usize| {
        threads.trace.events.iter().find_map(|event| match event.kind {
            EventKind::FaultBegin { injection, .. } if injection as usize == at => Some(event.lane),
            _ => None,
        })
    };
    let faults = evidence.faults.iter().enumerate();
    faults
        .filter(|(_, injection)| {
            !matches!(injection.fault, Fault::Crash { .. } | Fault::Pause { .. })
                && injection.at <= until
        })
        .map(|(at, injection)| Trouble {
            from: injection.at,
            to: injection.ends().min(until),
            fault: &injection.fault,
            lane: struck(at),
        })
        .collect()
}
