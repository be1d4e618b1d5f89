//! Write a node; have it judged in a thousand broken worlds; read the smallest story of why it
//! failed.
//!
//! ```no_run
//! use splitbrain::workload::echo::{Echo, Request, Response};
//! use splitbrain::{Context, Node, NodeId, RequestId};
//!
//! #[derive(Clone, PartialEq, Eq, Hash, Debug)]
//! struct Parrot;
//!
//! impl Node for Parrot {
//!     type Api = Echo;
//!     type Message = ();
//!     type Timer = ();
//!     type Disk = ();
//!
//!     fn start(_: &mut Context<Self>) -> Self {
//!         Parrot
//!     }
//!     fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
//!         let Request::Echo { echo } = request;
//!         cx.reply(id, Response::EchoOk { echo });
//!     }
//!     fn on_message(&mut self, _: &mut Context<Self>, _: NodeId, (): ()) {}
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     splitbrain::test::<Parrot>()
//! }
//! ```
//!
//! The program takes `--seeds 0..10000`, `--seed 17`, `--swarm`, `--calm`, `--nodes 3`, `--json`
//! and `replay RUN`. Its exit status is 0 if every world was survived, 1 if
//! one was not, 2 if nothing could be judged, 3 if it could not run.

mod explored;
mod test;

pub use explored::explore;
pub use splitbrain_check::Judge;
pub use splitbrain_core::{
    Api, CallId, Context, Damage, Data, Disk, ErrorCode, History, Node, NodeId, Ratio, Request,
    RequestId, Response, Rpc, Time, Verdict, Wal, ms, us, workload,
};
/// Every run of a node within bounds, as a library.
pub use splitbrain_explore as explore;
pub use splitbrain_sim::Config;
pub use test::{judging, subject, test};
