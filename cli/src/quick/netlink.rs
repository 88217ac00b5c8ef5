//! What the kernel knows and is told of links, addresses, routes and rules, over rtnetlink. Which of them an
//! interface needs is not known here.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::pin;

use futures_util::{Stream, StreamExt};
use ipnet::IpNet;
use nix::errno::Errno;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, AddressScope};
use rtnetlink::packet_route::link::LinkAttribute;
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteMetric, RouteProtocol, RouteScope,
};
use rtnetlink::packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage};
use rtnetlink::{Handle, IpVersion, LinkUnspec, RouteMessageBuilder};
use serde::{Deserialize, Serialize};

/// The table that every lookup ends in.
pub(super) const MAIN_TABLE: u32 = 254;

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    /// The family of a network.
    pub(super) fn of(network: IpNet) -> Self {
        match network {
            IpNet::V4(_) => Self::V4,
            IpNet::V6(_) => Self::V6,
        }
    }

    fn number(self) -> AddressFamily {
        match self {
            Self::V4 => AddressFamily::Inet,
            Self::V6 => AddressFamily::Inet6,
        }
    }

    fn version(self) -> IpVersion {
        match self {
            Self::V4 => IpVersion::V4,
            Self::V6 => IpVersion::V6,
        }
    }

    /// The network of every address.
    fn everything(self) -> IpNet {
        match self {
            Self::V4 => IpNet::new_assert(Ipv4Addr::UNSPECIFIED.into(), 0),
            Self::V6 => IpNet::new_assert(Ipv6Addr::UNSPECIFIED.into(), 0),
        }
    }
}

/// An address of an interface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    /// With its host bits.
    pub network: IpNet,
    /// Whether the kernel has made it up itself.
    pub is_generated: bool,
}

/// A route, as far as anybody here asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub destination: IpNet,
    pub table: u32,
    /// The index of the interface; a route to several has none.
    pub interface: Option<u32>,
    /// The route's own, in octets.
    pub mtu: Option<u32>,
}

/// One of the two rules that a default route needs, at its place among all rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rule {
    pub family: Family,
    /// The kernel asks lower numbers first.
    pub priority: u32,
    pub lookup: Lookup,
}

/// What a [`Rule`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Lookup {
    /// `not fwmark TABLE lookup TABLE`: all but the tunnel's own packets.
    Unmarked(u32),
    /// `lookup main suppress_prefixlength 0`: the main table without its default routes.
    MainButDefault,
}

/// A connection to the kernel. To be made within a runtime, which it needs from then on.
pub(super) struct Kernel(Handle);

impl Kernel {
    pub(super) fn connect() -> io::Result<Self> {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        tokio::spawn(connection);
        Ok(Self(handle))
    }

    /// The MTU of an interface.
    pub(super) async fn mtu(&self, index: u32) -> io::Result<Option<u32>> {
        let links = collect(self.0.link().get().match_index(index).execute()).await?;
        Ok(links.iter().flat_map(|link| &link.attributes).find_map(|attribute| match attribute {
            LinkAttribute::Mtu(mtu) => Some(*mtu),
            _ => None,
        }))
    }

    pub(super) async fn set_mtu_and_up(&self, index: u32, mtu: u32) -> io::Result<()> {
        let link = LinkUnspec::new_with_index(index).mtu(mtu).up().build();
        self.0.link().set(link).execute().await.map_err(system)
    }

    pub(super) async fn delete_link(&self, index: u32) -> io::Result<()> {
        self.0.link().del(index).execute().await.map_err(system)
    }

    /// The addresses of an interface, in the kernel's order.
    pub(super) async fn addresses(&self, index: u32) -> io::Result<Vec<Address>> {
        let found = collect(self.0.address().get().set_link_index_filter(index).execute()).await?;
        Ok(found.iter().filter_map(read_address).collect())
    }

    /// As `ip address add` does it: no broadcast address, and loopback's only for this host.
    pub(super) async fn add_address(&self, index: u32, address: IpNet) -> io::Result<()> {
        let mut request = self.0.address().add(index, address.addr(), address.prefix_len());
        let message = request.message_mut();
        message.attributes.retain(|attribute| !matches!(attribute, AddressAttribute::Broadcast(_)));
        if address.addr().is_ipv4() && address.addr().is_loopback() {
            message.header.scope = AddressScope::Host;
        }
        request.execute().await.map_err(system)
    }

    /// Every route of every table.
    pub(super) async fn routes(&self, family: Family) -> io::Result<Vec<Route>> {
        let mut all = RouteMessage::default();
        all.header.address_family = family.number();
        let found = collect(self.0.route().get(all).execute()).await?;
        Ok(found.iter().filter_map(read_route).collect())
    }

    /// The route that a packet to this address would take; `None` when it would take none, for whichever reason.
    pub(super) async fn route_to(&self, address: IpAddr) -> io::Result<Option<Route>> {
        let host = IpNet::from(address);
        let request = route_message(host);
        match collect(self.0.route().get(request).execute()).await {
            Ok(found) => Ok(found.first().and_then(read_route)),
            Err(_) => Ok(None),
        }
    }

    /// As `ip route add NETWORK dev INTERFACE table TABLE` does it.
    pub(super) async fn add_route(&self, network: IpNet, index: u32, table: u32) -> io::Result<()> {
        let mut route = route_message(network);
        route.header.protocol = RouteProtocol::Boot;
        route.attributes.push(RouteAttribute::Oif(index));
        match u8::try_from(table) {
            Ok(table) => route.header.table = table,
            Err(_) => {
                route.header.table = 0;
                route.attributes.push(RouteAttribute::Table(table));
            }
        }
        if network.addr().is_ipv4() {
            route.header.scope = RouteScope::Link;
        }
        self.0.route().add(route).execute().await.map_err(system)
    }

    /// The rules of the two kinds that a default route needs, in the order in which the kernel asks them.
    pub(super) async fn rules(&self, family: Family) -> io::Result<Vec<Rule>> {
        match collect(self.0.rule().get(family.version()).execute()).await {
            Ok(found) => Ok(found.iter().filter_map(|message| read_rule(family, message)).collect()),
            // As where IPv6 is turned off.
            Err(error) if error.raw_os_error() == Some(Errno::EAFNOSUPPORT as i32) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The place that the kernel would give to a new rule: before all but the first, which is the local table's.
    pub(super) async fn next_priority(&self, family: Family) -> io::Result<u32> {
        let found = collect(self.0.rule().get(family.version()).execute()).await?;
        Ok(found.get(1).map_or(0, |second| priority(second).saturating_sub(1)))
    }

    pub(super) async fn add_rule(&self, rule: Rule) -> io::Result<()> {
        let mut request = self.0.rule().add();
        *request.message_mut() = write_rule(rule);
        request.execute().await.map_err(system)
    }

    pub(super) async fn delete_rule(&self, rule: Rule) -> io::Result<()> {
        self.0.rule().del(write_rule(rule)).execute().await.map_err(system)
    }
}

/// The index of an interface, if there is one of this name.
pub(super) fn index_of(interface: &str) -> Option<u32> {
    nix::net::if_::if_nametoindex(interface).ok()
}

fn system(error: rtnetlink::Error) -> io::Error {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other),
    }
}

async fn collect<T>(found: impl Stream<Item = Result<T, rtnetlink::Error>>) -> io::Result<Vec<T>> {
    let mut found = pin!(found);
    let mut all = Vec::new();
    while let Some(next) = found.next().await {
        all.push(next.map_err(system)?);
    }
    Ok(all)
}

fn read_address(message: &AddressMessage) -> Option<Address> {
    let attributes = &message.attributes;
    // Local differs from the address where the far end of a link is named.
    let local = attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let address = local.or_else(|| {
        attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })?;
    let is_generated = attributes.iter().any(|attribute| {
        matches!(attribute, AddressAttribute::Flags(flags) if flags.contains(AddressFlags::StablePrivacy))
    });
    let network = IpNet::new(address, message.header.prefix_len).ok()?;
    Some(Address { network, is_generated })
}

fn read_route(message: &RouteMessage) -> Option<Route> {
    let family = match message.header.address_family {
        AddressFamily::Inet => Family::V4,
        AddressFamily::Inet6 => Family::V6,
        _ => return None,
    };
    let mut route = Route {
        destination: family.everything(),
        table: message.header.table.into(),
        interface: None,
        mtu: None,
    };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(destination) => {
                let address: IpAddr = match destination {
                    RouteAddress::Inet(address) => (*address).into(),
                    RouteAddress::Inet6(address) => (*address).into(),
                    _ => return None,
                };
                route.destination = IpNet::new(address, message.header.destination_prefix_length).ok()?;
            }
            RouteAttribute::Table(table) => route.table = *table,
            RouteAttribute::Oif(index) => route.interface = Some(*index),
            RouteAttribute::Metrics(metrics) => {
                route.mtu = metrics.iter().find_map(|metric| match metric {
                    RouteMetric::Mtu(mtu) => Some(*mtu),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    Some(route)
}

fn route_message(network: IpNet) -> RouteMessage {
    match network.trunc() {
        IpNet::V4(network) => RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(network.addr(), network.prefix_len())
            .build(),
        IpNet::V6(network) => RouteMessageBuilder::<Ipv6Addr>::new()
            .destination_prefix(network.addr(), network.prefix_len())
            .build(),
    }
}

fn priority(message: &RuleMessage) -> u32 {
    let found = message.attributes.iter().find_map(|attribute| match attribute {
        RuleAttribute::Priority(priority) => Some(*priority),
        _ => None,
    });
    // The kernel leaves out a 0.
    found.unwrap_or_default()
}

fn read_rule(family: Family, message: &RuleMessage) -> Option<Rule> {
    let (mut table, mut mark, mut suppressed) = (u32::from(message.header.table), None, None);
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Table(number) => table = *number,
            RuleAttribute::FwMark(number) => mark = Some(*number),
            // All ones: nothing is suppressed.
            RuleAttribute::SuppressPrefixLen(u32::MAX) => {}
            RuleAttribute::SuppressPrefixLen(length) => suppressed = Some(*length),
            RuleAttribute::Priority(_) | RuleAttribute::Protocol(_) | RuleAttribute::FwMask(u32::MAX) => {}
            // It asks for more, so somebody else made it.
            _ => return None,
        }
    }
    let is_inverted = message.header.flags.contains(RuleFlags::Invert);
    let lookup = match (is_inverted, mark, suppressed) {
        (true, Some(mark), None) if mark == table => Lookup::Unmarked(table),
        (false, None, Some(0)) if table == MAIN_TABLE => Lookup::MainButDefault,
        _ => return None,
    };
    (message.header.action == RuleAction::ToTable).then(|| Rule {
        family,
        priority: priority(message),
        lookup,
    })
}

fn write_rule(rule: Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = rule.family.number();
    message.header.action = RuleAction::ToTable;
    message.attributes.push(RuleAttribute::Priority(rule.priority));
    match rule.lookup {
        Lookup::Unmarked(table) => {
            message.header.flags |= RuleFlags::Invert;
            message.attributes.push(RuleAttribute::FwMark(table));
            message.attributes.push(RuleAttribute::Table(table));
        }
        Lookup::MainButDefault => {
            message.attributes.push(RuleAttribute::Table(MAIN_TABLE));
            message.attributes.push(RuleAttribute::SuppressPrefixLen(0));
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        for lookup in [Lookup::Unmarked(51820), Lookup::Unmarked(7), Lookup::MainButDefault] {
            for family in [Family::V4, Family::V6] {
                let rule = Rule { family, priority: 32765, lookup };
                assert_eq!(read_rule(family, &write_rule(rule)), Some(rule));
            }
        }
    }

    #[test]
    fn rules_of_others_are_not_taken_for_ours() {
        let unmarked = Rule { family: Family::V4, priority: 5, lookup: Lookup::Unmarked(9) };
        let mut plain = write_rule(unmarked);
        plain.header.flags = RuleFlags::empty();
        assert_eq!(read_rule(Family::V4, &plain), None);

        let mut elsewhere = write_rule(unmarked);
        elsewhere.attributes.retain(|attribute| !matches!(attribute, RuleAttribute::Table(_)));
        elsewhere.header.table = 254;
        assert_eq!(read_rule(Family::V4, &elsewhere), None);
    }
}
