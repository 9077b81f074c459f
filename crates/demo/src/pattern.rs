//! Printed cloth: a bale of it for every garment, drawn as SVG and rasterised by resvg.

use std::f32::consts::{PI, TAU};
use std::fmt::Write;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use super::compose::{HEIGHT, WIDTH};
use super::fabric::noise;
use super::palette::{self, CHARCOAL, CREAM, Palette, Rgb, hex, lightness, shade};

/// Cloth beyond each edge of the photo, in pixels.
pub const MARGIN: f32 = 64.0;
/// Edges of the cloth in the photo's pixels.
const LEFT: f32 = -MARGIN;
const RIGHT: f32 = WIDTH as f32 + MARGIN;
const TOP: f32 = -MARGIN;
const BOTTOM: f32 = HEIGHT as f32 + MARGIN;

/// Cloth with a pattern; plain cloth needs none. `extent` is the top and bottom of the garment, for patterns that are placed on it.
pub fn cloth(pattern: &str, palette: &Palette, extent: (f32, f32), rng: &mut ChaCha8Rng) -> Option<Pixmap> {
    let print = match pattern {
        "striped" => striped(palette, rng),
        "pinstriped" => pinstriped(palette, rng),
        "checked" => checked(palette, rng),
        "gingham" => gingham(palette, rng),
        "polka dot" => polka_dot(palette, rng),
        "floral" => floral(palette, rng),
        "zigzag" => zigzag(palette, rng),
        "leopard" => leopard(palette, rng),
        "colour block" => colour_block(palette, extent, rng),
        "tie-dye" => return Some(tie_dye(palette, extent, rng)),
        _ => return None,
    };
    let (w, h) = (RIGHT - LEFT, BOTTOM - TOP);
    let svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="{LEFT} {TOP} {w} {h}">{}{print}</svg>"#,
        rect(LEFT, TOP, w, h, palette.ground, 1.0)
    );
    Some(rasterise(&svg, w as u32, h as u32))
}

fn rasterise(svg: &str, w: u32, h: u32) -> Pixmap {
    let mut pixmap = Pixmap::new(w, h).expect("cloth has a size");
    let tree = Tree::from_str(svg, &Options::default()).expect("the patterns above are well-formed SVG");
    resvg::render(&tree, Transform::identity(), &mut pixmap.as_mut());
    pixmap
}

fn rect(x: f32, y: f32, w: f32, h: f32, fill: Rgb, opacity: f32) -> String {
    format!(r#"<rect x="{x:.1}" y="{y:.1}" width="{w:.1}" height="{h:.1}" fill="{}" opacity="{opacity}"/>"#, hex(fill))
}

/// Positions a period apart over a range, from a random phase.
fn every(from: f32, to: f32, period: f32, rng: &mut ChaCha8Rng) -> impl Iterator<Item = f32> + use<> {
    let phase = rng.random_range(0.0..period);
    (0..).map(move |i| from - phase + i as f32 * period).take_while(move |at| *at < to)
}

fn striped(palette: &Palette, rng: &mut ChaCha8Rng) -> String {
    let period = rng.random_range(25.0..33.0);
    every(TOP, BOTTOM, period, rng).map(|y| rect(LEFT, y, RIGHT - LEFT, period * 0.38, palette.print, 1.0)).collect()
}

fn pinstriped(palette: &Palette, rng: &mut ChaCha8Rng) -> String {
    let period = rng.random_range(15.0..19.0);
    every(LEFT, RIGHT, period, rng).map(|x| rect(x, TOP, 2.6, BOTTOM - TOP, palette.print, 0.92)).collect()
}

/// A tartan: broad dark bands, thin light and coloured lines.
fn checked(palette: &Palette, rng: &mut ChaCha8Rng) -> String {
    let period = rng.random_range(58.0..70.0);
    let dark = lightness(palette.ground) > 0.25;
    let band = if dark { shade(palette.ground, 0.62) } else { shade(palette.ground, -0.42) };
    let mut svg = String::new();
    for (along_y, from, to) in [(false, LEFT, RIGHT), (true, TOP, BOTTOM)] {
        for at in every(from, to, period, rng) {
            let mut bar = |offset: f32, width: f32, colour: Rgb, opacity: f32| {
                svg += &if along_y {
                    rect(LEFT, at + offset, RIGHT - LEFT, width, colour, opacity)
                } else {
                    rect(at + offset, TOP, width, BOTTOM - TOP, colour, opacity)
                };
            };
            bar(0.0, period * 0.34, band, 0.52);
            bar(period * 0.13, 2.6, palette.print, 0.85);
            bar(period * 0.62, 2.2, palette.accent, 0.7);
            bar(period * 0.70, 2.2, palette.print, 0.8);
        }
    }
    svg
}

fn gingham(palette: &Palette, rng: &mut ChaCha8Rng) -> String {
    let period = rng.random_range(19.0..24.0);
    let mut svg = rect(LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP, palette::rgb(250, 248, 243), 1.0);
    for x in every(LEFT, RIGHT, period, rng) {
        svg += &rect(x, TOP, period / 2.0, BOTTOM - TOP, palette.ground, 0.62);
    }
    for y in every(TOP, BOTTOM, period, rng) {
        svg += &rect(LEFT, y, RIGHT - LEFT, period / 2.0, palette.ground, 0.62);
    }
    svg
}

fn polka_dot(palette: &Palette, rng: &mut ChaCha8Rng) -> String {
    let period = rng.random_range(24.0..31.0);
    let r = period * rng.random_range(0.23..0.27);
    let mut svg = String::new();
    let columns: Vec<f32> = every(LEFT, RIGHT, period, rng).collect();
    for (row, y) in every(TOP, BOTTOM, period * 0.5, rng).enumerate() {
        for x in &columns {
            let x = x + if row % 2 == 0 { 0.0 } else { period / 2.0 };
            let _ = write!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="{r:.1}" fill="{}"/>"#, hex(palette.print));
        }
    }
    svg
}

/// Places over the cloth at least `gap` apart, irregular but even.
fn scatter(gap: f32, rng: &mut ChaCha8Rng) -> Vec<(f32, f32)> {
    let mut places: Vec<(f32, f32)> = Vec::new();
    let area = (RIGHT - LEFT) * (BOTTOM - TOP);
    for _ in 0..(area / (gap * gap) * 6.0) as usize {
        let p = (rng.random_range(LEFT..RIGHT), rng.random_range(TOP..BOTTOM));
        if places.iter().all(|q| (p.0 - q.0).powi(2) + (p.1 - q.1).powi(2) > gap * gap) {
            places.push(p);
        }
    }
    places
}

fn floral(palette: &Palette, rng: &mut ChaCha8Rng) -> String {
    let light = lightness(palette.ground) > 0.62;
    let leaf = if light { palette::rgb(88, 128, 88) } else { palette::rgb(150, 178, 138) };
    let petals = if light { [palette.accent, palette::rgb(120, 88, 160)] } else { [palette.print, palette.accent] };
    let mut svg = String::new();
    for (x, y) in scatter(31.0, rng) {
        let turn = rng.random_range(0.0..360.0);
        let size = rng.random_range(0.85..1.3);
        let _ = write!(svg, r#"<g transform="translate({x:.1} {y:.1}) rotate({turn:.0}) scale({size:.2})">"#);
        let colour = petals[usize::from(rng.random_bool(0.4))];
        leaves(&mut svg, leaf);
        for i in 0..5 {
            let _ = write!(
                svg,
                r#"<path transform="rotate({})" d="M0 0C-6.5 -3 -6 -12 0 -12.5C6 -12 6.5 -3 0 0Z" fill="{}" stroke="{}" stroke-width=".5"/>"#,
                i * 72,
                hex(palette::mix(colour, [1.0; 3], 0.06 * (i % 3) as f32)),
                hex(shade(colour, 0.22)),
            );
        }
        let _ = write!(svg, r##"<circle r="3" fill="#e2b23f"/><circle r="1.4" fill="#9a6a22"/></g>"##);
    }
    for (x, y) in scatter(26.0, rng) {
        let _ = write!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="1.7" fill="{}"/>"#, hex(petals[0]));
    }
    svg
}

fn leaves(svg: &mut String, colour: Rgb) {
    for turn in [35, 170] {
        let _ = write!(
            svg,
            r#"<path transform="rotate({turn})" d="M0 -8C-4.5 -12 -4 -19 0 -22C4 -19 4.5 -12 0 -8Z" fill="{}"/>"#,
            hex(colour)
        );
    }
}

fn zigzag(palette: &Palette, rng: &mut ChaCha8Rng) -> String {
    let (step, row) = (rng.random_range(15.0..19.0), rng.random_range(27.0..33.0));
    let mut svg = String::new();
    for y in every(TOP, BOTTOM, row, rng) {
        let mut d = String::new();
        for (i, x) in (0..).map(|i| (i, LEFT + i as f32 * step)).take_while(|(_, x)| *x < RIGHT + step) {
            let _ =
                write!(d, "{}{x:.1} {:.1}", if i == 0 { 'M' } else { 'L' }, y + if i % 2 == 0 { -7.5 } else { 7.5 });
        }
        let print = hex(palette.print);
        let _ =
            write!(svg, r#"<path d="{d}" fill="none" stroke="{print}" stroke-width="7.5" stroke-linejoin="miter"/>"#);
    }
    svg
}

/// Rosettes: a warm middle inside a broken dark ring.
fn leopard(palette: &Palette, rng: &mut ChaCha8Rng) -> String {
    let dark = lightness(palette.ground) < 0.24;
    let ring = if dark { shade(palette.ground, -0.62) } else { palette::mix(CHARCOAL, palette.ground, 0.1) };
    let middle = if dark { shade(palette.ground, -0.28) } else { shade(palette.ground, 0.34) };
    let mut svg = String::new();
    for (x, y) in scatter(23.0, rng) {
        let (rx, ry) = (rng.random_range(6.0..9.0), rng.random_range(5.5..8.0));
        let turn = rng.random_range(0.0..TAU);
        let at =
            |angle: f32, scale: f32| (x + rx * scale * (angle + turn).cos(), y + ry * scale * (angle + turn).sin());
        let _ = write!(
            svg,
            r#"<ellipse cx="{x:.1}" cy="{y:.1}" rx="{:.1}" ry="{:.1}" fill="{}"/>"#,
            rx * 0.8,
            ry * 0.8,
            hex(middle)
        );
        let pieces = rng.random_range(2..4);
        for piece in 0..pieces {
            let from = piece as f32 * TAU / pieces as f32 + rng.random_range(0.0..0.5);
            let sweep = TAU / pieces as f32 * rng.random_range(0.55..0.74);
            let (a, b, c) = (at(from, 1.0), at(from + sweep / 2.0, 1.35), at(from + sweep, 1.0));
            let _ = write!(
                svg,
                r#"<path d="M{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}" fill="none" stroke="{}" stroke-width="{:.1}" stroke-linecap="round"/>"#,
                a.0,
                a.1,
                b.0,
                b.1,
                c.0,
                c.1,
                hex(ring),
                rng.random_range(3.4..5.0)
            );
        }
    }
    svg
}

/// Three broad bands; the garment's own colour has the largest.
fn colour_block(palette: &Palette, (top, bottom): (f32, f32), rng: &mut ChaCha8Rng) -> String {
    let at = |share: f32| top + (bottom - top) * share;
    let cut = at(rng.random_range(0.52..0.6));
    let next = cut + (bottom - top) * rng.random_range(0.16..0.22);
    let dark = lightness(palette.ground) < 0.3;
    let last = if dark { shade(palette.ground, -0.5) } else { shade(palette.ground, 0.6) };
    let light = if lightness(palette.ground) > 0.8 { palette.print } else { CREAM };
    rect(LEFT, cut, RIGHT - LEFT, next - cut, light, 1.0) + &rect(LEFT, next, RIGHT - LEFT, BOTTOM - next, last, 1.0)
}

/// A dyed spiral: the colour and undyed cloth in turns around a knot.
fn tie_dye(palette: &Palette, (top, bottom): (f32, f32), rng: &mut ChaCha8Rng) -> Pixmap {
    let (w, h) = ((RIGHT - LEFT) as u32, (BOTTOM - TOP) as u32);
    let knot = (224.0 + rng.random_range(-40.0..40.0), top + (bottom - top) * rng.random_range(0.35..0.55));
    let (seed, turn) = (rng.random::<u32>(), rng.random_range(0.0..TAU));
    let (ring, arms) = (rng.random_range(78.0..104.0), 3.0);
    let undyed = if lightness(palette.ground) > 0.8 { palette::mix(palette.print, [1.0; 3], 0.45) } else { CREAM };
    let mut pixmap = Pixmap::new(w, h).expect("cloth has a size");
    for (i, pixel) in pixmap.data_mut().chunks_exact_mut(4).enumerate() {
        let (x, y) = ((i as u32 % w) as f32 - MARGIN, (i as u32 / w) as f32 - MARGIN);
        let (dx, dy) = (x - knot.0, y - knot.1);
        let (r, angle) = ((dx * dx + dy * dy).sqrt(), dy.atan2(dx));
        let blot = noise(x / 44.0, y / 44.0, seed) + 0.35 * noise(x / 15.0, y / 15.0, seed ^ 1) - 0.67;
        let wave = (r / ring * TAU + arms * angle + turn + blot * 2.2).sin();
        let vein = (r / ring * TAU * 2.0 - arms * angle + blot * 5.0).sin();
        let dyed = (0.64 + 0.62 * wave + 0.14 * vein + 0.3 * blot).clamp(0.0, 1.0);
        let deep = palette::mix(undyed, palette.ground, dyed * dyed * (3.0 - 2.0 * dyed));
        let colour = shade(deep, 0.16 * dyed * (0.5 + 0.5 * (wave * PI).cos()));
        pixel[..3].copy_from_slice(&colour.map(|c| (c * 255.0).round() as u8));
        pixel[3] = 255;
    }
    pixmap
}
