//! The case table of the backends as a wasm module: what `tests/page/gpu.test.mjs` runs on the browser's WebGPU.
#![cfg(target_arch = "wasm32")]

mod cases;
mod scan;

use std::time::Duration;
use vitrine::backend::gpu::Gpu;
use wasm_bindgen::prelude::*;

/// Numbers of rows and tokens: a software adapter is slow.
const SIZES: &[usize] = &[1, 7, 33];

/// Runs the table; gives the number of cases, then a line for each that failed.
#[wasm_bindgen]
pub async fn run() -> Result<Vec<String>, JsError> {
    let gpu = Gpu::open(Duration::from_secs(120)).await.map_err(|e| JsError::new(&e.to_string()))?;
    let mut found = cases::run(&gpu, cases::Extent { sizes: SIZES, rounds_inputs: false }).await;
    found.extend(scan::run(&gpu).await);
    let failed = found.iter().filter(|found| found.failed());
    let lines = failed.map(|found| format!("{}: {:.2} times what is allowed", found.case, found.worst));
    Ok([found.len().to_string()].into_iter().chain(lines).collect())
}
