//! What earlier versions wrote, which kept no list: a folder is theirs by its manifest or journal, and what these name is
//! the list.

use super::record::is_below;
use super::{Files, Kind, is_file};
use crate::error::{Result, io};
use serde_json::Value;
use std::io::Read;
use std::path::Path;

/// The journal of `index`, in a catalog and in a part.
pub const JOURNAL: &str = ".index-journal";
/// The first line of a drawn catalog's table.
const DRAWN: &str = "id,split,title,category,style,colour,pattern,fabric,\
                     neckline,sleeve,length,fit,closure,heel,department,gender";
/// Bytes of a file that tell what it is.
const HEAD: u64 = 64 << 10;

/// The kind of a folder without a list and the files that its manifest names. `kind` is tried first: a folder may hold the
/// manifests of two.
pub fn read(folder: &Path, kind: Kind) -> Result<Option<(Kind, Files)>> {
    for kind in [kind].into_iter().chain(Kind::ALL) {
        if let Some(files) = files(folder, kind)? {
            return Ok(Some((kind, files.into_iter().filter(|name| is_below(name)).collect())));
        }
    }
    Ok(None)
}

fn files(folder: &Path, kind: Kind) -> Result<Option<Files>> {
    Ok(match kind {
        Kind::Catalog => indexed(folder, "catalog.json", "vitrine-catalog")?,
        Kind::Part => indexed(folder, "part.json", "vitrine-part")?,
        Kind::Site => site(folder)?,
        Kind::Model => model(folder)?,
        Kind::Drawn => drawn(folder)?,
        Kind::Log => log(folder)?,
    })
}

/// What a catalog's or a part's manifest names, with the photos of its items and of the journal. A journal alone is what an
/// interrupted run left.
fn indexed(folder: &Path, name: &str, format: &str) -> Result<Option<Files>> {
    let manifest = json(folder, name)?.filter(|manifest| manifest["format"] == format);
    let journal = text(folder, JOURNAL)?.filter(|text| text.starts_with("vitrine-journal "));
    if manifest.is_none() && journal.is_none() {
        return Ok(None);
    }
    let mut files = Files::new();
    let mut photos = Files::new();
    for line in journal.iter().flat_map(|text| text.lines()) {
        photos.extend(serde_json::from_str::<Value>(line).ok().and_then(|line| Some(line["photo"].as_str()?.into())));
    }
    if let Some(manifest) = &manifest {
        files.insert(name.to_string());
        named(manifest, &mut files);
        for items in files.iter().filter(|name| name.starts_with("items-")) {
            let text = text(folder, items)?.unwrap_or_default();
            // an array in a catalog, a line each in a part
            let items = serde_json::from_str::<Vec<Value>>(&text)
                .unwrap_or_else(|_| text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect());
            photos.extend(items.iter().filter_map(|item| Some(item["photo"].as_str()?.to_string())));
        }
    }
    let below = manifest.as_ref().and_then(|manifest| manifest["photos"].as_str()).unwrap_or("photos/");
    files.extend(photos.into_iter().map(|photo| format!("{below}{photo}")));
    Ok(Some(files))
}

/// Every `file` that a manifest mentions, at any depth.
fn named(value: &Value, files: &mut Files) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| match value.as_str() {
            Some(name) if key == "file" => drop(files.insert(name.to_string())),
            _ => named(value, files),
        }),
        Value::Array(values) => values.iter().for_each(|value| named(value, files)),
        _ => {}
    }
}

fn site(folder: &Path) -> Result<Option<Files>> {
    let ours = |site: &Value| site["catalog"] == "catalog/" && site["model"] == "model/" && site["hashes"].is_object();
    let Some(site) = json(folder, "site.json")?.filter(ours) else { return Ok(None) };
    let mut files: Files = ["site.json", "_headers", ".nojekyll"].map(str::to_string).into();
    files.extend(site["hashes"].as_object().into_iter().flat_map(|hashes| hashes.keys().cloned()));
    for (below, kind) in [("catalog", Kind::Catalog), ("model", Kind::Model)] {
        let inner = self::files(&folder.join(below), kind)?.unwrap_or_default();
        files.extend(inner.into_iter().map(|name| format!("{below}/{name}")));
    }
    Ok(Some(files))
}

fn model(folder: &Path) -> Result<Option<Files>> {
    let ours = |model: &Value| model["format"] == "vitrine-model";
    let Some(model) = json(folder, "model.json")?.filter(ours) else { return Ok(None) };
    let mut files: Files = ["model.json".to_string()].into();
    named(&model, &mut files);
    Ok(Some(files))
}

/// A drawn catalog is known by the whole first line of its table.
fn drawn(folder: &Path) -> Result<Option<Files>> {
    let Some(table) = text(folder, "items.csv")? else { return Ok(None) };
    if table.lines().next() != Some(DRAWN) {
        return Ok(None);
    }
    let mut files: Files = ["items.csv".to_string()].into();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    files.extend(reader.records().flatten().filter_map(|row| Some(format!("{}.jpg", row.get(0)?))));
    for split in ["train", "val", "test"] {
        files.extend(["composed", "text"].map(|kind| format!("{kind}.{split}.jsonl")));
    }
    Ok(Some(files))
}

fn log(folder: &Path) -> Result<Option<Files>> {
    let begins = |name: &str, with: &str| -> Result<bool> { Ok(head(folder, name)?.starts_with(with)) };
    let ours = begins("log.csv", "step,progress,loss,composed,text,photo,accuracy,gradient,")?
        || head(folder, "checkpoint.safetensors")?.contains("{\"__metadata__\":{\"vitrine\"");
    Ok(ours.then(|| ["log.csv", "log.svg", "checkpoint.safetensors"].map(str::to_string).into()))
}

/// The beginning of a file as text; none of one that is not there or is a link.
fn head(folder: &Path, name: &str) -> Result<String> {
    let path = folder.join(name);
    if !is_file(&path) {
        return Ok(String::new());
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(&path).map_err(io("reading", &path))?;
    file.take(HEAD).read_to_end(&mut bytes).map_err(io("reading", &path))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn text(folder: &Path, name: &str) -> Result<Option<String>> {
    let path = folder.join(name);
    if !is_below(name) || !is_file(&path) {
        return Ok(None);
    }
    let bytes = std::fs::read(&path).map_err(io("reading", &path))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn json(folder: &Path, name: &str) -> Result<Option<Value>> {
    Ok(text(folder, name)?.and_then(|text| serde_json::from_str(&text).ok()))
}
