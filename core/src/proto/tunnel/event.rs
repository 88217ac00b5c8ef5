//! What the tunnel tells its caller, from what is really known.

use alloc::collections::VecDeque;
use core::net::SocketAddr;

use crate::key::PublicKey;
use crate::proto::time::Time;

/// Something that a person may want to be told, or that the caller may act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A handshake initiation went out.
    Connecting {
        /// To whom.
        peer: PublicKey,
        /// The first, second, ... of this attempt.
        initiation: u32,
    },
    /// A new session: the peer has shown that it holds its keys.
    Connected {
        /// With whom.
        peer: PublicKey,
    },
    /// An authentic packet came from a new address, which is sent to from now on.
    EndpointChanged {
        /// Whose.
        peer: PublicKey,
        /// The new one.
        endpoint: SocketAddr,
    },
    /// No response for 90 s. Told once an attempt, which goes on only for as long as there is something to send.
    NoAnswer {
        /// Who did not answer.
        peer: PublicKey,
        /// When the attempt began.
        since: Time,
    },
}

/// Events kept for a caller that does not ask.
const MAX_EVENTS: usize = 1_024;

/// Events not yet asked for: bounded, the oldest lost first.
#[derive(Default)]
pub(super) struct Events(VecDeque<Event>);

impl Events {
    pub(super) fn push(&mut self, event: Event) {
        if self.0.len() == MAX_EVENTS {
            self.0.pop_front();
        }
        self.0.push_back(event);
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        self.0.pop_front()
    }
}
