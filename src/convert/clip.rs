//! CLIP and SigLIP checkpoints, as Hugging Face (`CLIPModel`, `SiglipModel`, `Siglip2Model`) or OpenCLIP writes them.
//!
//! Sizes are read off the tensors' shapes; what no shape says (heads, activations, epsilons, pooling) comes from
//! `config.json` or `open_clip_config.json`, or is what the family has. A tensor that has no place here is refused, since
//! a model without it would answer differently.

use super::Encoder;
use crate::error::{Error, Result};
use crate::image::{Filter, Fit, Preprocess, Resize};
use crate::model::clip::{Config, Gelu, ImageConfig, ImagePool, Stack, TextConfig, TextPool};
use crate::weights::{Checkpoint, Stored};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What the first CLIP's photos were normalized with.
const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

/// The files beside the weights; what is not there is null.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// `config.json`.
    pub config: Value,
    /// `open_clip_config.json`.
    pub open_clip: Value,
    /// `preprocessor_config.json`.
    pub preprocessor: Value,
    /// `tokenizer_config.json`.
    pub tokenizer_config: Value,
    /// `special_tokens_map.json`.
    pub special_tokens: Value,
    /// `tokenizer.json`.
    pub tokenizer: Value,
}

/// Whether a checkpoint holds two towers.
pub fn is_clip(weights: &Checkpoint) -> bool {
    let has = |prefix: &str| weights.tensors.keys().any(|key| bare(key).starts_with(prefix));
    (has("vision_model.") && has("text_model.")) || (has("visual.") && (has("token_embedding") || has("text.")))
}

/// Both towers, their tokenizer and how photos are prepared.
///
/// # Errors
/// [`Error::Tensor`] or [`Error::Model`] for a model of another kind.
pub fn read(weights: Checkpoint, files: &Files) -> Result<Encoder> {
    let Towers { mut image, mut text, logit_scale, logit_bias } = towers(weights)?;
    let open_clip = image.tensors.contains_key(OPEN_CLIP);
    image.tensors.remove(OPEN_CLIP);
    bring_together(&mut image)?;
    bring_together(&mut text)?;
    let facts = if open_clip { open_clip_facts(files, &image) } else { hugging_face_facts(files, &image) }?;
    let image_config = image_config(&mut image, &facts)?;
    let text_config = text_config(&mut text, &facts)?;
    let dimension = rows(&image, "proj.weight").or(rows(&text, "proj.weight"));
    let config = Config {
        dimension: dimension.unwrap_or(image_config.stack.hidden_size),
        image: image_config,
        text: text_config,
        logit_scale: logit_scale.exp(),
        logit_bias,
    };
    config.check()?;
    nothing_else(&image, config.image_tensors())?;
    nothing_else(&text, config.text_tensors())?;
    let preprocess = preprocess(files, &config.image, &facts)?;
    let tokenizer = tokenizer(files, &facts)?;
    Ok(Encoder::Clip(Box::new(super::Clip { config, image, text, tokenizer, preprocess })))
}

/// Stands in a tower until its family is known.
const OPEN_CLIP: &str = "open_clip";

struct Towers {
    image: Checkpoint,
    text: Checkpoint,
    logit_scale: f32,
    logit_bias: Option<f32>,
}

/// A name without what wrappers put in front.
fn bare(name: &str) -> &str {
    let name = name.strip_prefix("module.").unwrap_or(name);
    name.strip_prefix("model.").unwrap_or(name)
}

/// Parts the tensors into towers and gives them this project's names.
fn towers(weights: Checkpoint) -> Result<Towers> {
    let mut all =
        Towers { image: Checkpoint::default(), text: Checkpoint::default(), logit_scale: 0.0, logit_bias: None };
    for (name, stored) in weights.tensors {
        let name = bare(&name).to_string();
        let number = || stored.matrix.to_f32().first().copied().unwrap_or(0.0);
        if name == "logit_scale" {
            all.logit_scale = number();
        } else if name == "logit_bias" {
            all.logit_bias = Some(number());
        } else if name.ends_with("position_ids") || name.ends_with("attn_mask") {
            // counted here, not stored
        } else if let Some(rest) = name.strip_prefix("visual.") {
            all.image.tensors.insert(OPEN_CLIP.into(), Stored::from_f32(vec![0.0], &[1])?);
            let (name, turned) = open_clip_key(rest);
            all.image.tensors.insert(name, if turned { transposed(&stored)? } else { stored });
        } else if let Some(rest) = name.strip_prefix("vision_model.") {
            all.image.tensors.insert(hugging_face_key(rest), stored);
        } else if let Some(rest) = name.strip_prefix("text_model.") {
            all.text.tensors.insert(hugging_face_key(rest), stored);
        } else if let Some(rest) = name.strip_prefix("visual_projection") {
            all.image.tensors.insert(format!("proj{rest}"), stored);
        } else if let Some(rest) = name.strip_prefix("text_projection.") {
            all.text.tensors.insert(format!("proj.{rest}"), stored);
        } else {
            let (name, turned) = open_clip_key(name.strip_prefix("text.").unwrap_or(&name));
            all.text.tensors.insert(name, if turned { transposed(&stored)? } else { stored });
        }
    }
    Ok(all)
}

fn replaced(name: &str, pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(name.to_string(), |name, (from, to)| name.replace(from, to))
}

fn hugging_face_key(name: &str) -> String {
    let pairs = [
        ("embeddings.token_embedding.", "tokens."),
        ("embeddings.class_embedding", "cls_token"),
        ("embeddings.patch_embedding.", "patch_embed.proj."),
        ("encoder.layers.", "blocks."),
        ("self_attn.q_proj.", "attn.q."),
        ("self_attn.k_proj.", "attn.k."),
        ("self_attn.v_proj.", "attn.v."),
        ("self_attn.out_proj.", "attn.proj."),
        ("layer_norm1.", "norm1."),
        ("layer_norm2.", "norm2."),
        ("final_layer_norm.", "norm."),
        ("pre_layrnorm.", "norm_pre."),
        ("post_layernorm.", "norm."),
        ("head.probe", "pool.probe"),
        ("head.attention.in_proj_", "pool.qkv."),
        ("head.attention.out_proj.", "pool.proj."),
        ("head.layernorm.", "pool.norm."),
        ("head.mlp.", "pool.mlp."),
        ("head.", "proj."),
    ];
    match name {
        "embeddings.position_embedding.weight" => "positions".into(),
        name => replaced(name, &pairs),
    }
}

/// The name, and whether the matrix is stored the other way round.
fn open_clip_key(name: &str) -> (String, bool) {
    if let Some(rest) = name.strip_prefix("trunk.") {
        let pairs = [("attn_pool.", "pool."), ("pool.latent", "pool.probe"), ("fc_norm.", "norm."), ("head.", "proj.")];
        return (replaced(rest, &pairs), false);
    }
    let pairs = [
        ("transformer.resblocks.", "blocks."),
        ("ln_1.", "norm1."),
        ("ln_2.", "norm2."),
        ("attn.in_proj_", "attn.qkv."),
        ("attn.out_proj.", "attn.proj."),
        ("mlp.c_fc.", "mlp.fc1."),
        ("mlp.c_proj.", "mlp.fc2."),
        ("ln_pre.", "norm_pre."),
        ("ln_post.", "norm."),
        ("ln_final.", "norm."),
        ("conv1.", "patch_embed.proj."),
        ("class_embedding", "cls_token"),
        ("token_embedding.", "tokens."),
        ("head.proj.", "proj."),
    ];
    match name {
        "proj" | "text_projection" => ("proj.weight".into(), true),
        "positional_embedding" => ("positions".into(), false),
        name => (replaced(name, &pairs).replace("text_projection.", "proj."), false),
    }
}

/// `[a, b]` → `[b, a]`.
fn transposed(stored: &Stored) -> Result<Stored> {
    let (rows, cols) = (stored.matrix.rows, stored.matrix.cols);
    let values = stored.matrix.to_f32();
    let turned = (0..cols).flat_map(|col| values.iter().skip(col).step_by(cols.max(1)).copied()).collect();
    Stored::from_f32(turned, &[cols, rows])
}

/// Joins projections, gives every map a bias, and folds a pool's query into one.
fn bring_together(tower: &mut Checkpoint) -> Result<()> {
    let joined = super::join_projections(std::mem::take(tower), "attn.q.", "attn.k.", "attn.v.", "attn.qkv.")?;
    *tower = joined;
    if let Some(positions) = tower.tensors.remove("positions") {
        let name = if tower.tensors.contains_key("patch_embed.proj.weight") { "pos_embed" } else { "positions" };
        tower.tensors.insert(name.into(), positions);
    }
    fold_query(tower)?;
    let matrix = |name: &&String| {
        let maps = ["attn.qkv.", "attn.proj.", "fc1.", "fc2.", "patch_embed.proj.", "pool.proj."];
        name.ends_with("weight") && (name.starts_with("proj.") || maps.iter().any(|map| name.contains(map)))
    };
    let maps: Vec<String> = tower.tensors.keys().filter(matrix).cloned().collect();
    for name in maps {
        let rows = super::first_axis(&name, tower.get(&name)?)?;
        let bias = name.replace("weight", "bias");
        tower.tensors.entry(bias).or_insert(Stored::from_f32(vec![0.0; rows], &[rows])?);
    }
    Ok(())
}

/// An attention pool's query is the same for every photo: W_q·probe + b_q becomes the bias of a query that has no weights.
fn fold_query(tower: &mut Checkpoint) -> Result<()> {
    if let Some(probe) = tower.tensors.remove("pool.probe") {
        for kind in ["weight", "bias"] {
            let (Ok(q), Ok(kv)) = (tower.take(&format!("pool.q.{kind}")), tower.take(&format!("pool.kv.{kind}")))
            else {
                continue; // joined already
            };
            let shape = [&[q.shape[0] + kv.shape[0]], &q.shape[1..]].concat();
            let joined = Stored::from_f32([q.matrix.to_f32(), kv.matrix.to_f32()].concat(), &shape)?;
            tower.tensors.insert(format!("pool.qkv.{kind}"), joined);
        }
        let probe = probe.matrix.to_f32();
        let d = probe.len();
        let (weight, bias) = (tower.take("pool.qkv.weight")?, tower.take("pool.qkv.bias")?);
        if (weight.shape.as_slice(), bias.shape.as_slice()) != (&[3 * d, d], &[3 * d]) {
            return Err(Error::Tensor {
                name: "the pool's projections".into(),
                expected: format!("shape [{}, {d}] for a query of {d} features", 3 * d),
                got: format!("{:?}", weight.shape),
            });
        }
        let (mut weight, mut bias) = (weight.matrix.to_f32(), bias.matrix.to_f32());
        for (row, bias) in weight.chunks_exact_mut(d).zip(&mut bias).take(d) {
            let product: f64 = row.iter().zip(&probe).map(|(w, p)| f64::from(*w) * f64::from(*p)).sum();
            *bias = (f64::from(*bias) + product) as f32;
            row.fill(0.0);
        }
        tower.tensors.insert("pool.qkv.weight".into(), Stored::from_f32(weight, &[3 * d, d])?);
        tower.tensors.insert("pool.qkv.bias".into(), Stored::from_f32(bias, &[3 * d])?);
    }
    Ok(())
}

/// What shapes do not say.
struct Facts {
    image: StackFacts,
    text: StackFacts,
    causal: bool,
    pool: TextPool,
    /// Whether padding is seen, as SigLIP was trained.
    padded: bool,
    padding: Option<u32>,
    /// Whether texts lose capitals and punctuation first.
    canonical: bool,
    siglip: bool,
}

struct StackFacts {
    heads: Option<usize>,
    eps: f64,
    activation: Gelu,
}

fn number(value: &Value, name: &str) -> Option<usize> {
    value[name].as_u64().map(|v| v as usize)
}

fn gelu(name: &str) -> Result<Gelu> {
    match name {
        "gelu" => Ok(Gelu::Erf),
        "quick_gelu" => Ok(Gelu::Quick),
        "gelu_pytorch_tanh" | "gelu_tanh" | "gelu_new" | "gelu_fast" => Ok(Gelu::Tanh),
        other => Err(Error::Model(format!(
            "reading a CLIP: expected the activation gelu, quick_gelu or gelu_pytorch_tanh, got {other}; choose another model"
        ))),
    }
}

fn hugging_face_facts(files: &Files, image: &Checkpoint) -> Result<Facts> {
    let siglip = image.tensors.contains_key("pool.qkv.weight");
    let stack = |name: &str| -> Result<StackFacts> {
        let config = &files.config[name];
        let (eps, act) = if siglip { (1e-6, "gelu_pytorch_tanh") } else { (1e-5, "quick_gelu") };
        Ok(StackFacts {
            heads: number(config, "num_attention_heads"),
            eps: config["layer_norm_eps"].as_f64().unwrap_or(eps),
            activation: gelu(config["hidden_act"].as_str().unwrap_or(act))?,
        })
    };
    let end = number(&files.config["text_config"], "eos_token_id").filter(|end| *end != 2);
    Ok(Facts {
        image: stack("vision_config")?,
        text: stack("text_config")?,
        causal: !siglip,
        pool: match end {
            _ if siglip => TextPool::Last,
            // 2 is what the first configurations say wrongly of the last token of the vocabulary
            None => TextPool::Largest,
            Some(end) => TextPool::End(end as u32),
        },
        padded: siglip,
        padding: padding(files).or(number(&files.config["text_config"], "pad_token_id").map(|id| id as u32)),
        canonical: files.tokenizer_config["tokenizer_class"].as_str().is_some_and(|name| name.contains("Siglip")),
        siglip,
    })
}

fn open_clip_facts(files: &Files, image: &Checkpoint) -> Result<Facts> {
    let config = match &files.open_clip["model_cfg"] {
        Value::Null => &files.open_clip,
        config => config,
    };
    let (vision, words) = (&config["vision_cfg"], &config["text_cfg"]);
    let trunk = vision["timm_model_name"].as_str();
    let quick = config["quick_gelu"].as_bool() == Some(true);
    let plain = if quick { Gelu::Quick } else { Gelu::Erf };
    let eps = |config: &Value| config["norm_kwargs"]["eps"].as_f64();
    let tanh = |config: &Value| config["act_kwargs"]["approximate"] == "tanh";
    let image_act = match (trunk, vision["timm_act_layer"].as_str()) {
        (_, Some(name)) => gelu(name)?,
        // those of its models that timm gives another GELU
        (Some(name), _) if name.contains("patch32_siglip") => Gelu::Tanh,
        (Some(_), _) => Gelu::Erf,
        _ if tanh(vision) => Gelu::Tanh,
        _ => plain,
    };
    let width = number(vision, "width").or(rows(image, "norm.weight")).unwrap_or(0);
    let heads = match trunk {
        Some(name) => name.contains("so400m").then_some(16),
        None => number(vision, "head_width").map(|head| width / head.max(1)),
    };
    let causal = words["no_causal_mask"].as_bool() != Some(true);
    Ok(Facts {
        image: StackFacts {
            heads,
            eps: eps(vision).unwrap_or(if trunk.is_some() { 1e-6 } else { 1e-5 }),
            activation: image_act,
        },
        text: StackFacts {
            heads: number(words, "heads"),
            eps: eps(words).unwrap_or(1e-5),
            activation: if tanh(words) { Gelu::Tanh } else { plain },
        },
        causal,
        pool: match words["pool_type"].as_str().unwrap_or("argmax") {
            "argmax" => TextPool::Largest,
            "last" => TextPool::Last,
            "first" => TextPool::First,
            "eos" => TextPool::End(number(words, "eos_id").unwrap_or(2) as u32),
            other => {
                let expected = "expected text to be pooled by argmax, eos, last or first";
                return Err(Error::Model(format!(
                    "reading an OpenCLIP: {expected}, got {other}; choose another model"
                )));
            }
        },
        padded: !causal,
        padding: padding(files).or(number(words, "pad_id").map(|id| id as u32)),
        canonical: words["tokenizer_kwargs"]["clean"] == "canonicalize" || !causal,
        siglip: !causal,
    })
}

/// The token that texts are filled up with, by the tokenizer's own files.
fn padding(files: &Files) -> Option<u32> {
    let named = |value: &Value| {
        let token = &value["pad_token"];
        token.as_str().or(token["content"].as_str()).map(str::to_string)
    };
    let token = named(&files.tokenizer_config).or_else(|| named(&files.special_tokens));
    token
        .and_then(|token| super::vocabulary::id_of(&files.tokenizer, &token))
        .or_else(|| files.tokenizer["padding"]["pad_id"].as_u64().map(|id| id as u32))
}

fn rows(tower: &Checkpoint, name: &str) -> Option<usize> {
    tower.tensors.get(name).and_then(|stored| stored.shape.first()).copied()
}

fn stack(tower: &Checkpoint, facts: &StackFacts) -> Result<Stack> {
    let hidden_size = super::rows_of(tower, "norm.weight")?;
    Ok(Stack {
        hidden_size,
        layers: super::count(tower, "blocks.", ".norm1.weight"),
        heads: facts.heads.unwrap_or((hidden_size / 64).max(1)),
        intermediate_size: super::rows_of(tower, "blocks.0.mlp.fc1.weight")?,
        layer_norm_eps: facts.eps,
        activation: facts.activation,
        projection: tower.tensors.contains_key("proj.weight"),
    })
}

fn image_config(image: &mut Checkpoint, facts: &Facts) -> Result<ImageConfig> {
    let stack = stack(image, &facts.image)?;
    let shape = image.get("patch_embed.proj.weight")?.shape.clone();
    let patch_size = match shape[..] {
        [_, 3, patch, _] => patch,
        [_, length] => ((length / 3) as f64).sqrt() as usize, // Siglip2's, row by row and pixel by pixel
        _ => 0,
    };
    if shape.iter().skip(1).product::<usize>() != 3 * patch_size * patch_size {
        return Err(Error::Tensor {
            name: "patch_embed.proj.weight".into(),
            expected: "square patches of three channels".into(),
            got: format!("shape {shape:?}"),
        });
    }
    if shape.len() == 2 {
        channels_first(image, patch_size)?;
    }
    let pool = match image.tensors.contains_key("cls_token") {
        true => ImagePool::Class,
        false => ImagePool::Attention,
    };
    let class = usize::from(pool == ImagePool::Class);
    let tokens = image.get("pos_embed")?.shape.iter().product::<usize>() / stack.hidden_size.max(1);
    let grid = super::grid_of(tokens + 1 - class)?;
    let values = image.take("pos_embed")?.matrix.to_f32();
    image.tensors.insert("pos_embed".into(), Stored::from_f32(values, &[1, tokens, stack.hidden_size])?);
    let pre_norm = image.tensors.contains_key("norm_pre.weight");
    Ok(ImageConfig { stack, patch_size, image_size: grid * patch_size, pool, pre_norm })
}

/// Patches `[d, p, p, 3]` → `[d, 3, p, p]`.
fn channels_first(image: &mut Checkpoint, patch: usize) -> Result<()> {
    let stored = image.take("patch_embed.proj.weight")?;
    let mut out = Vec::with_capacity(stored.matrix.rows * stored.matrix.cols);
    for row in stored.matrix.to_f32().chunks_exact(stored.matrix.cols) {
        (0..3).for_each(|channel| out.extend(row.iter().skip(channel).step_by(3)));
    }
    let shape = [stored.matrix.rows, 3, patch, patch];
    image.tensors.insert("patch_embed.proj.weight".into(), Stored::from_f32(out, &shape)?);
    Ok(())
}

fn text_config(text: &mut Checkpoint, facts: &Facts) -> Result<TextConfig> {
    let stack = stack(text, &facts.text)?;
    let max_positions = super::rows_of(text, "positions")?;
    let padding = facts.padding.filter(|_| facts.padded);
    if facts.padded && padding.is_none() {
        return Err(Error::Model(
            "reading a SigLIP: expected the token that texts are filled up with in tokenizer_config.json, got none; take \
             the tokenizer's files beside the weights"
                .into(),
        ));
    }
    Ok(TextConfig {
        stack,
        vocab_size: super::rows_of(text, "tokens.weight")?,
        max_positions,
        causal: facts.causal,
        pool: facts.pool,
        padding,
    })
}

/// Refuses tensors that the tower has no place for: without them it would answer differently.
fn nothing_else(tower: &Checkpoint, places: Vec<(String, Vec<usize>)>) -> Result<()> {
    let places: BTreeSet<String> = places.into_iter().map(|(name, _)| name).collect();
    match tower.tensors.keys().find(|name| !places.contains(*name)) {
        None => Ok(()),
        Some(name) => Err(Error::Tensor {
            name: name.clone(),
            expected: "the tensors of a CLIP or a SigLIP alone".into(),
            got: "one that changes what the model answers; choose another model".into(),
        }),
    }
}

fn triple(value: &Value) -> Option<[f32; 3]> {
    let values: Vec<f32> = value.as_array()?.iter().filter_map(|v| Some(v.as_f64()? as f32)).collect();
    values.try_into().ok()
}

/// A side in pixels, given as a number or by names.
fn side(value: &Value, name: &str) -> Option<usize> {
    value.as_u64().or(value[name].as_u64()).map(|v| v as usize)
}

/// How photos are prepared, by `preprocessor_config.json` or `open_clip_config.json`, or as the family does it.
fn preprocess(files: &Files, image: &ImageConfig, facts: &Facts) -> Result<Preprocess> {
    let (size, patch) = (image.image_size, image.patch_size);
    let own = &files.preprocessor;
    let theirs = &files.open_clip["preprocess_cfg"];
    let (mean, std) = if facts.siglip { ([0.5; 3], [0.5; 3]) } else { (MEAN, STD) };
    let mean = triple(&own["image_mean"]).or(triple(&theirs["mean"])).unwrap_or(mean);
    let std = triple(&own["image_std"]).or(triple(&theirs["std"])).unwrap_or(std);
    let filter = match (own["resample"].as_u64(), theirs["interpolation"].as_str()) {
        (Some(1), _) | (None, Some("lanczos")) => Filter::Lanczos,
        (Some(2), _) | (None, Some("bilinear")) => Filter::Bilinear,
        (Some(3), _) | (None, Some("bicubic" | "random") | None) => Filter::Bicubic,
        (number, name) => {
            let got = number.map(|n| n.to_string()).or(name.map(str::to_string)).unwrap_or_default();
            return Err(Error::Model(format!(
                "reading how photos are resized: expected bilinear, bicubic or lanczos, got {got}; choose another model"
            )));
        }
    };
    let (fit, side) = match theirs["resize_mode"].as_str() {
        _ if !own.is_null() => own_fit(own, size, facts)?,
        Some("squash") => (Fit::Stretch, size),
        Some("longest") => (Fit::Pad, size),
        Some(_) => (Fit::Crop, size),
        None => (if facts.siglip { Fit::Stretch } else { Fit::Crop }, size),
    };
    Ok(Preprocess { size, patch, fit, mean, std, resize: Some(Resize { filter, side }) })
}

/// The fit, and what the shorter side becomes, by a `preprocessor_config.json`.
fn own_fit(own: &Value, size: usize, facts: &Facts) -> Result<(Fit, usize)> {
    let crops = own["do_center_crop"].as_bool().unwrap_or(!facts.siglip);
    let shortest = side(&own["size"], "shortest_edge");
    let seen = match crops {
        true => side(&own["crop_size"], "height").unwrap_or(size),
        false => side(&own["size"], "height").unwrap_or(size),
    };
    if seen != size {
        return Err(Error::Model(format!(
            "reading preprocessor_config.json: expected photos of {size} pixels, as the positions are for, got {seen}; \
             correct the file"
        )));
    }
    Ok(match (crops, shortest) {
        (true, Some(shortest)) => (Fit::Crop, shortest.max(size)),
        (true, None) if own["size"].is_null() => (Fit::Crop, size),
        _ => (Fit::Stretch, size),
    })
}

/// The tokenizer with what its family does to a text first, and merges in a form that takes little memory.
fn tokenizer(files: &Files, facts: &Facts) -> Result<Vec<u8>> {
    let mut json = files.tokenizer.clone();
    if !json["model"].is_object() {
        return Err(Error::Model(
            "reading a CLIP: expected its tokenizer.json beside the weights, got none; save it with \
             AutoTokenizer.from_pretrained(NAME).save_pretrained(FOLDER) of transformers"
                .into(),
        ));
    }
    if facts.canonical {
        let punctuation = r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]"##;
        let replace = |pattern: &str, content: &str| json!({"type": "Replace", "pattern": {"Regex": pattern}, "content": content});
        let mut steps = vec![json!({"type": "Lowercase"}), replace(punctuation, ""), replace(r"\s+", " ")];
        steps.push(json!({"type": "Strip", "strip_left": true, "strip_right": true}));
        steps.extend(Some(json["normalizer"].take()).filter(|step| !step.is_null()));
        json["normalizer"] = json!({"type": "Sequence", "normalizers": steps});
    }
    super::vocabulary::compact(&mut json);
    serde_json::to_vec(&json).map_err(|e| Error::Model(e.to_string()))
}
