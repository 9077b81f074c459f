//! What everything worn on the upper body shares: body, sleeves, neckline.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::fabric::Texture;
use crate::scene::{Material, Outline, Panel, Point, Scene};

/// How the neckline is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Neck {
    /// A shallow curve.
    Round,
    /// A point.
    Vee,
    /// Straight down, straight across.
    Square,
}

/// Measures in pixels; x from the axis.
#[derive(Clone, Copy, Debug)]
pub struct Torso {
    /// Height of the shoulder at the neck.
    pub top: f32,
    /// Half width of the neck.
    pub neck: f32,
    /// Depth of the neckline in front.
    pub depth: f32,
    /// How it is cut.
    pub cut: Neck,
    /// Half width at the shoulder point, and its drop.
    pub shoulder: (f32, f32),
    /// Half width and height of the armpit.
    pub armpit: Point,
    /// Half width and height of the waist.
    pub waist: Point,
    /// Half width and height of the hem.
    pub hem: Point,
    /// How far the middle of the hem hangs below its ends.
    pub droop: f32,
}

impl Torso {
    /// The right half of the neckline, from the middle out.
    pub fn neckline(&self) -> Outline {
        let (n, y, d) = (self.neck, self.top, self.depth);
        match self.cut {
            Neck::Round => Outline::mid(0.0, y + d).curve((n * 0.55, y + d), (n * 0.95, y + d * 0.62), (n, y)),
            Neck::Vee => Outline::mid(0.0, y + d).curve((n * 0.3, y + d * 0.66), (n * 0.82, y + d * 0.3), (n, y)),
            Neck::Square => {
                Outline::mid(0.0, y + d).line(n * 0.94, y + d).curve((n, y + d * 0.7), (n, y + d * 0.3), (n, y))
            }
        }
    }

    /// The right edge from the neck to the hem.
    pub fn side(&self, path: Outline) -> Outline {
        let (s, a, w, h) = (self.shoulder, self.armpit, self.waist, self.hem);
        let sy = self.top + s.1;
        let rise = (h.1 - w.1) * 0.4;
        path.line(s.0, sy)
            .curve((s.0 - 5.0, sy + (a.1 - sy) * 0.5), (a.0 - 11.0, a.1 - 12.0), a)
            .curve((a.0 - 3.0, a.1 + (w.1 - a.1) * 0.4), (w.0, w.1 - (w.1 - a.1) * 0.35), w)
            .curve((w.0, w.1 + rise * 0.6), (h.0 - (h.0 - w.0) * 0.25, h.1 - rise), h)
    }

    /// The whole front.
    pub fn front(&self) -> Outline {
        let h = self.hem;
        self.side(self.neckline())
            .curve((h.0 * 0.6, h.1 + self.droop), (h.0 * 0.3, h.1 + self.droop), (0.0, h.1 + self.droop))
            .symmetric()
    }

    /// The right front of a garment that opens, from `lap` past the middle.
    pub fn right_front(&self, lap: f32) -> Outline {
        let h = self.hem;
        let path = Outline::mid(-lap, self.top + self.depth).join(&self.neckline());
        self.side(path)
            .curve((h.0 * 0.6, h.1 + self.droop), (h.0 * 0.3, h.1 + self.droop), (-lap, h.1 + self.droop))
            .close()
    }

    /// The inside of the back, seen through the neckline.
    pub fn back(&self, scene: &mut Scene, texture: Texture) {
        let (n, y, d) = (self.neck, self.top, self.depth);
        // Wider than the opening: the front hides the rest.
        let inside = Outline::mid(0.0, y + d + 12.0)
            .line(n + 5.0, y + d + 12.0)
            .line(n + 4.0, y + 2.0)
            .curve((n * 0.6, y + 10.0), (n * 0.3, y + 11.0), (0.0, y + 11.0))
            .symmetric();
        scene.panel(Panel::new(inside, texture).of(Material::Shade(0.32)).body(3.0, 0.0).rumpled(0.3));
        let label = Outline::block(0.0, y + 19.0, 9.0, 4.5, 1.0);
        let white = Material::Plain([0.93, 0.92, 0.9]);
        if d > 26.0 {
            scene.panel(Panel::new(label, Texture::Smooth).of(white).body(1.0, 1.0));
        }
        let yoke = Outline::mid(-n - 1.0, y + 2.0).quad((0.0, y + 19.0), (n + 1.0, y + 2.0));
        scene.panel(Panel::band(yoke, 6.0, texture).of(Material::Shade(0.12)));
    }

    /// The front with creases from the armpits and along the waist.
    pub fn draped(&self, outline: Outline, texture: Texture, rng: &mut ChaCha8Rng) -> Panel {
        let mut panel = Panel::new(outline, texture).body(9.0, 4.0);
        let (a, w, h) = (self.armpit, self.waist, self.hem);
        for side in [-1.0, 1.0] {
            for _ in 0..3 {
                let (from, to) = (rng.random_range(0.0..26.0), rng.random_range(28.0..80.0));
                let inward = rng.random_range(0.1..0.55);
                panel = panel.fold(
                    (side * (a.0 - 6.0), a.1 + from),
                    (side * a.0 * 0.72, a.1 + from + 12.0),
                    (side * a.0 * inward, a.1 + to),
                    rng.random_range(5.0..10.0),
                    rng.random_range(-2.4..2.4),
                );
            }
            let x = rng.random_range(0.3..0.85);
            let span = h.1 - w.1;
            panel = panel.fold(
                (side * w.0 * x, w.1 - rng.random_range(10.0..60.0)),
                (side * w.0 * x * 0.86, w.1 + span * 0.2),
                (side * h.0 * x, h.1 - span * rng.random_range(0.05..0.3)),
                rng.random_range(7.0..13.0),
                rng.random_range(-2.6..2.8),
            );
        }
        panel
    }
}

/// Measures of a sleeve; x from the axis, on the right.
#[derive(Clone, Copy, Debug)]
pub struct Sleeve {
    /// Where the outer edge of the cuff lies.
    pub outer: Point,
    /// Where its inner edge lies.
    pub inner: Point,
    /// How far the sleeve bulges outward between shoulder and cuff.
    pub bulge: f32,
    /// Height of a gathered head above the shoulder.
    pub puff: f32,
}

impl Sleeve {
    /// The right sleeve, sewn to a torso; it lies under the front.
    pub fn panel(&self, torso: &Torso, texture: Texture, rng: &mut ChaCha8Rng) -> Panel {
        let (s, a) = ((torso.shoulder.0, torso.top + torso.shoulder.1), torso.armpit);
        let (o, i) = (self.outer, self.inner);
        let along = (o.0 - s.0, o.1 - s.1);
        let bent = |t: f32, out: f32| (s.0 + along.0 * t + out, s.1 + along.1 * t - out * 0.35);
        let outline = Outline::mid(s.0 - 12.0, s.1 - 2.5)
            .curve((s.0 - 4.0, s.1 - 3.0 - self.puff), (s.0 + 4.0, s.1 - self.puff), bent(0.12, 5.0 + self.puff * 0.5))
            .curve(bent(0.4, self.bulge + 5.0), bent(0.78, self.bulge * 0.55), o)
            .quad(((o.0 + i.0) / 2.0 + 1.0, (o.1 + i.1) / 2.0 + 4.0), i)
            .curve(
                (i.0 + (a.0 - i.0) * 0.35 + self.bulge * 0.2, i.1 + (a.1 - i.1) * 0.35),
                (i.0 + (a.0 - i.0) * 0.8, i.1 + (a.1 - i.1) * 0.8),
                (a.0 - 2.0, a.1 + 2.0),
            )
            .line(a.0 - 20.0, a.1 - 8.0)
            .close();
        let angle = along.0.atan2(along.1);
        let panel = Panel::new(outline, texture).grain(-angle, 31.0, 17.0).body(9.0, 3.0);
        self.creased(panel, s, a, rng)
    }

    /// Creases at the elbow and the head.
    fn creased(&self, mut panel: Panel, s: Point, a: Point, rng: &mut ChaCha8Rng) -> Panel {
        let (o, i) = (self.outer, self.inner);
        let outer = |t: f32| (s.0 + (o.0 - s.0) * t + self.bulge * 0.5, s.1 + (o.1 - s.1) * t);
        let inner = |t: f32| (a.0 + (i.0 - a.0) * t, a.1 + (i.1 - a.1) * t);
        let count = if o.1 - s.1 > 140.0 { 7 } else { 3 };
        for _ in 0..count {
            let t = rng.random_range(0.15..0.85);
            let (p, q) = (outer(t), inner((t + rng.random_range(-0.18..0.1)).clamp(0.02, 0.95)));
            let reach = rng.random_range(0.45..0.85);
            let from = (q.0 + 2.0, q.1);
            let to = (q.0 + (p.0 - q.0) * reach, q.1 + (p.1 - q.1) * reach);
            let over = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0 + rng.random_range(-7.0..9.0));
            panel = panel.fold(from, over, to, rng.random_range(3.5..7.0), rng.random_range(-2.2..2.4));
        }
        if self.puff > 4.0 {
            for k in 0..6 {
                let x = s.0 - 12.0 + k as f32 * 6.0;
                let to = (x + 10.0 + k as f32 * 4.0, s.1 + 34.0 + k as f32 * 4.0);
                panel = panel.fold((x, s.1 - self.puff * 0.4), (x + 4.0, s.1 + 12.0), to, 3.2, 2.8);
            }
        }
        // A ridge along the arm keeps the sleeve round.
        let middle = |t: f32| ((outer(t).0 + inner(t).0) / 2.0, (outer(t).1 + inner(t).1) / 2.0);
        panel.fold(middle(0.05), middle(0.5), middle(0.95), 12.0, 3.0)
    }

    /// A band across the end of the sleeve.
    pub fn cuff(&self, width: f32, texture: Texture) -> Panel {
        let (o, i) = (self.outer, self.inner);
        let (dx, dy) = (o.0 - i.0, o.1 - i.1);
        let length = (dx * dx + dy * dy).sqrt();
        // Along the arm, away from the hand.
        let up = (dy / length * width, -dx / length * width);
        let outline = Outline::mid(o.0 + 0.5, o.1)
            .quad(((o.0 + i.0) / 2.0, (o.1 + i.1) / 2.0 + 4.0), (i.0 - 0.5, i.1))
            .line(i.0 + up.0 - 0.5, i.1 + up.1)
            .quad(((o.0 + i.0) / 2.0 + up.0, (o.1 + i.1) / 2.0 + up.1 + 4.0), (o.0 + up.0 + 0.5, o.1 + up.1))
            .close();
        let angle = (-up.0).atan2(-up.1);
        Panel::new(outline, texture).grain(-angle, 5.0, 3.0).body(4.0, 1.5).rumpled(0.3)
    }

    /// A row of stitches across the end of the sleeve.
    pub fn hemline(&self, up: f32) -> Outline {
        let (o, i) = (self.outer, self.inner);
        let (dx, dy) = (o.0 - i.0, o.1 - i.1);
        let length = (dx * dx + dy * dy).sqrt();
        let (ux, uy) = (dy / length * up, -dx / length * up);
        Outline::mid(o.0 + ux, o.1 + uy)
            .quad(((o.0 + i.0) / 2.0 + ux, (o.1 + i.1) / 2.0 + uy + 4.0), (i.0 + ux, i.1 + uy))
    }
}
