//! The explorer once more, as plainly as it can be said: whole worlds as values, every handler run
//! anew, nothing remembered. Slow, and written from `bounds.rs` alone.

#![expect(clippy::disallowed_types, reason = "its order reaches no verdict")]

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use splitbrain_core::{
    Choices, Context, Disk, Effect, Node, NodeId, Request, RequestId, Response, Time,
};
use splitbrain_explore::{Asking, Budget, Cuts, Model, Order, Says, Timers};

type Answer<N> = Result<Response<N>, (splitbrain_core::ErrorCode, String)>;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Seat<N: Node> {
    up: Option<N>,
    disk: N::Disk,
    /// Timer, shortest and longest time, and the tick before which it does not expire.
    timers: Vec<(N::Timer, u64, u64, u64)>,
    ticks: u64,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Content<M, Q, R> {
    Message(M),
    Request(RequestId, Q),
    Answer(RequestId, R),
}

type Packet<N> = (u16, u16, Content<<N as Node>::Message, Request<N>, Answer<N>>);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Fate<R> {
    Open,
    Lost,
    Answered(R),
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct World<N: Node> {
    seats: Vec<Seat<N>>,
    /// Sorted, or in the order of sending link by link.
    packets: Vec<Packet<N>>,
    operations: Vec<Vec<Fate<Answer<N>>>>,
    /// Which operation had ended before which began.
    precedes: Precedes,
    left: BTreeMap<&'static str, Budget>,
    cut: BTreeSet<(u16, u16)>,
    claims: BTreeSet<Claim>,
}

/// Name, subject and value.
type Claim = (&'static str, u64, u64);

/// What the search found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    pub(crate) unique: u64,
    pub(crate) depth: u32,
    /// The fewest steps to something wrong.
    pub(crate) wrong: Option<usize>,
    /// The fewest steps to each goal.
    pub(crate) goals: Vec<Option<usize>>,
}

/// Which operation had ended before which began: client and number of both.
pub(crate) type Precedes = BTreeSet<((usize, usize), (usize, usize))>;

/// Whether something is wrong with what clients saw: their answers, and what preceded what.
pub(crate) type Unfair<N> = fn(&[Vec<Option<Response<N>>>], &Precedes) -> bool;

pub(crate) struct Naive<'a, N: Node> {
    pub(crate) model: &'a Model<N>,
    pub(crate) unfair: Option<Unfair<N>>,
    pub(crate) at_most: usize,
}

/// One way in which a seat may react.
struct Way<N: Node> {
    seat: Seat<N>,
    sends: Vec<(u16, N::Message)>,
    answers: Vec<(RequestId, Answer<N>)>,
    claims: Vec<Claim>,
    cost: Option<&'static str>,
    wrong: bool,
}

enum Given<N: Node> {
    Start,
    Message(u16, N::Message),
    Request(RequestId, Request<N>),
    Timer(N::Timer),
}

impl<N: Node> Naive<'_, N> {
    /// Searches everything; `None` if that is too much.
    pub(crate) fn search(&self) -> Option<Found> {
        let mut seen: HashMap<World<N>, usize> = HashMap::new();
        let mut queue: VecDeque<World<N>> = VecDeque::new();
        if self.broken_from_the_start() {
            return Some(Found { unique: 0, depth: 0, wrong: Some(0), goals: Vec::new() });
        }
        for first in self.first() {
            if seen.insert(first.clone(), 0).is_none() {
                queue.push_back(first);
            }
        }
        let goals = self.model.properties.iter().filter(|p| matches!(p.says, Says::Reachable(_)));
        let mut found =
            Found { unique: 0, depth: 0, wrong: None, goals: vec![None; goals.count()] };
        while let Some(world) = queue.pop_front() {
            let steps = seen[&world];
            found.depth = found.depth.max(u32::try_from(steps).unwrap() + 1);
            self.look(&world, steps, &mut found);
            for (next, wrong) in self.next(&world) {
                if wrong {
                    found.wrong = Some(found.wrong.map_or(steps + 1, |least| least.min(steps + 1)));
                    continue;
                }
                if !seen.contains_key(&next) {
                    seen.insert(next.clone(), steps + 1);
                    queue.push_back(next);
                }
            }
            if seen.len() > self.at_most {
                return None;
            }
        }
        found.unique = seen.len() as u64;
        Some(found)
    }

    fn look(&self, world: &World<N>, steps: usize, found: &mut Found) {
        let up = |seat: usize| world.seats[seat].up.as_ref();
        let mut goal = 0;
        let mut wrong = false;
        for property in &self.model.properties {
            match &property.says {
                Says::Node(holds) => {
                    for (at, seat) in (0..).zip(&world.seats) {
                        let node = seat.up.as_ref();
                        wrong |= node.is_some_and(|node| !holds(NodeId(at), node, &seat.disk));
                    }
                }
                Says::Pair(holds) => {
                    for one in 0..world.seats.len() {
                        for other in (0..world.seats.len()).filter(|other| *other != one) {
                            if let (Some(one), Some(other)) = (up(one), up(other)) {
                                wrong |= !holds(one, other);
                            }
                        }
                    }
                }
                Says::World(holds) => wrong |= !holds(&view(world)),
                Says::Eventually(_) | Says::LeadsTo(..) => {}
                Says::Reachable(holds) => {
                    if holds(&view(world)) {
                        let least = found.goals[goal].get_or_insert(steps);
                        *least = (*least).min(steps);
                    }
                    goal += 1;
                }
            }
        }
        let answer = |fate: &Fate<Answer<N>>| match fate {
            Fate::Answered(Ok(response)) => Some(response.clone()),
            _ => None,
        };
        let answers: Vec<Vec<_>> =
            world.operations.iter().map(|all| all.iter().map(answer).collect()).collect();
        for (name, subject, value) in &world.claims {
            let other = |claim: &&Claim| (claim.0, claim.1) == (*name, *subject);
            wrong |= world.claims.iter().filter(other).any(|claim| claim.2 != *value);
        }
        wrong |= self.unfair.is_some_and(|unfair| unfair(&answers, &world.precedes));
        if wrong {
            found.wrong = Some(found.wrong.map_or(steps, |least| least.min(steps)));
        }
    }

    fn broken_from_the_start(&self) -> bool {
        let disk = N::Disk::default();
        let down = Seat { up: None, disk, timers: Vec::new(), ticks: 0 };
        let wrong = |node| self.ways(node, &down, &Given::Start).iter().any(|way| way.wrong);
        (0..self.model.nodes).any(wrong)
    }

    fn first(&self) -> Vec<World<N>> {
        let bounds = &self.model.bounds;
        let left = [
            ("expire", bounds.expiries),
            ("lose", bounds.losses),
            ("double", bounds.duplicates),
            ("crash", bounds.crashes),
            ("partition", bounds.partitions),
            ("give up", bounds.impatience),
            ("lie", bounds.lies),
        ];
        let mut worlds = vec![World {
            seats: Vec::new(),
            packets: Vec::new(),
            operations: vec![Vec::new(); self.model.clients.len()],
            precedes: BTreeSet::new(),
            left: left.into(),
            cut: BTreeSet::new(),
            claims: BTreeSet::new(),
        }];
        for node in 0..self.model.nodes {
            let down = Seat { up: None, disk: N::Disk::default(), timers: Vec::new(), ticks: 0 };
            let ways = self.ways(node, &down, &Given::Start);
            let mut longer = Vec::new();
            for world in &worlds {
                for way in ways.iter().filter(|way| way.cost.is_none()) {
                    let mut world = world.clone();
                    world.seats.push(way.seat.clone());
                    self.send(&mut world, node, way);
                    longer.push(world);
                }
            }
            worlds = longer;
        }
        if bounds.asking == Asking::ByMessage {
            for world in &mut worlds {
                for client in 0..self.model.clients.len() {
                    if let Some(packet) = self.ask(world, client) {
                        self.put(world, packet);
                    }
                }
            }
        }
        worlds
    }

    // Handlers.

    fn ways(&self, node: u16, seat: &Seat<N>, given: &Given<N>) -> Vec<Way<N>> {
        let mut ways = Vec::new();
        let mut tapes = vec![Vec::new()];
        while let Some(tape) = tapes.pop() {
            let length = tape.len();
            let (node_after, mut cx) = self.run(node, seat, given, tape);
            let Choices::Tape(taken, _) = cx.choices().clone() else { unreachable!() };
            // Whatever was chosen as 0 beyond the tape that was given may be chosen otherwise.
            for at in length..taken.len() {
                for other in 1..taken[at].1 {
                    let mut tape = taken[..at].to_vec();
                    tape.push((other, taken[at].1));
                    tapes.push(tape);
                }
            }
            let effects: Vec<Effect<N>> = cx.effects().drain(..).collect();
            let disk = cx.disk;
            let whole = self.perform(seat, node_after, &disk, &effects);
            ways.extend(self.lies(node, seat, &whole));
            let crashes = !whole.wrong && self.model.bounds.crashes != Budget::NONE;
            ways.push(whole);
            if crashes {
                for happened in 0..effects.len() {
                    ways.extend(self.crashes(seat, &disk, &effects, happened));
                }
            }
        }
        ways
    }

    fn run(
        &self,
        node: u16,
        seat: &Seat<N>,
        given: &Given<N>,
        tape: Vec<(u32, u32)>,
    ) -> (N, Context<N>) {
        let tape = Choices::Tape(tape, 0);
        let mut cx = Context::boot(NodeId(node), self.model.nodes, seat.disk.clone(), tape);
        let tick = self.model.bounds.clocks.map_or(0, |clocks| clocks.tick.as_nanos());
        let now = Time::from_nanos(u64::try_from(tick).unwrap() * seat.ticks);
        cx.wind(now, now);
        let state = seat.up.clone();
        let state = match (given, state) {
            (Given::Start, _) => N::start(&mut cx),
            (_, None) => panic!("a node that is down handles nothing"),
            (Given::Message(from, message), Some(mut state)) => {
                state.on_message(&mut cx, NodeId(*from), message.clone());
                state
            }
            (Given::Request(id, request), Some(mut state)) => {
                state.on_request(&mut cx, *id, request.clone());
                state
            }
            (Given::Timer(timer), Some(mut state)) => {
                state.on_timer(&mut cx, timer.clone());
                state
            }
        };
        (state, cx)
    }

    fn perform(&self, seat: &Seat<N>, up: N, disk: &N::Disk, effects: &[Effect<N>]) -> Way<N> {
        let bounds = &self.model.bounds;
        let mut after = Seat { up: Some(up), disk: disk.clone(), ..seat.clone() };
        let mut wrong = false;
        for effect in effects {
            match effect {
                Effect::Sync { writes } => after.disk.sync(*writes),
                Effect::SetTimer { timer, low, high } if bounds.expiries != Budget::NONE => {
                    after.timers.retain(|(other, ..)| other != timer);
                    let ticks =
                        bounds.clocks.map_or(0, |clocks| u128::from(*low) / clocks.tick.as_nanos());
                    let due = seat.ticks + u64::try_from(ticks).unwrap();
                    match bounds.timers {
                        Timers::Ordered => after.timers.push((timer.clone(), *low, *high, due)),
                        Timers::Any => after.timers.push((timer.clone(), 0, 0, due)),
                    }
                    if bounds.timers == Timers::Any {
                        after.timers.sort();
                    }
                }
                Effect::CancelTimer(timer) => after.timers.retain(|(other, ..)| other != timer),
                Effect::Violated(_) => wrong = true,
                _ => {}
            }
        }
        let (sends, answers) = said(effects, self.model.nodes);
        Way { seat: after, sends, answers, claims: claims(effects), cost: None, wrong }
    }

    fn lies(&self, node: u16, seat: &Seat<N>, whole: &Way<N>) -> Vec<Way<N>> {
        let bounds = &self.model.bounds;
        let mut lies = Vec::new();
        if bounds.lies == Budget::NONE || !bounds.liars.contains(&NodeId(node)) {
            return lies;
        }
        let _ = seat;
        let lie = |sends: Vec<(u16, N::Message)>| Way {
            seat: whole.seat.clone(),
            sends,
            answers: whole.answers.clone(),
            claims: whole.claims.clone(),
            cost: Some("lie"),
            wrong: whole.wrong,
        };
        for at in 0..whole.sends.len() {
            let mut fewer = whole.sends.clone();
            let (to, message) = fewer.remove(at);
            lies.push(lie(fewer));
            for other in self.model.forge.map_or_else(Vec::new, |forge| forge(&message)) {
                let mut forged = whole.sends.clone();
                forged[at] = (to, other);
                lies.push(lie(forged));
            }
        }
        lies
    }

    /// The node stops after so many effects. What the syncs among them cover is durable; a later
    /// sync that has begun may have got any part of its writes to the disk.
    fn crashes(
        &self,
        seat: &Seat<N>,
        disk: &N::Disk,
        effects: &[Effect<N>],
        happened: usize,
    ) -> Vec<Way<N>> {
        let mut durable = 0;
        for effect in &effects[..happened] {
            if let Effect::Sync { writes } = effect {
                durable += writes;
            }
        }
        let under_way = effects[happened..].iter().find_map(|effect| match effect {
            Effect::Sync { writes } => Some(durable + writes),
            _ => None,
        });
        let most = under_way.unwrap_or(disk.unsynced());
        let mut ways = Vec::new();
        for kept in durable..=most {
            for torn in [false, true] {
                if torn && (!self.model.bounds.torn || kept == most) {
                    continue;
                }
                let mut disk = disk.clone();
                disk.crash(kept, torn);
                let seat = Seat { up: None, disk, timers: Vec::new(), ticks: seat.ticks };
                let (sends, answers) = said(&effects[..happened], self.model.nodes);
                let claims = claims(&effects[..happened]);
                ways.push(Way { claims, seat, sends, answers, cost: Some("crash"), wrong: false });
            }
        }
        ways
    }

    // Steps.

    fn next(&self, world: &World<N>) -> Vec<(World<N>, bool)> {
        let mut next = Vec::new();
        self.deliveries(world, &mut next);
        for node in 0..self.model.nodes {
            self.by_node(world, node, &mut next);
        }
        for client in 0..self.model.clients.len() {
            self.by_client(world, client, &mut next);
        }
        if world.cut.is_empty() {
            for cut in self.cuts() {
                next.extend(spend(world, "partition").map(|world| (World { cut, ..world }, false)));
            }
        } else {
            next.push((World { cut: BTreeSet::new(), ..world.clone() }, false));
        }
        next
    }

    fn deliveries(&self, world: &World<N>, next: &mut Vec<(World<N>, bool)>) {
        let fifo = self.model.bounds.order == Order::Fifo;
        for (at, packet) in world.packets.iter().enumerate() {
            let (from, to, content) = packet;
            let earlier = &world.packets[..at];
            let waits = if fifo {
                earlier.iter().any(|(f, t, _)| (f, t) == (from, to))
            } else {
                earlier.contains(packet)
            };
            if waits {
                continue;
            }
            let mut without = world.clone();
            without.packets.remove(at);
            if *to >= self.model.nodes {
                let Content::Answer(id, answer) = content else { unreachable!() };
                let mut after = without.clone();
                if self.answered(&mut after, *id, answer) {
                    if let Some(packet) = self.ask(&mut after, id.client as usize) {
                        self.put(&mut after, packet);
                    }
                    next.push((after, false));
                } else if fifo {
                    next.push((without, false));
                }
                continue;
            }
            let given = match content {
                Content::Message(message) => Given::Message(*from, message.clone()),
                Content::Request(id, request) => Given::Request(*id, request.clone()),
                Content::Answer(..) => unreachable!(),
            };
            self.give(&without, *to, &given, fifo, next);
            let is_between_nodes = *from < self.model.nodes && from != to;
            if is_between_nodes {
                if let Some(world) = spend(world, "double") {
                    self.give(&world, *to, &given, fifo, next);
                }
                next.extend(spend(&without, "lose").map(|world| (world, false)));
            }
        }
    }

    /// All that may come of giving a node something. `even_if_nothing` says whether it counts that
    /// the input is gone.
    fn give(
        &self,
        world: &World<N>,
        node: u16,
        given: &Given<N>,
        even_if_nothing: bool,
        next: &mut Vec<(World<N>, bool)>,
    ) {
        let seat = &world.seats[usize::from(node)];
        if seat.up.is_none() && !matches!(given, Given::Start) {
            if even_if_nothing {
                next.push((world.clone(), false));
            }
            return;
        }
        let mut before = seat.clone();
        if let Given::Timer(timer) = given {
            before.timers.retain(|(other, ..)| other != timer);
        }
        for way in self.ways(node, &before, given) {
            let nothing = way.seat == *seat
                && way.sends.is_empty()
                && way.answers.is_empty()
                && way.claims.is_empty();
            if nothing && !way.wrong && !even_if_nothing {
                continue;
            }
            let after = match way.cost {
                None => Some(world.clone()),
                Some(cost) => spend(world, cost),
            };
            let Some(mut after) = after else { continue };
            after.seats[usize::from(node)] = way.seat.clone();
            self.send(&mut after, node, &way);
            next.push((after, way.wrong));
        }
    }

    fn by_node(&self, world: &World<N>, node: u16, next: &mut Vec<(World<N>, bool)>) {
        let bounds = &self.model.bounds;
        let seat = &world.seats[usize::from(node)];
        for (at, (timer, low, _, due)) in seat.timers.iter().enumerate() {
            let ordered = bounds.timers == Timers::Ordered;
            let waits = ordered && seat.timers[..at].iter().any(|(_, _, high, _)| high <= low);
            if let (false, true, Some(world)) = (waits, *due <= seat.ticks, spend(world, "expire"))
            {
                self.give(&world, node, &Given::Timer(timer.clone()), false, next);
            }
        }
        if seat.up.is_none() {
            self.give(world, node, &Given::Start, true, next);
        } else if let Some(world) = spend(world, "crash") {
            let disk = &seat.disk;
            for way in self.crashes(seat, disk, &[], 0) {
                let mut world = world.clone();
                world.seats[usize::from(node)] = way.seat;
                next.push((world, false));
            }
        }
        if let Some(clocks) = bounds.clocks {
            let slowest = world.seats.iter().map(|seat| seat.ticks).min().unwrap();
            if seat.ticks < u64::from(clocks.ticks) && seat.ticks < slowest + u64::from(clocks.skew)
            {
                let mut world = world.clone();
                world.seats[usize::from(node)].ticks += 1;
                next.push((world, false));
            }
        }
    }

    fn by_client(&self, world: &World<N>, client: usize, next: &mut Vec<(World<N>, bool)>) {
        let waits = matches!(world.operations[client].last(), Some(Fate::Open));
        if waits {
            if let Some(mut world) = spend(world, "give up") {
                *world.operations[client].last_mut().unwrap() = Fate::Lost;
                if self.model.bounds.asking == Asking::ByMessage
                    && let Some(packet) = self.ask(&mut world, client)
                {
                    self.put(&mut world, packet);
                }
                next.push((world, false));
            }
        } else if self.model.bounds.asking == Asking::AtOnce {
            let mut asked = world.clone();
            if let Some((_, to, Content::Request(id, request))) = self.ask(&mut asked, client) {
                let is_up = world.seats[usize::from(to)].up.is_some();
                if is_up || self.model.bounds.impatience != Budget::NONE {
                    self.give(&asked, to, &Given::Request(id, request), true, next);
                }
            }
        }
    }

    // Clients.

    fn ask(&self, world: &mut World<N>, client: usize) -> Option<Packet<N>> {
        let at = world.operations[client].len();
        let (node, request) = self.model.clients[client].get(at)?.clone();
        for (other, operations) in world.operations.iter().enumerate() {
            for (nth, fate) in operations.iter().enumerate() {
                if over::<N>(fate) {
                    world.precedes.insert(((other, nth), (client, at)));
                }
            }
        }
        world.operations[client].push(Fate::Open);
        let number = |index: usize| u32::try_from(index).unwrap();
        let id = RequestId { client: number(client), sequence: number(at) };
        let from = self.model.nodes + u16::try_from(client).unwrap();
        Some((from, node.0, Content::Request(id, request)))
    }

    fn answered(&self, world: &mut World<N>, id: RequestId, answer: &Answer<N>) -> bool {
        let Some(operations) = world.operations.get_mut(id.client as usize) else { return false };
        let is_last = operations.len() == id.sequence as usize + 1;
        match operations.last_mut() {
            Some(fate @ Fate::Open) if is_last => {
                *fate = Fate::Answered(answer.clone());
                true
            }
            _ => false,
        }
    }

    // The network.

    fn send(&self, world: &mut World<N>, node: u16, way: &Way<N>) {
        world.claims.extend(&way.claims);
        for (to, message) in &way.sends {
            if !world.cut.contains(&(node, *to)) {
                self.put(world, (node, *to, Content::Message(message.clone())));
            }
        }
        for (id, answer) in &way.answers {
            if self.model.bounds.asking == Asking::ByMessage {
                let to = self.model.nodes + u16::try_from(id.client).unwrap();
                self.put(world, (node, to, Content::Answer(*id, answer.clone())));
            } else {
                self.answered(world, *id, answer);
            }
        }
    }

    fn put(&self, world: &mut World<N>, packet: Packet<N>) {
        world.packets.push(packet);
        match self.model.bounds.order {
            Order::Any => world.packets.sort(),
            Order::Fifo => world.packets.sort_by_key(|(from, to, _)| (*from, *to)),
        }
        if self.model.bounds.alike == Budget(1) {
            world.packets.dedup();
        }
    }

    fn cuts(&self) -> BTreeSet<BTreeSet<(u16, u16)>> {
        let nodes = self.model.nodes;
        let mut cuts = BTreeSet::new();
        for group in 1..(1_u32 << nodes) - 1 {
            let inside = |node: u16| group & 1 << node != 0;
            let pairs = || (0..nodes).flat_map(|one| (0..nodes).map(move |other| (one, other)));
            let out: BTreeSet<_> =
                pairs().filter(|(one, other)| inside(*one) && !inside(*other)).collect();
            let both: BTreeSet<_> =
                pairs().filter(|(one, other)| inside(*one) != inside(*other)).collect();
            let one_alone = group.count_ones() == 1;
            match self.model.bounds.cuts {
                Cuts::Isolate if !one_alone => {}
                Cuts::Isolate | Cuts::Groups => _ = cuts.insert(both),
                Cuts::OneWay => {
                    cuts.insert(both);
                    cuts.insert(out);
                }
            }
        }
        cuts
    }
}

fn over<N: Node>(fate: &Fate<Answer<N>>) -> bool {
    match fate {
        Fate::Open | Fate::Lost => false,
        Fate::Answered(Ok(_)) => true,
        Fate::Answered(Err((code, _))) => code.is_definite(),
    }
}

#[expect(clippy::type_complexity, reason = "what was sent, and what was answered")]
fn said<N: Node>(
    effects: &[Effect<N>],
    nodes: u16,
) -> (Vec<(u16, N::Message)>, Vec<(RequestId, Answer<N>)>) {
    let (mut sends, mut answers) = (Vec::new(), Vec::new());
    for effect in effects {
        match effect {
            Effect::Send { to, message, .. } if to.0 < nodes => sends.push((to.0, message.clone())),
            Effect::Reply { request, answer, .. } => answers.push((*request, answer.clone())),
            _ => {}
        }
    }
    (sends, answers)
}

fn claims<N: Node>(effects: &[Effect<N>]) -> Vec<Claim> {
    let claim = |effect: &Effect<N>| match effect {
        Effect::Agree { name, subject, value } => Some((*name, *subject, *value)),
        _ => None,
    };
    effects.iter().filter_map(claim).collect()
}

fn spend<N: Node>(world: &World<N>, what: &'static str) -> Option<World<N>> {
    let mut world = world.clone();
    match world.left.get_mut(what).expect("every budget is there") {
        Budget(0) => return None,
        &mut Budget::UNLIMITED => {}
        Budget(left) => *left -= 1,
    }
    Some(world)
}

fn view<N: Node>(world: &World<N>) -> splitbrain_explore::View<'_, N> {
    let message = |packet: &'_ Packet<N>| match packet {
        (from, to, Content::Message(_)) => Some((NodeId(*from), NodeId(*to))),
        _ => None,
    };
    let messages = world.packets.iter().filter_map(|packet| {
        let (from, to) = message(packet)?;
        let Content::Message(message) = &packet.2 else { return None };
        Some((from, to, message))
    });
    let answered = |fate: &&Fate<Answer<N>>| matches!(fate, Fate::Answered(_));
    splitbrain_explore::View {
        nodes: world.seats.iter().map(|seat| seat.up.as_ref()).collect(),
        disks: world.seats.iter().map(|seat| &seat.disk).collect(),
        messages: messages.collect(),
        answered: world.operations.iter().map(|all| all.iter().filter(answered).count()).collect(),
    }
}
