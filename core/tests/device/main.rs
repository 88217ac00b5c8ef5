//! Devices as an app sees them: real UDP sockets on loopback, TUN descriptors that are socket pairs, and whatever
//! goes wrong between them.
#![cfg(all(feature = "device", unix))]
#![allow(unreachable_pub, reason = "each room of this test is a module of one binary")]

mod node;

mod ends;
mod flood;
mod names;
mod settings;
mod sockets;
#[allow(unreachable_pub, reason = "written for tests whose rooms are all public")]
#[path = "../protocol/strangers.rs"]
mod strangers;
mod traffic;
