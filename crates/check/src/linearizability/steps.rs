//! Reduction T: states and calls as numbers, and the steps between them.

use super::frontier::Rows;
use crate::spec::Spec;
use crate::table::Numbers;

/// Where a step leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Next(u32);

const REFUSED: u32 = u32::MAX;
/// From here on, the number of a list of states.
const LISTS: u32 = 1 << 31;

/// The steps that were made, and what they were made between.
pub(super) struct Steps<'a, S: Spec> {
    pub(super) spec: &'a S,
    calls: Numbers<S::Call>,
    /// By call: whether it can never change a state, and how often it was numbered.
    pure: Vec<bool>,
    times: Vec<u32>,
    states: Numbers<S::State>,
    states_bytes: u64,
    /// Steps already made: which, and where they lead. The place of a step is its number modulo the
    /// length, a power of two. In a long history a step may drive out another.
    made: Vec<(u64, u32)>,
    lists: Vec<Box<[u32]>>,
    /// How many states there were after the last tidying up.
    kept: usize,
}

impl<'a, S: Spec> Steps<'a, S> {
    /// The initial state is number 0. `room` is for how many steps there is room at least.
    pub(super) fn new(spec: &'a S, room: usize) -> Self {
        let mut steps = Self {
            spec,
            calls: Numbers::default(),
            pure: Vec::new(),
            times: Vec::new(),
            states: Numbers::default(),
            states_bytes: 0,
            made: vec![(u64::MAX, REFUSED); room.clamp(64, 1 << 16).next_power_of_two()],
            lists: Vec::new(),
            kept: 0,
        };
        steps.intern(&spec.initial());
        steps
    }

    /// The number of a call.
    pub(super) fn call(&mut self, call: &S::Call) -> u32 {
        let number = self.calls.number(call);
        if number as usize == self.pure.len() {
            self.pure.push(self.spec.is_pure(call));
            self.times.push(0);
        }
        self.times[number as usize] += 1;
        number
    }

    pub(super) fn is_pure(&self, call: u32) -> bool {
        self.pure[call as usize]
    }

    /// Whether the call was numbered for several operations.
    pub(super) fn is_repeated(&self, call: u32) -> bool {
        self.times[call as usize] > 1
    }

    pub(super) fn state(&self, number: u64) -> &S::State {
        &self.states.values()[usize::try_from(number).unwrap_or(0)]
    }

    fn intern(&mut self, state: &S::State) -> u32 {
        let number = self.states.number(state);
        if number as usize + 1 == self.states.values().len() {
            self.states_bytes += 2 * self.spec.bytes(state);
        }
        number
    }

    pub(super) fn step(&mut self, state: u64, call: u32) -> Next {
        let step = state << 32 | u64::from(call);
        let scattered =
            (state ^ u64::from(call).rotate_left(20)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let place = usize::try_from(scattered >> 32 & (self.made.len() as u64 - 1)).unwrap_or(0);
        if self.made[place].0 != step {
            self.made[place] = (step, self.make(state, call));
        }
        Next(self.made[place].1)
    }

    fn make(&mut self, state: u64, call: u32) -> u32 {
        let call = &self.calls.values()[call as usize];
        let mut after = self.spec.step(self.state(state), call).into_iter();
        let Some(first) = after.next() else { return REFUSED };
        let mut numbers = vec![self.intern(&first)];
        for state in after {
            numbers.push(self.intern(&state));
        }
        if let [only] = numbers[..] {
            return only;
        }
        self.lists.push(numbers.into());
        LISTS + u32::try_from(self.lists.len() - 1).unwrap_or(0)
    }

    /// How many states may follow.
    pub(super) fn count(&self, next: Next) -> usize {
        match next.0 {
            REFUSED => 0,
            0..LISTS => 1,
            list => self.lists[(list - LISTS) as usize].len(),
        }
    }

    /// One of them.
    pub(super) fn after(&self, next: Next, at: usize) -> u64 {
        let number = match next.0 {
            0..LISTS => next.0,
            list => self.lists[(list - LISTS) as usize][at],
        };
        u64::from(number)
    }

    pub(super) fn bytes(&self) -> u64 {
        const INTERNED: u64 = 16;
        let count = self.states.values().len() as u64;
        self.states_bytes + count * INTERNED + (self.made.len() * 16 + self.lists.len() * 32) as u64
    }

    /// Forgets the states that no configuration is in, once there are many.
    pub(super) fn tidy(&mut self, rows: &mut Rows) {
        const FEW: usize = 4096;
        if self.states.values().len() < FEW + 4 * self.kept {
            return;
        }
        let old = std::mem::take(&mut self.states);
        self.states_bytes = 0;
        self.lists.clear();
        self.made.fill((u64::MAX, REFUSED));
        for index in 0..rows.len() {
            let state = usize::try_from(rows.row(index)[0]).unwrap_or(0);
            let number = self.intern(&old.values()[state]);
            rows.row_mut(index)[0] = u64::from(number);
        }
        self.kept = self.states.values().len();
    }
}
