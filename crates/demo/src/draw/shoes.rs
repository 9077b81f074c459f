//! Trainers, pumps, boots: a pair seen from the side.

use super::Cut;
use super::tops::{button_colour, thread};
use crate::fabric::Texture;
use crate::palette::{CHARCOAL, CREAM, GOLD, Rgb, lightness, rgb, shade};
use crate::scene::{Material, Outline, Panel, Scene};

const SOLE: Rgb = rgb(60, 44, 34);
const RUBBER: Rgb = rgb(240, 236, 226);

/// Draws one shoe twice: the other one stands behind.
fn pair(scene: &mut Scene, shoe: impl Fn(&mut Scene)) {
    let mut one = Scene::default();
    shoe(&mut one);
    for (dx, dy) in [(34.0, -92.0), (-14.0, 34.0)] {
        for layer in &one.layers {
            scene.layers.push(layer.shifted(dx, dy));
        }
    }
}

/// Trainers.
pub fn trainers(scene: &mut Scene, cut: &Cut) {
    pair(scene, |scene| trainer(scene, cut));
}

fn trainer(scene: &mut Scene, cut: &Cut) {
    let high = cut.is("style", "high-top");
    let top = if high { 150.0 } else { 262.0 };
    inside(scene, if high { (34.0, 150.0) } else { (24.0, 146.0) }, top);
    let tongue = Outline::mid(-56.0, 304.0)
        .curve((-30.0, 270.0), (0.0, top + 20.0), (10.0, top - 26.0))
        .quad((34.0, top - 32.0), (44.0, top - 12.0))
        .curve((40.0, top + 30.0), (20.0, 300.0), (-10.0, 324.0))
        .close();
    scene.panel(Panel::new(tongue, cut.texture).of(Material::Shade(0.1)).body(8.0, 2.0).rumpled(0.3));
    let upper = Outline::mid(-158.0, 374.0)
        .curve((-172.0, 318.0), (-124.0, 312.0), (-66.0, 300.0))
        .curve((-34.0, 288.0), (4.0, top + 44.0), (24.0, top + 2.0))
        .curve(
            (60.0, top + if high { 8.0 } else { 30.0 }),
            (110.0, top + if high { 4.0 } else { 34.0 }),
            (150.0, top - 4.0),
        )
        .curve((156.0, top + 40.0), (146.0, 330.0), (160.0, 376.0))
        .close();
    let panel = Panel::new(upper, cut.texture)
        .body(14.0, 4.0)
        .fold((-70.0, 312.0), (-60.0, 336.0), (-52.0, 362.0), 6.0, -2.2)
        .fold((90.0, top + 50.0), (70.0, 320.0), (40.0, 360.0), 14.0, 2.4);
    scene.panel(panel);
    overlays(scene, cut, top, high);
    laces(scene, cut, top);
    let sole = Outline::mid(-166.0, 362.0)
        .curve((-100.0, 376.0), (100.0, 376.0), (164.0, 362.0))
        .curve((172.0, 376.0), (172.0, 396.0), (162.0, 402.0))
        .curve((60.0, 406.0), (-70.0, 408.0), (-152.0, 402.0))
        .curve((-176.0, 398.0), (-178.0, 378.0), (-166.0, 362.0))
        .close();
    let rubber = if lightness(cut.palette.ground) > 0.8 { shade(RUBBER, 0.1) } else { RUBBER };
    scene.panel(Panel::new(sole, Texture::Smooth).of(Material::Plain(rubber)).body(8.0, 2.0).rumpled(0.0));
    let line = Outline::mid(-170.0, 388.0).curve((-90.0, 396.0), (90.0, 396.0), (168.0, 386.0));
    scene.line(line, 2.2, cut.palette.ground, 0.75);
}

/// The dark inside of a shoe, behind its collar.
fn inside(scene: &mut Scene, (from, to): (f32, f32), top: f32) {
    let hole = Outline::mid(from, top + 4.0)
        .curve((from + 34.0, top - 12.0), (to - 34.0, top - 14.0), (to, top - 4.0))
        .curve((to - 20.0, top + 44.0), (from + 20.0, top + 44.0), (from, top + 4.0))
        .close();
    scene.panel(Panel::new(hole, Texture::Cotton).of(Material::Shade(0.5)).body(6.0, 0.0).rumpled(0.3));
}

/// Toe cap, eyestay and heel patch with their stitching.
fn overlays(scene: &mut Scene, cut: &Cut, top: f32, high: bool) {
    let toe = Outline::mid(-160.0, 374.0)
        .curve((-172.0, 324.0), (-140.0, 316.0), (-112.0, 309.0))
        .curve((-92.0, 330.0), (-84.0, 352.0), (-86.0, 374.0))
        .close();
    let cap = if cut.texture == Texture::Canvas { Material::Plain(RUBBER) } else { Material::Shade(0.1) };
    let cap_texture = if cut.texture == Texture::Canvas { Texture::Smooth } else { Texture::Leather };
    scene.panel(Panel::new(toe, cap_texture).of(cap).body(10.0, 1.5).rumpled(0.2));
    let stay = Outline::mid(-66.0, 302.0)
        .curve((-34.0, 290.0), (4.0, top + 46.0), (24.0, top + 4.0))
        .line(46.0, top + if high { 8.0 } else { 14.0 })
        .curve((38.0, top + 64.0), (0.0, 316.0), (-50.0, 330.0))
        .close();
    scene.panel(Panel::new(stay.clone(), Texture::Leather).of(Material::Shade(0.08)).body(4.0, 1.5).rumpled(0.2));
    scene.stitch(stay, thread(cut), 0.5);
    let heel = Outline::mid(118.0, 374.0)
        .curve((112.0, 340.0), (124.0, 312.0), (132.0, 284.0))
        .line(151.0, 280.0)
        .curve((150.0, 300.0), (148.0, 340.0), (160.0, 375.0))
        .close();
    scene.panel(Panel::new(heel.clone(), Texture::Leather).of(Material::Shade(0.14)).body(6.0, 1.5).rumpled(0.2));
    scene.stitch(heel, thread(cut), 0.4);
    if high {
        let badge = Outline::ellipse(96.0, 236.0, 21.0, 21.0);
        scene.panel(Panel::new(badge.clone(), Texture::Leather).of(Material::Plain(RUBBER)).body(3.0, 1.0));
        scene.line(badge, 1.2, CHARCOAL, 0.5);
    } else {
        let swoop = Outline::mid(-40.0, 352.0).curve((10.0, 356.0), (70.0, 330.0), (112.0, 300.0));
        scene.panel(Panel::band(swoop, 8.0, Texture::Leather).of(Material::Shade(0.2)));
    }
}

fn laces(scene: &mut Scene, cut: &Cut, top: f32) {
    let colour = if lightness(cut.palette.ground) > 0.8 { shade(RUBBER, 0.16) } else { RUBBER };
    let rows = if top < 200.0 { 7 } else { 4 };
    for k in 0..rows {
        let t = k as f32 / (rows - 1) as f32;
        let s = t * t * 0.35 + t * 0.65;
        let (x, y) = (-52.0 + 74.0 * s, 300.0 + (top + 20.0 - 300.0) * t);
        let lace = Outline::mid(x - 5.0, y - 3.0).quad((x + 9.0, y - 2.0), (x + 19.0, y + 10.0));
        scene.panel(Panel::band(lace, 5.4, Texture::Canvas).of(Material::Plain(colour)).body(2.0, 2.0));
        scene.line(Outline::ellipse(x + 20.0, y + 11.0, 1.3, 1.3), 1.6, CHARCOAL, 0.7);
    }
}

/// How high a heel stands.
fn rise(cut: &Cut) -> f32 {
    cut.by("heel", [("flat", 12.0), ("block", 84.0), ("stiletto", 104.0)])
}

/// The heel under a seat at (x, y), down to the ground.
fn heel(scene: &mut Scene, cut: &Cut, x: f32, seat: f32, ground: f32) {
    let outline = match cut.item.get("heel") {
        Some("stiletto") => Outline::mid(x - 46.0, seat + 4.0)
            .curve((x - 20.0, seat + 18.0), (x - 14.0, seat + 50.0), (x - 15.0, ground))
            .line(x - 6.0, ground)
            .curve((x - 4.0, seat + 60.0), (x + 2.0, seat + 30.0), (x + 3.0, seat - 6.0))
            .close(),
        Some("block") => Outline::mid(x - 62.0, seat + 6.0)
            .curve((x - 56.0, seat + 20.0), (x - 54.0, ground - 30.0), (x - 54.0, ground))
            .line(x - 1.0, ground)
            .curve((x - 1.0, seat + 40.0), (x + 3.0, seat + 20.0), (x + 3.0, seat - 6.0))
            .close(),
        _ => Outline::mid(x - 74.0, seat + 2.0)
            .line(x - 72.0, ground)
            .line(x + 1.0, ground)
            .line(x + 3.0, seat - 4.0)
            .close(),
    };
    let stack = if cut.is("heel", "flat") { Material::Plain(SOLE) } else { Material::Shade(0.16) };
    scene.panel(Panel::new(outline, Texture::Leather).of(stack).body(7.0, 1.0).rumpled(0.1));
    if !cut.is("heel", "flat") {
        let (a, b) = if cut.is("heel", "stiletto") { (x - 15.0, x - 6.0) } else { (x - 54.0, x - 1.0) };
        scene.line(Outline::mid(a, ground - 1.5).line(b, ground - 1.5), 3.6, CHARCOAL, 0.9);
    }
}

/// Pumps, from ballerinas to stilettos.
pub fn pumps(scene: &mut Scene, cut: &Cut) {
    pair(scene, |scene| pump(scene, cut));
}

fn pump(scene: &mut Scene, cut: &Cut) {
    let h = rise(cut);
    let ground = 402.0;
    let (seat, toe) = (ground - h, if cut.is("style", "pointed") { -176.0 } else { -148.0 });
    let open = cut.is("style", "open-toe");
    let back = 134.0;
    // Insole, seen over the near edge.
    let insole = Outline::mid(-88.0, 372.0)
        .curve((-20.0, 352.0 - h * 0.2), (50.0, seat - 36.0), (back - 6.0, seat - 62.0))
        .curve((60.0, seat + 4.0), (10.0, seat + h * 0.55), (-88.0, 380.0))
        .close();
    scene.panel(
        Panel::new(insole, Texture::Leather)
            .of(Material::Plain(shade(rgb(214, 186, 150), 0.1)))
            .body(5.0, 0.0)
            .rumpled(0.2),
    );
    heel(scene, cut, back + 2.0, seat, ground);
    let sole = Outline::mid(toe + 4.0, 396.0).curve((toe + 40.0, 404.0), (-90.0, 405.0), (-66.0, 402.0)).curve(
        (-10.0, 394.0 - h * 0.12),
        (40.0, seat + 16.0),
        (back, seat + 2.0),
    );
    scene.panel(Panel::band(sole, 5.5, Texture::Leather).of(Material::Plain(SOLE)));
    let tip = if cut.is("style", "pointed") { 389.0 } else { 372.0 };
    let upper = Outline::mid(toe, 396.0)
        .curve((toe - 4.0, tip - 4.0), (toe + 34.0, 366.0), (-84.0, 352.0))
        .curve((-74.0, 368.0), (-40.0, 374.0 - h * 0.16), (10.0, seat + h * 0.28 - 24.0))
        .curve((60.0, seat - 30.0), (104.0, seat - 56.0), (back - 2.0, seat - 74.0))
        .curve((back + 12.0, seat - 50.0), (back + 10.0, seat - 20.0), (back + 3.0, seat))
        .curve((40.0, seat + 14.0), (-10.0, 392.0 - h * 0.12), (-66.0, 400.0))
        .curve((-100.0, 403.0), (toe + 40.0, 402.0), (toe, 396.0))
        .close();
    scene.panel(Panel::new(upper, cut.texture).body(12.0, 3.0).rumpled(0.5));
    let topline = Outline::mid(-84.0, 353.0)
        .curve((-74.0, 369.0), (-40.0, 375.0 - h * 0.16), (10.0, seat + h * 0.28 - 23.0))
        .curve((60.0, seat - 29.0), (104.0, seat - 55.0), (back - 2.0, seat - 73.0));
    scene.panel(Panel::band(topline, 3.6, cut.texture).of(Material::Shade(0.22)));
    if open {
        open_toe(scene, cut, toe);
    }
    if cut.is("style", "ankle-strap") {
        ankle_strap(scene, cut, back, seat);
    }
}

/// A window at the tip, with the insole in it.
fn open_toe(scene: &mut Scene, cut: &Cut, toe: f32) {
    let window = Outline::mid(toe - 4.0, 398.0)
        .curve((toe - 6.0, 370.0), (toe + 14.0, 362.0), (toe + 30.0, 364.0))
        .curve((toe + 46.0, 374.0), (toe + 46.0, 390.0), (toe + 34.0, 399.0))
        .close();
    scene.panel(
        Panel::new(window, Texture::Leather).of(Material::Plain(rgb(196, 166, 130))).body(7.0, 0.0).rumpled(0.1),
    );
    let edge = Outline::mid(toe + 28.0, 363.0).curve((toe + 46.0, 374.0), (toe + 46.0, 390.0), (toe + 34.0, 400.0));
    scene.panel(Panel::band(edge, 5.0, cut.texture).of(Material::Shade(0.2)));
}

fn ankle_strap(scene: &mut Scene, cut: &Cut, back: f32, seat: f32) {
    let y = seat - 112.0;
    let far = Outline::mid(back - 84.0, y + 14.0).curve(
        (back - 60.0, y - 8.0),
        (back - 20.0, y - 10.0),
        (back + 2.0, y + 4.0),
    );
    scene.panel(Panel::band(far, 10.0, Texture::Leather).of(Material::Shade(0.45)));
    let near = Outline::mid(back - 84.0, y + 14.0).curve(
        (back - 60.0, y + 34.0),
        (back - 20.0, y + 28.0),
        (back + 2.0, y + 4.0),
    );
    scene.panel(Panel::band(near, 12.0, cut.texture).of(Material::Ground));
    let post =
        Outline::mid(back + 1.0, y + 4.0).curve((back + 6.0, y + 20.0), (back + 4.0, y + 32.0), (back, seat - 66.0));
    scene.panel(Panel::band(post, 11.0, cut.texture).of(Material::Ground));
    let buckle = Outline::block(back - 52.0, y + 26.0, 8.0, 8.5, 2.0);
    scene.panel(Panel::band(buckle, 3.0, Texture::Metal).of(Material::Plain(GOLD)));
}

/// Boots.
pub fn boots(scene: &mut Scene, cut: &Cut) {
    pair(scene, |scene| boot(scene, cut));
}

fn boot(scene: &mut Scene, cut: &Cut) {
    let h = rise(cut).max(20.0);
    let knee = cut.is("length", "knee");
    let ground = if knee { 474.0 } else { 408.0 };
    let seat = ground - h;
    let top = if knee { 152.0 } else { seat - 150.0 };
    let (front, back) = (if knee { 20.0 } else { 26.0 }, 132.0);
    let hole = Outline::mid(front - 2.0, top + 4.0)
        .quad((76.0, top - 15.0), (back + 1.0, top + 1.0))
        .quad((76.0, top + 26.0), (front - 2.0, top + 4.0))
        .close();
    scene.panel(Panel::new(hole, Texture::Cotton).of(Material::Shade(0.55)).body(4.0, 0.0));
    heel(scene, cut, back + 2.0, seat, ground);
    let upper = Outline::mid(-150.0, ground - 8.0)
        .curve((-156.0, ground - 44.0), (-118.0, ground - 56.0), (-70.0, ground - 66.0 - h * 0.1))
        .curve((-14.0, ground - 78.0 - h * 0.3), (24.0, seat - 70.0), (32.0, seat - 96.0))
        .curve((32.0, seat - 130.0), (front, top + 60.0), (front, top + 6.0))
        .quad((76.0, top + 21.0), (back, top))
        .curve((back + 8.0, top + 60.0), (back - 16.0, seat - 90.0), (back - 4.0, seat - 50.0))
        .curve((back + 8.0, seat - 30.0), (back + 6.0, seat - 12.0), (back + 3.0, seat))
        .curve((60.0, seat + 10.0), (0.0, ground - 10.0 - h * 0.12), (-60.0, ground - 4.0))
        .close();
    let mut panel = Panel::new(upper, cut.texture).body(14.0, 3.0);
    for k in 0..4 {
        let y = seat - 98.0 + k as f32 * 13.0;
        let height = if k % 2 == 0 { -3.2 } else { 2.6 };
        panel = panel.fold((26.0, y), (62.0, y + 12.0), (102.0, y + 2.0), 5.0, height);
    }
    panel = panel.fold((72.0, top + 10.0), (66.0, (top + seat) / 2.0), (70.0, seat - 60.0), 16.0, 4.0);
    scene.panel(panel);
    let sole = Outline::mid(-150.0, ground - 5.0)
        .curve((-110.0, ground + 1.0), (-80.0, ground), (-60.0, ground - 2.0))
        .curve((0.0, ground - 8.0 - h * 0.12), (60.0, seat + 12.0), (back + 2.0, seat + 2.0));
    scene.panel(Panel::band(sole, 7.0, Texture::Smooth).of(Material::Plain(SOLE)));
    boot_seams(scene, cut, top, seat);
}

fn boot_seams(scene: &mut Scene, cut: &Cut, top: f32, seat: f32) {
    let side = Outline::mid(84.0, top + 14.0).curve((86.0, seat - 110.0), (80.0, seat - 60.0), (74.0, seat + 4.0));
    if cut.is("length", "ankle") {
        let gusset = Outline::mid(66.0, top + 12.0)
            .curve((70.0, top + 50.0), (72.0, seat - 70.0), (84.0, seat - 56.0))
            .curve((98.0, seat - 70.0), (102.0, top + 50.0), (106.0, top + 8.0))
            .close();
        scene.panel(Panel::new(gusset, Texture::Rib).of(Material::Shade(0.3)).body(4.0, 1.0));
        let tab = Outline::mid(124.0, top + 8.0).curve((124.0, top - 26.0), (136.0, top - 26.0), (132.0, top + 8.0));
        scene.panel(Panel::band(tab, 5.0, Texture::Canvas).of(Material::Shade(0.2)));
    } else {
        scene.zip(&side, GOLD);
        scene.zip_pull(84.0, top + 22.0, GOLD);
        scene.button(60.0, top + 32.0, 4.0, button_colour(cut));
    }
    let counter = Outline::mid(88.0, seat + 2.0).curve((84.0, seat - 36.0), (108.0, seat - 48.0), (127.0, seat - 52.0));
    scene.seam(counter.clone(), 0.3);
    scene.stitch(
        counter.shift(0.0, 3.0),
        if lightness(cut.palette.ground) > 0.5 { thread(cut) } else { shade(CREAM, 0.3) },
        0.35,
    );
}
