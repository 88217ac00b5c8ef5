//! Any configuration as text: it is read as what it was, or it is refused; no string smuggles a line in.
#![no_main]

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::num::{NonZeroU16, NonZeroU32};

use adit_core::config::{
    AllowedIp, AllowedIpChange, Applications, Config, Endpoint, Interface, Peer, Table, parse, write,
};
use adit_core::key::{PresharedKey, PrivateKey, PublicKey};
use arbitrary::{Arbitrary, Result, Unstructured};
use ipnet::IpNet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(config) = config(&mut Unstructured::new(input)) else { return };
    if let Ok(text) = write(&config) {
        assert_eq!(parse(&text).map(|parsed| parsed.config), Ok(config), "{}", *text);
    }
});

fn config(input: &mut Unstructured<'_>) -> Result<Config> {
    Ok(Config { interface: interface(input)?, peers: list(input, peer)? })
}

fn interface(input: &mut Unstructured<'_>) -> Result<Interface> {
    Ok(Interface {
        private_key: Option::<[u8; 32]>::arbitrary(input)?.map(|octets| PrivateKey::from_bytes(&octets)),
        listen_port: Option::<NonZeroU16>::arbitrary(input)?,
        fwmark: Option::<NonZeroU32>::arbitrary(input)?,
        addresses: list(input, network)?,
        dns_servers: list(input, IpAddr::arbitrary)?,
        dns_search: list(input, String::arbitrary)?,
        mtu: Option::<u16>::arbitrary(input)?,
        table: match input.int_in_range(0..=2)? {
            0 => Table::Auto,
            1 => Table::Off,
            _ => Table::Number(input.arbitrary()?),
        },
        pre_up: list(input, String::arbitrary)?,
        post_up: list(input, String::arbitrary)?,
        pre_down: list(input, String::arbitrary)?,
        post_down: list(input, String::arbitrary)?,
        save_config: input.arbitrary()?,
        applications: match input.int_in_range(0..=2)? {
            0 => Applications::All,
            1 => Applications::Included(list(input, String::arbitrary)?),
            _ => Applications::Excluded(list(input, String::arbitrary)?),
        },
    })
}

fn peer(input: &mut Unstructured<'_>) -> Result<Peer> {
    Ok(Peer {
        public_key: PublicKey::from_bytes(input.arbitrary()?),
        preshared_key: Option::<[u8; 32]>::arbitrary(input)?
            .and_then(|octets| PresharedKey::from_bytes(&octets)),
        allowed_ips: list(input, allowed_ip)?,
        endpoint: if input.arbitrary()? { Some(endpoint(input)?) } else { None },
        persistent_keepalive: Option::<NonZeroU16>::arbitrary(input)?,
    })
}

fn allowed_ip(input: &mut Unstructured<'_>) -> Result<AllowedIp> {
    let changes = [AllowedIpChange::Listed, AllowedIpChange::Add, AllowedIpChange::Remove];
    Ok(AllowedIp { network: network(input)?, change: *input.choose(&changes)? })
}

fn network(input: &mut Unstructured<'_>) -> Result<IpNet> {
    let address = IpAddr::arbitrary(input)?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    Ok(IpNet::new(address, input.int_in_range(0..=longest)?).expect("no prefix is longer than its address"))
}

fn endpoint(input: &mut Unstructured<'_>) -> Result<Endpoint> {
    if input.arbitrary()? {
        return Ok(Endpoint::Name { host: input.arbitrary()?, port: input.arbitrary()? });
    }
    Ok(Endpoint::Address(match SocketAddr::arbitrary(input)? {
        // Text has no flow labels.
        SocketAddr::V6(v6) => SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id()).into(),
        v4 => v4,
    }))
}

/// A few of them.
fn list<'i, T>(
    input: &mut Unstructured<'i>,
    mut item: impl FnMut(&mut Unstructured<'i>) -> Result<T>,
) -> Result<Vec<T>> {
    const MOST: usize = 4;
    let len = input.int_in_range(0..=MOST)?;
    (0..len).map(|_| item(input)).collect()
}
