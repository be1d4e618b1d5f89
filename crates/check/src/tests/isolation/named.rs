//! For each anomaly a history that shows it, and near misses that do not.

use splitbrain_core::{End, OperationId, ProcessId, Proof};

use crate::Budget;
use crate::isolation::Options;
use crate::list_append;
use crate::transaction::{MicroOp, Name, Seen, Transactions};

use super::Case;
use super::notation::{self, Kind};

const SERIALIZABLE: &str = "serializable";

pub(super) const LISTS: &[Case] = &[
    Case::lists("nothing", "", "unknown").says("no read or write shows"),
    Case::lists("one after the other", "ax1 ; ax2 ry ; rx1,2 ay1 ; ry1", "valid"),
    Case::lists("at once", "ax1 ry / rx1 ay1", "valid"),
    // G0: near miss, both lists in the same order.
    Case::lists("G0", "ax1 ay1 / ax2 ay2 / rx1,2 ry2,1", "G0").says(
        "T0 and T1 overwrote each other: T1 appended 2 to x after T0's 1 and T0 appended 1 to y \
         after T1's 2",
    ),
    Case::lists("no G0", "ax1 ay1 / ax2 ay2 / rx1,2 ry1,2", "valid"),
    Case::lists("G0 of three", "ax1 az2 / ax2 ay1 / ay2 az1 / rx1,2 ry1,2 rz1,2", "G0")
        .says("overwrote one another in a circle"),
    Case::lists("G0-process", "1:ay1 ; 1:ax1 / 2:ax2 ay2 / rx1,2 ry2,1", "G0-process"),
    Case::lists("G0-realtime", "ax1 ; ax2 ; rx2,1", "G0-realtime")
        .says("T0 had ended before T1 began"),
    Case::lists("no G0-realtime", "ax1 / ax2 ; rx2,1", "valid"),
    // G1a: what is unknown may be read.
    Case::lists("G1a", "ax1! ; rx1", "G1a")
        .says("T1's read of x shows 1, which T0 appended; but T0 failed, and never happened"),
    Case::lists("no G1a", "ax1 ? ; rx1", "valid"),
    Case::lists("G1a amid a list", "ax1 / ax2! / ax3 / rx1,2,3", "dirty-update G1a"),
    // G1b: the end of a transaction, and its own middle, may be read.
    Case::lists("G1b", "ax1 ax2 / rx1 / rx1,2", "G1b G-single")
        .says("T1's read of x ends in 1, the middle of T0"),
    Case::lists("no G1b", "ax1 ax2 / rx1,2", "valid"),
    Case::lists("own middle", "ax1 rx1 ax2 / rx1,2", "valid"),
    Case::lists("two keys are no middle", "ax1 ay1 / rx1 / ry1", "valid"),
    // G1c
    Case::lists("G1c", "ax1 ry1 / ay1 rx1", "G1c")
        .says("T1 read T0's append of 1 to x and T0 read T1's append of 1 to y: neither can come"),
    Case::lists("no G1c", "ax1 ry / ay1 rx1", "valid"),
    Case::lists("G1c-realtime", "rx1 ; ax1", "G1c-realtime"),
    Case::lists("no G1c-realtime", "rx1 / ax1", "valid"),
    Case::lists("G1c-process", "1:rx1 ; 1:ax1", "G1c-process"),
    // G-single
    Case::lists("read skew", "ax1 ay1 / rx1 ry", "G-single")
        .says("T1 read T0's append of 1 to x, yet T1 missed T0's append of 1 to y"),
    Case::lists("no read skew", "ax1 ay1 / rx1 ry1", "valid"),
    Case::lists("neither seen", "ax1 ay1 / rx ry", "valid"),
    Case::lists("G-single-realtime", "ax1 ; rx / rx1", "G-single-realtime")
        .says("T0 had ended before T1 began, yet T1 missed T0's append of 1 to x"),
    Case::lists("no G-single-realtime", "ax1 / rx / rx1", "valid"),
    Case::lists("G-single-process", "1:ax1 ; 1:rx / rx1", "G-single-process"),
    Case::lists("G-single-realtime of an unread append", "ax1 ; rx", "G-single-realtime"),
    Case::lists("time is not looked at", "ax1 ; rx", "valid").models(SERIALIZABLE),
    Case::lists("an append of unknown outcome may be missing", "ax1 ? ; rx", "unknown"),
    Case::lists("or happen later", "ax1 ? ; rx ; rx1", "valid"),
    Case::lists("but not go away", "ax1 ? ; rx1 ; rx", "G-single-realtime"),
    // G-nonadjacent
    Case::lists("long fork", "ax1 / ay1 / rx1 ry / ry1 rx", "G-nonadjacent"),
    Case::lists("no long fork", "ax1 / ay1 / rx1 ry / ry1 rx1", "valid"),
    Case::lists(
        "G-nonadjacent-realtime",
        "rz1 rx / ax1 ; rz ; az1",
        "G1c-realtime G-single-realtime",
    ),
    // G2-item
    Case::lists("write skew", "rx ry ax1 / rx ry ay1", "G2-item")
        .says("T0 and T1 each missed the other's write"),
    Case::lists("write skew, SI", "rx ry ax1 / rx ry ay1", "valid").models("snapshot-isolation"),
    Case::lists("no write skew", "rx ry ax1 / rx1 ry ay1", "valid"),
    Case::lists("G2-item-realtime", "rx ay1 ; az1 / rz ry / ax1", "G-single-realtime"),
    Case::lists("three in a circle", "rx ay1 / ry az1 / rz ax1", "G2-item"),
    // lost update
    Case::lists("lost update", "rx ax1 / rx ax2 / rx1,2", "lost-update G-single")
        .says("T0 and T1 both read x as nothing and then wrote it"),
    Case::lists("no lost update", "rx ax1 / rx1 ax2 / rx1,2", "valid"),
    Case::lists("the read came after the append", "ax1 rx1 ax2 / rx1,2 ax3", "valid"),
    Case::lists("three lost updates", "rx ax1 / rx ax2 / rx ax3", "lost-update G2-item")
        .says("and then wrote it, as did 1 more"),
    Case::lists("same element of another list", "rx ax1 / ry ay1 / rx1 ry1", "valid"),
    // internal, future read
    Case::lists("internal", "ax1 rx", "internal")
        .models("read-atomic")
        .says("T0 reads x as nothing, though it had appended [1] before"),
    Case::lists("not internal", "ax1 rx1", "unknown"),
    Case::lists("unrepeatable", "rx rx1 / ax1", "internal").models("read-atomic"),
    Case::lists("future read", "rx1 ax1 / ry", "future-read").models("read-committed"),
    Case::lists("past read", "ax1 rx1 / rx1", "valid"),
    // orders
    Case::lists("incompatible order", "ax1 / ax2 / rx1,2 / rx2", "incompatible-order")
        .models("read-committed")
        .says("T3 read x as [2], and T2 as [1 2]: neither is the beginning of the other"),
    Case::lists("compatible orders", "ax1 / ax2 / rx1,2 / rx1 / rx", "valid"),
    Case::lists("appends of one transaction, swapped", "ax1 ax2 / rx2,1", "incompatible-order G1b")
        .models("read-committed")
        .says("T0 appended 1 to x and then 2, yet T1's read shows 2 before 1"),
    Case::lists("appends of one transaction, one gone", "ax1 ax2 / rx2", "incompatible-order")
        .models("read-committed")
        .says("T1's read shows 2 without 1"),
    Case::lists("duplicate elements", "ax1 / ax2 / rx1,2,1", "duplicate-elements")
        .models("read-uncommitted")
        .says("T2's read of x shows 1 twice: [1 2 1]"),
    Case::lists("duplicate garbage", "ax1 / rx1,9,9", "duplicate-elements garbage-read")
        .models("read-uncommitted"),
    // garbage
    Case::lists("garbage", "ax1 / rx1,7", "garbage-read")
        .says("T1's read of x shows 7, which nobody appended"),
    Case::lists("garbage of another list", "ax1 / ry1", "garbage-read"),
    // dirty updates
    Case::lists("no dirty update: nothing after it", "ax1 / ax2! / rx1,2", "G1a"),
    Case::lists("no dirty update: unknown", "ax1 ? / ax2 / rx1,2", "valid"),
    // duplicates
    Case::lists("appended twice, another list is wrong", "ax1 / ax1 / ay1 rz / az1 ry", "G2-item"),
    Case::lists("appended twice at once", "ax1 ax1 / rx1", "unknown"),
    Case::lists("a register among lists", "ax1 / rx1 / wy1", "unknown")
        .says("1 micro-ops are no reads or appends of lists, and are left out; the first is in T2"),
    // the edges over unread appends
    Case::lists("an unread append follows what was read", "ax1 / rx1 ay1 / ry ax2", "G2-item"),
    Case::lists("readers of the last version", "rx ax1 / rx ay1 / ry ax2", "G2-item"),
];

pub(super) const REGISTERS: &[Case] = &[
    Case::registers("nothing", "", "unknown"),
    Case::registers("one after the other", "wx1 ; rx1 wx2 ; rx2", "valid").assume("follow"),
    Case::registers("G0", "wx1 wy2 / wx2 wy1 / rx1 wx3 / ry1 wy3", "valid"),
    Case::registers("G1a", "wx1! ; rx1", "G1a")
        .says("T1's read of x shows 1, which T0 wrote; but T0 failed"),
    Case::registers("no G1a", "wx1 ? ; rx1", "valid"),
    Case::registers("G1b", "wx1 wx2 / rx1", "G1b").says("which T0 wrote and then replaced itself"),
    Case::registers("no G1b", "wx1 wx2 / rx2", "valid"),
    Case::registers("G1c", "wx1 ry1 / wy1 rx1", "G1c").says("T1 read T0's write of 1 to x"),
    Case::registers("no G1c", "wx1 ry / wy1 rx1", "valid"),
    Case::registers("G1c-realtime", "rx1 ; wx1", "G1c-realtime"),
    Case::registers("read skew", "wx1 wy1 / rx1 ry", "G-single")
        .says("T1 read T0's write of 1 to x, yet T1 missed T0's write of 1 to y"),
    Case::registers("no read skew", "wx1 wy1 / rx1 ry1", "valid"),
    Case::registers("long fork", "wx1 / wy1 / rx1 ry / ry1 rx", "G-nonadjacent"),
    Case::registers("write skew", "rx ry wx1 / rx ry wy1", "G2-item"),
    Case::registers("lost update", "wx0 / rx0 wx1 / rx0 wx2", "lost-update"),
    Case::registers("lost update, in order", "wx0 / rx0 wx1 / rx0 wx2", "lost-update G2-item")
        .assume("follow"),
    Case::registers("no lost update", "wx0 / rx0 wx1 / rx1 wx2", "valid").assume("follow"),
    Case::registers("a stale read", "wx1 ; wx2 ; rx1", "cyclic-versions").assume("linearizable"),
    Case::registers("no stale read", "wx1 ; wx2 ; rx2", "valid").assume("linearizable"),
    Case::registers("overlapping writes", "wx1 / wx2 ; rx1", "valid").assume("linearizable"),
    Case::registers(
        "cyclic versions spare other keys",
        "wx1 ; wx2 ; rx1 / wy1 rz / wz1 ry",
        "cyclic-versions G2-item",
    )
    .assume("linearizable"),
    Case::registers("a session goes back", "1:wx1 ; 1:wx2 / 2:rx2 ; 2:rx1", "cyclic-versions")
        .assume("sequential"),
    Case::registers("sessions are not assumed", "1:wx1 ; 1:wx2 / 2:rx2 ; 2:rx1", "valid"),
    Case::registers("future read", "rx1 wx1 / ry", "future-read").models("read-committed"),
    Case::registers("past read", "wx1 rx1 / rx1", "valid"),
    Case::registers("own write missing", "wx1 rx", "internal")
        .models("read-atomic")
        .says("T0 reads x as nothing, though it wrote 1 before"),
    Case::registers("written twice", "wx1 / wx1 / rx1", "unknown")
        .says("1 was written to x by T0 and by T1"),
    Case::registers("a list among registers", "wx1 / rx1 / ay1", "unknown")
        .says("no reads or writes of registers"),
    Case::registers("written twice by one", "wx1 wx2 wx1 / rx1", "valid"),
    Case::registers("a write of unknown outcome was seen", "wx1 wy1 ? / rx1 ry", "G-single"),
    Case::registers("a write of unknown outcome was not", "wx1 wy1 ? / rx ry", "unknown"),
];

/// One G-single amid several hundred transactions that are only G2-item. Elle has a test of this
/// shape, with some thirty thousand, for what its search cannot find in time.
pub(super) fn needle() -> Result<(), String> {
    let mut history = Transactions::default();
    let (ring, noise) = (60_i64, 12_i64);
    let mut place = 0;
    let mut add = |history: &mut Transactions, ops: &[MicroOp<'_>]| {
        let id = history.begin(ProcessId(place), 2 * place, ops);
        history.end(id, 2 * place + 1_000_000, End::Ok, ops);
        place += 1;
    };
    let ring_key = history.key(Name::Text("ring"));
    let anti = history.key(Name::Text("anti"));
    let values: Vec<_> = (0..ring).map(|i| history.value(Name::Integer(i))).collect();
    for (i, value) in (0..ring).zip(&values) {
        let key = history.key(Name::Integer(i));
        let append = MicroOp::Append { key: ring_key, value: *value };
        let other = match i {
            0 => MicroOp::Append { key: anti, value: values[0] },
            _ if i + 1 == ring => MicroOp::Read { key: anti, seen: Seen::Nothing },
            _ => MicroOp::Append { key, value: values[0] },
        };
        add(&mut history, &[append, other]);
    }
    add(&mut history, &[MicroOp::Read { key: ring_key, seen: Seen::List(&values) }]);
    for i in 1..ring - 1 {
        let key = history.key(Name::Integer(i));
        let other = history.key(Name::Text(&format!("anti {i}")));
        let list: Vec<_> = (0..noise - 2).map(|j| history.value(Name::Integer(j))).collect();
        for value in &list[1..] {
            add(&mut history, &[MicroOp::Append { key, value: *value }]);
        }
        let read = MicroOp::Read { key, seen: Seen::List(&list) };
        add(&mut history, &[read, MicroOp::Read { key: other, seen: Seen::Nothing }]);
        let append = MicroOp::Append { key: other, value: values[0] };
        add(&mut history, &[append, MicroOp::Read { key: ring_key, seen: Seen::Nothing }]);
    }
    let verdict = list_append::judge(&history, &Options::default());
    let ids: Vec<&str> = verdict.findings.iter().map(|finding| &*finding.id).collect();
    match ids[..] {
        ["G-single"] => Ok(()),
        _ => Err(format!("needle: {ids:?} {:?}", verdict.undecided)),
    }
}

/// A search that may look at nothing says what it does not know.
pub(super) fn out_of_budget() -> Result<(), String> {
    let text = "rx ay1 / ry az1 / rz ax1";
    let history = notation::history(Kind::Lists, text);
    let budget = Budget { states: 0, ..Budget::default() };
    let models = vec!["consistent-view".parse().map_err(|_| "a model")?];
    let options = Options { models, budget, ..Options::default() };
    let verdict = list_append::judge(&history, &options);
    let undecided = verdict.undecided.concat();
    if verdict.findings.is_empty() && undecided.contains("G-single") {
        return Ok(());
    }
    Err(format!("out of budget: {verdict:?}"))
}

/// The history of a finding holds who shows the order, and nobody else.
pub(super) fn witnesses() -> Result<(), String> {
    let text = "aw1 / ax1 ay1 / rw1 / ax2 ay2 / rx1,2 / rx1 / ry2,1 / rw";
    let history = notation::history(Kind::Lists, text);
    let verdict = list_append::judge(&history, &Options::default());
    let finding = verdict.findings.first().ok_or("witnesses: no finding")?;
    let edges = match &finding.proof {
        Some(Proof::Cycle(edges)) => edges.len(),
        _ => 0,
    };
    if finding.id == "G0" && finding.operations == [1, 3, 4, 6].map(OperationId) && edges == 2 {
        return Ok(());
    }
    Err(format!("witnesses: {finding:?}"))
}

/// What ends and what begins at the same place overlap.
pub(super) fn ties() -> Result<(), String> {
    let mut history = Transactions::default();
    let key = history.key(Name::Text("x"));
    let value = history.value(Name::Integer(1));
    let append = [MicroOp::Append { key, value }];
    let read = [MicroOp::Read { key, seen: Seen::Nothing }];
    let writer = history.begin(ProcessId(0), 0, &append);
    history.end(writer, 1, End::Ok, &append);
    let reader = history.begin(ProcessId(1), 1, &read);
    history.end(reader, 2, End::Ok, &read);
    let verdict = list_append::judge(&history, &Options::default());
    if verdict.findings.is_empty() { Ok(()) } else { Err(format!("ties: {verdict:?}")) }
}
