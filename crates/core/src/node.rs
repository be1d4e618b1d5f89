//! The one abstraction: a node is plain state with handlers.

use std::fmt::Debug;
use std::hash::Hash;

use crate::{Context, Disk, NodeId, RequestId};

/// What may be kept in state, sent and remembered: plain values.
///
/// The bounds ban `HashMap` (its order differs from run to run) and floats (they do not compare) at
/// compile time. Use `BTreeMap`, and integers.
pub trait Data: Clone + Eq + Ord + Hash + Debug + 'static {}
impl<T: Clone + Eq + Ord + Hash + Debug + 'static> Data for T {}

/// What clients may ask and are answered. Fixed by the workload, not by the node:
/// see [`workload`](crate::workload).
pub trait Api: Clone + Eq + Ord + Hash + Debug + 'static {
    /// What a client asks.
    type Request: Data;
    /// What it is answered when all went well; for errors see [`Context::reply_error`].
    type Response: Data;
}

/// What clients ask of the node `N`.
pub type Request<N> = <<N as Node>::Api as Api>::Request;
/// What the node `N` answers.
pub type Response<N> = <<N as Node>::Api as Api>::Response;

/// A server, as a value: plain state, and handlers that turn an input into effects.
///
/// A node never touches a clock, a socket, a thread or a file; all of that is asked of the
/// [`Context`]. **What is in the struct dies in a crash. What was written to `cx.disk` and synced
/// survives.**
///
/// A panic in a handler is a crash with a cause: the engine catches it and shows it.
///
/// ```
/// use splitbrain_core::workload::echo::{Echo, Request, Response};
/// use splitbrain_core::{Context, Node, NodeId, RequestId};
///
/// #[derive(Clone, PartialEq, Eq, Hash, Debug)]
/// struct Parrot;
///
/// impl Node for Parrot {
///     type Api = Echo;
///     type Message = ();
///     type Timer = ();
///     type Disk = ();
///
///     fn start(_: &mut Context<Self>) -> Self {
///         Parrot
///     }
///     fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
///         let Request::Echo { echo } = request;
///         cx.reply(id, Response::EchoOk { echo });
///     }
///     fn on_message(&mut self, _: &mut Context<Self>, _: NodeId, (): ()) {}
/// }
/// ```
pub trait Node: Clone + Eq + Hash + Debug + Sized + 'static {
    /// What clients may ask and are answered.
    type Api: Api;
    /// What nodes say to one another: yours to design.
    type Message: Data;
    /// Timers are keyed by value: setting one again re-arms it.
    type Timer: Data;
    /// What survives a crash: `()` or a [`Wal`](crate::Wal).
    type Disk: Disk;

    /// First boot and every recovery: `cx.disk` holds what survived.
    fn start(cx: &mut Context<Self>) -> Self;

    /// A client asks. Answer now or later, once, with [`Context::reply`] or
    /// [`Context::reply_error`].
    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request<Self>);

    /// A peer (or the node itself) said something. It may come late, twice, or in another order
    /// than it was sent.
    fn on_message(&mut self, cx: &mut Context<Self>, from: NodeId, message: Self::Message);

    /// A timer that was set has expired, and was neither set again nor cancelled since.
    fn on_timer(&mut self, cx: &mut Context<Self>, timer: Self::Timer) {
        let _ = (cx, timer);
    }
}
