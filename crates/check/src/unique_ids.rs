//! `unique-ids`: no id may be given twice.

use splitbrain_core::workload::unique_ids::{Id, Response, UniqueIds};
use splitbrain_core::{History, Operation, Verdict};

use crate::Judge;
use crate::cases::Cases;
use crate::planted::{Planted, planted};

impl Judge for UniqueIds {
    /// `ID-DUPLICATE`: two answers gave the same id.
    fn judge(history: &History<Self>) -> Verdict {
        let mut verdict = Verdict::default();
        let mut given: Vec<(&Id, usize)> =
            history.operations.iter().enumerate().filter_map(id).collect();
        given.sort_unstable();
        let mut duplicates: Vec<(&Id, &[(&Id, usize)])> = given
            .chunk_by(|a, b| a.0 == b.0)
            .filter(|group| group.len() > 1)
            .map(|group| (group[0].0, group))
            .collect();
        if planted(Planted::IdsPerNode) {
            let node = |at: usize| history.operations[at].node;
            duplicates.retain(|(_, group)| node(group[0].1) == node(group[1].1));
        }
        duplicates.sort_by_key(|(_, group)| (std::cmp::Reverse(group.len()), group[1].1));

        let mut cases = Cases::new("ID-DUPLICATE");
        for (id, group) in duplicates {
            let told = |at: usize| {
                let operation = &history.operations[at];
                let when = operation.completed.unwrap_or(operation.invoked).at;
                format!("by {} to {} at {when}", operation.node, operation.process)
            };
            let (first, second) = (group[0].1, group[1].1);
            let sentence = || {
                let times = match group.len() {
                    2 => "twice".into(),
                    many => format!("{many} times"),
                };
                format!("{id} was given {times}: {} and {}", told(first), told(second))
            };
            cases.add(sentence, [first, second]);
        }
        cases.into_verdict(&mut verdict);
        if given.is_empty() {
            verdict.undecided.push("no id was ever given".into());
        }
        verdict
    }
}

fn id((at, operation): (usize, &Operation<UniqueIds>)) -> Option<(&Id, usize)> {
    let Response::GenerateOk { id } = operation.response()?;
    Some((id, at))
}
