//! The kernels at the sizes of the shipped encoders, beside candle's composed operations.
//!
//!   cargo bench --bench kernels              a table of ratios, then criterion's statistics
//!   cargo bench --bench kernels -- ratios    the table alone
//!
//! In the table both sides of a ratio are measured in one run, alternating, each by its fastest pass: what else the
//! machine does slows both. GOP/s counts a multiply-add as two.

use criterion::{Criterion, Throughput};
use std::hint::black_box;
use std::time::Instant;
use vitrine::backend::composed::Composed;
use vitrine::backend::cpu::Cpu;
use vitrine::backend::kernels::attention::Precision;
use vitrine::backend::kernels::{Isa, scan};
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
}

impl Job {
    fn new(name: impl Into<String>, operations: usize, run: impl FnMut() + 'static) -> Self {
        Self { name: name.into(), operations: operations as u64, run: Box::new(run) }
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
        jobs.push(Job::new(name, operations, linear(fastest, Format::F32, shape)));
        for isa in &sets {
            let run = linear(Cpu::with_isa(*isa), Format::Q8, shape);
            jobs.push(Job::new(format!("{} int8", isa.name()), operations, run));
        }
        groups.push(Group { name: format!("linear {rows}×{input}×{output} {act:?}"), jobs });
    }
    for shape in ATTENTIONS {
        let (n, heads, size) = shape;
        let operations = 4 * n * n * heads * size;
        let mut jobs = vec![Job::new("composed f32", operations, attention(Composed::cpu(), shape))];
        for (name, precision) in [("f32", Precision::Float), ("int16", Precision::Integer)] {
            let run = attention(fastest.with_attention(precision), shape);
            jobs.push(Job::new(format!("{} {name}", fastest.isa().name()), operations, run));
        }
        groups.push(Group { name: format!("attention {n} tokens {heads}×{size}"), jobs });
    }
    for (n, d) in SCANS {
        let scan = |isa: &Isa| Job::new(isa.name(), 2 * n * d, scanning(*isa, n, d));
        groups.push(Group { name: format!("scan {n}×{d}"), jobs: sets.iter().map(scan).collect() });
    }
    groups
}

/// Passes of every job in the table.
const PASSES: usize = 15;

fn ratios(groups: &mut [Group]) {
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
            println!("  {:<18} {:>9.3} ms {speed:>8.1} GOP/s {:>7.2}×", job.name, seconds * 1e3, fastest[0] / seconds);
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
    let mut groups = groups();
    ratios(&mut groups);
    if !std::env::args().any(|argument| argument == "ratios") {
        let mut criterion = Criterion::default().sample_size(10).configure_from_args();
        statistics(&mut criterion, &mut groups);
        criterion.final_summary();
    }
}
