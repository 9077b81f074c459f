//! The case table of the backends: every operation against its definition in f64, on odd sizes, masks and extremes.
//! The same table runs on every instruction set of the processor and on graphics devices, natively and in the page.
//!
//! A case allows each number of its answer an error of its own, or each row one in relation to its own energy, stated
//! with the case; what is reported is the largest error as a share of what was allowed there.

#[path = "../kernels/measure.rs"]
pub mod measure;
#[path = "../kernels/oracle.rs"]
mod oracle;

use measure::{against, relative};
use oracle::{attention, causal_attention, wide};
use vitrine::backend::{Activation, Backend};
use vitrine::quant::{Format, Matrix};

/// What one case found.
pub struct Found {
    /// The operation.
    pub kernel: &'static str,
    /// Sizes and inputs.
    pub case: String,
    /// The largest error as a share of what is allowed; above 1 the case has failed.
    pub worst: f64,
}

impl Found {
    /// Whether the case failed; an error that is not a number fails.
    pub fn failed(&self) -> bool {
        self.worst.is_nan() || self.worst > 1.0
    }

    /// The case in one line.
    pub fn line(&self) -> String {
        format!("{} {}: {:.2} times what is allowed", self.kernel, self.case, self.worst)
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

    /// The first token of a sequence is one, and the last of several is padding.
    fn mask(&mut self, b: usize, n: usize) -> Vec<f32> {
        let token = |i: usize, bits: u64| i == 0 || (i < n - 1 && bits & 4 == 0);
        (0..b * n).map(|i| if token(i % n, self.bits()) { 1.0 } else { 0.0 }).collect()
    }
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

/// How many cases each operation has: who changes the table changes this too.
pub fn counts(extent: Extent) -> Vec<(&'static str, usize)> {
    let n = extent.sizes.len();
    let several = extent.sizes.iter().filter(|n| **n > 1).count();
    let layouts = ["add", "add a row", "mul", "prepend", "skip", "concat", "stack", "read all"].map(|name| (name, n));
    let pools = ["additive pool", "additive weights", "masked mean"].map(|name| (name, 12 * n));
    let rows = [("layer norm", 40), ("normalize", 40)];
    let attentions = [
        ("attention", 8 * n + 2),
        ("attention without its mask", 4 * several),
        ("causal attention", 4 * n),
        ("causal attention without its mask", 4 * several),
    ];
    [&weight_counts(extent)[..], &rows, &attentions, &pools, &layouts].concat()
}

/// The same of [`weights`].
pub fn weight_counts(extent: Extent) -> [(&'static str, usize); 2] {
    [("linear", 12 * extent.sizes.len()), ("embed", 12)]
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

/// What follows products.
const ACTS: [Activation; 6] = [
    Activation::None,
    Activation::Gelu,
    Activation::Tanh,
    Activation::Sigmoid,
    Activation::TanhGelu,
    Activation::QuickGelu,
];

fn activate(act: Activation, x: f64) -> f64 {
    match act {
        Activation::None => x,
        Activation::Gelu => oracle::gelu(x),
        Activation::TanhGelu => oracle::tanh_gelu(x),
        Activation::QuickGelu => oracle::quick_gelu(x),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => oracle::logistic(x),
    }
}

/// Allowed: 5e-6 of the sum of absolute products (the order of up to 768 additions is free, √768 roundings of 6e-8, and
/// an activation is good to 3e-6 of what goes in) and 2e-6 of the answer. Where inputs are rounded to 8 bits, half a
/// step for each weight besides; where they are halves, eight of the roundings of 2⁻¹¹ that an input, a product and up
/// to fifteen sums make, and the steps of numbers too small for f16, which can hold nothing tiny or huge at all.
async fn products<B: Backend>(b: &B, extent: Extent, found: &mut Vec<Found>) {
    for (i, &rows) in extent.sizes.iter().enumerate() {
        for (j, (k, n)) in [(192, 40), (768, 17), (13, 5), (7, 64), (64, 130), (1, 1)].into_iter().enumerate() {
            let mut random = Random::of([rows, k, n]);
            let kind = match INPUTS[(i + j) % INPUTS.len()] {
                Inputs::Huge | Inputs::Tiny if extent.rounding == Rounding::Halves => Inputs::Normal,
                kind => kind,
            };
            let act = match kind {
                // beyond their range they are constant, and a cancelled sum's rounding is all that is left of it
                Inputs::Outlier | Inputs::Huge => Activation::None,
                _ => ACTS[(i + j) % ACTS.len()],
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
                let case = format!("{format:?} {rows}×{k}×{n} {kind:?} {act:?} bias {}", bias.is_some());
                found.push(Found { kernel: "linear", case, worst: share(&got, &exact, |i| allowed[i]) });
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
        let (share, least) = if rounding == Rounding::Halves { (4e-3, 4e-6) } else { (5e-6, 0.0) };
        for (column, w) in w.chunks_exact(k).take(n).enumerate() {
            let bias = bias.map_or(0.0, |bias| f64::from(bias[column]));
            let (mut sum, mut size, mut weight) = (bias, bias.abs(), 0.0);
            for (x, w) in x.iter().zip(w) {
                sum += f64::from(*x) * w;
                size += (f64::from(*x) * w).abs();
                weight += w.abs();
            }
            let y = activate(act, sum);
            exact.push(y);
            // of nothing comes nothing, and what an activation makes of it
            let least = if size == 0.0 { 0.0 } else { least };
            allowed.push(share * size + least + 2e-6 * y.abs() + half_step * weight);
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
            let worst = share(&got, &exact, |i| 1.2e-7 * exact[i].abs());
            found.push(Found { kernel: "embed", case: format!("{format:?} {cols}"), worst });
        }
    }
}

/// A mean and a variance in any order: 5e-6 of a row. A row whose numbers differ in their last bits alone has no
/// meaningful variance, so none is tested.
async fn rows<B: Backend>(b: &B, extent: Extent, found: &mut Vec<Found>) {
    for (i, d) in [1, 5, 7, 11, 13, 192, 197, 384].into_iter().enumerate() {
        for (j, kind) in INPUTS.into_iter().enumerate() {
            let rows = extent.sizes[i % extent.sizes.len()];
            let mut random = Random::of([rows, d, j]);
            let x = random.floats(rows * d, kind);
            let (gamma, beta) = (random.floats(d, Inputs::Normal), random.floats(d, Inputs::Normal));
            let exact = oracle::layer_norm(&wide(&x), &wide(&gamma), &wide(&beta), 1e-6);
            let unit = oracle::normalize(&wide(&x), d);
            let [x, gamma, beta] = [(&x, vec![1, rows, d]), (&gamma, vec![d]), (&beta, vec![d])]
                .map(|(data, shape)| b.tensor(data, &shape).unwrap());
            let got = b.read(&b.layer_norm(&x, &gamma, &beta, 1e-6).unwrap()).await.unwrap();
            let worst = relative(&got, &exact, d) / 5e-6;
            found.push(Found { kernel: "layer norm", case: format!("{rows}×{d} {kind:?}"), worst });
            let flat = b.tensor(&b.read(&x).await.unwrap(), &[rows, d]).unwrap();
            let got = b.read(&b.normalize(&flat).unwrap()).await.unwrap();
            let worst = relative(&got, &unit, d) / 2e-6;
            found.push(Found { kernel: "normalize", case: format!("{rows}×{d} {kind:?}"), worst });
        }
    }
}

/// What an attention may be off by, of the energy of each token's answer of a head: two products, an exponential and a
/// division.
const ATTENTION: f64 = 1e-5;

async fn attentions<B: Backend>(b: &B, extent: Extent, found: &mut Vec<Found>) {
    for (i, &n) in extent.sizes.iter().enumerate() {
        for (j, (batch, heads, size)) in [(1, 3, 64), (2, 12, 32), (3, 1, 7), (1, 2, 33)].into_iter().enumerate() {
            for masked in [false, true] {
                let mut random = Random::of([n, heads, size]);
                let kind = [Inputs::Normal, Inputs::Normal, Inputs::Tiny][(i + j) % 3];
                let mut qkv = random.floats(batch * n * 3 * heads * size, kind);
                let alike = (i + j) % 3 == 1;
                if alike {
                    // queries and keys of nothing see all tokens alike
                    qkv.chunks_exact_mut(3 * heads * size).for_each(|token| token[..2 * heads * size].fill(0.0));
                }
                let mask = masked.then(|| random.mask(batch, n));
                let case = format!("{heads} heads of {size} {kind:?} alike {alike} masked {masked}");
                attend(b, &qkv, mask.as_deref(), [batch, n, heads, size], &case, found).await;
                if !masked {
                    attend_causally(b, &qkv, [batch, n, heads, size], &case, found).await;
                }
            }
        }
    }
    // a sequence that is all padding attends evenly, and of zeros come zeros
    let qkv = Random(5).floats(7 * 12, Inputs::Normal);
    attend(b, &qkv, Some(&[0.0; 7]), [1, 7, 2, 2], "over padding alone", found).await;
    attend(b, &[0.0; 7 * 12], None, [1, 7, 2, 2], "of zeros", found).await;
}

async fn attend<B: Backend>(
    b: &B,
    qkv: &[f32],
    mask: Option<&[f32]>,
    sizes: [usize; 4],
    case: &str,
    found: &mut Vec<Found>,
) {
    let [batch, n, heads, size] = sizes;
    let exact = attention(&wide(qkv), mask, sizes);
    let x = b.tensor(qkv, &[batch, n, 3 * heads * size]).unwrap();
    let given = mask.map(|mask| b.tensor(mask, &[batch, n]).unwrap());
    let got = b.read(&b.attention(&x, heads, given.as_ref()).unwrap()).await.unwrap();
    let case = format!("{batch}×{n} {case}");
    let worst = relative(&got, &exact, size) / ATTENTION;
    found.push(Found { kernel: "attention", case: case.clone(), worst });
    // a case with a mask must be able to tell one that is ignored
    if mask.is_some_and(|mask| mask.contains(&0.0) && mask.contains(&1.0)) {
        let ignored: Vec<f32> = attention(&wide(qkv), None, sizes).iter().map(|v| *v as f32).collect();
        let worst = 1000.0 * ATTENTION / relative(&ignored, &exact, size);
        found.push(Found { kernel: "attention without its mask", case, worst });
    }
}

async fn attend_causally<B: Backend>(b: &B, qkv: &[f32], sizes: [usize; 4], case: &str, found: &mut Vec<Found>) {
    let [batch, n, heads, size] = sizes;
    let exact = causal_attention(&wide(qkv), sizes);
    let x = b.tensor(qkv, &[batch, n, 3 * heads * size]).unwrap();
    let got = b.read(&b.causal_attention(&x, heads).unwrap()).await.unwrap();
    let case = format!("{batch}×{n} {case}");
    let worst = relative(&got, &exact, size) / ATTENTION;
    found.push(Found { kernel: "causal attention", case: case.clone(), worst });
    // a longer sequence must be able to tell a mask that is ignored
    if n > 1 {
        let ignored: Vec<f32> = attention(&wide(qkv), None, sizes).iter().map(|v| *v as f32).collect();
        let worst = 1000.0 * ATTENTION / relative(&ignored, &exact, size);
        found.push(Found { kernel: "causal attention without its mask", case, worst });
    }
}

/// tanh, a product and a softmax: 2e-5 of a sequence's weights, and of the terms of their sums. A mean is a sum in any
/// order: 3e-6 of its terms.
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
                let (pooled, weights) = oracle::additive(inputs, [batch, n, a, d]);
                let tensor = |data: &[f32], shape: &[usize]| b.tensor(data, shape).unwrap();
                let (shift, mask) =
                    (shifted.then(|| tensor(&shift, &[batch, a])), masked.then(|| tensor(&mask, &[batch, n])));
                let (keys, v) = (tensor(&keys, &[batch, n, a]), tensor(&v, &[a]));
                let x = tensor(&values, &[batch, n, d]);
                let got = b.additive_pool(&keys, shift.as_ref(), &v, &x, mask.as_ref()).unwrap();
                let case = format!("{batch}×{n}×{a} → {d} {kind:?} shifted {shifted} masked {masked}");
                let worst = against(&b.read(&got.0).await.unwrap(), &pooled.exact, &pooled.size, d) / 2e-5;
                found.push(Found { kernel: "additive pool", case: case.clone(), worst });
                let worst = relative(&b.read(&got.1).await.unwrap(), &weights, n) / 2e-5;
                found.push(Found { kernel: "additive weights", case, worst });
                let exact = oracle::masked_mean(&values, &real, n, d);
                let got = b.masked_mean(&x, &tensor(&real, &[batch, n])).unwrap();
                let worst = against(&b.read(&got).await.unwrap(), &exact.exact, &exact.size, d) / 3e-6;
                found.push(Found { kernel: "masked mean", case: format!("{batch}×{n}×{d} {kind:?}"), worst });
            }
        }
    }
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
        for (kernel, got, exact) in cases {
            let got = b.read(&got.unwrap()).await.unwrap();
            let worst = share(&got, &exact, |i| 1.2e-7 * exact[i].abs());
            found.push(Found { kernel, case: format!("{batch}×{n}×{d}"), worst });
        }
        let all = b.read_all(&[&tx, &trow, &tail]).await.unwrap();
        let same = all == [x.clone(), row.clone(), x[..batch * n].to_vec()];
        let worst = if same { 0.0 } else { f64::INFINITY };
        found.push(Found { kernel: "read all", case: format!("{batch}×{n}×{d}"), worst });
    }
}
