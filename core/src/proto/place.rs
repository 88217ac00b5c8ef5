//! A place in one of the engine's tables, in as few octets as many thousands of peers allow.

use core::num::NonZeroU32;

/// Four octets, whether or not there is one: `Option<Place>` takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place(NonZeroU32);

impl Place {
    /// Of this index, counted from 0.
    pub(crate) fn new(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        Self(number.expect("memory ends long before a table has 2^32 entries"))
    }

    pub(crate) const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}
