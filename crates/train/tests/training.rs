//! The trainer from end to end, with a tiny model: what a kill leaves, and what is refused.

#[path = "../../../tests/common/mod.rs"]
mod common;
#[path = "../../../tests/common/killing.rs"]
mod killing;

use common::{World, fail};
use killing::{kill_often, names, run, timed, tree};
use serde_json::Value;
use std::path::Path;

#[test]
fn a_killed_training_goes_on_from_its_last_batch_to_the_same_model() {
    let world = World::empty();
    let (image, text) = world.checkpoints();
    std::fs::create_dir(world.path("drawn")).unwrap();
    vitrine_demo::write(&world.path("drawn"), 60, 1, || {}).unwrap();
    let train = |out: &str| -> Vec<String> {
        let data = format!("drawn={}", world.at("drawn"));
        let (model, log) = (world.at(&format!("{out}-model")), world.at(&format!("{out}-log")));
        let from = ["--data", &data, "--init-image", &image, "--init-text", &text, "--out", &model, "--log", &log];
        let how = ["--image-size", "32", "--steps", "24", "--batch", "8", "--part", "8", "--share-composed", "0"];
        let rest =
            ["--share-drawn", "1", "--share-tops", "0", "--share-wardrobe", "0", "--jobs", "1", "--save-every", "0"];
        [&from[..], &how, &rest].concat().into_iter().map(str::to_string).collect()
    };
    let whole = timed(&train("undisturbed"));
    let again = [train("killed"), vec!["--resume".to_string()]].concat();
    // a kill while a checkpoint is written leaves this
    let unfinished = world.path("killed-log").join(format!("{}x", vitrine::atomic::UNFINISHED));
    std::fs::create_dir_all(world.path("killed-log")).unwrap();
    std::fs::write(&unfinished, "half a checkpoint").unwrap();
    let mut steps = vec![0];
    kill_often(&again, whole, |_| steps.push(steps_done(&world.path("killed-log/checkpoint.safetensors"))));
    assert!(steps.is_sorted() && steps.last() > Some(&0), "no checkpoint is older than the one before: {steps:?}");
    run(&again);
    let (want, got) = (tree(&world.path("undisturbed-model")), tree(&world.path("killed-model")));
    assert_eq!(names(&want), names(&got));
    assert!(want == got, "the model is the undisturbed one, byte for byte, after stops at {steps:?}");
    assert_eq!(names(&tree(&world.path("undisturbed-log"))), names(&tree(&world.path("killed-log"))));
}

/// The step that a checkpoint was written after; 0 without one.
fn steps_done(path: &Path) -> u64 {
    let Ok(bytes) = std::fs::read(path) else { return 0 };
    let checkpoint = vitrine::weights::Checkpoint::from_bytes(&bytes).expect("a checkpoint is whole at any moment");
    let pairs: Value = serde_json::from_str(&checkpoint.metadata["vitrine"]).unwrap();
    pairs["step"].as_str().unwrap().parse().unwrap()
}

#[test]
fn training_does_not_follow_ids_out_of_its_folder() {
    let world = World::empty();
    let (image, text) = world.checkpoints();
    std::fs::create_dir(world.path("photos")).unwrap();
    std::fs::write(world.path("photos/items.csv"), "id,title,split\n../secret,Red dress,train\n").unwrap();
    let data = format!("drawn={}", world.at("photos"));
    let line = fail(&["--data", &data, "--init-image", &image, "--init-text", &text, "--out", &world.at("trained")]);
    assert!(line.contains("ids that name files of the folder") && line.contains("../secret"), "{line}");
}

#[test]
fn a_distilled_tier_joins_its_model_and_changes_nothing_else() {
    let world = World::empty();
    let (model, drawn) = (world.path("model"), world.path("drawn"));
    std::fs::create_dir(&model).unwrap();
    std::fs::create_dir(&drawn).unwrap();
    vitrine_demo::write(&drawn, 60, 1, || {}).unwrap();
    let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/model-v1");
    for file in ["model.json", "tokenizer.json", "text.safetensors", "fusion.safetensors", "image.safetensors"] {
        std::fs::copy(frozen.join(file), model.join(file)).unwrap();
    }
    let before = tree(&model);
    let data = format!("drawn={}", world.at("drawn"));
    let words = ["--distil-text", "--data", &data, "--out", &world.at("model"), "--steps", "60", "--jobs", "1"];
    let words: Vec<String> = words.into_iter().map(str::to_string).collect();
    let figures: Value = serde_json::from_str(&run(&words)).unwrap();
    assert!(figures["cosine"].as_f64().unwrap() > 0.9, "it says what the full encoder says: {figures}");
    let mut after = tree(&model);
    let tier = after.remove(Path::new("instant.safetensors")).unwrap();
    assert_eq!(figures["bytes"].as_u64().unwrap(), tier.len() as u64);
    let described = |tree: &std::collections::BTreeMap<_, Vec<u8>>| -> Value {
        serde_json::from_slice(&tree[Path::new("model.json")]).unwrap()
    };
    assert_eq!(described(&before)["fingerprint"], described(&after)["fingerprint"]);
    for (file, bytes) in before.iter().filter(|(file, _)| *file != Path::new("model.json")) {
        assert!(after[file] == *bytes, "{} is as it was", file.display());
    }
    // once more, over what the first run wrote: the same bytes
    run(&words);
    assert!(tree(&model)[Path::new("instant.safetensors")] == tier);
}
