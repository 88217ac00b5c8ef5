//! ping, unmodified: how long each answer took.

use xshell::Shell;

use super::tunnel::{ADDRESSES, Tunnel};
use crate::error::Error;

/// Sends `count` echo requests, one in `interval` milliseconds. The microseconds that each answer took: of one answer at least.
pub(super) fn ping(sh: &Shell, tunnel: &Tunnel, count: u32, interval: u32) -> Result<Vec<f64>, Error> {
    let [_, server] = ADDRESSES;
    let (count, interval) = (count.to_string(), format!("0.{interval:03}"));
    let words = ["ping", "-n", "-i", &interval, "-c", &count, "-w", "30", server];
    // It fails where one answer is missing at the end of its time.
    let report = tunnel.netns[0].command(sh, &words).ignore_status().read()?;
    let times: Vec<f64> = report.lines().filter_map(time).collect();
    if times.is_empty() { Err(Error::Output { program: "ping", text: report }) } else { Ok(times) }
}

/// Of `64 bytes from 10.77.0.2: icmp_seq=1 ttl=64 time=0.286 ms`.
fn time(line: &str) -> Option<f64> {
    let (milliseconds, _) = line.split_once(" time=")?.1.split_once(" ms")?;
    Some(milliseconds.parse::<f64>().ok()? * 1000.0)
}

/// Of one answer at least.
pub(super) fn average(times: &[f64]) -> f64 {
    times.iter().sum::<f64>() / times.len() as f64
}

/// What so many of 100 answers took no longer than, by the nearest rank; of one answer at least.
pub(super) fn within(of_100: usize, times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() * of_100).div_ceil(100) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_time_and_the_lines_around_it_have_none() {
        assert_eq!(time("64 bytes from 10.77.0.2: icmp_seq=1 ttl=64 time=0.286 ms"), Some(286.0));
        assert_eq!(time("PING 10.77.0.2 (10.77.0.2) 56(84) bytes of data."), None);
        assert_eq!(time("2 packets transmitted, 2 received, 0% packet loss, time 5ms"), None);
    }

    #[test]
    fn the_average_and_the_50th_and_99th_of_100() {
        let of_100: Vec<f64> = (0..100).rev().map(f64::from).collect();
        assert_eq!((average(&of_100), within(50, &of_100), within(99, &of_100)), (49.5, 49.0, 98.0));
        assert_eq!((average(&[7.0]), within(50, &[7.0]), within(99, &[7.0])), (7.0, 7.0, 7.0));
    }
}
