//! G-Set, G-Counter and PN-Counter: what a replica says, and the laws of the merge.

use std::fmt::Debug;

use splitbrain_algorithms::{g_counter, g_set, pn_counter};
use splitbrain_core::Node;
use splitbrain_core::workload::{
    g_counter as counting, g_set as collecting, pn_counter as counting_both,
};

use crate::stage::{Stage, replies, sent, synced_first};

type Request<N> = splitbrain_core::Request<N>;
type Response<N> = splitbrain_core::Response<N>;

/// What the tests need to know of a state-based CRDT.
struct Crdt<N: Node> {
    /// An update that is told apart by the number.
    update: fn(u16) -> Request<N>,
    read: Request<N>,
    round: N::Timer,
    /// What a read says after the updates 1, 2 and 3 were each done at one node.
    sum: Response<N>,
}

fn g_set() -> Crdt<g_set::GSet> {
    Crdt {
        update: |number| collecting::Request::Add { element: u64::from(number) },
        read: collecting::Request::Read,
        round: g_set::Timer::Round,
        sum: collecting::Response::ReadOk { value: vec![1, 2, 3] },
    }
}

fn g_counter() -> Crdt<g_counter::GCounter> {
    Crdt {
        update: |number| counting::Request::Add { delta: u64::from(number) },
        read: counting::Request::Read,
        round: g_counter::Timer::Round,
        sum: counting::Response::ReadOk { value: 6 },
    }
}

fn pn_counter() -> Crdt<pn_counter::PnCounter> {
    Crdt {
        update: |number| counting_both::Request::Add {
            delta: if number == 2 { -5 } else { i64::from(number) },
        },
        read: counting_both::Request::Read,
        round: pn_counter::Timer::Round,
        sum: counting_both::Response::ReadOk { value: -1 },
    }
}

/// Three replicas, each with one update of its own, and their states as messages.
fn replicas<N: Node>(crdt: &Crdt<N>) -> Vec<(Stage<N>, N::Message)> {
    let replica = |id: u16| {
        let mut stage = Stage::<N>::boot(id, 3);
        let effects = stage.request((crdt.update)(id + 1));
        assert_eq!(replies(&effects).len(), 1);
        synced_first(&effects);
        let state = sent(&stage.timer(crdt.round.clone())).remove(0).1;
        (stage, state)
    };
    (0..3).map(replica).collect()
}

fn read<N: Node>(crdt: &Crdt<N>, stage: &mut Stage<N>) -> Response<N> {
    replies(&stage.request(crdt.read.clone())).remove(0).expect("a read does not fail")
}

/// [shapiro2011 §2] Merge is commutative, associative and idempotent.
fn merge_is_a_join<N: Node>(crdt: &Crdt<N>)
where
    Response<N>: Debug,
{
    for order in [[1, 2, 1, 2], [2, 1, 2, 1], [1, 1, 2, 2], [2, 2, 1, 1]] {
        let mut all = replicas(crdt);
        let states: Vec<N::Message> = all.iter().map(|(_, state)| state.clone()).collect();
        let stage = &mut all[0].0;
        for from in order {
            stage.message(from, states[usize::from(from)].clone());
        }
        assert_eq!(read(crdt, stage), crdt.sum, "merged in the order {order:?}");
    }
}

/// Whoever crashes keeps its own updates, and learns the others' again.
fn own_updates_survive<N: Node>(crdt: &Crdt<N>) {
    let mut all = replicas(crdt);
    let states: Vec<N::Message> = all.iter().map(|(_, state)| state.clone()).collect();
    let (mut crashed, _) = all.remove(0);
    crashed.message(1, states[1].clone());
    let mut crashed = crashed.reboot();
    crashed.message(1, states[1].clone());
    crashed.message(2, states[2].clone());
    assert_eq!(read(crdt, &mut crashed), crdt.sum);
}

fn every_peer_has_its_turn<N: Node>(crdt: &Crdt<N>) {
    let mut stage = Stage::<N>::boot(0, 4);
    let turns: Vec<u16> =
        (0..6).flat_map(|_| sent(&stage.timer(crdt.round.clone()))).map(|(to, _)| to).collect();
    assert_eq!(turns, [1, 2, 3, 1, 2, 3]);
}

#[test]
fn s2_merge_is_a_join() {
    merge_is_a_join(&g_set());
    merge_is_a_join(&g_counter());
    merge_is_a_join(&pn_counter());
}

#[test]
fn s3_1_and_s3_3_1_own_updates_survive_a_crash() {
    own_updates_survive(&g_set());
    own_updates_survive(&g_counter());
    own_updates_survive(&pn_counter());
}

#[test]
fn s2_every_peer_has_its_turn() {
    every_peer_has_its_turn(&g_set());
    every_peer_has_its_turn(&g_counter());
    every_peer_has_its_turn(&pn_counter());
}

/// [shapiro2011 §3.1.2] An older state of a slot changes nothing.
#[test]
fn s3_1_2_older_slots_are_ignored() {
    let mut writer = Stage::<g_counter::GCounter>::boot(0, 2);
    let mut reader = Stage::<g_counter::GCounter>::boot(1, 2);
    let mut states = Vec::new();
    for _ in 0..2 {
        writer.request(counting::Request::Add { delta: 4 });
        states.extend(sent(&writer.timer(g_counter::Timer::Round)));
    }
    for (_, state) in states.into_iter().rev() {
        reader.message(0, state);
        assert_eq!(read(&g_counter(), &mut reader), counting::Response::ReadOk { value: 8 });
    }
}

#[test]
fn counters_saturate_instead_of_wrapping() {
    let mut up = Stage::<g_counter::GCounter>::boot(0, 1);
    let mut down = Stage::<pn_counter::PnCounter>::boot(0, 1);
    for _ in 0..2 {
        up.request(counting::Request::Add { delta: u64::MAX });
        down.request(counting_both::Request::Add { delta: i64::MIN });
    }
    down.request(counting_both::Request::Add { delta: i64::MIN });
    assert_eq!(read(&g_counter(), &mut up), counting::Response::ReadOk { value: u64::MAX });
    let least = counting_both::Response::ReadOk { value: i64::MIN };
    assert_eq!(read(&pn_counter(), &mut down), least);
}
