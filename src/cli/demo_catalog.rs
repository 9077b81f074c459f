//! `vitrine demo-catalog`: draws a garment catalogue with exact attributes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use vitrine::demo::{self, Query, Split};

/// Draw a garment catalogue with exact attributes, titles and queries
#[derive(Clone, Debug, clap::Args)]
pub struct DemoCatalogArgs {
    /// Folder to write: photos, items.csv, composed and text queries
    #[arg(long, value_name = "PHOTOS")]
    pub out: PathBuf,
    /// How many garments to draw
    #[arg(long, value_name = "N", default_value_t = 1200)]
    pub count: usize,
    /// Another seed draws another catalogue; the same one draws the same bytes
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
}

/// Draws the catalogue.
pub fn run(args: DemoCatalogArgs) -> Result<()> {
    let DemoCatalogArgs { out, count, seed } = args;
    ensure!(count >= 1, "drawing catalogue: expected --count of 1 or more, got {count}; leave it out for 1200");
    fs::create_dir_all(&out).with_context(|| format!("creating folder {}", out.display()))?;
    let items = demo::items(count, seed);
    let style = "{spinner} drawing {bar:40} {pos}/{len} garments, {eta} left";
    let progress = ProgressBar::new(count as u64).with_style(ProgressStyle::with_template(style)?);
    items.par_iter().try_for_each(|item| -> Result<()> {
        write(&out.join(format!("{}.jpg", item.id)), &demo::photo(item)?)?;
        progress.inc(1);
        Ok(())
    })?;
    progress.finish_and_clear();
    write(&out.join("items.csv"), &demo::table(&items)?)?;
    for split in Split::ALL {
        let name = split.name();
        write(&out.join(format!("composed.{name}.jsonl")), &lines(&demo::composed(&items, split, seed))?)?;
        if split != Split::Train {
            write(&out.join(format!("text.{name}.jsonl")), &lines(&demo::text(&items, split, seed))?)?;
        }
    }
    eprintln!("drew {count} garments into {}", out.display());
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

/// A query a line.
fn lines(queries: &[Query]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for query in queries {
        serde_json::to_writer(&mut bytes, query)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}
