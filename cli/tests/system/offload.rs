//! Several packets handled as one, at the interface and on the network: what arrives is the same with it and without it,
//! where the path is bad, where it goes on behind the tunnel's end, and while the MTU changes.

use crate::Case;
use crate::lab::daemon::Kind::{self, Adit, AditOnDescriptor, AditOnDescriptorWith, AditWith};
use crate::lab::load;
use crate::lab::needs::OURS;
use crate::lab::netns::{Netns, Plug, cable};
use crate::lab::stream::Stream;
use crate::lab::tunnel::{FAMILIES, Family, LEFT, Lab, RIGHT, Tunnel};
use crate::lab::wg;

const OCTETS: u64 = 8 << 20;

const WITHOUT_TUN: &[&str] = &["--no-offload=tun"];
const WITHOUT_UDP: &[&str] = &["--no-offload=udp"];
const WITHOUT_ANY: &[&str] = &["--no-offload=tun", "--no-offload=udp"];

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "every_offload_on_and_off_carries_the_same_over_a_lossy_path",
        needs: OURS,
        run: every_offload_over_a_lossy_path,
    },
    Case { name: "what_is_forwarded_behind_the_tunnel_arrives", needs: OURS, run: forwarded },
    Case { name: "what_is_for_a_port_that_is_passed_on_arrives", needs: OURS, run: passed_on },
    Case { name: "a_stream_outlives_changes_of_the_mtu", needs: OURS, run: changes_of_the_mtu },
];

/// Each kind of end once with each choice; what the two ends choose need not be the same.
fn every_offload_over_a_lossy_path() {
    let lab = Lab::new();
    for netns in [&lab.left, &lab.right] {
        netns.run("nft add table inet path");
        netns.run("nft add chain inet path lossy { type filter hook input priority 0 ; }");
        netns.run(
            "nft add rule inet path lossy iifname eth0 meta l4proto udp numgen random mod 100 == 0 drop",
        );
    }
    for (left, right) in [
        (Adit, AditWith(WITHOUT_ANY)),
        (AditOnDescriptor, AditWith(WITHOUT_TUN)),
        (AditWith(WITHOUT_UDP), AditOnDescriptorWith(WITHOUT_ANY)),
        (AditOnDescriptorWith(WITHOUT_TUN), AditOnDescriptorWith(WITHOUT_UDP)),
    ] {
        let Tunnel { left, right } = Tunnel::new(&lab, left, right, Family::V4);
        for inside in FAMILIES {
            for (from, to) in [(&left, &right), (&right, &left)] {
                let address = to.addresses.inside(inside);
                load::tcp(from.netns(), to.netns(), address, OCTETS).assert_tcp(OCTETS);
                load::transfer_content(from.netns(), to.netns(), address);
            }
        }
    }
}

const FAR: &str = "203.0.113.2";

/// A tunnel whose right end routes to one more namespace, which the left end's packets may be for.
fn with_a_network_behind(right: Kind) -> (Lab, Tunnel, Netns) {
    let lab = Lab::new();
    let tunnel = Tunnel::new(&lab, Adit, right, Family::V4);
    let far = Netns::new();
    cable(
        &Plug { netns: &lab.right, interface: "eth1", v4: "203.0.113.1", v6: "2001:db8:3::1" },
        &Plug { netns: &far, interface: "eth0", v4: FAR, v6: "2001:db8:3::2" },
        1500,
    );
    lab.right.run("sysctl -q net.ipv4.ip_forward=1");
    far.run("ip route add default via 203.0.113.1");
    let allowed_ips = format!("{},203.0.113.0/24", tunnel.right.addresses.allowed_ips());
    let peer = &tunnel.right.keys.public;
    wg::set(tunnel.left.interface(), &format!("peer {peer} allowed-ips {allowed_ips}"));
    lab.left.run(&format!("ip route add 203.0.113.0/24 dev {}", tunnel.left.interface()));
    (lab, tunnel, far)
}

fn forwarded() {
    for right in [Adit, AditOnDescriptor] {
        let (lab, _tunnel, far) = with_a_network_behind(right);
        load::tcp(&lab.left, &far, FAR, OCTETS).assert_tcp(OCTETS);
        load::transfer_content(&lab.left, &far, FAR);
        load::transfer_content(&far, &lab.left, LEFT.inside(Family::V4));
    }
}

/// On a plain descriptor a packet for the interface's own address may be longer than the MTU, and here that address is
/// only where it is passed on from: the kernel refuses it, and the daemon must learn from that.
fn passed_on() {
    let own = RIGHT.inside(Family::V4);
    for right in [Adit, AditOnDescriptor] {
        let (lab, _tunnel, far) = with_a_network_behind(right);
        // The receiver listens on the right end's own address, which the far namespace has, too.
        far.run(&format!("ip address add {own}/32 dev lo"));
        for (netns, to) in [(&lab.right, FAR), (&far, own)] {
            netns.run("nft add table ip nat");
            netns.run("nft add chain ip nat in { type nat hook prerouting priority dstnat ; }");
            netns.run(&format!("nft add rule ip nat in tcp dport 5202 dnat to {to}"));
        }
        for _ in 0..3 {
            load::transfer_content(&lab.left, &far, own);
        }
    }
}

fn changes_of_the_mtu() {
    let lab = Lab::new();
    for (left, right) in [(Adit, Adit), (AditOnDescriptor, AditOnDescriptor)] {
        let Tunnel { left, right } = Tunnel::new(&lab, left, right, Family::V4);
        let stream = Stream::open(left.netns(), right.netns(), RIGHT.inside(Family::V4));
        for mtu in [1280, 1420, 9000, 1400] {
            for end in [&left, &right] {
                end.netns().run(&format!("ip link set {} mtu {mtu}", end.interface()));
            }
            stream.moves_on(&format!("the MTU is {mtu}"));
            load::transfer_content(left.netns(), right.netns(), RIGHT.inside(Family::V4));
        }
        stream.close();
    }
}
