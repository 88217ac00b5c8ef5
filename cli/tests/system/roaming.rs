//! Both ends change their address, their port and the IP version in the middle of a TCP connection, and a router
//! between them forgets its NAT: the other end follows, and the connection loses nothing.

use crate::Case;
use crate::lab::daemon::Kind::{self, Adit, WireguardGo};
use crate::lab::internet::{HOSTING, Internet, SERVER};
use crate::lab::needs::{FOREIGN, OURS};
use crate::lab::netns::await_ping;
use crate::lab::stream::Stream;
use crate::lab::tunnel::{End, Family, LEFT, Lab, PORT, RIGHT, Tunnel};
use crate::lab::wait::{LONG, holds, until};
use crate::lab::wg::{self, Dump};

pub(crate) const CASES: &[Case] = &[
    Case { name: "both_ends_roam", needs: OURS, run: || both_ends_roam(Adit, Adit) },
    Case {
        name: "both_ends_roam_with_wireguard_go_as_the_server",
        needs: FOREIGN,
        run: || both_ends_roam(Adit, WireguardGo),
    },
    Case {
        name: "both_ends_roam_with_wireguard_go_as_the_client",
        needs: FOREIGN,
        run: || both_ends_roam(WireguardGo, Adit),
    },
    Case { name: "a_new_nat_mapping_is_followed", needs: OURS, run: || a_new_nat_mapping(Adit, Adit) },
    Case {
        name: "wireguard_go_follows_to_a_new_nat_mapping",
        needs: FOREIGN,
        run: || a_new_nat_mapping(Adit, WireguardGo),
    },
    Case {
        name: "wireguard_go_is_followed_to_a_new_nat_mapping",
        needs: FOREIGN,
        run: || a_new_nat_mapping(WireguardGo, Adit),
    },
];

/// An end that moves while the connection runs, the other one, and where the first one is.
struct Roamer<'a> {
    us: &'a End,
    them: &'a End,
    v4: &'static str,
    v6: &'static str,
}

impl Roamer<'_> {
    fn endpoint(&self, outside: Family) -> String {
        let port = Dump::of(self.us.interface()).listen_port;
        match outside {
            Family::V4 => format!("{}:{port}", self.v4),
            Family::V6 => format!("[{}]:{port}", self.v6),
        }
    }

    /// The old one goes first, so that for a moment there is none.
    fn moves_to(&mut self, address: &'static str, outside: Family) {
        self.delete(outside);
        self.gets(address, outside);
    }

    fn changes_port(&self, port: u16) {
        wg::set(self.us.interface(), &format!("listen-port {port}"));
    }

    /// Loses this end's address of the one IP version and goes on over the other, where the other end is too. While
    /// both were there, each packet on its way from where the other end was would undo `wg set`.
    fn loses(&self, outside: Family, endpoint: &str) {
        self.delete(outside);
        wg::set(self.us.interface(), &format!("peer {} endpoint {endpoint}", self.them.keys.public));
    }

    fn delete(&self, outside: Family) {
        let address = match outside {
            Family::V4 => format!("{}/24", self.v4),
            Family::V6 => format!("{}/64", self.v6),
        };
        self.us.netns().run(&format!("ip address delete {address} dev eth0"));
    }

    /// Has an address of this IP version, in the place of the one before.
    fn gets(&mut self, address: &'static str, outside: Family) {
        let (place, rest) = match outside {
            Family::V4 => (&mut self.v4, "/24 dev eth0"),
            Family::V6 => (&mut self.v6, "/64 dev eth0 nodad"),
        };
        *place = address;
        self.us.netns().run(&format!("ip address add {address}{rest}"));
    }

    /// Where the other end knows this one to be.
    fn seen_at(&self) -> String {
        Dump::of(self.them.interface()).peer(&self.us.keys.public).endpoint.clone()
    }

    /// Waits until the other end knows where this one is, and data moves there.
    #[track_caller]
    fn is_followed(&self, outside: Family, stream: &Stream, when: &str) {
        let place = self.endpoint(outside);
        let what = format!("{} follows to {place} when {when}", self.them.interface());
        until(&what, LONG, || holds(self.seen_at() == place));
        stream.moves_on(when);
    }
}

fn both_ends_roam(left: Kind, right: Kind) {
    let lab = Lab::new();
    await_ping(&lab.left, RIGHT.outside(Family::V6));
    let Tunnel { left, right } = Tunnel::new(&lab, left, right, Family::V4);
    let mut client = Roamer { us: &left, them: &right, v4: "192.0.2.1", v6: "2001:db8::1" };
    let mut server = Roamer { us: &right, them: &left, v4: "192.0.2.2", v6: "2001:db8::2" };
    let stream = Stream::open(&lab.left, &lab.right, RIGHT.inside(Family::V6));
    client.is_followed(Family::V4, &stream, "it has begun");

    client.moves_to("192.0.2.11", Family::V4);
    client.is_followed(Family::V4, &stream, "the client has another IPv4 address");
    client.changes_port(51_111);
    client.is_followed(Family::V4, &stream, "the client has another port");
    client.loses(Family::V4, &server.endpoint(Family::V6));
    client.is_followed(Family::V6, &stream, "the client has only IPv6");
    client.gets("192.0.2.111", Family::V4);
    client.moves_to("2001:db8::11", Family::V6);
    client.is_followed(Family::V6, &stream, "the client has another IPv6 address");

    server.moves_to("2001:db8::22", Family::V6);
    server.is_followed(Family::V6, &stream, "the server has another IPv6 address");
    server.changes_port(52_222);
    server.is_followed(Family::V6, &stream, "the server has another port");
    server.loses(Family::V6, &client.endpoint(Family::V4));
    server.is_followed(Family::V4, &stream, "the server has only IPv4");
    server.moves_to("192.0.2.22", Family::V4);
    server.is_followed(Family::V4, &stream, "the server has another IPv4 address");
    stream.close();
}

/// The router's ports for the client are from this range on. Both commands are one transaction: no packet goes
/// untranslated in between.
fn translate_from(internet: &Internet, port: u16) {
    let rule = format!("oifname {HOSTING} meta l4proto udp masquerade to :{port}-{}", port + 99);
    internet.router.run(&format!("nft flush chain ip nat out ; add rule ip nat out {rule}"));
}

/// A mapping goes with the address that it translates to.
fn renumber(internet: &Internet, old: &str, new: &str) {
    internet.router.run(&format!("ip address delete {old}/24 dev {HOSTING}"));
    internet.router.run(&format!("ip address add {new}/24 dev {HOSTING}"));
}

fn a_new_nat_mapping(left: Kind, right: Kind) {
    let internet = Internet::new();
    let [router, _] = SERVER.router();
    translate_from(&internet, 40_000);
    let client = End::start(left, &internet.client, LEFT);
    let server = End::start(right, &internet.server, RIGHT);
    let endpoint = format!("{}:{PORT}", SERVER.v4);
    let Tunnel { left: client, right: server } = Tunnel::between((client, None), (server, None), &endpoint);
    let stream = Stream::open(&internet.client, &internet.server, RIGHT.inside(Family::V4));
    let is_followed = |address: &str, port: u16, when: &str| {
        until(&format!("the server follows to {address} when {when}"), LONG, || {
            let endpoint = Dump::of(server.interface()).peer(&client.keys.public).endpoint.clone();
            let (seen, seen_port) = endpoint.rsplit_once(':')?;
            let seen_port: u16 = seen_port.parse().ok()?;
            (seen == address && (port..port + 100).contains(&seen_port)).then_some(())
        });
        stream.moves_on(when);
    };
    is_followed(router, 40_000, "it has begun");

    translate_from(&internet, 50_000);
    renumber(&internet, router, router);
    is_followed(router, 50_000, "the router has given it another port");

    renumber(&internet, router, "203.0.113.99");
    is_followed("203.0.113.99", 50_000, "the router has another address");
    stream.close();
}
