//! Colors → sRGB, by what a photo's file says of them. Encoder and shown copy both get what comes out of here, so that
//! neither depends on a profile.

use super::raw::Pixels;
use crate::photo_file::Color;
use image::DynamicImage;
#[cfg(not(target_arch = "wasm32"))]
use profiles as native;

/// The photo in sRGB, and whether its numbers changed for it.
pub fn to_srgb(pixels: Pixels, color: &Color) -> (DynamicImage, bool) {
    match pixels {
        #[cfg(not(target_arch = "wasm32"))]
        Pixels::Light(photo) => native::light(photo, color),
        // the page has its browser convert such photos before they come here: see `www/core/photo.js`
        #[cfg(target_arch = "wasm32")]
        Pixels::Light(photo) => (photo, false),
        Pixels::Ink(width, height, mut inks) => {
            if matches!(color, Color::InvertedInks(_)) {
                inks.iter_mut().for_each(|ink| *ink = 255 - *ink);
            }
            #[cfg(not(target_arch = "wasm32"))]
            let converted = color.profile().and_then(|profile| native::ink(&inks, profile));
            #[cfg(target_arch = "wasm32")]
            let converted = None;
            let light = converted.unwrap_or_else(|| plain_ink(&inks));
            let photo = image::RgbImage::from_raw(width, height, light).unwrap_or_default();
            (photo.into(), true)
        }
    }
}

/// Inks without a profile: each keeps back its share of one color, and black of all.
fn plain_ink(inks: &[u8]) -> Vec<u8> {
    let left = |ink: u8, black: u8| {
        let product = u32::from(255 - ink) * u32::from(255 - black);
        ((product + 127) / 255) as u8
    };
    inks.chunks_exact(4).flat_map(|ink| [left(ink[0], ink[3]), left(ink[1], ink[3]), left(ink[2], ink[3])]).collect()
}

#[cfg(not(target_arch = "wasm32"))]
mod profiles {
    //! Color profiles, by moxcms.

    use crate::photo_file::Color;
    use image::{DynamicImage, ImageBuffer};
    use moxcms::{
        BarycentricWeightScale, Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile,
        DataColorSpace, InterpolationMethod, Layout, MatrixCoefficients, ToneReprCurve, TransferCharacteristics,
        TransformExecutor, TransformOptions, XyY,
    };
    use std::sync::Arc;

    /// Colors that differ by no more than this many levels are the same: profiles of sRGB itself are many.
    const SAME: u8 = 2;

    type Steps = Arc<dyn TransformExecutor<u8> + Send + Sync>;
    type FineSteps = Arc<dyn TransformExecutor<u16> + Send + Sync>;

    /// As exact as it gets: a photo is converted once.
    fn options() -> TransformOptions {
        TransformOptions {
            prefer_fixed_point: false,
            interpolation_method: InterpolationMethod::Tetrahedral,
            barycentric_weight_scale: BarycentricWeightScale::High,
            ..TransformOptions::default()
        }
    }

    /// A photo's colors in sRGB, and whether they changed. A profile that is none, or not of these pixels, counts for nothing.
    pub fn light(photo: DynamicImage, color: &Color) -> (DynamicImage, bool) {
        let Some(profile) = profile(color) else { return (photo, false) };
        let photo = match (profile.color_space, photo.color().has_color()) {
            (DataColorSpace::Gray, false) => return gray(photo, &profile),
            (DataColorSpace::Rgb, _) => photo,
            _ => return (photo, false),
        };
        if steps(&profile, Layout::Rgb).is_none_or(|steps| changes_nothing(&steps)) {
            return (photo, false);
        }
        let converted = match photo.color().bytes_per_pixel() / photo.color().channel_count() {
            1 => in_bytes(&photo, &profile),
            _ => in_words(&photo, &profile),
        };
        match converted {
            Some(converted) => (converted, true),
            None => (photo, false),
        }
    }

    /// Inks in sRGB; nothing where the profile is none of inks. The darkest that a press prints becomes black, as other
    /// programs show it: without that, what is black in print would be grey on a screen.
    pub fn ink(inks: &[u8], profile: &[u8]) -> Option<Vec<u8>> {
        let profile = ColorProfile::new_from_slice(profile).ok().filter(|p| p.color_space == DataColorSpace::Cmyk)?;
        let steps = steps_to(&profile, Layout::Rgba, Layout::Rgb)?;
        let mut darkest = [0; 3];
        steps.transform(&[u8::MAX; 4], &mut darkest).ok()?;
        let levels = from_black(darkest);
        let mut light = vec![0; inks.len() / 4 * 3];
        steps.transform(inks, &mut light).ok()?;
        light.iter_mut().for_each(|level| *level = levels[usize::from(*level)]);
        Some(light)
    }

    /// Each level of sRGB with black where the darkest color is, by light.
    fn from_black(darkest: [u8; 3]) -> Vec<u8> {
        let light = |level: u8| {
            let share = f64::from(level) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        let level = |light: f64| {
            if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
        };
        let [r, g, b] = darkest.map(light);
        // what is lighter than the middle between black and white is no black, whatever a profile says
        let black = (0.2126 * r + 0.7152 * g + 0.0722 * b).min(0.184);
        let lifted = |at: u8| ((light(at) - black) / (1.0 - black)).clamp(0.0, 1.0);
        (0..=u8::MAX).map(|at| (level(lifted(at)) * 255.0).round() as u8).collect()
    }

    fn steps(profile: &ColorProfile, layout: Layout) -> Option<Steps> {
        steps_to(profile, layout, layout)
    }

    fn steps_to(profile: &ColorProfile, from: Layout, to: Layout) -> Option<Steps> {
        profile.create_transform_8bit(from, &ColorProfile::new_srgb(), to, options()).ok()
    }

    /// Whether all colors of a coarse grid stay what they are.
    fn changes_nothing(steps: &Steps) -> bool {
        let levels: Vec<u8> = (0..=255).step_by(17).collect();
        let all = |r: u8| levels.iter().flat_map(move |&g| (0..=255).step_by(17).map(move |b| [r, g, b]));
        let before: Vec<u8> = levels.iter().flat_map(|&r| all(r)).flatten().collect();
        let mut after = vec![0; before.len()];
        steps.transform(&before, &mut after).is_err() || before.iter().zip(&after).all(|(a, b)| a.abs_diff(*b) <= SAME)
    }

    fn in_bytes(photo: &DynamicImage, profile: &ColorProfile) -> Option<DynamicImage> {
        let (width, height) = (photo.width(), photo.height());
        let layout = if photo.color().has_alpha() { Layout::Rgba } else { Layout::Rgb };
        let before = match layout {
            Layout::Rgba => photo.to_rgba8().into_raw(),
            _ => photo.to_rgb8().into_raw(),
        };
        let mut after = vec![0; before.len()];
        steps(profile, layout)?.transform(&before, &mut after).ok()?;
        match layout {
            Layout::Rgba => ImageBuffer::from_raw(width, height, after).map(DynamicImage::ImageRgba8),
            _ => ImageBuffer::from_raw(width, height, after).map(DynamicImage::ImageRgb8),
        }
    }

    /// The same of deeper photos, so that what a wide space loses in steps is not lost.
    fn in_words(photo: &DynamicImage, profile: &ColorProfile) -> Option<DynamicImage> {
        let (width, height) = (photo.width(), photo.height());
        let before = photo.to_rgba16().into_raw();
        let mut after = vec![0; before.len()];
        let to = ColorProfile::new_srgb();
        let steps: FineSteps = profile.create_transform_16bit(Layout::Rgba, &to, Layout::Rgba, options()).ok()?;
        steps.transform(&before, &mut after).ok()?;
        ImageBuffer::from_raw(width, height, after).map(DynamicImage::ImageRgba16)
    }

    /// Levels of grey in sRGB: a curve, put onto each pixel.
    fn gray(photo: DynamicImage, profile: &ColorProfile) -> (DynamicImage, bool) {
        let before: Vec<u8> = (0..=255).collect();
        let mut after = vec![0; 3 * before.len()];
        let steps = steps_to(profile, Layout::Gray, Layout::Rgb);
        let done = steps.is_some_and(|steps| steps.transform(&before, &mut after).is_ok());
        let curve: Vec<u8> = after.chunks_exact(3).map(|pixel| pixel[1]).collect();
        if !done || before.iter().zip(&curve).all(|(a, b)| a.abs_diff(*b) <= SAME) {
            return (photo, false);
        }
        let mut photo = photo.into_luma_alpha8();
        photo.pixels_mut().for_each(|pixel| pixel.0[0] = curve[usize::from(pixel.0[0])]);
        (photo.into(), true)
    }

    fn profile(color: &Color) -> Option<ColorProfile> {
        match color {
            Color::Unsaid => None,
            Color::Profile(_) | Color::InvertedInks(_) => ColorProfile::new_from_slice(color.profile()?).ok(),
            Color::Coded { primaries, transfer } => coded(*primaries, *transfer),
            Color::Measured { gamma, places } => Some(measured(*gamma, *places)),
        }
    }

    /// Of numbers of H.273. The curves of television stand for that of sRGB in photos, as browsers take them too.
    fn coded(primaries: u8, transfer: u8) -> Option<ColorProfile> {
        let transfer = if matches!(transfer, 0..=3 | 6 | 14 | 15) { 13 } else { transfer };
        let primaries = if matches!(primaries, 0 | 2 | 3) { 1 } else { primaries };
        Some(ColorProfile::new_from_cicp(CicpProfile {
            color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
            transfer_characteristics: TransferCharacteristics::try_from(transfer).ok()?,
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: true,
        }))
    }

    fn measured(gamma: f64, places: Option<[f64; 8]>) -> ColorProfile {
        let mut profile = ColorProfile::new_srgb();
        if let Some([wx, wy, rx, ry, gx, gy, bx, by]) = places {
            let place = |x: f64, y: f64| Chromaticity::new(x as f32, y as f32);
            let primaries = ColorPrimaries { red: place(rx, ry), green: place(gx, gy), blue: place(bx, by) };
            profile.update_rgb_colorimetry(XyY::new(wx, wy, 1.0), primaries);
        }
        let curve = ToneReprCurve::Parametric(vec![gamma as f32]);
        profile.cicp = None;
        profile.red_trc = Some(curve.clone());
        profile.green_trc = Some(curve.clone());
        profile.blue_trc = Some(curve);
        profile
    }
}
