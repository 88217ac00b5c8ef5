//! The laboratory: namespaces joined by cables, daemons in them, and the tools that configure and load them.
//! Whatever is made here is gone when its value is dropped, after a panic too.

pub(crate) mod capture;
pub(crate) mod command;
pub(crate) mod daemon;
pub(crate) mod host;
pub(crate) mod internet;
pub(crate) mod load;
pub(crate) mod needs;
pub(crate) mod netns;
pub(crate) mod process;
pub(crate) mod quick;
pub(crate) mod snapshot;
pub(crate) mod stream;
pub(crate) mod trace;
pub(crate) mod tun;
pub(crate) mod tunnel;
pub(crate) mod uapi;
pub(crate) mod wait;
pub(crate) mod wg;
