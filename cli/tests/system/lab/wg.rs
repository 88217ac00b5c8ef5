//! The unmodified `wg`: keys, settings and what `wg show` says.

use super::command::{Ended, feed, run, try_run};

/// A pair of keys, in base64.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub private: String,
    pub public: String,
}

impl Keys {
    pub(crate) fn generate() -> Self {
        let private = line(run("wg genkey"));
        let public = line(feed(&["wg", "pubkey"], &private).success());
        Self { private, public }
    }
}

pub(crate) fn preshared_key() -> String {
    line(run("wg genpsk"))
}

/// `wg setconf` with this text.
#[track_caller]
pub(crate) fn setconf(interface: &str, text: &str) {
    feed(&["wg", "setconf", interface, "/dev/stdin"], text).success();
}

/// `wg set` with these words.
#[track_caller]
pub(crate) fn set(interface: &str, words: &str) {
    try_set(interface, words).success();
}

/// Like [`set`], where failing is an answer too.
pub(crate) fn try_set(interface: &str, words: &str) -> Ended {
    try_run(&format!("wg set {interface} {words}"))
}

/// `wg set` with words of which one is `/dev/stdin`, a file that holds this key.
#[track_caller]
pub(crate) fn set_key(interface: &str, words: &str, key: &str) {
    let line = format!("wg set {interface} {words}");
    feed(&line.split_whitespace().collect::<Vec<_>>(), key).success();
}

/// What `wg show INTERFACE dump` says, in its own words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dump {
    pub private_key: String,
    pub public_key: String,
    pub listen_port: String,
    pub fwmark: String,
    pub peers: Vec<PeerDump>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PeerDump {
    pub public_key: String,
    pub preshared_key: String,
    pub endpoint: String,
    pub allowed_ips: String,
    /// Seconds since the epoch, 0 before the first.
    pub latest_handshake: u64,
    /// Octets.
    pub received: u64,
    /// Octets.
    pub sent: u64,
    pub keepalive: String,
}

impl Dump {
    #[track_caller]
    pub(crate) fn of(interface: &str) -> Self {
        let text = run(&format!("wg show {interface} dump"));
        let mut lines = text.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
        let Ok([private_key, public_key, listen_port, fwmark]) =
            <[String; 4]>::try_from(lines.next().unwrap_or_default())
        else {
            panic!("not a dump: {text:?}");
        };
        let peers = lines.map(|fields| PeerDump::of(fields, &text)).collect();
        Self { private_key, public_key, listen_port, fwmark, peers }
    }

    /// Without the figures that change while nobody sets anything.
    pub(crate) fn settings(mut self) -> Self {
        for peer in &mut self.peers {
            (peer.latest_handshake, peer.received, peer.sent) = (0, 0, 0);
        }
        self
    }

    /// The peer of this key.
    #[track_caller]
    pub(crate) fn peer(&self, public_key: &str) -> &PeerDump {
        let found = self.peers.iter().find(|peer| peer.public_key == public_key);
        found.unwrap_or_else(|| panic!("no peer {public_key} in {self:?}"))
    }
}

impl PeerDump {
    fn of(fields: Vec<String>, text: &str) -> Self {
        let number = |field: &str| field.parse().unwrap_or_else(|_| panic!("{field:?} in {text:?}"));
        let Ok([public_key, preshared_key, endpoint, allowed_ips, handshake, received, sent, keepalive]) =
            <[String; 8]>::try_from(fields)
        else {
            panic!("not a dump: {text:?}");
        };
        Self {
            public_key,
            preshared_key,
            endpoint,
            allowed_ips,
            latest_handshake: number(&handshake),
            received: number(&received),
            sent: number(&sent),
            keepalive,
        }
    }
}

fn line(text: String) -> String {
    text.trim_end().to_owned()
}
