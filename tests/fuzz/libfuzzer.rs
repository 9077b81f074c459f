//! One target, named in `VITRINE_TARGET`, under libFuzzer.
#![no_main]

mod targets;

use std::sync::LazyLock;
use targets::{TARGETS, Target};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("VITRINE_TARGET").unwrap_or_default();
    let names = TARGETS.each_ref().map(|target| target.name);
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("VITRINE_TARGET: expected one of {names:?}"))
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| (TARGET.run)(input));
