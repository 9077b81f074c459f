//! The layers that both encoders share.

use crate::backend::weights::Weights;
use crate::backend::{Activation, Backend};
use crate::error::Result;

/// An affine map.
pub struct Linear<B: Backend> {
    weight: B::Weight,
    bias: Option<B::Tensor>,
}

impl<B: Backend> Linear<B> {
    /// `{key}.weight` `[output, input]` and `{key}.bias` `[output]`.
    pub fn load(b: &B, weights: &impl Weights<B>, key: &str, input: usize, output: usize) -> Result<Self> {
        let bias = weights.vector(b, &format!("{key}.bias"), &[output])?;
        Ok(Self { weight: weights.matrix(b, &format!("{key}.weight"), output, input)?, bias: Some(bias) })
    }

    /// `{key}.weight` `[output, input]` alone.
    pub fn load_unbiased(b: &B, weights: &impl Weights<B>, key: &str, input: usize, output: usize) -> Result<Self> {
        Ok(Self { weight: weights.matrix(b, &format!("{key}.weight"), output, input)?, bias: None })
    }

    /// x `[.., input]` → `[.., output]`.
    pub fn forward(&self, b: &B, x: &B::Tensor, act: Activation) -> Result<B::Tensor> {
        b.linear(x, &self.weight, self.bias.as_ref(), act)
    }
}

/// Layer normalization (Ba et al., 2016) over the last axis.
pub struct LayerNorm<B: Backend> {
    weight: B::Tensor,
    bias: B::Tensor,
    eps: f64,
}

impl<B: Backend> LayerNorm<B> {
    /// `{key}.weight` and `{key}.bias`, both `[d]`.
    pub fn load(b: &B, weights: &impl Weights<B>, key: &str, d: usize, eps: f64) -> Result<Self> {
        let vector = |name: &str| weights.vector(b, &format!("{key}.{name}"), &[d]);
        Ok(Self { weight: vector("weight")?, bias: vector("bias")?, eps })
    }

    /// x `[.., d]` → `[.., d]`.
    pub fn forward(&self, b: &B, x: &B::Tensor) -> Result<B::Tensor> {
        b.layer_norm(x, &self.weight, &self.bias, self.eps)
    }
}

/// Multi-head self-attention with joined query, key and value projections.
pub struct Attention<B: Backend> {
    qkv: Linear<B>,
    proj: Linear<B>,
    heads: usize,
}

impl<B: Backend> Attention<B> {
    /// The keys of the joined projection `[3·d, d]` and of the output projection `[d, d]`.
    pub fn load(b: &B, weights: &impl Weights<B>, qkv: &str, proj: &str, d: usize, heads: usize) -> Result<Self> {
        let (qkv, proj) = (Linear::load(b, weights, qkv, d, 3 * d)?, Linear::load(b, weights, proj, d, d)?);
        Ok(Self { qkv, proj, heads })
    }

    /// x `[b, n, d]`, mask `[b, n]` → `[b, n, d]`.
    pub fn forward(&self, b: &B, x: &B::Tensor, mask: Option<&B::Tensor>) -> Result<B::Tensor> {
        let qkv = self.qkv.forward(b, x, Activation::None)?;
        self.proj.forward(b, &b.attention(&qkv, self.heads, mask)?, Activation::None)
    }
}

/// Two affine maps with a GELU between them.
pub struct Mlp<B: Backend> {
    fc1: Linear<B>,
    fc2: Linear<B>,
}

impl<B: Backend> Mlp<B> {
    /// The keys of both maps and the sizes `[input, inner, output]`.
    pub fn load(b: &B, weights: &impl Weights<B>, fc1: &str, fc2: &str, sizes: [usize; 3]) -> Result<Self> {
        let [input, inner, output] = sizes;
        Ok(Self {
            fc1: Linear::load(b, weights, fc1, input, inner)?,
            fc2: Linear::load(b, weights, fc2, inner, output)?,
        })
    }

    /// x `[.., input]` → `[.., output]`.
    pub fn forward(&self, b: &B, x: &B::Tensor) -> Result<B::Tensor> {
        self.fc2.forward(b, &self.fc1.forward(b, x, Activation::Gelu)?, Activation::None)
    }
}
