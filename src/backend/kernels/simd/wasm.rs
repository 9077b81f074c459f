//! WebAssembly's 128-bit vectors: `simd128`, which every browser in use has, and relaxed SIMD on top of it.

use super::super::PANEL;
use super::ROUND;
use super::{Dot, Simd};
use core::arch::wasm32::*;
use core::marker::PhantomData;

/// 128-bit vectors, with integer products of the kind `P`.
#[derive(Clone, Copy, Debug)]
pub struct Wasm<P>(PhantomData<P>);

/// Products of 16-bit integers, which all engines have.
#[derive(Clone, Copy, Debug)]
pub struct Words;

impl Wasm<Words> {
    /// Nothing beyond `simd128`.
    pub const BASELINE: Self = Self(PhantomData);
}

impl<P: Copy> Simd for Wasm<P> {
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
    unsafe fn centered(self, sums: *const i32, w: *const i32, zero: i32) -> v128 {
        // SAFETY: the caller's.
        let (sums, w) = unsafe { (v128_load(sums.cast()), v128_load(w.cast())) };
        f32x4_convert_i32x4(i32x4_sub(sums, i32x4_mul(w, i32x4_splat(zero))))
    }
    #[inline(always)]
    unsafe fn convert(self, from: *const i32) -> v128 {
        // SAFETY: the caller's.
        f32x4_convert_i32x4(unsafe { v128_load(from.cast()) })
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

impl Dot for Wasm<Words> {
    type Code = i16;
    const OFFSET: Option<i32> = None;
    const ROWS: usize = 4;

    #[inline(always)]
    unsafe fn encode(self, to: *mut i16, step: usize, x: *const f32, inverse: f32, _: i32) {
        for quad in 0..4 {
            // SAFETY: the caller's; four codes are eight bytes.
            unsafe {
                let code = rounded(f32x4_mul(v128_load(x.add(4 * quad).cast()), f32x4_splat(inverse)));
                v128_store64_lane::<0>(i16x8_narrow_i32x4(code, code), to.add(quad * step).cast());
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
        // SAFETY: the caller's.
        unsafe { words::encode_pairs(to, step, x, factor) }
    }

    #[inline(always)]
    unsafe fn interleave(self, to: *mut i16, a: *const f32, b: *const f32, factor: f32) {
        // SAFETY: the caller's.
        unsafe { words::interleave(to, a, b, factor) }
    }

    #[inline(always)]
    unsafe fn tile_pairs<const ROWS: usize>(self, rows: *const i16, panel: *const i16, pairs: usize, sums: *mut i32) {
        // SAFETY: the caller's.
        unsafe { words::tile_pairs::<ROWS>(rows, panel, pairs, sums) }
    }

    #[inline(always)]
    unsafe fn scan<const N: usize>(self, vectors: *const i8, stride: usize, query: *const i16, len: usize) -> [i32; N] {
        // SAFETY: the caller's.
        unsafe { words::scan(vectors, stride, query, len) }
    }
}

/// What all kinds of integer products share: 16-bit ones.
mod words {
    use super::*;

    /// As [`Dot::encode_pairs`].
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    pub unsafe fn encode_pairs(to: *mut i16, step: usize, x: *const f32, factor: f32) {
        for half in 0..2 {
            // SAFETY: the caller's.
            unsafe {
                let code = |at: usize| rounded(f32x4_mul(v128_load(x.add(at).cast()), f32x4_splat(factor)));
                let words = i16x8_narrow_i32x4(code(8 * half), code(8 * half + 4));
                let to = to.add(4 * half * step);
                v128_store32_lane::<0>(words, to.cast());
                v128_store32_lane::<1>(words, to.add(step).cast());
                v128_store32_lane::<2>(words, to.add(2 * step).cast());
                v128_store32_lane::<3>(words, to.add(3 * step).cast());
            }
        }
    }

    /// As [`Dot::interleave`].
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    pub unsafe fn interleave(to: *mut i16, a: *const f32, b: *const f32, factor: f32) {
        for at in (0..16).step_by(4) {
            // SAFETY: the caller's.
            unsafe {
                let code = |x: *const f32| rounded(f32x4_mul(v128_load(x.add(at).cast()), f32x4_splat(factor)));
                let low = v128_and(code(a), i32x4_splat(0xffff));
                v128_store(to.add(2 * at).cast(), v128_or(low, i32x4_shl(code(b), 16)));
            }
        }
    }

    /// As [`Dot::tile_pairs`].
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    pub unsafe fn tile_pairs<const ROWS: usize>(rows: *const i16, panel: *const i16, pairs: usize, sums: *mut i32) {
        for columns in (0..PANEL).step_by(8) {
            let mut total = [[i32x4_splat(0); 2]; ROWS];
            for pair in 0..pairs {
                // SAFETY: eight of the panel's columns are 32 bytes of each of its 64-byte steps.
                unsafe {
                    let step = panel.add((pair * PANEL + columns) * 2);
                    let w = [v128_load(step.cast()), v128_load(step.add(8).cast())];
                    for (row, total) in total.iter_mut().enumerate() {
                        let code = v128_load32_splat(rows.add((pair * ROWS + row) * 2).cast());
                        total[0] = i32x4_add(total[0], i32x4_dot_i16x8(code, w[0]));
                        total[1] = i32x4_add(total[1], i32x4_dot_i16x8(code, w[1]));
                    }
                }
            }
            for (row, [a, b]) in total.into_iter().enumerate() {
                // SAFETY: eight columns of each row of sums.
                unsafe {
                    v128_store(sums.add(row * PANEL + columns).cast(), a);
                    v128_store(sums.add(row * PANEL + columns + 4).cast(), b);
                }
            }
        }
    }

    /// As [`Dot::scan`].
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    pub unsafe fn scan<const N: usize>(vectors: *const i8, stride: usize, query: *const i16, len: usize) -> [i32; N] {
        let mut totals = [i32x4_splat(0); N];
        for i in (0..len).step_by(8) {
            // SAFETY: the caller's; eight numbers of each.
            unsafe {
                let q = v128_load(query.add(i).cast());
                for (vector, total) in totals.iter_mut().enumerate() {
                    let v = i16x8_load_extend_i8x8(vectors.add(vector * stride + i));
                    *total = i32x4_add(*total, i32x4_dot_i16x8(v, q));
                }
            }
        }
        totals.map(|total| {
            let total = i32x4_add(total, i32x4_shuffle::<2, 3, 0, 1>(total, total));
            i32x4_extract_lane::<0>(total).wrapping_add(i32x4_extract_lane::<1>(total))
        })
    }
}

/// ROWS × 4 sums, with the halves of two columns in each accumulator; two steps a turn, since an engine checks for
/// interruptions in every turn of a loop.
///
/// # Safety
/// As [`Dot::tile`], for the first 16 bytes of each step of the panel.
#[inline(always)]
unsafe fn four_columns<const ROWS: usize>(codes: *const i16, panel: *const i8, quads: usize, sums: *mut i32) {
    let mut total = [[i32x4_splat(0); 2]; ROWS];
    let mut step = |quad: usize| {
        // SAFETY: quad and row stay within what the caller vouches for.
        unsafe {
            let step = panel.add(quad * 4 * PANEL);
            let w = [i16x8_load_extend_i8x8(step), i16x8_load_extend_i8x8(step.add(8))];
            for (row, total) in total.iter_mut().enumerate() {
                let code = v128_load64_splat(codes.add((quad * ROWS + row) * 4).cast());
                total[0] = i32x4_add(total[0], i32x4_dot_i16x8(code, w[0]));
                total[1] = i32x4_add(total[1], i32x4_dot_i16x8(code, w[1]));
            }
        }
    };
    for pair in 0..quads / 2 {
        step(2 * pair);
        step(2 * pair + 1);
    }
    if !quads.is_multiple_of(2) {
        step(quads - 1);
    }
    for (row, [a, b]) in total.into_iter().enumerate() {
        let joined = i32x4_add(i32x4_shuffle::<0, 2, 4, 6>(a, b), i32x4_shuffle::<1, 3, 5, 7>(a, b));
        // SAFETY: four columns of each row of sums.
        unsafe { v128_store(sums.add(row * PANEL).cast(), joined) };
    }
}

#[cfg(target_feature = "relaxed-simd")]
pub use relaxed::{Bytes, Pairs, Products, products};

/// Byte dot products. The instructions leave open whether their second operand is signed where the high bit is set, and
/// whether pairs of products saturate; an engine settles that once, by what the processor has. So this asks once, and
/// uses only what is exact: sums of four where all eight bits are, unsigned (x86 with VNNI) or signed (ARM), and
/// otherwise sums of two, with weights that keep them within 16 bits.
#[cfg(target_feature = "relaxed-simd")]
mod relaxed {
    use super::*;
    use core::hint::black_box;

    /// Products of bytes: codes are u − OFFSET, 0 where the instruction takes them unsigned and 128 where signed.
    #[derive(Clone, Copy, Debug)]
    pub struct Bytes<const OFFSET: i32>;

    /// Products of unsigned bytes with weights of which two neighbours are at most 128 together.
    #[derive(Clone, Copy, Debug)]
    pub struct Pairs;

    impl Wasm<Bytes<0>> {
        /// Where [`products`] says [`Products::Unsigned`].
        pub const UNSIGNED: Self = Self(PhantomData);
    }

    impl Wasm<Bytes<128>> {
        /// Where [`products`] says [`Products::Signed`].
        pub const SIGNED: Self = Self(PhantomData);
    }

    impl Wasm<Pairs> {
        /// Where [`products`] says [`Products::Pairs`].
        pub const PAIRS: Self = Self(PhantomData);
    }

    /// Which byte products are exact here.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Products {
        /// Sums of four with unsigned codes.
        Unsigned,
        /// Sums of four with signed codes.
        Signed,
        /// Sums of two with unsigned codes, where they fit 16 bits.
        Pairs,
        /// None.
        None,
    }

    /// Asks the engine.
    pub fn products() -> Products {
        // opaque, so that the engine answers and not the compiler
        let splat = |weights: [i8; 2], code: u8| {
            (black_box(i16x8_splat(i16::from_le_bytes(weights.map(|w| w as u8)))), black_box(u8x16_splat(code)))
        };
        let four = |weight: i8, code: u8| {
            let (weight, code) = splat([weight; 2], code);
            i32x4_extract_lane::<0>(i32x4_relaxed_dot_i8x16_i7x16_add(weight, code, i32x4_splat(0)))
        };
        let two = |weights: [i8; 2], code: u8| {
            let (weights, code) = splat(weights, code);
            i32::from(i16x8_extract_lane::<0>(i16x8_relaxed_dot_i8x16_i7x16(weights, code)))
        };
        let fours = |code: u8, value: i32| [127, -127].iter().all(|&w| four(w, code) == 4 * i32::from(w) * value);
        let twos = |weights: [i8; 2]| {
            [128, 255]
                .iter()
                .all(|&code| two(weights, code) == (i32::from(weights[0]) + i32::from(weights[1])) * i32::from(code))
        };
        if fours(255, 255) && fours(128, 128) {
            Products::Unsigned
        } else if fours(255, -1) && fours(128, -128) {
            Products::Signed
        } else if [[64, 64], [-64, -64], [127, 1], [-1, -127], [127, -1]].into_iter().all(twos) {
            Products::Pairs
        } else {
            Products::None
        }
    }

    /// Stores the codes round(x · inverse) + shift of 16 numbers as bytes, unsigned or signed.
    ///
    /// # Safety
    /// As [`Dot::encode`].
    #[inline(always)]
    unsafe fn encode_bytes(to: *mut u8, step: usize, x: *const f32, inverse: f32, shift: i32, unsigned: bool) {
        let shift = i32x4_splat(shift);
        // SAFETY: the caller's; four codes are four bytes.
        unsafe {
            let code = |quad: usize| {
                let scaled = f32x4_mul(v128_load(x.add(4 * quad).cast()), f32x4_splat(inverse));
                i32x4_add(rounded(scaled), shift)
            };
            let words = [i16x8_narrow_i32x4(code(0), code(1)), i16x8_narrow_i32x4(code(2), code(3))];
            let bytes = match unsigned {
                true => u8x16_narrow_i16x8(words[0], words[1]),
                false => i8x16_narrow_i16x8(words[0], words[1]),
            };
            v128_store32_lane::<0>(bytes, to.cast());
            v128_store32_lane::<1>(bytes, to.add(step).cast());
            v128_store32_lane::<2>(bytes, to.add(2 * step).cast());
            v128_store32_lane::<3>(bytes, to.add(3 * step).cast());
        }
    }

    /// What a set of byte products has in common with that of 16-bit ones.
    macro_rules! words {
        () => {
            #[inline(always)]
            unsafe fn encode_pairs(self, to: *mut i16, step: usize, x: *const f32, factor: f32) {
                // SAFETY: the caller's.
                unsafe { words::encode_pairs(to, step, x, factor) }
            }

            #[inline(always)]
            unsafe fn interleave(self, to: *mut i16, a: *const f32, b: *const f32, factor: f32) {
                // SAFETY: the caller's.
                unsafe { words::interleave(to, a, b, factor) }
            }

            #[inline(always)]
            unsafe fn tile_pairs<const ROWS: usize>(
                self,
                rows: *const i16,
                panel: *const i16,
                pairs: usize,
                sums: *mut i32,
            ) {
                // SAFETY: the caller's.
                unsafe { words::tile_pairs::<ROWS>(rows, panel, pairs, sums) }
            }

            #[inline(always)]
            unsafe fn scan<const N: usize>(
                self,
                vectors: *const i8,
                stride: usize,
                query: *const i16,
                len: usize,
            ) -> [i32; N] {
                // SAFETY: the caller's.
                unsafe { words::scan(vectors, stride, query, len) }
            }
        };
    }

    impl Dot for Wasm<Pairs> {
        type Code = u8;
        const OFFSET: Option<i32> = Some(0);
        const ROWS: usize = 4;

        #[inline(always)]
        unsafe fn encode(self, to: *mut u8, step: usize, x: *const f32, inverse: f32, zero: i32) {
            // SAFETY: the caller's.
            unsafe { encode_bytes(to, step, x, inverse, zero, true) }
        }

        #[inline(always)]
        unsafe fn tile<const ROWS: usize>(self, codes: *const u8, panel: *const i8, quads: usize, sums: *mut i32) {
            let ones = i16x8_splat(1);
            let dot = |w: v128, code: v128, total: v128| {
                i32x4_add(total, i32x4_dot_i16x8(i16x8_relaxed_dot_i8x16_i7x16(w, code), ones))
            };
            // SAFETY: the caller's.
            unsafe { all_columns::<ROWS>(codes, panel, quads, sums, dot) };
        }

        words!();
    }

    impl<const OFFSET: i32> Dot for Wasm<Bytes<OFFSET>> {
        type Code = u8;
        const OFFSET: Option<i32> = Some(OFFSET);
        const ROWS: usize = 4;

        #[inline(always)]
        unsafe fn encode(self, to: *mut u8, step: usize, x: *const f32, inverse: f32, zero: i32) {
            // SAFETY: the caller's.
            unsafe { encode_bytes(to, step, x, inverse, zero - OFFSET, OFFSET == 0) }
        }

        #[inline(always)]
        unsafe fn tile<const ROWS: usize>(self, codes: *const u8, panel: *const i8, quads: usize, sums: *mut i32) {
            // SAFETY: the caller's.
            unsafe {
                all_columns::<ROWS>(codes, panel, quads, sums, |w, code, total| {
                    i32x4_relaxed_dot_i8x16_i7x16_add(w, code, total)
                })
            };
        }

        words!();
    }

    /// ROWS × 16 sums.
    ///
    /// # Safety
    /// As [`Dot::tile`].
    #[inline(always)]
    unsafe fn all_columns<const ROWS: usize>(
        codes: *const u8,
        panel: *const i8,
        quads: usize,
        sums: *mut i32,
        dot: impl Fn(v128, v128, v128) -> v128 + Copy,
    ) {
        for columns in (0..PANEL).step_by(8) {
            // SAFETY: eight of the panel's columns are 32 bytes of each of its 64-byte steps.
            unsafe { eight_columns::<ROWS>(codes, panel.add(columns * 4), quads, sums.add(columns), dot) };
        }
    }

    /// ROWS × 8 sums, four columns in each accumulator; two steps a turn, since an engine checks for interruptions in
    /// every turn of a loop.
    ///
    /// # Safety
    /// As [`Dot::tile`], for the first 32 bytes of each step of the panel.
    #[inline(always)]
    unsafe fn eight_columns<const ROWS: usize>(
        codes: *const u8,
        panel: *const i8,
        quads: usize,
        sums: *mut i32,
        dot: impl Fn(v128, v128, v128) -> v128 + Copy,
    ) {
        let mut total = [[i32x4_splat(0); 2]; ROWS];
        let mut step = |quad: usize| {
            // SAFETY: quad and row stay within what the caller vouches for.
            unsafe {
                let step = panel.add(quad * 4 * PANEL);
                let w = [v128_load(step.cast()), v128_load(step.add(16).cast())];
                for (row, total) in total.iter_mut().enumerate() {
                    let code = v128_load32_splat(codes.add((quad * ROWS + row) * 4).cast());
                    total[0] = dot(w[0], code, total[0]);
                    total[1] = dot(w[1], code, total[1]);
                }
            }
        };
        for pair in 0..quads / 2 {
            step(2 * pair);
            step(2 * pair + 1);
        }
        if !quads.is_multiple_of(2) {
            step(quads - 1);
        }
        for (row, [a, b]) in total.into_iter().enumerate() {
            // SAFETY: eight columns of each row of sums.
            unsafe {
                v128_store(sums.add(row * PANEL).cast(), a);
                v128_store(sums.add(row * PANEL + 4).cast(), b);
            }
        }
    }
}
