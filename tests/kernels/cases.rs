//! The case table of the kernels: every instruction set against its scalar twin, and the elementary functions against
//! f64. It needs nothing but the kernels, so that the same table runs natively and, built alone, in wasm.

use super::kernels::attention::{Precision, Shape, attention};
use super::kernels::gemm_f32::{self, PackedF32};
use super::kernels::gemm_i8::{self, PackedI8};
use super::kernels::pointwise::{self, Act, Binary};
use super::kernels::scan::{TopK, scan};
use super::kernels::{Isa, pool};

/// What one case found.
pub struct Found {
    /// Operation, sizes and inputs.
    pub case: String,
    /// Largest difference from the twin or the oracle.
    pub worst: f64,
    /// What the case allows, for the reason that stands with it in the table.
    pub allowed: f64,
}

impl Found {
    /// Whether the case failed; a difference that is not a number fails.
    pub fn failed(&self) -> bool {
        self.worst.is_nan() || self.worst > self.allowed
    }
}

/// Sizes that leave every kind of rest, and the token count of a ViT.
const SIZES: [usize; 6] = [1, 5, 7, 11, 13, 197];

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

    fn mask(&mut self, b: usize, n: usize) -> Vec<f32> {
        (0..b * n).map(|i| if i % n == 0 || self.bits() & 4 == 0 { 1.0 } else { 0.0 }).collect()
    }
}

/// Largest difference, relative to the larger of 1 and the largest number of the twin.
fn difference(got: &[f32], twin: &[f32]) -> f64 {
    assert_eq!(got.len(), twin.len());
    let largest = twin.iter().fold(1f64, |m, v| m.max(f64::from(*v).abs()));
    let worst = |m: f64, d: f64| if d.is_nan() || d > m { d } else { m };
    got.iter().zip(twin).fold(0.0, |m, (a, b)| worst(m, (f64::from(*a) - f64::from(*b)).abs() / largest))
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

/// Integer sums must be equal: allowed 0.
fn integer_products(isa: Isa, found: &mut Vec<Found>) {
    for (i, rows) in SIZES.into_iter().enumerate() {
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
                let case = format!("int8 product {rows}×{k}×{n} {kind:?}");
                let sums = gemm_i8::integer_sums(isa, &x, &packed);
                let twin = naive_sums(&x, &w, rows, n, k);
                let wrong = sums.iter().zip(&twin).filter(|(a, b)| a != b).count();
                found.push(Found { case: case.clone(), worst: wrong as f64, allowed: 0.0 });

                let bias = random.floats(n, Inputs::Normal);
                let act = [Act::None, Act::Gelu, Act::Tanh, Act::Sigmoid][(i + j + l) % 4];
                let bias = (l % 3 > 0).then_some(&bias[..]);
                let [mut got, mut twin] = [vec![0.0; rows * n], vec![0.0; rows * n]];
                gemm_i8::linear(isa, &x, &packed, bias, act, &mut got);
                gemm_i8::linear(Isa::SCALAR, &x, &packed, bias, act, &mut twin);
                // equal integers, so only the activation's fused multiply-adds can differ
                found.push(Found { case: format!("{case} {act:?}"), worst: difference(&got, &twin), allowed: 1e-6 });
            }
        }
    }
    extreme_products(isa, found);
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
        let (sums, twin) = (gemm_i8::integer_sums(isa, &x, &packed), naive_sums(&x, &w, rows, n, k));
        let wrong = sums.iter().zip(&twin).filter(|(a, b)| a != b).count();
        found.push(Found { case: format!("int8 product of weights {name}"), worst: wrong as f64, allowed: 0.0 });
    }
}

/// The definition, from the row-major weights: Σ w·(u − zero), zero points taken off.
fn naive_sums(x: &[f32], w: &[i8], rows: usize, n: usize, k: usize) -> Vec<i32> {
    let mut out = Vec::with_capacity(rows * n);
    for x in x.chunks_exact(k) {
        let low = x.iter().fold(0f32, |m, v| m.min(*v));
        let high = x.iter().fold(0f32, |m, v| m.max(*v));
        let inverse = if high - low > 1e-35 { 254.0 / (high - low) } else { 0.0 };
        let codes: Vec<i32> = x.iter().map(|v| (v * inverse).round_ties_even() as i32).collect();
        for w in w.chunks_exact(k) {
            out.push(codes.iter().zip(w).map(|(c, w)| c * i32::from(*w)).sum());
        }
    }
    out
}

/// Sums of up to 768 products in another order and with fused multiply-adds: √768 roundings of 6e-8.
fn float_products(isa: Isa, found: &mut Vec<Found>) {
    for (i, rows) in SIZES.into_iter().enumerate() {
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
                    _ => [Act::None, Act::Gelu, Act::Tanh, Act::Sigmoid][(i + j + l) % 4],
                };
                let bias = (l % 3 > 0).then_some(&bias[..]);
                let [mut got, mut twin] = [vec![0.0; rows * n], vec![0.0; rows * n]];
                gemm_f32::linear(isa, &x, &packed, bias, act, &mut got);
                gemm_f32::linear(Isa::SCALAR, &x, &packed, bias, act, &mut twin);
                let case = format!("f32 product {rows}×{k}×{n} {kind:?} {act:?}");
                // before an activation the sum may be 50 times larger than after it
                let allowed = if act == Act::None { 3e-6 } else { 1e-5 };
                found.push(Found { case, worst: difference(&got, &twin), allowed });
            }
        }
    }
}

/// Two products, an exponential and a division: 1e-5 of the largest value. Integers are compared with the float twin:
/// what 2⁻¹² of the largest score, here up to 30, makes of a weight.
fn attentions(isa: Isa, found: &mut Vec<Found>) {
    for (i, n) in SIZES.into_iter().enumerate() {
        for (j, (b, heads, size)) in [(1, 3, 64), (2, 12, 32), (3, 1, 7), (1, 2, 33)].into_iter().enumerate() {
            for masked in [false, true] {
                let kind = [Inputs::Normal, Inputs::OneSided, Inputs::Zeros, Inputs::Tiny][(i + j) % 4];
                let mut random = Random(11 + (i * 10 + j) as u64);
                let qkv = random.floats(b * n * 3 * heads * size, kind);
                let mask = random.mask(b, n);
                let mask = masked.then_some(&mask[..]);
                let shape = Shape { b, n, heads, size };
                let run = |isa, precision| {
                    let mut out = vec![0.0; b * n * heads * size];
                    attention(isa, &qkv, shape, mask, precision, &mut out);
                    out
                };
                let case = format!("attention {b}×{n} {heads} heads of {size} {kind:?} masked {masked}");
                let twin = run(Isa::SCALAR, Precision::Float);
                let worst = difference(&run(isa, Precision::Float), &twin);
                found.push(Found { case: format!("float {case}"), worst, allowed: 1e-5 });
                let integer = run(isa, Precision::Integer);
                let worst = difference(&integer, &twin);
                found.push(Found { case: format!("integer {case} against float"), worst, allowed: 3e-3 });
                // weights that differ in the last bit may round to different integers
                let worst = difference(&integer, &run(Isa::SCALAR, Precision::Integer));
                found.push(Found { case: format!("integer {case}"), worst, allowed: 1e-4 });
            }
        }
    }
}

/// A mean and a variance in another order, or nothing but one rounding.
fn row_kernels(isa: Isa, found: &mut Vec<Found>) {
    for (i, d) in [1, 5, 7, 11, 13, 192, 197, 384].into_iter().enumerate() {
        for (j, kind) in INPUTS.into_iter().enumerate() {
            let mut random = Random(13 + (i * 10 + j) as u64);
            let rows = 5;
            let (x, gamma) = (random.floats(rows * d, kind), random.floats(d, Inputs::Normal));
            let beta = random.floats(d, Inputs::Normal);
            let mut both = |name: &str, allowed: f64, f: &dyn Fn(Isa, &mut [f32])| {
                let [mut got, mut twin] = [x.clone(), x.clone()];
                f(isa, &mut got);
                f(Isa::SCALAR, &mut twin);
                found.push(Found { case: format!("{name} {d} {kind:?}"), worst: difference(&got, &twin), allowed });
            };
            // a row of one number is its own mean, but for rounding that a tiny variance then magnifies
            let allowed = if kind == Inputs::Huge { 1e-4 } else { 1e-5 };
            both("layer norm", allowed, &|isa, out| pointwise::layer_norm(isa, &x, &gamma, &beta, 1e-6, out));
            both("add", 0.0, &|isa, out| pointwise::binary(isa, Binary::Add, &x, &beta, out));
            both("mul", 0.0, &|isa, out| pointwise::binary(isa, Binary::Mul, &x, &gamma, out));
            both("normalise", 1e-6, &|isa, out| pointwise::normalise(isa, out, d));
        }
    }
}

/// tanh, a product and a softmax: 1e-5; scores of some hundreds, as an outlier makes them, round in their fifth digit.
fn pools(isa: Isa, found: &mut Vec<Found>) {
    for (i, n) in SIZES.into_iter().enumerate() {
        for (j, (b, a, d)) in [(1, 256, 256), (2, 7, 13), (3, 1, 1)].into_iter().enumerate() {
            for (shifted, masked) in [(false, false), (true, false), (false, true), (true, true)] {
                let mut random = Random(17 + (i * 10 + j) as u64);
                let kind = [Inputs::Normal, Inputs::Zeros, Inputs::Outlier][(i + j) % 3];
                let (keys, values) = (random.floats(b * n * a, kind), random.floats(b * n * d, kind));
                let (shift, v) = (random.floats(b * a, Inputs::Normal), random.floats(a, Inputs::Normal));
                let mask = random.mask(b, n);
                let inputs = pool::Additive {
                    keys: &keys,
                    shift: shifted.then_some(&shift[..]),
                    v: &v,
                    values: &values,
                    mask: masked.then_some(&mask[..]),
                    n,
                    d,
                };
                let run = |isa| {
                    let (mut pooled, mut weights) = (vec![0.0; b * d], vec![0.0; b * n]);
                    pool::additive(isa, inputs, &mut pooled, &mut weights);
                    let mut mean = vec![0.0; b * d];
                    pool::masked_mean(isa, &values, &mask, n, d, &mut mean);
                    (pooled, weights, mean)
                };
                let ((p, w, m), (twin_p, twin_w, twin_m)) = (run(isa), run(Isa::SCALAR));
                let worst = difference(&p, &twin_p).max(difference(&w, &twin_w)).max(difference(&m, &twin_m));
                let case = format!("pools {b}×{n}×{a} → {d} {kind:?} shifted {shifted} masked {masked}");
                let allowed = if kind == Inputs::Outlier { 5e-5 } else { 1e-5 };
                found.push(Found { case, worst, allowed });
            }
        }
    }
}

/// Integer sums again: allowed 0.
fn scans(isa: Isa, found: &mut Vec<Found>) {
    for (i, d) in [1, 15, 16, 17, 64, 256, 384, 8192].into_iter().enumerate() {
        for n in [1, 5, 197] {
            let mut random = Random(19 + i as u64);
            let (query, vectors) = (random.floats(d, INPUTS[i % INPUTS.len()]), random.bytes(n * d));
            let scales: Vec<f32> = (0..n).map(|_| random.uniform().abs() + 0.1).collect();
            let [mut got, mut twin] = [vec![0.0; n], vec![0.0; n]];
            scan(isa, &query, &vectors, &scales, &mut got);
            scan(Isa::SCALAR, &query, &vectors, &scales, &mut twin);
            let wrong = got.iter().zip(&twin).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
            let mut top = TopK::new(10);
            got.chunks(64).enumerate().for_each(|(i, scores)| top.offer(i * 64, scores));
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|a, b| twin[*b].total_cmp(&twin[*a]).then(a.cmp(b)));
            let best: Vec<usize> = top.into_sorted().into_iter().map(|(index, _)| index).collect();
            let misplaced = usize::from(best != order[..n.min(10)]);
            found.push(Found { case: format!("scan {n}×{d}"), worst: (wrong + misplaced) as f64, allowed: 0.0 });
        }
    }
}

/// Against f64, over the range that each is stated for. The bounds are those stated with the functions.
fn functions(isa: Isa, found: &mut Vec<Found>) {
    let gelu = |x: f64| x * 0.5 * erfc(-x / std::f64::consts::SQRT_2);
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    let relative = |got: f64, exact: f64| ((got - exact) / exact).abs();
    let absolute = |got: f64, exact: f64| (got - exact).abs();
    type Case<'a> = (&'a str, Act, f64, f64, &'a dyn Fn(f64) -> f64, &'a dyn Fn(f64, f64) -> f64, f64);
    let cases: [Case<'_>; 6] = [
        ("exp", Act::Exp, -86.9, 87.9, &f64::exp, &relative, 2e-7),
        ("exp below its range", Act::Exp, -1e9, -88.0, &|_| 0.0, &absolute, 0.0),
        ("tanh", Act::Tanh, -12.0, 12.0, &f64::tanh, &absolute, 5e-7),
        ("logistic", Act::Sigmoid, -90.0, 90.0, &logistic, &absolute, 3e-7),
        ("gelu", Act::Gelu, -12.0, 12.0, &gelu, &absolute, 1e-6),
        ("gelu far out", Act::Gelu, -1e4, 1e4, &|x| x.max(0.0), &absolute, 1e-19),
    ];
    for (name, act, low, high, exact, error, allowed) in cases {
        let count = 100_003;
        let x: Vec<f32> = (0..count).map(|i| (low + (high - low) * i as f64 / (count - 1) as f64) as f32).collect();
        let mut y = x.clone();
        pointwise::activation(isa, &mut y, act);
        let near = |x: &&f32| name != "gelu far out" || x.abs() > 10.0;
        let worst = x.iter().zip(&y).filter(|(x, _)| near(x)).map(|(x, y)| error(f64::from(*y), exact(f64::from(*x))));
        found.push(Found { case: format!("{name} against f64"), worst: worst.fold(0.0, f64::max), allowed });
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
