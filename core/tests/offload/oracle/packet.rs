//! Inner packets, built field by field.

use std::net::IpAddr;

use super::headers::{self, Places};

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const PSH: u8 = 0x08;
pub const ACK: u8 = 0x10;
pub const CWR: u8 = 0x80;

/// IPv4: do not fragment.
pub const DF: u16 = 0x4000;

/// IPv6's extension headers, by their numbers.
const HOP_BY_HOP: u8 = 0;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;

/// What a packet says. Both addresses are of one version.
#[derive(Clone, Debug)]
pub struct Packet {
    pub source: IpAddr,
    pub destination: IpAddr,
    /// IPv4's type of service, IPv6's traffic class.
    pub class: u8,
    pub hops: u8,
    /// IPv6's, of 20 bits.
    pub flow_label: u32,
    /// IPv4's.
    pub identification: u16,
    /// IPv4's flags and fragment offset, as they stand. IPv6, unless zero: those of a fragment header.
    pub fragment: u16,
    /// Words of IPv4's options, ten at the most, or IPv6's extension headers.
    pub between: usize,
    pub ports: [u16; 2],
    pub transport: Transport,
    pub payload: Vec<u8>,
}

/// The header behind IP's.
#[derive(Clone, Debug)]
pub enum Transport {
    Tcp(Tcp),
    Udp,
    /// A protocol by its number, whose header is part of the payload.
    Other(u8),
}

/// What TCP says beside the ports.
#[derive(Clone, Debug)]
pub struct Tcp {
    pub sequence: u32,
    pub acknowledgement: u32,
    /// The four bits beside the data offset.
    pub reserved: u8,
    pub flags: u8,
    pub window: u16,
    pub urgent: u16,
    /// Whole words, ten at the most.
    pub options: Vec<u8>,
}

impl Packet {
    /// The first segment of a TCP connection's data.
    pub fn tcp(source: IpAddr, destination: IpAddr) -> Self {
        let tcp = Tcp {
            sequence: 1_000,
            acknowledgement: 2_000,
            reserved: 0,
            flags: ACK,
            window: 500,
            urgent: 0,
            options: Vec::new(),
        };
        Self {
            source,
            destination,
            class: 0,
            hops: 64,
            flow_label: 0x12345,
            identification: 3_000,
            fragment: DF,
            between: 0,
            ports: [40_000, 5_201],
            transport: Transport::Tcp(tcp),
            payload: payload(1_000, 0),
        }
        .with_no_fragment_header()
    }

    /// A datagram.
    pub fn udp(source: IpAddr, destination: IpAddr) -> Self {
        Self { transport: Transport::Udp, ..Self::tcp(source, destination) }
    }

    fn with_no_fragment_header(mut self) -> Self {
        if self.source.is_ipv6() {
            self.fragment = 0;
        }
        self
    }

    /// What TCP says, if it is TCP.
    pub fn as_tcp(&mut self) -> Option<&mut Tcp> {
        if let Transport::Tcp(tcp) = &mut self.transport { Some(tcp) } else { None }
    }

    /// With these flags of TCP's, if it is TCP.
    pub fn with_flags(mut self, flags: u8) -> Self {
        if let Some(tcp) = self.as_tcp() {
            tcp.flags = flags;
        }
        self
    }

    /// The packet as the network carries it, with all checksums right.
    pub fn octets(&self) -> Vec<u8> {
        let (mut octets, places) = self.lay_out();
        if let Some(places) = places {
            headers::set_checksum(&mut octets, &places);
        }
        octets
    }

    /// The packet with its transport checksum only begun, and where things stand in it.
    pub fn begun(&self) -> (Vec<u8>, Places) {
        let (mut octets, places) = self.lay_out();
        let places = places.expect("TCP or UDP");
        headers::begin_checksum(&mut octets, &places);
        (octets, places)
    }

    /// All but the transport's checksum, and where things stand, of TCP and UDP.
    fn lay_out(&self) -> (Vec<u8>, Option<Places>) {
        let protocol = match self.transport {
            Transport::Tcp(_) => TCP,
            Transport::Udp => UDP,
            Transport::Other(protocol) => protocol,
        };
        let mut octets = match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                self.ipv4_header(protocol, source.octets(), destination.octets())
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                self.ipv6_headers(protocol, source.octets(), destination.octets())
            }
            _ => panic!("addresses of two versions"),
        };
        let transport = octets.len();
        octets.extend(self.transport_header());
        octets.extend(&self.payload);
        let places = Places::find(&octets, transport, protocol);
        let unknown = Places { transport, payload: transport, protocol };
        headers::set_lengths(&mut octets, places.as_ref().unwrap_or(&unknown));
        (octets, places)
    }

    fn ipv4_header(&self, protocol: u8, source: [u8; 4], destination: [u8; 4]) -> Vec<u8> {
        let mut header = vec![0x45 + self.between as u8, self.class, 0, 0];
        header.extend(self.identification.to_be_bytes());
        header.extend(self.fragment.to_be_bytes());
        header.extend([self.hops, protocol, 0, 0]);
        header.extend(source);
        header.extend(destination);
        // The option that does nothing.
        header.extend(vec![1; 4 * self.between]);
        header
    }

    fn ipv6_headers(&self, protocol: u8, source: [u8; 16], destination: [u8; 16]) -> Vec<u8> {
        let mut kinds: Vec<u8> =
            (0..self.between).map(|number| if number == 0 { HOP_BY_HOP } else { DESTINATION }).collect();
        if self.fragment != 0 {
            kinds.push(FRAGMENT);
        }
        kinds.push(protocol);
        let first = 6 << 28 | u32::from(self.class) << 20 | self.flow_label;
        let mut header = first.to_be_bytes().to_vec();
        header.extend([0, 0, kinds[0], self.hops]);
        header.extend(source);
        header.extend(destination);
        for window in kinds.windows(2) {
            let [kind, next] = [window[0], window[1]];
            if kind == FRAGMENT {
                header.extend([next, 0]);
                header.extend(self.fragment.to_be_bytes());
                header.extend(u32::from(self.identification).to_be_bytes());
            } else {
                // Padding of six octets.
                header.extend([next, 0, 1, 4, 0, 0, 0, 0]);
            }
        }
        header
    }

    fn transport_header(&self) -> Vec<u8> {
        let mut header = self.ports.map(u16::to_be_bytes).concat();
        match &self.transport {
            Transport::Tcp(tcp) => {
                header.extend(tcp.sequence.to_be_bytes());
                header.extend(tcp.acknowledgement.to_be_bytes());
                let words = 5 + tcp.options.len() as u8 / 4;
                header.extend([words << 4 | tcp.reserved, tcp.flags]);
                header.extend([tcp.window, 0, tcp.urgent].map(u16::to_be_bytes).concat());
                header.extend(&tcp.options);
            }
            Transport::Udp => header.extend([0; 4]),
            Transport::Other(_) => header.clear(),
        }
        header
    }
}

/// Octets of which no two parts are alike, and other ones for each number.
pub fn payload(len: usize, number: usize) -> Vec<u8> {
    let octet = |at: usize| (at + 1).wrapping_mul(number * 2 + 40_503).to_le_bytes()[1];
    (0..len).map(octet).collect()
}
