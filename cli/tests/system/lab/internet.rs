//! A small Internet: a client at home behind a router with NAT, a server with a network of its own behind it, and a
//! site that serves whoever reaches it. Who came by which way shows in the address that the site sees.

use super::netns::{Netns, Plug, await_ping, cable};
use super::snapshot::settle;

/// An end of an arm of the router, the prefixes' last part being 254 and fe at the router.
pub(crate) struct Place {
    pub v4: &'static str,
    pub v6: &'static str,
    router_v4: &'static str,
    router_v6: &'static str,
}

/// At home, where IPv4 addresses are private.
pub(crate) const CLIENT: Place = Place {
    v4: "192.168.77.4",
    v6: "2001:db8:77::4",
    router_v4: "192.168.77.254",
    router_v6: "2001:db8:77::fe",
};

pub(crate) const SERVER: Place = Place {
    v4: "203.0.113.1",
    v6: "2001:db8:113::1",
    router_v4: "203.0.113.254",
    router_v6: "2001:db8:113::fe",
};

pub(crate) const SITE: Place = Place {
    v4: "198.51.100.80",
    v6: "2001:db8:51::80",
    router_v4: "198.51.100.254",
    router_v6: "2001:db8:51::fe",
};

/// A place for one more machine.
pub(crate) const ELSEWHERE: Place =
    Place { v4: "192.0.2.1", v6: "2001:db8:2::1", router_v4: "192.0.2.254", router_v6: "2001:db8:2::fe" };

/// A place for yet another.
pub(crate) const FAR_AWAY: Place =
    Place { v4: "198.18.0.1", v6: "2001:db8:18::1", router_v4: "198.18.0.254", router_v6: "2001:db8:18::fe" };

impl Place {
    /// The router's own address in the same network.
    pub(crate) const fn router(&self) -> [&'static str; 2] {
        [self.router_v4, self.router_v6]
    }
}

/// The host behind the server, in the networks that the introductions name.
pub(crate) const HOST_V4: &str = "10.123.45.7";
pub(crate) const HOST_V6: &str = "1234:4567:89ab::7";

/// The router's interface to the client.
pub(crate) const HOME: &str = "home";
/// The router's interface to the server.
pub(crate) const HOSTING: &str = "hosting";

/// The namespaces. Each has its Internet-facing interface named eth0.
pub(crate) struct Internet {
    pub router: Netns,
    pub client: Netns,
    pub server: Netns,
    pub host: Netns,
    pub site: Netns,
}

impl Internet {
    pub(crate) fn new() -> Self {
        let [router, client, server, host, site] = std::array::from_fn(|_| Netns::new());
        forwards(&router);
        router.run("nft add table ip nat");
        router.run("nft add chain ip nat out { type nat hook postrouting priority srcnat ; }");
        router.run(&format!("nft add rule ip nat out iifname {HOME} masquerade"));
        let internet = Self { router, client, server, host, site };
        internet.join(&internet.client, &CLIENT, HOME);
        internet.join(&internet.server, &SERVER, HOSTING);
        internet.join(&internet.site, &SITE, "serving");
        internet.network_behind_the_server();
        for (from, to) in [
            (&internet.client, SERVER.v6),
            (&internet.client, SITE.v6),
            (&internet.server, SITE.v6),
            (&internet.host, SITE.v6),
        ] {
            await_ping(from, to);
        }
        [&internet.client, &internet.server].into_iter().for_each(settle);
        internet
    }

    /// Joins a namespace to the router by an interface that is named so there.
    pub(crate) fn join(&self, netns: &Netns, place: &Place, name: &str) {
        cable(
            &Plug { netns, interface: "eth0", v4: place.v4, v6: place.v6 },
            &Plug { netns: &self.router, interface: name, v4: place.router_v4, v6: place.router_v6 },
            1500,
        );
        default_route(netns, place.router());
    }

    /// Nobody but the server knows it in IPv4; in IPv6 it is reachable from everywhere, as networks there are.
    fn network_behind_the_server(&self) {
        const GATEWAY: [&str; 2] = ["10.123.45.254", "1234:4567:89ab::fe"];
        cable(
            &Plug { netns: &self.host, interface: "eth0", v4: HOST_V4, v6: HOST_V6 },
            &Plug { netns: &self.server, interface: "eth1", v4: GATEWAY[0], v6: GATEWAY[1] },
            1500,
        );
        default_route(&self.host, GATEWAY);
        forwards(&self.server);
        self.router.run(&format!("ip -6 route add 1234:4567:89ab::/48 via {}", SERVER.v6));
    }
}

fn default_route(netns: &Netns, gateway: [&str; 2]) {
    gateway.iter().for_each(|address| drop(netns.run(&format!("ip route add default via {address}"))));
}

fn forwards(netns: &Netns) {
    netns.run("sysctl -q net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
}
