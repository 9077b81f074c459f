//! Training: a tape of differentiable operations, losses, data and the loop.

pub mod ablate;
pub mod batch;
pub mod data;
pub mod gemm;
pub mod kernels;
pub mod loss;
pub mod net;
pub mod occlude;
pub mod params;
pub mod phrases;
pub mod plot;
pub mod run;
pub mod step;
pub mod tape;
#[cfg(test)]
mod tests;
pub mod validate;
