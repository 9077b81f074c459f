//! Bags, scarves, hats.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Cut;
use super::tops::thread;
use crate::fabric::Texture;
use crate::palette::{GOLD, rgb};
use crate::scene::{Layer, Material, Outline, Panel, Scene, Seam};

/// A bag.
pub fn bag(scene: &mut Scene, cut: &Cut) {
    let texture = if cut.texture == Texture::Quilted { Texture::Diamond } else { cut.texture };
    match cut.item.get("style") {
        Some("tote") => tote(scene, cut, texture),
        Some("shoulder") => shoulder_bag(scene, cut, texture),
        Some("backpack") => backpack(scene, cut, texture),
        _ => clutch(scene, cut, texture),
    }
}

/// Straps are of leather, except on canvas.
fn strap_texture(cut: &Cut) -> Texture {
    if cut.texture == Texture::Canvas { Texture::Canvas } else { Texture::Leather }
}

fn tote(scene: &mut Scene, cut: &Cut, texture: Texture) {
    let strap = |y: f32, dx: f32| {
        Outline::mid(-58.0 + dx, 270.0).curve((-60.0 + dx, y), (-34.0 + dx, y - 66.0), (dx, y - 66.0)).curve(
            (34.0 + dx, y - 66.0),
            (60.0 + dx, y),
            (58.0 + dx, 270.0),
        )
    };
    scene.panel(Panel::band(strap(150.0, 7.0), 12.0, strap_texture(cut)).of(Material::Shade(0.3)));
    let mouth =
        Outline::mid(-128.0, 244.0).quad((0.0, 228.0), (128.0, 244.0)).quad((0.0, 262.0), (-128.0, 244.0)).close();
    scene.panel(Panel::new(mouth, Texture::Cotton).of(Material::Shade(0.5)).body(4.0, 0.0));
    let body = Outline::mid(-130.0, 243.0)
        .quad((0.0, 258.0), (130.0, 243.0))
        .curve((140.0, 330.0), (152.0, 420.0), (154.0, 492.0))
        .quad((154.0, 510.0), (136.0, 511.0))
        .quad((0.0, 519.0), (-136.0, 511.0))
        .quad((-154.0, 510.0), (-154.0, 492.0))
        .curve((-152.0, 420.0), (-140.0, 330.0), (-130.0, 243.0))
        .close();
    let panel = Panel::new(body, texture)
        .body(14.0, 4.0)
        .fold((-120.0, 260.0), (-110.0, 360.0), (-130.0, 470.0), 12.0, 3.4)
        .fold((116.0, 260.0), (96.0, 340.0), (120.0, 440.0), 12.0, -3.4)
        .fold((-40.0, 270.0), (-20.0, 330.0), (-36.0, 400.0), 14.0, 2.4);
    scene.panel(panel);
    let top = Outline::mid(-130.0, 254.0).quad((0.0, 270.0), (131.0, 254.0));
    scene.stitch(top, thread(cut), 0.5);
    scene.seam(Outline::mid(-153.0, 478.0).quad((0.0, 488.0), (153.0, 478.0)), 0.22);
    scene.panel(Panel::band(strap(166.0, 0.0), 13.0, strap_texture(cut)).of(Material::Shade(0.12)).body(5.0, 3.0));
    for x in [-58.0, 58.0] {
        let tab = Outline::block(x, 282.0, 9.0, 19.0, 3.0);
        scene.panel(Panel::new(tab.clone(), strap_texture(cut)).of(Material::Shade(0.12)).body(3.0, 2.0));
        scene.stitch(tab, thread(cut), 0.4);
        scene.button(x, 290.0, 3.6, GOLD);
    }
}

fn shoulder_bag(scene: &mut Scene, cut: &Cut, texture: Texture) {
    let chain = Outline::mid(-112.0, 306.0).curve((-120.0, 130.0), (-52.0, 74.0), (0.0, 74.0)).curve(
        (52.0, 74.0),
        (120.0, 130.0),
        (112.0, 306.0),
    );
    scene.panel(Panel::band(chain.clone(), 9.0, Texture::Metal).of(Material::Plain(GOLD)));
    scene.layers.push(Layer::Seam(Seam {
        outline: chain,
        width: 3.4,
        strength: 0.55,
        colour: Some([0.2, 0.14, 0.06]),
        dash: Some((4.0, 6.0)),
    }));
    let body = Outline::mid(-124.0, 316.0)
        .quad((0.0, 292.0), (124.0, 316.0))
        .curve((142.0, 370.0), (148.0, 420.0), (142.0, 454.0))
        .quad((138.0, 482.0), (104.0, 486.0))
        .quad((0.0, 495.0), (-104.0, 486.0))
        .quad((-138.0, 482.0), (-142.0, 454.0))
        .curve((-148.0, 420.0), (-142.0, 370.0), (-124.0, 316.0))
        .close();
    scene.panel(Panel::new(body, texture).body(18.0, 4.0));
    let flap = Outline::mid(-126.0, 314.0)
        .quad((0.0, 286.0), (126.0, 314.0))
        .curve((136.0, 350.0), (132.0, 384.0), (104.0, 400.0))
        .quad((0.0, 440.0), (-104.0, 400.0))
        .curve((-132.0, 384.0), (-136.0, 350.0), (-126.0, 314.0))
        .close();
    scene.panel(Panel::new(flap.clone(), texture).grain(0.0, 9.0, 22.0).body(11.0, 6.0));
    scene.stitch(flap.map(|p| (224.0 + (p.0 - 224.0) * 0.95, 356.0 + (p.1 - 356.0) * 0.91)), thread(cut), 0.45);
    scene.panel(
        Panel::new(Outline::block(0.0, 418.0, 17.0, 13.0, 5.0), Texture::Metal)
            .of(Material::Plain(GOLD))
            .body(5.0, 3.0),
    );
    scene.line(Outline::block(0.0, 418.0, 9.0, 6.0, 3.0), 1.4, [0.3, 0.2, 0.08], 0.6);
}

fn backpack(scene: &mut Scene, cut: &Cut, texture: Texture) {
    for side in [-1.0, 1.0] {
        let strap =
            Outline::mid(side * 40.0, 150.0).curve((side * 130.0, 150.0), (side * 168.0, 280.0), (side * 138.0, 470.0));
        scene.panel(Panel::band(strap, 21.0, strap_texture(cut)).of(Material::Shade(0.26)).body(7.0, 3.0));
    }
    let handle = Outline::mid(-26.0, 138.0).curve((-28.0, 84.0), (28.0, 84.0), (26.0, 138.0));
    scene.panel(Panel::band(handle, 11.0, strap_texture(cut)).of(Material::Shade(0.2)));
    let body = Outline::mid(0.0, 118.0)
        .curve((74.0, 116.0), (118.0, 152.0), (122.0, 230.0))
        .curve((126.0, 330.0), (132.0, 420.0), (128.0, 476.0))
        .quad((122.0, 502.0), (90.0, 505.0))
        .quad((40.0, 511.0), (0.0, 511.0))
        .symmetric();
    let panel =
        Panel::new(body, texture).body(18.0, 4.0).fold((-96.0, 200.0), (-80.0, 260.0), (-100.0, 330.0), 10.0, 3.0);
    scene.panel(panel);
    let zip = Outline::mid(-108.0, 276.0).curve((-104.0, 190.0), (-66.0, 146.0), (0.0, 146.0)).curve(
        (66.0, 146.0),
        (104.0, 190.0),
        (108.0, 276.0),
    );
    scene.zip(&zip, GOLD);
    scene.zip_pull(-107.0, 278.0, GOLD);
    let pocket = Outline::mid(-92.0, 336.0)
        .quad((0.0, 322.0), (92.0, 336.0))
        .curve((98.0, 390.0), (100.0, 430.0), (96.0, 466.0))
        .quad((92.0, 484.0), (70.0, 485.0))
        .quad((0.0, 490.0), (-70.0, 485.0))
        .quad((-92.0, 484.0), (-96.0, 466.0))
        .curve((-100.0, 430.0), (-98.0, 390.0), (-92.0, 336.0))
        .close();
    scene.panel(Panel::new(pocket, texture).grain(0.0, 6.0, 14.0).body(14.0, 6.0));
    scene.zip(&Outline::mid(-84.0, 356.0).quad((0.0, 343.0), (84.0, 356.0)), GOLD);
    scene.zip_pull(-80.0, 358.0, GOLD);
    let patch = Outline::block(0.0, 414.0, 22.0, 15.0, 4.0);
    scene.panel(Panel::new(patch.clone(), Texture::Leather).of(Material::Plain(rgb(150, 100, 62))).body(3.0, 2.0));
    scene.stitch(patch, rgb(232, 206, 160), 0.7);
}

fn clutch(scene: &mut Scene, cut: &Cut, texture: Texture) {
    let body = Outline::block(0.0, 322.0, 168.0, 104.0, 12.0);
    scene.panel(Panel::new(body, texture).body(14.0, 4.0));
    let flap = Outline::mid(-168.0, 228.0)
        .quad((-168.0, 217.0), (-154.0, 217.0))
        .line(154.0, 217.0)
        .quad((168.0, 217.0), (168.0, 228.0))
        .curve((150.0, 270.0), (60.0, 330.0), (0.0, 350.0))
        .curve((-60.0, 330.0), (-150.0, 270.0), (-168.0, 228.0))
        .close();
    scene.panel(Panel::new(flap.clone(), texture).grain(0.0, 14.0, 31.0).body(9.0, 6.0));
    scene.stitch(flap.map(|p| (224.0 + (p.0 - 224.0) * 0.94, 262.0 + (p.1 - 262.0) * 0.88)), thread(cut), 0.4);
    scene.panel(
        Panel::new(Outline::ellipse(0.0, 336.0, 11.0, 11.0), Texture::Metal).of(Material::Plain(GOLD)).body(4.0, 3.0),
    );
    let wrist = Outline::mid(164.0, 250.0).curve((204.0, 262.0), (206.0, 372.0), (178.0, 396.0)).curve(
        (160.0, 400.0),
        (166.0, 290.0),
        (164.0, 254.0),
    );
    scene.panel(Panel::band(wrist, 8.0, strap_texture(cut)).of(Material::Shade(0.2)));
}

/// A scarf, laid in a loop with both ends down.
pub fn scarf(scene: &mut Scene, cut: &Cut, rng: &mut ChaCha8Rng) {
    let fringed = cut.is("style", "fringed");
    let end = if fringed { 480.0 } else { 512.0 };
    let tail = |lean: f32, end: f32| {
        Outline::mid(26.0, 150.0)
            .curve((40.0, 250.0), (34.0 + lean, 380.0), (22.0 + lean * 1.4, end))
            .line(120.0 + lean * 1.4, end + 8.0)
            .curve((128.0 + lean, 380.0), (124.0, 250.0), (112.0, 150.0))
            .close()
    };
    let back =
        folded(Panel::new(tail(10.0, end - 36.0), cut.texture).grain(-0.05, 10.0, 5.0).mirror(), -1.0, end - 36.0, rng);
    if fringed {
        fringe(scene, -1.0, 22.0 + 14.0, end - 36.0, rng);
    }
    scene.panel(back);
    let front = folded(Panel::new(tail(-34.0, end), cut.texture).grain(0.09, 21.0, 9.0), 1.0, end, rng);
    if fringed {
        fringe(scene, 1.0, 22.0 - 47.6, end, rng);
    }
    scene.panel(front);
    let collar = Outline::mid(-116.0, 162.0)
        .curve((-122.0, 96.0), (-66.0, 62.0), (0.0, 62.0))
        .curve((66.0, 62.0), (122.0, 96.0), (116.0, 162.0))
        .curve((108.0, 208.0), (50.0, 232.0), (0.0, 232.0))
        .curve((-50.0, 232.0), (-108.0, 208.0), (-116.0, 162.0))
        .close();
    let mut loop_ = Panel::new(collar, cut.texture).grain(1.45, 30.0, 40.0).body(16.0, 7.0);
    for k in 0..4 {
        let y = 158.0 + k as f32 * 17.0;
        let height = if k % 2 == 0 { -5.0 } else { 4.5 };
        loop_ = loop_.fold((-108.0, y - 40.0), (0.0, y + 62.0 - k as f32 * 2.0), (108.0, y - 40.0), 7.0, height);
    }
    scene.panel(loop_);
    let hole = Outline::mid(-70.0, 122.0)
        .curve((-64.0, 88.0), (64.0, 88.0), (70.0, 122.0))
        .curve((52.0, 156.0), (-52.0, 156.0), (-70.0, 122.0))
        .close();
    scene.panel(Panel::new(hole, cut.texture).of(Material::Shade(0.5)).body(10.0, 0.0));
}

/// Lengthwise folds of a scarf's end.
fn folded(mut panel: Panel, side: f32, end: f32, rng: &mut ChaCha8Rng) -> Panel {
    for k in 0..3 {
        let x = 46.0 + k as f32 * 22.0;
        let lean = if side > 0.0 { -40.0 } else { 14.0 };
        let height = rng.random_range(3.0..5.5) * if k % 2 == 0 { 1.0 } else { -1.0 };
        panel = panel.fold(
            (side * x, 190.0),
            (side * (x + lean * 0.4 + 4.0), 330.0),
            (side * (x + lean), end + 40.0),
            rng.random_range(7.0..11.0),
            height,
        );
    }
    panel.body(7.0, 5.0)
}

fn fringe(scene: &mut Scene, side: f32, from: f32, y: f32, rng: &mut ChaCha8Rng) {
    let to = from + 98.0;
    for k in 0..13 {
        let x = side * (from + 3.0 + (to - from - 6.0) * k as f32 / 12.0);
        let (sway, drop) = (rng.random_range(-6.0..6.0), rng.random_range(42.0..52.0));
        let yarn =
            Outline::mid(x, y - 2.0 + k as f32 * 0.6).quad((x + sway * 0.2, y + drop * 0.5), (x + sway, y + drop));
        scene.panel(Panel::band(yarn, 4.6, Texture::Rib).of(Material::Ground).body(2.0, 1.0));
    }
}

/// A hat.
pub fn hat(scene: &mut Scene, cut: &Cut) {
    match cut.item.get("style") {
        Some("beanie") => beanie(scene, cut),
        Some("bucket") => bucket(scene, cut),
        Some("wide-brim") => wide_brim(scene, cut),
        _ => cap(scene, cut),
    }
}

fn beanie(scene: &mut Scene, cut: &Cut) {
    let pompom = Outline::ellipse(0.0, 118.0, 44.0, 42.0);
    scene.panel(Panel::new(pompom, Texture::Wool).of(Material::Shade(-0.14)).body(20.0, 3.0).rumpled(3.0));
    let crown = Outline::mid(0.0, 140.0)
        .curve((96.0, 138.0), (142.0, 226.0), (142.0, 360.0))
        .curve((80.0, 384.0), (40.0, 388.0), (0.0, 388.0))
        .symmetric();
    let mut panel = Panel::new(crown, cut.texture).body(22.0, 4.0);
    for x in [-0.7, -0.35, 0.0, 0.35, 0.7] {
        panel = panel.fold((x * 20.0, 146.0), (x * 130.0, 190.0), (x * 150.0, 330.0), 8.0, -3.0);
    }
    scene.panel(panel);
    let brim = Outline::mid(-147.0, 352.0)
        .quad((0.0, 378.0), (147.0, 352.0))
        .curve((154.0, 380.0), (154.0, 420.0), (149.0, 446.0))
        .quad((0.0, 474.0), (-149.0, 446.0))
        .curve((-154.0, 420.0), (-154.0, 380.0), (-147.0, 352.0))
        .close();
    scene.panel(Panel::new(brim, Texture::Rib).of(super::tops::trim(cut)).body(14.0, 6.0).rumpled(0.5));
    let label = Outline::block(70.0, 410.0, 19.0, 13.0, 2.0);
    scene.panel(Panel::new(label, Texture::Leather).of(Material::Plain(rgb(150, 100, 62))).body(2.0, 1.5));
}

fn bucket(scene: &mut Scene, cut: &Cut) {
    let crown = Outline::mid(0.0, 178.0)
        .curve((60.0, 178.0), (98.0, 184.0), (104.0, 198.0))
        .curve((112.0, 250.0), (120.0, 300.0), (124.0, 336.0))
        .quad((60.0, 362.0), (0.0, 362.0))
        .symmetric();
    let brim = Outline::mid(-122.0, 326.0)
        .quad((0.0, 372.0), (122.0, 326.0))
        .curve((150.0, 362.0), (176.0, 402.0), (184.0, 432.0))
        .curve((110.0, 474.0), (-110.0, 474.0), (-184.0, 432.0))
        .curve((-176.0, 402.0), (-150.0, 362.0), (-122.0, 326.0))
        .close();
    scene.panel(Panel::new(crown, cut.texture).body(16.0, 3.0).fold(
        (-60.0, 200.0),
        (-70.0, 260.0),
        (-70.0, 330.0),
        12.0,
        3.0,
    ));
    scene.seam(Outline::mid(-104.0, 199.0).quad((0.0, 222.0), (104.0, 199.0)), 0.35);
    scene.seam(Outline::mid(0.0, 214.0).line(0.0, 346.0), 0.2);
    scene.panel(Panel::new(brim, cut.texture).grain(0.0, 12.0, 8.0).body(10.0, 4.0).fold(
        (-130.0, 380.0),
        (0.0, 410.0),
        (130.0, 380.0),
        14.0,
        4.0,
    ));
    for k in 1..6 {
        let t = k as f32 / 6.0;
        let (x, y) = (124.0 + 58.0 * t, 330.0 + 98.0 * t);
        let row = Outline::mid(-x, y).curve((-x * 0.55, y + 42.0), (x * 0.55, y + 42.0), (x, y));
        scene.stitch(row, thread(cut), 0.45);
    }
    for x in [-62.0, -46.0] {
        scene.line(Outline::ellipse(x, 262.0, 3.6, 3.6), 2.0, GOLD, 0.9);
    }
}

fn wide_brim(scene: &mut Scene, cut: &Cut) {
    let brim = Outline::ellipse(0.0, 350.0, 202.0, 108.0);
    scene.panel(Panel::new(brim.clone(), cut.texture).body(12.0, 4.0).fold(
        (-180.0, 380.0),
        (0.0, 470.0),
        (180.0, 380.0),
        22.0,
        6.0,
    ));
    scene.line(brim.map(|p| (224.0 + (p.0 - 224.0) * 0.97, 350.0 + (p.1 - 350.0) * 0.95)), 1.1, thread(cut), 0.4);
    let crown = Outline::mid(0.0, 172.0)
        .curve((30.0, 160.0), (84.0, 158.0), (94.0, 196.0))
        .curve((102.0, 250.0), (108.0, 300.0), (112.0, 344.0))
        .curve((80.0, 384.0), (40.0, 390.0), (0.0, 390.0))
        .symmetric();
    let panel = Panel::new(crown, cut.texture)
        .grain(0.0, 8.0, 30.0)
        .body(18.0, 10.0)
        .fold((-70.0, 176.0), (0.0, 226.0), (70.0, 176.0), 15.0, -8.0)
        .fold((-72.0, 200.0), (-62.0, 250.0), (-70.0, 300.0), 13.0, -3.0);
    scene.panel(panel);
    let ribbon = Outline::mid(-108.0, 314.0)
        .curve((-80.0, 350.0), (80.0, 350.0), (108.0, 314.0))
        .line(112.0, 345.0)
        .curve((84.0, 388.0), (-84.0, 388.0), (-112.0, 345.0))
        .close();
    scene.panel(Panel::new(ribbon, Texture::Satin).of(Material::Shade(0.5)).body(4.0, 2.0).rumpled(0.2));
}

fn cap(scene: &mut Scene, cut: &Cut) {
    let crown = Outline::mid(-104.0, 344.0)
        .curve((-112.0, 232.0), (-52.0, 168.0), (34.0, 168.0))
        .curve((118.0, 168.0), (168.0, 236.0), (162.0, 352.0))
        .curve((90.0, 376.0), (-30.0, 378.0), (-104.0, 344.0))
        .close();
    let crown = Panel::new(crown, cut.texture).body(22.0, 4.0);
    scene.panel(crown.fold((60.0, 190.0), (110.0, 240.0), (120.0, 340.0), 16.0, 3.0));
    for (top, middle, bottom) in
        [((34.0, 169.0), (-26.0, 226.0), (-34.0, 366.0)), ((36.0, 169.0), (80.0, 236.0), (72.0, 366.0))]
    {
        let panel = Outline::mid(top.0, top.1).quad(middle, bottom);
        scene.seam(panel.clone(), 0.34);
        scene.stitch(panel.shift(3.0, 1.0), thread(cut), 0.45);
        scene.stitch(panel.shift(-3.0, 1.0), thread(cut), 0.45);
    }
    for (x, y) in [(-58.0, 248.0), (26.0, 234.0), (112.0, 252.0)] {
        scene.line(Outline::ellipse(x, y, 3.4, 3.4), 2.0, thread(cut), 0.8);
    }
    let band = Outline::mid(-104.0, 340.0).curve((-30.0, 372.0), (90.0, 370.0), (162.0, 346.0));
    scene.stitch(band.shift(0.0, -12.0), thread(cut), 0.4);
    let visor = Outline::mid(-108.0, 324.0)
        .curve((-150.0, 332.0), (-196.0, 352.0), (-202.0, 384.0))
        .curve((-200.0, 398.0), (-176.0, 396.0), (-150.0, 388.0))
        .curve((-90.0, 370.0), (-20.0, 366.0), (34.0, 376.0))
        .curve((10.0, 366.0), (-60.0, 350.0), (-108.0, 324.0))
        .close();
    let visor = Panel::new(visor, cut.texture).grain(0.2, 11.0, 17.0).body(9.0, 5.0).rumpled(0.2);
    scene.panel(visor.fold((-190.0, 380.0), (-120.0, 350.0), (0.0, 366.0), 14.0, 4.0));
    for k in 1..4 {
        let t = k as f32 / 4.0;
        let row = Outline::mid(-112.0 - 84.0 * t, 330.0 + 48.0 * t).curve(
            (-110.0 - 50.0 * t, 350.0 + 22.0 * t),
            (-60.0, 356.0 + 10.0 * t),
            (8.0, 369.0),
        );
        scene.stitch(row, thread(cut), 0.45);
    }
    scene.panel(Panel::new(Outline::ellipse(35.0, 167.0, 9.0, 5.0), cut.texture).of(Material::Ground).body(4.0, 2.0));
}
