//! The cross-platform userspace configuration protocol that `wg` speaks over a socket: text to types and
//! back. No socket is opened here, and no interface name is looked up: that is an argument, [`ZoneLookup`].
//!
//! Source: the "Cross-platform Interface" page of WireGuard's site, and what `wg` 1.0.20250521 and newer sends
//! and takes (`ipc-uapi.h` of wireguard-tools).
#![forbid(unsafe_code)]

mod error;
mod request;
mod set;
mod status;
mod value;

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::num::{NonZeroU16, NonZeroU32};
use core::time::Duration;

use ipnet::IpNet;

use crate::key::{PresharedKey, PrivateKey, PublicKey};

pub use error::{Errno, Reason, RequestError, StatusError};
pub use request::{MAX_LINE, MAX_REQUEST, RequestReader};
pub use set::write_set;
pub use status::{parse_status, write_status, write_status_in_pieces};

/// Turns the name of an interface, as in `[fe80::1%eth0]:51820`, into its index; `None` when there is no such
/// interface. Only the caller may ask the system.
pub type ZoneLookup = fn(&str) -> Option<u32>;

/// What a request is about. It decides the sign of the `errno` in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `get=1`.
    Get,
    /// `set=1`.
    Set,
}

/// What a client asks.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// `get=1`: tell everything.
    Get,
    /// `set=1`: change what is named.
    Set(Set),
}

/// A change of the device. What is `None` or empty stays as it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// Ours; the inner `None` takes it away.
    pub private_key: Option<Option<PrivateKey>>,
    /// The UDP port to bind; 0 lets the system choose.
    pub listen_port: Option<u16>,
    /// The inner `None` takes it away.
    pub fwmark: Option<Option<NonZeroU32>>,
    /// Whether the peers below are all that shall be left.
    pub replace_peers: bool,
    /// In the order given.
    pub peers: Vec<SetPeer>,
}

/// A change of one peer, which is made when it is not there yet.
#[derive(Debug, PartialEq, Eq)]
pub struct SetPeer {
    /// Who.
    pub public_key: PublicKey,
    /// Takes the peer away.
    pub remove: bool,
    /// Does nothing when the peer is not there.
    pub update_only: bool,
    /// The inner `None` takes it away.
    pub preshared_key: Option<Option<PresharedKey>>,
    /// Where to.
    pub endpoint: Option<SocketAddr>,
    /// Seconds; the inner `None` turns it off.
    pub persistent_keepalive: Option<Option<NonZeroU16>>,
    /// Whether the allowed IPs below are all that shall be left.
    pub replace_allowed_ips: bool,
    /// In the order given.
    pub allowed_ips: Vec<AllowedIpChange>,
}

/// One change of a peer's allowed IPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowedIpChange {
    /// Gives it to this peer, and so takes it from any other.
    Add(IpNet),
    /// Takes it from this peer, if it has it.
    Remove(IpNet),
}

/// The answer to [`Request::Get`].
#[derive(Debug, PartialEq, Eq)]
pub struct DeviceStatus {
    /// Ours, if there is one and it is told: some daemons keep it to themselves.
    pub private_key: Option<PrivateKey>,
    /// The UDP port that is bound.
    pub listen_port: u16,
    /// The mark on outer packets.
    pub fwmark: Option<NonZeroU32>,
    /// In the order in which they were added.
    pub peers: Vec<PeerStatus>,
}

/// One peer, as it stands.
#[derive(Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// Who.
    pub public_key: PublicKey,
    /// The key mixed in, if any.
    pub preshared_key: Option<PresharedKey>,
    /// Where it was last heard, or was said to be.
    pub endpoint: Option<SocketAddr>,
    /// The wall clock at the last completed handshake, since the Unix epoch. The text's 0 is `None`.
    pub last_handshake: Option<Duration>,
    /// Octets received, outer UDP payloads that were authentic.
    pub rx_bytes: u64,
    /// Octets sent, outer UDP payloads.
    pub tx_bytes: u64,
    /// Seconds.
    pub persistent_keepalive: Option<NonZeroU16>,
    /// In the order in which they were added.
    pub allowed_ips: Vec<IpNet>,
}
