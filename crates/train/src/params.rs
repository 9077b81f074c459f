//! The parameters under training: their values, packed forms, AdamW moments and moving averages.

use super::gemm::{Order, Packed, Precision};
use super::kernels;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use vitrine::error::{Error, Result};
use vitrine::weights::{Checkpoint, Stored};

/// Which learning rate a parameter follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Never changes.
    Frozen,
    /// The image encoder.
    Image,
    /// The text encoder.
    Text,
    /// The fusion head.
    Head,
}

/// One named array.
pub struct Param {
    /// Name of the tensor, with its file's prefix: `image/`, `text/` or `fusion/`.
    pub name: String,
    /// Its shape in the checkpoint.
    pub shape: Vec<usize>,
    /// Its learning rate's group.
    pub group: Group,
    /// Current numbers.
    pub value: Arc<Vec<f32>>,
    /// Layouts of a matrix for the products, renewed after every step.
    pub packed: Option<Arc<Layouts>>,
}

/// A weight matrix `[out, in]` laid out for `x·wᵀ` and for `grad·w`.
pub struct Layouts {
    /// Right operand `[in, out]`.
    pub forward: Packed,
    /// Right operand `[out, in]`.
    pub backward: Packed,
}

impl Layouts {
    /// Lays out a row-major matrix.
    pub fn new(precision: Precision, w: &[f32], out: usize, inner: usize) -> Self {
        Self {
            forward: Packed::new(precision, w, [inner, out], Order::Columns, inner),
            backward: Packed::new(precision, w, [out, inner], Order::Rows, inner),
        }
    }
}

impl Param {
    /// Rows and columns, where it is a weight matrix of a product.
    fn matrix(&self) -> Option<[usize; 2]> {
        let table = self.name.contains("embeddings.");
        match self.shape[..] {
            [rows, cols] if self.name.ends_with(".weight") && !table => Some([rows, cols]),
            [rows, ref rest @ ..] if !rest.is_empty() && self.name.ends_with(".weight") && !table => {
                Some([rows, rest.iter().product()])
            }
            _ => None,
        }
    }
}

/// All parameters of a model, by index and by name.
pub struct Params {
    /// The arrays.
    pub list: Vec<Param>,
    /// Where each name is.
    pub index: BTreeMap<String, usize>,
    /// Precision of the products.
    pub precision: Precision,
}

impl Params {
    /// No parameters yet.
    pub fn new(precision: Precision) -> Self {
        Self { list: Vec::new(), index: BTreeMap::new(), precision }
    }

    /// Takes all tensors of a checkpoint under a prefix.
    pub fn take(&mut self, prefix: &str, group: Group, checkpoint: &Checkpoint) {
        for (name, stored) in &checkpoint.tensors {
            let name = format!("{prefix}/{name}");
            self.index.insert(name.clone(), self.list.len());
            let value = Arc::new(stored.matrix.to_f32());
            self.list.push(Param { name, shape: stored.shape.clone(), group, value, packed: None });
        }
        self.pack();
    }

    /// The tensors under a prefix, with values from `values` (the parameters' own, or their moving averages).
    pub fn give(&self, prefix: &str, values: impl Fn(usize) -> Vec<f32>) -> Result<Checkpoint> {
        let mut out = Checkpoint::default();
        for (i, param) in self.list.iter().enumerate() {
            if let Some(name) = param.name.strip_prefix(prefix).and_then(|n| n.strip_prefix('/')) {
                out.tensors.insert(name.to_string(), Stored::from_f32(values(i), &param.shape)?);
            }
        }
        Ok(out)
    }

    /// Lets nothing under a prefix change any more.
    pub fn freeze(&mut self, prefix: &str) {
        let under = |name: &str| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
        self.list.iter_mut().filter(|param| under(&param.name)).for_each(|param| param.group = Group::Frozen);
    }

    /// Renews the packed layouts.
    pub fn pack(&mut self) {
        let precision = self.precision;
        self.list.par_iter_mut().for_each(|param| {
            if let Some([rows, cols]) = param.matrix()
                && (param.packed.is_none() || param.group != Group::Frozen)
            {
                param.packed = Some(Arc::new(Layouts::new(precision, &param.value, rows, cols)));
            }
        });
    }

    /// A parameter's place by name.
    pub fn find(&self, name: &str) -> Result<usize> {
        self.index.get(name).copied().ok_or_else(|| Error::Tensor {
            name: name.to_string(),
            expected: "a tensor of this name".into(),
            got: "none".into(),
        })
    }

    /// Arrays of zeros like the parameters; frozen ones are empty.
    pub fn zeros(&self) -> Vec<Vec<f32>> {
        self.list.iter().map(|p| if p.group == Group::Frozen { vec![] } else { vec![0.0; p.value.len()] }).collect()
    }
}

/// What AdamW keeps, and its settings.
pub struct AdamW {
    /// First moments.
    pub m: Vec<Vec<f32>>,
    /// Second moments.
    pub v: Vec<Vec<f32>>,
    /// Moving averages of the parameters.
    pub ema: Vec<Vec<f32>>,
    /// Steps taken.
    pub step: u64,
    /// Weight decay of matrices.
    pub decay: f32,
    /// Largest length of the whole gradient.
    pub clip: f32,
    /// Factor of the moving averages.
    pub keep: f32,
}

impl AdamW {
    /// Nothing seen yet; averages start at the parameters.
    pub fn new(params: &Params, decay: f32, clip: f32, keep: f32) -> Self {
        let ema = params.list.iter().map(|p| if p.group == Group::Frozen { vec![] } else { p.value.to_vec() });
        Self { m: params.zeros(), v: params.zeros(), ema: ema.collect(), step: 0, decay, clip, keep }
    }

    /// One step along `grads` at a rate for each group; returns the gradient's length before clipping.
    pub fn update(&mut self, params: &mut Params, grads: &[Vec<f32>], rate: impl Fn(Group) -> f32 + Sync) -> f32 {
        const BETAS: [f32; 2] = [0.9, 0.98];
        self.step += 1;
        // summed a parameter at a time, in order, so that the sum is the same on any number of threads
        let squares: Vec<f64> =
            grads.par_iter().map(|g| g.iter().map(|x| f64::from(*x) * f64::from(*x)).sum()).collect();
        let length = squares.iter().sum::<f64>().sqrt() as f32;
        if !length.is_finite() {
            return length;
        }
        let clip = if length > self.clip { self.clip / length } else { 1.0 };
        let correction = BETAS.map(|b| (1.0 / (1.0 - f64::from(b).powf(self.step as f64))) as f32);
        // the average must not remember the start for longer than the run has lasted
        let keep = self.keep.min((1.0 + self.step as f32) / (10.0 + self.step as f32));
        let (decay, m, v, ema) = (self.decay, &mut self.m, &mut self.v, &mut self.ema);
        let states = m.par_iter_mut().zip(v.par_iter_mut()).zip(ema.par_iter_mut());
        params.list.par_iter_mut().zip(grads).zip(states).for_each(|((param, grad), ((m, v), ema))| {
            if param.group == Group::Frozen {
                return;
            }
            let matrix = param.shape.len() > 1 && param.name.ends_with(".weight");
            let decay = if matrix { decay } else { 0.0 };
            let value = Arc::make_mut(&mut param.value);
            kernels::adamw(value, grad, m, v, ema, rate(param.group), decay, BETAS, correction, clip, keep);
        });
        params.pack();
        length
    }
}
