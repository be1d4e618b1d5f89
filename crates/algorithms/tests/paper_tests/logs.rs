//! Owners of logs, the sequencer, and those who wait for nobody.

use std::collections::BTreeMap;

use splitbrain_algorithms::partitioned_log::{self as log, PartitionedLog, Reply, What};
use splitbrain_algorithms::read_committed::{self as committed, ReadCommitted, Stamp, Version};
use splitbrain_algorithms::sequencer::{self, Sequencer};
use splitbrain_core::NodeId;
use splitbrain_core::workload::kafka::{LogName, Record, Request, Response};
use splitbrain_core::workload::{txn_list_append as lists, txn_rw_register as registers};

use crate::stage::{Stage, replies, sent, synced_first};

/// A log of the first of three nodes, and one of the second.
const MINE: LogName = LogName(0);
const THEIRS: LogName = LogName(1);
/// The call of a stranger.
const CALL: log::Call = log::Call { boot: 1, number: 1 };

fn append(message: u64) -> log::Message {
    log::Message::Ask { call: CALL, log: MINE, what: What::Append(message) }
}

fn send(key: LogName, msg: u64) -> Request {
    Request::Send { key, msg }
}

#[test]
fn owner_rules_1_and_2_the_owner_alone_gives_offsets_and_tells_them_when_they_are_on_disk() {
    let mut node = Stage::<PartitionedLog>::boot(0, 3);
    let effects = node.request(send(MINE, 7));
    synced_first(&effects);
    assert_eq!(replies(&effects), [Ok(Response::SendOk { offset: 0 })]);
    let effects = node.request(send(THEIRS, 8));
    let asked = sent(&effects);
    assert_eq!((asked.len(), asked[0].0, replies(&effects)), (1, 1, vec![]), "its owner is asked");
}

#[test]
fn owner_rule_3_who_asks_again_gets_the_same_answer_after_a_crash_too() {
    let mut node = Stage::<PartitionedLog>::boot(0, 3);
    let first = sent(&node.message(2, append(7)));
    let again = sent(&node.message(2, append(7)));
    let mut node = node.reboot();
    let later = sent(&node.message(2, append(7)));
    assert_eq!((&again, &later), (&first, &first));
    let other = sent(&node.message(1, append(8)));
    let reply = Reply::Appended(1);
    assert_eq!(other, [(1, log::Message::Answer { call: CALL, log: MINE, reply })]);
}

#[test]
fn owner_rule_4_calls_are_not_named_the_same_again() {
    let name = |messages: &[(u16, log::Message)]| match messages {
        [(_, log::Message::Ask { call, .. })] => *call,
        other => panic!("one owner is asked: {other:?}"),
    };
    let mut node = Stage::<PartitionedLog>::boot(0, 3);
    let first = name(&sent(&node.request(send(THEIRS, 7))));
    let second = name(&sent(&node.request(send(THEIRS, 8))));
    let third = name(&sent(&node.reboot().request(send(THEIRS, 9))));
    assert!(first < second && second < third, "{first:?} {second:?} {third:?}");
}

#[test]
fn owner_rule_5_a_poll_waits_for_every_owner() {
    let mut node = Stage::<PartitionedLog>::boot(0, 3);
    node.request(send(MINE, 7));
    let offsets = BTreeMap::from([(MINE, 0), (THEIRS, 3)]);
    let effects = node.request(Request::Poll { offsets });
    assert_eq!(replies(&effects), []);
    let Some((1, log::Message::Ask { call, .. })) = sent(&effects).pop() else {
        panic!("the other owner is asked")
    };
    let reply = Reply::Shown(vec![Record(3, 9)]);
    let answer = log::Message::Answer { call, log: THEIRS, reply };
    let told = replies(&node.message(1, answer.clone()));
    let msgs = BTreeMap::from([(MINE, vec![Record(0, 7)]), (THEIRS, vec![Record(3, 9)])]);
    assert_eq!(told, [Ok(Response::PollOk { msgs })]);
    assert_eq!(replies(&node.message(1, answer)), [], "the second answer finds nothing");
}

#[test]
fn owner_rule_6_a_committed_offset_never_goes_back() {
    let mut node = Stage::<PartitionedLog>::boot(0, 3);
    for offset in [5, 3] {
        let offsets = BTreeMap::from([(MINE, offset)]);
        let told = replies(&node.request(Request::CommitOffsets { offsets }));
        assert_eq!(told, [Ok(Response::CommitOffsetsOk)]);
    }
    let listed = node.reboot().request(Request::ListCommittedOffsets { keys: vec![MINE] });
    let offsets = BTreeMap::from([(MINE, 5)]);
    assert_eq!(replies(&listed), [Ok(Response::ListCommittedOffsetsOk { offsets })]);
}

fn list(elements: &[u64]) -> lists::Op {
    lists::Op::Read { key: 0, list: (!elements.is_empty()).then(|| elements.to_vec()) }
}

const fn element(element: u64) -> lists::Op {
    lists::Op::Append { key: 0, element }
}

#[test]
fn the_sequencer_runs_each_transaction_once_and_knows_it_after_a_crash() {
    let run = |call, txn| sequencer::Message::Run { call, txn };
    let call = |number| sequencer::Call { boot: 1, number };
    let done = |call, txn| [(2, sequencer::Message::Done { call, txn })];
    let mut node = Stage::<Sequencer>::boot(0, 3);
    let txn = vec![list(&[]), element(7), list(&[])];
    let effects = node.message(2, run(call(1), txn.clone()));
    synced_first(&effects);
    let shown = vec![list(&[]), element(7), list(&[7])];
    assert_eq!(sent(&effects), done(call(1), shown.clone()));
    let mut node = node.reboot();
    let again = node.message(2, run(call(1), txn));
    assert_eq!(sent(&again), done(call(1), shown));
    let read = node.message(2, run(call(2), vec![list(&[])]));
    assert_eq!(sent(&read), done(call(2), vec![list(&[7])]));
}

#[test]
fn a_gateway_asks_the_sequencer_for_reads_too() {
    let mut node = Stage::<Sequencer>::boot(1, 3);
    let effects = node.request(lists::Request::Txn { txn: vec![list(&[])] });
    assert_eq!(replies(&effects), []);
    assert!(matches!(sent(&effects)[..], [(0, sequencer::Message::Run { .. })]));
}

fn written(value: u64) -> registers::Request {
    registers::Request::Txn { txn: vec![registers::Op::Write { key: 0, value }] }
}

fn shown(node: &mut Stage<ReadCommitted>) -> Option<u64> {
    let txn = vec![registers::Op::Read { key: 0, value: None }];
    let told = replies(&node.request(registers::Request::Txn { txn }));
    let Ok(registers::Response::TxnOk { txn }) = &told[0] else { panic!("it is answered") };
    let [registers::Op::Read { value, .. }] = txn[..] else { panic!("it is a read") };
    value
}

fn heard(counter: u64, node: u16, value: u64) -> committed::Message {
    let stamp = Stamp { counter, node: NodeId(node) };
    committed::Message::Merge { values: BTreeMap::from([(0, Version { stamp, value })]) }
}

#[test]
fn committed_rule_1_a_transaction_leaves_its_last_value() {
    let mut node = Stage::<ReadCommitted>::boot(0, 3);
    let write = |value| registers::Op::Write { key: 0, value };
    let read = |value| registers::Op::Read { key: 0, value };
    let txn = vec![write(1), read(None), write(2)];
    let effects = node.request(registers::Request::Txn { txn });
    synced_first(&effects);
    let txn = vec![write(1), read(Some(1)), write(2)];
    assert_eq!(replies(&effects), [Ok(registers::Response::TxnOk { txn })]);
    assert_eq!(shown(&mut node), Some(2));
}

#[test]
fn committed_rules_2_and_3_later_stamps_are_larger_and_win() {
    let mut node = Stage::<ReadCommitted>::boot(0, 3);
    node.message(1, heard(5, 1, 50));
    node.request(written(7));
    for (counter, sender, value) in [(5, 2, 51), (6, 0, 52), (1, 2, 10)] {
        node.message(sender, heard(counter, sender, value));
        assert_eq!(shown(&mut node), Some(7), "{counter} of {sender} is not larger than 6 of 0");
    }
    node.message(2, heard(6, 2, 60));
    assert_eq!(shown(&mut node), Some(60), "of equal counters the larger node's");
}

#[test]
fn committed_rule_4_values_and_stamps_survive_a_crash() {
    let mut node = Stage::<ReadCommitted>::boot(0, 3);
    node.message(1, heard(5, 1, 50));
    node.request(written(7));
    let mut node = node.reboot();
    assert_eq!(shown(&mut node), Some(7));
    node.request(written(8));
    node.message(2, heard(6, 2, 60));
    assert_eq!(shown(&mut node), Some(8), "it has stamp 7, not 1");
}
