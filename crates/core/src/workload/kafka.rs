//! `kafka`: logs that many write to, each of whom reads on from where it stopped.
//!
//! PROBLEM     A consumer remembers how far it has read, and asks on from there. But the requests
//!             of a run are planned before anyone is answered.
//! IDEA        A poll says itself where it begins, so the server need not know who asks. Planned
//!             polls begin where the log would end if every earlier send had worked, a little
//!             before that, or at its beginning: a consumer that is up to date, one that is late,
//!             one that is new. The last polls begin at 0 and go on from what they were shown until
//!             nothing more comes.
//! RULES       Whatever a poll shows begins with the first message at or after the offset that was
//!             asked, and leaves nothing out. That is promised to each poll by itself, so it does
//!             not matter that no two polls need to be one consumer's.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Draw, Workload, key_name};
use crate::Api;

/// Clients append to logs, read them, and keep on the server how far they have read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Kafka;

/// The name of a log. In JSON it is a text: `"7"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LogName(pub u64);

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&key_name(self.0))
    }
}

impl Serialize for LogName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for LogName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let number = text.parse().ok().filter(|number: &u64| number.to_string() == text);
        number.map(Self).ok_or_else(|| de::Error::custom(format!("no log is called {text:?}")))
    }
}

/// A message and the place it has in its log. In JSON: `[offset, message]`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Record(pub u64, pub u64);

impl Record {
    /// The place in the log. Places may be left out, but never used twice.
    pub const fn offset(self) -> u64 {
        self.0
    }

    /// What was sent.
    pub const fn message(self) -> u64 {
        self.1
    }
}

/// What is asked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// Append this, and tell me where.
    Send {
        /// To this log.
        key: LogName,
        /// The message; no two sends of a run send the same.
        msg: u64,
    },
    /// What is there? An answer may stop early, but must begin with the first message at or after
    /// the offset, and leave none out.
    Poll {
        /// In these logs, from these offsets on.
        offsets: BTreeMap<LogName, u64>,
    },
    /// Keep in mind that these logs were read up to these offsets.
    CommitOffsets {
        /// The last offset that was read in each.
        offsets: BTreeMap<LogName, u64>,
    },
    /// How far were these logs read?
    ListCommittedOffsets {
        /// The logs.
        keys: Vec<LogName>,
    },
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Response {
    /// It is there.
    SendOk {
        /// At this offset.
        offset: u64,
    },
    /// This is there.
    PollOk {
        /// Of each log that was asked and has any.
        #[serde(deserialize_with = "records")]
        msgs: BTreeMap<LogName, Vec<Record>>,
    },
    /// It is kept.
    CommitOffsetsOk,
    /// So far, as far as this node knows.
    ListCommittedOffsetsOk {
        /// A log of which nothing was committed is left out.
        offsets: BTreeMap<LogName, u64>,
    },
}

/// `null` for an empty list of records, as some languages write it.
fn records<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<LogName, Vec<Record>>, D::Error> {
    let msgs = BTreeMap::<LogName, Option<Vec<Record>>>::deserialize(deserializer)?;
    Ok(msgs.into_iter().map(|(log, records)| (log, records.unwrap_or_default())).collect())
}

impl Api for Kafka {
    type Request = Request;
    type Response = Response;
}

/// After so many operations of a run new logs take their turn: a log stays short enough to be read
/// from its beginning.
const OPERATIONS_PER_ERA: u32 = 120;
/// How many logs are in use at any moment.
const LOGS_AT_ONCE: u64 = 2;
/// How far behind the end of a log polls begin, at most.
const BEHIND_MAX: u64 = 6;

/// What kind of operation is drawn, and for which of the logs in use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Send(LogName),
    Poll,
    Commit(LogName),
    List,
}

impl Kafka {
    const fn era(draw: Draw) -> u32 {
        draw.index / OPERATIONS_PER_ERA
    }

    /// The logs in use when this is drawn.
    fn logs(draw: Draw) -> impl Iterator<Item = LogName> {
        let first = u64::from(Self::era(draw)) * LOGS_AT_ONCE;
        (first..first + LOGS_AT_ONCE).map(LogName)
    }

    /// Five sends to three polls to a commit and a list.
    fn kind(draw: Draw) -> Kind {
        let key = draw.key.derive(u64::from(draw.index));
        let log = LogName(u64::from(Self::era(draw)) * LOGS_AT_ONCE + key.at(0) % LOGS_AT_ONCE);
        match key.at(1) % 10 {
            0..5 => Kind::Send(log),
            5..8 => Kind::Poll,
            8 => Kind::Commit(log),
            _ => Kind::List,
        }
    }

    /// How many messages each log in use has by then, if every send works.
    fn sent(draw: Draw) -> BTreeMap<LogName, u64> {
        let mut sent: BTreeMap<LogName, u64> = Self::logs(draw).map(|log| (log, 0)).collect();
        for index in Self::era(draw) * OPERATIONS_PER_ERA..draw.index {
            if let Kind::Send(log) = Self::kind(Draw { index, ..draw }) {
                *sent.entry(log).or_default() += 1;
            }
        }
        sent
    }
}

impl Workload for Kafka {
    const NAME: &'static str = "kafka";

    /// Messages are the operation's number. A poll asks all logs in use; one in four from the
    /// beginning.
    fn generate(draw: Draw) -> Request {
        let mut rng = draw.key.derive(u64::from(draw.index)).derive(0).rng();
        match Self::kind(draw) {
            Kind::Send(key) => Request::Send { key, msg: u64::from(draw.index) },
            Kind::Poll => {
                let whole = rng.below(4) == 0;
                let mut from = |sent: u64| sent.saturating_sub(rng.between(0, BEHIND_MAX));
                let offsets = Self::sent(draw)
                    .into_iter()
                    .map(|(log, sent)| (log, if whole { 0 } else { from(sent) }))
                    .collect();
                Request::Poll { offsets }
            }
            Kind::Commit(log) => {
                let sent = Self::sent(draw).get(&log).copied().unwrap_or(0);
                let read = sent.saturating_sub(rng.between(1, BEHIND_MAX));
                Request::CommitOffsets { offsets: BTreeMap::from([(log, read)]) }
            }
            Kind::List => Request::ListCommittedOffsets { keys: Self::logs(draw).collect() },
        }
    }

    /// A poll of every log from its beginning.
    fn last(draw: Draw) -> Option<Request> {
        let logs = (u64::from(Self::era(draw)) + 1) * LOGS_AT_ONCE;
        Some(Request::Poll { offsets: (0..logs).map(|log| (LogName(log), 0)).collect() })
    }

    /// Whoever was shown something asks on from there.
    fn follow_up(request: &Request, response: &Response) -> Option<Request> {
        let (Request::Poll { offsets }, Response::PollOk { msgs }) = (request, response) else {
            return None;
        };
        let mut on = offsets.clone();
        for (log, records) in msgs {
            if let (Some(from), Some(end)) = (on.get_mut(log), records.iter().max()) {
                *from = (*from).max(end.offset().saturating_add(1));
            }
        }
        (on != *offsets).then_some(Request::Poll { offsets: on })
    }

    fn is_query(request: &Request) -> bool {
        matches!(request, Request::Poll { .. } | Request::ListCommittedOffsets { .. })
    }

    fn describe_request(request: &Request) -> String {
        let each = |offsets: &BTreeMap<LogName, u64>, word: &str| {
            let parts: Vec<_> =
                offsets.iter().map(|(log, at)| format!("{log} {word} {at}")).collect();
            few(&parts)
        };
        match request {
            Request::Send { key, msg } => format!("send {msg} to {key}"),
            Request::Poll { offsets } if offsets.values().all(|from| *from == 0) => {
                let logs: Vec<_> = offsets.keys().map(LogName::to_string).collect();
                format!("poll {}", few(&logs))
            }
            Request::Poll { offsets } => format!("poll {}", each(offsets, "from")),
            Request::CommitOffsets { offsets } => format!("commit {}", each(offsets, "at")),
            Request::ListCommittedOffsets { keys } => {
                let logs: Vec<_> = keys.iter().map(LogName::to_string).collect();
                format!("list commits of {}", few(&logs))
            }
        }
    }

    fn describe_response(response: &Response) -> String {
        match response {
            Response::SendOk { offset } => format!("at {offset}"),
            Response::PollOk { msgs } => {
                let any = msgs.iter().filter(|(_, records)| !records.is_empty());
                let parts: Vec<_> = any.map(|(log, records)| told(*log, records)).collect();
                if parts.is_empty() { "nothing".into() } else { few(&parts) }
            }
            Response::CommitOffsetsOk => String::new(),
            Response::ListCommittedOffsetsOk { offsets } if offsets.is_empty() => "none".into(),
            Response::ListCommittedOffsetsOk { offsets } => {
                let parts: Vec<_> =
                    offsets.iter().map(|(log, offset)| format!("{log} at {offset}")).collect();
                few(&parts)
            }
        }
    }
}

/// `x 3:17 4:20`: at offset 3 is 17. The middle of many is left out.
fn told(log: LogName, records: &[Record]) -> String {
    const SHOWN: usize = 5;
    let mut text = log.to_string();
    for (at, Record(offset, message)) in records.iter().enumerate() {
        if at + 1 == records.len() || at + 1 < SHOWN {
            text += &format!(" {offset}:{message}");
        } else if at + 1 == SHOWN {
            text += " …";
        }
    }
    text
}

/// All parts, or the first ones and how many there are.
fn few(parts: &[String]) -> String {
    const SHOWN: usize = 4;
    match parts.len() {
        0..=SHOWN => parts.join(", "),
        all => format!("{}, … ({all} in all)", parts[..SHOWN].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    #[test]
    fn json_is_maelstroms() {
        let json = |request: &Request| serde_json::to_string(request).unwrap();
        let at = |offset| BTreeMap::from([(LogName(7), offset)]);
        assert_eq!(
            json(&Request::Send { key: LogName(7), msg: 3 }),
            r#"{"type":"send","key":"7","msg":3}"#
        );
        assert_eq!(json(&Request::Poll { offsets: at(2) }), r#"{"type":"poll","offsets":{"7":2}}"#);
        assert_eq!(
            json(&Request::CommitOffsets { offsets: at(2) }),
            r#"{"type":"commit_offsets","offsets":{"7":2}}"#
        );
        assert_eq!(
            json(&Request::ListCommittedOffsets { keys: vec![LogName(7)] }),
            r#"{"type":"list_committed_offsets","keys":["7"]}"#
        );
        let read = |json: &str| serde_json::from_str::<Response>(json);
        let poll = r#"{"type":"poll_ok","msgs":{"7":[[2,9],[3,5]],"8":null},"in_reply_to":1}"#;
        let msgs = [(LogName(7), vec![Record(2, 9), Record(3, 5)]), (LogName(8), vec![])];
        assert_eq!(read(poll).unwrap(), Response::PollOk { msgs: msgs.into() });
        let list = r#"{"type":"list_committed_offsets_ok","offsets":{"7":2}}"#;
        assert_eq!(read(list).unwrap(), Response::ListCommittedOffsetsOk { offsets: at(2) });
        let error = read(r#"{"type":"poll_ok","msgs":{"07":[]}}"#).unwrap_err().to_string();
        assert!(error.contains(r#"no log is called "07""#), "{error}");
    }

    #[test]
    fn an_operation_does_not_depend_on_the_others() {
        let draw = |index| Draw { key: Key::new(5), index };
        let whole: Vec<_> = (0..500).map(|index| Kafka::generate(draw(index))).collect();
        assert_eq!(Kafka::generate(draw(321)), whole[321]);
        let count = |kind: fn(&Request) -> bool| whole.iter().filter(|it| kind(it)).count();
        assert!((200..300).contains(&count(|it| matches!(it, Request::Send { .. }))));
        assert!((100..200).contains(&count(|it| matches!(it, Request::Poll { .. }))));
        assert!(count(|it| matches!(it, Request::CommitOffsets { .. })) > 25);
        let Some(Request::Poll { offsets }) = Kafka::last(draw(500)) else { panic!("polls") };
        assert_eq!(offsets.len(), 10, "all logs are read at the end");
    }

    #[test]
    fn last_polls_go_on_until_nothing_comes() {
        let from = |offset| Request::Poll { offsets: BTreeMap::from([(LogName(0), offset)]) };
        let shown = |records: &[Record]| Response::PollOk {
            msgs: BTreeMap::from([(LogName(0), records.to_vec())]),
        };
        let next = Kafka::follow_up(&from(0), &shown(&[Record(0, 5), Record(4, 6)]));
        assert_eq!(next, Some(from(5)));
        assert_eq!(Kafka::follow_up(&from(5), &shown(&[])), None);
        assert_eq!(Kafka::follow_up(&from(5), &shown(&[Record(4, 6)])), None, "no way back");
    }

    #[test]
    fn words_are_few() {
        let poll = Request::Poll { offsets: [(LogName(0), 3), (LogName(1), 0)].into() };
        assert_eq!(Kafka::describe_request(&poll), "poll x from 3, y from 0");
        let records = (0..9).map(|offset| Record(offset, offset + 10)).collect();
        let shown = Response::PollOk { msgs: [(LogName(0), records)].into() };
        assert_eq!(Kafka::describe_response(&shown), "x 0:10 1:11 2:12 3:13 … 8:18");
        let last = Kafka::last(Draw { key: Key::new(1), index: 500 }).unwrap();
        assert_eq!(Kafka::describe_request(&last), "poll x, y, z, k3, … (10 in all)");
    }
}
