//! A model under a name, its types hidden: what a program offers to explore.

use splitbrain_core::{Request, Response};

use crate::explore::System;
use crate::{Bounds, Control, ExploreError, Explored, Limits, Model, Replay, Shareable};

/// A model that can be explored, whatever its types.
pub trait Case: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// The name of what clients may ask.
    fn workload(&self) -> &'static str;

    /// What may happen, and how often.
    fn bounds(&self) -> Bounds;

    /// How many nodes, how many clients, and how many operations of all of them.
    fn size(&self) -> (u16, usize, usize);

    /// Explores all runs.
    ///
    /// # Errors
    /// When the model cannot be explored.
    fn explore(
        &self,
        bounds: &Bounds,
        limits: Limits,
        control: Control<'_>,
    ) -> Result<Explored, ExploreError>;

    /// Takes the steps of a counterexample again.
    ///
    /// # Errors
    /// When the model cannot be explored.
    fn replay(&self, bounds: &Bounds, steps: &[String]) -> Result<Replay, ExploreError>;
}

struct Hidden<F> {
    name: &'static str,
    workload: &'static str,
    build: F,
}

/// The model that `build` makes, under a name.
pub fn case<N>(
    name: &'static str,
    workload: &'static str,
    build: impl Fn() -> Model<N> + Send + Sync + 'static,
) -> Box<dyn Case>
where
    N: Shareable,
    Request<N>: Send + Sync,
    Response<N>: Send,
{
    Box::new(Hidden { name, workload, build })
}

impl<N, F> Case for Hidden<F>
where
    N: Shareable,
    Request<N>: Send + Sync,
    Response<N>: Send,
    F: Fn() -> Model<N> + Send + Sync,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn workload(&self) -> &'static str {
        self.workload
    }

    fn bounds(&self) -> Bounds {
        (self.build)().bounds
    }

    fn size(&self) -> (u16, usize, usize) {
        let model = (self.build)();
        let operations = model.clients.iter().map(Vec::len).sum();
        (model.nodes, model.clients.len(), operations)
    }

    fn explore(
        &self,
        bounds: &Bounds,
        limits: Limits,
        control: Control<'_>,
    ) -> Result<Explored, ExploreError> {
        let model = Model { bounds: bounds.clone(), ..(self.build)() };
        System::new(model)?.explore(limits, control)
    }

    fn replay(&self, bounds: &Bounds, steps: &[String]) -> Result<Replay, ExploreError> {
        let model = Model { bounds: bounds.clone(), ..(self.build)() };
        System::new(model)?.replay(steps)
    }
}
