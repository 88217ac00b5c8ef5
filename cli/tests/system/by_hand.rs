//! Set-up by hand, as WireGuard's introductions show it: the daemon started with one command, everything else
//! done with the unmodified `wg` and `ip`.

use crate::Case;
use crate::lab::command::{run, try_run};
use crate::lab::daemon::{assert_nothing_left, socket};
use crate::lab::needs::{OURS, adit};
use crate::lab::netns::{Netns, await_ping, unique_interface};
use crate::lab::tunnel::{Family, LEFT, Lab, PORT, RIGHT};
use crate::lab::wait::{LONG, holds, until};
use crate::lab::wg::{Dump, Keys};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "set_up_by_hand_with_setconf_and_set",
        needs: OURS,
        run: set_up_by_hand_with_setconf_and_set,
    },
    Case { name: "wg_quick_runs_on_it", needs: OURS, run: wg_quick_runs_on_it },
    Case { name: "showconf_is_what_setconf_takes", needs: OURS, run: showconf_is_what_setconf_takes },
];

/// `adit run IFACE`, as a user types it: it returns, and a daemon stays.
fn start(netns: &Netns) -> String {
    let interface = unique_interface();
    netns.run(&format!("{} run {interface}", adit().display()));
    interface
}

fn set_up_by_hand_with_setconf_and_set() {
    let lab = Lab::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (left_keys, right_keys) = (Keys::generate(), Keys::generate());

    let left = start(&lab.left);
    let file = folder.path().join("left.conf");
    let text = format!(
        "[Interface]\nPrivateKey = {}\nListenPort = {PORT}\n\n[Peer]\nPublicKey = {}\nAllowedIPs = {}\n",
        left_keys.private,
        right_keys.public,
        RIGHT.allowed_ips()
    );
    std::fs::write(&file, text).expect("our own folder");
    run(&format!("wg setconf {left} {}", file.display()));
    LEFT.assign_and_up(&lab.left, &left);

    let right = start(&lab.right);
    let file = folder.path().join("right.key");
    std::fs::write(&file, &right_keys.private).expect("our own folder");
    await_ping(&lab.right, LEFT.outside(Family::V6));
    run(&format!(
        "wg set {right} listen-port {PORT} private-key {} peer {} allowed-ips {} endpoint {}",
        file.display(),
        left_keys.public,
        LEFT.allowed_ips(),
        LEFT.endpoint(Family::V6)
    ));
    RIGHT.assign_and_up(&lab.right, &right);

    lab.right.run(&format!("ping -c 3 -i 0.1 -W 10 {}", LEFT.inside(Family::V4)));
    lab.left.run(&format!("ping -c 3 -i 0.1 -W 10 {}", RIGHT.inside(Family::V6)));
    let shown = run(&format!("wg show {right}"));
    for part in [
        format!("interface: {right}\n"),
        format!("  public key: {}\n  private key: (hidden)\n  listening port: {PORT}\n", right_keys.public),
        format!("peer: {}\n  endpoint: {}\n", left_keys.public, LEFT.endpoint(Family::V6)),
        "  latest handshake: ".to_owned(),
        "  transfer: ".to_owned(),
    ] {
        assert!(shown.contains(&part), "no {part:?} in {shown}");
    }

    for (netns, interface) in [(&lab.left, &left), (&lab.right, &right)] {
        netns.run(&format!("ip link delete {interface}"));
        until("the daemon ends with its interface", LONG, || holds(!socket(interface).exists()));
        until("the daemon's process ends", LONG, || holds(netns.processes().is_empty()));
        assert_nothing_left(netns, interface);
    }
}

fn wg_quick_runs_on_it() {
    let lab = Lab::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let keys = [Keys::generate(), Keys::generate()];
    let quick = |netns: &Netns, verb: &str, file: &str| {
        let adit = adit();
        let implementation = format!("WG_QUICK_USERSPACE_IMPLEMENTATION={}", adit.display());
        netns.run(&format!("env {implementation} wg-quick {verb} {file}"))
    };
    let ends =
        [(&lab.left, LEFT, RIGHT, &keys), (&lab.right, RIGHT, LEFT, &[keys[1].clone(), keys[0].clone()])];
    let files = ends.map(|(netns, us, them, [ours, theirs])| {
        let interface = unique_interface();
        let file = folder.path().join(format!("{interface}.conf")).display().to_string();
        let text = format!(
            "[Interface]\nPrivateKey = {}\nAddress = {}/32\nListenPort = {PORT}\n\n\
             [Peer]\nPublicKey = {}\nAllowedIPs = {}\nEndpoint = {}\n",
            ours.private,
            us.inside(Family::V4),
            theirs.public,
            them.allowed_ips(),
            them.endpoint(Family::V4)
        );
        std::fs::write(&file, text).expect("our own folder");
        run(&format!("chmod 600 {file}"));
        quick(netns, "up", &file);
        (netns, interface, file)
    });
    lab.left.run(&format!("ping -c 3 -i 0.1 -W 10 {}", RIGHT.inside(Family::V4)));
    for (netns, interface, file) in files {
        quick(netns, "down", &file);
        until("the daemon's process ends", LONG, || holds(netns.processes().is_empty()));
        assert_nothing_left(netns, &interface);
    }
}

fn showconf_is_what_setconf_takes() {
    let netns = Netns::new();
    let interface = start(&netns);
    let (keys, peer, another) = (Keys::generate(), Keys::generate(), Keys::generate());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("wg.conf");
    let text = format!(
        "[Interface]\nListenPort = 51820\nFwMark = 0x2a\nPrivateKey = {}\n\n[Peer]\nPublicKey = {}\n\
         PresharedKey = {}\nAllowedIPs = 10.113.0.1/32, 10.113.1.0/24, 1234:4567:89ab::/48\n\
         Endpoint = [2001:db8::7]:51821\nPersistentKeepalive = 25\n\n[Peer]\nPublicKey = {}\n\
         AllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = 192.0.2.7:51822\n",
        keys.private,
        peer.public,
        run("wg genpsk").trim_end(),
        another.public,
    );
    std::fs::write(&file, &text).expect("our own folder");
    run(&format!("wg setconf {interface} {}", file.display()));

    let written = run(&format!("wg showconf {interface}"));
    for line in text.lines() {
        assert!(written.lines().any(|other| other == line), "no {line:?} in {written}");
    }

    let before = Dump::of(&interface).settings();
    std::fs::write(&file, &written).expect("our own folder");
    run(&format!("wg setconf {interface} {}", file.display()));
    assert_eq!(Dump::of(&interface).settings(), before);
    assert!(try_run(&format!("wg syncconf {interface} {}", file.display())).status.success());
    assert_eq!(Dump::of(&interface).settings(), before);
}
