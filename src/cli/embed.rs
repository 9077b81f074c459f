//! `vitrine embed`: the vector of one query, for engineers who compare or integrate.

use anyhow::Context;
use clap::Args;
use std::path::PathBuf;
use vitrine::backend::Backend;
#[cfg(feature = "gpu")]
use vitrine::backend::gpu::Precision;
use vitrine::engine::{Engine, Query, Tier};
use vitrine::hash::sha256_hex;
use vitrine::image;
use vitrine::search::glossary::Glossaries;
use vitrine::search::reading::Reading;

/// Print the vector of a photo, of words, or of both
#[derive(Args)]
pub struct EmbedArgs {
    /// Words
    #[arg(long)]
    text: Option<String>,
    /// Photo file
    #[arg(long)]
    image: Option<PathBuf>,
    /// Model folder [default: the one that ships]
    #[arg(long, default_value_os_t = super::home::model(), hide_default_value = true)]
    model: PathBuf,
    /// What turns a text into a vector: the text encoder, or the instant tier that stands in for it
    #[arg(long, value_enum, default_value = "full")]
    tier: Tier,
    /// Where to compute
    #[arg(long, value_enum, default_value_t)]
    backend: super::Device,
    /// Print one JSON object, with the attention and a hash of what the image encoder saw
    #[arg(long)]
    json: bool,
}

/// Encodes and prints.
pub fn run(args: EmbedArgs) -> anyhow::Result<()> {
    match args.backend {
        super::Device::Cpu => run_on(&super::open_tier(super::Native::new(), &args.model, args.tier)?, &args),
        #[cfg(feature = "gpu")]
        super::Device::Gpu => {
            run_on(&super::open_tier(super::gpu(Some(Precision::F32))?, &args.model, args.tier)?, &args)
        }
    }
}

fn run_on<B: Backend>(engine: &Engine<B>, args: &EmbedArgs) -> anyhow::Result<()> {
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("reading photo {}", path.display()));
    let photo = args.image.as_ref().map(read).transpose()?;
    let glossaries = Glossaries::shipped()?;
    let reading = args.text.as_deref().map(|text| Reading::without_catalog(text, &glossaries));
    let text = reading.as_ref().map(Reading::for_encoder);
    let query = Query { photo: photo.as_deref(), text, like: None };
    let encoded = pollster::block_on(engine.encode(query))?;
    if !args.json {
        vitrine::print::line(format_args!(
            "{}",
            encoded.vector.iter().map(f32::to_string).collect::<Vec<_>>().join(" ")
        ))?;
        return Ok(());
    }
    let patches = photo.as_deref().map(|photo| image::prepare(photo, engine.preprocess())).transpose()?;
    let bytes = patches.map(|patches| patches.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
    vitrine::print::line(format_args!(
        "{}",
        serde_json::json!({
            "vector": encoded.vector,
            "tier": encoded.tier,
            "read": text,
            "fingerprint": engine.description().fingerprint,
            "patches_sha256": bytes.map(|bytes| sha256_hex(&bytes)),
            "attention": {"photo": encoded.photo, "words": encoded.words, "modalities": encoded.modalities},
            "ms": encoded.ms,
        })
    ))?;
    Ok(())
}
