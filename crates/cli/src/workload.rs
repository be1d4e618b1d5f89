//! From a workload's name to its type.

use anyhow::{Result, bail};
use splitbrain_check::Judge;
use splitbrain_core::workload::{
    Workload, broadcast, echo, g_counter, g_set, kafka, lin_kv, pn_counter, txn_list_append,
    txn_rw_register, unique_ids,
};

use crate::nearest::nearest;

/// Something to be done for a workload that is known by its name only.
pub(crate) trait Visit {
    /// What comes of it.
    type Output;
    /// Does it.
    fn visit<W: Judge>(self) -> Self::Output;
}

macro_rules! workloads {
    ($($workload:path),*) => {
        /// The names of all workloads.
        pub(crate) const NAMES: &[&str] = &[$(<$workload>::NAME),*];

        /// Does it for the workload of this name.
        pub(crate) fn visit<V: Visit>(name: &str, visitor: V) -> Result<V::Output> {
            $(if name == <$workload>::NAME {
                return Ok(visitor.visit::<$workload>());
            })*
            match nearest(name, NAMES.iter().copied()) {
                Some(near) => bail!("no workload {name:?}; did you mean {near:?}?"),
                None => bail!("no workload {name:?}; there are {}", NAMES.join(", ")),
            }
        }
    };
}

workloads!(
    echo::Echo,
    unique_ids::UniqueIds,
    broadcast::Broadcast,
    g_set::GSet,
    g_counter::GCounter,
    pn_counter::PnCounter,
    lin_kv::LinKv,
    kafka::Kafka,
    txn_list_append::TxnListAppend,
    txn_rw_register::TxnRwRegister
);
