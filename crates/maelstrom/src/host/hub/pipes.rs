//! Reading from and writing to whoever is ready, and waiting until somebody is.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use splitbrain_core::workload::Workload;
use splitbrain_core::{NodeId, Time};

use super::{Hub, LOOK_EVERY};
use crate::host::seat::Seat;
use crate::host::{HostError, Report};

/// No message is longer.
const LINE_MAX: usize = 16 << 20;
/// So many bytes of a node's messages may be on their way before we stop listening to it.
const IN_FLIGHT_SOFT: usize = 16 << 20;
/// How long we do not listen before we fear that two nodes wait for each other.
const HELD_BACK_MAX: Duration = Duration::from_secs(1);

/// Which pipe of a node has something for us.
#[derive(Clone, Copy)]
enum Pipe {
    Stdin,
    Stdout,
    Stderr,
}

impl<W: Workload> Hub<'_, W> {
    pub(super) fn poll(&mut self, timeout: Duration) {
        let mut fds = Vec::with_capacity(self.seats.len() * 3);
        let mut pipes = Vec::with_capacity(self.seats.len() * 3);
        let now = self.now;
        for (node, seat) in self.nodes().zip(&mut self.seats) {
            let listening = seat.listening(now);
            let Some(process) = &seat.process else { continue };
            let mut add = |fd, flags, pipe| {
                fds.push(PollFd::new(fd, flags));
                pipes.push((node, pipe));
            };
            if let Some(pipe) = process.stdout.as_ref().filter(|_| listening) {
                add(pipe.as_fd(), PollFlags::POLLIN, Pipe::Stdout);
            }
            if let Some(pipe) = &process.stderr {
                add(pipe.as_fd(), PollFlags::POLLIN, Pipe::Stderr);
            }
            if let Some(pipe) = process.stdin.as_ref().filter(|_| !seat.outbox.is_empty()) {
                add(pipe.as_fd(), PollFlags::POLLOUT, Pipe::Stdin);
            }
        }
        // Rounded up: a timer that is due in half a millisecond must not make the loop spin.
        let millis = timeout.min(LOOK_EVERY).as_micros().div_ceil(1_000);
        let timeout = PollTimeout::from(u16::try_from(millis).unwrap_or(u16::MAX));
        // An error is a signal that came: the loop looks at the flag that it has set.
        poll(&mut fds, timeout).ok();
        let ready: Vec<(NodeId, Pipe)> = fds
            .iter()
            .zip(&pipes)
            .filter(|(fd, _)| fd.any().unwrap_or(false))
            .map(|(_, pipe)| *pipe)
            .collect();
        self.now = self.clock();
        for (node, pipe) in ready {
            match pipe {
                Pipe::Stdin => self.write(node),
                Pipe::Stdout => self.read(node),
                Pipe::Stderr => self.read_stderr(node),
            }
        }
    }

    /// Writes what waits for a node.
    pub(super) fn write(&mut self, node: NodeId) {
        let seat = &mut self.seats[node.index()];
        let Some(process) = seat.process.as_mut().filter(|_| !seat.outbox.is_empty()) else {
            return;
        };
        let gone = match &mut process.stdin {
            Some(pipe) => seat.outbox.write(pipe).is_err(),
            None => true,
        };
        if gone {
            // It does not read any more: either it ends now, which is noticed, or it only talks.
            process.stdin = None;
            for (owner, bytes) in seat.outbox.clear() {
                self.release(owner, bytes);
            }
            return;
        }
        while let Some((owner, bytes)) = self.seats[node.index()].outbox.pop_written() {
            self.release(owner, bytes);
        }
    }

    /// Reads what a node has printed, a few chunks of it.
    pub(super) fn read(&mut self, node: NodeId) {
        let mut chunk = std::mem::take(&mut self.chunk);
        for _ in 0..4 {
            let seat = &mut self.seats[node.index()];
            let Some(process) = &mut seat.process else { break };
            let Some(pipe) = &mut process.stdout else { break };
            match pipe.read(&mut chunk) {
                Ok(0) => {
                    process.stdout = None;
                    seat.silent_since = Some(self.now);
                    break;
                }
                Ok(length) => {
                    self.hear_chunk(node, &chunk[..length]);
                    if length < chunk.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.chunk = chunk;
    }

    /// Splits what was read into lines. Only a line that is cut by the chunk's end is copied.
    fn hear_chunk(&mut self, node: NodeId, chunk: &[u8]) {
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            let mut begun = std::mem::take(&mut self.seats[node.index()].input);
            if begun.is_empty() {
                self.hear(node, line);
            } else {
                begun.extend_from_slice(line);
                self.hear(node, &begun);
                begun.clear();
            }
            if let Some(seat) = self.seats.get_mut(node.index()) {
                seat.input = begun;
            }
            rest = after;
        }
        let seat = &mut self.seats[node.index()];
        seat.input.extend_from_slice(rest);
        if seat.input.len() > LINE_MAX {
            seat.input = Vec::new();
            if let Some(process) = &mut seat.process {
                process.stdout = None;
            }
            let error = HostError::HugeLine { node, limit: LINE_MAX };
            self.findings.add("PROTO-MALFORMED", node, || error.to_string(), None);
            self.stopped.get_or_insert(error);
        }
    }

    pub(super) fn read_stderr(&mut self, node: NodeId) {
        let (seat, watch) = (&mut self.seats[node.index()], &mut *self.watch);
        let log = self.options.log.stderr;
        seat.read_stderr(|line| {
            if log {
                watch(Report::Stderr { node, line });
            }
        });
    }
}

impl Seat {
    /// Whether we listen to the node now.
    pub(super) fn listening(&mut self, now: Time) -> bool {
        if self.in_flight <= IN_FLIGHT_SOFT {
            self.held_back = None;
            return true;
        }
        now - *self.held_back.get_or_insert(now) > HELD_BACK_MAX
    }
}
