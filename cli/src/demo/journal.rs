//! What the client's tunnel tells while it connects, with the time at which it told it.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use adit_core::device::{Event, Hooks, Observer};

use crate::clock::Stopwatch;

/// A handshake is tried again after five seconds; two tries are enough on one machine.
const CONNECT_LIMIT: Duration = Duration::from_secs(12);

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// Nobody to tell.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
    /// No answer.
    #[error("no handshake within {} s", CONNECT_LIMIT.as_secs())]
    TimedOut,
}

/// The reader's side.
pub(crate) struct Journal(Receiver<(Duration, Event)>);

/// The tunnel's side.
struct Scribe {
    since: Stopwatch,
    pages: Sender<(Duration, Event)>,
}

impl Observer for Scribe {
    fn on_event(&self, event: Event) {
        // Nobody reads on once the tunnel has connected.
        let _ = self.pages.send((self.since.elapsed(), event));
    }
}

impl Journal {
    /// A journal, and the hooks that fill it. Its time begins now.
    pub(crate) fn new() -> (Self, Hooks) {
        let (pages, read) = channel();
        let scribe = Scribe { since: Stopwatch::start(), pages };
        (Self(read), Hooks { observer: Some(Arc::new(scribe)), ..Hooks::default() })
    }

    /// Writes every event up to the one that says that the tunnel has connected.
    pub(crate) fn write_until_connected(&self, out: &mut impl Write) -> Result<(), ConnectError> {
        loop {
            let (at, event) = self.0.recv_timeout(CONNECT_LIMIT).map_err(|_| ConnectError::TimedOut)?;
            writeln!(out, "    {:7.3} ms  {}", at.as_secs_f64() * 1e3, describe(&event))?;
            out.flush()?;
            if let Event::Connected { .. } = event {
                return Ok(());
            }
        }
    }
}

fn describe(event: &Event) -> String {
    match event {
        Event::Connecting { attempt, .. } => format!("handshake initiation {attempt} sent"),
        Event::Connected { .. } => "connected: authentic data came back".to_owned(),
        Event::EndpointChanged { endpoint, .. } => format!("the peer is at {endpoint} now"),
        Event::NoAnswer { .. } => "no answer".to_owned(),
        Event::Failed { reason } => format!("failed: {reason}"),
        other => format!("{other:?}"),
    }
}
