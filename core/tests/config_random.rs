//! Configurations at random: each survives its text, and no text makes the parser panic.

use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU32};

use adit_core::config::{
    AllowedIp, AllowedIpChange, Applications, Config, Endpoint, Interface, Peer, Table, decode, diagnose,
    lint, mask, parse, parse_bytes, write,
};
use adit_core::key::{PresharedKey, PrivateKey, PublicKey};
use ipnet::IpNet;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn network() -> impl Strategy<Value = IpNet> {
    (any::<IpAddr>(), 0..=128_u8).prop_map(|(address, length)| {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        IpNet::new(address, length.min(longest)).unwrap()
    })
}

fn allowed_ip() -> impl Strategy<Value = AllowedIp> {
    let change =
        prop_oneof![Just(AllowedIpChange::Listed), Just(AllowedIpChange::Add), Just(AllowedIpChange::Remove)];
    (network(), change).prop_map(|(network, change)| AllowedIp { network, change })
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let address = any::<SocketAddr>().prop_map(|mut address| {
        if let SocketAddr::V6(address) = &mut address {
            // Text has no flow labels.
            address.set_flowinfo(0);
        }
        Endpoint::Address(address)
    });
    let host =
        prop_oneof!["[a-z][a-z0-9_-]{0,9}(\\.[a-z][a-z0-9]{0,9}){0,3}\\.?", Just("fe80::1%eth0".to_string())];
    let name = (host, any::<u16>()).prop_map(|(host, port)| Endpoint::Name { host, port });
    prop_oneof![address, name]
}

/// A line that begins and ends with something to see.
fn hooks() -> impl Strategy<Value = Vec<String>> {
    vec("([!-~]([ -~]{0,20}[!-~])?)?", 0..3)
}

fn applications() -> impl Strategy<Value = Applications> {
    let names = || vec("[a-z.]{1,10}", 1..3);
    prop_oneof![
        Just(Applications::All),
        names().prop_map(Applications::Included),
        names().prop_map(Applications::Excluded)
    ]
}

fn table() -> impl Strategy<Value = Table> {
    prop_oneof![Just(Table::Auto), Just(Table::Off), any::<u32>().prop_map(Table::Number)]
}

prop_compose! {
    fn interface()(
        private_key in option::of(any::<[u8; 32]>()),
        (listen_port, fwmark, mtu) in any::<(u16, u32, u16)>(),
        addresses in vec(network(), 0..4),
        dns_servers in vec(any::<IpAddr>(), 0..3),
        dns_search in vec("[a-z][a-z0-9.-]{0,10}", 0..3),
        table in table(),
        (pre_up, post_up, pre_down, post_down) in (hooks(), hooks(), hooks(), hooks()),
        save_config in any::<bool>(),
        applications in applications(),
    ) -> Interface {
        Interface {
            private_key: private_key.map(|bytes| PrivateKey::from_bytes(&bytes)),
            listen_port: NonZeroU16::new(listen_port),
            fwmark: NonZeroU32::new(fwmark),
            mtu: (mtu > 0).then_some(mtu),
            addresses, dns_servers, dns_search, table, pre_up, post_up, pre_down, post_down, save_config,
            applications,
        }
    }
}

prop_compose! {
    fn peer()(
        public_key in any::<[u8; 32]>(),
        preshared_key in option::of(any::<[u8; 32]>()),
        allowed_ips in vec(allowed_ip(), 0..5),
        endpoint in option::of(endpoint()),
        persistent_keepalive in any::<u16>(),
    ) -> Peer {
        Peer {
            public_key: PublicKey::from_bytes(public_key),
            preshared_key: preshared_key.and_then(|bytes| PresharedKey::from_bytes(&bytes)),
            persistent_keepalive: NonZeroU16::new(persistent_keepalive),
            allowed_ips, endpoint,
        }
    }
}

/// Lines that are nearly right.
fn nearly() -> impl Strategy<Value = String> {
    let key = "(PrivateKey|ListenPort|FwMark|Address|DNS|MTU|Table|PostUp|SaveConfig|PublicKey|AllowedIPs|Endpoint)";
    let line = format!("\\[(Interface|Peer)\\]|{key} ?=? ?[-+#\\[\\]:./,%a-f0-9x \u{fc}]{{0,20}}");
    vec(proptest::string::string_regex(&line).unwrap(), 0..8).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn a_configuration_survives_its_text(interface in interface(), peers in vec(peer(), 0..4)) {
        let config = Config { interface, peers };
        let text = write(&config).unwrap();
        prop_assert_eq!(parse(&text).map(|parsed| parsed.config), Ok(config));
    }

    #[test]
    fn what_is_read_can_be_written(text in nearly()) {
        if let Ok(parsed) = parse(&text) {
            let written = write(&parsed.config).unwrap();
            prop_assert_eq!(parse(&written).map(|parsed| parsed.config), Ok(parsed.config));
        }
    }

    #[test]
    fn an_error_points_into_the_text(text in nearly()) {
        if let Err(error) = parse(&text) {
            let line = text.lines().nth(error.line - 1).unwrap_or_default();
            let columns = error.columns.end - error.columns.start;
            let pointed: String = line.chars().skip(error.columns.start - 1).take(columns).collect();
            prop_assert_eq!(&text[error.span], pointed);
        }
    }

    #[test]
    fn a_diagnosis_and_parsing_agree(text in nearly()) {
        match diagnose(&text) {
            Ok(parsed) => prop_assert_eq!(parse(&text), Ok(parsed)),
            Err(errors) => prop_assert!(errors.contains(&parse(&text).unwrap_err())),
        }
    }

    #[test]
    fn a_warning_points_into_the_text(interface in interface(), peers in vec(peer(), 0..4)) {
        let text = write(&Config { interface, peers }).unwrap();
        for warning in lint(&text, &parse(&text).unwrap()) {
            prop_assert!(text.get(warning.span.clone()).is_some(), "{:?}", warning);
        }
    }

    #[test]
    fn masking_keeps_every_place(text in any::<String>(), lines in nearly()) {
        for text in [text, lines] {
            let masked = mask(&text);
            prop_assert_eq!(masked.len(), text.len());
            prop_assert_eq!(masked.match_indices('\n').collect::<Vec<_>>(), text.match_indices('\n').collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_input_panics(bytes in vec(any::<u8>(), 0..200), text in any::<String>()) {
        let _ = parse_bytes(&bytes);
        let _ = decode(&bytes);
        let _ = parse(&text);
    }
}
