//! AArch64: NEON, which every such processor has.

use super::super::PANEL;
use super::{Dot, Simd};
use core::arch::aarch64::*;

/// 128-bit vectors.
#[derive(Clone, Copy, Debug)]
pub struct Neon;

// SAFETY of every block in this file, unless it says more: the target has NEON, and what a pointer is read or written
// for is the caller's.
impl Simd for Neon {
    type F = float32x4_t;
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn load_ptr(self, from: *const f32) -> float32x4_t {
        unsafe { vld1q_f32(from) }
    }
    #[inline(always)]
    unsafe fn store_ptr(self, to: *mut f32, v: float32x4_t) {
        unsafe { vst1q_f32(to, v) }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> float32x4_t {
        unsafe { vdupq_n_f32(x) }
    }
    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    fn div(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vdivq_f32(a, b) }
    }
    #[inline(always)]
    fn min(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vminnmq_f32(a, b) }
    }
    #[inline(always)]
    fn max(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vmaxnmq_f32(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    fn abs(self, x: float32x4_t) -> float32x4_t {
        unsafe { vabsq_f32(x) }
    }
    #[inline(always)]
    fn zero_below(self, x: float32x4_t, bound: f32, v: float32x4_t) -> float32x4_t {
        unsafe { vbslq_f32(vcgeq_f32(x, vdupq_n_f32(bound)), v, vdupq_n_f32(0.0)) }
    }
    #[inline(always)]
    fn exponent(self, shifted: float32x4_t) -> float32x4_t {
        unsafe {
            let bits = vshlq_n_u32::<23>(vreinterpretq_u32_f32(shifted));
            vreinterpretq_f32_u32(vaddq_u32(bits, vdupq_n_u32(0x3f80_0000)))
        }
    }
    #[inline(always)]
    unsafe fn centered(self, sums: *const i32, w: *const i32, zero: i32) -> float32x4_t {
        unsafe { vcvtq_f32_s32(vmlsq_s32(vld1q_s32(sums), vld1q_s32(w), vdupq_n_s32(zero))) }
    }
    #[inline(always)]
    unsafe fn convert(self, from: *const i32) -> float32x4_t {
        unsafe { vcvtq_f32_s32(vld1q_s32(from)) }
    }
    #[inline(always)]
    fn sum(self, v: float32x4_t) -> f32 {
        unsafe { vaddvq_f32(v) }
    }
    #[inline(always)]
    fn largest(self, v: float32x4_t) -> f32 {
        unsafe { vmaxnmvq_f32(v) }
    }
    #[inline(always)]
    fn smallest(self, v: float32x4_t) -> f32 {
        unsafe { vminnmvq_f32(v) }
    }
}

/// round(x · factor) of four numbers.
///
/// # Safety
/// `x` is valid for reading four floats.
#[inline(always)]
unsafe fn rounded(x: *const f32, factor: f32) -> int32x4_t {
    unsafe { vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x), factor)) }
}

impl Dot for Neon {
    type Code = i16;
    const OFFSET: Option<i32> = None;
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn encode(self, to: *mut i16, step: usize, x: *const f32, inverse: f32, _: i32) {
        for quad in 0..4 {
            unsafe {
                vst1_s16(to.add(quad * step), vqmovn_s32(rounded(x.add(4 * quad), inverse)));
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<const ROWS: usize>(self, codes: *const i16, panel: *const i8, quads: usize, sums: *mut i32) {
        for columns in (0..PANEL).step_by(4) {
            // SAFETY: four of the panel's columns are 16 bytes of each of its 64-byte steps.
            unsafe { four_columns::<ROWS>(codes, panel.add(columns * 4), quads, sums.add(columns)) };
        }
    }

    #[inline(always)]
    unsafe fn encode_pairs(self, to: *mut i16, step: usize, x: *const f32, factor: f32) {
        for half in 0..4 {
            unsafe {
                let pairs = vreinterpret_s32_s16(vqmovn_s32(rounded(x.add(4 * half), factor)));
                let to = to.add(2 * half * step);
                to.cast::<i32>().write_unaligned(vget_lane_s32::<0>(pairs));
                to.add(step).cast::<i32>().write_unaligned(vget_lane_s32::<1>(pairs));
            }
        }
    }

    #[inline(always)]
    unsafe fn interleave(self, to: *mut i16, a: *const f32, b: *const f32, factor: f32) {
        for at in (0..16).step_by(4) {
            unsafe {
                let pair = int16x4x2_t(vqmovn_s32(rounded(a.add(at), factor)), vqmovn_s32(rounded(b.add(at), factor)));
                vst2_s16(to.add(2 * at), pair);
            }
        }
    }

    #[inline(always)]
    unsafe fn tile_pairs<const ROWS: usize>(self, rows: *const i16, panel: *const i16, pairs: usize, sums: *mut i32) {
        for columns in (0..PANEL).step_by(8) {
            unsafe {
                let mut total = [[vdupq_n_s32(0); 2]; ROWS];
                for pair in 0..pairs {
                    // even and odd integers of eight columns
                    let w = vld2q_s16(panel.add((pair * PANEL + columns) * 2));
                    for (row, total) in total.iter_mut().enumerate() {
                        let code = rows.add((pair * ROWS + row) * 2);
                        let (even, odd) = (vdupq_n_s16(*code), vdupq_n_s16(*code.add(1)));
                        total[0] = vmlal_s16(total[0], vget_low_s16(w.0), vget_low_s16(even));
                        total[0] = vmlal_s16(total[0], vget_low_s16(w.1), vget_low_s16(odd));
                        total[1] = vmlal_high_s16(total[1], w.0, even);
                        total[1] = vmlal_high_s16(total[1], w.1, odd);
                    }
                }
                for (row, [a, b]) in total.into_iter().enumerate() {
                    vst1q_s32(sums.add(row * PANEL + columns), a);
                    vst1q_s32(sums.add(row * PANEL + columns + 4), b);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn scan<const N: usize>(self, vectors: *const i8, stride: usize, query: *const i16, len: usize) -> [i32; N] {
        unsafe {
            let mut totals = [[vdupq_n_s32(0); 2]; N];
            for i in (0..len).step_by(8) {
                let q = vld1q_s16(query.add(i));
                for (vector, total) in totals.iter_mut().enumerate() {
                    let v = vmovl_s8(vld1_s8(vectors.add(vector * stride + i)));
                    total[0] = vmlal_s16(total[0], vget_low_s16(v), vget_low_s16(q));
                    total[1] = vmlal_high_s16(total[1], v, q);
                }
            }
            totals.map(|[a, b]| vaddvq_s32(vaddq_s32(a, b)))
        }
    }
}

/// ROWS × 4 sums: each product of four codes with a column stays apart until the end.
///
/// # Safety
/// As [`Dot::tile`], for the first 16 bytes of each step of the panel.
#[inline(always)]
unsafe fn four_columns<const ROWS: usize>(codes: *const i16, panel: *const i8, quads: usize, sums: *mut i32) {
    unsafe {
        let mut total = [[vdupq_n_s32(0); 4]; ROWS];
        for quad in 0..quads {
            let step = vld1q_s8(panel.add(quad * 4 * PANEL));
            let (low, high) = (vmovl_s8(vget_low_s8(step)), vmovl_high_s8(step));
            for (row, total) in total.iter_mut().enumerate() {
                let code = vld1_s16(codes.add((quad * ROWS + row) * 4));
                total[0] = vmlal_s16(total[0], code, vget_low_s16(low));
                total[1] = vmlal_s16(total[1], code, vget_high_s16(low));
                total[2] = vmlal_s16(total[2], code, vget_low_s16(high));
                total[3] = vmlal_s16(total[3], code, vget_high_s16(high));
            }
        }
        for (row, [a, b, c, d]) in total.into_iter().enumerate() {
            vst1q_s32(sums.add(row * PANEL), vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d)));
        }
    }
}
