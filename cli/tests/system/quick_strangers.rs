//! `up`, `down` and `save` beside interfaces of others that have the same name: these stay as they are, and so do their
//! keys. And what leaves, or hangs, while an interface is taken down.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use rustix::process::{Pid, Signal, kill_process};

use crate::Case;
use crate::lab::command::{Ended, run};
use crate::lab::daemon::socket;
use crate::lab::host::{Host, QUICK, path_with};
use crate::lab::needs::adit;
use crate::lab::wait::{LONG, holds, until};
use crate::lab::wg::Keys;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "up_leaves_a_strangers_interface_alone_after_a_death_elsewhere",
        needs: QUICK,
        run: after_a_death,
    },
    Case { name: "save_never_takes_another_namespaces_keys", needs: QUICK, run: save_takes_no_other_keys },
    Case { name: "down_leaves_a_strangers_interface_alone", needs: QUICK, run: a_journal_without_an_index },
    Case { name: "down_leaves_a_strangers_daemon_alone", needs: QUICK, run: a_strangers_daemon },
    Case { name: "what_is_left_is_taken_down_with_its_successor", needs: QUICK, run: a_successor },
    Case { name: "nothing_leaks_while_resolvconf_is_slow", needs: QUICK, run: a_slow_resolvconf },
    Case { name: "a_signal_ends_a_program_that_hangs", needs: QUICK, run: a_program_that_hangs },
    Case { name: "a_daemon_that_hangs_is_given_up", needs: QUICK, run: a_daemon_that_hangs },
    Case { name: "what_fails_on_the_way_down_is_done_later", needs: QUICK, run: what_fails_is_done_later },
    Case { name: "hooks_find_adit_and_keep_its_keys", needs: QUICK, run: hooks_find_adit },
];

/// `adit COMMAND`, of the one host's file in the other's namespace.
fn adit_in(elsewhere: &Host, command: &str, host: &Host) -> Ended {
    elsewhere.netns.try_run(&format!("{} {command} {}", adit().display(), host.file()))
}

fn kill_daemon(host: &Host) {
    run(&format!("kill -9 {}", host.daemon()));
    until("the interface is gone", LONG, || holds(!host.netns.has_interface(&host.interface)));
    until("nobody answers", LONG, || holds(UnixStream::connect(socket(&host.interface)).is_err()));
}

/// A program of this name in place of the system's; gives the whole PATH.
fn with_program(host: &Host, name: &str, script: &str) -> String {
    let path = path_with(host.folder(), &["bash", "sh", "nft", "sleep", "ip", "touch", "rm"]);
    let program = format!("{path}/{name}");
    fs::write(&program, script).expect("our own folder");
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("our own file");
    path
}

fn after_a_death() {
    let (host, elsewhere) = (Host::new(), Host::new());
    host.configure("", "0.0.0.0/0, ::/0");
    let before = host.state();
    host.adit("up").success();
    kill_daemon(&host);
    elsewhere.netns.run(&format!("ip link add {} type veth peer name other", host.interface));
    let stranger = elsewhere.state();
    let refused = adit_in(&elsewhere, "up", &host).failure();
    assert!(refused.contains("already exists"), "{refused}");
    assert_eq!(elsewhere.state(), stranger);
    host.adit("down").success();
    host.assert_as_before(&before);
}

fn save_takes_no_other_keys() {
    let (host, elsewhere) = (Host::new(), Host::named("x"));
    host.configure("SaveConfig = true", "10.10.0.0/16");
    let text = fs::read_to_string(host.file()).expect("our own file");
    host.adit("up").success();
    // Its file here, its interface there.
    fs::write(host.file(), &text).expect("our own file");
    elsewhere.netns.run(&format!("ip link add {} type veth peer name other", host.interface));
    let refused = adit_in(&elsewhere, "save", &host).failure();
    assert!(refused.contains("another network namespace"), "{refused}");
    assert_eq!(fs::read_to_string(host.file()).expect("our own file"), text);

    // It was replaced by one there and a stranger's here.
    kill_daemon(&host);
    host.netns.run(&format!("ip link add {} type veth peer name other", host.interface));
    elsewhere.netns.run("ip link delete other");
    elsewhere.netns.run(&format!("{} run {}", adit().display(), host.interface));
    run(&format!("wg set {} listen-port 999", host.interface));
    host.adit("down").success();
    assert_eq!(fs::read_to_string(host.file()).expect("our own file"), text);
    assert!(host.netns.has_interface(&host.interface) && elsewhere.netns.has_interface(&host.interface));
}

/// As a `kill -9` leaves it before the interface is made; another one of its name has been made since.
fn a_journal_without_an_index() {
    let host = Host::new();
    host.configure("PreUp = sleep 1000", "10.10.0.0/16");
    let mut up = host.start("up");
    let journal = crate::lab::host::journal(&host.interface);
    let text = until("the interface is made", LONG, || {
        fs::read_to_string(&journal).ok().filter(|text| text.contains("made"))
    });
    up.kill().expect("our child runs");
    up.wait().expect("our child");
    run(&format!("kill {}", host.daemon()));
    until("the hook ends", LONG, || {
        host.netns
            .processes()
            .iter()
            .for_each(|process| drop(crate::lab::command::try_run(&format!("kill {process}"))));
        holds(host.netns.processes().is_empty())
    });
    let first_lines: Vec<&str> = text.lines().take_while(|line| !line.contains("made")).collect();
    fs::write(&journal, first_lines.join("\n") + "\n").expect("root may");
    host.netns.run(&format!("ip link add {} type veth peer name other", host.interface));
    let stranger = host.state();
    assert!(host.adit("up").failure().contains("already exists"));
    host.adit("down").success();
    assert_eq!(host.state(), stranger);
}

fn a_strangers_daemon() {
    let (host, elsewhere) = (Host::new(), Host::new());
    host.configure("", "0.0.0.0/0, ::/0");
    let before = host.state();
    host.adit("up").success();
    kill_daemon(&host);
    elsewhere.netns.run(&format!("{} run {}", adit().display(), host.interface));
    host.adit("down").success();
    assert_eq!(host.state(), before);
    assert!(elsewhere.netns.has_interface(&host.interface) && socket(&host.interface).exists());
    assert!(run(&format!("wg show {}", host.interface)).contains("interface: "));
}

/// The daemon is killed, and another one made by hand.
fn a_successor() {
    let host = Host::new();
    let flag = host.folder().join("flag").display().to_string();
    host.configure(&format!("PreDown = test -e {flag}"), "0.0.0.0/0, ::/0");
    let before = host.state();
    host.adit("up").success();
    kill_daemon(&host);
    host.netns.run(&format!("{} run {}", adit().display(), host.interface));
    let both = host.state();
    assert!(host.adit("down").failure().contains("is still up"));
    assert_eq!(host.state(), both, "nothing is taken back before the hook has agreed");
    fs::write(&flag, "").expect("our own folder");
    host.adit("down").success();
    host.assert_as_before(&before);
}

/// What is bound to the tunnel's address has no way out at any moment.
fn a_slow_resolvconf() {
    let host = Host::new();
    let file = host.folder().join("ways").display().to_string();
    let script = format!(
        "#!/bin/sh\n[ $1 = -d ] || exit 0\nsleep 0.3\nip route get 1.1.1.1 from 10.9.0.1 >>{file} 2>&1\necho $? >>{file}\n"
    );
    let path = with_program(&host, "resolvconf", &script);
    host.configure("DNS = 10.9.0.53", "0.0.0.0/0, ::/0");
    let before = host.state();
    host.adit_with_path("up", &path).success();
    let through = host.netns.run("ip route get 1.1.1.1 from 10.9.0.1");
    assert!(through.contains(&host.interface), "{through}");
    host.adit_with_path("down", &path).success();
    let ways = fs::read_to_string(&file).expect("resolvconf ran");
    assert!(!ways.contains("dev ") && ways.ends_with("2\n"), "{ways}");
    host.assert_as_before(&before);
}

fn a_program_that_hangs() {
    let host = Host::new();
    let reached = host.folder().join("reached");
    let script =
        format!("#!/bin/sh\n[ $1 = $HANGS ] || exit 0\ntouch {}\nsleep 1000\ntrue\n", reached.display());
    let path = with_program(&host, "resolvconf", &script);
    host.configure("DNS = 10.9.0.53", "0.0.0.0/0, ::/0");
    let before = host.state();
    let interrupted = |command: &str, hangs: &str| {
        let mut child = host.netns.command(adit());
        child.args([command, &host.file()]).env("PATH", &path).env("HANGS", hangs);
        let child = child.stderr(std::process::Stdio::piped()).spawn().expect("ip, of iproute2");
        host.await_file("reached");
        fs::remove_file(&reached).expect("it is there");
        kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
        let output = child.wait_with_output().expect("our child");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let told = interrupted("up", "-a");
    assert!(told.contains("interrupted by SIGINT within `resolvconf -a"), "{told}");
    assert!(told.contains("all that adit had done is taken back"), "{told}");
    host.assert_as_before(&before);

    host.adit_with_path("up", &format!("{path} HANGS=none")).success();
    let told = interrupted("down", "-d");
    assert!(told.contains("interrupted by SIGINT within `resolvconf -d"), "{told}");
    assert_eq!(host.state(), before, "all but the resolver is as before");
    host.adit_with_path("down", &format!("{path} HANGS=none")).success();
    host.assert_as_before(&before);
}

fn a_daemon_that_hangs() {
    let host = Host::new();
    host.configure("", "10.10.0.0/16");
    host.adit("up").success();
    let daemon = host.daemon();
    run(&format!("kill -STOP {daemon}"));
    for command in ["save", "show"] {
        let named = if command == "show" { host.interface.clone() } else { host.file() };
        let refused = host.netns.try_run(&format!("{} {command} {named}", adit().display())).failure();
        assert!(refused.contains("does not answer"), "{refused}");
    }
    run(&format!("kill -CONT {daemon}"));
    host.adit("down").success();
}

/// And nothing that was done is done again.
fn what_fails_is_done_later() {
    let host = Host::new();
    let broken = host.folder().join("broken");
    let script = format!("#!/bin/sh\n[ $1 = -a ] || ! [ -e {} ]\n", broken.display());
    let path = with_program(&host, "resolvconf", &script);
    host.configure("DNS = 10.9.0.53", "0.0.0.0/0, ::/0");
    let before = host.state();
    host.adit_with_path("up", &path).success();
    fs::write(&broken, "").expect("our own folder");
    for _ in 0..2 {
        let refused = host.adit_with_path("down", &path).failure();
        assert!(
            refused.contains("`resolvconf -d") && refused.contains("again when that is mended"),
            "{refused}"
        );
        assert_eq!(host.state(), before);
    }
    fs::remove_file(&broken).expect("it is there");
    host.adit_with_path("down", &path).success();
    host.assert_as_before(&before);
}

fn hooks_find_adit() {
    let host = Host::new();
    let path = path_with(host.folder(), &["sh"]);
    let program = adit().file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    let key = Keys::generate().private;
    host.configure(
        &format!("PostUp = {program} show %i >/dev/null; echo {key} >/dev/null; exit 3"),
        "10.10.0.0/16",
    );
    let before = host.state();
    let refused = host.adit_with_path("up", &path).failure();
    assert!(refused.contains("exit status: 3") && !refused.contains("not found"), "{refused}");
    assert!(!refused.contains(&key[..12]), "{refused}");
    host.assert_as_before(&before);
}
