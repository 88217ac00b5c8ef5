//! Random choices, all from one seed.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

pub struct Dice(ChaCha20Rng);

impl Dice {
    /// `purpose` keeps apart what one seed is used for.
    pub fn new(seed: u64, purpose: u64) -> Self {
        Self(generator(seed, purpose))
    }

    /// From 0 to `limit`, which is excluded.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.0.next_u64() % limit as u64) as usize
    }

    pub fn chance(&mut self, percent: u32) -> bool {
        self.0.next_u32() % 100 < percent
    }

    pub fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// From nothing to `limit`.
    pub fn up_to(&mut self, limit: Duration) -> Duration {
        Duration::from_nanos(self.0.next_u64() % (limit.as_nanos() as u64 + 1))
    }

    pub fn octets(&mut self, len: usize) -> Vec<u8> {
        let mut octets = vec![0; len];
        self.0.fill_bytes(&mut octets);
        octets
    }
}

/// For whoever wants a generator itself.
pub fn generator(seed: u64, purpose: u64) -> ChaCha20Rng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&purpose.to_le_bytes());
    ChaCha20Rng::from_seed(bytes)
}
