//! The replay window of section 5.4.6: which counters have been received, in a ring of bits that moves a word at
//! a time (the idea of RFC 6479).

const WORD_BITS: u64 = 64;
const WORDS: usize = 128;
/// How far behind the greatest counter another one may be. One word of the ring is always only partly behind.
pub(crate) const WINDOW: u64 = (WORDS as u64 - 1) * WORD_BITS;

/// Counters that were received. A counter is asked about before the message is opened and committed after.
pub(crate) struct ReplayWindow {
    greatest: u64,
    bits: [u64; WORDS],
}

/// The ring's word for a counter, and its bit there.
fn place(counter: u64) -> (usize, u64) {
    ((counter / WORD_BITS % WORDS as u64) as usize, 1 << (counter % WORD_BITS))
}

impl ReplayWindow {
    pub(crate) fn new() -> Self {
        Self { greatest: 0, bits: [0; WORDS] }
    }

    /// Whether this counter was not received yet and is not too far behind to tell.
    pub(crate) fn is_new(&self, counter: u64) -> bool {
        if counter > self.greatest {
            return true;
        }
        let (word, bit) = place(counter);
        self.greatest - counter < WINDOW && self.bits[word] & bit == 0
    }

    /// Marks a counter that [`Self::is_new`] as received.
    pub(crate) fn commit(&mut self, counter: u64) {
        debug_assert!(self.is_new(counter));
        if counter > self.greatest {
            let words = counter / WORD_BITS - self.greatest / WORD_BITS;
            for ahead in 1..=words.min(WORDS as u64) {
                let (word, _) = place(self.greatest.wrapping_add(ahead * WORD_BITS));
                self.bits[word] = 0;
            }
            self.greatest = counter;
        }
        let (word, bit) = place(counter);
        self.bits[word] |= bit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    fn receive(window: &mut ReplayWindow, counter: u64) -> bool {
        let new = window.is_new(counter);
        if new {
            window.commit(counter);
        }
        new
    }

    #[test]
    fn each_counter_is_taken_once() {
        let mut window = ReplayWindow::new();
        for counter in [0, 1, 3, 2, 1_000, 999, 9_126, u64::MAX - 8_000, u64::MAX] {
            assert!(receive(&mut window, counter), "{counter}");
            assert!(!receive(&mut window, counter), "{counter} again");
        }
    }

    #[test]
    fn the_window_reaches_8128_back_and_no_further() {
        for greatest in [8_128, 8_191, 8_192, 1 << 32, u64::MAX] {
            let mut window = ReplayWindow::new();
            assert!(receive(&mut window, greatest));
            assert!(window.is_new(greatest - 8_127), "behind {greatest}");
            assert!(!window.is_new(greatest - 8_128), "behind {greatest}");
        }
    }

    proptest! {
        /// Against a set of all counters ever taken.
        #[test]
        fn agrees_with_a_set(start in prop_oneof![Just(0), Just(u64::MAX - 40_000)],
                             steps in prop::collection::vec(prop_oneof![0..200u64, 0..40_000u64], 1..400)) {
            let mut window = ReplayWindow::new();
            let mut taken = BTreeSet::new();
            for step in steps {
                let counter = start + step;
                let greatest = taken.last().copied().unwrap_or(0);
                let new = !taken.contains(&counter) && greatest.saturating_sub(counter) < WINDOW;
                prop_assert_eq!(receive(&mut window, counter), new, "{} after {}", counter, greatest);
                if new {
                    taken.insert(counter);
                }
            }
        }
    }
}
