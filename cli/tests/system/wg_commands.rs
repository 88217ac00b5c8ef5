//! `adit set`, `setconf`, `addconf` and `syncconf` do what `wg`'s do: each line and each file goes to `wg` for one
//! daemon and to `adit` for another one. Both are taken or both are refused, and the daemons then stand alike.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use crate::Case;
use crate::lab::command::{Ended, bounded, feed, run};
use crate::lab::daemon::Daemon;
use crate::lab::daemon::Kind::{self, Adit, WireguardGo};
use crate::lab::needs::{FOREIGN, OURS, adit};
use crate::lab::netns::{Netns, unique_interface};
use crate::lab::tunnel::{Family, Lab, RIGHT, Tunnel};
use crate::lab::wg::{self, Dump, Keys};

pub(crate) const CASES: &[Case] = &[
    Case { name: "set_does_what_wg_set_does", needs: OURS, run: || lines_of_set(Adit) },
    Case {
        name: "set_does_what_wg_set_does_to_a_foreign_daemon",
        needs: FOREIGN,
        run: || lines_of_set(WireguardGo),
    },
    Case { name: "setconf_does_what_wg_setconf_does", needs: OURS, run: || files("setconf", Adit) },
    Case { name: "addconf_does_what_wg_addconf_does", needs: OURS, run: || files("addconf", Adit) },
    Case { name: "syncconf_does_what_wg_syncconf_does", needs: OURS, run: || files("syncconf", Adit) },
    Case {
        name: "setconf_does_what_wg_setconf_does_to_a_foreign_daemon",
        needs: FOREIGN,
        run: || files("setconf", WireguardGo),
    },
    Case { name: "set_reads_keys_from_any_kind_of_file", needs: OURS, run: key_files },
    Case { name: "syncconf_takes_away_what_a_file_leaves_out", needs: OURS, run: syncconf_takes_away },
    Case { name: "syncconf_keeps_the_sessions_of_peers_that_stay", needs: OURS, run: sessions_survive },
    Case { name: "a_file_for_wg_quick_is_refused_with_advice", needs: OURS, run: a_file_for_wg_quick },
    Case { name: "a_name_without_an_address_is_asked_for_again", needs: OURS, run: unknown_names },
];

/// Two daemons that begin alike: what `wg` does to the first, `adit` does to the second.
struct Twins {
    kind: Kind,
    daemons: [Daemon; 2],
    keys: Keys,
    /// Public keys: of two peers that are there, and of one that is not.
    peers: [String; 3],
    preshared_key: String,
    /// Whether the second peer has a preshared key and a keepalive.
    is_full: bool,
}

impl Twins {
    fn new(kind: Kind, is_full: bool) -> Self {
        let daemons = [0, 1].map(|_| Daemon::start(kind, &Netns::new()));
        let peers = [0, 1, 2].map(|_| Keys::generate().public);
        Self { kind, daemons, keys: Keys::generate(), peers, preshared_key: wg::preshared_key(), is_full }
    }

    /// A line or a text with the keys in it: <private>, <1> and <2> of those that are there, <3>, <psk>.
    fn fill(&self, text: &str) -> String {
        let [first, second, third] = &self.peers;
        text.replace("<private>", &self.keys.private)
            .replace("<psk>", &self.preshared_key)
            .replace("<1>", first)
            .replace("<2>", second)
            .replace("<3>", third)
    }

    /// As they are before each line and each file.
    fn reset(&self) {
        let optional = if self.is_full { "PresharedKey = <psk>\nPersistentKeepalive = 25\n" } else { "" };
        let text = self.fill(&format!(
            "[Interface]\nPrivateKey = <private>\nListenPort = 1820\nFwMark = 5\n\
             [Peer]\nPublicKey = <1>\nAllowedIPs = 10.0.0.0/8, fd00::/8\nEndpoint = 192.0.2.1:1\n\
             [Peer]\nPublicKey = <2>\nAllowedIPs = 10.2.0.0/16\n{optional}"
        ));
        for daemon in &self.daemons {
            wg::setconf(&daemon.interface, "");
            wg::setconf(&daemon.interface, &text);
        }
    }

    /// Runs the words with both; in them IFACE is the interface. Fails unless both agree, and gives `adit`'s outcome.
    #[track_caller]
    fn agree(&self, words: &[&str], input: &str) -> Ended {
        self.reset();
        let [theirs, ours] = &self.daemons;
        let program = adit();
        let with = |program: &str, daemon: &Daemon| {
            let words = words.iter().map(|word| if *word == "IFACE" { &daemon.interface } else { *word });
            feed(
                &[
                    ["env", "WG_ENDPOINT_RESOLUTION_RETRIES=0", program].as_slice(),
                    &words.collect::<Vec<_>>(),
                ]
                .concat(),
                input,
            )
        };
        let wg = with("wg", theirs);
        let adit = with(&program.to_string_lossy(), ours);
        assert_eq!(adit.status.code(), wg.status.code(), "{words:?} {input:?}\n{wg:?}\n{adit:?}");
        assert_eq!(self.settings(ours), self.settings(theirs), "after {words:?} {input:?}\n{wg:?}\n{adit:?}");
        if !adit.status.success() {
            assert!(!adit.stderr.is_empty(), "{words:?}");
            for secret in [&self.keys.private, &self.preshared_key] {
                assert!(!adit.stderr.contains(&secret[..40]), "{words:?}: {}", adit.stderr);
            }
        }
        adit
    }

    /// What was set. A port that the system chose is another one for each.
    fn settings(&self, daemon: &Daemon) -> Dump {
        let mut dump = Dump::of(&daemon.interface).settings();
        if dump.listen_port.parse().is_ok_and(|port: u16| (32768..61000).contains(&port)) {
            dump.listen_port = "chosen".into();
        }
        if self.kind == WireguardGo {
            // It tells them in another order each time.
            dump.peers.sort_by(|one, other| one.public_key.cmp(&other.public_key));
        }
        dump
    }
}

/// Words of `set IFACE`, with keys as in [`Twins::fill`]. A word in quotes may hold spaces or nothing.
const LINES: &[&str] = &[
    "listen-port 1821",
    "listen-port 0",
    "listen-port 65535",
    "listen-port 00080",
    "listen-port +80",
    "listen-port -1",
    "listen-port x",
    "listen-port ''",
    "listen-port 1821 listen-port 1822",
    "listen-port",
    "fwmark 0",
    "fwmark off",
    "fwmark OFF",
    "fwmark 0xca6c",
    "fwmark 0xFFFFFFFF",
    "fwmark 4294967295",
    "fwmark 4294967296",
    "fwmark 010",
    "fwmark 0x",
    "fwmark 0X10",
    "fwmark -1",
    "fwmark ' 5'",
    "fwmark ''",
    "fwmark on",
    "fwmark 0x1 listen-port 1821",
    "private-key /dev/null",
    "private-key /nonexistent/key",
    "private-key",
    "private-key <private>",
    "private-key /",
    "peer <1>",
    "peer <3>",
    "peer <3> peer <3>",
    "peer short",
    "peer",
    "peer ''",
    "peer ' <3>'",
    "peer <1> remove",
    "peer <3> remove",
    "peer <1> remove peer <2> remove",
    "peer <1> remove remove",
    "peer <1> remove peer <1>",
    "peer <1> allowed-ips 10.9.0.0/16 remove",
    "remove",
    "remove peer <1>",
    "peer <1> preshared-key /dev/null",
    "peer <2> preshared-key /dev/null",
    "peer <2> preshared-key /nonexistent",
    "peer <2> preshared-key",
    "peer <2> preshared-key <psk>",
    "peer <1> endpoint 192.0.2.9:9",
    "peer <1> endpoint [2001:db8::1]:51820",
    "peer <1> endpoint 2001:db8::1:51820",
    "peer <1> endpoint [::1%lo]:1",
    "peer <1> endpoint [fe80::1%lo]:1",
    "peer <1> endpoint [fe80::1%1]:1",
    "peer <1> endpoint [fe80::1%nowhere]:1",
    "peer <1> endpoint localhost:51820",
    "peer <1> endpoint 127.1:51820",
    "peer <1> endpoint 192.0.2.1:0",
    "peer <1> endpoint 192.0.2.1",
    "peer <1> endpoint 192.0.2.1:",
    "peer <1> endpoint :51820",
    "peer <1> endpoint ''",
    "peer <1> endpoint []:1",
    "peer <1> endpoint [192.0.2.1]:1",
    "peer <1> endpoint 192.0.2.1:port",
    "peer <1> endpoint nowhere.invalid:1",
    "peer <1> endpoint 192.0.2.2:2 endpoint 192.0.2.3:3",
    "endpoint 192.0.2.1:1",
    "peer <1> persistent-keepalive 25",
    "peer <1> persistent-keepalive 0",
    "peer <2> persistent-keepalive 0",
    "peer <2> persistent-keepalive off",
    "peer <2> persistent-keepalive Off",
    "peer <1> persistent-keepalive 65535",
    "peer <1> persistent-keepalive 65536",
    "peer <1> persistent-keepalive -1",
    "peer <1> persistent-keepalive +1",
    "peer <1> persistent-keepalive 0x10",
    "peer <1> persistent-keepalive ''",
    "peer <1> persistent-keepalive",
    "peer <1> allowed-ips ''",
    "peer <1> allowed-ips ' '",
    "peer <1> allowed-ips 0.0.0.0/0",
    "peer <1> allowed-ips ::/0,0.0.0.0/0",
    "peer <1> allowed-ips '10.0.0.0/8, 192.168.0.0 / 16'",
    "peer <1> allowed-ips 10.0.0.1/8",
    "peer <1> allowed-ips 10.0.0.1",
    "peer <1> allowed-ips fd00::1",
    "peer <1> allowed-ips +192.168.0.0/16",
    "peer <1> allowed-ips -10.0.0.0/8",
    "peer <1> allowed-ips -192.168.0.0/16",
    "peer <1> allowed-ips '+ 192.168.0.0/16, - 10.0.0.0/8'",
    "peer <1> allowed-ips +192.168.0.0/16,172.16.0.0/12",
    "peer <1> allowed-ips +192.168.0.0/16 allowed-ips 172.16.0.0/12",
    "peer <1> allowed-ips 172.16.0.0/12 allowed-ips +192.168.0.0/16",
    "peer <1> allowed-ips 172.16.0.0/12 allowed-ips ''",
    "peer <1> allowed-ips 172.16.0.0/12 peer <1> allowed-ips 192.168.0.0/16",
    "peer <1> allowed-ips 10.2.0.0/16",
    "peer <3> allowed-ips +10.2.0.0/16",
    "peer <3> allowed-ips -10.2.0.0/16",
    "peer <1> allowed-ips ++10.0.0.0/8",
    "peer <1> allowed-ips +",
    "peer <1> allowed-ips 10.0.0.0/8,",
    "peer <1> allowed-ips ,",
    "peer <1> allowed-ips 10.0.0.0/33",
    "peer <1> allowed-ips ::/129",
    "peer <1> allowed-ips 10.0.0.0/",
    "peer <1> allowed-ips 10.0.0.0/255.0.0.0",
    "peer <1> allowed-ips nowhere",
    "peer <1> allowed-ips",
    "allowed-ips 10.0.0.0/8",
    "peer <1> listen-port 1821",
    "peer <1> fwmark 1",
    "peer <1> private-key /dev/null",
    "colour blue",
    "''",
    "peer <1> colour blue",
    "LISTEN-PORT 1821",
    "listen-port 1821 fwmark 9 peer <1> endpoint 192.0.2.9:9 peer <2> remove peer <3> persistent-keepalive 1",
    "listen-port 1821 fwmark 9 peer <1> remove peer <2> persistent-keepalive x",
    "",
];

/// A line's words.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        match index % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

fn lines_of_set(kind: Kind) {
    let twins = Twins::new(kind, true);
    let mut taken = 0;
    for line in LINES {
        let words: Vec<_> = split(line).iter().map(|word| twins.fill(word)).collect();
        let words: Vec<&str> = ["set", "IFACE"].into_iter().chain(words.iter().map(String::as_str)).collect();
        taken += usize::from(twins.agree(&words, "").status.success());
    }
    assert!(taken * 3 > LINES.len() && taken * 3 < LINES.len() * 2, "{taken} of {} are taken", LINES.len());
    twins.agree(&["set"], "");
    twins.agree(&["set", &unique_interface(), "listen-port", "1"], "");
}

/// Files, with keys as in [`Twins::fill`].
const FILES: &[&str] = &[
    "",
    "\n\n  \n",
    "# nothing\n",
    "[Interface]",
    "[Interface]\nPrivateKey = <private>\nListenPort = 1821\nFwMark = 0x10\n",
    "[Interface]\r\nPrivateKey = <private>\r\nListenPort = 1821\r\n[Peer]\r\nPublicKey = <1>\r\n",
    "[Interface]\nPrivateKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "[Interface]\nFwMark = off",
    "[Interface]\nListenPort = 0",
    "[interface]\nlistenport=1821\n[PEER]\npublickey=<3>",
    "[ Interface ] # a comment\n L i s t e n P o r t = 1 8 2 1 # another one",
    "[Interface]\nListenPort = 1821\nListenPort = 1822",
    "[Interface]\nListenPort = 1821\n[Interface]\nFwMark = 9",
    "[Peer]\nPublicKey = <3>\n[Interface]\nListenPort = 1821",
    "[Peer]\nPublicKey = <1>",
    "[Peer]\nPublicKey = <1>\nAllowedIPs = 10.9.0.0/16",
    "[Peer]\nPublicKey = <1>\nAllowedIPs = +10.9.0.0/16",
    "[Peer]\nPublicKey = <1>\nAllowedIPs = -10.0.0.0/8",
    "[Peer]\nPublicKey = <1>\nAllowedIPs = + 10.9.0.0/16, -10.0.0.0/8, 192.168.0.0/16",
    "[Peer]\nPublicKey = <1>\nAllowedIPs = -10.0.0.0/8\nAllowedIPs = 10.9.0.0/16",
    "[Peer]\nPublicKey = <1>\nAllowedIPs = 10.9.0.0/16\nAllowedIPs = -10.9.0.0/16\nAllowedIPs = 10.8.0.0/16",
    "[Peer]\nPublicKey = <1>\nAllowedIPs = 10.9.0.0/16\nAllowedIPs = +10.8.0.0/16",
    "[Peer]\nPublicKey = <1>\nAllowedIPs = 10.9.0.0/16\nAllowedIPs = 10.8.0.0/16",
    "[Peer]\nPublicKey = <3>\nAllowedIPs = 10.0.0.0/8",
    "[Peer]\nPublicKey = <3>\nAllowedIPs = -10.2.0.0/16",
    "[Peer]\nPublicKey = <1>\nEndpoint = 192.0.2.9:9\n[Peer]\nPublicKey = <2>\nEndpoint = [fe80::1%lo]:1",
    "[Peer]\nPublicKey = <1>\nPersistentKeepalive = 25\n[Peer]\nPublicKey = <2>\nPersistentKeepalive = off",
    "[Peer]\nPublicKey = <2>\nPresharedKey = <psk>",
    "[Peer]\nPublicKey = <2>\nPresharedKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "[Peer]\nPublicKey = <1>\nPublicKey = <3>",
    "[Peer]\nPublicKey = <3>\nPresharedKey = <psk>\nPersistentKeepalive = 7\n[Peer]\nPublicKey = <3>",
    "[Peer]\nPublicKey = <3>\nPersistentKeepalive = 7\n[Peer]\nPublicKey = <3>\nPersistentKeepalive = off",
    "[Peer]\nPublicKey = <3>\nAllowedIPs = 10.9.0.0/16\n[Peer]\nPublicKey = <3>\nAllowedIPs = 10.8.0.0/16",
    "[Peer]\nPublicKey = <3>\nAllowedIPs = 10.9.0.0/16\n[Peer]\nPublicKey = <3>\nAllowedIPs = +10.8.0.0/16",
    "[Peer]\nPublicKey = <3>\nEndpoint = localhost:1\nPersistentKeepalive = 65535",
    // Refused.
    "[Peer]\nAllowedIPs = 10.0.0.0/8",
    "[Peer]",
    "[Peer]\nPublicKey = short",
    "[Peer]\nPublicKey = <3>\nPersistentKeepalive = 65536",
    "[Peer]\nPublicKey = <3>\nAllowedIPs = 10.0.0.0/33",
    "[Peer]\nPublicKey = <3>\nEndpoint = 192.0.2.1",
    "[Peer]\nPublicKey = <3>\nEndpoint = nowhere.invalid:1",
    "[Peer]\nPublicKey = <3>\nPrivateKey = <private>",
    "[Interface]\nAddress = 10.0.0.1/24",
    "[Interface]\nMTU = 1420",
    "[Interface]\nDNS = 1.1.1.1",
    "[Interface]\nTable = off",
    "[Interface]\nPostUp = true # it",
    "[Interface]\nSaveConfig = true",
    "[Interface]\nPublicKey = <3>",
    "[Interface]\nListenPort = x",
    "[Interface]\nListenPort",
    "[Interface]\nFwMark = -1",
    "[Interface]\nColour = blue",
    "[Device]\nListenPort = 1821",
    "ListenPort = 1821",
    "FwMark = 9\n[Interface]",
    "[Interface]\nFwMark = 9\nx",
    "\u{1b}[31m",
];

fn files(command: &str, kind: Kind) {
    // Older releases of wg let a running peer keep what a file for syncconf leaves out.
    let twins = Twins::new(kind, command != "syncconf");
    let mut taken = 0;
    for text in FILES {
        let text = twins.fill(text);
        taken += usize::from(twins.agree(&[command, "IFACE", "/dev/stdin"], &text).status.success());
    }
    assert!(taken * 3 > FILES.len() && taken * 5 < FILES.len() * 4, "{taken} of {} are taken", FILES.len());

    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("file.conf");
    fs::write(&path, twins.fill("[Peer]\nPublicKey = <3>\n")).expect("our folder");
    let path = path.to_string_lossy();
    twins.agree(&[command, "IFACE", &path], "").success();
    for words in [
        &[command][..],
        &[command, "IFACE"],
        &[command, "IFACE", &path, &path],
        &[command, "IFACE", "/nonexistent"],
        &[command, &unique_interface(), &path],
    ] {
        twins.agree(words, "").failure();
    }
    // wg takes a folder for an empty file, and so takes everything away.
    let [_, ours] = &twins.daemons;
    let before = twins.settings(ours);
    let words = [&*adit().to_string_lossy(), command, &ours.interface, &*folder.path().to_string_lossy()]
        .map(str::to_owned);
    feed(&words.iter().map(String::as_str).collect::<Vec<_>>(), "").failure();
    assert_eq!(twins.settings(ours), before);
}

/// The ways in which a key may come, and the odd things that may be in its place.
fn key_files() {
    let twins = Twins::new(Adit, true);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = &Keys::generate().private;
    let contents = [
        ("plain", key.clone()),
        ("newline", format!("{key}\n")),
        ("crlf", format!("{key}\r\n")),
        ("lines", format!("{key}\n\n \t\n")),
        ("empty", String::new()),
        ("zeros", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n".into()),
        ("blank", "\n".into()),
        ("indented", format!(" {key}\n")),
        ("short", key[..43].into()),
        ("long", format!("{key}=\n")),
        ("two", format!("{key}\n{key}\n")),
        ("zero", format!("{key}\0")),
        ("hex", "01".repeat(32)),
        ("mark", format!("\u{feff}{key}\n")),
    ];
    for (name, text) in &contents {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("our folder");
        let path = path.to_string_lossy();
        for words in [
            &["set", "IFACE", "private-key", &path][..],
            &["set", "IFACE", "peer", &twins.peers[1], "preshared-key", &path],
        ] {
            let outcome = twins.agree(words, "");
            assert!(!outcome.stderr.contains(&key[..8]), "{}", outcome.stderr);
        }
        // The same through a pipe: there an empty one is a failure of whoever should have written to it.
        twins.agree(&["set", "IFACE", "private-key", "/dev/stdin"], text);
        let words = ["set", "IFACE", "peer", &twins.peers[1], "preshared-key", "/dev/stdin"];
        twins.agree(&words, text);
    }
    // A pipe has its key only once.
    let words =
        ["set", "IFACE", "private-key", "/dev/stdin", "peer", &twins.peers[0], "preshared-key", "/dev/stdin"];
    twins.agree(&words, key).failure();

    let link = folder.path().join("link");
    symlink(folder.path().join("plain"), &link).expect("our folder");
    for path in [&*link.to_string_lossy(), &*folder.path().to_string_lossy(), "/dev/null", "/dev/zero"] {
        twins.agree(&["set", "IFACE", "private-key", path], "");
    }
}

/// What the newest `wg` does, and older ones do not.
fn syncconf_takes_away() {
    let netns = Netns::new();
    let daemon = Daemon::start(Adit, &netns);
    let [first, second] = [0, 1].map(|_| Keys::generate().public);
    let full = |key: &str| {
        let preshared_key = wg::preshared_key();
        format!(
            "[Peer]\nPublicKey = {key}\nPresharedKey = {preshared_key}\nPersistentKeepalive = 25\nEndpoint = 192.0.2.1:1\n"
        )
    };
    wg::setconf(&daemon.interface, &(full(&first) + &full(&second)));
    ours(&["syncconf", &daemon.interface, "/dev/stdin"], &format!("[Peer]\nPublicKey = {first}\n")).success();
    let dump = Dump::of(&daemon.interface);
    assert_eq!(dump.peers.len(), 1);
    let peer = dump.peer(&first);
    assert_eq!((&*peer.preshared_key, &*peer.keepalive, &*peer.endpoint), ("(none)", "off", "192.0.2.1:1"));

    ours(&["syncconf", &daemon.interface, "/dev/stdin"], "").success();
    assert_eq!(Dump::of(&daemon.interface).peers, []);
}

/// Runs `adit` with these words and this input.
fn ours(words: &[&str], input: &str) -> Ended {
    let program = adit();
    feed(&[&[&*program.to_string_lossy()], words].concat(), input)
}

fn sessions_survive() {
    let lab = Lab::new();
    let Tunnel { left, right } = Tunnel::new(&lab, Adit, Adit, Family::V4);
    left.ping(RIGHT.inside(Family::V4));
    let before = Dump::of(left.interface());
    let before = before.peer(&right.keys.public);
    assert_ne!(before.latest_handshake, 0);

    let stranger = Keys::generate().public;
    let text = run(&format!("{} showconf {}", adit().display(), left.interface()))
        + &format!("[Peer]\nPublicKey = {stranger}\nAllowedIPs = 10.9.0.0/16\n");
    for text in [text.clone(), text.replace("[Interface]", "[Interface]\nFwMark = 7")] {
        ours(&["syncconf", left.interface(), "/dev/stdin"], &text).success();
        let dump = Dump::of(left.interface());
        assert_eq!(dump.peers.len(), 2);
        let after = dump.peer(&right.keys.public);
        assert_eq!(after.latest_handshake, before.latest_handshake);
        assert!(after.sent >= before.sent && after.received >= before.received, "{before:?} {after:?}");
        left.ping(RIGHT.inside(Family::V4));
    }
    // Without a new handshake: the sessions are still the first ones.
    assert_eq!(Dump::of(left.interface()).peer(&right.keys.public).latest_handshake, before.latest_handshake);

    // setconf makes all peers anew.
    ours(&["setconf", left.interface(), "/dev/stdin"], &text).success();
    assert_eq!(Dump::of(left.interface()).peer(&right.keys.public).latest_handshake, 0);
    left.ping(RIGHT.inside(Family::V4));
}

fn a_file_for_wg_quick() {
    let netns = Netns::new();
    let daemon = Daemon::start(Adit, &netns);
    for command in ["setconf", "addconf", "syncconf"] {
        let text = "[Interface]\n# mine\nAddress = 10.0.0.1/24\nFwMark = 9\n";
        let said = ours(&[command, &daemon.interface, "/dev/stdin"], text).failure();
        assert!(said.contains("line 3: Address") && said.contains("adit strip"), "{said}");
        assert_eq!(Dump::of(&daemon.interface).fwmark, "off");
    }
}

/// In a namespace without a network no name server answers, which may pass.
fn unknown_names() {
    let netns = Netns::new();
    let daemon = Daemon::start(Adit, &netns);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let servers = folder.path().join("resolv.conf");
    writeln!(
        fs::File::create(&servers).expect("our folder"),
        "nameserver 127.0.0.1\noptions attempts:1 timeout:1"
    )
    .expect("our folder");
    let peer = Keys::generate().public;
    let set = |retries: &str| {
        let mut command = bounded();
        // A resolver of its own, which nobody answers.
        let script = "mount --bind \"$0\" /etc/resolv.conf && exec ip netns exec \"$@\"";
        command.args(["unshare", "--mount", "sh", "-c", script]).arg(&servers).arg(netns.name());
        command.arg(adit()).args(["set", &daemon.interface, "peer", &peer, "endpoint", "vpn.example.com:1"]);
        let command = command.env("WG_ENDPOINT_RESOLUTION_RETRIES", retries).stdin(Stdio::null());
        crate::lab::command::finish(command)
    };
    let said = set("0").failure();
    assert!(said.starts_with("adit: the endpoint vpn.example.com:1 has no address: "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");

    let said = set("2").failure();
    let waits: Vec<_> = said.lines().filter(|line| line.contains("trying again in")).collect();
    assert_eq!((waits.len(), said.lines().count()), (2, 3), "{said}");
    assert!(waits[0].ends_with("1.00 seconds") && waits[1].ends_with("1.20 seconds"), "{said}");

    let said = set("often").failure();
    assert!(said.contains("WG_ENDPOINT_RESOLUTION_RETRIES"), "{said}");
    assert_eq!(Dump::of(&daemon.interface).peers, []);
}
