//! Texts that were put together, taken apart again.
//!
//! PROBLEM     A get returns `x 1 0 yx 2 0 y`. Which puts and appends made it, in which order?
//! IDEA        If no text that was put or appended is the beginning of another, there is one way at
//!             most to read it. The texts read so far form a tree: each is a version, made out of
//!             the one before its last piece. Where several operations wrote the same piece, each
//!             way to match them with its versions is tried; real time leaves few.
//! RULES       Whoever can't be sure says nothing.

use std::collections::BTreeMap;

use super::{KeyValueCall, Text};
use crate::linearizability::Entry;
use crate::linearizability::cut::{Cut, NEVER, Span};
use crate::linearizability::fast::versions::Act;
use crate::planted::{Planted, planted};
use crate::table::Table;

const NONE: u32 = u32::MAX;
/// The parent of what stands at the beginning of a text.
const START: u32 = u32::MAX;

/// How many ways of matching operations with versions are tried at most.
const WAYS: usize = 4096;

/// What a history of one key says of its versions.
pub(super) struct Texts {
    /// By entry: what it does.
    deeds: Vec<Deed>,
    /// The tree of versions; 0 is the initial state.
    nodes: Vec<Node>,
    /// By piece: the first entry that wrote it. By entry: the next that wrote the same.
    first_writer: Vec<u32>,
    next_writer: Vec<u32>,
    /// Whether the initial state is no text, or an empty one.
    starts_empty: bool,
}

#[derive(Clone, Copy)]
enum Deed {
    /// It saw this version, or one that can't be.
    Saw(Option<u32>),
    /// It put its piece.
    Put,
    /// It appended its piece.
    Appended,
    /// It saw this version, or one that can't be, and put its piece in the place.
    Replaced(Option<u32>),
}

/// A version.
#[derive(Clone, Copy)]
struct Node {
    /// What its last piece comes after.
    parent: u32,
    piece: u32,
    /// Who made it, where several may have.
    maker: u32,
}

/// One way to match the versions that end in one piece with the operations that wrote it.
type Way = Vec<(u32, u32)>;

impl Texts {
    /// Takes a history apart, if there is one way to do so.
    pub(super) fn new(initial: Option<&Text>, entries: &[Entry<KeyValueCall>]) -> Option<Self> {
        let mut reader = Reader::new(initial);
        let mut texts = Self {
            deeds: Vec::with_capacity(entries.len()),
            nodes: Vec::new(),
            first_writer: Vec::new(),
            next_writer: vec![NONE; entries.len()],
            starts_empty: initial.is_none_or(|text| text.is_empty()),
        };
        if !texts.starts_empty {
            reader.add(initial?)?;
            texts.first_writer.push(NONE);
        }
        for number in 0..entries.len() {
            texts.add_writer(u32::try_from(number).ok()?, entries, &mut reader)?;
        }
        reader.no_piece_begins_another()?;
        let beginnings = Beginnings::new(entries);
        for entry in entries {
            let maker = |piece| beginnings.maker(&texts, piece, entry, entries);
            let deed = match &entry.call {
                KeyValueCall::Put(_) => Deed::Put,
                KeyValueCall::Append(_) => Deed::Appended,
                KeyValueCall::Cas { from, .. } => Deed::Replaced(reader.read(Some(from), maker)?),
                KeyValueCall::Get(text) => Deed::Saw(reader.read(text.as_ref(), maker)?),
                KeyValueCall::Differs(_) | KeyValueCall::Refused(_) | KeyValueCall::Delete => {
                    return None;
                }
            };
            texts.deeds.push(deed);
        }
        texts.nodes = reader.nodes;
        Some(texts)
    }

    fn add_writer(
        &mut self,
        entry: u32,
        entries: &[Entry<KeyValueCall>],
        reader: &mut Reader,
    ) -> Option<()> {
        let call = &entries[entry as usize].call;
        let text = match call {
            KeyValueCall::Put(text) | KeyValueCall::Append(text) => text,
            KeyValueCall::Cas { to, .. } => to,
            KeyValueCall::Get(_) => return Some(()),
            KeyValueCall::Differs(_) | KeyValueCall::Refused(_) | KeyValueCall::Delete => {
                return None;
            }
        };
        let piece = reader.add(text)? as usize;
        if piece == self.first_writer.len() {
            self.first_writer.push(entry);
            return Some(());
        }
        // What a compare-and-set writes must tell which one it was; and so must the initial text.
        let first = self.first_writer[piece];
        let is_cas = |call: &KeyValueCall| matches!(call, KeyValueCall::Cas { .. });
        if first == NONE || is_cas(call) || is_cas(&entries[first as usize].call) {
            return None;
        }
        self.next_writer[entry as usize] = first;
        self.first_writer[piece] = entry;
        Some(())
    }

    /// The operations that wrote the same piece, this one and the next ones.
    fn writers(&self, first: u32) -> impl Iterator<Item = u32> {
        let next = |entry: &u32| Some(self.next_writer[*entry as usize]).filter(|e| *e != NONE);
        std::iter::successors(Some(first), next)
    }

    /// What each entry does to the versions that the beginning of the history shows, so that it
    /// `fits`; `Some(None)` if nothing does, and `None` if there are too many ways.
    pub(super) fn acts(
        &self,
        entries: &[Entry<KeyValueCall>],
        cut: Cut,
        fits: impl Fn(&[Act]) -> bool,
    ) -> Option<Option<Vec<Act>>> {
        let Some(seen) = self.seen(entries, cut) else { return Some(None) };
        let mut version = vec![NONE; entries.len()];
        let mut several: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for node in (1..).zip(&seen[1..]).filter_map(|(node, seen)| seen.then_some(node)) {
            let piece = self.nodes[node as usize].piece;
            let writer = self.first_writer[piece as usize] as usize;
            if self.next_writer[writer] != NONE {
                several.entry(piece).or_default().push(node);
            } else if version[writer] != NONE || !self.may_make(writer, node) {
                return Some(None); // Two versions cannot both have been made by one operation.
            } else {
                version[writer] = node;
            }
        }
        let bounds = if several.is_empty() { Vec::new() } else { self.bounds(entries, cut) };
        let mut choices = Vec::new();
        let mut ways = 1_usize;
        for (piece, nodes) in several {
            let choice =
                self.ways(piece, &nodes, &bounds, |entry| cut.span(entry, &entries[entry]));
            ways = ways.saturating_mul(choice.len());
            choices.push(choice);
        }
        if ways > WAYS {
            return None;
        }
        let tried = (0..ways).map(|way| self.acts_of(way, &choices, version.clone()));
        Some(tried.into_iter().find(|acts| fits(acts)))
    }

    /// What each entry does if choice after choice is taken as the digits of `way` say.
    fn acts_of(&self, mut way: usize, choices: &[Vec<Way>], mut version: Vec<u32>) -> Vec<Act> {
        for choice in choices {
            for (entry, node) in &choice[way % choice.len()] {
                version[*entry as usize] = *node;
            }
            way /= choice.len();
        }
        self.deeds.iter().zip(0..).map(|(deed, entry)| self.act(*deed, entry, &version)).collect()
    }

    fn act(&self, deed: Deed, entry: u32, version: &[u32]) -> Act {
        let nodes = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        let node = version[entry as usize];
        // What nobody saw gets a version of its own.
        let makes = if node == NONE { Some(nodes + entry) } else { Some(node) };
        match deed {
            Deed::Saw(sees) => Act { sees, makes: None },
            Deed::Put => Act { sees: None, makes },
            Deed::Appended if node == NONE => Act { sees: None, makes },
            Deed::Appended => match self.nodes[node as usize].parent {
                START => Act { sees: Some(0), makes },
                parent => Act { sees: Some(parent), makes },
            },
            Deed::Replaced(sees) => Act { sees, makes },
        }
    }

    /// The versions that certainly were there; `None` if one of them can't be.
    fn seen(&self, entries: &[Entry<KeyValueCall>], cut: Cut) -> Option<Vec<bool>> {
        let mut seen = vec![false; self.nodes.len()];
        seen[0] = true;
        for (number, entry) in entries.iter().enumerate() {
            let (Deed::Saw(node) | Deed::Replaced(node)) = self.deeds[number] else { continue };
            if !cut.span(number, entry).is_some_and(Span::has_returned) {
                continue;
            }
            let mut node = node?;
            while !std::mem::replace(&mut seen[node as usize], true) {
                let Node { parent, piece, .. } = self.nodes[node as usize];
                let writer = self.first_writer[piece as usize] as usize;
                node = match (parent, self.deeds[writer]) {
                    (START, Deed::Replaced(from)) => from?,
                    (START, _) => 0,
                    (parent, _) => parent,
                };
            }
        }
        Some(seen)
    }

    /// Whether this operation can have made this version.
    fn may_make(&self, entry: usize, node: u32) -> bool {
        let Node { parent, maker, .. } = self.nodes[node as usize];
        if maker != NONE && maker as usize != entry {
            return false;
        }
        let starts = parent == START;
        match self.deeds[entry] {
            Deed::Saw(_) => false,
            Deed::Put | Deed::Replaced(..) => starts,
            Deed::Appended => !starts || self.starts_empty,
        }
    }

    /// By version: before when it was made, because somebody saw it; and after when, because
    /// somebody saw what it was made of.
    fn bounds(&self, entries: &[Entry<KeyValueCall>], cut: Cut) -> Vec<(i64, i64)> {
        let mut bounds = vec![(NEVER, -1_i64); self.nodes.len()];
        let mut last_read = vec![-1_i64; self.nodes.len()];
        for (number, entry) in entries.iter().enumerate() {
            let Deed::Saw(Some(node)) = self.deeds[number] else { continue };
            if let Some(span) = cut.span(number, entry).filter(|span| span.has_returned()) {
                let node = node as usize;
                bounds[node].0 = bounds[node].0.min(span.returned);
                last_read[node] = last_read[node].max(span.invoked);
            }
        }
        // A version has a greater number than what it was made of.
        for node in (1..self.nodes.len()).rev() {
            if self.nodes[node].parent != START {
                let parent = self.nodes[node].parent as usize;
                bounds[parent].0 = bounds[parent].0.min(bounds[node].0);
            }
        }
        for node in 1..self.nodes.len() {
            if self.nodes[node].parent != START {
                let parent = self.nodes[node].parent as usize;
                bounds[node].1 = bounds[parent].1.max(last_read[parent]);
            }
        }
        bounds
    }

    /// Every way to match the versions that end in a piece with the operations that wrote it.
    fn ways(
        &self,
        piece: u32,
        nodes: &[u32],
        bounds: &[(i64, i64)],
        span: impl Fn(usize) -> Option<Span>,
    ) -> Vec<Way> {
        let writers: Vec<u32> = self.writers(self.first_writer[piece as usize]).collect();
        let may = |entry: u32, node: u32| {
            let (before, after) = bounds[node as usize];
            let in_time = |span: Span| span.invoked <= before && span.returned >= after;
            self.may_make(entry as usize, node) && span(entry as usize).is_some_and(in_time)
        };
        let mut ways: Vec<Way> = vec![Vec::new()];
        for node in nodes {
            let longer = |way: &Way| {
                let free = |entry: &u32| !way.iter().any(|(taken, _)| taken == entry);
                let possible = writers.iter().filter(|e| free(e) && may(**e, *node));
                let with = |entry: &u32| way.iter().copied().chain([(*entry, *node)]).collect();
                possible.map(with).collect::<Vec<Way>>()
            };
            ways = ways.iter().flat_map(longer).take(WAYS + 1).collect();
        }
        ways
    }
}

/// Who may have made the first version of a text.
///
/// If a piece was put twice, or put and appended to the empty text, then two versions look the
/// same. Real time may tell which one a read saw.
struct Beginnings {
    /// Nothing can be appended to an empty text once some write has returned.
    first_return: u32,
    /// Puts by their requests, with the first return of this one and all later ones.
    puts: Vec<(u32, u32)>,
}

/// Who made the version that somebody saw.
enum Maker {
    /// Whoever wrote the piece: there is one version only.
    Any,
    /// This operation, and no other.
    Only(u32),
    /// Nobody can have.
    Nobody,
}

impl Beginnings {
    fn new(entries: &[Entry<KeyValueCall>]) -> Self {
        let returned = |entry: &Entry<KeyValueCall>| entry.returned.unwrap_or(u32::MAX);
        let writes = || entries.iter().filter(|it| !matches!(it.call, KeyValueCall::Get(_)));
        let first_return = writes().map(returned).min().unwrap_or(u32::MAX);
        let puts = writes().filter(|entry| !matches!(entry.call, KeyValueCall::Append(_)));
        let mut puts: Vec<_> = puts.map(|put| (put.invoked, returned(put))).collect();
        puts.sort_unstable();
        let mut first = u32::MAX;
        for (_, returned) in puts.iter_mut().rev() {
            first = first.min(*returned);
            *returned = first;
        }
        Self { first_return, puts }
    }

    /// Who made the version that begins with this piece and that `reader` saw; `None` if several
    /// may have.
    fn maker(
        &self,
        texts: &Texts,
        piece: u32,
        reader: &Entry<KeyValueCall>,
        entries: &[Entry<KeyValueCall>],
    ) -> Option<Maker> {
        let first = texts.first_writer[piece as usize];
        if first == NONE || texts.next_writer[first as usize] == NONE {
            return Some(Maker::Any);
        }
        let is_put = |entry: u32| !matches!(entries[entry as usize].call, KeyValueCall::Append(_));
        let begins = |entry: &u32| {
            is_put(*entry)
                || texts.starts_empty && entries[*entry as usize].invoked <= self.first_return
        };
        let makers: Vec<u32> = texts.writers(first).filter(begins).collect();
        if makers.len() < 2 || !makers.iter().any(|entry| is_put(*entry)) {
            return Some(Maker::Any);
        }
        let may = |entry: &u32| {
            let Entry { invoked, returned, .. } = entries[*entry as usize];
            let returned = returned.unwrap_or(u32::MAX);
            let later = self.puts.partition_point(|(invoked, _)| *invoked <= returned);
            let gone = self.puts.get(later).map_or(u32::MAX, |(_, returned)| *returned);
            reader.returned.is_none_or(|end| invoked <= end) && reader.invoked <= gone
        };
        let mut possible = makers.into_iter().filter(may);
        match (possible.next(), possible.next()) {
            (None, _) => Some(Maker::Nobody),
            (Some(only), None) => Some(Maker::Only(only)),
            (Some(some), Some(_)) => planted(Planted::WrittenTwice).then_some(Maker::Only(some)),
        }
    }
}

/// Reads texts, piece by piece.
struct Reader {
    /// The pieces, by their texts.
    pieces: Table<Text, u32>,
    texts: Vec<Text>,
    /// The lengths that pieces have, ascending.
    lengths: Vec<usize>,
    nodes: Vec<Node>,
    /// By parent, piece and, where that matters, maker.
    children: Table<(u32, u32, u32), u32>,
    initial: Option<Text>,
    /// The last text that was read, with its maker, and its versions with the places at which they
    /// end.
    last: (Text, u32),
    path: Vec<(usize, u32)>,
}

impl Reader {
    fn new(initial: Option<&Text>) -> Self {
        Self {
            pieces: Table::default(),
            texts: Vec::new(),
            lengths: Vec::new(),
            nodes: vec![Node { parent: START, piece: NONE, maker: NONE }],
            children: Table::default(),
            initial: initial.cloned(),
            last: ("".into(), NONE),
            path: Vec::new(),
        }
    }

    /// The number of a piece; none if it is empty.
    fn add(&mut self, text: &Text) -> Option<u32> {
        if text.is_empty() {
            return None;
        }
        let new = u32::try_from(self.texts.len()).ok()?;
        let number = *self.pieces.or_insert_with(text.clone(), || new);
        if number == new {
            self.texts.push(text.clone());
            if let Err(at) = self.lengths.binary_search(&text.len()) {
                self.lengths.insert(at, text.len());
            }
        }
        Some(number)
    }

    fn no_piece_begins_another(&mut self) -> Option<()> {
        let mut texts = std::mem::take(&mut self.texts);
        texts.sort_unstable();
        let free = texts.windows(2).all(|pair| !pair[1].starts_with(&*pair[0]));
        (free || planted(Planted::PiecesMixed)).then_some(())
    }

    fn piece(&self, text: &str) -> Option<u32> {
        self.pieces.get(text).copied()
    }

    /// The version that this text is, or `Some(None)` if it can't be one. `maker` tells who made
    /// what a text begins with; if it can't, nor can this.
    fn read(
        &mut self,
        text: Option<&Text>,
        maker: impl Fn(u32) -> Option<Maker>,
    ) -> Option<Option<u32>> {
        if self.initial.as_ref() == text {
            return Some(Some(0));
        }
        let Some(text) = text else { return Some(None) };
        let Some((first, _)) = self.next_piece(text, 0) else { return Some(None) };
        let maker = match maker(first)? {
            Maker::Any => NONE,
            Maker::Only(entry) => entry,
            Maker::Nobody => return Some(None),
        };
        Some(self.read_of(text, maker))
    }

    fn read_of(&mut self, text: &Text, maker: u32) -> Option<u32> {
        let same = self.last.0.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
        let kept = self.path.partition_point(|(end, _)| *end <= same);
        self.path.truncate(if self.last.1 == maker { kept } else { 0 });
        self.last = (text.clone(), maker);
        let (mut at, mut node) = self.path.last().copied().unwrap_or((0, START));
        while at < text.len() {
            let (piece, end) = self.next_piece(text, at)?;
            let is_initial = node == START && self.initial.as_deref() == Some(&text[..end]);
            node = match (is_initial, node) {
                (true, _) => 0,
                (false, START) => self.follow(START, piece, maker)?,
                (false, node) => self.follow(node, piece, NONE)?,
            };
            at = end;
            self.path.push((at, node));
        }
        Some(node).filter(|node| *node != START)
    }

    fn next_piece(&self, text: &str, at: usize) -> Option<(u32, usize)> {
        self.lengths.iter().find_map(|length| {
            let end = at + length;
            Some((self.piece(text.get(at..end)?)?, end))
        })
    }

    /// The version that a piece makes of another.
    fn follow(&mut self, parent: u32, piece: u32, maker: u32) -> Option<u32> {
        let new = u32::try_from(self.nodes.len()).ok()?;
        let known = *self.children.or_insert_with((parent, piece, maker), || new);
        if known == new {
            self.nodes.push(Node { parent, piece, maker });
        }
        Some(known)
    }
}
