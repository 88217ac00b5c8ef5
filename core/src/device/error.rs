//! What can go wrong with a device, each with the values that tell what to do next.

use std::io;
use std::sync::Arc;

/// Why a device did not start, or refused a change. Whatever it refused, nothing changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The descriptor is not a TUN device that can be used.
    #[error("{0}")]
    TunDescriptor(#[from] TunError),
    /// [`SocketProtector`](super::SocketProtector) refused a socket; nothing was sent.
    #[error("the app did not protect the tunnel's socket, so nothing was sent: {0}")]
    Protect(#[source] HookError),
    /// The UDP port cannot be bound.
    #[error("cannot listen on UDP port {port}: {source}; choose another ListenPort or stop what uses it")]
    Bind {
        /// The port asked for; 0 let the system choose.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The sockets cannot carry the firewall mark.
    #[error("cannot set the firewall mark {mark:#x}: {source}; it needs CAP_NET_ADMIN")]
    FwMark {
        /// The mark asked for.
        mark: u32,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused something that every device needs.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The device has ended; [`Device::ended`](super::Device::ended) says why.
    #[error("the tunnel has ended; start it again")]
    Stopped,
}

/// Why a descriptor cannot serve as a TUN device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TunError {
    /// Not an open descriptor, or one that cannot be asked or waited for.
    #[error("the TUN descriptor cannot be used: {0}")]
    Unusable(#[source] io::Error),
    /// Linux: opened without `IFF_NO_PI`. Seen in the first packet, since TUNGETIFF does not tell.
    #[error("the TUN descriptor puts packet information before each packet; open it with IFF_NO_PI")]
    PacketInformation,
    /// Linux: a TAP device, which carries Ethernet frames.
    #[error("the descriptor is a TAP device, which carries Ethernet frames; open it with IFF_TUN")]
    Tap,
    /// A stream, which does not keep packets apart.
    #[error(
        "the descriptor is a stream, which does not keep packets apart; use SOCK_DGRAM or SOCK_SEQPACKET"
    )]
    Stream,
}

/// Why one of the app's own functions failed, in the app's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct HookError {
    reason: String,
}

impl HookError {
    /// `reason`: one sentence for people. No secrets.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// Why a device ended.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Ended {
    /// [`Device::stop`](super::Device::stop) was called, or the handle was dropped.
    #[error("stopped on request")]
    Stopped,
    /// The TUN interface was deleted, or the other end of the descriptor was closed.
    #[error("the TUN interface is gone")]
    TunGone,
    /// Reading the TUN descriptor failed, or its first packet showed that it cannot be used.
    #[error("{0}")]
    TunFailed(#[source] Arc<TunError>),
    /// A defect of the driver: its thread panicked, and only the device ended.
    #[error("the tunnel's driver panicked; please report it")]
    Panicked,
}
