//! Sockets on loopback, and in namespaces of their own where the path must be narrow.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Mutex;

use super::*;
use crate::device::error::HookError;
use crate::device::hooks::SocketProtector;
use crate::device::wakeup;

const SETTINGS: SocketSettings<'_> = SocketSettings { mark: None, protector: None, offload: true };

/// A datagram as it came in.
#[derive(Debug, PartialEq)]
struct Datagram {
    path: Path,
    ecn: Ecn,
    octets: Vec<u8>,
}

/// One end on loopback, which counts what happens to it.
struct End {
    sockets: Sockets,
    buffers: ReceiveBuffers,
    outbox: Outbox,
    progress: Progress,
    stats: Stats,
    failed: Vec<Path>,
}

impl End {
    fn new() -> Self {
        let sockets = Sockets::bind(0, SETTINGS).unwrap();
        Self {
            outbox: Outbox::new(sockets.max_segments()),
            sockets,
            buffers: ReceiveBuffers::new(),
            progress: Progress::default(),
            stats: Stats::default(),
            failed: Vec::new(),
        }
    }

    fn address(&self, ip: impl Into<IpAddr>) -> SocketAddr {
        SocketAddr::new(ip.into(), self.sockets.port())
    }

    fn put(&mut self, path: Path, ecn: Ecn, octets: &[u8]) {
        self.outbox.push(None, path, ecn, octets.len(), |room| room.copy_from_slice(octets));
    }

    fn flush_once(&mut self) -> Flushed {
        let failed = &mut self.failed;
        self.sockets
            .flush(&self.outbox, &mut self.progress, &mut self.stats, |transmit| failed.push(transmit.path))
    }

    /// For what a flush of `blocked` needs, or for a datagram.
    fn wait(&self, blocked: Option<(&Outbox, &Progress)>) {
        let [v4, v6] = self.sockets.asked(blocked);
        let mut asked = [v4.unwrap(), v6.unwrap()];
        wakeup::wait(&mut asked, true);
        self.sockets.note(asked.each_ref());
    }

    /// Flushes whenever there is room until all is gone, as the driver does.
    fn flush(&mut self) {
        while self.flush_once() == Flushed::Blocked {
            self.wait(Some((&self.outbox, &self.progress)));
        }
        self.outbox.clear();
    }

    /// Waits for this many datagrams.
    fn receive(&mut self, count: usize) -> Vec<Datagram> {
        let mut received = Vec::new();
        while received.len() < count {
            self.wait(None);
            for socket in self.sockets.each() {
                self.buffers.receive(socket).unwrap();
                for message in self.buffers.messages() {
                    let (path, ecn) = (message.path, message.ecn);
                    received.extend(message.into_datagrams().map(|octets| Datagram {
                        path,
                        ecn,
                        octets: octets.to_vec(),
                    }));
                }
            }
        }
        received
    }
}

const V4: Ipv4Addr = Ipv4Addr::LOCALHOST;
const V6: Ipv6Addr = Ipv6Addr::LOCALHOST;

#[test]
fn runs_arrive_as_the_datagrams_they_were_made_of() {
    let (mut a, mut b) = (End::new(), End::new());
    for ip in [IpAddr::from(V4), IpAddr::from(V6)] {
        // Two runs: ten of 1,000 and a shorter one, then three of 1,400.
        let lens = [vec![1_000; 10], vec![300], vec![1_400; 3]].concat();
        let sent: Vec<Vec<u8>> =
            lens.iter().enumerate().map(|(index, len)| vec![index as u8; *len]).collect();
        for octets in &sent {
            a.put(Path::to(b.address(ip)), Ecn::NotEct, octets);
        }
        a.flush();
        let received = b.receive(sent.len());
        assert_eq!(
            received.iter().map(|datagram| &datagram.octets).collect::<Vec<_>>(),
            sent.iter().collect::<Vec<_>>()
        );
        for datagram in received {
            assert_eq!(datagram.path, Path { remote: a.address(ip), local: Some(ip) });
        }
    }
    assert_eq!(a.stats.udp_sent.packets, 28);
    assert_eq!(a.stats.udp_sent.octets, 2 * (10_000 + 300 + 4_200));
    assert_eq!(a.stats.dropped, Default::default());
}

#[test]
fn congestion_marks_travel_both_ways() {
    let (mut a, mut b) = (End::new(), End::new());
    for ip in [IpAddr::from(V4), IpAddr::from(V6)] {
        for ecn in [Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce] {
            // A run, and one alone.
            for _ in 0..3 {
                a.put(Path::to(b.address(ip)), ecn, &[0; 500]);
            }
            a.flush();
            a.put(Path::to(b.address(ip)), ecn, b"alone");
            a.flush();
            assert!(b.receive(4).iter().all(|datagram| datagram.ecn == ecn));
        }
    }
}

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    let (mut a, mut b) = (End::new(), End::new());
    let asked = Ipv4Addr::new(127, 0, 0, 7);
    a.put(Path::to(b.address(asked)), Ecn::NotEct, b"question");
    a.flush();
    let question = b.receive(1).remove(0);
    assert_eq!(question.path.local, Some(asked.into()));

    b.put(question.path, Ecn::NotEct, b"answer");
    b.flush();
    assert_eq!(a.receive(1)[0].path.remote, b.address(asked));
}

#[test]
fn p34_a_stale_local_address_is_dropped_and_costs_neither_offload_nor_ecn() {
    let (mut a, mut b) = (End::new(), End::new());
    let offload = a.sockets.max_segments();
    for (ip, stale) in [(IpAddr::from(V4), "192.0.2.9"), (IpAddr::from(V6), "2001:db8::9")] {
        let path = Path { remote: b.address(ip), local: Some(stale.parse().unwrap()) };
        a.failed.clear();
        for octets in [[1; 1_000], [2; 1_000], [3; 1_000]] {
            a.put(path, Ecn::Ect0, &octets);
        }
        a.put(path, Ecn::Ce, b"the same path again");
        a.flush();

        let received = b.receive(4);
        assert!(received.iter().all(|datagram| datagram.path.remote == a.address(ip)));
        assert_eq!(received[0].ecn, Ecn::Ect0);
        assert_eq!(received[3].ecn, Ecn::Ce);
        assert_eq!(a.failed, [path], "told once");
    }
    assert_eq!(a.sockets.max_segments(), offload);
    assert!(a.sockets.scattered.is_empty());
    assert_eq!(a.stats.dropped, Default::default());
}

#[test]
fn p39_what_cannot_be_sent_is_counted_and_does_not_stop_the_rest() {
    let (mut a, mut b) = (End::new(), End::new());
    // Nothing is sent to port 0, and a broadcast asks for a permission that the socket does not have.
    for lost in [SocketAddr::from((V4, 0)), SocketAddr::from((Ipv4Addr::BROADCAST, 9))] {
        a.put(Path::to(lost), Ecn::NotEct, b"lost");
    }
    a.put(Path::to(b.address(V4)), Ecn::Ect1, b"kept");
    a.flush();
    let received = b.receive(1);
    assert_eq!(received[0].octets, b"kept");
    assert_eq!(received[0].ecn, Ecn::Ect1);
    assert_eq!(a.stats.dropped.udp_refused, 2);
    assert_eq!(a.stats.udp_sent.packets, 1);
}

#[test]
fn a_flush_goes_on_in_order_where_it_stopped() {
    let (mut a, mut b) = (End::new(), End::new());
    for number in 0..100_u8 {
        a.put(Path::to(b.address(V4)), Ecn::NotEct, &vec![number; 100 + usize::from(number % 3)]);
    }
    // Half of it stands as sent already. A socket without room is a system test's.
    let half = a.outbox.transmits().len() / 2;
    let already: usize = a.outbox.transmits()[..half].iter().map(|transmit| transmit.segments()).sum();
    a.progress.transmits = half;
    a.flush();
    let numbers: Vec<u8> = b.receive(100 - already).iter().map(|datagram| datagram.octets[0]).collect();
    assert!(numbers.iter().copied().eq(already as u8..100), "{numbers:?}");
}

#[test]
fn both_ip_versions_share_a_port_that_the_system_chose() {
    for _ in 0..50 {
        let sockets = Sockets::bind(0, SETTINGS).unwrap();
        let ports: Vec<u16> = sockets.each().map(|socket| socket.port().unwrap()).collect();
        assert_eq!(ports, [sockets.port(); 2]);
        assert_ne!(sockets.port(), 0);
    }
}

#[test]
fn a_port_in_use_is_named() {
    for taken in [SocketAddr::from((V4, 0)), SocketAddr::from((V6, 0))] {
        let other = std::net::UdpSocket::bind(taken).unwrap();
        let port = other.local_addr().unwrap().port();
        let error = Sockets::bind(port, SETTINGS).err().unwrap();
        assert!(matches!(&error, DeviceError::Bind { port: named, .. } if *named == port));
        assert!(error.to_string().contains(&port.to_string()));
    }
}

/// Refuses the second socket that it is asked for, and remembers both.
struct Refuser(Mutex<Vec<i32>>);

impl SocketProtector for Refuser {
    fn protect(&self, socket: BorrowedFd<'_>) -> Result<(), HookError> {
        let mut seen = self.0.lock().unwrap();
        seen.push(socket.as_raw_fd());
        match seen.len() {
            1 => Ok(()),
            _ => Err(HookError::new("no VPN permission")),
        }
    }
}

#[test]
fn a_refused_socket_is_an_error_and_both_are_closed() {
    let refuser = Refuser(Mutex::default());
    let error = Sockets::bind(0, SocketSettings { protector: Some(&refuser), ..SETTINGS }).err().unwrap();
    assert!(matches!(&error, DeviceError::Protect(reason) if reason.to_string() == "no VPN permission"));
    assert_eq!(refuser.0.lock().unwrap().len(), 2);
}

#[test]
fn a_protector_that_panics_refuses() {
    struct Panics;
    impl SocketProtector for Panics {
        fn protect(&self, _: BorrowedFd<'_>) -> Result<(), HookError> {
            panic!("a defect of the app");
        }
    }
    let refused = Sockets::bind(0, SocketSettings { protector: Some(&Panics), ..SETTINGS }).err();
    assert!(matches!(refused, Some(DeviceError::Protect(_))));
}

#[cfg(target_os = "linux")]
mod narrow {
    use super::*;
    use crate::device::sys::testing::{in_network_namespace, ip};

    #[test]
    fn p39_a_run_too_wide_for_the_path_is_sent_one_by_one_and_remembered() {
        in_network_namespace(|| {
            ip("link set lo mtu 1280");
            let (mut a, mut b) = (End::new(), End::new());
            let offload = a.sockets.max_segments();
            for address in [IpAddr::from(V4), IpAddr::from(V6)] {
                let sent: Vec<Vec<u8>> = (0..20).map(|number| vec![number; 1_452]).collect();
                for octets in &sent {
                    a.put(Path::to(b.address(address)), Ecn::NotEct, octets);
                }
                a.flush();
                let received = b.receive(20);
                assert!(received.iter().map(|datagram| &datagram.octets).eq(&sent));
            }
            assert_eq!(a.sockets.scattered, [b.address(V4), b.address(V6)]);
            assert_eq!(a.sockets.max_segments(), offload);
            assert_eq!(a.stats.udp_sent.packets, 40);
            assert_eq!(a.stats.dropped, Default::default());
        });
    }

    #[test]
    fn sockets_carry_the_mark_that_they_are_given() {
        in_network_namespace(|| {
            let marks = |sockets: &Sockets| -> Vec<u32> {
                sockets.each().map(|socket| socket.mark().unwrap()).collect()
            };
            let mark = NonZeroU32::new(0xca6c);
            let sockets = Sockets::bind(0, SocketSettings { mark, ..SETTINGS }).unwrap();
            assert_eq!(marks(&sockets), [0xca6c; 2]);
            sockets.set_mark(None, mark).unwrap();
            assert_eq!(marks(&sockets), [0; 2]);
        });
    }
}

#[test]
fn only_so_many_paths_are_remembered() {
    let mut sockets = Sockets::none();
    for port in 1..=2 * SCATTERED_PATHS as u16 {
        sockets.scatter(SocketAddr::from((V4, port)));
    }
    assert_eq!(sockets.scattered.len(), SCATTERED_PATHS);
    assert_eq!(sockets.scattered.last().unwrap().port(), 2 * SCATTERED_PATHS as u16);
}
