//! `vitrine tune` as a program: the drawn catalog as a shop.

#[path = "../../../tests/common/mod.rs"]
mod common;
#[path = "../../../tests/common/killing.rs"]
mod killing;

use common::{PROGRAM, World, fail, s, vitrine};
use killing::tree;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;
use tempfile::TempDir;
use vitrine::model::folder::{Description, Part};
use vitrine::quant::MatrixData;
use vitrine::weights::Checkpoint;

/// A shop of drawn garments, small, and a shop that is too small.
static SHOP: LazyLock<TempDir> = LazyLock::new(|| {
    let shop = tempfile::tempdir().unwrap();
    std::fs::create_dir(shop.path().join("photos")).unwrap();
    let items = vitrine_demo::items(80, 3);
    let mut table = String::from("id,title,kind of garment,tint,pattern,cost\n");
    for (i, item) in items.iter().enumerate() {
        let photo = image::imageops::thumbnail(&vitrine_demo::render(item), 36, 48);
        // four products of each drawing: another tint of it, and its mirror, each with a title of its own
        for turn in 0..4u32 {
            let mut photo = if turn % 2 == 0 { photo.clone() } else { image::imageops::flip_horizontal(&photo) };
            if turn > 1 {
                photo.pixels_mut().for_each(|pixel| pixel.0.rotate_left(1));
            }
            photo.put_pixel(0, 0, image::Rgb([i as u8, turn as u8, 0]));
            let id = format!("p{i}-{turn}");
            photo.save(shop.path().join("photos").join(format!("{id}.png"))).unwrap();
            let tint = if turn > 1 { "teal" } else { item.get("colour").unwrap_or("grey") };
            let (kind, pattern) = (item.get("category").unwrap(), item.get("pattern").unwrap_or(""));
            table += &format!("{id},{} {tint} no {turn},{kind},{tint},{pattern},{i}\n", item.title.replace(',', " "));
        }
    }
    std::fs::write(shop.path().join("items.csv"), &table).unwrap();
    let few: Vec<&str> = table.lines().take(300).collect();
    std::fs::write(shop.path().join("few.csv"), few.join("\n")).unwrap();
    shop
});

fn shop(name: &str) -> String {
    s(&SHOP.path().join(name))
}

/// A small model that reads photos of 32 pixels, in a world of its own.
fn world() -> World {
    let (world, from) = (World::empty(), World::empty());
    let (image, text) = from.checkpoints();
    let image = vitrine::convert::read_encoder(Path::new(&image)).unwrap();
    let text = vitrine::convert::read_encoder(Path::new(&text)).unwrap();
    let model = vitrine::convert::Model::assemble("tiny", vec![image, text], None).unwrap();
    model.write(&world.path("start"), vitrine::quant::Format::Q8).unwrap();
    world
}

/// The command's words; `more` comes last.
fn words(world: &World, more: &str) -> Vec<String> {
    let (photos, meta, start, out) = (shop("photos"), shop("items.csv"), world.at("start"), world.at("own"));
    let from =
        ["tune", &photos, "--meta", &meta, "--attributes", "kind of garment,tint", "--init", &start, "--out", &out];
    let how = "--batch 16 --drawn 30 --jobs 1 --save-every 0 --json";
    let words = from.into_iter().map(str::to_string);
    words.chain(how.split(' ').chain(more.split_whitespace()).map(str::to_string)).collect()
}

fn run(words: &[String]) -> Value {
    serde_json::from_str(&killing::run(words)).unwrap()
}

fn as_words(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[test]
fn a_shop_tunes_a_model_that_answers_better_and_has_the_format_of_its_start() {
    let world = world();
    let report = run(&words(&world, "--steps 60 --rate 20"));
    assert_eq!(report["written"], true, "{report}");
    assert_eq!(report["products"], 320);
    let [before, after] = [0, 1].map(|i| report["score"][i].as_f64().unwrap());
    assert!(after > before, "{report}");
    let rows = report["table"].as_array().unwrap();
    let tasks: Vec<&str> = rows.iter().map(|row| row["task"].as_str().unwrap()).collect();
    assert!(tasks.starts_with(&["title R@10"]) && tasks.contains(&"composed R@10"), "{tasks:?}");
    for row in rows {
        for figure in ["before", "after", "change"] {
            let [value, low, high] = ["value", "low", "high"].map(|name| row[figure][name].as_f64().unwrap());
            assert!(low <= value && value <= high, "{row}");
        }
    }
    let held = report["held_out"].as_u64().unwrap() + report["validated_on"].as_u64().unwrap();
    assert!((60..150).contains(&held), "{report}");
    // the folder is one that `index` takes: every part with its hash, in the start's format and sizes
    let (start, own) =
        (Description::open(&world.path("start")).unwrap(), Description::open(&world.path("own")).unwrap());
    assert_ne!(start.fingerprint, own.fingerprint);
    assert_eq!((&start.image, &start.text, &start.fusion), (&own.image, &own.text, &own.fusion));
    for part in [Part::Image, Part::Text, Part::Fusion] {
        let weights = Checkpoint::from_bytes(&own.read(&world.path("own"), part).unwrap()).unwrap();
        let matrices = weights.tensors.iter().filter(|(name, t)| t.shape.len() > 1 && name.ends_with(".weight"));
        assert!(matrices.clone().count() > 0);
        assert!(matrices.into_iter().all(|(_, t)| matches!(t.matrix.data, MatrixData::Q8 { .. })), "{part:?}");
    }
    vitrine::Engine::open(vitrine::Cpu::new(), &world.path("own")).unwrap();
    // what a run needs while it runs is gone
    let left: Vec<_> = tree(&world.path("own-log")).into_keys().collect();
    assert_eq!(left, [Path::new(".vitrine-files"), Path::new("log.csv")]);
}

#[test]
fn the_head_alone_leaves_both_encoders_as_they_are() {
    let world = world();
    let report = run(&words(&world, "--steps 60 --head-only --rate 17"));
    assert_eq!(report["written"], true, "{report}");
    let read = |folder: &str, part: Part| {
        let folder = world.path(folder);
        Description::open(&folder).unwrap().read(&folder, part).unwrap()
    };
    for part in [Part::Image, Part::Text] {
        assert!(read("start", part) == read("own", part), "{part:?} is as it was");
    }
    assert!(read("start", Part::Fusion) != read("own", Part::Fusion));
}

#[test]
fn nothing_worse_is_written() {
    let world = world();
    // rates so large that nothing is left of the model
    let words = words(&world, "--steps 6 --rate 100000");
    let output = vitrine(&as_words(&words));
    let (said, report) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("vitrine: tuning: expected better answers") && said.contains("nothing was written"),
        "{said}"
    );
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["written"], false);
    assert!(!world.path("own").exists(), "no folder is left");
}

#[test]
fn a_killed_run_goes_on_to_the_same_model_and_no_other_run_does() {
    let world = world();
    let more = "--steps 40 --rate 20";
    let whole = [words(&world, more)].concat();
    run(&whole);
    let want = tree(&world.path("own"));
    let checkpoint = world.path("own-log/checkpoint.safetensors");
    let stopped = (0..8).any(|_| {
        for folder in ["own", "own-log"] {
            let _ = std::fs::remove_dir_all(world.path(folder));
        }
        let mut child = Command::new(PROGRAM).args(&whole).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // as soon as there is something to go on from
        while !checkpoint.exists() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        // a busy machine may have let it finish
        !child.wait().unwrap().success() && checkpoint.exists()
    });
    assert!(stopped && !world.path("own").exists(), "a run was stopped in its midst");
    // other products, or other options, are another run
    let other = fail(&as_words(&[words(&world, more), vec!["--resume".into(), "--seed".into(), "9".into()]].concat()));
    assert!(other.contains("resuming: expected the products, the model and the options of the run before"), "{other}");
    run(&[whole, vec!["--resume".into()]].concat());
    assert!(tree(&world.path("own")) == want, "the model is the undisturbed one, byte for byte");
}

#[test]
fn few_products_and_folders_of_others_are_refused_before_anything_is_made() {
    let world = world();
    let few: Vec<String> =
        words(&world, "--steps 1").into_iter().map(|word| word.replace("items.csv", "few.csv")).collect();
    let line = fail(&as_words(&few));
    assert!(line.contains("expected 300 products or more") && line.contains("got 299"), "{line}");
    std::fs::create_dir(world.path("own")).unwrap();
    std::fs::write(world.path("own/mine.txt"), "mine").unwrap();
    let line = fail(&as_words(&words(&world, "--steps 1")));
    assert!(line.contains("expected a new or empty folder or a model"), "{line}");
    assert_eq!(std::fs::read(world.path("own/mine.txt")).unwrap(), b"mine");
    assert!(!world.path("own-log").exists());
}
