//! The processor: candle tensors, the project's own kernels.
//!
//! Tensors are candle's, so that training, tests and inference speak of the same values; the kernels read their
//! storage in place and hand candle a finished buffer. candle's own CPU operations are not used: its products are a
//! quarter as fast in wasm, and its quantized path four times slower than what int8 allows.

use super::kernels::attention::{self, Mask, Precision, Shape};
use super::kernels::gemm_f32::{self, PackedF32};
use super::kernels::gemm_i8::{self, MAX_COLS, PackedI8};
use super::kernels::pointwise::{self, Act, Binary};
use super::kernels::{Isa, pool};
use super::{Activation, Backend};
use crate::error::{Error, Result};
use crate::quant::{Matrix, MatrixData, quantize_rows};
use candle_core::{CpuStorage, Device, Storage, Tensor};
use std::ops::Deref;

/// Kernels on the processor.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    isa: Isa,
    attention: Precision,
}

/// A weight matrix in the layout of the kernels.
#[derive(Clone, Debug)]
pub enum Packed {
    /// For floats: exact to f32.
    F32(PackedF32),
    /// For integers.
    I8(PackedI8),
}

impl Default for Cpu {
    fn default() -> Self {
        Self::new()
    }
}

impl Cpu {
    /// What searches run on, in the page and on the command line: the fastest instructions of this processor, and
    /// attention in integers, which costs a vector less than int8 weights do by two orders of magnitude
    /// (`tests/precision.rs`).
    pub fn new() -> Self {
        Self::exact().with_attention(Precision::Integer)
    }

    /// The same with attention in floats: what the others are compared with.
    pub fn exact() -> Self {
        Self::with_isa(Isa::detect())
    }

    /// With a given instruction set and attention in floats, for tests and timings.
    pub fn with_isa(isa: Isa) -> Self {
        Self { isa, attention: Precision::Float }
    }

    /// The same with attention in the given precision: [`Precision::Integer`] suits models whose weights are integers.
    pub fn with_attention(self, attention: Precision) -> Self {
        Self { attention, ..self }
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    fn attend(&self, qkv: &Tensor, heads: usize, mask: Mask<'_>) -> Result<Tensor> {
        let [b, n, width] = three("attention", "[b, n, 3·d]", qkv)?;
        if heads == 0 || !width.is_multiple_of(3 * heads) {
            return refuse("attention", &format!("a width that 3·{heads} divides"), qkv.dims());
        }
        let shape = Shape { b, n, heads, size: width / 3 / heads };
        let mut out = vec![0.0; b * n * width / 3];
        attention::attention(self.isa, &floats("attention", qkv)?, shape, mask, self.attention, &mut out);
        make(out, &[b, n, width / 3])
    }
}

impl Packed {
    fn rows(&self) -> usize {
        match self {
            Self::F32(w) => w.rows(),
            Self::I8(w) => w.rows(),
        }
    }

    fn cols(&self) -> usize {
        match self {
            Self::F32(w) => w.cols(),
            Self::I8(w) => w.cols(),
        }
    }
}

/// A tensor's numbers, locked for reading.
struct Floats<G> {
    storage: G,
    range: (usize, usize),
}

impl<G: Deref<Target = Storage>> Deref for Floats<G> {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.range.0..self.range.1],
            // `floats` has seen that the storage is the one above
            _ => &[],
        }
    }
}

/// The numbers of a dense f32 tensor on the processor.
fn floats<'a>(operation: &str, x: &'a Tensor) -> Result<impl Deref<Target = [f32]> + use<'a>> {
    let (storage, layout) = x.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(CpuStorage::F32(_)), Some(range)) => Ok(Floats { storage, range }),
        _ => Err(Error::Argument(format!(
            "{operation}: expected a dense f32 tensor on the processor, got {:?} {:?} on {:?}; convert it first",
            x.dtype(),
            x.layout(),
            x.device().location()
        ))),
    }
}

fn make(data: Vec<f32>, shape: &[usize]) -> Result<Tensor> {
    Ok(Tensor::from_vec(data, shape, &Device::Cpu)?)
}

/// An error that names the operation and what it got.
fn refuse<T>(operation: &str, expected: &str, got: impl std::fmt::Debug) -> Result<T> {
    Err(Error::Argument(format!("{operation}: expected {expected}, got {got:?}; check the shapes")))
}

/// The sizes of a tensor of three axes.
fn three(operation: &str, expected: &str, x: &Tensor) -> Result<[usize; 3]> {
    match *x.dims() {
        [b, n, d] if b > 0 && n > 0 && d > 0 => Ok([b, n, d]),
        _ => refuse(operation, expected, x.dims()),
    }
}

/// A tensor that must have the given shape.
fn shaped<'a>(operation: &str, x: &'a Tensor, shape: &[usize]) -> Result<impl Deref<Target = [f32]> + use<'a>> {
    match x.dims() == shape {
        true => floats(operation, x),
        false => refuse(operation, &format!("{shape:?}"), x.dims()),
    }
}

impl Backend for Cpu {
    type Tensor = Tensor;
    type Weight = Packed;

    fn tensor(&self, data: &[f32], shape: &[usize]) -> Result<Tensor> {
        Ok(Tensor::from_slice(data, shape, &Device::Cpu)?)
    }

    fn weight(&self, matrix: Matrix) -> Result<Packed> {
        let Matrix { rows, cols, data } = &matrix;
        let int8 = |values: &[i8], scales: &[f32]| {
            if !self.isa.wants_limited_pairs() {
                return Packed::I8(PackedI8::pack(values, scales, *rows, *cols));
            }
            let (mut values, mut scales) = (values.to_vec(), scales.to_vec());
            gemm_i8::limit_pairs(&mut values, &mut scales, *cols);
            Packed::I8(PackedI8::pack(&values, &scales, *rows, *cols))
        };
        match data {
            MatrixData::F32(values) => Ok(Packed::F32(PackedF32::pack(values, *rows, *cols))),
            _ if *cols > MAX_COLS => {
                refuse("packing a weight matrix", &format!("at most {MAX_COLS} columns"), (rows, cols))
            }
            MatrixData::F16(_) => Ok(Packed::F32(PackedF32::pack(&matrix.to_f32(), *rows, *cols))),
            MatrixData::Q8 { values, scales } => Ok(int8(values, scales)),
            // 4-bit integers with a scale a block become 8-bit ones with a scale a row: the added error is a small
            // part of what 4 bits already cost, and the product runs at the speed of int8
            MatrixData::Q4 { .. } => {
                let (values, scales) = quantize_rows(&matrix.to_f32(), *cols);
                Ok(int8(&values, &scales))
            }
        }
    }

    fn shape(&self, x: &Tensor) -> Vec<usize> {
        x.dims().to_vec()
    }

    async fn read(&self, x: &Tensor) -> Result<Vec<f32>> {
        Ok(floats("reading a tensor", x)?.to_vec())
    }

    fn linear(&self, x: &Tensor, w: &Packed, bias: Option<&Tensor>, act: Activation) -> Result<Tensor> {
        let mut shape = x.dims().to_vec();
        match shape.last_mut() {
            Some(last) if *last == w.cols() && w.cols() > 0 => *last = w.rows(),
            _ => return refuse("linear", &format!("[.., {}]", w.cols()), x.dims()),
        }
        let bias = bias.map(|bias| shaped("bias of linear", bias, &[w.rows()])).transpose()?;
        let (x, bias) = (floats("linear", x)?, bias.as_deref());
        let mut out = vec![0.0; shape.iter().product()];
        let act = match act {
            Activation::None => Act::None,
            Activation::Gelu => Act::Gelu,
            Activation::TanhGelu => Act::TanhGelu,
            Activation::QuickGelu => Act::QuickGelu,
            Activation::Tanh => Act::Tanh,
            Activation::Sigmoid => Act::Sigmoid,
        };
        match w {
            Packed::F32(w) => gemm_f32::linear(self.isa, &x, w, bias, act, &mut out),
            Packed::I8(w) => gemm_i8::linear(self.isa, &x, w, bias, act, &mut out),
        }
        make(out, &shape)
    }

    fn layer_norm(&self, x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f64) -> Result<Tensor> {
        let d = match x.dims().last() {
            Some(&d) if d > 0 => d,
            _ => return refuse("layer norm", "[.., d]", x.dims()),
        };
        let (gamma, beta) = (shaped("layer norm", gamma, &[d])?, shaped("layer norm", beta, &[d])?);
        let mut out = vec![0.0; x.elem_count()];
        pointwise::layer_norm(self.isa, &floats("layer norm", x)?, &gamma, &beta, eps as f32, &mut out);
        make(out, x.dims())
    }

    fn attention(&self, qkv: &Tensor, heads: usize, mask: Option<&Tensor>) -> Result<Tensor> {
        let [b, n, _] = three("attention", "[b, n, 3·d]", qkv)?;
        match mask {
            Some(mask) => self.attend(qkv, heads, Mask::Padding(&shaped("mask of attention", mask, &[b, n])?)),
            None => self.attend(qkv, heads, Mask::None),
        }
    }

    fn causal_attention(&self, qkv: &Tensor, heads: usize) -> Result<Tensor> {
        self.attend(qkv, heads, Mask::Causal)
    }

    fn embed(&self, table: &Packed, ids: &[u32], [b, n]: [usize; 2]) -> Result<Tensor> {
        let (rows, d) = (table.rows(), table.cols());
        if ids.len() != b * n {
            return refuse("embedding", &format!("{} ids", b * n), ids.len());
        }
        if let Some(id) = ids.iter().find(|id| **id as usize >= rows) {
            return refuse("embedding", &format!("ids below {rows}"), id);
        }
        let mut out = vec![0.0; b * n * d];
        for (id, out) in ids.iter().zip(out.chunks_exact_mut(d.max(1))) {
            match table {
                Packed::F32(w) => w.row(*id as usize, out),
                Packed::I8(w) => w.row(*id as usize, out),
            }
        }
        make(out, &[b, n, d])
    }

    fn add(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let ones = y.dims().iter().take_while(|&&axis| axis == 1).count();
        if !x.dims().ends_with(&y.dims()[ones..]) {
            return refuse("adding", &format!("{:?} or its trailing axes", x.dims()), y.dims());
        }
        let mut out = vec![0.0; x.elem_count()];
        pointwise::binary(self.isa, Binary::Add, &floats("adding", x)?, &floats("adding", y)?, &mut out);
        make(out, x.dims())
    }

    fn mul(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let y = shaped("multiplying", y, x.dims())?;
        let mut out = vec![0.0; x.elem_count()];
        pointwise::binary(self.isa, Binary::Mul, &floats("multiplying", x)?, &y, &mut out);
        make(out, x.dims())
    }

    fn prepend(&self, row: &Tensor, x: &Tensor) -> Result<Tensor> {
        let [b, n, d] = three("prepending", "[b, n, d]", x)?;
        let (row, x) = (shaped("prepending", row, &[d])?, floats("prepending", x)?);
        let mut out = Vec::with_capacity(b * (n + 1) * d);
        for sequence in x.chunks_exact(n * d) {
            out.extend_from_slice(&row);
            out.extend_from_slice(sequence);
        }
        make(out, &[b, n + 1, d])
    }

    fn skip(&self, x: &Tensor, from: usize) -> Result<Tensor> {
        let [b, n, d] = three("skipping tokens", "[b, n, d]", x)?;
        if from > n {
            return refuse("skipping tokens", &format!("at most {n}"), from);
        }
        let x = floats("skipping tokens", x)?;
        let rest: Vec<f32> = x.chunks_exact(n * d).flat_map(|sequence| &sequence[from * d..]).copied().collect();
        make(rest, &[b, n - from, d])
    }

    fn concat(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let ([b, p], [c, q]) = (two("joining features", x)?, two("joining features", y)?);
        if b != c {
            return refuse("joining features", &format!("[{b}, q]"), y.dims());
        }
        let mut out = Vec::with_capacity(b * (p + q));
        let (x, y) = (floats("joining features", x)?, floats("joining features", y)?);
        for (x, y) in x.chunks_exact(p).zip(y.chunks_exact(q)) {
            out.extend_from_slice(x);
            out.extend_from_slice(y);
        }
        make(out, &[b, p + q])
    }

    fn additive_pool(
        &self,
        keys: &Tensor,
        shift: Option<&Tensor>,
        v: &Tensor,
        values: &Tensor,
        mask: Option<&Tensor>,
    ) -> Result<(Tensor, Tensor)> {
        const NAME: &str = "additive pool";
        let [b, n, a] = three(NAME, "keys [b, n, a]", keys)?;
        let [_, _, d] = three(NAME, "values [b, n, d]", values)?;
        let (keys, v, values) = (floats(NAME, keys)?, shaped(NAME, v, &[a])?, shaped(NAME, values, &[b, n, d])?);
        let shift = shift.map(|shift| shaped(NAME, shift, &[b, a])).transpose()?;
        let mask = mask.map(|mask| shaped(NAME, mask, &[b, n])).transpose()?;
        let inputs = pool::Additive {
            keys: &keys,
            shift: shift.as_deref(),
            v: &v,
            values: &values,
            mask: mask.as_deref(),
            n,
            d,
        };
        let (mut pooled, mut weights) = (vec![0.0; b * d], vec![0.0; b * n]);
        pool::additive(self.isa, inputs, &mut pooled, &mut weights);
        Ok((make(pooled, &[b, d])?, make(weights, &[b, n])?))
    }

    fn masked_mean(&self, x: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let [b, n, d] = three("masked mean", "[b, n, d]", x)?;
        let mask = shaped("masked mean", mask, &[b, n])?;
        let mut out = vec![0.0; b * d];
        pool::masked_mean(self.isa, &floats("masked mean", x)?, &mask, n, d, &mut out);
        make(out, &[b, d])
    }

    fn stack(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let [b, d] = two("stacking", x)?;
        shaped("stacking", y, &[b, d])?;
        self.concat(x, y)?.reshape((b, 2, d)).map_err(Error::from)
    }

    fn normalize(&self, x: &Tensor) -> Result<Tensor> {
        let [b, d] = two("normalizing", x)?;
        let mut out = floats("normalizing", x)?.to_vec();
        pointwise::normalize(self.isa, &mut out, d);
        make(out, &[b, d])
    }
}

/// The sizes of a tensor of two axes.
fn two(operation: &str, x: &Tensor) -> Result<[usize; 2]> {
    match *x.dims() {
        [b, d] if d > 0 => Ok([b, d]),
        _ => refuse(operation, "[b, d]", x.dims()),
    }
}
