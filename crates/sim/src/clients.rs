//! The clients' side of a cluster: requests, answers, and the history they make.

use splitbrain_core::workload::{Draw, Workload};
use splitbrain_core::{
    Described, ErrorCode, History, Key, MessageText, NodeId, Operation, OperationId, Outcome,
    ProcessId, Stamp, Verdict,
};

use crate::cluster::{AnswerKind, Ask, Slot};
use crate::recipe::stream;
use crate::slab::Slab;
use crate::{Planned, Recipe, RecipeError};

/// What a node answered.
pub type Answer<W> = Result<<W as splitbrain_core::Api>::Response, (ErrorCode, String)>;

/// Who judges the histories of a workload, and how they are written down.
pub struct Judging<W: Workload> {
    /// The judge: of a history, held to the consistency models of these names, or else to what the
    /// workload promises.
    pub judge: fn(&History<W>, &[String]) -> Verdict,
    /// The history as a file.
    pub write: fn(&History<W>) -> String,
}

impl<W: Workload> Clone for Judging<W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W: Workload> Copy for Judging<W> {}

impl<W: Workload> std::fmt::Debug for Judging<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judging").field("workload", &W::NAME).finish_non_exhaustive()
    }
}

/// The typed half of a [`Cluster`](crate::Cluster) that has to do with clients.
#[derive(Debug)]
pub struct Clients<W: Workload> {
    operations: Key,
    judging: Judging<W>,
    models: Vec<String>,
    history: History<W>,
    answers: Slab<Answer<W>>,
}

impl<W: Workload> Clients<W> {
    /// The clients of a run. Where the recipe does not say which consistency models the history is
    /// held to, it is `models`.
    ///
    /// # Errors
    /// When a request that the recipe spells out is not one of the workload's.
    pub fn new(recipe: &Recipe, judging: Judging<W>, models: &[&str]) -> Result<Self, RecipeError> {
        for planned in &recipe.operations {
            if let Some(request) = &planned.request {
                serde_json::from_value::<W::Request>(request.clone()).map_err(|error| {
                    RecipeError::Config(format!(
                        "operation {} is no request of {}: {error}: {request}",
                        planned.index,
                        W::NAME
                    ))
                })?;
            }
        }
        Ok(Self {
            operations: Key::new(recipe.seed).derive(stream::OPERATIONS),
            judging,
            models: match &recipe.config.consistency_models[..] {
                [] => models.iter().map(ToString::to_string).collect(),
                asked => asked.to_vec(),
            },
            history: History::default(),
            answers: Slab::default(),
        })
    }

    /// The request that a plan stands for.
    pub fn request_of(&self, planned: &Planned) -> Option<W::Request> {
        if let Some(request) = &planned.request {
            return serde_json::from_value(request.clone()).ok();
        }
        let draw = Draw { key: self.operations, index: planned.index };
        if planned.last { W::last(draw) } else { Some(W::generate(draw)) }
    }

    /// What the client asks after its operation was answered, if anything.
    fn follow_up(&self, operation: OperationId) -> Option<W::Request> {
        let operation = &self.history.operations[operation.index()];
        W::follow_up(&operation.request, operation.response()?)
    }

    /// Whether the client asks on after this answer.
    pub fn has_follow_up(&self, operation: OperationId) -> bool {
        self.follow_up(operation).is_some()
    }

    /// Begins an operation.
    pub fn invoke(
        &mut self,
        ask: Ask<'_>,
        node: NodeId,
        process: ProcessId,
        invoked: Stamp,
    ) -> Option<OperationId> {
        let (request, last) = match ask {
            Ask::Planned(planned) => (self.request_of(planned)?, planned.last),
            Ask::FollowUp(operation) => (self.follow_up(operation)?, true),
        };
        let id = OperationId(u32::try_from(self.history.operations.len()).ok()?);
        self.history.operations.push(Operation {
            process,
            node,
            request,
            invoked,
            completed: None,
            outcome: Outcome::Unknown,
            last,
        });
        Some(id)
    }

    /// The request of an operation that was begun.
    pub fn request(&self, operation: OperationId) -> &W::Request {
        &self.history.operations[operation.index()].request
    }

    /// Keeps an answer until it arrives.
    pub fn keep(&mut self, answer: Answer<W>) -> (Slot, AnswerKind) {
        let kind = match &answer {
            Ok(_) => AnswerKind::Ok,
            Err((code, _)) if code.is_definite() => {
                AnswerKind::Definite { retry: *code == ErrorCode::TEMPORARILY_UNAVAILABLE }
            }
            Err(_) => AnswerKind::Indefinite,
        };
        (self.answers.insert(answer), kind)
    }

    /// Ends an operation.
    pub fn complete(&mut self, operation: OperationId, at: Stamp, answer: Option<Slot>) {
        let operation = &mut self.history.operations[operation.index()];
        operation.completed = Some(at);
        operation.outcome = match answer.and_then(|slot| self.answers.get(slot)) {
            Some(Ok(response)) => Outcome::Ok(response.clone()),
            Some(Err((code, text))) if code.is_definite() => {
                Outcome::Failed { code: *code, text: text.clone() }
            }
            Some(Err(_)) | None => Outcome::Unknown,
        };
    }

    /// Whether the operation changes nothing.
    pub fn is_query(&self, operation: OperationId) -> bool {
        W::is_query(self.request(operation))
    }

    /// The operation in words.
    pub fn describe(&self, operation: OperationId) -> Described {
        Described::new(&self.history.operations[operation.index()])
    }

    /// What an answer says.
    pub fn answer(&self, answer: Slot) -> MessageText {
        match self.answers.get(answer) {
            Some(Ok(response)) => MessageText {
                label: kind(&serde_json::to_value(response).unwrap_or_default()),
                body: format!("{response:?}"),
            },
            Some(Err((code, text))) => {
                MessageText { label: "error".into(), body: format!("{code}: {text}") }
            }
            None => MessageText::default(),
        }
    }

    /// What the judge says so far.
    pub fn judge(&self) -> Verdict {
        (self.judging.judge)(&self.history, &self.models)
    }

    /// The history as a file.
    pub fn write(&self) -> String {
        (self.judging.write)(&self.history)
    }

    /// The history so far.
    pub const fn history(&self) -> &History<W> {
        &self.history
    }
}

/// The `type` of a message's body.
fn kind(body: &serde_json::Value) -> String {
    body.get("type").and_then(serde_json::Value::as_str).unwrap_or("?").into()
}
