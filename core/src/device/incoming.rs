//! What the network brought, on its way to the applications: merged or alone, written to TUN, or kept until there is room.

use super::backlog::Backlog;
use super::error::Ended;
use super::offload::{Merger, Write};
use super::own_addresses::OwnAddresses;
use super::stats::Stats;
use super::tun::{Received, Tun, Written};
use super::turns::Turns;
use crate::proto::tunnel::DEFAULT_MTU;
use crate::proto::wire::icmp;

/// Writes to a TUN device with a short queue before it must be read. Each may fill a tenth of the queue; after every one
/// would be a system call too many for what answers nothing.
const WRITES_BEFORE_A_READ: usize = 4;

/// What is on its way to the applications.
pub(super) struct Incoming {
    pub(super) tun: Tun,
    pub(super) own: OwnAddresses,
    /// Octets in a packet that the interface may be given in any case.
    pub(super) mtu: u16,
    backlog: Backlog,
    /// Since the last read.
    writes: usize,
    pub(super) turns: Turns,
}

impl Incoming {
    /// On the thread that will write.
    pub(super) fn new(tun: Tun) -> Self {
        let turns = Turns::new(tun.has_vnet_header());
        Self { tun, own: OwnAddresses::new(), mtu: DEFAULT_MTU, backlog: Backlog::new(), writes: 0, turns }
    }

    /// Whether something waits for room.
    pub(super) fn is_waiting(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Whether answers to what was written may not wait any longer. TCP in the kernel answers an acknowledgement with as
    /// many segments as it covered, before the write returns, and a queue that counts packets holds 500 of them; with a
    /// vnet header, as many super-packets.
    pub(super) fn must_be_read(&self) -> bool {
        self.writes >= WRITES_BEFORE_A_READ && !self.tun.has_vnet_header()
    }

    /// The next packet or super-packet from the applications; see [`Tun::read`].
    pub(super) fn read<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Received<'b>>, Ended> {
        self.writes = 0;
        let received = self.tun.read(buffer)?;
        if let Some(Ok(received)) = &received {
            self.heed_refusal(received.head());
        }
        Ok(received)
    }

    /// A merged packet was to be forwarded after all, as one for a port that is passed on to another machine: the kernel
    /// has lost it and says so to its sender. From now on none is merged.
    fn heed_refusal(&mut self, packet: &[u8]) {
        if self.tun.merges() && icmp::refused_len(packet).is_some_and(|len| len > self.mtu.into()) {
            self.tun.stop_merging();
        }
    }

    /// Writes a packet of our own.
    pub(super) fn answer(&mut self, packet: &[u8], stats: &mut Stats) -> Result<(), Ended> {
        let mut alone = Merger::new(self.tun.form(&[]));
        alone.push(packet, |write| self.deliver(&write, stats))?;
        alone.finish(|write| self.deliver(&write, stats))
    }

    /// Writes to TUN, behind what waits already.
    pub(super) fn deliver(&mut self, packets: &Write<'_>, stats: &mut Stats) -> Result<(), Ended> {
        self.writes += 1;
        self.turns.note_write();
        if self.backlog.is_empty() && write(&self.tun, packets, stats)? {
            return Ok(());
        }
        if !self.backlog.push(packets) {
            stats.dropped.tun_full += packets.packets as u64;
        }
        Ok(())
    }

    /// Writes what waits, as far as there is room.
    pub(super) fn drain(&mut self, stats: &mut Stats) -> Result<(), Ended> {
        while self.backlog.try_front(|packets| write(&self.tun, packets, stats)).transpose()? == Some(true) {
            self.backlog.pop();
        }
        Ok(())
    }
}

/// False when TUN has no room now.
fn write(tun: &Tun, packets: &Write<'_>, stats: &mut Stats) -> Result<bool, Ended> {
    match tun.write(packets)? {
        Written::Full => return Ok(false),
        Written::Refused => stats.dropped.tun_refused += packets.packets as u64,
        Written::Taken => {
            stats.tun_sent.packets += packets.packets as u64;
            stats.tun_sent.octets += packets.octets as u64;
        }
    }
    Ok(true)
}
