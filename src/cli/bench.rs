//! `vitrine bench`: what every kernel takes at the encoders' sizes, and how near that is to what the device can do.
//!
//! Both ceilings are measured in the same run as the kernels: a copy of 64 MiB (bytes read and written a second) and
//! fused multiply-adds in registers (two operations each). A kernel's bytes are those of its inputs, weights and
//! outputs, once each; its operations are multiply-adds, counted as two.

use clap::Args;
#[cfg(feature = "gpu")]
use pollster::block_on;
use serde::Serialize;
use std::hint::black_box;
use std::time::Instant;
use vitrine::backend::cpu::Cpu;
#[cfg(feature = "gpu")]
use vitrine::backend::gpu::{Gpu, Precision};
use vitrine::backend::kernels::simd::{Dot, Task};
use vitrine::backend::kernels::{Isa, scan};
use vitrine::backend::weights::Weights;
use vitrine::backend::{Activation, Backend};
use vitrine::model::{bert, vit};
use vitrine::quant::{Format, Matrix};
use vitrine::{Error, Result};

/// Time the kernels and the encoders on this machine, beside what it can copy and multiply
#[derive(Args)]
pub struct BenchArgs {
    /// Where to compute
    #[arg(long, value_enum, default_value_t)]
    backend: super::Device,
    /// Photos and texts encoded at once
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Vectors of 256 numbers in the scanned catalog
    #[arg(long, default_value_t = 100_000)]
    rows: usize,
    /// How the graphics device computes products with int8 weights: f32, f16 or packed [default: the fastest]
    #[cfg(feature = "gpu")]
    #[arg(long, alias = "arithmetic")]
    precision: Option<Precision>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Milliseconds that one measurement should take at least.
const SPAN: f64 = 40.0;
/// Measurements of which the median counts.
const PASSES: usize = 5;
/// Bytes that the copy ceiling reads, and writes.
const COPIED: usize = 64 << 20;
/// Vector length of the scanned catalog.
const DIMENSION: usize = 256;
/// Results of a scan.
const K: usize = 96;

/// One measured thing.
#[derive(Serialize)]
struct Row {
    name: String,
    ms: f64,
    gb_per_s: Option<f64>,
    gflop_per_s: Option<f64>,
    /// Share of the copy ceiling.
    of_copy: Option<f64>,
    /// Share of the multiply-add ceiling.
    of_multiply_add: Option<f64>,
}

#[derive(Serialize)]
struct Report {
    backend: &'static str,
    device: String,
    /// Whether the device is a program on the processor, whose figures say nothing of hardware.
    software: bool,
    batch: usize,
    copy_gb_per_s: f64,
    multiply_add_gflop_per_s: f64,
    rows: Vec<Row>,
}

/// Something to be timed, again and again.
type Work<'a> = Box<dyn FnMut() -> Result<()> + 'a>;

/// What a backend offers to be measured beyond its operations.
trait Measured: Backend {
    /// Name of the backend, the device in words, and whether it is a program on the processor.
    fn describe(&self) -> (&'static str, String, bool);
    /// Waits until everything asked for is done.
    fn finish(&self) -> Result<()>;
    /// Copies `COPIED` bytes.
    fn copying(&self) -> Result<Work<'_>>;
    /// Does some multiply-adds, and says how many operations they are.
    fn multiplying(&self) -> Result<(f64, Work<'_>)>;
    /// Finds the best [`K`] of `rows` vectors.
    fn scanning(&self, vectors: Vec<i8>, scales: Vec<f32>) -> Result<Work<'_>>;
}

impl Measured for Cpu {
    fn describe(&self) -> (&'static str, String, bool) {
        let threads = rayon::current_num_threads();
        ("cpu", format!("{} instructions, {threads} threads", self.isa().name()), false)
    }

    fn finish(&self) -> Result<()> {
        Ok(())
    }

    fn copying(&self) -> Result<Work<'_>> {
        let (from, mut to) = (vec![1u8; COPIED], vec![0u8; COPIED]);
        Ok(Box::new(move || {
            black_box(&mut to).copy_from_slice(black_box(&from));
            Ok(())
        }))
    }

    fn multiplying(&self) -> Result<(f64, Work<'_>)> {
        use rayon::prelude::*;
        let (isa, threads) = (self.isa(), rayon::current_num_threads());
        let lanes = isa.run(MultiplyAdds { rounds: 0 }).1;
        let operations = (threads * ROUNDS * CHAINS * lanes * 2) as f64;
        let run = move || {
            (0..threads).into_par_iter().for_each(|_| {
                black_box(isa.run(MultiplyAdds { rounds: black_box(ROUNDS) }));
            });
            Ok(())
        };
        Ok((operations, Box::new(run)))
    }

    fn scanning(&self, vectors: Vec<i8>, scales: Vec<f32>) -> Result<Work<'_>> {
        let (isa, query) = (Isa::detect(), numbers(DIMENSION));
        let mut scores = vec![0.0; scales.len()];
        Ok(Box::new(move || {
            scan::scan(isa, &query, &vectors, &scales, &mut scores);
            let mut best = scan::TopK::new(K);
            best.offer(0, &scores);
            black_box(best.into_sorted());
            Ok(())
        }))
    }
}

/// Rounds of the multiply-add ceiling on one thread.
const ROUNDS: usize = 200_000;
/// Sums that do not wait for each other.
const CHAINS: usize = 10;

/// Fused multiply-adds in registers; gives their sum and the lanes of a register.
struct MultiplyAdds {
    rounds: usize,
}

impl Task for MultiplyAdds {
    type Out = (f32, usize);
    #[inline(always)]
    fn run<S: Dot>(self, s: S) -> (f32, usize) {
        let (factor, term) = (s.splat(black_box(0.999)), s.splat(black_box(0.001)));
        let mut sums = [s.splat(black_box(1.0)); CHAINS];
        for _ in 0..self.rounds {
            for sum in &mut sums {
                *sum = s.fma(*sum, factor, term);
            }
        }
        (sums.iter().map(|sum| s.sum(*sum)).sum(), S::LANES)
    }
}

#[cfg(feature = "gpu")]
impl Measured for Gpu {
    fn describe(&self) -> (&'static str, String, bool) {
        ("gpu", format!("{}, {} products", self.name(), self.precision().name()), self.is_software())
    }

    fn finish(&self) -> Result<()> {
        let word = self.device().upload(&[0; 4])?;
        block_on(self.device().read(&[(&word, 1)])).map(drop)
    }

    fn copying(&self) -> Result<Work<'_>> {
        let x = self.tensor(&vec![1.0; COPIED / 4], &[1, COPIED / 4, 1])?;
        Ok(Box::new(move || self.skip(&x, 0).map(drop)))
    }

    fn multiplying(&self) -> Result<(f64, Work<'_>)> {
        let x = self.tensor(&[0.999, 0.001], &[2])?;
        // a software device takes long for what hardware does in a blink
        let (groups, rounds) = if self.is_software() { (64, 64) } else { (4096, 256) };
        let operations = f64::from(groups * 256 * rounds) * (8 * 4 * 2) as f64;
        Ok((operations, Box::new(move || self.multiply_add(&x, groups, rounds))))
    }

    fn scanning(&self, vectors: Vec<i8>, scales: Vec<f32>) -> Result<Work<'_>> {
        let mut index = vitrine::backend::gpu::scan::Vectors::new(self, DIMENSION);
        index.add(self, &vectors, &scales)?;
        let query = self.tensor(&numbers(DIMENSION), &[1, DIMENSION])?;
        Ok(Box::new(move || index.select(self, &query, K, None).map(drop)))
    }
}

/// Weights of any name and shape, about the size of trained ones, stored as the shipped model stores them.
struct AnyWeights;

impl<B: Backend> Weights<B> for AnyWeights {
    fn matrix(&self, b: &B, _: &str, rows: usize, cols: usize) -> Result<B::Weight> {
        let scale = 1.0 / (cols as f32).sqrt();
        let values = numbers(rows * cols).iter().map(|v| v * scale).collect();
        b.weight(Matrix::from_f32(values, rows, cols)?.convert(Format::Q8))
    }

    fn vector(&self, b: &B, _: &str, shape: &[usize]) -> Result<B::Tensor> {
        b.tensor(&numbers(shape.iter().product()), shape)
    }
}

fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i as f32 * 0.731).sin()).collect()
}

/// Measures, and prints a table or JSON.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let report = match args.backend {
        super::Device::Cpu => measure(&Cpu::new(), args)?,
        #[cfg(feature = "gpu")]
        super::Device::Gpu => measure(&device(args.precision)?, args)?,
    };
    match args.json {
        true => vitrine::print::line(serde_json::to_string(&report)?)?,
        false => print(&report)?,
    }
    Ok(())
}

/// The graphics device, computing in the precision that was asked for.
#[cfg(feature = "gpu")]
fn device(precision: Option<Precision>) -> anyhow::Result<Gpu> {
    let gpu = super::gpu(precision)?;
    match precision.filter(|&asked| asked != gpu.precision()) {
        None => Ok(gpu),
        Some(missing) => anyhow::bail!(
            "measuring {} products: expected a device that has them, got {}; leave --precision out",
            missing.name(),
            gpu.name()
        ),
    }
}

fn print(report: &Report) -> Result<()> {
    let Report { device, batch, copy_gb_per_s, multiply_add_gflop_per_s, .. } = report;
    vitrine::print::line(format_args!("{device}, batch {batch}"))?;
    vitrine::print::line(format_args!(
        "ceilings: {copy_gb_per_s:.1} GB/s copied, {multiply_add_gflop_per_s:.1} GFLOP/s multiplied and added"
    ))?;
    vitrine::print::line(format_args!("{:<44} {:>10} {:>9} {:>6} {:>9} {:>6}", "", "ms", "GB/s", "", "GFLOP/s", ""))?;
    let number =
        |x: Option<f64>, scale: f64, unit: &str| x.map_or(String::new(), |x| format!("{:.1}{unit}", x * scale));
    for row in &report.rows {
        vitrine::print::line(format_args!(
            "{:<44} {:>10.3} {:>9} {:>6} {:>9} {:>6}",
            row.name,
            row.ms,
            number(row.gb_per_s, 1.0, ""),
            number(row.of_copy, 100.0, " %"),
            number(row.gflop_per_s, 1.0, ""),
            number(row.of_multiply_add, 100.0, " %")
        ))?;
    }
    Ok(())
}

/// Milliseconds of one call: enough calls to fill [`SPAN`] are timed together, and the median of [`PASSES`] counts.
fn time<B: Measured>(b: &B, mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut many = |count: usize| -> Result<f64> {
        let start = Instant::now();
        for _ in 0..count {
            run()?;
        }
        b.finish()?;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    };
    many(1)?; // compiles pipelines and fills caches
    let once = many(1)?;
    let count = ((SPAN / once.max(1e-3)).ceil() as usize).clamp(1, 2000);
    let mut all = (0..PASSES).map(|_| Ok(many(count)? / count as f64)).collect::<Result<Vec<f64>>>()?;
    all.sort_by(f64::total_cmp);
    Ok(all[PASSES / 2])
}

struct Bench<'a, B> {
    b: &'a B,
    copy: f64,
    multiply_add: f64,
    rows: Vec<Row>,
}

impl<B: Measured> Bench<'_, B> {
    /// Adds a row of something that moves `bytes` and does `operations`, where those are known.
    fn row(&mut self, name: String, bytes: usize, operations: usize, run: impl FnMut() -> Result<()>) -> Result<()> {
        let ms = time(self.b, run)?;
        let rate = |count: usize| (count > 0).then(|| count as f64 / ms / 1e6);
        let (gb_per_s, gflop_per_s) = (rate(bytes), rate(operations));
        let of_copy = gb_per_s.map(|rate| rate / self.copy);
        let of_multiply_add = gflop_per_s.map(|rate| rate / self.multiply_add);
        self.rows.push(Row { name, ms, gb_per_s, gflop_per_s, of_copy, of_multiply_add });
        Ok(())
    }

    fn tensor(&self, shape: &[usize]) -> Result<B::Tensor> {
        self.b.tensor(&numbers(shape.iter().product()), shape)
    }

    /// Rows of one input × features: ViT-Ti at 224 pixels, then MiniLM at 16 tokens.
    fn products(&mut self, batch: usize) -> Result<()> {
        let b = self.b;
        for (format, name) in [(Format::Q8, "int8"), (Format::F32, "f32")] {
            for (rows, k, n, act) in [
                (197 * batch, 192, 576, Activation::None),
                (197 * batch, 192, 768, Activation::Gelu),
                (197 * batch, 768, 192, Activation::None),
                (16 * batch, 384, 1536, Activation::Gelu),
                (16 * batch, 1536, 384, Activation::None),
            ] {
                let (x, bias) = (self.tensor(&[1, rows, k])?, self.tensor(&[n])?);
                let w = b.weight(Matrix::from_f32(numbers(n * k), n, k)?.convert(format))?;
                let weight_bytes = n * k * if format == Format::Q8 { 1 } else { 4 };
                let bytes = 4 * (rows * k + rows * n + n) + weight_bytes;
                self.row(format!("linear {name} {rows}×{k}×{n} {act:?}"), bytes, 2 * rows * k * n, || {
                    b.linear(&x, &w, Some(&bias), act).map(drop)
                })?;
            }
        }
        Ok(())
    }

    fn others(&mut self, batch: usize) -> Result<()> {
        let b = self.b;
        for (n, heads, size) in [(197, 3, 64), (197, 6, 64), (16, 12, 32)] {
            let d = heads * size;
            let qkv = self.tensor(&[batch, n, 3 * d])?;
            let operations = 4 * batch * n * n * d;
            self.row(
                format!("attention {batch}×{n} {heads} heads of {size}"),
                16 * batch * n * d,
                operations,
                || b.attention(&qkv, heads, None).map(drop),
            )?;
        }
        let (n, d) = (197, 192);
        let (x, row) = (self.tensor(&[batch, n, d])?, self.tensor(&[d])?);
        let bytes = 8 * batch * n * d;
        self.row(format!("layer norm {batch}×{n}×{d}"), bytes, 0, || b.layer_norm(&x, &row, &row, 1e-6).map(drop))?;
        self.row(format!("add {batch}×{n}×{d}"), bytes / 2 * 3, 0, || b.add(&x, &x).map(drop))?;
        let (n, d) = (196, 256);
        let (keys, v) = (self.tensor(&[batch, n, d])?, self.tensor(&[d])?);
        self.row(format!("additive pool {batch}×{n}×{d}"), 8 * batch * n * d, 4 * batch * n * d, || {
            b.additive_pool(&keys, None, &v, &keys, None).map(drop)
        })?;
        Ok(())
    }

    fn scan(&mut self, rows: usize) -> Result<()> {
        let vectors: Vec<i8> = (0..rows * DIMENSION).map(|i| (i * 37 % 255) as u8 as i8).collect();
        let bytes = vectors.len() + 4 * rows;
        let run = self.b.scanning(vectors, numbers(rows))?;
        self.row(format!("scan {rows}×{DIMENSION}, best {K}"), bytes, 2 * rows * DIMENSION, run)
    }

    /// Whole encoders, weights in int8.
    fn encoders(&mut self, batch: usize) -> Result<()> {
        let b = self.b;
        for (name, hidden_size, heads) in [("ViT-Ti/16", 192, 3), ("ViT-S/16", 384, 6)] {
            let config = vit::Config {
                hidden_size,
                layers: 12,
                heads,
                intermediate_size: 4 * hidden_size,
                patch_size: 16,
                image_size: 224,
                layer_norm_eps: 1e-6,
            };
            let model = vit::Vit::load(b, &AnyWeights, &config)?;
            let patches = self.tensor(&[batch, 196, config.patch_length()])?;
            let (n, d) = (197, hidden_size);
            let operations = 2 * 196 * config.patch_length() * d + 12 * (24 * n * d * d + 4 * n * n * d);
            self.row(format!("{name} 224, batch {batch}"), 0, batch * operations, || {
                model.forward(b, &patches).map(drop)
            })?;
        }
        let config = bert::Config {
            hidden_size: 384,
            layers: 6,
            heads: 12,
            intermediate_size: 1536,
            vocab_size: 8192,
            max_positions: 512,
            layer_norm_eps: 1e-12,
        };
        let model = bert::Bert::load(b, &AnyWeights, &config)?;
        let (n, d) = (16, 384);
        let (ids, mask) = ((0..(batch * n) as u32).map(|i| i % 8192).collect::<Vec<_>>(), vec![1.0; batch * n]);
        let mask = b.tensor(&mask, &[batch, n])?;
        let operations = batch * 6 * (24 * n * d * d + 4 * n * n * d);
        self.row(format!("MiniLM-L6 {n} tokens, batch {batch}"), 0, operations, || {
            model.forward(b, &ids, &mask).map(drop)
        })
    }
}

fn measure<B: Measured>(b: &B, args: &BenchArgs) -> Result<Report> {
    if args.batch == 0 || args.rows == 0 {
        return Err(Error::Argument("measuring: expected a batch and rows of at least 1, got 0; give more".into()));
    }
    let (backend, device, software) = b.describe();
    let copy = (2 * COPIED) as f64 / time(b, b.copying()?)? / 1e6;
    let (operations, run) = b.multiplying()?;
    let multiply_add = operations / time(b, run)? / 1e6;
    let mut bench = Bench { b, copy, multiply_add, rows: Vec::new() };
    bench.row("submitting and reading 4 bytes".into(), 0, 0, || b.finish())?;
    bench.products(args.batch)?;
    bench.others(args.batch)?;
    bench.scan(args.rows)?;
    bench.encoders(args.batch)?;
    Ok(Report {
        backend,
        device,
        software,
        batch: args.batch,
        copy_gb_per_s: copy,
        multiply_add_gflop_per_s: multiply_add,
        rows: bench.rows,
    })
}
