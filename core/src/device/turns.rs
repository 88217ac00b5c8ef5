//! How the driver shares a processor with the applications that it serves, where Linux lets a thread say so: since 6.12.
//! Under load, their sockets hold some 90 full datagrams or 270 small ones, and overflow when the driver writes more than that
//! in one turn while nobody reads. How soon it gets a processor stays the same, measured beside busy loops. A lonely packet
//! is soonest there when the driver has the turns that everybody has.

use std::time::Duration;

#[cfg(target_os = "linux")]
use super::sys;
use crate::proto::time::Time;

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

/// Packets a second to the applications that are a load, and for how long they are counted.
const LOAD: u64 = 5_000;
const COUNTED_FOR: Duration = Duration::from_millis(100);

/// The turns of the thread that made it.
pub(super) struct Turns {
    /// Whether one write carries many packets.
    merged: bool,
    /// Whether they are those of load.
    loaded: bool,
    /// Whether they are short, and ended here.
    short: bool,
    /// In this turn.
    writes: usize,
    /// When the counting began, and how many packets there had been.
    since: (Time, u64),
}

impl Turns {
    /// Those that the thread has. `merged`: one write carries many packets.
    pub(super) fn new(merged: bool) -> Self {
        let since = (Time::from_origin(Duration::ZERO), 0);
        Self { merged, loaded: false, short: false, writes: 0, since }
    }

    /// To be told now and then how many packets the applications have been given in all.
    pub(super) fn note_packets(&mut self, packets: u64, now: Time) {
        let (began, before) = self.since;
        let counted_for = now - began;
        if counted_for < COUNTED_FOR {
            return;
        }
        self.since = (now, packets);
        let loaded = (packets - before) as f64 >= LOAD as f64 * counted_for.as_secs_f64();
        if loaded != self.loaded {
            self.loaded = loaded;
            self.short = ask(loaded, self.merged) && loaded && !self.merged;
        }
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
fn ask(loaded: bool, merged: bool) -> bool {
    let slice = |usual| match (loaded, merged) {
        (false, _) => Duration::ZERO,
        (true, true) => LONG * usual,
        (true, false) => SHORT,
    };
    sys::set_time_slice(slice).unwrap_or_else(|error| {
        tracing::debug!("the driver's turns on a processor are as all threads have them: {error}");
        false
    })
}

/// Android ends an app for a system call that its C library does not make.
#[cfg(not(target_os = "linux"))]
fn ask(_loaded: bool, _merged: bool) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn slice() -> u64 {
        sys::scheduling().expect("one's own thread").sched_runtime
    }

    /// On a thread of its own, which takes what was set with it: the length of its turns, and whether they are ended here,
    /// after each 100 ms with so many packets.
    fn taken(merged: bool, packets: &'static [u64]) -> Vec<(u64, bool)> {
        let thread = std::thread::spawn(move || {
            rustix::process::setpriority_process(None, 7).expect("lower priorities are free");
            let mut turns = Turns::new(merged);
            let (mut now, mut sum) = (Time::from_origin(Duration::from_secs(9)), 0);
            turns.note_packets(sum, now);
            let taken = packets.iter().map(|packets| {
                now = now + Duration::from_millis(100);
                sum += packets;
                turns.note_packets(sum, now);
                (slice(), turns.short)
            });
            let taken = taken.collect();
            assert_eq!(sys::scheduling().expect("one's own thread").sched_nice, 7);
            taken
        });
        thread.join().expect("no panic")
    }

    #[test]
    fn under_load_turns_are_long_where_writes_are_merged_and_short_elsewhere() {
        let usual = slice();
        if usual == 0 {
            assert_eq!(taken(false, &[500]), [(0, false)]);
            return eprintln!("left out: this Linux is older than 6.12");
        }
        let packets = &[499, 500, 20_000, 499];
        let (lonely, long, short) = ((usual, false), (2 * usual, false), (100_000, true));
        assert_eq!(taken(true, packets), [lonely, long, long, lonely]);
        assert_eq!(taken(false, packets), [lonely, short, short, lonely]);
    }

    #[test]
    fn a_load_is_so_many_packets_a_second_however_long_they_are_counted() {
        let mut turns = Turns::new(true);
        let at = |milliseconds| Time::from_origin(Duration::from_millis(milliseconds));
        let mut loaded = |packets, milliseconds| {
            turns.note_packets(packets, at(milliseconds));
            turns.loaded
        };
        assert!(!loaded(4_999, 1_000));
        assert!(!loaded(9_998, 1_099), "not counted for long enough");
        assert!(loaded(9_998, 1_100));
        assert!(loaded(10_000, 1_199), "nor is this");
        assert!(!loaded(10_000, 1_200));
    }
}
