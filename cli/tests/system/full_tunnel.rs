//! A client that sends everything through its tunnel: nothing goes past it, whether the server is there or not, and
//! afterwards everything is as it was.

use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use crate::Case;
use crate::lab::capture::Capture;
use crate::lab::internet::{CLIENT, HOST_V4, HOST_V6, Internet, SERVER, SITE};
use crate::lab::load;
use crate::lab::needs::INTERNET;
use crate::lab::netns::{Netns, await_ping};
use crate::lab::quick::{Conf, Quick, Resolvconf};
use crate::lab::snapshot::{Snapshot, make_iptables_tables};
use crate::lab::tunnel::{Family, PORT};
use crate::lab::wg::Keys;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "everything_goes_through_and_nothing_past_it_with_wg_quick",
        needs: INTERNET,
        run: || everything_goes_through(Quick::WgQuick, Family::V4),
    },
    Case {
        name: "everything_goes_through_and_nothing_past_it_with_adit_up",
        needs: INTERNET,
        run: || everything_goes_through(Quick::Adit, Family::V4),
    },
    Case {
        name: "everything_goes_through_over_ipv6_and_nothing_past_it_with_wg_quick",
        needs: INTERNET,
        run: || everything_goes_through(Quick::WgQuick, Family::V6),
    },
    Case {
        name: "everything_goes_through_over_ipv6_and_nothing_past_it_with_adit_up",
        needs: INTERNET,
        run: || everything_goes_through(Quick::Adit, Family::V6),
    },
    Case {
        name: "without_a_server_nothing_leaves_with_wg_quick",
        needs: INTERNET,
        run: || without_a_server_nothing_leaves(Quick::WgQuick),
    },
    Case {
        name: "without_a_server_nothing_leaves_with_adit_up",
        needs: INTERNET,
        run: || without_a_server_nothing_leaves(Quick::Adit),
    },
    Case {
        name: "dns_is_set_and_unset_with_wg_quick",
        needs: INTERNET,
        run: || dns_is_set_and_unset(Quick::WgQuick),
    },
    Case {
        name: "dns_is_set_and_unset_with_adit_up",
        needs: INTERNET,
        run: || dns_is_set_and_unset(Quick::Adit),
    },
];

/// The client's, in the tunnel.
const CLIENT_V4: &str = "10.113.0.5";
const CLIENT_V6: &str = "fd00:113::5";
/// The server's, in the tunnel.
const SERVER_V4: &str = "10.113.0.254";
const SERVER_V6: &str = "fd00:113::254";

/// Who is written to: machines that are there, and networks of every kind, private ones too.
const DESTINATIONS: [&str; 16] = [
    SITE.v4,
    HOST_V4,
    SERVER_V4,
    "9.9.9.9",
    "10.99.0.1",
    "100.64.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "223.255.255.254",
    SITE.v6,
    HOST_V6,
    SERVER_V6,
    "2620:fe::fe",
    "3fff::1",
    "fd12:3456:789a::1",
    "64:ff9b::909:909",
];

/// How long an answer is waited for where only the question matters.
const PATIENCE: Duration = Duration::from_millis(200);

fn client_text(client: &Keys, server: &Keys, outside: Family, dns: &str) -> String {
    let endpoint = match outside {
        Family::V4 => format!("{}:{PORT}", SERVER.v4),
        Family::V6 => format!("[{}]:{PORT}", SERVER.v6),
    };
    format!(
        "[Interface]\nAddress = {CLIENT_V4}/16, {CLIENT_V6}/64\nPrivateKey = {}\n{dns}\n\
         [Peer]\nPublicKey = {}\nAllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = {endpoint}\n",
        client.private, server.public
    )
}

/// Translates both IP versions, with a line of hooks for each.
fn server_text(server: &Keys, client: &Keys) -> String {
    let hooks: String = ["iptables", "ip6tables"]
        .map(|iptables| {
            format!(
                "PostUp = {iptables} -A FORWARD -i %i -j ACCEPT; {iptables} -t nat -A POSTROUTING -o eth0 -j MASQUERADE\n\
                 PostDown = {iptables} -D FORWARD -i %i -j ACCEPT; {iptables} -t nat -D POSTROUTING -o eth0 -j MASQUERADE\n"
            )
        })
        .concat();
    format!(
        "[Interface]\nAddress = {SERVER_V4}/16, {SERVER_V6}/64\nListenPort = {PORT}\nPrivateKey = {}\n{hooks}\n\
         [Peer]\nPublicKey = {}\nAllowedIPs = {CLIENT_V4}/32, {CLIENT_V6}/128\n",
        server.private, client.public
    )
}

fn everything_goes_through(quick: Quick, outside: Family) {
    let internet = Internet::new();
    make_iptables_tables(&internet.server);
    let [client, server] = std::array::from_fn(|_| Keys::generate());
    let places = [&internet.client, &internet.server];
    let before = places.map(|place| Snapshot::before(quick, place));
    the_ways_past_it_are_open(&internet, outside);

    let [client_text, server_text] =
        [client_text(&client, &server, outside, ""), server_text(&server, &client)];
    let server = Conf::new(quick, &internet.server, &server_text);
    server.up();
    let client = Conf::new(quick, &internet.client, &client_text);
    client.up();
    await_ping(&internet.client, SERVER_V4);
    assert_eq!(leaks(&internet, outside), Vec::<String>::new());
    every_way_leads_through_the_tunnel(&internet);
    the_local_network_is_reached_directly(&internet);
    assert_eq!(strangers_reach_the_tunnels_addresses(&internet), [false; 2]);

    client.down();
    server.down();
    before.iter().zip(places).for_each(|(before, place)| before.assert_same(place));
}

/// What cannot go through the tunnel goes nowhere.
fn without_a_server_nothing_leaves(quick: Quick) {
    let internet = Internet::new();
    let before = Snapshot::before(quick, &internet.client);
    the_ways_past_it_are_open(&internet, Family::V4);
    let text = client_text(&Keys::generate(), &Keys::generate(), Family::V4, "");
    let client = Conf::new(quick, &internet.client, &text);
    client.up();
    assert_eq!(leaks(&internet, Family::V4), Vec::<String>::new());
    client.down();
    before.assert_same(&internet.client);
}

/// Without a tunnel all that must not be seen later is seen.
fn the_ways_past_it_are_open(internet: &Internet, outside: Family) {
    let seen = leaks(internet, outside).join("\n");
    for destination in DESTINATIONS {
        for packet in [": ICMP", ".443: Flags [S]", ".53: "] {
            let found = seen.contains(&format!("> {destination}{packet}"));
            assert!(found, "no {packet} to {destination} in {seen}");
        }
    }
    let seen_from = |address| load::transfer_content(&internet.client, &internet.site, address).to_string();
    assert_eq!(seen_from(SITE.v4), SITE.router()[0]);
    assert_eq!(seen_from(SITE.v6), CLIENT.v6);

    let client = &internet.client;
    for (address, length) in [(CLIENT_V4, 32), (CLIENT_V6, 128)] {
        client.run(&format!("ip address add {address}/{length} dev lo"));
    }
    assert_eq!(strangers_reach_the_tunnels_addresses(internet), [true; 2]);
    for (address, length) in [(CLIENT_V4, 32), (CLIENT_V6, 128)] {
        client.run(&format!("ip address delete {address}/{length} dev lo"));
    }
}

/// What leaves the client past the tunnel while it writes to everyone.
fn leaks(internet: &Internet, outside: Family) -> Vec<String> {
    let server = match outside {
        Family::V4 => SERVER.v4,
        Family::V6 => SERVER.v6,
    };
    let capture = Capture::of_leaks(internet, server, PORT);
    write_to_everyone(&internet.client);
    capture.lines()
}

/// By ping, TCP and UDP, and from the address that the client has outside.
fn write_to_everyone(client: &Netns) {
    std::thread::scope(|scope| {
        for destination in DESTINATIONS {
            let own = if destination.contains(':') { CLIENT.v6 } else { CLIENT.v4 };
            for from in ["", own] {
                let from = if from.is_empty() { String::new() } else { format!("-I {from}") };
                scope.spawn(move || {
                    client.try_run(&format!(
                        "ping -c 2 -i 0.2 -W {} {from} {destination}",
                        PATIENCE.as_secs_f32()
                    ))
                });
            }
            scope.spawn(move || client.inside(|| write_by_sockets(destination)));
        }
    });
}

/// Nobody need answer.
fn write_by_sockets(destination: &str) {
    let address: IpAddr = destination.parse().expect("an address");
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let name_server = SocketAddr::new(address, 53);
    let _ = UdpSocket::bind(any).and_then(|socket| socket.send_to(b"not a question", name_server));
    let _ = TcpStream::connect_timeout(&SocketAddr::new(address, 443), PATIENCE);
}

fn every_way_leads_through_the_tunnel(internet: &Internet) {
    let Internet { client, host, site, .. } = internet;
    for destination in [SITE.v4, SITE.v6, HOST_V4, HOST_V6, SERVER_V4, SERVER_V6] {
        await_ping(client, destination);
    }
    for (to, address, seen) in [
        (site, SITE.v4, SERVER.v4),
        (site, SITE.v6, SERVER.v6),
        (host, HOST_V4, CLIENT_V4),
        (host, HOST_V6, CLIENT_V6),
    ] {
        assert_eq!(load::transfer_content(client, to, address).to_string(), seen, "to {address}");
    }
}

/// Its routes are more specific than the tunnel's.
fn the_local_network_is_reached_directly(internet: &Internet) {
    for (gateway, own) in CLIENT.router().into_iter().zip([CLIENT.v4, CLIENT.v6]) {
        assert_eq!(load::transfer_content(&internet.client, &internet.router, gateway).to_string(), own);
        assert_eq!(load::transfer_content(&internet.router, &internet.client, own).to_string(), gateway);
    }
}

/// Whether the client answers on its cable for the addresses that it has in the tunnel.
fn strangers_reach_the_tunnels_addresses(internet: &Internet) -> [bool; 2] {
    let router = &internet.router;
    [(CLIENT_V4, CLIENT.v4), (CLIENT_V6, CLIENT.v6)].map(|(address, gateway)| {
        router.run(&format!("ip route add {address} via {gateway}"));
        let answered = router.try_run(&format!("ping -c 1 -W 0.5 {address}")).status.success();
        router.run(&format!("ip route delete {address} via {gateway}"));
        answered
    })
}

/// The tools leave it to `resolvconf`, whose calls are other tools' business too: both make the same.
fn dns_is_set_and_unset(quick: Quick) {
    let netns = Netns::new();
    let [client, server] = std::array::from_fn(|_| Keys::generate());
    let before = Snapshot::before(quick, &netns);
    let resolvconf = Resolvconf::new();
    let dns = format!("DNS = {SERVER_V4}, internal.example, {SERVER_V6}\nDNS = lan.example");
    let text = client_text(&client, &server, Family::V4, &dns);
    let conf = Conf::new(quick, &netns, &text).with_resolvconf(&resolvconf);
    conf.up();
    let interface = &conf.interface;
    let set = format!(
        "resolvconf -a {interface} -m 0 -x\nnameserver {SERVER_V4}\nnameserver {SERVER_V6}\n\
         search internal.example lan.example\n"
    );
    assert_eq!(resolvconf.calls(), set);
    conf.down();
    assert_eq!(resolvconf.calls(), format!("resolvconf -d {interface} -f\n"));
    before.assert_same(&netns);
}
