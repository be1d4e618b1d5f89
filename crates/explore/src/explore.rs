//! From a model to a verdict.

use std::sync::{Arc, Mutex};

use splitbrain_core::{Disk, Finding, Node, NodeId, Request, Response};

use crate::ExploreError;
use crate::bounds::Order;
use crate::expand::Shape;
use crate::known::{Reader, Shared, Typed, input};
use crate::model::{CLIENTS_MAX, Model, NODES_MAX, OPERATIONS_MAX, Says};
use crate::search::{Control, Limits, Look, Progress, Search, Searched, Stopped, Wrong};
use crate::values::{Seat, Values};

/// What came of a search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explored {
    /// How far it came.
    pub progress: Progress,
    /// Why it did not see everything within the bounds; `None` if it did, or if it ended because
    /// something is wrong.
    pub stopped: Option<Stopped>,
    /// What is wrong, if anything is.
    pub finding: Option<Finding>,
    /// How many steps lead there.
    pub steps: Option<usize>,
    /// How often a handler ran.
    pub calls: u64,
}

/// The bounds on a node, its messages and what its clients say that let threads share them. Plain
/// values satisfy them.
pub trait Shareable: Node<Message: Send, Timer: Send, Disk: Disk + Send, Api: Send> + Send {}
impl<N> Shareable for N where N: Node<Message: Send, Timer: Send, Disk: Send, Api: Send> + Send {}

/// Explores all runs of a model, breadth-first.
///
/// # Errors
/// When the model cannot be explored.
pub fn explore<N>(
    model: Model<N>,
    limits: Limits,
    control: Control<'_>,
) -> Result<Explored, ExploreError>
where
    N: Shareable,
    Request<N>: Send + Sync,
    Response<N>: Send,
{
    check(&model)?;
    let shape = Shape::new(model.nodes, model.clients.len(), model.bounds.clone());
    let look = Demands::of(&model);
    let sort = model.bounds.order == Order::Any;
    let bounds = model.bounds.clone();
    let nodes = model.nodes;
    let mut values = Values::new(Arc::new(model));
    let first = values.first_states(&shape)?;
    let shared = Mutex::new(Shared::new(Box::new(values), &bounds, nodes, sort));
    let search =
        Search { shared: &shared, shape: &shape, look: &look, goals: look.goals, limits, control };
    let Searched { progress, stopped, found, parts, .. } = search.run(&first)?;
    let calls = crate::known::lock(&shared).calls;
    let steps = found.as_ref().map(|found| {
        crate::store::path(&parts, found.state).len() - 1 + usize::from(found.step.is_some())
    });
    let finding = found.map(|found| Finding::new("ALWAYS-VIOLATED", format!("{:?}", found.wrong)));
    Ok(Explored { progress, stopped, finding, steps, calls })
}

fn check<N: Node>(model: &Model<N>) -> Result<(), ExploreError> {
    let bad = |why: String| Err(ExploreError::Model(why));
    if !(1..=NODES_MAX).contains(&model.nodes) {
        return bad(format!("{} nodes, and there may be 1 to {NODES_MAX}", model.nodes));
    }
    if model.clients.len() > CLIENTS_MAX {
        return bad(format!("{} clients, and there may be {CLIENTS_MAX}", model.clients.len()));
    }
    if model.clients.iter().any(|script| script.len() > OPERATIONS_MAX) {
        return bad(format!("a client asks for more than {OPERATIONS_MAX} operations"));
    }
    let unheard = |node: &NodeId| node.0 >= model.nodes;
    let asked = model.clients.iter().flatten().map(|(node, _)| node);
    if let Some(node) = asked.chain(&model.bounds.liars).find(|node| unheard(node)) {
        return bad(format!("there is no {node} among {} nodes", model.nodes));
    }
    Ok(())
}

impl<N> Values<N>
where
    N: Shareable,
    Request<N>: Send + Sync,
    Response<N>: Send,
{
    /// All states in which a run may begin: every node has started, and may have chosen.
    fn first_states(&mut self, shape: &Shape) -> Result<Vec<Vec<u32>>, ExploreError> {
        let (record, requests) = self.first_record();
        let mut states: Vec<(Vec<u32>, Vec<u32>)> = vec![(Vec::new(), requests)];
        for id in NodeId::all(self.model.nodes) {
            let disk = N::Disk::default();
            let down = self.seat(Seat { id, up: None, disk, timers: Vec::new(), clock: 0 });
            let mut longer = Vec::new();
            for reaction in self.react(down, input::START)? {
                if reaction.cost != crate::known::Cost::Nothing {
                    continue;
                }
                if reaction.wrong != 0 {
                    let (_, sentence) = &self.wrongs[reaction.wrong as usize - 1];
                    return Err(ExploreError::Model(sentence.clone()));
                }
                for (seats, sent) in &states {
                    let (mut seats, mut sent) = (seats.clone(), sent.clone());
                    seats.push(reaction.seat);
                    sent.extend(&reaction.sent);
                    longer.push((seats, sent));
                }
            }
            states = longer;
        }
        let whole = |(mut state, mut sent): (Vec<u32>, Vec<u32>)| {
            match shape.bounds.order {
                Order::Any => sent.sort_unstable(),
                Order::Fifo => {
                    let envelopes = &self.facts().envelopes;
                    sent.sort_by_key(|sent| {
                        let fact = envelopes[*sent as usize];
                        (fact.to, fact.from)
                    });
                }
            }
            state.extend([record, 0]);
            state.extend(sent);
            state
        };
        let mut states: Vec<Vec<u32>> = states.into_iter().map(whole).collect();
        states.sort_unstable();
        states.dedup();
        Ok(states)
    }
}

/// What a model demands of states.
#[derive(Clone, Copy)]
struct Demands {
    nodes: usize,
    pairs: bool,
    worlds: bool,
    goals: usize,
}

impl Demands {
    fn of<N: Node>(model: &Model<N>) -> Self {
        let has = |wanted: fn(&Says<N>) -> bool| {
            model.properties.iter().filter(|property| wanted(&property.says)).count()
        };
        Self {
            nodes: usize::from(model.nodes),
            pairs: has(|says| matches!(says, Says::Pair(_))) > 0,
            worlds: has(|says| matches!(says, Says::World(_))) > 0,
            goals: has(|says| matches!(says, Says::Reachable(_))),
        }
    }
}

impl Look for Demands {
    #[inline]
    fn wrong(&self, reader: &mut Reader<'_>, state: &[u32]) -> Option<Wrong> {
        let seats = &state[..self.nodes];
        for (node, seat) in (0..).zip(seats) {
            let wrong = reader.known.facts.seats[*seat as usize].wrong;
            if wrong != 0 {
                return Some(Wrong::Node(wrong - 1, node));
            }
        }
        if self.pairs {
            for (one, seat) in (0..).zip(seats) {
                for (other, with) in (0..).zip(seats).skip(usize::from(one) + 1) {
                    if let Some(property) = reader.pair(*seat, *with) {
                        return Some(Wrong::Pair(property, one, other));
                    }
                }
            }
        }
        if reader.known.facts.records[state[self.nodes] as usize].is_wrong {
            return Some(Wrong::Record);
        }
        if self.worlds {
            return reader.world(state).map(Wrong::World);
        }
        None
    }

    fn goals(&self, reader: &mut Reader<'_>, state: &[u32]) -> u64 {
        if self.goals == 0 { 0 } else { reader.goals(state) }
    }
}
