//! The models against independent implementations, on every backend: fixtures made by `tests/fixtures/make_golden.py`
//! with Hugging Face's Flax models and numpy in float64, and candle-transformers on the same weights.
#![cfg(feature = "cli")]

#[cfg(feature = "gpu")]
#[path = "backends/device.rs"]
mod device;

mod composed {
    use vitrine::backend::composed::Composed as Tested;

    fn backend() -> Option<Tested> {
        Some(Tested::cpu())
    }

    include!("golden/cases.rs");
    include!("golden/clip.rs");
}

mod cpu {
    use vitrine::backend::cpu::Cpu as Tested;

    fn backend() -> Option<Tested> {
        // as the papers have it; tests/precision.rs says what integer attention loses
        Some(Tested::exact())
    }

    include!("golden/cases.rs");
    include!("golden/clip.rs");
}

#[cfg(feature = "gpu")]
mod gpu {
    use vitrine::backend::gpu::Gpu as Tested;

    fn backend() -> Option<Tested> {
        super::device::open()
    }

    include!("golden/cases.rs");
    include!("golden/clip.rs");
}
