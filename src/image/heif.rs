//! AVIF and HEIC: one container with pictures by AV1 or HEVC in it.
//!
//! The container, the pictures of HEIC and the way from luma to RGB are heic-rs's, the pictures of AVIF re_rav1d's.
//! Both are Rust under permissive licenses; others that were looked at are C (libheif, dav1d, libaom), AGPL (heic,
//! rav1d-safe), or MPL (avif-parse).

use super::raw::{Pixels, Raw, bad, check_size, cut, unsupported};
use crate::error::{Error, Result};
use crate::photo_file::{Color, Kind};
use heic_rs::context::Context;
use heic_rs::ftyp::FileType;
use heic_rs::hevc::{self, Frame};
use heic_rs::props::ItemProps;
use heic_rs::props::hvcc::NAL_SPS;
use heic_rs::{Brand, ChromaFormat, MatrixCoefficients, Nclx, PixelLayout, Range, color, grid, meta, transform};
use image::metadata::Orientation;
use image::{RgbImage, RgbaImage};
use re_rav1d::dav1d::{self, Decoder, Picture, PlanarImageComponent, Settings, pixel};
use scuffle_h265::SpsNALUnit;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Tiles of a picture in all; a phone's have some fifty.
const MAX_TILES: usize = 4096;

/// Decodes the picture that a file wants to be shown.
pub fn decode(kind: Kind, bytes: &[u8]) -> Result<Raw> {
    let kind = if kind == Kind::Avif { "an AVIF" } else { "a HEIC photo" };
    // neither decoder should break down over a file; if one does, it is this photo's end and not the index's
    let decoded = catch_unwind(AssertUnwindSafe(|| File::open(kind, bytes)?.decode()));
    decoded.unwrap_or_else(|_| Err(bad(kind, "its decoder broke down over it")))
}

/// An open container.
struct File<'a> {
    kind: &'static str,
    context: Context<'a>,
}

/// A picture with what its own data says of its colors.
type Coded = (Frame, Nclx);

impl<'a> File<'a> {
    fn open(kind: &'static str, bytes: &'a [u8]) -> Result<Self> {
        let meta = meta::parse(bytes).map_err(|error| refuse(kind, error))?;
        // heic-rs's own way in refuses AVIF by its brand; what an item is made of counts here
        let ftyp = FileType { major: Brand::Mif1, effective: Brand::Mif1, minor_version: 0, compatible_count: 0 };
        Ok(Self { kind, context: Context { file: bytes, ftyp, meta } })
    }

    fn refuse(&self, error: heic_rs::Error) -> Error {
        refuse(self.kind, error)
    }

    fn props(&self, item: u32) -> Result<ItemProps<'a>> {
        self.context.props(item).map_err(|error| self.refuse(error))
    }

    fn decode(&self) -> Result<Raw> {
        let primary = self.context.meta.primary;
        let props = self.props(primary)?;
        let (frame, coded) = self.item(primary, &props)?;
        let nclx = props.nclx.unwrap_or(coded);
        let alpha = self.context.alpha_item(primary).map_err(|error| self.refuse(error))?;
        let alpha = alpha.map(|item| self.item(item, &self.props(item)?)).transpose()?.map(|(frame, _)| frame);
        let alpha = alpha.filter(|alpha| (alpha.width, alpha.height) == (frame.width, frame.height));
        let layout = if alpha.is_some() { PixelLayout::Rgba8 } else { PixelLayout::Rgb8 };
        let photo = color::convert(&frame, alpha.as_ref(), usable(self.kind, nclx)?, layout, u64::MAX, Some(1));
        let photo = photo.and_then(|photo| transform::apply_all(photo, &props.transforms));
        let photo = photo.map_err(|error| self.refuse(error))?;
        let (width, height) = (photo.width, photo.height);
        let photo = match layout {
            PixelLayout::Rgba8 => RgbaImage::from_raw(width, height, photo.data).map(image::DynamicImage::from),
            _ => RgbImage::from_raw(width, height, photo.data).map(image::DynamicImage::from),
        };
        let pixels = photo.map(Pixels::Light).ok_or_else(|| bad(self.kind, "another number of pixels than it says"))?;
        let coded = || Color::Coded { primaries: nclx.primaries as u8, transfer: nclx.transfer as u8 };
        let color = self.profile(primary, &props)?.map_or_else(coded, |profile| Color::Profile(profile.to_vec()));
        // what turns the picture stands in the container; an orientation in EXIF repeats it
        Ok(Raw { pixels, orientation: Orientation::NoTransforms, color })
    }

    /// The profile of a picture, or that of its first tile.
    fn profile(&self, item: u32, props: &ItemProps<'a>) -> Result<Option<&'a [u8]>> {
        let tiles = self.context.grid(item).map_err(|error| self.refuse(error))?;
        match tiles.and_then(|(_, tiles)| tiles.first().copied()).filter(|_| props.icc.is_none()) {
            Some(tile) => Ok(self.props(tile)?.icc),
            None => Ok(props.icc),
        }
    }

    /// A picture, of tiles or in one.
    fn item(&self, item: u32, props: &ItemProps<'a>) -> Result<Coded> {
        let size = self.context.coded_size(item, props);
        if let Ok(size) = size {
            check_size(size, 4)?;
        }
        let Some((grid, tiles)) = self.context.grid(item).map_err(|error| self.refuse(error))? else {
            return self.coded(item, props);
        };
        check_size((grid.output_width, grid.output_height), 4)?;
        if tiles.len() > MAX_TILES {
            return Err(bad(self.kind, "more tiles than any photo has"));
        }
        let mut frames = Vec::with_capacity(tiles.len());
        let mut nclx = None;
        for tile in tiles {
            let props = self.props(tile)?;
            let (frame, coded) = self.coded(tile, &props)?;
            nclx = nclx.or(props.nclx).or(Some(coded));
            frames.push(frame);
        }
        let frame = grid::compose(&grid, &frames, u64::MAX).map_err(|error| self.refuse(error))?;
        Ok((frame, nclx.unwrap_or_else(unsaid)))
    }

    fn coded(&self, item: u32, props: &ItemProps<'a>) -> Result<Coded> {
        let kind = self.context.meta.item(item).map(|info| info.item_type).unwrap_or_default();
        let data = self.context.item_data(item).map_err(|error| self.refuse(error))?;
        match &kind {
            b"av01" => av1(self.kind, data.into_owned()),
            b"hvc1" | b"hev1" => hevc(self.kind, &data, props),
            other => Err(unsupported(self.kind, String::from_utf8_lossy(other).escape_default())),
        }
    }
}

fn refuse(kind: &str, error: heic_rs::Error) -> Error {
    match error {
        heic_rs::Error::Truncated(_) | heic_rs::Error::MissingBox("meta") => cut(kind),
        heic_rs::Error::Unsupported(form) => unsupported(kind, form),
        error => bad(kind, error),
    }
}

/// Colors that nothing is said of, as libheif and libavif take them.
fn unsaid() -> Nclx {
    Nclx { matrix: MatrixCoefficients::Bt601, matrix_code: 6, range: Range::Limited, ..Nclx::default() }
}

/// What the way to RGB can follow.
fn usable(kind: &str, nclx: Nclx) -> Result<Nclx> {
    match nclx.matrix_code {
        // unsaid
        2 | 3 => Ok(Nclx { matrix: MatrixCoefficients::Bt601, ..nclx }),
        0 | 1 | 4..=7 | 9 | 12 => Ok(nclx),
        code => Err(unsupported(kind, format!("the color matrix {code}"))),
    }
}

fn hevc(kind: &str, data: &[u8], props: &ItemProps<'_>) -> Result<Coded> {
    let of = |error| refuse(kind, error);
    let config = props.hvcc.as_ref().ok_or_else(|| bad(kind, "no description of its pictures"))?;
    let sets = config.parameter_sets();
    let info = hevc::probe(&sets).map_err(of)?;
    check_size((info.width, info.height), 4)?;
    let pictures = config.split_nals(data).map_err(of)?;
    // the container is whole here, so that bits that do not fit are no cut file, but a coding that is read wrongly
    let frame = hevc::decode_still(&sets, &pictures).map_err(|error| unsupported(kind, error))?;
    frame.validate().map_err(of)?;
    let sps = config.arrays.iter().filter(|array| array.nal_type == NAL_SPS).flat_map(|array| &array.nals).next();
    let said = sps.and_then(|sps| SpsNALUnit::parse(*sps).ok()).and_then(|sps| sps.rbsp.vui_parameters);
    let nclx = said.map(|said| said.video_signal_type).map(|said| {
        let range = if said.video_full_range_flag { Range::Full } else { Range::Limited };
        of_codes(said.colour_primaries.into(), said.transfer_characteristics.into(), said.matrix_coeffs.into(), range)
    });
    Ok((frame, nclx.unwrap_or_else(unsaid)))
}

fn of_codes(primaries: u16, transfer: u16, matrix_code: u16, range: Range) -> Nclx {
    Nclx { primaries, transfer, matrix: MatrixCoefficients::from_code(matrix_code), matrix_code, range }
}

fn av1(kind: &str, data: Vec<u8>) -> Result<Coded> {
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    settings.set_frame_size_limit(super::raw::MAX_MEGAPIXELS as u32 * 1_000_000);
    let of = |error: dav1d::Error| match error {
        dav1d::Error::UnsupportedBitstream => unsupported(kind, "a kind of AV1"),
        dav1d::Error::Again => cut(kind),
        error => bad(kind, error),
    };
    let mut decoder = Decoder::with_settings(&settings).map_err(of)?;
    match decoder.send_data(data, None, None, None) {
        Ok(()) | Err(dav1d::Error::Again) => {}
        Err(error) => return Err(of(error)),
    }
    let picture = match decoder.get_picture() {
        Err(dav1d::Error::Again) => {
            let _ = decoder.send_pending_data();
            decoder.get_picture()
        }
        other => other,
    };
    let picture = picture.map_err(of)?;
    let range = if picture.color_range() == pixel::YUVRange::Full { Range::Full } else { Range::Limited };
    let (primaries, transfer) = (picture.color_primaries() as u16, picture.transfer_characteristic() as u16);
    let frame = frame(kind, &picture)?;
    Ok((frame, of_codes(primaries, transfer, picture.matrix_coefficients() as u16, range)))
}

/// A picture's planes, copied.
fn frame(kind: &str, picture: &Picture) -> Result<Frame> {
    let chroma = match picture.pixel_layout() {
        dav1d::PixelLayout::I400 => ChromaFormat::Monochrome,
        dav1d::PixelLayout::I420 => ChromaFormat::Yuv420,
        dav1d::PixelLayout::I422 => ChromaFormat::Yuv422,
        dav1d::PixelLayout::I444 => ChromaFormat::Yuv444,
    };
    let (width, height) = (picture.width(), picture.height());
    let (chroma_width, chroma_height) = chroma.chroma_size(width, height);
    let depth = picture.bits_per_component().map_or(8, |bits| bits.0 as u8);
    let plane = |which: PlanarImageComponent, width: u32, height: u32| -> Vec<u16> {
        if width == 0 {
            return Vec::new();
        }
        let (stride, width) = (picture.stride(which) as usize, width as usize);
        let bytes = picture.plane(which);
        let lines = bytes.chunks(stride.max(1)).take(height as usize);
        match depth {
            8 => lines.flat_map(|line| line.iter().take(width).map(|&sample| u16::from(sample))).collect(),
            _ => lines
                .flat_map(|line| line.chunks_exact(2).take(width).map(|two| u16::from_ne_bytes([two[0], two[1]])))
                .collect(),
        }
    };
    let frame = Frame {
        width,
        height,
        bit_depth: depth,
        chroma,
        y: plane(PlanarImageComponent::Y, width, height),
        cb: plane(PlanarImageComponent::U, chroma_width, chroma_height),
        cr: plane(PlanarImageComponent::V, chroma_width, chroma_height),
        y_stride: width,
        c_stride: chroma_width,
    };
    frame.validate().map(|()| frame).map_err(|error| refuse(kind, error))
}
