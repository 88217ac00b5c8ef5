//! Behaviour 18: the handshake and the transport, byte for byte against snow.

use adit_core::key::PrivateKey;
use adit_core::proto::path::Ecn;
use snow::HandshakeState;

use crate::known::{
    NOW, OUR_SECRET, THEIR_SECRET, TIMESTAMP, builder, endpoint, engine, initiator, packet, sent,
};
use crate::packet::ipv4;
use crate::strangers::fix_mac1;

#[test]
fn p18_as_initiator_every_octet_is_the_oracles() {
    let (mut tunnel, mut out) = engine();
    tunnel.handle_packet(&packet(), NOW, &mut out).unwrap();
    let initiation = sent(&mut out).remove(0);

    let mut ours_by_oracle = initiator(&OUR_SECRET, &THEIR_SECRET);
    let mut expected = [0; 108];
    ours_by_oracle.write_message(&TIMESTAMP, &mut expected).unwrap();
    assert_eq!(initiation[..4], [1, 0, 0, 0]);
    assert_eq!(initiation[8..116], expected);

    let mut theirs = builder(&THEIR_SECRET).build_responder().unwrap();
    let mut timestamp = [0; 12];
    theirs.read_message(&initiation[8..116], &mut timestamp).unwrap();
    assert_eq!(timestamp, TIMESTAMP);

    let mut response = vec![0; 92];
    response[0] = 2;
    response[4..8].copy_from_slice(&[9, 9, 9, 9]);
    response[8..12].copy_from_slice(&initiation[4..8]);
    theirs.write_message(&[], &mut response[12..60]).unwrap();
    fix_mac1(&mut response, &PrivateKey::from_bytes(&OUR_SECRET).public_key());
    let opened = tunnel.handle_datagram(&mut response, endpoint(), Ecn::NotEct, NOW, &mut out);
    assert_eq!(opened, Ok(None));
    assert_eq!(tunnel.handle_handshake(NOW, &mut out), Some(Ok(())));

    let data = sent(&mut out).remove(0);
    let theirs = theirs.into_stateless_transport_mode().unwrap();
    let mut expected = vec![4, 0, 0, 0, 9, 9, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0];
    expected.extend(seal(&ours_by_oracle_transport(ours_by_oracle, &response), 0, &padded(&packet())));
    assert_eq!(data, expected);

    let mut answer = vec![4, 0, 0, 0];
    answer.extend(&initiation[4..8]);
    answer.extend(7u64.to_le_bytes());
    let reply = ipv4([10, 0, 0, 2].into(), [10, 0, 0, 1].into(), b"back");
    answer.extend(seal(&theirs, 7, &padded(&reply)));
    let opened = tunnel.handle_datagram(&mut answer, endpoint(), Ecn::NotEct, NOW, &mut out);
    assert_eq!(opened, Ok(Some(&reply[..])));
}

#[test]
fn p18_as_responder_every_octet_is_the_oracles() {
    let (mut tunnel, mut out) = engine();
    let mut theirs = initiator(&THEIR_SECRET, &OUR_SECRET);
    let mut initiation = vec![0; 148];
    initiation[0] = 1;
    initiation[4..8].copy_from_slice(&[8, 8, 8, 8]);
    theirs.write_message(&TIMESTAMP, &mut initiation[8..116]).unwrap();
    fix_mac1(&mut initiation, &PrivateKey::from_bytes(&OUR_SECRET).public_key());
    let copy = initiation.clone();
    assert_eq!(tunnel.handle_datagram(&mut initiation, endpoint(), Ecn::NotEct, NOW, &mut out), Ok(None));
    assert_eq!(tunnel.handle_handshake(NOW, &mut out), Some(Ok(())));
    let response = sent(&mut out).remove(0);

    let mut ours_by_oracle = builder(&OUR_SECRET).build_responder().unwrap();
    ours_by_oracle.read_message(&copy[8..116], &mut [0; 12]).unwrap();
    let mut expected = [0; 48];
    ours_by_oracle.write_message(&[], &mut expected).unwrap();
    assert_eq!(response[..4], [2, 0, 0, 0]);
    assert_eq!(response[8..12], [8, 8, 8, 8]);
    assert_eq!(response[12..60], expected);

    theirs.read_message(&response[12..60], &mut []).unwrap();
    let theirs = theirs.into_stateless_transport_mode().unwrap();
    let mut data = vec![4, 0, 0, 0];
    data.extend(&response[4..8]);
    data.extend(0u64.to_le_bytes());
    data.extend(seal(&theirs, 0, &padded(&packet_from_peer())));
    let opened = tunnel.handle_datagram(&mut data, endpoint(), Ecn::NotEct, NOW, &mut out);
    assert_eq!(opened, Ok(Some(&packet_from_peer()[..])));
}

fn packet_from_peer() -> Vec<u8> {
    ipv4([10, 0, 0, 2].into(), [10, 0, 0, 1].into(), b"hello")
}

fn padded(packet: &[u8]) -> Vec<u8> {
    let mut padded = packet.to_vec();
    padded.resize(packet.len().next_multiple_of(16), 0);
    padded
}

fn seal(transport: &snow::StatelessTransportState, counter: u64, payload: &[u8]) -> Vec<u8> {
    let mut sealed = vec![0; payload.len() + 16];
    transport.write_message(counter, payload, &mut sealed).unwrap();
    sealed
}

/// The oracle in our place, once it has the response.
fn ours_by_oracle_transport(mut ours: HandshakeState, response: &[u8]) -> snow::StatelessTransportState {
    ours.read_message(&response[12..60], &mut []).unwrap();
    ours.into_stateless_transport_mode().unwrap()
}
