//! `vitrine merge`: parts of a catalog → the catalog.

use clap::Args;
use std::path::PathBuf;
use vitrine::indexer::{ClusterChoice, merge};

/// Join the parts that `index --part` made into one catalog, the same as from a single run
#[derive(Args)]
pub struct MergeArgs {
    /// Folders of all parts, in any order
    #[arg(required = true)]
    parts: Vec<PathBuf>,
    /// Catalog folder
    #[arg(long)]
    out: PathBuf,
    /// Clusters of a clustered catalog, of which the page fetches only those near a query: a number, none, or auto (from
    /// 100,000 photos on)
    #[arg(long = "cells", value_name = "auto|none|N", default_value = "auto")]
    clusters: ClusterChoice,
    /// Exit with 1 if anything was left out; the catalog is written all the same
    #[arg(long)]
    strict: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Merges, reports what was skipped, and prints a summary.
pub fn run(args: MergeArgs) -> anyhow::Result<()> {
    let summary = merge(&args.parts, &args.out, args.clusters)?;
    super::index::report(&summary, &args.out, args.json, args.strict)
}
