//! What must hold of the kernels' case table on a processor; included by `tests/kernels.rs` and by `native.rs`.

use super::cases::{self, Found, measure};
use super::kernels::Isa;

#[test]
fn every_instruction_set_agrees_with_f64() {
    for isa in Isa::available() {
        let found = cases::run(isa);
        let failed: Vec<String> = found.iter().filter(|found| found.failed()).map(Found::line).collect();
        println!("{}: {} cases", isa.name(), found.len());
        assert!(failed.is_empty(), "{} on {}:\n{}", failed.len(), isa.name(), failed.join("\n"));
        let wrong = measure::wrong_counts(found.iter().map(|found| found.kernel), &cases::COUNTS);
        assert!(wrong.is_empty() || cfg!(miri), "on {}: {wrong:?}", isa.name());
    }
}

/// What the processor has, asked of the system and not of what decides which kernels run.
#[test]
fn every_instruction_set_of_this_processor_runs() {
    let names: Vec<&str> = Isa::available().into_iter().map(Isa::name).collect();
    let wanted = wanted();
    println!("{names:?}");
    if wanted.is_empty() {
        return println!("skipped: this system does not say what its processor has");
    }
    assert_eq!(names, wanted);
}

#[cfg(target_arch = "aarch64")]
fn wanted() -> Vec<&'static str> {
    vec!["scalar", "neon"]
}

#[cfg(not(target_arch = "aarch64"))]
fn wanted() -> Vec<&'static str> {
    let Ok(text) = std::fs::read_to_string("/proc/cpuinfo") else { return Vec::new() };
    let flags: Vec<&str> =
        text.lines().find(|line| line.starts_with("flags")).unwrap_or_default().split_whitespace().collect();
    let has = |names: &[&str]| names.iter().all(|name| flags.contains(name));
    let avx2 = has(&["avx2", "fma"]);
    let wide = avx2 && has(&["avx512f", "avx512bw", "avx512vl", "avx512_vnni"]);
    [(true, "scalar"), (avx2, "avx2"), (avx2 && has(&["avx_vnni"]), "avx-vnni"), (wide, "avx512-vnni")]
        .into_iter()
        .filter_map(|(has, name)| has.then_some(name))
        .collect()
}

#[test]
fn the_measure_passes_nothing_by_chance() {
    let want = [3e-20, -4e-20, 0.0, 0.0];
    let exact: Vec<f32> = want.iter().map(|v| *v as f32).collect();
    assert!(measure::relative(&exact, &want, 2) < 1e-7);
    // the answer to a small signal is not nothing, nor anything else that is small
    assert_eq!(measure::relative(&[0.0; 4], &want, 2), 1.0);
    assert!(measure::relative(&[3e-20, 4e-20, 0.0, 0.0], &want, 2) > 1.0);
    // a signal of zeros is zeros, and another row's energy is no excuse
    assert_eq!(measure::relative(&[3e-20, -4e-20, 0.0, 1e-30], &want, 2), f64::INFINITY);
    // one number of many
    let (many, mut off) = (vec![1.0f64; 40_000], vec![1.0f32; 40_000]);
    off[39_999] = 0.0;
    assert!(measure::relative(&off, &many, 40_000) > 4e-3);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(measure::relative(&[1.0, bad], &[1.0, 1.0], 2), f64::INFINITY);
    }
    assert_eq!(measure::relative(&[1.0], &[1.0, 1.0], 1), f64::INFINITY);
    assert_eq!(measure::relative(&[1.0], &[f64::NAN], 1), f64::INFINITY);
}

#[test]
fn marks_see_what_is_written_beyond_before_and_not_at_all() {
    let beyond = |offset: isize| {
        measure::guarded(8, |out| {
            out.fill(1.0);
            // SAFETY: marks lie before and behind the eight numbers, in the same allocation.
            unsafe { out.as_mut_ptr().offset(offset).write_volatile(0.0) };
        })
    };
    assert_eq!(beyond(3).iter().sum::<f32>(), 7.0);
    assert!(beyond(8).iter().chain(&beyond(-1)).chain(&beyond(15)).all(|v| v.is_nan()));
    assert!(measure::guarded(3, |out| out[..2].fill(1.0))[2].is_nan());
}

#[test]
fn tables_that_ran_too_little_or_too_much_are_found_out() {
    let ran = ["a", "a", "b"].into_iter();
    assert!(measure::wrong_counts(ran.clone(), &[("a", 2), ("b", 1)]).is_empty());
    assert_eq!(measure::wrong_counts(ran.clone(), &[("a", 2), ("b", 2)]).len(), 1);
    assert_eq!(measure::wrong_counts(ran.clone(), &[("a", 2), ("b", 1), ("c", 1)]).len(), 1);
    assert_eq!(measure::wrong_counts(ran, &[("a", 2)]).len(), 1);
}
