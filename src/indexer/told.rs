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
    #[serde(skip_serializing_if = "Option::is_none", rename = "cells")]
    pub clusters: Option<String>,
    /// `--photo-size`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photo_size: Option<u32>,
    /// `--shop`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shop: Option<String>,
    /// `--currency`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// `--feed`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<String>,
    /// `--in-stock`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_stock: Option<bool>,
    /// `--photo-cache`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photo_cache: Option<PathBuf>,
    /// `--folders`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folders: Option<String>,
    /// `--facets`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facets: Option<Vec<String>>,
    /// `--hide`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hide: Option<Vec<String>>,
    /// Whether the catalog was made of a feed, which no option says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_feed: Option<bool>,
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
        let before = before.clone();
        Self {
            title: self.title.or(before.title),
            meta: self.meta.map(absolute).or(before.meta),
            attributes: self.attributes.or(before.attributes),
            model: self.model.map(absolute).or(before.model),
            clusters: self.clusters.or(before.clusters),
            photo_size: self.photo_size.or(before.photo_size),
            shop: self.shop.or(before.shop),
            currency: self.currency.or(before.currency),
            feed: self.feed.or(before.feed),
            in_stock: self.in_stock.or(before.in_stock),
            photo_cache: self.photo_cache.map(absolute).or(before.photo_cache),
            folders: self.folders.or(before.folders),
            facets: self.facets.or(before.facets),
            hide: self.hide.or(before.hide),
            of_feed: self.of_feed.or(before.of_feed),
        }
    }

    /// The options as they are written, those that `now` does not say itself.
    pub fn besides(&self, now: &Self) -> Vec<String> {
        let (all, now) = (self.written(), now.written());
        let kept = all.into_iter().zip(now).filter(|(_, (_, said))| said.is_none());
        kept.filter_map(|((name, value), _)| Some(value?.map_or(name.to_string(), |value| format!("{name} {value:?}"))))
            .collect()
    }

    /// Every option with its value, if it was given; the inner one is none for an option without.
    fn written(&self) -> [(&'static str, Option<Option<String>>); 14] {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| Some(path.display().to_string()));
        let list = |names: &Option<Vec<String>>| names.as_ref().map(|names| Some(names.join(",")));
        let text = |text: &Option<String>| text.clone().map(Some);
        [
            ("--title", text(&self.title)),
            ("--meta", path(&self.meta)),
            ("--attributes", list(&self.attributes)),
            ("--model", path(&self.model)),
            ("--cells", text(&self.clusters)),
            ("--photo-size", self.photo_size.map(|size| Some(size.to_string()))),
            ("--shop", text(&self.shop)),
            ("--currency", text(&self.currency)),
            ("--feed", text(&self.feed)),
            ("--in-stock", self.in_stock.filter(|on| *on).map(|_| None)),
            ("--photo-cache", path(&self.photo_cache)),
            ("--folders", text(&self.folders)),
            ("--facets", list(&self.facets)),
            ("--hide", list(&self.hide)),
        ]
    }

    /// Keeps them in the folder.
    pub fn write(&self, out: &Growth) -> Result<()> {
        let json = serde_json::to_vec(self).map_err(|e| Error::Argument(format!("keeping options: {e}")))?;
        write_atomic(&out.path().join(OPTIONS), &json)
    }
}
