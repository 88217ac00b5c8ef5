//! The keys of a configuration, on their way from a text to an engine and back.

use adit_core::config::{self, Config};
use adit_core::key::{KEY_LEN, PresharedKey, PrivateKey};
use adit_core::uapi::RequestReader;

use super::heap::Secret;
use super::{HEAP, alone};

const PEERS: u8 = 7;

fn private_key() -> PrivateKey {
    PrivateKey::from_bytes(&[99; KEY_LEN])
}

/// So many that a list of peers has grown more than once.
fn secrets() -> [Secret; 1 + PEERS as usize] {
    std::array::from_fn(|number| match number {
        0 => *private_key().as_bytes(),
        peer => [peer as u8; KEY_LEN],
    })
}

/// The text of both languages: for files and for the UAPI.
fn texts() -> [String; 2] {
    let key = private_key();
    let mut file = format!("[Interface]\nPrivateKey = {}\n", key.to_base64());
    let mut uapi = format!("set=1\nprivate_key={}\n", key.to_hex());
    for peer in 1..=PEERS {
        let public = PrivateKey::from_bytes(&[100 + peer; KEY_LEN]).public_key();
        let preshared = PresharedKey::from_bytes(&[peer; KEY_LEN]).unwrap();
        file += &format!("[Peer]\nPublicKey = {public}\nPresharedKey = {}\n", preshared.to_base64());
        uapi += &format!("public_key={}\npreshared_key={}\n", public.to_hex(), preshared.to_hex());
    }
    uapi.push('\n');
    [file, uapi]
}

fn parsed() -> Config {
    let [file, _] = texts();
    config::parse(&file).unwrap().config
}

#[test]
fn p23_a_text_that_is_read_leaves_no_key_behind() {
    let _alone = alone();
    HEAP.watch(&secrets());
    let config = parsed();
    assert!(secrets().iter().all(|secret| HEAP.holds(secret)));
    drop(config);
    let [_, uapi] = texts();
    let mut reader = RequestReader::new(|_| None);
    let request = reader.read(&mut uapi.as_bytes()).unwrap();
    assert!(secrets().iter().all(|secret| HEAP.holds(secret)));
    drop(request);
    assert!(!secrets().iter().any(|secret| HEAP.holds(secret)));
    assert_eq!(HEAP.leaks(), 0);
}

#[cfg(feature = "device")]
#[test]
fn p23_a_device_leaves_no_key_behind() {
    use adit_core::device::{Device, Hooks, Offload, TunFd};
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    let _alone = alone();
    let (tun, _apps) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    HEAP.watch(&secrets());
    runtime.block_on(async {
        let device =
            Device::start(parsed(), TunFd::Owned(tun), Hooks::default(), Offload::default()).await.unwrap();
        device.set_config(parsed()).await.unwrap();
        let status = device.status().await.unwrap();
        assert!(status.peers.iter().all(|peer| peer.preshared_key.is_some()));
        drop(status);
        device.stop().await;
    });
    assert_eq!(HEAP.leaks(), 0);
}
