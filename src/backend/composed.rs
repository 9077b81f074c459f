//! The backend of candle's plain operations: differentiable, and the oracle for the fused kernels.
//!
//! candle's own `softmax_last_dim` and fused `layer_norm` have no backward pass and drop gradients without an error,
//! so both are composed here of operations that have one.

use super::{Activation, Backend};
use crate::error::Result;
use crate::quant::Matrix;
use candle_core::{D, DType, Device, Tensor};

/// Candle's composed operations on one device.
#[derive(Clone, Debug)]
pub struct Composed {
    /// Where tensors live.
    pub device: Device,
}

impl Composed {
    /// The backend on the processor.
    pub fn cpu() -> Self {
        Self { device: Device::Cpu }
    }
}

impl Backend for Composed {
    type Tensor = Tensor;
    type Weight = Tensor;

    fn tensor(&self, data: &[f32], shape: &[usize]) -> Result<Tensor> {
        Ok(Tensor::from_slice(data, shape, &self.device)?)
    }

    fn weight(&self, matrix: Matrix) -> Result<Tensor> {
        Ok(Tensor::from_vec(matrix.to_f32(), (matrix.rows, matrix.cols), &self.device)?)
    }

    fn shape(&self, x: &Tensor) -> Vec<usize> {
        x.dims().to_vec()
    }

    async fn read(&self, x: &Tensor) -> Result<Vec<f32>> {
        Ok(x.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?)
    }

    fn linear(&self, x: &Tensor, w: &Tensor, bias: Option<&Tensor>, act: Activation) -> Result<Tensor> {
        let (out, inner) = w.dims2()?;
        let mut shape = x.dims().to_vec();
        let y = x.reshape(((), inner))?.matmul(&w.t()?)?; // [rows, out]
        let y = match bias {
            Some(bias) => y.broadcast_add(bias)?,
            None => y,
        };
        if let Some(last) = shape.last_mut() {
            *last = out;
        }
        Ok(activate(&y, act)?.reshape(shape)?)
    }

    fn layer_norm(&self, x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f64) -> Result<Tensor> {
        let centered = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let variance = centered.sqr()?.mean_keepdim(D::Minus1)?;
        let unit = centered.broadcast_div(&(variance + eps)?.sqrt()?)?;
        Ok(unit.broadcast_mul(gamma)?.broadcast_add(beta)?)
    }

    fn attention(&self, qkv: &Tensor, heads: usize, mask: Option<&Tensor>) -> Result<Tensor> {
        let (b, n, _) = qkv.dims3()?;
        match mask {
            Some(mask) => attend(qkv, heads, Some(&penalty(mask)?.reshape((b, 1, 1, n))?)),
            None => attend(qkv, heads, None),
        }
    }

    fn causal_attention(&self, qkv: &Tensor, heads: usize) -> Result<Tensor> {
        let n = qkv.dim(1)?;
        let seen: Vec<f32> = (0..n * n).map(|i| if i % n <= i / n { 1.0 } else { 0.0 }).collect();
        let seen = Tensor::from_vec(seen, (1, 1, n, n), &self.device)?;
        attend(qkv, heads, Some(&penalty(&seen)?))
    }

    fn embed(&self, table: &Tensor, ids: &[u32], [b, n]: [usize; 2]) -> Result<Tensor> {
        let ids = Tensor::from_slice(ids, b * n, &self.device)?;
        Ok(table.index_select(&ids, 0)?.reshape((b, n, ()))?)
    }

    fn add(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        Ok(x.broadcast_add(y)?)
    }

    fn mul(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        Ok(x.mul(y)?)
    }

    fn prepend(&self, row: &Tensor, x: &Tensor) -> Result<Tensor> {
        let (b, _, d) = x.dims3()?;
        let first = row.reshape((1, 1, d))?.broadcast_as((b, 1, d))?;
        Ok(Tensor::cat(&[&first.contiguous()?, x], 1)?)
    }

    fn skip(&self, x: &Tensor, from: usize) -> Result<Tensor> {
        Ok(x.narrow(1, from, x.dim(1)? - from)?.contiguous()?)
    }

    fn concat(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        Ok(Tensor::cat(&[x, y], 1)?)
    }

    fn additive_pool(
        &self,
        keys: &Tensor,
        shift: Option<&Tensor>,
        v: &Tensor,
        values: &Tensor,
        mask: Option<&Tensor>,
    ) -> Result<(Tensor, Tensor)> {
        let (b, n, a) = keys.dims3()?;
        let keys = match shift {
            Some(shift) => keys.broadcast_add(&shift.reshape((b, 1, a))?)?,
            None => keys.clone(),
        };
        let scores = keys.tanh()?.reshape((b * n, a))?.matmul(&v.reshape((a, 1))?)?.reshape((b, n))?;
        let scores = match mask {
            Some(mask) => (scores + penalty(mask)?)?,
            None => scores,
        };
        let weights = softmax(&scores)?; // [b, n]
        let pooled = weights.reshape((b, 1, n))?.matmul(values)?.squeeze(1)?; // [b, d]
        Ok((pooled, weights))
    }

    fn masked_mean(&self, x: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let (b, n) = mask.dims2()?;
        let total = mask.reshape((b, 1, n))?.matmul(x)?.squeeze(1)?; // [b, d]
        Ok(total.broadcast_div(&mask.sum_keepdim(1)?)?)
    }

    fn stack(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        Ok(Tensor::stack(&[x, y], 1)?)
    }

    fn normalize(&self, x: &Tensor) -> Result<Tensor> {
        let length = (x.sqr()?.sum_keepdim(D::Minus1)? + 1e-12)?.sqrt()?;
        Ok(x.broadcast_div(&length)?)
    }
}

/// Attention with what is added to the scores `[b, h, n, n]`, or to all of an axis that is 1.
fn attend(qkv: &Tensor, heads: usize, penalty: Option<&Tensor>) -> Result<Tensor> {
    let (b, n, width) = qkv.dims3()?;
    let (d, size) = (width / 3, width / 3 / heads);
    let parts = qkv.reshape((b, n, 3, heads, size))?.permute((2, 0, 3, 1, 4))?.contiguous()?; // [3, b, h, n, s]
    let part = |i: usize| parts.get(i);
    let scores = (part(0)?.matmul(&part(1)?.transpose(2, 3)?)? * (size as f64).powf(-0.5))?; // [b, h, n, n]
    let scores = match penalty {
        Some(penalty) => scores.broadcast_add(penalty)?,
        None => scores,
    };
    let mixed = softmax(&scores)?.matmul(&part(2)?)?; // [b, h, n, s]
    Ok(mixed.transpose(1, 2)?.reshape((b, n, d))?)
}

fn activate(x: &Tensor, act: Activation) -> Result<Tensor> {
    Ok(match act {
        Activation::None => x.clone(),
        Activation::Gelu => x.gelu_erf()?,
        Activation::TanhGelu => x.gelu()?,
        Activation::QuickGelu => (x / ((x * -1.702)?.exp()? + 1.0)?)?,
        Activation::Tanh => x.tanh()?,
        Activation::Sigmoid => (x.neg()?.exp()? + 1.0)?.recip()?,
    })
}

/// 0 where the mask is 1 and a large negative number where it is 0.
fn penalty(mask: &Tensor) -> Result<Tensor> {
    Ok(((mask - 1.0)? * 1e9)?)
}

/// Softmax over the last axis, differentiable.
fn softmax(x: &Tensor) -> Result<Tensor> {
    let largest = x.max_keepdim(D::Minus1)?.detach();
    let exp = x.broadcast_sub(&largest)?.exp()?;
    Ok(exp.broadcast_div(&exp.sum_keepdim(D::Minus1)?)?)
}
