//! Skirts, trousers, jeans, shorts.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Cut;
use super::tops::{button_colour, thread};
use crate::fabric::Texture;
use crate::palette::{GOLD, SILVER};
use crate::scene::{Material, Outline, Panel, Scene};

/// A band around the waist with its inside showing behind it.
fn waistband(scene: &mut Scene, cut: &Cut, half: f32, top: f32, height: f32) {
    let band = Outline::mid(-half, top)
        .quad((0.0, top + 10.0), (half, top))
        .line(half + 2.5, top + height)
        .quad((0.0, top + height + 11.0), (-half - 2.5, top + height))
        .close();
    scene.panel(Panel::new(band, cut.texture).grain(0.0, 7.0, 5.0).body(4.0, 2.0).rumpled(0.3));
}

fn waist_inside(scene: &mut Scene, cut: &Cut, half: f32, top: f32) {
    let inside = Outline::mid(-half + 1.0, top + 1.0)
        .quad((0.0, top - 8.0), (half - 1.0, top + 1.0))
        .quad((0.0, top + 22.0), (-half + 1.0, top + 1.0))
        .close();
    scene.panel(Panel::new(inside, cut.texture).of(Material::Shade(0.36)).body(3.0, 0.0).rumpled(0.2));
}

/// A skirt.
pub fn skirt(scene: &mut Scene, cut: &Cut, rng: &mut ChaCha8Rng) {
    let length = cut.by("length", [("mini", 196.0), ("midi", 340.0), ("maxi", 486.0)]);
    let top = 296.0 - length / 2.0;
    let bottom = top + length;
    let hem = match cut.item.get("fit") {
        Some("pencil") => 72.0,
        Some("flared") => cut.by("length", [("mini", 136.0), ("midi", 164.0), ("maxi", 188.0)]),
        _ => cut.by("length", [("mini", 112.0), ("midi", 126.0), ("maxi", 142.0)]),
    };
    let (pencil, pleated) = (cut.is("fit", "pencil"), cut.is("fit", "pleated"));
    let waist = 61.0;
    let droop = if pencil { 5.0 } else { 18.0 };
    let from = top + 20.0;
    let side = Outline::mid(0.0, from + 8.0).line(waist + 1.0, from);
    let side = if pencil {
        side.curve((waist + 16.0, from + 34.0), (88.0, from + 70.0), (87.0, from + 104.0)).curve(
            (86.0, from + 140.0),
            (hem + 4.0, bottom - 60.0),
            (hem, bottom),
        )
    } else {
        side.curve((waist + 18.0, from + length * 0.26), (hem - 22.0, bottom - length * 0.34), (hem, bottom))
    };
    let outline =
        side.curve((hem * 0.6, bottom + droop), (hem * 0.3, bottom + droop), (0.0, bottom + droop)).symmetric();
    waist_inside(scene, cut, waist, top);
    let mut panel = Panel::new(outline, cut.texture).body(9.0, 4.0);
    if pencil {
        panel = pencil_folds(panel, from, bottom, rng);
    } else {
        panel = fan(panel, waist, from, hem, bottom + droop, pleated, rng);
    }
    scene.panel(panel);
    if pleated {
        pleat_lines(scene, waist, from, hem, bottom + droop * 0.7);
    }
    if pencil {
        scene.seam(Outline::mid(34.0, from + 6.0).quad((44.0, from + 60.0), (36.0, bottom + 3.0)), 0.24);
        scene.seam(Outline::mid(-34.0, from + 6.0).quad((-44.0, from + 60.0), (-36.0, bottom + 3.0)), 0.24);
    }
    let hem_line = Outline::mid(-hem + 1.0, bottom - 8.0).curve(
        (-hem * 0.45, bottom - 7.0 + droop),
        (hem * 0.45, bottom - 7.0 + droop),
        (hem - 1.0, bottom - 8.0),
    );
    if !pleated {
        scene.stitch(hem_line, thread(cut), 0.55);
    }
    waistband(scene, cut, waist, top, 22.0);
    if cut.texture == Texture::Denim {
        fly(scene, cut, top, from + 78.0);
        jeans_pockets(scene, cut, waist, from);
        scene.button(0.0, top + 16.0, 5.5, GOLD);
    } else if cut.texture == Texture::Leather {
        scene.zip(&Outline::mid(22.0, from + 8.0).line(24.0, from + 92.0), SILVER);
    }
}

fn pencil_folds(mut panel: Panel, top: f32, bottom: f32, rng: &mut ChaCha8Rng) -> Panel {
    for side in [-1.0, 1.0] {
        for _ in 0..3 {
            let y = top + rng.random_range(30.0..(bottom - top) * 0.8);
            let to = (side * rng.random_range(0.0..30.0), y + rng.random_range(6.0..34.0));
            panel = panel.fold(
                (side * 82.0, y),
                (side * 46.0, y + 4.0),
                to,
                rng.random_range(5.0..9.0),
                rng.random_range(-2.6..2.8),
            );
        }
    }
    panel
}

/// Folds from the waist to the hem: soft waves, or pleats in a row.
fn fan(mut panel: Panel, waist: f32, top: f32, hem: f32, bottom: f32, pleated: bool, rng: &mut ChaCha8Rng) -> Panel {
    let count = if pleated { 13 } else { 9 };
    for k in 0..count {
        let wobble = if pleated { 0.5 } else { rng.random_range(0.2..0.8) };
        let t = (k as f32 + wobble) / count as f32 * 2.0 - 1.0;
        let from = (t * waist, top + if pleated { -10.0 } else { rng.random_range(0.0..30.0) });
        let to = (t * hem * 0.985, bottom + 30.0);
        let over = (from.0 * 0.6 + to.0 * 0.4, (from.1 + to.1) / 2.0);
        let (width, height) = if pleated {
            (hem / count as f32 * 0.46, 5.2)
        } else {
            let height = if k % 2 == 0 { rng.random_range(5.0..8.0) } else { -rng.random_range(4.0..7.0) };
            (5.0 + hem * rng.random_range(0.05..0.08), height)
        };
        panel = panel.fold(from, over, to, width, height);
    }
    panel
}

fn pleat_lines(scene: &mut Scene, waist: f32, top: f32, hem: f32, bottom: f32) {
    for k in 1..13 {
        let t = k as f32 / 13.0 * 2.0 - 1.0;
        let end = bottom - (t * t) * 12.0;
        let line =
            Outline::mid(t * waist, top + 4.0).quad((t * (waist * 0.6 + hem * 0.4), (top + end) / 2.0), (t * hem, end));
        scene.line(line.clone(), 2.6, [0.02, 0.02, 0.04], 0.16);
        scene.line(line, 1.1, [0.02, 0.02, 0.04], 0.3);
    }
}

fn fly(scene: &mut Scene, cut: &Cut, top: f32, bottom: f32) {
    scene.seam(Outline::mid(0.0, top + 26.0).line(0.0, bottom), 0.34);
    for d in [0.0, 2.8] {
        let j = Outline::mid(17.0 - d, top + 30.0).curve(
            (17.0 - d, bottom - 26.0),
            (14.0 - d, bottom - 12.0),
            (1.0, bottom - 3.0 - d),
        );
        scene.stitch(j, thread(cut), 0.7);
    }
}

fn jeans_pockets(scene: &mut Scene, cut: &Cut, waist: f32, y: f32) {
    for side in [-1.0, 1.0] {
        let x = |v: f32| side * v;
        let edge = Outline::mid(x(waist * 0.5), y + 8.0).curve(
            (x(waist * 0.56), y + 34.0),
            (x(waist * 0.86), y + 40.0),
            (x(waist + 13.0), y + 38.0),
        );
        scene.seam(edge.clone(), 0.36);
        scene.stitch(edge.shift(0.0, 2.6), thread(cut), 0.75);
        scene.stitch(edge.shift(0.0, 5.4), thread(cut), 0.6);
    }
}

/// Measures of one leg, on the right.
struct Leg {
    centre: (f32, f32),
    knee: f32,
    hem: f32,
    top: f32,
    bottom: f32,
}

/// Trousers, jeans and shorts.
pub fn trousers(scene: &mut Scene, cut: &Cut, rng: &mut ChaCha8Rng) {
    let shorts = cut.is("category", "shorts");
    let length = cut.by("length", [("short", 214.0), ("knee", 318.0), ("cropped", 400.0), ("full", 520.0)]);
    let (knee, hem): (f32, f32) = match (cut.item.get("fit"), shorts) {
        (Some("skinny" | "slim"), false) => (27.0, 20.0),
        (Some("straight"), false) => (36.0, 36.0),
        (Some("flared"), false) => (29.0, 58.0),
        (Some("slim"), true) => (43.0, 41.0),
        (_, true) => (62.0, 66.0),
        _ => (55.0, 68.0),
    };
    let top = 298.0 - length / 2.0;
    let spread = hem.max(knee).max(38.0);
    let leg = Leg { centre: (spread * 0.35 + knee * 0.65 + 6.0, spread + 6.0), knee, hem, top, bottom: top + length };
    let waist = 67.0;
    waist_inside(scene, cut, waist, top);
    scene.pair(leg.panel(cut, waist, rng));
    details(scene, cut, &leg, waist);
    waistband(scene, cut, waist, top, 20.0);
    for x in [-44.0, 44.0] {
        let loop_ = Outline::block(x, top + 16.5, 4.0, 13.0, 1.0);
        scene.panel(Panel::new(loop_, cut.texture).grain(0.0, 3.0, 3.0).body(2.0, 2.0).rumpled(0.0));
    }
    let button = if cut.texture == Texture::Denim { GOLD } else { button_colour(cut) };
    scene.button(0.0, top + 15.5, 5.0, button);
}

impl Leg {
    fn panel(&self, cut: &Cut, waist: f32, rng: &mut ChaCha8Rng) -> Panel {
        let (t, b) = (self.top + 16.0, self.bottom);
        let crotch = t + 152.0_f32.min((b - t) * 0.72);
        let knee_y = crotch + (b - crotch) * 0.46;
        let (kx, hx) = self.centre;
        let below = 30.0_f32.min((b - knee_y) * 0.4);
        let outer = (waist + 22.0).max((kx + self.knee) * 0.84);
        let outline = Outline::mid(-1.0, t)
            .line(waist + 2.0, t)
            .curve((waist + 12.0, t + 30.0), (outer - 2.0, t + 62.0), (outer, crotch - 40.0))
            .curve(
                (outer + (kx + self.knee - outer) * 0.3 + 1.0, crotch - 6.0),
                (kx + self.knee + 2.0, knee_y - 40.0),
                (kx + self.knee, knee_y),
            )
            .curve(
                (kx + self.knee, knee_y + below),
                (hx + self.hem - 3.0, b - 60.0_f32.min((b - knee_y) * 0.6)),
                (hx + self.hem, b),
            )
            .quad((hx, b + 7.0), (hx - self.hem, b))
            .curve(
                (hx - self.hem + 2.0, b - 60.0_f32.min((b - knee_y) * 0.6)),
                (kx - self.knee, knee_y + below),
                (kx - self.knee, knee_y),
            )
            .curve((kx - self.knee, knee_y - 30.0), (8.0, crotch + 12.0), (-1.0, crotch))
            .close();
        let lean = ((hx - 34.0) / (b - t)).atan() * 0.7;
        let mut panel = Panel::new(outline, cut.texture).grain(-lean, 13.0, 8.0).body(10.0, 3.0);
        panel = self.creases(panel, crotch, knee_y, rng);
        if cut.is("category", "trousers") && cut.texture == Texture::Cotton {
            // A pressed crease.
            panel = panel.fold((36.0, t + 30.0), (kx, knee_y), (hx, b + 60.0), 2.6, 2.6);
        }
        panel
    }

    fn creases(&self, mut panel: Panel, crotch: f32, knee_y: f32, rng: &mut ChaCha8Rng) -> Panel {
        let (kx, hx) = self.centre;
        for k in 0..3 {
            let y = crotch - 14.0 + k as f32 * 9.0;
            let to = (kx + self.knee * 0.6, y + rng.random_range(-34.0..4.0));
            panel = panel.fold((2.0, y), (26.0, y - 6.0), to, rng.random_range(4.0..6.5), rng.random_range(-1.8..1.9));
        }
        if self.bottom - self.top > 330.0 {
            for _ in 0..5 {
                let y = knee_y + rng.random_range(-34.0..34.0);
                let side = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
                let from = (kx + side * self.knee, y);
                let to = (kx - side * self.knee * rng.random_range(0.0..0.5), y + rng.random_range(-8.0..16.0));
                panel = panel.fold(from, (kx, y + 4.0), to, rng.random_range(3.0..5.5), rng.random_range(-2.0..2.2));
            }
        }
        if self.hem > 50.0 {
            for x in [-0.5, 0.1, 0.6] {
                let from = (kx + x * self.knee, crotch + 30.0);
                panel =
                    panel.fold(from, (kx + x * self.knee, knee_y), (hx + x * self.hem, self.bottom + 30.0), 9.0, 5.0);
            }
        }
        panel.fold((kx * 0.85, self.top + 50.0), (kx, knee_y), (hx, self.bottom + 20.0), 12.0, 3.2)
    }
}

fn details(scene: &mut Scene, cut: &Cut, leg: &Leg, waist: f32) {
    let (t, b) = (leg.top, leg.bottom);
    fly(scene, cut, t, t + 108.0_f32.min((b - t) * 0.46));
    if matches!(cut.texture, Texture::Denim | Texture::Corduroy) {
        jeans_pockets(scene, cut, waist, t + 16.0);
    } else {
        for side in [-1.0, 1.0] {
            let slant = Outline::mid(side * (waist - 12.0), t + 26.0)
                .line(side * (waist + 11.0), t + 86.0_f32.min((b - t) * 0.4));
            scene.seam(slant, 0.4);
        }
    }
    for side in [-1.0, 1.0] {
        let hx = side * leg.centre.1;
        for up in [8.0, 10.6] {
            let line = Outline::mid(hx - leg.hem + 0.5, b - up).quad((hx, b - up + 7.0), (hx + leg.hem - 0.5, b - up));
            scene.stitch(line, thread(cut), 0.6);
        }
    }
}
