//! Colours: a name's place in colour space, its small variations, and what goes with it.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Red, green and blue from 0 to 1, gamma-encoded.
pub type Rgb = [f32; 3];

/// From bytes.
pub const fn rgb(r: u8, g: u8, b: u8) -> Rgb {
    [r as f32 / 255.0, g as f32 / 255.0, b as f32 / 255.0]
}

/// Warm white, for buttons, soles and stripes.
pub const CREAM: Rgb = rgb(246, 241, 230);
/// Nearly black.
pub const CHARCOAL: Rgb = rgb(46, 46, 52);
/// Horn, for buttons.
pub const HORN: Rgb = rgb(84, 58, 40);
/// Zips and buckles.
pub const SILVER: Rgb = rgb(190, 190, 194);
/// Zips and buckles.
pub const GOLD: Rgb = rgb(206, 170, 98);
/// Topstitching on denim.
pub const TOPSTITCH: Rgb = rgb(206, 142, 70);

/// The middle of a named colour.
fn centre(name: &str) -> Rgb {
    match name {
        "black" => rgb(42, 42, 46),
        "white" => rgb(247, 246, 243),
        "grey" => rgb(146, 149, 154),
        "beige" => rgb(214, 192, 158),
        "brown" => rgb(118, 77, 50),
        "red" => rgb(205, 38, 42),
        "burgundy" => rgb(106, 24, 44),
        "orange" => rgb(236, 124, 42),
        "yellow" => rgb(245, 206, 66),
        "green" => rgb(44, 142, 78),
        "olive" => rgb(112, 112, 58),
        "teal" => rgb(24, 128, 134),
        "light blue" => rgb(156, 198, 232),
        "blue" => rgb(42, 92, 192),
        "navy" => rgb(34, 46, 92),
        "purple" => rgb(122, 72, 156),
        _ => rgb(242, 158, 186),
    }
}

/// The colours of one garment.
pub struct Palette {
    /// The colour that the garment is named after.
    pub ground: Rgb,
    /// What its print is drawn in.
    pub print: Rgb,
    /// A third colour, used sparingly.
    pub accent: Rgb,
}

impl Palette {
    /// A garment's colours, a little different each time.
    pub fn new(name: &str, rng: &mut ChaCha8Rng) -> Self {
        let mut vary = |colour: Rgb, by: f32| {
            let light = rng.random_range(-by..by);
            colour.map(|c| (c + light + rng.random_range(-by..by) * 0.4).clamp(0.02, 0.98))
        };
        let ground = vary(centre(name), if name == "white" { 0.008 } else { 0.022 });
        let print = match name {
            "white" => CHARCOAL,
            "beige" => rgb(112, 74, 48),
            "light blue" | "yellow" | "pink" => rgb(252, 250, 246),
            _ => CREAM,
        };
        let accent = match name {
            "white" | "beige" | "grey" | "light blue" => rgb(198, 84, 84),
            "red" | "burgundy" | "orange" | "pink" => rgb(250, 214, 130),
            "yellow" => rgb(226, 116, 60),
            _ => rgb(240, 168, 156),
        };
        Self { ground, print: vary(print, 0.012), accent: vary(accent, 0.03) }
    }
}

/// How light a colour looks, from 0 to 1.
pub fn lightness(c: Rgb) -> f32 {
    0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]
}

/// Between two colours.
pub fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]
}

/// A colour made darker by a share, or lighter if the share is negative.
pub fn shade(c: Rgb, by: f32) -> Rgb {
    if by >= 0.0 { mix(c, [0.03, 0.03, 0.05], by) } else { mix(c, [1.0; 3], -by) }
}

/// As SVG writes it.
pub fn hex(c: Rgb) -> String {
    let [r, g, b] = c.map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8);
    format!("#{r:02x}{g:02x}{b:02x}")
}
