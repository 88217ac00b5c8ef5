//! The native interface: adit-core for Kotlin, Swift and Python through uniffi. README.md beside this crate shows how
//! an app embeds it; names there are camelCase, in Python snake_case.
//!
//! # The map
//!
//! | room | what it is for |
//! |---|---|
//! | [`keys`] | the three kinds of keys, as objects that no log prints |
//! | [`config`] | a configuration as records, and back to the core's types |
//! | [`text`] | the text of a file or a QR code to a configuration, and back |
//! | [`picture`] | QR codes as pictures |
//! | [`settings`] | what a platform's VPN API wants to know of a configuration |
//! | [`tunnel`] | a tunnel that runs: start, setConfig, stop, stats |
//! | [`descriptor`] | whose the TUN descriptor is |
//! | [`hooks`] | what the app gives: socket protection, names, an observer |
//! | [`offload`] | what may be done in one go for several packets |
//! | [`event`], [`stats`] | what the app is told |
//! | [`error`] | why something failed, with fields |
//!
//! Every exported function can throw, and a panic inside becomes the error `Internal`.

#[cfg(panic = "abort")]
compile_error!("a panic becomes an error here, which needs `panic = \"unwind\"` in the profile");

mod caught;
pub mod config;
#[cfg(unix)]
pub mod descriptor;
pub mod error;
#[cfg(unix)]
pub mod event;
#[cfg(unix)]
pub mod hooks;
pub mod keys;
#[cfg(unix)]
pub mod offload;
pub mod picture;
pub mod settings;
#[cfg(unix)]
pub mod stats;
pub mod text;
#[cfg(unix)]
pub mod tunnel;

uniffi::setup_scaffolding!("adit");
