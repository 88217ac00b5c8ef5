//! What an app may give a device: its own socket protection, its own resolver and an observer. Each runs
//! without any lock of the device held, and its panics are caught.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::error::HookError;
use super::event::Event;

/// Keeps the tunnel's own sockets out of the tunnel, as Android's `VpnService.protect` does.
pub trait SocketProtector: Send + Sync {
    /// Asked for every new socket before its first send, on the driver's thread. An error refuses the socket.
    fn protect(&self, socket: BorrowedFd<'_>) -> Result<(), HookError>;
}

/// Finds the addresses of a peer's endpoint.
pub trait Resolver: Send + Sync {
    /// May block: each call has a thread of its own, and stopping the device does not wait for it.
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// Is told what happens.
pub trait Observer: Send + Sync {
    /// In order, on a thread of its own. If it falls far behind, events are lost and counted in
    /// [`Stats`](super::Stats).
    fn on_event(&self, event: Event);
}

/// The system's own resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok((host, port).to_socket_addrs()?.collect())
    }
}

/// What the app gives. The default: no protection, the system's resolver, nobody told.
#[derive(Clone)]
pub struct Hooks {
    /// Asked for every new socket.
    pub protector: Option<Arc<dyn SocketProtector>>,
    /// Asked for every endpoint that is a name.
    pub resolver: Arc<dyn Resolver>,
    /// Told of every event.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self { protector: None, resolver: Arc::new(SystemResolver), observer: None }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("protector", &self.protector.is_some())
            .field("observer", &self.observer.is_some())
            .finish_non_exhaustive()
    }
}

/// Calls one of the app's functions and turns a panic of it into an error.
pub(super) fn call<T>(hook: impl FnOnce() -> Result<T, HookError>) -> Result<T, HookError> {
    catch_unwind(AssertUnwindSafe(hook))
        .unwrap_or_else(|_panic| Err(HookError::new("the app's function panicked")))
}
