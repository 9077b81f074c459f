//! A backend that remembers what it did and walks back over it: gradients for training on a processor.
//!
//! A tape belongs to one thread; the parameters are shared. Several tapes over parts of one batch run side by side,
//! and since a batch's loss is computed outside (see [`super::loss`]), each walks back from its own outputs.

use super::gemm::{Precision, add_transposed_product};
use super::kernels::{self, Sizes};
use super::params::{Group, Layouts, Params};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};
use vitrine::backend::weights::Weights;
use vitrine::backend::{Activation, Backend};
use vitrine::error::{Error, Result};
use vitrine::quant::Matrix;

/// Freed arrays by length, so that a step reuses the last one's memory instead of faulting in new pages.
#[derive(Default)]
pub struct Pool(Mutex<HashMap<usize, Vec<Vec<f32>>>>);

/// An array that goes back to its pool.
pub struct Buffer {
    data: Vec<f32>,
    length: usize,
    pool: Arc<Pool>,
}

/// Lengths are rounded up to eighths of a power of two, so that texts of many lengths share memory.
fn size_class(n: usize) -> usize {
    let step = (n.next_power_of_two() / 8).max(16);
    n.next_multiple_of(step)
}

impl Pool {
    fn take(self: &Arc<Self>, n: usize) -> Buffer {
        let class = size_class(n);
        let found = self.0.lock().ok().and_then(|mut free| free.get_mut(&class).and_then(Vec::pop));
        Buffer { data: found.unwrap_or_else(|| vec![0.0; class]), length: n, pool: self.clone() }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Ok(mut free) = self.pool.0.lock() {
            let data = std::mem::take(&mut self.data);
            free.entry(data.len()).or_default().push(data);
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.data[..self.length]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.data[..self.length]
    }
}

/// Where a tensor's gradient goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// Nowhere.
    Constant,
    /// To what made it.
    Node(usize),
    /// Into the gradient of a parameter.
    Param(usize),
}

#[derive(Clone)]
enum Storage {
    Own(Arc<Buffer>),
    Shared(Arc<Vec<f32>>),
}

/// A dense array on the tape.
#[derive(Clone)]
pub struct Tensor {
    data: Storage,
    shape: Vec<usize>,
    source: Source,
}

impl Deref for Tensor {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        match &self.data {
            Storage::Own(buffer) => buffer,
            Storage::Shared(values) => values,
        }
    }
}

impl Tensor {
    fn last(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }
    fn dims<const N: usize>(&self, what: &str) -> Result<[usize; N]> {
        self.shape[..].try_into().map_err(|_| {
            Error::Argument(format!("{what}: expected a tensor of {N} axes, got shape {:?}; reshape it", self.shape))
        })
    }
}

/// A weight matrix `[rows, cols]`, or a table of rows.
#[derive(Clone)]
pub struct Weight {
    values: Arc<Vec<f32>>,
    layouts: Option<Arc<Layouts>>,
    rows: usize,
    cols: usize,
    source: Source,
}

type Step = Box<dyn FnOnce(Buffer, &mut Back<'_>) + Send>;

/// The state of a walk back.
struct Back<'a> {
    nodes: Vec<Option<Buffer>>,
    params: &'a mut [Vec<f32>],
    pool: Arc<Pool>,
}

impl Back<'_> {
    fn add(&mut self, to: Source, grad: Buffer) {
        match to {
            Source::Constant => {}
            Source::Node(i) => match &mut self.nodes[i] {
                Some(sum) => kernels::add_assign(sum, &grad),
                empty => *empty = Some(grad),
            },
            Source::Param(i) => kernels::add_assign(&mut self.params[i], &grad),
        }
    }

    /// The gradient array of a parameter, to add to.
    fn param(&mut self, to: Source) -> Option<&mut [f32]> {
        match to {
            Source::Param(i) => Some(&mut self.params[i]),
            _ => None,
        }
    }
}

/// Operations recorded for one walk back.
pub struct Tape {
    pool: Arc<Pool>,
    precision: Precision,
    /// Nothing is recorded where gradients are not wanted.
    recording: bool,
    steps: RefCell<Vec<Option<Step>>>,
}

impl Tape {
    /// An empty tape.
    pub fn new(pool: Arc<Pool>, precision: Precision, recording: bool) -> Self {
        Self { pool, precision, recording, steps: RefCell::default() }
    }

    /// Walks back from `outputs` with their gradients, adding to the parameters' gradients. Consumes the record.
    pub fn backward(self, outputs: Vec<(Tensor, &[f32])>, params: &mut [Vec<f32>]) {
        let mut steps = self.steps.into_inner();
        let nodes = (0..steps.len()).map(|_| None).collect();
        let mut back = Back { nodes, params, pool: self.pool };
        for (tensor, grad) in outputs {
            let mut buffer = back.pool.take(grad.len());
            buffer.copy_from_slice(grad);
            back.add(tensor.source, buffer);
        }
        for i in (0..steps.len()).rev() {
            let (step, grad) = (steps[i].take(), back.nodes[i].take());
            if let (Some(step), Some(grad)) = (step, grad) {
                step(grad, &mut back);
            }
        }
    }

    fn room(&self, n: usize) -> Buffer {
        self.pool.take(n)
    }

    /// A result and how its gradient goes on; without a live input nothing is recorded.
    fn record(
        &self,
        data: Buffer,
        shape: Vec<usize>,
        inputs: &[Source],
        step: impl FnOnce(Buffer, &mut Back<'_>) + Send + 'static,
    ) -> Tensor {
        let live = self.recording && inputs.iter().any(|s| *s != Source::Constant);
        let source = if live {
            let mut steps = self.steps.borrow_mut();
            steps.push(Some(Box::new(step)));
            Source::Node(steps.len() - 1)
        } else {
            Source::Constant
        };
        Tensor { data: Storage::Own(Arc::new(data)), shape, source }
    }
}

impl Backend for Tape {
    type Tensor = Tensor;
    type Weight = Weight;

    fn tensor(&self, data: &[f32], shape: &[usize]) -> Result<Tensor> {
        if data.len() != shape.iter().product::<usize>() {
            return Err(Error::Argument(format!(
                "making a tensor: expected numbers for shape {shape:?}, got {}; correct the shape",
                data.len()
            )));
        }
        let mut buffer = self.room(data.len());
        buffer.copy_from_slice(data);
        Ok(Tensor { data: Storage::Own(Arc::new(buffer)), shape: shape.to_vec(), source: Source::Constant })
    }

    fn weight(&self, matrix: Matrix) -> Result<Weight> {
        let (rows, cols, values) = (matrix.rows, matrix.cols, matrix.to_f32());
        let layouts = Some(Arc::new(Layouts::new(self.precision, &values, rows, cols)));
        Ok(Weight { values: Arc::new(values), layouts, rows, cols, source: Source::Constant })
    }

    fn shape(&self, x: &Tensor) -> Vec<usize> {
        x.shape.clone()
    }

    async fn read(&self, x: &Tensor) -> Result<Vec<f32>> {
        Ok(x.to_vec())
    }

    fn linear(&self, x: &Tensor, w: &Weight, bias: Option<&Tensor>, act: Activation) -> Result<Tensor> {
        let (out, inner) = (w.rows, w.cols);
        let Some(layouts) = w.layouts.clone() else {
            return Err(Error::Argument(format!(
                "multiplying: {out}×{inner} is a table of rows; use it for embed alone"
            )));
        };
        if x.last() != inner {
            return Err(Error::Argument(format!("multiplying: expected {inner} features, got shape {:?}", x.shape)));
        }
        let m = x.len() / inner;
        let mut y = self.room(m * out);
        layouts.forward.multiply(x, m, bias.map(|b| &**b), &mut y);
        let (y, kept) = self.activate(y, act);
        let mut shape = x.shape.clone();
        *shape.last_mut().expect("has a last axis") = out;
        let (precision, xs, ws, bs) = (self.precision, x.source, w.source, bias.map_or(Source::Constant, |b| b.source));
        let x = x.clone();
        Ok(self.record(y, shape, &[xs, ws, bs], move |mut grad, back| {
            activate_backward(act, kept.as_deref(), &mut grad);
            if let Some(sum) = back.param(bs) {
                kernels::add_rows(&grad, sum);
            }
            if let Some(sum) = back.param(ws) {
                add_transposed_product(precision, [m, out, inner], &grad, &x, sum);
            }
            if xs != Source::Constant {
                let mut dx = back.pool.take(m * inner);
                layouts.backward.multiply(&grad, m, None, &mut dx);
                back.add(xs, dx);
            }
        }))
    }

    fn layer_norm(&self, x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f64) -> Result<Tensor> {
        let d = gamma.len();
        let (mut y, mut stats) = (self.room(x.len()), self.room(x.len() / d * 2));
        kernels::layer_norm(x, gamma, beta, eps as f32, &mut y, &mut stats);
        let sources = [x.source, gamma.source, beta.source];
        let (shape, x, gamma) = (x.shape.clone(), x.clone(), gamma.clone());
        Ok(self.record(y, shape, &sources, move |mut grad, back| {
            let (mut dg, mut db) = (vec![0.0; d], vec![0.0; d]);
            kernels::layer_norm_backward(&x, &gamma, &stats, &mut grad, &mut dg, &mut db);
            for (to, from) in [(sources[1], dg), (sources[2], db)] {
                if let Some(sum) = back.param(to) {
                    kernels::add_assign(sum, &from);
                }
            }
            back.add(sources[0], grad);
        }))
    }

    fn attention(&self, qkv: &Tensor, heads: usize, mask: Option<&Tensor>) -> Result<Tensor> {
        let [b, n, width] = qkv.dims("attention")?;
        let z = Sizes { n, d: width / 3, heads };
        let mut out = self.room(b * n * z.d);
        let mut room = kernels::Attention::default();
        for (i, out) in out.chunks_exact_mut(n * z.d).enumerate() {
            room.forward(z, &qkv[i * n * width..][..n * width], mask.map(|m| &m[i * n..][..n]), out);
        }
        let (source, qkv, mask) = (qkv.source, qkv.clone(), mask.cloned());
        Ok(self.record(out, vec![b, n, z.d], &[source], move |grad, back| {
            let mut d_qkv = back.pool.take(b * n * width);
            for (i, d_qkv) in d_qkv.chunks_exact_mut(n * width).enumerate() {
                let keep = mask.as_ref().map(|m| &m[i * n..][..n]);
                room.backward(z, &qkv[i * n * width..][..n * width], keep, &grad[i * n * z.d..][..n * z.d], d_qkv);
            }
            back.add(source, d_qkv);
        }))
    }

    fn causal_attention(&self, _: &Tensor, _: usize) -> Result<Tensor> {
        Err(Error::Argument(
            "training: expected an encoder of which every token sees every other, got a causal one; train a head on its \
             vectors, it stays as it is"
                .into(),
        ))
    }

    fn embed(&self, table: &Weight, ids: &[u32], [b, n]: [usize; 2]) -> Result<Tensor> {
        let d = table.cols;
        let mut out = self.room(b * n * d);
        for (out, &id) in out.chunks_exact_mut(d).zip(ids) {
            let id = id as usize;
            if id >= table.rows {
                return Err(Error::Argument(format!("looking up: expected ids below {}, got {id}", table.rows)));
            }
            out.copy_from_slice(&table.values[id * d..][..d]);
        }
        let (source, ids) = (table.source, ids.to_vec());
        Ok(self.record(out, vec![b, n, d], &[source], move |grad, back| {
            if let Some(sum) = back.param(source) {
                for (grad, &id) in grad.chunks_exact(d).zip(&ids) {
                    kernels::add_assign(&mut sum[id as usize * d..][..d], grad);
                }
            }
        }))
    }

    fn add(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let mut out = self.room(x.len());
        for (out, x) in out.chunks_exact_mut(y.len()).zip(x.chunks_exact(y.len())) {
            kernels::add(x, y, out);
        }
        let (xs, ys, period) = (x.source, y.source, y.len());
        Ok(self.record(out, x.shape.clone(), &[xs, ys], move |grad, back| {
            if ys != Source::Constant {
                let mut dy = back.pool.take(period);
                dy.fill(0.0);
                kernels::add_rows(&grad, &mut dy);
                back.add(ys, dy);
            }
            back.add(xs, grad);
        }))
    }

    fn mul(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let mut out = self.room(x.len());
        out.iter_mut().zip(x.iter().zip(y.iter())).for_each(|(o, (x, y))| *o = x * y);
        let (x, y) = (x.clone(), y.clone());
        Ok(self.record(out, x.shape.clone(), &[x.source, y.source], move |mut grad, back| {
            let mut dy = back.pool.take(grad.len());
            dy.iter_mut().zip(grad.iter().zip(x.iter())).for_each(|(d, (g, x))| *d = g * x);
            grad.iter_mut().zip(y.iter()).for_each(|(g, y)| *g *= y);
            back.add(y.source, dy);
            back.add(x.source, grad);
        }))
    }

    fn prepend(&self, row: &Tensor, x: &Tensor) -> Result<Tensor> {
        let [b, n, d] = x.dims("prepending")?;
        let mut out = self.room(b * (n + 1) * d);
        for (out, x) in out.chunks_exact_mut((n + 1) * d).zip(x.chunks_exact(n * d)) {
            out[..d].copy_from_slice(row);
            out[d..].copy_from_slice(x);
        }
        let (rs, xs) = (row.source, x.source);
        Ok(self.record(out, vec![b, n + 1, d], &[rs, xs], move |grad, back| {
            if let Some(sum) = back.param(rs) {
                grad.chunks_exact((n + 1) * d).for_each(|g| kernels::add_assign(sum, &g[..d]));
            }
            let mut dx = back.pool.take(b * n * d);
            for (dx, g) in dx.chunks_exact_mut(n * d).zip(grad.chunks_exact((n + 1) * d)) {
                dx.copy_from_slice(&g[d..]);
            }
            back.add(xs, dx);
        }))
    }

    fn skip(&self, x: &Tensor, from: usize) -> Result<Tensor> {
        let [b, n, d] = x.dims("skipping")?;
        let mut out = self.room(b * (n - from) * d);
        for (out, x) in out.chunks_exact_mut((n - from) * d).zip(x.chunks_exact(n * d)) {
            out.copy_from_slice(&x[from * d..]);
        }
        let source = x.source;
        Ok(self.record(out, vec![b, n - from, d], &[source], move |grad, back| {
            let mut dx = back.pool.take(b * n * d);
            for (dx, g) in dx.chunks_exact_mut(n * d).zip(grad.chunks_exact((n - from) * d)) {
                dx[..from * d].fill(0.0);
                dx[from * d..].copy_from_slice(g);
            }
            back.add(source, dx);
        }))
    }

    fn concat(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        self.join(x, y, |b, p, q| vec![b, p + q])
    }

    fn additive_pool(
        &self,
        keys: &Tensor,
        shift: Option<&Tensor>,
        v: &Tensor,
        values: &Tensor,
        mask: Option<&Tensor>,
    ) -> Result<(Tensor, Tensor)> {
        let ([b, n, a], [_, _, d]) = (keys.dims("pooling")?, values.dims("pooling")?);
        let (mut bent, mut weights, mut pooled) = (self.room(b * n * a), self.room(b * n), self.room(b * d));
        for i in 0..b {
            let t = &mut bent[i * n * a..][..n * a];
            match shift {
                Some(shift) => {
                    let rows = t.chunks_exact_mut(a).zip(keys[i * n * a..].chunks_exact(a));
                    rows.for_each(|(t, k)| kernels::add(k, &shift[i * a..][..a], t));
                }
                None => t.copy_from_slice(&keys[i * n * a..][..n * a]),
            }
            kernels::tanh_in_place(t);
            let p = &mut weights[i * n..][..n];
            for (p, t) in p.iter_mut().zip(t.chunks_exact(a)) {
                *p = t.iter().zip(v.iter()).map(|(t, v)| t * v).sum();
            }
            kernels::softmax_rows(p, n, n, mask.map(|m| &m[i * n..][..n]));
            kernels::mm([1, d, n], (p, n, 1), (&values[i * n * d..], d), (&mut pooled[i * d..], d), false);
        }
        let told = Tensor { data: Storage::Own(Arc::new(weights)), shape: vec![b, n], source: Source::Constant };
        let sources = [keys.source, shift.map_or(Source::Constant, |s| s.source), v.source, values.source];
        let (p, v, values) = (told.clone(), v.clone(), values.clone());
        let pooled = self.record(pooled, vec![b, d], &sources, move |grad, back| {
            let (mut dk, mut ds) = (back.pool.take(b * n * a), back.pool.take(b * a));
            let (mut dv, mut d_values) = (vec![0.0; a], back.pool.take(b * n * d));
            ds.fill(0.0);
            for i in 0..b {
                let (g, p) = (&grad[i * d..][..d], &p[i * n..][..n]);
                let mut dp = vec![0.0; n];
                for j in 0..n {
                    let (x, dx) = (&values[(i * n + j) * d..][..d], &mut d_values[(i * n + j) * d..][..d]);
                    dp[j] = x.iter().zip(g).map(|(x, g)| x * g).sum();
                    dx.iter_mut().zip(g).for_each(|(dx, g)| *dx = p[j] * g);
                }
                kernels::softmax_backward(p, &mut dp, n, 1.0);
                for j in 0..n {
                    let t = &bent[(i * n + j) * a..][..a];
                    let dk = &mut dk[(i * n + j) * a..][..a];
                    kernels::additive_row_backward(t, &v, dp[j], dk, &mut dv);
                    kernels::add_assign(&mut ds[i * a..][..a], dk);
                }
            }
            if let Some(sum) = back.param(sources[2]) {
                kernels::add_assign(sum, &dv);
            }
            back.add(sources[0], dk);
            back.add(sources[1], ds);
            back.add(sources[3], d_values);
        });
        Ok((pooled, told))
    }

    fn masked_mean(&self, x: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let [b, n, d] = x.dims("averaging")?;
        let mut out = self.room(b * d);
        let shares: Vec<f32> = mask
            .chunks_exact(n)
            .flat_map(|m| {
                let count: f32 = m.iter().sum();
                m.iter().map(move |m| m / count)
            })
            .collect();
        for i in 0..b {
            kernels::mm([1, d, n], (&shares[i * n..], n, 1), (&x[i * n * d..], d), (&mut out[i * d..], d), false);
        }
        let source = x.source;
        Ok(self.record(out, vec![b, d], &[source], move |grad, back| {
            let mut dx = back.pool.take(b * n * d);
            for (j, dx) in dx.chunks_exact_mut(d).enumerate() {
                dx.iter_mut().zip(&grad[j / n * d..]).for_each(|(dx, g)| *dx = g * shares[j]);
            }
            back.add(source, dx);
        }))
    }

    fn stack(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        self.join(x, y, |b, p, _| vec![b, 2, p])
    }

    fn normalize(&self, x: &Tensor) -> Result<Tensor> {
        let d = x.last();
        let mut out = self.room(x.len());
        let mut scales = Vec::with_capacity(x.len() / d);
        for (out, x) in out.chunks_exact_mut(d).zip(x.chunks_exact(d)) {
            let scale = 1.0 / (x.iter().map(|x| x * x).sum::<f32>() + 1e-12).sqrt();
            out.iter_mut().zip(x).for_each(|(o, x)| *o = x * scale);
            scales.push(scale);
        }
        let source = x.source;
        let x = x.clone();
        Ok(self.record(out, x.shape.clone(), &[source], move |mut grad, back| {
            for ((g, x), s) in grad.chunks_exact_mut(d).zip(x.chunks_exact(d)).zip(scales) {
                let along = g.iter().zip(x).map(|(g, x)| g * x).sum::<f32>() * s * s;
                g.iter_mut().zip(x).for_each(|(g, x)| *g = (*g - along * x) * s);
            }
            back.add(source, grad);
        }))
    }
}

impl Tape {
    /// Applies an activation; also what its gradient needs: the slope for GELU, the output for the others.
    fn activate(&self, mut y: Buffer, act: Activation) -> (Buffer, Option<Buffer>) {
        match act {
            Activation::None => return (y, None),
            Activation::Gelu => {
                let mut out = self.room(y.len());
                kernels::gelu(&mut y, &mut out);
                return (out, Some(y));
            }
            Activation::TanhGelu | Activation::QuickGelu => {
                let mut out = self.room(y.len());
                let slope = if act == Activation::QuickGelu { [1.702, 0.0] } else { [1.595_769, 0.071_354_816] };
                kernels::sigmoid_unit(&mut y, &mut out, slope);
                return (out, Some(y));
            }
            Activation::Tanh => kernels::tanh_in_place(&mut y),
            Activation::Sigmoid => kernels::sigmoid_in_place(&mut y),
        }
        let mut kept = self.room(y.len());
        kept.copy_from_slice(&y);
        (y, Some(kept))
    }

    /// Rows of x and y side by side.
    fn join(&self, x: &Tensor, y: &Tensor, shape: impl Fn(usize, usize, usize) -> Vec<usize>) -> Result<Tensor> {
        let ([b, p], [_, q]) = (x.dims("joining")?, y.dims("joining")?);
        let mut out = self.room(b * (p + q));
        for (i, out) in out.chunks_exact_mut(p + q).enumerate() {
            out[..p].copy_from_slice(&x[i * p..][..p]);
            out[p..].copy_from_slice(&y[i * q..][..q]);
        }
        let (xs, ys) = (x.source, y.source);
        Ok(self.record(out, shape(b, p, q), &[xs, ys], move |grad, back| {
            let (mut dx, mut dy) = (back.pool.take(b * p), back.pool.take(b * q));
            for (i, g) in grad.chunks_exact(p + q).enumerate() {
                dx[i * p..][..p].copy_from_slice(&g[..p]);
                dy[i * q..][..q].copy_from_slice(&g[p..]);
            }
            back.add(xs, dx);
            back.add(ys, dy);
        }))
    }
}

/// Turns the gradient of an activation's output into that of its input.
fn activate_backward(act: Activation, kept: Option<&[f32]>, grad: &mut [f32]) {
    let Some(kept) = kept else { return };
    match act {
        Activation::None => {}
        Activation::Gelu | Activation::TanhGelu | Activation::QuickGelu => kernels::mul_assign(grad, kept),
        Activation::Tanh => grad.iter_mut().zip(kept).for_each(|(g, y)| *g *= 1.0 - y * y),
        Activation::Sigmoid => grad.iter_mut().zip(kept).for_each(|(g, y)| *g *= y * (1.0 - y)),
    }
}

/// The parameters under one prefix, as a model's weights on a tape.
pub struct Scope<'a> {
    /// All parameters.
    pub params: &'a Params,
    /// `image`, `text` or `fusion`.
    pub prefix: &'a str,
}

impl Scope<'_> {
    fn source(&self, i: usize) -> Source {
        if self.params.list[i].group == Group::Frozen { Source::Constant } else { Source::Param(i) }
    }

    fn find(&self, name: &str, numbers: usize) -> Result<usize> {
        let i = self.params.find(&format!("{}/{name}", self.prefix))?;
        let param = &self.params.list[i];
        match param.value.len() == numbers {
            true => Ok(i),
            false => Err(Error::Tensor {
                name: name.to_string(),
                expected: format!("{numbers} numbers"),
                got: format!("shape {:?}", param.shape),
            }),
        }
    }
}

impl Weights<Tape> for Scope<'_> {
    fn matrix(&self, _: &Tape, name: &str, rows: usize, cols: usize) -> Result<Weight> {
        let i = self.find(name, rows * cols)?;
        let param = &self.params.list[i];
        let (values, layouts) = (param.value.clone(), param.packed.clone());
        Ok(Weight { values, layouts, rows, cols, source: self.source(i) })
    }

    fn vector(&self, _: &Tape, name: &str, shape: &[usize]) -> Result<Tensor> {
        let i = self.find(name, shape.iter().product())?;
        let data = Storage::Shared(self.params.list[i].value.clone());
        Ok(Tensor { data, shape: shape.to_vec(), source: self.source(i) })
    }
}
