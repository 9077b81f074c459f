//! The tape against the oracle and against finite differences; the whole loop on a tiny task.

use super::batch::{Mix, MixShares, Sampler};
use super::data::{self, COLOUR, Data, Item, Origin, Split, TYPE};
use super::gemm::Precision;
use super::net::{Bound, Net};
use super::params::{AdamW, Params};
use super::run::{Output, Run, Settings};
use super::step::{Lanes, Shares};
use super::validate::validate;
use image::{Rgb, RgbImage};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use vitrine::backend::Backend;
use vitrine::backend::composed::Composed;
use vitrine::convert::{Model, initial_fusion};
use vitrine::image::{Fit, Preprocess};
use vitrine::model::folder::Part;
use vitrine::model::{bert, fusion, vit};
use vitrine::weights::{Checkpoint, Stored};

pub(crate) fn noise(n: usize, seed: f64) -> Vec<f32> {
    (0..n).map(|i| ((i as f64 * 12.9898 + seed).sin() * 43758.5453).fract() as f32).collect()
}

fn fill(shapes: &[(String, Vec<usize>)], seed: f64) -> Checkpoint {
    let mut out = Checkpoint::default();
    for (i, (name, shape)) in shapes.iter().enumerate() {
        let n: usize = shape.iter().product();
        let norm = name.contains("norm") || name.contains("Norm");
        let (centre, width) = if norm && name.ends_with("weight") { (1.0, 0.2) } else { (0.0, 0.25) };
        let values = noise(n, seed + i as f64).iter().map(|v| centre + width * v).collect();
        out.tensors.insert(name.clone(), Stored::from_f32(values, shape).unwrap());
    }
    out
}

/// A model of a few thousand numbers with odd sizes; photos of 8 × 8 pixels in patches of 4.
pub(crate) fn tiny_model() -> Model {
    let image = vit::Config {
        hidden_size: 12,
        layers: 2,
        heads: 3,
        intermediate_size: 20,
        patch_size: 4,
        image_size: 8,
        layer_norm_eps: 1e-6,
    };
    let text = bert::Config {
        hidden_size: 10,
        layers: 2,
        heads: 2,
        intermediate_size: 14,
        vocab_size: 18,
        max_positions: 8,
        layer_norm_eps: 1e-12,
    };
    let linear = |key: &str, out: usize, inner: usize| {
        [(format!("{key}.weight"), vec![out, inner]), (format!("{key}.bias"), vec![out])]
    };
    let norm = |key: &str, d: usize| [(format!("{key}.weight"), vec![d]), (format!("{key}.bias"), vec![d])];
    let mut shapes = vec![("cls_token".to_string(), vec![1, 1, 12]), ("pos_embed".into(), vec![1, 5, 12])];
    shapes.extend([("patch_embed.proj.weight".to_string(), vec![12, 3, 4, 4])]);
    shapes.extend([("patch_embed.proj.bias".to_string(), vec![12])]);
    shapes.extend(norm("norm", 12));
    for i in 0..2 {
        let key = |name: &str| format!("blocks.{i}.{name}");
        shapes.extend(norm(&key("norm1"), 12).into_iter().chain(norm(&key("norm2"), 12)));
        shapes.extend(linear(&key("attn.qkv"), 36, 12).into_iter().chain(linear(&key("attn.proj"), 12, 12)));
        shapes.extend(linear(&key("mlp.fc1"), 20, 12).into_iter().chain(linear(&key("mlp.fc2"), 12, 20)));
    }
    let mut words = vec![
        ("embeddings.word_embeddings.weight".to_string(), vec![18, 10]),
        ("embeddings.position_embeddings.weight".into(), vec![8, 10]),
    ];
    words.extend(norm("embeddings.LayerNorm", 10));
    for i in 0..2 {
        let key = |name: &str| format!("encoder.layer.{i}.{name}");
        words.extend(linear(&key("attention.self.qkv"), 30, 10));
        words.extend(linear(&key("attention.output.dense"), 10, 10));
        words.extend(norm(&key("attention.output.LayerNorm"), 10));
        words.extend(linear(&key("intermediate.dense"), 14, 10));
        words.extend(linear(&key("output.dense"), 10, 14));
        words.extend(norm(&key("output.LayerNorm"), 10));
    }
    let head = fusion::Config { dimension: 6, layer_norm_eps: 1e-6 };
    let json = include_bytes!("../../../tests/fixtures/tiny-tokenizer.json").to_vec();
    let mut model = Model::assemble("tiny", vec![], None).unwrap();
    model.tokenizer = Some(json);
    model.weights.insert(Part::Image, fill(&shapes, 0.1));
    model.weights.insert(Part::Text, fill(&words, 0.2));
    let mut fusion_weights = initial_fusion(&head, 12, 10, 5).unwrap();
    for (i, (name, stored)) in fusion_weights.tensors.iter_mut().enumerate() {
        if name.ends_with(".bias") {
            let values = noise(stored.matrix.cols, i as f64).iter().map(|v| 0.2 * v).collect();
            *stored = Stored::from_f32(values, &stored.shape.clone()).unwrap();
        }
    }
    model.weights.insert(Part::Fusion, fusion_weights);
    let d = &mut model.description;
    (d.image, d.text, d.fusion, d.max_tokens) = (Some(image), Some(text), Some(head), 8);
    d.preprocess = Preprocess { size: 8, patch: 4, fit: Fit::Pad, mean: [0.5; 3], std: [0.5; 3], resize: None };
    (d.image_size, d.dimension) = (8, 6);
    model
}

const TEXTS: [&str; 3] = ["red dress", "blue striped shirt but longer", "shirt"];

/// The three kinds of queries and the catalog vectors, on any backend.
fn everything<B: Backend>(
    b: &B,
    vit: &vit::Vit<B>,
    bert: &bert::Bert<B>,
    head: &fusion::Fusion<B>,
    net: &Net,
    patches: &[f32],
) -> Vec<B::Tensor> {
    let x = b.tensor(patches, &[3, 4, 48]).unwrap();
    let photo = head.photo(b, &vit.forward(b, &x).unwrap()).unwrap();
    let tokens = net.tokenizer.read(&TEXTS).unwrap();
    let mask = b.tensor(&tokens.mask, &[tokens.rows, tokens.length]).unwrap();
    let words = head.words(b, &bert.forward(b, &tokens.ids, &mask).unwrap(), &mask).unwrap();
    let query = |p, w| head.query(b, p, w).unwrap().query;
    vec![
        query(Some(&photo), Some(&words)),
        query(None, Some(&words)),
        query(Some(&photo), None),
        head.catalog(b, &photo).unwrap(),
    ]
}

#[test]
fn the_tape_computes_what_the_oracle_computes() {
    let model = tiny_model();
    let net = Net::new(&model).unwrap();
    let patches = noise(3 * 4 * 48, 0.9);
    let b = Composed::cpu();
    let vit = vit::Vit::load(&b, &model.weights[&Part::Image], &net.image).unwrap();
    let bert = bert::Bert::load(&b, &model.weights[&Part::Text], &net.text).unwrap();
    let head = fusion::Fusion::load(&b, &model.weights[&Part::Fusion], &net.fusion, 12, 10).unwrap();
    let want = everything(&b, &vit, &bert, &head, &net, &patches);
    for (precision, tolerance) in [(Precision::F32, 1e-4), (Precision::fastest(), 5e-2)] {
        let params = net.params(&model, precision, 0.07);
        let bound = Bound::new(&net, &params, false).unwrap();
        let got = bound.with(|tape, vit, bert, head| everything(tape, vit, bert, head, &net, &patches));
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            let want: Vec<f32> = want.flatten_all().unwrap().to_vec1().unwrap();
            for (g, w) in got.iter().zip(&want) {
                assert!((g - w).abs() < tolerance, "output {i}: {g} instead of {w} ({precision:?})");
            }
        }
    }
}

/// Σ of all outputs times fixed weights, as a function of the parameters.
fn objective(net: &Net, params: &Params, patches: &[f32]) -> f64 {
    let bound = Bound::new(net, params, false).unwrap();
    let outputs = bound.with(|tape, vit, bert, head| everything(tape, vit, bert, head, net, patches));
    let terms = outputs.iter().enumerate().flat_map(|(o, t)| {
        let weights = noise(t.len(), 3.0 + o as f64);
        t.iter().zip(weights).map(|(t, w)| f64::from(*t) * f64::from(w)).collect::<Vec<_>>()
    });
    terms.sum()
}

#[test]
fn every_gradient_agrees_with_finite_differences() {
    let model = tiny_model();
    let net = Net::new(&model).unwrap();
    let patches = noise(3 * 4 * 48, 0.9);
    let mut params = net.params(&model, Precision::F32, 0.07);
    let bound = Bound::new(&net, &params, true).unwrap();
    let outputs = bound.with(|tape, vit, bert, head| everything(tape, vit, bert, head, &net, &patches));
    let weights: Vec<Vec<f32>> = outputs.iter().enumerate().map(|(o, t)| noise(t.len(), 3.0 + o as f64)).collect();
    let mut grads = params.zeros();
    let pairs = outputs.into_iter().zip(&weights).map(|(t, w)| (t, w.as_slice())).collect();
    bound.into_tape().backward(pairs, &mut grads);
    let mut checked = 0;
    for (i, grad) in grads.iter().enumerate() {
        let n = params.list[i].value.len();
        for at in [0, n / 3, n / 2, n - 1] {
            let h = 4e-3;
            let mut moved = |by: f32| {
                std::sync::Arc::make_mut(&mut params.list[i].value)[at] += by;
                params.pack();
                let value = objective(&net, &params, &patches);
                std::sync::Arc::make_mut(&mut params.list[i].value)[at] -= by;
                value
            };
            let want = ((moved(h) - moved(-h)) / (2.0 * f64::from(h))) as f32;
            let got = grad[at];
            let name = &params.list[i].name;
            // f32 sums and the curvature over 2h leave about this much
            assert!((got - want).abs() < 4e-3 + 0.03 * want.abs(), "{name}[{at}]: {got} instead of {want}");
            checked += usize::from(want.abs() > 1e-3);
        }
    }
    assert!(checked > 150, "only {checked} gradients were large enough to mean something");
}

/// Red and blue dresses and shirts: 16 of each to learn from and 4 to validate on.
fn tiny_data() -> Data {
    let mut data = Data { words: vec![vec![String::new()]; data::ROLES.len()], ..Data::default() };
    data.words[COLOUR].extend(["red".into(), "blue".into()]);
    data.words[TYPE].extend(["dress".into(), "shirt".into()]);
    for i in 0..80u16 {
        let (colour, kind, split) = (i % 2, i / 2 % 2, if i < 64 { Split::Train } else { Split::Val });
        let shade = 120 + (i / 4 * 6) as u8;
        let ink = if colour == 0 { Rgb([shade, 20, 30]) } else { Rgb([30, 20, shade]) };
        // a dress fills the middle columns, a shirt the upper half
        let worn = |x: u32, y: u32| if kind == 0 { (3..6).contains(&x) } else { y < 4 };
        let photo = RgbImage::from_fn(8, 8, |x, y| if worn(x, y) { ink } else { Rgb([255; 3]) });
        let words = [&data.words[COLOUR][usize::from(colour) + 1], &data.words[TYPE][usize::from(kind) + 1]];
        let title = format!("{} {}", words[0], words[1]);
        let attributes = vec![0, kind + 1, colour + 1, 0, 0];
        let (id, origin, photos) = (i.to_string(), Origin::Product, vec![photo]);
        data.items.push(Item { id, origin, split, photos, title, attributes, kinds: 0 });
    }
    for (i, item) in data.items.iter().enumerate() {
        let with = |colour: u16| {
            let fits = |j: &usize| {
                let other = &data.items[*j];
                other.split == item.split && other.attributes == [0, item.attributes[1], colour, 0, 0]
            };
            (0..data.items.len()).filter(fits).collect::<Vec<_>>()
        };
        let other = 3 - item.attributes[COLOUR];
        let captions = vec![data.words[COLOUR][usize::from(other)].clone()];
        let query = data::Composed { reference: i, captions, targets: with(other) };
        if item.split == Split::Train { data.train.push(query) } else { data.val.push(query) }
    }
    data
}

fn settings() -> Settings {
    Settings {
        batch: 16,
        accumulate: 1,
        frozen: vec![],
        part: 4,
        lanes: 2,
        steps: 150,
        minutes: None,
        rate_image: 4e-3,
        rate_text: 4e-3,
        rate_head: 4e-3,
        warm_up: 5,
        floor: 0.02,
        decay: 0.01,
        clip: 1.0,
        ema: 0.9,
        temperature: 0.07,
        seed: 3,
        validate_every: 1e9,
        save_every: Some(1e9),
        validate_limit: 100,
        sizes: vec![(0.0, 8)],
        cycle: None,
        mix: Default::default(),
    }
}

#[test]
fn training_learns_a_tiny_task() {
    let (model, data) = (tiny_model(), tiny_data());
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::new(settings(), &model, &data, Precision::fastest()).unwrap();
    let before = validate(&run.net, &run.state.averaged(), &data, 100).unwrap();
    let (first, _) = run.step(0.0).unwrap();
    let mut out = Output::claim(&folder.path().join("model"), &folder.path().join("log"), &[]).unwrap();
    let after = run.train(&model, &mut out).unwrap();
    let (last, _) = run.step(1.0).unwrap();
    assert!(last.loss < 0.7 * first.loss, "{} after {}", last.loss, first.loss);
    // 4 of the 15 other photos answer: chance finds one at once in about a quarter of the cases
    let [r1, ..] = after.composed.unwrap();
    assert!(r1 > 0.8, "composed R@1 {r1} after {:?}", before.composed);
    let written = Model::open(&folder.path().join("model")).unwrap();
    assert_eq!(written.description.dimension, 6);
    assert!(out.log.path().join("log.svg").exists());
}

#[test]
fn accumulating_takes_the_mean_gradient_of_its_batches() {
    let (model, data) = (tiny_model(), tiny_data());
    let net = Net::new(&model).unwrap();
    let params = net.params(&model, Precision::fastest(), 0.07);
    let sampler = Sampler::new(&data, Mix::new(12, Default::default(), &data));
    let batch = |seed| (sampler.draw(&mut ChaCha8Rng::seed_from_u64(seed)), seed);
    let shares = Shares { composed: 1.0, text: 0.7, caption: 0.2, photo: 0.2, pair: 0.1 };
    let run = |batches: &[_]| {
        let mut lanes = Lanes::new(&params, 2, 5);
        let outcome = lanes.accumulate(&net, &params, &data, batches, shares).unwrap();
        (outcome.loss, lanes.grads().concat())
    };
    let [(loss1, one), (loss2, two), (loss, both)] = [run(&[batch(1)]), run(&[batch(2)]), run(&[batch(1), batch(2)])];
    assert!((loss - (loss1 + loss2) / 2.0).abs() < 1e-5, "{loss} of {loss1} and {loss2}");
    assert_ne!(one, two);
    for ((both, one), two) in both.iter().zip(&one).zip(&two) {
        assert!((both - (one + two) / 2.0).abs() < 1e-5, "{both} of {one} and {two}");
    }
}

#[test]
fn frozen_encoders_stay_and_their_tokens_are_remembered() {
    let (model, data) = (tiny_model(), tiny_data());
    let frozen = vec!["image".to_string(), "text".to_string()];
    // the image size changes in between: tokens of the old size must not come back
    let settings = Settings { frozen, sizes: vec![(0.0, 8), (0.5, 12)], ..settings() };
    let mut run = Run::new(settings, &model, &data, Precision::F32).unwrap();
    let values = |run: &Run<'_>, prefix: &str| -> Vec<f32> {
        let under =
            run.state.params.list.iter().filter(|p| p.name.starts_with(prefix) && !p.name.contains("pos_embed"));
        under.flat_map(|p| p.value.iter().copied()).collect()
    };
    let before = ["image/", "text/", "fusion/"].map(|prefix| values(&run, prefix));
    for step in 0..4 {
        assert!(run.step(f64::from(step) / 4.0).unwrap().0.loss.is_finite());
    }
    assert_eq!(values(&run, "image/"), before[0]);
    assert_eq!(values(&run, "text/"), before[1]);
    assert_ne!(values(&run, "fusion/"), before[2]);
    let train = data.items.iter().filter(|item| item.split == Split::Train).count();
    let seen = run.net.seen.as_ref().unwrap().len();
    assert!(seen > 8 && seen <= train, "{seen} of {train} photos remembered");
    assert!(run.state.to_model(&model).unwrap().weights.contains_key(&Part::Image));
}

#[test]
fn paraphrases_come_closer() {
    let model = tiny_model();
    let words = ["red dress", "blue striped shirt but longer", "shirt", "striped dress", "blue", "longer shirt"];
    // only the pairs count: the other shares are nought
    let pairs: Vec<[String; 2]> = words.chunks_exact(2).map(|p| [p[0].into(), p[1].into()]).collect();
    let data = Data { pairs, ..tiny_data() };
    let net = Net::new(&model).unwrap();
    let mut params = net.params(&model, Precision::fastest(), 0.07);
    let mut optimizer = AdamW::new(&params, 0.0, 1.0, 0.9);
    let sampler = Sampler::new(&data, Mix::new(4, MixShares { pairs: 1.0, ..Default::default() }, &data));
    let shares = Shares { composed: 0.0, text: 0.0, caption: 0.0, photo: 0.0, pair: 1.0 };
    let mut lanes = Lanes::new(&params, 1, 8);
    let mut losses = Vec::new();
    for seed in 0..40 {
        let batch = sampler.draw(&mut ChaCha8Rng::seed_from_u64(seed));
        assert_eq!(batch.pairs.len(), 4);
        losses.push(lanes.accumulate(&net, &params, &data, &[(batch, seed)], shares).unwrap().pair);
        optimizer.update(&mut params, lanes.grads(), |_| 4e-3);
    }
    let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
    assert!(mean(&losses[30..]) < 0.5 * mean(&losses[..10]), "{losses:?}");
}

#[test]
fn resuming_continues_bit_for_bit() {
    let (model, data) = (tiny_model(), tiny_data());
    // the image size changes in between, so that resizing and its moments are part of what is continued
    let settings = Settings { steps: 8, sizes: vec![(0.0, 8), (0.5, 12)], ..settings() };
    let new = || Run::new(settings.clone(), &model, &data, Precision::fastest()).unwrap();
    let steps = |run: &mut Run<'_>, range: std::ops::Range<u32>| {
        range.for_each(|i| assert!(run.step(f64::from(i) / 8.0).unwrap().0.loss.is_finite()));
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut whole = new();
    steps(&mut whole, 0..8);
    for cut in [3, 6] {
        let mut first = new();
        steps(&mut first, 0..cut);
        std::fs::write(file.path(), first.checkpoint().unwrap()).unwrap();
        let mut second = new();
        second.resume(file.path()).unwrap();
        steps(&mut second, cut..8);
        let (want, got) = (whole.state.to_checkpoint().unwrap(), second.state.to_checkpoint().unwrap());
        assert_eq!(want.metadata, got.metadata);
        assert!(want.tensors == got.tensors, "cut after {cut} steps");
    }
    assert_eq!(whole.state.image_size, 12);
}

#[test]
fn the_ablation_needs_the_words_to_change_a_colour() {
    let (model, data) = (tiny_model(), tiny_data());
    let settings = super::ablate::Settings { queries: 64, steps: 120, batch: 16, seed: 2 };
    let rows = super::ablate::ablate(&model, &data, &settings).unwrap();
    let r1 = |name: &str| rows.iter().find(|row| row.0 == name).unwrap().1[0];
    assert_eq!(rows.len(), 8);
    assert!(rows.iter().all(|(_, [r1, r10, r50])| r1 <= r10 && r10 <= r50 && *r50 == 1.0), "{rows:?}");
    // the photo alone asks for more of the same colour, which is never the answer
    assert!(r1("whole head") > r1("image only") + 0.3, "{rows:?}");
}

#[test]
fn covering_nothing_moves_nothing() {
    let (model, data) = (tiny_model(), tiny_data());
    let none = super::occlude::occlude(&model, &data, 0, 100, 1).unwrap();
    assert_eq!((none.attended, none.random, none.queries), (0.0, 0.0, data.val.len()));
    let some = super::occlude::occlude(&model, &data, 1, 100, 1).unwrap();
    assert!(some.attended > 0.0 && some.random > 0.0, "{some:?}");
    assert!(super::occlude::occlude(&model, &Data::default(), 1, 100, 1).is_err());
}
