//! Photos in every kind and form that cameras, phones and editors write: each shows and means what its sRGB twin does.
//! `make_kinds.py` wrote the fixtures; `../shared/photos` holds larger ones.
#![cfg(feature = "cli")]

mod common;

use common::{World, s, succeed};
use image::RgbImage;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vitrine::backend::cpu::Cpu;
use vitrine::engine::Engine;
use vitrine::image::{decode, patches, read, square, thumbnail};

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// The folders of photos that are here: the fixtures, and the larger ones if they are there.
fn folders() -> Vec<PathBuf> {
    let shared = root().join("../shared/photos");
    let there = shared.join("expected.json").exists();
    if !there {
        eprintln!("skipped: no {}", shared.display());
    }
    [Some(root().join("tests/fixtures/kinds")), there.then_some(shared)].into_iter().flatten().collect()
}

fn table(folder: &Path) -> BTreeMap<String, Value> {
    serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap()
}

/// The largest difference between two photos' colors, each the mean of a block, as an eye sees it from afar.
fn difference(a: &RgbImage, b: &RgbImage) -> u8 {
    assert!(a.width().abs_diff(b.width()) <= 1 && a.height().abs_diff(b.height()) <= 1, "{:?}", a.dimensions());
    let [a, b] = [a, b].map(|photo| thumbnail(photo, 20));
    a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

/// Whether a file loses something by itself: a block of JPEG or of a video's picture is not what was drawn.
fn is_lossy(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xd8") || bytes.get(4..8) == Some(b"ftyp")
}

#[test]
fn every_kind_shows_and_means_what_its_twin_does() {
    let engine = Engine::open(Cpu::new(), &root().join("models/default")).unwrap();
    let vector = |photo: &RgbImage| {
        let patches = patches(photo, engine.preprocess());
        pollster::block_on(engine.catalog_vectors(&[patches])).unwrap()
    };
    let (mut faults, mut seen) = (Vec::new(), 0);
    for folder in folders() {
        for (name, row) in table(&folder) {
            let bytes = std::fs::read(folder.join(&name)).unwrap();
            let Some(twin) = row["twin"].as_str() else { continue };
            let twin = decode(&std::fs::read(folder.join(twin)).unwrap()).unwrap();
            seen += 1;
            let photo = match decode(&bytes) {
                Ok(photo) => photo,
                Err(error) => {
                    faults.push(format!("{name}: {error}"));
                    continue;
                }
            };
            let differs = difference(&photo, &twin);
            let cosine: f32 = vector(&photo).iter().zip(vector(&twin)).map(|(a, b)| a * b).sum();
            println!("{name}: {differs} levels, cosine {cosine:.5}");
            if differs > 2 || cosine < if is_lossy(&bytes) { 0.997 } else { 0.999 } {
                faults.push(format!("{name} ({}): {differs} levels, cosine {cosine:.5}", row["what"]));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(seen >= 50, "only {seen} photos");
}

#[test]
fn what_has_no_twin_is_refused_by_name() {
    for folder in folders() {
        for (name, _) in table(&folder).into_iter().filter(|(_, row)| row["twin"].is_null()) {
            let error = decode(&std::fs::read(folder.join(&name)).unwrap()).unwrap_err();
            let code = error.reason().code();
            println!("{name}: {code}: {error}");
            assert!(["truncated", "damaged", "unsupported"].contains(&code), "{name}: {error}");
            assert!(error.to_string().contains("got "), "{name}: {error}");
        }
    }
}

#[test]
fn the_copy_that_visitors_see_has_the_same_colors() {
    let world = World::with_model();
    for (place, folder) in folders().into_iter().enumerate() {
        let (photos, out) = (world.path(&format!("photos-{place}")), world.at(&format!("catalog-{place}")));
        std::fs::create_dir(&photos).unwrap();
        let rows = table(&folder).into_iter().filter(|(_, row)| row["twin"].is_string());
        // several have one stem, so that each gets an id of its own
        let rows: Vec<(String, String, Value)> =
            rows.enumerate().map(|(at, (name, row))| (format!("{at}-{name}"), name, row)).collect();
        for (id, name, _) in &rows {
            std::fs::copy(folder.join(name), photos.join(id)).unwrap();
        }
        succeed(&["index", &s(&photos), "--out", &out, "--model", &world.at("model"), "--json", "--strict"]);
        let copies = copies(Path::new(&out));
        assert_eq!(copies.len(), rows.len());
        for (id, name, row) in &rows {
            let stem = id.rsplit_once('.').map_or(id.as_str(), |(stem, _)| stem);
            let twin = decode(&std::fs::read(folder.join(row["twin"].as_str().unwrap())).unwrap()).unwrap();
            let differs = difference(&decode_without_profile(&copies[stem]), &thumbnail(&twin, 640));
            assert!(differs <= 2, "{name}: {differs} levels");
        }
    }
}

/// The copies of a catalog by their ids.
fn copies(catalog: &Path) -> BTreeMap<String, Vec<u8>> {
    let folder = vitrine::catalog::folder::Folder::open(catalog).unwrap();
    let items = folder.manifest.shards.iter().flat_map(|shard| folder.items_of(shard).unwrap());
    items.map(|item| (item.id.clone(), std::fs::read(catalog.join("photos").join(&item.photo)).unwrap())).collect()
}

/// What a program sees that knows neither profiles nor inks nor more than one picture.
fn decode_without_profile(copy: &[u8]) -> RgbImage {
    let shown = read(copy).unwrap();
    assert!(shown.file.is_some_and(|file| !file.moves), "the copy shows the same to everybody");
    shown.pixels
}

/// One file of each kind, cut anywhere, is refused: half a photo is no photo.
#[test]
fn a_file_that_was_cut_is_refused() {
    let folder = root().join("tests/fixtures/kinds");
    let mut taken = Vec::new();
    for name in table(&folder).into_keys() {
        let bytes = std::fs::read(folder.join(&name)).unwrap();
        for share in [3, 20, 50, 75, 90, 97] {
            let cut = &bytes[..bytes.len() * share / 100];
            match decode(cut) {
                Ok(_) => taken.push(format!("{name} at {share} %")),
                Err(error) => {
                    let code = error.reason().code();
                    let known = ["truncated", "damaged", "unsupported", "empty"].contains(&code);
                    assert!(known || share < 20, "{name} at {share} %: {error}");
                }
            }
        }
    }
    assert!(taken.is_empty(), "{taken:#?}");
}

#[test]
fn a_photo_in_a_wide_space_is_not_taken_for_srgb() {
    let folder = root().join("tests/fixtures/kinds");
    let bytes = std::fs::read(folder.join("p3.png")).unwrap();
    let plain = image::load_from_memory(&bytes).unwrap().into_rgb8();
    let twin = decode(&std::fs::read(folder.join("base.png")).unwrap()).unwrap();
    assert!(difference(&plain, &twin) > 8, "the case itself");
    assert!(difference(&decode(&bytes).unwrap(), &twin) <= 2);
    let engine = Engine::open(Cpu::new(), &root().join("models/default")).unwrap();
    assert_eq!(square(&plain, engine.preprocess()).dimensions(), (128, 128));
}

#[test]
fn the_size_of_copies_is_the_owners_choice_and_costs_no_vector() {
    let world = World::with_model();
    world.draw("photos", 0..3, |_| image::ImageFormat::Png);
    let large = RgbImage::from_fn(1500, 1000, |x, y| image::Rgb([(x / 6) as u8, (y / 4) as u8, 90]));
    large.save(world.path("photos/large.png")).unwrap();
    let index = |more: &[&str]| -> Value {
        let (photos, out, model) = (world.at("photos"), world.at("catalog"), world.at("model"));
        let args = [&["index", &photos, "--out", &out, "--model", &model, "--json"][..], more].concat();
        serde_json::from_str(&succeed(&args)).unwrap()
    };
    let longest = || {
        let copy = &copies(&world.path("catalog"))["large"];
        image::load_from_memory(copy).unwrap().width()
    };
    assert_eq!((&index(&[])["encoded"], longest()), (&4.into(), 640));
    assert_eq!((&index(&["--photo-size", "900"])["encoded"], longest()), (&0.into(), 900));
    // the next run knows it still, and nothing is left of the smaller copy
    assert_eq!((&index(&[])["kept"], longest()), (&4.into(), 900));
    assert_eq!(std::fs::read_dir(world.path("catalog/photos")).unwrap().count(), 4);
    assert_eq!((&index(&["--forget"])["encoded"], longest()), (&0.into(), 640));
}
