//! What packets cost, whatever the number of peers: sealing and opening, a handshake, reading a message, and splitting and
//! merging of inner segments.
//!
//! `cargo bench -p adit-core --all-features --bench packets [-- FILTER]`

mod ends;
#[allow(dead_code, unreachable_pub, reason = "a test's, of which this needs the packets")]
#[path = "../tests/offload/oracle/mod.rs"]
mod oracle;

use std::cell::RefCell;
use std::convert::Infallible;
use std::hint::black_box;

use adit_core::device::offload::{Form, Merger, SuperPacket, VnetHeader, Write};
use adit_core::proto::wire::message::Message;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ends::{Pair, TALKERS};
use oracle::merging;
use oracle::packet::{Packet, payload};
use oracle::story::{OWN, PEER};

/// Octets in a packet: a small one, and one that fills the tunnel's usual MTU.
const LENS: [usize; 2] = [64, 1_420];

/// Packets in one batch: one is all that there is, or as many as one send takes.
const BATCHES: [usize; 2] = [1, 44];

/// Octets of payload in a segment.
const SEGMENT_LEN: usize = 1_380;

/// Segments that fit in 64 KiB.
const SEGMENTS: usize = 44;

/// Where the kernel knows all super-packets.
const VNET: Form<'static> = Form::Vnet { tcp: true, udp: true };

/// For each length of packets and of batches: what is done with a pair of ends and a packet.
fn for_batches(
    criterion: &mut Criterion,
    name: &str,
    mut bench: impl FnMut(&mut criterion::Bencher<'_>, Pair, &[u8], usize),
) {
    let mut group = criterion.benchmark_group(name);
    for len in LENS {
        for count in BATCHES {
            let packet = ends::packet(TALKERS[0], TALKERS[1], len);
            group.throughput(Throughput::Bytes((len * count) as u64));
            group.bench_function(BenchmarkId::new(format!("{len} octets"), count), |bencher| {
                bench(bencher, Pair::new(1), &packet, count);
            });
        }
    }
}

fn sealing(criterion: &mut Criterion) {
    for_batches(criterion, "seal", |bencher, mut pair, packet, count| {
        bencher.iter(|| {
            pair.send(packet, count);
            pair.forget();
        });
    });
}

fn opening(criterion: &mut Criterion) {
    for_batches(criterion, "open", |bencher, pair, packet, count| {
        let pair = RefCell::new(pair);
        let sealed = || {
            let mut pair = pair.borrow_mut();
            pair.send(packet, count);
            pair.sent()
        };
        bencher.iter_batched_ref(
            sealed,
            |datagrams| pair.borrow_mut().receive(1, datagrams),
            BatchSize::SmallInput,
        );
    });
}

/// Both sides of it, and all that a first one needs.
fn shaking_hands(criterion: &mut Criterion) {
    criterion.bench_function("handshake", |bencher| {
        bencher.iter_batched_ref(|| Pair::unacquainted(1), Pair::shake_hands, BatchSize::SmallInput);
    });
}

fn parsing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for (name, kind, len) in [("initiation", 1, 148), ("transport data", 4, 1_452)] {
        let mut datagram = vec![0; len];
        datagram[0] = kind;
        group.bench_function(name, |bencher| {
            bencher.iter(|| Message::parse(black_box(&mut datagram)).is_ok());
        });
    }
}

/// The segments of one flow that fill one write.
fn segments(mut next: Packet) -> Vec<Vec<u8>> {
    let segment = |number| {
        next.payload = payload(SEGMENT_LEN, number);
        let octets = next.octets();
        next.identification += 1;
        if let Some(tcp) = next.as_tcp() {
            tcp.sequence += SEGMENT_LEN as u32;
        }
        octets
    };
    (0..SEGMENTS).map(segment).collect()
}

/// Kinds of inner packets, the first segment of each.
fn kinds() -> [(&'static str, Packet); 2] {
    [("TCP", Packet::tcp(PEER[0], OWN[0])), ("UDP", Packet::udp(PEER[0], OWN[0]))]
}

fn splitting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("split");
    for (name, first) in kinds() {
        let whole = merging::merge(VNET, &segments(first)).swap_remove(0).octets;
        let (header, packet) = whole.split_first_chunk().expect("a vnet header");
        let header = VnetHeader::from_bytes(header);
        let mut packet = packet.to_vec();
        let mut room = [0; 2_048];
        group.throughput(Throughput::Bytes(packet.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let whole = SuperPacket::new(header, black_box(&mut packet)).expect("consistent");
                for segment in whole.segments() {
                    segment.write(&mut room[..segment.len()]);
                    black_box(&mut room);
                }
            });
        });
    }
}

fn merging_segments(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("merge");
    let [tcp, udp] = kinds().map(|(_, first)| segments(first));
    let plain = Form::Plain { own: &OWN };
    for (name, form, packets) in
        [("TCP, vnet header", VNET, &tcp), ("UDP, vnet header", VNET, &udp), ("TCP, plain", plain, &tcp)]
    {
        group.throughput(Throughput::Bytes(packets.iter().map(Vec::len).sum::<usize>() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut writes = 0;
                let mut write = |write: Write<'_>| {
                    black_box(write);
                    writes += 1;
                    Ok::<(), Infallible>(())
                };
                let mut merger = Merger::new(form);
                for packet in packets {
                    let Ok(()) = merger.push(black_box(packet), &mut write);
                }
                let Ok(()) = merger.finish(&mut write);
                assert_eq!(writes, 1);
            });
        });
    }
}

criterion_group!(benches, sealing, opening, shaking_hands, parsing, splitting, merging_segments);
criterion_main!(benches);
