//! What the thesis adds to the paper, one test per rule, by section.

use std::collections::BTreeSet;
use std::time::Duration;

use splitbrain_algorithms::raft::{
    AppendEntries, AppendEntriesReply, Appended, Execute, Index, InstallSnapshot, KvCommand, LogId,
    Machine, Message, Mode, Once, Options, Owner, Payload, Role, Sessions, Term, TimeoutNow,
};
use splitbrain_core::workload::lin_kv::Request;
use splitbrain_core::{NodeId, Ratio, Time};

use super::cluster::Cluster;
use super::{Number, PAPER, Server, answer, append, appends, ask_vote, granted, id, stored, vote};

const THESIS: Options = Options { pre_vote: true, check_quorum: true, ..PAPER };

fn nodes(ids: impl IntoIterator<Item = u16>) -> BTreeSet<NodeId> {
    ids.into_iter().map(NodeId).collect()
}

#[test]
fn s9_6_a_pre_vote_changes_neither_term_nor_vote() {
    let mut server = Server::with(THESIS, 3, 4, &[4]);
    server.time_out();
    let sent = server.time_out();
    assert_eq!((server.term(), server.raft.voted_for(), server.out.hard_state), (4, None, false));
    assert!(matches!(sent[..], [(1, Message::PreVote(one)), (2, Message::PreVote(_))]
        if one.term == Term(5) && one.last_log == id(4, 1)));
}

#[test]
fn s9_6_whoever_would_win_stands_for_election() {
    let mut server = Server::with(THESIS, 3, 4, &[4]);
    server.time_out();
    server.time_out();
    let grant = |term, vote_granted| {
        let Message::RequestVoteReply(reply) = vote(term, vote_granted) else { unreachable!() };
        Message::PreVoteReply(reply)
    };
    server.receive(1, grant(4, false));
    assert_eq!(server.term(), 4);
    let sent = server.receive(2, grant(5, true));
    assert_eq!(server.term(), 5);
    assert_eq!(sent, [1, 2].map(|to| (to, ask_vote(5, 0, id(4, 1)))));
    server.receive(1, grant(5, true));
    assert!(!server.raft.is_leader(), "a pre-vote is no vote");
}

#[test]
fn s9_6_a_refusal_tells_those_who_are_behind_their_term() {
    let mut server = Server::with(THESIS, 3, 4, &[4]);
    server.time_out();
    server.time_out();
    let Message::RequestVoteReply(reply) = vote(9, false) else { unreachable!() };
    server.receive(1, Message::PreVoteReply(reply));
    assert_eq!(server.term(), 9);
}

#[test]
fn s9_6_a_server_that_was_away_does_not_depose_the_leader() {
    let mut cluster = Cluster::new(3, THESIS, 1);
    let leader = cluster.wait_for_leader();
    let away = cluster.followers(leader)[0];
    cluster.disconnect(away);
    cluster.run(10_000);
    let term = cluster.term(leader);
    cluster.connect(away);
    cluster.run(2_000);
    assert_eq!((cluster.leader(), cluster.highest_term()), (Some(leader), term));
}

#[test]
fn s4_2_3_whoever_hears_a_leader_gives_no_vote_and_takes_no_term() {
    let mut server = Server::with(THESIS, 3, 1, &[]);
    server.receive(1, append(1, id(0, 0), &[], 0));
    assert_eq!(server.receive(2, ask_vote(7, 2, id(5, 5))), []);
    assert_eq!(server.term(), 1);
    server.time_out();
    assert!(granted(&server.receive(2, ask_vote(7, 2, id(5, 5)))), "the leader is silent");
}

#[test]
fn s6_4_1_whoever_has_just_started_may_have_heard_a_leader_before() {
    let mut server = Server::with(THESIS, 3, 1, &[]);
    assert_eq!(server.receive(2, ask_vote(7, 2, id(5, 5))), []);
}

/// A client should not wait for it [thesis §6.2].
#[test]
fn s6_2_a_leader_without_a_majority_steps_down() {
    let mut cluster = Cluster::new(5, THESIS, 2);
    let leader = cluster.wait_for_leader();
    cluster.disconnect(leader);
    cluster.run(600);
    assert!(!cluster.raft(leader).is_leader());
}

#[test]
fn s3_10_a_leader_hands_over_to_whoever_is_up_to_date() {
    let mut server = Server::settled(3);
    server.raft.propose([Number(7)], &mut server.out).expect("it leads");
    server.raft.transfer(NodeId(1), &mut server.out).expect("it leads");
    assert!(server.raft.propose([Number(8)], &mut server.out).is_err(), "nothing new meanwhile");
    assert!(!server.sent().iter().any(|(_, message)| matches!(message, Message::TimeoutNow(_))));
    let sent = server.receive(1, stored(1, 2));
    assert!(sent.contains(&(1, Message::TimeoutNow(TimeoutNow { term: Term(1) }))));
    server.time_out();
    server.time_out();
    assert!(server.raft.propose([Number(8)], &mut server.out).is_ok(), "it has waited enough");
}

#[test]
fn s3_10_the_target_is_elected_although_the_leader_lives() {
    let mut cluster = Cluster::new(5, THESIS, 3);
    cluster.agree(1, 5);
    let leader = cluster.wait_for_leader();
    let target = cluster.followers(leader)[2];
    cluster.call(leader, |raft, out| raft.transfer(NodeId(target), out)).expect("it leads");
    cluster.run(200);
    assert_eq!(cluster.leader(), Some(target));
}

#[test]
fn s6_4_a_read_waits_for_a_round_that_began_after_it() {
    let mut server = Server::settled(3);
    server.raft.read(7, Time::ZERO).expect("it leads");
    server.receive(1, stored(1, 1)); // of round 0
    assert_eq!(server.raft.take_reads(), [0u64; 0]);
    server.raft.flush(Time::ZERO, &mut server.out);
    let sent = server.sent();
    let round = appends(&sent)[0].1.round;
    let Message::AppendEntriesReply(mut reply) = stored(1, 1) else { unreachable!() };
    reply.round = round;
    server.receive(2, Message::AppendEntriesReply(reply));
    assert_eq!(server.raft.take_reads(), [7]);
}

#[test]
fn s6_4_a_read_waits_for_an_entry_of_the_leaders_term() {
    let mut server = Server::leader(3, 1, &[1]);
    server.raft.read(7, Time::ZERO).expect("it leads");
    server.raft.flush(Time::ZERO, &mut server.out);
    let Message::AppendEntriesReply(mut reply) = stored(2, 1) else { unreachable!() };
    reply.round = 1;
    server.receive(1, Message::AppendEntriesReply(reply));
    server.applied();
    assert_eq!(server.raft.take_reads(), [0u64; 0], "the round is confirmed, the entry is not");
    server.receive(1, stored(2, 2));
    assert_eq!(server.raft.take_reads(), [0u64; 0], "committed, and not yet applied");
    server.applied();
    assert_eq!(server.raft.take_reads(), [7]);
}

#[test]
fn s6_4_1_a_lease_answers_reads_at_once_until_it_ends() {
    let lease = Some(Duration::from_millis(120));
    let mut cluster = Cluster::new(3, Options { lease, ..THESIS }, 4);
    cluster.agree(1, 3);
    let leader = cluster.wait_for_leader();
    assert!(cluster.read(leader, 1));
    assert!(!cluster.reads(leader).contains(&1), "the first one needs a round");
    cluster.run(50);
    assert!(cluster.reads(leader).contains(&1));
    cluster.read(leader, 2);
    assert!(cluster.reads(leader).contains(&2), "within the lease");
    cluster.run(300);
    cluster.read(leader, 3);
    assert!(!cluster.reads(leader).contains(&3), "after it");
}

/// [raft fig. 13] [thesis §5]
#[test]
fn s7_a_snapshot_replaces_what_it_covers_and_keeps_what_follows() {
    let mut server = Server::new(3, 2, &[1, 1, 2, 2]);
    let install = |last_included: LogId, offset: usize, data: &[u8], done| {
        Message::InstallSnapshot(InstallSnapshot {
            term: Term(2),
            leader_id: NodeId(1),
            last_included,
            configuration: server.raft.configuration().clone(),
            offset,
            data: data.to_vec(),
            done,
        })
    };
    let (first, again, last) = (
        install(id(2, 3), 0, &[1; 16], false),
        install(id(2, 3), 0, &[1; 16], false),
        install(id(2, 3), 16, &[2; 16], true),
    );
    let old = install(id(1, 1), 0, &[9; 16], true);
    server.receive(1, first);
    server.receive(1, again); // doubled
    assert_eq!(answer(&server.receive(1, last)), Appended::Match(Index(3)));
    assert!(server.out.restore && server.out.snapshot);
    assert_eq!(server.raft.snapshot().data, [[1; 16], [2; 16]].concat());
    assert_eq!((server.raft.log().base(), server.raft.log().last_id()), (id(2, 3), id(2, 4)));
    server.receive(1, old);
    assert_eq!(server.raft.log().base(), id(2, 3), "an older one changes nothing");
}

#[test]
fn s6_3_a_command_that_comes_twice_is_carried_out_once() {
    let mut sessions = Sessions::default();
    let owner = |node| Owner { node: NodeId(node), boot: 1 };
    let session = sessions.register(Index(3), owner(0));
    assert_eq!(sessions.register(Index(4), owner(0)), session, "one session is enough");
    let mut count = 0;
    let mut once = |index, sequence, first_open| {
        sessions.once(Index(index), session, sequence, first_open, || {
            count += 1;
            count
        })
    };
    assert_eq!(once(5, 1, 1), Once::Answer(1));
    assert_eq!(once(6, 1, 1), Once::Answer(1), "the same answer again");
    assert_eq!(once(7, 3, 1), Once::Answer(2));
    assert_eq!(once(8, 2, 1), Once::Answer(3), "an earlier one may come later");
    assert_eq!(once(9, 3, 3), Once::Answer(2));
    assert_eq!(once(10, 2, 1), Once::Forgotten, "its client has the answer");
}

#[test]
fn s6_3_the_session_that_was_used_longest_ago_ends() {
    let mut sessions = Sessions::default();
    let owner = |boot| Owner { node: NodeId(0), boot };
    let first = sessions.register(Index(1), owner(1));
    let second = sessions.register(Index(2), owner(2));
    assert_eq!(sessions.once(Index(3), first, 1, 1, || 7), Once::Answer(7));
    (4..=66).for_each(|index| _ = sessions.register(Index(index), owner(index)));
    assert_eq!(sessions.once(Index(70), second, 1, 1, || 8), Once::Expired);
    assert_eq!(sessions.once(Index(71), first, 1, 1, || 8), Once::Answer(7));
}

#[test]
fn s6_3_a_snapshot_holds_the_answers() {
    let mut machine = Machine::default();
    let owner = Owner { node: NodeId(2), boot: 3 };
    machine.apply(Index(1), KvCommand::Register(owner));
    for (index, request) in (2..).zip([
        Request::Write { key: 1, value: 5 },
        Request::Cas { key: 1, from: 5, to: 6 },
        Request::Cas { key: 1, from: 5, to: 7 },
        Request::Cas { key: 2, from: 5, to: 7 },
    ]) {
        let execute = Execute { session: Index(1), sequence: index, first_open: 2, request };
        machine.apply(Index(index), KvCommand::Execute(execute));
    }
    assert_eq!(Machine::from_bytes(&machine.to_bytes()), machine);
    assert_eq!(Machine::from_bytes(&[]), Machine::default());
}

#[test]
fn s7_whoever_needs_what_is_gone_is_sent_the_snapshot() {
    let mut server = Server::settled(3);
    server.propose(2..10);
    server.receive(1, stored(1, 9));
    server.applied();
    server.raft.compact(vec![5; 100], &mut server.out);
    let sent = server.receive(
        2,
        Message::AppendEntriesReply(AppendEntriesReply {
            term: Term(1),
            result: Appended::Conflict { refused: Index(9), term: None, first: Index(1) },
            round: 0,
        }),
    );
    assert_eq!(sent, []);
    server.raft.flush(Time::ZERO, &mut server.out);
    assert!(matches!(&server.sent()[..], [(2, Message::InstallSnapshot(piece))]
        if piece.offset == 0 && piece.data.len() == 64 && !piece.done));
}

#[test]
fn s10_2_1_a_leader_sends_on_without_waiting_up_to_its_window() {
    let mut server = Server::settled(3);
    let options = Options { window_entries: 4, ..PAPER };
    let mut small = Server::with(options, 3, 0, &[]);
    small.time_out();
    small.time_out();
    small.receive(1, vote(1, true));
    small.persist();
    small.receive(1, stored(1, 1));
    for (server, expected) in [(&mut server, 6), (&mut small, 4)] {
        let mut sent = Vec::new();
        (0..6).for_each(|number| sent.extend(server.propose([number])));
        let to_one = |(to, append): &(u16, &_)| (*to == 1).then_some(append_len(append));
        let entries: usize = appends(&sent).iter().filter_map(to_one).sum();
        assert_eq!(entries, expected);
    }
}

fn append_len(append: &AppendEntries<Number>) -> usize {
    append.entries.len()
}

#[test]
fn s10_2_1_the_window_counts_bytes_too() {
    let options = Options { window_bytes: 100, ..PAPER };
    let mut server = Server::with(options, 3, 0, &[]);
    server.time_out();
    server.time_out();
    server.receive(1, vote(1, true));
    server.persist();
    server.receive(1, stored(1, 1));
    let mut sent = Vec::new();
    (0..20).for_each(|number| sent.extend(server.propose([number])));
    let to_one = |(to, append): &(u16, &_)| (*to == 1).then_some(append_len(append));
    let entries: usize = appends(&sent).iter().filter_map(to_one).sum();
    assert!((4..=5).contains(&entries), "of 24 bytes each: {entries}");
}

/// [raft §6] [thesis §4]
#[test]
fn s4_3_a_joint_configuration_needs_both_majorities() {
    let mut server = Server::settled(3);
    let change = server.raft.change(nodes([0, 3, 4]), &nodes([]), &mut server.out);
    assert_eq!(change.ok(), Some(true));
    server.raft.flush(Time::ZERO, &mut server.out);
    server.persist();
    assert!(server.raft.configuration().is_joint(), "in force before it is committed");
    server.receive(1, stored(1, 2));
    assert_eq!(server.commit(), 1, "a majority of the old, not of the new");
    server.receive(3, stored(1, 2));
    assert_eq!(server.commit(), 2);
    assert!(!server.raft.configuration().is_joint(), "the new one follows by itself");
}

#[test]
fn s4_1_one_change_at_a_time() {
    let mut server = Server::settled(3);
    let mut change =
        |voters: [u16; 3]| server.raft.change(nodes(voters), &nodes([]), &mut server.out).ok();
    assert_eq!(change([0, 1, 3]), Some(true));
    assert_eq!(change([0, 1, 4]), Some(false), "the first is not committed");
}

/// (Ongaro 2015, on raft-dev)
#[test]
fn s4_1_no_change_before_an_entry_of_the_own_term_is_committed() {
    let mut server = Server::leader(3, 1, &[1]);
    let change = server.raft.change(nodes([0, 1]), &nodes([]), &mut server.out);
    assert_eq!(change.ok(), Some(false));
}

#[test]
fn s4_2_1_a_learner_receives_the_log_and_is_not_counted() {
    let mut server = Server::settled(3);
    server.raft.change(nodes([0, 1, 2]), &nodes([3]), &mut server.out).expect("it leads");
    server.persist();
    server.receive(3, stored(1, 2));
    assert_eq!(server.commit(), 1, "two copies on voters make a majority, not one and a learner");
    server.receive(1, stored(1, 2));
    assert_eq!(server.commit(), 2);
}

#[test]
fn s4_2_2_a_leader_that_is_not_in_the_new_configuration_steps_down() {
    let mut cluster = Cluster::with(4, 3, THESIS, 5);
    cluster.agree(1, 3);
    let leader = cluster.wait_for_leader();
    let voters = nodes((0..4).filter(|server| *server != leader));
    let change = cluster.call(leader, |raft, out| raft.change(voters.clone(), &nodes([]), out));
    assert_eq!(change.ok(), Some(true));
    cluster.run(2_000);
    let next = cluster.wait_for_leader();
    assert_ne!(next, leader);
    assert_eq!(cluster.raft(next).configuration().voters, voters);
    assert!(matches!(cluster.raft(leader).role(), Role::Follower { .. }));
    cluster.agree(2, 3);
}

#[test]
fn s4_3_a_configuration_survives_in_a_snapshot() {
    let mut cluster = Cluster::with(5, 3, THESIS, 6);
    cluster.compact_after = Some(5);
    cluster.agree(1, 3);
    let leader = cluster.wait_for_leader();
    cluster.call(leader, |raft, out| raft.change(nodes(0..5), &nodes([]), out)).expect("it leads");
    cluster.run(1_000);
    (2..20).for_each(|number| cluster.agree(number, 5));
    (0..5).for_each(|server| cluster.crash(server));
    (0..5).for_each(|server| cluster.start(server));
    cluster.run(2_000);
    assert!((0..5).all(|server| cluster.raft(server).configuration().voters == nodes(0..5)));
    cluster.agree(20, 5);
}

#[test]
fn the_bytes_of_a_snapshot_arrive_although_messages_are_lost() {
    for seed in 0..20 {
        let mut cluster = Cluster::new(3, THESIS, seed);
        cluster.compact_after = Some(5);
        cluster.agree(1, 3);
        let leader = cluster.wait_for_leader();
        let away = cluster.followers(leader)[0];
        cluster.disconnect(away);
        (2..40).for_each(|number| cluster.agree(number, 2));
        cluster.loss = Ratio(1, 5);
        cluster.connect(away);
        cluster.run(5_000);
        cluster.loss = Ratio::NEVER;
        cluster.agree(50, 3);
    }
}

/// The entries of a log, and how a leader is doing with a follower.
#[test]
fn a_leader_knows_how_to_send_to_each_follower() {
    let server = Server::settled(3);
    let Role::Leader(leader) = server.raft.role() else { panic!("it leads") };
    assert!(leader.peers().values().all(|progress| progress.mode == Mode::Replicate));
    let noop = server.raft.log().get(Index(1)).map(|entry| &entry.payload);
    assert_eq!(noop, Some(&Payload::Noop));
}
