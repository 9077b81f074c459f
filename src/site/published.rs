//! The photos that a site publishes: those that the catalog's items name, and nothing else that lies beside them.

use super::{Build, Written};
use crate::catalog::folder::Folder;
use crate::catalog::format::Item;
use crate::error::{Error, LeftOut, Result, io};
use crate::hash::{FolderName, PhotoName, sha256_hex};
use crate::photo_file::PhotoFile;
use rayon::prelude::*;
use std::collections::HashSet;

/// Photos that are held at once.
const AT_ONCE: usize = 256;

impl Build<'_> {
    /// Copies the photos that items name, each once, and checks them on the way.
    pub(super) fn put_photos(&self, catalog: &Folder, written: &mut Written) -> Result<()> {
        let (mut done, photos) = (HashSet::new(), &catalog.manifest.photos);
        for shard in &catalog.manifest.shards {
            let mut items = catalog.items_of(shard)?;
            items.retain(|item| done.insert(item.photo.clone()));
            for items in items.chunks(AT_ONCE) {
                // a catalog of an earlier version may hold where a photo was made, and photos that end half way
                let read = |item: &Item| Ok((item.photo.clone(), PhotoFile::read(&self.photo(photos, item)?)));
                let read: Vec<Result<(PhotoName, Result<PhotoFile>)>> = items.par_iter().map(read).collect();
                for photo in read {
                    match photo? {
                        (name, Ok(photo)) => self.put(&format!("catalog/{photos}{name}"), &photo.published, written)?,
                        (name, Err(error)) => {
                            written.left_out.push(LeftOut::new(error.reason(), &name, error.to_string()));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The bytes of a product's photo, which are those that its name says, and those of a photo.
    fn photo(&self, folder: &FolderName, item: &Item) -> Result<Vec<u8>> {
        let folder = self.catalog.join(folder);
        let (name, path) = (&item.photo, folder.join(&item.photo));
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
