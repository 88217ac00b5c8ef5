//! The configuration as types. The rooms below turn text into it and back; nothing here does I/O.
#![forbid(unsafe_code)]

mod decode;
mod endpoint;
mod error;
mod lint;
mod mask;
mod names;
mod parse;
pub mod qr;
mod span;
pub mod value;
mod write;

use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::num::{NonZeroU16, NonZeroU32};

use ipnet::IpNet;

use crate::key::{PresharedKey, PrivateKey, PublicKey};

pub use decode::decode;
pub use endpoint::EndpointError;
pub use error::{ConfigError, Reason};
pub use lint::{IpVersion, Warning, WarningKind, lint};
pub use mask::{Shown, is_printable, mask};
pub use names::{Attribute, Section};
pub use parse::{Parsed, diagnose, parse, parse_bytes};
pub use span::{Entry, SectionSpan, Spans};
pub use write::{Unwritable, write};

/// A whole configuration: the language of `wg`, of `wg-quick` and of the phone apps together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// This end.
    pub interface: Interface,
    /// The other ends, in the order of the text.
    pub peers: Vec<Peer>,
}

/// `[Interface]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// PrivateKey; 32 zeros are `None`.
    pub private_key: Option<PrivateKey>,
    /// ListenPort; `None` lets the system choose.
    pub listen_port: Option<NonZeroU16>,
    /// FwMark; `None` is `off`.
    pub fwmark: Option<NonZeroU32>,
    /// Address: ours within the tunnel, host bits kept.
    pub addresses: Vec<IpNet>,
    /// DNS: the servers.
    pub dns_servers: Vec<IpAddr>,
    /// DNS: the search domains.
    pub dns_search: Vec<String>,
    /// MTU, in octets; 0 is `None`: the device chooses.
    pub mtu: Option<u16>,
    /// Table.
    pub table: Table,
    /// PreUp, in order.
    pub pre_up: Vec<String>,
    /// PostUp, in order.
    pub post_up: Vec<String>,
    /// PreDown, in order.
    pub pre_down: Vec<String>,
    /// PostDown, in order.
    pub post_down: Vec<String>,
    /// SaveConfig.
    pub save_config: bool,
    /// Which applications use the tunnel.
    pub applications: Applications,
}

/// Table: where routes go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Table {
    /// The main table, and a table of its own for a default route.
    #[default]
    Auto,
    /// No routes are made.
    Off,
    /// This table.
    Number(u32),
}

/// IncludedApplications or ExcludedApplications; a text may have only one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Applications {
    /// Every application uses the tunnel.
    #[default]
    All,
    /// Only these package names.
    Included(Vec<String>),
    /// All but these package names.
    Excluded(Vec<String>),
}

/// `[Peer]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// PublicKey.
    pub public_key: PublicKey,
    /// PresharedKey; 32 zeros are `None`.
    pub preshared_key: Option<PresharedKey>,
    /// AllowedIPs.
    pub allowed_ips: Vec<AllowedIp>,
    /// Endpoint.
    pub endpoint: Option<Endpoint>,
    /// PersistentKeepalive, in seconds; `None` is `off`.
    pub persistent_keepalive: Option<NonZeroU16>,
}

impl Peer {
    /// Whether `allowed_ips` is all that the peer shall have. Otherwise, because some entry has a prefix, all
    /// of them only change what it has, and an entry without a prefix is added.
    pub fn replaces_allowed_ips(&self) -> bool {
        self.allowed_ips.iter().all(|entry| entry.change == AllowedIpChange::Listed)
    }
}

/// One entry of AllowedIPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowedIp {
    /// The network, as written; lookups mask its host bits.
    pub network: IpNet,
    /// What its prefix says.
    pub change: AllowedIpChange,
}

/// The prefix of an entry of AllowedIPs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AllowedIpChange {
    /// None: this entry is part of the peer's whole list.
    #[default]
    Listed,
    /// `+`: add to what the peer has.
    Add,
    /// `-`: take from what the peer has.
    Remove,
}

/// Where a peer is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// An address, with IPv6's zone as a scope id where it is numeric.
    Address(SocketAddr),
    /// A name that is yet to be resolved.
    Name {
        /// The name.
        host: String,
        /// The UDP port.
        port: u16,
    },
}
