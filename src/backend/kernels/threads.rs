//! Work shared among threads: rayon's natively, web workers in the threaded wasm build, the caller alone elsewhere.

/// Threads that take part in [`for_each_block`], the caller among them.
pub fn count() -> usize {
    #[cfg(not(any(target_arch = "wasm32", feature = "alone")))]
    return rayon::current_num_threads();
    #[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
    return workers::POOL.threads();
    #[allow(unreachable_code, reason = "one of three bodies is compiled")]
    1
}

/// Calls `f(block)` for every block in `0..blocks`, in any order and on any thread, and returns when all are done.
pub fn for_each_block(blocks: usize, f: impl Fn(usize) + Sync) {
    if blocks > 1 && count() > 1 {
        #[cfg(not(any(target_arch = "wasm32", feature = "alone")))]
        {
            use rayon::prelude::*;
            return (0..blocks).into_par_iter().with_max_len(1).for_each(&f);
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
        return workers::POOL.run(blocks, &f);
    }
    (0..blocks).for_each(f);
}

/// Numbers of which threads write disjoint parts.
pub struct Cells<'a, T> {
    start: *mut T,
    len: usize,
    borrowed: std::marker::PhantomData<&'a mut [T]>,
}

// SAFETY: a `Cells` is a mutable borrow that is given out in parts; who takes a part vouches that it is his alone.
unsafe impl<T: Send> Send for Cells<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Cells<'_, T> {}

impl<T> Clone for Cells<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Cells<'_, T> {}

impl<'a, T> Cells<'a, T> {
    /// All of `x`.
    pub fn new(x: &'a mut [T]) -> Self {
        Self { start: x.as_mut_ptr(), len: x.len(), borrowed: std::marker::PhantomData }
    }

    /// `len` numbers from `from` on.
    ///
    /// # Safety
    /// No other part that is in use at the same time overlaps this one.
    pub unsafe fn part(self, from: usize, len: usize) -> &'a mut [T] {
        assert!(from <= self.len && len <= self.len - from);
        // SAFETY: within the borrow, and not overlapped, as the caller vouches.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), len) }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
pub use workers::{limit, work};

/// A pool of web workers that share this module's memory. It holds one job at a time, blocks of which caller and
/// workers take by counting up; a worker that comes late finds nothing left and has cost nobody a wait.
///
/// A thread that waits first spins, since between two products of a forward pass the next one is microseconds away,
/// and then sleeps. How long it spins doubles when that was worth it and halves when it was not, so that on a busy
/// machine next to no time is spent on it; when no pass is running, everybody sleeps.
#[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
mod workers {
    use core::arch::wasm32::{memory_atomic_notify, memory_atomic_wait32};
    use std::cell::UnsafeCell;
    use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::SeqCst};

    /// The longest spin, in looks at a number: some 20 µs.
    const LONGEST: u32 = 16_384;
    /// The shortest: some 2 µs, what lies between two products where nothing else goes on.
    const SHORTEST: u32 = 2048;

    /// The pool of this module.
    pub static POOL: Pool = Pool {
        registered: AtomicU32::new(0),
        limit: AtomicU32::new(u32::MAX),
        posted: AtomicU32::new(0),
        asleep: AtomicU32::new(0),
        running: AtomicBool::new(false),
        open: AtomicBool::new(false),
        inside: AtomicU32::new(0),
        next: AtomicUsize::new(0),
        job: UnsafeCell::new(None),
    };

    #[derive(Clone, Copy)]
    struct Job {
        blocks: usize,
        f: *const (dyn Fn(usize) + Sync),
    }

    pub struct Pool {
        /// Workers that are there.
        registered: AtomicU32,
        /// Workers that may take part.
        limit: AtomicU32,
        /// Counts jobs: what sleeping workers wait on.
        posted: AtomicU32,
        /// Workers asleep.
        asleep: AtomicU32,
        /// Whether a caller has the pool.
        running: AtomicBool,
        /// Whether the job may be entered.
        open: AtomicBool,
        /// Workers that look whether the job is open or are at work on it: what the caller waits on.
        inside: AtomicU32,
        /// The next block.
        next: AtomicUsize,
        job: UnsafeCell<Option<Job>>,
    }

    // SAFETY: `job` is written only by who has the pool, while the job is closed and nobody is inside, and read only
    // by who is inside an open one.
    unsafe impl Sync for Pool {}

    /// Waits until `number` is no longer `old`, spinning at most `spins` looks; then adapts `spins`.
    fn wait(number: &AtomicU32, old: u32, spins: &mut u32, asleep: Option<&AtomicU32>) {
        for _ in 0..*spins {
            if number.load(SeqCst) != old {
                *spins = (*spins * 2).min(LONGEST);
                return;
            }
            core::hint::spin_loop();
        }
        *spins = (*spins / 2).max(SHORTEST);
        if let Some(asleep) = asleep {
            asleep.fetch_add(1, SeqCst);
        }
        while number.load(SeqCst) == old {
            // SAFETY: the address is that of a 32-bit number in shared memory; −1 waits without an end.
            unsafe { memory_atomic_wait32(number.as_ptr().cast(), old as i32, -1) };
        }
        if let Some(asleep) = asleep {
            asleep.fetch_sub(1, SeqCst);
        }
    }

    /// Wakes everybody who waits on `number`.
    fn wake(number: &AtomicU32) {
        // SAFETY: the address is that of a 32-bit number in shared memory.
        unsafe { memory_atomic_notify(number.as_ptr().cast(), u32::MAX) };
    }

    impl Pool {
        /// Threads that take part, the caller among them.
        pub fn threads(&self) -> usize {
            1 + self.registered.load(SeqCst).min(self.limit.load(SeqCst)) as usize
        }

        /// See [`super::for_each_block`].
        pub fn run(&self, blocks: usize, f: &(dyn Fn(usize) + Sync)) {
            // a job within a job, or of a second caller, is done by whoever asks for it
            if self.running.swap(true, SeqCst) {
                return (0..blocks).for_each(f);
            }
            self.wait_for_those_inside();
            // SAFETY: the job ends before this function does, so the function outlives its uses. Nobody reads the cell
            // now: the job is closed, and whoever looked at it before that has left.
            unsafe {
                let f = std::mem::transmute::<&(dyn Fn(usize) + Sync), *const (dyn Fn(usize) + Sync)>(f);
                *self.job.get() = Some(Job { blocks, f });
            }
            self.next.store(0, SeqCst);
            self.open.store(true, SeqCst);
            self.posted.fetch_add(1, SeqCst);
            if self.asleep.load(SeqCst) > 0 {
                wake(&self.posted);
            }
            self.take_blocks(blocks, f);
            // whoever saw the job open is inside, and is waited for
            self.open.store(false, SeqCst);
            self.wait_for_those_inside();
            self.running.store(false, SeqCst);
        }

        fn take_blocks(&self, blocks: usize, f: &(dyn Fn(usize) + Sync)) {
            loop {
                let block = self.next.fetch_add(1, SeqCst);
                if block >= blocks {
                    return;
                }
                f(block);
            }
        }

        fn wait_for_those_inside(&self) {
            let mut spins = LONGEST;
            loop {
                match self.inside.load(SeqCst) {
                    0 => return,
                    inside => wait(&self.inside, inside, &mut spins, None),
                }
            }
        }

        /// What worker `index` does for ever.
        fn serve(&self, index: u32) -> ! {
            let (mut seen, mut spins) = (self.posted.load(SeqCst), SHORTEST);
            self.registered.fetch_add(1, SeqCst);
            loop {
                wait(&self.posted, seen, &mut spins, Some(&self.asleep));
                seen = self.posted.load(SeqCst);
                if index >= self.limit.load(SeqCst) {
                    spins = 0;
                    continue;
                }
                self.inside.fetch_add(1, SeqCst);
                if self.open.load(SeqCst) {
                    // SAFETY: the job is open and cannot be closed for good while this thread is inside.
                    if let Some(Job { blocks, f }) = unsafe { *self.job.get() } {
                        // SAFETY: as above: the function lives until all are outside.
                        self.take_blocks(blocks, unsafe { &*f });
                    }
                }
                if self.inside.fetch_sub(1, SeqCst) == 1 {
                    wake(&self.inside);
                }
            }
        }
    }

    /// Makes the calling web worker number `index` (from 0) of the pool; it never returns.
    pub fn work(index: u32) -> ! {
        POOL.serve(index)
    }

    /// Lets at most `threads` threads take part, the caller among them.
    pub fn limit(threads: usize) {
        POOL.limit.store(threads.saturating_sub(1) as u32, SeqCst);
    }
}
