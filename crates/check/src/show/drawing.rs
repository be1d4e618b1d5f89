//! A finding as an SVG: a line for each client, a bar for each operation, and on them the order
//! that got stuck, or the arrows of the cycle.

use std::fmt::Write as _;

use splitbrain_core::{Edge, End, Finding, OperationId, Point, Proof};

use super::lines::Ranks;
use super::place::{columns, escaped, text_width, wide};
use super::visible::{plural, shown};
use super::{DRAWN_MAX, Shown, cycle_name, matter, theme};

const WIDTH: i64 = 1_000;
const LEFT: i64 = 96;
const RIGHT: i64 = WIDTH - 24;
const TOP: i64 = 28;
const LANE: i64 = 72;
/// The same, where arrows lie between lanes.
const LANE_OF_CYCLE: i64 = 96;
/// Half the height of a bar.
const HALF: i64 = 11;
/// The least width of a bar.
const BAR: i64 = 26;

const STYLE: &str = "\
.sb .order{stroke:var(--request);stroke-width:1.5;stroke-dasharray:2 3}
.sb .point{fill:var(--request)}
.sb .number{fill:var(--page);font-size:10px;font-weight:700;text-anchor:middle}
.sb .dep{stroke:var(--tone);stroke-width:1.75}
.sb .dep-head{fill:var(--tone)}
.sb .dep-text{font-weight:700;text-anchor:middle}
.sb .ww{--tone:var(--request)}
.sb .wr{--tone:var(--vote-reply)}
.sb .rw{--tone:var(--bad)}
.sb .after{--tone:var(--muted)}
.sb .after .dep{stroke-dasharray:6 4}
";

/// Draws the operations that a finding is about.
///
/// ```
/// use splitbrain_check::show::{Shown, drawing};
/// use splitbrain_core::{End, Finding, OperationId};
///
/// let finding = Finding::new("LIN-PHANTOM-READ", "...").operations([OperationId(0)]);
/// let show = |_: OperationId| Shown {
///     lane: "c1".into(),
///     text: "read x → <7>".into(),
///     invoked: 0,
///     completed: Some(1),
///     end: End::Ok,
/// };
/// let svg = drawing(&finding, &show);
/// assert!(svg.starts_with("<svg ") && svg.contains("read x → &lt;7&gt;"));
/// ```
pub fn drawing(finding: &Finding, show: &dyn Fn(OperationId) -> Shown) -> String {
    let all = matter(finding);
    let left_out = all.len().saturating_sub(DRAWN_MAX);
    let mut drawing = Drawing::new(finding, all[left_out..].iter().map(|id| (*id, show(*id))));
    drawing.lanes();
    match &finding.proof {
        Some(Proof::Cycle(edges)) => drawing.cycle(edges),
        Some(Proof::Stuck { order, .. }) => drawing.order(order),
        None => (),
    }
    drawing.finish(left_out)
}

/// A bar on its lane.
struct Bar {
    id: OperationId,
    shown: Shown,
    row: usize,
    y: i64,
    from: i64,
    to: i64,
}

struct Drawing<'a> {
    finding: &'a Finding,
    lanes: Vec<String>,
    /// The height of a lane.
    lane: i64,
    bars: Vec<Bar>,
    ranks: Ranks,
    out: String,
}

impl<'a> Drawing<'a> {
    fn new(finding: &'a Finding, operations: impl Iterator<Item = (OperationId, Shown)>) -> Self {
        let operations: Vec<_> = operations.collect();
        let ranks = Ranks::new(operations.iter().map(|(_, shown)| shown));
        let is_cycle = matches!(finding.proof, Some(Proof::Cycle(_)));
        let lane = if is_cycle { LANE_OF_CYCLE } else { LANE };
        let mut lanes: Vec<String> = Vec::new();
        let mut bars = Vec::new();
        for (id, shown) in operations {
            let row = lanes.iter().position(|lane| *lane == shown.lane).unwrap_or_else(|| {
                lanes.push(shown.lane.clone());
                lanes.len() - 1
            });
            let from = x(&ranks, shown.invoked);
            let end = shown.completed.filter(|_| shown.end != End::Unknown);
            let to = end.map_or(RIGHT, |end| x(&ranks, end)).max(from + BAR);
            let y = middle(row, lane);
            bars.push(Bar { id, shown, row, y, from, to });
        }
        Self { finding, lanes, lane, bars, ranks, out: String::new() }
    }

    fn lanes(&mut self) {
        let mut out = String::new();
        for (row, lane) in self.lanes.iter().enumerate() {
            let y = middle(row, self.lane);
            let _ = writeln!(
                out,
                "<line class=\"lane\" x1=\"{LEFT}\" y1=\"{y}\" x2=\"{RIGHT}\" y2=\"{y}\"/>\n\
                 <text class=\"name\" x=\"{}\" y=\"{}\">{}</text>",
                LEFT - 14,
                y + 5,
                escaped(&shown(lane, 11))
            );
        }
        for (at, bar) in self.bars.iter().enumerate() {
            let next = self.bars[at + 1..].iter().find(|next| next.row == bar.row);
            self.bar(bar, next.map_or(RIGHT, |next| next.from - 8), &mut out);
        }
        self.out = out;
    }

    /// A bar, with its text inside where there is room, and above it where there is not.
    fn bar(&self, bar: &Bar, limit: i64, out: &mut String) {
        let refused = match &self.finding.proof {
            Some(Proof::Stuck { next, .. }) => next.iter().any(|next| next.operation == bar.id),
            _ => false,
        };
        let kind = match bar.shown.end {
            End::Ok => "ok",
            End::Failed => "fail",
            End::Unknown => "unknown",
        };
        let wrong = if refused { " wrong" } else { "" };
        let (y, from, to) = (bar.y, bar.from, bar.to);
        let _ = writeln!(
            out,
            "<g><title>{}</title><rect class=\"op {kind}{wrong}\" x=\"{from}\" y=\"{}\" \
             width=\"{}\" height=\"{}\" rx=\"4\"/></g>",
            escaped(&shown(&bar.shown.text, 400)),
            y - HALF,
            to - from,
            2 * HALF
        );
        let name = cycle_name(self.finding, bar.id);
        let mark = name.as_ref().map_or(String::new(), |name| format!("{name}: "));
        let cross = if refused { " ✗" } else { "" };
        let text = format!("{mark}{}{cross}", bar.shown.text);
        let (x, y, room) = if text_width(&text, 12) + 14 <= to - from {
            (from + 8, y + 4, to - from)
        } else {
            // Arrows come from the lanes above: there the text would be in their way.
            let below = name.is_some() && bar.row > 0;
            let y = if below { y + HALF + 14 } else { y - HALF - 4 };
            (from, y, (limit - from).max(110))
        };
        let text = shown(&text, columns(room, 12));
        let x = x.min(RIGHT - text_width(&text, 12)).max(LEFT);
        let class = if refused { "op-text wrong-text halo" } else { "op-text halo" };
        let _ =
            writeln!(out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>", escaped(&text));
    }

    fn bar_of(&self, id: OperationId) -> Option<&Bar> {
        self.bars.iter().find(|bar| bar.id == id)
    }

    /// The instants of an order, numbered, and the line that leads from one to the next.
    fn order(&mut self, order: &[Point]) {
        let drawn: Vec<(usize, &Point, &Bar)> = order
            .iter()
            .enumerate()
            .filter_map(|(at, point)| Some((at + 1, point, self.bar_of(point.operation)?)))
            .collect();
        let mut places: Vec<(i64, i64)> = Vec::new();
        for (_, point, bar) in &drawn {
            // Points between the same two events share the room between them.
            let rank = self.ranks.rank(point.after);
            let alike = drawn.iter().filter(|(_, p, _)| self.ranks.rank(p.after) == rank).count();
            let before = drawn
                .iter()
                .take(places.len())
                .filter(|(_, p, _)| self.ranks.rank(p.after) == rank)
                .count();
            let (from, to) = (self.x_of_rank(rank), self.x_of_rank(rank + 1));
            let x = from + (to - from) * (wide(before) + 1) / (wide(alike) + 1);
            places.push((x.clamp(bar.from + 2, bar.to.max(bar.from + 4) - 2), bar.y + HALF));
        }
        let path: Vec<String> = places.iter().map(|(x, y)| format!("{x} {y}")).collect();
        let mut out = String::new();
        if path.len() > 1 {
            let _ = writeln!(out, "<path class=\"order\" d=\"M{}\"/>", path.join("L"));
        }
        for ((number, _, _), (x, y)) in drawn.iter().zip(&places) {
            let _ = writeln!(
                out,
                "<circle class=\"point\" cx=\"{x}\" cy=\"{y}\" r=\"8\"/>\
                 <text class=\"number\" x=\"{x}\" y=\"{}\">{number}</text>",
                y + 3
            );
        }
        self.out.push_str(&out);
    }

    fn x_of_rank(&self, rank: usize) -> i64 {
        place_of_rank(rank.saturating_sub(1).min(self.ranks.count()), self.ranks.count())
    }

    /// The arrows of a cycle, each with its kind.
    fn cycle(&mut self, edges: &[Edge]) {
        let mut out = String::new();
        for edge in edges {
            let (Some(from), Some(to)) = (self.bar_of(edge.from), self.bar_of(edge.to)) else {
                continue;
            };
            // Out of the last third, into the first: a way there and the way back stay apart.
            let x0 = from.from + (from.to - from.from) * 2 / 3;
            let x1 = to.from + (to.to - to.from) / 3;
            let (y0, y1) = match from.row.cmp(&to.row) {
                std::cmp::Ordering::Less => (from.y + HALF, to.y - HALF),
                std::cmp::Ordering::Greater => (from.y - HALF, to.y + HALF),
                std::cmp::Ordering::Equal => (from.y + HALF, to.y + HALF),
            };
            // On one lane a longer way goes deeper, so that no arrow lies on another.
            let bend = if from.row == to.row { 26 + ((x1 - x0).abs() / 10).min(64) } else { 0 };
            let (mx, my) = (i64::midpoint(x0, x1), i64::midpoint(y0, y1) + bend);
            let class = match &*edge.kind {
                kind if kind.starts_with("ww") => "ww",
                kind if kind.starts_with("wr") => "wr",
                kind if kind.starts_with("rw") => "rw",
                _ => "after",
            };
            // A third of the way along: where two arrows cross, their names stay apart.
            let kind = escaped(&shown(&edge.kind, 12));
            let _ = writeln!(
                out,
                "<g class=\"{class}\"><title>{}</title>\
                 <path class=\"dep\" d=\"M{x0} {y0}Q{mx} {my} {x1} {y1}\"/>{}\
                 <text class=\"dep-text halo\" x=\"{}\" y=\"{}\">{kind}</text></g>",
                escaped(&shown(&edge.why, 400)),
                head((mx, my), (x1, y1)),
                (4 * x0 + 4 * mx + x1) / 9,
                (4 * y0 + 4 * my + y1) / 9 + 4
            );
        }
        self.out.push_str(&out);
    }

    fn finish(self, left_out: usize) -> String {
        let note = if left_out > 0 { 22 } else { 0 };
        let height = TOP + self.lane * wide(self.lanes.len()) + 8 + note;
        let mut out = self.out;
        if left_out > 0 {
            let text = format!("{} left out", plural(left_out as u64, "earlier operation"));
            let _ =
                writeln!(out, "<text class=\"quiet\" x=\"20\" y=\"{}\">{text}</text>", height - 8);
        }
        let title =
            format!("{}: {}", shown(&self.finding.id, 40), shown(&self.finding.sentence, 300));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"sb\" width=\"{WIDTH}\" \
             height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
             <title>{}</title>\n<style>\n{}{}{STYLE}</style>\n\
             <rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>\n{out}</svg>\n",
            escaped(&title),
            theme::css(),
            theme::STYLE,
        )
    }
}

/// The height of a lane's line.
fn middle(row: usize, lane: i64) -> i64 {
    TOP + lane / 2 + lane * wide(row)
}

fn x(ranks: &Ranks, place: u32) -> i64 {
    place_of_rank(ranks.rank(place).saturating_sub(1), ranks.count())
}

/// Ranks stand at equal distances; the last has a little room behind it.
fn place_of_rank(rank: usize, count: usize) -> i64 {
    let (left, right) = (LEFT + 12, RIGHT - 12);
    left + (right - left) * wide(rank) / wide(count.max(2))
}

/// The head of an arrow.
fn head((x0, y0): (i64, i64), (x1, y1): (i64, i64)) -> String {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let length = (dx * dx + dy * dy).isqrt().max(1);
    let back =
        |aside: i64| (x1 - (dx * 10 + dy * aside) / length, y1 - (dy * 10 - dx * aside) / length);
    let ((ax, ay), (bx, by)) = (back(4), back(-4));
    format!("<path class=\"dep-head\" d=\"M{x1} {y1}L{ax} {ay}L{bx} {by}z\"/>")
}
