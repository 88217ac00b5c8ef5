//! What a process costs, as the kernel tells it without asking the process.

use std::fs;
use std::time::Duration;

/// Octets of memory that are resident.
pub(crate) fn resident(process: u32) -> u64 {
    let status = read(&format!("/proc/{process}/status"));
    field(&status, "VmRSS:") << 10
}

/// What a process has done so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Activity {
    /// Of all its threads, voluntary and not.
    switches: u64,
    /// Processor time, its own and the kernel's for it, in ticks of the clock.
    ticks: u64,
}

impl Activity {
    pub(crate) fn of(process: u32) -> Self {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs");
        let switches = tasks.map(|task| {
            let status = read(&format!("{}/status", task.expect("a thread").path().display()));
            field(&status, "voluntary_ctxt_switches:") + field(&status, "nonvoluntary_ctxt_switches:")
        });
        let stat = read(&format!("/proc/{process}/stat"));
        // The name, in brackets, may hold spaces; utime and stime are the 12th and 13th fields behind it.
        let behind_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = behind_name.split_whitespace().skip(11).take(2).map(|field| number(field, &stat));
        Self { switches: switches.sum(), ticks: ticks.sum() }
    }

    /// Processor time used since an earlier look.
    pub(crate) fn processor_since(&self, earlier: &Self) -> Duration {
        Duration::from_secs(self.ticks - earlier.ticks) / rustix::param::clock_ticks_per_second() as u32
    }
}

/// When the process's one timer fires next; `None`: never.
pub(crate) fn next_timer(process: u32) -> Option<Duration> {
    let descriptors = fs::read_dir(format!("/proc/{process}/fdinfo")).expect("the process runs");
    let timers: Vec<_> = descriptors
        .filter_map(|descriptor| fs::read_to_string(descriptor.ok()?.path()).ok())
        .filter_map(|info| {
            let value = info.lines().find_map(|line| line.strip_prefix("it_value: ("))?;
            let (seconds, rest) = value.split_once(", ")?;
            Some(Duration::new(number(seconds, &info), number(rest.trim_end_matches(')'), &info) as u32))
        })
        .collect();
    let [timer] = timers[..] else { panic!("the process has the timers {timers:?}") };
    (!timer.is_zero()).then_some(timer)
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn field(status: &str, name: &str) -> u64 {
    let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    number(value.split_whitespace().next().unwrap_or_default(), status)
}

fn number(text: &str, within: &str) -> u64 {
    text.trim().parse().unwrap_or_else(|_| panic!("{text:?} in {within:?}"))
}
