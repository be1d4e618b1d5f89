//! Raft: the rules that the paper states, one test each, by section.
//!
//! The list is the one that etcd's `raft_paper_test.go` cites; the tests are ours. A server is
//! called directly: nothing is sent, nothing waits.

mod cluster;
mod labs;
mod thesis;

use std::collections::BTreeSet;

use splitbrain_algorithms::raft::{
    AppendEntries, AppendEntriesReply, Appended, Command, Configuration, Entry, Index, LogId,
    Message, Options, Output, Patience, Payload, Raft, RaftKv, Recovered, RequestVote,
    RequestVoteReply, Role, Snapshot, Term, Timer,
};
use splitbrain_core::{Effect, NodeId, Time};

use crate::stage::Stage;

/// A command that is a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Number(u64);

impl Command for Number {
    fn bytes(&self) -> u64 {
        8
    }
}

/// The paper's Raft: no pre-vote, no check of the majority.
const PAPER: Options = Options {
    pre_vote: false,
    check_quorum: false,
    message_bytes: 1_000,
    window_entries: 100,
    window_bytes: 10_000,
    chunk_bytes: 64,
    lease: None,
};

type Sent = Vec<(u16, Message<Number>)>;

/// A server, and what it wants done.
struct Server {
    raft: Raft<Number>,
    out: Output<Number>,
}

impl Server {
    /// Server 0 of so many, in `term`, with entries of these terms in its log.
    fn new(servers: u16, term: u64, log: &[u64]) -> Self {
        Self::with(PAPER, servers, term, log)
    }

    fn with(options: Options, servers: u16, term: u64, log: &[u64]) -> Self {
        let mut out = Output::default();
        let found = Recovered {
            current_term: Term(term),
            voted_for: None,
            snapshot: Snapshot::initial(Configuration::of((0..servers).map(NodeId))),
            log: (1..).map(Index).zip(log.iter().map(|term| entry(*term, *term))),
        };
        let raft = Raft::start(NodeId(0), options, found, &mut out);
        Self { raft, out: Output::default() }
    }

    /// A follower that hears no leader any more.
    fn follower(servers: u16, term: u64, log: &[u64]) -> Self {
        let mut server = Self::new(servers, term, log);
        server.raft.on_election_timeout(&mut server.out);
        server
    }

    /// A candidate of the term after `term`.
    fn candidate(servers: u16, term: u64, log: &[u64]) -> Self {
        let mut server = Self::follower(servers, term, log);
        server.raft.on_election_timeout(&mut server.out);
        server
    }

    /// The leader of the term after `term`; its first entry is in its log and sent.
    fn leader(servers: u16, term: u64, log: &[u64]) -> Self {
        let mut server = Self::candidate(servers, term, log);
        for voter in 1..=servers / 2 {
            server.receive(voter, vote(term + 1, true));
        }
        assert!(server.raft.is_leader());
        server.persist();
        server
    }

    /// A leader whose first entry is committed.
    fn settled(servers: u16) -> Self {
        let mut server = Self::leader(servers, 0, &[]);
        for peer in 1..servers {
            server.receive(peer, stored(1, 1));
        }
        server.applied();
        server.sent();
        server
    }

    fn receive(&mut self, from: u16, message: Message<Number>) -> Sent {
        self.raft.on_message(NodeId(from), message, &mut self.out);
        self.sent()
    }

    fn time_out(&mut self) -> Sent {
        self.raft.on_election_timeout(&mut self.out);
        self.sent()
    }

    fn propose(&mut self, numbers: impl IntoIterator<Item = u64>) -> Sent {
        self.raft.propose(numbers.into_iter().map(Number), &mut self.out).expect("it leads");
        self.raft.flush(Time::ZERO, &mut self.out);
        self.persist()
    }

    fn persist(&mut self) -> Sent {
        self.raft.persisted(self.raft.log().last_id(), &mut self.out);
        self.sent()
    }

    fn sent(&mut self) -> Sent {
        self.out.send.drain(..).map(|(to, message)| (to.0, message)).collect()
    }

    fn applied(&mut self) -> Vec<u64> {
        let mut numbers = Vec::new();
        while let Some((_, entry)) = self.raft.next_to_apply() {
            if let Payload::Command(Number(number)) = entry.payload {
                numbers.push(number);
            }
        }
        numbers
    }

    fn term(&self) -> u64 {
        self.raft.current_term().0
    }

    fn commit(&self) -> u64 {
        self.raft.commit_index().0
    }

    fn log_terms(&self) -> Vec<u64> {
        self.raft.log().tail(Index(1)).map(|(_, entry)| entry.term.0).collect()
    }
}

fn entry(term: u64, number: u64) -> Entry<Number> {
    Entry { term: Term(term), payload: Payload::Command(Number(number)) }
}

fn id(term: u64, index: u64) -> LogId {
    LogId { term: Term(term), index: Index(index) }
}

fn vote(term: u64, vote_granted: bool) -> Message<Number> {
    Message::RequestVoteReply(RequestVoteReply { term: Term(term), vote_granted })
}

fn ask_vote(term: u64, candidate: u16, last_log: LogId) -> Message<Number> {
    let candidate_id = NodeId(candidate);
    Message::RequestVote(RequestVote { term: Term(term), candidate_id, last_log, transfer: false })
}

fn append(term: u64, prev_log: LogId, terms: &[u64], commit: u64) -> Message<Number> {
    Message::AppendEntries(AppendEntries {
        term: Term(term),
        leader_id: NodeId(1),
        prev_log,
        entries: terms.iter().map(|term| entry(*term, *term)).collect(),
        leader_commit: Index(commit),
        round: 0,
    })
}

fn stored(term: u64, index: u64) -> Message<Number> {
    Message::AppendEntriesReply(AppendEntriesReply {
        term: Term(term),
        result: Appended::Match(Index(index)),
        round: 0,
    })
}

/// How a follower answered, in the only message it sent.
fn answer(sent: &Sent) -> Appended {
    match sent[..] {
        [(_, Message::AppendEntriesReply(reply))] => reply.result,
        _ => panic!("not one reply: {sent:?}"),
    }
}

fn granted(sent: &Sent) -> bool {
    match sent[..] {
        [(_, Message::RequestVoteReply(reply))] => reply.vote_granted,
        _ => panic!("not one reply: {sent:?}"),
    }
}

fn appends(sent: &Sent) -> Vec<(u16, &AppendEntries<Number>)> {
    sent.iter()
        .filter_map(|(to, message)| match message {
            Message::AppendEntries(append) => Some((*to, append)),
            _ => None,
        })
        .collect()
}

#[test]
fn s5_1_a_follower_takes_over_a_later_term() {
    let mut server = Server::new(3, 1, &[]);
    server.receive(1, append(2, id(0, 0), &[], 0));
    assert_eq!(server.term(), 2);
    assert!(server.out.hard_state, "and writes it down");
}

#[test]
fn s5_1_a_candidate_takes_over_a_later_term_and_follows() {
    let mut server = Server::candidate(3, 1, &[]);
    server.receive(1, append(3, id(0, 0), &[], 0));
    assert_eq!((server.term(), server.raft.leader()), (3, Some(NodeId(1))));
}

#[test]
fn s5_1_a_leader_takes_over_a_later_term_and_follows() {
    let mut server = Server::leader(3, 1, &[]);
    server.receive(1, append(3, id(0, 0), &[], 0));
    assert_eq!((server.term(), server.raft.leader()), (3, Some(NodeId(1))));
}

#[test]
fn s5_1_a_message_of_an_earlier_term_is_refused() {
    let mut server = Server::new(3, 5, &[1]);
    let sent = server.receive(1, append(4, id(1, 1), &[4], 1));
    assert_eq!(answer(&sent), Appended::Stale);
    assert_eq!((server.log_terms(), server.commit()), (vec![1], 0));
    assert!(!granted(&server.receive(1, ask_vote(4, 1, id(9, 9)))));
    let mut leader = Server::leader(3, 4, &[]);
    leader.receive(1, stored(4, 1));
    assert_eq!(leader.commit(), 0, "an acknowledgement of an earlier term counts for nothing");
}

#[test]
fn s5_2_servers_start_as_followers() {
    let server = Server::new(3, 0, &[]);
    assert!(matches!(server.raft.role(), Role::Follower { leader: None }));
}

#[test]
fn s5_2_a_leader_sends_heartbeats_to_all() {
    let mut server = Server::settled(3);
    server.raft.on_heartbeat_timeout(&mut server.out);
    assert!(server.out.heartbeat, "and will again");
    let sent = server.sent();
    let empty = |(to, append): &(u16, &AppendEntries<Number>)| {
        assert_eq!((append.term, append.prev_log), (Term(1), id(1, 1)));
        append.entries.is_empty().then_some(*to)
    };
    assert_eq!(appends(&sent).iter().filter_map(empty).collect::<Vec<_>>(), [1, 2]);
}

/// What a server does when its election timer expires.
fn starts_election(mut server: Server, term: u64) {
    server.sent();
    let sent = server.time_out();
    assert_eq!((server.term(), server.raft.voted_for()), (term, Some(NodeId(0))));
    assert!(server.out.hard_state);
    assert_eq!(server.out.election, Some(Patience::Both));
    assert!(matches!(server.raft.role(), Role::Candidate { votes } if votes.len() == 1));
    assert_eq!(sent, [1, 2].map(|to| (to, ask_vote(term, 0, id(1, 1)))));
}

#[test]
fn s5_2_a_follower_that_hears_no_leader_starts_an_election() {
    starts_election(Server::follower(3, 1, &[1]), 2);
}

#[test]
fn s5_2_a_candidate_that_hears_nothing_starts_another_election() {
    starts_election(Server::candidate(3, 1, &[1]), 3);
}

#[test]
fn s5_2_a_majority_of_votes_elects() {
    for (servers, votes, refusals, elected) in [
        (1, 0, 0, true),
        (3, 1, 0, true),
        (3, 1, 1, true),
        (3, 0, 2, false),
        (3, 0, 0, false),
        (5, 2, 2, true),
        (5, 1, 3, false),
        (5, 1, 0, false),
    ] {
        let mut server = Server::candidate(servers, 0, &[]);
        for voter in 1..=votes {
            server.receive(voter, vote(1, true));
        }
        for voter in votes + 1..=votes + refusals {
            server.receive(voter, vote(1, false));
        }
        assert_eq!(server.raft.is_leader(), elected, "{votes} of {servers}");
    }
}

#[test]
fn s5_2_a_vote_counts_once_and_in_its_term() {
    let mut server = Server::candidate(5, 0, &[]);
    (0..3).for_each(|_| _ = server.receive(1, vote(1, true)));
    server.receive(2, vote(0, true));
    assert!(!server.raft.is_leader());
}

#[test]
fn s5_2_a_follower_votes_once_per_term() {
    for (voted, candidate, grants) in [(1, 1, true), (1, 2, false), (2, 2, true)] {
        let mut server = Server::follower(3, 0, &[]);
        assert!(granted(&server.receive(voted, ask_vote(1, voted, id(0, 0)))));
        assert_eq!(server.out.election, Some(Patience::Both), "whoever votes goes on waiting");
        assert_eq!(granted(&server.receive(candidate, ask_vote(1, candidate, id(0, 0)))), grants);
    }
}

#[test]
fn s5_2_a_candidate_follows_the_leader_of_its_term_or_a_later_one() {
    for term in [1, 2] {
        let mut server = Server::candidate(3, 0, &[]);
        server.receive(1, append(term, id(0, 0), &[], 0));
        assert_eq!((server.term(), server.raft.leader()), (term, Some(NodeId(1))));
    }
}

/// The spans from which a node draws its election timer, until it stands for election itself.
fn election_timers(stage: &mut Stage<RaftKv>, times: usize) -> Vec<(u64, u64)> {
    let mut spans = Vec::new();
    for _ in 0..times {
        let mut effects = stage.timer(Timer::Election);
        effects.extend(stage.timer(Timer::Write));
        spans.extend(effects.into_iter().filter_map(|effect| match effect {
            Effect::SetTimer { timer: Timer::Election, low, high } => Some((low, high)),
            _ => None,
        }));
    }
    spans
}

#[test]
fn s5_2_a_followers_election_timeout_is_random() {
    let mut stage = Stage::<RaftKv>::boot(0, 3);
    let rest = election_timers(&mut stage, 1);
    assert!(rest.iter().all(|(low, high)| high - low >= 200_000_000), "{rest:?}");
}

#[test]
fn s5_2_a_candidates_election_timeout_is_random() {
    let mut stage = Stage::<RaftKv>::boot(0, 3);
    let spans = election_timers(&mut stage, 4);
    let again = &spans[1..];
    assert!(again.iter().all(|(low, high)| high - low >= 200_000_000), "{spans:?}");
}

/// In how many of 100 clusters of five it takes more than one term to find a leader.
fn conflicts(before: impl Fn(&mut cluster::Cluster)) -> usize {
    let conflict = |seed: &u64| {
        let mut cluster = cluster::Cluster::new(5, PAPER, *seed);
        before(&mut cluster);
        let term = cluster.highest_term();
        cluster.run(1_500);
        cluster.leader().is_none_or(|leader| cluster.term(leader) > term + 1)
    };
    (0..100).filter(conflict).count()
}

#[test]
fn s5_2_followers_seldom_split_the_vote() {
    let split = conflicts(|_| {});
    assert!(split < 30, "{split} of 100");
}

#[test]
fn s5_2_candidates_that_split_the_vote_seldom_do_so_again() {
    // All lose their leader at one moment.
    let split = conflicts(|cluster| {
        cluster.run(1_500);
        if let Some(leader) = cluster.leader() {
            cluster.disconnect(leader);
        }
    });
    assert!(split < 40, "{split} of 100");
}

#[test]
fn s5_3_a_leader_appends_and_sends_to_all() {
    let mut server = Server::settled(3);
    let sent = server.propose([7]);
    assert_eq!(server.log_terms(), [1, 1]);
    let entries: BTreeSet<_> = appends(&sent)
        .into_iter()
        .map(|(to, append)| {
            assert_eq!((append.prev_log, append.leader_commit), (id(1, 1), Index(1)));
            (to, append.entries.clone())
        })
        .collect();
    assert_eq!(entries, [1, 2].map(|to| (to, vec![entry(1, 7)])).into());
}

#[test]
fn s5_3_a_leader_commits_what_a_majority_stores_and_says_so() {
    let mut server = Server::settled(3);
    server.propose([7]);
    assert_eq!(server.applied(), [0u64; 0]);
    server.receive(1, stored(1, 2));
    assert_eq!((server.commit(), server.applied()), (2, vec![7]));
    server.raft.on_heartbeat_timeout(&mut server.out);
    let sent = server.sent();
    assert!(appends(&sent).iter().all(|(_, append)| append.leader_commit == Index(2)));
}

#[test]
fn s5_3_every_majority_commits_and_nothing_less() {
    for (servers, acknowledge, commits) in [
        (1, &[][..], true),
        (3, &[], false),
        (3, &[1], true),
        (3, &[1, 2], true),
        (5, &[], false),
        (5, &[1], false),
        (5, &[1, 1, 1], false),
        (5, &[1, 3], true),
        (5, &[1, 2, 3, 4], true),
    ] {
        let mut server = Server::settled(servers);
        if servers == 1 {
            server.persist();
        }
        server.propose([7]);
        for peer in acknowledge {
            server.receive(*peer, stored(1, 2));
        }
        assert_eq!(server.commit() == 2, commits, "{acknowledge:?} of {servers}");
    }
}

#[test]
fn s5_3_a_leader_counts_its_own_copy_when_it_is_on_disk() {
    let mut server = Server::settled(3);
    server.raft.propose([Number(7)], &mut server.out).expect("it leads");
    server.receive(1, stored(1, 2));
    assert_eq!(server.commit(), 1, "one copy on disk, of three");
    server.persist();
    assert_eq!(server.commit(), 2);
}

#[test]
fn s5_3_what_comes_before_is_committed_with_it() {
    for log in [&[][..], &[2], &[1, 2], &[1]] {
        let mut server = Server::leader(3, 2, log);
        server.propose([7]);
        let last = log.len() as u64 + 2;
        server.receive(1, stored(3, last));
        let expected: Vec<u64> = log.iter().copied().chain([7]).collect();
        assert_eq!((server.commit(), server.applied()), (last, expected));
    }
}

#[test]
fn s5_3_a_follower_applies_what_the_leader_has_committed() {
    for (entries, commit, applies) in
        [(&[1][..], 1, &[1][..]), (&[1, 1], 2, &[1, 1]), (&[1, 1], 1, &[1]), (&[1], 9, &[1])]
    {
        let mut server = Server::new(3, 1, &[]);
        server.receive(1, append(1, id(0, 0), entries, commit));
        assert_eq!(server.applied(), applies);
    }
}

/// [raft fig. 2]
#[test]
fn s5_3_a_follower_commits_only_what_the_message_vouches_for() {
    let mut server = Server::new(3, 2, &[1, 1]);
    server.receive(1, append(2, id(1, 1), &[], 2));
    assert_eq!(server.commit(), 1, "its second entry may not be the leader's");
    server.receive(1, append(2, id(0, 0), &[], 0));
    assert_eq!(server.commit(), 1, "and it never falls");
}

#[test]
fn s5_3_a_follower_checks_the_entry_before() {
    for (prev, expected) in [
        (id(0, 0), Appended::Match(Index(0))),
        (id(1, 1), Appended::Match(Index(1))),
        (id(2, 2), Appended::Match(Index(2))),
        (id(1, 2), Appended::Conflict { refused: Index(2), term: Some(Term(2)), first: Index(2) }),
        (id(2, 1), Appended::Conflict { refused: Index(1), term: Some(Term(1)), first: Index(1) }),
        (id(2, 4), Appended::Conflict { refused: Index(4), term: None, first: Index(3) }),
    ] {
        let mut server = Server::new(3, 2, &[1, 2]);
        assert_eq!(answer(&server.receive(1, append(2, prev, &[], 0))), expected);
    }
}

#[test]
fn s5_3_a_follower_removes_conflicts_and_appends_the_rest() {
    for (prev, entries, log, changed) in [
        (id(2, 2), &[3][..], &[1, 2, 3][..], Some(3)),
        (id(1, 1), &[3, 4], &[1, 3, 4], Some(2)),
        (id(0, 0), &[1], &[1, 2], None), // a prefix of what is there: nothing goes
        (id(0, 0), &[3], &[3], Some(1)),
    ] {
        let mut server = Server::new(3, 4, &[1, 2]);
        let sent = server.receive(1, append(4, prev, entries, 0));
        assert_eq!(answer(&sent), Appended::Match(Index(prev.index.0 + entries.len() as u64)));
        assert_eq!(server.log_terms(), log);
        assert_eq!(server.out.log_from, changed.map(Index));
    }
}

/// [raft fig. 7] The followers a to f, and the leader of term 8.
#[test]
fn s5_3_a_leader_brings_the_followers_of_figure_7_into_line() {
    let leader_log = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    for follower_log in [
        &[1, 1, 1, 4, 4, 5, 5, 6, 6][..],
        &[1, 1, 1, 4],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
        &[1, 1, 1, 4, 4, 4, 4],
        &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    ] {
        let mut leader = Server::candidate(3, 7, &leader_log);
        let mut messages = leader.receive(2, vote(8, true)); // the third server elects it
        leader.persist();
        let mut follower = Server::new(3, 7, follower_log);
        let mut trips = 0;
        while !messages.is_empty() {
            trips += 1;
            let replies: Vec<_> = messages
                .into_iter()
                .filter(|(to, _)| *to == 1)
                .flat_map(|(_, message)| follower.receive(1, message))
                .collect();
            messages = Vec::new();
            for (_, reply) in replies {
                messages.extend(leader.receive(1, reply));
            }
            leader.raft.flush(Time::ZERO, &mut leader.out);
            messages.extend(leader.sent());
        }
        assert_eq!(follower.log_terms(), leader.log_terms());
        assert!(trips <= 5, "{trips} round trips for a log that differs in at most three terms");
    }
}

#[test]
fn s5_4_1_a_candidate_shows_its_last_entry() {
    for log in [&[2][..], &[1, 2]] {
        let sent = Server::follower(3, 2, log).time_out();
        let last = id(2, log.len() as u64);
        assert_eq!(sent, [1, 2].map(|to| (to, ask_vote(3, 0, last))));
    }
}

#[test]
fn s5_4_1_a_voter_refuses_a_log_that_is_behind_its_own() {
    for (log, candidate, grants) in [
        (&[1][..], id(1, 1), true),
        (&[1], id(1, 2), true),
        (&[1, 1], id(1, 1), false),
        (&[1], id(2, 1), true),
        (&[1, 1], id(2, 1), true), // shorter, and of a later term
        (&[2], id(1, 1), false),
        (&[2], id(1, 2), false), // longer, and of an earlier term
        (&[2, 1], id(1, 1), false),
    ] {
        let mut server = Server::follower(3, 2, log);
        let sent = server.receive(1, ask_vote(3, 1, candidate));
        assert_eq!(granted(&sent), grants, "{candidate:?} for {log:?}");
    }
}

/// [raft fig. 8]
#[test]
fn s5_4_2_only_entries_of_the_current_term_are_committed_by_counting() {
    for (index, commit) in [(1, 0), (2, 0), (3, 3)] {
        let mut server = Server::leader(3, 2, &[1, 2]);
        server.receive(1, stored(3, index));
        assert_eq!(server.commit(), commit, "two of three store entry {index}");
    }
}

/// [raft §8]
#[test]
fn s8_a_new_leader_adds_an_entry_that_says_nothing() {
    let server = Server::leader(3, 4, &[1]);
    let (index, entry) = server.raft.log().tail(Index(2)).next().expect("there is one");
    assert_eq!((index, entry), (Index(2), &Entry { term: Term(5), payload: Payload::Noop }));
}
