//! Light and shadow: turns panels of cloth into pixels.
//!
//! Every panel gets a height field (rounded edges, folds, rumples, quilting); its slopes take light from the upper
//! left and push the print about a little, as cloth does.

use image::{Rgb as Pixel, RgbImage};
use rand::Rng;
use resvg::tiny_skia::{FillRule, Mask, Path, PathStroker, Pixmap, Stroke, StrokeDash, Transform};

use super::fabric::{Texture, hash, noise};
use super::garments::Item;
use super::palette::{self, Palette, Rgb};
use super::scene::{Fold, Layer, Material, Panel, Scene, Seam, Warp};
use super::{draw, pattern};

/// Width of a photo in pixels.
pub const WIDTH: u32 = 448;
/// Height of a photo in pixels.
pub const HEIGHT: u32 = 600;

/// Heights and shadows are smooth, so half the resolution does.
const HALF: usize = 2;
/// Towards the light: from the upper left, out of the table.
const LIGHT: [f32; 3] = [-0.42, -0.58, 0.698];

/// Draws an item as a flat-lay photo. The same item always gives the same pixels.
pub fn render(item: &Item) -> RgbImage {
    let mut rng = item.rng();
    let mut warp = Warp::random(&mut rng);
    let palette = Palette::new(item.get("colour").unwrap_or("grey"), &mut rng);
    let scene = draw::scene(item, &palette, &mut rng);
    warp.frame(&scene);
    let shapes: Vec<Option<Shape>> = scene.layers.iter().map(|layer| Shape::of_layer(layer, &warp)).collect();
    let extent = vertical_extent(&scene, &shapes);
    let cloth = pattern::cloth(item.get("pattern").unwrap_or("solid"), &palette, extent, &mut rng);
    let mut photo = Photo::new(rng.random(), rng.random_range(0.0..1.0));
    photo.cast_shadow(&scene, &shapes);
    for (layer, shape) in scene.layers.iter().zip(&shapes) {
        match (layer, shape) {
            (Layer::Panel(panel), Some(shape)) => photo.lay(panel, shape, &warp, cloth.as_ref(), &palette),
            (Layer::Seam(seam), Some(shape)) => photo.sew(seam, shape),
            _ => {}
        }
    }
    photo.finish()
}

/// From where to where the garment lies on its cloth.
fn vertical_extent(scene: &Scene, shapes: &[Option<Shape>]) -> (f32, f32) {
    let main = scene.layers.iter().zip(shapes).filter_map(|(layer, shape)| match (layer, shape) {
        (Layer::Panel(panel), Some(shape)) if panel.material == Material::Main => {
            let top = (shape.y + PAD) as f32 + panel.offset.1;
            Some((top, top + shape.h as f32 - 2.0 * PAD as f32))
        }
        _ => None,
    });
    main.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((0.0, HEIGHT as f32))
}

/// Empty pixels around a shape.
const PAD: i32 = 8;

/// A rasterised outline: coverage inside a box on the photo.
struct Shape {
    x: i32,
    y: i32,
    w: usize,
    h: usize,
    cover: Vec<u8>,
}

impl Shape {
    fn of_layer(layer: &Layer, warp: &Warp) -> Option<Self> {
        match layer {
            Layer::Panel(panel) => {
                let path = panel.outline.path(warp)?;
                match panel.band {
                    Some(width) => Self::of_path(&stroked(&path, width, None)?),
                    None => Self::of_path(&path),
                }
            }
            Layer::Seam(seam) => Self::of_path(&stroked(&seam.outline.path(warp)?, seam.width, seam.dash)?),
        }
    }

    /// `None` for a path without area or off the photo.
    fn of_path(path: &Path) -> Option<Self> {
        let bounds = path.bounds();
        let x = (bounds.left().floor() as i32 - PAD) & !1;
        let y = (bounds.top().floor() as i32 - PAD) & !1;
        let w = (bounds.right().ceil() as i32 + PAD - x + 1) & !1;
        let h = (bounds.bottom().ceil() as i32 + PAD - y + 1) & !1;
        let mut mask = Mask::new(u32::try_from(w).ok()?, u32::try_from(h).ok()?)?;
        mask.fill_path(path, FillRule::Winding, true, Transform::from_translate(-x as f32, -y as f32));
        Some(Self { x, y, w: w as usize, h: h as usize, cover: mask.data().to_vec() })
    }

    /// Coverage at half resolution, from 0 to 1.
    fn half(&self) -> Grid {
        let (w, h) = (self.w / HALF, self.h / HALF);
        let at = |x: usize, y: usize| f32::from(self.cover[y * self.w + x]);
        let mean = |x: usize, y: usize| at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1);
        let data = (0..w * h).map(|i| mean(i % w * HALF, i / w * HALF) / 1020.0).collect();
        Grid { w, h, data }
    }

    /// Every covered pixel on the photo: its index, its place in the box, its coverage.
    fn pixels(&self) -> impl Iterator<Item = (usize, usize, usize, f32)> + '_ {
        self.cover.iter().enumerate().filter(|(_, cover)| **cover > 0).filter_map(|(i, cover)| {
            let (bx, by) = (i % self.w, i / self.w);
            let (x, y) = (self.x + bx as i32, self.y + by as i32);
            let inside = (0..WIDTH as i32).contains(&x) && (0..HEIGHT as i32).contains(&y);
            inside.then(|| (y as usize * WIDTH as usize + x as usize, bx, by, f32::from(*cover) / 255.0))
        })
    }
}

fn stroked(path: &Path, width: f32, dash: Option<(f32, f32)>) -> Option<Path> {
    let stroke = Stroke {
        width,
        line_cap: resvg::tiny_skia::LineCap::Butt,
        line_join: resvg::tiny_skia::LineJoin::Round,
        ..Stroke::default()
    };
    let Some((on, off)) = dash else {
        return PathStroker::new().stroke(path, &stroke, 1.0);
    };
    let dashed = path.dash(&StrokeDash::new(vec![on, off], 0.0)?, 1.0)?;
    PathStroker::new().stroke(&dashed, &stroke, 1.0)
}

/// Numbers on a small raster.
#[derive(Clone)]
struct Grid {
    w: usize,
    h: usize,
    data: Vec<f32>,
}

impl Grid {
    /// The value at a full-resolution place, between its neighbours.
    fn at(&self, x: f32, y: f32) -> f32 {
        let fx = ((x - 0.5) / HALF as f32).clamp(0.0, self.w as f32 - 1.001);
        let fy = ((y - 0.5) / HALF as f32).clamp(0.0, self.h as f32 - 1.001);
        let (ix, iy) = (fx as usize, fy as usize);
        let (tx, ty) = (fx - ix as f32, fy - iy as f32);
        let row = |y: usize| {
            let i = y * self.w + ix;
            self.data[i] + (self.data[i + 1] - self.data[i]) * tx
        };
        let (top, bottom) = (row(iy), row(iy + 1));
        top + (bottom - top) * ty
    }

    /// Three box blurs: close to a Gaussian.
    fn blur(mut self, radius: usize) -> Self {
        for _ in 0..3 {
            self.box_blur(radius, 1, self.w, self.w, self.h);
            self.box_blur(radius, self.w, self.h, 1, self.w);
        }
        self
    }

    fn box_blur(&mut self, radius: usize, step: usize, length: usize, stride: usize, lines: usize) {
        let scale = 1.0 / (2 * radius + 1) as f32;
        let mut line = vec![0.0; length];
        for start in (0..lines).map(|l| l * stride) {
            for (i, value) in line.iter_mut().enumerate() {
                *value = self.data[start + i * step];
            }
            let mut sum: f32 = line.iter().take(radius).sum();
            for i in 0..length {
                sum += line.get(i + radius).copied().unwrap_or(0.0);
                self.data[start + i * step] = sum * scale;
                sum -= if i >= radius { line[i - radius] } else { 0.0 };
            }
        }
    }

    fn slope(&self, i: usize) -> (f32, f32) {
        let (x, y) = (i % self.w, i / self.w);
        let at = |x: usize, y: usize| self.data[y * self.w + x];
        let (x0, x1) = (x.saturating_sub(1), (x + 1).min(self.w - 1));
        let (y0, y1) = (y.saturating_sub(1), (y + 1).min(self.h - 1));
        let span = |a: usize, b: usize| ((b - a) * HALF) as f32;
        ((at(x1, y) - at(x0, y)) / span(x0, x1), (at(x, y1) - at(x, y0)) / span(y0, y1))
    }
}

/// Light on a panel, at half resolution.
struct Lit {
    shade: Grid,
    gloss: Grid,
    push_x: Grid,
    push_y: Grid,
}

/// The photo while it is being made.
struct Photo {
    pixels: Vec<Rgb>,
    covered: Vec<f32>,
    seed: u32,
}

impl Photo {
    /// An empty table, lit unevenly.
    fn new(seed: u32, tone: f32) -> Self {
        let warm = palette::mix(palette::rgb(238, 235, 230), palette::rgb(231, 231, 232), tone);
        let (w, h) = (WIDTH as usize, HEIGHT as usize);
        let pixels = (0..w * h).map(|i| {
            let (x, y) = ((i % w) as f32 / w as f32, (i / w) as f32 / h as f32);
            let fall = 1.012 - 0.035 * (x * 0.5 + y * 0.9) + 0.012 * (noise(x * 2.0, y * 2.5, seed) - 0.5);
            warm.map(|c| c * fall)
        });
        Self { pixels: pixels.collect(), covered: vec![0.0; w * h], seed }
    }

    /// The shadow of everything on the table: a tight one where cloth touches it and a wide soft one.
    fn cast_shadow(&mut self, scene: &Scene, shapes: &[Option<Shape>]) {
        let (w, h) = (WIDTH as usize / HALF, HEIGHT as usize / HALF);
        let mut mask = Grid { w, h, data: vec![0.0; w * h] };
        let panels = scene.layers.iter().zip(shapes).filter(|(layer, _)| matches!(layer, Layer::Panel(_)));
        for shape in panels.filter_map(|(_, shape)| shape.as_ref()) {
            for (i, _, _, cover) in shape.pixels() {
                let at = i / WIDTH as usize / HALF * w + i % WIDTH as usize / HALF;
                mask.data[at] = mask.data[at].max(cover);
            }
        }
        let (tight, wide) = (mask.clone().blur(2), mask.blur(8));
        for (i, pixel) in self.pixels.iter_mut().enumerate() {
            let (x, y) = ((i % WIDTH as usize) as f32, (i / WIDTH as usize) as f32);
            let dark = 1.0 - 0.34 * tight.at(x - 1.5, y - 2.5) - 0.27 * wide.at(x - 5.0, y - 9.0);
            // Shadows on a warm table stay a little warm.
            *pixel = [pixel[0] * dark.powf(0.94), pixel[1] * dark.powf(0.98), pixel[2] * dark];
        }
    }

    fn lay(&mut self, panel: &Panel, shape: &Shape, warp: &Warp, cloth: Option<&Pixmap>, palette: &Palette) {
        if panel.lift > 0.0 {
            self.touch(panel.lift, shape);
        }
        let lit = self.light(panel, shape, warp);
        let (sin, cos) = panel.grain.sin_cos();
        let surface = panel.texture.surface();
        let ribbed = (panel.band.is_some() && panel.texture == Texture::Rib).then(|| Ruler::new(panel, warp));
        for (i, bx, by, cover) in shape.pixels() {
            let (fx, fy) = (bx as f32 + 0.5, by as f32 + 0.5);
            let (x, y) = (shape.x as f32 + fx, shape.y as f32 + fy);
            let (dx, dy) = (x - 224.0 + lit.push_x.at(fx, fy), y - 300.0 + lit.push_y.at(fx, fy));
            let (u, v) = (dx * cos + dy * sin + panel.offset.0, dy * cos - dx * sin + panel.offset.1);
            let colour = match panel.material {
                Material::Main => cloth.map_or(palette.ground, |cloth| sample(cloth, u + 224.0, v + 300.0)),
                Material::Ground => palette.ground,
                Material::Shade(by) => palette::shade(palette.ground, by),
                Material::Plain(colour) => colour,
            };
            let weave = match &ribbed {
                Some(line) => panel.texture.weave(line.along((x, y)), 0.0, self.seed),
                None => panel.texture.weave(u, v, self.seed),
            };
            let lit_colour = shine(colour, lit.shade.at(fx, fy), weave, surface.gloss * lit.gloss.at(fx, fy));
            self.pixels[i] = palette::mix(self.pixels[i], lit_colour, cover);
            self.covered[i] = self.covered[i].max(cover);
        }
    }

    /// The shadow of one panel on the cloth beneath it.
    fn touch(&mut self, lift: f32, shape: &Shape) {
        let blurred = shape.half().blur((lift / HALF as f32).ceil() as usize);
        for by in 0..shape.h {
            for bx in 0..shape.w {
                let (x, y) = (shape.x + bx as i32, shape.y + by as i32);
                if !(0..WIDTH as i32).contains(&x) || !(0..HEIGHT as i32).contains(&y) {
                    continue;
                }
                let i = y as usize * WIDTH as usize + x as usize;
                let dark = 0.42 * blurred.at(bx as f32 + 0.5 - lift * 0.3, by as f32 + 0.5 - lift * 0.5);
                let dark = 1.0 - dark * self.covered[i];
                self.pixels[i] = self.pixels[i].map(|c| c * dark);
            }
        }
    }

    /// Height field of a panel and the light on it.
    fn light(&self, panel: &Panel, shape: &Shape, warp: &Warp) -> Lit {
        let surface = panel.texture.surface();
        let cover = shape.half();
        let edge = cover.clone().blur(((panel.puff / HALF as f32).round() as usize).clamp(1, 12));
        let mut height = self.relief(panel, shape, &edge);
        let folds: Vec<Fold> = panel.folds.iter().map(|fold| warped(fold, warp)).collect();
        for fold in &folds {
            crease(&mut height, fold, shape);
        }
        let zero = || Grid { w: height.w, h: height.h, data: vec![0.0; height.data.len()] };
        let (mut shade, mut gloss, mut push_x, mut push_y) = (zero(), zero(), zero(), zero());
        let half = [LIGHT[0], LIGHT[1], LIGHT[2] + 1.0];
        let norm = (half[0] * half[0] + half[1] * half[1] + half[2] * half[2]).sqrt();
        for i in 0..height.data.len() {
            let (hx, hy) = height.slope(i);
            let length = (hx * hx + hy * hy + 1.0).sqrt();
            let facing = (LIGHT[2] - hx * LIGHT[0] - hy * LIGHT[1]) / length;
            let rim = 0.88 + 0.12 * ((edge.data[i] - 0.35) * 2.2).clamp(0.0, 1.0);
            shade.data[i] = ((1.0 + surface.relief * (facing / LIGHT[2] - 1.0)) * rim).clamp(0.38, 1.34);
            let mirror = (half[2] - hx * half[0] - hy * half[1]) / (norm * length);
            gloss.data[i] = mirror.max(0.0).powf(surface.shininess) * edge.data[i];
            push_x.data[i] = hx * 7.0;
            push_y.data[i] = hy * 7.0;
        }
        Lit { shade, gloss, push_x, push_y }
    }

    /// Rounded edges, quilting and rumples.
    fn relief(&self, panel: &Panel, shape: &Shape, edge: &Grid) -> Grid {
        let surface = panel.texture.surface();
        let (sin, cos) = panel.grain.sin_cos();
        let (long, wide) = (surface.rumple_size.1, surface.rumple_size.0);
        let mut height = edge.clone();
        for (i, value) in height.data.iter_mut().enumerate() {
            let x = (shape.x as usize).wrapping_add(i % edge.w * HALF) as i32 as f32 - 224.0;
            let y = (shape.y as usize).wrapping_add(i / edge.w * HALF) as i32 as f32 - 300.0;
            let (u, v) = (x * cos + y * sin + panel.offset.0, y * cos - x * sin + panel.offset.1);
            // A corner is covered by a quarter only, and has to slope too.
            let inside = ((*value - 0.15) / 0.85).clamp(0.0, 1.0);
            let broad = noise(u / wide, v / long, self.seed ^ 11);
            let rumple = match panel.texture {
                // Satin falls in long soft folds that wander.
                Texture::Satin => {
                    let wander = 46.0 * noise(u / 120.0, v / 90.0, self.seed ^ 31);
                    noise((u + wander) / wide, v / long, self.seed ^ 11)
                        + 0.1 * noise(u / 24.0, v / 40.0, self.seed ^ 23)
                }
                // Leather keeps creases between smooth swellings.
                Texture::Leather => {
                    let crease = noise((u + 0.4 * v) / 52.0, (v - 0.5 * u) / 30.0, self.seed ^ 23);
                    broad - 0.12 * (1.0 - (2.0 * crease - 1.0).abs()).powi(5)
                }
                _ => {
                    let oblique = ((u + 0.6 * v) / (wide * 0.55), (v - 0.3 * u) / (long * 0.55));
                    broad * 0.65 + noise(oblique.0, oblique.1, self.seed ^ 23) * 0.35
                }
            };
            *value = panel.puff * 0.56 * (1.0 - (1.0 - inside).powi(2))
                + panel.rumple * surface.rumple * rumple * 2.0
                + panel.rumple.min(1.0) * panel.texture.height(u, v) * inside.sqrt();
        }
        height
    }

    fn sew(&mut self, seam: &Seam, shape: &Shape) {
        for (i, _, _, cover) in shape.pixels() {
            let alpha = cover * seam.strength;
            match seam.colour {
                Some(colour) => self.pixels[i] = palette::mix(self.pixels[i], colour, alpha),
                None => {
                    self.pixels[i] = self.pixels[i].map(|c| c * (1.0 - alpha));
                    // The far lip of a groove catches the light.
                    if let Some(lip) = self.pixels.get_mut(i + WIDTH as usize + 1) {
                        *lip = lip.map(|c| (c + 0.10 * alpha).min(1.0));
                    }
                }
            }
        }
    }

    /// To bytes, with a trace of grain against banding.
    fn finish(self) -> RgbImage {
        RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
            let i = (y * WIDTH + x) as usize;
            let grain = (hash(x as i32, y as i32, self.seed) - 0.5) * 0.004;
            Pixel(self.pixels[i].map(|c| ((c + grain).clamp(0.0, 1.0) * 255.0).round() as u8))
        })
    }
}

fn warped(fold: &Fold, warp: &Warp) -> Fold {
    Fold { line: fold.line.iter().map(|p| warp.apply(*p)).collect(), ..*fold }
}

/// Adds a fold to a height field: highest on its line, fading towards both of its ends.
fn crease(height: &mut Grid, fold: &Fold, shape: &Shape) {
    let reach = fold.width * 2.6;
    let bound = |pick: fn(&(f32, f32)) -> f32, origin: i32, limit: usize| {
        let low = fold.line.iter().map(pick).fold(f32::MAX, f32::min) - reach - origin as f32;
        let high = fold.line.iter().map(pick).fold(f32::MIN, f32::max) + reach - origin as f32;
        let cell = |v: f32| (v / HALF as f32).clamp(0.0, limit as f32) as usize;
        cell(low)..cell(high)
    };
    let (columns, rows) = (bound(|p| p.0, shape.x, height.w), bound(|p| p.1, shape.y, height.h));
    let segments = fold.line.len() as f32 - 1.0;
    for row in rows {
        for column in columns.clone() {
            let p = ((column * HALF) as f32 + shape.x as f32, (row * HALF) as f32 + shape.y as f32);
            let (distance, along) = nearest(&fold.line, p);
            if distance < reach {
                let t = along / segments;
                let taper = (4.0 * t * (1.0 - t)).max(0.0).powf(0.85);
                let d = distance / fold.width;
                height.data[row * height.w + column] += fold.height * taper * (-0.5 * d * d).exp();
            }
        }
    }
}

/// Distance to a polyline, and where on it the nearest point is, in segments.
fn nearest(line: &[(f32, f32)], p: (f32, f32)) -> (f32, f32) {
    let mut best = (f32::MAX, 0.0);
    for (i, pair) in line.windows(2).enumerate() {
        let (a, b) = (pair[0], pair[1]);
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let t = (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / (dx * dx + dy * dy).max(1e-6)).clamp(0.0, 1.0);
        let (ex, ey) = (p.0 - a.0 - dx * t, p.1 - a.1 - dy * t);
        let distance = ex * ex + ey * ey;
        if distance < best.0 {
            best = (distance, i as f32 + t);
        }
    }
    (best.0.sqrt(), best.1)
}

/// Measures along the middle of a band, so that its ribs run across it.
struct Ruler {
    line: Vec<(f32, f32)>,
    lengths: Vec<f32>,
}

impl Ruler {
    fn new(panel: &Panel, warp: &Warp) -> Self {
        let line: Vec<_> = panel.outline.points(8).into_iter().map(|p| warp.apply(p)).collect();
        let mut lengths = vec![0.0_f32];
        for pair in line.windows(2) {
            let step = (pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1);
            lengths.push(lengths[lengths.len() - 1] + step);
        }
        Self { line, lengths }
    }

    /// Pixels from the band's start to the place nearest to a point.
    fn along(&self, p: (f32, f32)) -> f32 {
        let (_, t) = nearest(&self.line, p);
        let i = (t as usize).min(self.lengths.len() - 2);
        self.lengths[i] + (self.lengths[i + 1] - self.lengths[i]) * (t - i as f32)
    }
}

/// Cloth colour at a point between pixels; beyond the bale's edge it is mirrored.
fn sample(cloth: &Pixmap, u: f32, v: f32) -> Rgb {
    let (w, h) = (cloth.width() as i32, cloth.height() as i32);
    let (u, v) = (u + pattern::MARGIN - 0.5, v + pattern::MARGIN - 0.5);
    let (fu, fv) = (u.floor(), v.floor());
    let reflect = |i: i32, n: i32| {
        let i = i.rem_euclid(2 * n);
        if i < n { i } else { 2 * n - 1 - i }
    };
    let texel = |x: i32, y: i32| {
        let at = ((reflect(y, h) * w + reflect(x, w)) * 4) as usize;
        let data = cloth.data();
        [data[at], data[at + 1], data[at + 2]].map(|c| f32::from(c) / 255.0)
    };
    let (x, y) = (fu as i32, fv as i32);
    let (tu, tv) = (u - fu, v - fv);
    let top = palette::mix(texel(x, y), texel(x + 1, y), tu);
    let bottom = palette::mix(texel(x, y + 1), texel(x + 1, y + 1), tu);
    palette::mix(top, bottom, tv)
}

/// A lit colour: shaded by multiplication, with light added so that black cloth has form too.
fn shine(colour: Rgb, shade: f32, weave: f32, gloss: f32) -> Rgb {
    let lift = 0.055 * (shade - 0.8) + 0.045 * (weave - 1.0);
    let lit = colour.map(|c| c * shade * weave + lift);
    // A highlight bends towards white and never beyond.
    lit.map(|c| c + (1.0 - c).max(0.0) * gloss * 0.85)
}
