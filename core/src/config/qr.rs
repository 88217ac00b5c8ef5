//! Configurations that come from a stranger: a QR code, a picture, a link, a clipboard. What could run a
//! command or bend this machine's routing is dropped. With the feature `qr`, QR codes are drawn and read.

#[cfg(feature = "qr")]
mod draw;
#[cfg(feature = "qr")]
mod read;

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use super::mask::Shown;
use super::{Attribute, Config, ConfigError, Section, Spans, Table, parse};

#[cfg(feature = "qr")]
pub use draw::{Bitmap, Code, TooLong};
#[cfg(feature = "qr")]
pub use read::{Unreadable, read};

/// A configuration from a stranger, without what is dangerous.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// What is left of it.
    pub config: Config,
    /// Where everything stands in the text, the dropped lines too.
    pub spans: Spans,
    /// What was dropped, in the order of the text.
    pub dropped: Vec<Dropped>,
}

/// A warning: this line was not taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {}: dropped, {}", Shown::masked(value), self.why())]
pub struct Dropped {
    /// Its key.
    pub key: Attribute,
    /// Its value, for the user to judge.
    pub value: String,
    /// Where the value stands, in octets of the text.
    pub span: Range<usize>,
}

impl Dropped {
    /// The reason, for a sentence.
    pub fn why(&self) -> &'static str {
        match self.key {
            Attribute::Table => "because an imported configuration does not choose the routing table",
            Attribute::FwMark => "because an imported configuration does not mark packets",
            Attribute::SaveConfig => "because an imported configuration does not overwrite files",
            _ => "because an imported configuration runs no commands",
        }
    }
}

/// Reads a configuration, and drops its hooks, Table, FwMark and SaveConfig, with a warning for each line.
pub fn from_untrusted(text: &str) -> Result<Imported, ConfigError> {
    let parsed = parse(text)?;
    let mut config = parsed.config;
    let interface = &mut config.interface;
    for hooks in
        [&mut interface.pre_up, &mut interface.post_up, &mut interface.pre_down, &mut interface.post_down]
    {
        mem::take(hooks);
    }
    interface.table = Table::default();
    interface.fwmark = None;
    interface.save_config = false;

    let sections = parsed.spans.sections.iter().filter(|span| span.section == Section::Interface);
    let entries = sections.flat_map(|span| &span.entries).filter(|entry| is_dangerous(entry.key));
    let dropped = entries
        .map(|entry| Dropped {
            key: entry.key,
            value: text[entry.value.clone()].into(),
            span: entry.value.clone(),
        })
        .collect();
    Ok(Imported { config, spans: parsed.spans, dropped })
}

fn is_dangerous(key: Attribute) -> bool {
    key.is_hook() || matches!(key, Attribute::Table | Attribute::FwMark | Attribute::SaveConfig)
}
