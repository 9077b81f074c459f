//! What a garment is made of before it becomes pixels: panels of cloth with folds, seams, and a warp that keeps two
//! garments of one cut from being identical.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use resvg::tiny_skia::{Path, PathBuilder, Transform};

use super::fabric::Texture;
use super::palette::Rgb;

/// A point on the photo, in pixels.
pub type Point = (f32, f32);

/// The vertical axis that garments are symmetric about.
pub const AXIS: f32 = 224.0;

/// A path of cubic Bézier curves; straight lines are curves too, so that the warp bends them.
#[derive(Clone, Debug)]
pub struct Outline {
    start: Point,
    curves: Vec<[Point; 3]>,
    closed: bool,
}

impl Outline {
    /// Begins a path.
    pub fn at(x: f32, y: f32) -> Self {
        Self { start: (x, y), curves: Vec::new(), closed: false }
    }

    /// Begins a path with a point given relative to the axis.
    pub fn mid(x: f32, y: f32) -> Self {
        Self::at(AXIS + x, y)
    }

    fn end(&self) -> Point {
        self.curves.last().map_or(self.start, |curve| curve[2])
    }

    /// A straight line to (axis + x, y).
    pub fn line(mut self, x: f32, y: f32) -> Self {
        let (a, b) = (self.end(), (AXIS + x, y));
        let at = |t: f32| (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t);
        self.curves.push([at(1.0 / 3.0), at(2.0 / 3.0), b]);
        self
    }

    /// A cubic curve, all points relative to the axis.
    pub fn curve(mut self, c1: Point, c2: Point, to: Point) -> Self {
        let mid = |p: Point| (AXIS + p.0, p.1);
        self.curves.push([mid(c1), mid(c2), mid(to)]);
        self
    }

    /// A quadratic curve, points relative to the axis.
    pub fn quad(self, c: Point, to: Point) -> Self {
        let a = (self.end().0 - AXIS, self.end().1);
        let pull = |p: Point| (p.0 + (c.0 - p.0) * 2.0 / 3.0, p.1 + (c.1 - p.1) * 2.0 / 3.0);
        let (c1, c2) = (pull(a), pull(to));
        self.curve(c1, c2, to)
    }

    /// Closes the path with a straight line.
    pub fn close(self) -> Self {
        let to = (self.start.0 - AXIS, self.start.1);
        let mut path = self.line(to.0, to.1);
        path.closed = true;
        path
    }

    /// The same path on the other side of the axis.
    pub fn mirror(&self) -> Self {
        let flip = |p: Point| (2.0 * AXIS - p.0, p.1);
        let curves = self.curves.iter().map(|c| c.map(flip)).collect();
        Self { start: flip(self.start), curves, closed: self.closed }
    }

    /// The same path in the other direction.
    pub fn reverse(&self) -> Self {
        let mut starts = vec![self.start];
        starts.extend(self.curves.iter().map(|c| c[2]));
        let curves = self.curves.iter().enumerate().rev().map(|(i, c)| [c[1], c[0], starts[i]]).collect();
        Self { start: self.end(), curves, closed: self.closed }
    }

    /// Appends another path, with a line to its start.
    pub fn join(self, other: &Self) -> Self {
        let (x, y) = (other.start.0 - AXIS, other.start.1);
        let mut path = if self.end() == other.start { self } else { self.line(x, y) };
        path.curves.extend_from_slice(&other.curves);
        path
    }

    /// A path that begins and ends on the axis, closed by its mirror image.
    pub fn symmetric(self) -> Self {
        let back = self.mirror().reverse();
        self.join(&back).close()
    }

    /// An ellipse around a point relative to the axis.
    pub fn ellipse(x: f32, y: f32, rx: f32, ry: f32) -> Self {
        let (kx, ky) = (rx * 0.5523, ry * 0.5523);
        Self::mid(x, y - ry)
            .curve((x + kx, y - ry), (x + rx, y - ky), (x + rx, y))
            .curve((x + rx, y + ky), (x + kx, y + ry), (x, y + ry))
            .curve((x - kx, y + ry), (x - rx, y + ky), (x - rx, y))
            .curve((x - rx, y - ky), (x - kx, y - ry), (x, y - ry))
            .close()
    }

    /// A rectangle with rounded corners, centered on (x, y) relative to the axis.
    pub fn block(x: f32, y: f32, half_width: f32, half_height: f32, r: f32) -> Self {
        let (l, t, rt, b) = (x - half_width, y - half_height, x + half_width, y + half_height);
        Self::mid(l + r, t)
            .line(rt - r, t)
            .quad((rt, t), (rt, t + r))
            .line(rt, b - r)
            .quad((rt, b), (rt - r, b))
            .line(l + r, b)
            .quad((l, b), (l, b - r))
            .line(l, t + r)
            .quad((l, t), (l + r, t))
            .close()
    }

    /// Moves every point.
    pub fn map(&self, f: impl Fn(Point) -> Point) -> Self {
        Self { start: f(self.start), curves: self.curves.iter().map(|c| c.map(&f)).collect(), closed: self.closed }
    }

    /// Shifts the path.
    pub fn shift(&self, dx: f32, dy: f32) -> Self {
        self.map(|p| (p.0 + dx, p.1 + dy))
    }

    /// Points along the path, `n` to a curve.
    pub fn points(&self, n: usize) -> Vec<Point> {
        let mut points = vec![self.start];
        for curve in &self.curves {
            let a = *points.last().expect("a path has a start");
            points.extend((1..=n).map(|i| bezier(a, curve, i as f32 / n as f32)));
        }
        points
    }

    /// The path for the rasteriser, bent by the warp.
    pub fn path(&self, warp: &Warp) -> Option<Path> {
        let mut builder = PathBuilder::new();
        let start = warp.apply(self.start);
        builder.move_to(start.0, start.1);
        for curve in &self.curves {
            let [a, b, c] = curve.map(|p| warp.apply(p));
            builder.cubic_to(a.0, a.1, b.0, b.1, c.0, c.1);
        }
        if self.closed {
            builder.close();
        }
        builder.finish()?.transform(Transform::identity())
    }
}

fn bezier(a: Point, [b, c, d]: &[Point; 3], t: f32) -> Point {
    let s = 1.0 - t;
    let mix =
        |a: f32, b: f32, c: f32, d: f32| s * s * s * a + 3.0 * s * s * t * b + 3.0 * s * t * t * c + t * t * t * d;
    (mix(a.0, b.0, c.0, d.0), mix(a.1, b.1, c.1, d.1))
}

/// A smooth bend of the whole photo with a slight turn and scale: how a garment happens to lie.
pub struct Warp {
    turn: f32,
    scale: (f32, f32),
    shift: Point,
    zoom: f32,
    middle: Point,
    waves: [(f32, f32, f32, f32); 4],
}

impl Warp {
    /// A random lie.
    pub fn random(rng: &mut ChaCha8Rng) -> Self {
        let wave = |rng: &mut ChaCha8Rng| {
            (
                rng.random_range(0.6..2.4),
                rng.random_range(0.008..0.028),
                rng.random_range(0.008..0.028),
                rng.random_range(0.0..std::f32::consts::TAU),
            )
        };
        Self {
            turn: rng.random_range(-0.028..0.028),
            scale: (rng.random_range(0.95..1.03), rng.random_range(0.95..1.01)),
            shift: (rng.random_range(-5.0..5.0), rng.random_range(-4.0..4.0)),
            zoom: 1.0,
            middle: (AXIS, 300.0),
            waves: [wave(rng), wave(rng), wave(rng), wave(rng)],
        }
    }

    /// Brings a scene near the middle of the photo and, if it is small or large, a little closer or farther.
    pub fn frame(&mut self, scene: &Scene) {
        let outlines = scene.layers.iter().map(|layer| match layer {
            Layer::Panel(panel) => &panel.outline,
            Layer::Seam(seam) => &seam.outline,
        });
        let points: Vec<Point> = outlines.flat_map(|path| path.points(4)).map(|p| self.apply(p)).collect();
        let range = |pick: fn(&Point) -> f32| {
            let low = points.iter().map(pick).fold(f32::MAX, f32::min);
            let high = points.iter().map(pick).fold(f32::MIN, f32::max);
            ((low + high) / 2.0, high - low)
        };
        let ((x, width), (y, height)) = (range(|p| p.0), range(|p| p.1));
        self.middle = (x, y);
        self.zoom = (396.0 / width).min(532.0 / height).clamp(0.8, 1.2);
    }

    /// Where a point of the cut comes to lie.
    pub fn apply(&self, (x, y): Point) -> Point {
        let (dx, dy) = ((x - AXIS) * self.scale.0, (y - 300.0) * self.scale.1);
        let (sin, cos) = self.turn.sin_cos();
        let (mut px, mut py) = (AXIS + dx * cos - dy * sin, 300.0 + dx * sin + dy * cos);
        for (i, (amplitude, kx, ky, phase)) in self.waves.iter().enumerate() {
            let wave = amplitude * (kx * x + ky * y + phase).sin();
            if i % 2 == 0 { px += wave } else { py += wave }
        }
        let placed = |p: f32, middle: f32, to: f32| (p - middle) * self.zoom + to;
        (placed(px, self.middle.0, AXIS + self.shift.0), placed(py, self.middle.1, 300.0 + self.shift.1))
    }
}

/// A crease: a ridge (or, negative, a valley) along a line.
#[derive(Clone, Debug)]
pub struct Fold {
    /// Points along it.
    pub line: Vec<Point>,
    /// Half width in pixels.
    pub width: f32,
    /// Height in pixels.
    pub height: f32,
}

/// What a panel is cut from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Material {
    /// The garment's cloth, print and all.
    Main,
    /// The garment's colour without its print: ribs, bands, lining.
    Ground,
    /// The garment's colour made darker (negative: lighter) by a share.
    Shade(f32),
    /// Something else: soles, metal, buttons.
    Plain(Rgb),
}

/// One piece of cloth.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Its edge, or its middle line if it is a band.
    pub outline: Outline,
    /// Width, if the panel is a band along the outline.
    pub band: Option<f32>,
    /// What it is cut from.
    pub material: Material,
    /// How its surface looks.
    pub texture: Texture,
    /// Direction of the warp threads, in radians from the vertical.
    pub grain: f32,
    /// Which part of the cloth it was cut from.
    pub offset: Point,
    /// How far its edges round off, in pixels.
    pub puff: f32,
    /// How far it lies above what is beneath, in pixels.
    pub lift: f32,
    /// Creases.
    pub folds: Vec<Fold>,
    /// Strength of irregular rumples.
    pub rumple: f32,
}

impl Panel {
    /// A panel of the garment's cloth.
    pub fn new(outline: Outline, texture: Texture) -> Self {
        Self {
            outline,
            band: None,
            material: Material::Main,
            texture,
            grain: 0.0,
            offset: (0.0, 0.0),
            puff: 7.0,
            lift: 3.0,
            folds: Vec::new(),
            rumple: 1.0,
        }
    }

    /// A band along a path.
    pub fn band(outline: Outline, width: f32, texture: Texture) -> Self {
        Self { band: Some(width), puff: width * 0.4, lift: 1.5, rumple: 0.2, ..Self::new(outline, texture) }
    }

    /// Cut from something else.
    pub fn of(mut self, material: Material) -> Self {
        self.material = material;
        self
    }

    /// Turned cloth, cut from elsewhere on the bale.
    pub fn grain(mut self, radians: f32, dx: f32, dy: f32) -> Self {
        self.grain = radians;
        self.offset = (dx, dy);
        self
    }

    /// Roundness of the edges, and height above what is beneath.
    pub fn body(mut self, puff: f32, lift: f32) -> Self {
        self.puff = puff;
        self.lift = lift;
        self
    }

    /// Strength of rumples.
    pub fn rumpled(mut self, strength: f32) -> Self {
        self.rumple = strength;
        self
    }

    /// Adds a crease from one point over another to a third, relative to the axis.
    pub fn fold(mut self, from: Point, over: Point, to: Point, width: f32, height: f32) -> Self {
        let line = Outline::mid(from.0, from.1).quad(over, to).points(8);
        self.folds.push(Fold { line, width, height });
        self
    }

    /// The same panel on the other side.
    pub fn mirror(&self) -> Self {
        let mut panel = self.clone();
        panel.outline = self.outline.mirror();
        panel.grain = -self.grain;
        panel.offset = (-self.offset.0, self.offset.1);
        for fold in &mut panel.folds {
            for point in &mut fold.line {
                point.0 = 2.0 * AXIS - point.0;
            }
        }
        panel
    }
}

/// A line on the cloth.
#[derive(Clone, Debug)]
pub struct Seam {
    /// Where it runs.
    pub outline: Outline,
    /// Width in pixels.
    pub width: f32,
    /// How dark it is, or how opaque if it has a colour.
    pub strength: f32,
    /// Thread colour; without one the seam is a groove.
    pub colour: Option<Rgb>,
    /// Stitch and gap length.
    pub dash: Option<(f32, f32)>,
}

/// Something on the photo; later ones lie on top.
#[derive(Clone, Debug)]
pub enum Layer {
    /// Cloth.
    Panel(Box<Panel>),
    /// A line.
    Seam(Seam),
}

impl Layer {
    /// The same thing elsewhere on the photo.
    pub fn shifted(&self, dx: f32, dy: f32) -> Self {
        match self {
            Self::Panel(panel) => {
                let mut panel = panel.clone();
                panel.outline = panel.outline.shift(dx, dy);
                // The print goes with it.
                panel.offset = (panel.offset.0 - dx, panel.offset.1 - dy);
                for point in panel.folds.iter_mut().flat_map(|fold| &mut fold.line) {
                    *point = (point.0 + dx, point.1 + dy);
                }
                Self::Panel(panel)
            }
            Self::Seam(seam) => Self::Seam(Seam { outline: seam.outline.shift(dx, dy), ..seam.clone() }),
        }
    }
}

/// Everything on the photo.
#[derive(Default)]
pub struct Scene {
    /// From the bottom up.
    pub layers: Vec<Layer>,
}

impl Scene {
    /// Lays down a panel.
    pub fn panel(&mut self, panel: Panel) {
        self.layers.push(Layer::Panel(Box::new(panel)));
    }

    /// Lays down a panel and its mirror image.
    pub fn pair(&mut self, panel: Panel) {
        self.panel(panel.mirror());
        self.panel(panel);
    }

    /// A groove where two pieces meet.
    pub fn seam(&mut self, outline: Outline, strength: f32) {
        self.layers.push(Layer::Seam(Seam { outline, width: 1.3, strength, colour: None, dash: None }));
    }

    /// A row of stitches.
    pub fn stitch(&mut self, outline: Outline, colour: Rgb, strength: f32) {
        let dash = Some((3.0, 2.0));
        self.layers.push(Layer::Seam(Seam { outline, width: 1.0, strength, colour: Some(colour), dash }));
    }

    /// A drawn line.
    pub fn line(&mut self, outline: Outline, width: f32, colour: Rgb, strength: f32) {
        self.layers.push(Layer::Seam(Seam { outline, width, strength, colour: Some(colour), dash: None }));
    }

    /// A button, relative to the axis.
    pub fn button(&mut self, x: f32, y: f32, r: f32, colour: Rgb) {
        let disc = Panel::new(Outline::ellipse(x, y, r, r), Texture::Smooth).of(Material::Plain(colour));
        self.panel(disc.body(r * 0.45, 2.0).rumpled(0.0));
        self.line(Outline::ellipse(x, y, r * 0.62, r * 0.62), 0.7, [0.0; 3], 0.22);
        for (dx, dy) in [(-0.22, -0.22), (0.22, -0.22), (-0.22, 0.22), (0.22, 0.22)] {
            let hole = Outline::ellipse(x + dx * r, y + dy * r, r * 0.06, r * 0.06);
            self.line(hole, 0.8, [0.05; 3], 0.6);
        }
    }

    /// A zip along a path: tape, teeth, and a pull at its start.
    pub fn zip(&mut self, outline: &Outline, metal: Rgb) {
        self.panel(Panel::band(outline.clone(), 8.0, Texture::Rib).of(Material::Shade(0.35)));
        self.layers.push(Layer::Seam(Seam {
            outline: outline.clone(),
            width: 4.6,
            strength: 0.95,
            colour: Some(metal),
            dash: Some((1.7, 1.1)),
        }));
        self.line(outline.clone(), 0.9, [0.1; 3], 0.55);
    }

    /// A zip's pull hanging from (x, y), relative to the axis.
    pub fn zip_pull(&mut self, x: f32, y: f32, metal: Rgb) {
        let metal = Material::Plain(metal);
        self.panel(Panel::new(Outline::block(x, y, 4.0, 5.0, 1.6), Texture::Metal).of(metal).body(2.0, 2.0));
        self.panel(Panel::new(Outline::block(x, y + 13.0, 2.6, 8.0, 1.8), Texture::Metal).of(metal).body(1.6, 2.0));
    }
}
