//! What applications sent and what the engine made, on its way to the network: sealed and sent in one go, or kept in
//! order until there is room.

use super::error::Ended;
use super::incoming::Incoming;
use super::offload::SuperPacket;
use super::resolve::Names;
use super::stats::Stats;
use super::tun;
use super::udp::{Flushed, Progress, Sockets};
use super::unroutable::Answers;
use crate::key::PublicKey;
use crate::proto::outbox::Outbox;
use crate::proto::tunnel::{Batch, Tunnel, Unroutable};

/// Reads from TUN in one share.
const READS: usize = 256;
/// Octets that may be sealed before they are sent.
const MAX_UNSENT_OCTETS: usize = 768 << 10;

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
    /// Where a read lands.
    packet: Box<[u8]>,
    answers: Answers,
}

impl Outgoing {
    pub(super) fn new(max_segments: usize) -> Self {
        Self {
            outbox: Outbox::new(max_segments),
            progress: Progress::default(),
            blocked: false,
            held: Outbox::new(max_segments),
            packet: vec![0; tun::BUFFER_LEN].into_boxed_slice(),
            answers: Answers::new(),
        }
    }

    /// Where the engine's next datagrams go.
    pub(super) fn open(&mut self) -> &mut Outbox {
        if self.blocked { &mut self.held } else { &mut self.outbox }
    }

    /// A share of what waits at TUN, sealed. True when more may wait.
    pub(super) fn take(
        &mut self,
        incoming: &mut Incoming,
        batch: &mut Batch<'_>,
        names: &mut Names,
        stats: &mut Stats,
    ) -> Result<bool, Ended> {
        for _ in 0..READS {
            if self.outbox.len() >= MAX_UNSENT_OCTETS {
                break;
            }
            let Some(received) = incoming.read(&mut self.packet)? else { return Ok(false) };
            let Ok(received) = received else {
                stats.dropped.unroutable += 1;
                continue;
            };
            if let Err(error) = seal(&received, batch, &mut self.outbox, stats) {
                let now = batch.now().mono;
                if let Unroutable::NoEndpoint { peer } = error {
                    if names.is_first_asked_for(&peer) {
                        stage(&received, &peer, batch.tunnel());
                        continue;
                    }
                    names.hurry(&peer, now);
                }
                stats.dropped.unroutable += 1;
                if let Some(answer) = self.answers.answer(received.head(), error, now) {
                    incoming.answer(answer, stats)?;
                }
            }
        }
        Ok(true)
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

/// The packets that one read brought, written straight into the outbox and sealed there.
fn seal(
    received: &SuperPacket<'_>,
    batch: &mut Batch<'_>,
    outbox: &mut Outbox,
    stats: &mut Stats,
) -> Result<(), Unroutable> {
    let segments = received.segments();
    stats.tun_received.packets += segments.len() as u64;
    stats.tun_received.octets += received.octets() as u64;
    let mut sealer = batch.route(received.head(), outbox)?;
    for segment in segments {
        sealer.push(segment.len(), |room| segment.write(room));
    }
    Ok(())
}

/// Keeps them for a peer whose name is asked for.
fn stage(received: &SuperPacket<'_>, peer: &PublicKey, tunnel: &mut Tunnel) {
    for segment in received.segments() {
        tunnel.stage(peer, segment.len(), |room| segment.write(room));
    }
}
