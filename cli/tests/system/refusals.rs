//! Bad days: each refusal is one sentence or one errno, nobody is blocked, and nothing is left behind.

use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::Case;
use crate::lab::command::{Ended, finish, run, try_run};
use crate::lab::daemon::Daemon;
use crate::lab::daemon::Kind::Adit;
use crate::lab::daemon::{assert_nothing_left, socket};
use crate::lab::needs::{OURS, adit};
use crate::lab::netns::{Netns, unique_interface};
use crate::lab::tunnel::{Family, LEFT, Lab, RIGHT, Tunnel};
use crate::lab::uapi::{Client, ask};
use crate::lab::wg::{self, Dump, Keys};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a_bad_configuration_is_refused_and_changes_nothing",
        needs: OURS,
        run: a_bad_configuration,
    },
    Case { name: "a_bad_interface_name_is_refused", needs: OURS, run: a_bad_interface_name },
    Case { name: "a_descriptor_that_is_no_tun_is_refused", needs: OURS, run: a_descriptor_that_is_no_tun },
    Case { name: "without_privilege_it_says_so_and_leaves_nothing", needs: OURS, run: without_privilege },
    Case { name: "an_interface_that_exists_is_left_alone", needs: OURS, run: an_interface_that_exists },
    Case { name: "a_port_in_use_is_refused_and_traffic_goes_on", needs: OURS, run: a_port_in_use },
    Case { name: "malformed_input_gets_an_errno", needs: OURS, run: malformed_input },
    Case { name: "a_silent_client_blocks_nobody", needs: OURS, run: a_silent_client },
];

/// Fails unless the program has failed with 1 and one line that names each of these parts.
#[track_caller]
fn assert_one_sentence(ended: &Ended, parts: &[&str]) {
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert_eq!(ended.stderr.trim_end().lines().count(), 1, "{ended:?}");
    for part in parts {
        assert!(ended.stderr.contains(part), "no {part:?} in {ended:?}");
    }
}

fn a_bad_configuration() {
    let netns = Netns::new();
    let daemon = Daemon::start(Adit, &netns);
    let keys = Keys::generate();
    wg::setconf(
        &daemon.interface,
        &format!("[Interface]\nPrivateKey = {}\nListenPort = 51820\n", keys.private),
    );
    let before = Dump::of(&daemon.interface);
    for bad in ["PrivateKey = short", "Nonsense = 1", "[Peer]\nAllowedIPs = 10.0.0.0/8"] {
        let text = format!("[Interface]\nFwMark = 7\n{bad}\n");
        let ended = crate::lab::command::feed(&["wg", "setconf", &daemon.interface, "/dev/stdin"], &text);
        ended.failure();
        assert_eq!(Dump::of(&daemon.interface), before, "after {bad:?}");
    }
}

/// Wrong usage: the exit status is 2, and the sentence is the first line.
fn a_bad_interface_name() {
    let netns = Netns::new();
    for bad in ["sixteen-letters-", "a/b", "..", "wg%d"] {
        let ended = netns.try_run(&format!("{} run -f {bad}", adit().display()));
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert!(ended.stderr.lines().next().is_some_and(|line| line.contains(bad)), "{ended:?}");
        assert_eq!(netns.processes(), Vec::<String>::new());
    }
}

fn a_descriptor_that_is_no_tun() {
    let netns = Netns::new();
    let interface = unique_interface();
    // The first is not open, the second is no TUN.
    for script in
        ["exec \"$0\" run -f \"$1\" --tun-fd 77", "exec \"$0\" run -f \"$1\" --tun-fd 3 3</dev/zero"]
    {
        let ended =
            finish(netns.command("timeout").args(["20", "sh", "-c", script]).arg(adit()).arg(&interface));
        assert_one_sentence(&ended, &["--tun-fd"]);
        assert_nothing_left(&netns, &interface);
    }
}

fn without_privilege() {
    let netns = Netns::new();
    let interface = unique_interface();
    // Where the repository is, nobody else may look.
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("our own folder");
    let binary = folder.path().join("adit");
    std::fs::copy(adit(), &binary).expect("the binary can be copied");
    let binary = binary.display();
    for user in [
        "setpriv --reuid=65534 --regid=65534 --clear-groups",
        "setpriv --bounding-set=-net_admin --inh-caps=-net_admin",
    ] {
        for run in [format!("run -f {interface}"), format!("run {interface}")] {
            assert_one_sentence(&netns.try_run(&format!("{user} {binary} {run}")), &["root"]);
            assert_nothing_left(&netns, &interface);
        }
    }
}

fn an_interface_that_exists() {
    let netns = Netns::new();
    let interface = unique_interface();
    let kinds =
        [format!("ip link add {interface} type veth"), format!("ip tuntap add dev {interface} mode tun")];
    for make in kinds {
        netns.run(&make);
        for run in [format!("run -f {interface}"), format!("run {interface}")] {
            let ended = netns.try_run(&format!("timeout 20 {} {run}", adit().display()));
            assert_one_sentence(&ended, &[&interface]);
        }
        assert!(netns.has_interface(&interface), "it was not the daemon's to delete");
        assert!(!socket(&interface).exists());
        assert_eq!(netns.processes(), Vec::<String>::new());
        netns.run(&format!("ip link delete {interface}"));
    }
}

fn a_port_in_use() {
    let lab = Lab::new();
    let tunnel = Tunnel::new(&lab, Adit, Adit, Family::V4);
    tunnel.left.ping(RIGHT.inside(Family::V4));
    let before = Dump::of(tunnel.right.interface()).settings();
    for address in ["0.0.0.0:51999", "[::]:51999"] {
        let other = lab.right.inside(|| UdpSocket::bind(address)).expect("a free port");
        let said = wg::try_set(tunnel.right.interface(), "listen-port 51999").failure();
        assert!(said.contains("Address already in use"), "{said}");
        assert_eq!(Dump::of(tunnel.right.interface()).settings(), before);
        tunnel.right.ping(LEFT.inside(Family::V6));
        drop(other);
    }
    wg::set(tunnel.right.interface(), "listen-port 51999");
}

fn malformed_input() {
    let netns = Netns::new();
    let daemon = Daemon::start(Adit, &netns);
    let long = format!("set=1\nprivate_key={}\n\n", "0".repeat(1 << 20));
    let key = "1".repeat(64);
    let cases: &[(&str, String)] = &[
        ("an unknown request", "delete=1\n\n".into()),
        ("another version of get", "get=2\n\n".into()),
        ("an empty request", "\n".into()),
        ("no equals sign", "set=1\nprivate_key\n\n".into()),
        ("an unknown key", "set=1\ncolour=blue\n\n".into()),
        ("a key of the wrong length", "set=1\nprivate_key=abcd\n\n".into()),
        ("a key that is not hexadecimal", format!("set=1\nprivate_key={}\n\n", "x".repeat(64))),
        ("a port beyond 65535", "set=1\nlisten_port=65536\n\n".into()),
        ("a negative port", "set=1\nlisten_port=-1\n\n".into()),
        ("a peer's key without a peer", "set=1\nendpoint=192.0.2.1:1\n\n".into()),
        ("an endpoint without a port", format!("set=1\npublic_key={key}\nendpoint=192.0.2.1\n\n")),
        ("an allowed IP with too long a prefix", format!("set=1\npublic_key={key}\nallowed_ip=::/129\n\n")),
        ("an unknown flag", "set=1\nreplace_peers=yes\n\n".into()),
        ("a line of a megabyte", long),
        ("zeros", "\0\0\0\0\n\n".into()),
    ];
    for (what, request) in cases {
        let errno = ask(&daemon.interface, request.as_bytes());
        assert!(errno.is_some_and(|number| number < 0), "{what}: errno={errno:?}");
        assert_eq!(ask(&daemon.interface, b"get=1\n\n"), Some(0), "after {what}");
    }
    let invalid = -rustix::io::Errno::INVAL.raw_os_error();
    for request in ["set=1\ncolour=blue\n\n", "set=1\nlisten_port=65536\n\n", "set=1\nprivate_key=abcd\n\n"] {
        assert_eq!(ask(&daemon.interface, request.as_bytes()), Some(invalid), "{request:?}");
    }
    assert_eq!(ask(&daemon.interface, b"set=1\nnot utf-8: \xff\xfe\n\n").unwrap_or(-1).signum(), -1);
    assert_eq!(Dump::of(&daemon.interface).peers, []);
}

fn a_silent_client() {
    let netns = Netns::new();
    let mut daemon = Daemon::start(Adit, &netns);
    let mut clients: Vec<Client> = (0..100).map(|_| Client::connect(&daemon.interface)).collect();
    for client in clients.iter_mut().step_by(2) {
        client.say(b"set=1\nfwmark=7\n");
    }
    run(&format!("timeout 10 wg show {}", daemon.interface));
    assert!(try_run(&format!("timeout 10 wg set {} fwmark 8", daemon.interface)).status.success());
    assert_eq!(Dump::of(&daemon.interface).fwmark, "0x8", "half a request changes nothing");

    daemon.signal(rustix::process::Signal::TERM);
    daemon.ended();
    assert_nothing_left(&netns, &daemon.interface);
    assert!(!Path::new("/proc").join(daemon.process().to_string()).exists());
}
