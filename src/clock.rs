//! Time, which the page and the command line tell in different ways.

/// Milliseconds since the page was opened.
#[cfg(target_arch = "wasm32")]
pub fn clock() -> f64 {
    let performance = js_sys::Reflect::get(&js_sys::global(), &"performance".into()).map(web_sys::Performance::from);
    performance.map(|p| p.now()).unwrap_or(0.0)
}

/// Milliseconds since the first call.
#[cfg(not(target_arch = "wasm32"))]
pub fn clock() -> f64 {
    use std::{sync::LazyLock, time::Instant};
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64() * 1e3
}
