//! WebAssembly's 128-bit vectors: `simd128`, which every browser in use has.

use super::super::PANEL;
use super::super::math::ROUND;
use super::{Dot, Simd};
use core::arch::wasm32::*;

/// 128-bit vectors.
#[derive(Clone, Copy, Debug)]
pub struct Simd128;

impl Simd for Simd128 {
    type F = v128;
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn load_ptr(self, from: *const f32) -> v128 {
        // SAFETY: the caller's.
        unsafe { v128_load(from.cast()) }
    }
    #[inline(always)]
    unsafe fn store_ptr(self, to: *mut f32, v: v128) {
        // SAFETY: the caller's.
        unsafe { v128_store(to.cast(), v) }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> v128 {
        f32x4_splat(x)
    }
    #[inline(always)]
    fn add(self, a: v128, b: v128) -> v128 {
        f32x4_add(a, b)
    }
    #[inline(always)]
    fn sub(self, a: v128, b: v128) -> v128 {
        f32x4_sub(a, b)
    }
    #[inline(always)]
    fn mul(self, a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }
    #[inline(always)]
    fn div(self, a: v128, b: v128) -> v128 {
        f32x4_div(a, b)
    }
    // pmin and pmax are one instruction on x86, the NaN-passing min and max are many
    #[inline(always)]
    fn min(self, a: v128, b: v128) -> v128 {
        f32x4_pmin(a, b)
    }
    #[inline(always)]
    fn max(self, a: v128, b: v128) -> v128 {
        f32x4_pmax(a, b)
    }
    #[inline(always)]
    fn fma(self, a: v128, b: v128, c: v128) -> v128 {
        #[cfg(target_feature = "relaxed-simd")]
        return f32x4_relaxed_madd(a, b, c);
        #[cfg(not(target_feature = "relaxed-simd"))]
        f32x4_add(f32x4_mul(a, b), c)
    }
    #[inline(always)]
    fn abs(self, x: v128) -> v128 {
        f32x4_abs(x)
    }
    #[inline(always)]
    fn zero_below(self, x: v128, bound: f32, v: v128) -> v128 {
        v128_and(v, f32x4_ge(x, f32x4_splat(bound)))
    }
    #[inline(always)]
    fn exponent(self, shifted: v128) -> v128 {
        i32x4_add(i32x4_shl(shifted, 23), i32x4_splat(0x3f80_0000))
    }
    #[inline(always)]
    unsafe fn centred(self, sums: *const i32, w: *const i32, zero: i32) -> v128 {
        // SAFETY: the caller's.
        let (sums, w) = unsafe { (v128_load(sums.cast()), v128_load(w.cast())) };
        f32x4_convert_i32x4(i32x4_sub(sums, i32x4_mul(w, i32x4_splat(zero))))
    }
    #[inline(always)]
    fn sum(self, v: v128) -> f32 {
        let v = f32x4_add(v, i32x4_shuffle::<2, 3, 0, 1>(v, v));
        f32x4_extract_lane::<0>(v) + f32x4_extract_lane::<1>(v)
    }
    #[inline(always)]
    fn largest(self, v: v128) -> f32 {
        let v = f32x4_pmax(v, i32x4_shuffle::<2, 3, 0, 1>(v, v));
        f32x4_extract_lane::<0>(v).max(f32x4_extract_lane::<1>(v))
    }
    #[inline(always)]
    fn smallest(self, v: v128) -> f32 {
        let v = f32x4_pmin(v, i32x4_shuffle::<2, 3, 0, 1>(v, v));
        f32x4_extract_lane::<0>(v).min(f32x4_extract_lane::<1>(v))
    }
}

/// round(x) of small floats as integers. The saturating conversion of wasm is many instructions on x86.
#[inline(always)]
fn rounded(x: v128) -> v128 {
    i32x4_sub(f32x4_add(x, f32x4_splat(ROUND)), i32x4_splat(ROUND.to_bits() as i32))
}

impl Dot for Simd128 {
    type Code = i16;
    const OFFSET: Option<i32> = None;
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn encode(self, to: *mut i16, x: v128, inverse: v128, _: i32) {
        let code = rounded(f32x4_mul(x, inverse));
        // SAFETY: the caller's; four codes are eight bytes.
        unsafe { v128_store64_lane::<0>(i16x8_narrow_i32x4(code, code), to.cast()) }
    }

    #[inline(always)]
    unsafe fn tile<const ROWS: usize>(
        self,
        codes: *const i16,
        stride: usize,
        panel: *const i8,
        quads: usize,
        sums: *mut i32,
    ) {
        for columns in (0..PANEL).step_by(4) {
            // SAFETY: four of the panel's columns are 16 bytes of each of its 64-byte steps.
            unsafe { four_columns::<ROWS>(codes, stride, panel.add(columns * 4), quads, sums.add(columns)) };
        }
    }

    #[inline(always)]
    unsafe fn scan_dot(self, vector: *const i8, query: *const i16, len: usize) -> i32 {
        let mut totals = [i32x4_splat(0); 2];
        for i in (0..len).step_by(16) {
            // SAFETY: the caller's; 16 numbers of each.
            unsafe {
                let v = v128_load(vector.add(i).cast());
                let low = i32x4_dot_i16x8(i16x8_extend_low_i8x16(v), v128_load(query.add(i).cast()));
                let high = i32x4_dot_i16x8(i16x8_extend_high_i8x16(v), v128_load(query.add(i + 8).cast()));
                totals = [i32x4_add(totals[0], low), i32x4_add(totals[1], high)];
            }
        }
        let total = i32x4_add(totals[0], totals[1]);
        let total = i32x4_add(total, i32x4_shuffle::<2, 3, 0, 1>(total, total));
        i32x4_extract_lane::<0>(total).wrapping_add(i32x4_extract_lane::<1>(total))
    }
}

/// ROWS × 4 sums, with the halves of two columns in each accumulator.
///
/// # Safety
/// As [`Dot::tile`], for the first 16 bytes of each step of the panel.
#[inline(always)]
unsafe fn four_columns<const ROWS: usize>(
    codes: *const i16,
    stride: usize,
    panel: *const i8,
    quads: usize,
    sums: *mut i32,
) {
    let mut total = [[i32x4_splat(0); 2]; ROWS];
    for quad in 0..quads {
        // SAFETY: quad and row stay within what the caller vouches for.
        unsafe {
            let step = panel.add(quad * 4 * PANEL);
            let w = [i16x8_load_extend_i8x8(step), i16x8_load_extend_i8x8(step.add(8))];
            for (row, total) in total.iter_mut().enumerate() {
                let code = v128_load64_splat(codes.add(row * stride + 4 * quad).cast());
                total[0] = i32x4_add(total[0], i32x4_dot_i16x8(code, w[0]));
                total[1] = i32x4_add(total[1], i32x4_dot_i16x8(code, w[1]));
            }
        }
    }
    for (row, [a, b]) in total.into_iter().enumerate() {
        let joined = i32x4_add(i32x4_shuffle::<0, 2, 4, 6>(a, b), i32x4_shuffle::<1, 3, 5, 7>(a, b));
        // SAFETY: four columns of each row of sums.
        unsafe { v128_store(sums.add(row * PANEL).cast(), joined) };
    }
}
