//! A TCP connection with known content in both directions, slowly, for as long as a test wants it.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use super::load::aperiodic;
use super::netns::Netns;
use super::wait::{LONG, holds, until};

const PORT: u16 = 5203;
/// Octets that are written at once, and the pause after them: 100 KB/s each way.
const CHUNK: usize = 1000;
const PAUSE: Duration = Duration::from_millis(10);

/// A running connection. Both ends always have something to say.
pub(crate) struct Stream {
    directions: Vec<Direction>,
    over: Arc<AtomicBool>,
}

struct Direction {
    /// Octets that have arrived and are what was sent.
    arrived: Arc<AtomicU64>,
    sender: JoinHandle<io::Result<u64>>,
    receiver: JoinHandle<io::Result<u64>>,
}

impl Stream {
    pub(crate) fn open(from: &Netns, to: &Netns, address: &str) -> Self {
        let address = SocketAddr::new(address.parse::<IpAddr>().expect("an address"), PORT);
        let listener = to.inside(|| TcpListener::bind(address)).expect("the address is this end's");
        let near = from.inside(|| TcpStream::connect_timeout(&address, LONG)).expect("the other end listens");
        let (far, _) = listener.accept().expect("it is connected");
        let over = Arc::new(AtomicBool::new(false));
        let directions = [(&near, &far), (&far, &near)].map(|(from, to)| Direction::new(from, to, &over));
        Self { directions: directions.into(), over }
    }

    /// Waits until something sent from now on has arrived, in both directions.
    #[track_caller]
    pub(crate) fn moves_on(&self, when: &str) {
        for direction in &self.directions {
            let now = direction.arrived.load(Ordering::Relaxed);
            until(&format!("the stream moves on when {when}"), LONG, || {
                holds(direction.arrived.load(Ordering::Relaxed) >= now + 20 * CHUNK as u64)
            });
        }
    }

    /// Lets both ends come to theirs, and fails unless everything has arrived.
    pub(crate) fn close(mut self) {
        self.over.store(true, Ordering::Relaxed);
        for Direction { sender, receiver, .. } in self.directions.drain(..) {
            let sent = sender.join().expect("no panic").expect("the connection holds");
            let received = receiver.join().expect("no panic").expect("the connection holds");
            assert_eq!(received, sent, "octets received and sent");
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Direction {
    fn new(from: &TcpStream, to: &TcpStream, over: &Arc<AtomicBool>) -> Self {
        let arrived = Arc::new(AtomicU64::new(0));
        let clone = |stream: &TcpStream| stream.try_clone().expect("a second handle of our socket");
        let (mut from, mut to, over, count) =
            (clone(from), clone(to), Arc::clone(over), Arc::clone(&arrived));
        from.set_write_timeout(Some(LONG)).expect("a timeout can be set");
        to.set_read_timeout(Some(LONG)).expect("a timeout can be set");
        Self {
            arrived,
            sender: std::thread::spawn(move || send(&mut from, &over)),
            receiver: std::thread::spawn(move || receive(&mut to, &count)),
        }
    }
}

fn send(stream: &mut TcpStream, over: &AtomicBool) -> io::Result<u64> {
    let mut content = aperiodic();
    let mut sent = 0;
    while !over.load(Ordering::Relaxed) {
        let chunk: Vec<u8> = content.by_ref().take(CHUNK).collect();
        stream.write_all(&chunk)?;
        sent += CHUNK as u64;
        sleep(PAUSE);
    }
    stream.shutdown(Shutdown::Write)?;
    Ok(sent)
}

fn receive(stream: &mut TcpStream, arrived: &AtomicU64) -> io::Result<u64> {
    let mut content = aperiodic();
    let mut buffer = [0; 4096];
    loop {
        let octets = stream.read(&mut buffer)?;
        if octets == 0 {
            return Ok(arrived.load(Ordering::Relaxed));
        }
        let wanted: Vec<u8> = content.by_ref().take(octets).collect();
        assert!(buffer[..octets] == wanted, "the content has changed on its way");
        arrived.fetch_add(octets as u64, Ordering::Relaxed);
    }
}
