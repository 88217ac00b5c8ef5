//! What a device counts: traffic on both sides, and every loss by its reason.

/// The driver's counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
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

/// A count in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets, or datagrams.
    pub packets: u64,
    /// Octets in them: IP packets on the TUN side, UDP payloads on the network side.
    pub octets: u64,
}

/// Packets, datagrams and events that were lost, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Packets from the TUN device that no peer takes, or that are not IP.
    pub unroutable: u64,
    /// Datagrams that the engine refused: not WireGuard, not authentic, replayed, ...
    pub rejected: u64,
    /// Packets that the TUN device refused, as it does while its link is down.
    pub tun_refused: u64,
    /// Packets that came faster than the TUN device took them.
    pub tun_full: u64,
    /// Datagrams that the network refused: no route, no buffer, a firewall.
    pub udp_refused: u64,
    /// Datagrams that waited for a network which took nothing.
    pub udp_full: u64,
    /// Failed calls to receive from the network.
    pub udp_receive_errors: u64,
    /// Events that the observer was too slow for.
    pub events: u64,
}
