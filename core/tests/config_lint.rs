//! What a configuration's author is warned of: each warning with a text that gives it and a neighbouring one that
//! does not, and the ordinary configurations, which give none.

use adit_core::config::{Section, Warning, WarningKind, lint, parse};

const PRIVATE: &str = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
/// Of the private key.
const OWN: &str = "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=";
const FOO: &str = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
const BAR: &str = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";

/// A text with short names for keys.
fn text(short: &str) -> String {
    let mut text = short.to_owned();
    for (name, key) in [("<private>", PRIVATE), ("<own>", OWN), ("<foo>", FOO), ("<bar>", BAR)] {
        text = text.replace(name, key);
    }
    text
}

fn warnings(text: &str) -> Vec<Warning> {
    lint(text, &parse(text).unwrap())
}

/// Each warning's sentence, and the text it points at.
fn said(short: &str) -> Vec<(String, String)> {
    let text = text(short);
    let point = |warning: Warning| (warning.to_string(), text[warning.span].to_owned());
    warnings(&text).into_iter().map(point).collect()
}

/// A server's interface, which gives no warning by itself, with these peers.
fn server(peers: &str) -> String {
    format!("[Interface]\nPrivateKey = <private>\nAddress = 10.0.0.1/24\nListenPort = 51820\n{peers}")
}

/// A client's interface with these lines, and a peer with an Endpoint and these.
fn client(interface: &str, peer: &str) -> String {
    format!(
        "[Interface]\nPrivateKey = <private>\nAddress = 10.0.0.2/32\n{interface}\n\
         [Peer]\nPublicKey = <foo>\nEndpoint = vpn.example:51820\n{peer}\n"
    )
}

#[track_caller]
fn assert_warns(short: &str, sentence: &str, place: &str) {
    let place = text(place);
    let said = said(short);
    let [(said, at)] = &said[..] else { panic!("one warning for {short}: {said:?}") };
    assert_eq!((said.as_str(), at.as_str()), (sentence, place.as_str()), "{short}");
}

#[track_caller]
fn assert_silent(short: &str) {
    assert_eq!(said(short), [], "{short}");
}

#[test]
fn ordinary_configurations_give_none() {
    // WireGuard's introductions, of client and server.
    assert_silent(
        "[Interface]\nAddress = 10.113.0.4/16\nPrivateKey = <private>\n[Peer]\nPublicKey = <foo>\n\
         AllowedIPs = 10.113.0.0/16, 10.123.45.0/24, 1234:4567:89ab::/48\nEndpoint = server.example:51820\n\
         PersistentKeepalive = 25\n",
    );
    assert_silent(
        "[Interface]\nAddress = 10.113.0.254/16\nListenPort = 51820\nPrivateKey = <private>\n\
         PostUp = iptables -A FORWARD -i %i -j ACCEPT; iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE\n\
         [Peer]\nPublicKey = <foo>\nAllowedIPs = 10.113.0.1/32, 10.113.1.0/24\n\
         [Peer]\nPublicKey = <bar>\nAllowedIPs = 10.113.0.2/32, 10.113.2.0/24\n",
    );
    // A road warrior, all of whose traffic goes through the tunnel.
    assert_silent(
        "[Interface]\nPrivateKey = <private>\nAddress = 10.64.0.2/32, fc00:bbbb::2/128\nDNS = 10.64.0.1\n\
         [Peer]\nPublicKey = <foo>\nAllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = 198.51.100.7:51820\n",
    );
    // The same, but for the network at home.
    assert_silent(
        "[Interface]\nPrivateKey = <private>\nAddress = 10.64.0.2/32\nDNS = 9.9.9.9\n[Peer]\nPublicKey = <foo>\n\
         AllowedIPs = 0.0.0.0/1, 128.0.0.0/2, 192.0.0.0/9, 192.169.0.0/16, 193.0.0.0/8, 208.0.0.0/4, ::/0\n\
         Endpoint = 198.51.100.7:51820\n",
    );
    // Two sites, each behind a router with a fixed address.
    assert_silent(
        "[Interface]\nPrivateKey = <private>\nListenPort = 51820\nAddress = 10.9.0.1/30\n[Peer]\n\
         PublicKey = <foo>\nEndpoint = 203.0.113.1:51820\nAllowedIPs = 10.9.0.2/32, 192.168.2.0/24\n",
    );
    // A server without peers yet, and one whose peers come and go.
    assert_silent("[Interface]\nPrivateKey = <private>\nListenPort = 51820\nAddress = 10.0.0.1/24\n");
    assert_silent("[Interface]\nPrivateKey = <private>\nAddress = 10.0.0.1/24\nSaveConfig = true\n");
}

#[test]
fn no_private_key() {
    assert_warns(
        "[Interface]\nListenPort = 51820\n",
        "[Interface] has no PrivateKey, so the tunnel carries nothing: write one that `adit genkey` made",
        "[Interface]",
    );
    assert_silent("[Interface]\nListenPort = 51820\nPostUp = wg set %i private-key /etc/wireguard/%i.key\n");
    // Nothing at all has no place to point at.
    let [warning] = &warnings("")[..] else { panic!("one warning") };
    assert_eq!((&warning.kind, warning.span.clone()), (&WarningKind::NoPrivateKey, 0..0));
}

#[test]
fn host_bits() {
    assert_warns(
        &server("[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.0.1.0/24, 10.0.0.2/24\n"),
        "AllowedIPs takes `10.0.0.2/24` for 10.0.0.0/24: write that, or 10.0.0.2/32 for the one address",
        "10.0.0.2/24",
    );
    assert_warns(
        &server("[Peer]\nPublicKey = <foo>\nAllowedIPs = -fd00::1/64\n"),
        "AllowedIPs takes `fd00::1/64` for fd00::/64: write that, or fd00::1/128 for the one address",
        "-fd00::1/64",
    );
    assert_silent(&server("[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.0.1.0/24, 10.0.0.2/32, fd00::1\n"));
}

#[test]
fn the_same_allowed_ip_on_two_peers() {
    let peers = |second: &str| {
        server(&format!(
            "[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.0.0.2/32\n[Peer]\nPublicKey = <bar>\nAllowedIPs = {second}\n"
        ))
    };
    assert_warns(
        &peers("10.0.0.3/32,10.0.0.2"),
        "10.0.0.2/32 is in the AllowedIPs of [Peer] 1, too, and only one peer can have it, this one: take it from \
         one of them",
        "10.0.0.2",
    );
    let masked = said(
        &peers("10.0.1.0/24\nAllowedIPs = 10.0.2.0/24\n[Peer]\nPublicKey = <own>x")
            .replace("<own>x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\nAllowedIPs = 10.0.2.9/24"),
    );
    assert_eq!(masked.len(), 2, "host bits, and after masking the same: {masked:?}");
    assert!(masked[1].0.starts_with("10.0.2.0/24 is in the AllowedIPs of [Peer] 2"), "{masked:?}");
    assert_silent(&peers("10.0.0.0/24"));
    assert_silent(&peers("10.0.0.3/32, 10.0.0.3/32"));
    assert_silent(&peers("-10.0.0.2/32"));
}

#[test]
fn our_own_key_as_a_peer() {
    assert_warns(
        &server("[Peer]\nPublicKey = <own>\nAllowedIPs = 10.0.0.2/32\n"),
        "this PublicKey is the interface's own, and nobody talks to himself: write the other end's",
        "<own>",
    );
    assert_silent(&server("[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.0.0.2/32\n"));
}

#[test]
fn one_peer_in_two_sections() {
    let peers = |second: &str| {
        server(&format!(
            "[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.0.0.2/32\n[Peer]\nPublicKey = {second}\nAllowedIPs = 10.0.0.3/32\n"
        ))
    };
    assert_warns(
        &peers("<foo>"),
        "[Peer] 1 has this PublicKey, too: both sections become one peer with the AllowedIPs of the later one; \
         write them as one",
        "<foo>",
    );
    let text = text(&peers("<foo>"));
    let [warning] = &warnings(&text)[..] else { panic!("one warning") };
    assert_eq!(warning.kind, WarningKind::SamePublicKey { earlier: Section::Peer(1) });
    assert_eq!(warning.span.start, text.rfind(FOO).unwrap(), "the later one is marked");
    assert_silent(&peers("<bar>"));
}

#[test]
fn nobody_can_begin() {
    let texts = |interface: &str, peer: &str| {
        format!(
            "[Interface]\nPrivateKey = <private>\n{interface}\n[Peer]\nPublicKey = <bar>\nEndpoint = 192.0.2.1:1\n\
             [Peer]\nPublicKey = <foo>\nAllowedIPs = 10.1.0.0/24\n{peer}\n"
        )
    };
    let sentence =
        "[Peer] 2 has no Endpoint and [Interface] no ListenPort, so neither end can begin: write one of them";
    assert_warns(&texts("", ""), sentence, "[Peer]");
    assert_warns(&texts("ListenPort = 0", ""), sentence, "[Peer]");
    assert_silent(&texts("ListenPort = 51820", ""));
    assert_silent(&texts("", "Endpoint = 192.0.2.2:1"));
    assert_silent(&texts("PostUp = wg set %i listen-port 51820", ""));
}

#[test]
fn half_a_default_route() {
    assert_warns(
        &client("", "AllowedIPs = 10.1.0.0/16, 0.0.0.0/0"),
        "all of IPv4 goes through the tunnel and IPv6 goes around it, where others see it: write `0.0.0.0/0, ::/0`",
        "0.0.0.0/0",
    );
    assert_warns(
        &client("", "AllowedIPs = ::/0"),
        "all of IPv6 goes through the tunnel and IPv4 goes around it, where others see it: write `0.0.0.0/0, ::/0`",
        "::/0",
    );
    assert_warns(
        &client("", "AllowedIPs = 0.0.0.0/1, 128.0.0.0/1"),
        "all of IPv4 goes through the tunnel and IPv6 goes around it, where others see it: write `0.0.0.0/0, ::/0`",
        "0.0.0.0/1",
    );
    assert_silent(&client("", "AllowedIPs = 0.0.0.0/0, ::/0"));
    assert_silent(&client("", "AllowedIPs = 0.0.0.0/0, 2000::/3"));
    assert_silent(&client("", "AllowedIPs = 0.0.0.0/0, ::/1, 8000::/1"));
    assert_silent(&client("", "AllowedIPs = 0.0.0.0/1"));
    assert_silent(&client("Table = off", "AllowedIPs = 0.0.0.0/0"));
    assert_silent(&client("PostUp = sysctl net.ipv6.conf.all.disable_ipv6=1", "AllowedIPs = 0.0.0.0/0"));
}

#[test]
fn names_looked_up_outside_the_tunnel() {
    assert_warns(
        &client("DNS = lan, 10.1.0.53, 9.9.9.9", "AllowedIPs = 10.1.0.0/16"),
        "the DNS server 9.9.9.9 is in no peer's AllowedIPs, so names are looked up outside the tunnel: add 9.9.9.9 \
         to them",
        "9.9.9.9",
    );
    assert_warns(
        &client("DNS = 10.1.0.53\nDNS = fd00::53", "AllowedIPs = 10.1.0.0/16"),
        "the DNS server fd00::53 is in no peer's AllowedIPs, so names are looked up outside the tunnel: add fd00::53 \
         to them",
        "fd00::53",
    );
    assert_silent(&client("DNS = lan, 10.1.0.53", "AllowedIPs = 10.1.0.0/16"));
    assert_silent(&client("DNS = 9.9.9.9", "AllowedIPs = 0.0.0.0/0, ::/0"));
    assert_silent(&client("DNS = 127.0.0.53", "AllowedIPs = 10.1.0.0/16"));
    assert_silent(&client("DNS = 10.0.0.2", "AllowedIPs = 10.1.0.0/16"));
    assert_silent(&client("DNS = 9.9.9.9\nTable = off", "AllowedIPs = 10.1.0.0/16"));
}

#[test]
fn an_mtu_too_small_for_ipv6() {
    let sentence = "IPv6 needs an MTU of 1280 octets and is off below: write a larger one, or no IPv6";
    assert_warns(&client("MTU = 1279", "AllowedIPs = 0.0.0.0/0, ::/0"), sentence, "1279");
    assert_warns(&client("MTU = 576\nAddress = fd00::2", "AllowedIPs = 10.1.0.0/16"), sentence, "576");
    assert_silent(&client("MTU = 1280", "AllowedIPs = 0.0.0.0/0, ::/0"));
    assert_silent(&client("MTU = 576", "AllowedIPs = 10.1.0.0/16"));
    assert_silent(&client("MTU = 0", "AllowedIPs = 0.0.0.0/0, ::/0"));
}

#[test]
fn no_keepalive_where_others_look_for_this_end() {
    assert_warns(
        &client("", "AllowedIPs = 10.0.0.0/24, 192.168.7.0/24"),
        "a NAT on the way to [Peer] 1 forgets this end when it is silent, and 10.0.0.0/24 no longer reaches it: \
         write `PersistentKeepalive = 25`",
        "vpn.example:51820",
    );
    assert_silent(&client("", "AllowedIPs = 10.0.0.0/24\nPersistentKeepalive = 25"));
    assert_silent(&client("ListenPort = 51820", "AllowedIPs = 10.0.0.0/24"));
    assert_silent(&client("", "AllowedIPs = 10.0.0.1/32, 192.168.7.0/24"));
    assert_silent(&client("", "AllowedIPs = 10.0.0.0/24, 0.0.0.0/0, ::/0"));
    assert_silent(&client("", "AllowedIPs = 10.0.0.0/24\nEndpoint = 192.168.1.2:51820"));
    assert_silent(&client("", "AllowedIPs = 10.0.0.0/24\nEndpoint = [fe80::1%eth0]:51820"));
}

#[test]
fn warnings_stand_in_the_order_of_the_text() {
    let text = text(&client("MTU = 576\nDNS = 9.9.9.9, fd01::53", "AllowedIPs = 10.0.0.2/24, fd00::1/120"));
    let starts: Vec<_> = warnings(&text).into_iter().map(|warning| warning.span.start).collect();
    assert_eq!(starts.len(), 6, "{starts:?}");
    assert!(starts.is_sorted(), "{starts:?}");
}

#[test]
fn many_peers_are_no_burden() {
    let mut text = text("[Interface]\nPrivateKey = <private>\nListenPort = 1\n");
    for number in 0..5000_u32 {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&number.to_le_bytes());
        let key = adit_core::key::PublicKey::from_bytes(key);
        let [_, second, third, fourth] = number.to_be_bytes();
        text += &format!("[Peer]\nPublicKey = {key}\nAllowedIPs = 10.{second}.{third}.{fourth}\n");
    }
    assert_eq!(warnings(&text), []);
}
