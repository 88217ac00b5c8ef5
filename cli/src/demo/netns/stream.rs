//! A TCP stream of known octets, checked at its far end. That it runs through a tunnel is not known here.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::demo::transfer::Transferred;

/// The octets repeat after so many: a prime, so that no packet size divides it.
const PERIOD: usize = 65_521;

/// Octets written or read at once.
const PIECE_LEN: usize = 64 << 10;

/// The octets from any place in the stream on.
struct Pattern(Vec<u8>);

impl Pattern {
    fn new() -> Self {
        // The squares of a prime's residues look random enough: no two periods of a shorter length agree.
        let octet = |place: usize| (place * place % PERIOD) as u8;
        Self((0..PERIOD + PIECE_LEN).map(octet).collect())
    }

    /// `len` is at most [`PIECE_LEN`].
    fn at(&self, place: u64, len: usize) -> &[u8] {
        &self.0[(place % PERIOD as u64) as usize..][..len]
    }
}

/// Sends so many octets and waits until the far end has taken all; `progress` is told how many have left.
pub(super) fn send(
    mut stream: TcpStream,
    octets: u64,
    mut progress: impl FnMut(u64),
) -> io::Result<Duration> {
    let pattern = Pattern::new();
    let started = Stopwatch::start();
    let mut sent = 0;
    while sent < octets {
        let len = (octets - sent).min(PIECE_LEN as u64) as usize;
        stream.write_all(pattern.at(sent, len))?;
        sent += len as u64;
        progress(sent);
    }
    stream.shutdown(Shutdown::Write)?;
    // The far end hangs up when it has read everything.
    stream.read_to_end(&mut Vec::new())?;
    Ok(started.elapsed())
}

/// What arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Received {
    octets: u64,
    /// Pieces that were other than sent.
    corrupt: u64,
}

impl Received {
    /// Compared with what was sent.
    pub(super) fn against(self, sent: u64, elapsed: Duration) -> Transferred {
        let Self { octets, corrupt } = self;
        Transferred { octets, elapsed, lost: sent.saturating_sub(octets), corrupt }
    }
}

/// Reads to the end and checks every octet.
pub(super) fn receive(mut stream: impl Read) -> io::Result<Received> {
    let pattern = Pattern::new();
    let mut buffer = vec![0; PIECE_LEN];
    let mut received = Received { octets: 0, corrupt: 0 };
    loop {
        let len = stream.read(&mut buffer)?;
        if len == 0 {
            return Ok(received);
        }
        if buffer[..len] != *pattern.at(received.octets, len) {
            received.corrupt += 1;
        }
        received.octets += len as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn every_octet_is_checked() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let receiver = thread::spawn(move || receive(listener.accept().unwrap().0).unwrap());
        let mut last = 0;
        send(stream, 1_000_003, |sent| last = sent).unwrap();
        assert_eq!(last, 1_000_003);
        assert_eq!(receiver.join().unwrap(), Received { octets: 1_000_003, corrupt: 0 });
    }

    #[test]
    fn one_wrong_octet_is_noticed() {
        let mut octets = Pattern::new().at(0, 1000).to_vec();
        octets[999] ^= 1;
        assert_eq!(receive(octets.as_slice()).unwrap(), Received { octets: 1000, corrupt: 1 });
    }
}
