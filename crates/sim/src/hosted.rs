//! Typed nodes as a [`Cluster`]: the thin layer between the world's numbers and a node's values.

use std::any::type_name;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::marker::PhantomData;

use splitbrain_core::workload::{Topology, Workload};
use splitbrain_core::{
    Choices, Context, Described, Disk, DiskLoss, Effect, Fingerprint, MessageText, Node, NodeId,
    OperationId, ProcessId, RequestId, Stamp, Verdict, caught,
};

use crate::clients::{Clients, Judging};
use crate::cluster::{Act, Ask, Clocks, Cluster, Failure, Input, Slot};
use crate::recipe::stream;
use crate::slab::Slab;
use crate::{Planned, Recipe, RecipeError, Subject};

/// The requests that set a node up are nobody's operation.
const SETUP: RequestId = RequestId { client: u32::MAX, sequence: u32::MAX };

/// One handler in so many is run twice, on equal inputs, to see whether it does the same.
const GUARD_EVERY: u32 = 61;

/// The node `N` as a program that can be tested.
pub struct Hosted<N: Node<Api: Workload>> {
    name: String,
    judging: Judging<N::Api>,
    models: &'static [&'static str],
    node: PhantomData<fn() -> N>,
}

impl<N: Node<Api: Workload>> Hosted<N> {
    /// The node under a name, with the judge of its workload.
    pub fn new(name: impl Into<String>, judging: Judging<N::Api>) -> Self {
        Self { name: name.into(), judging, models: &[], node: PhantomData }
    }

    /// The same node, which promises these consistency models, and not what its workload does. A
    /// recipe may say otherwise.
    #[must_use]
    pub fn promising(mut self, models: &'static [&'static str]) -> Self {
        self.models = models;
        self
    }
}

impl<N: Node<Api: Workload>> Debug for Hosted<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hosted<{}>({})", type_name::<N>(), self.name)
    }
}

impl<N: Node<Api: Workload>> Subject for Hosted<N> {
    fn name(&self) -> &str {
        &self.name
    }

    fn workload(&self) -> &'static str {
        N::Api::NAME
    }

    fn cluster(&self, recipe: &Recipe) -> Result<Box<dyn Cluster>, RecipeError> {
        Ok(Box::new(Nodes::<N>::new(recipe, self.judging, self.models)?))
    }
}

/// A cluster of nodes of one type.
struct Nodes<N: Node<Api: Workload>> {
    seats: Vec<Seat<N>>,
    messages: Slab<N::Message>,
    clients: Clients<N::Api>,
    topology: Topology,
    has_setup: bool,
    until_guard: u32,
}

/// What belongs to one node: its state while it is up, and what outlives it.
struct Seat<N: Node> {
    state: Option<N>,
    cx: Context<N>,
    timers: Timers<N::Timer>,
}

/// Armed timers under numbers.
struct Timers<T> {
    slots: BTreeMap<T, Slot>,
    names: Slab<T>,
}

impl<T: Clone + Ord> Timers<T> {
    fn arm(&mut self, timer: T) -> Slot {
        if let Some(slot) = self.slots.get(&timer) {
            return *slot;
        }
        let slot = self.names.insert(timer.clone());
        self.slots.insert(timer, slot);
        slot
    }

    fn disarm(&mut self, timer: &T) -> Option<Slot> {
        let slot = self.slots.remove(timer)?;
        self.names.remove(slot);
        Some(slot)
    }

    fn expire(&mut self, slot: Slot) -> Option<T> {
        let timer = self.names.remove(slot)?;
        self.slots.remove(&timer);
        Some(timer)
    }
}

/// A handler and its input.
#[derive(Clone)]
enum Call<N: Node> {
    Start,
    Request(RequestId, splitbrain_core::Request<N>),
    Message(NodeId, N::Message),
    Timer(N::Timer),
}

impl<N: Node> Call<N> {
    /// Runs the handler on `state`.
    fn run(self, state: &mut Option<N>, cx: &mut Context<N>) {
        match (self, state) {
            (Self::Start, state) => *state = Some(N::start(cx)),
            (_, None) => {}
            (Self::Request(id, request), Some(node)) => node.on_request(cx, id, request),
            (Self::Message(from, message), Some(node)) => node.on_message(cx, from, message),
            (Self::Timer(timer), Some(node)) => node.on_timer(cx, timer),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Start => "start".into(),
            Self::Request(_, request) => format!("on_request({request:?})"),
            Self::Message(from, message) => format!("on_message({message:?} from {from})"),
            Self::Timer(timer) => format!("on_timer({timer:?})"),
        }
    }
}

impl<N: Node<Api: Workload>> Nodes<N> {
    fn new(
        recipe: &Recipe,
        judging: Judging<N::Api>,
        models: &[&str],
    ) -> Result<Self, RecipeError> {
        let config = &recipe.config;
        let choices = recipe.key().derive(stream::CHOICES);
        let seat = |id: NodeId| Seat {
            state: None,
            cx: Context::boot(
                id,
                config.nodes,
                N::Disk::default(),
                Choices::Random(choices.derive(u64::from(id.0)), 0),
            ),
            timers: Timers { slots: BTreeMap::new(), names: Slab::default() },
        };
        Ok(Self {
            seats: NodeId::all(config.nodes).map(seat).collect(),
            messages: Slab::default(),
            clients: Clients::new(recipe, judging, models)?,
            topology: config.topology,
            has_setup: N::Api::setup(NodeId(0), config.nodes, config.topology).is_some(),
            until_guard: 1,
        })
    }

    /// The handler's input with its types; `None` if there is nothing to handle.
    fn call(&mut self, node: NodeId, input: Input) -> Option<Call<N>> {
        Some(match input {
            Input::Start => Call::Start,
            Input::Setup => {
                let nodes = u16::try_from(self.seats.len()).unwrap_or(u16::MAX);
                Call::Request(SETUP, N::Api::setup(node, nodes, self.topology)?)
            }
            Input::Request(operation) => {
                let history = self.clients.history();
                let client = history.operations[operation.index()].process.0;
                let id = RequestId { client, sequence: operation.0 };
                Call::Request(id, self.clients.request(operation).clone())
            }
            Input::Message { from, message, keep: true } => {
                Call::Message(from, self.messages.get(message)?.clone())
            }
            Input::Message { from, message, keep: false } => {
                Call::Message(from, self.messages.remove(message)?)
            }
            Input::Timer(slot) => Call::Timer(self.seats[node.index()].timers.expire(slot)?),
        })
    }

    /// Hides the types of what the handler asked for.
    fn translate(&mut self, node: NodeId, acts: &mut Vec<Act>) {
        let Self { seats, messages, clients, .. } = self;
        let Seat { cx, timers, .. } = &mut seats[node.index()];
        let mut effects = std::mem::take(cx.effects());
        acts.extend(effects.drain(..).filter_map(|effect| match effect {
            Effect::Send { to, message, at } => {
                let (hash, bytes) = Fingerprint::of(&message);
                let message = messages.insert(message);
                Some(Act::Send { to, message, hash, bytes, source: Some(at) })
            }
            Effect::Reply { request: SETUP, .. } => None,
            Effect::Reply { request, answer, at } => {
                let (hash, _) = Fingerprint::of(&answer);
                let (answer, kind) = clients.keep(answer);
                Some(Act::Reply { request, answer, kind, hash, source: Some(at) })
            }
            Effect::SetTimer { timer, low, high } => {
                Some(Act::SetTimer { timer: timers.arm(timer), low, high })
            }
            Effect::CancelTimer(timer) => timers.disarm(&timer).map(Act::CancelTimer),
            Effect::Write { writes } => Some(Act::Write { writes }),
            Effect::Sync { writes } => Some(Act::Sync { writes }),
            Effect::Note(text) => Some(Act::Note(text.into_owned())),
            Effect::Role(name) => Some(Act::Role(name)),
            Effect::Violated(name) => Some(Act::Violated(name)),
            Effect::Agree { name, subject, value } => Some(Act::Agree { name, subject, value }),
            Effect::Reached(name) => Some(Act::Reached(name)),
        }));
        // Keep the allocation for the next handler.
        *cx.effects() = effects;
    }
}

impl<N: Node<Api: Workload>> Cluster for Nodes<N> {
    fn handle(
        &mut self,
        node: NodeId,
        input: Input,
        clocks: Clocks,
        acts: &mut Vec<Act>,
    ) -> Result<(), Failure> {
        let Some(call) = self.call(node, input) else { return Ok(()) };
        let seat = &mut self.seats[node.index()];
        seat.cx.wind(clocks.now, clocks.wall);
        self.until_guard -= 1;
        if self.until_guard > 0 {
            catch(|| call.run(&mut seat.state, &mut seat.cx))?;
        } else {
            self.until_guard = GUARD_EVERY;
            guarded(call, &mut seat.state, &mut seat.cx)?;
        }
        self.translate(node, acts);
        Ok(())
    }

    fn has_setup(&self) -> bool {
        self.has_setup
    }

    fn synced(&mut self, node: NodeId, writes: u32) {
        self.seats[node.index()].cx.disk.sync(writes);
    }

    fn crash(&mut self, node: NodeId, undone: u32, loss: DiskLoss) -> u32 {
        let Seat { state, cx, timers } = &mut self.seats[node.index()];
        *state = None;
        timers.slots.clear();
        timers.names = Slab::default();
        let unsynced = cx.disk.unsynced().saturating_sub(undone);
        let (kept, torn) = match loss {
            DiskLoss::KeepAll => (unsynced, false),
            DiskLoss::LoseAll => (0, false),
            DiskLoss::KeepPrefix(kept) => (kept.min(unsynced), false),
            DiskLoss::Torn(kept) => (kept.min(unsynced), true),
            DiskLoss::Wipe => {
                cx.disk = N::Disk::default();
                return unsynced;
            }
        };
        cx.disk.crash(kept, torn);
        unsynced - kept
    }

    fn rot(&mut self, node: NodeId, pick: u64) {
        self.seats[node.index()].cx.disk.rot(pick);
    }

    fn copy(&mut self, message: Slot) -> Slot {
        let copy = self.messages.get(message).cloned();
        copy.map_or(message, |copy| self.messages.insert(copy))
    }

    fn forget(&mut self, message: Slot) {
        self.messages.remove(message);
    }

    fn message(&self, message: Slot) -> MessageText {
        self.messages.get(message).map_or_else(MessageText::default, |message| {
            let body = format!("{message:?}");
            let word = body.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(body.len());
            let label = if word == 0 { "message" } else { &body[..word] };
            MessageText { label: label.into(), body }
        })
    }

    fn answer(&self, answer: Slot) -> MessageText {
        self.clients.answer(answer)
    }

    fn timer(&self, node: NodeId, timer: Slot) -> String {
        let names = &self.seats[node.index()].timers.names;
        names.get(timer).map_or_else(String::new, |timer| format!("{timer:?}"))
    }

    fn invoke(
        &mut self,
        ask: Ask<'_>,
        node: NodeId,
        process: ProcessId,
        invoked: Stamp,
    ) -> Option<OperationId> {
        self.clients.invoke(ask, node, process, invoked)
    }

    fn complete(&mut self, operation: OperationId, at: Stamp, answer: Option<Slot>) {
        self.clients.complete(operation, at, answer);
    }

    fn has_follow_up(&self, operation: OperationId) -> bool {
        self.clients.has_follow_up(operation)
    }

    fn is_query(&self, operation: OperationId) -> bool {
        self.clients.is_query(operation)
    }

    fn operation(&self, operation: OperationId) -> Described {
        self.clients.describe(operation)
    }

    fn request(&self, planned: &Planned) -> Option<serde_json::Value> {
        serde_json::to_value(self.clients.request_of(planned)?).ok()
    }

    fn judge(&self) -> Verdict {
        self.clients.judge()
    }

    fn history(&self) -> String {
        self.clients.write()
    }
}

/// Runs a handler twice on equal inputs; keeps the result of the first run.
fn guarded<N: Node>(
    call: Call<N>,
    state: &mut Option<N>,
    cx: &mut Context<N>,
) -> Result<(), Failure> {
    let (mut state_again, mut cx_again, call_again) = (state.clone(), cx.clone(), call.clone());
    let name = call.name();
    catch(|| call.run(state, cx))?;
    catch(|| call_again.run(&mut state_again, &mut cx_again))?;
    let differs = if cx.effects() != cx_again.effects() {
        let pair = |at: usize, cx: &mut Context<N>| {
            cx.effects().get(at).map_or_else(|| "nothing".into(), |effect| format!("{effect:?}"))
        };
        let same = |(one, other): &(&Effect<N>, &Effect<N>)| one == other;
        let at = cx.effects().iter().zip(cx_again.effects().iter()).take_while(same).count();
        Some(("asked for", pair(at, cx), pair(at, &mut cx_again)))
    } else if *state != state_again {
        Some(("became", format!("{state:?}"), format!("{state_again:?}")))
    } else if cx.disk != cx_again.disk {
        Some(("wrote", format!("{:?}", cx.disk), format!("{:?}", cx_again.disk)))
    } else {
        None
    };
    match differs {
        None => Ok(()),
        Some((what, first, second)) => Err(Failure::Nondeterministic(format!(
            "{name} run twice on the same input {what} first {first}, then {second}"
        ))),
    }
}

/// Runs `handler`; a panic in it becomes a [`Failure`] and prints nothing.
fn catch(handler: impl FnOnce()) -> Result<(), Failure> {
    caught(handler).map_err(Failure::Panic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_failure_with_its_message_and_place() {
        let failure = catch(|| panic!("the log has {} holes", 2)).unwrap_err();
        let Failure::Panic(said) = failure else { panic!("{failure:?}") };
        assert!(said.starts_with("the log has 2 holes at "), "{said}");
        assert!(said.contains("hosted.rs:"), "{said}");
    }

    #[test]
    fn timers_keep_their_number_while_armed() {
        let mut timers = Timers { slots: BTreeMap::new(), names: Slab::default() };
        let election = timers.arm("election");
        let heartbeat = timers.arm("heartbeat");
        assert_eq!(timers.arm("election"), election);
        assert_eq!(timers.expire(election), Some("election"));
        assert_eq!(timers.expire(election), None);
        assert_eq!(timers.disarm(&"heartbeat"), Some(heartbeat));
        assert_eq!(timers.disarm(&"heartbeat"), None);
    }
}
