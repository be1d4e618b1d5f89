//! Campaigns: the same verdict on any number of threads, and a stop that keeps what was found.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use splitbrain_check::Judge;
use splitbrain_core::workload::g_set::{GSet, Request, Response};
use splitbrain_core::{Context, History, Node, NodeId, RequestId, Validity, Wal};
use splitbrain_lab::{Control, Plan, Progress, Report, campaign};
use splitbrain_sim::{Hosted, Judging, Subject, Variety};

/// A set kept on the disk of each node and told to all others, again and again. It syncs before it
/// answers, or after: then a crash at the wrong moment loses what was acknowledged.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Set<const SYNC_FIRST: bool>;

impl<const SYNC_FIRST: bool> Set<SYNC_FIRST> {
    fn learn(cx: &mut Context<Self>, element: u64) {
        if !cx.disk.log().contains(&element) {
            cx.disk.append(element);
        }
    }
}

impl<const SYNC_FIRST: bool> Node for Set<SYNC_FIRST> {
    type Api = GSet;
    type Message = Vec<u64>;
    type Timer = ();
    type Disk = Wal<(), u64>;

    fn start(cx: &mut Context<Self>) -> Self {
        cx.set_timer((), splitbrain_core::ms(200));
        Self
    }
    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        match request {
            Request::Add { element } => {
                Self::learn(cx, element);
                if SYNC_FIRST {
                    cx.sync();
                }
                cx.reply(id, Response::AddOk);
                cx.sync();
            }
            Request::Read => {
                let value = cx.disk.log().to_vec();
                cx.reply(id, Response::ReadOk { value });
            }
        }
    }
    fn on_message(&mut self, cx: &mut Context<Self>, _: NodeId, elements: Vec<u64>) {
        for element in elements {
            Self::learn(cx, element);
        }
        cx.sync();
    }
    fn on_timer(&mut self, cx: &mut Context<Self>, (): ()) {
        cx.broadcast(cx.disk.log().to_vec());
        cx.set_timer((), splitbrain_core::ms(200));
    }
}

fn subject<const SYNC_FIRST: bool>() -> impl Subject {
    let write = |_: &History<GSet>| String::new();
    Hosted::<Set<SYNC_FIRST>>::new(
        "set",
        Judging { judge: |history, _| GSet::judge(history), write },
    )
}

fn run(subject: &dyn Subject, plan: &Plan) -> Report {
    let stop = AtomicBool::new(false);
    let report = campaign(subject, plan, Control { progress: &|_| {}, stop: &stop }).unwrap();
    Report { elapsed: std::time::Duration::ZERO, ..report }
}

#[test]
fn two_threads_find_what_one_finds() {
    for variety in [Variety::None, Variety::Temper, Variety::Swarm] {
        let plan = |threads| Plan { variety, ..Plan::standard(threads) };
        let one = run(&subject::<false>(), &plan(1));
        assert_eq!(one.validity(), Validity::Invalid, "{variety:?}");
        assert_eq!(one, run(&subject::<false>(), &plan(2)));
        assert_eq!(one, run(&subject::<false>(), &plan(5)));
        let shrunk = one.failure.unwrap().shrunk.unwrap();
        assert!(shrunk.minimal);
    }
}

#[test]
fn a_node_that_syncs_first_survives() {
    let plan = Plan { seeds: 0..300, ..Plan::standard(2) };
    let report = run(&subject::<true>(), &plan);
    assert_eq!((report.validity(), report.worlds), (Validity::Valid, 300), "{report:?}");
    assert_eq!(report, run(&subject::<true>(), &Plan { threads: 1, ..plan }));
}

#[test]
fn a_stop_keeps_what_was_done() {
    let stop = AtomicBool::new(false);
    let seen = AtomicU64::new(0);
    let progress = |progress: Progress| {
        seen.fetch_max(progress.done, Ordering::Relaxed);
        stop.store(true, Ordering::Relaxed);
    };
    let plan = Plan { seeds: 0..100_000, ..Plan::standard(1) };
    let control = Control { progress: &progress, stop: &stop };
    let report = campaign(&subject::<true>(), &plan, control).unwrap();
    assert_eq!(report.worlds, seen.into_inner());
    assert!(report.worlds > 0 && report.worlds < 100_000);
}
