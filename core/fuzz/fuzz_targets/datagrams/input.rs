//! The fuzzer's octets as choices, one octet for most of them: so a small change of the input is a small change of the
//! story. Where they end, the story ends.

pub struct Input<'i>(&'i [u8]);

impl<'i> Input<'i> {
    pub fn new(octets: &'i [u8]) -> Self {
        Self(octets)
    }

    pub fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub fn octets(&mut self, len: usize) -> Option<&'i [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn below(&mut self, bound: usize) -> Option<usize> {
        self.octet().map(|octet| usize::from(octet) % bound)
    }

    pub fn choose<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        self.below(choices.len()).map(|choice| choices[choice])
    }
}
