//! The photos that a site publishes: those that the catalog's items name, and nothing else that lies beside them.

use super::packs::{self, Rows};
use super::{Build, Written, tree};
use crate::catalog::folder::Folder;
use crate::catalog::format::Packs;
use crate::error::{Error, LeftOut, Result, io};
use crate::hash::{FolderName, PhotoName, sha256_hex};
use crate::photo_file::PhotoFile;
use crate::search::glossary;
use rayon::prelude::*;

/// Photos that are held at once.
const AT_ONCE: usize = 256;

/// Of a hundred files that a host takes, so many are left for what nobody counts ahead.
const SLACK: usize = 2;

impl Build<'_> {
    /// Publishes the photos that items name: each in a file of its own, or in packs where the site would have more files
    /// than its host takes. Says what the manifest names then.
    pub(super) fn put_photos(&self, catalog: &Folder, written: &mut Written) -> Result<Option<Packs>> {
        let rows = Rows::read(catalog)?;
        let photos = rows.distinct();
        written.photos = photos.len();
        let most = self.max_files.unwrap_or(usize::MAX);
        // what is still to come: the page, and a few files that it gets here
        let others = written.files + tree(self.www)?.len() + glossary::FILES.len() + 8;
        if others.saturating_add(photos.len()) <= most {
            return self.put_single(catalog, &photos, written).map(|()| None);
        }
        let window = packs::window(catalog)?;
        let single: Vec<&PhotoName> = photos.into_iter().filter(|name| window.contains(name)).collect();
        let left = most.saturating_sub(others + single.len() + most / 100 * SLACK);
        self.put_single(catalog, &single, written)?;
        self.put_packs(catalog, &rows, left, written).map(Some)
    }

    /// Copies photos and checks them on the way.
    fn put_single(&self, catalog: &Folder, names: &[&PhotoName], written: &mut Written) -> Result<()> {
        let photos = &catalog.manifest.photos;
        for names in names.chunks(AT_ONCE) {
            // a catalog of an earlier version may hold where a photo was made, and photos that end half way
            let read = |name: &&PhotoName| Ok((PhotoName::clone(name), PhotoFile::read(&self.photo(photos, name)?)));
            let read: Vec<Result<(PhotoName, Result<PhotoFile>)>> = names.par_iter().map(read).collect();
            for photo in read {
                match photo? {
                    (name, Ok(photo)) => self.put(&format!("catalog/{photos}{name}"), &photo.published, written)?,
                    (name, Err(error)) => {
                        written.left_out.push(LeftOut::new(error.reason(), name, error.to_string()));
                    }
                }
            }
        }
        Ok(())
    }

    /// The bytes of a product's photo, which are those that its name says, and those of a photo.
    pub(super) fn photo(&self, folder: &FolderName, name: &PhotoName) -> Result<Vec<u8>> {
        let folder = self.catalog.join(folder);
        let path = folder.join(name);
        let wrong = |got: &str, first: &str| {
            let place = folder.display();
            Err(Error::Catalog(format!(
                "expected the photo {name}, got {got} in {place}; {first}index the photos again"
            )))
        };
        // a pipe would never end, and a link may lead to any file of this machine
        if !std::fs::symlink_metadata(&path).is_ok_and(|place| place.is_file()) {
            return wrong("none", "");
        }
        let bytes = std::fs::read(&path).map_err(io("reading", &path))?;
        let digest = sha256_hex(&bytes);
        match name.digits() {
            Some(digits) if !digest.starts_with(digits) => {
                wrong(&format!("one with the sha256 {digest}, which is another"), "remove it and ")
            }
            _ if !is_photo(name, &bytes) => wrong("a file that is no photo of that kind", "remove it and "),
            _ => Ok(bytes),
        }
    }
}

/// Whether bytes begin as a photo of the kind that the name's ending promises.
fn is_photo(name: &PhotoName, bytes: &[u8]) -> bool {
    let promised = image::ImageFormat::from_path(name.as_str()).ok();
    promised.is_some() && image::guess_format(bytes).ok() == promised
}
