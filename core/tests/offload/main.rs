//! Splitting and merging of inner TCP and UDP, against a second reading of the rules.
#![cfg(feature = "device")]
#![allow(unreachable_pub, reason = "each room of this test is a module of one binary")]

mod oracle;

mod merging;
mod splitting;
