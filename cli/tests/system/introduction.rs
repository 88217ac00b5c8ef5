//! The two configurations that WireGuard's introductions show, octet for octet, between a client behind NAT and a
//! server with a network behind it.

use crate::Case;
use crate::lab::capture::Capture;
use crate::lab::internet::{ELSEWHERE, FAR_AWAY, HOST_V4, HOST_V6, Internet, SERVER, SITE};
use crate::lab::load;
use crate::lab::needs::INTERNET;
use crate::lab::netns::{Netns, ping};
use crate::lab::quick::{Conf, Quick};
use crate::lab::snapshot::{Snapshot, make_iptables_tables};
use crate::lab::tunnel::PORT;
use crate::lab::wg::{self, Dump, Keys};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "the_introductions_examples_with_wg_quick",
        needs: INTERNET,
        run: || the_introductions_examples(Quick::WgQuick),
    },
    Case {
        name: "the_introductions_examples_with_adit_up",
        needs: INTERNET,
        run: || the_introductions_examples(Quick::Adit),
    },
];

/// As it is shown, but for the keys.
const CLIENT_CONF: &str = "\
[Interface]
Address = 10.113.0.4/16
PrivateKey = <the client's private key>
[Peer]
PublicKey = <the server's public key>
AllowedIPs = 10.113.0.0/16, 10.123.45.0/24, 1234:4567:89ab::/48
Endpoint = server.example:51820
PersistentKeepalive = 25
";

/// As it is shown, but for the keys. The client above is neither foo nor bar.
const SERVER_CONF: &str = "\
[Interface]
Address = 10.113.0.254/16
ListenPort = 51820
PrivateKey = <the server's private key>
# note - substitute eth0 in the following lines to match the Internet-facing interface
PostUp = iptables -A FORWARD -i %i -j ACCEPT; iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
PostDown = iptables -D FORWARD -i %i -j ACCEPT; iptables -t nat -D POSTROUTING -o eth0 -j MASQUERADE
[Peer]
# client foo
PublicKey = <foo's public key>
PresharedKey = <foo's preshared key>
AllowedIPs = 10.113.0.1/32, 10.113.1.0/24
[Peer]
# client bar
PublicKey = <bar's public key>
AllowedIPs = 10.113.0.2/32, 10.113.2.0/24
";

/// So the server's owner adds the client, below what is there.
const CLIENT_AS_PEER: &str = "\
[Peer]
# client baz
PublicKey = <the client's public key>
AllowedIPs = 10.113.0.4/32
";

const IN_THE_TUNNEL: &str = "10.113.0.254";
const OCTETS: u64 = 16 << 20;

/// The keys of all four.
struct Cast {
    client: Keys,
    server: Keys,
    foo: Keys,
    bar: Keys,
    foos_preshared_key: String,
}

impl Cast {
    fn new() -> Self {
        Self {
            client: Keys::generate(),
            server: Keys::generate(),
            foo: Keys::generate(),
            bar: Keys::generate(),
            foos_preshared_key: wg::preshared_key(),
        }
    }

    fn client_conf(&self) -> String {
        CLIENT_CONF
            .replace("<the client's private key>", &self.client.private)
            .replace("<the server's public key>", &self.server.public)
    }

    fn server_conf(&self) -> String {
        [SERVER_CONF, CLIENT_AS_PEER]
            .concat()
            .replace("<the server's private key>", &self.server.private)
            .replace("<foo's public key>", &self.foo.public)
            .replace("<foo's preshared key>", &self.foos_preshared_key)
            .replace("<bar's public key>", &self.bar.public)
            .replace("<the client's public key>", &self.client.public)
    }

    /// What foo and bar have at their ends: the first example once more, with the site in the tunnel too.
    fn other_conf(&self, address: &str, keys: &Keys, preshared_key: Option<&str>) -> String {
        let preshared_key = preshared_key.map(|key| format!("PresharedKey = {key}\n")).unwrap_or_default();
        format!(
            "[Interface]\nAddress = {address}/16\nPrivateKey = {}\n[Peer]\nPublicKey = {}\n{preshared_key}\
             AllowedIPs = 10.113.0.0/16, 10.123.45.0/24, {}/32\nEndpoint = {}:{PORT}\n\
             PersistentKeepalive = 25\n",
            keys.private, self.server.public, SITE.v4, SERVER.v4
        )
    }
}

fn the_introductions_examples(quick: Quick) {
    let internet = Internet::new();
    internet.client.knows("server.example", SERVER.v4);
    let cast = Cast::new();
    make_iptables_tables(&internet.server);
    let places = [&internet.client, &internet.server];
    let before = places.map(|place| Snapshot::before(quick, place));

    let server = Conf::new(quick, &internet.server, &cast.server_conf());
    server.up();
    assert_hooks(&server, true);
    let client = Conf::new(quick, &internet.client, &cast.client_conf());
    client.up();
    let known = Dump::of(&client.interface);
    assert_eq!(known.peer(&cast.server.public).endpoint, format!("{}:{PORT}", SERVER.v4), "server.example");
    the_network_behind_the_server_is_reached(&internet, &server);
    a_prefix_without_an_address_of_its_own(&internet, &client);
    the_other_clients(quick, &internet, &cast);

    client.down();
    server.down();
    assert_hooks(&server, false);
    before.iter().zip(places).for_each(|(before, place)| before.assert_same(place));
}

/// Whether both rules of the server's hooks are there, the interface in place of `%i`.
#[track_caller]
fn assert_hooks(server: &Conf, there: bool) {
    let rules = server.netns.run("iptables -S") + &server.netns.run("iptables -t nat -S");
    let accept = format!("-A FORWARD -i {} -j ACCEPT\n", server.interface);
    for rule in [accept.as_str(), "-A POSTROUTING -o eth0 -j MASQUERADE\n"] {
        assert_eq!(rules.contains(rule), there, "{rule} in {rules}");
    }
}

/// The host has the server as its gateway, so it sees the client's own address in the tunnel.
fn the_network_behind_the_server_is_reached(internet: &Internet, server: &Conf) {
    let (client, host) = (&internet.client, &internet.host);
    for address in [IN_THE_TUNNEL, HOST_V4] {
        ping(client, address);
    }
    assert_eq!(load::transfer_content(client, host, HOST_V4).to_string(), "10.113.0.4");
    load::tcp(client, host, HOST_V4, OCTETS).assert_tcp(OCTETS);
    load::tcp(host, client, "10.113.0.4", OCTETS).assert_tcp(OCTETS);
    let peers = Dump::of(&server.interface).peers;
    // iperf3 may end with half of the octets in its sender's buffers.
    let carried = |octets| octets > OCTETS / 2;
    assert!(peers.iter().any(|peer| carried(peer.received) && carried(peer.sent)), "{peers:?}");
}

/// The client has no IPv6 address in the tunnel, and the server's configuration none at all: what goes to the IPv6
/// prefix enters the tunnel, where the server refuses the client's other address, and does not go past it.
fn a_prefix_without_an_address_of_its_own(internet: &Internet, client: &Conf) {
    let route = client.netns.run(&format!("ip -6 route get {HOST_V6}"));
    assert!(route.contains(&format!("dev {} ", client.interface)), "{route}");
    let sent = || Dump::of(&client.interface).peers.iter().map(|peer| peer.sent).sum::<u64>();
    let (before, capture) = (sent(), Capture::of_leaks(internet, SERVER.v4, PORT));
    let answered = client.netns.try_run(&format!("ping -c 3 -i 0.2 -s 400 -W 1 {HOST_V6}"));
    answered.failure();
    assert_eq!(capture.lines(), Vec::<String>::new());
    assert!(sent() > before + 3 * 400, "the tunnel has carried it");
}

/// foo has a preshared key, bar has none. Either reaches the other and the client through the server, and the site
/// sees the server's address, since eth0 is where the server translates.
fn the_other_clients(quick: Quick, internet: &Internet, cast: &Cast) {
    let (foo_netns, bar_netns) = (Netns::new(), Netns::new());
    internet.join(&foo_netns, &ELSEWHERE, "elsewhere");
    internet.join(&bar_netns, &FAR_AWAY, "far-away");
    foo_netns.run("ip address add 10.113.1.1/24 dev lo");
    bar_netns.run("ip address add 10.113.2.1/24 dev lo");
    assert_eq!(load::transfer_content(&foo_netns, &internet.site, SITE.v4).to_string(), ELSEWHERE.v4);

    let preshared_key = Some(cast.foos_preshared_key.as_str());
    let others = [
        Conf::new(quick, &foo_netns, &cast.other_conf("10.113.0.1", &cast.foo, preshared_key)),
        Conf::new(quick, &bar_netns, &cast.other_conf("10.113.0.2", &cast.bar, None)),
    ];
    for (conf, address) in others.iter().zip(["10.113.0.1", "10.113.0.2"]) {
        conf.up();
        ping(&conf.netns, IN_THE_TUNNEL);
        assert_eq!(load::transfer_content(&conf.netns, &internet.site, SITE.v4).to_string(), SERVER.v4);
        assert_eq!(load::transfer_content(&conf.netns, &internet.host, HOST_V4).to_string(), address);
    }
    for (from, to) in
        [(&internet.client, "10.113.1.1"), (&internet.client, "10.113.2.1"), (&foo_netns, "10.113.2.1")]
    {
        ping(from, to);
    }
    assert_eq!(
        load::transfer_content(&internet.client, &internet.site, SITE.v4).to_string(),
        SITE.router()[0],
        "the client has not sent everything through the tunnel"
    );
    others.iter().for_each(Conf::down);
}
