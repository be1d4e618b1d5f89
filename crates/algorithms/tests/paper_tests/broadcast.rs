//! Flooding and gossip.

use std::collections::{BTreeMap, BTreeSet};

use splitbrain_algorithms::broadcast::{flooding, gossip};
use splitbrain_core::NodeId;
use splitbrain_core::workload::broadcast::{Request, Response};

use crate::stage::{Stage, replies, sent, synced_first};

fn set<const N: usize>(messages: [u64; N]) -> BTreeSet<u64> {
    BTreeSet::from(messages)
}

fn tell<const N: usize>(messages: [u64; N]) -> flooding::Message {
    flooding::Message::Tell { messages: set(messages) }
}

fn heard<const N: usize>(messages: [u64; N]) -> flooding::Message {
    flooding::Message::Heard { messages: set(messages) }
}

/// The middle one of three in a line.
fn middle() -> Stage<flooding::Flooding> {
    let mut stage = Stage::boot(1, 4);
    let near = vec![NodeId(0), NodeId(2)];
    let topology = BTreeMap::from([(NodeId(1), near)]);
    assert_eq!(replies(&stage.request(Request::Topology { topology })), [Ok(Response::TopologyOk)]);
    stage
}

#[test]
fn flooding_rule_1_acknowledges_what_is_on_disk() {
    let mut stage = middle();
    synced_first(&stage.request(Request::Broadcast { message: 7 }));
    synced_first(&stage.message(0, tell([8])));
    let mut stage = stage.reboot();
    let read = stage.request(Request::Read);
    assert_eq!(replies(&read), [Ok(Response::ReadOk { messages: vec![7, 8] })]);
}

#[test]
fn flooding_rule_2_passes_on_what_is_new_and_not_back() {
    let mut stage = middle();
    assert_eq!(sent(&stage.message(0, tell([7]))), [(2, tell([7])), (0, heard([7]))]);
    assert_eq!(sent(&stage.message(0, tell([7]))), [(0, heard([7]))]);
}

#[test]
fn flooding_tells_again_until_all_have_heard() {
    let mut stage = middle();
    stage.request(Request::Broadcast { message: 7 });
    stage.request(Request::Broadcast { message: 8 });
    stage.message(0, heard([7]));
    assert_eq!(sent(&stage.timer(flooding::Timer::Retry)), [(0, tell([8])), (2, tell([7, 8]))]);
    stage.message(0, heard([8]));
    stage.message(2, heard([7, 8]));
    assert_eq!(sent(&stage.timer(flooding::Timer::Retry)), []);
}

#[test]
fn flooding_rule_3_a_restarted_node_owes_everything_to_everyone() {
    let mut stage = middle();
    stage.request(Request::Broadcast { message: 7 });
    stage.message(0, heard([7]));
    stage.message(2, heard([7]));
    let retry = sent(&stage.reboot().timer(flooding::Timer::Retry));
    assert_eq!(retry, [(0, tell([7])), (2, tell([7])), (3, tell([7]))]);
}

#[test]
fn flooding_rule_4_who_tells_knows() {
    let mut stage = middle();
    stage.request(Request::Broadcast { message: 7 });
    stage.message(0, tell([7]));
    assert_eq!(sent(&stage.timer(flooding::Timer::Retry)), [(2, tell([7]))]);
}

#[test]
fn gossip_rule_1_acknowledges_what_is_on_disk() {
    let mut stage = Stage::<gossip::Gossip>::boot(0, 3);
    synced_first(&stage.request(Request::Broadcast { message: 7 }));
    let read = stage.reboot().request(Request::Read);
    assert_eq!(replies(&read), [Ok(Response::ReadOk { messages: vec![7] })]);
}

#[test]
fn gossip_rule_2_every_peer_has_its_turn() {
    let mut stage = Stage::<gossip::Gossip>::boot(1, 4);
    let mut turns = Vec::new();
    for _ in 0..6 {
        turns.extend(sent(&stage.timer(gossip::Timer::Round)).iter().map(|(to, _)| *to));
    }
    assert_eq!(turns, [2, 3, 0, 2, 3, 0]);
}

/// [demers1987 §1.3] ResolveDifference, push-pull.
#[test]
fn gossip_s1_3_after_one_exchange_both_know_all() {
    let mut left = Stage::<gossip::Gossip>::boot(0, 2);
    let mut right = Stage::<gossip::Gossip>::boot(1, 2);
    left.request(Request::Broadcast { message: 1 });
    right.request(Request::Broadcast { message: 2 });
    let (_, compare) = sent(&left.timer(gossip::Timer::Round)).remove(0);
    let (_, mine) = sent(&right.message(0, compare)).remove(0);
    let (_, yours) = sent(&left.message(1, mine)).remove(0);
    assert_eq!(yours, gossip::Message::Yours { messages: set([1]) });
    right.message(0, yours);
    for stage in [&mut left, &mut right] {
        let read = stage.request(Request::Read);
        assert_eq!(replies(&read), [Ok(Response::ReadOk { messages: vec![1, 2] })]);
    }
    let (_, compare) = sent(&left.timer(gossip::Timer::Round)).remove(0);
    assert_eq!(sent(&right.message(0, compare)), [], "there is nothing left to exchange");
}
