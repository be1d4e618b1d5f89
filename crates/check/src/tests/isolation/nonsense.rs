//! Histories that no reader would let in.

use splitbrain_core::{End, ProcessId, Rng};

use crate::transaction::{Key, MicroOp, Name, Seen, Transactions, Value};

/// A history that no reader would let in: anything may stand anywhere.
pub(super) fn nonsense(rng: &mut Rng) -> Transactions {
    let mut history = Transactions::default();
    let names: Vec<Value> = (0..5).map(|i| history.value(Name::Integer(i))).collect();
    let keys: Vec<Key> = (0..3).map(|i| history.key(Name::Integer(i))).collect();
    for _ in 0..rng.below(7) {
        let mut list = || (0..rng.below(5)).map(|_| *rng.pick(&names)).collect();
        let lists: [Vec<Value>; 4] = [list(), list(), list(), list()];
        let ops: Vec<MicroOp<'_>> = lists
            .iter()
            .map(|list| {
                let (key, value) = (*rng.pick(&keys), *rng.pick(&names));
                match rng.below(6) {
                    0 => MicroOp::Append { key, value },
                    1 => MicroOp::Write { key, value },
                    2 => MicroOp::Read { key, seen: Seen::Value(value) },
                    3 => MicroOp::Read { key, seen: Seen::Nothing },
                    4 => MicroOp::Read { key, seen: Seen::Unknown },
                    _ => MicroOp::Read { key, seen: Seen::List(list) },
                }
            })
            .collect();
        let process = ProcessId(u32::try_from(rng.below(3)).unwrap());
        let place = |rng: &mut Rng| u32::try_from(rng.below(9)).unwrap();
        let id = history.begin(process, place(rng), &ops);
        let end = *rng.pick(&[End::Ok, End::Failed, End::Unknown]);
        history.end(id, place(rng), end, &ops[usize::try_from(rng.below(4)).unwrap()..]);
    }
    history
}
