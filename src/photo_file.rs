//! What a photo's file holds beside its pixels, for the three kinds that are read: JPEG, PNG and WebP.
//!
//! [`PhotoFile::read`] is the one place that decides what of a file is published: the picture, its orientation and its
//! color profile. Places, names, serial numbers, captions, thumbnails, second pictures and whatever lies behind the end
//! stay behind. Nothing is decoded for it, so the pixels are the same. Pixels are decoded from these bytes too, which
//! keeps what was indexed and what is shown alike, and hands no decoder a text that unpacks to gigabytes.
//!
//! A file that ends early is refused here: a decoder fills the rest with grey, and says nothing.
//!
//! `img-parts` keeps everything behind a JPEG's first scan as it is, `little_exif` edits EXIF alone, and `kamadak-exif`
//! only reads it. None of them says whether a file is whole. So the files are walked here, by a list of what may stay.

mod scan;

use crate::error::{BadPhoto, Error, Reason, Result};
use image::ImageFormat;
use image::metadata::Orientation;
use scan::Coding;
use std::io::Read;

/// A larger color profile is refused, in bytes: those of printers take 3 MB.
const MAX_PROFILE: u64 = 4 << 20;

/// A whole file of a photo, without what is not published.
#[derive(Clone, Debug)]
pub struct PhotoFile {
    /// Its kind.
    pub format: ImageFormat,
    /// How its pixels must be turned to stand upright.
    pub orientation: Orientation,
    /// The file as it may be published.
    pub published: Vec<u8>,
}

impl PhotoFile {
    /// Reads the parts of a file.
    ///
    /// # Errors
    /// [`Error::Photo`] for another kind of file, named where it is known, and for one that ends early or whose parts do
    /// not fit together.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        match image::guess_format(bytes) {
            Ok(ImageFormat::Jpeg) => jpeg(bytes),
            Ok(ImageFormat::Png) => png(bytes),
            Ok(ImageFormat::WebP) => webp(bytes),
            _ => Err(other(bytes)),
        }
    }
}

fn refuse(reason: Reason, problem: impl Into<String>) -> Error {
    Error::Photo(BadPhoto { reason, problem: problem.into() })
}

fn truncated(kind: &str, length: usize) -> Error {
    let problem = format!("expected a whole {kind}, got the first {length} bytes of one; copy the file again");
    refuse(Reason::Truncated, problem)
}

fn damaged(kind: &str, what: &str) -> Error {
    refuse(Reason::Damaged, format!("expected a {kind} without faults, got one with {what}; save it again"))
}

/// What to say of bytes that are none of the kinds that are read.
fn other(bytes: &[u8]) -> Error {
    let kinds = "expected a JPEG, PNG or WebP photo, got";
    if bytes.is_empty() {
        return refuse(Reason::Empty, format!("{kinds} an empty file; copy it again"));
    }
    match kind_of(bytes) {
        Some(kind) => refuse(Reason::Unsupported, format!("{kinds} {kind}; save it as JPEG, PNG or WebP")),
        None => {
            let length = bytes.len();
            refuse(Reason::NotAPhoto, format!("{kinds} {length} bytes that are none; save it again or choose another"))
        }
    }
}

/// The kind of a file that is none of a photo that is read.
fn kind_of(bytes: &[u8]) -> Option<&'static str> {
    let brand = bytes.get(4..12).unwrap_or_default();
    match (brand.get(..4), brand.get(4..)) {
        (Some(b"ftyp"), Some(b"avif" | b"avis")) => return Some("an AVIF"),
        (Some(b"ftyp"), Some(b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1" | b"heim")) => {
            return Some("a HEIC photo");
        }
        (Some(b"ftyp"), _) => return Some("a video"),
        _ => {}
    }
    let starts: [(&[u8], &str); 7] = [
        (b"GIF8", "a GIF"),
        (b"BM", "a BMP"),
        (b"II*\0", "a TIFF or raw photo"),
        (b"MM\0*", "a TIFF or raw photo"),
        (b"%PDF", "a PDF"),
        (b"8BPS", "a Photoshop file"),
        (b"\xff\x0a", "a JPEG XL"),
    ];
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).trim_start().to_ascii_lowercase();
    let known = starts.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, kind)| *kind);
    known.or(text.starts_with("<svg").then_some("an SVG drawing")).or(text.starts_with('<').then_some("a web page"))
}

/// A place in a file, from which pieces are taken. Lengths come from the file, so that none is added to a position.
struct Pieces<'a> {
    rest: &'a [u8],
}

impl<'a> Pieces<'a> {
    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (piece, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(piece)
    }

    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N as u64)?.try_into().ok()
    }
}

/// The smallest EXIF block that says how to turn a photo; nothing for one that stands upright.
fn exif(orientation: Orientation) -> Option<[u8; 26]> {
    let mut block = *b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
    block[19] = orientation.to_exif();
    (orientation != Orientation::NoTransforms).then_some(block)
}

fn orientation(exif: Option<&[u8]>) -> Orientation {
    let block = exif.map(|exif| exif.strip_prefix(b"Exif\0\0").unwrap_or(exif));
    block.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
}

// ---- JPEG -------------------------------------------------------------------------------------------------------

const SOS: u8 = 0xda;
const EOI: u8 = 0xd9;

/// A JPEG: segments, and behind each start of a scan the scan's data, up to the mark of its end.
fn jpeg(bytes: &[u8]) -> Result<PhotoFile> {
    let cut = || truncated("JPEG", bytes.len());
    let mut pieces = Pieces { rest: bytes.get(2..).ok_or_else(cut)? };
    let mut parts = JpegParts::default();
    loop {
        let marker = next_marker(&mut pieces).ok_or_else(cut)?;
        match marker {
            EOI if !parts.scans.is_empty() => return parts.finish(),
            EOI => return Err(damaged("JPEG", "an end before any pixels")),
            0x01 | 0xd0..=0xd8 => continue,
            _ => {}
        }
        let length = u64::from(u16::from_be_bytes(pieces.number().ok_or_else(cut)?));
        let body = length.checked_sub(2).ok_or_else(|| damaged("JPEG", "a part shorter than its own length"))?;
        parts.take(marker, pieces.take(body).ok_or_else(cut)?);
        if marker == SOS {
            let scan = scan(&mut pieces);
            parts.picture.extend_from_slice(scan);
            parts.scans.push(scan);
        }
    }
}

/// What of a JPEG is published, and what tells of its scans.
#[derive(Default)]
struct JpegParts<'a> {
    /// The head of JFIF, which comes first.
    head: Vec<u8>,
    picture: Vec<u8>,
    exif: Option<&'a [u8]>,
    scans: Vec<&'a [u8]>,
    coding: Coding,
}

impl<'a> JpegParts<'a> {
    fn take(&mut self, marker: u8, body: &'a [u8]) {
        if marker == 0xe1 {
            self.exif = self.exif.or_else(|| body.strip_prefix(b"Exif\0\0"));
        }
        self.coding.take(marker, body);
        let to = if marker == 0xe0 { &mut self.head } else { &mut self.picture };
        if let Some(body) = kept_segment(marker, body) {
            segment(to, marker, &body);
        }
    }

    fn finish(self) -> Result<PhotoFile> {
        if let [scan] = self.scans[..]
            && let Some(fault) = self.coding.fault(scan)
        {
            return Err(damaged("JPEG", fault));
        }
        let orientation = orientation(self.exif);
        let mut published = [&[0xff, 0xd8], &self.head[..]].concat();
        if let Some(block) = exif(orientation) {
            segment(&mut published, 0xe1, &[b"Exif\0\0", &block[..]].concat());
        }
        published.extend(self.picture);
        published.extend([0xff, EOI]);
        Ok(PhotoFile { format: ImageFormat::Jpeg, orientation, published })
    }
}

/// The next marker; what stands before it belongs to nothing.
fn next_marker(pieces: &mut Pieces<'_>) -> Option<u8> {
    loop {
        let [first] = pieces.number()?;
        if first != 0xff {
            continue;
        }
        let mut marker = 0xff;
        while marker == 0xff {
            [marker] = pieces.number()?;
        }
        if marker != 0 {
            return Some(marker);
        }
    }
}

/// What of a segment is published: tables, frames and scans, and of the rest what a decoder needs for the colors.
fn kept_segment(marker: u8, body: &[u8]) -> Option<Vec<u8>> {
    match marker {
        // the head of JFIF without its thumbnail
        0xe0 => {
            let mut head = body.get(..14).filter(|head| head.starts_with(b"JFIF\0"))?.to_vec();
            head[12..14].fill(0);
            Some(head)
        }
        0xe2 if body.starts_with(b"ICC_PROFILE\0") => Some(body.to_vec()),
        0xee if body.starts_with(b"Adobe") => Some(body.get(..12)?.to_vec()),
        0xc0..=0xcf | 0xda..=0xdf => Some(body.to_vec()),
        _ => None,
    }
}

fn segment(to: &mut Vec<u8>, marker: u8, body: &[u8]) {
    // a body came from a segment, or is an EXIF block of 32 bytes: its length fits into 16 bits
    to.extend([0xff, marker]);
    to.extend((body.len() as u16 + 2).to_be_bytes());
    to.extend_from_slice(body);
}

/// The data of a scan: everything up to a marker that is no restart.
fn scan<'a>(pieces: &mut Pieces<'a>) -> &'a [u8] {
    let data = pieces.rest;
    let ends = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
    let end = data.windows(2).position(ends).unwrap_or(data.len());
    pieces.rest = &data[end..];
    &data[..end]
}

// ---- PNG --------------------------------------------------------------------------------------------------------

/// Chunks that make the picture and its colors, beside the profile.
const PNG_CHUNKS: [&[u8; 4]; 17] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI",
    b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT",
];

/// A PNG: chunks up to the one that ends it. The orientation may stand anywhere and is put ahead of the pixels.
fn png(bytes: &[u8]) -> Result<PhotoFile> {
    let cut = || truncated("PNG", bytes.len());
    let mut pieces = Pieces { rest: bytes };
    let signature = pieces.take(8).ok_or_else(cut)?;
    let (mut head, mut picture, mut found, mut profile) = (signature.to_vec(), Vec::new(), None, false);
    loop {
        let length = u64::from(u32::from_be_bytes(pieces.number().ok_or_else(cut)?));
        let name: [u8; 4] = pieces.number().ok_or_else(cut)?;
        let body = pieces.take(length).ok_or_else(cut)?;
        let sum: [u8; 4] = pieces.number().ok_or_else(cut)?;
        let keep = match &name {
            b"eXIf" => {
                found = found.or(Some(body));
                false
            }
            b"iCCP" if !profile => {
                profile = true;
                sound_profile(body)?
            }
            name => PNG_CHUNKS.contains(&name),
        };
        let to = if &name == b"IHDR" { &mut head } else { &mut picture };
        if keep {
            [&(body.len() as u32).to_be_bytes()[..], &name, body, &sum]
                .iter()
                .for_each(|part| to.extend_from_slice(part));
        }
        if &name == b"IEND" {
            break;
        }
    }
    let orientation = orientation(found);
    if let Some(block) = exif(orientation) {
        chunk(&mut head, b"eXIf", &block);
    }
    head.extend(picture);
    Ok(PhotoFile { format: ImageFormat::Png, orientation, published: head })
}

fn chunk(to: &mut Vec<u8>, name: &[u8; 4], body: &[u8]) {
    let mut sum = flate2::Crc::new();
    sum.update(name);
    sum.update(body);
    to.extend((body.len() as u32).to_be_bytes());
    to.extend(name);
    to.extend_from_slice(body);
    to.extend(sum.sum().to_be_bytes());
}

/// Whether a packed color profile can be unpacked; one that is damaged counts for nothing.
fn sound_profile(body: &[u8]) -> Result<bool> {
    let Some(name) = body.iter().position(|&byte| byte == 0).filter(|&name| name + 2 <= body.len()) else {
        return Ok(false);
    };
    let unpacked = flate2::read::ZlibDecoder::new(&body[name + 2..]).take(MAX_PROFILE + 1);
    match std::io::copy(&mut { unpacked }, &mut std::io::sink()) {
        Ok(size) if size > MAX_PROFILE => Err(refuse(
            Reason::TooLarge,
            format!(
                "expected a color profile of at most {} MiB, got one that unpacks to more; save it without one",
                MAX_PROFILE >> 20
            ),
        )),
        Ok(_) => Ok(true),
        Err(_) => Ok(false),
    }
}

// ---- WebP -------------------------------------------------------------------------------------------------------

/// Chunks that make the picture and its colors.
const WEBP_CHUNKS: [&[u8; 4]; 7] = [b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];
/// What the flags of a `VP8X` chunk say: that there is EXIF, and XMP.
const EXIF_FLAG: u8 = 0x08;
const XMP_FLAG: u8 = 0x04;

/// A WebP: chunks within the length that its head gives, each of even length.
fn webp(bytes: &[u8]) -> Result<PhotoFile> {
    let cut = || truncated("WebP", bytes.len());
    let size = bytes.get(4..8).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes).ok_or_else(cut)?;
    let mut whole = Pieces { rest: bytes.get(8..).ok_or_else(cut)? };
    let mut pieces = Pieces { rest: whole.take(u64::from(size)).ok_or_else(cut)? };
    pieces.take(4).ok_or_else(cut)?;
    let (mut body, mut found, mut flags) = (b"WEBP".to_vec(), None, None);
    while !pieces.rest.is_empty() {
        let name: [u8; 4] = pieces.number().ok_or_else(cut)?;
        let length = u32::from_le_bytes(pieces.number().ok_or_else(cut)?);
        let content = pieces.take(u64::from(length)).ok_or_else(cut)?;
        // the last byte of a file is sometimes left out where it only fills up
        let _ = pieces.take(u64::from(length % 2));
        match &name {
            b"EXIF" => found = found.or(Some(content)),
            b"VP8X" if flags.is_none() && !content.is_empty() => flags = Some(body.len() + 8),
            _ => {}
        }
        if WEBP_CHUNKS.contains(&&name) {
            riff(&mut body, &name, content);
        }
    }
    // only the long form of the format can hold EXIF
    let orientation = orientation(found.filter(|_| flags.is_some()));
    if let Some(flags) = flags {
        body[flags] &= !(EXIF_FLAG | XMP_FLAG);
        if let Some(block) = exif(orientation) {
            body[flags] |= EXIF_FLAG;
            riff(&mut body, b"EXIF", &block);
        }
    }
    let length = u32::try_from(body.len()).map_err(|_| cut())?;
    let published = [&b"RIFF"[..], &length.to_le_bytes(), &body].concat();
    Ok(PhotoFile { format: ImageFormat::WebP, orientation, published })
}

fn riff(to: &mut Vec<u8>, name: &[u8; 4], content: &[u8]) {
    to.extend(name);
    to.extend((content.len() as u32).to_le_bytes());
    to.extend_from_slice(content);
    to.extend(std::iter::repeat_n(0, content.len() % 2));
}
