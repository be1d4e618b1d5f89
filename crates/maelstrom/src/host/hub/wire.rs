//! Messages on their way: from a node's mouth through the network to whoever shall hear them.

use splitbrain_core::workload::Workload;
use splitbrain_core::{DropReason, NodeId, ProcessId, Time};
use splitbrain_sim::Transit;

use super::{Flight, Hub};
use crate::host::clients::Answered;
use crate::host::journal::{Peer, What};
use crate::host::seat::Seat;
use crate::host::{HostError, Report};
use crate::protocol::{Envelope, Malformed, shown, write_line};
use crate::service::Service;

/// So many bytes of a node's messages may be on their way, and the test is over.
const IN_FLIGHT_HARD: usize = 64 << 20;

impl<W: Workload> Hub<'_, W> {
    /// Sends a message of ours.
    pub(super) fn send_body(&mut self, from: Peer, to: Peer, body: &str, owner: Option<NodeId>) {
        let mut line = Vec::with_capacity(body.len() + 48);
        write_line(&mut line, &from.to_string(), &to.to_string(), body);
        line.pop();
        self.send(from, to, &line, owner);
    }

    /// Puts a message into the network. `owner` is the node that answers for its bytes.
    fn send(&mut self, from: Peer, to: Peer, line: &[u8], owner: Option<NodeId>) {
        let message = self.journal.send(self.now, from, to, line);
        self.traffic.count(from, to, line.len());
        if self.options.log.net_send {
            (self.watch)(Report::Sent { at: self.now, line: &shown(line) });
        }
        self.transmit(from, to, line, message, owner);
    }

    pub(super) fn transmit(
        &mut self,
        from: Peer,
        to: Peer,
        line: &[u8],
        message: u64,
        owner: Option<NodeId>,
    ) {
        let now = self.now.as_nanos();
        let transit = match (from, to) {
            (Peer::Node(from), Peer::Node(to)) => {
                self.network.send(now, from, to, line.len() as u64)
            }
            (Peer::Node(_), Peer::Service(_)) | (Peer::Service(_), Peer::Node(_)) => {
                let at = now + self.latency.sample(self.rng.next_u64());
                Transit::Arrives { at, copy_at: None }
            }
            _ => Transit::Arrives { at: now, copy_at: None },
        };
        match transit {
            Transit::Lost(reason) => {
                self.journal.note(self.now, from, What::Drop { to, message, reason });
            }
            Transit::Held => {
                let flight = self.flight(Time::MAX, from, to, line, message, owner);
                self.held.push(flight);
            }
            Transit::Arrives { at, copy_at } => {
                for at in [Some(at), copy_at].into_iter().flatten() {
                    if at <= now {
                        self.deliver(from, to, line, message, owner);
                    } else {
                        let at = Time::from_nanos(at);
                        let flight = self.flight(at, from, to, line, message, owner);
                        self.flights.push(flight);
                    }
                }
            }
        }
    }

    fn flight(
        &mut self,
        at: Time,
        from: Peer,
        to: Peer,
        line: &[u8],
        message: u64,
        owner: Option<NodeId>,
    ) -> Flight {
        self.flights_begun += 1;
        self.account(owner, line.len());
        Flight { at, number: self.flights_begun, from, to, line: line.into(), message, owner }
    }

    pub(super) fn land(&mut self, flight: &Flight) {
        self.release(flight.owner, flight.line.len());
        self.deliver(flight.from, flight.to, &flight.line, flight.message, flight.owner);
    }

    /// A message arrives.
    fn deliver(&mut self, from: Peer, to: Peer, line: &[u8], message: u64, owner: Option<NodeId>) {
        if let Peer::Node(node) = to {
            let seat = &mut self.seats[node.index()];
            if seat.process.is_none() {
                let reason = DropReason::Down;
                self.journal.note(self.now, from, What::Drop { to, message, reason });
                return;
            }
            let answers = matches!(from, Peer::Host | Peer::Service(_));
            if seat.is_new() && !answers {
                // It does not know its own name yet: many programs could not even answer. Whoever
                // asks a service before it answers `init` knows it, and waits for that.
                let flight = self.flight(self.now, from, to, line, message, owner);
                self.early.push(flight);
                return;
            }
            seat.outbox.push(line, owner);
            self.account(owner, line.len());
        }
        self.journal.note(self.now, to, What::Deliver { from, message });
        if self.options.log.net_recv {
            (self.watch)(Report::Received { at: self.now, line: &shown(line) });
        }
        let Peer::Node(sender) = from else { return };
        // It was parsed when it was sent, so it parses now.
        let Ok(envelope) = Envelope::parse(line) else { return };
        match to {
            Peer::Node(_) => {}
            Peer::Service(service) => self.serve(service, sender, &envelope),
            Peer::Client(process) => self.answer_client(process, sender, &envelope),
            Peer::Host => self.answer_us(sender, &envelope),
        }
    }

    fn serve(&mut self, service: Service, client: NodeId, envelope: &Envelope<'_>) {
        let answer = self.services.handle(service, &envelope.src, envelope.body.get());
        self.send_body(Peer::Service(service), Peer::Node(client), &answer, Some(client));
    }

    pub(super) fn account(&mut self, owner: Option<NodeId>, bytes: usize) {
        let Some(node) = owner else { return };
        let seat = &mut self.seats[node.index()];
        seat.in_flight += bytes;
        if seat.in_flight > IN_FLIGHT_HARD && self.stopped.is_none() {
            let error = HostError::Flood { node, bytes: seat.in_flight };
            self.findings.add("PROTO-FLOOD", node, || error.to_string(), None);
            self.stopped = Some(error);
        }
    }

    pub(super) fn release(&mut self, owner: Option<NodeId>, bytes: usize) {
        if let Some(node) = owner {
            let seat = &mut self.seats[node.index()];
            seat.in_flight = seat.in_flight.saturating_sub(bytes);
        }
    }

    /// A node has printed a line.
    pub(super) fn hear(&mut self, node: NodeId, line: &[u8]) {
        let heard = Envelope::parse(line).and_then(|envelope| {
            // A node may pass on what a client asked under the client's name: the answer then goes
            // straight to the client. The network still knows whose cable it came through.
            if self.peer(&envelope.src).is_some() {
                Ok(envelope)
            } else {
                let why = format!("its `src` is nobody's name; expected {node}");
                Err(Malformed { line: shown(line), why })
            }
        });
        let envelope = match heard {
            Ok(envelope) => envelope,
            Err(malformed) if !self.ready && self.seats[node.index()].awaiting.is_some() => {
                self.stopped.get_or_insert(HostError::Rubbish { node, malformed });
                return;
            }
            Err(malformed) => {
                self.findings.add("PROTO-MALFORMED", node, || malformed.to_string(), None);
                return;
            }
        };
        let Some(to) = self.peer(&envelope.dest) else {
            let sentence = || {
                format!(
                    "it sent `{}` to {:?}, and there is no such node, client or service",
                    shown(line),
                    envelope.dest
                )
            };
            self.findings.add("PROTO-UNKNOWN-DEST", node, sentence, None);
            return;
        };
        self.send(Peer::Node(node), to, line, Some(node));
    }

    fn peer(&self, name: &str) -> Option<Peer> {
        if name == "c0" {
            return Some(Peer::Host);
        }
        if let Ok(node) = name.parse::<NodeId>() {
            return (node.0 < self.options.node_count).then_some(Peer::Node(node));
        }
        if let Some(number) = name.strip_prefix('c').and_then(|digits| digits.parse::<u32>().ok()) {
            let process = ProcessId(number.checked_sub(1)?);
            return self.clients.knows(process).then_some(Peer::Client(process));
        }
        Service::named(name).map(Peer::Service)
    }

    fn answer_client(&mut self, process: ProcessId, node: NodeId, envelope: &Envelope<'_>) {
        let head = match envelope.head() {
            Ok(head) => head,
            Err(malformed) => {
                self.findings.add("PROTO-MALFORMED", node, || malformed.to_string(), None);
                return;
            }
        };
        let done = match self.clients.answer(process, &head, envelope.body.get(), self.now) {
            Answered::Completed(operation) => operation,
            Answered::Wrong(operation, sentence) => {
                self.findings.add("NODE-REPLY-WRONG", node, || sentence, Some(operation));
                operation
            }
            Answered::Late => return,
            Answered::Stray(sentence) => {
                self.findings.add("PROTO-REPLY", node, || sentence, None);
                return;
            }
        };
        self.journal.note(self.now, Peer::Client(process), What::Complete(done));
    }

    /// A node has answered `init`, or the workload's first message.
    fn answer_us(&mut self, node: NodeId, envelope: &Envelope<'_>) {
        let Ok(head) = envelope.head() else { return };
        let seat = &mut self.seats[node.index()];
        let Some(awaiting) = seat.awaiting.take_if(|it| head.in_reply_to == Some(it.msg_id)) else {
            return;
        };
        if head.kind != format!("{}_ok", awaiting.to) {
            let answer = shown(envelope.body.get().as_bytes());
            let error = HostError::WrongAnswer { node, to: awaiting.to, answer };
            self.unready(node, "NODE-REPLY-WRONG", error);
            return;
        }
        if awaiting.to == "init" {
            let early = std::mem::take(&mut self.early);
            let (ours, others) = early.into_iter().partition(|it| it.to == Peer::Node(node));
            self.early = others;
            let ours: Vec<Flight> = ours;
            ours.iter().for_each(|flight| self.land(flight));
            if self.ready {
                self.set_up(node);
            }
        }
    }

    /// A node did not come up as it must: before the test has begun there is none, afterwards the
    /// test goes on.
    pub(super) fn unready(&mut self, node: NodeId, id: &'static str, error: HostError) {
        if self.ready {
            self.findings.add(id, node, || error.to_string(), None);
        } else {
            self.stopped.get_or_insert(error);
        }
    }
}

impl Seat {
    /// Whether its program has not yet answered `init`.
    pub(super) fn is_new(&self) -> bool {
        self.awaiting.as_ref().is_some_and(|awaiting| awaiting.to == "init")
    }
}
