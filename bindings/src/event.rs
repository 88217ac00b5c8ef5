//! What happens, as the app is told it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use adit_core::device::{self, Ended};

use crate::keys::PublicKey;

/// Something that people may want to see, or an app may want to act on. Only what is really known.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Event {
    /// A handshake initiation went out.
    Connecting {
        /// To whom.
        peer: Arc<PublicKey>,
        /// The first, second, ... of this attempt.
        attempt: u32,
    },
    /// Authenticated data came back.
    Connected {
        /// From whom.
        peer: Arc<PublicKey>,
    },
    /// A peer cannot be reached.
    Silent {
        /// Which.
        peer: Arc<PublicKey>,
        /// When that began.
        since: SystemTime,
        /// Why.
        reason: SilentReason,
    },
    /// An authentic packet came from a new address, which is sent to from now on.
    EndpointChanged {
        /// Whose.
        peer: Arc<PublicKey>,
        /// address:port.
        endpoint: String,
    },
    /// The name of a peer's endpoint has an address, which is sent to from now on.
    Resolved {
        /// Whose.
        peer: Arc<PublicKey>,
        /// The name.
        host: String,
        /// address:port.
        endpoint: String,
    },
    /// The tunnel has ended, and not because it was told to. It is the last event; the tunnel may be started again.
    Failed {
        /// What happened.
        cause: FailedCause,
        /// One sentence.
        reason: String,
    },
}

/// Why a peer cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum SilentReason {
    /// It answered no handshake for 90 s. It is tried for as long as there is something to send, and again with the next
    /// packet.
    NoAnswer,
    /// Its endpoint's name has no address. It is asked for again, at most 60 s later.
    NoAddress {
        /// The name.
        host: String,
        /// What was said.
        reason: String,
    },
}

/// Why a tunnel ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum FailedCause {
    /// The TUN interface was deleted, or another app's VPN took over.
    TunGone,
    /// The TUN descriptor cannot be read.
    TunDescriptor,
    /// A defect of Adit.
    Internal,
}

impl Event {
    /// `None` for what the app is not told.
    pub(crate) fn of(event: device::Event) -> Option<Self> {
        let peer = |key| Arc::new(PublicKey(key));
        Some(match event {
            device::Event::Connecting { peer: key, attempt } => Self::Connecting { peer: peer(key), attempt },
            device::Event::Connected { peer: key } => Self::Connected { peer: peer(key) },
            device::Event::EndpointChanged { peer: key, endpoint } => {
                Self::EndpointChanged { peer: peer(key), endpoint: endpoint.to_string() }
            }
            device::Event::Resolved { peer: key, host, endpoint } => {
                Self::Resolved { peer: peer(key), host, endpoint: endpoint.to_string() }
            }
            device::Event::Unresolved { peer: key, host, reason, since } => {
                let reason = SilentReason::NoAddress { host, reason };
                Self::Silent { peer: peer(key), since: wall_clock(since), reason }
            }
            device::Event::NoAnswer { peer: key, since } => {
                Self::Silent { peer: peer(key), since: wall_clock(since), reason: SilentReason::NoAnswer }
            }
            device::Event::Failed { reason } => {
                let cause = match reason {
                    Ended::TunGone => FailedCause::TunGone,
                    Ended::TunFailed(_) => FailedCause::TunDescriptor,
                    _ => FailedCause::Internal,
                };
                Self::Failed { cause, reason: reason.to_string() }
            }
            _ => return None,
        })
    }
}

/// A time since 1970 as the platform's type.
pub(crate) fn wall_clock(since_1970: Duration) -> SystemTime {
    SystemTime::UNIX_EPOCH + since_1970
}
