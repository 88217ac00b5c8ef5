//! Which texts are configurations: the verdicts of `wg` and `wg-quick`, and the few in which we differ from
//! them, each with its reason. Every verdict below was taken from the tools themselves, 1.0.20250521 and
//! 1.0.20260223: `wg-quick up` in a namespace, with wireguard-go as the device.

use adit_core::config::parse;

/// A valid public, private or preshared key.
const KEY: &str = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";

/// Lines of `[Interface]` that the tools accept. `<key>` stands for a key.
const INTERFACE_ACCEPTED: &[&str] = &[
    "",
    "PrivateKey = <key>",
    "privatekey=<key>",
    "  PRIVATEKEY\t=\t<key>  ",
    "Private Key = <key>",
    "PrivateKey = yAnz5TF+lXXJte14tji3z lMNq+hd2rYUIgJBgB3fBmk =",
    "PrivateKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "PrivateKey = <key> # mine",
    "PrivateKey = <key>\nPrivateKey = <key>",
    "ListenPort = 51820",
    "ListenPort = 0",
    "ListenPort = 65535",
    "ListenPort = 00080",
    "ListenPort = +80",
    "ListenPort = 5 1 8 2 0",
    "ListenPort = 1\nListenPort = 2",
    "FwMark = off",
    "FwMark = OFF",
    "FwMark = 0",
    "FwMark = 0xca6c",
    "FwMark = 0xFFFFFFFF",
    "FwMark = 4294967295",
    "FwMark = 010",
    "Address = 10.0.0.1/24",
    "Address = 10.0.0.1",
    "Address = fd00::1/64, 10.0.0.1/24",
    "Address = 10.0.0.1/24 fd00::1/64",
    "Address = 10.0.0.1/24,,10.0.0.2/24,",
    "Address = 10.0.0.1/24\nAddress = 10.0.0.2/24",
    "Address = 10.0.0.1/255.255.255.0",
    "Address = 10.0.0/24, 10, 012.0x1",
    "Address = 10.0.0.1/0x18, 10.1.0.1/255.255",
    "Address =",
    "address = 10.0.0.1/24 # mine",
    "DNS = 1.1.1.1",
    "DNS = 1.1.1.1, 2606:4700:4700::1111, corp.example",
    "DNS = 1.1.1.1 8.8.8.8",
    "DNS = 1.1.1.1\nDNS = lan",
    "DNS =",
    "MTU = 1420",
    "MTU =",
    "MTU = 1280 # small",
    "MTU = 02600",
    "MTU = 0x5DC",
    "Table = off",
    "Table = auto",
    "Table = 51820",
    "Table = 0x10",
    "Table = 0X10",
    "Table = main",
    "Table =",
    "SaveConfig = true",
    "SaveConfig = False",
    "PreUp = true",
    "PostUp = echo a=b # c",
    "PostUp = true\nPostUp = true",
    "PreDown =",
    "PostDown = true",
    "# a comment\n   # another\n\n",
    "PrivateKey = <key>\r\nAddress = 10.0.0.1/24\r\nPostUp = true\r",
    "[interface]\nListenPort = 1",
    "[INTERFACE]\nListenPort = 1",
    "[ Interface ]\nListenPort = 1",
    "[Interface] # again\nListenPort = 1",
    "\u{b}\u{c}ListenPort\u{b}=\u{c}1",
];

/// Lines of `[Interface]` that the tools refuse.
const INTERFACE_REFUSED: &[&str] = &[
    "PrivateKey",
    "PrivateKey =",
    "PrivateKey = short",
    "PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBml=",
    "PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk",
    "PrivateKey = yAnz5TF+lXXJte14tji3zlMNq-hd2rYUIgJBgB3fBmk=",
    "PrivateKey : <key>",
    "PrivateKey = \"<key>\"",
    "ListenPort =",
    "ListenPort = port",
    "ListenPort = -1",
    "ListenPort = 1.5",
    "FwMark = -1",
    "FwMark = +1",
    "FwMark = 0x",
    "FwMark = 0X10",
    "FwMark = 0x1 0x1",
    "FwMark = 4294967296",
    "FwMark = on",
    "Address = 10.0.0.1/33",
    "Address = fd00::1/129",
    "Address = vpn.example",
    "Address = 10.0.0.256",
    "Address = 10.0.0.1.1",
    "Address = 10.0.0.",
    "Address = 10.0.0.1/255.0.255.0",
    "A ddress = 10.0.0.1/24",
    "[ Interface ]\nAddress = 10.0.0.1/24",
    "MTU = x",
    "M T U = 1420",
    "Table = Off\n[Peer]\nPublicKey = <key>\nAllowedIPs = 10.9.0.0/24",
    "SaveConfig = yes",
    "SaveConfig =",
    "Unknown = 1",
    "PublicKey = <key>",
    "AllowedIPs = 10.0.0.0/8",
    "[Interface",
    "[Interface] ListenPort = 1",
    "[Device]",
    "; a comment",
    "// a comment",
    "= 1",
];

/// Lines of a `[Peer]` with a PublicKey that the tools accept.
const PEER_ACCEPTED: &[&str] = &[
    "",
    "PublicKey = <key>",
    "PresharedKey = <key>",
    "PresharedKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "AllowedIPs = 10.0.0.0/8",
    "AllowedIPs = 10.0.0.1",
    "AllowedIPs = fd00::1",
    "AllowedIPs = 10.0.0.1/8",
    "AllowedIPs = 10.0.0.0/8, fd00::/8,192.168.0.0/16",
    "AllowedIPs = 10.0.0.0/8\nAllowedIPs = fd00::/8",
    "AllowedIPs = 10.0.0.0 / 8",
    "AllowedIPs = 10.0.0.0/0008",
    "AllowedIPs = 0.0.0.0/0, ::/0",
    "AllowedIPs = ::ffff:10.0.0.1/128",
    "AllowedIPs = +10.0.0.0/8",
    "AllowedIPs = -10.0.0.0/8",
    "AllowedIPs = + 10.0.0.0/8, -fd00::/8, 10.1.0.0/16",
    "Allowed IPs = 10.0.0.0/8",
    "Endpoint = 192.0.2.1:51820",
    "Endpoint = [2001:db8::1]:51820",
    "Endpoint = 2001:db8::1:51820",
    "Endpoint = [192.0.2.1]:51820",
    "Endpoint = localhost:51820",
    "Endpoint = [localhost]:51820",
    "Endpoint = [fe80::1%lo]:51820",
    "Endpoint = [fe80::1%1]:51820",
    "Endpoint = 192.0.2.1 : 51820",
    "Endpoint = 127.1:51820",
    "Endpoint = 192.0.2.1:0",
    "Endpoint = 192.0.2.1:1\nEndpoint = 192.0.2.1:2",
    "PersistentKeepalive = 25",
    "PersistentKeepalive = off",
    "PersistentKeepalive = Off",
    "PersistentKeepalive = 0",
    "PersistentKeepalive = 65535",
    "persistentkeepalive=025",
    "[peer]\nPublicKey = <key>",
    "[ P e e r ]\nPublicKey = <key>",
    "[Interface]\nAddress = 10.0.0.1/24",
];

/// Lines of a `[Peer]` with a PublicKey that the tools refuse.
const PEER_REFUSED: &[&str] = &[
    "PublicKey = short",
    "PresharedKey = short",
    "PresharedKey =",
    "AllowedIPs = 10.0.0.0/33",
    "AllowedIPs = fd00::/129",
    "AllowedIPs = 10.0.0.0/",
    "AllowedIPs = 10.0.0.0/-8",
    "AllowedIPs = 10.0.0.0/+8",
    "AllowedIPs = 10.0.0.0/8/8",
    "AllowedIPs = 10.0.0.0/255.0.0.0",
    "AllowedIPs = 10.0.0",
    "AllowedIPs = 010.0.0.0/8",
    "AllowedIPs = 10.0.0.0/8,",
    "AllowedIPs = ,10.0.0.0/8",
    "AllowedIPs = 10.0.0.0/8,,fd00::/8",
    "AllowedIPs = 10.0.0.0/8 fd00::/8",
    "AllowedIPs = ++10.0.0.0/8",
    "AllowedIPs = +",
    "AllowedIPs = vpn.example",
    "Endpoint = 192.0.2.1",
    "Endpoint = 192.0.2.1:",
    "Endpoint = :51820",
    "Endpoint = []:51820",
    "Endpoint = [2001:db8::1]",
    "Endpoint = [2001:db8::1]51820",
    "Endpoint = [2001:db8::1:51820",
    "Endpoint = 192.0.2.1:port",
    "Endpoint = 192.0.2.1:-1",
    "Endpoint = 192.0.2.400:1",
    "Endpoint = https://vpn.example:1",
    "Endpoint = vpn..example:1",
    "Endpoint = [2001:db8::1%lo]:1",
    "Endpoint =",
    "PersistentKeepalive = 65536",
    "PersistentKeepalive = -1",
    "PersistentKeepalive = on",
    "PersistentKeepalive = 25s",
    "Address = 10.0.0.1/24",
    "PrivateKey = <key>",
    "PostUp = true",
    "MTU = 1420",
    "[Peer]",
    "[Peer]\nAllowedIPs = 10.0.0.0/8",
];

/// Whole texts that the tools accept.
const WHOLE_ACCEPTED: &[&str] = &[
    "",
    "# nothing\n",
    "[Interface]",
    "[Peer]\nPublicKey = <key>",
    "[Peer]\nPublicKey = <key>\n[Interface]\nListenPort = 1",
    "[Peer]\nAllowedIPs = 10.0.0.0/8\nPublicKey = <key>",
    "[Peer]\nPublicKey = <key>\n[Peer]\nPublicKey = <key>",
];

/// Whole texts that the tools refuse.
const WHOLE_REFUSED: &[&str] =
    &["PrivateKey = <key>\n[Interface]", "Address = 10.0.0.1/24", "x", "[Interface]\n[Peer]"];

/// Texts that we accept and the tools refuse, with the reason.
const ACCEPTED_BY_US_ALONE: &[(&str, &str)] = &[
    ("\u{feff}[Interface]\nListenPort = 1", "editors on Windows begin a file with a byte order mark"),
    ("[Interface]\nIncludedApplications = org.example.app", "the phone apps' key"),
    ("[Interface]\nExcludedApplications = org.example.app, org.example.other", "the phone apps' key"),
    ("[Peer]\nPublicKey = <key>\nAllowedIPs =", "the phone apps write it; wg set takes it"),
    ("[Interface]\nMTU = 0", "the phone apps' way to say that the device chooses"),
];

/// Texts that we refuse and the tools accept, with the reason.
const REFUSED_BY_US_ALONE: &[(&str, &str)] = &[
    ("[Interface]\nListenPort = 65536", "glibc cuts it down to 0; musl refuses it"),
    ("[Peer]\nPublicKey = <key>\nEndpoint = 192.0.2.1:65536", "glibc cuts it down to 0; musl refuses it"),
    ("[Interface]\nListenPort = domain", "there is no /etc/services on a phone"),
    (
        "[Interface]\nTable = Auto",
        "wg-quick passes it on to ip, which refuses it, but only where it makes a route",
    ),
    ("[Interface]\nDNS = 1.2.3", "wg-quick hands it to resolvconf as a server's address, and it is none"),
    ("[Interface]\nDNS = fe80::1%eth0", "no platform's VPN API takes a zone here"),
    ("[Interface]\nDNS", "wg-quick takes the key for the value"),
];

fn assert_verdict(text: &str, is_accepted: bool) {
    let text = text.replace("<key>", KEY);
    let parsed = parse(&text);
    assert_eq!(parsed.is_ok(), is_accepted, "{text:?}: {parsed:?}");
}

fn of_interface(lines: &str) -> String {
    format!("[Interface]\n{lines}\n")
}

fn of_peer(lines: &str) -> String {
    format!("[Interface]\n[Peer]\nPublicKey = <key>\n{lines}\n")
}

#[test]
fn what_the_tools_accept_is_accepted() {
    INTERFACE_ACCEPTED.iter().for_each(|lines| assert_verdict(&of_interface(lines), true));
    PEER_ACCEPTED.iter().for_each(|lines| assert_verdict(&of_peer(lines), true));
    WHOLE_ACCEPTED.iter().for_each(|text| assert_verdict(text, true));
}

#[test]
fn what_the_tools_refuse_is_refused() {
    INTERFACE_REFUSED.iter().for_each(|lines| assert_verdict(&of_interface(lines), false));
    PEER_REFUSED.iter().for_each(|lines| assert_verdict(&of_peer(lines), false));
    WHOLE_REFUSED.iter().for_each(|text| assert_verdict(text, false));
}

#[test]
fn we_differ_only_where_we_say_so() {
    ACCEPTED_BY_US_ALONE.iter().for_each(|(text, _)| assert_verdict(text, true));
    REFUSED_BY_US_ALONE.iter().for_each(|(text, _)| assert_verdict(text, false));
}
