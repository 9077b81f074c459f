//! What a shop's photos are read from: a feed, or a folder or archive of photos with a file of metadata. `index` and `tune`
//! read the same.

use super::feed::{Indexed, index};
use super::meeting::{Met, meet};
use super::metadata::Metadata;
use super::told::Told;
use crate::error::{Error, Result};
use crate::feeds::{self, Feed, Format, Options, fetch};
use crate::photos::{FolderChoice, PhotoSource};
use crate::print;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use url::Url;

/// What the owner says of a feed.
#[derive(Args, Clone, Debug, Default)]
pub struct Reading {
    /// Insist on a kind of feed [default: found by its content]
    #[arg(long, value_enum, value_name = "KIND")]
    feed: Option<Format>,
    /// The shop's address: links and photos with relative addresses are seen from there
    #[arg(long, value_name = "URL")]
    shop: Option<Url>,
    /// Currency of prices that name none, such as EUR
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// Leave out what cannot be ordered
    #[arg(long)]
    in_stock: bool,
    /// Where photos by address are kept for the next run [default: the user's cache folder]
    #[arg(long, value_name = "FOLDER")]
    photo_cache: Option<PathBuf>,
}

impl Reading {
    /// Adds what was given to what a catalog remembers.
    pub fn tell(&self, told: &mut Told) {
        told.shop = self.shop.as_ref().map(Url::to_string);
        told.currency = self.currency.clone();
        told.feed = self.feed.map(|feed| feed.name().to_string());
        told.in_stock = self.in_stock.then_some(true);
        told.photo_cache = self.photo_cache.clone();
    }

    /// The same, with what an earlier run was told where this one says nothing.
    pub fn or(self, told: &Told) -> Self {
        let feed = || Format::from_str(told.feed.as_deref()?, true).ok();
        Self {
            feed: self.feed.or_else(feed),
            shop: self.shop.or_else(|| Url::parse(told.shop.as_deref()?).ok()),
            currency: self.currency.or_else(|| told.currency.clone()),
            in_stock: self.in_stock || told.in_stock == Some(true),
            photo_cache: self.photo_cache.or_else(|| told.photo_cache.clone()),
        }
    }

    /// Fetches the photos of a feed, and says how many came and how many were kept.
    pub fn bring(&self, feed: &mut Feed) -> Result<()> {
        let folder = self.photo_cache.clone().unwrap_or_else(cache);
        let (photos, _) = feed.counts();
        let bar = print::bar(photos, "photos");
        let fetched = fetch::bring(feed, &folder, &fetch::Limits::default(), &|| bar.inc(1))?;
        bar.finish_and_clear();
        let fetch::Fetched { fetched, kept, failed } = fetched;
        if fetched + kept + failed > 0 {
            print::note(format_args!("photos by address: {fetched} fetched, {kept} kept, {failed} failed"));
        }
        Ok(())
    }

    /// As options of the library; `attributes` are those that the owner names.
    pub fn options(&self, attributes: &[String]) -> Result<Options> {
        let currency = match &self.currency {
            None => None,
            Some(code) => Some(feeds::currency(code).ok_or_else(|| {
                Error::Argument(format!(
                    "reading --currency: expected a code of three letters such as EUR, got {code:?}"
                ))
            })?),
        };
        Ok(Options {
            format: self.feed,
            shop: self.shop.clone(),
            currency,
            attributes: attributes.to_vec(),
            in_stock: self.in_stock,
            ..Options::default()
        })
    }
}

/// The folder where this user's programs keep what they can fetch again.
fn cache() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = |below: &str| std::env::home_dir().map(|home| home.join(below));
    let of_system = if cfg!(target_os = "macos") { home("Library/Caches") } else { home(".cache") };
    let folder = variable("XDG_CACHE_HOME").or(variable("LOCALAPPDATA").filter(|_| cfg!(windows))).or(of_system);
    folder.unwrap_or_else(std::env::temp_dir).join("vitrine").join("photos")
}

/// What is indexed.
pub struct Source {
    /// The photos.
    pub photos: PhotoSource,
    /// What is known of them.
    pub metadata: Metadata,
    /// The file of metadata, where it is not the source itself.
    pub meta: Option<PathBuf>,
    /// How photos and rows met, where they are of two sources.
    pub met: Option<Met>,
    /// The feed, where the source is one.
    pub feed: Option<Feed>,
}

impl Source {
    /// Whether a source is a feed: a file that is no archive.
    pub fn is_feed(path: &Path) -> bool {
        let start = std::fs::File::open(path).and_then(|mut file| {
            let mut start = [0; 2];
            std::io::Read::read_exact(&mut file, &mut start).map(|()| start)
        });
        path.is_file() && start.is_ok_and(|start| &start != b"PK")
    }

    /// Reads a feed, or lists photos and reads their file of metadata. `meta` is that file where this run names it; `told` is
    /// what counts, that of earlier runs too.
    ///
    /// # Errors
    /// Those of what is read, and [`Error::Argument`] for a feed with a file of metadata beside it.
    pub fn open(path: &Path, meta: Option<&Path>, reading: &Reading, told: &Told) -> Result<Self> {
        let reading = reading.clone().or(told);
        if !Self::is_feed(path) {
            return Self::open_photos(path, meta, &reading, told);
        }
        if meta.is_some() {
            return Err(Error::Argument(
                "indexing: expected a feed or --meta, got both; a feed holds what is known of its photos".into(),
            ));
        }
        let options = reading.options(told.attributes.as_deref().unwrap_or_default())?;
        let mut feed = feeds::read(path, &options)?;
        reading.bring(&mut feed)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Indexed { photos, metadata } = index(&feed, &name);
        Ok(Self { photos, metadata, meta: None, met: None, feed: Some(feed) })
    }

    fn open_photos(path: &Path, meta: Option<&Path>, reading: &Reading, told: &Told) -> Result<Self> {
        let (meta, metadata) = read_metadata(path, meta, reading, told)?;
        let is_row = |name: &str| metadata.has(name);
        let folders = told.folders.as_deref().and_then(|folders| FolderChoice::from_str(folders, true).ok());
        let mut photos = PhotoSource::open_products(path, folders.unwrap_or_default(), &is_row)?;
        let met = (!metadata.is_empty()).then(|| meet(&mut photos, &metadata));
        Ok(Self { photos, metadata, meta, met, feed: None })
    }
}

/// The file of metadata, and what is in it: the one that was told, else items.csv beside the photos.
fn read_metadata(
    photos: &Path,
    named: Option<&Path>,
    reading: &Reading,
    told: &Told,
) -> Result<(Option<PathBuf>, Metadata)> {
    let beside = Some(photos.join("items.csv")).filter(|path| path.exists());
    let path = told.meta.clone().or(beside);
    if let (Some(path), None) = (&path, named)
        && !path.exists()
    {
        return Err(Error::Argument(format!(
            "reading metadata: expected {}, as the run before was given it, got none; put it back, name another with \
             --meta, or --forget it",
            path.display()
        )));
    }
    let options = reading.options(told.attributes.as_deref().unwrap_or_default())?;
    let options = Options { without_photos: true, ..options };
    let metadata = path.as_deref().map(|path| Metadata::open(path, &options)).transpose()?.unwrap_or_default();
    Ok((path, metadata))
}
