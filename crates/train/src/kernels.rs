//! Loops that training spends its time in, written so that the compiler makes vector code of them, once for AVX-512,
//! once for AVX2 and once for whatever the build targets.

use std::sync::OnceLock;

/// Vector width in use: 2 AVX-512, 1 AVX2 with FMA, 0 the build's own.
fn level() -> u8 {
    static LEVEL: OnceLock<u8> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw")
            {
                return 2;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return 1;
            }
        }
        0
    })
}

/// Compiles one body for every vector width and picks one when called.
macro_rules! vectorised {
    ($(#[$doc:meta])* pub fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)]
        pub fn $name($($arg: $ty),*) {
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn body($($arg: $ty),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma,avx2")]
                #[allow(clippy::too_many_arguments)]
                fn wide($($arg: $ty),*) { body($($arg),*) }
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments)]
                fn narrow($($arg: $ty),*) { body($($arg),*) }
                match level() {
                    // SAFETY: the processor was seen to have these features.
                    2 => return unsafe { wide($($arg),*) },
                    // SAFETY: as above.
                    1 => return unsafe { narrow($($arg),*) },
                    _ => {}
                }
            }
            body($($arg),*)
        }
    };
}

/// Lanes of partial sums: without them the compiler must keep the order of additions and cannot vectorise.
const LANES: usize = 16;

#[inline(always)]
fn sum_of(x: &[f32], f: impl Fn(usize, f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let whole = x.len() / LANES * LANES;
    for i in (0..whole).step_by(LANES) {
        for l in 0..LANES {
            lanes[l] += f(i + l, x[i + l]);
        }
    }
    let rest: f32 = (whole..x.len()).map(|i| f(i, x[i])).sum();
    lanes.iter().sum::<f32>() + rest
}

/// eˣ to about 2 units in the last place.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // adding 1.5·2²³ leaves the nearest whole number in the low bits
    const MAGIC: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, MAGIC);
    let n = shifted - MAGIC;
    let r = n.mul_add(2.121_944_4e-4, n.mul_add(-0.693_359_4, x)); // ln 2 in two parts
    let p = 1.987_569_1e-4_f32.mul_add(r, 1.398_2e-3);
    let p = p.mul_add(r, 8.333_452e-3);
    let p = p.mul_add(r, 4.166_579_6e-2);
    let p = p.mul_add(r, 1.666_666_5e-1);
    let p = p.mul_add(r, 0.5);
    let p = (p * r).mul_add(r, r) + 1.0;
    let power = shifted.to_bits().wrapping_sub(MAGIC.to_bits()).wrapping_add(127) << 23;
    p * f32::from_bits(power)
}

/// Φ(x) and φ(x) of the normal distribution (Abramowitz and Stegun, 7.1.26).
#[inline(always)]
fn normal(x: f32) -> (f32, f32) {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / 0.327_591_1_f32.mul_add(z, 1.0);
    let bell = exp(-z * z);
    let poly = 1.061_405_4_f32.mul_add(t, -1.453_152);
    let poly = poly.mul_add(t, 1.421_413_7).mul_add(t, -0.284_496_74).mul_add(t, 0.254_829_6) * t;
    let tail = 0.5 * poly * bell;
    (if x >= 0.0 { 1.0 - tail } else { tail }, bell * 0.398_942_3)
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

vectorised! {
    /// `out = gelu(x)`, the exact form, and `x = gelu'(x)`, which shares its work.
    pub fn gelu(x: &mut [f32], out: &mut [f32]) {
        let n = x.len();
        let out = &mut out[..n];
        for i in 0..n {
            let (cdf, pdf) = normal(x[i]);
            out[i] = x[i] * cdf;
            x[i] = x[i].mul_add(pdf, cdf);
        }
    }
}

/// `out = x·σ(a·x + b·x³)`, and x becomes its slope there.
pub fn sigmoid_unit(x: &mut [f32], out: &mut [f32], [a, b]: [f32; 2]) {
    for (x, out) in x.iter_mut().zip(out) {
        let gate = 1.0 / (1.0 + (-(a * *x + b * *x * *x * *x)).exp());
        *out = *x * gate;
        *x = gate + *x * gate * (1.0 - gate) * (a + 3.0 * b * *x * *x);
    }
}

vectorised! {
    /// `x *= y`.
    pub fn mul_assign(x: &mut [f32], y: &[f32]) {
        for (x, y) in x.iter_mut().zip(y) {
            *x *= y;
        }
    }
}

vectorised! {
    /// `x = tanh(x)`.
    pub fn tanh_in_place(x: &mut [f32]) {
        for x in x {
            *x = tanh(*x);
        }
    }
}

vectorised! {
    /// `x = 1 / (1 + e⁻ˣ)`.
    pub fn sigmoid_in_place(x: &mut [f32]) {
        for x in x {
            *x = 1.0 / (1.0 + exp(-*x));
        }
    }
}

vectorised! {
    /// `x += y`.
    pub fn add_assign(x: &mut [f32], y: &[f32]) {
        for (x, y) in x.iter_mut().zip(y) {
            *x += y;
        }
    }
}

vectorised! {
    /// `out = x + y`.
    pub fn add(x: &[f32], y: &[f32], out: &mut [f32]) {
        for ((o, x), y) in out.iter_mut().zip(x).zip(y) {
            *o = x + y;
        }
    }
}

vectorised! {
    /// `sum[j] += Σᵢ x[i, j]`.
    pub fn add_rows(x: &[f32], sum: &mut [f32]) {
        for row in x.chunks_exact(sum.len()) {
            for (s, x) in sum.iter_mut().zip(row) {
                *s += x;
            }
        }
    }
}

vectorised! {
    /// Layer normalization of rows of `gamma.len()`; `stats` gets mean and 1/deviation of each row.
    pub fn layer_norm(x: &[f32], gamma: &[f32], beta: &[f32], eps: f32, out: &mut [f32], stats: &mut [f32]) {
        let d = gamma.len();
        for ((x, out), stats) in x.chunks_exact(d).zip(out.chunks_exact_mut(d)).zip(stats.chunks_exact_mut(2)) {
            let mean = sum_of(x, |_, x| x) / d as f32;
            let variance = sum_of(x, |_, x| (x - mean) * (x - mean)) / d as f32;
            let scale = 1.0 / (variance + eps).sqrt();
            (stats[0], stats[1]) = (mean, scale);
            for j in 0..d {
                out[j] = (x[j] - mean) * scale * gamma[j] + beta[j];
            }
        }
    }
}

vectorised! {
    /// Turns `grad` (of the output) into the gradient of x, and adds those of gamma and beta.
    pub fn layer_norm_backward(
        x: &[f32], gamma: &[f32], stats: &[f32], grad: &mut [f32], d_gamma: &mut [f32], d_beta: &mut [f32],
    ) {
        let d = gamma.len();
        let gamma = &gamma[..d];
        let (d_gamma, d_beta) = (&mut d_gamma[..d], &mut d_beta[..d]);
        for ((x, grad), stats) in x.chunks_exact(d).zip(grad.chunks_exact_mut(d)).zip(stats.chunks_exact(2)) {
            let (mean, scale) = (stats[0], stats[1]);
            let slope = sum_of(grad, |j, g| g * gamma[j]) / d as f32;
            let twist = sum_of(grad, |j, g| g * gamma[j] * (x[j] - mean)) * scale / d as f32;
            for j in 0..d {
                let unit = (x[j] - mean) * scale;
                let g = grad[j];
                d_gamma[j] += g * unit;
                d_beta[j] += g;
                grad[j] = scale * (g * gamma[j] - slope - unit * twist);
            }
        }
    }
}

/// c `[m, n]` (`+`)`= a · b`: a's element (i, k) at `i·a.1 + k·a.2`, b and c row-major with strides.
pub fn mm(size: [usize; 3], a: (&[f32], usize, usize), b: (&[f32], usize), c: (&mut [f32], usize), add: bool) {
    let [m, n, k] = size;
    if m == 0 || n == 0 {
        return;
    }
    if k > 0 {
        assert!(a.0.len() > (m - 1) * a.1 + (k - 1) * a.2 && b.0.len() >= (k - 1) * b.1 + n);
    }
    assert!(c.0.len() >= (m - 1) * c.1 + n);
    mm_vectorised(size, a, b.0, b.1, c.0, c.1, add);
}

vectorised! {
    /// [`mm`] after its bounds were checked.
    pub fn mm_vectorised(
        size: [usize; 3], a: (&[f32], usize, usize), b: &[f32], ldb: usize, c: &mut [f32], ldc: usize, add: bool,
    ) {
        let [m, n, k] = size;
        let (a, ra, ca) = a;
        let whole = n / 16 * 16;
        let mut i = 0;
        while i < m {
            let rows = match m - i {
                8.. => 8,
                4..8 => 4,
                _ => 1,
            };
            for j in (0..whole).step_by(16) {
                let (a, b, c) = (&a[i * ra..], &b[j..], &mut c[i * ldc + j..]);
                match rows {
                    8 => block::<8>(k, a, ra, ca, b, ldb, c, ldc, add),
                    4 => block::<4>(k, a, ra, ca, b, ldb, c, ldc, add),
                    _ => block::<1>(k, a, ra, ca, b, ldb, c, ldc, add),
                }
            }
            for r in i..i + rows {
                for x in whole..n {
                    let mut sum = if add { c[r * ldc + x] } else { 0.0 };
                    for p in 0..k {
                        sum += a[r * ra + p * ca] * b[p * ldb + x];
                    }
                    c[r * ldc + x] = sum;
                }
            }
            i += rows;
        }
    }
}

/// `R` rows × 16 columns kept in registers over the whole contraction.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn block<const R: usize>(
    k: usize,
    a: &[f32],
    ra: usize,
    ca: usize,
    b: &[f32],
    ldb: usize,
    c: &mut [f32],
    ldc: usize,
    add: bool,
) {
    let mut sums = [[0.0f32; 16]; R];
    if add {
        for r in 0..R {
            sums[r].copy_from_slice(&c[r * ldc..][..16]);
        }
    }
    if k > 0 {
        assert!(a.len() > (R - 1) * ra + (k - 1) * ca && b.len() >= (k - 1) * ldb + 16);
    }
    for p in 0..k {
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the largest index of each operand was asserted above; a check for every number would cost as
            // much as the arithmetic.
            let (x, row) = unsafe { (*a.get_unchecked(r * ra + p * ca), b.get_unchecked(p * ldb..p * ldb + 16)) };
            for l in 0..16 {
                sums[l] = x.mul_add(row[l], sums[l]);
            }
        }
    }
    for r in 0..R {
        c[r * ldc..][..16].copy_from_slice(&sums[r]);
    }
}

vectorised! {
    /// Softmax of rows of `width` over their first `n` numbers; `keep[j] == 0` drops column j; the rest becomes 0.
    pub fn softmax_rows(x: &mut [f32], width: usize, n: usize, keep: Option<&[f32]>) {
        for row in x.chunks_exact_mut(width) {
            row[n..].fill(0.0);
            let row = &mut row[..n];
            if let Some(keep) = keep {
                for (x, keep) in row.iter_mut().zip(keep) {
                    *x = if *keep == 0.0 { -1e9 } else { *x };
                }
            }
            let mut lanes = [f32::NEG_INFINITY; LANES];
            let blocks = row.chunks_exact(LANES);
            let rest = blocks.remainder().iter().fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a });
            for block in blocks {
                for l in 0..LANES {
                    lanes[l] = if block[l] > lanes[l] { block[l] } else { lanes[l] };
                }
            }
            let largest = lanes.iter().fold(rest, |a, &b| if b > a { b } else { a });
            for x in row.iter_mut() {
                *x = exp(*x - largest);
            }
            if let Some(keep) = keep {
                for (x, keep) in row.iter_mut().zip(keep) {
                    *x *= keep;
                }
            }
            let scale = 1.0 / sum_of(row, |_, x| x);
            for x in row {
                *x *= scale;
            }
        }
    }
}

vectorised! {
    /// Softmax backward over rows of `width`: `grad = p ⊙ (grad − Σ p ⊙ grad) · scale`.
    pub fn softmax_backward(p: &[f32], grad: &mut [f32], width: usize, scale: f32) {
        for (p, grad) in p.chunks_exact(width).zip(grad.chunks_exact_mut(width)) {
            let mean = sum_of(p, |j, p| p * grad[j]);
            for (g, p) in grad.iter_mut().zip(p) {
                *g = p * (*g - mean) * scale;
            }
        }
    }
}

vectorised! {
    /// One token of an additive pool, backward: from its tanh `t` and its score's gradient.
    pub fn additive_row_backward(t: &[f32], v: &[f32], grad: f32, d_key: &mut [f32], d_v: &mut [f32]) {
        let n = t.len();
        let (v, d_key, d_v) = (&v[..n], &mut d_key[..n], &mut d_v[..n]);
        for i in 0..n {
            d_v[i] += grad * t[i];
            d_key[i] = grad * v[i] * (1.0 - t[i] * t[i]);
        }
    }
}

/// Room for one head's attention, reused over heads.
#[derive(Default)]
pub struct Attention {
    /// q, k, v, each `[n, s]`; kᵀ and vᵀ `[s, w]`; weights and their gradient `[n, w]`; output gradient `[n, s]`.
    room: Vec<f32>,
}

/// The sizes of an attention: tokens, features, heads.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Tokens of a sequence.
    pub n: usize,
    /// Features of a token.
    pub d: usize,
    /// Heads.
    pub heads: usize,
}

impl Sizes {
    fn head(&self) -> usize {
        self.d / self.heads
    }
    /// Row length of the weights, a whole number of vectors.
    fn width(&self) -> usize {
        self.n.next_multiple_of(LANES)
    }
    fn scale(&self) -> f32 {
        (self.head() as f32).powf(-0.5)
    }
}

impl Attention {
    /// One sequence: qkv `[n, 3·d]` → out `[n, d]`.
    pub fn forward(&mut self, z: Sizes, qkv: &[f32], keep: Option<&[f32]>, out: &mut [f32]) {
        let (n, s, w) = (z.n, z.head(), z.width());
        for h in 0..z.heads {
            let [_, _, v, _, _, p, ..] = self.weights(z, qkv, keep, h);
            mm([n, s, n], (p, w, 1), (v, s), (&mut out[h * s..], z.d), false);
        }
    }

    /// One sequence: the gradient of its output `[n, d]` → that of qkv `[n, 3·d]`.
    pub fn backward(&mut self, z: Sizes, qkv: &[f32], keep: Option<&[f32]>, grad: &[f32], d_qkv: &mut [f32]) {
        let (n, s, w, wide) = (z.n, z.head(), z.width(), 3 * z.d);
        for h in 0..z.heads {
            let [q, k, _, _, vt, p, dp, d_out] = self.weights(z, qkv, keep, h);
            for (to, from) in d_out.chunks_exact_mut(s).zip(grad.chunks_exact(z.d)) {
                to.copy_from_slice(&from[h * s..][..s]);
            }
            mm([n, s, n], (p, 1, w), (d_out, s), (&mut d_qkv[2 * z.d + h * s..], wide), false); // dv = pᵀ·do
            mm([n, w, s], (d_out, s, 1), (vt, w), (dp, w), false); // dp = do·vᵀ
            softmax_backward(p, dp, w, 1.0);
            mm([n, s, n], (dp, w, 1), (k, s), (&mut d_qkv[h * s..], wide), false); // dq = ds·k
            mm([n, s, n], (dp, 1, w), (q, s), (&mut d_qkv[z.d + h * s..], wide), false); // dk = dsᵀ·q
            let scale = z.scale();
            for row in d_qkv.chunks_exact_mut(wide) {
                row[h * s..][..s].iter_mut().for_each(|x| *x *= scale);
            }
        }
    }

    /// Lays out head `h` and computes its attention weights: `[q·scale, k, v, kᵀ, vᵀ, p, room, room]`.
    fn weights(&mut self, z: Sizes, qkv: &[f32], keep: Option<&[f32]>, h: usize) -> [&mut [f32]; 8] {
        let (n, s, w) = (z.n, z.head(), z.width());
        self.room.resize(4 * n * s + 2 * s * w + 2 * n * w, 0.0);
        let (q, rest) = self.room.split_at_mut(n * s);
        let (k, rest) = rest.split_at_mut(n * s);
        let (v, rest) = rest.split_at_mut(n * s);
        let (kt, rest) = rest.split_at_mut(s * w);
        let (vt, rest) = rest.split_at_mut(s * w);
        let (p, rest) = rest.split_at_mut(n * w);
        let (dp, d_out) = rest.split_at_mut(n * w);
        kt.fill(0.0);
        vt.fill(0.0);
        let scale = z.scale();
        for i in 0..n {
            let row = &qkv[i * 3 * z.d..][..3 * z.d];
            q[i * s..][..s].iter_mut().zip(&row[h * s..]).for_each(|(q, x)| *q = x * scale);
            k[i * s..][..s].copy_from_slice(&row[z.d + h * s..][..s]);
            v[i * s..][..s].copy_from_slice(&row[2 * z.d + h * s..][..s]);
            for j in 0..s {
                kt[j * w + i] = k[i * s + j];
                vt[j * w + i] = v[i * s + j];
            }
        }
        mm([n, w, s], (q, s, 1), (kt, w), (p, w), false);
        softmax_rows(p, w, n, keep);
        [q, k, v, kt, vt, p, dp, d_out]
    }
}

vectorised! {
    /// One AdamW step (Loshchilov and Hutter, 2019) over a parameter and its two moments.
    pub fn adamw(
        value: &mut [f32], grad: &[f32], m: &mut [f32], v: &mut [f32], ema: &mut [f32], rate: f32, decay: f32,
        betas: [f32; 2], correction: [f32; 2], clip: f32, keep: f32,
    ) {
        let n = value.len();
        let (grad, m, v, ema) = (&grad[..n], &mut m[..n], &mut v[..n], &mut ema[..n]);
        for i in 0..n {
            let g = grad[i] * clip;
            m[i] = betas[0] * m[i] + (1.0 - betas[0]) * g;
            v[i] = betas[1] * v[i] + (1.0 - betas[1]) * g * g;
            let step = (m[i] * correction[0]) / ((v[i] * correction[1]).sqrt() + 1e-8);
            value[i] -= rate * (step + decay * value[i]);
            ema[i] = keep * ema[i] + (1.0 - keep) * value[i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_agree_with_the_library() {
        let x: Vec<f32> = (-800..800).map(|i| i as f32 * 0.0125).collect();
        let mut t = x.clone();
        tanh_in_place(&mut t);
        let mut s = x.clone();
        sigmoid_in_place(&mut s);
        for (i, &x) in x.iter().enumerate() {
            assert!((t[i] - x.tanh()).abs() < 2e-6, "tanh {x}");
            assert!((s[i] - 1.0 / (1.0 + (-x).exp())).abs() < 2e-6, "sigmoid {x}");
            assert!((exp(x) / x.exp() - 1.0).abs() < 2e-6, "exp {x}");
        }
    }
}
