//! A configuration as records. Keys are typed; addresses, networks and endpoints are texts, which are read when the
//! record is used.

use std::fmt::Display;
use std::net::IpAddr;
use std::num::{NonZeroU16, NonZeroU32};
use std::str::FromStr;
use std::sync::Arc;

use adit_core::config::{self, Attribute};
use ipnet::IpNet;

use crate::error::{ConfigError, count};
use crate::keys::{PresharedKey, PrivateKey, PublicKey};

/// A whole configuration.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Config {
    /// This end.
    pub interface: Interface,
    /// The other ends.
    pub peers: Vec<Peer>,
}

/// `[Interface]`.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Interface {
    /// PrivateKey.
    #[uniffi(default)]
    pub private_key: Option<Arc<PrivateKey>>,
    /// ListenPort; null lets the system choose.
    #[uniffi(default)]
    pub listen_port: Option<u16>,
    /// FwMark; null is `off`.
    #[uniffi(default)]
    pub fwmark: Option<u32>,
    /// Address: ours within the tunnel, as in 10.0.0.2/24.
    #[uniffi(default)]
    pub addresses: Vec<String>,
    /// DNS: the servers' addresses.
    #[uniffi(default)]
    pub dns_servers: Vec<String>,
    /// DNS: the search domains.
    #[uniffi(default)]
    pub dns_search: Vec<String>,
    /// MTU, in octets; null: the device chooses.
    #[uniffi(default)]
    pub mtu: Option<u16>,
    /// Table.
    pub table: RouteTable,
    /// PreUp, in order. Adit runs no command; the command line does.
    #[uniffi(default)]
    pub pre_up: Vec<String>,
    /// PostUp, in order.
    #[uniffi(default)]
    pub post_up: Vec<String>,
    /// PreDown, in order.
    #[uniffi(default)]
    pub pre_down: Vec<String>,
    /// PostDown, in order.
    #[uniffi(default)]
    pub post_down: Vec<String>,
    /// SaveConfig.
    #[uniffi(default)]
    pub save_config: bool,
    /// Which applications use the tunnel.
    pub applications: Applications,
}

/// Table: where routes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum RouteTable {
    /// Where the platform puts them.
    Auto,
    /// No routes are made.
    Off,
    /// This table, where the platform has tables.
    Number {
        /// Its number.
        number: u32,
    },
}

/// IncludedApplications or ExcludedApplications.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Applications {
    /// Every application uses the tunnel.
    All,
    /// Only these.
    Included {
        /// Package names.
        names: Vec<String>,
    },
    /// All but these.
    Excluded {
        /// Package names.
        names: Vec<String>,
    },
}

/// `[Peer]`.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Peer {
    /// PublicKey.
    pub public_key: Arc<PublicKey>,
    /// PresharedKey.
    #[uniffi(default)]
    pub preshared_key: Option<Arc<PresharedKey>>,
    /// AllowedIPs.
    #[uniffi(default)]
    pub allowed_ips: Vec<AllowedIp>,
    /// Endpoint: `address:port`, `[IPv6]:port` or `name:port`.
    #[uniffi(default)]
    pub endpoint: Option<String>,
    /// PersistentKeepalive, in seconds; null is `off`.
    #[uniffi(default)]
    pub persistent_keepalive: Option<u16>,
}

/// One entry of AllowedIPs.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct AllowedIp {
    /// The network, as in 10.0.0.0/8; a bare address is a network of one.
    pub network: String,
    /// What its prefix says.
    pub change: AllowedIpChange,
}

/// The prefix of an entry of AllowedIPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum AllowedIpChange {
    /// None: this entry is part of the peer's whole list.
    Listed,
    /// `+`: add to what the peer has.
    Add,
    /// `-`: take from what the peer has.
    Remove,
}

impl From<config::Config> for Config {
    fn from(config: config::Config) -> Self {
        let config::Config { interface, peers } = config;
        Self { interface: interface.into(), peers: peers.into_iter().map(Peer::from).collect() }
    }
}

impl From<config::Interface> for Interface {
    fn from(interface: config::Interface) -> Self {
        Self {
            private_key: interface.private_key.map(|key| Arc::new(PrivateKey(key))),
            listen_port: interface.listen_port.map(NonZeroU16::get),
            fwmark: interface.fwmark.map(NonZeroU32::get),
            addresses: texts(&interface.addresses),
            dns_servers: texts(&interface.dns_servers),
            dns_search: interface.dns_search,
            mtu: interface.mtu,
            table: match interface.table {
                config::Table::Auto => RouteTable::Auto,
                config::Table::Off => RouteTable::Off,
                config::Table::Number(number) => RouteTable::Number { number },
            },
            pre_up: interface.pre_up,
            post_up: interface.post_up,
            pre_down: interface.pre_down,
            post_down: interface.post_down,
            save_config: interface.save_config,
            applications: match interface.applications {
                config::Applications::All => Applications::All,
                config::Applications::Included(names) => Applications::Included { names },
                config::Applications::Excluded(names) => Applications::Excluded { names },
            },
        }
    }
}

impl From<config::Peer> for Peer {
    fn from(peer: config::Peer) -> Self {
        Self {
            public_key: Arc::new(PublicKey(peer.public_key)),
            preshared_key: peer.preshared_key.map(|key| Arc::new(PresharedKey(key))),
            allowed_ips: peer.allowed_ips.into_iter().map(AllowedIp::from).collect(),
            endpoint: peer.endpoint.map(|endpoint| endpoint.to_string()),
            persistent_keepalive: peer.persistent_keepalive.map(NonZeroU16::get),
        }
    }
}

impl From<config::AllowedIp> for AllowedIp {
    fn from(entry: config::AllowedIp) -> Self {
        let change = match entry.change {
            config::AllowedIpChange::Listed => AllowedIpChange::Listed,
            config::AllowedIpChange::Add => AllowedIpChange::Add,
            config::AllowedIpChange::Remove => AllowedIpChange::Remove,
        };
        Self { network: entry.network.to_string(), change }
    }
}

fn texts(values: &[impl Display]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

impl TryFrom<Config> for config::Config {
    type Error = ConfigError;

    fn try_from(config: Config) -> Result<Self, ConfigError> {
        let Config { interface, peers } = config;
        let peers = peers.into_iter().enumerate().map(|(index, peer)| core_peer(index + 1, peer));
        Ok(Self { interface: core_interface(interface)?, peers: peers.collect::<Result<_, _>>()? })
    }
}

fn core_interface(interface: Interface) -> Result<config::Interface, ConfigError> {
    Ok(config::Interface {
        private_key: interface.private_key.map(|key| key.0.clone()),
        listen_port: interface.listen_port.and_then(NonZeroU16::new),
        fwmark: interface.fwmark.and_then(NonZeroU32::new),
        addresses: networks(None, Attribute::Address, &interface.addresses)?,
        dns_servers: each(&interface.dns_servers, |text| value(None, Attribute::Dns, text))?,
        dns_search: interface.dns_search,
        mtu: interface.mtu.filter(|mtu| *mtu != 0),
        table: match interface.table {
            RouteTable::Auto => config::Table::Auto,
            RouteTable::Off => config::Table::Off,
            RouteTable::Number { number } => config::Table::Number(number),
        },
        pre_up: interface.pre_up,
        post_up: interface.post_up,
        pre_down: interface.pre_down,
        post_down: interface.post_down,
        save_config: interface.save_config,
        applications: match interface.applications {
            Applications::All => config::Applications::All,
            Applications::Included { names } => config::Applications::Included(names),
            Applications::Excluded { names } => config::Applications::Excluded(names),
        },
    })
}

/// A peer by its number, counted from 1.
fn core_peer(number: usize, peer: Peer) -> Result<config::Peer, ConfigError> {
    let number = Some(number);
    Ok(config::Peer {
        public_key: peer.public_key.0,
        preshared_key: peer.preshared_key.map(|key| key.0.clone()),
        allowed_ips: peer
            .allowed_ips
            .iter()
            .map(|entry| {
                let network = network(number, Attribute::AllowedIps, &entry.network)?;
                let change = match entry.change {
                    AllowedIpChange::Listed => config::AllowedIpChange::Listed,
                    AllowedIpChange::Add => config::AllowedIpChange::Add,
                    AllowedIpChange::Remove => config::AllowedIpChange::Remove,
                };
                Ok(config::AllowedIp { network, change })
            })
            .collect::<Result<_, ConfigError>>()?,
        endpoint: peer.endpoint.map(|text| value(number, Attribute::Endpoint, &text)).transpose()?,
        persistent_keepalive: peer.persistent_keepalive.and_then(NonZeroU16::new),
    })
}

fn each<T>(texts: &[String], read: impl Fn(&str) -> Result<T, ConfigError>) -> Result<Vec<T>, ConfigError> {
    texts.iter().map(|text| read(text)).collect()
}

fn networks(peer: Option<usize>, key: Attribute, texts: &[String]) -> Result<Vec<IpNet>, ConfigError> {
    each(texts, |text| network(peer, key, text))
}

/// A bare address is a network of one, as in a configuration's text.
pub(crate) fn network(peer: Option<usize>, key: Attribute, text: &str) -> Result<IpNet, ConfigError> {
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(address.into()),
        Err(_) => value(peer, key, text),
    }
}

fn value<T: FromStr>(peer: Option<usize>, key: Attribute, text: &str) -> Result<T, ConfigError> {
    text.parse().map_err(|_| {
        let section = peer.map_or(config::Section::Interface, config::Section::Peer);
        ConfigError::Value {
            reason: format!("{key} in {section} must be {}, not `{text}`", key.expected()),
            peer: peer.map(count),
            key: key.name().to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
[Interface]
PrivateKey = cAdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LGo=
ListenPort = 51820
FwMark = 0x1234
Address = 10.0.0.2/24, fd00::2/64
DNS = 10.0.0.1, corp.example
MTU = 1380
Table = 7
PreUp = echo a
PostUp = echo b
PreDown = echo c
PostDown = echo d
SaveConfig = true
ExcludedApplications = org.example.bank

[Peer]
PublicKey = hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=
PresharedKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
AllowedIPs = +10.0.0.0/8, -fd00::/8, 192.0.2.1/32
Endpoint = vpn.example:51820
PersistentKeepalive = 25
";

    #[test]
    fn a_configuration_survives_the_way_to_records_and_back() {
        let parsed = config::parse(TEXT).unwrap().config;
        let records = Config::from(parsed.clone());
        assert_eq!(config::Config::try_from(records.clone()), Ok(parsed.clone()));
        assert_eq!(*config::write(&parsed).unwrap(), TEXT);
        assert!(!format!("{records:?}").contains("cAdtC"));
    }

    #[test]
    fn a_bare_address_is_a_network_of_one() {
        let mut records = Config::from(config::parse(TEXT).unwrap().config);
        records.interface.addresses = vec!["10.0.0.2".to_owned(), "fd00::2".to_owned()];
        let config = config::Config::try_from(records).unwrap();
        let networks = ["10.0.0.2/32", "fd00::2/128"].map(|text| text.parse().unwrap());
        assert_eq!(config.interface.addresses, networks);
    }

    #[test]
    fn a_field_that_no_text_could_say_is_named() {
        let mut records = Config::from(config::parse(TEXT).unwrap().config);
        records.peers[0].allowed_ips[1].network = "10.0.0.0/33".to_owned();
        let Err(ConfigError::Value { reason, peer, key }) = config::Config::try_from(records) else {
            panic!()
        };
        assert_eq!((peer, key.as_str()), (Some(1), "AllowedIPs"));
        assert!(reason.starts_with("AllowedIPs in [Peer] 1 must be networks"), "{reason}");
    }
}
