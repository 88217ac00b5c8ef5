//! The Internet's checksum (RFC 1071), summed in parts.

/// What is summed at a time: enough for several vectors, so that none waits for the one before it.
const BLOCK_LEN: usize = 64;

/// A one's complement sum of 16-bit words as they stand in memory, neither folded nor complemented.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum(u64);

impl Sum {
    /// Of octets that begin at an even place; an odd last one is followed by a zero.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let (blocks, rest) = bytes.as_chunks::<BLOCK_LEN>();
        let mut lanes = Lanes::default();
        blocks.iter().for_each(|block| lanes.add(block));
        lanes.finish(rest)
    }

    /// Both, where the other begins at an even place, too.
    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// Both, where the other begins at an odd place: its octets change sides.
    pub(super) fn and_at_odd(self, other: Self) -> Self {
        Self(self.0 + u64::from(other.fold().swap_bytes()))
    }

    /// A number that stands in network order.
    pub(super) fn and_number(self, number: u16) -> Self {
        Self(self.0 + u64::from(number.to_be()))
    }

    /// What a header's field holds for somebody who goes on summing.
    pub(super) fn begun(self) -> [u8; 2] {
        self.fold().to_ne_bytes()
    }

    /// What a header's field holds in the end.
    pub(super) fn checksum(self) -> [u8; 2] {
        (!self.fold()).to_ne_bytes()
    }

    /// Whether a checksum within what was summed is right.
    pub(super) fn is_right(self) -> bool {
        self.fold() == 0xffff
    }

    fn fold(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }
}

/// Sums side by side, which the compiler makes vectors of. Nothing that fits into memory makes one overflow.
#[derive(Default)]
struct Lanes([u64; BLOCK_LEN / 8]);

impl Lanes {
    #[inline(always)]
    fn add(&mut self, block: &[u8; BLOCK_LEN]) {
        let (words, _) = block.as_chunks::<8>();
        for (lane, word) in self.0.iter_mut().zip(words) {
            let word = u64::from_ne_bytes(*word);
            *lane += (word & 0xffff_ffff) + (word >> 32);
        }
    }

    /// With less than a block: most headers are no more than that.
    #[inline(always)]
    fn finish(self, rest: &[u8]) -> Sum {
        let mut sum: u64 = self.0.iter().sum();
        let (words, rest) = rest.as_chunks::<8>();
        for word in words {
            let word = u64::from_ne_bytes(*word);
            sum += (word & 0xffff_ffff) + (word >> 32);
        }
        let (pairs, last) = rest.as_chunks::<2>();
        sum += pairs.iter().map(|pair| u64::from(u16::from_ne_bytes(*pair))).sum::<u64>();
        if let [last] = last {
            sum += u64::from(u16::from_ne_bytes([*last, 0]));
        }
        Sum(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 1071, section 4.1, as it is written there.
    fn plain(bytes: &[u8]) -> u16 {
        let mut sum = 0_u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or_default());
        }
        while sum >> 16 != 0 {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    #[test]
    fn the_largest_packet_of_ones_does_not_overflow() {
        let ones = vec![0xff; 65_535];
        assert_eq!(Sum::of(&ones).checksum(), plain(&ones).to_be_bytes());
    }

    proptest! {
        #[test]
        fn parts_sum_up_to_the_whole(bytes in prop::collection::vec(any::<u8>(), 0..3_000), cut in any::<prop::sample::Index>()) {
            let cut = cut.index(bytes.len() + 1);
            let (first, second) = bytes.split_at(cut);
            let [first, second] = [first, second].map(Sum::of);
            let whole = if cut % 2 == 0 { first.and(second) } else { first.and_at_odd(second) };
            prop_assert_eq!(whole.checksum(), plain(&bytes).to_be_bytes());
        }
    }
}
