//! What must come to hold at last: lassos where it need not, and none where it must.

use std::sync::atomic::AtomicBool;

use splitbrain_algorithms::two_phase_commit::{State, TwoPhaseCommit};
use splitbrain_core::workload::echo::{Echo, Request, Response};
use splitbrain_core::workload::lin_kv;
use splitbrain_core::{Context, Node, NodeId, RequestId, ms};
use splitbrain_explore::{
    Bounds, Budget, Control, Explored, Fairness, Limits, Model, Property, Shareable, View, explore,
};

fn run<N: Shareable>(model: Model<N>) -> Explored
where
    splitbrain_core::Request<N>: Send + Sync,
    splitbrain_core::Response<N>: Send,
{
    let stop = AtomicBool::new(false);
    let control = Control { progress: &|_| (), stop: &stop, threads: 1 };
    explore(model, Limits::STANDARD, control).expect("the model is sound")
}

/// A transaction in which the coordinator may crash: whoever has said yes must come to know.
fn two_phase_commit(fairness: Fairness) -> Explored {
    let in_doubt = |view: &View<'_, TwoPhaseCommit>| {
        let doubts = |disk: &&&_| matches!(splitbrain_core::Wal::get(disk), State::Prepared(_));
        view.disks.iter().filter(doubts).count() > 0
    };
    run(Model {
        clients: vec![vec![(NodeId(0), lin_kv::Request::Write { key: 0, value: 1 })]],
        bounds: Bounds {
            crashes: Budget(1),
            expiries: Budget::UNLIMITED,
            alike: Budget(1),
            ..Bounds::calm()
        },
        fairness,
        properties: vec![Property::leads_to("everyone knows", in_doubt, move |view| {
            !in_doubt(view)
        })],
        ..Model::new(2)
    })
}

#[test]
fn a_dead_coordinator_blocks_those_in_doubt() {
    let explored = two_phase_commit(Fairness::STANDARD);
    let found = explored.counterexample.expect("two-phase commit blocks");
    assert_eq!(found.finding.id, "LIVE-LASSO");
    assert!(found.steps.iter().any(|step| step.contains("crash")), "{:?}", found.steps);
    assert!(found.cycle.is_some(), "it says where the cycle begins");
}

#[test]
fn a_coordinator_that_comes_back_unblocks_them() {
    let explored = two_phase_commit(Fairness::ALL);
    assert_eq!(explored.counterexample, None);
    assert_eq!((explored.stopped, explored.undecided), (None, Vec::new()));
}

#[test]
fn used_up_time_outs_decide_nothing() {
    let in_doubt = |view: &View<'_, TwoPhaseCommit>| {
        view.disks.iter().any(|disk| matches!(disk.get(), State::Prepared(_)))
    };
    let explored = run(Model {
        clients: vec![vec![(NodeId(0), lin_kv::Request::Write { key: 0, value: 1 })]],
        bounds: Bounds { losses: Budget(2), expiries: Budget(1), ..Bounds::calm() },
        properties: vec![Property::leads_to("everyone knows", in_doubt, move |view| {
            !in_doubt(view)
        })],
        ..Model::new(2)
    });
    assert_eq!(explored.counterexample, None);
    assert!(explored.undecided[0].1 > 0, "{:?}", explored.undecided);
}

/// Two candidates ask each other to step back; `POLITE` ones both do.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Duel<const POLITE: bool> {
    is_candidate: bool,
    leads: bool,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Word {
    Vote,
    Granted,
    Refused,
}

impl<const POLITE: bool> Node for Duel<POLITE> {
    type Api = Echo;
    type Message = Word;
    type Timer = ();
    type Disk = ();

    fn start(cx: &mut Context<Self>) -> Self {
        cx.set_timer((), ms(100));
        Self { is_candidate: false, leads: false }
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        let Request::Echo { echo } = request;
        cx.reply(id, Response::EchoOk { echo });
    }

    fn on_message(&mut self, cx: &mut Context<Self>, from: NodeId, word: Word) {
        match word {
            Word::Vote if self.leads || self.is_candidate && !POLITE && cx.id() < from => {
                cx.send(from, Word::Refused);
            }
            Word::Vote if self.is_candidate && POLITE => {
                self.is_candidate = false;
                cx.send(from, Word::Refused);
            }
            Word::Vote => {
                self.is_candidate = false;
                cx.send(from, Word::Granted);
            }
            Word::Granted => self.leads = self.is_candidate,
            Word::Refused => {
                self.is_candidate = false;
                cx.set_timer((), ms(100));
            }
        }
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, (): ()) {
        if !self.is_candidate && !self.leads {
            self.is_candidate = true;
            cx.broadcast(Word::Vote);
        }
    }
}

fn duel<const POLITE: bool>() -> Explored {
    let leader = |view: &View<'_, Duel<POLITE>>| view.nodes.iter().flatten().any(|node| node.leads);
    run(Model {
        bounds: Bounds { expiries: Budget::UNLIMITED, ..Bounds::calm() },
        properties: vec![Property::eventually("there is a leader", leader)],
        ..Model::new(2)
    })
}

#[test]
fn two_polite_candidates_may_step_back_for_ever() {
    let found = duel::<true>().counterexample.expect("an election that livelocks");
    assert_eq!(found.finding.id, "LIVE-LASSO");
    let cycle = found.cycle.expect("it says where the cycle begins");
    assert!(cycle < found.steps.len(), "somebody does something for ever: {:?}", found.steps);
}

#[test]
fn one_who_does_not_step_back_leads() {
    assert_eq!(duel::<false>().counterexample, None);
}
