//! When sockets that the system has taken away are replaced: at once, and where that comes to nothing, again after a while.

use std::time::Duration;

use crate::proto::time::Time;

/// Between two attempts: sockets that nobody can have are not asked for without end.
const PAUSE: Duration = Duration::from_secs(5);

/// The next attempt, and the last one.
#[derive(Default)]
pub(super) struct Renewal {
    due: Option<Time>,
    last: Option<Time>,
}

impl Renewal {
    /// There is need of sockets.
    pub(super) fn ask(&mut self, now: Time) {
        self.due = Some(self.last.map_or(now, |last| now.max(last + PAUSE)));
    }

    /// There are new ones.
    pub(super) fn cancel(&mut self) {
        self.due = None;
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.due
    }

    /// Whether to attempt it now.
    pub(super) fn take_due(&mut self, now: Time) -> bool {
        let due = self.due.take_if(|due| *due <= now);
        if due.is_some() {
            self.last = Some(now);
        }
        due.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attempt_is_at_once_and_the_next_ones_follow_pauses() {
        let at = |seconds| Time::from_origin(Duration::from_secs(seconds));
        let mut renewal = Renewal::default();
        assert!(!renewal.take_due(at(9)), "nothing is needed");
        renewal.ask(at(10));
        assert!(renewal.take_due(at(10)) && !renewal.take_due(at(10)));
        renewal.ask(at(11));
        assert!(!renewal.take_due(at(14)));
        assert_eq!(renewal.poll_timeout(), Some(at(15)));
        assert!(renewal.take_due(at(15)));
        renewal.ask(at(60));
        assert!(renewal.take_due(at(60)), "a while has passed already");
        renewal.ask(at(61));
        renewal.cancel();
        assert_eq!(renewal.poll_timeout(), None);
    }
}
