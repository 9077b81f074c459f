//! `vitrine export`: a catalog → one file for a vector database.

use anyhow::Context;
use clap::Args;
use std::path::PathBuf;
use vitrine::export::{Format, export};

/// Write a catalog's vectors and metadata to one file, for a vector database or for analysis
#[derive(Args)]
pub struct ExportArgs {
    /// Catalog folder
    catalog: PathBuf,
    /// File to write
    #[arg(long)]
    out: PathBuf,
    /// parquet and jsonl hold vectors and metadata, npy the vectors alone [default: as the file's name ends]
    #[arg(long, value_name = "parquet|npy|jsonl")]
    format: Option<Format>,
}

/// Exports and says how many photos there are.
pub fn run(args: ExportArgs) -> anyhow::Result<()> {
    let format = args.format.or_else(|| Format::of(&args.out)).with_context(|| {
        format!(
            "exporting: expected a name that ends in .parquet, .npy or .jsonl, got {}; give --format",
            args.out.display()
        )
    })?;
    let photos = export(&args.catalog, &args.out, format)?;
    vitrine::print::line(format_args!("{}: {photos} photos", args.out.display()))?;
    Ok(())
}
