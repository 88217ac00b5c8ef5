//! Descriptors of every kind, as the driver meets them.

use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use rustix::net::{AddressFamily, SocketFlags, socketpair};

use super::*;
use crate::device::wakeup::{self, has_ended};

fn pair(kind: SocketType) -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap()
}

/// The next packet, once there is one.
fn read(tun: &Tun) -> Result<Vec<u8>, Ended> {
    let mut buffer = vec![0; BUFFER_LEN];
    loop {
        let mut asked = [tun.asked(true, false)];
        wakeup::wait(&mut asked, true);
        assert!(!has_ended(&asked[0]));
        if let Some(packet) = tun.read(&mut buffer)? {
            return Ok(packet.unwrap().head().to_vec());
        }
    }
}

fn write(tun: &Tun, packet: &[u8]) -> Result<Written, Ended> {
    tun.write(&Write { slices: &[IoSlice::new(packet)], packets: 1, octets: packet.len() })
}

#[test]
fn packets_keep_their_bounds_and_their_order() {
    for kind in [SocketType::DGRAM, SocketType::SEQPACKET] {
        let (ours, theirs) = pair(kind);
        let tun = Tun::new(ours, true).unwrap();
        for len in 1..=5_u8 {
            rustix::io::write(&theirs, &vec![len; usize::from(len) * 100]).unwrap();
            assert_eq!(write(&tun, &vec![len; usize::from(len)]).unwrap(), Written::Taken);
        }
        for len in 1..=5_u8 {
            assert_eq!(read(&tun).unwrap(), vec![len; usize::from(len) * 100]);
            let mut buffer = [0; 100];
            let read = rustix::io::read(&theirs, &mut buffer).unwrap();
            assert_eq!(buffer[..read], vec![len; usize::from(len)]);
        }
    }
}

#[test]
fn an_empty_descriptor_gives_nothing_and_does_not_wait() {
    let (ours, _theirs) = pair(SocketType::DGRAM);
    let tun = Tun::new(ours, true).unwrap();
    assert!(tun.read(&mut [0; 64]).unwrap().is_none());
}

#[test]
fn an_empty_datagram_is_a_packet_and_no_end() {
    let (ours, theirs) = pair(SocketType::DGRAM);
    let tun = Tun::new(ours, true).unwrap();
    rustix::io::write(&theirs, &[]).unwrap();
    rustix::io::write(&theirs, b"next").unwrap();
    assert_eq!(read(&tun).unwrap(), b"");
    assert_eq!(read(&tun).unwrap(), b"next");
}

#[test]
fn the_other_end_closed_is_the_end() {
    let (ours, theirs) = pair(SocketType::SEQPACKET);
    let tun = Tun::new(ours, true).unwrap();
    rustix::io::write(&theirs, b"last").unwrap();
    drop(theirs);
    assert_eq!(read(&tun).unwrap(), b"last");
    assert!(matches!(read(&tun), Err(Ended::TunGone)));
    assert!(matches!(write(&tun, b"late"), Err(Ended::TunGone)));
}

#[test]
fn a_pair_of_datagram_sockets_shows_its_end_on_writing() {
    let (ours, theirs) = pair(SocketType::DGRAM);
    let tun = Tun::new(ours, true).unwrap();
    drop(theirs);
    assert!(matches!(write(&tun, b"late"), Err(Ended::TunGone)));
}

#[test]
fn a_full_descriptor_says_so_and_takes_more_once_read() {
    let (ours, theirs) = pair(SocketType::SEQPACKET);
    let tun = Tun::new(ours, true).unwrap();
    let packet = [7; 1400];
    let mut taken = 0;
    while write(&tun, &packet).unwrap() == Written::Taken {
        taken += 1;
        assert!(taken < 100_000, "a socket that is never full");
    }
    let mut buffer = [0; 1500];
    for _ in 0..taken {
        assert_eq!(rustix::io::read(&theirs, &mut buffer).unwrap(), packet.len());
    }
    wakeup::wait(&mut [tun.asked(false, true)], true);
    assert_eq!(write(&tun, &packet).unwrap(), Written::Taken);
}

#[test]
fn utun_s_address_family_comes_and_goes() {
    let (ours, theirs) = pair(SocketType::DGRAM);
    let mut tun = Tun::new(ours, true).unwrap();
    tun.kind = Kind::Utun;
    let mut buffer = [0; 64];
    for (packet, family) in [(b"\x45 four", libc::AF_INET), (b"\x60 six.", libc::AF_INET6)] {
        assert_eq!(write(&tun, packet).unwrap(), Written::Taken);
        let len = rustix::io::read(&theirs, &mut buffer).unwrap();
        assert_eq!(buffer[..4], family.to_be_bytes());
        assert_eq!(&buffer[4..len], packet);

        rustix::io::write(&theirs, &buffer[..len]).unwrap();
        assert_eq!(read(&tun).unwrap(), packet);
    }
}

#[test]
fn a_stream_is_refused_by_name() {
    let refused = Tun::new(pair(SocketType::STREAM).0, true).err();
    assert!(matches!(refused, Some(TunError::Stream)));
}

#[test]
fn a_refused_descriptor_is_closed_once() {
    let (stream, other) = pair(SocketType::STREAM);
    assert!(Tun::new(stream, true).is_err());
    // The other end sees the close.
    assert_eq!(rustix::io::read(&other, &mut [0; 8]).unwrap(), 0);

    // What is always readable is closed as well, and its number is free for the next.
    for path in ["/proc/self/cmdline", "/dev/null"] {
        let file = std::fs::File::open(path).unwrap();
        let number = file.as_raw_fd();
        assert!(matches!(Tun::new(file.into(), true), Err(TunError::Unusable(_))));
        let next = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(next.as_raw_fd() <= number || crate::device::sys::duplicate(number).is_ok());
    }
}

#[test]
fn a_descriptor_that_is_not_open_is_refused() {
    assert!(crate::device::sys::duplicate(-1).is_err());
    assert!(crate::device::sys::duplicate(1_000_000).is_err());
}

#[cfg(target_os = "linux")]
mod real {
    use rustix::thread::CapabilitySet;

    use super::*;
    use crate::device::sys::testing::{in_network_namespace, ip, open_tun};

    #[test]
    fn kinds_that_carry_more_than_ip_packets_are_refused_by_name() {
        in_network_namespace(|| {
            let refused = |flags| Tun::new(open_tun("adit-t0", flags).unwrap(), true).err();
            let error = refused(libc::IFF_TAP | libc::IFF_NO_PI);
            assert!(matches!(error, Some(TunError::Tap)), "{error:?}");
            assert!(refused(PLAIN).is_none());
        });
    }

    #[test]
    fn packet_information_is_refused_by_name_at_the_first_packet() {
        in_network_namespace(|| {
            let tun = Tun::new(open_tun("adit-t4", libc::IFF_TUN).unwrap(), true).unwrap();
            // The link announces itself with IPv6 packets of its own.
            ip("link set adit-t4 up");
            match read(&tun) {
                Err(Ended::TunFailed(error)) => assert!(matches!(*error, TunError::PacketInformation)),
                other => panic!("{other:?}"),
            }
        });
    }

    #[test]
    fn a_tun_device_without_an_interface_is_refused() {
        in_network_namespace(|| {
            let unattached = std::fs::File::options().read(true).write(true).open("/dev/net/tun").unwrap();
            assert!(matches!(Tun::new(unattached.into(), true).err(), Some(TunError::Unusable(_))));
        });
    }

    #[test]
    fn the_interface_tells_its_mtu() {
        in_network_namespace(|| {
            let tun = Tun::new(open_tun("adit-t1", PLAIN).unwrap(), true).unwrap();
            ip("link set adit-t1 mtu 1337");
            assert_eq!(tun.mtu(), Some(1337));
        });
    }

    const PLAIN: libc::c_int = libc::IFF_TUN | libc::IFF_NO_PI;

    /// The length of that interface's queue, in this thread's namespace.
    fn queue_len(name: &str) -> i32 {
        let mut padded = InterfaceName::default();
        padded[..name.len()].copy_from_slice(name.as_bytes());
        sys::queue_len(any_socket().unwrap(), padded).unwrap()
    }

    #[test]
    fn the_queue_of_a_device_that_carries_packets_one_by_one_is_made_longer() {
        in_network_namespace(|| {
            let plain = open_tun("adit-t5", PLAIN).unwrap();
            assert_eq!(queue_len("adit-t5"), DEFAULT_QUEUE_LEN);
            let _plain = Tun::new(plain, true).unwrap();
            assert_eq!(queue_len("adit-t5"), QUEUE_LEN);

            let vnet = open_tun("adit-t6", PLAIN | libc::IFF_VNET_HDR).unwrap();
            let _vnet = Tun::new(vnet, true).unwrap();
            assert_eq!(queue_len("adit-t6"), DEFAULT_QUEUE_LEN);
        });
    }

    #[test]
    fn a_queue_whose_length_somebody_chose_is_left_alone() {
        in_network_namespace(|| {
            for chosen in [100, 10_000] {
                let plain = open_tun("adit-t5", PLAIN).unwrap();
                ip(&format!("link set adit-t5 txqueuelen {chosen}"));
                let _plain = Tun::new(plain, true).unwrap();
                assert_eq!(queue_len("adit-t5"), chosen);
            }
        });
    }

    #[test]
    fn a_process_that_may_not_change_interfaces_leaves_them_alone() {
        in_network_namespace(|| {
            let plain = open_tun("adit-t5", PLAIN).unwrap();
            let mut sets = rustix::thread::capabilities(None).unwrap();
            sets.effective.remove(CapabilitySet::NET_ADMIN);
            rustix::thread::set_capabilities(None, sets).unwrap();
            let _plain = Tun::new(plain, true).unwrap();
            assert_eq!(queue_len("adit-t5"), DEFAULT_QUEUE_LEN);
        });
    }

    #[test]
    fn an_interface_of_the_same_name_in_another_namespace_is_left_alone() {
        in_network_namespace(|| {
            let elsewhere = open_tun("adit-t5", PLAIN).unwrap();
            in_network_namespace(move || {
                let _of_the_same_name = open_tun("adit-t5", PLAIN).unwrap();
                let _elsewhere = Tun::new(elsewhere, true).unwrap();
                assert_eq!(queue_len("adit-t5"), DEFAULT_QUEUE_LEN);
            });
        });
    }

    #[test]
    fn a_link_that_went_down_refuses_and_carries_again_once_up() {
        in_network_namespace(|| {
            let tun = Tun::new(open_tun("adit-t2", PLAIN).unwrap(), true).unwrap();
            let packet = [0x45; 28];
            for _ in 0..2 {
                ip("link set adit-t2 up");
                assert_eq!(write(&tun, &packet).unwrap(), Written::Taken);
                ip("link set adit-t2 down");
                assert_eq!(write(&tun, &packet).unwrap(), Written::Refused);
            }
        });
    }

    #[test]
    fn a_deleted_interface_ends_the_wait_and_every_later_use() {
        in_network_namespace(|| {
            let tun = Tun::new(open_tun("adit-t3", PLAIN).unwrap(), true).unwrap();
            ip("link set adit-t3 up");
            assert_eq!(write(&tun, &[0x45; 28]).unwrap(), Written::Taken);
            ip("link del adit-t3");
            let mut asked = [tun.asked(true, true)];
            wakeup::wait(&mut asked, true);
            assert!(has_ended(&asked[0]));
            assert!(matches!(write(&tun, &[0x45; 28]), Err(Ended::TunGone)));
        });
    }

    #[test]
    fn a_deletion_ends_a_sleep_that_waits_for_no_packet() {
        in_network_namespace(|| {
            let tun = Tun::new(open_tun("adit-t5", PLAIN).unwrap(), true).unwrap();
            // In the same namespace.
            let other = std::thread::spawn(|| {
                std::thread::sleep(std::time::Duration::from_millis(100));
                ip("link del adit-t5");
            });
            let mut asked = [tun.asked(false, false)];
            wakeup::wait(&mut asked, true);
            assert!(has_ended(&asked[0]));
            other.join().unwrap();
        });
    }
}
