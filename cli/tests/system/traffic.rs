//! Every pair of daemons, over every pair of address families, carries ping, TCP and UDP; what arrives is
//! compared with what was sent.

use crate::Case;
use crate::lab::daemon::Kind::{self, Adit, AditOnDescriptor, WireguardGo};
use crate::lab::load;
use crate::lab::needs::{Need, OURS};
use crate::lab::tunnel::{End, FAMILIES, Lab, Tunnel};
use crate::lab::wg::{self, Dump};

const FOREIGN: &[Need] = &[Need::Root, Need::Program("wg"), Need::Program("iperf3"), Need::WireguardGo];

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

fn a_shared_preshared_key_connects() {
    let lab = Lab::new();
    let key = wg::preshared_key();
    let Tunnel { left, right } =
        Tunnel::with_preshared_keys(&lab, (Adit, Some(&key)), (Adit, Some(&key)), FAMILIES[0]);
    left.ping(right.addresses.inside(FAMILIES[0]));
}

fn a_wrong_preshared_key_connects_nothing() {
    let lab = Lab::new();
    let (key, another) = (wg::preshared_key(), wg::preshared_key());
    let Tunnel { left, right } =
        Tunnel::with_preshared_keys(&lab, (Adit, Some(&key)), (Adit, Some(&another)), FAMILIES[0]);
    let address = right.addresses.inside(FAMILIES[0]);
    assert!(!left.reaches(address));
    let dump = Dump::of(left.interface());
    assert_eq!(dump.peer(&right.keys.public).latest_handshake, 0, "no handshake is complete");
}
