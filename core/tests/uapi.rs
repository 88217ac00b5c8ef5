//! The UAPI as `wg` and foreign daemons speak it: what is taken, what is refused with which number, and that
//! text and types are two forms of one thing.

use std::time::Duration;

use adit_core::key::{PresharedKey, PrivateKey, PublicKey};
use adit_core::uapi::{
    AllowedIpChange, DeviceStatus, Errno, MAX_LINE, MAX_REQUEST, Operation, PeerStatus, Reason, Request,
    RequestError, RequestReader, Set, SetPeer, StatusError, parse_status, write_set, write_status,
    write_status_in_pieces,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const KEY: &str = "e84b5a6d2717c1003a13b431570353dbaca9146cf150c5f8575680feba52027a";
const OTHER_KEY: &str = "58402e695ba1772b1cc9309755f043251ea77fdcf10fbe63989ceb7e19321376";
const NO_KEY: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A machine with the interfaces `lo` and `eth0`, numbers 1 and 7.
fn zones(name: &str) -> Option<u32> {
    match name {
        "lo" => Some(1),
        "eth0" => Some(7),
        _ => name.parse().ok(),
    }
}

fn read(text: &str) -> Result<Request, RequestError> {
    let mut input = text.as_bytes();
    let request = RequestReader::new(zones).read(&mut input)?.expect("the request is complete");
    assert!(input.is_empty(), "the request ends where the text ends");
    Ok(request)
}

fn read_set(lines: &str) -> Result<Set, RequestError> {
    match read(&format!("set=1\n{lines}\n"))? {
        Request::Set(set) => Ok(set),
        Request::Get => panic!("set=1 was read as get=1"),
    }
}

/// A peer changed by these lines alone.
fn read_peer(lines: &str) -> Result<SetPeer, RequestError> {
    read_set(&format!("public_key={KEY}\n{lines}")).map(|mut set| set.peers.remove(0))
}

#[test]
fn get_is_read() {
    assert_eq!(read("get=1\n\n"), Ok(Request::Get));
}

#[test]
fn a_setconf_of_wg_is_read() {
    let set = read_set(&format!(
        "private_key={KEY}\nlisten_port=51820\nfwmark=0\nreplace_peers=true\n\
         public_key={OTHER_KEY}\npreshared_key={NO_KEY}\nendpoint=[fe80::1%eth0]:51820\n\
         persistent_keepalive_interval=25\nreplace_allowed_ips=true\nallowed_ip=10.0.0.0/8\nallowed_ip=::/0\n\
         public_key={KEY}\nremove=true\n"
    ))
    .unwrap();

    assert_eq!(set.private_key, Some(PrivateKey::from_hex(KEY).unwrap()));
    assert_eq!(set.listen_port, Some(51820));
    assert_eq!(set.fwmark, Some(None), "0 takes the mark away");
    assert!(set.replace_peers);

    let [peer, removed] = &set.peers[..] else { panic!("two peers") };
    assert_eq!(peer.public_key, PublicKey::from_hex(OTHER_KEY).unwrap());
    assert_eq!(peer.preshared_key, Some(None), "zeros take the key away");
    assert_eq!(peer.endpoint, Some("[fe80::1%7]:51820".parse().unwrap()));
    assert_eq!(peer.persistent_keepalive.unwrap().unwrap().get(), 25);
    assert!(peer.replace_allowed_ips && !peer.remove && !peer.update_only);
    assert_eq!(
        peer.allowed_ips,
        ["10.0.0.0/8", "::/0"].map(|network| AllowedIpChange::Add(network.parse().unwrap()))
    );
    assert!(removed.remove);
}

#[test]
fn what_is_not_named_stays_as_it_is() {
    assert_eq!(read_set("").unwrap(), Set::default());
    assert_eq!(read_peer("").unwrap(), SetPeer::new(PublicKey::from_hex(KEY).unwrap()));
}

#[test]
fn allowed_ips_are_added_and_taken_away() {
    let peer = read_peer("allowed_ip=+10.0.0.0/8\nallowed_ip=-10.1.0.0/16\n").unwrap();
    assert_eq!(
        peer.allowed_ips,
        [
            AllowedIpChange::Add("10.0.0.0/8".parse().unwrap()),
            AllowedIpChange::Remove("10.1.0.0/16".parse().unwrap())
        ]
    );
    assert!(!peer.replace_allowed_ips);
}

#[test]
fn replacing_forgets_what_stands_above_it() {
    let peer = read_peer("allowed_ip=10.0.0.0/8\nreplace_allowed_ips=true\nallowed_ip=::/0\n").unwrap();
    assert_eq!(peer.allowed_ips, [AllowedIpChange::Add("::/0".parse().unwrap())]);
}

#[test]
fn a_bad_value_is_invalid_and_names_its_line() {
    let lines = [
        "private_key=00",
        "listen_port=65536",
        "listen_port=+1",
        "listen_port=",
        "fwmark=4294967296",
        "fwmark=0x1",
        "replace_peers=false",
        "unknown=1",
        "endpoint=1.2.3.4:5",
        "public_key=",
    ];
    for line in lines {
        let error = read_set(&format!("{line}\n")).unwrap_err();
        assert_eq!((error.errno(), error.line), (Errno::Invalid, 2), "{line}: {error}");
        assert_eq!(error.key.as_deref(), line.split('=').next());
        assert_eq!(error.answer(), "errno=-22\n\n");
    }
}

#[test]
fn a_bad_value_of_a_peer_is_invalid() {
    let lines = [
        "preshared_key=1",
        "endpoint=1.2.3.4",
        "endpoint=example.com:51820",
        "endpoint=::1:51820",
        "endpoint=[fe80::1%eth1]:51820",
        "endpoint=1.2.3.4:65536",
        "persistent_keepalive_interval=65536",
        "persistent_keepalive_interval=off",
        "replace_allowed_ips=1",
        "update_only=yes",
        "remove=",
        "allowed_ip=10.0.0.0",
        "allowed_ip=10.0.0.0/33",
        "allowed_ip=10.0.0.0/+8",
        "allowed_ip=--10.0.0.0/8",
        "allowed_ip=::/129",
        "protocol_version=2",
        "listen_port=1",
    ];
    for line in lines {
        let error = read_peer(&format!("{line}\n")).unwrap_err();
        assert_eq!((error.errno(), error.line), (Errno::Invalid, 3), "{line}: {error}");
    }
}

#[test]
fn what_is_not_the_protocol_is_a_protocol_error() {
    for text in
        ["\n", "GET / HTTP/1.1\n\n", "get=2\n\n", "set=1\nlisten_port\n\n", "set=1\nlisten_port 5\n\n"]
    {
        let error = read(text).unwrap_err();
        assert_eq!(error.errno(), Errno::Protocol, "{text:?}: {error}");
        assert!(error.is_recoverable());
    }
}

#[test]
fn get_takes_nothing_and_its_error_is_positive() {
    let error = read("get=1\nlisten_port=1\n\n").unwrap_err();
    assert_eq!((error.operation, error.reason.clone()), (Operation::Get, Reason::UnknownKey));
    assert_eq!(error.answer(), "errno=22\n\n");
}

#[test]
fn a_faulty_request_is_refused_at_its_end_and_the_next_one_is_read() {
    let mut reader = RequestReader::new(zones);
    let mut input: &[u8] = b"set=1\nlisten_port=x\nfwmark=y\n";
    assert_eq!(reader.read(&mut input), Ok(None), "the client is still writing");

    let mut input: &[u8] = b"listen_port=1\n\nget=1\n\n";
    let error = reader.read(&mut input).unwrap_err();
    assert_eq!(error.to_string(), "line 2, listen_port: `x` is not a number from 0 to 65535");
    assert_eq!(reader.read(&mut input), Ok(Some(Request::Get)));
}

#[test]
fn a_request_may_come_octet_by_octet() {
    let text = format!("set=1\nprivate_key={KEY}\nlisten_port=7\n\n");
    let mut reader = RequestReader::new(zones);
    let (last, first) = text.as_bytes().split_last().unwrap();
    for octet in first {
        assert_eq!(reader.read(&mut &[*octet][..]), Ok(None));
        assert!(reader.is_within_request());
    }
    let Ok(Some(Request::Set(set))) = reader.read(&mut &[*last][..]) else {
        panic!("the request is complete")
    };
    assert_eq!(set.listen_port, Some(7));
    assert!(!reader.is_within_request());
}

#[test]
fn a_line_without_end_is_refused_at_its_bound() {
    let mut reader = RequestReader::new(zones);
    assert_eq!(reader.read(&mut &[b'a'; MAX_LINE][..]), Ok(None));
    let error = reader.read(&mut &b"a"[..]).unwrap_err();
    assert_eq!(error.reason, Reason::LineLength { max: MAX_LINE });
    assert!(!error.is_recoverable());
}

#[test]
fn a_request_without_end_is_refused_at_its_bound() {
    let mut reader = RequestReader::new(zones);
    assert_eq!(reader.read(&mut &b"set=1\n"[..]), Ok(None));
    let lines = b"listen_port=1\n".repeat(1000);
    let error = (0..=MAX_REQUEST / lines.len()).find_map(|_| reader.read(&mut &lines[..]).err()).unwrap();
    assert_eq!(error.reason, Reason::RequestLength { max: MAX_REQUEST });
    assert!(!error.is_recoverable());
}

#[test]
fn no_secret_is_in_an_error() {
    let short = &KEY[1..];
    for line in [
        format!("private_key={short}"),
        format!("listen_port={KEY}"),
        format!("replace_peers={KEY}"),
        KEY.to_string(),
        format!("{KEY}=1"),
        format!("public_key={KEY}\npreshared_key={short}"),
        format!("public_key={KEY}\nendpoint={OTHER_KEY}"),
        format!("public_key={KEY}\nallowed_ip={OTHER_KEY}"),
    ] {
        let error = read_set(&format!("{line}\n")).unwrap_err();
        for shown in [format!("{error}"), format!("{error:?}")] {
            assert!(!shown.contains(&KEY[10..40]) && !shown.contains(&OTHER_KEY[10..40]), "{shown}");
        }
    }
}

#[test]
fn an_answer_is_what_wg_reads() {
    let status = DeviceStatus {
        private_key: PrivateKey::from_hex(KEY).unwrap(),
        listen_port: 51820,
        fwmark: std::num::NonZeroU32::new(51820),
        peers: vec![PeerStatus {
            public_key: PublicKey::from_hex(OTHER_KEY).unwrap(),
            preshared_key: None,
            endpoint: Some("[fe80::1%7]:51820".parse().unwrap()),
            last_handshake: Some(Duration::new(1_700_000_000, 5)),
            rx_bytes: u64::MAX,
            tx_bytes: 148,
            persistent_keepalive: std::num::NonZeroU16::new(25),
            allowed_ips: vec!["10.0.0.0/8".parse().unwrap(), "::/0".parse().unwrap()],
        }],
    };
    let private_key = PrivateKey::from_hex(KEY).unwrap().unwrap().to_hex();
    let expected = format!(
        "private_key={private_key}\nlisten_port=51820\nfwmark=51820\n\
         public_key={OTHER_KEY}\npreshared_key={NO_KEY}\nprotocol_version=1\nendpoint=[fe80::1%7]:51820\n\
         last_handshake_time_sec=1700000000\nlast_handshake_time_nsec=5\ntx_bytes=148\n\
         rx_bytes=18446744073709551615\npersistent_keepalive_interval=25\n\
         allowed_ip=10.0.0.0/8\nallowed_ip=::/0\nerrno=0\n\n"
    );
    assert_eq!(*write_status(&status), expected);
}

/// Captured from its socket, after `wg setconf`.
const WIREGUARD_GO: &str = "\
private_key=c809f3e5317e9575c9b5ed78b638b7ce530dabe85ddab614220241801ddf0669
listen_port=51833
fwmark=5
public_key=c53201039adba14be71f886da1d8dbe9eebded08cb111b75340078999aa9f038
preshared_key=c809f3e5317e9575c9b5ed78b638b7ce530dabe85ddab614220241801ddf0669
protocol_version=1
endpoint=[fe80::1%lo]:51820
last_handshake_time_sec=0
last_handshake_time_nsec=0
tx_bytes=0
rx_bytes=0
persistent_keepalive_interval=25
allowed_ip=10.0.0.0/8
allowed_ip=fd00::/8
public_key=4eb32f4a83f88d842563a448cc181bb2c42a637bf12363e2fb2ef594e5965d7d
preshared_key=0000000000000000000000000000000000000000000000000000000000000000
protocol_version=1
last_handshake_time_sec=0
last_handshake_time_nsec=0
tx_bytes=0
rx_bytes=0
persistent_keepalive_interval=0
errno=0

";

#[test]
fn what_wireguard_go_says_is_what_we_say() {
    let status = parse_status(WIREGUARD_GO, zones).unwrap();
    assert_eq!(*write_status(&status), WIREGUARD_GO.replace("%lo", "%1"));
}

#[test]
fn a_foreign_daemon_may_say_more_and_in_another_order() {
    let text = format!(
        "own_public_key={KEY}\nlisten_port=5\npublic_key={OTHER_KEY}\nlast_handshake_time_nsec=9\n\
         last_handshake_time_sec=8\nfuture=anything\nallowed_ip=10.0.0.1/32\nendpoint=[fe80::1%eth0]:1\n\
         errno=0\n\nwhat follows is another answer"
    );
    let status = parse_status(&text, zones).unwrap();
    assert_eq!((status.private_key, status.listen_port), (None, 5));
    assert_eq!(status.peers[0].last_handshake, Some(Duration::new(8, 9)));
    assert_eq!(status.peers[0].endpoint, Some("[fe80::1%7]:1".parse().unwrap()));
}

/// Their sum was longer than any time that can be read: `handshake_time_twice` in the corpus of the fuzz target `uapi`.
#[test]
fn of_a_line_that_stands_twice_the_last_counts() {
    let text = format!(
        "public_key={KEY}\nlast_handshake_time_sec=9223372036854775807\nlast_handshake_time_nsec=5\n\
         last_handshake_time_sec=1\nlast_handshake_time_nsec=6\nerrno=0\n\n"
    );
    let status = parse_status(&text, zones).unwrap();
    assert_eq!(status.peers[0].last_handshake, Some(Duration::new(1, 6)));
    assert_eq!(parse_status(&write_status(&status), zones), Ok(status));
}

#[test]
fn a_daemon_that_refuses_or_breaks_off_gives_no_status() {
    assert_eq!(parse_status("errno=1\n\n", zones), Err(StatusError::Refused(1)));
    assert_eq!(parse_status("errno=-1\n\n", zones), Err(StatusError::Refused(1)));
    for text in ["", "\n", "errno=0\n", "listen_port=1\n\n", "listen_port=1", "errno=0\nlisten_port"] {
        assert!(matches!(parse_status(text, zones), Err(StatusError::Malformed { .. })), "{text:?}");
    }
}

fn public_key() -> impl Strategy<Value = PublicKey> {
    any::<[u8; 32]>().prop_map(PublicKey::from_bytes)
}

fn private_key() -> impl Strategy<Value = PrivateKey> {
    any::<[u8; 32]>().prop_map(|bytes| PrivateKey::from_bytes(&bytes))
}

fn preshared_key() -> impl Strategy<Value = Option<PresharedKey>> {
    option::of(any::<[u8; 32]>()).prop_map(|bytes| bytes.and_then(|bytes| PresharedKey::from_bytes(&bytes)))
}

fn network() -> impl Strategy<Value = ipnet::IpNet> {
    (any::<std::net::IpAddr>(), 0..=128_u8).prop_map(|(address, length)| {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        ipnet::IpNet::new(address, length.min(longest)).unwrap()
    })
}

/// Any that text can say: it has no flow labels.
fn endpoint() -> impl Strategy<Value = std::net::SocketAddr> {
    any::<std::net::SocketAddr>().prop_map(|mut address| {
        if let std::net::SocketAddr::V6(address) = &mut address {
            address.set_flowinfo(0);
        }
        address
    })
}

/// After the epoch, and within what `wg` takes.
fn handshake_time() -> impl Strategy<Value = Duration> {
    (1..=i64::MAX as u64, 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos))
}

prop_compose! {
    fn peer_status()(
        public_key in public_key(),
        preshared_key in preshared_key(),
        endpoint in option::of(endpoint()),
        last_handshake in option::of(handshake_time()),
        (rx_bytes, tx_bytes) in any::<(u64, u64)>(),
        persistent_keepalive in any::<u16>().prop_map(std::num::NonZeroU16::new),
        allowed_ips in vec(network(), 0..4),
    ) -> PeerStatus {
        PeerStatus {
            public_key, preshared_key, endpoint, last_handshake, rx_bytes, tx_bytes, persistent_keepalive,
            allowed_ips,
        }
    }
}

prop_compose! {
    fn status()(
        private_key in option::of(private_key()),
        listen_port in any::<u16>(),
        fwmark in any::<u32>().prop_map(std::num::NonZeroU32::new),
        peers in vec(peer_status(), 0..4),
    ) -> DeviceStatus {
        DeviceStatus { private_key, listen_port, fwmark, peers }
    }
}

prop_compose! {
    fn set_peer()(
        public_key in public_key(),
        (remove, update_only, replace_allowed_ips) in any::<(bool, bool, bool)>(),
        preshared_key in option::of(preshared_key()),
        endpoint in option::of(endpoint()),
        persistent_keepalive in option::of(any::<u16>().prop_map(std::num::NonZeroU16::new)),
        allowed_ips in vec((any::<bool>(), network()), 0..4),
    ) -> SetPeer {
        let change = |(add, network)| match add {
            true => AllowedIpChange::Add(network),
            false => AllowedIpChange::Remove(network),
        };
        let allowed_ips = allowed_ips.into_iter().map(change).collect();
        SetPeer {
            public_key, remove, update_only, preshared_key, endpoint, persistent_keepalive, replace_allowed_ips,
            allowed_ips,
        }
    }
}

prop_compose! {
    fn set()(
        private_key in option::of(option::of(private_key())),
        listen_port in any::<Option<u16>>(),
        fwmark in option::of(any::<u32>().prop_map(std::num::NonZeroU32::new)),
        replace_peers in any::<bool>(),
        peers in vec(set_peer(), 0..4),
    ) -> Set {
        Set { private_key, listen_port, fwmark, replace_peers, peers }
    }
}

#[test]
fn the_pieces_of_an_answer_are_the_answer() {
    for (count, pieces) in [(0, 1), (1, 1), (128, 1), (129, 2), (256, 2), (1_000, 8)] {
        let peer = |number: u16| format!("public_key={number:064x}\nallowed_ip=10.0.0.0/8\n");
        let text = format!("listen_port=5\n{}errno=0\n\n", (0..count).map(peer).collect::<String>());
        let status = parse_status(&text, zones).unwrap();
        let told: Vec<_> = write_status_in_pieces(&status).collect();
        assert_eq!(told.len(), pieces, "of {count} peers");
        assert_eq!(told.iter().map(|piece| piece.as_str()).collect::<String>(), *write_status(&status));
    }
}

proptest! {
    #[test]
    fn a_status_survives_its_text(status in status()) {
        prop_assert_eq!(parse_status(&write_status(&status), zones), Ok(status));
    }

    #[test]
    fn a_set_survives_its_text(set in set()) {
        prop_assert_eq!(read(&write_set(&set)), Ok(Request::Set(set)));
    }

    #[test]
    fn no_input_panics(chunks in vec(vec(any::<u8>(), 0..200), 0..8)) {
        let mut reader = RequestReader::new(zones);
        for chunk in &chunks {
            let mut input = &chunk[..];
            while !input.is_empty() && reader.read(&mut input).is_ok_and(|request| request.is_some()) {}
        }
        let _ = parse_status(&String::from_utf8_lossy(&chunks.concat()), zones);
    }

    #[test]
    fn no_lines_panic(lines in vec("(set=1|get=1|public_key|endpoint|allowed_ip|last_handshake_time_n?sec|errno)?=?[+-]?[0-9a-f:./%\\[\\]]{0,30}", 0..10)) {
        let text = lines.join("\n") + "\n\n";
        let _ = RequestReader::new(zones).read(&mut text.as_bytes());
        let _ = parse_status(&text, zones);
    }
}
