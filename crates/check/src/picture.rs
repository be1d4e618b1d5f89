//! Histories as pictures, for tests:
//!
//! ```text
//! c1 n1  |-w1-|
//! c2 n2         |-w2-->            never ends
//! c3 n1         |-w3-?             gives up
//! c4 n3           |-r1-| |-!r2-|   the second belongs to the last phase
//! ```
//!
//! Each column is 10 ms. What is written between the bars is up to the workload.

use splitbrain_core::workload::{
    broadcast, echo, g_counter, g_set, kafka, lin_kv, pn_counter, txn_list_append, txn_rw_register,
    unique_ids,
};
use splitbrain_core::{Api, ErrorCode, History, Operation, Outcome, ProcessId, Stamp, Time, ms};

/// A workload whose operations can be drawn.
pub(crate) trait Drawn: Api {
    /// The request, and the outcome if it ends.
    fn parse(text: &str) -> (Self::Request, Outcome<Self::Response>);
}

/// Reads a picture.
pub(crate) fn history<W: Drawn>(picture: &str) -> History<W> {
    let rows: Vec<&str> = picture.lines().map(str::trim_start).collect();
    let mut operations = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let stamp = |column: usize| Stamp {
            order: u32::try_from(column * rows.len() + number).unwrap(),
            at: Time::ZERO + ms(10 * column as u64),
        };
        let mut names = row.split_whitespace();
        let process: u32 = names.next().unwrap().strip_prefix('c').unwrap().parse().unwrap();
        let node = names.next().unwrap().parse().unwrap();
        let mut at = row.find('|').unwrap();
        while row[at..].starts_with('|') {
            let end = at + 1 + row[at + 1..].find(['|', '>', '?']).expect("an operation ends");
            let text = row[at + 1..end].trim_matches('-');
            let (request, outcome) = W::parse(text.trim_start_matches('!'));
            let (completed, outcome) = match &row[end..=end] {
                "|" => (Some(stamp(end)), outcome),
                "?" => (Some(stamp(end)), Outcome::Unknown),
                _ => (None, Outcome::Unknown),
            };
            operations.push(Operation {
                process: ProcessId(process - 1),
                node,
                request,
                invoked: stamp(at),
                completed,
                outcome,
                last: text.starts_with('!'),
            });
            at = row[end + 1..].find('|').map_or(row.len(), |next| end + 1 + next);
        }
    }
    operations.sort_by_key(|operation| operation.invoked.order);
    History { operations }
}

fn failed<T>(code: ErrorCode) -> Outcome<T> {
    Outcome::Failed { code, text: String::new() }
}

/// The text without a final `!`, which stands for a definite failure.
fn failing<R>(text: &str, response: R) -> (&str, Outcome<R>) {
    match text.strip_suffix('!') {
        Some(text) => (text, failed(ErrorCode::TEMPORARILY_UNAVAILABLE)),
        None => (text, Outcome::Ok(response)),
    }
}

fn numbers(list: &str) -> Vec<u64> {
    list.split(',').filter(|item| !item.is_empty()).map(|item| item.parse().unwrap()).collect()
}

/// `w1`, `r1`, `rnil`, `c1:2`; `w1!` fails, `c1:2!` finds another value, `c1:2!nil` finds none.
/// `y/r1` is about the key y, `z/r1` about z; else it is x.
impl Drawn for lin_kv::LinKv {
    fn parse(text: &str) -> (lin_kv::Request, Outcome<lin_kv::Response>) {
        use lin_kv::{Request, Response};
        let (key, text) = match text.split_once('/') {
            None => (0, text),
            Some((key, text)) => ("xyz".find(key).expect("a key is called x, y or z"), text),
        };
        let key = key as u64;
        let (kind, rest) = text.split_at(1);
        match kind {
            "w" => {
                let (value, outcome) = failing(rest, Response::WriteOk);
                (Request::Write { key, value: value.parse().unwrap() }, outcome)
            }
            "r" if rest == "nil" => (Request::Read { key }, failed(ErrorCode::KEY_DOES_NOT_EXIST)),
            "r" => {
                let value = rest.parse().unwrap_or(0);
                (Request::Read { key }, Outcome::Ok(Response::ReadOk { value }))
            }
            _ => {
                let (rest, outcome) = match rest.split_once('!') {
                    None => (rest, Outcome::Ok(Response::CasOk)),
                    Some((rest, "nil")) => (rest, failed(ErrorCode::KEY_DOES_NOT_EXIST)),
                    Some((rest, _)) => (rest, failed(ErrorCode::PRECONDITION_FAILED)),
                };
                let (from, to) = rest.split_once(':').unwrap();
                let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
                (Request::Cas { key, from, to }, outcome)
            }
        }
    }
}

/// `a1`, `a1!` (fails), `r1,2`.
impl Drawn for g_set::GSet {
    fn parse(text: &str) -> (g_set::Request, Outcome<g_set::Response>) {
        use g_set::{Request, Response};
        if let Some(list) = text.strip_prefix('r') {
            return (Request::Read, Outcome::Ok(Response::ReadOk { value: numbers(list) }));
        }
        let (element, outcome) = failing(&text[1..], Response::AddOk);
        (Request::Add { element: element.parse().unwrap() }, outcome)
    }
}

/// `a1`, `a1!` (fails), `r1,2`, `t` (topology).
impl Drawn for broadcast::Broadcast {
    fn parse(text: &str) -> (broadcast::Request, Outcome<broadcast::Response>) {
        use broadcast::{Request, Response};
        if text == "t" {
            let topology = std::collections::BTreeMap::new();
            return (Request::Topology { topology }, Outcome::Ok(Response::TopologyOk));
        }
        if let Some(list) = text.strip_prefix('r') {
            return (Request::Read, Outcome::Ok(Response::ReadOk { messages: numbers(list) }));
        }
        let (message, outcome) = failing(&text[1..], Response::BroadcastOk);
        (Request::Broadcast { message: message.parse().unwrap() }, outcome)
    }
}

/// `a1`, `a1!` (fails), `r5`.
impl Drawn for g_counter::GCounter {
    fn parse(text: &str) -> (g_counter::Request, Outcome<g_counter::Response>) {
        use g_counter::{Request, Response};
        if let Some(value) = text.strip_prefix('r') {
            let value = value.parse().unwrap_or(0);
            return (Request::Read, Outcome::Ok(Response::ReadOk { value }));
        }
        let (delta, outcome) = failing(&text[1..], Response::AddOk);
        (Request::Add { delta: delta.parse().unwrap() }, outcome)
    }
}

/// `a1`, `a-1!` (fails), `r-5`.
impl Drawn for pn_counter::PnCounter {
    fn parse(text: &str) -> (pn_counter::Request, Outcome<pn_counter::Response>) {
        use pn_counter::{Request, Response};
        if let Some(value) = text.strip_prefix('r') {
            let value = value.parse().unwrap_or(0);
            return (Request::Read, Outcome::Ok(Response::ReadOk { value }));
        }
        let (delta, outcome) = failing(&text[1..], Response::AddOk);
        (Request::Add { delta: delta.parse().unwrap() }, outcome)
    }
}

/// `hello`: asks and is answered so; `hello=help`: is answered otherwise.
impl Drawn for echo::Echo {
    fn parse(text: &str) -> (echo::Request, Outcome<echo::Response>) {
        let (asked, said) = text.split_once('=').unwrap_or((text, text));
        let response = echo::Response::EchoOk { echo: said.into() };
        (echo::Request::Echo { echo: asked.into() }, Outcome::Ok(response))
    }
}

/// `17`: is given this id.
impl Drawn for unique_ids::UniqueIds {
    fn parse(text: &str) -> (unique_ids::Request, Outcome<unique_ids::Response>) {
        let response = unique_ids::Response::GenerateOk { id: unique_ids::Id::from(text) };
        (unique_ids::Request::Generate, Outcome::Ok(response))
    }
}

/// `s17@3`: 17 is sent, and is at offset 3; `s17!` fails. `p2=2:17,4:18`: a poll from 2; `p2=`
/// shows nothing. `c3`: commits 3; `c3!` fails. `l3`: 3 is committed; `l` says none. `y/p2=` is
/// about the log y; else it is x. `p0=+y/p2=` polls both.
impl Drawn for kafka::Kafka {
    fn parse(text: &str) -> (kafka::Request, Outcome<kafka::Response>) {
        use kafka::{LogName, Record, Request, Response};
        let log = |text: &str| LogName(u64::from(text.starts_with("y/")));
        let (key, bare) = (log(text), text.trim_start_matches("y/"));
        let one = |rest: &str| -> std::collections::BTreeMap<LogName, u64> {
            rest.parse().ok().map(|offset| (key, offset)).into_iter().collect()
        };
        let (kind, rest) = bare.split_at(1);
        match kind {
            "s" => {
                let (msg, offset) = rest.split_once('@').unwrap_or((rest, "0"));
                let response = Response::SendOk { offset: offset.parse().unwrap() };
                let (msg, outcome) = failing(msg, response);
                (Request::Send { key, msg: msg.parse().unwrap() }, outcome)
            }
            "c" => {
                let (offset, outcome) = failing(rest, Response::CommitOffsetsOk);
                (Request::CommitOffsets { offsets: one(offset) }, outcome)
            }
            "l" => {
                let response = Response::ListCommittedOffsetsOk { offsets: one(rest) };
                (Request::ListCommittedOffsets { keys: vec![key] }, Outcome::Ok(response))
            }
            _ => {
                let mut offsets = std::collections::BTreeMap::new();
                let mut msgs = std::collections::BTreeMap::new();
                for part in text.split('+') {
                    let poll = part.trim_start_matches("y/").strip_prefix('p').unwrap();
                    let (from, shown) = poll.split_once('=').unwrap();
                    let record = |pair: &str| {
                        let (offset, message) = pair.split_once(':').unwrap();
                        Record(offset.parse().unwrap(), message.parse().unwrap())
                    };
                    let records = shown.split(',').filter(|it| !it.is_empty()).map(record);
                    let records: Vec<_> = records.collect();
                    offsets.insert(log(part), from.parse().unwrap());
                    msgs.insert(log(part), records);
                }
                (Request::Poll { offsets }, Outcome::Ok(Response::PollOk { msgs }))
            }
        }
    }
}

/// `a1+r1,2+y/r`: appends 1 to x, reads [1 2] in x and nothing in y. `a1!` fails. `a1=a2` is told
/// of something else.
impl Drawn for txn_list_append::TxnListAppend {
    fn parse(text: &str) -> (txn_list_append::Request, Outcome<txn_list_append::Response>) {
        use txn_list_append::{Op, Request, Response};
        let op = |text: &str| {
            let (key, text) = text.strip_prefix("y/").map_or((0, text), |text| (1, text));
            match text.split_at(1) {
                ("a", element) => Op::Append { key, element: element.parse().unwrap() },
                (_, list) => {
                    let list = numbers(list);
                    Op::Read { key, list: (!list.is_empty()).then_some(list) }
                }
            }
        };
        let ops = |text: &str| text.split('+').map(op).collect::<Vec<_>>();
        let (asked, told) = text.split_once('=').unwrap_or((text, text.trim_end_matches('!')));
        let (asked, outcome) = failing(asked, Response::TxnOk { txn: ops(told) });
        let mut txn = ops(asked);
        for op in &mut txn {
            if let Op::Read { list, .. } = op {
                *list = None;
            }
        }
        (Request::Txn { txn }, outcome)
    }
}

/// `w1+r1+y/r`: writes 1 to x, reads 1 in x and nothing in y. `w1!` fails. `w1=w2` is told of
/// something else.
impl Drawn for txn_rw_register::TxnRwRegister {
    fn parse(text: &str) -> (txn_rw_register::Request, Outcome<txn_rw_register::Response>) {
        use txn_rw_register::{Op, Request, Response};
        let op = |text: &str| {
            let (key, text) = text.strip_prefix("y/").map_or((0, text), |text| (1, text));
            match text.split_at(1) {
                ("w", value) => Op::Write { key, value: value.parse().unwrap() },
                (_, value) => Op::Read { key, value: value.parse().ok() },
            }
        };
        let ops = |text: &str| text.split('+').map(op).collect::<Vec<_>>();
        let (asked, told) = text.split_once('=').unwrap_or((text, text.trim_end_matches('!')));
        let (asked, outcome) = failing(asked, Response::TxnOk { txn: ops(told) });
        let mut txn = ops(asked);
        for op in &mut txn {
            if let Op::Read { value, .. } = op {
                *value = None;
            }
        }
        (Request::Txn { txn }, outcome)
    }
}
