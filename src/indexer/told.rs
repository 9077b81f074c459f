//! What `index` was told, kept in the catalog's folder, so that the next run does not lose a title or all metadata because
//! nobody wrote the options again.

use crate::atomic::write_atomic;
use crate::catalog::format::MANIFEST;
use crate::error::{Error, Result};
use crate::staging::{Growth, OPTIONS};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The title of a catalog that was given none.
pub const TITLE: &str = "Catalog";

/// Options of `index` that the next run into the same folder takes over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// `--title`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `--meta`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<PathBuf>,
    /// `--attributes`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Vec<String>>,
    /// `--model`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<PathBuf>,
    /// `--cells`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cells: Option<String>,
    /// `--photo-size`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photo_size: Option<u32>,
    /// `--shop`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shop: Option<String>,
    /// `--currency`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

impl Told {
    /// What earlier runs into a folder were told; nothing where there were none. Versions that kept no options left the
    /// title in the manifest.
    pub fn read(folder: &Path) -> Self {
        let read = |name: &str| std::fs::read(folder.join(name)).ok();
        let json = |name: &str| -> Option<serde_json::Value> { serde_json::from_slice(&read(name)?).ok() };
        let told: Self = read(OPTIONS).and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let title = |name: &str, at: &str| Some(json(name)?.pointer(at)?.as_str()?.to_string());
        let before = || title(MANIFEST, "/title").or_else(|| title(super::part::PART, "/whole/title"));
        let before = || before().filter(|title| title != TITLE);
        Self { title: told.title.clone().or_else(before), ..told }
    }

    /// What counts now: what this run is told, and else what earlier ones were. Paths are made absolute, since the next run
    /// may stand in another folder.
    pub fn or(self, before: &Self) -> Self {
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        Self {
            title: self.title.or_else(|| before.title.clone()),
            meta: self.meta.map(absolute).or_else(|| before.meta.clone()),
            attributes: self.attributes.or_else(|| before.attributes.clone()),
            model: self.model.map(absolute).or_else(|| before.model.clone()),
            cells: self.cells.or_else(|| before.cells.clone()),
            photo_size: self.photo_size.or(before.photo_size),
            shop: self.shop.or_else(|| before.shop.clone()),
            currency: self.currency.or_else(|| before.currency.clone()),
        }
    }

    /// The options as they are written, those that `now` does not say itself.
    pub fn besides(&self, now: &Self) -> Vec<String> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let all = [
            ("--title", self.title.clone(), now.title.is_some()),
            ("--meta", path(&self.meta), now.meta.is_some()),
            ("--attributes", self.attributes.as_ref().map(|names| names.join(",")), now.attributes.is_some()),
            ("--model", path(&self.model), now.model.is_some()),
            ("--cells", self.cells.clone(), now.cells.is_some()),
            ("--photo-size", self.photo_size.map(|size| size.to_string()), now.photo_size.is_some()),
            ("--shop", self.shop.clone(), now.shop.is_some()),
            ("--currency", self.currency.clone(), now.currency.is_some()),
        ];
        let kept = all.into_iter().filter(|(_, value, said)| value.is_some() && !said);
        kept.map(|(name, value, _)| format!("{name} {:?}", value.unwrap_or_default())).collect()
    }

    /// Keeps them in the folder.
    pub fn write(&self, out: &Growth) -> Result<()> {
        let json = serde_json::to_vec(self).map_err(|e| Error::Argument(format!("keeping options: {e}")))?;
        write_atomic(&out.path().join(OPTIONS), &json)
    }
}
