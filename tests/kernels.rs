//! The kernels' case table on this processor: every instruction set it has against f64.

use vitrine::backend::kernels;

#[path = "kernels/cases.rs"]
mod cases;
#[path = "kernels/check.rs"]
mod check;
