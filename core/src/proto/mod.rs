//! The engine: the whole WireGuard protocol as a state machine. Bytes, time and randomness are arguments; bytes,
//! deadlines and events come out. It opens no socket, reads no clock and draws no random number of its own, so a
//! seed replays everything that happens in it.
//!
//! Begin at [`tunnel::Tunnel`]. Behind it stand [`time`], [`path`] and [`limits`], which know nobody; `wire`, the octets;
//! `noise`, the handshake; `session`, the keys that it gives; `routing`, whom a packet belongs to; `peer`, one peer's
//! state, and all of them with their `deadlines`; `admission`, which handshakes are worked off; `place`, what their tables
//! point into each other with.
#![forbid(unsafe_code)]

mod admission;
mod deadlines;
pub mod limits;
mod noise;
pub mod outbox;
pub mod path;
mod peer;
mod place;
mod routing;
mod session;
pub mod time;
pub mod tunnel;
pub mod wire;
