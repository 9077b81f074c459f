//! One function a kind of input that comes from elsewhere. Each takes any bytes at all, and must neither panic nor
//! allocate far more than what the bytes justify; what is read without an error must then hold together.

use std::sync::OnceLock;
use vitrine::backend::cpu::Cpu;
use vitrine::catalog::format::{Manifest, Shard};
use vitrine::convert::{image_encoder, text_encoder};
use vitrine::engine::{Engine, Query};
use vitrine::eval::queries;
use vitrine::hash::FileName;
use vitrine::image::{self, Fit, Preprocess};
use vitrine::indexer::{Metadata, PartManifest, visible};
use vitrine::model::bert::{self, Bert};
use vitrine::model::folder::Description;
use vitrine::model::fusion::{self, Fusion};
use vitrine::model::vit::{self, Vit};
use vitrine::photo_file::PhotoFile;
use vitrine::photos::PhotoSource;
use vitrine::quant::Format;
use vitrine::search::Vectors;
use vitrine::search::opened::Catalog;
use vitrine::text::Tokenizer;
use vitrine::weights::Checkpoint;

/// A kind of input.
pub struct Target {
    /// Its name, and that of its folder of inputs.
    pub name: &'static str,
    /// Bytes that one input may make the process allocate.
    pub memory: usize,
    /// Takes one input.
    pub run: fn(&[u8]),
}

const MIB: usize = 1 << 20;

/// All kinds.
pub static TARGETS: [Target; 12] = [
    Target { name: "shard", memory: 16 * MIB, run: shard },
    Target { name: "manifest", memory: 16 * MIB, run: manifest },
    Target { name: "model", memory: 256 * MIB, run: model },
    Target { name: "weights", memory: 64 * MIB, run: weights },
    Target { name: "tokenizer", memory: 64 * MIB, run: tokenizer },
    Target { name: "words", memory: 64 * MIB, run: words },
    // 64 megapixels of four bytes, a copy without transparency, and what the decoder itself needs
    Target { name: "photo", memory: 1024 * MIB, run: photo },
    Target { name: "metadata", memory: 16 * MIB, run: metadata },
    Target { name: "queries", memory: 16 * MIB, run: queries_file },
    Target { name: "archive", memory: 64 * MIB, run: archive },
    Target { name: "part", memory: 16 * MIB, run: part },
    Target { name: "strip", memory: 32 * MIB, run: strip },
];

fn shard(bytes: &[u8]) {
    if let Ok(shard) = Shard::decode(bytes) {
        assert_eq!(shard.vectors.len(), shard.ids.len() * shard.dimension);
        assert_eq!(shard.scales.len(), shard.ids.len());
        let again = Shard::decode(&shard.encode()).expect("what was written can be read");
        assert_eq!((again.ids, again.vectors), (shard.ids, shard.vectors));
    }
}

fn manifest(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(manifest) = Manifest::from_json(&text) else { return };
    assert_eq!(manifest.shards.iter().map(|shard| shard.count).sum::<usize>(), manifest.count);
    for shard in &manifest.shards {
        assert!([&shard.vectors.file, &shard.items.file].into_iter().all(|file| FileName::parse(file).is_ok()));
    }
    let mut catalog = Catalog::open(&text, None).expect("a manifest that was read once is read again");
    let _ = catalog.add_shard("shard-0123456789abcdef.bin", bytes);
    let _ = catalog.index().neighbours(0, usize::MAX, None);
}

fn model(bytes: &[u8]) {
    let Ok(description) = Description::from_json(&String::from_utf8_lossy(bytes)) else { return };
    assert!(description.files().all(|part| FileName::parse(&part.file).is_ok()));
    let photo = ::image::RgbImage::from_pixel(3, 5, ::image::Rgb([200, 10, 30]));
    let p = description.preprocess.clone();
    assert_eq!(image::patches(&photo, &p).len(), p.grid() * p.grid() * 3 * p.patch * p.patch);
    let mut engine = Engine::new(Cpu::new(), description);
    let parts: Vec<_> = engine.description().files().map(|file| file.part).collect();
    for part in parts {
        let _ = engine.load_part(part, bytes);
    }
    let _ = pollster::block_on(engine.encode(Query { text: Some("red dress"), ..Query::default() }));
}

fn weights(bytes: &[u8]) {
    let Ok(checkpoint) = Checkpoint::from_bytes(bytes) else { return };
    let again = checkpoint.to_bytes().expect("what was read can be written");
    assert!(
        Checkpoint::from_bytes(&again).expect("what was written can be read").tensors.len() == checkpoint.tensors.len()
    );
    for format in [Format::F32, Format::F16, Format::Q8, Format::Q4] {
        checkpoint.convert(format);
    }
    let _ = image_encoder(checkpoint.clone(), None, None);
    let config = serde_json::from_str(BERT).expect("the configuration is JSON");
    let _ = text_encoder(checkpoint.clone(), &config, Vec::new());
    let b = Cpu::new();
    let norm = 1e-6;
    let (hidden_size, layers, heads, intermediate_size) = (64, 1, 1, 128);
    let image = vit::Config {
        hidden_size,
        layers,
        heads,
        intermediate_size,
        patch_size: 8,
        image_size: 32,
        layer_norm_eps: norm,
    };
    if let Ok(vit) = Vit::load(&b, &checkpoint, &image) {
        use vitrine::backend::Backend;
        let patches = b.tensor(&[0.5; 16 * 192], &[1, 16, 192]).expect("the shape fits");
        vit.forward(&b, &patches).expect("an encoder that loads runs");
    }
    let text = bert::Config {
        hidden_size: 32,
        layers,
        heads: 2,
        intermediate_size: 64,
        vocab_size: 15,
        max_positions: 16,
        layer_norm_eps: norm,
    };
    let _ = Bert::load(&b, &checkpoint, &text);
    let _ = Fusion::load(&b, &checkpoint, &fusion::Config { dimension: 8, layer_norm_eps: norm }, 64, 32);
}

const BERT: &str = r#"{"vocab_size": 15, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 64, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "max_position_embeddings": 16,
    "type_vocab_size": 2, "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0,
    "position_embedding_type": "absolute", "use_cache": true, "model_type": "bert"}"#;

const TEXTS: [&str; 4] = ["red striped dress", "", "but with longer sleeves, größer 👗", "\u{0}\u{200b}a\u{301}"];

fn tokenizer(bytes: &[u8]) {
    let Ok(tokenizer) = Tokenizer::from_json(bytes, 16) else { return };
    TEXTS.iter().for_each(|text| check_text(&tokenizer, text, 16));
}

fn words(bytes: &[u8]) {
    static SHIPPED: OnceLock<Tokenizer> = OnceLock::new();
    let json = include_bytes!("../../models/default/tokenizer.json");
    let tokenizer = SHIPPED.get_or_init(|| Tokenizer::from_json(json, 64).expect("the shipped tokenizer is read"));
    check_text(tokenizer, &String::from_utf8_lossy(bytes), 64);
}

fn check_text(tokenizer: &Tokenizer, text: &str, longest: usize) {
    let Ok(tokens) = tokenizer.read(&[text]) else { return };
    assert!(tokens.length <= longest && tokens.ids.len() == tokens.length && tokens.mask.len() == tokens.length);
    let shown = tokenizer.tokens(text).expect("what was read has tokens");
    assert_eq!(shown.len(), tokens.length);
}

fn photo(bytes: &[u8]) {
    let Ok(photo) = image::decode(bytes) else { return };
    assert!(photo.width() > 0 && photo.height() > 0);
    for fit in [Fit::Pad, Fit::Stretch, Fit::Crop] {
        let p = Preprocess { size: 32, patch: 8, fit, mean: [0.5; 3], std: [0.5; 3], resize: None };
        assert!(image::patches(&photo, &p).iter().all(|v| v.is_finite()));
    }
    let small = image::thumbnail(&photo, 16);
    assert!(small.width().max(small.height()) <= 16 && small.width() > 0 && small.height() > 0);
}

fn metadata(bytes: &[u8]) {
    let file = written(bytes, ".csv");
    if let Ok(metadata) = Metadata::read(file.path(), &[]) {
        let _ = (metadata.get("p1"), metadata.get("../p1"), metadata.len(), metadata.is_empty());
    }
}

fn queries_file(bytes: &[u8]) {
    if let Ok(read) = queries::parse(&String::from_utf8_lossy(bytes), "q.jsonl") {
        assert!(read.iter().all(|query| !query.targets.is_empty()));
        assert!(read.iter().all(|query| query.reference.is_some() || query.text().is_some()));
    }
}

fn archive(bytes: &[u8]) {
    let file = written(bytes, ".zip");
    let Ok(photos) = PhotoSource::open(file.path()) else { return };
    for id in photos.ids().iter().take(8) {
        assert!(!id.contains(['/', '\\', '\0']) && id != ".." && !id.starts_with('.'), "{id:?}");
        let _ = photos.read(id);
    }
}

fn part(bytes: &[u8]) {
    let Ok(manifest) = PartManifest::from_json(bytes) else { return };
    assert!((1..=manifest.whole.parts).contains(&manifest.part) && manifest.whole.dimension > 0);
    let folder = std::path::Path::new("part");
    // one part of many: the message names a few of those that are missing, not three billion
    if let Err(error) = vitrine::indexer::check_parts(vec![(folder, manifest)]) {
        assert!(error.to_string().len() < 4096);
    }
}

fn strip(bytes: &[u8]) {
    let _ = visible(&String::from_utf8_lossy(bytes));
    let Ok(file) = PhotoFile::read(bytes) else { return };
    assert!(file.published.len() <= bytes.len() + 64, "an orientation may be added, and nothing else");
    let again = PhotoFile::read(&file.published).expect("what is published is a photo");
    assert!(again.published == file.published && again.orientation == file.orientation);
}

fn written(bytes: &[u8], ending: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(ending).tempfile().expect("there is room for a file");
    std::fs::write(file.path(), bytes).expect("there is room for a file");
    file
}
