//! Checkpoints that people know, by their sizes: the table of `models/README.md`. Their shapes are converted with random
//! weights at an eighth of the width, since nothing is downloaded here, and their bytes are computed at the whole one.

use serde_json::json;
use vitrine::convert::Encoder;
use vitrine::convert::clip::{Files, is_clip, read};
use vitrine::model::clip::{Config, Gelu, ImageConfig, ImagePool, Stack, TextConfig, TextPool};
use vitrine::quant::Format;
use vitrine::weights::{Checkpoint, Stored};

/// Names of the keys.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Keys {
    HuggingFace,
    OpenClip,
}

struct Known {
    name: &'static str,
    keys: Keys,
    siglip: bool,
    gelu: Gelu,
    /// Width, layers, heads, patch, pixels.
    image: [usize; 5],
    /// Width, layers, heads, vocabulary, positions.
    text: [usize; 5],
    dimension: usize,
}

const CLIP_TEXT: [usize; 5] = [512, 12, 8, 49_408, 77];

const fn clip(name: &'static str, gelu: Gelu, image: [usize; 5], text: [usize; 5], dimension: usize) -> Known {
    Known { name, keys: Keys::HuggingFace, siglip: false, gelu, image, text, dimension }
}

const fn siglip(name: &'static str, image: [usize; 5], vocabulary: usize) -> Known {
    let text = [768, 12, 12, vocabulary, 64];
    Known { name, keys: Keys::HuggingFace, siglip: true, gelu: Gelu::Tanh, image, text, dimension: 768 }
}

const KNOWN: [Known; 11] = [
    clip("openai/clip-vit-base-patch32", Gelu::Quick, [768, 12, 12, 32, 224], CLIP_TEXT, 512),
    clip("openai/clip-vit-base-patch16", Gelu::Quick, [768, 12, 12, 16, 224], CLIP_TEXT, 512),
    clip("openai/clip-vit-large-patch14", Gelu::Quick, [1024, 24, 16, 14, 224], [768, 12, 12, 49_408, 77], 768),
    Known {
        keys: Keys::OpenClip,
        ..clip("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", Gelu::Erf, [768, 12, 12, 32, 224], CLIP_TEXT, 512)
    },
    Known {
        keys: Keys::OpenClip,
        ..clip("laion/CLIP-ViT-B-16-laion2B-s34B-b88K", Gelu::Erf, [768, 12, 12, 16, 224], CLIP_TEXT, 512)
    },
    siglip("google/siglip-base-patch16-224", [768, 12, 12, 16, 224], 32_000),
    siglip("google/siglip-base-patch16-384", [768, 12, 12, 16, 384], 32_000),
    siglip("google/siglip2-base-patch16-224", [768, 12, 12, 16, 224], 256_000),
    clip("patrickjohncyh/fashion-clip", Gelu::Quick, [768, 12, 12, 32, 224], CLIP_TEXT, 512),
    Known {
        keys: Keys::OpenClip,
        gelu: Gelu::Erf,
        ..siglip("Marqo/marqo-fashionSigLIP", [768, 12, 12, 16, 224], 32_000)
    },
    clip("wkcn/TinyCLIP-ViT-8M-16-Text-3M-YFCC15M", Gelu::Quick, [256, 10, 4, 16, 224], [256, 3, 4, 49_408, 77], 512),
];

impl Known {
    /// The model at its width over `share`; heads stay.
    fn config(&self, share: usize) -> Config {
        let [width, layers, heads, patch_size, image_size] = self.image;
        let stack = |width: usize, layers: usize, heads: usize, projection: bool, act: Gelu, eps: f64| Stack {
            hidden_size: width / share,
            layers,
            heads,
            intermediate_size: 4 * width / share,
            layer_norm_eps: eps,
            activation: act,
            projection,
        };
        let eps = if self.siglip { 1e-6 } else { 1e-5 };
        // timm's names do not say how many, and all have heads of 64 features
        let trunk = self.siglip && self.keys == Keys::OpenClip;
        let heads = if trunk { (width / share / 64).max(1) } else { heads };
        let image = ImageConfig {
            stack: stack(width, layers, heads, !self.siglip, self.gelu, eps),
            patch_size,
            image_size,
            pool: if self.siglip { ImagePool::Attention } else { ImagePool::Class },
            pre_norm: !self.siglip,
        };
        let [width, layers, heads, vocab_size, max_positions] = self.text;
        let text = TextConfig {
            stack: stack(width, layers, heads, true, if self.siglip { Gelu::Tanh } else { self.gelu }, eps),
            vocab_size: vocab_size / share,
            max_positions,
            causal: !self.siglip,
            pool: if self.siglip { TextPool::Last } else { TextPool::Largest },
            padding: self.siglip.then_some(1),
        };
        let (logit_scale, logit_bias) = (1.0, self.siglip.then_some(0.0));
        Config { dimension: self.dimension / share, image, text, logit_scale, logit_bias }
    }

    /// What lies beside the weights, as its makers write it.
    fn files(&self, share: usize) -> Files {
        let Config { image, text, .. } = self.config(share);
        let tokenizer = json!({"model": {"type": "BPE", "vocab": {"</s>": 1}, "merges": []}, "added_tokens": []});
        let mut files = Files {
            tokenizer,
            tokenizer_config: json!({"pad_token": if self.siglip { "</s>" } else { "!" }}),
            ..Files::default()
        };
        let act = match self.gelu {
            Gelu::Erf => "gelu",
            Gelu::Quick => "quick_gelu",
            Gelu::Tanh => "gelu_pytorch_tanh",
        };
        let heads = |stack: &Stack| json!({"num_attention_heads": stack.heads, "hidden_act": act, "eos_token_id": 2});
        let words = json!({"heads": text.stack.heads, "context_length": text.max_positions});
        match (self.keys, self.siglip) {
            (Keys::HuggingFace, _) => {
                files.config = json!({"text_config": heads(&text.stack), "vision_config": heads(&image.stack)});
            }
            (Keys::OpenClip, false) => {
                let vision = json!({"head_width": image.stack.hidden_size / image.stack.heads, "width": image.stack.hidden_size});
                files.open_clip = json!({"model_cfg": {"vision_cfg": vision, "text_cfg": words}});
            }
            (Keys::OpenClip, true) => {
                let vision = json!({"timm_model_name": "vit_base_patch16_siglip_224", "timm_pool": "map"});
                let words = json!({"heads": text.stack.heads, "no_causal_mask": true, "pool_type": "last", "proj_bias": true,
                    "norm_kwargs": {"eps": 1e-6}, "act_kwargs": {"approximate": "tanh"}});
                files.open_clip = json!({"model_cfg": {"vision_cfg": vision, "text_cfg": words}});
            }
        }
        files
    }

    /// Random weights under the makers' names.
    fn weights(&self, share: usize) -> Checkpoint {
        let config = self.config(share);
        let mut out = Checkpoint::default();
        let mut put = |name: String, shape: Vec<usize>| {
            let numbers = shape.iter().product();
            let values = (0..numbers).map(|i| ((i * 37 + name.len()) % 255) as f32 * 1e-3 - 0.1).collect();
            out.tensors.insert(name, Stored::from_f32(values, &shape).unwrap());
        };
        for (name, shape) in config.image_tensors() {
            self.named(true, &name, shape, config.image.patch_size)
                .into_iter()
                .for_each(|(name, shape)| put(name, shape));
        }
        for (name, shape) in config.text_tensors() {
            self.named(false, &name, shape, 0).into_iter().for_each(|(name, shape)| put(name, shape));
        }
        put("logit_scale".into(), vec![]);
        if self.siglip {
            put("logit_bias".into(), vec![1]);
        }
        out
    }

    /// One of this project's tensors as its makers have it: renamed, taken apart, turned, or not there.
    fn named(&self, image: bool, name: &str, shape: Vec<usize>, patch: usize) -> Vec<(String, Vec<usize>)> {
        let d = *shape.last().unwrap();
        let (hugging_face, trunk) =
            (self.keys == Keys::HuggingFace, self.keys == Keys::OpenClip && self.siglip && image);
        let front = match (hugging_face, image) {
            (true, true) => "vision_model.",
            (true, false) => "text_model.",
            (false, true) => "visual.",
            (false, false) if self.siglip => "text.",
            (false, false) => "",
        };
        let shape = match name {
            "patch_embed.proj.weight" => vec![shape[0], 3, patch, patch],
            _ => shape,
        };
        match name {
            "patch_embed.proj.bias" if !self.siglip => return vec![],
            "proj.bias" if !self.siglip => return vec![],
            "pool.qkv.weight" | "pool.qkv.bias" => return self.pool(front, name, d, trunk),
            _ => {}
        }
        let kind = name.rsplit('.').next().unwrap();
        if hugging_face && name.contains("attn.qkv.") {
            let part = |part: &str| {
                let block = name.split('.').nth(1).unwrap();
                let rows = shape[0] / 3;
                (format!("{front}encoder.layers.{block}.self_attn.{part}_proj.{kind}"), [&[rows], &shape[1..]].concat())
            };
            return ["q", "k", "v"].map(part).into();
        }
        if name.starts_with("proj.") {
            return vec![match (hugging_face, image, self.siglip) {
                (true, true, _) => ("visual_projection.weight".into(), shape),
                (true, false, false) => ("text_projection.weight".into(), shape),
                (true, false, true) => (format!("text_model.head.{kind}"), shape),
                (false, true, _) => ("visual.proj".into(), vec![shape[1], shape[0]]),
                (false, false, false) => ("text_projection".into(), vec![shape[1], shape[0]]),
                (false, false, true) => (format!("text.text_projection.{kind}"), shape),
            }];
        }
        let name =
            if trunk { format!("trunk.{}", name.replace("pool.", "attn_pool.")) } else { self.renamed(image, name) };
        vec![(format!("{front}{name}"), shape)]
    }

    /// An attention pool's projections, with the query that they are of.
    fn pool(&self, front: &str, name: &str, d: usize, trunk: bool) -> Vec<(String, Vec<usize>)> {
        let (bias, kind) = (name.ends_with("bias"), name.rsplit('.').next().unwrap());
        let d = if bias { d / 3 } else { d };
        let shape = |rows: usize| if bias { vec![rows] } else { vec![rows, d] };
        let probe = if trunk { "trunk.attn_pool.latent" } else { "head.probe" };
        let mut all = match trunk {
            true => vec![
                (format!("{front}trunk.attn_pool.q.{kind}"), shape(d)),
                (format!("{front}trunk.attn_pool.kv.{kind}"), shape(2 * d)),
            ],
            false => vec![(format!("{front}head.attention.in_proj_{kind}"), shape(3 * d))],
        };
        all.push((format!("{front}{probe}"), vec![1, 1, d]));
        all
    }

    fn renamed(&self, image: bool, name: &str) -> String {
        let hugging_face = [
            ("tokens.", "embeddings.token_embedding."),
            ("positions", "embeddings.position_embedding.weight"),
            ("pos_embed", "embeddings.position_embedding.weight"),
            ("cls_token", "embeddings.class_embedding"),
            ("patch_embed.proj.", "embeddings.patch_embedding."),
            ("norm_pre.", "pre_layrnorm."),
            ("pool.proj.", "head.attention.out_proj."),
            ("pool.norm.", "head.layernorm."),
            ("pool.mlp.", "head.mlp."),
            ("blocks.", "encoder.layers."),
            ("attn.proj.", "self_attn.out_proj."),
            (".norm1.", ".layer_norm1."),
            (".norm2.", ".layer_norm2."),
        ];
        let open_clip = [
            ("tokens.", "token_embedding."),
            ("positions", "positional_embedding"),
            ("pos_embed", "positional_embedding"),
            ("cls_token", "class_embedding"),
            ("patch_embed.proj.", "conv1."),
            ("norm_pre.", "ln_pre."),
            ("blocks.", "transformer.resblocks."),
            ("attn.qkv.", "attn.in_proj_"),
            ("attn.proj.", "attn.out_proj."),
            (".norm1.", ".ln_1."),
            (".norm2.", ".ln_2."),
            ("mlp.fc1.", "mlp.c_fc."),
            ("mlp.fc2.", "mlp.c_proj."),
        ];
        let last = match (self.keys, image) {
            (Keys::HuggingFace, true) => "post_layernorm.",
            (Keys::HuggingFace, false) => "final_layer_norm.",
            (Keys::OpenClip, true) => "ln_post.",
            (Keys::OpenClip, false) => "ln_final.",
        };
        if let Some(kind) = name.strip_prefix("norm.") {
            return format!("{last}{kind}");
        }
        let pairs = if self.keys == Keys::HuggingFace { hugging_face } else { open_clip };
        pairs.iter().fold(name.to_string(), |name, (from, to)| name.replace(from, to))
    }

    /// Bytes of the weights of (photos, texts) in a format, without the heads of the files.
    fn bytes(&self, format: Format) -> [usize; 2] {
        let config = self.config(1);
        let one = |(name, shape): (String, Vec<usize>)| {
            let numbers: usize = shape.iter().product();
            let weight = shape.len() > 1 && name.ends_with(".weight");
            match format {
                Format::Q8 if weight => numbers + 4 * shape[0],
                Format::F16 | Format::Q8 if shape.len() > 1 => 2 * numbers,
                _ => 4 * numbers,
            }
        };
        [config.image_tensors(), config.text_tensors()].map(|tensors| tensors.into_iter().map(one).sum())
    }
}

#[test]
fn every_checkpoint_of_the_table_is_read_as_what_it_is() {
    for known in &KNOWN {
        let weights = known.weights(8);
        assert!(is_clip(&weights), "{}", known.name);
        let Encoder::Clip(clip) = read(weights, &known.files(8)).unwrap_or_else(|e| panic!("{}: {e}", known.name))
        else {
            panic!("{} is no CLIP", known.name)
        };
        let expected = known.config(8);
        let scale = clip.config.logit_scale;
        let bias = clip.config.logit_bias;
        assert_eq!(clip.config, Config { logit_scale: scale, logit_bias: bias, ..expected }, "{}", known.name);
        assert_eq!(bias.is_some(), known.siglip);
        let names = |tensors: Vec<(String, Vec<usize>)>| tensors.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let count = clip.image.tensors.len() + clip.text.tensors.len();
        assert_eq!(count, names(clip.config.image_tensors()).len() + names(clip.config.text_tensors()).len());
    }
}

#[test]
fn bytes_by_shape_are_those_of_the_files() {
    for known in [&KNOWN[10], &KNOWN[5]] {
        let small = Known { image: known.image, text: known.text, ..*known };
        let Ok(Encoder::Clip(clip)) = read(small.weights(8), &small.files(8)) else { panic!("{}", known.name) };
        for format in [Format::F16, Format::Q8] {
            let scaled = |weights: &Checkpoint| weights.convert(format).to_bytes().unwrap().len();
            let share = |v: usize| v / 8;
            let [width, layers, heads, patch, pixels] = small.image;
            let text = small.text;
            let narrow = Known {
                image: [share(width), layers, heads, patch, pixels],
                text: [share(text[0]), text[1], text[2], share(text[3]), text[4]],
                dimension: share(small.dimension),
                ..*known
            };
            for (bytes, file) in narrow.bytes(format).into_iter().zip([scaled(&clip.image), scaled(&clip.text)]) {
                // beside the numbers, a file has a header with a line for each tensor
                assert!(file > bytes && file < bytes + 200 * 400, "{}: {bytes} by shape, {file}", known.name);
            }
        }
    }
}

/// `models/README.md` says of each how many megabytes photos and texts take.
#[test]
fn the_table_says_the_bytes_that_shapes_make() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/models/README.md")).unwrap_or_default();
    let mut wrong = Vec::new();
    for known in &KNOWN {
        let size = |format: Format| known.bytes(format).map(|bytes| format!("{:.0}", bytes as f64 / 1e6)).join(" + ");
        let expected = format!("| {} | {} |", size(Format::F16), size(Format::Q8));
        let row = readme.lines().find(|line| line.contains(&format!("`{}`", known.name)));
        if row.is_none_or(|row| !row.contains(&expected)) {
            wrong.push(format!("{}: expected {expected}, got {row:?}", known.name));
        }
    }
    assert!(wrong.is_empty(), "models/README.md:\n{}", wrong.join("\n"));
}
