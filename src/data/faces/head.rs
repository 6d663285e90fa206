//! The head as an implicit surface: a tapered ellipsoid with humps for nose, brow, cheeks, lips and chin.
//!
//! Head space: x to the viewer's right, y up, z towards the viewer of a head that looks straight ahead; the chin lies
//! at y ≈ −1, the crown at 1, the eyes at 0. Invariant: the field is positive outside and its gradient is exact, so
//! that Newton's method finds the surface in a few steps and the normal comes for free.

use super::factors::Face;
use super::maths::{Vec3, ellipsoid, hump, mix, smoothstep, vec3};

/// A smooth local change of the surface, mirrored to both sides when `x > 0`.
#[derive(Clone, Copy, Debug)]
struct Hump {
    centre: Vec3,
    inverse_radii: Vec3,
    height: f32,
}

/// Geometry of one head.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// Half width at the height of the eyes.
    pub(super) half_width: f32,
    /// Half depth.
    pub(super) half_depth: f32,
    /// Ears lie flat under long hair.
    ear_size: f32,
    taper: f32,
    squareness: f32,
    humps: [Hump; 11],
}

/// Height of the skull above the eyes.
pub(super) const CROWN: f32 = 0.91;
/// The share by which the lower face comes forward.
const CHIN_FORWARD: f32 = 0.20;

impl Head {
    pub(super) fn new(face: &Face) -> Self {
        let half_width = 0.735 + 0.072 * face.face_width;
        let mut head = Self {
            half_width,
            half_depth: 0.83,
            ear_size: mix(1.0, 0.3, smoothstep(0.18, 0.40, face.hair_length)),
            taper: 0.235 - 0.14 * face.jaw,
            squareness: 0.30 + 0.28 * face.jaw,
            humps: [Hump {
                centre: vec3(0.0, 0.0, 0.0),
                inverse_radii: Vec3::ONE,
                height: 0.0,
            }; 11],
        };
        let nose = 1.0 + 0.35 * face.nose_size;
        let eye = 0.35 * half_width / 0.735;
        let smile = face.smile.max(0.0);
        // x, y, three radii, height
        let humps = [
            [0.0, -0.30, 0.17 * nose, 0.15 * nose, 0.34, 0.46 * nose],
            [0.0, -0.06, 0.13 * nose, 0.34, 0.30, 0.17 * nose],
            [0.115 * nose, -0.335, 0.10 * nose, 0.09 * nose, 0.22, 0.17],
            [0.30, 0.235, 0.34, 0.15, 0.35, 0.075],
            [eye, 0.0, 0.27, 0.21, 0.35, -0.085],
            [
                0.41,
                -0.30 + 0.03 * smile,
                0.30,
                0.25,
                0.40,
                0.075 + 0.055 * smile,
            ],
            [0.0, -0.93, 0.30, 0.20, 0.40, 0.10],
            [0.0, -0.58, 0.40, 0.24, 0.40, 0.10],
            [0.0, -0.655, 0.22, 0.075, 0.30, 0.075],
            [0.0, -0.545, 0.24, 0.06, 0.30, 0.05],
            [0.0, -0.745, 0.26, 0.07, 0.30, -0.05],
        ];
        for (slot, [x, y, rx, ry, rz, height]) in head.humps.iter_mut().zip(humps) {
            *slot = Hump {
                centre: vec3(x, y, 0.0),
                inverse_radii: vec3(1.0 / rx, 1.0 / ry, 1.0 / rz),
                height,
            };
        }
        for i in 0..head.humps.len() {
            let Vec3 { x, y, .. } = head.humps[i].centre;
            head.humps[i].centre.z = head.front(x, y);
        }
        head
    }

    /// Depth of the ungarnished surface at `(x, y)`.
    pub(super) fn front(&self, x: f32, y: f32) -> f32 {
        let below = (-y).max(0.0);
        let width = self.half_width * (1.0 - self.taper * below * below);
        let rest = 1.0 - (x / width) * (x / width) - self.vertical(y).0;
        self.half_depth * rest.max(0.0).sqrt() + CHIN_FORWARD * below * below
    }

    /// The share of the height in the field, with its slope: flatter at the chin the squarer the jaw.
    fn vertical(&self, y: f32) -> (f32, f32) {
        let y2 = y * y;
        if y > 0.0 {
            (y2 / (CROWN * CROWN), 2.0 * y / (CROWN * CROWN))
        } else {
            let q = self.squareness;
            (mix(y2, y2 * y2, q), mix(2.0 * y, 4.0 * y2 * y, q))
        }
    }

    /// Field and gradient at `p`.
    #[inline]
    pub(super) fn field(&self, p: Vec3) -> (f32, Vec3) {
        let below = (-p.y).max(0.0);
        let narrow = 1.0 / (1.0 - self.taper * below * below);
        let x = p.x * narrow / self.half_width;
        let z = (p.z - CHIN_FORWARD * below * below) / self.half_depth;
        let (v, v_slope) = self.vertical(p.y);
        let mut value = x * x + z * z + v - 1.0;
        let mut slope = vec3(
            2.0 * x * narrow / self.half_width,
            v_slope - 4.0 * x * x * narrow * self.taper * below
                + 4.0 * z * CHIN_FORWARD * below / self.half_depth,
            2.0 * z / self.half_depth,
        );
        if p.z > 0.0 && value < 0.9 {
            let (side, ax) = (if p.x < 0.0 { -1.0 } else { 1.0 }, p.x.abs());
            for hump in &self.humps {
                let dy = (p.y - hump.centre.y) * hump.inverse_radii.y;
                if dy.abs() >= 1.0 {
                    continue;
                }
                let at_middle = hump.centre.x == 0.0;
                let dx = if at_middle { p.x } else { ax - hump.centre.x };
                let d = vec3(
                    dx * hump.inverse_radii.x,
                    dy,
                    (p.z - hump.centre.z) * hump.inverse_radii.z,
                );
                let t = 1.0 - d.dot(d);
                if t > 0.0 {
                    value -= hump.height * t * t * t;
                    let mut g = d.by(hump.inverse_radii) * (6.0 * hump.height * t * t);
                    if !at_middle {
                        g.x *= side;
                    }
                    slope += g;
                }
            }
        }
        (value, slope)
    }

    /// Where the ray `o + w·e` first meets the surface, coming from large `w`; with the outward normal.
    pub(super) fn hit(&self, o: Vec3, e: Vec3) -> Option<(f32, Vec3)> {
        let hull = vec3(
            1.0 / (self.half_width + 0.05),
            1.0 / 1.06,
            1.0 / (self.half_depth + 0.05),
        );
        let mut w = ellipsoid(o - vec3(0.0, -0.03, 0.05), e, hull)?;
        // The nose alone stands out far enough to need a nearer start.
        let nose = self.humps[0].centre + vec3(0.0, 0.06, 0.0);
        if let Some(nearer) = ellipsoid(o - nose, e, vec3(1.0 / 0.24, 1.0 / 0.34, 1.0 / 0.30)) {
            w = w.max(nearer);
        }
        for _ in 0..8 {
            let (value, slope) = self.field(o + e * w);
            let along = slope.dot(e);
            if value.abs() < 0.008 {
                return Some((w, slope.unit()));
            }
            if along <= 0.02 {
                // Past the nearest point of a ray that passes by: only a hump can still be ahead.
                if value > 0.0 {
                    return None;
                }
                w += 0.05;
                continue;
            }
            w -= (value / along).clamp(-0.2, 0.2);
        }
        let (value, slope) = self.field(o + e * w);
        (value < 0.03).then(|| (w, slope.unit()))
    }

    /// How much of light from `light` reaches `p`, in `[0, 1]`, by a few steps towards it.
    pub(super) fn lit(&self, p: Vec3, light: Vec3, steps: &[f32]) -> f32 {
        let mut free = 1.0_f32;
        for &step in steps {
            let (value, _) = self.field(p + light * step);
            free = free.min(1.0 + value * 2.2 / (0.25 + step));
        }
        free.clamp(0.0, 1.0)
    }

    /// Ear on either side, as centre and inverse radii.
    pub(super) fn ear(&self, side: f32) -> (Vec3, Vec3) {
        let k = 1.0 / self.ear_size;
        (
            vec3(side * (self.half_width + 0.005), -0.06, -0.02),
            vec3(k / 0.12, k / 0.21, k / 0.11),
        )
    }

    /// Soft weight of the point `(x, y)` around a centre on both sides.
    pub(super) fn spot(p: Vec3, x: f32, y: f32, rx: f32, ry: f32) -> f32 {
        let (dx, dy) = ((p.x.abs() - x) / rx, (p.y - y) / ry);
        hump(dx * dx + dy * dy)
    }
}
