//! The case table of the backends as a wasm module: what `tests/page/gpu.test.mjs` runs on the browser's WebGPU.
#![cfg(target_arch = "wasm32")]

mod cases;
mod scan;

use std::time::Duration;
use vitrine::backend::gpu::{Arithmetic, Gpu};
use wasm_bindgen::prelude::*;

/// Numbers of rows and tokens: a software adapter is slow.
const SIZES: &[usize] = &[1, 7, 33];

/// Runs the table; gives the number of cases, then a line for each that failed.
#[wasm_bindgen]
pub async fn run() -> Result<Vec<String>, JsError> {
    let opened = Gpu::open(Duration::from_secs(120), Some(Arithmetic::F32)).await;
    let gpu = opened.map_err(|e| JsError::new(&e.to_string()))?;
    let mut found = cases::run(&gpu, cases::Extent { sizes: SIZES, rounding: cases::Rounding::None }).await;
    for (arithmetic, rounding) in
        [(Arithmetic::F16, cases::Rounding::Halves), (Arithmetic::Packed, cases::Rounding::Bytes)]
    {
        if let Some(gpu) = gpu.with(arithmetic) {
            found.extend(cases::weights(&gpu, cases::Extent { sizes: SIZES, rounding }).await);
        }
    }
    found.extend(scan::run(&gpu).await);
    let failed = found.iter().filter(|found| found.failed());
    let lines = failed.map(|found| format!("{}: {:.2} times what is allowed", found.case, found.worst));
    Ok([found.len().to_string()].into_iter().chain(lines).collect())
}
