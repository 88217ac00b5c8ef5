//! Two daemons in two namespaces, configured with the unmodified `wg` as each other's peer.

use super::daemon::{Daemon, Kind};
use super::netns::{self, Netns, Plug, await_ping, cable};
use super::wg::{self, Keys};

/// The version of the Internet protocol, of outer or of inner packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Family {
    V4,
    V6,
}

/// Both, for tests that try each.
pub(crate) const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// The port that the right-hand end listens on.
pub(crate) const PORT: u16 = 51820;

/// One end's addresses.
pub(crate) struct Addresses {
    outside_v4: &'static str,
    outside_v6: &'static str,
    inside_v4: &'static str,
    inside_v6: &'static str,
}

pub(crate) const LEFT: Addresses = Addresses {
    outside_v4: "192.0.2.1",
    outside_v6: "2001:db8::1",
    inside_v4: "10.113.0.1",
    inside_v6: "fd00:113::1",
};

pub(crate) const RIGHT: Addresses = Addresses {
    outside_v4: "192.0.2.2",
    outside_v6: "2001:db8::2",
    inside_v4: "10.113.0.2",
    inside_v6: "fd00:113::2",
};

impl Addresses {
    /// On the cable.
    pub(crate) fn outside(&self, family: Family) -> &'static str {
        match family {
            Family::V4 => self.outside_v4,
            Family::V6 => self.outside_v6,
        }
    }

    /// In the tunnel.
    pub(crate) fn inside(&self, family: Family) -> &'static str {
        match family {
            Family::V4 => self.inside_v4,
            Family::V6 => self.inside_v6,
        }
    }

    /// Gives this end's inside addresses to an interface and sets it up.
    pub(crate) fn assign_and_up(&self, netns: &Netns, interface: &str) {
        netns.run(&format!("ip address add {}/24 dev {interface}", self.inside_v4));
        netns.run(&format!("ip address add {}/64 dev {interface} nodad", self.inside_v6));
        netns.run(&format!("ip link set {interface} mtu 1420 up"));
    }

    /// What a peer's `allowed-ips` say for this end.
    pub(crate) fn allowed_ips(&self) -> String {
        format!("{}/32,{}/128", self.inside_v4, self.inside_v6)
    }

    /// What a peer's `endpoint` says for this end.
    pub(crate) fn endpoint(&self, family: Family) -> String {
        match family {
            Family::V4 => format!("{}:{PORT}", self.outside_v4),
            Family::V6 => format!("[{}]:{PORT}", self.outside_v6),
        }
    }
}

/// Two namespaces and the cable between them.
pub(crate) struct Lab {
    pub left: Netns,
    pub right: Netns,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with_mtu(1500)
    }

    /// With a cable that carries packets of at most so many octets.
    pub(crate) fn with_mtu(mtu: u16) -> Self {
        let (left, right) = (Netns::new(), Netns::new());
        let plug = |netns, addresses: Addresses| Plug {
            netns,
            interface: "eth0",
            v4: addresses.outside_v4,
            v6: addresses.outside_v6,
        };
        cable(&plug(&left, LEFT), &plug(&right, RIGHT), mtu);
        Self { left, right }
    }
}

/// One end of a tunnel.
pub(crate) struct End {
    pub daemon: Daemon,
    pub keys: Keys,
    pub addresses: Addresses,
}

impl End {
    pub(crate) fn start(kind: Kind, netns: &Netns, addresses: Addresses) -> Self {
        let end = Self::start_down(kind, netns, addresses);
        end.addresses.assign_and_up(netns, end.interface());
        end
    }

    /// Without addresses, and down.
    pub(crate) fn start_down(kind: Kind, netns: &Netns, addresses: Addresses) -> Self {
        Self { daemon: Daemon::start(kind, netns), keys: Keys::generate(), addresses }
    }

    pub(crate) fn netns(&self) -> &Netns {
        &self.daemon.netns
    }

    pub(crate) fn interface(&self) -> &str {
        &self.daemon.interface
    }

    /// Whether an address of the other end answers within three seconds.
    pub(crate) fn reaches(&self, address: &str) -> bool {
        self.netns().try_run(&format!("ping -c 1 -W 3 {address}")).status.success()
    }

    /// Pings an address of the other end and fails if any of the answers is missing. The first packet waits
    /// for the handshake.
    #[track_caller]
    pub(crate) fn ping(&self, address: &str) {
        netns::ping(self.netns(), address);
    }
}

/// Two ends that know each other. Only the left one knows the other's address, so it initiates.
pub(crate) struct Tunnel {
    pub left: End,
    pub right: End,
}

impl Tunnel {
    pub(crate) fn new(lab: &Lab, left: Kind, right: Kind, outside: Family) -> Self {
        Self::with_preshared_keys(lab, (left, None), (right, None), outside)
    }

    /// Each end with the preshared key that it believes in.
    pub(crate) fn with_preshared_keys(
        lab: &Lab,
        (left, left_key): (Kind, Option<&str>),
        (right, right_key): (Kind, Option<&str>),
        outside: Family,
    ) -> Self {
        await_ping(&lab.left, RIGHT.outside(outside));
        let left = End::start(left, &lab.left, LEFT);
        let right = End::start(right, &lab.right, RIGHT);
        let endpoint = right.addresses.endpoint(outside);
        Self::between((left, left_key), (right, right_key), &endpoint)
    }

    /// Lets two ends know each other, wherever they are. The right one is at this endpoint.
    pub(crate) fn between(
        (left, left_key): (End, Option<&str>),
        (right, right_key): (End, Option<&str>),
        endpoint: &str,
    ) -> Self {
        let endpoint = format!("Endpoint = {endpoint}\n");
        let listen = format!("ListenPort = {PORT}\n");
        wg::setconf(right.interface(), &configuration(&right, &left, &listen, "", right_key));
        wg::setconf(left.interface(), &configuration(&left, &right, "", &endpoint, left_key));
        Self { left, right }
    }
}

fn configuration(us: &End, them: &End, listen: &str, endpoint: &str, preshared_key: Option<&str>) -> String {
    let preshared_key = preshared_key.map(|key| format!("PresharedKey = {key}\n")).unwrap_or_default();
    format!(
        "[Interface]\nPrivateKey = {}\n{listen}[Peer]\nPublicKey = {}\nAllowedIPs = {}\n{endpoint}{preshared_key}",
        us.keys.private,
        them.keys.public,
        them.addresses.allowed_ips()
    )
}
