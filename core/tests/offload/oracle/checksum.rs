//! The Internet's checksum in its plainest form (RFC 1071), over octets that lie in one row.

/// The one's complement sum; an odd octet at the end has a zero behind it.
pub fn sum(octets: &[u8]) -> u16 {
    let words = octets.chunks(2).map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// The pseudo-header of what lies behind these addresses, source first (RFC 9293, section 3.1; RFC 8200, section 8.1).
pub fn pseudo_header(addresses: &[u8], protocol: u8, len: usize) -> Vec<u8> {
    let mut header = addresses.to_vec();
    header.extend((len as u32).to_be_bytes());
    header.extend([0, 0, 0, protocol]);
    header
}

/// The checksum of a TCP or UDP segment whose own field is zero. UDP's zero would mean that there is none (RFC 768).
pub fn of_segment(addresses: &[u8], protocol: u8, segment: &[u8]) -> u16 {
    let mut covered = pseudo_header(addresses, protocol, segment.len());
    covered.extend(segment);
    let checksum = !sum(&covered);
    if protocol == super::packet::UDP && checksum == 0 { 0xffff } else { checksum }
}
