//! A photo as a decoder gives it, and what no decoder is asked for.

use crate::error::{BadPhoto, Error, Reason, Result};
use crate::photo_file::Color;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError};

/// The largest photo that is decoded, in megapixels of 8 bits; of deeper ones fewer are, as they take as many bytes.
pub const MAX_MEGAPIXELS: u64 = 64;
/// The longest side that is decoded, in pixels: a photo of one line would make scaling take a hundred times its size.
const MAX_SIDE: u32 = u16::MAX as u32;
/// Bytes of a decoded pixel of 8 bits with transparency.
const PIXEL_BYTES: u64 = 4;

/// A decoded photo, before it is turned upright and its colors are those of sRGB.
pub struct Raw {
    /// Its pixels.
    pub pixels: Pixels,
    /// How they must be turned.
    pub orientation: Orientation,
    /// What they mean.
    pub color: Color,
}

/// Pixels in light, or in ink.
pub enum Pixels {
    /// As `image` knows them.
    Light(DynamicImage),
    /// Cyan, magenta, yellow and black: width, height, and four bytes a pixel, of which 255 is full ink.
    Ink(u32, u32, Vec<u8>),
}

/// Decodes with a decoder of `image`, once its head has been found within bounds.
pub fn with_decoder(decoder: impl ImageDecoder, kind: &str) -> Result<DynamicImage> {
    check_size(decoder.dimensions(), decoder.color_type().bytes_per_pixel())?;
    DynamicImage::from_decoder(decoder).map_err(|error| of_image(kind, error))
}

/// Refuses what a header says before anything is allocated for it.
pub fn check_size((width, height): (u32, u32), pixel_bytes: u8) -> Result<()> {
    let pixels = u64::from(width) * u64::from(height);
    let limit = MAX_MEGAPIXELS * PIXEL_BYTES / u64::from(pixel_bytes).max(PIXEL_BYTES);
    if pixels > limit * 1_000_000 {
        return Err(Error::PhotoTooLarge { limit, got: pixels.div_ceil(1_000_000) });
    }
    if width.max(height) > MAX_SIDE {
        let problem =
            format!("expected sides of at most {MAX_SIDE} pixels, got {width} × {height}; choose another photo");
        return Err(Error::Photo(BadPhoto { reason: Reason::TooLarge, problem }));
    }
    Ok(())
}

/// A fault that a decoder found: `kind` with its article.
pub fn bad(kind: &str, error: impl std::fmt::Display) -> Error {
    Error::Photo(format!("expected a whole photo, got {kind} with faults ({error}); save it again").into())
}

/// A photo of a form that its decoder does not read.
pub fn unsupported(kind: &str, form: impl std::fmt::Display) -> Error {
    let problem = format!("expected a photo that can be read, got {kind} of a rare form ({form}); save it as JPEG");
    Error::Photo(BadPhoto { reason: Reason::Unsupported, problem })
}

/// A photo that ends early.
pub fn cut(kind: &str) -> Error {
    let problem = format!("expected a whole photo, got {kind} that ends early; copy the file again");
    Error::Photo(BadPhoto { reason: Reason::Truncated, problem })
}

/// What one of `image`'s decoders says.
pub fn of_image(kind: &str, error: ImageError) -> Error {
    match error {
        ImageError::Unsupported(form) => unsupported(kind, form),
        ImageError::IoError(reason) if reason.kind() == std::io::ErrorKind::UnexpectedEof => cut(kind),
        error => bad(kind, error),
    }
}
