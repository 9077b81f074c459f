//! The case table and the kernels' own tests without the rest of the program, for another processor under an emulator and
//! for sanitizers: see `../kernels.sh`. It needs nothing but rustc.

#![allow(dead_code, unreachable_pub, reason = "a test is built from files that are public in the library")]
#![allow(unexpected_cfgs, reason = "rustc alone knows no features")]

mod cases;
mod check;
#[path = "../../src/backend/kernels/mod.rs"]
mod kernels;
