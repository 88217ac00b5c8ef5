//! A device for the tests of this room.

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use adit_core::key::{PresharedKey, PrivateKey, PublicKey};
use adit_core::uapi::{DeviceStatus, PeerStatus};

/// 2023-11-14 22:13:20 UTC.
pub(super) const NOW: Duration = Duration::from_secs(1_700_000_000);

pub(super) fn peer(octet: u8) -> PeerStatus {
    PeerStatus {
        public_key: PublicKey::from_bytes([octet; 32]),
        preshared_key: None,
        endpoint: None,
        last_handshake: None,
        rx_bytes: 0,
        tx_bytes: 0,
        persistent_keepalive: None,
        allowed_ips: Vec::new(),
    }
}

pub(super) fn device(peers: Vec<PeerStatus>) -> DeviceStatus {
    DeviceStatus { private_key: None, listen_port: 0, fwmark: None, peers }
}

pub(super) fn full_device() -> DeviceStatus {
    let busy = PeerStatus {
        preshared_key: PresharedKey::from_bytes(&[9; 32]),
        endpoint: Some("192.0.2.7:51820".parse().unwrap()),
        last_handshake: Some(NOW - Duration::from_secs(63)),
        rx_bytes: 1536,
        tx_bytes: 5 << 20,
        persistent_keepalive: NonZeroU16::new(25),
        allowed_ips: vec!["10.0.0.2/32".parse().unwrap(), "fd00::/64".parse().unwrap()],
        ..peer(2)
    };
    DeviceStatus {
        private_key: Some(PrivateKey::from_bytes(&[1; 32])),
        listen_port: 51820,
        fwmark: NonZeroU32::new(0xca6c),
        peers: vec![peer(3), busy],
    }
}
