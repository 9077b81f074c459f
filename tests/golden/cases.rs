// The cases, included into a module that names the backend they run on: `Tested` and `backend()`, which gives nothing
// where this machine cannot run it.

use std::path::PathBuf;


use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use vitrine::backend::Backend;
use vitrine::convert::{Encoder, image_encoder, read_encoder, resize_positions, text_encoder};
use vitrine::model::bert::Bert;
use vitrine::model::fusion::{Config, Fused, Fusion};
use vitrine::model::instant::Bag;
use vitrine::model::vit::{self, Vit};
use vitrine::text::Tokens;
use vitrine::weights::{Checkpoint, Stored};

/// The most that f32 arithmetic may differ from float64's.
const TOLERANCE: f32 = 1e-4;

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/fixtures/golden", name].iter().collect()
}

fn checkpoint(name: &str) -> Checkpoint {
    Checkpoint::from_bytes(&std::fs::read(path(name)).unwrap()).unwrap()
}

/// Shape and numbers of one tensor of a fixture.
fn golden(file: &Checkpoint, name: &str) -> (Vec<usize>, Vec<f32>) {
    let stored = file.get(name).unwrap();
    (stored.shape.clone(), stored.matrix.to_f32())
}

fn tensor(b: &Tested, file: &Checkpoint, name: &str) -> <Tested as Backend>::Tensor {
    let (shape, values) = golden(file, name);
    b.tensor(&values, &shape).unwrap()
}

fn read(b: &Tested, x: &<Tested as Backend>::Tensor) -> Vec<f32> {
    pollster::block_on(b.read(x)).unwrap()
}

/// The same for candle's own models.
fn candle_tensor(file: &Checkpoint, name: &str) -> Tensor {
    let (shape, values) = golden(file, name);
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn candle_values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

fn difference(got: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(got.len(), expected.len());
    // `max` would pass over what is not a number.
    assert!(got.iter().all(|x| x.is_finite()), "{got:?}");
    got.iter().zip(expected).map(|(x, y)| (x - y).abs()).fold(0., f32::max)
}

fn assert_near(what: &str, got: &[f32], expected: &[f32]) {
    let most = difference(got, expected);
    println!("{what}: max |Δ| = {most:.1e}");
    assert!(most <= TOLERANCE, "{what}: expected at most {TOLERANCE}, got {most}");
}

/// Pixels `[b, 3, size, size]` → patches `[b, n, 3·p·p]` in the order of a convolution's kernel.
fn unfold(pixels: &[f32], size: usize, p: usize) -> Vec<f32> {
    let grid = size / p;
    let batch = pixels.len() / (3 * size * size);
    let mut out = Vec::with_capacity(pixels.len());
    for (image, row, column) in indices([batch, grid, grid]) {
        for (channel, y, x) in indices([3, p, p]) {
            out.push(pixels[((image * 3 + channel) * size + row * p + y) * size + column * p + x]);
        }
    }
    out
}

fn indices([a, b, c]: [usize; 3]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a * b * c).map(move |i| (i / (b * c), i / c % b, i % c))
}

fn vit(folder: &str) -> (vit::Config, Checkpoint) {
    match read_encoder(&path(folder)).unwrap() {
        Encoder::Image { config, weights, .. } => (config, weights),
        _ => panic!("{folder} holds no Vision Transformer"),
    }
}

fn vit_tokens(b: &Tested, weights: &Checkpoint, config: &vit::Config, pixels: &[f32]) -> Vec<f32> {
    let model = Vit::load(b, weights, config).unwrap();
    let patches = unfold(pixels, config.image_size, config.patch_size);
    let n = config.grid() * config.grid();
    let rows = patches.len() / (n * config.patch_length());
    let patches = b.tensor(&patches, &[rows, n, config.patch_length()]).unwrap();
    read(b, &model.forward(b, &patches).unwrap())
}

#[test]
fn vit_with_either_kind_of_keys() {
    let Some(b) = backend() else { return };
    let io = checkpoint("vit.safetensors");
    let (_, pixels) = golden(&io, "pixels");
    let (_, pixels_48) = golden(&io, "pixels_48");
    for family in ["hf", "timm"] {
        let (mut config, mut weights) = vit(&format!("vit-{family}"));
        assert_eq!((config.hidden_size, config.layers, config.heads, config.image_size), (24, 2, 3, 32));
        assert_eq!(config.layer_norm_eps, if family == "hf" { 1e-12 } else { 1e-6 });
        let (_, expected) = golden(&io, &format!("tokens_{family}"));
        assert_near(&format!("ViT {family}"), &vit_tokens(&b, &weights, &config, &pixels), &expected);

        resize_positions(&mut weights, &mut config, 48).unwrap();
        let (_, positions) = golden(&io, "positions_48");
        assert_near("positions at 48 pixels", &golden(&weights, "pos_embed").1, &positions);
        let (_, expected) = golden(&io, &format!("tokens_48_{family}"));
        assert_near(&format!("ViT {family} at 48"), &vit_tokens(&b, &weights, &config, &pixels_48), &expected);
    }
}

#[test]
fn the_vit_fixture_tells_one_epsilon_from_the_other() {
    let io = checkpoint("vit.safetensors");
    let most = difference(&golden(&io, "tokens_hf").1, &golden(&io, "tokens_timm").1);
    assert!(most > 100. * TOLERANCE, "{most}");
}

#[test]
fn vit_as_candle_transformers_has_it() {
    let Some(b) = backend() else { return };
    let bytes = std::fs::read(path("vit-hf/model.safetensors")).unwrap();
    let mut tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap();
    tensors = tensors.into_iter().map(|(name, tensor)| (format!("vit.{name}"), tensor)).collect();
    // Its model ends in a classifier on the class token; an identity lets the token through.
    tensors.insert("classifier.weight".into(), Tensor::eye(24, DType::F32, &Device::Cpu).unwrap());
    tensors.insert("classifier.bias".into(), Tensor::zeros(24, DType::F32, &Device::Cpu).unwrap());
    // The names of its own layout differ from a bare encoder's by this prefix alone.
    let config = std::fs::read_to_string(path("vit-hf/config.json")).unwrap();
    let config: candle_transformers::models::vit::Config = serde_json::from_str(&config).unwrap();
    let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    let theirs = candle_transformers::models::vit::Model::new(&config, 24, weights).unwrap();

    let io = checkpoint("vit.safetensors");
    let theirs = candle_values(&theirs.forward(&candle_tensor(&io, "pixels")).unwrap()); // [2, 24]
    let (config, weights) = vit("vit-hf");
    let ours = vit_tokens(&b, &weights, &config, &golden(&io, "pixels").1); // [2, 17, 24]
    let ours: Vec<f32> = ours.chunks_exact(17 * 24).flat_map(|tokens| &tokens[..24]).copied().collect();
    assert_near("class token, candle-transformers", &ours, &theirs);
}

/// The tensors of a fixture as a whole model holds them: under a prefix, with heads that are not the encoder's.
fn whole_model(folder: &str, prefix: &str, heads: &[&str]) -> (Checkpoint, serde_json::Value) {
    let mut file = checkpoint(&format!("{folder}/model.safetensors"));
    file.tensors = file.tensors.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)).collect();
    let head = Stored::from_f32(vec![0.5; 4], &[2, 2]).unwrap();
    file.tensors.extend(heads.iter().map(|name| (name.to_string(), head.clone())));
    (file, serde_json::from_slice(&std::fs::read(path(&format!("{folder}/config.json"))).unwrap()).unwrap())
}

#[test]
fn an_encoder_is_taken_out_of_a_whole_model() {
    for (folder, prefix, heads) in [
        ("vit-hf", "vit.", ["vit.pooler.dense.weight", "classifier.weight"]),
        ("vit-timm", "", ["head.weight", "fc_norm.weight"]),
    ] {
        let (file, json) = whole_model(folder, prefix, &heads);
        let Encoder::Image { config, weights, .. } = image_encoder(file, Some(&json), None).unwrap() else { panic!() };
        assert!(
            (config, weights.tensors) == {
                let (c, w) = vit(folder);
                (c, w.tensors)
            },
            "{folder}"
        );
    }
    let heads = ["bert.pooler.dense.weight", "cls.predictions.decoder.weight", "bert.embeddings.position_ids"];
    let (file, json) = whole_model("bert", "bert.", &heads);
    let Encoder::Text { config, weights, .. } = text_encoder(file, &json, vec![]).unwrap() else { panic!() };
    let Encoder::Text { config: plain, weights: expected, .. } = read_encoder(&path("bert")).unwrap() else { panic!() };
    assert!(config == plain && weights.tensors == expected.tensors);
}

struct Texts {
    b: Tested,
    model: Bert<Tested>,
    io: Checkpoint,
    ids: Vec<u32>,
}

fn texts() -> Option<Texts> {
    let b = backend()?;
    let Encoder::Text { config, weights, .. } = read_encoder(&path("bert")).unwrap() else {
        panic!("no BERT in the fixture");
    };
    assert_eq!((config.layers, config.heads, config.max_positions), (2, 3, 16));
    let io = checkpoint("bert.safetensors");
    let ids = golden(&io, "ids").1.iter().map(|&id| id as u32).collect();
    Some(Texts { model: Bert::load(&b, &weights, &config).unwrap(), b, io, ids })
}

/// Numbers of unpadded tokens only: what a padding token becomes is nobody's concern.
fn unpadded(tokens: &[f32], mask: &[f32]) -> Vec<f32> {
    let rows = tokens.chunks_exact(tokens.len() / mask.len());
    rows.zip(mask).filter(|(_, kept)| **kept == 1.).flat_map(|(row, _)| row).copied().collect()
}

#[test]
fn bert_with_padding() {
    let Some(Texts { b, model, io, ids }) = texts() else { return };
    let (_, mask) = golden(&io, "mask");
    let tokens = read(&b, &model.forward(&b, &ids, &tensor(&b, &io, "mask")).unwrap());
    assert_near("BERT", &unpadded(&tokens, &mask), &unpadded(&golden(&io, "tokens").1, &mask));
}

#[test]
fn bert_gives_the_same_tokens_without_the_padding() {
    let Some(Texts { b, model, io, ids }) = texts() else { return };
    let (shape, mask) = golden(&io, "mask");
    let [_, n] = shape[..] else { panic!("{shape:?}") };
    let (_, expected) = golden(&io, "tokens");
    let d = expected.len() / ids.len();
    for (row, mask) in mask.chunks_exact(n).enumerate() {
        let length = mask.iter().sum::<f32>() as usize;
        let ids = &ids[row * n..row * n + length];
        let alone = model.forward(&b, ids, &b.tensor(&vec![1.; length], &[1, length]).unwrap()).unwrap();
        assert_near(&format!("{length} tokens alone"), &read(&b, &alone), &expected[row * n * d..][..length * d]);
    }
}

#[test]
fn bert_as_candle_transformers_has_it() {
    let Some(Texts { b, model, io, ids }) = texts() else { return };
    let bytes = std::fs::read(path("bert/model.safetensors")).unwrap();
    let weights = VarBuilder::from_buffered_safetensors(bytes, DType::F32, &Device::Cpu).unwrap();
    let config = std::fs::read_to_string(path("bert/config.json")).unwrap();
    let config: candle_transformers::models::bert::Config = serde_json::from_str(&config).unwrap();
    let theirs = candle_transformers::models::bert::BertModel::load(weights, &config).unwrap();
    let (shape, mask) = golden(&io, "mask");
    let words = Tensor::from_slice(&ids, shape.as_slice(), &Device::Cpu).unwrap();
    let theirs = theirs.forward(&words, &words.zeros_like().unwrap(), Some(&candle_tensor(&io, "mask"))).unwrap();
    let ours = model.forward(&b, &ids, &tensor(&b, &io, "mask")).unwrap();
    assert_near("BERT, candle-transformers", &unpadded(&read(&b, &ours), &mask), &unpadded(&candle_values(&theirs), &mask));
}

struct Head {
    b: Tested,
    head: Fusion<Tested>,
    io: Checkpoint,
}

fn head() -> Option<Head> {
    let b = backend()?;
    let config: Config = serde_json::from_slice(&std::fs::read(path("fusion/config.json")).unwrap()).unwrap();
    let head = Fusion::load(&b, &checkpoint("fusion/model.safetensors"), &config, 24, 20).unwrap();
    Some(Head { b, head, io: checkpoint("fusion.safetensors") })
}

impl Head {
    fn query(&self, photo: bool, words: bool) -> Fused<Tested> {
        let Self { b, head, io } = self;
        let photo = photo.then(|| head.photo(b, &tensor(b, io, "patches")).unwrap());
        let (tokens, mask) = (tensor(b, io, "words"), tensor(b, io, "mask"));
        let words = words.then(|| head.words(b, &tokens, &mask).unwrap());
        head.query(b, photo.as_ref(), words.as_ref()).unwrap()
    }

    fn assert_golden(&self, case: &str, name: &str, got: &<Tested as Backend>::Tensor) {
        assert_near(&format!("{case}, {name}"), &read(&self.b, got), &golden(&self.io, &format!("{case}.{name}")).1);
    }
}

#[test]
fn fusion_of_photo_and_words() {
    let Some(head) = head() else { return };
    let fused = head.query(true, true);
    head.assert_golden("both", "query", &fused.query);
    head.assert_golden("both", "alpha", fused.alpha.as_ref().unwrap());
    head.assert_golden("both", "gamma", fused.gamma.as_ref().unwrap());
    head.assert_golden("both", "beta", fused.beta.as_ref().unwrap());
}

#[test]
fn fusion_of_words_alone() {
    let Some(head) = head() else { return };
    let fused = head.query(false, true);
    head.assert_golden("text", "query", &fused.query);
    head.assert_golden("text", "gamma", fused.gamma.as_ref().unwrap());
    assert!(fused.alpha.is_none() && fused.beta.is_none());
}

#[test]
fn fusion_of_a_photo_alone() {
    let Some(head) = head() else { return };
    let fused = head.query(true, false);
    head.assert_golden("image", "query", &fused.query);
    head.assert_golden("image", "alpha", fused.alpha.as_ref().unwrap());
    assert!(fused.gamma.is_none() && fused.beta.is_none());
}

#[test]
fn catalog_vectors() {
    let Some(head) = head() else { return };
    let photo = head.head.photo(&head.b, &tensor(&head.b, &head.io, "patches")).unwrap();
    head.assert_golden("both", "catalog", &head.head.catalog(&head.b, &photo).unwrap());
}

/// `tests/fixtures/make_instant.py` computes the same in float64 with numpy alone.
#[test]
fn the_instant_tier_is_its_formulas() {
    let Some(b) = backend() else { return };
    let io = checkpoint("instant.safetensors");
    let (table, layer) = (io.get("embeddings.weight").unwrap(), io.get("mlp.fc1.weight").unwrap());
    let bag = Bag::load(&b, &io, [table.shape[0], table.shape[1], layer.shape[0]]).unwrap();
    let ((shape, ids), (_, mask), (_, expected)) = (golden(&io, "ids"), golden(&io, "mask"), golden(&io, "query"));
    let ids = ids.into_iter().map(|id| id as u32).collect();
    let tokens = Tokens { ids, mask, rows: shape[0], length: shape[1] };
    assert_near("instant tier", &read(&b, &bag.query(&b, &tokens).unwrap()), &expected);
}
