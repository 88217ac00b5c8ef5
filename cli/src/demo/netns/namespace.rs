//! A network namespace without a name: a thread that has left the process's own and does there what it is given.
//! Threads and sockets that are made there belong there, and stay there.

use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use rtnetlink::{Handle, LinkUnspec, LinkVeth};
use tokio::runtime::Runtime;

use super::{NetnsError, netlink};
use crate::demo::{DemoError, system};

type Job = Box<dyn FnOnce(&Inside) + Send>;

/// The handle of a namespace; dropping it ends the thread.
pub(super) struct Namespace {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    descriptor: Arc<OwnedFd>,
}

impl Namespace {
    /// A thread of this name in a namespace of its own.
    pub(super) fn new(name: &str) -> Result<Self, DemoError> {
        let (jobs, work) = channel::<Job>();
        let (entered, is_entered) = channel();
        let live = move || {
            let inside = match Inside::enter() {
                Ok((inside, descriptor)) => {
                    // Whoever waits for it is in `new`, below.
                    let _ = entered.send(Ok(descriptor));
                    inside
                }
                Err(error) => {
                    let _ = entered.send(Err(error));
                    return;
                }
            };
            for job in work {
                job(&inside);
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(live);
        let thread = thread.map_err(system("start a thread"))?;
        let descriptor = is_entered.recv().map_err(|_| NetnsError::Thread)??;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), descriptor: Arc::new(descriptor) })
    }

    /// Does this within the namespace and waits for what comes of it.
    pub(super) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Inside) -> T + Send + 'static,
    ) -> Result<T, NetnsError> {
        let (done, outcome) = channel();
        let job = Box::new(move |inside: &Inside| {
            // Whoever waits for it is here, below.
            let _ = done.send(job(inside));
        });
        let jobs = self.jobs.as_ref().ok_or(NetnsError::Thread)?;
        jobs.send(job).map_err(|_| NetnsError::Thread)?;
        outcome.recv().map_err(|_| NetnsError::Thread)
    }

    /// What the kernel knows the namespace by.
    pub(super) fn descriptor(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.descriptor)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // If it panicked, whoever gave it the job knows.
            let _ = thread.join();
        }
    }
}

/// What a job finds in the namespace.
pub(super) struct Inside {
    runtime: Runtime,
    kernel: Handle,
}

impl Inside {
    /// Moves this thread into a new namespace.
    fn enter() -> Result<(Self, OwnedFd), DemoError> {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| match errno {
            Errno::EPERM => DemoError::from(NetnsError::NoPrivilege),
            errno => system("make a network namespace")(errno.into()),
        })?;
        let open = || -> io::Result<_> {
            let descriptor = File::open("/proc/thread-self/ns/net")?.into();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
            let within = runtime.enter();
            let (connection, kernel, _) = rtnetlink::new_connection()?;
            runtime.spawn(connection);
            drop(within);
            Ok((Self { runtime, kernel }, descriptor))
        };
        open().map_err(system("enter a network namespace"))
    }

    /// Waits for this.
    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// A pair of interfaces like the two ends of a cable, the far one in another namespace.
    pub(super) fn add_cable(&self, near: &str, far: &str, far_side: &OwnedFd) -> Result<(), NetnsError> {
        self.block_on(async {
            let cable = LinkVeth::new(near, far).build();
            self.kernel.link().add(cable).execute().await.map_err(netlink("lay a virtual cable"))?;
            let end = LinkUnspec::new_with_name(far).setns_by_fd(far_side.as_raw_fd()).build();
            self.kernel.link().set(end).execute().await.map_err(netlink("move the cable's end"))
        })
    }

    /// Gives an interface an address and sets it up.
    pub(super) fn set_up(&self, name: &str, address: Ipv4Addr, prefix_len: u8) -> Result<(), NetnsError> {
        let index = index_of(name)?;
        self.block_on(async {
            let addresses = self.kernel.address();
            let add = addresses.add(index, address.into(), prefix_len).execute();
            add.await.map_err(netlink("give an interface an address"))?;
            let up = LinkUnspec::new_with_index(index).up().build();
            self.kernel.link().set(up).execute().await.map_err(netlink("set an interface up"))
        })
    }
}

fn index_of(name: &str) -> Result<u32, NetnsError> {
    nix::net::if_::if_nametoindex(name)
        .map_err(|errno| NetnsError::Lookup { interface: name.to_owned(), source: errno.into() })
}
