//! The files of a site, as its page and its manifests name them.

use super::LARGEST_FILE;
use crate::catalog::format::Packs;
use crate::catalog::format::{FileEntry, MANIFEST, Manifest};
use crate::catalog::packs::PackList;
use crate::error::{Error, Result};
use crate::model::folder::{DESCRIPTION, Description};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use std::collections::BTreeMap;

/// Files of the catalog that are looked at: the first ones, as the others are of the same kinds. A large catalog has
/// gigabytes.
const OF_CATALOG: usize = 12;
/// Photos that are looked at.
const PHOTOS: usize = 4;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The page, its scripts and styles, and its program.
    Code,
    /// Weights, glossaries and the catalog.
    Data,
    /// A photo.
    Photo,
}

/// A file of the site.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Its address in the site.
    pub name: String,
    /// Its sha256, hexadecimal, or how that begins.
    pub sha256: String,
    /// Its length, where that is said.
    pub bytes: Option<u64>,
    /// What it is for.
    pub meaning: Meaning,
}

/// What a site lists.
#[derive(Default)]
pub struct Listed {
    /// The files that are looked at.
    pub files: Vec<File>,
    /// How many there are in all, photos among them.
    pub in_all: usize,
    /// Files that are too large for some hosts.
    pub large: Vec<String>,
    /// Whether the service worker adds the headers of isolation.
    pub isolates: bool,
}

fn expected(what: &str, got: &str) -> Error {
    Error::Argument(format!(
        "checking the site: expected {what}, got {got}; name the address or folder of its index.html"
    ))
}

impl Listed {
    /// Reads what names files, by `get`, which gives the bytes of a file that is there.
    pub fn read(mut get: impl FnMut(&str) -> Result<Option<Vec<u8>>>) -> Result<Self> {
        let mut need = |file: &str| {
            let bytes =
                get(file)?.ok_or_else(|| expected(&format!("{file} of a site that `vitrine site` wrote"), "none"))?;
            Ok::<_, Error>(String::from_utf8_lossy(&bytes).into_owned())
        };
        let html = need("index.html")?;
        let text = need("site.json")?;
        let site: Value = serde_json::from_str(&text).map_err(|_| {
            let got = if text.trim_start().starts_with('<') { "a web page" } else { "something else" };
            expected("JSON in site.json", got)
        })?;
        let folder = |name: &str| site[name].as_str().unwrap_or_default().to_string();
        let (catalog, model) = (folder("catalog"), folder("model"));
        let manifest = Manifest::from_json(&need(&format!("{catalog}{MANIFEST}"))?)?;
        let model_text = need(&format!("{model}{DESCRIPTION}"))?;
        let mut listed = Self { isolates: site["isolate"] == true, ..Self::default() };
        listed.add_page(&site, &html);
        for part in Description::from_json(&model_text)?.files() {
            listed.add_entry(format!("{model}{}", part.file), &part.sha256, part.bytes);
        }
        let of_page = listed.files.len();
        let files: Vec<&FileEntry> = manifest.files().collect();
        for file in files.iter().take(OF_CATALOG) {
            listed.add_entry(format!("{catalog}{}", file.file), &file.sha256, file.bytes);
        }
        let large = files.iter().skip(OF_CATALOG).filter(|file| file.bytes > LARGEST_FILE);
        listed.large = large.map(|file| format!("{catalog}{}", file.file)).collect();
        listed.in_all = of_page + files.len();
        match &manifest.packs {
            None => {
                listed.in_all += manifest.count;
                listed.add_photos(&catalog, &manifest, &mut get);
            }
            Some(packs) => listed.add_packs(&catalog, &manifest, packs, &mut get),
        }
        Ok(listed)
    }

    fn add_entry(&mut self, name: String, sha256: &str, bytes: u64) {
        self.files.push(File { name, sha256: sha256.to_string(), bytes: Some(bytes), meaning: Meaning::Data });
    }

    /// The page's own files: those that it signs, and those that site.json lists.
    fn add_page(&mut self, site: &Value, html: &str) {
        let listed = site["hashes"].as_object().into_iter().flatten();
        let listed = listed.filter_map(|(name, hash)| Some((name.clone(), hash.as_str()?.to_string())));
        let mut hashes: BTreeMap<String, String> = signed(html).into_iter().chain(listed).collect();
        for entry in site["wasm"].as_array().into_iter().flatten() {
            hashes.extend(named(entry));
        }
        let code = hashes.into_iter().map(|(name, sha256)| File { name, sha256, bytes: None, meaning: Meaning::Code });
        self.files.extend(code);
        let glossaries = site["glossaries"].as_array().into_iter().flatten().filter_map(named);
        let data = glossaries.map(|(name, sha256)| File { name, sha256, bytes: None, meaning: Meaning::Data });
        self.files.extend(data);
    }

    /// A few packs of photos. Of a list that is not there, or is another, is told among the files.
    fn add_packs(
        &mut self,
        catalog: &str,
        manifest: &Manifest,
        packs: &Packs,
        get: &mut impl FnMut(&str) -> Result<Option<Vec<u8>>>,
    ) {
        let Ok(Some(bytes)) = get(&format!("{catalog}{}", packs.list.file)) else { return };
        let Ok(list) = PackList::read(packs, &bytes, manifest.count) else { return };
        let files: Vec<FileEntry> =
            list.packs.iter().flat_map(|pack| pack.files()).filter_map(|file| file.entry().ok()).collect();
        let name = |file: &FileEntry| format!("{catalog}{}{}", packs.folder, file.file);
        self.in_all += files.len();
        self.large.extend(files.iter().skip(PHOTOS).filter(|file| file.bytes > LARGEST_FILE).map(name));
        for file in files.iter().take(PHOTOS) {
            let (sha256, bytes) = (file.sha256.clone(), Some(file.bytes));
            self.files.push(File { name: name(file), sha256, bytes, meaning: Meaning::Photo });
        }
    }

    /// A few photos, whose names begin with their hashes.
    fn add_photos(
        &mut self,
        catalog: &str,
        manifest: &Manifest,
        get: &mut impl FnMut(&str) -> Result<Option<Vec<u8>>>,
    ) {
        let Some(shard) = manifest.shards.first() else { return };
        // one that is not there, or is another, is found among the files
        let Ok(Some(bytes)) = get(&format!("{catalog}{}", shard.items.file)) else { return };
        let Ok(items) = shard.open_items(&bytes) else { return };
        let photos = items.iter().filter_map(|item| Some((item.photo.to_string(), item.photo.digits()?.to_string())));
        let file = |(name, sha256): (String, String)| {
            let name = format!("{catalog}{}{name}", manifest.photos);
            File { name, sha256, bytes: None, meaning: Meaning::Photo }
        };
        self.files.extend(photos.take(PHOTOS).map(file));
    }
}

/// The file and the hash of an entry of site.json.
fn named(entry: &Value) -> Option<(String, String)> {
    Some((entry["file"].as_str()?.to_string(), entry["sha256"].as_str()?.to_string()))
}

/// Files that a page names with the hash that it accepts.
fn signed(html: &str) -> Vec<(String, String)> {
    let tags = html.split('<').filter(|tag| tag.contains("integrity=\"sha256-"));
    let value = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!("{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_string())
    };
    let file = |tag: &str| {
        let hash = BASE64_STANDARD.decode(value(tag, "integrity")?.strip_prefix("sha256-")?).ok()?;
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = value(tag, "href").or_else(|| value(tag, "src"))?;
        Some((name.strip_prefix("./").unwrap_or(&name).to_string(), hash))
    };
    tags.filter_map(file).collect()
}
