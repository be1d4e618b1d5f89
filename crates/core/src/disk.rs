//! What survives a crash.

use std::fmt::Debug;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

/// Durable state. A write is first *unsynced*: a crash may lose it. [`Context::sync`] makes it
/// durable.
///
/// The methods are the engines' side; a node uses those of [`Wal`].
///
/// [`Context::sync`]: crate::Context::sync
pub trait Disk: Clone + Eq + Hash + Debug + Default + 'static {
    /// How many writes no finished sync covers yet.
    fn unsynced(&self) -> u32;
    /// The oldest `writes` unsynced writes are now durable.
    fn sync(&mut self, writes: u32);
    /// The machine stopped: of the unsynced writes only the oldest `kept` reached the disk, and if
    /// `torn`, half of the one after them.
    fn crash(&mut self, kept: u32, torn: bool);
    /// A durable record went bad, chosen by `pick`. Returns whether there was one.
    fn rot(&mut self, pick: u64) -> bool;
}

/// No disk: everything dies in a crash.
impl Disk for () {
    fn unsynced(&self) -> u32 {
        0
    }
    fn sync(&mut self, _: u32) {}
    fn crash(&mut self, _: u32, _: bool) {}
    fn rot(&mut self, _: u64) -> bool {
        false
    }
}

/// What a [`Wal`] found wrong when it was read after a restart. Records carry checksums, so damage
/// is always noticed, never returned as data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// The last record was cut off in the middle of being written, and dropped. It had never been
    /// synced: nothing that was promised is lost.
    TornTail,
    /// A synced record of the log is unreadable, and with it all that followed. The log ends before
    /// it. Something that was promised may be lost: a node that goes on as if its log were only
    /// short may break agreement [alagappan2018 §2].
    Log {
        /// How many entries were lost.
        lost: u32,
    },
    /// The register is unreadable and was reset to its default.
    Register,
}

/// A register and an append-only log, in one write-ahead log: enough for Raft's hard state and
/// entries, a Paxos acceptor, a two-phase commit log.
///
/// ```
/// # use splitbrain_core::{Disk, Wal};
/// let mut disk: Wal<u64, &str> = Wal::default();
/// disk.append("a");
/// disk.sync(1);              // an engine does this at cx.sync()
/// disk.append("b");
/// disk.set(7);
/// disk.crash(1, false);      // the machine stops: of two unsynced writes one had arrived
/// assert_eq!((disk.log(), *disk.get()), (&["a", "b"][..], 0));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Wal<Register, Entry> {
    register: Register,
    log: Vec<Entry>,
    /// How to take back each unsynced write, oldest first. One copy of the data, and equal disks
    /// are equal values: after a sync nothing remains here.
    undo: Vec<Undo<Register, Entry>>,
    damage: Option<Damage>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Undo<Register, Entry> {
    Set(Register),
    Append,
    Truncate(Vec<Entry>),
    Discard(Vec<Entry>),
}

impl<Register: Default, Entry> Default for Wal<Register, Entry> {
    fn default() -> Self {
        Self { register: Register::default(), log: Vec::new(), undo: Vec::new(), damage: None }
    }
}

impl<Register, Entry> Wal<Register, Entry> {
    /// The register.
    pub const fn get(&self) -> &Register {
        &self.register
    }

    /// The log.
    pub fn log(&self) -> &[Entry] {
        &self.log
    }

    /// Overwrites the register.
    pub fn set(&mut self, register: Register) {
        let old = std::mem::replace(&mut self.register, register);
        self.undo.push(Undo::Set(old));
    }

    /// Appends to the log.
    pub fn append(&mut self, entry: Entry) {
        self.log.push(entry);
        self.undo.push(Undo::Append);
    }

    /// Cuts the log down to its first `length` entries. Nothing happens if it is no longer than
    /// that.
    pub fn truncate(&mut self, length: usize) {
        if length < self.log.len() {
            self.undo.push(Undo::Truncate(self.log.split_off(length)));
        }
    }

    /// Drops the first `count` entries of the log, or all if it has no more. The others keep their
    /// order and move to the front.
    pub fn discard(&mut self, count: usize) {
        if count > 0 && !self.log.is_empty() {
            let count = count.min(self.log.len());
            self.undo.push(Undo::Discard(self.log.drain(..count).collect()));
        }
    }

    /// What was found damaged at the last start, if anything.
    pub const fn damage(&self) -> Option<Damage> {
        self.damage
    }
}

impl<Register, Entry> Disk for Wal<Register, Entry>
where
    Register: Clone + Eq + Hash + Debug + Default + 'static,
    Entry: Clone + Eq + Hash + Debug + 'static,
{
    fn unsynced(&self) -> u32 {
        u32::try_from(self.undo.len()).unwrap_or(u32::MAX)
    }

    fn sync(&mut self, writes: u32) {
        self.undo.drain(..(writes as usize).min(self.undo.len()));
    }

    fn crash(&mut self, kept: u32, torn: bool) {
        self.damage = None;
        if torn && (kept as usize) < self.undo.len() {
            self.damage = Some(Damage::TornTail);
        }
        while self.undo.len() > kept as usize {
            match self.undo.pop() {
                Some(Undo::Set(register)) => self.register = register,
                Some(Undo::Append) => {
                    self.log.pop();
                }
                Some(Undo::Truncate(mut tail)) => self.log.append(&mut tail),
                Some(Undo::Discard(mut head)) => {
                    head.append(&mut self.log);
                    self.log = head;
                }
                None => break,
            }
        }
        self.undo.clear();
    }

    fn rot(&mut self, pick: u64) -> bool {
        let (records, register) = (self.log.len() as u64, Register::default() != self.register);
        if records + u64::from(register) == 0 {
            return false;
        }
        let victim = pick % (records + u64::from(register));
        if victim < records {
            let keep = usize::try_from(victim).unwrap_or(usize::MAX);
            let lost = u32::try_from(self.log.len() - keep).unwrap_or(u32::MAX);
            self.log.truncate(keep);
            self.damage = Some(Damage::Log { lost });
        } else {
            self.register = Register::default();
            self.damage = Some(Damage::Register);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Wal<u64, char> {
        let mut disk = Wal::default();
        disk.append('a');
        disk.append('b');
        disk.set(1);
        disk.sync(3);
        disk.truncate(1);
        disk.append('c');
        disk.set(2);
        disk
    }

    #[test]
    fn a_crash_keeps_any_prefix_of_the_unsynced_writes() {
        let images = [("ab", 1), ("a", 1), ("ac", 1), ("ac", 2)];
        for (kept, (log, register)) in (0..).zip(images) {
            let mut disk = written();
            disk.crash(kept, false);
            assert_eq!(disk.log().iter().collect::<String>(), log, "{kept} writes kept");
            assert_eq!(*disk.get(), register);
            assert_eq!((disk.unsynced(), disk.damage()), (0, None));
        }
    }

    #[test]
    fn a_crash_brings_back_what_was_discarded() {
        for (kept, log) in [(0, "abcd"), (1, "cd"), (2, "cde"), (3, "")] {
            let mut disk: Wal<u64, char> = Wal::default();
            "abcd".chars().for_each(|entry| disk.append(entry));
            disk.sync(4);
            disk.discard(2);
            disk.append('e');
            disk.discard(9);
            disk.crash(kept, false);
            assert_eq!(disk.log().iter().collect::<String>(), log, "{kept} writes kept");
        }
    }

    #[test]
    fn a_torn_record_is_dropped_and_reported() {
        let mut disk = written();
        disk.crash(1, true);
        assert_eq!((disk.log(), disk.damage()), (&['a'][..], Some(Damage::TornTail)));
        let mut whole = written();
        whole.crash(3, true);
        assert_eq!(whole.damage(), None, "nothing was being written, so nothing is torn");
    }

    #[test]
    fn rot_is_noticed_and_never_returned_as_data() {
        let mut disk = written();
        disk.sync(3);
        assert!(disk.rot(1));
        assert_eq!((disk.log(), disk.damage()), (&['a'][..], Some(Damage::Log { lost: 1 })));
        assert!(disk.rot(1));
        assert_eq!((*disk.get(), disk.damage()), (0, Some(Damage::Register)));
        assert!(!Wal::<u64, u64>::default().rot(9), "an empty disk cannot rot");
    }

    #[test]
    fn equal_contents_are_equal_values_once_synced() {
        let mut one = written();
        one.sync(3);
        let mut other = Wal::default();
        for entry in ['a', 'c'] {
            other.append(entry);
        }
        other.set(2);
        other.sync(3);
        assert_eq!(one, other);
    }
}
