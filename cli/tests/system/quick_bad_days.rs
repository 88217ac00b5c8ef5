//! Bad days of `up` and `down`: each refusal is one sentence, whatever was begun is taken back, and what was killed
//! can be cleared away.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::Case;
use crate::lab::command::{Ended, run, try_run};
use crate::lab::daemon::socket;
use crate::lab::host::{Host, QUICK, journal, path_with};
use crate::lab::needs::adit;
use crate::lab::wait::{LONG, holds, until};
use crate::lab::wg::Dump;

pub(crate) const CASES: &[Case] = &[
    Case { name: "up_and_down_without_privilege", needs: QUICK, run: without_privilege },
    Case { name: "up_of_what_is_no_configuration", needs: QUICK, run: what_is_no_configuration },
    Case { name: "up_that_fails_takes_everything_back", needs: QUICK, run: up_that_fails },
    Case { name: "up_of_an_interface_that_exists", needs: QUICK, run: an_interface_that_exists },
    Case { name: "down_of_what_is_not_up", needs: QUICK, run: down_of_what_is_not_up },
    Case { name: "a_hook_of_down_that_fails", needs: QUICK, run: a_hook_of_down_that_fails },
    Case { name: "down_clears_away_a_killed_up", needs: QUICK, run: down_clears_away_a_killed_up },
    Case { name: "up_clears_away_a_killed_up", needs: QUICK, run: up_clears_away_a_killed_up },
    Case { name: "a_killed_daemon_is_cleared_away", needs: QUICK, run: a_killed_daemon },
    Case { name: "a_deleted_interface_is_cleared_away", needs: QUICK, run: a_deleted_interface },
    Case { name: "a_signal_takes_everything_back", needs: QUICK, run: a_signal },
    Case { name: "of_two_ups_of_one_name_one_wins", needs: QUICK, run: two_ups_of_one_name },
    Case { name: "two_default_routes_at_once", needs: QUICK, run: two_default_routes_at_once },
    Case { name: "a_hook_brings_up_another_interface", needs: QUICK, run: a_hook_brings_up_another },
    Case { name: "down_without_a_configuration", needs: QUICK, run: down_without_a_configuration },
    Case { name: "down_from_another_namespace_is_refused", needs: QUICK, run: down_from_another_namespace },
    Case { name: "the_daemon_keeps_nothing_open", needs: QUICK, run: the_daemon_keeps_nothing_open },
];

/// Fails unless the program has failed with 1 and its last line, the only one that is no hook, names these parts.
#[track_caller]
fn assert_refused(ended: &Ended, parts: &[&str]) {
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let lines: Vec<&str> = ended.stderr.lines().filter(|line| !line.starts_with("[#]")).collect();
    let [line] = lines.as_slice() else { panic!("not one sentence: {ended:?}") };
    assert!(line.starts_with("adit: ") && ended.stderr.ends_with(&format!("{line}\n")), "{ended:?}");
    for part in parts {
        assert!(line.contains(part), "no {part:?} in {ended:?}");
    }
}

fn ended(child: Child) -> Ended {
    let output = child.wait_with_output().expect("our child");
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    Ended { status: output.status, stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

fn kill(child: &Child) {
    kill_process(Pid::from_child(child), Signal::KILL).expect("our child runs");
}

fn without_privilege() {
    let host = Host::new();
    host.configure("PreUp = touch %i.ran", "10.10.0.0/16");
    let before = host.state();
    fs::set_permissions(host.folder(), PermissionsExt::from_mode(0o755)).expect("our own folder");
    let binary = host.folder().join("adit");
    fs::copy(adit(), &binary).expect("the binary can be copied");
    for user in [
        "setpriv --reuid=65534 --regid=65534 --clear-groups",
        "setpriv --bounding-set=-net_admin --inh-caps=-net_admin",
    ] {
        for command in ["up", "down", "save"] {
            let line = format!("{user} {} {command} {}", binary.display(), host.file());
            assert_refused(&host.netns.try_run(&line), &[command, "root"]);
            host.assert_as_before(&before);
        }
    }
}

fn what_is_no_configuration() {
    let host = Host::new();
    let before = host.state();
    for command in ["up", "down", "save", "strip"] {
        assert_refused(&host.adit(command), &["there is no", &host.file()]);
        let at = |file: &str| host.netns.try_run(&format!("{} {command} {file}", adit().display()));
        assert_refused(&at("nosuchiface"), &["there is no /etc/wireguard/nosuchiface.conf"]);
        for name in ["sixteen-letters-.conf", "noconf", "a b.conf"] {
            let file = host.folder().join(name.replace(' ', "%"));
            fs::write(&file, "[Interface]\n").expect("our own folder");
            fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).expect("our own file");
            assert_refused(&at(&file.display().to_string()), &["names no interface"]);
        }
    }
    for (text, part) in [
        ("[Interface]\nMTV = 1400\n", "did you mean MTU?"),
        ("[Interface]\nPrivateKey = short\n", "PrivateKey"),
        ("[Peer]\n", "PublicKey"),
        ("\u{0}", "line 1"),
    ] {
        host.write(text);
        assert_refused(&host.adit("up"), &[&host.file(), "line ", part]);
        host.assert_as_before(&before);
    }
}

/// The step that fails, in the order of the steps, and what is said of it.
fn up_that_fails() {
    let host = Host::new();
    let taken = host.netns.inside(|| std::net::UdpSocket::bind("0.0.0.0:51999")).expect("a free port");
    let never = host.folder().join("never");
    let before = host.state();
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "PreUp = true\nPreUp = exit 3\nPreUp = touch NEVER",
            "10.10.0.0/16",
            &["the PreUp hook `exit 3` failed", "3"],
        ),
        ("PreUp = false | true", "10.10.0.0/16", &["the PreUp hook"]),
        ("ListenPort = 51999", "10.10.0.0/16", &["Address already in use"]),
        ("Address = 10.9.0.1/24", "10.10.0.0/16", &["the address 10.9.0.1/24", "File exists"]),
        ("MTU = 20", "10.10.0.0/16", &["with an MTU of 20"]),
        ("MTU = 1000", "10.10.0.0/16, fd00:10::/64", &["fd00:10::/64", "1280"]),
        ("", "10.10.0.0/16, 192.0.2.0/24", &["cannot route 192.0.2.0/24", "File exists"]),
        ("FwMark = 4242", "0.0.0.0/0, ::/0, 192.0.2.0/24", &["cannot route 192.0.2.0/24"]),
        ("PostUp = true\nPostUp = kill -9 $$", "0.0.0.0/0, ::/0", &["the PostUp hook", "signal: 9"]),
    ];
    for (lines, allowed_ips, parts) in cases {
        host.configure(&lines.replace("NEVER", &never.display().to_string()), allowed_ips);
        let refused = host.adit("up");
        assert_refused(&refused, parts);
        assert!(!never.exists(), "a hook ran after one that had failed");
        assert_refused(&refused, &["all that adit had done is taken back"]);
        host.assert_as_before(&before);
    }
    drop(taken);

    let text = "[Interface]\n[Peer]\nPublicKey = HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=\nEndpoint = nowhere.invalid:1\n";
    host.write(text);
    let refused = try_run_without_patience(&host);
    assert_refused(&refused, &["nowhere.invalid:1", "all that adit had done is taken back"]);
    host.assert_as_before(&before);

    let path = path_with(host.folder(), &["bash", "sh"]);
    host.configure("DNS = 10.9.0.53", "10.10.0.0/16");
    let refused = host.adit_with_path("up", &path);
    assert_refused(&refused, &["DNS", "resolvconf", "all that adit had done is taken back"]);
    host.assert_as_before(&before);

    let resolvconf = format!("{path}/resolvconf");
    fs::write(&resolvconf, "#!/bin/sh\n[ $1 = -d ] && exit\necho no signature >&2; exit 1\n")
        .expect("our own folder");
    fs::set_permissions(&resolvconf, PermissionsExt::from_mode(0o755)).expect("our own file");
    let refused = host.adit_with_path("up", &path);
    assert_refused(&refused, &["`resolvconf -a ", "no signature", "all that adit had done is taken back"]);
    host.assert_as_before(&before);

    host.configure("", "0.0.0.0/0, ::/0");
    let refused = host.adit_with_path("up", &path);
    assert_refused(&refused, &["needs nft or iptables", "all that adit had done is taken back"]);
    host.assert_as_before(&before);
}

/// `wg` asks for an endpoint's name again and again, unless it is told not to.
fn try_run_without_patience(host: &Host) -> Ended {
    let adit = adit();
    host.netns.try_run(&format!("env WG_ENDPOINT_RESOLUTION_RETRIES=0 {} up {}", adit.display(), host.file()))
}

fn an_interface_that_exists() {
    let host = Host::new();
    host.configure("", "10.10.0.0/16");
    host.netns.run(&format!("ip link add {} type veth", host.interface));
    let before = host.state();
    assert_refused(&host.adit("up"), &[&host.interface, "already exists"]);
    assert_refused(&host.adit("down"), &[&host.interface, "not a WireGuard interface"]);
    assert_refused(&host.adit("save"), &[&host.interface, "is not running here"]);
    host.assert_as_before(&before);
    host.netns.run(&format!("ip link delete {}", host.interface));

    let before = host.state();
    host.adit("up").success();
    let up = (host.state(), Dump::of(&host.interface).settings());
    assert_refused(&host.adit("up"), &[&host.interface, "already exists"]);
    assert_eq!((host.state(), Dump::of(&host.interface).settings()), up);
    host.adit("down").success();
    host.assert_as_before(&before);
}

fn down_of_what_is_not_up() {
    let host = Host::new();
    let never = host.folder().join("never");
    host.configure(&format!("PreDown = touch {0}\nPostDown = touch {0}", never.display()), "10.10.0.0/16");
    let before = host.state();
    assert_refused(&host.adit("down"), &[&host.interface, "is not running here"]);
    assert!(!never.exists(), "a hook ran of what is not up");
    host.configure("", "10.10.0.0/16");
    host.adit("up").success();
    host.adit("down").success();
    assert_refused(&host.adit("down"), &[&host.interface, "is not running here"]);
    host.assert_as_before(&before);
}

fn a_hook_of_down_that_fails() {
    let host = Host::new();
    let flag = host.folder().join("flag").display().to_string();
    host.configure(&format!("PreDown = test -e {flag}\nPostDown = exit 4"), "0.0.0.0/0");
    let before = host.state();
    host.adit("up").success();
    let up = host.state();
    assert_refused(&host.adit("down"), &["is still up", "the PreDown hook `test -e", "exit status: 1"]);
    assert_eq!(host.state(), up);
    fs::write(&flag, "").expect("our own folder");
    assert_refused(&host.adit("down"), &["is down, but the PostDown hook `exit 4` failed"]);
    host.assert_as_before(&before);
}

/// Kills an `up` within a hook, and the hook.
fn kill_within(host: &Host, hook: &str) {
    let waits = format!("touch {}/reached; exec sleep 1000", host.folder().display());
    host.configure(
        &format!("{hook} = {waits}\nPreDown = false\nPostDown = false"),
        "0.0.0.0/0, ::/0, 10.77.0.0/16",
    );
    let up = host.start("up");
    host.await_file("reached");
    fs::remove_file(host.folder().join("reached")).expect("it is there");
    kill(&up);
    let killed = ended_group(up);
    assert_eq!(killed.status.code(), None, "{killed:?}");
    assert!(journal(&host.interface).exists() && host.netns.has_interface(&host.interface));
}

/// What an `up` leaves running holds its output open.
fn ended_group(child: Child) -> Ended {
    kill_process_group(Pid::from_child(&child), Signal::KILL).expect("its hook runs");
    ended(child)
}

fn down_clears_away_a_killed_up() {
    let host = Host::new();
    let before = host.state();
    for hook in ["PreUp", "PostUp"] {
        kill_within(&host, hook);
        let down = host.adit("down");
        assert!(down.stderr.contains("warning: the PreDown hook"), "{down:?}");
        down.success();
        host.assert_as_before(&before);
    }
}

fn up_clears_away_a_killed_up() {
    let host = Host::new();
    let before = host.state();
    for hook in ["PreUp", "PostUp"] {
        kill_within(&host, hook);
        host.configure("", "0.0.0.0/0, ::/0");
        let up = host.adit("up");
        assert!(up.stderr.contains("cleaning up what an earlier"), "{up:?}");
        up.success();
        assert_eq!(Dump::of(&host.interface).fwmark, "0xca6c", "nothing is left in the first table");
        host.adit("down").success();
        host.assert_as_before(&before);
    }
}

/// Kills the daemon, and waits until the system has noticed all of it.
fn kill_daemon(host: &Host) {
    run(&format!("kill -9 {}", host.daemon()));
    let socket = socket(&host.interface);
    until("the interface is gone", LONG, || holds(!host.netns.has_interface(&host.interface)));
    until("nobody answers", LONG, || holds(UnixStream::connect(&socket).is_err()));
    assert!(socket.exists(), "it had no chance to remove its socket");
}

fn a_killed_daemon() {
    let host = Host::new();
    host.configure("", "0.0.0.0/0, ::/0");
    let before = host.state();
    host.adit("up").success();
    kill_daemon(&host);
    assert_ne!(host.state(), before, "rules and firewall are left");
    host.adit("down").success();
    host.assert_as_before(&before);

    host.adit("up").success();
    let up = host.comparable_state();
    kill_daemon(&host);
    assert_ne!(host.state(), before, "rules and firewall are left");
    let again = host.adit("up");
    assert!(again.stderr.contains("cleaning up"), "{again:?}");
    again.success();
    assert_eq!(host.comparable_state(), up);
    host.adit("down").success();
    host.assert_as_before(&before);
}

/// And another one of its name, which is none of ours, is there.
fn a_deleted_interface() {
    let host = Host::new();
    host.configure("", "0.0.0.0/0, ::/0");
    let before = host.state();
    host.adit("up").success();
    host.netns.run(&format!("ip link delete {}", host.interface));
    until("the daemon ends", LONG, || holds(host.netns.processes().is_empty()));
    host.netns.run(&format!("ip link add {} type veth peer name other", host.interface));
    assert_refused(&host.adit("up"), &["already exists"]);
    host.adit("down").success();
    assert!(host.netns.has_interface(&host.interface), "it is not ours to delete");
    host.netns.run("ip link delete other");
    host.assert_as_before(&before);
}

fn a_signal() {
    let host = Host::new();
    let before = host.state();
    for (hook, signal, name) in [
        ("PreUp", Signal::INT, "SIGINT"),
        ("PostUp", Signal::INT, "SIGINT"),
        ("PostUp", Signal::TERM, "SIGTERM"),
        ("PostUp", Signal::HUP, "SIGHUP"),
    ] {
        for to_group in [true, false] {
            let reached = host.folder().join("reached");
            // Not `touch`: a shell that waits for a command which a signal does not end goes on with the next one.
            let waits = format!(": > {}; sleep 1000; true", reached.display());
            host.configure(&format!("{hook} = {waits}"), "0.0.0.0/0, ::/0");
            let up = host.start("up");
            host.await_file("reached");
            fs::remove_file(&reached).expect("it is there");
            match to_group {
                true => kill_process_group(Pid::from_child(&up), signal).expect("it runs"),
                false => kill_process(Pid::from_child(&up), signal).expect("it runs"),
            }
            let refused = ended(up);
            assert_refused(
                &refused,
                &[&format!("interrupted by {name}"), hook, "all that adit had done is taken back"],
            );
            host.assert_as_before(&before);
        }
    }
}

fn two_ups_of_one_name() {
    let host = Host::new();
    host.configure("PreUp = sleep 0.3", "0.0.0.0/0, ::/0");
    let before = host.state();
    let (winners, losers): (Vec<Ended>, Vec<Ended>) =
        [0; 4].map(|_| host.start("up")).into_iter().map(ended).partition(|ended| ended.status.success());
    assert_eq!((winners.len(), losers.len()), (1, 3), "{losers:?}");
    for loser in &losers {
        assert_refused(loser, &[&host.interface, "already exists"]);
    }
    let down = [0; 2].map(|_| host.start("down")).map(ended);
    assert!(down.iter().any(|down| down.status.success()), "{down:?}");
    host.assert_as_before(&before);
}

fn two_default_routes_at_once() {
    let first = Host::new();
    let before = first.state();
    let others = [(); 3].map(|()| Host::new());
    for (number, host) in others.iter().enumerate() {
        host.configure(&format!("Address = 10.{number}.0.1/24"), "0.0.0.0/0, ::/0");
    }
    let start = |command: &str, host: &Host| {
        let mut child = first.netns.command(adit());
        child.args([command, &host.file()]).spawn().expect("ip, of iproute2")
    };
    for child in others.each_ref().map(|host| start("up", host)) {
        ended(child).success();
    }
    let mut marks = others.each_ref().map(|host| Dump::of(&host.interface).fwmark);
    marks.sort();
    assert_eq!(marks, ["0xca6c", "0xca6d", "0xca6e"]);
    for child in others.each_ref().map(|host| start("down", host)) {
        ended(child).success();
    }
    first.assert_as_before(&before);
}

fn a_hook_brings_up_another() {
    let (host, other) = (Host::new(), Host::new());
    other.configure("", "10.11.0.0/16");
    let adit = adit().display().to_string();
    let (post_up, pre_down) =
        (format!("{adit} up {}", other.file()), format!("{adit} down {}", other.file()));
    host.configure(&format!("PostUp = {post_up}\nPreDown = {pre_down}"), "0.0.0.0/0");
    let before = host.state();
    host.adit("up").success();
    assert!(host.netns.has_interface(&other.interface));
    host.adit("down").success();
    host.assert_as_before(&before);
}

/// Whoever has broken the file, or lost it, gets back on the net all the same.
fn down_without_a_configuration() {
    let host = Host::new();
    let before = host.state();
    let ran = host.folder().join("ran");
    for complaint in ["did you mean", "there is no"] {
        host.configure(&format!("SaveConfig = true\nPostDown = touch {}", ran.display()), "0.0.0.0/0, ::/0");
        host.adit("up").success();
        match complaint {
            "there is no" => fs::remove_file(host.file()).expect("it is there"),
            _ => host.write("[Interface]\nMTV = 1400\n"),
        }
        let down = host.adit("down");
        assert!(down.stderr.contains("adit: warning: ") && down.stderr.contains(complaint), "{down:?}");
        down.success();
        host.assert_as_before(&before);
        fs::remove_file(&ran).expect("the hook ran as it was at up");
        assert!(host.adit("down").stderr.contains("adit: "));
    }
}

fn down_from_another_namespace() {
    let (host, elsewhere) = (Host::new(), Host::new());
    host.configure("", "0.0.0.0/0");
    let (before, before_elsewhere) = (host.state(), elsewhere.state());
    let adit_elsewhere =
        |command: &str| elsewhere.netns.try_run(&format!("{} {command} {}", adit().display(), host.file()));
    host.adit("up").success();
    let up = host.state();
    for command in ["up", "down"] {
        assert_refused(&adit_elsewhere(command), &[&host.interface, "runs in another network namespace"]);
        assert_eq!(host.state(), up);
    }
    host.adit("down").success();
    host.assert_as_before(&before);

    // It died there: what is left there can be cleared away there alone, and is in nobody's way here.
    host.adit("up").success();
    kill_daemon(&host);
    assert_refused(&adit_elsewhere("down"), &["was brought up in another network namespace", ".journal"]);
    host.adit("down").success();
    host.assert_as_before(&before);
    host.adit("up").success();
    kill_daemon(&host);
    let up = adit_elsewhere("up");
    assert!(up.stderr.contains("its rules stay there until `adit down"), "{up:?}");
    up.success();
    adit_elsewhere("down").success();
    assert_eq!(elsewhere.state(), before_elsewhere);
    assert!(!journal(&host.interface).exists() && !socket(&host.interface).exists());
    host.adit("down").success();
    host.assert_as_before(&before);
}

/// A lock that the caller holds, its journal's and its output would be held for as long as the interface is up.
fn the_daemon_keeps_nothing_open() {
    let host = Host::new();
    host.configure("", "10.10.0.0/16");
    let lock = host.folder().join("lock");
    let mut command = host.netns.command("sh");
    command
        .args(["-c", "exec 7>\"$2\" 9>\"$2\"; exec \"$0\" up \"$1\""])
        .arg(adit())
        .arg(host.file())
        .arg(&lock);
    crate::lab::command::finish(&mut command).success();
    let open: Vec<String> = fs::read_dir(format!("/proc/{}/fd", host.daemon()))
        .expect("the daemon runs")
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .map(|target| target.display().to_string())
        .collect();
    assert!(open.iter().any(|target| target == "/dev/net/tun"), "{open:?}");
    let foreign: Vec<&String> =
        open.iter().filter(|target| target.contains("lock") || target.contains("adit")).collect();
    assert!(foreign.is_empty(), "{open:?}");
    assert!(try_run(&format!("flock --nonblock {} true", lock.display())).status.success());
    host.adit("down").success();
}
