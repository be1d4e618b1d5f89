//! How fast the weak models are judged: the rungs of the ladder, and levels of isolation.
//!
//! Every session reads a beginning of one log, and what it wrote itself: so every history is
//! causally consistent by construction. `--write FILE` writes one for other judges, in the text
//! format of Plume and AWDIT (`r(key,value,session,transaction)`), and `--read FILE LEVEL` judges
//! such a file.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]
#![expect(clippy::cast_possible_truncation, reason = "sizes are small")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

use splitbrain_check::Budget;
use splitbrain_check::memory::{self, Access, Model};
use splitbrain_check::spec::RegisterCall;
use splitbrain_check::transaction::{MicroOp, Name, Seen, Transactions};
use splitbrain_check::weak_isolation::{self, Level};
use splitbrain_core::{End, ProcessId, Rng};

/// A read or write of a transaction. A read of 0 shows nothing.
#[derive(Clone, Copy)]
struct Op {
    writes: bool,
    key: u64,
    value: u64,
}

/// How a history is made.
#[derive(Clone, Copy)]
struct Shape {
    transactions: u64,
    sessions: u64,
    keys: u64,
    /// Reads and writes of a transaction.
    ops: u64,
    /// How many transactions a session may be behind.
    lag: u64,
}

/// The transactions of a history, in the order of one log: each with its session.
fn transactions(shape: Shape) -> Vec<(u64, Vec<Op>)> {
    let mut rng = Rng::new(shape.transactions);
    // By key: which transaction of the log wrote which value.
    let mut written: Vec<Vec<(u64, u64)>> = vec![Vec::new(); shape.keys as usize];
    let mut seen = vec![0_u64; shape.sessions as usize];
    let mut own: BTreeMap<(u64, u64), (u64, u64)> = BTreeMap::new();
    let mut value = 0;
    let transaction = |place: u64| {
        let session = rng.below(shape.sessions);
        let behind = place.saturating_sub(rng.below(shape.lag));
        let seen = &mut seen[session as usize];
        *seen = behind.max(*seen);
        let mut ops: Vec<Op> = Vec::new();
        for _ in 0..shape.ops {
            let key = rng.below(shape.keys);
            // A key is written once by a transaction, and not read by it after that.
            let writes = rng.below(5) == 0;
            if ops.iter().any(|op| op.key == key && (op.writes || writes)) {
                continue;
            }
            if writes {
                value += 1;
                ops.push(Op { writes, key, value });
                continue;
            }
            let log = &written[key as usize];
            let known = log[..log.partition_point(|(at, _)| *at < *seen)].last();
            let newest = known.max(own.get(&(session, key)));
            ops.push(Op { writes, key, value: newest.map_or(0, |(_, value)| *value) });
        }
        for op in ops.iter().filter(|op| op.writes) {
            written[op.key as usize].push((place, op.value));
            own.insert((session, op.key), (place, op.value));
        }
        (session, ops)
    };
    (0..shape.transactions).map(transaction).collect()
}

/// The history in the text format of Plume.
fn plume(transactions: &[(u64, Vec<Op>)]) -> String {
    let mut text = String::new();
    for (id, (session, ops)) in transactions.iter().enumerate() {
        for Op { writes, key, value } in ops {
            let kind = if *writes { 'w' } else { 'r' };
            writeln!(text, "{kind}({key},{value},{session},{id})").unwrap();
        }
    }
    text
}

/// Adds a transaction that was asked and answered.
fn add(history: &mut Transactions, session: u32, ops: &[Op]) {
    let ops: Vec<MicroOp<'_>> = ops
        .iter()
        .map(|op| {
            let key = history.key(Name::Integer(op.key.cast_signed()));
            let value = history.value(Name::Integer(op.value.cast_signed()));
            match (op.writes, op.value) {
                (true, _) => MicroOp::Write { key, value },
                (false, 0) => MicroOp::Read { key, seen: Seen::Nothing },
                (false, _) => MicroOp::Read { key, seen: Seen::Value(value) },
            }
        })
        .collect();
    let place = 2 * history.len() as u32;
    let id = history.begin(ProcessId(session), place, &ops);
    history.end(id, place + 1, End::Ok, &ops);
}

/// Reads what [`plume`] wrote.
fn read(text: &str) -> Transactions {
    let mut history = Transactions::default();
    let mut current: Option<(u64, u32, Vec<Op>)> = None;
    for line in text.lines() {
        let numbers: Vec<u64> =
            line[2..line.len() - 1].split(',').map(|number| number.parse().unwrap()).collect();
        let &[key, value, session, id] = &numbers[..] else { panic!("four numbers: {line}") };
        let op = Op { writes: line.starts_with('w'), key, value };
        match &mut current {
            Some((last, _, ops)) if *last == id => ops.push(op),
            _ => {
                if let Some((_, session, ops)) = current.replace((id, session as u32, vec![op])) {
                    add(&mut history, session, &ops);
                }
            }
        }
    }
    if let Some((_, session, ops)) = current {
        add(&mut history, session, &ops);
    }
    history
}

fn judge_level(history: &Transactions, level: Level) {
    let start = Instant::now();
    let verdict = weak_isolation::judge(history, level, Budget::default());
    println!(
        "{{\"bench\":\"isolation\",\"judge\":\"splitbrain\",\"level\":\"{}\",\"transactions\":{},\
         \"verdict\":\"{}\",\"check_ms\":{}}}",
        level.name(),
        history.len(),
        verdict.validity(),
        start.elapsed().as_millis()
    );
}

/// The same, one operation per transaction, as accesses: asked and answered in the order of a log
/// that some sessions are behind of.
fn accesses(shape: Shape) -> Vec<Access> {
    let mut all = Vec::new();
    for (session, ops) in transactions(shape) {
        for Op { writes, key, value } in ops {
            let found = (value > 0).then_some(value);
            let call = if writes { RegisterCall::Write(value) } else { RegisterCall::Read(found) };
            let invoked = 2 * all.len() as u32;
            let (process, completed) = (ProcessId(session as u32), Some(invoked + 1));
            all.push(Access { process, key, call, invoked, completed, end: End::Ok, last: false });
        }
    }
    all
}

fn judge_models(shape: Shape) {
    let history = accesses(shape);
    for model in Model::ALL.into_iter().filter(|model| *model != Model::Eventual) {
        // The best of a few, because other programs use the machine too.
        let runs = (0..3).map(|_| {
            let start = Instant::now();
            let verdict = memory::judge(&history, model, Budget::default());
            (start.elapsed().as_micros(), verdict.validity())
        });
        let (micros, validity) = runs.min().unwrap();
        println!(
            "{{\"bench\":\"ladder\",\"model\":\"{}\",\"operations\":{},\"sessions\":{},\
             \"verdict\":\"{validity}\",\"us\":{micros}}}",
            model.name(),
            history.len(),
            shape.sessions
        );
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let large = Shape { transactions: 250_000, sessions: 50, keys: 1_000, ops: 5, lag: 500 };
    let small = Shape { transactions: 25_000, ..large };
    match arguments[..] {
        ["--write", file] => std::fs::write(file, plume(&transactions(large))).unwrap(),
        ["--write", file, "--quick"] => std::fs::write(file, plume(&transactions(small))).unwrap(),
        ["--read", file, level] => {
            let history = read(&std::fs::read_to_string(file).unwrap());
            let level = Level::ALL.into_iter().find(|known| known.name() == level).unwrap();
            judge_level(&history, level);
        }
        _ => {
            let quick = arguments.contains(&"--quick");
            let sizes: &[u64] = if quick { &[1_000] } else { &[1_000, 10_000, 100_000] };
            for size in sizes {
                judge_models(Shape {
                    transactions: *size,
                    sessions: 10,
                    keys: 20,
                    ops: 1,
                    lag: 50,
                });
            }
            let history = read(&plume(&transactions(if quick { small } else { large })));
            for level in Level::ALL {
                judge_level(&history, level);
            }
        }
    }
}
