//! Why a request or a status was refused, and the number that the client is told. No error carries a value that
//! may be a secret.

use alloc::format;
use alloc::string::String;

use super::Operation;
use crate::key::KeyError;

/// The error numbers that this room answers with, by their meaning; their values differ between systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    /// EINVAL: a line was understood, and its value is refused.
    Invalid,
    /// EPROTO: what came is not this protocol.
    Protocol,
}

impl Errno {
    /// The number on this system.
    pub const fn number(self) -> i32 {
        match self {
            Self::Invalid => 22,
            Self::Protocol => EPROTO,
        }
    }
}

/// From each system's `errno.h`.
const EPROTO: i32 = if cfg!(target_vendor = "apple") {
    100
} else if cfg!(target_os = "freebsd") {
    92
} else if cfg!(target_os = "openbsd") {
    95
} else if cfg!(target_os = "netbsd") {
    96
} else {
    71
};

impl Operation {
    /// The whole answer to a request that is done (0) or failed with this error number of the system's.
    ///
    /// `wg` takes the number of a `set` negated, and that of a `get` as it is: with another sign it can't
    /// name the error.
    pub fn answer(self, errno: i32) -> String {
        match self {
            Self::Get => format!("errno={}\n\n", errno.saturating_abs()),
            Self::Set => format!("errno={}\n\n", -errno.saturating_abs()),
        }
    }
}

/// A request that is refused, whole: nothing of it shall be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {reason}", key.as_ref().map(|key| format!(", {key}")).unwrap_or_default())]
pub struct RequestError {
    /// What was asked, so far as it was understood.
    pub operation: Operation,
    /// Counted from 1, within the request.
    pub line: usize,
    /// What stood before the `=`, unless it is so odd that it may be a piece of a key.
    pub key: Option<String>,
    /// The rule that was broken.
    pub reason: Reason,
}

impl RequestError {
    /// The number to answer with.
    pub fn errno(&self) -> Errno {
        match self.reason {
            Reason::Operation | Reason::NoValue | Reason::Encoding | Reason::LineLength { .. } => {
                Errno::Protocol
            }
            Reason::RequestLength { .. } | Reason::Truncated => Errno::Protocol,
            _ => Errno::Invalid,
        }
    }

    /// The whole answer.
    pub fn answer(&self) -> String {
        self.operation.answer(self.errno().number())
    }

    /// Whether the reader has seen the request's end and may read another one.
    pub fn is_recoverable(&self) -> bool {
        !matches!(self.reason, Reason::LineLength { .. } | Reason::RequestLength { .. })
    }
}

/// The rule that a line broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The first line names no known operation.
    #[error("a request begins with get=1 or set=1")]
    Operation,
    /// A line has no `=`.
    #[error("a line is key=value")]
    NoValue,
    /// A line is not UTF-8.
    #[error("the line is not UTF-8")]
    Encoding,
    /// A line is longer than any that has a meaning.
    #[error("the line is longer than {max} octets")]
    LineLength {
        /// In octets.
        max: usize,
    },
    /// The request never ends.
    #[error("the request is longer than {max} octets")]
    RequestLength {
        /// In octets.
        max: usize,
    },
    /// The text ends before the empty line.
    #[error("the text ends before its empty line")]
    Truncated,
    /// No such key, or not here: a device's key below a peer, or a peer's key above the first one.
    #[error("no such key here")]
    UnknownKey,
    /// Not a key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Not a decimal number, or too large.
    #[error("`{value}` is not a number from 0 to {max}")]
    Number {
        /// As it came.
        value: String,
        /// The largest that is taken.
        max: u64,
    },
    /// A switch can only be turned on.
    #[error("`{value}` is not true")]
    Switch {
        /// As it came.
        value: String,
    },
    /// Not an address with a port, or its zone names no interface.
    #[error("`{value}` is neither IP:port nor [IPv6]:port")]
    Endpoint {
        /// As it came.
        value: String,
    },
    /// Not an address with a prefix length.
    #[error("`{value}` is not an IP/length")]
    AllowedIp {
        /// As it came.
        value: String,
    },
    /// A version of the protocol between peers that is not spoken here.
    #[error("`{value}` is not 1, the only version there is")]
    ProtocolVersion {
        /// As it came.
        value: String,
    },
}

/// Why an answer to `get=1` is no status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// The daemon refused.
    #[error("the daemon answered with error number {0}")]
    Refused(i64),
    /// The daemon answered what is not this protocol.
    #[error("line {line}{}: {reason}", key.as_ref().map(|key| format!(", {key}")).unwrap_or_default())]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// What stood before the `=`.
        key: Option<String>,
        /// The rule that was broken.
        reason: Reason,
    },
}

/// A key's name for an error: any that could be a piece of a secret is left out.
pub(super) fn printable_key(key: &str) -> Option<String> {
    let is_name = key.len() < 32 && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_name.then(|| key.into())
}
