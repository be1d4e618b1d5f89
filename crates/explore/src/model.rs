//! What is explored: a node, its clients, what may happen, and what must hold.

#![expect(clippy::type_complexity, reason = "the signature of a property is its documentation")]

use std::fmt;

use splitbrain_core::{Described, History, Node, NodeId, Request, Verdict};

use crate::Bounds;

/// A cluster of nodes of one type with its clients, and what must hold in all its runs.
pub struct Model<N: Node> {
    /// How many nodes; at most [`NODES_MAX`].
    pub nodes: u16,
    /// What each client asks, in its order, and whom.
    pub clients: Vec<Vec<(NodeId, Request<N>)>>,
    /// What every node is told after each start, by its id and the number of nodes.
    pub setup: Option<fn(NodeId, u16) -> Option<Request<N>>>,
    /// What may happen, and how often.
    pub bounds: Bounds,
    /// What a liar may say instead of a message.
    pub forge: Option<fn(&N::Message) -> Vec<N::Message>>,
    /// Who judges what the clients saw. Asked once for each history that can be told from others.
    pub judge: Option<fn(&History<N::Api>) -> Verdict>,
    /// The operations of a history in words; if left out, as their types print themselves.
    pub describe: Option<fn(&History<N::Api>) -> Vec<Described>>,
    /// A history as a file, if one is to be kept.
    pub write: Option<fn(&History<N::Api>) -> String>,
    /// What happens now and then if it can happen all the time: it is assumed where something must
    /// hold at last.
    pub fairness: Fairness,
    /// What else must hold, or must come to be.
    pub properties: Vec<Property<N>>,
}

/// More nodes than this are not explored: there is a bit for each link.
pub const NODES_MAX: u16 = 8;
/// More clients than this are not explored.
pub const CLIENTS_MAX: usize = 32;
/// More operations of one client than this are not explored.
pub const OPERATIONS_MAX: usize = 200;

impl<N: Node> Model<N> {
    /// A cluster without clients, in which nothing goes wrong and nothing is demanded.
    pub fn new(nodes: u16) -> Self {
        Self {
            nodes,
            clients: Vec::new(),
            setup: None,
            bounds: Bounds::calm(),
            forge: None,
            judge: None,
            describe: None,
            write: None,
            fairness: Fairness::STANDARD,
            properties: Vec::new(),
        }
    }
}

impl<N: Node> fmt::Debug for Model<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("nodes", &self.nodes)
            .field("clients", &self.clients)
            .field("bounds", &self.bounds)
            .field("properties", &self.properties)
            .finish_non_exhaustive()
    }
}

/// What is fair: if it could happen all the time, it happens now and then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fairness {
    /// Messages arrive.
    pub deliveries: bool,
    /// Timers expire, and clocks tick.
    pub timers: bool,
    /// Clients ask what they have to ask.
    pub clients: bool,
    /// Nodes that are down start again.
    pub restarts: bool,
    /// Partitions heal.
    pub heals: bool,
}

impl Fairness {
    /// All but that nodes start again and partitions heal.
    pub const STANDARD: Self =
        Self { deliveries: true, timers: true, clients: true, restarts: false, heals: false };
    /// All of it.
    pub const ALL: Self = Self { restarts: true, heals: true, ..Self::STANDARD };
}

/// A condition, under the name by which a finding tells of it.
pub struct Property<N: Node> {
    /// Its name: `one leader per term`.
    pub name: &'static str,
    /// What it says.
    pub says: Says<N>,
}

/// What a property says.
pub enum Says<N: Node> {
    /// Of each node that is up, always. Asked once for each state of a node.
    Node(Box<dyn Fn(NodeId, &N, &N::Disk) -> bool + Send + Sync>),
    /// Of each two nodes that are up, always. Asked once for each two states.
    Pair(Box<dyn Fn(&N, &N) -> bool + Send + Sync>),
    /// Of the whole cluster, always.
    World(Box<dyn Fn(&View<'_, N>) -> bool + Send + Sync>),
    /// Of the whole cluster: every fair run comes to a state of which it is true.
    Eventually(Box<dyn Fn(&View<'_, N>) -> bool + Send + Sync>),
    /// Of the whole cluster: whenever the first is true, the second is true then or later, in every
    /// fair run.
    LeadsTo(
        Box<dyn Fn(&View<'_, N>) -> bool + Send + Sync>,
        Box<dyn Fn(&View<'_, N>) -> bool + Send + Sync>,
    ),
    /// Of the whole cluster, in at least one state of at least one run.
    Reachable(Box<dyn Fn(&View<'_, N>) -> bool + Send + Sync>),
}

impl<N: Node> Property<N> {
    /// Each node that is up must always satisfy `holds`.
    pub fn node(
        name: &'static str,
        holds: impl Fn(NodeId, &N, &N::Disk) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { name, says: Says::Node(Box::new(holds)) }
    }

    /// Each two nodes that are up must always satisfy `holds`.
    pub fn pair(
        name: &'static str,
        holds: impl Fn(&N, &N) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { name, says: Says::Pair(Box::new(holds)) }
    }
}

impl<N: Node> Property<N> {
    /// The whole cluster must always satisfy `holds`.
    pub fn world(
        name: &'static str,
        holds: impl Fn(&View<'_, N>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { name, says: Says::World(Box::new(holds)) }
    }

    /// Every fair run must come to a state in which `holds`.
    pub fn eventually(
        name: &'static str,
        holds: impl Fn(&View<'_, N>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { name, says: Says::Eventually(Box::new(holds)) }
    }

    /// Whenever `when`, every fair run must come to a state in which `then`.
    pub fn leads_to(
        name: &'static str,
        when: impl Fn(&View<'_, N>) -> bool + Send + Sync + 'static,
        then: impl Fn(&View<'_, N>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { name, says: Says::LeadsTo(Box::new(when), Box::new(then)) }
    }

    /// The whole cluster must satisfy `holds` in at least one state of at least one run.
    pub fn reachable(
        name: &'static str,
        holds: impl Fn(&View<'_, N>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { name, says: Says::Reachable(Box::new(holds)) }
    }
}

impl<N: Node> Property<N> {
    /// Whether it is about what must hold at last.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self.says, Says::Eventually(_) | Says::LeadsTo(..))
    }
}

impl<N: Node> fmt::Debug for Property<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.says {
            Says::Node(_) => "node",
            Says::Pair(_) => "pair",
            Says::World(_) => "world",
            Says::Eventually(_) => "eventually",
            Says::LeadsTo(..) => "leads to",
            Says::Reachable(_) => "reachable",
        };
        write!(f, "{kind} {:?}", self.name)
    }
}

/// A global state, as a property sees it.
pub struct View<'a, N: Node> {
    /// The nodes, in the order of their ids; `None` for one that is down.
    pub nodes: Vec<Option<&'a N>>,
    /// Their disks.
    pub disks: Vec<&'a N::Disk>,
    /// The messages between nodes that are under way: from, to, what.
    pub messages: Vec<(NodeId, NodeId, &'a N::Message)>,
    /// How many operations of each client were answered.
    pub answered: Vec<usize>,
}
