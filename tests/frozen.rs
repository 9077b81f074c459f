//! Folders as released versions wrote them, kept as they are: every later version must read them, or refuse them with what
//! to do. `cargo test --features cli --test frozen -- --ignored freeze` makes those of the current version, once.
#![cfg(feature = "cli")]

mod common;

use common::{World, s, succeed};
use serde_json::Value;
use std::path::{Path, PathBuf};
use vitrine::backend::cpu::Cpu;
use vitrine::catalog::format::{FileEntry, Shard};
use vitrine::convert::{Model, initial_fusion, read_encoder};
use vitrine::engine::{Engine, Query};
use vitrine::model::folder::Description;
use vitrine::model::fusion;
use vitrine::quant::Format;
use vitrine::search::clustered::Clustered;
use vitrine::search::opened::Catalog;
use vitrine::search::{Filter, Vectors};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The vectors of words, of a photo and of both.
fn vectors(folder: &Path) -> Vec<Vec<f32>> {
    let engine = Engine::open(Cpu::exact(), folder).unwrap();
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

/// The photos of every frozen catalog.
const IDS: [&str; 11] = ["p0", "p1", "p10", "p11", "p2", "p4", "p5", "p6", "p7", "p8", "p9"];

/// A file of a catalog, with the hash that its manifest gives.
fn read(folder: &Path, entry: &FileEntry) -> Vec<u8> {
    let bytes = std::fs::read(folder.join(&entry.file)).unwrap();
    entry.verify(&bytes).unwrap();
    bytes
}

/// The first of a row's neighbours in a table.
fn nearest(table: &[u8], k: usize, row: usize) -> u32 {
    u32::from_le_bytes(table[4 * k * row..][..4].try_into().unwrap())
}

/// What was found ahead, and the row itself, are what a search over the stored vectors gives.
fn check_row(catalog: &Catalog, row: u32, nearest: u32) {
    let vector = catalog.index().vector(row).unwrap();
    let length: f32 = vector.iter().map(|v| v * v).sum();
    assert!((length - 1.0).abs() < 0.02, "{length}");
    assert_eq!(catalog.index().top_k(&vector, 1, Filter::default()).unwrap()[0].row, row);
    assert_eq!(catalog.index().neighbours(row, 1, None).unwrap()[0].row, nearest);
}

#[test]
fn the_frozen_catalog_of_version_1_is_read() {
    let folder = fixture("catalog-v1");
    let catalog = Catalog::open_folder(&folder, None).unwrap();
    let manifest = &catalog.manifest;
    assert_eq!((manifest.version, catalog.index().ids()), (1, &IDS.map(str::to_string)[..]));
    assert_eq!((&*manifest.facets[0].values[0].value, &*manifest.model.name), ("red", "converted"));
    let table = read(&folder, manifest.neighbours.file.as_ref().unwrap());
    (0..IDS.len()).for_each(|row| check_row(&catalog, row as u32, nearest(&table, manifest.neighbours.k, row)));
    assert!(Catalog::open_folder(&folder, Some(&"0".repeat(64))).is_err(), "another model's catalog");
}

#[test]
fn the_frozen_catalog_of_version_2_is_read_whole_and_cluster_by_cluster() {
    let folder = fixture("catalog-v2");
    let catalog = Catalog::open_folder(&folder, None).unwrap();
    let (manifest, ids) = (&catalog.manifest, catalog.index().ids());
    let mut sorted = ids.to_vec();
    sorted.sort();
    assert_eq!((manifest.version, sorted), (2, IDS.map(str::to_string).to_vec()));
    let files = manifest.clusters.as_ref().unwrap();
    let centroids = read(&folder, &files.centroids);
    let mut rows = 0..0;
    for (cluster, shard) in manifest.shards.iter().enumerate() {
        rows = rows.end..rows.end + shard.count;
        let table = read(&folder, shard.neighbours.as_ref().unwrap());
        let mut alone = Clustered::open(manifest, &centroids).unwrap();
        alone.put(cluster, Shard::decode(&read(&folder, &shard.vectors)).unwrap()).unwrap();
        for row in rows.clone() {
            check_row(&catalog, row as u32, nearest(&table, manifest.neighbours.k, row - rows.start));
            let vector = alone.vector(row as u32).unwrap();
            assert!(alone.probes(&vector, None).unwrap().concat().contains(&(cluster as u32)));
            assert_eq!(alone.top_k(&vector, 1, Filter::default()).unwrap()[0].row, row as u32);
        }
    }
    assert!(manifest.shards.len() > 1 && rows.end == IDS.len());
    let counts: Vec<Vec<usize>> = serde_json::from_slice(&read(&folder, &files.facets)).unwrap();
    let first = &manifest.facets[0].values[0];
    assert_eq!((&*first.value, counts.iter().map(|cluster| cluster[0]).sum::<usize>()), ("red", first.count));
    let window: Vec<Value> = serde_json::from_slice(&read(&folder, &files.window)).unwrap();
    assert!(!window.is_empty());
    for seen in window {
        assert_eq!(seen["item"]["id"], *ids[seen["row"].as_u64().unwrap() as usize]);
    }
}

#[test]
fn the_frozen_parts_of_version_1_are_merged() {
    let home = tempfile::tempdir().unwrap();
    let (parts, merged) = (["1", "2"].map(|part| s(&fixture("parts-v1").join(part))), s(&home.path().join("merged")));
    succeed(&["merge", &parts[0], &parts[1], "--out", &merged]);
    let (catalog, whole) = (home.path().join("merged"), fixture("catalog-v1"));
    let [catalog, whole] = [catalog, whole].map(|folder| Catalog::open_folder(&folder, None).unwrap());
    // a catalog of that version does not say what the values of a filter are
    let values = |catalog: &Catalog| -> Vec<_> {
        catalog.manifest.facets.iter().map(|facet| (facet.name.clone(), facet.values.clone())).collect()
    };
    assert_eq!((catalog.index().ids(), values(&catalog)), (whole.index().ids(), values(&whole)));
}

/// Makes the fixtures of the versions that are current and not there yet; one that is there is never made again.
#[test]
#[ignore = "writes into the sources; run it once when a version is released"]
fn freeze() {
    let model = fixture(&format!("model-v{}", vitrine::model::folder::VERSION));
    let catalog = fixture(&format!("catalog-v{}", vitrine::catalog::format::VERSION));
    let parts = fixture(&format!("parts-v{}", vitrine::indexer::PART_VERSION));
    for (folder, make) in [(model, freeze_model as fn(&Path)), (catalog, freeze_catalog), (parts, freeze_parts)] {
        match folder.exists() {
            true => println!("{} is frozen", folder.display()),
            false => make(&folder),
        }
    }
}

fn freeze_model(out: &Path) {
    let home = tempfile::tempdir().unwrap();
    let (image, text) = common::checkpoints(home.path());
    let config = fusion::Config { dimension: 16, layer_norm_eps: 1e-6 };
    let head = initial_fusion(&config, 64, 32, 1).unwrap();
    let encoders = vec![read_encoder(&image).unwrap(), read_encoder(&text).unwrap()];
    Model::assemble("frozen", encoders, Some((config, head))).unwrap().write(out, Format::Q8).unwrap();
    std::fs::write(out.join("vectors.json"), serde_json::to_vec(&vectors(out)).unwrap()).unwrap();
}

fn freeze_catalog(out: &Path) {
    index(out, &["--cells", "3"]);
}

fn freeze_parts(out: &Path) {
    ["1", "2"].iter().for_each(|part| index(&out.join(part), &["--part", &format!("{part}/2")]));
}

fn index(out: &Path, more: &[&str]) {
    let world = World::with_photos();
    let [photos, meta, model] = ["photos", "items.csv", "model"].map(|name| world.at(name));
    succeed(&[&["index", &photos, "--out", &s(out), "--meta", &meta, "--model", &model], more].concat());
    [".index-journal", ".index-options"].iter().for_each(|name| std::fs::remove_file(out.join(name)).unwrap());
}
