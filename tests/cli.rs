//! The command line from end to end, with a tiny model.
#![cfg(feature = "cli")]

mod common;
#[allow(dead_code, reason = "its `main` runs on the command line alone")]
#[path = "../examples/search.rs"]
mod example;

use common::{PROGRAM, World, copy_page, fail, photo, succeed, vitrine};
use image::ImageFormat;
use serde_json::Value;
use std::process::{Command, Output};

impl World {
    fn index(&self, out: &str) -> Value {
        let (photos, meta) = (self.at("photos"), self.at("items.csv"));
        json(&["index", &photos, "--out", &self.at(out), "--meta", &meta, "--model", &self.at("model"), "--json"])
    }
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&succeed(args)).unwrap()
}

#[test]
fn photos_become_a_catalog_that_finds_them() {
    let world = World::with_photos();
    let summary = world.index("catalog");
    assert_eq!(summary["photos"], 11);
    assert_eq!(summary["skipped"][0][0], "p3");
    let manifest: Value = serde_json::from_slice(&std::fs::read(world.path("catalog/catalog.json")).unwrap()).unwrap();
    assert_eq!(manifest["facets"][0]["values"][0], serde_json::json!({"value": "red", "count": 6}));

    // A catalog vector is no query vector when the head is random, so the nearest of a photo's own vector is asked.
    let found = json(&[
        "search",
        &world.at("catalog"),
        "--image",
        &world.at("photos/p4.png"),
        "--text",
        "red shirt",
        "--model",
        &world.at("model"),
        "--like",
        "1",
        "-k",
        "3",
        "--json",
    ]);
    assert_eq!(found["hits"][0]["id"], "p4");
    assert_eq!(found["hits"][0]["title"], "Garment 4");
    assert!(found["hits"][0]["score"].as_f64().unwrap() > 0.99);
    assert_eq!(found["hits"].as_array().unwrap().len(), 3);
    assert_eq!(found["attention"]["words"].as_array().unwrap().len(), 2);
}

#[test]
fn indexing_again_encodes_only_what_changed_and_gives_the_same_bytes() {
    let world = World::with_photos();
    assert_eq!(world.index("catalog")["encoded"], 11);
    let read = |name: &str| std::fs::read(world.path(name)).unwrap();
    let first = read("catalog/catalog.json");
    let again = world.index("catalog");
    assert_eq!((&again["encoded"], &again["kept"]), (&0.into(), &11.into()));
    assert_eq!(read("catalog/catalog.json"), first);

    std::fs::write(world.path("photos/p0.jpg"), photo(99, ImageFormat::Jpeg)).unwrap();
    std::fs::remove_file(world.path("photos/p1.png")).unwrap();
    let changed = world.index("catalog");
    assert_eq!((&changed["encoded"], &changed["photos"]), (&1.into(), &10.into()));
    assert_eq!(world.index("fresh")["encoded"], 10);
    assert_eq!(read("catalog/catalog.json"), read("fresh/catalog.json"), "incremental equals from scratch");
    let shards = std::fs::read_dir(world.path("catalog")).unwrap().flatten();
    let stale = shards.filter(|file| file.file_name().to_string_lossy().starts_with("shard-")).count();
    assert_eq!(stale, 1, "the old shard is gone");
}

#[test]
fn an_interrupted_index_goes_on_where_it_was() {
    let world = World::with_photos();
    world.index("catalog");
    let path = world.path("catalog/.index-journal");
    let journal = std::fs::read(&path).unwrap();
    // as a kill would leave it: no manifest, and a last line that was cut
    std::fs::remove_file(world.path("catalog/catalog.json")).unwrap();
    std::fs::write(&path, &journal[..journal.len() * 2 / 3]).unwrap();
    let summary = world.index("catalog");
    assert!(summary["kept"].as_u64().unwrap() >= 6, "{summary}");
    assert_eq!(summary["kept"].as_u64().unwrap() + summary["encoded"].as_u64().unwrap(), 11);
}

#[test]
fn a_site_has_everything_that_its_manifests_name() {
    let world = World::with_photos();
    world.index("catalog");
    copy_page(&world.path("www"), &["baseline", "threads"]);
    let baseline = "pkg/baseline/vitrine_bg.wasm";
    std::fs::write(world.path("www/pkg/threads/needs.json"), r#"["relaxed-simd","threads"]"#).unwrap();
    std::fs::write(world.path("logo.svg"), "<svg/>").unwrap();
    let (www, model) = (world.at("www"), world.at("model"));
    let site = ["site", &world.at("catalog"), "--out", &world.at("dist"), "--model", &model, "--www", &www];
    let logo = world.at("logo.svg");
    let look = ["--title", "Mode & \"Mehr\"", "--accent", "#7a3b2e", "--logo", &logo, "--isolate"];
    succeed(&[&site[..], &look].concat());
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(world.path("dist").join(name)).unwrap()).unwrap()
    };
    let (site_json, catalog, model_json) = (read("site.json"), read("catalog/catalog.json"), read("model/model.json"));
    assert_eq!(site_json["title"], "Mode & \"Mehr\"");
    assert_eq!((&site_json["accent"], &site_json["isolate"]), (&"#7a3b2e".into(), &true.into()));
    let kept: Vec<&str> = site_json["precache"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
    let logo = format!("./{}", site_json["logo"].as_str().unwrap());
    assert!(["./app.js", "./pkg/baseline/vitrine.js", &logo].iter().all(|file| kept.contains(file)), "{kept:?}");
    assert!(!kept.iter().any(|file| file.ends_with(".wasm") || file.contains("/strings/")), "{kept:?}");
    // what is not imported from the start comes later, and nothing comes twice
    let later: Vec<&str> = site_json["later"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
    assert!(
        ["./ui/own/panel.js", "./ui/own/own.css", "./ui/crop.js"].iter().all(|file| later.contains(file)),
        "{later:?}"
    );
    assert!(["./ui/grid.js", "./ui/own.js"].iter().all(|file| kept.contains(file)), "{kept:?}");
    assert!(!later.iter().any(|file| kept.contains(file) || file.contains("clustered")), "{later:?}");
    // the builds that are there, the fastest first, the one that needs nothing last
    let builds: Vec<(&str, usize)> = site_json["wasm"]
        .as_array()
        .unwrap()
        .iter()
        .map(|build| (build["file"].as_str().unwrap(), build["needs"].as_array().unwrap().len()))
        .collect();
    assert_eq!(builds, [("pkg/threads/vitrine_bg.wasm", 2), (baseline, 0)]);
    assert_eq!(site_json["wasm"][1]["bytes"], baseline.len());
    let page = std::fs::read_to_string(world.path("dist/index.html")).unwrap();
    assert!(page.contains("<title>Mode &amp; &quot;Mehr&quot;</title>") && !page.contains(">Vitrine<"), "{page}");
    assert_eq!(read("manifest.webmanifest")["name"], "Mode & \"Mehr\"");
    // every hash that the service worker will check is that of the file that was written
    for (file, hash) in site_json["hashes"].as_object().unwrap().iter().filter(|(file, _)| !file.is_empty()) {
        let bytes = std::fs::read(world.path("dist").join(file)).unwrap();
        assert_eq!(vitrine::hash::sha256_hex(&bytes), hash.as_str().unwrap(), "{file}");
    }
    // what the page asks for ahead is there
    let ahead: Vec<&str> = page.lines().filter(|line| line.contains("preload")).collect();
    assert!(ahead.len() > 10 && ahead.iter().any(|line| line.contains("ui/grid.js")), "{ahead:?}");
    let listed = page.lines().filter(|line| line.contains("rel=\"later\"") && line.contains("integrity"));
    assert!(listed.clone().any(|line| line.contains("ui/strings/de.js")) && listed.clone().count() > 8, "{page}");
    for line in ahead.into_iter().chain(listed) {
        let file = line.split("href=\"").nth(1).and_then(|rest| rest.split(['"', '?']).next()).unwrap();
        assert!(world.path("dist").join(file).exists(), "{file}");
    }
    for part in model_json["parts"].as_array().unwrap() {
        let bytes = std::fs::read(world.path("dist/model").join(part["file"].as_str().unwrap())).unwrap();
        assert_eq!(part["bytes"], bytes.len());
    }
    let items = read(&format!("catalog/{}", catalog["shards"][0]["items"]["file"].as_str().unwrap()));
    for item in items.as_array().unwrap() {
        assert!(world.path("dist/catalog/photos").join(item["photo"].as_str().unwrap()).exists());
    }
    assert!(std::fs::read_to_string(world.path("dist/_headers")).unwrap().contains("require-corp"));
    assert!(!world.path("dist/catalog/.index-journal").exists());
    assert!(fail(&[&site[..], &["--accent", "red"]].concat()).contains("#7a3b2e"));
    assert!(fail(&[&site[..], &["--logo", &world.at("items.csv")]].concat()).contains("SVG"));
    std::fs::remove_file(world.path("www").join(baseline)).unwrap();
    assert!(fail(&site).contains("wasm"));
}

#[test]
fn every_format_gives_nearly_the_same_vector() {
    let world = World::with_photos();
    let vector = |format: &str| -> Vec<f64> {
        let out = world.at(format);
        let (image, text) = world.checkpoints();
        succeed(&["convert", &image, &text, "--out", &out, "--format", format]);
        let photo = world.at("photos/p0.jpg");
        let printed = json(&["embed", "--text", "red dress", "--image", &photo, "--model", &out, "--json"]);
        printed["vector"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    };
    let exact = vector("f32");
    // random weights of a tiny model are harder on int4 than a trained model's
    for (format, least) in [("f16", 0.9999), ("q8", 0.998), ("q4", 0.8)] {
        let cosine: f64 = vector(format).iter().zip(&exact).map(|(a, b)| a * b).sum();
        assert!(cosine > least, "{format}: cosine {cosine}");
    }
}

#[test]
fn a_program_that_was_unpacked_finds_its_model_and_page_from_any_folder() {
    let world = World::with_photos();
    // as a release archive has it, and as a package installs it
    for (program, files) in [("unpacked/vitrine", "unpacked"), ("usr/bin/vitrine", "usr/share/vitrine")] {
        let (program, files) = (world.path(program), world.path(files));
        std::fs::create_dir_all(program.parent().unwrap()).unwrap();
        std::fs::create_dir_all(files.join("models")).unwrap();
        std::fs::copy(PROGRAM, &program).unwrap();
        let run = |args: &[&str]| Command::new(&program).args(args).current_dir(world.path("photos")).output().unwrap();
        let text =
            |output: &Output| String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned();
        let without = run(&["embed", "--text", "red"]);
        assert_eq!(without.status.code(), Some(1), "{}", text(&without));

        std::fs::rename(world.path("model"), files.join("models/default")).unwrap();
        let with = run(&["embed", "--text", "red"]);
        assert!(with.status.success(), "{}", text(&with));
        let folder = files.join("models/default").canonicalize().unwrap();
        let version = text(&run(&["--version"]));
        assert!(version.contains(&*folder.to_string_lossy()) && version.contains("page: none found"), "{version}");
        let site = run(&["site", "nothing", "--out", "dist"]);
        assert!(text(&site).contains("release archive"), "{}", text(&site));
        std::fs::rename(files.join("models/default"), world.path("model")).unwrap();
    }
}

#[test]
fn a_model_without_a_catalog_reads_other_languages_in_english() {
    let world = World::with_photos();
    let vector =
        |text: &str| json(&["embed", "--text", text, "--model", &world.at("model"), "--json"])["vector"].clone();
    assert_eq!(vector("rotes Kleid"), vector("red dress"));
    assert_ne!(vector("rotes Kleid"), vector("blue dress"));

    // the same queries in two languages are the same to `eval`; some rank their targets otherwise if one is not read
    let metrics = |texts: [&str; 6]| {
        let line =
            |(i, text): (usize, &str)| format!("{{\"captions\": [\"{text}\"], \"targets\": [\"p{}\"]}}\n", i + 5);
        let lines: String = texts.into_iter().enumerate().map(line).collect();
        std::fs::write(world.path("q.jsonl"), lines).unwrap();
        let (photos, queries) = (world.at("photos"), world.at("q.jsonl"));
        let asked = ["eval", "--images", &photos, "--queries", &queries, "--model", &world.at("model"), "--json"];
        json(&[&asked[..], &["--k", "1,2,3,4,5,6,7,8,9"]].concat())["metrics"].clone()
    };
    let german = ["rotes Kleid", "schwarze Schuhe", "Damenuhr", "weiße Hose", "grüner Rock", "blaue Jacke"];
    let english = ["red dress", "black shoes", "women watch", "white trousers", "green skirt", "blue jacket"];
    assert_eq!(metrics(german), metrics(english));
}

#[test]
fn another_models_catalog_is_refused_with_both_fingerprints() {
    let world = World::with_photos();
    world.index("catalog");
    let (image, text) = world.checkpoints();
    let made = json(&["convert", &image, &text, "--out", &world.at("other"), "--format", "f16", "--json"]);
    let error = fail(&["search", &world.at("catalog"), "--text", "red", "--model", &world.at("other")]);
    assert!(error.contains(made["fingerprint"].as_str().unwrap()), "{error}");
    let manifest: Value = serde_json::from_slice(&std::fs::read(world.path("catalog/catalog.json")).unwrap()).unwrap();
    assert!(error.contains(manifest["model"]["fingerprint"].as_str().unwrap()), "{error}");
}

#[test]
fn failures_are_one_line_and_usage_exits_with_two() {
    let world = World::with_photos();
    world.index("catalog");
    let model = world.at("model");
    let catalog = world.at("catalog");
    assert!(fail(&["search", &catalog, "--model", &model]).contains("words, a photo"));
    assert!(fail(&["search", &catalog, "--text", "  ", "--model", &model]).contains("words, a photo"));
    assert!(fail(&["search", &catalog, "--text", "red", "--model", &world.at("none")]).contains("reading"));
    assert!(fail(&["search", &catalog, "--image", &world.at("photos/p3.jpg"), "--model", &model]).contains("JPEG"));
    assert!(fail(&["serve", &world.at("photos")]).contains("index.html"));
    assert_eq!(vitrine(&["search"]).status.code(), Some(2));
    assert_eq!(vitrine(&["frobnicate"]).status.code(), Some(2));

    let weights = world.path("model/image.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    assert!(fail(&["search", &catalog, "--text", "red", "--model", &model]).contains("sha256"));
}

#[test]
fn photos_in_a_zip_index_like_photos_in_a_folder() {
    let world = World::with_photos();
    let mut zip = zip::ZipWriter::new(std::fs::File::create(world.path("photos.zip")).unwrap());
    for file in std::fs::read_dir(world.path("photos")).unwrap().flatten() {
        let name = file.file_name().into_string().unwrap();
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut zip, &std::fs::read(file.path()).unwrap()).unwrap();
    }
    zip.finish().unwrap();
    world.index("catalog");
    let (zip, meta, model) = (world.at("photos.zip"), world.at("items.csv"), world.at("model"));
    succeed(&["index", &zip, "--out", &world.at("zipped"), "--meta", &meta, "--model", &model, "--jobs", "3"]);
    let read = |name: &str| std::fs::read(world.path(name)).unwrap();
    assert_eq!(read("catalog/catalog.json"), read("zipped/catalog.json"));
}

/// The example is the command line's search, written by an engineer who has the library alone.
#[test]
fn the_example_finds_what_the_command_line_finds() {
    let world = World::with_photos();
    world.index("catalog");
    let (model, catalog, photo) = (world.at("model"), world.at("catalog"), world.at("photos/p4.png"));
    let args = ["search", &catalog, "--image", &photo, "--text", "red shirt", "--model", &model, "-k", "10", "--json"];
    let hit = |hit: &Value| format!("{:.3} {}", hit["score"].as_f64().unwrap(), hit["id"].as_str().unwrap());
    let hits: Vec<String> = json(&args)["hits"].as_array().unwrap().iter().map(hit).collect();
    assert_eq!(hits.len(), 10);
    assert_eq!(example::search(&model, &catalog, &photo, "red shirt").unwrap(), hits);
    assert!(example::search(&model, &catalog, &world.at("none"), "red shirt").is_err());
}

/// `vitrine`, copied to a folder where nothing stands beside it.
#[cfg(unix)]
fn alone(world: &World) -> std::path::PathBuf {
    std::fs::create_dir(world.path("bin")).unwrap();
    let program = world.path("bin/vitrine");
    std::fs::copy(common::PROGRAM, &program).unwrap();
    program
}

/// Puts a program there that prints its arguments, a line each, then what it reads, and ends with code 7.
#[cfg(unix)]
fn stand_in(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "#!/bin/sh\nprintf '<%s>\\n' \"$@\"; cat; echo said >&2; exit 7\n").unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

#[cfg(unix)]
#[test]
fn training_and_drawing_run_programs_beside_or_on_path() {
    let world = World::empty();
    let program = alone(&world);
    let input = world.path("input");
    std::fs::write(&input, "typed\n").unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(&program);
        command.args(args).env("PATH", format!("{}:/usr/bin:/bin", world.at("path")));
        let output = command.stdin(std::fs::File::open(&input).unwrap()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    // the command, its program, the package, and what the program is told first
    for (name, file, package, first) in [
        ("train", "vitrine-train", "vitrine-train", None),
        ("demo-catalog", "vitrine-demo-catalog", "vitrine-demo", None),
        ("tune", "vitrine-train", "vitrine-train", Some("tune")),
    ] {
        for folder in ["bin", "path"] {
            let _ = std::fs::remove_file(world.path(folder).join(file));
        }
        let (code, out, err) = run(&[name, "--out", "x"]);
        assert_eq!((code, out.as_str(), err.lines().count()), (Some(1), "", 1), "{err}");
        let wanted =
            ["running", &world.at(&format!("bin/{file}")), "PATH", &format!("cargo build --release -p {package}")];
        assert!(err.starts_with("vitrine: ") && wanted.iter().all(|part| err.contains(part)), "{err}");

        // whatever is given is passed on, also what this program has a meaning for, and its own name once more
        let passed = |out: &str| {
            let given = ["--out", "a b", "--help", "-V", "", "--", name, "--version", "é*"];
            let printed: String = first.iter().chain(&given).map(|argument| format!("<{argument}>\n")).collect();
            assert_eq!(run(&[&[name], &given[..]].concat()), (Some(7), format!("{printed}{out}"), "said\n".into()));
        };
        stand_in(&world.path("path").join(file));
        passed("typed\n");
        // the one beside comes first
        std::fs::write(world.path("path").join(file), "#!/bin/sh\nexit 3\n").unwrap();
        stand_in(&world.path("bin").join(file));
        passed("typed\n");
    }
}

#[test]
fn programs_beside_are_listed_and_other_names_are_usage_errors() {
    let help = succeed(&["--help"]);
    for line in ["demo-catalog  Draw a garment", "train         Fine-tune both encoders", "tune          Make a model"]
    {
        assert!(help.contains(line), "{help}");
    }
    for args in [&["frobnicate"][..], &["vitrine-train"], &["--train"], &["trains", "--help"], &["--", "x"], &[]] {
        let output = vitrine(args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains("Usage: "), "{args:?}: {said}");
    }
}
