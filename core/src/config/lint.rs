//! What is no error but hardly meant: warnings about a configuration that was read. A configuration that does what
//! it seems to gives none.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv6Addr};
use core::ops::Range;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{
    AllowedIp, AllowedIpChange, Attribute, Config, Endpoint, Interface, Parsed, Peer, Section, Spans, Table,
};
use crate::key::PrivateKey;

/// Something in a configuration that its author should look at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct Warning {
    /// What it is.
    pub kind: WarningKind,
    /// Where it is, in octets of the text. Empty where something is missing from a text without sections.
    pub span: Range<usize>,
}

/// What is hardly meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WarningKind {
    /// There is no PrivateKey, and no hook that gives one.
    #[error(
        "[Interface] has no PrivateKey, so the tunnel carries nothing: write one that `adit genkey` made"
    )]
    NoPrivateKey,
    /// An entry of AllowedIPs is an address within its network.
    #[error(
        "AllowedIPs takes `{written}` for {}: write that, or {}/{} for the one address",
        written.trunc(), written.addr(), written.max_prefix_len()
    )]
    HostBits {
        /// As it is written.
        written: IpNet,
    },
    /// Two peers have the same entry of AllowedIPs.
    #[error(
        "{network} is in the AllowedIPs of {earlier}, too, and only one peer can have it, this one: take it from \
         one of them"
    )]
    SameAllowedIp {
        /// The network, masked.
        network: IpNet,
        /// Who had it first.
        earlier: Section,
    },
    /// The peer is this end.
    #[error("this PublicKey is the interface's own, and nobody talks to himself: write the other end's")]
    OwnPublicKey,
    /// Two sections are one peer.
    #[error(
        "{earlier} has this PublicKey, too: both sections become one peer with the AllowedIPs of the later one; \
         write them as one"
    )]
    SamePublicKey {
        /// The section that had it first.
        earlier: Section,
    },
    /// Neither end knows where the other is.
    #[error(
        "{peer} has no Endpoint and [Interface] no ListenPort, so neither end can begin: write one of them"
    )]
    NobodyCanBegin {
        /// Who is not reached.
        peer: Section,
    },
    /// All of IPv4 or of IPv6 goes through the tunnel, and the other does not.
    #[error(
        "all of {taken} goes through the tunnel and {left} goes around it, where others see it: write \
         `0.0.0.0/0, ::/0`"
    )]
    HalfDefaultRoute {
        /// Which goes through the tunnel.
        taken: IpVersion,
        /// Which does not.
        left: IpVersion,
    },
    /// Names are looked up outside the tunnel.
    #[error(
        "the DNS server {server} is in no peer's AllowedIPs, so names are looked up outside the tunnel: add \
         {server} to them"
    )]
    DnsOutside {
        /// The server.
        server: IpAddr,
    },
    /// IPv6 does not work with so small an MTU.
    #[error("IPv6 needs an MTU of {MIN_IPV6_MTU} octets and is off below: write a larger one, or no IPv6")]
    MtuTooSmallForIpv6,
    /// A NAT on the way forgets this end when it is silent.
    #[error(
        "a NAT on the way to {peer} forgets this end when it is silent, and {network} no longer reaches it: write \
         `PersistentKeepalive = 25`"
    )]
    NoKeepalive {
        /// Who is behind the NAT's other side.
        peer: Section,
        /// Who may want to reach this end.
        network: IpNet,
    },
}

/// A version of the Internet Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they say themselves")]
pub enum IpVersion {
    Ipv4,
    Ipv6,
}

impl fmt::Display for IpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        })
    }
}

/// RFC 8200, section 5.
const MIN_IPV6_MTU: u16 = 1280;

/// Where all addresses of the Internet are, of IPv6: 2000::/3.
const INTERNET: Ipv6Addr = Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0);

/// What seems not to be meant by the text that was parsed, in its order.
pub fn lint(text: &str, parsed: &Parsed) -> Vec<Warning> {
    let mut linter = Linter { text, config: &parsed.config, spans: &parsed.spans, warnings: Vec::new() };
    linter.interface();
    linter.peers();
    linter.allowed_ips();
    // wg-quick makes no routes then, so nothing can be said about what goes where.
    if parsed.config.interface.table != Table::Off {
        linter.routes();
    }
    linter.warnings.sort_by_key(|warning| warning.span.start);
    linter.warnings
}

struct Linter<'p> {
    text: &'p str,
    config: &'p Config,
    spans: &'p Spans,
    warnings: Vec<Warning>,
}

impl Linter<'_> {
    fn interface(&mut self) {
        let interface = &self.config.interface;
        if interface.private_key.is_none() && !a_hook_says(interface, &["private-key"]) {
            self.warn(WarningKind::NoPrivateKey, self.header(Section::Interface));
        }
        let has_ipv6 = interface.addresses.iter().any(is_ipv6)
            || self.config.peers.iter().flat_map(networks).any(|network| is_ipv6(&network));
        if interface.mtu.is_some_and(|mtu| mtu < MIN_IPV6_MTU) && has_ipv6 {
            self.warn(WarningKind::MtuTooSmallForIpv6, self.value(Section::Interface, Attribute::Mtu));
        }
    }

    fn peers(&mut self) {
        let interface = &self.config.interface;
        let own_key = interface.private_key.as_ref().map(PrivateKey::public_key);
        let is_found =
            interface.listen_port.is_some() || a_hook_says(interface, &["endpoint", "listen-port"]);
        let peers = &self.config.peers;
        let reached: BTreeSet<_> =
            peers.iter().filter(|peer| peer.endpoint.is_some()).map(|peer| peer.public_key).collect();
        let mut sections = BTreeMap::new();
        for (index, peer) in peers.iter().enumerate() {
            let section = Section::Peer(index + 1);
            if own_key == Some(peer.public_key) {
                self.warn(WarningKind::OwnPublicKey, self.value(section, Attribute::PublicKey));
                continue;
            }
            let earlier = *sections.entry(peer.public_key).or_insert(section);
            if earlier != section {
                let span = self.value(section, Attribute::PublicKey);
                self.warn(WarningKind::SamePublicKey { earlier }, span);
            }
            if !is_found && !reached.contains(&peer.public_key) {
                self.warn(WarningKind::NobodyCanBegin { peer: section }, self.header(section));
            }
            self.keepalive(section, peer);
        }
    }

    /// Whoever only goes out through a tunnel needs no keepalive. This is about ends that others look for: peers
    /// of one private network, of which this end is a member, behind a server on the Internet.
    fn keepalive(&mut self, section: Section, peer: &Peer) {
        let interface = &self.config.interface;
        let Some(endpoint) = &peer.endpoint else { return };
        if peer.persistent_keepalive.is_some() || interface.listen_port.is_some() || is_near(endpoint) {
            return;
        }
        let goes_out = networks(peer).any(|network| network.prefix_len() <= 1);
        let is_ours = |network: &IpNet| {
            let mut own = interface.addresses.iter().map(IpNet::addr);
            let has_others = network.prefix_len() < network.max_prefix_len();
            has_others && is_private(network.network()) && own.any(|own| network.contains(&own))
        };
        if let Some(network) = networks(peer).find(is_ours).filter(|_| !goes_out) {
            let span = self.value(section, Attribute::Endpoint);
            self.warn(WarningKind::NoKeepalive { peer: section, network: network.trunc() }, span);
        }
    }

    fn allowed_ips(&mut self) {
        // Networks, masked, and the peer and the place in its list that each stands at.
        let mut entries: Vec<(IpNet, usize, usize)> = Vec::new();
        for (index, peer) in self.config.peers.iter().enumerate() {
            for (item, entry) in peer.allowed_ips.iter().enumerate() {
                let (written, network) = (entry.network, entry.network.trunc());
                if written != network {
                    self.warn(WarningKind::HostBits { written }, self.allowed_ip(index, item));
                }
                if is_taken(entry) {
                    entries.push((network, index, item));
                }
            }
        }
        // Equal ones side by side, and of each the peers in their order.
        entries.sort();
        for pair in entries.windows(2) {
            let [(network, earlier, _), (other, later, item)] = *pair else { continue };
            let peers = &self.config.peers;
            if network == other && peers[earlier].public_key != peers[later].public_key {
                let earlier = Section::Peer(earlier + 1);
                self.warn(WarningKind::SameAllowedIp { network, earlier }, self.allowed_ip(later, item));
            }
        }
    }

    fn routes(&mut self) {
        let mut ipv4: Vec<Ipv4Net> = Vec::new();
        let mut ipv6: Vec<Ipv6Net> = Vec::new();
        for network in self.config.peers.iter().flat_map(networks) {
            match network.trunc() {
                IpNet::V4(network) => ipv4.push(network),
                IpNet::V6(network) => ipv6.push(network),
            }
        }
        let (ipv4, ipv6) = (Ipv4Net::aggregate(&ipv4), Ipv6Net::aggregate(&ipv6));
        self.half_default_route(&ipv4, &ipv6);
        if !self.config.peers.is_empty() {
            self.dns(&ipv4, &ipv6);
        }
    }

    fn dns(&mut self, ipv4: &[Ipv4Net], ipv6: &[Ipv6Net]) {
        let interface = &self.config.interface;
        let items = self.spans.entries(Section::Interface, Attribute::Dns).flat_map(|entry| &entry.items);
        // The search domains are among the items, and not among the servers.
        let is_server = |item: &Range<usize>| {
            self.text.get(item.clone()).is_some_and(|text| text.parse::<IpAddr>().is_ok())
        };
        let spans: Vec<_> = items.filter(|item| is_server(item)).cloned().collect();
        for (server, span) in interface.dns_servers.iter().zip(spans) {
            let is_through = match server {
                IpAddr::V4(server) => ipv4.iter().any(|network| network.contains(server)),
                IpAddr::V6(server) => ipv6.iter().any(|network| network.contains(server)),
            };
            let is_own = interface.addresses.iter().any(|own| own.addr() == *server);
            if !is_through && !is_own && !server.is_loopback() {
                self.warn(WarningKind::DnsOutside { server: *server }, span);
            }
        }
    }

    /// The networks are as few as can be.
    fn half_default_route(&mut self, ipv4: &[Ipv4Net], ipv6: &[Ipv6Net]) {
        // A list that leaves out the networks at home is as good as a default route.
        let addresses = |network: &Ipv4Net| 1_u64 << (32 - network.prefix_len());
        let has_most_of_ipv4 = ipv4.iter().map(addresses).sum::<u64>() > 1 << 31;
        let internet = Ipv6Net::new_assert(INTERNET, 3);
        let has_most_of_ipv6 = ipv6.iter().any(|network| network.contains(&internet));
        let (taken, left) = match (ipv4, ipv6) {
            ([all], _) if all.prefix_len() == 0 && !has_most_of_ipv6 => (IpVersion::Ipv4, IpVersion::Ipv6),
            (_, [all]) if all.prefix_len() == 0 && !has_most_of_ipv4 => (IpVersion::Ipv6, IpVersion::Ipv4),
            _ => return,
        };
        // Whoever filters the other family knows of it.
        let filters: &[_] = match left {
            IpVersion::Ipv4 => &["iptables ", "nft "],
            IpVersion::Ipv6 => &["ip6tables", "nft ", "disable_ipv6"],
        };
        if a_hook_says(&self.config.interface, filters) {
            return;
        }
        let is_half_or_more = |entry: &AllowedIp| {
            let is_of_family = is_ipv6(&entry.network) == (taken == IpVersion::Ipv6);
            is_taken(entry) && is_of_family && entry.network.prefix_len() <= 1
        };
        let span = self.config.peers.iter().enumerate().find_map(|(index, peer)| {
            let item = peer.allowed_ips.iter().position(is_half_or_more)?;
            Some(self.allowed_ip(index, item))
        });
        self.warn(WarningKind::HalfDefaultRoute { taken, left }, span.unwrap_or_default());
    }

    fn warn(&mut self, kind: WarningKind, span: Range<usize>) {
        self.warnings.push(Warning { kind, span });
    }

    /// A section's header; the text's beginning when there is none.
    fn header(&self, section: Section) -> Range<usize> {
        let found = self.spans.sections.iter().find(|span| span.section == section);
        found.map_or(0..0, |span| span.header.clone())
    }

    /// The value that counts of a key that is there.
    fn value(&self, section: Section, key: Attribute) -> Range<usize> {
        let last = self.spans.entries(section, key).last();
        last.map_or_else(|| self.header(section), |entry| entry.value.clone())
    }

    fn allowed_ip(&self, peer: usize, item: usize) -> Range<usize> {
        let section = Section::Peer(peer + 1);
        let span = self.spans.item(section, Attribute::AllowedIps, item);
        span.unwrap_or_else(|| self.header(section))
    }
}

/// Whether a command that runs before or after the start has one of these words, as `wg set` and filters have them.
fn a_hook_says(interface: &Interface, words: &[&str]) -> bool {
    let mut hooks = interface.pre_up.iter().chain(&interface.post_up);
    hooks.any(|hook| words.iter().any(|word| hook.contains(word)))
}

/// What a peer may have in the end.
fn networks(peer: &Peer) -> impl Iterator<Item = IpNet> {
    peer.allowed_ips.iter().filter(|entry| is_taken(entry)).map(|entry| entry.network)
}

fn is_taken(entry: &AllowedIp) -> bool {
    entry.change != AllowedIpChange::Remove
}

fn is_ipv6(network: &IpNet) -> bool {
    matches!(network, IpNet::V6(_))
}

/// Whether a peer is on this machine or in its own network, so that no NAT is between.
fn is_near(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Address(address) => address.ip().is_loopback() || is_private(address.ip()),
        // A link-local address with its zone.
        Endpoint::Name { host, .. } => host == "localhost" || host.contains('%'),
    }
}

/// Whether the Internet does not route it: RFC 1918, RFC 3927, RFC 4193, RFC 4291 and, of carriers, RFC 6598.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private() || address.is_link_local() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}
