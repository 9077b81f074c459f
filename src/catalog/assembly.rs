//! How a catalog is made, without a disk: a photo's bytes → its entry, rows → the files of a catalog. The indexer
//! writes these files to a folder; the page searches a visitor's own photos by them and hands them out as an archive.

mod catalog;
#[cfg(feature = "cli")]
mod cluster;
#[cfg(feature = "cli")]
mod clustered;
mod earlier;
mod facets;
mod files;
pub mod kinds;
mod neighbours;
mod rows;

pub use catalog::{assemble, assemble_again};
#[cfg(feature = "cli")]
pub use clustered::ClusterChoice;
pub use earlier::{Earlier, row_of};
pub use facets::FacetChoice;
pub use kinds::same as same_name;
pub use rows::Rows;

use crate::catalog::format::{BLUR, Item};
use crate::error::{Error, Result};
use crate::hash::PhotoName;
use crate::image::{self, Preprocess};
use crate::photo_file::PhotoFile;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Folder of the photos inside a catalog, with a slash at its end.
pub const PHOTOS: &str = "photos/";
/// Longest side of a catalog's own copy of a photo, in pixels, unless the owner says another: a card is some 220 pixels
/// wide and 275 high, and a sharp screen has two or three for each.
pub const LONGEST: u32 = 640;
/// The same of photos that a visitor adds, which a browser keeps, and of catalogs of earlier versions.
pub const LONGEST_OWN: u32 = 320;
/// A photo file of up to this many bytes a pixel of the longest side, and small enough in pixels, is copied as it is.
const COPY_BYTES: usize = 200;

/// A finished photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// sha256 of its file.
    pub hash: String,
    /// The catalog's own copy.
    pub photo: PhotoName,
    /// Width and height of that copy.
    pub size: (u32, u32),
    /// The longest side that the copy may have.
    #[serde(default = "longest_before")]
    pub longest: u32,
    /// Mean colour.
    pub tone: [u8; 3],
    /// A few pixels, as in [`Item::blur`].
    #[serde(default)]
    pub blur: String,
    /// The photo's address in the shop's feed, by which the next feed names the same photo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether an earlier version made it, whose photos are read once more before they count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unproven: bool,
    /// What an integer of its vector stands for.
    #[serde(skip)]
    pub scale: f32,
    /// Its catalog vector `[dimension]` as the catalog keeps it.
    #[serde(skip)]
    pub vector: Vec<i8>,
}

impl Entry {
    /// Whether another entry of the same file tells of the same pixels, so that their vectors are the same. Their copies may
    /// differ in size, not in form.
    pub fn same_pixels(&self, other: &Self) -> bool {
        let blurs = [&self.blur, &other.blur];
        let blur = self.blur == other.blur || blurs.iter().any(|blur| blur.is_empty());
        let lies = |size: (u32, u32)| size.0 > size.1;
        let form = self.size == other.size || self.longest != other.longest && lies(self.size) == lies(other.size);
        self.hash == other.hash && form && self.tone == other.tone && blur
    }
}

/// What entries of earlier versions do not say.
fn longest_before() -> u32 {
    LONGEST_OWN
}

/// A photo that has been read and waits for its vector.
pub struct Prepared {
    /// What is known of it; the vector is empty still.
    pub entry: Entry,
    /// The catalog's own copy, named [`Entry::photo`].
    pub copy: Vec<u8>,
    /// Unfolded pixels for the image encoder (see [`image::patches`]).
    pub patches: Vec<f32>,
}

/// Reads a photo's file, whose sha256 is `hash`. The catalog's copy has a longest side of at most `longest` pixels.
///
/// # Errors
/// [`Error::Photo`] and [`Error::PhotoTooLarge`] for bytes that are no photo within bounds.
pub fn prepare(id: &str, hash: String, bytes: &[u8], preprocess: &Preprocess, longest: u32) -> Result<Prepared> {
    let image::Photo { pixels: photo, file } = image::read(bytes)?;
    let (name, copy, size) = catalog_copy(file.as_ref(), &photo, longest)?;
    let tone = image::thumbnail(&photo, 1).get_pixel(0, 0).0;
    let (id, blur, scale, vector) = (id.into(), blur(&photo), 0.0, Vec::new());
    let (address, unproven) = (None, false);
    let entry = Entry { id, hash, photo: name, size, longest, tone, blur, address, unproven, scale, vector };
    Ok(Prepared { entry, copy, patches: image::patches(&photo, preprocess) })
}

/// A few pixels of a photo: see [`Item::blur`].
fn blur(photo: &::image::RgbImage) -> String {
    // the first step averages over areas, so that the second has little left to alias
    let small = image::thumbnail(photo, 24);
    let few = ::image::imageops::thumbnail(&small, BLUR.0, BLUR.1);
    few.as_raw().iter().map(|v| char::from(b"0123456789abcdef"[usize::from(v >> 4)])).collect()
}

/// The catalog's copy of a photo: what is published of the file where it is small and shows the same to everybody, a JPEG of
/// at most `longest` pixels otherwise. Its name, its bytes, and its width and height.
fn catalog_copy(
    file: Option<&PhotoFile>,
    photo: &::image::RgbImage,
    longest: u32,
) -> Result<(PhotoName, Vec<u8>, (u32, u32))> {
    let small = |file: &&PhotoFile| {
        photo.width().max(photo.height()) <= longest && file.published.len() <= COPY_BYTES * longest as usize
    };
    let (extension, bytes, size) = match file.filter(small) {
        Some(file) => (file.format.extensions_str()[0], file.published.clone(), photo.dimensions()),
        None => {
            let photo = image::thumbnail(photo, longest);
            ("jpg", jpeg(&photo, 85)?, photo.dimensions())
        }
    };
    Ok((PhotoName::of_content(extension, &bytes)?, bytes, size))
}

/// Pixels as a JPEG; the best quality is 100.
pub(crate) fn jpeg(photo: &::image::RgbImage, quality: u8) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let encoder = ::image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, quality);
    photo.write_with_encoder(encoder).map_err(|e| Error::Photo(format!("making a smaller copy: {e}").into()))?;
    Ok(out)
}

/// A title for what nobody tells one of: a file name is better than nothing, and "red_dress-02" reads as "red dress 02".
pub fn title(id: &str) -> String {
    id.replace(['_', '-'], " ")
}

/// An entry as the catalog tells of it, where nothing but its file is known.
pub fn item(entry: &Entry) -> Item {
    let [r, g, b] = entry.tone;
    Item {
        id: entry.id.clone(),
        title: title(&entry.id),
        attributes: BTreeMap::new(),
        photo: entry.photo.clone(),
        width: entry.size.0,
        height: entry.size.1,
        tone: format!("#{r:02x}{g:02x}{b:02x}"),
        link: None,
        price: None,
        offer: None,
        in_stock: None,
        further: BTreeMap::new(),
        product: None,
        blur: Some(entry.blur.clone()).filter(|blur| !blur.is_empty()),
        same_as: None,
    }
}
