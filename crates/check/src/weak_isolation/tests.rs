//! Named histories, and a judge that tries every commit order.

use splitbrain_core::{End, OperationId, ProcessId, Rng, Validity};

use super::{Level, judge};
use crate::Budget;
use crate::transaction::{Key, MicroOp, Name, Seen, Transactions};

/// One read or write: the key, the value, and whether it writes. A read of 0 shows nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Op {
    writes: bool,
    key: u32,
    value: i64,
}

/// A transaction: who, how it ended, and what it did.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Txn {
    process: u32,
    end: End,
    ops: Vec<Op>,
}

fn history(txns: &[Txn]) -> Transactions {
    let mut history = Transactions::default();
    for key in ["x", "y", "z"] {
        history.key(Name::Text(key));
    }
    for (place, txn) in (0..).zip(txns) {
        let values: Vec<_> =
            txn.ops.iter().map(|op| history.value(Name::Integer(op.value))).collect();
        let ops: Vec<MicroOp<'_>> = txn
            .ops
            .iter()
            .zip(&values)
            .map(|(op, value)| match (op.writes, op.value) {
                (true, _) => MicroOp::Write { key: Key(op.key), value: *value },
                (false, 0) => MicroOp::Read { key: Key(op.key), seen: Seen::Nothing },
                (false, _) => MicroOp::Read { key: Key(op.key), seen: Seen::Value(*value) },
            })
            .collect();
        let id = history.begin(ProcessId(txn.process), 2 * place, &ops);
        history.end(id, 2 * place + 1, txn.end, &ops);
    }
    history
}

/// A line is a session, `|` stands between its transactions: `wx1 ry2 | rx` writes 1 to x and reads
/// 2 from y, and then reads nothing from x. `!` at the end of a transaction: it failed; `?`: nobody
/// knows. The first transactions of all sessions come first, then the second ones.
fn drawn(picture: &str) -> Vec<Txn> {
    let mut txns: Vec<(usize, u32, Txn)> = Vec::new();
    for (process, line) in (0..).zip(picture.lines()) {
        for (place, text) in line.split('|').enumerate().filter(|(_, text)| !text.trim().is_empty())
        {
            let text = text.trim();
            let end = match text.chars().last() {
                Some('!') => End::Failed,
                Some('?') => End::Unknown,
                _ => End::Ok,
            };
            let ops = text.trim_end_matches(['!', '?']).split_whitespace().map(|op| {
                let key = u32::try_from("xyz".find(&op[1..2]).unwrap()).unwrap();
                let value = op[2..].parse().unwrap_or(0);
                Op { writes: op.starts_with('w'), key, value }
            });
            txns.push((place, process, Txn { process, end, ops: ops.collect() }));
        }
    }
    txns.sort_by_key(|(place, process, _)| (*place, *process));
    txns.into_iter().map(|(_, _, txn)| txn).collect()
}

#[derive(Default)]
struct Suite {
    failures: Vec<String>,
}

impl Suite {
    /// The history satisfies this level and the weaker ones, and no other. What breaks the next is
    /// told with this text in it.
    fn strongest(&mut self, name: &str, level: Option<Level>, said: &str, picture: &str) {
        let history = history(&drawn(picture));
        for of in Level::ALL {
            let verdict = judge(&history, of, Budget::default());
            let expected = if Some(of) <= level { Validity::Valid } else { Validity::Invalid };
            let next = Level::ALL.iter().find(|level_of| Some(**level_of) > level) == Some(&of);
            let told = verdict.findings.first().map(|f| format!("{}: {}", f.id, f.sentence));
            let told = told.unwrap_or_default();
            if verdict.validity() != expected || (next && !told.contains(said)) {
                self.failures.push(format!("{name}: {of:?}: {} {told}", verdict.validity()));
            }
        }
    }
}

/// The named histories that are judged otherwise than told.
pub(crate) fn failures() -> Vec<String> {
    let mut suite = Suite::default();
    orders(&mut suite);
    sessions_and_causes(&mut suite);
    reads(&mut suite);
    suite.failures
}

fn orders(suite: &mut Suite) {
    let causal = Some(Level::Causal);
    suite.strongest("one after the other", causal, "", "wx1 wy1 | rx1 wx2\nrx2 ry1");
    suite.strongest("behind, as a whole", causal, "", "wx1 wy1 | wx2 wy2\nrx1 ry1");
    suite.strongest("lost update", causal, "", "wx1 | rx1 wx2\n| rx1 wx3");
    suite.strongest(
        "half of a transaction, then the other half",
        Some(Level::ReadCommitted),
        "FRACTURED-READ: T1's read of y shows 1 of T0; and yet T1's read of x shows nothing",
        "wx1 wy1\nrx ry1",
    );
    suite.strongest(
        "half of a transaction, and the other half not",
        None,
        "NON-MONOTONIC-READ: T1's read of y shows 1 of T0; and yet T1's read of x shows nothing, \
         and T0 writes that too",
        "wx1 wy1\nry1 rx",
    );
    suite.strongest(
        "the older half after the newer one",
        None,
        "NON-MONOTONIC-READ",
        "wx1 wy1 | wx2 wy2\nry2 rx1",
    );
    suite.strongest(
        "the newer half after the older one",
        Some(Level::ReadCommitted),
        "FRACTURED-READ: c1 did T0 before T1; and T2's read of x shows 1 of T0, though T1 writes it too and T2 knew of \
         that, because T2's read of y shows 2 of T1: so T1 came before T0",
        "wx1 wy1 | wx2 wy2\n| rx1 ry2",
    );
}

fn sessions_and_causes(suite: &mut Suite) {
    suite.strongest(
        "a session misses what it wrote",
        Some(Level::ReadCommitted),
        "FRACTURED-READ",
        "wx1 | wx2 | rx1",
    );
    suite.strongest(
        "what another depends on is missed",
        Some(Level::ReadAtomic),
        "CAUSAL-NO-ORDER: T1's read of x shows 1 of T0; and T2's read of y shows 1 of T1; and c3 did T2 \
         before T3; and yet T3's read of x shows nothing, and T0 writes that too",
        "wx1\n| rx1 wy1\n| | ry1 | rx",
    );
    suite.strongest(
        "a read twice, of two writers, is no atomic read",
        Some(Level::ReadCommitted),
        "FRACTURED-READ",
        "wx1\nwx2\n| rx1 rx2",
    );
    suite.strongest(
        "to and fro within one transaction",
        None,
        "NON-MONOTONIC-READ",
        "wx1\nwx2\n| rx1 rx2 rx1",
    );
    suite.strongest(
        "two readers disagree on two writers",
        Some(Level::ReadAtomic),
        "CAUSAL-NO-ORDER",
        "wx1 | ry1\nwx2 | ry2\n| wy1 rx2 | rx1\n| wy2 rx1 | rx2",
    );
    suite.strongest("each reads the other's write", None, "CAUSAL-CYCLE", "rx1 wy1\nry1 wx1");
}

fn reads(suite: &mut Suite) {
    suite.strongest("nobody wrote it", None, "garbage-read: T0's read of x shows 7", "rx7");
    suite.strongest("its write failed", None, "G1a: T1's read of x shows 1", "wx1 !\nrx1");
    suite.strongest("its writer replaced it", None, "G1b: T1's read of x shows 1", "wx1 wx2\nrx1");
    suite.strongest("only later", None, "future-read: T0's read of x shows 1", "rx1 wx1");
    suite.strongest("an older own write", None, "internal: T0's read of x shows 1", "wx1 wx2 rx1");
    suite.strongest("another's write", None, "internal: T1's read of x shows 1", "wx1\nwx2 rx1");
    suite.strongest("an own write is gone", None, "internal", "wx1 rx");
    suite.strongest("own writes", Some(Level::Causal), "", "wx1 rx1 wx2 rx2");
    suite.strongest("unknown, and seen", Some(Level::Causal), "", "wx1 wy1 ?\nrx1 ry1");
    suite.strongest("unknown, and not seen", Some(Level::Causal), "", "wx1 ? | rx\nrx");
    let level = Some(Level::ReadCommitted);
    suite.strongest("unknown, and half seen", level, "FRACTURED-READ", "wx1 wy1 ?\nrx ry1");
}

#[test]
fn histories_are_judged_as_told() {
    let failures = failures();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn what_several_wrote_is_nobodys() {
    let history = history(&drawn("wx1\nwx1\n| rx1"));
    let verdict = judge(&history, Level::Causal, Budget::default());
    assert_eq!(verdict.validity(), Validity::Unknown, "{verdict:?}");
    let poor = Budget { memory_bytes: 100, ..Budget::default() };
    let verdict = judge(&self::history(&drawn("wx1\nrx1")), Level::Causal, poor);
    assert_eq!(verdict.validity(), Validity::Unknown, "{verdict:?}");
    let verdict = judge(&Transactions::default(), Level::Causal, poor);
    assert_eq!(verdict.validity(), Validity::Unknown, "{verdict:?}");
}

#[test]
fn judges_agree_with_the_definitions() {
    assert_eq!(disagreement(20_000), None);
}

#[test]
fn a_transaction_may_be_large() {
    let op = |writes, key: u32, value: u32| Op { writes, key: key % 3, value: value.into() };
    let large = 60_000;
    let writes: Vec<Txn> = (0..large)
        .map(|n| Txn { process: n % 3, end: End::Ok, ops: vec![op(true, 0, n + 1)] })
        .collect();
    let reads =
        Txn { process: 9, end: End::Ok, ops: (0..large).map(|n| op(false, 0, n + 1)).collect() };
    let history = history(&[writes, vec![reads]].concat());
    let validity = |level| judge(&history, level, Budget::default()).validity();
    assert_eq!(validity(Level::ReadCommitted), Validity::Valid);
    assert_eq!(validity(Level::ReadAtomic), Validity::Invalid);
}

/// A random history, in which reads find, most often, what a few of the last transactions wrote.
fn random(rng: &mut Rng) -> Vec<Txn> {
    let (sessions, keys) = (rng.between(2, 3), rng.between(1, 3));
    let mut written: Vec<(u32, i64)> = Vec::new();
    let mut txns: Vec<Txn> = Vec::new();
    for number in 0..rng.between(3, 6) {
        let mut ops: Vec<Op> = Vec::new();
        for at in 0..rng.between(1, 4) {
            let key = u32::try_from(rng.below(keys)).unwrap();
            if rng.below(2) == 0 {
                let value = i64::try_from(1 + number * 10 + at).unwrap();
                ops.push(Op { writes: true, key, value });
                continue;
            }
            let of_key: Vec<i64> = written.iter().filter(|w| w.0 == key).map(|w| w.1).collect();
            let own = ops.iter().rev().find(|op| op.writes && op.key == key).map(|op| op.value);
            let value = match (own, rng.below(12)) {
                (Some(own), 1..) => own,
                (_, 0..3) | (None, _) if of_key.is_empty() => 0,
                (_, 0) => 1 + i64::try_from(rng.below(40)).unwrap(),
                (_, 1..3) => 0,
                _ => *rng.pick(&of_key),
            };
            ops.push(Op { writes: false, key, value });
        }
        let end = match rng.below(12) {
            0 => End::Failed,
            1 => End::Unknown,
            _ => End::Ok,
        };
        if end != End::Failed || rng.below(6) == 0 {
            let last = |at: usize| {
                let op = ops[at];
                op.writes && !ops[at + 1..].iter().any(|o| o.writes && o.key == op.key)
            };
            let final_writes = (0..ops.len()).filter(|at| last(*at) || rng.below(20) == 0);
            written.extend(final_writes.map(|at| (ops[at].key, ops[at].value)));
        }
        let process = u32::try_from(rng.below(sessions)).unwrap();
        txns.push(Txn { process, end, ops });
    }
    txns
}

/// Whether the level holds, by its definition: the transactions that happened, whoever of those of
/// unknown outcome did, have an order in which each reader reads the newest that it knows of.
fn holds(txns: &[Txn], level: Level) -> bool {
    let set = |end: End| {
        (0..txns.len()).filter(|at| txns[*at].end == end).fold(0_u32, |set, at| set | 1 << at)
    };
    let open = set(End::Unknown);
    let mut subset = open;
    loop {
        if holds_if(txns, set(End::Ok) | subset, level) {
            return true;
        }
        if subset == 0 {
            return false;
        }
        subset = (subset - 1) & open;
    }
}

/// By reader, and in the order of its reads: the key, and whose write it shows, if anyone's.
type External = Vec<Vec<(u32, Option<usize>)>>;

fn holds_if(txns: &[Txn], happened: u32, level: Level) -> bool {
    let Some(reads) = external_reads(txns, happened) else { return false };
    let session = |at: usize| {
        let lost = txns[..at].iter().filter(|t| t.process == txns[at].process);
        (txns[at].process, lost.filter(|txn| txn.end == End::Unknown).count())
    };
    let mut direct = vec![0_u32; txns.len()];
    for at in (0..txns.len()).filter(|at| happened >> at & 1 == 1) {
        let earlier = (0..at).filter(|other| happened >> other & 1 == 1);
        direct[at] |= earlier.filter(|o| session(*o) == session(at)).fold(0, |set, o| set | 1 << o);
        direct[at] |= reads[at].iter().filter_map(|read| read.1).fold(0, |set, w| set | 1 << w);
    }
    let mut known = direct.clone();
    for _ in 0..txns.len() {
        for at in 0..txns.len() {
            let of = (0..txns.len()).filter(|other| known[at] >> other & 1 == 1);
            known[at] = of.fold(known[at], |set, other| set | known[other]);
        }
    }
    let mut before = known.clone();
    for (reader, of) in reads.iter().enumerate() {
        for (place, (key, writer)) in of.iter().enumerate() {
            let must_know = match level {
                Level::ReadCommitted => {
                    of[..place].iter().filter_map(|r| r.1).fold(0, |s, w| s | 1 << w)
                }
                Level::ReadAtomic => direct[reader],
                Level::Causal => known[reader],
            };
            let writes = |at: &usize| txns[*at].ops.iter().any(|op| op.writes && op.key == *key);
            let older =
                (0..txns.len()).filter(|at| must_know >> at & 1 == 1 && Some(*at) != *writer);
            for older in older.filter(writes) {
                match writer {
                    None => return false,
                    Some(writer) => before[*writer] |= 1 << older,
                }
            }
        }
    }
    // Some order of all exists if one that nothing is before can be taken away again and again.
    let mut left = happened;
    while left != 0 {
        let Some(next) = (0..txns.len()).find(|at| left >> at & 1 == 1 && before[*at] & left == 0)
        else {
            return false;
        };
        left &= !(1 << next);
    }
    true
}

/// Whose write each read of another's shows; `None` if a read shows what it never should.
fn external_reads(txns: &[Txn], happened: u32) -> Option<External> {
    let mut all = vec![Vec::new(); txns.len()];
    for (at, txn) in txns.iter().enumerate().filter(|(_, txn)| txn.end == End::Ok) {
        for (place, op) in txn.ops.iter().enumerate().filter(|(_, op)| !op.writes) {
            let own = txn.ops[..place].iter().rev().find(|o| o.writes && o.key == op.key);
            if let Some(own) = own {
                if own.value != op.value {
                    return None;
                }
                continue;
            }
            let is_final = |other: usize| {
                let last = txns[other].ops.iter().rev().find(|o| o.writes && o.key == op.key);
                last.is_some_and(|last| last.value == op.value)
            };
            let mut writers = (0..txns.len())
                .filter(|other| *other != at && happened >> other & 1 == 1 && is_final(*other));
            match (op.value, writers.next()) {
                (0, _) => all[at].push((op.key, None)),
                (_, None) => return None,
                (_, writer) => all[at].push((op.key, writer)),
            }
        }
    }
    Some(all)
}

/// The first of `count` random histories of which a judge says otherwise than the definition.
pub(crate) fn disagreement(count: u32) -> Option<String> {
    let mut rng = Rng::new(20_261_125);
    let mut valid = [0_u32; 3];
    for number in 0..count {
        let txns = random(&mut rng);
        if txns.iter().all(|txn| txn.end != End::Ok) {
            continue;
        }
        let history = history(&txns);
        for (level, valid) in Level::ALL.iter().zip(&mut valid) {
            let expected = holds(&txns, *level);
            *valid += u32::from(expected);
            let verdict = judge(&history, *level, Budget::default());
            if verdict.validity() != if expected { Validity::Valid } else { Validity::Invalid } {
                return Some(format!("history {number}: {level:?}: {verdict:?}\n{history:?}"));
            }
            for finding in &verdict.findings {
                let shown = |id: &OperationId| id.index() < txns.len();
                assert!(finding.operations.iter().all(shown) && !finding.operations.is_empty());
            }
        }
    }
    let shares = valid.map(|valid| valid * 100 / count);
    assert!(shares.iter().all(|share| (10..90).contains(share)), "valid: {shares:?} %");
    None
}
