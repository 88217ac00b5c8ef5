//! iperf3, unmodified: what it is asked and what it answers.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;
use xshell::Shell;

use super::daemon::Running;
use super::process::Processor;
use super::tunnel::{ADDRESSES, Tunnel};
use super::wait::until;
use crate::error::Error;

/// What a TCP run moved.
#[derive(Debug, PartialEq)]
pub(super) struct Tcp {
    /// Octets that the receiver had.
    pub received: f64,
    /// For which it ran.
    pub seconds: f64,
    /// Segments that the sender sent again.
    pub sent_again: f64,
    /// About how many it sent at all: what it sent by the largest segment that the path takes.
    pub segments: f64,
    /// By both daemons.
    pub used: Processor,
}

impl Tcp {
    /// Gbit/s.
    pub(super) fn rate(&self) -> f64 {
        self.received * 8.0 / self.seconds / 1e9
    }

    /// Percent of all segments.
    pub(super) fn sent_again_share(&self) -> f64 {
        100.0 * self.sent_again / self.segments
    }
}

/// Sends from the client to the server for some seconds, with more options of iperf3's.
pub(super) fn tcp(sh: &Shell, tunnel: &Tunnel, seconds: u32, options: &[&str]) -> Result<Tcp, Error> {
    let (report, used) = run(sh, tunnel, seconds, options)?;
    parse_tcp(&report, used).ok_or(Error::Output { program: "iperf3", text: report })
}

/// What a UDP run delivered.
#[derive(Debug, PartialEq)]
pub(super) struct Udp {
    /// Datagrams that the receiver had.
    pub delivered: f64,
    pub seconds: f64,
    /// By both daemons.
    pub used: Processor,
}

/// Offers as many datagrams of this many octets as the client can, for some seconds.
pub(super) fn udp(sh: &Shell, tunnel: &Tunnel, seconds: u32, octets: u32) -> Result<Udp, Error> {
    let (report, used) = run(sh, tunnel, seconds, &["-u", "-b", "0", "-l", &octets.to_string()])?;
    parse_udp(&report, octets, used).ok_or(Error::Output { program: "iperf3", text: report })
}

/// A TCP stream that flows until this is dropped.
pub(super) fn stream(tunnel: &Tunnel) -> Result<Running, Error> {
    let [_, server] = ADDRESSES;
    let mut client = tunnel.netns[0].process("iperf3");
    // It is stopped long before.
    client.args(["-c", server, "-t", "600", "--forceflush"]);
    client.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = Running::spawn("iperf3", &mut client)?;
    // It writes such a line a second.
    let flows = running.output().is_some_and(|output| {
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        lines.any(|line| line.contains("bits/sec"))
    });
    if !flows {
        return Err(Error::Output { program: "iperf3", text: "no stream".to_owned() });
    }
    Ok(running)
}

/// The command that sends from the client for some seconds, and ends soon after at any rate.
pub(super) fn client(seconds: u32, options: &[&str]) -> Vec<String> {
    let [_, server] = ADDRESSES;
    let (time, limit) = (seconds.to_string(), (seconds + 30).to_string());
    let words = ["timeout", &limit, "iperf3", "--json", "-c", server, "-t", &time];
    words.iter().chain(options).map(|word| (*word).to_owned()).collect()
}

/// The report, and what both daemons used meanwhile. A server that is not done with the last client sends the next one
/// away: what has not begun is tried again.
fn run(sh: &Shell, tunnel: &Tunnel, seconds: u32, options: &[&str]) -> Result<(String, Processor), Error> {
    let words = client(seconds, options);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    until("iperf3", || {
        let before = tunnel.processor()?;
        let report = tunnel.netns[0].command(sh, &words).ignore_status().read()?;
        let used = tunnel.processor()? - before;
        Ok((!is_sent_away(&report)).then_some((report, used)))
    })
}

fn is_sent_away(report: &str) -> bool {
    let Ok(report) = serde_json::from_str::<Value>(report) else { return false };
    let connections = report["start"]["connected"].as_array();
    report["error"].is_string() && connections.is_none_or(Vec::is_empty)
}

fn parse_tcp(report: &str, used: Processor) -> Option<Tcp> {
    let report: Value = serde_json::from_str(report).ok()?;
    let (sent, received) = (&report["end"]["sum_sent"], &report["end"]["sum_received"]);
    let segment = report["start"]["tcp_mss_default"].as_f64()?;
    Some(Tcp {
        received: received["bytes"].as_f64()?,
        seconds: received["seconds"].as_f64()?,
        sent_again: sent["retransmits"].as_f64()?,
        segments: sent["bytes"].as_f64()? / segment,
        used,
    })
}

/// Of what the server has told the client.
fn parse_udp(report: &str, octets: u32, used: Processor) -> Option<Udp> {
    let report: Value = serde_json::from_str(report).ok()?;
    let received = &report["end"]["sum_received"];
    Some(Udp {
        delivered: received["bytes"].as_f64()? / f64::from(octets),
        seconds: received["seconds"].as_f64()?,
        used,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USED: Processor = Processor { user: 1.0, system: 2.0 };

    #[test]
    fn a_tcp_report_says_what_was_received_and_what_was_sent_again() {
        let report = r#"{"start": {"tcp_mss_default": 1000}, "end": {
            "sum_sent": {"bytes": 50000, "seconds": 2.0, "retransmits": 3, "sender": true},
            "sum_received": {"bytes": 40000, "seconds": 2.5, "sender": true}}}"#;
        let tcp = parse_tcp(report, USED).expect("whole");
        let expected = Tcp { received: 40_000.0, seconds: 2.5, sent_again: 3.0, segments: 50.0, used: USED };
        assert_eq!(tcp, expected);
        assert_eq!((tcp.rate(), tcp.sent_again_share()), (0.000_128, 6.0));
    }

    #[test]
    fn a_udp_report_says_what_the_server_had_not_what_the_client_sent() {
        let report = r#"{"end": {
            "sum": {"bytes": 64000, "packets": 1000, "lost_packets": 700, "sender": true},
            "sum_received": {"bytes": 19200, "seconds": 2.0, "packets": 1000, "sender": false}}}"#;
        let expected = Udp { delivered: 300.0, seconds: 2.0, used: USED };
        assert_eq!(parse_udp(report, 64, USED), Some(expected));
    }

    #[test]
    fn a_report_of_a_failure_is_none() {
        let failed = r#"{"start": {}, "end": {}, "error": "unable to connect"}"#;
        assert_eq!((parse_tcp(failed, USED), parse_udp(failed, 64, USED)), (None, None));
        assert_eq!(parse_tcp("iperf3: error", USED), None);
    }

    #[test]
    fn only_what_has_not_begun_is_tried_again() {
        assert!(is_sent_away(r#"{"start": {"connected": []}, "error": "the server is busy"}"#));
        assert!(!is_sent_away(r#"{"start": {"connected": [{"socket": 5}]}, "error": "interrupted"}"#));
        assert!(!is_sent_away(r#"{"start": {"connected": [{"socket": 5}]}, "end": {}}"#));
        assert!(!is_sent_away(""));
    }
}
