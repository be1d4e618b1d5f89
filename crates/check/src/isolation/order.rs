//! What came before what by process and by time.
//!
//! PROBLEM     Each transaction that had ended comes before each that began after: n² edges.
//! IDEA        Time is a row of instants, each a junction. Who has ended leads to the next instant,
//!             an instant leads to the next, and to who begins right after it.
//! RULES       An invocation and a completion at the same place overlap.
//!             A transaction of unknown outcome never ends.

use splitbrain_core::End;

use crate::graph::{Builder, Dependency};
use crate::planted::{Planted, planted};
use crate::table::Table;
use crate::transaction::Transactions;

/// Adds the order of processes and of time between the transactions that happened.
pub(crate) fn time_edges(history: &Transactions, happened: &[bool], graph: &mut Builder) {
    let events = Events::of(history, happened);
    process(history, &events, graph);
    realtime(&events, graph);
}

/// Who began and who ended, each in the order of the places.
struct Events {
    began: Vec<(u32, u32)>,
    ended: Vec<(u32, u32)>,
}

impl Events {
    fn of(history: &Transactions, happened: &[bool]) -> Self {
        let mut events = Self { began: Vec::new(), ended: Vec::new() };
        for id in history.ids().filter(|id| happened[id.index()]) {
            events.began.push((history.invoked(id), id.0));
            let acknowledged = history.outcome(id) == End::Ok || planted(Planted::TxnUnknownEnds);
            if let Some(place) = history.completed(id).filter(|_| acknowledged) {
                events.ended.push((place, id.0));
            }
        }
        for order in [&mut events.began, &mut events.ended] {
            if !order.is_sorted() {
                order.sort_unstable();
            }
        }
        events
    }
}

/// From each transaction to the next of its process. What was asked before an earlier transaction
/// of the same process had ended is in no order with it.
fn process(history: &Transactions, events: &Events, graph: &mut Builder) {
    let mut last: Table<u32, u32> = Table::default();
    let mut ended = events.ended.iter().peekable();
    for (began, id) in &events.began {
        while let Some((_, before)) = ended.next_if(|(place, _)| place < began) {
            last.insert(history.process(splitbrain_core::OperationId(*before)).0, *before);
        }
        let process = history.process(splitbrain_core::OperationId(*id)).0;
        if let Some(before) = last.get(&process) {
            graph.edge(*before, Dependency::Process, *id);
        }
    }
}

fn realtime(events: &Events, graph: &mut Builder) {
    let kind = Dependency::Realtime;
    let mut instant: Option<u32> = None;
    let mut ended = events.ended.iter().peekable();
    for (began, id) in &events.began {
        let is_before = |place: u32| {
            if planted(Planted::TxnTiesOrdered) { place <= *began } else { place < *began }
        };
        if ended.peek().is_some_and(|(place, _)| is_before(*place)) {
            let next = graph.junction();
            if let Some(instant) = instant {
                graph.edge(instant, kind, next);
            }
            while let Some((_, before)) = ended.next_if(|(place, _)| is_before(*place)) {
                graph.edge(*before, kind, next);
            }
            instant = Some(next);
        }
        if let Some(instant) = instant {
            graph.edge(instant, kind, *id);
        }
    }
}
