//! Figure 3: what holds in every run, as facts that an engine compares.
//!
//! PROBLEM     Clients see only the worst of it. Two leaders in one term may do no harm today; a
//!             test that judges histories alone finds the bug in one run of a thousand.
//! IDEA        After every handler a server says what it now knows, as facts about a subject: "the
//!             leader of term 3 is n2". Whoever else speaks of term 3, ever, must say the same. So
//!             no engine needs to look into servers, and none needs to know Raft.
//! RULES       Election safety, leader append-only, log matching, leader completeness and state
//!             machine safety [raft fig. 3]; and terms, votes, commit and apply indexes that never
//!             go back.
//! CAVEATS     The facts show that leader completeness is broken only when the leader who lacks an
//!             entry commits another in its place. Who holds all facts can ask at once:
//!             [`Board::leader_completeness`].

use std::collections::BTreeMap;
use std::hash::Hash;

use splitbrain_core::Fingerprint;

use super::{Command, Index, LogId, Raft, Role, Term};

/// Something that a server says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fact {
    /// This must hold.
    Always(bool, &'static str),
    /// Whoever says this of that subject must say the same value.
    Agree(&'static str, u64, u64),
}

const ELECTION_SAFETY: &str = "one leader per term [raft §5.2]";
const ONE_VOTE: &str = "one vote per server and term [raft §5.2]";
const LOG_MATCHING: &str = "an index and a term name one entry and all before it [raft §5.3]";
const COMMITTED: &str = "one committed entry per index [raft §5.4]";
const STATE_MACHINE_SAFETY: &str = "equal logs, equal state machines [raft §5.4.3]";

/// What a server has said so far in this life.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Said {
    term: Term,
    commit_index: Index,
    last_applied: Index,
    leads: Option<(Term, Index)>,
}

impl Said {
    /// What is new. `changed` is the first index at which the log has changed since. To be called
    /// before a snapshot replaces what was just committed.
    pub fn look<C: Command>(
        &mut self,
        raft: &Raft<C>,
        changed: Option<Index>,
        mut say: impl FnMut(Fact),
    ) {
        let (term, commit, applied) =
            (raft.current_term(), raft.commit_index(), raft.last_applied());
        say(Fact::Always(self.term <= term, "currentTerm never falls [raft §5.1]"));
        say(Fact::Always(self.commit_index <= commit, "commitIndex never falls [raft fig. 2]"));
        say(Fact::Always(self.last_applied <= applied, "lastApplied never falls [raft fig. 2]"));
        say(Fact::Always(applied <= commit, "only what is committed is applied [raft §5.3]"));
        let known = raft.log().last_id().term <= term;
        say(Fact::Always(known, "no entry is of a term that is still to come [raft §5.1]"));
        if let Some(candidate) = raft.voted_for() {
            let voter = fingerprint(&(raft.id(), term));
            say(Fact::Agree(ONE_VOTE, voter, u64::from(candidate.0)));
        }
        self.look_at_leader(raft, changed, &mut say);
        for (index, entry) in changed.into_iter().flat_map(|from| raft.log().tail(from)) {
            let name = LogId { term: entry.term, index };
            let before = raft.log().term_at(index.previous());
            let contents = fingerprint(&(&entry.payload, before));
            say(Fact::Agree(LOG_MATCHING, fingerprint(&name), contents));
        }
        for index in (self.commit_index.0 + 1..=commit.0).map(Index) {
            if let Some(term) = raft.log().term_at(index) {
                say(Fact::Agree(COMMITTED, index.0, term.0));
            }
        }
        (self.term, self.commit_index, self.last_applied) = (term, commit, applied);
    }

    fn look_at_leader<C: Command>(
        &mut self,
        raft: &Raft<C>,
        changed: Option<Index>,
        say: &mut impl FnMut(Fact),
    ) {
        let Role::Leader(leader) = raft.role() else {
            self.leads = None;
            return;
        };
        let (term, last) = (raft.current_term(), raft.log().last_index());
        say(Fact::Agree(ELECTION_SAFETY, term.0, u64::from(raft.id().0)));
        if let Some((since, before)) = self.leads
            && since == term
        {
            let appends_only = last >= before && changed.is_none_or(|from| from > before);
            say(Fact::Always(appends_only, "a leader only appends to its log [raft §5.3]"));
        }
        self.leads = Some((term, last));
        for progress in leader.peers().values() {
            let order = progress.match_index < progress.next_index;
            say(Fact::Always(order, "nextIndex is above matchIndex [raft fig. 2]"));
            say(Fact::Always(progress.match_index <= last, "matchIndex is in the leader's log"));
        }
    }
}

/// The state machine after the entry at `index`.
pub fn applied(index: Index, machine: &impl Hash) -> Fact {
    Fact::Agree(STATE_MACHINE_SAFETY, index.0, fingerprint(machine))
}

fn fingerprint(value: &impl Hash) -> u64 {
    Fingerprint::of(value).0
}

/// All facts that were said in a cluster, for an engine that has no such board of its own.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Board {
    facts: BTreeMap<(&'static str, u64), u64>,
}

impl Board {
    /// Takes a fact.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn take(&mut self, fact: Fact) -> Result<(), String> {
        match fact {
            Fact::Always(true, _) => Ok(()),
            Fact::Always(false, name) => Err(format!("{name}: does not hold")),
            Fact::Agree(name, subject, value) => {
                let said = *self.facts.entry((name, subject)).or_insert(value);
                if said == value { Ok(()) } else { Err(format!("{name}: {said} and {value}")) }
            }
        }
    }

    /// A leader has every entry that was committed in an earlier term [raft §5.4.3].
    ///
    /// # Errors
    /// Names the entry that it lacks.
    pub fn leader_completeness<C: Command>(&self, raft: &Raft<C>) -> Result<(), String> {
        let from = raft.log().base().index.0 + 1;
        let committed = self.facts.range((COMMITTED, from)..=(COMMITTED, u64::MAX));
        for ((_, index), term) in committed.filter(|_| raft.is_leader()) {
            let id = LogId { term: Term(*term), index: Index(*index) };
            if *term < raft.current_term().0 && !raft.log().matches(id) {
                return Err(format!("{} leads and lacks the committed {id:?}", raft.id()));
            }
        }
        Ok(())
    }
}
