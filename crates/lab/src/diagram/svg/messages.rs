//! The messages: where their lines go, how they look, what they are called.

use std::fmt::Write as _;

use splitbrain_core::{DropReason, OperationId};

use super::super::scene::Scene;
use super::{BAR, Drawing, RIGHT};
use crate::evidence::{Evidence, Fate, Flight};
use crate::story::lost;
use splitbrain_check::show::place::{Segment, escaped, text_width};
use splitbrain_check::show::visible::{clock, shown};

impl Drawing<'_> {
    pub(super) fn flights(&mut self, evidence: &Evidence<'_>) {
        let scene = self.scene;
        let mut order: Vec<usize> = scene.drawn.clone().collect();
        // What is told by a label: losses, then what operations sent, then the rest.
        order.sort_by_key(|at| {
            let flight = &scene.threads.flights[*at];
            (!matches!(flight.fate, Fate::Lost(..)), scene.is_chatter(flight.send), *at)
        });
        let paths: Vec<Option<Segment>> = scene.threads.flights[scene.drawn.clone()]
            .iter()
            .map(|flight| self.segment(flight))
            .collect();
        self.lines.extend(paths.iter().flatten());
        for (flight, path) in scene.threads.flights[scene.drawn.clone()].iter().zip(&paths) {
            if let Some(path) = path {
                self.flight(evidence, flight, *path);
            }
        }
        let is_crowded = order.len() > 24;
        let mut told: Vec<(u16, String, Option<OperationId>)> = Vec::new();
        for at in order {
            let flight = &scene.threads.flights[at];
            let Some(path) = paths[at - scene.drawn.start] else { continue };
            if scene.threads.is_client(flight.from) || scene.threads.is_client(flight.to) {
                continue;
            }
            let threads = &scene.threads;
            let label = if is_crowded { threads.label(flight) } else { threads.brief(flight) };
            // What is said to several, or again and again, needs its name only a few times.
            let from = if threads.is_response(flight) { flight.to } else { flight.from };
            let key = (from, label.clone(), threads.root(flight.send));
            let most = match (is_crowded, scene.is_chatter(flight.send)) {
                (false, false) => 3,
                (false, true) => 2,
                (true, _) => 1,
            };
            if told.iter().filter(|other| **other == key).count() < most {
                told.push(key);
                self.flight_label(flight, &label, path);
            }
        }
    }

    /// From where to where a message's line goes.
    fn segment(&self, flight: &Flight) -> Option<Segment> {
        let (y0, y1) = (self.y(flight.from)?, self.y(flight.to)?);
        let x0 = self.scale.place(flight.sent);
        let arrival = match flight.fate {
            Fate::Arrived(event) => self.scene.threads.at(event),
            Fate::Lost(event, _) if self.scene.threads.at(event) > flight.sent => {
                self.scene.threads.at(event)
            }
            Fate::Lost(..) => flight.sent + std::time::Duration::from_nanos(self.typical_flight),
            Fate::Flying => return Some(((x0, y0), (RIGHT, y0 + (y1 - y0) / 2))),
        };
        let mut x1 = self.scale.place(arrival);
        if self
            .scene
            .bars
            .iter()
            .any(|bar| bar.lane == flight.to && bar.from == arrival && bar.to == Some(arrival))
        {
            // An answer at once: it goes to the far end of a bar that has only its least width.
            x1 += BAR;
        }
        let (y0, y1) = (self.edge(flight.from, y0, y1), self.edge(flight.to, y1, y0));
        let stop = match flight.fate {
            Fate::Lost(_, DropReason::Partition) => {
                self.wall(flight).unwrap_or(i64::midpoint(y0, y1))
            }
            Fate::Lost(_, DropReason::Loss) => y0 + (y1 - y0) * 5 / 8,
            _ => return Some(((x0, y0), (x1, y1))),
        };
        let x = if y1 == y0 { x1 } else { x0 + (x1 - x0) * (stop - y0) / (y1 - y0) };
        Some(((x0, y0), (x.max(x0 + 3), stop)))
    }

    /// A client's messages begin and end at the edge of its bar.
    fn edge(&self, lane: u16, y: i64, towards: i64) -> i64 {
        if self.scene.threads.is_client(lane) { y + (towards - y).signum() * 10 } else { y }
    }

    /// The wall that stops a message: the first one on its way.
    fn wall(&self, flight: &Flight) -> Option<i64> {
        let (from, to) = (self.scene.row(flight.from)?, self.scene.row(flight.to)?);
        let steps: Vec<usize> =
            if from < to { (from..to).collect() } else { (to..from).rev().collect() };
        steps.into_iter().find_map(|above| {
            let (one, other) = (self.scene.lanes[above], self.scene.lanes[above + 1]);
            let y = i64::midpoint(self.rows[above], self.rows[above + 1]);
            self.scene.is_parted(one, other, flight.sent).then_some(y)
        })
    }

    fn flight(&mut self, evidence: &Evidence<'_>, flight: &Flight, path: Segment) {
        let scene = self.scene;
        let class = self.flight_class(flight);
        let text = self.tooltip(evidence, flight);
        let _ = writeln!(self.out, "<g class=\"{class}\"><title>{}</title>", escaped(&text));
        if flight.from == flight.to {
            let ((x0, y0), (x1, _)) = path;
            let (top, middle) = (y0 - 22, i64::midpoint(x0, x1));
            let _ = writeln!(
                self.out,
                "<path class=\"message\" d=\"M{x0} {y0} Q{middle} {top} {} {y0}\"/>",
                x1.max(x0 + 8)
            );
        } else {
            self.line("message", path.0, path.1);
        }
        match flight.fate {
            Fate::Arrived(_) if flight.from != flight.to => self.arrow(path),
            Fate::Lost(..) => self.cross(path.1),
            Fate::Arrived(_) | Fate::Flying => (),
        }
        for copy in &flight.copies {
            let (x, y) = (self.scale.place(scene.threads.at(*copy)), path.1.1);
            self.line("message copy", path.0, (x, y));
            self.arrow((path.0, (x, y)));
        }
        self.out.push_str("</g>\n");
        if let Some(copy) = flight.copies.first() {
            let x = self.scale.place(scene.threads.at(*copy));
            let y = path.1.1 - (path.1.1 - path.0.1).signum() * 12;
            self.label("label halo", "×2", &[(x + 5, y), (x - 18, y)], true);
        }
    }

    /// The colour and the stroke of a message.
    fn flight_class(&self, flight: &Flight) -> String {
        let threads = &self.scene.threads;
        let label = threads.label(flight);
        let to_client = threads.is_client(flight.to);
        let is_vote = ["Vote", "vote", "Prepare", "prepare", "Ballot", "Elect", "elect"]
            .iter()
            .any(|part| label.contains(part));
        let kind = match (threads.is_response(flight) || to_client, is_vote) {
            _ if matches!(flight.fate, Fate::Lost(..)) => "lost",
            _ if to_client || threads.is_client(flight.from) => "client",
            (false, false) => "request",
            (true, false) => "response",
            (false, true) => "vote",
            (true, true) => "vote-reply",
        };
        let dash = if threads.is_response(flight) || to_client { " dash" } else { "" };
        let chatter = if self.scene.is_chatter(flight.send) { " chatter" } else { "" };
        format!("m {kind}{dash}{chatter}")
    }

    fn tooltip(&self, evidence: &Evidence<'_>, flight: &Flight) -> String {
        let threads = &self.scene.threads;
        let (from, to) = (threads.name(flight.from), threads.name(flight.to));
        let (label, body) = threads.trace.message(flight.message);
        let asked = threads.root(flight.send).filter(|_| threads.is_client(flight.from));
        let asked = asked.and_then(|id| evidence.operations.get(id.index()));
        let says = match asked {
            Some(operation) => &operation.request,
            None if body.is_empty() => label,
            None => body,
        };
        let end = match flight.fate {
            Fate::Arrived(event) => format!("arrives {}", clock(threads.at(event))),
            Fate::Lost(_, reason) => lost(reason).to_owned(),
            Fate::Flying => "on its way".to_owned(),
        };
        let source = flight
            .source
            .map_or(String::new(), |text| format!(" · {}", shown(threads.trace.text(text), 80)));
        let sent = clock(flight.sent);
        format!("{from} → {to} {} · sent {sent}, {end}{source}", shown(says, 160))
    }

    /// Puts a message's name beside its line, where there is most room.
    fn flight_label(&mut self, flight: &Flight, label: &str, (start, end): Segment) {
        let lost = matches!(flight.fate, Fate::Lost(..));
        let width = text_width(label, 11);
        let mut places = Vec::new();
        for part in [50, 65, 35, 78, 22] {
            let x = start.0 + (end.0 - start.0) * part / 100;
            let y = start.1 + (end.1 - start.1) * part / 100 + 4;
            // On the side to which the line leans away.
            places.push((x + 7, y));
            places.push((x - width - 7, y));
        }
        if lost {
            // Beside the X, and not on the wall.
            let (after, before) = (end.0 + 9, end.0 - width - 9);
            let beside = [-5, 15, 4].map(|down| end.1 + down);
            let beside = beside.iter().flat_map(|y| [(after, *y), (before, *y)]);
            places.splice(0..0, beside);
        }
        let class = match (lost, self.scene.is_chatter(flight.send)) {
            (true, _) => "bad-text halo",
            (false, true) => "label quiet halo",
            (false, false) => "label halo",
        };
        self.label(class, label, &places, false);
    }
}

/// How long a message takes, give or take: the median of those that arrived.
pub(super) fn typical_flight(scene: &Scene<'_>) -> u64 {
    let threads = &scene.threads;
    let mut spans: Vec<u64> = threads
        .flights
        .iter()
        .filter_map(|flight| match flight.fate {
            Fate::Arrived(event) => {
                Some(threads.at(event).as_nanos().saturating_sub(flight.sent.as_nanos()))
            }
            Fate::Lost(..) | Fate::Flying => None,
        })
        .collect();
    spans.sort_unstable();
    spans.get(spans.len() / 2).copied().unwrap_or(1_000_000)
}
