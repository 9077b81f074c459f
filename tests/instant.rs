//! The instant text tier beside the model that it stands in for: who answers, what the fingerprint is, what is refused.

use pollster::block_on;
use std::path::{Path, PathBuf};
use vitrine::backend::cpu::Cpu;
use vitrine::engine::{Engine, Query, Tier};
use vitrine::model::folder::{Description, Part, PartFile};
use vitrine::model::instant::{self, LAYER, TABLE};
use vitrine::weights::{Checkpoint, Stored};

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/fixtures/model-v1"].iter().collect()
}

/// A layer that adds nothing, and a table whose first numbers tell the tokens apart.
fn weights(tokens: usize, d: usize) -> Checkpoint {
    let table = (0..tokens * d).map(|i| if i % d == (i / d) % d { 1.0 } else { 0.1 }).collect();
    let [fc1, fc2] = LAYER;
    let mut weights = Checkpoint::default();
    for (name, values, shape) in [
        (TABLE.to_string(), table, vec![tokens, d]),
        (format!("{fc1}.weight"), vec![0.5; 3 * d], vec![3, d]),
        (format!("{fc1}.bias"), vec![0.0; 3], vec![3]),
        (format!("{fc2}.weight"), vec![0.0; d * 3], vec![d, 3]),
        (format!("{fc2}.bias"), vec![0.0; d], vec![d]),
    ] {
        weights.tensors.insert(name, Stored::from_f32(values, &shape).unwrap());
    }
    weights
}

/// The frozen model with an instant tier for the model with this fingerprint.
fn with_instant(fingerprint: Option<&str>) -> (Description, Vec<u8>) {
    let mut description = Description::open(&folder()).unwrap();
    let tokenizer = description.read(&folder(), Part::Tokenizer).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&tokenizer).unwrap();
    let tokens = json["model"]["vocab"].as_object().unwrap().len();
    let fingerprint = fingerprint.unwrap_or(&description.fingerprint);
    let bytes = instant::write(fingerprint, &tokenizer, &weights(tokens, description.dimension)).unwrap();
    description.instant = Some(PartFile::of(Part::Instant, &bytes));
    (description, bytes)
}

fn load(engine: &mut Engine<Cpu>, folder: &Path, parts: &[Part]) {
    for &part in parts {
        let bytes = engine.description().read(folder, part).unwrap();
        engine.load_part(part, &bytes).unwrap();
    }
}

#[test]
fn it_answers_for_a_text_until_the_text_encoder_is_here_and_never_for_a_photo_with_one() {
    let (description, bytes) = with_instant(None);
    let photo = std::fs::read(folder().join("../photos/alpha.png")).unwrap();
    let mut engine = Engine::new(Cpu::new(), description);
    let text = Query { text: Some("red dress"), ..Query::default() };
    assert!(block_on(engine.encode(text)).is_err(), "nothing is here yet");
    engine.load_part(Part::Instant, &bytes).unwrap();
    let ready = engine.ready();
    assert!(ready.instant && !ready.text && !ready.composed, "{ready:?}");
    let at_once = block_on(engine.encode(text)).unwrap();
    assert_eq!(at_once.tier, Some(Tier::Instant));
    let length: f32 = at_once.vector.iter().map(|x| x * x).sum();
    assert!((length - 1.0).abs() < 1e-4 && at_once.words.is_none(), "{length}");
    let batch = block_on(engine.query_vectors(None, Some(&["red dress"]))).unwrap();
    assert_eq!(batch, at_once.vector);
    // with the image encoder, a photo is answered, and a photo with a text waits for the text encoder
    load(&mut engine, &folder(), &[Part::Image, Part::Fusion]);
    let seen = block_on(engine.encode(Query { photo: Some(&photo), ..Query::default() })).unwrap();
    assert_eq!(seen.tier, Some(Tier::Full));
    let both = block_on(engine.encode(Query { photo: Some(&photo), ..text })).unwrap_err().to_string();
    assert!(both.contains("tokenizer") && both.contains("wait for the download"), "{both}");
    load(&mut engine, &folder(), &[Part::Tokenizer, Part::Text]);
    let full = block_on(engine.encode(text)).unwrap();
    assert_eq!(full.tier, Some(Tier::Full));
    assert_ne!(full.vector, at_once.vector);
    let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let whole = Engine::open(Cpu::new(), &folder()).unwrap();
    let without = block_on(whole.encode(text)).unwrap().vector;
    assert!(cosine(&full.vector, &without) > 0.9999, "the tier changes nothing of the full encoder's answer");
}

#[test]
fn a_model_is_the_same_with_it_and_an_older_folder_is_read_without_it() {
    let (description, bytes) = with_instant(None);
    let plain = Description::open(&folder()).unwrap();
    assert_eq!(plain.instant, None);
    let json = serde_json::to_string(&description).unwrap();
    assert_eq!(Description::from_json(&json).unwrap(), description);
    let mut parts: Vec<_> =
        plain.parts.iter().map(|file| (file.part, plain.read(&folder(), file.part).unwrap())).collect();
    parts.push((Part::Instant, bytes));
    let mut sealed = description.clone();
    sealed.seal(&parts);
    assert_eq!(sealed, description, "catalogs know a model by its fingerprint, which must not change");
    let missing = Engine::open_tier(Cpu::new(), &folder(), Tier::Instant).err().unwrap().to_string();
    assert!(missing.contains("Instant"), "{missing}");
}

#[test]
fn what_belongs_to_another_model_or_is_damaged_is_refused() {
    let (description, bytes) = with_instant(Some("another"));
    let mut engine = Engine::new(Cpu::new(), description);
    let error = engine.load_part(Part::Instant, &bytes).unwrap_err().to_string();
    assert!(error.contains("another") && error.contains("vitrine train --distil-text"), "{error}");
    let (description, bytes) = with_instant(None);
    let mut engine = Engine::new(Cpu::new(), description.clone());
    assert!(engine.load_part(Part::Instant, &bytes[1..]).is_err(), "its hash is another");
    // whatever is in the file, reading it is an error and no panic
    for cut in (0..bytes.len()).step_by(37) {
        let mut bytes = bytes.clone();
        bytes[cut] ^= 0x15;
        let mut damaged = description.clone();
        damaged.instant = Some(PartFile::of(Part::Instant, &bytes));
        let mut engine = Engine::new(Cpu::new(), damaged);
        if engine.load_part(Part::Instant, &bytes).is_ok() {
            let _ = block_on(engine.encode(Query { text: Some("red dress"), ..Query::default() }));
        }
    }
}
