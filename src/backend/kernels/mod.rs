//! The project's own kernels: int8 and f32 matrix products, attention, pools and the catalog scan.
//!
//! Everything here is plain slices and the standard library, so that the same files also compile alone to a small
//! wasm module that the tests run. Shapes are checked by the callers ([`super::cpu`] and [`crate::search`]); a kernel
//! asserts what its memory safety rests on.
//!
//! A kernel is written once over the vector operations of [`simd`] and, where an instruction set has something of its
//! own to offer (integer dot products), over a small trait with one body for each set. Every one of them has a scalar
//! reference, which is also what runs where no instruction set is known.

/// Calls a tile of [`simd::Dot`] for a number of rows that is known only at run time, at most `S::ROWS`.
macro_rules! for_rows {
    ($rows:expr, $s:ident.$tile:ident $arguments:tt) => {
        match $rows {
            // a height that the set never asks for is not compiled
            1 => $s.$tile::<1> $arguments,
            2 if S::ROWS >= 2 => $s.$tile::<2> $arguments,
            3 if S::ROWS >= 3 => $s.$tile::<3> $arguments,
            4 if S::ROWS >= 4 => $s.$tile::<4> $arguments,
            5 if S::ROWS >= 5 => $s.$tile::<5> $arguments,
            6 if S::ROWS >= 6 => $s.$tile::<6> $arguments,
            7 if S::ROWS >= 7 => $s.$tile::<7> $arguments,
            8 if S::ROWS >= 8 => $s.$tile::<8> $arguments,
            9 if S::ROWS >= 9 => $s.$tile::<9> $arguments,
            10 if S::ROWS >= 10 => $s.$tile::<10> $arguments,
            11 if S::ROWS >= 11 => $s.$tile::<11> $arguments,
            12 if S::ROWS >= 12 => $s.$tile::<12> $arguments,
            rows => unreachable!("a tile has 1 to {} rows, not {rows}", S::ROWS),
        }
    };
}

pub mod attention;
pub mod gemm_f32;
pub mod gemm_i8;
pub mod math;
pub mod peak;
pub mod pointwise;
pub mod pool;
pub mod scan;
pub mod scratch;
pub mod simd;
pub mod threads;

pub use simd::Isa;

/// Columns of a packed weight panel: one cache line of int8 quads, two AVX2 registers of floats.
pub const PANEL: usize = 16;

/// The most rows that any instruction set takes in one tile.
const MAX_ROWS: usize = 12;

/// The integer sums of one tile.
type Sums = [[i32; PANEL]; MAX_ROWS];

/// A largest magnitude below this is taken for zero, so that its inverse stays finite.
const TINY: f32 = 1e-30;

/// Multiply-adds below which a block is not worth a thread's attention: some 10 µs.
const BLOCK_WORK: usize = 500_000;

/// Rows of a block when `rows` of them, each of `cost` multiply-adds, are shared among the threads there are: a
/// multiple of `step`, and small enough that a thread which the system holds up does not hold up the others.
pub fn share(rows: usize, cost: usize, step: usize) -> usize {
    let threads = threads::count();
    let even = if threads == 1 { rows } else { rows.div_ceil(4 * threads) };
    even.max(BLOCK_WORK / cost.max(1)).max(1).next_multiple_of(step)
}

/// Splits `out` into blocks of `block` rows of `width` numbers and calls `f(first_row, rows)` for each, on all threads.
pub fn parallel_rows<T: Send>(out: &mut [T], width: usize, block: usize, f: impl Fn(usize, &mut [T]) + Sync) {
    let (block, len) = (block.max(1), out.len());
    let chunk = width * block;
    if chunk == 0 || len == 0 {
        return;
    }
    let cells = threads::Cells::new(out);
    threads::for_each_block(len.div_ceil(chunk), |i| {
        // SAFETY: blocks do not overlap.
        f(i * block, unsafe { cells.part(i * chunk, chunk.min(len - i * chunk)) });
    });
}
