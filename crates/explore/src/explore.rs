//! From a model to a verdict.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use splitbrain_core::{Disk, Node, NodeId, Request, Response};

use crate::ExploreError;
use crate::bounds::Order;
use crate::expand::{Expander, Shape, Step};
use crate::known::{Reader, Shared, Typed, input, lock};
use crate::liveness::{Decided, Lasso};
use crate::model::{CLIENTS_MAX, Model, NODES_MAX, OPERATIONS_MAX, Property, Says};
use crate::search::{Control, Limits, Look, Progress, Search, Searched, Stopped, Wrong};
use crate::store;
use crate::story::Counterexample;
use crate::values::{Seat, Values};

/// What came of a search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explored {
    /// How far it came.
    pub progress: Progress,
    /// Why it did not see everything within the bounds; `None` if it did, or if it ended because
    /// something is wrong.
    pub stopped: Option<Stopped>,
    /// What is wrong, if anything is, and a shortest way there.
    pub counterexample: Option<Counterexample>,
    /// Each goal, and the fewest steps that reach it; `None` if none was seen to.
    pub goals: Vec<(&'static str, Option<usize>)>,
    /// What must come to hold and could not be decided, and in how many states that was so.
    pub undecided: Vec<(&'static str, u64)>,
    /// How often a handler ran.
    pub calls: u64,
}

/// The bounds on a node, its messages and what its clients say that let threads share them. Plain
/// values satisfy them.
pub trait Shareable: Node<Message: Send, Timer: Send, Disk: Disk + Send, Api: Send> + Send {}
impl<N> Shareable for N where N: Node<Message: Send, Timer: Send, Disk: Send, Api: Send> + Send {}

/// The states in which a run may begin, and what is wrong with a start.
type First = (Vec<Vec<u32>>, Option<Wrong>);

/// A model in numbers, ready to be searched.
pub(crate) struct System {
    pub(crate) shared: Mutex<Shared>,
    pub(crate) shape: Shape,
    demands: Demands,
    goals: Vec<&'static str>,
    /// What must come to hold.
    live: Vec<&'static str>,
    /// The states in which a run may begin.
    pub(crate) first: Vec<Vec<u32>>,
    /// What is wrong with the start of a node, if anything is.
    wrong: Option<Wrong>,
}

impl System {
    /// # Errors
    /// When the model cannot be explored.
    pub(crate) fn new<N>(model: Model<N>) -> Result<Self, ExploreError>
    where
        N: Shareable,
        Request<N>: Send + Sync,
        Response<N>: Send,
    {
        check(&model)?;
        let shape = Shape::new(model.nodes, model.clients.len(), model.bounds.clone());
        let demands = Demands::of(&model);
        let is_goal = |property: &&Property<N>| matches!(property.says, Says::Reachable(_));
        let goals = model.properties.iter().filter(is_goal).map(|goal| goal.name).collect();
        let live = model.properties.iter().filter(|property| property.is_live());
        let live = live.map(|property| property.name).collect();
        let mut values = Values::new(Arc::new(model));
        let (first, wrong) = values.first_states(&shape)?;
        let shared = Mutex::new(Shared::new(Box::new(values), &shape));
        Ok(Self { shared, shape, demands, goals, live, first, wrong })
    }

    pub(crate) fn explore(
        &self,
        limits: Limits,
        control: Control<'_>,
    ) -> Result<Explored, ExploreError> {
        let search = Search {
            shared: &self.shared,
            shape: &self.shape,
            look: &self.demands,
            goals: self.goals.len(),
            limits,
            control,
        };
        if let Some(wrong) = self.wrong {
            return Ok(Explored {
                progress: Progress::default(),
                stopped: None,
                counterexample: Some(self.tell(&[], &[], wrong)),
                goals: self.goals.iter().map(|goal| (*goal, None)).collect(),
                undecided: Vec::new(),
                calls: 0,
            });
        }
        let Searched { progress, stopped, found, parts, goals } = search.run(&self.first)?;
        let counterexample = found.map(|found| {
            let path = store::path(&parts, found.state);
            let states: Vec<&[u32]> = path.iter().map(|id| store::words(&parts, *id)).collect();
            let mut steps = self.steps_between(&states);
            if let (Some(step), Some(last)) = (found.step, states.last()) {
                steps.push((last.to_vec(), step));
            }
            self.tell(states[0], &steps, found.wrong)
        });
        let mut counterexample = counterexample;
        let mut undecided = Vec::new();
        if counterexample.is_none() && stopped.is_none() {
            for (property, name) in self.live.iter().enumerate() {
                match self.decide(&parts, property)? {
                    Decided::Holds => {}
                    Decided::Undecided(states) => undecided.push((*name, states)),
                    Decided::Fails(lasso) => {
                        counterexample = Some(self.tell_lasso(&lasso));
                        break;
                    }
                }
            }
        } else if counterexample.is_none() {
            undecided.extend(self.live.iter().map(|name| (*name, progress.unique)));
        }
        let length = |state: u32| store::path(&parts, state).len() - 1;
        let goals = self.goals.iter().zip(goals).map(|(name, at)| (*name, at.map(length)));
        let goals = goals.collect();
        let calls = lock(&self.shared).calls;
        Ok(Explored { progress, stopped, counterexample, goals, undecided, calls })
    }

    /// Tells of the steps from a first state to something wrong.
    fn tell(&self, first: &[u32], steps: &[(Vec<u32>, Step)], wrong: Wrong) -> Counterexample {
        let mut told = lock(&self.shared).typed.tell(first, steps, wrong);
        if self.first.len() > 1 && !first.is_empty() {
            let nth = self.first.iter().position(|other| other == first).unwrap_or(0);
            told.steps.insert(0, begin(nth));
        }
        told
    }

    fn tell_lasso(&self, lasso: &Lasso) -> Counterexample {
        let first = lasso.steps.first().map_or(&self.first[0], |(state, _)| state);
        let length = lasso.steps.len() - lasso.stem;
        let property = u16::try_from(lasso.property).unwrap_or(u16::MAX);
        let cycle = Wrong::Cycle(property, u32::try_from(length).unwrap_or(u32::MAX));
        self.tell(first, &lasso.steps, cycle)
    }

    /// The steps between states that follow each other, each with the state before it.
    pub(crate) fn steps_between(&self, states: &[&[u32]]) -> Vec<(Vec<u32>, Step)> {
        let mut expander = Expander::new(Reader::new(&self.shared), &self.shape);
        let mut steps = Vec::new();
        for pair in states.windows(2) {
            let mut found = None;
            expander.expand(pair[0], &mut |step: Step, after: &[u32]| {
                if after == pair[1] {
                    found.get_or_insert(step);
                }
            });
            steps.extend(found.map(|step| (pair[0].to_vec(), step)));
        }
        steps
    }

    pub(crate) fn replay(&self, steps: &[impl AsRef<str>]) -> Result<Replay, ExploreError> {
        if let Some(wrong) = self.wrong {
            return Ok(Replay::Fails(Box::new(self.tell(&[], &[], wrong))));
        }
        let mut steps = steps.iter().map(AsRef::as_ref).enumerate().peekable();
        let chosen =
            |(_, text): &(usize, &str)| (0..self.first.len()).any(|nth| *text == begin(nth));
        let nth = steps
            .next_if(chosen)
            .and_then(|(_, text)| (0..self.first.len()).find(|nth| text == begin(*nth)));
        let first = &self.first[nth.unwrap_or(0)];
        let mut state = first.clone();
        let mut expander = Expander::new(Reader::new(&self.shared), &self.shape);
        let mut taken: Vec<(Vec<u32>, Step)> = Vec::new();
        loop {
            let wrong = match taken.last().map_or(0, |(_, step)| step.wrong) {
                0 => self.demands.wrong(&mut expander.reader, &state),
                step => Some(Wrong::Step(step)),
            };
            if let Some(wrong) = wrong {
                return Ok(Replay::Fails(Box::new(self.tell(first, &taken, wrong))));
            }
            let Some((at, text)) = steps.next() else { return Ok(Replay::Holds) };
            let mut next = Vec::new();
            expander.expand(&state, &mut |step: Step, after: &[u32]| {
                next.push((step, after.to_vec()));
            });
            if let Some(error) = expander.reader.error.take() {
                return Err(error);
            }
            let said = |step: Step| lock(&self.shared).typed.words(&state, step) == text;
            let Some((step, after)) = next.into_iter().find(|(step, _)| said(*step)) else {
                return Ok(Replay::Diverges { at, step: text.into() });
            };
            taken.push((std::mem::replace(&mut state, after), step));
        }
    }
}

/// The choice of a first state in words, where there are several.
fn begin(nth: usize) -> String {
    format!("begin {}", nth + 1)
}

/// What came of taking given steps again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Replay {
    /// Something is wrong again, perhaps before the last step.
    Fails(Box<Counterexample>),
    /// All steps were taken, and nothing is wrong.
    Holds,
    /// This step cannot be taken any more: the node does something else before it.
    Diverges {
        /// Which step, from 0.
        at: usize,
        /// The step.
        step: String,
    },
}

impl<N> Model<N>
where
    N: Shareable,
    Request<N>: Send + Sync,
    Response<N>: Send,
{
    /// Explores all runs, breadth-first, on one thread, within [`Limits::STANDARD`].
    ///
    /// # Errors
    /// When the model cannot be explored.
    pub fn run(self) -> Result<Explored, ExploreError> {
        let stop = AtomicBool::new(false);
        let control = Control { progress: &|_| (), stop: &stop, threads: 1 };
        explore(self, Limits::STANDARD, control)
    }
}

impl Explored {
    /// Nothing is wrong, all was seen, and everything could be decided.
    pub const fn holds(&self) -> bool {
        self.counterexample.is_none() && self.stopped.is_none() && self.undecided.is_empty()
    }

    /// For tests.
    ///
    /// # Panics
    /// With the steps to what is wrong, if anything is; and if not all was seen or decided.
    pub fn assert_holds(&self) {
        if let Some(found) = &self.counterexample {
            let steps = found.steps.join("\n  ");
            panic!("{}: {}\n  {steps}", found.finding.id, found.finding.sentence);
        }
        assert!(self.holds(), "stopped: {:?}, not decided: {:?}", self.stopped, self.undecided);
    }
}

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
    System::new(model)?.explore(limits, control)
}

/// Takes the steps of a [`Counterexample`] again.
///
/// # Errors
/// When the model cannot be explored.
pub fn replay<N>(model: Model<N>, steps: &[impl AsRef<str>]) -> Result<Replay, ExploreError>
where
    N: Shareable,
    Request<N>: Send + Sync,
    Response<N>: Send,
{
    System::new(model)?.replay(steps)
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
    fn first_states(&mut self, shape: &Shape) -> Result<First, ExploreError> {
        let mut wrong = None;
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
                    wrong.get_or_insert(Wrong::Step(reaction.wrong));
                    continue;
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
            shape.thin(&mut state);
            state
        };
        let mut states: Vec<Vec<u32>> = states.into_iter().map(whole).collect();
        states.sort_unstable();
        states.dedup();
        Ok((states, wrong))
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
