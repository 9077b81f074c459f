//! CLIP and SigLIP from a checkpoint to an answer: tokens and pixels as their own libraries make them (fixtures of
//! `tests/fixtures/make_clip.py`), weights in several files, fewer tokens, and the command line. `tests/golden.rs` compares
//! the towers themselves.

mod common;

#[path = "clip/known.rs"]
mod known;

use common::{World, succeed};
use pollster::block_on;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use vitrine::backend::cpu::Cpu;
use vitrine::convert::{Encoder, Model, read_encoder};
use vitrine::engine::{Engine, Query};
use vitrine::image::{Filter, Fit, Preprocess, Resize, square};
use vitrine::model::encoders::Joining;
use vitrine::model::folder::{Description, Part};
use vitrine::text::Tokenizer;

fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/fixtures/clip", name].iter().collect()
}

fn model(family: &str) -> Model {
    Model::assemble(family, vec![read_encoder(&fixture(family)).unwrap()], None).unwrap()
}

/// Its tokenizer and the longest text.
fn tokenizer(family: &str) -> (Tokenizer, usize) {
    let Encoder::Clip(clip) = read_encoder(&fixture(family)).unwrap() else { panic!("{family} is no CLIP") };
    let length = clip.config.text.max_positions;
    (Tokenizer::from_json(&clip.tokenizer, length).unwrap(), length)
}

/// The tokens of each text by family; none where the family's own library reads it in a way of its own.
type Table = BTreeMap<&'static str, Vec<Option<Vec<u32>>>>;

/// 200 texts as `transformers` reads them, CLIP with its fast tokenizer and SigLIP with sentencepiece.
fn table() -> (Vec<String>, Table) {
    let json: Value = serde_json::from_slice(&std::fs::read(fixture("tokens.json")).unwrap()).unwrap();
    let of = |family: &'static str| (family, serde_json::from_value(json[family].clone()).unwrap());
    (serde_json::from_value(json["texts"].clone()).unwrap(), BTreeMap::from(["clip", "siglip"].map(of)))
}

#[test]
fn texts_become_the_tokens_that_transformers_makes() {
    let (texts, table) = table();
    assert_eq!(texts.len(), 200);
    for (family, expected) in &table {
        assert!(expected.iter().flatten().count() >= 197, "{family}");
        let (tokenizer, _) = tokenizer(family);
        let mut wrong = Vec::new();
        for (text, expected) in texts.iter().zip(expected) {
            let Some(expected) = expected else { continue };
            let got = tokenizer.read(&[text]).map_or_else(|_| Vec::new(), |tokens| tokens.ids);
            // a text of which nothing is left is no query here, and its special tokens alone there
            let nothing = got.is_empty() && expected.len() <= 2;
            if got != *expected && !nothing {
                wrong.push(format!("{text:?}: expected {expected:?}, got {got:?}"));
            }
        }
        assert!(wrong.is_empty(), "{family}: {} of {}\n{}", wrong.len(), texts.len(), wrong.join("\n"));
    }
}

#[test]
fn photos_become_the_pixels_that_pillow_makes() {
    let of = |fit: Fit, filter: Filter, size: usize, side: usize| Preprocess {
        size,
        patch: 8,
        fit,
        mean: [0.5; 3],
        std: [0.5; 3],
        resize: Some(Resize { filter, side }),
    };
    let kinds = [
        ("clip", of(Fit::Crop, Filter::Bicubic, 32, 32)),
        ("clip-larger", of(Fit::Crop, Filter::Bicubic, 32, 40)),
        ("siglip", of(Fit::Stretch, Filter::Bicubic, 32, 32)),
        ("siglip-bilinear", of(Fit::Stretch, Filter::Bilinear, 32, 32)),
        ("siglip-lanczos", of(Fit::Stretch, Filter::Lanczos, 32, 32)),
        ("enlarged", of(Fit::Stretch, Filter::Bicubic, 96, 96)),
    ];
    let open = |name: &str| vitrine::image::decode(&std::fs::read(fixture("photos").join(name)).unwrap()).unwrap();
    for name in ["wide", "tall"] {
        let photo = open(&format!("{name}.png"));
        for (kind, preprocess) in &kinds {
            let (got, expected) = (square(&photo, preprocess), open(&format!("{name}.{kind}.png")));
            assert_eq!(got.dimensions(), expected.dimensions(), "{name} {kind}");
            let levels = got.as_raw().iter().zip(expected.as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
            println!("{name} {kind}: {levels:?} levels at most");
            assert!(levels <= Some(1), "{name} {kind}: {levels:?} levels");
        }
    }
}

#[test]
fn preprocessing_is_what_the_checkpoint_says() {
    let of = |family: &str| model(family).description.preprocess;
    for (family, fit, filter, mean) in [
        ("clip", Fit::Crop, Filter::Bicubic, 0.481_454_66),
        ("openclip", Fit::Crop, Filter::Bicubic, 0.481_454_66),
        ("siglip", Fit::Stretch, Filter::Bicubic, 0.5),
        ("siglip2", Fit::Stretch, Filter::Bilinear, 0.5),
        ("openclip-siglip", Fit::Stretch, Filter::Bicubic, 0.5),
    ] {
        let got = of(family);
        let expected = Preprocess { size: 32, patch: 8, fit, resize: Some(Resize { filter, side: 32 }), ..got.clone() };
        assert_eq!((&got, got.mean[0]), (&expected, mean), "{family}");
    }
}

/// A model's files of at most so many bytes, and a description that names them.
fn in_files(model: &Model, most: usize) -> (Description, Vec<(Part, Vec<u8>)>) {
    let mut parts = vec![(Part::Tokenizer, model.tokenizer.clone().unwrap())];
    for (part, weights) in &model.weights {
        let files = weights.convert(vitrine::quant::Format::Q8).to_files(most).unwrap();
        parts.extend(files.into_iter().map(|bytes| (*part, bytes)));
    }
    let mut description = model.description.clone();
    description.seal(&parts);
    (description, parts)
}

fn vector(engine: &Engine<Cpu>, text: Option<&str>, photo: Option<&[u8]>) -> Vec<f32> {
    block_on(engine.encode(Query { text, photo, like: None })).unwrap().vector
}

#[test]
fn weights_in_many_files_are_those_of_one() {
    let model = model("siglip");
    let photo = common::photo(5, image::ImageFormat::Png);
    let engine = |most: usize, turned: bool| {
        let (description, mut parts) = in_files(&model, most);
        let description = Description::from_json(&serde_json::to_string(&description).unwrap()).unwrap();
        if turned {
            parts.reverse();
        }
        let mut engine = Engine::new(Cpu::new(), description);
        for (i, (part, bytes)) in parts.iter().enumerate() {
            assert!(bytes.len() <= most || most < 4000, "{part:?} {}", bytes.len());
            assert!(!engine.ready().composed, "before file {i}");
            engine.load_part(*part, bytes).unwrap();
        }
        (parts.len(), engine)
    };
    let (few, whole) = engine(1 << 20, false);
    assert_eq!(few, 3);
    for (most, turned) in [(16_000, false), (16_000, true), (9_000, true)] {
        let (many, engine) = engine(most, turned);
        assert!(many > 5, "{many}");
        assert!(engine.ready().composed);
        for (text, photo) in [(Some("red dress"), None), (None, Some(&photo[..])), (Some("in blue"), Some(&photo[..]))]
        {
            assert_eq!(vector(&engine, text, photo), vector(&whole, text, photo));
        }
    }
}

#[test]
fn a_damaged_or_foreign_file_is_refused_by_name() {
    let (description, parts) = in_files(&model("clip"), 16_000);
    let mut engine = Engine::new(Cpu::new(), description.clone());
    let images: Vec<_> = description.files_of(Part::Image).collect();
    assert!(images.len() > 1);
    let mut damaged = parts.iter().filter(|(part, _)| *part == Part::Image).nth(1).unwrap().1.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let error = engine.load_part(Part::Image, &damaged).unwrap_err().to_string();
    assert!(error.contains(images[1].file.as_str()) || error.contains(images[0].file.as_str()), "{error}");
    let text = &parts.iter().find(|(part, _)| *part == Part::Text).unwrap().1;
    assert!(engine.load_part(Part::Image, text).is_err());
}

#[test]
fn a_query_of_both_is_the_mean_of_both() {
    for family in ["clip", "openclip-siglip"] {
        let (description, parts) = in_files(&model(family), 1 << 20);
        let mut engine = Engine::new(Cpu::new(), description);
        parts.iter().for_each(|(part, bytes)| engine.load_part(*part, bytes).unwrap());
        assert_eq!(engine.joining(), Joining::Mean);
        let photo = common::photo(3, image::ImageFormat::Png);
        let [both, text, looks] =
            [(Some("long sleeves"), Some(&photo[..])), (Some("long sleeves"), None), (None, Some(&photo))]
                .map(|(text, photo)| vector(&engine, text, photo));
        let sum: Vec<f32> = text.iter().zip(&looks).map(|(a, b)| a + b).collect();
        let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
        both.iter().zip(&sum).for_each(|(both, sum)| assert!((both - sum / length).abs() < 1e-6, "{family}"));
    }
}

#[test]
fn fewer_tokens_read_the_given_texts_as_before() {
    let (texts, _) = table();
    let corpus: Vec<String> =
        texts.iter().filter(|text| text.is_ascii() && text.len() < 60).take(40).cloned().collect();
    for family in ["clip", "siglip"] {
        let (whole, mut trimmed) = (model(family), model(family));
        trimmed.trim_vocabulary(0, &corpus).unwrap();
        let [before, after] = [&whole, &trimmed].map(|model| model.description.clip.as_ref().unwrap().text.vocab_size);
        println!("{family}: {before} → {after} tokens");
        assert!(after < before);
        let engine = |model: &Model| {
            let (description, parts) = in_files(model, 1 << 20);
            let mut engine = Engine::new(Cpu::new(), description);
            let parts = parts.iter().filter(|(part, _)| *part != Part::Image);
            parts.for_each(|(part, bytes)| engine.load_part(*part, bytes).unwrap());
            engine
        };
        let (whole, trimmed) = (engine(&whole), engine(&trimmed));
        for text in &corpus {
            let encode = |engine: &Engine<Cpu>| block_on(engine.query_vectors(None, Some(&[text])));
            let (Ok(before), Ok(after)) = (encode(&whole), encode(&trimmed)) else { continue };
            assert_eq!(before, after, "{family} {text:?}");
        }
        // any other text is still read
        assert!(block_on(trimmed.query_vectors(None, Some(&["größer zigzag 42"]))).is_ok(), "{family}");
    }
}

#[test]
fn the_command_line_indexes_searches_and_measures() {
    let world = World::empty();
    world.draw("photos", 0..8, |_| image::ImageFormat::Png);
    for family in ["clip", "siglip", "openclip"] {
        let (model, catalog) = (world.at(&format!("{family}-model")), world.at(&format!("{family}-catalog")));
        succeed(&["convert", fixture(family).to_str().unwrap(), "--out", &model, "--format", "q8"]);
        succeed(&["index", &world.at("photos"), "--out", &catalog, "--model", &model]);
        let search = |more: &[&str]| -> Value {
            let args = [&["search", &catalog, "--model", &model, "--mode", "vector", "--json"], more].concat();
            serde_json::from_str(&succeed(&args)).unwrap()
        };
        // a photo of the catalog finds itself first
        let found = search(&["--image", &world.at("photos/p4.png"), "-k", "3"]);
        assert_eq!(found["hits"][0]["id"], "p4", "{family}: {found}");
        assert_eq!(search(&["--text", "red dress", "-k", "3"])["hits"].as_array().unwrap().len(), 3);
        let both = search(&["--text", "red dress", "--image", &world.at("photos/p4.png"), "-k", "3"]);
        assert_eq!(both["hits"].as_array().unwrap().len(), 3);
        let query = r#"{"reference": "p1", "captions": ["in red"], "targets": ["p2"]}"#;
        std::fs::write(world.path("q.jsonl"), format!("{query}\n")).unwrap();
        let args =
            ["eval", "--images", &world.at("photos"), "--queries", &world.at("q.jsonl"), "--model", &model, "--json"];
        let output = common::vitrine(&args);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&report["mode"], &report["queries"]), (&"mean".into(), &1.into()), "{report}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("mean of both"));
    }
}

#[test]
fn a_checkpoint_of_another_kind_is_refused_with_its_tensor() {
    let world = World::empty();
    let copy = |name: &str, change: &dyn Fn(&mut vitrine::weights::Checkpoint)| {
        let folder = world.path(name);
        std::fs::create_dir_all(&folder).unwrap();
        for file in ["config.json", "tokenizer.json", "tokenizer_config.json", "preprocessor_config.json"] {
            std::fs::copy(fixture("clip").join(file), folder.join(file)).unwrap();
        }
        let bytes = std::fs::read(fixture("clip").join("model.safetensors")).unwrap();
        let mut weights = vitrine::weights::Checkpoint::from_bytes(&bytes).unwrap();
        change(&mut weights);
        std::fs::write(folder.join("model.safetensors"), weights.to_bytes().unwrap()).unwrap();
        folder
    };
    let scale = vitrine::weights::Stored::from_f32(vec![1.0; 24], &[24]).unwrap();
    let name = "text_model.encoder.layers.0.layer_scale1.weight";
    let extra = copy("extra", &|weights| drop(weights.tensors.insert(name.into(), scale.clone())));
    let missing =
        copy("missing", &|weights| drop(weights.tensors.remove("text_model.encoder.layers.1.mlp.fc2.weight")));
    let error = read_encoder(&extra).err().unwrap().to_string();
    assert!(error.contains("layer_scale1"), "{error}");
    let out = world.at("out");
    succeed(&["convert", copy("same", &|_| {}).to_str().unwrap(), "--out", &out]);
    let Ok(Encoder::Clip(clip)) = read_encoder(&missing) else { return };
    let (weights, config) = (clip.text, clip.config);
    let error = vitrine::model::clip::TextTower::load(&Cpu::new(), &weights, &config).err().unwrap().to_string();
    assert!(error.contains("blocks.1.mlp.fc2"), "{error}");
}
