//! Paths that carry less than the tunnel's outer packets: TCP gets through all the same.

use crate::Case;
use crate::lab::daemon::Kind::{Adit, AditOnDescriptor};
use crate::lab::load;
use crate::lab::needs::OURS;
use crate::lab::netns::{Netns, Plug, cable};
use crate::lab::tunnel::{FAMILIES, Family, LEFT, Lab, RIGHT, Tunnel};

pub(crate) const CASES: &[Case] = &[
    Case { name: "a_path_of_mtu_1280_carries_tcp", needs: OURS, run: a_path_of_mtu_1280 },
    Case { name: "a_path_of_mtu_1280_behind_a_router_carries_tcp", needs: OURS, run: a_router_with_mtu_1280 },
];

const OCTETS: u64 = 16 << 20;

fn a_path_of_mtu_1280() {
    let lab = Lab::with_mtu(1280);
    for outside in FAMILIES {
        assert_carries_tcp(&Tunnel::new(&lab, Adit, AditOnDescriptor, outside));
    }
}

/// Neither end's own interface shows the smaller MTU; only the router's routes do.
fn a_router_with_mtu_1280() {
    let (left, router, right) = (Netns::new(), Netns::new(), Netns::new());
    let plug = |netns, interface, v4, v6| Plug { netns, interface, v4, v6 };
    cable(
        &plug(&left, "eth0", LEFT.outside(Family::V4), LEFT.outside(Family::V6)),
        &plug(&router, "eth0", "192.0.2.254", "2001:db8::fe"),
        1500,
    );
    cable(
        &plug(&right, "eth0", "198.51.100.2", "2001:db8:1::2"),
        &plug(&router, "eth1", "198.51.100.254", "2001:db8:1::fe"),
        1500,
    );
    router.run("sysctl -q net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
    for (family, to_router, from_right) in
        [(Family::V4, "192.0.2.254", "198.51.100.254"), (Family::V6, "2001:db8::fe", "2001:db8:1::fe")]
    {
        let (at_left, at_right) = (LEFT.outside(family), RIGHT.outside(family));
        // The right end has its address of the other tests, behind the router, as a second one.
        let nodad = if family == Family::V6 { "nodad" } else { "" };
        right.run(&format!("ip address add {at_right} dev eth0 {nodad}"));
        left.run(&format!("ip route add {at_right} via {to_router}"));
        left.run(&format!("ip route add default via {to_router}"));
        right.run(&format!("ip route add default via {from_right}"));
        router.run(&format!("ip route add {at_right} dev eth1 mtu 1280"));
        router.run(&format!("ip route add {at_left} dev eth0 mtu 1280"));
    }
    let lab = Lab { left, right };
    for outside in FAMILIES {
        assert_carries_tcp(&Tunnel::new(&lab, Adit, AditOnDescriptor, outside));
    }
}

fn assert_carries_tcp(tunnel: &Tunnel) {
    let (left, right) = (&tunnel.left, &tunnel.right);
    for inside in FAMILIES {
        load::tcp(left.netns(), right.netns(), RIGHT.inside(inside), OCTETS).assert_tcp(OCTETS);
        load::tcp(right.netns(), left.netns(), LEFT.inside(inside), OCTETS).assert_tcp(OCTETS);
        load::transfer_content(left.netns(), right.netns(), RIGHT.inside(inside));
    }
}
