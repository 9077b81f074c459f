//! A graphics device: one recording that grows until something is read, buffers that are used again, pipelines that
//! are compiled once, and errors that come back as errors.

use super::kernels::Kernel;
use super::precision::Precision;
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wgpu::{BufferUsages, Features, Limits, WgslLanguageFeatures};

/// Bytes of one launch's parameters: the alignment that every device grants for an offset into a uniform buffer.
const SLOT: usize = 256;
/// Bytes of a slot that a shader can read.
const PARAMETERS: u64 = 64;
/// Launches in one recording, beyond which it is submitted.
const SLOTS: usize = 1024;
/// Bytes of free buffers that are kept.
const POOL: u64 = 256 << 20;
/// Workgroups along one dimension that every device grants.
const GROUPS: u32 = 65_535;

/// What a device computes with, shared by everything that lives on it.
#[derive(Debug)]
pub struct Device {
    device: wgpu::Device,
    queue: wgpu::Queue,
    info: wgpu::AdapterInfo,
    /// Whether shaders may take four products of bytes at once.
    packed: bool,
    limits: Limits,
    timeout: Duration,
    parameters: wgpu::Buffer,
    /// Bound where a kernel has an input that this launch does without.
    nothing: Arc<Buffer>,
    layouts: Mutex<HashMap<(u32, u32), Layout>>,
    pipelines: Mutex<HashMap<Specialized, wgpu::ComputePipeline>>,
    recording: Mutex<Recording>,
    pool: Arc<Pool>,
    fault: Arc<Fault>,
}

/// A kernel's name, whether it is its f16 form, and the values of its override constants.
type Specialized = (&'static str, bool, Vec<u32>);

#[derive(Clone, Debug)]
struct Layout {
    bindings: wgpu::BindGroupLayout,
    pipeline: wgpu::PipelineLayout,
}

/// Commands that have not been submitted.
#[derive(Debug, Default)]
struct Recording {
    encoder: Option<wgpu::CommandEncoder>,
    pass: Option<wgpu::ComputePass<'static>>,
    parameters: Vec<u8>,
}

/// What the device reported outside of any call.
#[derive(Debug, Default)]
struct Fault {
    happened: AtomicBool,
    first: Mutex<Option<String>>,
}

impl Fault {
    fn report(&self, message: String) {
        lock(&self.first).get_or_insert(message);
        self.happened.store(true, Ordering::Release);
    }

    fn check(&self) -> Result<()> {
        match self.happened.load(Ordering::Acquire) {
            false => Ok(()),
            true => Err(Error::Device(lock(&self.first).clone().unwrap_or_default())),
        }
    }
}

/// Free buffers by size.
#[derive(Debug, Default)]
struct Pool {
    free: Mutex<(HashMap<u64, Vec<wgpu::Buffer>>, u64)>,
}

/// Memory on the device; what a recording wrote goes back to the pool when the last holder lets go. Commands that are
/// recorded later run later, so it can be handed out again at once.
#[derive(Debug)]
pub struct Buffer {
    buffer: Option<wgpu::Buffer>,
    pool: Option<Arc<Pool>>,
}

impl Buffer {
    /// The buffer itself.
    pub fn raw(&self) -> &wgpu::Buffer {
        // only `drop` takes it out
        self.buffer.as_ref().unwrap_or_else(|| unreachable!("a buffer was used after its end"))
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let (Some(buffer), Some(pool)) = (self.buffer.take(), &self.pool) else { return };
        let mut free = lock(&pool.free);
        if free.1 + buffer.size() <= POOL {
            free.1 += buffer.size();
            free.0.entry(buffer.size()).or_default().push(buffer);
        }
    }
}

/// A lock whose holder cannot leave anything half-done: every change below is a single step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A size that few buffers share needlessly and many can: four steps from one power of two to the next.
fn size_class(bytes: u64) -> u64 {
    let bytes = bytes.max(1024);
    let step = bytes.next_power_of_two() / 8;
    bytes.next_multiple_of(step)
}

/// One launch of a kernel.
#[derive(Debug)]
pub struct Launch<'a> {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// Values of its override constants, in their order.
    pub overrides: &'a [u32],
    /// Its parameters, floats as their bits.
    pub parameters: &'a [u32],
    /// What it reads; a missing input must be switched off by an override.
    pub inputs: &'a [Option<&'a Buffer>],
    /// What it writes.
    pub outputs: &'a [&'a Buffer],
    /// Workgroups.
    pub groups: [u32; 3],
}

impl Device {
    /// Opens the adapter that the system prefers, with the limits that every WebGPU device grants. An answer that
    /// takes longer than `timeout` is an error.
    pub async fn open(timeout: Duration) -> Result<Self> {
        let descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        #[cfg(not(target_arch = "wasm32"))]
        let descriptor = descriptor.with_env();
        let instance = wgpu::Instance::new(descriptor);
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let none = |what: &str, got: String| {
            Error::Device(format!("expected {what}, got {got}; use the processor, or install a graphics driver"))
        };
        let adapter =
            instance.request_adapter(&options).await.map_err(|e| none("a graphics adapter", e.to_string()))?;
        let descriptor = wgpu::DeviceDescriptor {
            required_limits: Limits::default(),
            required_features: adapter.features() & Features::SHADER_F16,
            ..Default::default()
        };
        let (device, queue) =
            adapter.request_device(&descriptor).await.map_err(|e| none("WebGPU's default limits", e.to_string()))?;
        let packed = instance.wgsl_language_features().contains(WgslLanguageFeatures::Packed4x8IntegerDotProduct);
        Ok(Self::of(adapter.get_info(), packed, device, queue, timeout))
    }

    fn of(info: wgpu::AdapterInfo, packed: bool, device: wgpu::Device, queue: wgpu::Queue, timeout: Duration) -> Self {
        let fault = Arc::new(Fault::default());
        let seen = fault.clone();
        device.on_uncaptured_error(Arc::new(move |e: wgpu::Error| seen.report(e.to_string())));
        let seen = fault.clone();
        device.set_device_lost_callback(move |_, message| seen.report(format!("the device was lost: {message}")));
        let buffer = |label, size, usage| {
            device.create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false })
        };
        let (uniform, storage) = (BufferUsages::UNIFORM, BufferUsages::STORAGE);
        let parameters = buffer("parameters", (SLOT * SLOTS) as u64, uniform | BufferUsages::COPY_DST);
        let nothing = Buffer { buffer: Some(buffer("nothing", 256, storage)), pool: None };
        Self {
            limits: device.limits(),
            parameters,
            nothing: Arc::new(nothing),
            device,
            queue,
            info,
            packed,
            timeout,
            layouts: Mutex::default(),
            pipelines: Mutex::default(),
            recording: Mutex::default(),
            pool: Arc::default(),
            fault,
        }
    }

    /// What the system says of the adapter.
    pub fn info(&self) -> &wgpu::AdapterInfo {
        &self.info
    }

    /// Whether shaders can compute in that precision here.
    pub fn offers(&self, precision: Precision) -> bool {
        match precision {
            Precision::F32 => true,
            Precision::F16 => self.device.features().contains(Features::SHADER_F16),
            Precision::Packed => self.packed,
        }
    }

    /// The largest number of bytes that a kernel can bind.
    pub fn largest_binding(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size)
    }

    /// Workgroups for `count` of them in two dimensions, and how many stand along the first.
    pub fn grid(count: u32) -> ([u32; 3], u32) {
        let width = count.clamp(1, GROUPS);
        ([width, count.div_ceil(width), 1], width)
    }

    fn check_size(&self, operation: &str, bytes: u64) -> Result<()> {
        match bytes <= self.largest_binding() {
            true => Ok(()),
            false => Err(Error::Argument(format!(
                "{operation}: expected at most {} bytes on the graphics device, got {bytes}; \
                 encode fewer at once, or convert the weights to q8",
                self.largest_binding()
            ))),
        }
    }

    /// Memory for `len` numbers of four bytes, of any content, for kernels to write.
    pub fn scratch(&self, len: usize) -> Result<Buffer> {
        let bytes = 4 * len as u64;
        self.check_size("computing", bytes)?;
        let size = size_class(bytes).min(self.largest_binding());
        let mut free = lock(&self.pool.free);
        let kept = free.0.get_mut(&size).and_then(Vec::pop);
        let buffer = match kept {
            Some(buffer) => {
                free.1 -= size;
                buffer
            }
            None => self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("scratch"),
                size,
                usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
        };
        Ok(Buffer { buffer: Some(buffer), pool: Some(self.pool.clone()) })
    }

    /// Uploads bytes, padded with zeros to a multiple of 16. Uploads overtake what is recorded, so they always go into
    /// memory that nothing has used.
    pub fn upload(&self, bytes: &[u8]) -> Result<Buffer> {
        let size = bytes.len().max(1).next_multiple_of(16) as u64;
        self.check_size("uploading", size)?;
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("upload"),
            size,
            usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        // a write must be a multiple of four bytes; the rest of a new buffer is zeros
        let whole = bytes.len() / 4 * 4;
        self.queue.write_buffer(&buffer, 0, &bytes[..whole]);
        if whole < bytes.len() {
            let mut last = [0; 4];
            last[..bytes.len() - whole].copy_from_slice(&bytes[whole..]);
            self.queue.write_buffer(&buffer, whole as u64, &last);
        }
        Ok(Buffer { buffer: Some(buffer), pool: None })
    }

    /// The layout of kernels with that many inputs and outputs.
    fn layout(&self, inputs: u32, outputs: u32) -> Layout {
        let entry = |binding: u32, ty: wgpu::BindingType| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty,
            count: None,
        };
        let storage = |read_only| wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Storage { read_only },
            has_dynamic_offset: false,
            min_binding_size: None,
        };
        let uniform = wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset: true,
            min_binding_size: None,
        };
        let make = || {
            let mut entries = vec![entry(0, uniform)];
            entries.extend((1..=inputs + outputs).map(|binding| entry(binding, storage(binding <= inputs))));
            let bindings = self
                .device
                .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries });
            let pipeline = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: None,
                bind_group_layouts: &[Some(&bindings)],
                immediate_size: 0,
            });
            Layout { bindings, pipeline }
        };
        lock(&self.layouts).entry((inputs, outputs)).or_insert_with(make).clone()
    }

    fn pipeline(&self, kernel: &'static Kernel, overrides: &[u32], layout: &Layout) -> wgpu::ComputePipeline {
        debug_assert_eq!(overrides.len(), kernel.overrides.len());
        let make = || {
            let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(kernel.name),
                source: wgpu::ShaderSource::Wgsl(kernel.wgsl().into()),
            });
            let constants: Vec<(&str, f64)> =
                kernel.overrides.iter().copied().zip(overrides.iter().map(|&v| f64::from(v))).collect();
            self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(kernel.name),
                layout: Some(&layout.pipeline),
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() },
                cache: None,
            })
        };
        lock(&self.pipelines).entry((kernel.name, kernel.half, overrides.to_vec())).or_insert_with(make).clone()
    }

    /// Records a launch. Nothing runs before something is read.
    pub fn launch(&self, launch: &Launch<'_>) -> Result<()> {
        self.fault.check()?;
        let Launch { kernel, overrides, parameters, inputs, outputs, groups } = launch;
        debug_assert!(inputs.len() == kernel.inputs as usize && outputs.len() == kernel.outputs as usize);
        if groups.contains(&0) {
            return Ok(());
        }
        if groups.iter().any(|&count| count > GROUPS) {
            return Err(Error::Argument(format!(
                "{} on the graphics device: expected at most {GROUPS} workgroups along an axis, got {groups:?}; \
                 encode fewer at once",
                kernel.name
            )));
        }
        let layout = self.layout(kernel.inputs, kernel.outputs);
        let pipeline = self.pipeline(kernel, overrides, &layout);
        let bind_group = self.bind(&layout, inputs, outputs);
        let mut recording = lock(&self.recording);
        if recording.parameters.len() == SLOT * SLOTS {
            self.submit(&mut recording);
        }
        let offset = recording.parameters.len();
        recording.parameters.extend(parameters.iter().flat_map(|v| v.to_le_bytes()));
        recording.parameters.resize(offset + SLOT, 0);
        let pass = self.pass(&mut recording);
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &bind_group, &[offset as u32]);
        pass.dispatch_workgroups(groups[0], groups[1], groups[2]);
        Ok(())
    }

    fn bind(&self, layout: &Layout, inputs: &[Option<&Buffer>], outputs: &[&Buffer]) -> wgpu::BindGroup {
        let parameters = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &self.parameters,
            offset: 0,
            size: std::num::NonZero::new(PARAMETERS),
        });
        let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: parameters }];
        let inputs = inputs.iter().map(|input| input.unwrap_or(&self.nothing));
        for (i, buffer) in inputs.chain(outputs.iter().copied()).enumerate() {
            let resource = buffer.raw().as_entire_binding();
            entries.push(wgpu::BindGroupEntry { binding: i as u32 + 1, resource });
        }
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &layout.bindings,
            entries: &entries,
        })
    }

    fn encoder<'a>(&self, recording: &'a mut Recording) -> &'a mut wgpu::CommandEncoder {
        recording.encoder.get_or_insert_with(|| self.device.create_command_encoder(&Default::default()))
    }

    /// The open compute pass; launches share one as long as nothing is copied between them.
    fn pass<'a>(&self, recording: &'a mut Recording) -> &'a mut wgpu::ComputePass<'static> {
        if recording.pass.is_none() {
            let pass = self.encoder(recording).begin_compute_pass(&Default::default()).forget_lifetime();
            recording.pass = Some(pass);
        }
        recording.pass.as_mut().unwrap_or_else(|| unreachable!("it was made above"))
    }

    /// Records a copy of `len` numbers into the beginning of a buffer whose rest becomes zeros.
    pub fn copy_padded(&self, from: &Buffer, to: &Buffer, len: usize) {
        let mut recording = lock(&self.recording);
        recording.pass = None;
        let encoder = self.encoder(&mut recording);
        encoder.clear_buffer(to.raw(), 0, None);
        encoder.copy_buffer_to_buffer(from.raw(), 0, to.raw(), 0, 4 * len as u64);
    }

    fn submit(&self, recording: &mut Recording) {
        recording.pass = None;
        let Some(encoder) = recording.encoder.take() else { return };
        // written before the commands that read them and after all that were submitted earlier
        self.queue.write_buffer(&self.parameters, 0, &recording.parameters);
        recording.parameters.clear();
        self.queue.submit([encoder.finish()]);
    }

    /// Submits what is recorded and copies buffers back, `lengths[i]` numbers of four bytes of each. Waits once,
    /// however many there are.
    pub async fn read(&self, buffers: &[(&Buffer, usize)]) -> Result<Vec<Vec<u32>>> {
        self.fault.check()?;
        let bytes: u64 = buffers.iter().map(|(_, len)| 4 * *len as u64).sum();
        if bytes == 0 {
            return Ok(vec![Vec::new(); buffers.len()]);
        }
        self.check_size("reading", bytes)?;
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("staging"),
            size: bytes,
            usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        // an error of anything recorded shows when its commands are finished or submitted
        let scopes = [wgpu::ErrorFilter::Validation, wgpu::ErrorFilter::OutOfMemory, wgpu::ErrorFilter::Internal]
            .map(|filter| self.device.push_error_scope(filter));
        {
            let mut recording = lock(&self.recording);
            recording.pass = None;
            let encoder = self.encoder(&mut recording);
            let mut at = 0;
            for (buffer, len) in buffers.iter().filter(|(_, len)| *len > 0) {
                encoder.copy_buffer_to_buffer(buffer.raw(), 0, &staging, at, 4 * *len as u64);
                at += 4 * *len as u64;
            }
            self.submit(&mut recording);
        }
        let [validation, memory, internal] = scopes;
        // popped in the reverse order of their pushing
        let errors = (internal.pop(), memory.pop(), validation.pop());
        let mapped = self.map(&staging).await;
        for error in [errors.0.await, errors.1.await, errors.2.await].into_iter().flatten() {
            self.fault.report(error.to_string());
        }
        self.fault.check()?;
        mapped?;
        let view = staging.slice(..).get_mapped_range().map_err(|e| Error::Device(format!("reading: {e}")))?;
        let mut words = view.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        Ok(buffers.iter().map(|(_, len)| words.by_ref().take(*len).collect()).collect())
    }

    fn late(&self) -> Error {
        // a device that did not answer in time is not asked again
        self.fault.report(format!("expected an answer within {} s, got none", self.timeout.as_secs()));
        Error::Device(lock(&self.fault.first).clone().unwrap_or_default())
    }

    #[cfg(not(target_arch = "wasm32"))]
    async fn map(&self, staging: &wgpu::Buffer) -> Result<()> {
        let (send, receive) = std::sync::mpsc::channel();
        staging.slice(..).map_async(wgpu::MapMode::Read, move |result| {
            // nobody listens any more once the wait below has given up
            let _ = send.send(result);
        });
        let wait = wgpu::PollType::Wait { submission_index: None, timeout: Some(self.timeout) };
        match self.device.poll(wait) {
            Ok(_) => {}
            Err(wgpu::PollError::Timeout) => return Err(self.late()),
            Err(e) => return Err(Error::Device(format!("waiting for the device: {e}"))),
        }
        match receive.recv() {
            Ok(Ok(())) => Ok(()),
            _ => Err(Error::Device("the device gave no result; it may have been lost".into())),
        }
    }

    #[cfg(target_arch = "wasm32")]
    async fn map(&self, staging: &wgpu::Buffer) -> Result<()> {
        use std::future::Future;
        use std::pin::Pin;
        use std::task::Poll;
        let promise = js_sys::Promise::new(&mut |resolve, reject| {
            staging.slice(..).map_async(wgpu::MapMode::Read, move |result| {
                let answer = if result.is_ok() { resolve } else { reject };
                // calling a promise's own functions cannot fail
                let _ = answer.call0(&wasm_bindgen::JsValue::NULL);
            });
        });
        let mut mapped = wasm_bindgen_futures::JsFuture::from(promise);
        let mut timer = gloo::timers::future::TimeoutFuture::new(self.timeout.as_millis() as u32);
        std::future::poll_fn(move |context| match Pin::new(&mut mapped).poll(context) {
            Poll::Ready(Ok(_)) => Poll::Ready(Ok(())),
            Poll::Ready(Err(_)) => {
                Poll::Ready(Err(Error::Device("the device gave no result; it may have been lost".into())))
            }
            Poll::Pending => Pin::new(&mut timer).poll(context).map(|()| Err(self.late())),
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_waste_little_and_hold_what_is_asked() {
        for bytes in [1u64, 1024, 1025, 4096, 5000, 1 << 20, (1 << 20) + 4, 38_731_776] {
            let class = size_class(bytes);
            assert!(
                class >= bytes && class.is_multiple_of(4) && (bytes < 1024 || class <= bytes + bytes / 3),
                "{bytes} {class}"
            );
            assert_eq!(size_class(class), class);
        }
    }
}
