//! iperf3, unmodified: what it is asked and what it answers.

use serde_json::Value;
use xshell::Shell;

use super::tunnel::{ADDRESSES, Tunnel};
use crate::error::Error;

/// What a TCP run moved.
#[derive(Debug, PartialEq)]
pub(super) struct Tcp {
    /// Octets that the receiver had.
    pub received: f64,
    /// For which it ran.
    pub seconds: f64,
    /// Segments that the sender sent again.
    pub retransmitted: f64,
    /// About how many it sent at all: what it sent by the largest segment that the path takes.
    pub segments: f64,
}

impl Tcp {
    /// Gbit/s.
    pub(super) fn rate(&self) -> f64 {
        self.received * 8.0 / self.seconds / 1e9
    }
}

/// Sends from the client to the server for some seconds, with more options of iperf3's.
pub(super) fn tcp(sh: &Shell, tunnel: &Tunnel, seconds: u32, options: &[&str]) -> Result<Tcp, Error> {
    let report = run(sh, tunnel, seconds, options)?;
    parse_tcp(&report).ok_or(Error::Output { program: "iperf3", text: report })
}

fn run(sh: &Shell, tunnel: &Tunnel, seconds: u32, options: &[&str]) -> Result<String, Error> {
    let [_, server] = ADDRESSES;
    let (time, limit) = (seconds.to_string(), (seconds + 30).to_string());
    let words = ["timeout", &limit, "iperf3", "--json", "-c", server, "-t", &time];
    Ok(tunnel.netns[0].command(sh, &[&words, options].concat()).read()?)
}

fn parse_tcp(report: &str) -> Option<Tcp> {
    let report: Value = serde_json::from_str(report).ok()?;
    let (sent, received) = (&report["end"]["sum_sent"], &report["end"]["sum_received"]);
    let segment = report["start"]["tcp_mss_default"].as_f64()?;
    Some(Tcp {
        received: received["bytes"].as_f64()?,
        seconds: received["seconds"].as_f64()?,
        retransmitted: sent["retransmits"].as_f64()?,
        segments: sent["bytes"].as_f64()? / segment,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tcp_report_says_what_was_received_and_what_was_sent_again() {
        let report = r#"{"start": {"tcp_mss_default": 1000}, "end": {
            "sum_sent": {"bytes": 50000, "seconds": 2.0, "retransmits": 3, "sender": true},
            "sum_received": {"bytes": 40000, "seconds": 2.5, "sender": true}}}"#;
        let tcp = parse_tcp(report).expect("whole");
        assert_eq!(tcp, Tcp { received: 40_000.0, seconds: 2.5, retransmitted: 3.0, segments: 50.0 });
        assert_eq!(tcp.rate(), 0.000_128);
    }

    #[test]
    fn a_report_of_a_failure_is_none() {
        assert_eq!(parse_tcp(r#"{"start": {}, "end": {}, "error": "unable to connect"}"#), None);
        assert_eq!(parse_tcp("iperf3: error"), None);
    }
}
