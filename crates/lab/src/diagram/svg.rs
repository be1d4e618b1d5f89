//! The diagram as SVG: one file, in light and dark, that needs nothing else.
//!
//! Places are whole pixels. Labels are put one after another, the important ones first, where they
//! cover no other label and cross the fewest lines; one that finds no room is left to its tooltip.

mod messages;

use std::fmt::Write as _;

use splitbrain_core::{End, EventId, EventKind, Time};

use super::scale::Scale;
use super::scene::{Bar, Gap, Part, Scene, Trouble};
use crate::evidence::{Evidence, Fate, in_brief};
use crate::story::sentence;
use splitbrain_check::show::place::{
    Area, Point, Segment, around, columns, escaped, text_width, wide,
};
use splitbrain_check::show::theme;
use splitbrain_check::show::visible::{clock, plural, shown, span, wrapped};

const WIDTH: i64 = 1_000;
const LEFT: i64 = 84;
const RIGHT: i64 = WIDTH - 28;
const TITLE: i64 = 44;
const TITLE_LINE: i64 = 18;
const CLIENT: i64 = 48;
/// The least width of an operation.
const BAR: i64 = 8;
const TROUBLE: i64 = 26;
const AXIS: i64 = 38;

/// Draws the run up to the last answer that is wrong, as an SVG.
pub fn svg(evidence: &Evidence<'_>) -> String {
    let evidence = &Evidence { trace: &evidence.decisive(), ..*evidence };
    let scene = Scene::new(evidence);
    let mut drawing = Drawing::new(evidence, &scene);
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
    /// Where the picture under the title begins and ends.
    top: i64,
    bottom: i64,
    typical_flight: u64,
    taken: Vec<Area>,
    lines: Vec<Segment>,
    out: String,
    labels: String,
}

impl<'a> Drawing<'a> {
    fn new(evidence: &Evidence<'_>, scene: &'a Scene<'a>) -> Self {
        let title = title(evidence);
        let top = TITLE + TITLE_LINE * wide(title.2.len().saturating_sub(1));
        let scale = Scale::new(&instants(scene), LEFT + 12, RIGHT - 12);
        let (troubles, depth) = stack(&scene.troubles);
        let clients = scene.lanes.iter().take_while(|lane| !scene.is_node(**lane)).count();
        let nodes = scene.lanes.len() - clients;
        let node_height = match nodes {
            0..=5 => 74,
            6..=7 => 62,
            _ => 48,
        };
        let client_rows = (0..clients).map(|row| top + CLIENT * wide(row) + CLIENT / 2);
        let troubles_top = top + CLIENT * wide(clients);
        let nodes_top = troubles_top + TROUBLE * wide(depth);
        let node_rows = (0..nodes).map(|row| nodes_top + node_height * wide(row) + node_height / 2);
        let rows: Vec<i64> = client_rows.chain(node_rows).collect();
        let bottom = nodes_top + node_height * wide(nodes);
        Self {
            typical_flight: messages::typical_flight(scene),
            scene,
            scale,
            rows,
            troubles,
            troubles_top,
            top,
            bottom,
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
        let (id, x, lines) = title(evidence);
        if !id.is_empty() {
            self.text(20, 26, "id", &id);
        }
        for (row, line) in lines.iter().enumerate() {
            self.text(x, 26 + TITLE_LINE * wide(row), "title", line);
        }
    }

    fn axis(&mut self) {
        let (top, y) = (self.top - 4, self.bottom + 8);
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
            let (x, top, bottom) = (cut.from + 11, self.top - 4, self.bottom + 8);
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
            let limit = next.map(|next| self.scale.place(next.from) - 6);
            self.bar(bar, limit);
        }
    }

    fn bar(&mut self, bar: &Bar<'_>, limit: Option<i64>) {
        let Some(y) = self.y(bar.lane) else { return };
        let from = self.scale.place(bar.from);
        let to = self.end(bar.to.filter(|_| bar.operation.end != End::Unknown)).max(from + BAR);
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
        let text =
            shown(&text, columns(limit.map_or(RIGHT, |limit| (limit - from).max(90)), 12).min(40));
        let x = from.min(RIGHT - text_width(&text, 12)).max(LEFT);
        let class = if bar.is_wrong { "op-text wrong-text halo" } else { "op-text halo" };
        self.label(class, &text, &[(x, above), (x, below)], bar.is_wrong);
    }

    /// What happens on a lane: timers, syncs, remarks, broken assertions.
    fn marks(&mut self) {
        let threads = &self.scene.threads;
        for id in (0..).map(EventId).take(threads.trace.events.len()) {
            let Some(y) = self.y(threads.lane(id)) else { continue };
            if threads.at(id) < self.scene.begin {
                continue;
            }
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

    /// Puts a text at that one of the places which covers no other label and crosses the fewest
    /// lines. Where each would cover a label, only a text that must be shown is shown.
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
        let left_out = self.scene.drawn.start;
        let mut notes = Vec::new();
        if left_out > 0 {
            notes.push(format!("{} left out", plural(left_out as u64, "earlier message")));
        }
        if self.scene.lanes_left_out > 0 {
            notes.push(format!("{} left out", plural(self.scene.lanes_left_out as u64, "lane")));
        }
        let below = if self.scale.breaks.is_empty() && notes.is_empty() { 0 } else { 14 };
        let height = self.bottom + AXIS + below;
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

/// The finding's name, where its sentence begins beside it, and the sentence on one or two lines.
fn title(evidence: &Evidence<'_>) -> (String, i64, Vec<String>) {
    let Some(finding) = evidence.findings.first() else { return Default::default() };
    let id = format!("✗ {}", shown(&finding.id, 40));
    let x = 20 + text_width(&id, 13) + 16;
    let lines = wrapped(&finding.sentence, columns(RIGHT - x, 13), 2);
    (id, x, lines)
}

/// Every instant at which something is drawn.
fn instants(scene: &Scene<'_>) -> Vec<Time> {
    let threads = &scene.threads;
    let mut instants = Vec::new();
    for flight in &threads.flights[scene.drawn.clone()] {
        instants.push(flight.sent);
        if let Fate::Arrived(event) | Fate::Lost(event, _) = flight.fate {
            instants.push(threads.at(event));
        }
        instants.extend(flight.copies.iter().map(|copy| threads.at(*copy)));
    }
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
    instants.retain(|at| *at >= scene.begin);
    instants
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
