//! How fast transactions are judged: histories of a serializable store with overlapping clients.
//!
//! PROBLEM     A checker that takes hours for a million transactions is not run.
//! IDEA        A store that runs each transaction at one instant between its invocation and its
//!             completion gives histories that are strictly serializable by construction, of any
//!             length. The same store, answering some reads from an old state, gives invalid ones.
//!
//! Prints a line of JSON per configuration; `--quick` makes it short.

#![expect(clippy::print_stdout, reason = "it prints its figures")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::time::Instant;

use splitbrain_check::isolation::{Assume, Options};
use splitbrain_check::transaction::{Key, MicroOp, Name, Seen, Transactions, Value};
use splitbrain_check::{judge_list_append, judge_rw_register};
use splitbrain_core::{End, OperationId, ProcessId, Rng, Validity};

/// What is asked of the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Workload {
    ListAppend,
    RwRegister,
}

/// How many keys are in use at once, and how many writes each takes before the next replaces it.
const KEYS: usize = 10;
const WRITES_PER_KEY: i64 = 256;

/// A key in use.
struct Used {
    key: Key,
    elements: Vec<Value>,
}

/// The store, and the history of what it was asked.
struct Store {
    workload: Workload,
    history: Transactions,
    used: Vec<Used>,
    keys: i64,
    place: u32,
}

impl Store {
    fn new(workload: Workload) -> Self {
        let history = Transactions::default();
        let mut store = Self { workload, history, used: Vec::new(), keys: 0, place: 0 };
        for _ in 0..KEYS {
            let used = store.next_key();
            store.used.push(used);
        }
        store
    }

    fn next_key(&mut self) -> Used {
        self.keys += 1;
        Used { key: self.history.key(Name::Integer(self.keys)), elements: Vec::new() }
    }

    fn tick(&mut self) -> u32 {
        self.place += 1;
        self.place
    }

    /// Runs a transaction at this instant; a stale one reads as if its last write were missing.
    fn run(&mut self, rng: &mut Rng, id: OperationId, end: End, stale: bool) -> Open {
        let mut ops = Vec::new();
        let mut lists = Vec::new();
        for _ in 0..rng.between(1, 4) {
            // The first keys are used most, each twice as often as the next.
            let at = (rng.next_u64() | 1 << (KEYS - 1)).trailing_zeros() as usize;
            let mut used = self.used.swap_remove(at);
            let key = used.key;
            let write = rng.below(2) == 0;
            if write && end != End::Failed {
                let next = i64::try_from(used.elements.len()).unwrap_or(0) + 1;
                let value = self.history.value(Name::Integer(next));
                used.elements.push(value);
                ops.push((key, Some(value)));
                if next == WRITES_PER_KEY {
                    used = self.next_key();
                }
            } else {
                let shown = used.elements.len().saturating_sub(usize::from(stale));
                lists.push(used.elements[..shown].to_vec());
                ops.push((key, None));
            }
            self.used.push(used);
            let last = self.used.len() - 1;
            self.used.swap(at, last);
        }
        Open { id, end, ops, lists }
    }

    /// Answers a transaction that ran.
    fn answer(&mut self, open: &Open) {
        let mut lists = open.lists.iter();
        let ops: Vec<MicroOp<'_>> = open
            .ops
            .iter()
            .map(|(key, value)| match (value, self.workload) {
                (Some(value), Workload::ListAppend) => MicroOp::Append { key: *key, value: *value },
                (Some(value), Workload::RwRegister) => MicroOp::Write { key: *key, value: *value },
                (None, workload) => {
                    let list = lists.next().map_or(&[][..], |list| list);
                    let seen = match (list.last(), workload) {
                        (None, _) => Seen::Nothing,
                        (Some(last), Workload::RwRegister) => Seen::Value(*last),
                        (Some(_), Workload::ListAppend) => Seen::List(list),
                    };
                    MicroOp::Read { key: *key, seen }
                }
            })
            .collect();
        let place = self.tick();
        self.history.end(open.id, place, open.end, &ops);
    }
}

/// A transaction that ran and was not answered yet.
struct Open {
    id: OperationId,
    end: End,
    ops: Vec<(Key, Option<Value>)>,
    lists: Vec<Vec<Value>>,
}

/// What a client is about.
enum Client {
    Idle,
    Asked(OperationId),
    Ran(Open),
}

/// A history of `count` transactions by `clients` that overlap; of `stale`, one in so many is read
/// from the past.
fn history(workload: Workload, count: usize, clients: usize, stale: Option<u64>) -> Transactions {
    let mut rng = Rng::new(7);
    let mut store = Store::new(workload);
    let mut states: Vec<Client> = (0..clients).map(|_| Client::Idle).collect();
    let mut processes: Vec<u32> = (0..).take(clients).collect();
    let mut next_process = u32::try_from(clients).unwrap_or(u32::MAX);
    while store.history.len() < count {
        let at = usize::try_from(rng.below(clients as u64)).unwrap_or(0);
        states[at] = match std::mem::replace(&mut states[at], Client::Idle) {
            Client::Idle => {
                let place = store.tick();
                Client::Asked(store.history.begin(ProcessId(processes[at]), place, &[]))
            }
            Client::Asked(id) => {
                let end = match rng.below(100) {
                    0 => End::Unknown,
                    1 => End::Failed,
                    _ => End::Ok,
                };
                let stale = stale.is_some_and(|one_in| rng.below(one_in) == 0);
                Client::Ran(store.run(&mut rng, id, end, stale))
            }
            Client::Ran(open) => {
                store.answer(&open);
                if open.end == End::Unknown {
                    processes[at] = next_process;
                    next_process += 1;
                }
                Client::Idle
            }
        };
    }
    for state in states {
        if let Client::Ran(open) = state {
            store.answer(&open);
        }
    }
    store.history
}

fn measure(workload: Workload, count: usize, clients: usize, stale: Option<u64>) {
    let begun = Instant::now();
    let history = history(workload, count, clients, stale);
    let made = begun.elapsed();
    let assume =
        Assume { writes_follow_reads: true, sequential_keys: true, linearizable_keys: true };
    let options = Options { assume, ..Options::default() };
    let begun = Instant::now();
    let verdict = match workload {
        Workload::ListAppend => judge_list_append(&history, &options),
        Workload::RwRegister => judge_rw_register(&history, &options),
    };
    let judged = begun.elapsed();
    assert_eq!(verdict.validity() == Validity::Valid, stale.is_none(), "{verdict:?}");
    let per_second = count as u128 * 1_000_000 / judged.as_micros().max(1);
    println!(
        "{{\"bench\":\"transactions\",\"workload\":\"{workload:?}\",\"transactions\":{count},\
         \"clients\":{clients},\"verdict\":\"{}\",\"made_ms\":{},\"judged_ms\":{},\
         \"transactions_per_s\":{per_second}}}",
        verdict.validity(),
        made.as_millis(),
        judged.as_millis(),
    );
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let large = if quick { 100_000 } else { 1_000_000 };
    measure(Workload::ListAppend, 100_000, 10, None);
    measure(Workload::ListAppend, 100_000, 100, None);
    measure(Workload::ListAppend, large, 20, None);
    measure(Workload::ListAppend, 100_000, 10, Some(1_000));
    measure(Workload::RwRegister, 100_000, 10, None);
    measure(Workload::RwRegister, 100_000, 10, Some(1_000));
}
