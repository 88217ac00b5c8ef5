//! Why a text is no configuration: what, where, and what to write instead. A private or preshared key is never
//! in here.

use alloc::string::String;
use core::fmt;
use core::ops::Range;

use zeroize::Zeroizing;

use super::mask::Shown;
use super::span::{BYTE_ORDER_MARK, is_space};
use super::{Attribute, Section};
use crate::key::PublicKey;

/// A text is not a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The section it happened in, if one had begun.
    pub section: Option<Section>,
    /// The key, if it is known.
    pub key: Option<Attribute>,
    /// The rule that was broken.
    pub reason: Reason,
    /// The offending text, unless it is a secret or may be one.
    pub text: Option<String>,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in letters, the end excluded.
    pub columns: Range<usize>,
    /// The same place in octets of the whole text.
    pub span: Range<usize>,
}

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Not 44 characters of base64.
    InvalidKey,
    /// Not a number, or out of range.
    InvalidNumber,
    /// Not what the key asks for.
    InvalidValue,
    /// A peer without PublicKey.
    MissingAttribute,
    /// A key before any section.
    MissingSection,
    /// No such key, or not in this section.
    UnknownAttribute {
        /// The key that was probably meant.
        nearest: Option<Attribute>,
    },
    /// No such section.
    UnknownSection,
    /// Neither a section, nor a key with a value, nor a comment.
    Syntax,
    /// Both IncludedApplications and ExcludedApplications.
    Duplicate,
    /// Not the UTF-8 or UTF-16 that it seemed to be.
    Encoding,
}

impl ConfigError {
    /// An error at this piece of the text.
    pub(super) fn new(
        text: &str,
        place: Range<usize>,
        reason: Reason,
        section: Option<Section>,
        key: Option<Attribute>,
    ) -> Self {
        let before = &text[..place.start];
        let line = before.rsplit('\n').next().unwrap_or(before);
        // No editor shows the byte order mark.
        let column = line.trim_start_matches(BYTE_ORDER_MARK).chars().count() + 1;
        let offending = &text[place.clone()];
        Self {
            section,
            key,
            reason,
            text: is_harmless(offending, reason, key).then(|| offending.into()),
            line: before.matches('\n').count() + 1,
            columns: column..column + offending.chars().count(),
            span: place,
        }
    }
}

/// Whether a piece of the text may be shown: no secret's value, no key that slipped into another line, and
/// no unknown name that is not made of letters, as a broken line of base64 is not.
fn is_harmless(offending: &str, reason: Reason, key: Option<Attribute>) -> bool {
    const LONGEST_NAME: usize = 32;
    match key {
        Some(Attribute::PublicKey) => true,
        Some(key) => !key.is_secret() && !contains_key(offending),
        None if reason == Reason::Encoding => false,
        None => {
            let is_letter = |letter: char| letter.is_ascii_alphabetic() || is_space(letter);
            let name = offending.trim_start_matches('[').trim_end_matches(']');
            name.len() <= LONGEST_NAME && name.chars().all(is_letter)
        }
    }
}

/// Whether some word of it, or all of it without its spaces, is a key's base64.
fn contains_key(text: &str) -> bool {
    let joined: Zeroizing<String> = Zeroizing::new(text.split(is_space).collect());
    let is_between_words = |letter: char| is_space(letter) || letter == ',';
    text.split(is_between_words).chain([joined.as_str()]).any(|word| PublicKey::from_base64(word).is_ok())
}

impl core::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.fault())
    }
}

impl ConfigError {
    /// The sentence without the line, for where that is shown beside it.
    pub fn fault(&self) -> impl fmt::Display {
        Fault(self)
    }
}

struct Fault<'e>(&'e ConfigError);

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        match error.reason {
            Reason::InvalidKey | Reason::InvalidNumber | Reason::InvalidValue => error.fmt_value(f),
            Reason::MissingAttribute => {
                write!(f, "{} has no {}", Named(error.section), Named(error.key))
            }
            Reason::MissingSection => {
                write!(f, "{} stands before [Interface] and [Peer]", Quoted(&error.text, "a key"))
            }
            Reason::UnknownAttribute { nearest } => error.fmt_unknown(f, nearest),
            Reason::UnknownSection => {
                write!(f, "{} is neither [Interface] nor [Peer]", Quoted(&error.text, "the section"))
            }
            Reason::Syntax => {
                f.write_str("neither `key = value`, nor [Interface], nor [Peer], nor a # comment")
            }
            Reason::Duplicate => {
                f.write_str("IncludedApplications and ExcludedApplications exclude each other")
            }
            Reason::Encoding => f.write_str("the text is neither UTF-8 nor UTF-16"),
        }
    }
}

impl ConfigError {
    fn fmt_value(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} must be ", Named(self.key), Named(self.section))?;
        f.write_str(self.key.map_or("something else", Attribute::expected))?;
        match self.text.as_deref() {
            Some("") => f.write_str(", but is empty"),
            Some(text) if self.key == Some(Attribute::PublicKey) => {
                write!(f, ", not `{}`", Shown::whole(text))
            }
            Some(text) => write!(f, ", not `{}`", Shown::masked(text)),
            None => Ok(()),
        }
    }

    fn fmt_unknown(&self, f: &mut fmt::Formatter<'_>, nearest: Option<Attribute>) -> fmt::Result {
        write!(f, "{} is not a key of {}", Quoted(&self.text, "this"), Named(self.section))?;
        let Some(nearest) = nearest else { return Ok(()) };
        match self.section {
            Some(section) if nearest.belongs_to(section) => write!(f, "; did you mean {nearest}?"),
            Some(Section::Interface) => write!(f, "; {nearest} belongs to a [Peer]"),
            _ => write!(f, "; {nearest} belongs to [Interface]"),
        }
    }
}

/// A part of a sentence that may be unknown.
struct Named<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Named<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(known) => known.fmt(f),
            None => f.write_str("the text"),
        }
    }
}

/// The offending text, or other words for what must not be shown.
struct Quoted<'e>(&'e Option<String>, &'static str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(text) => write!(f, "`{}`", Shown::masked(text)),
            None => f.write_str(self.1),
        }
    }
}
