//! Named histories, and what the judges must say of them.

use splitbrain_core::workload::broadcast::Broadcast;
use splitbrain_core::workload::echo::Echo;
use splitbrain_core::workload::g_counter::GCounter;
use splitbrain_core::workload::g_set::GSet;
use splitbrain_core::workload::kafka::Kafka;
use splitbrain_core::workload::lin_kv::LinKv;
use splitbrain_core::workload::pn_counter::PnCounter;
use splitbrain_core::workload::txn_list_append::TxnListAppend;
use splitbrain_core::workload::txn_rw_register::TxnRwRegister;
use splitbrain_core::workload::unique_ids::UniqueIds;
use splitbrain_core::{Validity, Verdict};

use crate::Judge;
use crate::consistency::Model;
use crate::picture::{Drawn, history};

/// What a judge must say.
enum Expected {
    /// Valid.
    Valid,
    /// Unknown.
    Unknown,
    /// Invalid: findings with these ids, whose first sentence holds this text.
    Invalid(&'static [&'static str], &'static str),
}
use Expected::{Invalid, Unknown, Valid};

/// The named histories that are judged otherwise than expected.
pub(super) fn failures() -> Vec<String> {
    let mut suite = Suite::default();
    echo(&mut suite);
    unique_ids(&mut suite);
    sets_keep(&mut suite);
    sets_show(&mut suite);
    g_counter(&mut suite);
    pn_counter(&mut suite);
    txn_list_append(&mut suite);
    txn_rw_register(&mut suite);
    kafka_keeps(&mut suite);
    kafka_ends(&mut suite);
    kafka_shows(&mut suite);
    kafka_orders(&mut suite);
    kafka_commits(&mut suite);
    lin_kv_accepts(&mut suite);
    lin_kv_old_values(&mut suite);
    lin_kv_strange_values(&mut suite);
    lin_kv_no_order(&mut suite);
    lin_kv_options(&mut suite);
    suite.failures
}

#[derive(Default)]
struct Suite {
    failures: Vec<String>,
}

impl Suite {
    fn judge<W: Judge + Drawn>(&mut self, name: &str, expected: &Expected, picture: &str) {
        self.expect(name, expected, &W::judge(&history(picture)));
    }

    fn expect(&mut self, name: &str, expected: &Expected, verdict: &Verdict) {
        let ids: Vec<&str> = verdict.findings.iter().map(|finding| &*finding.id).collect();
        let first = verdict.findings.first().map_or("", |finding| &finding.sentence);
        for id in &ids {
            assert!(crate::explain(id).is_some(), "{id} is explained");
        }
        let right = match expected {
            Valid => verdict.validity() == Validity::Valid,
            Unknown => verdict.validity() == Validity::Unknown,
            Invalid(expected, text) => ids == **expected && first.contains(text),
        };
        if !right {
            let told: Vec<_> = verdict.findings.iter().map(|f| (&f.id, &f.sentence)).collect();
            let undecided = &verdict.undecided;
            self.failures.push(format!("{name}: {} {told:?} {undecided:?}", verdict.validity()));
        }
    }
}

fn echo(suite: &mut Suite) {
    let said = "c1 asked n1 at 60ms to echo \"hello\", and n1 said \"world\"";
    suite.judge::<Echo>("echo", &Valid, "c1 n1 |-hello-|  |-again-|");
    suite.judge::<Echo>("echo other", &Invalid(&["ECHO-WRONG"], said), "c1 n1 |-hello=world-|");
    suite.judge::<Echo>("echo unanswered", &Unknown, "c1 n1 |-hello-?");
}

fn unique_ids(suite: &mut Suite) {
    let twice = "\"7\" was given twice: by n1 to c1 at 90ms and by n2 to c2 at 160ms";
    suite.judge::<UniqueIds>("ids", &Valid, "c1 n1 |-1-| |-2-|\nc2 n2 |-3-|");
    suite.judge::<UniqueIds>(
        "id twice",
        &Invalid(&["ID-DUPLICATE"], twice),
        "c1 n1 |-7|\nc2 n2        |-7|",
    );
    suite.judge::<UniqueIds>(
        "id thrice",
        &Invalid(&["ID-DUPLICATE"], "3 times"),
        "c1 n1 |7||7||7|",
    );
    suite.judge::<UniqueIds>("no id", &Unknown, "c1 n1 |-7-?");
}

fn sets_keep(suite: &mut Suite) {
    let lost: &[&str] = &["SET-LOST"];
    suite.judge::<GSet>(
        "set: behind for a while",
        &Valid,
        "c1 n1 |-a1-|            |-!r1-|
         c2 n2        |-r-|      |-!r1-|",
    );
    suite.judge::<GSet>(
        "set: lost on one node",
        &Invalid(lost, "1 was acknowledged to c1 at 190ms, yet no last read on n2 shows it"),
        "c1 n1         |-a1-|            |-!r1-|
         c2 n2                |-r-|      |-!r-|",
    );
    suite.judge::<Broadcast>(
        "broadcast: lost everywhere, though seen",
        &Invalid(lost, "yet no last read shows it"),
        "c1 n1 |-t-| |-a1-|          |-!r-|
         c2 n2 |-t-|         |-r1-|  |-!r-|",
    );
    suite.judge::<Broadcast>(
        "broadcast: seen without acknowledgement, then lost",
        &Invalid(lost, "1 was seen by c2 at"),
        "c1 n1 |-a1-?
         c2 n2         |-r1-|
         c3 n1 |-a2-|         |-!r2-|",
    );
    suite.judge::<GSet>(
        "set: last reads disagree on an add of unknown outcome",
        &Invalid(lost, "1 was seen by c2"),
        "c1 n1 |-a1-?    |-a2-|
         c2 n1                    |-!r1,2-|
         c3 n2                              |-!r2-|",
    );
    suite.judge::<GSet>(
        "set: last reads may disagree on an add that arrives between them",
        &Valid,
        "c1 n1 |-a1-?    |-a2-|
         c2 n1                          |-!r1,2-|
         c3 n2                    |-!r2-|         ",
    );
    suite.judge::<GSet>(
        "set: unknown adds need not be there",
        &Valid,
        "c1 n1 |-a1-?
         c3 n1 |-a2-|  |-!r2-|",
    );
}

fn sets_show(suite: &mut Suite) {
    suite.judge::<GSet>(
        "set: failed add is seen",
        &Invalid(&["SET-PHANTOM"], "n2 showed 1 to c2 at 280ms, though its add had failed"),
        "c1 n1         |-a1!-|
         c2 n2         |-a2-| |-!r1,2|",
    );
    suite.judge::<GSet>(
        "set: nobody added it",
        &Invalid(&["SET-PHANTOM"], "which nobody ever added"),
        "c2 n2 |-a2-| |-!r1,2-|",
    );
    suite.judge::<GSet>(
        "set: seen before it was asked",
        &Invalid(&["SET-PHANTOM"], "which nobody had asked to add before 280ms"),
        "c2 n2         |-a2-| |-r1-|
         c1 n1                       |a1-|  |-!r1,2-|",
    );
    suite.judge::<GSet>(
        "set: twice in one read",
        &Invalid(&["SET-DUPLICATED"], "shows 1 2 times"),
        "c1 n1 |-a1-| |-!r1,1-|",
    );
    suite.judge::<GSet>("set: nothing confirmed", &Unknown, "c1 n1 |-a1-?\nc2 n1 |-!r-|");
    suite.judge::<GSet>("set: no last read", &Unknown, "c1 n1 |-a1-| |-r-|");
    suite.judge::<GSet>(
        "set: many are lost",
        &Invalid(&["SET-LOST"; 5], "1 was acknowledged"),
        "c1 n1 |a1||a2||a3||a4||a5||a6||a7| |-!r-|",
    );
}

fn g_counter(suite: &mut Suite) {
    let wrong: &[&str] = &["COUNTER-WRONG"];
    suite.judge::<GCounter>("g-counter", &Valid, "c1 n1 |-a3-| |-r0-| |-a4-| |-r4-| |-!r7-|");
    suite.judge::<GCounter>(
        "g-counter: an add is missing",
        &Invalid(wrong, "the last read of c1 on n1 says 4, but the acknowledged adds make 7"),
        "c1 n1 |-a3-| |-a4-| |-!r4-|",
    );
    suite.judge::<GCounter>(
        "g-counter: an add counts twice",
        &Invalid(wrong, "says 10"),
        "c1 n1 |-a3-| |-a4-| |-!r10-|",
    );
    for (read, expected) in [("7", &Valid), ("12", &Valid)] {
        let picture = format!("c1 n1 |-a5-?\nc2 n1 |-a7-| |-!r{read}-|");
        suite.judge::<GCounter>("g-counter: unknown add", expected, &picture);
    }
    suite.judge::<GCounter>(
        "g-counter: a part of an unknown add",
        &Invalid(wrong, "make 7, and 1 more may count, which makes 7 or 12"),
        "c1 n1 |-a5-?\nc2 n1 |-a7-| |-!r9-|",
    );
    suite.judge::<GCounter>(
        "g-counter: a failed add counts",
        &Invalid(wrong, "says 12"),
        "c1 n1 |-a5!|\nc2 n1 |-a7-| |-!r12-|",
    );
    suite.judge::<GCounter>(
        "g-counter: more than was asked by then",
        &Invalid(&["COUNTER-IMPOSSIBLE"], "n1 told c2 12 at 240ms, but the adds asked until then"),
        "c1 n1                     |-a5-|
         c2 n1         |a7| |-r12|         |-!r12-|",
    );
    suite.judge::<GCounter>(
        "g-counter: an add that overlaps the read",
        &Valid,
        "c1 n1              |-a5---|
         c2 n1         |a7| |-r12|         |-!r12-|",
    );
    suite.judge::<GCounter>(
        "g-counter: a last read that overlaps an add",
        &Valid,
        "c1 n1                |-a5---|
         c2 n1         |a7| |-!r7---|
         c3 n1              |-!r12---|",
    );
    suite.judge::<GCounter>(
        "g-counter: nothing acknowledged",
        &Unknown,
        "c1 n1 |-a5-?\nc2 n1 |!r0|",
    );
    suite.judge::<GCounter>("g-counter: no last read", &Unknown, "c1 n1 |-a5-| |-r5-|");
}

fn pn_counter(suite: &mut Suite) {
    suite.judge::<PnCounter>("pn-counter", &Valid, "c1 n1 |-a3-| |-a-4-| |-r-4-| |-!r-1-|");
    suite.judge::<PnCounter>(
        "pn-counter: a decrement is missing",
        &Invalid(&["COUNTER-WRONG"], "says 3, but the acknowledged adds make -1"),
        "c1 n1 |-a3-| |-a-4-| |-!r3-|",
    );
    suite.judge::<PnCounter>(
        "pn-counter: no part of the adds makes this",
        &Invalid(&["COUNTER-IMPOSSIBLE"], "can only make -4 or -1 to 0 or 3"),
        "c1 n1 |-a3-| |-a-4-| |-r-2-| |-!r-1-|",
    );
}

fn txn_list_append(suite: &mut Suite) {
    let mut judge = |name, expected, picture: &str| {
        suite.judge::<TxnListAppend>(name, expected, picture);
    };
    judge("lists: one after another", &Valid, "c1 n1 |-r+a1-| |-r1+a2-| |-r1,2-|");
    judge("lists: nobody sees anything", &Unknown, "c1 n1 |-a1-?\nc2 n1 |-r-|");
    judge(
        "lists: a transaction that failed is seen",
        &Invalid(&["G1a"], "1"),
        "c1 n1 |-a1!-|\nc2 n1           |-r1-|",
    );
    judge(
        "lists: an old list",
        &Invalid(&["G-single-realtime"], "1"),
        "c1 n1 |-a1-|\nc2 n1          |-r-|\nc1 n1                |-r1-|",
    );
    for (name, answer) in [
        ("lists: another element", "a1=a2"),
        ("lists: another key", "r=y/r"),
        ("lists: less than was asked", "r+a1=r"),
        ("lists: something else", "r=a1"),
    ] {
        let picture = format!("c1 n1 |-{answer}-| \nc2 n2 |-y/a7-| |-y/r7-|");
        judge(name, &Invalid(&["TXN-WRONG-ANSWER"], "was told at"), &picture);
    }
    let skewed = history("c1 n1 |-r+y/a1-|\nc2 n2 |-y/r+a2-|\nc1 n1          |-r2+y/r1-|");
    let held_to = |model| TxnListAppend::judge_as(&skewed, &[model]);
    suite.expect("lists: write skew", &Invalid(&["G2-item"], ""), &TxnListAppend::judge(&skewed));
    let weaker = held_to(Model::SnapshotIsolation);
    suite.expect("lists: write skew, which snapshots allow", &Valid, &weaker);
    let stronger = held_to(Model::RepeatableRead);
    suite.expect("lists: write skew, of repeatable reads", &Invalid(&["G2-item"], ""), &stronger);
}

fn txn_rw_register(suite: &mut Suite) {
    let mut judge = |name, expected, picture: &str| {
        suite.judge::<TxnRwRegister>(name, expected, picture);
    };
    judge("registers: one after another", &Valid, "c1 n1 |-r+w1-| |-r1+w2-| |-r2-|");
    judge(
        "registers: a transaction that failed is seen",
        &Invalid(&["G1a"], "1"),
        "c1 n1 |-w1!-|\nc2 n1           |-r1-|",
    );
    judge(
        "registers: another value",
        &Invalid(&["TXN-WRONG-ANSWER"], "was told at"),
        "c1 n1 |-w1=w2-| |-y/w1-| |-y/r1-|",
    );
    let old = history("c1 n1 |-w1-| |-w2-|\nc2 n2                |-r1-|");
    suite.expect(
        "registers: an old value",
        &Invalid(&["cyclic-versions", "G-single-realtime"], "x held 1, 2 each before the other"),
        &TxnRwRegister::judge(&old),
    );
    let lost = history("c1 n1 |-r+w1-|\nc2 n2 |-r+w2-|\nc3 n1          |-r2-|");
    let lost = TxnRwRegister::judge(&lost);
    let told = |id: &str| lost.findings.iter().any(|finding| finding.id == id);
    if !told("lost-update") || told("cyclic-versions") {
        let name = "registers: no more is assumed than it takes";
        suite.failures.push(format!("{name}: {:?}", lost.findings));
    }
    let weaker = TxnRwRegister::judge_as(&old, &[Model::ReadCommitted]);
    suite.expect("registers: an old value, which is committed", &Valid, &weaker);
}

fn kafka_keeps(suite: &mut Suite) {
    suite.judge::<Kafka>(
        "kafka: shown to all, with gaps",
        &Valid,
        "c1 n1 |-s1@0-| |-s2@4-|           |-!p0=0:1,4:2-| |-!p5=-|
         c2 n2           |-p0=0:1-|        |-!p0=0:1-| |-!p1=4:2-| |-!p5=-|",
    );
    suite.judge::<Kafka>(
        "kafka: far behind, but for the end",
        &Valid,
        "c1 n1 |-s1@0-| |-s2@1-|
         c2 n2                   |-p0=-| |-p1=-|    |-!p0=0:1,1:2-| |-!p2=-|",
    );
    suite.judge::<Kafka>(
        "kafka: lost",
        &Invalid(
            &["KAFKA-LOST-WRITE"],
            "1 was sent to x by c1, who was told at 210ms that it is at offset 0, and nobody ever \
             saw it: c2's poll of x from 0 on n2, begun at 320ms, passes over it",
        ),
        "c1 n1         |-s1@0-|  |-s2@1-|
         c2 n2                           |-p0=1:2-|  |-!p2=-|",
    );
    suite.judge::<Kafka>(
        "kafka: nobody asked so far back",
        &Valid,
        "c1 n1 |-s1@0-| |-s2@1-|
         c2 n2                   |-p1=1:2-|  |-!p2=-|",
    );
    suite.judge::<Kafka>(
        "kafka: a poll passes over what it shows in its place",
        &Invalid(&["KAFKA-LOST-WRITE", "KAFKA-INCONSISTENT-OFFSET"], "1 was sent"),
        "c1 n1 |-s1@0-| |-s2@0-|
         c2 n2                   |-p0=0:2-|  |-!p1=-|",
    );
    suite.judge::<Kafka>(
        "kafka: passed over by one, shown to another",
        &Invalid(&["KAFKA-POLL-SKIP"], "begins at offset 1 and leaves out 1 was sent to x by c1"),
        "c1 n1 |-s1@0-| |-s2@1-|
         c2 n2                   |-p0=1:2-|  |-p0=0:1-| |-!p2=-|",
    );
    suite.judge::<Kafka>(
        "kafka: what may not have been sent need not be there",
        &Valid,
        "c1 n1 |-s1@0-?
         c3 n1           |-s2@1-|
         c2 n2                   |-p0=1:2-|  |-!p2=-|",
    );
}

fn kafka_ends(suite: &mut Suite) {
    suite.judge::<Kafka>(
        "kafka: gone from the end",
        &Invalid(
            &["KAFKA-UNSEEN"],
            "2 was sent to x by c1, who was told at 310ms that it is at offset 1, yet c2's poll of \
             x from 1 on n2, begun at 470ms, in the last phase finds nothing there or after it",
        ),
        "c1 n1         |-s1@0-|  |-s2@1-|
         c2 n2                             |-!p0=0:1-|  |-!p1=-|",
    );
    suite.judge::<Kafka>(
        "kafka: shown, never acknowledged, and gone from the end",
        &Invalid(&["KAFKA-UNSEEN"], "2 was shown to c3 at"),
        "c1 n1 |-s1@0-|
         c4 n1           |-s2@1-?
         c3 n1                    |-p0=0:1,1:2-|
         c2 n2                                   |-!p0=0:1-|  |-!p1=-|",
    );
    suite.judge::<Kafka>(
        "kafka: a last poll that shows something has not come to the end",
        &Valid,
        "c1 n1 |-s1@0-|  |-y/s2@0-|
         c2 n2                   |-!p0=0:1+y/p0=-| |-!p1=+y/p0=0:2-| |-!p1=+y/p1=-|",
    );
    suite.judge::<Kafka>("kafka: no end", &Unknown, "c1 n1 |-s1@0-| |-!p0=0:1-|");
    suite.judge::<Kafka>("kafka: nothing sent", &Unknown, "c1 n1 |-s1@0-? \nc2 n2 |-!p0=-|");
    suite.judge::<Kafka>("kafka: no poll", &Unknown, "c1 n1 |-s1@0-|");
}

fn kafka_shows(suite: &mut Suite) {
    suite.judge::<Kafka>(
        "kafka: two messages at one offset, as senders were told",
        &Invalid(
            &["KAFKA-INCONSISTENT-OFFSET"],
            "offset 0 of x holds two messages: 1 by c1's send on n1 at 210ms, 2 by c2's send on n2",
        ),
        "c1 n1         |-s1@0-|
         c2 n2                  |-s2@0-|  |-!p1=-|",
    );
    suite.judge::<Kafka>(
        "kafka: two messages at one offset, as polls were told",
        &Invalid(&["KAFKA-INCONSISTENT-OFFSET"], "offset 0 of x holds two messages"),
        "c1 n1         |-s1@0-?                        |-!p1=-|
         c2 n2                  |-s2@0-?
         c3 n2                           |-p0=0:1-|
         c4 n2                           |-p0=0:2-|",
    );
    suite.judge::<Kafka>(
        "kafka: twice in a log",
        &Invalid(&["KAFKA-DUPLICATE"], "1 is in x more than once: at offset 0 by c1's send on n1"),
        "c1 n1 |-s1@0-| |-p0=0:1,1:1-| |-!p2=-|",
    );
    suite.judge::<Kafka>(
        "kafka: shown though its send failed",
        &Invalid(&["KAFKA-ABORTED-READ"], "shows 1, whose send to x had failed"),
        "c1 n1 |-s1!-| |-p0=0:1-|  |-!p1=-|",
    );
    suite.judge::<Kafka>(
        "kafka: nobody sent it",
        &Invalid(&["KAFKA-PHANTOM"], "shows 7, which nobody ever sent to x"),
        "c1 n1 |-s1@0-| |-p0=0:1,1:7-|  |-!p2=-|",
    );
    suite.judge::<Kafka>(
        "kafka: sent to another log",
        &Invalid(&["KAFKA-PHANTOM"], "shows 1, which nobody ever sent to y"),
        "c1 n1 |-s1@0-| |-y/p0=0:1-|  |-!p1=+y/p1=-|",
    );
    suite.judge::<Kafka>(
        "kafka: shown before it was sent",
        &Invalid(&["KAFKA-PHANTOM"], "shows 1, which nobody had asked to send before 260ms"),
        "c1 n1                     |-s1@0-|  |-!p1=-|
         c2 n1         |-p0=0:1-|",
    );
    suite.judge::<Kafka>(
        "kafka: shown while it was sent",
        &Valid,
        "c1 n1             |-s1@0-----|  |-!p1=-|
         c2 n1         |-p0=0:1-|",
    );
}

fn kafka_orders(suite: &mut Suite) {
    let sent = |polls: &str| {
        format!(
            "c1 n1 |-s1@0-| |-s2@1-| |-s3@2-|\nc2 n2 {:27}{polls} |-!p0=0:1,1:2,2:3-| |-!p3=-|",
            ""
        )
    };
    let mut reject = |name, id: &'static [&'static str], sentence, polls: &str| {
        suite.judge::<Kafka>(name, &Invalid(id, sentence), &sent(polls));
    };
    reject(
        "kafka: leaves one out",
        &["KAFKA-INT-POLL-SKIP"],
        "goes from offset 0 to 2 and leaves out 2 was sent to x by c1",
        "|-p0=0:1,2:3-|",
    );
    reject("kafka: begins late", &["KAFKA-POLL-SKIP"], "begins at offset 2", "|-p1=2:3-|");
    reject(
        "kafka: begins early",
        &["KAFKA-NONMONOTONIC-POLL"],
        "c2's poll of x from 1 on n2, begun at 330ms, begins at offset 0, where it should not",
        "|-p1=0:1-|",
    );
    reject(
        "kafka: goes back",
        &["KAFKA-INT-NONMONOTONIC-POLL"],
        "shows offset 1 and then offset 0",
        "|-p1=1:2,0:1-|",
    );
    reject("kafka: twice", &["KAFKA-INT-NONMONOTONIC-POLL"], "offset 0 and", "|-p0=0:1,0:1-|");
    for polls in ["|-p0=0:1-|", "|-p2=2:3-| |-p0=0:1-|", "|-p1=1:2-|", "|-p9=-|"] {
        suite.judge::<Kafka>("kafka: any part, from anywhere", &Valid, &sent(polls));
    }
    suite.judge::<Kafka>(
        "kafka: a sender's second message is before its first",
        &Invalid(
            &["KAFKA-NONMONOTONIC-SEND"],
            "c1 sent 1 to x and then 2, yet 2 is at offset 0 and 1 at offset 1",
        ),
        "c1 n1 |-s1@1-| |-s2@0-| |-!p0=0:2,1:1-| |-!p2=-|",
    );
    suite.judge::<Kafka>(
        "kafka: senders do not wait for one another",
        &Valid,
        "c1 n1 |-s1@1-| |-y/s3@0-|        |-!p0=0:2,1:1+y/p0=0:3-| |-!p2=+y/p1=-|
         c2 n1           |-s2@0-|",
    );
}

fn kafka_commits(suite: &mut Suite) {
    let commits = |ops: &str| format!("{ops}\nc3 n3 |-s1@0-| |-!p0=0:1-| |-!p1=-|");
    let mut judge = |name, expected, ops: &str| {
        suite.judge::<Kafka>(name, expected, &commits(ops));
    };
    let ahead = &Invalid(&["KAFKA-COMMIT-AHEAD"], "that offset 5 of x is committed, yet none");
    judge("kafka: commits", &Valid, "c1 n1 |-l-| |-c5-| |-l5-| |-l3-| |-l-|");
    judge("kafka: a commit may be under way", &Valid, "c1 n1 |-c5-----|\nc2 n2   |-l5-|");
    judge("kafka: a commit may have happened", &Valid, "c1 n1 |-c5-?\nc2 n2     |-l5-|");
    judge("kafka: none may be told as 0", &Valid, "c1 n1 |-l0-|");
    judge("kafka: nobody committed", ahead, "c1 n1 |-l5-|");
    judge("kafka: nobody committed so much", ahead, "c1 n1 |-c3-| |-l5-|");
    judge("kafka: nobody committed by then", ahead, "c1 n1 |-l5-| |-c5-|");
    judge("kafka: the commit failed", ahead, "c1 n1 |-c5!-| |-l5-|");
    judge("kafka: committed elsewhere", ahead, "c1 n1 |-y/c5-| |-l5-|");
}

fn lin_kv_accepts(suite: &mut Suite) {
    let mut accept = |name, picture| suite.judge::<LinKv>(name, &Valid, picture);
    accept("one client", "c1 n1 |-rnil-| |-w1-| |-r1-| |-c1:2-| |-c1:3!| |-r2-|");
    accept(
        "a read beside a write may see either",
        "c1 n1 |-w1-|  |-----w2-----|
         c2 n2            |-r1-|
         c3 n2                  |-r2-|",
    );
    accept(
        "an open write takes effect late",
        "c1 n1 |-w1-| |-w2-?
         c2 n2                |-r1-| |-r2-|",
    );
    accept(
        "an open write never takes effect",
        "c1 n1 |-w1-| |-w2-->
         c2 n2                |-r1-| |-r1-|",
    );
    accept(
        "an open compare-and-set takes effect after a later write",
        "c1 n1 |-w1-| |-c5:6-?
         c2 n2                |-w5-| |-r6-|",
    );
    accept("a failed write leaves nothing", "c1 n1 |-w1-| |-w2!-| |-r1-|");
    accept("keys are apart", "c1 n1 |-w1-| |-y/w2-| |-r1-| |-y/r2-|");
    accept(
        "a write of what is there is needed later",
        "c1 n1 |-w3-|   |-----w3----------|
         c2 n2            |-w4-|
         c3 n3                  |-r3-|",
    );
}

fn lin_kv_old_values(suite: &mut Suite) {
    let mut reject = |name, id: &'static [&'static str], sentence, picture| {
        suite.judge::<LinKv>(name, &Invalid(id, sentence), picture);
    };
    reject(
        "stale: the newer value was seen",
        &["LIN-STALE-READ"],
        "c4's read x on n3 began at 370ms, after c2's write x=2 on n2 had been acknowledged at \
         260ms, yet found 1, which that had replaced",
        "c1 n1         |-w1-|
         c2 n2                |-w2-|
         c3 n2                       |-r2-|
         c4 n3                                |-r1-|",
    );
    reject(
        "stale: no value, though one was there",
        &["LIN-STALE-READ"],
        "yet found no value",
        "c1 n1 |-w1-|  |-r1-|
         c2 n2                |-rnil-|",
    );
    reject(
        "lost: nobody ever saw it",
        &["LIN-LOST-WRITE"],
        "c2's write x=2 on n2 was acknowledged at 260ms, and nobody ever saw it: c4's read x \
         on n3, begun at 280ms, found 1",
        "c1 n1         |-w1-|
         c2 n2                |-w2-|
         c4 n3                       |-r1-|",
    );
    reject(
        "lost: a compare-and-set took what had been replaced",
        &["LIN-LOST-WRITE"],
        "yet c4's cas x: 1→3 on n3, begun at 290ms, found 1 in its place",
        "c1 n1         |-w1-|
         c2 n2                |-w2-|  |-r2-|
         c4 n3                        |-c1:3-|",
    );
}

fn lin_kv_strange_values(suite: &mut Suite) {
    let mut reject = |name, id: &'static [&'static str], sentence, picture| {
        suite.judge::<LinKv>(name, &Invalid(id, sentence), picture);
    };
    reject(
        "phantom: nobody wrote it",
        &["LIN-PHANTOM-READ"],
        "c2's read x on n1, which ended at 260ms, found 9, which nobody ever wrote",
        "c1 n1         |-w1-|
         c2 n1                |-r9-|",
    );
    reject(
        "phantom: its write had failed",
        &["LIN-PHANTOM-READ"],
        "though the write of it had failed",
        "c1 n1 |-w1-| |-w9!-|
         c2 n1                |-r9-|",
    );
    reject(
        "phantom: it was written later",
        &["LIN-PHANTOM-READ"],
        "which nobody had asked to write before 280ms",
        "c1 n1         |-w1-|        |-w9-|
         c2 n1                |-r9|         |-r9-|",
    );
    reject(
        "inversion: both reads overlap the write",
        &["LIN-INVERSION"],
        "two reads went back in time: c2's read x on n2 found 2 until 290ms, then c3's read x on \
         n3, begun at 310ms, found 1, which is older",
        "c1 n1         |-w1-|  |---w2-----------|
         c2 n2                   |-r2-|
         c3 n3                          |-r1-|",
    );
    reject(
        "inversion: the write is open",
        &["LIN-INVERSION"],
        "two reads went back in time",
        "c1 n1         |-w1-|  |---w2->
         c2 n2                   |-r2-|
         c3 n3                          |-r1-|",
    );
    reject(
        "inversion: to no value",
        &["LIN-INVERSION"],
        "found no value, which is older",
        "c1 n1         |---w2------------------|
         c2 n2           |-r2-|
         c3 n3                  |-rnil-|",
    );
}

fn lin_kv_no_order(suite: &mut Suite) {
    let mut reject = |name, id: &'static [&'static str], sentence, picture| {
        suite.judge::<LinKv>(name, &Invalid(id, sentence), picture);
    };
    reject(
        "two compare-and-sets of one value",
        &["LIN-NO-ORDER"],
        "no order of the operations on x explains",
        "c1 n1 |-w1-| |-c1:2-|
         c2 n2        |-c1:3-|",
    );
    reject(
        "an open write takes effect once",
        &["LIN-INVERSION"],
        "",
        "c1 n1 |-w1-?
         c2 n2         |-r1-| |-w2-| |-r2-| |-r1-|",
    );
    reject(
        "a compare-and-set is refused for no reason",
        &["LIN-PHANTOM-READ"],
        "was told of another value, and nobody had written one",
        "c1 n1 |-w1-| |-c1:2!-|",
    );
    reject("the second key fails", &["LIN-PHANTOM-READ"], "", "c1 n1 |-w1-| |-y/w2-| |-y/r3-|");
    reject(
        "other operations are no part of it",
        &["LIN-STALE-READ"],
        "after c2's write x=2",
        "c1 n1 |-w5-| |-w1-|               |-c2:7-|   |-r7-|
         c2 n2               |-w2-|   |-r2-|
         c4 n3     |-r5-|            |-r1-|  ",
    );
}

fn lin_kv_options(suite: &mut Suite) {
    use crate::lin_kv::{Options, judge};
    let refused = history::<LinKv>("c1 n1 |-w1-| |-c1:2!-|");
    suite.expect("failures say nothing", &Valid, &judge(&refused, Options::MAELSTROM));
    // A value that is written twice takes a search.
    let wide = "c1 n1 |w1-----------------|
                c2 n1 |w2-----------------|
                c3 n1 |w1-----------------|
                c4 n1    |-r1-||-r2-||-r1-|";
    let few = Options {
        budget: crate::Budget { states: 5, ..crate::Budget::default() },
        ..Options::STRICT
    };
    suite.expect("out of budget", &Unknown, &judge(&history(wide), few));
    suite.expect("enough budget", &Valid, &judge(&history(wide), Options::STRICT));
    suite.judge::<LinKv>("nothing answered", &Unknown, "c1 n1 |-w1-?");
}
