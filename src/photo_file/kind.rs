//! What a file is, by its first bytes. Names are not asked: phones, mail programs and shops give wrong ones.

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A JPEG, under whatever ending.
    Jpeg,
    /// A PNG.
    Png,
    /// A WebP.
    WebP,
    /// A GIF, of which the first picture counts.
    Gif,
    /// A BMP.
    Bmp,
    /// A TIFF, or a raw photo, which has the same form.
    Tiff,
    /// An AVIF.
    Avif,
    /// A HEIC photo, as phones take them.
    Heic,
    /// A picture of a kind that is not read, with its article.
    Picture(&'static str),
    /// Something else that is known, with its article.
    Other(&'static str),
    /// Bytes of no known kind.
    Unknown,
}

/// As many first bytes of a file as say what it is.
pub const HEAD: usize = 256;

/// Endings of files that are read, in lower case. A file with another ending, or with none, counts by its content alone.
pub const READ_ENDINGS: [&str; 13] =
    ["jpg", "jpeg", "png", "webp", "jpe", "jfif", "gif", "bmp", "tif", "tiff", "avif", "heic", "heif"];

/// How files of known kinds begin. AVIF and HEIC are told apart by their brands, web pages and drawings by their text.
const STARTS: [(&[u8], Kind); 16] = [
    (b"\xff\xd8\xff", Kind::Jpeg),
    (b"\x89PNG\r\n\x1a\n", Kind::Png),
    (b"GIF8", Kind::Gif),
    (b"BM", Kind::Bmp),
    (b"II*\0", Kind::Tiff),
    (b"MM\0*", Kind::Tiff),
    (b"II+\0", Kind::Picture("a BigTIFF")),
    (b"MM\0+", Kind::Picture("a BigTIFF")),
    (b"8BPS", Kind::Picture("a Photoshop file")),
    (b"\xff\x0a", Kind::Picture("a JPEG XL")),
    (b"\0\0\0\x0cJXL ", Kind::Picture("a JPEG XL")),
    (b"\0\0\0\x0cjP  ", Kind::Picture("a JPEG 2000")),
    (b"FUJIFILMCCD-RAW", Kind::Picture("a raw photo")),
    (b"\0\0\x01\0", Kind::Picture("an icon")),
    (b"%PDF", Kind::Other("a PDF")),
    (b"PK\x03\x04", Kind::Other("a ZIP archive")),
];

impl Kind {
    /// The kind of a file that begins with these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            return Self::WebP;
        }
        if bytes.get(4..8) == Some(b"ftyp") {
            return Self::of_brands(bytes);
        }
        let known = STARTS.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, kind)| *kind);
        // two letters are a short sign: a size of nothing follows in text, but not in pictures
        let known = known.filter(|kind| *kind != Self::Bmp || bytes.get(6..10).is_none_or(|rest| rest == [0; 4]));
        known.unwrap_or_else(|| Self::of_text(bytes))
    }

    /// A file in boxes: the brand it is of, else those that it is compatible with.
    fn of_brands(bytes: &[u8]) -> Self {
        let length = bytes.get(..4).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize);
        let brands = bytes.get(8..length.clamp(12, bytes.len().max(12))).unwrap_or_default();
        // the second four bytes are a version
        let all: Vec<&[u8]> =
            brands.chunks_exact(4).enumerate().filter(|(at, _)| *at != 1).map(|(_, brand)| brand).collect();
        let any = |names: &[&[u8]]| all.iter().any(|brand| names.contains(brand));
        match all.first() {
            _ if any(&[b"avif", b"avis"]) => Self::Avif,
            Some(&b"crx ") => Self::Picture("a raw photo"),
            _ if any(&[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2"]) => Self::Heic,
            _ => Self::Other("a video"),
        }
    }

    fn of_text(bytes: &[u8]) -> Self {
        let start = &bytes[..bytes.len().min(HEAD)];
        let text =
            String::from_utf8_lossy(start).trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).to_lowercase();
        match text.starts_with('<') {
            true if text.starts_with("<svg") || (text.starts_with("<?xml") && text.contains("<svg")) => {
                Self::Picture("an SVG drawing")
            }
            true => Self::Other("a web page"),
            false => Self::Unknown,
        }
    }

    /// Whether this program can be asked to read it.
    pub fn is_photo(self) -> bool {
        !matches!(self, Self::Picture(_) | Self::Other(_) | Self::Unknown)
    }

    /// Its name with its article; nothing for an unknown one.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Jpeg => "a JPEG",
            Self::Png => "a PNG",
            Self::WebP => "a WebP",
            Self::Gif => "a GIF",
            Self::Bmp => "a BMP",
            Self::Tiff => "a TIFF or raw photo",
            Self::Avif => "an AVIF",
            Self::Heic => "a HEIC photo",
            Self::Picture(name) | Self::Other(name) => name,
            Self::Unknown => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_first_bytes() {
        let cases: [(&[u8], Kind); 19] = [
            (b"\xff\xd8\xff\xe0", Kind::Jpeg),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Kind::WebP),
            (b"RIFF\x10\0\0\0WAVEfmt ", Kind::Unknown),
            (b"GIF89a", Kind::Gif),
            (b"BM\x36\x10\0\0\0\0\0\0\x36", Kind::Bmp),
            (b"BMW 3 series, red", Kind::Unknown),
            (b"MM\0*\0\0\0\x08", Kind::Tiff),
            (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", Kind::Avif),
            (b"\0\0\0\x1cftypmif1\0\0\0\0avifmif1miaf", Kind::Avif),
            (b"\0\0\0\x1cftypmif1\0\0\0\0heicmif1miaf", Kind::Heic),
            (b"\0\0\0\x18ftypheic", Kind::Heic),
            // what stands behind the brands is none of them
            (b"\0\0\0\x14ftypmp42\0\0\0\0isommp41avifheic", Kind::Other("a video")),
            (b"\0\0\0\x14ftypcrx \0\0\0\x01crx isom", Kind::Picture("a raw photo")),
            (b"  <!DOCTYPE html><svg>", Kind::Other("a web page")),
            (b"\xef\xbb\xbf<?xml version=\"1.0\"?><svg", Kind::Picture("an SVG drawing")),
            (b"<html>", Kind::Other("a web page")),
            (b"PK\x03\x04", Kind::Other("a ZIP archive")),
            (b"\0\0\0\x08ftyp", Kind::Other("a video")),
            (b"", Kind::Unknown),
        ];
        for (bytes, kind) in cases {
            assert_eq!(Kind::of(bytes), kind, "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
