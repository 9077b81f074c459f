//! A catalog that came as a ZIP archive, as the page hands out a visitor's own photos: unpacked while a command runs.

use anyhow::{Context, ensure};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use vitrine::hash::FileName;
use vitrine::photos::MAX_BYTES;
use vitrine::shard::MANIFEST;
use zip::ZipArchive;

/// A catalog folder, which may be a temporary one.
pub struct Catalog {
    /// The folder.
    pub folder: PathBuf,
    _unpacked: Option<tempfile::TempDir>,
}

impl Catalog {
    /// The folder at `path`, or what an archive there holds of a catalog, all but the photos.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        if !path.is_file() {
            return Ok(Self { folder: path.into(), _unpacked: None });
        }
        let unpacked = tempfile::tempdir().context("making a temporary folder")?;
        unpack(path, unpacked.path())?;
        Ok(Self { folder: unpacked.path().into(), _unpacked: Some(unpacked) })
    }
}

fn unpack(path: &Path, to: &Path) -> anyhow::Result<()> {
    let what = || format!("reading {}: expected a catalog folder or a ZIP archive of one", path.display());
    let mut zip = ZipArchive::new(File::open(path).with_context(what)?).with_context(what)?;
    let names = zip.file_names().map(|name| name.map(|name| name.into_owned()).with_context(what));
    let names = names.collect::<anyhow::Result<Vec<String>>>()?;
    let beside =
        names.iter().find_map(|name| name.strip_suffix(MANIFEST).filter(|dir| dir.is_empty() || dir.ends_with('/')));
    let beside = beside.with_context(|| format!("{}, got one without {MANIFEST}", what()))?;
    for (index, name) in names.iter().enumerate() {
        // a catalog's files lie beside its manifest; nothing else is written, whatever an archive calls it
        let Some(file) = name.strip_prefix(beside).filter(|file| FileName::parse(file).is_ok()) else { continue };
        let mut bytes = Vec::new();
        zip.by_index(index).with_context(what)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).with_context(what)?;
        ensure!(
            bytes.len() as u64 <= MAX_BYTES,
            "reading {}: {file} is larger than {} MiB",
            path.display(),
            MAX_BYTES >> 20
        );
        std::fs::write(to.join(file), bytes).with_context(|| format!("writing {file} to a temporary folder"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::write::SimpleFileOptions;

    fn archive(files: &[&str]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut zip = zip::ZipWriter::new(file.reopen().unwrap());
        for name in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(name.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        file
    }

    #[test]
    fn only_what_lies_beside_the_manifest_is_unpacked() {
        let zip =
            archive(&["a/catalog.json", "a/shard-1.bin", "a/photos/x.jpg", "a/../evil", "b/other.bin", "a/.hidden"]);
        let catalog = Catalog::open(zip.path()).unwrap();
        let mut names: Vec<_> =
            std::fs::read_dir(&catalog.folder).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["catalog.json", "shard-1.bin"]);
        assert!(!catalog.folder.parent().unwrap().join("evil").exists());
        let folder = catalog.folder.clone();
        drop(catalog);
        assert!(!folder.exists());
    }

    #[test]
    fn what_is_no_catalog_is_named() {
        let error = Catalog::open(archive(&["a/x.bin"]).path()).err().unwrap().to_string();
        assert!(error.contains("without catalog.json"), "{error}");
    }
}
