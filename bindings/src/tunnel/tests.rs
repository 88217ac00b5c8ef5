//! A tunnel's states: what may follow what, and that nothing of the app's is held, and no descriptor open, whatever
//! the end was.

use std::os::fd::{AsRawFd, OwnedFd};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, Weak};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::*;
use crate::config::Peer;
use crate::event::{Event, FailedCause};
use crate::hooks::HookError;
use crate::keys::{generate_private_key, public_key};
use crate::text::parse_config;

/// Longer than anything takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

type Hook = Box<dyn Fn() -> Result<(), HookError> + Send + Sync>;

/// The app's service: its own hooks and observer, and holder of the tunnel, as on Android.
struct Service {
    tunnel: Arc<Tunnel>,
    protect: Hook,
    resolve: Hook,
    events: Mutex<Sender<Event>>,
}

impl PlatformHooks for Service {
    fn protect(&self, _: i32) -> Result<(), HookError> {
        (self.protect)()
    }

    fn resolve(&self, host: String) -> Result<Vec<String>, HookError> {
        (self.resolve)()?;
        Ok(if host == "vpn.example" { vec!["192.0.2.1".to_owned()] } else { vec![] })
    }
}

impl TunnelObserver for Service {
    fn on_event(&self, event: Event) -> Result<(), HookError> {
        // A test that is over does not listen.
        let _ = self.events.lock().unwrap().send(event);
        Ok(())
    }
}

/// A service, the applications' side of its TUN descriptor, and what it is told.
struct App {
    service: Arc<Service>,
    apps: OwnedFd,
    tun: Option<OwnedFd>,
    events: Receiver<Event>,
}

fn fine() -> Hook {
    Box::new(|| Ok(()))
}

fn refuses() -> Hook {
    Box::new(|| Err(HookError::Failed { reason: "no permission".to_owned() }))
}

/// A hook that says when it is entered, and waits until it is let go.
fn hangs() -> (Hook, Receiver<()>, Sender<()>) {
    let (enter, entered) = channel();
    let (release, released) = channel::<()>();
    let both = Mutex::new((enter, released));
    let hook = Box::new(move || {
        let both = both.lock().unwrap();
        let _ = both.0.send(());
        let _ = both.1.recv();
        Ok(())
    });
    (hook, entered, release)
}

impl App {
    fn new(protect: Hook, resolve: Hook) -> Self {
        let (tun, apps) = tun_pair();
        let (tell, events) = channel();
        let tunnel = Arc::new(Tunnel::new().unwrap());
        let service = Service { tunnel, protect, resolve, events: Mutex::new(tell) };
        Self { service: Arc::new(service), apps, tun: Some(tun), events }
    }

    fn start(&mut self, host: &str) -> impl Future<Output = Result<(), TunnelError>> + Send + 'static {
        let tun = TunFd::Owned { fd: self.tun.take().unwrap().into() };
        self.start_with(config(host), tun)
    }

    fn start_with(
        &self,
        config: Config,
        tun: TunFd,
    ) -> impl Future<Output = Result<(), TunnelError>> + Send + 'static {
        let (hooks, observer, tunnel) =
            (self.service.clone(), self.service.clone(), self.service.tunnel.clone());
        async move { tunnel.start(config, tun, hooks, observer).await }
    }

    /// A descriptor for the next start.
    fn renew_tun(&mut self) {
        let (tun, apps) = tun_pair();
        self.tun = Some(tun);
        self.apps = apps;
    }

    /// The app lets its service go, which is all that held it, and the descriptor was closed.
    fn assert_nothing_is_left(self) {
        let service = Arc::downgrade(&self.service);
        drop(self.service);
        assert_released(&service);
        assert!(is_closed(&self.apps));
    }
}

/// A TUN descriptor, and the applications' side of it.
fn tun_pair() -> (OwnedFd, OwnedFd) {
    let (tun, apps) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    set_socket_timeout(&apps, Timeout::Recv, Some(PATIENCE)).unwrap();
    (tun, apps)
}

fn poll_once<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Poll<T> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// The last call to the app may still be returning.
fn assert_released(service: &Weak<Service>) {
    for _ in 0..2_000 {
        if service.strong_count() == 0 {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("something holds the service");
}

fn is_closed(apps: &OwnedFd) -> bool {
    matches!(rustix::io::read(apps, &mut [0; 16]), Ok(0))
}

/// One peer, at this name.
fn config(host: &str) -> Config {
    let text = format!(
        "[Interface]\nPrivateKey = dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\nAddress = 10.0.0.1/24\n\
         [Peer]\nPublicKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\nAllowedIPs = 10.0.0.2/32\n\
         Endpoint = {host}:51820\n"
    );
    parse_config(text).unwrap().config
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

fn is_invalid_state<T>(done: Result<T, TunnelError>) -> bool {
    matches!(done, Err(TunnelError::InvalidState { .. }))
}

#[test]
fn a_tunnel_is_started_and_stopped_again_and_again() {
    for _ in 0..2 {
        let mut app = App::new(fine(), fine());
        let tunnel = app.service.tunnel.clone();
        wait(tunnel.stop()).unwrap();
        for _ in 0..2 {
            app.renew_tun();
            wait(app.start("vpn.example")).unwrap();
            assert_eq!(tunnel.stats().unwrap().peers.len(), 1);
            wait(tunnel.stop()).unwrap();
            wait(tunnel.stop()).unwrap();
            assert!(is_closed(&app.apps));
        }
        app.assert_nothing_is_left();
    }
}

#[test]
fn what_needs_a_running_tunnel_is_refused_without_one() {
    let mut app = App::new(fine(), fine());
    let tunnel = app.service.tunnel.clone();
    let refuses_all = || {
        assert!(is_invalid_state(wait(tunnel.set_config(config("192.0.2.1")))));
        assert!(is_invalid_state(tunnel.stats()));
        assert!(is_invalid_state(tunnel.network_changed()));
    };
    refuses_all();
    wait(app.start("192.0.2.1")).unwrap();
    wait(tunnel.stop()).unwrap();
    refuses_all();
}

#[test]
fn a_second_start_is_refused_closes_its_descriptor_and_disturbs_nothing() {
    let mut app = App::new(fine(), fine());
    wait(app.start("192.0.2.1")).unwrap();
    let (tun, apps) = tun_pair();
    let again = app.start_with(config("192.0.2.1"), TunFd::Owned { fd: tun.into() });
    assert!(is_invalid_state(wait(again)));
    assert!(is_closed(&apps));
    app.service.tunnel.stats().unwrap();
    wait(app.service.tunnel.stop()).unwrap();
    app.assert_nothing_is_left();
}

#[test]
fn a_start_that_fails_says_why_and_holds_nothing() {
    let panics = || -> Hook { Box::new(|| panic!("a defect of the app, for the test's sake")) };
    type Expected = fn(&TunnelError) -> bool;
    let cases: [(Hook, Hook, &str, Expected); 5] = [
        (refuses(), fine(), "192.0.2.1", |error| matches!(error, TunnelError::Protect { .. })),
        (panics(), fine(), "192.0.2.1", |error| matches!(error, TunnelError::Protect { .. })),
        (
            fine(),
            refuses(),
            "vpn.example",
            |error| matches!(error, TunnelError::Resolve { host, reason } if host == "vpn.example" && reason.contains("no permission")),
        ),
        (
            fine(),
            fine(),
            "nobody.example",
            |error| matches!(error, TunnelError::Resolve { host, .. } if host == "nobody.example"),
        ),
        (fine(), panics(), "vpn.example", |error| matches!(error, TunnelError::Internal { .. })),
    ];
    for (protect, resolve, host, is_expected) in cases {
        let mut app = App::new(protect, resolve);
        let error = wait(app.start(host)).unwrap_err();
        assert!(is_expected(&error), "{error:?}");
        app.assert_nothing_is_left();
    }
}

#[test]
fn a_record_that_is_no_configuration_is_refused_before_anything_else() {
    let app = App::new(fine(), fine());
    let mut config = config("192.0.2.1");
    config.interface.addresses[0] = "10.0.0.0/64".to_owned();
    let (tun, apps) = tun_pair();
    let error = wait(app.start_with(config, TunFd::Owned { fd: tun.into() })).unwrap_err();
    assert!(matches!(&error, TunnelError::Config { key, .. } if key == "Address"), "{error:?}");
    assert!(is_closed(&apps));
    assert_eq!(Arc::strong_count(&app.service), 1);
}

#[test]
fn numbers_that_are_no_descriptor_are_refused() {
    let app = App::new(fine(), fine());
    for number in [-1, 999_999] {
        let lifted =
            <crate::descriptor::Descriptor as uniffi::Lift<crate::UniFfiTag>>::try_lift(number).unwrap();
        for tun in [TunFd::Owned { fd: lifted }, TunFd::Borrowed { fd: number }] {
            let error = wait(app.start_with(config("192.0.2.1"), tun)).unwrap_err();
            assert!(matches!(error, TunnelError::TunDescriptor { .. }), "{error:?}");
        }
    }
}

#[test]
fn a_borrowed_descriptor_stays_the_app_s() {
    let mut app = App::new(fine(), fine());
    let tun = app.tun.take().unwrap();
    for _ in 0..2 {
        wait(app.start_with(config("192.0.2.1"), TunFd::Borrowed { fd: tun.as_raw_fd() })).unwrap();
        wait(app.service.tunnel.stop()).unwrap();
    }
    rustix::io::write(&tun, b"open").unwrap();
    assert_eq!(rustix::io::read(&app.apps, &mut [0; 16]).unwrap(), 4);
}

#[test]
fn a_stop_ends_a_start_that_waits_for_a_name_and_does_not_wait_for_it() {
    let (resolve, entered, release) = hangs();
    let mut app = App::new(fine(), resolve);
    let start = app.start("vpn.example");
    let starting = thread::spawn(move || wait(start));
    entered.recv_timeout(PATIENCE).unwrap();
    wait(app.service.tunnel.stop()).unwrap();
    assert!(is_invalid_state(starting.join().unwrap()));
    assert!(is_closed(&app.apps));
    drop(release);
    app.assert_nothing_is_left();
}

#[test]
fn a_stop_ends_a_start_that_waits_for_protect_and_does_not_wait_for_it() {
    let (protect, entered, release) = hangs();
    let mut app = App::new(protect, fine());
    let start = app.start("192.0.2.1");
    let starting = thread::spawn(move || wait(start));
    entered.recv_timeout(PATIENCE).unwrap();
    wait(app.service.tunnel.stop()).unwrap();
    assert!(is_invalid_state(starting.join().unwrap()));
    drop(release);
    app.assert_nothing_is_left();
}

#[test]
fn a_stop_does_not_wait_for_protect_in_a_change_of_networks() {
    let (hang, entered, release) = hangs();
    let is_slow = Arc::new(AtomicBool::new(false));
    let slow = is_slow.clone();
    let protect: Hook = Box::new(move || if slow.load(Ordering::SeqCst) { hang() } else { Ok(()) });
    let mut app = App::new(protect, fine());
    wait(app.start("192.0.2.1")).unwrap();
    is_slow.store(true, Ordering::SeqCst);
    let tunnel = app.service.tunnel.clone();
    let changing = thread::spawn(move || tunnel.network_changed());
    entered.recv_timeout(PATIENCE).unwrap();
    wait(app.service.tunnel.stop()).unwrap();
    drop(release);
    assert!(changing.join().unwrap().is_err());
    app.assert_nothing_is_left();
}

#[test]
fn a_stop_needs_nobody_to_go_on_with_the_start() {
    let (resolve, entered, release) = hangs();
    let mut app = App::new(fine(), resolve);
    let mut start = Box::pin(app.start("vpn.example"));
    assert!(poll_once(&mut start).is_pending());
    entered.recv_timeout(PATIENCE).unwrap();
    // The executor of the start is busy with the stop, as a main thread may be.
    wait(app.service.tunnel.stop()).unwrap();
    assert!(is_closed(&app.apps));
    assert!(is_invalid_state(wait(start)));
    drop(release);
    app.assert_nothing_is_left();
}

#[test]
fn a_cancelled_start_leaves_a_tunnel_that_can_be_started() {
    let (resolve, entered, release) = hangs();
    let mut app = App::new(fine(), resolve);
    let mut start = Box::pin(app.start("vpn.example"));
    assert!(poll_once(&mut start).is_pending());
    entered.recv_timeout(PATIENCE).unwrap();
    drop(start);
    assert!(is_closed(&app.apps));
    wait(app.service.tunnel.stop()).unwrap();
    app.renew_tun();
    wait(app.start("192.0.2.1")).unwrap();
    wait(app.service.tunnel.stop()).unwrap();
    drop(release);
    app.assert_nothing_is_left();
}

#[test]
fn a_start_that_was_never_awaited_closes_the_descriptor() {
    let mut app = App::new(fine(), fine());
    drop(app.start("192.0.2.1"));
    app.assert_nothing_is_left();
}

#[test]
fn a_tunnel_that_is_let_go_ends() {
    let App { service, apps, tun, .. } = App::new(fine(), fine());
    let tunnel = Tunnel::new().unwrap();
    let tun = TunFd::Owned { fd: tun.unwrap().into() };
    wait(tunnel.start(config("192.0.2.1"), tun, service.clone(), service.clone())).unwrap();
    drop(tunnel);
    assert!(is_closed(&apps));
    let held = Arc::downgrade(&service);
    drop(service);
    assert_released(&held);
}

#[test]
fn an_interface_that_goes_away_is_told_and_everything_is_released() {
    let mut app = App::new(fine(), fine());
    wait(app.start("192.0.2.1")).unwrap();
    // The old applications' side is closed.
    app.renew_tun();
    let failed = loop {
        if let Event::Failed { cause, .. } = app.events.recv_timeout(PATIENCE).unwrap() {
            break cause;
        }
    };
    assert_eq!(failed, FailedCause::TunGone);
    let tunnel = app.service.tunnel.clone();
    wait(tunnel.stop()).unwrap();
    assert!(is_invalid_state(tunnel.stats()));
    wait(app.start("192.0.2.1")).unwrap();
    wait(tunnel.stop()).unwrap();
    app.assert_nothing_is_left();
}

#[test]
fn a_new_configuration_whose_name_has_no_address_changes_nothing() {
    let mut app = App::new(fine(), fine());
    wait(app.start("vpn.example")).unwrap();
    let tunnel = app.service.tunnel.clone();
    let mut nowhere = config("nobody.example");
    nowhere.interface.listen_port = Some(51_999);
    let error = wait(tunnel.set_config(nowhere)).unwrap_err();
    assert!(matches!(error, TunnelError::Resolve { .. }), "{error:?}");
    assert_ne!(tunnel.stats().unwrap().listen_port, 51_999);

    let mut without_peers = config("vpn.example");
    without_peers.peers.clear();
    wait(tunnel.set_config(without_peers)).unwrap();
    assert_eq!(tunnel.stats().unwrap().peers, []);
    wait(tunnel.stop()).unwrap();
    app.assert_nothing_is_left();
}

#[test]
fn a_stop_ends_a_change_that_waits_for_a_name() {
    let (resolve, entered, release) = hangs();
    let mut app = App::new(fine(), resolve);
    wait(app.start("192.0.2.1")).unwrap();
    let tunnel = app.service.tunnel.clone();
    let changing = thread::spawn(move || wait(tunnel.set_config(config("vpn.example"))));
    entered.recv_timeout(PATIENCE).unwrap();
    wait(app.service.tunnel.stop()).unwrap();
    assert!(is_invalid_state(changing.join().unwrap()));
    drop(release);
    app.assert_nothing_is_left();
}

#[test]
fn a_cancelled_change_changes_nothing() {
    let (resolve, entered, release) = hangs();
    let mut app = App::new(fine(), resolve);
    wait(app.start("192.0.2.1")).unwrap();
    let tunnel = app.service.tunnel.clone();
    let mut elsewhere = config("vpn.example");
    elsewhere.peers.push(Peer { endpoint: None, ..elsewhere.peers[0].clone() });
    elsewhere.peers[1].public_key = public_key(&generate_private_key().unwrap()).unwrap();
    let mut change = Box::pin(tunnel.set_config(elsewhere.clone()));
    assert!(poll_once(&mut change).is_pending());
    entered.recv_timeout(PATIENCE).unwrap();
    drop(change);
    assert_eq!(tunnel.stats().unwrap().peers.len(), 1);
    drop(release);
    wait(tunnel.set_config(elsewhere)).unwrap();
    assert_eq!(tunnel.stats().unwrap().peers.len(), 2);
    wait(tunnel.stop()).unwrap();
    app.assert_nothing_is_left();
}

#[test]
fn a_call_from_inside_protect_is_refused_instead_of_waiting_for_itself() {
    let (tell, told) = channel();
    let (lend, lent) = channel::<Arc<Tunnel>>();
    let both = Mutex::new((tell, lent));
    let protect: Hook = Box::new(move || {
        let both = both.lock().unwrap();
        let tunnel = both.1.recv().unwrap();
        let _ = both.0.send(is_invalid_state(tunnel.stats()) && is_invalid_state(tunnel.network_changed()));
        Ok(())
    });
    let mut app = App::new(protect, fine());
    // IPv4's socket and IPv6's.
    lend.send(app.service.tunnel.clone()).unwrap();
    lend.send(app.service.tunnel.clone()).unwrap();
    wait(app.start("192.0.2.1")).unwrap();
    assert!(told.recv_timeout(PATIENCE).unwrap());
    wait(app.service.tunnel.stop()).unwrap();
}
