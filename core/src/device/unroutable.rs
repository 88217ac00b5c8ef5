//! What an application is told when no peer takes its packet: an ICMP error, as often as a host may send one. How the
//! error is written, `proto::wire::icmp` knows.

use std::time::Duration;

use crate::proto::time::Time;
use crate::proto::tunnel::Unroutable;
use crate::proto::wire::icmp;

/// Time that one answer uses up: 1,000 a second, and a burst of 50, are Linux's limits for a host.
const SHARE: Duration = Duration::from_millis(1);
const BURST: Duration = Duration::from_millis(50);

/// Writes the answers, and keeps their pace.
pub(super) struct Answers {
    used_up_to: Time,
    buffer: Box<[u8; icmp::MAX_LEN]>,
}

impl Answers {
    pub(super) fn new() -> Self {
        Self { used_up_to: Time::from_origin(Duration::ZERO), buffer: Box::new([0; icmp::MAX_LEN]) }
    }

    /// What goes back to the application that sent `packet`; `None` if it must not be answered, or not now.
    pub(super) fn answer(&mut self, packet: &[u8], error: Unroutable, now: Time) -> Option<&[u8]> {
        // Without a private key there is no tunnel yet, and what is no IP packet has no sender.
        if !matches!(error, Unroutable::NoPeer | Unroutable::NoEndpoint { .. }) {
            return None;
        }
        let start = self.used_up_to.max(now);
        if start - now >= BURST {
            return None;
        }
        let answer = icmp::unreachable(packet, &mut self.buffer)?;
        self.used_up_to = start + SHARE;
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_origin(Duration::from_millis(millis))
    }

    #[test]
    fn answers_keep_their_pace() {
        let mut packet = [0; 28];
        packet[..10].copy_from_slice(&[0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17]);
        packet[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
        let mut answers = Answers::new();
        let mut answered = |error, millis| answers.answer(&packet, error, at(millis)).is_some();
        assert_eq!((0..100).filter(|_| answered(Unroutable::NoPeer, 5_000)).count(), 50);
        assert_eq!((0..100).filter(|_| answered(Unroutable::NoPeer, 5_010)).count(), 10);
        assert!(!answered(Unroutable::NoPrivateKey, 9_000) && !answered(Unroutable::Malformed, 9_000));
    }
}
