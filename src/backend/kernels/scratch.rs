//! Buffers that outlive a call, so that a warm forward pass does not ask the allocator for working memory.
//!
//! A buffer is taken out of its thread's store and given back, never borrowed: a thread that waits for others may
//! start another photo's kernel meanwhile, which then simply takes a second buffer.

use std::cell::RefCell;

thread_local! {
    static FLOATS: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Working memory of `len` floats with unspecified contents, returned to its thread's store when dropped.
pub struct Floats {
    buffer: Vec<f32>,
    start: usize,
    len: usize,
}

/// Floats in a cache line.
const LINE: usize = 16;

impl Floats {
    /// Takes a buffer, the smallest that is large enough if there is one.
    pub fn take(len: usize) -> Self {
        let mut buffer = FLOATS.with_borrow_mut(|store| {
            let fits = (0..store.len()).filter(|&i| store[i].len() >= len + LINE).min_by_key(|&i| store[i].len());
            match fits.or(store.len().checked_sub(1)) {
                Some(index) => store.swap_remove(index),
                None => Vec::new(),
            }
        });
        if buffer.len() < len + LINE {
            buffer.resize(len + LINE, 0.0);
        }
        // vector loads of a packed row must not straddle two cache lines
        let start = buffer.as_ptr().align_offset(4 * LINE).min(LINE);
        Self { buffer, start, len }
    }
}

impl std::ops::Deref for Floats {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.buffer[self.start..self.start + self.len]
    }
}

impl std::ops::DerefMut for Floats {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.buffer[self.start..self.start + self.len]
    }
}

impl Drop for Floats {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        // a thread that is ending has no store any more; then the buffer is simply freed
        let _ = FLOATS.try_with(|store| store.borrow_mut().push(buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::Floats;

    #[test]
    fn buffers_are_reused_and_aligned() {
        let first = Floats::take(1000).as_ptr();
        let again = Floats::take(900);
        assert_eq!(first, again.as_ptr());
        let nested = Floats::take(10);
        assert_ne!(nested.as_ptr(), again.as_ptr());
        assert_eq!((again.len(), nested.len()), (900, 10));
        assert!([&again, &nested].iter().all(|b| (b.as_ptr() as usize).is_multiple_of(64)));
    }
}
