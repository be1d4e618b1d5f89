//! The services that programs may call by name [maelstrom doc/services.md]: `lin-kv`, `seq-kv`,
//! `lww-kv` and `lin-tso`.
//!
//! PROBLEM     A node that is built upon a store inherits the promises of the store, and no more.
//! IDEA        Three key-value stores with one interface and three promises. Each is as weak as its
//!             promise allows, on purpose: what may happen does happen.
//! RULES       `lin-kv`   every call sees all calls that were answered before it was made.
//!             `seq-kv`   all calls fit into one order, which keeps each client's own order; but a
//!                        call may take place in the past. Two surprises follow. A client that only
//!                        reads may see old values for a while, even long after everyone else went
//!                        quiet: each read picks at random one of the last 32 states that the
//!                        client has not yet gone beyond. And a *write* that would change nothing
//!                        in such a past state takes place there: writing the same value again is
//!                        no way to get it back. Whoever must see the latest state writes something
//!                        new first.
//!             `lww-kv`   two replicas, each call at a random one, a random merge before each call:
//!                        the later timestamp wins, and what the other said is lost.
//!             `lin-tso`  numbers from 0 upwards, no two the same.
//! CAVEATS     As in Maelstrom, `create_if_not_exists` is understood by `lin-kv` and `seq-kv` only.
//!             A request that makes no sense is answered with an error (10 or 12), where Maelstrom
//!             stays silent.

use std::collections::{BTreeMap, VecDeque};

use serde::Deserialize;
use serde_json::{Value, json};
use splitbrain_core::{ErrorCode, Rng};

use crate::protocol::Head;

/// How many past states `seq-kv` remembers.
const PAST: usize = 32;
/// How many replicas `lww-kv` has.
const REPLICAS: usize = 2;

/// Which service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Service {
    /// The linearizable store.
    LinKv,
    /// The sequentially consistent store.
    SeqKv,
    /// The store where the last write wins.
    LwwKv,
    /// The source of timestamps.
    LinTso,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 4] = [Self::LinKv, Self::SeqKv, Self::LwwKv, Self::LinTso];

    /// The name that messages are sent to.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LinKv => "lin-kv",
            Self::SeqKv => "seq-kv",
            Self::LwwKv => "lww-kv",
            Self::LinTso => "lin-tso",
        }
    }

    /// The service with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }
}

/// The four services and what they remember.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Services {
    linear: Store,
    sequential: Sequential,
    replicas: [Replica; REPLICAS],
    next_timestamp: u64,
    rng: Rng,
}

/// Keys and values are compared as JSON values: object fields in any order, `1` unlike `1.0`.
type Json = Value;
type Store = BTreeMap<Key, Json>;

/// A key: the text of any JSON value.
type Key = String;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Request {
    Read {
        key: Json,
    },
    Write {
        key: Json,
        value: Json,
    },
    Cas {
        key: Json,
        from: Json,
        to: Json,
        #[serde(default)]
        create_if_not_exists: bool,
    },
    Ts,
}

/// What a request does to one key, given its value.
enum Step {
    /// The answer; nothing changes.
    Answer(Json),
    /// The new value, and the answer.
    Set(Json, Json),
}

impl Services {
    /// New services, which draw what they may choose from `rng`.
    pub fn new(rng: Rng) -> Self {
        Self {
            linear: Store::new(),
            sequential: Sequential::default(),
            replicas: Default::default(),
            next_timestamp: 0,
            rng,
        }
    }

    /// Performs the request in `body` for `client`, and returns the body of the answer.
    pub fn handle(&mut self, service: Service, client: &str, body: &str) -> String {
        let mut answer = match serde_json::from_str::<Request>(body) {
            Ok(request) => self.perform(service, client, request),
            Err(error) => {
                let known = matches!(
                    Head::parse(body).as_ref().map(|head| &*head.kind),
                    Ok("read" | "write" | "cas" | "ts")
                );
                let code =
                    if known { ErrorCode::MALFORMED_REQUEST } else { ErrorCode::NOT_SUPPORTED };
                refusal(code, &format!("{} cannot do this: {error}", service.name()))
            }
        };
        if let Some(asked) = Head::parse(body).ok().and_then(|head| head.msg_id) {
            answer["in_reply_to"] = asked.into();
        }
        answer.to_string()
    }

    fn perform(&mut self, service: Service, client: &str, request: Request) -> Json {
        let key = match (service, &request) {
            (Service::LinTso, Request::Ts) => {
                self.next_timestamp += 1;
                return json!({"type": "ts_ok", "ts": self.next_timestamp - 1});
            }
            (Service::LinTso, _) | (_, Request::Ts) => {
                let text = format!("{} has no such operation", service.name());
                return refusal(ErrorCode::NOT_SUPPORTED, &text);
            }
            (_, Request::Read { key } | Request::Write { key, .. } | Request::Cas { key, .. }) => {
                key.to_string()
            }
        };
        match service {
            Service::LinKv => match request.step(self.linear.get(&key)) {
                Step::Answer(answer) => answer,
                Step::Set(value, answer) => {
                    self.linear.insert(key, value);
                    answer
                }
            },
            Service::SeqKv => self.sequential.perform(client, key, &request, &mut self.rng),
            Service::LwwKv => self.perform_at_some_replica(key, request),
            Service::LinTso => unreachable!("answered above"),
        }
    }

    fn perform_at_some_replica(&mut self, key: Key, mut request: Request) -> Json {
        let mut pick = || usize::try_from(self.rng.below(REPLICAS as u64)).unwrap_or(0);
        let (from, to, at) = (pick(), pick(), pick());
        let source = self.replicas[from].clone();
        self.replicas[to].merge(source);
        if let Request::Cas { create_if_not_exists, .. } = &mut request {
            *create_if_not_exists = false;
        }
        let replica = &mut self.replicas[at];
        match request.step(replica.values.get(&key).map(|(_, value)| value)) {
            Step::Answer(answer) => answer,
            Step::Set(value, answer) => {
                replica.values.insert(key, (replica.clock, value));
                replica.clock += 1;
                answer
            }
        }
    }
}

impl Request {
    fn step(&self, current: Option<&Json>) -> Step {
        match (self, current) {
            (Self::Read { .. }, Some(value)) => {
                Step::Answer(json!({"type": "read_ok", "value": value}))
            }
            (Self::Write { value, .. }, _) => Step::Set(value.clone(), json!({"type": "write_ok"})),
            (Self::Cas { from, to, .. }, Some(value)) if value == from => {
                Step::Set(to.clone(), json!({"type": "cas_ok"}))
            }
            (Self::Cas { from, .. }, Some(value)) => {
                let text = format!("current value {value} is not {from}");
                Step::Answer(refusal(ErrorCode::PRECONDITION_FAILED, &text))
            }
            (Self::Cas { to, create_if_not_exists: true, .. }, None) => {
                Step::Set(to.clone(), json!({"type": "cas_ok"}))
            }
            (Self::Read { .. } | Self::Cas { .. }, None) => {
                Step::Answer(refusal(ErrorCode::KEY_DOES_NOT_EXIST, "key does not exist"))
            }
            (Self::Ts, _) => {
                Step::Answer(refusal(ErrorCode::NOT_SUPPORTED, "not a key-value operation"))
            }
        }
    }
}

fn refusal(code: ErrorCode, text: &str) -> Json {
    json!({"type": "error", "code": code.0, "text": text})
}

/// One order of all writes; each client somewhere along it.
///
/// A past state is the oldest one kept, and the writes since: nothing is copied.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
struct Sequential {
    /// The state before the writes of `recent`.
    oldest: Store,
    recent: VecDeque<(Key, Json)>,
    /// How many writes there were in all.
    writes: u64,
    /// How many of them each client has certainly seen.
    seen: BTreeMap<String, u64>,
}

impl Sequential {
    /// The value of `key` after the first `writes` writes, of which none older than kept is asked.
    fn value(&self, key: &str, writes: u64) -> Option<&Json> {
        let since = self.recent.len() - usize::try_from(self.writes - writes).unwrap_or(0);
        let later = self.recent.iter().take(since).rev().find(|(other, _)| other == key);
        later.map(|(_, value)| value).or_else(|| self.oldest.get(key))
    }

    fn perform(&mut self, client: &str, key: Key, request: &Request, rng: &mut Rng) -> Json {
        let kept_from = self.writes - self.recent.len() as u64;
        let low = self.seen.get(client).copied().unwrap_or(0).max(kept_from);
        let at = rng.between(low, self.writes);
        let past = self.value(&key, at);
        let answer = match request.step(past) {
            Step::Answer(answer) => Some(answer),
            Step::Set(value, answer) => (past == Some(&value)).then_some(answer),
        };
        if let Some(answer) = answer {
            self.seen.insert(client.into(), at);
            return answer;
        }
        // It would change the past: so it happens now, whatever it would have done then.
        match request.step(self.value(&key, self.writes)) {
            Step::Answer(answer) => {
                self.seen.insert(client.into(), self.writes);
                answer
            }
            Step::Set(value, answer) => {
                self.recent.push_back((key, value));
                self.writes += 1;
                if self.recent.len() >= PAST
                    && let Some((key, value)) = self.recent.pop_front()
                {
                    self.oldest.insert(key, value);
                }
                self.seen.insert(client.into(), self.writes);
                answer
            }
        }
    }
}

/// One replica of `lww-kv`: values with the time they were written, on a Lamport clock.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
struct Replica {
    clock: u64,
    values: BTreeMap<Key, (u64, Json)>,
}

impl Replica {
    /// Takes over what `other` has written later, or at the same time.
    fn merge(&mut self, other: Self) {
        self.clock = self.clock.max(other.clock);
        for (key, theirs) in other.values {
            match self.values.get_mut(&key) {
                Some(ours) if ours.0 > theirs.0 => {}
                Some(ours) => *ours = theirs,
                None => {
                    self.values.insert(key, theirs);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Client(Services);

    impl Client {
        fn ask(&mut self, service: Service, client: &str, body: &Json) -> Json {
            let answer = self.0.handle(service, client, &body.to_string());
            serde_json::from_str(&answer).unwrap()
        }
        fn read(&mut self, service: Service, client: &str) -> Json {
            self.ask(service, client, &json!({"type": "read", "key": "x"}))["value"].take()
        }
        fn write(&mut self, service: Service, client: &str, value: u64) {
            let body = json!({"type": "write", "key": "x", "value": value});
            assert_eq!(self.ask(service, client, &body), json!({"type": "write_ok"}));
        }
    }

    fn client(seed: u64) -> Client {
        Client(Services::new(Rng::new(seed)))
    }

    #[test]
    fn lin_kv_is_a_store_with_compare_and_set() {
        let mut c = client(0);
        let mut ask = |body: Json| c.ask(Service::LinKv, "n1", &body);
        assert_eq!(
            ask(json!({"type": "read", "key": [1], "msg_id": 9})),
            json!({"type": "error", "code": 20, "text": "key does not exist", "in_reply_to": 9})
        );
        let mut cas = |from: u64, to: u64, create: bool| {
            let body = json!({"type": "cas", "key": [1], "from": from, "to": to,
                "create_if_not_exists": create});
            ask(body)["code"].take()
        };
        assert_eq!(cas(1, 2, false), 20, "no key");
        assert_eq!(cas(1, 2, true), Json::Null, "made");
        assert_eq!(cas(1, 3, true), 22, "another value");
        assert_eq!(cas(2, 3, false), Json::Null, "set");
        assert_eq!(
            ask(json!({"type": "read", "key": [1]})),
            json!({"type": "read_ok", "value": 3})
        );
        assert_eq!(ask(json!({"type": "read"}))["code"], 12, "a field is missing");
        assert_eq!(ask(json!({"type": "delete", "key": 1}))["code"], 10);
        assert_eq!(ask(json!({"type": "ts"}))["code"], 10);
    }

    #[test]
    fn lin_tso_counts() {
        let mut c = client(0);
        for ts in 0..3 {
            let answer = c.ask(Service::LinTso, "n1", &json!({"type": "ts"}));
            assert_eq!(answer, json!({"type": "ts_ok", "ts": ts}));
        }
        assert_eq!(c.ask(Service::LinTso, "n1", &json!({"type": "read", "key": 1}))["code"], 10);
    }

    #[test]
    fn seq_kv_may_be_old_but_never_goes_back() {
        let mut stale = 0;
        for seed in 0..50 {
            let mut c = client(seed);
            let mut last = 0;
            for value in 1..100 {
                c.write(Service::SeqKv, "n1", value);
                let read = c.read(Service::SeqKv, "n2").as_u64().unwrap_or(0);
                assert!(read >= last, "seed {seed}: {read} after {last}");
                assert!(read == 0 || read + PAST as u64 > value, "kept no longer than {PAST}");
                assert_eq!(c.read(Service::SeqKv, "n1"), value, "a client sees its own writes");
                stale += u32::from(read != value);
                last = read;
            }
        }
        assert!(stale > 500, "only {stale} reads of 4,950 were stale");
    }

    /// The example of Maelstrom's doc/services.md: the second write of 1 is put into the past.
    #[test]
    fn seq_kv_may_lose_a_write_that_changes_nothing_in_the_past() {
        let outcome = |seed| {
            let mut c = client(seed);
            c.write(Service::SeqKv, "n1", 1);
            let cas = json!({"type": "cas", "key": "x", "from": 1, "to": 2});
            // n2 may meet the state before n1's write, and then be told that there is no key.
            if c.ask(Service::SeqKv, "n2", &cas)["type"] != "cas_ok" {
                return None;
            }
            c.write(Service::SeqKv, "n1", 1);
            c.read(Service::SeqKv, "n2").as_u64()
        };
        let outcomes: Vec<_> = (0..100).filter_map(outcome).collect();
        assert!(outcomes.contains(&2) && outcomes.contains(&1), "{outcomes:?}");
    }

    #[test]
    fn lww_kv_loses_writes_but_its_replicas_agree_in_the_end() {
        let mut lost = 0;
        for seed in 0..50 {
            let mut c = client(seed);
            for value in 1..10 {
                c.write(Service::LwwKv, &format!("n{value}"), value);
            }
            // Sixty merges at random: both directions have happened.
            for _ in 0..60 {
                c.read(Service::LwwKv, "n1");
            }
            let last = c.read(Service::LwwKv, "n1");
            assert!((0..20).all(|_| c.read(Service::LwwKv, "n2") == last), "seed {seed}");
            lost += u32::from(last != 9);
        }
        assert!(lost > 0, "the last write is sometimes not the last");
    }
}
