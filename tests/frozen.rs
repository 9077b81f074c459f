//! Folders as released versions wrote them, kept as they are: every later version must read them, or refuse them with what
//! to do. Catalogs are in `cli.rs`.
#![cfg(feature = "cli")]

mod common;

use std::path::{Path, PathBuf};
use vitrine::backend::cpu::Cpu;
use vitrine::convert::{Model, initial_fusion, read_encoder};
use vitrine::engine::{Engine, Query};
use vitrine::model::folder::Description;
use vitrine::model::fusion;
use vitrine::quant::Format;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The vectors of words, of a photo and of both.
fn vectors(folder: &Path) -> Vec<Vec<f32>> {
    let engine = Engine::open(Cpu::new(), folder).unwrap();
    let photo = std::fs::read(fixture("photos/alpha.png")).unwrap();
    let (text, photo) = (Some("red dress but longer"), Some(photo.as_slice()));
    let queries = [(text, None), (None, photo), (text, photo)];
    let encode = |(text, photo)| pollster::block_on(engine.encode(Query { text, photo, like: None })).unwrap().vector;
    queries.map(encode).to_vec()
}

#[test]
fn the_frozen_model_of_version_1_gives_its_vectors() {
    let folder = fixture("model-v1");
    let json = std::fs::read(folder.join("vectors.json")).unwrap();
    let frozen: Vec<Vec<f32>> = serde_json::from_slice(&json).unwrap();
    for (got, want) in vectors(&folder).iter().zip(&frozen) {
        let cosine: f32 = got.iter().zip(want).map(|(a, b)| a * b).sum();
        // processors add up in different orders
        assert!(got.len() == want.len() && cosine > 0.999, "cosine {cosine}");
    }
}

/// Else every catalog that was made with it would be refused.
#[test]
fn the_frozen_models_fingerprint_is_still_what_its_parts_give() {
    let folder = fixture("model-v1");
    let mut description = Description::open(&folder).unwrap();
    let frozen = description.fingerprint.clone();
    let parts: Vec<_> =
        description.parts.iter().map(|file| (file.part, description.read(&folder, file.part).unwrap())).collect();
    description.seal(&parts);
    assert_eq!(description.fingerprint, frozen);
}

/// Makes a fixture of the version that is current. A fixture that is there is never made again.
#[test]
#[ignore = "writes into the sources; run it once when a version is released"]
fn freeze() {
    let out = fixture(&format!("model-v{}", vitrine::model::folder::VERSION));
    assert!(!out.exists(), "{} is frozen", out.display());
    let home = tempfile::tempdir().unwrap();
    let (image, text) = common::checkpoints(home.path());
    let config = fusion::Config { dimension: 16, layer_norm_eps: 1e-6 };
    let head = initial_fusion(&config, 64, 32, 1).unwrap();
    let encoders = vec![read_encoder(&image).unwrap(), read_encoder(&text).unwrap()];
    Model::assemble("frozen", encoders, Some((config, head))).unwrap().write(&out, Format::Q8).unwrap();
    std::fs::write(out.join("vectors.json"), serde_json::to_vec(&vectors(&out)).unwrap()).unwrap();
}
