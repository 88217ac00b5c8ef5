//! Why something failed, as errors with fields. `reason` is always one sentence for people; no secret is in any.

use adit_core::config;
#[cfg(unix)]
use adit_core::device::DeviceError;

use crate::caught::{DEFECT, Panicked};

/// A text, or a record, is no configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum ConfigError {
    /// A text breaks a rule of the language.
    #[error("{reason}")]
    Text {
        /// One sentence.
        reason: String,
        /// The rule.
        rule: ConfigRule,
        /// The section it happened in, if one had begun.
        section: Option<ConfigSection>,
        /// The key, as it is spelled, if it is known.
        key: Option<String>,
        /// The offending text, unless it is a secret or may be one.
        text: Option<String>,
        /// Counted from 1.
        line: u32,
        /// Counted from 1, in letters, the end excluded.
        columns: TextSpan,
        /// The same place in octets of the whole text in UTF-8.
        span: TextSpan,
    },
    /// A field of a record has a value that no configuration can have.
    #[error("{reason}")]
    Value {
        /// One sentence.
        reason: String,
        /// The peer, counted from 1; null for the interface.
        peer: Option<u32>,
        /// The field's key, as a text spells it.
        key: String,
    },
    /// A defect of Adit.
    #[error("{reason}")]
    Internal {
        /// One sentence.
        reason: String,
    },
}

/// The rule of the language that was broken.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ConfigRule {
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
        nearest: Option<String>,
    },
    /// No such section.
    UnknownSection,
    /// Neither a section, nor a key with a value, nor a comment.
    Syntax,
    /// Both IncludedApplications and ExcludedApplications.
    Duplicate,
    /// Neither UTF-8 nor UTF-16.
    Encoding,
}

/// A section of a text.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ConfigSection {
    /// `[Interface]`.
    Interface,
    /// `[Peer]`.
    Peer {
        /// Counted from 1.
        number: u32,
    },
}

/// A piece of a text, its end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct TextSpan {
    /// Where it begins.
    pub start: u32,
    /// Where it has ended.
    pub end: u32,
}

/// A tunnel did not start, or refused a call. Whatever it refused, nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum TunnelError {
    /// The configuration cannot be applied.
    #[error("{reason}")]
    Config {
        /// One sentence.
        reason: String,
        /// The key that it is about, as a text spells it.
        key: String,
    },
    /// The tunnel is not in a state for this call: started already, not started, stopped meanwhile.
    #[error("{reason}")]
    InvalidState {
        /// One sentence.
        reason: String,
    },
    /// The descriptor is no TUN device that can be used.
    #[error("{reason}")]
    TunDescriptor {
        /// One sentence.
        reason: String,
    },
    /// The app did not protect the tunnel's socket, so nothing was sent.
    #[error("{reason}")]
    Protect {
        /// One sentence.
        reason: String,
    },
    /// The name of a peer's endpoint has no address.
    #[error("{reason}")]
    Resolve {
        /// One sentence.
        reason: String,
        /// The name.
        host: String,
    },
    /// The UDP port cannot be had.
    #[error("{reason}")]
    Bind {
        /// One sentence.
        reason: String,
        /// The port asked for; null: the system was to choose one.
        port: Option<u16>,
    },
    /// The system refused what every tunnel needs, or a defect of Adit.
    #[error("{reason}")]
    Internal {
        /// One sentence.
        reason: String,
    },
}

impl From<Panicked> for ConfigError {
    fn from(_: Panicked) -> Self {
        Self::Internal { reason: DEFECT.to_owned() }
    }
}

impl From<Panicked> for TunnelError {
    fn from(_: Panicked) -> Self {
        Self::Internal { reason: DEFECT.to_owned() }
    }
}

impl From<config::ConfigError> for ConfigError {
    fn from(error: config::ConfigError) -> Self {
        Self::Text {
            reason: error.to_string(),
            rule: error.reason.into(),
            section: error.section.map(ConfigSection::from),
            key: error.key.map(|key| key.name().to_owned()),
            text: error.text,
            line: count(error.line),
            columns: error.columns.into(),
            span: error.span.into(),
        }
    }
}

impl From<config::Unwritable> for ConfigError {
    fn from(error: config::Unwritable) -> Self {
        Self::Value { reason: error.to_string(), peer: None, key: error.key.name().to_owned() }
    }
}

impl From<config::Reason> for ConfigRule {
    fn from(reason: config::Reason) -> Self {
        use config::Reason;
        match reason {
            Reason::InvalidKey => Self::InvalidKey,
            Reason::InvalidNumber => Self::InvalidNumber,
            Reason::InvalidValue => Self::InvalidValue,
            Reason::MissingAttribute => Self::MissingAttribute,
            Reason::MissingSection => Self::MissingSection,
            Reason::UnknownAttribute { nearest } => {
                Self::UnknownAttribute { nearest: nearest.map(|key| key.name().to_owned()) }
            }
            Reason::UnknownSection => Self::UnknownSection,
            Reason::Syntax => Self::Syntax,
            Reason::Duplicate => Self::Duplicate,
            Reason::Encoding => Self::Encoding,
        }
    }
}

impl From<config::Section> for ConfigSection {
    fn from(section: config::Section) -> Self {
        match section {
            config::Section::Interface => Self::Interface,
            config::Section::Peer(number) => Self::Peer { number: count(number) },
        }
    }
}

impl From<std::ops::Range<usize>> for TextSpan {
    fn from(range: std::ops::Range<usize>) -> Self {
        Self { start: count(range.start), end: count(range.end) }
    }
}

/// No text that an app holds has more letters.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl From<ConfigError> for TunnelError {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Text { reason, key, .. } => Self::Config { reason, key: key.unwrap_or_default() },
            ConfigError::Value { reason, key, .. } => Self::Config { reason, key },
            ConfigError::Internal { reason } => Self::Internal { reason },
        }
    }
}

#[cfg(unix)]
impl From<DeviceError> for TunnelError {
    fn from(error: DeviceError) -> Self {
        let reason = error.to_string();
        match error {
            DeviceError::TunDescriptor(_) => Self::TunDescriptor { reason },
            DeviceError::Protect(_) => Self::Protect { reason },
            DeviceError::Bind { port, .. } => Self::Bind { reason, port: (port != 0).then_some(port) },
            DeviceError::FwMark { .. } => Self::Config { reason, key: "FwMark".to_owned() },
            DeviceError::Stopped => Self::InvalidState { reason },
            _ => Self::Internal { reason },
        }
    }
}
