//! Devices as JSON, for programs, in the shape of `wg-json`, which comes with `wg`: an object with the interfaces'
//! names, in each its settings, and in `peers` an object with their public keys. What is not set is left out.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::num::{NonZeroU16, NonZeroU32};

use adit_core::key::{PresharedKey, PrivateKey};
use adit_core::uapi::{DeviceStatus, PeerStatus};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use super::address::{endpoint_text, network_text};

/// All interfaces that are shown, by their names.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Json(BTreeMap<String, Device>);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Device {
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "secret")]
    private_key: Option<Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listen_port: Option<NonZeroU16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fwmark: Option<NonZeroU32>,
    peers: BTreeMap<String, Peer>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Peer {
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "secret")]
    preshared_key: Option<Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    /// Seconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_handshake: Option<u64>,
    /// Octets received, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer_rx: Option<u64>,
    /// Octets sent, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer_tx: Option<u64>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    persistent_keepalive: Option<NonZeroU16>,
    allowed_ips: Vec<String>,
}

fn secret<S: Serializer>(key: &Option<Zeroizing<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    key.as_deref().serialize(serializer)
}

impl Json {
    pub(crate) fn insert(&mut self, interface: &str, status: &DeviceStatus) {
        self.0.insert(interface.to_owned(), Device::from(status));
    }

    /// Writes them, ended by a newline: over many lines, or all in one for those who read line by line.
    pub(crate) fn write(&self, mut out: impl Write, is_one_line: bool) -> io::Result<()> {
        if is_one_line {
            serde_json::to_writer(&mut out, self)?;
        } else {
            serde_json::to_writer_pretty(&mut out, self)?;
        }
        writeln!(out)
    }
}

impl From<&DeviceStatus> for Device {
    fn from(status: &DeviceStatus) -> Self {
        let private_key = status.private_key.as_ref();
        Self {
            private_key: private_key.map(PrivateKey::to_base64).map(Zeroizing::new),
            public_key: private_key.map(|key| key.public_key().to_base64()),
            listen_port: NonZeroU16::new(status.listen_port),
            fwmark: status.fwmark,
            peers: status.peers.iter().map(|peer| (peer.public_key.to_base64(), peer.into())).collect(),
        }
    }
}

impl From<&PeerStatus> for Peer {
    fn from(peer: &PeerStatus) -> Self {
        let counted = |octets: u64| (octets != 0).then_some(octets);
        Self {
            preshared_key: peer.preshared_key.as_ref().map(PresharedKey::to_base64).map(Zeroizing::new),
            endpoint: peer.endpoint.map(endpoint_text),
            latest_handshake: peer.last_handshake.map(|at| at.as_secs()).filter(|seconds| *seconds != 0),
            transfer_rx: counted(peer.rx_bytes),
            transfer_tx: counted(peer.tx_bytes),
            persistent_keepalive: peer.persistent_keepalive,
            allowed_ips: peer.allowed_ips.iter().map(network_text).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status_text::sample::{device, full_device};

    fn json(interface: &str, status: &DeviceStatus, is_one_line: bool) -> String {
        let mut json = Json::default();
        json.insert(interface, status);
        let mut text = Vec::new();
        json.write(&mut text, is_one_line).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_full_device_has_everything() {
        let expected = serde_json::json!({ "wg0": {
            "privateKey": "AAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAUE=",
            "publicKey": "pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=",
            "listenPort": 51820,
            "fwmark": 0xca6c,
            "peers": {
                "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=": { "allowedIps": [] },
                "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=": {
                    "presharedKey": "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=",
                    "endpoint": "192.0.2.7:51820",
                    "latestHandshake": 1_699_999_937,
                    "transferRx": 1536,
                    "transferTx": 5_242_880,
                    "persistentKeepalive": 25,
                    "allowedIps": ["10.0.0.2/32", "fd00::/64"],
                },
            },
        }});
        let said: serde_json::Value = serde_json::from_str(&json("wg0", &full_device(), false)).unwrap();
        assert_eq!(said, expected);
    }

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(json("wg0", &device(Vec::new()), true), "{\"wg0\":{\"peers\":{}}}\n");
    }
}
