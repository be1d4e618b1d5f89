//! Objects that a history may be of, by name, each with its judge.
//!
//! PROBLEM     A file says `:f :cas, :value [1 2]`. What that means, and whether the answer is
//!             right, only the object can say: a register, a queue, a lock.
//! IDEA        A table of objects. Each turns records into what its judge wants, and says what it
//!             cannot make sense of, with the line.
//! RULES       Who names no object gets the one whose functions and values the history has.
//!             What failed did not happen. What ended unknown may have happened at any later time.
//! READ NEXT   object/names.rs → object/linearizable.rs → object/typed.rs

mod guess;
mod linearizable;
mod logs;
mod names;
mod registers;
mod transactions;
mod typed;

use splitbrain_core::workload::{broadcast, echo, g_counter, g_set, pn_counter, unique_ids};
use splitbrain_core::{OperationId, Verdict};

use crate::record::Record;
use crate::show::Shown;
use crate::{Budget, FileError, Value, consistency, memory};

pub use guess::guess;
pub use transactions::ASSUMPTIONS;

/// A history, and what is asked about it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The operations, in the order in which they began.
    pub records: &'a [Record],
    /// What a register holds at first, or each of them. Nothing, unless somebody knows better.
    pub initial: &'a Value,
    /// The consistency models that the history should satisfy; if there are none, the object's
    /// own.
    pub models: &'a [String],
    /// What may be assumed of the registers of transactions: some of [`ASSUMPTIONS`].
    pub assumptions: &'a [String],
    /// How much the judge may do.
    pub budget: Budget,
}

/// An object, and how its histories are judged.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    /// Its name, as `-m` takes it.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What it is, in a few words.
    pub about: &'static str,
    /// The workload that its histories are of in our own files.
    pub workload: &'static str,
    judge: fn(&Question<'_>) -> Result<Verdict, FileError>,
    models: Models,
}

/// Which consistency models an object can be held to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Models {
    /// Its own only.
    Own,
    /// Those of a shared memory.
    Memory,
    /// Those of transactions.
    Transactions,
}

impl Object {
    /// The object of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        OBJECTS.iter().find(|object| object.name == name || object.aliases.contains(&name))
    }

    /// The consistency models that a history of the object can be held to, its own first.
    pub fn models(&self) -> Vec<&'static str> {
        match self.models {
            Models::Own => Vec::new(),
            Models::Memory => memory::Model::ALL.iter().map(|model| model.name()).collect(),
            Models::Transactions => {
                let judged = consistency::Model::ALL.iter().filter(|model| model.is_judged());
                judged.map(|model| model.name()).collect()
            }
        }
    }

    /// Whether a history of the object can be held to the consistency model of this name.
    pub fn takes(&self, model: &str) -> bool {
        match self.models {
            Models::Own => false,
            Models::Memory => self.models().contains(&model.to_lowercase().as_str()),
            Models::Transactions => model.parse::<consistency::Model>().is_ok(),
        }
    }

    /// Judges a history of the object.
    ///
    /// # Errors
    /// Names the line of an operation that means nothing to the object.
    ///
    /// ```
    /// use splitbrain_check::object::{Object, Question};
    /// use splitbrain_check::{Budget, Limits, Records, Value};
    ///
    /// let file = "{:process 0, :type :invoke, :f :generate, :value nil}
    ///             {:process 0, :type :ok, :f :generate, :value 7}
    ///             {:process 0, :type :invoke, :f :generate, :value nil}
    ///             {:process 0, :type :ok, :f :generate, :value 7}";
    /// let records = Records::open(file.as_bytes(), Limits::default()).expect("a history");
    /// let records: Vec<_> = records.map(|record| record.expect("no error")).collect();
    /// let budget = Budget::default();
    /// let (initial, models, assumptions) = (&Value::Nil, &[], &[]);
    /// let question = Question { records: &records, initial, models, assumptions, budget };
    /// let object = Object::named("unique-ids").expect("there is one");
    /// let verdict = object.judge(&question).expect("it means something");
    /// assert_eq!(verdict.findings[0].id, "ID-DUPLICATE");
    /// ```
    pub fn judge(&self, question: &Question<'_>) -> Result<Verdict, FileError> {
        (self.judge)(question)
    }
}

/// All objects.
pub const OBJECTS: &[Object] = &[
    Object {
        name: "register",
        aliases: &[],
        about: "registers, read and written; linearizable",
        workload: "register",
        judge: registers::memory,
        models: Models::Memory,
    },
    Object {
        name: "cas-register",
        aliases: &[],
        about: "registers with compare-and-set; linearizable",
        workload: "cas-register",
        judge: registers::memory,
        models: Models::Memory,
    },
    Object {
        name: "multi-register",
        aliases: &[],
        about: "registers that are read and written together; linearizable",
        workload: "multi-register",
        judge: linearizable::multi_register,
        models: Models::Own,
    },
    Object {
        name: "key-value",
        aliases: &["kv"],
        about: "texts under keys: get, put, append, cas, delete; linearizable",
        workload: "key-value",
        judge: linearizable::key_value,
        models: Models::Own,
    },
    Object {
        name: "set",
        aliases: &[],
        about: "a set: add, remove, contains, read; linearizable",
        workload: "set",
        judge: linearizable::set,
        models: Models::Own,
    },
    Object {
        name: "counter",
        aliases: &[],
        about: "a counter: add, read; linearizable",
        workload: "counter",
        judge: linearizable::counter,
        models: Models::Own,
    },
    Object {
        name: "queue",
        aliases: &["fifo-queue"],
        about: "a queue, first in first out; linearizable",
        workload: "queue",
        judge: linearizable::queue,
        models: Models::Own,
    },
    Object {
        name: "unordered-queue",
        aliases: &["bag"],
        about: "a queue without an order; linearizable",
        workload: "queue",
        judge: linearizable::bag,
        models: Models::Own,
    },
    Object {
        name: "stack",
        aliases: &[],
        about: "a stack, last in first out; linearizable",
        workload: "stack",
        judge: linearizable::stack,
        models: Models::Own,
    },
    Object {
        name: "mutex",
        aliases: &[],
        about: "a mutex: acquire, release; linearizable",
        workload: "mutex",
        judge: linearizable::mutex,
        models: Models::Own,
    },
    Object {
        name: "lock",
        aliases: &[],
        about: "a lock that its holder releases, with fencing tokens; linearizable",
        workload: "lock",
        judge: linearizable::lock,
        models: Models::Own,
    },
    Object {
        name: "log",
        aliases: &[],
        about: "a log that is only appended to; linearizable",
        workload: "log",
        judge: linearizable::log,
        models: Models::Own,
    },
    Object {
        name: "lin-kv",
        aliases: &[],
        about: "registers under keys, and what a refusal tells of them; linearizable",
        workload: "lin-kv",
        judge: registers::memory,
        models: Models::Memory,
    },
    Object {
        name: "ladder",
        aliases: &[],
        about: "registers: every model of a shared memory, and the strongest that holds",
        workload: "lin-kv",
        judge: registers::rungs,
        models: Models::Own,
    },
    Object {
        name: "set-full",
        aliases: &["g-set"],
        about: "a set that only grows: nothing is lost in the end, nothing comes from nowhere",
        workload: "g-set",
        judge: typed::judge::<g_set::GSet>,
        models: Models::Own,
    },
    Object {
        name: "broadcast",
        aliases: &[],
        about: "messages that all come to see",
        workload: "broadcast",
        judge: typed::judge::<broadcast::Broadcast>,
        models: Models::Own,
    },
    Object {
        name: "g-counter",
        aliases: &[],
        about: "a counter that only grows, and is right in the end",
        workload: "g-counter",
        judge: typed::judge::<g_counter::GCounter>,
        models: Models::Own,
    },
    Object {
        name: "pn-counter",
        aliases: &[],
        about: "a counter that is right in the end",
        workload: "pn-counter",
        judge: typed::judge::<pn_counter::PnCounter>,
        models: Models::Own,
    },
    Object {
        name: "list-append",
        aliases: &["txn-list-append"],
        about: "transactions that read lists and append to them",
        workload: "txn-list-append",
        judge: transactions::appends,
        models: Models::Transactions,
    },
    Object {
        name: "rw-register",
        aliases: &["txn-rw-register"],
        about: "transactions that read and write registers",
        workload: "txn-rw-register",
        judge: transactions::writes,
        models: Models::Transactions,
    },
    Object {
        name: "kafka",
        aliases: &[],
        about: "logs that many write to, and whose readers miss nothing",
        workload: "kafka",
        judge: logs::kafka,
        models: Models::Own,
    },
    Object {
        name: "unique-ids",
        aliases: &[],
        about: "ids that nobody else was given",
        workload: "unique-ids",
        judge: typed::judge::<unique_ids::UniqueIds>,
        models: Models::Own,
    },
    Object {
        name: "echo",
        aliases: &[],
        about: "answers that repeat the question",
        workload: "echo",
        judge: typed::judge::<echo::Echo>,
        models: Models::Own,
    },
];

/// The operation as it is shown: `c1`, `read → 7`.
///
/// # Panics
/// If there is no such operation.
pub fn shown(records: &[Record], operation: OperationId) -> Shown {
    let record = &records[operation.index()];
    Shown {
        lane: record.process.to_string(),
        text: names::described(record),
        invoked: record.invoked.order,
        completed: record.completed.map(|moment| moment.order),
        end: record.end,
    }
}

#[cfg(test)]
mod tests;
