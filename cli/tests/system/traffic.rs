//! Every pair of daemons, over every pair of address families, carries ping, TCP and UDP; what arrives is
//! compared with what was sent.

use std::net::{Ipv4Addr, UdpSocket};
use std::thread::sleep;
use std::time::Duration;

use crate::Case;
use crate::lab::daemon::Kind::{self, Adit, AditOnDescriptor, WireguardGo};
use crate::lab::load;
use crate::lab::needs::{FOREIGN, Need, OURS};
use crate::lab::netns::{Netns, await_ping};
use crate::lab::process::Activity;
use crate::lab::tunnel::{End, FAMILIES, Family, Lab, PORT, RIGHT, Tunnel};
use crate::lab::wait::{LONG, holds, until};
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
    Case {
        name: "p38_a_network_without_room_delays_what_is_sent_and_nothing_else",
        needs: &[
            Need::Root,
            Need::Program("wg"),
            Need::Program("ping"),
            Need::Program("tc"),
            Need::Program("ss"),
        ],
        run: a_network_without_room,
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

/// A slow link whose queue holds more than a socket may have on its way, so that sending finds no room.
fn a_network_without_room() {
    let lab = Lab::new();
    for kind in [Adit, AditOnDescriptor] {
        let Tunnel { left, right } = Tunnel::new(&lab, Adit, kind, Family::V4);
        let (to_left, to_right) = (left.addresses.inside(Family::V4), right.addresses.inside(Family::V4));
        left.ping(to_right);
        lab.right.run("tc qdisc add dev eth0 root tbf rate 8mbit burst 64kb limit 64mb");
        let flood = lab.right.inside(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket"));
        let send_much = || {
            for _ in 0..1_000 {
                // What does not fit into TUN's queue is lost.
                let _ = flood.send_to(&[0; 1_200], (to_left, 9));
            }
        };
        until("the daemon's socket has no room", LONG, || {
            send_much();
            let (sent, room) = on_its_way(&lab.right);
            holds(sent >= room)
        });
        send_much();
        let before = Activity::of(right.daemon.process());
        sleep(HALF_A_SECOND);
        let used = Activity::of(right.daemon.process()).processor_since(&before);
        let (sent, room) = on_its_way(&lab.right);
        assert!(sent >= room / 2, "there was no room for the whole of {HALF_A_SECOND:?}: {sent} of {room}");
        assert!(used < HALF_A_SECOND / 2, "it waited for {HALF_A_SECOND:?} and used {used:?}");

        lab.right.run("tc qdisc change dev eth0 root tbf rate 400mbit burst 64kb limit 64mb");
        // An answer may find TUN's queue full.
        until("a ping through what waits", LONG, || holds(left.reaches(to_right)));
        load::transfer_content(left.netns(), right.netns(), to_right);
        load::transfer_content(right.netns(), left.netns(), to_left);
        lab.right.run("tc qdisc delete dev eth0 root");
    }
}

const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// Octets of the daemon's socket for IPv4 that the system has not sent, and how many there may be.
fn on_its_way(netns: &Netns) -> (u64, u64) {
    let sockets = netns.run(&format!("ss -4Huanm sport = :{PORT}"));
    let memory = sockets.split_once("skmem:(").unwrap_or_else(|| panic!("no memory: {sockets}")).1;
    let field = |name: &str| {
        let mut fields = memory.split(')').next().unwrap_or_default().split(',');
        let number = fields.find_map(|field| field.strip_prefix(name)?.parse().ok());
        number.unwrap_or_else(|| panic!("no {name}: {sockets}"))
    };
    (field("t"), field("tb"))
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
