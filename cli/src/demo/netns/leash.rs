//! Ties a child to the thread that starts it: the kernel ends it when that thread ends, even by SIGKILL.
#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;

/// Without it, a child that outlives this process would keep its namespace alive.
pub(super) fn end_with_this_thread(command: &mut Command) -> &mut Command {
    // SAFETY: between fork and exec the closure may only do what is safe in a signal handler. It makes one system
    // call, and allocates and locks nothing, in its error, too.
    unsafe { command.pre_exec(|| set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::thread;

    #[test]
    fn a_child_ends_with_its_thread() {
        let start = || end_with_this_thread(Command::new("sleep").arg("600")).spawn().unwrap();
        let mut child = thread::spawn(start).join().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(Signal::SIGKILL as i32));
    }
}
