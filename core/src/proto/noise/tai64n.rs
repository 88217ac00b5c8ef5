//! The timestamp of a handshake initiation (section 5.1): TAI64N, cut to steps of 2^24 ns so that it tells little
//! of the sender's clock, and never the same twice.

use core::time::Duration;

use crate::proto::wire::message::TIMESTAMP_LEN;

/// The TAI64 label of the Unix epoch: 2^62, and the 10 s by which TAI was ahead then.
const UNIX_EPOCH: u64 = (1 << 62) + 10;
/// What is told of the time: steps of 2^24 ns, about 17 ms.
const STEP_NANOS: u32 = 1 << 24;
const NANOS_PER_SECOND: u32 = 1_000_000_000;

/// 8 octets of seconds and 4 of nanoseconds, big-endian: octets in order are time in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tai64n([u8; TIMESTAMP_LEN]);

impl Tai64n {
    pub(crate) fn from_bytes(bytes: [u8; TIMESTAMP_LEN]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; TIMESTAMP_LEN] {
        &self.0
    }

    /// The next one to send: what the wall clock says, but always later than the last one sent, whatever the
    /// clock was set to meanwhile.
    pub(crate) fn next(last: Option<Self>, unix: Duration) -> Self {
        let told = Self::from_unix(unix);
        last.map_or(told, |last| told.max(last.step()))
    }

    fn from_unix(unix: Duration) -> Self {
        Self::new(UNIX_EPOCH.saturating_add(unix.as_secs()), unix.subsec_nanos() / STEP_NANOS * STEP_NANOS)
    }

    fn new(seconds: u64, nanos: u32) -> Self {
        let mut bytes = [0; TIMESTAMP_LEN];
        bytes[..8].copy_from_slice(&seconds.to_be_bytes());
        bytes[8..].copy_from_slice(&nanos.to_be_bytes());
        Self(bytes)
    }

    fn step(self) -> Self {
        let [s0, s1, s2, s3, s4, s5, s6, s7, n0, n1, n2, n3] = self.0;
        let seconds = u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]);
        let nanos = u32::from_be_bytes([n0, n1, n2, n3]) + STEP_NANOS;
        if nanos < NANOS_PER_SECOND {
            Self::new(seconds, nanos)
        } else {
            Self::new(seconds.saturating_add(1), 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_is_tais() {
        let bytes = *Tai64n::next(None, Duration::ZERO).as_bytes();
        assert_eq!(bytes, [0x40, 0, 0, 0, 0, 0, 0, 0x0a, 0, 0, 0, 0]);
    }

    #[test]
    fn nanoseconds_are_whitened() {
        let told = Tai64n::next(None, Duration::new(1, 999_999_999));
        assert_eq!(told, Tai64n::next(None, Duration::new(1, 59 * STEP_NANOS)));
    }

    #[test]
    fn a_clock_that_steps_back_does_not_stop_it() {
        let mut last = Tai64n::next(None, Duration::from_secs(1_000));
        for _ in 0..200 {
            let next = Tai64n::next(Some(last), Duration::from_secs(1));
            assert!(next > last);
            last = next;
        }
        // 200 steps of 17 ms, and the whole seconds they make, are not far ahead.
        assert!(last < Tai64n::next(None, Duration::from_secs(1_004)));
    }
}
