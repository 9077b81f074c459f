//! Products with weight matrices, in whichever precision the device is fastest at.

use super::device::{Buffer, Device};
use super::kernels::{self, Kernel};
use super::precision::Precision;
use super::{Gpu, Tensor, bytes_of, narrow, refuse, shaped};
use crate::backend::{Activation, Backend};
use crate::clock::clock;
use crate::error::Result;
use crate::quant::{Matrix, MatrixData, quantize_rows};

/// Rows up to which a product is shared out over its input features.
const FEW_ROWS: usize = 32;
/// Input features up to which no integer sum can leave 32 bits.
const MAX_COLS: usize = 65_536;
/// Milliseconds that are long enough to be measured, and the most layers for it.
const SPAN: f64 = 10.0;
const MOST: usize = 256;
/// Another precision than f32 must take less than this share of its time.
const GAIN: f64 = 0.85;

/// A weight matrix `[rows, cols]` on the device.
#[derive(Debug)]
pub struct Weight {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) words: Buffer,
    pub(super) form: Form,
}

/// What the words of a weight matrix are. Rows are padded with zeros to whole quads of four.
#[derive(Debug)]
pub(super) enum Form {
    /// `[cols, ⌈rows / 4⌉, 4]` of f32.
    F32,
    /// `[cols, ⌈rows / 4⌉]`, a word of four rows' int8; and the rows' scales.
    Rows(Buffer),
    /// `[⌈cols / 4⌉, ⌈rows / 4⌉, 4]`, a word of four columns' int8; and each row's scale beside its sum.
    Columns(Buffer),
}

impl Weight {
    pub(super) fn scales(&self) -> Option<&Buffer> {
        match &self.form {
            Form::F32 => None,
            Form::Rows(scales) | Form::Columns(scales) => Some(scales),
        }
    }
}

/// A linear layer's sizes and what is fused into it.
struct Layer<'a> {
    x: &'a Tensor,
    w: &'a Weight,
    bias: Option<&'a Buffer>,
    act: u32,
    /// Rows of x, output features, input features, quads of output features.
    rows: u32,
    n: u32,
    k: u32,
    quads: u32,
}

impl Gpu {
    /// The same device with another precision for weights that are yet to come, or nothing where it has none.
    pub fn with(&self, precision: Precision) -> Option<Self> {
        let device = self.device.clone();
        self.device.offers(precision).then_some(Self { device, precision })
    }

    /// How products with int8 weights are computed.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The precision that multiplies fastest here; f32, which rounds least, unless another is faster by a margin.
    pub(super) async fn fastest(&self) -> Result<Precision> {
        let mut best = (Precision::F32, f64::INFINITY);
        for precision in Precision::ALL {
            let Some(gpu) = self.with(precision) else { continue };
            let margin = if precision == Precision::F32 { GAIN } else { 1.0 };
            let took = gpu.measure().await? * margin;
            if took < best.1 {
                best = (precision, took);
            }
        }
        Ok(best.0)
    }

    /// Milliseconds of a layer of 64 × 384 × 1536, by enough of them that asking and reading back do not count.
    async fn measure(&self) -> Result<f64> {
        const SIZE: (usize, usize, usize) = (64, 384, 1536);
        let values = (0..SIZE.1 * SIZE.2).map(|i| (i * 37 % 255) as u8 as i8).collect();
        let data = MatrixData::Q8 { values, scales: vec![1e-3; SIZE.2] };
        let w = self.weight(Matrix { rows: SIZE.2, cols: SIZE.1, data })?;
        let x = self.tensor(&vec![0.5; SIZE.0 * SIZE.1], &[SIZE.0, SIZE.1])?;
        let run = async |layers: usize| -> Result<f64> {
            let start = clock();
            let mut last = self.linear(&x, &w, None, Activation::None)?;
            for _ in 1..layers {
                last = self.linear(&x, &w, None, Activation::None)?;
            }
            self.device.read(&[(&last.buffer, 1)]).await?;
            Ok(clock() - start)
        };
        run(1).await?; // compiles
        let mut layers = 1;
        loop {
            let took = run(layers).await?.min(run(layers).await?);
            if took >= SPAN || layers >= MOST {
                return Ok(took / layers as f64);
            }
            layers *= 4;
        }
    }

    /// Uploads a matrix in the layout that its format and this precision want.
    pub(super) fn pack_weight(&self, matrix: &Matrix) -> Result<Weight> {
        let Matrix { rows, cols, data } = matrix;
        let size = (*rows, *cols);
        match data {
            MatrixData::F32(values) => self.pack_floats(size, |at| values[at]),
            MatrixData::F16(values) => self.pack_floats(size, |at| values[at].to_f32()),
            MatrixData::Q8 { values, scales } => self.pack_int8(size, values, scales),
            // one scale a row, as on the processor
            MatrixData::Q4 { .. } => {
                let (values, scales) = quantize_rows(&matrix.to_f32(), *cols);
                self.pack_int8(size, &values, &scales)
            }
        }
    }

    fn pack_floats(&self, (rows, cols): (usize, usize), value: impl Fn(usize) -> f32) -> Result<Weight> {
        let quads = rows.div_ceil(4);
        let mut words = vec![0f32; cols * quads * 4];
        for (row, col) in (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col))) {
            words[(col * quads + row / 4) * 4 + row % 4] = value(row * cols + col);
        }
        Ok(Weight { rows, cols, words: self.device.upload(&bytes_of(&words))?, form: Form::F32 })
    }

    fn pack_int8(&self, (rows, cols): (usize, usize), values: &[i8], scales: &[f32]) -> Result<Weight> {
        let quads = rows.div_ceil(4);
        let packed = self.precision == Precision::Packed && cols <= MAX_COLS;
        let place = |row: usize, col: usize| match packed {
            true => (col / 4 * quads * 4 + row) * 4 + col % 4,
            false => (col * quads + row / 4) * 4 + row % 4,
        };
        let mut words = vec![0u8; if packed { cols.next_multiple_of(4) } else { cols } * quads * 4];
        for (row, values) in values.chunks_exact(cols.max(1)).enumerate() {
            values.iter().enumerate().for_each(|(col, v)| words[place(row, col)] = *v as u8);
        }
        let mut beside = Vec::with_capacity(quads * 32);
        for (values, scale) in values.chunks_exact(cols.max(1)).zip(scales) {
            beside.extend(scale.to_le_bytes());
            if packed {
                beside.extend(values.iter().map(|&v| i32::from(v)).sum::<i32>().to_le_bytes());
            }
        }
        beside.resize(quads * if packed { 32 } else { 16 }, 0);
        let beside = self.device.upload(&beside)?;
        let form = if packed { Form::Columns(beside) } else { Form::Rows(beside) };
        Ok(Weight { rows, cols, words: self.device.upload(&words)?, form })
    }

    /// See [`Backend::linear`].
    pub(super) fn multiply(&self, x: &Tensor, w: &Weight, bias: Option<&Tensor>, act: Activation) -> Result<Tensor> {
        let mut shape = x.shape.clone();
        match shape.last_mut() {
            Some(last) if *last == w.cols && w.cols > 0 => *last = w.rows,
            _ => return refuse("linear", &format!("[.., {}]", w.cols), &x.shape),
        }
        let bias = bias.map(|bias| shaped("bias of linear", bias, &[w.rows])).transpose()?;
        let rows = x.shape.iter().product::<usize>() / w.cols;
        let act = match act {
            Activation::None => 0,
            Activation::Gelu => 1,
            Activation::Tanh => 2,
            Activation::Sigmoid => 3,
            Activation::TanhGelu => 4,
            Activation::QuickGelu => 5,
        };
        let [rows, n, k] = [rows, w.rows, w.cols].map(|v| narrow("linear", v));
        let (rows, n, k) = (rows?, n?, k?);
        let out = self.output(&shape)?;
        let layer = Layer { x, w, bias, act, rows, n, k, quads: n.div_ceil(4) };
        match &w.form {
            Form::Columns(scales) => self.integers(&layer, scales, &out)?,
            Form::F32 | Form::Rows(_) => self.floats(&layer, &out)?,
        }
        Ok(out)
    }

    fn floats(&self, layer: &Layer<'_>, out: &Tensor) -> Result<()> {
        let Layer { x, w, bias, act, rows, n, k, quads } = *layer;
        let int8 = matches!(w.form, Form::Rows(_));
        let (kernel, tile): (&'static Kernel, _) = match (rows as usize <= FEW_ROWS, self.precision) {
            (true, _) => (&kernels::LINEAR_FEW, (32, 4)),
            (false, Precision::F16) if int8 => (&kernels::LINEAR_HALF, (64, 64)),
            (false, _) => (&kernels::LINEAR, (64, 64)),
        };
        self.launch(
            kernel,
            &[int8.into(), bias.is_some().into(), act],
            &[rows, n, k, quads],
            &[Some(&x.buffer), Some(&w.words), w.scales(), bias],
            &[&out.buffer],
            [n.div_ceil(tile.0), rows.div_ceil(tile.1), 1],
        )
    }

    fn integers(&self, layer: &Layer<'_>, scales: &Buffer, out: &Tensor) -> Result<()> {
        let Layer { x, w, bias, act, rows, n, k, quads } = *layer;
        let words = k.div_ceil(4);
        let codes = self.device.scratch(rows as usize * words as usize)?;
        let ranges = self.device.scratch(rows as usize * 2)?;
        let (groups, width) = Device::grid(rows);
        let parameters = [rows, k, words, width];
        let groups = if rows == 0 { [0; 3] } else { groups };
        self.launch(&kernels::QUANTISE, &[], &parameters, &[Some(&x.buffer)], &[&codes, &ranges], groups)?;
        let few = rows as usize <= FEW_ROWS;
        let (kernel, tile): (&'static Kernel, _) =
            if few { (&kernels::LINEAR_FEW_PACKED, 4) } else { (&kernels::LINEAR_PACKED, 64) };
        self.launch(
            kernel,
            &[bias.is_some().into(), act],
            &[rows, n, words, quads],
            &[Some(&codes), Some(&ranges), Some(&w.words), Some(scales), bias],
            &[&out.buffer],
            [n.div_ceil(64), rows.div_ceil(tile), 1],
        )
    }
}
