//! `vitrine demo-catalog`: draws a garment catalog with exact attributes.

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use vitrine::error::io;
use vitrine::staging::{Claim, Kind};

/// Draw a garment catalog with exact attributes, titles and queries
#[derive(clap::Parser)]
#[command(name = "vitrine-demo-catalog", bin_name = "vitrine demo-catalog", version)]
pub struct DemoCatalog {
    /// Folder to write: photos, items.csv, composed and text queries
    #[arg(long, value_name = "PHOTOS")]
    out: PathBuf,
    /// How many garments to draw
    #[arg(long, value_name = "N", default_value_t = 1200)]
    count: usize,
    /// Another seed draws another catalog; the same one draws the same bytes
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
}

impl DemoCatalog {
    /// Draws the catalog.
    pub fn run(self) -> Result<()> {
        let Self { out, count, seed } = self;
        ensure!(count >= 1, "drawing catalog: expected --count of 1 or more, got {count}; leave it out for 1200");
        let mut claim = Claim::new(Kind::Drawn, &out, &[])?;
        let style = ProgressStyle::with_template("{spinner} drawing {bar:40} {pos}/{len} garments, {eta} left")?;
        let progress = ProgressBar::new(count as u64).with_style(style);
        claim.replace(vitrine_demo::TABLE, |out| {
            vitrine_demo::write(out, count, seed, || progress.inc(1)).map_err(io("writing into", out))
        })?;
        progress.finish_and_clear();
        vitrine::print::note(format_args!("drew {count} garments into {}", out.display()));
        Ok(())
    }
}
