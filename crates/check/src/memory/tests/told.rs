//! Named histories, and the strongest models that they satisfy.

use splitbrain_core::Validity;

use super::super::Model::{
    Causal, CausalConvergence, CausalMemory, Eventual, Linearizable, MonotonicReads,
    MonotonicWrites, Pram, ReadYourWrites, Sequential, WritesFollowReads,
};
use super::super::{Access, Model, judge};
use crate::Budget;
use crate::picture::history;

pub(super) fn accesses(picture: &str) -> Vec<Access> {
    Access::of_lin_kv(&history(picture))
}

#[derive(Default)]
struct Suite {
    failures: Vec<String>,
}

impl Suite {
    /// The history satisfies these models and what they imply, and no other; eventual consistency
    /// is not looked at.
    fn strongest(&mut self, name: &str, strongest: &[Model], picture: &str) {
        let accesses = accesses(picture);
        for model in Model::ALL.into_iter().filter(|model| *model != Eventual) {
            let expected = strongest.iter().any(|strong| strong.implies(model));
            let verdict = judge(&accesses, model, Budget::default());
            let right = match verdict.validity() {
                Validity::Valid => expected,
                Validity::Invalid => !expected,
                Validity::Unknown => false,
            };
            for finding in &verdict.findings {
                assert!(crate::explain(&finding.id).is_some(), "{} is explained", finding.id);
                let sentence = &finding.sentence;
                assert!(!finding.operations.is_empty(), "{name}: {sentence} shows nothing");
            }
            if !right {
                self.failures.push(format!("{name}: {model:?}: {verdict:?}"));
            }
        }
    }

    /// This model is judged so; where it is broken, by this finding, whose sentence holds the text.
    fn judged(&mut self, name: &str, model: Model, expected: &str, picture: &str) {
        let verdict = judge(&accesses(picture), model, Budget::default());
        let said = match verdict.findings.first() {
            Some(finding) => format!("{}: {}", finding.id, finding.sentence),
            None => format!("{} {}", verdict.validity(), verdict.undecided.join("; ")),
        };
        if !said.contains(expected) {
            self.failures.push(format!("{name}: {said}"));
        }
    }
}

/// The named histories that are judged otherwise than told.
pub(crate) fn failures() -> Vec<String> {
    let mut suite = Suite::default();
    separated(&mut suite);
    well_known(&mut suite);
    session_guarantees(&mut suite);
    long_ways(&mut suite);
    open_operations(&mut suite);
    bad_patterns(&mut suite);
    eventual(&mut suite);
    unknown(&mut suite);
    suite.failures
}

/// The histories that [bouajjani2017 §3] separates the causal models by.
fn separated(suite: &mut Suite) {
    suite.strongest(
        "two sessions disagree on the order of two writes",
        &[CausalMemory],
        "c1 n1 |-w1-| |-r2-|
         c2 n2 |-w2-| |-r1-|",
    );
    suite.strongest(
        "one order of writes, but a session's reads have none",
        &[CausalConvergence],
        "c1 n1 |-z/w1-| |-w1-|     |-y/w1-|
         c2 n2 |-w2-|   |-z/rnil-| |-y/r1-| |-r2-|",
    );
    suite.strongest(
        "each read alone can be explained",
        &[Causal, WritesFollowReads, MonotonicWrites, MonotonicReads],
        "c1 n1 |-w1-|
         c2 n2 |-w2-| |-r1-| |-r2-|",
    );
    suite.strongest(
        "causal in every sense, but no one story",
        &[CausalMemory, CausalConvergence],
        "c1 n1 |-w1-| |-y/rnil-| |-y/w1-| |-r1-|
         c2 n2 |-w2-| |-y/rnil-| |-y/w2-| |-r2-|",
    );
    suite.strongest(
        "what was replaced causally is read again",
        &[Pram, WritesFollowReads],
        "c1 n1 |-w1-| |-y/w1-|
         c2 n2                 |-y/r1-| |-w2-|
         c3 n3                                 |-r2-| |-r1-|",
    );
}

fn well_known(suite: &mut Suite) {
    suite.strongest(
        "everyone agrees, in time",
        &[Linearizable],
        "c1 n1 |-w1-| |-y/w1-|
         c2 n2                 |-y/r1-| |-r1-|",
    );
    suite.strongest(
        "behind, but one story",
        &[Sequential],
        "c1 n1 |-w1-| |-w2-|
         c2 n2               |-r1-| |-r2-|",
    );
    suite.strongest(
        "store buffering: neither sees the other's write",
        &[CausalMemory, CausalConvergence],
        "c1 n1 |-w1-|   |-y/rnil-|
         c2 n2 |-y/w1-| |-rnil-|",
    );
    suite.strongest(
        "independent reads of independent writes",
        &[CausalMemory, CausalConvergence],
        "c1 n1 |-w1-|
         c2 n2 |-y/w1-|
         c3 n3          |-r1-|   |-y/rnil-|
         c4 n4          |-y/r1-| |-rnil-|",
    );
    suite.strongest(
        "message passing: the flag without the data",
        &[WritesFollowReads, MonotonicReads, ReadYourWrites],
        "c1 n1 |-w1-| |-y/w1-|
         c2 n2                 |-y/r1-| |-rnil-|",
    );
    suite.strongest(
        "an answer without its question",
        &[Pram],
        "c1 n1 |-w1-|
         c2 n2        |-r1-| |-y/w1-|
         c3 n3                        |-y/r1-| |-rnil-|",
    );
    suite.strongest(
        "a chain of compare-and-sets",
        &[Linearizable],
        "c1 n1 |-w1-|         |-c2:3-|
         c2 n2        |-c1:2-|        |-r3-| |-c2:9!-|",
    );
    suite.strongest(
        "two compare-and-sets replace the same value",
        &[CausalMemory, CausalConvergence],
        "c1 n1 |-w1-| |-c1:2-|
         c2 n2        |-c1:3-|",
    );
}

fn session_guarantees(suite: &mut Suite) {
    suite.strongest(
        "my own write is gone",
        &[WritesFollowReads, MonotonicWrites, MonotonicReads],
        "c1 n1 |-w1-| |-rnil-|",
    );
    suite.strongest(
        "my own first write is back",
        &[WritesFollowReads, MonotonicWrites, MonotonicReads],
        "c1 n1 |-w1-| |-w2-| |-r1-|",
    );
    suite.strongest(
        "what I saw is gone",
        &[WritesFollowReads, MonotonicWrites, ReadYourWrites],
        "c1 n1 |-w1-|
         c2 n2        |-r1-| |-rnil-|",
    );
    suite.strongest(
        "to and fro between two writes",
        &[Causal, WritesFollowReads, MonotonicWrites],
        "c1 n1 |-w1-|
         c2 n2 |-w2-|
         c3 n3        |-r1-| |-r2-| |-r1-|",
    );
    suite.strongest(
        "one writer's writes backwards",
        &[WritesFollowReads, MonotonicWrites, ReadYourWrites],
        "c1 n1 |-w1-| |-w2-|
         c2 n2               |-r2-| |-r1-|",
    );
    suite.strongest(
        "another's later write hides mine",
        &[Linearizable],
        "c1 n1 |-w1-|        |-r2-|
         c2 n2        |-w2-|",
    );
    suite.strongest(
        "two pairs of writers, each seen backwards",
        &[MonotonicReads, WritesFollowReads, Causal],
        "c1 n1 |-w1-| |-y/w1-|
         c2 n2 |-w2-| |-z/w1-|
         c3 n3                 |-y/r1-| |-r2-| |-z/r1-| |-r1-|",
    );
}

fn long_ways(suite: &mut Suite) {
    suite.strongest(
        "what one session must believe goes on through what others read",
        &[Causal, Pram, WritesFollowReads],
        "c1 n1 |-w2-|
         c2 n2 |-z/w2-|
         c3 n3          |-r2-|   |-z/w1-| |-y/w2-|
         c4 n4          |-z/r2-| |-w1-|   |-y/w1-|
         c5 n5                                     |-y/r1-| |-y/r2-| |-r2-| |-z/r2-|",
    );
    suite.strongest(
        "the newest that was heard of is owed, whatever was heard of later",
        &[Pram],
        "c1 n1 |-w1-| |-w2-|
         c2 n2               |-r2-| |-y/w1-|
         c3 n3        |-r1-| |-z/w1-|
         c4 n4                               |-y/r1-| |-z/r1-| |-r1-|",
    );
    suite.judged(
        "what the keys hold matters too",
        Sequential,
        "valid",
        "c1 n1 |-w1-| |-y/rnil-|
         c2 n2      |-w2-| |-y/w1-|
         c3 n3                      |-y/r1-| |-r1-|
         c4 n4                      |-y/r1-| |-r1-| |-w1-|",
    );
}

fn open_operations(suite: &mut Suite) {
    suite.strongest(
        "an open write that nobody saw",
        &[Linearizable],
        "c1 n1 |-w1-? |-rnil-|
         c2 n2                 |-rnil-|",
    );
    suite.strongest(
        "an open write may happen after what its client did next",
        &[Sequential],
        "c1 n1 |-w1-?        |-rnil-|
         c2 n2        |-r1-|",
    );
    suite.strongest(
        "an open write that was seen keeps its place",
        &[WritesFollowReads, MonotonicReads, ReadYourWrites],
        "c1 n1 |-w1-| |-y/w2-?
         c2 n2                 |-y/r2-| |-rnil-|",
    );
    suite.strongest(
        "an open compare-and-set was seen, and so was what it had found",
        &[Linearizable],
        "c1 n1 |-w1-?
         c2 n2        |-c1:2-?
         c3 n3                 |-r2-|",
    );
    suite.strongest("a failed write leaves nothing", &[Linearizable], "c1 n1 |-w1!-| |-rnil-|");
}

fn bad_patterns(suite: &mut Suite) {
    suite.strongest(
        "each read what the other wrote later",
        &[Pram, WritesFollowReads],
        "c1 n1 |-r1-|   |-y/w1-|
         c2 n2 |-y/r1-| |-w1-|",
    );
    suite.strongest("nobody wrote it", &[], "c1 n1 |-w1-| |-r2-|");
    suite.strongest("its write had failed", &[], "c1 n1 |-w1-| |-w2!-|\nc2 n2 |-r2-|");
    suite.judged(
        "cycle",
        Causal,
        "CAUSAL-CYCLE: each of these had to come before itself: c1's read x = 1 came before c1's \
         write y=1 in one session, and c2's read y = 1 found what c1's write y=1 had written",
        "c1 n1 |-r1-|   |-y/w1-|
         c2 n2 |-y/r1-| |-w1-|",
    );
    suite.judged(
        "stale",
        CausalMemory,
        "CAUSAL-STALE: c3's read x = 1 had been replaced: c1's write x=1 came before c1's write \
         y=1 in one session, and c2's read y = 1 found",
        "c1 n1 |-w1-| |-y/w1-|
         c2 n2                 |-y/r1-| |-w2-|
         c3 n3                                 |-r2-| |-r1-|",
    );
    suite.judged(
        "diverged",
        CausalConvergence,
        "CAUSAL-DIVERGED: no one order of the writes explains all reads: c1's read x = 2 had c1's \
         write x=1 before it and found c2's write x=2, so that is the newer one, and c2's read x",
        "c1 n1 |-w1-| |-r2-|
         c2 n2 |-w2-| |-r1-|",
    );
    suite.judged(
        "memory",
        CausalMemory,
        "CAUSAL-MEMORY: no order of the writes explains what c2 read, one after the other",
        "c1 n1 |-z/w1-| |-w1-|     |-y/w1-|
         c2 n2 |-w2-|   |-z/rnil-| |-y/r1-| |-r2-|",
    );
    suite.judged(
        "no story",
        Sequential,
        "SEQ-NO-ORDER: no one order explains all reads: c2's write y=1 came before c2's read x = \
         nothing in one session, and c2's read x = nothing found what c1's write x=1 replaced",
        "c1 n1 |-w1-|   |-y/rnil-|
         c2 n2 |-y/w1-| |-rnil-|",
    );
}

fn eventual(suite: &mut Suite) {
    suite.judged(
        "replicas differ in the end",
        Eventual,
        "EVENTUAL-DIVERGED: after everything had settled, replicas still differ on x: c1's read x \
         = 1, and c2's read x = 2",
        "c1 n1 |-w1-| |-!r1-|
         c2 n2 |-w2-| |-!r2-|",
    );
    suite.judged(
        "replicas differ for a while",
        Eventual,
        "valid",
        "c1 n1 |-w1-| |-r1-| |-!r1-|
         c2 n2 |-w2-| |-r2-| |-!r1-|",
    );
    suite.judged(
        "an open write arrives in the end",
        Eventual,
        "valid",
        "c1 n1 |-w1-| |-!r1-| |-!r2-|
         c2 n2 |-w2-? |-!r1-|",
    );
    suite.judged("nobody asked", Eventual, "unknown no key", "c1 n1 |-w1-| |-r1-| |-r1-|");
    suite.judged(
        "a write was still under way",
        Eventual,
        "unknown no key",
        "c1 n1 |--w1--------------|
         c2 n2 |-!rnil-| |-!r1-|",
    );
}

fn unknown(suite: &mut Suite) {
    suite.judged(
        "written twice and read",
        Causal,
        "unknown 1 reads found values that were written more than once, such as x=1",
        "c1 n1 |-w1-|
         c2 n2 |-w1-|
         c3 n3        |-r1-|",
    );
    suite.judged(
        "written twice, and broken whoever wrote it",
        ReadYourWrites,
        "SESSION-RYW",
        "c1 n1 |-w1-| |-y/w5-| |-y/rnil-|
         c2 n2 |-w1-|
         c3 n3        |-r1-|",
    );
    suite.judged("nothing was answered", Causal, "no operation was answered", "c1 n1 |-w1-?");
}
