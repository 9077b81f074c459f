//! Kernels that walk rows once: activations, layer norm, sums and products, unit length.

use super::math::{Exp, Gelu, Identity, Pointwise, Sigmoid, Tanh};
use super::simd::{Dot, Isa, Simd, Task};

/// What follows a matrix product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    None,
    /// Gaussian error linear unit, exact form.
    Gelu,
    /// Hyperbolic tangent.
    Tanh,
    /// Logistic function.
    Sigmoid,
    /// Exponential function.
    Exp,
}

/// x ← f(x).
#[inline(always)]
pub fn map<S: Simd>(s: S, x: &mut [f32], f: impl Pointwise) {
    let (body, rest) = x.split_at_mut(x.len() - x.len() % S::LANES);
    for lanes in body.chunks_exact_mut(S::LANES) {
        let y = f.apply(s, s.load(lanes));
        s.store(lanes, y);
    }
    if !rest.is_empty() {
        let y = f.apply(s, s.load_part(rest, 0.0));
        s.store_part(rest, y);
    }
}

/// Applies an activation in place.
#[inline(always)]
pub fn activate<S: Simd>(s: S, x: &mut [f32], act: Act) {
    match act {
        Act::None => map(s, x, Identity),
        Act::Gelu => map(s, x, Gelu),
        Act::Tanh => map(s, x, Tanh),
        Act::Sigmoid => map(s, x, Sigmoid),
        Act::Exp => map(s, x, Exp),
    }
}

struct Activate<'a>(&'a mut [f32], Act);

impl Task for Activate<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dot>(self, s: S) {
        activate(s, self.0, self.1);
    }
}

/// Applies an activation to `x`.
pub fn activation(isa: Isa, x: &mut [f32], act: Act) {
    isa.run(Activate(x, act));
}

/// Σ x.
#[inline(always)]
pub fn sum<S: Simd>(s: S, x: &[f32]) -> f32 {
    let mut total = s.splat(0.0);
    let chunks = x.chunks_exact(S::LANES);
    let rest = chunks.remainder();
    for lanes in chunks {
        total = s.add(total, s.load(lanes));
    }
    s.sum(s.add(total, s.load_part(rest, 0.0)))
}

/// Σ x·y, over the shorter of the two.
#[inline(always)]
pub fn dot<S: Simd>(s: S, x: &[f32], y: &[f32]) -> f32 {
    let n = x.len().min(y.len());
    let whole = n - n % S::LANES;
    let mut total = s.splat(0.0);
    for (x, y) in x[..whole].chunks_exact(S::LANES).zip(y[..whole].chunks_exact(S::LANES)) {
        total = s.fma(s.load(x), s.load(y), total);
    }
    s.sum(s.fma(s.load_part(&x[whole..n], 0.0), s.load_part(&y[whole..n], 0.0), total))
}

/// The smallest and the largest of x and 0.
#[inline(always)]
pub fn range<S: Simd>(s: S, x: &[f32]) -> (f32, f32) {
    let (mut low, mut high) = (s.splat(0.0), s.splat(0.0));
    let chunks = x.chunks_exact(S::LANES);
    let rest = s.load_part(chunks.remainder(), 0.0);
    for lanes in chunks {
        let v = s.load(lanes);
        (low, high) = (s.min(low, v), s.max(high, v));
    }
    (s.smallest(s.min(low, rest)), s.largest(s.max(high, rest)))
}

/// x ← softmax(x + penalty), in place.
#[inline(always)]
pub fn softmax<S: Simd>(s: S, x: &mut [f32], penalty: Option<&[f32]>) {
    let total = softmax_terms(s, x, 1.0, penalty);
    scale_by(s, x, 1.0 / total);
}

/// x ← exp(y − the largest y) with y = x·scale + penalty, in place, and the sum of the result.
#[inline(always)]
pub fn softmax_terms<S: Simd>(s: S, x: &mut [f32], scale: f32, penalty: Option<&[f32]>) -> f32 {
    let largest = s.splat(penalised_max(s, x, scale, penalty));
    let whole = x.len() - x.len() % S::LANES;
    let mut total = s.splat(0.0);
    for lanes in x[..whole].chunks_exact_mut(S::LANES) {
        let e = Exp.apply(s, s.sub(s.load(lanes), largest));
        total = s.add(total, e);
        s.store(lanes, e);
    }
    let rest = &mut x[whole..];
    let e = Exp.apply(s, s.sub(s.load_part(rest, f32::NEG_INFINITY), largest));
    s.store_part(rest, e);
    s.sum(s.add(total, e))
}

/// x ← x·scale + penalty, and the largest of the result.
#[inline(always)]
fn penalised_max<S: Simd>(s: S, x: &mut [f32], scale: f32, penalty: Option<&[f32]>) -> f32 {
    let (scale, mut largest) = (s.splat(scale), s.splat(f32::NEG_INFINITY));
    for (i, lanes) in x.chunks_mut(S::LANES).enumerate() {
        let from = i * S::LANES;
        let v = s.mul(s.load_part(lanes, 0.0), scale);
        let v = match penalty {
            Some(penalty) => s.add(v, s.load_part(&penalty[from..from + lanes.len()], 0.0)),
            None => v,
        };
        s.store_part(lanes, v);
        // lanes beyond the end must not win
        largest = s.max(largest, s.load_part(lanes, f32::NEG_INFINITY));
    }
    s.largest(largest)
}

/// x ← x·factor.
#[inline(always)]
pub fn scale_by<S: Simd>(s: S, x: &mut [f32], factor: f32) {
    let factor = s.splat(factor);
    for lanes in x.chunks_mut(S::LANES) {
        let v = s.mul(s.load_part(lanes, 0.0), factor);
        s.store_part(lanes, v);
    }
}

/// y ← y + factor·x.
#[inline(always)]
pub fn add_scaled<S: Simd>(s: S, y: &mut [f32], x: &[f32], factor: f32) {
    let factor = s.splat(factor);
    for (y, x) in y.chunks_mut(S::LANES).zip(x.chunks(S::LANES)) {
        let v = s.fma(s.load_part(x, 0.0), factor, s.load_part(y, 0.0));
        s.store_part(y, v);
    }
}

struct LayerNorm<'a> {
    x: &'a [f32],
    gamma: &'a [f32],
    beta: &'a [f32],
    eps: f32,
    out: &'a mut [f32],
}

impl Task for LayerNorm<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dot>(self, s: S) {
        let d = self.gamma.len();
        for (x, out) in self.x.chunks_exact(d).zip(self.out.chunks_exact_mut(d)) {
            let mean = sum(s, x) / d as f32;
            let variance = variance(s, x, mean);
            let inverse = 1.0 / (variance + self.eps).sqrt();
            let (mean, inverse) = (s.splat(mean), s.splat(inverse));
            for (i, out) in out.chunks_mut(S::LANES).enumerate() {
                let cells = i * S::LANES..i * S::LANES + out.len();
                let unit = s.mul(s.sub(s.load_part(&x[cells.clone()], 0.0), mean), inverse);
                let gamma = s.load_part(&self.gamma[cells.clone()], 0.0);
                s.store_part(out, s.add(s.mul(unit, gamma), s.load_part(&self.beta[cells], 0.0)));
            }
        }
    }
}

#[inline(always)]
fn variance<S: Simd>(s: S, x: &[f32], mean: f32) -> f32 {
    let centre = s.splat(mean);
    let mut total = s.splat(0.0);
    for lanes in x.chunks(S::LANES) {
        // padding with the mean adds nothing
        let centred = s.sub(s.load_part(lanes, mean), centre);
        total = s.fma(centred, centred, total);
    }
    s.sum(total) / x.len() as f32
}

/// Layer normalisation of rows: x `[rows, d]`, gamma and beta `[d]` → out `[rows, d]`.
pub fn layer_norm(isa: Isa, x: &[f32], gamma: &[f32], beta: &[f32], eps: f32, out: &mut [f32]) {
    assert!(gamma.len() == beta.len() && x.len() == out.len() && !gamma.is_empty());
    isa.run(LayerNorm { x, gamma, beta, eps, out });
}

/// Which sum or product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// x + y.
    Add,
    /// x · y.
    Mul,
}

struct Combine<'a> {
    x: &'a [f32],
    y: &'a [f32],
    op: Binary,
    out: &'a mut [f32],
}

impl Task for Combine<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dot>(self, s: S) {
        for (x, out) in self.x.chunks(self.y.len()).zip(self.out.chunks_mut(self.y.len())) {
            let lanes = x.chunks(S::LANES).zip(self.y.chunks(S::LANES)).zip(out.chunks_mut(S::LANES));
            for ((x, y), out) in lanes {
                let (x, y) = (s.load_part(x, 0.0), s.load_part(y, 0.0));
                let v = match self.op {
                    Binary::Add => s.add(x, y),
                    Binary::Mul => s.mul(x, y),
                };
                s.store_part(out, v);
            }
        }
    }
}

/// x ∘ y with `y` repeated over `x`: x and out `[.., y]`.
pub fn binary(isa: Isa, op: Binary, x: &[f32], y: &[f32], out: &mut [f32]) {
    assert!(x.len() == out.len() && (x.is_empty() || !y.is_empty()));
    if !y.is_empty() {
        isa.run(Combine { x, y, op, out });
    }
}

struct UnitLength<'a>(&'a mut [f32], usize);

impl Task for UnitLength<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dot>(self, s: S) {
        for row in self.0.chunks_exact_mut(self.1) {
            let length = (dot(s, row, row) + 1e-12).sqrt();
            scale_by(s, row, 1.0 / length);
        }
    }
}

/// Scales rows of `d` numbers to unit length, in place.
pub fn normalise(isa: Isa, x: &mut [f32], d: usize) {
    assert!(d > 0);
    isa.run(UnitLength(x, d));
}
