//! Catalogs that grow: parts made on several machines and joined.
#![cfg(feature = "cli")]

mod common;

use common::{checkpoints, fail, photo, succeed};
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

struct World {
    folder: TempDir,
}

impl World {
    /// A model, and `count` photos of which one is broken.
    fn new(count: usize) -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        let (image, text) = checkpoints(world.folder.path());
        succeed(&["convert", &s(&image), &s(&text), "--out", &world.at("model"), "--format", "q8"]);
        std::fs::create_dir(world.path("photos")).unwrap();
        for i in 0..count {
            std::fs::write(world.path(&format!("photos/p{i}.jpg")), photo(i as u8, ImageFormat::Jpeg)).unwrap();
        }
        std::fs::write(world.path("photos/p3.jpg"), b"\xff\xd8 not really").unwrap();
        let rows: String = (0..count)
            .map(|i| format!("p{i},Garment {i},{},{}\n", ["red", "blue", "sand"][i % 3], ["dress", "shirt"][i / 7 % 2]))
            .collect();
        std::fs::write(world.path("items.csv"), format!("id,title,colour,category\n{rows}")).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn at(&self, name: &str) -> String {
        s(&self.path(name))
    }

    fn index_args(&self, out: &str, more: &[&str]) -> Vec<String> {
        let [photos, out, meta, model] = [self.at("photos"), self.at(out), self.at("items.csv"), self.at("model")];
        let args = ["index", &photos, "--out", &out, "--meta", &meta, "--title", "Shop", "--json"];
        let model = if more.contains(&"--model") { vec![] } else { vec!["--model", &model] };
        args.iter().chain(&model).chain(more).map(|arg| arg.to_string()).collect()
    }

    fn index(&self, out: &str, more: &[&str]) -> Value {
        let args = self.index_args(out, more);
        json(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Every visible file below a folder by its path.
    fn files(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let root = self.path(name);
        let entries = walkdir::WalkDir::new(&root).into_iter().map(Result::unwrap);
        let visible = entries.filter(|e| e.file_type().is_file() && !e.file_name().to_str().unwrap().starts_with('.'));
        visible.map(|e| (s(e.path().strip_prefix(&root).unwrap()), std::fs::read(e.path()).unwrap())).collect()
    }

    /// Starts a part, and kills it with SIGKILL once its journal holds a batch; false if it was ready before that.
    fn index_and_kill(&self, out: &str, part: &str) -> bool {
        let mut run = Command::new(env!("CARGO_BIN_EXE_vitrine"))
            .args(self.index_args(out, &["--part", part, "--jobs", "1"]))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let journal = self.path(out).join(".index-journal");
        let lines = || std::fs::read(&journal).map_or(0, |bytes| bytes.iter().filter(|&&b| b == b'\n').count());
        while lines() < 2 && run.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        run.kill().unwrap();
        run.wait().unwrap();
        !self.path(out).join("part.json").exists()
    }
}

fn s(path: &Path) -> String {
    path.to_str().unwrap().to_string()
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&succeed(args)).unwrap()
}

/// Photos that take a while to decode, so that a run can be killed before its last one.
fn large_photo(seed: u32) -> Vec<u8> {
    let photo = RgbImage::from_fn(700, 900, |x, y| Rgb([(x * seed % 251) as u8, (y * 7 % 241) as u8, (x ^ y) as u8]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    photo.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn parts_merge_into_the_bytes_of_one_run_though_one_was_killed() {
    let world = World::new(40);
    for i in 0..110 {
        std::fs::write(world.path(&format!("photos/large-{i}.png")), large_photo(i)).unwrap();
    }
    let once = world.index("catalog", &[]);
    assert_eq!(once["photos"], 149);
    let killed = (0..5).any(|_| {
        let _ = std::fs::remove_dir_all(world.path("b"));
        world.index_and_kill("b", "2/3")
    });
    assert!(killed, "a run was killed before its end");
    assert!(fail(&["merge", &world.at("b"), "--out", &world.at("merged")]).contains("part.json"));
    let again = world.index("b", &["--part", "2/3"]);
    assert!(again["kept"].as_u64().unwrap() > 0, "what was finished before the kill is kept: {again}");
    world.index("a", &["--part", "1/3", "--jobs", "1"]);
    world.index("c", &["--part", "3/3", "--jobs", "3"]);
    let merged =
        json(&["merge", &world.at("c"), &world.at("a"), &world.at("b"), "--out", &world.at("merged"), "--json"]);
    assert_eq!((&merged["photos"], &merged["skipped"][0][0]), (&149.into(), &"p3".into()));
    let (catalog, merged) = (world.files("catalog"), world.files("merged"));
    assert_eq!(catalog.keys().collect::<Vec<_>>(), merged.keys().collect::<Vec<_>>());
    assert!(catalog == merged, "a file differs");

    // later: photos come and go, the parts are made again from their journals, and stale files leave the catalog
    std::fs::remove_file(world.path("photos/p5.jpg")).unwrap();
    std::fs::write(world.path("photos/new.jpg"), photo(99, ImageFormat::Jpeg)).unwrap();
    let encoded: u64 = [("a", "1/3"), ("b", "2/3"), ("c", "3/3")]
        .iter()
        .map(|(out, part)| world.index(out, &["--part", part])["encoded"].as_u64().unwrap())
        .sum();
    assert_eq!(encoded, 1, "a photo stays in its part");
    succeed(&["merge", &world.at("a"), &world.at("b"), &world.at("c"), "--out", &world.at("merged")]);
    world.index("fresh", &[]);
    assert!(world.files("fresh") == world.files("merged"), "a file differs after a change");
}

#[test]
fn parts_that_do_not_make_one_catalog_are_refused() {
    let world = World::new(12);
    let part = |out: &str, part: &str| drop(world.index(out, &["--part", part]));
    [("a", "1/2"), ("b", "2/2"), ("third", "1/3")].into_iter().for_each(|(out, i_of_n)| part(out, i_of_n));
    let merge = |parts: &[&str]| {
        let (parts, out): (Vec<String>, _) = (parts.iter().map(|part| world.at(part)).collect(), world.at("out"));
        let parts = parts.iter().map(String::as_str);
        fail(&["merge", "--out", &out].into_iter().chain(parts).collect::<Vec<_>>())
    };
    let missing = merge(&["a"]);
    assert!(missing.contains("2/2 missing"), "{missing}");
    let twice = merge(&["a", "b", "a"]);
    assert!(twice.contains("each part once"), "{twice}");
    let other_count = merge(&["a", "third"]);
    assert!(other_count.contains("number of parts 2, got 3"), "{other_count}");
    world.index("catalog", &[]);
    assert!(merge(&["a", "catalog"]).contains("expected part.json"));

    let (image, text) = checkpoints(world.folder.path());
    let made = json(&["convert", &s(&image), &s(&text), "--out", &world.at("other"), "--format", "f16", "--json"]);
    world.index("foreign", &["--part", "2/2", "--model", &world.at("other")]);
    let foreign = merge(&["a", "foreign"]);
    assert!(foreign.contains(made["fingerprint"].as_str().unwrap()), "{foreign}");

    std::fs::write(world.path("photos/new.jpg"), photo(99, ImageFormat::Jpeg)).unwrap();
    part("later", "2/2");
    let later = merge(&["a", "later"]);
    assert!(later.contains("number of photos 12, got 13"), "{later}");
    std::fs::remove_file(world.path("photos/new.jpg")).unwrap();
    std::fs::write(world.path("items.csv"), "id,title\np0,Renamed\n").unwrap();
    part("renamed", "2/2");
    assert!(merge(&["a", "renamed"]).contains("file of metadata"));

    let mut shard = std::fs::read_dir(world.path("b")).unwrap().flatten().map(|file| file.path());
    let shard = shard.find(|path| s(path).contains("shard-")).unwrap();
    let mut bytes = std::fs::read(&shard).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&shard, bytes).unwrap();
    assert!(merge(&["a", "b"]).contains("sha256"));
    assert!(!world.path("out/catalog.json").exists());
}
