//! Small nodes that do anything: what a handler does is drawn from a seed, its state and its input.

use std::sync::atomic::{AtomicU64, Ordering};

use splitbrain_core::{Api, Context, ErrorCode, Fingerprint, Node, NodeId, RequestId, Wal, ms};

/// What the nodes that start now are drawn from.
pub(crate) static SEED: AtomicU64 = AtomicU64::new(0);

/// Clients ask with a small number and are answered with one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Small;

impl Api for Small {
    type Request = u8;
    type Response = u8;
}

/// A node that is drawn.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Random {
    seed: u64,
    pub(crate) value: u8,
    /// How many more handlers will do anything.
    fuel: u8,
    asked: Option<RequestId>,
}

impl Node for Random {
    type Api = Small;
    type Message = u8;
    type Timer = u8;
    type Disk = Wal<u8, u8>;

    fn start(cx: &mut Context<Self>) -> Self {
        let seed = SEED.load(Ordering::Relaxed);
        let value = *cx.disk.get() + u8::from(cx.disk.log().len() > 1);
        let mut node = Self { seed, value, fuel: 3, asked: None };
        node.act(cx, 0, 0);
        node
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: u8) {
        self.asked = Some(id);
        self.act(cx, 1, request);
    }

    fn on_message(&mut self, cx: &mut Context<Self>, _: NodeId, message: u8) {
        self.act(cx, 2, message);
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, timer: u8) {
        self.act(cx, 3, timer);
    }
}

impl Random {
    fn act(&mut self, cx: &mut Context<Self>, kind: u8, input: u8) {
        if self.fuel == 0 {
            return;
        }
        self.fuel -= 1;
        let (drawn, _) = Fingerprint::of(&(self.seed, self.value, kind, input));
        let mut drawn = drawn >> 8;
        let mut draw = |below: u64| {
            let value = drawn % below;
            drawn /= below;
            u8::try_from(value).unwrap()
        };
        self.value = draw(3);
        for _ in 0..2 {
            let small = draw(2);
            match draw(10) {
                0 | 1 => cx.broadcast(small),
                2 => cx.disk.set(small),
                3 => {
                    cx.disk.append(small);
                    cx.sync();
                }
                4 => cx.sync(),
                5 => cx.set_timer(small, ms(10)..ms(25)),
                6 => cx.set_timer(small, ms(30)),
                7 => self.value = u8::try_from(cx.choose(2)).unwrap(),
                8 => cx.send(cx.id(), small),
                _ => cx.cancel_timer(small),
            }
        }
        if self.seed.is_multiple_of(3) {
            self.value = u8::try_from(cx.now().as_millis() / 10 % 3).unwrap();
        }
        if let (Some(id), true) = (self.asked, draw(2) == 0) {
            match draw(6) {
                0 => cx.reply_error(id, ErrorCode::ABORT, ""),
                1 => cx.reply_error(id, ErrorCode::TIMEOUT, ""),
                _ => cx.reply(id, self.value),
            }
            self.asked = None;
        }
        if draw(4) == 0 {
            cx.agree("one value", u64::from(kind), u64::from(draw(30) / 29));
        }
        cx.always(draw(40) != 0, "not everything happens");
    }
}
