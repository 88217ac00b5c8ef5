//! Pings the far host through the tunnel and tells the times as `ping` does.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use super::packet::{self, Content, Echo, Malformed, Route};
use super::transfer::PACKET_LEN;
use super::wire::Wire;
use crate::clock::Stopwatch;

/// Octets of data, as `ping` sends.
const DATA: [u8; 56] = [0xad; 56];

/// Which of the host's pings these are; there are no others.
const IDENTIFIER: u16 = 1;

/// How long a reply is waited for.
const REPLY_LIMIT: Duration = Duration::from_secs(10);

/// Between two pings.
const PAUSE: Duration = Duration::from_millis(200);

/// Why a ping failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PingError {
    /// The tunnel's socket, or the output, failed.
    #[error("cannot ping: {0}")]
    Io(#[from] io::Error),
    /// What came back is no packet.
    #[error("a packet came back broken: {0}")]
    Malformed(#[from] Malformed),
    /// No reply came.
    #[error("no reply to ping {sequence} within {} s", REPLY_LIMIT.as_secs())]
    NoReply {
        /// Its sequence number.
        sequence: u16,
    },
}

/// One host that pings another.
pub(crate) struct Pinger<'w> {
    wire: &'w Wire,
    route: Route,
    packet: Vec<u8>,
}

impl<'w> Pinger<'w> {
    pub(crate) fn new(wire: &'w Wire, route: Route) -> Self {
        Self { wire, route, packet: Vec::new() }
    }

    /// Pings so often and writes what `ping` writes.
    pub(crate) fn ping(&mut self, count: u16, out: &mut impl Write) -> Result<(), PingError> {
        let Route { destination, .. } = self.route;
        writeln!(out, "    PING {destination} ({destination}) {} bytes of data.", DATA.len())?;
        out.flush()?;
        let mut times = Vec::new();
        for sequence in 1..=count {
            thread::sleep(PAUSE);
            let sent = Stopwatch::start();
            self.send(sequence)?;
            let (ttl, time) = self.receive(sequence, sent)?;
            let time = milliseconds(time);
            let len = 8 + DATA.len();
            writeln!(
                out,
                "    {len} bytes from {destination}: icmp_seq={sequence} ttl={ttl} time={time:.3} ms"
            )?;
            out.flush()?;
            times.push(time);
        }
        let least = times.iter().copied().fold(f64::INFINITY, f64::min);
        let most = times.iter().copied().fold(0.0, f64::max);
        let mean = times.iter().sum::<f64>() / f64::from(count);
        writeln!(out, "    {count} packets transmitted, {} received", times.len())?;
        writeln!(out, "    rtt min/avg/max = {least:.3}/{mean:.3}/{most:.3} ms")?;
        Ok(())
    }

    /// Sends one request.
    pub(crate) fn send(&mut self, sequence: u16) -> io::Result<()> {
        let echo = Echo { identifier: IDENTIFIER, sequence, data: &DATA };
        packet::write_echo_request(&mut self.packet, self.route, echo);
        self.wire.send(&self.packet)
    }

    /// Waits for its reply, every octet as sent: the reply's time to live, and the time since `sent`.
    pub(crate) fn receive(&self, sequence: u16, sent: Stopwatch) -> Result<(u8, Duration), PingError> {
        let wanted = Content::EchoReply(Echo { identifier: IDENTIFIER, sequence, data: &DATA });
        let mut buffer = [0; PACKET_LEN];
        while let Some(received) = self.wire.receive_within(REPLY_LIMIT, &mut buffer)? {
            let packet = packet::parse(received)?;
            if packet.route == self.route.back() && packet.content == wanted {
                return Ok((packet.ttl, sent.elapsed()));
            }
        }
        Err(PingError::NoReply { sequence })
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::host::Host;
    use std::net::Ipv4Addr;

    #[test]
    fn a_host_behind_a_wire_answers() {
        // Two hosts on one wire, without a tunnel between.
        let (near, far) = Wire::pair().unwrap();
        let _host = Host::spawn(Wire::from(far)).unwrap();
        let route = Route { source: Ipv4Addr::new(10, 0, 0, 2), destination: Ipv4Addr::new(10, 0, 0, 1) };
        let mut out = Vec::new();
        Pinger::new(&near, route).ping(2, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("64 bytes from 10.0.0.1: icmp_seq=2 ttl=64 time="), "{text}");
        assert!(text.contains("2 packets transmitted, 2 received"), "{text}");
    }
}
