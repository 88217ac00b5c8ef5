//! Serves `wg` and its like on a UAPI socket. Whatever a client sends or does not send, it holds up nobody
//! else. What a device is, only the [`Backend`] knows.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use adit_core::uapi::{
    DeviceStatus, Errno as Uapi, Operation, Request, RequestReader, Set, write_status_in_pieces,
};
use nix::errno::Errno;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{AbortHandle, JoinSet, spawn_blocking};
use zeroize::Zeroizing;

use crate::uapi_client::zone_index;

/// Clients at one time. A further one takes the place of whichever has been idle longest.
const MAX_CLIENTS: usize = 32;

/// Rest after a connection could not be accepted, as when descriptors run out.
const ACCEPT_REST: Duration = Duration::from_secs(1);

/// What a client gets for reading and changing.
pub(crate) trait Backend: 'static {
    /// How the device stands.
    async fn status(&self) -> Result<DeviceStatus, Errno>;

    /// Changes it, all or nothing.
    async fn apply(&self, set: Set) -> Result<(), Errno>;
}

/// Serves until it is dropped, and with it every client's connection. To be run on a `LocalSet`.
pub(crate) async fn serve<B: Backend>(listener: UnixListener, backend: Rc<B>) -> Infallible {
    let mut clients = Clients::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => clients.admit(stream, &backend),
            Err(_) => rest().await,
        }
    }
}

/// tokio's timers stop while a machine sleeps and are not used here; a thread may sleep.
async fn rest() {
    // Only a panic of `sleep` would make an error.
    let _ = spawn_blocking(|| thread::sleep(ACCEPT_REST)).await;
}

/// Who is connected. Dropping it hangs up on all.
#[derive(Default)]
struct Clients {
    tasks: JoinSet<()>,
    seats: Vec<Seat>,
    /// Counts what happens, so that it can be told what happened longer ago.
    events: Rc<Cell<u64>>,
}

struct Seat {
    task: AbortHandle,
    activity: Rc<Cell<Activity>>,
}

/// What goes on at a connection.
#[derive(Clone, Copy)]
enum Activity {
    /// The client is waited for, since this event.
    Idle { since: u64 },
    /// The device is at work for it.
    Working,
}

impl Clients {
    /// Seats a client, in the place of the one longest idle when all are taken. While the device works for every
    /// one of them, the newcomer is turned away.
    fn admit<B: Backend>(&mut self, stream: UnixStream, backend: &Rc<B>) {
        while self.tasks.try_join_next().is_some() {}
        self.seats.retain(|seat| !seat.task.is_finished());
        if self.seats.len() == MAX_CLIENTS {
            let Some(longest_idle) = self.longest_idle() else {
                return;
            };
            self.seats.swap_remove(longest_idle).task.abort();
        }
        let activity = Rc::new(Cell::new(Activity::Idle { since: next(&self.events) }));
        let client = Client {
            stream,
            backend: Rc::clone(backend),
            activity: Rc::clone(&activity),
            events: Rc::clone(&self.events),
        };
        let task = self.tasks.spawn_local(async {
            // A client that hung up has nobody to tell.
            let _ = client.converse().await;
        });
        self.seats.push(Seat { task, activity });
    }

    fn longest_idle(&self) -> Option<usize> {
        let idle = self.seats.iter().enumerate().filter_map(|(index, seat)| match seat.activity.get() {
            Activity::Idle { since } => Some((since, index)),
            Activity::Working => None,
        });
        idle.min().map(|(_, index)| index)
    }
}

fn next(events: &Cell<u64>) -> u64 {
    events.set(events.get() + 1);
    events.get()
}

/// One connection.
struct Client<B> {
    stream: UnixStream,
    backend: Rc<B>,
    activity: Rc<Cell<Activity>>,
    events: Rc<Cell<u64>>,
}

impl<B: Backend> Client<B> {
    /// Answers one request after another, until the client hangs up or cannot be followed any more.
    async fn converse(mut self) -> io::Result<()> {
        let mut reader = RequestReader::new(zone_index);
        let mut buffer = Zeroizing::new(vec![0; 4096]);
        loop {
            let received = self.stream.read(&mut buffer).await?;
            if received == 0 {
                return self.part(&reader).await;
            }
            let mut input = &buffer[..received];
            while !input.is_empty() {
                match reader.read(&mut input) {
                    Ok(None) => {}
                    Ok(Some(request)) => self.answer(request).await?,
                    Err(error) => {
                        self.stream.write_all(error.answer().as_bytes()).await?;
                        if !error.is_recoverable() {
                            return Ok(());
                        }
                    }
                }
            }
        }
    }

    async fn answer(&mut self, request: Request) -> io::Result<()> {
        self.activity.set(Activity::Working);
        let (operation, done) = match request {
            Request::Get => (Operation::Get, self.backend.status().await.map(Some)),
            Request::Set(set) => (Operation::Set, self.backend.apply(set).await.map(|()| None)),
        };
        self.activity.set(Activity::Idle { since: next(&self.events) });
        let errno = match done {
            Ok(Some(status)) => return self.tell(&status).await,
            Ok(None) => 0,
            Err(errno) => errno as i32,
        };
        self.stream.write_all(operation.answer(errno).as_bytes()).await
    }

    /// Piece by piece: a client that reads slowly is not waited for with the text of all peers.
    async fn tell(&mut self, status: &DeviceStatus) -> io::Result<()> {
        for piece in write_status_in_pieces(status) {
            self.stream.write_all(piece.as_bytes()).await?;
        }
        Ok(())
    }

    /// A request that was cut off is not done, and a client that still listens is told.
    async fn part(&mut self, reader: &RequestReader) -> io::Result<()> {
        if reader.is_within_request() {
            let answer = Operation::Set.answer(Uapi::Protocol.number());
            self.stream.write_all(answer.as_bytes()).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
