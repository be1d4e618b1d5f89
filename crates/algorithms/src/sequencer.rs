//! A sequencer: one node runs all transactions, one after another.
//!
//! PROBLEM     A transaction reads and writes several keys, and must look as if it had run alone;
//!             and whoever begins after it has ended must see what it did (strict serializability).
//!             Clients ask any node; messages are lost and doubled, and nodes crash.
//! IDEA        Do not simulate an order, have one: one node runs each transaction to its end before
//!             it begins the next. The log of what it ran is the database: run again from the
//!             beginning, it gives the same lists and the same answers, because what a transaction
//!             does is decided by its text and by what is there, and by nothing else
//!             [stonebraker2007 §2], [schneider1990 §2].
//! RULES       1. All transactions, reads too, run on the sequencer: a copy elsewhere could be old.
//!             2. A transaction that appends is on disk before anyone sees what it did.
//!             3. It runs once. Who asked for it is in the same record on disk: whoever asks again
//!                gets the same answer. One that only reads may run again: nobody can tell.
//!             4. No two transactions have the same name, not after a restart of the gateway
//!                either.
//! MESSAGES    Run  { call, txn }    gateway to sequencer
//!             Done { call, txn }    back, with what the reads were shown
//! COST        Two messages for each transaction that is not the sequencer's own; one sync for each
//!             that appends.
//! CAVEATS     While the sequencer is down nothing runs: no other node may take over without being
//!             sure that it is gone, which takes consensus. The log and the answers grow without
//!             bound; snapshots, and clients that say which answers they have, would end that.
//! READ NEXT   read_committed.rs for what is left when nobody may wait for anybody

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::txn_list_append::{Op, Request, Response, TxnListAppend};
use splitbrain_core::{Context, Node, NodeId, RequestId, Wal, ms};

/// The node that runs the transactions.
const SEQUENCER: NodeId = NodeId(0);
/// How long a gateway waits for an answer before it asks again.
const RETRY: Duration = ms(200);

/// The sequencer, or a gateway to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sequencer {
    /// The lists. They are what the log on disk makes.
    lists: BTreeMap<u64, Vec<u64>>,
    /// The answers to the transactions in the log.
    answers: BTreeMap<(NodeId, Call), Vec<Op>>,
    /// The transactions of clients that wait for an answer.
    open: BTreeMap<Call, (RequestId, Vec<Op>)>,
    /// The call that was made last.
    call: Call,
}

/// Names one transaction that a gateway has passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Call {
    /// The gateway's boot: it forgets its calls in a crash, and must not use their names again.
    pub boot: u64,
    /// The number of the call in that boot.
    pub number: u64,
}

/// What nodes say to one another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// Run this.
    Run {
        /// To be returned with the answer.
        call: Call,
        /// The transaction.
        txn: Vec<Op>,
    },
    /// It has run.
    Done {
        /// The call that is answered.
        call: Call,
        /// The transaction, with what its reads were shown.
        txn: Vec<Op>,
    },
}

/// What a node waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Ask again.
    Retry(Call),
}

/// A transaction that has run, as it is on disk: its text, and who asked for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// Who passed it on.
    pub gateway: NodeId,
    /// In which call.
    pub call: Call,
    /// What to do.
    pub txn: Vec<Op>,
}

impl Node for Sequencer {
    type Api = TxnListAppend;
    type Message = Message;
    type Timer = Timer;
    /// The number of boots, and the transactions in the order in which they ran.
    type Disk = Wal<u64, Entry>;

    fn start(cx: &mut Context<Self>) -> Self {
        let boot = cx.disk.get() + 1;
        cx.disk.set(boot); // rule 4
        cx.sync();
        let call = Call { boot, number: 0 };
        let (lists, answers, open) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut node = Self { lists, answers, open, call };
        for Entry { gateway, call, txn } in cx.disk.log() {
            let answer = node.run(txn.clone());
            node.answers.insert((*gateway, *call), answer); // rule 3
        }
        node
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        let Request::Txn { txn } = request;
        self.call.number += 1;
        self.open.insert(self.call, (id, txn));
        self.ask(cx, self.call);
    }

    fn on_message(&mut self, cx: &mut Context<Self>, from: NodeId, message: Message) {
        match message {
            Message::Run { call, txn } => {
                let txn = self.run_once(cx, from, call, txn);
                cx.send(from, Message::Done { call, txn });
            }
            Message::Done { call, txn } => self.on_done(cx, call, txn),
        }
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, Timer::Retry(call): Timer) {
        self.ask(cx, call);
    }
}

/// The gateway.
impl Sequencer {
    fn ask(&mut self, cx: &mut Context<Self>, call: Call) {
        let Some((_, txn)) = self.open.get(&call).cloned() else { return };
        if cx.id() == SEQUENCER {
            let txn = self.run_once(cx, SEQUENCER, call, txn);
            self.on_done(cx, call, txn);
        } else {
            cx.send(SEQUENCER, Message::Run { call, txn }); // rule 1
            cx.set_timer(Timer::Retry(call), RETRY);
        }
    }

    fn on_done(&mut self, cx: &mut Context<Self>, call: Call, txn: Vec<Op>) {
        if let Some((request, _)) = self.open.remove(&call) {
            cx.cancel_timer(Timer::Retry(call));
            cx.reply(request, Response::TxnOk { txn });
        }
    }
}

/// The sequencer.
impl Sequencer {
    /// Runs a transaction, unless it has run. When this returns, the answer may be told.
    fn run_once(
        &mut self,
        cx: &mut Context<Self>,
        gateway: NodeId,
        call: Call,
        txn: Vec<Op>,
    ) -> Vec<Op> {
        if let Some(answer) = self.answers.get(&(gateway, call)) {
            return answer.clone(); // rule 3
        }
        if txn.iter().all(|op| matches!(op, Op::Read { .. })) {
            return self.run(txn);
        }
        cx.disk.append(Entry { gateway, call, txn: txn.clone() });
        cx.sync(); // rule 2
        let answer = self.run(txn);
        self.answers.insert((gateway, call), answer.clone());
        answer
    }

    /// Does one thing after the other, and fills in what the reads are shown.
    fn run(&mut self, mut txn: Vec<Op>) -> Vec<Op> {
        for op in &mut txn {
            match op {
                Op::Read { key, list } => *list = self.lists.get(key).cloned(),
                Op::Append { key, element } => self.lists.entry(*key).or_default().push(*element),
            }
        }
        txn
    }
}
