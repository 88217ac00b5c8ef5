//! The few system calls that no safe crate wraps, one function each. The only room with unsafe code.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::io;
#[cfg(target_os = "linux")]
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
#[cfg(target_os = "linux")]
use std::time::Duration;

/// A descriptor of our own for what `fd` refers to.
pub(super) fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: the number is not -1, all that the type asks for; whether it is open, the system checks in the
    // one call that is made with it.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    borrowed.try_clone_to_owned()
}

/// Lets the system fragment IPv6 datagrams that are larger than the path's MTU.
pub(super) fn allow_ipv6_fragments(socket: impl AsFd) -> io::Result<()> {
    set_int_option(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, 0)
}

/// Stops the system from telling when each datagram came.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn stop_timestamps(socket: impl AsFd) -> io::Result<()> {
    set_int_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 0)
}

/// Has the system hand out each datagram alone. A kernel that does not know the option never does otherwise.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn stop_coalescing(socket: impl AsFd) -> io::Result<()> {
    match set_int_option(socket.as_fd(), libc::SOL_UDP, libc::UDP_GRO, 0) {
        Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => Ok(()),
        done => done,
    }
}

/// Lets the system fragment IPv4 datagrams that are larger than the path's MTU. On Linux rustix has this.
#[cfg(target_vendor = "apple")]
pub(super) fn allow_ipv4_fragments(socket: impl AsFd) -> io::Result<()> {
    set_int_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_DONTFRAG, 0)
}

fn set_int_option(socket: BorrowedFd<'_>, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the pointer and the length are those of one integer that outlives the call.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::{InterfaceName, SuperPackets, interface_mtu, take_super_packets, tun_interface};
#[cfg(target_os = "linux")]
pub(super) use linux::{may_change_interface, queue_len, set_queue_len};

/// What Linux tells of its TUN devices.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::io;
    use std::os::fd::AsFd;
    #[cfg(target_os = "linux")]
    use std::{
        fs::{File, metadata},
        os::fd::{AsRawFd, FromRawFd},
        os::unix::fs::MetadataExt,
    };

    use rustix::ioctl::{IntegerSetter, Opcode, Setter, Updater, ioctl, opcode};

    use super::super::offload::VnetHeader;

    // `linux/if_tun.h`.
    const TUNSETOFFLOAD: Opcode = opcode::write::<libc::c_uint>(b'T', 208);
    const TUNGETIFF: Opcode = opcode::read::<libc::c_uint>(b'T', 210);
    const TUNSETVNETHDRSZ: Opcode = opcode::write::<libc::c_int>(b'T', 216);
    #[cfg(target_os = "linux")]
    const TUNGETDEVNETNS: Opcode = opcode::none(b'T', 227);
    // `linux/sockios.h`.
    const SIOCGIFMTU: Opcode = 0x8921;
    #[cfg(target_os = "linux")]
    const SIOCGIFTXQLEN: Opcode = 0x8942;
    #[cfg(target_os = "linux")]
    const SIOCSIFTXQLEN: Opcode = 0x8943;

    /// An interface's name as the kernel pads it.
    pub(in super::super) type InterfaceName = [u8; libc::IFNAMSIZ];

    /// `struct ifreq` of `linux/if.h`: a name, and a union that is never larger than this.
    #[repr(C, align(8))]
    pub(super) struct InterfaceRequest {
        pub(super) name: InterfaceName,
        pub(super) value: [u8; 24],
    }

    /// A TUN descriptor's interface and its `IFF_` flags.
    pub(in super::super) fn tun_interface(tun: impl AsFd) -> io::Result<(InterfaceName, u16)> {
        let mut request = InterfaceRequest { name: Default::default(), value: Default::default() };
        // SAFETY: TUNGETIFF writes one `struct ifreq`, and the request is at least as large and as aligned.
        unsafe { ioctl(tun, Updater::<TUNGETIFF, _>::new(&mut request))? };
        Ok((request.name, u16::from_ne_bytes([request.value[0], request.value[1]])))
    }

    /// The super-packets that a TUN descriptor hands out and takes.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(in super::super) struct SuperPackets {
        pub(in super::super) tcp: bool,
        pub(in super::super) udp: bool,
    }

    /// Asks a TUN descriptor with a vnet header for what is wanted, and for less where the kernel does not know it.
    pub(in super::super) fn take_super_packets(tun: impl AsFd, wanted: bool) -> io::Result<SuperPackets> {
        let tun = tun.as_fd();
        let len = VnetHeader::LEN as libc::c_int;
        // SAFETY: TUNSETVNETHDRSZ reads one integer.
        unsafe { ioctl(tun, Setter::<TUNSETVNETHDRSZ, _>::new(len))? };
        let none = SuperPackets::default();
        let tcp = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6;
        let ecn = tcp | libc::TUN_F_TSO_ECN;
        let udp = ecn | libc::TUN_F_USO4 | libc::TUN_F_USO6;
        let attempts = [
            (udp, SuperPackets { tcp: true, udp: true }),
            (ecn, SuperPackets { tcp: true, udp: false }),
            (tcp, SuperPackets { tcp: true, udp: false }),
            (0, none),
        ];
        let mut outcome = Ok(none);
        for (flags, gives) in &attempts[if wanted { 0 } else { attempts.len() - 1 }..] {
            // SAFETY: TUNSETOFFLOAD takes its flags in the place of a pointer and touches no memory.
            match unsafe { ioctl(tun, IntegerSetter::<TUNSETOFFLOAD>::new_usize(*flags as usize)) } {
                Ok(()) => return Ok(*gives),
                Err(error) => outcome = Err(error.into()),
            }
        }
        outcome
    }

    /// The MTU of an interface in this thread's network namespace, asked through any socket.
    pub(in super::super) fn interface_mtu(socket: impl AsFd, name: InterfaceName) -> io::Result<u16> {
        let mtu = interface_number::<SIOCGIFMTU>(socket, name, 0)?;
        Ok(u16::try_from(mtu).unwrap_or(u16::MAX))
    }

    /// Packets that may wait in an interface of this thread's network namespace, asked through any socket.
    #[cfg(target_os = "linux")]
    pub(in super::super) fn queue_len(socket: impl AsFd, name: InterfaceName) -> io::Result<i32> {
        interface_number::<SIOCGIFTXQLEN>(socket, name, 0)
    }

    #[cfg(target_os = "linux")]
    pub(in super::super) fn set_queue_len(
        socket: impl AsFd,
        name: InterfaceName,
        len: i32,
    ) -> io::Result<()> {
        interface_number::<SIOCSIFTXQLEN>(socket, name, len).map(drop)
    }

    /// One of the requests that pass an integer to an interface, or from it.
    fn interface_number<const REQUEST: Opcode>(
        socket: impl AsFd,
        name: InterfaceName,
        number: i32,
    ) -> io::Result<i32> {
        let mut request = InterfaceRequest { name, value: Default::default() };
        request.value[..size_of::<i32>()].copy_from_slice(&number.to_ne_bytes());
        // SAFETY: these requests read the name of one `struct ifreq` and read or write an integer in its union; the request
        // is at least as large and as aligned.
        unsafe { ioctl(socket, Updater::<REQUEST, _>::new(&mut request))? };
        let [a, b, c, d, ..] = request.value;
        Ok(i32::from_ne_bytes([a, b, c, d]))
    }

    /// Whether a TUN descriptor's interface is in this thread's network namespace, where its name means it and no other, and
    /// this process has the privilege to change it. False before Linux 5.5, which does not tell.
    #[cfg(target_os = "linux")]
    pub(in super::super) fn may_change_interface(tun: impl AsFd) -> bool {
        // SAFETY: TUNGETDEVNETNS takes no argument.
        let answer = unsafe { libc::ioctl(tun.as_fd().as_raw_fd(), TUNGETDEVNETNS as libc::Ioctl) };
        if answer < 0 {
            return false;
        }
        // SAFETY: what is not an error is a new descriptor, which nobody else knows.
        let theirs = unsafe { File::from_raw_fd(answer) }.metadata();
        let ours = metadata("/proc/thread-self/ns/net");
        theirs.is_ok_and(|theirs| {
            ours.is_ok_and(|ours| (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()))
        })
    }
}

/// Asks for turns on a processor of this length, made of the one that this thread has, or for the system's own with a length of
/// zero; its share of a processor and its priority stay as they are. False where that comes to nothing: before Linux 6.12,
/// and for a thread that runs in real time.
#[cfg(target_os = "linux")]
pub(super) fn set_time_slice(slice: impl FnOnce(Duration) -> Duration) -> io::Result<bool> {
    let mut attributes = scheduling()?;
    let is_fair = matches!(attributes.sched_policy.cast_signed(), libc::SCHED_OTHER | libc::SCHED_BATCH);
    // An older one knows of none.
    if !is_fair || attributes.sched_runtime == 0 {
        return Ok(false);
    }
    let slice = slice(Duration::from_nanos(attributes.sched_runtime));
    attributes.sched_runtime = slice.as_nanos().try_into().unwrap_or(u64::MAX);
    // SAFETY: the system reads one `struct sched_attr` of the size that it says, through a pointer to one that outlives
    // the call.
    let done =
        unsafe { libc::syscall(libc::SYS_sched_setattr, THIS_THREAD, &raw const attributes, NO_FLAGS) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(slice.is_zero() || scheduling()?.sched_runtime == attributes.sched_runtime)
}

/// How this thread is scheduled.
#[cfg(target_os = "linux")]
pub(super) fn scheduling() -> io::Result<libc::sched_attr> {
    let mut attributes = MaybeUninit::<libc::sched_attr>::zeroed();
    let size = size_of::<libc::sched_attr>();
    // SAFETY: the system writes at most `size` octets, through a pointer to as many that outlive the call.
    let done = unsafe {
        libc::syscall(libc::SYS_sched_getattr, THIS_THREAD, attributes.as_mut_ptr(), size, NO_FLAGS)
    };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: integers, for which zeros are values too.
    Ok(unsafe { attributes.assume_init() })
}

/// Of the system calls for scheduling.
#[cfg(target_os = "linux")]
const THIS_THREAD: libc::pid_t = 0;
#[cfg(target_os = "linux")]
const NO_FLAGS: libc::c_uint = 0;

#[cfg(target_vendor = "apple")]
pub(super) use apple::{arm_continuous_timer, disarm_timer, take_timer_event};

/// A kqueue with one timer on the clock that counts sleep; rustix knows timers, but not that clock.
#[cfg(target_vendor = "apple")]
mod apple {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd};
    use std::ptr;
    use std::time::Duration;

    /// The queue's only timer.
    const TIMER: libc::uintptr_t = 0;

    /// Fires once, `after` from now, replacing what was armed.
    pub(in super::super) fn arm_continuous_timer(queue: impl AsFd, after: Duration) -> io::Result<()> {
        let fflags = libc::NOTE_NSECONDS | libc::NOTE_MACH_CONTINUOUS_TIME;
        let nanoseconds = isize::try_from(after.as_nanos()).unwrap_or(isize::MAX);
        change(queue, timer(libc::EV_ADD | libc::EV_ONESHOT, fflags, nanoseconds))
    }

    /// Takes the timer away, if there is one.
    pub(in super::super) fn disarm_timer(queue: impl AsFd) -> io::Result<()> {
        match change(queue, timer(libc::EV_DELETE, 0, 0)) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
            done => done,
        }
    }

    /// Whether the timer has fired since the last call.
    pub(in super::super) fn take_timer_event(queue: impl AsFd) -> io::Result<bool> {
        let mut event = timer(0, 0, 0);
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let queue = queue.as_fd().as_raw_fd();
        // SAFETY: no changes are passed, and there is room for the one event that is asked for.
        let events = unsafe { libc::kevent(queue, ptr::null(), 0, &raw mut event, 1, &raw const at_once) };
        if events < 0 { Err(io::Error::last_os_error()) } else { Ok(events > 0) }
    }

    fn timer(flags: u16, fflags: u32, data: isize) -> libc::kevent {
        libc::kevent { ident: TIMER, filter: libc::EVFILT_TIMER, flags, fflags, data, udata: ptr::null_mut() }
    }

    fn change(queue: impl AsFd, change: libc::kevent) -> io::Result<()> {
        let queue = queue.as_fd().as_raw_fd();
        // SAFETY: one change is passed by a pointer that outlives the call, and no event is asked for.
        let done = unsafe { libc::kevent(queue, &raw const change, 1, ptr::null_mut(), 0, ptr::null()) };
        if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// What the tests of several rooms make: network namespaces and TUN devices of their own.
#[cfg(all(test, target_os = "linux"))]
pub(super) mod testing {
    use std::fs::File;
    use std::io;
    use std::os::fd::OwnedFd;
    use std::process::Command;

    use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
    use rustix::thread::UnshareFlags;

    use super::linux::InterfaceRequest;

    const TUNSETIFF: Opcode = opcode::write::<libc::c_int>(b'T', 202);

    /// Runs a test on a thread with a network namespace of its own, which goes when the thread ends. Without
    /// root the test is left out, and says so.
    pub(in super::super) fn in_network_namespace(test: impl FnOnce() + Send + 'static) {
        if !rustix::process::geteuid().is_root() {
            eprintln!("left out: a network namespace needs root");
            return;
        }
        let thread = std::thread::spawn(|| {
            // SAFETY: only the network namespace becomes this thread's own; memory and descriptors stay shared.
            unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }.expect("unshare");
            ip("link set lo up");
            test();
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    }

    /// Opens /dev/net/tun with these `IFF_` flags.
    pub(in super::super) fn open_tun(name: &str, flags: libc::c_int) -> io::Result<OwnedFd> {
        let tun = File::options().read(true).write(true).open("/dev/net/tun")?;
        let mut request = InterfaceRequest { name: Default::default(), value: Default::default() };
        request.name[..name.len()].copy_from_slice(name.as_bytes());
        request.value[..2].copy_from_slice(&(flags as u16).to_ne_bytes());
        // SAFETY: TUNSETIFF reads and writes one `struct ifreq`; the request is at least as large and as aligned.
        unsafe { ioctl(&tun, Updater::<TUNSETIFF, _>::new(&mut request))? };
        Ok(tun.into())
    }

    /// `ip` with these arguments, in this thread's namespace.
    pub(in super::super) fn ip(arguments: &str) {
        let done = Command::new("ip").args(arguments.split(' ')).status().expect("ip of iproute2");
        assert!(done.success(), "ip {arguments}");
    }
}
