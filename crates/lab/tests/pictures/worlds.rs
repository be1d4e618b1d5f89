//! Runs written by hand: small, and each wrong in one way.

use splitbrain_core::{
    Cut, CutMode, Described, DiskLoss, DropReason, End, Event, EventId, EventKind, Fault, Finding,
    Injection, Lane, LaneKind, MessageId, MessageText, Moment, NodeId, OperationId, ProcessId,
    Ratio, Rng, Target, Time, Trace, ms, us,
};
use splitbrain_lab::Evidence;

/// A run being written down, event by event, in order.
pub(crate) struct World {
    pub(crate) trace: Trace,
    pub(crate) findings: Vec<Finding>,
    pub(crate) faults: Vec<Injection>,
    nodes: u16,
    lanes_of: Vec<u16>,
}

pub(crate) const fn at(micros: u64) -> Time {
    Time::from_nanos(micros * 1_000)
}

impl World {
    pub(crate) fn new(nodes: u16, clients: u32) -> Self {
        let lane = |name: String, kind| Lane { name, kind };
        let mut lanes: Vec<Lane> =
            NodeId::all(nodes).map(|id| lane(id.to_string(), LaneKind::Node)).collect();
        lanes.extend((0..clients).map(|id| lane(ProcessId(id).to_string(), LaneKind::Client)));
        let mut world = Self {
            trace: Trace { lanes, ..Trace::default() },
            findings: Vec::new(),
            faults: Vec::new(),
            nodes,
            lanes_of: Vec::new(),
        };
        for node in 0..nodes {
            world.event(0, node, None, EventKind::Start);
        }
        world
    }

    pub(crate) fn evidence(&self) -> Evidence<'_> {
        Evidence {
            trace: &self.trace,
            operations: &self.trace.operations,
            findings: &self.findings,
            faults: &self.faults,
        }
    }

    pub(crate) fn event(
        &mut self,
        micros: u64,
        lane: u16,
        cause: Option<EventId>,
        kind: EventKind,
    ) -> EventId {
        self.trace.events.push(Event { at: at(micros), lane, cause, kind });
        EventId(u32::try_from(self.trace.events.len() - 1).unwrap())
    }

    pub(crate) fn text(&mut self, text: &str) -> u32 {
        self.trace.texts.push(text.into());
        u32::try_from(self.trace.texts.len() - 1).unwrap()
    }

    fn message(&mut self, body: &str) -> MessageId {
        let label = body.split([' ', '{', '(']).next().unwrap().to_owned();
        self.trace.messages.push(MessageText { label, body: body.into() });
        MessageId(u32::try_from(self.trace.messages.len() - 1).unwrap())
    }

    pub(crate) fn send(
        &mut self,
        micros: u64,
        (from, to): (u16, u16),
        cause: EventId,
        body: &str,
        source: Option<&str>,
    ) -> (EventId, MessageId) {
        let message = self.message(body);
        let source = source.map(|source| self.text(source));
        let kind = EventKind::Send { to, message, source };
        (self.event(micros, from, Some(cause), kind), message)
    }

    pub(crate) fn deliver(&mut self, micros: u64, sent: (EventId, MessageId)) -> EventId {
        let event = self.trace.events[sent.0.index()];
        let EventKind::Send { to, .. } = event.kind else { panic!("{event:?} is no send") };
        let kind = EventKind::Deliver { from: event.lane, message: sent.1 };
        self.event(micros, to, Some(sent.0), kind)
    }

    pub(crate) fn lose(&mut self, micros: u64, sent: (EventId, MessageId), reason: DropReason) {
        let event = self.trace.events[sent.0.index()];
        let EventKind::Send { to, .. } = event.kind else { panic!("{event:?} is no send") };
        let kind = EventKind::Drop { to, message: sent.1, reason };
        self.event(micros, event.lane, Some(sent.0), kind);
    }

    /// A client asks, and the request arrives 200 us later.
    pub(crate) fn ask(
        &mut self,
        micros: u64,
        client: u16,
        node: u16,
        request: &str,
    ) -> (OperationId, EventId) {
        let operation = OperationId(u32::try_from(self.trace.operations.len()).unwrap());
        self.trace.operations.push(Described {
            process: ProcessId(client.into()),
            node: NodeId(node),
            request: request.into(),
            answer: String::new(),
            invoked: at(micros),
            completed: None,
            end: End::Unknown,
        });
        let lane = self.nodes + client;
        self.lanes_of.push(lane);
        let invoke = self.event(micros, lane, None, EventKind::Invoke { operation });
        let sent = self.send(micros, (lane, node), invoke, request, None);
        (operation, self.deliver(micros + 200, sent))
    }

    /// The node answers, and the answer arrives 200 us later.
    pub(crate) fn answer(
        &mut self,
        micros: u64,
        operation: OperationId,
        cause: EventId,
        answer: &str,
        source: &str,
    ) -> EventId {
        let lane = self.lanes_of[operation.index()];
        let described = &mut self.trace.operations[operation.index()];
        described.answer = answer.into();
        described.completed = Some(at(micros + 200));
        described.end = End::Ok;
        let node = described.node.0;
        let sent = self.send(micros, (node, lane), cause, "answer_ok", Some(source));
        let arrived = self.deliver(micros + 200, sent);
        self.event(micros + 200, lane, Some(arrived), EventKind::Complete { operation })
    }

    pub(crate) fn timer(&mut self, micros: u64, lane: u16, name: &str) -> EventId {
        let timer = self.text(name);
        self.event(micros, lane, None, EventKind::TimerFire { timer })
    }

    pub(crate) fn role(&mut self, micros: u64, lane: u16, cause: EventId, role: &str) {
        let text = self.text(role);
        self.event(micros, lane, Some(cause), EventKind::Role { text });
    }

    pub(crate) fn fault(&mut self, micros: u64, millis: u64, lane: u16, fault: Fault) -> EventId {
        let text = self.text(&fault.to_string());
        let injection = u32::try_from(self.faults.len()).unwrap();
        self.faults.push(Injection { at: at(micros), lasts: ms(millis), fault });
        self.event(micros, lane, None, EventKind::FaultBegin { injection, text })
    }

    pub(crate) fn fault_over(&mut self, micros: u64, lane: u16, injection: u32) -> EventId {
        self.event(micros, lane, None, EventKind::FaultEnd { injection })
    }
}

/// A primary is cut off, acknowledges a write alone, and the new primary does not know it.
pub(crate) fn stale_read() -> World {
    let mut world = World::new(3, 2);
    let start = EventId(0);
    world.role(0, 0, start, "primary");
    let (first, asked) = world.ask(20_000, 0, 0, "write x=3");
    let copies = [1, 2].map(|to| {
        world.send(20_200, (0, to), asked, "Replicate { key: 0, value: 3 }", Some("primary.rs:71"))
    });
    world.answer(20_200, first, asked, "", "primary.rs:74");
    for sent in copies {
        world.deliver(22_100, sent);
    }
    for beat in [50_000, 100_000] {
        let fired = world.timer(beat, 0, "Heartbeat");
        let beats = [1, 2].map(|to| world.send(beat, (0, to), fired, "Heartbeat", None));
        world.deliver(beat + 1_300, beats[0]);
        world.deliver(beat + 2_400, beats[1]);
    }
    let groups = vec![vec![NodeId(0)], vec![NodeId(1), NodeId(2)]];
    world.fault(
        120_000,
        300,
        0,
        Fault::Partition { cut: Cut::Groups(groups), mode: CutMode::Drop },
    );
    let (write, asked) = world.ask(131_000, 0, 0, "write x=7");
    let copies = [1, 2].map(|to| {
        world.send(131_200, (0, to), asked, "Replicate { key: 0, value: 7 }", Some("primary.rs:71"))
    });
    world.answer(131_200, write, asked, "", "primary.rs:74");
    for sent in copies {
        world.lose(132_900, sent, DropReason::Partition);
    }
    for beat in [150_000, 200_000, 250_000] {
        let fired = world.timer(beat, 0, "Heartbeat");
        let beats = [1, 2].map(|to| world.send(beat, (0, to), fired, "Heartbeat", None));
        for sent in beats {
            world.lose(beat + 1_500, sent, DropReason::Partition);
        }
    }
    let fired = world.timer(262_400, 1, "Failover");
    world.role(262_400, 1, fired, "primary");
    let beat = world.send(262_400, (1, 2), fired, "Heartbeat", None);
    world.deliver(264_000, beat);
    let (read, asked) = world.ask(281_000, 1, 1, "read x");
    world.answer(281_200, read, asked, "3", "primary.rs:58");
    world.findings.push(
        Finding::new("LIN-STALE-READ", "a read began after x=7 was written and still saw x=3")
            .operations([write, read]),
    );
    world
}

/// A node answers before its write is durable, and crashes.
pub(crate) fn lost_write() -> World {
    let mut world = World::new(1, 2);
    let (write, asked) = world.ask(4_000, 0, 0, "write x=1");
    world.answer(4_200, write, asked, "", "store.rs:33");
    let fault = world.fault(
        9_000,
        20,
        0,
        Fault::Crash {
            target: Target::Node(NodeId(0)),
            moment: Moment::Now,
            disk: DiskLoss::LoseAll,
        },
    );
    let why = world.text("crash n1, unsynced writes lost");
    world.event(9_000, 0, Some(fault), EventKind::Crash { why, lost: 1 });
    let over = world.fault_over(29_000, 0, 0);
    world.event(29_000, 0, Some(over), EventKind::Start);
    let (read, asked) = world.ask(36_000, 1, 0, "read x");
    world.answer(36_200, read, asked, "no such key", "store.rs:25");
    world.findings.push(
        Finding::new("LIN-LOST-WRITE", "x=1 was acknowledged, and then x was gone")
            .operations([write, read]),
    );
    world
}

/// A broadcast that is told once, and lost on the way to one node.
pub(crate) fn lost_broadcast() -> World {
    let mut world = World::new(5, 2);
    let (tell, asked) = world.ask(10_000, 0, 0, "broadcast 5");
    let first = [1, 4].map(|to| {
        world.send(10_200, (0, to), asked, "Gossip(5)", Some("crates/algorithms/src/flood.rs:41"))
    });
    world.answer(10_200, tell, asked, "", "crates/algorithms/src/flood.rs:44");
    let at_2 = world.deliver(17_200, first[0]);
    let onward =
        world.send(17_200, (1, 2), at_2, "Gossip(5)", Some("crates/algorithms/src/flood.rs:52"));
    let at_5 = world.deliver(19_900, first[1]);
    let back =
        world.send(19_900, (4, 3), at_5, "Gossip(5)", Some("crates/algorithms/src/flood.rs:52"));
    world.lose(24_000, onward, DropReason::Loss);
    let at_4 = world.deliver(28_000, back);
    let last =
        world.send(28_000, (3, 2), at_4, "Gossip(5)", Some("crates/algorithms/src/flood.rs:52"));
    world.lose(33_000, last, DropReason::Loss);
    world.faults.push(Injection {
        at: Time::ZERO,
        lasts: ms(60),
        fault: Fault::Link {
            from: Vec::new(),
            to: vec![NodeId(2)],
            fault: splitbrain_core::LinkFault::Loss(Ratio(1, 2)),
        },
    });
    let (read, asked) = world.ask(3_000_000, 1, 2, "read");
    world.answer(3_000_200, read, asked, "{}", "crates/algorithms/src/flood.rs:38");
    world.findings.push(
        Finding::new("SET-LOST", "5 was acknowledged, and the last read of n3 is without it")
            .operations([tell, read]),
    );
    world
}

/// The copy of a write arrives after the read that should have seen it.
pub(crate) fn late_copy() -> World {
    let mut world = World::new(2, 2);
    let (write, asked) = world.ask(1_000, 0, 0, "write x=2");
    let copy = world.send(1_200, (0, 1), asked, "Copy(x, 2)", Some("lazy.rs:20"));
    world.answer(1_200, write, asked, "", "lazy.rs:21");
    let (read, asked) = world.ask(5_000, 1, 1, "read x");
    world.answer(5_200, read, asked, "1", "lazy.rs:15");
    world.deliver(9_000, copy);
    world.findings.push(Finding::new("LIN-STALE-READ", "late").operations([write, read]));
    world
}

/// An increment that the network doubles is counted twice.
pub(crate) fn counted_twice() -> World {
    let mut world = World::new(2, 2);
    let (add, asked) = world.ask(1_000, 0, 0, "add 1");
    let sent = world.send(1_200, (0, 1), asked, "Add(1)", Some("counter.rs:30"));
    world.answer(1_200, add, asked, "", "counter.rs:31");
    world.deliver(2_000, sent);
    world.deliver(4_000, sent);
    let (read, asked) = world.ask(5_000, 1, 1, "read");
    world.answer(5_200, read, asked, "2", "counter.rs:40");
    world.findings.push(Finding::new("COUNTER-TOO-HIGH", "1 was added").operations([add, read]));
    world
}

/// Five nodes elect leaders while one of them crashes and another stands still: as much as a
/// picture should have to bear.
pub(crate) fn busy() -> World {
    let mut world = World::new(5, 2);
    for node in 0..5 {
        world.role(0, node, EventId(node.into()), "follower");
    }
    let mut pending: Vec<(u64, (EventId, MessageId), u64)> = Vec::new();
    let mut now = 150_000;
    let mut asked = Vec::new();
    for round in 0..3_u64 {
        let leader = [2, 0, 3][usize::try_from(round).unwrap()];
        let fired = world.timer(now, leader, "Election");
        world.role(now, leader, fired, "candidate");
        let votes: Vec<_> = (0..5)
            .filter(|to| *to != leader)
            .map(|to| {
                let sent = world.send(
                    now,
                    (leader, to),
                    fired,
                    "RequestVote { term: 2 }",
                    Some("raft.rs:120"),
                );
                (now + 4_000 + u64::from(to) * 900, sent)
            })
            .collect();
        let mut last = fired;
        for (at, sent) in votes.iter().take(3) {
            let arrived = world.deliver(*at, *sent);
            let from = world.trace.events[arrived.index()].lane;
            let vote = world.send(
                *at,
                (from, leader),
                arrived,
                "VoteReply { granted: true }",
                Some("raft.rs:140"),
            );
            pending.push((at + 3_000, vote, round));
        }
        pending.sort_by_key(|(at, ..)| *at);
        for (at, vote, _) in std::mem::take(&mut pending) {
            last = world.deliver(at, vote);
        }
        world.lose(
            now + 13_000,
            votes[3].1,
            if round == 1 { DropReason::Down } else { DropReason::Loss },
        );
        world.role(now + 13_000, leader, last, "leader");
        now += 20_000;
        let (operation, arrived) = world.ask(
            now,
            u16::try_from(round % 2).unwrap(),
            leader,
            &format!("cas x {round}→{}", round + 1),
        );
        let appends: Vec<_> = (0..5)
            .filter(|to| *to != leader)
            .map(|to| {
                let body = format!("Append {{ index: {round}, entries: [x] }}");
                let sent = world.send(now + 200, (leader, to), arrived, &body, Some("raft.rs:200"));
                (now + 5_000 + u64::from(to) * 700, sent)
            })
            .collect();
        let mut acks = Vec::new();
        for (at, sent) in appends {
            let arrived = world.deliver(at, sent);
            let from = world.trace.events[arrived.index()].lane;
            acks.push((
                at + 2_500,
                world.send(
                    at,
                    (from, leader),
                    arrived,
                    "AppendReply { ok: true }",
                    Some("raft.rs:230"),
                ),
            ));
        }
        acks.sort_by_key(|(at, _)| *at);
        for (at, sent) in &acks[..2] {
            last = world.deliver(*at.max(&(now + 7_900)), *sent);
        }
        world.answer(now + 10_500, operation, last, "", "raft.rs:260");
        asked.push(operation);
        for (at, sent) in &acks[2..] {
            world.deliver((*at).max(now + 10_800), *sent);
        }
        now += 20_000;
        if round == 0 {
            let target = Target::Node(NodeId(2));
            let fault = world.fault(
                now,
                90,
                2,
                Fault::Crash { target, moment: Moment::Now, disk: DiskLoss::LoseAll },
            );
            let why = world.text("crash n3, unsynced writes lost");
            world.event(now, 2, Some(fault), EventKind::Crash { why, lost: 2 });
            now += 60_000;
        }
        if round == 1 {
            let fault = world.fault(now, 40, 0, Fault::Pause { target: Target::Node(NodeId(0)) });
            world.event(now, 0, Some(fault), EventKind::Pause);
            world.event(now + 9_000, 2, None, EventKind::Start);
            world.event(now + 40_000, 0, None, EventKind::Resume);
            now += 60_000;
        }
    }
    let text = world.text("a leader's log only grows");
    world.event(now, 3, None, EventKind::Violated { text });
    let text = world.text("stepping down");
    world.event(now, 0, None, EventKind::Note { text });
    world.findings.push(
        Finding::new("LIN-INVERSION", "x went from 2 back to 1")
            .operations(asked.into_iter().skip(1)),
    );
    world
}

const HOSTILE: [&str; 7] = [
    "\"><img src=x onerror=alert(1)>",
    "</text></svg><script>alert(1)</script>",
    "\x1b[2J\x1b[31mred\x07",
    "\u{202e}drow\u{2066}",
    "line\nbreak\r\ttab\0",
    "\u{ffff}\u{fdd0}日本語 & co e\u{301}\u{301}",
    "--> {{<a href='javascript:alert(1)'>}}",
];

/// A number below `bound`, which is small.
fn small(rng: &mut Rng, bound: u16) -> u16 {
    u16::try_from(rng.below(bound.into())).unwrap()
}

/// A world drawn at random: any events in any order, at times that may go back, with causes and
/// indices that may lead nowhere and texts that mean harm.
pub(crate) fn wild(seed: u64) -> World {
    let rng = &mut Rng::new(seed);
    let mut world = World::new(small(rng, 9) + 1, u32::from(small(rng, 4)) + 1);
    for text in HOSTILE {
        world.text(text);
        world.message(text);
    }
    for operation in 0..rng.below(12) {
        let invoked = at(rng.below(1_000_000));
        world.trace.operations.push(Described {
            process: ProcessId(u32::from(small(rng, 5))),
            node: NodeId(small(rng, 9)),
            request: (*rng.pick(&HOSTILE)).into(),
            answer: (*rng.pick(&HOSTILE)).repeat(usize::from(small(rng, 4))),
            invoked,
            completed: (operation % 3 > 0).then(|| invoked + us(rng.below(100_000))),
            end: *rng.pick(&[End::Ok, End::Failed, End::Unknown]),
        });
    }
    let mut now = 0;
    for _ in 0..rng.below(120) {
        now += *rng.pick(&[0, 0, 300, 1_000, 40_000]);
        match rng.below(80) {
            0 => now += 5_000_000,
            1 => now /= 2,
            _ => (),
        }
        let lane = small(rng, 13);
        let cause = (rng.below(3) > 0).then(|| EventId(u32::from(small(rng, 130))));
        let kind = wild_kind(rng);
        world.event(now, lane, cause, kind);
    }
    for lane in &mut world.trace.lanes {
        if rng.below(5) == 0 {
            lane.name = (*rng.pick(&HOSTILE)).into();
        }
    }
    for _ in 0..rng.below(4) {
        let fault = wild_fault(rng);
        let lasts = us(rng.below(100_000));
        world.faults.push(Injection { at: at(rng.below(1_000_000)), lasts, fault });
    }
    for _ in 0..rng.below(3) {
        world.findings.push(
            Finding::new(
                "LIN-STALE-READ",
                (*rng.pick(&HOSTILE)).repeat(usize::from(small(rng, 9)) + 1),
            )
            .operations((0..rng.below(9)).map(|_| OperationId(u32::from(small(rng, 14)))))
            .events((0..rng.below(3)).map(|_| EventId(u32::from(small(rng, 140))))),
        );
    }
    world
}

fn wild_kind(rng: &mut Rng) -> EventKind {
    let (text, message) = (u32::from(small(rng, 9)), MessageId(u32::from(small(rng, 9))));
    let (to, operation) = (small(rng, 13), OperationId(u32::from(small(rng, 14))));
    let reasons =
        [DropReason::Loss, DropReason::Partition, DropReason::Down, DropReason::NoSuchNode];
    match rng.below(20) {
        0..4 => EventKind::Send { to, message, source: Some(text) },
        4..7 => EventKind::Deliver { from: to, message },
        7 => EventKind::Drop { to, message, reason: *rng.pick(&reasons) },
        8 => EventKind::Duplicate { to, message },
        9 => EventKind::TimerFire { timer: text },
        10 => EventKind::Invoke { operation },
        11 => EventKind::Complete { operation },
        12 => EventKind::Synced { writes: 3 },
        13 => EventKind::Start,
        14 => EventKind::Crash { why: text, lost: to.into() },
        15 => *rng.pick(&[EventKind::Pause, EventKind::Resume]),
        16 => EventKind::FaultBegin { injection: u32::from(small(rng, 5)), text },
        17 => EventKind::FaultEnd { injection: u32::from(small(rng, 5)) },
        18 => EventKind::Note { text },
        _ => *rng.pick(&[EventKind::Role { text }, EventKind::Violated { text }]),
    }
}

fn wild_fault(rng: &mut Rng) -> Fault {
    let target = Target::Role((*rng.pick(&HOSTILE)).into());
    match rng.below(3) {
        0 => Fault::Pause { target },
        1 => Fault::Partition { cut: Cut::Isolate(target), mode: CutMode::Drop },
        _ => Fault::Partition {
            cut: Cut::OneWay { from: vec![NodeId(0)], to: vec![NodeId(7)] },
            mode: CutMode::Hold,
        },
    }
}
