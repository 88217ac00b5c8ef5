//! The numbers in packets' headers, by their places: octets in, octets out.

use super::checksum;
use super::packet::{TCP, UDP};

/// Where things stand in a packet of TCP or UDP.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// Where the transport header begins.
    pub transport: usize,
    /// Where the payload begins.
    pub payload: usize,
    /// IANA's number of the transport.
    pub protocol: u8,
}

impl Places {
    /// Of a transport header that begins here; `None` where the packet ends within it.
    pub fn find(packet: &[u8], transport: usize, protocol: u8) -> Option<Self> {
        let header_len = match protocol {
            TCP => 4 * usize::from(packet.get(transport + 12)? >> 4),
            UDP => 8,
            _ => return None,
        };
        let payload = transport + header_len;
        let is_long_enough = header_len >= if protocol == TCP { 20 } else { 8 };
        (is_long_enough && payload <= packet.len()).then_some(Self { transport, payload, protocol })
    }

    /// Where the transport's checksum stands.
    pub fn checksum(&self) -> usize {
        self.transport + if self.protocol == TCP { 16 } else { 6 }
    }
}

pub fn is_ipv4(packet: &[u8]) -> bool {
    packet[0] >> 4 == 4
}

pub fn pair(packet: &[u8], at: usize) -> u16 {
    u16::from(packet[at]) << 8 | u16::from(packet[at + 1])
}

pub fn set_pair(packet: &mut [u8], at: usize, number: u16) {
    packet[at..at + 2].copy_from_slice(&number.to_be_bytes());
}

/// The addresses, source first.
pub fn addresses(packet: &[u8]) -> &[u8] {
    if is_ipv4(packet) { &packet[12..20] } else { &packet[8..40] }
}

/// Makes all lengths right, and IPv4's header checksum.
pub fn set_lengths(packet: &mut [u8], places: &Places) {
    let len = packet.len();
    if places.protocol == UDP {
        set_pair(packet, places.transport + 4, (len - places.transport) as u16);
    }
    if is_ipv4(packet) {
        set_pair(packet, 2, len as u16);
        set_header_checksum(packet);
    } else {
        set_pair(packet, 4, (len - 40) as u16);
    }
}

/// Makes IPv4's header checksum right.
pub fn set_header_checksum(packet: &mut [u8]) {
    set_pair(packet, 10, 0);
    let header_len = 4 * usize::from(packet[0] & 0xf);
    let checksum = !checksum::sum(&packet[..header_len]);
    set_pair(packet, 10, checksum);
}

/// Makes the transport's checksum right.
pub fn set_checksum(packet: &mut [u8], places: &Places) {
    set_pair(packet, places.checksum(), 0);
    let checksum = checksum::of_segment(addresses(packet), places.protocol, &packet[places.transport..]);
    set_pair(packet, places.checksum(), checksum);
}

/// Leaves the transport's checksum to the kernel: the field holds the pseudo-header's sum.
pub fn begin_checksum(packet: &mut [u8], places: &Places) {
    let covered = packet.len() - places.transport;
    let begun = checksum::sum(&checksum::pseudo_header(addresses(packet), places.protocol, covered));
    set_pair(packet, places.checksum(), begun);
}

/// Makes the transport's checksum, or IPv4's header checksum, come out as zero, by changing a field that means nothing here;
/// then writes what stands there: zero has two forms, 0 and 0xffff.
pub fn zero_checksum(packet: &mut [u8], is_header: bool, form: u16) {
    let (transport, protocol) = if is_ipv4(packet) { (20, packet[9]) } else { (40, packet[6]) };
    let Some(places) = Places::find(packet, transport, protocol) else { return };
    // The identification, or the payload.
    let (checksum, field) = if is_header { (10, 4) } else { (places.checksum(), places.payload) };
    if is_header && !is_ipv4(packet) || field + 2 > packet.len() {
        return;
    }
    // What the checksum makes good now, the field is to make good.
    let sum = u32::from(pair(packet, field)) + u32::from(pair(packet, checksum));
    set_pair(packet, field, (sum % 0xffff) as u16);
    set_pair(packet, checksum, form);
}
