//! Moves octets in full-size datagrams, a window of them at a time, and checks every one at the far end. What is
//! lost is sent again and counted; the far end's count comes back in its acknowledgements.

use std::io;
use std::time::Duration;

use super::packet::{self, Content, Datagram, HEADERS_LEN, Malformed, Route};
use super::wire::Wire;
use crate::clock::Stopwatch;

/// Octets in a full inner packet: the tunnel's usual MTU.
pub(crate) const PACKET_LEN: usize = 1420;

/// Octets in a full segment, its sequence number included.
const SEGMENT_LEN: usize = PACKET_LEN - HEADERS_LEN;

/// Segments on their way at one time: fewer than the tunnel's queues hold, so that none is lost.
const WINDOW: u64 = 256;

/// Segments that one acknowledgement stands for.
const ACKNOWLEDGE_EVERY: u64 = 64;

/// Silence after which the window is sent again.
const SILENCE: Duration = Duration::from_millis(200);

/// Silences in a row after which the tunnel is taken for dead.
const MAX_SILENCES: u32 = 50;

const SENDER_PORT: u16 = 40_000;
/// RFC 863's, "discard".
const SINK_PORT: u16 = 9;

/// Why the octets did not get through.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransferError {
    /// The tunnel's socket failed.
    #[error("the tunnel took no packet: {0}")]
    Io(#[from] io::Error),
    /// What came back is no packet.
    #[error("a packet came back broken: {0}")]
    Malformed(#[from] Malformed),
    /// Nothing came back.
    #[error("nothing came back after {acknowledged} of {segments} segments")]
    Silent {
        /// Segments that had arrived.
        acknowledged: u64,
        /// Segments in all.
        segments: u64,
    },
}

/// What was moved, and how well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transferred {
    /// Octets of UDP payload that arrived and were as sent.
    pub(crate) octets: u64,
    /// From the first segment to the last acknowledgement.
    pub(crate) elapsed: Duration,
    /// Segments that had to be sent again.
    pub(crate) lost: u64,
    /// Segments that arrived other than sent.
    pub(crate) corrupt: u64,
}

/// What segments hold, so that the far end can tell: octets that do not repeat within a segment, from another place
/// for each sequence number.
struct Pattern(Vec<u8>);

impl Pattern {
    /// Places that a segment may begin at.
    const PLACES: usize = 4096;

    fn new() -> Self {
        // A linear congruential generator with Knuth's constants; its high octets look random.
        let mut state = 1_u64;
        let octets = (0..Self::PLACES + SEGMENT_LEN).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        });
        Self(octets.collect())
    }

    /// `len` octets after the sequence number.
    fn of(&self, sequence: u64, len: usize) -> &[u8] {
        let place = (sequence.wrapping_mul(61) % Self::PLACES as u64) as usize;
        &self.0[place..][..len]
    }

    fn write(&self, segment: &mut Vec<u8>, sequence: u64, len: usize) {
        segment.clear();
        segment.extend(sequence.to_be_bytes());
        segment.extend_from_slice(self.of(sequence, len - 8));
    }

    /// The sequence number of a segment that is as it was sent.
    fn check(&self, segment: &[u8]) -> Option<u64> {
        let (sequence, rest) = segment.split_first_chunk()?;
        let sequence = u64::from_be_bytes(*sequence);
        (rest.len() <= SEGMENT_LEN && rest == self.of(sequence, rest.len())).then_some(sequence)
    }
}

/// An acknowledgement: the next segment that is wanted, and how many came corrupt.
struct Acknowledgement {
    next: u64,
    corrupt: u64,
}

impl Acknowledgement {
    fn to_octets(&self) -> [u8; 16] {
        let mut octets = [0; 16];
        octets[..8].copy_from_slice(&self.next.to_be_bytes());
        octets[8..].copy_from_slice(&self.corrupt.to_be_bytes());
        octets
    }

    fn parse(payload: &[u8]) -> Option<Self> {
        let (next, corrupt) = payload.split_first_chunk()?;
        let corrupt = corrupt.try_into().ok()?;
        Some(Self { next: u64::from_be_bytes(*next), corrupt: u64::from_be_bytes(corrupt) })
    }
}

/// The receiving end.
pub(crate) struct Sink {
    pattern: Pattern,
    next: u64,
    corrupt: u64,
}

impl Sink {
    pub(crate) fn new() -> Self {
        Self { pattern: Pattern::new(), next: 0, corrupt: 0 }
    }

    /// Notes a packet that could not be read.
    pub(crate) fn note_malformed(&mut self) {
        self.corrupt += 1;
    }

    /// Takes a datagram. `true`: `answer` holds an acknowledgement to send.
    pub(crate) fn take(&mut self, route: Route, datagram: Datagram<'_>, answer: &mut Vec<u8>) -> bool {
        if datagram.destination_port != SINK_PORT {
            return false;
        }
        let is_next = match self.pattern.check(datagram.payload) {
            Some(sequence) => sequence == self.next,
            None => {
                self.corrupt += 1;
                false
            }
        };
        if is_next {
            self.next += 1;
        }
        // A short segment is the last one. One out of turn is answered at once: the sender shall know.
        let is_last = datagram.payload.len() < SEGMENT_LEN;
        if is_next && !is_last && !self.next.is_multiple_of(ACKNOWLEDGE_EVERY) {
            return false;
        }
        let acknowledgement = Acknowledgement { next: self.next, corrupt: self.corrupt };
        let datagram = Datagram {
            source_port: SINK_PORT,
            destination_port: datagram.source_port,
            payload: &acknowledgement.to_octets(),
        };
        packet::write_datagram(answer, route.back(), datagram);
        true
    }
}

/// How octets are cut into segments: full ones, and a shorter last one, so that the sink knows the end.
struct Plan {
    octets: u64,
    segments: u64,
}

impl Plan {
    fn new(octets: u64) -> Self {
        Self { octets, segments: octets / SEGMENT_LEN as u64 + 1 }
    }

    /// Octets in a segment. The last one is never full and always holds its sequence number, so that the whole may
    /// come out up to eight octets longer than asked.
    fn len(&self, sequence: u64) -> usize {
        if sequence + 1 < self.segments {
            return SEGMENT_LEN;
        }
        ((self.octets % SEGMENT_LEN as u64) as usize).max(8)
    }
}

/// Sends so many octets and waits until all have arrived; `progress` is told how many have.
pub(crate) fn send(
    wire: &Wire,
    route: Route,
    octets: u64,
    mut progress: impl FnMut(u64),
) -> Result<Transferred, TransferError> {
    let plan = Plan::new(octets);
    let started = Stopwatch::start();
    let mut sender = Sender { wire, route, pattern: Pattern::new(), segment: Vec::new(), packet: Vec::new() };
    let (mut next, mut acknowledged, mut lost, mut corrupt) = (0, 0, 0, 0);
    let mut silences = 0;
    while acknowledged < plan.segments {
        while next < plan.segments && next - acknowledged < WINDOW {
            sender.send_segment(next, plan.len(next))?;
            next += 1;
        }
        match sender.receive_acknowledgement()? {
            Some(acknowledgement) => {
                silences = 0;
                acknowledged = acknowledged.max(acknowledgement.next.min(next));
                corrupt = corrupt.max(acknowledgement.corrupt);
                progress((acknowledged * SEGMENT_LEN as u64).min(octets));
            }
            None if silences == MAX_SILENCES => {
                return Err(TransferError::Silent { acknowledged, segments: plan.segments });
            }
            None => {
                silences += 1;
                lost += next - acknowledged;
                next = acknowledged;
            }
        }
    }
    let octets = (plan.segments - 1) * SEGMENT_LEN as u64 + plan.len(plan.segments - 1) as u64;
    Ok(Transferred { octets, elapsed: started.elapsed(), lost, corrupt })
}

/// The sending end, with its buffers.
struct Sender<'w> {
    wire: &'w Wire,
    route: Route,
    pattern: Pattern,
    segment: Vec<u8>,
    packet: Vec<u8>,
}

impl Sender<'_> {
    fn send_segment(&mut self, sequence: u64, len: usize) -> io::Result<()> {
        self.pattern.write(&mut self.segment, sequence, len);
        let datagram =
            Datagram { source_port: SENDER_PORT, destination_port: SINK_PORT, payload: &self.segment };
        packet::write_datagram(&mut self.packet, self.route, datagram);
        self.wire.send(&self.packet)
    }

    /// `None`: silence. What else comes by is passed over.
    fn receive_acknowledgement(&mut self) -> Result<Option<Acknowledgement>, TransferError> {
        let mut buffer = [0; PACKET_LEN];
        while let Some(received) = self.wire.receive_within(SILENCE, &mut buffer)? {
            if let Content::Datagram(datagram) = packet::parse(received)?.content
                && datagram.destination_port == SENDER_PORT
                && let Some(acknowledgement) = Acknowledgement::parse(datagram.payload)
            {
                return Ok(Some(acknowledgement));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::os::unix::net::UnixDatagram;
    use std::thread::{self, JoinHandle};

    const ROUTE: Route =
        Route { source: Ipv4Addr::new(10, 0, 0, 2), destination: Ipv4Addr::new(10, 0, 0, 1) };

    /// A far end without a tunnel between. `spoil` sees each packet before it arrives: `false` loses it.
    fn far_end(mut spoil: impl FnMut(u64, &mut [u8]) -> bool + Send + 'static) -> (Wire, JoinHandle<()>) {
        let (wire, far) = Wire::pair().unwrap();
        let far = UnixDatagram::from(far);
        let thread = thread::spawn(move || {
            let mut sink = Sink::new();
            let (mut buffer, mut answer) = ([0; 2048], Vec::new());
            for count in 0.. {
                let len = far.recv(&mut buffer).unwrap();
                if len == 0 {
                    return;
                }
                if !spoil(count, &mut buffer[..len]) {
                    continue;
                }
                if let Ok(packet::Packet { route, content: Content::Datagram(datagram), .. }) =
                    packet::parse(&buffer[..len])
                    && sink.take(route, datagram, &mut answer)
                {
                    far.send(&answer).unwrap();
                }
            }
        });
        (wire, thread)
    }

    fn transfer(
        octets: u64,
        spoil: impl FnMut(u64, &mut [u8]) -> bool + Send + 'static,
    ) -> Result<Transferred, TransferError> {
        let (wire, far) = far_end(spoil);
        let transferred = send(&wire, ROUTE, octets, |_| {});
        wire.close();
        far.join().unwrap();
        transferred
    }

    #[test]
    fn every_octet_arrives() {
        for octets in [1_000_000, SEGMENT_LEN as u64 * 64 + 8, 100] {
            let transferred = transfer(octets, |_, _| true).unwrap();
            assert_eq!((transferred.octets, transferred.lost, transferred.corrupt), (octets, 0, 0));
        }
    }

    #[test]
    fn what_is_lost_is_counted_and_sent_again() {
        let transferred = transfer(1_000_000, |count, _| count != 100).unwrap();
        assert_eq!((transferred.octets, transferred.corrupt), (1_000_000, 0));
        assert!(transferred.lost > 0);
    }

    #[test]
    fn what_is_spoiled_is_counted_and_not_taken() {
        let spoil = |count, packet: &mut [u8]| {
            if count == 100 {
                // Two swapped words pass the checksum.
                packet.swap(HEADERS_LEN + 8, HEADERS_LEN + 108);
                packet.swap(HEADERS_LEN + 9, HEADERS_LEN + 109);
            }
            true
        };
        let transferred = transfer(1_000_000, spoil).unwrap();
        assert_eq!((transferred.octets, transferred.corrupt), (1_000_000, 1));
    }
}
