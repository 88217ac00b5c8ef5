//! What a tunnel counts, as records.

use std::sync::Arc;
use std::time::SystemTime;

use adit_core::{device, uapi};

use crate::event::wall_clock;
use crate::keys::PublicKey;

/// A tunnel's state and its counters since the start.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Stats {
    /// The UDP port in use.
    pub listen_port: u16,
    /// Every peer.
    pub peers: Vec<PeerStats>,
    /// Packets read from the TUN device.
    pub tun_received: Traffic,
    /// Packets written to the TUN device.
    pub tun_sent: Traffic,
    /// Datagrams from the network.
    pub udp_received: Traffic,
    /// Datagrams to the network.
    pub udp_sent: Traffic,
    /// What was lost.
    pub dropped: Dropped,
}

/// One peer's.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct PeerStats {
    /// Who.
    pub public_key: Arc<PublicKey>,
    /// Where it is sent to, address:port; null while that is not known.
    pub endpoint: Option<String>,
    /// Null before the first one.
    pub latest_handshake: Option<SystemTime>,
    /// Octets of its datagrams.
    pub received_octets: u64,
    /// Octets of datagrams to it.
    pub sent_octets: u64,
}

/// A count in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Traffic {
    /// Packets, or datagrams.
    pub packets: u64,
    /// Octets in them.
    pub octets: u64,
}

/// Packets, datagrams and events that were lost, by reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Dropped {
    /// Packets from the TUN device that no peer takes, or that are not IP.
    pub unroutable: u64,
    /// Datagrams that were refused: not WireGuard, not authentic, replayed, ...
    pub rejected: u64,
    /// Packets that the TUN device refused, as it does while its link is down.
    pub tun_refused: u64,
    /// Packets that came faster than the TUN device took them.
    pub tun_full: u64,
    /// Datagrams that the network refused.
    pub udp_refused: u64,
    /// Datagrams that waited for a network which took nothing.
    pub udp_full: u64,
    /// Failed calls to receive from the network.
    pub udp_receive_errors: u64,
    /// Events that the observer was too slow for.
    pub events: u64,
}

impl Stats {
    /// The private key, which the status has too, does not come along.
    pub(crate) fn of(status: uapi::DeviceStatus, stats: device::Stats) -> Self {
        let device::Stats { tun_received, tun_sent, udp_received, udp_sent, dropped } = stats;
        Self {
            listen_port: status.listen_port,
            peers: status.peers.into_iter().map(PeerStats::from).collect(),
            tun_received: tun_received.into(),
            tun_sent: tun_sent.into(),
            udp_received: udp_received.into(),
            udp_sent: udp_sent.into(),
            dropped: dropped.into(),
        }
    }
}

impl From<uapi::PeerStatus> for PeerStats {
    fn from(peer: uapi::PeerStatus) -> Self {
        Self {
            public_key: Arc::new(PublicKey(peer.public_key)),
            endpoint: peer.endpoint.map(|endpoint| endpoint.to_string()),
            latest_handshake: peer.last_handshake.map(wall_clock),
            received_octets: peer.rx_bytes,
            sent_octets: peer.tx_bytes,
        }
    }
}

impl From<device::Traffic> for Traffic {
    fn from(traffic: device::Traffic) -> Self {
        let device::Traffic { packets, octets } = traffic;
        Self { packets, octets }
    }
}

impl From<device::Dropped> for Dropped {
    fn from(dropped: device::Dropped) -> Self {
        let device::Dropped {
            unroutable,
            rejected,
            tun_refused,
            tun_full,
            udp_refused,
            udp_full,
            udp_receive_errors,
            events,
        } = dropped;
        Self {
            unroutable,
            rejected,
            tun_refused,
            tun_full,
            udp_refused,
            udp_full,
            udp_receive_errors,
            events,
        }
    }
}
