//! What every command does when nobody reads what it prints, and what `index` remembers of what it was told.
#![cfg(feature = "cli")]

mod common;
#[path = "common/programs.rs"]
mod programs;

use common::{World, copy_page, succeed, vitrine};
use serde_json::Value;
use std::process::{Command, Output, Stdio};

/// A pipe whose reader has gone, as after `| head -1`.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn run(words: &[String], out: Stdio, err: Stdio) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vitrine")).args(words).stdout(out).stderr(err).output().unwrap()
}

/// A world with everything that commands read, and the words of every command that prints, short and as JSON.
fn commands() -> (World, Vec<Vec<String>>) {
    programs::build();
    let world = World::with_photos();
    let (image, text) = world.checkpoints();
    copy_page(&world.path("www"), &["baseline"]);
    succeed(&["demo-catalog", "--out", &world.at("drawn"), "--count", "40"]);
    for part in ["1", "2"] {
        let (out, i_of_n) = (world.at(part), format!("{part}/2"));
        succeed(&["index", &world.at("photos"), "--out", &out, "--part", &i_of_n, "--model", &world.at("model")]);
    }
    std::fs::write(world.path("queries.jsonl"), "{\"captions\":[\"red\"],\"targets\":[\"p0\"]}\n").unwrap();
    let at = |name: &str| world.at(name);
    let train = format!(
        "train --data drawn={} --init {} --image-size 32 --steps 1 --batch 8 --jobs 1",
        at("drawn"),
        at("model")
    );
    let lines = [
        format!("index {} --out {} --model {}", at("photos"), at("catalog"), at("model")),
        format!("index {} --out {} --model {} --json", at("photos"), at("catalog"), at("model")),
        format!("merge {} {} --out {}", at("1"), at("2"), at("merged")),
        format!("merge {} {} --out {} --json", at("1"), at("2"), at("merged")),
        format!("search {} --text red --model {}", at("catalog"), at("model")),
        format!("search {} --text red --model {} --json", at("catalog"), at("model")),
        format!("embed --text red --model {}", at("model")),
        format!("embed --text red --model {} --json", at("model")),
        format!("eval --images {} --queries {} --model {}", at("photos"), at("queries.jsonl"), at("model")),
        format!("eval --images {} --queries {} --model {} --json", at("photos"), at("queries.jsonl"), at("model")),
        format!("site {} --out {} --model {} --www {}", at("catalog"), at("dist"), at("model"), at("www")),
        format!("site {} --out {} --model {} --www {} --json", at("catalog"), at("dist"), at("model"), at("www")),
        format!("serve {} --port 0", at("dist")),
        format!("convert {image} {text} --out {}", at("converted")),
        format!("convert {image} {text} --out {} --json", at("converted")),
        format!("export {} --out {}", at("catalog"), at("vectors.npy")),
        format!("demo-catalog --out {} --count 3", at("few")),
        format!("{train} --out {} --log {}", at("trained"), at("log")),
        format!("{train} --ablate"),
        "bench --rows 100".to_string(),
        "bench --rows 100 --json".to_string(),
        "--help".to_string(),
        "--version".to_string(),
        "index --help".to_string(),
    ];
    let words = |line: &String| line.split(' ').map(str::to_string).collect();
    let words = lines.iter().map(words).collect();
    (world, words)
}

#[test]
fn every_command_ends_quietly_when_nobody_reads_it() {
    let (_world, commands) = commands();
    for words in &commands {
        let output = run(words, closed(), Stdio::piped());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {said}");
        assert!(!said.contains("panicked") && !said.contains("vitrine: "), "{words:?}: {said}");
    }
    // progress and notes go nowhere, and the work is done
    let (_world, commands) = self::commands();
    for words in commands.iter().filter(|words| words[0] != "bench") {
        let output = run(words, closed(), closed());
        assert_eq!(output.status.code(), Some(0), "{words:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout_is_a_failure_in_one_line() {
    let world = World::with_model();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let words = ["embed", "--text", "red", "--model", &world.at("model")].map(str::to_string);
    let output = run(&words, full.into(), Stdio::piped());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("vitrine: printing to stdout: No space left on device"), "{said}");
}

/// Runs `index` into `catalog` with more words; gives what it said and the manifest.
fn index(world: &World, more: &[&str]) -> (String, Value) {
    let (photos, out) = (world.at("photos"), world.at("catalog"));
    let output = vitrine(&[&["index", &photos, "--out", &out, "--jobs", "1"][..], more].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    (said, serde_json::from_slice(&world.read("catalog/catalog.json")).unwrap())
}

#[test]
fn index_remembers_what_it_was_told_and_says_so() {
    let world = World::with_photos();
    let (model, meta) = (world.at("model"), world.at("items.csv"));
    let told = ["--model", &model, "--title", "My shop", "--meta", &meta, "--cells", "3"];
    let (said, first) = index(&world, &told);
    assert!(!said.contains("as in the run before"), "{said}");
    assert_eq!(
        (&first["title"], &first["facets"][0]["name"], &first["version"]),
        (&"My shop".into(), &"colour".into(), &2.into())
    );

    let (said, again) = index(&world, &[]);
    for words in
        ["as in the run before", "--title \"My shop\"", "--meta ", "items.csv", "--model ", "--cells \"3\"", "--forget"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(again, first, "nothing is lost");

    let (said, other) = index(&world, &["--title", "Other"]);
    assert!(!said.contains("--title") && said.contains("--meta"), "only what is not said again is told: {said}");
    assert_eq!((&other["title"], &other["facets"]), (&"Other".into(), &first["facets"]));
    assert_eq!(index(&world, &[]).1["title"], "Other", "the last word counts");

    let (said, bare) = index(&world, &["--forget", "--model", &model]);
    assert!(!said.contains("as in the run before"), "{said}");
    assert_eq!(
        (&bare["title"], &bare["facets"], &bare["version"]),
        (&"Catalog".into(), &serde_json::json!([]), &1.into())
    );
    assert!(!index(&world, &["--model", &model]).0.contains("--meta"), "it stays forgotten");
}

#[test]
fn metadata_that_has_gone_stops_the_run_and_the_catalog_stays() {
    let world = World::with_photos();
    let (model, meta) = (world.at("model"), world.at("items.csv"));
    let (_, first) = index(&world, &["--model", &model, "--meta", &meta]);
    std::fs::remove_file(world.path("items.csv")).unwrap();
    let line = common::fail(&["index", &world.at("photos"), "--out", &world.at("catalog")]);
    assert!(line.contains("items.csv") && line.contains("--forget"), "{line}");
    let now: Value = serde_json::from_slice(&world.read("catalog/catalog.json")).unwrap();
    assert_eq!(now, first);
}

#[test]
fn what_an_interrupted_or_older_run_was_told_counts_too() {
    let world = World::with_photos();
    let (model, meta) = (world.at("model"), world.at("items.csv"));
    let (_, first) = index(&world, &["--model", &model, "--title", "My shop", "--meta", &meta]);
    // as a kill would leave it
    std::fs::remove_file(world.path("catalog/catalog.json")).unwrap();
    assert_eq!(index(&world, &[]).1, first);
    // as an older version left it: the title is the manifest's, and nothing tells where the metadata was
    std::fs::remove_file(world.path("catalog/.index-options")).unwrap();
    let (said, again) = index(&world, &["--model", &model, "--meta", &meta]);
    assert!(said.contains("--title \"My shop\""), "{said}");
    assert_eq!(again, first);
}
