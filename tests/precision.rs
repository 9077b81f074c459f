//! What int8 weights and activations cost the pretrained encoders, on real photos and sentences.
#![cfg(feature = "cli")]

use std::io::{Read, Write};
use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use vitrine::backend::Backend;
use vitrine::backend::cpu::Cpu;
use vitrine::backend::kernels::attention::Precision;
use vitrine::backend::kernels::gemm_i8::limit_pairs;
use vitrine::convert::{Encoder, read_encoder};
use vitrine::image::{Fit, Preprocess, prepare};
use vitrine::model::bert::Bert;
use vitrine::model::vit::Vit;
use vitrine::quant::{Format, MatrixData};
use vitrine::text::Tokenizer;
use vitrine::weights::Checkpoint;

/// A folder of what is too large for the repository, or nothing, which is said.
fn shared(part: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("VITRINE_SHARED").map_or_else(|| "../shared".into(), PathBuf::from);
    let path = shared.join(part);
    if !path.exists() {
        // written past the capture of tests, so that it shows
        let mut stderr = std::io::stderr();
        writeln!(stderr, "skipped, since {} is not here", path.display()).unwrap();
        return None;
    }
    Some(path)
}

fn read(x: &<Cpu as Backend>::Tensor) -> Vec<f32> {
    match pin!(Cpu::new().read(x)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(values) => values.unwrap(),
        Poll::Pending => panic!("reading on the processor waits for nothing"),
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Sum of rows of `d` numbers.
fn total(x: &[f32], d: usize) -> Vec<f32> {
    let mut out = vec![0.0; d];
    x.chunks_exact(d).for_each(|row| out.iter_mut().zip(row).for_each(|(o, v)| *o += v));
    out
}

/// Weights as a backend sees them: in a format, and on engines that sum byte products by twos with limited pairs.
fn stored(weights: &Checkpoint, format: Format, limited: bool) -> Checkpoint {
    let mut out = weights.convert(format);
    for stored in out.tensors.values_mut().filter(|_| limited) {
        if let MatrixData::Q8 { values, scales } = &mut stored.matrix.data {
            limit_pairs(values, scales, stored.matrix.cols);
        }
    }
    out
}

/// Cosines with the first precision of each of the others: of the first token, and of the sum of all.
fn compare(name: &str, d: usize, encode: impl Fn(Cpu, Format, bool) -> Vec<Vec<f32>>) {
    let exact = encode(Cpu::exact(), Format::F32, false);
    for (format, attention, limited, asked) in [
        (Format::F16, Precision::Float, false, 0.99999),
        (Format::F32, Precision::Integer, false, 0.99999),
        // eight bits of weights and of activations in every layer: what the shipped format must keep
        (Format::Q8, Precision::Float, false, 0.998),
        (Format::Q8, Precision::Integer, false, 0.998),
        (Format::Q8, Precision::Integer, true, 0.998),
    ] {
        let got = encode(Cpu::exact().with_attention(attention), format, limited);
        let format = format!("{format:?}{}", if limited { " of limited pairs" } else { "" });
        let pairs = || exact.iter().zip(&got);
        let first: Vec<f64> = pairs().map(|(a, b)| cosine(&a[..d], &b[..d])).collect();
        let sums: Vec<f64> = pairs().map(|(a, b)| cosine(&total(a, d), &total(b, d))).collect();
        for (what, cosines) in [("first token", first), ("sum of tokens", sums)] {
            let lowest = cosines.iter().fold(f64::INFINITY, |m, c| m.min(*c));
            let average = cosines.iter().sum::<f64>() / cosines.len() as f64;
            println!("{name} {format} {attention:?} attention, {what}: mean {average:.6}, lowest {lowest:.6}");
            assert!(average >= asked, "{name} {format} {attention:?}, {what}: {average} where {asked} is asked");
        }
    }
}

#[test]
fn the_image_encoder_keeps_its_tokens_in_int8() {
    let (Some(folder), Some(photos)) = (shared("weights/vit-tiny"), shared("data/products/images-168x224.zip")) else {
        return;
    };
    let Encoder::Image { config, weights, normalize: (mean, std) } = read_encoder(&folder).unwrap() else {
        panic!("expected an image encoder")
    };
    let preprocess =
        Preprocess { size: config.image_size, patch: config.patch_size, fit: Fit::Pad, mean, std, resize: None };
    let mut zip = zip::ZipArchive::new(std::fs::File::open(photos).unwrap()).unwrap();
    let step = zip.len() / 12;
    let photos: Vec<Vec<f32>> = (0..12)
        .map(|i| {
            let mut bytes = Vec::new();
            zip.by_index(i * step).unwrap().read_to_end(&mut bytes).unwrap();
            prepare(&bytes, &preprocess).unwrap()
        })
        .collect();
    let encode = |cpu: Cpu, format, limited| {
        let vit = Vit::load(&cpu, &stored(&weights, format, limited), &config).unwrap();
        let n = config.grid() * config.grid();
        let patches = |photo: &Vec<f32>| cpu.tensor(photo, &[1, n, config.patch_length()]).unwrap();
        photos.iter().map(|photo| read(&vit.forward(&cpu, &patches(photo)).unwrap())).collect()
    };
    compare("ViT-Ti", config.hidden_size, encode);
}

#[test]
fn the_text_encoder_keeps_its_tokens_in_int8() {
    let Some(folder) = shared("weights/minilm-l6") else { return };
    let Encoder::Text { config, weights, tokenizer } = read_encoder(&folder).unwrap() else {
        panic!("expected a text encoder")
    };
    let reader = Tokenizer::from_json(&tokenizer, 32).unwrap();
    let texts = [
        "a red summer dress with long sleeves",
        "black leather ankle boots",
        "is darker and has a v neck",
        "striped shirt",
        "men's blue denim jacket, like this but lighter",
        "a wool coat for winter",
    ];
    let encode = |cpu: Cpu, format, limited| {
        let bert = Bert::load(&cpu, &stored(&weights, format, limited), &config).unwrap();
        let forward = |text: &&str| {
            let tokens = reader.read(&[*text]).unwrap();
            let mask = cpu.tensor(&tokens.mask, &[1, tokens.mask.len()]).unwrap();
            read(&bert.forward(&cpu, &tokens.ids, &mask).unwrap())
        };
        texts.iter().map(forward).collect()
    };
    compare("MiniLM", config.hidden_size, encode);
}
