//! The tunnel's UDP sockets, one for each IP version on one port. Knows how to get an outbox to the network
//! whatever the path and the system refuse, and how to take a batch from it; what a datagram says, it does not.

mod receive;
mod socket;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::num::NonZeroU32;

use rustix::event::PollFd;
use rustix::io::Errno;

pub(super) use receive::{Message, ReceiveBuffers};
pub(super) use socket::SocketSettings;
use socket::{OpenError, Sent, Socket};

use super::error::DeviceError;
use super::stats::Stats;
use crate::proto::outbox::{Outbox, Transmit};
use crate::proto::path::{Ecn, Path};

/// How often a port that the system chose for IPv4 may turn out to be taken for IPv6.
const PORT_ATTEMPTS: usize = 16;

/// How many paths are remembered on which runs of datagrams must be sent one by one.
const SCATTERED_PATHS: usize = 64;

/// Both sockets; a machine without one of the IP versions has only the other.
pub(super) struct Sockets {
    v4: Option<Socket>,
    v6: Option<Socket>,
    port: u16,
    /// Where the system does not take runs, since a datagram there is larger than the MTU and is fragmented.
    /// Oldest first.
    scattered: Vec<SocketAddr>,
}

/// How far an outbox has been sent, so that a flush goes on where the network had no room.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Transmits that are done.
    transmits: usize,
    /// Octets of the next one that are done.
    octets: usize,
    /// A path whose local address the system refused; it is sent to without.
    refused: Option<Path>,
}

/// What a flush ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flushed {
    /// All of the outbox is sent, or lost and counted.
    All,
    /// The network has no room now; [`Sockets::asked`] waits for it.
    Blocked,
}

impl Sockets {
    /// No sockets: what is sent is lost and counted, and nothing comes.
    pub(super) const fn none() -> Self {
        Self { v4: None, v6: None, port: 0, scattered: Vec::new() }
    }

    /// Binds both sockets to one port; 0 lets the system choose one that is free for both IP versions.
    pub(super) fn bind(port: u16, settings: SocketSettings<'_>) -> Result<Self, DeviceError> {
        for _ in 1..PORT_ATTEMPTS {
            match Self::bind_once(port, settings) {
                Err(OpenError::Bind(error))
                    if port == 0 && error.raw_os_error() == Some(libc::EADDRINUSE) => {}
                done => return done.map_err(|error| error.for_port(port)),
            }
        }
        Self::bind_once(port, settings).map_err(|error| error.for_port(port))
    }

    fn bind_once(port: u16, settings: SocketSettings<'_>) -> Result<Self, OpenError> {
        let v4 = Socket::open(SocketAddr::from(([0; 4], port)), settings)?;
        let port = v4.as_ref().map_or(Ok(port), Socket::port)?;
        let v6 = Socket::open(SocketAddr::from(([0; 16], port)), settings)?;
        let port = v6.as_ref().map_or(Ok(port), Socket::port)?;
        if v4.is_none() && v6.is_none() {
            return Err(OpenError::System("open a UDP socket", Errno::AFNOSUPPORT.into()));
        }
        Ok(Self { v4, v6, port, scattered: Vec::new() })
    }

    /// The port that is bound.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Whether datagrams can be sent to this address's IP version.
    pub(super) fn reach(&self, remote: &SocketAddr) -> bool {
        self.socket_for(remote).is_some()
    }

    /// How many datagrams the system takes in one send.
    pub(super) fn max_segments(&self) -> usize {
        self.each().map(Socket::max_segments).min().unwrap_or(1)
    }

    /// Marks what both sockets send from now on. Refused: both keep the old mark.
    pub(super) fn set_mark(
        &self,
        mark: Option<NonZeroU32>,
        old: Option<NonZeroU32>,
    ) -> Result<(), DeviceError> {
        let done = self.each().try_for_each(|socket| socket.set_mark(mark));
        if done.is_err() {
            // What was allowed before is allowed again, or else was never changed.
            let _ = self.each().try_for_each(|socket| socket.set_mark(old));
        }
        done.map_err(|source| DeviceError::FwMark { mark: mark.map_or(0, NonZeroU32::get), source })
    }

    /// Both sockets, for [`ReceiveBuffers::receive`].
    pub(super) fn each(&self) -> impl Iterator<Item = &Socket> {
        self.v4.iter().chain(&self.v6)
    }

    /// To be waited with: each socket for datagrams, and the one that a flush of `blocked` stopped at for room.
    pub(super) fn asked(&self, blocked: Option<(&Outbox, &Progress)>) -> [Option<PollFd<'_>>; 2] {
        let next = blocked.and_then(|(out, progress)| out.transmits().get(progress.transmits));
        let full = next.map(|transmit| transmit.path.remote.is_ipv4());
        [
            self.v4.as_ref().map(|socket| socket.asked(full == Some(true))),
            self.v6.as_ref().map(|socket| socket.asked(full == Some(false))),
        ]
    }

    /// What waiting has shown of each.
    pub(super) fn note(&self, [v4, v6]: [&PollFd<'_>; 2]) {
        for (socket, asked) in [(&self.v4, v4), (&self.v6, v6)] {
            if let Some(socket) = socket {
                socket.note(asked);
            }
        }
    }

    /// Sends what the outbox holds, in order, from where `progress` stands. `path_failed` is told of
    /// what was to leave by a path whose local address can no longer be sent from. Nothing that the network says is fatal.
    pub(super) fn flush(
        &mut self,
        out: &Outbox,
        progress: &mut Progress,
        stats: &mut Stats,
        mut path_failed: impl FnMut(&Transmit),
    ) -> Flushed {
        while let Some(transmit) = out.transmits().get(progress.transmits) {
            let rest = &out.bytes(transmit)[progress.octets..];
            if rest.is_empty() {
                progress.transmits += 1;
                progress.octets = 0;
                continue;
            }
            let mut path = transmit.path;
            if progress.refused == Some(path) {
                path.local = None;
            }
            let sent = self.send(path, transmit.ecn, rest, transmit.segment_size);
            let segments = |octets: usize| octets.div_ceil(transmit.segment_size) as u64;
            match sent {
                Sent::Octets(octets) => {
                    stats.udp_sent.packets += segments(octets);
                    stats.udp_sent.octets += octets as u64;
                    progress.octets += octets;
                }
                Sent::Blocked => return Flushed::Blocked,
                Sent::RunRefused => self.scatter(path.remote),
                Sent::SourceRefused => {
                    progress.refused = Some(transmit.path);
                    path_failed(transmit);
                }
                Sent::Lost(octets) => {
                    stats.dropped.udp_refused += segments(octets);
                    progress.octets += octets;
                }
            }
        }
        *progress = Progress::default();
        Flushed::All
    }

    /// Sends a run, or the first datagram of it where the path or the system takes no runs.
    fn send(&mut self, path: Path, ecn: Ecn, run: &[u8], segment_size: usize) -> Sent {
        let scattered = self.scattered.contains(&path.remote);
        let socket = if path.remote.is_ipv4() { &mut self.v4 } else { &mut self.v6 };
        let Some(socket) = socket else {
            return Sent::Lost(run.len());
        };
        let one_by_one = scattered || socket.max_segments() == 1;
        let len = if one_by_one { segment_size.min(run.len()) } else { run.len() };
        socket.send(path, ecn, &run[..len], segment_size)
    }

    fn scatter(&mut self, remote: SocketAddr) {
        if self.scattered.len() == SCATTERED_PATHS {
            self.scattered.remove(0);
        }
        self.scattered.push(remote);
    }

    fn socket_for(&self, remote: &SocketAddr) -> Option<&Socket> {
        if remote.is_ipv4() { self.v4.as_ref() } else { self.v6.as_ref() }
    }
}
