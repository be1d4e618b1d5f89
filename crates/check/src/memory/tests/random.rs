//! Random histories of a few sessions, most of them nearly right.

use splitbrain_core::{End, ProcessId, Rng};

use super::super::Access;
use crate::spec::RegisterCall;

/// How large a history is.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) sessions: u32,
    pub(super) operations: usize,
    pub(super) keys: u64,
}

/// What a session asked, what it found, and which values its replica holds, newest first.
pub(super) fn history(rng: &mut Rng, shape: Shape) -> Vec<Access> {
    // In one history reads find almost always the newest; in another anything.
    let staleness = [0, 2, 5, 9][usize::try_from(rng.below(4)).unwrap()];
    let repeats = rng.below(8) == 0;
    let mut written: Vec<Vec<u64>> = vec![Vec::new(); usize::try_from(shape.keys).unwrap()];
    let mut history: Vec<Access> = Vec::new();
    let mut asked = vec![0; shape.sessions as usize];
    for number in 0..shape.operations {
        let session = rng.below(u64::from(shape.sessions));
        let key = rng.below(shape.keys);
        let values = &mut written[usize::try_from(key).unwrap()];
        let found = match rng.below(10) {
            draw if draw >= staleness => values.last().copied(),
            _ if rng.below(4) == 0 => None,
            _ => (!values.is_empty()).then(|| *rng.pick(values)),
        };
        let new = if repeats && rng.below(3) == 0 { 1 + rng.below(3) } else { 100 + number as u64 };
        let call = match (rng.below(20), found) {
            (0, _) if staleness == 9 => RegisterCall::Read(Some(100 + rng.below(9))),
            (0..11, found) => RegisterCall::Read(found),
            (11, Some(from)) if from != new => RegisterCall::Cas { from, to: new },
            (13, Some(other)) if repeats => RegisterCall::Refused(other + rng.below(2)),
            (12, Some(other)) if repeats => RegisterCall::Differs(other + rng.below(2)),
            _ => RegisterCall::Write(new),
        };
        values.extend(call.written());
        // It takes effect at its place; its request and answer lie around that.
        let place = 10 * u32::try_from(number).unwrap() + 10;
        let early = u32::try_from(rng.below(25)).unwrap();
        let late = u32::try_from(rng.below(25)).unwrap();
        let before: &mut u32 = &mut asked[usize::try_from(session).unwrap()];
        let invoked = place.saturating_sub(early).max(*before);
        let completed = place.max(invoked) + 1 + late;
        *before = completed + 1;
        let end = match rng.below(24) {
            0 => End::Unknown,
            1 => End::Failed,
            _ => End::Ok,
        };
        let process = ProcessId(u32::try_from(session).unwrap());
        let (completed, last) = (Some(completed), number * 4 > shape.operations * 3);
        history.push(Access { process, key, call, invoked, completed, end, last });
    }
    history.sort_by_key(|access| access.invoked);
    history
}
