//! A catalog that came as a ZIP archive, as the page hands out a visitor's own photos: unpacked while a command runs.

use anyhow::{Context, ensure};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use vitrine::catalog::format::MANIFEST;
use vitrine::hash::FileName;
use vitrine::photos::MAX_BYTES;
use zip::ZipArchive;

/// An archive may unpack to so many times its own length. A catalog is vectors, which hardly pack, and JSON, which packs to
/// a tenth; what packs better is no catalog.
const MAX_RATIO: u64 = 20;
/// The smallest archives may unpack to this, in bytes.
const ALWAYS: u64 = 1 << 20;

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
    let packed = std::fs::metadata(path).with_context(what)?.len();
    let mut room = packed.saturating_mul(MAX_RATIO).max(ALWAYS);
    for (index, name) in names.iter().enumerate() {
        // a catalog's files lie beside its manifest; nothing else is written, whatever an archive calls it
        let Some(file) = name.strip_prefix(beside).filter(|file| FileName::parse(file).is_ok()) else { continue };
        let entry = zip.by_index(index).with_context(what)?;
        let most = room.min(MAX_BYTES);
        let mut written =
            File::create(to.join(file)).with_context(|| format!("writing {file} to a temporary folder"))?;
        let length = std::io::copy(&mut entry.take(most + 1), &mut written).with_context(what)?;
        ensure!(length <= MAX_BYTES, "reading {}: {file} is larger than {} MiB", path.display(), MAX_BYTES >> 20);
        ensure!(
            length <= room,
            "reading {}: expected an archive that unpacks to at most {MAX_RATIO} times its {packed} bytes, got more with \
             {file}; unpack it yourself and name the folder if you trust it",
            path.display(),
        );
        room -= length;
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

    /// Entries of zeros beside a manifest.
    fn bomb(entries: usize, mebibytes: usize) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut zip = zip::ZipWriter::new(file.reopen().unwrap());
        let deflated = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        zip.start_file("catalog.json", deflated).unwrap();
        zip.write_all(b"{}").unwrap();
        for entry in 0..entries {
            zip.start_file(format!("shard-{entry}.bin"), deflated).unwrap();
            (0..mebibytes).for_each(|_| zip.write_all(&vec![0; 1 << 20]).unwrap());
        }
        zip.finish().unwrap();
        file
    }

    #[test]
    fn an_archive_fills_no_more_than_a_multiple_of_its_own_length() {
        let to = tempfile::tempdir().unwrap();
        let zip = bomb(10, 127);
        let packed = zip.as_file().metadata().unwrap().len();
        let error = unpack(zip.path(), to.path()).unwrap_err().to_string();
        assert!(error.contains("at most 20 times") && error.contains("unpack it yourself"), "{error}");
        let files = std::fs::read_dir(to.path()).unwrap();
        let filled: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
        assert!(filled <= 20 * packed + 2, "{filled} bytes of an archive of {packed}");
        // stored files, as the page writes them, always fit
        assert!(Catalog::open(archive(&["catalog.json", "a.bin"]).path()).is_ok());
    }

    #[test]
    fn what_is_no_catalog_is_named() {
        let error = Catalog::open(archive(&["a/x.bin"]).path()).err().unwrap().to_string();
        assert!(error.contains("without catalog.json"), "{error}");
    }
}
