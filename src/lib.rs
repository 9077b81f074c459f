//! Fashion search that runs wholly in the visitor's browser.
//!
//! The data flow is the module list: [`image`] and [`text`] turn bytes and words into numbers, the encoders in
//! [`model`] turn those into tokens and its fusion head turns tokens into one unit vector, [`search`] finds the
//! nearest vectors of a catalog read by [`shard`], and [`engine`] is the whole flow on one page. [`backend`] is the
//! seam between models and hardware. Only `wasm` and `cli` know the engine.
#![warn(missing_docs)]
// `print` is the one place that prints
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]
// waiting in shared memory; the threads build allows it on a stable compiler
#![cfg_attr(all(target_arch = "wasm32", target_feature = "atomics"), feature(stdarch_wasm_atomic_wait))]

#[cfg(feature = "cli")]
pub mod atomic;
pub mod backend;
pub mod catalog;
mod clock;
#[cfg(feature = "cli")]
pub mod convert;
#[cfg(feature = "cli")]
pub mod demo;
pub mod engine;
pub mod error;
#[cfg(feature = "cli")]
pub mod eval;
#[cfg(feature = "cli")]
pub mod export;
pub mod hash;
pub mod image;
#[cfg(feature = "cli")]
pub mod indexer;
pub mod model;
pub mod photo_file;
#[cfg(feature = "cli")]
pub mod photos;
#[cfg(feature = "cli")]
pub mod print;
pub mod quant;
pub mod search;
#[cfg(feature = "cli")]
pub mod site;
#[cfg(feature = "cli")]
pub mod staging;
#[cfg(feature = "cli")]
pub mod terminal;
pub mod text;
#[cfg(feature = "cli")]
pub mod train;
#[cfg(target_arch = "wasm32")]
pub mod wasm;
pub mod weights;

pub use error::{Error, Result};
