//! What the engine made, on its way to the network: sent in one go, or kept in order until there is room.

use super::stats::Stats;
use super::udp::{Flushed, Progress, Sockets};
use crate::proto::outbox::Outbox;
use crate::proto::tunnel::Tunnel;

/// Octets of answers that may wait behind an outbox that the network does not take. What comes on top is lost.
const MAX_HELD_OCTETS: usize = 1 << 20;

/// What is on its way to the network.
pub(super) struct Outgoing {
    pub(super) outbox: Outbox,
    pub(super) progress: Progress,
    /// The network had no room for all of the outbox.
    pub(super) blocked: bool,
    /// What the engine made meanwhile, to follow in order.
    held: Outbox,
}

impl Outgoing {
    pub(super) fn new(max_segments: usize) -> Self {
        Self {
            outbox: Outbox::new(max_segments),
            progress: Progress::default(),
            blocked: false,
            held: Outbox::new(max_segments),
        }
    }

    /// Where the engine's next datagrams go.
    pub(super) fn open(&mut self) -> &mut Outbox {
        if self.blocked { &mut self.held } else { &mut self.outbox }
    }

    pub(super) fn flush(&mut self, sockets: &mut Sockets, tunnel: &mut Tunnel, stats: &mut Stats) {
        loop {
            let path_failed = |transmit: &_| tunnel.path_failed(transmit);
            let flushed = sockets.flush(&self.outbox, &mut self.progress, stats, path_failed);
            self.blocked = flushed == Flushed::Blocked;
            if self.blocked {
                return self.bound(stats);
            }
            self.outbox.clear();
            if self.held.is_empty() {
                return;
            }
            std::mem::swap(&mut self.outbox, &mut self.held);
        }
    }

    /// Changes how many datagrams may merge from now on.
    pub(super) fn set_max_segments(&mut self, max_segments: usize) {
        self.outbox.set_max_segments(max_segments);
        self.held.set_max_segments(max_segments);
    }

    pub(super) fn bound(&mut self, stats: &mut Stats) {
        if self.held.len() > MAX_HELD_OCTETS {
            let lost: usize = self.held.transmits().iter().map(|transmit| transmit.segments()).sum();
            stats.dropped.udp_full += lost as u64;
            self.held.clear();
        }
    }
}
