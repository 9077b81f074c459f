//! Catalogs that grow: parts made on several machines and joined.
#![cfg(feature = "cli")]

mod common;

use common::{World, copy_page, fail, photo, s, succeed};
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

impl World {
    /// A model, and `count` photos of which one is broken.
    fn new(count: u8) -> Self {
        let world = Self::with_model();
        world.draw("photos", 0..count, |_| ImageFormat::Jpeg);
        std::fs::write(world.path("photos/p3.jpg"), b"\xff\xd8 not really").unwrap();
        let rows: String = (0..count)
            .map(|i| {
                format!(
                    "p{i},Garment {i},{},{}\n",
                    ["red", "blue", "sand"][usize::from(i % 3)],
                    ["dress", "shirt"][usize::from(i / 7 % 2)]
                )
            })
            .collect();
        std::fs::write(world.path("items.csv"), format!("id,title,colour,category\n{rows}")).unwrap();
        world
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
        let begin = std::time::Instant::now();
        while lines() < 2 && run.try_wait().unwrap().is_none() {
            assert!(begin.elapsed().as_secs() < 600, "a part wrote no batch and did not end in ten minutes");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        run.kill().unwrap();
        run.wait().unwrap();
        !self.path(out).join("part.json").exists()
    }
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

    let (image, text) = world.checkpoints();
    let made = json(&["convert", &image, &text, "--out", &world.at("other"), "--format", "f16", "--json"]);
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

#[test]
fn a_clustered_catalog_is_one_run_s_whatever_the_parts_and_is_searched_and_served_like_any_other() {
    let world = World::new(60);
    world.index("catalog", &["--cells", "6"]);
    world.index("a", &["--part", "1/2"]);
    world.index("b", &["--part", "2/2"]);
    succeed(&["merge", &world.at("b"), &world.at("a"), "--cells", "6", "--out", &world.at("merged")]);
    assert!(world.files("catalog") == world.files("merged"), "a file differs");

    let manifest: Value = serde_json::from_slice(&std::fs::read(world.path("catalog/catalog.json")).unwrap()).unwrap();
    let shards = manifest["shards"].as_array().unwrap();
    assert_eq!((&manifest["version"], &manifest["count"]), (&2.into(), &59.into()));
    assert!((2..=6).contains(&shards.len()), "{} shards", shards.len());
    let read = |entry: &Value| {
        let file = entry["file"].as_str().unwrap();
        serde_json::from_slice::<Value>(&std::fs::read(world.path("catalog").join(file)).unwrap()).unwrap()
    };
    // the counts of the clusters add up to the catalog's
    let counts = read(&manifest["cells"]["facets"]);
    let values = manifest["facets"].as_array().unwrap().iter().flat_map(|facet| facet["values"].as_array().unwrap());
    for (column, value) in values.enumerate() {
        let sum: u64 = counts.as_array().unwrap().iter().map(|row| row[column].as_u64().unwrap()).sum();
        assert_eq!(sum, value["count"].as_u64().unwrap(), "{value}");
    }
    // the window shows products under their own rows
    let rows: Vec<Value> = shards.iter().flat_map(|shard| read(&shard["items"]).as_array().unwrap().clone()).collect();
    let window = read(&manifest["cells"]["window"]);
    // as many from every cluster, or all that it has
    assert!((2 * shards.len()..=59).contains(&window.as_array().unwrap().len()), "{window}");
    for seen in window.as_array().unwrap() {
        assert_eq!(rows[seen["row"].as_u64().unwrap() as usize], seen["item"]);
    }

    let photo = world.at("photos/p7.jpg");
    let search =
        ["--image", &photo, "--text", "red", "--like", "1", "-k", "5", "--json", "--model", &world.at("model")];
    let found = json(&[&["search", &world.at("catalog")][..], &search].concat());
    assert_eq!(found["hits"][0]["id"], "p7");
    world.index("whole", &["--cells", "none"]);
    let whole = json(&[&["search", &world.at("whole")][..], &search].concat());
    let scores =
        |found: &Value| found["hits"].as_array().unwrap().iter().map(|hit| hit["score"].clone()).collect::<Vec<_>>();
    assert_eq!(scores(&found), scores(&whole), "an exact search does not care how rows lie");

    copy_page(&world.path("www"), &["baseline"]);
    let (dist, www, model) = (world.at("dist"), world.at("www"), world.at("model"));
    succeed(&["site", &world.at("catalog"), "--out", &dist, "--www", &www, "--model", &model]);
    for name in world.files("catalog").keys() {
        assert!(world.path("dist/catalog").join(name).exists(), "{name}");
    }
}

#[test]
fn exports_hold_the_stored_vectors_and_the_metadata() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;
    let world = World::new(30);
    world.index("catalog", &[]);
    let export = |name: &str| {
        succeed(&["export", &world.at("catalog"), "--out", &world.at(name)]);
        std::fs::read(world.path(name)).unwrap()
    };
    let catalog = vitrine::search::opened::Catalog::open_folder(&world.path("catalog"), None).unwrap();
    let (n, d) = (catalog.manifest.count, catalog.manifest.dimension);
    let stored: Vec<Vec<f32>> =
        (0..n).map(|row| vitrine::search::Vectors::vector(catalog.index(), row as u32).unwrap()).collect();

    let npy = export("vectors.npy");
    let header = u16::from_le_bytes([npy[8], npy[9]]) as usize;
    assert!(npy.starts_with(b"\x93NUMPY\x01\x00") && (10 + header).is_multiple_of(64));
    assert!(String::from_utf8_lossy(&npy[10..10 + header]).contains(&format!("'shape': ({n}, {d})")));
    let values: Vec<f32> =
        npy[10 + header..].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    assert_eq!(values, stored.concat());

    let lines = String::from_utf8(export("items.jsonl")).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), n);
    assert_eq!((&lines[0]["id"], &lines[0]["attributes"]["colour"]), (&"p0".into(), &"red".into()));
    assert_eq!(lines[3]["vector"].as_array().unwrap().len(), d);
    assert!((lines[3]["vector"][0].as_f64().unwrap() - f64::from(stored[3][0])).abs() < 1e-6);

    export("catalog.parquet");
    let reader = SerializedFileReader::new(std::fs::File::open(world.path("catalog.parquet")).unwrap()).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), n);
    for (i, row) in rows.iter().enumerate() {
        assert_eq!(row.get_string(0).unwrap(), catalog.index().ids()[i].as_str());
        assert!(row.get_string(5).unwrap().contains("colour"));
        let list = row.get_list(6).unwrap();
        let vector: Vec<f32> = (0..d).map(|j| parquet::record::ListAccessor::get_float(list, j).unwrap()).collect();
        assert_eq!(vector, stored[i]);
    }
    assert!(fail(&["export", &world.at("catalog"), "--out", &world.at("catalog.xls")]).contains(".parquet"));
    assert!(!world.path("catalog.xls").exists());
}
