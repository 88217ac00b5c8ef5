//! What the app gives a tunnel, and how it is called: never under a lock, never after it was given back, and with every
//! exception turned into an error.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use adit_core::device::{self, Observer, Resolver, SocketProtector};
use tokio::sync::oneshot;

use crate::error::TunnelError;
use crate::event::Event;

/// What the app does for its tunnel. Called on the tunnel's own threads, one call at a time for each method.
#[uniffi::export(with_foreign)]
pub trait PlatformHooks: Send + Sync {
    /// Keeps a socket of the tunnel's out of the tunnel: Android's `VpnService.protect`. Asked for every new socket
    /// before its first send. An exception refuses the socket, and the start or the change with it. It must not wait
    /// for a call of this tunnel.
    fn protect(&self, socket_fd: i32) -> Result<(), HookError>;

    /// The addresses of a name, asked outside the tunnel: `Network.getAllByName`, `getaddrinfo`. It may take its time;
    /// nothing but a start or a new name waits for it.
    fn resolve(&self, host: String) -> Result<Vec<String>, HookError>;
}

/// Is told what happens.
#[uniffi::export(with_foreign)]
pub trait TunnelObserver: Send + Sync {
    /// In order, on a thread of its own. If it falls far behind, events are lost and counted. An exception is logged.
    fn on_event(&self, event: Event) -> Result<(), HookError>;
}

/// One of the app's own functions failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum HookError {
    /// In the app's words, or those of an exception of another type.
    #[error("{reason}")]
    Failed {
        /// One sentence. No secrets.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for HookError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        // Kotlin tells the whole stack trace, of which the first line is the exception.
        let reason = error.reason.lines().next().unwrap_or_default();
        Self::Failed { reason: reason.to_owned() }
    }
}

/// What a hook answers that is asked after the end.
const STOPPING: &str = "the tunnel is stopping";

/// Something of the app's that is given back at the end. Who has it in use at that moment finishes his call.
struct Lent<T: ?Sized>(Mutex<Option<Arc<T>>>);

impl<T: ?Sized> Lent<T> {
    fn new(thing: Arc<T>) -> Self {
        Self(Mutex::new(Some(thing)))
    }

    fn get(&self) -> Option<Arc<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn give_back(&self) {
        // The app may do anything when it is let go, so not under the lock.
        let thing = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(thing);
    }
}

/// The app's hooks as the core calls them.
pub(crate) struct AppHooks {
    app: Lent<dyn PlatformHooks>,
    /// The app is in `protect`, or about to be.
    is_protecting: AtomicBool,
    /// Addresses that were asked for ahead, until the core asks for them.
    ahead: Mutex<HashMap<String, Vec<SocketAddr>>>,
}

/// The app's observer as the core calls it.
pub(crate) struct AppObserver(Lent<dyn TunnelObserver>);

thread_local! {
    static INSIDE_PROTECT: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is the driver's, in the app's `protect`: it would wait for itself.
pub(crate) fn inside_protect() -> bool {
    INSIDE_PROTECT.get()
}

impl AppHooks {
    pub(crate) fn new(app: Arc<dyn PlatformHooks>) -> Self {
        Self { app: Lent::new(app), is_protecting: AtomicBool::new(false), ahead: Mutex::default() }
    }

    /// The app is not called any more.
    pub(crate) fn give_back(&self) {
        self.app.give_back();
    }

    /// Whether the app is in `protect`. After [`Self::give_back`] it does not get there any more.
    pub(crate) fn is_protecting(&self) -> bool {
        self.is_protecting.load(Ordering::SeqCst)
    }

    /// Asks for names on a thread of its own; the core then finds the answers here. When this is dropped, nobody waits
    /// for the thread.
    pub(crate) async fn ask_ahead(self: &Arc<Self>, hosts: BTreeSet<String>) -> Result<(), TunnelError> {
        if hosts.is_empty() {
            return Ok(());
        }
        let (tell, told) = oneshot::channel();
        let hooks = Arc::clone(self);
        let ask = move || {
            let found = hosts.into_iter().try_for_each(|host| hooks.ask_for(host));
            // A caller that has been cancelled does not want to know.
            let _ = tell.send(found);
        };
        std::thread::Builder::new().name("adit-names".to_owned()).spawn(ask).map_err(|error| {
            TunnelError::Internal { reason: format!("cannot start a thread that asks for names: {error}") }
        })?;
        told.await.unwrap_or_else(|_panicked| Err(crate::caught::Panicked.into()))
    }

    fn ask_for(&self, host: String) -> Result<(), TunnelError> {
        match self.addresses(&host) {
            Ok(found) if !found.is_empty() => {
                self.ahead.lock().unwrap_or_else(PoisonError::into_inner).insert(host, found);
                Ok(())
            }
            Ok(_) => Err(unresolved(host, "it has no address")),
            Err(error) => Err(unresolved(host, &error.to_string())),
        }
    }

    /// With port 0.
    fn addresses(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        // Of a link-local address only the zone is yet to be known, and that only by this system.
        if let Some(address) = address(host) {
            return Ok(vec![address]);
        }
        let app = self.app.get().ok_or_else(|| io::Error::other(STOPPING))?;
        let found = app.resolve(host.to_owned()).map_err(io::Error::other)?;
        let read = |text: &String| {
            address(text).ok_or_else(|| {
                io::Error::other(format!("the app's resolve() answered `{text}`, which is no IP address"))
            })
        };
        found.iter().map(read).collect()
    }
}

impl Resolver for AppHooks {
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner).remove(host);
        let mut found = ahead.map_or_else(|| self.addresses(host), Ok)?;
        for address in &mut found {
            address.set_port(port);
        }
        Ok(found)
    }
}

impl SocketProtector for AppHooks {
    fn protect(&self, socket: BorrowedFd<'_>) -> Result<(), device::HookError> {
        let _protecting = Protecting::begin(&self.is_protecting);
        let app = self.app.get().ok_or_else(|| device::HookError::new(STOPPING))?;
        app.protect(socket.as_raw_fd()).map_err(|error| device::HookError::new(error.to_string()))
    }
}

/// While it lives, the app is in `protect`.
struct Protecting<'h>(&'h AtomicBool);

impl<'h> Protecting<'h> {
    fn begin(flag: &'h AtomicBool) -> Self {
        flag.store(true, Ordering::SeqCst);
        INSIDE_PROTECT.set(true);
        Self(flag)
    }
}

impl Drop for Protecting<'_> {
    fn drop(&mut self) {
        INSIDE_PROTECT.set(false);
        self.0.store(false, Ordering::SeqCst);
    }
}

impl AppObserver {
    pub(crate) fn new(app: Arc<dyn TunnelObserver>) -> Self {
        Self(Lent::new(app))
    }

    /// The app is told nothing any more.
    pub(crate) fn give_back(&self) {
        self.0.give_back();
    }
}

impl Observer for AppObserver {
    fn on_event(&self, event: device::Event) {
        let is_last = matches!(event, device::Event::Failed { .. });
        if let (Some(app), Some(event)) = (self.0.get(), Event::of(event))
            && let Err(error) = app.on_event(event)
        {
            tracing::warn!("the app's onEvent failed: {error}");
        }
        if is_last {
            self.give_back();
        }
    }
}

/// An IP address, of IPv6 with a zone too, as `getaddrinfo` prints it.
fn address(text: &str) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(SocketAddr::new(address, 0));
    }
    let is_zoned = text.split_once('%').is_some_and(|(address, _)| address.parse::<Ipv6Addr>().is_ok());
    // No name server is asked for an address; the system only looks for its interface.
    if is_zoned { (text, 0).to_socket_addrs().ok()?.next() } else { None }
}

fn unresolved(host: String, why: &str) -> TunnelError {
    let reason = format!("the endpoint `{host}` was not found: {why}; look at the name and at the network");
    TunnelError::Resolve { reason, host }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_of_another_type_is_told_without_its_stack_trace() {
        let trace = "java.lang.SecurityException: no permission\n\tat app.Service.protect(Service.kt:7)\n";
        let HookError::Failed { reason } = uniffi::UnexpectedUniFFICallbackError::new(trace).into();
        assert_eq!(reason, "java.lang.SecurityException: no permission");
    }

    #[test]
    fn addresses_are_read_with_their_zones_and_nothing_else_is() {
        assert_eq!(address("192.0.2.1"), "192.0.2.1:0".parse().ok());
        assert_eq!(address("fe80::1%1"), "[fe80::1%1]:0".parse().ok());
        for text in ["", "localhost", "192.0.2.1:80", "localhost%lo", "fe80::1%no-such-interface"] {
            assert_eq!(address(text), None, "{text}");
        }
    }
}
