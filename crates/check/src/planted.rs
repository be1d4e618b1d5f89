//! Bugs planted in the judges by their own tests, to show that the tests would notice.
//!
//! Outside tests [`planted`] is `false` for every one of them, and the branches vanish.

macro_rules! bugs {
    ($($(#[$doc:meta])* $bug:ident,)*) => {
        /// A wrong variant of a judge.
        #[cfg_attr(not(feature = "files"), expect(dead_code, reason = "some judges are left out"))]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Planted {
            $($(#[$doc])* $bug,)*
        }

        /// All of them.
        #[cfg(test)]
        pub(crate) const ALL: &[Planted] = &[$(Planted::$bug),*];
    };
}

bugs! {
    /// Compares the lengths of texts.
    EchoByLength,
    /// Looks for equal ids within one node only.
    IdsPerNode,
    /// An element that was seen, but never acknowledged, may vanish.
    SetSeenForgiven,
    /// One last read that shows an element is enough.
    SetOneLastReadEnough,
    /// Every read must show what is known, not only the last ones.
    SetAllReadsAreLast,
    /// Adds of unknown outcome must be there.
    SetUnknownRequired,
    /// Failed adds may be seen.
    SetFailedSeen,
    /// An element may be seen before anyone adds it.
    SetFutureSeen,
    /// Reads are sets: nothing is there twice.
    SetDuplicatesMissed,
    /// Adds of unknown outcome did not happen.
    CounterUnknownIgnored,
    /// Adds of unknown outcome happened.
    CounterUnknownRequired,
    /// Any sum between the least and the greatest will do.
    CounterHull,
    /// The greatest sum is out of range.
    CounterHalfOpen,
    /// Failed adds may have happened.
    CounterFailedCounted,
    /// Only the last reads are judged.
    CounterOnlyLast,
    /// A read may count adds that were asked after it ended.
    CounterFuture,
    /// A failed send may be seen.
    KafkaFailedSent,
    /// A send of unknown outcome happened.
    KafkaUnknownSent,
    /// What was shown to one poll is lost if another passes over it.
    KafkaSeenLost,
    /// What was shown and never acknowledged may vanish.
    KafkaShownMayVanish,
    /// Two messages at one offset are found only where senders were told so.
    KafkaOffsetOfSends,
    /// A message may be in a log twice.
    KafkaDuplicatesFine,
    /// A message may be shown before it is sent.
    KafkaFutureShown,
    /// Every poll is taken to begin at 0.
    KafkaPollsFromZero,
    /// Every poll that shows nothing has come to the end.
    KafkaEveryPollLast,
    /// A poll may begin later than was asked.
    KafkaBeginsAnywhere,
    /// A poll may show an offset twice.
    KafkaTwiceFine,
    /// An answer to a transaction may be the beginning of one.
    TxnShortAnswer,
    /// Failed commits may have happened.
    KafkaFailedCommit,
    /// An operation that happens not to change this state is put in order at once.
    PureByCoincidence,
    /// Open operations never happened.
    OpenIgnored,
    /// Open operations happened.
    OpenRequired,
    /// An open operation may happen any number of times.
    OpenRepeats,
    /// A completed operation may also never have happened.
    CompletedOptional,
    /// What was asked may have happened before it was asked.
    NoInvocation,
    /// Real time is ignored at the other end: what was answered may happen later.
    LateReturn,
    /// Of two equal pending operations, one stands for both.
    TwinsMerged,
    /// Of two equal pending operations, only the one that ends last is tried.
    TwinsBackwards,
    /// Keeps the configuration that used more open operations.
    DominanceBackwards,
    /// Keeps one configuration per state, whatever it has put in order.
    DominanceByState,
    /// A search out of budget says: linearizable.
    BudgetIsValid,
    /// Compare-and-set does not compare.
    CasBlind,
    /// A key begins with the value 0.
    InitialZero,
    /// A failed compare-and-set says nothing.
    FailuresIgnored,
    /// Shrinking removes writes instead of setting them free.
    ShrinkRemoves,
    /// Only the first key is judged.
    OneKey,
    /// Weak models: what several wrote was written by the first.
    DuplicatesAttributed,
    /// Weak models: open writes happened.
    WeakOpenRequired,
    /// Weak models: open writes did not happen.
    WeakOpenIgnored,
    /// Weak models: a session goes on after an operation of unknown outcome.
    OpenKeepsItsSession,
    /// Weak models: a read of nothing may come after a write.
    InitialForgiven,
    /// Weak models: what nobody wrote may be read.
    ThinAirForgiven,
    /// Causal: only a write of the same session replaces a write.
    StaleWithinSessionOnly,
    /// Causal convergence: a cycle of conflicts is no harm.
    ConflictsForgiven,
    /// Causal memory: what others read orders nothing.
    MemoryForgetsOthers,
    /// PRAM: what others read orders their writes.
    PramIsMemory,
    /// Session guarantees: the latest write that was heard of is owed, not the newest.
    OwesTheLatestHeard,
    /// Sequential: what the keys hold does not matter.
    SequentialForgetsState,
    /// Eventual: every read is a last read.
    EveryReadIsLast,
    /// Eventual: an open write has arrived everywhere.
    OpenHasArrived,
    /// No append follows another.
    TxnNoWw,
    /// Who missed a write comes after it.
    TxnRwBackwards,
    /// An append that no read shows never happened.
    TxnUnreadIgnored,
    /// Transactions of unknown outcome happened.
    TxnUnknownHappened,
    /// Transactions of unknown outcome did not happen, whoever saw them.
    TxnUnknownIgnored,
    /// Transactions of unknown outcome ended when their clients gave up.
    TxnUnknownEnds,
    /// What ends and what begins at the same place do not overlap.
    TxnTiesOrdered,
    /// An element may be appended twice.
    TxnDuplicateAppendsKept,
    /// What failed may be read.
    TxnAbortedReadMissed,
    /// A list may show an element twice.
    TxnRepeatsMissed,
    /// Reads need not agree on an order.
    TxnOrdersMissed,
    /// A transaction need not see its own appends.
    TxnOwnAppendsUnseen,
    /// A transaction may see what it appends later.
    TxnFutureReadMissed,
    /// Values of a key may each come before the other.
    TxnCyclicVersionsMissed,
    /// Two updates of a key are one lost, whatever they replaced.
    TxnUpdatesByKey,
    /// The kinds that follow from a kind that was found are found too.
    CycleImpliedTold,
    /// Cycles with one rw are not found.
    CycleSingleMissed,
    /// The first cycle is told, not the shortest.
    CycleFirstTold,
    /// Two rw may follow each other in a cycle that has none in a row.
    CycleRwInARow,
    /// What leads to those that stand on both sides is forgotten.
    JunctionOneWay,
    /// A search out of budget says: there is none.
    CycleGivenUpIsValid,
    /// Witnesses of a cycle are left out of its history.
    TxnWitnessesDropped,
    /// Known versions: reads may come before what they saw was made.
    LevelsIgnored,
    /// Known versions: the initial state may come back.
    InitialMayReturn,
    /// Known versions: two values may be there at the same time.
    ZonesOverlap,
    /// Known versions: another value may be there for an instant in between.
    InstantInZone,
    /// Known versions: two may be made of one.
    VersionForks,
    /// Known elements: one may come out twice.
    TakenTwice,
    /// Known elements: whoever found nothing is believed.
    EmptyIgnored,
    /// Known elements: a queue may give them out in any order.
    QueueUnordered,
    /// Known elements: any one may be pushed first.
    StackAnyFirst,
    /// Known elements: one may be popped from under another.
    StackUnnested,
    /// A text is taken apart though a piece may begin another.
    PiecesMixed,
    /// Known versions are trusted even where a value was written twice.
    WrittenTwice,
    /// Read committed: what is read later counts too.
    ReadCommittedLooksBack,
    /// Read atomic: what the session did before does not count.
    ReadAtomicForgetsSession,
    /// Weak isolation: what a failed transaction wrote may be read.
    WeakAbortedReadAllowed,
    /// Weak isolation: what its writer replaced may be read.
    WeakIntermediateReadAllowed,
    /// Weak isolation: a read after an own write may show another's.
    WeakOwnWriteIgnored,
}

#[cfg(test)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Planted>> = const { std::cell::Cell::new(None) };
}

/// Whether this bug is planted.
#[cfg(test)]
pub(crate) fn planted(bug: Planted) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether this bug is planted: never, outside tests.
#[cfg(not(test))]
pub(crate) const fn planted(_: Planted) -> bool {
    false
}

/// Plants a bug, or takes it out again.
#[cfg(test)]
pub(crate) fn plant(bug: Option<Planted>) {
    PLANTED.set(bug);
}

/// The bug that is planted.
#[cfg(test)]
pub(crate) fn current() -> Option<Planted> {
    PLANTED.get()
}

/// Runs `body` with the bug planted.
#[cfg(test)]
pub(crate) fn with<T>(bug: Option<Planted>, body: impl FnOnce() -> T) -> T {
    plant(bug);
    let result = body();
    plant(None);
    result
}

/// Runs `body` with nothing planted: what is compared with a judge is not disturbed.
#[cfg(feature = "files")]
pub(crate) fn undisturbed<T>(body: impl FnOnce() -> T) -> T {
    #[cfg(test)]
    let bug = current();
    #[cfg(test)]
    plant(None);
    let result = body();
    #[cfg(test)]
    plant(bug);
    result
}
