//! Weight formats, and the scalar code that defines them.
//!
//! A format here is what a model file stores; what a kernel packs it into is the backend's affair.

use crate::error::{Error, Result};
use half::f16;
use std::ops::Range;

/// Columns that share one scale in [`MatrixData::Q4`].
pub const Q4_BLOCK: usize = 32;

/// A weight matrix `[rows, cols]` as it is stored in a model file.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Number of rows (output features, or entries of a table).
    pub rows: usize,
    /// Number of columns (input features).
    pub cols: usize,
    /// The numbers.
    pub data: MatrixData,
}

/// The numbers of a [`Matrix`], row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum MatrixData {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 16-bit floats.
    F16(Vec<f16>),
    /// 8-bit integers, symmetric, with one scale a row: value = integer · scale.
    Q8 {
        /// The integers, −127 … 127.
        values: Vec<i8>,
        /// One scale a row.
        scales: Vec<f32>,
    },
    /// 4-bit integers −7 … 7 stored as 1 … 15, two to a byte (even column in the low half), with one scale for every
    /// [`Q4_BLOCK`] columns of a row.
    Q4 {
        /// The packed integers, `rows · cols / 2` bytes.
        values: Vec<u8>,
        /// The scales, `rows · cols / Q4_BLOCK`.
        scales: Vec<f16>,
    },
}

/// The formats that a model can be stored in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// 32-bit floats: exact, four bytes a weight.
    F32,
    /// 16-bit floats: two bytes a weight.
    F16,
    /// 8-bit integers with a scale a row: one byte a weight.
    Q8,
    /// 4-bit integers with a scale a block of 32: a little more than half a byte a weight.
    Q4,
}

impl Matrix {
    /// Wraps floats `[rows, cols]`.
    pub fn from_f32(values: Vec<f32>, rows: usize, cols: usize) -> Result<Self> {
        if rows.checked_mul(cols) != Some(values.len()) {
            return Err(Error::Argument(format!(
                "making a matrix: expected {rows}×{cols} numbers, got {}; check the shape",
                values.len()
            )));
        }
        Ok(Self { rows, cols, data: MatrixData::F32(values) })
    }

    /// The numbers as floats, row-major.
    pub fn to_f32(&self) -> Vec<f32> {
        match &self.data {
            MatrixData::F32(values) => values.clone(),
            MatrixData::F16(values) => values.iter().map(|v| v.to_f32()).collect(),
            MatrixData::Q8 { values, scales } => values
                .chunks_exact(self.cols.max(1))
                .zip(scales)
                .flat_map(|(row, &scale)| row.iter().map(move |&v| f32::from(v) * scale))
                .collect(),
            MatrixData::Q4 { values, scales } => values
                .chunks_exact(Q4_BLOCK / 2)
                .zip(scales)
                .flat_map(|(block, scale)| {
                    let scale = scale.to_f32();
                    block
                        .iter()
                        .flat_map(move |&byte| [byte & 15, byte >> 4].map(|nibble| (f32::from(nibble) - 8.0) * scale))
                })
                .collect(),
        }
    }

    /// The same matrix stored as `format`. Q4 falls back to Q8 where the columns are no multiple of [`Q4_BLOCK`].
    pub fn convert(&self, format: Format) -> Self {
        let floats = self.to_f32();
        let data = match format {
            Format::F32 => MatrixData::F32(floats),
            Format::F16 => MatrixData::F16(floats.into_iter().map(f16::from_f32).collect()),
            Format::Q4 if self.cols.is_multiple_of(Q4_BLOCK) => quantize_q4(&floats),
            Format::Q4 | Format::Q8 => {
                let (values, scales) = quantize_rows(&floats, self.cols);
                MatrixData::Q8 { values, scales }
            }
        };
        Self { rows: self.rows, cols: self.cols, data }
    }

    /// One row as floats.
    pub fn row(&self, index: usize) -> Vec<f32> {
        self.rows(index..index + 1).to_f32()
    }

    /// Some rows.
    pub fn rows(&self, range: Range<usize>) -> Self {
        let numbers = range.start * self.cols..range.end * self.cols;
        let data = match &self.data {
            MatrixData::F32(values) => MatrixData::F32(values[numbers].to_vec()),
            MatrixData::F16(values) => MatrixData::F16(values[numbers].to_vec()),
            MatrixData::Q8 { values, scales } => {
                MatrixData::Q8 { values: values[numbers].to_vec(), scales: scales[range.clone()].to_vec() }
            }
            MatrixData::Q4 { values, scales } => MatrixData::Q4 {
                values: values[numbers.start / 2..numbers.end / 2].to_vec(),
                scales: scales[numbers.start / Q4_BLOCK..numbers.end / Q4_BLOCK].to_vec(),
            },
        };
        Self { rows: range.len(), cols: self.cols, data }
    }

    /// Adds the rows of another matrix of the same columns and format; `false` for any other.
    pub fn append(&mut self, next: Self) -> bool {
        if self.cols != next.cols {
            return false;
        }
        match (&mut self.data, next.data) {
            (MatrixData::F32(values), MatrixData::F32(more)) => values.extend(more),
            (MatrixData::F16(values), MatrixData::F16(more)) => values.extend(more),
            (MatrixData::Q8 { values, scales }, MatrixData::Q8 { values: more, scales: more_scales }) => {
                values.extend(more);
                scales.extend(more_scales);
            }
            (MatrixData::Q4 { values, scales }, MatrixData::Q4 { values: more, scales: more_scales }) => {
                values.extend(more);
                scales.extend(more_scales);
            }
            _ => return false,
        }
        self.rows += next.rows;
        true
    }
}

/// Symmetric int8 with one scale a row, rounding half away from zero; a row of zeros keeps scale 0.
/// `x` `[rows, cols]` → integers `[rows, cols]`, scales `[rows]`.
pub fn quantize_rows(x: &[f32], cols: usize) -> (Vec<i8>, Vec<f32>) {
    let mut values = Vec::with_capacity(x.len());
    let mut scales = Vec::with_capacity(x.len() / cols.max(1));
    for row in x.chunks_exact(cols.max(1)) {
        let largest = row.iter().fold(0f32, |m, v| m.max(v.abs()));
        let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
        scales.push(largest / 127.0);
        values.extend(row.iter().map(|v| (v * inverse).round() as i8));
    }
    (values, scales)
}

fn quantize_q4(x: &[f32]) -> MatrixData {
    let mut values = Vec::with_capacity(x.len() / 2);
    let mut scales = Vec::with_capacity(x.len() / Q4_BLOCK);
    for block in x.chunks_exact(Q4_BLOCK) {
        let largest = block.iter().fold(0f32, |m, v| m.max(v.abs()));
        let scale = f16::from_f32(largest / 7.0);
        let inverse = if scale.to_f32() > 0.0 { 1.0 / scale.to_f32() } else { 0.0 };
        scales.push(scale);
        let nibble = |v: f32| ((v * inverse).round().clamp(-7.0, 7.0) + 8.0) as u8;
        values.extend(block.chunks_exact(2).map(|pair| nibble(pair[0]) | nibble(pair[1]) << 4));
    }
    MatrixData::Q4 { values, scales }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_format_stays_within_half_a_step(
            rows in 1usize..5, blocks in 1usize..4, seed in prop::collection::vec(-3f32..3.0, 4 * 3 * Q4_BLOCK)
        ) {
            let cols = blocks * Q4_BLOCK;
            let floats = seed[..rows * cols].to_vec();
            let matrix = Matrix::from_f32(floats.clone(), rows, cols).unwrap();
            // steps: f16 has 11 bits of mantissa; q8 spreads 3.0 over 127 steps, q4 over 7 (and rounds its scale)
            for (format, bound) in [(Format::F32, 0.0), (Format::F16, 2e-3), (Format::Q8, 0.0119), (Format::Q4, 0.22)] {
                let stored = matrix.convert(format);
                let back = stored.to_f32();
                prop_assert_eq!(back.len(), floats.len());
                for (a, b) in floats.iter().zip(&back) {
                    prop_assert!((a - b).abs() <= bound, "{:?}: {} became {}", format, a, b);
                }
                for row in 0..rows {
                    prop_assert_eq!(stored.row(row), &back[row * cols..(row + 1) * cols]);
                }
            }
        }
    }

    #[test]
    fn zeros_and_extremes_survive() {
        let (values, scales) = quantize_rows(&[0.0, 0.0, 0.0, f32::MIN_POSITIVE, -1e30, 1e30], 3);
        assert_eq!(values, [0, 0, 0, 0, -127, 127]);
        assert_eq!(scales[0], 0.0);
    }

    #[test]
    fn q4_of_odd_columns_is_stored_as_q8() {
        let matrix = Matrix::from_f32(vec![1.0; 33], 1, 33).unwrap().convert(Format::Q4);
        assert!(matches!(matrix.data, MatrixData::Q8 { .. }));
    }
}
