//! A TUN descriptor: one IP packet, or one super-packet, a read and a write, never blocking. Knows the kinds of
//! descriptors apart and what their errors mean; what is in a packet it does not know.

use std::cell::Cell;
use std::io::IoSlice;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

#[cfg(any(target_os = "linux", target_os = "android"))]
use rustix::event::epoll;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, SocketType};

use super::error::{Ended, TunError};
use super::offload::{BadSuperPacket, Form, SuperPacket, Write};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use super::wakeup;
#[cfg(any(target_os = "linux", target_os = "android"))]
use super::{
    offload::VnetHeader,
    sys::{self, InterfaceName, SuperPackets},
};

/// Room for the largest IP packet and the header of any kind of descriptor.
pub(super) const BUFFER_LEN: usize = 65_536 + 64;

/// Darwin's utun begins each packet with its address family, in network byte order.
const UTUN_HEADER_LEN: usize = 4;

/// Packets that wait in a TUN device that nobody has set otherwise: `TUN_READQ_SIZE` of the kernel's `drivers/net/tun.c`.
#[cfg(target_os = "linux")]
const DEFAULT_QUEUE_LEN: i32 = 500;

/// Packets that a device without a vnet header may let wait for us. What overflows is lost: of four streams of TCP up to 1 % at
/// the kernel's own length, something now and then at 1,000, nothing from 1,500 on. This costs neither TCP nor a ping beside it
/// any time, and small UDP gains up to here.
#[cfg(target_os = "linux")]
const QUEUE_LEN: i32 = 4000;

/// What stands behind a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A TUN device that carries bare IP packets.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Device {
        /// For its MTU, its addresses and its queue.
        name: InterfaceName,
    },
    /// A TUN device that puts a vnet header before each packet.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    VnetDevice {
        /// For its MTU.
        name: InterfaceName,
        /// What the kernel agreed to.
        super_packets: SuperPackets,
    },
    /// A socket of datagrams, one IP packet in each.
    Datagrams,
    /// A socket of records: an empty read is its end.
    Records,
    /// Something else that the system lets us wait for, one IP packet a read.
    Opaque,
    /// Darwin's utun.
    #[cfg_attr(
        not(target_vendor = "apple"),
        allow(dead_code, reason = "the tests speak its header everywhere")
    )]
    Utun,
}

/// What a read brought.
pub(super) type Received<'b> = Result<SuperPacket<'b>, BadSuperPacket>;

/// What became of packets that were to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// The system has them.
    Taken,
    /// The system has no room now; [`Tun::asked`] waits for it.
    Full,
    /// The system does not want them: the link is down, or no memory. They are lost.
    Refused,
}

/// The descriptor. Dropping it closes it.
pub(super) struct Tun {
    fd: OwnedFd,
    kind: Kind,
    /// Whether a device without a vnet header may be given packets longer than its MTU.
    merges: Cell<bool>,
}

impl Tun {
    /// Takes a descriptor over; an error closes it. `offload`: whether several packets may be read and written as one.
    pub(super) fn new(fd: OwnedFd, offload: bool) -> Result<Self, TunError> {
        let kind = Kind::of(&fd, offload)?;
        rustix::io::ioctl_fionbio(&fd, true).map_err(unusable)?;
        #[cfg(target_vendor = "apple")]
        if kind != Kind::Opaque {
            rustix::net::sockopt::set_socket_nosigpipe(&fd, true).map_err(unusable)?;
        }
        #[cfg(target_os = "linux")]
        if let Kind::Device { name } = kind {
            lengthen_queue(&fd, name);
        }
        Ok(Self { fd, kind, merges: Cell::new(offload) })
    }

    /// The interface's MTU in octets, where there is an interface and it can be asked.
    pub(super) fn mtu(&self) -> Option<u16> {
        match self.kind {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Kind::Device { name } | Kind::VnetDevice { name, .. } => {
                sys::interface_mtu(any_socket().ok()?, name).ok()
            }
            _ => None,
        }
    }

    /// The interface's addresses, where they decide what may be written as one packet.
    pub(super) fn addresses(&self) -> Option<Vec<IpAddr>> {
        match self.kind {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Kind::Device { name } if self.merges() => Some(interface_addresses(name)),
            _ => None,
        }
    }

    /// Whether a packet may be longer than the MTU although no vnet header says what it is.
    pub(super) fn merges(&self) -> bool {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Kind::Device { .. } = self.kind {
            return self.merges.get();
        }
        false
    }

    /// From now on none is.
    pub(super) fn stop_merging(&self) {
        self.merges.set(false);
    }

    /// What [`Tun::write`] takes. `own`: the interface's own addresses.
    #[cfg_attr(
        not(any(target_os = "linux", target_os = "android")),
        expect(unused_variables, reason = "no other system is known to take several packets as one")
    )]
    pub(super) fn form<'p>(&self, own: &'p [IpAddr]) -> Form<'p> {
        match self.kind {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Kind::Device { .. } if self.merges() => Form::Plain { own },
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Kind::VnetDevice { super_packets: SuperPackets { tcp, udp }, .. } => Form::Vnet { tcp, udp },
            _ => Form::Alone,
        }
    }

    /// The next packet or super-packet, in the buffer's room; `None` when none waits.
    pub(super) fn read<'b>(&self, buffer: &'b mut [u8]) -> Result<Option<Received<'b>>, Ended> {
        let len = match rustix::io::retry_on_intr(|| rustix::io::read(&self.fd, &mut *buffer)) {
            Ok(len) => len,
            Err(Errno::AGAIN) => return Ok(None),
            Err(errno) if is_gone_on_read(errno) => return Err(Ended::TunGone),
            Err(errno) => return Err(failed(unusable(errno))),
        };
        match self.kind {
            // An empty datagram is a packet like another, for the engine to refuse.
            Kind::Datagrams => Ok(Some(Ok(SuperPacket::whole(&buffer[..len])))),
            _ if len == 0 => Err(Ended::TunGone),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Kind::Device { .. } if has_packet_information(&buffer[..len]) => {
                Err(failed(TunError::PacketInformation))
            }
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Kind::VnetDevice { .. } => Ok(Some(match buffer[..len].split_first_chunk_mut() {
                Some((header, packet)) => SuperPacket::new(VnetHeader::from_bytes(header), packet),
                None => Err(BadSuperPacket::Truncated),
            })),
            Kind::Utun => Ok(Some(Ok(SuperPacket::whole(&buffer[UTUN_HEADER_LEN.min(len)..len])))),
            _ => Ok(Some(Ok(SuperPacket::whole(&buffer[..len])))),
        }
    }

    /// Whether any packets that follow one another may be read and written as one.
    pub(super) fn has_vnet_header(&self) -> bool {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Kind::VnetDevice { .. } = self.kind {
            return true;
        }
        false
    }

    /// Writes one packet or super-packet, of [`Tun::form`].
    pub(super) fn write(&self, write: &Write<'_>) -> Result<Written, Ended> {
        let slices = write.slices;
        let done = rustix::io::retry_on_intr(|| match (self.kind, slices) {
            (Kind::Datagrams | Kind::Records, _) => {
                rustix::net::sendmsg(&self.fd, slices, &mut SendAncillaryBuffer::default(), NO_SIGNAL)
            }
            (Kind::Utun, [packet]) => {
                rustix::io::writev(&self.fd, &[IoSlice::new(&utun_header(packet)), IoSlice::new(packet)])
            }
            (_, [packet]) => rustix::io::write(&self.fd, packet),
            _ => rustix::io::writev(&self.fd, slices),
        });
        match done {
            Ok(_) => Ok(Written::Taken),
            Err(Errno::AGAIN) => Ok(Written::Full),
            Err(errno) if is_gone_on_write(errno) => Err(Ended::TunGone),
            Err(_) => Ok(Written::Refused),
        }
    }

    /// To be waited with, for a packet and for room, and in any case for its end.
    pub(super) fn asked(&self, packet: bool, room: bool) -> PollFd<'_> {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, packet);
        flags.set(PollFlags::OUT, room);
        // Linux wakes for a deleted interface those that wait for something to read, and no packet is urgent.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        flags.set(PollFlags::PRI, !packet);
        PollFd::new(&self.fd, flags)
    }
}

impl Kind {
    #[cfg_attr(
        not(any(target_os = "linux", target_os = "android")),
        expect(unused_variables, reason = "no other system is known to take several packets as one")
    )]
    fn of(fd: &OwnedFd, offload: bool) -> Result<Self, TunError> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        match sys::tun_interface(fd) {
            Ok((name, flags)) => return Self::of_linux_tun(fd, name, flags, offload),
            Err(error) if Errno::from_io_error(&error).is_some_and(is_not_a_tun) => {}
            Err(error) => return Err(TunError::Unusable(error)),
        }
        #[cfg(target_vendor = "apple")]
        if rustix::net::getpeername(fd).is_ok_and(|peer| {
            peer.is_some_and(|peer| peer.address_family() == rustix::net::AddressFamily::SYSTEM)
        }) {
            return Ok(Self::Utun);
        }
        match rustix::net::sockopt::socket_type(fd) {
            Ok(SocketType::DGRAM) => Ok(Self::Datagrams),
            Ok(SocketType::SEQPACKET) => Ok(Self::Records),
            Ok(_) => Err(TunError::Stream),
            Err(Errno::NOTSOCK) if can_be_waited_for(fd)? => Ok(Self::Opaque),
            Err(Errno::NOTSOCK) => Err(unusable(Errno::PERM)),
            Err(error) => Err(unusable(error)),
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn of_linux_tun(fd: &OwnedFd, name: InterfaceName, flags: u16, offload: bool) -> Result<Self, TunError> {
        let has = |flag: libc::c_int| i32::from(flags) & flag != 0;
        if has(libc::IFF_TAP) {
            return Err(TunError::Tap);
        }
        if has(libc::IFF_VNET_HDR) {
            let super_packets = sys::take_super_packets(fd, offload).map_err(TunError::Unusable)?;
            return Ok(Self::VnetDevice { name, super_packets });
        }
        Ok(Self::Device { name })
    }
}

/// Whether the system tells when it has something. Files and devices like `/dev/null` always claim to, and only epoll says so.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn can_be_waited_for(fd: &OwnedFd) -> Result<bool, TunError> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(unusable)?;
    match epoll::add(epoll, fd, epoll::EventData::new_u64(0), epoll::EventFlags::IN) {
        Ok(()) => Ok(true),
        Err(Errno::PERM) => Ok(false),
        Err(error) => Err(unusable(error)),
    }
}

/// Whether the system tells when it has something. Darwin's poll says of what else it cannot watch.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn can_be_waited_for(fd: &OwnedFd) -> Result<bool, TunError> {
    let mut asked = [PollFd::new(fd, PollFlags::IN)];
    wakeup::wait(&mut asked, false);
    Ok(!asked[0].revents().contains(PollFlags::NVAL))
}

/// Where the queue is ours to set, and nobody has chosen its length; a shorter one is no reason to fail.
#[cfg(target_os = "linux")]
fn lengthen_queue(tun: &OwnedFd, name: InterfaceName) {
    if sys::may_change_interface(tun)
        && let Ok(any) = any_socket()
        && sys::queue_len(&any, name).is_ok_and(|len| len == DEFAULT_QUEUE_LEN)
    {
        let _ = sys::set_queue_len(&any, name, QUEUE_LEN);
    }
}

/// To ask for an interface by its name.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn any_socket() -> Result<OwnedFd, Errno> {
    rustix::net::socket(rustix::net::AddressFamily::UNIX, SocketType::DGRAM, None)
}

/// In this thread's network namespace; none where the system does not tell.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn interface_addresses(interface: InterfaceName) -> Vec<IpAddr> {
    let all = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let name = interface.split(|octet| *octet == 0).next().unwrap_or_default();
    all.filter(|entry| entry.interface_name.as_bytes() == name)
        .filter_map(|entry| {
            let address = entry.address?;
            let v4 = address.as_sockaddr_in().map(|address| address.ip().into());
            v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().into()))
        })
        .collect()
}

/// No SIGPIPE from a closed socket; Darwin has a socket option for that instead.
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: SendFlags = SendFlags::empty();

/// Darwin's numbers on Darwin; Linux's, where only the tests see them.
fn utun_header(packet: &[u8]) -> [u8; UTUN_HEADER_LEN] {
    let family = match packet.first().map(|first| first >> 4) {
        Some(6) => libc::AF_INET6,
        _ => libc::AF_INET,
    };
    family.to_be_bytes()
}

fn unusable(error: Errno) -> TunError {
    TunError::Unusable(error.into())
}

fn failed(error: TunError) -> Ended {
    Ended::TunFailed(Arc::new(error))
}

/// Whether this is `struct tun_pi` of `linux/if_tun.h` and not an IP packet. TUNGETIFF does not tell: its
/// `IFF_NOFILTER`, set on nearly every device, is the same bit as `IFF_NO_PI`.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn has_packet_information(packet: &[u8]) -> bool {
    matches!(packet, [0, _, 0x08, 0x00, 0x40..=0x4f, ..] | [0, _, 0x86, 0xdd, 0x60..=0x6f, ..])
}

/// What a descriptor answers to TUNGETIFF when it is no TUN device, or when a policy forbids the question.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_not_a_tun(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::NOTTY | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::ACCESS | Errno::PERM
    )
}

/// Linux says BADFD for a deleted interface and IO for one that is being deleted.
fn is_gone_on_read(errno: Errno) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if errno == Errno::BADFD {
        return true;
    }
    matches!(
        errno,
        Errno::IO | Errno::NODEV | Errno::NXIO | Errno::CONNRESET | Errno::CONNREFUSED | Errno::NOTCONN
    )
}

/// Not IO: Linux says that for a write while the link is down.
fn is_gone_on_write(errno: Errno) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if errno == Errno::BADFD {
        return true;
    }
    matches!(
        errno,
        Errno::PIPE | Errno::NODEV | Errno::NXIO | Errno::CONNRESET | Errno::CONNREFUSED | Errno::NOTCONN
    )
}

#[cfg(test)]
mod tests;
