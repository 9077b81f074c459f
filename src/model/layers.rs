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
        self.project(b, &self.mix(b, x, mask)?)
    }

    /// The same where a token sees itself and those before it.
    pub fn causal(&self, b: &B, x: &B::Tensor) -> Result<B::Tensor> {
        let qkv = self.qkv.forward(b, x, Activation::None)?;
        self.project(b, &b.causal_attention(&qkv, self.heads)?)
    }

    /// What [`forward`](Self::forward) does before its last map.
    pub fn mix(&self, b: &B, x: &B::Tensor, mask: Option<&B::Tensor>) -> Result<B::Tensor> {
        b.attention(&self.qkv.forward(b, x, Activation::None)?, self.heads, mask)
    }

    /// The last map of [`forward`](Self::forward).
    pub fn project(&self, b: &B, x: &B::Tensor) -> Result<B::Tensor> {
        self.proj.forward(b, x, Activation::None)
    }
}

/// Two affine maps with an activation between them: an exact GELU, unless another is chosen.
pub struct Mlp<B: Backend> {
    fc1: Linear<B>,
    fc2: Linear<B>,
    act: Activation,
}

impl<B: Backend> Mlp<B> {
    /// The keys of both maps and the sizes `[input, inner, output]`.
    pub fn load(b: &B, weights: &impl Weights<B>, fc1: &str, fc2: &str, sizes: [usize; 3]) -> Result<Self> {
        let [input, inner, output] = sizes;
        Ok(Self {
            fc1: Linear::load(b, weights, fc1, input, inner)?,
            fc2: Linear::load(b, weights, fc2, inner, output)?,
            act: Activation::Gelu,
        })
    }

    /// The same with another activation.
    pub fn with(self, act: Activation) -> Self {
        Self { act, ..self }
    }

    /// x `[.., input]` → `[.., output]`.
    pub fn forward(&self, b: &B, x: &B::Tensor) -> Result<B::Tensor> {
        self.fc2.forward(b, &self.fc1.forward(b, x, self.act)?, Activation::None)
    }
}

/// Which tokens a token sees.
pub enum Sight<'a, B: Backend> {
    /// All of its sequence.
    All,
    /// Those with 1 in a mask `[b, n]`.
    Unmasked(&'a B::Tensor),
    /// Itself and those before it.
    Before,
}

/// A transformer block with its norms in front of what they norm (pre-norm); keys as timm names them.
pub struct Block<B: Backend> {
    norm1: LayerNorm<B>,
    attn: Attention<B>,
    norm2: LayerNorm<B>,
    mlp: Mlp<B>,
}

impl<B: Backend> Block<B> {
    /// The block under `{key}.`; sizes are features of a token, features inside the MLP, and heads.
    pub fn load(
        b: &B,
        weights: &impl Weights<B>,
        key: &str,
        [d, inner, heads]: [usize; 3],
        eps: f64,
        act: Activation,
    ) -> Result<Self> {
        let key = |name: &str| format!("{key}.{name}");
        Ok(Self {
            norm1: LayerNorm::load(b, weights, &key("norm1"), d, eps)?,
            attn: Attention::load(b, weights, &key("attn.qkv"), &key("attn.proj"), d, heads)?,
            norm2: LayerNorm::load(b, weights, &key("norm2"), d, eps)?,
            mlp: Mlp::load(b, weights, &key("mlp.fc1"), &key("mlp.fc2"), [d, inner, d])?.with(act),
        })
    }

    /// x `[b, n, d]` → `[b, n, d]`.
    pub fn forward(&self, b: &B, x: &B::Tensor, sight: &Sight<'_, B>) -> Result<B::Tensor> {
        let normed = self.norm1.forward(b, x)?;
        let y = match sight {
            Sight::All => self.attn.forward(b, &normed, None)?,
            Sight::Unmasked(mask) => self.attn.forward(b, &normed, Some(mask))?,
            Sight::Before => self.attn.causal(b, &normed)?,
        };
        let x = b.add(x, &y)?;
        let y = self.mlp.forward(b, &self.norm2.forward(b, &x)?)?;
        b.add(&x, &y)
    }
}
