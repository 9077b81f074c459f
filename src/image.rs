//! Photos: bytes → pixels → normalized patches. The indexer, the trainer and the page all come through here, since a
//! difference between them would spoil every vector without an error.

mod color;
#[cfg(feature = "more-photos")]
mod heif;
#[cfg(feature = "more-photos")]
mod more;
mod raw;
mod resample;

use crate::error::{Error, Result};
use crate::photo_file::{self, Kind, PhotoFile};
use image::{GrayImage, ImageFormat, ImageReader, RgbImage, imageops};
pub use raw::MAX_MEGAPIXELS;
use raw::{Pixels, Raw, bad, check_size, of_image, unsupported, with_decoder};
pub use resample::Filter;
use serde::{Deserialize, Serialize};
use std::io::Cursor;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::errors::DecodeErrors;

/// The largest square that a model may see, in pixels.
const MAX_SQUARE: usize = 2048;

/// How pixels become the numbers that a model was trained on. Part of the model's fingerprint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// Side of the square that the model sees, in pixels.
    pub size: usize,
    /// Side of a patch, in pixels.
    pub patch: usize,
    /// What happens to a photo that is not square.
    pub fit: Fit,
    /// Mean of each channel on a scale of 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation of each channel on a scale of 0 to 1.
    pub std: [f32; 3],
    /// How pixels are resized. Without it, by averages, as models of this project's own were trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize: Option<Resize>,
}

/// Resizing as Pillow does it, number by number, which is what most models of others were trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resize {
    /// The kernel.
    pub filter: Filter,
    /// What the shorter side of a photo becomes before the square is cropped from it.
    pub side: usize,
}

/// How a photo is brought to a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// The whole photo, centered on white.
    Pad,
    /// The whole photo, stretched.
    Stretch,
    /// The largest centered square of the photo.
    Crop,
}

impl Preprocess {
    /// Patches along one side.
    pub fn grid(&self) -> usize {
        self.size / self.patch.max(1)
    }

    /// Refuses parameters that give no numbers, or more than memory holds.
    pub fn check(&self) -> Result<()> {
        let finite = self.mean.iter().all(|v| v.is_finite()) && self.std.iter().all(|v| v.is_normal());
        let holds = self.resize.is_none_or(|resize| (self.size..=MAX_SQUARE).contains(&resize.side));
        match finite && holds && (1..=MAX_SQUARE).contains(&self.size) && (1..=self.size).contains(&self.patch) {
            true => Ok(()),
            false => Err(Error::Model(format!(
                "expected preprocessing to at most {MAX_SQUARE} pixels in patches, with deviations above zero, got \
                 {self:?}; correct the configuration"
            ))),
        }
    }
}

/// A photo that was read.
pub struct Photo {
    /// Upright pixels in sRGB, on white where it is transparent.
    pub pixels: RgbImage,
    /// Its file, where that shows the same to everybody: a JPEG, PNG or WebP of one picture in sRGB.
    pub file: Option<PhotoFile>,
}

/// Decodes a photo to upright RGB pixels: the EXIF orientation is applied, colors become those of sRGB, and transparency
/// becomes white.
///
/// # Errors
/// [`Error::Photo`] for bytes that are no photo of a kind that is read, [`Error::PhotoTooLarge`] beyond
/// [`MAX_MEGAPIXELS`].
pub fn decode(bytes: &[u8]) -> Result<RgbImage> {
    read(bytes).map(|photo| photo.pixels)
}

/// The same with the photo's file. Its kind is found by its content.
///
/// # Errors
/// As [`decode`].
pub fn read(bytes: &[u8]) -> Result<Photo> {
    let (raw, file) = match Kind::of(bytes) {
        Kind::Jpeg | Kind::Png | Kind::WebP => {
            let file = PhotoFile::read(bytes)?;
            (published(&file)?, Some(file))
        }
        kind if kind.is_photo() => (other(kind, bytes)?, None),
        _ => return Err(photo_file::other(bytes)),
    };
    let (mut photo, changed) = color::to_srgb(raw.pixels, &raw.color);
    photo.apply_orientation(raw.orientation);
    if photo.width() == 0 || photo.height() == 0 {
        return Err(Error::Photo("expected at least one pixel, got none; choose another photo".into()));
    }
    Ok(Photo { pixels: on_white(photo), file: file.filter(|file| !changed && !file.moves) })
}

/// The pixels of a file of a kind that is published.
fn published(file: &PhotoFile) -> Result<Raw> {
    let bytes = file.published.as_slice();
    let (orientation, color) = (file.orientation, file.color.clone());
    if file.format == ImageFormat::Jpeg {
        return Ok(Raw { pixels: jpeg(bytes)?, orientation, color });
    }
    let kind = if file.format == ImageFormat::Png { "a PNG" } else { "a WebP" };
    let reader = ImageReader::with_format(Cursor::new(bytes), file.format);
    let decoder = reader.into_decoder().map_err(|error| of_image(kind, error))?;
    Ok(Raw { pixels: Pixels::Light(with_decoder(decoder, kind)?), orientation, color })
}

/// The pixels of a file of another kind.
#[cfg(feature = "more-photos")]
fn other(kind: Kind, bytes: &[u8]) -> Result<Raw> {
    match kind {
        Kind::Avif | Kind::Heic => heif::decode(kind, bytes),
        _ => more::decode(kind, bytes),
    }
}

#[cfg(not(feature = "more-photos"))]
fn other(_: Kind, bytes: &[u8]) -> Result<Raw> {
    Err(photo_file::other(bytes))
}

/// Decodes a JPEG strictly. `image` asks the same decoder to put grey in the place of what it cannot read.
fn jpeg(bytes: &[u8]) -> Result<Pixels> {
    let options = DecoderOptions::default().set_strict_mode(true).set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(of_jpeg)?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let [width, height] = [width, height].map(|side| u32::try_from(side).unwrap_or(u32::MAX));
    let from = decoder.input_colorspace().unwrap_or(ColorSpace::YCbCr);
    let to = match from {
        ColorSpace::Luma | ColorSpace::CMYK | ColorSpace::YCCK => from,
        _ => ColorSpace::RGB,
    };
    check_size((width, height), to.num_components() as u8)?;
    decoder.set_options(options.jpeg_set_out_colorspace(to));
    let mut pixels = decoder.decode().map_err(of_jpeg)?;
    if to == ColorSpace::YCCK {
        pixels.chunks_exact_mut(4).for_each(inks_of);
    }
    let photo = match to {
        ColorSpace::CMYK | ColorSpace::YCCK => return Ok(Pixels::Ink(width, height, pixels)),
        ColorSpace::Luma => GrayImage::from_raw(width, height, pixels).map(Into::into),
        _ => RgbImage::from_raw(width, height, pixels).map(Into::into),
    };
    photo.map(Pixels::Light).ok_or_else(|| bad("a JPEG", "another number of pixels than its head says"))
}

/// What the decoder says of a JPEG; a form that it does not read is no fault of the file.
fn of_jpeg(error: DecodeErrors) -> Error {
    match error {
        DecodeErrors::Unsupported(form) => unsupported("a JPEG", format!("{form:?}")),
        error => bad("a JPEG", error),
    }
}

/// Luma, two differences and black → inks, as the standard (JFIF, 7) has it: the color that is left is the opposite.
fn inks_of(pixel: &mut [u8]) {
    let [y, blue, red] = [f32::from(pixel[0]), f32::from(pixel[1]) - 128.0, f32::from(pixel[2]) - 128.0];
    let light = [y + 1.402 * red, y - 0.344_136 * blue - 0.714_136 * red, y + 1.772 * blue];
    pixel.iter_mut().zip(light).for_each(|(ink, light)| *ink = 255 - light.round().clamp(0.0, 255.0) as u8);
}

/// Lays a photo on white where it is transparent.
fn on_white(photo: image::DynamicImage) -> RgbImage {
    if !photo.color().has_alpha() {
        return photo.into_rgb8();
    }
    let rgba = photo.into_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, a] = rgba.get_pixel(x, y).0;
        let mix = |c: u8| ((u32::from(c) * u32::from(a) + 255 * (255 - u32::from(a)) + 127) / 255) as u8;
        image::Rgb([mix(r), mix(g), mix(b)])
    })
}

/// Brings a photo to the model's square: `size × size` pixels.
pub fn square(photo: &RgbImage, p: &Preprocess) -> RgbImage {
    let size = p.size as u32;
    let (width, height) = photo.dimensions();
    if let Some(resize) = p.resize {
        return resample::square(photo, size, p.fit, resize);
    }
    match p.fit {
        Fit::Stretch => scale(photo, size, size),
        Fit::Crop => {
            let side = width.min(height);
            let view = imageops::crop_imm(photo, (width - side) / 2, (height - side) / 2, side, side);
            scale(&view.to_image(), size, size)
        }
        Fit::Pad => {
            let longest = u64::from(width.max(height));
            let fit = |side: u32| ((u64::from(side) * u64::from(size) + longest / 2) / longest).max(1) as u32;
            let small = scale(photo, fit(width), fit(height));
            let mut out = RgbImage::from_pixel(size, size, image::Rgb([255; 3]));
            let (x, y) = ((size - small.width()) / 2, (size - small.height()) / 2);
            imageops::replace(&mut out, &small, i64::from(x), i64::from(y));
            out
        }
    }
}

/// Resizes with a triangle filter, which averages when it shrinks. A photo far larger than needed is first averaged
/// over whole blocks, so that a 12-megapixel photo costs little more than its decoding.
fn scale(photo: &RgbImage, width: u32, height: u32) -> RgbImage {
    if photo.dimensions() == (width, height) {
        return photo.clone();
    }
    let blocks = (photo.width() / (2 * width)).min(photo.height() / (2 * height));
    match blocks {
        0 | 1 => imageops::resize(photo, width, height, imageops::FilterType::Triangle),
        n => imageops::resize(&block_average(photo, n), width, height, imageops::FilterType::Triangle),
    }
}

/// Averages over blocks of `n × n` pixels; an incomplete last block is left out.
fn block_average(photo: &RgbImage, n: u32) -> RgbImage {
    let (width, height) = (photo.width() / n, photo.height() / n);
    let stride = photo.width() as usize * 3;
    let (raw, n) = (photo.as_raw(), n as usize);
    let area = (n * n) as u32;
    let mut out = Vec::with_capacity(width as usize * height as usize * 3);
    let mut sums = vec![0u32; width as usize * 3];
    for row in 0..height as usize {
        sums.fill(0);
        for line in raw[row * n * stride..].chunks_exact(stride).take(n) {
            for (sum, block) in sums.chunks_exact_mut(3).zip(line.chunks_exact(3 * n)) {
                for pixel in block.chunks_exact(3) {
                    (0..3).for_each(|c| sum[c] += u32::from(pixel[c]));
                }
            }
        }
        out.extend(sums.iter().map(|sum| ((sum + area / 2) / area) as u8));
    }
    RgbImage::from_raw(width, height, out).unwrap_or_default()
}

/// A photo as unfolded, normalized patches `[grid · grid, 3 · patch · patch]`, row-major; within a patch channel, row,
/// column, as a convolution's weights are laid out.
pub fn patches(photo: &RgbImage, p: &Preprocess) -> Vec<f32> {
    let photo = square(photo, p);
    let (grid, side) = (p.grid(), p.patch);
    let raw = photo.as_raw();
    let mut out = Vec::with_capacity(grid * grid * 3 * side * side);
    let scales: [(f32, f32); 3] = std::array::from_fn(|c| (1.0 / (255.0 * p.std[c]), p.mean[c] / p.std[c]));
    for (py, px) in (0..grid).flat_map(|py| (0..grid).map(move |px| (py, px))) {
        for (c, (scale, shift)) in scales.iter().enumerate() {
            for y in 0..side {
                let start = ((py * side + y) * p.size + px * side) * 3 + c;
                out.extend(raw[start..].iter().step_by(3).take(side).map(|&v| f32::from(v) * scale - shift));
            }
        }
    }
    out
}

/// Decodes a photo and unfolds it: [`decode`], then [`patches`].
pub fn prepare(bytes: &[u8], p: &Preprocess) -> Result<Vec<f32>> {
    Ok(patches(&decode(bytes)?, p))
}

/// A smaller copy of a photo with its longest side at most `longest` pixels.
pub fn thumbnail(photo: &RgbImage, longest: u32) -> RgbImage {
    let (width, height) = photo.dimensions();
    let side = width.max(height);
    if side <= longest {
        return photo.clone();
    }
    let fit = |v: u32| ((u64::from(v) * u64::from(longest) / u64::from(side)) as u32).max(1);
    scale(photo, fit(width), fit(height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, Rgb, Rgba, RgbaImage};

    fn preprocess(fit: Fit) -> Preprocess {
        Preprocess { size: 8, patch: 4, fit, mean: [0.5; 3], std: [0.5; 3], resize: None }
    }

    fn encode(photo: &DynamicImage, format: image::ImageFormat) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        photo.write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    #[test]
    fn transparency_becomes_white() {
        let mut photo = RgbaImage::from_pixel(2, 1, Rgba([10, 20, 30, 255]));
        photo.put_pixel(1, 0, Rgba([10, 20, 30, 0]));
        for format in [image::ImageFormat::Png, image::ImageFormat::WebP] {
            let decoded = decode(&encode(&photo.clone().into(), format)).unwrap();
            assert_eq!(decoded.get_pixel(0, 0).0, [10, 20, 30]);
            assert_eq!(decoded.get_pixel(1, 0).0, [255; 3]);
        }
    }

    /// A JPEG with an EXIF block of one entry, the orientation, put behind its first marker.
    fn jpeg_with_orientation(photo: &RgbImage, orientation: u8) -> Vec<u8> {
        let plain = encode(&photo.clone().into(), image::ImageFormat::Jpeg);
        let tiff = [b'M', b'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
        let mut exif = vec![0xff, 0xe1, 0, (2 + 6 + tiff.len()) as u8];
        exif.extend(b"Exif\0\0");
        exif.extend(tiff);
        [&plain[..2], &exif, &plain[2..]].concat()
    }

    #[test]
    fn exif_orientation_turns_the_photo_upright() {
        let photo = RgbImage::from_fn(16, 8, |x, _| if x < 8 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) });
        let turned = decode(&jpeg_with_orientation(&photo, 6)).unwrap(); // 6: turn a quarter clockwise
        assert_eq!(turned.dimensions(), (8, 16));
        let [r, _, b] = turned.get_pixel(4, 2).0;
        assert!(r > 200 && b < 60, "the left half must be on top");
        assert_eq!(decode(&jpeg_with_orientation(&photo, 1)).unwrap().dimensions(), (16, 8));
    }

    #[test]
    fn padding_keeps_the_whole_photo_on_white() {
        let tall = RgbImage::from_pixel(6, 12, Rgb([0, 0, 0]));
        let out = square(&tall, &preprocess(Fit::Pad));
        assert_eq!(out.get_pixel(0, 4).0, [255; 3]);
        assert_eq!(out.get_pixel(4, 0).0, [0; 3]);
        assert_eq!(square(&tall, &preprocess(Fit::Crop)).get_pixel(0, 0).0, [0; 3]);
        assert_eq!(square(&tall, &preprocess(Fit::Stretch)).dimensions(), (8, 8));
    }

    #[test]
    fn patches_are_channel_row_column() {
        let photo = RgbImage::from_fn(8, 8, |x, y| Rgb([x as u8, y as u8, 255]));
        let out = patches(&photo, &preprocess(Fit::Pad));
        assert_eq!(out.len(), 4 * 48);
        let value = |v: f32| v / 255.0 / 0.5 - 1.0;
        // patch 1 is the upper right: channel 0 counts columns 4.., channel 1 rows 0.., channel 2 is full
        let patch = &out[48..96];
        assert!((patch[1] - value(5.0)).abs() < 1e-6 && (patch[16 + 4] - value(1.0)).abs() < 1e-6);
        assert!((patch[47] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn block_averaging_changes_little_and_keeps_flat_colours() {
        let flat = RgbImage::from_pixel(640, 480, Rgb([13, 77, 201]));
        assert!(scale(&flat, 32, 24).pixels().all(|p| p.0 == [13, 77, 201]));
        let ramp = RgbImage::from_fn(640, 480, |x, y| Rgb([(x / 3) as u8, (y / 2) as u8, 0]));
        let direct = imageops::resize(&ramp, 32, 24, imageops::FilterType::Triangle);
        let quick = scale(&ramp, 32, 24);
        let largest = direct.as_raw().iter().zip(quick.as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(largest <= Some(6), "{largest:?}");
    }

    #[test]
    fn broken_and_enormous_photos_are_refused() {
        assert!(matches!(decode(b""), Err(Error::Photo(_))));
        assert!(matches!(decode(b"GIF89a not a photo"), Err(Error::Photo(_))));
        let good = encode(&RgbImage::new(20, 20).into(), image::ImageFormat::Png);
        assert!(matches!(decode(&good[..good.len() / 2]), Err(Error::Photo(_))));
        // the header alone says 20,000 × 20,000: refused before any pixel is allocated
        let mut huge = good.clone();
        huge[16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
        let mut crc = flate2::Crc::new();
        crc.update(&huge[12..29]);
        huge[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        assert!(matches!(decode(&huge), Err(Error::PhotoTooLarge { got: 400, .. })), "{:?}", decode(&huge));
    }
}
