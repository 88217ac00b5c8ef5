//! One UDP socket over quinn-udp, with the habits undone that a tunnel cannot live with: probing the path's
//! MTU, refusing to fragment, asking for more than its buffer holds, and giving up offload and ECN for good after
//! one refused send.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, OwnedFd};

use quinn_udp::{EcnCodepoint, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::sockopt;
use socket2::{Domain, Protocol, Type};

use super::super::error::{DeviceError, HookError};
use super::super::hooks::{SocketProtector, call};
use super::super::sys;
use super::super::wakeup::is_readable;
use crate::proto::path::{Ecn, Path};

/// Octets that the system may hold for us each way. At 1 Gbit/s this is 67 ms; smaller buffers lost packets.
const BUFFER_LEN: usize = 8 << 20;

/// One socket, bound and never connected.
pub(in super::super) struct Socket {
    fd: OwnedFd,
    /// Something may wait in it.
    readable: Cell<bool>,
    /// The system has taken it away, or somebody has shut it down.
    ended: Cell<bool>,
    state: UdpSocketState,
    offload: bool,
}

/// What a socket is made with.
#[derive(Clone, Copy)]
pub(in super::super) struct SocketSettings<'s> {
    /// Of all that it sends; only Linux has marks.
    pub(in super::super) mark: Option<NonZeroU32>,
    /// Asked before the socket could send.
    pub(in super::super) protector: Option<&'s dyn SocketProtector>,
    /// Whether several datagrams may be sent and received as one.
    pub(in super::super) offload: bool,
}

/// What became of a run of datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// This many octets are on their way.
    Octets(usize),
    /// No room now.
    Blocked,
    /// The system does not take a run here, but may take its datagrams one by one.
    RunRefused,
    /// The path's local address is none of ours any more.
    SourceRefused,
    /// This many octets are lost.
    Lost(usize),
}

/// Why a socket cannot be had.
#[derive(Debug)]
pub(super) enum OpenError {
    Protect(HookError),
    Bind(io::Error),
    Mark(NonZeroU32, io::Error),
    System(&'static str, io::Error),
}

impl OpenError {
    /// `port`: the one that was asked for.
    pub(super) fn for_port(self, port: u16) -> DeviceError {
        match self {
            Self::Protect(error) => DeviceError::Protect(error),
            Self::Bind(source) => DeviceError::Bind { port, source },
            Self::Mark(mark, source) => DeviceError::FwMark { mark: mark.get(), source },
            Self::System(action, source) => DeviceError::System { action, source },
        }
    }
}

impl Socket {
    /// `None` when the machine does not speak this IP version.
    pub(super) fn open(
        address: SocketAddr,
        SocketSettings { mark, protector, offload }: SocketSettings<'_>,
    ) -> Result<Option<Self>, OpenError> {
        let socket =
            match socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP)) {
                Ok(socket) => socket,
                Err(error) if is(&error, Errno::AFNOSUPPORT) => return Ok(None),
                Err(error) => return Err(OpenError::System("open a UDP socket", error)),
            };
        if let Some(protector) = protector {
            call(|| protector.protect(socket.as_fd())).map_err(OpenError::Protect)?;
        }
        if let Some(mark) = mark {
            set_mark(&socket, Some(mark)).map_err(|error| OpenError::Mark(mark, error))?;
        }
        if address.is_ipv6() {
            socket
                .set_only_v6(true)
                .map_err(|error| OpenError::System("keep IPv4 off an IPv6 socket", error))?;
        }
        match socket.bind(&address.into()) {
            Ok(()) => {}
            // IPv6 is there but turned off.
            Err(error) if address.is_ipv6() && is(&error, Errno::ADDRNOTAVAIL) => return Ok(None),
            Err(error) => return Err(OpenError::Bind(error)),
        }
        let fd = OwnedFd::from(socket);
        enlarge_buffers(&fd);
        let state =
            new_state(&fd, offload).map_err(|error| OpenError::System("set up a UDP socket", error))?;
        Ok(Some(Self { fd, readable: Cell::new(true), ended: Cell::new(false), state, offload }))
    }

    /// The port that is bound.
    pub(super) fn port(&self) -> Result<u16, OpenError> {
        let address = socket2::SockRef::from(&self.fd)
            .local_addr()
            .map_err(|error| OpenError::System("read a UDP socket's address", error))?;
        Ok(address.as_socket().map_or(0, |address| address.port()))
    }

    pub(super) fn set_mark(&self, mark: Option<NonZeroU32>) -> io::Result<()> {
        set_mark(&socket2::SockRef::from(&self.fd), mark)
    }

    #[cfg(all(test, target_os = "linux"))]
    pub(super) fn mark(&self) -> io::Result<u32> {
        socket2::SockRef::from(&self.fd).mark()
    }

    pub(super) fn max_segments(&self) -> usize {
        if self.offload { self.state.max_gso_segments() } else { 1 }
    }

    /// To be waited with, for datagrams and for room.
    pub(super) fn asked(&self, room: bool) -> PollFd<'_> {
        PollFd::new(&self.fd, if room { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN })
    }

    /// What waiting has shown.
    pub(super) fn note(&self, asked: &PollFd<'_>) {
        self.readable.set(is_readable(asked));
        self.ended.set(asked.revents().intersects(PollFlags::HUP | PollFlags::NVAL));
    }

    /// How many buffers were filled; none when nothing waits. An error says that nothing will come any more.
    pub(super) fn receive(
        &self,
        buffers: &mut [io::IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> io::Result<usize> {
        if self.ended.get() {
            return Err(Errno::NOTCONN.into());
        }
        if !self.readable.get() {
            return Ok(0);
        }
        match self.state.recv(UdpSockRef::from(&self.fd), buffers, meta) {
            Ok(filled) => {
                // The system stopped because nothing more waited; asking it again would only be told so.
                self.readable.set(filled == buffers.len().min(quinn_udp::BATCH_SIZE));
                Ok(filled)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readable.set(false);
                Ok(0)
            }
            // A system without memory for it will have it later.
            Err(error) if is(&error, Errno::NOMEM) || is(&error, Errno::NOBUFS) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Sends datagrams of `segment_size` octets, the last perhaps shorter, in one call.
    pub(super) fn send(&mut self, path: Path, ecn: Ecn, contents: &[u8], segment_size: usize) -> Sent {
        let is_run = contents.len() > segment_size;
        let transmit = Transmit {
            destination: path.remote,
            ecn: EcnCodepoint::from_bits(ecn.bits()),
            contents,
            segment_size: is_run.then_some(segment_size),
            src_ip: path.local,
        };
        let sent = self.state.try_send(UdpSockRef::from(&self.fd), &transmit);
        let error = match sent {
            Ok(()) => return Sent::Octets(contents.len()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Sent::Blocked,
            Err(error) => Errno::from_io_error(&error),
        };
        if matches!(error, Some(Errno::INVAL | Errno::IO)) {
            self.restore_state();
        }
        match error {
            Some(Errno::INVAL | Errno::ADDRNOTAVAIL | Errno::NETUNREACH) if path.local.is_some() => {
                Sent::SourceRefused
            }
            // Too long for the path, no checksum offload on its device, or, on older kernels, also too long.
            Some(Errno::MSGSIZE | Errno::IO | Errno::INVAL) if is_run => Sent::RunRefused,
            _ => Sent::Lost(contents.len()),
        }
    }

    /// quinn-udp takes any of these errors for an old kernel, and stops offload and IPv4 ECN for good.
    fn restore_state(&mut self) {
        if let Ok(state) = new_state(&self.fd, self.offload) {
            self.state = state;
        }
    }
}

/// quinn-udp's state, and what it did to the socket undone.
#[cfg_attr(
    not(any(target_os = "linux", target_os = "android")),
    expect(unused_variables, reason = "no other system coalesces what it received")
)]
fn new_state(socket: &OwnedFd, offload: bool) -> io::Result<UdpSocketState> {
    let state = UdpSocketState::new(UdpSockRef::from(socket))?;
    let is_ipv6 = socket2::SockRef::from(socket).local_addr()?.is_ipv6();
    // With a time, quinn-udp 0.6.3's buffer of 96 octets has no room for the ECN of what GRO coalesced.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    sys::stop_timestamps(socket)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if !offload {
        sys::stop_coalescing(socket)?;
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if is_ipv6 {
        sockopt::set_ipv6_mtu_discover(socket, sockopt::Ipv6PathMtuDiscovery::DONT)?;
    } else {
        sockopt::set_ip_mtu_discover(socket, sockopt::Ipv4PathMtuDiscovery::DONT)?;
    }
    #[cfg(target_vendor = "apple")]
    if !is_ipv6 {
        sys::allow_ipv4_fragments(socket)?;
    }
    if is_ipv6 {
        sys::allow_ipv6_fragments(socket)?;
    }
    Ok(state)
}

/// As far as the system allows; less is slower, and no reason to fail.
fn enlarge_buffers(socket: &OwnedFd) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let forced = sockopt::set_socket_recv_buffer_size_force(socket, BUFFER_LEN).is_ok()
        && sockopt::set_socket_send_buffer_size_force(socket, BUFFER_LEN).is_ok();
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let forced = false;
    if !forced {
        // Linux cuts to its limit, Darwin refuses what is above its own.
        for len in [BUFFER_LEN, BUFFER_LEN / 2, BUFFER_LEN / 4] {
            if sockopt::set_socket_recv_buffer_size(socket, len).is_ok()
                && sockopt::set_socket_send_buffer_size(socket, len).is_ok()
            {
                return;
            }
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn set_mark(socket: &socket2::Socket, mark: Option<NonZeroU32>) -> io::Result<()> {
    socket.set_mark(mark.map_or(0, NonZeroU32::get))
}

/// Only Linux has marks; elsewhere one that is asked for is refused.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn set_mark(_: &socket2::Socket, mark: Option<NonZeroU32>) -> io::Result<()> {
    if mark.is_some() { Err(Errno::NOTSUP.into()) } else { Ok(()) }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    Errno::from_io_error(error) == Some(errno)
}
