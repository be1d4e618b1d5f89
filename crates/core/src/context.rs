//! What a handler can ask for, and the effects it leaves behind.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::panic::Location;
use std::time::Duration;

use crate::random::scale;
use crate::{Disk, ErrorCode, Key, Node, NodeId, RequestId, Response, Time};

/// What a handler asked for. Engines perform effects strictly in the order of the calls, after the
/// handler has returned.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Effect<N: Node> {
    /// Send a message to a node (perhaps to itself).
    Send {
        /// The receiver.
        to: NodeId,
        /// What is sent.
        message: N::Message,
        /// The line of the handler that sent it.
        at: &'static Location<'static>,
    },
    /// Answer a client.
    Reply {
        /// The request that is answered.
        request: RequestId,
        /// The answer, or the error and a text for people.
        answer: Result<Response<N>, (ErrorCode, String)>,
        /// The line of the handler that answered.
        at: &'static Location<'static>,
    },
    /// Arm a timer, or arm it anew, to expire after a time between the two (nanoseconds,
    /// inclusive).
    SetTimer {
        /// The timer.
        timer: N::Timer,
        /// Not sooner than this.
        low: u64,
        /// Not later than this.
        high: u64,
    },
    /// Disarm a timer, if it is armed.
    CancelTimer(N::Timer),
    /// Write to the disk, so many times in a row. What was written is there already; this is its
    /// place in the order: a crash before it takes it back.
    Write {
        /// How many.
        writes: u32,
    },
    /// Make the oldest `writes` unsynced writes durable before any later effect is visible.
    Sync {
        /// How many, not counting those that an earlier `Sync` of the same handler covers.
        writes: u32,
    },
    /// A remark for whoever reads the trace.
    Note(Cow<'static, str>),
    /// The part this node now plays: colours the picture, and aims faults.
    Role(&'static str),
    /// An assertion of the node did not hold.
    Violated(&'static str),
    /// All nodes, at all times, must say the same of this subject.
    Agree {
        /// What is said: "one leader per term".
        name: &'static str,
        /// Of which subject: the term.
        subject: u64,
        /// And this it is: the leader.
        value: u64,
    },
    /// Something that should happen sometimes has happened.
    Reached(&'static str),
}

/// Where the numbers of [`Context::choose`] come from.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Choices {
    /// Drawn at random: the stream, and how many draws were made of it.
    Random(Key, u64),
    /// Played from a list of `(choice, of how many)`, and extended with zeros past its end: how the
    /// explorer tries every choice.
    Tape(Vec<(u32, u32)>, usize),
}

/// Everything outside the node, as a handler sees it.
///
/// A context records what the handler asks for as [`Effect`]s. A crash may fall between any two of
/// them, and nothing after [`sync`](Self::sync) becomes visible before the writes ahead of it are
/// durable.
pub struct Context<N: Node> {
    /// What survives a crash, once synced.
    pub disk: N::Disk,
    id: NodeId,
    node_count: u16,
    now: Time,
    wall: Time,
    clock_read: bool,
    choices: Choices,
    effects: Vec<Effect<N>>,
    /// How many of the disk's unsynced writes have their place among the effects, or come from
    /// earlier handlers.
    written: u32,
    syncing: u32,
}

impl<N: Node> Context<N> {
    /// This node.
    pub const fn id(&self) -> NodeId {
        self.id
    }

    /// How many nodes the cluster has, this one included.
    pub const fn node_count(&self) -> usize {
        self.node_count as usize
    }

    /// How many nodes are more than half of the cluster.
    pub const fn majority(&self) -> usize {
        self.node_count as usize / 2 + 1
    }

    /// All other nodes, in order. The iterator borrows nothing, so that `for peer in cx.peers()`
    /// can send.
    pub const fn peers(&self) -> Peers {
        Peers { next: 0, end: self.node_count, me: self.id.0 }
    }

    /// Sends `message` to the node `to`. It may be lost, doubled, delayed or overtaken.
    #[track_caller]
    pub fn send(&mut self, to: NodeId, message: N::Message) {
        self.ask(Effect::Send { to, message, at: Location::caller() });
    }

    /// Sends `message` to every peer, one message each.
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "reads like send, which must own it")]
    pub fn broadcast(&mut self, message: N::Message) {
        let at = Location::caller();
        for to in self.peers() {
            self.ask(Effect::Send { to, message: message.clone(), at });
        }
    }

    /// Answers the client's request.
    #[track_caller]
    pub fn reply(&mut self, request: RequestId, response: Response<N>) {
        self.ask(Effect::Reply { request, answer: Ok(response), at: Location::caller() });
    }

    /// Tells the client that its request failed. With a *definite* code this is a promise that the
    /// operation did not happen and never will.
    #[track_caller]
    pub fn reply_error(&mut self, request: RequestId, code: ErrorCode, text: impl Into<String>) {
        self.ask(Effect::Reply {
            request,
            answer: Err((code, text.into())),
            at: Location::caller(),
        });
    }

    /// Arms `timer` to expire once, after a span or after a random time in a range of spans. A
    /// timer that is armed already is armed anew.
    ///
    /// ```
    /// # use splitbrain_core::{Context, Node, ms};
    /// # fn handler<N: Node<Timer = u8>>(cx: &mut Context<N>) {
    /// cx.set_timer(0, ms(50));
    /// cx.set_timer(1, ms(150)..ms(300));
    /// # }
    /// ```
    ///
    /// # Panics
    /// If the range is empty.
    pub fn set_timer(&mut self, timer: N::Timer, after: impl Into<After>) {
        let After { low, high } = after.into();
        self.ask(Effect::SetTimer { timer, low, high });
    }

    /// Disarms `timer`; nothing happens if it is not armed.
    pub fn cancel_timer(&mut self, timer: N::Timer) {
        self.ask(Effect::CancelTimer(timer));
    }

    /// Makes everything written to `disk` so far durable. Effects of later calls become visible
    /// only after that, and the node handles nothing else meanwhile. A sync that fails is a crash.
    pub fn sync(&mut self) {
        let writes = self.disk.unsynced() - self.syncing;
        if writes > 0 {
            self.syncing += writes;
            self.ask(Effect::Sync { writes });
        }
    }

    /// This node's monotonic clock: never goes back, but may drift, and starts anew in no crash.
    pub const fn now(&mut self) -> Time {
        self.clock_read = true;
        self.now
    }

    /// This node's wall clock: may be wrong, and may jump either way.
    pub const fn wall(&mut self) -> Time {
        self.clock_read = true;
        self.wall
    }

    /// A choice among `0..count`: random in the simulator, every one of them in the explorer.
    ///
    /// # Panics
    /// If `count` is zero.
    pub fn choose(&mut self, count: u32) -> u32 {
        assert!(count > 0, "choose(0): there is nothing to choose from");
        match &mut self.choices {
            Choices::Random(key, drawn) => {
                *drawn += 1;
                u32::try_from(scale(key.at(*drawn - 1), u64::from(count))).unwrap_or(0)
            }
            Choices::Tape(tape, position) => {
                if *position == tape.len() {
                    tape.push((0, count));
                }
                *position += 1;
                tape[*position - 1].0
            }
        }
    }

    /// Puts `items` in a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let bound = u32::try_from(last + 1).unwrap_or(u32::MAX);
            items.swap(last, self.choose(bound) as usize);
        }
    }

    /// Leaves a remark in the trace.
    pub fn note(&mut self, text: impl Into<Cow<'static, str>>) {
        self.ask(Effect::Note(text.into()));
    }

    /// Says which part this node now plays ("leader", "follower"): it is shown in the picture, and
    /// faults can be aimed at it.
    pub fn role(&mut self, name: &'static str) {
        self.ask(Effect::Role(name));
    }

    /// Asserts that `condition` holds; where it does not, the run fails with `ALWAYS-VIOLATED`.
    pub fn always(&mut self, condition: bool, name: &'static str) {
        if !condition {
            self.ask(Effect::Violated(name));
        }
    }

    /// Asserts across the cluster: whoever says `name` of `subject`, on any node and in any of its
    /// lives, must say the same `value`. Where two differ, the run fails with `ALWAYS-VIOLATED`. It
    /// is how "at most one leader per term" is written down.
    ///
    /// ```
    /// # use splitbrain_core::{Context, Node};
    /// # fn won<N: Node>(cx: &mut Context<N>, term: u64) {
    /// cx.agree("one leader per term", term, u64::from(cx.id().0));
    /// # }
    /// ```
    pub fn agree(&mut self, name: &'static str, subject: u64, value: u64) {
        self.ask(Effect::Agree { name, subject, value });
    }

    /// Says that something rare but wanted happened here; engines count it, so that a test which
    /// never gets there shows.
    pub fn sometimes(&mut self, name: &'static str) {
        self.ask(Effect::Reached(name));
    }
}

/// The engines' side: how a context is made, wound up and emptied. Nodes have no use for it.
impl<N: Node> Context<N> {
    /// The context of node `id` in a cluster of `node_count`, with `disk` as it was found.
    pub fn boot(id: NodeId, node_count: u16, disk: N::Disk, choices: Choices) -> Self {
        Self {
            disk,
            id,
            node_count,
            now: Time::ZERO,
            wall: Time::ZERO,
            clock_read: false,
            choices,
            effects: Vec::new(),
            written: 0,
            syncing: 0,
        }
    }

    /// Sets what the clocks show, and forgets what the last handler asked for.
    pub fn wind(&mut self, now: Time, wall: Time) {
        self.now = now;
        self.wall = wall;
        self.written = self.disk.unsynced();
        self.syncing = 0;
        self.effects.clear();
    }

    /// What the last handler asked for, in the order of its calls. The caller drains it.
    pub fn effects(&mut self) -> &mut Vec<Effect<N>> {
        self.note_writes();
        &mut self.effects
    }

    fn ask(&mut self, effect: Effect<N>) {
        self.note_writes();
        self.effects.push(effect);
    }

    /// Gives what was written since the last effect its place among them.
    fn note_writes(&mut self) {
        let unsynced = self.disk.unsynced();
        if unsynced > self.written {
            self.effects.push(Effect::Write { writes: unsynced - self.written });
            self.written = unsynced;
        }
    }

    /// The source of choices, with what was drawn from it.
    pub const fn choices(&mut self) -> &mut Choices {
        &mut self.choices
    }

    /// Whether any handler has read a clock.
    pub const fn clock_read(&self) -> bool {
        self.clock_read
    }
}

impl<N: Node> Clone for Context<N> {
    fn clone(&self) -> Self {
        Self {
            disk: self.disk.clone(),
            choices: self.choices.clone(),
            effects: self.effects.clone(),
            ..*self
        }
    }
}

impl<N: Node> fmt::Debug for Context<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("id", &self.id)
            .field("now", &self.now)
            .field("disk", &self.disk)
            .field("effects", &self.effects)
            .finish_non_exhaustive()
    }
}

/// How long until a timer expires: a span, or a range of spans to draw from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct After {
    low: u64,
    high: u64,
}

impl After {
    fn between(low: Duration, high: Duration) -> Self {
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        assert!(low <= high, "a timer's range must not be empty: {low:?} to {high:?}");
        Self { low: nanos(low), high: nanos(high) }
    }
}

impl From<Duration> for After {
    fn from(span: Duration) -> Self {
        Self::between(span, span)
    }
}

impl From<Range<Duration>> for After {
    fn from(range: Range<Duration>) -> Self {
        Self::between(range.start, range.end)
    }
}

impl From<RangeInclusive<Duration>> for After {
    fn from(range: RangeInclusive<Duration>) -> Self {
        Self::between(*range.start(), *range.end())
    }
}

/// All nodes but one, in order. See [`Context::peers`].
#[derive(Clone, Copy, Debug)]
pub struct Peers {
    next: u16,
    end: u16,
    me: u16,
}

impl Iterator for Peers {
    type Item = NodeId;

    fn next(&mut self) -> Option<NodeId> {
        if self.next == self.me {
            self.next += 1;
        }
        if self.next >= self.end {
            return None;
        }
        self.next += 1;
        Some(NodeId(self.next - 1))
    }
}
