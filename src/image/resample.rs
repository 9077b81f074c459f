//! Resizing as Pillow does it, number by number: weights in 22 bits of fixed point, rows first, rounded to 8 bits between
//! the two passes. The encoders of others have seen such pixels. `image` keeps floats between its passes, which differs by
//! several levels beside an edge.

use super::{Fit, Resize};
use image::{RgbImage, imageops};
use serde::{Deserialize, Serialize};

/// The kernel of a resize. All are widened when a photo shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// A triangle.
    Bilinear,
    /// Keys' kernel (1981) with a = −½.
    Bicubic,
    /// Lanczos' kernel of three lobes.
    Lanczos,
}

/// Bits behind the point of a weight.
const BITS: u32 = 22;

impl Filter {
    fn support(self) -> f64 {
        match self {
            Filter::Bilinear => 1.0,
            Filter::Bicubic => 2.0,
            Filter::Lanczos => 3.0,
        }
    }

    fn at(self, x: f64) -> f64 {
        let (x, sinc) = (x.abs(), |x: f64| if x == 0.0 { 1.0 } else { x.sin() / x });
        match self {
            Filter::Bilinear => (1.0 - x).max(0.0),
            Filter::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Filter::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Filter::Lanczos if x < 3.0 => sinc(x * std::f64::consts::PI) * sinc(x * std::f64::consts::PI / 3.0),
            _ => 0.0,
        }
    }
}

/// A photo as a square. Cropped, its shorter side is brought to `resize.side` first and the middle is taken.
pub fn square(photo: &RgbImage, size: u32, fit: Fit, resize: Resize) -> RgbImage {
    let (width, height) = photo.dimensions();
    let filter = resize.filter;
    match fit {
        Fit::Stretch => scale(photo, size, size, filter),
        Fit::Crop => {
            let (side, shorter) = (resize.side as u64, u64::from(width.min(height)));
            let fit = |length: u32| (side * u64::from(length) / shorter.max(1)) as u32;
            let small = scale(photo, fit(width), fit(height), filter);
            let (x, y) = ((small.width() - size) / 2, (small.height() - size) / 2);
            imageops::crop_imm(&small, x, y, size, size).to_image()
        }
        Fit::Pad => {
            let longest = u64::from(width.max(height));
            let fit = |side: u32| ((u64::from(side) * u64::from(size) / longest.max(1)) as u32).max(1);
            let small = scale(photo, fit(width), fit(height), filter);
            let mut out = RgbImage::from_pixel(size, size, image::Rgb([255; 3]));
            let (x, y) = ((size - small.width()) / 2, (size - small.height()) / 2);
            imageops::replace(&mut out, &small, i64::from(x), i64::from(y));
            out
        }
    }
}

/// `photo` at another size.
pub fn scale(photo: &RgbImage, width: u32, height: u32, filter: Filter) -> RgbImage {
    let wide = match photo.width() == width {
        true => photo.clone(),
        false => across(photo, &taps(photo.width(), width, filter)),
    };
    match wide.height() == height {
        true => wide,
        false => down(&wide, &taps(wide.height(), height, filter)),
    }
}

/// What makes one pixel: the first source, and a weight for each from there on.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

fn taps(from: u32, to: u32, filter: Filter) -> Vec<Taps> {
    let scale = f64::from(from) / f64::from(to.max(1));
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    let tap = |i: u32| {
        let center = (f64::from(i) + 0.5) * scale;
        let first = (center - support + 0.5).max(0.0) as usize;
        let last = ((center + support + 0.5).max(0.0) as usize).min(from as usize);
        let weight = |at: usize| filter.at((at as f64 - center + 0.5) / stretch);
        let total: f64 = (first..last).map(weight).sum();
        let fixed = |at: usize| (weight(at) / total * f64::from(1 << BITS)).round() as i32;
        Taps { first, weights: (first..last).map(fixed).collect() }
    };
    (0..to).map(tap).collect()
}

/// The weighted sum in 8 bits.
fn rounded(sum: i64) -> u8 {
    ((sum + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8
}

fn across(photo: &RgbImage, taps: &[Taps]) -> RgbImage {
    let mut out = Vec::with_capacity(taps.len() * photo.height() as usize * 3);
    for row in photo.as_raw().chunks_exact(photo.width() as usize * 3) {
        for Taps { first, weights } in taps {
            let mut sums = [0i64; 3];
            for (pixel, weight) in row[first * 3..].chunks_exact(3).zip(weights) {
                (0..3).for_each(|c| sums[c] += i64::from(pixel[c]) * i64::from(*weight));
            }
            out.extend(sums.map(rounded));
        }
    }
    RgbImage::from_raw(taps.len() as u32, photo.height(), out).unwrap_or_default()
}

fn down(photo: &RgbImage, taps: &[Taps]) -> RgbImage {
    let stride = photo.width() as usize * 3;
    let mut out = Vec::with_capacity(stride * taps.len());
    let mut sums = vec![0i64; stride];
    for Taps { first, weights } in taps {
        sums.fill(0);
        for (row, weight) in photo.as_raw()[first * stride..].chunks_exact(stride).zip(weights) {
            sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += i64::from(*v) * i64::from(*weight));
        }
        out.extend(sums.iter().map(|sum| rounded(*sum)));
    }
    RgbImage::from_raw(photo.width(), taps.len() as u32, out).unwrap_or_default()
}
