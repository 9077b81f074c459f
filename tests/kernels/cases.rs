//! The case table of the kernels: every instruction set, the scalar reference among them, against the definition in f64 or in
//! integers. It needs nothing but the kernels, so that the same table runs natively and, built alone, in wasm and for
//! other processors.
//!
//! Errors are measured row by row against the energy of the signal ([`measure`]), with a bound that each case names.
//! Outputs lie between marks.

#[path = "measure.rs"]
pub mod measure;
#[path = "oracle.rs"]
mod oracle;

use super::kernels::attention::{Mask, Precision, Shape, attention};
use super::kernels::gemm_f32::{self, PackedF32};
use super::kernels::gemm_i8::{self, PackedI8};
use super::kernels::pointwise::{self, Act, Binary};
use super::kernels::scan::{TopK, scan};
use super::kernels::{Isa, pool};
use measure::{against, guarded, guarded_in_place, relative, unequal};
use oracle::wide;

/// What one case found.
pub struct Found {
    /// Which kernel ran.
    pub kernel: &'static str,
    /// Sizes and inputs.
    pub case: String,
    /// The error, measured as [`measure`] does, or how many numbers are not equal.
    pub worst: f64,
    /// What the case allows, for the reason that stands with it in the table.
    pub allowed: f64,
}

impl Found {
    /// Whether the case failed; a difference that is not a number fails.
    pub fn failed(&self) -> bool {
        self.worst.is_nan() || self.worst > self.allowed
    }

    /// The case in one line.
    pub fn line(&self) -> String {
        format!("{} {}: {:.3e} where {:.3e} is allowed", self.kernel, self.case, self.worst, self.allowed)
    }
}

/// How many cases each kernel has: who changes the table changes this too.
pub const COUNTS: [(&str, usize); 17] = [
    ("int8 sums", 212),
    ("int8 linear", 210),
    ("f32 linear", 150),
    ("attention in floats", 80),
    ("attention in integers", 80),
    ("attention without its mask", 34),
    ("layer norm", 48),
    ("add", 48),
    ("mul", 48),
    ("normalize", 48),
    ("additive pool", 73),
    ("additive weights", 73),
    ("masked mean", 72),
    ("scan", 24),
    ("scan against floats", 24),
    ("top k", 24),
    ("functions", 14),
];

/// Sizes that leave every kind of rest, and the token count of a ViT. An interpreter takes some of them.
const SIZES: &[usize] = if cfg!(miri) { &[1, 5] } else { &[1, 5, 7, 11, 13, 197] };

/// Kinds of inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Inputs {
    /// Normally distributed, as activations are.
    Normal,
    /// Non-negative but for a small floor, as after a GELU.
    OneSided,
    /// One number a thousand times larger than the others.
    Outlier,
    /// Every number 0.
    Zeros,
    /// So small that squares vanish.
    Tiny,
    /// So large that squares overflow nothing yet.
    Huge,
}

const INPUTS: [Inputs; 6] =
    [Inputs::Normal, Inputs::OneSided, Inputs::Outlier, Inputs::Zeros, Inputs::Tiny, Inputs::Huge];

/// A stream of numbers that depends on its seed alone.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Uniform in −1 … 1.
    fn uniform(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    fn floats(&mut self, len: usize, kind: Inputs) -> Vec<f32> {
        let mut out: Vec<f32> = (0..len).map(|_| (0..4).map(|_| self.uniform()).sum()).collect();
        match kind {
            Inputs::Normal => {}
            Inputs::OneSided => out.iter_mut().for_each(|v| *v = v.max(-0.17)),
            Inputs::Outlier => out[len / 2] *= 1000.0,
            Inputs::Zeros => out.fill(0.0),
            Inputs::Tiny => out.iter_mut().for_each(|v| *v *= 1e-20),
            Inputs::Huge => out.iter_mut().for_each(|v| *v *= 1e15),
        }
        out
    }

    fn bytes(&mut self, len: usize) -> Vec<i8> {
        (0..len).map(|_| (self.bits() >> 40) as i8).map(|v| v.max(-127)).collect()
    }

    /// The first token of a sequence is one, and the last of several is padding.
    fn mask(&mut self, b: usize, n: usize) -> Vec<f32> {
        let token = |i: usize, bits: u64| i == 0 || (i < n - 1 && bits & 4 == 0);
        (0..b * n).map(|i| if token(i % n, self.bits()) { 1.0 } else { 0.0 }).collect()
    }
}

/// What follows products.
const ACTS: [Act; 6] = [Act::None, Act::Gelu, Act::Tanh, Act::Sigmoid, Act::TanhGelu, Act::QuickGelu];

/// The activation in f64.
fn exactly(act: Act) -> &'static dyn Fn(f64) -> f64 {
    match act {
        Act::None => &|x| x,
        Act::Gelu => &oracle::gelu,
        Act::TanhGelu => &oracle::tanh_gelu,
        Act::QuickGelu => &oracle::quick_gelu,
        Act::Tanh => &f64::tanh,
        Act::Sigmoid => &oracle::logistic,
        Act::Exp => &f64::exp,
    }
}

/// Runs the whole table for one instruction set.
pub fn run(isa: Isa) -> Vec<Found> {
    let mut found = Vec::new();
    integer_products(isa, &mut found);
    float_products(isa, &mut found);
    attentions(isa, &mut found);
    row_kernels(isa, &mut found);
    pools(isa, &mut found);
    scans(isa, &mut found);
    functions(isa, &mut found);
    found
}

/// Integer sums must be equal: allowed 0. What follows them is two or three roundings and an activation: 2e-6.
fn integer_products(isa: Isa, found: &mut Vec<Found>) {
    for (i, &rows) in SIZES.iter().enumerate() {
        for (j, n) in [1, 5, 16, 33, 192].into_iter().enumerate() {
            for (l, k) in [1, 4, 7, 13, 64, 197, 768].into_iter().enumerate() {
                let mut random = Random(1 + (i * 100 + j * 10 + l) as u64);
                let kind = INPUTS[(i + j + l) % INPUTS.len()];
                let (x, mut w) = (random.floats(rows * k, kind), random.bytes(n * k));
                let mut scales: Vec<f32> = (0..n).map(|_| 0.02 + random.uniform().abs() * 0.01).collect();
                if isa.wants_limited_pairs() {
                    gemm_i8::limit_pairs(&mut w, &mut scales, k);
                }
                let packed = PackedI8::pack(&w, &scales, n, k);
                let case = format!("{rows}×{k}×{n} {kind:?}");
                let (exact, steps) = naive_sums(&x, &w, rows, n, k);
                let wrong = wrong_sums(&gemm_i8::integer_sums(isa, &x, &packed), &exact);
                found.push(Found { kernel: "int8 sums", case: case.clone(), worst: wrong, allowed: 0.0 });

                let bias = random.floats(n, Inputs::Normal);
                let act = ACTS[(i + j + l) % ACTS.len()];
                let bias = (l % 3 > 0).then_some(&bias[..]);
                let (mut want, mut size) = (Vec::new(), Vec::new());
                for (at, sum) in exact.iter().enumerate() {
                    let (product, bias) = (
                        f64::from(*sum) * steps[at / n] * f64::from(scales[at % n]),
                        bias.map_or(0.0, |b| b[at % n].into()),
                    );
                    want.push(exactly(act)(product + bias));
                    size.push(product.abs() + bias.abs() + want[at].abs());
                }
                let got = guarded(rows * n, |out| gemm_i8::linear(isa, &x, &packed, bias, act, out));
                let worst = against(&got, &want, &size, n);
                found.push(Found { kernel: "int8 linear", case: format!("{case} {act:?}"), worst, allowed: 2e-6 });
            }
        }
    }
    extreme_products(isa, found);
}

fn wrong_sums(got: &[i32], exact: &[i32]) -> f64 {
    match got.len() == exact.len() {
        true => got.iter().zip(exact).filter(|(a, b)| a != b).count() as f64,
        false => f64::INFINITY,
    }
}

/// Sums of the largest products that can occur, which a saturating instruction would get wrong: allowed 0.
fn extreme_products(isa: Isa, found: &mut Vec<Found>) {
    for (name, weight) in [("+127", 127i8), ("−127", -127)] {
        let (rows, n, k) = (7, 16, 4096);
        // from −1 to 1 codes span 0 … 254, most of them at one end
        let x: Vec<f32> = (0..rows * k).map(|i| if i % k == 3 { -1.0 } else { 1.0 }).collect();
        let (mut w, mut scales) = (vec![weight; n * k], vec![1.0; n]);
        if isa.wants_limited_pairs() {
            gemm_i8::limit_pairs(&mut w, &mut scales, k);
        }
        let packed = PackedI8::pack(&w, &scales, n, k);
        let worst = wrong_sums(&gemm_i8::integer_sums(isa, &x, &packed), &naive_sums(&x, &w, rows, n, k).0);
        found.push(Found { kernel: "int8 sums", case: format!("weights {name}"), worst, allowed: 0.0 });
    }
}

/// The definition, from the row-major weights: Σ w·(u − zero), zero points taken off; and the step of each row.
fn naive_sums(x: &[f32], w: &[i8], rows: usize, n: usize, k: usize) -> (Vec<i32>, Vec<f64>) {
    let (mut out, mut steps) = (Vec::with_capacity(rows * n), Vec::with_capacity(rows));
    for x in x.chunks_exact(k) {
        let low = x.iter().fold(0f32, |m, v| m.min(*v));
        let high = x.iter().fold(0f32, |m, v| m.max(*v));
        let inverse = if high - low > 1e-35 { 254.0 / (high - low) } else { 0.0 };
        steps.push((f64::from(high) - f64::from(low)) / 254.0);
        let codes: Vec<i32> = x.iter().map(|v| (v * inverse).round_ties_even() as i32).collect();
        for w in w.chunks_exact(k) {
            out.push(codes.iter().zip(w).map(|(c, w)| c * i32::from(*w)).sum());
        }
    }
    (out, steps)
}

/// Sums of up to 768 products in any order, with or without fused multiply-adds: √768 roundings of 6e-8 at most, and
/// far fewer of them one way, as shares of the sum of the products' sizes; an activation is good to 1e-6 of its input.
fn float_products(isa: Isa, found: &mut Vec<Found>) {
    for (i, &rows) in SIZES.iter().enumerate() {
        for (j, n) in [1, 5, 16, 33, 192].into_iter().enumerate() {
            for (l, k) in [1, 7, 64, 197, 768].into_iter().enumerate() {
                let mut random = Random(7 + (i * 100 + j * 10 + l) as u64);
                let kind = INPUTS[(i + j + l) % INPUTS.len()];
                let (x, w) = (random.floats(rows * k, kind), random.floats(n * k, Inputs::Normal));
                let packed = PackedF32::pack(&w, n, k);
                let bias = random.floats(n, Inputs::Normal);
                let act = match kind {
                    // a steep function of an outlier's cancelled sum would see the whole of its rounding
                    Inputs::Outlier | Inputs::Huge => Act::None,
                    _ => ACTS[(i + j + l) % ACTS.len()],
                };
                let bias = (l % 3 > 0).then_some(&bias[..]);
                let want = oracle::linear(&wide(&x), &wide(&w), bias, k, exactly(act));
                let got = guarded(rows * n, |out| gemm_f32::linear(isa, &x, &packed, bias, act, out));
                let case = format!("{rows}×{k}×{n} {kind:?} {act:?}");
                let worst = against(&got, &want.exact, &want.size, n);
                found.push(Found { kernel: "f32 linear", case, worst, allowed: 1e-6 });
            }
        }
    }
}

/// Two products, an exponential and a division in floats: 5e-6. In integers: 2⁻¹² of the largest score, here up to 30,
/// and the steps of 2⁻¹⁵ that n weights are rounded to, of which the mean of values of both signs keeps √n.
fn attentions(isa: Isa, found: &mut Vec<Found>) {
    for (i, &n) in SIZES.iter().enumerate() {
        for (j, (b, heads, size)) in [(1, 3, 64), (2, 12, 32), (3, 1, 7), (1, 2, 33)].into_iter().enumerate() {
            let kind = [Inputs::Normal, Inputs::OneSided, Inputs::Zeros, Inputs::Tiny][(i + j) % 4];
            let mut random = Random(11 + (i * 10 + j) as u64);
            let qkv = random.floats(b * n * 3 * heads * size, kind);
            let padding = random.mask(b, n);
            for (name, mask) in [("none", Mask::None), ("padding", Mask::Padding(&padding)), ("causal", Mask::Causal)] {
                let case = format!("{b}×{n} {heads} heads of {size} {kind:?} masked {name}");
                attend(isa, &qkv, mask, Shape { b, n, heads, size }, &case, found);
            }
        }
    }
    // queries and keys of nothing see all tokens alike, whatever the mask leaves of them
    for (n, size) in [(5, 32), (40, 7), (197, 64), (33, 33)] {
        let (b, heads) = (2, 2);
        let mut random = Random(n as u64);
        let mut qkv = random.floats(b * n * 3 * heads * size, Inputs::Normal);
        for token in qkv.chunks_exact_mut(3 * heads * size) {
            token[..2 * heads * size].fill(0.0);
        }
        for mask in [random.mask(b, n), vec![0.0; b * n]] {
            let case = format!("{b}×{n} {heads} heads of {size}, tokens alike, {} tokens", mask.iter().sum::<f32>());
            attend(isa, &qkv, Mask::Padding(&mask), Shape { b, n, heads, size }, &case, found);
        }
    }
}

fn attend(isa: Isa, qkv: &[f32], mask: Mask<'_>, shape: Shape, case: &str, found: &mut Vec<Found>) {
    let Shape { b, n, heads, size } = shape;
    let sizes = [b, n, heads, size];
    let want = match mask {
        Mask::None => oracle::attention(&wide(qkv), None, sizes),
        Mask::Padding(mask) => oracle::attention(&wide(qkv), Some(mask), sizes),
        Mask::Causal => oracle::causal_attention(&wide(qkv), sizes),
    };
    let integers = 1e-3 + 1.2 * n as f64 / 65_536.0;
    for (kernel, precision, allowed) in
        [("attention in floats", Precision::Float, 5e-6), ("attention in integers", Precision::Integer, integers)]
    {
        let got = guarded(want.len(), |out| attention(isa, qkv, shape, mask, precision, out));
        found.push(Found { kernel, case: case.into(), worst: relative(&got, &want, size), allowed });
    }
    // a case with a mask must be able to tell one that is ignored
    let some = match mask {
        Mask::None => false,
        Mask::Padding(mask) => mask.contains(&0.0) && mask.contains(&1.0),
        Mask::Causal => n > 1,
    };
    if some && qkv.iter().any(|v| *v != 0.0) {
        let ignored: Vec<f32> = oracle::attention(&wide(qkv), None, sizes).iter().map(|v| *v as f32).collect();
        // the error that must be seen: what is allowed over what there is
        let worst = integers / relative(&ignored, &want, size);
        found.push(Found { kernel: "attention without its mask", case: case.into(), worst, allowed: 0.1 });
    }
}

/// A mean and a variance in any order: 2e-6 of the row. One rounding: equal.
fn row_kernels(isa: Isa, found: &mut Vec<Found>) {
    for (i, d) in [1, 5, 7, 11, 13, 192, 197, 384].into_iter().enumerate() {
        for (j, kind) in INPUTS.into_iter().enumerate() {
            let mut random = Random(13 + (i * 10 + j) as u64);
            let rows = 5;
            let (x, gamma) = (random.floats(rows * d, kind), random.floats(d, Inputs::Normal));
            let beta = random.floats(d, Inputs::Normal);
            let mut push = |kernel, worst, allowed| {
                found.push(Found { kernel, case: format!("{rows}×{d} {kind:?}"), worst, allowed });
            };
            let want = oracle::layer_norm(&wide(&x), &wide(&gamma), &wide(&beta), 1e-6);
            let got = guarded(rows * d, |out| pointwise::layer_norm(isa, &x, &gamma, &beta, 1e-6, out));
            push("layer norm", relative(&got, &want, d), 2e-6);
            let repeated = |f: &dyn Fn(f32, f32) -> f32, y: &[f32]| -> Vec<f32> {
                x.iter().zip(y.iter().cycle()).map(|(x, y)| f(*x, *y)).collect()
            };
            let got = guarded(rows * d, |out| pointwise::binary(isa, Binary::Add, &x, &beta, out));
            push("add", unequal(&got, &repeated(&|x, y| x + y, &beta)), 0.0);
            let got = guarded(rows * d, |out| pointwise::binary(isa, Binary::Mul, &x, &gamma, out));
            push("mul", unequal(&got, &repeated(&|x, y| x * y, &gamma)), 0.0);
            let got = guarded_in_place(&x, |out| pointwise::normalize(isa, out, d));
            push("normalize", relative(&got, &oracle::normalize(&wide(&x), d), d), 1e-6);
        }
    }
}

/// tanh, a product and a softmax of scores of some tens, which round in their sixth digit before the exponential: 2e-5.
/// A mean is a sum in any order: 1e-6 of its terms.
fn pools(isa: Isa, found: &mut Vec<Found>) {
    for (i, &n) in SIZES.iter().enumerate() {
        for (j, (b, a, d)) in [(1, 256, 256), (2, 7, 13), (3, 1, 1)].into_iter().enumerate() {
            for (shifted, masked) in [(false, false), (true, false), (false, true), (true, true)] {
                let mut random = Random(17 + (i * 10 + j) as u64);
                let kind = [Inputs::Normal, Inputs::Zeros, Inputs::Outlier][(i + j) % 3];
                let (keys, values) = (random.floats(b * n * a, kind), random.floats(b * n * d, kind));
                let (shift, v) = (random.floats(b * a, Inputs::Normal), random.floats(a, Inputs::Normal));
                let real = random.mask(b, n);
                let (zeros, ones) = (vec![0.0; b * a], vec![1.0; b * n]);
                let inputs = pool::Additive {
                    keys: &keys,
                    shift: shifted.then_some(&shift[..]),
                    v: &v,
                    values: &values,
                    mask: masked.then_some(&real[..]),
                    n,
                    d,
                };
                let mut weights = Vec::new();
                let pooled = guarded(b * d, |pooled| {
                    weights = guarded(b * n, |weights| pool::additive(isa, inputs, pooled, weights));
                });
                let of = [&keys[..], inputs.shift.unwrap_or(&zeros), &v, &values, inputs.mask.unwrap_or(&ones)];
                let (want, exact) = oracle::additive(of, [b, n, a, d]);
                let mut push = |kernel, worst, allowed| {
                    let case = format!("{b}×{n}×{a} → {d} {kind:?} shifted {shifted} masked {masked}");
                    found.push(Found { kernel, case, worst, allowed });
                };
                push("additive pool", against(&pooled, &want.exact, &want.size, d), 2e-5);
                push("additive weights", relative(&weights, &exact, n), 2e-5);
                let mean = guarded(b * d, |out| pool::masked_mean(isa, &values, &real, n, d, out));
                let want = oracle::masked_mean(&values, &real, n, d);
                push("masked mean", against(&mean, &want.exact, &want.size, d), 1e-6);
            }
        }
    }
    large_scores(isa, found);
}

/// Scores of some 190, whose exponentials are beyond floats: only their differences may count. A score of that size is
/// good to 1e-4.
fn large_scores(isa: Isa, found: &mut Vec<Found>) {
    let (n, a, d) = (7, 256, 13);
    let mut random = Random(23);
    let keys: Vec<f32> = (0..n * a).map(|_| 0.9 + 0.1 * random.uniform()).collect();
    let (values, v) = (random.floats(n * d, Inputs::Normal), vec![1.0; a]);
    let inputs = pool::Additive { keys: &keys, shift: None, v: &v, values: &values, mask: None, n, d };
    let mut weights = Vec::new();
    let pooled = guarded(d, |pooled| weights = guarded(n, |weights| pool::additive(isa, inputs, pooled, weights)));
    let (want, exact) = oracle::additive([&keys, &vec![0.0; a], &v, &values, &vec![1.0; n]], [1, n, a, d]);
    let case = || format!("{n}×{a} → {d}, scores of 190");
    let worst = against(&pooled, &want.exact, &want.size, d);
    found.push(Found { kernel: "additive pool", case: case(), worst, allowed: 1e-3 });
    let worst = relative(&weights, &exact, n);
    found.push(Found { kernel: "additive weights", case: case(), worst, allowed: 1e-3 });
}

/// Integer sums again: equal. Against floats: half a step of the query for each number.
fn scans(isa: Isa, found: &mut Vec<Found>) {
    for (i, d) in [1, 15, 16, 17, 64, 256, 384, 8192].into_iter().enumerate() {
        for (j, n) in [1, 5, 197].into_iter().enumerate() {
            let mut random = Random(19 + i as u64);
            // every length has queries whose last numbers count
            let (query, vectors) = (random.floats(d, INPUTS[(i + j) % INPUTS.len()]), random.bytes(n * d));
            // few scales, so that there are ties where the vectors are short
            let scales: Vec<f32> = (0..n).map(|_| (random.uniform().abs() * 4.0).ceil() * 0.25).collect();
            let got = guarded(n, |scores| scan(isa, &query, &vectors, &scales, scores));
            let (equal, exact, rounding) = scores(&query, &vectors, &scales);
            let mut push = |kernel, worst, allowed| {
                found.push(Found { kernel, case: format!("{n}×{d}"), worst, allowed });
            };
            push("scan", unequal(&got, &equal), 0.0);
            push("scan against floats", against(&got, &exact, &rounding, 1), 1.001);
            let mut top = TopK::new(10);
            got.chunks(64).enumerate().for_each(|(i, scores)| top.offer(i * 64, scores));
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|a, b| equal[*b].total_cmp(&equal[*a]).then(a.cmp(b)));
            let best: Vec<usize> = top.into_sorted().into_iter().map(|(index, _)| index).collect();
            push("top k", f64::from(u8::from(best != order[..n.min(10)])), 0.0);
        }
    }
}

/// Scores by definition: with the query in integers, in f64 without, and what its rounding may make of them.
fn scores(query: &[f32], vectors: &[i8], scales: &[f32]) -> (Vec<f32>, Vec<f64>, Vec<f64>) {
    let largest = query.iter().fold(0f32, |m, v| m.max(v.abs()));
    let inverse = if largest > 0.0 { 2047.0 / largest } else { 0.0 };
    let integers: Vec<i64> = query.iter().map(|v| (v * inverse).round_ties_even() as i64).collect();
    let (mut equal, mut exact, mut rounding) = (Vec::new(), Vec::new(), Vec::new());
    for (vector, scale) in vectors.chunks_exact(query.len()).zip(scales) {
        let sum: i64 = vector.iter().zip(&integers).map(|(v, q)| i64::from(*v) * q).sum();
        equal.push(sum as f32 * (largest / 2047.0 * scale));
        let terms = vector.iter().zip(query).map(|(v, q)| f64::from(*v) * f64::from(*q) * f64::from(*scale));
        exact.push(terms.sum());
        let sizes: f64 = vector.iter().map(|v| f64::from(*v).abs() + 1e-3).sum();
        rounding.push(f64::from(largest) / 4094.0 * sizes * f64::from(*scale));
    }
    (equal, exact, rounding)
}

/// Against f64, over the range that each is stated for. The bounds are those stated with the functions; where the answer
/// is small, of the answer or of the number itself.
fn functions(isa: Isa, found: &mut Vec<Found>) {
    let of_answer = |_: f64, got: f64, exact: f64| ((got - exact) / exact).abs();
    let of_number = |x: f64, got: f64, exact: f64| ((got - exact) / x.abs().min(1.0)).abs();
    let absolute = |_: f64, got: f64, exact: f64| (got - exact).abs();
    type Case<'a> = (&'a str, Act, f64, f64, &'a dyn Fn(f64) -> f64, &'a dyn Fn(f64, f64, f64) -> f64, f64);
    let cases: [Case<'_>; 14] = [
        ("exp", Act::Exp, -86.9, 87.9, &f64::exp, &of_answer, 2e-7),
        ("exp below its range", Act::Exp, -1e9, -88.0, &|_| 0.0, &absolute, 0.0),
        ("tanh", Act::Tanh, -12.0, 12.0, &f64::tanh, &of_number, 5e-7),
        ("tanh of next to nothing", Act::Tanh, -1e-20, 1.1e-20, &|x| x, &of_number, 5e-7),
        ("logistic", Act::Sigmoid, -90.0, 90.0, &oracle::logistic, &absolute, 3e-7),
        ("logistic, relatively", Act::Sigmoid, -80.0, 80.0, &oracle::logistic, &of_answer, 5e-7),
        ("gelu", Act::Gelu, -12.0, 12.0, &oracle::gelu, &absolute, 1e-6),
        ("gelu, relatively", Act::Gelu, -12.0, 12.0, &oracle::gelu, &of_number, 3e-6),
        ("gelu of next to nothing", Act::Gelu, -1e-20, 1.1e-20, &|x| x * 0.5, &of_number, 1e-6),
        ("gelu with tanh", Act::TanhGelu, -12.0, 12.0, &oracle::tanh_gelu, &absolute, 1e-6),
        // the logistic function's 5e-7, and the rounding of what goes in
        ("gelu with tanh, far out", Act::TanhGelu, -1e4, 1e4, &oracle::tanh_gelu, &of_number, 7e-7),
        ("quick gelu", Act::QuickGelu, -12.0, 12.0, &oracle::quick_gelu, &absolute, 1e-6),
        ("quick gelu, far out", Act::QuickGelu, -1e4, 1e4, &oracle::quick_gelu, &of_number, 7e-7),
        ("gelu far out", Act::Gelu, -1e4, 1e4, &|x| x.max(0.0), &absolute, 1e-19),
    ];
    for (case, act, low, high, exact, error, allowed) in cases {
        let count = if cfg!(miri) { 103 } else { 100_003 };
        let x: Vec<f32> = (0..count).map(|i| (low + (high - low) * i as f64 / (count - 1) as f64) as f32).collect();
        let y = guarded_in_place(&x, |y| pointwise::activation(isa, y, act));
        let judged = x.iter().zip(&y).filter(|(x, _)| case != "gelu far out" || x.abs() > 10.0);
        let worst = judged.map(|(x, y)| match (f64::from(*x), f64::from(*y)) {
            (_, y) if !y.is_finite() => f64::INFINITY,
            (x, y) if y == exact(x) => 0.0,
            (x, y) => error(x, y, exact(x)),
        });
        found.push(Found { kernel: "functions", case: case.into(), worst: worst.fold(0.0, f64::max), allowed });
    }
}
