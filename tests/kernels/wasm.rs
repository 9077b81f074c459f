//! The case table as a wasm module without imports, built by `tests/kernels_wasm.mjs` with `rustc` alone.

#![allow(dead_code, unreachable_pub, reason = "a module is built from files that are public in the library")]

#[path = "cases.rs"]
mod cases;
#[path = "../../src/backend/kernels/mod.rs"]
mod kernels;

use std::cell::RefCell;

thread_local! {
    static REPORT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs the table for every instruction set of the module and returns the length of a report: one line a set
/// (`name cases`) and one a failure (`! name case worst allowed`).
#[unsafe(no_mangle)]
pub extern "C" fn run() -> usize {
    let mut report = String::new();
    for isa in kernels::Isa::available() {
        let found = cases::run(isa);
        report += &format!("{} {}\n", isa.name(), found.len());
        for found in found.iter().filter(|found| found.failed()) {
            report += &format!("! {} {} {:e} {:e}\n", isa.name(), found.case, found.worst, found.allowed);
        }
    }
    REPORT.with_borrow_mut(|text| *text = report);
    REPORT.with_borrow(|text| text.len())
}

/// Where the report of the last [`run`] begins.
#[unsafe(no_mangle)]
pub extern "C" fn report() -> *const u8 {
    REPORT.with_borrow(|text| text.as_ptr())
}
