//! What may happen, one thing after the other.

use std::num::NonZeroU16;
use std::time::Duration;

use adit_core::key::PresharedKey;
use adit_core::proto::limits::MAX_STAGED;
use adit_core::proto::path::Ecn;
use adit_core::proto::tunnel::{AllowedIpChange, PeerUpdate};
use ipnet::IpNet;

use crate::input::Input;
use crate::mac1;
use crate::world::{Datagram, ENDS, KEYS, World, address};

/// Around everything that the protocol counts.
const STEPS: [Duration; 16] = [
    Duration::from_millis(1),
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_millis(5_334),
    Duration::from_secs(10),
    Duration::from_secs(15),
    Duration::from_secs(25),
    Duration::from_secs(89),
    Duration::from_secs(119),
    Duration::from_secs(120),
    Duration::from_secs(165),
    Duration::from_secs(180),
    Duration::from_secs(540),
    Duration::from_secs(1 << 20),
];

const NETWORKS: [&str; 8] = [
    "10.0.0.1/32",
    "10.0.0.2/31",
    "10.0.0.3/24",
    "0.0.0.0/0",
    "fd00::1/128",
    "fd00::2/127",
    "fd00::/8",
    "::/0",
];

const MTUS: [u16; 4] = [0, 576, 1_420, u16::MAX];

/// One thing happens. `None`: the input is at its end.
pub fn act(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let what = input.octet()?;
    if what == u8::MAX {
        return burst(world, input);
    }
    match what % 20 {
        0 | 1 => send(world, input),
        2 => craft(world, input),
        3 | 4 => deliver(world, input),
        5 | 6 => {
            world.settle();
            Some(())
        }
        7 => take(world, input).map(drop),
        8 => double(world, input),
        9 | 10 => change(world, input),
        11 => forge(world, input),
        12 => flood(world, input),
        13 => work(world, input),
        14 | 15 => pass(world, input),
        16 | 17 => configure(world, input),
        18 => set_private_key(world, input),
        _ => move_about(world, input),
    }
}

fn end(input: &mut Input<'_>) -> Option<usize> {
    input.below(ENDS)
}

/// An honest packet of an application.
fn ordinary_packet(world: &mut World, from: usize, input: &mut Input<'_>) -> Option<Vec<u8>> {
    let (to, shape, size) = (end(input)?, input.octet()?, input.octet()?);
    Some(world.packet(from, to, shape & 4 != 0, shape, &vec![shape; usize::from(size) * 6]))
}

fn send(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let from = end(input)?;
    let packet = ordinary_packet(world, from, input)?;
    world.send(from, &[packet]);
    Some(())
}

/// More packets than wait for a handshake.
fn burst(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let (from, to) = (end(input)?, end(input)?);
    for _ in 0..MAX_STAGED + 2 {
        let packet = world.packet(from, to, false, 0, &[]);
        world.send(from, &[packet]);
    }
    Some(())
}

/// Payloads that no honest engine would be handed, sealed by one.
fn craft(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let from = end(input)?;
    let head = ordinary_packet(world, from, input)?;
    let mut payload = ordinary_packet(world, from, input)?;
    for _ in 0..input.below(4)? {
        let (at, octet) = (input.below(payload.len().min(48))?, input.octet()?);
        payload[at] = octet;
    }
    payload.truncate(usize::from(input.octet()?) * 8);
    world.send(from, &[head, payload]);
    Some(())
}

/// Takes a datagram off the link.
fn take(world: &mut World, input: &mut Input<'_>) -> Option<Option<Datagram>> {
    let choice = input.octet()?;
    let len = world.in_flight.len();
    Some(if len == 0 { None } else { world.in_flight.remove(usize::from(choice) % len) })
}

/// A datagram arrives before others, marked by a router or from another address.
fn deliver(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let taken = take(world, input)?;
    let how = input.octet()?;
    let Some(mut datagram) = taken else { return Some(()) };
    if how & 0x10 != 0 {
        datagram.ecn = Ecn::from_bits(how);
    }
    if how & 0x20 != 0 {
        datagram.from = address((how & 3).into(), (how >> 2 & 3).into());
    }
    world.deliver(datagram);
    Some(())
}

fn double(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    if let Some(Datagram { from, to, ecn, bytes }) = take(world, input)? {
        world.in_flight.push_back(Datagram { from, to, ecn, bytes: bytes.clone() });
        world.in_flight.push_back(Datagram { from, to, ecn, bytes });
    }
    Some(())
}

/// A copy of a datagram with other octets, with another end or to another end, its mac1 put right again.
fn change(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let taken = take(world, input)?;
    let (how, at, octet) = (input.octet()?, input.octet()?, input.octet()?);
    let Some(original) = taken else { return Some(()) };
    let mut bytes = original.bytes.clone();
    let at = usize::from(at) % bytes.len();
    match how % 4 {
        0 | 1 => bytes[at] ^= octet,
        2 => bytes.truncate(at),
        _ => bytes.resize(bytes.len() + usize::from(octet), octet),
    }
    let mut changed = Datagram { bytes, ..original };
    if how & 4 != 0 {
        changed.to = world.ends[usize::from(octet) % ENDS].address;
    }
    if how & 8 != 0 {
        fix_mac1(world, &mut changed);
    }
    world.deliver(changed);
    if how & 16 != 0 {
        world.in_flight.push_back(original);
    }
    Some(())
}

fn fix_mac1(world: &World, datagram: &mut Datagram) {
    let receiver = world.ends.iter().find(|end| end.address == datagram.to);
    if let Some(key) = receiver.and_then(|end| end.model.own())
        && matches!(datagram.bytes.first(), Some(1 | 2))
    {
        mac1::fix(&mut datagram.bytes, &key);
    }
}

/// A stranger's datagram.
fn forge(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    const LENGTHS: [usize; 6] = [148, 92, 64, 32, 0, 200];
    let (to, kind, fill) = (end(input)?, input.below(LENGTHS.len())?, input.octet()?);
    let mut bytes = vec![fill; LENGTHS[kind]];
    let head = input.octets(12.min(bytes.len()))?;
    bytes[..head.len()].copy_from_slice(head);
    if let Some(first) = bytes.first_chunk_mut() {
        *first = [kind as u8 + 1, 0, 0, 0];
    }
    let mut datagram = Datagram {
        from: ([203, 0, 113, fill], 1).into(),
        to: world.ends[to].address,
        ecn: Ecn::from_bits(fill),
        bytes,
    };
    fix_mac1(world, &mut datagram);
    world.deliver(datagram);
    Some(())
}

/// So many copies of one datagram that an end is under load.
fn flood(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let taken = take(world, input)?;
    let copies = input.octet()?;
    let Some(Datagram { from, to, ecn, bytes }) = taken else { return Some(()) };
    for _ in 0..copies {
        world.deliver(Datagram { from, to, ecn, bytes: bytes.clone() });
    }
    Some(())
}

fn work(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let (end, most) = (end(input)?, input.octet()?);
    for _ in 0..most {
        if !world.work(end) {
            break;
        }
    }
    Some(())
}

fn pass(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let how = input.octet()?;
    let duration = STEPS[usize::from(how) % STEPS.len()];
    match how / 16 % 4 {
        0 | 1 => world.advance(duration),
        2 => world.sleep(duration),
        // The wall clock is set back, and the other one does not care.
        _ => world.now.unix = world.now.unix.saturating_sub(duration),
    }
    Some(())
}

fn configure(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let (end, whom, what) = (end(input)?, end(input)?, input.octet()?);
    let mut update = PeerUpdate::default();
    match what % 8 {
        0 => {
            world.ends[end].model.remove(&KEYS[whom].1);
            world.ends[end].tunnel.remove_peer(&KEYS[whom].1);
            return Some(());
        }
        1 => {
            world.introduce(end, whom);
            return Some(());
        }
        2 => update.preshared_key = Some(PresharedKey::from_bytes(&[input.octet()? % 3; 32])),
        3 => update.persistent_keepalive = Some(NonZeroU16::new(input.octet()?.into())),
        4 => update.endpoint = Some(address(end_of(what), input.octet()?.into())),
        5 => update.endpoint = Some(world.ends[whom].address),
        6 => update.allowed_ips = vec![AllowedIpChange::Add(network(input)?)],
        _ => {
            update.replace_allowed_ips = what & 0x80 != 0;
            update.allowed_ips =
                vec![AllowedIpChange::Add(network(input)?), AllowedIpChange::Remove(network(input)?)];
        }
    }
    world.upsert(end, whom, update);
    Some(())
}

fn end_of(octet: u8) -> usize {
    usize::from(octet >> 4) % ENDS
}

fn network(input: &mut Input<'_>) -> Option<IpNet> {
    input.choose(&NETWORKS).map(|network| network.parse().expect("these are networks"))
}

fn set_private_key(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let (end, whose) = (end(input)?, input.octet()?);
    let whose = if whose & 0x10 == 0 { Some(usize::from(whose) % ENDS) } else { None };
    world.set_private_key(end, whose);
    Some(())
}

/// An end is elsewhere, or its sockets are others.
fn move_about(world: &mut World, input: &mut Input<'_>) -> Option<()> {
    let (at, what) = (end(input)?, input.octet()?);
    let elsewhere = address(at, (what >> 4).into());
    let now = world.now;
    let end = &mut world.ends[at];
    match what % 8 {
        0 | 1 => end.address = elsewhere,
        2 => end.tunnel.network_changed(now),
        3 => end.last_sent.iter().for_each(|sent| end.tunnel.path_failed(sent)),
        4 => end.local = (what & 0x10 != 0).then(|| elsewhere.ip()),
        5 => {
            end.mtu = MTUS[usize::from(what >> 4) % MTUS.len()];
            end.tunnel.set_mtu(end.mtu);
        }
        6 => while end.tunnel.poll_event().is_some() {},
        _ => world.handle_timeout(at),
    }
    Some(())
}
