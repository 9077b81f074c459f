//! Pools over tokens: additive attention and the masked mean.

use super::attention::PADDING;
use super::math::{Pointwise, Tanh};
use super::pointwise::{add_scaled, scale_by, softmax, sum};
use super::simd::{Dot, Isa, Simd, Task};

/// What an additive-attention pool reads: keys `[b, n, a]`, shift `[b, a]`, v `[a]`, values `[b, n, d]`, mask `[b, n]`.
#[derive(Clone, Copy, Debug)]
pub struct Additive<'a> {
    /// Keys of the tokens.
    pub keys: &'a [f32],
    /// What is added to every key of a sequence.
    pub shift: Option<&'a [f32]>,
    /// The direction that scores.
    pub v: &'a [f32],
    /// What is summed.
    pub values: &'a [f32],
    /// 1 for a token, 0 for padding.
    pub mask: Option<&'a [f32]>,
    /// Tokens of a sequence.
    pub n: usize,
    /// Features of a value.
    pub d: usize,
}

struct AdditivePool<'a> {
    inputs: Additive<'a>,
    pooled: &'a mut [f32],
    weights: &'a mut [f32],
}

impl Task for AdditivePool<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dot>(self, s: S) {
        let Additive { keys, shift, v, values, mask, n, d } = self.inputs;
        let a = v.len();
        let rows = self.weights.chunks_exact_mut(n).zip(self.pooled.chunks_exact_mut(d));
        for (i, (weights, pooled)) in rows.enumerate() {
            let shift = shift.map(|shift| &shift[i * a..(i + 1) * a]);
            for (j, (weight, key)) in weights.iter_mut().zip(keys[i * n * a..].chunks_exact(a)).enumerate() {
                let penalty = mask.map_or(0.0, |mask| (1.0 - mask[i * n + j]) * PADDING);
                *weight = score(s, key, shift, v) + penalty;
            }
            softmax(s, weights, None);
            pooled.fill(0.0);
            for (weight, value) in weights.iter().zip(values[i * n * d..].chunks_exact(d)) {
                add_scaled(s, pooled, value, *weight);
            }
        }
    }
}

/// vᵀ tanh(key + shift).
#[inline(always)]
fn score<S: Simd>(s: S, key: &[f32], shift: Option<&[f32]>, v: &[f32]) -> f32 {
    let mut total = s.splat(0.0);
    for (i, (key, v)) in key.chunks(S::LANES).zip(v.chunks(S::LANES)).enumerate() {
        let x = s.load_part(key, 0.0);
        let x = match shift {
            Some(shift) => s.add(x, s.load_part(&shift[i * S::LANES..][..key.len()], 0.0)),
            None => x,
        };
        total = s.fma(Tanh.apply(s, x), s.load_part(v, 0.0), total);
    }
    s.sum(total)
}

/// Weights `softmax_i vᵀtanh(keys_i + shift)` `[b, n]` and the sums of the values under them, `[b, d]`.
pub fn additive(isa: Isa, inputs: Additive<'_>, pooled: &mut [f32], weights: &mut [f32]) {
    let Additive { keys, shift, v, values, mask, n, d } = inputs;
    assert!(n > 0 && d > 0 && !v.is_empty() && weights.len().is_multiple_of(n));
    let b = weights.len() / n;
    assert!(keys.len() == b * n * v.len() && values.len() == b * n * d && pooled.len() == b * d);
    assert!(shift.is_none_or(|s| s.len() == b * v.len()) && mask.is_none_or(|m| m.len() == b * n));
    isa.run(AdditivePool { inputs, pooled, weights });
}

struct MaskedMean<'a> {
    x: &'a [f32],
    mask: &'a [f32],
    n: usize,
    d: usize,
    out: &'a mut [f32],
}

impl Task for MaskedMean<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dot>(self, s: S) {
        let sequences = self.x.chunks_exact(self.n * self.d).zip(self.mask.chunks_exact(self.n));
        for ((x, mask), out) in sequences.zip(self.out.chunks_exact_mut(self.d)) {
            out.fill(0.0);
            for (x, mask) in x.chunks_exact(self.d).zip(mask) {
                add_scaled(s, out, x, *mask);
            }
            scale_by(s, out, 1.0 / sum(s, mask));
        }
    }
}

/// Mean over unmasked tokens: x `[b, n, d]`, mask `[b, n]` → out `[b, d]`.
pub fn masked_mean(isa: Isa, x: &[f32], mask: &[f32], n: usize, d: usize, out: &mut [f32]) {
    assert!(
        n > 0 && d > 0 && x.len() == mask.len() * d && mask.len().is_multiple_of(n) && out.len() == mask.len() / n * d
    );
    isa.run(MaskedMean { x, mask, n, d, out });
}
