//! The seam between models and hardware: every operation a model may use, and nothing else.
//!
//! Models are written once against [`Backend`] and never see how a weight is stored. Implementations:
//! [`composed`] (candle's differentiable operations: training, and the oracle that the others are tested against),
//! [`cpu`] (the project's own SIMD [`kernels`]: what runs in the page and on the command line) and, with the feature
//! `gpu`, `gpu` (the project's own WGSL on wgpu, natively and in the page).
//!
//! Shapes are row-major. `b` batch, `n` tokens, `d` features.

pub mod composed;
pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod kernels;
pub mod weights;

use crate::error::Result;
use crate::quant::Matrix;

/// What follows a matrix product, fused into it where the backend can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// Gaussian error linear unit, exact (erf) form.
    Gelu,
    /// The same with a hyperbolic tangent in place of erf, as SigLIP has it.
    TanhGelu,
    /// `x·σ(1.702·x)`, as the first CLIP has it.
    QuickGelu,
    /// Hyperbolic tangent.
    Tanh,
    /// Logistic function.
    Sigmoid,
}

/// The operations that encoders, fusion and search are made of.
pub trait Backend {
    /// A dense f32 array on the device.
    type Tensor: Clone;
    /// A weight matrix in whatever layout and precision the kernels want.
    type Weight;

    /// Uploads `data` with the given shape.
    fn tensor(&self, data: &[f32], shape: &[usize]) -> Result<Self::Tensor>;
    /// Packs a weight matrix `[out, in]` for [`linear`](Self::linear) or, as a table of rows, for
    /// [`embed`](Self::embed).
    fn weight(&self, matrix: Matrix) -> Result<Self::Weight>;
    /// The shape of a tensor.
    fn shape(&self, x: &Self::Tensor) -> Vec<usize>;
    /// Copies a tensor back, row-major. The only operation that waits.
    fn read(&self, x: &Self::Tensor) -> impl Future<Output = Result<Vec<f32>>>;
    /// Copies several tensors back, waiting once where the backend can.
    fn read_all(&self, tensors: &[&Self::Tensor]) -> impl Future<Output = Result<Vec<Vec<f32>>>> {
        async move {
            let mut all = Vec::with_capacity(tensors.len());
            for x in tensors {
                all.push(self.read(x).await?);
            }
            Ok(all)
        }
    }

    /// `act(x·wᵀ + bias)`: x `[.., in]`, w `[out, in]`, bias `[out]` → `[.., out]`.
    fn linear(
        &self,
        x: &Self::Tensor,
        w: &Self::Weight,
        bias: Option<&Self::Tensor>,
        act: Activation,
    ) -> Result<Self::Tensor>;
    /// Normalizes the last axis to mean 0 and variance 1, then scales and shifts: x `[.., d]`, gamma and beta `[d]`.
    fn layer_norm(&self, x: &Self::Tensor, gamma: &Self::Tensor, beta: &Self::Tensor, eps: f64)
    -> Result<Self::Tensor>;
    /// Multi-head softmax attention: qkv `[b, n, 3·d]` (queries, keys, values side by side, heads inside each),
    /// mask `[b, n]` of 1 (token) and 0 (padding) → `[b, n, d]`.
    fn attention(&self, qkv: &Self::Tensor, heads: usize, mask: Option<&Self::Tensor>) -> Result<Self::Tensor>;
    /// The same where a token sees itself and those before it, and none after it.
    fn causal_attention(&self, qkv: &Self::Tensor, heads: usize) -> Result<Self::Tensor>;
    /// Rows of a table: table `[rows, d]`, ids of length `b·n` → `[b, n, d]`.
    fn embed(&self, table: &Self::Weight, ids: &[u32], shape: [usize; 2]) -> Result<Self::Tensor>;
    /// Elementwise sum; `y` has x's shape or its trailing axes (leading axes of 1 do not count) and is repeated over
    /// the rest.
    fn add(&self, x: &Self::Tensor, y: &Self::Tensor) -> Result<Self::Tensor>;
    /// Elementwise product of tensors of one shape.
    fn mul(&self, x: &Self::Tensor, y: &Self::Tensor) -> Result<Self::Tensor>;
    /// Puts one row in front of every sequence: row `[d]`, x `[b, n, d]` → `[b, n + 1, d]`.
    fn prepend(&self, row: &Self::Tensor, x: &Self::Tensor) -> Result<Self::Tensor>;
    /// Tokens from `from` on: x `[b, n, d]` → `[b, n − from, d]`.
    fn skip(&self, x: &Self::Tensor, from: usize) -> Result<Self::Tensor>;
    /// Joins features: x `[b, p]`, y `[b, q]` → `[b, p + q]`.
    fn concat(&self, x: &Self::Tensor, y: &Self::Tensor) -> Result<Self::Tensor>;
    /// Additive-attention pool (Bahdanau et al., 2015): weights `softmax_i vᵀtanh(keys_i + shift)` over the unmasked
    /// tokens, and the sum of `values` under them.
    /// keys `[b, n, a]`, shift `[b, a]`, v `[a]`, values `[b, n, d]`, mask `[b, n]` → (`[b, d]`, `[b, n]`).
    fn additive_pool(
        &self,
        keys: &Self::Tensor,
        shift: Option<&Self::Tensor>,
        v: &Self::Tensor,
        values: &Self::Tensor,
        mask: Option<&Self::Tensor>,
    ) -> Result<(Self::Tensor, Self::Tensor)>;
    /// Mean over unmasked tokens: x `[b, n, d]`, mask `[b, n]` → `[b, d]`.
    fn masked_mean(&self, x: &Self::Tensor, mask: &Self::Tensor) -> Result<Self::Tensor>;
    /// Two sequences of one token each, side by side: x, y `[b, d]` → `[b, 2, d]`.
    fn stack(&self, x: &Self::Tensor, y: &Self::Tensor) -> Result<Self::Tensor>;
    /// Scales the last axis to unit length: x `[b, d]`.
    fn normalize(&self, x: &Self::Tensor) -> Result<Self::Tensor>;
}
