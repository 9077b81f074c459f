//! One number at a time: the reference of every other set.

use super::super::PANEL;
use super::{Dot, Simd};

/// No vector instructions.
#[derive(Clone, Copy, Debug)]
pub struct Scalar;

impl Simd for Scalar {
    type F = f32;
    const LANES: usize = 1;

    #[inline(always)]
    unsafe fn load_ptr(self, from: *const f32) -> f32 {
        // SAFETY: the caller's.
        unsafe { *from }
    }
    #[inline(always)]
    unsafe fn store_ptr(self, to: *mut f32, v: f32) {
        // SAFETY: the caller's.
        unsafe { *to = v }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> f32 {
        x
    }
    #[inline(always)]
    fn add(self, a: f32, b: f32) -> f32 {
        a + b
    }
    #[inline(always)]
    fn sub(self, a: f32, b: f32) -> f32 {
        a - b
    }
    #[inline(always)]
    fn mul(self, a: f32, b: f32) -> f32 {
        a * b
    }
    #[inline(always)]
    fn div(self, a: f32, b: f32) -> f32 {
        a / b
    }
    #[inline(always)]
    fn min(self, a: f32, b: f32) -> f32 {
        if a < b { a } else { b }
    }
    #[inline(always)]
    fn max(self, a: f32, b: f32) -> f32 {
        if a > b { a } else { b }
    }
    #[inline(always)]
    fn fma(self, a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }
    #[inline(always)]
    fn abs(self, x: f32) -> f32 {
        x.abs()
    }
    #[inline(always)]
    fn zero_below(self, x: f32, bound: f32, v: f32) -> f32 {
        if x >= bound { v } else { 0.0 }
    }
    #[inline(always)]
    fn exponent(self, shifted: f32) -> f32 {
        f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000))
    }
    #[inline(always)]
    unsafe fn centered(self, sums: *const i32, w: *const i32, zero: i32) -> f32 {
        // SAFETY: the caller's.
        unsafe { (*sums).wrapping_sub((*w).wrapping_mul(zero)) as f32 }
    }
    #[inline(always)]
    unsafe fn convert(self, from: *const i32) -> f32 {
        // SAFETY: the caller's.
        unsafe { *from as f32 }
    }
    #[inline(always)]
    fn sum(self, v: f32) -> f32 {
        v
    }
    #[inline(always)]
    fn largest(self, v: f32) -> f32 {
        v
    }
    #[inline(always)]
    fn smallest(self, v: f32) -> f32 {
        v
    }
}

impl Dot for Scalar {
    type Code = i16;
    const OFFSET: Option<i32> = None;
    const ROWS: usize = 4;

    #[inline(always)]
    unsafe fn encode(self, to: *mut i16, step: usize, x: *const f32, inverse: f32, _: i32) {
        for i in 0..16 {
            // SAFETY: the caller's.
            unsafe { *to.add(i / 4 * step + i % 4) = (*x.add(i) * inverse).round_ties_even() as i16 };
        }
    }

    #[inline(always)]
    unsafe fn tile<const ROWS: usize>(self, codes: *const i16, panel: *const i8, quads: usize, sums: *mut i32) {
        for row in 0..ROWS {
            for column in 0..PANEL {
                let mut total = 0i32;
                for k in 0..4 * quads {
                    let (quad, at) = (k / 4, k % 4);
                    // SAFETY: row, column and k stay within what the caller vouches for.
                    let (code, weight) = unsafe {
                        (*codes.add((quad * ROWS + row) * 4 + at), *panel.add((quad * PANEL + column) * 4 + at))
                    };
                    total = total.wrapping_add(i32::from(code) * i32::from(weight));
                }
                // SAFETY: as above.
                unsafe { *sums.add(row * PANEL + column) = total };
            }
        }
    }

    #[inline(always)]
    unsafe fn encode_pairs(self, to: *mut i16, step: usize, x: *const f32, factor: f32) {
        for i in 0..16 {
            // SAFETY: the caller's.
            unsafe { *to.add(i / 2 * step + i % 2) = (*x.add(i) * factor).round_ties_even() as i16 };
        }
    }

    #[inline(always)]
    unsafe fn interleave(self, to: *mut i16, a: *const f32, b: *const f32, factor: f32) {
        for i in 0..16 {
            // SAFETY: the caller's.
            unsafe {
                *to.add(2 * i) = (*a.add(i) * factor).round_ties_even() as i16;
                *to.add(2 * i + 1) = (*b.add(i) * factor).round_ties_even() as i16;
            }
        }
    }

    #[inline(always)]
    unsafe fn tile_pairs<const ROWS: usize>(self, rows: *const i16, panel: *const i16, pairs: usize, sums: *mut i32) {
        for row in 0..ROWS {
            for column in 0..PANEL {
                let mut total = 0i32;
                for k in 0..2 * pairs {
                    let (pair, at) = (k / 2, k % 2);
                    // SAFETY: row, column and k stay within what the caller vouches for.
                    let (a, b) = unsafe {
                        (*rows.add((pair * ROWS + row) * 2 + at), *panel.add((pair * PANEL + column) * 2 + at))
                    };
                    total = total.wrapping_add(i32::from(a) * i32::from(b));
                }
                // SAFETY: as above.
                unsafe { *sums.add(row * PANEL + column) = total };
            }
        }
    }

    #[inline(always)]
    unsafe fn scan<const N: usize>(self, vectors: *const i8, stride: usize, query: *const i16, len: usize) -> [i32; N] {
        core::array::from_fn(|vector| {
            // SAFETY: the caller's.
            let term = |i| unsafe { i32::from(*vectors.add(vector * stride + i)) * i32::from(*query.add(i)) };
            (0..len).fold(0, |total: i32, i| total.wrapping_add(term(i)))
        })
    }
}
