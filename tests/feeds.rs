//! Feeds of invented shops in every format, with the right answers beside them: see `fixtures/feeds`.
//!
//! A folder holds a feed, or several that say the same, and `expected.json`. What is expected of a product, a variant or
//! a count is compared wherever it is named there; products, photos, what is left out and the filters are compared whole.

use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/feeds")
}

/// A folder with the feed and a small photo under every relative address that the shop has.
fn shop(folder: &Path, expected: &Value) -> tempfile::TempDir {
    let shop = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(shop.path().join("photos")).unwrap();
    for file in folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        std::fs::copy(&file, shop.path().join(file.file_name().unwrap())).unwrap();
    }
    for photo in expected["products"].as_array().unwrap().iter().flat_map(|product| strings(&product["photos"])) {
        std::fs::write(shop.path().join("photos").join(photo), b"a photo").unwrap();
    }
    shop
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|one| one.as_str().unwrap().to_string()).collect()
}

/// What `vitrine feed --json` says of a file.
fn read(file: &Path, options: &Map<String, Value>) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
    command.arg("feed").arg(file).arg("--json");
    for (name, value) in options.iter().filter(|(_, value)| !value.is_null()) {
        command.arg(name).arg(value.as_str().unwrap());
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whether all that is expected is there; an object may hold more.
fn compare(expected: &Value, got: &Value, at: &str) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(_)) => {
            for (name, value) in expected.iter().filter(|(name, _)| *name != "why") {
                compare(value, &got[name], &format!("{at}.{name}"));
            }
        }
        (Value::Array(expected), Value::Array(got)) => {
            assert_eq!(expected.len(), got.len(), "{at}: {got:?}");
            expected.iter().zip(got).enumerate().for_each(|(i, (e, g))| compare(e, g, &format!("{at}[{i}]")));
        }
        _ => assert_eq!(expected, got, "{at}"),
    }
}

/// Takes out the photos that a server would not have: whether an address leads to a photo is not asked here.
fn without_missing(expected: &Value, got: &mut Value) {
    let warnings = strings(&expected["warnings"]);
    for product in got["products"].as_array_mut().unwrap() {
        let missing: Vec<bool> = strings(&product["addresses"])
            .iter()
            .map(|address| warnings.iter().any(|warning| warning.contains(&format!(": photo {address}: "))))
            .collect();
        let mut missing = missing.into_iter();
        product["photos"].as_array_mut().unwrap().retain(|_| !missing.next().unwrap());
    }
}

fn check(folder: &Path) {
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let shop = shop(folder, &expected);
    let no_options = Map::new();
    let options = expected["options"].as_object().unwrap_or(&no_options);
    for file in folder.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
        if file.file_name().unwrap() == "expected.json" || file.is_dir() {
            continue;
        }
        let file = shop.path().join(file.file_name().unwrap());
        let mut got = read(&file, options);
        without_missing(&expected, &mut got);
        let at = file.file_name().unwrap().to_str().unwrap();
        assert_eq!(got["format"], expected["format"], "{at}");
        compare(&expected["products"], &got["products"], at);
        for (e, g) in expected["products"].as_array().unwrap().iter().zip(got["products"].as_array().unwrap()) {
            assert_eq!(e["attributes"], g["attributes"], "{at}: {}", e["id"]);
            assert_eq!(e["price"], g["price"], "{at}: {}", e["id"]);
        }
        assert_eq!(got["facets"], expected["facets"], "{at}");
        let ids = |feed: &Value| -> Vec<Value> {
            feed["left_out"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect()
        };
        assert_eq!(ids(&got), ids(&expected), "{at}: {}", got["left_out"]);
        // whether an address leads to a photo is not asked here
        let asked = |feed: &Value| -> BTreeSet<String> {
            strings(&feed["warnings"]).into_iter().filter(|warning| !warning.contains(": photo http")).collect()
        };
        let (expected_warnings, warnings) = (asked(&expected), asked(&got));
        assert_eq!(warnings.len(), expected_warnings.len(), "{at}: {warnings:?}");
        for (e, g) in expected_warnings.iter().zip(&warnings) {
            assert!(g.starts_with(e.as_str()), "{at}: expected {e}, got {g}");
        }
        secrets(&expected, &got, at);
    }
}

/// Columns that are nobody's business.
fn secrets(expected: &Value, got: &Value, at: &str) {
    let names: BTreeSet<&str> = got["products"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|product| product["attributes"].as_object().unwrap().keys())
        .map(String::as_str)
        .collect();
    for name in strings(&expected["must_not_be_facets"]) {
        assert!(!names.contains(name.as_str()), "{at}: {name} is published");
    }
}

#[test]
fn shopify() {
    check(&fixtures().join("shopify"));
    check(&fixtures().join("shopify-new"));
}

#[test]
fn woocommerce() {
    check(&fixtures().join("woocommerce"));
}

#[test]
fn magento() {
    check(&fixtures().join("magento"));
}

#[test]
fn google() {
    check(&fixtures().join("google-tsv"));
    check(&fixtures().join("google-xml"));
}

#[test]
fn meta() {
    check(&fixtures().join("meta"));
    check(&fixtures().join("meta-rss"));
}

#[test]
fn jsonld() {
    check(&fixtures().join("jsonld"));
    check(&fixtures().join("jsonld-variants"));
}

#[test]
fn plain() {
    check(&fixtures().join("plain"));
}

/// Where the shops' folders lie beside the checkout, their feeds are those of the fixtures.
#[test]
fn the_shared_feeds_are_the_fixtures() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/feeds");
    let Ok(folders) = shared.read_dir() else {
        eprintln!("skipped: no {}", shared.display());
        return;
    };
    let folders: Vec<PathBuf> = folders.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    assert!(!folders.is_empty());
    folders.iter().for_each(|folder| check(folder));
}

/// What `vitrine feed` says of a text, and whether it could read it.
fn read_text(text: &str) -> Result<Value, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed");
    std::fs::write(&file, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_vitrine")).arg("feed").arg(&file).arg("--json").output().unwrap();
    match output.status.code() {
        Some(0) => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        code => Err(format!("{code:?} {}", String::from_utf8_lossy(&output.stderr))),
    }
}

#[test]
fn xml_with_a_fault_is_named_with_its_line_and_the_rest_is_read() {
    let item = |id: &str, rest: &str| {
        format!("<item>\n<g:id>{id}</g:id><g:image_link>https://x.example/{id}.jpg</g:image_link>{rest}</item>\n")
    };
    let rss = |items: &str| format!("<?xml version=\"1.0\"?>\n<rss><channel>\n{items}</channel></rss>");
    let faulty = rss(&(item("A", "") + &item("B", "<g:title>x</g:titel>") + &item("C", "")));
    let feed = read_text(&faulty).unwrap();
    let ids: Vec<&str> = feed["products"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["A", "C"]);
    let warnings = strings(&feed["warnings"]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("line 6: ") && warnings[0].contains("1 products before it were read"),
        "{warnings:?}"
    );
    let cut = rss(&(item("A", "") + &item("B", "")));
    let feed = read_text(&cut[..cut.len() - 40]).unwrap();
    assert_eq!(feed["counts"]["products"], 1);
    assert!(strings(&feed["warnings"])[0].contains("ends within a product"), "{feed}");
}

#[test]
fn what_is_no_feed_is_refused_in_a_sentence() {
    for (text, expected) in [
        ("", "expected a feed"),
        ("just some words", "expected a feed"),
        ("<html><body>Not found</body></html>", "expected products, found none"),
        ("<?xml version=\"1.0\"?><a/>", "expected a feed"),
        ("{\"a\": ", "expected JSON"),
        ("a,b\n1,2\n", "expected a feed"),
        ("id,title\n", "expected a feed"),
    ] {
        let error = read_text(text).unwrap_err();
        assert!(error.starts_with("Some(1) vitrine: ") && error.contains(expected), "{text:?}: {error}");
    }
}
