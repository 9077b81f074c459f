//! Kernels that walk rows once: activations, layer norm, sums and products, unit length.

use super::PANEL;
use super::math::{Exp, Gelu, Identity, Pointwise, QuickGelu, Sigmoid, Tanh, TanhGelu};
use super::simd::{Dot, Isa, Simd, Task};

/// What follows a matrix product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    None,
    /// Gaussian error linear unit, exact form.
    Gelu,
    /// The same with a hyperbolic tangent in place of erf.
    TanhGelu,
    /// x·σ(1.702·x).
    QuickGelu,
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
        Act::TanhGelu => map(s, x, TanhGelu),
        Act::QuickGelu => map(s, x, QuickGelu),
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
    let largest = s.splat(penalized_max(s, x, scale, penalty));
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
fn penalized_max<S: Simd>(s: S, x: &mut [f32], scale: f32, penalty: Option<&[f32]>) -> f32 {
    let factor = s.splat(scale);
    let mut largest = s.splat(f32::NEG_INFINITY);
    let mut apply = |lanes: &mut [f32], penalty: &[f32]| {
        let v = s.fma(s.load_part(lanes, 0.0), factor, s.load_part(penalty, 0.0));
        s.store_part(lanes, v);
        // lanes beyond the end must not win
        largest = s.max(largest, s.load_part(lanes, f32::NEG_INFINITY));
    };
    let whole = x.len() - x.len() % S::LANES;
    match penalty {
        Some(penalty) => {
            let lanes = x.chunks_exact_mut(S::LANES).zip(penalty.chunks_exact(S::LANES));
            lanes.for_each(|(lanes, penalty)| apply(lanes, penalty));
            if whole < x.len() {
                apply(&mut x[whole..], &penalty[whole..]);
            }
        }
        None => {
            let zeros = &[0.0; PANEL][..S::LANES];
            x.chunks_exact_mut(S::LANES).for_each(|lanes| apply(lanes, zeros));
            if whole < x.len() {
                apply(&mut x[whole..], zeros);
            }
        }
    }
    s.largest(largest)
}

/// x ← x·factor.
#[inline(always)]
pub fn scale_by<S: Simd>(s: S, x: &mut [f32], factor: f32) {
    let factor = s.splat(factor);
    let mut chunks = x.chunks_exact_mut(S::LANES);
    let scale = |lanes: &mut [f32]| s.store_part(lanes, s.mul(s.load_part(lanes, 0.0), factor));
    chunks.by_ref().for_each(scale);
    let rest = chunks.into_remainder();
    if !rest.is_empty() {
        scale(rest);
    }
}

/// y ← y + factor·x.
#[inline(always)]
pub fn add_scaled<S: Simd>(s: S, y: &mut [f32], x: &[f32], factor: f32) {
    let factor = s.splat(factor);
    let add = |y: &mut [f32], x: &[f32]| {
        let v = s.fma(s.load_part(x, 0.0), factor, s.load_part(y, 0.0));
        s.store_part(y, v);
    };
    let (whole, n) = (y.len() - y.len() % S::LANES, y.len());
    y.chunks_exact_mut(S::LANES).zip(x[..n].chunks_exact(S::LANES)).for_each(|(y, x)| add(y, x));
    if whole < n {
        add(&mut y[whole..], &x[whole..n]);
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
            let inverse = 1.0 / (variance(s, x, mean) + self.eps).sqrt();
            let (mean, inverse) = (s.splat(mean), s.splat(inverse));
            let apply = |x: &[f32], gamma: &[f32], beta: &[f32], out: &mut [f32]| {
                let unit = s.mul(s.sub(s.load_part(x, 0.0), mean), inverse);
                s.store_part(out, s.add(s.mul(unit, s.load_part(gamma, 0.0)), s.load_part(beta, 0.0)));
            };
            // whole vectors first: the loop then has no branch in it
            let whole = d - d % S::LANES;
            let weights = self.gamma.chunks_exact(S::LANES).zip(self.beta.chunks_exact(S::LANES));
            let lanes = x.chunks_exact(S::LANES).zip(out.chunks_exact_mut(S::LANES));
            lanes.zip(weights).for_each(|((x, out), (gamma, beta))| apply(x, gamma, beta, out));
            if whole < d {
                apply(&x[whole..], &self.gamma[whole..], &self.beta[whole..], &mut out[whole..]);
            }
        }
    }
}

#[inline(always)]
fn variance<S: Simd>(s: S, x: &[f32], mean: f32) -> f32 {
    let centre = s.splat(mean);
    let squared = |total, x| {
        let centered = s.sub(x, centre);
        s.fma(centered, centered, total)
    };
    let chunks = x.chunks_exact(S::LANES);
    // padding with the mean adds nothing
    let rest = squared(s.splat(0.0), s.load_part(chunks.remainder(), mean));
    s.sum(chunks.fold(rest, |total, lanes| squared(total, s.load(lanes)))) / x.len() as f32
}

/// Layer normalization of rows: x `[rows, d]`, gamma and beta `[d]` → out `[rows, d]`.
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
        let apply = |x: &[f32], y: &[f32], out: &mut [f32]| {
            let (x, y) = (s.load_part(x, 0.0), s.load_part(y, 0.0));
            let v = match self.op {
                Binary::Add => s.add(x, y),
                Binary::Mul => s.mul(x, y),
            };
            s.store_part(out, v);
        };
        for (x, out) in self.x.chunks_exact(self.y.len()).zip(self.out.chunks_exact_mut(self.y.len())) {
            let whole = x.len() - x.len() % S::LANES;
            let lanes = x.chunks_exact(S::LANES).zip(self.y.chunks_exact(S::LANES));
            lanes.zip(out.chunks_exact_mut(S::LANES)).for_each(|((x, y), out)| apply(x, y, out));
            if whole < x.len() {
                apply(&x[whole..], &self.y[whole..], &mut out[whole..]);
            }
        }
    }
}

/// x ∘ y with `y` repeated over `x`: x and out `[.., y]`.
pub fn binary(isa: Isa, op: Binary, x: &[f32], y: &[f32], out: &mut [f32]) {
    assert!(x.len() == out.len() && (x.is_empty() || !y.is_empty() && x.len().is_multiple_of(y.len())));
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
pub fn normalize(isa: Isa, x: &mut [f32], d: usize) {
    assert!(d > 0);
    isa.run(UnitLength(x, d));
}
