//! The diagram as SVG: one file, in light and dark, that needs nothing else.
//!
//! Places are whole pixels. Labels are put one after another, the important ones first, where they
//! cover no other label and cross the fewest lines; one that finds no room is left to its tooltip.

use std::fmt::Write as _;

use splitbrain_core::{DropReason, EventId, EventKind, Time};

use super::place::{Area, Point, Segment, around, columns, escaped, text_width, wide};
use super::scale::Scale;
use super::scene::{Bar, Gap, Part, Scene, Trouble};
use super::theme;
use crate::evidence::{Evidence, Fate, Flight, in_brief, is_response};
use crate::story::{lost, sentence};
use crate::visible::{clock, plural, shown, span};
use splitbrain_core::End;

const WIDTH: i64 = 1_000;
const LEFT: i64 = 84;
const RIGHT: i64 = WIDTH - 28;
const TITLE: i64 = 44;
const CLIENT: i64 = 48;
const TROUBLE: i64 = 26;
const AXIS: i64 = 38;
/// Of a longer run only the last messages are drawn.
const FLIGHTS_MAX: usize = 200;

/// Draws the run as an SVG.
pub fn svg(evidence: &Evidence<'_>) -> String {
    let scene = Scene::new(evidence);
    let mut drawing = Drawing::new(&scene);
    drawing.title(evidence);
    drawing.axis();
    drawing.troubles();
    drawing.lanes();
    drawing.bars();
    drawing.marks();
    drawing.flights(evidence);
    drawing.finish(evidence)
}

struct Drawing<'a> {
    scene: &'a Scene<'a>,
    scale: Scale,
    /// Where each lane's line is, by row.
    rows: Vec<i64>,
    /// The rows of bars for faults, and where they begin.
    troubles: Vec<usize>,
    troubles_top: i64,
    bottom: i64,
    /// The flights that are drawn, as places in the list of flights.
    drawn: std::ops::Range<usize>,
    typical_flight: u64,
    taken: Vec<Area>,
    lines: Vec<Segment>,
    out: String,
    labels: String,
}

impl<'a> Drawing<'a> {
    fn new(scene: &'a Scene<'a>) -> Self {
        let flights = scene.threads.flights.len();
        let drawn = flights.saturating_sub(FLIGHTS_MAX)..flights;
        let scale = Scale::new(&instants(scene, drawn.clone()), LEFT + 12, RIGHT - 12);
        let (troubles, depth) = stack(&scene.troubles);
        let clients = scene.lanes.iter().take_while(|lane| !scene.is_node(**lane)).count();
        let nodes = scene.lanes.len() - clients;
        let node_height = match nodes {
            0..=5 => 74,
            6..=7 => 62,
            _ => 48,
        };
        let client_rows = (0..clients).map(|row| TITLE + CLIENT * wide(row) + CLIENT / 2);
        let troubles_top = TITLE + CLIENT * wide(clients);
        let nodes_top = troubles_top + TROUBLE * wide(depth);
        let node_rows = (0..nodes).map(|row| nodes_top + node_height * wide(row) + node_height / 2);
        let rows: Vec<i64> = client_rows.chain(node_rows).collect();
        let bottom = nodes_top + node_height * wide(nodes);
        Self {
            typical_flight: typical_flight(scene),
            scene,
            scale,
            rows,
            troubles,
            troubles_top,
            bottom,
            drawn,
            taken: Vec::new(),
            lines: Vec::new(),
            out: String::new(),
            labels: String::new(),
        }
    }

    fn y(&self, lane: u16) -> Option<i64> {
        self.scene.row(lane).map(|row| self.rows[row])
    }

    /// Where a time is that may be open: then at the right edge.
    fn end(&self, at: Option<Time>) -> i64 {
        at.map_or(RIGHT, |at| self.scale.place(at))
    }

    fn title(&mut self, evidence: &Evidence<'_>) {
        let Some(finding) = evidence.findings.first() else { return };
        let id = shown(&finding.id, 40);
        let x = 20 + text_width(&id, 13) + 26;
        self.text(20, 26, "id", &format!("✗ {id}"));
        let room = columns(RIGHT - x, 13);
        self.text(x, 26, "title", &shown(&finding.sentence, room));
    }

    fn axis(&mut self) {
        let (top, y) = (TITLE - 4, self.bottom + 8);
        self.line("rule", (LEFT, y), (RIGHT, y));
        for (at, x) in self.scale.ticks(64) {
            self.line("grid", (x, top), (x, y));
            self.line("rule", (x, y), (x, y + 4));
            self.text(x, y + 18, "tick", &clock(at));
        }
    }

    /// The bars of partitions and other faults, and the walls between the lanes they part.
    fn troubles(&mut self) {
        for (at, trouble) in self.scene.troubles.iter().enumerate() {
            let (from, to) = (self.scale.place(trouble.from), self.scale.place(trouble.to));
            let to = to.max(from + 6).min(RIGHT);
            let y = self.troubles_top + TROUBLE * wide(self.troubles[at]) + 4;
            let area = Area { x: from, y, width: to - from, height: 16 };
            self.rect("fault", area, 3);
            let text = trouble.fault.to_string();
            let x = if text_width(&text, 11) + 16 > area.width && from > WIDTH / 2 {
                (to - text_width(&text, 11) - 8).min(from + 7)
            } else {
                from + 7
            };
            let text = shown(&text, columns(RIGHT - x, 11));
            self.text(x, y + 12, "fault-text halo", &text);
            self.taken.push(Area { x, y, width: text_width(&text, 11), height: 16 });
            for pair in 1..self.scene.lanes.len() {
                let (above, below) = (self.scene.lanes[pair - 1], self.scene.lanes[pair]);
                let are_nodes = self.scene.is_node(above) && self.scene.is_node(below);
                if are_nodes && trouble.parts(above, below) {
                    let y = i64::midpoint(self.rows[pair - 1], self.rows[pair]);
                    self.line("wall", (from, y), (to, y));
                }
            }
        }
    }

    fn lanes(&mut self) {
        for (row, lane) in self.scene.lanes.iter().enumerate() {
            let y = self.rows[row];
            self.line("lane", (LEFT, y), (RIGHT, y));
            self.text(LEFT - 14, y + 5, "name", &self.scene.threads.name(*lane));
        }
        let mut known: Vec<&str> = Vec::new();
        for part in &self.scene.parts {
            let tint = known.iter().position(|role| *role == part.role).unwrap_or_else(|| {
                known.push(part.role);
                known.len() - 1
            });
            self.part(part, tint % theme::BANDS);
        }
        for gap in &self.scene.gaps {
            self.gap(gap);
        }
        for cut in self.scale.breaks.clone() {
            let (x, top, bottom) = (cut.from + 11, TITLE - 4, self.bottom + 8);
            let area = Area { x, y: top, width: cut.to - cut.from - 22, height: bottom - top + 1 };
            self.rect("break", area, 0);
            for x in [area.x, area.x + area.width] {
                self.zigzag(x, top, bottom);
            }
            let x = i64::midpoint(cut.from, cut.to);
            self.text(x, bottom + 32, "tick", &format!("⋯ {}", span(cut.lasts)));
        }
    }

    /// The zigzag edge of a cut in time.
    fn zigzag(&mut self, x: i64, top: i64, bottom: i64) {
        let mut path = format!("M{x} {top}");
        for step in 1..=(bottom - top) / 6 {
            let side = if step % 2 == 0 { 0 } else { 3 };
            let _ = write!(path, "L{} {}", x + side, top + step * 6);
        }
        let _ = writeln!(self.out, "<path class=\"edge\" d=\"{path}\"/>");
    }

    /// A role as a tinted band with its name at the start.
    fn part(&mut self, part: &Part<'_>, tint: usize) {
        let Some(y) = self.y(part.lane) else { return };
        let (from, to) = (self.scale.place(part.from), self.end(part.to));
        let area = Area { x: from, y: y - 17, width: (to - from).max(2), height: 34 };
        self.rect(&format!("band band-{tint}"), area, 4);
        self.line("part", (from, y), (to, y));
        let role = shown(part.role, columns((to - from - 10).max(60), 11).min(24));
        self.text(from + 6, y - 5, &format!("role halo on-{tint}"), &role);
        let width = text_width(&role, 11);
        self.taken.push(Area { x: from + 4, y: y - 17, width: width + 4, height: 14 });
    }

    /// A node that is down, or stands still.
    fn gap(&mut self, gap: &Gap) {
        let Some(y) = self.y(gap.lane) else { return };
        let (from, to) = (self.scale.place(gap.from), self.end(gap.to));
        let area = Area { x: from, y: y - 9, width: (to - from).max(3), height: 18 };
        let (class, text) = match gap.lost {
            None => ("pause", "stands still".to_owned()),
            Some(0) => ("down", "crash".to_owned()),
            Some(lost) => {
                ("down", format!("crash: {} lost", plural(lost.into(), "unsynced write")))
            }
        };
        self.rect(class, area, 3);
        if gap.lost.is_some() {
            self.cross((from, y));
            if gap.to.is_some() {
                self.restart(to, y);
            }
        } else {
            self.line("pause-bar", (from + 4, y - 5), (from + 4, y + 5));
            self.line("pause-bar", (from + 8, y - 5), (from + 8, y + 5));
        }
        let width = text_width(&text, 11);
        let x = from.min(RIGHT - width);
        let class = if gap.lost.is_some() { "bad-text halo" } else { "label halo" };
        self.label(class, &text, &[(x, y + 23), (x, y - 14)], true);
    }

    /// A turning arrow: the node starts again.
    fn restart(&mut self, x: i64, y: i64) {
        let d = format!("M{} {} a6 6 0 1 1 -6 -6 m0 0 l-3 -3 m3 3 l-3 3", x + 6, y);
        self.disc("page-disc", (x, y), 9);
        let _ = writeln!(self.out, "<path class=\"restart\" d=\"{d}\"/>");
    }

    /// The operations of the clients.
    fn bars(&mut self) {
        let scene = self.scene;
        for (at, bar) in scene.bars.iter().enumerate() {
            let next = scene.bars[at + 1..].iter().find(|next| next.lane == bar.lane);
            let limit = next.map_or(RIGHT, |next| self.scale.place(next.from) - 6);
            self.bar(bar, limit);
        }
    }

    fn bar(&mut self, bar: &Bar<'_>, limit: i64) {
        let Some(y) = self.y(bar.lane) else { return };
        let from = self.scale.place(bar.from);
        let to = self.end(bar.to.filter(|_| bar.operation.end != End::Unknown)).max(from + 8);
        let area = Area { x: from, y: y - 10, width: to - from, height: 20 };
        let kind = match bar.operation.end {
            End::Ok => "ok",
            End::Failed => "fail",
            End::Unknown => "unknown",
        };
        let wrong = if bar.is_wrong { " wrong" } else { "" };
        if bar.operation.end == End::Unknown {
            let d = format!(
                "M{to} {} H{} a4 4 0 0 0 -4 4 v12 a4 4 0 0 0 4 4 H{to}",
                area.y,
                from + 4,
                to = to,
            );
            let _ = writeln!(self.out, "<path class=\"op unknown{wrong}\" d=\"{d}\"/>");
        } else {
            self.rect(&format!("op {kind}{wrong}"), area, 4);
        }
        self.taken.push(area);
        let text = in_brief(bar.operation);
        if text_width(&shown(&text, 60), 12) + 14 <= area.width {
            self.text(from + 8, y + 4, "op-text", &shown(&text, 60));
            return;
        }
        // Too narrow: the text stands above the bar, as far as the next bar lets it.
        let (above, below) = (y - 14, y + 22);
        let text = shown(&text, columns((limit - from).max(90), 12).min(40));
        let x = from.min(RIGHT - text_width(&text, 12)).max(LEFT);
        let class = if bar.is_wrong { "op-text wrong-text halo" } else { "op-text halo" };
        self.label(class, &text, &[(x, above), (x, below)], true);
    }

    fn flights(&mut self, evidence: &Evidence<'_>) {
        let scene = self.scene;
        let mut order: Vec<usize> = self.drawn.clone().collect();
        // What is told by a label: losses, then what operations sent, then the rest.
        order.sort_by_key(|at| {
            let flight = &scene.threads.flights[*at];
            (!matches!(flight.fate, Fate::Lost(..)), scene.is_chatter(flight.send), *at)
        });
        let paths: Vec<Option<Segment>> = scene.threads.flights[self.drawn.clone()]
            .iter()
            .map(|flight| self.segment(flight))
            .collect();
        self.lines.extend(paths.iter().flatten());
        for (flight, path) in scene.threads.flights[self.drawn.clone()].iter().zip(&paths) {
            if let Some(path) = path {
                self.flight(evidence, flight, *path);
            }
        }
        let is_crowded = order.len() > 24;
        let mut told: Vec<(u16, String, Option<EventId>)> = Vec::new();
        for at in order {
            let flight = &scene.threads.flights[at];
            let Some(path) = paths[at - self.drawn.start] else { continue };
            if scene.threads.is_client(flight.from) || scene.threads.is_client(flight.to) {
                continue;
            }
            let threads = &scene.threads;
            let label = if is_crowded { threads.label(flight) } else { threads.brief(flight) };
            // What is said to several at once, or again and again, needs its name only once or twice.
            let beat = scene.is_chatter(flight.send) && !is_crowded;
            let handler = threads.cause(flight.send).filter(|_| !beat);
            let key = if is_response(&label) {
                (flight.to, label.clone(), None)
            } else {
                (flight.from, label.clone(), handler)
            };
            let most = match (is_crowded, matches!(flight.fate, Fate::Lost(..))) {
                (false, false) => 2,
                (true, false) => 1,
                (_, true) if beat => 1,
                (_, true) => 3,
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
        let x1 = self.scale.place(arrival);
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
        let kind = match (is_response(&label) || to_client, is_vote) {
            _ if matches!(flight.fate, Fate::Lost(..)) => "lost",
            _ if to_client || threads.is_client(flight.from) => "client",
            (false, false) => "request",
            (true, false) => "response",
            (false, true) => "vote",
            (true, true) => "vote-reply",
        };
        let dash = if is_response(&label) || to_client { " dash" } else { "" };
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

    /// What happens on a lane: timers, syncs, remarks, broken assertions.
    fn marks(&mut self) {
        let threads = &self.scene.threads;
        for id in (0..).map(EventId).take(threads.trace.events.len()) {
            let Some(y) = self.y(threads.lane(id)) else { continue };
            let x = self.scale.place(threads.at(id));
            let title = sentence(threads, id).unwrap_or_default();
            match threads.kind(id) {
                EventKind::TimerFire { .. } => {
                    self.open_titled("timer", &title);
                    self.disc("page-disc", (x, y + 12), 4);
                    self.disc("timer", (x, y + 12), 4);
                    self.line("timer", (x, y + 12), (x, y + 9));
                    self.line("timer", (x, y + 12), (x + 2, y + 12));
                    self.line("timer", (x, y), (x, y + 8));
                    self.out.push_str("</g>\n");
                }
                EventKind::Synced { .. } => self.line("synced", (x, y - 4), (x, y + 4)),
                EventKind::Note { text } => {
                    self.disc("note", (x, y), 3);
                    let text = shown(threads.trace.text(text), 24);
                    self.label("label halo", &text, &around(x, y, text_width(&text, 11)), false);
                }
                EventKind::Violated { .. } => {
                    self.open_titled("violated", &title);
                    let d = format!("M{x} {}l7 7l-7 7l-7 -7z", y - 7);
                    let _ = writeln!(self.out, "<path class=\"violated\" d=\"{d}\"/></g>");
                    let text = shown(&title, 44);
                    let places = around(x, y, text_width(&text, 11));
                    self.label("bad-text halo", &text, &places, true);
                }
                _ => (),
            }
        }
    }

    fn open_titled(&mut self, class: &str, title: &str) {
        let _ = write!(self.out, "<g class=\"{class}\"><title>{}</title>", escaped(title));
    }

    /// Puts a text at that one of the places which covers no other label and crosses the fewest lines.
    /// Where each would cover a label, only a text that must be shown is shown.
    fn label(&mut self, class: &str, text: &str, places: &[Point], must: bool) {
        let width = text_width(text, 11);
        let area = |(x, y): Point| Area { x: x - 2, y: y - 11, width: width + 4, height: 14 };
        let inside = |a: Area| a.x >= LEFT - 4 && a.x + a.width <= WIDTH - 4;
        let free = |place: &&Point| {
            let area = area(**place);
            inside(area) && !self.taken.iter().any(|taken| taken.overlaps(area))
        };
        let crossed = |place: &&Point| {
            self.lines.iter().filter(|line| area(**place).is_crossed(**line)).count()
        };
        let best = places.iter().filter(|place| must || free(place)).min_by_key(|place| {
            let area = area(**place);
            let overlaps = self.taken.iter().filter(|taken| taken.overlaps(area)).count();
            let on_lane = self.rows.iter().any(|y| (area.y + 1..area.y + area.height).contains(y));
            (!inside(area), overlaps, usize::from(on_lane) * 3 + crossed(place))
        });
        let Some(place) = best.copied() else { return };
        self.taken.push(area(place));
        let mut out = std::mem::take(&mut self.labels);
        write_text(&mut out, place, class, text);
        self.labels = out;
    }

    fn text(&mut self, x: i64, y: i64, class: &str, text: &str) {
        let mut out = std::mem::take(&mut self.labels);
        write_text(&mut out, (x, y), class, text);
        self.labels = out;
    }

    fn line(&mut self, class: &str, (x0, y0): Point, (x1, y1): Point) {
        let _ = writeln!(
            self.out,
            "<line class=\"{class}\" x1=\"{x0}\" y1=\"{y0}\" x2=\"{x1}\" y2=\"{y1}\"/>"
        );
    }

    fn rect(&mut self, class: &str, area: Area, radius: i64) {
        let Area { x, y, width, height } = area;
        let _ = writeln!(
            self.out,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
             rx=\"{radius}\"/>"
        );
    }

    fn disc(&mut self, class: &str, (x, y): Point, radius: i64) {
        let _ =
            writeln!(self.out, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>");
    }

    /// An X: something ends here.
    fn cross(&mut self, (x, y): Point) {
        let d = format!("M{} {}l10 10m0 -10l-10 10", x - 5, y - 5);
        let _ = writeln!(self.out, "<path class=\"cross\" d=\"{d}\"/>");
    }

    /// The head of an arrow at the end of the line.
    fn arrow(&mut self, ((x0, y0), (x1, y1)): Segment) {
        let (dx, dy) = (x1 - x0, y1 - y0);
        let length = (dx * dx + dy * dy).isqrt().max(1);
        let back = |along: i64, aside: i64| {
            (x1 - (dx * along + dy * aside) / length, y1 - (dy * along - dx * aside) / length)
        };
        let ((ax, ay), (bx, by)) = (back(9, 4), back(9, -4));
        let _ = writeln!(self.out, "<path class=\"head\" d=\"M{x1} {y1}L{ax} {ay}L{bx} {by}z\"/>");
    }

    fn finish(mut self, evidence: &Evidence<'_>) -> String {
        let left_out = self.drawn.start;
        let mut notes = Vec::new();
        if left_out > 0 {
            notes.push(format!("{} left out", plural(left_out as u64, "earlier message")));
        }
        if self.scene.lanes_left_out > 0 {
            notes.push(format!("{} left out", plural(self.scene.lanes_left_out as u64, "lane")));
        }
        let height = self.bottom + AXIS + if self.scale.breaks.is_empty() { 0 } else { 12 };
        if !notes.is_empty() {
            self.text(20, height - 8, "label quiet", &notes.join(", "));
        }
        let title = evidence.findings.first().map_or_else(
            || "space-time diagram".to_owned(),
            |finding| format!("{}: {}", shown(&finding.id, 40), shown(&finding.sentence, 200)),
        );
        let desc = format!(
            "{}, {}, {}",
            plural(self.scene.lanes.len() as u64, "lane"),
            plural(self.scene.threads.flights.len() as u64, "message"),
            plural(self.scene.bars.len() as u64, "operation")
        );
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"sb\" width=\"{WIDTH}\" \
             height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
             <title>{}</title>\n<desc>{}</desc>\n<style>\n{}{}</style>\n{}\
             <rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>\n{}{}</svg>\n",
            escaped(&title),
            escaped(&desc),
            theme::css(),
            theme::STYLE,
            theme::DEFS,
            self.out,
            self.labels
        )
    }
}

fn write_text(out: &mut String, (x, y): Point, class: &str, text: &str) {
    let text = escaped(text);
    let _ = writeln!(out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>");
}

/// Every instant at which something is drawn.
fn instants(scene: &Scene<'_>, drawn: std::ops::Range<usize>) -> Vec<Time> {
    let threads = &scene.threads;
    let mut instants = Vec::new();
    for flight in &threads.flights[drawn.clone()] {
        instants.push(flight.sent);
        if let Fate::Arrived(event) | Fate::Lost(event, _) = flight.fate {
            instants.push(threads.at(event));
        }
        instants.extend(flight.copies.iter().map(|copy| threads.at(*copy)));
    }
    let begin = instants.iter().min().copied().filter(|_| drawn.start > 0).unwrap_or(Time::ZERO);
    for bar in &scene.bars {
        instants.push(bar.from);
        instants.extend(bar.to);
    }
    for gap in &scene.gaps {
        instants.push(gap.from);
        instants.extend(gap.to);
    }
    for part in scene.parts.iter().filter(|part| part.from > Time::ZERO) {
        instants.push(part.from);
    }
    for trouble in &scene.troubles {
        instants.extend([trouble.from, trouble.to]);
    }
    for event in &threads.trace.events {
        let is_mark = matches!(
            event.kind,
            EventKind::Note { .. } | EventKind::Violated { .. } | EventKind::TimerFire { .. }
        );
        if is_mark {
            instants.push(event.at);
        }
    }
    instants.retain(|at| *at >= begin);
    instants
}

/// How long a message takes, give or take: the median of those that arrived.
fn typical_flight(scene: &Scene<'_>) -> u64 {
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

/// Puts faults that last at the same time below one another: the row of each, and how many rows.
fn stack(troubles: &[Trouble<'_>]) -> (Vec<usize>, usize) {
    let mut ends: Vec<Time> = Vec::new();
    let mut rows = Vec::new();
    for trouble in troubles {
        let row = ends.iter().position(|end| *end < trouble.from).unwrap_or_else(|| {
            ends.push(Time::ZERO);
            ends.len() - 1
        });
        ends[row] = trouble.to;
        rows.push(row);
    }
    (rows, ends.len())
}
