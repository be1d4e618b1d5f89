//! The built-in nodes by name, for programs that offer them all.

/// What is known of a built-in node without running it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What it is called: `broadcast`; a patched copy is `broadcast/no-retry`.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub kind: Kind,
    /// One line: how it works or, for a wrong one, its mistake.
    pub summary: &'static str,
    /// Where the algorithm or the bug comes from.
    pub source: &'static str,
    /// The ids of the findings that show it to be wrong; one of them must. Empty if it is right.
    pub breaks: &'static [&'static str],
}

/// The consistency models that a node of this name promises, if not what its workload does.
pub fn promises(name: &str) -> &'static [&'static str] {
    match name.split('/').next() {
        Some("read-committed") => &["read-committed"],
        _ => &[],
    }
}

/// Whether a node is as it should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An algorithm as published. It must live.
    Reference,
    /// An algorithm that many would write and nobody should. It must die.
    Broken,
    /// A reference with one planted bug. It must die.
    Mutant,
    /// A reference with another design that is right too. It must live.
    Variant,
}

/// Writes the list of built-in nodes once, for [`CATALOG`] and for [`for_each_node!`].
///
/// [`for_each_node!`]: crate::for_each_node
macro_rules! nodes {
    ($dollar:tt $(
        $name:literal $kind:ident $($module:ident)::+, $source:literal, $breaks:expr,
        $summary:literal;
    )+) => {
        /// Every built-in node, in reading order.
        pub const CATALOG: &[Entry] = &[$(Entry {
            name: $name,
            kind: Kind::$kind,
            summary: $summary,
            source: $source,
            breaks: &$breaks,
        }),+];

        /// Calls the macro `visit` once, with a `"name" => Type;` for every built-in node in the
        /// order of [`CATALOG`](crate::CATALOG): how a program makes something of each of the types
        /// without writing the list again.
        ///
        /// ```
        /// use splitbrain_core::{Node, workload::Workload};
        ///
        /// fn workload<N: Node<Api: Workload>>() -> &'static str {
        ///     N::Api::NAME
        /// }
        /// macro_rules! workloads {
        ///     ($($name:literal => $node:ty;)*) => { [$(($name, workload::<$node>())),*] };
        /// }
        /// let all = splitbrain_algorithms::for_each_node!(workloads);
        /// assert_eq!(all[0], ("echo", "echo"));
        /// ```
        #[macro_export]
        macro_rules! for_each_node {
            ($dollar visit:ident) => {
                $dollar visit! { $($name => $dollar crate::$($module)::+;)+ }
            };
        }
    };
}

nodes! { $
    "echo" Reference echo::Echo, "maelstrom doc/03-broadcast", [],
        "says back what it is told";
    "unique-ids" Reference unique_ids::UniqueIds, "rfc9562", [],
        "node, boot and counter: an id that was never given before, without asking anyone";
    "broadcast" Reference broadcast::flooding::Flooding, "maelstrom doc/03-broadcast", [],
        "tells its neighbours, again and again until they say they have heard";
    "broadcast-gossip" Reference broadcast::gossip::Gossip, "demers1987", [],
        "compares checksums with one peer after another and exchanges what differs";
    "g-set" Reference g_set::GSet, "shapiro2011", [],
        "a set that only grows, merged by union";
    "g-counter" Reference g_counter::GCounter, "shapiro2011", [],
        "a count per node, merged by maximum";
    "pn-counter" Reference pn_counter::PnCounter, "shapiro2011", [],
        "two counts per node, of ups and of downs, merged by maximum";
    "partitioned-log" Reference partitioned_log::PartitionedLog, "kreps2011 §3.1", [],
        "one owner per log, and every node a gateway that asks again until it is answered";
    "sequencer" Reference sequencer::Sequencer, "stonebraker2007 §2", [],
        "one node runs all transactions, one after another, from a log on disk";
    "read-committed" Reference read_committed::ReadCommitted, "bailis2013 §5.1", [],
        "transactions that wait for nobody: whole, and in one order of writes, but no more";
    "primary-backup" Broken primary_backup::PrimaryBackup, "bailis2014",
        ["LIN-LOST-WRITE", "LIN-STALE-READ", "LIN-INVERSION", "LIN-NO-ORDER", "LIN-PHANTOM-READ"],
        "the kind everyone writes first: heartbeats, and whoever hears none takes over";
    "abd" Reference abd::Abd, "attiya1995", [],
        "reads and writes of majorities: a register that survives any minority";
    "raft" Reference raft::RaftKv, "raft", [],
        "a log that a leader writes and a majority keeps: a store of keys and values";
    "raft-churn" Variant raft::RaftChurn, "thesis", [],
        "raft, whose leader hands over, and removes and adds servers, all the time";
}
