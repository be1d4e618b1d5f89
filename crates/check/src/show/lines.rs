//! A finding as lines for a terminal.

use splitbrain_core::{Edge, End, Finding, OperationId, Point, Proof, Refused};

use super::visible::{plural, shown, width, wrapped};
use super::{DRAWN_MAX, Shown, cycle_name, matter};

/// The longest order of which all is told.
const ORDER_MAX: usize = 12;
/// The columns of the picture of a history.
const PICTURE: usize = 24;

/// The evidence of a finding, below its sentence: the operations that show it with their places,
/// then its proof, step by step. No line is wider than `columns`.
///
/// ```
/// use splitbrain_check::show::{Shown, lines};
/// use splitbrain_core::{End, Finding, OperationId};
///
/// let shown = [OperationId(0), OperationId(1)];
/// let finding = Finding::new("LIN-STALE-READ", "...").operations(shown);
/// let texts = ["write x=1", "read x → nothing"];
/// let show = |id: OperationId| Shown {
///     lane: format!("c{}", id.0 + 1),
///     text: texts[id.0 as usize].into(),
///     invoked: id.0 * 2,
///     completed: Some(id.0 * 2 + 1),
///     end: End::Ok,
/// };
/// assert_eq!(
///     lines(&finding, &show, 60),
///     [
///         "c1  write x=1 ✓         ├──────┤",
///         "c2  read x → nothing ✓                 ├───────┤",
///     ]
/// );
/// ```
pub fn lines(
    finding: &Finding,
    show: &dyn Fn(OperationId) -> Shown,
    columns: usize,
) -> Vec<String> {
    let matter = matter(finding);
    let left_out = matter.len().saturating_sub(DRAWN_MAX);
    let last = &matter[left_out..];
    let operations: Vec<(OperationId, Shown)> = last.iter().map(|id| (*id, show(*id))).collect();
    let mut lines = Vec::new();
    if left_out > 0 {
        lines.push(format!("... {} before", plural(left_out as u64, "operation")));
    }
    lines.extend(history(finding, &operations, columns));
    match &finding.proof {
        Some(Proof::Cycle(edges)) => cycle(finding, edges, show, columns, &mut lines),
        Some(Proof::Stuck { order, next }) => stuck(order, next, show, columns, &mut lines),
        None => (),
    }
    lines
}

/// One line for each operation: who, what, how it ended, and a bar at its place.
fn history(finding: &Finding, operations: &[(OperationId, Shown)], columns: usize) -> Vec<String> {
    let name = |id: OperationId| cycle_name(finding, id).map_or(String::new(), |name| name + " ");
    let mut lanes = 0;
    let mut texts = 0;
    let labelled: Vec<(String, String, &Shown)> = operations
        .iter()
        .map(|(id, operation)| {
            let mark = match operation.end {
                End::Ok => "✓",
                End::Failed => "✗",
                End::Unknown => "?",
            };
            let lane = shown(&operation.lane, 12);
            let room = columns.saturating_sub(PICTURE + width(&lane) + 8).max(20);
            let text = format!("{}{} {mark}", name(*id), shown(&operation.text, room));
            lanes = lanes.max(width(&lane));
            texts = texts.max(width(&text));
            (lane, text, operation)
        })
        .collect();
    let ranks = Ranks::new(operations.iter().map(|(_, operation)| operation));
    let fits = lanes + texts + PICTURE + 4 <= columns;
    labelled
        .iter()
        .map(|(lane, text, operation)| {
            let pad = |text: &str, to: usize| " ".repeat(to - width(text));
            let bar = if fits { ranks.bar(operation) } else { String::new() };
            let line = format!("{lane}{}  {text}{}  {bar}", pad(lane, lanes), pad(text, texts));
            line.trim_end().to_owned()
        })
        .collect()
}

/// Places of requests and answers as ranks: only their order is known.
pub(super) struct Ranks {
    places: Vec<u32>,
}

impl Ranks {
    pub(super) fn new<'a>(operations: impl Iterator<Item = &'a Shown>) -> Self {
        let mut places: Vec<u32> = operations
            .flat_map(|operation| [Some(operation.invoked), operation.completed])
            .flatten()
            .collect();
        places.sort_unstable();
        places.dedup();
        Self { places }
    }

    pub(super) fn count(&self) -> usize {
        self.places.len()
    }

    /// How many places are not after this one.
    pub(super) fn rank(&self, place: u32) -> usize {
        self.places.partition_point(|other| *other <= place)
    }

    fn bar(&self, operation: &Shown) -> String {
        let steps = (self.count().max(2) - 1).max(1);
        let column = |place| (self.rank(place) - 1) * (PICTURE - 1) / steps;
        let from = column(operation.invoked);
        let indent = " ".repeat(from);
        match operation.completed.filter(|_| operation.end != End::Unknown) {
            Some(end) => {
                let inner = column(end).saturating_sub(from + 1);
                format!("{indent}├{}┤", "─".repeat(inner))
            }
            None => format!("{indent}├{}▷", "─".repeat((PICTURE - from).saturating_sub(2))),
        }
    }
}

fn cycle(
    finding: &Finding,
    edges: &[Edge],
    show: &dyn Fn(OperationId) -> Shown,
    columns: usize,
    lines: &mut Vec<String>,
) {
    lines.push("each of these came before the next, and the last before the first:".to_owned());
    let name = |id| cycle_name(finding, id).unwrap_or_else(|| show(id).lane);
    for edge in edges.iter().take(DRAWN_MAX) {
        let head = format!("{} → {}  {}", name(edge.from), name(edge.to), shown(&edge.kind, 12));
        step(&head, &edge.why, columns, lines);
    }
    if let Some(more) = edges.len().checked_sub(DRAWN_MAX + 1) {
        lines.push(format!("  ... and {}", plural(more as u64 + 1, "more step")));
    }
}

/// A step and its reason, the reason wrapped below its own beginning.
fn step(head: &str, why: &str, columns: usize, lines: &mut Vec<String>) {
    const HEAD: usize = 20;
    let why = wrapped(why, columns.saturating_sub(HEAD + 2).max(20), 6);
    for (at, part) in why.iter().enumerate() {
        let head = if at == 0 { head } else { "" };
        let pad = " ".repeat(HEAD.saturating_sub(width(head)));
        lines.push(format!("  {head}{pad}{part}").trim_end().to_owned());
    }
}

fn stuck(
    order: &[Point],
    next: &[Refused],
    show: &dyn Fn(OperationId) -> Shown,
    columns: usize,
    lines: &mut Vec<String>,
) {
    let skipped = order.len().saturating_sub(ORDER_MAX);
    let brief = |id: OperationId, room: usize| {
        let operation = show(id);
        shown(&format!("{} {}", operation.lane, operation.text), room)
    };
    if order.is_empty() {
        lines.push("no operation can come first:".to_owned());
    } else {
        lines.push("as far as an order gets:".to_owned());
        if skipped > 0 {
            lines.push(format!("     ... {} before", plural(skipped as u64, "operation")));
        }
        for (at, point) in order.iter().enumerate().skip(skipped) {
            let text = brief(point.operation, columns.saturating_sub(8));
            lines.push(format!("  {:>4}  {text}", at + 1));
        }
        lines.push("and then nothing fits:".to_owned());
    }
    for refused in next {
        lines.push(format!("  ✗  {}", brief(refused.operation, columns.saturating_sub(5))));
        for part in wrapped(&refused.why, columns.saturating_sub(8).max(20), 6) {
            lines.push(format!("        {part}"));
        }
    }
}
