//! x86-64: AVX2 with fused multiply-add, and dot products of bytes (VNNI) in 256 and 512 bits on top of it.

use super::super::PANEL;
use super::{Dot, Simd, Task};
use core::arch::x86_64::*;
use core::marker::PhantomData;

/// 256-bit vectors of floats, with integer products of the kind `P`. Only the functions below make one.
#[derive(Clone, Copy, Debug)]
pub struct X86<P>(PhantomData<P>);

/// Products of 16-bit integers: AVX2 alone.
#[derive(Clone, Copy, Debug)]
pub struct Words;

/// Dot products of bytes in 256-bit vectors: AVX-VNNI.
#[derive(Clone, Copy, Debug)]
pub struct Vnni256;

/// Dot products of bytes in 512-bit vectors: AVX-512 VNNI.
#[derive(Clone, Copy, Debug)]
pub struct Vnni512;

/// Runs a kernel compiled for AVX2.
///
/// # Safety
/// The processor has AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn avx2<T: Task>(task: T) -> T::Out {
    task.run(X86::<Words>(PhantomData))
}

/// Runs a kernel compiled for AVX-VNNI.
///
/// # Safety
/// The processor has AVX2, FMA and AVX-VNNI.
#[target_feature(enable = "avx2,fma,avxvnni")]
pub unsafe fn vnni256<T: Task>(task: T) -> T::Out {
    task.run(X86::<Vnni256>(PhantomData))
}

/// Runs a kernel compiled for AVX-512 VNNI.
///
/// # Safety
/// The processor has AVX2, FMA, AVX-512 F, BW, VL and VNNI.
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512vnni")]
pub unsafe fn vnni512<T: Task>(task: T) -> T::Out {
    task.run(X86::<Vnni512>(PhantomData))
}

// SAFETY of every block in this file, unless it says more: the value `self` exists only where the instructions do, and
// what a pointer is read or written for is the caller's.
impl<P: Copy> Simd for X86<P> {
    type F = __m256;
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn load_ptr(self, from: *const f32) -> __m256 {
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store_ptr(self, to: *mut f32, v: __m256) {
        unsafe { _mm256_storeu_ps(to, v) }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        unsafe { _mm256_set1_ps(x) }
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_div_ps(a, b) }
    }
    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_min_ps(a, b) }
    }
    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_max_ps(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn abs(self, x: __m256) -> __m256 {
        unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), x) }
    }
    #[inline(always)]
    fn zero_below(self, x: __m256, bound: f32, v: __m256) -> __m256 {
        unsafe { _mm256_and_ps(v, _mm256_cmp_ps::<_CMP_GE_OQ>(x, _mm256_set1_ps(bound))) }
    }
    #[inline(always)]
    fn exponent(self, shifted: __m256) -> __m256 {
        unsafe {
            let bits = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted));
            _mm256_castsi256_ps(_mm256_add_epi32(bits, _mm256_set1_epi32(0x3f80_0000)))
        }
    }
    #[inline(always)]
    unsafe fn centered(self, sums: *const i32, w: *const i32, zero: i32) -> __m256 {
        unsafe {
            let (sums, w) = (_mm256_loadu_si256(sums.cast()), _mm256_loadu_si256(w.cast()));
            _mm256_cvtepi32_ps(_mm256_sub_epi32(sums, _mm256_mullo_epi32(w, _mm256_set1_epi32(zero))))
        }
    }
    #[inline(always)]
    unsafe fn convert(self, from: *const i32) -> __m256 {
        unsafe { _mm256_cvtepi32_ps(_mm256_loadu_si256(from.cast())) }
    }
    #[inline(always)]
    fn sum(self, v: __m256) -> f32 {
        lanes(v).iter().sum()
    }
    #[inline(always)]
    fn largest(self, v: __m256) -> f32 {
        lanes(v).into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
    #[inline(always)]
    fn smallest(self, v: __m256) -> f32 {
        lanes(v).into_iter().fold(f32::INFINITY, f32::min)
    }
}

/// The pairwise sums, maxima and minima start from memory: they end a row, so their cost is small.
#[inline(always)]
fn lanes(v: __m256) -> [f32; 8] {
    let mut out = [0.0; 8];
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), v) };
    out
}

/// round(x · factor) of eight numbers.
///
/// # Safety
/// The processor has AVX2, and `x` is valid for reading eight floats.
#[inline(always)]
unsafe fn rounded(x: *const f32, factor: f32) -> __m256i {
    unsafe { _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x), _mm256_set1_ps(factor))) }
}

/// Eight integers narrowed to 16 bits.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn words(x: __m256i) -> __m128i {
    unsafe { _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x)) }
}

/// What all kinds of integer products share.
macro_rules! shared {
    () => {
        #[inline(always)]
        unsafe fn encode_pairs(self, to: *mut i16, step: usize, x: *const f32, factor: f32) {
            for half in 0..2 {
                unsafe {
                    let words = words(rounded(x.add(8 * half), factor));
                    let to = to.add(4 * half * step);
                    to.cast::<i32>().write_unaligned(_mm_cvtsi128_si32(words));
                    to.add(step).cast::<i32>().write_unaligned(_mm_extract_epi32::<1>(words));
                    to.add(2 * step).cast::<i32>().write_unaligned(_mm_extract_epi32::<2>(words));
                    to.add(3 * step).cast::<i32>().write_unaligned(_mm_extract_epi32::<3>(words));
                }
            }
        }

        #[inline(always)]
        unsafe fn interleave(self, to: *mut i16, a: *const f32, b: *const f32, factor: f32) {
            for at in [0, 8] {
                unsafe {
                    let low = _mm256_and_si256(rounded(a.add(at), factor), _mm256_set1_epi32(0xffff));
                    let high = _mm256_slli_epi32::<16>(rounded(b.add(at), factor));
                    _mm256_storeu_si256(to.add(2 * at).cast(), _mm256_or_si256(low, high));
                }
            }
        }

        #[inline(always)]
        unsafe fn scan<const N: usize>(
            self,
            vectors: *const i8,
            stride: usize,
            query: *const i16,
            len: usize,
        ) -> [i32; N] {
            unsafe {
                let mut totals = [_mm256_setzero_si256(); N];
                for i in (0..len).step_by(16) {
                    let q = _mm256_loadu_si256(query.add(i).cast());
                    for (vector, total) in totals.iter_mut().enumerate() {
                        let v = _mm_loadu_si128(vectors.add(vector * stride + i).cast());
                        *total = _mm256_add_epi32(*total, _mm256_madd_epi16(_mm256_cvtepi8_epi16(v), q));
                    }
                }
                totals.map(|total| {
                    let total = _mm_add_epi32(_mm256_castsi256_si128(total), _mm256_extracti128_si256::<1>(total));
                    let total = _mm_add_epi32(total, _mm_shuffle_epi32::<0b00_00_11_10>(total));
                    _mm_cvtsi128_si32(_mm_add_epi32(total, _mm_shuffle_epi32::<0b00_00_00_01>(total)))
                })
            }
        }
    };
}

impl Dot for X86<Words> {
    type Code = i16;
    const OFFSET: Option<i32> = None;
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn encode(self, to: *mut i16, step: usize, x: *const f32, inverse: f32, _: i32) {
        for pair in 0..2 {
            unsafe {
                let words = words(rounded(x.add(8 * pair), inverse));
                _mm_storel_epi64(to.add(2 * pair * step).cast(), words);
                _mm_storeh_pd(to.add((2 * pair + 1) * step).cast(), _mm_castsi128_pd(words));
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<const ROWS: usize>(self, codes: *const i16, panel: *const i8, quads: usize, sums: *mut i32) {
        for columns in (0..PANEL).step_by(8) {
            // SAFETY: eight of the panel's columns are 32 bytes of each of its 64-byte steps.
            unsafe { eight_columns::<ROWS>(codes, panel.add(columns * 4), quads, sums.add(columns)) };
        }
    }

    #[inline(always)]
    unsafe fn tile_pairs<const ROWS: usize>(self, rows: *const i16, panel: *const i16, pairs: usize, sums: *mut i32) {
        unsafe {
            let mut total = [[_mm256_setzero_si256(); 2]; ROWS];
            for pair in 0..pairs {
                let step = panel.add(pair * PANEL * 2);
                let w = [0, 16].map(|at| _mm256_loadu_si256(step.add(at).cast()));
                for (row, total) in total.iter_mut().enumerate() {
                    let code = _mm256_set1_epi32(rows.add((pair * ROWS + row) * 2).cast::<i32>().read_unaligned());
                    total[0] = _mm256_add_epi32(total[0], _mm256_madd_epi16(code, w[0]));
                    total[1] = _mm256_add_epi32(total[1], _mm256_madd_epi16(code, w[1]));
                }
            }
            store_256(total, sums);
        }
    }

    shared!();
}

/// ROWS × 8 sums, with the halves of four columns in each accumulator.
///
/// # Safety
/// As [`Dot::tile`], for the first 32 bytes of each step of the panel.
#[inline(always)]
unsafe fn eight_columns<const ROWS: usize>(codes: *const i16, panel: *const i8, quads: usize, sums: *mut i32) {
    unsafe {
        let mut total = [[_mm256_setzero_si256(); 2]; ROWS];
        for quad in 0..quads {
            let step = panel.add(quad * 4 * PANEL);
            let w = [0, 16].map(|at| _mm256_cvtepi8_epi16(_mm_load_si128(step.add(at).cast())));
            for (row, total) in total.iter_mut().enumerate() {
                let code = _mm256_set1_epi64x(codes.add((quad * ROWS + row) * 4).cast::<i64>().read_unaligned());
                total[0] = _mm256_add_epi32(total[0], _mm256_madd_epi16(code, w[0]));
                total[1] = _mm256_add_epi32(total[1], _mm256_madd_epi16(code, w[1]));
            }
        }
        for (row, [a, b]) in total.into_iter().enumerate() {
            // columns 0 1 4 5 | 2 3 6 7, put in order
            let joined = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(a, b));
            _mm256_storeu_si256(sums.add(row * PANEL).cast(), joined);
        }
    }
}

impl Dot for X86<Vnni256> {
    type Code = u8;
    const OFFSET: Option<i32> = Some(0);
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn encode(self, to: *mut u8, step: usize, x: *const f32, inverse: f32, zero: i32) {
        unsafe { encode_bytes(to, step, x, inverse, zero) }
    }

    #[inline(always)]
    unsafe fn tile<const ROWS: usize>(self, codes: *const u8, panel: *const i8, quads: usize, sums: *mut i32) {
        unsafe {
            let mut total = [[_mm256_setzero_si256(); 2]; ROWS];
            for quad in 0..quads {
                let w = [0, 32].map(|at| _mm256_load_si256(panel.add(quad * 4 * PANEL + at).cast()));
                for (row, total) in total.iter_mut().enumerate() {
                    let code = _mm256_set1_epi32(codes.add((quad * ROWS + row) * 4).cast::<i32>().read_unaligned());
                    total[0] = _mm256_dpbusd_avx_epi32(total[0], code, w[0]);
                    total[1] = _mm256_dpbusd_avx_epi32(total[1], code, w[1]);
                }
            }
            store_256(total, sums);
        }
    }

    #[inline(always)]
    unsafe fn tile_pairs<const ROWS: usize>(self, rows: *const i16, panel: *const i16, pairs: usize, sums: *mut i32) {
        unsafe {
            let mut total = [[_mm256_setzero_si256(); 2]; ROWS];
            for pair in 0..pairs {
                let w = [0, 16].map(|at| _mm256_loadu_si256(panel.add(pair * PANEL * 2 + at).cast()));
                for (row, total) in total.iter_mut().enumerate() {
                    let code = _mm256_set1_epi32(rows.add((pair * ROWS + row) * 2).cast::<i32>().read_unaligned());
                    total[0] = _mm256_dpwssd_avx_epi32(total[0], code, w[0]);
                    total[1] = _mm256_dpwssd_avx_epi32(total[1], code, w[1]);
                }
            }
            store_256(total, sums);
        }
    }

    shared!();
}

impl Dot for X86<Vnni512> {
    type Code = u8;
    const OFFSET: Option<i32> = Some(0);
    const ROWS: usize = 12;

    #[inline(always)]
    unsafe fn encode(self, to: *mut u8, step: usize, x: *const f32, inverse: f32, zero: i32) {
        unsafe { encode_bytes(to, step, x, inverse, zero) }
    }

    #[inline(always)]
    unsafe fn tile<const ROWS: usize>(self, codes: *const u8, panel: *const i8, quads: usize, sums: *mut i32) {
        unsafe {
            let mut total = [_mm512_setzero_si512(); ROWS];
            for quad in 0..quads {
                let w = _mm512_load_si512(panel.add(quad * 4 * PANEL).cast());
                for (row, total) in total.iter_mut().enumerate() {
                    let code = _mm512_set1_epi32(codes.add((quad * ROWS + row) * 4).cast::<i32>().read_unaligned());
                    *total = _mm512_dpbusd_epi32(*total, code, w);
                }
            }
            store_512(total, sums);
        }
    }

    #[inline(always)]
    unsafe fn tile_pairs<const ROWS: usize>(self, rows: *const i16, panel: *const i16, pairs: usize, sums: *mut i32) {
        unsafe {
            let mut total = [_mm512_setzero_si512(); ROWS];
            for pair in 0..pairs {
                let w = _mm512_loadu_si512(panel.add(pair * PANEL * 2).cast());
                for (row, total) in total.iter_mut().enumerate() {
                    let code = _mm512_set1_epi32(rows.add((pair * ROWS + row) * 2).cast::<i32>().read_unaligned());
                    *total = _mm512_dpwssd_epi32(*total, code, w);
                }
            }
            store_512(total, sums);
        }
    }

    shared!();
}

/// Stores the codes of 16 numbers as unsigned bytes.
///
/// # Safety
/// As [`Dot::encode`]; the processor has AVX2.
#[inline(always)]
unsafe fn encode_bytes(to: *mut u8, step: usize, x: *const f32, inverse: f32, zero: i32) {
    unsafe {
        let code = |at: usize| words(_mm256_add_epi32(rounded(x.add(at), inverse), _mm256_set1_epi32(zero)));
        let bytes = _mm_packus_epi16(code(0), code(8));
        let quads: [i32; 4] = core::mem::transmute(bytes);
        for (i, quad) in quads.into_iter().enumerate() {
            to.add(i * step).cast::<i32>().write_unaligned(quad);
        }
    }
}

/// Writes rows of 16 sums held in two vectors each.
///
/// # Safety
/// As [`Dot::tile`]; the processor has AVX2.
#[inline(always)]
unsafe fn store_256<const ROWS: usize>(total: [[__m256i; 2]; ROWS], sums: *mut i32) {
    for (row, [a, b]) in total.into_iter().enumerate() {
        unsafe {
            _mm256_storeu_si256(sums.add(row * PANEL).cast(), a);
            _mm256_storeu_si256(sums.add(row * PANEL + 8).cast(), b);
        }
    }
}

/// Writes rows of 16 sums held in one vector each.
///
/// # Safety
/// As [`Dot::tile`]; the processor has AVX-512.
#[inline(always)]
unsafe fn store_512<const ROWS: usize>(total: [__m512i; ROWS], sums: *mut i32) {
    for (row, total) in total.into_iter().enumerate() {
        unsafe { _mm512_storeu_si512(sums.add(row * PANEL).cast(), total) };
    }
}
