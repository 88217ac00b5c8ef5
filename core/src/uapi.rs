//! The cross-platform userspace configuration protocol that `wg` speaks over a socket: text to types and
//! back. No socket is opened here.

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::num::NonZeroU16;
use core::time::Duration;

use ipnet::IpNet;

use crate::key::{PresharedKey, PrivateKey, PublicKey};

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
    /// 0 lets the system choose.
    pub listen_port: Option<u16>,
    /// The inner `None` takes it away.
    pub fwmark: Option<Option<core::num::NonZeroU32>>,
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
    /// Ours, if there is one.
    pub private_key: Option<PrivateKey>,
    /// The UDP port that is bound.
    pub listen_port: u16,
    /// The mark on outer packets.
    pub fwmark: Option<core::num::NonZeroU32>,
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
    /// The wall clock at the last completed handshake, since the Unix epoch.
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
