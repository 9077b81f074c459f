//! The case table of the backends: every operation against its definition in f64, on odd sizes, masks and extremes.
//! The same table runs on every instruction set of the processor and on graphics devices, natively and in the page.
//!
//! A case allows each number of its answer an error of its own, stated with the case; what is reported is the largest
//! error as a share of what was allowed there.

use vitrine::backend::{Activation, Backend};
use vitrine::quant::{Format, Matrix};

/// What one case found.
pub struct Found {
    /// Operation, sizes and inputs.
    pub case: String,
    /// The largest error as a share of what is allowed; above 1 the case has failed.
    pub worst: f64,
}

impl Found {
    /// Whether the case failed; an error that is not a number fails.
    pub fn failed(&self) -> bool {
        self.worst.is_nan() || self.worst > 1.0
    }
}

/// How much of the table to run.
#[derive(Clone, Copy)]
pub struct Extent {
    /// Numbers of rows and tokens.
    pub sizes: &'static [usize],
    /// What products of int8 weights round besides.
    pub rounding: Rounding,
}

/// What products of int8 weights round, beyond what f32 does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rounding {
    /// Nothing.
    None,
    /// Inputs, to 8 bits a row.
    Bytes,
    /// Inputs, products and sums of sixteen of them, to f16, which ends at 65,504.
    Halves,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Inputs {
    Normal,
    /// One number a thousand times larger than the others.
    Outlier,
    Zeros,
    /// So small that squares vanish.
    Tiny,
    /// So large that squares overflow nothing yet.
    Huge,
}

const INPUTS: [Inputs; 5] = [Inputs::Normal, Inputs::Outlier, Inputs::Zeros, Inputs::Tiny, Inputs::Huge];

/// A stream of numbers that depends on its seed alone.
struct Random(u64);

impl Random {
    fn of(parts: [usize; 3]) -> Self {
        let seed =
            parts.iter().fold(0x9e37_79b9_7f4a_7c15u64, |s, p| (s ^ *p as u64).wrapping_mul(0x2545_f491_4f6c_dd1d));
        Self(seed | 1)
    }

    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn floats(&mut self, len: usize, kind: Inputs) -> Vec<f32> {
        let mut uniform = || (self.bits() >> 40) as f32 / (1u64 << 23) as f32 - 1.0;
        let mut out: Vec<f32> = (0..len).map(|_| (0..4).map(|_| uniform()).sum()).collect();
        match kind {
            Inputs::Normal => {}
            Inputs::Outlier => out[len / 2] *= 1000.0,
            Inputs::Zeros => out.fill(0.0),
            Inputs::Tiny => out.iter_mut().for_each(|v| *v *= 1e-20),
            Inputs::Huge => out.iter_mut().for_each(|v| *v *= 1e15),
        }
        out
    }

    /// At least the first token of a sequence is one.
    fn mask(&mut self, b: usize, n: usize) -> Vec<f32> {
        (0..b * n).map(|i| if i % n == 0 || self.bits() & 4 == 0 { 1.0 } else { 0.0 }).collect()
    }
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|v| f64::from(*v)).collect()
}

/// The largest error as a share of what is allowed; a wrong length fails.
fn share(got: &[f32], exact: &[f64], allowed: impl Fn(usize) -> f64) -> f64 {
    if got.len() != exact.len() {
        return f64::INFINITY;
    }
    let shares = got.iter().zip(exact).enumerate().map(|(i, (got, exact))| {
        let error = (f64::from(*got) - exact).abs();
        if error == 0.0 { 0.0 } else { error / allowed(i) }
    });
    shares.fold(0.0, |worst, s| if s.is_nan() || s > worst { s } else { worst })
}

/// Allows every number the same share of the largest number of the answer, or of 1.
fn relative(got: &[f32], exact: &[f64], allowed: f64) -> f64 {
    let largest = exact.iter().fold(1f64, |m, v| m.max(v.abs()));
    share(got, exact, |_| allowed * largest)
}

/// Runs the table.
pub async fn run<B: Backend>(b: &B, extent: Extent) -> Vec<Found> {
    let mut found = Vec::new();
    products(b, extent, &mut found).await;
    tables(b, &mut found).await;
    rows(b, extent, &mut found).await;
    attentions(b, extent, &mut found).await;
    pools(b, extent, &mut found).await;
    layouts(b, extent, &mut found).await;
    found
}

/// Runs the cases of what weight matrices are used for.
pub async fn weights<B: Backend>(b: &B, extent: Extent) -> Vec<Found> {
    let mut found = Vec::new();
    products(b, extent, &mut found).await;
    tables(b, &mut found).await;
    found
}

fn activate(act: Activation, x: f64) -> f64 {
    match act {
        Activation::None => x,
        Activation::Gelu => x * 0.5 * erfc(-x / std::f64::consts::SQRT_2),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
    }
}

/// Allowed: 3e-6 of the sum of absolute products (the order of up to 768 additions is free, √768 roundings of 6e-8)
/// and 2e-6 for the activation, whose slope is at most 1.13. Where inputs are rounded to 8 bits, half a step for each
/// weight besides; where they are halves, eight of the roundings of 2⁻¹¹ that an input, a product and up to fifteen
/// sums make, and the steps of numbers too small for f16.
async fn products<B: Backend>(b: &B, extent: Extent, found: &mut Vec<Found>) {
    for (i, &rows) in extent.sizes.iter().enumerate() {
        for (j, (k, n)) in [(192, 40), (768, 17), (13, 5), (7, 64), (64, 130), (1, 1)].into_iter().enumerate() {
            let mut random = Random::of([rows, k, n]);
            let kind = match INPUTS[(i + j) % INPUTS.len()] {
                Inputs::Huge if extent.rounding == Rounding::Halves => Inputs::Normal,
                kind => kind,
            };
            let act = match kind {
                // beyond their range they are constant, and a cancelled sum's rounding is all that is left of it
                Inputs::Outlier | Inputs::Huge => Activation::None,
                _ => [Activation::None, Activation::Gelu, Activation::Tanh, Activation::Sigmoid][(i + j) % 4],
            };
            let x = random.floats(rows * k, kind);
            let floats: Vec<f32> = random.floats(n * k, Inputs::Normal).iter().map(|w| w / (k as f32).sqrt()).collect();
            let bias = random.floats(n, Inputs::Normal);
            let format = [Format::Q8, Format::F32, Format::Q8, Format::F16, Format::Q4][(i + 2 * j) % 5];
            // 4-bit blocks become int8 rows on some backends, which is the backend's own error: see tests/backend.rs
            let format = if format == Format::Q4 { Format::Q8 } else { format };
            let matrix = Matrix::from_f32(floats, n, k).unwrap().convert(format);
            let weights = wide(&matrix.to_f32());
            for bias in [None, Some(&bias)] {
                let rounding = if format == Format::Q8 { extent.rounding } else { Rounding::None };
                let (exact, allowed) = product(&x, &weights, bias, (rows, k, n), act, rounding);
                let (tensor, weight) = (b.tensor(&x, &[1, rows, k]).unwrap(), b.weight(matrix.clone()).unwrap());
                let bias = bias.map(|bias| b.tensor(bias, &[n]).unwrap());
                let got = b.read(&b.linear(&tensor, &weight, bias.as_ref(), act).unwrap()).await.unwrap();
                let case = format!("linear {format:?} {rows}×{k}×{n} {kind:?} {act:?} bias {}", bias.is_some());
                found.push(Found { case, worst: share(&got, &exact, |i| allowed[i]) });
            }
        }
    }
}

/// The product in f64 and what each of its numbers allows.
fn product(
    x: &[f32],
    w: &[f64],
    bias: Option<&Vec<f32>>,
    (rows, k, n): (usize, usize, usize),
    act: Activation,
    rounding: Rounding,
) -> (Vec<f64>, Vec<f64>) {
    let (mut exact, mut allowed) = (Vec::new(), Vec::new());
    for x in x.chunks_exact(k).take(rows) {
        let (low, high) = x.iter().fold((0f32, 0f32), |(low, high), v| (low.min(*v), high.max(*v)));
        let half_step = if rounding == Rounding::Bytes { f64::from(high - low) / 254.0 } else { 0.0 };
        let (share, least) = if rounding == Rounding::Halves { (4e-3, 4e-6) } else { (3e-6, 2e-6) };
        for (column, w) in w.chunks_exact(k).take(n).enumerate() {
            let bias = bias.map_or(0.0, |bias| f64::from(bias[column]));
            let (mut sum, mut size, mut weight) = (bias, bias.abs(), 0.0);
            for (x, w) in x.iter().zip(w) {
                sum += f64::from(*x) * w;
                size += (f64::from(*x) * w).abs();
                weight += w.abs();
            }
            exact.push(activate(act, sum));
            allowed.push(share * size + least + half_step * weight);
        }
    }
    (exact, allowed)
}

/// Nothing is computed but one product: one rounding.
async fn tables<B: Backend>(b: &B, found: &mut Vec<Found>) {
    let ids = [0, 36, 5, 16, 15, 31];
    for cols in [1, 7, 32, 384] {
        for format in [Format::F32, Format::F16, Format::Q8] {
            let floats = Random::of([cols, 1, 1]).floats(37 * cols, Inputs::Normal);
            let matrix = Matrix::from_f32(floats, 37, cols).unwrap().convert(format);
            let exact: Vec<f64> = ids.iter().flat_map(|&id| wide(&matrix.row(id as usize))).collect();
            let table = b.weight(matrix).unwrap();
            let got = b.read(&b.embed(&table, &ids, [2, 3]).unwrap()).await.unwrap();
            found.push(Found { case: format!("embed {format:?} {cols}"), worst: relative(&got, &exact, 1e-7) });
        }
    }
}

/// A mean and a variance in any order: 2e-5 of the largest number. A row whose numbers differ in their last bits alone
/// has no meaningful variance, so none is tested.
async fn rows<B: Backend>(b: &B, extent: Extent, found: &mut Vec<Found>) {
    for (i, d) in [1, 5, 7, 11, 13, 192, 197, 384].into_iter().enumerate() {
        for (j, kind) in INPUTS.into_iter().enumerate() {
            let rows = extent.sizes[i % extent.sizes.len()];
            let mut random = Random::of([rows, d, j]);
            let x = random.floats(rows * d, kind);
            let (gamma, beta) = (random.floats(d, Inputs::Normal), random.floats(d, Inputs::Normal));
            let mut exact = Vec::new();
            let mut unit = Vec::new();
            for x in wide(&x).chunks_exact(d) {
                let mean = x.iter().sum::<f64>() / d as f64;
                let variance = x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / d as f64;
                let inverse = 1.0 / (variance + 1e-6).sqrt();
                let weights = gamma.iter().zip(&beta).map(|(g, b)| (f64::from(*g), f64::from(*b)));
                exact.extend(x.iter().zip(weights).map(|(x, (gamma, beta))| (x - mean) * inverse * gamma + beta));
                let length = (x.iter().map(|v| v * v).sum::<f64>() + 1e-12).sqrt();
                unit.extend(x.iter().map(|v| v / length));
            }
            let [x, gamma, beta] = [(&x, vec![1, rows, d]), (&gamma, vec![d]), (&beta, vec![d])]
                .map(|(data, shape)| b.tensor(data, &shape).unwrap());
            let got = b.read(&b.layer_norm(&x, &gamma, &beta, 1e-6).unwrap()).await.unwrap();
            found.push(Found { case: format!("layer norm {rows}×{d} {kind:?}"), worst: relative(&got, &exact, 2e-5) });
            let flat = b.tensor(&b.read(&x).await.unwrap(), &[rows, d]).unwrap();
            let got = b.read(&b.normalise(&flat).unwrap()).await.unwrap();
            found.push(Found { case: format!("normalise {rows}×{d} {kind:?}"), worst: relative(&got, &unit, 2e-6) });
        }
    }
}

fn softmax(scores: &mut [f64]) {
    let largest = scores.iter().fold(f64::NEG_INFINITY, |m, v| m.max(*v));
    scores.iter_mut().for_each(|s| *s = (*s - largest).exp());
    let total: f64 = scores.iter().sum();
    scores.iter_mut().for_each(|s| *s /= total);
}

/// Two products, an exponential and a division: 2e-5 of the largest value.
async fn attentions<B: Backend>(b: &B, extent: Extent, found: &mut Vec<Found>) {
    for (i, &n) in extent.sizes.iter().enumerate() {
        for (j, (batch, heads, size)) in [(1, 3, 64), (2, 12, 32), (3, 1, 7), (1, 2, 33)].into_iter().enumerate() {
            for masked in [false, true] {
                let kind = [Inputs::Normal, Inputs::Zeros, Inputs::Tiny][(i + j) % 3];
                let mut random = Random::of([n, heads, size]);
                let qkv = random.floats(batch * n * 3 * heads * size, kind);
                let mask = if masked { random.mask(batch, n) } else { vec![1.0; batch * n] };
                let exact = attention(&wide(&qkv), &mask, (batch, n, heads, size));
                let x = b.tensor(&qkv, &[batch, n, 3 * heads * size]).unwrap();
                let mask = masked.then(|| b.tensor(&mask, &[batch, n]).unwrap());
                let got = b.read(&b.attention(&x, heads, mask.as_ref()).unwrap()).await.unwrap();
                let case = format!("attention {batch}×{n} {heads} heads of {size} {kind:?} masked {masked}");
                found.push(Found { case, worst: relative(&got, &exact, 2e-5) });
            }
        }
    }
    // a sequence that is all padding attends evenly
    let (n, qkv) = (7, Random(5).floats(7 * 12, Inputs::Normal));
    let exact = attention(&wide(&qkv), &[0.0; 7], (1, n, 2, 2));
    let (x, mask) = (b.tensor(&qkv, &[1, n, 12]).unwrap(), b.tensor(&[0.0; 7], &[1, n]).unwrap());
    let got = b.read(&b.attention(&x, 2, Some(&mask)).unwrap()).await.unwrap();
    found.push(Found { case: "attention over padding alone".into(), worst: relative(&got, &exact, 2e-5) });
}

fn attention(qkv: &[f64], mask: &[f32], (batch, n, heads, size): (usize, usize, usize, usize)) -> Vec<f64> {
    let d = heads * size;
    let part = |b: usize, token: usize, part: usize, head: usize| {
        &qkv[((b * n + token) * 3 + part) * d + head * size..][..size]
    };
    let mut out = vec![0.0; batch * n * d];
    for (b, query, head) in (0..batch * n * heads).map(|i| (i / heads / n, i / heads % n, i % heads)) {
        let q = part(b, query, 0, head);
        let even = mask[b * n..(b + 1) * n].iter().all(|m| *m == 0.0);
        let score = |key: usize| {
            let dot: f64 = q.iter().zip(part(b, key, 1, head)).map(|(q, k)| q * k).sum();
            // beside a penalty of 1e9, a score vanishes in f32
            if even { 0.0 } else { dot / (size as f64).sqrt() + f64::from(mask[b * n + key] - 1.0) * 1e9 }
        };
        let mut scores: Vec<f64> = (0..n).map(score).collect();
        softmax(&mut scores);
        let out = &mut out[(b * n + query) * d + head * size..][..size];
        for (key, weight) in scores.iter().enumerate() {
            out.iter_mut().zip(part(b, key, 2, head)).for_each(|(o, v)| *o += weight * v);
        }
    }
    out
}

/// tanh, a product and a softmax: 2e-5; scores of some hundreds, as many keys make them, round in their fifth digit
/// before the exponential, hence 1e-4 where values carry an outlier.
async fn pools<B: Backend>(b: &B, extent: Extent, found: &mut Vec<Found>) {
    for (i, &n) in extent.sizes.iter().enumerate() {
        for (j, (batch, a, d)) in [(1, 256, 256), (2, 7, 13), (3, 1, 1)].into_iter().enumerate() {
            for (shifted, masked) in [(false, false), (true, false), (false, true), (true, true)] {
                let kind = [Inputs::Normal, Inputs::Zeros, Inputs::Outlier][(i + j) % 3];
                let mut random = Random::of([n, a, d]);
                let (keys, values) = (random.floats(batch * n * a, kind), random.floats(batch * n * d, kind));
                let shift = random.floats(batch * a, Inputs::Normal);
                let v: Vec<f32> = random.floats(a, Inputs::Normal).iter().map(|v| v / (a as f32).sqrt()).collect();
                let real = random.mask(batch, n);
                let mask = if masked { real.clone() } else { vec![1.0; batch * n] };
                let zeros = vec![0.0; batch * a];
                let inputs = [&keys[..], if shifted { &shift[..] } else { &zeros[..] }, &v[..], &values[..], &mask[..]];
                let (pooled, weights) = additive(inputs, [batch, n, a, d]);
                let tensor = |data: &[f32], shape: &[usize]| b.tensor(data, shape).unwrap();
                let (shift, mask) =
                    (shifted.then(|| tensor(&shift, &[batch, a])), masked.then(|| tensor(&mask, &[batch, n])));
                let (keys, v) = (tensor(&keys, &[batch, n, a]), tensor(&v, &[a]));
                let x = tensor(&values, &[batch, n, d]);
                let got = b.additive_pool(&keys, shift.as_ref(), &v, &x, mask.as_ref()).unwrap();
                let case = format!("{batch}×{n}×{a} → {d} {kind:?} shifted {shifted} masked {masked}");
                let allowed = if kind == Inputs::Outlier { 1e-4 } else { 2e-5 };
                let worst = relative(&b.read(&got.0).await.unwrap(), &pooled, allowed);
                found.push(Found { case: format!("additive pool {case}"), worst });
                let worst = relative(&b.read(&got.1).await.unwrap(), &weights, allowed);
                found.push(Found { case: format!("additive weights {case}"), worst });
                let exact = mean(&values, &real, (batch, n, d));
                let got = b.masked_mean(&x, &tensor(&real, &[batch, n])).unwrap();
                let worst = relative(&b.read(&got).await.unwrap(), &exact, 3e-6);
                found.push(Found { case: format!("masked mean {batch}×{n}×{d} {kind:?}"), worst });
            }
        }
    }
}

/// keys, shift, v, values, mask; batch, n, a, d → pooled and weights.
fn additive([keys, shift, v, values, mask]: [&[f32]; 5], [batch, n, a, d]: [usize; 4]) -> (Vec<f64>, Vec<f64>) {
    let (mut pooled, mut all) = (vec![0.0; batch * d], Vec::new());
    for b in 0..batch {
        let score = |token: usize| {
            let key = &keys[(b * n + token) * a..][..a];
            let terms = key.iter().zip(&shift[b * a..]).zip(v);
            let score: f64 = terms.map(|((k, s), v)| f64::from(*v) * (f64::from(*k) + f64::from(*s)).tanh()).sum();
            score + f64::from(mask[b * n + token] - 1.0) * 1e9
        };
        let mut weights: Vec<f64> = (0..n).map(score).collect();
        softmax(&mut weights);
        for (token, weight) in weights.iter().enumerate() {
            let value = &values[(b * n + token) * d..][..d];
            pooled[b * d..][..d].iter_mut().zip(value).for_each(|(p, v)| *p += weight * f64::from(*v));
        }
        all.extend(weights);
    }
    (pooled, all)
}

fn mean(x: &[f32], mask: &[f32], (batch, n, d): (usize, usize, usize)) -> Vec<f64> {
    let mut out = vec![0.0; batch * d];
    for b in 0..batch {
        let count: f64 = mask[b * n..][..n].iter().map(|m| f64::from(*m)).sum();
        for token in (b * n..(b + 1) * n).filter(|token| mask[*token] == 1.0) {
            out[b * d..][..d].iter_mut().zip(&x[token * d..]).for_each(|(o, x)| *o += f64::from(*x) / count);
        }
    }
    out
}

/// Numbers are moved, or added and multiplied once: one rounding.
async fn layouts<B: Backend>(b: &B, extent: Extent, found: &mut Vec<Found>) {
    for (i, &n) in extent.sizes.iter().enumerate() {
        let (batch, d) = (2, [192, 13, 7, 384, 1, 197, 5][i % 7]);
        let mut random = Random::of([n, d, 3]);
        let (x, y) = (random.floats(batch * n * d, Inputs::Normal), random.floats(batch * n * d, Inputs::Outlier));
        let (row, flat) = (random.floats(d, Inputs::Normal), random.floats(batch * d, Inputs::Normal));
        let tensor = |data: &[f32], shape: &[usize]| b.tensor(data, shape).unwrap();
        let (tx, ty) = (tensor(&x, &[batch, n, d]), tensor(&y, &[batch, n, d]));
        let (trow, tflat) = (tensor(&row, &[d]), tensor(&flat, &[batch, d]));
        let tail = tensor(&x[..batch * n], &[batch, n]);
        let pairs = |f: &dyn Fn(f64, f64) -> f64, y: &[f32]| -> Vec<f64> {
            x.iter().zip(y.iter().cycle()).map(|(x, y)| f(f64::from(*x), f64::from(*y))).collect()
        };
        let sequences = |f: &dyn Fn(&[f32]) -> Vec<f32>| wide(&x.chunks_exact(n * d).flat_map(f).collect::<Vec<_>>());
        let joined = |other: &[f32], width: usize| {
            let rows = flat.chunks_exact(d).zip(other.chunks_exact(width));
            wide(&rows.flat_map(|(a, b)| [a, b].concat()).collect::<Vec<_>>())
        };
        let cases = [
            ("add", b.add(&tx, &ty), pairs(&|x, y| x + y, &y)),
            ("add a row", b.add(&tx, &trow), pairs(&|x, y| x + y, &row)),
            ("mul", b.mul(&tx, &ty), pairs(&|x, y| x * y, &y)),
            ("prepend", b.prepend(&trow, &tx), sequences(&|s| [&row, s].concat())),
            ("skip", b.skip(&tx, n / 2), sequences(&|s| s[n / 2 * d..].to_vec())),
            ("concat", b.concat(&tflat, &tail), joined(&x[..batch * n], n)),
            ("stack", b.stack(&tflat, &tflat), joined(&flat, d)),
        ];
        for (name, got, exact) in cases {
            let got = b.read(&got.unwrap()).await.unwrap();
            let worst = share(&got, &exact, |i| 1.2e-7 * exact[i].abs());
            found.push(Found { case: format!("{name} {batch}×{n}×{d}"), worst });
        }
        let all = b.read_all(&[&tx, &trow, &tail]).await.unwrap();
        let same = all == [x.clone(), row.clone(), x[..batch * n].to_vec()];
        found
            .push(Found { case: format!("read all {batch}×{n}×{d}"), worst: if same { 0.0 } else { f64::INFINITY } });
    }
}

/// The complementary error function: its series near 0, its continued fraction further out; 1e-14.
fn erfc(x: f64) -> f64 {
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
