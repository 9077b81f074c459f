//! Vector operations that float kernels are written over, once for every instruction set.
//!
//! A value of a type that implements [`Simd`] is a proof that the processor has the instructions: [`Isa::run`] makes
//! it after detection, inside a function compiled for them, and the kernel is inlined there.

#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use scalar::Scalar;

/// 1.5·2²³: adding it rounds a small float to the nearest integer (ties to even), kept in the low mantissa bits.
pub const ROUND: f32 = 12_582_912.0;

/// Float vectors of one instruction set.
pub trait Simd: Copy {
    /// A vector of floats.
    type F: Copy;
    /// Floats in a vector: a power of two, at most 16.
    const LANES: usize;

    /// Reads a vector.
    ///
    /// # Safety
    /// `from` is valid for reading `LANES` floats.
    unsafe fn load_ptr(self, from: *const f32) -> Self::F;
    /// Writes a vector.
    ///
    /// # Safety
    /// `to` is valid for writing `LANES` floats.
    unsafe fn store_ptr(self, to: *mut f32, v: Self::F);
    /// All lanes `x`.
    fn splat(self, x: f32) -> Self::F;
    /// a + b.
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// a − b.
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// a · b.
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// a / b.
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// The smaller of each lane.
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    /// The larger of each lane.
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    /// a · b + c, rounded once or twice, whichever is faster.
    fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// |x|.
    fn abs(self, x: Self::F) -> Self::F;
    /// `v` where x ≥ bound, 0 elsewhere.
    fn zero_below(self, x: Self::F, bound: f32, v: Self::F) -> Self::F;
    /// 2ⁿ for a vector that holds n + [`ROUND`], −126 ≤ n ≤ 127.
    fn exponent(self, shifted: Self::F) -> Self::F;
    /// Integers as floats after taking `zero · w` from each: reads `LANES` of `sums` and of `w`.
    ///
    /// # Safety
    /// Both are valid for reading `LANES` integers.
    unsafe fn centered(self, sums: *const i32, w: *const i32, zero: i32) -> Self::F;
    /// Integers as floats.
    ///
    /// # Safety
    /// `from` is valid for reading `LANES` integers.
    unsafe fn convert(self, from: *const i32) -> Self::F;
    /// Sum of the lanes.
    fn sum(self, v: Self::F) -> f32;
    /// Largest lane.
    fn largest(self, v: Self::F) -> f32;
    /// Smallest lane.
    fn smallest(self, v: Self::F) -> f32;

    /// The first `LANES` numbers of `x`.
    #[inline(always)]
    fn load(self, x: &[f32]) -> Self::F {
        let x = &x[..Self::LANES];
        // SAFETY: the slice has LANES floats.
        unsafe { self.load_ptr(x.as_ptr()) }
    }

    /// Writes the first `LANES` numbers of `x`.
    #[inline(always)]
    fn store(self, x: &mut [f32], v: Self::F) {
        let x = &mut x[..Self::LANES];
        // SAFETY: the slice has LANES floats.
        unsafe { self.store_ptr(x.as_mut_ptr(), v) }
    }

    /// `x` with `padding` in the lanes that it does not fill.
    #[inline(always)]
    fn load_part(self, x: &[f32], padding: f32) -> Self::F {
        if x.len() >= Self::LANES {
            return self.load(x);
        }
        let mut lanes = [padding; 16];
        lanes[..x.len()].copy_from_slice(x);
        self.load(&lanes)
    }

    /// Writes as many lanes as `x` holds.
    #[inline(always)]
    fn store_part(self, x: &mut [f32], v: Self::F) {
        if x.len() >= Self::LANES {
            return self.store(x, v);
        }
        let mut lanes = [0.0; 16];
        self.store(&mut lanes, v);
        x.copy_from_slice(&lanes[..x.len()]);
    }
}

/// Products of int8 weights with quantized activations, and of int8 vectors with an int16 query.
///
/// An activation x becomes the integer u = round(x / scale) + zero in 0 … 255. Sets differ in how they want it stored:
/// a `Code` is u − zero where the set multiplies 16-bit numbers, or u − [`Dot::OFFSET`] where it multiplies bytes;
/// what remains of the zero point is taken from the sum afterwards, so that all sets give the same integers.
pub trait Dot: Simd {
    /// A stored activation.
    type Code: Copy;
    /// `None`: codes are u − zero. `Some(offset)`: codes are u − offset.
    const OFFSET: Option<i32>;
    /// Rows that one call of [`tile`](Self::tile) takes at most.
    const ROWS: usize;

    /// Stores the codes round(x · inverse) + zero of 16 numbers as four quads, the first codes of which are `step`
    /// codes apart.
    ///
    /// # Safety
    /// `x` is valid for reading 16 floats, `to` for writing four codes at each of the four places.
    unsafe fn encode(self, to: *mut Self::Code, step: usize, x: *const f32, inverse: f32, zero: i32);

    /// Sums of `ROWS` rows of codes with one panel of 16 weight columns, over `quads` groups of four. Codes are
    /// interleaved, `[quads, ROWS, 4]`, so that one pointer walks through all rows.
    ///
    /// # Safety
    /// `codes` is valid for reading `4 · ROWS · quads` codes; `panel` for `64 · quads` integers and is aligned to 64
    /// bytes; `sums` for writing `ROWS` rows of 16.
    unsafe fn tile<const ROWS: usize>(self, codes: *const Self::Code, panel: *const i8, quads: usize, sums: *mut i32);

    /// Stores round(x · factor) of 16 numbers as eight pairs of 16-bit integers, `step` integers apart.
    ///
    /// # Safety
    /// `x` is valid for reading 16 floats, `to` for writing two integers at each of the eight places.
    unsafe fn encode_pairs(self, to: *mut i16, step: usize, x: *const f32, factor: f32);

    /// Stores round(a · factor) and round(b · factor) of 16 numbers each, alternating.
    ///
    /// # Safety
    /// `a` and `b` are valid for reading 16 floats, `to` for writing 32 integers.
    unsafe fn interleave(self, to: *mut i16, a: *const f32, b: *const f32, factor: f32);

    /// Sums of `ROWS` rows of 16-bit integers, `[pairs, ROWS, 2]`, with a panel of 16 columns, `[pairs, 16, 2]`.
    ///
    /// # Safety
    /// `rows` and `panel` are valid for reading that many integers, `sums` for writing `ROWS` rows of 16.
    unsafe fn tile_pairs<const ROWS: usize>(self, rows: *const i16, panel: *const i16, pairs: usize, sums: *mut i32);

    /// Σ vector · query for `N` vectors, `stride` numbers apart, over their first `len` numbers, a multiple of 16.
    ///
    /// # Safety
    /// Every vector and the query are valid for reading `len` numbers.
    unsafe fn scan<const N: usize>(self, vectors: *const i8, stride: usize, query: *const i16, len: usize) -> [i32; N];
}

/// A kernel, to be run with whatever instructions there are.
pub trait Task {
    /// Its result.
    type Out;
    /// Runs the kernel. Implementations are `#[inline(always)]`, so that they are compiled for the instruction set.
    fn run<S: Dot>(self, s: S) -> Self::Out;
}

/// An instruction set that kernels were compiled for and this processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Level);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Vnni256,
    #[cfg(target_arch = "x86_64")]
    Vnni512,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Simd128,
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    UnsignedBytes,
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    SignedBytes,
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    BytePairs,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// No vector instructions: the reference that every other set is tested against.
    pub const SCALAR: Self = Self(Level::Scalar);

    /// Every set that this processor has, the slowest first.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut, reason = "some targets have the scalar set alone")]
        let mut all = vec![Self::SCALAR];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            all.push(Self(Level::Avx2));
            if is_x86_feature_detected!("avxvnni") {
                all.push(Self(Level::Vnni256));
            }
            let wide = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
            if wide && is_x86_feature_detected!("avx512vl") && is_x86_feature_detected!("avx512vnni") {
                all.push(Self(Level::Vnni512));
            }
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        all.push(Self(Level::Simd128));
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        match wasm::products() {
            wasm::Products::Unsigned => all.push(Self(Level::UnsignedBytes)),
            wasm::Products::Signed => all.push(Self(Level::SignedBytes)),
            wasm::Products::Pairs => all.push(Self(Level::BytePairs)),
            wasm::Products::None => {}
        }
        #[cfg(target_arch = "aarch64")]
        all.push(Self(Level::Neon));
        all
    }

    /// The fastest set that this processor has.
    pub fn detect() -> Self {
        Self::available().pop().unwrap_or(Self::SCALAR)
    }

    /// The set's name.
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Vnni256 => "avx-vnni",
            #[cfg(target_arch = "x86_64")]
            Level::Vnni512 => "avx512-vnni",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Level::Simd128 => "simd128",
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Level::UnsignedBytes => "relaxed-unsigned",
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Level::SignedBytes => "relaxed-signed",
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Level::BytePairs => "relaxed-pairs",
            #[cfg(target_arch = "aarch64")]
            Level::Neon => "neon",
        }
    }

    /// Whether int8 products are exact only for weights that went through
    /// [`limit_pairs`](super::gemm_i8::limit_pairs).
    pub fn wants_limited_pairs(self) -> bool {
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        return self.0 == Level::BytePairs;
        #[allow(unreachable_code, reason = "one of two bodies is compiled")]
        false
    }

    /// Runs a kernel.
    pub fn run<T: Task>(self, task: T) -> T::Out {
        match self.0 {
            Level::Scalar => task.run(Scalar),
            // SAFETY: a level other than scalar is only ever made by `available`, which has seen the instructions.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { x86::avx2(task) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Vnni256 => unsafe { x86::vnni256(task) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Vnni512 => unsafe { x86::vnni512(task) },
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Level::Simd128 => task.run(wasm::Wasm::<wasm::Words>::BASELINE),
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Level::UnsignedBytes => task.run(wasm::Wasm::<wasm::Bytes<0>>::UNSIGNED),
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Level::SignedBytes => task.run(wasm::Wasm::<wasm::Bytes<128>>::SIGNED),
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Level::BytePairs => task.run(wasm::Wasm::<wasm::Pairs>::PAIRS),
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Level::Neon => task.run(neon::Neon),
        }
    }
}
