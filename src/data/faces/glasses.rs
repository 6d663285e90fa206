//! Glasses: two rims and a bridge in a plane before the eyes, and temples that run back to the ears.
//!
//! Invariant: they are built in head space on the head's own measures, so they sit on the nose at every angle.

use super::features::Features;
use super::head::Head;
use super::maths::{Vec3, smoothstep, vec3};

/// Glasses of one face.
#[derive(Clone, Debug)]
pub(super) struct Glasses {
    presence: f32,
    colour: Vec3,
    plane: f32,
    centre_x: f32,
    half: (f32, f32),
    ear: Vec3,
}

const RIM: f32 = 0.024;
const SOFT: f32 = 0.028;

/// What the glasses do to the picture at one point.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Glass {
    /// Coverage by the frame.
    pub(super) frame: f32,
    /// Reflection on the lens.
    pub(super) shine: f32,
}

impl Glasses {
    pub(super) fn new(
        presence: f32,
        colour: Vec3,
        head: &Head,
        features: &Features,
    ) -> Option<Self> {
        (presence > 0.0).then(|| Self {
            presence,
            colour,
            plane: head.front(features.eye_x, 0.0) + 0.13,
            centre_x: features.eye_x.max(0.31) + 0.01,
            half: (0.25, 0.19),
            ear: vec3(head.half_width + 0.045, 0.06, -0.05),
        })
    }

    pub(super) fn colour(&self) -> Vec3 {
        self.colour
    }

    /// Coverage along the ray `o + w·e`, where everything behind `depth` is hidden.
    pub(super) fn at(&self, o: Vec3, e: Vec3, depth: f32) -> Glass {
        let mut glass = Glass::default();
        if (o.y + e.y * self.plane).abs() > 0.45 {
            return glass;
        }
        let mut lens = 0.0_f32;
        let w = (self.plane - o.z) / e.z;
        if w > depth - 0.03 {
            let p = o + e * w;
            let (x, y) = (p.x.abs() - self.centre_x, p.y + 0.015);
            let corner = 0.145;
            let (qx, qy) = (
                x.abs() - self.half.0 + corner,
                y.abs() - self.half.1 + corner,
            );
            let outer = (qx.max(0.0) * qx.max(0.0) + qy.max(0.0) * qy.max(0.0)).sqrt()
                + qx.max(qy).min(0.0)
                - corner;
            glass.frame = smoothstep(RIM + SOFT, RIM - SOFT, outer.abs());
            let bridge = (y - 0.055 - 0.25 * p.x * p.x).abs();
            if x < 0.0 && outer > 0.0 {
                glass.frame = glass.frame.max(smoothstep(RIM + SOFT, RIM - SOFT, bridge));
            }
            let streak = x + 0.55 * y;
            let band = smoothstep(0.10, 0.05, (streak - 0.06).abs()) * 0.5
                + smoothstep(0.03, 0.0, (streak + 0.09).abs()) * 0.3;
            glass.shine =
                0.12 * band * smoothstep(0.0, -0.06, outer) + 0.02 * smoothstep(0.0, -0.03, outer);
            lens = smoothstep(SOFT, -SOFT, outer);
        }
        for side in [-1.0_f32, 1.0] {
            let from = vec3(side * (self.centre_x + self.half.0), 0.06, self.plane);
            let to = vec3(side * self.ear.x, self.ear.y, self.ear.z);
            let (distance, w) = ray_to_segment(o, e, from, to);
            if w > depth - 0.05 {
                // Seen through a lens, the far temple would only clutter the eye.
                let temple = smoothstep(RIM + SOFT, RIM - SOFT, distance) * (1.0 - lens);
                glass.frame = glass.frame.max(temple);
            }
        }
        glass.frame *= self.presence;
        glass.shine *= self.presence;
        glass
    }
}

/// Distance between the line `o + w·e` (unit `e`) and a segment, with the `w` of the nearest point.
fn ray_to_segment(o: Vec3, e: Vec3, from: Vec3, to: Vec3) -> (f32, f32) {
    let flat = |v: Vec3| v - e * v.dot(e);
    let (a, b) = (flat(from - o), flat(to - o));
    let ab = b - a;
    let t = (-a.dot(ab) / ab.dot(ab).max(1e-9)).clamp(0.0, 1.0);
    let nearest = a + ab * t;
    let w = (from - o).mix(to - o, t).dot(e);
    (nearest.dot(nearest).sqrt(), w)
}
