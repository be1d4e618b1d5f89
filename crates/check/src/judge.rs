//! What every judge is: a function from a history to a verdict.

use splitbrain_core::workload::Workload;
use splitbrain_core::{History, Verdict};

use crate::consistency::Model;

/// A workload whose histories can be judged.
///
/// ```
/// use splitbrain_check::Judge;
/// use splitbrain_core::workload::echo::Echo;
/// use splitbrain_core::{History, Validity, Verdict};
///
/// let judge: fn(&History<Echo>) -> Verdict = Echo::judge;
/// assert_eq!(judge(&History::default()).validity(), Validity::Unknown);
/// ```
pub trait Judge: Workload {
    /// What is wrong with the history, if anything.
    ///
    /// The same history gives the same verdict; no history makes it panic or run for ever.
    fn judge(history: &History<Self>) -> Verdict;

    /// The same, held to these consistency models instead of what the workload promises. A workload
    /// that promises one thing only takes no notice.
    fn judge_as(history: &History<Self>, models: &[Model]) -> Verdict {
        let _ = models;
        Self::judge(history)
    }
}
