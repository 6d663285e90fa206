//! Hair: a cap over the scalp and, when it is long, a mane behind the face that hangs down on both sides.
//!
//! Both live in head space and turn with it. Invariant: the cap lies outside the skull everywhere it covers, so no
//! scalp shows through at any angle.

use super::factors::Face;
use super::head::{CROWN, Head};
use super::maths::{Vec3, ellipsoid, hump, mix, smoothstep, vec3, wave};
use super::palette;

/// Geometry and colour of one head of hair.
#[derive(Clone, Debug)]
pub(super) struct Hair {
    pub(super) colour: Vec3,
    half_width: f32,
    volume: f32,
    curl: f32,
    length: f32,
    cap_radii: Vec3,
    /// Of the widest the curls can get.
    outer_inverse_radii: Vec3,
    skull_radii: Vec3,
    cap_centre: Vec3,
    forehead: f32,
    temple_drop: f32,
    parting: f32,
    notch: f32,
    mane: Option<Mane>,
}

#[derive(Clone, Copy, Debug)]
struct Mane {
    centre: Vec3,
    inverse_radii: Vec3,
}

/// Where a ray meets hair.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strand {
    pub(super) w: f32,
    pub(super) normal: Vec3,
    /// 1 in the open, less deep inside.
    pub(super) openness: f32,
}

impl Hair {
    pub(super) fn new(face: &Face, head: &Head) -> Self {
        let volume = face.hair_volume;
        let side = 0.06
            + 0.115 * volume
            + 0.03 * face.curl
            + 0.05 * smoothstep(0.1, 0.5, face.hair_length);
        let top = 0.06 + 0.13 * volume + 0.03 * face.curl;
        let cap_radii = vec3(
            head.half_width + side,
            CROWN + top,
            head.half_depth + 0.06 + 0.05 * volume,
        );
        let bottom = -0.10 - 1.35 * face.hair_length;
        let crown = 0.80;
        Self {
            colour: palette::hair(face.hair_colour),
            half_width: head.half_width,
            volume,
            curl: face.curl,
            length: face.hair_length,
            outer_inverse_radii: inverse(cap_radii * (1.0 + 0.058 * face.curl)),
            cap_radii,
            skull_radii: vec3(
                head.half_width + 0.012,
                CROWN + 0.012,
                head.half_depth + 0.012,
            ),
            cap_centre: vec3(0.0, 0.01, -0.01),
            forehead: mix(0.615, 0.47, face.fringe),
            temple_drop: mix(0.22, 0.15, face.fringe),
            parting: 0.42 * face.parting,
            notch: mix(0.10, 0.05, face.fringe),
            mane: (face.hair_length > 0.12).then(|| Mane {
                centre: vec3(0.0, 0.5 * (crown + bottom), -0.16),
                inverse_radii: vec3(
                    1.0 / (head.half_width
                        + 0.05
                        + (0.10 + 0.12 * volume) * smoothstep(0.1, 0.5, face.hair_length)),
                    2.0 / (crown - bottom),
                    1.0 / 0.58,
                ),
            }),
        }
    }

    /// Signed distance into the region that the cap covers (positive: hair), for a point near the skull.
    pub(super) fn cover(&self, p: Vec3) -> f32 {
        let x = p.x / self.half_width;
        let part = (p.x - self.parting) / 0.34;
        let front = self.forehead - self.temple_drop * x * x + self.notch * hump(part * part)
            - 0.07 * self.parting * x
            + 0.018 * wave(p.x * 3.1 + 0.3) * (0.4 + self.curl);
        let nape = mix(-0.20, -0.52, smoothstep(0.08, 0.34, self.length));
        let line = mix(
            nape,
            front,
            smoothstep(-0.04, 0.50, p.z + 0.10 * (p.y - 0.2)),
        );
        let mut inside = p.y - line;
        if self.length < 0.34 {
            // A short cut leaves the ear free.
            let (dy, dz) = ((p.y + 0.07) / 0.25, (p.z + 0.01) / 0.19);
            let ear = 0.2 * ((dy * dy + dz * dz).sqrt() - 1.0);
            inside = inside.min(ear + smoothstep(0.24, 0.34, self.length));
        }
        inside
    }

    /// A wavy change of the radius for curls, small for straight hair.
    fn waviness(&self, p: Vec3) -> f32 {
        let curls = wave(p.x * 1.7 + p.y * 0.9) * wave(p.y * 1.9 - p.z * 1.1 + 0.2)
            + 0.6 * wave(p.x * 2.9 - p.y * 2.3 + 0.4);
        0.036 * self.curl * curls
    }

    /// The normal with the relief of locks.
    fn relief(&self, p: Vec3, n: Vec3) -> Vec3 {
        let k = 0.10 + 0.38 * self.curl;
        let sway = vec3(
            wave(p.x * 2.9 - p.y * (0.5 + 1.8 * self.curl)),
            self.curl * wave(p.y * 2.7 + p.x * 1.3),
            0.0,
        );
        (n + sway * k).unit()
    }

    /// Where the ray `o + w·e` meets the cap, if hair grows there.
    pub(super) fn cap(&self, o: Vec3, e: Vec3) -> Option<Strand> {
        let o = o - self.cap_centre;
        let first = o + e * ellipsoid(o, e, self.outer_inverse_radii)?;
        let cover = self.cover(first + self.cap_centre);
        if cover < -0.12 {
            return None;
        }
        let (inverse_radii, openness) = self.layer(first, cover);
        let w = ellipsoid(o, e, inverse_radii)?;
        let local = o + e * w;
        let p = local + self.cap_centre;
        (self.cover(p) > 0.0).then(|| Strand {
            w,
            normal: self.relief(p, local.by(inverse_radii).by(inverse_radii).unit()),
            openness,
        })
    }

    /// Where a ray that misses the head in front of it passes through the cap's far side.
    pub(super) fn cap_rim(&self, o: Vec3, e: Vec3) -> Option<Strand> {
        let o = o - self.cap_centre;
        let (scaled_o, scaled_e) = (
            o.by(self.outer_inverse_radii),
            e.by(self.outer_inverse_radii),
        );
        let w = -scaled_o.dot(scaled_e) / scaled_e.dot(scaled_e);
        let nearest = scaled_o + scaled_e * w;
        if nearest.dot(nearest) >= 1.0 {
            return None;
        }
        let local = o + e * w;
        let p = local + self.cap_centre;
        let cover = self.cover(p);
        if cover <= 0.0 {
            return None;
        }
        let (inverse_radii, openness) = self.layer(local, cover);
        let q = local.by(inverse_radii);
        (q.dot(q) < 1.0).then(|| Strand {
            w,
            normal: self.relief(p, q.by(inverse_radii).unit()),
            openness,
        })
    }

    /// Inverse radii and openness of the cap near `local`: hair thins out towards its edge, to lie on the skin there.
    fn layer(&self, local: Vec3, cover: f32) -> (Vec3, f32) {
        let full = self.cap_radii * (1.0 + self.waviness(local));
        let radii = self.skull_radii.mix(full, smoothstep(-0.02, 0.38, cover));
        (inverse(radii), mix(0.78, 1.0, smoothstep(0.0, 0.12, cover)))
    }

    /// Where the ray `o + w·e` meets the mane before what lies at `depth`.
    pub(super) fn mane(&self, o: Vec3, e: Vec3, depth: f32) -> Option<Strand> {
        let mane = self.mane?;
        let o = o - mane.centre;
        let k = mane.inverse_radii;
        let field = |p: Vec3| {
            let q = p.by(k);
            let (x2, y2) = (q.x * q.x, q.y * q.y);
            // Round at the top, straight and square at the ends.
            let (y_value, y_slope) = if q.y > 0.0 {
                (y2, 2.0 * q.y)
            } else {
                (y2 * y2, 4.0 * y2 * q.y)
            };
            let value = x2 * x2 + y_value + q.z * q.z - 1.0;
            (value, vec3(4.0 * x2 * q.x, y_slope, 2.0 * q.z).by(k))
        };
        let mut w = ellipsoid(o, e, k * 0.79).filter(|&w| w > depth)?;
        let wavy = 1.0 - 1.2 * self.waviness(o + e * w) - 0.02 * wave(3.0 * o.x);
        let mut found = None;
        for _ in 0..9 {
            let p = o + e * w;
            let (value, slope) = field(p * wavy);
            if value < 0.02 {
                found = Some((p + mane.centre, slope));
                break;
            }
            let along = slope.dot(e) * wavy;
            if along <= 0.01 {
                return None;
            }
            w -= value / along;
        }
        let (p, slope) = found?;
        let below = (-p.y).clamp(0.0, 0.9);
        let opening = self.half_width * (0.93 - 0.42 * below * below) - 0.05 * self.volume;
        if p.x.abs() > opening || p.z < -0.25 || p.y > 0.30 {
            let inner =
                smoothstep(opening, opening + 0.16, p.x.abs()).max(smoothstep(0.1, 0.4, p.y));
            return (w > depth).then(|| Strand {
                w,
                normal: self.relief(p, slope.unit()),
                openness: mix(0.62, 1.0, inner),
            });
        }
        // Through the opening one sees the inside of the hair behind the neck.
        let back = (-0.30 - mane.centre.z - o.z) / e.z;
        let q = o + e * back;
        (q.y * k.y > -0.96 && back > depth).then(|| Strand {
            w: back,
            normal: vec3(0.0, 0.0, 1.0),
            openness: 0.34,
        })
    }

    /// Brightness of the strand at `p` around 1, by locks that flow from the parting.
    pub(super) fn lock(&self, p: Vec3) -> f32 {
        let (dx, dz) = (p.x - 0.7 * self.parting, p.z + 0.25);
        let around = dx / (dx.abs() + dz.abs() + 0.35);
        let flow = around * (3.2 + 1.2 * self.curl) + 0.35 * self.curl * wave(p.y * 1.4);
        1.0 + 0.13 * wave(flow) + 0.08 * wave(flow * 2.3 + 0.3)
    }

    /// Direction of the strands at `p` with surface normal `n`: away from the parting, down at the sides.
    pub(super) fn direction(&self, p: Vec3, n: Vec3) -> Vec3 {
        let away = p - vec3(0.6 * self.parting, 1.05, -0.1);
        (away - n * away.dot(n)).unit()
    }
}

fn inverse(v: Vec3) -> Vec3 {
    vec3(1.0 / v.x, 1.0 / v.y, 1.0 / v.z)
}
