//! stateright: single-decree Paxos as actors, with its own clients and its own judge of registers.
//! The states are those that its example `paxos` has, and those that our explorer counts.

#[path = "../../usage.rs"]
mod usage;

use std::borrow::Cow;

use stateright::actor::register::RegisterActor;
use stateright::actor::register::RegisterMsg::{self, Get, GetOk, Internal, Put, PutOk};
use stateright::actor::{Actor, ActorModel, Id, Network, Out, majority, model_peers};
use stateright::semantics::LinearizabilityTester;
use stateright::semantics::register::Register;
use stateright::util::{HashableHashMap, HashableHashSet};
use stateright::{Checker, Expectation, Model};

const SERVERS: usize = 3;

/// A round, and whose it is.
type Number = (u32, Id);
/// The client's request, the client, and the value.
type Proposal = (u64, Id, char);
type Accepted = Option<(Number, Proposal)>;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Message {
    Prepare(Number),
    Promise(Number, Accepted),
    Accept(Number, Proposal),
    Accepted(Number),
    Chosen(Number, Proposal),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct State {
    number: Number,
    accepted: Accepted,
    proposal: Option<Proposal>,
    promises: HashableHashMap<Id, Accepted>,
    acceptors: HashableHashSet<Id>,
    chosen: bool,
}

#[derive(Clone, Debug)]
struct Paxos {
    peers: Vec<Id>,
}

impl Paxos {
    fn begin(&self, id: Id, state: &mut State, proposal: Proposal, out: &mut Out<Self>) {
        state.proposal = Some(proposal);
        state.number = (state.number.0 + 1, id);
        state.promises = HashableHashMap::default();
        state.promises.insert(id, state.accepted);
        state.acceptors = HashableHashSet::default();
        out.broadcast(&self.peers, &Internal(Message::Prepare(state.number)));
    }

    fn promised(&self, id: Id, state: &mut State, from: Id, told: Accepted, out: &mut Out<Self>) {
        state.promises.insert(from, told);
        if state.promises.len() != majority(SERVERS) {
            return;
        }
        let newest = state.promises.values().flatten().max().map(|(_, proposal)| *proposal);
        let proposal = newest.or(state.proposal).expect("a proposer has a value");
        state.proposal = Some(proposal);
        state.accepted = Some((state.number, proposal));
        state.acceptors.insert(id);
        out.broadcast(&self.peers, &Internal(Message::Accept(state.number, proposal)));
    }

    fn accepted(&self, state: &mut State, from: Id, out: &mut Out<Self>) {
        state.acceptors.insert(from);
        if state.acceptors.len() == majority(SERVERS) {
            state.chosen = true;
            let proposal = state.proposal.expect("a proposer has a value");
            out.broadcast(&self.peers, &Internal(Message::Chosen(state.number, proposal)));
            out.send(proposal.1, PutOk(proposal.0));
        }
    }
}

impl Actor for Paxos {
    type Msg = RegisterMsg<u64, char, Message>;
    type State = State;
    type Timer = ();
    type Random = ();
    type Storage = ();

    fn on_start(&self, _: Id, _: &Option<()>, _: &mut Out<Self>) -> State {
        State {
            number: (0, Id::from(0)),
            accepted: None,
            proposal: None,
            promises: HashableHashMap::default(),
            acceptors: HashableHashSet::default(),
            chosen: false,
        }
    }

    fn on_msg(
        &self,
        id: Id,
        state: &mut Cow<'_, State>,
        from: Id,
        message: Self::Msg,
        out: &mut Out<Self>,
    ) {
        if state.chosen {
            if let (Get(request), Some((_, proposal))) = (message, state.accepted) {
                out.send(from, GetOk(request, proposal.2));
            }
            return;
        }
        match message {
            Put(request, value) if state.proposal.is_none() => {
                self.begin(id, state.to_mut(), (request, from, value), out);
            }
            Internal(Message::Prepare(number)) if state.number < number => {
                state.to_mut().number = number;
                out.send(from, Internal(Message::Promise(number, state.accepted)));
            }
            Internal(Message::Promise(number, told)) if number == state.number => {
                self.promised(id, state.to_mut(), from, told, out);
            }
            Internal(Message::Accept(number, proposal)) if state.number <= number => {
                state.to_mut().number = number;
                state.to_mut().accepted = Some((number, proposal));
                out.send(from, Internal(Message::Accepted(number)));
            }
            Internal(Message::Accepted(number)) if number == state.number => {
                self.accepted(state.to_mut(), from, out);
            }
            Internal(Message::Chosen(number, proposal)) => {
                let state = state.to_mut();
                state.number = number;
                state.accepted = Some((number, proposal));
                state.chosen = true;
            }
            _ => {}
        }
    }
}

type System = ActorModel<RegisterActor<Paxos>, (), LinearizabilityTester<Id, Register<char>>>;

fn system(clients: u16) -> System {
    let server = |at| RegisterActor::Server(Paxos { peers: model_peers(at, SERVERS) });
    let client = RegisterActor::Client { put_count: 1, server_count: SERVERS };
    ActorModel::new((), LinearizabilityTester::new(Register(char::default())))
        .actors((0..SERVERS).map(server))
        .actors(std::iter::repeat_n(client, usize::from(clients)))
        .init_network(Network::new_unordered_nonduplicating([]))
        .property(Expectation::Always, "linearizable", |_, state| {
            state.history.serialized_history().is_some()
        })
        // Never true: so that the search goes on to the end, as ours does.
        .property(Expectation::Sometimes, "one actor", |_, state| state.actor_states.len() == 1)
        .record_msg_in(RegisterMsg::record_returns)
        .record_msg_out(RegisterMsg::record_invocations)
}

fn main() {
    usage::each("stateright-explore", |clients, strategy| {
        let model = system(clients);
        let counts = |states: usize, unique: usize| Some((states as u64, unique as u64));
        match strategy {
            "bfs" => {
                let done = model.checker().threads(1).spawn_bfs().join();
                counts(done.state_count(), done.unique_state_count())
            }
            "bfs-2" => {
                let done = model.checker().threads(2).spawn_bfs().join();
                counts(done.state_count(), done.unique_state_count())
            }
            "dfs" => {
                let done = model.checker().threads(1).spawn_dfs().join();
                counts(done.state_count(), done.unique_state_count())
            }
            _ => None,
        }
    });
}
