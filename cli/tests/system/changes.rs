//! Every value changes while the tunnel runs: `wg show dump` says so, and the packets follow.

use crate::Case;
use crate::lab::daemon::Kind::Adit;
use crate::lab::needs::OURS;
use crate::lab::tunnel::{Family, LEFT, Lab, RIGHT, Tunnel};
use crate::lab::uapi;
use crate::lab::wait::{LONG, holds, until};
use crate::lab::wg::{self, Dump, Keys, PeerDump};

pub(crate) const CASES: &[Case] = &[
    Case { name: "the_private_key_changes_while_it_runs", needs: OURS, run: the_private_key_changes },
    Case { name: "the_listen_port_changes_and_the_peer_follows", needs: OURS, run: the_listen_port_changes },
    Case { name: "the_fwmark_changes_and_marks_packets", needs: OURS, run: the_fwmark_changes },
    Case { name: "the_preshared_key_changes_while_it_runs", needs: OURS, run: the_preshared_key_changes },
    Case { name: "the_endpoint_changes_while_it_runs", needs: OURS, run: the_endpoint_changes },
    Case { name: "the_keepalive_changes_and_keeps_alive", needs: OURS, run: the_keepalive_changes },
    Case { name: "allowed_ips_change_and_route", needs: OURS, run: allowed_ips_change },
    Case { name: "a_peer_is_removed_and_comes_back", needs: OURS, run: a_peer_is_removed },
    Case { name: "a_refused_change_leaves_all_as_it_was", needs: OURS, run: a_refused_change },
];

/// A running tunnel, after its first ping.
fn running(lab: &Lab) -> Tunnel {
    let tunnel = Tunnel::new(lab, Adit, Adit, Family::V4);
    assert_carries(&tunnel);
    tunnel
}

fn assert_carries(tunnel: &Tunnel) {
    tunnel.left.ping(RIGHT.inside(Family::V4));
    tunnel.right.ping(LEFT.inside(Family::V6));
}

/// What the left end knows of the right one.
fn right_as_seen_by_left(tunnel: &Tunnel) -> PeerDump {
    Dump::of(tunnel.left.interface()).peer(&tunnel.right.keys.public).clone()
}

fn the_private_key_changes() {
    let lab = Lab::new();
    let tunnel = running(&lab);
    let (left, right) = (&tunnel.left, &tunnel.right);
    let new = Keys::generate();
    wg::set_key(left.interface(), "private-key /dev/stdin", &new.private);
    let dump = Dump::of(left.interface());
    assert_eq!((&dump.private_key, &dump.public_key), (&new.private, &new.public));
    assert!(!left.reaches(RIGHT.inside(Family::V4)), "the other end does not know the new key yet");

    let allowed = LEFT.allowed_ips();
    let (old, new) = (&left.keys.public, &new.public);
    wg::set(right.interface(), &format!("peer {old} remove peer {new} allowed-ips {allowed}"));
    assert_carries(&tunnel);
}

fn the_listen_port_changes() {
    let lab = Lab::new();
    let tunnel = running(&lab);
    wg::set(tunnel.right.interface(), "listen-port 51999");
    assert_eq!(Dump::of(tunnel.right.interface()).listen_port, "51999");
    // The right end speaks first, so the left one learns where it is now.
    tunnel.right.ping(LEFT.inside(Family::V4));
    assert_eq!(right_as_seen_by_left(&tunnel).endpoint, "192.0.2.2:51999");
    assert_carries(&tunnel);
}

fn the_fwmark_changes() {
    let lab = Lab::new();
    let tunnel = running(&lab);
    let netns = tunnel.left.netns();
    netns.run("nft add table inet count");
    netns.run("nft add chain inet count out { type filter hook output priority 0 ; }");
    netns.run("nft add rule inet count out meta mark 42 udp dport 51820 counter");
    let marked = || !netns.run("nft list ruleset").contains("counter packets 0 ");
    tunnel.left.ping(RIGHT.inside(Family::V4));
    assert!(!marked(), "nothing is marked before");

    wg::set(tunnel.left.interface(), "fwmark 42");
    assert_eq!(Dump::of(tunnel.left.interface()).fwmark, "0x2a");
    tunnel.left.ping(RIGHT.inside(Family::V4));
    assert!(marked(), "the datagrams are marked");

    wg::set(tunnel.left.interface(), "fwmark off");
    assert_eq!(Dump::of(tunnel.left.interface()).fwmark, "off");
    netns.run("nft reset counters");
    assert_carries(&tunnel);
}

fn the_preshared_key_changes() {
    let lab = Lab::new();
    let tunnel = running(&lab);
    let (left, right) = (&tunnel.left, &tunnel.right);
    let key = wg::preshared_key();
    wg::set_key(left.interface(), &format!("peer {} preshared-key /dev/stdin", right.keys.public), &key);
    wg::set_key(right.interface(), &format!("peer {} preshared-key /dev/stdin", left.keys.public), &key);
    assert_eq!(right_as_seen_by_left(&tunnel).preshared_key, key);
    assert_carries(&tunnel);

    wg::set(left.interface(), &format!("peer {} preshared-key /dev/null", right.keys.public));
    assert_eq!(right_as_seen_by_left(&tunnel).preshared_key, "(none)");
}

fn the_endpoint_changes() {
    let lab = Lab::new();
    let tunnel = running(&lab);
    crate::lab::netns::await_ping(&lab.left, RIGHT.outside(Family::V6));
    let endpoint = RIGHT.endpoint(Family::V6);
    wg::set(tunnel.left.interface(), &format!("peer {} endpoint {endpoint}", tunnel.right.keys.public));
    assert_eq!(right_as_seen_by_left(&tunnel).endpoint, endpoint);
    assert_carries(&tunnel);
    let seen = Dump::of(tunnel.right.interface()).peer(&tunnel.left.keys.public).endpoint.clone();
    assert!(seen.starts_with("[2001:db8::1]:"), "the right end has followed to {seen}");
}

fn the_keepalive_changes() {
    let lab = Lab::new();
    let tunnel = running(&lab);
    let peer = &tunnel.right.keys.public;
    wg::set(tunnel.left.interface(), &format!("peer {peer} persistent-keepalive 1"));
    assert_eq!(right_as_seen_by_left(&tunnel).keepalive, "1");
    let before = right_as_seen_by_left(&tunnel).sent;
    // More than one, and more than a passive keepalive: each has 32 octets.
    until("keepalives go out without traffic", LONG, || {
        holds(right_as_seen_by_left(&tunnel).sent >= before + 3 * 32)
    });

    wg::set(tunnel.left.interface(), &format!("peer {peer} persistent-keepalive off"));
    assert_eq!(right_as_seen_by_left(&tunnel).keepalive, "off");
    assert_carries(&tunnel);
}

fn allowed_ips_change() {
    let lab = Lab::new();
    let tunnel = running(&lab);
    let (left, peer) = (tunnel.left.interface(), &tunnel.right.keys.public);
    let allowed_ips = || right_as_seen_by_left(&tunnel).allowed_ips;

    wg::set(left, &format!("peer {peer} allowed-ips 10.5.0.0/16"));
    assert_eq!(allowed_ips(), "10.5.0.0/16");
    assert!(!tunnel.left.reaches(RIGHT.inside(Family::V4)), "its address is no longer allowed");

    wg::set(left, &format!("peer {peer} allowed-ips +{},+{}/128", "10.113.0.2/32", RIGHT.inside(Family::V6)));
    assert_eq!(sorted(&allowed_ips()), ["10.113.0.2/32", "10.5.0.0/16", "fd00:113::2/128"]);
    assert_carries(&tunnel);

    wg::set(left, &format!("peer {peer} allowed-ips -10.5.0.0/16"));
    assert_eq!(sorted(&allowed_ips()), ["10.113.0.2/32", "fd00:113::2/128"]);
    assert_carries(&tunnel);

    let other = Keys::generate().public;
    wg::set(left, &format!("peer {other} allowed-ips 10.113.0.2/32"));
    assert_eq!(allowed_ips(), "fd00:113::2/128", "the other peer has taken it");
    assert!(!tunnel.left.reaches(RIGHT.inside(Family::V4)), "the other peer has no endpoint");
}

fn sorted(allowed_ips: &str) -> Vec<&str> {
    let mut list: Vec<&str> = allowed_ips.split(',').collect();
    list.sort_unstable();
    list
}

fn a_peer_is_removed() {
    let lab = Lab::new();
    let tunnel = running(&lab);
    let (left, right) = (&tunnel.left, &tunnel.right);
    wg::set(left.interface(), &format!("peer {} remove", right.keys.public));
    assert_eq!(Dump::of(left.interface()).peers, []);
    assert!(!left.reaches(RIGHT.inside(Family::V4)));

    let (allowed, endpoint) = (RIGHT.allowed_ips(), RIGHT.endpoint(Family::V4));
    wg::set(
        left.interface(),
        &format!("peer {} allowed-ips {allowed} endpoint {endpoint}", right.keys.public),
    );
    assert_carries(&tunnel);
}

/// Each begins with changes that alone would be taken.
fn a_refused_change() {
    let lab = Lab::new();
    let tunnel = running(&lab);
    let interface = tunnel.left.interface();
    let port = tunnel.left.netns().inside(|| std::net::UdpSocket::bind("0.0.0.0:0")).expect("a free port");
    let taken = port.local_addr().expect("it is bound").port();
    let key = "0123456789abcdef".repeat(4);
    let before = Dump::of(interface).settings();
    for last in [
        "no_such_key=1".to_owned(),
        "allowed_ip=10.0.0.0/33".to_owned(),
        "endpoint=nowhere".to_owned(),
        "persistent_keepalive_interval=65536".to_owned(),
        "preshared_key=12".to_owned(),
        "protocol_version=2".to_owned(),
        "public_key=zz".to_owned(),
    ] {
        let request = format!(
            "set=1\nprivate_key={key}\nlisten_port=51777\nfwmark=7\nreplace_peers=true\npublic_key={key}\n\
             replace_allowed_ips=true\nallowed_ip=10.9.0.0/16\n{last}\n\n"
        );
        let errno = uapi::ask(interface, request.as_bytes());
        assert!(errno.is_some_and(|number| number < 0), "{last}: errno={errno:?}");
        assert_eq!(Dump::of(interface).settings(), before, "after {last}");
    }
    let request = format!("set=1\nfwmark=7\nreplace_peers=true\nlisten_port={taken}\n\n");
    let in_use = -rustix::io::Errno::ADDRINUSE.raw_os_error();
    assert_eq!(uapi::ask(interface, request.as_bytes()), Some(in_use));
    assert_eq!(Dump::of(interface).settings(), before, "after a port that is taken");
    assert_carries(&tunnel);
}
