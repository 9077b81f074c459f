//! Fashion search that runs wholly in the visitor's browser, and in any Rust program.
//!
//! An [`Engine`] holds a model on a [`Backend`] and turns a [`Query`] of text, photo or both into one unit vector; a
//! [`Catalog`] holds the vectors of a shop's photos, and [`Engine::search`] finds the nearest. `examples/search.rs` is all
//! of it:
//!
//! ```text
//! let engine = Engine::open(Cpu::new(), model)?;
//! let folder = Folder::open(path)?;
//! let catalog = Catalog::of_folder(&folder, Some(&engine.description().fingerprint))?;
//! let place = Place { vectors: catalog.index(), shop: None, relevance: None, rows: folder.manifest.count };
//! let hits = pollster::block_on(engine.search(Request { query, k: 10, ..Request::default() }, &place))?.hits;
//! ```
//!
//! [`image`] and [`text`] turn bytes and words into numbers, the encoders in [`model`] turn those into tokens and its
//! fusion head turns tokens into the vector. [`backend`] is the seam between models and hardware.
//!
//! Features: none is on by default. `gpu` adds the graphics device, `cli` what only the command line needs.
#![warn(missing_docs)]
// `print` is the one place that prints
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]
// waiting in shared memory; the threads build allows it on a stable compiler
#![cfg_attr(all(target_arch = "wasm32", target_feature = "atomics"), feature(stdarch_wasm_atomic_wait))]

pub mod backend;
pub mod image;
pub mod model;
pub mod text;

pub use backend::Backend;
#[doc(inline)]
pub use backend::cpu::Cpu;
#[cfg(feature = "gpu")]
#[doc(inline)]
pub use backend::gpu::Gpu;
#[doc(inline)]
pub use backend::weights::Weights;
#[cfg(not(target_arch = "wasm32"))]
#[doc(inline)]
pub use catalog::folder::Folder;
#[doc(inline)]
pub use catalog::format::{Item, Manifest, Shard};
#[doc(inline)]
pub use engine::{Encoded, Engine, Milliseconds, Mode, Place, Query, Ready, Request, Response, Shop};
#[doc(inline)]
pub use error::{Error, Result};
#[doc(inline)]
pub use quant::{Format, Matrix, MatrixData};
#[doc(inline)]
pub use search::{
    Filter, Hit, Index, Searchable, Vectors, joined::Weights as RankingWeights, opened::Catalog, ranking::Relevance,
    words::TextIndex,
};
#[doc(inline)]
pub use weights::{Checkpoint, Stored};

mod clock;
#[cfg(target_arch = "wasm32")]
mod wasm;

// Public for the tests and for the packages of this workspace alone: these change without notice.
#[doc(hidden)]
pub mod catalog;
#[doc(hidden)]
pub mod engine;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod hash;
#[doc(hidden)]
pub mod photo_file;
#[doc(hidden)]
pub mod quant;
#[doc(hidden)]
pub mod search;
#[doc(hidden)]
pub mod weights;

// The same for the command line.
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod atomic;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod convert;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod eval;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod export;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod feeds;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod home;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod indexer;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod photos;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod print;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod site;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod staging;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod terminal;
