//! The kernels at the sizes of the shipped encoders, beside candle's composed operations.
//!
//!   cargo bench --bench kernels              a table of ratios, then criterion's statistics
//!   cargo bench --bench kernels -- ratios    the table alone
//!
//! In the table both sides of a ratio are measured in one run, alternating, each by its fastest pass: what else the
//! machine does slows both. GOP/s counts a multiply-add as two. The last column is the share of what bounds a kernel
//! (a roofline): the same instructions on operands in registers or the nearest cache or, for the scan, the bytes that
//! one core reads from memory. `benches/README.md` says what the rest is lost to.

use criterion::{Criterion, Throughput};
use std::hint::black_box;
use std::time::Instant;
use vitrine::backend::composed::Composed;
use vitrine::backend::cpu::Cpu;
use vitrine::backend::kernels::attention::Precision;
use vitrine::backend::kernels::{Isa, peak, scan};
use vitrine::backend::{Activation, Backend};
use vitrine::quant::{Format, Matrix};

/// Rows, input and output features, and what follows: ViT-Ti at 224 pixels, its fusion, MiniLM at 16 tokens.
const PRODUCTS: [(usize, usize, usize, Activation); 7] = [
    (197, 192, 576, Activation::None),
    (197, 192, 768, Activation::Gelu),
    (197, 768, 192, Activation::None),
    (65, 192, 576, Activation::None),
    (16, 384, 1152, Activation::None),
    (16, 384, 1536, Activation::Gelu),
    (16, 1536, 384, Activation::None),
];

/// Tokens, heads and features of a head.
const ATTENTIONS: [(usize, usize, usize); 3] = [(197, 3, 64), (197, 6, 64), (16, 12, 32)];

/// Vectors and their length.
const SCANS: [(usize, usize); 2] = [(10_000, 256), (100_000, 384)];

fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i as f32 * 0.731).sin()).collect()
}

/// One thing to time and what it costs.
struct Job {
    name: String,
    operations: u64,
    run: Box<dyn FnMut()>,
    bound: Option<(Bound, Isa)>,
}

impl Job {
    fn new(name: impl Into<String>, operations: usize, run: impl FnMut() + 'static) -> Self {
        Self { name: name.into(), operations: operations as u64, run: Box::new(run), bound: None }
    }

    fn bound(self, bound: Bound, isa: Isa) -> Self {
        Self { bound: Some((bound, isa)), ..self }
    }
}

/// What a kernel cannot be faster than.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    /// Multiply-adds of floats.
    Floats,
    /// Products of bytes.
    Bytes,
    /// Products of 16-bit integers.
    Words,
    /// Bytes from memory, two operations each.
    Memory,
}

/// Operations a second that a bound allows, measured once each.
#[derive(Default)]
struct Roofs(Vec<(Bound, Isa, f64)>);

impl Roofs {
    fn of(&mut self, bound: Bound, isa: Isa) -> f64 {
        if let Some((_, _, speed)) = self.0.iter().find(|(b, i, _)| (*b, *i) == (bound, isa)) {
            return *speed;
        }
        let memory: Vec<u64> = if bound == Bound::Memory { (0..16 << 20).collect() } else { Vec::new() };
        let pass = || match bound {
            Bound::Floats => peak::float(isa, 100_000),
            Bound::Bytes => peak::bytes(isa, 2000),
            Bound::Words => peak::words(isa, 2000),
            Bound::Memory => {
                black_box(black_box(&memory).iter().fold(0u64, |sum, v| sum.wrapping_add(*v)));
                2 * 8 * memory.len()
            }
        };
        let speed = (0..PASSES).map(|_| {
            let start = Instant::now();
            let operations = pass();
            operations as f64 / start.elapsed().as_secs_f64()
        });
        let best = speed.fold(0.0, f64::max);
        self.0.push((bound, isa, best));
        best
    }
}

/// Jobs that do the same; the first is what the others are compared with.
struct Group {
    name: String,
    jobs: Vec<Job>,
}

fn linear<B: Backend + 'static>(b: B, format: Format, shape: (usize, usize, usize, Activation)) -> impl FnMut() {
    let (rows, input, output, act) = shape;
    let x = b.tensor(&numbers(rows * input), &[1, rows, input]).unwrap();
    let bias = b.tensor(&numbers(output), &[output]).unwrap();
    let w = b.weight(Matrix::from_f32(numbers(output * input), output, input).unwrap().convert(format)).unwrap();
    move || {
        black_box(b.linear(&x, &w, Some(&bias), act).unwrap());
    }
}

fn attention<B: Backend + 'static>(b: B, (n, heads, size): (usize, usize, usize)) -> impl FnMut() {
    let qkv = b.tensor(&numbers(n * 3 * heads * size), &[1, n, 3 * heads * size]).unwrap();
    move || {
        black_box(b.attention(&qkv, heads, None).unwrap());
    }
}

fn scanning(isa: Isa, n: usize, d: usize) -> impl FnMut() {
    let (query, scales) = (numbers(d), vec![0.01; n]);
    let vectors: Vec<i8> = (0..n * d).map(|i| (i * 37 % 255) as u8 as i8).collect();
    let mut scores = vec![0.0; n];
    move || scan::scan(isa, black_box(&query), &vectors, &scales, black_box(&mut scores))
}

fn groups() -> Vec<Group> {
    let sets = Isa::available();
    let fastest = Cpu::new();
    let mut groups = Vec::new();
    for shape in PRODUCTS {
        let (rows, input, output, act) = shape;
        let operations = 2 * rows * input * output;
        let mut jobs = vec![Job::new("composed f32", operations, linear(Composed::cpu(), Format::F32, shape))];
        let name = format!("{} f32", fastest.isa().name());
        let run = linear(fastest, Format::F32, shape);
        jobs.push(Job::new(name, operations, run).bound(Bound::Floats, fastest.isa()));
        for isa in &sets {
            let run = linear(Cpu::with_isa(*isa), Format::Q8, shape);
            jobs.push(Job::new(format!("{} int8", isa.name()), operations, run).bound(Bound::Bytes, *isa));
        }
        groups.push(Group { name: format!("linear {rows}×{input}×{output} {act:?}"), jobs });
    }
    for shape in ATTENTIONS {
        let (n, heads, size) = shape;
        let operations = 4 * n * n * heads * size;
        let mut jobs = vec![Job::new("composed f32", operations, attention(Composed::cpu(), shape))];
        let precisions = [("f32", Precision::Float, Bound::Floats), ("int16", Precision::Integer, Bound::Words)];
        for (name, precision, bound) in precisions {
            let run = attention(fastest.with_attention(precision), shape);
            let name = format!("{} {name}", fastest.isa().name());
            jobs.push(Job::new(name, operations, run).bound(bound, fastest.isa()));
        }
        groups.push(Group { name: format!("attention {n} tokens {heads}×{size}"), jobs });
    }
    for (n, d) in SCANS {
        let scan = |isa: &Isa| Job::new(isa.name(), 2 * n * d, scanning(*isa, n, d)).bound(Bound::Memory, Isa::SCALAR);
        groups.push(Group { name: format!("scan {n}×{d}"), jobs: sets.iter().map(scan).collect() });
    }
    groups
}

/// Passes of every job in the table.
const PASSES: usize = 15;

fn ratios(groups: &mut [Group]) {
    let mut roofs = Roofs::default();
    for group in groups {
        let mut fastest = vec![f64::INFINITY; group.jobs.len()];
        for _ in 0..PASSES {
            for (job, fastest) in group.jobs.iter_mut().zip(&mut fastest) {
                let start = Instant::now();
                (job.run)();
                *fastest = fastest.min(start.elapsed().as_secs_f64());
            }
        }
        println!("\n{}", group.name);
        for (job, seconds) in group.jobs.iter().zip(&fastest) {
            let speed = job.operations as f64 / seconds / 1e9;
            let share = job.bound.map_or(String::new(), |(bound, isa)| {
                let roof = roofs.of(bound, isa) / 1e9;
                format!("{:>6.0} % of {roof:.1} ({bound:?})", 100.0 * speed / roof)
            });
            let (ms, ratio) = (seconds * 1e3, fastest[0] / seconds);
            println!("  {:<18} {ms:>9.3} ms {speed:>8.1} GOP/s {ratio:>7.2}× {share}", job.name);
        }
    }
}

fn statistics(criterion: &mut Criterion, groups: &mut [Group]) {
    for group in groups {
        let mut bench = criterion.benchmark_group(&group.name);
        for job in &mut group.jobs {
            bench.throughput(Throughput::Elements(job.operations));
            bench.bench_function(&job.name, |b| b.iter(&mut job.run));
        }
        bench.finish();
    }
}

fn main() {
    // shares of a bound are those of one core
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().unwrap();
    let mut groups = groups();
    ratios(&mut groups);
    if !std::env::args().any(|argument| argument == "ratios") {
        let mut criterion = Criterion::default().sample_size(10).configure_from_args();
        statistics(&mut criterion, &mut groups);
        criterion.final_summary();
    }
}
