//! A tiny model of random weights and photos drawn on the spot, for tests of everything but quality.
//! Each test program uses a part of it.
#![allow(dead_code)]

use image::{ImageFormat, Rgb, RgbImage};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;
use vitrine::weights::{Checkpoint, Stored};

/// Numbers that look random and are the same everywhere.
fn noise(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    (0..n).map(|_| next() * 0.4).collect()
}

fn fill(shapes: Vec<(String, Vec<usize>)>) -> Vec<u8> {
    let mut checkpoint = Checkpoint::default();
    for (i, (name, shape)) in shapes.into_iter().enumerate() {
        let values = noise(i as u64 + 1, shape.iter().product());
        checkpoint.tensors.insert(name, Stored::from_f32(values, &shape).unwrap());
    }
    checkpoint.to_bytes().unwrap()
}

/// A ViT of 32 pixels with timm's keys.
fn vit() -> Vec<u8> {
    let d = 64;
    let mut shapes = vec![
        ("cls_token".to_string(), vec![1, 1, d]),
        ("pos_embed".into(), vec![1, 17, d]),
        ("patch_embed.proj.weight".into(), vec![d, 3, 8, 8]),
        ("patch_embed.proj.bias".into(), vec![d]),
        ("norm.weight".into(), vec![d]),
        ("norm.bias".into(), vec![d]),
    ];
    let layers = [("attn.qkv", 3 * d, d), ("attn.proj", d, d), ("mlp.fc1", 2 * d, d), ("mlp.fc2", d, 2 * d)].map(Some);
    for (name, rows, cols) in layers.into_iter().flatten() {
        shapes.push((format!("blocks.0.{name}.weight"), vec![rows, cols]));
        shapes.push((format!("blocks.0.{name}.bias"), vec![rows]));
    }
    for name in ["norm1", "norm2"] {
        shapes.push((format!("blocks.0.{name}.weight"), vec![d]));
        shapes.push((format!("blocks.0.{name}.bias"), vec![d]));
    }
    fill(shapes)
}

/// A BERT of one layer with Hugging Face's keys.
fn bert(vocabulary: usize) -> Vec<u8> {
    let d = 32;
    let mut shapes = vec![
        ("embeddings.word_embeddings.weight".to_string(), vec![vocabulary, d]),
        ("embeddings.position_embeddings.weight".into(), vec![16, d]),
        ("embeddings.token_type_embeddings.weight".into(), vec![2, d]),
    ];
    let layer = "encoder.layer.0";
    let linears = [
        ("attention.self.query", d, d),
        ("attention.self.key", d, d),
        ("attention.self.value", d, d),
        ("attention.output.dense", d, d),
        ("intermediate.dense", 2 * d, d),
        ("output.dense", d, 2 * d),
    ];
    for (name, rows, cols) in linears {
        shapes.push((format!("{layer}.{name}.weight"), vec![rows, cols]));
        shapes.push((format!("{layer}.{name}.bias"), vec![rows]));
    }
    for name in ["embeddings", "encoder.layer.0.attention.output", "encoder.layer.0.output"] {
        shapes.push((format!("{name}.LayerNorm.weight"), vec![d]));
        shapes.push((format!("{name}.LayerNorm.bias"), vec![d]));
    }
    fill(shapes)
}

const BERT_CONFIG: &str = r#"{"vocab_size": 15, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 64, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "max_position_embeddings": 16,
    "type_vocab_size": 2, "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0,
    "position_embedding_type": "absolute", "use_cache": true, "model_type": "bert"}"#;

fn tokenizer() -> String {
    let words = "[PAD] [UNK] [CLS] [SEP] red blue green dress shirt but with longer sleeve ##s stripes";
    let vocab: serde_json::Map<String, serde_json::Value> =
        words.split(' ').enumerate().map(|(id, word)| (word.to_string(), id.into())).collect();
    let special = |id: u32, content: &str| {
        serde_json::json!({"id": id, "content": content, "special": true, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false})
    };
    let (cls, sep) = ("[CLS]", "[SEP]");
    serde_json::json!({
        "version": "1.0",
        "added_tokens": [special(0, "[PAD]"), special(1, "[UNK]"), special(2, cls), special(3, sep)],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": cls, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": sep, "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {cls: {"id": cls, "ids": [2], "tokens": [cls]},
                sep: {"id": sep, "ids": [3], "tokens": [sep]}}},
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocab},
    })
    .to_string()
}

/// Writes both checkpoints as their makers lay them out; returns (image, text).
pub fn checkpoints(folder: &Path) -> (PathBuf, PathBuf) {
    let (image, text) = (folder.join("tiny-vit"), folder.join("tiny-bert"));
    std::fs::create_dir_all(&image).unwrap();
    std::fs::create_dir_all(&text).unwrap();
    std::fs::write(image.join("model.safetensors"), vit()).unwrap();
    std::fs::write(text.join("model.safetensors"), bert(15)).unwrap();
    std::fs::write(text.join("config.json"), BERT_CONFIG).unwrap();
    std::fs::write(text.join("tokenizer.json"), tokenizer()).unwrap();
    (image, text)
}

/// A plain photo with a stripe, so that no two are alike.
pub fn photo(seed: u8, format: ImageFormat) -> Vec<u8> {
    let base = Rgb([seed.wrapping_mul(83), seed.wrapping_mul(151), seed.wrapping_mul(199)]);
    let photo = RgbImage::from_fn(30, 40, |x, _| if x % 10 == u32::from(seed % 10) { Rgb([255; 3]) } else { base });
    let mut out = Cursor::new(Vec::new());
    photo.write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// The page's own files, with stand-ins for these wasm builds: files that hold their own names.
pub fn copy_page(to: &Path, builds: &[&str]) {
    let www = Path::new(env!("CARGO_MANIFEST_DIR")).join("www");
    for folder in ["", "core", "ui", "ui/own", "ui/strings", "ui/strings/panels", "icons"] {
        std::fs::create_dir_all(to.join(folder)).unwrap();
        for entry in std::fs::read_dir(www.join(folder)).unwrap().flatten().filter(|e| e.path().is_file()) {
            std::fs::copy(entry.path(), to.join(folder).join(entry.file_name())).unwrap();
        }
    }
    for build in builds {
        std::fs::create_dir_all(to.join("pkg").join(build)).unwrap();
        for name in ["vitrine.js", "vitrine_bg.wasm"] {
            let file = format!("pkg/{build}/{name}");
            std::fs::write(to.join(&file), &file).unwrap();
        }
    }
}

/// A folder with a tiny model in `model/`; what else a test needs it adds, in methods of its own.
pub struct World {
    folder: TempDir,
}

impl World {
    /// Without a model.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn with_model() -> Self {
        let world = Self::empty();
        let (image, text) = world.checkpoints();
        succeed(&["convert", &image, &text, "--out", &world.at("model"), "--format", "q8"]);
        world
    }

    /// With `photos/`, of whose twelve one is broken, and their `items.csv`.
    pub fn with_photos() -> Self {
        let world = Self::with_model();
        world.draw("photos", 0..12, |seed| {
            [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP][usize::from(seed) % 3]
        });
        std::fs::write(world.path("photos/p3.jpg"), b"\xff\xd8 not really").unwrap();
        let rows: String = (0..12).map(|i| format!("p{i},Garment {i},{}\n", ["red", "blue"][i % 2])).collect();
        std::fs::write(world.path("items.csv"), format!("id,title,colour\n{rows}")).unwrap();
        world
    }

    /// The checkpoints that the model was made of: (image, text).
    pub fn checkpoints(&self) -> (String, String) {
        let (image, text) = checkpoints(self.folder.path());
        (s(&image), s(&text))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn at(&self, name: &str) -> String {
        s(&self.path(name))
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Draws `<folder>/p<seed>.<ending>` for each seed.
    pub fn draw(&self, folder: &str, seeds: std::ops::Range<u8>, format: fn(u8) -> ImageFormat) {
        std::fs::create_dir_all(self.path(folder)).unwrap();
        for seed in seeds {
            let name = format!("p{seed}.{}", format(seed).extensions_str()[0]);
            std::fs::write(self.path(folder).join(name), photo(seed, format(seed))).unwrap();
        }
    }
}

pub fn s(path: &Path) -> String {
    path.to_str().unwrap().to_string()
}

/// The program under test: the one of the package that the test belongs to.
pub const PROGRAM: &str = match (option_env!("CARGO_BIN_EXE_vitrine"), option_env!("CARGO_BIN_EXE_vitrine-train")) {
    (Some(program), _) | (None, Some(program)) => program,
    (None, None) => panic!("this package has no program to test"),
};

/// Runs the command line.
pub fn vitrine(args: &[&str]) -> Output {
    Command::new(PROGRAM).args(args).output().unwrap()
}

/// Runs the command line and expects it to succeed; returns what it printed.
pub fn succeed(args: &[&str]) -> String {
    let output = vitrine(args);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "vitrine {}\n{out}{err}", args.join(" "));
    out.into_owned()
}

/// Runs the command line and expects exit code 1; returns its one line.
pub fn fail(args: &[&str]) -> String {
    let output = vitrine(args);
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "vitrine {}\n{err}", args.join(" "));
    let last: Vec<&str> = err.lines().filter(|line| line.starts_with("vitrine: ")).collect();
    assert_eq!(last.len(), 1, "one line was expected:\n{err}");
    last[0].to_string()
}
