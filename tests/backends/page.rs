//! The case table of the backends as a wasm module: what `tests/page/gpu.test.mjs` runs on the browser's WebGPU.
#![cfg(target_arch = "wasm32")]

mod cases;
mod scan;

use std::time::Duration;
use vitrine::backend::gpu::{Gpu, Precision};
use wasm_bindgen::prelude::*;

/// Numbers of rows and tokens: a software adapter is slow.
const SIZES: &[usize] = &[1, 7, 33];

/// Runs the table; gives the number of cases, then a line for each that failed and for each operation that
/// ran another number of cases than its table has.
#[wasm_bindgen]
pub async fn run() -> Result<Vec<String>, JsError> {
    let opened = Gpu::open(Duration::from_secs(120), Some(Precision::F32)).await;
    let gpu = opened.map_err(|e| JsError::new(&e.to_string()))?;
    let whole = cases::Extent { sizes: SIZES, rounding: cases::Rounding::None };
    let (mut found, mut lines) = (Vec::new(), Vec::new());
    let mut take = |name: &str, ran: Vec<cases::Found>, counts: &[(&str, usize)]| {
        let wrong = cases::measure::wrong_counts(ran.iter().map(|found| found.kernel), counts);
        lines.extend(wrong.into_iter().map(|line| format!("{name}: {line}")));
        found.extend(ran);
    };
    take("floats", cases::run(&gpu, whole).await, &cases::counts(whole));
    for (precision, rounding) in
        [(Precision::F16, cases::Rounding::Halves), (Precision::Packed, cases::Rounding::Bytes)]
    {
        if let Some(gpu) = gpu.with(precision) {
            let extent = cases::Extent { sizes: SIZES, rounding };
            take(precision.name(), cases::weights(&gpu, extent).await, &cases::weight_counts(extent));
        }
    }
    take("scans", scan::run(&gpu).await, &scan::COUNTS);
    lines.extend(found.iter().filter(|found| found.failed()).map(cases::Found::line));
    Ok([found.len().to_string()].into_iter().chain(lines).collect())
}
