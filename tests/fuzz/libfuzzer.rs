//! One target, named in `VITRINE_TARGET`, under libFuzzer and under the target's own limit of memory.
#![no_main]

mod targets;

use cap::Cap;
use std::alloc::System;
use std::sync::LazyLock;
use targets::{TARGETS, Target};

/// Ends the process when an input asks for more memory than its target may take.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("VITRINE_TARGET").unwrap_or_default();
    let names = TARGETS.each_ref().map(|target| target.name);
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("VITRINE_TARGET: expected one of {names:?}"))
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let target = *TARGET;
    MEMORY.set_limit(MEMORY.allocated() + target.memory).expect("a limit above what is taken");
    (target.run)(input);
    MEMORY.set_limit(usize::MAX).expect("no limit");
});
