//! `up`, `down`, `save` and `strip`, against the unmodified `wg-quick`: what either makes is what the other makes,
//! and can take down.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::Case;
use crate::lab::command::{Ended, finish, run};
use crate::lab::daemon::socket;
use crate::lab::host::{Host, QUICK, journal, path_with};
use crate::lab::needs::adit;
use crate::lab::wg::{Dump, Keys};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "up_makes_what_wg_quick_makes_and_down_leaves_nothing",
        needs: QUICK,
        run: up_makes_what_wg_quick_makes,
    },
    Case { name: "wg_quick_takes_down_what_up_made", needs: QUICK, run: wg_quick_takes_down_what_up_made },
    Case {
        name: "down_takes_down_what_wg_quick_made",
        needs: QUICK,
        run: down_takes_down_what_wg_quick_made,
    },
    Case { name: "without_nft_iptables_does_it", needs: QUICK, run: without_nft },
    Case { name: "two_default_routes_do_not_meet", needs: QUICK, run: two_default_routes },
    Case { name: "resolvconf_learns_the_servers", needs: QUICK, run: resolvconf },
    Case { name: "systemd_resolved_learns_the_servers", needs: QUICK, run: systemd_resolved },
    Case { name: "save_writes_what_wg_quick_reads", needs: QUICK, run: save_writes_what_wg_quick_reads },
    Case { name: "save_config_saves_on_the_way_down", needs: QUICK, run: save_config },
    Case { name: "strip_prints_what_wg_quick_prints", needs: QUICK, run: strip },
    Case { name: "hooks_run_in_order_and_are_told", needs: QUICK, run: hooks },
    Case { name: "a_hook_saves", needs: QUICK, run: a_hook_saves },
];

/// Lines of `[Interface]`, and allowed IPs.
const CONFIGURATIONS: &[(&str, &str)] = &[
    ("ListenPort = 5555", "10.9.0.2/32, 10.10.0.0/16, fd00:10::/64, fd00:9::2/128"),
    ("", "0.0.0.0/0, ::/0, 10.77.0.0/16"),
    ("FwMark = 0x7b\nMTU = 1280", "0.0.0.0/0"),
    ("Table = 4242", "0.0.0.0/0, ::/0, 10.77.0.0/16"),
    ("Table = off", "0.0.0.0/0, ::/0, 10.77.0.0/16"),
    ("Address = 10.9.1.1/32, fd00:9:1::1", "::/0, 10.9.1.0/24"),
];

fn up_makes_what_wg_quick_makes() {
    for (lines, allowed_ips) in CONFIGURATIONS {
        let ours = Host::new();
        ours.configure(lines, allowed_ips);
        let before = ours.state();
        let ended = ours.adit("up");
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""), "{lines:?}");
        ended.success();
        let made = ours.comparable_state();
        ours.adit("down").success();
        ours.assert_as_before(&before);

        let theirs = Host::named(&ours.interface);
        fs::copy(ours.file(), theirs.file()).expect("our own folders");
        theirs.wg_quick("up").success();
        assert_eq!(made, theirs.comparable_state(), "{lines:?} {allowed_ips:?}");
        theirs.wg_quick("down").success();
    }
}

fn wg_quick_takes_down_what_up_made() {
    let host = Host::new();
    host.configure("", "0.0.0.0/0, ::/0");
    let before = host.state();
    host.adit("up").success();
    let up = host.comparable_state();
    host.wg_quick("down").success();
    let without_mark = |state: &str| state.replace("src_valid_mark = 1", "src_valid_mark = 0");
    assert_eq!(without_mark(&host.state()), before, "wg-quick does not restore the mark");

    // The journal that wg-quick knows nothing of is no obstacle.
    assert!(journal(&host.interface).exists());
    host.adit("up").success();
    assert_eq!(host.comparable_state(), up);
    host.wg_quick("down").success();
    host.wg_quick("up").success();
    host.adit("down").success();
    host.assert_as_before(&before);
}

fn down_takes_down_what_wg_quick_made() {
    for (lines, allowed_ips) in CONFIGURATIONS {
        let host = Host::new();
        host.netns.run("sysctl -q net.ipv4.conf.all.src_valid_mark=1");
        host.configure(lines, allowed_ips);
        let before = host.state();
        host.wg_quick("up").success();
        host.adit("down").success();
        host.assert_as_before(&before);
    }
    // By hand, without addresses and routes.
    let host = Host::new();
    host.configure("", "10.10.0.0/16");
    let before = host.state();
    host.netns.run(&format!("{} run {}", adit().display(), host.interface));
    host.adit("down").success();
    host.assert_as_before(&before);
}

/// The tables and chains of iptables stay, empty, as they do with `wg-quick`.
fn without_nft() {
    let host = Host::new();
    let path = path_with(
        host.folder(),
        &["bash", "iptables-save", "iptables-restore", "ip6tables-save", "ip6tables-restore"],
    );
    host.configure("", "0.0.0.0/0, ::/0");
    let rules = || {
        let saved = host.netns.run("iptables-save") + &host.netns.run("ip6tables-save");
        saved.lines().filter(|line| line.starts_with("-A")).map(str::to_owned).collect::<Vec<_>>()
    };
    host.netns.run("iptables -t raw -A PREROUTING -p udp --dport 9 -j DROP");
    let before = rules();
    host.adit_with_path("up", &path).success();
    let ours = rules();
    assert!(ours.iter().any(|rule| rule.contains("! -i") && rule.contains("-d 10.9.0.1/32")), "{ours:?}");
    assert!(ours.len() >= before.len() + 6, "{ours:?}");
    host.adit_with_path("down", &path).success();
    assert_eq!(rules(), before);

    // The same rules as wg-quick's: the same comments, marks and addresses.
    host.adit_with_path("up", &path).success();
    host.wg_quick("down").success();
    assert_eq!(rules(), before);
}

fn two_default_routes() {
    let (first, second) = (Host::new(), Host::new());
    let configure = |host: &Host, address: &str| {
        host.configure(&format!("Address = {address}"), "0.0.0.0/0, ::/0");
    };
    configure(&first, "10.8.0.1/24");
    configure(&second, "10.7.0.1/24");
    // Both on the first host.
    let adit =
        |command: &str, of: &Host| first.netns.run(&format!("{} {command} {}", adit().display(), of.file()));
    let before = first.state();
    adit("up", &first);
    let with_first = first.state();
    adit("up", &second);
    let marks = [&first, &second].map(|host| Dump::of(&host.interface).fwmark);
    assert_eq!(marks, ["0xca6c", "0xca6d"], "51820 and the table after it");

    // One down, and the other has all that it needs; the last one down, and nothing is left, in either order.
    adit("down", &second);
    assert_eq!(first.state(), with_first);
    adit("up", &second);
    adit("down", &first);
    let rules = first.netns.run("ip -4 rule") + &first.netns.run("ip -6 rule");
    assert_eq!(rules.matches("lookup 51821").count(), 2, "{rules}");
    assert_eq!(rules.matches("suppress_prefixlength 0").count(), 2, "{rules}");
    let mark = first.netns.run("sysctl -n net.ipv4.conf.all.src_valid_mark");
    assert_eq!(mark.trim(), "1");
    adit("down", &second);
    first.assert_as_before(&before);
}

fn resolvconf() {
    let host = Host::new();
    let log = host.folder().join("log");
    let fake = format!("#!/bin/sh\necho \"$@\" >>{0}\n[ \"$1\" = -d ] || cat >>{0}\n", log.display());
    let path = path_with(host.folder(), &["bash", "nft", "sh", "cat"]);
    let program = format!("{path}/resolvconf");
    fs::write(&program, fake).expect("our own folder");
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("our own file");
    host.configure("DNS = 10.9.0.53, fd00:9::53, lan, example.org", "10.10.0.0/16");
    let before = host.state();
    host.adit_with_path("up", &path).success();
    let name = fs::read_to_string("/etc/resolvconf/interface-order").map_or(host.interface.clone(), |_| {
        fs::read_to_string(&log).expect("it was called").split_whitespace().nth(1).expect("a name").to_owned()
    });
    assert_eq!(
        fs::read_to_string(&log).expect("it was called"),
        format!("-a {name} -m 0 -x\nnameserver 10.9.0.53\nnameserver fd00:9::53\nsearch lan example.org\n")
    );
    fs::remove_file(&log).expect("it was called");
    host.adit_with_path("down", &path).success();
    assert_eq!(fs::read_to_string(&log).expect("it was called"), format!("-d {name} -f\n"));
    host.assert_as_before(&before);
}

/// In a `/run` of its own, where systemd-resolved seems to run.
fn systemd_resolved() {
    let host = Host::new();
    let log = host.folder().join("log");
    let path = path_with(host.folder(), &["bash", "nft", "sh", "mount", "mkdir", "unshare"]);
    let program = format!("{path}/resolvectl");
    fs::write(&program, format!("#!/bin/sh\necho \"$@\" >>{}\n", log.display())).expect("our own folder");
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("our own file");
    host.configure("DNS = 10.9.0.53, fd00:9::53, lan", "10.10.0.0/16");
    let before = host.state();
    let script = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/resolve && \"$0\" up \"$1\" && \"$0\" down \"$1\"";
    let mut command = host.netns.command("timeout");
    command.args(["60", "env", &format!("PATH={path}"), "unshare", "-m", "sh", "-c", script]);
    finish(command.arg(adit()).arg(host.file())).success();
    let interface = &host.interface;
    assert_eq!(
        fs::read_to_string(&log).expect("it was called"),
        format!("dns {interface} 10.9.0.53 fd00:9::53\ndomain {interface} ~. lan\n"),
        "systemd-resolved forgets an interface that is gone by itself"
    );
    host.assert_as_before(&before);
}

fn save_writes_what_wg_quick_reads() {
    let host = Host::new();
    host.configure("MTU = 1400\nTable = off\nPostUp = true # %i\nPreDown = true", "10.10.0.0/16");
    host.adit("up").success();
    let another = Keys::generate().public;
    run(&format!(
        "wg set {} peer {another} allowed-ips 10.11.0.0/16 persistent-keepalive 25",
        host.interface
    ));
    host.netns.run(&format!("ip link set {} mtu 1380", host.interface));
    host.netns.run(&format!("ip address add 10.9.9.9/32 dev {}", host.interface));
    host.adit("save").success();

    let saved = fs::read_to_string(host.file()).expect("it is there");
    for line in
        ["MTU = 1380", "Table = off", "PostUp = true # %i", "PreDown = true", "PersistentKeepalive = 25"]
    {
        assert!(saved.lines().any(|other| other == line), "no {line:?} in {saved}");
    }
    assert!(saved.contains("Address = 10.9.0.1/24, 10.9.9.9/32, fd00:9::1/64\n"), "{saved}");
    let mode = fs::metadata(host.file()).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(host.folder()).expect("our own folder").count(), 1, "nothing half written");

    let settings = Dump::of(&host.interface).settings();
    let state = host.comparable_state();
    host.adit("down").success();
    host.wg_quick("up").success();
    assert_eq!(Dump::of(&host.interface).settings(), settings);
    assert_eq!(host.comparable_state(), state);
    host.adit("save").success();
    assert_eq!(fs::read_to_string(host.file()).expect("it is there"), saved, "nothing piles up");
    host.adit("down").success();
}

fn save_config() {
    let host = Host::new();
    host.configure("SaveConfig = true", "10.10.0.0/16");
    let before = host.state();
    host.adit("up").success();
    let another = Keys::generate().public;
    run(&format!("wg set {} peer {another} allowed-ips 10.11.0.0/16", host.interface));
    host.adit("down").success();
    let saved = fs::read_to_string(host.file()).expect("it is there");
    assert!(saved.contains(&another) && saved.contains("SaveConfig = true\n"), "{saved}");
    host.assert_as_before(&before);
}

fn strip() {
    let (own, peer) = (Keys::generate(), Keys::generate());
    let keys = |text: &str| text.replace("OWN", &own.private).replace("PEER", &peer.public);
    let peer_section =
        "[Peer]\nPublicKey = PEER\nAllowedIPs = 10.0.0.0/8, +fd00::/8\nEndpoint = [2001:db8::1]:51820";
    let texts = [
        "",
        "\n\n",
        "[Interface]\n \t",
        "[Interface]",
        "[Interface]\nPrivateKey = OWN\nAddress = 10.0.0.1/8\n",
        "  [interface]  # mine\n\tprivatekey=OWN\t\n  ADDRESS=10.0.0.1,10.0.0.2 10.0.0.3\nMtU = 1400 # four\n\n",
        "# first\n[Interface]\n#Address = 10.0.0.1\nDNS = 1.1.1.1, lan\nTable = off\nFwMark = 0x20\nSaveConfig = true\n",
        "[Interface]\nPreUp = echo a=b # c\nPostUp = echo %i\nPreDown = x\nPostDown = y\\n \\\nListenPort = 7",
        "[Peer]\nPublicKey = PEER\n[Interface]\nMTU = 1400\n[Peer]\nPublicKey = PEER\n",
        "[Interface]\r\nPrivateKey = OWN\r\nAddress = 10.0.0.1/8\r\nMTU = 1400\r\n",
        "[Interface]\nAddress =\nDNS =\nListenPort = 1\n",
        "[Interface]\n\x0bListenPort = 1\x0c\n \x0c MTU = 1300\n",
        peer_section,
    ];
    let host = Host::new();
    for text in texts {
        host.write(&keys(text));
        let ours = host.adit("strip");
        let theirs = host.wg_quick("strip").success();
        assert_eq!(ours.success(), theirs, "{text:?}");
    }
    let invalid =
        ["[Interface]\nMTV = 1400\n", "[Peer]\nAllowedIPs = 10.0.0.0/8\n", "[Interface]\nMTU = x\n"];
    for text in invalid {
        host.write(text);
        let Ended { status, stdout, stderr } = host.adit("strip");
        assert_eq!((status.code(), stdout.as_str(), stderr.lines().count()), (Some(1), "", 1), "{stderr}");
        assert!(stderr.contains("line "), "{stderr}");
    }
}

fn hooks() {
    let host = Host::new();
    let file = host.folder().join("said").display().to_string();
    let say =
        |when: &str| format!("echo {when} %i $(ip -br addr show dev %i 2>/dev/null | wc -w) >>{file} # 1");
    host.configure(
        &format!(
            "PreUp = {}\nPreUp = {}\nPostUp = {}\nPreDown = {}\nPostDown = {}",
            say("pre-up"),
            say("again"),
            say("post-up"),
            say("pre-down"),
            say("post-down")
        ),
        "10.10.0.0/16",
    );
    let up = host.adit("up");
    let told: Vec<&str> = up.stderr.lines().collect();
    assert_eq!(told.len(), 3, "{up:?}");
    assert!(told[0].starts_with(&format!("[#] echo pre-up {} ", host.interface)), "{up:?}");
    up.success();
    assert!(socket(&host.interface).exists());
    host.adit("down").success();
    let name = &host.interface;
    assert_eq!(
        fs::read_to_string(&file).expect("the hooks wrote it"),
        format!("pre-up {name} 2\nagain {name} 2\npost-up {name} 5\npre-down {name} 5\npost-down {name} 0\n")
    );
}

/// Where there is no bash, too.
fn a_hook_saves() {
    let host = Host::new();
    let path = path_with(host.folder(), &["sh"]);
    host.configure(&format!("PostUp = {} save {}", adit().display(), host.file()), "10.10.0.0/16");
    let before = host.state();
    host.adit_with_path("up", &path).success();
    let saved = fs::read_to_string(host.file()).expect("it is there");
    assert!(saved.contains("ListenPort = ") && saved.contains("PostUp = "), "{saved}");
    host.adit("down").success();
    host.assert_as_before(&before);
}
