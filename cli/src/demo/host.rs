//! The little host behind the server's end of the tunnel: it answers pings and swallows a transfer, as an operating
//! system's network stack would behind a TUN device.

use std::io;
use std::thread::{self, JoinHandle};

use super::packet::{self, Content, Packet};
use super::transfer::{PACKET_LEN, Sink};
use super::wire::Wire;

/// A host on a thread of its own, which ends when this is dropped.
pub(crate) struct Host {
    wire: Wire,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Host {
    /// Answers whatever comes over the wire.
    pub(crate) fn spawn(wire: Wire) -> io::Result<Self> {
        let theirs = wire.try_clone()?;
        let thread = thread::Builder::new().name("demo-host".into()).spawn(move || serve(&theirs))?;
        Ok(Self { wire, thread: Some(thread) })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.wire.close();
        if let Some(thread) = self.thread.take() {
            // What it had to say, the transfer has found out: no answer came.
            let _ = thread.join();
        }
    }
}

/// Until the wire is closed.
fn serve(wire: &Wire) -> io::Result<()> {
    let mut sink = Sink::new();
    let (mut buffer, mut answer) = ([0; PACKET_LEN], Vec::with_capacity(PACKET_LEN));
    while let Some(received) = wire.receive(&mut buffer)? {
        if answer_packet(packet::parse(received), &mut sink, &mut answer) {
            wire.send(&answer)?;
        }
    }
    Ok(())
}

/// Whether `answer` is to be sent.
fn answer_packet(
    packet: Result<Packet<'_>, packet::Malformed>,
    sink: &mut Sink,
    answer: &mut Vec<u8>,
) -> bool {
    match packet {
        Ok(Packet { route, content: Content::EchoRequest(echo), .. }) => {
            packet::write_echo_reply(answer, route.back(), echo);
            true
        }
        Ok(Packet { route, content: Content::Datagram(datagram), .. }) => sink.take(route, datagram, answer),
        Ok(Packet { content: Content::EchoReply(_), .. }) => false,
        Err(_) => {
            sink.note_malformed();
            false
        }
    }
}
