//! Weight formats and their scalar reference code.

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
    F16(Vec<half::f16>),
    /// 8-bit integers, symmetric, with one scale a row: value = integer · scale.
    Q8 {
        /// The integers, −127 … 127.
        values: Vec<i8>,
        /// One scale a row.
        scales: Vec<f32>,
    },
}
