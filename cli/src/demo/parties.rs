//! The two ends of the demo's tunnel: their keys, their configurations, and how these are shown.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;

use adit_core::config::{self, AllowedIp, AllowedIpChange, Config, Endpoint, Interface, Peer, Unwritable};
use adit_core::key::{PresharedKey, PrivateKey};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use ipnet::{IpNet, Ipv4Net};
use zeroize::Zeroizing;

use super::packet::Route;

/// The server within the tunnel.
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 90, 0, 1);
/// The client within the tunnel.
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 90, 0, 2);
/// Of the tunnel's network.
pub(crate) const PREFIX_LEN: u8 = 24;
/// From the client to the server.
pub(crate) const TO_SERVER: Route = Route { source: CLIENT, destination: SERVER };

/// Both configurations, with keys of their own.
pub(crate) struct Parties {
    pub(crate) server: Config,
    pub(crate) client: Config,
}

impl Parties {
    /// New keys; the client knows the server's endpoint once [`Parties::meet_at`] has told it.
    pub(crate) fn new() -> Self {
        let rng = &mut UnwrapErr(SysRng);
        let (server_key, client_key) = (PrivateKey::generate(rng), PrivateKey::generate(rng));
        let preshared_key = PresharedKey::generate(rng);
        let peer = |key: &PrivateKey, network: Ipv4Net| Peer {
            public_key: key.public_key(),
            preshared_key: Some(preshared_key.clone()),
            allowed_ips: vec![AllowedIp { network: IpNet::V4(network), change: AllowedIpChange::Listed }],
            endpoint: None,
            persistent_keepalive: None,
        };
        let at_server = peer(&client_key, Ipv4Net::from(CLIENT));
        let at_client = peer(&server_key, network_of(SERVER).trunc());
        Self { server: party(server_key, SERVER, at_server), client: party(client_key, CLIENT, at_client) }
    }

    /// Where the server listens.
    pub(crate) fn meet_at(&mut self, endpoint: SocketAddr) {
        self.server.interface.listen_port = NonZeroU16::new(endpoint.port());
        for peer in &mut self.client.peers {
            peer.endpoint = Some(Endpoint::Address(endpoint));
            peer.persistent_keepalive = NonZeroU16::new(25);
        }
    }
}

fn party(private_key: PrivateKey, address: Ipv4Addr, peer: Peer) -> Config {
    let interface = Interface {
        private_key: Some(private_key),
        addresses: vec![IpNet::V4(network_of(address))],
        ..Interface::default()
    };
    Config { interface, peers: vec![peer] }
}

/// The tunnel's network, with an address in it.
fn network_of(address: Ipv4Addr) -> Ipv4Net {
    Ipv4Net::new_assert(address, PREFIX_LEN)
}

/// Writes a configuration as its file would read, but for the secrets in it.
pub(crate) fn show(config: &Config, file: &str, out: &mut impl Write) -> Result<(), ShowConfigError> {
    let text = config::write(config)?;
    writeln!(out, "{file}")?;
    for line in text.lines() {
        let line = Zeroizing::new(format!("    {}", *without_secret(line)));
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Why a configuration is not shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShowConfigError {
    /// It has no text.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// Nobody to show it to.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

fn without_secret(line: &str) -> Zeroizing<String> {
    let secret = line.split_once('=').map(|(key, _)| key.trim_end());
    Zeroizing::new(match secret {
        Some(key @ ("PrivateKey" | "PresharedKey")) => format!("{key} = (hidden)"),
        _ => line.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parties() -> Parties {
        let mut parties = Parties::new();
        parties.meet_at("127.0.0.1:51820".parse().unwrap());
        parties
    }

    #[test]
    fn each_knows_the_other() {
        let Parties { server, client } = parties();
        let public_key = |config: &Config| config.interface.private_key.as_ref().unwrap().public_key();
        assert_eq!(server.peers[0].public_key, public_key(&client));
        assert_eq!(client.peers[0].public_key, public_key(&server));
        assert_ne!(public_key(&server), public_key(&client));
        assert_eq!(server.peers[0].preshared_key, client.peers[0].preshared_key);
        assert_eq!(server.interface.listen_port, NonZeroU16::new(51820));
    }

    #[test]
    fn what_is_shown_holds_no_secret() {
        let Parties { client, .. } = parties();
        let mut out = Vec::new();
        show(&client, "client.conf", &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let private_key = client.interface.private_key.as_ref().unwrap().to_base64();
        let preshared_key = client.peers[0].preshared_key.as_ref().unwrap().to_base64();
        assert!(!text.contains(&private_key) && !text.contains(&preshared_key), "{text}");
        assert!(text.contains("    PrivateKey = (hidden)\n"), "{text}");
        assert!(text.contains("    Endpoint = 127.0.0.1:51820\n"), "{text}");
        assert!(text.contains(&client.peers[0].public_key.to_base64()), "{text}");
    }
}
