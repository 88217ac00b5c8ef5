//! Adit's core.
#![cfg_attr(not(any(feature = "device", test)), no_std)]

extern crate alloc;

pub mod config;
#[cfg(all(feature = "device", unix))]
pub mod device;
pub mod key;
pub mod proto;
mod secret_text;
pub mod uapi;
