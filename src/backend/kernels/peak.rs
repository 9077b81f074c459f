//! What an instruction set does at most, for the share of it that the kernels reach: the same instructions without the
//! memory, the quantization and the rests around them. Nothing but `benches/kernels.rs` calls this.

use super::simd::{Dot, Isa, Task};
use super::{MAX_ROWS, PANEL, Sums};
use std::hint::black_box;

/// Independent sums: more than any processor needs to hide the time that one multiply-add takes.
const CHAINS: usize = 12;

struct Float(usize);

impl Task for Float {
    type Out = usize;
    #[inline(always)]
    fn run<S: Dot>(self, s: S) -> usize {
        let (a, b) = (s.splat(black_box(0.5)), s.splat(black_box(0.25)));
        let mut totals = [s.splat(1.0); CHAINS];
        for _ in 0..self.0 {
            totals.iter_mut().for_each(|total| *total = s.fma(*total, a, b));
        }
        black_box(totals.into_iter().fold(0.0, |sum, total| sum + s.sum(total)));
        2 * self.0 * CHAINS * S::LANES
    }
}

/// `rounds` of multiply-adds of floats in registers; returns the operations done, two each.
pub fn float(isa: Isa, rounds: usize) -> usize {
    isa.run(Float(rounds))
}

/// Steps of the tiles below: their operands stay in the nearest cache.
const STEPS: usize = 64;

/// One panel of weights, as aligned as packed ones are.
#[repr(C, align(64))]
struct Panel([i8; STEPS * 4 * PANEL]);

struct Bytes(usize);

impl Task for Bytes {
    type Out = usize;
    #[inline(always)]
    fn run<S: Dot>(self, s: S) -> usize {
        let codes = [0u32; STEPS * MAX_ROWS * 2];
        let (panel, mut sums): (_, Sums) = (Panel([1; STEPS * 4 * PANEL]), [[0; PANEL]; MAX_ROWS]);
        for _ in 0..self.0 {
            // SAFETY: four codes of two bytes at most a row and step, as many steps of a panel, and MAX_ROWS sums.
            unsafe {
                let (codes, panel) = (black_box(&codes).as_ptr().cast(), black_box(&panel).0.as_ptr());
                for_rows!(S::ROWS, s.tile(codes, panel, STEPS, sums.as_mut_ptr().cast()));
            }
            black_box(&mut sums);
        }
        2 * self.0 * S::ROWS * PANEL * STEPS * 4
    }
}

/// `rounds` of the tile of int8 products on operands in the nearest cache; returns the operations done.
pub fn bytes(isa: Isa, rounds: usize) -> usize {
    isa.run(Bytes(rounds))
}

struct Words(usize);

impl Task for Words {
    type Out = usize;
    #[inline(always)]
    fn run<S: Dot>(self, s: S) -> usize {
        let rows = [0u32; STEPS * MAX_ROWS];
        let (panel, mut sums): (_, Sums) = (Panel([0; STEPS * 4 * PANEL]), [[0; PANEL]; MAX_ROWS]);
        for _ in 0..self.0 {
            // SAFETY: two 16-bit integers a row and step, 16 pairs of them a step of the panel, and MAX_ROWS sums.
            unsafe {
                let (rows, panel) = (black_box(&rows).as_ptr().cast(), black_box(&panel).0.as_ptr().cast());
                for_rows!(S::ROWS, s.tile_pairs(rows, panel, STEPS, sums.as_mut_ptr().cast()));
            }
            black_box(&mut sums);
        }
        2 * self.0 * S::ROWS * PANEL * STEPS * 2
    }
}

/// `rounds` of the tile of 16-bit products on operands in the nearest cache; returns the operations done.
pub fn words(isa: Isa, rounds: usize) -> usize {
    isa.run(Words(rounds))
}
