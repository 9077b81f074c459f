//! Cardigans, hoodies, jackets, blazers, coats.

use rand_chacha::ChaCha8Rng;

use super::Cut;
use super::tops::{armholes, around, button_colour, coat_button, collar, ribbed_hem, thread, trim};
use super::torso::{Neck, Sleeve, Torso};
use crate::fabric::Texture;
use crate::palette::{GOLD, SILVER, TOPSTITCH, lightness, shade};
use crate::scene::{Material, Outline, Panel, Scene};

/// A button band along the middle between two heights.
fn middle_band(scene: &mut Scene, cut: &Cut, top: f32, bottom: f32, half: f32, texture: Texture) {
    let strip = Outline::mid(-half, top).line(half, top).line(half, bottom).line(-half, bottom).close();
    scene.panel(Panel::new(strip, texture).of(trim(cut)).body(4.0, 2.0).rumpled(0.3));
}

/// A cardigan.
pub fn cardigan(scene: &mut Scene, cut: &Cut, rng: &mut ChaCha8Rng) {
    let vee = cut.is("neckline", "v-neck");
    let hem_y = cut.by("length", [("cropped", 300.0), ("regular", 416.0), ("long", 548.0)]);
    let top = cut.by("length", [("long", 62.0), ("regular", 96.0)]);
    let hem_y = if cut.is("length", "cropped") { hem_y + 22.0 } else { hem_y };
    let torso = Torso {
        top,
        neck: 38.0,
        depth: if vee { 128.0 } else { 30.0 },
        cut: if vee { Neck::Vee } else { Neck::Round },
        shoulder: (96.0, 28.0),
        armpit: (92.0, top + 116.0),
        waist: (88.0, top + 180.0),
        hem: (90.0, hem_y),
        droop: 4.0,
    };
    let sleeve = Sleeve { outer: (168.0, top + 312.0), inner: (138.0, top + 322.0), bulge: 11.0, puff: 0.0 };
    torso.back(scene, Texture::Rib);
    scene.pair(sleeve.panel(&torso, cut.texture, rng));
    scene.pair(sleeve.cuff(28.0, Texture::Rib).of(trim(cut)));
    scene.panel(torso.draped(torso.front(), cut.texture, rng).body(11.0, 5.0));
    armholes(scene, &torso);
    ribbed_hem(scene, cut, &torso, 26.0);
    middle_band(scene, cut, torso.top + torso.depth - 3.0, hem_y + 5.0, 10.0, Texture::Rib);
    scene.seam(Outline::mid(10.0, torso.top + torso.depth).line(10.0, hem_y + 4.0), 0.3);
    let band = Panel::band(around(&torso.neckline()), if vee { 17.0 } else { 13.0 }, Texture::Rib).of(trim(cut));
    scene.panel(band);
    let (first, last) = (torso.top + torso.depth + 10.0, hem_y - 12.0);
    let count = ((last - first) / 44.0).round().max(3.0);
    for k in 0..=count as usize {
        scene.button(0.0, first + (last - first) * k as f32 / count, 5.2, button_colour(cut));
    }
    if !cut.is("length", "cropped") {
        let y = hem_y - 108.0;
        let pocket = Outline::block(56.0, y + 34.0, 23.0, 32.0, 3.0);
        scene.pair(Panel::new(pocket, cut.texture).grain(0.0, 5.0, 9.0).body(4.0, 2.0).rumpled(0.4));
        let welt = Outline::block(56.0, y + 4.0, 24.0, 6.5, 2.0);
        scene.pair(Panel::new(welt, Texture::Rib).of(trim(cut)).body(3.0, 1.5).rumpled(0.2));
    }
}

/// A hoodie.
pub fn hoodie(scene: &mut Scene, cut: &Cut, rng: &mut ChaCha8Rng) {
    let (wide, cropped) = (cut.is("fit", "oversized"), cut.is("length", "cropped"));
    let hem_y = if cropped { 350.0 } else { 476.0 };
    let torso = Torso {
        top: 138.0,
        neck: 44.0,
        depth: 34.0,
        cut: Neck::Round,
        shoulder: if wide { (130.0, 40.0) } else { (92.0, 26.0) },
        armpit: if wide { (126.0, 276.0) } else { (87.0, 238.0) },
        waist: if wide { (126.0, 310.0) } else { (82.0, 300.0) },
        hem: if wide { (112.0, hem_y) } else { (80.0, hem_y) },
        droop: 5.0,
    };
    let sleeve = if wide {
        Sleeve { outer: (198.0, 432.0), inner: (162.0, 444.0), bulge: 15.0, puff: 0.0 }
    } else {
        Sleeve { outer: (158.0, 426.0), inner: (128.0, 434.0), bulge: 10.0, puff: 0.0 }
    };
    hood(scene, cut, &torso);
    scene.pair(sleeve.panel(&torso, cut.texture, rng));
    scene.pair(sleeve.cuff(26.0, Texture::Rib).of(trim(cut)));
    scene.panel(torso.draped(torso.front(), cut.texture, rng).body(11.0, 5.0));
    armholes(scene, &torso);
    let zip = cut.is("closure", "zip");
    pouch(scene, cut, &torso);
    ribbed_hem(scene, cut, &torso, 26.0);
    let start = torso.top + torso.depth;
    if zip {
        scene.zip(&Outline::mid(0.0, start - 2.0).line(0.0, hem_y + 4.0), SILVER);
        scene.zip_pull(0.0, start + 14.0, SILVER);
    }
    scene.panel(Panel::band(around(&torso.neckline()), 9.0, cut.texture).of(trim(cut)));
    let cord = if lightness(cut.palette.ground) > 0.7 { shade(cut.palette.ground, 0.3) } else { [0.94, 0.93, 0.9] };
    for side in [-1.0, 1.0] {
        let x = side * 17.0;
        let path = Outline::mid(x, start - 3.0).curve(
            (x, start + 20.0),
            (x + side * 6.0, start + 40.0),
            (x + side * 2.0, start + 62.0),
        );
        scene.panel(Panel::band(path, 4.2, Texture::Canvas).of(Material::Plain(cord)));
    }
}

/// A hood lying behind the neck, its opening towards us.
fn hood(scene: &mut Scene, cut: &Cut, torso: &Torso) {
    let (n, y) = (torso.neck, torso.top);
    let shell = Outline::mid(-n - 14.0, y + 16.0)
        .curve((-n - 30.0, y - 40.0), (-n + 2.0, y - 88.0), (0.0, y - 90.0))
        .curve((n - 2.0, y - 88.0), (n + 30.0, y - 40.0), (n + 14.0, y + 16.0))
        .curve((n * 0.5, y + 34.0), (-n * 0.5, y + 34.0), (-n - 14.0, y + 16.0))
        .close();
    scene.panel(Panel::new(shell, cut.texture).grain(0.0, 0.0, 0.0).body(14.0, 4.0).rumpled(1.4));
    let opening = Outline::mid(-n + 2.0, y + 10.0)
        .curve((-n - 4.0, y - 34.0), (-n * 0.6, y - 62.0), (0.0, y - 63.0))
        .curve((n * 0.6, y - 62.0), (n + 4.0, y - 34.0), (n - 2.0, y + 10.0))
        .curve((n * 0.5, y + 40.0), (-n * 0.5, y + 40.0), (-n + 2.0, y + 10.0))
        .close();
    let dark = Panel::new(opening.clone(), cut.texture).of(Material::Shade(0.34)).body(12.0, 0.0);
    scene.panel(dark.fold((0.0, y - 58.0), (4.0, y - 20.0), (0.0, y + 30.0), 5.0, -4.0));
    scene.stitch(opening.map(|p| (224.0 + (p.0 - 224.0) * 1.1, y + (p.1 - y) * 1.1)), thread(cut), 0.4);
}

/// The pouch pocket of a hoodie.
fn pouch(scene: &mut Scene, cut: &Cut, torso: &Torso) {
    let (w, bottom) = (torso.hem.0 * 0.62, torso.hem.1 - 24.0);
    let top = bottom - 74.0;
    let pocket = |k: f32| {
        let c = (0.0, (top + bottom) / 2.0);
        let at = |x: f32, y: f32| (c.0 + (x - c.0) * k, c.1 + (y - c.1) * k);
        let p = [
            at(-w * 0.62, top),
            at(w * 0.62, top),
            at(w, top + 44.0),
            at(w, bottom),
            at(-w, bottom),
            at(-w, top + 44.0),
        ];
        Outline::mid(p[0].0, p[0].1)
            .line(p[1].0, p[1].1)
            .quad((p[2].0 - 6.0, p[2].1 - 22.0), p[2])
            .line(p[3].0, p[3].1)
            .line(p[4].0, p[4].1)
            .line(p[5].0, p[5].1)
            .quad((p[5].0 + 6.0, p[5].1 - 22.0), p[0])
            .close()
    };
    scene.panel(Panel::new(pocket(1.0), cut.texture).grain(0.0, 0.0, 4.0).body(6.0, 3.0).rumpled(0.8));
    scene.stitch(pocket(0.93), thread(cut), 0.4);
}

/// A short jacket of denim, leather or quilting.
pub fn jacket(scene: &mut Scene, cut: &Cut, rng: &mut ChaCha8Rng) {
    let hem_y = if cut.is("length", "cropped") { 322.0 } else { 452.0 };
    let padded = cut.texture == Texture::Quilted;
    let extra = if padded { 10.0 } else { 0.0 };
    let torso = Torso {
        top: 102.0,
        neck: 40.0,
        depth: 40.0,
        cut: Neck::Round,
        shoulder: (104.0 + extra, 28.0),
        armpit: (98.0 + extra, 222.0),
        waist: (96.0 + extra, 288.0),
        hem: (94.0 + extra * 0.6, hem_y),
        droop: 4.0,
    };
    let sleeve =
        Sleeve { outer: (174.0 + extra, 410.0), inner: (138.0 + extra * 0.4, 421.0), bulge: 12.0 + extra, puff: 0.0 };
    torso.back(scene, cut.texture);
    scene.pair(sleeve.panel(&torso, cut.texture, rng));
    let cuff = if padded { Texture::Rib } else { cut.texture };
    scene.pair(sleeve.cuff(22.0, cuff));
    scene.panel(torso.draped(torso.front(), cut.texture, rng).body(if padded { 16.0 } else { 10.0 }, 5.0));
    armholes(scene, &torso);
    jacket_hem(scene, cut, &torso);
    if cut.texture == Texture::Denim {
        trucker_lines(scene, cut, &torso);
    } else if !padded {
        biker_lines(scene, &torso);
    }
    let start = torso.top + torso.depth;
    if cut.is("closure", "zip") {
        let metal = if cut.texture == Texture::Leather { SILVER } else { GOLD };
        scene.zip(&Outline::mid(0.0, start + 2.0).line(0.0, hem_y + 3.0), metal);
        scene.zip_pull(0.0, start + 18.0, metal);
    } else {
        let strip =
            Outline::mid(-11.0, start).line(11.0, start).line(11.0, hem_y + 4.0).line(-11.0, hem_y + 4.0).close();
        scene.panel(
            Panel::new(strip, if padded { Texture::Smooth } else { cut.texture }).grain(0.0, 6.0, 0.0).body(3.0, 2.0),
        );
        let colour = if cut.texture == Texture::Denim { GOLD } else { coat_button(cut) };
        let count = if cut.is("length", "cropped") { 4 } else { 6 };
        for k in 0..count {
            let y = start + 18.0 + (hem_y - start - 32.0) * k as f32 / (count - 1) as f32;
            scene.button(0.0, y, 6.2, colour);
        }
    }
    collar(scene, cut, &torso);
}

fn jacket_hem(scene: &mut Scene, cut: &Cut, torso: &Torso) {
    let texture = if cut.texture == Texture::Quilted { Texture::Rib } else { cut.texture };
    let (x, y) = torso.hem;
    let band = Outline::mid(-x - 1.0, y - 22.0)
        .quad((0.0, y - 17.0), (x + 1.0, y - 22.0))
        .line(x - 1.0, y + 1.0)
        .quad((0.0, y + 7.0), (-x + 1.0, y + 1.0))
        .close();
    scene.panel(Panel::new(band, texture).grain(0.0, 0.0, 0.0).body(4.0, 1.5).rumpled(0.3));
}

/// The seams and pockets of a denim jacket.
fn trucker_lines(scene: &mut Scene, cut: &Cut, torso: &Torso) {
    let (y, bottom) = (torso.armpit.1 - 18.0, torso.hem.1 - 22.0);
    let yarn = if cut.is("colour", "white") { shade(TOPSTITCH, -0.2) } else { TOPSTITCH };
    for side in [-1.0, 1.0] {
        let yoke = Outline::mid(side * 12.0, y).quad((side * 50.0, y + 3.0), (side * 88.0, y - 3.0));
        scene.seam(yoke.clone(), 0.34);
        scene.stitch(yoke.shift(0.0, 3.0), yarn, 0.8);
        for (from, to) in [(34.0, 20.0), (66.0, 58.0)] {
            let line = Outline::mid(side * from, y + 2.0).line(side * to, bottom);
            scene.seam(line.clone(), 0.28);
            scene.stitch(line.shift(3.0, 0.0), yarn, 0.75);
        }
    }
    let flap = Outline::mid(30.0, y - 4.0)
        .line(72.0, y - 4.0)
        .line(72.0, y + 12.0)
        .line(51.0, y + 21.0)
        .line(30.0, y + 12.0)
        .close();
    scene.pair(Panel::new(flap.clone(), cut.texture).grain(0.0, 8.0, 4.0).body(3.0, 2.5).rumpled(0.3));
    for side in [-1.0, 1.0] {
        scene.button(side * 51.0, y + 12.0, 4.0, GOLD);
    }
}

/// The seams and zipped pockets of a leather jacket.
fn biker_lines(scene: &mut Scene, torso: &Torso) {
    let (y, bottom) = (torso.armpit.1, torso.hem.1 - 22.0);
    for side in [-1.0, 1.0] {
        scene.seam(
            Outline::mid(side * 62.0, y - 74.0).curve(
                (side * 52.0, y),
                (side * 60.0, bottom - 60.0),
                (side * 62.0, bottom),
            ),
            0.4,
        );
        let pocket = Outline::mid(side * 34.0, bottom - 22.0).line(side * 66.0, bottom - 58.0);
        scene.zip(&pocket, SILVER);
        scene.seam(Outline::mid(side * 46.0, y - 46.0).line(side * 84.0, y - 40.0), 0.3);
    }
}

/// A blazer or a coat: lapels, flap pockets, one row of buttons or two.
pub fn tailored(scene: &mut Scene, cut: &Cut, rng: &mut ChaCha8Rng) {
    let coat = cut.is("category", "coat");
    let wide = cut.is("fit", "oversized");
    let padded = cut.texture == Texture::Quilted;
    let hem_y = if coat { cut.by("length", [("short", 350.0), ("knee", 462.0), ("long", 572.0)]) } else { 446.0 };
    let top = if coat { 48.0 } else { 92.0 };
    let k = if coat { 0.88 } else { 1.0 } * if wide { 1.24 } else { 1.0 };
    let double = cut.is("closure", "double-breasted");
    let torso = Torso {
        top,
        neck: 36.0,
        depth: if coat { 84.0 } else { 122.0 },
        cut: Neck::Vee,
        shoulder: (100.0 * k, 24.0 + if wide { 12.0 } else { 0.0 }),
        armpit: (94.0 * k, top + 118.0),
        waist: (if wide { 112.0 } else { 80.0 * k }, top + 206.0),
        hem: (if wide { 116.0 } else { 92.0 * k } + if coat { (hem_y - 340.0) * 0.06 } else { 0.0 }, hem_y),
        droop: 6.0,
    };
    let reach = if coat { 284.0 } else { 318.0 };
    let sleeve = Sleeve {
        outer: (166.0 * k.min(1.16), top + reach),
        inner: (132.0 * k.min(1.16), top + reach + 10.0),
        bulge: if padded { 20.0 } else { 11.0 },
        puff: 0.0,
    };
    lining(scene, &torso);
    scene.pair(sleeve.panel(&torso, cut.texture, rng).body(if padded { 14.0 } else { 9.0 }, 3.0));
    for side in [-1.0, 1.0] {
        for n in 0..3 {
            let (x, y) = (sleeve.inner.0 + 6.0 - n as f32 * 2.4, sleeve.inner.1 - 10.0 - n as f32 * 9.0);
            scene.button(side * x, y, 2.8, coat_button(cut));
        }
    }
    let lap = if double { 46.0 } else { 12.0 };
    let body = if padded { 16.0 } else { 10.0 };
    let left = torso.draped(torso.right_front(4.0), cut.texture, rng).body(body, 5.0).mirror();
    scene.panel(left);
    // The lap lies over the other front; its lapel turns back along the neckline.
    scene.panel(torso.draped(lapped_front(&torso, lap), cut.texture, rng).body(body, 4.0));
    armholes(scene, &torso);
    pockets(scene, cut, &torso, coat);
    lapels(scene, cut, &torso);
    front_buttons(scene, cut, &torso, double, coat);
}

/// A front that crosses the middle by `lap` below the neckline.
fn lapped_front(torso: &Torso, lap: f32) -> Outline {
    let (n, y, d, h) = (torso.neck, torso.top, torso.depth, torso.hem);
    let path = Outline::mid(-lap, y + d + lap * 0.35).line(0.0, y + d).curve(
        (n * 0.3, y + d * 0.66),
        (n * 0.82, y + d * 0.3),
        (n, y),
    );
    torso
        .side(path)
        .curve((h.0 * 0.6, h.1 + torso.droop), (h.0 * 0.2, h.1 + torso.droop), (-lap + 4.0, h.1 + torso.droop))
        .close()
}

/// The lining of the back, seen between the lapels.
fn lining(scene: &mut Scene, torso: &Torso) {
    let (n, y, d) = (torso.neck, torso.top, torso.depth);
    let inside = Outline::mid(0.0, y + d + 10.0)
        .line(n + 6.0, y + 16.0)
        .line(n + 2.0, y)
        .quad((0.0, y + 10.0), (0.0, y + 10.0))
        .symmetric();
    scene.panel(Panel::new(inside, Texture::Satin).of(Material::Shade(0.45)).body(4.0, 0.0).rumpled(0.5));
    scene.panel(
        Panel::new(Outline::block(0.0, y + 24.0, 13.0, 6.0, 1.0), Texture::Smooth)
            .of(Material::Plain([0.9, 0.89, 0.86]))
            .body(1.0, 1.0),
    );
}

fn lapels(scene: &mut Scene, cut: &Cut, torso: &Torso) {
    let (n, y, d) = (torso.neck, torso.top, torso.depth);
    let texture = if cut.texture == Texture::Quilted { Texture::Smooth } else { cut.texture };
    let lapel = Outline::mid(0.0, y + d + 2.0)
        .curve((n * 0.3, y + d * 0.66), (n * 0.82, y + d * 0.3), (n - 2.0, y + 4.0))
        .line(n + 22.0, y + 34.0)
        .line(n + 16.0, y + 45.0)
        .line(n + 34.0, y + 47.0)
        .curve((n + 18.0, y + d * 0.66), (n * 0.6, y + d * 0.9), (0.0, y + d + 2.0))
        .close();
    scene.pair(Panel::new(lapel, texture).grain(-0.3, 17.0, 5.0).body(4.0, 5.0).rumpled(0.3));
    let wing = Outline::mid(0.0, y - 12.0)
        .curve((n * 0.6, y - 12.0), (n - 1.0, y - 7.0), (n + 5.0, y + 2.0))
        .curve((n + 16.0, y + 10.0), (n + 26.0, y + 22.0), (n + 34.0, y + 30.0))
        .line(n + 20.0, y + 38.0)
        .curve((n * 0.9, y + 22.0), (n * 0.6, y + 4.0), (0.0, y + 3.0))
        .symmetric();
    scene.panel(Panel::new(wing, texture).grain(0.0, 3.0, 27.0).body(5.0, 3.0).rumpled(0.2));
    scene.seam(Outline::mid(n + 20.0, y + 38.0).line(n - 2.0, y + 14.0), 0.3);
    scene.seam(Outline::mid(-n - 20.0, y + 38.0).line(-n + 2.0, y + 14.0), 0.3);
}

fn pockets(scene: &mut Scene, cut: &Cut, torso: &Torso, coat: bool) {
    let texture = if cut.texture == Texture::Quilted { Texture::Smooth } else { cut.texture };
    let y = (torso.waist.1 + if coat { 34.0 } else { 44.0 }).min(torso.hem.1 - 34.0);
    let x = torso.waist.0 * 0.66;
    let flap = Outline::block(x, y, 25.0, 9.5, 3.0);
    scene.pair(Panel::new(flap, texture).body(3.0, 3.0).rumpled(0.2));
    if !coat {
        let welt = Outline::block(x * 0.92, torso.armpit.1 - 6.0, 19.0, 4.5, 1.0);
        scene.panel(Panel::new(welt, texture).grain(0.1, 6.0, 8.0).body(2.0, 1.5).rumpled(0.2));
    }
}

fn front_buttons(scene: &mut Scene, cut: &Cut, torso: &Torso, double: bool, coat: bool) {
    let colour = coat_button(cut);
    let first = torso.top + torso.depth + 18.0;
    let rows = if coat { 3 } else { 2 };
    let step = if coat { 48.0 } else { 50.0 };
    for k in 0..rows {
        let y = first + k as f32 * step;
        if y > torso.hem.1 - 24.0 {
            break;
        }
        if double {
            scene.button(-30.0, y, 6.6, colour);
            scene.button(30.0, y, 6.6, colour);
        } else {
            scene.button(0.0, y, 6.6, colour);
        }
    }
}
