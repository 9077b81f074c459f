//! The graphics device of the tests, opened once a program.

use std::io::Write;
use std::sync::LazyLock;
use vitrine::backend::gpu::{Gpu, NATIVE_TIMEOUT, Precision};

static DEVICE: LazyLock<Option<Gpu>> =
    LazyLock::new(|| match pollster::block_on(Gpu::open(NATIVE_TIMEOUT, Some(Precision::F32))) {
        Ok(gpu) => {
            say(&format!("on {}", gpu.name()));
            Some(gpu)
        }
        Err(error) => {
            say(&format!("skipped: what needs a graphics device ({error})"));
            None
        }
    });

/// The device, or nothing where this machine has none, which is then said once.
pub fn open() -> Option<Gpu> {
    DEVICE.clone()
}

/// A line that shows although tests run with their output captured.
pub fn say(line: &str) {
    // a closed stderr is no reason to fail
    let _ = writeln!(std::io::stderr(), "{line}");
}
