//! Text to configuration: lines, sections and keys, by the rules of `wg` and `wg-quick` together. What a value
//! may be is in the room beside this one.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::num::NonZeroU16;
use core::ops::Range;

use super::error::{ConfigError, Reason};
use super::mask::without_spaces;
use super::span::{BYTE_ORDER_MARK, Entry, Piece, SectionSpan, Spans, is_space};
use super::value::{self, Dns};
use super::{
    AllowedIp, AllowedIpChange, Applications, Attribute, Config, Endpoint, Interface, Peer, Section, decode,
};
use crate::key::{PresharedKey, PublicKey};

/// A configuration, and where its parts stand in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// What the text says.
    pub config: Config,
    /// Where it says it.
    pub spans: Spans,
}

/// Reads a configuration. Of a key that stands twice in a section the last one counts, as for `wg`; lists and
/// hooks add up.
pub fn parse(text: &str) -> Result<Parsed, ConfigError> {
    let mut parser = Parser::new(text);
    for line in lines(text) {
        parser.line(line)?;
    }
    parser.finish().map_err(|mut errors| errors.swap_remove(0))
}

/// Reads a configuration as [`parse`] does, but goes on after an error: gives all of them, one a line, in the
/// order of the text. What only follows from an earlier error is left out. Of very many, the first 100 are given.
pub fn diagnose(text: &str) -> Result<Parsed, Vec<ConfigError>> {
    let mut parser = Parser::new(text);
    let mut errors = Vec::new();
    for line in lines(text) {
        if errors.len() == MOST_ERRORS {
            break;
        }
        if let Err(error) = parser.line(line) {
            parser.forgo(&error);
            errors.push(error);
        }
    }
    match parser.finish() {
        Ok(parsed) if errors.is_empty() => return Ok(parsed),
        Ok(_) => {}
        Err(missing) => errors.extend(missing),
    }
    errors.sort_by_key(|error| error.span.start);
    errors.truncate(MOST_ERRORS);
    Err(errors)
}

/// The lines of a text, trimmed.
fn lines(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let start = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    Piece { text: &text[start..], start }.split(|letter| letter == '\n')
}

/// Reads a file's octets, in UTF-8 or UTF-16. The spans belong to the text that [`decode()`] makes of them.
pub fn parse_bytes(bytes: &[u8]) -> Result<Parsed, ConfigError> {
    parse(&decode(bytes)?)
}

/// How many errors are enough. Each looks for its line from the beginning of the text, and some text is long.
const MOST_ERRORS: usize = 100;

struct Parser<'t> {
    text: &'t str,
    /// Whether the section's name has no spaces within: `wg-quick` does not know it otherwise.
    is_plain_header: bool,
    /// Whether the last header could not be read, so that nothing is known of the keys below it.
    is_lost: bool,
    interface: Interface,
    peers: Vec<PeerDraft>,
    spans: Spans,
}

/// A peer that may still lack its key.
struct PeerDraft {
    header: Range<usize>,
    public_key: Option<PublicKey>,
    /// Whether a line that had an error may have been that of the key.
    may_have_key: bool,
    preshared_key: Option<PresharedKey>,
    allowed_ips: Vec<AllowedIp>,
    /// Whether the last line of AllowedIPs had no `+` and no `-`.
    last_line_replaces: bool,
    endpoint: Option<Endpoint>,
    persistent_keepalive: Option<NonZeroU16>,
}

/// A key's value, and all that an error about it has to say.
#[derive(Clone, Copy)]
struct Field<'t> {
    text: &'t str,
    section: Section,
    key: Attribute,
    value: Piece<'t>,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        let (interface, peers, spans) = Default::default();
        Self { text, is_plain_header: true, is_lost: false, interface, peers, spans }
    }

    fn line(&mut self, line: Piece<'t>) -> Result<(), ConfigError> {
        let code = line.before('#').trim();
        if code.text.is_empty() {
            return Ok(());
        }
        if code.text.starts_with('[') {
            return self.header(code);
        }
        if self.is_lost {
            return Ok(());
        }
        let section = self.spans.sections.last().map(|span| span.section);
        let Some((name, value)) = code.split_once('=') else {
            return Err(self.error(code, Reason::Syntax, section));
        };
        let name = name.trim();
        let section = section.ok_or_else(|| self.error(name, Reason::MissingSection, None))?;
        let key = self.key(name, section)?;
        // The shell reads a hook's comments.
        let value =
            if key.is_hook() { line.split_once('=').map_or(value, |(_, value)| value) } else { value };
        let field = Field { text: self.text, section, key, value: value.trim() };

        let items = match section {
            Section::Interface => self.interface_value(field)?,
            Section::Peer(_) => self.peer_value(field)?,
        };
        let entry = Entry { key, name: name.range(), value: field.value.range(), items };
        if let Some(span) = self.spans.sections.last_mut() {
            span.entries.push(entry);
        }
        Ok(())
    }

    fn header(&mut self, code: Piece<'t>) -> Result<(), ConfigError> {
        let name = without_spaces(code.text).to_ascii_lowercase();
        let section = match name.as_str() {
            "[interface]" => Section::Interface,
            "[peer]" => {
                self.peers.push(PeerDraft::new(code.range()));
                Section::Peer(self.peers.len())
            }
            _ if name.ends_with(']') => return Err(self.error(code, Reason::UnknownSection, None)),
            _ => return Err(self.error(code, Reason::Syntax, None)),
        };
        self.is_plain_header = name.len() == code.text.len();
        self.is_lost = false;
        self.spans.sections.push(SectionSpan { section, header: code.range(), entries: Vec::new() });
        Ok(())
    }

    /// Takes note of what this error leaves unknown, so that no other error follows from it.
    fn forgo(&mut self, error: &ConfigError) {
        let is_header = self.text[error.span.clone()].starts_with('[');
        match error.reason {
            Reason::UnknownSection | Reason::MissingSection => self.is_lost = true,
            Reason::Syntax if is_header => self.is_lost = true,
            _ => {}
        }
        let may_be_key = match error.reason {
            Reason::InvalidKey => error.key == Some(Attribute::PublicKey),
            Reason::UnknownAttribute { nearest } => nearest == Some(Attribute::PublicKey),
            reason => reason == Reason::Syntax,
        };
        if let Some(peer) = self.peers.last_mut() {
            peer.may_have_key |= may_be_key;
        }
    }

    /// The key of this name, if the section may have it.
    fn key(&self, name: Piece<'t>, section: Section) -> Result<Attribute, ConfigError> {
        let joined = without_spaces(name.text);
        let known = Attribute::find(&joined).filter(|key| {
            let is_plain = self.is_plain_header && joined.len() == name.text.len();
            key.belongs_to(section) && (key.ignores_spaces() || is_plain)
        });
        known.ok_or_else(|| {
            let nearest = Attribute::nearest(&joined);
            self.error(name, Reason::UnknownAttribute { nearest }, Some(section))
        })
    }

    /// Takes a value of `[Interface]`; gives the places of a list's elements.
    fn interface_value(&mut self, field: Field<'t>) -> Result<Vec<Range<usize>>, ConfigError> {
        let interface = &mut self.interface;
        match field.key {
            Attribute::PrivateKey => interface.private_key = field.read(value::private_key)?,
            Attribute::ListenPort => interface.listen_port = field.read(value::listen_port)?,
            Attribute::FwMark => interface.fwmark = field.read(value::fwmark)?,
            Attribute::Mtu => interface.mtu = field.read(value::mtu)?.map(u16::from),
            Attribute::Table => interface.table = field.read(value::table)?,
            Attribute::SaveConfig => interface.save_config = field.read(value::boolean)?,
            Attribute::PreUp => interface.pre_up.push(field.value.text.to_string()),
            Attribute::PostUp => interface.post_up.push(field.value.text.to_string()),
            Attribute::PreDown => interface.pre_down.push(field.value.text.to_string()),
            Attribute::PostDown => interface.post_down.push(field.value.text.to_string()),
            Attribute::Address => {
                return field.read_list(|item| {
                    interface.addresses.push(value::address(item)?);
                    Ok(())
                });
            }
            Attribute::Dns => {
                return field.read_list(|item| {
                    match value::dns(item)? {
                        Dns::Server(address) => interface.dns_servers.push(address),
                        Dns::Search(domain) => interface.dns_search.push(domain),
                    }
                    Ok(())
                });
            }
            _ => return self.applications(field),
        }
        Ok(Vec::new())
    }

    fn applications(&mut self, field: Field<'t>) -> Result<Vec<Range<usize>>, ConfigError> {
        let mut names = Vec::new();
        let items = field.read_list(|item| {
            names.push(value::application(item)?);
            Ok(())
        })?;
        // An empty list of the apps means the same as none.
        if names.is_empty() {
            return Ok(items);
        }
        let is_included = field.key == Attribute::IncludedApplications;
        match (&mut self.interface.applications, is_included) {
            (Applications::Included(earlier), true) | (Applications::Excluded(earlier), false) => {
                earlier.append(&mut names);
            }
            (applications @ Applications::All, true) => *applications = Applications::Included(names),
            (applications @ Applications::All, false) => *applications = Applications::Excluded(names),
            _ => return Err(field.error(field.value, Reason::Duplicate)),
        }
        Ok(items)
    }

    /// Takes a value of the last `[Peer]`; gives the places of a list's elements.
    fn peer_value(&mut self, field: Field<'t>) -> Result<Vec<Range<usize>>, ConfigError> {
        let Some(peer) = self.peers.last_mut() else { return Ok(Vec::new()) };
        match field.key {
            Attribute::PublicKey => peer.public_key = Some(field.read(value::public_key)?),
            Attribute::PresharedKey => peer.preshared_key = field.read(value::preshared_key)?,
            Attribute::Endpoint => peer.endpoint = Some(field.read(value::endpoint)?),
            Attribute::PersistentKeepalive => peer.persistent_keepalive = field.read(value::keepalive)?,
            _ => return peer.allowed_ips(field),
        }
        Ok(Vec::new())
    }

    /// The configuration, or an error for each of the first peers that have no key.
    fn finish(self) -> Result<Parsed, Vec<ConfigError>> {
        let mut peers = Vec::with_capacity(self.peers.len());
        let mut errors = Vec::new();
        for (index, draft) in self.peers.into_iter().enumerate() {
            let (header, may_have_key) = (draft.header.clone(), draft.may_have_key);
            match draft.finish() {
                Some(peer) => peers.push(peer),
                None if may_have_key || errors.len() == MOST_ERRORS => {}
                None => {
                    let section = Some(Section::Peer(index + 1));
                    let key = Some(Attribute::PublicKey);
                    let reason = Reason::MissingAttribute;
                    errors.push(ConfigError::new(self.text, header, reason, section, key));
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Parsed { config: Config { interface: self.interface, peers }, spans: self.spans })
    }

    fn error(&self, place: Piece<'t>, reason: Reason, section: Option<Section>) -> ConfigError {
        ConfigError::new(self.text, place.range(), reason, section, None)
    }
}

impl PeerDraft {
    fn new(header: Range<usize>) -> Self {
        Self {
            header,
            public_key: None,
            may_have_key: false,
            preshared_key: None,
            allowed_ips: Vec::new(),
            last_line_replaces: true,
            endpoint: None,
            persistent_keepalive: None,
        }
    }

    /// Adds a line of AllowedIPs; an empty one adds nothing.
    fn allowed_ips(&mut self, field: Field<'_>) -> Result<Vec<Range<usize>>, ConfigError> {
        let earlier = self.allowed_ips.len();
        let items = field.read_list(|item| {
            self.allowed_ips.push(value::allowed_ip(item)?);
            Ok(())
        })?;
        let is_listed = |entry: &AllowedIp| entry.change == AllowedIpChange::Listed;
        self.last_line_replaces = self.allowed_ips[earlier..].iter().all(is_listed);
        Ok(items)
    }

    /// `None` when the key is missing.
    fn finish(mut self) -> Option<Peer> {
        // For `wg` the last line decides whether the list is replaced, and an earlier line's `+` then means
        // nothing.
        if self.last_line_replaces {
            for entry in &mut self.allowed_ips {
                if entry.change == AllowedIpChange::Add {
                    entry.change = AllowedIpChange::Listed;
                }
            }
        }
        Some(Peer {
            public_key: self.public_key?,
            preshared_key: self.preshared_key,
            allowed_ips: self.allowed_ips,
            endpoint: self.endpoint,
            persistent_keepalive: self.persistent_keepalive,
        })
    }
}

impl Field<'_> {
    /// Reads the whole value.
    fn read<T>(self, read: fn(&str) -> Result<T, Reason>) -> Result<T, ConfigError> {
        let value = self.value;
        let read =
            if self.key.ignores_spaces() { read(&without_spaces(value.text)) } else { read(value.text) };
        read.map_err(|reason| self.error(value, reason))
    }

    /// Hands each element of a list to `take`, and gives their places. `wg` wants commas and something
    /// between them; `wg-quick` takes commas and spaces, any number of them; the apps take commas.
    fn read_list(
        self,
        mut take: impl FnMut(&str) -> Result<(), Reason>,
    ) -> Result<Vec<Range<usize>>, ConfigError> {
        if self.value.text.is_empty() {
            return Ok(Vec::new());
        }
        let is_separator = match self.key {
            Attribute::Address | Attribute::Dns => |letter| letter == ',' || is_space(letter),
            _ => |letter| letter == ',',
        };
        let mut places = Vec::new();
        for item in self.value.split(is_separator) {
            if item.text.is_empty() && !self.key.ignores_spaces() {
                continue;
            }
            let taken =
                if self.key.ignores_spaces() { take(&without_spaces(item.text)) } else { take(item.text) };
            taken.map_err(|reason| self.error(item, reason))?;
            places.push(item.range());
        }
        Ok(places)
    }

    fn error(self, place: Piece<'_>, reason: Reason) -> ConfigError {
        ConfigError::new(self.text, place.range(), reason, Some(self.section), Some(self.key))
    }
}
