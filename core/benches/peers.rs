//! What the engine's work costs against the number of peers and of allowed IPs: loading them, finding one, one
//! deadline, one packet out and one in. Nothing but loading may grow with the number, beyond what a larger table
//! costs the processor's caches.
//!
//! `cargo bench -p adit-core --all-features --bench peers [-- FILTER]`

mod ends;

use std::cell::RefCell;
use std::hint::black_box;
use std::num::NonZeroU16;

use adit_core::key::{PrivateKey, PublicKey};
use adit_core::proto::outbox::Outbox;
use adit_core::proto::tunnel::{PeerUpdate, Tunnel, Unroutable};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ends::{Pair, TALKERS, address, at, host, keys, load, packet, rng};
use rand_chacha::rand_core::Rng;

const COUNTS: [u32; 5] = [10, 100, 1_000, 10_000, 100_000];

/// Octets in one packet.
const LEN: usize = 84;

fn tunnel(keys: &[PublicKey]) -> Tunnel {
    let mut tunnel = Tunnel::new(Some(PrivateKey::from_bytes(&[1; 32])), Box::new(rng()));
    load(&mut tunnel, keys);
    tunnel
}

/// Numbers below `count` in an order that no cache foresees, again and again.
fn scattered(count: u32) -> impl FnMut() -> u32 {
    let mut rng = rng();
    move || rng.next_u32() % count
}

fn loading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load and remove all");
    group.sample_size(10);
    for count in COUNTS {
        let keys = keys(count);
        group.throughput(Throughput::Elements(count.into()));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                let mut tunnel = tunnel(&keys);
                for key in &keys {
                    tunnel.remove_peer(key);
                }
            });
        });
    }
}

fn finding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("find by public key");
    for count in COUNTS {
        let keys = keys(count);
        let tunnel = tunnel(&keys);
        let mut next = scattered(count);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| tunnel.contains_peer(black_box(&keys[next() as usize])));
        });
    }
}

/// The way to a peer without an endpoint ends right after the lookup.
fn looking_up(criterion: &mut Criterion, name: &str, tunnel: impl Fn(u32) -> Tunnel) {
    let mut group = criterion.benchmark_group(name);
    for count in COUNTS {
        let mut tunnel = tunnel(count);
        let mut next = scattered(count);
        let mut outbox = Outbox::new(1);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                let packet = packet(TALKERS[0], address(next()), LEN);
                let end = tunnel.handle_packet(black_box(&packet), at(0), &mut outbox);
                assert!(matches!(end, Err(Unroutable::NoEndpoint { .. })));
            });
        });
    }
}

fn looking_up_among_peers(criterion: &mut Criterion) {
    looking_up(criterion, "look up an address among peers", |count| tunnel(&keys(count)));
}

fn looking_up_among_networks(criterion: &mut Criterion) {
    looking_up(criterion, "look up an address among one peer's networks", |count| {
        let mut tunnel = tunnel(&[]);
        let allowed_ips = (0..count).map(|number| host(address(number))).collect();
        let update = PeerUpdate { allowed_ips, ..PeerUpdate::default() };
        tunnel.upsert_peer(&keys(1)[0], update, at(0));
        tunnel
    });
}

/// Every peer waits for something; one after the other has a deadline set, and is due.
fn deadlines(criterion: &mut Criterion) {
    const FAR: u64 = 1 << 20;
    let keepalive = |seconds| PeerUpdate {
        persistent_keepalive: Some(NonZeroU16::new(seconds)),
        ..PeerUpdate::default()
    };
    let mut group = criterion.benchmark_group("set a deadline and do what is due");
    for count in COUNTS {
        let keys = keys(count);
        let mut tunnel = tunnel(&keys);
        for (key, number) in keys.iter().zip(0..) {
            tunnel.upsert_peer(key, keepalive(1), at(FAR + number));
        }
        let mut next = scattered(count);
        let mut outbox = Outbox::new(1);
        let mut seconds = 1;
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                let key = &keys[next() as usize];
                seconds = seconds % 60_000 + 1;
                tunnel.upsert_peer(key, keepalive(seconds), at(1));
                tunnel.handle_timeout(at(1), &mut outbox);
                // As it was, so that the number of those who wait stays.
                seconds += 1;
                tunnel.upsert_peer(key, keepalive(seconds), at(FAR));
            });
        });
    }
}

fn packets_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one packet out");
    for count in COUNTS {
        let mut pair = Pair::new(count);
        let packet = packet(TALKERS[0], TALKERS[1], LEN);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                pair.send(&packet, 1);
                pair.forget();
            });
        });
    }
}

fn packets_in(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one packet in");
    for count in COUNTS {
        let pair = RefCell::new(Pair::new(count));
        let packet = packet(TALKERS[0], TALKERS[1], LEN);
        let sealed = || {
            let mut pair = pair.borrow_mut();
            pair.send(&packet, 1);
            pair.sent()
        };
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter_batched_ref(
                sealed,
                |datagrams| pair.borrow_mut().receive(1, datagrams),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(
    benches,
    loading,
    finding,
    looking_up_among_peers,
    looking_up_among_networks,
    deadlines,
    packets_out,
    packets_in
);
criterion_main!(benches);
