//! An allocator that knows every block of this process, and looks for secrets in them: in those that live, and in each
//! that is given back.
#![expect(unsafe_code, reason = "an allocator, and a look at what it gave out")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub type Secret = [u8; 32];

/// More than this process ever has at once.
const MAX_BLOCKS: usize = 1 << 16;
const MAX_SECRETS: usize = 8;

/// To be the process's global allocator.
pub struct Heap(Mutex<State>);

/// Nothing here allocates.
struct State {
    /// Address and length of each block that lives.
    blocks: [(usize, usize); MAX_BLOCKS],
    count: usize,
    /// Whether there was no room for a block.
    is_full: bool,
    /// What is looked for in blocks that are given back, and how many had it.
    watched: [Option<(Secret, usize)>; MAX_SECRETS],
}

impl Heap {
    pub const fn new() -> Self {
        Self(Mutex::new(State {
            blocks: [(0, 0); MAX_BLOCKS],
            count: 0,
            is_full: false,
            watched: [None; MAX_SECRETS],
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for these from now on, and for none that it was told of before.
    pub fn watch(&self, secrets: &[Secret]) {
        let mut state = self.state();
        state.watched = [None; MAX_SECRETS];
        for (watched, secret) in state.watched.iter_mut().zip(secrets) {
            *watched = Some((*secret, 0));
        }
    }

    /// How many blocks were given back with a watched secret in them.
    pub fn leaks(&self) -> usize {
        self.state().watched.iter().flatten().map(|(_, leaks)| leaks).sum()
    }

    /// Whether a block that lives has this in it.
    pub fn holds(&self, secret: &Secret) -> bool {
        assert!(!self.state().is_full, "more than {MAX_BLOCKS} blocks");
        let state = self.state();
        // SAFETY: the block lives, since whoever gives it back waits for the lock, and it was zeroed before it was given
        // out. Other threads of the test only wait.
        let octets =
            |(at, len): &(usize, usize)| unsafe { std::slice::from_raw_parts(*at as *const u8, *len) };
        state.blocks[..state.count].iter().any(|block| contains(octets(block), secret))
    }
}

fn contains(octets: &[u8], secret: &Secret) -> bool {
    octets.windows(secret.len()).any(|window| window == secret)
}

// SAFETY: all memory is the system allocator's, asked for by the same layout that it is given back by.
unsafe impl GlobalAlloc for Heap {
    /// Zeroed: what is found in a block was written into that block.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let block = unsafe { System.alloc_zeroed(layout) };
        if !block.is_null() {
            let mut state = self.state();
            let count = state.count;
            match state.blocks.get_mut(count) {
                Some(place) => {
                    *place = (block.addr(), layout.size());
                    state.count += 1;
                }
                // Nothing may panic here.
                None => state.is_full = true,
            }
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let mut state = self.state();
        let count = state.count;
        if let Some(place) = state.blocks[..count].iter().rposition(|(at, _)| *at == block.addr()) {
            state.blocks[place] = state.blocks[count - 1];
            state.count -= 1;
        }
        // SAFETY: the block is the caller's to the last, and was zeroed before it was given out.
        let octets = unsafe { std::slice::from_raw_parts(block, layout.size()) };
        for (secret, leaks) in state.watched.iter_mut().flatten() {
            *leaks += usize::from(contains(octets, secret));
        }
        drop(state);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}
