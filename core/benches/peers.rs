//! What the engine's work costs against the number of peers and of allowed IPs: loading them, finding one, one
//! deadline, one packet out and one in. Nothing but loading may grow with the number, beyond what a larger table
//! costs the processor's caches.
//!
//! `cargo bench -p adit-core --all-features --bench peers [-- FILTER]`

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::num::NonZeroU16;
use std::time::Duration;

use adit_core::key::{PrivateKey, PublicKey};
use adit_core::proto::outbox::Outbox;
use adit_core::proto::path::{Ecn, Path};
use adit_core::proto::time::{Now, Time};
use adit_core::proto::tunnel::{AllowedIpChange, PeerUpdate, Tunnel, Unroutable};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const COUNTS: [u32; 5] = [10, 100, 1_000, 10_000, 100_000];

/// Where the two ends that talk to each other have their addresses, beside all others'.
const TALKERS: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 168, 0, 1), Ipv4Addr::new(192, 168, 0, 2)];

fn at(seconds: u64) -> Now {
    Now { mono: Time::from_origin(Duration::from_secs(seconds)), unix: Duration::from_secs(1_700_000_000) }
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn keys(count: u32) -> Vec<PublicKey> {
    let mut rng = rng();
    let mut key = || {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        PublicKey::from_bytes(bytes)
    };
    (0..count).map(|_| key()).collect()
}

/// The address of a peer, or of one of a peer's networks.
fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits((10 << 24) + number)
}

fn host(address: Ipv4Addr) -> AllowedIpChange {
    AllowedIpChange::Add(format!("{address}/32").parse().expect("an address and a length"))
}

/// A peer with one address.
fn one_address(address: Ipv4Addr) -> PeerUpdate {
    PeerUpdate { allowed_ips: vec![host(address)], ..PeerUpdate::default() }
}

fn load(tunnel: &mut Tunnel, keys: &[PublicKey]) {
    for (key, number) in keys.iter().zip(0..) {
        tunnel.upsert_peer(key, one_address(address(number)), at(0));
    }
}

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

/// An IPv4 packet with a payload of 64 octets.
fn packet(source: Ipv4Addr, destination: Ipv4Addr) -> [u8; 84] {
    let mut packet = [0; 84];
    packet[..4].copy_from_slice(&[0x45, 0, 0, 84]);
    packet[12..16].copy_from_slice(&source.octets());
    packet[16..20].copy_from_slice(&destination.octets());
    packet
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
                let packet = packet(TALKERS[0], address(next()));
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

/// Two ends with a session, each of which has all the other peers, too.
struct Pair {
    ends: [Tunnel; 2],
    outbox: Outbox,
}

impl Pair {
    fn new(count: u32) -> Self {
        let private_keys = [1, 2].map(|octet| PrivateKey::from_bytes(&[octet; 32]));
        let others = keys(count - 1);
        let ends = [0, 1].map(|end: usize| {
            let mut tunnel = Tunnel::new(Some(private_keys[end].clone()), Box::new(rng()));
            load(&mut tunnel, &others);
            let update = PeerUpdate { endpoint: Some(path(1 - end).remote), ..one_address(TALKERS[1 - end]) };
            tunnel.upsert_peer(&private_keys[1 - end].public_key(), update, at(0));
            tunnel
        });
        let mut pair = Self { ends, outbox: Outbox::new(1) };
        pair.send();
        for receiver in [1, 0, 1] {
            let mut datagram = pair.sent();
            pair.receive(receiver, &mut datagram);
        }
        pair
    }

    /// The first end's application sends a packet to the second's.
    fn send(&mut self) {
        let packet = packet(TALKERS[0], TALKERS[1]);
        self.ends[0].handle_packet(black_box(&packet), at(0), &mut self.outbox).expect("a way");
    }

    /// What has been sent.
    fn sent(&mut self) -> Vec<u8> {
        let datagram = self.outbox.bytes(&self.outbox.transmits()[0]).to_vec();
        self.outbox.clear();
        datagram
    }

    fn receive(&mut self, receiver: usize, datagram: &mut [u8]) {
        let Self { ends, outbox } = self;
        let from = path(1 - receiver);
        ends[receiver].handle_datagram(datagram, from, Ecn::NotEct, at(0), outbox).expect("authentic");
        while ends[receiver].handle_handshake(at(0), outbox).is_some() {}
    }
}

/// Where an end is.
fn path(end: usize) -> Path {
    Path::to(([192, 0, 2, end as u8 + 1], 51_820).into())
}

fn packets_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one packet out");
    for count in COUNTS {
        let mut pair = Pair::new(count);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                pair.send();
                pair.outbox.clear();
            });
        });
    }
}

fn packets_in(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one packet in");
    for count in COUNTS {
        let pair = std::cell::RefCell::new(Pair::new(count));
        let sealed = || {
            let mut pair = pair.borrow_mut();
            pair.send();
            pair.sent()
        };
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter_batched_ref(
                sealed,
                |datagram| pair.borrow_mut().receive(1, datagram),
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
