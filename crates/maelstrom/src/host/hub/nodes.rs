//! The life of nodes: started, introduced, struck by faults, and buried.

use std::time::Duration;

use nix::sys::signal::Signal;
use splitbrain_core::workload::Workload;
use splitbrain_core::{Fault, NodeId, Target};

use super::{Flight, Hub};
use crate::host::HostError;
use crate::host::journal::{Peer, What};
use crate::host::process::{Process, stop_all};
use crate::host::seat::Awaiting;
use crate::protocol::{Head, Init, with_field};

/// How long after its stdout ended a program may take to end itself.
const EXIT_GRACE: Duration = Duration::from_millis(300);
/// How long programs may take to end when the test does.
const STOP_GRACE: Duration = Duration::from_millis(500);

impl<W: Workload> Hub<'_, W> {
    /// Starts a node's program and sends it `init`.
    pub(super) fn start(&mut self, node: NodeId, fault: Option<u32>) -> Result<(), HostError> {
        let process = Process::spawn(&self.program, &mut self.watchdog)?;
        let seat = &mut self.seats[node.index()];
        seat.process = Some(process);
        seat.input.clear();
        seat.silent_since = None;
        self.journal.note(self.now, Peer::Node(node), What::Start { fault });
        self.next_msg_id += 1;
        let msg_id = self.next_msg_id;
        let node_ids = self.nodes().map(|node| node.to_string()).collect();
        let init =
            Init { msg_id, node_id: node.to_string(), node_ids, lockstep: false, seed: None };
        let body = serde_json::to_string(&init).unwrap_or_default();
        self.send_await(node, "init".into(), msg_id, &body);
        Ok(())
    }

    /// Sends the workload's first message, if it has one.
    pub(super) fn set_up(&mut self, node: NodeId) {
        let Some(request) = W::setup(node, self.options.node_count, self.options.topology) else {
            return;
        };
        self.next_msg_id += 1;
        let msg_id = self.next_msg_id;
        let body = serde_json::to_string(&request).unwrap_or_default();
        let body = with_field(body, "msg_id", msg_id);
        let kind = Head::parse(&body).map_or_else(|_| String::new(), |head| head.kind.into_owned());
        self.send_await(node, kind, msg_id, &body);
    }

    fn send_await(&mut self, node: NodeId, to: String, msg_id: u64, body: &str) {
        let deadline = self.now + self.options.init_limit;
        self.seats[node.index()].awaiting = Some(Awaiting { msg_id, to, deadline });
        self.send_body(Peer::Host, Peer::Node(node), body, None);
    }

    /// Looks for programs that have ended, fallen silent, or not answered.
    pub(super) fn look(&mut self) {
        for node in self.nodes() {
            let seat = &mut self.seats[node.index()];
            let Some(process) = &mut seat.process else { continue };
            if let Some(how) = process.ended() {
                self.bury(node, &how);
                continue;
            }
            if seat.silent_since.is_some_and(|since| self.now - since > EXIT_GRACE) {
                seat.silent_since = None;
                let error = HostError::ClosedOutput { node };
                self.findings.add("PROTO-EXIT", node, || error.to_string(), None);
                self.stopped.get_or_insert(error);
                continue;
            }
            if seat.paused == 0
                && let Some(awaiting) = seat.awaiting.take_if(|it| self.now > it.deadline)
            {
                let error = HostError::NoAnswer {
                    node,
                    to: awaiting.to,
                    waited: self.options.init_limit,
                    last_words: seat.words.last(),
                };
                self.unready(node, "PROTO-NO-INIT", error);
            }
        }
    }

    /// A program has ended by itself.
    fn bury(&mut self, node: NodeId, how: &str) {
        // What it said before is still in the pipes.
        self.read(node);
        self.read_stderr(node);
        let last_words = self.seats[node.index()].words.last();
        self.vacate(node);
        let crash = What::Crash { why: format!("ended with {how}"), fault: None };
        self.journal.note(self.now, Peer::Node(node), crash);
        if self.ready {
            self.died = true;
            let sentence = || {
                let words = match &*last_words {
                    [] => "it wrote nothing to stderr".into(),
                    lines => format!("its last words on stderr: {}", lines.join(" / ")),
                };
                format!("it ended with {how} although nobody had killed it; {words}")
            };
            self.findings.add("PROTO-EXIT", node, sentence, None);
        } else {
            let how = how.into();
            self.stopped.get_or_insert(HostError::ExitedAtOnce { node, how, last_words });
        }
    }

    /// Removes a node's process, with what was still to be written to it.
    fn vacate(&mut self, node: NodeId) {
        let seat = &mut self.seats[node.index()];
        if let Some(mut process) = seat.process.take() {
            process.kill();
            self.watchdog.release(process.group());
        }
        seat.awaiting = None;
        seat.input.clear();
        let early = std::mem::take(&mut self.early);
        let (dropped, kept) = early.into_iter().partition(|it| it.to == Peer::Node(node));
        self.early = kept;
        let dropped: Vec<Flight> = dropped;
        // With the process gone, landing them is losing them.
        dropped.iter().for_each(|flight| self.land(flight));
        let seat = &mut self.seats[node.index()];
        for (owner, bytes) in seat.outbox.clear() {
            self.release(owner, bytes);
        }
    }

    pub(super) fn turn_faults(&mut self) {
        while let Some(((at, fault), ())) = self.active.first_key_value().map(|(k, v)| (*k, *v))
            && at <= self.now
        {
            self.active.remove(&(at, fault));
            self.end_fault(fault);
        }
        while let Some(injection) = self.faults.get(self.next_fault)
            && injection.at <= self.now
        {
            let ends = injection.ends();
            self.begin_fault(self.next_fault);
            self.active.insert((ends, self.next_fault), ());
            self.next_fault += 1;
        }
    }

    fn begin_fault(&mut self, at: usize) {
        let fault = self.faults[at].fault.clone();
        let id = u32::try_from(at).unwrap_or(u32::MAX);
        let text = fault.to_string();
        let lane = Peer::Node(target(&fault).unwrap_or(NodeId(0)));
        self.journal.note(self.now, lane, What::FaultBegin { injection: id, text });
        self.network.begin(id, &fault, |target| match target {
            Target::Node(node) => Some(*node),
            Target::Role(_) => None,
        });
        let Some(node) = target(&fault) else { return };
        let seat = &mut self.seats[node.index()];
        match fault {
            Fault::Crash { .. } => {
                seat.down += 1;
                if let Some(process) = &mut seat.process {
                    process.kill();
                    self.read(node);
                    self.vacate(node);
                    let crash = What::Crash { why: "killed".into(), fault: Some(id) };
                    self.journal.note(self.now, Peer::Node(node), crash);
                }
            }
            Fault::Pause { .. } => {
                seat.paused += 1;
                if let Some(process) = &seat.process {
                    process.signal(Signal::SIGSTOP);
                    self.journal.note(self.now, Peer::Node(node), What::Pause { fault: id });
                }
            }
            _ => {}
        }
    }

    pub(super) fn end_fault(&mut self, at: usize) {
        let fault = self.faults[at].fault.clone();
        let id = u32::try_from(at).unwrap_or(u32::MAX);
        self.network.end(id);
        for Flight { from, to, line, message, owner, .. } in std::mem::take(&mut self.held) {
            self.release(owner, line.len());
            self.transmit(from, to, &line, message, owner);
        }
        let lane = Peer::Node(target(&fault).unwrap_or(NodeId(0)));
        self.journal.note(self.now, lane, What::FaultEnd { injection: id });
        let Some(node) = target(&fault) else { return };
        let seat = &mut self.seats[node.index()];
        match fault {
            Fault::Crash { .. } => {
                seat.down -= 1;
                if seat.down == 0
                    && seat.process.is_none()
                    && !self.died
                    && let Err(error) = self.start(node, Some(id))
                {
                    self.stopped.get_or_insert(error);
                }
            }
            Fault::Pause { .. } => {
                seat.paused -= 1;
                if seat.paused == 0
                    && let Some(process) = &seat.process
                {
                    process.signal(Signal::SIGCONT);
                    self.journal.note(self.now, Peer::Node(node), What::Resume { fault: id });
                    if let Some(awaiting) = &mut seat.awaiting {
                        awaiting.deadline = self.now + self.options.init_limit;
                    }
                }
            }
            _ => {}
        }
    }

    /// Ends all programs. Returns those that had to be killed.
    pub(crate) fn stop(&mut self) -> Vec<NodeId> {
        let mut processes: Vec<(usize, Process)> = Vec::new();
        for (at, seat) in self.seats.iter_mut().enumerate() {
            processes.extend(seat.process.take().map(|process| (at, process)));
        }
        let stubborn = stop_all(&mut processes, STOP_GRACE);
        for (at, process) in processes {
            let group = process.group();
            self.seats[at].process = Some(process);
            let node = NodeId(u16::try_from(at).unwrap_or(u16::MAX));
            self.read_stderr(node);
            self.seats[at].process = None;
            self.watchdog.release(group);
        }
        stubborn.into_iter().map(|at| NodeId(u16::try_from(at).unwrap_or(u16::MAX))).collect()
    }
}

/// The node that a fault strikes, if it strikes one.
fn target(fault: &Fault) -> Option<NodeId> {
    match fault {
        Fault::Crash { target: Target::Node(node), .. }
        | Fault::Pause { target: Target::Node(node) } => Some(*node),
        _ => None,
    }
}
