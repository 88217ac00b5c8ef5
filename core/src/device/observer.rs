//! Events on their way to the app's observer: through a bounded queue to a thread that exists only if there is an
//! observer, so that the driver never waits for the app.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use super::event::Event;
use super::hooks::Observer;

/// Events that may wait for a slow observer.
const QUEUE_LEN: usize = 256;

/// The driver's end of the queue. When the last clone is dropped, what waits is still told, and the thread ends.
#[derive(Clone)]
pub(super) struct Notifier(Option<SyncSender<Event>>);

impl Notifier {
    /// Starts the observer's thread, if there is an observer.
    pub(super) fn new(observer: Option<Arc<dyn Observer>>) -> io::Result<Self> {
        let Some(observer) = observer else { return Ok(Self(None)) };
        let (sender, events) = sync_channel(QUEUE_LEN);
        thread::Builder::new().name("adit-observer".to_owned()).spawn(move || {
            for event in events {
                // A defect of the app: the next event may do better.
                let _ = catch_unwind(AssertUnwindSafe(|| observer.on_event(event)));
            }
        })?;
        Ok(Self(Some(sender)))
    }

    /// False when the event is lost, because too many wait.
    pub(super) fn notify(&self, event: Event) -> bool {
        self.0.as_ref().is_none_or(|queue| queue.try_send(event).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::key::PublicKey;

    fn connecting(attempt: u32) -> Event {
        Event::Connecting { peer: PublicKey::from_bytes([1; 32]), attempt }
    }

    /// Passes on the attempt of each event once the test lets it; panics at attempt 2.
    struct Gate {
        open: Mutex<Receiver<()>>,
        seen: Sender<u32>,
    }

    impl Observer for Gate {
        fn on_event(&self, event: Event) {
            self.open.lock().unwrap().recv().unwrap();
            let Event::Connecting { attempt, .. } = event else { unreachable!() };
            assert_ne!(attempt, 2, "a defect of the app");
            self.seen.send(attempt).unwrap();
        }
    }

    fn gate() -> (Notifier, Sender<()>, Receiver<u32>) {
        let (open, gate) = channel();
        let (seen, attempts) = channel();
        let observer = Gate { open: Mutex::new(gate), seen };
        (Notifier::new(Some(Arc::new(observer))).unwrap(), open, attempts)
    }

    #[test]
    fn events_arrive_in_order_and_those_that_wait_survive_the_driver() {
        let (notifier, open, attempts) = gate();
        for attempt in [3, 4, 5] {
            assert!(notifier.notify(connecting(attempt)));
        }
        drop(notifier);
        for attempt in [3, 4, 5] {
            open.send(()).unwrap();
            assert_eq!(attempts.recv().unwrap(), attempt);
        }
        // The thread ends, and with it the observer.
        assert!(attempts.recv().is_err());
    }

    #[test]
    fn a_slow_observer_loses_events_and_the_driver_is_told() {
        let (notifier, _open, _attempts) = gate();
        let lost = (0..QUEUE_LEN as u32 + 10).filter(|_| !notifier.notify(connecting(1))).count();
        // One more than the queue holds may be with the observer already.
        assert!((9..=10).contains(&lost), "{lost}");
    }

    #[test]
    fn a_panic_of_the_observer_costs_one_event() {
        let (notifier, open, attempts) = gate();
        for attempt in [1, 2, 3] {
            notifier.notify(connecting(attempt));
            open.send(()).unwrap();
        }
        assert_eq!([attempts.recv().unwrap(), attempts.recv().unwrap()], [1, 3]);
    }
}
