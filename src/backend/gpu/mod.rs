//! The graphics device: the project's own WGSL on wgpu, natively (Vulkan, Metal, DX12) and in the page (WebGPU), from
//! one source.
//!
//! Operations only record. Reading back submits what is recorded and waits for it, so a query costs one submission.
//! Tensors are f32; products with int8 weights are computed in the [`Precision`] that is fastest on the device, so
//! answers differ from the processor's by what rounding costs. WebGPU's default limits and no optional feature suffice
//! for everything here.

pub mod device;
pub mod kernels;
pub mod precision;
pub mod products;
pub mod scan;

use super::{Activation, Backend};
use crate::error::{Error, Result};
use crate::quant::Matrix;
use device::{Buffer, Device, Launch};
pub use precision::Precision;
use products::Form;
pub use products::Weight;
use std::sync::Arc;
use std::time::Duration;

/// Most features of an attention head.
const HEAD: usize = 64;
/// How long an answer may take where nobody waits at a page: batches on a software adapter are slow.
pub const NATIVE_TIMEOUT: Duration = Duration::from_secs(300);

/// Kernels on a graphics device. Clones share the device.
#[derive(Clone, Debug)]
pub struct Gpu {
    device: Arc<Device>,
    precision: Precision,
}

/// A dense f32 array on the device, row-major.
#[derive(Clone, Debug)]
pub struct Tensor {
    buffer: Arc<Buffer>,
    shape: Vec<usize>,
}

impl Gpu {
    /// Opens the device that the system prefers, and measures which precision it is fastest at, unless one is
    /// `known` from an earlier time and still there. An answer that takes longer than `timeout` is an error.
    pub async fn open(timeout: Duration, known: Option<Precision>) -> Result<Self> {
        let gpu = Self { device: Arc::new(Device::open(timeout).await?), precision: Precision::F32 };
        match known.and_then(|known| gpu.with(known)) {
            Some(gpu) => Ok(gpu),
            None => Ok(Self { precision: gpu.fastest().await?, ..gpu }),
        }
    }

    /// The device, for what goes beyond models.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The adapter in words.
    pub fn name(&self) -> String {
        let info = self.device.info();
        let driver = format!("{} {}", info.driver, info.driver_info);
        format!("{} ({:?}, {:?}, {})", info.name, info.backend, info.device_type, driver.trim())
    }

    /// Whether the adapter is a program on the processor.
    pub fn is_software(&self) -> bool {
        self.device.info().device_type == wgpu::DeviceType::Cpu
    }

    fn output(&self, shape: &[usize]) -> Result<Tensor> {
        let buffer = self.device.scratch(shape.iter().product())?;
        Ok(Tensor { buffer: Arc::new(buffer), shape: shape.to_vec() })
    }

    /// Launches a kernel that has one invocation an element, 256 to a group; the width of its grid in invocations is
    /// its last parameter.
    fn elementwise(
        &self,
        kernel: &'static kernels::Kernel,
        overrides: &[u32],
        parameters: &[u32],
        inputs: &[Option<&Buffer>],
        out: &Tensor,
        len: usize,
    ) -> Result<()> {
        let (groups, width) = Device::grid(narrow(kernel.name, len.div_ceil(256))?);
        let mut parameters = parameters.to_vec();
        parameters.push(width * 256);
        self.launch(kernel, overrides, &parameters, inputs, &[&out.buffer], if len == 0 { [0; 3] } else { groups })
    }

    fn launch(
        &self,
        kernel: &'static kernels::Kernel,
        overrides: &[u32],
        parameters: &[u32],
        inputs: &[Option<&Buffer>],
        outputs: &[&Buffer],
        groups: [u32; 3],
    ) -> Result<()> {
        self.device.launch(&Launch { kernel, overrides, parameters, inputs, outputs, groups })
    }

    /// Copies runs of numbers: `(start, start_step)` in `x`, `(place, place_step)` in `out`.
    fn copy(
        &self,
        x: &Tensor,
        out: &Tensor,
        len: usize,
        run: usize,
        from: (usize, usize),
        to: (usize, usize),
    ) -> Result<()> {
        let parameters = [len, run, from.0, from.1, to.0, to.1];
        let parameters = parameters.map(|v| narrow("copying", v)).into_iter().collect::<Result<Vec<_>>>()?;
        self.elementwise(&kernels::COPY, &[], &parameters, &[Some(&x.buffer)], out, len)
    }
}

/// A number that a shader counts with.
fn narrow(operation: &str, value: usize) -> Result<u32> {
    u32::try_from(value).map_err(|_| {
        Error::Argument(format!("{operation}: expected a number of 32 bits, got {value}; encode fewer at once"))
    })
}

/// An error that names the operation and what it got.
fn refuse<T>(operation: &str, expected: &str, got: impl std::fmt::Debug) -> Result<T> {
    Err(Error::Argument(format!("{operation}: expected {expected}, got {got:?}; check the shapes")))
}

fn three(operation: &str, expected: &str, x: &Tensor) -> Result<[usize; 3]> {
    match *x.shape {
        [b, n, d] if b > 0 && n > 0 && d > 0 => Ok([b, n, d]),
        _ => refuse(operation, expected, &x.shape),
    }
}

fn two(operation: &str, x: &Tensor) -> Result<[usize; 2]> {
    match *x.shape {
        [b, d] if d > 0 => Ok([b, d]),
        _ => refuse(operation, "[b, d]", &x.shape),
    }
}

/// The buffer of a tensor that must have the given shape.
fn shaped<'a>(operation: &str, x: &'a Tensor, shape: &[usize]) -> Result<&'a Buffer> {
    match x.shape == shape {
        true => Ok(&x.buffer),
        false => refuse(operation, &format!("{shape:?}"), &x.shape),
    }
}

fn bytes_of(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|v| v.to_le_bytes()).collect()
}

impl Backend for Gpu {
    type Tensor = Tensor;
    type Weight = Weight;

    fn tensor(&self, data: &[f32], shape: &[usize]) -> Result<Tensor> {
        if shape.iter().product::<usize>() != data.len() {
            return refuse("uploading a tensor", &format!("{shape:?}"), data.len());
        }
        Ok(Tensor { buffer: Arc::new(self.device.upload(&bytes_of(data))?), shape: shape.to_vec() })
    }

    fn weight(&self, matrix: Matrix) -> Result<Weight> {
        self.pack_weight(&matrix)
    }

    fn shape(&self, x: &Tensor) -> Vec<usize> {
        x.shape.clone()
    }

    async fn read(&self, x: &Tensor) -> Result<Vec<f32>> {
        Ok(self.read_all(&[x]).await?.pop().unwrap_or_default())
    }

    async fn read_all(&self, tensors: &[&Tensor]) -> Result<Vec<Vec<f32>>> {
        let buffers: Vec<_> = tensors.iter().map(|x| (&*x.buffer, x.shape.iter().product())).collect();
        let words = self.device.read(&buffers).await?;
        Ok(words.into_iter().map(|words| words.into_iter().map(f32::from_bits).collect()).collect())
    }

    fn linear(&self, x: &Tensor, w: &Weight, bias: Option<&Tensor>, act: Activation) -> Result<Tensor> {
        self.multiply(x, w, bias, act)
    }

    fn layer_norm(&self, x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f64) -> Result<Tensor> {
        let d = match x.shape.last() {
            Some(&d) if d > 0 => d,
            _ => return refuse("layer norm", "[.., d]", &x.shape),
        };
        let (gamma, beta) = (shaped("layer norm", gamma, &[d])?, shaped("layer norm", beta, &[d])?);
        let rows = narrow("layer norm", x.shape.iter().product::<usize>() / d)?;
        let out = self.output(&x.shape)?;
        let (groups, width) = Device::grid(rows);
        self.launch(
            &kernels::LAYER_NORM,
            &[],
            &[rows, narrow("layer norm", d)?, (eps as f32).to_bits(), width, (1.0 / d as f32).to_bits()],
            &[Some(&x.buffer), Some(gamma), Some(beta)],
            &[&out.buffer],
            groups,
        )?;
        Ok(out)
    }

    fn attention(&self, qkv: &Tensor, heads: usize, mask: Option<&Tensor>) -> Result<Tensor> {
        self.attend(qkv, heads, mask, false)
    }

    fn causal_attention(&self, qkv: &Tensor, heads: usize) -> Result<Tensor> {
        self.attend(qkv, heads, None, true)
    }

    fn embed(&self, table: &Weight, ids: &[u32], [b, n]: [usize; 2]) -> Result<Tensor> {
        let (rows, d) = (table.rows, table.cols);
        if ids.len() != b * n {
            return refuse("embedding", &format!("{} ids", b * n), ids.len());
        }
        if let Some(id) = ids.iter().find(|id| **id as usize >= rows) {
            return refuse("embedding", &format!("ids below {rows}"), id);
        }
        let out = self.output(&[b, n, d])?;
        let ids: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        let ids = self.device.upload(&ids)?;
        let [len, d, quads] = [b * n * d, d, rows.div_ceil(4)].map(|v| narrow("embedding", v));
        let parameters = [len?, d?, quads?];
        let inputs = [Some(&ids), Some(&table.words), table.scales()];
        self.elementwise(
            &kernels::EMBED,
            &[table.scales().is_some().into(), matches!(table.form, Form::Columns(_)).into()],
            &parameters,
            &inputs,
            &out,
            b * n * table.cols,
        )?;
        Ok(out)
    }

    fn add(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let ones = y.shape.iter().take_while(|&&axis| axis == 1).count();
        if !x.shape.ends_with(&y.shape[ones..]) {
            return refuse("adding", &format!("{:?} or its trailing axes", x.shape), &y.shape);
        }
        self.binary(x, y, 0)
    }

    fn mul(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        shaped("multiplying", y, &x.shape)?;
        self.binary(x, y, 1)
    }

    fn prepend(&self, row: &Tensor, x: &Tensor) -> Result<Tensor> {
        let [b, n, d] = three("prepending", "[b, n, d]", x)?;
        shaped("prepending", row, &[d])?;
        let out = self.output(&[b, n + 1, d])?;
        self.copy(row, &out, b * d, d, (0, 0), (0, (n + 1) * d))?;
        self.copy(x, &out, b * n * d, n * d, (0, n * d), (d, (n + 1) * d))?;
        Ok(out)
    }

    fn skip(&self, x: &Tensor, from: usize) -> Result<Tensor> {
        let [b, n, d] = three("skipping tokens", "[b, n, d]", x)?;
        if from > n {
            return refuse("skipping tokens", &format!("at most {n}"), from);
        }
        let (out, run) = (self.output(&[b, n - from, d])?, (n - from) * d);
        self.copy(x, &out, b * run, run, (from * d, n * d), (0, run))?;
        Ok(out)
    }

    fn concat(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let ([b, p], [c, q]) = (two("joining features", x)?, two("joining features", y)?);
        if b != c {
            return refuse("joining features", &format!("[{b}, q]"), &y.shape);
        }
        let out = self.output(&[b, p + q])?;
        self.copy(x, &out, b * p, p, (0, p), (0, p + q))?;
        self.copy(y, &out, b * q, q, (0, q), (p, p + q))?;
        Ok(out)
    }

    fn additive_pool(
        &self,
        keys: &Tensor,
        shift: Option<&Tensor>,
        v: &Tensor,
        values: &Tensor,
        mask: Option<&Tensor>,
    ) -> Result<(Tensor, Tensor)> {
        const NAME: &str = "additive pool";
        let [b, n, a] = three(NAME, "keys [b, n, a]", keys)?;
        let [_, _, d] = three(NAME, "values [b, n, d]", values)?;
        let (v, values) = (shaped(NAME, v, &[a])?, shaped(NAME, values, &[b, n, d])?);
        let shift = shift.map(|shift| shaped(NAME, shift, &[b, a])).transpose()?;
        let mask = mask.map(|mask| shaped(NAME, mask, &[b, n])).transpose()?;
        let (pooled, weights) = (self.output(&[b, d])?, self.output(&[b, n])?);
        let [b, n, a, d] = [b, n, a, d].map(|v| v as u32);
        self.launch(
            &kernels::ADDITIVE_POOL,
            &[shift.is_some().into(), mask.is_some().into()],
            &[n, a, d],
            &[Some(&keys.buffer), shift, Some(v), Some(values), mask],
            &[&pooled.buffer, &weights.buffer],
            [b, 1, 1],
        )?;
        Ok((pooled, weights))
    }

    fn masked_mean(&self, x: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let [b, n, d] = three("masked mean", "[b, n, d]", x)?;
        let mask = shaped("masked mean", mask, &[b, n])?;
        let out = self.output(&[b, d])?;
        let [b, n, d] = [b, n, d].map(|v| v as u32);
        let inputs = [Some(&*x.buffer), Some(mask)];
        self.launch(&kernels::MASKED_MEAN, &[], &[n, d], &inputs, &[&out.buffer], [d.div_ceil(64), b, 1])?;
        Ok(out)
    }

    fn stack(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let [b, d] = two("stacking", x)?;
        shaped("stacking", y, &[b, d])?;
        Ok(Tensor { shape: vec![b, 2, d], ..self.concat(x, y)? })
    }

    fn normalize(&self, x: &Tensor) -> Result<Tensor> {
        let [b, d] = two("normalizing", x)?;
        let out = self.output(&[b, d])?;
        let (rows, d) = (narrow("normalizing", b)?, narrow("normalizing", d)?);
        let (groups, width) = Device::grid(rows);
        self.launch(&kernels::NORMALIZE, &[], &[rows, d, width], &[Some(&x.buffer)], &[&out.buffer], groups)?;
        Ok(out)
    }
}

impl Gpu {
    /// Records `rounds` · 32 fused multiply-adds in each of `groups` · 256 invocations: x `[2]` holds factor and term.
    /// `vitrine bench` takes it for the device's ceiling.
    pub fn multiply_add(&self, x: &Tensor, groups: u32, rounds: u32) -> Result<()> {
        let out = self.output(&[groups as usize * 256])?;
        let inputs = [Some(&*x.buffer)];
        self.launch(&kernels::MULTIPLY_ADD, &[], &[rounds], &inputs, &[&out.buffer], [groups, 1, 1])
    }

    /// See [`Backend::attention`].
    fn attend(&self, qkv: &Tensor, heads: usize, mask: Option<&Tensor>, causal: bool) -> Result<Tensor> {
        let [b, n, width] = three("attention", "[b, n, 3·d]", qkv)?;
        if heads == 0 || !width.is_multiple_of(3 * heads) {
            return refuse("attention", &format!("a width that 3·{heads} divides"), &qkv.shape);
        }
        let (d, size) = (width / 3, width / 3 / heads);
        if size > HEAD {
            return refuse("attention on the graphics device", &format!("heads of at most {HEAD} features"), size);
        }
        let mask = mask.map(|mask| shaped("mask of attention", mask, &[b, n])).transpose()?;
        let out = self.output(&[b, n, d])?;
        let [b, n, d, size, heads] = [b, n, d, size, heads].map(|v| v as u32);
        self.launch(
            &kernels::ATTENTION,
            &[mask.is_some().into(), causal.into()],
            &[n, d, size, (size as f32).powf(-0.5).to_bits()],
            &[Some(&qkv.buffer), mask],
            &[&out.buffer],
            [n.div_ceil(16), heads, b],
        )?;
        Ok(out)
    }

    fn binary(&self, x: &Tensor, y: &Tensor, mul: u32) -> Result<Tensor> {
        let out = self.output(&x.shape)?;
        let [len, period] = [&x.shape, &y.shape].map(|shape| shape.iter().product::<usize>());
        let parameters = [narrow("adding", len)?, narrow("adding", period)?];
        let inputs = [Some(&*x.buffer), Some(&*y.buffer)];
        self.elementwise(&kernels::BINARY, &[mul], &parameters, &inputs, &out, len)?;
        Ok(out)
    }
}
