//! GIF, BMP and TIFF, by the decoders of `image`; a TIFF in ink by `tiff` itself, since `image` forgets the ink.

use super::raw::{Pixels, Raw, bad, check_size, cut, of_image, unsupported, with_decoder};
use crate::error::Result;
use crate::photo_file::{Color, Kind};
use image::metadata::Orientation;
use image::{ImageFormat, ImageReader};
use std::io::{Cursor, ErrorKind};
use tiff::TiffError;
use tiff::decoder::{Decoder, DecodingResult};
use tiff::tags::Tag;

/// Decodes a file of one of these kinds.
pub fn decode(kind: Kind, bytes: &[u8]) -> Result<Raw> {
    match kind {
        Kind::Gif => gif(bytes),
        Kind::Bmp => light(ImageFormat::Bmp, "a BMP", bytes).map(bare),
        _ => tiff(bytes),
    }
}

fn light(format: ImageFormat, kind: &str, bytes: &[u8]) -> Result<Pixels> {
    let reader = ImageReader::with_format(Cursor::new(bytes), format);
    let decoder = reader.into_decoder().map_err(|error| of_image(kind, error))?;
    with_decoder(decoder, kind).map(Pixels::Light)
}

/// A photo that says nothing of how it is turned and what its colors are.
fn bare(pixels: Pixels) -> Raw {
    Raw { pixels, orientation: Orientation::NoTransforms, color: Color::Unsaid }
}

/// The first picture of a GIF that is whole: its decoder takes the first picture and does not look whether more follows.
fn gif(bytes: &[u8]) -> Result<Raw> {
    match ends_well(bytes) {
        true => light(ImageFormat::Gif, "a GIF", bytes).map(bare),
        false => Err(cut("a GIF")),
    }
}

/// Whether a GIF's blocks lead to the mark of its end.
fn ends_well(bytes: &[u8]) -> bool {
    let palette = |flags: u8| if flags & 0x80 != 0 { 3 << ((flags & 7) + 1) } else { 0 };
    let Some(&flags) = bytes.get(10) else { return false };
    let mut at = 13 + palette(flags);
    // pieces of data, each behind its length, up to an empty one
    let behind_pieces = |mut at: usize| loop {
        match bytes.get(at)? {
            0 => return Some(at + 1),
            &length => at += 1 + usize::from(length),
        }
    };
    loop {
        let next = match bytes.get(at) {
            Some(0x3b) => return true,
            Some(0x21) => behind_pieces(at + 2),
            Some(0x2c) => bytes.get(at + 9).and_then(|&flags| behind_pieces(at + 11 + palette(flags))),
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return false,
        }
    }
}

fn tiff(bytes: &[u8]) -> Result<Raw> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(of_tiff)?;
    if is_camera_raw(bytes, &mut decoder) {
        return Err(unsupported("a raw photo", "as cameras keep it"));
    }
    // a profile that cannot be read is missing from a file that was cut
    let profile = decoder.find_tag(Tag::IccProfile).map_err(of_tiff)?;
    let profile = profile.map(|tag| tag.into_u8_vec()).transpose().map_err(of_tiff)?;
    let color = profile.map_or(Color::Unsaid, Color::Profile);
    let turn = decoder.find_tag(Tag::Orientation).map_err(of_tiff)?.and_then(|tag| tag.into_u16().ok());
    let turn = turn.and_then(|turn| Orientation::from_exif(turn.min(255) as u8));
    let pixels = match decoder.colortype().map_err(of_tiff)? {
        tiff::ColorType::CMYK(_) => inks(&mut decoder, 4)?,
        tiff::ColorType::CMYKA(_) => inks(&mut decoder, 5)?,
        _ => light(ImageFormat::Tiff, "a TIFF", bytes)?,
    };
    Ok(Raw { pixels, orientation: turn.unwrap_or(Orientation::NoTransforms), color })
}

/// The inks of a TIFF with `samples` numbers a pixel.
fn inks(decoder: &mut Decoder<Cursor<&[u8]>>, samples: usize) -> Result<Pixels> {
    let (width, height) = decoder.dimensions().map_err(of_tiff)?;
    check_size((width, height), 2 * samples as u8)?;
    let read: Vec<u8> = match decoder.read_image().map_err(of_tiff)? {
        DecodingResult::U8(read) => read,
        DecodingResult::U16(read) => read.into_iter().map(|sample| (sample >> 8) as u8).collect(),
        _ => return Err(unsupported("a TIFF", "inks that are no whole numbers")),
    };
    let pixels: Vec<u8> = read.chunks_exact(samples).flat_map(|pixel| &pixel[..4]).copied().collect();
    match pixels.len() as u64 == 4 * u64::from(width) * u64::from(height) {
        true => Ok(Pixels::Ink(width, height, pixels)),
        false => Err(bad("a TIFF", "another number of pixels than its head says")),
    }
}

/// Whether the first picture of a TIFF is a camera's small preview of what its sensor saw.
fn is_camera_raw(bytes: &[u8], decoder: &mut Decoder<Cursor<&[u8]>>) -> bool {
    let mut number = |tag: Tag| decoder.find_tag(tag).ok().flatten().map(|value| value.into_u32().unwrap_or(1));
    let preview = number(Tag::NewSubfileType).is_some_and(|kind| kind & 1 == 1);
    preview || number(Tag::Unknown(50706)).is_some() || bytes.get(8..10) == Some(b"CR")
}

fn of_tiff(error: TiffError) -> crate::error::Error {
    match error {
        TiffError::UnsupportedError(form) => unsupported("a TIFF", form),
        TiffError::IoError(reason) if reason.kind() == ErrorKind::UnexpectedEof => cut("a TIFF"),
        error => bad("a TIFF", error),
    }
}
