//! The keys of an engine, at every stage of a handshake, whatever ends it.

use adit_core::key::PrivateKey;
use adit_core::proto::path::Ecn;
use adit_core::proto::time::Now;
use adit_core::proto::tunnel::Tunnel;

use super::heap::Secret;
use super::known::{
    EPHEMERAL, NOW, OUR_SECRET, PRESHARED, THEIR_SECRET, TIMESTAMP, builder, endpoint, engine, initiator,
    packet, sent,
};
use super::strangers::fix_mac1;
use super::{HEAP, alone};

/// How far an engine has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Its initiation has no answer yet.
    Waits,
    Initiated,
    Responded,
}

/// What ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// Nothing happens any more, until nothing is due any more.
    Silence,
    PeerRemoved,
    OtherPrivateKey,
    Dropped,
}

/// What the peer sends to bring an engine to a stage, by snow, and the transport keys that come of it.
struct Recorded {
    datagrams: Vec<Vec<u8>>,
    /// The initiator's sending key and its receiving key.
    transport: Option<[Secret; 2]>,
}

fn record(stage: Stage) -> Recorded {
    let ours = PrivateKey::from_bytes(&OUR_SECRET).public_key();
    match stage {
        Stage::Waits => Recorded { datagrams: vec![], transport: None },
        Stage::Initiated => {
            let (mut tunnel, mut out) = engine();
            tunnel.handle_packet(&packet(), NOW, &mut out).unwrap();
            let initiation = sent(&mut out).remove(0);
            let mut peer = builder(&THEIR_SECRET).build_responder().unwrap();
            peer.read_message(&initiation[8..116], &mut [0; 12]).unwrap();
            let mut response = vec![0; 92];
            response[0] = 2;
            response[8..12].copy_from_slice(&initiation[4..8]);
            peer.write_message(&[], &mut response[12..60]).unwrap();
            fix_mac1(&mut response, &ours);
            let (first, second) = peer.dangerously_get_raw_split();
            Recorded { datagrams: vec![response], transport: Some([first, second]) }
        }
        Stage::Responded => {
            let mut peer = initiator(&THEIR_SECRET, &OUR_SECRET);
            let mut initiation = vec![0; 148];
            initiation[0] = 1;
            peer.write_message(&TIMESTAMP, &mut initiation[8..116]).unwrap();
            fix_mac1(&mut initiation, &ours);
            let (_, response) = bring_to(stage, std::slice::from_ref(&initiation));
            peer.read_message(&response[12..60], &mut []).unwrap();
            let (first, second) = peer.dangerously_get_raw_split();
            let peer = peer.into_stateless_transport_mode().unwrap();
            let mut keepalive = vec![0; 32];
            keepalive[0] = 4;
            keepalive[4..8].copy_from_slice(&response[4..8]);
            peer.write_message(0, &[], &mut keepalive[16..]).unwrap();
            Recorded { datagrams: vec![initiation, keepalive], transport: Some([first, second]) }
        }
    }
}

/// An engine at this stage, and the first datagram that it has sent.
fn bring_to(stage: Stage, datagrams: &[Vec<u8>]) -> (Tunnel, Vec<u8>) {
    let (mut tunnel, mut out) = engine();
    if stage != Stage::Responded {
        tunnel.handle_packet(&packet(), NOW, &mut out).unwrap();
    }
    for datagram in datagrams {
        let mut datagram = datagram.clone();
        tunnel.handle_datagram(&mut datagram, endpoint(), Ecn::NotEct, NOW, &mut out).unwrap();
        while let Some(done) = tunnel.handle_handshake(NOW, &mut out) {
            done.unwrap();
        }
    }
    let first = sent(&mut out).remove(0);
    (tunnel, first)
}

/// What is left of an engine.
fn end(mut tunnel: Tunnel, ending: Ending) -> Option<Tunnel> {
    match ending {
        Ending::Silence => {
            let (_, mut out) = engine();
            while let Some(mono) = tunnel.poll_timeout() {
                tunnel.handle_timeout(Now { mono, ..NOW }, &mut out);
                out.clear();
            }
        }
        Ending::PeerRemoved => {
            assert!(tunnel.remove_peer(&PrivateKey::from_bytes(&THEIR_SECRET).public_key()));
        }
        Ending::OtherPrivateKey => tunnel.set_private_key(Some(PrivateKey::from_bytes(&[0x55; 32])), NOW),
        Ending::Dropped => return None,
    }
    Some(tunnel)
}

#[test]
fn p23_an_engine_s_keys_are_gone_when_they_are_over() {
    let _alone = alone();
    let private = *PrivateKey::from_bytes(&OUR_SECRET).as_bytes();
    let ephemeral = *PrivateKey::from_bytes(&EPHEMERAL).as_bytes();
    let theirs = PrivateKey::from_bytes(&THEIR_SECRET).public_key();
    let statics = *PrivateKey::from_bytes(&OUR_SECRET).shared_secret(&theirs).unwrap();

    for stage in [Stage::Waits, Stage::Initiated, Stage::Responded] {
        let Recorded { datagrams, transport } = record(stage);
        // Before there are any, the ephemeral key is all that a handshake has of its own.
        let [sending, receiving] = transport.unwrap_or([ephemeral; 2]);
        for ending in [Ending::Silence, Ending::PeerRemoved, Ending::OtherPrivateKey, Ending::Dropped] {
            HEAP.watch(&[private, PRESHARED, statics, ephemeral, sending, receiving]);
            let (tunnel, _) = bring_to(stage, &datagrams);
            for secret in [private, PRESHARED, statics, sending, receiving] {
                assert!(HEAP.holds(&secret), "{stage:?}: in use: {secret:x?}");
            }
            let left = end(tunnel, ending);
            for (secret, is_over) in [
                (private, matches!(ending, Ending::OtherPrivateKey | Ending::Dropped)),
                (PRESHARED, matches!(ending, Ending::PeerRemoved | Ending::Dropped)),
                (statics, ending != Ending::Silence),
                (ephemeral, true),
                (sending, true),
                (receiving, true),
            ] {
                assert_eq!(HEAP.holds(&secret), !is_over, "{stage:?}, {ending:?}: {secret:x?}");
            }
            drop(left);
            assert_eq!(HEAP.leaks(), 0, "{stage:?}, {ending:?}");
        }
    }
}
