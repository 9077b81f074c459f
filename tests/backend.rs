//! The processor's backend against candle's composed operations, operation by operation, for every instruction set.

use candle_core::Tensor;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use vitrine::Result;
use vitrine::backend::composed::Composed;
use vitrine::backend::cpu::Cpu;
use vitrine::backend::kernels::Isa;
use vitrine::backend::kernels::attention::Precision;
use vitrine::backend::{Activation, Backend};
use vitrine::quant::{Format, Matrix};

#[path = "kernels/measure.rs"]
mod measure;

/// Sizes that leave every kind of rest, and the token count of a ViT.
const SIZES: [usize; 6] = [1, 5, 7, 11, 13, 197];
const ACTS: [Activation; 4] = [Activation::None, Activation::Gelu, Activation::Tanh, Activation::Sigmoid];

fn backends() -> impl Iterator<Item = Cpu> {
    Isa::available().into_iter().map(Cpu::with_isa)
}

/// Smooth, aperiodic numbers of about the size of activations.
fn numbers(len: usize, seed: f32) -> Vec<f32> {
    (0..len).map(|i| (i as f32 * 0.731 + seed).sin() * 1.5 + (i as f32 * 0.0137 + seed * 3.0).cos()).collect()
}

fn tensor(shape: &[usize], seed: f32) -> Tensor {
    Composed::cpu().tensor(&numbers(shape.iter().product(), seed), shape).unwrap()
}

fn mask(b: usize, n: usize) -> Tensor {
    let mask: Vec<f32> = (0..b * n).map(|i| if i % n == 0 || (i * 7) % 5 < 3 { 1.0 } else { 0.0 }).collect();
    Composed::cpu().tensor(&mask, &[b, n]).unwrap()
}

fn values(x: &Tensor) -> Vec<f32> {
    match pin!(Composed::cpu().read(x)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(values) => values.unwrap(),
        Poll::Pending => panic!("reading on the processor waits for nothing"),
    }
}

/// Differences are relative to the energy of the oracle's rows.
#[track_caller]
fn close(case: &str, got: Result<Tensor>, oracle: Result<Tensor>, allowed: f64) {
    let (got, oracle) = (got.unwrap(), oracle.unwrap());
    assert_eq!(got.dims(), oracle.dims(), "{case}");
    let width = *oracle.dims().last().unwrap();
    let want: Vec<f64> = values(&oracle).into_iter().map(f64::from).collect();
    let worst = measure::relative(&values(&got), &want, width);
    assert!(worst <= allowed, "{case}: {worst:e} where {allowed:e} is allowed");
}

#[test]
fn linear_agrees_in_every_format() {
    let oracle = Composed::cpu();
    for cpu in backends() {
        for (i, n) in SIZES.into_iter().enumerate() {
            for (j, (k, out)) in [(192, 40), (768, 17), (13, 5)].into_iter().enumerate() {
                let act = ACTS[(i + j) % 4];
                let (x, bias) = (tensor(&[1, n, k], 0.3), tensor(&[out], 0.9));
                // weights of a trained layer: outputs of about the size of the inputs
                let weights = numbers(out * k, 0.7).iter().map(|w| w / (k as f32).sqrt()).collect();
                let floats = Matrix::from_f32(weights, out, k).unwrap();
                // f32: sums in another order. The others are compared with what they store, so the rest is the
                // activations' 8 bits: half a step of 5/254, averaged over the k products; Q4 adds the rounding of
                // its blocks to one scale a row, a third of a step at most
                let cases = [(Format::F32, 3e-6), (Format::F16, 3e-6), (Format::Q8, 0.04), (Format::Q4, 0.06)];
                for (format, allowed) in cases {
                    let matrix = floats.convert(format);
                    let case = format!("{} {format:?} {n}×{k}×{out} {act:?}", cpu.isa().name());
                    let packed = cpu.weight(matrix.clone()).unwrap();
                    let reference = oracle.weight(matrix).unwrap();
                    let expected = oracle.linear(&x, &reference, Some(&bias), act);
                    close(&case, cpu.linear(&x, &packed, Some(&bias), act), expected, allowed);
                    let expected = oracle.linear(&x, &reference, None, act);
                    close(&case, cpu.linear(&x, &packed, None, act), expected, allowed);
                }
            }
        }
    }
}

#[test]
fn embedding_reads_the_rows_that_were_stored() {
    let oracle = Composed::cpu();
    let ids = [0, 36, 5, 16, 15, 31];
    for cpu in backends() {
        for cols in [32, 384, 7] {
            let floats = Matrix::from_f32(numbers(37 * cols, 0.1), 37, cols).unwrap();
            // Q4 rows become int8 with one scale: half a step of 2.5/127
            let cases = [(Format::F32, 0.0), (Format::F16, 0.0), (Format::Q8, 0.0), (Format::Q4, 0.0105)];
            for (format, allowed) in cases {
                let matrix = floats.convert(format);
                let expected = oracle.embed(&oracle.weight(matrix.clone()).unwrap(), &ids, [2, 3]);
                let table = cpu.weight(matrix).unwrap();
                close(&format!("embed {format:?} {cols}"), cpu.embed(&table, &ids, [2, 3]), expected, allowed);
                let error = cpu.embed(&table, &[37], [1, 1]).unwrap_err().to_string();
                assert!(error.contains("below 37") && error.contains("37;"), "{error}");
            }
        }
    }
}

#[test]
fn attention_agrees() {
    let oracle = Composed::cpu();
    for cpu in backends() {
        for n in SIZES {
            for (b, heads, size) in [(1, 3, 64), (2, 12, 32), (2, 1, 7)] {
                let qkv = tensor(&[b, n, 3 * heads * size], 0.2);
                for mask in [None, Some(mask(b, n))] {
                    let case = format!("{} attention {b}×{n} {heads}×{size}", cpu.isa().name());
                    let expected = oracle.attention(&qkv, heads, mask.as_ref());
                    let expected = expected.unwrap();
                    close(&case, cpu.attention(&qkv, heads, mask.as_ref()), Ok(expected.clone()), 1e-5);
                    // 2⁻¹² of the largest score, here about 10
                    let cpu = cpu.with_attention(Precision::Integer);
                    close(&case, cpu.attention(&qkv, heads, mask.as_ref()), Ok(expected), 2e-3);
                }
            }
        }
    }
}

#[test]
fn the_smaller_operations_agree() {
    let o = Composed::cpu();
    for c in backends() {
        for (i, n) in SIZES.into_iter().enumerate() {
            let (b, d) = (2, [192, 13, 7, 384, 1, 197][i]);
            let case = |name: &str| format!("{} {name} {b}×{n}×{d}", c.isa().name());
            let (x, y) = (tensor(&[b, n, d], 0.4), tensor(&[b, n, d], 0.8));
            let (row, other, mask) = (tensor(&[d], 0.6), tensor(&[b, d], 0.5), mask(b, n));
            // a mean and a variance in another order
            close(&case("layer norm"), c.layer_norm(&x, &row, &row, 1e-6), o.layer_norm(&x, &row, &row, 1e-6), 2e-5);
            close(&case("add"), c.add(&x, &y), o.add(&x, &y), 0.0);
            close(&case("add a row"), c.add(&x, &row), o.add(&x, &row), 0.0);
            close(&case("mul"), c.mul(&x, &y), o.mul(&x, &y), 0.0);
            close(&case("prepend"), c.prepend(&row, &x), o.prepend(&row, &x), 0.0);
            close(&case("skip"), c.skip(&x, n / 2), o.skip(&x, n / 2), 0.0);
            close(&case("concat"), c.concat(&other, &mask), o.concat(&other, &mask), 0.0);
            close(&case("stack"), c.stack(&other, &other), o.stack(&other, &other), 0.0);
            close(&case("normalize"), c.normalize(&other), o.normalize(&other), 1e-6);
            close(&case("masked mean"), c.masked_mean(&x, &mask), o.masked_mean(&x, &mask), 1e-6);
            for (shift, mask) in [(None, None), (Some(&other), Some(&mask)), (None, Some(&mask)), (Some(&other), None)]
            {
                let (pooled, weights) = c.additive_pool(&x, shift, &row, &y, mask).unwrap();
                let (expected, expected_weights) = o.additive_pool(&x, shift, &row, &y, mask).unwrap();
                // scores of up to a hundred round in their sixth digit before the softmax
                close(&case("additive pool"), Ok(pooled), Ok(expected), 5e-5);
                close(&case("additive weights"), Ok(weights), Ok(expected_weights), 5e-5);
            }
        }
    }
}

#[test]
fn a_sequence_that_is_all_padding_attends_evenly() {
    let (o, x) = (Composed::cpu(), tensor(&[1, 7, 12], 0.4));
    let nothing = o.tensor(&[0.0; 7], &[1, 7]).unwrap();
    for c in backends() {
        close("padding", c.attention(&x, 2, Some(&nothing)), o.attention(&x, 2, Some(&nothing)), 1e-5);
    }
}

/// Vectors of catalogs that are published were made so.
#[test]
fn the_backend_that_ships_attends_in_integers() {
    let (x, exact) = (tensor(&[1, 197, 96], 0.4), Cpu::exact());
    let numbers = |c: Cpu| values(&c.attention(&x, 2, None).unwrap());
    assert_eq!(numbers(Cpu::new()), numbers(exact.with_attention(Precision::Integer)));
    assert_ne!(numbers(Cpu::new()), numbers(exact));
}

#[test]
fn shapes_that_do_not_fit_are_refused_with_what_was_expected() {
    let c = Cpu::new();
    let x = tensor(&[1, 4, 12], 0.1);
    let w = c.weight(Matrix::from_f32(vec![0.5; 5 * 7], 5, 7).unwrap()).unwrap();
    let column = x.narrow(2, 0, 6).unwrap();
    let errors = [
        ("[.., 7]", c.linear(&x, &w, None, Activation::None).err()),
        ("[12]", c.layer_norm(&x, &tensor(&[5], 0.0), &tensor(&[12], 0.0), 1e-6).err()),
        ("3·5", c.attention(&x, 5, None).err()),
        ("[1, 4]", c.attention(&x, 2, Some(&tensor(&[1, 5], 0.0))).err()),
        ("6 ids", c.embed(&w, &[1, 2], [2, 3]).err()),
        ("trailing", c.add(&x, &tensor(&[5], 0.0)).err()),
        ("at most 4", c.skip(&x, 5).err()),
        ("[b, n, d]", c.prepend(&tensor(&[12], 0.0), &tensor(&[4, 12], 0.0)).err()),
        ("dense", c.add(&column, &column).err()),
    ];
    for (expected, error) in errors {
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(expected) && error.contains("got"), "{expected}: {error:?}");
    }
}
