//! What a photo's file holds beside its pixels, for the three kinds that are published: JPEG, PNG and WebP. Of the other
//! kinds that are read ([`Kind`]) only the pixels count.
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

mod color;
mod kind;
mod scan;

use crate::error::{BadPhoto, Error, Reason, Result};
use image::ImageFormat;
use image::metadata::Orientation;
use scan::Coding;

pub use color::Color;
pub use kind::{HEAD, Kind, READ_ENDINGS};

/// A whole file of a photo, without what is not published.
#[derive(Clone, Debug)]
pub struct PhotoFile {
    /// Its kind.
    pub format: ImageFormat,
    /// How its pixels must be turned to stand upright.
    pub orientation: Orientation,
    /// What its numbers mean.
    pub color: Color,
    /// Whether it holds more than one picture, of which the first counts.
    pub moves: bool,
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
        match Kind::of(bytes) {
            Kind::Jpeg => jpeg(bytes),
            Kind::Png => png(bytes),
            Kind::WebP => webp(bytes),
            _ => Err(other(bytes)),
        }
    }
}

pub(crate) fn refuse(reason: Reason, problem: impl Into<String>) -> Error {
    Error::Photo(BadPhoto { reason, problem: problem.into() })
}

pub(crate) fn truncated(kind: &str, length: usize) -> Error {
    let problem = format!("expected a whole {kind}, got the first {length} bytes of one; copy the file again");
    refuse(Reason::Truncated, problem)
}

fn damaged(kind: &str, what: &str) -> Error {
    refuse(Reason::Damaged, format!("expected a {kind} without faults, got one with {what}; save it again"))
}

/// What to say of bytes that are none of the kinds that are read.
pub fn other(bytes: &[u8]) -> Error {
    let kinds = "expected a JPEG, PNG or WebP photo, got";
    if bytes.is_empty() {
        return refuse(Reason::Empty, format!("{kinds} an empty file; copy it again"));
    }
    match Kind::of(bytes).name() {
        Some(kind) => refuse(Reason::Unsupported, format!("{kinds} {kind}; save it as JPEG, PNG or WebP")),
        None => {
            let length = bytes.len();
            refuse(Reason::NotAPhoto, format!("{kinds} {length} bytes that are none; save it again or choose another"))
        }
    }
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
    profile: Vec<&'a [u8]>,
    inverted: bool,
    scans: Vec<&'a [u8]>,
    coding: Coding,
}

impl<'a> JpegParts<'a> {
    fn take(&mut self, marker: u8, body: &'a [u8]) {
        if marker == 0xe1 {
            self.exif = self.exif.or_else(|| body.strip_prefix(b"Exif\0\0"));
        }
        if marker == 0xe2 {
            self.profile.extend(body.strip_prefix(b"ICC_PROFILE\0"));
        }
        self.inverted |= marker == 0xee && body.starts_with(b"Adobe");
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
        let color = Color::of_jpeg(self.profile, self.inverted);
        Ok(PhotoFile { format: ImageFormat::Jpeg, orientation, color, moves: false, published })
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
    let (mut head, mut picture, mut found) = (signature.to_vec(), Vec::new(), None);
    let (mut color, mut moves) = (color::OfPng::default(), false);
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
            b"iCCP" => color.take_profile(body)?,
            name => PNG_CHUNKS.contains(&name),
        };
        moves |= &name == b"acTL";
        color.take(&name, body);
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
    Ok(PhotoFile { format: ImageFormat::Png, orientation, color: color.finish(), moves, published: head })
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
    let (mut color, mut moves) = (Color::default(), false);
    while !pieces.rest.is_empty() {
        let name: [u8; 4] = pieces.number().ok_or_else(cut)?;
        let length = u32::from_le_bytes(pieces.number().ok_or_else(cut)?);
        let content = pieces.take(u64::from(length)).ok_or_else(cut)?;
        // the last byte of a file is sometimes left out where it only fills up
        let _ = pieces.take(u64::from(length % 2));
        match &name {
            b"EXIF" => found = found.or(Some(content)),
            b"VP8X" if flags.is_none() && !content.is_empty() => flags = Some(body.len() + 8),
            b"ICCP" if flags.is_some() && color == Color::default() => color = Color::Profile(content.to_vec()),
            b"ANMF" => moves = true,
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
    Ok(PhotoFile { format: ImageFormat::WebP, orientation, color, moves, published })
}

fn riff(to: &mut Vec<u8>, name: &[u8; 4], content: &[u8]) {
    to.extend(name);
    to.extend((content.len() as u32).to_le_bytes());
    to.extend_from_slice(content);
    to.extend(std::iter::repeat_n(0, content.len() % 2));
}
