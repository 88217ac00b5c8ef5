//! Writes the answer to `get=1`, and reads the answers of any daemon: ours, wireguard-go's, boringtun's,
//! gotatun's.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use zeroize::Zeroizing;

use super::error::printable_key;
use super::set::hex_or_zeros;
use super::{DeviceStatus, PeerStatus, Reason, StatusError, ZoneLookup, value};
use crate::key::{PresharedKey, PrivateKey, PublicKey};
use crate::secret_text::SecretText;

/// The whole answer, its `errno=0` and its empty line included.
pub fn write_status(status: &DeviceStatus) -> Zeroizing<String> {
    let mut text = SecretText::default();
    write_device(&mut text, status);
    write_peers(&mut text, &status.peers);
    write_end(&mut text);
    text.into_inner()
}

/// Peers in one piece of an answer: some 50 KiB.
const PEERS_A_PIECE: usize = 128;

/// The same answer in pieces, one after the other: the text of many thousands of peers is larger than they are.
pub fn write_status_in_pieces(status: &DeviceStatus) -> impl Iterator<Item = Zeroizing<String>> {
    let last = status.peers.len().div_ceil(PEERS_A_PIECE).saturating_sub(1);
    (0..=last).map(move |piece| {
        let mut text = SecretText::default();
        if piece == 0 {
            write_device(&mut text, status);
        }
        write_peers(&mut text, status.peers.chunks(PEERS_A_PIECE).nth(piece).unwrap_or_default());
        if piece == last {
            write_end(&mut text);
        }
        text.into_inner()
    })
}

fn write_device(text: &mut SecretText, status: &DeviceStatus) {
    if let Some(key) = &status.private_key {
        text.put(format_args!("private_key={}\n", *Zeroizing::new(key.to_hex())));
    }
    text.put(format_args!("listen_port={}\n", status.listen_port));
    if let Some(fwmark) = status.fwmark {
        text.put(format_args!("fwmark={fwmark}\n"));
    }
}

fn write_peers(text: &mut SecretText, peers: &[PeerStatus]) {
    for peer in peers {
        write_peer(text, peer);
    }
}

fn write_end(text: &mut SecretText) {
    text.put(format_args!("errno=0\n\n"));
}

fn write_peer(text: &mut SecretText, peer: &PeerStatus) {
    let handshake = peer.last_handshake.unwrap_or_default();
    text.put(format_args!("public_key={}\n", peer.public_key.to_hex()));
    text.put(format_args!(
        "preshared_key={}\n",
        *hex_or_zeros(peer.preshared_key.as_ref().map(PresharedKey::to_hex))
    ));
    text.put(format_args!("protocol_version=1\n"));
    if let Some(endpoint) = peer.endpoint {
        text.put(format_args!("endpoint={endpoint}\n"));
    }
    text.put(format_args!("last_handshake_time_sec={}\n", handshake.as_secs()));
    text.put(format_args!("last_handshake_time_nsec={}\n", handshake.subsec_nanos()));
    text.put(format_args!("tx_bytes={}\n", peer.tx_bytes));
    text.put(format_args!("rx_bytes={}\n", peer.rx_bytes));
    text.put(format_args!(
        "persistent_keepalive_interval={}\n",
        peer.persistent_keepalive.map_or(0, u16::from)
    ));
    for network in &peer.allowed_ips {
        text.put(format_args!("allowed_ip={network}\n"));
    }
}

/// Reads an answer up to its empty line. Keys that are not known are passed over: daemons tell more than
/// they are asked.
///
/// Asks `zones` for the interfaces that endpoints name.
pub fn parse_status(text: &str, zones: ZoneLookup) -> Result<DeviceStatus, StatusError> {
    let mut status = DeviceStatus { private_key: None, listen_port: 0, fwmark: None, peers: Vec::new() };
    let mut errno = None;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let malformed = |key, reason| StatusError::Malformed { line: index + 1, key, reason };
        let line = line.strip_suffix('\n').ok_or_else(|| malformed(None, Reason::Truncated))?;
        if line.is_empty() {
            return match errno {
                Some(0) => Ok(status),
                Some(errno) => Err(StatusError::Refused(errno)),
                None => Err(malformed(None, Reason::Truncated)),
            };
        }
        let (key, value) = line.split_once('=').ok_or_else(|| malformed(None, Reason::NoValue))?;
        let taken = match (key, status.peers.last_mut()) {
            ("errno", _) => error_number(value).map(|number| errno = Some(number)),
            ("public_key", _) => new_peer(value).map(|peer| status.peers.push(peer)),
            (_, None) => device_line(&mut status, key, value),
            (_, Some(peer)) => peer_line(peer, key, value, zones),
        };
        taken.map_err(|reason| malformed(printable_key(key), reason))?;
    }
    Err(StatusError::Malformed { line: text.lines().count() + 1, key: None, reason: Reason::Truncated })
}

/// Some daemons negate it, some do not; both mean the same.
fn error_number(value: &str) -> Result<i64, Reason> {
    let number = value::number(value.strip_prefix('-').unwrap_or(value), i32::MAX as u64)?;
    Ok(number as i64)
}

fn device_line(status: &mut DeviceStatus, key: &str, value: &str) -> Result<(), Reason> {
    match key {
        "private_key" => status.private_key = PrivateKey::from_hex(value)?,
        "listen_port" => status.listen_port = value::port(value)?,
        "fwmark" => status.fwmark = value::fwmark(value)?,
        _ => {}
    }
    Ok(())
}

fn peer_line(peer: &mut PeerStatus, key: &str, value: &str, zones: ZoneLookup) -> Result<(), Reason> {
    match key {
        "preshared_key" => peer.preshared_key = PresharedKey::from_hex(value)?,
        "endpoint" => peer.endpoint = Some(value::endpoint(value, zones)?),
        "persistent_keepalive_interval" => peer.persistent_keepalive = value::keepalive(value)?,
        "allowed_ip" => peer.allowed_ips.push(value::network(value)?),
        "rx_bytes" => peer.rx_bytes = value::number(value, u64::MAX)?,
        "tx_bytes" => peer.tx_bytes = value::number(value, u64::MAX)?,
        "last_handshake_time_sec" => {
            let seconds = value::number(value, i64::MAX as u64)?;
            set_handshake_time(peer, |time| Duration::new(seconds, time.subsec_nanos()));
        }
        "last_handshake_time_nsec" => {
            let nanoseconds = value::nanoseconds(value)?;
            set_handshake_time(peer, |time| Duration::new(time.as_secs(), nanoseconds));
        }
        _ => {}
    }
    Ok(())
}

/// The time comes in two lines, in either order; 0 in both is no handshake.
fn set_handshake_time(peer: &mut PeerStatus, set: impl FnOnce(Duration) -> Duration) {
    let time = set(peer.last_handshake.unwrap_or_default());
    peer.last_handshake = (!time.is_zero()).then_some(time);
}

fn new_peer(public_key: &str) -> Result<PeerStatus, Reason> {
    Ok(PeerStatus {
        public_key: PublicKey::from_hex(public_key)?,
        preshared_key: None,
        endpoint: None,
        last_handshake: None,
        rx_bytes: 0,
        tx_bytes: 0,
        persistent_keepalive: None,
        allowed_ips: Vec::new(),
    })
}
