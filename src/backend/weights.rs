//! How a model takes its weights out of a checkpoint.

use super::Backend;
use crate::error::{Error, Result};
use crate::weights::{Checkpoint, Stored};
use std::cell::RefCell;

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

/// A checkpoint that gives its tensors away, so that a model never needs the memory of both.
pub struct Spent(RefCell<Checkpoint>);

impl Spent {
    /// A checkpoint of which nothing has been taken.
    pub fn of(checkpoint: Checkpoint) -> Self {
        Self(RefCell::new(checkpoint))
    }

    /// Takes a tensor with this many numbers, and this many rows where it is a matrix.
    fn take(&self, name: &str, shape: &[usize], rows: Option<usize>) -> Result<Stored> {
        let stored = self.0.borrow_mut().take(name)?;
        let numbers = stored.shape.iter().product::<usize>();
        let fits = rows.is_none_or(|rows| stored.shape.len() > 1 && stored.matrix.rows == rows);
        match fits && numbers == shape.iter().product::<usize>() {
            true => Ok(stored),
            false => Err(mismatch(name, shape, &stored.shape)),
        }
    }
}

impl<B: Backend> Weights<B> for Spent {
    fn matrix(&self, b: &B, name: &str, rows: usize, cols: usize) -> Result<B::Weight> {
        b.weight(self.take(name, &[rows, cols], Some(rows))?.matrix)
    }

    fn vector(&self, b: &B, name: &str, shape: &[usize]) -> Result<B::Tensor> {
        b.tensor(&self.take(name, shape, None)?.matrix.to_f32(), shape)
    }
}

fn mismatch(name: &str, expected: &[usize], got: &[usize]) -> Error {
    Error::Tensor { name: name.to_string(), expected: format!("shape {expected:?}"), got: format!("{got:?}") }
}
