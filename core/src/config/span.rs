//! Where things stand in a text: pieces of it that know their place, and the map that a parsed configuration
//! comes with.

use alloc::vec::Vec;
use core::ops::Range;

use super::{Attribute, Section};

/// Where sections, keys and values stand: ranges of octets of the text that was parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    /// In the order of the text. `[Interface]` may stand there more than once.
    pub sections: Vec<SectionSpan>,
}

/// One section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionSpan {
    /// Which.
    pub section: Section,
    /// Its name in brackets.
    pub header: Range<usize>,
    /// Its keys with their values, in the order of the text.
    pub entries: Vec<Entry>,
}

/// One line with a key and a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which.
    pub key: Attribute,
    /// The key.
    pub name: Range<usize>,
    /// The value, without the space around it.
    pub value: Range<usize>,
    /// The elements of a list: Address, DNS, AllowedIPs, applications. Otherwise empty.
    pub items: Vec<Range<usize>>,
}

impl Spans {
    /// The lines of a section that have this key, in the order of the text.
    pub fn entries(&self, section: Section, key: Attribute) -> impl Iterator<Item = &Entry> {
        let sections = self.sections.iter().filter(move |span| span.section == section);
        sections.flat_map(|span| &span.entries).filter(move |entry| entry.key == key)
    }

    /// The element of a list that may go over several lines; elements are counted from 0. The place in
    /// [`allowed_ips`](super::Peer::allowed_ips) and in [`addresses`](super::Interface::addresses) is the same.
    pub fn item(&self, section: Section, key: Attribute, index: usize) -> Option<Range<usize>> {
        self.entries(section, key).flat_map(|entry| &entry.items).nth(index).cloned()
    }
}

/// What editors on Windows begin a file with.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// The white space of `wg` and `wg-quick`: theirs knows the vertical tab, Rust's does not.
pub(super) fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t'..='\r')
}

/// A piece of the text that knows where it begins.
#[derive(Clone, Copy)]
pub(super) struct Piece<'t> {
    pub(super) text: &'t str,
    pub(super) start: usize,
}

impl<'t> Piece<'t> {
    pub(super) fn range(self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// The part from one offset to another, counted from its own beginning.
    fn slice(self, range: Range<usize>) -> Self {
        Self { start: self.start + range.start, text: &self.text[range] }
    }

    pub(super) fn trim(self) -> Self {
        let start = self.text.len() - self.text.trim_start_matches(is_space).len();
        let end = self.text.trim_end_matches(is_space).len();
        self.slice(start..end.max(start))
    }

    /// What stands before the first such letter; all of it when there is none.
    pub(super) fn before(self, letter: char) -> Self {
        self.slice(0..self.text.find(letter).unwrap_or(self.text.len()))
    }

    pub(super) fn split_once(self, letter: char) -> Option<(Self, Self)> {
        let place = self.text.find(letter)?;
        Some((self.slice(0..place), self.slice(place + letter.len_utf8()..self.text.len())))
    }

    /// The parts between the letters that are separators, each trimmed; some may be empty.
    pub(super) fn split(self, is_separator: fn(char) -> bool) -> impl Iterator<Item = Self> {
        let parts = self.text.split(is_separator);
        // Every separator is one octet: a comma, a space or a line's end.
        let with_starts = parts.scan(0, |next, part| {
            let start = *next;
            *next += part.len() + 1;
            Some((start, part.len()))
        });
        with_starts.map(move |(start, len)| self.slice(start..start + len).trim())
    }
}
