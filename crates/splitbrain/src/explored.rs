//! A learner's node in every run of a small cluster.

use splitbrain_check::Judge;
use splitbrain_core::workload::{Draw, Topology, Workload as _};
use splitbrain_core::{Described, Key, Node, NodeId, Request, Response};
use splitbrain_explore::{Model, Shareable};

/// The node `N` as a model to be explored: three nodes, two clients that ask one thing each, as
/// the workload draws it, and nothing that goes wrong but that messages overtake each other. Change
/// what you like, then [`run`](Model::run) it.
///
/// ```
/// # use splitbrain::workload::echo::{Echo, Request, Response};
/// # use splitbrain::{Context, Node, NodeId, RequestId};
/// # #[derive(Clone, PartialEq, Eq, Hash, Debug)]
/// # struct Parrot;
/// # impl Node for Parrot {
/// #     type Api = Echo;
/// #     type Message = ();
/// #     type Timer = ();
/// #     type Disk = ();
/// #     fn start(_: &mut Context<Self>) -> Self {
/// #         Parrot
/// #     }
/// #     fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
/// #         let Request::Echo { echo } = request;
/// #         cx.reply(id, Response::EchoOk { echo });
/// #     }
/// #     fn on_message(&mut self, _: &mut Context<Self>, _: NodeId, (): ()) {}
/// # }
/// use splitbrain::explore::Budget;
///
/// let mut model = splitbrain::explore::<Parrot>();
/// model.bounds.crashes = Budget(1);
/// model.run().unwrap().assert_holds();
/// ```
pub fn explore<N>() -> Model<N>
where
    N: Shareable + Node<Api: Judge>,
    Request<N>: Send + Sync,
    Response<N>: Send,
{
    const NODES: u16 = 3;
    let ask = |client: u16| {
        let draw = Draw { key: Key::new(0), index: u32::from(client) };
        vec![(NodeId(client), N::Api::generate(draw))]
    };
    Model {
        clients: vec![ask(0), ask(1)],
        setup: Some(|node, nodes| N::Api::setup(node, nodes, Topology::Grid)),
        judge: Some(N::Api::judge),
        describe: Some(Described::all),
        ..Model::new(NODES)
    }
}
