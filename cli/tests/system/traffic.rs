//! Every pair of daemons, over every pair of address families, carries ping, TCP and UDP; what arrives is
//! compared with what was sent.

use crate::Case;
use crate::lab::daemon::Kind::{self, Adit, AditOnDescriptor, WireguardGo};
use crate::lab::load;
use crate::lab::needs::{FOREIGN, OURS};
use crate::lab::netns::await_ping;
use crate::lab::tunnel::{End, FAMILIES, Family, Lab, RIGHT, Tunnel};
use crate::lab::wg::{self, Dump};

const OCTETS: u64 = 32 << 20;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "the_laboratory_carries_wireguard_go",
        needs: FOREIGN,
        run: || every_family(WireguardGo, WireguardGo),
    },
    Case { name: "adit_talks_to_adit", needs: OURS, run: || every_family(Adit, Adit) },
    Case { name: "adit_initiates_to_wireguard_go", needs: FOREIGN, run: || every_family(Adit, WireguardGo) },
    Case { name: "wireguard_go_initiates_to_adit", needs: FOREIGN, run: || every_family(WireguardGo, Adit) },
    Case {
        name: "adit_on_a_descriptor_initiates_to_wireguard_go",
        needs: FOREIGN,
        run: || every_family(AditOnDescriptor, WireguardGo),
    },
    Case {
        name: "wireguard_go_initiates_to_adit_on_a_descriptor",
        needs: FOREIGN,
        run: || every_family(WireguardGo, AditOnDescriptor),
    },
    Case {
        name: "two_adits_on_descriptors_talk",
        needs: OURS,
        run: || every_family(AditOnDescriptor, AditOnDescriptor),
    },
    Case {
        name: "the_address_that_a_peer_addressed_replies",
        needs: OURS,
        run: the_addressed_address_replies,
    },
    Case { name: "p36_ping_is_told_that_no_peer_has_the_address", needs: OURS, run: no_peer_has_the_address },
    Case { name: "a_shared_preshared_key_connects", needs: OURS, run: a_shared_preshared_key_connects },
    Case {
        name: "a_wrong_preshared_key_connects_nothing",
        needs: OURS,
        run: a_wrong_preshared_key_connects_nothing,
    },
];

fn every_family(left: Kind, right: Kind) {
    let lab = Lab::new();
    for outside in FAMILIES {
        let Tunnel { left, right } = Tunnel::new(&lab, left, right, outside);
        for inside in FAMILIES {
            left.ping(right.addresses.inside(inside));
            right.ping(left.addresses.inside(inside));
            let to_right = right.addresses.inside(inside);
            let to_left = left.addresses.inside(inside);
            load::tcp(left.netns(), right.netns(), to_right, OCTETS).assert_tcp(OCTETS);
            load::tcp(right.netns(), left.netns(), to_left, OCTETS).assert_tcp(OCTETS);
            load::udp(left.netns(), right.netns(), to_right).assert_udp();
            load::transfer_content(left.netns(), right.netns(), to_right);
        }
        assert_went_through_the_tunnel(&left, &right);
    }
}

/// The daemons' own counters have seen what TCP moved twice in each direction, but for what iperf3 leaves behind.
fn assert_went_through_the_tunnel(left: &End, right: &End) {
    for (us, them) in [(left, right), (right, left)] {
        let dump = Dump::of(us.interface());
        let peer = dump.peer(&them.keys.public);
        assert!(peer.latest_handshake > 0, "{dump:?}");
        assert!(peer.sent > OCTETS && peer.received > OCTETS, "{dump:?}");
    }
}

/// The system alone would reply from the first address that fits.
fn the_addressed_address_replies() {
    let lab = Lab::new();
    let Tunnel { left, right } = Tunnel::new(&lab, Adit, Adit, Family::V4);
    for (family, second, endpoint) in [
        (Family::V4, "192.0.2.77/24", "192.0.2.77:51820"),
        (Family::V6, "2001:db8::77/64", "[2001:db8::77]:51820"),
    ] {
        let nodad = if family == Family::V6 { "nodad" } else { "" };
        right.netns().run(&format!("ip address add {second} dev eth0 {nodad}"));
        await_ping(&lab.left, second.split('/').next().unwrap_or_default());
        wg::set(left.interface(), &format!("peer {} endpoint {endpoint}", right.keys.public));
        left.ping(RIGHT.inside(Family::V4));
        assert_eq!(Dump::of(left.interface()).peer(&right.keys.public).endpoint, endpoint);
    }
}

/// The system's own ping understands the answers, which also means that no filter took them for forged.
fn no_peer_has_the_address() {
    let lab = Lab::new();
    let Tunnel { left, .. } = Tunnel::new(&lab, Adit, Adit, Family::V4);
    for (family, words) in [(Family::V4, "Destination Host Unreachable"), (Family::V6, "Address unreachable")]
    {
        let nobody = format!("{}99", left.addresses.inside(family));
        let ping = left.netns().try_run(&format!("ping -c 1 -W 10 {nobody}"));
        assert!(!ping.status.success() && ping.stdout.contains(words), "{}", ping.stdout);
    }
}

fn a_shared_preshared_key_connects() {
    let lab = Lab::new();
    let key = wg::preshared_key();
    let Tunnel { left, right } =
        Tunnel::with_preshared_keys(&lab, (Adit, Some(&key)), (Adit, Some(&key)), Family::V4);
    left.ping(right.addresses.inside(Family::V4));
}

fn a_wrong_preshared_key_connects_nothing() {
    let lab = Lab::new();
    let (key, another) = (wg::preshared_key(), wg::preshared_key());
    let Tunnel { left, right } =
        Tunnel::with_preshared_keys(&lab, (Adit, Some(&key)), (Adit, Some(&another)), Family::V4);
    let address = right.addresses.inside(Family::V4);
    assert!(!left.reaches(address));
    let dump = Dump::of(left.interface());
    assert_eq!(dump.peer(&right.keys.public).latest_handshake, 0, "no handshake is complete");
}
