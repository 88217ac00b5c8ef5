//! Adit's core: a WireGuard tunnel that applications embed.
//!
//! # The map
//!
//! | room | what it is for | what it must not know |
//! |---|---|---|
//! | [`key`] | the three kinds of keys | what they are used for |
//! | [`config`] | configuration text to types and back | files, sockets, the engine |
//! | [`uapi`] | the protocol that `wg` configures a daemon with, text to types and back | sockets, the engine |
//! | [`proto`] | the engine: all of WireGuard as a state machine | I/O, clocks, configuration text |
//! | `device` (feature) | the driver: TUN descriptors, UDP sockets, the clock | the inside of the engine |
//!
//! Dependencies point one way: `device` to `proto`, `config` and `uapi`, and these to `key`. Without features
//! the crate is `no_std` with `alloc`.
//!
//! # Two tunnels in memory
//!
//! The engine is driven by whoever has packets, datagrams and a clock:
//!
//! ```
//! use adit_core::key::PrivateKey;
//! use adit_core::proto::outbox::Outbox;
//! use adit_core::proto::path::{Ecn, Path};
//! use adit_core::proto::time::{Now, Time};
//! use adit_core::proto::tunnel::{AllowedIpChange, PeerUpdate, Tunnel};
//! use core::time::Duration;
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//!
//! # let mut rng = ChaCha20Rng::seed_from_u64(1);
//! let keys = [PrivateKey::generate(&mut rng), PrivateKey::generate(&mut rng)];
//! let endpoints = [Path::to("192.0.2.1:51820".parse()?), Path::to("192.0.2.2:51820".parse()?)];
//! let now = Now { mono: Time::from_origin(Duration::ZERO), unix: Duration::from_secs(1_700_000_000) };
//!
//! // Each end has the other as its one peer, which may use any inner address.
//! let mut ends = [0, 1].map(|end: usize| {
//! #   let rng = ChaCha20Rng::seed_from_u64(end as u64);
//!     let mut tunnel = Tunnel::new(Some(keys[end].clone()), Box::new(rng));
//!     let everything = AllowedIpChange::Add("0.0.0.0/0".parse().unwrap());
//!     let update = PeerUpdate {
//!         endpoint: Some(endpoints[1 - end].remote),
//!         allowed_ips: vec![everything],
//!         ..PeerUpdate::default()
//!     };
//!     tunnel.upsert_peer(&keys[1 - end].public_key(), update, now);
//!     tunnel
//! });
//!
//! // An application at the first end sends an IPv4 packet; the handshake comes first.
//! let packet = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
//! let mut outbox = Outbox::new(1);
//! ends[0].handle_packet(&packet, now, &mut outbox)?;
//!
//! // Initiation, response, data: what one end has sent, the other receives.
//! let mut arrived = None;
//! for receiver in [1, 0, 1] {
//!     let sent = core::mem::replace(&mut outbox, Outbox::new(1));
//!     for transmit in sent.transmits() {
//!         let mut datagram = sent.bytes(transmit).to_vec();
//!         let from = endpoints[1 - receiver];
//!         let opened = ends[receiver].handle_datagram(&mut datagram, from, Ecn::NotEct, now, &mut outbox)?;
//!         arrived = opened.map(<[u8]>::to_vec);
//!     }
//!     while ends[receiver].handle_handshake(now, &mut outbox).is_some() {}
//! }
//! assert_eq!(arrived.as_deref(), Some(&packet[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(not(any(feature = "device", test)), no_std)]

extern crate alloc;

pub mod config;
#[cfg(all(feature = "device", unix))]
pub mod device;
pub mod key;
pub mod proto;
mod secret_text;
pub mod uapi;
