//! Objects that can be asked at random, and answered rightly or wrongly.

use std::collections::BTreeMap;

use splitbrain_core::Rng;

use crate::spec::{
    Access, Bag, Counter, CounterCall, KeyValue, KeyValueCall, Keyed, KeyedCall, Lock, LockCall,
    Log, LogCall, MultiRegister, Mutex, MutexCall, Queue, QueueCall, Register, RegisterCall, Set,
    SetCall, Spec, Stack, StackCall,
};

/// Where the values of a history come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Values {
    /// Each is written once.
    Unique,
    /// One of this many.
    Few(u64),
}

/// Draws for one history.
pub(super) struct Draws<'a> {
    pub(super) rng: &'a mut Rng,
    pub(super) values: Values,
    /// How many values were written.
    pub(super) written: u64,
}

impl Draws<'_> {
    /// A value to write.
    fn new_value(&mut self) -> u64 {
        self.written += 1;
        match self.values {
            Values::Unique => self.written,
            Values::Few(values) => self.rng.below(values),
        }
    }

    /// A value that may have been written.
    fn old_value(&mut self) -> u64 {
        match self.values {
            Values::Unique => self.rng.between(1, self.written + 1),
            Values::Few(values) => self.rng.below(values),
        }
    }

    fn one_of(&mut self, cases: u64) -> u64 {
        self.rng.below(cases)
    }
}

/// An object for random histories.
pub(super) trait Subject: Spec + Default {
    /// Asks something.
    fn ask(draws: &mut Draws<'_>) -> Self::Call;

    /// The call as the object answers it in this state.
    fn answer(state: &Self::State, call: Self::Call) -> Self::Call;

    /// The call with some other answer.
    fn spoil(draws: &mut Draws<'_>, call: Self::Call) -> Self::Call;

    /// The call if its answer never comes. If it was not answered yet, it is as it was asked.
    fn lose(call: Self::Call) -> Self::Call {
        call
    }
}

impl Subject for Register {
    fn ask(draws: &mut Draws<'_>) -> RegisterCall {
        match draws.one_of(8) {
            0..3 => RegisterCall::Read(None),
            3..6 => RegisterCall::Write(draws.new_value()),
            _ => RegisterCall::Cas { from: draws.old_value(), to: draws.new_value() },
        }
    }

    fn answer(state: &Option<u64>, call: RegisterCall) -> RegisterCall {
        match call {
            RegisterCall::Read(_) => RegisterCall::Read(*state),
            // Of what was refused some systems say why, and some do not.
            RegisterCall::Cas { from, to } if *state != Some(from) => match *state {
                None => RegisterCall::Read(None),
                Some(_) if to % 2 == 0 => RegisterCall::Differs(from),
                Some(_) => RegisterCall::Refused(from),
            },
            call => call,
        }
    }

    fn spoil(draws: &mut Draws<'_>, call: RegisterCall) -> RegisterCall {
        match call {
            RegisterCall::Read(Some(_)) if draws.one_of(4) == 0 => RegisterCall::Read(None),
            RegisterCall::Read(_) => RegisterCall::Read(Some(draws.old_value())),
            RegisterCall::Write(_) => RegisterCall::Write(draws.new_value()),
            RegisterCall::Cas { to, .. } => RegisterCall::Cas { from: draws.old_value(), to },
            RegisterCall::Differs(from) | RegisterCall::Refused(from) => {
                RegisterCall::Cas { from, to: draws.new_value() }
            }
        }
    }
}

impl<S: Subject> Subject for Keyed<S> {
    fn ask(draws: &mut Draws<'_>) -> KeyedCall<S::Call> {
        KeyedCall { key: draws.one_of(2), call: S::ask(draws) }
    }

    fn answer(state: &S::State, call: Self::Call) -> Self::Call {
        KeyedCall { call: S::answer(state, call.call), ..call }
    }

    fn spoil(draws: &mut Draws<'_>, call: Self::Call) -> Self::Call {
        KeyedCall { call: S::spoil(draws, call.call), ..call }
    }

    fn lose(call: Self::Call) -> Self::Call {
        KeyedCall { call: S::lose(call.call), ..call }
    }
}

/// A value as text. With four values each text begins the next one; others tell where they end.
fn text(draws: &Draws<'_>, value: u64) -> crate::spec::Text {
    match draws.values {
        Values::Few(4) => "a".repeat(usize::try_from(value).unwrap_or(0) + 1).into(),
        _ => format!("{value};").into(),
    }
}

impl Subject for KeyValue {
    fn ask(draws: &mut Draws<'_>) -> KeyValueCall {
        let new = draws.new_value();
        let new = text(draws, new);
        match draws.one_of(16) {
            0..6 => KeyValueCall::Get(None),
            6..8 => KeyValueCall::Put(new),
            8..14 => KeyValueCall::Append(new),
            14 if draws.one_of(3) == 0 => KeyValueCall::Delete,
            _ => {
                let old = draws.old_value();
                KeyValueCall::Cas { from: text(draws, old), to: new }
            }
        }
    }

    fn answer(state: &Option<crate::spec::Text>, call: KeyValueCall) -> KeyValueCall {
        match call {
            KeyValueCall::Get(_) => KeyValueCall::Get(state.clone()),
            // A client that has read the text before.
            KeyValueCall::Cas { to, .. } if to.len() % 2 == 0 && state.is_some() => {
                KeyValueCall::Cas { from: state.clone().unwrap_or_default(), to }
            }
            KeyValueCall::Cas { from, .. } if state.as_ref() != Some(&from) => {
                KeyValueCall::Refused(from)
            }
            call => call,
        }
    }

    fn spoil(draws: &mut Draws<'_>, call: KeyValueCall) -> KeyValueCall {
        let value = draws.old_value();
        let value = text(draws, value);
        match call {
            KeyValueCall::Get(Some(text)) => KeyValueCall::Get(match draws.one_of(4) {
                0 => None,
                1 => Some(value),
                2 => Some(format!("{text}{value}").into()),
                _ => {
                    let pieces: Vec<&str> = text.split_inclusive(';').rev().skip(1).collect();
                    Some(pieces.into_iter().rev().collect::<String>().into())
                }
            }),
            KeyValueCall::Get(None) => KeyValueCall::Get(Some(value)),
            KeyValueCall::Put(text) => KeyValueCall::Append(text),
            KeyValueCall::Append(text) => KeyValueCall::Put(text),
            KeyValueCall::Cas { to, .. } => KeyValueCall::Cas { from: value, to },
            call => call,
        }
    }
}

impl Subject for MultiRegister {
    fn ask(draws: &mut Draws<'_>) -> Vec<Access> {
        let mut access = |_| {
            let key = draws.one_of(2);
            match draws.one_of(2) {
                0 => Access::Read { key, value: None },
                _ => Access::Write { key, value: draws.new_value() },
            }
        };
        (0..2).map(&mut access).collect()
    }

    fn answer(state: &BTreeMap<u64, u64>, call: Vec<Access>) -> Vec<Access> {
        let mut state = state.clone();
        let answer = |access| match access {
            Access::Read { key, .. } => Access::Read { key, value: state.get(&key).copied() },
            Access::Write { key, value } => {
                state.insert(key, value);
                access
            }
        };
        call.into_iter().map(answer).collect()
    }

    fn spoil(draws: &mut Draws<'_>, mut call: Vec<Access>) -> Vec<Access> {
        for access in &mut call {
            if let Access::Read { value, .. } = access {
                *value = Some(draws.old_value());
            }
        }
        call
    }
}

impl Subject for Set {
    fn ask(draws: &mut Draws<'_>) -> SetCall {
        match draws.one_of(16) {
            0..6 => SetCall::Read([].into()),
            6..13 => SetCall::Add { value: draws.new_value(), new: None },
            13 => SetCall::Add { value: draws.new_value(), new: Some(true) },
            14 => SetCall::Contains { value: draws.old_value(), found: true },
            _ => SetCall::Remove { value: draws.old_value(), found: None },
        }
    }

    fn answer(state: &std::collections::BTreeSet<u64>, call: SetCall) -> SetCall {
        match call {
            SetCall::Read(_) => SetCall::Read(state.clone()),
            SetCall::Add { value, new } => {
                SetCall::Add { value, new: new.map(|_| !state.contains(&value)) }
            }
            SetCall::Contains { value, .. } => {
                SetCall::Contains { value, found: state.contains(&value) }
            }
            SetCall::Remove { value, found } => {
                SetCall::Remove { value, found: found.map(|_| state.contains(&value)) }
            }
        }
    }

    fn spoil(draws: &mut Draws<'_>, call: SetCall) -> SetCall {
        match call {
            SetCall::Read(mut values) => {
                let value = draws.old_value();
                if !values.remove(&value) {
                    values.insert(value);
                }
                SetCall::Read(values)
            }
            SetCall::Add { value, .. } => SetCall::Add { value, new: Some(draws.one_of(2) == 0) },
            SetCall::Contains { value, found } => SetCall::Contains { value, found: !found },
            SetCall::Remove { value, .. } => {
                SetCall::Remove { value, found: Some(draws.one_of(2) == 0) }
            }
        }
    }

    fn lose(call: SetCall) -> SetCall {
        match call {
            SetCall::Add { value, .. } => SetCall::Add { value, new: None },
            SetCall::Remove { value, .. } => SetCall::Remove { value, found: None },
            call => call,
        }
    }
}

impl Subject for Counter {
    fn ask(draws: &mut Draws<'_>) -> CounterCall {
        let delta = i64::try_from(draws.one_of(3)).unwrap_or(0) - 1;
        match draws.one_of(5) {
            0 | 1 => CounterCall::Read(0),
            2 => CounterCall::AddAndGet { delta, sum: 0 },
            _ => CounterCall::Add(delta),
        }
    }

    fn answer(state: &i64, call: CounterCall) -> CounterCall {
        match call {
            CounterCall::Read(_) => CounterCall::Read(*state),
            CounterCall::AddAndGet { delta, .. } => {
                CounterCall::AddAndGet { delta, sum: state + delta }
            }
            call => call,
        }
    }

    fn spoil(draws: &mut Draws<'_>, call: CounterCall) -> CounterCall {
        let off = i64::try_from(draws.one_of(3)).unwrap_or(0) - 1;
        match call {
            CounterCall::Read(sum) => CounterCall::Read(sum + off),
            CounterCall::AddAndGet { delta, sum } => {
                CounterCall::AddAndGet { delta, sum: sum + off }
            }
            CounterCall::Add(delta) => CounterCall::Add(delta + off),
        }
    }

    fn lose(call: CounterCall) -> CounterCall {
        match call {
            CounterCall::AddAndGet { delta, .. } => CounterCall::Add(delta),
            call => call,
        }
    }
}

fn ask_queue(draws: &mut Draws<'_>) -> QueueCall {
    match draws.one_of(2) {
        0 => QueueCall::Enqueue(draws.new_value()),
        _ => QueueCall::Lost,
    }
}

fn spoil_queue(draws: &mut Draws<'_>, call: QueueCall) -> QueueCall {
    match call {
        QueueCall::Enqueue(_) => QueueCall::Enqueue(draws.new_value()),
        QueueCall::Dequeue(_) if draws.one_of(3) == 0 => QueueCall::Empty,
        _ => QueueCall::Dequeue(draws.old_value()),
    }
}

fn lose_queue(call: QueueCall) -> QueueCall {
    match call {
        QueueCall::Dequeue(_) | QueueCall::Empty => QueueCall::Lost,
        call => call,
    }
}

impl Subject for Queue {
    fn ask(draws: &mut Draws<'_>) -> QueueCall {
        ask_queue(draws)
    }

    fn answer(state: &Vec<u64>, call: QueueCall) -> QueueCall {
        match (call, state.first()) {
            (QueueCall::Lost, None) => QueueCall::Empty,
            (QueueCall::Lost, Some(first)) => QueueCall::Dequeue(*first),
            (call, _) => call,
        }
    }

    fn spoil(draws: &mut Draws<'_>, call: QueueCall) -> QueueCall {
        spoil_queue(draws, call)
    }

    fn lose(call: QueueCall) -> QueueCall {
        lose_queue(call)
    }
}

impl Subject for Bag {
    fn ask(draws: &mut Draws<'_>) -> QueueCall {
        ask_queue(draws)
    }

    fn answer(state: &Vec<u64>, call: QueueCall) -> QueueCall {
        match (call, state.get(state.len() / 2)) {
            (QueueCall::Lost, None) => QueueCall::Empty,
            (QueueCall::Lost, Some(middle)) => QueueCall::Dequeue(*middle),
            (call, _) => call,
        }
    }

    fn spoil(draws: &mut Draws<'_>, call: QueueCall) -> QueueCall {
        spoil_queue(draws, call)
    }

    fn lose(call: QueueCall) -> QueueCall {
        lose_queue(call)
    }
}

impl Subject for Stack {
    fn ask(draws: &mut Draws<'_>) -> StackCall {
        match draws.one_of(2) {
            0 => StackCall::Push(draws.new_value()),
            _ => StackCall::Lost,
        }
    }

    fn answer(state: &Vec<u64>, call: StackCall) -> StackCall {
        match (call, state.last()) {
            (StackCall::Lost, None) => StackCall::Empty,
            (StackCall::Lost, Some(top)) => StackCall::Pop(*top),
            (call, _) => call,
        }
    }

    fn spoil(draws: &mut Draws<'_>, call: StackCall) -> StackCall {
        match call {
            StackCall::Push(_) => StackCall::Push(draws.new_value()),
            StackCall::Pop(_) if draws.one_of(3) == 0 => StackCall::Empty,
            _ => StackCall::Pop(draws.old_value()),
        }
    }

    fn lose(call: StackCall) -> StackCall {
        match call {
            StackCall::Pop(_) | StackCall::Empty => StackCall::Lost,
            call => call,
        }
    }
}

impl Subject for Mutex {
    fn ask(draws: &mut Draws<'_>) -> MutexCall {
        match draws.one_of(2) {
            0 => MutexCall::Acquire,
            _ => MutexCall::Release,
        }
    }

    fn answer(held: &bool, call: MutexCall) -> MutexCall {
        match (call, held) {
            (MutexCall::Acquire, true) => MutexCall::Held,
            (MutexCall::Release, false) => MutexCall::Free,
            (call, _) => call,
        }
    }

    fn spoil(_: &mut Draws<'_>, call: MutexCall) -> MutexCall {
        match call {
            MutexCall::Acquire => MutexCall::Held,
            MutexCall::Release => MutexCall::Free,
            MutexCall::Held => MutexCall::Acquire,
            MutexCall::Free => MutexCall::Release,
        }
    }
}

impl Subject for Lock {
    fn ask(draws: &mut Draws<'_>) -> LockCall {
        let holder = draws.one_of(2);
        match draws.one_of(2) {
            0 => LockCall::Acquire { holder, token: None },
            _ => LockCall::Release { holder },
        }
    }

    fn answer(state: &crate::spec::LockState, call: LockCall) -> LockCall {
        match call {
            LockCall::Acquire { holder, .. } if state.holder.is_none() => {
                LockCall::Acquire { holder, token: Some(state.token.map_or(1, |last| last + 1)) }
            }
            LockCall::Acquire { .. } => LockCall::Held,
            LockCall::Release { holder } if state.holder != Some(holder) => {
                LockCall::NotHeld { holder }
            }
            call => call,
        }
    }

    fn spoil(draws: &mut Draws<'_>, call: LockCall) -> LockCall {
        match call {
            LockCall::Acquire { holder, .. } => {
                LockCall::Acquire { holder, token: Some(draws.one_of(4)) }
            }
            LockCall::Release { holder } => LockCall::Release { holder: 1 - holder },
            LockCall::Held => LockCall::Acquire { holder: 0, token: None },
            LockCall::NotHeld { holder } => LockCall::Release { holder },
        }
    }

    fn lose(call: LockCall) -> LockCall {
        match call {
            LockCall::Acquire { holder, .. } => LockCall::Acquire { holder, token: None },
            call => call,
        }
    }
}

impl Subject for Log {
    fn ask(draws: &mut Draws<'_>) -> LogCall {
        match draws.one_of(8) {
            0..3 => LogCall::Read(Vec::new()),
            3 => LogCall::ReadAt { offset: draws.one_of(3), value: None },
            4 => LogCall::Append { value: draws.new_value(), offset: Some(0) },
            _ => LogCall::Append { value: draws.new_value(), offset: None },
        }
    }

    fn answer(state: &Vec<u64>, call: LogCall) -> LogCall {
        match call {
            LogCall::Append { value, offset } => {
                LogCall::Append { value, offset: offset.map(|_| state.len() as u64) }
            }
            LogCall::Read(_) => LogCall::Read(state.clone()),
            LogCall::ReadAt { offset, .. } => {
                let at = usize::try_from(offset).unwrap_or(usize::MAX);
                LogCall::ReadAt { offset, value: state.get(at).copied() }
            }
        }
    }

    fn spoil(draws: &mut Draws<'_>, call: LogCall) -> LogCall {
        match call {
            LogCall::Append { value, .. } => {
                LogCall::Append { value, offset: Some(draws.one_of(4)) }
            }
            LogCall::Read(mut values) => {
                match draws.one_of(3) {
                    0 => values.push(draws.old_value()),
                    1 => values.reverse(),
                    _ => values.truncate(values.len().saturating_sub(1)),
                }
                LogCall::Read(values)
            }
            LogCall::ReadAt { offset, .. } => {
                LogCall::ReadAt { offset, value: Some(draws.old_value()) }
            }
        }
    }

    fn lose(call: LogCall) -> LogCall {
        match call {
            LogCall::Append { value, .. } => LogCall::Append { value, offset: None },
            call => call,
        }
    }
}
