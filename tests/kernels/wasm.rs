//! The case table as a wasm module that imports nothing but, where it has threads, its memory. Built by
//! `tests/kernels_wasm.mjs`.

#![cfg_attr(target_feature = "atomics", feature(stdarch_wasm_atomic_wait))]
#![allow(dead_code, unreachable_pub, reason = "a module is built from files that are public in the library")]

#[path = "cases.rs"]
mod cases;
#[path = "../../src/backend/kernels/mod.rs"]
mod kernels;

use std::cell::RefCell;

thread_local! {
    static REPORT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs the table for every instruction set of the module and returns the length of a report: one line a set
/// (`name cases`) and one a failure (`! name …`).
#[unsafe(no_mangle)]
pub extern "C" fn run() -> usize {
    let mut report = String::new();
    for isa in kernels::Isa::available() {
        let found = cases::run(isa);
        report += &format!("{} {}\n", isa.name(), found.len());
        let failed = found.iter().filter(|found| found.failed()).map(cases::Found::line);
        let counts = cases::measure::wrong_counts(found.iter().map(|found| found.kernel), &cases::COUNTS);
        for line in failed.chain(counts) {
            report += &format!("! {} {line}\n", isa.name());
        }
    }
    REPORT.with_borrow_mut(|text| *text = report);
    REPORT.with_borrow(|text| text.len())
}

/// Where the report of the last [`run`] begins.
#[unsafe(no_mangle)]
pub extern "C" fn report() -> *const u8 {
    REPORT.with_borrow(|text| text.as_ptr())
}

#[cfg(target_feature = "atomics")]
mod pool {
    use super::kernels::threads;
    use std::alloc::{Layout, alloc};
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    /// Makes the calling worker thread `index` of the pool.
    #[unsafe(no_mangle)]
    pub extern "C" fn work(index: u32) {
        threads::work(index)
    }

    /// Threads of the pool.
    #[unsafe(no_mangle)]
    pub extern "C" fn threads() -> usize {
        threads::count()
    }

    /// Lets at most that many threads take part.
    #[unsafe(no_mangle)]
    pub extern "C" fn limit(threads: usize) {
        threads::limit(threads);
    }

    /// Memory for a thread's stack or its local variables, never freed.
    #[unsafe(no_mangle)]
    pub extern "C" fn room(bytes: usize, align: usize) -> *mut u8 {
        match Layout::from_size_align(bytes.max(1), align.max(16)) {
            // SAFETY: the size is not 0.
            Ok(layout) => unsafe { alloc(layout) },
            Err(_) => std::ptr::null_mut(),
        }
    }

    /// How many of `blocks` blocks were under way at the same moment: each waits a while for all of them.
    #[unsafe(no_mangle)]
    pub extern "C" fn together(blocks: usize) -> usize {
        let (started, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        threads::for_each_block(blocks, |_| {
            started.fetch_add(1, SeqCst);
            let all = (0..1_000_000_000u32).any(|_| started.load(SeqCst) == blocks);
            most.fetch_add(usize::from(all), SeqCst);
        });
        most.load(SeqCst)
    }

    /// Runs `jobs` jobs of 1 to 40 blocks and returns how many of them did not run every block once.
    #[unsafe(no_mangle)]
    pub extern "C" fn wrong_jobs(jobs: usize) -> usize {
        let wrong = |job: usize| {
            let blocks = 1 + job * 7 % 40;
            let runs: Vec<AtomicUsize> = (0..blocks).map(|_| AtomicUsize::new(0)).collect();
            threads::for_each_block(blocks, |block| {
                // some blocks ask for a job themselves, which must not wait for the pool that they are in
                let inner = if block % 11 == 3 { 3 } else { 1 };
                threads::for_each_block(inner, |_| {
                    runs[block].fetch_add(1, SeqCst);
                });
            });
            let expected = |block: usize| if block % 11 == 3 { 3 } else { 1 };
            (0..blocks).any(|block| runs[block].load(SeqCst) != expected(block))
        };
        (0..jobs).filter(|job| wrong(*job)).count()
    }
}
