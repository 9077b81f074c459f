//! Checkpoints of others → model folders: keys renamed, projections joined, positions resized, vocabulary trimmed.
//!
//! Read are ViT and DeiT with Hugging Face or timm keys and BERT with Hugging Face keys, each as a folder of
//! `*.safetensors`, `config.json` and, for text, `tokenizer.json`; and CLIP and SigLIP, which are both encoders at once.

pub mod clip;
pub mod vocabulary;

use crate::error::{Error, Result, io};
use crate::image::{Fit, Preprocess};
use crate::model::clip::TextPool;
use crate::model::folder::{Description, FORMAT, LARGEST_FILE, Part, VERSION};
use crate::model::{bert, fusion, vit};
use crate::quant::Format;
use crate::staging::{Claim, Kind};
use crate::weights::{Checkpoint, Stored};
use rand::{Rng, SeedableRng};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// Longest text of a converted model in tokens: a search is short, and positions cost bytes.
const MAX_TOKENS: usize = 64;

/// An encoder read from a checkpoint, in this project's keys.
pub enum Encoder {
    /// A Vision Transformer.
    Image {
        /// Its sizes.
        config: vit::Config,
        /// Its weights.
        weights: Checkpoint,
        /// Channel means and deviations it was trained with.
        normalize: ([f32; 3], [f32; 3]),
    },
    /// A BERT encoder.
    Text {
        /// Its sizes.
        config: bert::Config,
        /// Its weights.
        weights: Checkpoint,
        /// Its `tokenizer.json`.
        tokenizer: Vec<u8>,
    },
    /// Both towers of a CLIP.
    Clip(Box<Clip>),
}

/// A CLIP read from a checkpoint, in this project's keys.
pub struct Clip {
    /// Its sizes.
    pub config: crate::model::clip::Config,
    /// The weights of the tower of photos.
    pub image: Checkpoint,
    /// The weights of the tower of texts.
    pub text: Checkpoint,
    /// Its `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// How photos are prepared.
    pub preprocess: Preprocess,
}

/// Reads an encoder from a folder with one `*.safetensors` file.
pub fn read_encoder(folder: &Path) -> Result<Encoder> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .map_err(io("reading", folder))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "safetensors"))
        .collect();
    files.sort();
    let [file] = &files[..] else {
        return Err(Error::Model(format!(
            "expected one .safetensors file in {}, got {}; keep the one to convert",
            folder.display(),
            files.len()
        )));
    };
    let weights = Checkpoint::from_bytes(&std::fs::read(file).map_err(io("reading", file))?)?;
    let read_json = |name: &str| -> Result<Option<Value>> {
        let path = folder.join(name);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = std::fs::read(&path).map_err(io("reading", &path))?;
        let bad = |e| Error::Model(format!("expected JSON in {}, got something else ({e})", path.display()));
        serde_json::from_slice(&bytes).map(Some).map_err(bad)
    };
    let config = read_json("config.json")?;
    if clip::is_clip(&weights) {
        let read = |name: &str| Ok::<_, Error>(read_json(name)?.unwrap_or_default());
        let files = clip::Files {
            config: config.unwrap_or_default(),
            open_clip: read("open_clip_config.json")?,
            preprocessor: read("preprocessor_config.json")?,
            tokenizer_config: read("tokenizer_config.json")?,
            special_tokens: read("special_tokens_map.json")?,
            tokenizer: read("tokenizer.json")?,
        };
        return clip::read(weights, &files);
    }
    if weights.tensors.keys().any(|key| key.contains("word_embeddings")) {
        let path = folder.join("tokenizer.json");
        let tokenizer = std::fs::read(&path).map_err(io("reading", &path))?;
        return text_encoder(weights, &config.unwrap_or_default(), tokenizer);
    }
    image_encoder(weights, config.as_ref(), read_json("preprocessor_config.json")?.as_ref())
}

/// A Vision Transformer from its tensors and, where there is one, its `config.json`.
pub fn image_encoder(weights: Checkpoint, config: Option<&Value>, preprocessor: Option<&Value>) -> Result<Encoder> {
    let hugging_face = weights.tensors.keys().any(|key| key.contains("layernorm_before"));
    let weights = rename(weights, if hugging_face { vit_key } else { timm_key })?;
    let mut weights = join_projections(weights, "attn.query", "attn.key", "attn.value", "attn.qkv")?;
    add_missing_bias(&mut weights)?;
    let patch = &weights.get("patch_embed.proj.weight")?.shape;
    let [hidden_size, 3, patch_size, _] = patch[..] else {
        return Err(Error::Tensor {
            name: "patch_embed.proj.weight".into(),
            expected: "shape [hidden, 3, patch, patch]".into(),
            got: format!("{patch:?}"),
        });
    };
    let tokens = weights.get("pos_embed")?.shape.iter().product::<usize>() / hidden_size.max(1);
    let grid = grid_of(tokens)?;
    // DeiT and AugReg use heads of 64 features; a config.json has the last word
    let field = |name: &str| config.and_then(|c| c[name].as_u64()).map(|v| v as usize);
    let eps = config.and_then(|c| c["layer_norm_eps"].as_f64());
    let config = vit::Config {
        hidden_size,
        layers: count(&weights, "blocks.", ".norm1.weight"),
        heads: field("num_attention_heads").unwrap_or((hidden_size / 64).max(1)),
        intermediate_size: rows_of(&weights, "blocks.0.mlp.fc1.weight")?,
        patch_size,
        image_size: grid * patch_size,
        layer_norm_eps: eps.unwrap_or(if hugging_face { 1e-12 } else { 1e-6 }),
    };
    config.check()?;
    let triple = |name: &str| -> Option<[f32; 3]> {
        let values: Vec<f32> =
            preprocessor?[name].as_array()?.iter().filter_map(|v| Some(v.as_f64()? as f32)).collect();
        values.try_into().ok()
    };
    let normalize = (triple("image_mean").unwrap_or([0.5; 3]), triple("image_std").unwrap_or([0.5; 3]));
    Ok(Encoder::Image { config, weights, normalize })
}

/// A BERT encoder from its tensors, its `config.json` and its `tokenizer.json`.
pub fn text_encoder(weights: Checkpoint, config: &Value, tokenizer: Vec<u8>) -> Result<Encoder> {
    // candle-transformers knows every field and default of this file
    let read: candle_transformers::models::bert::Config = serde_json::from_value(config.clone()).map_err(|e| {
        Error::Model(format!("expected BERT's config.json beside its weights, got one with a fault: {e}; add it"))
    })?;
    let weights = rename(weights, bert_key)?;
    let weights = join_projections(weights, "self.query", "self.key", "self.value", "self.qkv")?;
    let (weights, max_positions) = fold_token_type(weights)?;
    let config = bert::Config {
        hidden_size: read.hidden_size,
        layers: read.num_hidden_layers,
        heads: read.num_attention_heads,
        intermediate_size: read.intermediate_size,
        vocab_size: rows_of(&weights, "embeddings.word_embeddings.weight")?,
        max_positions,
        layer_norm_eps: read.layer_norm_eps,
    };
    config.check()?;
    Ok(Encoder::Text { config, weights, tokenizer })
}

/// The first axis of a tensor; a lone number has none.
fn first_axis(name: &str, stored: &Stored) -> Result<usize> {
    stored.shape.first().copied().ok_or_else(|| Error::Tensor {
        name: name.to_string(),
        expected: "at least one axis".into(),
        got: "a lone number".into(),
    })
}

fn rows_of(weights: &Checkpoint, name: &str) -> Result<usize> {
    first_axis(name, weights.get(name)?)
}

fn grid_of(tokens: usize) -> Result<usize> {
    let grid = (tokens.saturating_sub(1) as f64).sqrt() as usize;
    match grid > 0 && grid * grid + 1 == tokens {
        true => Ok(grid),
        false => Err(Error::Tensor {
            name: "pos_embed".into(),
            expected: "one position for the class token and a square of patches".into(),
            got: format!("{tokens} positions (distilled DeiT has one token more; use the plain variant)"),
        }),
    }
}

fn count(weights: &Checkpoint, prefix: &str, suffix: &str) -> usize {
    weights.tensors.keys().filter(|key| key.starts_with(prefix) && key.ends_with(suffix)).count()
}

/// Renames every tensor; `None` drops it.
fn rename(weights: Checkpoint, key: fn(&str) -> Option<String>) -> Result<Checkpoint> {
    let tensors = weights.tensors.into_iter().filter_map(|(name, tensor)| Some((key(&name)?, tensor))).collect();
    Ok(Checkpoint { tensors, metadata: BTreeMap::new() })
}

fn timm_key(name: &str) -> Option<String> {
    let name = name.trim_start_matches("model.");
    let dropped = name.starts_with("head") || name.starts_with("fc_norm");
    (!dropped).then(|| name.to_string())
}

fn vit_key(name: &str) -> Option<String> {
    let name = name.trim_start_matches("vit.").trim_start_matches("deit.");
    if name.starts_with("pooler") || name.starts_with("classifier") || name.contains("mask_token") {
        return None;
    }
    let pairs = [
        ("embeddings.cls_token", "cls_token"),
        ("embeddings.position_embeddings", "pos_embed"),
        ("embeddings.patch_embeddings.projection", "patch_embed.proj"),
        ("encoder.layer.", "blocks."),
        ("layernorm_before", "norm1"),
        ("layernorm_after", "norm2"),
        ("attention.attention.", "attn."),
        ("attention.output.dense", "attn.proj"),
        ("intermediate.dense", "mlp.fc1"),
        ("output.dense", "mlp.fc2"),
        ("layernorm.", "norm."),
    ];
    Some(pairs.iter().fold(name.to_string(), |name, (from, to)| name.replace(from, to)))
}

fn bert_key(name: &str) -> Option<String> {
    let name = name.trim_start_matches("bert.");
    let kept = name.starts_with("embeddings.") || name.starts_with("encoder.");
    let name = name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias");
    (kept && !name.ends_with("position_ids")).then_some(name)
}

/// Joins three projections `[d, d]` into one `[3·d, d]`, and their biases.
fn join_projections(mut weights: Checkpoint, q: &str, k: &str, v: &str, joined: &str) -> Result<Checkpoint> {
    let marks: Vec<String> = weights.tensors.keys().filter(|key| key.contains(q)).cloned().collect();
    for query in marks {
        let mut values = Vec::new();
        let mut rows = 0;
        let mut shape = Vec::new();
        for part in [q, k, v] {
            let name = query.replace(q, part);
            let stored = weights.tensors.remove(&name).ok_or_else(|| Error::Tensor {
                name: name.clone(),
                expected: "a projection beside the query's".into(),
                got: "none".into(),
            })?;
            rows += first_axis(&name, &stored)?;
            shape = stored.shape.clone();
            values.extend(stored.matrix.to_f32());
        }
        shape.splice(..1, [rows]);
        weights.tensors.insert(query.replace(q, joined), Stored::from_f32(values, &shape)?);
    }
    Ok(weights)
}

/// Gives a joined projection that was trained without a bias one of zeros.
fn add_missing_bias(weights: &mut Checkpoint) -> Result<()> {
    let unbiased: Vec<(String, usize)> = weights
        .tensors
        .iter()
        .filter_map(|(name, stored)| {
            let bias = name.strip_suffix("attn.qkv.weight").map(|block| format!("{block}attn.qkv.bias"))?;
            (!weights.tensors.contains_key(&bias)).then_some((bias, *stored.shape.first()?))
        })
        .collect();
    for (bias, rows) in unbiased {
        weights.tensors.insert(bias, Stored::from_f32(vec![0.0; rows], &[rows])?);
    }
    Ok(())
}

/// Adds the embedding of token type 0 to every position, and keeps the first [`MAX_TOKENS`] positions.
fn fold_token_type(mut weights: Checkpoint) -> Result<(Checkpoint, usize)> {
    let name = "embeddings.position_embeddings.weight";
    let positions = weights.get(name)?.clone();
    let kept = positions.matrix.rows.min(MAX_TOKENS);
    let d = positions.matrix.cols;
    let mut values = positions.matrix.to_f32();
    values.truncate(kept * d);
    if let Some(types) = weights.tensors.remove("embeddings.token_type_embeddings.weight") {
        let first = types.matrix.row(0);
        values.chunks_exact_mut(d).for_each(|row| row.iter_mut().zip(&first).for_each(|(v, t)| *v += t));
    }
    weights.tensors.insert(name.into(), Stored::from_f32(values, &[kept, d])?);
    Ok((weights, kept))
}

/// Resizes position embeddings to another image size, bicubic as PyTorch does it (a = −0.75, half-pixel centres).
pub fn resize_positions(weights: &mut Checkpoint, config: &mut vit::Config, image_size: usize) -> Result<()> {
    let (from, d) = (config.grid(), config.hidden_size);
    config.image_size = image_size;
    config.check()?;
    resize_grid(weights, [1, from, config.grid()], d)
}

/// The positions of a grid of `from` behind `class` tokens → those of a grid of `to`.
fn resize_grid(weights: &mut Checkpoint, [class, from, to]: [usize; 3], d: usize) -> Result<()> {
    if from == to {
        return Ok(());
    }
    let all = weights.get("pos_embed")?.matrix.to_f32();
    let (front, grid) = all.split_at(class * d);
    let mut out = front.to_vec();
    let taps: Vec<_> = (0..to).map(|i| cubic_taps(i, from, to)).collect();
    for (ty, tx) in taps.iter().flat_map(|ty| taps.iter().map(move |tx| (ty, tx))) {
        for f in 0..d {
            let sum = ty.iter().flat_map(|&(y, wy)| tx.iter().map(move |&(x, wx)| (y, x, wy * wx)));
            out.push(sum.map(|(y, x, w)| w * f64::from(grid[(y * from + x) * d + f])).sum::<f64>() as f32);
        }
    }
    weights.tensors.insert("pos_embed".into(), Stored::from_f32(out, &[1, class + to * to, d])?);
    Ok(())
}

/// The four source positions and weights that make output `i`.
fn cubic_taps(i: usize, from: usize, to: usize) -> [(usize, f64); 4] {
    let centre = (i as f64 + 0.5) * from as f64 / to as f64 - 0.5;
    let base = centre.floor();
    let kernel = |distance: f64| {
        let (a, x) = (-0.75, distance.abs());
        match x {
            x if x <= 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
            x if x < 2.0 => ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a,
            _ => 0.0,
        }
    };
    std::array::from_fn(|tap| {
        let position = base + tap as f64 - 1.0;
        ((position.max(0.0) as usize).min(from - 1), kernel(centre - position))
    })
}

/// See [`Model::trim_vocabulary`].
fn trim_vocabulary(
    config: &mut bert::Config,
    weights: &mut Checkpoint,
    tokenizer: &mut Vec<u8>,
    size: usize,
    corpus: &[String],
) -> Result<()> {
    let bad = |what: &str| Error::Model(format!("expected a WordPiece tokenizer.json, got one without {what}"));
    let mut json: Value = serde_json::from_slice(tokenizer).map_err(|_| bad("JSON"))?;
    let vocab = json["model"]["vocab"].as_object().ok_or_else(|| bad("model.vocab"))?;
    let mut words: Vec<(u64, String)> =
        vocab.iter().filter_map(|(word, id)| Some((id.as_u64()?, word.clone()))).collect();
    words.sort();
    let used = vocabulary::used(tokenizer, corpus, config.max_positions)?;
    let specials: HashSet<u64> =
        json["added_tokens"].as_array().into_iter().flatten().filter_map(|t| t["id"].as_u64()).collect();
    let must = |id: u64, word: &str| {
        let bare = word.trim_start_matches("##");
        specials.contains(&id) || used.contains(&(id as u32)) || (bare.chars().count() == 1 && is_latin(bare))
    };
    let needed = words.iter().filter(|(id, word)| must(*id, word)).count();
    let mut spare = size.saturating_sub(needed);
    let kept: Vec<(u64, String)> = words
        .into_iter()
        .filter(|(id, word)| {
            let extra = !must(*id, word) && spare > 0 && is_latin(word.trim_start_matches("##"));
            spare -= usize::from(extra);
            extra || must(*id, word)
        })
        .collect();
    let table = weights.get("embeddings.word_embeddings.weight")?.matrix.clone();
    if let Some((id, word)) = kept.iter().find(|(id, _)| *id >= table.rows as u64) {
        let problem = format!("expected ids below {} in tokenizer.json, got {id} for {word:?}", table.rows);
        return Err(Error::Model(format!("{problem}; use the model's own tokenizer.json")));
    }
    let rows: Vec<f32> = kept.iter().flat_map(|(id, _)| table.row(*id as usize)).collect();
    let table = Stored::from_f32(rows, &[kept.len(), table.cols])?;
    weights.tensors.insert("embeddings.word_embeddings.weight".into(), table);
    config.vocab_size = kept.len();
    renumber(&mut json, &kept);
    *tokenizer = serde_json::to_vec(&json).map_err(|e| Error::Model(e.to_string()))?;
    Ok(())
}

fn is_latin(word: &str) -> bool {
    !word.starts_with('[') && word.chars().all(|c| c.is_ascii_graphic() || ('à'..='ÿ').contains(&c))
}

/// A `tokenizer.json` of at most `size` words, numbered anew: special tokens, all single characters, and then those that
/// `used` counts most often. A dropped word is still read, as the tokens that remain.
///
/// # Errors
/// [`Error::Model`] for anything but a WordPiece tokenizer.
pub fn trim_tokenizer(tokenizer: &[u8], size: usize, used: &HashMap<u32, u64>) -> Result<Vec<u8>> {
    let bad = |what: &str| Error::Model(format!("expected a WordPiece tokenizer.json, got one without {what}"));
    let mut json: Value = serde_json::from_slice(tokenizer).map_err(|_| bad("JSON"))?;
    let vocab = json["model"]["vocab"].as_object().ok_or_else(|| bad("model.vocab"))?;
    let specials: HashSet<u64> =
        json["added_tokens"].as_array().into_iter().flatten().filter_map(|t| t["id"].as_u64()).collect();
    let rank = |id: u64, word: &str| match word.trim_start_matches("##").chars().count() == 1 {
        _ if specials.contains(&id) => u64::MAX,
        true => u64::MAX - 1,
        false => used.get(&(id as u32)).copied().unwrap_or(0),
    };
    let mut words: Vec<(u64, String)> = vocab.iter().filter_map(|(w, id)| Some((id.as_u64()?, w.clone()))).collect();
    words.sort_by_key(|(id, word)| (std::cmp::Reverse(rank(*id, word)), *id));
    let must = words.iter().take_while(|(id, word)| rank(*id, word) >= u64::MAX - 1).count();
    words.truncate(size.max(must));
    words.sort_unstable();
    renumber(&mut json, &words);
    serde_json::to_vec(&json).map_err(|e| Error::Model(e.to_string()))
}

/// Writes the kept words' new numbers wherever a `tokenizer.json` has numbers.
fn renumber(json: &mut Value, kept: &[(u64, String)]) {
    let new: BTreeMap<&str, usize> = kept.iter().enumerate().map(|(new, (_, word))| (word.as_str(), new)).collect();
    let vocab = kept.iter().enumerate().map(|(new, (_, word))| (word.clone(), new.into())).collect();
    json["model"]["vocab"] = Value::Object(vocab);
    for token in json["added_tokens"].as_array_mut().into_iter().flatten() {
        let id = token["content"].as_str().and_then(|word| new.get(word)).copied();
        token["id"] = id.into();
    }
    for (word, entry) in json["post_processor"]["special_tokens"].as_object_mut().into_iter().flatten() {
        entry["ids"] = Value::from(new.get(word.as_str()).map(|&id| vec![id]).unwrap_or_default());
    }
}

/// A fusion head of random weights (Glorot and Bengio, 2010), where training starts.
pub fn initial_fusion(config: &fusion::Config, image: usize, text: usize, seed: u64) -> Result<Checkpoint> {
    let d = config.dimension;
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut head = Checkpoint::default();
    let mut put = |name: &str, values: Vec<f32>, shape: &[usize]| -> Result<()> {
        head.tensors.insert(name.into(), Stored::from_f32(values, shape)?);
        Ok(())
    };
    let matrices = [
        ("image.proj", d, image),
        ("text.proj", d, text),
        ("pool.w", d, d),
        ("attention.w1", d, d),
        ("attention.u1", d, d),
        ("attention.w2", d, d),
        ("attention.u2", d, d),
        ("attention.w3", d, d),
        ("gate", d, 2 * d),
        ("mlp.fc1", 2 * d, 2 * d),
        ("mlp.fc2", d, 2 * d),
    ];
    for (name, rows, cols) in matrices {
        let limit = (6.0 / (rows + cols) as f32).sqrt();
        let values = (0..rows * cols).map(|_| rng.random_range(-limit..limit)).collect();
        put(&format!("{name}.weight"), values, &[rows, cols])?;
        if !name.ends_with("proj") && !name.contains(".u") {
            put(&format!("{name}.bias"), vec![0.0; rows], &[rows])?;
        }
    }
    for name in ["image.norm", "text.norm"] {
        put(&format!("{name}.weight"), vec![1.0; d], &[d])?;
        put(&format!("{name}.bias"), vec![0.0; d], &[d])?;
    }
    for name in ["pool.v", "attention.v"] {
        let limit = (3.0 / d as f32).sqrt();
        put(name, (0..d).map(|_| rng.random_range(-limit..limit)).collect(), &[d])?;
    }
    Ok(head)
}

/// A model in memory: its description and every part as f32 tensors, or the tokenizer's JSON.
#[derive(Clone)]
pub struct Model {
    /// `model.json`; its hashes are those of the folder that it came from, if any.
    pub description: Description,
    /// The weight files by part.
    pub weights: BTreeMap<Part, Checkpoint>,
    /// `tokenizer.json`, where there is a text encoder.
    pub tokenizer: Option<Vec<u8>>,
}

impl Model {
    /// Joins encoders and, where there are both kinds, a fusion head (a random one, with a note, if `head` is none).
    pub fn assemble(name: &str, encoders: Vec<Encoder>, head: Option<(fusion::Config, Checkpoint)>) -> Result<Self> {
        let mut model = Model::empty(name);
        for encoder in encoders {
            let description = &mut model.description;
            match encoder {
                Encoder::Image { config, weights, normalize: (mean, std) } => {
                    let (size, patch) = (config.image_size, config.patch_size);
                    description.preprocess = Preprocess { size, patch, fit: Fit::Pad, mean, std, resize: None };
                    description.image_size = size;
                    description.dimension = config.hidden_size;
                    description.image = Some(config);
                    model.weights.insert(Part::Image, weights);
                }
                Encoder::Text { config, weights, tokenizer } => {
                    description.max_tokens = config.max_positions;
                    description.text = Some(config);
                    model.weights.insert(Part::Text, weights);
                    model.tokenizer = Some(tokenizer);
                }
                Encoder::Clip(clip) => return Ok(Self::of_clip(model, *clip)),
            }
        }
        let (Some(image), Some(text)) = (&model.description.image, &model.description.text) else { return Ok(model) };
        let (config, weights) = match head {
            Some(head) => head,
            None => {
                let config = fusion::Config { dimension: 256, layer_norm_eps: 1e-6 };
                let note = "The fusion head of this model is untrained: its answers are close to random.";
                model.description.note = Some(note.into());
                let weights = initial_fusion(&config, image.hidden_size, text.hidden_size, 0)?;
                (config, weights)
            }
        };
        model.description.dimension = config.dimension;
        model.description.fusion = Some(config);
        model.weights.insert(Part::Fusion, weights);
        Ok(model)
    }

    fn of_clip(mut model: Self, clip: Clip) -> Self {
        let Clip { config, image, text, tokenizer, preprocess } = clip;
        let description = &mut model.description;
        (description.image_size, description.preprocess) = (preprocess.size, preprocess);
        (description.max_tokens, description.dimension) = (config.text.max_positions, config.dimension);
        description.temperature = Some(1.0 / config.logit_scale);
        description.clip = Some(config);
        model.weights = BTreeMap::from([(Part::Image, image), (Part::Text, text)]);
        model.tokenizer = Some(tokenizer);
        model
    }

    fn empty(name: &str) -> Self {
        let preprocess =
            Preprocess { size: 224, patch: 16, fit: Fit::Pad, mean: [0.5; 3], std: [0.5; 3], resize: None };
        let description = Description {
            format: FORMAT.into(),
            version: VERSION,
            name: name.into(),
            fingerprint: String::new(),
            dimension: 0,
            image_size: 0,
            note: None,
            preprocess,
            temperature: None,
            max_tokens: MAX_TOKENS,
            image: None,
            text: None,
            fusion: None,
            clip: None,
            parts: Vec::new(),
            instant: None,
        };
        Self { description, weights: BTreeMap::new(), tokenizer: None }
    }

    /// Reads a model folder.
    pub fn open(folder: &Path) -> Result<Self> {
        let description = Description::open(folder)?;
        let mut model = Model { weights: BTreeMap::new(), tokenizer: None, description };
        // it belongs to the text encoder as it was, which whoever opens the model for writing is about to change
        model.description.instant = None;
        let mut parts: Vec<Part> = model.description.parts.iter().map(|file| file.part).collect();
        parts.dedup();
        for part in parts {
            match part {
                Part::Tokenizer => model.tokenizer = Some(model.description.read(folder, part)?),
                part => drop(model.weights.insert(part, model.description.weights(folder, part)?)),
            }
        }
        Ok(model)
    }

    /// Brings the image encoder to another input size.
    pub fn resize(&mut self, image_size: usize) -> Result<()> {
        if let (Some(clip), Some(weights)) = (&mut self.description.clip, self.weights.get_mut(&Part::Image)) {
            let (class, from) = (clip.image.class_tokens(), clip.image.grid());
            let resized = clip.image.image_size;
            clip.image.image_size = image_size;
            clip.check()?;
            resize_grid(weights, [class, from, clip.image.grid()], clip.image.stack.hidden_size)?;
            let preprocess = &mut self.description.preprocess;
            if let Some(resize) = &mut preprocess.resize {
                resize.side = resize.side * image_size / resized;
            }
            (preprocess.size, self.description.image_size) = (image_size, image_size);
            return Ok(());
        }
        let (Some(config), Some(weights)) = (&mut self.description.image, self.weights.get_mut(&Part::Image)) else {
            return Ok(());
        };
        resize_positions(weights, config, image_size)?;
        self.description.preprocess.size = image_size;
        self.description.image_size = image_size;
        Ok(())
    }

    /// Drops rows of the word table: kept are special tokens, single Latin characters, every token that `corpus` uses,
    /// and then the most frequent Latin words and tokens (a WordPiece vocabulary is ordered by frequency) up to `size`.
    /// A dropped word is still read, as the tokens that remain.
    pub fn trim_vocabulary(&mut self, size: usize, corpus: &[String]) -> Result<()> {
        if self.description.clip.is_some() {
            return self.trim_tokens(size, corpus);
        }
        let (Some(config), Some(weights)) = (&mut self.description.text, self.weights.get_mut(&Part::Text)) else {
            return Ok(());
        };
        let tokenizer = self.tokenizer.get_or_insert_default();
        trim_vocabulary(config, weights, tokenizer, size, corpus)
    }

    /// The same of a CLIP's token table.
    fn trim_tokens(&mut self, size: usize, corpus: &[String]) -> Result<()> {
        let (Some(clip), Some(weights)) = (&mut self.description.clip, self.weights.get_mut(&Part::Text)) else {
            return Ok(());
        };
        let tokenizer = self.tokenizer.get_or_insert_default();
        let kept = vocabulary::trim(tokenizer, size, corpus, clip.text.max_positions)?;
        let table = &weights.get("tokens.weight")?.matrix;
        if let Some(id) = kept.rows.iter().find(|id| **id as usize >= table.rows) {
            let problem = format!("expected ids below {} in tokenizer.json, got {id}", table.rows);
            return Err(Error::Model(format!("{problem}; use the model's own tokenizer.json")));
        }
        let rows: Vec<f32> = kept.rows.iter().flat_map(|id| table.row(*id as usize)).collect();
        let table = Stored::from_f32(rows, &[kept.rows.len(), table.cols])?;
        weights.tensors.insert("tokens.weight".into(), table);
        let text = &mut clip.text;
        text.vocab_size = kept.rows.len();
        text.padding = text.padding.and_then(|id| kept.renumbered(id));
        if let TextPool::End(end) = &mut text.pool {
            *end = kept.renumbered(*end).unwrap_or(*end);
        }
        *tokenizer = kept.tokenizer;
        Ok(())
    }

    /// Writes a model folder with matrices in the given format and returns its description.
    pub fn write(&self, folder: &Path, format: Format) -> Result<Description> {
        self.write_to(&mut Claim::new(Kind::Model, folder, &[])?, format)
    }

    /// Writes the folder that was claimed.
    pub fn write_to(&self, folder: &mut Claim, format: Format) -> Result<Description> {
        let mut parts = Vec::new();
        if let Some(tokenizer) = &self.tokenizer {
            parts.push((Part::Tokenizer, tokenizer.clone()));
        }
        for (part, weights) in &self.weights {
            let files = weights.convert(format).to_files(LARGEST_FILE)?;
            parts.extend(files.into_iter().map(|bytes| (*part, bytes)));
        }
        let mut description = self.description.clone();
        description.seal(&parts);
        description.write(folder, &parts)?;
        Ok(description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cubic_taps_sum_to_one_and_reproduce_the_grid() {
        for (from, to) in [(14, 8), (4, 6), (3, 3), (2, 7)] {
            for i in 0..to {
                let sum: f64 = cubic_taps(i, from, to).iter().map(|(_, w)| w).sum();
                assert!((sum - 1.0).abs() < 1e-12);
            }
        }
        assert_eq!(cubic_taps(1, 3, 3)[1], (1, 1.0));
    }

    #[test]
    fn a_projection_without_bias_gets_zeros() {
        let mut weights = Checkpoint::default();
        for name in ["blocks.0.attn.qkv.weight", "blocks.1.attn.qkv.weight", "blocks.1.attn.qkv.bias"] {
            weights.tensors.insert(name.into(), Stored::from_f32(vec![1.0; 6], &[6, 1]).unwrap());
        }
        add_missing_bias(&mut weights).unwrap();
        assert_eq!(weights.get("blocks.0.attn.qkv.bias").unwrap().matrix.to_f32(), [0.0; 6]);
        assert_eq!(weights.get("blocks.1.attn.qkv.bias").unwrap().matrix.to_f32(), [1.0; 6]);
    }

    #[test]
    fn trimming_keeps_specials_corpus_and_letters_and_renumbers() {
        let mut tokenizer = crate::text::tests::tiny_tokenizer();
        let table = Stored::from_f32((0..18 * 2).map(|v| v as f32).collect(), &[18, 2]).unwrap();
        let mut weights = Checkpoint::default();
        weights.tensors.insert("embeddings.word_embeddings.weight".into(), table);
        let mut config = bert::Config {
            hidden_size: 2,
            layers: 0,
            heads: 1,
            intermediate_size: 2,
            vocab_size: 18,
            max_positions: 8,
            layer_norm_eps: 1e-12,
        };
        trim_vocabulary(&mut config, &mut weights, &mut tokenizer, 9, &["striped blue".into()]).unwrap();
        // 4 specials, a, b, ##s, blue, strip, ##ed are needed; nothing is left for others
        assert_eq!(config.vocab_size, 10);
        let tokenizer = crate::text::Tokenizer::from_json(&tokenizer, 8).unwrap();
        let ids = tokenizer.read(&["blue striped red"]).unwrap().ids;
        let table = &weights.get("embeddings.word_embeddings.weight").unwrap().matrix;
        assert_eq!(ids.len(), 6);
        assert_eq!(table.row(ids[1] as usize), [10.0, 11.0], "blue was row 5");
        assert_eq!(ids[4], 1, "red is unknown now");
    }
}
