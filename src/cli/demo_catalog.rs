//! `vitrine demo-catalog`: draws a garment catalogue with exact attributes.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use vitrine::demo::{self, Query, Split};
use vitrine::error::{Error, io};
use vitrine::staging::{Claim, Kind};

/// Name of the table.
const TABLE: &str = "items.csv";

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
    let mut claim = Claim::new(Kind::Drawn, &out, &[])?;
    let items = demo::items(count, seed);
    let style = "{spinner} drawing {bar:40} {pos}/{len} garments, {eta} left";
    let progress = ProgressBar::new(count as u64).with_style(ProgressStyle::with_template(style)?);
    claim.replace(TABLE, |out| {
        items.par_iter().try_for_each(|item| -> vitrine::Result<()> {
            write(&out.join(format!("{}.jpg", item.id)), &demo::photo(item)?)?;
            progress.inc(1);
            Ok(())
        })?;
        for split in Split::ALL {
            let name = split.name();
            write(&out.join(format!("composed.{name}.jsonl")), &lines(&demo::composed(&items, split, seed))?)?;
            if split != Split::Train {
                write(&out.join(format!("text.{name}.jsonl")), &lines(&demo::text(&items, split, seed))?)?;
            }
        }
        write(&out.join(TABLE), &demo::table(&items)?)
    })?;
    progress.finish_and_clear();
    vitrine::print::note(format_args!("drew {count} garments into {}", out.display()));
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> vitrine::Result<()> {
    std::fs::write(path, bytes).map_err(io("writing", path))
}

/// A query a line.
fn lines(queries: &[Query]) -> vitrine::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for query in queries {
        serde_json::to_writer(&mut bytes, query).map_err(|e| Error::Argument(format!("writing queries: {e}")))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}
