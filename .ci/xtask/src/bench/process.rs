//! What a process costs, as the kernel tells it without asking the process.

use std::fs;
use std::ops::{Add, Sub};

use rustix::param::clock_ticks_per_second;

use crate::error::Error;

/// Processor time of a process and all its threads, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Processor {
    pub user: f64,
    pub system: f64,
}

impl Processor {
    pub(super) fn of(process: u32) -> Result<Self, Error> {
        let stat = read(&format!("/proc/{process}/stat"))?;
        let [user, system] = ticks(&stat)?.map(|ticks| ticks as f64 / clock_ticks_per_second() as f64);
        Ok(Self { user, system })
    }

    pub(super) fn total(self) -> f64 {
        self.user + self.system
    }
}

impl Add for Processor {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { user: self.user + other.user, system: self.system + other.system }
    }
}

impl Sub for Processor {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { user: self.user - other.user, system: self.system - other.system }
    }
}

/// Resident memory, MiB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Memory {
    pub now: f64,
    pub peak: f64,
}

impl Memory {
    pub(super) fn of(process: u32) -> Result<Self, Error> {
        let status = read(&format!("/proc/{process}/status"))?;
        let mib = |name| Ok::<_, Error>(field(&status, name)? as f64 / 1024.0);
        Ok(Self { now: mib("VmRSS:")?, peak: mib("VmHWM:")? })
    }
}

/// How often any of a process's threads has left a processor so far, of its own will or not.
pub(super) fn switches(process: u32) -> Result<u64, Error> {
    let path = format!("/proc/{process}/task");
    let tasks = fs::read_dir(&path).map_err(|error| Error::File { path, error })?;
    tasks.flatten().map(|task| switches_of(&read(&task.path().join("status").to_string_lossy())?)).sum()
}

fn switches_of(status: &str) -> Result<u64, Error> {
    Ok(field(status, "voluntary_ctxt_switches:")? + field(status, "nonvoluntary_ctxt_switches:")?)
}

/// The number behind a name.
fn field(status: &str, name: &str) -> Result<u64, Error> {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| Error::Output { program: "/proc/PID/status", text: status.to_owned() })
}

/// The name, in brackets, may hold spaces; utime and stime are the 12th and 13th fields behind it.
fn ticks(stat: &str) -> Result<[u64; 2], Error> {
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let mut fields = behind_name.split_whitespace().skip(11).map(str::parse);
    match (fields.next(), fields.next()) {
        (Some(Ok(user)), Some(Ok(system))) => Ok([user, system]),
        _ => Err(Error::Output { program: "/proc/PID/stat", text: stat.to_owned() }),
    }
}

fn read(path: &str) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error::File { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_a_name_with_brackets_and_spaces() {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 123 456 14 15";
        assert_eq!(ticks(stat).expect("whole"), [123, 456]);
        assert!(ticks("7 (adit) S 1 2").is_err());
    }

    #[test]
    fn switches_are_those_of_both_kinds() {
        let status = "Name:\tadit\nvoluntary_ctxt_switches:\t40\nnonvoluntary_ctxt_switches:\t2\n";
        assert_eq!(switches_of(status).expect("whole"), 42);
        assert!(switches_of("Name:\tadit\n").is_err());
    }

    #[test]
    fn a_processor_that_works_for_this_process_is_counted() {
        let own = std::process::id();
        let before = Processor::of(own).expect("we run");
        while (Processor::of(own).expect("we run") - before).total() == 0.0 {}
        let memory = Memory::of(own).expect("we run");
        assert!(memory.now > 0.0 && memory.peak >= memory.now, "{memory:?}");
    }
}
