//! Traffic whose both ends are counted or compared: iperf3, and a transfer of known content.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::netns::Netns;
use super::wait::{LONG, holds, until};

const IPERF_PORT: u16 = 5201;
const CONTENT_PORT: u16 = 5202;
const CONTENT_OCTETS: usize = 4 << 20;

/// What one side sent and what arrived at the other, as each counted it.
#[derive(Debug)]
pub(crate) struct Moved {
    /// Octets.
    pub sent: u64,
    /// Octets.
    pub received: u64,
}

impl Moved {
    /// Fails unless all that was sent has arrived, but for what a sender's buffers may still have held at the
    /// end of an iperf3 run.
    #[track_caller]
    pub(crate) fn assert_tcp(&self, wanted: u64) {
        const BUFFERS: u64 = 8 << 20;
        assert!(self.sent >= wanted && self.received <= self.sent, "{self:?} of {wanted}");
        assert!(self.received + BUFFERS >= self.sent, "{self:?} of {wanted}");
    }

    /// Fails if more than one datagram in a hundred is lost, or if any came that was not sent.
    #[track_caller]
    pub(crate) fn assert_udp(&self) {
        assert!(self.sent > 0 && self.received <= self.sent, "{self:?}");
        assert!(self.received * 100 >= self.sent * 99, "{self:?}");
    }
}

/// Moves this many octets by TCP.
pub(crate) fn tcp(from: &Netns, to: &Netns, address: &str, octets: u64) -> Moved {
    iperf(from, to, address, &format!("-n {octets}"))
}

/// Moves datagrams of 1,200 octets for a second, at a rate that every machine manages.
pub(crate) fn udp(from: &Netns, to: &Netns, address: &str) -> Moved {
    iperf(from, to, address, "-u -b 20M -l 1200 -t 1")
}

fn iperf(from: &Netns, to: &Netns, address: &str, words: &str) -> Moved {
    let mut server = to.command("timeout");
    server.args(["60", "iperf3", "-s", "-1", "-J", "--bind", address]);
    let server = server.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("iperf3");
    until("iperf3 listens", LONG, || {
        holds(!to.run(&format!("ss -Hltn sport = :{IPERF_PORT}")).trim().is_empty())
    });
    let client = from.run(&format!("iperf3 -J -c {address} {words}"));
    let server = server.wait_with_output().expect("iperf3's output");
    Moved {
        sent: octets(&client, "sum_sent"),
        received: octets(&String::from_utf8_lossy(&server.stdout), "sum_received"),
    }
}

fn octets(report: &str, sum: &str) -> u64 {
    let json: Value = serde_json::from_str(report).unwrap_or_else(|error| panic!("{error}: {report}"));
    json["end"][sum]["bytes"].as_u64().unwrap_or_else(|| panic!("no end.{sum}.bytes: {report}"))
}

/// Sends content through TCP that no mistake in a packet's order, length or place leaves equal. Returns the address
/// that the receiver sees it come from.
pub(crate) fn transfer_content(from: &Netns, to: &Netns, address: &str) -> IpAddr {
    let address = SocketAddr::new(address.parse::<IpAddr>().expect("an address"), CONTENT_PORT);
    let listener = to.inside(|| TcpListener::bind(address)).expect("the address is this end's");
    let content: Vec<u8> = aperiodic().take(CONTENT_OCTETS).collect();
    let (received, sender) = std::thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            let (mut stream, sender) = listener.accept()?;
            stream.set_read_timeout(Some(LONG))?;
            let mut received = Vec::new();
            stream.read_to_end(&mut received)?;
            std::io::Result::Ok((received, sender))
        });
        from.inside(|| {
            let mut stream = TcpStream::connect_timeout(&address, LONG)?;
            stream.set_write_timeout(Some(Duration::from_secs(10)))?;
            stream.write_all(&content)
        })
        .expect("the other end takes the content");
        receiver.join().expect("no panic").expect("the content arrives")
    });
    assert_eq!(received.len(), content.len(), "octets received and sent");
    assert!(received == content, "the content has changed on its way");
    sender.ip()
}

/// A fixed sequence without a period that a test could notice: a linear congruential generator's upper octets.
pub(crate) fn aperiodic() -> impl Iterator<Item = u8> {
    let mut state = 1_u64;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
}
