//! The model in `models/default`: whole, small enough, and better than chance, on garments drawn on the spot.
#![cfg(feature = "cli")]

mod common;

use common::succeed;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use vitrine::model::folder::{Description, Part};

fn model() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "models/default"].iter().collect()
}

#[test]
fn it_is_whole_trained_and_within_its_limits() {
    let description = Description::open(&model()).unwrap();
    assert_eq!(description.note, None, "an untrained model must not ship");
    let (mut total, mut sent) = (0, 0);
    for file in description.files() {
        let bytes = description.read(&model(), file.part).unwrap();
        assert_eq!(bytes.len() as u64, file.bytes);
        assert!(bytes.len() <= 24 << 20, "{}: static hosts refuse files above 24 MiB", file.file);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&bytes).unwrap();
        total += bytes.len();
        // the instant tier comes before these, and has a bound of its own
        sent += if file.part == Part::Instant { 0 } else { gzip.finish().unwrap().len() };
    }
    let instant = description.instant.as_ref().expect("the first answer waits for the instant tier alone");
    assert!(instant.bytes <= 1_500_000, "{} bytes before the first answer by meaning", instant.bytes);
    println!("{total} bytes, {sent} compressed as hosts do");
    assert!(total <= 24_000_000, "{total} bytes in all");
    assert!(sent <= 20_000_000, "{sent} bytes over the wire");
    let mut sealed = description.clone();
    let parts: Vec<_> = description.files().map(|f| (f.part, description.read(&model(), f.part).unwrap())).collect();
    sealed.seal(&parts);
    assert_eq!(sealed.fingerprint, description.fingerprint);
}

/// Ids of a split of the drawn catalog.
fn split(photos: &Path, name: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_path(photos.join("items.csv")).unwrap();
    let columns = reader.headers().unwrap().clone();
    let column = |name: &str| columns.iter().position(|c| c == name).unwrap();
    let (id, split) = (column("id"), column("split"));
    reader.records().flatten().filter(|row| &row[split] == name).map(|row| row[id].to_string()).collect()
}

#[test]
fn it_finds_garments_that_it_has_never_seen() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    let at = |path: &Path| path.to_str().unwrap().to_string();
    std::fs::create_dir(&photos).unwrap();
    vitrine_demo::write(&photos, 900, 41, || {}).unwrap();
    let gallery = folder.path().join("gallery.txt");
    let ids = split(&photos, "test");
    std::fs::write(&gallery, ids.join("\n")).unwrap();
    let recall_by = |tier: &str, queries: &str, mode: &str, k: u32| -> f64 {
        let printed = succeed(&[
            "eval",
            "--images",
            &at(&photos),
            "--queries",
            &at(&photos.join(queries)),
            "--gallery",
            &at(&gallery),
            "--model",
            &at(&model()),
            "--mode",
            mode,
            "--tier",
            tier,
            "--k",
            &k.to_string(),
            "--json",
        ]);
        let report: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(report["gallery"], ids.len());
        report["metrics"][format!("recall@{k}")].as_f64().unwrap()
    };
    let recall = |queries: &str, mode: &str, k: u32| recall_by("full", queries, mode, k);
    // Garments of one cut hang together, so a photo alone often has its target near; at the top it must be exact.
    let chance = 1.0 / ids.len() as f64;
    let [fusion, image, text] = ["fusion", "image", "text"].map(|mode| recall("composed.test.jsonl", mode, 1));
    println!("composed R@1 over {}: fusion {fusion:.3}, photo alone {image:.3}, words alone {text:.3}", ids.len());
    assert!(fusion > image && fusion > text, "photo and words together must beat each alone");
    assert!(fusion > 10.0 * chance);
    let words = recall("text.test.jsonl", "text", 10);
    println!("words → photos R@10: {words:.3}");
    assert!(words > 30.0 * chance);
    let at_once = recall_by("instant", "text.test.jsonl", "text", 10);
    println!("the same by the instant tier: {at_once:.3}");
    assert!(at_once > 30.0 * chance);
}
