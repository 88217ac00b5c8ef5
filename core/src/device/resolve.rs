//! Names of endpoints to addresses: each asked for on a thread of its own, so that neither the driver nor its
//! end ever waits for a name. Knows when to ask again, and which of several addresses is next.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;

use super::hooks::Resolver;
use crate::key::PublicKey;
use crate::proto::time::Time;

/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The least pause, however much somebody waits for the answer.
const LEAST_PAUSE: Duration = Duration::from_secs(5);
/// Names asked for at the same time, each on a thread. Others wait their turn.
const MOST_AT_ONCE: usize = 8;

/// The names of all peers that have one.
pub(super) struct Names {
    resolver: Arc<dyn Resolver>,
    names: HashMap<PublicKey, Name>,
    /// When each name that waits is to be asked for.
    due: BTreeSet<(Time, PublicKey)>,
    threads: usize,
    serial: u64,
    answers: mpsc::Receiver<Answer>,
    answer: mpsc::Sender<Answer>,
}

struct Name {
    host: String,
    port: u16,
    /// Tells the answer that is waited for from older ones.
    serial: u64,
    /// When it is to be asked for, as in [`Names::due`].
    due: Option<Time>,
    /// When it was last asked for.
    asked_at: Option<Time>,
    /// Asked for in vain, since the last success.
    failures: u32,
    /// When it first failed, since the last success.
    failing_since: Option<Time>,
    /// What the peer is sent to, if it came from here.
    current: Option<SocketAddr>,
    /// The current address does not answer: another one is wanted, if there is one.
    rotate: bool,
}

/// What a thread found out.
pub(super) struct Answer {
    peer: PublicKey,
    serial: u64,
    found: Result<Vec<SocketAddr>, String>,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    /// The peer is to be sent to here.
    Address { peer: PublicKey, host: String, endpoint: SocketAddr },
    /// Not now.
    Nothing { peer: PublicKey, host: String, reason: String, since: Time },
}

impl Names {
    pub(super) fn new(resolver: Arc<dyn Resolver>) -> Self {
        // Room for every thread's answer, so that none waits.
        let (answer, answers) = mpsc::channel(MOST_AT_ONCE);
        Self { resolver, names: HashMap::new(), due: BTreeSet::new(), threads: 0, serial: 0, answers, answer }
    }

    /// Asks for a peer's endpoint from now on, and forgets what was asked for it before.
    pub(super) fn set(&mut self, peer: PublicKey, host: &str, port: u16, now: Time) {
        self.remove(&peer);
        let name = Name {
            host: host.to_owned(),
            port,
            serial: self.next_serial(),
            due: None,
            asked_at: None,
            failures: 0,
            failing_since: None,
            current: None,
            rotate: false,
        };
        self.names.insert(peer, name);
        self.schedule(&peer, now);
    }

    /// The peer has no name any more, or is no more.
    pub(super) fn remove(&mut self, peer: &PublicKey) {
        if let Some(Name { due: Some(due), .. }) = self.names.remove(peer) {
            self.due.remove(&(due, *peer));
        }
    }

    /// The peer does not answer where its name led: asks again and wants another address.
    pub(super) fn ask_again(&mut self, peer: &PublicKey, now: Time) {
        if let Some(name) = self.names.get_mut(peer) {
            name.rotate = true;
            self.schedule(peer, now);
        }
    }

    /// Whether a peer's name was never asked for before: the answer is a moment away, be it an address or none.
    pub(super) fn is_first_asked_for(&self, peer: &PublicKey) -> bool {
        self.names.get(peer).is_some_and(|name| name.current.is_none() && name.failing_since.is_none())
    }

    /// Somebody has a packet for a peer whose name has no address yet: the pause is over, though not more often than
    /// every [`LEAST_PAUSE`].
    pub(super) fn hurry(&mut self, peer: &PublicKey, now: Time) {
        let Some(Name { due: Some(due), asked_at, .. }) = self.names.get(peer) else { return };
        let sooner = asked_at.map_or(now, |asked_at| now.max(asked_at + LEAST_PAUSE));
        if sooner < *due {
            self.schedule(peer, sooner);
        }
    }

    /// The network is another: every name is asked for again. Where there is no session to lose, the best address for this
    /// network is wanted and not the one that served on the last.
    pub(super) fn ask_all(&mut self, now: Time, has_session: impl Fn(&PublicKey) -> bool) {
        let peers: Vec<PublicKey> = self.names.keys().copied().collect();
        for peer in peers {
            if let Some(name) = self.names.get_mut(&peer).filter(|_| !has_session(&peer)) {
                name.current = None;
            }
            self.schedule(&peer, now);
        }
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        if self.threads == MOST_AT_ONCE {
            return None;
        }
        self.due.first().map(|(at, _)| *at)
    }

    /// Starts a thread for each name that is due, as many as may run.
    pub(super) fn handle_timeout(&mut self, now: Time) {
        while self.threads < MOST_AT_ONCE
            && let Some((at, peer)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            self.ask(peer, now);
        }
    }

    /// The next answer, which is for [`Self::accept`].
    pub(super) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        self.answers.poll_recv(cx)
    }

    /// What an answer means now; `None` when nobody waits for it any more. `reach` says to which addresses this
    /// machine can send.
    pub(super) fn accept(
        &mut self,
        answer: Answer,
        now: Time,
        reach: impl Fn(&SocketAddr) -> bool,
    ) -> Option<Resolution> {
        self.threads -= 1;
        let name = self.names.get_mut(&answer.peer).filter(|name| name.serial == answer.serial)?;
        let (peer, host) = (answer.peer, name.host.clone());
        let usable = answer.found.map(|found| found.into_iter().filter(reach).collect::<Vec<_>>());
        let reason = match usable.as_deref() {
            Ok([]) => "it has no address that this machine can send to".to_owned(),
            Ok(addresses) => {
                // Where nothing is new, the peer may have moved since, and is followed.
                let endpoint = name.choose(addresses)?;
                return Some(Resolution::Address { peer, host, endpoint });
            }
            Err(reason) => reason.clone(),
        };
        let pause = FIRST_PAUSE.saturating_mul(1 << name.failures.min(16)).min(LONGEST_PAUSE);
        name.failures += 1;
        let since = *name.failing_since.get_or_insert(now);
        // Asked for again in between, it is due already.
        if name.due.is_none() {
            self.schedule(&peer, now + pause);
        }
        Some(Resolution::Nothing { peer, host, reason, since })
    }

    fn schedule(&mut self, peer: &PublicKey, at: Time) {
        let Some(name) = self.names.get_mut(peer) else { return };
        if let Some(due) = name.due.replace(at) {
            self.due.remove(&(due, *peer));
        }
        self.due.insert((at, *peer));
    }

    fn ask(&mut self, peer: PublicKey, now: Time) {
        let serial = self.next_serial();
        let Some(name) = self.names.get_mut(&peer) else { return };
        name.due = None;
        name.asked_at = Some(now);
        name.serial = serial;
        let (host, port) = (name.host.clone(), name.port);
        let (resolver, answer) = (Arc::clone(&self.resolver), self.answer.clone());
        let ask = move || {
            let found = catch_unwind(AssertUnwindSafe(|| resolver.resolve(&host, port))).map_or_else(
                |_| Err("the resolver panicked".to_owned()),
                |found| found.map_err(|e| e.to_string()),
            );
            // The driver may have ended meanwhile, and then nobody wants to know.
            let _ = answer.blocking_send(Answer { peer, serial, found });
        };
        match thread::Builder::new().name("adit-resolve".to_owned()).spawn(ask) {
            Ok(_detached) => self.threads += 1,
            Err(_no_thread) => self.schedule(&peer, now + FIRST_PAUSE),
        }
    }

    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

impl Name {
    /// `None`, the current address, for as long as it is one of these and answers; otherwise the one after it.
    fn choose(&mut self, addresses: &[SocketAddr]) -> Option<SocketAddr> {
        let place = self.current.and_then(|current| addresses.iter().position(|address| *address == current));
        let next = match place {
            Some(place) => (place + usize::from(self.rotate)) % addresses.len(),
            None => 0,
        };
        let is_news = self.rotate || place.is_none() || self.failures > 0;
        self.failures = 0;
        self.failing_since = None;
        self.rotate = false;
        self.current = Some(addresses[next]);
        is_news.then_some(addresses[next])
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io;
    use std::sync::Mutex;
    use std::sync::mpsc as std_mpsc;

    use super::*;

    const PEER: PublicKey = PublicKey::from_bytes([7; 32]);

    fn at(seconds: u64) -> Time {
        Time::from_origin(Duration::from_secs(seconds))
    }

    fn address(last: u8) -> SocketAddr {
        ([192, 0, 2, last], 51820).into()
    }

    /// Answers what a test tells it to, in order, and then fails.
    struct Script(Mutex<Vec<Vec<SocketAddr>>>);

    impl Resolver for Script {
        fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
            assert_eq!((host, port), ("vpn.example", 51820));
            let mut answers = self.0.lock().unwrap();
            if answers.is_empty() { Err(io::Error::other("no such host")) } else { Ok(answers.remove(0)) }
        }
    }

    fn names(answers: &[&[SocketAddr]]) -> Names {
        let mut names =
            Names::new(Arc::new(Script(Mutex::new(answers.iter().map(|answer| answer.to_vec()).collect()))));
        names.set(PEER, "vpn.example", 51820, at(0));
        names
    }

    fn wait<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test)
    }

    fn next(names: &mut Names) -> Answer {
        wait(poll_fn(|cx| names.poll_answer(cx))).unwrap()
    }

    /// Asks, and waits for what comes of it.
    fn resolve(names: &mut Names, now: Time) -> Option<Resolution> {
        assert!(names.poll_timeout().is_some_and(|due| due <= now), "not due: {:?}", names.poll_timeout());
        names.handle_timeout(now);
        let answer = next(names);
        names.accept(answer, now, SocketAddr::is_ipv4)
    }

    fn endpoint(resolution: Option<Resolution>) -> SocketAddr {
        match resolution {
            Some(Resolution::Address { endpoint, .. }) => endpoint,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_name_is_asked_for_at_once_and_then_never_again() {
        let mut names = names(&[&[address(1)]]);
        assert_eq!(endpoint(resolve(&mut names, at(0))), address(1));
        assert_eq!(names.poll_timeout(), None);
    }

    #[test]
    fn failures_are_retried_after_1_2_4_seconds_and_at_most_60() {
        let mut names = names(&[]);
        let mut now = 0;
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            let Some(Resolution::Nothing { reason, since, .. }) = resolve(&mut names, at(now)) else {
                panic!()
            };
            assert_eq!(reason, "no such host");
            assert_eq!(since, at(0), "the first of them");
            assert_eq!(names.poll_timeout(), Some(at(now + pause)));
            now += pause;
        }
    }

    #[test]
    fn a_success_makes_the_next_pause_short_again() {
        let mut names = names(&[&[], &[], &[address(1)]]);
        resolve(&mut names, at(0));
        resolve(&mut names, at(1));
        resolve(&mut names, at(3));
        names.ask_all(at(100), |_| true);
        resolve(&mut names, at(100));
        assert_eq!(names.poll_timeout(), Some(at(101)));
    }

    #[test]
    fn addresses_that_cannot_be_sent_to_are_left_out() {
        let six = "[2001:db8::1]:51820".parse().unwrap();
        let mut names = names(&[&[six, address(2)], &[six]]);
        assert_eq!(endpoint(resolve(&mut names, at(0))), address(2));
        names.ask_all(at(5), |_| true);
        assert!(matches!(resolve(&mut names, at(5)), Some(Resolution::Nothing { .. })));
    }

    #[test]
    fn an_address_that_does_not_answer_gives_way_to_the_next() {
        let all: &[SocketAddr] = &[address(1), address(2), address(3)];
        let mut names = names(&[all; 4]);
        assert_eq!(endpoint(resolve(&mut names, at(0))), address(1));
        for expected in [address(2), address(3), address(1)] {
            names.ask_again(&PEER, at(90));
            assert_eq!(endpoint(resolve(&mut names, at(90))), expected);
        }
    }

    #[test]
    fn a_name_server_that_shuffles_does_not_move_a_peer_that_answers() {
        let mut names = names(&[&[address(1), address(2)], &[address(2), address(1)]]);
        assert_eq!(endpoint(resolve(&mut names, at(0))), address(1));
        names.ask_all(at(5), |_| true);
        assert_eq!(resolve(&mut names, at(5)), None, "nothing is new, and the peer may have moved since");
    }

    #[test]
    fn without_a_session_the_best_address_of_the_new_network_is_taken() {
        let mut names = names(&[&[address(1), address(2)], &[address(2), address(1)]]);
        assert_eq!(endpoint(resolve(&mut names, at(0))), address(1));
        names.ask_all(at(5), |_| false);
        assert_eq!(endpoint(resolve(&mut names, at(5))), address(2));
    }

    #[test]
    fn whoever_waits_for_an_address_does_not_wait_out_a_long_pause() {
        let mut names = names(&[]);
        let mut now = 0;
        for pause in [1, 2, 4, 8, 16] {
            resolve(&mut names, at(now));
            now += pause;
        }
        resolve(&mut names, at(now));
        names.hurry(&PEER, at(now + 1));
        names.hurry(&PEER, at(now + 2));
        assert_eq!(names.poll_timeout(), Some(at(now + 5)));
    }

    #[test]
    fn an_answer_for_what_has_changed_meanwhile_is_ignored() {
        let mut names = names(&[&[address(1)], &[address(2)]]);
        names.handle_timeout(at(0));
        let stale = next(&mut names);
        names.set(PEER, "vpn.example", 51820, at(1));
        assert_eq!(names.accept(stale, at(1), |_| true), None);
        assert_eq!(endpoint(resolve(&mut names, at(1))), address(2));

        names.ask_all(at(2), |_| true);
        names.handle_timeout(at(2));
        names.remove(&PEER);
        let stale = next(&mut names);
        assert_eq!(names.accept(stale, at(2), |_| true), None);
        assert_eq!(names.poll_timeout(), None);
    }

    #[test]
    fn a_resolver_that_panics_is_a_failure() {
        struct Panics;
        impl Resolver for Panics {
            fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
                panic!("a defect of the app")
            }
        }
        let mut names = Names::new(Arc::new(Panics));
        names.set(PEER, "vpn.example", 51820, at(0));
        assert!(matches!(resolve(&mut names, at(0)), Some(Resolution::Nothing { .. })));
    }

    #[test]
    fn many_names_share_a_few_threads() {
        /// Answers only when the test lets it.
        struct Held(Mutex<std_mpsc::Receiver<()>>);
        impl Resolver for Held {
            fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
                self.0.lock().unwrap().recv().map_err(io::Error::other)?;
                Ok(vec![address(1)])
            }
        }
        let (release, held) = std_mpsc::channel();
        let mut names = Names::new(Arc::new(Held(Mutex::new(held))));
        for peer in 0..100 {
            names.set(PublicKey::from_bytes([peer; 32]), "vpn.example", 51820, at(0));
        }
        names.handle_timeout(at(0));
        assert_eq!(names.threads, MOST_AT_ONCE);
        assert_eq!(names.poll_timeout(), None, "nothing to do until an answer comes");
        for _ in 0..100 {
            release.send(()).unwrap();
            let answer = next(&mut names);
            assert_eq!(endpoint(names.accept(answer, at(1), |_| true)), address(1));
            names.handle_timeout(at(1));
        }
        assert_eq!(names.threads, 0);
        assert_eq!(names.poll_timeout(), None);
    }
}
