//! How a model takes its weights out of a checkpoint.

use super::Backend;
use crate::error::{Error, Result};
use crate::weights::Checkpoint;

/// Where a model takes its weights from.
pub trait Weights<B: Backend> {
    /// The matrix `name` of `rows × cols`, packed for the backend.
    fn matrix(&self, b: &B, name: &str, rows: usize, cols: usize) -> Result<B::Weight>;
    /// The dense tensor `name` of the given shape.
    fn vector(&self, b: &B, name: &str, shape: &[usize]) -> Result<B::Tensor>;
}

impl<B: Backend> Weights<B> for Checkpoint {
    fn matrix(&self, b: &B, name: &str, rows: usize, cols: usize) -> Result<B::Weight> {
        let stored = self.get(name)?;
        let matrix = &stored.matrix;
        if stored.shape.len() < 2 || (matrix.rows, matrix.cols) != (rows, cols) {
            return Err(mismatch(name, &[rows, cols], &stored.shape));
        }
        b.weight(matrix.clone())
    }

    fn vector(&self, b: &B, name: &str, shape: &[usize]) -> Result<B::Tensor> {
        let stored = self.get(name)?;
        if stored.shape.iter().product::<usize>() != shape.iter().product::<usize>() {
            return Err(mismatch(name, shape, &stored.shape));
        }
        b.tensor(&stored.matrix.to_f32(), shape)
    }
}

fn mismatch(name: &str, expected: &[usize], got: &[usize]) -> Error {
    Error::Tensor { name: name.to_string(), expected: format!("shape {expected:?}"), got: format!("{got:?}") }
}
