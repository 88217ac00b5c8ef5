//! Packets, and super-packets, that a row of octets tells of: every row tells a story, and the end of a row is followed
//! by zeros, which tell of nothing strange.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use adit_core::device::offload::{Form, VnetHeader};

use super::headers::zero_checksum;
use super::packet::{ACK, DF, ICMP, PSH, Packet, Transport, payload};

/// Octets of packets in one story at the most, so that it does not take long.
const MAX_OCTETS: usize = 300_000;

/// The interface's own addresses, which most packets go to.
pub const OWN: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2))];

/// Where they come from.
pub const PEER: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1))];

/// A row of octets, read bit by bit.
struct Octets<'o>(&'o [u8]);

impl Octets<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn pair(&mut self) -> u16 {
        u16::from_be_bytes([self.next(), self.next()])
    }

    fn number(&mut self) -> u32 {
        u32::from(self.pair()) << 16 | u32::from(self.pair())
    }

    /// So many octets, or what there is.
    fn take(&mut self, len: usize) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken.to_vec()
    }
}

/// Where packets are pushed, and which.
pub struct Story {
    pub form: Form<'static>,
    pub packets: Vec<Vec<u8>>,
}

impl Story {
    /// The first octet says the form, each step takes another one or more.
    pub fn read(octets: &[u8]) -> Self {
        let mut octets = Octets(octets);
        let form = match octets.next() % 8 {
            0..=3 => Form::Vnet { tcp: true, udp: true },
            4 => Form::Vnet { tcp: true, udp: false },
            5 | 6 => Form::Plain { own: &OWN },
            _ if octets.next() % 2 == 0 => Form::Alone,
            _ => Form::Vnet { tcp: false, udp: true },
        };
        let mut flows = flows();
        let mut told = Told { packets: Vec::new(), octets: 0 };
        while !octets.0.is_empty() && told.octets < MAX_OCTETS {
            let step = octets.next();
            let flow = &mut flows[usize::from(step % 8)];
            match step / 8 {
                action @ 0..=15 => flow.go_on(action, &mut octets, &mut told),
                action @ 16..=23 => flow.be_strange(action, &mut octets, &mut told),
                action => flow.change(action, &mut octets, &mut told),
            }
        }
        Self { form, packets: told.packets }
    }
}

/// The packets so far.
struct Told {
    packets: Vec<Vec<u8>>,
    octets: usize,
}

impl Told {
    fn push(&mut self, packet: Vec<u8>) {
        self.octets += packet.len();
        self.packets.push(packet);
    }

    /// One of the last packets again.
    fn repeat(&mut self, back: usize) {
        if let Some(at) = self.packets.len().checked_sub(1 + back) {
            self.push(self.packets[at].clone());
        }
    }

    /// The last two in the other order.
    fn swap(&mut self) {
        if let [.., before, last] = &mut self.packets[..] {
            std::mem::swap(before, last);
        }
    }
}

/// How a sender numbers IPv4's packets.
#[derive(Clone, Copy)]
enum Numbering {
    Consecutive,
    Equal,
    /// By steps of this.
    Steps(u16),
}

/// One sender's packets of one flow.
struct Flow {
    /// The next packet.
    next: Packet,
    /// Octets of payload in it.
    size: usize,
    numbering: Numbering,
    /// Packets so far.
    count: usize,
}

/// TCP and UDP of both versions, a second connection, one that is to be forwarded, and one of neither.
fn flows() -> [Flow; 8] {
    let [mut second, mut forwarded, mut datagrams, mut other] =
        [0, 0, 1, 0].map(|version| Packet::tcp(PEER[version], OWN[version]));
    second.ports[0] += 1;
    forwarded.destination = Ipv4Addr::new(192, 0, 2, 7).into();
    datagrams.transport = Transport::Udp;
    other.transport = Transport::Other(ICMP);
    let [tcp4, tcp6] = [0, 1].map(|version| Packet::tcp(PEER[version], OWN[version]));
    let udp4 = Packet::udp(PEER[0], OWN[0]);
    let udp6 = Packet::udp(PEER[1], OWN[1]);
    let flow = |next| Flow { next, size: 100, numbering: Numbering::Consecutive, count: 0 };
    datagrams.ports[1] += 1;
    [tcp4, tcp6, udp4, udp6, second, forwarded, datagrams, other].map(flow)
}

impl Flow {
    /// The next packet of so many octets of payload, which this changes alone.
    fn packet(&mut self, len: usize, change: impl FnOnce(&mut Packet)) -> Vec<u8> {
        self.next.payload = payload(len, self.count);
        self.count += 1;
        let mut packet = self.next.clone();
        change(&mut packet);
        if let Some(tcp) = self.next.as_tcp() {
            tcp.sequence = tcp.sequence.wrapping_add(len as u32);
        }
        let step = match self.numbering {
            Numbering::Consecutive => 1,
            Numbering::Equal => 0,
            Numbering::Steps(step) => step,
        };
        self.next.identification = self.next.identification.wrapping_add(step);
        packet.octets()
    }

    /// Packets as a healthy connection has them.
    fn go_on(&mut self, action: u8, octets: &mut Octets<'_>, told: &mut Told) {
        let packets = match action {
            0..=8 => 1,
            9 => octets.next() % 8,
            10 => octets.next() % 80,
            _ => 0,
        };
        for _ in 0..packets {
            told.push(self.packet(self.size, |_| ()));
        }
        match action {
            11 => told.push(self.packet(usize::from(octets.next()) % self.size + 1, |_| ())),
            12 => told.push(self.packet(self.size, |packet| *packet = packet.clone().with_flags(ACK | PSH))),
            13 => self.size = usize::from(octets.pair()) % 1_460 + 1,
            14 => self.size = usize::from(octets.next()) + 1,
            15 => told.push(self.packet(0, |_| ())),
            _ => (),
        }
    }

    /// One packet that is not as the others.
    fn be_strange(&mut self, action: u8, octets: &mut Octets<'_>, told: &mut Told) {
        let choice = octets.next();
        let size = self.size;
        let packet = match action {
            16 => self.packet(size, |packet| *packet = packet.clone().with_flags(choice)),
            17 => self.packet(size, |packet| packet.between = 1 + usize::from(choice % 3)),
            18 => self.packet(size, |packet| packet.fragment ^= 1 << (choice % 16)),
            19 => self.damaged(usize::from(octets.pair()), choice),
            20 => {
                let mut packet = self.packet(size, |_| ());
                zero_checksum(&mut packet, choice & 2 != 0, if choice & 1 == 0 { 0 } else { 0xffff });
                packet
            }
            21 => {
                let mut packet = self.packet(size, |_| ());
                packet.resize(packet.len() + usize::from(choice % 16), 0);
                packet
            }
            22 => {
                let mut packet = self.packet(size, |_| ());
                packet.truncate(usize::from(choice));
                packet
            }
            _ => octets.take(choice.into()),
        };
        told.push(packet);
    }

    /// With one octet changed: as often in its headers as behind them.
    fn damaged(&mut self, place: usize, by: u8) -> Vec<u8> {
        let mut packet = self.packet(self.size, |_| ());
        let among = if place & 0x8000 == 0 { packet.len().min(60) } else { packet.len() };
        packet[place % 0x8000 % among] ^= by;
        packet
    }

    /// A change that lasts, or one of the order.
    fn change(&mut self, action: u8, octets: &mut Octets<'_>, told: &mut Told) {
        let choice = octets.next();
        match action {
            24 => self.change_ip(choice, octets),
            25 | 26 => self.change_tcp(choice, octets),
            27 => {
                self.numbering = match choice % 3 {
                    0 => Numbering::Consecutive,
                    1 => Numbering::Equal,
                    _ => Numbering::Steps(choice.into()),
                };
            }
            28 => told.repeat(usize::from(choice % 4)),
            29 => told.swap(),
            30 => {
                // A segment that is lost.
                self.packet(self.size, |_| ());
            }
            _ => {
                // Close to the end of the numbers.
                self.next.identification = 0_u16.wrapping_sub(choice.into());
                if let Some(tcp) = self.next.as_tcp() {
                    tcp.sequence = 0_u32.wrapping_sub(octets.pair().into());
                }
            }
        }
    }

    fn change_ip(&mut self, choice: u8, octets: &mut Octets<'_>) {
        match choice % 5 {
            0 => self.next.class = octets.next(),
            1 => self.next.hops = octets.next(),
            2 => self.next.flow_label = octets.number() & 0xf_ffff,
            3 => self.next.identification = octets.pair(),
            _ => self.next.fragment ^= if self.next.source.is_ipv4() { DF } else { 0 },
        }
    }

    fn change_tcp(&mut self, choice: u8, octets: &mut Octets<'_>) {
        let Some(tcp) = self.next.as_tcp() else { return };
        match choice % 6 {
            0 => tcp.acknowledgement = octets.number(),
            1 => tcp.window = octets.pair(),
            2 => tcp.urgent = octets.pair(),
            3 => tcp.reserved = octets.next() % 16,
            // Timestamps, most of the time.
            4 => {
                tcp.options = [&[1, 1, 8, 10][..], &octets.number().to_be_bytes(), &[0; 4]].concat();
            }
            _ => tcp.options = payload(4 * usize::from(octets.next() % 11), choice.into()),
        }
    }
}

/// What one read brought, as a row of octets tells of it: mostly a super-packet in which nothing contradicts.
pub fn super_packet(octets: &[u8]) -> (VnetHeader, Vec<u8>) {
    let mut octets = Octets(octets);
    let kind = octets.next();
    if kind >= 0xe0 {
        let mut header = [0; VnetHeader::LEN];
        header.fill_with(|| octets.next());
        return (VnetHeader::from_bytes(&header), octets.0.to_vec());
    }
    let version = usize::from(kind & 1);
    let mut whole = Packet::tcp(PEER[version], OWN[version]);
    if kind & 2 != 0 {
        whole.transport = Transport::Udp;
    }
    let size = octets.pair();
    let count = octets.next() % 70;
    // Now and then longer than IP can be.
    let len = (usize::from(size) * usize::from(count) + usize::from(octets.pair())) % 70_000;
    describe(&mut whole, &mut octets);
    whole.payload = payload(len, 0);
    let (mut packet, places) = whole.begun();
    let mut header = VnetHeader {
        flags: VnetHeader::NEEDS_CSUM,
        gso_type: match (kind & 2 != 0, version) {
            _ if kind & 0x10 != 0 => VnetHeader::GSO_NONE,
            (true, _) => VnetHeader::GSO_UDP_L4,
            (false, 0) => VnetHeader::GSO_TCPV4,
            _ => VnetHeader::GSO_TCPV6,
        },
        hdr_len: places.payload as u16,
        gso_size: size,
        csum_start: places.transport as u16,
        csum_offset: (places.checksum() - places.transport) as u16,
    };
    for _ in 0..octets.next() / 64 {
        damage(&mut header, &mut packet, &mut octets);
    }
    (header, packet)
}

/// What the headers of a super-packet say.
fn describe(whole: &mut Packet, octets: &mut Octets<'_>) {
    let strange = octets.next();
    if strange & 1 != 0 {
        whole.between = 1 + usize::from(octets.next() % 3);
    }
    if strange & 2 != 0 {
        whole.identification = octets.pair();
        whole.class = octets.next();
    }
    let Some(tcp) = whole.as_tcp() else { return };
    if strange & 4 != 0 {
        tcp.flags = octets.next();
    }
    if strange & 8 != 0 {
        tcp.sequence = octets.number();
    }
    if strange & 16 != 0 {
        tcp.options = payload(4 * usize::from(octets.next() % 11), strange.into());
    }
}

/// Another number somewhere in the vnet header or in the packet's, or the packet's end.
fn damage(header: &mut VnetHeader, packet: &mut Vec<u8>, octets: &mut Octets<'_>) {
    let [place, number] = [octets.next(), octets.next()];
    match place {
        0..=79 => {
            let mut bytes = header.to_bytes();
            bytes[usize::from(place) % VnetHeader::LEN] = number;
            *header = VnetHeader::from_bytes(&bytes);
        }
        80..=100 => packet.truncate(number.into()),
        _ => {
            if let Some(octet) = packet.get_mut(usize::from(place - 101)) {
                *octet = number;
            }
        }
    }
}
