//! The models, each written once against [`crate::backend::Backend`].

pub mod bert;
pub mod clip;
pub mod encoders;
pub mod folder;
pub mod fusion;
pub mod instant;
pub mod layers;
pub mod vit;
