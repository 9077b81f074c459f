//! A garment catalog that anybody may show: photos drawn from attributes, so that every attribute is exact.
//!
//! [`write()`] makes the whole folder. [`items`] says what is in the catalog, [`render`] draws one item, [`composed`]
//! and [`text`] ask questions whose answers follow from the attributes alone.
//!
//! ```text
//! garments   attribute space, splits, titles          queries   questions with their exact answers
//! palette    colours and their partners               pattern   printed cloth as SVG
//! fabric     weave, sheen, folds by fabric            scene     panels, seams, warp: what a garment is made of
//! draw/      silhouettes, one file a family           compose   light, shadow, cloth → pixels
//! write      the folder: JPEG, CSV, queries
//! ```
//!
//! The split of an item is a function of its category, colour and pattern, whatever the seed: a model may train on as
//! many seeds as it likes and will never have met a combination of the test split.
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

mod compose;
mod draw;
mod fabric;
mod garments;
mod palette;
mod pattern;
mod queries;
mod scene;
mod write;

pub use compose::{HEIGHT, WIDTH, render};
pub use garments::{ATTRIBUTES, CATEGORIES, Category, Item, Split, items};
pub use queries::{Query, composed, text};
pub use write::{TABLE, photo, table, write};

#[cfg(test)]
mod tests;
