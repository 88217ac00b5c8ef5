//! The table of what a correct WireGuard engine does: forty behaviours, each with the tests that prove it. A test is named
//! by its number, as `p22_...` is. One behaviour without a test, or a test without a behaviour, fails.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// In brackets: the section of the paper. Where none stands, the kernel's implementation, or a fault seen in another one,
/// is the source.
const BEHAVIOURS: [&str; 40] = [
    "what is no message is dropped and changes nothing [5.4]",
    "a wrong mac1 costs no Diffie-Hellman and gets no reply [5.4.4]",
    "load is the device's, outlasts its last sign by 1 s, and is answered with cookies [5.3]",
    "a cookie binds address and port, and its secret lives for 120 s [5.4.7]",
    "an address that has proven itself still has a limit, in bounded memory [5.3]",
    "a cookie reply opens with the last mac1 alone, moves nothing, and is used for 120 s [5.4.7]",
    "a flood of handshakes does not stop data",
    "timestamps are greater than the last accepted; ours tell little and never go back [5.1]",
    "an initiation is taken every 20 ms, and sent every 5 s unless the way is new [5.1, 6.1]",
    "an attempt is repeated after 5 s and a little, and given up after 90 s [6.4]",
    "a secret that everybody knows is refused",
    "receiver indices are random, unique and freed",
    "a preshared key is mixed in, and a wrong one is answered as any failure [5.2]",
    "two that begin at once agree on one session",
    "role and age are a keypair's, and an unconfirmed one is not used [5.1]",
    "the initiator sends at once, the responder once it is confirmed [5.1]",
    "late packets open with the previous keypair, and never more than three exist [6.3]",
    "every octet is that of an independent implementation [5.4]",
    "the initiator alone renews by age: at 120 s sending, at 165 s receiving, once [6.2]",
    "a keypair of 180 s neither seals nor opens, whatever timers did [6.2]",
    "a keypair is renewed after 2^60 messages and dead after 2^64 - 2^13 - 1 [6.1]",
    "a message is taken once, in a window of at least 8,128, after it was opened [5.4.6]",
    "keys are wiped after 540 s, on removal and at the end, and printed nowhere [6.3]",
    "keys and peers are changed while sessions run, and ours is nobody's",
    "received data is answered within 10 s, a keepalive is not [6.5]",
    "data without an answer begins a handshake after 15 s [6.4]",
    "the persistent keepalive counts from the last packet either way [6.5]",
    "who is idle has no deadline",
    "time asleep counts",
    "payloads are padded to 16 within the MTU, and cut to the inner length [5.4.6]",
    "the longest prefix names the peer, on the way out and in [2]",
    "an allowed IP that moves is taken from who had it [2]",
    "an authentic packet moves the endpoint, and nothing else does [2.1]",
    "the address that the peer used is answered from, until it fails",
    "128 packets wait for a handshake and leave in order",
    "a packet without a way is answered with an ICMP error",
    "congestion marks pass both ways, and no more of the traffic class does",
    "a flow keeps its order, whatever is full",
    "what cannot be sent stops nothing and is counted",
    "a descriptor is closed once, and a thousand starts leak nothing",
];

/// The names of the tests in a folder, below each other.
fn tests_below(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the crate's own folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source");
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            let tests = lines.windows(2).filter(|pair| pair[0] == "#[test]");
            found.extend(tests.filter_map(|pair| name(pair[1])));
        }
    }
}

/// Of `fn p22_...() {`.
fn name(line: &str) -> Option<String> {
    let (name, _) = line.strip_prefix("fn ")?.split_once('(')?;
    Some(name.to_owned())
}

/// Of `p22_...`.
fn number(name: &str) -> Option<usize> {
    let (number, _) = name.strip_prefix('p')?.split_once('_')?;
    (number.len() == 2).then(|| number.parse().ok())?
}

#[test]
fn every_behaviour_has_a_test() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = Vec::new();
    for folder in ["src", "tests"] {
        tests_below(&top.join(folder), &mut tests);
    }
    let mut by_number: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for test in tests {
        if let Some(number) = number(&test) {
            by_number.entry(number).or_default().push(test);
        }
    }
    for (index, behaviour) in BEHAVIOURS.iter().enumerate() {
        let number = index + 1;
        let count = by_number.get(&number).map_or(0, Vec::len);
        println!("{number:>3}  {count:>2} tests  {behaviour}");
    }
    let missing: Vec<usize> =
        (1..=BEHAVIOURS.len()).filter(|number| !by_number.contains_key(number)).collect();
    assert!(missing.is_empty(), "behaviours without a test: {missing:?}");
    let unknown: Vec<_> =
        by_number.keys().filter(|number| !(1..=BEHAVIOURS.len()).contains(number)).collect();
    assert!(unknown.is_empty(), "numbers of no behaviour: {unknown:?}");
}
