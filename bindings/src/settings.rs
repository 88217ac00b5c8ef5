//! What a platform's VPN API wants to know of a configuration: Android's `VpnService.Builder`, Apple's
//! `NEPacketTunnelNetworkSettings`. Where the platforms differ, it is said here, and nowhere in the apps.

use std::collections::BTreeSet;
use std::net::IpAddr;

use adit_core::config::{self, AllowedIpChange, Attribute};
use ipnet::{IpNet, Ipv6Net};

use crate::caught::caught;
use crate::config::{self as records, Applications, Config, Interface};
use crate::error::ConfigError;

/// The MTU where the configuration names none: IPv6's least, which fits through every mobile network.
const DEFAULT_MTU: u16 = 1280;

/// The longest prefix with which an IPv6 address of the interface's own takes effect on iOS.
const LONGEST_APPLE_IPV6_PREFIX: u8 = 120;

/// Whose VPN API is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Platform {
    /// `VpnService.Builder`.
    Android,
    /// `NEPacketTunnelNetworkSettings`, of iOS and of macOS.
    Apple,
}

/// What the VPN API wants to know.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct NetworkSettings {
    /// The interface's own addresses, host bits and all.
    pub addresses: Vec<IpNetwork>,
    /// What goes through the tunnel, host bits masked.
    pub included_routes: Vec<IpNetwork>,
    /// What goes around it though a wider included route has it, host bits masked: AllowedIPs with a `-`.
    pub excluded_routes: Vec<IpNetwork>,
    /// DNS servers' addresses.
    pub dns_servers: Vec<String>,
    /// Search domains.
    pub search_domains: Vec<String>,
    /// In octets.
    pub mtu: u16,
    /// Android: what `allowFamily` is called with. Families that are missing are blocked, so that nothing leaks past a
    /// tunnel that takes everything of the other family. Apple: which of the two families' settings are to be set.
    pub address_families: Vec<AddressFamily>,
    /// Which applications use the tunnel. Apple has no such list.
    pub applications: Applications,
}

/// An address or a route.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct IpNetwork {
    /// The address, without its prefix.
    pub address: String,
    /// Bits of the network.
    pub prefix_length: u8,
    /// The same as a mask, as Apple wants it of IPv4; null for IPv6.
    pub subnet_mask: Option<String>,
    /// Which of the two.
    pub family: AddressFamily,
}

/// A version of the Internet Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum AddressFamily {
    /// AF_INET.
    Ipv4,
    /// AF_INET6.
    Ipv6,
}

/// What a platform's VPN API wants to know of a configuration.
#[uniffi::export]
pub fn network_settings(config: Config, platform: Platform) -> Result<NetworkSettings, ConfigError> {
    caught(|| {
        let core: config::Config = config.clone().try_into()?;
        Ok(settings(config.interface, &core, platform))
    })
}

/// The same with the excluded routes cut out of the included ones: for Android before 13, whose `VpnService.Builder`
/// has no `excludeRoute`.
#[uniffi::export]
pub fn without_excluded_routes(settings: NetworkSettings) -> Result<NetworkSettings, ConfigError> {
    caught(|| {
        let included = networks(&settings.included_routes)?;
        let excluded = networks(&settings.excluded_routes)?;
        let rest: BTreeSet<IpNet> = included.into_iter().flat_map(|route| cut(route, &excluded)).collect();
        let included_routes = rest.into_iter().map(IpNetwork::from).collect();
        Ok(NetworkSettings { included_routes, excluded_routes: Vec::new(), ..settings })
    })
}

/// What is left of a route without the holes that lie in it. A hole around it is none: the longer prefix wins.
fn cut(route: IpNet, holes: &[IpNet]) -> Vec<IpNet> {
    if holes.contains(&route) {
        return Vec::new();
    }
    if !holes.iter().any(|hole| route.contains(hole)) {
        return vec![route];
    }
    // It is wider than a hole, so it has halves.
    let halves = route.subnets(route.prefix_len() + 1).into_iter().flatten();
    halves.flat_map(|half| cut(half, holes)).collect()
}

fn networks(routes: &[IpNetwork]) -> Result<Vec<IpNet>, ConfigError> {
    let read = |route: &IpNetwork| {
        records::network(None, Attribute::AllowedIps, &format!("{}/{}", route.address, route.prefix_length))
    };
    routes.iter().map(read).collect()
}

fn settings(interface: Interface, config: &config::Config, platform: Platform) -> NetworkSettings {
    let Routes { mut included, excluded } = Routes::of(config);
    let mut addresses = config.interface.addresses.clone();
    let families = match platform {
        Platform::Android => android_families(config, &included),
        Platform::Apple => families(addresses.iter().map(IpNet::addr)),
    };
    if platform == Platform::Apple {
        // Linux makes these routes by itself when it is given the address.
        included.extend(addresses.iter().map(IpNet::trunc));
        addresses = addresses.into_iter().map(apple_address).collect();
    }
    NetworkSettings {
        addresses: addresses.into_iter().map(IpNetwork::from).collect(),
        included_routes: included.into_iter().map(IpNetwork::from).collect(),
        excluded_routes: excluded.into_iter().map(IpNetwork::from).collect(),
        dns_servers: interface.dns_servers,
        search_domains: interface.dns_search,
        mtu: config.interface.mtu.unwrap_or(DEFAULT_MTU),
        address_families: families,
        applications: interface.applications,
    }
}

struct Routes {
    included: BTreeSet<IpNet>,
    excluded: BTreeSet<IpNet>,
}

impl Routes {
    /// `Table = off` makes no routes, as with wg-quick.
    fn of(config: &config::Config) -> Self {
        let mut routes = Self { included: BTreeSet::new(), excluded: BTreeSet::new() };
        if config.interface.table == config::Table::Off {
            return routes;
        }
        let mut removed = Vec::new();
        for peer in &config.peers {
            let mut its_own = BTreeSet::new();
            for entry in &peer.allowed_ips {
                let network = entry.network.trunc();
                match entry.change {
                    AllowedIpChange::Listed | AllowedIpChange::Add => drop(its_own.insert(network)),
                    AllowedIpChange::Remove => {
                        its_own.remove(&network);
                        removed.push(network);
                    }
                }
            }
            routes.included.append(&mut its_own);
        }
        let goes_around = |network: &IpNet| {
            !routes.included.contains(network) && routes.included.iter().any(|route| route.contains(network))
        };
        routes.excluded = removed.into_iter().filter(goes_around).collect();
        routes
    }
}

/// A tunnel to a single peer that takes all of one family blocks the other if it has nothing of it. With every other
/// tunnel a family that it does not carry goes around it.
fn android_families(config: &config::Config, included: &BTreeSet<IpNet>) -> Vec<AddressFamily> {
    let takes_everything = config.peers.len() == 1 && included.iter().any(|route| route.prefix_len() == 0);
    if !takes_everything {
        return vec![AddressFamily::Ipv4, AddressFamily::Ipv6];
    }
    let interface = &config.interface;
    let networks = interface.addresses.iter().chain(included).map(IpNet::addr);
    families(networks.chain(interface.dns_servers.iter().copied()))
}

fn families(addresses: impl Iterator<Item = IpAddr> + Clone) -> Vec<AddressFamily> {
    let has = |family| addresses.clone().any(|address| AddressFamily::from(address) == family);
    [AddressFamily::Ipv4, AddressFamily::Ipv6].into_iter().filter(|family| has(*family)).collect()
}

fn apple_address(network: IpNet) -> IpNet {
    match network {
        IpNet::V6(network) if network.prefix_len() > LONGEST_APPLE_IPV6_PREFIX => {
            Ipv6Net::new_assert(network.addr(), LONGEST_APPLE_IPV6_PREFIX).into()
        }
        network => network,
    }
}

impl From<IpNet> for IpNetwork {
    fn from(network: IpNet) -> Self {
        let subnet_mask = match network {
            IpNet::V4(network) => Some(network.netmask().to_string()),
            IpNet::V6(_) => None,
        };
        Self {
            address: network.addr().to_string(),
            prefix_length: network.prefix_len(),
            subnet_mask,
            family: network.addr().into(),
        }
    }
}

impl From<IpAddr> for AddressFamily {
    fn from(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::Ipv4 } else { Self::Ipv6 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::parse_config;

    fn settings_of(text: &str, platform: Platform) -> NetworkSettings {
        network_settings(parse_config(text.to_owned()).unwrap().config, platform).unwrap()
    }

    fn texts(networks: &[IpNetwork]) -> Vec<String> {
        networks.iter().map(|network| format!("{}/{}", network.address, network.prefix_length)).collect()
    }

    /// A peer with these allowed IPs.
    fn peer(allowed_ips: &str) -> String {
        let key = adit_core::key::PublicKey::from_bytes([allowed_ips.len() as u8; 32]);
        format!("[Peer]\nPublicKey = {key}\nAllowedIPs = {allowed_ips}\n")
    }

    const INTERFACE: &str = "[Interface]\nAddress = 10.0.0.2/24, fd00::2/128\nDNS = 10.0.0.1, corp.example\n";

    #[test]
    fn routes_are_masked_and_each_is_there_once() {
        let text = [INTERFACE, &peer("10.1.2.3/16, 192.0.2.1"), &peer("10.1.0.0/16, fd00:1::1/64")].concat();
        let settings = settings_of(&text, Platform::Android);
        assert_eq!(texts(&settings.included_routes), ["10.1.0.0/16", "192.0.2.1/32", "fd00:1::/64"]);
        assert_eq!(texts(&settings.excluded_routes), [""; 0]);
        assert_eq!(texts(&settings.addresses), ["10.0.0.2/24", "fd00::2/128"]);
        assert_eq!(settings.included_routes[0].subnet_mask.as_deref(), Some("255.255.0.0"));
        assert_eq!(settings.included_routes[2].subnet_mask, None);
        assert_eq!(
            (settings.dns_servers, settings.search_domains),
            (vec!["10.0.0.1".to_owned()], vec!["corp.example".to_owned()])
        );
        assert_eq!(settings.mtu, 1280);
    }

    #[test]
    fn what_is_taken_away_goes_around_the_tunnel() {
        let text =
            [INTERFACE, &peer("0.0.0.0/0, -192.168.7.0/16, +10.0.0.0/8, -10.0.0.0/8, -fd00::/8")].concat();
        let settings = settings_of(&text, Platform::Android);
        assert_eq!(texts(&settings.included_routes), ["0.0.0.0/0"]);
        assert_eq!(texts(&settings.excluded_routes), ["10.0.0.0/8", "192.168.0.0/16"]);

        // Unless another peer has it.
        let settings = settings_of(&[text, peer("10.0.0.0/8")].concat(), Platform::Android);
        assert_eq!(texts(&settings.excluded_routes), ["192.168.0.0/16"]);
    }

    #[test]
    fn what_goes_around_the_tunnel_can_be_cut_out_instead() {
        let text = [INTERFACE, &peer("0.0.0.0/2, -16.0.0.0/4, 16.1.0.0/16, ::/0, -8000::/1")].concat();
        let settings = without_excluded_routes(settings_of(&text, Platform::Android)).unwrap();
        assert_eq!(texts(&settings.included_routes), ["0.0.0.0/4", "16.1.0.0/16", "32.0.0.0/3", "::/1"]);
        assert_eq!(texts(&settings.excluded_routes), [""; 0]);
        assert_eq!(without_excluded_routes(settings.clone()), Ok(settings.clone()));

        let mut wrong = settings;
        wrong.included_routes[0].prefix_length = 33;
        assert!(matches!(without_excluded_routes(wrong), Err(ConfigError::Value { .. })));
    }

    #[test]
    fn table_off_makes_no_routes() {
        let text = [INTERFACE, "Table = off\nMTU = 1400\n", &peer("0.0.0.0/0, -10.0.0.0/8")].concat();
        let settings = settings_of(&text, Platform::Android);
        assert_eq!((settings.included_routes, settings.excluded_routes), (vec![], vec![]));
        assert_eq!(settings.mtu, 1400);
    }

    #[test]
    fn apple_is_told_the_routes_that_linux_makes_by_itself() {
        let settings = settings_of(&[INTERFACE, &peer("10.1.0.0/16")].concat(), Platform::Apple);
        assert_eq!(texts(&settings.addresses), ["10.0.0.2/24", "fd00::2/120"]);
        assert_eq!(texts(&settings.included_routes), ["10.0.0.0/24", "10.1.0.0/16", "fd00::2/128"]);
        assert_eq!(settings.address_families, [AddressFamily::Ipv4, AddressFamily::Ipv6]);
    }

    #[test]
    fn a_family_is_blocked_where_it_would_leak_and_only_there() {
        use AddressFamily::{Ipv4, Ipv6};
        let ipv4 = "[Interface]\nAddress = 10.0.0.2/32\n";
        let of = |text: &[&str]| settings_of(&text.concat(), Platform::Android).address_families;
        assert_eq!(of(&[ipv4, &peer("0.0.0.0/0")]), [Ipv4]);
        assert_eq!(of(&[ipv4, &peer("0.0.0.0/0, ::/0")]), [Ipv4, Ipv6]);
        assert_eq!(of(&[ipv4, "DNS = fd00::1\n", &peer("0.0.0.0/0")]), [Ipv4, Ipv6]);
        assert_eq!(of(&[ipv4, &peer("10.0.0.0/8")]), [Ipv4, Ipv6]);
        assert_eq!(of(&[ipv4, &peer("0.0.0.0/0"), &peer("10.0.0.0/8")]), [Ipv4, Ipv6]);
        assert_eq!(settings_of(&[ipv4, &peer("::/0")].concat(), Platform::Apple).address_families, [Ipv4]);
    }
}
