//! A catalog: its format, how it is made, and how a folder of it is read.

pub mod assembly;
#[cfg(not(target_arch = "wasm32"))]
pub mod folder;
pub mod format;
pub mod packs;
