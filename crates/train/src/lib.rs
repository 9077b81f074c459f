//! The program behind `vitrine train` and `vitrine tune`: it fine-tunes both encoders and the fusion head.
//!
//! ```text
//! tune       `vitrine tune`: a shop's own model          shop      what answers what among a shop's photos
//! command    arguments of `vitrine train`             data      folders of photos and texts → items and queries
//! batch      what a batch is made of                  phrases   texts made of attributes
//! net        the models on the tape                   tape      a backend that records and walks back
//! gemm       products in f32 and bf16                 kernels   the other operations, forward and back
//! loss       scores of a batch → gradients            params    AdamW and moving averages
//! step       one step on several threads              run       the loop: schedule, log, checkpoints
//! validate   recall on val                            plot      the log as a drawing
//! distil     the instant text tier out of the full one
//! ablate     heads without some of their parts        occlude   photos without their most attended patches
//! ```

// `vitrine::print` is the one place that prints
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

mod ablate;
mod batch;
mod command;
mod data;
mod distil;
mod gemm;
mod kernels;
mod loss;
mod net;
mod occlude;
mod params;
mod phrases;
mod plot;
mod run;
mod shop;
mod step;
mod tape;
#[cfg(test)]
mod tests;
mod tune;
mod validate;

pub use command::Train;
pub use tune::Tune;
