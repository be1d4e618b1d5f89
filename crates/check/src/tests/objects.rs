//! Histories of objects, and what their judge must say.

use splitbrain_core::{OperationId, Proof, Validity, Verdict};

use crate::Budget;
use crate::linearizability::{Asked, Entry, Told, Words, judge_object};
use crate::spec::{
    Bag, KeyValue, KeyValueCall, Keyed, KeyedCall, Lock, LockCall, Log, LogCall, Mutex, MutexCall,
    Queue, QueueCall, Register, RegisterCall, Set, SetCall, Spec, Stack, StackCall,
};

struct Plain;

impl Words for Plain {
    fn id(&self, entry: usize) -> OperationId {
        OperationId(u32::try_from(entry).unwrap())
    }

    fn operation(&self, entry: usize) -> Told {
        let what = format!("operation {entry}");
        Told { what, answer: String::new(), invoked: None, completed: None }
    }
}

fn judge<S: Spec>(spec: &S, history: &[Entry<S::Call>], asked: Asked) -> Verdict {
    judge_object(spec, history, &Plain, Budget::default(), asked)
}

/// An operation from one place to another.
fn done<Call>(call: Call, invoked: u32, returned: u32) -> Entry<Call> {
    Entry { call, invoked, returned: Some(returned) }
}

/// An operation that is never answered.
fn open<Call>(call: Call, invoked: u32) -> Entry<Call> {
    Entry { call, invoked, returned: None }
}

/// The id of the finding, `valid` or `unknown` must be as told, and a finding has its proof.
fn check<S: Spec>(expected: &str, spec: &S, history: &[Entry<S::Call>]) {
    let verdict = judge(spec, history, Asked::Points);
    let said =
        verdict.findings.first().map_or(verdict.validity().to_string(), |it| it.id.to_string());
    assert_eq!(said, expected, "{history:?}: {verdict:?}");
    for finding in &verdict.findings {
        assert!(crate::explain(&finding.id).is_some(), "{} is explained", finding.id);
        let Some(Proof::Stuck { next, .. }) = &finding.proof else {
            panic!("no proof: {finding:?}")
        };
        assert!(!next.is_empty(), "{finding:?}");
    }
    if verdict.validity() == Validity::Valid {
        let returned = history.iter().filter(|entry| entry.returned.is_some()).count();
        assert!(verdict.points.len() >= returned, "{verdict:?}");
    }
}

#[test]
fn queues_and_bags() {
    use QueueCall::{Dequeue, Empty, Enqueue, Lost};
    let one_two = |second: u32| [done(Enqueue(1), 0, 2), done(Enqueue(2), second, second + 2)];
    let and = |second, last: Entry<QueueCall>| [&one_two(second)[..], &[last]].concat();
    check("LIN-QUEUE-ORDER", &Queue, &and(3, done(Dequeue(2), 6, 7)));
    check("valid", &Bag, &and(3, done(Dequeue(2), 6, 7)));
    check("valid", &Queue, &and(1, done(Dequeue(2), 6, 7)));
    // Somebody may have taken 1, and died.
    check("valid", &Queue, &[&and(3, done(Dequeue(2), 6, 7))[..], &[open(Lost, 0)]].concat());
    check("LIN-PHANTOM-READ", &Queue, &and(3, done(Dequeue(3), 6, 7)));
    check("LIN-FALSE-EMPTY", &Bag, &and(3, done(Empty, 6, 7)));
    check("valid", &Queue, &and(3, done(Empty, 1, 7)));
    let twice = [done(Dequeue(1), 6, 8), done(Dequeue(1), 7, 9)];
    check("LIN-TAKEN-TWICE", &Queue, &[&one_two(3)[..], &twice].concat());
    let once = [done(Dequeue(1), 6, 8), open(Dequeue(1), 7)];
    check("valid", &Queue, &[&one_two(3)[..], &once].concat());
}

#[test]
fn stacks() {
    use StackCall::{Pop, Push};
    let both = |second: u32| [done(Push(1), 0, 2), done(Push(2), second, second + 2)];
    let and = |second, last: Entry<StackCall>| [&both(second)[..], &[last]].concat();
    check("LIN-STACK-ORDER", &Stack, &and(3, done(Pop(1), 6, 7)));
    check("valid", &Stack, &and(3, done(Pop(2), 6, 7)));
    check("valid", &Stack, &and(1, done(Pop(1), 6, 7)));
    // It is popped while the second is being pushed.
    check("valid", &Stack, &and(3, done(Pop(1), 4, 7)));
}

#[test]
fn locks() {
    let acquire = |holder, token| LockCall::Acquire { holder, token: Some(token) };
    let release = |holder| LockCall::Release { holder };
    let first = done(acquire(1, 1), 0, 1);
    check("LOCK-TWO-HOLDERS", &Lock, &[first, done(acquire(2, 2), 2, 3)]);
    check("valid", &Lock, &[first, open(release(1), 2), done(acquire(2, 2), 3, 4)]);
    let again = [first, done(release(1), 2, 3), done(acquire(2, 1), 4, 5)];
    check("LOCK-TOKEN-ORDER", &Lock, &again);
    let other = [first, done(release(2), 2, 3)];
    check("LIN-NO-ORDER", &Lock, &other);
    let held = [done(MutexCall::Acquire, 0, 2), done(MutexCall::Acquire, 1, 3)];
    check("LOCK-TWO-HOLDERS", &Mutex, &held);
    check("valid", &Mutex, &[held[0], held[1], done(MutexCall::Release, 1, 4)]);
    check("valid", &Mutex, &[held[0], open(MutexCall::Acquire, 1)]);
}

#[test]
fn sets_and_logs() {
    let add = |value| SetCall::Add { value, new: None };
    let read = |values: &[u64]| SetCall::Read(values.iter().copied().collect());
    check("LIN-STALE-READ", &Set, &[done(add(1), 0, 1), done(read(&[]), 2, 3)]);
    check("valid", &Set, &[done(add(1), 0, 2), done(read(&[]), 1, 3)]);
    check("valid", &Set, &[open(add(1), 0), done(read(&[]), 2, 3), done(read(&[1]), 4, 5)]);
    // Each read alone is right; together they are not.
    let crossed =
        [done(add(1), 0, 9), done(add(2), 0, 9), done(read(&[1]), 1, 9), done(read(&[2]), 1, 10)];
    check("LIN-NO-ORDER", &Set, &crossed);
    let append = |value| LogCall::Append { value, offset: None };
    let log = |second: u32, values: &[u64]| {
        let read = done(LogCall::Read(values.to_vec()), 6, 7);
        [done(append(1), 0, 2), done(append(2), second, second + 2), read]
    };
    check("valid", &Log, &log(1, &[2, 1]));
    check("LIN-NO-ORDER", &Log, &log(3, &[2, 1]));
    check("LIN-STALE-READ", &Log, &log(3, &[1]));
}

#[test]
fn stores_of_texts() {
    use KeyValueCall::{Append, Get, Put};
    let store = Keyed(KeyValue::default());
    let on = |key, call| KeyedCall { key, call };
    let get = |text: &str| Get(Some(text.into()));
    let append = |second: u32, last: KeyValueCall| {
        [
            done(on(1, Append("a".into())), 0, 2),
            done(on(1, Append("b".into())), second, second + 2),
            done(on(2, Put("a".into())), 6, 7),
            done(on(1, last), 6, 8),
        ]
    };
    check("valid", &store, &append(1, get("ba")));
    check("LIN-NO-ORDER", &store, &append(3, get("ba")));
    check("LIN-NO-ORDER", &store, &append(3, get("a")));
    check("LIN-NO-ORDER", &store, &append(1, get("abb")));
    // The same piece twice: one operation each.
    let twice = [
        done(on(1, Append("a".into())), 0, 2),
        done(on(1, Append("a".into())), 3, 5),
        done(on(1, get("aa")), 4, 6),
    ];
    check("valid", &store, &twice);
}

/// An open write that is read: where an operation without an answer counts as answered, this is
/// rejected.
#[test]
fn an_open_write_may_be_read() {
    let write = open(RegisterCall::Write(1), 0);
    let read = |at| done(RegisterCall::Read(Some(1)), at, at + 1);
    check("valid", &Register::default(), &[write, read(2), read(4)]);
    let nothing = done(RegisterCall::Read(None), 6, 7);
    check("LIN-INVERSION", &Register::default(), &[write, read(2), read(4), nothing]);
}

/// A compare-and-set finds what another had replaced.
#[test]
fn a_compare_and_set_too_many() {
    let register = Register { initial: Some(0) };
    let cas = |from, to| RegisterCall::Cas { from, to };
    let history = [
        done(RegisterCall::Write(3), 0, 3),
        done(cas(3, 4), 1, 2),
        done(cas(3, 1), 4, 5),
        done(RegisterCall::Read(Some(4)), 6, 7),
    ];
    check("LIN-NO-ORDER", &register, &history);
}

#[test]
fn out_of_budget_is_unknown() {
    let write = |value, at| done(RegisterCall::Write(value), at, 100 + at);
    let mut history: Vec<_> = (0..20).map(|at| write(u64::from(at % 10), at)).collect();
    history.push(done(RegisterCall::Read(Some(77)), 50, 99));
    let judge =
        |budget| judge_object(&Register::default(), &history, &Plain, budget, Asked::Verdict);
    let few = Budget { states: 1_000, ..Budget::default() };
    assert_eq!(judge(few).validity(), Validity::Unknown);
    let small = Budget { memory_bytes: 20_000, ..Budget::default() };
    assert_eq!(judge(small).validity(), Validity::Unknown);
    assert_eq!(judge(Budget::default()).validity(), Validity::Invalid);
}

/// More than a thousand may be pending at once, or open.
#[test]
fn a_wide_history_is_judged() {
    let mut history: Vec<_> = (0..1_100).map(|at| open(RegisterCall::Write(7), at)).collect();
    history.extend((0..1_100).map(|at| done(RegisterCall::Read(Some(7)), 4_000 + at, 9_000 + at)));
    history.push(done(RegisterCall::Write(7), 3_500, 3_501));
    check("valid", &Register::default(), &history);
}
