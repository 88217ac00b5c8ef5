//! ping, unmodified: how long each answer took.

use xshell::Shell;

use super::tunnel::{ADDRESSES, Tunnel};
use crate::error::Error;

/// Microseconds.
#[derive(Debug, PartialEq)]
pub(super) struct Times {
    pub average: f64,
    /// 99 of 100 took no longer.
    pub within_99: f64,
}

/// 1,000 echo requests, one in 5 ms. The system moves ping and the daemons between processors every few 100 ms, and an answer
/// takes twice as long where one must be woken; less than this shows such a phase rather than the daemons.
pub(super) fn ping(sh: &Shell, tunnel: &Tunnel) -> Result<Times, Error> {
    let [_, server] = ADDRESSES;
    let words = ["ping", "-n", "-i", "0.005", "-c", "1000", "-w", "30", server];
    // It fails where one answer is missing at the end of its time.
    let report = tunnel.netns[0].command(sh, &words).ignore_status().read()?;
    times(&report).ok_or(Error::Output { program: "ping", text: report })
}

/// Of all answers; `None` if there is none.
fn times(report: &str) -> Option<Times> {
    let mut times: Vec<f64> = report.lines().filter_map(time).collect();
    times.sort_by(f64::total_cmp);
    // The nearest rank.
    let rank = (times.len() * 99).div_ceil(100);
    let within_99 = *times.get(rank.checked_sub(1)?)?;
    Some(Times { average: times.iter().sum::<f64>() / times.len() as f64, within_99 })
}

/// Of `64 bytes from 10.77.0.2: icmp_seq=1 ttl=64 time=0.286 ms`.
fn time(line: &str) -> Option<f64> {
    let (milliseconds, _) = line.split_once(" time=")?.1.split_once(" ms")?;
    Some(milliseconds.parse::<f64>().ok()? * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(milliseconds: impl Iterator<Item = u32>) -> String {
        let answers = milliseconds
            .map(|time| format!("64 bytes from 10.77.0.2: icmp_seq={time} ttl=64 time={time}.500 ms\n"));
        format!("PING 10.77.0.2 (10.77.0.2) 56(84) bytes of data.\n{}\n", answers.collect::<String>())
    }

    #[test]
    fn the_average_and_the_99th_of_100() {
        let of_100 = times(&report(0..100)).expect("answers");
        assert_eq!(of_100, Times { average: 50_000.0, within_99: 98_500.0 });
        let of_one = times(&report(7..8)).expect("an answer");
        assert_eq!(of_one, Times { average: 7_500.0, within_99: 7_500.0 });
    }

    #[test]
    fn no_answer_is_no_time() {
        assert_eq!(times(&report(0..0)), None);
    }
}
