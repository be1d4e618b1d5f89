//! The diagram as text for a terminal: time runs down, each lane is a column.
//!
//! A message is one arrow in the row of its sending. If its receiver did something else before it
//! arrived, the arrow's head is open, and a dashed arrow stands in the row of the arrival.

use std::collections::BTreeMap;

use splitbrain_core::{EventId, Time};

use super::scene::Scene;
use crate::evidence::{Evidence, Fate, Flight};
use crate::story::{Beat, BeatKind, beats, keep};
use crate::style::{COLUMNS, Ink, Line, Style, write};
use splitbrain_check::show::visible::{clock, plural, shown, width};

/// The first column of the picture: left of it stands the time.
const LEFT: usize = 11;
/// A lane needs about ten columns to have room for a message's name.
const LANES_MAX: usize = 7;

/// Draws the run up to the last answer that is wrong, in at most `lines` lines of 80 columns, not
/// counting the names at the top and the note at the end that says what was left out.
pub fn text(evidence: &Evidence<'_>, lines: usize, style: Style) -> String {
    let evidence = &Evidence { trace: &evidence.decisive(), ..*evidence };
    let scene = Scene::new(evidence);
    let mut beats = beats(evidence, &scene.threads);
    let mut left_out = keep(&mut beats, lines);
    let columns = columns(&scene, &beats);
    let before = beats.len();
    beats.retain(|beat| lanes(&scene, beat).iter().all(|lane| columns.contains_key(lane)));
    left_out += before - beats.len();

    let picture = Picture { scene: &scene, columns };
    let mut out = vec![picture.head()];
    for row in picture.rows(&beats, lines) {
        out.push(match row {
            Row::Beat(beat) => picture.beat(beat, &beats),
            Row::Arrival(event, flight) => picture.arrival(event, flight),
        });
    }
    if left_out > 0 {
        let note = format!("{:>9}  {} left out", "…", plural(left_out as u64, "event"));
        out.push(Line::default().then(Ink::Dim, note));
    }
    write(out, style)
}

/// The lanes that a beat is about.
fn lanes(scene: &Scene<'_>, beat: &Beat) -> Vec<u16> {
    match &beat.kind {
        BeatKind::Flight { flight, .. } => {
            let flight = &scene.threads.flights[*flight];
            vec![flight.from, flight.to]
        }
        BeatKind::Mark { .. } => vec![scene.threads.lane(beat.event)],
    }
}

/// Where the lanes are that most of the beats are about, in the scene's order.
fn columns(scene: &Scene<'_>, beats: &[Beat]) -> BTreeMap<u16, usize> {
    let mut busy: BTreeMap<u16, usize> = BTreeMap::new();
    for lane in beats.iter().flat_map(|beat| lanes(scene, beat)) {
        *busy.entry(lane).or_default() += 1;
    }
    let mut order: Vec<u16> =
        scene.lanes.iter().copied().filter(|lane| busy.contains_key(lane)).collect();
    while order.len() > LANES_MAX {
        let Some(idlest) = order.iter().min_by_key(|lane| busy[lane]).copied() else { break };
        order.retain(|lane| *lane != idlest);
    }
    let apart = (COLUMNS - LEFT) / order.len().max(1);
    let apart = apart.min(20);
    order.into_iter().enumerate().map(|(at, lane)| (lane, LEFT + at * apart)).collect()
}

/// What a line shows: something that happens, or a late arrival.
enum Row<'a> {
    Beat(&'a Beat),
    Arrival(EventId, &'a Flight),
}

struct Picture<'a> {
    scene: &'a Scene<'a>,
    columns: BTreeMap<u16, usize>,
}

impl Picture<'_> {
    fn head(&self) -> Line {
        let mut line = Line::default();
        for (lane, column) in self.in_order() {
            let name = self.scene.threads.name(lane);
            line = line.up_to(column).then(Ink::Strong, name);
        }
        line
    }

    fn in_order(&self) -> Vec<(u16, usize)> {
        let mut lanes: Vec<(u16, usize)> = self.columns.iter().map(|(a, b)| (*a, *b)).collect();
        lanes.sort_by_key(|(_, column)| *column);
        lanes
    }

    /// All rows in order, late arrivals between the beats, as far as there is room for them.
    fn rows<'a>(&'a self, beats: &'a [Beat], lines: usize) -> Vec<Row<'a>> {
        let mut rows: Vec<(EventId, Row<'_>)> =
            beats.iter().map(|beat| (beat.event, Row::Beat(beat))).collect();
        for beat in beats {
            let Some((event, flight)) = self.late(beat, beats) else { continue };
            if rows.len() < lines {
                rows.push((event, Row::Arrival(event, flight)));
            }
        }
        rows.sort_by_key(|(event, _)| *event);
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// The arrival of the beat's message, if its receiver did something else first.
    fn late(&self, beat: &Beat, beats: &[Beat]) -> Option<(EventId, &Flight)> {
        let BeatKind::Flight { flight, .. } = &beat.kind else { return None };
        let flight = &self.scene.threads.flights[*flight];
        let Fate::Arrived(arrival) = flight.fate else { return None };
        let first = beats.partition_point(|other| other.event <= beat.event);
        let between = beats[first..].iter().take_while(|other| other.event < arrival);
        let is_overtaken =
            between.into_iter().any(|other| self.scene.threads.lane(other.event) == flight.to);
        is_overtaken.then_some((arrival, flight))
    }

    /// An empty row: each lane's line, none where the node is down.
    fn row(&self, at: Time) -> Cells {
        let mut cells = Cells(vec![(' ', Ink::Plain); COLUMNS]);
        for (lane, column) in &self.columns {
            let gap =
                self.scene.gaps.iter().find(|gap| {
                    gap.lane == *lane && gap.from < at && gap.to.is_none_or(|to| at < to)
                });
            cells.0[*column] = match gap.map(|gap| gap.lost) {
                None => ('│', Ink::Dim),
                Some(None) => ('‖', Ink::Dim),
                Some(Some(_)) => (' ', Ink::Dim),
            };
        }
        cells.put(0, 9, Ink::Dim, &format!("{:>9}", clock(at)));
        cells
    }

    fn beat(&self, beat: &Beat, beats: &[Beat]) -> Line {
        let mut cells = self.row(self.scene.threads.at(beat.event));
        match &beat.kind {
            BeatKind::Flight { flight, says } => {
                let flight = &self.scene.threads.flights[*flight];
                let head = match flight.fate {
                    Fate::Lost(..) => Head::Lost,
                    Fate::Arrived(_) if self.late(beat, beats).is_none() => Head::Arrives,
                    Fate::Arrived(_) | Fate::Flying => Head::Open,
                };
                self.arrow(&mut cells, flight, says, head);
            }
            BeatKind::Mark { mark, ink, what, why } => {
                let column = self.columns[&self.scene.threads.lane(beat.event)];
                let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
                cells.mark(column, *mark, *ink, what, &why);
            }
        }
        cells.into_line()
    }

    fn arrival(&self, event: EventId, flight: &Flight) -> Line {
        let mut cells = self.row(self.scene.threads.at(event));
        let label = self.scene.threads.brief(flight);
        self.arrow(&mut cells, flight, &label, Head::Late);
        cells.into_line()
    }

    fn arrow(&self, cells: &mut Cells, flight: &Flight, says: &str, head: Head) {
        let (from, to) = (self.columns[&flight.from], self.columns[&flight.to]);
        if from == to {
            cells.mark(from, '↻', Ink::Plain, says, " (to itself)");
            return;
        }
        let (low, high) = (from.min(to), from.max(to));
        let rightward = from < to;
        let ink = if head == Head::Lost { Ink::Bad } else { Ink::Plain };
        let dash = if head == Head::Late { '╌' } else { '─' };
        for cell in &mut cells.0[low + 1..high] {
            *cell = (dash, ink);
        }
        let (tail, tip) = if rightward { ('├', high - 1) } else { ('┤', low + 1) };
        cells.0[from] = (tail, Ink::Plain);
        let tip_char = match (head, rightward) {
            (Head::Lost, _) => '✗',
            (Head::Arrives | Head::Late, true) => '▶',
            (Head::Arrives | Head::Late, false) => '◀',
            (Head::Open, true) => '▷',
            (Head::Open, false) => '◁',
        };
        let tip = match (head, rightward) {
            (Head::Lost, true) => {
                cells.0[tip] = (' ', ink);
                tip - 1
            }
            (Head::Lost, false) => {
                cells.0[tip] = (' ', ink);
                tip + 1
            }
            _ => tip,
        };
        cells.0[tip] = (tip_char, ink);
        let (first, last) = if rightward { (low + 1, tip) } else { (tip + 1, high) };
        let room = last - first;
        let label = self.scene.threads.label(flight);
        let is_roomy = width(says) + 2 <= room || room > 24;
        let says = shown(if is_roomy { says } else { &label }, room.min(room.max(26) - 2));
        let start = first + (last - first - width(&says).min(last - first)) / 2;
        cells.put(start, room, ink, &says);
    }
}

/// How an arrow ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    /// In this row.
    Arrives,
    /// In a later row, or never within this run.
    Open,
    /// In this row, having left in an earlier one.
    Late,
    /// On the way.
    Lost,
}

/// A row of characters with their ink. The second half of a wide character is a NUL.
struct Cells(Vec<(char, Ink)>);

impl Cells {
    /// Writes a text over the row, cut to so many columns and to the row.
    fn put(&mut self, column: usize, columns: usize, ink: Ink, text: &str) {
        let room = columns.min(COLUMNS.saturating_sub(column));
        let mut at = column;
        for char in shown(text, room).chars() {
            self.0[at] = (char, ink);
            let wide = width(char.encode_utf8(&mut [0; 4]));
            if wide == 2 {
                self.0[at + 1] = ('\0', ink);
            }
            at += wide;
        }
    }

    /// Writes what happens on a lane beside its line: to the right if there is room, else to the
    /// left.
    fn mark(&mut self, column: usize, mark: char, ink: Ink, what: &str, why: &str) {
        self.0[column] = (mark, ink);
        let right = COLUMNS - column - 2;
        let left = column - LEFT.min(column);
        let long = width(what) + width(why);
        let text =
            if long <= right || right >= left { format!("{what}{why}") } else { what.into() };
        let space = |text: &str| format!(" {text} ");
        if width(&text) <= right || right >= left {
            self.put(column + 1, right + 1, ink, &space(&text));
        } else {
            let text = shown(&text, left.saturating_sub(2));
            let start = column - width(&text) - 2;
            self.put(start, left, ink, &space(&text));
        }
    }

    fn into_line(self) -> Line {
        let mut line = Line::default();
        let mut piece = String::new();
        let mut ink = Ink::Plain;
        for (char, next) in self.0 {
            if next != ink && !piece.is_empty() {
                line = line.then(ink, std::mem::take(&mut piece));
            }
            ink = next;
            if char != '\0' {
                piece.push(char);
            }
        }
        line.then(ink, piece)
    }
}
