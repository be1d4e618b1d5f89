//! The world's rules, each shown by a small node that would notice if it were broken.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use splitbrain_core::workload::Workload;
use splitbrain_core::workload::g_set::{GSet, Request, Response};
use splitbrain_core::workload::kafka::{self, Kafka, LogName, Record};
use splitbrain_core::{
    ClockFault, Context, Cut, CutMode, DiskFault, DiskLoss, ErrorCode, EventKind, Fault, FaultKind,
    Finding, History, Injection, Moment, Node, NodeId, Outcome, RequestId, Target, Time, Verdict,
    Wal, ms,
};
use splitbrain_sim::{
    Config, Detail, Hosted, Judging, Latency, Links, Planned, Recipe, Run, Variety, run, shrink,
};

/// Every acknowledged element is in every last read of the node that acknowledged it.
fn judge(history: &History<GSet>) -> Verdict {
    let mut verdict = Verdict::default();
    for read in history.operations.iter().filter(|op| op.last) {
        let Some(Response::ReadOk { value }) = read.response() else { continue };
        for add in &history.operations {
            let Request::Add { element } = &add.request else { continue };
            if add.node == read.node && add.response().is_some() && !value.contains(element) {
                verdict.findings.push(Finding::new("SET-LOST", format!("{element} is lost")));
            }
        }
    }
    verdict
}

const JUDGING: Judging<GSet> =
    Judging { judge: |history, _| judge(history), write: |_| String::new() };

fn world<N: Node<Api = GSet>>(recipe: &Recipe) -> Run {
    run(&Hosted::<N>::new("test", JUDGING), recipe, Detail::Full).expect("the recipe is sound")
}

fn quiet(nodes: u16) -> Config {
    Config {
        nodes,
        clients: nodes,
        operations: 0,
        duration: ms(1_000),
        settle: ms(100),
        grace: ms(3_000),
        links: Links::perfect(Latency::Constant(5_000_000)),
        sync: Latency::Constant(1_000_000),
        ..Config::standard().calm()
    }
}

/// Every kind of fault, and settings of their own for each seed.
fn swarm(seed: u64) -> Config {
    let config = Config { faults: FaultKind::ALL.into(), ..Config::standard() };
    Variety::Swarm.settings(config, seed)
}

fn recipe(config: Config) -> Recipe {
    Recipe::draw("test", "g-set", config, 1)
}

fn add(at: u64, node: u16, element: u64) -> Planned {
    Planned {
        at: Time::ZERO + ms(at),
        client: node,
        node: NodeId(node),
        index: 0,
        last: false,
        request: Some(serde_json::json!({"type": "add", "element": element})),
    }
}

fn inject(at: u64, lasts: u64, fault: Fault) -> Injection {
    Injection { at: Time::ZERO + ms(at), lasts: ms(lasts), fault }
}

fn ids(run: &Run) -> BTreeSet<String> {
    run.verdict.findings.iter().map(|finding| finding.id.to_string()).collect()
}

fn count(run: &Run, what: impl Fn(&EventKind) -> bool) -> usize {
    run.trace.as_ref().unwrap().events.iter().filter(|event| what(&event.kind)).count()
}

/// Keeps its elements on disk; `SYNC_FIRST` says whether it syncs before it answers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Durable<const SYNC_FIRST: bool>;

impl<const SYNC_FIRST: bool> Node for Durable<SYNC_FIRST> {
    type Api = GSet;
    type Message = ();
    type Timer = ();
    type Disk = Wal<(), u64>;

    fn start(_: &mut Context<Self>) -> Self {
        Self
    }
    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        match request {
            Request::Add { element } => {
                cx.disk.append(element);
                if SYNC_FIRST {
                    cx.sync();
                    cx.reply(id, Response::AddOk);
                } else {
                    cx.reply(id, Response::AddOk);
                    cx.sync();
                }
            }
            Request::Read => {
                let value = cx.disk.log().to_vec();
                cx.reply(id, Response::ReadOk { value });
            }
        }
    }
    fn on_message(&mut self, _: &mut Context<Self>, _: NodeId, (): ()) {}
}

#[test]
fn a_crash_between_any_two_effects_finds_an_answer_before_its_sync() {
    let config = Config { faults: [FaultKind::Crash].into(), nodes: 1, ..Config::standard() };
    let fails = |sync_first: bool, seed| {
        let recipe = Recipe::draw("test", "g-set", config.clone(), seed);
        let run = if sync_first {
            world::<Durable<true>>(&recipe)
        } else {
            world::<Durable<false>>(&recipe)
        };
        ids(&run).contains("SET-LOST")
    };
    let unsafe_ones = (0..100).filter(|seed| fails(false, *seed)).count();
    assert!(unsafe_ones > 5, "{unsafe_ones} of 100 worlds lose what was answered too soon");
    assert_eq!((0..100).find(|seed| fails(true, *seed)), None);
}

#[test]
fn a_crash_after_the_k_th_effect_lets_exactly_k_through() {
    for after in 0..=3 {
        let mut recipe = recipe(quiet(1));
        recipe.operations.insert(0, add(100, 0, 7));
        let (target, disk) = (Target::Node(NodeId(0)), DiskLoss::LoseAll);
        let crash = Fault::Crash { target, moment: Moment::AfterEffects(after), disk };
        recipe.faults.push(inject(50, 500, crash));
        let run = world::<Durable<false>>(&recipe);
        // Its effects: write, reply, sync. The crash falls before, between and after them.
        let lost = ids(&run).contains("SET-LOST");
        assert_eq!(lost, after == 2, "after {after} effects");
        assert_eq!(count(&run, |kind| matches!(kind, EventKind::Crash { .. })), 1);
        assert_eq!(count(&run, |kind| *kind == EventKind::Start), 2);
        // No handler has so many effects: the fault finds no place to strike.
        let Fault::Crash { moment, .. } = &mut recipe.faults[0].fault else { panic!() };
        *moment = Moment::AfterEffects(4);
        let run = world::<Durable<false>>(&recipe);
        assert_eq!(count(&run, |kind| matches!(kind, EventKind::Crash { .. })), 0);
    }
}

/// Answers, and then writes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct WritesLast;

impl Node for WritesLast {
    type Api = GSet;
    type Message = ();
    type Timer = ();
    type Disk = Wal<(), u64>;

    fn start(_: &mut Context<Self>) -> Self {
        Self
    }
    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        match request {
            Request::Add { element } => {
                cx.reply(id, Response::AddOk);
                cx.disk.append(element);
            }
            Request::Read => {
                let value = cx.disk.log().to_vec();
                cx.reply(id, Response::ReadOk { value });
            }
        }
    }
    fn on_message(&mut self, _: &mut Context<Self>, _: NodeId, (): ()) {}
}

#[test]
fn a_write_behind_the_crash_never_happened_even_if_the_disk_keeps_all() {
    for (after, lost) in [(1, true), (2, false)] {
        let mut recipe = recipe(quiet(1));
        recipe.operations.insert(0, add(100, 0, 7));
        let (target, disk) = (Target::Node(NodeId(0)), DiskLoss::KeepAll);
        let crash = Fault::Crash { target, moment: Moment::AfterEffects(after), disk };
        recipe.faults.push(inject(50, 500, crash));
        let run = world::<WritesLast>(&recipe);
        assert_eq!(ids(&run).contains("SET-LOST"), lost, "after {after} effects");
        let crashes = count(&run, |kind| matches!(kind, EventKind::Crash { lost: 0, .. }));
        assert_eq!(crashes, 1, "what never happened was not lost either");
    }
}

#[test]
fn who_says_only_what_is_durable_is_never_caught_unsynced() {
    let mut recipe = recipe(quiet(1));
    recipe.operations.insert(0, add(100, 0, 7));
    let (target, disk) = (Target::Node(NodeId(0)), DiskLoss::LoseAll);
    let crash = Fault::Crash { target, moment: Moment::Unsynced, disk };
    recipe.faults.push(inject(50, 500, crash));
    let crashes = |run: &Run| count(run, |kind| matches!(kind, EventKind::Crash { .. }));
    assert_eq!(crashes(&world::<Durable<true>>(&recipe)), 0);
    for run in [world::<Durable<false>>(&recipe), world::<WritesLast>(&recipe)] {
        assert_eq!(crashes(&run), 1);
        assert!(ids(&run).contains("SET-LOST"));
    }
}

#[test]
fn a_handler_that_was_cut_short_ends_in_a_crash_even_if_the_fault_is_over_first() {
    let mut recipe = recipe(quiet(1));
    recipe.operations.insert(0, add(100, 0, 7));
    let target = Target::Node(NodeId(0));
    recipe.faults = vec![
        inject(20, 500, Fault::Slow { target: target.clone(), handler: ms(50) }),
        inject(
            90,
            40,
            Fault::Crash { target, moment: Moment::AfterEffects(1), disk: DiskLoss::LoseAll },
        ),
    ];
    let run = world::<Durable<false>>(&recipe);
    assert_eq!(count(&run, |kind| matches!(kind, EventKind::Crash { .. })), 1);
    assert_eq!(count(&run, |kind| matches!(kind, EventKind::Start)), 2);
}

#[test]
fn while_a_node_syncs_it_handles_nothing() {
    let mut recipe = recipe(Config { sync: Latency::Constant(50_000_000), ..quiet(1) });
    recipe.operations.insert(0, add(100, 0, 1));
    recipe.operations.insert(1, Planned { client: 1, ..add(110, 0, 2) });
    let run = world::<Durable<true>>(&recipe);
    let answers: Vec<Time> = run
        .trace
        .unwrap()
        .events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::Complete { .. }))
        .map(|event| event.at)
        .collect();
    assert_eq!(answers[..2], [Time::ZERO + ms(150), Time::ZERO + ms(200)]);
}

#[test]
fn a_failed_sync_is_a_crash_and_nothing_after_it_is_seen() {
    for fault in [DiskFault::SyncError, DiskFault::Full] {
        let mut recipe = recipe(quiet(1));
        recipe.operations.insert(0, add(100, 0, 1));
        let target = Target::Node(NodeId(0));
        recipe.faults.push(inject(50, 400, Fault::Disk { target, fault }));
        let run = world::<Durable<true>>(&recipe);
        assert_eq!(run.metrics.ok, 0, "{fault:?}");
        assert_eq!(run.metrics.unknown, 1);
        assert!(run.verdict.findings.is_empty(), "{:?}", run.verdict);
        let restarted = count(&run, |kind| *kind == EventKind::Start);
        assert_eq!(restarted, 2, "{fault:?}: it comes back when the disk is well");
    }
}

#[test]
fn rot_shows_at_the_next_start() {
    let mut recipe = recipe(quiet(1));
    recipe.operations.insert(0, add(100, 0, 1));
    let target = Target::Node(NodeId(0));
    let rot = Fault::Disk { target: target.clone(), fault: DiskFault::Rot(0) };
    recipe.faults.push(inject(200, 10, rot));
    assert!(ids(&world::<Durable<true>>(&recipe)).is_empty(), "nobody has read the disk yet");
    let crash = Fault::Crash { target, moment: Moment::Now, disk: DiskLoss::KeepAll };
    recipe.faults.push(inject(300, 100, crash));
    assert!(ids(&world::<Durable<true>>(&recipe)).contains("SET-LOST"));
}

/// Sends every element to everyone, plays the primary on the first node, and counts its ticks.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Gossip {
    elements: BTreeSet<u64>,
    ticks: u64,
}

/// Ticks are told as an element above this.
const TICKS: u64 = 1_000_000_000;

impl Node for Gossip {
    type Api = GSet;
    type Message = u64;
    type Timer = u8;
    type Disk = ();

    fn start(cx: &mut Context<Self>) -> Self {
        cx.role(if cx.id() == NodeId(0) { "primary" } else { "backup" });
        cx.set_timer(0, ms(100));
        Self { elements: BTreeSet::new(), ticks: 0 }
    }
    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        match request {
            Request::Add { element } => {
                self.elements.insert(element);
                cx.broadcast(element);
                cx.reply(id, Response::AddOk);
            }
            Request::Read => {
                let value = self.elements.iter().copied().chain([TICKS + self.ticks]).collect();
                cx.reply(id, Response::ReadOk { value });
            }
        }
    }
    fn on_message(&mut self, _: &mut Context<Self>, _: NodeId, element: u64) {
        self.elements.insert(element);
    }
    fn on_timer(&mut self, cx: &mut Context<Self>, _: u8) {
        self.ticks += 1;
        cx.set_timer(0, ms(100));
    }
}

/// What the last read of each node holds: its elements and its ticks.
fn last_reads(recipe: &Recipe) -> Vec<(BTreeSet<u64>, u64)> {
    fn tell(history: &History<GSet>) -> Verdict {
        let read = |outcome: &Outcome<Response>| match outcome {
            Outcome::Ok(Response::ReadOk { value }) => format!("{value:?}"),
            other => panic!("{other:?}"),
        };
        let mut last: Vec<_> = history.operations.iter().filter(|op| op.last).collect();
        last.sort_by_key(|op| op.node);
        Verdict {
            undecided: last.iter().map(|op| read(&op.outcome)).collect(),
            ..Verdict::default()
        }
    }
    let judging = Judging { judge: |history, _| tell(history), write: |_| String::new() };
    let subject = Hosted::<Gossip>::new("test", judging);
    let run = run(&subject, recipe, Detail::Verdict).unwrap();
    let parse = |text: &String| {
        let value: Vec<u64> = serde_json::from_str(text).unwrap();
        let ticks = value.iter().max().unwrap() - TICKS;
        (value.into_iter().filter(|element| *element < TICKS).collect(), ticks)
    };
    run.verdict.undecided.iter().map(parse).collect()
}

/// Shows one message at a time, of three; and is not ready for the second question of its life.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Pages {
    asked: u32,
}

impl Node for Pages {
    type Api = Kafka;
    type Message = ();
    type Timer = ();
    type Disk = ();

    fn start(_: &mut Context<Self>) -> Self {
        Self { asked: 0 }
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: kafka::Request) {
        self.asked += 1;
        let kafka::Request::Poll { offsets } = request else { return };
        if self.asked == 2 {
            return cx.reply_error(id, ErrorCode::TEMPORARILY_UNAVAILABLE, "not now");
        }
        let shown = |(log, from): (LogName, u64)| (log, Vec::from_iter(page(from)));
        let msgs = offsets.into_iter().map(shown).collect();
        cx.reply(id, kafka::Response::PollOk { msgs });
    }

    fn on_message(&mut self, _: &mut Context<Self>, _: NodeId, (): ()) {}
}

fn page(from: u64) -> Option<Record> {
    (from < 3).then_some(Record(from, from + 10))
}

/// A follow-up is asked again like the question that it follows, and the last one finds nothing.
#[test]
fn last_questions_go_on_as_long_as_there_is_more() {
    fn tell(history: &History<Kafka>) -> Verdict {
        let told = history.operations.iter().map(|op| {
            let from = Kafka::describe_request(&op.request);
            let answer = op.response().map_or("not now".into(), Kafka::describe_response);
            assert!(op.last);
            format!("{from}: {answer}")
        });
        Verdict { undecided: told.collect(), ..Verdict::default() }
    }
    let judging = Judging { judge: |history, _| tell(history), write: |_| String::new() };
    let recipe = Recipe::draw("test", "kafka", quiet(1), 1);
    let run = run(&Hosted::<Pages>::new("test", judging), &recipe, Detail::Verdict).unwrap();
    assert_eq!(
        run.verdict.undecided,
        [
            "poll x, y: x 0:10, y 0:10",
            "poll x from 1, y from 1: not now",
            "poll x from 1, y from 1: x 1:11, y 1:11",
            "poll x from 2, y from 2: x 2:12, y 2:12",
            "poll x from 3, y from 3: nothing",
        ]
    );
}

fn who_has(recipe: &Recipe, element: u64) -> Vec<bool> {
    last_reads(recipe).iter().map(|(elements, _)| elements.contains(&element)).collect()
}

#[test]
fn partitions_drop_or_hold_what_is_sent_across_them() {
    let groups = Cut::Groups(vec![vec![NodeId(0), NodeId(1)], vec![NodeId(2)]]);
    for (mode, arrives) in [(CutMode::Drop, false), (CutMode::Hold, true)] {
        let mut recipe = recipe(quiet(3));
        recipe.operations.insert(0, add(200, 0, 7));
        recipe.faults.push(inject(100, 300, Fault::Partition { cut: groups.clone(), mode }));
        assert_eq!(who_has(&recipe, 7), [true, true, arrives], "{mode:?}");
    }
}

#[test]
fn a_fault_can_be_aimed_at_a_role() {
    let mut recipe = recipe(quiet(3));
    recipe.operations.insert(0, add(200, 0, 7));
    let cut = Cut::Isolate(Target::Role("primary".into()));
    recipe.faults.push(inject(100, 300, Fault::Partition { cut, mode: CutMode::Drop }));
    assert_eq!(who_has(&recipe, 7), [true, false, false]);
}

#[test]
fn a_paused_node_gets_its_messages_later_and_a_crashed_one_does_not() {
    let target = Target::Node(NodeId(1));
    let mut paused = recipe(quiet(2));
    paused.operations.insert(0, add(200, 0, 7));
    let mut crashed = paused.clone();
    paused.faults.push(inject(100, 300, Fault::Pause { target: target.clone() }));
    assert_eq!(who_has(&paused, 7), [true, true]);
    let crash = Fault::Crash { target, moment: Moment::Now, disk: DiskLoss::KeepAll };
    crashed.faults.push(inject(100, 300, crash));
    assert_eq!(who_has(&crashed, 7), [true, false]);
}

#[test]
fn timers_run_on_the_nodes_own_clock() {
    let mut recipe = recipe(Config { duration: ms(10_000), ..quiet(2) });
    let target = Target::Node(NodeId(1));
    let fault = ClockFault::Drift(500_000);
    recipe.faults.push(inject(0, 10_000, Fault::Clock { target, fault }));
    let ticks: Vec<u64> = last_reads(&recipe).iter().map(|(_, ticks)| *ticks).collect();
    assert!((100..=101).contains(&ticks[0]), "{}", ticks[0]);
    assert!((149..=152).contains(&ticks[1]), "half as fast again: {}", ticks[1]);
}

#[test]
fn a_slow_node_takes_its_time_over_each_handler() {
    let mut recipe = recipe(quiet(1));
    recipe.operations.insert(0, add(200, 0, 7));
    let target = Target::Node(NodeId(0));
    recipe.faults.push(inject(100, 800, Fault::Slow { target, handler: ms(40) }));
    let run = world::<Gossip>(&recipe);
    assert!(run.metrics.latency.max() >= 40_000_000, "{:?}", run.metrics.latency);
}

/// Misbehaves in a way that the number names.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Rogue<const HOW: u8>(u64);

static DRAWN_BEHIND_OUR_BACK: AtomicU64 = AtomicU64::new(0);

impl<const HOW: u8> Node for Rogue<HOW> {
    type Api = GSet;
    type Message = ();
    type Timer = ();
    type Disk = ();

    fn start(_: &mut Context<Self>) -> Self {
        Self(0)
    }
    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        match HOW {
            0 => panic!("a bug"),
            1 => self.0 = DRAWN_BEHIND_OUR_BACK.fetch_add(1, Ordering::Relaxed),
            2 => cx.reply(id, Response::AddOk),
            3 => cx.reply(RequestId { sequence: 9_999, ..id }, Response::AddOk),
            4 => return,
            5 => cx.send(cx.id(), ()),
            6 => cx.always(false, "the impossible"),
            7 => return cx.reply_error(id, ErrorCode::TEMPORARILY_UNAVAILABLE, "not now"),
            8 => cx.agree("the king", 0, u64::from(cx.id().0)),
            9 => cx.agree("the king", u64::from(cx.id().0), u64::from(cx.id().0)),
            _ => {}
        }
        match request {
            Request::Add { .. } => cx.reply(id, Response::AddOk),
            Request::Read => cx.reply(id, Response::ReadOk { value: vec![] }),
        }
    }
    fn on_message(&mut self, cx: &mut Context<Self>, _: NodeId, (): ()) {
        cx.send(cx.id(), ());
    }
}

#[test]
fn every_kind_of_misbehaviour_has_its_finding() {
    let found = |run: Run| ids(&run).into_iter().collect::<Vec<_>>().join(" ");
    let mut recipe = recipe(Config { events_max: 10_000, ..quiet(2) });
    let reads = (0..100).map(|at| Planned {
        request: Some(serde_json::json!({"type": "read"})),
        ..add(at * 10, 0, 0)
    });
    recipe.operations.splice(0..0, reads);
    assert!(found(world::<Rogue<0>>(&recipe)).contains("NODE-PANIC"));
    assert!(found(world::<Rogue<1>>(&recipe)).contains("NODE-NONDET"));
    assert_eq!(found(world::<Rogue<2>>(&recipe)), "NODE-REPLY-TWICE");
    assert_eq!(found(world::<Rogue<3>>(&recipe)), "NODE-REPLY-UNKNOWN");
    assert_eq!(found(world::<Rogue<4>>(&recipe)), "LIVE-NO-PROGRESS");
    assert_eq!(found(world::<Rogue<5>>(&recipe)), "LIVE-RUNAWAY");
    assert_eq!(found(world::<Rogue<6>>(&recipe)), "ALWAYS-VIOLATED");
    assert_eq!(found(world::<Rogue<7>>(&recipe)), "LIVE-NO-PROGRESS");
    assert_eq!(found(world::<Rogue<8>>(&recipe)), "ALWAYS-VIOLATED", "two nodes, two kings");
    assert_eq!(found(world::<Rogue<9>>(&recipe)), "");
}

#[test]
fn after_a_time_out_a_client_goes_on_as_another_process() {
    let mut recipe = recipe(Config { timeout: ms(100), ..quiet(1) });
    recipe.operations.clear();
    recipe.operations.extend([add(100, 0, 1), add(150, 0, 2)]);
    let run = world::<Rogue<4>>(&recipe);
    assert_eq!((run.metrics.operations, run.metrics.unknown), (2, 2));
    let trace = run.trace.unwrap();
    let clients: Vec<&str> = trace.lanes[1..].iter().map(|lane| lane.name.as_str()).collect();
    assert_eq!(clients, ["c1", "c2"]);
}

/// Told to add `n`, sends `n` messages to the first node; answers a tenth of a second later.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Flooder;

impl Node for Flooder {
    type Api = GSet;
    type Message = ();
    type Timer = RequestId;
    type Disk = ();

    fn start(_: &mut Context<Self>) -> Self {
        Self
    }
    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        if let Request::Add { element } = request {
            (0..element).for_each(|_| cx.send(NodeId(0), ()));
        }
        cx.set_timer(id, ms(100));
    }
    fn on_message(&mut self, _: &mut Context<Self>, _: NodeId, (): ()) {}
    fn on_timer(&mut self, cx: &mut Context<Self>, id: RequestId) {
        cx.reply(id, Response::ReadOk { value: Vec::new() });
    }
}

#[test]
fn a_long_backlog_is_worked_off_in_a_loop() {
    let mut recipe = recipe(quiet(2));
    recipe.operations.insert(0, add(100, 1, 50_000));
    recipe.faults.push(inject(50, 500, Fault::Pause { target: Target::Node(NodeId(0)) }));
    let run = world::<Flooder>(&recipe);
    assert!(count(&run, |kind| matches!(kind, EventKind::Deliver { from: 1, .. })) >= 50_000);
    assert!(!ids(&run).contains("LIVE-NO-PROGRESS"));
}

#[test]
fn a_client_behind_its_plan_does_not_make_up_for_it_in_the_last_phase() {
    let mut recipe = recipe(quiet(1));
    recipe.operations.splice(0..0, (0..100).map(|number| add(10 * number, 0, 0)));
    let run = world::<Flooder>(&recipe);
    assert!(!ids(&run).contains("LIVE-NO-PROGRESS"));
    assert!(run.metrics.operations <= 11, "{} in a second", run.metrics.operations);
}

#[test]
fn the_same_recipe_gives_the_same_bytes_and_tracing_changes_nothing() {
    for seed in 0..30 {
        let recipe = Recipe::draw("test", "g-set", swarm(seed), seed);
        let subject = Hosted::<Durable<true>>::new("test", JUDGING);
        let full = run(&subject, &recipe, Detail::Full).unwrap();
        let plain = run(&subject, &recipe, Detail::Verdict).unwrap();
        assert_eq!(full, run(&subject, &recipe, Detail::Full).unwrap(), "seed {seed}");
        assert_eq!((full.digest, &full.metrics), (plain.digest, &plain.metrics), "seed {seed}");
        let events = run(&subject, &recipe, Detail::Events).unwrap();
        let (full, events) = (full.trace.unwrap(), events.trace.unwrap());
        assert_eq!((full.digest, full.events), (events.digest, events.events), "seed {seed}");
        let spelled_out = recipe.spelled_out(&subject).unwrap();
        assert!(spelled_out.operations.iter().all(|planned| planned.request.is_some()));
        let again = Recipe::from_json(&spelled_out.to_json()).unwrap();
        assert_eq!(plain.digest, run(&subject, &again, Detail::Verdict).unwrap().digest);
    }
}

#[test]
fn every_effect_has_a_cause_that_came_before_it() {
    for seed in 0..20 {
        let trace = world::<Gossip>(&Recipe::draw("test", "g-set", swarm(seed), seed));
        let trace = trace.trace.unwrap();
        for (at, event) in trace.events.iter().enumerate() {
            if let Some(cause) = event.cause {
                assert!(cause.index() < at, "seed {seed}: event {at} {event:?}");
                assert!(trace.events[cause.index()].at <= event.at);
            }
            let caused = !matches!(
                event.kind,
                EventKind::Start | EventKind::Invoke { .. } | EventKind::FaultBegin { .. }
            );
            assert!(event.cause.is_some() || !caused, "seed {seed}: event {at} {event:?}");
        }
        assert!(trace.events.windows(2).all(|pair| pair[0].at <= pair[1].at));
    }
}

#[test]
fn a_shrunk_recipe_is_minimal() {
    let config = Config { faults: [FaultKind::Crash].into(), nodes: 3, ..Config::standard() };
    let subject = Hosted::<Durable<false>>::new("test", JUDGING);
    let fails = |recipe: &Recipe| {
        let run = run(&subject, recipe, Detail::Verdict).unwrap();
        run.verdict.findings.iter().any(|finding| finding.id == "SET-LOST")
    };
    let failing =
        (0..).map(|seed| Recipe::draw("test", "g-set", config.clone(), seed)).find(&fails).unwrap();
    let shrunk = shrink(&subject, &failing, "SET-LOST", 5_000).unwrap();
    assert!(shrunk.minimal);
    let small = &shrunk.recipe;
    // The element is added, its node crashes, and somebody looks.
    assert_eq!((small.operations.len(), small.faults.len(), small.config.nodes), (2, 1, 1));
    for at in 0..2 {
        let mut smaller = small.clone();
        smaller.operations.remove(at);
        assert!(!fails(&smaller), "operation {at} was not needed");
    }
    let mut calmer = small.clone();
    calmer.faults.clear();
    assert!(!fails(&calmer));
    assert_eq!(shrink(&subject, &calmer, "SET-LOST", 10), None);
}

/// What a run is must not change from one version to the next: a change here is breaking, and
/// stands in the changelog.
#[test]
fn golden_digests() {
    let digests: Vec<String> = (0..20)
        .map(|seed| {
            let run = world::<Gossip>(&Recipe::draw("test", "g-set", swarm(seed), seed));
            format!("{:016x}", run.digest)
        })
        .collect();
    let golden: Vec<&str> = include_str!("golden_digests.txt").lines().collect();
    assert!(digests == golden, "the digests are now:\n{}", digests.join("\n"));
}

/// An idle cluster costs nothing: a simulated week of a node that only ticks is soon over.
#[test]
fn idle_time_costs_only_its_events() {
    let mut recipe = recipe(Config { duration: Duration::from_secs(86_400), ..quiet(1) });
    recipe.config.events_max = 10_000_000;
    let run = run(&Hosted::<Gossip>::new("test", JUDGING), &recipe, Detail::Verdict).unwrap();
    assert!((864_000..865_000).contains(&run.metrics.events), "{}", run.metrics.events);
}
