//! `adit show` says what `wg show` says, byte for byte.

use crate::Case;
use crate::lab::command::run;
use crate::lab::daemon::Daemon;
use crate::lab::daemon::Kind::Adit;
use crate::lab::needs::{OURS, adit};
use crate::lab::netns::Netns;
use crate::lab::tunnel::{Family, Lab, RIGHT, Tunnel};
use crate::lab::wait::{LONG, until};
use crate::lab::wg::{self, Keys};

pub(crate) const CASES: &[Case] = &[
    Case { name: "show_equals_wg_show_while_a_tunnel_runs", needs: OURS, run: while_a_tunnel_runs },
    Case { name: "show_equals_wg_show_for_every_kind_of_setting", needs: OURS, run: every_kind_of_setting },
];

/// Compares two answers between which `wg` itself has not changed its own: times since and counters move.
#[track_caller]
fn assert_same(words: &str) {
    let (wg, ours) = until("wg says the same twice", LONG, || {
        let before = run(&format!("wg show {words}"));
        let ours = run(&format!("{} show {words}", adit().display()));
        let after = run(&format!("wg show {words}"));
        (before == after).then_some((after, ours))
    });
    assert_eq!(ours, wg);
}

fn while_a_tunnel_runs() {
    let lab = Lab::new();
    let Tunnel { left, right } = Tunnel::new(&lab, Adit, Adit, Family::V6);
    left.ping(RIGHT.inside(Family::V4));
    assert_same(left.interface());
    assert_same(right.interface());
    assert_same("");
}

fn every_kind_of_setting() {
    let netns = Netns::new();
    let daemon = Daemon::start(Adit, &netns);
    assert_same(&daemon.interface);

    let mut text = format!(
        "[Interface]\nPrivateKey = {}\nListenPort = 51820\nFwMark = 0xca6c\n",
        Keys::generate().private
    );
    for settings in [
        "",
        "AllowedIPs = 10.0.0.0/8, ::/0, 192.0.2.1/32",
        "Endpoint = [2001:db8::1]:51820\nPersistentKeepalive = 25",
        "Endpoint = 192.0.2.1:1\nPersistentKeepalive = 1\nAllowedIPs = 0.0.0.0/0",
        "PersistentKeepalive = 3661",
    ] {
        text += &format!("[Peer]\nPublicKey = {}\n{settings}\n", Keys::generate().public);
    }
    text +=
        &format!("[Peer]\nPublicKey = {}\nPresharedKey = {}\n", Keys::generate().public, wg::preshared_key());
    wg::setconf(&daemon.interface, &text);
    assert_same(&daemon.interface);
}
