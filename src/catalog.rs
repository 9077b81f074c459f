//! A catalog: its format, how it is made, and how a folder of it is read.

pub mod assembly;
#[cfg(feature = "cli")]
pub mod folder;
pub mod format;
