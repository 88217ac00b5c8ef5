//! Very many peers: what they cost while nothing happens, and that the last of them is served like the first. How long
//! it takes is measured by the benchmarks of the core, not here.

use std::fmt::Write;
use std::thread::sleep;
use std::time::Duration;

use crate::Case;
use crate::lab::daemon::Kind::Adit;
use crate::lab::needs::OURS;
use crate::lab::netns::await_ping;
use crate::lab::process::{Activity, resident};
use crate::lab::tunnel::{End, Family, LEFT, Lab, RIGHT};
use crate::lab::uapi::ask;
use crate::lab::wg::{self, Dump};

pub(crate) const CASES: &[Case] = &[
    Case { name: "twenty_thousand_peers_cost_little_and_sleep", needs: OURS, run: twenty_thousand },
    Case { name: "a_hundred_thousand_peers_work", needs: OURS, run: a_hundred_thousand },
];

/// Of the whole daemon.
const MOST_RESIDENT: u64 = 30 << 20;

fn twenty_thousand() {
    let lab = Lab::new();
    let (left, right) = ends(&lab);
    let process = left.daemon.process();
    load(&left, 20_000);
    let loaded = resident(process);
    assert!(loaded < MOST_RESIDENT, "{loaded} octets");

    know_each_other(&left, &right);
    for _ in 0..3 {
        assert_eq!(Dump::of(left.interface()).peers.len(), 20_001);
    }
    let told = resident(process);
    assert!(told < MOST_RESIDENT, "{told} octets after all were shown, {loaded} before");

    // It settles: the client hangs up.
    sleep(Duration::from_millis(500));
    let before = Activity::of(process);
    sleep(Duration::from_secs(5));
    assert_eq!(Activity::of(process), before, "context switches and processor time");

    left.addresses.assign_and_up(left.netns(), left.interface());
    left.ping(right.addresses.inside(Family::V4));
    left.ping(right.addresses.inside(Family::V6));
}

fn a_hundred_thousand() {
    let lab = Lab::new();
    let (left, right) = ends(&lab);
    load(&left, 100_000);
    know_each_other(&left, &right);
    left.addresses.assign_and_up(left.netns(), left.interface());
    left.ping(right.addresses.inside(Family::V4));

    let dump = Dump::of(left.interface());
    assert_eq!(dump.peers.len(), 100_001);
    let last = &dump.peers[100_000];
    assert_eq!(last.public_key, right.keys.public, "in the order in which they came");
    assert!(last.latest_handshake > 0 && last.received > 0 && last.sent > 0, "{last:?}");
    assert_eq!(dump.peers[99_999].allowed_ips, "10.1.134.159/32,fd00::1:869f/128");

    let mut request = String::from("set=1\n");
    for number in 0..100_000 {
        let _ = write!(request, "public_key={}\nremove=true\n", key(number));
    }
    assert_eq!(ask(left.interface(), format!("{request}\n").as_bytes()), Some(0));
    assert_eq!(Dump::of(left.interface()).peers.len(), 1);
    left.ping(right.addresses.inside(Family::V4));
}

/// Two daemons that know nobody yet. The left one's interface is down, so that the system sends nothing through it.
fn ends(lab: &Lab) -> (End, End) {
    await_ping(&lab.left, RIGHT.outside(Family::V4));
    (End::start_down(Adit, &lab.left, LEFT), End::start(Adit, &lab.right, RIGHT))
}

fn key(number: u32) -> String {
    format!("{number:08x}{:056x}", 9)
}

/// Loads peers, each with an endpoint, an IPv4 and an IPv6 address.
fn load(end: &End, peers: u32) {
    let mut request = String::from("set=1\nreplace_peers=true\n");
    for number in 0..peers {
        let [_, a, b, c] = number.to_be_bytes();
        let (high, low) = (number >> 16, number & 0xffff);
        let _ = write!(
            request,
            "public_key={}\nendpoint=198.51.100.1:{}\nreplace_allowed_ips=true\n\
             allowed_ip=10.{a}.{b}.{c}/32\nallowed_ip=fd00::{high:x}:{low:x}/128\n",
            key(number),
            number % 60_000 + 1,
        );
    }
    assert_eq!(ask(end.interface(), format!("{request}\n").as_bytes()), Some(0));
}

/// Makes each the other's last peer.
fn know_each_other(left: &End, right: &End) {
    wg::set_key(left.interface(), "private-key /dev/stdin", &left.keys.private);
    wg::set_key(right.interface(), "listen-port 51820 private-key /dev/stdin", &right.keys.private);
    let words = |end: &End| format!("peer {} allowed-ips {}", end.keys.public, end.addresses.allowed_ips());
    wg::set(right.interface(), &words(left));
    let endpoint = right.addresses.endpoint(Family::V4);
    wg::set(left.interface(), &format!("{} endpoint {endpoint}", words(right)));
}
