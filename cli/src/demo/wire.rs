//! A pair of connected sockets that stands in for a TUN device: the tunnel has one end, the demo's own little
//! host the other. One packet a message, in order, and none is lost.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Octets that each direction may hold; the system may allow less.
const BUFFER_LEN: usize = 4 << 20;

/// Linux bounds queues of datagrams by their number, about ten, and of sequenced packets by their octets; macOS
/// has no such sockets.
const KIND: Type = if cfg!(target_os = "linux") { Type::SEQPACKET } else { Type::DGRAM };

/// The host's end.
#[derive(Debug)]
pub(crate) struct Wire(UnixDatagram);

impl From<OwnedFd> for Wire {
    fn from(end: OwnedFd) -> Self {
        Self(end.into())
    }
}

impl Wire {
    /// The host's end, and the one to hand to a tunnel.
    pub(crate) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = Socket::pair(Domain::UNIX, KIND, None)?;
        for end in [&ours, &theirs] {
            end.set_send_buffer_size(BUFFER_LEN)?;
            end.set_recv_buffer_size(BUFFER_LEN)?;
        }
        Ok((OwnedFd::from(ours).into(), theirs.into()))
    }

    /// Another handle on the same end.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Waits while the tunnel takes no more.
    pub(crate) fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.0.send(packet).map(drop)
    }

    /// Waits for a packet without end. `None`: either end was closed.
    pub(crate) fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<Option<&'b [u8]>> {
        let len = self.0.recv(buffer)?;
        Ok((len != 0).then(|| &buffer[..len]))
    }

    /// Waits so long at most. `None`: nothing came.
    pub(crate) fn receive_within<'b>(
        &self,
        limit: Duration,
        buffer: &'b mut [u8],
    ) -> io::Result<Option<&'b [u8]>> {
        self.0.set_read_timeout(Some(limit))?;
        match self.0.recv(buffer) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(len) => Ok(Some(&buffer[..len])),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Ends every wait, on every handle of this end.
    pub(crate) fn close(&self) {
        // The other end may have been closed already, which is as good.
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_keep_their_bounds_and_order() {
        let (ours, theirs) = Wire::pair().unwrap();
        let theirs = Wire::from(theirs);
        for packet in [&b"first"[..], b"second", b"3"] {
            ours.send(packet).unwrap();
        }
        let mut buffer = [0; 16];
        for packet in [&b"first"[..], b"second", b"3"] {
            assert_eq!(theirs.receive(&mut buffer).unwrap(), Some(packet));
        }
        let limit = Duration::from_millis(1);
        assert_eq!(theirs.receive_within(limit, &mut buffer).unwrap(), None);
    }

    #[test]
    fn closing_ends_a_wait() {
        let (ours, _theirs) = Wire::pair().unwrap();
        let waiting = ours.try_clone().unwrap();
        let waiter = std::thread::spawn(move || waiting.receive(&mut [0; 16]).unwrap().is_none());
        ours.close();
        assert!(waiter.join().unwrap());
    }
}
