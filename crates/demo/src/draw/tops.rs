//! Dresses, shirts, tees, blouses, jumpers.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Cut;
use super::torso::{Neck, Sleeve, Torso};
use crate::fabric::Texture;
use crate::palette::{self, CREAM, HORN, TOPSTITCH, lightness, shade};
use crate::scene::{Material, Outline, Panel, Scene};

/// What bands and ribs are cut from: placed prints run through them.
pub(super) fn trim(cut: &Cut) -> Material {
    match cut.item.get("pattern") {
        Some("colour block" | "tie-dye") => Material::Main,
        _ => Material::Ground,
    }
}

/// Thread that shows on the garment without shouting.
pub(super) fn thread(cut: &Cut) -> palette::Rgb {
    let ground = cut.palette.ground;
    if cut.texture == Texture::Denim {
        return TOPSTITCH;
    }
    if lightness(ground) > 0.35 { shade(ground, 0.42) } else { shade(ground, -0.28) }
}

/// Buttons that go with the garment.
pub(super) fn button_colour(cut: &Cut) -> palette::Rgb {
    let light = lightness(cut.palette.ground);
    if light > 0.8 {
        shade(CREAM, 0.06)
    } else if light > 0.45 {
        CREAM
    } else {
        shade(cut.palette.ground, -0.34)
    }
}

fn neck_of(cut: &Cut) -> Neck {
    cut.by("neckline", [("v-neck", Neck::Vee), ("square", Neck::Square), ("round", Neck::Round)])
}

/// The whole neckline from the left shoulder to the right.
pub(super) fn around(half: &Outline) -> Outline {
    half.mirror().reverse().join(half)
}

/// A band along the neckline.
fn neckband(scene: &mut Scene, torso: &Torso, width: f32, texture: Texture, material: Material) {
    scene.panel(Panel::band(around(&torso.neckline()), width, texture).of(material));
}

/// A row of stitches above the hem.
fn hem_stitches(scene: &mut Scene, cut: &Cut, torso: &Torso, up: f32) {
    let (x, y) = torso.hem;
    let y = y - up;
    let line = Outline::mid(-x + 1.0, y).curve((-x * 0.5, y + torso.droop), (x * 0.5, y + torso.droop), (x - 1.0, y));
    scene.stitch(line, thread(cut), 0.55);
}

/// Seams where the sleeves are set in.
pub(super) fn armholes(scene: &mut Scene, torso: &Torso) {
    let (s, a, sy) = (torso.shoulder, torso.armpit, torso.top + torso.shoulder.1);
    let hole = Outline::mid(s.0, sy).curve((s.0 - 5.0, sy + (a.1 - sy) * 0.5), (a.0 - 11.0, a.1 - 12.0), a);
    scene.seam(hole.mirror(), 0.26);
    scene.seam(hole, 0.26);
}

/// A dress.
pub fn dress(scene: &mut Scene, cut: &Cut, rng: &mut ChaCha8Rng) {
    let flared = cut.is("fit", "flared");
    let hem_y = cut.by("length", [("mini", 352.0), ("midi", 458.0), ("maxi", 568.0)]);
    let flare = cut.by("length", [("mini", 118.0), ("midi", 142.0), ("maxi", 164.0)]);
    let bare = cut.is("sleeve", "sleeveless");
    let neck = neck_of(cut);
    let torso = Torso {
        top: 44.0,
        neck: if neck == Neck::Square { 44.0 } else { 35.0 },
        depth: match neck {
            Neck::Round => 30.0,
            Neck::Vee => 82.0,
            Neck::Square => 50.0,
        },
        cut: neck,
        shoulder: (if bare { 58.0 } else { 76.0 }, if bare { 10.0 } else { 16.0 }),
        armpit: (70.0, 122.0),
        waist: (53.0, 204.0),
        hem: (if flared { flare } else { 60.0 + hem_y * 0.012 }, hem_y),
        droop: if flared { 16.0 } else { 3.0 },
    };
    let texture = cut.texture;
    torso.back(scene, texture);
    if !bare {
        let sleeve = if cut.is("sleeve", "short") {
            Sleeve { outer: (122.0, 116.0), inner: (83.0, 142.0), bulge: 4.0, puff: 0.0 }
        } else {
            Sleeve { outer: (146.0, 296.0), inner: (116.0, 306.0), bulge: 8.0, puff: 0.0 }
        };
        scene.pair(sleeve.panel(&torso, texture, rng));
        scene.stitch(sleeve.hemline(5.0), thread(cut), 0.5);
        scene.stitch(sleeve.hemline(5.0).mirror(), thread(cut), 0.5);
    }
    let mut front = torso.draped(torso.front(), texture, rng);
    front = if flared { flared_folds(front, &torso, rng) } else { column_folds(front, &torso, rng) };
    scene.panel(front);
    neckband(scene, &torso, 4.5, texture, trim(cut));
    if !bare {
        armholes(scene, &torso);
    }
    let (w, y) = torso.waist;
    if flared {
        scene.seam(Outline::mid(-w, y).quad((0.0, y + 7.0), (w, y)), 0.34);
    } else {
        for side in [-1.0, 1.0] {
            let dart = Outline::mid(side * 27.0, y - 52.0).quad((side * 25.0, y), (side * 29.0, y + 56.0));
            scene.seam(dart, 0.2);
        }
    }
    hem_stitches(scene, cut, &torso, 7.0);
}

/// Folds that fan out from the waist.
fn flared_folds(mut panel: Panel, torso: &Torso, rng: &mut ChaCha8Rng) -> Panel {
    let ((w, top), (h, bottom)) = (torso.waist, torso.hem);
    let count = 9;
    for k in 0..count {
        let t = (k as f32 + rng.random_range(0.15..0.85)) / count as f32 * 2.0 - 1.0;
        let from = (t * w * 0.96, top + rng.random_range(4.0..34.0));
        let to = (t * h * 0.97, bottom + 26.0);
        let over = ((from.0 * 0.62 + to.0 * 0.38), (from.1 + to.1) / 2.0);
        let height = if k % 2 == 0 { rng.random_range(4.5..7.5) } else { -rng.random_range(3.5..6.0) };
        panel = panel.fold(from, over, to, 4.0 + h * rng.random_range(0.045..0.075), height);
    }
    panel
}

/// Soft folds down a narrow skirt.
fn column_folds(mut panel: Panel, torso: &Torso, rng: &mut ChaCha8Rng) -> Panel {
    let ((w, top), (h, bottom)) = (torso.waist, torso.hem);
    for side in [-1.0, 1.0] {
        let y = top + rng.random_range(30.0..70.0);
        panel =
            panel.fold((side * h, y), (side * 30.0, y + 8.0), (side * 4.0, y + 26.0), 6.0, rng.random_range(-2.2..2.4));
        let x = side * w * rng.random_range(0.2..0.7);
        panel =
            panel.fold((x, top + 60.0), (x + side * 5.0, bottom - 60.0), (x + side * 3.0, bottom + 10.0), 10.0, 3.4);
    }
    panel
}

/// A shirt.
pub fn shirt(scene: &mut Scene, cut: &Cut, rng: &mut ChaCha8Rng) {
    let wide = cut.is("fit", "oversized");
    let torso = Torso {
        top: 96.0,
        neck: 37.0,
        depth: 36.0,
        cut: Neck::Round,
        shoulder: if wide { (124.0, 38.0) } else { (90.0, 24.0) },
        armpit: if wide { (118.0, 236.0) } else { (86.0, 200.0) },
        waist: if wide { (120.0, 340.0) } else { (75.0, 306.0) },
        hem: if wide { (116.0, 452.0) } else { (82.0, 424.0) },
        droop: 36.0,
    };
    let texture = cut.texture;
    let long = cut.is("sleeve", "long");
    let sleeve = match (long, wide) {
        (true, true) => Sleeve { outer: (194.0, 402.0), inner: (154.0, 414.0), bulge: 12.0, puff: 0.0 },
        (true, false) => Sleeve { outer: (160.0, 392.0), inner: (128.0, 402.0), bulge: 9.0, puff: 0.0 },
        (false, true) => Sleeve { outer: (186.0, 234.0), inner: (140.0, 264.0), bulge: 5.0, puff: 0.0 },
        (false, false) => Sleeve { outer: (146.0, 196.0), inner: (104.0, 224.0), bulge: 4.0, puff: 0.0 },
    };
    torso.back(scene, texture);
    scene.pair(sleeve.panel(&torso, texture, rng));
    if long {
        scene.pair(sleeve.cuff(26.0, texture));
        for side in [-1.0, 1.0] {
            scene.button(side * (sleeve.inner.0 + 8.0), sleeve.inner.1 - 11.0, 3.2, button_colour(cut));
        }
    } else {
        scene.stitch(sleeve.hemline(11.0), thread(cut), 0.5);
        scene.stitch(sleeve.hemline(11.0).mirror(), thread(cut), 0.5);
    }
    scene.panel(torso.draped(torso.front(), texture, rng));
    armholes(scene, &torso);
    shoulder_yoke(scene, &torso);
    placket(scene, cut, &torso, rng);
    let pocket_x = if wide { 62.0 } else { 44.0 };
    chest_pocket(scene, cut, pocket_x, torso.armpit.1 + 2.0, if wide { 28.0 } else { 22.0 });
    if cut.is("neckline", "band collar") {
        band_collar(scene, cut, &torso)
    } else {
        collar(scene, cut, &torso)
    }
    hem_stitches(scene, cut, &torso, 6.0);
}

fn shoulder_yoke(scene: &mut Scene, torso: &Torso) {
    let (s, y) = (torso.shoulder, torso.top);
    let line = Outline::mid(torso.neck + 3.0, y + 19.0).quad((s.0 * 0.7, y + s.1 + 8.0), (s.0 - 2.0, y + s.1 + 18.0));
    scene.seam(line.mirror(), 0.2);
    scene.seam(line, 0.2);
}

/// The button band down the front.
fn placket(scene: &mut Scene, cut: &Cut, torso: &Torso, rng: &mut ChaCha8Rng) {
    let (top, bottom) = (torso.top + torso.depth - 2.0, torso.hem.1 + torso.droop * 0.75);
    let strip = Outline::mid(-10.0, top).line(10.0, top).line(10.0, bottom).line(-10.0, bottom).close();
    let dx = rng.random_range(7.0..15.0);
    scene.panel(Panel::new(strip, cut.texture).grain(0.0, dx, 0.0).body(3.0, 1.5).rumpled(0.4));
    for x in [-7.5, 7.5] {
        scene.stitch(Outline::mid(x, top + 2.0).line(x, bottom - 2.0), thread(cut), 0.4);
    }
    let colour = button_colour(cut);
    for k in 0..7 {
        let y = top + 12.0 + (bottom - top - 44.0) * k as f32 / 6.0;
        scene.button(0.0, y, 4.0, colour);
    }
}

fn chest_pocket(scene: &mut Scene, cut: &Cut, x: f32, y: f32, half: f32) {
    let (l, r, b) = (x - half, x + half, y + half * 2.2);
    let pocket = |inset: f32| {
        Outline::mid(l + inset, y + inset)
            .line(r - inset, y + inset)
            .line(r - inset, b - 10.0)
            .line(x, b - inset)
            .line(l + inset, b - 10.0)
            .close()
    };
    scene.panel(Panel::new(pocket(0.0), cut.texture).grain(0.0, 4.0, 3.0).body(2.5, 1.2).rumpled(0.6));
    scene.stitch(pocket(2.5), thread(cut), 0.4);
    scene.seam(Outline::mid(l, y + 9.0).line(r, y + 9.0), 0.16);
}

/// A turned-down collar.
pub(super) fn collar(scene: &mut Scene, cut: &Cut, torso: &Torso) {
    let (n, y, d) = (torso.neck, torso.top, torso.depth);
    let fall = Outline::mid(-n - 3.0, y + 2.0)
        .curve((-n * 0.7, y - 15.0), (n * 0.7, y - 15.0), (n + 3.0, y + 2.0))
        .curve((n * 0.6, y + 5.0), (-n * 0.6, y + 5.0), (-n - 3.0, y + 2.0))
        .close();
    scene.panel(Panel::new(fall, cut.texture).of(Material::Shade(0.14)).body(4.0, 1.5).rumpled(0.2));
    let leaf = Outline::mid(1.0, y + d + 1.0)
        .curve((n * 0.5, y + d - 4.0), (n * 0.86, y + d * 0.5), (n - 1.0, y - 6.0))
        .curve((n + 6.0, y - 6.0), (n + 11.0, y + 1.0), (n + 12.0, y + 8.0))
        .quad((n + 6.0, y + d * 0.8), (n * 0.86, y + d + 27.0))
        .quad((n * 0.4, y + d + 20.0), (1.0, y + d + 1.0))
        .close();
    scene.pair(Panel::new(leaf.clone(), cut.texture).grain(0.5, 12.0, 9.0).body(4.0, 4.0).rumpled(0.3));
    let inset = |p: (f32, f32)| {
        let (cx, cy) = (224.0 + n * 0.72, y + d * 0.62);
        (cx + (p.0 - cx) * 0.84, cy + (p.1 - cy) * 0.88)
    };
    scene.stitch(leaf.map(inset), thread(cut), 0.3);
    scene.stitch(leaf.map(inset).mirror(), thread(cut), 0.3);
}

/// A standing band without a fall.
fn band_collar(scene: &mut Scene, cut: &Cut, torso: &Torso) {
    let (n, y, d) = (torso.neck, torso.top, torso.depth);
    let back = Outline::mid(-n, y).quad((0.0, y - 4.0), (n, y));
    scene.panel(Panel::band(back, 13.0, cut.texture).of(Material::Shade(0.22)));
    let band = Outline::mid(1.5, y + d + 4.0)
        .curve((n * 0.5, y + d + 3.0), (n + 3.0, y + d * 0.7), (n + 5.0, y - 7.0))
        .line(n - 6.0, y - 8.0)
        .curve((n * 0.82, y + d * 0.46), (n * 0.5, y + d - 14.0), (1.5, y + d - 12.0))
        .close();
    scene.pair(Panel::new(band, cut.texture).body(4.0, 2.5).rumpled(0.2));
    scene.button(0.0, y + d - 4.0, 3.6, button_colour(cut));
}

/// A T-shirt.
pub fn tee(scene: &mut Scene, cut: &Cut, rng: &mut ChaCha8Rng) {
    let (wide, cropped) = (cut.is("fit", "oversized"), cut.is("length", "cropped"));
    let neck = neck_of(cut);
    let hem_y = match (cropped, wide) {
        (true, false) => 312.0,
        (true, true) => 330.0,
        (false, false) => 446.0,
        (false, true) => 474.0,
    };
    let torso = Torso {
        top: 106.0,
        neck: 41.0,
        depth: if neck == Neck::Vee { 78.0 } else { 34.0 },
        cut: neck,
        shoulder: if wide { (128.0, 40.0) } else { (90.0, 24.0) },
        armpit: if wide { (120.0, 246.0) } else { (84.0, 206.0) },
        waist: if wide { (121.0, 300.0) } else { (75.0, 290.0) },
        hem: if wide { (122.0, hem_y) } else { (80.0, hem_y) },
        droop: 7.0,
    };
    let sleeve = match (cut.is("sleeve", "long"), wide) {
        (true, true) => Sleeve { outer: (196.0, 404.0), inner: (158.0, 416.0), bulge: 11.0, puff: 0.0 },
        (true, false) => Sleeve { outer: (156.0, 398.0), inner: (128.0, 406.0), bulge: 7.0, puff: 0.0 },
        (false, true) => Sleeve { outer: (192.0, 244.0), inner: (142.0, 274.0), bulge: 5.0, puff: 0.0 },
        (false, false) => Sleeve { outer: (142.0, 192.0), inner: (98.0, 222.0), bulge: 4.0, puff: 0.0 },
    };
    torso.back(scene, cut.texture);
    scene.pair(sleeve.panel(&torso, cut.texture, rng));
    for up in [6.0, 9.0] {
        scene.stitch(sleeve.hemline(up), thread(cut), 0.42);
        scene.stitch(sleeve.hemline(up).mirror(), thread(cut), 0.42);
    }
    scene.panel(torso.draped(torso.front(), cut.texture, rng));
    armholes(scene, &torso);
    neckband(scene, &torso, 11.0, Texture::Rib, trim(cut));
    hem_stitches(scene, cut, &torso, 8.0);
    hem_stitches(scene, cut, &torso, 11.0);
}

/// A blouse: gathered sleeves and a peplum.
pub fn blouse(scene: &mut Scene, cut: &Cut, rng: &mut ChaCha8Rng) {
    let bare = cut.is("sleeve", "sleeveless");
    let neck = neck_of(cut);
    let torso = Torso {
        top: 112.0,
        neck: if neck == Neck::Square { 52.0 } else { 39.0 },
        depth: match neck {
            Neck::Round => 24.0,
            Neck::Vee => 92.0,
            Neck::Square => 58.0,
        },
        cut: neck,
        shoulder: (if bare { 68.0 } else { 84.0 }, if bare { 12.0 } else { 19.0 }),
        armpit: (80.0, 212.0),
        waist: (66.0, 304.0),
        hem: (118.0, 404.0),
        droop: 12.0,
    };
    torso.back(scene, cut.texture);
    if !bare {
        let short = cut.is("sleeve", "short");
        let sleeve = if short {
            Sleeve { outer: (136.0, 212.0), inner: (96.0, 228.0), bulge: 26.0, puff: 15.0 }
        } else {
            Sleeve { outer: (156.0, 398.0), inner: (124.0, 408.0), bulge: 27.0, puff: 12.0 }
        };
        scene.pair(sleeve.panel(&torso, cut.texture, rng));
        scene.pair(sleeve.cuff(if short { 9.0 } else { 15.0 }, cut.texture).of(trim(cut)));
    }
    let front = torso.draped(torso.front(), cut.texture, rng);
    scene.panel(flared_folds(front, &torso, rng));
    if !bare {
        armholes(scene, &torso);
    }
    let (w, y) = torso.waist;
    scene.seam(Outline::mid(-w, y).quad((0.0, y + 8.0), (w, y)), 0.4);
    neckband(scene, &torso, 5.0, cut.texture, trim(cut));
    if cut.is("neckline", "bow") {
        bow(scene, cut, torso.top + torso.depth);
    } else {
        for k in 0..3 {
            scene.button(0.0, torso.top + torso.depth + 16.0 + k as f32 * 22.0, 3.4, button_colour(cut));
        }
    }
    hem_stitches(scene, cut, &torso, 6.0);
}

/// A bow tied at the neck, its tails hanging down the front.
fn bow(scene: &mut Scene, cut: &Cut, y: f32) {
    let tail = Outline::mid(3.0, y + 4.0)
        .curve((18.0, y + 40.0), (14.0, y + 80.0), (26.0, y + 124.0))
        .line(46.0, y + 112.0)
        .curve((34.0, y + 70.0), (30.0, y + 34.0), (9.0, y))
        .close();
    scene.pair(Panel::new(tail, cut.texture).grain(0.2, 20.0, 11.0).body(5.0, 5.0).fold(
        (8.0, y + 6.0),
        (22.0, y + 50.0),
        (34.0, y + 116.0),
        5.0,
        3.4,
    ));
    let loop_ = Outline::mid(4.0, y - 5.0)
        .curve((26.0, y - 34.0), (64.0, y - 28.0), (62.0, y - 4.0))
        .curve((64.0, y + 24.0), (26.0, y + 28.0), (4.0, y + 6.0))
        .close();
    scene.pair(
        Panel::new(loop_, cut.texture)
            .grain(1.3, 14.0, 23.0)
            .body(9.0, 6.0)
            .fold((6.0, y), (28.0, y - 10.0), (52.0, y - 12.0), 4.0, -4.0)
            .fold((6.0, y + 2.0), (28.0, y + 8.0), (50.0, y + 10.0), 4.0, -3.6),
    );
    scene.panel(Panel::new(Outline::block(0.0, y, 9.0, 11.0, 5.0), cut.texture).grain(0.0, 9.0, 9.0).body(6.0, 4.0));
}

/// A jumper.
pub fn jumper(scene: &mut Scene, cut: &Cut, rng: &mut ChaCha8Rng) {
    let (wide, cropped) = (cut.is("fit", "oversized"), cut.is("length", "cropped"));
    let neck = neck_of(cut);
    let hem_y = match (cropped, wide) {
        (true, false) => 312.0,
        (true, true) => 332.0,
        (false, false) => 444.0,
        (false, true) => 474.0,
    };
    let torso = Torso {
        top: 112.0,
        neck: 40.0,
        depth: if neck == Neck::Vee { 84.0 } else { 30.0 },
        cut: neck,
        shoulder: if wide { (126.0, 42.0) } else { (88.0, 26.0) },
        armpit: if wide { (122.0, 256.0) } else { (83.0, 212.0) },
        waist: if wide { (124.0, 300.0) } else { (76.0, 290.0) },
        hem: if wide { (108.0, hem_y) } else { (74.0, hem_y) },
        droop: 5.0,
    };
    let sleeve = if wide {
        Sleeve { outer: (196.0, 414.0), inner: (160.0, 426.0), bulge: 16.0, puff: 0.0 }
    } else {
        Sleeve { outer: (154.0, 408.0), inner: (126.0, 416.0), bulge: 9.0, puff: 0.0 }
    };
    torso.back(scene, Texture::Rib);
    scene.pair(sleeve.panel(&torso, cut.texture, rng));
    scene.pair(sleeve.cuff(30.0, Texture::Rib).of(trim(cut)));
    scene.panel(torso.draped(torso.front(), cut.texture, rng).body(11.0, 5.0));
    armholes(scene, &torso);
    ribbed_hem(scene, cut, &torso, 28.0);
    if cut.is("neckline", "roll neck") {
        roll_neck(scene, cut, &torso)
    } else {
        neckband(scene, &torso, 14.0, Texture::Rib, trim(cut))
    }
}

/// A knitted band at the hem.
pub(super) fn ribbed_hem(scene: &mut Scene, cut: &Cut, torso: &Torso, height: f32) {
    let ((x, y), droop) = (torso.hem, torso.droop);
    let top = y - height;
    let hem = Outline::mid(-x - 1.5, top)
        .quad((0.0, top + droop * 1.4), (x + 1.5, top))
        .line(x - 1.0, y + 0.5)
        .quad((0.0, y + droop * 1.5), (-x + 1.0, y + 0.5))
        .close();
    scene.panel(Panel::new(hem, Texture::Rib).of(trim(cut)).body(5.0, 1.5).rumpled(0.3));
}

fn roll_neck(scene: &mut Scene, cut: &Cut, torso: &Torso) {
    let (n, y, d) = (torso.neck, torso.top, torso.depth);
    let tube = Outline::mid(-n - 4.0, y + 8.0)
        .curve((-n - 3.0, y - 12.0), (-n - 1.0, y - 30.0), (-n + 2.0, y - 44.0))
        .quad((0.0, y - 51.0), (n - 2.0, y - 44.0))
        .curve((n + 1.0, y - 30.0), (n + 3.0, y - 12.0), (n + 4.0, y + 8.0))
        .curve((n * 0.7, y + d), (-n * 0.7, y + d), (-n - 4.0, y + 8.0))
        .close();
    scene.panel(Panel::new(tube, Texture::Rib).of(trim(cut)).body(10.0, 4.0).rumpled(0.5));
    let roll = Outline::mid(-n + 1.0, y - 46.0)
        .quad((0.0, y - 54.0), (n - 1.0, y - 46.0))
        .curve((n + 8.0, y - 36.0), (n + 9.0, y - 16.0), (n + 3.0, y - 6.0))
        .quad((0.0, y + 10.0), (-n - 3.0, y - 6.0))
        .curve((-n - 9.0, y - 16.0), (-n - 8.0, y - 36.0), (-n + 1.0, y - 46.0))
        .close();
    scene.panel(Panel::new(roll, Texture::Rib).of(trim(cut)).grain(0.0, 2.0, 7.0).body(12.0, 6.0).rumpled(0.5));
}

/// A horn or pearl button for outer garments.
pub(super) fn coat_button(cut: &Cut) -> palette::Rgb {
    if lightness(cut.palette.ground) > 0.3 { HORN } else { shade(HORN, -0.35) }
}
