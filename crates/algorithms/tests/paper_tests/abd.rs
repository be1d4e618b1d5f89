//! The multi-writer register.

use splitbrain_algorithms::abd::{Abd, Message, Phase, Stamp, Timer, Version};
use splitbrain_core::workload::lin_kv::{Request, Response};
use splitbrain_core::{ErrorCode, NodeId};

use crate::stage::{Stage, replies, sent, synced_first};

const KEY: u64 = 0;

fn version(counter: u64, writer: u16, value: u64) -> Version {
    Version { stamp: Stamp { counter, writer: NodeId(writer) }, value }
}

/// The phase of the messages, and the version that an update carries.
fn asked(messages: &[(u16, Message)]) -> (Phase, Option<Version>) {
    match messages.first().expect("something is asked").1 {
        Message::Query { phase, .. } => (phase, None),
        Message::Update { phase, version, .. } => (phase, Some(version)),
        Message::Answer { .. } => panic!("an answer is no question: {messages:?}"),
    }
}

fn answer(phase: Phase, held: Option<Version>) -> Message {
    Message::Answer { phase, held }
}

fn update(phase: Phase, version: Version) -> Message {
    Message::Update { phase, key: KEY, version }
}

/// The phase of a stranger, for messages to a replica.
const THEIRS: Phase = Phase { boot: 1, number: 1 };

#[test]
fn rule_1_a_write_stamps_above_the_majority_and_tells_one() {
    let mut node = Stage::<Abd>::boot(0, 5);
    let effects = node.request(Request::Write { key: KEY, value: 7 });
    let (query, _) = asked(&sent(&effects));
    assert_eq!(sent(&effects).len(), 4);
    assert_eq!(sent(&node.message(1, answer(query, Some(version(3, 4, 1))))), []);
    let effects = node.message(2, answer(query, Some(version(2, 2, 2))));
    let (phase, written) = asked(&sent(&effects));
    assert_eq!(written, Some(version(4, 0, 7)), "its own, 3 and 2 are the majority's counters");
    synced_first(&effects);
    assert_eq!(replies(&node.message(1, answer(phase, written))), []);
    assert_eq!(replies(&node.message(2, answer(phase, written))), [Ok(Response::WriteOk)]);
    assert_eq!(replies(&node.message(3, answer(phase, written))), []);
}

#[test]
fn rule_2_a_read_writes_back_before_it_returns() {
    let mut node = Stage::<Abd>::boot(0, 3);
    let (query, _) = asked(&sent(&node.request(Request::Read { key: KEY })));
    let effects = node.message(1, answer(query, Some(version(3, 1, 9))));
    let (phase, written) = asked(&sent(&effects));
    assert_eq!((written, replies(&effects)), (Some(version(3, 1, 9)), vec![]));
    let effects = node.message(2, answer(phase, written));
    assert_eq!(replies(&effects), [Ok(Response::ReadOk { value: 9 })]);
}

#[test]
fn a_key_that_was_never_written_does_not_exist() {
    let mut node = Stage::<Abd>::boot(0, 3);
    let (query, _) = asked(&sent(&node.request(Request::Read { key: KEY })));
    let effects = node.message(1, answer(query, None));
    assert_eq!(replies(&effects), [Err(ErrorCode::KEY_DOES_NOT_EXIST.0)]);
}

#[test]
fn rule_3_only_a_newer_version_replaces_the_copy() {
    let mut node = Stage::<Abd>::boot(0, 3);
    for (told, holds) in [
        (version(2, 1, 5), version(2, 1, 5)),
        (version(1, 2, 6), version(2, 1, 5)),
        (version(2, 2, 4), version(2, 2, 4)), // equal counters: the writer decides
        (version(2, 1, 9), version(2, 2, 4)),
    ] {
        let effects = node.message(1, update(THEIRS, told));
        assert_eq!(sent(&effects), [(1, answer(THEIRS, Some(holds)))]);
    }
}

#[test]
fn rule_4_two_clients_of_a_node_never_share_a_stamp() {
    let mut node = Stage::<Abd>::boot(0, 3);
    let (one, _) = asked(&sent(&node.request(Request::Write { key: KEY, value: 1 })));
    let (other, _) = asked(&sent(&node.request(Request::Write { key: KEY, value: 2 })));
    let (_, first) = asked(&sent(&node.message(1, answer(one, None))));
    let (_, second) = asked(&sent(&node.message(1, answer(other, None))));
    assert_eq!((first, second), (Some(version(1, 0, 1)), Some(version(2, 0, 2))));
}

#[test]
fn rule_4_two_lives_of_a_node_never_share_a_stamp() {
    let mut node = Stage::<Abd>::boot(0, 3);
    let (query, _) = asked(&sent(&node.request(Request::Write { key: KEY, value: 1 })));
    node.message(1, answer(query, None));
    let mut node = node.reboot();
    let (query, _) = asked(&sent(&node.request(Request::Write { key: KEY, value: 2 })));
    let (_, written) = asked(&sent(&node.message(2, answer(query, None))));
    assert_eq!(written, Some(version(2, 0, 2)));
}

#[test]
fn rule_5_a_replica_has_it_on_disk_before_it_says_so() {
    let mut node = Stage::<Abd>::boot(0, 3);
    synced_first(&node.message(1, update(THEIRS, version(1, 1, 5))));
    let effects = node.reboot().message(1, Message::Query { phase: THEIRS, key: KEY });
    assert_eq!(sent(&effects), [(1, answer(THEIRS, Some(version(1, 1, 5))))]);
}

#[test]
fn rule_6_an_answer_counts_once_and_for_its_phase() {
    let mut node = Stage::<Abd>::boot(0, 5);
    let (query, _) = asked(&sent(&node.request(Request::Write { key: KEY, value: 1 })));
    for _ in 0..3 {
        assert_eq!(sent(&node.message(1, answer(query, None))), [], "one replica, one vote");
    }
    let (phase, written) = asked(&sent(&node.message(2, answer(query, None))));
    assert_ne!(phase, query);
    for late in 1..5 {
        assert_eq!(replies(&node.message(late, answer(query, None))), []);
    }
    node.message(1, answer(phase, written));
    assert_eq!(replies(&node.message(2, answer(phase, written))), [Ok(Response::WriteOk)]);
}

#[test]
fn rule_6_phases_of_an_earlier_life_are_over() {
    let mut node = Stage::<Abd>::boot(0, 3);
    let (before, _) = asked(&sent(&node.request(Request::Read { key: KEY })));
    let mut node = node.reboot();
    let (after, _) = asked(&sent(&node.request(Request::Read { key: KEY })));
    assert_ne!(before, after);
}

#[test]
fn the_silent_are_asked_again() {
    let mut node = Stage::<Abd>::boot(0, 5);
    let (query, _) = asked(&sent(&node.request(Request::Read { key: KEY })));
    node.message(2, answer(query, None));
    let again = sent(&node.timer(Timer::Retry(query)));
    assert_eq!(again.iter().map(|(to, _)| *to).collect::<Vec<_>>(), [1, 3, 4]);
    node.message(1, answer(query, None));
    assert_eq!(sent(&node.timer(Timer::Retry(query))), [], "the phase is over");
}

#[test]
fn one_node_is_a_majority_of_one() {
    let mut node = Stage::<Abd>::boot(0, 1);
    let effects = node.request(Request::Write { key: KEY, value: 3 });
    assert_eq!(replies(&effects), [Ok(Response::WriteOk)]);
    let effects = node.request(Request::Read { key: KEY });
    assert_eq!(replies(&effects), [Ok(Response::ReadOk { value: 3 })]);
}

/// (Herlihy 1991) Registers have consensus number 1.
#[test]
fn compare_and_set_is_refused_for_certain() {
    let mut node = Stage::<Abd>::boot(0, 1);
    let effects = node.request(Request::Cas { key: KEY, from: 1, to: 2 });
    assert_eq!(replies(&effects), [Err(ErrorCode::NOT_SUPPORTED.0)]);
    assert!(ErrorCode::NOT_SUPPORTED.is_definite());
}
