//! Super-packets of Linux's TSO and USO, split into the packets that they stand for.

use super::checksum::Sum;
use super::{
    CWR, FIN, IPV4_HEADER_LEN, IPV6_HEADER_LEN, PSH, TCP_FLAGS_AT, TCP_HEADER_LEN, Transport, UDP_HEADER_LEN,
    VnetHeader, ipv4_header_len, is_ipv4, pseudo_header, set_ip_len, tcp_header_len,
};

/// Why a super-packet makes no sense. The kernel never writes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSuperPacket {
    /// A kind of segmentation that was not asked for.
    #[error("segmentation of type {0}, which is unknown")]
    UnknownType(u8),
    /// It is shorter than its headers say.
    #[error("a super-packet that is shorter than its headers")]
    Truncated,
    /// Its IP header and the header before it speak of different things.
    #[error("a super-packet whose headers contradict each other")]
    Contradiction,
    /// Segments of no size.
    #[error("a super-packet of empty segments")]
    NoSegmentSize,
}

/// What one read from a descriptor brought: one packet, or one that stands for several.
#[derive(Debug)]
pub struct SuperPacket<'p> {
    packet: &'p [u8],
    cut: Option<Cut>,
}

/// Where a super-packet is cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    transport: Transport,
    transport_at: usize,
    headers_len: usize,
    /// Octets of payload in each segment but the last.
    size: usize,
}

impl<'p> SuperPacket<'p> {
    /// One packet, as descriptors without a vnet header bring it.
    pub fn whole(packet: &'p [u8]) -> Self {
        Self { packet, cut: None }
    }

    /// What stood behind a vnet header. A checksum that is only begun is completed.
    pub fn new(header: VnetHeader, packet: &'p mut [u8]) -> Result<Self, BadSuperPacket> {
        let transport = match header.gso_type & !VnetHeader::GSO_ECN {
            VnetHeader::GSO_NONE => {
                complete_checksum(header, packet)?;
                return Ok(Self::whole(packet));
            }
            VnetHeader::GSO_TCPV4 | VnetHeader::GSO_TCPV6 => Transport::Tcp,
            VnetHeader::GSO_UDP_L4 => Transport::Udp,
            unknown => return Err(BadSuperPacket::UnknownType(unknown)),
        };
        let cut = Cut::of(header, transport, packet)?;
        Ok(Self { packet, cut: Some(cut) })
    }

    /// Begins with the whole IP header; addresses and congestion field are those of every segment.
    pub fn head(&self) -> &'p [u8] {
        self.packet
    }

    /// Octets in all its packets, headers included.
    pub fn octets(&self) -> usize {
        let headers_len = self.cut.map_or(0, |cut| cut.headers_len);
        self.packet.len() + (self.segments().len() - 1) * headers_len
    }

    /// The packets, in order. One at the least.
    pub fn segments(&self) -> impl ExactSizeIterator<Item = Segment<'_>> {
        let count = self.cut.map_or(1, |cut| {
            let payload = self.packet.len() - cut.headers_len;
            payload.div_ceil(cut.size).max(1)
        });
        (0..count).map(|number| Segment { whole: self, number })
    }
}

impl Cut {
    fn of(header: VnetHeader, transport: Transport, packet: &[u8]) -> Result<Self, BadSuperPacket> {
        let (ip_header_len, is_of_type) = match packet.first().ok_or(BadSuperPacket::Truncated)? >> 4 {
            4 => (ipv4_header_len(packet[0]).max(IPV4_HEADER_LEN), VnetHeader::GSO_TCPV4),
            6 => (IPV6_HEADER_LEN, VnetHeader::GSO_TCPV6),
            _ => return Err(BadSuperPacket::Contradiction),
        };
        let transport_at = usize::from(header.csum_start);
        let least_len = match transport {
            Transport::Tcp => TCP_HEADER_LEN,
            Transport::Udp => UDP_HEADER_LEN,
        };
        if packet.len() < ip_header_len || packet.len() < transport_at + least_len {
            return Err(BadSuperPacket::Truncated);
        }
        // Between IPv6's own header and the transport's there may be extensions; what is in them nobody here must know.
        let is_consistent = header.flags & VnetHeader::NEEDS_CSUM != 0
            && usize::from(header.csum_offset) == transport.checksum_at()
            && (transport == Transport::Udp || header.gso_type & !VnetHeader::GSO_ECN == is_of_type)
            && if is_ipv4(packet) {
                transport_at == ipv4_header_len(packet[0])
                    && transport_at >= IPV4_HEADER_LEN
                    && packet[9] == transport.number()
            } else {
                transport_at >= IPV6_HEADER_LEN
            };
        let transport_header_len = match transport {
            Transport::Tcp => tcp_header_len(packet[transport_at + 12]),
            Transport::Udp => UDP_HEADER_LEN,
        };
        if !is_consistent || transport_header_len < least_len {
            return Err(BadSuperPacket::Contradiction);
        }
        let headers_len = transport_at + transport_header_len;
        if packet.len() < headers_len {
            return Err(BadSuperPacket::Truncated);
        }
        let size = usize::from(header.gso_size);
        if size == 0 {
            return Err(BadSuperPacket::NoSegmentSize);
        }
        let longest = headers_len + size.min(packet.len() - headers_len);
        if longest > usize::from(u16::MAX) {
            return Err(BadSuperPacket::Contradiction);
        }
        Ok(Self { transport, transport_at, headers_len, size })
    }
}

/// Sums what the kernel left to a device, as one would.
fn complete_checksum(header: VnetHeader, packet: &mut [u8]) -> Result<(), BadSuperPacket> {
    if header.flags & VnetHeader::NEEDS_CSUM == 0 {
        return Ok(());
    }
    let (start, offset) = (usize::from(header.csum_start), usize::from(header.csum_offset));
    let summed = packet.get_mut(start..).ok_or(BadSuperPacket::Truncated)?;
    let mut checksum = Sum::of(summed).checksum();
    if offset == Transport::Udp.checksum_at() {
        checksum = unlike_none(checksum);
    }
    summed.get_mut(offset..offset + 2).ok_or(BadSuperPacket::Truncated)?.copy_from_slice(&checksum);
    Ok(())
}

/// UDP's checksum of zero means that there is none; all ones is the same sum (RFC 768).
fn unlike_none(checksum: [u8; 2]) -> [u8; 2] {
    if checksum == [0; 2] { [0xff; 2] } else { checksum }
}

/// One packet of a super-packet.
#[derive(Debug)]
pub struct Segment<'s> {
    whole: &'s SuperPacket<'s>,
    number: usize,
}

impl Segment<'_> {
    /// Octets in the packet, headers included.
    #[expect(clippy::len_without_is_empty, reason = "a packet has headers at least")]
    pub fn len(&self) -> usize {
        match self.whole.cut {
            Some(cut) => cut.headers_len + self.payload(cut).len(),
            None => self.whole.packet.len(),
        }
    }

    /// Writes the packet, with all checksums right. `room` has [`Self::len`] octets.
    pub fn write(&self, room: &mut [u8]) {
        let packet = self.whole.packet;
        let Some(cut) = self.whole.cut else {
            return room.copy_from_slice(packet);
        };
        let packet_len = room.len();
        let (headers, payload) = room.split_at_mut(cut.headers_len);
        headers.copy_from_slice(&packet[..cut.headers_len]);
        // Summed where it has just been written: faster than one loop for both, which copies in smaller steps.
        payload.copy_from_slice(self.payload(cut));
        let payload_sum = Sum::of(payload);
        if is_ipv4(headers) {
            let identification = u16::from_be_bytes([headers[4], headers[5]]);
            let identification = identification.wrapping_add(self.number as u16);
            headers[4..6].copy_from_slice(&identification.to_be_bytes());
        }
        set_ip_len(headers, packet_len);

        let transport_len = packet_len - cut.transport_at;
        let pseudo_header = pseudo_header(headers, cut.transport, transport_len);
        let transport = &mut headers[cut.transport_at..];
        match cut.transport {
            Transport::Tcp => self.number_tcp(cut, transport),
            Transport::Udp => transport[4..6].copy_from_slice(&(transport_len as u16).to_be_bytes()),
        }
        let checksum_at = cut.transport.checksum_at();
        transport[checksum_at..checksum_at + 2].fill(0);
        let mut checksum = pseudo_header.and(Sum::of(transport)).and(payload_sum).checksum();
        if cut.transport == Transport::Udp {
            checksum = unlike_none(checksum);
        }
        transport[checksum_at..checksum_at + 2].copy_from_slice(&checksum);
    }

    /// What of TCP's header differs from segment to segment.
    fn number_tcp(&self, cut: Cut, tcp: &mut [u8]) {
        let sequence = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
        let sequence = sequence.wrapping_add((self.number * cut.size) as u32);
        tcp[4..8].copy_from_slice(&sequence.to_be_bytes());
        if self.number > 0 {
            tcp[TCP_FLAGS_AT] &= !CWR;
        }
        let is_last = cut.headers_len + (self.number + 1) * cut.size >= self.whole.packet.len();
        if !is_last {
            tcp[TCP_FLAGS_AT] &= !(FIN | PSH);
        }
    }

    fn payload(&self, cut: Cut) -> &[u8] {
        let payload = &self.whole.packet[cut.headers_len..];
        let start = self.number * cut.size;
        &payload[start..(start + cut.size).min(payload.len())]
    }
}
