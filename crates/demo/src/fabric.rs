//! How fabrics take the light: weave, sheen and the way they fall.

/// A surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Texture {
    /// Plain weave.
    Cotton,
    /// Glossy, with deep soft folds.
    Satin,
    /// Columns of knitted stitches.
    Knit,
    /// Braids of thick yarn.
    Cable,
    /// Knitted ribs: cuffs, hems and neckbands.
    Rib,
    /// Diagonal twill of two threads.
    Denim,
    /// Raised wales.
    Corduroy,
    /// Grained and glossy.
    Leather,
    /// Felted.
    Wool,
    /// Coarse plain weave.
    Canvas,
    /// Padded and stitched across.
    Quilted,
    /// Padded and stitched in diamonds.
    Diamond,
    /// Rubber, horn, plastic.
    Smooth,
    /// Polished.
    Metal,
}

/// Numbers that describe a surface to the light.
pub struct Surface {
    /// Strength of the highlight.
    pub gloss: f32,
    /// Narrowness of the highlight.
    pub shininess: f32,
    /// How strongly slopes are shaded.
    pub relief: f32,
    /// Height of irregular rumples.
    pub rumple: f32,
    /// Length and width of a rumple in pixels.
    pub rumple_size: (f32, f32),
}

impl Texture {
    /// The texture of a fabric by its name.
    pub fn of(fabric: &str) -> Self {
        match fabric {
            "satin" => Self::Satin,
            "knit" => Self::Knit,
            "cable knit" => Self::Cable,
            "denim" => Self::Denim,
            "corduroy" => Self::Corduroy,
            "leather" => Self::Leather,
            "wool" => Self::Wool,
            "canvas" => Self::Canvas,
            "quilted" => Self::Quilted,
            _ => Self::Cotton,
        }
    }

    /// How it takes the light.
    pub fn surface(self) -> Surface {
        let surface =
            |gloss, shininess, relief, rumple, rumple_size| Surface { gloss, shininess, relief, rumple, rumple_size };
        match self {
            Self::Cotton => surface(0.07, 7.0, 0.62, 2.2, (44.0, 84.0)),
            Self::Satin => surface(0.6, 15.0, 1.0, 4.6, (27.0, 150.0)),
            Self::Knit | Self::Rib => surface(0.05, 5.0, 0.55, 1.6, (60.0, 60.0)),
            Self::Cable => surface(0.05, 5.0, 0.6, 1.4, (70.0, 70.0)),
            Self::Denim => surface(0.06, 6.0, 0.66, 2.0, (36.0, 60.0)),
            Self::Corduroy => surface(0.08, 6.0, 0.6, 1.6, (46.0, 60.0)),
            Self::Leather => surface(0.85, 24.0, 1.05, 3.2, (40.0, 66.0)),
            Self::Wool => surface(0.04, 4.0, 0.55, 1.8, (64.0, 80.0)),
            Self::Canvas => surface(0.05, 6.0, 0.55, 1.4, (50.0, 50.0)),
            Self::Quilted | Self::Diamond => surface(0.34, 16.0, 0.9, 1.6, (16.0, 20.0)),
            Self::Smooth => surface(0.22, 18.0, 0.7, 0.0, (40.0, 40.0)),
            Self::Metal => surface(0.95, 12.0, 1.2, 0.0, (40.0, 40.0)),
        }
    }

    /// Large-scale height that belongs to the fabric: the channels of quilting.
    pub fn height(self, u: f32, v: f32) -> f32 {
        let cushion = |t: f32| (std::f32::consts::PI * t).sin().abs().sqrt();
        match self {
            Self::Quilted => 6.5 * cushion(v / 36.0),
            Self::Diamond => 5.5 * (cushion((u + v) / 44.0) * cushion((u - v) / 44.0)),
            _ => 0.0,
        }
    }

    /// Brightness of the weave at a point of the cloth, around 1.
    pub fn weave(self, u: f32, v: f32, seed: u32) -> f32 {
        let speck = |su: f32, sv: f32| hash((u * su) as i32, (v * sv) as i32, seed) - 0.5;
        match self {
            Self::Cotton => 1.0 + 0.03 * speck(0.9, 0.9),
            Self::Satin => 1.0 + 0.012 * speck(0.25, 1.0),
            Self::Knit => knit(u, v, 6.4, 7.0, 0.26) + 0.03 * speck(1.0, 1.0),
            Self::Cable => cable(u, v) + 0.04 * speck(1.0, 1.0),
            Self::Rib => 1.0 + 0.15 * (u * 1.35).sin() + 0.03 * speck(1.0, 1.0),
            Self::Denim => {
                let twill = ((u * 0.7 + v * 0.9) * 2.2).sin();
                1.0 + 0.05 * twill + 0.09 * speck(1.0, 0.4) + 0.16 * (noise(u / 30.0, v / 70.0, seed) - 0.5)
            }
            Self::Corduroy => {
                let wale = (u * std::f32::consts::TAU / 7.5).sin();
                0.97 + 0.17 * wale + 0.04 * speck(1.0, 0.5)
            }
            Self::Leather => 1.0 + 0.035 * (noise(u / 2.2, v / 2.2, seed) - 0.5) + 0.015 * speck(1.0, 1.0),
            Self::Wool => {
                let felt = noise(u / 3.2, v / 3.2, seed) + noise(u / 9.0, v / 7.0, seed ^ 5);
                1.0 + 0.085 * (felt - 1.0) + 0.06 * speck(1.0, 1.0)
            }
            Self::Canvas => {
                let (a, b) = ((u * 1.5).sin(), (v * 1.5).sin());
                1.0 + 0.07 * a * b + 0.1 * speck(0.12, 0.8) + 0.08 * speck(0.8, 0.12)
            }
            Self::Quilted => 1.0 - 0.3 * stitch(v / 36.0, 36.0),
            Self::Diamond => 1.0 - 0.26 * stitch((u + v) / 44.0, 44.0).max(stitch((u - v) / 44.0, 44.0)),
            Self::Smooth | Self::Metal => 1.0,
        }
    }
}

/// A dark line at every whole number.
fn stitch(t: f32, period: f32) -> f32 {
    let distance = (t - t.round()).abs() * period;
    (1.0 - distance / 1.6).max(0.0)
}

/// Columns of V-shaped stitches.
fn knit(u: f32, v: f32, column: f32, row: f32, depth: f32) -> f32 {
    let across = (u / column).rem_euclid(1.0) - 0.5;
    let along = (v / row + across.abs() * 1.3).rem_euclid(1.0);
    let valley = 1.0 - (across.abs() * 2.0).powi(4);
    let bump = (std::f32::consts::PI * along).sin();
    1.0 - depth * 0.75 + depth * valley * (0.35 + 0.65 * bump)
}

/// Two strands that cross, between columns of purl.
fn cable(u: f32, v: f32) -> f32 {
    const PERIOD: f32 = 46.0;
    let across = (u / PERIOD).rem_euclid(1.0) * PERIOD - PERIOD / 2.0;
    if across.abs() > 13.5 {
        let edge = ((across.abs() - 13.5) / 2.0).min(1.0);
        return (0.70 + 0.18 * edge) * knit(u, v, 4.7, 5.0, 0.3);
    }
    let phase = v * std::f32::consts::TAU / 52.0;
    let strand = |shift: f32| {
        let centre = 6.4 * (phase + shift).sin();
        let distance = (across - centre).abs() / 7.0;
        let depth = (phase + shift).cos();
        (1.0 - distance * distance, depth, centre)
    };
    let (a, b) = (strand(0.0), strand(std::f32::consts::PI));
    // The strand that is on top at this point hides the other.
    let top = if (a.1 > b.1 && a.0 > 0.0) || b.0 <= 0.0 { a } else { b };
    let yarn = 0.05 * ((across - top.2) * 1.5 + v * 0.9).sin();
    0.66 + 0.42 * top.0.max(0.0).sqrt() + yarn
}

/// A pseudo-random number from 0 to 1 for a grid point.
pub fn hash(x: i32, y: i32, seed: u32) -> f32 {
    let mut h =
        (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77) ^ seed.wrapping_mul(0xc2b2_ae3d);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^= h >> 15;
    (h >> 8) as f32 / (1u32 << 24) as f32
}

/// Smooth noise from 0 to 1 with features of size 1.
pub fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let (fx, fy) = (x.floor(), y.floor());
    let (ix, iy) = (fx as i32, fy as i32);
    let ease = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let (tx, ty) = (ease(x - fx), ease(y - fy));
    let row = |y: i32| {
        let (a, b) = (hash(ix, y, seed), hash(ix + 1, y, seed));
        a + (b - a) * tx
    };
    let (top, bottom) = (row(iy), row(iy + 1));
    top + (bottom - top) * ty
}
