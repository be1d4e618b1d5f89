//! One node on a stage: a test calls its handlers and looks at what they ask for.

use splitbrain_core::{
    Choices, Context, Disk, Effect, Key, Node, NodeId, Request, RequestId, Response, Time,
};

/// A node and its surroundings.
pub(crate) struct Stage<N: Node> {
    pub(crate) node: N,
    pub(crate) cx: Context<N>,
    asked: u32,
}

impl<N: Node> Stage<N> {
    /// Node `id` of `count`, booted with an empty disk.
    pub(crate) fn boot(id: u16, count: u16) -> Self {
        Self::boot_with(id, count, N::Disk::default())
    }

    fn boot_with(id: u16, count: u16, disk: N::Disk) -> Self {
        let mut cx =
            Context::boot(NodeId(id), count, disk, Choices::Random(Key::new(u64::from(id)), 0));
        cx.wind(Time::ZERO, Time::ZERO);
        let node = N::start(&mut cx);
        let mut stage = Self { node, cx, asked: 0 };
        stage.settle();
        stage
    }

    /// Crashes and starts again, with what was synced.
    pub(crate) fn reboot(self) -> Self {
        let (id, count) = (self.cx.id().0, u16::try_from(self.cx.node_count()).expect("was a u16"));
        let mut disk = self.cx.disk;
        disk.crash(0, false);
        Self::boot_with(id, count, disk)
    }

    pub(crate) fn request(&mut self, request: Request<N>) -> Vec<Effect<N>> {
        self.asked += 1;
        let id = RequestId { client: 0, sequence: self.asked };
        self.node.on_request(&mut self.cx, id, request);
        self.settle()
    }

    pub(crate) fn message(&mut self, from: u16, message: N::Message) -> Vec<Effect<N>> {
        self.node.on_message(&mut self.cx, NodeId(from), message);
        self.settle()
    }

    pub(crate) fn timer(&mut self, timer: N::Timer) -> Vec<Effect<N>> {
        self.node.on_timer(&mut self.cx, timer);
        self.settle()
    }

    /// Performs the syncs, and takes the effects away.
    fn settle(&mut self) -> Vec<Effect<N>> {
        let effects: Vec<_> = self.cx.effects().drain(..).collect();
        for effect in &effects {
            if let Effect::Sync { writes } = effect {
                self.cx.disk.sync(*writes);
            }
        }
        self.cx.wind(Time::ZERO, Time::ZERO);
        effects
    }
}

/// The messages among the effects, and to whom.
pub(crate) fn sent<N: Node>(effects: &[Effect<N>]) -> Vec<(u16, N::Message)> {
    let message = |effect: &Effect<N>| match effect {
        Effect::Send { to, message, .. } => Some((to.0, message.clone())),
        _ => None,
    };
    effects.iter().filter_map(message).collect()
}

/// The answers among the effects; an error is its code.
pub(crate) fn replies<N: Node>(effects: &[Effect<N>]) -> Vec<Result<Response<N>, u32>> {
    let reply = |effect: &Effect<N>| match effect {
        Effect::Reply { answer, .. } => Some(answer.clone().map_err(|(code, _)| code.0)),
        _ => None,
    };
    effects.iter().filter_map(reply).collect()
}

/// Asserts that no message and no answer goes out before the effects have synced.
pub(crate) fn synced_first<N: Node>(effects: &[Effect<N>]) {
    let visible = |effect: &Effect<N>| matches!(effect, Effect::Send { .. } | Effect::Reply { .. });
    let first = effects.iter().position(visible).expect("something is sent or answered");
    let sync = effects.iter().position(|effect| matches!(effect, Effect::Sync { .. }));
    assert!(sync.is_some_and(|sync| sync < first), "seen before it is on disk: {effects:?}");
}
