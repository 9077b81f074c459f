//! Damaged, exchanged, missing and outdated files, and requests that `serve` must not answer. Each is refused in one line
//! that says what to do; `tests/FAULTS.md` is the whole list.
#![cfg(feature = "cli")]

mod common;
#[path = "common/server.rs"]
mod server;

use common::{World, fail, photo, s, succeed};
use image::ImageFormat;
use serde_json::Value;
use server::Server;
use std::net::TcpStream;
use std::path::Path;

impl World {
    /// A model and a catalog of six photos.
    fn new() -> Self {
        let world = Self::with_model();
        world.draw("photos", 0..6, |_| ImageFormat::Png);
        succeed(&["index", &world.at("photos"), "--out", &world.at("catalog"), "--model", &world.at("model")]);
        world
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// Files that a manifest vouches for, with their hashes.
    fn files(&self) -> Vec<(String, String)> {
        let (model, catalog) = (self.json("model/model.json"), self.json("catalog/catalog.json"));
        let entry = |folder: &str, value: &Value| {
            (format!("{folder}/{}", value["file"].as_str().unwrap()), value["sha256"].as_str().unwrap().to_string())
        };
        let parts = model["parts"].as_array().unwrap().iter().map(|part| entry("model", part));
        let shard = &catalog["shards"][0];
        parts.chain([entry("catalog", shard), entry("catalog", &shard["items"])]).collect()
    }

    fn search(&self) -> String {
        fail(&["search", &self.at("catalog"), "--text", "red", "--model", &self.at("model")])
    }

    /// Runs `then` with other bytes, or none, in the place of a file.
    fn with(&self, name: &str, bytes: Option<&[u8]>, then: impl FnOnce()) {
        let kept = std::fs::read(self.path(name)).unwrap();
        match bytes {
            Some(bytes) => std::fs::write(self.path(name), bytes).unwrap(),
            None => std::fs::remove_file(self.path(name)).unwrap(),
        }
        then();
        std::fs::write(self.path(name), kept).unwrap();
    }
}

#[test]
fn a_damaged_file_is_named_with_its_hash() {
    let world = World::new();
    for (name, hash) in world.files() {
        let good = std::fs::read(world.path(&name)).unwrap();
        let mut flipped = good.clone();
        flipped[good.len() / 2] ^= 1;
        let html = b"<!doctype html><title>404</title>".to_vec();
        for bytes in [&good[..good.len() - 1], &[], &flipped, &[&good[..], b"\n"].concat(), &html] {
            world.with(&name, Some(bytes), || {
                let line = world.search();
                let file = name.split('/').next_back().unwrap();
                assert!(line.contains(file) && line.contains(&hash) && line.contains("fetch the file again"), "{line}");
            });
        }
        world.with(&name, None, || {
            let line = world.search();
            assert!(line.contains(&name) && line.contains("check the path"), "{line}");
        });
    }
}

#[test]
fn exchanged_files_are_refused() {
    let world = World::new();
    let files = world.files();
    for pair in files.windows(2) {
        let [(a, hash), (b, _)] = pair else { unreachable!() };
        let other = std::fs::read(world.path(b)).unwrap();
        world.with(a, Some(&other), || assert!(world.search().contains(hash)));
    }
}

#[test]
fn a_stale_shard_is_refused_and_indexing_again_mends_it() {
    let world = World::new();
    let stale = std::fs::read(world.path(&world.files().iter().find(|(name, _)| name.contains("shard-")).unwrap().0));
    std::fs::write(world.path("photos/p9.png"), photo(9, ImageFormat::Png)).unwrap();
    let index = ["index", &world.at("photos"), "--out", &world.at("catalog"), "--model", &world.at("model")];
    succeed(&index);
    let (name, hash) = world.files().into_iter().find(|(name, _)| name.contains("shard-")).unwrap();
    std::fs::write(world.path(&name), stale.unwrap()).unwrap();
    assert!(world.search().contains(&hash));
    succeed(&index);
    succeed(&["search", &world.at("catalog"), "--text", "red", "--model", &world.at("model")]);
}

#[test]
fn damaged_manifests_say_what_to_do() {
    let world = World::new();
    for (name, next) in [("model/model.json", "again"), ("catalog/catalog.json", "again")] {
        let good = std::fs::read(world.path(name)).unwrap();
        let without = |key: &str| {
            let mut value = world.json(name);
            value.as_object_mut().unwrap().remove(key);
            value.to_string().into_bytes()
        };
        for bytes in [&good[..good.len() / 2], b"", b"[]", b"<html>", &without("version"), &without("dimension")] {
            world.with(name, Some(bytes), || {
                let line = world.search();
                assert!(line.contains("expected") && line.contains(next), "{}: {line}", String::from_utf8_lossy(bytes));
            });
        }
    }
}

#[test]
fn other_versions_are_refused_with_the_next_step() {
    let world = World::new();
    for (name, next) in [("model/model.json", "convert it again"), ("catalog/catalog.json", "index the photos again")] {
        for version in [Value::from(99), 0.into(), (-1).into(), "1".into(), 1.5.into(), Value::Null] {
            let mut value = world.json(name);
            value["version"] = version.clone();
            world.with(name, Some(value.to_string().as_bytes()), || {
                let line = world.search();
                assert!(line.contains("version 1") && line.contains(next), "{version}: {line}");
            });
        }
    }
}

#[test]
fn names_that_lead_elsewhere_are_not_followed() {
    let world = World::new();
    std::fs::write(world.path("secret"), "secret").unwrap();
    let www = world.path("www");
    std::fs::create_dir_all(www.join("pkg/baseline")).unwrap();
    for file in ["index.html", "pkg/baseline/vitrine.js", "pkg/baseline/vitrine_bg.wasm"] {
        std::fs::write(www.join(file), file).unwrap();
    }
    let sha256 = vitrine::hash::sha256_hex(b"secret");
    let secret = world.at("secret");
    for name in ["../secret", &secret, "..\\secret", "a/../../secret", "C:secret", ""] {
        let entry = serde_json::json!({"part": "text", "file": name, "bytes": 6, "sha256": sha256, "count": 6});
        let refused = |manifest: &str, place: &str| {
            let mut value = world.json(manifest);
            for (key, field) in entry.as_object().unwrap() {
                value.pointer_mut(place).unwrap()[key] = field.clone();
            }
            world.with(manifest, Some(value.to_string().as_bytes()), || {
                assert!(world.search().contains("leads elsewhere"), "{place} {name:?}");
                let (catalog, dist) = (world.at("catalog"), world.at("dist"));
                let line = fail(&["site", &catalog, "--out", &dist, "--model", &world.at("model"), "--www", &s(&www)]);
                assert!(line.contains("leads elsewhere"), "{line}");
            });
        };
        refused("model/model.json", "/parts/0");
        refused("catalog/catalog.json", "/shards/0");
        refused("catalog/catalog.json", "/shards/0/items");
    }
    for photos in ["../", "/", "photos", "../photos/", "./"] {
        let mut value = world.json("catalog/catalog.json");
        value["photos"] = photos.into();
        let bytes = value.to_string();
        world.with("catalog/catalog.json", Some(bytes.as_bytes()), || {
            assert!(world.search().contains("leads elsewhere"), "{photos}");
        });
    }
    assert!(!world.path("dist").exists());
}

#[test]
fn photos_that_are_too_large_are_left_out_by_name() {
    let world = World::new();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/photo");
    for name in ["100-megapixels.png", "deep-bomb.png", "line.png"] {
        std::fs::copy(corpus.join(name), world.path("photos").join(name)).unwrap();
    }
    let index = ["index", &world.at("photos"), "--out", &world.at("catalog"), "--model", &world.at("model"), "--json"];
    let summary: Value = serde_json::from_str(&succeed(&index)).unwrap();
    let skipped: Vec<String> = summary["skipped"].as_array().unwrap().iter().map(|pair| pair.to_string()).collect();
    assert_eq!(skipped.len(), 3, "{skipped:?}");
    assert!(skipped[0].contains("at most 64 megapixels") && skipped[0].contains("100"), "{}", skipped[0]);
    assert!(skipped[1].contains("at most 32 megapixels") && skipped[1].contains("40"), "of 16 bits: {}", skipped[1]);
    assert!(skipped[2].contains("at most 65535 pixels"), "{}", skipped[2]);
}

#[test]
fn serve_answers_this_machine_alone_and_only_from_its_folder() {
    let home = tempfile::tempdir().unwrap();
    let dist = home.path().join("dist");
    std::fs::create_dir_all(dist.join("catalog")).unwrap();
    for (name, text) in [("secret", "secret"), ("dist/index.html", "page"), ("dist/catalog/a.json", "{}")] {
        std::fs::write(home.path().join(name), text).unwrap();
    }
    std::fs::write(dist.join(".hidden"), "secret").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(home.path().join("secret"), dist.join("link.txt")).unwrap();
    let server = Server::start(&dist);
    let local = format!("Host: 127.0.0.1:{}\r\n", server.port);
    assert_eq!(server.ask("/", &local), (200, "page".into()));
    assert_eq!(server.ask("/catalog/a.json", "Host: localhost\r\n").0, 200);
    let out = ["/link.txt", "/../secret", "/..%2fsecret", "/%2e%2e/secret", "/catalog/..%2f..%2fsecret", "/.hidden"];
    for path in out.iter().chain(&["//etc/passwd", "/catalog/%2e%2e/%2e%2e/secret", "/..\\secret", "/%00", "/%ff"]) {
        let (status, body) = server.ask(path, &local);
        assert!((400..500).contains(&status) && !body.contains("secret"), "{path}: {status} {body}");
    }
    for headers in ["Host: shop.example\r\n", "Host: 127.0.0.1.shop.example\r\n", "Host: \r\n"] {
        let (status, body) = server.ask("/", headers);
        assert!((400..500).contains(&status) && body != "page", "{headers:?}: {status} {body}");
    }
    for origin in ["https://shop.example", "null", "http://127.0.0.1.shop.example"] {
        assert_eq!(server.ask("/", &format!("{local}Origin: {origin}\r\n")).0, 421, "{origin}");
    }
    assert_eq!(server.ask("/", &format!("{local}Origin: http://localhost:1\r\n")).0, 200);
    // the other addresses of this machine are not listened to
    for address in ["127.0.0.2", "::1"] {
        assert!(TcpStream::connect((address, server.port)).is_err(), "{address}");
    }
}
