//! A garment catalogue that anybody may show: photos drawn from attributes, so that every attribute is exact.
//!
//! [`items`] says what is in the catalogue, [`render`] draws one item, [`composed`] and [`text`] ask questions whose
//! answers follow from the attributes alone.
//!
//! ```text
//! garments   attribute space, splits, titles          queries   questions with their exact answers
//! palette    colours and their partners               pattern   printed cloth as SVG
//! fabric     weave, sheen, folds by fabric            scene     panels, seams, warp: what a garment is made of
//! draw/      silhouettes, one file a family           compose   light, shadow, cloth → pixels
//! write      JPEG and CSV
//! ```
//!
//! The split of an item is a function of its category, colour and pattern, whatever the seed: a model may train on as
//! many seeds as it likes and will never have met a combination of the test split.

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
pub use write::{photo, table};

#[cfg(test)]
mod tests;
