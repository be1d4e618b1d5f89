//! How long the judges take: a line of JSON for each kind of history, as `cargo xtask bench` wants
//! it.
#![expect(clippy::disallowed_methods, reason = "it measures; no verdict depends on it")]
#![expect(clippy::print_stdout, reason = "it is a program")]
#![expect(clippy::cast_possible_truncation, reason = "small numbers")]

use std::collections::BTreeMap;
use std::time::Instant;

use splitbrain_check::Judge;
use splitbrain_core::workload::broadcast::{self, Broadcast};
use splitbrain_core::workload::lin_kv::{LinKv, Request, Response};
use splitbrain_core::workload::pn_counter::{self, PnCounter};
use splitbrain_core::workload::{Draw, Workload};
use splitbrain_core::{
    Api, ErrorCode, History, Key, NodeId, Operation, Outcome, ProcessId, Rng, Stamp, Time,
    Validity, Verdict, ms,
};

/// How often an operation goes wrong, of 100.
#[derive(Clone, Copy)]
struct Wrong {
    /// Its outcome is unknown.
    lost: u64,
    /// Its answer is what was right a moment ago.
    stale: u64,
}

/// What the clients of a single copy would see.
trait Copy1: Workload {
    /// All that it holds.
    type State: Default + Clone;
    /// The outcome of an operation that takes effect now.
    fn apply(state: &mut Self::State, request: &Self::Request) -> Outcome<Self::Response>;
}

impl Copy1 for LinKv {
    type State = BTreeMap<u64, u64>;
    fn apply(state: &mut Self::State, request: &Request) -> Outcome<Response> {
        let failed = |code| Outcome::Failed { code, text: String::new() };
        match (*request).clone() {
            Request::Read { key } => {
                state.get(&key).map_or(failed(ErrorCode::KEY_DOES_NOT_EXIST), |value| {
                    Outcome::Ok(Response::ReadOk { value: *value })
                })
            }
            Request::Write { key, value } => {
                state.insert(key, value);
                Outcome::Ok(Response::WriteOk)
            }
            Request::Cas { key, from, to } => match state.get_mut(&key) {
                None => failed(ErrorCode::KEY_DOES_NOT_EXIST),
                Some(value) if *value == from => {
                    *value = to;
                    Outcome::Ok(Response::CasOk)
                }
                Some(_) => failed(ErrorCode::PRECONDITION_FAILED),
            },
        }
    }
}

impl Copy1 for Broadcast {
    type State = Vec<u64>;
    fn apply(
        state: &mut Self::State,
        request: &broadcast::Request,
    ) -> Outcome<broadcast::Response> {
        Outcome::Ok(match request {
            broadcast::Request::Topology { .. } => broadcast::Response::TopologyOk,
            broadcast::Request::Broadcast { message } => {
                state.push(*message);
                broadcast::Response::BroadcastOk
            }
            broadcast::Request::Read => broadcast::Response::ReadOk { messages: state.clone() },
        })
    }
}

impl Copy1 for PnCounter {
    type State = i64;
    fn apply(
        state: &mut Self::State,
        request: &pn_counter::Request,
    ) -> Outcome<pn_counter::Response> {
        Outcome::Ok(match request {
            pn_counter::Request::Add { delta } => {
                *state += delta;
                pn_counter::Response::AddOk
            }
            pn_counter::Request::Read => pn_counter::Response::ReadOk { value: *state },
        })
    }
}

/// The operation that a client has asked, and its outcome once it has taken effect.
type Asked<W> = (usize, Option<Outcome<<W as Api>::Response>>);

/// A history of `count` operations of `clients` clients who are always busy.
fn history<W: Copy1>(seed: u64, count: u32, clients: u16, wrong: Wrong) -> History<W> {
    let mut rng = Rng::new(seed);
    let (mut state, mut before) = (W::State::default(), W::State::default());
    let mut open: Vec<Option<Asked<W>>> = vec![None; usize::from(clients)];
    let mut history = History::<W>::default();
    let mut order = 0;
    let mut process = u32::from(clients);
    let mut names: Vec<u32> = (0..process).collect();
    while (history.operations.len() as u32) < count || open.iter().any(Option::is_some) {
        let client = rng.below(u64::from(clients)) as usize;
        order += 1;
        let stamp = Stamp { order, at: Time::ZERO + ms(u64::from(order)) };
        match open[client].take() {
            None if history.operations.len() as u32 >= count => (),
            None => {
                let index = history.operations.len() as u32;
                let last = index + u32::from(clients) >= count;
                let draw = Draw { key: Key::new(seed), index };
                let request = W::last(draw).filter(|_| last).unwrap_or_else(|| W::generate(draw));
                open[client] = Some((index as usize, None));
                history.operations.push(Operation {
                    process: ProcessId(names[client]),
                    node: NodeId(client as u16 % 5),
                    request,
                    invoked: stamp,
                    completed: None,
                    outcome: Outcome::Unknown,
                    last,
                });
            }
            Some((at, None)) => {
                let request = &history.operations[at].request;
                let stale = rng.below(100) < wrong.stale && W::is_query(request);
                let outcome = W::apply(if stale { &mut before } else { &mut state }, request);
                if rng.below(8) == 0 {
                    before = state.clone();
                }
                open[client] = Some((at, Some(outcome)));
            }
            Some((at, Some(outcome))) => {
                history.operations[at].completed = Some(stamp);
                if rng.below(100) < wrong.lost && !history.operations[at].last {
                    names[client] = process;
                    process += 1;
                } else {
                    history.operations[at].outcome = outcome;
                }
            }
        }
    }
    history
}

fn measure<W: Copy1 + Judge>(what: &str, count: u32, clients: u16, wrong: Wrong) {
    const HISTORIES: u64 = 200;
    let histories: Vec<History<W>> =
        (0..HISTORIES).map(|seed| history(seed, count, clients, wrong)).collect();
    let mut times = Vec::new();
    let mut verdicts = BTreeMap::<Validity, u32>::new();
    for history in &histories {
        let mut verdict = Verdict::default();
        // The best of a few, because other programs use the machine too.
        let once = |_| {
            let start = Instant::now();
            verdict = W::judge(history);
            start.elapsed()
        };
        times.extend((0..5).map(once).min());
        *verdicts.entry(verdict.validity()).or_default() += 1;
    }
    times.sort_unstable();
    let micros = |part: usize| times[(times.len() - 1) * part / 100].as_micros();
    println!(
        "{{\"bench\":\"judge\",\"workload\":\"{}\",\"history\":\"{what}\",\"operations\":{count},\
         \"clients\":{clients},\"p50_us\":{},\"p95_us\":{},\"max_us\":{},\"verdicts\":\"{verdicts:?}\"}}",
        W::NAME,
        micros(50),
        micros(95),
        micros(100)
    );
}

fn main() {
    let right = Wrong { lost: 0, stale: 0 };
    let lossy = Wrong { lost: 10, stale: 0 };
    let stale = Wrong { lost: 10, stale: 5 };
    measure::<LinKv>("all answered", 200, 10, right);
    measure::<LinKv>("10 % unknown", 200, 10, lossy);
    measure::<LinKv>("10 % unknown, stale reads", 200, 10, stale);
    measure::<LinKv>("10 % unknown", 2_000, 10, lossy);
    measure::<LinKv>("10 % unknown", 200, 20, lossy);
    measure::<Broadcast>("10 % unknown", 200, 10, lossy);
    measure::<Broadcast>("10 % unknown", 2_000, 10, lossy);
    measure::<PnCounter>("10 % unknown", 200, 10, lossy);
    measure::<PnCounter>("10 % unknown", 2_000, 10, lossy);
}
