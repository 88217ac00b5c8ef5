//! Received packets, merged with their neighbours into one write where they are segments of one flow: a super-packet for
//! a descriptor with a vnet header, one long IP packet for a plain one.

use std::io::IoSlice;
use std::net::IpAddr;

use super::candidate::{Candidate, Numbering};
use super::checksum::Sum;
use super::{PSH, TCP_FLAGS_AT, Transport, VnetHeader, is_ipv4, pseudo_header, set_ip_len};

/// Segments in one write. Linux before 6.9 takes no more of UDP's.
pub const MAX_PARTS: usize = 64;

/// Octets in one IP packet.
const MAX_PACKET_LEN: usize = 65_535;

/// The longest headers that are merged: IPv6 and TCP with all its options.
const MAX_HEADERS_LEN: usize = 40 + 60;

/// What a descriptor takes.
#[derive(Clone, Copy, Debug)]
pub enum Form<'p> {
    /// One packet a write.
    Alone,
    /// One packet a write, which may be longer than the MTU where it goes no further: to these addresses.
    Plain {
        /// The interface's own.
        own: &'p [IpAddr],
    },
    /// A vnet header before each.
    Vnet {
        /// Whether super-packets of TCP are taken.
        tcp: bool,
        /// Whether super-packets of UDP are taken.
        udp: bool,
    },
}

impl Form<'_> {
    /// Whether packets of this transport for this destination may be merged.
    pub(super) fn merges(&self, transport: Transport, destination: impl FnOnce() -> IpAddr) -> bool {
        match (self, transport) {
            (Self::Alone, _) => false,
            (Self::Plain { own }, Transport::Tcp) => own.contains(&destination()),
            (Self::Plain { .. }, Transport::Udp) => false,
            (Self::Vnet { tcp, .. }, Transport::Tcp) => *tcp,
            (Self::Vnet { udp, .. }, Transport::Udp) => *udp,
        }
    }
}

/// One write.
#[derive(Debug)]
pub struct Write<'w> {
    /// What is to be written, back to back. [`Form::Vnet`]: the first [`VnetHeader::LEN`] octets are that header.
    pub slices: &'w [IoSlice<'w>],
    /// How many packets it carries.
    pub packets: usize,
    /// Octets in those packets, headers included.
    pub octets: usize,
}

/// Merges what is pushed, in order. Holds back the packets of one flow at the most, until another flow's comes or
/// [`Merger::finish`] is called.
pub struct Merger<'p> {
    form: Form<'p>,
    run: Option<Run<'p>>,
}

impl<'p> Merger<'p> {
    /// Nothing is held back yet.
    pub fn new(form: Form<'p>) -> Self {
        Self { form, run: None }
    }

    /// Takes a packet and hands on what is complete by now.
    pub fn push<E>(
        &mut self,
        packet: &'p [u8],
        mut write: impl FnMut(Write<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let candidate = Candidate::read(packet, self.form);
        if let (Some(run), Some(candidate)) = (&mut self.run, &candidate)
            && run.takes(candidate)
        {
            run.add(candidate);
            return if run.is_over { self.finish(write) } else { Ok(()) };
        }
        self.finish(&mut write)?;
        match candidate.filter(|candidate| !candidate.pushes()) {
            Some(candidate) => {
                self.run = Some(Run::new(candidate));
                Ok(())
            }
            None => write_alone(self.form, packet, write),
        }
    }

    /// Hands on what is held back.
    pub fn finish<E>(&mut self, write: impl FnMut(Write<'_>) -> Result<(), E>) -> Result<(), E> {
        match self.run.take() {
            None => Ok(()),
            Some(run) if run.count == 1 => write_alone(self.form, run.first.packet, write),
            Some(run) => run.write(self.form, write),
        }
    }
}

fn write_alone<E>(
    form: Form<'_>,
    packet: &[u8],
    mut write: impl FnMut(Write<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let nothing_to_say = VnetHeader::default().to_bytes();
    let slices = [IoSlice::new(&nothing_to_say), IoSlice::new(packet)];
    let slices = if matches!(form, Form::Vnet { .. }) { &slices[..] } else { &slices[1..] };
    write(Write { slices, packets: 1, octets: packet.len() })
}

/// Neighbours of one flow that become one write.
struct Run<'p> {
    first: Candidate<'p>,
    payloads: [&'p [u8]; MAX_PARTS],
    count: usize,
    /// Octets of payload.
    len: usize,
    payload_sum: Sum,
    /// As the second packet has it.
    numbering: Option<Numbering>,
    /// No more may follow.
    is_over: bool,
    pushes: bool,
}

impl<'p> Run<'p> {
    fn new(first: Candidate<'p>) -> Self {
        let mut payloads: [&[u8]; MAX_PARTS] = [&[]; MAX_PARTS];
        payloads[0] = first.payload();
        Self {
            first,
            payloads,
            count: 1,
            len: first.payload().len(),
            payload_sum: first.payload_sum,
            numbering: None,
            is_over: false,
            pushes: false,
        }
    }

    fn takes(&self, next: &Candidate<'_>) -> bool {
        next.payload().len() <= self.payloads[0].len()
            && self.first.headers_len + self.len + next.payload().len() <= MAX_PACKET_LEN
            && self.first.is_continued_by(next, self.len)
            && self.first.numbering(next, self.count).is_some_and(|numbering| {
                // Who counts does not stop, and who does not count does not begin.
                self.numbering.is_none_or(|before| before == numbering)
            })
    }

    fn add(&mut self, next: &Candidate<'p>) {
        self.payload_sum = match self.len % 2 {
            0 => self.payload_sum.and(next.payload_sum),
            _ => self.payload_sum.and_at_odd(next.payload_sum),
        };
        self.numbering = self.first.numbering(next, self.count);
        self.payloads[self.count] = next.payload();
        self.count += 1;
        self.len += next.payload().len();
        self.pushes = next.pushes();
        self.is_over =
            self.pushes || next.payload().len() < self.payloads[0].len() || self.count == MAX_PARTS;
    }

    fn write<E>(&self, form: Form<'_>, mut write: impl FnMut(Write<'_>) -> Result<(), E>) -> Result<(), E> {
        let mut head = [0; VnetHeader::LEN + MAX_HEADERS_LEN];
        let headers_end = VnetHeader::LEN + self.first.headers_len;
        head[..VnetHeader::LEN].copy_from_slice(&self.vnet_header().to_bytes());
        let is_vnet = matches!(form, Form::Vnet { .. });
        self.write_headers(&mut head[VnetHeader::LEN..headers_end], is_vnet);
        let head = if is_vnet { &head[..headers_end] } else { &head[VnetHeader::LEN..headers_end] };

        let mut slices = [IoSlice::new(&[]); 1 + MAX_PARTS];
        slices[0] = IoSlice::new(head);
        for (slice, payload) in slices[1..].iter_mut().zip(&self.payloads[..self.count]) {
            *slice = IoSlice::new(payload);
        }
        let octets = self.count * self.first.headers_len + self.len;
        write(Write { slices: &slices[..=self.count], packets: self.count, octets })
    }

    /// The first one's, made those of all. The kernel completes the checksum where it is told to.
    fn write_headers(&self, headers: &mut [u8], is_vnet: bool) {
        headers.copy_from_slice(self.first.headers());
        set_ip_len(headers, headers.len() + self.len);
        let transport_len = headers.len() + self.len - self.first.transport_at;
        let pseudo_header = pseudo_header(headers, self.first.transport, transport_len);
        let transport = &mut headers[self.first.transport_at..];
        match self.first.transport {
            Transport::Tcp if self.pushes => transport[TCP_FLAGS_AT] |= PSH,
            Transport::Tcp => {}
            Transport::Udp => transport[4..6].copy_from_slice(&(transport_len as u16).to_be_bytes()),
        }
        let field = self.first.transport.checksum_at()..self.first.transport.checksum_at() + 2;
        transport[field.clone()].fill(0);
        let checksum = if is_vnet {
            pseudo_header.begun()
        } else {
            pseudo_header.and(Sum::of(transport)).and(self.payload_sum).checksum()
        };
        transport[field].copy_from_slice(&checksum);
    }

    fn vnet_header(&self) -> VnetHeader {
        let gso_type = match self.first.transport {
            Transport::Tcp if is_ipv4(self.first.packet) => VnetHeader::GSO_TCPV4,
            Transport::Tcp => VnetHeader::GSO_TCPV6,
            Transport::Udp => VnetHeader::GSO_UDP_L4,
        };
        VnetHeader {
            flags: VnetHeader::NEEDS_CSUM,
            gso_type,
            hdr_len: self.first.headers_len as u16,
            gso_size: self.payloads[0].len() as u16,
            csum_start: self.first.transport_at as u16,
            csum_offset: self.first.transport.checksum_at() as u16,
        }
    }
}
