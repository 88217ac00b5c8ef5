//! Configurations as text and types: what is read from them, how errors and spans point into them, and that
//! writing and reading undo each other.

use adit_core::config::{
    AllowedIp, AllowedIpChange, Applications, Attribute, Config, ConfigError, Endpoint, Reason, Section,
    Table, Unwritable, decode, diagnose, parse, parse_bytes, write,
};
use adit_core::key::PublicKey;

const KEY: &str = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
const OTHER_KEY: &str = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";

/// The client of WireGuard's introduction.
const CLIENT: &str = "\
[Interface]
Address = 10.113.0.4/16
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
AllowedIPs = 10.113.0.0/16, 10.123.45.0/24, 1234:4567:89ab::/48
Endpoint = server.example:51820
PersistentKeepalive = 25
";

/// The server of WireGuard's introduction.
const SERVER: &str = "\
[Interface]
Address = 10.113.0.254/16
ListenPort = 51820
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
# substitute eth0 in the following lines to match the Internet-facing interface
PostUp = iptables -A FORWARD -i %i -j ACCEPT; iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
PostDown = iptables -D FORWARD -i %i -j ACCEPT; iptables -t nat -D POSTROUTING -o eth0 -j MASQUERADE
[Peer]
# client foo
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
PresharedKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
AllowedIPs = 10.113.0.1/32, 10.113.1.0/24
[Peer]
# client bar
PublicKey = TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=
AllowedIPs = 10.113.0.2/32, 10.113.2.0/24
";

fn config(text: &str) -> Config {
    parse(text).unwrap().config
}

/// What parsing a faulty text says.
fn refused(text: &str) -> ConfigError {
    parse(text).unwrap_err()
}

fn networks(peer: &adit_core::config::Peer) -> Vec<String> {
    peer.allowed_ips.iter().map(ToString::to_string).collect()
}

#[test]
fn the_introductions_client_is_read_and_survives_its_text() {
    let config = config(CLIENT);
    assert_eq!(config.interface.addresses, ["10.113.0.4/16".parse().unwrap()]);
    assert_eq!(config.interface.private_key.as_ref().unwrap().to_base64().len(), KEY.len());
    let [peer] = &config.peers[..] else { panic!("one peer") };
    assert_eq!(peer.public_key, PublicKey::from_base64(OTHER_KEY).unwrap());
    assert_eq!(networks(peer), ["10.113.0.0/16", "10.123.45.0/24", "1234:4567:89ab::/48"]);
    assert_eq!(peer.endpoint, Some(Endpoint::Name { host: "server.example".into(), port: 51820 }));
    assert_eq!(peer.persistent_keepalive.unwrap().get(), 25);
    assert_eq!(parse(&write(&config).unwrap()).unwrap().config, config);
}

#[test]
fn the_introductions_server_is_read_and_survives_its_text() {
    let config = config(SERVER);
    assert_eq!(config.interface.listen_port.unwrap().get(), 51820);
    assert_eq!(
        config.interface.post_up,
        ["iptables -A FORWARD -i %i -j ACCEPT; iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE"]
    );
    assert_eq!(config.interface.post_down.len(), 1);
    let [foo, bar] = &config.peers[..] else { panic!("two peers") };
    assert!(foo.preshared_key.is_some() && bar.preshared_key.is_none());
    assert_eq!(networks(bar), ["10.113.0.2/32", "10.113.2.0/24"]);
    assert_eq!(parse(&write(&config).unwrap()).unwrap().config, config);
}

#[test]
fn every_key_of_the_interface_is_read() {
    let interface = config(
        "[Interface]\nFwMark = 0xca6c\nAddress = 10.0.0.1/24, fd00::1\nDNS = 1.1.1.1, lan\nDNS = fd00::53\n\
         MTU = 1280\nTable = 51820\nSaveConfig = true\nPreUp = a\nPreUp = b\nPreDown = c\n\
         ExcludedApplications = org.example.a, org.example.b\nListenPort = 1\nListenPort = 2\n",
    )
    .interface;
    assert_eq!(interface.fwmark.unwrap().get(), 51820);
    assert_eq!(interface.addresses, ["10.0.0.1/24".parse().unwrap(), "fd00::1/128".parse().unwrap()]);
    assert_eq!(
        interface.dns_servers,
        ["1.1.1.1".parse::<std::net::IpAddr>().unwrap(), "fd00::53".parse().unwrap()]
    );
    assert_eq!(interface.dns_search, ["lan"]);
    assert_eq!(interface.mtu, Some(1280));
    assert_eq!(interface.table, Table::Number(51820));
    assert!(interface.save_config);
    assert_eq!((interface.pre_up, interface.pre_down), (vec!["a".into(), "b".into()], vec!["c".into()]));
    let names = ["org.example.a", "org.example.b"].map(String::from).to_vec();
    assert_eq!(interface.applications, Applications::Excluded(names));
    assert_eq!(interface.listen_port.unwrap().get(), 2, "the last one counts");
}

#[test]
fn a_hook_keeps_what_follows_a_hash() {
    let interface = config("[Interface]\nPostUp = echo 'a # b' # c\r\nDNS = 1.1.1.1 # d\n").interface;
    assert_eq!(interface.post_up, ["echo 'a # b' # c"]);
    assert_eq!(interface.dns_servers.len(), 1);
}

#[test]
fn zero_and_off_are_nothing() {
    let config = config(&format!(
        "[Interface]\nPrivateKey = {zeros}\nListenPort = 0\nFwMark = off\nMTU = 0\n\
         [Peer]\nPublicKey = {KEY}\nPresharedKey = {zeros}\nPersistentKeepalive = off\n",
        zeros = "A".repeat(43) + "="
    ));
    assert_eq!(config.interface, Default::default());
    assert!(config.peers[0].preshared_key.is_none() && config.peers[0].persistent_keepalive.is_none());
}

#[test]
fn prefixes_of_allowed_ips_change_what_a_peer_has() {
    let peer = |lines: &str| config(&format!("[Peer]\nPublicKey = {KEY}\n{lines}\n")).peers.remove(0);

    let changed = peer("AllowedIPs = 10.0.0.0/8, +10.1.0.0/16, -fd00::/8");
    assert_eq!(networks(&changed), ["10.0.0.0/8", "+10.1.0.0/16", "-fd00::/8"]);
    assert!(!changed.replaces_allowed_ips());

    assert!(peer("AllowedIPs = 10.0.0.0/8").replaces_allowed_ips());
    assert!(peer("").replaces_allowed_ips());
    assert!(!peer("AllowedIPs = 10.0.0.0/8\nAllowedIPs = +fd00::/8").replaces_allowed_ips());
    assert!(
        peer("AllowedIPs = +10.0.0.0/8\nAllowedIPs = fd00::/8").replaces_allowed_ips(),
        "the last line decides"
    );
}

#[test]
fn every_encoding_of_a_file_is_read() {
    let utf16 =
        |unit: fn(u16) -> [u8; 2], text: &str| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let with_mark = format!("\u{feff}{CLIENT}");
    for bytes in [
        CLIENT.as_bytes().to_vec(),
        with_mark.as_bytes().to_vec(),
        utf16(u16::to_le_bytes, &with_mark),
        utf16(u16::to_be_bytes, &with_mark),
        utf16(u16::to_le_bytes, CLIENT),
        utf16(u16::to_be_bytes, CLIENT),
    ] {
        assert_eq!(parse_bytes(&bytes), parse(CLIENT));
        assert_eq!(*decode(&bytes).unwrap(), CLIENT);
    }
}

#[test]
fn only_a_comment_may_be_in_another_encoding() {
    let parsed = parse_bytes(b"[Interface]\n# Stra\xdfe\nListenPort = 1 # \xdf\n").unwrap();
    assert_eq!(parsed.config.interface.listen_port.unwrap().get(), 1);

    for bytes in [
        &b"[Interface]\nPostUp = echo # \xdf\n"[..],
        b"[Interface]\nDNS = \xdf\n",
        b"\xff\xfe[\x00I",
        b"\xff\xfe\x00\xd8\x00\xd8",
    ] {
        assert_eq!(parse_bytes(bytes).unwrap_err().reason, Reason::Encoding, "{bytes:?}");
    }
}

#[test]
fn an_error_names_section_key_rule_and_place() {
    let error =
        refused(&format!("[Peer]\nPublicKey = {KEY}\n[Peer]\n  AllowedIPs = ::/0,  10.0.0.0/33 # x\n"));
    assert_eq!(error.section, Some(Section::Peer(2)));
    assert_eq!(error.key, Some(Attribute::AllowedIps));
    assert_eq!(error.reason, Reason::InvalidValue);
    assert_eq!(error.text.as_deref(), Some("10.0.0.0/33"));
    assert_eq!((error.line, error.columns.clone()), (4, 23..34));
    assert_eq!(
        error.to_string(),
        "line 4: AllowedIPs in [Peer] 2 must be networks with commas between them, as in 10.0.0.0/8, fd00::/8, \
         not `10.0.0.0/33`"
    );
}

#[test]
fn columns_count_letters_and_spans_octets() {
    let text = "[Interface]\nDNS = b\u{fc}cher, 1.2.3\n";
    let error = refused(text);
    assert_eq!(error.columns, 15..20);
    assert_eq!(&text[error.span], "1.2.3");

    let marked = refused("\u{feff}[Client]");
    assert_eq!((marked.columns, marked.span), (1..9, 3..11), "no editor shows the byte order mark");
}

#[test]
fn each_rule_has_its_sentence() {
    for (text, expected) in [
        (
            "[Interface]\nListenPort = 70000",
            "line 2: ListenPort in [Interface] must be a port from 0 to 65535, not `70000`",
        ),
        (
            "[Interface]\nListenPort =",
            "line 2: ListenPort in [Interface] must be a port from 0 to 65535, but is empty",
        ),
        (
            "[Interface]\nPrivateKey = x",
            "line 2: PrivateKey in [Interface] must be 44 characters of base64, ending in `=`",
        ),
        ("[Interface]\n\n[Peer]\n", "line 3: [Peer] 1 has no PublicKey"),
        ("Address = 10.0.0.1", "line 1: `Address` stands before [Interface] and [Peer]"),
        (
            "[Interface]\nAdress = 10.0.0.1",
            "line 2: `Adress` is not a key of [Interface]; did you mean Address?",
        ),
        (
            "[Interface]\nEndpoint = a:1",
            "line 2: `Endpoint` is not a key of [Interface]; Endpoint belongs to a [Peer]",
        ),
        (
            "[Peer]\nAddress = 10.0.0.1",
            "line 2: `Address` is not a key of [Peer] 1; Address belongs to [Interface]",
        ),
        ("[Peer]\nColour = red", "line 2: `Colour` is not a key of [Peer] 1"),
        ("[Client]", "line 1: `[Client]` is neither [Interface] nor [Peer]"),
        ("hello", "line 1: neither `key = value`, nor [Interface], nor [Peer], nor a # comment"),
        (
            "[Interface]\nIncludedApplications = a\nExcludedApplications = b",
            "line 3: IncludedApplications and ExcludedApplications exclude each other",
        ),
    ] {
        assert_eq!(refused(text).to_string(), expected);
    }
}

/// What diagnosing a faulty text says.
fn all_errors(text: &str) -> Vec<String> {
    diagnose(text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_diagnosis_has_every_error_in_the_order_of_the_text() {
    let text = "[Interface]\nListenPort = x\nAdress = 10.0.0.1\n[Peer]\n[Peer]\nAllowedIPs = 10.0.0.0/33\n\
                Endpoint = x\n";
    let errors = diagnose(text).unwrap_err();
    let places: Vec<_> = errors.iter().map(|error| (error.line, error.reason)).collect();
    let nearest = Some(Attribute::Address);
    assert_eq!(
        places,
        [
            (2, Reason::InvalidNumber),
            (3, Reason::UnknownAttribute { nearest }),
            (4, Reason::MissingAttribute),
            (5, Reason::MissingAttribute),
            (6, Reason::InvalidValue),
            (7, Reason::InvalidValue),
        ]
    );
    assert_eq!(errors[0], refused(text), "the first one is what parse says");
}

#[test]
fn what_only_follows_from_an_error_is_not_told() {
    for (text, only) in [
        ("Address = 10.0.0.1\nDNS = x\n[Interface]\n", "line 1: `Address` stands"),
        ("[Interface]\n[Pear]\nPublicKey = x\nEndpoint = y\n", "line 2: `[Pear]` is neither"),
        ("[Interface]\n[Peer\nPublicKey = x\n", "line 2: neither"),
        ("[Peer]\nPublicKey = x\n", "line 2: PublicKey in [Peer] 1 must be"),
        ("[Peer]\nPubliKey = x\n", "line 2: `PubliKey` is not a key"),
        ("[Peer]\nPublicKey: x\n", "line 2: neither"),
    ] {
        let errors = all_errors(text);
        assert!(matches!(&errors[..], [error] if error.starts_with(only)), "{text:?}: {errors:?}");
    }
    assert_eq!(all_errors("[Pear]\nx = y\n[Interface]\nMTU = x\n").len(), 2, "the next section counts again");
    assert_eq!(all_errors("[Peer]\nEndpoint = x\n").len(), 2, "another key's error hides no missing one");
}

#[test]
fn a_diagnosis_of_a_good_text_is_the_configuration() {
    assert_eq!(diagnose(SERVER), Ok(parse(SERVER).unwrap()));
}

#[test]
fn of_very_many_errors_the_first_are_told() {
    let errors = diagnose(&"[Peer]\nx\n".repeat(5000)).unwrap_err();
    assert_eq!(errors.len(), 100);
    assert_eq!(diagnose(&"[Peer]\n".repeat(5000)).unwrap_err().len(), 100);
}

#[test]
fn an_error_shows_no_control_characters_and_no_end_of_a_long_text() {
    let said = refused("[Interface]\nTable = \x1b[31m\n").to_string();
    assert!(said.ends_with("not `\\u{1b}[31m`"), "{said}");
    assert!(refused(&format!("[Interface]\nTable = {}", "1.".repeat(500))).to_string().len() < 200);
}

#[test]
fn what_is_not_text_is_told_where_it_stands() {
    let error = parse_bytes(b"[Interface]\nPostUp = echo \xdf\n").unwrap_err();
    assert_eq!((error.line, error.columns), (2, 15..15));
}

#[test]
fn no_secret_is_in_an_error() {
    let broken = &KEY[..40];
    for text in [
        format!("[Interface]\nPrivateKey = {broken}"),
        format!("[Interface]\nPrivateKey {KEY}"),
        format!("[Interface]\nPrivateKey: {KEY}"),
        format!("[Interface]\nPrivatKey = {KEY}"),
        format!("[Interface]\nPrivateKey = x\n{KEY}"),
        format!("[Interface]\n{KEY}"),
        format!("[Interface]\n{}", &KEY[..20]),
        format!("[Interface]\nAddress = {KEY}"),
        format!("[Interface]\nListenPort = 1 {KEY}"),
        format!("[{KEY}]"),
        KEY.to_string(),
        format!("[Peer]\nPublicKey = {OTHER_KEY}\nPresharedKey = {broken}"),
        format!("[Peer]\nPublicKey = {OTHER_KEY}\nAllowedIPs = 10.0.0.0/8, {KEY}"),
        format!("[Peer]\nPublicKey = {OTHER_KEY}\nEndpoint = {KEY}"),
    ] {
        let error = refused(&text);
        for shown in [format!("{error}"), format!("{error:?}")] {
            assert!(!shown.contains(&KEY[..12]), "{text}: {shown}");
        }
    }
    assert!(!format!("{:?}", parse(CLIENT).unwrap()).contains(KEY));
}

#[test]
fn spans_cut_the_parts_out_of_the_text() {
    let spans = parse(SERVER).unwrap().spans;
    let headers: Vec<_> = spans.sections.iter().map(|span| &SERVER[span.header.clone()]).collect();
    assert_eq!(headers, ["[Interface]", "[Peer]", "[Peer]"]);

    let port = spans.entries(Section::Interface, Attribute::ListenPort).next().unwrap();
    assert_eq!((&SERVER[port.name.clone()], &SERVER[port.value.clone()]), ("ListenPort", "51820"));

    let network = spans.item(Section::Peer(2), Attribute::AllowedIps, 1).unwrap();
    assert_eq!(&SERVER[network], "10.113.2.0/24");
    assert_eq!(spans.item(Section::Peer(2), Attribute::AllowedIps, 2), None);
}

#[test]
fn spans_count_the_items_of_several_lines() {
    let text = "\u{feff}[Interface]\nAddress = 10.0.0.1/8,, 10.0.0.2/8\n[Interface]\nAddress = fd00::1/64\n";
    let spans = parse(text).unwrap().spans;
    let items: Vec<_> =
        (0..4).map_while(|index| spans.item(Section::Interface, Attribute::Address, index)).collect();
    assert_eq!(
        items.into_iter().map(|item| &text[item]).collect::<Vec<_>>(),
        ["10.0.0.1/8", "10.0.0.2/8", "fd00::1/64"]
    );
}

#[test]
fn a_default_configuration_is_one_line() {
    assert_eq!(*write(&Config::default()).unwrap(), "[Interface]\n");
}

#[test]
fn a_value_that_text_cannot_say_is_not_written() {
    let mut smuggled = Config::default();
    smuggled.interface.post_up.push("true\n[Peer]".into());
    assert_eq!(write(&smuggled), Err(Unwritable { key: Attribute::PostUp, text: "true\n[Peer]".into() }));

    let mut no_domain = Config::default();
    no_domain.interface.dns_search.push("1.2.3".into());
    assert_eq!(write(&no_domain).unwrap_err().key, Attribute::Dns);

    let mut no_applications = Config::default();
    no_applications.interface.applications = Applications::Included(vec![]);
    assert_eq!(write(&no_applications).unwrap_err().key, Attribute::IncludedApplications);

    let mut no_host = config(CLIENT);
    no_host.peers[0].endpoint = Some(Endpoint::Name { host: "192.0.2.1".into(), port: 1 });
    assert_eq!(write(&no_host).unwrap_err().key, Attribute::Endpoint);
}

#[test]
fn host_bits_survive() {
    let entry = AllowedIp { network: "10.0.0.1/8".parse().unwrap(), change: AllowedIpChange::Listed };
    let config = config(&format!("[Peer]\nPublicKey = {KEY}\nAllowedIPs = 10.0.0.1/8\n"));
    assert_eq!(config.peers[0].allowed_ips, [entry]);
    assert!(write(&config).unwrap().contains("AllowedIPs = 10.0.0.1/8\n"));
}
