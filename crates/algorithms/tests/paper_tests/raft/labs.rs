//! The tests of MIT's course 6.5840 for Raft, as scenarios in virtual time: the names are theirs,
//! the scenarios ours. What takes minutes there takes a moment here, and is the same every time.

use splitbrain_core::{Ratio, Rng};

use super::PAPER;
use super::cluster::Cluster;
use splitbrain_algorithms::raft::Options;

const OPTIONS: Options = Options { pre_vote: true, check_quorum: true, ..PAPER };

/// Runs a scenario in clusters of this size, once for each of some seeds.
fn in_clusters(servers: u16, scenario: impl Fn(&mut Cluster, &mut Rng)) {
    for seed in 0..10 {
        for options in [PAPER, OPTIONS] {
            scenario(&mut Cluster::new(servers, options, seed), &mut Rng::new(seed));
        }
    }
}

fn unreliable(cluster: &mut Cluster) {
    cluster.loss = Ratio(1, 10);
    cluster.delay = 27;
}

/// A leader stays while its heartbeats are faster than election timeouts [raft §5.6].
#[test]
fn lab_3a_initial_election() {
    in_clusters(3, |cluster, _| {
        let leader = cluster.wait_for_leader();
        cluster.run(500);
        let term = cluster.highest_term();
        cluster.run(2_000);
        assert_eq!((cluster.leader(), cluster.highest_term()), (Some(leader), term));
    });
}

#[test]
fn lab_3a_re_election() {
    in_clusters(3, |cluster, _| {
        let first = cluster.wait_for_leader();
        cluster.disconnect(first);
        let second = cluster.wait_for_leader();
        assert_ne!(first, second);
        cluster.connect(first); // the old leader comes back, and must not disturb the new one
        cluster.run(1_000);
        let second = cluster.wait_for_leader();
        let third = cluster.followers(second)[0];
        cluster.disconnect(second);
        cluster.disconnect(third);
        cluster.run(2_000);
        assert_eq!(cluster.leader(), None, "one of three is no majority");
        cluster.connect(third);
        cluster.wait_for_leader();
        cluster.connect(second);
        cluster.wait_for_leader();
    });
}

#[test]
fn lab_3a_many_elections() {
    in_clusters(7, |cluster, rng| {
        cluster.wait_for_leader();
        for _ in 0..10 {
            let mut order: Vec<u16> = (0..7).collect();
            rng.shuffle(&mut order);
            order[..3].iter().for_each(|server| cluster.disconnect(*server));
            cluster.run(1_000);
            cluster.wait_for_leader();
            order[..3].iter().for_each(|server| cluster.connect(*server));
        }
        cluster.wait_for_leader();
    });
}

#[test]
fn lab_3b_basic_agree() {
    in_clusters(3, |cluster, _| {
        cluster.wait_for_leader();
        for number in 1..=3 {
            assert_eq!(cluster.holders(number), 0, "nobody has it before it is proposed");
            cluster.agree(number, 3);
        }
    });
}

#[test]
fn lab_3b_rpc_bytes() {
    in_clusters(3, |cluster, _| {
        cluster.agree(99, 3);
        let before = cluster.bytes;
        (1..=10).for_each(|number| cluster.agree(number, 3));
        let sent = cluster.bytes - before;
        assert!(sent <= 10 * 2 * 8 + 100, "each command once to each follower: {sent} bytes");
    });
}

/// [raft §5.5]
#[test]
fn lab_3b_follower_failure() {
    in_clusters(3, |cluster, _| {
        cluster.agree(101, 3);
        let leader = cluster.wait_for_leader();
        let followers = cluster.followers(leader);
        cluster.disconnect(followers[0]);
        cluster.agree(102, 2);
        cluster.run(1_000);
        cluster.agree(103, 2);
        let leader = cluster.wait_for_leader();
        cluster.followers(leader).iter().for_each(|server| cluster.disconnect(*server));
        cluster.propose(leader, 104);
        cluster.run(2_000);
        assert_eq!(cluster.holders(104), 0, "no majority, no commitment");
    });
}

/// [raft §5.4]
#[test]
fn lab_3b_leader_failure() {
    in_clusters(3, |cluster, _| {
        cluster.agree(101, 3);
        let first = cluster.wait_for_leader();
        cluster.disconnect(first);
        cluster.agree(102, 2);
        let second = cluster.wait_for_leader();
        cluster.disconnect(second);
        cluster.propose(first, 103);
        cluster.propose(second, 104);
        cluster.run(2_000);
        assert_eq!(cluster.holders(103) + cluster.holders(104), 0);
    });
}

#[test]
fn lab_3b_fail_agree() {
    in_clusters(3, |cluster, _| {
        cluster.agree(101, 3);
        let leader = cluster.wait_for_leader();
        let gone = cluster.followers(leader)[0];
        cluster.disconnect(gone);
        (102..106).for_each(|number| cluster.agree(number, 2));
        cluster.connect(gone);
        cluster.agree(107, 3);
        cluster.run(1_000);
        assert_eq!(cluster.applied(gone), cluster.applied(leader));
    });
}

#[test]
fn lab_3b_fail_no_agree() {
    in_clusters(5, |cluster, _| {
        cluster.agree(10, 5);
        let leader = cluster.wait_for_leader();
        let gone: Vec<u16> = cluster.followers(leader)[..3].to_vec();
        gone.iter().for_each(|server| cluster.disconnect(*server));
        cluster.propose(leader, 20);
        cluster.run(2_000);
        assert_eq!(cluster.holders(20), 0, "two of five");
        gone.iter().for_each(|server| cluster.connect(*server));
        cluster.agree(30, 5);
    });
}

#[test]
fn lab_3b_concurrent_starts() {
    in_clusters(3, |cluster, _| {
        let leader = cluster.wait_for_leader();
        for number in 0..5 {
            assert!(cluster.propose(leader, 100 + number).is_some());
        }
        cluster.run(1_000);
        assert_eq!(cluster.applied(leader), [100, 101, 102, 103, 104]);
    });
}

#[test]
fn lab_3b_rejoin() {
    in_clusters(3, |cluster, _| {
        cluster.agree(101, 3);
        let first = cluster.wait_for_leader();
        cluster.disconnect(first);
        (102..105).for_each(|number| _ = cluster.propose(first, number)); // never to be seen
        cluster.agree(203, 2);
        let second = cluster.wait_for_leader();
        cluster.disconnect(second);
        cluster.connect(first);
        cluster.agree(204, 2);
        cluster.connect(second);
        cluster.agree(205, 3);
        assert_eq!((102..105).map(|number| cluster.holders(number)).sum::<usize>(), 0);
    });
}

#[test]
fn lab_3b_backup() {
    in_clusters(5, |cluster, _| {
        cluster.agree(1, 5);
        let first = cluster.wait_for_leader();
        let others = cluster.followers(first);
        others[1..].iter().for_each(|server| cluster.disconnect(*server));
        (100..150).for_each(|number| _ = cluster.propose(first, number)); // two of five
        cluster.run(500);
        cluster.disconnect(first);
        cluster.disconnect(others[0]);
        others[1..].iter().for_each(|server| cluster.connect(*server));
        (200..230).for_each(|number| cluster.agree(number, 3));
        cluster.connect(first);
        cluster.connect(others[0]);
        cluster.agree(300, 5);
        assert_eq!(cluster.holders(100), 0, "fifty entries gave way");
    });
}

#[test]
fn lab_3b_count() {
    in_clusters(3, |cluster, _| {
        cluster.delay = 1; // in order
        let leader = cluster.wait_for_leader();
        cluster.run(1_000);
        let before = cluster.messages;
        cluster.run(1_000);
        let idle = cluster.messages - before;
        assert!(idle <= 80, "{idle} messages in an idle second");
        let before = cluster.messages;
        (0..12).for_each(|number| _ = cluster.propose(leader, number));
        cluster.run(100);
        let busy = cluster.messages - before;
        assert!(busy <= 70, "{busy} messages for twelve commands");
    });
}

#[test]
fn lab_3c_persist_1() {
    in_clusters(3, |cluster, _| {
        cluster.agree(11, 3);
        for number in 12..14 {
            (0..3).for_each(|server| cluster.crash(server));
            (0..3).for_each(|server| cluster.start(server));
            cluster.agree(number, 3);
        }
        let leader = cluster.wait_for_leader();
        cluster.crash(leader);
        cluster.start(leader);
        cluster.agree(14, 3);
        assert_eq!(cluster.applied(leader), [11, 12, 13, 14]);
    });
}

#[test]
fn lab_3c_persist_2() {
    in_clusters(5, |cluster, _| {
        for round in 0..5 {
            cluster.agree(round * 10, 3);
            let leader = cluster.wait_for_leader();
            let others = cluster.followers(leader);
            others[..2].iter().for_each(|server| cluster.crash(*server));
            cluster.agree(round * 10 + 1, 3);
            [leader, others[2], others[3]].iter().for_each(|server| cluster.crash(*server));
            others[..2].iter().for_each(|server| cluster.start(*server));
            cluster.run(1_000);
            cluster.start(others[2]);
            cluster.run(1_000);
            [leader, others[3]].iter().for_each(|server| cluster.start(*server));
        }
        cluster.agree(1_000, 5);
    });
}

#[test]
fn lab_3c_persist_3() {
    in_clusters(3, |cluster, _| {
        cluster.agree(101, 3);
        let leader = cluster.wait_for_leader();
        let others = cluster.followers(leader);
        cluster.disconnect(others[1]);
        cluster.agree(102, 2);
        cluster.crash(leader);
        cluster.crash(others[0]);
        cluster.connect(others[1]);
        cluster.start(leader);
        cluster.agree(103, 2);
        cluster.start(others[0]);
        cluster.agree(104, 3);
    });
}

/// [raft fig. 8] Leaders that crash before or after they have committed, most of them soon after
/// they were elected.
fn figure_8(cluster: &mut Cluster, rng: &mut Rng, rounds: u64) {
    for round in 0..rounds {
        for server in 0..cluster.servers() {
            if cluster.is_up(server) && cluster.raft(server).is_leader() {
                cluster.propose(server, round);
            }
        }
        let wait = if rng.below(10) == 0 { rng.between(0, 500) } else { rng.between(0, 13) };
        cluster.run(wait);
        if let Some(leader) = cluster.leader() {
            cluster.crash(leader);
        }
        let down: Vec<u16> = (0..5).filter(|server| !cluster.is_up(*server)).collect();
        if down.len() > 2 {
            let back = down[usize::try_from(rng.below(down.len() as u64)).expect("small")];
            cluster.start(back);
        }
        cluster.run(rng.between(0, 200));
    }
    cluster.loss = Ratio::NEVER;
    let down: Vec<u16> = (0..5).filter(|server| !cluster.is_up(*server)).collect();
    down.iter().for_each(|server| cluster.start(*server));
    cluster.agree(10_000, 5);
}

#[test]
fn lab_3c_figure_8() {
    in_clusters(5, |cluster, rng| figure_8(cluster, rng, 300));
}

#[test]
fn lab_3c_unreliable_agree() {
    in_clusters(5, |cluster, _| {
        unreliable(cluster);
        cluster.wait_for_leader();
        for round in 0..10 {
            let leader = cluster.wait_for_leader();
            (0..4).for_each(|number| _ = cluster.propose(leader, round * 100 + number));
            cluster.agree(round * 100 + 99, 3);
        }
        cluster.loss = Ratio::NEVER;
        cluster.agree(9_999, 5);
    });
}

#[test]
fn lab_3c_figure_8_unreliable() {
    in_clusters(5, |cluster, rng| {
        unreliable(cluster);
        figure_8(cluster, rng, 200);
    });
}

/// Servers crash, come back, and are cut off; commands go on.
fn churn(cluster: &mut Cluster, rng: &mut Rng) {
    let pick = |rng: &mut Rng| u16::try_from(rng.below(5)).expect("small");
    for round in 0..60 {
        for server in 0..5 {
            if cluster.is_up(server) {
                cluster.propose(server, round * 10 + u64::from(server));
            }
        }
        let victim = pick(rng);
        match rng.below(5) {
            0 => cluster.disconnect(victim),
            1 => cluster.connect(victim),
            2 if cluster.is_up(victim) => cluster.crash(victim),
            3 if !cluster.is_up(victim) => cluster.start(victim),
            _ => {}
        }
        cluster.run(rng.between(0, 300));
    }
    cluster.loss = Ratio::NEVER;
    for server in 0..5 {
        cluster.connect(server);
        if !cluster.is_up(server) {
            cluster.start(server);
        }
    }
    cluster.agree(10_000, 5);
    cluster.run(1_000);
    let first = cluster.applied(0);
    assert!((1..5).all(|server| cluster.applied(server) == first));
}

/// Figure 3 holds after every step: [raft fig. 3] [raft §5.4.3].
#[test]
fn lab_3c_reliable_churn() {
    in_clusters(5, churn);
}

#[test]
fn lab_3c_unreliable_churn() {
    in_clusters(5, |cluster, rng| {
        unreliable(cluster);
        churn(cluster, rng);
    });
}

/// What goes wrong while snapshots are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Disconnect,
    Crash,
}

/// A server misses so much that it needs a snapshot, again and again.
fn snapshots(cluster: &mut Cluster, rng: &mut Rng, trouble: Option<Trouble>) {
    cluster.compact_after = Some(10);
    cluster.agree(1_000, 3);
    for round in 0..15 {
        let leader = cluster.wait_for_leader();
        let victim = if rng.below(3) == 0 { leader } else { cluster.followers(leader)[0] };
        match trouble {
            Some(Trouble::Disconnect) => cluster.disconnect(victim),
            Some(Trouble::Crash) => cluster.crash(victim),
            None => {}
        }
        let enough = if trouble.is_some() { 2 } else { 3 };
        cluster.agree(round * 100, enough);
        for number in 1..15 {
            if let Some(leader) = cluster.leader() {
                cluster.propose(leader, round * 100 + number);
                cluster.run(rng.between(0, 20));
            }
        }
        cluster.agree(round * 100 + 50, enough);
        match trouble {
            Some(Trouble::Disconnect) => cluster.connect(victim),
            Some(Trouble::Crash) => cluster.start(victim),
            None => {}
        }
        cluster.agree(round * 100 + 60, 3);
    }
    assert!((0..3).all(|server| cluster.raft(server).log().len() <= 25), "the log stays short");
}

#[test]
fn lab_3d_snapshot_basic() {
    in_clusters(3, |cluster, rng| snapshots(cluster, rng, None));
}

#[test]
fn lab_3d_snapshot_install() {
    in_clusters(3, |cluster, rng| snapshots(cluster, rng, Some(Trouble::Disconnect)));
}

#[test]
fn lab_3d_snapshot_install_unreliable() {
    in_clusters(3, |cluster, rng| {
        unreliable(cluster);
        snapshots(cluster, rng, Some(Trouble::Disconnect));
    });
}

#[test]
fn lab_3d_snapshot_install_crash() {
    in_clusters(3, |cluster, rng| snapshots(cluster, rng, Some(Trouble::Crash)));
}

#[test]
fn lab_3d_snapshot_install_unreliable_crash() {
    in_clusters(3, |cluster, rng| {
        unreliable(cluster);
        snapshots(cluster, rng, Some(Trouble::Crash));
    });
}

#[test]
fn lab_3d_snapshot_all_crash() {
    in_clusters(3, |cluster, rng| {
        cluster.compact_after = Some(10);
        for round in 0..5 {
            (0..=rng.between(5, 15)).for_each(|number| cluster.agree(round * 100 + number, 3));
            (0..3).for_each(|server| cluster.crash(server));
            (0..3).for_each(|server| cluster.start(server));
            cluster.agree(round * 100 + 99, 3);
        }
    });
}

/// A server that starts from a snapshot and nothing else.
#[test]
fn lab_3d_snapshot_init() {
    in_clusters(3, |cluster, _| {
        cluster.compact_after = Some(1);
        (1..=5).for_each(|number| cluster.agree(number, 3));
        (0..3).for_each(|server| cluster.crash(server));
        (0..3).for_each(|server| cluster.start(server));
        cluster.agree(6, 3);
        (0..3).for_each(|server| cluster.crash(server));
        (0..3).for_each(|server| cluster.start(server));
        cluster.run(2_000);
        assert_eq!(cluster.applied(0), [1, 2, 3, 4, 5, 6]);
    });
}
