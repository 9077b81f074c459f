//! Fashion search that runs wholly in the visitor's browser.
#![warn(missing_docs)]

pub mod backend;
pub mod error;
pub mod quant;

pub use error::{Error, Result};
