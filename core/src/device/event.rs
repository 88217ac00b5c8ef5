//! What a device tells its observer.

use std::net::SocketAddr;
use std::time::Duration;

use super::error::Ended;
use crate::key::PublicKey;
use crate::proto::time::Now;
use crate::proto::tunnel;

/// Something that people may want to see, or an app may want to act on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A handshake initiation went out: the first, second, ... of this attempt.
    Connecting {
        /// To whom.
        peer: PublicKey,
        /// Counts from 1.
        attempt: u32,
    },
    /// A new session: the peer has shown that it holds its keys.
    Connected {
        /// From whom.
        peer: PublicKey,
    },
    /// An authentic packet came from a new address.
    EndpointChanged {
        /// Whose.
        peer: PublicKey,
        /// The new one.
        endpoint: SocketAddr,
    },
    /// The name of a peer's endpoint has an address, which is used from now on.
    Resolved {
        /// Whose.
        peer: PublicKey,
        /// The name.
        host: String,
        /// Its address.
        endpoint: SocketAddr,
    },
    /// The name of a peer's endpoint has no address yet; it is asked for again, at most 60 s later.
    Unresolved {
        /// Whose.
        peer: PublicKey,
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
        /// When it first had none, since 1970.
        since: Duration,
    },
    /// No answer for 90 s, told once an attempt. It goes on for as long as there is something to send.
    NoAnswer {
        /// On whom.
        peer: PublicKey,
        /// When the attempt began, since 1970.
        since: Duration,
    },
    /// The device has ended, and not because it was told to.
    Failed {
        /// Why.
        reason: Ended,
    },
}

impl Event {
    /// What the engine has just told, at this time.
    pub(super) fn from_engine(event: tunnel::Event, now: Now) -> Self {
        match event {
            tunnel::Event::Connecting { peer, initiation } => Self::Connecting { peer, attempt: initiation },
            tunnel::Event::Connected { peer } => Self::Connected { peer },
            tunnel::Event::EndpointChanged { peer, endpoint } => Self::EndpointChanged { peer, endpoint },
            tunnel::Event::NoAnswer { peer, since } => {
                Self::NoAnswer { peer, since: now.unix.saturating_sub(now.mono - since) }
            }
        }
    }
}
