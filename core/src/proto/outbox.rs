//! Where sealed datagrams are built: one reused byte arena and a list of what to send. Neighbours of
//! equal size on one path merge, so that the system's UDP segmentation offload can carry them in one call.

use alloc::vec::Vec;
use core::ops::Range;

use super::path::{Ecn, Path};
use super::peer::PeerId;

/// The largest UDP payload that one send may carry: what an IPv4 total length of 16 bits leaves after
/// its own header and UDP's.
const MAX_TRANSMIT_LEN: usize = 65_535 - 20 - 8;

/// One or more datagrams for one path, back to back in the arena.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// From where to where.
    pub path: Path,
    /// For the outer IP header.
    pub ecn: Ecn,
    /// Where in [`Outbox::bytes`] the datagrams stand.
    pub range: Range<usize>,
    /// Octets in each datagram but the last, which may be shorter.
    pub segment_size: usize,
    /// Whom the path is to be forgotten for when it fails; `None` for what answers a stranger.
    pub(crate) peer: Option<PeerId>,
}

impl Transmit {
    /// How many datagrams this is.
    pub fn segments(&self) -> usize {
        self.range.len().div_ceil(self.segment_size)
    }
}

/// Datagrams that wait to be sent. Reused from batch to batch: after the first few it allocates nothing.
#[derive(Debug)]
pub struct Outbox {
    /// Never shrinks, so that its octets are zeroed once and not for each datagram.
    arena: Vec<u8>,
    /// How much of it is in use.
    len: usize,
    transmits: Vec<Transmit>,
    max_segments: usize,
}

impl Outbox {
    /// `max_segments`: how many datagrams the system takes in one send; 1 where it has no segmentation offload.
    pub fn new(max_segments: usize) -> Self {
        Self { arena: Vec::new(), len: 0, transmits: Vec::new(), max_segments: max_segments.max(1) }
    }

    /// Changes how many datagrams may merge from now on.
    pub fn set_max_segments(&mut self, max_segments: usize) {
        self.max_segments = max_segments.max(1);
    }

    /// What to send, in order.
    pub fn transmits(&self) -> &[Transmit] {
        &self.transmits
    }

    /// The octets of one transmit.
    pub fn bytes(&self, transmit: &Transmit) -> &[u8] {
        &self.arena[transmit.range.clone()]
    }

    /// Octets that wait, in all.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.transmits.is_empty()
    }

    /// Forgets what has been sent and keeps the memory.
    pub fn clear(&mut self) {
        self.len = 0;
        self.transmits.clear();
    }

    /// Appends one datagram of `len` octets, which `write` builds in their place, and merges it with its neighbour if it can.
    pub(crate) fn push(
        &mut self,
        peer: Option<PeerId>,
        path: Path,
        ecn: Ecn,
        len: usize,
        write: impl FnOnce(&mut [u8]),
    ) {
        let range = self.len..self.len + len;
        if self.arena.len() < range.end {
            self.arena.resize(range.end, 0);
        }
        self.len = range.end;
        write(&mut self.arena[range.clone()]);
        if let Some(last) = self.transmits.last_mut()
            && last.peer == peer
            && last.path == path
            && last.ecn == ecn
            && range.len() <= last.segment_size
            && last.range.len() == last.segments() * last.segment_size
            && last.segments() < self.max_segments
            && range.end - last.range.start <= MAX_TRANSMIT_LEN
        {
            last.range.end = range.end;
            return;
        }
        self.transmits.push(Transmit { path, ecn, segment_size: range.len(), range, peer });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path::to(([192, 0, 2, 1], port).into())
    }

    fn segments(outbox: &Outbox) -> Vec<usize> {
        outbox.transmits().iter().map(Transmit::segments).collect()
    }

    #[test]
    fn equal_neighbours_merge_and_a_shorter_one_ends_the_run() {
        let mut outbox = Outbox::new(64);
        for len in [100, 100, 40, 40, 100] {
            outbox.push(None, path(1), Ecn::NotEct, len, |room| room.fill(0));
        }
        // 100 + 100 + 40, then 40 alone, since the larger one after it cannot join.
        assert_eq!(segments(&outbox), [3, 1, 1]);
        assert_eq!(outbox.bytes(&outbox.transmits()[0]).len(), 240);
    }

    #[test]
    fn another_path_another_ecn_and_the_limit_end_a_run() {
        let mut outbox = Outbox::new(2);
        for (port, ecn) in [(1, Ecn::NotEct), (2, Ecn::NotEct), (2, Ecn::Ce), (2, Ecn::Ce), (2, Ecn::Ce)] {
            outbox.push(None, path(port), ecn, 100, |room| room.fill(0));
        }
        assert_eq!(segments(&outbox), [1, 1, 2, 1]);
    }

    #[test]
    fn a_run_fits_one_udp_datagram_of_the_largest_size() {
        let mut outbox = Outbox::new(64);
        for _ in 0..64 {
            outbox.push(None, path(1), Ecn::NotEct, 1500, |room| room.fill(0));
        }
        assert_eq!(segments(&outbox), [43, 21]);
    }
}
