//! How the driver shares a processor with the applications that it serves, where Linux lets a thread say so: since 6.12.
//! Their sockets hold some 90 full datagrams or 270 small ones, and overflow when the driver writes more than that in one
//! turn while nobody reads. How soon it gets a processor stays the same, measured beside busy loops.

#[cfg(target_os = "linux")]
use std::time::Duration;

#[cfg(target_os = "linux")]
use super::sys;

/// Where one write carries many packets, in turns of those that all threads have. A thread with shorter ones that wakes may
/// interrupt one with longer ones: a reader runs after each write. Still longer ones would have a lonely packet wait for a
/// processor that somebody uses, and give the readers nothing more.
#[cfg(target_os = "linux")]
const LONG: u32 = 2;
/// Where it carries one. To be interrupted after each would cost more than the packet did; a reader runs after some of
/// them.
#[cfg(target_os = "linux")]
const SHORT: Duration = Duration::from_micros(100);
/// Writes in a short turn, about. Linux itself would notice its end only at its next tick, 1 to 10 ms later.
const WRITES: usize = 32;

/// The turns of the thread that made it.
pub(super) struct Turns {
    /// Whether they are short, and ended here.
    short: bool,
    /// In this turn.
    writes: usize,
}

impl Turns {
    /// Asks for them. `merged`: one write carries many packets.
    pub(super) fn take(merged: bool) -> Self {
        Self { short: ask(merged) && !merged, writes: 0 }
    }

    /// To be told of each write.
    pub(super) fn note_write(&mut self) {
        self.writes += 1;
        if self.short && self.writes >= WRITES {
            self.writes = 0;
            std::thread::yield_now();
        }
    }
}

/// False where turns are as long as the system will have them: then a yield would give away a whole one.
#[cfg(target_os = "linux")]
fn ask(merged: bool) -> bool {
    let slice = |usual| if merged { LONG * usual } else { SHORT };
    sys::set_time_slice(slice).unwrap_or_else(|error| {
        tracing::debug!("the driver's turns on a processor are as all threads have them: {error}");
        false
    })
}

/// Android ends an app for a system call that its C library does not make.
#[cfg(not(target_os = "linux"))]
fn ask(_merged: bool) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// On a thread of its own, which takes what was set with it.
    fn taken(merged: bool) -> (bool, u64, i32) {
        let thread = std::thread::spawn(move || {
            rustix::process::setpriority_process(None, 7).expect("lower priorities are free");
            let turns = Turns::take(merged);
            let scheduling = sys::scheduling().expect("one's own thread");
            (turns.short, scheduling.sched_runtime, scheduling.sched_nice)
        });
        thread.join().expect("no panic")
    }

    #[test]
    fn turns_are_long_where_writes_are_merged_and_short_elsewhere() {
        let usual = sys::scheduling().expect("one's own thread").sched_runtime;
        if usual == 0 {
            assert_eq!(taken(false), (false, 0, 7));
            return eprintln!("left out: this Linux is older than 6.12");
        }
        assert_eq!(taken(true), (false, 2 * usual, 7));
        assert_eq!(taken(false), (true, 100_000, 7));
    }
}
