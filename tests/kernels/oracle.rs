//! The definitions of the operations in f64: what kernels and backends are compared with.

#![allow(dead_code, reason = "each of the tables uses its own part")]

/// Terms of each sum added up without their signs: what the rounding of the sums is relative to.
pub struct Sums {
    /// The answer.
    pub exact: Vec<f64>,
    /// The size of what was added.
    pub size: Vec<f64>,
}

/// Each number in f64.
pub fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|v| f64::from(*v)).collect()
}

/// x·Φ(x).
pub fn gelu(x: f64) -> f64 {
    x * 0.5 * erfc(-x / std::f64::consts::SQRT_2)
}

/// x·½(1 + tanh(√(2/π)·(x + 0.044715·x³))).
pub fn tanh_gelu(x: f64) -> f64 {
    x * logistic(2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x))
}

/// x·σ(1.702·x).
pub fn quick_gelu(x: f64) -> f64 {
    x * logistic(1.702 * x)
}

/// 1 / (1 + e⁻ˣ).
pub fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `act(x·wᵀ + bias)`: x `[rows, k]`, w `[n, k]`, bias `[n]`.
pub fn linear(x: &[f64], w: &[f64], bias: Option<&[f32]>, k: usize, act: &dyn Fn(f64) -> f64) -> Sums {
    let (mut exact, mut sizes) = (Vec::new(), Vec::new());
    for x in x.chunks_exact(k) {
        for (column, w) in w.chunks_exact(k).enumerate() {
            let bias = bias.map_or(0.0, |bias| f64::from(bias[column]));
            let terms = x.iter().zip(w).map(|(x, w)| x * w);
            let (sum, size) = terms.fold((bias, bias.abs()), |(sum, size), term| (sum + term, size + term.abs()));
            let y = act(sum);
            exact.push(y);
            sizes.push(size + y.abs());
        }
    }
    Sums { exact, size: sizes }
}

/// Rows of mean 0 and variance 1, scaled and shifted.
pub fn layer_norm(x: &[f64], gamma: &[f64], beta: &[f64], eps: f64) -> Vec<f64> {
    let d = gamma.len();
    let row = |x: &[f64]| -> Vec<f64> {
        let mean = x.iter().sum::<f64>() / d as f64;
        let variance = x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / d as f64;
        let inverse = 1.0 / (variance + eps).sqrt();
        x.iter().zip(gamma).zip(beta).map(|((x, gamma), beta)| (x - mean) * inverse * gamma + beta).collect()
    };
    x.chunks_exact(d).flat_map(row).collect()
}

/// Rows of length 1.
pub fn normalize(x: &[f64], d: usize) -> Vec<f64> {
    let row = |x: &[f64]| -> Vec<f64> {
        let length = (x.iter().map(|v| v * v).sum::<f64>() + 1e-12).sqrt();
        x.iter().map(|v| v / length).collect()
    };
    x.chunks_exact(d).flat_map(row).collect()
}

fn softmax(scores: &mut [f64]) {
    let largest = scores.iter().fold(f64::NEG_INFINITY, |m, v| m.max(*v));
    scores.iter_mut().for_each(|s| *s = (*s - largest).exp());
    let total: f64 = scores.iter().sum();
    scores.iter_mut().for_each(|s| *s /= total);
}

/// Multi-head softmax attention: qkv `[b, n, 3·d]`, mask `[b, n]`.
pub fn attention(qkv: &[f64], mask: Option<&[f32]>, sizes: [usize; 4]) -> Vec<f64> {
    attend(qkv, mask, sizes, false)
}

/// The same where a token sees itself and those before it.
pub fn causal_attention(qkv: &[f64], sizes: [usize; 4]) -> Vec<f64> {
    attend(qkv, None, sizes, true)
}

fn attend(qkv: &[f64], mask: Option<&[f32]>, [batch, n, heads, size]: [usize; 4], causal: bool) -> Vec<f64> {
    let d = heads * size;
    let part = |b: usize, token: usize, part: usize, head: usize| {
        &qkv[((b * n + token) * 3 + part) * d + head * size..][..size]
    };
    let mut out = vec![0.0; batch * n * d];
    for (b, query, head) in (0..batch * n * heads).map(|i| (i / heads / n, i / heads % n, i % heads)) {
        let q = part(b, query, 0, head);
        let mask = mask.map(|mask| &mask[b * n..(b + 1) * n]);
        let even = mask.is_some_and(|mask| mask.iter().all(|m| *m == 0.0));
        let score = |key: usize| {
            let dot: f64 = q.iter().zip(part(b, key, 1, head)).map(|(q, k)| q * k).sum();
            // beside a penalty of 1e9, a score vanishes in f32
            if even { 0.0 } else { dot / (size as f64).sqrt() + mask.map_or(0.0, |mask| penalty(mask[key])) }
        };
        let mut scores: Vec<f64> = (0..if causal { query + 1 } else { n }).map(score).collect();
        softmax(&mut scores);
        let out = &mut out[(b * n + query) * d + head * size..][..size];
        for (key, weight) in scores.iter().enumerate() {
            out.iter_mut().zip(part(b, key, 2, head)).for_each(|(o, v)| *o += weight * v);
        }
    }
    out
}

fn penalty(mask: f32) -> f64 {
    f64::from(mask - 1.0) * 1e9
}

/// keys, shift, v, values, mask; batch, n, a, d → pooled and weights.
pub fn additive([keys, shift, v, values, mask]: [&[f32]; 5], [batch, n, a, d]: [usize; 4]) -> (Sums, Vec<f64>) {
    let (mut pooled, mut size, mut all) = (vec![0.0; batch * d], vec![0.0; batch * d], Vec::new());
    for b in 0..batch {
        let score = |token: usize| {
            let key = &keys[(b * n + token) * a..][..a];
            let terms = key.iter().zip(&shift[b * a..]).zip(v);
            let score: f64 = terms.map(|((k, s), v)| f64::from(*v) * (f64::from(*k) + f64::from(*s)).tanh()).sum();
            score + penalty(mask[b * n + token])
        };
        let mut weights: Vec<f64> = (0..n).map(score).collect();
        softmax(&mut weights);
        for (token, weight) in weights.iter().enumerate() {
            for (i, value) in values[(b * n + token) * d..][..d].iter().enumerate() {
                pooled[b * d + i] += weight * f64::from(*value);
                size[b * d + i] += weight * f64::from(value.abs());
            }
        }
        all.extend(weights);
    }
    (Sums { exact: pooled, size }, all)
}

/// Means over unmasked tokens: x `[b, n, d]`, mask `[b, n]`.
pub fn masked_mean(x: &[f32], mask: &[f32], n: usize, d: usize) -> Sums {
    let batch = mask.len() / n;
    let (mut exact, mut size) = (vec![0.0; batch * d], vec![0.0; batch * d]);
    for b in 0..batch {
        let count: f64 = mask[b * n..][..n].iter().map(|m| f64::from(*m)).sum();
        for token in (b * n..(b + 1) * n).filter(|token| mask[*token] == 1.0) {
            for (i, value) in x[token * d..][..d].iter().enumerate() {
                exact[b * d + i] += f64::from(*value) / count;
                size[b * d + i] += f64::from(value.abs()) / count;
            }
        }
    }
    Sums { exact, size }
}

/// The complementary error function: its series near 0, its continued fraction further out; 1e-14.
pub fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    if x < 2.0 {
        let (mut term, mut sum) = (x, x);
        for n in 1..80 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        return 1.0 - sum * 2.0 / std::f64::consts::PI.sqrt();
    }
    let fraction = (1..120).rev().fold(x, |below, n| x + f64::from(n) * 0.5 / below);
    (-x * x).exp() / (fraction * std::f64::consts::PI.sqrt())
}
