//! The case table of the backends on this machine: every instruction set of the processor, and the graphics device
//! where there is one. Shaders are also validated without any device.

#[path = "backends/cases.rs"]
#[cfg_attr(not(feature = "gpu"), allow(dead_code, reason = "some cases are of the graphics device alone"))]
mod cases;
#[cfg(feature = "gpu")]
#[path = "backends/device.rs"]
mod device;
#[cfg(feature = "gpu")]
#[path = "backends/scan.rs"]
mod scan;

use cases::{Extent, Found, Rounding};
use vitrine::backend::composed::Composed;
use vitrine::backend::cpu::Cpu;
use vitrine::backend::kernels::Isa;

/// Sizes that leave every kind of rest, and the token count of a ViT.
const SIZES: &[usize] = &[1, 5, 7, 11, 13, 33, 197];

#[track_caller]
fn assert_all(name: &str, counts: &[(&str, usize)], found: &[Found]) {
    let failed: Vec<String> = found.iter().filter(|found| found.failed()).map(Found::line).collect();
    println!("{name}: {} cases", found.len());
    assert!(failed.is_empty(), "{} of {} on {name}:\n{}", failed.len(), found.len(), failed.join("\n"));
    let wrong = cases::measure::wrong_counts(found.iter().map(|found| found.kernel), counts);
    assert!(wrong.is_empty(), "on {name}: {wrong:?}");
}

#[test]
fn every_instruction_set_agrees_with_f64() {
    for isa in Isa::available() {
        let extent = Extent { sizes: SIZES, rounding: Rounding::Bytes };
        let found = pollster::block_on(cases::run(&Cpu::with_isa(isa), extent));
        assert_all(isa.name(), &cases::counts(extent), &found);
    }
}

/// The oracle of training and of `tests/backend.rs` needs one too.
#[test]
fn the_composed_operations_agree_with_f64() {
    let extent = Extent { sizes: SIZES, rounding: Rounding::None };
    let found = pollster::block_on(cases::run(&Composed::cpu(), extent));
    assert_all("composed", &cases::counts(extent), &found);
}

#[cfg(feature = "gpu")]
mod gpu {
    use super::*;
    use vitrine::backend::gpu::{Gpu, NATIVE_TIMEOUT, Precision, kernels};

    #[test]
    fn the_graphics_device_agrees_with_f64() {
        let Some(gpu) = device::open() else { return };
        let extent = Extent { sizes: SIZES, rounding: Rounding::None };
        assert_all(&gpu.name(), &cases::counts(extent), &pollster::block_on(cases::run(&gpu, extent)));
        assert_all("scans", &scan::COUNTS, &pollster::block_on(scan::run(&gpu)));
        for (precision, rounding) in [(Precision::F16, Rounding::Halves), (Precision::Packed, Rounding::Bytes)] {
            match gpu.with(precision) {
                Some(gpu) => {
                    let extent = Extent { sizes: SIZES, rounding };
                    let found = pollster::block_on(cases::weights(&gpu, extent));
                    assert_all(precision.name(), &cases::weight_counts(extent), &found);
                }
                None => device::say(&format!("skipped: {} products, which this device lacks", precision.name())),
            }
        }
    }

    #[test]
    fn opening_settles_on_a_precision_that_the_device_has() {
        let Some(gpu) = device::open() else { return };
        let measured = pollster::block_on(Gpu::open(NATIVE_TIMEOUT, None)).unwrap().precision();
        assert!(gpu.with(measured).is_some());
        for precision in Precision::ALL.into_iter().filter(|&precision| gpu.with(precision).is_some()) {
            let known = pollster::block_on(Gpu::open(NATIVE_TIMEOUT, Some(precision))).unwrap();
            assert_eq!(known.precision(), precision);
            assert_eq!(precision.name().parse(), Ok(precision));
        }
        assert!("f64".parse::<Precision>().is_err());
    }

    /// As every browser and driver will: the module parses, every type and every barrier in uniform control flow
    /// holds, and it needs nothing beyond WebGPU's default limits and no optional feature, but f16 where it says so.
    #[test]
    fn every_shader_is_valid_without_a_device() {
        use wgpu::naga::{
            self,
            valid::{Capabilities, ValidationFlags, Validator},
        };
        assert!(kernels::ALL.len() >= 16);
        for kernel in kernels::ALL {
            let module = naga::front::wgsl::parse_str(&kernel.wgsl())
                .unwrap_or_else(|e| panic!("{}: {}", kernel.name, e.emit_to_string(&kernel.wgsl())));
            let optional = if kernel.half { Capabilities::SHADER_FLOAT16 } else { Capabilities::empty() };
            Validator::new(ValidationFlags::all(), optional)
                .validate(&module)
                .unwrap_or_else(|e| panic!("{}: {e:?}", kernel.name));
            let invocations: u32 = module.entry_points[0].workgroup_size.iter().product();
            assert!(invocations <= 256, "{}: {invocations} invocations", kernel.name);
            let mut layouter = naga::proc::Layouter::default();
            layouter.update(module.to_ctx()).unwrap();
            let shared = module.global_variables.iter().filter(|(_, v)| v.space == naga::AddressSpace::WorkGroup);
            let bytes: u32 = shared.map(|(_, v)| layouter[v.ty].size).sum();
            assert!(bytes <= 16_384, "{}: {bytes} bytes of workgroup memory", kernel.name);
            let bound = module.global_variables.iter().filter(|(_, v)| v.binding.is_some()).count() as u32;
            assert_eq!(bound, 1 + kernel.inputs + kernel.outputs, "{}", kernel.name);
            let overrides: Vec<&str> = module.overrides.iter().filter_map(|(_, o)| o.name.as_deref()).collect();
            assert_eq!(overrides, kernel.overrides, "{}", kernel.name);
        }
    }
}
